"""Posteriors in hyperbolic space, for data that branch like a tree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor

from vaekit.distributions import WrappedNormal, exponential
from vaekit.heads.location_scale import LocationScale
from vaekit.heads.scale import Exp, Scale
from vaekit.value import Size

__all__ = ["Poincare"]

_FARTHEST = 6.0


class Poincare(LocationScale):
    r"""The wrapped normal on the Poincare ball; see `vaekit.distributions.WrappedNormal`, whose measure it shares.

    Its center lies at the hyperbolic distance :math:`6 \tanh(\lVert raw \rVert / 6)` from the origin, in the direction of
    the raw output: single precision resolves points up to a distance of 15. Meant for few dimensions, 2 to 32.

    References:
        Nagano, Yamaguchi, Fujita and Koyama, 2019, "A wrapped normal distribution on hyperbolic space for gradient-based
        learning".

    Examples:
        >>> q = Poincare()({"loc": torch.tensor([99.0, 0.0]), "scale": torch.zeros(2)}, (2,))
        >>> q.loc
        tensor([0.9951, 0.0000])
    """

    kind: Literal["poincare"] = "poincare"
    scale: Scale = Exp(bounds=(-10.0, 1.0))
    """Parameterisation of the standard deviation, in units of hyperbolic length."""

    support = "ball"

    def check(self, x: Tensor) -> None:
        """Refuse points outside the ball."""
        if not (torch.linalg.vector_norm(x, dim=-1) < 1).all():
            raise ValueError("points in the Poincare ball must have a norm below 1; rescale them")

    def __call__(self, raw: Mapping[str, Tensor], event: Size) -> WrappedNormal:
        """Return the wrapped normal."""
        loc, sigma = self.parts(raw)
        length = loc.square().sum(-1, keepdim=True).clamp_min(1e-20).sqrt()
        tangent = loc / length * _FARTHEST * (length / _FARTHEST).tanh()
        return WrappedNormal(exponential(tangent), sigma, validate_args=False)
