"""Evaluation leaves a model, and the randomness of the process, exactly as they were."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from vaekit.distributions import drawing

__all__ = ["evaluating"]


@contextmanager
def evaluating(model: nn.Module, seed: int | torch.Generator = 0) -> Iterator[None]:
    """Put a model into evaluation mode, without a graph and with noise of its own; leave it as it was.

    A model that is in evaluation mode already is not written to at all, so any number of threads may use it at once.

    Args:
        model: The model.
        seed: Seed of the noise inside, or a generator.

    Raises:
        ValueError: The model computes probabilities that are NaN or infinite.
    """
    training = [module for module in model.modules() if module.training]
    if training:
        model.eval()
    try:
        with torch.no_grad(), drawing(seed):
            yield
    except RuntimeError as error:
        if "probability tensor contains" not in str(error):
            raise
        raise ValueError(
            "the model computes NaN or infinity: its weights, these data or a setting are far too large"
        ) from error
    finally:
        for module in training:
            module.training = True
