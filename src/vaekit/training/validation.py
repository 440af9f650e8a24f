"""The bound on held-out data, by which models are selected: always at beta = 1, always with the same noise."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal

from vaekit.data import Stored, unpacked
from vaekit.models import Groups, Latent, LatentVariableModel, evaluating
from vaekit.objectives import bound_metrics

__all__ = ["ACTIVE_VARIANCE", "Validation", "active_per_group", "active_units", "validate"]

ACTIVE_VARIANCE = 0.01


@dataclass(frozen=True)
class Validation:
    """Means over held-out data, in nats per datum, for the data in their own units.

    `elbo` is a lower bound, larger is better, and None where there is none; `information` is the mutual information of data
    and latents, and None where it was not asked for. `beta` is the weight of the rate in the score. Dimensions are those of all
    groups of latents side by side; `rate_per_group` and `active_per_group` say which group has what, where there are several.
    `log_jacobian` is what `elbo` and -`distortion` hold for the rescaling of the data on their way into the model.
    """

    distortion: float
    active_units: int
    elbo: float | None = None
    rate: float | None = None
    rate_per_dimension: tuple[float, ...] = ()
    rate_per_group: tuple[float, ...] = ()
    active_per_group: tuple[int, ...] = ()
    information: float | None = None
    beta: float = 1.0
    log_jacobian: float = 0.0

    @property
    def score(self) -> float:
        """What models are selected by: the bound, its rate weighed by beta; reconstructions alone where there is none.

        It is that of the rescaled data, as in checkpoints of earlier versions.
        """
        bound = (-self.distortion if self.elbo is None else self.elbo) - self.log_jacobian
        return bound if self.elbo is None or self.rate is None else bound + (1 - self.beta) * self.rate


def active_units(means: Tensor, threshold: float = ACTIVE_VARIANCE, width: int = 1) -> int:
    r"""Return the number of latent dimensions whose posterior mean moves with the data.

    A dimension is active where :math:`\mathrm{Var}_x(E_{q(z \mid x)}[z_j])` exceeds the threshold.

    References:
        Burda, Grosse and Salakhutdinov, 2016, "Importance weighted autoencoders".

    Args:
        means: Posterior means `(N, D)`.
        threshold: 0.01 in the literature.
        width: How many coordinates in a row are one latent variable, which is active where one of them is.

    Examples:
        >>> active_units(torch.tensor([[1.0, 0.0], [-1.0, 0.0]]))
        1
    """
    return int((means.var(0, correction=0) > threshold).unflatten(0, (-1, width)).any(1).sum())


def active_per_group(means: Tensor, groups: Groups) -> tuple[int, ...]:
    """Return the number of active latent dimensions of each group, from posterior means of all side by side `(N, D)`."""
    parts = zip(groups.split(means), groups.widths, strict=True)
    return tuple(active_units(part.flatten(1), width=width) for part, width in parts)


def validate(
    model: nn.Module,
    batches: Iterable[Stored],
    prepare: Callable[[Tensor], Tensor],
    *,
    information: bool = False,
    beta: float = 1.0,
    log_jacobian: float = 0.0,
) -> Validation:
    """Return the bound and its parts over held-out data.

    Args:
        model: The model; its mode, statistics and the random generator stay as they are.
        batches: Stored batches.
        prepare: Maps a stored batch to data in the likelihood's support.
        information: Whether to estimate the mutual information too, at a cost that grows with the square of the data.
        beta: Weight of the rate in the score.
        log_jacobian: Nats that turn the mean density of prepared data into that of the data in their own units.

    Raises:
        ValueError: There are no data.
    """
    totals: dict[str, Tensor] = {}
    means: list[Tensor] = []
    latents: list[tuple[Latent, ...]] = []
    count = 0
    with evaluating(model):
        for batch in batches:
            stored, context = unpacked(batch)
            trace = model(prepare(stored), *context)
            count += len(stored)
            latents += [trace.latents] * information
            means.append(cast(LatentVariableModel, model).codes(trace))
            for name, value in bound_metrics(trace).items():
                totals[name] = totals.get(name, torch.zeros(())) + value.cpu().double() * len(stored)
    if not means:
        raise ValueError("there are no data to validate on; give the validation part at least one datum")
    averages = {name: total / count for name, total in totals.items()}
    active = active_per_group(torch.cat(means), Groups.of(trace.latents))
    figures: dict[str, Any] = {
        n: tuple(value.tolist()) if value.dim() else value.item() for n, value in averages.items()
    }
    figures["distortion"] -= log_jacobian
    if "elbo" in figures:
        figures["elbo"] += log_jacobian
    return Validation(
        **figures,
        active_units=sum(active),
        active_per_group=active if len(active) > 1 else (),
        information=_information(latents),
        beta=beta,
        log_jacobian=log_jacobian,
    )


def _information(latents: list[tuple[Latent, ...]]) -> float | None:
    r"""Return :math:`E[\log q(z \mid x) - \log \frac1N \sum_j q(z \mid x_j)]`, at most log N; None but for Gaussians.

    Both densities are taken at the same draw: then no single term exceeds log N.

    References:
        Hoffman and Johnson, 2016, "ELBO surgery: yet another way to carve up the variational evidence lower bound".
    """
    if not latents or not all(len(groups) == 1 and _is_gaussian(groups[0].q) for groups in latents):
        return None
    normals = [cast(Normal, cast(Independent, groups[0].q).base_dist) for groups in latents]
    z = torch.cat([groups[0].z[0].flatten(1).cpu().double() for groups in latents])
    loc = torch.cat([normal.loc.flatten(1).cpu().double() for normal in normals])
    precision = torch.cat([normal.scale.flatten(1).cpu().double().pow(-2) for normal in normals])
    # log q(z_i | x_j) but for log 2 pi, as two matrix products: no table of N x N x D numbers.
    square = z.square() @ precision.T - 2 * z @ (loc * precision).T + (loc.square() * precision).sum(1)
    table = (precision.log().sum(1) - square) / 2
    return (table.diagonal() - table.logsumexp(1)).mean().item() + math.log(len(z))


def _is_gaussian(q: Distribution) -> bool:
    return isinstance(q, Independent) and isinstance(q.base_dist, Normal)
