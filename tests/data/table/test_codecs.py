"""The laws of codecs: what goes in comes out, codes are about standard normal, the Jacobian is the slope."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, strategies as st
from pydantic import TypeAdapter

from data.table.columns import INT64, WORDS, cells, decimals, quick, reals, same, times
from vaekit.data.table.column import AnyCodec, Declared
from vaekit.data.table.fitting import fit_column
from vaekit.data.table.maps import fit_map

MAPS = ["quantile", "standard", "log1p", "logit"]
rng = np.random.default_rng(0)


def codec_of(column, **declared):
    return fit_column("x", column, Declared(name="x", **declared)).codec


def back(codec, column):
    return codec.decode(codec.encode(column), np.random.default_rng(0))


@quick
@given(cells(decimals(10**5), pa.float64()), st.sampled_from(["quantile", "standard", "log1p"]))
def test_decimals_come_back_exactly(column, name):
    assert same(back(codec_of(column, codec=name), column), column)


@quick
@given(cells(st.integers(-(10**9), 10**9), pa.int64()), st.sampled_from(["quantile", "standard"]))
def test_integers_come_back_exactly(column, name):
    assert same(back(codec_of(column, codec=name), column), column)


@quick
@given(times(), st.sampled_from(["quantile", "levels", "spiked"]))
def test_times_come_back_exactly(column, name):
    assert same(back(codec_of(column, kind="datetime", codec=name), column), column)


@quick
@given(cells(reals(), pa.float64()), st.sampled_from(["quantile", "standard"]))
def test_reals_come_back(column, name):
    values = column.to_numpy(zero_copy_only=False)
    found = back(codec_of(column, codec=name), column).to_numpy(zero_copy_only=False)
    spread = np.nanmax(np.abs(values))
    np.testing.assert_allclose(found, values, rtol=0, atol=1e-9 * spread + 1e-140)


@quick
@given(cells(INT64, pa.int64()))
def test_levels_and_ranks_are_the_very_values(column):
    for kind, codec in (("continuous", "levels"), ("ordinal", "ordinal"), ("categorical", "levels")):
        assert same(back(codec_of(column, kind=kind, codec=codec), column), column)


@quick
@given(cells(st.booleans(), pa.bool_()) | cells(WORDS, pa.string()))
def test_words_and_truths_come_back(column):
    assert same(back(codec_of(column, kind="categorical", codec="levels"), column), column)


@quick
@given(cells(st.sampled_from([0, 0, 0, 7, 100, *range(2000, 2040)]), pa.int64(), min_size=30))
def test_spikes_and_the_rest_come_back(column):
    codec = codec_of(column, kind="spiked")
    codes = codec.encode(column)
    elsewhere = codes[:, 0] == len(codec.spikes)
    assert (np.isnan(codes[:, 1]) == ~elsewhere).all()
    assert same(back(codec, column), column)


@quick
@given(cells(st.integers(0, 10**6), pa.int64()) | cells(st.integers(0, 99).map(float), pa.float64()))
def test_counts_come_back(column):
    codec = codec_of(column, kind="count")
    assert codec.slots("x")[0].kind == "count"
    assert same(back(codec, column), column)


@quick
@given(st.one_of(cells(INT64, pa.int64()), cells(WORDS, pa.string()), cells(reals(), pa.float64()), times()))
def test_every_codec_survives_json(column):
    codec = fit_column("x", column).codec
    union = TypeAdapter(AnyCodec)
    again = union.validate_json(union.dump_json(codec))
    assert again == codec and hash(again) == hash(codec) and type(again) is type(codec)
    assert union.validate_python(codec.model_dump()) == codec


@pytest.mark.parametrize("name", MAPS)
def test_codes_are_about_standard_normal(name):
    draws = {"log1p": np.exp(rng.normal(5, 1, 5000)), "logit": 1 / (1 + np.exp(-rng.normal(size=5000)))}
    codes = fit_map(name, x := draws.get(name, rng.normal(3, 2, 5000))).forward(x)
    assert abs(codes.mean()) < 0.05 and abs(codes.std() - 1) < 0.05
    below = [(codes < edge).mean() for edge in (-1, 0, 1)]
    np.testing.assert_allclose(below, [0.159, 0.5, 0.841], atol=0.02)


@pytest.mark.parametrize("name", MAPS)
def test_maps_are_inverted_and_their_slope_is_known(name):
    x = np.sort(rng.gamma(2, 30, 3000))
    found = fit_map(name, x)
    probe = rng.uniform(x[10], x[-10], 400)
    codes = found.forward(probe)
    np.testing.assert_allclose(found.backward(codes), probe, rtol=1e-9)
    step = 1e-6 * x[-1]
    slope = (found.forward(probe + step) - found.forward(probe - step)) / (2 * step)
    smooth = np.abs(np.log(slope) - found.log_slope(codes)) < 1e-3
    assert smooth.mean() >= (0.97 if name == "quantile" else 1)  # a step over a knot sees two slopes
    assert (np.diff(found.forward(np.sort(probe))) > 0).all()


@pytest.mark.parametrize("name", ["quantile", "standard", "log1p"])
def test_maps_go_on_beyond_the_data(name):
    x = rng.gamma(2, 30, 3000)
    found = fit_map(name, x)
    probe = np.array([x.min() - 50, x.min() - 1, x.max() + 1, x.max() + 500])
    codes = found.forward(probe)
    assert (np.diff(codes) > 0).all() and np.isfinite(found.log_slope(codes)).all()
    np.testing.assert_allclose(found.backward(codes), probe, rtol=1e-9)


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("name", MAPS)
def test_few_distinct_numbers_are_enough(name, count):
    x = np.arange(count, dtype=float)
    found = fit_map(name, x)
    np.testing.assert_allclose(found.backward(found.forward(x)), x, atol=1e-9)


def test_quantile_has_as_many_knots_as_promised():
    assert [len(fit_map("quantile", rng.normal(size=n)).knots) for n in (100, 3000, 90_000)] == [10, 100, 1000]


def test_the_jacobian_is_that_of_numbers_in_the_file():
    prices = np.round(rng.lognormal(3, 1, 4000), 2)
    codec = codec_of(pa.array(prices), codec="quantile")
    pair = pa.array([20.01, 20.012, None])
    codes = codec.encode(pair)
    slope = np.log((codes[1, 0] - codes[0, 0]) / 0.002)
    found = codec.log_jacobian(codes)
    assert found[0] == pytest.approx(slope, abs=1e-3) and found[2] == 0


def test_spikes_have_no_jacobian_and_the_rest_has_one():
    column = pa.array([0] * 500 + rng.integers(1000, 90_000, 500).tolist())
    codec = codec_of(column, kind="spiked")
    found = codec.log_jacobian(codec.encode(pa.array([0, 5000, None])))
    assert found[0] == pytest.approx(0, abs=1e-5) and found[1] < -5 and found[2] == 0


def test_decoding_keeps_grid_and_range():
    column = pa.array((rng.integers(1, 200, 1000) * 500).tolist())
    codec = codec_of(column, codec="quantile")
    found = np.asarray(codec.decode(rng.normal(0, 3, (5000, 1)), rng))
    assert (
        (found % 500 == 0).all() and found.min() >= min(column.to_pylist()) and found.max() <= max(column.to_pylist())
    )


def test_rare_classes_share_a_code_and_are_drawn_again():
    words = ["a"] * 600 + ["b"] * 380 + ["c"] * 8 + ["d"] * 4
    codec = codec_of(pa.array(words), kind="categorical")
    assert codec.labels == ("a", "b") and codec.rare == ("c", "d") and codec.slots("x")[0].levels == 3
    codes = codec.encode(pa.array(["a", "c", "d", "new", None])).ravel()
    assert codes[:4].tolist() == pytest.approx([0, 2 + 1 / 3, 2 + 2 / 3, np.inf]) and np.isnan(codes[4])
    assert codec.decode(codes[:3, None], np.random.default_rng(0)).to_pylist() == ["a", "c", "d"]
    drawn = codec.decode(np.full((6000, 1), 2.0), np.random.default_rng(0)).to_pylist()
    assert drawn.count("c") / 6000 == pytest.approx(2 / 3, abs=0.03) and set(drawn) == {"c", "d"}
    few = codec.decode(np.full((10, 1), 2.0), np.random.default_rng(0)).to_pylist()
    assert drawn[:10] == few
    assert codec.unseen(pa.array(["a", "d", "new", "ñ", None])) == ("new", "ñ")


def test_an_unseen_class_is_not_missing():
    codec = codec_of(pa.array(["a", "b", "c"] * 50), kind="categorical")
    codes = codec.encode(pa.array(["z", None])).ravel()
    assert np.isposinf(codes[0]) and np.isnan(codes[1]) and not codec.rare


def test_ten_thousand_classes():
    words = [f"ß{number}" for number in np.random.default_rng(0).integers(0, 10_000, 300_000)]
    codec = codec_of(pa.array(words), kind="categorical")
    column = pa.array([word for word in words[:2000] if word in set(codec.labels)], pa.string())
    assert codec.slots("x")[0].levels > 1 or codec.rare
    assert same(back(codec, column), column)
    kept = fit_column("x", pa.array(words), Declared(name="x", kind="categorical", codec="levels")).codec
    assert len(kept.labels) == len(set(words)) and same(back(kept, pa.array(words)), pa.array(words))


@pytest.mark.parametrize(
    ("names", "next_names"),
    [
        ([f"C-{number:04d}" for number in range(30)], ["C-0030", "C-0031"]),
        ([f"{number}" for number in range(5, 130)], ["130", "131"]),
        ([f"user{number}" for number in range(99)], ["user99", "user100"]),
        (["Ann", "Bob", *map(str, range(30))], ["x-1", "x-2"]),
        (list(range(40, 90)), [90, 91]),
    ],
)
def test_identifiers_are_made_anew(names, next_names):
    column = pa.array(names)
    codec = codec_of(column, kind="identifier")
    found = codec.decode(codec.encode(column)[:2], rng)
    assert found.to_pylist() == next_names and found.type == column.type and codec.slots("x") == ()


@pytest.mark.parametrize("value", [3, 2.5, "ä", True, None])
def test_constants_are_filled_in(value):
    column = pa.array([value] * 4, type=pa.float64() if value is None else None)
    codec = fit_column("x", column).codec
    assert codec.kind == "constant" and same(back(codec, column), column)


def test_text_comes_back_missing():
    column = pa.array(["a b", "c d"])
    found = back(codec_of(column, kind="text"), column)
    assert found.to_pylist() == [None, None] and found.type == column.type
