"""Inference: does the encoder find the decoder's true posterior, and the same one in training and in evaluation?

If not, the bound is lower than the decoder allows. An encoder that is too small, too little trained or unable to express its
uncertainty leaves a gap, which refining each posterior closes. Batch normalization uses batch statistics in training and
running statistics in evaluation: if they differ, the evaluated model is not the trained one.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from vaekit.diagnosis.finite import is_finite
from vaekit.diagnosis.subject import Subject, batches
from vaekit.errors import NotApplicable
from vaekit.evaluation.amortization import Amortization, amortization
from vaekit.models import evaluating
from vaekit.objectives import ELBO

__all__ = ["InferenceGap", "NormMismatch", "inference_gap", "norm_mismatch"]

_STEPS, _SAMPLES = 60, 20  # within about 0.05 nats of what twice as many find
_LEAST = 16  # data, below which neither number means anything
_RATE_FLOOR = 1.0  # nats: a share of a smaller rate is noise, and such a rate is the finding of another chapter
_USUAL = 16  # data in a batch, from which on the noise of its statistics is accepted
_BATCH = 64  # data whose statistics are those of all data to an eighth of a deviation


@dataclass(frozen=True)
class InferenceGap:
    """What refining each posterior by itself gains.

    Args:
        gaps: The gaps of every datum.
        rate: Mean KL(q || p) of the encoder's posteriors in nats.
        unpaid: The part of the rate that training charges nothing for, because of free bits.
    """

    gaps: Amortization
    rate: float
    unpaid: float = 0.0

    @property
    def share(self) -> float:
        """The amortization gap, as a share of the rate; without what refining saves of a rate that was meant to cost nothing."""
        return max(0.0, self.gaps.amortization_gap.nats - self.unpaid) / max(self.rate, _RATE_FLOOR)


@dataclass(frozen=True)
class NormMismatch:
    r"""How far the statistics of batches of training's size are from the running ones.

    The distance is the root mean square over layers, channels and batches of

    .. math:: \sqrt{\left(\frac{m_B - m}{s}\right)^2 + \log^2 \frac{s_B}{s}},

    with mean and deviation m_B, s_B of a batch and the running m, s: about :math:`\sqrt{1.5 / B}` for B independent
    values and statistics that are up to date, less where a channel has many values per datum.

    Args:
        distance: That distance, in running deviations.
        size: B, the number of data in a batch.
    """

    distance: float
    size: int

    @property
    def excess(self) -> float:
        r"""The distance beyond the noise of usual batches, :math:`\sqrt{(d^2 - 1.5 / \max(B, 16))_+}`.

        The noise of smaller batches counts in full, since it makes training and evaluation differ.
        """
        return math.sqrt(max(0.0, self.distance**2 - 1.5 / max(self.size, _USUAL)))


def inference_gap(subject: Subject, count: int) -> InferenceGap | None:
    """Return the amortization gap of the first `count` test data; None if it has no meaning.

    It has none for posteriors without a density or not on real vectors, for posteriors that a light rate narrowed on purpose,
    for fewer than 16 data, and for weights that are not finite.
    """
    given = subject.given(subject.test, count)
    if len(given[0]) < _LEAST or not is_finite(subject.model) or subject.has_light_rate:
        return None
    try:
        gaps = amortization(subject.model, *given, steps=_STEPS, samples=_SAMPLES)
    except NotApplicable:
        return None
    objective = subject.objective
    with evaluating(subject.model):
        trace = subject.model(*given, samples=4)
        unpaid = [objective.free_bits.unpaid(latent).item() for latent in trace.latents if isinstance(objective, ELBO)]
        return InferenceGap(gaps, trace.kl.mean().item(), sum(unpaid))


def norm_mismatch(subject: Subject, count: int) -> NormMismatch | None:
    """Compare running statistics with those of training's batches, on the first `count` test data.

    None if no layer has running statistics, if there are fewer data than in such a batch (or 64), or if weights are not
    finite.
    """
    size, available = subject.training.batch, min(count, len(subject.test))
    enough = size >= 2 and available >= max(_LEAST, min(size, _BATCH))
    if not (enough and _layers(subject.model) and is_finite(subject.model)):
        return None
    size = min(size, available)
    given = subject.given(subject.test, available - available % size)
    model, squares = copy.deepcopy(subject.model), list[float]()
    with evaluating(model):
        for layer in _layers(model):
            layer.training, layer.track_running_stats = True, False
            layer.register_forward_pre_hook(lambda at, x: squares.append(_square(at, x[0])))
        for part in batches(given, size):
            model(*part)
    return NormMismatch(math.sqrt(sum(squares) / max(1, len(squares))), size)


def _square(layer: nn.Module, x: Tensor) -> float:
    """Return the mean over channels of the squared distance of a batch `(B, C, ...)` from the running statistics."""
    assert isinstance(layer, _BatchNorm) and layer.running_mean is not None and layer.running_var is not None
    values = x.detach().transpose(0, 1).flatten(1).double()
    variance = layer.running_var.double() + layer.eps
    shift = (values.mean(1) - layer.running_mean).square() / variance
    stretch = ((values.var(1) + layer.eps) / variance).log() / 2
    return (shift + stretch.square()).mean().item()


def _layers(model: nn.Module) -> list[_BatchNorm]:
    return [layer for layer in model.modules() if isinstance(layer, _BatchNorm) and layer.running_mean is not None]
