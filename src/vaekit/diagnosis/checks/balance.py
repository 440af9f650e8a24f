"""Balance: is a side too small, or not trained?"""

from __future__ import annotations

from functools import partial

from vaekit.diagnosis.check import Check

__all__ = ["CHECKS"]

_by_hand = partial(Check, prescription=lambda _examination: ())  # no key of a run is about one side alone

CHECKS = (
    _by_hand(
        name="parameter_imbalance",
        measure="the parameters of the larger side, encoder or decoder, over those of the smaller one",
        value=lambda examination: None if (found := examination.balance) is None else found.parameters,
        fires="above",
        # One architecture for both sides stays below 3.
        threshold=5.0,
        severity="info",
        explanation="One side is far larger than the other, and the smaller one limits what both can do. A weak encoder "
        "leaves a gap between bound and likelihood, a strong decoder needs no latents.",
        source='Cremer, Li and Duvenaud, 2018, "Inference suboptimality in variational autoencoders"',
        remedy="Give both sides nets of like size.",
        effect="The smaller side no longer limits the bound.",
    ),
    _by_hand(
        name="gradient_imbalance",
        measure="the smaller gradient per weight, of encoder or decoder, over the larger one",
        value=lambda examination: None if (found := examination.balance) is None else found.gradients,
        fires="below",
        threshold=1e-3,
        severity="warning",
        explanation="One side gets next to no gradient: it is frozen, cut off from the loss, or saturated. The other is trained around it.",
        source='Glorot and Bengio, 2010, "Understanding the difficulty of training deep feedforward neural networks"',
        remedy="Check that all weights are trained and used, and that no layer scales its output down or saturates.",
        effect="Both sides learn.",
    ),
)
