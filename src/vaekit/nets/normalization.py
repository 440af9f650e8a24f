"""Normalisation layers by their names in the field."""

from __future__ import annotations

from typing import Literal, TypeAlias

from torch import nn

__all__ = ["Norm", "norm"]

Norm: TypeAlias = Literal["batch", "layer", "group", "none"]


def norm(kind: Norm, channels: int, *, spatial: bool) -> nn.Module:
    """Return a normalisation layer over `channels`.

    Args:
        kind: `batch` (statistics of the batch, so it needs 16 data or more in one), `group` (at most 32 groups of at
            least 4 channels), `layer` (all channels of one datum) or `none`.
        channels: Number of channels or features.
        spatial: Whether the input is `(B, C, H, W)` rather than `(B, C)`.

    Examples:
        >>> norm("group", 64, spatial=True)
        GroupNorm(16, 64, eps=1e-05, affine=True, bias=True)
    """
    match kind:
        case "batch":
            return nn.BatchNorm2d(channels) if spatial else nn.BatchNorm1d(channels)
        case "layer":
            return nn.GroupNorm(1, channels) if spatial else nn.LayerNorm(channels)
        case "group":
            return nn.GroupNorm(_groups(channels), channels)
        case "none":
            return nn.Identity()


def _groups(channels: int) -> int:
    """Return the largest divisor of `channels` that is at most 32 and leaves 4 channels or more to a group."""
    return max(g for g in range(1, min(32, max(1, channels // 4)) + 1) if channels % g == 0)
