"""The continuous Bernoulli family: likelihoods of data in [0, 1]."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from torch import Tensor

from vaekit import distributions
from vaekit.heads.family import Factorized, refuse_non_finite
from vaekit.value import Size

__all__ = ["ContinuousBernoulli"]


class ContinuousBernoulli(Factorized):
    """Binary cross-entropy made a density on [0, 1] by its normaliser; see `vaekit.distributions.ContinuousBernoulli`.

    References:
        Loaiza-Ganem and Cunningham, 2019, "The continuous Bernoulli: fixing a pervasive error in variational autoencoders".

    Examples:
        >>> import torch
        >>> ContinuousBernoulli()({"logits": torch.zeros(1, 2)}, (2,)).log_prob(torch.rand(1, 2))
        tensor([0.])
    """

    kind: Literal["continuous_bernoulli"] = "continuous_bernoulli"

    support = "unit"

    def heads(self, event: Size) -> dict[str, Size]:
        """Return `logits`."""
        return {"logits": event}

    def check(self, x: Tensor) -> None:
        """Refuse values outside [0, 1]."""
        refuse_non_finite(x)
        if x.min() < 0 or x.max() > 1:
            raise ValueError(
                f"likelihood 'continuous_bernoulli' needs x in [0, 1], but x lies in [{x.min():.4g}, {x.max():.4g}]; "
                "rescale the data or use likelihood=gaussian"
            )

    def elements(self, raw: Mapping[str, Tensor], event: Size) -> distributions.ContinuousBernoulli:
        """Return the continuous Bernoulli."""
        return distributions.ContinuousBernoulli(distributions.single(raw["logits"]), validate_args=False)
