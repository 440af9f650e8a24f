r"""Blur: up to which frequency do reconstructions match the data?

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

from vaekit.diagnosis.finite import is_finite
from vaekit.diagnosis.subject import Subject, batches
from vaekit.models import evaluating

__all__ = ["Sharpness", "ring_power", "sharpness"]

_COUNT = 500  # images
_BATCH = 100
_LEAST = 8  # images and pixels of a side, below which there is no spectrum to speak of


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


def sharpness(subject: Subject, seed: int = 0) -> Sharpness | None:
    """Return power spectra of at most 500 test images; None where there are no images, or too few or too small ones.

    Args:
        subject: A model and its data.
        seed: Seed of the samples.
    """
    view, model = subject.view, subject.model
    if not subject.traits.pictures or not is_finite(model):
        return None
    with evaluating(model):
        real = view.original(subject.test.stored[:_COUNT])
    if real is None or min(len(real), *real.shape[2:]) < _LEAST:
        return None
    with evaluating(model, seed):
        pairs = [
            (model.reconstruct(x, *context), model.generate(len(x), *context, likelihood_temperature=0))
            for x, *context in batches(subject.given(subject.test, len(real)), _BATCH)
        ]
    again, made = (view.display(torch.cat(parts)) for parts in zip(*pairs, strict=True))
    spectra = [_spectrum(images - real.mean(0)) for images in (real, again, made)]
    data, reconstructions, samples = (ring_power(s, s) for s in spectra)
    if not (data.isfinite().all() and reconstructions.isfinite().all() and data.sum() > 0):
        return None
    frequency = torch.arange(1, len(data) + 1) / min(real.shape[2:])
    return Sharpness(frequency, data, reconstructions, samples, ring_power(spectra[0], spectra[1]), len(real))


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
