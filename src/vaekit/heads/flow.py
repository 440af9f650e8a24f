"""Normalising flows as posteriors and as a likelihood: a Gaussian given the features, carried along by an invertible map."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Annotated, ClassVar, Literal, cast

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.distributions import Distribution
from torch.nn import functional as F

from vaekit.distributions import Transported
from vaekit.heads.conditional import conditional
from vaekit.heads.family import Measure, Support, refuse_non_finite
from vaekit.heads.features import Features, OnFeatures
from vaekit.heads.gaussian import Gaussian
from vaekit.heads.layers import Heads
from vaekit.heads.transforms import PlanarTransform, autoregressive, coupling
from vaekit.nets import Widths, linear_head
from vaekit.value import Size, Value

__all__ = ["IAF", "MAF", "Flow", "FlowConditional", "FlowLikelihood", "Planar", "RealNVP", "Spline"]

_SUMMARY = 64  # length of the linear summary of the features that a flow is conditioned on
_MARGIN = 1e-3  # by which [0, 1] is widened before its logits are taken, so that they stay within +-7


class Flow(Value, ABC):
    """A Gaussian posterior whose draws pass through invertible maps, given the datum; it begins as that Gaussian."""

    transforms: Annotated[int, Field(ge=1, le=100)] = 4
    """Number of invertible maps."""
    hidden: Widths = (128,)
    """Widths of the net inside each map."""

    support: ClassVar[Support] = "real"

    def latent_event(self, latent: int) -> Size:
        """Return the shape of one group of `latent` latent variables."""
        return (latent,)

    @abstractmethod
    def transform(self, size: int, context: int) -> nn.Module:
        """Return the module that maps a context `(*S, B, C)` to the map from the Gaussian to vectors of length `size`."""


class IAF(Flow):
    """Inverse autoregressive flow: quick to draw from; the density of foreign points takes a pass per dimension.

    References:
        Kingma, Salimans, Jozefowicz, Chen, Sutskever and Welling, 2016, "Improving variational inference with inverse
        autoregressive flow".
    """

    kind: Literal["iaf"] = "iaf"

    def transform(self, size: int, context: int) -> nn.Module:
        """Return autoregressive maps, forwards."""
        return autoregressive(size, context, self.transforms, self.hidden)


class MAF(Flow):
    """Masked autoregressive flow: its density is quick; a draw takes a pass per dimension, so prefer iaf or realnvp.

    References:
        Papamakarios, Pavlakou and Murray, 2017, "Masked autoregressive flow for density estimation".
    """

    kind: Literal["maf"] = "maf"

    def transform(self, size: int, context: int) -> nn.Module:
        """Return autoregressive maps, backwards."""
        return cast(nn.Module, autoregressive(size, context, self.transforms, self.hidden).inv)


class RealNVP(Flow):
    """Affine coupling maps: quick in both directions.

    References:
        Dinh, Sohl-Dickstein and Bengio, 2017, "Density estimation using Real NVP".
    """

    kind: Literal["realnvp"] = "realnvp"

    def transform(self, size: int, context: int) -> nn.Module:
        """Return affine coupling maps."""
        return coupling(size, context, self.transforms, self.hidden)


class Spline(Flow):
    """Coupling maps by rational-quadratic splines on [-5, 5]: flexible, several times slower than affine ones.

    References:
        Durkan, Bekasov, Murray and Papamakarios, 2019, "Neural spline flows".
    """

    kind: Literal["spline"] = "spline"

    def transform(self, size: int, context: int) -> nn.Module:
        """Return spline coupling maps."""
        return coupling(size, context, self.transforms, self.hidden, spline=True)


class Planar(Flow):
    """Planar flow: one bend along one direction per map; light, and weak in many dimensions.

    References:
        Rezende and Mohamed, 2015, "Variational inference with normalizing flows".
    """

    kind: Literal["planar"] = "planar"

    def transform(self, size: int, context: int) -> nn.Module:
        """Return planar maps whose parameters depend on the context."""
        return PlanarTransform(size, context, self.transforms, self.hidden)


class FlowLikelihood(Value):
    """An affine coupling flow of real data given the latents: a density in which pixels depend on each other.

    It can become as narrow as it likes: integer pixels would make it infinite, and need `dequantize=true`.

    References:
        Dinh, Sohl-Dickstein and Bengio, 2017, "Density estimation using Real NVP" (the logits of widened data).
    """

    kind: Literal["flow"] = "flow"
    transforms: Annotated[int, Field(ge=1, le=100)] = 4
    """Number of coupling maps, odd and even pixels in turn."""
    hidden: Widths = (256,)
    """Widths of the net inside each map."""
    space: Literal["unit", "real"] = "unit"
    """What the data are: in [0, 1], modelled on their logits; or any real numbers, in standardized units."""

    measure: ClassVar[Measure] = "lebesgue"

    @property
    def support(self) -> Support:
        """The interval [0, 1], or any real number."""
        return "unit" if self.space == "unit" else "real"

    def check(self, x: Tensor) -> None:
        """Refuse NaN and infinity, and values outside [0, 1] where they are modelled on their logits."""
        refuse_non_finite(x)
        if self.space == "unit" and (x.min() < 0 or x.max() > 1):
            raise ValueError(
                f"likelihood 'flow' needs values in [0, 1], but x lies in [{x.min():.4g}, {x.max():.4g}]; "
                "set likelihood.space=real, or rescale them"
            )


class FlowConditional(OnFeatures):
    """The conditional p(y | c) of a flow: net, Gaussian heads, and a map that depends on a linear summary of the features.

    Args:
        family: The description; that of a likelihood brings the units of its data.
        features: The net, with its context.
        transform: From a summary of length 64 to the map from the Gaussian to vectors of the event's length.
        event: The shape of one y.
    """

    def __init__(self, family: Flow | FlowLikelihood, features: Features, transform: nn.Module, event: Size) -> None:
        super().__init__(features, event)
        self.family, self.transform = family, transform
        self.units = _Units(self.event, family.space == "unit") if isinstance(family, FlowLikelihood) else None
        self.base = Gaussian()
        self.heads = Heads(self.base.heads(self.event), features.head, self.base.start())
        self.summary = linear_head(features.size, (_SUMMARY,))

    def forward(self, c: Tensor, *context: Tensor) -> Distribution:
        """Return the distribution given c, `(*S, B, *given)`."""
        features, batch = self.features(c, *context), self.features.batch(c)
        raw = {name: part.flatten(1).unflatten(0, batch) for name, part in self.heads(features).items()}
        summary = self.summary(features).to(raw["loc"].dtype).unflatten(0, batch)
        base = self.base(raw, (math.prod(self.event),))
        # The nets inside are small and their outputs are exponents: single precision.
        with torch.autocast(c.device.type, enabled=False):
            flow = Transported(base, self.transform(summary), self.event)
        return flow if self.units is None else Transported(flow, self.units, self.event)

    def initialize(self, x: Tensor, *_context: Tensor) -> None:
        """Take the units of y from some data, where y are data."""
        if self.units is not None:
            self.units.initialize(x)


class _Units(nn.Module):
    """The map from standardised vectors to data, or to data that are standardised on their logits."""

    loc: Tensor
    scale: Tensor

    def __init__(self, event: Size, logits: bool) -> None:
        super().__init__()
        self.event, self.logits = event, logits
        self.register_buffer("loc", torch.zeros(()))
        self.register_buffer("scale", torch.full((), 3.0 if logits else 1.0))

    def initialize(self, x: Tensor) -> None:
        units = _logits(x) if self.logits else x
        self.loc.copy_(units.mean())
        self.scale.copy_(units.std().clamp_min(1e-6))

    @property
    def inv(self) -> _ToUnits:
        return _ToUnits(self)

    def call_and_ladj(self, x: Tensor) -> tuple[Tensor, Tensor]:
        v = (x * self.scale + self.loc).flatten(-len(self.event))
        y = ((v.sigmoid() * (1 + 2 * _MARGIN)) - _MARGIN).clamp(0, 1) if self.logits else v
        return y, self.ladj(v)

    def ladj(self, v: Tensor) -> Tensor:
        per_element = self.scale.log().expand_as(v)
        if self.logits:
            per_element = per_element + F.logsigmoid(v) + F.logsigmoid(-v) + math.log1p(2 * _MARGIN)
        return per_element.sum(-1)


class _ToUnits:
    def __init__(self, inv: _Units) -> None:
        self.inv = inv

    def call_and_ladj(self, y: Tensor) -> tuple[Tensor, Tensor]:
        v = _logits(y) if self.inv.logits else y
        x = (v - self.inv.loc) / self.inv.scale
        return x.unflatten(-1, self.inv.event), -self.inv.ladj(v)


def _logits(x: Tensor) -> Tensor:
    return torch.logit((x + _MARGIN) / (1 + 2 * _MARGIN))


@conditional.register
def _(description: Flow, net: nn.Module, *, given: Size, event: Size, context: int = 0) -> nn.Module:
    transform = description.transform(math.prod(event), _SUMMARY)
    return FlowConditional(description, Features(net, given, context), transform, event)


@conditional.register
def _(description: FlowLikelihood, net: nn.Module, *, given: Size, event: Size, context: int = 0) -> nn.Module:
    transform = coupling(math.prod(event), _SUMMARY, description.transforms, description.hidden)
    return FlowConditional(description, Features(net, given, context), transform, event)
