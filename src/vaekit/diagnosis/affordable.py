"""How many data a costly measurement can afford: always the same for the same model, however busy the machine is."""

from __future__ import annotations

from torch.utils.flop_counter import FlopCounterMode

from vaekit.diagnosis.finite import is_finite
from vaekit.diagnosis.latent_state import latent_draws
from vaekit.diagnosis.subject import Subject
from vaekit.models import evaluating
from vaekit.nets import parameter_count

__all__ = ["affordable"]

_BUDGET = 3e11  # floating-point operations: 10 to 20 seconds on a core
_LEAST = 16
_PROBED = 8


def affordable(subject: Subject, passes: int, most: int) -> int:
    """Return how many data, at least 16 and at most `most`, can be decoded `passes` times within seconds.

    A model whose weights are not finite cannot be drawn from, so more than 16 data would tell nothing.

    Args:
        subject: The subject; a decoding of its model is counted, not timed.
        passes: Decodings per datum; one with gradients counts three times.
        most: How many data would be used if decoding were free.
    """
    model = subject.model
    if not is_finite(model):
        return min(_LEAST, most)
    x, *context = subject.given(subject.test, min(_PROBED, len(subject.test)))
    with evaluating(model), FlopCounterMode(display=False) as counter:
        likelihood = model.decode(*model.prior_sample(len(x), *context), context=tuple(context))
        likelihood.log_prob(x)  # an autoregressive likelihood computes nothing earlier
        # Every decoding evaluates the prior too, which may cost more after a second stage.
        if subject.has_second_stage:
            for latent in latent_draws(model, (x, *context))[0]:
                latent.p.log_prob(latent.z)
    # A fused recurrent layer is not counted, but costs two operations per weight and token like any other.
    tokens = int(subject.view.sizes(x).max()) if subject.traits.tokens else 0
    least = max(1.0, 2.0 * parameter_count(model.likelihood) * tokens)
    per_datum = max(least, counter.get_total_flops() / len(x))
    return max(min(_LEAST, most), min(most, int(_BUDGET / (passes * per_datum))))
