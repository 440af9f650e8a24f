"""What one kind of data looks like to people: in words, in files, in the report; the entries of the closed table `MEDIA`."""

from __future__ import annotations

import shlex
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from torch import Tensor

from vaekit.data import Dataset
from vaekit.distributions import Decoding
from vaekit.errors import NotApplicable
from vaekit.evaluation import Bounds
from vaekit.interfaces.describing.decoding import decoding_of
from vaekit.interfaces.measures.measure import Measure
from vaekit.interfaces.report.page import Picture
from vaekit.modalities import Shown, View, modality_named
from vaekit.trained import Source, TrainedModel

if TYPE_CHECKING:
    from vaekit.interfaces.runs.run import Run

__all__ = ["Answer", "HeldOut", "Medium", "Output", "Place", "label_option"]


class Answer(NamedTuple):
    """What a verb answers: plain values for JSON, and lines for people."""

    values: dict[str, Any]
    lines: list[Any]


class Place(NamedTuple):
    """Where a verb writes.

    Args:
        out: What the user named with --out.
        plots: The folder for pictures that nobody named; None where a model has none.
    """

    out: Path | None
    plots: Path | None = None


@dataclass(frozen=True)
class Output:
    """Data that a verb made.

    Args:
        verb: What it is called, which pictures are named by.
        shown: The data, one after the other.
        columns: Data in a row of an overview; None for a square.
        lead: Columns that stand beside rows or texts, by name.
        names: A name for each datum; None where an overview is all that is written.
        inputs: What reconstructions are reconstructions of.
    """

    verb: str
    shown: Shown
    columns: int | None = None
    lead: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    names: Sequence[str] | None = None
    inputs: Shown | None = None


class HeldOut(NamedTuple):
    """The data that bounds belong to: all of them, and the rows that were looked at."""

    data: Dataset
    rows: Tensor

    @property
    def labels(self) -> Tensor | None:
        """The class of each row."""
        return None if self.data.labels is None else self.data.labels[self.rows]

    def first(self, count: int) -> Dataset:
        """Return the first so many."""
        return self.data.taken(self.rows[:count])


class Medium(ABC):
    """How one kind of data is told, written and shown. A new kind is a new entry of `MEDIA`."""

    kind: ClassVar[str]
    measures: ClassVar[tuple[Measure, ...]] = ()
    """What is measured of these data alone, beside what is measured of any."""
    repeats_notes: ClassVar[bool] = True
    """Whether what was found while reading other data is told each time."""

    @abstractmethod
    def facts(self, schema: Any) -> str:
        """Return what data are, in words that follow their number."""

    @abstractmethod
    def size(self, brief: Mapping[str, Any], event: Sequence[int]) -> str:
        """Return how large a datum is, in words.

        Args:
            brief: What `data.json` holds of the schema.
            event: The shape of one datum.
        """

    @abstractmethod
    def write(self, output: Output, place: Place) -> Answer:
        """Write what a verb made, or return the lines that print it.

        Raises:
            ValueError: It cannot be written there; the message says where it can.
        """

    @abstractmethod
    def exhibits(self, run: Run, result: Bounds, held_out: HeldOut | None) -> tuple[list[Picture], list[str]]:
        """Return pictures of what a model makes, and all exhibits of the report in their order, as HTML.

        Args:
            run: The run.
            result: The bounds of its held-out data.
            held_out: These data, where they are at hand.
        """

    @abstractmethod
    def commands(self, run: Run, path: str) -> list[str]:
        """Return what to type next, for a run in the folder `path`."""

    def units(self, result: Bounds) -> dict[str, Any]:
        """Return the unit of the bounds and of their dimensions, and figures that only this kind of data has."""
        words = modality_named(self.kind).words
        return {"unit": words.one, "dimension": words.dimension}

    def beside_bound(self, nats: Tensor, sizes: Tensor) -> list[str]:
        """Return what else a bound is told as, such as a perplexity.

        Args:
            nats: The bound of each datum, `(N,)`.
            sizes: Number of dimensions of each, `(N,)`.
        """
        return []

    def literal(self, text: str) -> Source | None:
        """Return a datum that was typed itself, where data of this kind can be typed."""
        return None

    def identity(self, data: Dataset, rows: Tensor) -> dict[str, Any]:
        """Return columns that say which datum a row is, beside its name and label."""
        return {}

    def flat(self, rows: Any) -> Shown:
        """Return data in rows as one list of them."""
        return [datum for row in rows for datum in row]

    def sampling(self, decode: str | None, temperature: float) -> tuple[Decoding | None, float]:
        """Return how tokens are chosen, and the temperature of the prior, from what was typed."""
        return decoding_of(decode), temperature

    def preview(self, data: Dataset, view: View, plots: Path) -> None:
        """Draw some training data into a folder, where they can be drawn."""
        return None

    def columns(self, schema: Any) -> Any:
        """Return what the columns of data are as a table for the terminal; None where they have none."""
        return None

    def write_schema(self, schema: Any, path: Path) -> str:
        """Write what the columns are as a file to be edited; return the sentence that says what to do with it.

        Raises:
            NotApplicable: The data have no columns.
        """
        raise NotApplicable("--schema writes what the columns of a table are, and these data are none")

    def quality(self, model: TrainedModel, source: Dataset | None) -> Answer:
        """Return how new data compare with real ones, where that is always told."""
        return Answer({}, [])

    def judged(self, data: Dataset, rows: Tensor, score: Tensor) -> Answer:
        """Return how well scores `(N,)` find what is known to be rare."""
        return Answer({}, [])


def label_option(run: Run) -> str:
    """Return the option that asks for a class, where the model is conditional on labels."""
    names = run.conditions.names
    return f" --label {shlex.quote(names[0])}" if names else ""
