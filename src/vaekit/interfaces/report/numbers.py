"""The head of the report: what was trained on what, and the bounds with their names."""

from __future__ import annotations

import math
from html import escape
from pathlib import PurePath
from typing import Any

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
    "counting": (
        "These are logarithms of probabilities (counting measure): at most 0, and bits/{dimension} is the length of a code. "
        "Do not compare them with densities."
    ),
    "lebesgue": (
        "These are logarithms of densities (Lebesgue measure): they can be positive, bits/{dimension} can be negative, and both "
        "change with the units of the data. Do not compare them with probabilities."
    ),
    "mixed": (
        "These are logarithms of probabilities of categories and counts times densities of numbers (a mixed measure), in the "
        "units of the table: they can be positive, and change with those units. Compare them on the same columns alone."
    ),
    "dequantized": (
        "A bound on the probability of integer levels by uniform dequantisation (counting measure): at most 0, and "
        "bits/{dimension} is the length of a code. Do not compare it with densities."
    ),
    None: (
        "The likelihood is the user's own and does not say whether this is a probability or a density; "
        "never compare the two."
    ),
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
    if result.rate is None or result.ess is None:
        return _without_bound(run, result, where)
    if not run.view.traits.latents:
        return _language_model(run, result, where)
    k = result.samples
    top = _tile(
        f"IW-{k} ({where})",
        _estimate(run, result, "iw"),
        f"The importance-weighted bound with {k} draws: a lower bound on {_evidence(run)}, larger is better. {_measure(run)}",
        "headline",
    )
    tiles = [
        ("ELBO", _estimate(run, result, "elbo"), "The evidence lower bound, -distortion - rate: larger is better."),
        _distortion(result),
        ("Rate", f"{_mean(result.rate):,.2f} nats", "KL(q(z | x) || p(z)): what the latents tell about a datum."),
        _units(result),
        (
            "Effective sample size",
            f"{_mean(result.ess):.1f} of {k}",
            f"How many of the {k} draws carry the weights of IW-{k}: close to 1 means that the bound is loose.",
        ),
    ]
    return top + _tiles(tiles) + _objective(run)


def _language_model(run: Run, result: Bounds, where: str) -> str:
    """Return what there is to say of a model without latents: every bound is the log-likelihood itself."""
    said = f"log p(x) itself, larger is better: without latents every bound is exact. {_measure(run)}"
    return _tile(f"Log-likelihood ({where})", _estimate(run, result, "elbo"), said, "headline")


def _without_bound(run: Run, result: Bounds, where: str) -> str:
    """Return what there is to say of a model whose posterior has no density, and why there is no more."""
    top = _tile(
        f"Log-likelihood of reconstructions ({where})",
        f"{_signed(-_mean(result.distortion), 2)} nats",
        f"log p(x | z) at the posterior's point, larger is better: no bound on {_evidence(run)}. {_measure(run)}",
        "headline",
    )
    return top + note("There is no bound", paragraph(f"{result.why}.")) + _tiles([_units(result)]) + _objective(run)


def _objective(run: Run) -> str:
    """Return what was optimised, where it is not the bound that is reported."""
    said = no_bound_note(run.experiment.objective)
    return note(f"Trained by objective={run.experiment.objective.kind}", *map(paragraph, said)) if said else ""


def _distortion(result: Bounds) -> tuple[str, str, str]:
    meaning = "-E log p(x | z): the cost of the data given the latents."
    return "Distortion", f"{_mean(result.distortion):,.2f} nats", meaning


def _units(result: Bounds) -> tuple[str, str, str]:
    meaning = "Latent dimensions whose posterior mean varies over the data by more than 0.01."
    return "Active units", f"{result.active_units} of {sum(result.groups.variables)}", meaning


def _tiles(tiles: list[tuple[str, str, str]]) -> str:
    return f'<div class="tiles">{"".join(_tile(*tile) for tile in tiles)}</div>'


def notes(said: list[str], about: dict[str, Any]) -> str:
    """Return what the reader must not overlook, or nothing."""
    quarantine = [(entry["name"], entry["reason"]) for entry in about.get("quarantine", [])]
    texts = [*said, *about.get("notes", [])]
    boxes = note("Notes", bullets(texts)) if texts else ""
    if quarantine:
        head = ("File", "Why")
        rest = quarantine[_LISTED:]
        more = folded(f"{len(rest):,} more", table(head, rest)) if rest else ""
        boxes += note(f"{len(quarantine):,} files were set aside", table(head, quarantine[:_LISTED]), more)
    return boxes


def _tile(name: str, value: str, meaning: str, kind: str = "tile") -> str:
    inside = f"{paragraph(name, 'name')}{paragraph(value, 'value')}{paragraph(meaning)}"
    return f'<div class="{kind}">{inside}</div>'


def _estimate(run: Run, result: Bounds, name: str) -> str:
    found = result.estimate(name)
    # One datum has no standard error, and a number without one must say so.
    unknown = "" if math.isfinite(found.se) else " (no standard error)"
    told = [
        f"{_signed(found.nats, 2)}{_error(found.se)} nats{unknown}",
        f"{_signed(found.bits_per_dim, 3)} bits/{_dimension(run)}",
    ]
    return ", ".join([*told, *MEDIA[run.kind].beside_bound(getattr(result, name), result.sizes)])


def _error(value: float) -> str:
    return f" ± {value:,.2f}" if math.isfinite(value) else ""


def _dimension(run: Run) -> str:
    return modality_named(run.kind).words.dimension


def _signed(value: float, digits: int) -> str:
    return f"{value:,.{digits}f}"


def _mean(values: Any) -> float:
    return values.double().mean().item()


def _measure(run: Run) -> str:
    measure = "dequantized" if run.view.traits.dequantized else run.measure
    return _MEASURES[measure].format(dimension=_dimension(run))


def _evidence(run: Run) -> str:
    on = {"none": "", "label": " | label", "context": " | context"}[run.conditions.kind]
    return f"log p(x{on})"
