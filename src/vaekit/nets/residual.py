"""A residual ladder for images: stages at ever smaller grids, each of blocks that add to what they are given."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from vaekit.nets.activation import Activation, activation
from vaekit.nets.conv import halvings, image_size
from vaekit.nets.initialization import damp, kaiming
from vaekit.nets.normalization import Norm, norm
from vaekit.nets.shapes import LinearlyRead, Widths
from vaekit.value import Size, Value

__all__ = ["Attention", "Residual"]

_SQUEEZE = 16  # channels to one unit of squeeze and excitation
_LEAST = 4  # units of squeeze and excitation
_HEAD = 64  # channels of one head of attention at most


class Residual(Value):
    """Stages of residual blocks, halved grid by halved grid, and the mirror image up.

        encoder:  (C, H, W) -> [conv stride 2, blocks] per width -> norm, activation -> flatten
        decoder:  z -> linear -> (widths[-1], h, w) -> [blocks, nearest x 2, conv] per width, reversed -> norm, activation
                  -> head (C, H, W)

        block:    x + conv(activation(norm(conv(activation(norm(x))))))

    Any height and width comes back as it was, as with `Conv`. The last convolution of each block starts small, by the square
    root of the number of blocks, so that the signal keeps its scale at any depth.

    References:
        He, Zhang, Ren and Sun, 2016, "Identity mappings in deep residual networks" (the order within a block); Hu, Shen and
        Sun, 2018, "Squeeze-and-excitation networks"; Child, 2021, "Very deep VAEs generalize autoregressive models and can
        outperform them on images" (the scale of the last convolution).

    Examples:
        >>> Residual(widths=(8, 16), blocks=1).encoder((3, 33, 50)).out_size
        (1872,)
    """

    kind: Literal["residual"] = "residual"
    widths: Widths = (32, 64, 128)
    """Channels of each stage, from the data inwards; each stage halves the grid."""
    blocks: Annotated[int, Field(ge=1)] = 2
    """Residual blocks of each stage."""
    norm: Norm = "group"
    """Normalisation: batch, layer, group or none."""
    activation: Activation = "silu"
    """Non-linearity."""
    squeeze: bool = False
    """Whether each block weighs its channels by their means over the grid (squeeze and excitation)."""
    attention: bool = False
    """Whether positions of the smallest grid attend to each other."""

    def encoder(self, size: Size) -> nn.Module:
        """Return a network from images `(B, C, H, W)` to flat features `(B, widths[-1] h w)`.

        Raises:
            ValueError: The data are no images, or too small for so many stages.
        """
        return _Encoder(self, image_size(size))

    def decoder(self, given: Size, size: Size) -> nn.Module:
        """Return a network from latents `(B, *given)` to a feature map `(B, widths[0], H, W)` for `size` = (C, H, W).

        Raises:
            ValueError: The data are no images, or too small for so many stages.
        """
        return _Decoder(self, math.prod(given), image_size(size))

    def stage(self, width: int) -> list[nn.Module]:
        """Return the blocks of one stage."""
        return [_Block(self, width) for _ in range(self.blocks)]

    def innermost(self) -> list[nn.Module]:
        """Return what else happens at the smallest grid."""
        if not self.attention:
            return []
        width = self.widths[-1]
        heads = next(n for n in range(max(1, width // _HEAD), 0, -1) if width % n == 0)
        return [Attention(width, norm(self.norm, width, spatial=True), heads)]


class _Encoder(LinearlyRead):
    def __init__(self, spec: Residual, size: tuple[int, int, int]) -> None:
        super().__init__()
        height, width = halvings(size[1:], spec.widths)[-1]
        stages: list[nn.Module] = []
        for before, after in zip((size[0], *spec.widths), spec.widths, strict=False):
            stages += [nn.Conv2d(before, after, 3, stride=2, padding=1), *spec.stage(after)]
        self.stages = nn.Sequential(*stages, *spec.innermost(), *_closing(spec, spec.widths[-1]))
        self.out_size: Size = (spec.widths[-1] * height * width,)
        _initialize(self)

    def forward(self, x: Tensor) -> Tensor:
        return self.stages(x).flatten(1)


class _Decoder(nn.Module):
    def __init__(self, spec: Residual, given: int, size: tuple[int, int, int]) -> None:
        super().__init__()
        grids, widths = halvings(size[1:], spec.widths)[::-1], spec.widths[::-1]
        self._start = (widths[0], *grids[0])
        self.stem = nn.Linear(given, math.prod(self._start))
        stages: list[nn.Module] = spec.innermost()
        for before, after, grid in zip(widths, (*widths[1:], widths[-1]), grids[1:], strict=True):
            stages += [*spec.stage(before), nn.Upsample(grid), nn.Conv2d(before, after, 3, padding=1)]
        self.stages = nn.Sequential(*stages, *_closing(spec, widths[-1]))
        self.out_size: Size = (widths[-1], *size[1:])
        _initialize(self)

    def forward(self, z: Tensor) -> Tensor:
        return self.stages(self.stem(z.flatten(1)).unflatten(1, self._start))

    def head(self, size: Size) -> nn.Module:
        return nn.Conv2d(self.out_size[0], size[0], kernel_size=3, padding=1)


class _Block(nn.Module):
    def __init__(self, spec: Residual, width: int) -> None:
        super().__init__()
        self.last = nn.Conv2d(width, width, 3, padding=1)
        first = nn.Conv2d(width, width, 3, padding=1)
        self.branch = nn.Sequential(*_closing(spec, width), first, *_closing(spec, width))
        self.excite = _Excite(width) if spec.squeeze else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return x + self.excite(self.last(self.branch(x)))


class _Excite(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        units = max(width // _SQUEEZE, _LEAST)
        self.squeeze, self.expand = nn.Linear(width, units), nn.Linear(units, width)

    def forward(self, x: Tensor) -> Tensor:
        gate = self.expand(F.relu(self.squeeze(x.mean((2, 3))))).sigmoid()
        return x * 2 * gate[..., None, None]  # doubled, so that it starts near 1 and leaves the branch its scale


class Attention(nn.Module):
    """The positions of a grid attend to each other, and add what they find to what they were.

    Args:
        width: Channels of the input and of the output, `(B, width, H, W)`.
        norm: The normalization of what is attended to.
        heads: Heads, a divisor of `width`.
    """

    def __init__(self, width: int, norm: nn.Module, heads: int) -> None:
        super().__init__()
        self.norm, self._heads = norm, heads
        self.project = nn.Conv2d(width, 3 * width, 1)
        self.last = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return a tensor of the shape of the input."""
        height, width = x.shape[2:]
        query, key, value = self.project(self.norm(x)).flatten(2).unflatten(1, (3, self._heads, -1)).mT.unbind(1)
        mixed = F.scaled_dot_product_attention(query, key, value)
        return x + self.last(mixed.mT.flatten(1, 2).unflatten(2, (height, width)))


def _closing(spec: Residual, width: int) -> list[nn.Module]:
    return [norm(spec.norm, width, spatial=True), activation(spec.activation)]


def _initialize(net: nn.Module) -> None:
    last = [each.last for each in kaiming(net).modules() if isinstance(each, _Block | Attention)]
    damp(last, len(last))
