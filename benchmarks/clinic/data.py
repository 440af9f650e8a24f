"""The clinic's data sets: digits, a part of MNIST and of Fashion-MNIST, too few digits, and digits with leaks."""

from pathlib import Path

import numpy as np
import torch

from benchmarks.clinic.cases import FEW, LEAKED
from vaekit.data import read_images

__all__ = ["prepare"]

_IMAGES = 3000


def prepare(work: Path, mnist: str, fashion: str) -> None:
    """Write the files that cases name, where they are missing."""
    work.mkdir(parents=True, exist_ok=True)
    for name, source in (("mnist", mnist), ("fashion", fashion)):
        if not (work / f"{name}-{_IMAGES}.npz").exists():
            data = read_images(source)
            rows = data.drawn("train", _IMAGES)
            np.savez(work / f"{name}-{_IMAGES}.npz", x=data.values[rows].numpy(), y=data.labels[rows].numpy())
    digits = read_images("digits")
    order = torch.randperm(len(digits), generator=torch.Generator().manual_seed(0))
    x = digits.values[order].numpy() * 15  # 17 levels spread over the 256 that an array of bytes is taken to have
    for count in FEW:
        # Validated on what it was trained on: the best weights are then the ones that remember most.
        np.savez(work / f"digits-few-{count}.npz", x_train=x[:count], x_val=x[:count], x_test=x[1300:])
    for percent in LEAKED:
        test = x[1400:]
        leaked = test[: max(1, len(test) * percent // 100)]
        np.savez(
            work / f"digits-leaked-{percent}.npz",
            x_train=np.concatenate([x[:1200], leaked]),
            x_val=x[1200:1400],
            x_test=test,
        )
