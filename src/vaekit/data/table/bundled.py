"""The tables that come with scikit-learn."""

from __future__ import annotations

from typing import Any

from vaekit.data.arrow import pa
from vaekit.data.table.raw import RawTable

__all__ = ["BUNDLED", "bundled_name", "raw_from_sklearn"]

BUNDLED = ("breast-cancer", "diabetes", "wine")


def bundled_name(typed: str) -> str | None:
    """Return the name of a bundled table as it is spelled here, or None if there is no such table.

    >>> bundled_name("Breast_Cancer"), bundled_name("wine.csv")
    ('breast-cancer', None)
    """
    name = typed.lower().replace("_", "-")
    return name if name in BUNDLED else None


def raw_from_sklearn(name: str) -> RawTable:
    """Read a table that comes with scikit-learn; its target is the column `target`, with the names of the classes if it has any.

    Args:
        name: One of `BUNDLED`.

    Raises:
        ImportError: If pyarrow is missing.
        ValueError: If there is no such table.

    >>> raw_from_sklearn("wine").table.column("target")[0].as_py()
    'class_0'
    """
    from sklearn import datasets

    found = bundled_name(name)
    if found is None:
        raise ValueError(f"a bundled table is one of {', '.join(BUNDLED)}, but {name!r} came; use one of these")
    if found == "diabetes":
        bunch = datasets.load_diabetes(scaled=False)  # the ages and blood pressures themselves
    else:
        bunch = datasets.load_wine() if found == "wine" else datasets.load_breast_cancer()
    columns: dict[str, Any] = {str(name): bunch.data[:, place] for place, name in enumerate(bunch.feature_names)}
    classes = getattr(bunch, "target_names", None)
    columns["target"] = bunch.target if classes is None else [str(classes[label]) for label in bunch.target]
    return RawTable(pa.table(columns))
