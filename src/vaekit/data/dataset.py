"""What every reader returns: the data in one tensor, and what is known about it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor

from vaekit.data.rows import byte_rows, rows_per_chunk
from vaekit.data.schema import Schema
from vaekit.data.stored import Stored, TensorRows, as_stored

__all__ = ["TEST", "TRAIN", "VALIDATION", "Dataset", "ImageSchema", "Part", "Quarantined", "observe_images"]

TRAIN, VALIDATION, TEST = 0, 1, 2
"""The codes of the parts in `Dataset.split`."""

Part: TypeAlias = Literal["train", "validation", "test", "all"]


class ImageSchema(Schema):
    """What images look like; it travels with a model and is checked on new data.

    >>> model = ImageSchema(height=28, width=28, channels=1, levels=256, low=0, high=255, binary=False)
    >>> model.check(model.replace(classes=("cat", "dog")))
    """

    kind: Literal["image"] = "image"
    height: int
    """The number of rows of pixels."""
    width: int
    """The number of columns of pixels."""
    channels: int
    """1 for grey, 3 for RGB, 4 for RGB with alpha; other numbers come from arrays."""
    levels: int | None
    """The number of integer levels (256 for 8 bits); None for real-valued pixels."""
    low: float
    """The smallest value: 0 for integers, the smallest that was observed for real values and where there are but two."""
    high: float
    """The largest value: levels - 1 for integers, the largest that was observed for real values and where there are but two."""
    binary: bool
    """Whether only two distinct values occur in the training data."""
    dtype: str = ""
    """The type in which the pixels came, by the name that torch has for it; empty if it is unknown."""

    def check(self, other: ImageSchema) -> None:
        """Check that data described by `other` fit a model trained on data described by `self`.

        Other units may fit too: see `conform`.

        Raises:
            ValueError: If the size or the channels do not fit; the sentence names the field and the cure.
        """
        _same("kind", self.kind, other.kind, "give images")
        for name in ("height", "width"):
            _same(name, getattr(self, name), getattr(other, name), f"use size={self.height}x{self.width}")
        _same("channels", self.channels, other.channels, f"convert the images to {self.channels} channel(s)")


@dataclass(frozen=True)
class Quarantined:
    """A file that could not be used, and why."""

    name: str
    reason: str


@dataclass(frozen=True, eq=False)
class Dataset:
    """Data in one tensor, split into training, validation and test.

    Args:
        values: Images: shape (N, H, W, C), channels last, so that a permuted batch is `channels_last` for free; uint8
            (possibly a memory-mapped file), int32 for integers of more than 256 levels, or float32. Texts: ids of tokens,
            shape (N, T), int16 or int32, see `TextSchema`. Other data: (N, *event). Data of unequal sizes: see `Stored`.
        schema: What the data look like; None for data without a description.
        split: The part of each row, shape (N,), int8: 0 train, 1 validation, 2 test.
        labels: The class of each row, shape (N,), int64, an index into `classes`.
        classes: The names of the classes.
        names: File names relative to the root, where there are files.
        quarantine: The files that could not be used.
        context: What each row is conditioned on, shape (N, C), float32, where a model is conditional.
        source: What the user typed.
        notes: Sentences about what was found and converted.
        factors: What each row was made from, shape (N, K), int64, an index for each factor, where that is known.
        factor_names: The names of the factors.
        table: The rows as they were read, a pyarrow.Table, where the data are a table.
        index: The index of a frame of pandas, a pyarrow.Table, where the data are a table that came with one.
        texts: The texts as they were read, where the data are texts and fit into memory.
        numbers: The place of each row in its source, shape (N,), int64, where the source holds others that were left out.
        lengths: The number of entries of each row before it was cut, shape (N,), int64, where rows have a largest length.

    Raises:
        ValueError: If `split`, `labels`, `names`, `context`, `factors` or `table` do not have one entry for each row.
    """

    values: Any  # a Tensor but for data of unequal sizes, whose own modality knows them
    schema: Schema | None
    split: Tensor
    labels: Tensor | None = None
    classes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    quarantine: tuple[Quarantined, ...] = ()
    context: Tensor | None = None
    source: str = ""
    notes: tuple[str, ...] = ()
    factors: Tensor | None = None
    factor_names: tuple[str, ...] = ()
    table: Any = None
    index: Any = None
    texts: tuple[str, ...] = ()
    numbers: Tensor | None = None
    lengths: Tensor | None = None

    def __post_init__(self) -> None:
        for name, column in {
            **self._columns,
            "names": self.names or None,
            "texts": self.texts or None,
            "table": self.table,
            "index": self.index,
        }.items():
            if column is not None and len(column) != len(self.values):
                raise ValueError(
                    f"{name} must have one entry for each of the {len(self.values)} rows, but has {len(column)};"
                    " give both in the same order"
                )

    def __len__(self) -> int:
        return len(self.values)

    def part(self, name: Part) -> Tensor:
        """Return the rows of a part, shape (n,), int64, in order.

        Raises:
            ValueError: If there is no part of that name.
        """
        if name == "all":
            return torch.arange(len(self))
        codes = {"train": TRAIN, "validation": VALIDATION, "test": TEST}
        if name not in codes:
            raise ValueError(
                f"a part is one of {', '.join(codes)} or all, but {name!r} was asked for; use one of these"
            )
        return (self.split == codes[name]).nonzero().flatten()

    def drawn(self, name: Part, count: int | None = None) -> Tensor:
        """Return `count` rows of a part, or all, in an order that is fixed and blind to how the data lie.

        Folders lie class by class: the first thousand rows of a part may hold one class alone.
        """
        rows = self.part(name)
        return rows[torch.randperm(len(rows), generator=torch.Generator().manual_seed(0))][:count]

    def taken(self, rows: Tensor) -> Dataset:
        """Return the data set of some rows, in their order, with all that is known of them.

        Args:
            rows: Indices, shape (n,), int64.
        """
        columns = {name: None if column is None else column[rows] for name, column in self._columns.items()}
        names = tuple(self.names[row] for row in rows.tolist()) if self.names else ()
        texts = tuple(self.texts[row] for row in rows.tolist()) if self.texts else ()
        table = None if self.table is None else self.table.take(rows.numpy())
        index = None if self.index is None else self.index.take(rows.numpy())
        values = self.values[rows] if isinstance(self.values, Tensor) else self.values.take(rows)
        return replace(self, values=values, names=names, texts=texts, table=table, index=index, **columns)  # type: ignore[arg-type]

    @property
    def _columns(self) -> dict[str, Tensor | None]:
        names = ("split", "labels", "context", "factors", "numbers", "lengths")
        return {name: getattr(self, name) for name in names}

    @property
    def stored(self) -> Stored:
        """What enters a model: the values, and where there is one the context."""
        return as_stored(self.values, *self._context)

    @property
    def _context(self) -> tuple[Tensor, ...]:
        return () if self.context is None else (self.context,)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the values, the split and the context, in hexadecimal: equal fingerprints, equal data."""
        columns = as_stored(self.values).columns
        digest = sha256("".join(f"{column.dtype}{tuple(column.shape)}" for column in columns).encode())
        for column in (*columns, self.split, *self._context):
            for chunk in byte_rows(column):
                digest.update(chunk.data)
        return digest.hexdigest()


