"""An examination: every measurement behind the findings, computed on first use and then kept."""

from __future__ import annotations

from functools import cached_property

from vaekit.data import as_stored
from vaekit.diagnosis.accidents import accidents
from vaekit.diagnosis.affordable import affordable
from vaekit.diagnosis.balance import balance
from vaekit.diagnosis.calibration import calibration
from vaekit.diagnosis.closeness import closeness
from vaekit.diagnosis.column_fit import column_fit
from vaekit.diagnosis.deviations import scales
from vaekit.diagnosis.finite import is_finite
from vaekit.diagnosis.generalization import generalization, overlap
from vaekit.diagnosis.geometry import aggregate_posterior, exchange_rate
from vaekit.diagnosis.inference import inference_gap, norm_mismatch
from vaekit.diagnosis.latent_use import latent_use
from vaekit.diagnosis.sharpness import sharpness
from vaekit.diagnosis.subject import Subject, batches
from vaekit.diagnosis.tightness import tightness
from vaekit.diagnosis.trial import trial
from vaekit.errors import NotApplicable
from vaekit.evaluation import Bounds, Chains, RateDistortion, bounds, rate_distortion

__all__ = ["Examination"]

_BATCH = 100
_WEIGHTED = 50  # draws per datum of the importance-weighted bound
_CHAINS = Chains(count=2, temperatures=50)
_CURVE = 32  # data of a picture
_CURVE_PASSES = 3 * 3 * 50 * 3  # (chains and scout) x gradients x temperatures x leapfrog steps
_ANNEALED = 3 * 3 * 30 * 2  # (chains and the scout) x (forward and backward) x temperatures x leapfrog steps
_REFINEMENTS = 60 * 2 * 3 + 80  # decodings per datum of the amortization gap


class Examination:
    """Measurements of one subject.

    Args:
        subject: A trained model and its data.
        deep: Whether costly measurements use all test data instead of 256.

    Attributes:
        latent_use: What the latents carry.
        exchange_rate: What a nat of rate buys.
        aggregate_posterior: Draws from q(z) and draws from p(z).
        generalization: Bounds of training data and of test data.
        closeness: Whether samples are nearer to training data or to test data.
        overlap: Test data that are also training data.
        accidents: What went wrong in training.
        trial: What a few more steps of training do.
        balance: Encoder and decoder, compared in size and gradient.
        calibration: How well p(x | z) fits the data.
        column_fit: How well the latents predict each column of a table, on at most 1,000 test rows.
        scales: Where the deviations of q(z | x) and p(x | z) lie.
        sharpness: Power spectra of data, reconstructions and samples; None where there are none.
        inference_gap: What the encoder loses against a posterior per datum, on up to 256 affordable test data (all if deep).
        norm_mismatch: How far batch statistics are from the running ones, on at most 1,000 test data.
        tightness: How far below the evidence the reported bound may lie.
    """

    def __init__(self, subject: Subject, *, deep: bool = False) -> None:
        self.subject, self.deep = subject, deep

    def _count(self, most: int, passes: int = 0) -> int:
        """Return how many test data to use: all if deep; else at most `most`, or what is affordable with so many decodings each."""
        count = len(self.subject.test)
        if self.deep:
            return count
        return affordable(self.subject, passes, min(most, count)) if passes else min(most, count)

    @cached_property
    def bounds(self) -> Bounds:
        """The bounds, with IW-50, on up to 1,000 affordable test data (all if deep)."""
        test, count = self.subject.test, self._count(1000, _WEIGHTED)
        columns = (test.stored[:count], *test.context)
        stored = [as_stored(*part) for part in batches((c[:count] for c in columns), _BATCH)]
        model, view = self.subject.model, self.subject.view
        return bounds(
            model, stored, prepare=view.prepare, samples=_WEIGHTED, log_jacobian=view.log_jacobian, sizes=view.sizes
        )

    latent_use = cached_property(lambda self: latent_use(self.subject, min(1000, self._count(256))))
    exchange_rate = cached_property(lambda self: exchange_rate(self.subject, min(1000, self._count(256))))
    aggregate_posterior = cached_property(lambda self: aggregate_posterior(self.subject))
    generalization = cached_property(lambda self: generalization(self.subject))
    closeness = cached_property(lambda self: closeness(self.subject))
    overlap = cached_property(lambda self: overlap(self.subject))
    accidents = cached_property(lambda self: accidents(self.subject))
    trial = cached_property(lambda self: trial(self.subject))
    balance = cached_property(lambda self: balance(self.subject))
    calibration = cached_property(lambda self: calibration(self.subject, self._count(256)))
    column_fit = cached_property(lambda self: column_fit(self.subject, self._count(1000)))
    scales = cached_property(lambda self: scales(self.subject, self._count(256)))
    sharpness = cached_property(lambda self: sharpness(self.subject))
    inference_gap = cached_property(lambda self: inference_gap(self.subject, self._count(256, _REFINEMENTS)))
    norm_mismatch = cached_property(lambda self: norm_mismatch(self.subject, 1000))
    tightness = cached_property(lambda self: tightness(self.subject, self._count(256, _ANNEALED)))

    @cached_property
    def rate_distortion(self) -> RateDistortion | None:
        """What decoder and prior reach without the encoder; None where latents are no real vectors, or weights not finite."""
        test, view, model = self.subject.test, self.subject.view, self.subject.model
        if not is_finite(model):
            return None
        given = self.subject.given(test, affordable(self.subject, _CURVE_PASSES, min(_CURVE, len(test))))
        try:
            return rate_distortion(model, *given, chains=_CHAINS, most=2.0, log_jacobian=view.log_jacobian)
        except NotApplicable:
            return None
