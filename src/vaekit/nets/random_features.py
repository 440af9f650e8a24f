"""A fixed random network as a space of image features: no training, no download, the same on every machine."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vaekit.nets.activation import LEAKY_SLOPE

__all__ = ["RandomFeatures"]


class RandomFeatures(nn.Module):
    """A convolutional ladder with random weights that never change, for images of any height and width.

        x (B, C, H, W) -> [3 x 3 convolution of stride 2, leaky ReLU] per width -> mean over each cell of a grid -> (B, F)

    Random filters respond to edges, blobs and texture, and the grid keeps where. What it lacks is meaning: distances in
    this space compare models on the same data, and are no substitute for those of a trained network.

    References:
        Ulyanov, Vedaldi and Lempitsky, 2018, "Deep image prior"; Naeem, Oh, Uh, Choi and Yoo, 2020, "Reliable fidelity
        and diversity metrics for generative models" (random embeddings for metrics of samples).

    Args:
        channels: C.
        widths: Channels of each stage.
        grid: Cells per side over which the last stage is averaged; F = widths[-1] grid^2.
        seed: Seed of the weights; torch's own generator is left alone.

    Examples:
        >>> RandomFeatures(1)(torch.zeros(5, 1, 28, 28)).shape
        torch.Size([5, 256])
    """

    label = "random convolutional features"
    """How results name this space."""

    def __init__(self, channels: int, widths: tuple[int, ...] = (32, 64, 64), grid: int = 2, seed: int = 0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.grid, self.stages = grid, len(widths)
        for i, (before, after) in enumerate(zip((channels, *widths), widths, strict=False)):
            gain = math.sqrt(2 / (1 + LEAKY_SLOPE**2) / (9 * before))  # keeps the variance of the maps
            self.register_buffer(f"weight_{i}", gain * torch.randn(after, before, 3, 3, generator=generator))

    def maps(self, x: Tensor) -> list[Tensor]:
        """Return the maps after each stage, `(B, widths[i], H / 2^(i + 1), W / 2^(i + 1))`, rounded up."""
        found = []
        for i in range(self.stages):
            x = F.leaky_relu(F.conv2d(x, self.get_buffer(f"weight_{i}").to(x), stride=2, padding=1), LEAKY_SLOPE)
            found.append(x)
        return found

    def forward(self, x: Tensor) -> Tensor:
        """Return the features of images with intensities in [0, 1], `(B, F)`."""
        return F.adaptive_avg_pool2d(self.maps(2 * x - 1)[-1], self.grid).flatten(1)
