"""Adversaries: nets that tell two distributions apart, and so estimate or narrow the distance between them."""

from __future__ import annotations

from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from vaekit.distributions import single

__all__ = ["Adversary", "accuracy", "called_held"]


class Adversary(nn.Module):
    r"""A discriminator :math:`D`, whose score is high for real samples, and the terms of the two players.

    Both terms go into one loss with one backward pass: in the generator's term the weights of :math:`D` are held still,
    in its own term the samples are. So neither player sees the gradient of the other.

    | loss     | `fool(fake)`                    | `judge(real, fake)`                                              |
    |----------|---------------------------------|------------------------------------------------------------------|
    | logistic | :math:`E[\zeta(-D(fake))]`      | :math:`\frac12 E[\zeta(-D(real))] + \frac12 E[\zeta(D(fake))]`   |
    | hinge    | :math:`-E[D(fake)]`             | :math:`\frac12 E[(1 - D(real))_+] + \frac12 E[(1 + D(fake))_+]`  |

    With the logistic loss a blind discriminator costs log 2, and the best one has
    :math:`D = \log p_{real} - \log p_{fake}`.

    References:
        Goodfellow et al., 2014, "Generative adversarial nets" (logistic, the non-saturating term of the generator);
        Lim and Ye, 2017, "Geometric GAN" (hinge).

    Args:
        net: Maps `(N, *event)` to scores, `(N, 1)` or a map of them.
        loss: Logistic or hinge.

    Examples:
        >>> import torch
        >>> adversary = Adversary(nn.Linear(2, 1))
        >>> adversary.fool(torch.zeros(5, 2)).shape
        torch.Size([])
    """

    def __init__(self, net: nn.Module, loss: Literal["logistic", "hinge"] = "logistic") -> None:
        super().__init__()
        self.net, self.loss = net, loss

    def forward(self, samples: Tensor) -> Tensor:
        """Return the scores of detached samples, in single precision or better: the weights alone get gradients."""
        return single(self.net(samples.detach()))

    def held(self, samples: Tensor) -> Tensor:
        """Return the scores with the weights held still: the samples alone get gradients."""
        return single(called_held(self.net, samples))

    def fool(self, fake: Tensor) -> Tensor:
        """Return the generator's term for its samples `(N, *event)`."""
        score = self.held(fake)
        return F.softplus(-score).mean() if self.loss == "logistic" else -score.mean()

    def judge(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return the adversary's own term for real and generated samples, each `(N, *event)`."""
        return self.cost(self(real), self(fake))

    def cost(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return the adversary's own term from its scores of real and generated samples."""
        penalty = F.softplus if self.loss == "logistic" else lambda margin: F.relu(1 + margin)
        return (penalty(-real).mean() + penalty(fake).mean()) / 2


def called_held(net: nn.Module, x: Tensor) -> Tensor:
    """Return what a net makes of x with its weights held still: x alone gets gradients."""
    return functional_call(net, {name: weight.detach() for name, weight in net.named_parameters()}, (x,))


def accuracy(real: Tensor, fake: Tensor) -> Tensor:
    """Return the share of scores on the right side of zero, 1/2 for a blind adversary."""
    return ((real > 0).float().mean() + (fake <= 0).float().mean()).detach() / 2
