"""The law of the probability of tables: all that a cell or a row may hold, unseen values among it, has a total of one."""

import math
from typing import get_args

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given, strategies as st

from data.table.columns import quick
from vaekit.data.table.building import infer_schema
from vaekit.data.table.codec import VALUES
from vaekit.data.table.column import AnyCodec, Column, Declared, SchemaFile
from vaekit.data.table.constraints import AnyConstraint, FixedCombinations, Inequality, OneHot, Range
from vaekit.data.table.discrete import Categories, Constant, Identifier, Levels, Ordinal, Text
from vaekit.data.table.fitting import fit_column
from vaekit.data.table.maps import Bounded, Log1p, Logit, Map, Quantile, Standard
from vaekit.data.table.numeric import Count, Numeric, Spiked
from vaekit.modalities.table.description import TableVAE

rng = np.random.default_rng(0)
WORDS = [f"w{k}" for k in range(149)]
AMOUNTS = np.round(rng.lognormal(1, 1, 400), 2)
SHARES = rng.beta(2, 2, 300)


def column(values, bounds=(None, None), **declared):
    bounds = tuple(None if bound is None else pa.scalar(bound) for bound in bounds)
    return fit_column("x", pa.array(values), Declared(name="x", **declared), bounds=bounds)


COLUMNS = {
    Levels: column([1, 1, 1, 2, 2, 5, 9], codec="levels"),
    Ordinal: column(["low", "high", "low", "middle"] * 9, order=("low", "middle", "high")),
    Categories: column(WORDS[:3] * 900 + WORDS[3:] * 3, kind="categorical"),
    Count: column(rng.poisson(4, 300).tolist(), kind="count"),
    Spiked: column(np.where(rng.random(400) < 0.4, 0.0, AMOUNTS), kind="spiked"),
    Quantile: column(AMOUNTS, codec="quantile"),
    Standard: column(AMOUNTS, codec="standard"),
    Log1p: column(AMOUNTS, codec="log1p"),
    Logit: column(np.append(SHARES, [0.0, 1.0]), (0.0, 1.0), codec="logit"),
    Bounded: column(AMOUNTS, (0.0, 60.0), codec="quantile"),
}
FREE = (Identifier, Constant, Text)  # not modeled
BOUNDED_BELOW = column(np.append(rng.exponential(1, 200), 0.0), (0.0, None), codec="standard")
BOUNDED_SPIKES = column(np.where(rng.random(400) < 0.4, 0.0, AMOUNTS), (0.0, 40.0), kind="spiked")


def row_likelihood(slots, seed=0):
    """Return log p(codes) of rows of codes, with weights of no training."""
    family = TableVAE(slots=slots).family
    generator = torch.Generator().manual_seed(seed)
    shared = family.shared((len(slots),))
    heads = {
        name: torch.randn(1, *size, generator=generator).double() for name, size in family.heads((len(slots),)).items()
    }
    distribution = family({**heads, **shared}, (len(slots),))
    return lambda codes: distribution.log_prob(torch.as_tensor(codes)).numpy()


def log_probability(one: Column, seed=0):
    likelihood = row_likelihood(one.slots(), seed)

    def of(cells):
        codes = one.codec.encode(cells)
        return likelihood(codes) + one.codec.log_jacobian(codes)

    return of


