"""A table as a model sees it: its columns, each with a kind, a reason and a codec, and its constraints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from vaekit.data.arrow import pa, pc
from vaekit.data.rows import Array
from vaekit.data.schema import Schema
from vaekit.data.table.alignment import Source, aligned
from vaekit.data.table.cells import Cells, Mask, Numbers, Table, arrow_type, is_null
from vaekit.data.table.codec import Slot
from vaekit.data.table.column import Column
from vaekit.data.table.constraints import AnyConstraint, Inequality, broken_columns, constrained, freed
from vaekit.data.table.evidence import AnyEvidence, evidence_of, partly_known
from vaekit.data.table.rules import AnyRule

__all__ = ["TableSchema"]


class TableSchema(Schema):
    """What a table looks like; it travels with a model, codes new tables and decodes what the model generates.

    A row is coded as D numbers, its *slots*: of each column those of its codec, and, with `model_missing`, one more for
    each column with missing cells in training, which says whether the cell is missing. NaN is a value that was not observed,
    and infinity one that was, but that training could not have: see `vaekit.data.table.codec`.
    """

    kind: Literal["table"] = "table"
    sources: tuple[Source, ...] = Field(min_length=1)
    """The columns of the file that are used, in order."""
    names: tuple[str, ...] = Field(min_length=1, repr=False)
    """The names of all columns of the file, in order, with those that are left out."""
    columns: tuple[Column, ...] = Field(min_length=1, repr=False)
    """The columns as the model sees them: a constraint may have put others in place of those of the file."""
    constraints: tuple[AnyConstraint, ...] = ()
    """The constraints that every row obeys."""
    target: str | None = None
    """The column to predict."""
    model_missing: bool = False
    """Whether the pattern of missing cells is modelled."""
    rules: tuple[AnyRule, ...] = Field(default=(), repr=False)
    """What all training rows keep, though nobody declared it."""
    keep_rules: bool = False
    """Whether new rows keep the rules."""
    known: tuple[Column, ...] = Field(default=(), repr=False)
    """The columns of constraints that are evidence where another column of theirs is missing, see `vaekit.data.table.evidence`."""

    @property
    def kept(self) -> tuple[AnyRule, ...]:
        """The rules that new rows keep."""
        return self.rules if self.keep_rules else ()

    @cached_property
    def slots(self) -> tuple[Slot, ...]:
        """The D variables of a row, column by column, and then the evidence of constraints with a missing cell."""
        own = tuple(slot for column in self.columns for slot in self._slots(column))
        return (*own, *(slot for column in self.known for slot in column.slots()))

    @cached_property
    def evidence(self) -> tuple[AnyEvidence, ...]:
        """What the slots of `known` say about the others."""
        first = sum(len(place) for place in self._places.values())
        return evidence_of(self.columns, self.known, self._places, first, self.constraints)

    @cached_property
    def masks(self) -> tuple[int, ...]:
        """The places of the slots that say whether a cell is missing."""
        return tuple(self._places[column.name].stop - 1 for column in self.columns if self._masks(column))

    def masked_by(self, mask: int) -> tuple[int, ...]:
        """Return the places of the slots that are missing if the slot at `mask` says so."""
        place = next(found for found in self._places.values() if found.stop - 1 == mask)
        return tuple(place[:-1])

    def slots_of(self, name: str) -> range:
        """Return the places of the slots of a column.

        Raises:
            ValueError: If there is no such column, or a constraint has joined it to others.
        """
        if name not in self._places:
            joined = next((f"stands in the constraint {one}" for one in self.constraints if name in one.replaces), None)
            raise ValueError(
                f"a column is one of {', '.join(self._places)}, but {name!r} {joined or 'was asked for'}; use one of these"
            )
        return self._places[name]

    def column(self, name: str) -> Column:
        """Return the column of that name, as the model sees it.

        Raises:
            ValueError: If there is none.
        """
        self.slots_of(name)
        return next(column for column in self.columns if column.name == name)

    @cached_property
    def kinds(self) -> dict[str, Literal["numeric", "categorical"]]:
        """Whether each modelled column of the file is to be compared as a number (or a point in time) or as a class."""
        seen = {column.name: column.is_numeric for column in self.columns if column.slots()}
        gaps = {name: isinstance(one, Inequality) for one in self.constraints for name in one.replaces}
        found = {**seen, **gaps}
        names = [source.name for source in self.sources if source.name in found]
        return {name: "numeric" if found[name] else "categorical" for name in names}

    def align(self, table: Table) -> tuple[Table, tuple[str, ...]]:
        """Return a new table with the columns of `sources`, in their order and types, and sentences about anything unusual.

        Args:
            table: A table of canonical types; its columns are known by name.

        Raises:
            ValueError: If a column is not there, or its cells are of another type; the sentence names it.
        """
        table, notes = aligned(table, self.sources, self.names)
        free = freed(table, self.constraints)
        strange = (self._strange(*found) for found in self.unseen(free).items() if found[0] in table.column_names)
        return table, (*notes, *self._broken(table), *strange)

    def unseen(self, table: Table) -> dict[str, tuple[str, ...]]:
        """Return up to three values for each column that has values which training did not have.

        Args:
            table: A table with the columns of `columns`: without constraints, the table of the file.
        """
        found = {column.name: column.codec.unseen(table.column(column.name)) for column in self.columns}
        return {name: values for name, values in found.items() if values}

    def encode(self, table: Table) -> Tensor:
        """Return the rows of a table as numbers, shape (N, D), float32; NaN where nothing was observed, infinity for unseen values and broken constraints.

        Args:
            table: A table with the columns of `sources`, see `align`.
        """
        broken = broken_columns(table, self.constraints)
        given, table = table, freed(table, self.constraints)
        codes = torch.empty(table.num_rows, len(self.slots))
        for last, column in enumerate(self.known, len(self.slots) - len(self.known)):
            found = column.codec.encode(partly_known(column.name, given, table, self.constraints))
            codes[:, last] = torch.from_numpy(found[:, 0].astype(np.float32))
        for column in self.columns:
            place = self._places[column.name]
            found = self._encode(column, table.column(column.name), broken.get(column.name))
            codes[:, place.start : place.stop] = torch.from_numpy(found.astype(np.float32))
        return codes

    def decode(self, x: Tensor | Array, seed: int = 0) -> Table:
        """Return the rows that numbers stand for, as a table with the columns of `sources`.

        Identifiers are new, constants are filled in, and free text is missing. The first rows do not depend on the number of rows.

        Args:
            x: The numbers, shape (N, D).
            seed: The seed that chooses among the rare classes of a shared code.
        """
        codes = np.asarray(x.detach().cpu() if isinstance(x, Tensor) else x, dtype=np.float64)
        cells = {column.name: self._decode(column, codes, seed) for column in self.columns}
        table = constrained(pa.table(cells), self.constraints)
        for rule in self.kept:
            table = rule.mended(table)
        return pa.table(
            {source.name: table.column(source.name).cast(arrow_type(source.type)) for source in self.sources}
        )

    def log_jacobian(self, x: Tensor) -> Tensor:
        """Return the nats that turn the density of codes into the probability of the cells, shape (N,), float64.

        They are log |d code / d number| of numbers, the shares of rare classes, and the price of values that training did not
        have, see `Codec.log_jacobian`. So the probability of everything that a file may hold is one.

        Args:
            x: The codes, shape (N, D).
        """
        codes = np.asarray(x.detach().cpu(), dtype=np.float64)
        total = np.zeros(len(codes))
        for column in self.columns:
            total += column.codec.log_jacobian(self._own(column, codes))
        for place, column in enumerate(self.known, len(self.slots) - len(self.known)):
            total += column.codec.log_jacobian(codes[:, [place]])
        return torch.from_numpy(total)

    def check(self, other: Any) -> None:
        """Check that data described by `other` fit a model trained on data described by `self`.

        Raises:
            ValueError: If they are no table, or one with other columns; the sentence names one and the cure.
        """
        if not isinstance(other, TableSchema):
            raise ValueError(
                f"kind: the model expects a table, the data are {getattr(other, 'kind', 'unknown')}; give a table"
            )
        theirs = {source.name: source.type for source in other.sources}
        for source in self.sources:
            if theirs.get(source.name) != source.type:
                found = theirs.get(source.name, "no such column")
                raise ValueError(
                    f"column {source.name!r}: the model expects {source.type}, the data have {found};"
                    " code the table with the model's schema"
                )

    def brief(self) -> dict[str, Any]:
        """Return the kinds of the columns and how many there are of each, without what the codecs have learned."""
        return {
            "kind": self.kind,
            "columns": {column.name: f"{column.kind} ({column.codec_name})" for column in self.columns},
            "counts": dict(Counter(column.kind for column in self.columns)),
            "slots": len(self.slots),
            "constraints": [str(constraint) for constraint in self.constraints],
            "target": self.target,
            "model_missing": self.model_missing,
            "classes": list(self.classes),
        }

    @cached_property
    def _places(self) -> dict[str, range]:
        places, start = {}, 0
        for column in self.columns:
            places[column.name] = range(start, start := start + len(self._slots(column)))
        return places

    def _broken(self, table: Table) -> Iterator[str]:
        for constraint in self.constraints:
            if count := int(constraint.broken(table).sum()):
                yield f"{count} rows break the constraint {constraint}: they are as unlikely as values that training did not have"

    def _strange(self, name: str, values: tuple[str, ...]) -> str:
        fate = "" if self.column(name).slots() else ", but it is not modeled"
        return f"column {name!r} has values that training did not: {', '.join(values)}{fate}"

    def _slots(self, column: Column) -> tuple[Slot, ...]:
        mask = (Slot(name=f"{column.name}?", kind="categorical", levels=2),) if self._masks(column) else ()
        return (*column.slots(), *mask)

    def _masks(self, column: Column) -> bool:
        return self.model_missing and 0 < column.missing < 1

    def _encode(self, column: Column, cells: Cells, broken: Mask | None) -> Numbers:
        codes = column.codec.encode(cells)
        if broken is not None and broken.any() and codes.shape[1]:
            codes[broken] = [np.inf, *[np.nan] * (codes.shape[1] - 1)]
        return np.column_stack([codes, is_null(cells)]) if self._masks(column) else codes

    def _decode(self, column: Column, codes: Numbers, seed: int) -> Cells:
        cells = column.codec.decode(self._own(column, codes), np.random.default_rng([seed, *column.name.encode()]))
        if not self._masks(column):
            return cells
        missing = codes[:, self._places[column.name].stop - 1] > 0.5
        nothing = pa.scalar(None, cells.type)
        return pc.if_else(pa.array(missing), nothing, cells)

    def _own(self, column: Column, codes: Numbers) -> Numbers:
        place = self._places[column.name]
        return codes[:, place.start : place.stop - self._masks(column)]
