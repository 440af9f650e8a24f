"""The power spherical distribution: a von Mises-Fisher without Bessel functions or rejection."""

from __future__ import annotations

import math

import torch
from torch import Size, Tensor
from torch.distributions import Dirichlet

from vaekit.distributions.sphere import Spherical

__all__ = ["PowerSpherical"]


class PowerSpherical(Spherical):
    r"""The density :math:`p(z) \propto (1 + \mu^\top z)^\kappa` on the unit sphere in d dimensions.

    With :math:`a = (d - 1) / 2 + \kappa` and :math:`b = (d - 1) / 2`, :math:`(1 + \mu^\top z) / 2` is Beta(a, b).

    References:
        De Cao and Aziz, 2020, "The power spherical distribution".

    Examples:
        >>> q = PowerSpherical(torch.tensor([1.0, 0.0, 0.0]), torch.tensor(2.0))
        >>> round(q.log_prob(q.loc).exp().item() * 4 * math.pi, 4)  # 3 times uniform at its pole
        3.0
    """

    @property
    def _beta(self) -> tuple[Tensor, Tensor]:
        b = torch.full_like(self.concentration, (self.loc.shape[-1] - 1) / 2, dtype=torch.float64)
        return b + self.concentration.double(), b

    @property
    def _log_normalizer(self) -> Tensor:
        a, b = self._beta
        return -((a + b) * math.log(2) + b * math.log(math.pi) + a.lgamma() - (a + b).lgamma())

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the log-density in nats, with respect to the surface."""
        log = torch.log1p(self.cosine(value).clamp_min(-1 + 1e-12))
        return (self._log_normalizer + self.concentration * log).to(value.dtype)

    def entropy(self) -> Tensor:
        """Return the entropy in nats."""
        a, b = self._beta
        log = math.log(2) + a.digamma() - (a + b).digamma()
        return -(self._log_normalizer + self.concentration * log).to(self.loc.dtype)

    def polar(self, shape: Size) -> tuple[Tensor, Tensor]:
        """Return reparameterised draws of cosine and sine."""
        # Both parts of the Beta: its complement keeps its digits near the pole.
        parts = Dirichlet(torch.stack(self._beta, -1), validate_args=False)
        near, far = parts.rsample(shape[: len(shape) - len(self.batch_shape)]).unbind(-1)
        return near - far, 2 * (near * far).clamp_min(1e-30).sqrt()

    def cosine_moments(self) -> tuple[Tensor, Tensor]:
        """Return mean and variance of the cosine, those of a Beta on [-1, 1]."""
        a, b = self._beta
        mean, variance = (a - b) / (a + b), 4 * a * b / ((a + b).square() * (a + b + 1))
        return mean.to(self.loc.dtype), variance.to(self.loc.dtype)

    def sine_square(self) -> Tensor:
        """Return the mean of the squared sine: four times the product of a Beta variable and its complement."""
        a, b = self._beta
        return (4 * a * b / ((a + b) * (a + b + 1))).to(self.loc.dtype)
