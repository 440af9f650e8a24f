"""Tensors that go into a free composition as they are."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn

from vaekit.data import Dataset
from vaekit.heads import Bernoulli, Family

__all__ = ["Plain", "View"]


class View(Protocol):
    """How stored data enter a model and how its output is shown: what every modality answers."""

    @property
    def log_jacobian(self) -> float:
        """Nats per datum added to a density because the data were rescaled on their way in."""
        ...

    def prepare(self, stored: Tensor) -> Tensor:
        """Return data in the support of the likelihood."""
        ...

    def intensity(self, x: Tensor) -> Tensor:
        """Return what a screen shows of prepared data: values in [0, 1]."""
        ...

    def settle(self, data: Dataset) -> Dataset:
        """Return the data with what happens once already done."""
        ...


class Plain:
    """The view of a user's own composition: data in single precision, binarised where its likelihood says so.

    Args:
        model: The composition; the family of its likelihood is asked where it has one.
    """

    log_jacobian = 0.0

    def __init__(self, model: nn.Module) -> None:
        self.family: Family | None = getattr(getattr(model, "likelihood", None), "family", None)

    def prepare(self, stored: Tensor) -> Tensor:
        """Return the data in single precision."""
        x = stored if stored.is_floating_point() else stored.float()
        return self.family.binarized(x) if isinstance(self.family, Bernoulli) else x

    def intensity(self, x: Tensor) -> Tensor:
        """Return the data scaled to [0, 1] by their own range."""
        low, high = x.min(), x.max()
        return (x - low) / (high - low).clamp_min(torch.finfo(x.dtype).tiny)

    def settle(self, data: Dataset) -> Dataset:
        """Return the data as they are."""
        return data
