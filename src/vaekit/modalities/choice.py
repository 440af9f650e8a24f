"""An automatic choice, with its reason, and keys laid over others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import torch
from pydantic import BeforeValidator

from vaekit.nets import parameter_count
from vaekit.value import Value

if TYPE_CHECKING:
    from vaekit.modalities.description import Description

__all__ = ["Choice", "Preset", "balance", "latent_size", "merged"]

Preset: TypeAlias = Literal["fast", "balanced", "best"]
"""How much to spend: on two cores about two minutes, ten minutes, or as long as it takes."""


def _as_tuple(value: Any) -> Any:
    """Return a list as a tuple, as which it was chosen before JSON made a list of it."""
    return tuple(value) if isinstance(value, list) else value


class Choice(Value):
    """One key that the user left open, what was chosen, and why."""

    key: str
    value: Annotated[Any, BeforeValidator(_as_tuple)]
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


def balance(description: Description, cure: str) -> Choice:
    """Return how encoder and decoder compare in size.

    Args:
        description: The model.
        cure: What to say where one side is more than twice the other.
    """
    with torch.device("meta"):
        model = description.build()
    encoder, decoder = parameter_count(model.posterior), parameter_count(model.likelihood)
    ratio = encoder / max(decoder, 1)
    verdict = "balanced" if 0.5 <= ratio <= 2 else f"one side is far larger than the other: {cure}"
    reason = f"encoder {encoder:,} and decoder {decoder:,} parameters: {verdict}"
    return Choice(key="balance", value=f"{ratio:.2f}", reason=reason)


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` overlaid with `over`; another kind of part starts from nothing."""
    if over.get("kind", base.get("kind")) != base.get("kind"):
        return dict(over)
    result = dict(base)
    for name, value in over.items():
        inner = result.get(name)
        result[name] = merged(inner, value) if isinstance(inner, Mapping) and isinstance(value, Mapping) else value
    return result
