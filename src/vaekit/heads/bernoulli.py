"""The Bernoulli family: likelihoods of binary data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor

from vaekit import distributions
from vaekit.heads.family import Factorized
from vaekit.value import Size

__all__ = ["Bernoulli"]


class Bernoulli(Factorized):
    r""":math:`P(x = 1) = \sigma(\eta)`, in logit form. Grey data are no binary data: say how they become so.

    `binarize` says it: `none` (the data are binary already), `threshold` (at 1/2), `static` (one fixed draw, a grey
    level being the probability of a one) or `dynamic` (a new draw every time a datum is seen).

    References:
        Salakhutdinov and Murray, 2008, "On the quantitative analysis of deep belief networks" (binarisation by draws).

    Examples:
        >>> Bernoulli()({"logits": torch.zeros(1, 2)}, (2,)).log_prob(torch.tensor([[0.0, 1.0]])).exp()
        tensor([0.2500])
    """

    kind: Literal["bernoulli"] = "bernoulli"
    binarize: Literal["none", "threshold", "static", "dynamic"] = "none"
    """How grey data become binary."""

    support = "binary"

    def heads(self, event: Size) -> dict[str, Size]:
        """Return `logits`."""
        return {"logits": event}

    def check(self, x: Tensor) -> None:
        """Refuse anything but 0 and 1."""
        if ((x != 0) & (x != 1)).any():
            raise ValueError(
                "likelihood 'bernoulli' needs x in {0, 1} or likelihood.binarize=dynamic, but x has values between; "
                "use likelihood=continuous_bernoulli or likelihood=discretized_logistic for grey levels"
            )

    def binarized(self, unit: Tensor) -> Tensor:
        """Return binary data from grey data in [0, 1]; `static` is drawn once by the owner of the data.

        Args:
            unit: Grey levels in [0, 1], any shape.
        """
        match self.binarize:
            case "dynamic":
                return torch.bernoulli(unit)
            case "threshold":
                return (unit > 0.5).to(unit.dtype)
            case _:
                return unit

    def elements(self, raw: Mapping[str, Tensor], event: Size) -> distributions.Bernoulli:
        """Return the Bernoulli."""
        return distributions.Bernoulli(logits=distributions.single(raw["logits"]), validate_args=False)
