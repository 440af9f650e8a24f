"""Blur: up to which frequency do reconstructions match the data?"""

from __future__ import annotations

import torch

from vaekit.diagnosis.finite import is_finite
from vaekit.diagnosis.subject import Subject, batches
from vaekit.evaluation.sharpness import SHARPNESS_IMAGES, Sharpness, sharpness as compared
from vaekit.models import evaluating

__all__ = ["sharpness"]

_BATCH = 100


def sharpness(subject: Subject, seed: int = 0) -> Sharpness | None:
    """Return power spectra of at most 500 test images; None where there are no images, or too few or too small ones.

    Args:
        subject: A model and its data.
        seed: Seed of the samples.
    """
    view, model = subject.view, subject.model
    if not subject.traits.pictures or not is_finite(model):
        return None
    with evaluating(model):
        real = view.original(subject.test.stored[:SHARPNESS_IMAGES])
    if real is None:
        return None
    with evaluating(model, seed):
        pairs = [
            (model.reconstruct(x, *context), model.generate(len(x), *context, likelihood_temperature=0))
            for x, *context in batches(subject.given(subject.test, len(real)), _BATCH)
        ]
    again, made = (view.display(torch.cat(parts)) for parts in zip(*pairs, strict=True))
    return compared(real, again, made)
