"""The verbs that use a trained model: a run, or a model that was saved by itself."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from vaekit.evaluation import Bounds
from vaekit.interfaces.cli.errors import complain
from vaekit.interfaces.cli.imputing import given_of, require_cells
from vaekit.interfaces.cli.output import bound_lines, emit
from vaekit.interfaces.cli.sources import datum_of, identity, opened, opened_model, place, set_aside, stems_of
from vaekit.interfaces.describing.decoding import decoding_of
from vaekit.interfaces.measures.deep import deep, deep_lines
from vaekit.interfaces.media import MEDIA, Output
from vaekit.interfaces.media.column_files import check_suffix, write_columns
from vaekit.trained import TrainedModel, Way

__all__ = [
    "Depth",
    "Draws",
    "Walk",
    "analogy",
    "encode",
    "evaluate",
    "interpolate",
    "manipulate",
    "reconstruct",
    "sample",
    "score",
    "traverse",
]

_RARE = 0.1  # share of the rows that the effective sample size should at least reach


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
    model = opened_model(path)
    dataset = opened(model, data)[0] if data is not None else None
    medium, bounds = MEDIA[model.kind], model.evaluate(dataset, depth.samples)
    name = data if data is not None else f"{model.sources.reading.name} (test)"
    summary = {"data": name, "measure": model.measure, **bounds.summary(), **medium.units(bounds)}
    lines = bound_lines(summary)
    quality = medium.quality(model, dataset)
    summary |= quality.values
    lines += quality.lines
    if depth.deep:
        summary["deep"] = deep(model, dataset)
        lines += deep_lines(model.kind, summary["deep"])
    emit(as_json, summary, f"{name}:", *lines)


def sample(path: Path, out: Path | None, draws: Draws, as_json: bool) -> None:
    """Write new data."""
    model = opened_model(path)
    labels, n = model.conditions.chosen(draws.labels), draws.n
    decoding, temperature = MEDIA[model.kind].sampling(draws.decode, draws.temperature)
    shown = _given_rows(model, draws, labels) if draws.given else None
    if shown is None:
        shown = model.sample(n, temperature, label=labels, noise=draws.noise, decoding=decoding, seed=draws.seed)
    names = [f"sample-{i:0{len(str(n))}}" for i in range(n)]
    _write(model, Output("sample", shown, names=names), out, as_json)


def _given_rows(model: TrainedModel, draws: Draws, labels: tuple[str, ...] | None) -> Any:
    """Return new rows with the cells that were typed; say where few latents stand behind them."""
    require_cells(model, "--given names columns")
    if labels or draws.temperature != 1 or draws.noise or draws.decode:
        raise ValueError("--given goes with none of --label, --temperature, --noise and --decode; leave these out")
    found = model.sample_given(draws.n, given_of(draws.given), seed=draws.seed)
    if found.ess < _RARE * draws.n:
        complain(
            f"note: what is given is rare to the model: {draws.n} rows rest on about {found.ess:.0f} different latents, "
            "and vary less"
        )
    return found.table


def reconstruct(path: Path, data: str, out: Path | None, decode: str | None, as_json: bool) -> None:
    """Write reconstructions."""
    model = opened_model(path)
    dataset, rows = opened(model, data)
    inputs, again = model.reconstruct(dataset, decoding=decoding_of(decode))
    output = Output("reconstruct", again, columns=8, names=stems_of(dataset, rows), inputs=inputs)
    _write(model, output, out, as_json)


def interpolate(path: Path, a: str, b: str, walk: Walk, out: Path | None, as_json: bool) -> None:
    """Write a row of data."""
    model, steps = opened_model(path), walk.steps
    ends, decoding = (datum_of(model, a), datum_of(model, b)), decoding_of(walk.decode)
    shown = model.interpolate(*ends, steps, how=walk.how, decoding=decoding)
    lead = {"share": torch.linspace(0, 1, steps).tolist()}
    _write(model, Output("interpolation", shown, steps, lead), out, as_json)


def analogy(path: Path, data: tuple[str, str, str], out: Path | None, decode: str | None, as_json: bool) -> None:
    """Write the datum that is to the third as the second is to the first."""
    model = opened_model(path)
    a, b, c = (datum_of(model, text) for text in data)
    shown = model.analogy(a, b, c, decoding=decoding_of(decode))
    _write(model, Output("analogy", shown, columns=1), out, as_json)


def traverse(path: Path, datum: str | None, steps: int, out: Path | None, as_json: bool) -> None:
    """Write a row of data per dimension."""
    model = opened_model(path)
    found = model.traverse(datum_of(model, datum) if datum is not None else None, steps)
    values = torch.linspace(-3, 3, steps).tolist()
    lead = {"dimension": [name for name in found.names for _ in values], "value": values * len(found.names)}
    output = Output("traversal", MEDIA[model.kind].flat(found.rows), steps, lead)
    _write(model, output, out, as_json, dimensions=found.dimensions, names=found.names)


def manipulate(
    path: Path, data: str, toward: str, strength: tuple[float, int], out: Path | None, as_json: bool
) -> None:
    """Write a row of data per datum."""
    model = opened_model(path)
    dataset, rows = opened(model, data)
    shown = model.manipulate(dataset, toward.split("=", 1)[-1], *strength)
    amounts = torch.linspace(0, strength[0], strength[1]).tolist()
    lead = {"datum": [name for name in stems_of(dataset, rows) for _ in amounts], "strength": amounts * len(rows)}
    _write(model, Output("manipulation", MEDIA[model.kind].flat(shown), strength[1], lead), out, as_json)


def encode(path: Path, data: str, out: Path, as_json: bool) -> None:
    """Write posterior means and standard deviations."""
    model, out = opened_model(path), check_suffix(out)
    dataset, rows = opened(model, data)
    found = model.encode(dataset)
    if found.std.isnan().all():
        complain("note: the posterior has no standard deviation in closed form, so std is NaN")
    write_columns(out, {**identity(model.kind, dataset, rows), **_code_columns(model, found.mean, found.std)})
    count, size = found.mean.shape
    emit(
        as_json,
        {"out": str(out), "n": count, "latent": size, "names": model.latents.names, "quarantine": set_aside(dataset)},
        f"{count} x {size} latents: {out}",
    )


def _code_columns(model: TrainedModel, mean: Tensor, std: Tensor) -> dict[str, Tensor]:
    """Return means and deviations: a matrix each of one group of latents, a column for each dimension of several."""
    if len(model.latents.sizes) == 1:
        return {"mean": mean, "std": std}
    pairs = (("mean", mean), ("std", std))
    return {f"{title}_{name}": values[:, j] for title, values in pairs for j, name in enumerate(model.latents.names)}


def score(path: Path, data: str, out: Path, samples: int, as_json: bool) -> None:
    """Write per-datum bounds."""
    model, out = opened_model(path), check_suffix(out)
    dataset, rows = opened(model, data)
    result = model.score(dataset, samples)
    columns, medium = _scores(result), MEDIA[model.kind]
    write_columns(out, {**identity(model.kind, dataset, rows), **columns})
    by = "log_likelihood" if result.iw is None else f"iw_{samples}"
    names = next(iter(medium.identity(dataset, rows).values()), stems_of(dataset, rows))
    worst = [{"datum": names[i], by: columns[by][i].item()} for i in columns[by].argsort()[:5].tolist()]
    title = "log-likelihood of the reconstruction" if result.iw is None else f"IW-{samples}"
    found = medium.judged(dataset, rows, columns[by])
    emit(
        as_json,
        {
            "out": str(out),
            "n": len(rows),
            "by": by,
            "why": result.why,
            "lowest": worst,
            **found.values,
            "quarantine": set_aside(dataset),
        },
        f"{len(rows)} scores: {out}",
        *([f"no bound on log p(x): {result.why}"] if result.why else []),
        "least likely:",
        *(f"{w['datum']}: {title} {w[by]:.2f} nats" for w in worst),
        *found.lines,
    )


def _scores(result: Bounds) -> dict[str, Tensor]:
    """Return what each datum is scored by: its bounds, or where there are none the likelihood of its reconstruction."""
    if result.elbo is None or result.iw is None or result.ess is None:
        return {"log_likelihood": -result.distortion}
    bits = -result.iw / (result.sizes * math.log(2))
    return {"elbo": result.elbo, f"iw_{result.samples}": result.iw, "bits_per_dim": bits, "ess": result.ess}


def _write(model: TrainedModel, output: Output, out: Path | None, as_json: bool, **more: Any) -> None:
    """Write what a verb made, as its kind of data is written, and say so."""
    answer = MEDIA[model.kind].write(output, place(model, out))
    emit(as_json, {**answer.values, **more}, *([] if as_json else answer.lines))
