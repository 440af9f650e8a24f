"""What the chapters on latents look at: some held-out data, their posteriors, and the prior beside them."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.distributions import Distribution, OneHotCategorical

from vaekit.diagnosis.finite import is_finite
from vaekit.diagnosis.subject import Subject
from vaekit.distributions import Quantized, Spherical, WrappedNormal

__all__ = ["LatentState", "is_real", "latent_state"]


@dataclass(frozen=True)
class LatentState:
    r"""Some data and what the model infers of them.

    Args:
        x: Prepared data, `(N, *event)`.
        context: What they are conditioned on, tensors `(N, C)`.
        q: Their posteriors, batch shape `(N,)`.
        p: The prior, a batch shape that broadcasts to `(N,)`.
    """

    x: Tensor
    context: tuple[Tensor, ...]
    q: Distribution
    p: Distribution

    @property
    def has_noise(self) -> bool:
        """Whether the posterior is a density of real vectors, so that its noise can be scaled."""
        return is_real(self.q) and getattr(self.q, "no_density", None) is None


def latent_state(subject: Subject, count: int) -> LatentState | None:
    """Return the first `count` test data with their posteriors; None below two data, or where weights are not finite.

    Call it inside `evaluating`: what it returns may draw.
    """
    if min(count, len(subject.test)) < 2 or not is_finite(subject.model):
        return None
    x, *context = subject.given(subject.test, count)
    evidence = subject.model.infer(x, *context)
    return LatentState(x, tuple(context), evidence.posterior, evidence.prior)


def is_real(q: Distribution) -> bool:
    """Say whether draws are real vectors, each coordinate a latent variable: no unit vectors, points in a ball or codes."""
    return not isinstance(getattr(q, "base_dist", q), (Spherical, WrappedNormal, Quantized, OneHotCategorical))
