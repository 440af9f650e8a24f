"""The nets of a hierarchy of latents for images: a ladder of grids up from the pixels, and a path down past every group."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, Literal, TypeAlias, cast

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from vaekit.nets.activation import Activation, activation
from vaekit.nets.conv import Grid, image_size
from vaekit.nets.initialization import damp, kaiming
from vaekit.nets.shapes import LinearlyRead, Widths, linear_head
from vaekit.value import Size, Value

__all__ = ["BottomUp", "Group", "Hierarchical", "TopDown"]

_SMALL = 0.1  # factor of the posteriors' first outputs, so that the first rates are small

Counts: TypeAlias = Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)]


class Hierarchical(Value):
    """Residual blocks on a ladder of grids, with groups of latents on the way down.

        up:    (C, H, W) -> patches -> [blocks, mean of 2 x 2] per width -> a feature map of each grid
        down:  z of the top group -> map of the smallest grid -> [group, blocks] and nearest x 2 -> map of the largest grid

        block: x + conv(f(conv(f(conv(f(conv(f(x))))))), 1 x 1, 3 x 3, 3 x 3, 1 x 1, narrow inside

    Grids of one position have 1 x 1 convolutions alone, which are dense layers: with `patch="whole"` the net is a dense one.
    Any height and width comes back as it was: the image is padded to whole patches, and what is padded is cut off again.
    No layer normalises, so that a datum does not depend on its batch; the last layer of each branch starts small by the
    square root of the number of blocks.

    References:
        Child, 2021, "Very deep VAEs generalize autoregressive models and can outperform them on images" (block and path);
        Hazami, Mama and Thurairatnam, 2022, "Efficient-VDVAE: less is more" (narrow at high and wide at low resolution);
        Soenderby and others, 2016, "Ladder variational autoencoders" (one path for prior and posterior).

    Examples:
        >>> Hierarchical(widths=(8, 16), groups=(1, 1)).ladder((1, 27, 41))
        [(14, 21), (7, 11)]
    """

    kind: Literal["hierarchical"] = "hierarchical"
    patch: Annotated[int, Field(ge=1)] | Literal["whole"] = 2
    """Side of the squares of pixels that make one position of the largest grid; whole makes one position of all pixels."""
    widths: Widths = (64, 128, 256)
    """Channels of each grid, from the data inwards; each grid has half the side of the one before."""
    groups: Counts = (2, 3, 1)
    """Groups of latents at each grid, from the data inwards, besides the group at the top, which has `latent` variables."""
    channels: Annotated[int, Field(ge=1)] = 16
    """Latent variables at each position of a group."""
    blocks: Annotated[int, Field(ge=1)] = 1
    """Residual blocks for each group, on the way up and on the way down."""
    ratio: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Channels inside a block, as a part of those outside."""
    activation: Activation = "silu"
    """Non-linearity."""
    dense: bool = False
    """Whether the smallest grid is one position for the whole image, reached by dense layers and not by halving."""
    checkpoint: bool = False
    """Whether what happens inside a block is computed again for its gradient: less memory, a third more time."""

    def model_post_init(self, _context: object) -> None:
        """Refuse other than one number of groups per width."""
        if len(self.groups) != len(self.widths):
            raise ValueError(
                f"net.groups has one number for each of net.widths, got {len(self.groups)} for {len(self.widths)}; "
                "give as many"
            )
        if self.patch == "whole" and len(self.widths) > 1:
            raise ValueError(f"net.patch=whole leaves one grid, of one position, but net.widths has {len(self.widths)}")

    def ladder(self, size: Size) -> list[Grid]:
        """Return the grids of images (C, H, W), from the data inwards.

        Raises:
            ValueError: The data are no images, or too small for so many grids.
        """
        _, height, width = image_size(size)
        grids = [self._patches((height, width))]
        for place in range(1, len(self.widths)):
            if max(grids[-1]) == 1:
                raise ValueError(
                    f"a {height} x {width} image in patches of {self.patch} allows {len(grids)} grids, but net.widths has "
                    f"{len(self.widths)}; give fewer widths, or a smaller net.patch"
                )
            last = self.dense and place == len(self.widths) - 1
            grids.append((1, 1) if last else (-(-grids[-1][0] // 2), -(-grids[-1][1] // 2)))
        return grids

    def padding(self, grid: Grid) -> tuple[Grid, Grid]:
        """Return the pixels that are added before and behind an image to make whole patches, by axis."""
        sides = self._patch(grid)
        missing = [-n % side for n, side in zip(grid, sides, strict=True)]
        before = [-(-n // 2) for n in missing]
        return (before[0], before[1]), (missing[0] - before[0], missing[1] - before[1])

    def encoder(self, size: Size) -> nn.Module:
        """Return a net from images `(B, C, H, W)` to the flat map of the smallest grid, from which the top latents are read."""
        return _Innermost(self.up(size), (self.widths[-1] * math.prod(self.ladder(size)[-1]),))

    def up(self, size: Size) -> BottomUp:
        """Return a net from images to one feature map per grid."""
        return BottomUp(self, size)

    def down(self, given: int, size: Size) -> TopDown:
        """Return the path from `given` numbers to the map of the largest grid of images of `size`."""
        return TopDown(self, given, size)

    def readout(self, size: Size) -> Readout:
        """Return what makes pixels of the map of the largest grid."""
        return Readout(self, size)

    def event(self, grid: Grid) -> Size:
        """Return the shape of one draw of a group at a grid."""
        return (self.channels,) if grid == (1, 1) else (self.channels, *grid)

    def descent(self) -> Iterator[int]:
        """Yield the place of the grid of each group, from the top down."""
        for place in reversed(range(len(self.widths))):
            yield from [place] * self.groups[place]

    def block(self, width: int, grid: Grid, before: int = 0, after: int = 0) -> nn.Sequential:
        """Return the branch of a block, or with other channels before and after it a net of the same layers."""
        inner, before, after = max(1, round(width * self.ratio)), before or width, after or width
        if max(grid) <= 2:  # all positions are neighbours of the edge
            pairs = [(before, inner, 1), (inner, after, 1)]
        else:
            pairs = [(before, inner, 1), (inner, inner, 3), (inner, inner, 3), (inner, after, 1)]
        layers: list[nn.Module] = []
        for first, second, kernel in pairs:
            layers += [activation(self.activation), _mixing(first, second, grid, kernel)]
        return nn.Sequential(*layers)

    def _patch(self, grid: Grid) -> Grid:
        return grid if self.patch == "whole" else (self.patch, self.patch)

    def _patches(self, grid: Grid) -> Grid:
        sides = self._patch(grid)
        return -(-grid[0] // sides[0]), -(-grid[1] // sides[1])


class BottomUp(nn.Module):
    """The way up: one feature map per grid, from the data inwards."""

    def __init__(self, spec: Hierarchical, size: Size) -> None:
        super().__init__()
        channels, *grid = size
        grids, sides = spec.ladder(size), spec._patch((grid[0], grid[1]))
        (top, left), (bottom, right) = spec.padding((grid[0], grid[1]))
        self._pads = (left, right, top, bottom)
        self.stem = _Patches(channels, spec.widths[0], sides)
        self.stages, self.steps = nn.ModuleList(), nn.ModuleList()
        for width, after, place, groups in zip(spec.widths, (*spec.widths[1:], 0), grids, spec.groups, strict=True):
            self.stages.append(nn.Sequential(*(Block(spec, width, place) for _ in range(spec.blocks * max(1, groups)))))
            if after:
                self.steps.append(_Shrink(width, after, place, grids[len(self.steps) + 1]))
        _initialize(self)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Return a map `(B, C, h, w)` per grid."""
        h, maps = self.stem(F.pad(x, self._pads) if any(self._pads) else x), []
        for i, stage in enumerate(self.stages):
            h = stage(h)
            maps.append(h)
            if i < len(self.steps):
                h = self.steps[i](h)
        return maps


class _Innermost(LinearlyRead):
    def __init__(self, up: BottomUp, out_size: Size) -> None:
        super().__init__()
        self.up, self.out_size = up, out_size

    def forward(self, x: Tensor) -> Tensor:
        return self.up(x)[-1].flatten(1)


class TopDown(nn.Module):
    """The way down: a map of the smallest grid from the top latents, and each group's part of the path."""

    def __init__(self, spec: Hierarchical, given: int, size: Size) -> None:
        super().__init__()
        grids, places = spec.ladder(size), list(spec.descent())
        self._start = (spec.widths[-1], *grids[-1])
        self.stem = nn.Linear(given, math.prod(self._start))
        self.groups = nn.ModuleList()
        first = places[0] if places else 0
        self.first = _steps(spec, grids, len(grids) - 1, first)
        for place, below in zip(places, (*places[1:], 0), strict=False):
            self.groups.append(Group(spec, place, grids, below))
        _initialize(self)
        for group in self.groups:
            nn.init.zeros_(cast(_Layer, cast(Group, group).prior[-1]).weight)

    def start(self, z: Tensor) -> Tensor:
        """Return the map `(N, C, h, w)` that the top latents `(N, D)` begin the path with."""
        return self.first(self.stem(z).unflatten(1, self._start))


class Group(nn.Module):
    """One group of latents on the path: its prior, its posterior's inputs, and what its draw does to the map."""

    def __init__(self, spec: Hierarchical, place: int, grids: list[Grid], below: int) -> None:
        super().__init__()
        width, grid, channels = spec.widths[place], grids[place], spec.channels
        self.place, self.event = place, spec.event(grid)
        self.prior = spec.block(width, grid, after=2 * channels + width)
        self.absorb = _mixing(channels, width, grid)
        self.blocks = nn.Sequential(*(Block(spec, width, grid) for _ in range(spec.blocks)))
        self.step = _steps(spec, grids, place, below)

    def parameters_of_prior(self, h: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return mean and raw scale of p(z | h), `(N, *event)`, and the map that the path goes on with."""
        channels = self.event[0]
        loc, raw, more = self.prior(h).split([channels, channels, h.shape[1]], 1)
        return loc.flatten(1).unflatten(1, self.event), raw.flatten(1).unflatten(1, self.event), h + more

    def forward(self, h: Tensor, z: Tensor) -> Tensor:
        """Return the map after a draw `(N, *event)` has joined it."""
        h = h + self.absorb(z.reshape(len(z), self.event[0], *h.shape[2:]).to(h.dtype))
        return self.step(self.blocks(h))


class Block(nn.Module):
    """A residual block."""

    def __init__(self, spec: Hierarchical, width: int, grid: Grid) -> None:
        super().__init__()
        self.branch, self._again = spec.block(width, grid), spec.checkpoint

    def forward(self, x: Tensor) -> Tensor:
        if self._again and torch.is_grad_enabled():
            return x + cast(Tensor, checkpoint(self.branch, x, use_reentrant=False))
        return x + self.branch(x)


class Readout(nn.Module):
    """What makes pixels of the map of the largest grid: each position becomes a patch."""

    def __init__(self, spec: Hierarchical, size: Size) -> None:
        super().__init__()
        self._grid, self._sides = (size[1], size[2]), spec._patch((size[1], size[2]))
        self._before, self._behind = spec.padding(self._grid)
        grid, width = spec.ladder(size)[0], spec.widths[0]
        self.out_size: Size = (width,) if grid == (1, 1) else (width, *grid)
        self.activation = activation(spec.activation)

    def forward(self, h: Tensor) -> Tensor:
        return self.activation(h).reshape(len(h), *self.out_size)

    def head(self, size: Size) -> nn.Module:
        """Return a layer that writes patches side by side, without what was padded."""
        if len(self.out_size) == 1:
            return linear_head(self.out_size, size)
        # Padding is cut off on both sides alike; what is cut too much comes back behind.
        extra = (self._before[0] - self._behind[0], self._before[1] - self._behind[1])
        return nn.ConvTranspose2d(
            self.out_size[0], size[0], self._sides, stride=self._sides, padding=self._before, output_padding=extra
        )


def posterior_net(spec: Hierarchical, place: int, grid: Grid) -> nn.Sequential:
    """Return the net of a group's posterior, from the path's map beside the one of the way up to mean and raw scale."""
    width = spec.widths[place]
    net = spec.block(width, grid, before=2 * width, after=2 * spec.channels)
    kaiming(net)
    with torch.no_grad():
        cast(_Layer, net[-1]).weight.mul_(_SMALL)
    return net


class _Mix(nn.Linear):
    """A convolution of one position, `(N, C, 1, 1)`, as the dense layer that it is: several times as quick on a CPU."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.flatten(1))[..., None, None]


class _Patches(nn.Linear):
    """A convolution whose stride is its kernel, as a dense layer on every patch."""

    def __init__(self, channels: int, width: int, sides: Grid) -> None:
        super().__init__(channels * math.prod(sides), width)
        self._sides = sides

    def forward(self, x: Tensor) -> Tensor:
        (a, b), (n, c, height, width) = self._sides, x.shape
        patches = x.view(n, c, height // a, a, width // b, b).permute(0, 2, 4, 1, 3, 5).flatten(3)
        return super().forward(patches).permute(0, 3, 1, 2)


_Layer: TypeAlias = nn.Conv2d | nn.Linear


def _mixing(before: int, after: int, grid: Grid, kernel: int = 1) -> _Layer:
    """Return a convolution that leaves the grid as it is."""
    return _Mix(before, after) if grid == (1, 1) else nn.Conv2d(before, after, kernel, padding=kernel // 2)


class _Shrink(nn.Module):
    """A grid of half the side, by means, or one position of all, by a dense layer; with other channels."""

    def __init__(self, before: int, after: int, grid: Grid, small: Grid) -> None:
        super().__init__()
        self._halves = small != (1, 1) or max(grid) <= 2
        self.channels = _mixing(before, after, small) if self._halves else nn.Linear(before * math.prod(grid), after)

    def forward(self, h: Tensor) -> Tensor:
        if self._halves:
            return self.channels(F.avg_pool2d(h, 2, ceil_mode=True, count_include_pad=False))
        return self.channels(h.flatten(1))[..., None, None]


class _Grow(nn.Module):
    """A larger grid, by the nearest position, or from one position by a dense layer; with other channels."""

    def __init__(self, before: int, after: int, grid: Grid, small: Grid) -> None:
        super().__init__()
        self._doubles, self._size = small != (1, 1) or max(grid) <= 2, (after, *grid)
        self.channels = _mixing(before, after, small) if self._doubles else nn.Linear(before, math.prod(self._size))

    def forward(self, h: Tensor) -> Tensor:
        if self._doubles:
            return F.interpolate(self.channels(h), size=self._size[1:], mode="nearest")
        return self.channels(h.flatten(1)).unflatten(1, self._size)


def _steps(spec: Hierarchical, grids: list[Grid], start: int, end: int) -> nn.Sequential:
    """Return the steps from one grid to another one nearer the data, with blocks at the grids without groups."""
    steps = nn.Sequential()
    for i in range(start - 1, end - 1, -1):
        steps.append(_Grow(spec.widths[i + 1], spec.widths[i], grids[i], grids[i + 1]))
        if not spec.groups[i]:
            steps.extend(Block(spec, spec.widths[i], grids[i]) for _ in range(spec.blocks))
    return steps


def _initialize(net: nn.Module) -> None:
    last = [cast(_Layer, each.branch[-1]) for each in kaiming(net).modules() if isinstance(each, Block)]
    damp(last, len(last))
