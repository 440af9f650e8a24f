"""A hierarchy of two groups of latents, every part a line: its posteriors are exact, and all that is asked has a closed form."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal

from vaekit.diagnosis import Examination, Sample, Subject
from vaekit.modalities import Plain
from vaekit.models import Latent, LatentVariableModel


class Line(nn.Module):
    """N(slopes . given, scale^2), dimension by dimension."""

    def __init__(self, scale: float, *slopes: float) -> None:
        super().__init__()
        self.slopes, self.scale = nn.Parameter(torch.tensor(slopes)), scale

    def forward(self, *given: Tensor) -> Distribution:
        loc = sum(slope * part for slope, part in zip(self.slopes, given, strict=True))
        return Independent(Normal(loc, torch.full_like(loc, self.scale)), 1)


class Seen(NamedTuple):
    """The data that posteriors are given."""

    x: Tensor
    context: tuple[Tensor, ...] = ()


class TwoGroups(LatentVariableModel):
    r"""z0 ~ N(0, 1), z1 ~ N(a z0, s^2), x ~ N(v z0 + w z1, sigma^2), and the exact q(z0 | x) and q(z1 | z0, x)."""

    def __init__(self, a: float, v: float, w: float, size: int = 3) -> None:
        super().__init__()
        s, sigma, self.size = 0.6, 0.5, size
        total, shared = (v + w * a) ** 2 + (w * s) ** 2 + sigma**2, v + w * a
        variance = 1 / (1 / s**2 + w**2 / sigma**2)
        of_z0, of_x = variance * (a / s**2 - w * v / sigma**2), variance * w / sigma**2
        self.prior = Line(s, a)
        self.posterior = nn.ModuleList(
            [Line((1 - shared**2 / total) ** 0.5, shared / total), Line(variance**0.5, of_z0, of_x)]
        )
        self.likelihood = Line(sigma, v, w)

    def infer(self, x: Tensor) -> Seen:
        return Seen(x)

    def draw(self, evidence: Seen, samples: int = 1) -> tuple[Latent, ...]:
        z0 = self.posterior[0](evidence.x).rsample((samples,))
        return self.latents_at(evidence, z0, self.posterior[1](z0, evidence.x).rsample())

    def latents_at(self, evidence: Seen, *z: Tensor) -> tuple[Latent, ...]:
        top = Independent(Normal(torch.zeros(self.size), 1.0), 1)
        first = Latent(z[0], self.posterior[0](evidence.x), top)
        return first, Latent(z[1], self.posterior[1](z[0], evidence.x), self.prior(z[0]))

    @property
    def first_prior(self) -> nn.Module:
        return nn.Identity()  # N(0, 1) has no weights

    def place_prior(self, prior: nn.Module) -> None:
        raise NotImplementedError

    def posteriors(self, x: Tensor) -> tuple[Distribution, ...]:
        q0 = self.posterior[0](x)
        return q0, self.posterior[1](q0.mean, x)

    def prior_sample(self, n: int, temperature: float = 1.0) -> tuple[Tensor, ...]:
        z0 = temperature * torch.randn(n, self.size)
        p1 = self.prior(z0)
        return z0, p1.mean + temperature * (p1.sample() - p1.mean)

    def decode(self, *z: Tensor, context: tuple[Tensor, ...] = ()) -> Distribution:
        return self.likelihood(*z)


def two_groups(a: float = 1.0, v: float = 0.5, w: float = 1.5) -> Examination:
    """Return the examination of such a model on its own data."""
    model = TwoGroups(a, v, w).eval()
    with torch.random.fork_rng():
        torch.manual_seed(2**20)  # not one that measurements draw from: their noise would be the data's
        train, test = (Sample(model.decode(*model.prior_sample(600)).sample()) for _ in range(2))
    return Examination(Subject(model, Plain(model), test, train))
