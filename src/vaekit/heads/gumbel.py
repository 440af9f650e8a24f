"""Posteriors of categorical latents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor
from torch.distributions import Independent

from vaekit.distributions import StraightThrough, single
from vaekit.heads.family import Family
from vaekit.value import Size

__all__ = ["Gumbel"]


class Gumbel(Family):
    """One categorical per latent variable; draws are one-hot, their gradient is that of a Gumbel-softmax.

    See `vaekit.distributions.StraightThrough`. The rate is that of the categoricals, hence the bound an honest one.

    References:
        Jang, Gu and Poole, 2017, "Categorical reparameterization with Gumbel-softmax".

    Examples:
        >>> import torch
        >>> Gumbel(classes=3)({"logits": torch.zeros(5, 2, 3)}, (2, 3)).rsample().sum(-1)[0]
        tensor([1., 1.])
    """

    kind: Literal["gumbel"] = "gumbel"
    classes: Annotated[int, Field(ge=2)] = 10
    """Number of classes of each latent variable."""
    tau: Annotated[float, Field(gt=0)] = 1.0
    """Temperature of the relaxation that gives the gradient: lower is less biased and noisier."""

    support = "one_hot"

    def latent_event(self, latent: int) -> Size:
        """Return `(latent, classes)`."""
        return (latent, self.classes)

    def heads(self, event: Size) -> dict[str, Size]:
        """Return `logits`."""
        return {"logits": event}

    def check(self, x: Tensor) -> None:
        """Refuse what is not one-hot."""
        if not (((x == 0) | (x == 1)).all() and (x.sum(-1) == 1).all()):
            raise ValueError("categorical latents must be one-hot vectors; use torch.nn.functional.one_hot")

    def __call__(self, raw: Mapping[str, Tensor], event: Size) -> Independent:
        """Return the categoricals."""
        base = StraightThrough(single(raw["logits"]), self.tau, validate_args=False)
        return Independent(base, len(event) - 1, validate_args=False)
