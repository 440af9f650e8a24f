"""Constraints hold in every row, whatever a model makes; and the first row of a file that breaks one is named."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, strategies as st
from pydantic import TypeAdapter

from data.table.columns import WORDS, decimals, quick, same
from vaekit.data.table.building import infer_schema
from vaekit.data.table.column import SchemaFile
from vaekit.data.table.constraints import (
    AnyConstraint,
    FixedCombinations,
    Inequality,
    OneHot,
    Range,
    constrained,
    fit_constraints,
    freed,
)
from vaekit.data.table.schema import TableSchema

rng = np.random.default_rng(0)


def noise(schema, rows=10_000, scale=2.0):
    """Rows that a bad model makes: far outside, all combinations of codes."""
    columns = [
        rng.integers(0, slot.levels, rows) if slot.levels else rng.normal(0, scale, rows) for slot in schema.slots
    ]
    return np.stack(columns, axis=1).astype(float)


def schema_with(table, *constraints):
    schema = infer_schema(table, overrides=SchemaFile(constraints=constraints))
    assert TableSchema.model_validate_json(schema.model_dump_json()) == schema
    return schema


def spans(kind, rows=400):
    low = rng.integers(0, 10**6, rows)
    high = low + rng.integers(0, 10**5, rows) ** 2 // 10**5
    if kind == "cents":
        return pa.table({"a": low / 100, "b": high / 100, "c": rng.normal(size=rows)})
    if kind == "reals":
        start = rng.normal(size=rows)
        return pa.table({"a": start, "b": start + rng.gamma(0.3, 2, rows), "c": rng.normal(size=rows)})
    if kind == "times":
        zone = pa.timestamp("s", "Europe/Berlin")
        return pa.table({"a": pa.array(low).cast(zone), "b": pa.array(high).cast(zone), "c": rng.normal(size=rows)})
    return pa.table({"a": low, "b": high, "c": rng.normal(size=rows)})


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("kind", ["integers", "cents", "reals", "times"])
def test_an_inequality_holds_in_every_row(kind, strict):
    table = spans(kind)
    if strict:
        table = table.filter(pa.compute.less(table.column("a"), table.column("b")))
    schema = schema_with(table, Inequality(low="a", high="b", strict=strict))
    assert [column.name for column in schema.columns] == ["a", "b - a", "c"]
    assert schema.kinds == dict.fromkeys("abc", "numeric")
    made = schema.decode(noise(schema, scale=4.0))
    a, b = made.column("a"), made.column("b")
    less = pa.compute.less if strict else pa.compute.less_equal
    assert pa.compute.all(less(a, b)).as_py() and b.null_count == 0 and made.schema.equals(table.schema)
    limits, found = pa.compute.min_max(table.column("b")), pa.compute.min_max(b)
    assert limits["min"].as_py() <= found["min"].as_py() and found["max"].as_py() <= limits["max"].as_py()


@quick
@given(st.lists(st.tuples(decimals(10**6), st.integers(0, 1000), st.booleans()), min_size=2, max_size=20))
def test_an_inequality_gives_back_what_it_took(rows):
    low = pa.array([row[0] if row[2] else None for row in rows], pa.float64())
    high = pa.array([row[0] + row[1] if row[2] else None for row in rows], pa.float64())
    table = pa.table({"high": high, "x": pa.array(range(len(rows))), "low": low})
    (fitted,) = fit_constraints([Inequality(low="low", high="high")], table, table)
    free = freed(table, [fitted])
    assert free.column_names == ["high - low", "x", "low"]
    again = constrained(free, [fitted])
    for before, after in zip(table.column("high").to_pylist(), again.column("high").to_pylist(), strict=True):
        assert (before is None) == (after is None)
        assert before is None or after == pytest.approx(before, abs=1e-9)
    assert same(again.column("low"), table.column("low"))


def test_chains_of_inequalities_hold_in_any_order():
    a = rng.integers(0, 1000, 500)
    b = a + rng.integers(0, 500, 500)
    table = pa.table({"a": a, "b": b, "c": b + rng.integers(0, 500, 500)})
    links = Inequality(low="a", high="b"), Inequality(low="b", high="c")
    for constraints in (links, links[::-1]):
        schema = schema_with(table, *constraints)
        made = schema.decode(noise(schema))
        found = np.stack([np.asarray(made.column(name)) for name in "abc"], axis=1)
        assert (np.diff(found, axis=1) >= 0).all()
        assert schema.decode(schema.encode(table)).equals(table)


def test_a_range_holds_in_every_row():
    table = pa.table({"x": rng.uniform(0, 5, 300), "n": rng.integers(0, 500, 300)})
    schema = schema_with(table, Range(column="x", min=0, max=5), Range(column="n", min=-0.5))
    made = schema.decode(noise(schema, scale=9.0))
    assert min(made.column("x").to_pylist()) >= 0 and max(made.column("x").to_pylist()) <= 5
    wild = constrained(pa.table({"x": [-3.0, 9.0, None], "n": [-7, 3, None]}), schema.constraints)
    assert wild.to_pydict() == {"x": [0.0, 5.0, None], "n": [0, 3, None]}


def test_a_range_of_times_is_a_pair_of_dates():
    zone = pa.timestamp("ms", "Asia/Kathmandu")
    table = pa.table({"t": pa.array([10**12, 11 * 10**11]).cast(zone), "x": [1.0, 2.0]})
    limit = Range(column="t", min="2001-01-01", max="2005-06-01")
    assert fit_constraints([limit], table, table) == (limit,)
    with pytest.raises(ValueError, match="constraint 2004-01-01 <= t must hold in every row, but row 1 has t = 2001"):
        fit_constraints([Range(column="t", min="2004-01-01")], table, table)


@quick
@given(st.lists(st.tuples(WORDS, st.integers(0, 3), st.none() | st.booleans()), min_size=3, max_size=30))
def test_only_seen_combinations_come_back(rows):
    names = ("city", "zone", "open")
    columns = {name: [row[place] for row in rows] for place, name in enumerate(names)}
    kinds = (pa.string(), pa.int64(), pa.bool_())
    table = pa.table({name: pa.array(columns[name], kind) for name, kind in zip(names, kinds, strict=True)})
    (fitted,) = fit_constraints([FixedCombinations(columns=names)], table, table)
    again = constrained(freed(table, [fitted]), [fitted])
    expected = [row if None not in row else (None,) * 3 for row in rows]
    assert list(zip(*(again.column(name).to_pylist() for name in names), strict=True)) == expected
    assert again.schema.equals(table.schema)


def test_combinations_hold_in_every_row():
    place = rng.integers(0, 40, 3000)
    table = pa.table({"city": pa.array([f"ü{p} | x" for p in place]), "x": rng.normal(size=3000), "land": place // 7})
    schema = schema_with(table, FixedCombinations(columns=("city", "land")))
    made = schema.decode(noise(schema))
    seen = set(zip(table.column("city").to_pylist(), table.column("land").to_pylist(), strict=True))
    assert set(zip(made.column("city").to_pylist(), made.column("land").to_pylist(), strict=True)) <= seen
    assert schema.column("city + land").kind == "categorical"
    with pytest.raises(ValueError, match="'city' stands in the constraint only seen combinations of city and land"):
        schema.slots_of("city")


@pytest.mark.parametrize("kind", [pa.int64(), pa.bool_(), pa.float64()])
def test_one_hot_holds_in_every_row(kind):
    chosen = rng.integers(0, 3, 600)
    groups = {name: pa.array((chosen == place).astype(int)).cast(kind) for place, name in enumerate("abc")}
    table = pa.table({**groups, "x": rng.normal(size=600)})
    schema = schema_with(table, OneHot(columns=("a", "b", "c")))
    made = schema.decode(noise(schema))
    assert (sum(np.asarray(made.column(name)).astype(int) for name in "abc") == 1).all()
    assert made.schema.equals(table.schema)
    assert schema.decode(schema.encode(table)).select(["a", "b", "c"]).equals(table.select(["a", "b", "c"]))


TABLE = pa.table({"a": [1, 5, 3], "b": [2, 4, None], "c": [0, 1, 1], "w": ["x", "y", "z"], "t": [0.5, 1.5, 2.5]})


@pytest.mark.parametrize(
    ("constraint", "said"),
    [
        (
            Inequality(low="a", high="b"),
            "a <= b must hold in every row, but row 2 has a = 5, b = 4, and 1 rows break it",
        ),
        (Inequality(low="a", high="a2"), "the table has no column 'a2'"),
        (Inequality(low="a", high="w"), "'a' holds int64 and 'w' holds string"),
        (Range(column="t", max=1), "t <= 1 must hold in every row, but row 2 has t = 1.5"),
        (Range(column="w", max=1), "'w' holds string, which 1 does not bound"),
        (Range(column="a", max="soon"), "'a' holds int64, which 'soon' does not bound"),
        (OneHot(columns=("c", "b")), "exactly one of c, b is 1 must hold in every row, but row 1 has c = 0, b = 2"),
        (OneHot(columns=("c", "w")), "must hold 0 and 1, but 'w' holds string"),
    ],
)
def test_what_does_not_hold_is_named(constraint, said):
    with pytest.raises(ValueError, match="constraint") as error:
        fit_constraints([constraint], TABLE, TABLE)
    assert said in str(error.value)


def test_constraints_in_each_others_way_are_refused():
    table = pa.table({"a": [1, 1], "b": [1, 1]})
    circle = [Inequality(low="a", high="b"), Inequality(low="b", high="a")]
    with pytest.raises(ValueError, match="in each other's way"):
        fit_constraints(circle, table, table)
    with pytest.raises(ValueError, match="column 'b' stands in two constraints that replace it"):
        fit_constraints([circle[0], OneHot(columns=("a", "b"))], table.set_column(0, "a", [[0, 0]]), table)


def test_new_rows_that_break_a_constraint_are_reported():
    schema = schema_with(spans("integers"), Inequality(low="a", high="b"))
    table, notes = schema.align(pa.table({"a": [5, 5], "b": [9, 1], "c": [0.0, 0.0]}))
    assert notes == ("1 rows break the constraint a <= b: they are as unlikely as values that training did not have",)
    codes = schema.encode(table)[:, : len(schema.columns)]
    assert codes[0].isfinite().all() and codes[1].isposinf().sum() == 1 and not codes.isnan().any()


@pytest.mark.parametrize(
    "constraint",
    [
        Inequality(low="a", high="b", strict=True),
        Range(column="a", min=0, max=2.5),
        FixedCombinations(columns=("a", "b")),
        OneHot(columns=("a", "b")),
    ],
)
def test_descriptions_survive_json(constraint):
    union = TypeAdapter(AnyConstraint)
    assert union.validate_json(union.dump_json(constraint)) == constraint
    assert union.validate_python(constraint.described()) == constraint
