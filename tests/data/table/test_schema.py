"""A table, coded and decoded as a whole; and tables that are not quite those of training."""

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given, strategies as st

from data.table.columns import WORDS, cells, decimals, quick, reals, same, times
from vaekit.data.table.building import infer_schema
from vaekit.data.table.column import Declared, SchemaFile
from vaekit.data.table.schema import TableSchema

rng = np.random.default_rng(0)
ROWS = 400


def mixed(rows=ROWS, seed=0):
    draw = np.random.default_rng(seed)
    words = np.array(["Straße", "日本", "naïve", "🙂"], dtype=object)
    return pa.table(
        {
            "id": [f"u{number:05d}" for number in range(rows)],
            "amount": np.where(draw.random(rows) < 0.6, 0, draw.integers(1, 10**5, rows)),
            "price": pa.array(np.round(draw.lognormal(2, 1, rows), 2), mask=draw.random(rows) < 0.2),
            "word": pa.array(words[draw.integers(0, 4, rows)], mask=draw.random(rows) < 0.1),
            "few": draw.integers(1, 6, rows),
            "when": pa.array(draw.integers(0, 5000, rows) * 86_400_000).cast(pa.timestamp("ms", "Europe/Berlin")),
            "yes": draw.random(rows) < 0.3,
            "same": [7] * rows,
            "nothing": pa.nulls(rows, pa.string()),
            "size": draw.choice(["low", "medium", "high"], rows),
            "note": [f"this is the remark of number {number}" for number in range(rows)],
        }
    )


@pytest.fixture(scope="module")
def schema():
    return infer_schema(mixed(), target="word", model_missing=True)


def test_slots_lie_column_by_column(schema):
    names = ["amount", "amount:rest", "price", "price?", "word", "word?", "few", "when", "yes", "size"]
    assert [slot.name for slot in schema.slots] == names
    kinds = {slot.name: slot.kind for slot in schema.slots}
    assert kinds["amount"] == kinds["price?"] == kinds["few"] == "categorical"
    assert kinds["amount:rest"] == kinds["price"] == kinds["when"] == "real" and kinds["size"] == "ordinal"
    assert schema.slots_of("amount") == range(0, 2) and schema.slots_of("price") == range(2, 4)
    assert schema.slots_of("id") == range(0, 0) and schema.slots_of("size") == range(9, 10)
    with pytest.raises(ValueError, match="but 'sise' was asked for"):
        schema.slots_of("sise")


def test_columns_are_compared_as_numbers_or_classes(schema):
    numeric = [name for name, kind in schema.kinds.items() if kind == "numeric"]
    assert numeric == ["amount", "price", "few", "when"]
    assert [name for name in schema.kinds if name not in numeric] == ["word", "yes", "size"]


def test_a_table_comes_back(schema):
    table = mixed()
    codes = schema.encode(table)
    assert codes.dtype == torch.float32 and codes.shape == (ROWS, 10)
    again = schema.decode(codes)
    assert again.schema.equals(table.schema)
    for name in ("amount", "price", "word", "few", "when", "yes", "same", "nothing", "size"):
        assert same(again.column(name), table.column(name)), name
    assert again.column("id")[0].as_py() == "u00400" and again.column("note").null_count == ROWS


def test_missing_cells_have_a_variable_of_their_own(schema):
    codes = schema.encode(mixed())
    assert (codes[:, 3] == codes[:, 2].isnan()).all() and (codes[:, 5] == codes[:, 4].isnan()).all()
    codes[:, 2], codes[:5, 3], codes[5:, 3] = 0.1, 1, 0
    found = schema.decode(codes).column("price")
    assert found.null_count == 5 and found[4].as_py() is None


def test_json_is_exact_and_small(schema):
    text = schema.model_dump_json()
    again = TableSchema.model_validate_json(text)
    assert again == schema and hash(again) == hash(schema) and again.model_dump_json() == text
    assert torch.equal(again.encode(mixed(seed=3)).nan_to_num(), schema.encode(mixed(seed=3)).nan_to_num())
    assert len(text) < 50_000
    assert "knots" not in str(schema.brief()) and schema.brief()["counts"]["categorical"] == 1


def test_a_schema_that_was_used_still_equals_its_copy(schema):
    again = type(schema).model_validate_json(schema.model_dump_json())
    for one in (schema, again):
        one.log_jacobian(one.encode(mixed()))
    assert again == schema and hash(again) == hash(schema)


def test_the_jacobian_of_a_row_is_the_sum_over_its_cells(schema):
    table = mixed()
    codes = schema.encode(table)
    total = schema.log_jacobian(codes)
    assert total.dtype == torch.float64 and total.isfinite().all()
    hidden = codes.clone()
    hidden[:, 7] = torch.nan
    unit = total - schema.log_jacobian(hidden)
    column = schema.column("when")
    np.testing.assert_allclose(unit, column.codec.log_jacobian(codes[:, 7:8].double().numpy()))
    hidden[:] = torch.nan
    assert (schema.log_jacobian(hidden) == 0).all()


def test_the_first_rows_do_not_depend_on_how_many_follow():
    words = pa.table({"w": ["a"] * 900 + [f"r{number % 9}" for number in range(45)] + ["b"] * 55})
    schema = infer_schema(words)
    codes = np.full((50, 1), schema.slots[0].levels - 1.0)
    assert schema.decode(codes[:7], seed=4).equals(schema.decode(codes, seed=4).slice(0, 7))
    assert not schema.decode(codes, seed=4).equals(schema.decode(codes, seed=5))