def line(low=-1e4, high=1e4, near=200.0, n=400_001):
    """Ends of cells that cover the line, fine where the numbers are."""
    return np.unique(
        np.concatenate([np.linspace(low, high, n // 10), np.linspace(-5, near, n), np.linspace(-0.1, 1.1, n)])
    )


def total(one: Column, seed=0):
    """Return the probability of all values, those without a code counted by the mass that they share."""
    codec, log_p = one.codec, log_probability(one, seed)
    unseen = math.exp(math.log(codec.novel))
    if isinstance(codec, Levels | Ordinal | Categories):
        values = pa.array([*codec.labels, *getattr(codec, "rare", ())])
        return np.exp(log_p(values)).sum() + unseen
    if isinstance(codec, Count):
        return np.exp(log_p(pa.array(range(20_000)))).sum() + unseen
    ends = line()
    density = np.exp(log_p(pa.array((ends[1:] + ends[:-1]) / 2)))
    density[density <= math.exp(math.log(codec.novel) - VALUES) * 1.01] = 0  # the price of a value without a code
    atoms = (
        codec.axis.cells(np.array(codec.spikes), codec.type) if isinstance(codec, Spiked) else pa.array([], "float64")
    )
    return (density * np.diff(ends)).sum() + np.exp(log_p(atoms)).sum() + unseen


def test_every_codec_and_map_is_under_the_law():
    codecs = {*get_args(get_args(AnyCodec)[0])} - {Numeric, *FREE}
    maps = {*get_args(get_args(Map)[0])}
    assert codecs | maps == set(COLUMNS)
    for kind, one in COLUMNS.items():
        assert isinstance(one.codec, kind) or isinstance(one.codec.map, kind)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(
    "one",
    [*COLUMNS.values(), BOUNDED_BELOW, BOUNDED_SPIKES],
    ids=[*(kind.__name__ for kind in COLUMNS), "below", "spikes"],
)
def test_all_that_a_cell_may_hold_has_probability_one(one, seed):
    discrete = isinstance(one.codec, Levels | Ordinal | Categories)
    assert total(one, seed) == pytest.approx(1, abs=1e-6 if discrete else 2e-3)


@quick
@given(
    st.lists(st.integers(0, 60), min_size=2, max_size=200).filter(lambda words: len({*words}) > 1), st.integers(0, 3)
)
def test_classes_of_any_frequencies_have_probability_one(words, seed):
    assert total(column([f"w{word}" for word in words], kind="categorical"), seed) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    ("one", "strange", "known"),
    [
        (COLUMNS[Levels], [3, -7], [1, 2, 5, 9]),
        (COLUMNS[Ordinal], ["Low", "none"], ["low", "middle", "high"]),
        (COLUMNS[Categories], ["new"], WORDS),
        (COLUMNS[Count], [-1, -100], [0, 5, 10]),
        (COLUMNS[Logit], [-0.01, 7.0], [0.0, 0.5, 1.0]),
        (COLUMNS[Bounded], [-3.0, 61.0], [1.0, 20.0]),
        (BOUNDED_SPIKES, [-1.0, 41.0], [0.0, 20.0]),
        (column([0.5, 1.0, 2.0] * 9, kind="count", codec="levels"), [0.25], [0.5]),
    ],
)
def test_a_value_without_a_code_is_below_every_one_with_a_code(one, strange, known):
    log_p = log_probability(one)
    kind = pa.array(known).type
    assert log_p(pa.array(strange, kind)).max() < log_p(pa.array(known, kind)).min() - 10
    assert log_p(pa.array([None], kind)) == 0
    assert one.codec.unseen(pa.array([*strange, *known], kind)) == tuple(
        pa.array(strange, kind).cast("string").to_pylist()
    )
    assert (np.isfinite(one.codec.encode(pa.array(strange, kind))).sum()) == 0


def test_a_share_of_a_count_is_no_count():
    one = column([float(k) for k in rng.poisson(4, 300)], kind="count")
    assert log_probability(one)(pa.array([2.5]))[0] < -40


def schema_of(table, *constraints, **declared):
    columns = tuple(Declared(name=name, **found) for name, found in declared.items())
    return infer_schema(pa.table(table), overrides=SchemaFile(columns=columns, constraints=constraints))


def rows_log_p(schema, table, seed=0):
    codes = schema.encode(pa.table(table))
    return row_likelihood(schema.slots, seed)(codes.double()) + schema.log_jacobian(codes).numpy()


LOW = np.round(rng.normal(30, 8, 500), 3)
PAIRS = [("Bern", "CH"), ("Rome", "IT"), ("Pisa", "IT"), ("Oslo", "NO")]
JOINED = [PAIRS[k] for k in rng.choice(4, 300, p=[0.5, 0.3, 0.15, 0.05])]
HOT = np.eye(3, dtype=int)[rng.choice(3, 200)]
CONSTRAINED = {
    Inequality: schema_of(
        {"lo": LOW, "hi": LOW + np.round(rng.exponential(5, 500), 3)}, Inequality(low="lo", high="hi")
    ),
    Range: schema_of({"lo": LOW}, Range(column="lo", min=0, max=70)),
    FixedCombinations: schema_of(
        {"city": [a for a, _ in JOINED], "country": [b for _, b in JOINED]},
        FixedCombinations(columns=("city", "country")),
    ),
    OneHot: schema_of({name: HOT[:, k] for k, name in enumerate("abc")}, OneHot(columns=("a", "b", "c"))),
}


def rows_that_obey():
    """Return for each constraint rows that cover what obeys it, and the volume of each."""
    lows, gaps = np.linspace(-40, 110, 1501), np.linspace(0, 90, 1501)
    low, gap = (grid.ravel() for grid in np.meshgrid(lows[:-1] + 0.05, gaps[:-1] + 0.03))
    single = np.linspace(0, 70, 20_001)
    yield Inequality, {"lo": low, "hi": low + gap}, 0.1 * 0.06
    yield Range, {"lo": (single[1:] + single[:-1]) / 2}, 70 / 20_000
    yield FixedCombinations, {"city": [a for a, _ in PAIRS], "country": [b for _, b in PAIRS]}, 1
    yield OneHot, {name: np.eye(3, dtype=int)[k] for k, name in enumerate("abc")}, 1


@pytest.mark.parametrize(
    ("kind", "rows", "volume"), [*rows_that_obey()], ids=lambda value: getattr(value, "__name__", "")
)
def test_rows_that_obey_a_constraint_have_probability_one(kind, rows, volume):
    schema = CONSTRAINED[kind]
    novel = 1 - math.prod(1 - one.codec.novel for one in schema.columns)
    found = np.exp(rows_log_p(schema, rows)).sum() * volume
    assert found + novel == pytest.approx(1, abs=1e-2 if kind in (Inequality, Range) else 1e-6)


def test_every_constraint_is_under_the_law():
    assert {*get_args(get_args(AnyConstraint)[0])} == set(CONSTRAINED)


@pytest.mark.parametrize(
    ("kind", "broken", "kept"),
    [
        (Inequality, {"lo": [30.0], "hi": [29.0]}, {"lo": [30.0], "hi": [33.0]}),
        (Range, {"lo": [-0.2]}, {"lo": [30.0]}),
        (FixedCombinations, {"city": ["Rome"], "country": ["CH"]}, {"city": ["Oslo"], "country": ["NO"]}),
        (OneHot, {"a": [1], "b": [1], "c": [0]}, {"a": [1], "b": [0], "c": [0]}),
        (OneHot, {"a": [0], "b": [0], "c": [0]}, {"a": [1], "b": [0], "c": [0]}),
    ],
)
def test_a_row_that_breaks_a_constraint_is_the_least_likely_and_the_constraint_is_named(kind, broken, kept):
    schema = CONSTRAINED[kind]
    assert rows_log_p(schema, broken)[0] < rows_log_p(schema, kept)[0] - 20
    _, notes = schema.align(pa.table(broken))
    assert any(str(schema.constraints[0]) in note for note in notes)
