"""The watch: warnings from the validations of a run while it is still training, at no extra cost.

It reads numbers that are computed anyway, once per validation, and gives each warning once.
"""

from __future__ import annotations

import math

from vaekit.diagnosis.subject import final_weight
from vaekit.modalities import Traits
from vaekit.objectives import ELBO, VQELBO, Objective
from vaekit.training import Training, Validation

__all__ = ["Watch"]

_NUMBERS = Traits()
_SHARE = 0.15  # of the run, before which an unused latent is normal
_IN_A_ROW = 2
_EMPTY = 0.1  # nats per datum, below which the latents have collapsed
_JUMP, _HUGE = 10.0, 1000.0  # a rate ten times that of the validation before, and beyond anything that images need


class Watch:
    """Warns once if the latents of a run have collapsed, if its rate has jumped, or if numbers are not finite.

    Collapse means that the latents carry nothing: a rate below 0.1 nats, or no active unit, at two validations in a row
    after the warm-up of the learning rate, the end of every schedule of the objective, and 15 % of the run. Each note
    names its cure.

    References:
        Bowman, Vilnis, Vinyals, Dai, Jozefowicz and Bengio, 2016, "Generating sentences from a continuous space".

    Args:
        objective: The objective of the run.
        training: The settings of its training.
        traits: The properties of the data: for tokens, a rising weight of the rate alone does not keep the latents in use.

    Examples:
        >>> watch, empty = Watch(ELBO(), Training(warmup=0)), Validation(distortion=50.0, active_units=0, rate=0.0)
        >>> [bool(watch(step, 100, empty)) for step in (10, 20, 30, 40)]
        [False, False, True, False]
    """

    def __init__(self, objective: Objective, training: Training, traits: Traits = _NUMBERS) -> None:
        self.objective, self.training, self.traits = objective, training, traits
        self._empty = 0
        self._rate = math.inf
        self._noted: set[str] = set()

    def __call__(self, step: int, stop: int | None, validation: Validation, non_finite: int = 0) -> list[str]:
        """Return the new notes for the user after a validation; mostly none.

        Args:
            step: Steps taken.
            stop: Steps in all; None if that is not known yet.
            validation: The result of the validation.
            non_finite: Steps so far whose loss or gradient was not finite.
        """
        notes: dict[str, str] = {}
        if self._has_collapsed(step, stop, validation):
            notes["collapse"] = _empty_note(validation, step, self._cure(stop or step, validation))
        if self._has_burst(validation):
            notes["rate"] = (
                f"by step {step} the rate has suddenly risen to {validation.rate:.4g} nats; try {self._lower}"
            )
        if non_finite:
            notes["non_finite"] = (
                f"{non_finite} steps up to step {step} had a loss or a gradient that is not finite, and were skipped; "
                f"try {self._lower}, or precision=fp32"
            )
        new = {name: note for name, note in notes.items() if name not in self._noted}
        self._noted |= set(new)
        return list(new.values())

    @property
    def _lower(self) -> str:
        return f"lr={self.training.lr / 3:.2g}"

    def _cure(self, stop: int, validation: Validation) -> tuple[str, ...]:
        """Return the keys that let the latents carry something: a lighter rate, or a slower rise of its weight."""
        objective = self.objective
        weight = final_weight(objective)
        if weight > 1:
            return ("objective.beta=1",)
        if validation.elbo is None or isinstance(objective, VQELBO):
            return (self._lower,)  # a point and a code do not go with the ELBO
        if not isinstance(objective, ELBO):
            return ("objective=elbo",)
        if objective.schedule_end == 0 and not self.traits.tokens:
            # A weight below that of the bound is meant, as with tables: the rise ends there.
            light = (f"objective.beta.stop={weight:g}",) if 0 < weight < 1 else ()
            return ("objective.beta=linear", *light, f"objective.beta.steps={max(1, stop // 2)}")
        # A floor per dimension needs a rate that is a sum over dimensions.
        if not validation.rate_per_dimension:
            return (self._lower,)
        return (f"objective.free_bits.nats={max(0.25, 2 * objective.free_bits.nats):g}",)

    def _has_collapsed(self, step: int, stop: int | None, validation: Validation) -> bool:
        if (
            not self.traits.latents
            or stop is None
            or step < max(self.objective.schedule_end, min(self.training.warmup, stop / 5), _SHARE * stop)
        ):
            return False
        is_empty = validation.active_units == 0 or (validation.rate is not None and validation.rate < _EMPTY)
        self._empty = self._empty + 1 if is_empty else 0
        return self._empty >= _IN_A_ROW

    def _has_burst(self, validation: Validation) -> bool:
        before, self._rate = self._rate, validation.rate or math.inf
        # The stability guard reports a rate that is not finite.
        return math.isfinite(self._rate) and self._rate > max(_HUGE, _JUMP * before)


def _empty_note(validation: Validation, step: int, cure: tuple[str, ...]) -> str:
    small = validation.rate is not None and validation.rate < _EMPTY
    seen = f"a rate of {validation.rate:.2g} nats" if small else "no active unit"
    return f"by step {step} the latents have collapsed: {seen}, so the decoder ignores them; try {' '.join(cure)}"
