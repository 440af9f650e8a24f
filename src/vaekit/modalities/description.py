"""The description of a model: all that is needed to build it, as a value. Every kind of data has its own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from vaekit.data import Dataset
from vaekit.heads import PRIOR_OF, AnyPrior, Gaussian, Optimal, Posterior, Prior, Standard
from vaekit.heads.family import Family, Measure
from vaekit.modalities.condition import Condition
from vaekit.modalities.view import View
from vaekit.models import LatentVariableModel
from vaekit.value import Value

__all__ = ["Description"]

_SPACES = {
    "real": "real vectors",
    "sphere": "unit vectors",
    "ball": "the unit ball",
    "one_hot": "one-hot vectors",
    "codes": "vectors of a codebook",
}


class Description(Value, ABC):
    """A model of one kind of data, before it has weights."""

    kind: str
    latent: Annotated[int, Field(ge=1, le=2**24)] = 32
    """Number of latent variables."""
    posterior: Posterior = Gaussian()
    """Family of q(z | x)."""
    prior: AnyPrior = Standard()
    """p(z); by default the simplest one on the space of the posterior."""
    condition: Condition = "none"
    """The condition of all three parts: nothing, the class of each datum, or a vector that comes with each datum."""
    context: Annotated[int, Field(ge=0)] = 0
    """Length of the context vector: the number of classes, for a label."""

    @model_validator(mode="after")
    def _settle_prior(self) -> Self:
        """Derive a prior that was not set from the posterior; refuse a prior on another space."""
        prior = self.prior if "prior" in self.model_fields_set else None
        self.__dict__["prior"] = _prior_for(self.posterior, prior)
        return self

    @abstractmethod
    def build(self) -> LatentVariableModel:
        """Return the model, freshly initialised."""

    @abstractmethod
    def view(self, schema: Any = None) -> View:
        """Return how data of a schema enter the model and come out of it."""

    @abstractmethod
    def check(self, data: Dataset) -> None:
        """Refuse data of another kind or shape, or outside the likelihood's support.

        Raises:
            ValueError: The data do not fit; the message says what to do.
        """

    def stated(self) -> dict[str, Any]:
        """Return the keys that were set, those of parts nested, each part with its kind."""
        return _stated(self)

    @property
    @abstractmethod
    def measure(self) -> Measure:
        """Whether its bounds are logarithms of probabilities, of densities, or of products of both."""

    @property
    def likelihood_name(self) -> str:
        """The name of its likelihood in a comparison."""
        return str(getattr(getattr(self, "likelihood", None), "kind", self.kind))

    @property
    def bound_on(self) -> str:
        """What else must agree, apart from data and measure, before the bounds of two models can be compared."""
        return ""

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences about settings that work but are rarely meant."""
        return ()


def _stated(value: Value) -> dict[str, Any]:
    names = (name for name in type(value).model_fields if name == "kind" or name in value.model_fields_set)
    parts = ((name, getattr(value, name)) for name in names)
    return {name: _stated(part) if isinstance(part, Value) else part for name, part in parts}


def _prior_for(posterior: Family | Value, prior: Prior | None) -> Prior:
    """Return the prior, or if it is None the simplest one on the space of the posterior.

    Raises:
        ValueError: They live on different spaces, or the posterior's scale needs data.
    """
    natural = PRIOR_OF[posterior.support]  # type: ignore[union-attr]
    prior = natural if prior is None else prior
    if prior.support != natural.support:
        raise ValueError(
            f"posterior={posterior.kind} lives on {_SPACES[natural.support]} and prior={prior.kind} on "  # type: ignore[union-attr]
            f"{_SPACES[prior.support]}; use prior={natural.kind}, or another posterior"
        )
    if isinstance(getattr(posterior, "scale", None), Optimal):
        raise ValueError("posterior.scale=optimal has no data to be optimal for; use posterior.scale=exp")
    return prior
