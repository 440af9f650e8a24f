"""The constraints there are, and the order in which they act."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, TypeAlias

import numpy as np
from pydantic import Field

from vaekit.data.table.cells import Cells, Mask, Table
from vaekit.data.table.constraint import Constraint
from vaekit.data.table.joining import FixedCombinations, OneHot
from vaekit.data.table.ordering import Inequality, Range

__all__ = [
    "AnyConstraint", "Constraint", "FixedCombinations", "Inequality", "OneHot", "Range", "bounds_of", "broken_columns",
    "constrained", "fit_constraints", "freed",
]  # fmt: skip

AnyConstraint: TypeAlias = Annotated[Inequality | Range | FixedCombinations | OneHot, Field(discriminator="kind")]
"""Any constraint; its `kind` says which."""


def freed(table: Table, constraints: Sequence[Constraint]) -> Table:
    """Return a table with the columns that take the place of those that obey the constraints, one constraint after another."""
    for constraint in constraints:
        table = constraint.forward(table)
    return table


def broken_columns(table: Table, constraints: Sequence[Constraint]) -> dict[str, Mask]:
    """Return for columns of the freed table which rows break a constraint on them, shape (N,)."""
    found: dict[str, Mask] = {}
    for constraint in constraints:
        broken = constraint.broken(table)
        for name in constraint.replaces:
            broken = broken | found.pop(name, False)
        for name in constraint.makes or constraint.needs:
            found[name] = found.get(name, False) | broken
        table = constraint.forward(table)
    return found


def bounds_of(name: str, cells: Cells, constraints: Sequence[Constraint]) -> tuple[Cells | None, Cells | None]:
    """Return the bounds of a column of the freed table, as scalars of its type; None where there is none."""
    found = [constraint.limits(name, cells) for constraint in constraints]
    lows, highs = zip(*found, strict=True) if found else ((), ())
    low = max((low for low in lows if low is not None), key=lambda bound: bound.as_py(), default=None)
    return low, min((high for high in highs if high is not None), key=lambda bound: bound.as_py(), default=None)


def constrained(table: Table, constraints: Sequence[Constraint]) -> Table:
    """Return the table that `freed` made `table` of."""
    for constraint in reversed(constraints):
        table = constraint.backward(table)
    return table


def fit_constraints(constraints: Sequence[AnyConstraint], table: Table, training: Table) -> tuple[AnyConstraint, ...]:
    """Check that every row obeys, learn what the training rows tell, and put the constraints into an order that works.

    Args:
        constraints: The constraints, in any order.
        table: All rows.
        training: The training rows.

    Raises:
        ValueError: If a column is not there, a row breaks a constraint, or two constraints are in each other's way.
    """
    for constraint in constraints:
        _check(constraint, table)
    return tuple(constraint.fitted(training) for constraint in _ordered(constraints))


def _check(constraint: Constraint, table: Table) -> None:
    for name in constraint.needs:
        if name not in table.column_names:
            raise ValueError(
                f"constraint {constraint}: the table has no column {name!r}, but {', '.join(table.column_names[:8])};"
                " correct the name"
            )
    rows = np.flatnonzero(constraint.broken(table))
    if len(rows):
        row = int(rows[0])
        found = ", ".join(f"{name} = {table.column(name)[row].as_py()}" for name in constraint.needs)
        raise ValueError(
            f"constraint {constraint} must hold in every row, but row {row + 1} has {found}, and {len(rows)} rows break it;"
            " mend them, or drop the constraint"
        )


def _ordered(constraints: Sequence[AnyConstraint]) -> list[AnyConstraint]:
    """Bounds first; then what needs a column before what replaces it."""
    replaced = Counter(name for constraint in constraints for name in constraint.replaces)
    if twice := [name for name, count in replaced.items() if count > 1]:
        raise ValueError(f"column {twice[0]!r} stands in two constraints that replace it; drop one of them")
    waiting = sorted(constraints, key=lambda constraint: bool(constraint.replaces))
    ordered: list[AnyConstraint] = []
    while waiting:
        ready = next((one for one in waiting if not _needed(one, waiting)), None)
        if ready is None:
            circle = " and ".join(str(constraint) for constraint in waiting)
            raise ValueError(f"the constraints {circle} are in each other's way; drop one of them")
        waiting.remove(ready)
        ordered.append(ready)
    return ordered


def _needed(constraint: Constraint, waiting: Sequence[Constraint]) -> bool:
    """Say whether another constraint needs a column that this one replaces."""
    others = [other for other in waiting if other is not constraint]
    return any(set(constraint.replaces) & set(other.needs) for other in others)
