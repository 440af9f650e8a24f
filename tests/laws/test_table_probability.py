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
    lows, gaps = np.linspace(-40, 110, 601), np.geomspace(1, 121, 601) - 1
    low, gap = (grid.ravel() for grid in np.meshgrid((lows[1:] + lows[:-1]) / 2, (gaps[1:] + gaps[:-1]) / 2))
    width, depth = (grid.ravel() for grid in np.meshgrid(np.diff(lows), np.diff(gaps)))
    single = np.linspace(0, 70, 20_001)
    yield Inequality, {"lo": low, "hi": low + gap}, width * depth
    yield Range, {"lo": (single[1:] + single[:-1]) / 2}, 70 / 20_000
    yield FixedCombinations, {"city": [a for a, _ in PAIRS], "country": [b for _, b in PAIRS]}, 1
    yield OneHot, {name: np.eye(3, dtype=int)[k] for k, name in enumerate("abc")}, 1


@pytest.mark.parametrize(
    ("kind", "rows", "volume"), [*rows_that_obey()], ids=lambda value: getattr(value, "__name__", "")
)
def test_rows_that_obey_a_constraint_have_probability_one(kind, rows, volume):
    schema = CONSTRAINED[kind]
    novel = 1 - math.prod(1 - one.codec.novel for one in schema.columns)
    found = (np.exp(rows_log_p(schema, rows)) * volume).sum()
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


def log_p_of(schema, seed=0):
    """Return the log-probability of rows in the units of the table, with weights of no training."""
    slots = schema.slots
    family = TableVAE(slots=slots, evidence=schema.evidence).family
    generator = torch.Generator().manual_seed(seed)
    heads = {
        name: torch.randn(1, *size, generator=generator).double() for name, size in family.heads((len(slots),)).items()
    }

    def of(table):
        codes = schema.encode(pa.table(table)).double()
        raw = {name: part.expand(len(codes), -1) for name, part in heads.items()}
        distribution = family({**raw, **family.shared((len(slots),))}, (len(slots),))
        return (distribution.log_prob(codes) + schema.log_jacobian(codes)).numpy()

    return of


def test_a_known_part_of_a_combination_is_summed_over_the_others():
    schema = CONSTRAINED[FixedCombinations]
    log_p = log_p_of(schema)
    whole = log_p({"city": [a for a, _ in PAIRS], "country": [b for _, b in PAIRS]})
    nothing = pa.nulls(3, "string")
    countries = log_p({"city": nothing, "country": ["CH", "IT", "NO"]})
    exact = [whole[0], np.logaddexp(whole[1], whole[2]), whole[3]]
    np.testing.assert_allclose(countries, exact, atol=0.02)  # the masses of unseen values differ
    cities = log_p({"city": ["Rome"], "country": nothing.slice(0, 1)})
    np.testing.assert_allclose(cities, whole[1], atol=0.02)
    assert np.exp(countries).sum() == pytest.approx(1, abs=0.02)


def test_a_column_of_a_one_hot_group_is_summed_over_the_others():
    log_p = log_p_of(CONSTRAINED[OneHot])
    whole = log_p({name: np.eye(3, dtype=int)[k] for k, name in enumerate("abc")})
    found = log_p(
        {"a": [0, None, 1], "b": [None, None, None], "c": pa.array([None, None, None], "int64")}
        | {"b": pa.nulls(3, "int64")}
    )
    np.testing.assert_allclose(found, [np.logaddexp(whole[1], whole[2]), 0, whole[0]], atol=0.02)


INTEGERS = rng.integers(0, 40, 500)
ORDERED = {
    "numbers": ({"lo": LOW, "hi": LOW + np.round(rng.exponential(5, 500), 3)}, np.linspace(-10, 80, 4), 5e-3),
    "reals": ({"lo": rng.normal(size=500), "hi": rng.normal(size=500) + 9}, np.linspace(-1, 15, 3), 5e-3),
    "spikes": ({"lo": np.where(rng.random(500) < 0.4, 10.0, LOW), "hi": LOW + 70}, np.array([20.0, 60.0, 80.0]), 5e-3),
    "integers": ({"lo": INTEGERS, "hi": INTEGERS + rng.poisson(9, 500)}, np.arange(3, 60, 9), 1e-2),
    "narrow": ({"lo": LOW * 1000, "hi": LOW * 1000 + rng.exponential(0.5, 500)}, np.linspace(1e4, 5e4, 5), 2e-2),
}


