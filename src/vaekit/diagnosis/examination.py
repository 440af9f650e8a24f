"""An examination: every measurement that findings rest on, each made when it is first asked for and then kept."""

from __future__ import annotations

from functools import cached_property

from vaekit.diagnosis.subject import Subject
from vaekit.evaluation import Bounds, bounds

__all__ = ["Examination"]

_BATCH = 100


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
        """Bounds on at most 1,000 test data (all where deep), IW-50."""
        test = self.subject.test
        count = len(test) if self.deep else min(1000, len(test))
        columns = (test.stored[:count], *test.context)
        batches = zip(*(c[:count].split(_BATCH) for c in columns), strict=True)
        stored = [parts if len(parts) > 1 else parts[0] for parts in batches]
        view = self.subject.view
        return bounds(self.subject.model, stored, prepare=view.prepare, samples=50, log_jacobian=view.log_jacobian)
