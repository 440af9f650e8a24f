"""Tensors that go into a free composition as they are."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vaekit.data import Dataset
from vaekit.distributions import Decoding
from vaekit.heads import Bernoulli, Family
from vaekit.modalities.view import Pick, Traits, pointwise
from vaekit.models import evaluating

__all__ = ["Plain"]

_CHECKED = 4096  # data that one explicit check looks at


class Plain:
    """The view of a user's own composition: data as they are, binarised where its likelihood says so.

    Args:
        model: The composition; the family of its likelihood is asked where it has one.
    """

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.family: Family | None = getattr(getattr(model, "likelihood", None), "family", None)
        self._dtype = next((p.dtype for p in model.parameters() if p.is_floating_point()), torch.float32)

    def prepare(self, stored: Tensor) -> Tensor:
        """Return the data in the precision of the model's weights."""
        x = stored.to(self._dtype)
        return self.family.binarized(x) if isinstance(self.family, Bernoulli) else x

    def check(self, data: Dataset) -> None:
        """Refuse data that do not fit through the model, or lie outside the likelihood's support where that is known.

        Raises:
            ValueError: With the cure.
        """
        with evaluating(self.model):
            rows = data.part("train")[:_CHECKED]
            x = self.prepare(data.values[rows])
            if self.family is not None:
                self.family.check(x)
            context = () if data.context is None else (data.context[rows[:2]],)
            _ = self.model(x[:2], *context).log_likelihood

    def sizes(self, x: Tensor) -> Tensor:
        """Return the number of entries of each datum."""
        return torch.full((len(x),), x[0].numel())

    def log_jacobian(self, x: Tensor) -> Tensor:
        """Return zeros: nothing is rescaled."""
        return x.new_zeros(len(x))

    @property
    def traits(self) -> Traits:
        """Nothing is known but that the data are numbers."""
        return Traits()

    def lengths(self, values: Tensor) -> None:
        """Return None: all data have one shape."""

    def original(self, stored: Tensor) -> None:
        """Return None: nobody knows what the numbers stood for."""

    def pick(self, decoding: Decoding | None = None, *, noise: bool = False, sampling: bool = False) -> Pick:
        """Return the point of p(x | z), or a draw."""
        return pointwise(decoding, noise=noise)

    def decode(self, x: Tensor) -> Tensor:
        """Return the data scaled to [0, 1] by their own range."""
        low, high = x.min(), x.max()
        return (x - low) / (high - low).clamp_min(torch.finfo(x.dtype).tiny)

    def settle(self, data: Dataset) -> Dataset:
        """Return the data as they are."""
        return data
