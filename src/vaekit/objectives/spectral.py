"""Cures for blur without weights: structural similarity over scales, and the spectrum."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from vaekit.models import Trace
from vaekit.objectives.objective import Loss, regularized
from vaekit.objectives.pictures import Pictorial, pictures

__all__ = ["MSSSIM", "FocalFrequency", "focal_frequency", "ms_ssim", "ms_ssim_scales", "ssim"]

_SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # fitted to human judgements by Wang et al.
_WINDOW = 11
_C1, _C2 = 0.01**2, 0.03**2
_FLOOR = 1e-3  # under the contrast of a scale: its power has no finite slope at 0


class MSSSIM(Pictorial):
    r"""The bound with multi-scale structural similarity: plus :math:`w D (1 - \text{MS-SSIM}(x, \hat x))`.

    D, the number of dimensions, puts the term on the scale of the log-likelihood at every image size.

    References:
        Wang, Simoncelli and Bovik, 2003, "Multi-scale structural similarity for image quality assessment"; Snell et al.,
        2017, "Learning to generate images with perceptual similarity metrics".
    """

    kind: Literal["ms_ssim"] = "ms_ssim"

    def __call__(self, trace: Trace, step: int = 0) -> Loss:
        """Return the loss of one trace."""
        real, fake = pictures(trace, step)
        terms = {"dissimilarity": (self.weight * real[0].numel(), 1 - ms_ssim(real, fake).mean())}
        return regularized(trace, self.beta.at(step), terms)


class FocalFrequency(Pictorial):
    r"""The bound with the focal frequency loss: the squared error of the spectrum, its hard frequencies first.

    .. math:: w \sum_{c, u, v} m\, |\hat F - F|^2, \qquad m = |\hat F - F|^\alpha / \max |\hat F - F|^\alpha

    F is the orthonormal two-dimensional Fourier transform of each channel. A sum, where the source takes the mean.

    References:
        Jiang, Dai, Wu and Loy, 2021, "Focal frequency loss for image reconstruction and synthesis".
    """

    kind: Literal["focal_frequency"] = "focal_frequency"
    weight: Annotated[float, Field(ge=0)] = 10.0
    """Weight of the term."""
    alpha: Annotated[float, Field(ge=0)] = 1.0
    """Sharpness of the focus; 0 weighs all frequencies alike, which is the squared error of the pixels."""

    def __call__(self, trace: Trace, step: int = 0) -> Loss:
        """Return the loss of one trace."""
        term = focal_frequency(*pictures(trace, step), self.alpha).mean()
        return regularized(trace, self.beta.at(step), {"focal_frequency": (self.weight, term)})


def ms_ssim(x: Tensor, y: Tensor) -> Tensor:
    r"""Return the multi-scale structural similarity of images in [0, 1], 1 for equal ones.

    .. math:: \prod_{j < M} cs_j^{w_j} \cdot (l_M\, cs_M)^{w_M}

    There are as many scales, 5 at the most, as leave room for the Gaussian window of 11 pixels; a smaller image has one
    scale and a smaller window. The weights of the scales that remain are made to sum to 1.

    Args:
        x: Images `(N, C, H, W)`.
        y: Images of the same shape.

    Returns:
        Means over the channels, `(N,)`.

    Examples:
        >>> x = torch.rand(2, 1, 28, 28)
        >>> bool((ms_ssim(x, x) > 0.9999).all())
        True
    """
    side = min(x.shape[-2:])
    scales = ms_ssim_scales(side)
    weights = [weight / sum(_SCALE_WEIGHTS[:scales]) for weight in _SCALE_WEIGHTS[:scales]]
    product = torch.ones((), dtype=x.dtype, device=x.device)
    for scale, weight in enumerate(weights):
        luminance, contrast = _similarity(x, y, min(_WINDOW, side))
        last = scale == scales - 1
        map_ = luminance * contrast if last else contrast
        product = product * map_.mean((-1, -2)).clamp_min(_FLOOR) ** weight
        x, y = (x, y) if last else (F.avg_pool2d(x, 2), F.avg_pool2d(y, 2))
    return product.mean(1)


def ms_ssim_scales(side: int) -> int:
    """Return how many scales `ms_ssim` has for images whose shorter side is that long, in pixels.

    Examples:
        >>> ms_ssim_scales(8), ms_ssim_scales(28), ms_ssim_scales(256)
        (1, 2, 5)
    """
    return min(len(_SCALE_WEIGHTS), max(1, 1 + math.floor(math.log2(side / _WINDOW))))


def ssim(x: Tensor, y: Tensor, window: int = _WINDOW) -> Tensor:
    r"""Return the structural similarity of images in [0, 1]: the mean of :math:`l\, cs` over all places of the window.

    References:
        Wang, Bovik, Sheikh and Simoncelli, 2004, "Image quality assessment: from error visibility to structural
        similarity".

    Args:
        x: Images `(N, C, H, W)`.
        y: Images of the same shape.
        window: Side of the Gaussian window (sigma 1.5) in pixels, at most H and W.

    Returns:
        Means over places and channels, `(N,)`, between -1 and 1; 1 for equal images.
    """
    luminance, contrast = _similarity(x, y, window)
    return (luminance * contrast).mean((1, 2, 3))


def _similarity(x: Tensor, y: Tensor, window: int) -> tuple[Tensor, Tensor]:
    maps = 5 * x.shape[1]
    g = torch.exp(-((torch.arange(window, dtype=x.dtype, device=x.device) - (window - 1) / 2) ** 2) / (2 * 1.5**2))
    g = (g / g.sum()).expand(maps, 1, -1)
    # A variance is a small difference, which reduced precision would lose.
    with torch.autocast(x.device.type, enabled=False):
        moments = F.conv2d(torch.cat([x, y, x * x, y * y, x * y], 1), g.unsqueeze(-1), groups=maps)
        mx, my, xx, yy, xy = F.conv2d(moments, g.unsqueeze(-2), groups=maps).chunk(5, 1)
    luminance = (2 * mx * my + _C1) / (mx * mx + my * my + _C1)
    contrast = (2 * (xy - mx * my) + _C2) / (xx - mx * mx + yy - my * my + _C2)
    return luminance, contrast


def focal_frequency(x: Tensor, y: Tensor, alpha: float = 1.0) -> Tensor:
    """Return the focal frequency loss of images `(N, C, H, W)`, `(N,)`; 0 for equal ones.

    Examples:
        >>> x, y = torch.rand(2, 3, 1, 8, 8)
        >>> torch.allclose(focal_frequency(x, y, alpha=0.0), (x - y).square().sum((1, 2, 3)))
        True
    """
    error = torch.view_as_real(torch.fft.fft2(y - x, norm="ortho")).square().sum(-1)
    with torch.no_grad():
        focus = error.sqrt() ** alpha
        focus = focus / focus.amax((-1, -2), keepdim=True).clamp_min(torch.finfo(focus.dtype).tiny)
    return (focus * error).sum((1, 2, 3))
