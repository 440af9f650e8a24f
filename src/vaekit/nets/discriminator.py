"""A net that scores the patches of an image: real or made."""

from __future__ import annotations

import math

from torch import Tensor, nn

from vaekit.nets.activation import activation
from vaekit.nets.initialization import kaiming
from vaekit.nets.normalization import norm

__all__ = ["PatchDiscriminator"]

_LAYERS = 3


class PatchDiscriminator(nn.Module):
    """Stride-2 convolutions to a map of scores, each of one patch of the image.

        x (B, C, H, W) -> [4 x 4 convolution of stride 2, group norm, leaky ReLU] x 3 -> 3 x 3 convolution -> (B, 1, h, w)

    A small image has fewer layers. Group norm, since batch norm would mix what is real with what is not.

    References:
        Isola, Zhu, Zhou and Efros, 2017, "Image-to-image translation with conditional adversarial networks".

    Args:
        channels: C.
        side: The smaller of H and W.
        width: Channels after the first layer; each further one doubles them.

    Examples:
        >>> import torch
        >>> PatchDiscriminator(1, 28)(torch.zeros(5, 1, 28, 28)).shape
        torch.Size([5, 1, 3, 3])
    """

    def __init__(self, channels: int, side: int, width: int = 64) -> None:
        super().__init__()
        self.stages = nn.Sequential()
        before = channels
        for layer in range(min(_LAYERS, int(math.log2(side)))):
            after = width << layer
            self.stages.append(nn.Conv2d(before, after, 4, stride=2, padding=1))
            # The first layer sees the colors as they are.
            self.stages.extend([norm("group" if layer else "none", after, spatial=True), activation("leaky_relu")])
            before = after
        self.score = nn.Conv2d(before, 1, 3, padding=1)
        kaiming(self)

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores of images in [0, 1], `(B, 1, h, w)`."""
        return self.score(self.stages(2 * x - 1))
