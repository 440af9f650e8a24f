"""The verbs that use a trained model: a run, or a model that was saved by itself."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vaekit.evaluation import Bounds
from vaekit.interfaces.cli.errors import complain
from vaekit.interfaces.cli.imputing import given_of, require_cells
from vaekit.interfaces.cli.output import bound_lines, emit
from vaekit.interfaces.cli.sources import datum_of, identity, opened, opened_model, place, set_aside, stems_of
from vaekit.interfaces.describing.decoding import decoding_of
from vaekit.interfaces.measures.decoder_use import decoder_use
from vaekit.interfaces.measures.deep import deep as deep_measures, deep_lines
from vaekit.interfaces.media import MEDIA, HeldOut, Output
from vaekit.interfaces.media.column_files import check_suffix, write_columns
from vaekit.trained import Encoding, Keep, TrainedModel

__all__ = [
    *("analogy", "encode", "evaluate", "interpolate", "manipulate", "reconstruct", "sample", "score", "traverse")
]

_RARE = 0.1  # effective sample size per row, below which a note is printed


def evaluate(path: Path, data: str | None, as_json: bool, *, samples: int, deep: bool) -> None:
    """Print the bounds, and every other measure if `deep`."""
    model = opened_model(path)
    dataset = opened(model, data)[0] if data is not None else None
    medium, bounds = MEDIA[model.kind], model.evaluate(dataset, samples)
    name = data if data is not None else f"{model.sources.reading.name} (test)"
    summary = {"data": name, "measure": model.measure, **bounds.summary(), **medium.units(bounds)}
    remarks = medium.remarks(model.view, bounds, HeldOut(*model.open(dataset)))
    use = decoder_use(model, dataset, summary["rate"])
    summary |= {**use.values, **remarks.values, "remarks": [*use.lines, *remarks.lines]}
    lines = bound_lines(summary)
    quality = medium.quality(model, dataset)
    summary |= quality.values
    lines += quality.lines
    if deep:
        summary["deep"] = deep_measures(model, dataset)
        lines += deep_lines(model.kind, summary["deep"])
    emit(as_json, summary, f"{name}:", *lines)


def sample(
    path: Path,
    out: Path | None,
    as_json: bool,
    *,
    n: int,
    seed: int,
    label: list[str],
    given: list[str],
    how: Mapping[str, Any],
) -> None:
    """Write new data: rows with the cells that were typed as `given`, if any were."""
    model = _writer(path, out)
    labels = model.conditions.chosen(tuple(label))
    decoding, temperature = MEDIA[model.kind].sampling(how["decode"], how["temperature"])
    if given and (labels or how["temperature"] != 1 or how["noise"] or how["decode"]):
        raise ValueError("--given goes with none of --label, --temperature, --noise and --decode; leave these out")
    if given:
        made = _given_rows(model, n, given, seed)
    else:
        made = model.sample(n, temperature, label=labels, noise=how["noise"], decoding=decoding, seed=seed)
    names = [f"sample-{i:0{len(str(n))}}" for i in range(n)]
    _write(model, Output("sample", made, names=names), out, as_json)


def _given_rows(model: TrainedModel, n: int, given: list[str], seed: int) -> Any:
    """Return new rows with the cells that were typed; warn if they rest on few latents."""
    require_cells(model, "--given names columns")
    found = model.sample_given(n, given_of(given), seed=seed)
    for note in found.notes:
        complain(f"note: {note}")
    if found.ess < _RARE * n:
        complain(
            f"note: the given values are rare for the model: {n} rows rest on about {found.ess:.0f} different latents, "
            "so they vary less"
        )
    return found.table


def reconstruct(
    path: Path, data: str, out: Path | None, as_json: bool, *, decode: str | None, keep: Keep | None
) -> None:
    """Write reconstructions."""
    model = _writer(path, out)
    dataset, rows = opened(model, data)
    inputs, again = model.reconstruct(dataset, decoding=decoding_of(decode), keep=keep)
    output = Output("reconstruct", again, columns=8, names=stems_of(dataset, rows), inputs=inputs)
    _write(model, output, out, as_json)


def interpolate(
    path: Path, ends: tuple[str, str], out: Path | None, as_json: bool, *, steps: int, how: Any, decode: str | None
) -> None:
    """Write a row of data."""
    model = _writer(path, out)
    first, last = (datum_of(model, end) for end in ends)
    made = model.interpolate(first, last, steps, how=how, decoding=decoding_of(decode))
    lead = {"share": torch.linspace(0, 1, steps).tolist()}
    _write(model, Output("interpolation", made, steps, lead), out, as_json)


def analogy(path: Path, data: tuple[str, str, str], out: Path | None, decode: str | None, as_json: bool) -> None:
    """Write the datum that is to the third as the second is to the first."""
    model = _writer(path, out)
    a, b, c = (datum_of(model, text) for text in data)
    made = model.analogy(a, b, c, decoding=decoding_of(decode))
    _write(model, Output("analogy", made, columns=1), out, as_json)


def traverse(path: Path, datum: str | None, steps: int, out: Path | None, as_json: bool) -> None:
    """Write a row of data per dimension."""
    model = _writer(path, out)
    found = model.traverse(datum_of(model, datum) if datum is not None else None, steps)
    values = torch.linspace(-3, 3, steps).tolist()
    lead = {"dimension": [name for name in found.names for _ in values], "value": values * len(found.names)}
    output = Output("traversal", MEDIA[model.kind].flat(found.rows), steps, lead)
    _write(model, output, out, as_json, dimensions=found.dimensions, names=found.names)


def manipulate(
    path: Path, data: str, out: Path | None, as_json: bool, *, toward: str, strength: float, steps: int
) -> None:
    """Write a row of data per datum."""
    model = _writer(path, out)
    dataset, rows = opened(model, data)
    made = model.manipulate(dataset, toward.split("=", 1)[-1], strength, steps)
    amounts = torch.linspace(0, strength, steps).tolist()
    lead = {"datum": [name for name in stems_of(dataset, rows) for _ in amounts], "strength": amounts * len(rows)}
    _write(model, Output("manipulation", MEDIA[model.kind].flat(made), steps, lead), out, as_json)


def encode(path: Path, data: str, out: Path, as_json: bool, *, keep: Keep | None) -> None:
    """Write posterior means and standard deviations, of the dimensions that are kept."""
    model, out = opened_model(path), check_suffix(out)
    dataset, rows = opened(model, data)
    found = model.encode(dataset, keep=keep)
    if found.std.isnan().all():
        complain("note: the posterior has no standard deviation in closed form, so std is NaN")
    columns, names = _code_columns(model, found)
    write_columns(out, {**identity(model.kind, dataset, rows), **columns})
    count, size = len(found.mean), len(names)
    emit(
        as_json,
        {"out": str(out), "n": count, "latent": size, "names": names, "quarantine": set_aside(dataset)},
        f"{count} x {size} latents: {out}",
    )


def _code_columns(model: TrainedModel, found: Encoding) -> tuple[dict[str, Tensor], list[str]]:
    """Return a matrix of means and one of deviations, or columns by name of several groups and of kept dimensions; and names."""
    names, pairs = list(model.latents.names), {"mean": found.mean, "std": found.std}
    if found.kept is None and len(model.latents.sizes) == 1:
        return pairs, names
    places = range(len(names)) if found.kept is None else found.kept.nonzero().flatten().tolist()
    columns = {f"{title}_{names[j]}": values[:, j] for title, values in pairs.items() for j in places}
    return columns, [names[j] for j in places]


def score(path: Path, data: str, out: Path, samples: int, as_json: bool) -> None:
    """Write per-datum bounds."""
    model, out = opened_model(path), check_suffix(out)
    dataset, rows = opened(model, data)
    result = model.score(dataset, samples)
    columns, medium = _scores(result), MEDIA[model.kind]
    write_columns(out, {**identity(model.kind, dataset, rows), **columns})
    by, title = (
        ("log_likelihood", "log-likelihood of the reconstruction")
        if result.iw is None
        else (f"iw_{samples}", f"IW-{samples}")
    )
    names = next(iter(medium.identity(dataset, rows).values()), stems_of(dataset, rows))
    lowest = [{"datum": names[i], by: columns[by][i].item()} for i in columns[by].argsort()[:5].tolist()]
    judged = medium.judged(dataset, rows, columns[by])
    answer = {"out": str(out), "n": len(rows), "by": by, "why": result.why, "lowest": lowest}
    emit(
        as_json,
        {**answer, **judged.values, "quarantine": set_aside(dataset)},
        f"{len(rows)} scores: {out}",
        *([f"no bound on log p(x): {result.why}"] if result.why else []),
        "least likely:",
        *(f"{datum['datum']}: {title} {datum[by]:.2f} nats" for datum in lowest),
        *judged.lines,
    )


def _scores(result: Bounds) -> dict[str, Tensor]:
    """Return the scores of each datum: its bounds, or the likelihood of its reconstruction if it has none."""
    if result.elbo is None or result.iw is None or result.ess is None:
        return {"log_likelihood": -result.distortion}
    bits = -result.iw / (result.sizes * math.log(2))
    return {"elbo": result.elbo, f"iw_{result.samples}": result.iw, "bits_per_dim": bits, "ess": result.ess}


def _writer(path: Path, out: Path | None) -> TrainedModel:
    """Return the model, whose verbs return what suits the path that they are written to."""
    model = opened_model(path)
    return MEDIA[model.kind].writer(model, out)


def _write(model: TrainedModel, output: Output, out: Path | None, as_json: bool, **more: Any) -> None:
    """Write what a verb made, in the way of its kind of data, and print where it is."""
    answer = MEDIA[model.kind].write(output, place(model, out))
    emit(as_json, {**answer.values, **more}, *([] if as_json else answer.lines))
