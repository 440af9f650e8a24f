"""The Laplace family: posteriors with a sharp peak, and likelihoods of real data with outliers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from torch import Tensor
from torch.distributions import Independent, Laplace as LaplaceDistribution

from vaekit.heads.family import Support
from vaekit.heads.location_scale import LocationScale
from vaekit.heads.scale import Exp, Scale
from vaekit.value import Size

__all__ = ["Laplace"]


class Laplace(LocationScale):
    r""":math:`p(x) = \frac{1}{2b} e^{-|x - \mu| / b}`: its distortion is the absolute error, its deviation :math:`\sqrt{2}\, b`.

    References:
        Laplace, 1774, "Memoire sur la probabilite des causes par les evenements".

    Examples:
        >>> import torch
        >>> Laplace()({"loc": torch.zeros(1, 2), "scale": torch.zeros(1, 2)}, (2,)).log_prob(torch.zeros(1, 2)).exp()
        tensor([0.2500])
    """

    kind: Literal["laplace"] = "laplace"
    scale: Scale = Exp()
    """Parameterisation of b: exp, softplus, fixed or shared."""

    support: ClassVar[Support] = "real"

    def __call__(self, raw: Mapping[str, Tensor], event: Size) -> Independent:
        """Return the Laplace distribution."""
        base = LaplaceDistribution(*self.parts(raw), validate_args=False)
        return Independent(base, len(event), validate_args=False)
