"""What the clinic found: sensitivity and false alarms of every check, and what its prescription did."""

import json
import math
from collections.abc import Sequence
from pathlib import Path

from benchmarks.clinic.cases import HEALTHY, Case
from benchmarks.measuring import machine, report, table
from vaekit.diagnosis import CHECKS

__all__ = ["conclude", "wilson"]

GONE = (
    "batchnorm_mismatch",
    "density_on_levels",
    "latent_too_small",
    "mse_as_likelihood",
    "sigma_collapse",
    "unfinished_schedule",
)
"""Findings whose cure takes away what they are about, such as the batch norm or a latent used to the full,
so that there is no number any more."""


def wilson(hits: int, count: int, z: float = 1.96) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson, 1927, "Probable inference, the law of succession")."""
    if count == 0:
        return 0.0, 1.0
    share, spread = hits / count, z * z / count
    center = (share + spread / 2) / (1 + spread)
    half = z * math.sqrt(share * (1 - share) / count + spread / (4 * count)) / (1 + spread)
    return max(0.0, center - half), min(1.0, center + half)


def conclude(cases: Sequence[Case], work: Path, out: Path) -> None:
    """Write the tables of all cases examined so far."""
    known = {one: _read(work / "examine" / f"{one.name}.json") for one in cases if one.held_out}
    examined = {one: found for one, found in known.items() if found is not None}
    treated = {one: _read(work / "treat" / f"{one.name}.json") for one in examined}
    kinds = list(dict.fromkeys(one.kind for one in examined))
    rows = [
        _row(check, kind, {one: found for one, found in examined.items() if one.kind == kind}, treated)
        for kind in kinds
        for check in CHECKS
    ]
    treatments = [row for row in rows if row["improved"] is not None]
    totals = {
        **_by_kind("sensitivity", "found", rows),
        **_by_kind("false alarms", "alarms", rows),
        "healthy runs with a finding": _share([_alarmed(examined)]),
        **_by_kind("prescriptions that move the number towards its threshold", "improved", treatments),
        **_by_kind("prescriptions that carry the number over its threshold", "carried", treatments),
    }
    seconds = sorted(found["seconds"] for found in examined.values())
    about = {
        "machine": machine(),
        "settings": {
            "images": "digits of scikit-learn; MNIST; sprites of this package",
            "first case": min(one.number for one in examined),
            "healthy runs": sum(one.planted == HEALTHY for one in examined),
            "sick runs": sum(one.planted != HEALTHY for one in examined),
            "median seconds per examination": round(seconds[len(seconds) // 2], 1),
        },
        "totals": totals,
        "checks": rows,
    }
    shown = [_shown(row) for row in rows if row["found"][1] or row["alarms"][1]]
    tables = [table(shown), table([{"pooled": k, "share": v} for k, v in totals.items()])]
    report("clinic", "Does the doctor find what was planted, and is it silent about the healthy?", out, about, tables)


def _row(check, kind, examined, treated) -> dict:
    sick = [found["values"].get(check.name) for one, found in examined.items() if one.planted == check.name]
    well = [found["values"].get(check.name) for one, found in examined.items() if one.planted == HEALTHY]
    well = [value for value in well if value is not None]  # a check that does not apply cannot be wrong
    cures = [cure for one, cure in treated.items() if cure and one.kind == kind and one.planted == check.name]
    improved = sum(_is_better(check, cure) for cure in cures)
    carried = sum(_is_better(check, cure) and not check.is_found(cure["after"]) for cure in cures)
    return {
        "kind": kind,
        "finding": check.name,
        "threshold": check.threshold,
        "fires": check.fires,
        "found": (sum(map(check.is_found, sick)), len(sick)),
        "alarms": (sum(map(check.is_found, well)), len(well)),
        "improved": (improved, len(cures)) if cures else None,
        "carried": (carried, len(cures)) if cures else None,
        "cures": cures,
    }


def _by_kind(name, counts, rows) -> dict[str, str]:
    """Return a share over all rows, and over those of each kind of data."""
    kinds = dict.fromkeys(row["kind"] for row in rows)
    parts = {f"{name}, {kind}s": [row[counts] for row in rows if row["kind"] == kind] for kind in kinds}
    return {title: _share(found) for title, found in {name: [row[counts] for row in rows], **parts}.items()}


def _alarmed(examined) -> tuple[int, int]:
    """Return how many healthy runs have a finding at all, and how many there are."""
    well = [found["values"] for one, found in examined.items() if one.planted == HEALTHY]
    return sum(any(check.is_found(values.get(check.name)) for check in CHECKS) for values in well), len(well)


def _is_better(check, cure) -> bool:
    """Say whether the number moved the right way."""
    before, after = cure["before"], cure["after"]
    if after is None:
        return check.name in GONE
    return after < before if check.fires == "above" else after > before


def _shown(row: dict) -> dict:
    low, high = wilson(*row["found"])
    least, most = wilson(*row["alarms"])
    return {
        "finding": f"{row['kind']} {row['finding']}",
        "number must be": f"{'<=' if row['fires'] == 'above' else '>='} {row['threshold']:.4g}",
        "found": f"{row['found'][0]} of {row['found'][1]}",
        "95 %": f"{low:.2f}-{high:.2f}",
        "false alarms": f"{row['alarms'][0]} of {row['alarms'][1]}",
        "95 % ": f"{least:.3f}-{most:.3f}",
        "prescription helps": "" if row["improved"] is None else f"{row['improved'][0]} of {row['improved'][1]}",
        "carries it over": "" if row["carried"] is None else f"{row['carried'][0]} of {row['carried'][1]}",
    }


def _share(counts) -> str:
    hits, count = (sum(column) for column in zip(*counts, strict=True)) if counts else (0, 0)
    low, high = wilson(hits, count)
    return f"{hits} of {count} = {hits / max(count, 1):.3f} ({low:.3f}-{high:.3f})"


def _read(path: Path) -> dict | None:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
