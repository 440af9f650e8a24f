"""The verbs that use a trained run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vaekit.data import Dataset
from vaekit.interfaces.cli.output import bound_lines, emit
from vaekit.interfaces.columns import write_columns
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
    summary = {"data": data or f"{run.experiment.data.source} (test)", **run.evaluate(data, samples).summary()}
    emit(as_json, summary, f"{summary['data']}:", *bound_lines(summary))


def sample(path: Path, out: Path, n: int, temperature: float, noise: bool, seed: int, as_json: bool) -> None:
    """Write new images."""
    images = load(path).sample(n, temperature, noise=noise, seed=seed)
    files = save_images(images, _folder(out), [f"sample-{i:0{len(str(n))}}" for i in range(n)])
    overview = save_png(grid(images[:400]), out / "grid.png")
    _wrote(as_json, overview, files)


def reconstruct(path: Path, data: str, out: Path, as_json: bool) -> None:
    """Write reconstructions."""
    run = load(path)
    dataset, rows = run.open(data)
    inputs, again = run.reconstruct(dataset)
    files = save_images(again, _folder(out), _stems(dataset, rows))
    pairs = torch.stack([inputs[:_PAIRS], again[:_PAIRS]], 1).flatten(0, 1)
    overview = save_png(grid(pairs, columns=8), out / "pairs.png")
    _wrote(as_json, overview, files)


def interpolate(path: Path, a: str, b: str, steps: int, out: Path | None, as_json: bool) -> None:
    """Write a row of images."""
    run = load(path)
    images = run.interpolate(_datum(run, a), _datum(run, b), steps)
    _wrote(as_json, save_png(grid(images, columns=steps), out or run.folder.plots / "interpolation.png"))


def traverse(path: Path, datum: str | None, steps: int, out: Path | None, as_json: bool) -> None:
    """Write a row of images per dimension."""
    run = load(path)
    images, order = run.traverse(_datum(run, datum) if datum is not None else None, steps)
    file = save_png(grid(images.flatten(0, 1), columns=steps), out or run.folder.plots / "traversal.png")
    _wrote(as_json, file, dimensions=order)


def manipulate(
    path: Path, data: str, toward: str, strength: tuple[float, int], out: Path | None, as_json: bool
) -> None:
    """Write a row of images per datum."""
    run = load(path)
    images = run.manipulate(data, toward.split("=", 1)[-1], *strength)
    file = save_png(
        grid(images[:_PAIRS].flatten(0, 1), columns=strength[1]), out or run.folder.plots / "manipulation.png"
    )
    _wrote(as_json, file)


def encode(path: Path, data: str, out: Path, as_json: bool) -> None:
    """Write posterior means and standard deviations."""
    run = load(path)
    dataset, rows = run.open(data)
    mean, deviation = run.encode(dataset)
    write_columns(out, {**_identity(dataset, rows), "mean": mean, "std": deviation})
    emit(
        as_json,
        {"out": str(out), "n": len(mean), "latent": mean.shape[1]},
        f"{len(mean)} x {mean.shape[1]} latents: {out}",
    )


def score(path: Path, data: str, out: Path, samples: int, as_json: bool) -> None:
    """Write per-datum bounds."""
    run = load(path)
    dataset, rows = run.open(data)
    result = run.score(dataset, samples)
    bits = -result.iw / (result.dimensions * torch.tensor(2.0).log())
    columns = {"elbo": result.elbo, f"iw_{samples}": result.iw, "bits_per_dim": bits, "ess": result.ess}
    write_columns(out, {**_identity(dataset, rows), **columns})
    lowest = result.iw.argsort()[:5].tolist()
    names = _stems(dataset, rows)
    worst = [{"datum": names[i], f"iw_{samples}": result.iw[i].item()} for i in lowest]
    text = [f"{w['datum']}: IW-{samples} {w[f'iw_{samples}']:.2f} nats" for w in worst]
    emit(
        as_json,
        {"out": str(out), "n": len(bits), "lowest": worst},
        f"{len(bits)} scores: {out}",
        "least likely:",
        *text,
    )


def compare(paths: list[Path], as_json: bool) -> None:
    """Print a leaderboard."""
    rows = sorted((_row(path) for path in paths), key=lambda row: -(row["iw"] or -1e300))
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
    experiment, evaluation = folder.read_experiment(), folder.read_json("evaluation.json")
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
            f"{row['iw']:.2f} +- {row['se']:.2f}",
            f"{row['elbo']:.2f}",
            f"{row['bits_per_dim']:.4f}",
            f"{row['active_units']} of {row['latent']}",
            row["net"],
            row["likelihood"],
            row["objective"],
            f"{row['parameters']:,}" if row["parameters"] else "",
        )
    return table


def _datum(run: Run, text: str) -> str | Dataset:
    """Return an image file, or one of the test data by its number."""
    if not text.isdecimal() or Path(text).exists():
        return text
    data, rows = run.open()
    if int(text) >= len(rows):
        raise ValueError(f"the run has {len(rows)} test images, numbered from 0; got {text}")
    row = rows[int(text)]
    return replace(data, values=data.values[row : row + 1], split=data.split[row : row + 1], labels=None, names=())


def _identity(data: Dataset, rows: Tensor) -> Mapping[str, Any]:
    columns: dict[str, Any] = {"name": _stems(data, rows, suffix=True)}
    if data.labels is not None:
        columns["label"] = [data.classes[i] if data.classes else str(i) for i in data.labels[rows].tolist()]
    return columns


def _stems(data: Dataset, rows: Tensor, *, suffix: bool = False) -> list[str]:
    """Return one name per datum: its file's, or its number."""
    if not data.names:
        width = len(str(len(data)))
        return [f"{i:0{width}}" for i in rows.tolist()]
    names = [Path(data.names[i]) for i in rows.tolist()]
    if suffix:
        return [name.as_posix() for name in names]
    stems = [name.with_suffix("").as_posix() for name in names]
    # a.png and a.jpg share a stem: the suffix then tells them apart.
    return [s if stems.count(s) == 1 else n.as_posix().replace(".", "-") for s, n in zip(stems, names, strict=True)]


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
