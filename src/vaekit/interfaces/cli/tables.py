"""The verbs of tables: missing cells filled, rows of which a part is given, and what the columns are."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from vaekit.data import Dataset, TableSchema
from vaekit.interfaces.cli.errors import complain
from vaekit.interfaces.cli.output import emit
from vaekit.interfaces.cli.rows import write_rows
from vaekit.interfaces.cli.sources import opened
from vaekit.interfaces.columns import check_suffix
from vaekit.interfaces.given import given_of, sample_given
from vaekit.interfaces.imputing import impute as imputed
from vaekit.interfaces.imputing import table_schema
from vaekit.interfaces.run import Run, load
from vaekit.interfaces.shown import flat
from vaekit.interfaces.table_files import TABLE_SUFFIXES, with_columns

__all__ = ["Filling", "column_table", "drawn_rows", "impute", "write_schema"]

_FEW = 0.1  # share of the rows that the effective sample size should at least reach


class Filling(NamedTuple):
    """The options of `impute`."""

    draws: int
    proposals: int
    level: float
    seed: int


def impute(path: Path, data: str, out: Path, intervals: Path | None, filling: Filling, as_json: bool) -> None:
    """Write a table without missing cells, or several draws of it; and what is known of each cell that was filled."""
    for file in (out, *([intervals] if intervals else [])):
        check_suffix(file, TABLE_SUFFIXES)
    run = load(path)
    table_schema(run)
    dataset, _ = opened(run, data)
    found = imputed(run, dataset, **filling._asdict())
    table = found.table
    if found.draws:
        numbers = [i for i, draw in enumerate(found.draws) for _ in range(len(draw))]
        table = with_columns({"draw": numbers}, flat(found.draws))
    write_rows(table, out)
    if intervals is not None:
        write_rows(found.cells, intervals)
    some = found.ess[~found.ess.isnan()]
    ess = some.median().item() if len(some) else None
    answer = {
        "out": str(out),
        "n": len(found.table),
        "cells": len(found.cells),
        "draws": len(found.draws),
        "ess": ess,
        "proposals": filling.proposals,
        "intervals": str(intervals) if intervals else None,
    }
    lines = [f"{len(found.cells):,} missing cells in {len(some):,} of {len(found.table):,} rows: {out}"]
    if ess is not None:
        lines.append(f"effective sample size per row {ess:.1f} of {filling.proposals} (median)")
    emit(as_json, answer, *lines, *([f"intervals: {intervals}"] if intervals else []))


def drawn_rows(
    run: Run, labels: tuple[str, ...] | None, n: int, temperature: float, given: tuple[str, ...], seed: int
) -> Any:
    """Return new rows; tell where few latents stand behind those with given cells."""
    if not given:
        return run.sample(n, temperature, label=labels, seed=seed)
    if labels or temperature != 1:
        raise ValueError("--given goes with neither --label nor --temperature; leave these out")
    found = sample_given(run, n, given_of(given), seed=seed)
    if found.ess < _FEW * n:
        complain(
            f"note: what is given is rare to the model: {n} rows rest on about {found.ess:.0f} different latents, and vary less"
        )
    return found.table


def write_schema(data: Dataset, path: Path) -> str:
    """Write what the columns are as a file to be edited; return the sentence that says what to do with it.

    Raises:
        ValueError: The data are no table.
    """
    from vaekit.data.table import write_schema_file

    if not isinstance(data.schema, TableSchema):
        raise ValueError("--schema writes what the columns of a table are, and these data are none")
    write_schema_file(data.schema, path)
    return f"schema: {path}; change it, and fit with schema_file={path}"


def column_table(schema: TableSchema) -> Any:
    """Return the columns as a table for the terminal: name, kind, codec, missing cells and why."""
    from rich.table import Table

    table = Table("column", "kind", "codec", "missing", "why", box=None, pad_edge=False, header_style="bold")
    for column in schema.columns:
        share = f"{column.missing:.1%}" if column.missing else ""
        table.add_row(column.name, column.kind, column.codec_name, share, column.reason)
    return table
