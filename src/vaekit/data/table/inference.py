"""The kind of a column, chosen by the values in its training rows, with the reason in one sentence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vaekit.data.arrow import pa, pc
from vaekit.data.table.cells import Cells, Numbers, labels_of, one_zero, type_name
from vaekit.data.table.column import CodecName, Kind
from vaekit.data.table.words import is_named_key, is_text, natural_order

__all__ = ["LEVELS", "Decision", "Profile", "decide", "find_spikes", "profile_of"]

LEVELS = 128
"""The largest number of distinct numbers that are classes."""

REPEATS = 20
"""How often each of them must occur on average: fewer rows do not determine the shares of so many classes ..."""

FEW = 16
"""... unless there are at most so many, which occur at least 5 times on average."""

SPIKES = 40
"""The largest number of spikes."""

MANY = 20
"""From this many rows on, cells that are all different are identifiers."""


@dataclass(frozen=True)
class Profile:
    """The values in the training rows of a column.

    Args:
        name: The column.
        cells: Its cells that are not missing.
        values: The distinct ones, ascending.
        counts: How often each occurs, shape (d,).
        missing: The share of missing cells.
    """

    name: str
    cells: Cells
    values: Cells
    counts: npt.NDArray[np.int64]
    missing: float

    @property
    def type(self) -> str:
        """The type of the cells."""
        return type_name(self.values)

    @property
    def rows(self) -> int:
        """The number n of cells that are not missing."""
        return len(self.cells)

    @property
    def distinct(self) -> int:
        """The number d of distinct values."""
        return len(self.values)


@dataclass(frozen=True)
class Decision:
    """A kind, a codec, and the reason."""

    kind: Kind
    codec: CodecName
    reason: str


def profile_of(name: str, cells: Cells) -> Profile:
    """Count the values of a column.

    Args:
        name: The column.
        cells: The cells of its training rows.
    """
    observed = one_zero(cells.drop_null())
    counted = pc.value_counts(observed)
    order = pc.sort_indices(counted.field("values"))
    missing = 1 - len(observed) / len(cells) if len(cells) else 0.0
    return Profile(
        name=name,
        cells=observed,
        values=counted.field("values").take(order),
        counts=np.asarray(counted.field("counts"))[np.asarray(order)],
        missing=missing,
    )


def decide(profile: Profile, *, names_rows: bool = True) -> Decision:
    """Decide the kind and the codec of a column.

    Args:
        profile: The values in its training rows.
        names_rows: Whether it may be an identifier.
    """
    if profile.distinct < 2:
        return Decision("constant", "constant", f"every cell is {(_samples(profile.values) or ['missing'])[0]}")
    if profile.distinct == 2:
        return Decision("binary", "levels", f"two values: {' and '.join(_samples(profile.values))}")
    named = _row_name(profile) if names_rows else None
    return named or (_words(profile) if profile.type == "string" else _number(profile))


def find_spikes(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the places of the spikes: values with over 1 % of the rows, at least 20, and 10 times as many as their neighbours.

    Args:
        counts: How often each distinct value occurs, in ascending order of the values, shape (d,).

    Returns:
        At most 40 places, ascending, shape (k,).

    >>> find_spikes(np.array([1, 2, 1, 90, 2, 1, 3]))
    array([3])
    """
    common = np.flatnonzero((counts > 0.01 * counts.sum()) & (counts >= REPEATS))
    spikes = np.array([place for place in common.tolist() if counts[place] >= 10 * _nearby(counts, place)], dtype=int)
    return np.sort(spikes[np.argsort(-counts[spikes], kind="stable")][:SPIKES])


def _nearby(counts: npt.NDArray[np.int64], place: int) -> float:
    """Return the count of a value under a smooth density: the median count of the 20 values on both sides."""
    around = np.concatenate([counts[max(0, place - 20) : place], counts[place + 1 : place + 21]])
    return float(np.median(around)) if len(around) else 0.0


def _row_name(profile: Profile) -> Decision | None:
    n, d = profile.rows, profile.distinct
    if n < MANY:
        return None
    if profile.type == "string":
        if d > n / 2 and is_text(profile.values):
            return Decision("text", "text", f"sentences, {d} of {n} different")
        if d >= 0.95 * n:
            return Decision("identifier", "identifier", f"{d} of {n} cells are different words")
    if profile.type == "int64" and d == n:
        labels = labels_of(profile.values)
        if is_named_key(profile.name) or labels[-1] - labels[0] < 1.5 * n:
            return Decision("identifier", "identifier", f"{n} integers, all different, from a range hardly larger")
    return None


def _words(profile: Profile) -> Decision:
    d = profile.distinct
    if d <= LEVELS and natural_order(labels_of(profile.values)):
        return Decision("ordinal", "ordinal", f"{d} words with a usual order")
    return Decision("categorical", "categories", f"{d} different words")


def _number(profile: Profile) -> Decision:
    n, d = profile.rows, profile.distinct
    is_time = profile.type.startswith("timestamp")
    kind: Kind = "datetime" if is_time else "continuous"
    if d <= LEVELS and n >= (5 if d <= FEW else REPEATS) * d:
        return Decision(kind, "levels", f"{d} distinct values, each {n / d:.0f} times on average: a class each")
    positions = np.asarray(profile.values.cast("int64") if is_time else profile.values, dtype=np.float64)
    if d > FEW and len(spikes := find_spikes(profile.counts)):
        share = profile.counts[spikes].sum() / n
        top = _samples(profile.values.take(pa.array(spikes[np.argsort(-profile.counts[spikes])])))
        return Decision("datetime" if is_time else "spiked", "spiked", f"{share:.0%} of the cells are {_listed(top)}")
    if _looks_counted(profile, positions):
        return Decision("count", "count", f"integers from {positions[0]:.0f} to {positions[-1]:.0f} without gaps")
    if profile.type == "float64" and 0 <= positions[0] < 0.05 and 0.95 < positions[-1] <= 1:
        return Decision("bounded", "quantile", f"{d} distinct numbers from 0 to 1")
    return Decision(kind, "quantile", f"{d} distinct {'points in time' if is_time else 'numbers'}")


def _looks_counted(profile: Profile, positions: Numbers) -> bool:
    """Say whether integers begin at 0 or 1, leave no gaps where most of them are, and vary little for their mean."""
    if profile.type != "int64" or profile.distinct <= FEW or not 0 <= positions[0] <= 1 or positions[-1] > 5000:
        return False
    mean = np.average(positions, weights=profile.counts)
    variance = np.average((positions - mean) ** 2, weights=profile.counts)
    shares = np.cumsum(profile.counts) / profile.rows
    middle = positions[(shares > 0.05) & (shares < 0.95)]
    return bool(variance < 50 * mean and len(middle) > 1 and len(middle) > 0.8 * (middle[-1] - middle[0]))


def _samples(values: Cells) -> list[str]:
    return values.slice(0, 8).cast("string").to_pylist()


def _listed(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
