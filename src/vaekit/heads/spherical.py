"""Posteriors on the unit sphere: directions instead of points."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from vaekit import distributions
from vaekit.heads.family import Family, vector_length
from vaekit.value import Size

__all__ = ["PowerSpherical", "VonMisesFisher"]

_START = 0.5413248546129181
_CONCENTRATIONS = (1e-3, 1e4)


class _OnSphere(Family, ABC):
    """A family of a pole and one concentration; to add one, write its `__call__`."""

    kind: str
    """Its name."""

    support = "sphere"

    def latent_event(self, latent: int) -> Size:
        """Return `(latent,)`, the space around the sphere."""
        if latent < 2:
            raise ValueError(f"posterior={self.kind} lives on the unit sphere in R^latent; use latent=2 or more")
        return (latent,)

    def heads(self, event: Size) -> dict[str, Size]:
        """Return `loc` and one `concentration`."""
        return {"loc": (vector_length(event, self.kind),), "concentration": (1,)}

    def start(self) -> dict[str, float]:
        """Begin where the softplus is 1."""
        return {"concentration": _START}

    def check(self, x: Tensor) -> None:
        """Refuse what is no unit vector."""
        if not ((torch.linalg.vector_norm(x, dim=-1) - 1).abs() < 1e-3).all():
            raise ValueError("points on the unit sphere must have norm 1; normalize them")

    def parts(self, raw: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Return pole and concentration, in single precision or better."""
        loc = F.normalize(distributions.single(raw["loc"]), dim=-1, eps=1e-6)
        concentration = loc.shape[-1] * F.softplus(distributions.single(raw["concentration"]).squeeze(-1))
        return loc, concentration.clamp(*_CONCENTRATIONS)


class VonMisesFisher(_OnSphere):
    r"""The von Mises-Fisher family on the sphere in R^d, with :math:`\kappa = d \log(1 + e^{raw})` within [1e-3, 1e4].

    In units of d the concentration means the same in every dimension: at the start, :math:`\kappa = d`, the mean cosine to
    the pole is about 0.6. See `vaekit.distributions.VonMisesFisher`.

    References:
        Davidson, Falorsi, De Cao, Kipf and Tomczak, 2018, "Hyperspherical variational auto-encoders".

    Examples:
        >>> raw = {"loc": torch.tensor([3.0, 4.0]), "concentration": torch.zeros(1)}
        >>> VonMisesFisher()(raw, (2,)).loc
        tensor([0.6000, 0.8000])
    """

    kind: Literal["vmf"] = "vmf"

    def __call__(self, raw: Mapping[str, Tensor], event: Size) -> distributions.VonMisesFisher:
        """Return the distribution."""
        return distributions.VonMisesFisher(*self.parts(raw), validate_args=False)


class PowerSpherical(_OnSphere):
    r"""The power spherical family on the sphere in R^d, with :math:`\kappa = d \log(1 + e^{raw})` within [1e-3, 1e4].

    Quicker to draw from than a von Mises-Fisher, with heavier tails. See `vaekit.distributions.PowerSpherical`.

    References:
        De Cao and Aziz, 2020, "The power spherical distribution".

    Examples:
        >>> raw = {"loc": torch.tensor([3.0, 4.0]), "concentration": torch.zeros(1)}
        >>> PowerSpherical()(raw, (2,)).loc
        tensor([0.6000, 0.8000])
    """

    kind: Literal["power_spherical"] = "power_spherical"

    def __call__(self, raw: Mapping[str, Tensor], event: Size) -> distributions.PowerSpherical:
        """Return the distribution."""
        return distributions.PowerSpherical(*self.parts(raw), validate_args=False)
