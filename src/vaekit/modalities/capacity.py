"""How large a model is: rules for the latent size, and the balance of encoder and decoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from vaekit.modalities.choice import Choice
from vaekit.nets import parameter_count

if TYPE_CHECKING:
    from vaekit.modalities.description import Description

__all__ = ["balance", "latent_size"]


def latent_size(inputs: int, features: int, usual: tuple[int, int], most: int | None = None) -> Choice:
    """Choose the number of latents by three rules of thumb; the reason names all three.

    Args:
        inputs: Dimensions of one datum.
        features: Length of the encoder's flattened features.
        usual: The range that is usual for this type and size of data.
        most: The number that must not be exceeded, so that the layers at the latents are no larger than the rest of the net.

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
    if most is not None and value > most:
        value, reason = (
            most,
            f"{reason}; at most {most}, so that the flattened layers are no larger than the rest of the net",
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
    own = {*model.posterior.parameters(), *model.first_prior.parameters()}
    encoder, decoder = parameter_count(model.posterior), sum(p.numel() for p in model.parameters() if p not in own)
    ratio = encoder / max(decoder, 1)
    verdict = "balanced" if 0.5 <= ratio <= 2 else f"one side is far larger than the other: {cure}"
    reason = f"encoder {encoder:,} and decoder {decoder:,} parameters: {verdict}"
    return Choice(key="balance", value=f"{ratio:.2f}", reason=reason)
