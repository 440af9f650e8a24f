"""Activations by their names in the field."""

from __future__ import annotations

from typing import Literal, TypeAlias

from torch import nn

__all__ = ["LEAKY_SLOPE", "Activation", "activation"]

Activation: TypeAlias = Literal["leaky_relu", "relu", "silu", "elu", "gelu"]

LEAKY_SLOPE = 0.2


def activation(name: Activation) -> nn.Module:
    """Return a new activation module; `leaky_relu` has slope 0.2.

    Examples:
        >>> activation("silu")
        SiLU()
    """
    match name:
        case "leaky_relu":
            return nn.LeakyReLU(LEAKY_SLOPE)
        case "relu":
            return nn.ReLU()
        case "silu":
            return nn.SiLU()
        case "elu":
            return nn.ELU()
        case "gelu":
            return nn.GELU()
