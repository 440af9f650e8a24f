"""Objectives that look at images: what they share, and the one scale on which they compare."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from torch import Tensor, nn
from torch.distributions import Distribution, constraints

from vaekit.distributions import point
from vaekit.errors import NotApplicable
from vaekit.models import Trace
from vaekit.objectives.objective import Objective
from vaekit.schedules import Constant, Schedule

__all__ = ["Pictorial", "image_size", "pictures"]

_NO_IMAGES = "this objective compares images (C, H, W), but the data are {}; use objective=elbo"


class Pictorial(Objective):
    """A negative bound with a term that compares images: the point of p(x | z), which is often blurred, with x.

    The likelihood stays in the loss, so the bound that is logged is the bound of the model that is trained.
    """

    beta: Schedule = Constant()
    """Weight of the rate: a number, or a schedule in steps; 0 for a posterior without a density."""
    weight: Annotated[float, Field(ge=0)] = 1.0
    """Weight of the term."""

    @property
    def schedule_end(self) -> int:
        """The step from which beta rests."""
        return self.beta.end

    @property
    def what_it_is(self) -> str:
        """The loss is no bound: a term is added."""
        kind = type(self).model_fields["kind"].default
        return f"{kind} adds a term on images to the loss, which is no bound; the bounds reported are at beta = 1"


def image_size(model: nn.Module) -> tuple[int, int, int]:
    """Return the channels, height and width of what a model generates.

    Raises:
        NotApplicable: It generates no images, or does not say what.
    """
    event = getattr(getattr(model, "likelihood", None), "event", None)
    if event is None:
        raise NotApplicable("this objective needs a likelihood that says what it is one of; give it event = (C, H, W)")
    if len(event) != 3:
        raise NotApplicable(_NO_IMAGES.format(tuple(event)))
    channels, height, width = event
    return channels, height, width


def pictures(trace: Trace, step: int = 0) -> tuple[Tensor, Tensor]:
    """Return the data and the points of p(x | z) as images in [0, 1], each `(S B, C, H, W)`.

    The scale is that of the likelihood's support: levels are divided by the highest, intervals are moved to [0, 1], real
    values are taken as they are where they lie there, and counts are divided by the largest of the batch.

    Raises:
        ValueError: The data are no images, or real values off that scale (looked at before training alone).
    """
    real, fake = trace.x, point(trace.likelihood)
    if real.dim() != 4:
        raise NotApplicable(_NO_IMAGES.format(tuple(real.shape[1:])))
    low, high = _limits(trace.likelihood, real)
    if step == 0 and (real.min() < low or real.max() > high):
        raise ValueError(
            f"this objective compares images in [0, 1], but real values lie in [{real.min():.4g}, {real.max():.4g}]; "
            "rescale the data to [0, 1], or use likelihood=continuous_bernoulli"
        )
    real = real.expand(fake.shape[0], *real.shape)
    return ((real - low) / (high - low)).flatten(0, 1), ((fake - low) / (high - low)).flatten(0, 1)


def _limits(likelihood: Distribution, x: Tensor) -> tuple[float, float | Tensor]:
    try:
        support: object = likelihood.support
    except NotImplementedError:  # of a flow, which may be anywhere
        support = constraints.real
    while hasattr(support, "base_constraint"):
        support = support.base_constraint
    if support == constraints.nonnegative_integer:
        return 0.0, x.max().clamp_min(1)
    return float(getattr(support, "lower_bound", 0)), float(getattr(support, "upper_bound", 1))
