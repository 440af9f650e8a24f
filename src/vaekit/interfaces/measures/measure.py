"""A measure: a number or several, and the lines that print them, in one place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from torch import Tensor

from vaekit.data import Dataset, unpacked
from vaekit.interfaces.describing.words import number
from vaekit.trained import Source, TrainedModel

__all__ = ["Look", "Measure", "Summary", "estimate", "nats", "percent"]

Summary: TypeAlias = Mapping[str, Any]
"""What a measure found: plain numbers by their names."""

_REFINED = 256  # data whose chains or posteriors are computed one by one
_PATIENCE = 10  # times the cost that a measurement of the doctor may have


@dataclass(frozen=True)
class Look:
    """A model and the data that it is measured on.

    Args:
        trained: The model.
        data: The data it is measured on.
        rows: Which of them, in random order.
    """

    trained: TrainedModel
    data: Dataset
    rows: Tensor

    @classmethod
    def at(cls, trained: TrainedModel, source: Source | None) -> Look:
        """Return a model with its own test part, or with other data."""
        data, rows = trained.open(source)
        return cls(trained, data, rows if source is None else data.drawn("all"))

    def some(self, count: int) -> Dataset:
        """Return the first so many data."""
        return self.data.taken(self.rows[:count])

    def given(self, count: int) -> tuple[Tensor, ...]:
        """Return the first so many data as the model takes them."""
        return self.trained.given(self.some(count))

    def refined(self, passes: int) -> tuple[Tensor, ...]:
        """Return 256 data as the model takes them, or fewer if `passes` decodings of each would take long."""
        if self.trained.view.traits.pictures:
            return self.given(_REFINED)
        from vaekit.diagnosis import Sample, Subject  # slow to import, and most verbs have no need of it
        from vaekit.diagnosis.affordable import affordable

        trained = self.trained
        stored, context = unpacked(self.some(_REFINED).stored)
        subject = Subject(trained.model, trained.view, Sample(stored, context), description=trained.description)
        return self.given(affordable(subject, max(1, passes // _PATIENCE), len(stored)))


@dataclass(frozen=True)
class Measure:
    """What is measured of a trained model besides its bounds.

    Args:
        name: Its name in JSON and in print.
        value: Returns plain numbers; raises `NotApplicable` or `DataNotAtHand` where there are none.
        lines: Returns the lines that print them.
        reads_latents: Whether it has no meaning for a model without latents.
    """

    name: str
    value: Callable[[Look], dict[str, Any]]
    lines: Callable[[Summary], list[str]]
    reads_latents: bool = False


def nats(found: Summary) -> str:
    """Return nats with their standard error."""
    return f"{number(found['nats'])} +- {number(found['se'])}"


def percent(found: Summary) -> str:
    """Return a share in percent with its standard error."""
    return f"{number(100 * found['value'], 1)} +- {number(100 * found['se'], 1)} %"


def estimate(found: Summary, digits: int) -> str:
    """Return a mean with its standard error."""
    return f"{number(found['mean'], digits)} +- {number(found['se'], digits)}"
