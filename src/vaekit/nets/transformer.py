"""Transformers over tokens: attention in both directions as encoder, to the past only as decoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, cast

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from vaekit.nets.causal import CausalNet, SequenceTask, State
from vaekit.nets.embedding import embed, uniform
from vaekit.nets.initialization import damp, xavier
from vaekit.nets.sequence import SequenceEncoder, present
from vaekit.value import Value

__all__ = ["Attention", "Transformer"]


class Attention(Value):
    """A stack of blocks of attention."""

    kind: str
    """Its name."""
    width: Annotated[int, Field(ge=1)] = 256
    """Width of the embeddings and of every block."""
    heads: Annotated[int, Field(ge=1)] = 4
    """Heads of the attention, which share the width."""
    layers: Annotated[int, Field(ge=1, le=100)] = 2
    """Blocks."""

    def model_post_init(self, _context: object) -> None:
        """Refuse heads that do not share the width evenly."""
        if self.width % self.heads:
            raise ValueError(
                f"a width of {self.width} cannot be shared by {self.heads} heads; set a width that is a multiple of heads"
            )


class Transformer(Attention):
    """Pre-normalised blocks of attention, with learned positions.

        encoder:  tokens + positions -> blocks -> norm -> mean over the row
        decoder:  [z,] tokens + positions -> causal blocks -> norm -> hidden states

    References:
        Vaswani, Shazeer, Parmar, Uszkoreit, Jones, Gomez, Kaiser and Polosukhin, 2017, "Attention is all you need"; Xiong
        et al., 2020, "On layer normalization in the transformer architecture" (the norm before the branch); Li, Gao, Li,
        Peng, Li, Zhang and Gao, 2020, "Optimus: organizing sentences via pre-trained modeling of a latent space" (the
        latent as memory or in the embeddings).

    Examples:
        >>> net = Transformer(width=16, heads=2).encoder(vocabulary=30, length=12)
        >>> net(torch.zeros(5, 12)).shape
        torch.Size([5, 16])
    """

    kind: Literal["transformer"] = "transformer"
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of units dropped in training, of the embeddings and of every branch."""
    inject: Literal["memory", "embedding"] = "memory"
    """How z enters the decoder: as one more position to attend to, or added to every embedding."""

    def encoder(self, vocabulary: int, length: int, context: int = 0) -> nn.Module:
        """Return a network from rows `(N, length + context)` to features `(N, width)`."""
        return _Encoder(self, (vocabulary, length, context))

    def decoder(self, task: SequenceTask) -> CausalNet:
        """Return the decoder for a task."""
        return _Decoder(self, task)


class _Encoder(SequenceEncoder):
    def __init__(self, spec: Transformer, size: tuple[int, int, int]) -> None:
        super().__init__(*size, embedding=spec.width, features=spec.width)
        self.positions, self.drop = _positions(self.length, spec.width), nn.Dropout(spec.dropout)
        self.blocks, self.norm = _blocks(spec), nn.LayerNorm(spec.width)

    def _pooled(self, embedded: Tensor, lengths: Tensor) -> Tensor:
        longest = embedded.shape[1]
        there = present(lengths, longest)
        h = self.drop(embedded + embed(self.positions, torch.arange(longest, device=embedded.device)))
        for block in self.blocks:
            h = block(h, there[:, None, None])
        return (self.norm(h) * there[..., None]).sum(1) / lengths[:, None]


class _Decoder(CausalNet):
    def __init__(self, spec: Transformer, task: SequenceTask) -> None:
        super().__init__(task, spec.width, spec.width)
        self._spec, self._prefix = spec, int(spec.inject == "memory" and task.given > 0)
        self.latent = xavier(nn.Linear(task.given, spec.width)) if task.given else None
        self.positions, self.drop = _positions(task.length, spec.width), nn.Dropout(spec.dropout)
        self.blocks, self.norm = _blocks(spec), nn.LayerNorm(spec.width)

    def _hidden(self, embedded: Tensor, z: Tensor) -> Tensor:
        h = self.drop(self._placed(embedded, z, 0))
        if self._prefix and self.latent is not None:
            h = torch.cat([self.latent(z)[:, None].to(h.dtype), h], 1)
        for block in self.blocks:
            h = block(h)
        return self.norm(h[:, self._prefix :])

    def _begin(self, z: Tensor) -> State:
        empty = z.new_zeros(z.shape[0], self._spec.heads, 0, self._spec.width // self._spec.heads)
        past = (empty,) * (2 * self._spec.layers)
        if self._prefix and self.latent is not None:
            return self._advanced(self.latent(z)[:, None], past)[1]
        return past

    def _next(self, embedded: Tensor, z: Tensor, past: State) -> tuple[Tensor, State]:
        h, future = self._advanced(self._placed(embedded[:, None], z, past[0].shape[2] - self._prefix), past)
        return self.norm(h[:, 0]), future

    def _placed(self, embedded: Tensor, z: Tensor, first: int) -> Tensor:
        """Return embedded tokens `(N, T, W)` with the positions from `first` on, and with z if it is added to all."""
        last = first + embedded.shape[1]
        if last > self.task.length:
            raise ValueError(
                f"this decoder has {self.task.length} positions, got {last} tokens; build it for that length"
            )
        h = embedded + embed(self.positions, torch.arange(first, last, device=embedded.device))
        return h if self.latent is None or self._prefix else h + self.latent(z)[:, None]

    def _advanced(self, h: Tensor, past: State) -> tuple[Tensor, State]:
        """Return one more position `(N, 1, W)` after all blocks, and the keys and values of each with its own."""
        future: State = ()
        for i, block in enumerate(self.blocks):
            h, *own = block.step(h, *past[2 * i : 2 * i + 2])
            future += tuple(own)
        return h, future


class _Block(nn.Module):
    def __init__(self, spec: Transformer) -> None:
        super().__init__()
        self.heads, self.drop = spec.heads, nn.Dropout(spec.dropout)
        self.before, self.between = nn.LayerNorm(spec.width), nn.LayerNorm(spec.width)
        self.project, self.join = nn.Linear(spec.width, 3 * spec.width), nn.Linear(spec.width, spec.width)
        self.grow, self.shrink = nn.Linear(spec.width, 4 * spec.width), nn.Linear(4 * spec.width, spec.width)
        xavier(self)
        damp((self.join, self.shrink), spec.layers)

    def forward(self, h: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return `(N, T, W)`; every position attends to those of a mask `(N, 1, 1, T)`, or else to its past and itself."""
        query, key, value = self._parts(h)
        return self._after(h, F.scaled_dot_product_attention(query, key, value, mask, is_causal=mask is None))

    def step(self, h: Tensor, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return one more position `(N, 1, W)`, and the keys and values `(N, heads, T + 1, W / heads)` with its own."""
        query, key, value = self._parts(h)
        keys, values = torch.cat([keys.to(key.dtype), key], 2), torch.cat([values.to(value.dtype), value], 2)
        return self._after(h, F.scaled_dot_product_attention(query, keys, values)), keys, values

    def _parts(self, h: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        query, key, value = self.project(self.before(h)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return query, key, value

    def _after(self, h: Tensor, attended: Tensor) -> Tensor:
        h = h + self.drop(self.join(attended.transpose(1, 2).flatten(2)))
        return h + self.drop(self.shrink(F.gelu(self.grow(self.between(h)))))


def _blocks(spec: Transformer) -> Sequence[_Block]:
    return cast(Sequence[_Block], nn.ModuleList(_Block(spec) for _ in range(spec.layers)))


def _positions(length: int, width: int) -> nn.Embedding:
    return uniform(nn.Embedding(length, width))
