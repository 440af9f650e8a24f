"""The Gaussian whose one variance is, in training, always the best one."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Normal

__all__ = ["CalibratedNormal"]


class CalibratedNormal(Normal):
    r"""A Gaussian that sets its variance to :math:`\sigma^2 = \mathrm{mean} (x - \mu)^2` when asked for :math:`\log p(x)`.

    The mean is over all elements. Without gradients it is a plain Gaussian of the last variance that was set.

    References:
        Rybkin, Daniilidis and Levine, 2021, "Simple and effective VAE training with calibrated decoders".

    Args:
        loc: The mean, any shape.
        log_variance: The state, a scalar, written to in place.
        bounds: Smallest and largest log-variance.

    Examples:
        >>> state = torch.zeros(())
        >>> _ = CalibratedNormal(torch.zeros(2), state, (-14.0, 14.0)).log_prob(torch.tensor([3.0, 4.0]))
        >>> state.exp()
        tensor(12.5000)
    """

    def __init__(self, loc: Tensor, log_variance: Tensor, bounds: tuple[float, float]) -> None:
        self.log_variance, self.bounds = log_variance, bounds
        super().__init__(loc, _deviation(log_variance, loc), validate_args=False)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the log-density in nats, at the variance that makes the sum of all of them largest."""
        if torch.is_grad_enabled():
            with torch.no_grad():
                best = (value - self.loc).square().mean().log().clamp(*self.bounds)
                # A diverged step is skipped by the loop; the state must not remember it.
                self.log_variance.copy_(torch.where(best.isfinite(), best, self.log_variance))
            self.scale = _deviation(self.log_variance, self.loc)
        return super().log_prob(value)


def _deviation(log_variance: Tensor, loc: Tensor) -> Tensor:
    return (log_variance / 2).exp().to(loc.dtype).expand_as(loc)
