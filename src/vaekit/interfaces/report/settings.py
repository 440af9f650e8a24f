"""The end of the report: choices and reasons, settings, layers, machine, and what to type next."""

from __future__ import annotations

import json
import shlex
from typing import Any

from torch import Tensor

from vaekit.interfaces.media import MEDIA
from vaekit.interfaces.report.layers import layers, parameters
from vaekit.interfaces.report.page import commands, folded, paragraph, section, table
from vaekit.interfaces.runs.run import Run
from vaekit.modalities import modality_named
from vaekit.value import Value

__all__ = ["settings"]

_FOLLOWING = {
    *("shape", "slots", "evidence", "levels", "value_range", "likelihood.levels"),
    *("vocabulary", "length", "context", "data.kind", "data.source"),
}  # settled by the data, not by the user
_SHORT = 24  # rows that a table may have and still be shown at once


def settings(run: Run, given: tuple[Tensor, ...], environment: dict[str, Any]) -> list[str]:
    """Return the last sections.

    Args:
        run: The run.
        given: One prepared datum and its context, where data are at hand.
        environment: What `environment.json` holds.
    """
    return [
        section("Choices and their reasons", _choices(run)),
        section("Settings", _settings(run)),
        section("Layers", *_layers(run, given)),
        section("Environment", _environment(environment)),
        section("What next", _next(run)),
    ]


def _choices(run: Run) -> str:
    experiment = run.experiment
    if not experiment.choices:
        return paragraph("Nothing was chosen automatically: the model was given.")
    rows = [(choice.key, _plain(choice.value), choice.reason) for choice in experiment.choices]
    intro = f"What you left open, what the preset {experiment.preset} chose, and why."
    return paragraph(intro) + table(("Key", "Value", "Reason"), rows)


def _settings(run: Run) -> str:
    experiment = run.experiment
    chosen = {choice.key for choice in experiment.choices} | _FOLLOWING
    parts = {"data.": experiment.data, "": experiment.model, "objective.": experiment.objective}
    own = [found for prefix, part in parts.items() if part is not None for found in _departures(part, None, prefix)]
    own += _departures(experiment.training, None, "")
    rows = [(key, _plain(value)) for key, value in own if key not in chosen]
    intro = paragraph("Keys that have neither their default nor an automatic choice.")
    listed = intro + table(("Key", "Value"), rows) if rows else paragraph("Every key not chosen above has its default.")
    dumped = experiment.model_dump(mode="json", exclude={"choices"})
    return listed + folded("Every setting", commands(json.dumps(dumped, indent=2, ensure_ascii=False)))


def _departures(value: Value, usual: Any, prefix: str) -> list[tuple[str, Any]]:
    """Return the keys of a description that differ from `usual`, or else from the defaults of its type."""
    found: list[tuple[str, Any]] = []
    for name, field in type(value).model_fields.items():
        own_default = field.get_default(call_default_factory=True)
        current, default = getattr(value, name), getattr(usual, name) if type(usual) is type(value) else own_default
        if not isinstance(current, Value):
            found += [(prefix + name, current)] if current != default and name != "kind" else []
            continue
        if type(current) is not type(default):
            found.append((prefix + name, getattr(current, "kind", type(current).__name__)))
        found += _departures(current, default, f"{prefix}{name}.")
    return found


def _layers(run: Run, given: tuple[Tensor, ...]) -> list[str]:
    parts = table(("Part", "Module", "Parameters"), parameters(run), numbers=1)
    head = ("Module", "Output", "Parameters")
    folds = (
        folded(f"{name}, layer by layer", table(head, rows, numbers=1), opened=len(rows) <= _SHORT)
        for name, rows in layers(run, given)
    )
    return [parts, *folds]


def _environment(environment: dict[str, Any]) -> str:
    flat = {key: value for key, value in environment.items() if key != "packages"} | environment["packages"]
    return table(("What", "Value"), [(key, _plain(value)) for key, value in flat.items()])


def _next(run: Run) -> str:
    path = str(run.path)
    quoted = shlex.quote(path)
    if run.experiment.model is None:
        intro = "The modules are your own, so load the run in Python, with the same composition:"
        python = f"run = vaekit.load({path!r}, model=VAE(...))\nrun.evaluate(data)\nrun.sample(64)"
        return paragraph(intro) + commands(python)
    lines = MEDIA[run.kind].commands(run, quoted)
    if run.experiment.data.source:
        own = [f"vaekit evaluate {quoted}", f"vaekit resume {quoted} --time-limit +10m"]
        own += [f"vaekit traverse {quoted}"] if run.view.traits.latents and run.latents.is_walkable else []
        return commands("\n".join([*own, *lines]))
    unnamed = modality_named(run.kind).words.unnamed
    intro = (
        f"The data came from memory ({unnamed}) and are not saved: to evaluate or resume, give them again in Python."
    )
    python = f"run = vaekit.load({path!r})\nrun.evaluate(data)\nvaekit.resume({path!r}, seconds_more=600, data=data)"
    return commands("\n".join(lines)) + paragraph(intro) + commands(python)


def _plain(value: Any) -> str:
    """Return a value as it would be typed."""
    if isinstance(value, str):
        return value
    if isinstance(value, tuple | list) and all(isinstance(v, int | float | str) for v in value):
        return ", ".join(map(str, value))
    return "-" if value is None else json.dumps(value) if isinstance(value, dict | list | bool) else str(value)
