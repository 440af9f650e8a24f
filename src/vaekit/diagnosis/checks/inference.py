"""Inference: does the encoder find the posterior that the decoder asks for, and the same one in evaluation?"""

from __future__ import annotations

from vaekit.diagnosis.checks.words import worded
from vaekit.diagnosis.examination import Examination
from vaekit.diagnosis.remedies import longer
from vaekit.diagnosis.subject import Subject

__all__ = ["CHECKS"]

_BRIEF = 1000  # steps below which more of them are the first thing to try
_LONGER = 4
_NARROW = 128  # units or channels that no layer of a wider net should be below
_WIDE = 1024  # those beyond which more of them are no remedy
_BATCH = 64  # data whose statistics are those of all data to an eighth of a deviation


def _gap_prescription(examination: Examination) -> tuple[str, ...]:
    subject = examination.subject
    scale = getattr(getattr(subject.description, "posterior", None), "scale", None)
    if scale is not None and scale.source != "head":
        return ("posterior.scale=exp",)  # one deviation for all data is what the encoder cannot say otherwise
    if steady := _steady_norm(subject):
        return steady  # the posteriors of a young or small-batch encoder follow running statistics that lag
    widths = getattr(subject.traits.net, "widths", None)
    if widths is None or subject.steps < _BRIEF:
        return longer(subject, _LONGER, _BRIEF)
    factor = max(2, -(-_NARROW // min(widths)))
    wider = [max(width, min(factor * width, _WIDE)) for width in widths]
    return () if wider == list(widths) else (f"net.widths=[{','.join(map(str, wider))}]",)


def _steady_norm(subject: Subject) -> tuple[str, ...]:
    net = subject.traits.net
    if getattr(net, "norm", None) != "batch":
        return ()
    return ("net.norm=group" if net.kind == "conv" else "net.norm=layer",)


def _mismatch_prescription(examination: Examination) -> tuple[str, ...]:
    subject = examination.subject
    if subject.traits.net is not None:
        return _steady_norm(subject)
    # A user's own net keeps its layers, and their statistics become steadier.
    return (f"batch={_BATCH}",) if subject.training.batch < _BATCH else ()


CHECKS = (
    # Healthy runs of 400 steps on digits lie at 0.05 to 0.25, with batch norm at 0.2 to 0.48.
    worded("amortization_gap", "inference_gap.share", above=0.5, prescription=_gap_prescription),
    # Distances are 0.12 at batches of 64, 0.17 at 32, 0.24 at 16 and 0.37 at 8, from 0.48 on at 6 and fewer: 0.22 and
    # 0.37 beyond chance at 8 and 6, nothing at 16 and more.
    worded("batchnorm_mismatch", "norm_mismatch.excess", above=0.2, far=0.4, prescription=_mismatch_prescription),
)
