"""How data are opened: the keys of one kind of data, which a run keeps so that it reads other data the same way."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Any, Literal

from vaekit.data import Dataset
from vaekit.data.foreign import refuse_pipe, user_path
from vaekit.errors import foreign_bytes
from vaekit.value import Value

__all__ = ["DelimitedReading", "Reading"]


class Reading(Value, ABC):
    """Where data come from and how they are opened."""

    kind: str
    """The kind of data."""
    source: str = ""
    """A folder or a file, by its absolute path, or the name of a data set; empty for data that came from memory."""
    typed: str = ""
    """The source as the user typed it."""

    def open(self, source: str | None = None, schema: Any = None) -> Dataset:
        """Read the run's own data, or other data the same way.

        Args:
            source: Other data, as the user typed them; None for the run's own.
            schema: The schema of a model's data, by which other data are coded.

        Raises:
            ValueError: The source holds no usable data.
            FileNotFoundError: The source does not exist.
        """
        where = self.source if source is None else source
        with foreign_bytes(where):
            self.refuse_empty(where)
            refuse_pipe(user_path(where))
            data = self.read(where, schema, own=source is None)
        return replace(data, source=self.typed) if source is None and self.typed else data

    @abstractmethod
    def read(self, source: str, schema: Any, *, own: bool) -> Dataset:
        """Read a source; `own` is true for the run's own, to which a separate test file belongs."""

    @abstractmethod
    def convert(self, data: Any, schema: Any = None) -> Dataset:
        """Make a data set of objects in memory: arrays, a list of texts, a frame."""

    def without_labels(self) -> Reading:
        """Return this reading for data whose labels are not needed."""
        return self

    @property
    def name(self) -> str:
        """The name of the data, for people."""
        return self.typed or self.source or "arrays"

    @staticmethod
    def refuse_empty(source: str) -> None:
        """Refuse an empty folder, and an empty name.

        Raises:
            ValueError: The source is one of them.
        """
        if not source.strip():
            raise ValueError("the name of the data is empty; give a file, a folder or a name")
        root = user_path(source)
        if root.is_dir() and not any(root.iterdir()):
            raise ValueError(f"the folder {source} holds nothing; give one with data")

    def at(self, typed: str, *, named: bool) -> Reading:
        """Return this reading with a source that the user typed.

        Args:
            typed: A path, or the name of a data set.
            named: Whether it is a name. A path is stored as an absolute one, so that a run finds its data from any folder.
        """
        if not typed or named:
            return self.replace(source=typed, typed="")
        return self.replace(source=str(user_path(typed).absolute()), typed=typed)


class DelimitedReading(Reading):
    """How data are opened that may come in a file of delimited cells."""

    delimiter: str | None = None
    """The character between two cells; null detects it."""
    encoding: str | None = None
    """The encoding of the file; null detects it."""
    header: Literal["auto", "yes", "no"] = "auto"
    """Whether the first row holds the names of the columns; auto detects it."""

    @property
    def dialect(self) -> dict[str, Any]:
        """The keys of the file's format, by name."""
        return {"delimiter": self.delimiter, "encoding": self.encoding, "header": self.header}
