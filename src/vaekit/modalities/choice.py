"""Automatic choices, each with its reason, and the keys that they complete."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import torch
from pydantic import BeforeValidator

from vaekit.nets import parameter_count
from vaekit.value import Value

if TYPE_CHECKING:
    from vaekit.modalities.description import Description

__all__ = ["Choice", "Draft", "Preset", "balance", "latent_size", "merged"]

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


def latent_size(inputs: int, features: int, usual: tuple[int, int]) -> Choice:
    """Choose the number of latents by three rules of thumb; the reason names all three.

    Args:
        inputs: Dimensions of one datum.
        features: Length of the encoder's flattened features.
        usual: The range that is usual for this type and size of data.

    Examples:
        >>> latent_size(784, 512, (32, 128)).value
        32
    """
    low, high = max(1, round(inputs / 100)), min(inputs, max(2, round(inputs / 10)))
    cut = (max(low, usual[0]), min(high, usual[1]))
    empty = cut[0] > cut[1]
    low, high = (low, high) if empty else cut
    tie = (0.01 * features, 0.04 * features)
    value = round(min(max(0.02 * features, low), high))
    reason = (
        f"usual for data of this size {usual[0]}-{usual[1]}; 1-2 orders below {inputs} inputs: "
        f"{round(inputs / 100)}-{round(inputs / 10)}{' (no overlap: the latter)' if empty else ''}; "
        f"1-4 % of {features} features: {tie[0]:.0f}-{tie[1]:.0f} (breaks ties)"
    )
    return Choice(key="latent", value=value, reason=reason)


def balance(description: Description, cure: str) -> Choice:
    """Compare the sizes of encoder and decoder.

    Args:
        description: The model.
        cure: The advice if one side is more than twice as large as the other.
    """
    with torch.device("meta"):
        model = description.build()
    encoder, decoder = parameter_count(model.posterior), parameter_count(model.likelihood)
    ratio = encoder / max(decoder, 1)
    verdict = "balanced" if 0.5 <= ratio <= 2 else f"one side is far larger than the other: {cure}"
    reason = f"encoder {encoder:,} and decoder {decoder:,} parameters: {verdict}"
    return Choice(key="balance", value=f"{ratio:.2f}", reason=reason)


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` with the values of `over` in it. A part of another kind replaces the one in `base` as a whole."""
    if over.get("kind", base.get("kind")) != base.get("kind"):
        return dict(over)
    result = dict(base)
    for name, value in over.items():
        inner = result.get(name)
        result[name] = merged(inner, value) if isinstance(inner, Mapping) and isinstance(value, Mapping) else value
    return result
