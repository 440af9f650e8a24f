"""The Laplace family: posteriors with a sharp peak, and likelihoods of real data with outliers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from torch import Tensor, distributions

from vaekit.heads.family import Factorized
from vaekit.heads.location_scale import LocationScale
from vaekit.heads.scale import Exp, Scale
from vaekit.value import Size

__all__ = ["Laplace"]


class Laplace(Factorized, LocationScale):
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

    def elements(self, raw: Mapping[str, Tensor], event: Size) -> distributions.Laplace:
        """Return the Laplace distribution."""
        return distributions.Laplace(*self.parts(raw), validate_args=False)
