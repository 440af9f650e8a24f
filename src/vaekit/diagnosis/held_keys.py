"""Keys that a run has already: a prescription made of these alone would train the same run again."""

from __future__ import annotations

import json
from typing import Any

from vaekit.diagnosis.subject import Subject

__all__ = ["holds"]


def holds(subject: Subject, word: str) -> bool:
    """Return whether a run has the value of a `key=value` word, typed by the user or chosen for the run."""
    path, _, text = word.partition("=")
    value: Any = {} if subject.description is None else subject.description.model_dump()
    value |= {**subject.training.model_dump(), "objective": subject.objective.model_dump()}
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    if isinstance(value, dict):  # a number may be a schedule, and a part is named by its kind
        value = value["value"] if value.get("kind") == "constant" and "value" in value else value.get("kind")
    try:
        wanted = json.loads(text)
    except json.JSONDecodeError:  # a name
        wanted = text
    return bool((list(value) if isinstance(value, tuple) else value) == wanted)
