"""The remark beside the bounds that says how much of the rate the decoder uses."""

from __future__ import annotations

import math
from typing import Any

from vaekit.evaluation.decoder_use import likelihood_drop
from vaekit.interfaces.describing.words import number
from vaekit.interfaces.media import Answer
from vaekit.models import evaluating
from vaekit.trained import Source, TrainedModel

__all__ = ["decoder_use"]

_LOOKED = 200
_WRITTEN = 100  # texts that are written again, token by token
_UNREAD = 0.1  # of the rate: below this share the decoder does without its latents


def decoder_use(model: TrainedModel, source: Source | None, rate: float | None) -> Answer:
    """Return what the latents of another datum cost, and for texts the shares of distinct and of exact reconstructions.

    Args:
        model: The model, with its data.
        source: The data; by default the test part of the model's own.
        rate: The rate in nats per datum; None if there is none.
    """
    if not model.view.traits.latents:
        return Answer({}, [])
    x, *context = model.given(source, _LOOKED)
    if len(x) < 2:
        return Answer({}, [])
    with evaluating(model.model):
        draws = [[latent.z for latent in model.model.draw(model.model.infer(x, *context))]]
        drop = likelihood_drop(model.model, x, tuple(context), draws)
    if not math.isfinite(drop):
        return Answer({}, [])
    values: dict[str, Any] = {"likelihood_drop": drop, "looked_at": len(x)}
    unread = rate is not None and drop < _UNREAD * rate
    paid = "" if rate is None else f", where a rate of {number(rate)} is paid"
    lines = [
        f"the decoder loses {number(drop)} nats of log p(x | z) with the latents of another datum{paid}"
        + (": it hardly reads its latents" if unread else "")
    ]
    if model.view.traits.tokens:
        given, again = model.reconstruct(source, _WRITTEN)
        values["distinct_reconstructions"] = len(set(again)) / len(again)
        values["exact_reconstructions"] = sum(a == b for a, b in zip(given, again, strict=True)) / len(again)
        lines.append(
            f"of {len(again)} reconstructions, {values['distinct_reconstructions']:.0%} are distinct, and "
            f"{values['exact_reconstructions']:.0%} equal their text"
        )
    return Answer({"decoder_use": values}, lines)
