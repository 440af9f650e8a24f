"""Dilated convolutions over tokens: a decoder sees as many tokens as they reach."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, cast

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from vaekit.nets.causal import CausalNet, SequenceTask, State, joined
from vaekit.nets.initialization import xavier
from vaekit.nets.sequence import SequenceEncoder, present
from vaekit.nets.shapes import Widths
from vaekit.value import Value

__all__ = ["CausalConv"]


class CausalConv(Value):
    """Residual blocks of dilated convolutions; the decoder's see the past only.

        encoder:  tokens -> blocks -> norm -> mean and maximum over the row, joined
        decoder:  (token, z) at every position -> linear -> causal blocks -> norm -> hidden states
        block:    h + conv(gelu(norm(h)))

    The decoder must take from z what it cannot reach: `reach` is the strength of its language model.

    References:
        Yang, Hu, Salakhutdinov and Berg-Kirkpatrick, 2017, "Improved variational autoencoders for text modeling using
        dilated convolutions"; van den Oord et al., 2016, "WaveNet: a generative model for raw audio".

    Examples:
        >>> CausalConv(kernel=3, dilations=(1, 2, 4)).reach
        15
        >>> net = CausalConv(width=16).encoder(vocabulary=30, length=12)
        >>> net(torch.zeros(5, 12)).shape
        torch.Size([5, 32])
    """

    kind: Literal["cnn"] = "cnn"
    width: Annotated[int, Field(ge=1)] = 256
    """Width of the embeddings and of every block."""
    kernel: Annotated[int, Field(ge=2)] = 3
    """Positions that a convolution joins."""
    dilations: Widths = (1, 2, 4)
    """Distance between those positions, of each block."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of units dropped in training, of the embeddings and of every branch."""

    @property
    def reach(self) -> int:
        """Number of tokens that a hidden state of the decoder sees."""
        return 1 + (self.kernel - 1) * sum(self.dilations)

    def encoder(self, vocabulary: int, length: int, context: int = 0) -> nn.Module:
        """Return a network from rows `(N, length + context)` to features `(N, 2 width)`."""
        return _Encoder(self, (vocabulary, length, context))

    def decoder(self, task: SequenceTask) -> CausalNet:
        """Return the decoder for a task."""
        return _Decoder(self, task)


class _Encoder(SequenceEncoder):
    def __init__(self, spec: CausalConv, size: tuple[int, int, int]) -> None:
        super().__init__(*size, embedding=spec.width, features=2 * spec.width)
        self.drop = nn.Dropout(spec.dropout)
        self.blocks, self.norm = _blocks(spec), nn.LayerNorm(spec.width)

    def _pooled(self, embedded: Tensor, lengths: Tensor) -> Tensor:
        there = present(lengths, embedded.shape[1])[..., None]
        h = self.drop(embedded)
        for block in self.blocks:
            h = block(h, block.span // 2, there)
        h = self.norm(h)
        mean = (h * there).sum(1) / lengths[:, None]
        return torch.cat([mean, h.masked_fill(~there, -torch.inf).amax(1)], -1)


class _Decoder(CausalNet):
    def __init__(self, spec: CausalConv, task: SequenceTask) -> None:
        super().__init__(task, spec.width, spec.width)
        self.width, self.drop = spec.width, nn.Dropout(spec.dropout)
        self.join = xavier(nn.Linear(spec.width + task.given, spec.width))
        self.blocks, self.norm = _blocks(spec), nn.LayerNorm(spec.width)

    def _hidden(self, embedded: Tensor, z: Tensor) -> Tensor:
        h = self.join(joined(self.drop(embedded), z))
        for block in self.blocks:
            h = block(h, block.span)
        return self.norm(h)

    def _begin(self, z: Tensor) -> State:
        return tuple(z.new_zeros(z.shape[0], block.span, self.width) for block in self.blocks)

    def _next(self, embedded: Tensor, z: Tensor, past: State) -> tuple[Tensor, State]:
        h, future = self.join(joined(embedded, z)), []
        for block, last in zip(self.blocks, past, strict=True):
            h, last = block.step(h, last)
            future.append(last)
        return self.norm(h), tuple(future)


class _Block(nn.Module):
    """A residual branch, its convolution written as one matrix product over the positions that it joins."""

    def __init__(self, spec: CausalConv, dilation: int) -> None:
        super().__init__()
        self.kernel, self.dilation, self.span = spec.kernel, dilation, (spec.kernel - 1) * dilation
        self.norm, self.drop = nn.LayerNorm(spec.width), nn.Dropout(spec.dropout)
        self.conv = xavier(nn.Linear(spec.kernel * spec.width, spec.width))

    def forward(self, h: Tensor, before: int, there: Tensor | None = None) -> Tensor:
        """Return `(N, T, W)`; `before` positions of the span precede a position, and `there` `(N, T, 1)` is False for pads."""
        inputs = F.gelu(self.norm(h))
        inputs = inputs if there is None else inputs * there
        padded = F.pad(inputs, (0, 0, before, self.span - before))
        length = h.shape[1]
        joined = torch.cat([padded[:, i * self.dilation :][:, :length] for i in range(self.kernel)], -1)
        return h + self.drop(self.conv(joined))

    def step(self, h: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
        """Return one more position `(N, W)`, and the last inputs `(N, span, W)` with its own."""
        inputs = F.gelu(self.norm(h))[:, None]
        seen = torch.cat([last.to(inputs.dtype), inputs], 1)
        return h + self.conv(seen[:, :: self.dilation].flatten(1)), seen[:, 1:]


def _blocks(spec: CausalConv) -> Sequence[_Block]:
    return cast(Sequence[_Block], nn.ModuleList(_Block(spec, dilation) for dilation in spec.dilations))
