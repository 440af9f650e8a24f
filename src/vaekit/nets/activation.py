"""Activations by their names in the field."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Literal, TypeAlias

from torch import nn

__all__ = ["LEAKY_SLOPE", "Activation", "activation"]

Activation: TypeAlias = Literal["leaky_relu", "relu", "silu", "elu", "gelu"]

LEAKY_SLOPE = 0.2

_MODULES: dict[Activation, Callable[[], nn.Module]] = {
    "leaky_relu": functools.partial(nn.LeakyReLU, LEAKY_SLOPE),
    "relu": nn.ReLU,
    "silu": nn.SiLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
}


def activation(name: Activation) -> nn.Module:
    """Return a new activation module; `leaky_relu` has slope 0.2.

    Examples:
        >>> activation("silu")
        SiLU()
    """
    return _MODULES[name]()
