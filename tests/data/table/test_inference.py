"""What columns are taken for: small tables, and those that come with scikit-learn."""

import re

import numpy as np
import pyarrow as pa
import pytest

from vaekit.data.table.building import infer_schema
from vaekit.data.table.bundled import raw_from_sklearn
from vaekit.data.table.column import Declared, SchemaFile
from vaekit.data.table.fitting import fit_column
from vaekit.data.table.inference import find_spikes

rng = np.random.default_rng(0)
ROWS = 2000


def often(words):
    return rng.choice(words, ROWS)


def money():
    """Mostly nothing, sometimes round, else anything."""
    amounts = rng.lognormal(8, 1.5, ROWS).round()
    return np.where(rng.random(ROWS) < 0.3, rng.choice([0, 0, 1000, 5000], ROWS), amounts).astype(np.int64)


EXPECTED = [
    # name, cells, kind, codec, what the reason says
    ("weight", lambda: rng.normal(70, 12, ROWS), "continuous", "quantile", "2000 distinct numbers"),
    ("price", lambda: rng.lognormal(3, 1, ROWS).round(2), "continuous", "quantile", "distinct numbers"),
    ("fnlwgt", lambda: rng.integers(12_000, 1_500_000, ROWS), "continuous", "quantile", "distinct numbers"),
    ("age", lambda: rng.integers(17, 91, ROWS), "continuous", "levels", "74 distinct values, each 27 times on average"),
    ("rating", lambda: rng.integers(1, 6, ROWS) / 2, "continuous", "levels", "5 distinct values"),
    ("capital", lambda: np.where(rng.random(ROWS) < 0.9, 0, rng.integers(100, 99_999, ROWS)), "spiked", "spiked", "(89|9[01])% of the cells are 0"),
    ("paid", money, "spiked", "spiked", "% of the cells are 0, (1000, 5000|5000, 1000)"),
    ("visits", lambda: rng.negative_binomial(3, 0.05, ROWS), "count", "count", "integers from [01] to"),
    ("share", lambda: rng.beta(0.5, 0.5, ROWS), "bounded", "quantile", "distinct numbers from 0 to 1"),
    ("sex", lambda: often(["f", "m"]), "binary", "levels", "two values: f and m"),
    ("default", lambda: rng.integers(0, 2, ROWS), "binary", "levels", "two values: 0 and 1"),
    ("open", lambda: rng.random(ROWS) < 0.2, "binary", "levels", "two values: false and true"),
    ("city", lambda: often(["Köln", "東京", "Ub"]), "categorical", "categories", "3 different words"),
    ("risk", lambda: often(["Low", "High", "Medium"]), "ordinal", "ordinal", "3 words with a usual order"),
    ("band", lambda: often(["<18", "18-24", "25-64", "65+"]), "ordinal", "ordinal", "4 words with a usual order"),
    ("born", lambda: pa.array(rng.integers(0, 9000, ROWS) * 86_400).cast(pa.timestamp("s")), "datetime", "quantile", "distinct points in time"),
    ("month", lambda: pa.array(rng.integers(0, 12, ROWS) * 10**7).cast(pa.timestamp("s")), "datetime", "levels", "12 distinct values"),
    ("code", lambda: [f"X{n}" for n in rng.permutation(ROWS)], "identifier", "identifier", "2000 of 2000 cells are different words"),
    ("row", lambda: rng.permutation(ROWS), "identifier", "identifier", "2000 integers, all different"),
    ("customer_id", lambda: rng.choice(10**9, ROWS, replace=False), "identifier", "identifier", "2000 integers, all different"),
    ("income", lambda: rng.choice(10**9, ROWS, replace=False), "continuous", "quantile", "2000 distinct numbers"),
    ("same", lambda: ["x"] * ROWS, "constant", "constant", "every cell is x"),
    ("void", lambda: pa.nulls(ROWS, pa.float64()), "constant", "constant", "every cell is missing"),
    ("remark", lambda: [f"they wrote {n} long lines here" for n in rng.permutation(ROWS)], "text", "text", "sentences, 2000 of 2000 different"),
    ("surname", lambda: [f"N{n}" for n in rng.integers(0, 600, ROWS)], "categorical", "categories", "different words"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "make", "kind", "codec", "said"), EXPECTED, ids=[case[0] for case in EXPECTED])
