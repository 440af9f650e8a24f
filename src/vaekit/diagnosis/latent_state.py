"""The input of the measurements of latents: held-out data, their posteriors, and draws from these."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.distributions import Distribution, OneHotCategorical

from vaekit.diagnosis.finite import is_finite
from vaekit.diagnosis.subject import Subject
from vaekit.distributions import Quantized, Spherical, WrappedNormal
from vaekit.models import Latent, LatentVariableModel, Trace

__all__ = ["LatentState", "has_noise", "latent_draws", "latent_state"]


@dataclass(frozen=True)
class LatentState:
    r"""Some data, and the model's posteriors of them.

    Args:
        x: Prepared data, `(N, *event)`.
        context: What they are conditioned on, tensors `(N, C)`.
        q: The posterior of each group, batch shape `(N,)`, given the points of the groups above it.
        draws: For each draw the latents of each group, `(1, N, *event)`.
    """

    x: Tensor
    context: tuple[Tensor, ...]
    q: tuple[Distribution, ...]
    draws: tuple[tuple[Latent, ...], ...]

    def log_likelihood(self, model: LatentVariableModel, *z: Tensor) -> Tensor:
        """Return log p(x | z) of each datum in nats, `(1, N)`, for latents of each group; the context stays a datum's own."""
        return Trace(self.x, model.decode(*z, context=self.context), ()).log_likelihood

    @property
    def is_quantized(self) -> bool:
        """Whether a group has codes: their rate is the same for all data."""
        return any(isinstance(q, Quantized) for q in self.q)

    @property
    def has_density(self) -> bool:
        """Whether every group has a posterior with a density, so that there is a rate."""
        return all(getattr(q, "no_density", None) is None for q in self.q)


def latent_state(subject: Subject, count: int, draws: int = 1) -> LatentState | None:
    """Return the first `count` test data with their posteriors; None below two data, or where weights are not finite.

    Call it inside `evaluating`, since the posteriors may draw.
    """
    if min(count, len(subject.test)) < 2 or not is_finite(subject.model):
        return None
    x, *context = subject.given(subject.test, count)
    posteriors = subject.model.posteriors(x, *context)
    return LatentState(x, tuple(context), posteriors, latent_draws(subject.model, (x, *context), draws))


def latent_draws(
    model: LatentVariableModel, given: tuple[Tensor, ...], count: int = 1
) -> tuple[tuple[Latent, ...], ...]:
    """Return `count` draws of the latents of each group, `(1, N, *event)`; one by one, as decoding many fills the memory."""
    evidence = model.infer(*given)
    return tuple(model.draw(evidence) for _ in range(count))


def has_noise(q: Distribution) -> bool:
    """Return whether a posterior is a density of real vectors, whose noise can be scaled; not of directions or codes."""
    is_real = not isinstance(getattr(q, "base_dist", q), (Spherical, WrappedNormal, Quantized, OneHotCategorical))
    return is_real and getattr(q, "no_density", None) is None
