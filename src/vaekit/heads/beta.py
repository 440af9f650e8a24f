"""The Beta family: likelihoods of data strictly between 0 and 1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor

from vaekit import distributions
from vaekit.heads.family import Factorized, refuse_non_finite
from vaekit.value import Size

__all__ = ["Beta"]

_BOUNDS = (-5.0, 8.0)


class Beta(Factorized):
    r""":math:`p(x) \propto x^{a - 1} (1 - x)^{b - 1}`; the heads are :math:`\log a` and :math:`\log b`, held in [-5, 8].

    Its density has poles or zeros at 0 and 1, hence the open interval.

    References:
        Ma and Leijon, 2011, "Bayesian estimation of beta mixture models with variational inference".

    Examples:
        >>> Beta()({"a": torch.zeros(1, 2), "b": torch.zeros(1, 2)}, (2,)).mean
        tensor([[0.5000, 0.5000]])
    """

    kind: Literal["beta"] = "beta"

    support = "open_unit"

    def heads(self, event: Size) -> dict[str, Size]:
        """Return `a` and `b`, the logarithms of the concentrations."""
        return {"a": event, "b": event}

    def check(self, x: Tensor) -> None:
        """Refuse values outside (0, 1)."""
        refuse_non_finite(x)
        if x.min() <= 0 or x.max() >= 1:
            raise ValueError(
                f"likelihood 'beta' needs x strictly between 0 and 1, but x lies in [{x.min():.4g}, {x.max():.4g}]; set "
                "dequantize=true for integer pixels, or use likelihood=continuous_bernoulli for real ones in [0, 1]"
            )

    def elements(self, raw: Mapping[str, Tensor], event: Size) -> distributions.Beta:
        """Return the Beta."""
        a, b = (torch.exp(distributions.single(raw[name]).clamp(*_BOUNDS)) for name in ("a", "b"))
        return distributions.Beta(a, b, validate_args=False)
