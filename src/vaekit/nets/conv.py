"""The convolutional ladder: any height, width and number of channels, halved per stage and mirrored back exactly."""

from __future__ import annotations

import math
from typing import Literal, TypeAlias

from torch import Tensor, nn

from vaekit.nets.activation import Activation, activation
from vaekit.nets.initialization import kaiming
from vaekit.nets.normalization import Norm, norm
from vaekit.nets.shapes import LinearlyRead, Widths
from vaekit.value import Size, Value

__all__ = ["Conv", "Grid", "halvings", "image_size"]

Grid: TypeAlias = tuple[int, int]


class Conv(Value):
    """Stride-2 convolutions down, and the mirror image up.

        encoder:  (C, H, W) -> [conv stride 2, norm, activation] per width -> flatten
        decoder:  z -> linear -> (widths[-1], h, w) -> [up, norm, activation] per width, reversed -> head (C, H, W)

    The grids of the ladder are worked out from the input once; the decoder walks the same grids back, so that it
    returns exactly the input's height and width, odd and non-square ones included.

    References:
        Radford, Metz and Chintala, 2016, "Unsupervised representation learning with deep convolutional generative
        adversarial networks" (the stride-2 ladder); Odena, Dumoulin and Olah, 2016, "Deconvolution and checkerboard
        artifacts" (why `nearest`).

    Examples:
        >>> Conv(widths=(8, 16)).ladder((33, 50))
        [(33, 50), (17, 25), (9, 13)]
    """

    kind: Literal["conv"] = "conv"
    widths: Widths = (32, 64, 128)
    """Channels of each stage, from the data inwards; each stage halves the grid."""
    kernel: Literal[3, 4] = 3
    """Side of the kernels."""
    norm: Norm = "batch"
    """Normalisation: batch, layer, group or none."""
    activation: Activation = "leaky_relu"
    """Non-linearity; leaky_relu has slope 0.2."""
    upsample: Literal["transposed", "nearest"] = "nearest"
    """How the decoder doubles the grid: transposed convolution, or nearest-neighbour unpooling and a convolution."""
    output: Literal["conv", "upsample"] = "conv"
    """The decoder's last layer: a 3 x 3 convolution at full size, or the last upsampling itself (cheaper)."""

    def ladder(self, grid: Grid) -> list[Grid]:
        """Return the grid before, between and after the stages.

        Raises:
            ValueError: A stage would leave no pixel.
        """
        return halvings(grid, self.widths, self.kernel)

    def encoder(self, size: Size) -> nn.Module:
        """Return a network from images `(B, C, H, W)` to flat features `(B, widths[-1] h w)`."""
        return _Encoder(self, image_size(size))

    def decoder(self, given: Size, size: Size) -> nn.Module:
        """Return a network from latents `(B, *given)` to a feature map from which `size` = (C, H, W) can be read."""
        return _Decoder(self, math.prod(given), image_size(size))


class _Encoder(LinearlyRead):
    def __init__(self, spec: Conv, size: tuple[int, int, int]) -> None:
        super().__init__()
        height, width = spec.ladder(size[1:])[-1]
        self.stages = nn.Sequential()
        for before, after in zip((size[0], *spec.widths), spec.widths, strict=False):
            self.stages.extend(
                [
                    nn.Conv2d(before, after, spec.kernel, stride=2, padding=1),
                    norm(spec.norm, after, spatial=True),
                    activation(spec.activation),
                ]
            )
        self.out_size: Size = (spec.widths[-1] * height * width,)
        kaiming(self)

    def forward(self, x: Tensor) -> Tensor:
        return self.stages(x).flatten(1)


class _Decoder(nn.Module):
    def __init__(self, spec: Conv, given: int, size: tuple[int, int, int]) -> None:
        super().__init__()
        grids = spec.ladder(size[1:])[::-1]
        widths = spec.widths[::-1]
        # `output="upsample"` leaves the last doubling to the head.
        self._spec, self._last = spec, (grids[-2], grids[-1])
        stages = len(widths) - (spec.output == "upsample")
        self._start = (widths[0], *grids[0])
        self.stem = nn.Linear(given, math.prod(self._start))
        self.stages = nn.Sequential()
        for i, (before, after) in enumerate(zip(widths, (*widths[1:], widths[-1]), strict=True)):
            if i < stages:
                up = _upsampling(spec, (before, after), (grids[i], grids[i + 1]))
                self.stages.extend([up, norm(spec.norm, after, spatial=True), activation(spec.activation)])
        self.out_size: Size = (widths[-1], *grids[stages])
        kaiming(self)

    def forward(self, z: Tensor) -> Tensor:
        return self.stages(self.stem(z.flatten(1)).unflatten(1, self._start))

    def head(self, size: Size) -> nn.Module:
        channels = (self.out_size[0], size[0])
        if self._spec.output == "upsample":
            return _upsampling(self._spec, channels, self._last)
        return nn.Conv2d(*channels, kernel_size=3, padding=1)


def _upsampling(spec: Conv, channels: tuple[int, int], grids: tuple[Grid, Grid]) -> nn.Module:
    before, after = grids
    if spec.upsample == "nearest":
        return nn.Sequential(nn.Upsample(after), nn.Conv2d(*channels, kernel_size=3, padding=1))
    # A transposed convolution returns 2 n - 4 + kernel; the output padding adds the pixel that rounding took away.
    extra = (after[0] - 2 * before[0] + 4 - spec.kernel, after[1] - 2 * before[1] + 4 - spec.kernel)
    return nn.ConvTranspose2d(*channels, spec.kernel, stride=2, padding=1, output_padding=extra)


def halvings(grid: Grid, widths: Widths, kernel: int = 3) -> list[Grid]:
    """Return the grid before, between and after convolutions of stride 2, one for each width.

    Raises:
        ValueError: A convolution would leave no pixel.
    """
    grids = [grid]
    for stage in range(len(widths)):
        height, width = ((n + 2 - kernel) // 2 + 1 for n in grids[-1])
        if min(height, width) < 1 or max(grids[-1]) == 1:
            raise ValueError(
                f"a {grid[0]} x {grid[1]} image allows {stage} halvings with kernel {kernel}, "
                f"but widths {widths} ask for {len(widths)}; give fewer widths"
            )
        grids.append((height, width))
    return grids


def image_size(size: Size) -> tuple[int, int, int]:
    """Return channels, height and width.

    Raises:
        ValueError: The data are no images.
    """
    if len(size) != 3:
        raise ValueError(f"a convolutional net needs images (C, H, W), got a datum of shape {size}")
    channels, height, width = size
    return channels, height, width
