"""Shapes are worked out, never assumed."""

from __future__ import annotations

import math
from typing import Annotated, Protocol, TypeAlias, cast

import torch
from pydantic import Field
from torch import Tensor, nn

from vaekit.value import Size

__all__ = ["LinearlyRead", "Network", "Widths", "is_network", "linear_head", "output_size", "parameter_count"]

Widths: TypeAlias = Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)]
"""Units of each layer, one at least."""


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
    """Return the shape of one datum's features, by running the network once on two zeros; on the meta device ours are asked.

    Args:
        net: Any module that maps `(B, *in_size)` to `(B, *features)`.
        in_size: The shape of one input.

    Raises:
        ValueError: The module does not accept that input, or does not keep the batch axis in front.

    Examples:
        >>> output_size(nn.Linear(4, 7), (4,))
        (7,)
    """
    modes = {module: module.training for module in net.modules()}
    reference = next(net.parameters(), torch.zeros(()))
    if reference.is_meta and is_network(net):
        return cast(Network, net).out_size  # where there are no values, a net that looks at them cannot be run
    probe = torch.zeros(2, *in_size, dtype=reference.dtype, device=reference.device)
    try:
        with torch.no_grad():
            out = net.eval()(probe)
    except Exception as error:  # whatever a user's module raises
        raise ValueError(
            f"{type(net).__name__} must accept a batch of shape (B, {', '.join(map(str, in_size))}), but it raised: {error}"
        ) from error
    finally:
        for module, mode in modes.items():
            module.training = mode
    if not isinstance(out, Tensor) or out.dim() < 2 or out.shape[0] != 2:
        raise ValueError(f"{type(net).__name__} must return one tensor (B, *features), got {_described(out)}")
    size = tuple(out.shape[1:])
    if is_network(net) and size != cast(Network, net).out_size:
        raise ValueError(
            f"{type(net).__name__} was made for other inputs than {tuple(in_size)}: it returns features {size} instead of "
            f"{cast(Network, net).out_size}; make the net and the conditional with the same shape"
        )
    return size


def is_network(net: nn.Module) -> bool:
    """Whether a module tells its `out_size` and makes its own `head`; a user's `self.head = nn.Linear(...)` does not."""
    head = getattr(net, "head", None)
    return callable(head) and not isinstance(head, nn.Module) and isinstance(getattr(net, "out_size", None), tuple)


def linear_head(features: Size, size: Size) -> nn.Module:
    """Return a layer from `features` to `size`: a 1 x 1 convolution if the grids agree, else a linear map."""
    if len(features) == 3 and len(size) == 3 and features[1:] == size[1:]:
        return nn.Conv2d(features[0], size[0], kernel_size=1)
    linear = nn.Linear(math.prod(features), math.prod(size))
    return linear if len(features) == 1 else nn.Sequential(nn.Flatten(), linear)


class LinearlyRead(nn.Module):
    """A network whose features are read by a linear layer."""

    out_size: Size

    def head(self, size: Size) -> nn.Module:
        """Return a new layer from the features to `size`."""
        return linear_head(self.out_size, size)


def parameter_count(module: nn.Module) -> int:
    """Return the number of trainable parameters."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


def _described(out: object) -> str:
    return f"a tensor {tuple(out.shape)}" if isinstance(out, Tensor) else type(out).__name__
