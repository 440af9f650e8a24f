"""How data are opened: the keys of one kind of data, which a run keeps to read other data the same way."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from pathlib import Path
from typing import Any

from vaekit.data import Dataset
from vaekit.value import Value

__all__ = ["Reading"]


class Reading(Value, ABC):
    """Where data come from and how they are opened."""

    kind: str
    """The kind of data."""
    source: str = ""
    """A folder or a file, by its absolute path, or the name of a data set; empty for data that came from memory."""
    typed: str = ""
    """What the user typed for it."""

    def open(self, source: str | None = None, schema: Any = None) -> Dataset:
        """Read the run's own data, or other data the same way.

        Args:
            source: Other data, as they were typed; None for the run's own.
            schema: That of a model's data, which other data are coded by.

        Raises:
            ValueError: There are no usable data there.
            FileNotFoundError: There is nothing there.
        """
        data = self.read(source or self.source, schema, own=source is None)
        return replace(data, source=self.typed) if source is None and self.typed else data

    @abstractmethod
    def read(self, source: str, schema: Any, *, own: bool) -> Dataset:
        """Read a source; `own` says that it is the run's own, which held-out files belong to."""

    @abstractmethod
    def convert(self, found: Any, schema: Any = None) -> Dataset:
        """Make a data set of what is in memory: arrays, a list of texts, a frame."""

    def without_labels(self) -> Reading:
        """Return this reading for data whose labels are not asked for."""
        return self

    @property
    def name(self) -> str:
        """What people call the data."""
        return self.typed or self.source or "arrays"

    @staticmethod
    def refuse_empty(source: str) -> None:
        """Refuse a folder that nothing lies in.

        Raises:
            ValueError: It is one.
        """
        root = Path(source).expanduser()
        if root.is_dir() and not any(root.iterdir()):
            raise ValueError(f"the folder {source} holds nothing; give one with data")

    def at(self, typed: str, *, named: bool) -> Reading:
        """Return this reading of a source that was typed.

        Args:
            typed: A path, or the name of a data set.
            named: It is a name. A path is kept absolute, so that a run finds its data from any folder.
        """
        if not typed or named:
            return self.replace(source=typed, typed="")
        return self.replace(source=str(Path(typed).expanduser().absolute()), typed=typed)
