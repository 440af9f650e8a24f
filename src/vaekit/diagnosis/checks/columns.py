"""Columns: does a table's model say less of a column than the column's own distribution does?"""

from __future__ import annotations

from vaekit.diagnosis.check import Check
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


CHECKS: tuple[Check, ...] = (
    Check(
        name="column_misfit",
        measure="nats per cell by which a column's own distribution tells held-out cells better than p(x | z) does, less two standard errors",
        value=_misfit,
        fires="above",
        threshold=0.05,
        severity="warning",
        explanation="The latents of a row have seen its cells, and yet the decoder says less of this column than the mere "
        "shares of its values do. Its family does not suit the column, or the decoder is too sure of what it learned.",
        source='Nazabal, Olmos, Ghahramani and Valera, 2020, "Handling incomplete heterogeneous data using VAEs"',
        remedy="Take a family that suits (likelihood.real=logistic_mixture, likelihood.count=negative_binomial), declare the "
        "column's kind in a schema file, or give a model that can hold less.",
        prescription=_fitted,
        effect="The column is told at least as well as by its own distribution.",
        where=_column,
    ),
)
"""What can be wrong with a column of a table."""
