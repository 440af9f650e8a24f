"""Where data come from and how they are opened."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from vaekit.data import (
    Dataset,
    TableSchema,
    TextSchema,
    is_table,
    is_text,
    name_of,
    read_images,
    read_table,
    read_text,
)
from vaekit.data.schema import Schema
from vaekit.data.table import read_schema_file
from vaekit.data.table.bundled import bundled_name
from vaekit.value import Value

__all__ = ["DataSettings"]

_MOST_PIXELS = 64_000_000  # what a reader of images decodes


def _height_and_width(value: Any) -> Any:
    """Accept `33x50` for height x width, and one number for a square."""
    if isinstance(value, str):
        sides = re.fullmatch(r"\s*(\d{1,9})\s*x\s*(\d{1,9})\s*", value.lower())
        if sides is None:
            raise ValueError(f"size is height x width, such as 64x48, got {value!r}")
        value = (int(sides[1]), int(sides[2]))
    pair = (value, value) if isinstance(value, int) and not isinstance(value, bool) else value
    whole = isinstance(pair, tuple | list) and pair and all(isinstance(side, int) for side in pair)
    if whole and (min(pair) < 1 or math.prod(pair) > _MOST_PIXELS):
        raise ValueError(f"size={'x'.join(map(str, pair))} must be at least 1x1 and at most {_MOST_PIXELS:,} pixels")
    return pair


def _words(value: Any) -> Any:
    """Accept one word for a list of it."""
    return (value,) if isinstance(value, str) else value


def _absolute(path: str | None) -> str | None:
    return None if path is None else str(Path(path).expanduser().absolute())


class DataSettings(Value):
    """Where the data come from and how they are opened: images are brought to one size, texts become tokens, tables variables."""

    source: str = ""
    """A folder or a file, by its absolute path, or a name: digits, mnist, fashion-mnist, sprites, names-demo, breast-cancer, wine, diabetes."""
    typed: str = ""
    """What was typed for it."""
    size: Annotated[tuple[int, int] | None, BeforeValidator(_height_and_width)] = None
    """Height x width to bring images to, e.g. 64x64; null for images that share one size."""
    fit: Literal["resize", "crop"] = "resize"
    """How images of another shape come to that size."""

    tokenizer: str = "auto"
    """Of texts: word, char, bpe, a tokenizer.json file, or auto: char for names, else word."""
    vocabulary: Annotated[int, Field(ge=5)] | None = None
    """Of texts: the most tokens that are told apart; null for 10,000 words, 8,000 parts of words, every character."""
    length: Annotated[int, Field(ge=1)] | None = None
    """Of texts: tokens after which a text is cut; null for the longest one, 512 at most."""
    lowercase: bool | None = None
    """Of texts: whether case is dropped; null drops it for words."""
    column: str | None = None
    """Of a table: the column that holds the texts; null for the one that is called so, or the only one."""
    label_column: str | None = None
    """Of a table: the column that holds the label of each text; null for none."""

    target: str | None = None
    """Of tables: the column that a prediction is for, by which rows are labelled and synthetic ones judged; null for none."""
    schema_file: Annotated[str | None, AfterValidator(_absolute)] = None
    """Of tables: a schema.yaml that says what the columns are, as vaekit inspect --schema writes it."""
    test: Annotated[str | None, AfterValidator(_absolute)] = None
    """Of tables: a file whose rows are the test part."""
    missing: Literal["model", "ignore"] = "model"
    """Of tables: whether the pattern of missing cells is modelled too, or cells are missing by themselves."""
    missing_marks: Annotated[tuple[str, ...], BeforeValidator(_words)] = ()
    """Of tables: words that stand for a missing cell, beside the usual ones."""
    delimiter: str | None = None
    """Of tables: what stands between cells; null finds it."""
    encoding: str | None = None
    """Of tables: the encoding of the file; null finds it."""
    header: Literal["auto", "yes", "no"] = "auto"
    """Of tables: whether the first row names the columns."""

    @property
    def kind(self) -> str:
        """The kind of data that the source holds: image, text or table."""
        if not self.source:
            return "image"
        if self.column is not None:
            return "text"
        if self.target or self.schema_file or self.test or is_table(self.source):
            return "table"
        return "text" if is_text(self.source) else "image"

    def open(self, source: str | None = None, schema: Schema | None = None, *, is_own: bool = True) -> Dataset:
        """Read the data, or other data the same way.

        Args:
            source: The data as they were typed, or other data.
            schema: That of a model's data, whose tokens other texts are read as.
            is_own: Whether they are the run's own, to which a test file belongs.

        Raises:
            ValueError: There are no usable data there.
            FileNotFoundError: There is nothing there.
        """
        data = self._read(source or self.source, schema, is_own=is_own)
        return data if source or not self.typed else replace(data, source=self.typed)

    def _read(self, source: str, schema: Schema | None, *, is_own: bool) -> Dataset:
        kind = self.replace(source=source).kind if schema is None else schema.kind  # type: ignore[attr-defined]
        if kind == "image":
            return read_images(source, size=self.size, fit=self.fit)
        if kind == "table":
            known = schema if isinstance(schema, TableSchema) else None
            return self._read_table(source, known, self.test if is_own else None)
        return read_text(
            source,
            tokenizer=self.tokenizer,
            vocabulary=self.vocabulary,
            length=self.length,
            column=self.column,
            label=self.label_column,
            lowercase=self.lowercase,
            schema=schema if isinstance(schema, TextSchema) else None,
        )

    def _read_table(self, source: str, schema: TableSchema | None, test: str | None) -> Dataset:
        declared = read_schema_file(Path(self.schema_file)) if self.schema_file and schema is None else None
        return read_table(
            source,
            schema=schema,
            overrides=declared,
            target=self.target,
            model_missing=self.missing == "model",
            delimiter=self.delimiter,
            encoding=self.encoding,
            header=self.header,
            missing=self.missing_marks,
            test=test,
        )

    @staticmethod
    def located(typed: str) -> dict[str, str]:
        """Return the keys of a source: a path is kept absolute, so that the run finds its data from any folder."""
        if not typed or name_of(typed) or bundled_name(typed):
            return {"source": typed}
        return {"source": str(Path(typed).expanduser().absolute()), "typed": typed}
