"""The autoencoder of latent diffusion: images to a small grid of latents and back, by convolutions alone."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from vaekit.nets.conv import Grid, image_size
from vaekit.nets.initialization import damp, kaiming
from vaekit.nets.residual import Attention
from vaekit.nets.shapes import Widths, linear_head
from vaekit.value import Size, Value

__all__ = ["AutoencoderKL"]


class AutoencoderKL(Value):
    """Residual blocks at each of several grids, and latents that keep their places in the image.

        encoder:  (C, H, W) -> conv -> [blocks, conv stride 2] per width -> block, attention, block -> (z, H / f, W / f)
        decoder:  (z, H / f, W / f) -> conv -> block, attention, block -> [blocks + 1, nearest x 2, conv] per width, reversed
                  -> (C, H, W)

        block:    x + conv(silu(norm(conv(silu(norm(x))))))

    f is 2 for each width but the last. A side that f does not divide is padded by its last pixels, and cut again. The
    group norms have at most 32 groups; they and the attention see the whole image.

    References:
        Rombach, Blattmann, Lorenz, Esser and Ommer, 2022, "High-resolution image synthesis with latent diffusion models";
        Chen et al., 2025, "Deep compression autoencoder for efficient high-resolution diffusion models" (the shortcuts).

    Examples:
        >>> net = AutoencoderKL(widths=(8, 16), blocks=1)
        >>> net.encoder((3, 33, 50)).out_size, net.latent_event(1700, (3, 33, 50))
        ((16, 17, 25), (4, 17, 25))
    """

    kind: Literal["autoencoder_kl"] = "autoencoder_kl"
    widths: Widths = (128, 256, 512, 512)
    """Channels of each stage, from the data inwards; the grid is halved between two stages."""
    blocks: Annotated[int, Field(ge=1)] = 2
    """Residual blocks of each stage of the encoder; the decoder has one more."""
    norm: Literal["group", "none"] = "group"
    """Normalization: group, or none, with which no value depends on distant ones."""
    attention: bool = True
    """Whether positions of the smallest grid attend to each other."""
    shortcuts: bool = False
    """Whether each change of the grid adds to its input, averaged over 2 x 2 or repeated: trains factors of 32 and more."""
    post_quant: bool = False
    """Whether a 1 x 1 convolution comes before the decoder, as in published weights."""

    @property
    def factor(self) -> int:
        """The side of the square of pixels to which one position of the latents belongs."""
        return int(2 ** (len(self.widths) - 1))

    def grid(self, sides: Grid) -> Grid:
        """Return the height and width of the latents of an image of this height and width."""
        height, width = (-(-side // self.factor) for side in sides)
        return height, width

    def latent_event(self, latent: int, size: Size) -> Size:
        """Return the shape of `latent` latent variables of data of `size` = (C, H, W).

        Raises:
            ValueError: The positions of the grid do not share that many evenly.
        """
        grid = self.grid(image_size(size)[1:])
        channels, left = divmod(latent, math.prod(grid))
        if left:
            raise ValueError(
                f"latent={latent} must be a multiple of the {math.prod(grid)} positions of the grid of {grid[0]} x {grid[1]}; "
                f"give latent={4 * math.prod(grid)} for 4 channels"
            )
        return channels, *grid

    def encoder(self, size: Size) -> nn.Module:
        """Return a network from images `(B, C, H, W)` to features `(B, widths[-1], H / f, W / f)`."""
        return _Encoder(self, image_size(size))

    def decoder(self, given: Size, size: Size) -> nn.Module:
        """Return a network from latents `(B, *given)` to a feature map `(B, widths[0], H, W)` for `size` = (C, H, W)."""
        return _Decoder(self, given, image_size(size))

    def normalized(self, width: int) -> nn.Module:
        """Return the normalization of a width, of as many groups as all widths share."""
        return nn.GroupNorm(math.gcd(32, *self.widths), width, eps=1e-6) if self.norm == "group" else nn.Identity()

    def middle(self) -> nn.Sequential:
        """Return what happens at the smallest grid."""
        width = self.widths[-1]
        attention = [Attention(width, self.normalized(width), heads=1)] if self.attention else []
        return nn.Sequential(_Block(self, width, width), *attention, _Block(self, width, width))


class _Encoder(nn.Module):
    def __init__(self, spec: AutoencoderKL, size: tuple[int, int, int]) -> None:
        super().__init__()
        widths, self._factor = spec.widths, spec.factor
        self.out_size: Size = (widths[-1], *spec.grid(size[1:]))
        self.first = nn.Conv2d(size[0], widths[0], 3, padding=1)
        self.stages = nn.ModuleList()
        for place, (before, after) in enumerate(zip((widths[0], *widths), widths, strict=False)):
            blocks = [_Block(spec, before if i == 0 else after, after) for i in range(spec.blocks)]
            is_last = place == len(widths) - 1
            self.stages.append(nn.Sequential(*blocks, *([] if is_last else [_Down(after, spec.shortcuts)])))
        self.middle = spec.middle()
        self.close = nn.Sequential(spec.normalized(widths[-1]), nn.SiLU())
        _initialize(self)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        x = F.pad(x, (0, -width % self._factor, 0, -height % self._factor), mode="replicate")
        x = self.first(x)
        for stage in self.stages:
            x = stage(x)
        return self.close(self.middle(x))

    def head(self, size: Size) -> nn.Module:
        return _read(self.out_size, size)


class _Decoder(nn.Module):
    def __init__(self, spec: AutoencoderKL, given: Size, size: tuple[int, int, int]) -> None:
        super().__init__()
        widths, grid = spec.widths[::-1], spec.grid(size[1:])
        self.out_size: Size = (widths[-1], *size[1:])
        is_map = len(given) == 3 and given[1:] == grid
        start, quant = (widths[0], *grid), [nn.Conv2d(given[0], given[0], 1)] if is_map and spec.post_quant else []
        flat = [] if is_map else [nn.Flatten(), nn.Linear(math.prod(given), math.prod(start)), nn.Unflatten(1, start)]
        self.first = nn.Sequential(*(flat or [*quant, _read(given, start)]))
        self.middle = spec.middle()
        self.stages = nn.ModuleList()
        for place, (narrow, wide) in enumerate(zip((widths[0], *widths), widths, strict=False)):
            blocks = [_Block(spec, narrow if i == 0 else wide, wide) for i in range(spec.blocks + 1)]
            is_last = place == len(widths) - 1
            self.stages.append(nn.Sequential(*blocks, *([] if is_last else [_Up(wide, spec.shortcuts)])))
        self.close = nn.Sequential(spec.normalized(widths[-1]), nn.SiLU())
        _initialize(self)

    def forward(self, z: Tensor) -> Tensor:
        x = self.middle(self.first(z))
        for stage in self.stages:
            x = stage(x)
        return self.close(x)[..., : self.out_size[1], : self.out_size[2]]

    def head(self, size: Size) -> nn.Module:
        return _read(self.out_size, size)


class _Block(nn.Module):
    def __init__(self, spec: AutoencoderKL, before: int, after: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(spec.normalized(before), nn.SiLU(), nn.Conv2d(before, after, 3, padding=1))
        self.branch.extend([spec.normalized(after), nn.SiLU()])
        self.last = nn.Conv2d(after, after, 3, padding=1)
        self.shortcut = nn.Identity() if before == after else nn.Conv2d(before, after, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.shortcut(x) + self.last(self.branch(x))


class _Down(nn.Module):
    def __init__(self, width: int, shortcut: bool) -> None:
        super().__init__()
        self.conv, self._shortcut = nn.Conv2d(width, width, 3, stride=2), shortcut

    def forward(self, x: Tensor) -> Tensor:
        out = self.conv(F.pad(x, (0, 1, 0, 1)))
        # Space to channels and the mean over groups of channels; at one width this is the mean over 2 x 2.
        return out + F.avg_pool2d(x, 2) if self._shortcut else out


class _Up(nn.Module):
    def __init__(self, width: int, shortcut: bool) -> None:
        super().__init__()
        self.conv, self._shortcut = nn.Conv2d(width, width, 3, padding=1), shortcut

    def forward(self, x: Tensor) -> Tensor:
        x = F.interpolate(x, scale_factor=2.0)
        # Channels repeated, then moved to space; at one width these are the nearest neighbours.
        return x + self.conv(x) if self._shortcut else self.conv(x)


def _read(features: Size, size: Size) -> nn.Module:
    """Return a layer from features to `size`: a 3 x 3 convolution if the grids agree, else a linear map."""
    if len(features) == len(size) == 3 and features[1:] == size[1:]:
        return nn.Conv2d(features[0], size[0], 3, padding=1)
    return linear_head(features, size)


def _initialize(net: nn.Module) -> None:
    last = [each.last for each in kaiming(net).modules() if isinstance(each, _Block | Attention)]
    damp(last, len(last))
