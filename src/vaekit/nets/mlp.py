"""The multilayer perceptron: for small images, tables and latents."""

from __future__ import annotations

import math
from typing import Annotated, Literal, cast

from pydantic import Field
from torch import Tensor, nn

from vaekit.nets.activation import Activation, activation
from vaekit.nets.initialization import damp, kaiming
from vaekit.nets.normalization import Norm, norm
from vaekit.nets.shapes import LinearlyRead, Widths
from vaekit.value import Size, Value

__all__ = ["MLP"]


class MLP(Value):
    """A stack of linear, norm, activation; optionally with residual blocks.

        plain:     x -> [linear, norm, activation] per width
        residual:  x -> linear to the width, then per further width  h + linear(f(linear(f(norm(h))))), at last norm, f

    The decoder mirrors the encoder: the same widths in reverse order.

    References:
        He, Zhang, Ren and Sun, 2016, "Identity mappings in deep residual networks" (the pre-activated block).

    Examples:
        >>> import torch
        >>> net = MLP(widths=(64, 32)).encoder((1, 8, 8))
        >>> net(torch.zeros(5, 1, 8, 8)).shape
        torch.Size([5, 32])
    """

    kind: Literal["mlp"] = "mlp"
    widths: Widths = (512, 512)
    """Units of each layer, from the data inwards."""
    norm: Norm = "layer"
    """Normalisation: layer (default: independent of the batch), batch, group or none."""
    activation: Activation = "silu"
    """Non-linearity."""
    residual: bool = False
    """Residual blocks instead of plain layers; all widths must then be equal."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of units dropped in training."""

    def model_post_init(self, _context: object) -> None:
        """Refuse residual blocks between different widths."""
        if self.residual and len(set(self.widths)) > 1:
            raise ValueError(
                f"a residual MLP needs equal widths, got {self.widths}; set residual=false or equal widths"
            )

    def encoder(self, size: Size) -> nn.Module:
        """Return a network from `(B, *size)` to features `(B, widths[-1])`."""
        return _Perceptron(self, math.prod(size), self.widths)

    def decoder(self, given: Size, size: Size) -> nn.Module:
        """Return a network from `(B, *given)` to features `(B, widths[0])`, from which `size` is read linearly."""
        return _Perceptron(self, math.prod(given), self.widths[::-1])


class _Perceptron(LinearlyRead):
    def __init__(self, spec: MLP, inputs: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.layers = nn.Sequential(*(_residual if spec.residual else _plain)(spec, inputs, widths))
        kaiming(self.layers)
        branches = (block.branch for block in self.layers if isinstance(block, _Residual))
        damp((cast(nn.Linear, branch[-1]) for branch in branches), len(widths) - 1)
        self.out_size: Size = (widths[-1],)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x.flatten(1))


def _plain(spec: MLP, inputs: int, widths: tuple[int, ...]) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for before, after in zip((inputs, *widths), widths, strict=False):
        layers += [nn.Linear(before, after), norm(spec.norm, after, spatial=False), activation(spec.activation)]
        layers += [nn.Dropout(spec.dropout)] if spec.dropout else []
    return layers


def _residual(spec: MLP, inputs: int, widths: tuple[int, ...]) -> list[nn.Module]:
    blocks = [_Residual(spec, width) for width in widths[1:]]
    return [
        nn.Linear(inputs, widths[0]),
        *blocks,
        norm(spec.norm, widths[-1], spatial=False),
        activation(spec.activation),
    ]


class _Residual(nn.Module):
    def __init__(self, spec: MLP, width: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            norm(spec.norm, width, spatial=False),
            activation(spec.activation),
            nn.Linear(width, width),
            activation(spec.activation),
            nn.Dropout(spec.dropout),
            nn.Linear(width, width),
        )

    def forward(self, h: Tensor) -> Tensor:
        return h + self.branch(h)
