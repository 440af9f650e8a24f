"""The two models that speed is measured on, and their data: W1, an MLP on digits, and W2, a convolutional net on colour.

Sizes and names are those of the project's notes on performance.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from vaekit.data import Batches, read_images
from vaekit.heads import Bernoulli, Fixed, Gaussian
from vaekit.modalities import ImageVAE
from vaekit.models import VAE
from vaekit.nets import MLP, Conv
from vaekit.objectives import ELBO
from vaekit.training import Step, Training, TrainingState
from vaekit.training.fabric import make_fabric

__all__ = ["W1", "W2", "Pixels", "Workload"]


@dataclass(frozen=True)
class Pixels:
    """Stored pixels `(N, H, W, C)`, uint8."""

    train: Tensor
    test: Tensor


@dataclass(frozen=True)
class Workload:
    """A model to train, and how.

    Args:
        name: What it is called in a table.
        image: The model.
        batch: Images per step.
        read: Makes the data from MNIST and the number of images wanted, 0 for all.
    """

    name: str
    image: ImageVAE
    batch: int
    read: Callable[[str, int], Pixels]

    def state(self, model: VAE, training: Training) -> TrainingState:
        """Return the state of a new training run of a model."""
        return TrainingState(Step(model, ELBO(), self.image.view().prepare), training, make_fabric(training))

    def batches(self, pixels: Tensor, seed: int) -> Batches:
        """Return the order of the training data."""
        return Batches(pixels, torch.arange(len(pixels)), self.batch, seed)

    def model(self, seed: int) -> VAE:
        """Return the model, freshly initialised."""
        torch.manual_seed(seed)
        return self.image.build()


def binary_digits(data: str, count: int) -> Pixels:
    """Return MNIST, its grey levels replaced by one fixed draw of zeros and 255s."""
    train, test = _digits(data, count)
    generator = torch.Generator().manual_seed(0)
    return Pixels(*(torch.bernoulli(part / 255, generator=generator).mul(255).byte() for part in (train, test)))


def coloured_digits(data: str, count: int) -> Pixels:
    """Return 3 x 64 x 64 images: digits of one random colour on another."""
    generator = torch.Generator().manual_seed(0)

    def coloured(grey: Tensor) -> Tensor:
        ink = F.interpolate(grey.permute(0, 3, 1, 2) / 255, size=(64, 64), mode="bilinear").permute(0, 2, 3, 1)
        colours = torch.rand(2, len(grey), 1, 1, 3, generator=generator)
        return torch.lerp(colours[0], colours[1], ink).mul(255).round().byte()

    train, test = _digits(data, count or 10_000)
    return Pixels(coloured(train), coloured(test[:1000]))


def _digits(data: str, count: int) -> tuple[Tensor, Tensor]:
    digits = read_images(data)
    train, test = (digits.values[digits.part(part)] for part in ("train", "test"))
    return train[: count or None], test


W1 = Workload(
    "W1: MLP 784-400-20, Bernoulli",
    ImageVAE(
        shape=(1, 28, 28),
        latent=20,
        net=MLP(widths=(400,), norm="none", activation="relu"),
        likelihood=Bernoulli(),
    ),
    batch=128,
    read=binary_digits,
)

W2 = Workload(
    "W2: conv 3x64x64, widths 32..512, latent 256, Gaussian",
    ImageVAE(
        shape=(3, 64, 64),
        latent=256,
        net=Conv(widths=(32, 64, 128, 256, 512), upsample="transposed", output="conv"),
        likelihood=Gaussian(scale=Fixed(value=1.0)),
    ),
    batch=64,
    read=coloured_digits,
)
