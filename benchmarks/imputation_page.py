"""The tables of figures of imputation: means over masks, with their standard errors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

__all__ = ["rows"]


def rows(jobs: Sequence[Mapping[str, Any]], name: str, ways: Sequence[str]) -> list[dict[str, Any]]:
    """Return a row per mechanism, share and way of filling in: means over the masks.

    Args:
        jobs: What was measured.
        name: The table.
        ways: The ways of filling in, in order.
    """
    own = [job for job in jobs if job["table"] == name]
    cases = dict.fromkeys((job["hidden by"], job["share"]) for job in own)
    found = []
    for mechanism, share in sorted(cases, key=lambda case: (list(cases).index((case[0], case[1])), case[1])):
        for way in ways:
            same = [job for job in own if (job["hidden by"], job["share"], job["rival"]) == (mechanism, share, way)]
            if same:
                found.append(_row(f"{mechanism} {share:.0%}", way, same))
    return found


def _row(hidden: str, way: str, same: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    errors = [key for key, value in same[0].items() if (" NRMSE" in key or " error" in key) and value is not None]
    held = [job["coverage"]["mean"] for job in same if "coverage" in job]
    return {
        "hidden": hidden,
        "masks": len(same),
        "filled by": way,
        **{key: _mean(job[key] for job in same) for key in errors},
        "coverage of 90 %": _mean(held) if held else "",
        "CPU s": f"{np.mean([job['cpu_seconds'] for job in same]):.1f}",
    }


def _mean(values: Iterable[float]) -> str:
    """Return the mean, and its standard error where there are several values."""
    some = np.array(list(values))
    error = f" ± {some.std(ddof=1) / len(some) ** 0.5:.3f}" if len(some) > 1 else ""
    return f"{some.mean():.3f}{error}"