def test_columns_are_what_they_look_like(name, make, kind, codec, said):
    made = make()
    column = fit_column(name, made if isinstance(made, pa.Array) else pa.array(made))
    assert (column.kind, column.codec_name) == (kind, codec), column.reason
    assert re.search(said, column.reason), column.reason


def test_the_tables_of_scikit_learn():
    kinds = {}
    for name in ("breast-cancer", "wine", "diabetes"):
        schema = infer_schema(raw_from_sklearn(name).table, target="target")
        kinds[name] = {column.name: (column.kind, column.codec_name) for column in schema.columns}
        assert schema.classes == {
            "breast-cancer": ("benign", "malignant"),
            "wine": ("class_0", "class_1", "class_2"),
        }.get(name, ())
    assert kinds["breast-cancer"].pop("target") == ("binary", "levels")
    assert kinds["wine"].pop("target") == ("categorical", "categories")
    for name in ("breast-cancer", "wine"):
        assert set(kinds[name].values()) == {("continuous", "quantile")}
    assert kinds["diabetes"].pop("sex") == ("binary", "levels")
    assert kinds["diabetes"].pop("s4") == ("spiked", "spiked")  # a ratio of cholesterols: 2, 3, 4, 5, and some decimals
    assert set(kinds["diabetes"].values()) == {("continuous", "quantile")}


def test_a_few_rows_do_not_make_a_name():
    assert fit_column("word", pa.array(["a", "b", "c"])).kind == "categorical"
    assert fit_column("number", pa.array([1, 2, 3])).kind == "continuous"


def test_there_is_one_zero():
    column = pa.array([0.0, -0.0, 1.0, 2.0] * 50)
    codec = fit_column("x", column).codec
    assert codec.labels == (0.0, 1.0, 2.0) and codec.encode(column)[:4, 0].tolist() == [0, 0, 1, 2]
    assert codec.unseen(column) == ()


def test_a_target_never_names_rows_and_keeps_its_rare_classes():
    unique = pa.array([f"w{number}" for number in range(50)])
    assert fit_column("y", unique, role="target").kind == "categorical"
    rare = pa.array(["a"] * 5000 + ["b"] * 4000 + ["c"])
    assert fit_column("y", rare, role="target").codec.labels == ("a", "b", "c")
    assert fit_column("y", rare).codec.rare == ("c",)


def test_spikes_stand_out_of_what_surrounds_them():
    smooth = rng.poisson(300, 400)
    assert len(find_spikes(smooth)) == 0
    smooth[[5, 200]] = 5000
    assert find_spikes(smooth).tolist() == [5, 200]
    assert len(find_spikes(np.where(np.arange(4000) % 10, 1, 90))) == 0  # no more than 1 % each
    assert len(find_spikes(np.where(np.arange(450) % 5, 1, 900))) <= 40


@pytest.mark.parametrize(
    ("declared", "cells", "kind", "codec"),
    [
        (Declared(name="x", kind="continuous"), [1, 2, 3] * 50, "continuous", "quantile"),
        (Declared(name="x", codec="log1p"), [1, 2, 3] * 50, "continuous", "log1p"),
        (Declared(name="x", kind="bounded", min=0, max=10), [1, 2, 3] * 50, "bounded", "logit"),
        (Declared(name="x", kind="categorical"), [1, 2, 3] * 50, "categorical", "categories"),
        (Declared(name="x", kind="count"), [1.0, 2.0, None] * 50, "count", "count"),
        (Declared(name="x", order=("b", "a", "c")), ["a", "b"] * 50, "ordinal", "ordinal"),
        (Declared(name="x", kind="ordinal"), [3, 1, 2] * 50, "ordinal", "ordinal"),
        (Declared(name="x", kind="spiked"), [0, 1, 2, 3] * 50, "spiked", "spiked"),
        (Declared(name="x", kind="text"), ["a", "b"] * 50, "text", "text"),
        (Declared(name="x", kind="count"), [None, None], "constant", "constant"),
    ],
)
def test_what_is_declared_is_done(declared, cells, kind, codec):
    column = fit_column("x", pa.array(cells, pa.int64() if cells == [None, None] else None), declared)
    assert (column.kind, column.codec_name) == (kind, codec)