@st.composite
def tables(draw):
    rows = draw(st.integers(2, 25))
    kinds = [
        cells(decimals(10**4), pa.float64(), rows, rows),
        cells(st.integers(-(10**5), 10**5), pa.int64(), rows, rows),
        cells(st.integers(-(2**63), 2**63 - 1), pa.int64(), rows, rows),
        cells(reals(), pa.float64(), rows, rows),
        cells(WORDS, pa.string(), rows, rows),
        cells(st.booleans(), pa.bool_(), rows, rows),
        times(spread=10**4).map(lambda found: found.take(pa.array([place % len(found) for place in range(rows)]))),
        st.just(pa.nulls(rows, pa.float64())),
        st.just(pa.array(["same"] * rows)),
    ]
    found = draw(st.lists(st.one_of(kinds), min_size=1, max_size=5))
    return pa.table({f"c{place} + ü": column for place, column in enumerate(found)})


@quick
@given(tables(), st.booleans())
def test_every_table_comes_back(table, model_missing):
    try:
        schema = infer_schema(table, model_missing=model_missing)
    except ValueError as error:
        assert "must have a column to model" in str(error)
        return
    assert TableSchema.model_validate_json(schema.model_dump_json()) == schema
    codes = schema.encode(table)
    again = schema.decode(codes)
    assert codes.shape == (table.num_rows, len(schema.slots)) and again.schema.equals(table.schema)
    for column in schema.columns:
        before, after = table.column(column.name), again.column(column.name)
        if column.codec.kind in ("levels", "ordinal", "count"):
            assert same(after, before)
        if column.slots():
            assert after.is_null().equals(before.is_null())
        if column.codec.kind in ("numeric", "spiked"):
            close(before, after)


def close(before, after):
    """Numbers come back as single precision knows them: to a millionth of their range."""
    if pa.types.is_timestamp(before.type):
        before, after = before.cast(pa.int64()), after.cast(pa.int64())
    x, y = (column.cast(pa.float64(), safe=False).to_numpy() for column in (before, after))
    np.testing.assert_allclose(y, x, rtol=0, atol=2e-6 * (np.nanmax(x) - np.nanmin(x)) + 1e-12)


def test_ordinary_grids_survive_single_precision():
    table = pa.table(
        {"fnlwgt": rng.integers(12_000, 1_500_000, 30_000), "price": np.round(rng.lognormal(3, 1, 30_000), 2)}
    )
    schema = infer_schema(table)
    assert schema.decode(schema.encode(table)).equals(table)


def test_columns_are_known_by_name(schema):
    table = mixed(seed=1)
    shuffled = table.select(table.column_names[::-1]).append_column("extra", pa.array([1] * ROWS))
    found, notes = schema.align(shuffled)
    assert found.equals(table) and notes == ("column 'extra' is not one of the model's and is ignored",)


def test_a_column_that_is_not_there_is_named(schema):
    table = mixed().drop_columns("price")
    with pytest.raises(
        ValueError, match=r"the table must have the column 'price', but has only id, amount, .* and 2 more"
    ):
        schema.align(table)


def test_a_column_of_another_type_is_named(schema):
    table = mixed().slice(0, 3)
    place = table.column_names.index("amount")
    words = table.set_column(place, "amount", pa.array(["12", "none", "3"]))
    with pytest.raises(
        ValueError, match="column 'amount' must hold int64, as in training, but holds string, such as 'none'"
    ):
        schema.align(words)
    halves = table.set_column(place, "amount", pa.array([1.0, 2.5, 3.0]))
    with pytest.raises(ValueError, match=r"column 'amount' must hold int64, .* but holds float64, such as '2.5'"):
        schema.align(halves)
    whole = table.set_column(place, "amount", pa.array([1.0, 2.0, None]))
    assert schema.align(whole)[0].column("amount").to_pylist() == [1, 2, None]
    unknown = table.set_column(place, "amount", pa.nulls(3, pa.string()))
    assert schema.align(unknown)[0].column("amount").to_pylist() == [None] * 3


def test_values_that_training_did_not_have_are_named(schema):
    table = mixed().slice(0, 5)
    strange = pa.array(["日本", "z1", "z2", "z3", "z4"])
    table = table.set_column(table.column_names.index("word"), "word", strange)
    found, notes = schema.align(table)
    assert notes == ("column 'word' has values that training did not: z1, z2, z3",)
    assert schema.encode(found)[:, 4].isposinf().tolist() == [False, True, True, True, True]


def test_schemas_are_checked_against_each_other(schema):
    schema.check(schema.replace(classes=()))
    other = infer_schema(mixed().drop_columns("few"))
    with pytest.raises(ValueError, match="column 'few': the model expects int64, the data have no such column"):
        schema.check(other)
    with pytest.raises(ValueError, match="the model expects a table, the data are unknown"):
        schema.check(None)


def test_a_column_that_is_dropped_is_not_missed():
    declared = SchemaFile(columns=(Declared(name="few", use="drop"),))
    schema = infer_schema(mixed(), overrides=declared)
    assert "few" in schema.names and "few" not in [column.name for column in schema.columns]
    assert (
        schema.align(mixed())[1] == ()
        and "few" not in schema.decode(schema.encode(schema.align(mixed())[0])).column_names
    )
