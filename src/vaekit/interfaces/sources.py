"""The data of a run: its own, opened again, and others that must fit its model."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import Tensor

from vaekit.data import Dataset, TableSchema, TextSchema, images_from_arrays, table_to_dataset, texts_to_dataset
from vaekit.data.schema import Schema
from vaekit.interfaces.conditions import Conditions
from vaekit.interfaces.experiment import Experiment
from vaekit.interfaces.folder import RunFolder
from vaekit.modalities import View

__all__ = ["Source", "Sources"]

Source: TypeAlias = str | Path | Dataset | Any
"""A path or a name, an opened data set, or arrays and tensors of images, a list of texts, or a frame: of pyarrow, pandas, polars, or columns."""


class Sources:
    """Where the data of a run come from, and what they must be.

    Args:
        folder: Where the run lies.
        experiment: Its description.
        view: How data enter its model.
        schema: What the data must be; None for a free composition.
        own: The data it was trained on, where they are open already.
    """

    def __init__(
        self,
        folder: RunFolder,
        experiment: Experiment,
        view: View,
        schema: Schema | None,
        own: Dataset | None = None,
    ) -> None:
        self.folder, self.experiment, self.view, self.schema, self._own = folder, experiment, view, schema, own

    @cached_property
    def conditions(self) -> Conditions:
        """What its model is conditioned on."""
        model, about = self.experiment.model, self.folder.read_json("data.json")
        if model is None:
            size = about.get("context", 0)
            return Conditions("context" if size else "none", size)
        classes = self.schema.classes if self.schema is not None else ()
        counts = tuple(about.get("labels", {}).get(name, 0) for name in classes)
        return Conditions(model.condition, model.context, classes, counts)

    @property
    def opened(self) -> Dataset | None:
        """The data the run was trained on, where they are open already."""
        return self._own

    @property
    def own(self) -> Dataset:
        """The data the run was trained on, opened again and checked where needed.

        Raises:
            ValueError: They came as arrays, or have changed since.
        """
        if self._own is None:
            self._own = self._reopened()
        return self._own

    def open(self, source: Source | None = None) -> tuple[Dataset, Tensor]:
        """Return data and the rows to use: the test part of the run's own, or all of other data, checked by the schema.

        Raises:
            ValueError: The data do not fit the model; the field is named.
        """
        if source is None:
            test = self.own.drawn("test")
            return self.own, test if len(test) else self.own.drawn("validation")
        data = self._opened(source)
        if self.schema is not None and data.schema is not None:
            self.schema.check(data.schema)
        return self.view.settle(self.conditions.matched(data)), data.part("all")

    def training_context(self) -> Tensor | None:
        """Return what the training data are conditioned on, where that is no class; labels need no data to be drawn."""
        if self.conditions.kind != "context":
            return None
        context = self.own.context
        return None if context is None else context[self.own.part("train")]

    def _opened(self, source: Source) -> Dataset:
        if isinstance(source, Dataset):
            return source
        if isinstance(source, str | Path):
            settings = self.experiment.data
            # Labels are asked of other data only where the model needs them.
            settings = settings if self.conditions.kind == "label" else settings.replace(label_column=None)
            return settings.open(str(source), self.schema, is_own=False)
        if self.schema is None:
            values = torch.as_tensor(source)
            return Dataset(values, None, torch.full((len(values),), 2, dtype=torch.int8))
        if isinstance(self.schema, TextSchema):
            return texts_to_dataset(source, schema=self.schema)
        if isinstance(self.schema, TableSchema):
            return table_to_dataset(source, schema=self.schema)
        return images_from_arrays(source)

    def _reopened(self) -> Dataset:
        source = self.experiment.data.source
        if not source:
            raise ValueError(f"the data of {self.folder.path} came as arrays and are not kept; give data")
        data = self.view.settle(self.experiment.data.open(schema=self.schema))
        expected = self.folder.read_json("split.json")["fingerprint"]
        if data.fingerprint != expected:
            raise ValueError(
                f"the data in {source} have changed since {self.folder.path} was trained; give data, or run fit again"
            )
        return data
