"""Tensors that go into a free composition as they are."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn

from vaekit.data import Dataset
from vaekit.heads import Bernoulli, Family
from vaekit.models import evaluating

__all__ = ["Plain", "View"]

_CHECKED = 4096  # data that one explicit check looks at


class View(Protocol):
    """How stored data enter a model and how its output is shown: what every modality answers."""

    def log_jacobian(self, x: Tensor) -> Tensor:
        """Return the nats `(B,)` added to the density of each prepared datum because it was rescaled on its way in."""
        ...

    def prepare(self, stored: Tensor) -> Tensor:
        """Return data in the support of the likelihood."""
        ...

    def sizes(self, x: Tensor) -> Tensor:
        """Return the number of dimensions of each prepared datum, `(B,)`: what nats are divided by in bits/dim."""
        ...

    def intensity(self, x: Tensor) -> Tensor:
        """Return what a screen shows of prepared data: values in [0, 1]."""
        ...

    def settle(self, data: Dataset) -> Dataset:
        """Return the data with what happens once already done."""
        ...


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

    def intensity(self, x: Tensor) -> Tensor:
        """Return the data scaled to [0, 1] by their own range."""
        low, high = x.min(), x.max()
        return (x - low) / (high - low).clamp_min(torch.finfo(x.dtype).tiny)

    def settle(self, data: Dataset) -> Dataset:
        """Return the data as they are."""
        return data
