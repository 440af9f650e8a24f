"""Initial weights: Kaiming for backbones, Xavier for the heads that read them."""

from __future__ import annotations

from torch import nn

from vaekit.nets.activation import LEAKY_SLOPE

__all__ = ["kaiming", "xavier"]

_WEIGHTED = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)


def kaiming(net: nn.Module) -> nn.Module:
    """Initialise every linear and convolutional layer of a backbone in place, and return it.

    Fan-out mode keeps the variance of the gradients; biases start at 0.

    References:
        He, Zhang, Ren and Sun, 2015, "Delving deep into rectifiers".
    """
    for layer in net.modules():
        if isinstance(layer, _WEIGHTED):
            nn.init.kaiming_normal_(layer.weight, a=LEAKY_SLOPE, mode="fan_out", nonlinearity="leaky_relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return net


def xavier(head: nn.Module) -> nn.Module:
    """Initialise the layers of a head in place, and return it: outputs neither vanish nor saturate at the start.

    References:
        Glorot and Bengio, 2010, "Understanding the difficulty of training deep feedforward neural networks".
    """
    for layer in head.modules():
        if isinstance(layer, _WEIGHTED):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return head
