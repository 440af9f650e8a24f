"""The search for rules: few and true ones, rather than many.

A rule is reported if all rows keep it, if at least 20 would break it were the columns independent, and if the rows that it
speaks of are at least 100 and a fiftieth of all. One that follows from others is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, permutations

import numpy as np

from vaekit.data.arrow import pa, pc
from vaekit.data.rows import Array
from vaekit.data.table.cells import Table, labels_of, numbers, one_zero, type_name
from vaekit.data.table.rules import AnyRule, Dependency, Implication, Literally, Order, Total, off

__all__ = ["find_rules"]

_ROWS, _COLUMNS = 20_000, 60  # that are looked at, at most
_FEWEST, _SHARE = 100, 0.02  # rows that a rule speaks of
_EXPECTED = 20.0  # rows that would break it by chance
_LABELS, _REPEATED = 2000, 5  # values of a column that determines another, and rows for each on average
_SPIKES = 10  # values of a column that an implication may speak of
_NEAR = 0.1  # gaps of an order in their standard deviations: some must be as small, or no order is meant
_TRIED = 16  # rows by which most sums are ruled out
_LARGEST = 1e100  # numbers whose squares are still numbers
_SOLVED = 600  # rows that least squares look at
_MOST = 20  # implications, those that chance would break most often


def find_rules(table: Table) -> tuple[AnyRule, ...]:
    """Return the rules that all rows of a table keep.

    Args:
        table: The training rows, of canonical types; of more than 20,000 an equally spaced part is looked at, of more than 60
            columns the first ones.
    """
    table = table.select(table.column_names[:_COLUMNS])
    if table.num_rows > _ROWS:
        table = table.take(np.linspace(0, table.num_rows - 1, _ROWS).astype(np.int64))
    if table.num_rows < _FEWEST:
        return ()
    values = {name: numbers(table.column(name)) for name in table.column_names if _is_number(table, name)}
    values = {name: x for name, x in values.items() if _varies(x)}
    totals = [*_totals(values)]
    for rule in totals:  # what is said of one of two equal columns holds of the other
        if len(rule.parts) == 1:
            values.pop(rule.total)
            table = table.drop_columns([rule.total])
    orders = _orders(table, values, totals)
    codes = {name: found for name in table.column_names if (found := _codes(table, name)) is not None}
    dependencies = [*_dependencies(table, codes)]
    joined = {frozenset(pair) for pair in _determined(codes)} | {frozenset(rule.needs) for rule in orders}
    implications = [*_implications(table, values, codes, joined)]
    return *totals, *orders, *dependencies, *implications


def _is_number(table: Table, name: str) -> bool:
    return type_name(table.column(name)) not in ("string", "bool")


def _varies(x: Array) -> bool:
    known = x[~np.isnan(x)]
    return bool(len(known) and known.min() < known.max() and np.abs(known).max() < _LARGEST)


def _enough(count: float, rows: int) -> bool:
    return count >= max(_FEWEST, _SHARE * rows)


def _totals(values: dict[str, Array]) -> Iterator[Total]:
    """Yield sums of one, two and more columns; a column is the sum of others once."""
    names, found = [*values], set[str]()
    spread = {name: (x != _mode(x)).sum() for name, x in values.items()}
    for a, b in combinations(names, 2):
        if spread[a] >= _EXPECTED and b not in found and _adds(values, (a,), b):
            found.add(b)
            yield Total(parts=(a,), total=b)
    names = [name for name in names if name not in found and spread[name] >= _EXPECTED]
    complete = np.flatnonzero(~np.isnan([values[name] for name in names]).any(0)) if names else np.zeros(0, dtype=int)
    if not _enough(len(complete), len(next(iter(values.values()), ()))):
        return
    tried = complete[np.linspace(0, len(complete) - 1, _TRIED).astype(int)]
    few = np.stack([values[name][tried] for name in names])
    for i, j in combinations(range(len(names)), 2):
        for k in np.flatnonzero(~off(few[[i, j]][:, None], few).any(-1)):
            parts = names[i], names[j]
            if k not in (i, j) and names[k] not in found and not {*parts} & found and _adds(values, parts, names[k]):
                found.add(names[k])
                yield Total(parts=parts, total=names[k])
    left = [name for name in names if name not in found]
    complete = complete[:: max(1, len(complete) // _SOLVED)]
    few = np.stack([values[name][complete] / np.abs(values[name][complete]).max() for name in left] or [np.ones(1)])
    if np.linalg.matrix_rank(few) == len(few):  # no column is a sum of others, whatever their weights
        return
    for name in left:
        terms = _terms({other: values[other][complete] for other in left if other not in found}, name)
        if len(terms) > 2 and _adds(values, terms, name):
            found.add(name)
            yield Total(parts=terms, total=name)


def _terms(values: dict[str, Array], total: str) -> tuple[str, ...]:
    """Return the columns whose plain sum a column may be, by least squares."""
    others = [name for name in values if name != total]
    x = np.stack([values[name] for name in others], 1) if others else np.zeros((1, 0))
    scale = np.abs(x).max(0, initial=1e-300)
    weights = np.linalg.lstsq(x / scale, values[total], rcond=None)[0] / scale if others else np.zeros(0)
    plain = np.isclose(weights, 1, atol=1e-4) | np.isclose(weights * scale, 0, atol=1e-4 * np.abs(values[total]).max())
    return tuple(name for name, w in zip(others, weights, strict=True) if w > 0.5) if plain.all() else ()


def _adds(values: dict[str, Array], parts: tuple[str, ...], total: str) -> bool:
    terms, known = np.stack([values[name] for name in parts]), values[total]
    rows = ~np.isnan(terms).any(0) & ~np.isnan(known)
    moving = all((part[rows] != 0).sum() >= _EXPECTED for part in terms)
    return moving and _enough(rows.sum(), len(known)) and not off(terms, known).any()


def _orders(table: Table, values: dict[str, Array], totals: list[Total]) -> list[Order]:
    """Return pairs of columns whose ranges overlap and whose gap comes near to 0, but never below."""
    known = {(part, rule.total) for rule in totals for part in rule.parts}
    found = {
        (a, b)
        for a, b in permutations(values, 2)
        if type_name(table.column(a)).startswith("t") == type_name(table.column(b)).startswith("t")
        and (a, b) not in known
        and (b, a) not in known
        and _is_order(values[a], values[b])
    }
    return [
        Order(low=a, high=c) for a, c in sorted(found) if not any((a, b) in found and (b, c) in found for b in values)
    ]


def _is_order(low: Array, high: Array) -> bool:
    rows = ~np.isnan(low) & ~np.isnan(high)
    low, high = low[rows], high[rows]
    if not _enough(len(low), len(rows)) or (low > high).any():
        return False
    gap = high - low
    by_chance = 1 - np.searchsorted(np.sort(low), high, side="right").mean() / len(low)
    return bool(len(low) * by_chance >= _EXPECTED and (gap <= _NEAR * gap.std()).sum() >= 2 and gap.std() > 0)


def _codes(table: Table, name: str) -> Array | None:
    """Return the place of each cell among the values of a column, -1 where it is missing; None where they hardly repeat."""
    cells = one_zero(table.column(name)).combine_chunks().dictionary_encode()
    cells = cells.combine_chunks() if hasattr(cells, "combine_chunks") else cells
    if not 2 <= len(cells.dictionary) <= min(_LABELS, table.num_rows / _REPEATED):
        return None
    return np.asarray(cells.indices.fill_null(-1))


def _determined(codes: dict[str, Array]) -> list[tuple[str, str]]:
    """Return each pair of columns of which the first determines the second, in more rows than chance would allow."""
    found = []
    for a, b in permutations(codes, 2):
        rows = (codes[a] >= 0) & (codes[b] >= 0)
        x, y = codes[a][rows], codes[b][rows]
        if not _enough(len(x), len(rows)):
            continue
        shares = np.bincount(y) / len(y)
        keys = len(np.unique(x))
        if (len(x) - keys) * (1 - (shares**2).sum()) >= _EXPECTED and len(np.unique(x * (y.max() + 1) + y)) == keys:
            found.append((a, b))
    return found


def _dependencies(table: Table, codes: dict[str, Array]) -> Iterator[Dependency]:
    pairs = _determined(codes)
    for a, c in pairs:
        back = (c, a) in pairs and list(codes).index(c) < list(codes).index(a)
        through = any(
            (a, b) in pairs and (b, c) in pairs and (b, a) not in pairs and (c, b) not in pairs for b in codes
        )
        if not back and not through:
            distinct = table.select([a, c]).group_by([a, c]).aggregate([]).drop_null()
            columns = [distinct.column(name) for name in (a, c)]
            types = tuple(type_name(cells) for cells in columns)
            yield Dependency(by=a, column=c, types=types, pairs=tuple(zip(*map(labels_of, columns), strict=True)))


def _implications(
    table: Table, values: dict[str, Array], codes: dict[str, Array], joined: set[frozenset[str]]
) -> list[Implication]:
    """Return the implications between frequent values, those first that chance would break most often."""
    literals = [literal for name in table.column_names for literal in _literals(table, name, name in values, codes)]
    if not literals:
        return []
    true = np.stack([literal.true(table) for literal in literals], 1)
    false = np.stack([literal.replace(holds=not literal.holds).true(table) for literal in literals], 1)
    t, f = true.astype(np.float32), false.astype(np.float32)
    broken, spoken, shares = t.T @ f, t.T @ (t + f), t.sum(0) / np.maximum((t + f).sum(0), 1)
    expected = spoken * (1 - shares)
    least = max(_FEWEST, _SHARE * table.num_rows)
    places = np.argwhere((broken == 0) & (spoken >= least) & (expected >= _EXPECTED))
    found, said = [], set[frozenset[tuple[str, str, bool]]]()
    for i, j in sorted(places.tolist(), key=lambda at: -expected[at[0], at[1]]):
        given, then = literals[i], literals[j]
        # "A implies B" and "not B implies not A" are one rule.
        names = frozenset(
            [(given.column, str(given.value), given.holds), (then.column, str(then.value), not then.holds)]
        )
        if given.column != then.column and frozenset([given.column, then.column]) not in joined and names not in said:
            said.add(names)
            found.append(Implication(given=given, then=then))
    return [rule for rule in found if not _follows(rule, found)][:_MOST]


def _follows(rule: Implication, others: list[Implication]) -> bool:
    """Return whether "A = v implies B != w" follows from "B = w implies A = u"."""
    return (
        not rule.then.holds
        and rule.given.holds
        and any(
            other.given == rule.then.replace(holds=True)
            and other.then.column == rule.given.column
            and other.then.holds
            and other.then.value != rule.given.value
            for other in others
        )
    )


def _literals(table: Table, name: str, number: bool, codes: dict[str, Array]) -> Iterator[Literally]:
    """Yield that a column has one of its frequent values; of many numbers, that it is at its spike, or elsewhere."""
    cells = one_zero(table.column(name))
    found = pc.value_counts(cells.drop_null())
    counts = np.asarray(found.field("counts"))
    continuous = number and len(counts) > 2 * _SPIKES
    order = np.argsort(-counts, kind="stable")[: 1 if continuous else _SPIKES]
    frequent = order[counts[order] >= _SHARE * table.num_rows]
    for value in labels_of(found.field("values").take(pa.array(frequent))):
        literal = Literally(column=name, type=type_name(cells), value=value)
        yield from (literal, literal.replace(holds=False)) if continuous else (literal,)


def _mode(x: Array) -> float:
    found, counts = np.unique(x[~np.isnan(x)], return_counts=True)
    return float(found[counts.argmax()]) if len(found) else np.nan
