"""The continuous Bernoulli, in logit form: a normalised density on [0, 1]."""

from __future__ import annotations

from typing import Any

import torch
from torch import Size, Tensor
from torch.distributions import Distribution, constraints

from vaekit.distributions.temperature import temper

__all__ = ["ContinuousBernoulli"]


class ContinuousBernoulli(Distribution):
    r"""The density :math:`p(x) = e^{\eta x - A(\eta)}` on :math:`[0, 1]`, with :math:`A(\eta) = \log\frac{e^\eta - 1}{\eta}`.

    It is what binary cross-entropy on grey values lacks: the normaliser. Everything is written with
    :math:`h = |\eta| / 2`, where :math:`A(\eta) = \eta / 2 + \log(\sinh h / h)` has no pole, no overflow and no clamp.

    References:
        Loaiza-Ganem and Cunningham, 2019, "The continuous Bernoulli: fixing a pervasive error in variational autoencoders".

    Args:
        logits: :math:`\eta`, any shape.

    Examples:
        >>> ContinuousBernoulli(torch.tensor([0.0])).log_prob(torch.tensor([0.3])).abs()  # uniform at logit 0
        tensor([0.])
    """

    arg_constraints = {"logits": constraints.real}  # noqa: RUF012 (the contract of torch.distributions)
    support = constraints.unit_interval
    has_rsample = True

    def __init__(self, logits: Tensor, validate_args: bool | None = None) -> None:
        self.logits = logits
        super().__init__(logits.shape, validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> ContinuousBernoulli:
        """Return the distribution with its batch shape expanded."""
        return ContinuousBernoulli(self.logits.expand(batch_shape), validate_args=False)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the log-density in nats, for values in [0, 1]."""
        if self._validate_args:
            self._validate_sample(value)
        return (value - 0.5) * self.logits - _log_sinhc(self.logits / 2)

    @property
    def mean(self) -> Tensor:
        r"""The mean :math:`\frac{1}{1 - e^{-\eta}} - \frac{1}{\eta}`, 1/2 at :math:`\eta = 0`."""
        small = self.logits.abs() < 1e-2
        eta = torch.where(small, torch.ones_like(self.logits), self.logits)
        # 1 / (1 - e^-eta) in a form that neither overflows nor has a gradient of inf / inf.
        exact = 0.5 + 0.5 / torch.tanh(eta / 2) - 1 / eta
        return torch.where(small, 0.5 + self.logits / 12, exact)

    def rsample(self, sample_shape: Any = Size()) -> Tensor:  # noqa: B008
        r"""Return samples by inversion: :math:`x = \log(1 + u (e^\eta - 1)) / \eta`."""
        shape = self._extended_shape(sample_shape)
        u = torch.rand(shape, dtype=self.logits.dtype, device=self.logits.device)
        # Inverted on the side where e^{-|eta|} cannot overflow; the other side is its mirror image.
        eta = -self.logits.abs()
        small = eta > -1e-3
        safe = torch.where(small, -torch.ones_like(eta), eta)
        x = torch.where(small, u + eta / 2 * u * (1 - u), torch.log1p(u * torch.expm1(safe)) / safe)
        return torch.where(self.logits > 0, 1 - x, x)


def _log_sinhc(h: Tensor) -> Tensor:
    r"""Return :math:`\log(\sinh h / h)`, even in h and 0 at h = 0."""
    h = h.abs()
    small = h < 5e-2
    safe = torch.where(small, torch.ones_like(h), h)
    exact = safe + torch.log(-torch.expm1(-2 * safe) / (2 * safe))
    return torch.where(small, h.square() / 6 - h.pow(4) / 180, exact)


@temper.register
def _(distribution: ContinuousBernoulli, temperature: float) -> ContinuousBernoulli:
    return ContinuousBernoulli(distribution.logits / temperature, validate_args=False)
