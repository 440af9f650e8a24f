"""Generalization: is the model overfitted, are its samples copies, were test data trained on?"""

from __future__ import annotations

from vaekit.diagnosis.checks.words import worded
from vaekit.diagnosis.examination import Examination
from vaekit.diagnosis.remedies import smaller

__all__ = ["CHECKS"]


def _smaller(examination: Examination) -> tuple[str, ...]:
    return smaller(examination.subject)


CHECKS = (
    # One half without overfitting. Healthy runs on 1,400 small images stay below 0.53; 200 images learned by heart reach
    # 0.62, and 60 reach 0.8.
    worded("overfitting", "generalization.advantage", above=0.57, far=0.8, prescription=_smaller),
    # A z-score: chance alone reaches 3 once in 740 runs, a healthy fit to few data about 2.5.
    worded("memorized_samples", "closeness.score", above=3.5, prescription=_smaller),
    # Natural duplicates are rarer: a handful among the 10,000 test data of the usual benchmarks.
    worded("leakage", "overlap.share", above=0.005, far=0.02),
)
