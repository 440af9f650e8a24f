"""The maximum mean discrepancy between the draws of all posteriors and the prior."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import torch
from pydantic import Field
from torch import Tensor

from vaekit.distributions import draw_prior
from vaekit.models import Trace
from vaekit.objectives.objective import Loss, Objective, regularized

__all__ = ["MMD", "Kernel", "aggregate_mmd", "mmd"]

Kernel: TypeAlias = Literal["imq", "rbf"]
"""Inverse multiquadric (heavy tails: far latents still feel it) or Gaussian."""

_SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class MMD(Objective):
    r"""InfoVAE: :math:`-E[\log p(x \mid z)] + (1 - \alpha)\, KL + (\alpha + \lambda - 1)\, MMD(q(z), p(z))`.

    The rate of each datum may be weighed less, so that latents inform, and the aggregate of all posteriors still be
    held to the prior.

    References:
        Zhao, Song and Ermon, 2019, "InfoVAE: balancing learning and inference in variational autoencoders".
    """

    kind: Literal["mmd"] = "mmd"
    alpha: Annotated[float, Field(le=1)] = 0.0
    """Information preference: 0 keeps the whole rate, 1 drops it."""
    lam: Annotated[float, Field(ge=0)] = 150.0
    """The weight lambda of the aggregate's distance from the prior; the 1000 of the source is for one kernel, not seven."""
    kernel: Kernel = "imq"
    """Kernel, a sum of seven widths: imq (heavy tails) or rbf (Gaussian)."""

    def model_post_init(self, _context: object) -> None:
        """Refuse a distance that would be maximized."""
        if self.alpha + self.lam < 1:
            raise ValueError(f"objective.alpha + objective.lam must be at least 1, got {self.alpha + self.lam:g}")

    @property
    def what_it_is(self) -> str:
        """What alpha and lambda make of the bound."""
        if self.alpha == 0 and self.lam == 1:
            return ""
        return "the aggregate's distance from the prior is added: the loss is no bound; the bounds reported are at beta = 1"

    def __call__(self, trace: Trace, step: int = 0) -> Loss:
        """Return the loss of one trace."""
        weight = self.alpha + self.lam - 1
        return regularized(trace, 1 - self.alpha, {"mmd": (weight, aggregate_mmd(trace, self.kernel))})


def aggregate_mmd(trace: Trace, kernel: Kernel) -> Tensor:
    r"""Return the squared discrepancy between draws from all posteriors of a batch and from the prior.

    Of several groups it is the sum over g of that between :math:`q(z_{\le g})` and :math:`q(z_{<g})\, p(z_g \mid z_{<g})`: zero
    where the aggregate of all groups is their prior, and nowhere else.
    """
    columns = [latent.z.flatten(2) for latent in trace.latents]
    distances = []
    for g, latent in enumerate(trace.latents):
        drawn = draw_prior(latent.p, *latent.z.shape[:2], reparameterized=True).flatten(2)
        x, y = (torch.cat([*columns[:g], last], -1) for last in (columns[g], drawn))
        distances.append(mmd(x, y, kernel, paired=g > 0).mean())
    return torch.stack(distances).sum()


def mmd(x: Tensor, y: Tensor, kernel: Kernel, *, paired: bool = False) -> Tensor:
    r"""Return the unbiased estimate of :math:`MMD^2 = E[k(x, x')] + E[k(y, y')] - 2 E[k(x, y)]`.

    With :math:`d` the distance of two points and :math:`c = 2 D s`, the expected :math:`d^2` of two standard normal
    points times a scale s, the kernels are :math:`c / (c + d^2)` (imq) and :math:`e^{-d^2 / c}` (rbf), summed over the
    scales 0.1, 0.2, 0.5, 1, 2, 5 and 10.

    References:
        Gretton, Borgwardt, Rasch, Schoelkopf and Smola, 2012, "A kernel two-sample test"; Tolstikhin, Bousquet, Gelly and
        Schoelkopf, 2018, "Wasserstein auto-encoders" (the sum over these scales, in their code).

    Args:
        x: Draws `(*S, N, D)`, at least two.
        y: Draws `(*S, N, D)`.
        kernel: imq or rbf.
        paired: Whether rows of equal number depend on each other, and are not to be compared.

    Returns:
        One estimate per leading index, `(*S,)`.
    """
    count = x.shape[-2]
    if count < 2:
        raise ValueError(f"the discrepancy of samples needs batches of at least 2 data, got {count}; set batch")
    within = _kernel(x, x, kernel) + _kernel(y, y, kernel)
    between = _kernel(x, y, kernel)
    across = _off_diagonal(between) if paired else between.mean((-2, -1))
    return _off_diagonal(within) - 2 * across


def _off_diagonal(values: Tensor) -> Tensor:
    count = values.shape[-1]
    return (values.sum((-2, -1)) - values.diagonal(dim1=-2, dim2=-1).sum(-1)) / (count * (count - 1))


def _kernel(x: Tensor, y: Tensor, kernel: Kernel) -> Tensor:
    # Not from cdist: the gradient of its root is not finite where two points meet.
    with torch.autocast(x.device.type, enabled=False):
        square = x.square().sum(-1).unsqueeze(-1) + y.square().sum(-1).unsqueeze(-2) - 2 * x @ y.mT
    square = square.clamp_min(0) / (2 * x.shape[-1])
    parts = [scale / (scale + square) if kernel == "imq" else torch.exp(-square / scale) for scale in _SCALES]
    return torch.stack(parts).sum(0)
