"""Categorical latents with a gradient: one-hot vectors forwards, their relaxation backwards."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Size, Tensor
from torch.distributions import OneHotCategorical

from vaekit.distributions.point import point
from vaekit.distributions.temperature import temper

__all__ = ["StraightThrough"]


class StraightThrough(OneHotCategorical):
    r"""torch's one-hot categorical, whose draws pass the gradient of their Gumbel-softmax relaxation.

    .. math:: z = \mathrm{onehot}(\arg\max_k \eta_k + g_k), \qquad
        \nabla z := \nabla\, \mathrm{softmax}((\eta + g) / \tau), \qquad g_k \sim \mathrm{Gumbel}

    The draws are exact, so that rates and bounds are those of the categorical; the gradient is biased, less so and more
    noisily the smaller :math:`\tau` is.

    References:
        Jang, Gu and Poole, 2017, "Categorical reparameterization with Gumbel-softmax"; Maddison, Mnih and Teh, 2017, "The
        concrete distribution: a continuous relaxation of discrete random variables".

    Args:
        logits: :math:`\eta`, `(*batch, K)`.
        tau: :math:`\tau > 0`, the temperature of the relaxation, not that of the distribution.

    Examples:
        >>> StraightThrough(torch.tensor([0.0, 99.0])).rsample()
        tensor([0., 1.])
    """

    has_rsample = True

    def __init__(self, logits: Tensor, tau: float = 1.0, validate_args: bool | None = None) -> None:
        self.tau = tau
        super().__init__(logits=logits, validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> StraightThrough:
        """Return the distribution with its batch shape expanded."""
        return StraightThrough(self.logits.expand(*batch_shape, -1), self.tau, validate_args=False)

    def rsample(self, sample_shape: Any = Size()) -> Tensor:  # noqa: B008
        """Return one-hot draws."""
        logits = self.logits.expand(self._extended_shape(sample_shape))
        noisy = logits - torch.empty_like(logits).exponential_().clamp_min(1e-30).log()
        relaxed = torch.softmax(noisy / self.tau, -1)
        hard = F.one_hot(noisy.argmax(-1), logits.shape[-1]).to(logits.dtype)
        return hard + (relaxed - relaxed.detach())

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the log-probability in nats of one-hot vectors, with a gradient to them too."""
        return (value * self.logits).sum(-1)


@point.register
def _(distribution: StraightThrough) -> Tensor:
    # The mean is no one-hot vector, and what is decoded must be one.
    return distribution.mode


@temper.register
def _(distribution: StraightThrough, temperature: float) -> StraightThrough:
    return StraightThrough(distribution.logits / temperature, distribution.tau, validate_args=False)
