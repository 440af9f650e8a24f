"""The whole table: the model's rows between a floor and a ceiling."""

import json

import numpy as np
import pyarrow as pa
import pytest
from tests.evaluation.tables.planted import table

from vaekit.evaluation.tables import table_quality

TRAIN, HOLDOUT = table(800, 0, noise=0.05), table(500, 1, noise=0.05)


def shuffled(source):
    rng = np.random.default_rng(9)
    return pa.table(
        {
            name: source[name].to_numpy(zero_copy_only=False)[rng.permutation(len(source))]
            for name in source.column_names
        }
    )


@pytest.fixture(scope="module")
def good():
    return table_quality(table(700, 2, noise=0.05), TRAIN, HOLDOUT, target="sign")


def test_a_good_model_is_near_the_ceiling_and_above_the_floor(good):
    assert good.floor.shapes.mean > 0.95
    assert good.floor.tree.auc > 0.9 > 0.6 > good.model.tree.auc
    assert good.floor.efficacy.auc < good.model.efficacy.auc - 0.1 > 0.7
    assert good.model.trends.mean > good.floor.trends.mean + 0.1
    assert good.model.support.beta_recall > good.floor.support.beta_recall + 0.1
    assert abs(good.ceiling.tree.auc - 0.5) < 0.1
    assert abs(good.ceiling.closeness.share - 0.5) < 4 * good.ceiling.closeness.se
    assert (good.model.copies, good.rows) == (0, {"synthetic": 700, "train": 800, "holdout": 500})


def test_shuffled_columns_measure_like_the_floor(good):
    broken = table_quality(shuffled(TRAIN), TRAIN, HOLDOUT, target="sign")
    assert broken.model.shapes.mean > 0.99
    assert broken.model.tree.auc == pytest.approx(good.floor.tree.auc, abs=0.05)
    assert broken.model.efficacy.auc < good.ceiling.efficacy.auc - 0.1


def test_copies_are_perfect_in_all_but_privacy():
    copies = table_quality(TRAIN, TRAIN, HOLDOUT).model
    assert (copies.shapes.mean, copies.copies, copies.support.authenticity) == (1, 1, 0)
    assert copies.tree.auc == pytest.approx(0.5)
    assert copies.closeness.share > 0.7
    assert copies.efficacy is None


def test_the_summary_is_plain_and_repeats(good):
    first, second = (table_quality(table(40, 2), TRAIN, HOLDOUT, target="sign", rows=40).summary() for _ in range(2))
    assert json.dumps(first) == json.dumps(second)
    assert set(good.summary()) == {"model", "floor", "ceiling", "target", "rows", "broken"}


def test_a_real_sample_meets_every_ceiling_where_rows_repeat():
    """Rows of a law with many equal ones, held out by content: none of the holdout is a copy, but of a fresh sample many are."""
    rng = np.random.default_rng(0)

    def drawn(count):
        return np.minimum(rng.geometric(0.004, count), 900), rng.integers(0, 2, count)

    many, other = drawn(3000)
    held = np.isin(many * 2 + other, rng.permutation(1802)[:360])  # equal rows share a part
    parts = [pa.table({"a": many[rows], "b": other[rows].astype(str)}) for rows in (~held, held)]
    fresh = dict(zip(("a", "b"), drawn(2000), strict=True))
    fresh = pa.table({"a": fresh["a"], "b": fresh["b"].astype(str)})
    found = table_quality(fresh, *parts, rows=500)
    assert found.model.copies > 0.5
    assert found.ceiling.copies == pytest.approx(found.model.copies, abs=0.15)
    # Rows of the training part's own law: as near to other training rows as the ceiling says, and not half and half.
    own = parts[0].take(rng.permutation(len(parts[0]))[:1000])
    rest = parts[0].take(rng.permutation(len(parts[0]))[1000:])
    share = table_quality(own, rest, parts[1], rows=100).model.closeness.share
    assert found.ceiling.closeness.share == pytest.approx(share, abs=0.06)
    assert share > 0.6


def test_the_lines_name_every_measure_and_stay_narrow(good):
    lines = good.lines()
    assert all(len(line) <= 100 for line in lines)
    assert not any("missing" in line for line in lines)
    assert lines[0].split() == ["model", "floor", "ceiling", "best"]
    text = "\n".join(lines)
    for word in ("shapes", "trends", "trees", "logistic", "AUC of 'sign'", "recall", "nearer to training", "copies"):
        assert word in text


def test_columns_left_out_of_the_kinds_do_not_count():
    kinds = {"x": "numeric", "kind": "categorical"}
    result = table_quality(table(100, 2), TRAIN, HOLDOUT, kinds=kinds, rows=100)
    assert set(result.model.shapes.scores) == set(kinds)
    assert not any("efficacy" in line for line in result.lines())


def test_missing_cells_have_a_line():
    gaps = pa.array(TRAIN["x"].to_numpy(), mask=np.arange(800) % 4 == 0)
    train = TRAIN.set_column(0, "x", gaps)
    result = table_quality(table(100, 2), train, HOLDOUT, rows=100)
    assert result.model.missing.mean == 0.75
    assert any(line.startswith("missing cells") for line in result.lines())


def test_a_target_that_is_no_column_is_refused_before_the_work():
    with pytest.raises(ValueError, match="no column 'z'"):
        table_quality(TRAIN, TRAIN, HOLDOUT, target="z")


def test_few_rows_are_refused():
    with pytest.raises(ValueError, match="at least 10 rows"):
        table_quality(table(5, 2), TRAIN, HOLDOUT)
