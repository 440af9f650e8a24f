"""The data of a trained model: its own, if they are at hand, and other data that must fit it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from torch import Tensor

from vaekit.data import Dataset
from vaekit.data.schema import Schema
from vaekit.errors import DataNotAtHand, foreign_bytes
from vaekit.modalities import Reading, View
from vaekit.trained.conditions import Conditions

__all__ = ["Data", "Source", "no_data", "typed"]

Source: TypeAlias = str | Path | Dataset | Any
"""A path or a name, an opened data set, or data in memory: arrays and tensors, a list of texts, a frame."""


def typed(source: str | Path) -> str:
    """Return a source as it would be typed: a `Path` is always a path, a text may be the name of a data set."""
    return str(source) if isinstance(source, str) or source.is_absolute() else f"./{source}"


def no_data() -> Dataset:
    """Refuse to open the data of a model that was loaded without them.

    Raises:
        DataNotAtHand: Always.
    """
    raise DataNotAtHand("the model was loaded without the data it was trained on; give data")


class Data:
    """The data that a model can use: its own, and other data that fit its schema.

    Args:
        reading: How data are opened.
        view: How they enter the model.
        schema: The schema that they must have; None for a free composition.
        conditions: What the model is conditioned on.
        own: The data it was trained on, or a function that opens them.
    """

    def __init__(
        self,
        reading: Reading,
        view: View,
        schema: Schema | None,
        conditions: Conditions,
        own: Dataset | Callable[[], Dataset] = no_data,
    ) -> None:
        self.reading, self.view, self.schema, self.conditions, self._own = reading, view, schema, conditions, own

    @property
    def own(self) -> Dataset:
        """The data the model was trained on.

        Raises:
            DataNotAtHand: They came from memory, or have changed since.
        """
        if not isinstance(self._own, Dataset):
            self._own = self._own()
        return self._own

    @property
    def opened(self) -> Dataset | Callable[[], Dataset]:
        """The data the model was trained on, or a function that opens them."""
        return self._own

    def open(self, source: Source | None = None) -> tuple[Dataset, Tensor]:
        """Return data and the rows to use: the test part of the model's own, or all of other data, checked by the schema.

        Raises:
            DataNotAtHand: `source` is None, and the model's own data are not at hand.
            ValueError: The data do not fit the model; the message names the field.
        """
        if source is None:
            test = self.own.drawn("test")
            return self.own, test if len(test) else self.own.drawn("validation")
        data = self._read(source)
        if self.schema is not None and data.schema is not None:
            self.schema.check(data.schema)
        return self.view.settle(self.conditions.matched(data)), data.part("all")

    def training_context(self) -> Tensor | None:
        """Return the vectors that the training data are conditioned on; None if the condition is a label or nothing."""
        if self.conditions.kind != "context":
            return None
        context = self.own.context
        return None if context is None else context[self.own.part("train")]

    def _read(self, source: Source) -> Dataset:
        if isinstance(source, Dataset):
            return source
        if isinstance(source, str | Path):
            # Other data need labels only if the model is conditional on them.
            reading = self.reading if self.conditions.kind == "label" else self.reading.without_labels()
            return reading.open(typed(source), self.schema)
        with foreign_bytes():
            return self.reading.convert(source, self.schema)