def spikes(one):
    codec = one.codec
    return codec.axis.cells(np.array(codec.spikes), "float64").to_numpy() if isinstance(codec, Spiked) else np.array([])


@pytest.mark.parametrize(("table", "probe", "tolerance"), ORDERED.values(), ids=ORDERED)
def test_a_larger_number_is_integrated_over_the_smaller_one(table, probe, tolerance):
    """The sum over a fine grid of log p(lo, hi) is that of log p(hi)."""
    schema = schema_of(table, Inequality(low="lo", high="hi"))
    log_p, kind = log_p_of(schema), pa.array(table["lo"]).type
    found = log_p({"lo": pa.nulls(len(probe), kind), "hi": pa.array(probe, kind)})
    for value, nats in zip(probe.tolist(), found.tolist(), strict=True):
        if kind == pa.int64():
            lows, width = np.arange(-200, value + 1), 1.0
        else:
            spread = np.unique(
                np.concatenate(
                    [
                        np.linspace(value - 400, value, 20_001),
                        np.linspace(-60, value, 20_001),
                        np.linspace(value - 30, value, 40_001),
                    ]
                )
            )
            spread = spread[spread <= value]
            lows, width = (spread[1:] + spread[:-1]) / 2, np.diff(spread)
        pairs = log_p({"lo": pa.array(lows, kind), "hi": pa.array(np.full(len(lows), value), kind)})
        singles = [spikes(schema.columns[0]), value - spikes(schema.columns[1])]
        single = np.unique(np.concatenate(singles)) if kind == pa.float64() else np.array([], dtype=np.int64)
        masses = log_p({"lo": pa.array(single, kind), "hi": pa.array(np.full(len(single), value), kind)})
        exact = np.log((np.exp(pairs) * width).sum() + np.exp(masses[single <= value]).sum())
        assert nats == pytest.approx(exact, abs=tolerance), value


@pytest.mark.parametrize("name", ["numbers", "integers", "spikes"])
def test_draws_of_a_smaller_number_follow_its_conditional_distribution(name):
    """lo given hi alone: every draw obeys, draws vary, and the mean is that of the density on a grid."""
    table, probe, _ = ORDERED[name]
    schema, high = schema_of(table, Inequality(low="lo", high="hi")), probe[1].item()
    kind = pa.array(table["lo"]).type
    log_p, family = log_p_of(schema), TableVAE(slots=schema.slots, evidence=schema.evidence).family
    count, slots = 1000, len(schema.slots)
    x = schema.encode(pa.table({"lo": pa.nulls(1, kind), "hi": pa.array([high], kind)})).expand(count, -1)
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    heads = {k: torch.randn(1, *size, generator=generator).double() for k, size in family.heads((slots,)).items()}
    raw = {k: part.expand(count, -1) for k, part in heads.items()} | family.shared((slots,))
    found = schema.decode(family(raw, (slots,)).completed(x.double()))
    lo = found.column("lo").to_numpy()
    low, top = min(table["lo"]), max(table["lo"])
    assert (lo <= high).all() and lo.std() > 0.5
    values = np.arange(low, high + 1) if kind == pa.int64() else np.linspace(high - 100, high, 40_000)
    density = np.exp(log_p({"lo": pa.array(values, kind), "hi": pa.array(np.full(len(values), high), kind)}))
    width = values[1] - values[0]
    singles = np.unique(np.concatenate([spikes(schema.columns[0]), high - spikes(schema.columns[1])]))
    masses = np.exp(log_p({"lo": pa.array(singles, kind), "hi": pa.array(np.full(len(singles), high), kind)}))
    points, weights = np.append(values, singles), np.append(density * width, masses * (singles <= high))
    expected = (np.clip(points, low, top) * weights).sum() / weights.sum()
    assert lo.mean() == pytest.approx(expected, abs=5 * lo.std() / count**0.5 + 0.05)


def test_draws_of_a_combination_have_the_known_value():
    schema = CONSTRAINED[FixedCombinations]
    family, slots = TableVAE(slots=schema.slots, evidence=schema.evidence).family, len(schema.slots)
    x = schema.encode(pa.table({"city": pa.nulls(400, "string"), "country": ["IT"] * 400}))
    generator = torch.Generator().manual_seed(0)
    heads = {
        k: torch.randn(1, *size, generator=generator).expand(400, -1) for k, size in family.heads((slots,)).items()
    }
    found = schema.decode(family(heads, (slots,)).completed(x))
    assert set(found.column("country").to_pylist()) == {"IT"} and set(found.column("city").to_pylist()) == {
        "Rome",
        "Pisa",
    }
