"""Vectors of tokens: small as weights, since they may also predict; of order one as inputs of a net."""

from __future__ import annotations

import math
from typing import TypeVar

from torch import Tensor, nn

__all__ = ["embed", "uniform"]

_Layer = TypeVar("_Layer", nn.Embedding, nn.Linear)


def uniform(layer: _Layer, bound: float = 1.0) -> _Layer:
    """Draw the weights of a layer from within `bound` / sqrt(width) of zero, in place, and return it; a bias becomes 0.

    Examples:
        >>> bool(uniform(nn.Embedding(30, 16)).weight.abs().max() <= 1 / 4)
        True
    """
    limit = bound / math.sqrt(layer.weight.shape[1])
    nn.init.uniform_(layer.weight, -limit, limit)
    if isinstance(layer, nn.Linear) and layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def embed(table: nn.Embedding, ids: Tensor) -> Tensor:
    """Return the vectors `(..., E)` of ids `(...)`, times the root of E.

    References:
        Vaswani, Shazeer, Parmar, Uszkoreit, Jones, Gomez, Kaiser and Polosukhin, 2017, "Attention is all you need".
    """
    return table(ids) * math.sqrt(table.embedding_dim)
