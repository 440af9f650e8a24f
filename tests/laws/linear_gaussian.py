"""Probabilistic PCA: the model whose evidence and exact posterior are known, and so the oracle of every bound."""

import math

import torch
from torch import nn
from torch.distributions import Independent, MultivariateNormal, Normal

from vaekit.heads import Conditional, Fixed, Gaussian, StandardNormal
from vaekit.models import VAE


class ExactPosterior(nn.Module):
    r""":math:`p(z | x)` for W with orthogonal columns, which is diagonal; `shift` and `stretch` make it wrong."""

    def __init__(self, loading, bias, sigma, shift=0.0, stretch=1.0):
        super().__init__()
        self.loading, self.bias, self.sigma, self.shift, self.stretch = loading, bias, sigma, shift, stretch
        self.event = loading.shape[1:]

    def forward(self, x):
        precision = 1 + self.loading.square().sum(0) / self.sigma**2
        loc = (x - self.bias) @ self.loading / self.sigma**2 / precision
        scale = self.stretch * precision.rsqrt().expand_as(loc)
        return Independent(Normal(loc + self.shift, scale), 1)


def linear_gaussian(dims=6, latent=3, sigma=0.5, **wrong):
    """Return a VAE with a linear decoder and the exact posterior, and its evidence as a distribution."""
    loading = torch.linalg.qr(torch.randn(dims, latent).double())[0] * torch.linspace(0.5, 2, latent).double()
    bias = torch.randn(dims).double()
    likelihood = Conditional(nn.Identity(), Gaussian(scale=Fixed(value=sigma)), given=(latent,), event=(dims,)).double()
    likelihood.heads["loc"].weight.data.copy_(loading)
    likelihood.heads["loc"].bias.data.copy_(bias)
    model = VAE(StandardNormal((latent,)).double(), ExactPosterior(loading, bias, sigma, **wrong), likelihood)
    return model, evidence(loading, bias, sigma**2)


def evidence(loading, bias, variance):
    """Return N(b, W W^T + s^2 I)."""
    covariance = loading @ loading.T + variance * torch.eye(len(loading), dtype=loading.dtype)
    return MultivariateNormal(bias, covariance)


def importance_bounds(log_weight, sizes):
    """Return, for each K, the bound averaged over groups of K of the same samples: K -> (N,)."""
    return {
        k: (log_weight.unflatten(0, (-1, k)).logsumexp(1) - math.log(k)).mean(0)
        for k in sizes
        if len(log_weight) % k == 0
    }


def standard_errors_above_zero(difference):
    """Return the mean of paired differences in units of its standard error."""
    return (difference.mean() / (difference.std() / math.sqrt(len(difference)))).item()
