"""The verb that fills missing cells, and the parser of cells that were typed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

from vaekit.data.delimited.filling import filled_file
from vaekit.data.delimited.options import DelimitedOptions, is_delimited
from vaekit.errors import NotApplicable
from vaekit.interfaces.cli.output import emit
from vaekit.interfaces.cli.sources import opened, opened_model
from vaekit.interfaces.media import MEDIA
from vaekit.interfaces.media.column_files import check_suffix
from vaekit.interfaces.media.tables.files import TABLE_SUFFIXES, with_columns, write_table
from vaekit.modalities import modality_named
from vaekit.trained import TrainedModel
from vaekit.training.checkpoint import write_atomically

__all__ = ["given_of", "impute", "require_cells"]


def impute(path: Path, data: str, outs: tuple[Path, Path | None], as_json: bool, **options: Any) -> None:
    """Write a table without missing cells, or several draws of it.

    Args:
        path: The model.
        data: The table.
        outs: Where to write the table; and a row about each filled cell, if that is wanted.
        as_json: Whether to print JSON.
        options: See `TrainedModel.impute`.
    """
    out, intervals = outs
    for file in (out, *([intervals] if intervals else [])):
        check_suffix(file, TABLE_SUFFIXES)
    model = opened_model(path)
    require_cells(model, "impute fills missing cells")
    dataset, _ = opened(model, data)
    found = model.impute(dataset, **options)
    table = found.table
    if found.draws:
        numbers = [i for i, draw in enumerate(found.draws) for _ in range(len(draw))]
        table = with_columns({"draw": numbers}, MEDIA[model.kind].flat(found.draws))
    same = None if found.draws else _as_given(model, Path(data), out, found)
    write_table(table, out) if same is None else write_atomically(out, same)
    if intervals is not None:
        write_table(found.cells, intervals)
    incomplete = found.ess[~found.ess.isnan()]
    answer = {
        "out": str(out),
        "n": len(found.table),
        "cells": len(found.cells),
        "draws": len(found.draws),
        "ess": incomplete.median().item() if len(incomplete) else None,
        "proposals": options["proposals"],
        "intervals": str(intervals) if intervals else None,
        "broken": dict(found.broken),
    }
    lines = [f"{len(found.cells):,} missing cells in {len(incomplete):,} of {len(found.table):,} rows: {out}"]
    if len(incomplete):
        lines.append(f"effective sample size per row {answer['ess']:.1f} of {answer['proposals']} (median)")
    lines += [
        f"{count:,} filled rows break the rule of training: {rule}" for rule, count in found.broken.items() if count
    ]
    emit(as_json, answer, *lines, *([f"intervals: {intervals}"] if intervals else []))


def _as_given(model: TrainedModel, source: Path, out: Path, found: Any) -> bytes | None:
    """Return the given file with its holes filled and all else as it was, where both are delimited files."""
    if not (source.is_file() and is_delimited(source.name) and out.suffix.lower() == ".csv"):
        return None
    cells: dict[str, dict[int, str]] = {}
    for row, column, value in zip(
        *(found.cells.column(name).to_pylist() for name in ("row", "column", "value")), strict=True
    ):
        if value is not None:
            cells.setdefault(column, {})[row] = value
    return filled_file(
        source, DelimitedOptions(names=cast(Any, model.view).required_schema.names), cells, len(found.table)
    )


def require_cells(model: TrainedModel, action: str) -> None:
    """Refuse what is about cells before any data are opened.

    Raises:
        NotApplicable: The data of the model are no table.
    """
    if not model.view.traits.slots:
        many = modality_named(model.kind).words.many
        raise NotApplicable(f"{action} of a table, and this is a model of {many}")


def given_of(words: Iterable[str]) -> dict[str, str]:
    """Return columns and values that were typed as `column=value`.

    Raises:
        ValueError: A word is no pair, or a column is named twice.

    Examples:
        >>> given_of(["age=40", "sex=Female"])
        {'age': '40', 'sex': 'Female'}
    """
    pairs = [word.partition("=") for word in words]
    found: dict[str, str] = {}
    for name, sign, value in pairs:
        if not sign or not name.strip():
            raise ValueError(f"--given is column=value, such as --given age=40, got {name!r}")
        if name.strip() in found:
            raise ValueError(f"--given names column {name.strip()!r} twice; give one value")
        found[name.strip()] = value.strip()
    return found
