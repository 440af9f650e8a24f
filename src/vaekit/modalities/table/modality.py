"""Tables as a kind of data: how they are opened, goals, and the choices of training."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator

from vaekit.data import Dataset, TableSchema, is_frame, is_table, read_table, table_to_dataset
from vaekit.data.foreign import user_path
from vaekit.data.table import SchemaFile, read_schema_file
from vaekit.modalities.choice import Choice
from vaekit.modalities.description import Description
from vaekit.modalities.modality import Chosen, Completed, Modality, Pace, Sections, Situation, Words
from vaekit.modalities.reading import DelimitedReading
from vaekit.modalities.table.choices import choose_table_model, with_goal
from vaekit.modalities.table.description import TableVAE

__all__ = ["TableReading", "Tables"]

_EPOCHS_FROM = 2048  # training rows from which training is measured in epochs
_STEPS = {"fast": 2000, "balanced": 6000, "best": 12_000}
_OWN_KEYS = frozenset({"target", "schema_file", "test"})
"""The keys that only tables have."""


def _as_list(value: Any) -> Any:
    """Accept a single word in place of a list."""
    return (value,) if isinstance(value, str) else value


def _absolute(path: str | None) -> str | None:
    return None if path is None else str(user_path(path).absolute())


class TableReading(DelimitedReading):
    """How tables are opened and their columns turned into variables."""

    kind: Literal["table"] = "table"
    target: str | None = None
    """The column to predict: it labels the rows, and synthetic rows are judged by it; null for no such column."""
    schema_file: Annotated[str | None, AfterValidator(_absolute)] = None
    """A schema.yaml that declares the columns, as vaekit inspect --schema writes it."""
    test: Annotated[str | None, AfterValidator(_absolute)] = None
    """A file whose rows are the test part; null takes the test part from the data."""
    missing: Literal["model", "ignore"] = "model"
    """model learns which cells are missing, as part of the data; ignore treats them as missing at random."""
    constraints: Literal["declared", "auto"] = "declared"
    """auto also finds rules that all training rows keep, and new rows and filled cells keep them; declared keeps those of schema_file."""
    missing_marks: Annotated[tuple[str, ...], BeforeValidator(_as_list)] = ()
    """Words that mark a missing cell, in addition to the usual ones."""

    def read(self, source: str, schema: TableSchema | None, *, own: bool) -> Dataset:
        """Read a table from a file, a folder, or by its name."""
        test = self.test if own else None
        columns = self._columns(schema)
        return read_table(source, schema=schema, missing=self.missing_marks, test=test, **self.dialect, **columns)

    def convert(self, data: Any, schema: TableSchema | None = None) -> Dataset:
        """Return the data set of a frame."""
        return table_to_dataset(data, schema=schema, **self._columns(schema))

    def _columns(self, schema: TableSchema | None) -> dict[str, Any]:
        declared = read_schema_file(Path(self.schema_file)) if self.schema_file and schema is None else None
        if self.constraints == "auto" and schema is None:
            declared = (declared or SchemaFile()).replace(keep_rules=True)
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
        """Return whether the source holds a table; it does not if a column of texts is named."""
        return "column" not in keys and (bool(_OWN_KEYS & keys) or is_table(source))

    def holds(self, data: Any) -> bool:
        """Return whether the object is a frame, or a mapping of columns."""
        return is_frame(data)

    def settings(self, reading: Mapping[str, Any], model: Mapping[str, Any]) -> Mapping[str, Any]:
        """Complete the keys of reading: missing cells are modelled only to make new rows."""
        synthesis = model.get("goal", "synthesis") == "synthesis"
        return reading if synthesis else {"missing": "ignore", **reading}

    def lengths(self, _data: Dataset, model: Mapping[str, Any], situation: Situation) -> list[Choice]:
        """Choose the batch and the length of training, which is a number of steps for small tables."""
        count, preset = situation.count, situation.preset
        batch = self.batch(count, (256, 256) if model.get("goal") == "imputation" else self.batches)
        if count >= _EPOCHS_FROM:
            return [batch, self.duration(preset)]
        why = f"{count:,} training rows: a number of steps, as the bound on so few held-out rows is too noisy to stop training by"
        steps = _STEPS[preset]
        if model.get("goal") == "imputation":
            steps, why = steps // 2, f"{why}; half as many as for other goals, as a Gaussian and forests help"
        return [batch, Choice(key="steps", value=steps, reason=why)]

    def complete(self, keys: Sections, pace: Pace) -> Completed:
        """Complete the user's keys by those of the goal."""
        return with_goal(keys)

    def restated(self, description: TableVAE) -> tuple[dict[str, Any] | None, Description]:
        """Return the keys of a description that names a goal; without a goal the plain bound is trained."""
        if "goal" in description.model_fields_set:
            return description.stated(), description
        return None, description.replace(goal="density")

    def choose(self, data: Dataset, keys: Mapping[str, Any], situation: Situation) -> Chosen:
        """Return the description that suits the table."""
        assert isinstance(data.schema, TableSchema)
        return choose_table_model(data.schema, keys, count=situation.count, preset=situation.preset)

    def simple_prior(self, description: TableVAE) -> str | None:
        """Return the reason for the simplest prior, if another one is fitted after training."""
        return "while training: another one is fitted after it" if description.goal == "synthesis" else None

    def optimization(self, description: TableVAE, batch: int) -> list[Choice]:
        """Choose the learning rate and the number of threads."""
        return [
            Choice(key="lr", value=2e-3, reason="layer-normed dense layers tolerate twice Adam's usual peak"),
            Choice(key="threads", value=1, reason="a step is many small operations, for which threads only wait"),
        ]
