"""How one kind of data is shown to people: in words, in files and in the report."""

from __future__ import annotations

import math
import shlex
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
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
from vaekit.training.budget import NEVER, Deadline

if TYPE_CHECKING:
    from vaekit.interfaces.runs.run import Run

__all__ = ["Answer", "Exhibit", "HeldOut", "Medium", "Output", "Place", "label_option", "worse_than_uniform"]


class Exhibit(NamedTuple):
    """A part of the report: its HTML, and the pictures in it that are files of their own too."""

    html: str
    pictures: tuple[Picture, ...] = ()


class Answer(NamedTuple):
    """The answer of a verb: plain values for JSON, and lines for people."""

    values: dict[str, Any]
    lines: list[Any]


class Place(NamedTuple):
    """Where a verb writes.

    Args:
        out: The path of --out.
        plots: The folder for pictures without --out; None if the model has none.
    """

    out: Path | None
    plots: Path | None = None


@dataclass(frozen=True)
class Output:
    """Data that a verb made.

    Args:
        verb: The name of the verb, which is also that of its picture.
        shown: The data, one after the other.
        columns: Data in a row of an overview; None for a square.
        lead: Columns in front of rows or texts, by name.
        names: A name for each datum; None if only an overview is written.
        inputs: The inputs of reconstructions.
    """

    verb: str
    shown: Shown
    columns: int | None = None
    lead: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    names: Sequence[str] | None = None
    inputs: Shown | None = None


class HeldOut(NamedTuple):
    """The data that bounds belong to: all data, and the rows that were evaluated."""

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
    """How one kind of data is described, written and shown. A new kind is a new entry of `MEDIA`."""

    kind: ClassVar[str]
    measures: ClassVar[tuple[Measure, ...]] = ()
    """The measures of this kind of data, in addition to those of any kind."""

    @abstractmethod
    def facts(self, schema: Any) -> str:
        """Return a description of data that follows their number, such as "images 8 x 8"."""

    @abstractmethod
    def size(self, brief: Mapping[str, Any], event: Sequence[int]) -> str:
        """Return how large a datum is, in words.

        Args:
            brief: What `data.json` holds of the schema.
            event: The shape of one datum.
        """

    def writer(self, model: TrainedModel, out: Path | None) -> TrainedModel:
        """Return the model whose verbs return what is written to a path: the model itself, or one for display."""
        return model

    @abstractmethod
    def write(self, output: Output, place: Place) -> Answer:
        """Write what a verb made, or return the lines that print it.

        Raises:
            ValueError: It cannot be written there; the message says where it can.
        """

    @abstractmethod
    def exhibits(
        self, run: Run, result: Bounds, held_out: HeldOut | None, deadline: Deadline = NEVER
    ) -> Iterator[Exhibit]:
        """Yield what the report shows of a model and its data, in order; no more of it is asked for after the deadline.

        Args:
            run: The run.
            result: The bounds of its held-out data.
            held_out: These data, if they are available.
            deadline: When all must have ended: what takes long looks at the clock before it begins.
        """

    @abstractmethod
    def commands(self, run: Run, path: str) -> list[str]:
        """Return what to type next, for a run in the folder `path`."""

    def units(self, result: Bounds) -> dict[str, Any]:
        """Return the unit of the bounds and of their dimensions, and figures that only this kind of data has."""
        words = modality_named(self.kind).words
        return {"unit": words.one, "dimension": words.dimension}

    def remarks(self, view: View, result: Bounds, evaluated: HeldOut) -> Answer:
        """Return what must be known to read the bounds of data: further figures, and sentences.

        Args:
            view: How the data enter the model.
            result: Their bounds.
            evaluated: The data themselves, in the order of the bounds.
        """
        return Answer({}, [])

    def beside_bound(self, nats: Tensor, sizes: Tensor) -> list[str]:
        """Return other forms of a bound, such as a perplexity.

        Args:
            nats: The bound of each datum, `(N,)`.
            sizes: Number of dimensions of each, `(N,)`.
        """
        return []

    def literal(self, text: str) -> Source | None:
        """Return a datum that was typed on the command line, if data of this kind can be typed."""
        return None

    def identity(self, data: Dataset, rows: Tensor) -> dict[str, Any]:
        """Return columns that identify the datum of a row, besides its name and label."""
        return {}

    def flat(self, rows: Any) -> Shown:
        """Return rows of data as one list of data."""
        return [datum for row in rows for datum in row]

    def sampling(self, decode: str | None, temperature: Any) -> tuple[Decoding | None, Any]:
        """Return how tokens are chosen, and the temperature of the prior, from what was typed."""
        return decoding_of(decode), temperature

    def preview(self, data: Dataset, view: View, plots: Path) -> None:
        """Draw some training data into a folder, if they can be drawn."""
        return None

    def columns(self, schema: Any) -> Any:
        """Return the columns of data as a table for the terminal; None if they have none."""
        return None

    def write_schema(self, schema: Any, path: Path) -> str:
        """Write the columns to a file that the user can edit; return a sentence that says how to use it.

        Raises:
            NotApplicable: The data have no columns.
        """
        raise NotApplicable("--schema writes the columns of a table, and these data are not a table")

    def quality(self, model: TrainedModel, source: Dataset | None) -> Answer:
        """Return how new data compare with real data, for kinds whose evaluation always says so."""
        return Answer({}, [])

    def judged(self, data: Dataset, rows: Tensor, score: Tensor) -> Answer:
        """Return how well scores `(N,)` find data that are known to be rare."""
        return Answer({}, [])


def worse_than_uniform(result: Bounds, levels: int, of: str) -> list[str]:
    """Return a sentence if a bound on probabilities is worse than giving each of so many values the same probability."""
    if result.iw is None:
        return []
    found, uniform = result.estimate("iw").bits_per_dim, math.log2(levels)
    same = f"worse than the {uniform:.4g} bits of giving {of} the same probability: the model has not learned yet"
    return [f"IW-{result.samples} takes {found:.4g} bits, {same}"] if found > uniform else []


def label_option(run: Run) -> str:
    """Return the option that asks for a class, if the model is conditional on labels."""
    names = run.conditions.names
    return f" --label {shlex.quote(names[0])}" if names else ""
