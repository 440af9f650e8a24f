"""Columns of every type as hypothesis makes them."""

import pyarrow as pa
from hypothesis import HealthCheck, settings, strategies as st

quick = settings(
    deadline=None,
    max_examples=60,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)

INT64 = st.integers(-(2**63), 2**63 - 1)
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
ZONES = st.sampled_from([None, "UTC", "Europe/Berlin", "Asia/Kathmandu"])
UNITS = st.sampled_from(["s", "ms", "us", "ns"])


def cells(values, kind, min_size=1, max_size=40):
    """Cells of one type, of which at least one is not missing."""
    listed = st.lists(st.none() | values, min_size=min_size, max_size=max_size)
    return listed.filter(lambda found: any(value is not None for value in found)).map(
        lambda found: pa.array(found, kind)
    )


def decimals(limit=10**9):
    """Numbers with up to six decimals, as a file would have them."""
    return st.builds(lambda number, places: float(f"{number}e-{places}"), st.integers(-limit, limit), st.integers(0, 6))


def reals(limit=1e140):
    return st.floats(-limit, limit, allow_nan=False)


@st.composite
def times(draw, spread=10**6):
    """Points in time in any unit and zone."""
    start = draw(st.integers(0, 10**9))
    kind = pa.timestamp(draw(UNITS), draw(ZONES))
    return draw(cells(st.integers(start, start + spread), pa.int64())).cast(kind)


def same(found, expected):
    """Whether cells are the same, in type too."""
    found = found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found
    expected = expected.combine_chunks() if isinstance(expected, pa.ChunkedArray) else expected
    return found.type == expected.type and found.to_pylist() == expected.to_pylist()
