"""A cure for blur that compares features: of a fixed random network, or of the user's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

import torch.nn.functional as F
from torch import Tensor, nn

from vaekit.distributions import single
from vaekit.models import Trace
from vaekit.nets import RandomFeatures
from vaekit.objectives.objective import CriterionModule, Loss, regularized
from vaekit.objectives.pictures import Pictorial, image_size, pictures

__all__ = ["Perceptual", "PerceptualCriterion", "feature_distance"]

Maps: TypeAlias = Callable[[Tensor], Tensor | Sequence[Tensor]]
"""Images `(N, C, H, W)` in [0, 1] to one map of features `(N, F, h, w)`, or one per layer."""


class Perceptual(Pictorial):
    r"""The bound with a distance between features: plus :math:`w D\, \frac1L \sum_l \overline{\|\hat f_l - f_l\|^2}`.

    The features at each position are scaled to unit length, and the squared distance is averaged over positions and
    layers; D, the number of dimensions, puts the term on the scale of the log-likelihood. RANDOM features see edges and
    texture and know no objects: they are no substitute for those of a trained network, which `build` takes in Python.

    References:
        Johnson, Alahi and Fei-Fei, 2016, "Perceptual losses for real-time style transfer and super-resolution"; Zhang et
        al., 2018, "The unreasonable effectiveness of deep features as a perceptual metric" (which finds random ones
        useful too).
    """

    kind: Literal["perceptual"] = "perceptual"
    features: Literal["random"] = "random"
    """Where the features come from: a fixed random network; a trained one is given in Python alone."""

    def build(self, model: nn.Module, _size: int, maps: Maps | None = None) -> PerceptualCriterion:
        """Return the criterion.

        Args:
            model: The model, which knows the channels of its images.
            maps: The features, instead of random ones: a frozen module of the user's own, in a loop of their own: no
                file can name it.
        """
        return PerceptualCriterion(self, _RandomMaps(image_size(model)[0]) if maps is None else maps)


class PerceptualCriterion(CriterionModule):
    """What runs: the description and the features."""

    def __init__(self, description: Perceptual, maps: Maps) -> None:
        super().__init__()
        self.description, self.maps = description, maps

    def forward(self, trace: Trace, step: int = 0) -> Loss:
        """Return the loss of one trace."""
        real, fake = pictures(trace, step)
        distance = feature_distance(self.maps(real), self.maps(fake))
        weight = self.description.weight * real[0].numel()
        return regularized(trace, self.description.beta.at(step), {"perceptual": (weight, distance)})


class _RandomMaps(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.net = RandomFeatures(channels)

    def forward(self, images: Tensor) -> list[Tensor]:
        return self.net.maps(2 * images - 1)


def feature_distance(real: Tensor | Sequence[Tensor], fake: Tensor | Sequence[Tensor]) -> Tensor:
    """Return the mean squared distance of features of unit length, over images, positions and layers; a scalar.

    Examples:
        >>> import torch
        >>> feature_distance(torch.eye(2).view(1, 2, 2, 1), torch.eye(2).flip(0).view(1, 2, 2, 1))
        tensor(2.)
    """
    pairs = zip(*([maps] if isinstance(maps, Tensor) else maps for maps in (real, fake)), strict=True)
    distances = [(_unit(a) - _unit(b)).square().sum(1).mean() for a, b in pairs]
    return sum(distances[1:], distances[0]) / len(distances)


def _unit(features: Tensor) -> Tensor:
    return F.normalize(single(features), dim=1)
