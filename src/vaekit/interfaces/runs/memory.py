"""Whether a model can be trained in the memory of this machine, asked before any of it is taken."""

from __future__ import annotations

import os

import torch

from vaekit.modalities import Description
from vaekit.nets import parameter_count

__all__ = ["refuse_too_large"]

_COPIES = 5  # weights, their average, the gradient and two moments of the optimiser
_BYTES = 4


def refuse_too_large(description: Description) -> None:
    """Refuse a model whose training state alone exceeds the memory: the system would end the program without a word.

    Raises:
        ValueError: With the sizes and the cure.
    """
    with torch.device("meta"):
        count = parameter_count(description.build())
    needed, there = _COPIES * _BYTES * count, _memory()
    if needed > there:
        raise ValueError(
            f"a model of {count:,} parameters needs {needed / 2**30:,.0f} GiB to train, and there are "
            f"{there / 2**30:,.0f} GiB of memory; take a smaller net or fewer latents, or smaller data (size= of images, vocabulary= of texts)"
        )


def _memory() -> float:
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return float("inf")
    return float(os.sysconf("SC_PAGE_SIZE")) * os.sysconf("SC_PHYS_PAGES")
