"""The second stage: after training, a prior is fitted to the latents and replaces the one of training."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pydantic import TypeAdapter

from vaekit.errors import NotApplicable
from vaekit.evaluation.tables import comparable, detection
from vaekit.heads import GMM, AnyPrior, Prior
from vaekit.interfaces.runs.refitting import Refitted, refitted
from vaekit.models import evaluating
from vaekit.trained import TrainedModel
from vaekit.training import Training
from vaekit.training.budget import NEVER, Deadline
from vaekit.training.marginals import match_marginals

__all__ = ["second_stage"]

_PRIOR: TypeAdapter[Prior] = TypeAdapter(AnyPrior)
_COMPONENTS = 256
_PER_COMPONENT = 100  # training data per Gaussian with its own covariance
_OPERATIONS = 2e10  # of one iteration of expectation maximisation: about a second on a core
_ITERATIONS = 30  # at least, that a mixture needs, its start by k-means counted as some of them
_FITTING = 0.5  # part of the time that is left for fitting, of which each prior gets an equal share
_DETECTING = 2000  # real rows a second for which the trees are grown and asked
_DETECTED = 10_000  # real rows, and as many samples, that the detector is trained and tested on, at most
_FEWEST = 500  # the same, at least, where time is short


@dataclass(frozen=True)
class _Candidate:
    """A prior that was tried, and its score.

    Args:
        name: The name of the prior.
        refitted: The model with it; None for the prior of training.
        score: Lower is better.
        result: The score in words.
    """

    name: str
    refitted: Refitted | None
    score: float
    result: str


def second_stage(
    trained: TrainedModel, training: Training, preset: str, deadline: Deadline = NEVER
) -> tuple[TrainedModel, str]:
    """Return the model with a prior fitted to its latents, and a sentence on the choice and the reason for it.

    If the settings name a prior, it is fitted. With `choose` several priors are fitted. For tables, gradient-boosted trees
    then try to distinguish samples of each model from the validation part, and the prior that is hardest to detect is
    chosen. Other data, and too few rows, choose by the density of held-out latents. What cannot be fitted is left out.

    References:
        Dai and Wipf, 2019, "Diagnosing and enhancing VAE models" (two stages); Lopez-Paz and Oquab, 2017, "Revisiting
        classifier two-sample tests"; Zhang et al., 2024, "Mixed-type tabular data synthesis with score-based diffusion in
        latent space" (of tables, the second stage is where the gain lies).

    Args:
        trained: The model, with its data.
        training: Its settings, which name the prior.
        preset: How much to spend.
        deadline: When it must have ended.
    """
    if deadline.left <= 0:
        return trained, "second stage: left out, because the time limit leaves nothing for it"
    try:
        return _second_stage(trained, training, preset, deadline)
    except (ValueError, RuntimeError) as error:  # too few data, for example, or matrices that cannot be inverted
        return trained, f"second stage: none; the prior of training stays, because {error}"


def _second_stage(
    trained: TrainedModel, training: Training, preset: str, deadline: Deadline
) -> tuple[TrainedModel, str]:
    count = len(trained.data.part("train"))
    operations = _OPERATIONS * min(1.0, _FITTING * deadline.left / _ITERATIONS)
    priors = _candidates(training.second_stage, count, sum(trained.latents.sizes), preset, operations)
    fitted = []
    for left, prior in zip(range(len(priors), 0, -1), priors, strict=True):
        until = deadline.before((1 - _FITTING / left) * deadline.left) if deadline.left < math.inf else deadline
        fitted.append((_name(prior), _matched(trained, refitted(trained, prior, training.seed, until))))
    if training.second_stage != "choose":
        prior, new = priors[0], fitted[0][1]
        return _with(trained, new), f"second stage: prior={prior.kind} fitted to the latents ({new.gain})"
    tried = _tried(trained, fitted, int(min(_DETECTED, _DETECTING * deadline.left / (len(fitted) + 1))))
    best = min(tried, key=lambda candidate: candidate.score)
    note = f"second stage: {best.name}, of {', '.join(f'{one.name} {one.result}' for one in tried)}"
    return (trained if best.refitted is None else _with(trained, best.refitted)), note


def _candidates(setting: str, count: int, latent: int, preset: str, operations: float) -> list[Prior]:
    if setting not in ("gmm", "choose"):
        return [_PRIOR.validate_python({"kind": setting})]
    monomials = (latent + 1) * (latent + 2) / 2
    affordable = int(operations / (4 * count * monomials))
    components = max(1, min(_COMPONENTS, count // _PER_COMPONENT, affordable))
    mixture = GMM(components=components, covariance="full")
    others = ("flow", "diffusion") if preset == "best" and setting == "choose" else ()
    return [mixture, *(_PRIOR.validate_python({"kind": kind}) for kind in others)]


def _matched(trained: TrainedModel, new: Refitted) -> Refitted:
    """Return the model after its categorical variables get the marginals of the training data."""
    slots = trained.view.traits.slots
    if slots and not trained.conditions.size:
        rows = trained.data.drawn("train")
        with evaluating(new.model):
            match_marginals(new.model, trained.view.prepare(trained.data.values[rows]), trained.view.traits.masks)
    return new


def _tried(trained: TrainedModel, fitted: list[tuple[str, Refitted]], rows: int) -> list[_Candidate]:
    """Return the candidates with their scores, the prior of training among them; a detector gets so many rows of tables."""
    name = "the prior" if trained.description is None else f"prior={trained.description.prior.kind}"
    first = f"{name} as trained"
    if trained.view.traits.columns and rows >= _FEWEST:
        try:
            return [_detected(trained, new, name, rows) for name, new in [*fitted, (first, None)]]
        except NotApplicable:  # the data have too few rows for a detector
            pass
    densities = [*((name, new, new.scores[1]) for name, new in fitted), (first, None, fitted[0][1].scores[0])]
    return [_Candidate(name, new, -density, f"{density:.2f} nats") for name, new, density in densities]


def _detected(trained: TrainedModel, new: Refitted | None, name: str, rows: int) -> _Candidate:
    data = trained.data
    real = data.table.take(data.drawn("validation", rows).numpy())
    made = (trained if new is None else _with(trained, new)).displayed.sample(len(real), seed=1)
    cells, others = comparable(real, made, kinds=trained.view.traits.columns)
    auc = detection(cells, others, rows=rows).auc
    if math.isnan(auc):
        raise NotApplicable("the rows are too few, or too much alike, for a detector")
    return _Candidate(name, new, auc, f"detected with AUC {auc:.3f}")


def _with(trained: TrainedModel, new: Refitted) -> TrainedModel:
    return trained.with_model(new.description, new.model)


def _name(prior: Prior) -> str:
    return f"prior={prior.kind}" + (f" with {prior.components} components" if isinstance(prior, GMM) else "")
