"""The invertible maps of flows as modules: weights in, `context -> Bijection` out; through zuko where zuko has them."""

from __future__ import annotations

import functools
import importlib
import threading
from types import ModuleType
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from vaekit.distributions import Planar
from vaekit.value import Size

__all__ = ["PlanarTransform", "autoregressive", "coupling"]

_BINS = 8  # of a spline
_IMPORT = threading.Lock()


def autoregressive(size: int, context: int, transforms: int, hidden: Size) -> nn.Module:
    """Return masked autoregressive maps of vectors: one pass forwards, `size` passes backwards.

    References:
        Papamakarios, Pavlakou and Murray, 2017, "Masked autoregressive flow for density estimation".

    Args:
        size: Length of the vectors.
        context: Length of the context vectors; 0 for none.
        transforms: How many maps, in alternating order.
        hidden: Widths of the masked nets.
    """
    flows = _zuko("zuko.flows")
    with torch.device("cpu"):  # masks are counted while they are made, which a meta device cannot
        made = flows.MAF(size, context, transforms=transforms, hidden_features=hidden)
    return _begun_as_identity(made.transform)


def coupling(size: int, context: int, transforms: int, hidden: Size, *, spline: bool = False) -> nn.Module:
    """Return coupling maps of vectors, quick in both directions: half of the entries move, given the other half.

    References:
        Dinh, Sohl-Dickstein and Bengio, 2017, "Density estimation using Real NVP"; Durkan, Bekasov, Murray and
        Papamakarios, 2019, "Neural spline flows".

    Args:
        size: Length of the vectors.
        context: Length of the context vectors; 0 for none.
        transforms: How many maps, odd and even entries in turn.
        hidden: Widths of the nets.
        spline: Monotone rational-quadratic splines on [-5, 5] instead of affine maps.
    """
    flows, zuko, lazy = _zuko("zuko.flows"), _zuko("zuko.transforms"), _zuko("zuko.lazy")
    shapes = [(_BINS,), (_BINS,), (_BINS - 1,)]
    one = {"univariate": zuko.MonotonicRQSTransform, "shapes": shapes} if spline else {}
    make = functools.partial(flows.GeneralCouplingTransform, hidden_features=hidden, **one)
    with torch.device("cpu"):
        maps = [make(size, context, torch.arange(size) % 2 == i % 2) for i in range(transforms)]
    return _begun_as_identity(lazy.LazyComposedTransform(*maps))


class PlanarTransform(nn.Module):
    """Planar maps whose parameters a net makes of the context.

    Args:
        size: Length of the vectors.
        context: Length of the context vectors, at least 1.
        transforms: How many maps.
        hidden: Widths of the net.
    """

    def __init__(self, size: int, context: int, transforms: int, hidden: Size) -> None:
        super().__init__()
        self.size, self.transforms = size, transforms
        widths = (context, *hidden)
        layers = [nn.Sequential(nn.Linear(a, b), nn.SiLU()) for a, b in zip(widths, hidden, strict=False)]
        self.net = nn.Sequential(*layers, nn.Linear(widths[-1], transforms * (2 * size + 1)))
        with torch.no_grad():
            for part in (self.net[-1].weight, self.net[-1].bias):
                cast(Tensor, part)[: transforms * size] = 0  # no bend at the start

    def forward(self, context: Tensor) -> Planar:
        """Return the map given a context `(*S, B, C)`."""
        sizes = [self.transforms * self.size, self.transforms * self.size, self.transforms]
        u, w, b = self.net(context).split(sizes, -1)
        u, w = (part.unflatten(-1, (self.transforms, self.size)) for part in (u, w))
        return Planar(u, w, b)


def _begun_as_identity(transform: Any) -> nn.Module:
    """Let every map begin as the identity: nets whose last layer is zero."""
    for layer in transform.transforms:
        final = layer.hyper[-1].parameters() if hasattr(layer, "hyper") else layer.phi
        for parameter in final:
            nn.init.zeros_(parameter)
    return transform


def _zuko(name: str) -> ModuleType:
    """Import a module of zuko, which switches the validation of torch's distributions off for the whole process: restore it.

    One thread at a time: a second one would take what the first one has switched off for what was there before.

    Raises:
        ImportError: It is not installed.
    """
    with _IMPORT:
        validate = Distribution._validate_args
        try:
            return importlib.import_module(name)
        except ImportError as error:
            raise ImportError("flows need the package zuko; install it with: pip install vaekit[flows]") from error
        finally:
            Distribution.set_default_validate_args(validate)
