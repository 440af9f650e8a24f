"""The second stage: a prior that is fitted to the latents of a run right after its training, and takes the first one's place."""

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
_PER_COMPONENT = 100  # training data behind a Gaussian with a covariance of its own
_OPERATIONS = 2e10  # of one turn of expectation maximisation: about a second on a core
_DETECTED = 10_000  # rows a side that the detector is trained and tested on


@dataclass(frozen=True)
class _Candidate:
    """A prior that may take the place: how near its rows come, and what the doctor of rows or the latents say.

    Args:
        name: Of the prior.
        refitted: The model with it; None for the prior trained with.
        score: Lower is better.
        said: The score in words.
    """

    name: str
    refitted: Refitted | None
    score: float
    said: str


def second_stage(trained: TrainedModel, training: Training, preset: str) -> tuple[TrainedModel, str]:
    """Return the model with its latents' prior fitted, and a sentence on what was chosen and why.

    One prior is fitted where the settings name it. With `choose` a table tries several: of each, rows are drawn and
    gradient-boosted trees are asked to tell them from the validation part; the prior that is hardest to find out stays.
    Other data choose by the density of held-out latents.

    References:
        Dai and Wipf, 2019, "Diagnosing and enhancing VAE models" (two stages); Lopez-Paz and Oquab, 2017, "Revisiting
        classifier two-sample tests"; Zhang et al., 2024, "Mixed-type tabular data synthesis with score-based diffusion in
        latent space" (of tables, the second stage is where the gain lies).

    Args:
        trained: The model, with its data.
        training: Its settings, which say which prior.
        preset: How much to spend.
    """
    wanted = training.second_stage
    count = len(trained.data.part("train"))
    priors = _candidates(wanted, count, sum(trained.latents.sizes), preset)
    fitted = [(prior, _matched(trained, refitted(trained, prior, training.seed))) for prior in priors]
    if wanted != "choose":
        prior, found = fitted[0]
        gain = f"E log p(z) of held-out latents rose from {found.scores[0]:.2f} to {found.scores[1]:.2f} nats"
        return _with(trained, found), f"second stage: prior={prior.kind} fitted to the latents ({gain})"
    tried = [_judged(trained, found, _name(prior)) for prior, found in fitted]
    if trained.view.traits.columns:
        name = "the prior" if trained.description is None else f"prior={trained.description.prior.kind}"
        tried.append(_judged(trained, None, f"{name} as trained"))
    best = min(tried, key=lambda candidate: candidate.score)
    note = f"second stage: {best.name}, of {', '.join(f'{one.name} {one.said}' for one in tried)}"
    return (trained if best.refitted is None else _with(trained, best.refitted)), note


def _candidates(wanted: str, count: int, latent: int, preset: str) -> list[Prior]:
    monomials = (latent + 1) * (latent + 2) / 2
    affordable = int(_OPERATIONS / (4 * count * monomials))
    components = max(1, min(_COMPONENTS, count // _PER_COMPONENT, affordable))
    mixture = GMM(components=components, covariance="full")
    others: tuple[str, ...] = ("flow", "diffusion") if preset == "best" else ()
    if wanted not in ("gmm", "choose"):
        return [_PRIOR.validate_python({"kind": wanted})]
    return [mixture, *(_PRIOR.validate_python({"kind": kind}) for kind in others if wanted == "choose")]


def _matched(trained: TrainedModel, found: Refitted) -> Refitted:
    """Return the model with the marginals of categorical variables as they are in training."""
    slots = trained.view.traits.slots
    if slots and not trained.conditions.size:
        rows = trained.data.drawn("train")
        with evaluating(found.model):
            match_marginals(found.model, trained.view.prepare(trained.data.values[rows]), trained.view.traits.masks)
    return found


def _judged(trained: TrainedModel, found: Refitted | None, name: str) -> _Candidate:
    columns = trained.view.traits.columns
    if not columns:
        assert found is not None
        return _Candidate(name, found, -found.scores[1], f"{found.scores[1]:.2f} nats")
    data = trained.data
    real = data.table.take(data.drawn("validation", _DETECTED).numpy())
    made = (trained if found is None else _with(trained, found)).sample(len(real), seed=1)
    cells, others = comparable(real, made, kinds=columns)
    auc = detection(cells, others, rows=_DETECTED).auc
    return _Candidate(name, found, auc, f"detected with AUC {auc:.3f}")


def _with(trained: TrainedModel, found: Refitted) -> TrainedModel:
    return trained.with_model(found.description, found.model)


def _name(prior: Prior) -> str:
    return f"prior={prior.kind}" + (f" with {prior.components} components" if isinstance(prior, GMM) else "")
