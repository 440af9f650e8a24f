"""Objectives: frozen values that map a trace to a loss. beta-VAE and IWAE are objectives, not models."""

from typing import Annotated, TypeAlias

from pydantic import Field

from vaekit.objectives.elbo import ELBO, FreeBits
from vaekit.objectives.importance import IWAE
from vaekit.objectives.objective import Criterion, Loss, Objective, bound_metrics
from vaekit.objectives.schedules import Constant, Cosine, Cyclical, Linear, Schedule

AnyObjective: TypeAlias = Annotated[ELBO | IWAE, Field(discriminator="kind")]

__all__ = [
    "ELBO",
    "IWAE",
    "AnyObjective",
    "Constant",
    "Cosine",
    "Criterion",
    "Cyclical",
    "FreeBits",
    "Linear",
    "Loss",
    "Objective",
    "Schedule",
    "bound_metrics",
]
