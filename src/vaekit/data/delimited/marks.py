"""The marks of missing cells in files of text."""

from __future__ import annotations

__all__ = ["MISSING"]

MISSING = frozenset([
    "", "?", "-", "--", ".", "NA", "N/A", "n/a", "na", "NaN", "nan", "NAN", "-nan", "NULL", "Null", "null", "None", "none",
    "NaT", "<NA>", "#N/A", "#NA", "N.A.", "n.a.", "(null)", "\\N",
])  # fmt: skip
"""The usual marks; a note names those that are found."""