def test_an_order_and_bounds_are_kept():
    ordinal = fit_column("x", pa.array(["a", "b"] * 50), Declared(name="x", order=("b", "a", "c"))).codec
    assert ordinal.labels == ("b", "a", "c") and ordinal.slots("x")[0].levels == 3
    bounds = pa.scalar(0.0), pa.scalar(10.0)
    bounded = fit_column("x", pa.array([1.5, 2.5, 3.0] * 50), Declared(name="x", kind="bounded"), bounds=bounds).codec
    assert bounded.encode(pa.array([-0.5, 10.5])).ravel().tolist() == [np.inf, np.inf]
    span = bounded.axis.cells(np.array([bounded.map.low, bounded.map.high]), "float64")
    assert bounded.map.low < 0 < bounded.map.high and span.to_pylist() == [1.5, 3.0]


@pytest.mark.parametrize(
    ("declared", "cells", "said"),
    [
        ({"kind": "count"}, [1, -3], "column 'x' is declared a count, so it must hold non-negative integers, but has -3"),
        ({"kind": "count"}, [1.0, 2.5], "non-negative integers, but has 2.5"),
        ({"kind": "continuous"}, ["a", "b"], "column 'x' is declared continuous, so it must hold numbers, but holds string"),
        ({"kind": "count"}, [True, False], "column 'x' is declared count, so it must hold numbers, but holds bool"),
        ({"kind": "categorical", "codec": "log1p"}, [1, 2], "column 'x': a categorical column is coded as categories or levels"),
        ({"order": ("a", "c")}, ["a", "b"], "column 'x': order must list all of its values, but 'b' is not in it"),
        ({"order": ("a", "b")}, [1, 2], "column 'x': order must list values of type int64, but has 'a'"),
        ({"kind": "constant"}, [1, 2], "column 'x' is declared constant, but has 2 different values"),
        ({"kind": "identifier"}, [1.5, 2.0], "column 'x' is declared identifier, so it must hold words or integers"),
    ],
)  # fmt: skip
def test_what_is_declared_must_fit(declared, cells, said):
    with pytest.raises(ValueError, match="column 'x'") as error:
        fit_column("x", pa.array(cells), Declared(name="x", **declared))
    assert said in str(error.value)


def test_infinities_are_refused_by_name():
    table = pa.table({"y": [1.0, 2.0, 3.0], "x": [1.0, np.inf, 2.0]})
    with pytest.raises(ValueError, match="column 'x' must hold finite numbers, but has inf"):
        infer_schema(table)


def test_what_is_declared_must_be_there():
    table = pa.table({"a": [1, 2], "b": [3, 4]})
    with pytest.raises(ValueError, match="column 'aa' is declared, but the table has only a, b"):
        infer_schema(table, overrides=SchemaFile(columns=(Declared(name="aa"),)))
    with pytest.raises(ValueError, match="column 'a' must be declared once, but is declared 2 times"):
        infer_schema(table, overrides=SchemaFile(columns=(Declared(name="a"), Declared(name="a"))))
    with pytest.raises(ValueError, match="target must be one of a, b, but is 'c'"):
        infer_schema(table, target="c")


def test_a_table_without_anything_to_model_is_refused():
    with pytest.raises(
        ValueError, match=r"a table must have a column to model, but has only a \(constant\), b \(constant\)"
    ):
        infer_schema(pa.table({"a": [1], "b": ["x"]}))
