"""An automatic choice, with its reason, and keys laid over others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from vaekit.value import Value

__all__ = ["Choice", "Preset", "latent_size", "merged"]

Preset: TypeAlias = Literal["fast", "balanced", "best"]
"""How much to spend: on two cores about two minutes, ten minutes, or as long as it takes."""


class Choice(Value):
    """One key that the user left open, what was chosen, and why."""

    key: str
    value: Any
    reason: str


def latent_size(inputs: int, features: int, usual: tuple[int, int]) -> Choice:
    """Choose the number of latents by three rules of thumb, and tell all three.

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


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` overlaid with `over`; another kind of part starts from nothing."""
    if over.get("kind", base.get("kind")) != base.get("kind"):
        return dict(over)
    result = dict(base)
    for name, value in over.items():
        inner = result.get(name)
        result[name] = merged(inner, value) if isinstance(inner, Mapping) and isinstance(value, Mapping) else value
    return result
