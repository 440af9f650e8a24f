"""Tables as a kind of data: how they are opened, goals, and the choices of training."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator

from vaekit.data import Dataset, TableSchema, is_frame, is_table, read_table, table_to_dataset
from vaekit.data.table import read_schema_file
from vaekit.modalities.choice import Choice
from vaekit.modalities.description import Description
from vaekit.modalities.modality import Completed, Modality, Pace, Sections, Situation, Words
from vaekit.modalities.reading import Reading
from vaekit.modalities.table.choices import choose_table_model, with_goal
from vaekit.modalities.table.description import TableVAE

__all__ = ["TableReading", "Tables"]

_FEW_ROWS = 2048
_STEPS = {"fast": 2000, "balanced": 6000, "best": 12_000}
_OWN_KEYS = frozenset({"target", "schema_file", "test"})
"""The keys by which a source is a table, whatever else it could be."""


def _words(value: Any) -> Any:
    """Accept one word for a list of it."""
    return (value,) if isinstance(value, str) else value


def _absolute(path: str | None) -> str | None:
    return None if path is None else str(Path(path).expanduser().absolute())


class TableReading(Reading):
    """How tables are opened: their columns become variables."""

    kind: Literal["table"] = "table"
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

    def read(self, source: str, schema: TableSchema | None, *, own: bool) -> Dataset:
        """Read a table from a file, a folder, or by its name."""
        return read_table(
            source,
            schema=schema,
            delimiter=self.delimiter,
            encoding=self.encoding,
            header=self.header,
            missing=self.missing_marks,
            test=self.test if own else None,
            **self._columns(schema),
        )

    def convert(self, found: Any, schema: TableSchema | None = None) -> Dataset:
        """Return the table of a frame."""
        return table_to_dataset(found, schema=schema, **self._columns(schema))

    def _columns(self, schema: TableSchema | None) -> dict[str, Any]:
        declared = read_schema_file(Path(self.schema_file)) if self.schema_file and schema is None else None
        return {"overrides": declared, "target": self.target, "model_missing": self.missing == "model"}


class Tables(Modality):
    """Tables of mixed columns with missing cells."""

    kind = "table"
    words = Words("row", "rows", "variable", "a table in memory")
    reads = "tables: .csv, .tsv, .parquet, .arrow, or a frame of pyarrow, pandas or polars"
    reading = TableReading
    description = TableVAE
    schema = TableSchema
    batches = (256, 1024)

    def claims(self, source: str, keys: frozenset[str]) -> bool:
        """Say whether there is a table; one whose column of texts is named is none."""
        return "column" not in keys and (bool(_OWN_KEYS & keys) or is_table(source))

    def holds(self, found: Any) -> bool:
        """Say whether this is a frame, or a mapping of columns."""
        return is_frame(found)

    def settings(self, given: Mapping[str, Any], model: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the keys of reading: only rows that are made need cells that are missing."""
        synthesis = model.get("goal", "synthesis") == "synthesis"
        return given if synthesis else {"missing": "ignore", **given}

    def lengths(self, situation: Situation, model: Mapping[str, Any]) -> list[Choice]:
        """Return the batch and how long to train: small tables get a number of steps."""
        count, preset = situation.count, situation.preset
        batch = self.batch(count, (256, 256) if model.get("goal") == "imputation" else self.batches)
        if count >= _FEW_ROWS:
            return [batch, self.duration(preset)]
        why = f"{count:,} training rows: a number of steps, for a bound on so few held-out ones is too noisy to end by"
        return [batch, Choice(key="steps", value=_STEPS[preset], reason=why)]

    def complete(self, given: Sections, pace: Pace) -> Completed:
        """Return the keys completed by those of the goal."""
        return with_goal(given)

    def restated(self, description: TableVAE) -> tuple[dict[str, Any] | None, Description]:
        """Return the keys of a description that names a goal; without one it is the bound alone."""
        if "goal" in description.model_fields_set:
            return description.stated(), description
        return None, description.replace(goal="density")

    def choose(
        self, data: Dataset, keys: Mapping[str, Any], situation: Situation
    ) -> tuple[Description, tuple[Choice, ...]]:
        """Return the description that suits the table."""
        assert isinstance(data.schema, TableSchema)
        return choose_table_model(data.schema, keys, count=situation.count, preset=situation.preset)

    def simple_prior(self, description: TableVAE) -> str | None:
        """Return why the prior is the simplest, where another one is fitted after training."""
        return "while training: another one is fitted after it" if description.goal == "synthesis" else None

    def optimization(self, description: TableVAE, batch: int) -> list[Choice]:
        """Return the learning rate and the threads."""
        return [
            Choice(key="lr", value=2e-3, reason="layer-normed dense layers bear twice Adam's usual peak"),
            Choice(key="threads", value=1, reason="a step is many small operations, for which threads only wait"),
        ]
