r"""Blur: up to which frequency do reconstructions hold what the data hold?

The mean of p(x | z) keeps what z says of a datum and averages over the rest, fine detail first: blur. Power spectra show
it, radially averaged over rings :math:`k` of spatial frequency,

.. math:: S_k(x) = \sum_{|f| \in k} E\, |X(f)|^2, \qquad X = \mathcal{F}[w\, (x - \bar x)],

with a Hann window w against the edges and :math:`\bar x` the mean image over the data, of which every reconstruction has a
share. Power can be made up, though: a sharp reconstruction of something else has it. What counts is the power that agrees
with the datum,

.. math:: a = \frac{\sum_k \mathrm{Re} \sum_{|f| \in k} E\, X(f) \overline{\hat X(f)}}{\sum_k S_k(x)},

which is 1 for the data themselves and, where reconstructions are conditional means, the share of the data's power that
they keep: E X conj(X^) = E |X^|^2.

References:
    van der Schaaf and van Hateren, 1996, "Modelling the power spectra of natural images: statistics and information";
    van Heel and Schatz, 2005, "Fourier shell correlation threshold criteria".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from vaekit.diagnosis.check import Check
from vaekit.diagnosis.finite import is_finite
from vaekit.diagnosis.pressure import longer
from vaekit.diagnosis.subject import Subject
from vaekit.heads import LEVELED, Bernoulli
from vaekit.modalities import ImageVAE
from vaekit.models import evaluating
from vaekit.objectives import ELBO, FocalFrequency

if TYPE_CHECKING:
    from vaekit.diagnosis.examination import Examination

__all__ = ["CHECKS", "Sharpness", "ring_power", "sharpness"]

_COUNT = 500  # images
_BATCH = 100
_NARROW = 4  # latents, up to which their number is a cause of blur
_MORE = 4
_BRIEF = 1000  # steps, below which their number is one
_WIDE = 0.7  # dispersion of p(x | z), below which its noise is one
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
    view, model = subject.image, subject.model
    if view is None or min(len(subject.test), *view.shape[1:]) < _LEAST:
        return None
    real = _pictures(view, subject)
    if real is None or not is_finite(model):
        return None
    given = [column.split(_BATCH) for column in subject.given(subject.test, len(real))]
    with evaluating(model, seed):
        pairs = [
            (model.reconstruct(x, *context), model.generate(len(x), *context, likelihood_temperature=0))
            for x, *context in zip(*given, strict=True)
        ]
    again, made = (subject.view.decode(torch.cat(parts)) for parts in zip(*pairs, strict=True))
    spectra = [_spectrum(images - real.mean(0)) for images in (real, again, made)]
    data, reconstructions, samples = (ring_power(s, s) for s in spectra)
    if not (data.isfinite().all() and reconstructions.isfinite().all() and data.sum() > 0):
        return None
    frequency = torch.arange(1, len(data) + 1) / min(view.shape[1:])
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


def _pictures(view: ImageVAE, subject: Subject) -> Tensor | None:
    """Return what reconstructions ought to look like, intensities `(N, C, H, W)`; None where that is unknown.

    Reconstructions of a random binarization are probabilities: the grey levels that it was drawn by. A static one has
    replaced them for good.
    """
    stored = subject.test.stored[:_COUNT]
    if not isinstance(view.likelihood, Bernoulli) or view.likelihood.binarize == "threshold":
        return subject.view.decode(subject.given(subject.test, len(stored))[0])
    if view.likelihood.binarize == "static":
        return None
    low, high = view.value_range
    return ((stored.permute(0, 3, 1, 2).float() - low) / (high - low)).clamp(0, 1)


def _sharper(examination: Examination) -> tuple[str, ...]:
    """Return the keys against the causes of blur that the run shows, or else a term that looks at the spectrum."""
    subject = examination.subject
    view, dispersion = subject.image, examination.calibration.dispersion
    if view is None:
        return ()
    keys: list[str] = []
    if isinstance(subject.objective, ELBO) and subject.objective.beta.at(subject.objective.beta.end) > 1:
        keys.append("objective.beta=1")
    if dispersion is not None and dispersion < _WIDE and not isinstance(view.likelihood, LEVELED):
        keys += ["likelihood=gaussian", "likelihood.scale=optimal"]
    if view.latent <= _NARROW:
        keys.append(f"latent={min(_MORE * view.latent + _NARROW, math.prod(view.shape) // _NARROW)}")
    steps = max((int(row["step"]) for row in subject.history), default=0)
    if 0 < steps < (_BRIEF / 5 if keys else _BRIEF):
        keys += longer(subject, _MORE, _BRIEF)
    sharpened = isinstance(subject.objective, FocalFrequency)
    return tuple(keys) or (() if sharpened else ("objective=focal_frequency",))


def _agreement(examination: Examination) -> float | None:
    """Return the share that agrees; None where grey images were binarised, which takes detail away before the model sees them."""
    description, found = examination.subject.image, examination.sharpness
    if found is None or description is None:
        return None
    binarised = isinstance(description.likelihood, Bernoulli) and description.likelihood.binarize != "none"
    return None if binarised else found.agreement


CHECKS: tuple[Check, ...] = (
    Check(
        name="blurry_reconstructions",
        measure="share of the power spectrum of the test images, the mean image aside, with which reconstructions agree",
        value=_agreement,
        fires="below",
        threshold=0.38,  # short healthy runs keep 0.45 and more; those with one latent or a tenfold beta 0.0 to 0.35
        severity="warning",
        explanation=(
            "Reconstructions lack much of what the images hold: what the latents do not say is averaged over, fine detail "
            "first."
        ),
        source='Theis, van den Oord and Bethge, 2016, "A note on the evaluation of generative models"',
        remedy=(
            "In this order: objective.beta=1, a learned scale of p(x | z), more latents, more steps; then a term that looks "
            "at detail, objective=focal_frequency or objective=ms_ssim."
        ),
        prescription=_sharper,
        effect="Reconstructions agree with the images up to higher frequencies.",
    ),
)
"""What can be wrong with the sharpness of images."""
