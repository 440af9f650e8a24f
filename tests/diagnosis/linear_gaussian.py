"""A composition of one line per part, in which every quantity of the doctor's has a closed form."""

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal

from vaekit import VAE
from vaekit.diagnosis import Examination, Sample, Subject
from vaekit.modalities import Plain


class Line(nn.Module):
    """N(a * given, scale^2), dimension by dimension."""

    def __init__(self, slope: Tensor, scale: Tensor) -> None:
        super().__init__()
        self.slope, self.scale = nn.Parameter(slope), scale

    def forward(self, given: Tensor) -> Distribution:
        return Independent(Normal(self.slope * given, self.scale.expand(given.shape)), 1)


class Unit(nn.Module):
    """N(0, I)."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self) -> Distribution:
        return Independent(Normal(torch.zeros(self.size), 1.0), 1)


def linear_gaussian(weight: Tensor, sigma: float, beta: float = 1.0, count: int = 1000) -> Examination:
    r"""Return x = w z + sigma e with the best posterior at a weight beta of the rate.

    Dimension by dimension its variance is s^2 = 1 / (1 + w^2 / (beta sigma^2)) and its mean w s^2 x / (beta sigma^2).
    """
    seed = torch.Generator().manual_seed(2**20)  # not one that measurements draw from: their noise would be the data's
    z, noise = torch.randn(2, count, len(weight), generator=seed)
    variance = 1 / (1 + weight**2 / (beta * sigma**2))
    posterior = Line(weight * variance / (beta * sigma**2), variance.sqrt())
    model = VAE(Unit(len(weight)), posterior, Line(weight, torch.tensor(sigma))).eval()
    return Examination(Subject(model, Plain(model), Sample(weight * z + sigma * noise)), deep=True)
