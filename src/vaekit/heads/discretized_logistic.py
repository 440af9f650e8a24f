"""The discretised logistic family: likelihoods of integer levels, 8-bit pixels above all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from torch import Tensor

from vaekit import distributions
from vaekit.heads.family import Factorized, Leveled
from vaekit.heads.location_scale import LocationScale
from vaekit.heads.scale import Exp, Scale
from vaekit.value import Size

__all__ = ["DiscretizedLogistic"]


class DiscretizedLogistic(Factorized, Leveled, LocationScale):
    r"""A logistic density gathered on levels 0 .. L - 1; see `vaekit.distributions.DiscretizedLogistic`.

    The network works in units where the levels span [-1, 1]; the density is evaluated in level units, where single
    precision keeps its mass. Bounds of (-14, 2) on :math:`2 \log s` mean a log-scale in [-7, 1].

    References:
        Kingma, Salimans, Jozefowicz, Chen, Sutskever and Welling, 2016, "Improving variational inference with inverse
        autoregressive flow".

    Examples:
        >>> import torch
        >>> raw = {"loc": torch.zeros(1, 2), "scale": torch.zeros(1, 2)}
        >>> point = DiscretizedLogistic(levels=256)(raw, (2,)).base_dist
        >>> point.loc, point.scale[0, 0].item()
        (tensor([[127.5000, 127.5000]]), 127.5)
    """

    kind: Literal["discretized_logistic"] = "discretized_logistic"
    scale: Scale = Exp(bounds=(-14.0, 2.0))
    """Parameterisation of the logistic's scale s, in units of half the range of levels."""

    def elements(self, raw: Mapping[str, Tensor], event: Size) -> distributions.DiscretizedLogistic:
        """Return the discretised logistic."""
        half = (self.levels - 1) / 2
        loc, scale = self.parts(raw)
        return distributions.DiscretizedLogistic((loc + 1) * half, scale * half, self.levels, validate_args=False)
