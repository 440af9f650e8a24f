r"""How a standard deviation comes out of a network: one small value per parameterisation.

Every location-scale family takes any of them, in posterior and likelihood alike. `raw` is the network's output;
`start` is the raw value at which :math:`\sigma = 1`, so that every parameterisation begins at the same distribution.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Annotated, ClassVar, Literal, TypeAlias

import torch
import torch.nn.functional as F
from pydantic import AfterValidator, Field
from torch import Tensor, nn

from vaekit.value import Value

__all__ = ["AnyScale", "Exp", "Fixed", "Optimal", "Scale", "Shared", "Softplus", "Spread"]


def _in_order(bounds: tuple[float, float]) -> tuple[float, float]:
    if not bounds[0] < bounds[1]:
        raise ValueError(f"bounds must be (low, high) with low < high, got {bounds}")
    return bounds


Bounds: TypeAlias = Annotated[tuple[float, float], AfterValidator(_in_order)]


class _Parameterisation(Value, ABC):
    """A map from a raw output to a standard deviation."""

    source: ClassVar[Literal["head", "shared", "constant"]] = "head"
    """Where the raw value comes from: the network, one weight for all data, or nowhere."""

    @abstractmethod
    def start(self) -> float:
        """Return the raw value at which the standard deviation is 1."""

    @abstractmethod
    def sigma(self, raw: Tensor) -> Tensor:
        """Return the standard deviation, positive, in the shape of `raw`."""

    def weight(self) -> Tensor:
        """Return the raw value at the start as a weight, for a source that is shared by all data."""
        return torch.tensor(self.start())


class _LogVariance(_Parameterisation):
    """A clamped log-variance, wherever it comes from."""

    bounds: Bounds = (-10.0, 10.0)
    """Smallest and largest log-variance."""

    def start(self) -> float:
        """Return log 1 = 0, or the bound next to it: beyond a bound the clamp would pass no gradient, for ever."""
        return min(max(0.0, self.bounds[0]), self.bounds[1])

    def sigma(self, raw: Tensor) -> Tensor:
        """Return the standard deviation."""
        return torch.exp(raw.clamp(*self.bounds) / 2)


class Exp(_LogVariance):
    r""":math:`\sigma = \exp(\mathrm{clamp}(\log \sigma^2) / 2)`: the network's output is a log-variance.

    The clamp keeps single precision finite; a decoder needs a lower ceiling than a posterior (`bounds=(-10, 2)`).

    Examples:
        >>> Exp().sigma(torch.tensor([0.0, 100.0]))
        tensor([  1.0000, 148.4132])
    """

    kind: Literal["exp"] = "exp"


class Softplus(_Parameterisation):
    r""":math:`\mathrm{floor} + \log(1 + e^{\beta\,raw}) / \beta`, of the standard deviation or of the variance.

    It grows linearly, so that a bad step cannot explode it. `beta = log 2` gives :math:`\sigma(0) = 1`; a positive
    `floor` is the learned minimum: the scale is learned, but never below it.

    References:
        Hazami, Mama and Thurairatnam, 2022, "Efficient-VDVAE: less is more" (beta = log 2).

    Examples:
        >>> Softplus(beta=math.log(2)).sigma(torch.tensor(0.0))
        tensor(1.)
    """

    kind: Literal["softplus"] = "softplus"
    beta: Annotated[float, Field(gt=0)] = 1.0
    """Sharpness of the softplus."""
    floor: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Learned minimum: the smallest value allowed."""
    of: Literal["sigma", "variance"] = "sigma"
    """What the softplus gives."""

    def start(self) -> float:
        """Return the raw value at which the standard deviation is 1."""
        # The inverse of the softplus at y = 1 - floor, log(e^(beta y) - 1) / beta, in a form that cannot overflow.
        y = 1 - self.floor
        return y + math.log(-math.expm1(-self.beta * y)) / self.beta

    def sigma(self, raw: Tensor) -> Tensor:
        """Return the standard deviation."""
        # softplus underflows to 0 far to the left, where a density would be infinite.
        value = self.floor + F.softplus(raw, beta=self.beta).clamp_min(1e-6)
        return value if self.of == "sigma" else value.sqrt()


class Fixed(_Parameterisation):
    """A constant standard deviation.

    Examples:
        >>> Fixed(value=0.1).sigma(torch.zeros(2))
        tensor([0.1000, 0.1000])
    """

    kind: Literal["fixed"] = "fixed"
    value: Annotated[float, Field(gt=0)] = 1.0
    """The standard deviation, in units of the data."""

    source = "constant"

    def start(self) -> float:
        """Return 0: nothing is learned."""
        return 0.0

    def sigma(self, raw: Tensor) -> Tensor:
        """Return the constant in the shape of `raw`."""
        return torch.full_like(raw, self.value)


class Shared(_LogVariance):
    r"""One learned standard deviation for all data and dimensions, as a clamped log-variance.

    References:
        Rybkin, Daniilidis and Levine, 2021, "Simple and effective VAE training with calibrated decoders" (sigma-VAE).

    Examples:
        >>> Shared().sigma(torch.zeros(()))
        tensor(1.)
    """

    kind: Literal["shared"] = "shared"
    bounds: Bounds = (-10.0, 2.0)
    """Smallest and largest log-variance."""

    source = "shared"


class Optimal(_LogVariance):
    r"""One standard deviation for all data, set in closed form at every training step, and used as it is in evaluation.

    .. math:: \sigma^2 = \frac{1}{D} \lVert x - \mu \rVert^2, \qquad
        \min_\sigma -\log \mathcal{N}(x; \mu, \sigma^2) = \tfrac{D}{2} \log \sigma^2 + \mathrm{const},

    the mean over batch and dimensions. It is held still in the gradient, which is that of the minimum all the same (the
    envelope theorem). The log-variance is a state: saved with the weights, averaged like them, learned by no optimiser.

    References:
        Rybkin, Daniilidis and Levine, 2021, "Simple and effective VAE training with calibrated decoders" (optimal
        sigma-VAE).

    Examples:
        >>> Optimal().weight()
        Parameter containing:
        tensor(0.)
    """

    kind: Literal["optimal"] = "optimal"
    bounds: Bounds = (-14.0, 14.0)
    """Smallest and largest log-variance."""

    source = "shared"

    def weight(self) -> nn.Parameter:
        """Return the log-variance at the start, as a state without a gradient."""
        return nn.Parameter(torch.tensor(self.start()), requires_grad=False)


Spread: TypeAlias = Annotated[Exp | Softplus, Field(discriminator="kind")]
"""A scale that the network gives for each datum and dimension."""

Scale: TypeAlias = Annotated[Exp | Softplus | Fixed | Shared, Field(discriminator="kind")]

AnyScale: TypeAlias = Annotated[Exp | Softplus | Fixed | Shared | Optimal, Field(discriminator="kind")]
"""With the scale that has a closed form, which only the Gaussian's likelihood has."""
