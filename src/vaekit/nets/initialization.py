"""Initial weights: Kaiming for backbones, Xavier for the heads that read them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import torch
from torch import nn

from vaekit.nets.activation import LEAKY_SLOPE

__all__ = ["damp", "kaiming", "xavier"]


def kaiming(net: nn.Module) -> nn.Module:
    """Initialise every linear and convolutional layer of a backbone in place, and return it.

    Fan-out mode keeps the variance of the gradients; biases start at 0.

    References:
        He, Zhang, Ren and Sun, 2015, "Delving deep into rectifiers".
    """
    for layer in _weighted(net):
        nn.init.kaiming_normal_(layer.weight, a=LEAKY_SLOPE, mode="fan_out", nonlinearity="leaky_relu")
    return net


def xavier(head: nn.Module) -> nn.Module:
    """Initialise the layers of a head in place, and return it: outputs neither vanish nor saturate at the start.

    References:
        Glorot and Bengio, 2010, "Understanding the difficulty of training deep feedforward neural networks".
    """
    for layer in _weighted(head):
        nn.init.xavier_uniform_(layer.weight)
    return head


@torch.no_grad()
def damp(last: Iterable[nn.Linear | nn.Conv2d], blocks: int) -> None:
    """Scale the last layers of the branches of `blocks` blocks, so that the variance of the sum does not grow with depth."""
    for layer in last:
        layer.weight /= math.sqrt(2 * blocks)


def _weighted(net: nn.Module) -> Iterator[nn.Linear | nn.Conv2d | nn.ConvTranspose2d]:
    """Return the layers that have weights, with their biases at 0."""
    for layer in net.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
            yield layer
