"""The verbs about whole runs: compare several, and write the report of one."""

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
from vaekit.modalities import Description
from vaekit.nets import parameter_count

__all__ = ["compare", "report"]


def compare(paths: list[Path], as_json: bool) -> None:
    """Print a leaderboard."""
    rows = sorted((_row(path) for path in paths), key=_rank)
    # The probability of a level and that of a binarized pixel have one measure, but belong to different data.
    same = len({(row["data"], row["measure"], row["bound_on"]) for row in rows}) == 1
    warning = "" if same else "these runs differ in data or in measure: their bounds cannot be compared"
    emit(as_json, {"runs": rows, "comparable": same}, _leaderboard(rows), warning)


def report(path: Path, as_json: bool) -> None:
    """Write the report again, with the findings that the run folder holds."""
    run = load(path)
    file = write_report(run, run.evaluate(samples=100, count=1000), kept_diagnosis(run))
    emit(as_json, {"report": str(file)}, f"report: {file}")


def _row(path: Path) -> dict[str, Any]:
    folder = RunFolder(path)
    experiment, evaluation = folder.read_experiment(), folder.read_evaluation()
    elbo, iw = (evaluation["bounds"][name] or {} for name in ("elbo", "iw"))
    return {
        "run": str(path),
        "iw": iw.get("nats"),
        "iw_samples": iw.get("samples"),
        "se": iw.get("se"),
        "n": evaluation["n"],
        "elbo": elbo.get("nats"),
        "why": evaluation["bounds"].get("why", ""),
        "bits_per_dim": iw.get("bits_per_dim"),
        "distortion": evaluation["distortion"],
        "active_units": evaluation["active_units"],
        **_parts(experiment.model),
        **_all_latents(evaluation),
        "measure": experiment.measure,
        "objective": experiment.objective.kind,
        "data": folder.fingerprint[:12],
    }


def _all_latents(evaluation: dict[str, Any]) -> dict[str, int]:
    """Return the number of latents of all groups, where there are several: the description counts those of the first."""
    groups = evaluation.get("groups", [])
    return {"latent": sum(group["latents"] for group in groups)} if groups else {}


def _parts(model: Description | None) -> dict[str, Any]:
    """Return what a model is made of; a free composition does not say."""
    if model is None:
        names = ("latent", "net", "likelihood", "posterior", "prior", "condition", "parameters")
        return {**dict.fromkeys(names), "bound_on": ""}
    with torch.device("meta"):
        parameters = parameter_count(model.build())
    return {
        "latent": math.prod(model.posterior.latent_event(model.latent)),
        "net": getattr(getattr(model, "net", None), "kind", None),
        "likelihood": model.likelihood_name,
        "bound_on": model.bound_on,
        "posterior": model.posterior.kind,
        "prior": model.prior.kind,
        "condition": model.condition,
        "parameters": parameters,
    }


def _leaderboard(rows: list[dict[str, Any]]) -> Any:
    from rich.table import Table

    parts = ("net", "posterior", "prior", "likelihood", "objective")
    table = Table("run", "bound", "nats per datum", "n", "ELBO", "bits/dim", "active", *parts, "parameters", box=None)
    for row in rows:
        active = f"{row['active_units']} of {row['latent']}" if row["latent"] else str(row["active_units"])
        count = f"{row['parameters']:,}" if row["parameters"] else ""
        table.add_row(row["run"], *_bound_cells(row), active, *(row[part] for part in parts), count)
    return table


def _rank(row: dict[str, Any]) -> tuple[bool, float]:
    """Order runs by their bound, best first; those without one come after them, by their reconstructions."""
    return row["iw"] is None, (row["distortion"] or math.inf) if row["iw"] is None else -row["iw"]


def _bound_cells(row: dict[str, Any]) -> tuple[str, ...]:
    if row["iw_samples"] is None:
        return "-", "-", str(row["n"]), "-", "-"
    nats = f"{number(row['iw'])} +- {number(row['se'])}"
    return f"IW-{row['iw_samples']}", nats, str(row["n"]), number(row["elbo"]), number(row["bits_per_dim"], 4)
