"""The verbs that use a trained run."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from vaekit.data import Dataset
from vaekit.evaluation import Bounds
from vaekit.interfaces.cli.decoding import decoding_of
from vaekit.interfaces.cli.depth import deep_lines
from vaekit.interfaces.cli.errors import complain
from vaekit.interfaces.cli.output import bound_lines, emit, number
from vaekit.interfaces.cli.rows import tell_rows
from vaekit.interfaces.cli.sources import datum_of, identity, opened, set_aside, stems_of
from vaekit.interfaces.cli.tables import drawn_rows
from vaekit.interfaces.columns import check_suffix, write_columns
from vaekit.interfaces.deep import deep
from vaekit.interfaces.diagnosing import kept_diagnosis
from vaekit.interfaces.folder import RunFolder
from vaekit.interfaces.latent_space import Way
from vaekit.interfaces.pictures import grid, save_images, save_png
from vaekit.interfaces.report import write_report
from vaekit.interfaces.run import Run, load
from vaekit.interfaces.shown import choice, flat
from vaekit.interfaces.table_quality import anomalies, table_quality_of
from vaekit.nets import parameter_count

__all__ = [
    "Depth",
    "Draws",
    "Walk",
    "analogy",
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

_LIKELIHOODS = {"text": "autoregressive", "table": "columns"}
_PAIRS = 32  # pairs of input and reconstruction in the overview


class Depth(NamedTuple):
    """The options of `evaluate`."""

    samples: int
    deep: bool


class Draws(NamedTuple):
    """The options of `sample`."""

    n: int
    temperature: float
    labels: tuple[str, ...]
    noise: bool
    decode: str | None
    seed: int
    given: tuple[str, ...] = ()


class Walk(NamedTuple):
    """The options of `interpolate`."""

    steps: int
    how: Way
    decode: str | None


def evaluate(path: Path, data: str | None, depth: Depth, as_json: bool) -> None:
    """Print the bounds, and all else that can be measured where asked for."""
    run = load(path)
    dataset = opened(run, data)[0] if data is not None else None
    settings = run.experiment.data
    name = data if data is not None else f"{settings.typed or settings.source} (test)"
    summary = {"data": name, "measure": run.measure, **run.summary(run.evaluate(dataset, depth.samples))}
    told = bound_lines(summary)
    if run.kind == "table":
        summary |= (found := _quality(run, dataset)).answer
        told += found.lines
    if depth.deep:
        summary["deep"] = deep(run, dataset)
        told += deep_lines(summary["deep"])
    emit(as_json, summary, f"{name}:", *told)


class _Told(NamedTuple):
    answer: dict[str, Any]
    lines: list[str]


def _quality(run: Run, holdout: Dataset | None) -> _Told:
    """Return how synthetic rows compare with real ones, or why nobody can say."""
    try:
        found = table_quality_of(run, holdout)
    except (ValueError, OSError) as error:
        return _Told({"quality": None, "quality_why": str(error)}, [f"no quality of synthetic rows: {error}"])
    rows = found.rows
    counts = f"{rows['synthetic']:,} synthetic, {rows['train']:,} training and {rows['holdout']:,} held-out rows"
    return _Told({"quality": found.summary()}, ["", f"synthetic rows ({counts}):", *found.lines()])


def sample(path: Path, out: Path | None, draws: Draws, as_json: bool) -> None:
    """Write new data."""
    run = load(path)
    labels, n = run.conditions.chosen(draws.labels), draws.n
    if run.kind != "image" and draws.noise:
        raise ValueError(f"--noise is one of pixels, and this run is one of {run.kind}s")
    if draws.given and run.kind != "table":
        raise ValueError(f"--given names columns of a table, and this run is one of {run.kind}s; see --label")
    if run.kind == "table":
        choice(decoding_of(draws.decode), run.kind)  # which refuses what is one of texts
        made = drawn_rows(run, labels, n, draws.temperature, draws.given, draws.seed)
        tell_rows(as_json, {}, made, out)
        return
    if run.kind == "text":
        decoding = decoding_of(draws.decode, draws.temperature if draws.temperature != 1 else None)
        tell_rows(as_json, {}, run.sample(n, label=labels, decoding=decoding, seed=draws.seed), out)
        return
    out, decoding = _named(out), decoding_of(draws.decode)
    images = run.sample(n, draws.temperature, label=labels, noise=draws.noise, decoding=decoding, seed=draws.seed)
    folder = _folder(out)
    files = save_images(images, folder, [f"sample-{i:0{len(str(n))}}" for i in range(n)])
    overview = save_png(grid(images[:400]), folder / "grid.png")
    _wrote(as_json, overview, files)


def reconstruct(path: Path, data: str, out: Path | None, decode: str | None, as_json: bool) -> None:
    """Write reconstructions."""
    run = load(path)
    if run.kind == "image":
        folder = _folder(_named(out))
    dataset, rows = opened(run, data)
    inputs, again = run.reconstruct(dataset, decoding=decoding_of(decode))
    if run.kind == "text":
        tell_rows(as_json, {"text": inputs}, again, out, name="reconstruction")
        return
    if run.kind == "table":
        tell_rows(as_json, {}, again, out)
        return
    files = save_images(again, folder, stems_of(dataset, rows))
    pairs = torch.stack([inputs[:_PAIRS], again[:_PAIRS]], 1).flatten(0, 1)
    overview = save_png(grid(pairs, columns=8), folder / "pairs.png")
    _wrote(as_json, overview, files)


def interpolate(path: Path, a: str, b: str, walk: Walk, out: Path | None, as_json: bool) -> None:
    """Write a row of data."""
    run, steps = load(path), walk.steps
    ends, decoding = (datum_of(run, a), datum_of(run, b)), decoding_of(walk.decode)
    if run.kind != "image":
        shown = run.interpolate(*ends, steps, how=walk.how, decoding=decoding)
        tell_rows(as_json, {"share": torch.linspace(0, 1, steps).tolist()}, shown, out)
        return
    file = _picture(run, out, "interpolation")
    images = run.interpolate(*ends, steps, how=walk.how, decoding=decoding)
    _wrote(as_json, save_png(grid(images, columns=steps), file))


def analogy(path: Path, data: tuple[str, str, str], out: Path | None, decode: str | None, as_json: bool) -> None:
    """Write the datum that is to the third as the second is to the first."""
    run = load(path)
    given, decoding = [datum_of(run, text) for text in data], decoding_of(decode)
    if run.kind != "image":
        tell_rows(as_json, {}, run.analogy(*given, decoding=decoding), out)
        return
    file = _picture(run, out, "analogy")
    _wrote(as_json, save_png(grid(run.analogy(*given, decoding=decoding), columns=1), file))


def traverse(path: Path, datum: str | None, steps: int, out: Path | None, as_json: bool) -> None:
    """Write a row of data per dimension."""
    run = load(path)
    start = datum_of(run, datum) if datum is not None else None
    if run.kind != "image":
        rows, order = run.traverse(start, steps)
        assert isinstance(rows, list)
        values = torch.linspace(-3, 3, steps).tolist()
        lead = {"dimension": [f"z{j}" for j in order for _ in values], "value": values * len(order)}
        tell_rows(as_json, lead, flat(rows), out, dimensions=order)
        return
    file = _picture(run, out, "traversal")
    images, order = run.traverse(start, steps)
    assert isinstance(images, Tensor)
    _wrote(as_json, save_png(grid(images.flatten(0, 1), columns=steps), file), dimensions=order)


def manipulate(
    path: Path, data: str, toward: str, strength: tuple[float, int], out: Path | None, as_json: bool
) -> None:
    """Write a row of data per datum."""
    run = load(path)
    dataset, rows = opened(run, data)
    shown = run.manipulate(dataset, toward.split("=", 1)[-1], *strength)
    if isinstance(shown, list):
        amounts = torch.linspace(0, strength[0], strength[1]).tolist()
        lead = {"datum": [name for name in stems_of(dataset, rows) for _ in amounts], "strength": amounts * len(rows)}
        tell_rows(as_json, lead, flat(shown), out)
        return
    file = _picture(run, out, "manipulation")
    _wrote(as_json, save_png(grid(shown[:_PAIRS].flatten(0, 1), columns=strength[1]), file))


def encode(path: Path, data: str, out: Path, as_json: bool) -> None:
    """Write posterior means and standard deviations."""
    run, out = load(path), check_suffix(out)
    dataset, rows = opened(run, data)
    mean, deviation = run.encode(dataset)
    if deviation.isnan().all():
        complain("note: the posterior has no standard deviation in closed form, so std is NaN")
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
    columns = _scores(result)
    write_columns(out, {**identity(dataset, rows), **columns})
    by = "log_likelihood" if result.iw is None else f"iw_{samples}"
    names = identity(dataset, rows).get("text") or stems_of(dataset, rows)
    worst = [{"datum": names[i], by: columns[by][i].item()} for i in columns[by].argsort()[:5].tolist()]
    title = "log-likelihood of the reconstruction" if result.iw is None else f"IW-{samples}"
    found = anomalies(dataset, rows, columns[by])
    emit(
        as_json,
        {
            "out": str(out),
            "n": len(rows),
            "by": by,
            "why": result.why,
            "lowest": worst,
            **({"anomalies": found.summary()} if found is not None else {}),
            "quarantine": set_aside(dataset),
        },
        f"{len(rows)} scores: {out}",
        *([f"no bound on log p(x): {result.why}"] if result.why else []),
        "least likely:",
        *(f"{w['datum']}: {title} {w[by]:.2f} nats" for w in worst),
        *([found.line()] if found is not None else []),
    )


def _scores(result: Bounds) -> dict[str, Tensor]:
    """Return what each datum is scored by: its bounds, or where there are none the likelihood of its reconstruction."""
    if result.elbo is None or result.iw is None or result.ess is None:
        return {"log_likelihood": -result.distortion}
    bits = -result.iw / (result.sizes * math.log(2))
    return {"elbo": result.elbo, f"iw_{result.samples}": result.iw, "bits_per_dim": bits, "ess": result.ess}


def compare(paths: list[Path], as_json: bool) -> None:
    """Print a leaderboard."""
    rows = sorted((_row(path) for path in paths), key=_rank)
    # A probability per level and one per binarised pixel are both counted, and yet of different data.
    same = len({(row["data"], row["measure"], row["likelihood"] == "bernoulli") for row in rows}) == 1
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
        "net": model.net.kind if model else None,
        "likelihood": model
        and (_LIKELIHOODS.get(model.kind) or getattr(getattr(model, "likelihood", None), "kind", None)),
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


def _picture(run: Run, out: Path | None, name: str) -> Path:
    return check_suffix(out or run.folder.plots / f"{name}.png", (".png",))


def _named(out: Path | None) -> Path:
    if out is None:
        raise ValueError("images need a folder to be written to: give --out FOLDER")
    return out


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
