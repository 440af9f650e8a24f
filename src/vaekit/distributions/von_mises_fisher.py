"""The von Mises-Fisher distribution: the Gaussian of directions."""

from __future__ import annotations

import functools
import math

import torch
from torch import Size, Tensor
from torch.distributions import Gamma

from vaekit.distributions.sphere import Spherical

__all__ = ["VonMisesFisher"]


class VonMisesFisher(Spherical):
    r"""The density :math:`p(z) = C_d(\kappa) e^{\kappa \mu^\top z}` on the unit sphere in d dimensions.

    .. math:: C_d(\kappa) = \frac{\kappa^v}{(2 \pi)^{d/2} I_v(\kappa)}, \qquad v = d/2 - 1

    Draws are exact, by rejection; the gradient of the polar angle is that of its quantile function,
    :math:`d\theta / d\kappa = -\partial_\kappa F(\theta) / f(\theta)`, an integral done by quadrature.

    References:
        Wood, 1994, "Simulation of the von Mises Fisher distribution"; Davidson, Falorsi, De Cao, Kipf and Tomczak, 2018,
        "Hyperspherical variational auto-encoders"; Figurnov, Mohamed and Mnih, 2018, "Implicit reparameterization gradients".

    Examples:
        >>> q = VonMisesFisher(torch.tensor([1.0, 0.0, 0.0]), torch.tensor(2.0))
        >>> round(q.log_prob(q.loc).exp().item() * math.pi * (1 - math.exp(-4)), 4)
        1.0
    """

    @functools.cached_property
    def _moments(self) -> tuple[Tensor, Tensor]:
        with torch.enable_grad():  # what is kept must not depend on who asked first: draws ask without a graph
            return _cosine_moments(self.concentration.double(), self.loc.shape[-1])

    @functools.cached_property
    def _log_normalizer(self) -> Tensor:
        d, kappa = self.loc.shape[-1], self.concentration.double()
        with torch.enable_grad():
            return (d / 2 - 1) * kappa.log() - d / 2 * math.log(2 * math.pi) - _log_bessel(d / 2 - 1, kappa)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the log-density in nats, with respect to the surface."""
        return (self._log_normalizer + self.concentration * self.cosine(value)).to(value.dtype)

    def entropy(self) -> Tensor:
        """Return the entropy in nats."""
        return -(self._log_normalizer + self.concentration * self._moments[0]).to(self.loc.dtype)

    def cosine_moments(self) -> tuple[Tensor, Tensor]:
        """Return mean and variance of the cosine."""
        mean, variance = self._moments
        return mean.to(self.loc.dtype), variance.to(self.loc.dtype)

    def sine_square(self) -> Tensor:
        r"""Return the mean of the squared sine, :math:`(d - 1)\, E[\cos] / \kappa`."""
        return ((self.loc.shape[-1] - 1) * self._moments[0] / self.concentration.double()).to(self.loc.dtype)

    def polar(self, shape: Size) -> tuple[Tensor, Tensor]:
        """Return reparameterised draws of cosine and sine."""
        d, kappa = self.loc.shape[-1], self.concentration.double().expand(shape)
        with torch.no_grad():
            angle = _rejected(kappa, d)
            slope = _slope(angle, kappa, self._moments[0], d)
        angle = angle + slope * (kappa - kappa.detach())
        return angle.cos(), angle.sin()


def _log_bessel(order: float, x: Tensor) -> Tensor:
    r"""Return :math:`\log I_v(x)`, to 2e-8 at any order from 0 on and any x > 0.

    The expansion for large orders, then down by :math:`I_{n-1} = I_{n+1} + (2 n / x) I_n`, which is stable downwards.
    """
    steps = max(0, math.ceil(24 - order))
    log_i = _debye(order + steps, x)
    ratio = torch.exp(_debye(order + steps + 1, x) - log_i)
    for n in range(steps, 0, -1):
        ratio = 1 / (2 * (order + n) / x + ratio)
        log_i = log_i - ratio.log()
    return log_i


def _debye(order: float, x: Tensor) -> Tensor:
    """Return log I_v(x) for a large order v (Abramowitz and Stegun, 1964, 9.7.7)."""
    s = (x.square() + order**2).sqrt()
    p = order / s
    u1 = p * (3 - 5 * p**2) / 24
    u2 = p**2 * (81 - 462 * p**2 + 385 * p**4) / 1152
    u3 = p**3 * (30375 - 369603 * p**2 + 765765 * p**4 - 425425 * p**6) / 414720
    series = torch.log1p(u1 / order + u2 / order**2 + u3 / order**3)
    return s + order * (x / (order + s)).log() - 0.5 * (2 * math.pi * s).log() + series


def _rejected(kappa: Tensor, d: int) -> Tensor:
    """Return angles drawn by rejection from an envelope that fits at every concentration (Wood, 1994)."""
    flat = kappa.flatten()
    b = (d - 1) / (2 * flat + (4 * flat.square() + (d - 1) ** 2).sqrt())
    pole = (1 - b) / (1 + b)
    peak = flat * pole + (d - 1) * torch.log1p(-pole.square())
    angle, left = torch.zeros_like(flat), torch.arange(len(flat), device=flat.device)
    gamma = Gamma(torch.full((), (d - 1) / 2).to(flat), torch.ones(()).to(flat), validate_args=False)
    while len(left):
        near, far = gamma.sample(left.shape), gamma.sample(left.shape)
        # tan^2(theta / 2) keeps its digits where the cosine is 1 up to rounding.
        angle[left] = 2 * torch.atan2((b[left] * near).sqrt(), far.sqrt())
        cosine = angle[left].cos()
        gain = flat[left] * cosine + (d - 1) * torch.log1p(-pole[left] * cosine) - peak[left]
        left = left[gain < torch.rand_like(gain).log()]
    return angle.view(kappa.shape)


def _slope(angle: Tensor, kappa: Tensor, mean: Tensor, d: int) -> Tensor:
    r"""Return :math:`d\theta / d\kappa = \int_\theta^{\theta'} (\cos\phi - E \cos) f(\phi) d\phi / f(\theta)`.

    Either end of the range of angles will do for :math:`\theta'`, the integral over all of it being 0; on the side where
    the integrand keeps its sign nothing cancels.
    """
    reach = _around_mode(kappa, d)[1]
    end = torch.where(angle.cos() > mean, (angle - reach).clamp_min(0), (angle + reach).clamp_max(math.pi))
    nodes, weights = (part.to(angle.device) for part in _gauss_legendre(64))
    half = (end - angle).unsqueeze(-1) * nodes / 2
    phi, start = angle.unsqueeze(-1) + 2 * half, angle.unsqueeze(-1)
    log_sine = phi.sin().clamp_min(1e-30).log() - start.sin().clamp_min(1e-30).log()
    log_f = (d - 2) * log_sine - 2 * kappa.unsqueeze(-1) * half.sin() * (start + half).sin()
    return (end - angle) * ((phi.cos() - mean.unsqueeze(-1)) * log_f.exp() * weights).sum(-1)


def _cosine_moments(kappa: Tensor, d: int) -> tuple[Tensor, Tensor]:
    """Return mean and variance of the cosine by quadrature.

    The closed forms by Bessel functions are differences of near equals where the concentration is large.
    """
    nodes, weights = (part.to(kappa.device) for part in _gauss_legendre(64))
    mode, reach = _around_mode(kappa.detach(), d)
    start, end = (mode - 1.5 * reach).clamp_min(0), (mode + 1.5 * reach).clamp_max(math.pi)
    angle = start.unsqueeze(-1) + (end - start).unsqueeze(-1) * nodes
    sagitta = 2 * (angle / 2).sin().square()  # 1 - cos, with all its digits
    mass = torch.softmax((d - 2) * angle.sin().log() - kappa.unsqueeze(-1) * sagitta + weights.log(), -1)
    mean = (mass * sagitta).sum(-1, keepdim=True)
    return 1 - mean.squeeze(-1), (mass * (sagitta - mean).square()).sum(-1)


def _around_mode(kappa: Tensor, d: int) -> tuple[Tensor, Tensor]:
    """Return the likeliest angle, and twelve standard deviations around it, beyond which nothing is left."""
    cosine = 2 * kappa / ((d - 2) + ((d - 2) ** 2 + 4 * kappa.square()).sqrt())
    return torch.atan2(((d - 2) * cosine / kappa).sqrt(), cosine), 12 / (kappa * (cosine + 1 / cosine)).sqrt()


@functools.cache
def _gauss_legendre(n: int) -> tuple[Tensor, Tensor]:
    """Return nodes and weights of Gauss-Legendre quadrature on [0, 1]."""
    k = torch.arange(1, n, dtype=torch.float64)
    beta = k / (4 * k.square() - 1).sqrt()
    nodes, vectors = torch.linalg.eigh(torch.diag(beta, 1) + torch.diag(beta, -1))
    return (nodes + 1) / 2, vectors[0].square()
