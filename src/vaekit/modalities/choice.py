"""Automatic choices, each with its reason, and the keys that they complete."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator

from vaekit.value import Value

if TYPE_CHECKING:
    pass

__all__ = ["Choice", "Draft", "Preset", "merged"]

_PARTS = ("net", "likelihood")

Preset: TypeAlias = Literal["fast", "balanced", "best"]
"""How much to spend: on two cores about two minutes, ten minutes, or as long as it takes."""


def _as_tuple(value: Any) -> Any:
    """Return a list as a tuple: a choice is made of tuples, which JSON writes as lists."""
    return tuple(value) if isinstance(value, list) else value


class Choice(Value):
    """The automatic value of a key that the user did not set, and the reason for it."""

    key: str
    value: Annotated[Any, BeforeValidator(_as_tuple)]
    reason: str


class Draft:
    """The keys of a model while they are completed: those of the user stay, every other one is chosen.

    Args:
        keys: The user's keys, nested, e.g. `{"latent": 40, "net": {"kind": "mlp"}}`.
    """

    def __init__(self, keys: Mapping[str, Any]) -> None:
        self.keys = {**keys, **{part: dict(keys[part]) for part in _PARTS if part in keys}}
        self.choices: list[Choice] = []

    def part(self, name: str) -> dict[str, Any]:
        """Return the keys of a part, which the caller may change."""
        return self.keys.setdefault(name, {})

    def choose(self, *choices: Choice) -> None:
        """Set those keys that are not set yet: `net` is the kind of that part, `net.widths` is one of its keys."""
        for choice in choices:
            first, _, name = choice.key.partition(".")
            place, name = (self.part(first), name or "kind") if first in _PARTS else (self.keys, first)
            if name not in place:
                place[name] = choice.value
                self.choices.append(choice)

    def count_classes(self, classes: Sequence[str], need: str) -> None:
        """Set the length of the context, if the model is conditional on labels.

        Args:
            classes: The classes of the data.
            need: What the data need, for the error message.

        Raises:
            ValueError: The data have no labels.
        """
        if self.keys.get("condition") == "label":
            if not classes:
                raise ValueError(f"condition=label needs {need}")
            self.keys["context"] = len(classes)


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` with the values of `over` in it. A part of another kind replaces the one in `base` as a whole."""
    if over.get("kind", base.get("kind")) != base.get("kind"):
        return dict(over)
    result = dict(base)
    for name, value in over.items():
        inner = result.get(name)
        result[name] = merged(inner, value) if isinstance(inner, Mapping) and isinstance(value, Mapping) else value
    return result
