"""The page of `tables`: what its figures mean, and how they are shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.measuring import table
from benchmarks.table_data import TABLES

__all__ = ["sections"]

MEANING = (
    "Quality is that of as many synthetic rows as there are training rows, measured against these and beside the test rows. "
    "Floor: the columns of the training rows, drawn independently of each other. Ceiling: the test rows in place of the "
    "synthetic ones; of efficacy, the training rows. Detection: AUC of boosted trees and of a logistic model that tell them "
    "from real rows, .5 is best. Copies: share of the rows that are training rows, best where the ceiling's. Nearer: share "
    "that lies nearer to training rows than to as many test rows, best at .5. The seconds of vaekit are those of the whole "
    "command: start, reading, training, second stage, bounds and report; those of TVAE are preparation and training: as many "
    "as vaekit took, or were asked for where that is more. Trained rows: rows seen per second of training on the wall. Sampled "
    "rows: 100,000 at once, by a model in memory. Preparation: of vaekit reading, columns told apart "
    "and coded; of TVAE its mixtures and their application, without reading. Ratios: how many times quicker than TVAE."
)


def sections(jobs: Mapping[str, Any]) -> list[str]:
    """Return two tables of each table, and what their figures mean.

    Args:
        jobs: What came of each arm, by table and name of the arm.
    """
    return [*(_section(TABLES[name].title, done) for name, done in jobs.items()), MEANING]


def _section(title: str, done: Mapping[str, Any]) -> str:
    return "\n\n".join([f"## {title}", _settings(done), table(quality_rows(done)), table(speed_rows(done))])


def _settings(done: Mapping[str, Any]) -> str:
    shown = ("threads", "seed", "date", "load_before")
    facts = {
        name: f"`{arm['command']}`, {', '.join(f'{key} {arm[key]}' for key in shown)}" for name, arm in done.items()
    }
    return "; ".join(f"{name}: {fact}" for name, fact in facts.items())


def quality_rows(done: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a row per arm, between floor and ceiling."""
    first = next(iter(done.values()))["quality"]
    ends = [_figures(name, first[name], first["target"]) for name in ("floor", "ceiling")]
    return [*(_figures(name, arm["quality"]["model"], first["target"]) for name, arm in done.items()), *ends]


def _figures(name: str, found: Mapping[str, Any], target: str) -> dict[str, Any]:
    closeness = found["closeness"]
    return {
        "rows of": name,
        "shapes": f"{found['shapes']['mean']:.4f}",
        "trends": f"{found['trends']['mean']:.4f}",
        "detection, trees": f"{found['tree']['auc']:.4f}",
        "detection, logistic": f"{found['logistic']['auc']:.4f}",
        f"efficacy, AUC of {target}": f"{found['efficacy']['auc']:.4f}",
        "alpha-precision": f"{found['support']['alpha_precision']:.4f}",
        "beta-recall": f"{found['support']['beta_recall']:.4f}",
        "authenticity": f"{found['support']['authenticity']:.4f}",
        "nearer": f"{closeness['share']:.3f} +- {closeness['se']:.3f}" if closeness else "",
        "copies": f"{found['copies']:.2%}",
    }


def speed_rows(done: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a row per arm: what it took, and in which ratio to TVAE in as much time."""
    peer = done.get("TVAE")
    return [_speed(name, arm, peer) for name, arm in done.items()]


def _speed(name: str, arm: Mapping[str, Any], peer: Mapping[str, Any] | None) -> dict[str, Any]:
    mine, theirs = _speeds(arm), _speeds(peer) if peer else {}
    beside = {f"{key}, ratio": mine[key] / theirs[key] if theirs else "" for key in mine}
    beside["preparation s, ratio"] = theirs["preparation s"] / mine["preparation s"] if theirs else ""
    both = {
        key: value
        for title in mine
        for key, value in ((title, mine[title]), (f"{title}, ratio", beside[f"{title}, ratio"]))
    }
    worst = ", ".join(f"{column} {score:.3f}" for column, score in arm["quality"]["worst"])
    took = {"seconds": arm["wall"], "CPU s": arm["cpu"], "epochs": float(arm["epochs"])}
    return {"arm": name, **took, **both, "worst shapes": worst}


def _speeds(arm: Mapping[str, Any]) -> dict[str, float]:
    return {
        "trained rows/s": arm["training_rows_per_second"],
        "sampled rows/s": arm["sampling"]["rows_per_second"],
        "sampled rows/CPU s": arm["sampling"]["rows_per_cpu_second"],
        "preparation s": arm["preparation_seconds"],
    }
