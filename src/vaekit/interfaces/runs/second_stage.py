"""The second stage: after training, a prior is fitted to the latents and replaces the one of training."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import TypeAdapter

from vaekit.evaluation.tables import comparable, detection
from vaekit.heads import GMM, AnyPrior, Prior
from vaekit.interfaces.runs.refitting import Refitted, refitted
from vaekit.models import evaluating
from vaekit.trained import TrainedModel
from vaekit.training import Training
from vaekit.training.marginals import match_marginals

__all__ = ["second_stage"]

_PRIOR: TypeAdapter[Prior] = TypeAdapter(AnyPrior)
_COMPONENTS = 256
_PER_COMPONENT = 100  # training data per Gaussian with its own covariance
_OPERATIONS = 2e10  # of one iteration of expectation maximisation: about a second on a core
_DETECTED = 10_000  # real rows, and as many samples, that the detector is trained and tested on


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


def second_stage(trained: TrainedModel, training: Training, preset: str) -> tuple[TrainedModel, str]:
    """Return the model with a prior fitted to its latents, and a sentence on the choice and the reason for it.

    If the settings name a prior, it is fitted. With `choose` several priors are fitted, and compared with the one of training.
    For tables, gradient-boosted trees try to distinguish samples of each model from the validation part, and the prior that is
    hardest to detect is chosen. Other data choose by the density of the latents of the validation part. Where none can be
    fitted, the prior of training stays.

    References:
        Dai and Wipf, 2019, "Diagnosing and enhancing VAE models" (two stages); Lopez-Paz and Oquab, 2017, "Revisiting
        classifier two-sample tests"; Zhang et al., 2024, "Mixed-type tabular data synthesis with score-based diffusion in
        latent space" (of tables, the second stage is where the gain lies).

    Args:
        trained: The model, with its data.
        training: Its settings, which name the prior.
        preset: How much to spend.
    """
    count = len(trained.data.part("train"))
    priors = _candidates(training.second_stage, count, sum(trained.latents.sizes), preset)
    if training.second_stage != "choose":
        new = _fitted(trained, priors[0], training.seed)
        return _with(trained, new), f"second stage: prior={priors[0].kind} fitted to the latents ({new.gain})"
    tried, refused = list[_Candidate](), ""
    for prior in priors:
        try:
            new = _fitted(trained, prior, training.seed)
        except (ValueError, RuntimeError) as error:  # a run does not fail for a prior that nobody named
            refused = str(error)
            continue
        tried.append(_scored(trained, new, _name(prior)))
    if not tried:
        return trained, f"second stage: the prior stays as trained, as no other can be fitted: {refused}"
    name = "the prior" if trained.description is None else f"prior={trained.description.prior.kind}"
    tried.append(_as_trained(trained, f"{name} as trained", tried[0]))
    best = min(tried, key=lambda candidate: candidate.score)
    note = f"second stage: {best.name}, of {', '.join(f'{one.name} {one.result}' for one in tried)}"
    return (trained if best.refitted is None else _with(trained, best.refitted)), note


def _candidates(setting: str, count: int, latent: int, preset: str) -> list[Prior]:
    if setting not in ("gmm", "choose"):
        return [_PRIOR.validate_python({"kind": setting})]
    monomials = (latent + 1) * (latent + 2) / 2
    affordable = int(_OPERATIONS / (4 * count * monomials))
    components = max(1, min(_COMPONENTS, count // _PER_COMPONENT, affordable))
    mixture = GMM(components=components, covariance="full")
    others = ("flow", "diffusion") if preset == "best" and setting == "choose" else ()
    return [mixture, *(_PRIOR.validate_python({"kind": kind}) for kind in others)]


def _fitted(trained: TrainedModel, prior: Prior, seed: int) -> Refitted:
    return _matched(trained, refitted(trained, prior, seed))


def _as_trained(trained: TrainedModel, name: str, other: _Candidate) -> _Candidate:
    """Return the prior of training, judged as another candidate was."""
    if trained.view.traits.columns or other.refitted is None:
        return _scored(trained, None, name)
    nats = other.refitted.scores[0]
    return _Candidate(name, None, -nats, f"{nats:.2f} nats")


def _matched(trained: TrainedModel, new: Refitted) -> Refitted:
    """Return the model after its categorical variables get the marginals of the training data."""
    slots = trained.view.traits.slots
    if slots and not trained.conditions.size:
        rows = trained.data.drawn("train")
        with evaluating(new.model):
            match_marginals(new.model, trained.view.prepare(trained.data.values[rows]), trained.view.traits.masks)
    return new


def _scored(trained: TrainedModel, new: Refitted | None, name: str) -> _Candidate:
    columns = trained.view.traits.columns
    if not columns:
        assert new is not None
        return _Candidate(name, new, -new.scores[1], f"{new.scores[1]:.2f} nats")
    data = trained.data
    real = data.table.take(data.drawn("validation", _DETECTED).numpy())
    made = (trained if new is None else _with(trained, new)).displayed.sample(len(real), seed=1)
    cells, others = comparable(real, made, kinds=columns)
    auc = detection(cells, others, rows=_DETECTED).auc
    return _Candidate(name, new, auc, f"detected with AUC {auc:.3f}")


def _with(trained: TrainedModel, new: Refitted) -> TrainedModel:
    return trained.with_model(new.description, new.model)


def _name(prior: Prior) -> str:
    return f"prior={prior.kind}" + (f" with {prior.components} components" if isinstance(prior, GMM) else "")
