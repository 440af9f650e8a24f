"""The mixture of discretised logistics whose channels know of one another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Size, Tensor
from torch.distributions import Distribution, constraints

from vaekit.distributions.categorical import Categorical
from vaekit.distributions.discretized_logistic import DiscretizedLogistic
from vaekit.distributions.point import point
from vaekit.distributions.temperature import temper

__all__ = ["DiscretizedLogisticMixture"]


class DiscretizedLogisticMixture(Distribution):
    r"""One mixture per pixel, whose component :math:`m` is shared by the channels :math:`c = 0, \dots, C - 1`.

    .. math:: P(x) = \sum_m \pi_m \prod_c P_m(x_c \mid x_{<c}), \qquad
        \mu_{mc}(x_{<c}) = \mu_{mc} + \sum_{j < c} k_{mcj} \left(x_j - \tfrac{L - 1}{2}\right)

    with exact bins, see `DiscretizedLogistic`. Draws are rounded to a level before the next channel is conditioned on
    them, so that they follow the very distribution that `log_prob` is of.

    References:
        Salimans, Karpathy, Chen and Kingma, 2017, "PixelCNN++".

    Args:
        logits: :math:`\log \pi` up to a constant, `(*batch, M, *grid)`.
        loc: :math:`\mu` in level units, `(*batch, M, C, *grid)`.
        scale: Its scale in level units, in the same shape.
        coefficients: :math:`k`, `(*batch, M, C (C - 1) / 2, *grid)`, in the order 10, 20, 21, 30, ...
        levels: L.
        grid: The number of axes of the grid of pixels.

    Examples:
        >>> loc, k = torch.zeros(1, 2, 3), torch.ones(1, 2, 3)  # one pixel, M = 2, C = 3
        >>> DiscretizedLogisticMixture(torch.zeros(1, 2), loc, loc + 1, k, levels=8, grid=0).sample().shape
        torch.Size([1, 3])
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}  # noqa: RUF012

    def __init__(
        self, logits: Tensor, loc: Tensor, scale: Tensor, coefficients: Tensor, *, levels: int, grid: int
    ) -> None:
        self.logits, self.loc, self.scale, self.coefficients = logits, loc, scale, coefficients
        self.levels, self.grid = levels, grid
        self._channel = -grid - 1
        batch = logits.shape[: logits.dim() - grid - 1]
        super().__init__(batch, loc.shape[len(batch) + 1 :], validate_args=False)

    @property
    def support(self) -> constraints.Constraint:
        """The integers 0 to `levels` - 1."""
        return constraints.independent(constraints.integer_interval(0, self.levels - 1), self.grid + 1)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the log-mass in nats of events of integer levels given as floats."""
        given = value.unsqueeze(self._channel - 1).unbind(self._channel)
        locations, _ = self._by_channel(self.loc, self.coefficients, lambda c, _: given[c])
        total = self.logits.log_softmax(self._channel)
        for x, loc, scale in zip(given, locations, self.scale.unbind(self._channel), strict=True):
            total = total + DiscretizedLogistic(loc, scale, self.levels, validate_args=False).log_prob(x)
        pixels = total.logsumexp(self._channel)
        return pixels.sum(tuple(range(-self.grid, 0))) if self.grid else pixels

    def sample(self, sample_shape: Any = Size()) -> Tensor:  # noqa: B008
        """Return integer levels as floats, channel after channel of one component per pixel."""
        with torch.no_grad():
            logits = self.logits.movedim(self._channel, -1)
            chosen = Categorical(logits=logits, validate_args=False).sample(sample_shape).long()
            chosen = chosen.unsqueeze(self._channel).unsqueeze(self._channel)
            loc, scale, coefficients = (
                part.expand(*sample_shape, *part.shape)
                .take_along_dim(chosen, self._channel - 1)
                .squeeze(self._channel - 1)
                for part in (self.loc, self.scale, self.coefficients)
            )
            scales = scale.unbind(self._channel)
            draw = lambda c, place: DiscretizedLogistic(place, scales[c], self.levels, validate_args=False).sample()  # noqa: E731
            _, x = self._by_channel(loc, coefficients, draw)
            return torch.stack(x, self._channel)

    def expected(self) -> Tensor:
        """Return the mean of the components' locations, each held inside the levels; `(*batch, *event)`."""
        place = lambda _, loc: loc.clamp(0, self.levels - 1)  # noqa: E731
        _, x = self._by_channel(self.loc, self.coefficients, place)
        weight = self.logits.softmax(self._channel)
        return torch.stack([(weight * part).sum(self._channel) for part in x], self._channel)

    def _by_channel(
        self, loc: Tensor, coefficients: Tensor, value: Callable[[int, Tensor], Tensor]
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Return each channel's location given the channels before it, and its value, `value(c, location)`."""
        locations: list[Tensor] = []
        values: list[Tensor] = []
        rest = iter(coefficients.unbind(self._channel))
        for c, place in enumerate(loc.unbind(self._channel)):
            for x in values:
                place = place + next(rest) * (x - (self.levels - 1) / 2)
            locations.append(place)
            values.append(value(c, place))
        return locations, values


@point.register
def _(distribution: DiscretizedLogisticMixture) -> Tensor:
    return distribution.expected()


@temper.register
def _(distribution: DiscretizedLogisticMixture, temperature: float) -> DiscretizedLogisticMixture:
    logits, scale = distribution.logits / temperature, distribution.scale * temperature
    return DiscretizedLogisticMixture(
        logits, distribution.loc, scale, distribution.coefficients, levels=distribution.levels, grid=distribution.grid
    )
