"""Inference: does the encoder find the posterior that the decoder asks for, and does it find the same one in evaluation?

Both pathologies keep the bound below what the decoder deserves. An encoder that is too small, too little trained or unable
to say how sure it is leaves a gap that a refinement of each posterior closes. Batch normalisation makes two models of one:
training saw the statistics of batches, evaluation sees running ones, and where they differ the trained model is not the
evaluated one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from vaekit.diagnosis.check import Check
from vaekit.diagnosis.finite import is_finite
from vaekit.diagnosis.pressure import is_light_on_purpose, longer
from vaekit.diagnosis.subject import Subject
from vaekit.evaluation.amortization import Amortization, amortization, refusal
from vaekit.models import VAE, evaluating
from vaekit.nets import MLP, ColumnTransformer, Conv

if TYPE_CHECKING:
    from vaekit.diagnosis.examination import Examination

__all__ = ["CHECKS", "InferenceGap", "NormMismatch", "inference_gap", "norm_mismatch"]

_STEPS, _SAMPLES = 60, 20  # within about 0.05 nats of what twice as many find
_FEW = 16  # data below which neither number means anything
_RATE_FLOOR = 1.0  # nats: a share of a smaller rate is noise, and that rate is the finding of another chapter
_BRIEF = 1000  # steps below which more of them are the first thing to try
_LONGER = 4
_NARROW = 128  # units or channels that no layer of a wider net should be below
_WIDE = 1024  # those beyond which more of them are no remedy
_USUAL = 16  # data of a batch whose statistics may be as noisy as they are
_BATCH = 64  # data whose statistics are those of all data to an eighth of a deviation


@dataclass(frozen=True)
class InferenceGap:
    """What refining every posterior by itself gains.

    Args:
        gaps: The gaps of every datum.
        rate: Mean KL(q || p) of the encoder's posteriors in nats.
    """

    gaps: Amortization
    rate: float

    @property
    def share(self) -> float:
        """The amortization gap, as a share of the rate: of what is paid for latents, how much the encoder wastes."""
        return self.gaps.amortization_gap.nats / max(self.rate, _RATE_FLOOR)


@dataclass(frozen=True)
class NormMismatch:
    r"""How far the statistics of batches of training's size are from the running ones, and what either makes of the bound.

    The distance is the root mean square over layers, channels and batches of

    .. math:: \sqrt{\left(\frac{m_B - m}{s}\right)^2 + \log^2 \frac{s_B}{s}},

    with mean and deviation m_B, s_B of a batch and the running m, s: about :math:`\sqrt{1.5 / B}` for B independent
    values and statistics that are up to date, less where a channel has many values per datum.

    Args:
        distance: That distance, in running deviations.
        running: Mean bound in nats per datum with running statistics, as evaluation has it.
        batch: The same with those of batches and the same noise, as training had it.
        size: B, the number of data in a batch.
    """

    distance: float
    running: float
    batch: float
    size: int

    @property
    def excess(self) -> float:
        r"""The distance beyond the noise of usual batches, :math:`\sqrt{(d^2 - 1.5 / \max(B, 16))_+}`.

        The noise of smaller batches counts in full: it is what makes two models of one.
        """
        return math.sqrt(max(0.0, self.distance**2 - 1.5 / max(self.size, _USUAL)))


def inference_gap(subject: Subject, count: int) -> InferenceGap | None:
    """Return the amortization gap of the first `count` test data; None where it has no meaning.

    It has none for posteriors without a density or on other spaces than real vectors, for those that a light rate narrowed
    on purpose, for fewer than 16 data, and for weights that are not finite.
    """
    given = subject.given(subject.test, count)
    if len(given[0]) < _FEW or not is_finite(subject.model) or is_light_on_purpose(subject):
        return None
    with evaluating(subject.model):
        trace = subject.model(*given, samples=4)
        if refusal(trace.latents[0].q) is not None:
            return None
        rate = trace.kl.mean().item()
    return InferenceGap(amortization(subject.model, *given, steps=_STEPS, samples=_SAMPLES), rate)


def norm_mismatch(subject: Subject, count: int) -> NormMismatch | None:
    """Return the bound of the first `count` test data with running statistics and with those of training's batches.

    None where no layer keeps running statistics, where there are fewer data than such a batch (or 64), and for weights that
    are not finite.
    """
    size = subject.training.batch
    layers = _layers(subject.model)
    available = min(count, len(subject.test))
    if not layers or size < 2 or available < max(_FEW, min(size, _BATCH)) or not is_finite(subject.model):
        return None
    size = min(size, available)
    given = subject.given(subject.test, available - available % size)
    running, _ = _passes(subject.model, given, size, [])
    batch, distances = _passes(subject.model, given, size, layers)
    distance = math.sqrt(sum(distances) / max(1, len(distances)))
    return NormMismatch(distance, running, batch, size)


def _passes(model: VAE, given: tuple[Tensor, ...], size: int, layers: list[_BatchNorm]) -> tuple[float, list[float]]:
    """Return the mean ELBO, or log-likelihood where there is none, and the squared distances that `layers` met."""
    bounds = []
    with evaluating(model), _batch_statistics(layers) as squares:
        for part in zip(*(values.split(size) for values in given), strict=True):
            trace = model(*part)
            bounds.append(trace.elbo if trace.no_bound is None else trace.log_likelihood.mean(0))
    return torch.cat(bounds).double().mean().item(), squares


@contextmanager
def _batch_statistics(layers: list[_BatchNorm]) -> Iterator[list[float]]:
    """Let layers normalise by their batch, without moving their running statistics, and note the squared distance."""
    squares: list[float] = []
    kept = [(layer, layer.training, layer.track_running_stats) for layer in layers]
    hooks = [layer.register_forward_pre_hook(lambda at, x: squares.append(_square(at, x[0]))) for layer in layers]
    try:
        for layer in layers:
            layer.training, layer.track_running_stats = True, False
        yield squares
    finally:
        for hook, (layer, mode, track) in zip(hooks, kept, strict=True):
            hook.remove()
            layer.training, layer.track_running_stats = mode, track


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


def _gap_value(examination: Examination) -> float | None:
    gap = examination.inference_gap
    return None if gap is None else gap.share


def _gap_prescription(examination: Examination) -> tuple[str, ...]:
    subject = examination.subject
    scale = getattr(getattr(subject.description, "posterior", None), "scale", None)
    if scale is not None and scale.source != "head":
        return ("posterior.scale=exp",)  # one deviation for all data is what the encoder cannot say otherwise
    if steady := _steady_norm(subject):
        return steady  # the posteriors of a young or small-batch encoder follow running statistics that lag
    steps = max((row["step"] for row in subject.history if row.get("step")), default=0)
    widths = getattr(_net(subject), "widths", None)
    if widths is None or steps < _BRIEF:
        return longer(subject, _LONGER, _BRIEF)
    factor = max(2, -(-_NARROW // min(widths)))
    wider = [max(width, min(factor * width, _WIDE)) for width in widths]
    return () if wider == list(widths) else (f"net.widths=[{','.join(map(str, wider))}]",)


def _net(subject: Subject) -> Conv | MLP | ColumnTransformer | None:
    """Return the architecture of images and tables; that of a text is another one on either side."""
    description = subject.image or subject.table
    return None if description is None else description.net


def _steady_norm(subject: Subject) -> tuple[str, ...]:
    net = _net(subject)
    if net is None or getattr(net, "norm", None) != "batch":
        return ()
    return ("net.norm=group" if net.kind == "conv" else "net.norm=layer",)


def _mismatch_value(examination: Examination) -> float | None:
    mismatch = examination.norm_mismatch
    return None if mismatch is None else mismatch.excess


def _mismatch_prescription(examination: Examination) -> tuple[str, ...]:
    subject = examination.subject
    if _net(subject) is not None:
        return _steady_norm(subject)
    # A user's own net keeps its layers, and their statistics become steadier.
    return (f"batch={_BATCH}",) if subject.training.batch < _BATCH else ()


CHECKS = (
    Check(
        name="amortization_gap",
        measure="what refining each posterior by itself gains, as a share of the rate",
        value=_gap_value,
        fires="above",
        threshold=0.5,  # healthy runs of 400 steps on digits lie at 0.05 to 0.25, with batch norm at 0.2 to 0.48
        severity="warning",
        explanation="The encoder's posteriors are far from the best ones that this decoder allows. The bound, and all that "
        "is read off the latents, suffer for the encoder and not for the model.",
        source='Cremer, Li and Duvenaud, 2018, "Inference suboptimality in variational autoencoders"',
        remedy="Let each datum have a deviation of its own, train longer, or use wider layers.",
        prescription=_gap_prescription,
        effect="The gap becomes a smaller share of the rate.",
    ),
    Check(
        name="batchnorm_mismatch",
        measure="distance of the statistics of batches from the running ones of batch norm beyond that of chance in 16 data, in deviations",
        value=_mismatch_value,
        fires="above",
        # Distances are 0.12 at batches of 64, 0.17 at 32, 0.24 at 16 and 0.37 at 8, from 0.48 on at 6 and fewer: 0.22 and
        # 0.37 beyond chance at 8 and 6, nothing at 16 and more.
        threshold=0.2,
        severity="severe",
        explanation="Batch normalization makes the model that is evaluated another one than the model that was trained. "
        "Small batches, or running statistics that lag behind the weights, are the usual reasons.",
        source='Ioffe, 2017, "Batch renormalization: towards reducing minibatch dependence in batch-normalized models"',
        remedy="Normalise each datum by itself, by layer or group norm; or use larger batches.",
        prescription=_mismatch_prescription,
        effect="Training and evaluation see the same model, and the difference vanishes.",
    ),
)
"""What can be wrong with the encoder, and with what evaluation makes of it."""
