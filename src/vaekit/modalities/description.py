"""The description of a model: all that is needed to build it, as a value; every kind of data has its own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from vaekit.data import Dataset
from vaekit.heads import AnyPrior, Gaussian, Posterior, Standard
from vaekit.heads.family import Measure
from vaekit.modalities.spaces import prior_beside
from vaekit.modalities.view import View
from vaekit.models import LatentVariableModel
from vaekit.value import Value

__all__ = ["Description"]


class Description(Value, ABC):
    """A model of one kind of data, before it has weights."""

    kind: str
    latent: Annotated[int, Field(ge=1, le=2**24)] = 32
    """Number of latent variables."""
    posterior: Posterior = Gaussian()
    """Family of q(z | x)."""
    prior: AnyPrior = Standard()
    """p(z); left open, it follows the posterior."""
    condition: Literal["none", "label", "context"] = "none"
    """What all three parts are conditioned on: nothing, the class of each datum, or vectors given with the data."""
    context: Annotated[int, Field(ge=0)] = 0
    """Length of the context vector: the number of classes, for a label."""

    @model_validator(mode="after")
    def _settle_prior(self) -> Self:
        """Let a prior that was left open follow the posterior; refuse one on another space."""
        prior = self.prior if "prior" in self.model_fields_set else None
        self.__dict__["prior"] = prior_beside(self.posterior, prior)
        return self

    @abstractmethod
    def build(self) -> LatentVariableModel:
        """Return the model, freshly initialised."""

    @abstractmethod
    def view(self, schema: Any = None) -> View:
        """Return how data of a schema enter the model and are shown."""

    @abstractmethod
    def check(self, data: Dataset) -> None:
        """Refuse data that the model is not for, or that lie outside the likelihood's support.

        Raises:
            ValueError: With the cure.
        """

    def stated(self) -> dict[str, Any]:
        """Return the keys that were set, those of parts nested, each part with its kind."""
        return _stated(self)

    @property
    @abstractmethod
    def measure(self) -> Measure:
        """What its bounds are logarithms of: probabilities, densities, or products of both."""

    @property
    def likelihood_name(self) -> str:
        """What its likelihood is called in a comparison."""
        return str(getattr(getattr(self, "likelihood", None), "kind", self.kind))

    @property
    def bound_on(self) -> str:
        """What else must agree, beside data and measure, before the bounds of two models can be compared."""
        return ""

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences about settings that work but are rarely meant."""
        return ()


def _stated(value: Value) -> dict[str, Any]:
    names = (name for name in type(value).model_fields if name == "kind" or name in value.model_fields_set)
    parts = ((name, getattr(value, name)) for name in names)
    return {name: _stated(part) if isinstance(part, Value) else part for name, part in parts}
