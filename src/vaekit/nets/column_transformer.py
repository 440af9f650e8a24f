"""A transformer whose positions are the columns of a table."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from vaekit.nets.initialization import damp, xavier
from vaekit.nets.shapes import LinearlyRead
from vaekit.nets.transformer import Attention
from vaekit.value import Size

__all__ = ["ColumnTransformer"]


class ColumnTransformer(Attention):
    """Pre-normalised blocks of attention among the columns of a row, each of which is one token.

        encoder:  tokens -> blocks -> norm -> all tokens side by side
        decoder:  a linear map of z per column -> blocks -> norm -> all tokens side by side

    References:
        Gorishniy, Rubachev, Khrulkov and Babenko, 2021, "Revisiting deep learning models for tabular data"; Zhang et al.,
        2024, "Mixed-type tabular data synthesis with score-based diffusion in latent space" (both ways).

    Examples:
        >>> net = ColumnTransformer(width=16, heads=2)
        >>> net.encoder(3)(torch.zeros(5, 3 * 16)).shape, net.decoder((4,), 3)(torch.zeros(5, 4)).shape
        (torch.Size([5, 48]), torch.Size([5, 48]))
    """

    kind: Literal["column_transformer"] = "column_transformer"
    width: Annotated[int, Field(ge=1)] = 32
    """Width of every token."""
    ratio: Annotated[int, Field(ge=1)] = 2
    """Width of the hidden layer of a block, as a multiple of the width."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of units dropped in training, of every branch."""

    def encoder(self, count: int, context: int = 0) -> nn.Module:
        """Return a network from the tokens of `count` columns, and a context, `(N, count * width + context)`, to features.

        The features are `(N, count * width)`; a context is one more token for the columns to attend to.
        """
        return _Encoder(self, count, context)

    def decoder(self, given: Size, count: int) -> nn.Module:
        """Return a network from `(N, *given)` to the features `(N, count * width)` of `count` columns."""
        return _Decoder(self, math.prod(given), count)


class _Blocks(LinearlyRead):
    """The common part of encoder and decoder: `(N, T, W)` to the features of the first `count` tokens."""

    def __init__(self, spec: ColumnTransformer, count: int) -> None:
        super().__init__()
        self.count, self.width = count, spec.width
        self.blocks, self.norm = nn.ModuleList(_block(spec) for _ in range(spec.layers)), nn.LayerNorm(spec.width)
        self.out_size: Size = (count * spec.width,)

    def _features(self, h: Tensor) -> Tensor:
        for block in self.blocks:
            h = block(h)
        return self.norm(h[:, : self.count]).flatten(1)


class _Encoder(_Blocks):
    def __init__(self, spec: ColumnTransformer, count: int, context: int) -> None:
        super().__init__(spec, count)
        self.context = xavier(nn.Linear(context, spec.width)) if context else None

    def forward(self, x: Tensor) -> Tensor:
        columns = self.count * self.width
        h = x[:, :columns].unflatten(1, (self.count, self.width))
        if self.context is not None:
            h = torch.cat([h, self.context(x[:, columns:]).unsqueeze(1).to(h.dtype)], 1)
        return self._features(h)


class _Decoder(_Blocks):
    def __init__(self, spec: ColumnTransformer, given: int, count: int) -> None:
        super().__init__(spec, count)
        self.enter = nn.Linear(given, count * spec.width)
        nn.init.normal_(self.enter.weight, std=given**-0.5)
        nn.init.normal_(self.enter.bias)  # distinguishes the columns even without z

    def forward(self, z: Tensor) -> Tensor:
        return self._features(self.enter(z.flatten(1)).unflatten(1, (self.count, self.width)))


def _block(spec: ColumnTransformer) -> nn.Module:
    block = nn.TransformerEncoderLayer(
        spec.width,
        spec.heads,
        spec.ratio * spec.width,
        spec.dropout,
        activation="gelu",
        batch_first=True,
        norm_first=True,
    )
    damp((block.self_attn.out_proj, block.linear2), spec.layers)
    return block
