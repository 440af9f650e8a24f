"""The verbs that look at runs as a whole: several side by side, and the report of one."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch

from vaekit.interfaces.cli.output import emit
from vaekit.interfaces.describing.words import number
from vaekit.interfaces.report.report import write_report
from vaekit.interfaces.runs.diagnosing import kept_diagnosis
from vaekit.interfaces.runs.folder import RunFolder
from vaekit.interfaces.runs.run import load
from vaekit.nets import parameter_count

__all__ = ["compare", "report"]


def compare(paths: list[Path], as_json: bool) -> None:
    """Print a leaderboard."""
    rows = sorted((_row(path) for path in paths), key=_rank)
    # A probability per level and one per binarised pixel are both counted, and yet of different data.
    same = len({(row["data"], row["measure"], row["bound_on"]) for row in rows}) == 1
    warning = "" if same else "these runs differ in data or in measure: their bounds cannot be compared"
    emit(as_json, {"runs": rows, "comparable": same}, _leaderboard(rows), warning)


def report(path: Path, as_json: bool) -> None:
    """Write the report again, with the findings that lie in the run folder."""
    run = load(path)
    kept = kept_diagnosis(run)
    file = write_report(run, run.evaluate(samples=100, count=1000), kept)
    emit(as_json, {"report": str(file)}, f"report: {file}")


def _row(path: Path) -> dict[str, Any]:
    folder = RunFolder(path)
    experiment, evaluation = folder.read_experiment(), folder.read_evaluation()
    model = experiment.model
    parameters = None
    if model is not None:
        with torch.device("meta"):
            parameters = parameter_count(model.build())
    elbo, iw = (evaluation["bounds"][name] or {} for name in ("elbo", "iw"))
    return {
        "run": str(path),
        "iw": iw.get("nats"),
        "iw_samples": iw.get("samples"),
        "se": iw.get("se"),
        "elbo": elbo.get("nats"),
        "why": evaluation["bounds"].get("why", ""),
        "bits_per_dim": iw.get("bits_per_dim"),
        "distortion": evaluation["distortion"],
        "active_units": evaluation["active_units"],
        "latent": math.prod(model.posterior.latent_event(model.latent)) if model else None,
        "net": getattr(getattr(model, "net", None), "kind", None),
        "likelihood": model.likelihood_name if model else None,
        "bound_on": model.bound_on if model else "",
        "posterior": model.posterior.kind if model else None,
        "prior": model.prior.kind if model else None,
        "condition": model.condition if model else None,
        "measure": experiment.measure,
        "objective": experiment.objective.kind,
        "parameters": parameters,
        "data": folder.read_json("split.json")["fingerprint"][:12],
    }


def _leaderboard(rows: list[dict[str, Any]]) -> Any:
    from rich.table import Table

    table = Table(
        "run",
        "bound",
        "nats per datum",
        "ELBO",
        "bits/dim",
        "active",
        "net",
        "posterior",
        "prior",
        "likelihood",
        "objective",
        "parameters",
        box=None,
    )
    for row in rows:
        table.add_row(
            row["run"],
            *_bound_cells(row),
            f"{row['active_units']} of {row['latent']}" if row["latent"] else str(row["active_units"]),
            row["net"],
            row["posterior"],
            row["prior"],
            row["likelihood"],
            row["objective"],
            f"{row['parameters']:,}" if row["parameters"] else "",
        )
    return table


def _rank(row: dict[str, Any]) -> tuple[bool, float]:
    """Order runs by their bound, best first; those without one come after them, by their reconstructions."""
    return row["iw"] is None, (row["distortion"] or math.inf) if row["iw"] is None else -row["iw"]


def _bound_cells(row: dict[str, Any]) -> tuple[str, str, str, str]:
    if row["iw_samples"] is None:
        return "-", "-", "-", "-"
    nats = f"{number(row['iw'])} +- {number(row['se'])}"
    return f"IW-{row['iw_samples']}", nats, number(row["elbo"]), number(row["bits_per_dim"], 4)
