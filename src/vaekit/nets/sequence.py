"""Encoders of sequences: rows of tokens in, one vector of features out; padding has no effect."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from vaekit.distributions.tokens import PAD
from vaekit.nets.embedding import embed, uniform
from vaekit.nets.shapes import LinearlyRead

__all__ = ["SequenceEncoder", "present"]


class SequenceEncoder(LinearlyRead, ABC):
    """Embedded tokens, pooled over the length of each row.

        x (N, T + C) -> tokens (N, T), label (N, C) -> embed, add the label's embedding to every token's -> pool (N, F)

    Pads change nothing: the batch is cut to its longest row, and the pads that are left are masked. A program made by
    `torch.export` has a fixed length instead, and masks all pads.

    Args:
        vocabulary: Number of tokens.
        length: T.
        context: C, the length of the one-hot label that follows the tokens; 0 for none.
        embedding: Width of a token's embedding.
        features: F.
    """

    def __init__(self, vocabulary: int, length: int, context: int, *, embedding: int, features: int) -> None:
        super().__init__()
        self.length, self.out_size = length, (features,)
        self.embedding = uniform(nn.Embedding(vocabulary, embedding))
        self.label = uniform(nn.Linear(context, embedding, bias=False), math.sqrt(context)) if context else None

    def forward(self, x: Tensor) -> Tensor:
        """Return the features `(N, F)` of rows of ids `(N, T + C)`.

        Raises:
            ValueError: The rows are of another length.
        """
        tokens, label = self._split(x)
        lengths = (tokens != PAD).sum(1).clamp(min=1)
        longest = self.length if torch.compiler.is_exporting() else int(lengths.max())
        inputs = embed(self.embedding, tokens[:, :longest])
        if self.label is not None:
            inputs = inputs + self.label(label.to(inputs.dtype))[:, None]
        return self._pooled(inputs, lengths)

    @abstractmethod
    def _pooled(self, embedded: Tensor, lengths: Tensor) -> Tensor:
        """Return the features `(N, F)` of embedded rows `(N, T, E)`, of which the first `lengths` `(N,)` count."""

    def _split(self, x: Tensor) -> tuple[Tensor, Tensor]:
        context = 0 if self.label is None else self.label.in_features
        if x.dim() != 2 or x.shape[1] != self.length + context:
            raise ValueError(
                f"expected rows of {self.length} tokens and a label of length {context}, (N, {self.length + context}), "
                f"got a tensor of shape {tuple(x.shape)}; pad the rows with {PAD}"
            )
        tokens, label = x.long().split([self.length, context], 1)
        return tokens, label


def present(lengths: Tensor, longest: int) -> Tensor:
    """Return which positions `(N, longest)` come before the end of their row.

    Examples:
        >>> present(torch.tensor([1, 3]), 3).int()
        tensor([[1, 0, 0],
                [1, 1, 1]], dtype=torch.int32)
    """
    return torch.arange(longest, device=lengths.device) < lengths[:, None]
