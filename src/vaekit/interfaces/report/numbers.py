"""The head of the report: what was trained on what, and the bounds with their names."""

from __future__ import annotations

import math
from html import escape
from pathlib import PurePath
from typing import Any

from torch import Tensor

from vaekit.evaluation import Bounds
from vaekit.interfaces.describing.layers import no_bound_note
from vaekit.interfaces.describing.words import duration
from vaekit.interfaces.media import MEDIA
from vaekit.interfaces.report.layers import count
from vaekit.interfaces.report.page import bullets, folded, note, paragraph, table
from vaekit.interfaces.runs.run import Run
from vaekit.modalities import modality_named

__all__ = ["headline", "notes", "part", "title", "title_text"]

_LISTED = 20
_MEASURES = {
    "counting": "The bound is the logarithm of a probability (counting measure): it is at most 0, and bits/{dimension} is the "
    "length of a code. Do not compare it with densities.",
    "lebesgue": "The bound is the logarithm of a density (Lebesgue measure): it can be positive, and bits/{dimension} can be "
    "negative. Both depend on the units of the data. Do not compare it with probabilities.",
    "mixed": "The bound is the logarithm of probabilities of categories and counts times densities of numbers (a mixed "
    "measure): it can be positive, and depends on the units of the table. Compare it only on the same columns.",
    "dequantized": "The bound is on the probability of integer levels, by uniform dequantization (counting measure): it is at "
    "most 0, and bits/{dimension} is the length of a code. Do not compare it with densities.",
    None: "The likelihood is the user's own and does not say whether this is a probability or a density. Never compare the two.",
}


def title_text(run: Run, about: dict[str, Any]) -> str:
    """Return the title."""
    source, unnamed = about["source"], modality_named(run.kind).words.unnamed
    kind = "Variational autoencoder" if run.view.traits.latents else "Language model"
    return f"{kind} of {PurePath(source).name or source or unnamed}"


def title(run: Run, about: dict[str, Any], event: tuple[int, ...] | None) -> str:
    """Return the title and a sentence on data and model.

    Args:
        run: The run.
        about: What `data.json` holds.
        event: The shape of one datum, where it is known.
    """
    split, history = about["split"], run.history
    unit = modality_named(run.kind).words.many
    counts = f"{split['train']:,} training, {split['validation']:,} validation and {split['test']:,} test {unit}"
    facts = [about["source"]] if about["source"] else []
    sized = MEDIA[run.kind].size(about["schema"] or {}, event or ()) if event or about["schema"] else ""
    facts.append(counts + (f" of {sized}" if sized else ""))
    facts.append(f"{count(run.model):,} parameters")
    if history:
        facts.append(f"{history[-1]['step']:,} steps in {duration(history[-1].get('seconds', 0.0))}")
    return f"<h1>{escape(title_text(run, about))}</h1>{paragraph('; '.join(facts) + '.', 'soft')}"


def part(about: dict[str, Any]) -> str:
    """Return which part of the data the bounds belong to."""
    return "test" if about["split"]["test"] else "validation"


def headline(run: Run, result: Bounds, about: dict[str, Any]) -> str:
    """Return the bounds, each with its name, its standard error and a sentence that explains it."""
    count_, words = len(result.distortion), modality_named(run.kind).words
    where = f"{part(about)}, {count_:,} {words.one if count_ == 1 else words.many}"
    units = f"{result.active_units} of {sum(result.groups.variables)}"
    active = ("Active units", units, "Latent dimensions whose posterior mean varies over the data by more than 0.01.")
    if result.rate is None or result.ess is None:
        meaning = f"log p(x | z) at the point of the posterior, larger is better: no bound on {_evidence(run)}."
        top = (f"Log-likelihood of reconstructions ({where})", f"{-_mean(result.distortion):,.2f} nats", meaning)
        return (
            _top(run, *top)
            + note("There is no bound", paragraph(f"{result.why}."))
            + _tiles([active])
            + _objective(run)
        )
    if not run.view.traits.latents:
        meaning = "log p(x) itself, larger is better: without latents every bound is exact."
        return _top(run, f"Log-likelihood ({where})", _estimate(run, result, "elbo"), meaning)
    k = result.samples
    meaning = f"The importance-weighted bound with {k} draws: a lower bound on {_evidence(run)}, larger is better."
    distortion, rate = (f"{_mean(values):,.2f} nats" for values in (result.distortion, result.rate))
    effective = f"How many of the {k} draws effectively count in IW-{k}: close to 1 means that the bound is loose."
    tiles = [
        ("ELBO", _estimate(run, result, "elbo"), "The evidence lower bound, -distortion - rate: larger is better."),
        ("Distortion", distortion, "-E log p(x | z): the cost of the data given the latents."),
        ("Rate", rate, "KL(q(z | x) || p(z)): how much the latents say about a datum."),
        active,
        ("Effective sample size", f"{_mean(result.ess):.1f} of {k}", effective),
    ]
    return _top(run, f"IW-{k} ({where})", _estimate(run, result, "iw"), meaning) + _tiles(tiles) + _objective(run)


def _top(run: Run, name: str, value: str, meaning: str) -> str:
    """Return the number of the report, and what kind of number it is."""
    measure = _MEASURES["dequantized" if run.view.traits.dequantized else run.measure]
    explained = measure.format(dimension=modality_named(run.kind).words.dimension)
    return _tile(name, value, f"{meaning} {explained}", "headline")


def _objective(run: Run) -> str:
    """Return what was optimized, if it is not the bound that is reported."""
    notes = no_bound_note(run.experiment.objective)
    return note(f"Trained by objective={run.experiment.objective.kind}", *map(paragraph, notes)) if notes else ""


def _tiles(tiles: list[tuple[str, str, str]]) -> str:
    return f'<div class="tiles">{"".join(_tile(*tile) for tile in tiles)}</div>'


def notes(messages: list[str], about: dict[str, Any]) -> str:
    """Return what the reader must not overlook, or nothing."""
    quarantine = [(entry["name"], entry["reason"]) for entry in about.get("quarantine", [])]
    texts = [*messages, *about.get("notes", [])]
    boxes = note("Notes", bullets(texts)) if texts else ""
    if quarantine:
        head, rest = ("File", "Why"), quarantine[_LISTED:]
        more = folded(f"{len(rest):,} more", table(head, rest)) if rest else ""
        boxes += note(f"{len(quarantine):,} files were set aside", table(head, quarantine[:_LISTED]), more)
    return boxes


def _tile(name: str, value: str, meaning: str, kind: str = "tile") -> str:
    inside = f"{paragraph(name, 'name')}{paragraph(value, 'value')}{paragraph(meaning)}"
    return f'<div class="{kind}">{inside}</div>'


def _estimate(run: Run, result: Bounds, name: str) -> str:
    found, dimension = result.estimate(name), modality_named(run.kind).words.dimension
    # One datum has no standard error, and a number without one must say so.
    finite = math.isfinite(found.se)
    error, unknown = (f" ± {found.se:,.2f}", "") if finite else ("", " (no standard error)")
    units = [f"{found.nats:,.2f}{error} nats{unknown}", f"{found.bits_per_dim:,.3f} bits/{dimension}"]
    return ", ".join([*units, *MEDIA[run.kind].beside_bound(getattr(result, name), result.sizes)])


def _mean(values: Tensor) -> float:
    return values.double().mean().item()


def _evidence(run: Run) -> str:
    condition = {"none": "", "label": " | label", "context": " | context"}[run.conditions.kind]
    return f"log p(x{condition})"
