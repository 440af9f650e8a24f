"""The families of counts: likelihoods of the integers from 0 on."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor

from vaekit import distributions
from vaekit.heads.family import Factorized, refuse_non_finite
from vaekit.value import Size

__all__ = ["NegativeBinomial", "Poisson", "ZeroInflated"]

_LARGEST = 20.0  # log of the largest mean, 5e8: beyond it counts are no exact floats, and draws overflow
_CONCENTRATION = (-10.0, 15.0)


class _Counts(Factorized, ABC):
    """A family of integers from 0 on."""

    kind: str
    """Its name."""

    support = "counts"

    def check(self, x: Tensor) -> None:
        """Refuse anything but integers from 0 on."""
        refuse_non_finite(x)
        if (x != x.round()).any() or x.min() < 0:
            raise ValueError(
                f"likelihood '{self.kind}' needs counts, integers from 0 on, but x lies in "
                f"[{x.min():.4g}, {x.max():.4g}] or has values between them; use likelihood=gaussian for real values"
            )


class Poisson(_Counts):
    r""":math:`P(x) = \lambda^x e^{-\lambda} / x!`: events that happen on their own; the head is :math:`\log \lambda`.

    References:
        Poisson, 1837, "Recherches sur la probabilite des jugements".

    Examples:
        >>> import torch
        >>> Poisson()({"log_mean": torch.zeros(1, 2)}, (2,)).log_prob(torch.tensor([[0.0, 1.0]]))
        tensor([-2.])
    """

    kind: Literal["poisson"] = "poisson"

    def heads(self, event: Size) -> dict[str, Size]:
        """Return `log_mean`."""
        return {"log_mean": event}

    def elements(self, raw: Mapping[str, Tensor], event: Size) -> distributions.Poisson:
        """Return the Poisson."""
        return distributions.Poisson(distributions.single(raw["log_mean"]).clamp_max(_LARGEST), validate_args=False)


class NegativeBinomial(_Counts):
    r"""Counts that vary more than a Poisson's: mean :math:`\mu`, variance :math:`\mu + \mu^2 / r`, both given by the network.

    References:
        Lopez, Regier, Cole, Jordan and Yosef, 2018, "Deep generative modeling for single-cell transcriptomics".

    Examples:
        >>> import torch
        >>> raw = {"log_mean": torch.zeros(1, 2), "log_concentration": torch.zeros(1, 2)}
        >>> NegativeBinomial()(raw, (2,)).variance
        tensor([[2., 2.]])
    """

    kind: Literal["negative_binomial"] = "negative_binomial"

    def heads(self, event: Size) -> dict[str, Size]:
        """Return `log_mean` and `log_concentration`."""
        return {"log_mean": event, "log_concentration": event}

    def start(self) -> dict[str, float]:
        """Begin at r = 1."""
        return {"log_concentration": 0.0}

    def elements(self, raw: Mapping[str, Tensor], event: Size) -> distributions.NegativeBinomial:
        """Return the negative binomial."""
        mean, concentration = distributions.single(raw["log_mean"]), distributions.single(raw["log_concentration"])
        return distributions.NegativeBinomial(
            mean.clamp_max(_LARGEST), concentration.clamp(*_CONCENTRATION), validate_args=False
        )


class ZeroInflated(_Counts):
    r"""A zero with a probability that the network gives, on top of those of another family of counts.

    References:
        Lambert, 1992, "Zero-inflated Poisson regression, with an application to defects in manufacturing".

    Examples:
        >>> sorted(ZeroInflated(of=Poisson()).heads((2,)))
        ['log_mean', 'logits']
    """

    kind: Literal["zero_inflated"] = "zero_inflated"
    of: Annotated[Poisson | NegativeBinomial, Field(discriminator="kind")] = NegativeBinomial()
    """Family of the other counts: poisson or negative_binomial."""

    def heads(self, event: Size) -> dict[str, Size]:
        """Return `logits` of an added zero, and the heads of the other counts."""
        return {"logits": event, **self.of.heads(event)}

    def start(self) -> dict[str, float]:
        """Begin as the other family does."""
        return self.of.start()

    def elements(self, raw: Mapping[str, Tensor], event: Size) -> distributions.ZeroInflated:
        """Return the zero-inflated distribution."""
        return distributions.ZeroInflated(
            self.of.elements(raw, event), distributions.single(raw["logits"]), validate_args=False
        )
