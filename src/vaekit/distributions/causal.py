"""What a distribution over texts needs of its net, and how it reads the net's logits."""

from __future__ import annotations

from typing import Protocol, TypeAlias

import torch
from torch import Tensor

from vaekit.distributions.tokens import BOS

__all__ = ["Causal", "State", "opened"]

State: TypeAlias = tuple[Tensor, ...]
"""What a net remembers of the tokens so far: tensors `(N, ...)`, so that rows can be selected."""


class Causal(Protocol):
    """A net that predicts each token from those before it, all at once or one after the other."""

    vocabulary: int
    """V, the number of tokens."""

    def features(self, tokens: Tensor, z: Tensor) -> Tensor:
        """Return `(N, T, F)` from tokens `(N, T)` that start with BOS, and z `(N, D)`; each sees what is before it."""
        ...

    def logits(self, features: Tensor) -> Tensor:
        """Return `(..., V)` from `(..., F)`."""
        ...

    def begin(self, z: Tensor) -> State:
        """Return the state before BOS is read, from z `(N, D)`."""
        ...

    def step(self, token: Tensor, state: State) -> tuple[Tensor, State]:
        """Return the logits `(N, V)` of what follows the tokens `(N,)`, and the new state."""
        ...


def opened(logits: Tensor, temperature: float = 1.0) -> Tensor:
    r"""Return the logits `(..., V)` over :math:`t`, with PAD and BOS ruled out, in single precision or better.

    No text contains either, so that the probabilities of all texts sum to 1.

    Examples:
        >>> opened(torch.zeros(5)).softmax(-1)
        tensor([0.0000, 0.0000, 0.3333, 0.3333, 0.3333])
    """
    # A sum costs as little as writing in place, and promotes half precision in the same pass.
    closed = torch.zeros(logits.shape[-1], device=logits.device)
    closed[: BOS + 1] = -torch.inf
    scores = logits + closed
    return scores if temperature == 1 else scores / temperature
