"""The data of a trained model: its own, where they are at hand, and others that must fit it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from torch import Tensor

from vaekit.data import Dataset
from vaekit.data.schema import Schema
from vaekit.errors import DataNotAtHand
from vaekit.modalities import Reading, View
from vaekit.trained.conditions import Conditions

__all__ = ["Data", "Source", "no_data", "typed"]

Source: TypeAlias = str | Path | Dataset | Any
"""A path or a name, an opened data set, or data in memory: arrays and tensors, a list of texts, a frame."""


def typed(source: str | Path) -> str:
    """Return what is typed for a source: a `Path` is always a path, a text may be the name of a data set."""
    return str(source) if isinstance(source, str) or source.is_absolute() else f"./{source}"


def no_data() -> Dataset:
    """Refuse: a model that was loaded by itself knows nothing of the data it was trained on.

    Raises:
        DataNotAtHand: Always.
    """
    raise DataNotAtHand("the model was loaded without the data it was trained on; give data")


class Data:
    """Where the data of a model come from, and what they must be.

    Args:
        reading: How they are opened.
        view: How they enter the model.
        schema: What they must be; None for a free composition.
        conditions: What the model is conditioned on.
        own: The data it was trained on, or what opens them.
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
        """The data the model was trained on where they are open, or what opens them."""
        return self._own

    def open(self, source: Source | None = None) -> tuple[Dataset, Tensor]:
        """Return data and the rows to use: the test part of the model's own, or all of other data, checked by the schema.

        Raises:
            DataNotAtHand: The model's own data are asked for, and are not at hand.
            ValueError: The data do not fit the model; the field is named.
        """
        if source is None:
            test = self.own.drawn("test")
            return self.own, test if len(test) else self.own.drawn("validation")
        data = self._read(source)
        if self.schema is not None and data.schema is not None:
            self.schema.check(data.schema)
        return self.view.settle(self.conditions.matched(data)), data.part("all")

    def training_context(self) -> Tensor | None:
        """Return what the training data are conditioned on, where that is no class; labels need no data to be drawn."""
        if self.conditions.kind != "context":
            return None
        context = self.own.context
        return None if context is None else context[self.own.part("train")]

    def _read(self, source: Source) -> Dataset:
        if isinstance(source, Dataset):
            return source
        if isinstance(source, str | Path):
            # Labels are asked of other data only where the model needs them.
            reading = self.reading if self.conditions.kind == "label" else self.reading.without_labels()
            return reading.open(typed(source), self.schema)
        return self.reading.convert(source, self.schema)
