"""The last layers: separate weights per parameter of a family, evaluated as one matrix product."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vaekit.distributions import single
from vaekit.nets import xavier
from vaekit.value import Size

__all__ = ["Heads"]

_Linear: TypeAlias = nn.Linear | nn.Conv2d | nn.ConvTranspose2d


class Heads(nn.Module):
    """One linear head per name, e.g. the mean and the variance of a posterior, each with weights of its own.

    Args:
        sizes: The shape each head returns for one datum.
        layer: Makes the layer that maps features to a size; weightless layers may come before the linear one.
        start: Heads that begin as a constant, whatever the features: zero weights and this bias.

    Examples:
        >>> heads = Heads({"loc": (2,), "scale": (2,)}, lambda size: nn.Linear(8, size[0]), start={"scale": 0.5})
        >>> heads(torch.randn(3, 8))["scale"][0]
        tensor([0.5000, 0.5000], grad_fn=<SelectBackward0>)
    """

    def __init__(
        self, sizes: Mapping[str, Size], layer: Callable[[Size], nn.Module], start: Mapping[str, float] | None = None
    ) -> None:
        super().__init__()
        self.sizes = dict(sizes)
        self.layers = nn.ModuleDict({name: xavier(layer(size)) for name, size in sizes.items()})
        for name, value in (start or {}).items():
            linear = _linear(self.layers[name])
            nn.init.zeros_(linear.weight)
            nn.init.constant_(cast(Tensor, linear.bias), value)

    def __getitem__(self, name: str) -> nn.Module:
        """Return the layer of one head."""
        return self.layers[name]

    def forward(self, features: Tensor) -> dict[str, Tensor]:
        """Map features `(N, *features)` to one tensor `(N, *size)` per name, in single precision or better."""
        first = next(iter(self.layers.values()))
        layers = [_linear(layer) for layer in self.layers.values()]
        merged = first(features) if len(layers) == 1 else _applied(layers, _prefix(first, features))
        # Densities are evaluated in full precision, whatever autocast did to the matrix product.
        parts = single(merged).split([_outputs(layer) for layer in layers], dim=1)
        return {
            name: part if part.shape[1:] == size else part.unflatten(1, size)
            for (name, size), part in zip(self.sizes.items(), parts, strict=True)
        }


def _linear(layer: nn.Module) -> _Linear:
    last = layer[-1] if isinstance(layer, nn.Sequential) else layer
    if not isinstance(last, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
        raise TypeError(f"a head must end in a linear or convolutional layer, got {type(last).__name__}")
    return last


def _prefix(layer: nn.Module, features: Tensor) -> Tensor:
    return layer[:-1](features) if isinstance(layer, nn.Sequential) else features


def _outputs(layer: _Linear) -> int:
    return layer.out_features if isinstance(layer, nn.Linear) else layer.out_channels


def _applied(layers: Sequence[_Linear], x: Tensor) -> Tensor:
    """Return the outputs of layers of one kind side by side, by one product with all their weights."""
    first, transposed = layers[0], isinstance(layers[0], nn.ConvTranspose2d)
    weight = torch.cat([layer.weight for layer in layers], int(transposed))
    bias = torch.cat([cast(Tensor, layer.bias) for layer in layers])
    if isinstance(first, nn.Linear):
        return F.linear(x, weight, bias)
    if isinstance(first, nn.Conv2d):
        return F.conv2d(x, weight, bias, first.stride, first.padding, first.dilation, first.groups)
    padding = cast("tuple[int, ...]", first.padding)
    return F.conv_transpose2d(
        x, weight, bias, first.stride, padding, first.output_padding, first.groups, first.dilation
    )
