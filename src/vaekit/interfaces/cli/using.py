"""The verbs that use a trained run."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch

from vaekit.interfaces.cli.output import bound_lines, emit, number
from vaekit.interfaces.cli.sources import datum_of, identity, opened, set_aside, stems_of
from vaekit.interfaces.columns import check_suffix, write_columns
from vaekit.interfaces.folder import RunFolder
from vaekit.interfaces.pictures import grid, save_images, save_png
from vaekit.interfaces.report import write_report
from vaekit.interfaces.run import Run, load
from vaekit.nets import parameter_count

__all__ = [
    "compare",
    "encode",
    "evaluate",
    "interpolate",
    "manipulate",
    "reconstruct",
    "report",
    "sample",
    "score",
    "traverse",
]

_PAIRS = 32  # pairs of input and reconstruction in the overview


def evaluate(path: Path, data: str | None, samples: int, as_json: bool) -> None:
    """Print the bounds."""
    run = load(path)
    dataset = opened(run, data)[0] if data is not None else None
    name = data if data is not None else f"{run.experiment.data.source} (test)"
    summary = {"data": name, **run.evaluate(dataset, samples).summary()}
    emit(as_json, summary, f"{summary['data']}:", *bound_lines(summary))


def sample(path: Path, out: Path, n: int, temperature: float, noise: bool, seed: int, as_json: bool) -> None:
    """Write new images."""
    run, folder = load(path), _folder(out)
    images = run.sample(n, temperature, noise=noise, seed=seed)
    files = save_images(images, folder, [f"sample-{i:0{len(str(n))}}" for i in range(n)])
    overview = save_png(grid(images[:400]), out / "grid.png")
    _wrote(as_json, overview, files)


def reconstruct(path: Path, data: str, out: Path, as_json: bool) -> None:
    """Write reconstructions."""
    run, folder = load(path), _folder(out)
    dataset, rows = opened(run, data)
    inputs, again = run.reconstruct(dataset)
    files = save_images(again, folder, stems_of(dataset, rows))
    pairs = torch.stack([inputs[:_PAIRS], again[:_PAIRS]], 1).flatten(0, 1)
    overview = save_png(grid(pairs, columns=8), out / "pairs.png")
    _wrote(as_json, overview, files)


def interpolate(path: Path, a: str, b: str, steps: int, out: Path | None, as_json: bool) -> None:
    """Write a row of images."""
    run = load(path)
    file = _picture(run, out, "interpolation")
    images = run.interpolate(datum_of(run, a), datum_of(run, b), steps)
    _wrote(as_json, save_png(grid(images, columns=steps), file))


def traverse(path: Path, datum: str | None, steps: int, out: Path | None, as_json: bool) -> None:
    """Write a row of images per dimension."""
    run = load(path)
    file = _picture(run, out, "traversal")
    images, order = run.traverse(datum_of(run, datum) if datum is not None else None, steps)
    _wrote(as_json, save_png(grid(images.flatten(0, 1), columns=steps), file), dimensions=order)


def manipulate(
    path: Path, data: str, toward: str, strength: tuple[float, int], out: Path | None, as_json: bool
) -> None:
    """Write a row of images per datum."""
    run = load(path)
    file = _picture(run, out, "manipulation")
    dataset, _ = opened(run, data)
    images = run.manipulate(dataset, toward.split("=", 1)[-1], *strength)
    _wrote(as_json, save_png(grid(images[:_PAIRS].flatten(0, 1), columns=strength[1]), file))


def encode(path: Path, data: str, out: Path, as_json: bool) -> None:
    """Write posterior means and standard deviations."""
    run, out = load(path), check_suffix(out)
    dataset, rows = opened(run, data)
    mean, deviation = run.encode(dataset)
    write_columns(out, {**identity(dataset, rows), "mean": mean, "std": deviation})
    emit(
        as_json,
        {"out": str(out), "n": len(mean), "latent": mean.shape[1], "quarantine": set_aside(dataset)},
        f"{len(mean)} x {mean.shape[1]} latents: {out}",
    )


def score(path: Path, data: str, out: Path, samples: int, as_json: bool) -> None:
    """Write per-datum bounds."""
    run, out = load(path), check_suffix(out)
    dataset, rows = opened(run, data)
    result = run.score(dataset, samples)
    bits = -result.iw / (result.dimensions * torch.tensor(2.0).log())
    columns = {"elbo": result.elbo, f"iw_{samples}": result.iw, "bits_per_dim": bits, "ess": result.ess}
    write_columns(out, {**identity(dataset, rows), **columns})
    lowest = result.iw.argsort()[:5].tolist()
    names = stems_of(dataset, rows)
    worst = [{"datum": names[i], f"iw_{samples}": result.iw[i].item()} for i in lowest]
    text = [f"{w['datum']}: IW-{samples} {w[f'iw_{samples}']:.2f} nats" for w in worst]
    emit(
        as_json,
        {"out": str(out), "n": len(bits), "lowest": worst, "quarantine": set_aside(dataset)},
        f"{len(bits)} scores: {out}",
        "least likely:",
        *text,
    )


def compare(paths: list[Path], as_json: bool) -> None:
    """Print a leaderboard."""
    rows = sorted((_row(path) for path in paths), key=lambda row: math.inf if row["iw"] is None else -row["iw"])
    same = len({(row["data"], row["measure"]) for row in rows}) == 1
    warning = "" if same else "these runs differ in data or in measure: their bounds cannot be compared"
    emit(as_json, {"runs": rows, "comparable": same}, _leaderboard(rows), warning)


def report(path: Path, as_json: bool) -> None:
    """Write the report again."""
    run = load(path)
    file = write_report(run, run.evaluate(samples=100, count=1000))
    emit(as_json, {"report": str(file)}, f"report: {file}")


def _row(path: Path) -> dict[str, Any]:
    folder = RunFolder(path)
    experiment, evaluation = folder.read_experiment(), folder.read_evaluation()
    model = experiment.model
    parameters = None
    if model is not None:
        with torch.device("meta"):
            parameters = parameter_count(model.build())
    return {
        "run": str(path),
        "iw": evaluation["bounds"]["iw"]["nats"],
        "iw_samples": evaluation["bounds"]["iw"]["samples"],
        "se": evaluation["bounds"]["iw"]["se"],
        "elbo": evaluation["bounds"]["elbo"]["nats"],
        "bits_per_dim": evaluation["bounds"]["iw"]["bits_per_dim"],
        "active_units": evaluation["active_units"],
        "latent": model.latent if model else None,
        "net": model.net.kind if model else None,
        "likelihood": model.likelihood.kind if model else None,
        "measure": model.likelihood.measure if model else None,
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
        "likelihood",
        "objective",
        "parameters",
        box=None,
    )
    for row in rows:
        table.add_row(
            row["run"],
            f"IW-{row['iw_samples']}",
            f"{number(row['iw'])} +- {number(row['se'])}",
            number(row["elbo"]),
            number(row["bits_per_dim"], 4),
            f"{row['active_units']} of {row['latent']}" if row["latent"] else str(row["active_units"]),
            row["net"],
            row["likelihood"],
            row["objective"],
            f"{row['parameters']:,}" if row["parameters"] else "",
        )
    return table


def _picture(run: Run, out: Path | None, name: str) -> Path:
    return check_suffix(out or run.folder.plots / f"{name}.png", (".png",))


def _folder(out: Path) -> Path:
    if out.exists() and not out.is_dir():
        raise FileExistsError(f"{out} is a file; give a folder as --out")
    out.mkdir(parents=True, exist_ok=True)
    return out


def _wrote(as_json: bool, overview: Path, files: list[Path] | None = None, **more: Any) -> None:
    answer = {
        "picture": str(overview),
        **({"files": [str(file) for file in files]} if files is not None else {}),
        **more,
    }
    text = (
        f"{len(files)} images in {overview.parent}, all together in {overview}" if files is not None else str(overview)
    )
    emit(as_json, answer, text)
