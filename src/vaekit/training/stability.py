"""What to do with a bad step: skip it, roll back, and at last stop with a clear word."""

from __future__ import annotations

import math
import statistics
from collections import deque
from typing import Any, Literal, TypeAlias

__all__ = ["Guard", "TrainingDiverged", "Verdict"]

Verdict: TypeAlias = Literal["take", "skip", "roll back"]

_WINDOW = 64  # gradient norms that the running median looks back on
_IN_A_ROW = 5  # bad steps after which skipping is no answer any more
_ROLLBACKS = 3


class TrainingDiverged(RuntimeError):
    """Training met non-finite values again and again; the last good checkpoint is intact."""


class Guard:
    """Judges every step by its loss and the norm of its gradient.

    A non-finite step is skipped and counted; five in a row ask for a rollback. A gradient beyond `skip` times the
    running median is skipped too, at most five in a row: then the median begins anew, as gradients have grown for good.

    Args:
        skip: The multiple of the running median beyond which a finite step is skipped.
    """

    def __init__(self, skip: float) -> None:
        self.skip = skip
        self.norms: deque[float] = deque(maxlen=_WINDOW)
        self.in_a_row = self.taken = self.skipped = self.non_finite = self.rollbacks = 0
        self._median = math.inf

    @property
    def lr_factor(self) -> float:
        """The factor on the learning rate: halved by every rollback."""
        return 0.5**self.rollbacks

    def judge(self, loss: float, norm: float) -> Verdict:
        """Say what to do with a step."""
        finite = math.isfinite(loss) and math.isfinite(norm)
        wild = finite and norm > self.skip * self._median
        if not finite:
            self.non_finite += 1
        elif not wild or self.in_a_row >= _IN_A_ROW:
            if wild:
                self.forget()
                self._median = norm  # no accident: from here on gradients have this size
            self._remember(norm)
            self.in_a_row = 0
            return "take"
        self.skipped += 1
        self.in_a_row += 1
        return "roll back" if not finite and self.in_a_row >= _IN_A_ROW else "skip"

    def roll_back(self) -> None:
        """Count a rollback.

        Raises:
            TrainingDiverged: There were three already.
        """
        if self.rollbacks >= _ROLLBACKS:
            raise TrainingDiverged(
                f"training met non-finite values again after {_ROLLBACKS} rollbacks with a lower learning rate each; "
                "the last good checkpoint is kept: check the data, lower lr, or set precision=fp32"
            )
        self.rollbacks += 1
        self.in_a_row = 0

    def forget(self) -> None:
        """Forget the gradients so far: what learns from here on has others."""
        self.norms.clear()
        self.taken, self._median = 0, math.inf

    def _remember(self, norm: float) -> None:
        self.norms.append(norm)
        # The median is refreshed now and then: it moves slowly, and sorting at every step would show in small models.
        self.taken += 1
        if self.taken >= 20 and self.taken % 8 == 0:
            self._median = statistics.median(self.norms)

    def state_dict(self) -> dict[str, Any]:
        """Return everything that later judgements depend on."""
        return {name: value for name, value in vars(self).items() if name != "norms"} | {"norms": list(self.norms)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a saved state."""
        vars(self).update({**state, "norms": deque(state["norms"], maxlen=_WINDOW)})