def observe_images(
    values: Tensor, split: Tensor, levels: int | None, classes: tuple[str, ...] = (), dtype: str = ""
) -> ImageSchema:
    """Describe images by looking at them.

    Args:
        values: The images, shape (N, H, W, C).
        split: The part of each image, shape (N,).
        levels: The number of integer levels, None for real-valued pixels.
        classes: The names of the classes.
        dtype: The type in which the pixels came, if it is another than that of `values`.
    """
    binary = _is_binary(values, (split == TRAIN).nonzero().flatten())
    low, high = (0.0, levels - 1.0) if levels is not None and not binary else _range(values)
    _, height, width, channels = values.shape
    return ImageSchema(
        height=height,
        width=width,
        channels=channels,
        levels=levels,
        low=low,
        high=high,
        binary=binary,
        classes=classes,
        dtype=dtype or str(values.dtype).removeprefix("torch."),
    )


def _same(name: str, expected: object, found: object, cure: str) -> None:
    if expected != found:
        raise ValueError(f"{name}: the model expects {expected}, the data has {found}; {cure}")


def _range(values: Tensor) -> tuple[float, float]:
    extremes = [chunk.aminmax() for chunk in values.split(rows_per_chunk(values))]
    return min(float(found.min) for found in extremes), max(float(found.max) for found in extremes)


def _is_binary(values: Tensor, rows: Tensor) -> bool:
    seen: set[float] = set()
    stored = TensorRows(values)
    for some_rows in rows.split(rows_per_chunk(values)) if len(rows) else ():
        chunk = stored.take(some_rows).values
        low, high = chunk.aminmax()
        seen |= {low.item(), high.item()}
        if len(seen) > 2 or not bool(((chunk == low) | (chunk == high)).all()):
            return False
    return len(seen) == 2
