"""Rules: planted ones are found, and hardly any other; they are counted, and kept where asked."""

import numpy as np
import pyarrow as pa
import pytest

import vaekit
from vaekit.data.table import read_table, table_to_dataset
from vaekit.data.table.rule_search import find_rules
from vaekit.data.table.rules import any_broken

PLANTED = {
    "again = last",
    "total = goods + post + tax",
    "first <= last",
    "tax <= goods",
    "city determines country",
    "discount determines vip",
    "where pages = 0, seconds = 0.0",
    "where seconds = 0.0, pages = 0",
}


def shop(n, seed=0):
    """Visits to a shop: spikes that go together, a sum, an order, an equality and two dependencies."""
    rng = np.random.default_rng(seed)
    pages, goods, vip = rng.poisson(1.5, n), rng.gamma(2, 30, n).round(2), rng.random(n) < 0.2
    post, tax, city = rng.choice([0.0, 4.9, 9.9], n), (goods * 0.2).round(2), rng.integers(0, 12, n)
    first = rng.integers(2000, 2015, n)
    last = first + rng.poisson(2, n)
    columns = {
        "pages": pages,
        "seconds": np.where(pages > 0, rng.exponential(40, n).round(2) + 0.01, 0.0),
        "goods": goods,
        "post": post,
        "tax": tax,
        "total": (goods + post + tax).round(2),
        "city": np.char.add("c", city.astype(str)),
        "country": np.char.add("k", np.array([0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 3, 3])[city].astype(str)),
        "first": first,
        "last": last,
        "again": last,
        "vip": np.where(vip, "yes", "no"),
        "discount": np.where(vip, rng.choice([5.0, 10.0], n), 0.0),
        "noise": rng.normal(size=n),
    }
    return pa.table(columns)


TABLE = shop(2000)


def test_planted_rules_are_found_and_no_other():
    assert {str(rule) for rule in find_rules(TABLE)} == PLANTED


def test_a_new_table_of_the_same_law_keeps_them_and_a_shuffled_one_does_not():
    rules, rng = find_rules(TABLE), np.random.default_rng(1)
    fresh = shop(3000, 7)
    assert not any_broken(rules, fresh).any()
    shuffled = pa.table({name: fresh[name].take(rng.permutation(3000)) for name in fresh.column_names})
    assert all(rule.broken(shuffled).mean() > 0.01 for rule in rules)


def test_one_exception_is_no_rule():
    odd = TABLE.set_column(0, "pages", pa.array([0, *TABLE["pages"].to_pylist()[1:]]))
    odd = odd.set_column(1, "seconds", pa.array([5.0, *TABLE["seconds"].to_pylist()[1:]]))
    assert "where pages = 0, seconds = 0.0" not in {str(rule) for rule in find_rules(odd)}


def test_independent_columns_have_none_and_odd_tables_do_no_harm():
    rng = np.random.default_rng(0)
    mixed = {f"c{i}": rng.normal(size=3000) if i % 2 else rng.integers(0, 6, 3000) for i in range(20)}
    assert find_rules(pa.table(mixed)) == ()
    empty = pa.array([None] * 300, type=pa.float64())
    assert find_rules(pa.table({"a": empty, "b": ["x"] * 300, "c": [True, None, False] * 100})) == ()
    assert find_rules(TABLE.slice(0, 50)) == ()


def test_a_missing_cell_breaks_nothing():
    rules = find_rules(TABLE)
    for name in TABLE.column_names:
        hole = TABLE.set_column(TABLE.column_names.index(name), name, pa.nulls(len(TABLE), TABLE[name].type))
        assert not any_broken(rules, hole).any()


def test_rules_of_real_tables():
    data = read_table("breast-cancer")
    said = {str(rule) for rule in data.schema.rules}
    assert "mean area <= worst area" in said
    assert len(said) <= 8
    assert not any_broken(data.schema.rules, data.table).any()


@pytest.fixture(scope="module")
def keeping():
    keys = {"net.widths": [16], "steps": 30, "latent": 4, "second_stage": "none", "threads": 1}
    return vaekit.fit(TABLE, constraints="auto", **keys)


def test_new_rows_keep_them_where_asked_and_they_are_counted(keeping):
    rules = keeping.schema.rules
    assert {str(rule) for rule in rules} == PLANTED
    rows = keeping.sample(200)
    assert not any_broken(rules, rows).any()
    assert rows["total"].to_pylist() == [round(x, 2) for x in rows["total"].to_pylist()]
    assert rows.schema.equals(TABLE.schema)
    free = table_to_dataset(TABLE).schema
    assert free.rules == rules and not free.kept


def test_filled_cells_keep_them_where_asked(keeping):
    rng = np.random.default_rng(3)
    truth = shop(100, 5)
    holes = pa.table(
        {name: pa.array(truth[name].to_pylist(), mask=rng.random(100) < 0.15) for name in truth.column_names}
    )
    found = keeping.impute(holes, draws=2, proposals=60)
    assert set(found.broken) == PLANTED
    for filled in (found.table, *found.draws):
        assert sum(filled[name].null_count for name in filled.column_names) == 0
        exact = [rule for rule in keeping.schema.rules if str(rule) in {"again = last", "total = goods + post + tax"}]
        observed = [rule for rule in keeping.schema.rules if rule not in exact]
        assert not any(rule.broken(filled).mean() > 0.02 for rule in exact)
        assert any_broken(observed, filled).mean() < 0.05
