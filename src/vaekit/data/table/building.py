"""From a table to its schema, and from the two to a data set, split by the content of the rows."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from hashlib import blake2b
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vaekit.data.arrow import pa, pc
from vaekit.data.dataset import TRAIN, Dataset
from vaekit.data.split import complete_split
from vaekit.data.table.alignment import Source
from vaekit.data.table.cells import Cells, Table, integers, is_null, numbers, type_name
from vaekit.data.table.column import Column, SchemaFile
from vaekit.data.table.constraints import AnyConstraint, Range, bounds_of, fit_constraints, freed
from vaekit.data.table.discrete import Categories, Levels, Ordinal
from vaekit.data.table.evidence import evidence_columns
from vaekit.data.table.fitting import Role, fit_column
from vaekit.data.table.origins import origin_of
from vaekit.data.table.raw import RawTable, check_trainable
from vaekit.data.table.rule_search import find_rules
from vaekit.data.table.rules import AnyRule
from vaekit.data.table.schema import TableSchema

__all__ = ["infer_schema", "row_contents", "table_dataset"]

Hashes: TypeAlias = npt.NDArray[np.uint64]

CLASSES = 100
"""The largest number of classes that a target can have."""


def infer_schema(
    table: Table,
    rows: npt.NDArray[np.int64] | None = None,
    overrides: SchemaFile | None = None,
    target: str | None = None,
    model_missing: bool = False,
) -> TableSchema:
    """Choose the kind of each column of a table, and fit its codec.

    Args:
        table: A table of canonical types.
        rows: The training rows, the only ones that are used; by default all.
        overrides: The declarations about the table.
        target: The column to predict.
        model_missing: Whether the pattern of missing cells is modelled.

    Raises:
        ValueError: If what is declared does not fit, a number is infinite, or there is nothing to model.
    """
    declared = overrides or SchemaFile()
    target = target or declared.target
    names = tuple(table.column_names)
    table = table.select([name for name in names if declared.declared(name).use == "model"])
    training = table if rows is None else table.take(pa.array(rows))
    constraints = fit_constraints(_constraints(declared), table, training)
    free = freed(training, constraints)
    _check_names((*names, *free.column_names), free, declared, target)
    columns = tuple(
        fit_column(
            name,
            cells := free.column(name),
            declared.declared(name),
            _role(name, names, target),
            bounds_of(name, cells, constraints),
        )
        for name in free.column_names
    )
    schema = TableSchema(
        sources=tuple(
            Source(name=field.name, type=type_name(table.column(field.name)), **origin_of(field))
            for field in table.schema
        ),
        names=names,
        columns=columns,
        constraints=constraints,
        target=target,
        model_missing=model_missing,
        known=evidence_columns(training, constraints),
        classes=_classes(columns, target),
    )
    used = {place for one in schema.evidence for place in one.places}
    first = len(schema.slots) - len(schema.known)
    rules = _undeclared(find_rules(training.select([*schema.kinds])), constraints) if schema.kinds else ()
    schema = schema.replace(rules=rules, keep_rules=declared.keep_rules)
    schema = schema.replace(known=tuple(column for i, column in enumerate(schema.known, first) if i in used))
    if not schema.slots:
        kinds = ", ".join(f"{column.name} ({column.kind})" for column in columns)
        raise ValueError(
            f"a table must have a column to model, but has only {kinds}; add one, or declare what they are"
        )
    return schema


def table_dataset(
    raw: RawTable,
    *,
    schema: TableSchema | None = None,
    overrides: SchemaFile | None = None,
    target: str | None = None,
    model_missing: bool = False,
    source: str = "",
) -> Dataset:
    """Code a table, split by the content of its rows unless it comes with official parts.

    Args:
        raw: The table.
        schema: The schema of a model; None infers one from the training rows.
        overrides: The declarations about the table.
        target: The column to predict.
        model_missing: Whether the pattern of missing cells is modelled.
        source: The name of the data.

    Raises:
        ValueError: If what is declared or the schema does not fit the table.
    """
    if schema is None:
        check_trainable(raw, source or "the table")
    official = None if raw.parts is None else torch.from_numpy(raw.parts)
    split = complete_split(row_contents(raw.table), official)
    if schema is None:
        rows = (split == TRAIN).nonzero().flatten().numpy()
        if len(rows) < 2:
            raise ValueError(
                f"learning needs three distinct rows at least, to train on, to validate and to test, and two of them to train on, "
                f"but the {len(split)} here leave {len(rows)}; give more rows"
            )
        schema = infer_schema(raw.table, rows, overrides, target, model_missing)
        table = raw.table.select([column.name for column in schema.sources])
        strange = _held_out(schema, table)
    else:
        table, strange = schema.align(raw.table)
    notes = (*raw.notes, *strange)
    data = Dataset(
        values=schema.encode(table),
        schema=schema,
        split=split,
        source=source,
        notes=notes,
        table=table,
        index=raw.index,
    )
    return _labelled(data, schema)


def _held_out(schema: TableSchema, table: Table) -> tuple[str, ...]:
    """Return a sentence about the values that only held-out rows have."""
    found = schema.unseen(freed(table, schema.constraints))
    if not found:
        return ()
    listed = ", ".join(f"{name} ({', '.join(values)})" for name, values in found.items())
    return (f"values that only held-out rows have, which no model can learn: {listed}",)


def _labelled(data: Dataset, schema: TableSchema) -> Dataset:
    if not schema.classes or schema.target is None:
        return data
    codes = data.values[:, schema.slots_of(schema.target).start]
    if unknown := int((~codes.isfinite()).sum()):
        note = f"{unknown} of {len(codes)} rows have no class in {schema.target!r}, so the rows have no labels"
        return replace(data, notes=(*data.notes, note))
    return replace(data, labels=codes.long(), classes=schema.classes)


def _classes(columns: tuple[Column, ...], target: str | None) -> tuple[str, ...]:
    codec = next((column.codec for column in columns if column.name == target and not column.is_numeric), None)
    if not isinstance(codec, Levels | Ordinal | Categories) or len(codec.labels) > CLASSES:
        return ()
    return tuple(str(label) for label in codec.labels)


def _undeclared(rules: tuple[AnyRule, ...], constraints: tuple[AnyConstraint, ...]) -> tuple[AnyRule, ...]:
    """Return the rules that no constraint says already."""
    return tuple(rule for rule in rules if not any({*rule.needs} <= {*one.needs} for one in constraints))


def _constraints(declared: SchemaFile) -> tuple[AnyConstraint, ...]:
    """Return the declared constraints, and the bounds of columns."""
    bounded = (one for one in declared.columns if one.use == "model" and (one.min, one.max) != (None, None))
    return (*(Range(column=one.name, min=one.min, max=one.max) for one in bounded), *declared.constraints)


def _role(name: str, names: tuple[str, ...], target: str | None) -> Role:
    return "derived" if name not in names else "target" if name == target else "input"


def _check_names(known: tuple[str, ...], free: Table, declared: SchemaFile, target: str | None) -> None:
    for name, count in Counter(declared.names).items():
        if count > 1:
            raise ValueError(f"column {name!r} must be declared once, but is declared {count} times; keep one of them")
        if name not in known:
            raise ValueError(
                f"column {name!r} is declared, but the table has only {', '.join(known[:8])}; correct the name"
            )
    if target is not None and target not in free.column_names:
        raise ValueError(
            f"target must be one of {', '.join(free.column_names[:8])}, but is {target!r}; choose one that is neither"
            " dropped nor joined to others by a constraint"
        )


def row_contents(table: Table) -> Tensor:
    """Return a hash of the content of each row, shape (N, 1), int64: equal rows have equal ones.

    Args:
        table: A table of canonical types.
    """
    total = np.zeros(table.num_rows, dtype=np.uint64)
    for name in table.column_names:
        total += _mixed(_hashed(table.column(name)) ^ _hash(name))
    return torch.from_numpy(_mixed(total).view(np.int64)[:, None])


def _hashed(cells: Cells) -> Hashes:
    kind = type_name(cells)
    if kind == "string":
        return _hashed_words(cells)
    if kind == "float64":
        found = (np.nan_to_num(numbers(cells)) + 0.0).view(np.uint64)  # + 0.0 makes one zero of two
    else:
        found = integers(cells).view(np.uint64)
    return np.where(is_null(cells), np.uint64(0x9E3779B97F4A7C15), _mixed(found))


def _hashed_words(cells: Cells) -> Hashes:
    distinct = pc.unique(cells.drop_null())
    hashes = np.array([_hash(word) for word in distinct.to_pylist()] + [0], dtype=np.uint64)
    places = pc.index_in(cells, value_set=distinct).fill_null(len(hashes) - 1)
    return hashes[np.asarray(places)]


def _hash(word: str) -> np.uint64:
    return np.uint64(int.from_bytes(blake2b(word.encode(), digest_size=8).digest(), "little"))


def _mixed(x: Hashes) -> Hashes:
    """Spread every bit over all (Steele, Lea and Flood (2014), "Fast splittable pseudorandom number generators")."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
