r"""Sharpness of images: power spectra of data, reconstructions and samples.

The mean of p(x | z) keeps what z says about a datum and averages over the rest, fine detail first: blur. Power spectra show
it, averaged over rings :math:`k` of spatial frequency,

.. math:: S_k(x) = \sum_{|f| \in k} E\, |X(f)|^2, \qquad X = \mathcal{F}[w\, (x - \bar x)],

with a Hann window w against edges and :math:`\bar x` the mean image of the data, which every reconstruction contains. But a
sharp reconstruction of something else has power too. What counts is the power that matches the datum,

.. math:: a = \frac{\sum_k \mathrm{Re} \sum_{|f| \in k} E\, X(f) \overline{\hat X(f)}}{\sum_k S_k(x)},

which is 1 for the data themselves and, where reconstructions are conditional means, the share of the data's power that
they keep: E X conj(X^) = E |X^|^2.

References:
    van der Schaaf and van Hateren, 1996, "Modelling the power spectra of natural images: statistics and information";
    van Heel and Schatz, 2005, "Fourier shell correlation threshold criteria".
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["SHARPNESS_IMAGES", "Sharpness", "ring_power", "sharpness"]

SHARPNESS_IMAGES = 500
"""Images that give smooth spectra."""

_LEAST = 8  # images and pixels of a side, below which there is no spectrum to speak of
_FINE = 0.25  # cycles per pixel, from which on structure is fine: less than four pixels


@dataclass(frozen=True)
class Sharpness:
    """Power spectra of data, reconstructions and samples, by rings of spatial frequency.

    Args:
        frequency: Middles of the rings `(F,)`, in cycles per pixel, up to 1/2.
        data: Power of the data `(F,)`.
        reconstructions: Power of the points of p(x | z) at the point of q(z | x).
        samples: Power of the points of p(x | z) at draws from the prior.
        agreeing: Power of the reconstructions that agrees with the data.
        count: How many images of each.
    """

    frequency: Tensor
    data: Tensor
    reconstructions: Tensor
    samples: Tensor
    agreeing: Tensor
    count: int

    @property
    def agreement(self) -> float:
        """Share of the data's power with which the reconstructions agree."""
        return (self.agreeing.sum() / self.data.sum()).item()

    def ratio(self, power: Tensor) -> float:
        """Return the sharpness ratio of a spectrum: its power of fine structure, from 1/4 cycle per pixel on, over that of the data."""
        fine = self.frequency >= _FINE
        return (power[fine].sum() / self.data[fine].sum().clamp_min(_tiny(power))).item()

    def distance(self, power: Tensor) -> float:
        r"""Return the log-spectral distance to the data in decibels, :math:`\sqrt{\mathrm{mean}_k (10 \log_{10} S_k / \hat S_k)^2}`."""
        ratio = self.data.clamp_min(_tiny(power)) / power.clamp_min(_tiny(power))
        return (10 * ratio.log10()).square().mean().sqrt().item()


def sharpness(real: Tensor, reconstructions: Tensor, samples: Tensor) -> Sharpness | None:
    """Compare the power spectra of three sets of images; None where there are too few, too small or no finite ones.

    Args:
        real: Data that the model was not trained on, `(N, C, H, W)` of any size and number of channels.
        reconstructions: Their reconstructions.
        samples: Samples, in the same units.
    """
    if min(len(real), *real.shape[2:]) < _LEAST:
        return None
    spectra = [_spectrum(images - real.mean(0)) for images in (real, reconstructions, samples)]
    data, again, made = (ring_power(s, s) for s in spectra)
    if not (data.isfinite().all() and again.isfinite().all() and data.sum() > 0):
        return None
    frequency = torch.arange(1, len(data) + 1) / min(real.shape[2:])
    return Sharpness(frequency, data, again, made, ring_power(spectra[0], spectra[1]), len(real))


def ring_power(first: Tensor, second: Tensor) -> Tensor:
    """Return the real part of the mean cross-spectrum of two sets of images, summed over rings of frequency, `(F,)`.

    Args:
        first: Fourier transforms `(N, C, H, W)`.
        second: Those of other images.
    """
    height, width = first.shape[-2:]
    side = min(height, width)
    radius = torch.hypot(torch.fft.fftfreq(height).unsqueeze(1), torch.fft.fftfreq(width)) * side
    ring = radius.round().long().flatten()
    power = (first * second.conj()).real.mean((0, 1)).flatten()
    return torch.zeros(int(ring.max()) + 1, dtype=power.dtype).index_add(0, ring, power)[1 : side // 2 + 1]


def _spectrum(images: Tensor) -> Tensor:
    # The window goes without its zeros: small images have no pixels to lose.
    height, width = (torch.hann_window(side + 2, periodic=False)[1:-1] for side in images.shape[-2:])
    return torch.fft.fft2(images * torch.outer(height, width))


def _tiny(values: Tensor) -> float:
    return torch.finfo(values.dtype).tiny
