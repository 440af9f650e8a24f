"""The measures of any trained model besides its bounds, and how they are printed, with errors and caps."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from vaekit.data import Dataset, as_stored
from vaekit.distributions import Transported
from vaekit.errors import NotApplicable
from vaekit.evaluation import Chains, Coded, amortization, annealed, bounds, disentanglement, information, probes
from vaekit.interfaces.describing.words import number
from vaekit.interfaces.measures.measure import Look, Measure, Summary, nats, percent
from vaekit.modalities import modality_named
from vaekit.models import LatentVariableModel, evaluating
from vaekit.trained import TrainedModel

__all__ = ["GENERAL"]

_MOST = 10_000  # data of the mixture behind the mutual information, whose cost grows with their square
_INVERTED = 500  # the same where every density needs a flow to be inverted
_INPUTS = 1_024  # numbers of a datum, above which a plane through the data themselves is slow
_CODED = 5_000  # data that classifiers of latents are trained on, and tested on
_CHAINS = Chains()
_STEPS = 100  # of refinement
_GRADIENT = 3  # what a decoding with its gradient costs, in decodings
_BATCH = 100


def _information(look: Look) -> dict[str, Any]:
    given = look.given(_MOST)
    with evaluating(look.trained.model):
        slow = any(isinstance(q, Transported) for q in look.trained.model.posteriors(*(part[:2] for part in given)))
    found = information(look.trained.model, *(part[: _INVERTED if slow else _MOST] for part in given)).summary()
    if look.trained.view.traits.tokens:
        found["in_batches"] = _information_in_batches(look.trained.model, *given)
    return found


def _information_in_batches(model: LatentVariableModel, *given: Tensor) -> dict[str, Any] | None:
    """Return the mutual information as most papers on texts report it, against the mixture of a batch; None for few data."""
    try:
        found = information(model, *given, mixture="batch")
    except NotApplicable:
        return None
    return {**found.summary()["mutual_information"], "mixture": found.mixture, "n": found.n}


def _information_lines(found: Summary) -> list[str]:
    mutual = found["mutual_information"]
    reached = ", which it reaches: a lower bound" if mutual["at_cap"] else ""
    limit = f"cap log N = {number(mutual['cap'])}{reached}"
    names = {"marginal KL": "marginal_kl", "total correlation": "total_correlation"}
    parts = {**names, "KL by dimension": "dimension_wise_kl"}
    most = "at most " if mutual["at_cap"] else ""
    rest = [f"{title} {most}{nats(found[key])}" for title, key in parts.items() if found[key] is not None]
    return [
        f"I(x; z) {nats(mutual)} nats ({limit}); n = {found['n']}",
        *_batch_lines(found),
        *(["; ".join(rest) + " nats"] if rest else []),
        *([found["why"]] if found["why"] else []),
    ]


def _batch_lines(found: Summary) -> list[str]:
    """Return the mutual information against small mixtures, which only texts have."""
    batch = found.get("in_batches")
    if batch is None:
        return []
    size, cap = batch["mixture"], number(batch["cap"])
    return [f"{nats(batch)} nats in batches of {size}, as papers on texts report it (cap log {size} = {cap})"]


def _annealed(look: Look) -> dict[str, Any]:
    moves = _CHAINS.count * _CHAINS.temperatures * (_CHAINS.leapfrog + 1)
    given, view = look.refined(_GRADIENT * moves), look.trained.view
    found = annealed(look.trained.model, *given, chains=_CHAINS, log_jacobian=view.log_jacobian)
    # On the same prepared data: noise that preparing them anew would draw must not separate the two bounds.
    batches = [as_stored(*part) for part in zip(*(g.split(_BATCH) for g in given), strict=True)]
    ways: dict[str, Any] = {"log_jacobian": view.log_jacobian, "sizes": view.sizes}
    weighted = bounds(look.trained.model, batches, prepare=lambda x: x, **ways)
    summary = found.summary()
    # A text has more tokens than another, a row more cells that were observed.
    summary["bits_per_dim"] = -found.estimate.nats / (weighted.dimensions * math.log(2))
    summary["dimension"] = modality_named(look.trained.kind).words.dimension
    return {**summary, "above_iw": {"samples": weighted.samples, **vars(found.gap(weighted))}}


def _annealed_lines(found: Summary) -> list[str]:
    above, dimension = found["above_iw"], found.get("dimension", "dim")
    return [
        f"{nats(found)} nats, {number(found['bits_per_dim'], 4)} bits/{dimension}, from {found['count']} chains of "
        f"{found['temperatures']} temperatures; n = {found['n']} (a lower bound on log p(x))",
        f"{nats(above)} above IW-{above['samples']}; acceptance {number(found['acceptance'])}",
    ]


def _amortization(look: Look) -> dict[str, Any]:
    return amortization(look.trained.model, *look.refined(_GRADIENT * _STEPS), steps=_STEPS).summary()


def _amortization_lines(found: Summary) -> list[str]:
    gaps = f"amortization gap {nats(found['amortization_gap'])}, approximation gap {nats(found['approximation_gap'])}"
    return [f"{gaps} nats; n = {found['n']}"]


def _probes(look: Look) -> dict[str, Any]:
    own = look.trained.data
    if look.data.labels is None or own.labels is None:
        raise NotApplicable("there are no labels to predict (folders name them; for a table, target=COLUMN does)")
    if look.data.classes != own.classes:
        classes = f"{_class_names(look.data)}, the training data {_class_names(own)}"
        raise NotApplicable(f"these data have the classes {classes}")
    parts = own.taken(own.drawn("train", _CODED)), look.some(_CODED)
    train, test = (_coded(look.trained, part) for part in parts)
    return probes(train, test, _raw(look.trained, parts)).summary()


def _raw(trained: TrainedModel, parts: tuple[Dataset, Dataset]) -> tuple[Any, Any] | None:
    """Return data as a plane takes them, of texts the tf-idf of their tokens; None of tables, and where it would take long."""
    traits = trained.view.traits
    train, test = (trained.given(part)[0] for part in parts)
    if traits.tokens:
        from sklearn.feature_extraction.text import TfidfVectorizer

        weigh = TfidfVectorizer(analyzer=torch.Tensor.tolist)
        return weigh.fit_transform(train), weigh.transform(test)
    return None if traits.columns or train[0].numel() > _INPUTS else (train.flatten(1), test.flatten(1))


def _probe_lines(found: Summary) -> list[str]:
    raw = f", linear without the model {percent(found['raw'])}" if found.get("raw") else ""
    return [
        f"linear {percent(found['linear'])}, {found['k']} neighbors {percent(found['knn'])}, most frequent class "
        f"{number(100 * found['base_rate'], 1)} %{raw}; {found['train']} train, {found['test']} test"
    ]


def _disentanglement(look: Look) -> dict[str, Any]:
    if look.data.factors is None:
        raise NotApplicable("the factors behind these data are unknown (the data set sprites has known factors)")
    # No data are held out: as in the literature, this judges the representation, not a prediction.
    data = look.data.taken(look.data.drawn("all", _CODED))
    assert data.factors is not None
    return disentanglement(look.trained.encode(data).mean, data.factors, data.factor_names).summary()


def _disentanglement_lines(found: Summary) -> list[str]:
    titles = {"mig": "MIG", "sap": "SAP", "factor_vae": "FactorVAE", "disentanglement": "DCI disentanglement"}
    keys = (*titles, "completeness", "informativeness")
    scores = ", ".join(f"{titles.get(key, key)} {number(found[key], 3)}" for key in keys)
    return [f"{scores}; n = {found['n']}", f"factors: {', '.join(found['factors'])}"]


def _coded(trained: TrainedModel, data: Dataset) -> Coded:
    assert data.labels is not None
    return Coded(trained.encode(data).mean, data.labels)


def _class_names(data: Dataset) -> str:
    return ", ".join(data.classes[:5]) + (", ..." if len(data.classes) > 5 else "") or "(none)"


GENERAL = (
    Measure("information", _information, _information_lines, reads_latents=True),
    Measure("annealed", _annealed, _annealed_lines, reads_latents=True),
    Measure("amortization", _amortization, _amortization_lines, reads_latents=True),
    Measure("probes", _probes, _probe_lines, reads_latents=True),
    Measure("disentanglement", _disentanglement, _disentanglement_lines, reads_latents=True),
)
"""The measures of any model, in their order."""
