"""Shapes are worked out, never assumed."""

from __future__ import annotations

import math
from typing import Protocol, cast

import torch
from torch import Tensor, nn

from vaekit.value import Size

__all__ = ["Network", "linear_head", "output_size", "parameter_count"]


class Network(Protocol):
    """What our own networks tell about themselves; a user's module need not."""

    out_size: Size
    """The shape of the features returned for one datum."""

    def head(self, size: Size) -> nn.Module:
        """Return a new layer that maps the features to `size`."""
        ...

    def __call__(self, x: Tensor) -> Tensor:
        """Map `(B, *in_size)` to `(B, *out_size)`."""
        ...


def output_size(net: nn.Module, in_size: Size) -> Size:
    """Return the shape of one datum's features, by asking the network or by running it once on zeros.

    Args:
        net: Any module that maps `(B, *in_size)` to `(B, *features)`.
        in_size: The shape of one input.

    Raises:
        ValueError: The module does not accept that input, or does not keep the batch axis in front.

    Examples:
        >>> output_size(nn.Linear(4, 7), (4,))
        (7,)
    """
    known = getattr(net, "out_size", None)
    if known is not None:
        return cast(Size, known)
    mode = net.training
    reference = next(net.parameters(), torch.zeros(()))
    probe = torch.zeros(2, *in_size, dtype=reference.dtype, device=reference.device)
    try:
        with torch.no_grad():
            out = net.eval()(probe)
    except (RuntimeError, ValueError, TypeError) as error:
        raise ValueError(
            f"{type(net).__name__} must accept a batch of shape (B, {', '.join(map(str, in_size))}), but it raised: {error}"
        ) from error
    finally:
        net.train(mode)
    if not isinstance(out, Tensor) or out.dim() < 2 or out.shape[0] != 2:
        raise ValueError(f"{type(net).__name__} must return one tensor (B, *features), got {_described(out)}")
    return tuple(out.shape[1:])


def linear_head(features: Size, size: Size) -> nn.Module:
    """Return the layer that reads `size` off `features`: a 1 x 1 convolution where the grids agree, else a linear map."""
    if len(features) == 3 and len(size) == 3 and features[1:] == size[1:]:
        return nn.Conv2d(features[0], size[0], kernel_size=1)
    linear = nn.Linear(math.prod(features), math.prod(size))
    return linear if len(features) == 1 else nn.Sequential(nn.Flatten(), linear)


def parameter_count(module: nn.Module) -> int:
    """Return the number of trainable parameters."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


def _described(out: object) -> str:
    return f"a tensor {tuple(out.shape)}" if isinstance(out, Tensor) else type(out).__name__
