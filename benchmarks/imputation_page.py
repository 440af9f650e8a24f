"""The tables of figures of imputation: means over masks, with their standard errors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

__all__ = ["rows"]


def rows(jobs: Sequence[Mapping[str, Any]], name: str, ways: Sequence[str]) -> list[dict[str, Any]]:
    """Return a row per mechanism, share and way of filling in: means over the masks that all ways have filled in.

    Args:
        jobs: What was measured.
        name: The table.
        ways: The ways of filling in, in order.
    """
    own = [job for job in jobs if job["table"] == name]
    found = []
    for hidden, share in dict.fromkeys((job["hidden by"], job["share"]) for job in sorted(own, key=_place)):
        case = [job for job in own if (job["hidden by"], job["share"]) == (hidden, share)]
        done = {way: {job["mask"] for job in case if job["rival"] == way} for way in ways}
        common = set.intersection(*(masks for masks in done.values() if masks))
        for way in ways:
            if same := [job for job in case if job["rival"] == way and job["mask"] in common]:
                found.append(_row(f"{hidden} {share:.0%}", way, same))
    return found


def _place(job: Mapping[str, Any]) -> tuple[int, float]:
    return ("MCAR", "MAR", "MNAR").index(job["hidden by"]), job["share"]


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
