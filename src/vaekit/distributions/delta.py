"""The point mass: the posterior of autoencoders without noise."""

from __future__ import annotations

from typing import Any

from torch import Size, Tensor
from torch.distributions import Distribution, constraints

from vaekit.distributions.temperature import temper
from vaekit.errors import NotApplicable

__all__ = ["Delta"]


class Delta(Distribution):
    """All mass on one point. It has no density, hence no rate and no bound on the evidence; asking for one raises.

    Args:
        value: The point, `(*batch, *event)`.
        event_dim: How many of the last axes are one event.

    Examples:
        >>> import torch
        >>> Delta(torch.zeros(5, 2), 1).rsample((3,)).shape
        torch.Size([3, 5, 2])
    """

    arg_constraints = {"value": constraints.real}  # noqa: RUF012 (the contract of torch.distributions)
    has_rsample = True
    no_density = "the posterior is a point without a density (delta), so neither a rate nor a bound on log p(x) exists"

    def __init__(self, value: Tensor, event_dim: int, validate_args: bool | None = None) -> None:
        self.value = value
        batch = value.dim() - event_dim
        super().__init__(value.shape[:batch], value.shape[batch:], validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        """The point."""
        return self.value

    @property
    def stddev(self) -> Tensor:
        """Zero."""
        return self.value.new_zeros(self.value.shape)

    def rsample(self, sample_shape: Any = Size()) -> Tensor:  # noqa: B008
        """Return the point, as often as asked."""
        return self.value.expand(*sample_shape, *self.value.shape)

    def log_prob(self, value: Tensor) -> Tensor:
        """Refuse.

        Raises:
            NotApplicable: Always; the message says why.
        """
        raise NotApplicable(self.no_density)


@temper.register
def _(distribution: Delta, temperature: float) -> Delta:
    return distribution
