r"""What the latents know: mutual information, and the parts that the rate is made of.

All of them compare densities at draws from the posterior with the aggregated posterior, the mixture over ALL data given,
:math:`q(z) = \frac1N \sum_n q(z \mid x_n)`. Numbers from mixtures of different sizes are not comparable, because the mutual
information cannot exceed log N; so that cap is part of every result. Mixtures of 32 data are there to compare with papers
that took a batch for the data.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent

from vaekit.errors import NotApplicable
from vaekit.models import Groups, LatentVariableModel, evaluating, log_posterior, log_prior, no_density

__all__ = ["Information", "Nats", "information"]

_BATCH = 250  # data encoded together: the components of the mixture that a table is made of
_ENTRIES = 2**22  # of that table, held at a time: 32 MB
_AT_CAP = 0.95
_COMPARABLE = 32  # data of a mixture in the literature of text: a cap of 3.47 nats

_NO_DIMENSIONS = "the posterior does not factorise, so there is neither total correlation nor dimension-wise KL"
_NO_PRIOR_DIMENSIONS = "the prior does not factorise, so there is no dimension-wise KL"
_NO_PRIOR = "the prior depends on a context, so there is no one prior to compare the aggregated posterior with"

_PARTS = ("rate", "mutual_information", "marginal_kl", "total_correlation", "dimension_wise_kl")


@dataclass(frozen=True)
class Nats:
    """A mean over data in nats, with its standard error."""

    nats: float
    se: float

    @classmethod
    def over(cls, values: Tensor) -> Nats:
        """Return the mean of values `(N,)`; the error is NaN where there is one value only.

        Examples:
            >>> Nats.over(torch.tensor([1.0, 3.0]))
            Nats(nats=2.0, se=1.0)
        """
        values = values.double()
        se = values.std().item() / math.sqrt(len(values)) if len(values) > 1 else math.nan
        return cls(values.mean().item(), se)


@dataclass(frozen=True)
class Information:
    """The rate and its parts, in nats per datum, all at the same draws, so that they add up exactly.

        rate = mutual information + marginal KL,   marginal KL = total correlation + dimension-wise KL

    The standard errors are those of the draws and the data; the mixture is taken as given.

    Args:
        rate: E KL(q(z | x) || p(z)).
        mutual_information: I(x; z) = E KL(q(z | x) || q(z)).
        cap: log of the size of the mixture q(z), which the mutual information cannot exceed.
        marginal_kl: KL(q(z) || p(z)); None where the prior depends on a context.
        total_correlation: KL(q(z) || prod_j q(z_j)): how far the dimensions depend on each other; None where the posterior
            does not factorise.
        dimension_wise_kl: sum_j KL(q(z_j) || p(z_j)); None where the posterior or the prior does not factorise.
        per_dimension: Its terms.
        n: N, the number of data.
        mixture: Number of data that a mixture is made of: N, or that of a batch.
        draws: Latents drawn per datum.
        why: Why a part is None.
    """

    rate: Nats
    mutual_information: Nats
    cap: float
    marginal_kl: Nats | None
    total_correlation: Nats | None
    dimension_wise_kl: Nats | None
    per_dimension: tuple[float, ...]
    n: int
    mixture: int
    draws: int
    why: str

    @property
    def at_cap(self) -> bool:
        """Whether the mutual information is above 95 % of its cap.

        Then it is a lower bound of that of more data. What it lacks of the rate is counted among the other parts, which
        are upper bounds: the posteriors of these data hardly overlap, as those of more data would.
        """
        return self.mutual_information.nats > _AT_CAP * self.cap

    def summary(self) -> dict[str, Any]:
        """Return plain numbers, ready for JSON."""
        values = asdict(self)
        for part in _PARTS[1:]:
            if values[part] is not None:
                values[part]["at_cap"] = self.at_cap
        values["mutual_information"]["cap"] = values.pop("cap")
        return values | {"per_dimension": list(self.per_dimension)}


def information(
    model: LatentVariableModel,
    x: Tensor,
    *context: Tensor,
    draws: int = 1,
    seed: int = 0,
    mixture: Literal["data", "batch"] = "data",
) -> Information:
    r"""Return the mutual information of data and latents, and how the rate is made up.

    .. math::
        I(x; z) &= E\left[\log q(z \mid x) - \log q(z)\right], \qquad
            q(z) = \frac1N \sum_{n=1}^N q(z \mid x_n), \\
        KL(q(z) \| p(z)) &= KL\Big(q(z) \Big\| \prod_j q(z_j)\Big) + \sum_j KL(q(z_j) \| p(z_j)).

    Every density is taken at the same draws, that of a datum among its own mixture too: then every single term of the
    mutual information is at most log N. The draws of all data are draws from the mixture, so that nothing is biased.
    The cost grows with N squared; for flows that are slow to invert, N should stay in the hundreds.

    References:
        Hoffman and Johnson, 2016, "ELBO surgery: yet another way to carve up the variational evidence lower bound"; Chen,
        Li, Grosse and Duvenaud, 2018, "Isolating sources of disentanglement in variational autoencoders"; He, Spokoyny,
        Neubig and Berg-Kirkpatrick, 2019, "Lagging inference networks and posterior collapse in variational autoencoders"
        (the mixture of a batch).

    Args:
        model: A model; it and the random generator stay as they are. Of several groups of latents all are one z, which does
            not factorise.
        x: Data `(N, *event)`, in the support of the likelihood.
        context: What they are conditioned on, tensors `(N, C)`.
        draws: Latents drawn per datum.
        seed: Seed of the draws.
        mixture: What the aggregated posterior is made of: all data, or for comparison each batch of 32 in turn, which is
            much too little; data that fill no batch are then left out.

    Raises:
        NotApplicable: The posterior has no density, or there is not one batch of data where that is asked for.
        ValueError: There are no data.
    """
    if not len(x) or draws < 1:
        raise ValueError(f"information needs data and at least one draw of each, got {len(x)} data and {draws} draws")
    size = len(x) if mixture == "data" else _COMPARABLE
    n = len(x) - len(x) % size
    if not n:
        raise NotApplicable(f"mixture='batch' needs {size} data, got {len(x)}; give more, or take mixture='data'")
    groups = zip(*(given[:n].split(size) for given in (x, *context)), strict=True)
    with evaluating(model, seed):
        mixtures = [_mixture(model, group, draws) for group in groups]
        parts = [_terms(mixture, index) for mixture in mixtures for index in range(len(mixture))]
    values = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
    per_dimension = values.pop("per_dimension", None)
    if per_dimension is not None:
        values["dimension_wise_kl"] = per_dimension.sum(-1)
    return Information(
        **{name: Nats.over(values[name]) if name in values else None for name in _PARTS},  # type: ignore[arg-type]
        cap=math.log(size),
        per_dimension=() if per_dimension is None else tuple(per_dimension.mean(0).tolist()),
        n=n,
        mixture=size,
        draws=draws,
        why=_why(mixtures[0][0]),
    )


class _Component:
    """The posteriors of some data, which are components of a mixture, and draws from them.

    Args:
        model: The model.
        draws: Latents drawn per datum.
        x: The data `(B, *event)`.
        context: What they are conditioned on.
    """

    def __init__(self, model: LatentVariableModel, draws: int, x: Tensor, *context: Tensor) -> None:
        self.model, self.evidence = model, model.infer(x, *context)
        self.latents = model.draw(self.evidence, draws)
        self.groups, batch = Groups.of(self.latents), self.latents[0].p.batch_shape
        # A prior without a context may have a batch axis of 1.
        self.has_one_prior = batch.numel() == 1 and not (context and (batch or len(self.latents) > 1))
        # The dimensions of a lower group depend on the group above.
        self.factorises = len(self.latents) == 1 and _factorises(self.latents[0].q)

    def table(self, columns: Tensor) -> Tensor:
        """Return log q(z | x) at latents of all groups `(R, D)`, `(R, B, D)`; where it does not factorise, `(R, B, 1)`."""
        z = self.groups.split(columns.unsqueeze(1))
        if len(z) == 1:
            return _table(self.latents[0].q, *z)
        across = [part.expand(-1, self.latents[0].z.shape[1], *part.shape[2:]) for part in z]
        return log_posterior(self.model.latents_at(self.evidence, *across)).double().unsqueeze(-1)


def _mixture(model: LatentVariableModel, given: tuple[Tensor, ...], draws: int) -> list[_Component]:
    """Return the posteriors of data as the components of one mixture."""
    mixture = [_Component(model, draws, *part) for part in zip(*(g.split(_BATCH) for g in given), strict=True)]
    reason = no_density(mixture[0].latents)
    if reason is not None:
        raise NotApplicable(reason)
    return mixture


def _terms(mixture: list[_Component], index: int) -> dict[str, Tensor]:
    """Return what the data of one component of the mixture contribute, `(B,)` each; per dimension `(B, D)`."""
    component = mixture[index]
    own, joint, marginals = _aggregate(mixture, index)
    log_p, top = log_prior(component.latents).double(), component.latents[0]
    terms = {"rate": own - log_p, "mutual_information": own - joint}
    if component.has_one_prior:
        terms["marginal_kl"] = joint - log_p
    if marginals is not None:
        terms["total_correlation"] = joint - marginals.sum(-1)
    if marginals is not None and _factorises(top.p) and component.has_one_prior:
        terms["per_dimension"] = marginals - _table(top.p, top.z)
    return {name: values.mean(0).cpu() for name, values in terms.items()}


def _aggregate(mixture: list[_Component], index: int) -> tuple[Tensor, Tensor, Tensor | None]:
    """Return log q(z | x), log q(z), `(S, B)`, and log q(z_j), `(S, B, D)`, at the draws of component `index`."""
    z = mixture[index].groups.join([latent.z for latent in mixture[index].latents])
    lead = z.shape[:2]
    column = torch.arange(lead[1], device=z.device).repeat(lead[0])
    rows = max(1, _ENTRIES // (_BATCH * z.shape[-1]))
    chunks = zip(z.flatten(0, 1).split(rows), column.split(rows), strict=True)
    found = [_rows(part, mixture, index, at) for part, at in chunks]
    own, joint, marginals = (torch.cat(parts).unflatten(0, lead) for parts in zip(*found, strict=True))
    n = math.log(sum(component.latents[0].z.shape[1] for component in mixture))
    return own, joint - n, marginals - n if mixture[0].factorises else None


def _rows(z: Tensor, mixture: list[_Component], index: int, column: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    # The own density is read off the table of the mixture, so that rounding cannot lift their ratio above the cap.
    joint = marginals = own = torch.full((), -torch.inf, dtype=torch.float64, device=z.device)
    for i, component in enumerate(mixture):
        table = component.table(z)
        whole = table.sum(-1)
        if i == index:
            own = whole.gather(1, column.unsqueeze(1)).squeeze(1)
        joint = torch.logaddexp(joint, whole.logsumexp(1))
        marginals = torch.logaddexp(marginals, table.logsumexp(1))
    return own, joint, marginals


def _table(q: Distribution, z: Tensor) -> Tensor:
    """Return log q per dimension in double precision, `(*, D)`; where q does not factorise, all in one, `(*, 1)`."""
    if isinstance(q, Independent) and _factorises(q):
        log_q = q.base_dist.log_prob(z.double())
        return log_q.flatten(log_q.dim() - q.reinterpreted_batch_ndims)
    return q.log_prob(z).double().unsqueeze(-1)


def _factorises(q: Distribution) -> bool:
    return isinstance(q, Independent) and q.reinterpreted_batch_ndims > 0


def _why(component: _Component) -> str:
    reasons = {
        _NO_PRIOR: not component.has_one_prior,
        _NO_DIMENSIONS: not component.factorises,
        _NO_PRIOR_DIMENSIONS: not _factorises(component.latents[0].p),
    }
    return "; ".join(reason for reason, holds in reasons.items() if holds)
