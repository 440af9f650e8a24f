"""A schema as a file that people read and edit: schema.yaml."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from vaekit.data.foreign import read_yaml
from vaekit.data.table.column import Column, Declared, SchemaFile
from vaekit.data.table.discrete import Ordinal
from vaekit.data.table.schema import TableSchema
from vaekit.errors import shortened

__all__ = ["read_schema_file", "write_schema_file"]

HEAD = """\
# The schema of a table. Change a kind, a codec or an order, bound a number with min and max, leave a column out with
# use: drop, and give the file back. Everything else is inferred from the data.
#
# kinds   continuous spiked count bounded binary categorical ordinal datetime identifier constant text
# codecs  quantile standard log1p logit levels spiked count categories ordinal identifier constant text
"""

KNOWN = tuple(
    dict.fromkeys((*SchemaFile.model_fields, *Declared.model_fields, "kind", "low", "high", "strict", "column"))
)
"""The keys of the file; a mistyped one is compared with them."""


def write_schema_file(schema: TableSchema, path: Path) -> None:
    """Write the columns of a schema, with the reasons for their kinds as comments.

    Args:
        schema: The schema.
        path: The file.
    """
    lines = [HEAD]
    if schema.target is not None:
        lines.append(f"target: {_scalar(schema.target)}")
    lines.append("columns:")
    columns = {column.name: column for column in schema.columns}
    for name in schema.names:
        lines += _column(name, columns.get(name), name in {source.name for source in schema.sources})
    if schema.constraints:
        lines.append("constraints:")
        lines += [f"  - {_scalar(constraint.described())}" for constraint in schema.constraints]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def read_schema_file(path: Path) -> SchemaFile:
    """Read the declarations about a table.

    Args:
        path: The file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no YAML, or a key or a value is unknown; the sentence names it and the nearest known one.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"a schema must be a file such as schema.yaml, but there is no {str(path)!r}; check the path"
        )
    try:
        raw = read_yaml(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path.name} must be YAML, but cannot be read ({error}); mend it") from error
    if not isinstance(raw, dict):
        raise ValueError(
            f"{path.name} must have the keys {', '.join(SchemaFile.model_fields)}, but has none; add columns"
        )
    try:
        return SchemaFile.model_validate(raw)
    except ValidationError as error:
        raise ValueError(_sentence(error, raw, path)) from error


def _column(name: str, column: Column | None, used: bool) -> list[str]:
    lines = [f"  - name: {_scalar(name)}"]
    if not used:
        return [*lines, "    use: drop"]
    if column is None:
        return [f"{lines[0]}  # see constraints"]
    lines += [f"    kind: {column.kind}  # {' '.join(column.reason.split())}", f"    codec: {column.codec_name}"]
    if isinstance(column.codec, Ordinal) and not column.codec.type.startswith("timestamp"):
        lines.append(f"    order: {_scalar(list(column.codec.labels))}")
    return lines


def _scalar(value: Any) -> str:
    """Return a value on one line of YAML."""
    written = yaml.safe_dump([value], default_flow_style=True, allow_unicode=True, width=1_000_000, sort_keys=False)
    return written.strip()[1:-1]


def _sentence(error: ValidationError, raw: dict[str, Any], path: Path) -> str:
    first = error.errors()[0]
    place, key = first["loc"], str(first["loc"][-1])
    where = _part(place, raw)
    if first["type"] == "extra_forbidden":
        near = get_close_matches(key[:100], KNOWN, n=1, cutoff=0.4)
        cure = f"did you mean {near[0]}?" if near else f"use one of {', '.join(Declared.model_fields)}"
        return f"{path.name}: {where}there is no key {shortened(repr(key))}; {cure}"
    return f"{path.name}: {where}{key} {_problem(first)}"


def _problem(error: Any) -> str:
    expected = error.get("ctx", {}).get("expected")
    found = error["input"]
    if expected is not None:
        words = [word.strip("' ") for word in expected.replace(" or ", ",").split(",")]
        near = get_close_matches(str(found)[:100], words, n=1)
        return f"must be one of {expected}, but is {shortened(repr(found))}" + (
            f"; did you mean {near[0]}?" if near else "; use one"
        )
    return f"is refused ({error['msg'].lower()}), it is {shortened(repr(found))}; correct it"


def _part(place: tuple[int | str, ...], raw: dict[str, Any]) -> str:
    """Return the beginning of a sentence: the name of the column or the constraint that has the error."""
    if len(place) < 2 or place[0] not in ("columns", "constraints") or not isinstance(place[1], int):
        return ""
    part = raw[str(place[0])][place[1]]
    name = part.get("name", part.get("kind")) if isinstance(part, dict) else part
    return f"{str(place[0])[:-1]} {shortened(repr(name))}: "
