"""What the doctor looks at: a trained model, its data and how it came to be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from vaekit.modalities import Description, ImageVAE, TableVAE, TextVAE, View
from vaekit.models import VAE, evaluating
from vaekit.objectives import ELBO, Objective
from vaekit.training import Training

__all__ = ["Sample", "Subject"]


@dataclass(frozen=True)
class Sample:
    """Data in an order that says nothing about them.

    Args:
        stored: As they are stored, `(N, ...)`.
        context: What they are conditioned on, tensors `(N, C)`.
        labels: Their classes `(N,)`, where known.
    """

    stored: Tensor
    context: tuple[Tensor, ...] = ()
    labels: Tensor | None = None

    def __len__(self) -> int:
        """Return the number of data."""
        return len(self.stored)


@dataclass(frozen=True)
class Subject:
    """A trained model with all that is known of it.

    Args:
        model: The model, in evaluation mode, on the CPU.
        view: How stored data enter it.
        test: Data it was not trained on.
        train: Data it was trained on; None where they are not at hand.
        description: The description of the model; None for a free composition.
        objective: What it was trained by.
        training: How.
        history: What was logged, a mapping per validation, in order; see `RUN/metrics.jsonl`.
    """

    model: VAE
    view: View
    test: Sample
    train: Sample | None = None
    description: Description | None = None
    objective: Objective = field(default_factory=ELBO)
    training: Training = field(default_factory=Training)
    history: tuple[Mapping[str, Any], ...] = ()

    @property
    def image(self) -> ImageVAE | None:
        """The description, where it is one of images: alone it has levels, and a likelihood to choose."""
        return self.description if isinstance(self.description, ImageVAE) else None

    @property
    def table(self) -> TableVAE | None:
        """The description, where it is one of tables: alone it has columns of different kinds, some cells missing."""
        return self.description if isinstance(self.description, TableVAE) else None

    @property
    def is_text(self) -> bool:
        """Whether the data are texts: their entries are names of tokens, not numbers."""
        return isinstance(self.description, TextVAE)

    @property
    def data_are_numbers(self) -> bool:
        """Whether a datum is a vector of numbers alike, so that distance, spread and spacing mean something.

        The entries of a text are names of tokens; those of a table are codes, ranks, counts and numbers, and NaN where a
        cell is missing.
        """
        return not isinstance(self.description, TextVAE | TableVAE)

    @property
    def has_second_stage(self) -> bool:
        """Whether the prior was fitted after training, or the one trained with found to be as good.

        Such a run is trained with a light rate on purpose: what the rate weighed says nothing about its samples.
        """
        return self.training.second_stage != "none"

    @property
    def has_latents(self) -> bool:
        """Whether the likelihood reads its latents, as that of a language model does not."""
        return not (isinstance(self.description, TextVAE) and self.description.model == "lm")

    def given(self, sample: Sample, count: int | None = None, seed: int = 0) -> tuple[Tensor, ...]:
        """Return what the model is given of the first `count` data: prepared `(N, *event)`, and their context."""
        with evaluating(self.model, seed):
            x = self.view.prepare(sample.stored[:count])
        return x, *(c[:count] for c in sample.context)
