"""Fidelity of reconstructions: how much of an image is lost on the way through the latents, in the terms of image coding."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from vaekit.errors import NotApplicable
from vaekit.objectives.spectral import ms_ssim, ms_ssim_scales, ssim

__all__ = ["Fidelity", "fidelity", "psnr"]

CAP = 100.0
"""Decibels that a PSNR is cut at: equal images would have infinitely many, and a mean over images with them."""

_WINDOW = 11
_BATCH = 250  # images at a time: five maps of each are held


@dataclass(frozen=True)
class Fidelity:
    """How alike images and their reconstructions are, one value per image.

    Args:
        psnr: Peak signal-to-noise ratio in decibels, at most 100, `(N,)`.
        ssim: Structural similarity, at most 1, `(N,)`; None where the images are too small.
        ms_ssim: The same over several scales, `(N,)`; None where the images leave room for one scale alone.
        window: Side of the window of `ssim` in pixels.
        scales: Number of scales of `ms_ssim`.
        why: Why `ssim` or `ms_ssim` is None.
    """

    psnr: Tensor
    ssim: Tensor | None
    ms_ssim: Tensor | None
    window: int
    scales: int
    why: str = ""

    def summary(self) -> dict[str, Any]:
        """Return means with their standard errors over the images, ready for JSON."""
        return {
            "n": len(self.psnr),
            "psnr": {**_estimate(self.psnr), "unit": "dB", "cap": CAP},
            "ssim": None if self.ssim is None else {**_estimate(self.ssim), "window": self.window},
            "ms_ssim": None if self.ms_ssim is None else {**_estimate(self.ms_ssim), "scales": self.scales},
            "why": self.why,
        }


def fidelity(images: Tensor, again: Tensor) -> Fidelity:
    """Compare images with their reconstructions.

    The window of the structural similarity has 11 pixels, or in images of less than 20 pixels about half their side: a
    window as wide as the image would have one place and see its middle alone.

    Args:
        images: Intensities in [0, 1], `(N, C, H, W)`.
        again: Their reconstructions.

    Raises:
        NotApplicable: These are no images, none, or off the scale.
        ValueError: They differ in shape.

    Examples:
        >>> x = torch.rand(2, 1, 28, 28)
        >>> result = fidelity(x, x)
        >>> result.psnr, result.scales
        (tensor([100., 100.], dtype=torch.float64), 2)
    """
    _check(images, again)
    side = min(images.shape[-2:])
    window, scales = min(_WINDOW, 2 * (side // 4) + 1), ms_ssim_scales(side)
    pairs = [(x.double(), y.double()) for x, y in zip(images.split(_BATCH), again.split(_BATCH), strict=True)]
    return Fidelity(
        psnr=torch.cat([psnr(x, y) for x, y in pairs]),
        ssim=torch.cat([ssim(x, y, window) for x, y in pairs]) if window > 1 else None,
        ms_ssim=torch.cat([ms_ssim(x, y) for x, y in pairs]) if scales > 1 else None,
        window=window,
        scales=scales,
        why=_why(side, window, scales),
    )


def psnr(images: Tensor, again: Tensor) -> Tensor:
    r"""Return the peak signal-to-noise ratio of each image in decibels, cut at 100.

    .. math:: -10 \log_{10} \frac{1}{D} \sum_d (x_d - \hat x_d)^2

    Args:
        images: Intensities in [0, 1], `(N, C, H, W)`.
        again: Their reconstructions.

    Returns:
        Decibels, `(N,)`.

    Examples:
        >>> psnr(torch.zeros(1, 1, 4, 4), torch.full((1, 1, 4, 4), 0.1))
        tensor([20.])
    """
    error = (images - again).square().flatten(1).mean(1)
    return -10 * error.clamp_min(10 ** (-CAP / 10)).log10()


def _check(images: Tensor, again: Tensor) -> None:
    if images.dim() != 4 or not len(images):
        raise NotApplicable(
            f"fidelity is one of images (N, C, H, W), at least one, but data {tuple(images.shape)} came; give images"
        )
    if images.shape != again.shape:
        raise ValueError(
            f"images {tuple(images.shape)} and reconstructions {tuple(again.shape)} differ in shape; give one for each"
        )
    for name, values in (("images", images), ("reconstructions", again)):
        # Written so that NaN is refused too.
        if not bool((values >= 0).all() and (values <= 1).all()):
            raise NotApplicable(f"{name} must be intensities in [0, 1], but others or NaN came; rescale them")


def _why(side: int, window: int, scales: int) -> str:
    if window <= 1:
        return f"SSIM and MS-SSIM need images of at least 4 pixels a side, these have {side}"
    return f"MS-SSIM needs two scales, hence 22 pixels a side; these have {side}" if scales <= 1 else ""


def _estimate(values: Tensor) -> dict[str, float]:
    se = values.std().item() / math.sqrt(len(values)) if len(values) > 1 else math.nan
    return {"mean": values.mean().item(), "se": se}
