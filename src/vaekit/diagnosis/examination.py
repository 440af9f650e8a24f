"""An examination: every measurement that findings rest on, each made when it is first asked for and then kept."""

from __future__ import annotations

from functools import cached_property

from vaekit.diagnosis.affordable import affordable
from vaekit.diagnosis.balance import Balance, balance
from vaekit.diagnosis.blur import Sharpness, sharpness
from vaekit.diagnosis.calibration import Calibration, calibration
from vaekit.diagnosis.closeness import Closeness, closeness
from vaekit.diagnosis.columns import ColumnFit, column_fit
from vaekit.diagnosis.course import Accidents, accidents
from vaekit.diagnosis.deviations import Scales, scales
from vaekit.diagnosis.finite import is_finite
from vaekit.diagnosis.generalization import Generalization, Overlap, generalization, overlap
from vaekit.diagnosis.geometry import AggregatePosterior, ExchangeRate, aggregate_posterior, exchange_rate
from vaekit.diagnosis.inference import InferenceGap, NormMismatch, inference_gap, norm_mismatch
from vaekit.diagnosis.latent_use import LatentUse, latent_use
from vaekit.diagnosis.subject import Subject
from vaekit.diagnosis.tightness import Tightness, tightness
from vaekit.diagnosis.trial import Trial, trial
from vaekit.errors import NotApplicable
from vaekit.evaluation import Bounds, Chains, RateDistortion, bounds, rate_distortion

__all__ = ["Examination"]

_BATCH = 100
_WEIGHTED = 50  # draws per datum of the importance-weighted bound
_CHAINS = Chains(count=2, temperatures=50)
_CURVE = 32  # data of a picture
_CURVE_PASSES = 3 * 3 * 50 * 3  # (chains and scout) x gradients x temperatures x leapfrog steps
_REFINEMENTS = 60 * 2 * 3 + 80  # decodings per datum of the amortization gap


class Examination:
    """Measurements of one subject.

    Args:
        subject: A trained model and its data.
        deep: Whether costly measurements look at all test data instead of 256.
    """

    def __init__(self, subject: Subject, *, deep: bool = False) -> None:
        self.subject, self.deep = subject, deep

    @property
    def few(self) -> int:
        """How many data a costly measurement looks at."""
        return len(self.subject.test) if self.deep else min(256, len(self.subject.test))

    @cached_property
    def bounds(self) -> Bounds:
        """Bounds, IW-50, on as many of 1,000 test data as can be afforded (all where deep)."""
        test = self.subject.test
        count = len(test) if self.deep else affordable(self.subject, _WEIGHTED, min(1000, len(test)))
        columns = (test.stored[:count], *test.context)
        batches = zip(*(c[:count].split(_BATCH) for c in columns), strict=True)
        stored = [parts if len(parts) > 1 else parts[0] for parts in batches]
        model, view = self.subject.model, self.subject.view
        return bounds(
            model, stored, prepare=view.prepare, samples=_WEIGHTED, log_jacobian=view.log_jacobian, sizes=view.sizes
        )

    @cached_property
    def latent_use(self) -> LatentUse | None:
        """What the latents carry; see `collapse`."""
        return latent_use(self.subject, min(1000, self.few))

    @cached_property
    def exchange_rate(self) -> ExchangeRate | None:
        """What a nat of rate buys; see `geometry`."""
        return exchange_rate(self.subject, min(1000, self.few))

    @cached_property
    def aggregate_posterior(self) -> AggregatePosterior | None:
        """Draws from q(z) beside draws from p(z); see `geometry`."""
        return aggregate_posterior(self.subject)

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

    @cached_property
    def generalization(self) -> Generalization | None:
        """Bounds of training and of test data; see `generalization`."""
        return generalization(self.subject)

    @cached_property
    def closeness(self) -> Closeness | None:
        """Which data samples are nearest to; see `generalization`."""
        return closeness(self.subject)

    @cached_property
    def overlap(self) -> Overlap | None:
        """Test data that are training data too; see `generalization`."""
        return overlap(self.subject)

    @cached_property
    def accidents(self) -> Accidents:
        """What went wrong in training; see `course`."""
        return accidents(self.subject)

    @cached_property
    def trial(self) -> Trial | None:
        """What a few more steps do; see `course`."""
        return trial(self.subject)

    @cached_property
    def balance(self) -> Balance | None:
        """Encoder against decoder; see `balance`."""
        return balance(self.subject)

    @cached_property
    def calibration(self) -> Calibration:
        """How well p(x | z) fits the data."""
        return calibration(self.subject, self.few)

    @cached_property
    def column_fit(self) -> ColumnFit | None:
        """How well each column of a table is told from the latents, on at most 1,000 test rows; see `columns`."""
        return column_fit(self.subject, len(self.subject.test) if self.deep else min(1000, len(self.subject.test)))

    @cached_property
    def scales(self) -> Scales:
        """Where the deviations of q(z | x) and p(x | z) lie."""
        return scales(self.subject, self.few)

    @cached_property
    def sharpness(self) -> Sharpness | None:
        """Power spectra of data, reconstructions and samples; None where there are none."""
        return sharpness(self.subject)

    @cached_property
    def inference_gap(self) -> InferenceGap | None:
        """What the encoder loses against a posterior per datum, on as many of 256 test data as can be afforded (all where deep)."""
        count = self.few if self.deep else affordable(self.subject, _REFINEMENTS, self.few)
        return inference_gap(self.subject, count)

    @cached_property
    def norm_mismatch(self) -> NormMismatch | None:
        """How far batch statistics are from running ones, on at most 1,000 test data."""
        return norm_mismatch(self.subject, 1000)

    @cached_property
    def tightness(self) -> Tightness | None:
        """How far below the evidence the reported bound may lie; see `tightness`."""
        return tightness(self.subject, self.few if self.deep else None)
