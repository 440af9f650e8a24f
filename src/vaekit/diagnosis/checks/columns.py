"""Columns: does a table's model say less of a column than the column's own distribution does?"""

from __future__ import annotations

from vaekit.diagnosis.checks.words import worded
from vaekit.diagnosis.examination import Examination
from vaekit.diagnosis.remedies import fitting_families, longer, smaller

__all__ = ["CHECKS"]


def _misfit(examination: Examination) -> float | None:
    found = examination.column_fit
    return None if found is None or found.worst is None else found.misfit[found.worst].item()


def _column(examination: Examination) -> str:
    found = examination.column_fit
    if found is None or found.worst is None:
        return ""
    name = found.slots[found.worst].name
    return f"whether {name[:-1]!r} is missing" if name.endswith("?") else f"column {name.removesuffix(':rest')!r}"


def _fitted(examination: Examination) -> tuple[str, ...]:
    """Return the key of the column's family, or of what keeps the decoder from being sure where it should not be."""
    subject, found = examination.subject, examination.column_fit
    if found is None or found.worst is None:
        return ()
    if keys := fitting_families(subject, found.slots[found.worst].kind):
        return keys
    learned = examination.generalization
    return smaller(subject) if learned is not None and learned.advantage > 0.5 else longer(subject, 2)


CHECKS = (worded("column_misfit", _misfit, above=0.05, prescription=_fitted, where=_column),)
