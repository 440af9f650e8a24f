"""schema.yaml: what is written is what is read; what is mistyped is named, with the nearest that is known."""

import numpy as np
import pyarrow as pa
import pytest

from vaekit.data.table.building import infer_schema
from vaekit.data.table.column import Declared, SchemaFile
from vaekit.data.table.constraints import FixedCombinations, Inequality, OneHot, Range
from vaekit.data.table.schema_file import read_schema_file, write_schema_file

rng = np.random.default_rng(0)
ROWS = 300


@pytest.fixture
def table():
    start = rng.integers(0, 1000, ROWS)
    hot = rng.integers(0, 2, ROWS)
    return pa.table(
        {
            "yes": rng.random(ROWS) < 0.5,
            "größe: m": rng.normal(size=ROWS).round(2),
            "risk": rng.choice(["low", "medium", "high"], ROWS),
            "rank": rng.choice([30, 10, 20], ROWS),
            "start": start,
            "end": start + rng.integers(0, 90, ROWS),
            "no": rng.integers(0, 2000, ROWS),
            "city": rng.choice(["a", "b"], ROWS),
            "land": ["x"] * ROWS,
            "is_a": hot,
            "is_b": 1 - hot,
        }
    )


@pytest.fixture
def declared():
    return SchemaFile(
        target="risk",
        columns=(Declared(name="rank", order=(30, 10, 20)), Declared(name="no", use="drop")),
        constraints=(
            Inequality(low="start", high="end"),
            Range(column="größe: m", min=-10.0, max=10),
            FixedCombinations(columns=("city", "land")),
            OneHot(columns=("is_a", "is_b")),
        ),
    )


def test_what_is_written_gives_the_same_schema(table, declared, tmp_path):
    schema = infer_schema(table, overrides=declared)
    write_schema_file(schema, tmp_path / "schema.yaml")
    found = read_schema_file(tmp_path / "schema.yaml")
    assert found.names == tuple(table.column_names) and found.target == "risk"
    again = infer_schema(table, overrides=found)
    assert again.constraints == schema.constraints and again.sources == schema.sources
    assert again.classes == schema.classes == ("low", "medium", "high")
    for before, after in zip(schema.columns, again.columns, strict=True):
        assert (before.name, before.kind, before.codec) == (after.name, after.kind, after.codec)


def test_the_file_reads_well(table, declared, tmp_path):
    write_schema_file(infer_schema(table, overrides=declared), tmp_path / "schema.yaml")
    lines = (tmp_path / "schema.yaml").read_text(encoding="utf-8").splitlines()
    assert "target: risk" in lines
    place = lines.index("  - name: risk")
    assert lines[place + 1 : place + 4] == [
        "    kind: ordinal  # 3 words with a usual order",
        "    codec: ordinal",
        "    order: [low, medium, high]",
    ]
    assert "  - name: 'größe: m'" in lines and "  - name: 'yes'" in lines
    assert lines[lines.index("  - name: 'no'") + 1] == "    use: drop"
    assert "  - name: end  # see constraints" in lines
    assert "  - {kind: inequality, low: start, high: end, strict: false}" in lines


def test_bounds_make_a_range(tmp_path):
    path = tmp_path / "schema.yaml"
    path.write_text("columns:\n  - {name: x, min: 0, max: 5}\n  - {name: t, min: 2001-01-01}\n")
    found = read_schema_file(path)
    times = pa.array([10**9 + number for number in range(50)]).cast(pa.timestamp("s"))
    schema = infer_schema(pa.table({"x": [1.5, 2.0] * 25, "t": times}), overrides=found)
    assert schema.constraints == (Range(column="x", min=0, max=5), Range(column="t", min="2001-01-01"))
    with pytest.raises(ValueError, match="constraint 0 <= x <= 5 must hold in every row, but row 2 has x = 6"):
        infer_schema(pa.table({"x": [1, 6] * 25, "t": times}), overrides=found)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("columns:\n  - {name: x, knd: count}", "schema.yaml: column 'x': there is no key 'knd'; did you mean kind?"),
        ("columns:\n  - {name: x, kind: cuont}", "column 'x': kind must be one of"),
        ("columns:\n  - {name: x, kind: cuont}", "but is 'cuont'; did you mean count?"),
        ("columns:\n  - {kind: count}", "schema.yaml: column 'count': name is refused (field required)"),
        ("colums: []", "schema.yaml: there is no key 'colums'; did you mean columns?"),
        ("constraints:\n  - {kind: inequality, low: a, hihg: b}", "constraint 'inequality': "),
        ("constraints:\n  - {kind: inequalty, low: a, high: b}", "constraint 'inequalty': "),
        ("columns: 3", "schema.yaml: columns is refused"),
        ("- a\n- b", "schema.yaml must have the keys columns, constraints, target"),
        ("", "schema.yaml must have the keys columns, constraints, target"),
        ("a: [1", "schema.yaml must be YAML, but cannot be read"),
    ],
)
def test_what_is_mistyped_is_named(text, said, tmp_path):
    path = tmp_path / "schema.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"schema\.yaml") as error:
        read_schema_file(path)
    assert said in str(error.value) and "\n" not in str(error.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"a schema must be a file such as schema\.yaml, but there is no"):
        read_schema_file(tmp_path / "none.yaml")
