"""Recurrent nets over tokens: LSTM and GRU, as encoder and as decoder."""

from __future__ import annotations

from typing import Annotated, Literal, cast

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from vaekit.nets.causal import CausalNet, SequenceTask, State, joined
from vaekit.nets.initialization import xavier
from vaekit.nets.sequence import SequenceEncoder
from vaekit.value import Value

__all__ = ["Recurrent"]


class Recurrent(Value):
    """An LSTM or GRU that reads a text, and one that writes it.

        encoder:  tokens -> embed -> layers, in both directions -> their last states, joined
        decoder:  z -> linear to the first states;  (token, z) at every position -> layers -> hidden states

    References:
        Bowman, Vilnis, Vinyals, Dai, Jozefowicz and Bengio, 2016, "Generating sentences from a continuous space";
        Hochreiter and Schmidhuber, 1997, "Long short-term memory"; Cho et al., 2014, "Learning phrase representations
        using RNN encoder-decoder" (GRU); Jozefowicz, Zaremba and Sutskever, 2015, "An empirical exploration of recurrent
        network architectures" (a forget gate that starts open).

    Examples:
        >>> import torch
        >>> net = Recurrent(embedding=8, hidden=16).encoder(vocabulary=30, length=12)
        >>> net(torch.zeros(5, 12)).shape
        torch.Size([5, 16])
    """

    kind: Literal["lstm", "gru"] = "lstm"
    """The cell."""
    embedding: Annotated[int, Field(ge=1)] = 256
    """Width of a token's embedding."""
    hidden: Annotated[int, Field(ge=2)] = 256
    """Units of a layer; a bidirectional encoder has half of them in each direction."""
    layers: Annotated[int, Field(ge=1, le=100)] = 1
    """Layers of the decoder."""
    encoder_layers: Annotated[int, Field(ge=1, le=100)] = 2
    """Layers of the encoder."""
    bidirectional: bool = True
    """Whether the encoder reads from both ends."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of units dropped in training, of the embeddings and of the output."""

    def encoder(self, vocabulary: int, length: int, context: int = 0) -> nn.Module:
        """Return a network from rows `(N, length + context)` to the last layer's final states."""
        return _Encoder(self, (vocabulary, length, context))

    def decoder(self, task: SequenceTask) -> CausalNet:
        """Return the decoder for a task."""
        return _Decoder(self, task)


class _Encoder(SequenceEncoder):
    def __init__(self, spec: Recurrent, size: tuple[int, int, int]) -> None:
        directions = 1 + spec.bidirectional
        units = spec.hidden // directions
        super().__init__(*size, embedding=spec.embedding, features=directions * units)
        self.drop, self.directions = nn.Dropout(spec.dropout), directions
        self.cells = _cells(spec, spec.embedding, units, spec.encoder_layers, spec.bidirectional)

    def _pooled(self, embedded: Tensor, lengths: Tensor) -> Tensor:
        if torch.compiler.is_exporting():  # packing reads the lengths, which a traced program does not have
            return self.drop(self._padded(self.drop(embedded), lengths))
        # Packed, the cells pass over the pads: the backward direction begins at each row's own end.
        rows = pack_padded_sequence(self.drop(embedded), lengths.cpu(), batch_first=True, enforce_sorted=False)
        state = self.cells(rows)[1]
        last = state[0] if isinstance(state, tuple) else state
        return self.drop(last[-self.directions :].transpose(0, 1).flatten(1))

    def _padded(self, h: Tensor, lengths: Tensor) -> Tensor:
        """Return the same states from padded rows `(N, T, E)`: the backward direction reads each row reversed up to its end.

        Packed rows are one call for all layers and both directions, which a GPU's kernels are made for.
        """
        place, end = torch.arange(h.shape[1], device=h.device), lengths[:, None]
        reversed_ = torch.where(place < end, end - 1 - place, place)
        weights = cast(list[list[Tensor]], self.cells.all_weights)
        for layer in range(self.cells.num_layers):
            inputs = (h, _take(h, reversed_))[: self.directions]
            found = [self._layer(x, weights[layer * self.directions + i]) for i, x in enumerate(inputs)]
            h = torch.cat([found[0], *(_take(x, reversed_) for x in found[1:])], -1)
        return torch.cat([_take(x, end - 1)[:, 0] for x in found], -1)

    def _layer(self, x: Tensor, weights: list[Tensor]) -> Tensor:
        """Return the hidden states `(N, T, H)` of one layer in one direction."""
        start = x.new_zeros(1, x.shape[0], self.cells.hidden_size)
        if isinstance(self.cells, nn.LSTM):
            return torch.lstm(x, (start, start), weights, True, 1, 0.0, False, False, True)[0]
        return torch.gru(x, start, weights, True, 1, 0.0, False, False, True)[0]


class _Decoder(CausalNet):
    def __init__(self, spec: Recurrent, task: SequenceTask) -> None:
        super().__init__(task, spec.embedding, spec.hidden)
        self._states, self._size = 1 + (spec.kind == "lstm"), (spec.layers, spec.hidden)
        self.drop = nn.Dropout(spec.dropout)
        self.cells = _cells(spec, spec.embedding + task.given, spec.hidden, spec.layers)
        self.start = xavier(nn.Linear(task.given, self._states * spec.layers * spec.hidden)) if task.given else None

    def _hidden(self, embedded: Tensor, z: Tensor) -> Tensor:
        inputs = joined(self.drop(embedded), z)
        return self.drop(self.cells(inputs, self._cell_state(self._begin(z)))[0])

    def _begin(self, z: Tensor) -> State:
        if self.start is None:
            return (z.new_zeros(z.shape[0], *self._size),) * self._states
        return tuple(part.unflatten(1, self._size) for part in self.start(z).chunk(self._states, 1))

    def _next(self, embedded: Tensor, z: Tensor, past: State) -> tuple[Tensor, State]:
        # One token at a time, the cells' own functions take half the time of a sequence of length one.
        hidden, layers = joined(embedded, z), list[State]()
        for weights, *state in zip(self.cells.all_weights, *(part.unbind(1) for part in past), strict=True):
            if self._states > 1:
                layers.append(torch.lstm_cell(hidden, state, *weights))
            else:
                layers.append((torch.gru_cell(hidden, state[0], *weights),))
            hidden = layers[-1][0]
        return hidden, tuple(torch.stack(parts, 1) for parts in zip(*layers, strict=True))

    def _cell_state(self, state: State) -> Tensor | State:
        """Return the state as torch's cells take it: the layers first, and a GRU's by itself."""
        parts = tuple(part.transpose(0, 1).contiguous() for part in state)
        return parts if self._states > 1 else parts[0]


def _take(x: Tensor, places: Tensor) -> Tensor:
    """Return the entries at some places `(N, T')` of rows `(N, T, E)`."""
    return x.gather(1, places[..., None].expand(-1, -1, x.shape[2]))


def _cells(spec: Recurrent, inputs: int, units: int, layers: int, bidirectional: bool = False) -> nn.RNNBase:
    kind = nn.LSTM if spec.kind == "lstm" else nn.GRU
    cells = kind(inputs, units, layers, batch_first=True, bidirectional=bidirectional)
    for name, parameter in cells.named_parameters():
        if name.startswith("bias"):
            nn.init.zeros_(parameter)
        if name.startswith("bias_ih") and spec.kind == "lstm":
            nn.init.ones_(parameter.data[units : 2 * units])  # the forget gate's
    return cells
