"""Walks in latent space that stay where the latents live: real vectors, unit vectors, the unit ball."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import torch
from torch import Tensor

from vaekit.errors import NotApplicable
from vaekit.heads import Support

__all__ = ["LatentSpace", "Way"]

Way: TypeAlias = Literal["linear", "slerp"]
"""The way from one latent to another: straight, or along an arc."""

_INSIDE = 0.99  # radius within which points of the unit ball still have a sensible density


@dataclass(frozen=True)
class LatentSpace:
    """The space of one group of latents.

    Args:
        support: The space: real vectors, unit vectors, the unit ball, or a discrete one.

    Examples:
        >>> space = LatentSpace("sphere")
        >>> space.between(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]]), 3)[0, 1]
        tensor([0.7071, 0.7071])
    """

    support: Support

    @property
    def is_walkable(self) -> bool:
        """Whether there are points between any two of its points."""
        return self.support in ("real", "sphere", "ball")

    def require(self, verb: str) -> None:
        """Refuse a verb that needs points between points, if the latents are discrete.

        Raises:
            NotApplicable: The latents are discrete.
        """
        if not self.is_walkable:
            raise NotApplicable(
                f"{verb} needs a real-valued latent; this model's is {self.support}, with nothing between two values"
            )

    def between(self, first: Tensor, last: Tensor, steps: int, how: Way = "linear") -> Tensor:
        r"""Return points from `first` to `last`, both included.

        On the sphere they lie on the great circle, at equal angles :math:`t \omega`; elsewhere on the straight line, or
        with `how="slerp"` on an arc: directions on the great circle, lengths in a straight line from one to the other.
        In many dimensions the middle of a straight line is shorter than any draw from N(0, I).

        .. math:: z_t = \frac{\sin((1 - t)\omega)\, a + \sin(t \omega)\, b}{\sin \omega}

        References:
            Shoemake, 1985, "Animating rotation with quaternion curves".

        Args:
            first: Points `(N, D)`.
            last: Points `(N, D)`.
            steps: How many.
            how: linear or slerp.

        Returns:
            Points `(N, steps, D)`.

        Raises:
            ValueError: `how` is neither of the two.
        """
        if how not in get_args(Way):
            raise ValueError(f"the way between two latents is {' or '.join(get_args(Way))}, got {how!r}")
        share = torch.linspace(0, 1, steps).to(first).unsqueeze(1)
        a, b = first.unsqueeze(1), last.unsqueeze(1)
        straight = torch.lerp(a, b, share)
        if self.support == "sphere":
            return _arc(self.onto(a), self.onto(b), share, self.onto(straight))
        if how == "linear" or self.support != "real":
            return straight
        lengths = a.norm(dim=-1, keepdim=True), b.norm(dim=-1, keepdim=True)
        start, end = (c / length.clamp_min(1e-12) for c, length in zip((a, b), lengths, strict=True))
        middle = straight / straight.norm(dim=-1, keepdim=True).clamp_min(1e-12)
        return _arc(start, end, share, middle) * torch.lerp(*lengths, share)

    def varied(self, start: Tensor, dimensions: Tensor, steps: int, width: float) -> Tensor:
        """Return one datum with each of some dimensions moved from -width to width.

        On the sphere the point is then scaled to length 1; in the ball a coordinate reaches at most tanh(width / 2).

        Args:
            start: The datum `(1, D)`.
            dimensions: The dimensions to move, `(M,)`.
            steps: Number of values of each dimension.
            width: The largest value.

        Returns:
            Points `(M, steps, D)`.
        """
        values = torch.linspace(-width, width, steps).to(start)
        z = start.repeat(len(dimensions), steps, 1)
        z[torch.arange(len(dimensions)), :, dimensions] = values if self.support != "ball" else (values / 2).tanh()
        return self.onto(z)

    def onto(self, z: Tensor) -> Tensor:
        """Return the nearest points of the space, `(..., D)`."""
        if self.support == "real":
            return z
        length = z.norm(dim=-1, keepdim=True)
        if self.support == "sphere":
            return z / length.clamp_min(1e-12)
        return z * (_INSIDE / length.clamp_min(_INSIDE))


def _arc(a: Tensor, b: Tensor, share: Tensor, otherwise: Tensor) -> Tensor:
    """Return points of the great circle through unit vectors, or `otherwise` if equal or opposite ones define no circle."""
    angle = (a * b).sum(-1, keepdim=True).clamp(-1, 1).acos()
    circle = (torch.sin((1 - share) * angle) * a + torch.sin(share * angle) * b) / angle.sin()
    return torch.where(angle.sin() > 1e-4, circle, otherwise)
