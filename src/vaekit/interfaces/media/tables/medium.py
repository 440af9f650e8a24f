"""Tables for people: rows printed, or written to a file, and their quality."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from torch import Tensor

from vaekit.data import Dataset, TableSchema
from vaekit.errors import DataNotAtHand, NotApplicable
from vaekit.evaluation import Bounds
from vaekit.interfaces.media.medium import Answer, Exhibit, HeldOut, Medium, Output, Place, label_option
from vaekit.interfaces.media.tables.exhibits import tables
from vaekit.interfaces.media.tables.files import described, plain_rows, with_columns, write_table
from vaekit.interfaces.media.tables.quality import anomalies, table_quality_of
from vaekit.trained import TrainedModel
from vaekit.training.budget import NEVER, Deadline

if TYPE_CHECKING:
    from vaekit.interfaces.runs.run import Run

__all__ = ["TableMedium"]

_PRINTED = 20  # rows of a table that a terminal shows
_BARE: dict[str, Any] = {"box": None, "pad_edge": False, "header_style": "bold"}


class TableMedium(Medium):
    """Tables: rows in a terminal, or a file."""

    kind = "table"

    def facts(self, schema: TableSchema) -> str:
        """Return the number of columns and of variables."""
        return f"rows, {len(schema.columns)} columns, {len(schema.slots)} variables"

    def size(self, brief: Mapping[str, Any], event: Sequence[int]) -> str:
        """Return the number of columns and of variables."""
        return f"{len(brief['columns'])} columns, {brief['slots']} variables"

    def write(self, output: Output, place: Place) -> Answer:
        """Print rows, or write them to a file by its suffix."""
        table = with_columns(output.lead, output.shown)
        if place.out is not None:
            write_table(table, place.out)
            return Answer({"out": str(place.out), "n": len(table)}, [f"{len(table):,} rows: {place.out}"])
        rows = plain_rows(table)
        rest = len(table) - _PRINTED
        more = [f"... {rest:,} more; --out FILE.csv or .parquet holds them all"] if rest > 0 else []
        return Answer({"n": len(table), "rows": rows}, [_grid(table.column_names, rows), *more])

    def flat(self, rows: Any) -> Any:
        """Return tables in rows as one table."""
        import pyarrow as pa

        return pa.concat_tables(rows)

    def exhibits(
        self, run: Run, result: Bounds, held_out: HeldOut | None, deadline: Deadline = NEVER
    ) -> Iterator[Exhibit]:
        """Yield synthetic rows, columns one by one, reconstructions and a walk."""
        return tables(run, result, held_out, deadline)

    def commands(self, run: Run, path: str) -> list[str]:
        """Return the verbs of tables."""
        given = _example_cell(run)
        return [
            f"vaekit sample {path} -n 1000{label_option(run)} --out rows.csv",
            *([f"vaekit sample {path} -n 100 --given {given}"] if given else []),
            f"vaekit impute {path} DATA --out filled.csv",
            f"vaekit score {path} DATA --out scores.csv",
            f"vaekit encode {path} DATA --out latents.npz",
        ]

    def columns(self, schema: TableSchema) -> Any:
        """Return the columns as a table for the terminal: name, kind, codec, missing cells and why."""
        from rich.table import Table

        table = Table("column", "kind", "codec", "missing", "why", **_BARE)
        for column in schema.columns:
            table.add_row(*described(column))
        return table

    def write_schema(self, schema: TableSchema, path: Path) -> str:
        """Write what the columns are as a file to be edited."""
        from vaekit.data.table import write_schema_file

        write_schema_file(schema, path)
        return f"schema: {path}; change it, and fit with schema_file={path}"

    def quality(self, model: TrainedModel, source: Dataset | None) -> Answer:
        """Return how synthetic rows compare with real ones, or why they cannot be compared."""
        try:
            found = table_quality_of(model, source)
        except (NotApplicable, DataNotAtHand, OSError) as error:
            return Answer({"quality": None, "quality_why": str(error)}, [f"no quality of synthetic rows: {error}"])
        rows = found.rows
        counts = f"{rows['synthetic']:,} synthetic, {rows['train']:,} training and {rows['holdout']:,} held-out rows"
        return Answer({"quality": found.summary()}, ["", f"synthetic rows ({counts}):", *found.lines()])

    def judged(self, data: Dataset, rows: Tensor, score: Tensor) -> Answer:
        """Return how well scores find the rarer of two classes."""
        found = anomalies(data, rows, score)
        return Answer({}, []) if found is None else Answer({"anomalies": found.summary()}, [found.line()])


def _example_cell(run: Run) -> str:
    """Return `column=value` for a column of few values; nothing if the model cannot be given cells."""
    schema = cast(TableSchema, run.schema)
    if run.conditions.size:
        return ""
    named = ("binary", "categorical")
    few = (column for column in schema.columns if column.kind in named and column.name in schema.kinds)
    pairs = (f"{column.name}={value}" for column in few for value in getattr(column.codec, "labels", ())[:1])
    found = next(pairs, "")
    return shlex.quote(found) if found else ""


def _grid(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Any:
    from rich.table import Table

    grid = Table(*names, **_BARE)
    for row in rows[:_PRINTED]:
        grid.add_row(*("" if row[name] is None else _cell(row[name]) for name in names))
    return grid


def _cell(value: Any) -> str:
    return format(value, ".6g") if isinstance(value, float) else " ".join(str(value).splitlines())
