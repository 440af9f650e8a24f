r"""A toy hierarchy of two groups whose evidence is known: the oracle of everything that takes several groups of latents.

    z1 ~ N(0, I),   z2 | z1 ~ N(A z1 + a, s^2),   x | z1, z2 ~ N(C z1 + B z2 + b, r^2)

All its parts are affine maps with Gaussian noise, q(z1 | x) and q(z2 | z1, x) too, so that it can be trained from a random start
and its evidence stays known. `hierarchy` builds one, `evidence` gives p(x) of the weights as they are.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.distributions import Independent, MultivariateNormal, Normal

from vaekit.distributions import draw_prior, point, temper
from vaekit.heads import StandardNormal
from vaekit.models import Latent, LatentVariableModel


class Affine(nn.Module):
    """p(y | c) = N(W c + w, diag s^2); several tensors stand side by side in c."""

    def __init__(self, given, event):
        super().__init__()
        self.linear, self.log_scale = nn.Linear(given, event), nn.Parameter(torch.zeros(event))
        self.event = (event,)

    def forward(self, *given):
        lead = torch.broadcast_shapes(*(part.shape[:-1] for part in given))
        loc = self.linear(torch.cat([part.expand(*lead, part.shape[-1]) for part in given], -1))
        return Independent(Normal(loc, self.log_scale.exp().expand_as(loc), validate_args=False), 1)

    @torch.no_grad()
    def become(self, weight, bias, scale):
        self.linear.weight.copy_(weight)
        self.linear.bias.copy_(bias)
        self.log_scale.copy_(torch.as_tensor(scale).log().expand_as(self.log_scale))


class Prior(nn.Module):
    """p(z1), and p(z2 | z1) in `below`."""

    def __init__(self, first, second):
        super().__init__()
        self.top, self.below = StandardNormal((first,)), Affine(first, second)

    def forward(self):
        return self.top()


class Posterior(nn.Module):
    """q(z1 | x), and q(z2 | z1, x) in `below`; `event` is the shape of all latents side by side."""

    def __init__(self, dims, first, second):
        super().__init__()
        self.top, self.below, self.event = Affine(dims, first), Affine(first + dims, second), (first + second,)

    def forward(self, x):
        return self.top(x)


class Evidence(NamedTuple):
    """The data themselves: all that the posteriors are given."""

    x: Tensor
    context: tuple[Tensor, ...] = ()


class Hierarchy(LatentVariableModel):
    """Two groups of latents."""

    def __init__(self, prior, posterior, likelihood):
        super().__init__()
        self.prior, self.posterior, self.likelihood = prior, posterior, likelihood

    def infer(self, x):
        return Evidence(x)

    def draw(self, evidence, samples=1):
        z1 = self.posterior(evidence.x).rsample((samples,))
        return self.latents_at(evidence, z1, self.posterior.below(z1, evidence.x).rsample())

    def latents_at(self, evidence, z1, z2):
        first = Latent(z1, self.posterior(evidence.x), self.prior())
        return first, Latent(z2, self.posterior.below(z1, evidence.x), self.prior.below(z1))

    def posteriors(self, x):
        q = self.posterior(x)
        return q, self.posterior.below(point(q), x)

    def prior_sample(self, n, *, temperature=1.0):
        def drawn(p):
            if temperature == 0:
                return point(p).expand(n, *p.event_shape)
            return draw_prior(temper(p, temperature), n)

        z1 = drawn(self.prior())
        return z1, drawn(self.prior.below(z1))

    @property
    def first_prior(self):
        return self.prior.top

    def place_prior(self, prior):
        self.prior.top = prior

    def decode(self, *z, context=()):
        return self.likelihood(*z)


def hierarchy(dims=6, latents=(2, 3), *, trained=True, shift=0.0, stretch=1.0):
    """Return the model in double precision.

    Args:
        dims: Length of a datum, at least that of all latents.
        latents: Length of z1 and of z2.
        trained: At the exact posteriors; False starts all weights at random.
        shift: Added to the means of both posteriors, which makes them wrong.
        stretch: Factor of their deviations, the same.
    """
    first, second = latents
    model = Hierarchy(Prior(first, second), Posterior(dims, first, second), Affine(first + second, dims)).double()
    if not trained:
        return model
    s, r = 0.8, 0.5
    loading, basis = (
        0.4 * torch.randn(second, first).double(),
        torch.linalg.qr(torch.randn(dims, first + second).double())[0],
    )
    # z1 reaches x in other directions than z2, all of them orthogonal: so both posteriors have independent dimensions.
    b = basis[:, first:] * torch.linspace(1, 2, second).double()
    direct = basis[:, :first] * torch.linspace(0.7, 1.5, first).double()
    c, offset, bias = direct - b @ loading, torch.randn(second).double(), torch.randn(dims).double()
    model.prior.below.become(loading, offset, s)
    model.likelihood.become(torch.cat([c, b], 1), bias, r)
    top = 1 + direct.square().sum(0) / r**2
    gain = direct.T / r**2 / top.unsqueeze(1)
    model.posterior.top.become(gain, shift - gain @ (bias + b @ offset), stretch * top.rsqrt())
    below = 1 / s**2 + b.square().sum(0) / r**2
    weight = torch.cat([loading / s**2 - b.T @ c / r**2, b.T / r**2], 1) / below.unsqueeze(1)
    constant = (offset / s**2 - b.T @ bias / r**2) / below
    model.posterior.below.become(weight, constant + shift, stretch * below.rsqrt())
    return model


@torch.no_grad()
def evidence(model):
    """Return p(x) of the weights as they are."""
    below, likelihood = model.prior.below, model.likelihood
    c, b = likelihood.linear.weight.split([below.linear.in_features, below.linear.out_features], 1)
    direct = c + b @ below.linear.weight
    noise = likelihood.log_scale.exp().square().diag() + b * below.log_scale.exp().square() @ b.T
    return MultivariateNormal(likelihood.linear.bias + b @ below.linear.bias, direct @ direct.T + noise)
