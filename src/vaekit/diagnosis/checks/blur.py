"""Blur: what reconstructions lack of the images."""

from __future__ import annotations

from vaekit.diagnosis.checks.words import worded
from vaekit.diagnosis.examination import Examination
from vaekit.diagnosis.remedies import longer
from vaekit.diagnosis.subject import final_weight
from vaekit.heads import LEVELED, Bernoulli
from vaekit.objectives import ELBO, FocalFrequency

__all__ = ["CHECKS"]

_NARROW = 4  # latents, up to which their number is a cause of blur
_MORE = 4
_BRIEF = 1000  # steps, below which their number is one
_WIDE = 0.7  # dispersion of p(x | z), below which its noise is one


def _sharper(examination: Examination) -> tuple[str, ...]:
    """Return the keys against the causes of blur that the run shows, or else a term that looks at the spectrum."""
    subject, dispersion = examination.subject, examination.calibration.dispersion
    description, family = subject.description, subject.traits.family
    keys: list[str] = []
    if isinstance(subject.objective, ELBO) and final_weight(subject.objective) > 1:
        keys.append("objective.beta=1")
    if dispersion is not None and dispersion < _WIDE and family and not isinstance(family, LEVELED):
        keys += ["likelihood=gaussian", "likelihood.scale=optimal"]
    if description is not None and description.latent <= _NARROW:
        inputs = subject.test.stored[0].numel()
        keys.append(f"latent={min(_MORE * description.latent + _NARROW, inputs // _NARROW)}")
    if 0 < subject.steps < (_BRIEF / 5 if keys else _BRIEF):
        keys += longer(subject, _MORE, _BRIEF)
    sharpened = isinstance(subject.objective, FocalFrequency)
    return tuple(keys) or (() if sharpened else ("objective=focal_frequency",))


def _agreement(examination: Examination) -> float | None:
    """Return the share that agrees; None where grey images were binarized, which takes detail away before the model sees them."""
    family, found = examination.subject.traits.family, examination.sharpness
    is_binarized = isinstance(family, Bernoulli) and family.binarize != "none"
    return None if found is None or is_binarized else found.agreement


CHECKS = (
    # Short healthy runs keep 0.45 and more; runs with one latent or a tenfold beta 0.0 to 0.35.
    worded("blurry_reconstructions", _agreement, below=0.38, prescription=_sharper),
)
