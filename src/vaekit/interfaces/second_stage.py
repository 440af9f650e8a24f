"""The second stage: a prior that is fitted to the latents of a run right after its training, and takes the first one's place."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pydantic import TypeAdapter

from vaekit.data import TableSchema
from vaekit.evaluation.tables import detection
from vaekit.heads import GMM, AnyPrior, Prior
from vaekit.interfaces.comparing import as_cells
from vaekit.interfaces.imputing import table_schema
from vaekit.interfaces.prior import Refitted, refitted
from vaekit.interfaces.run import Run
from vaekit.models import evaluating
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


def second_stage(run: Run) -> tuple[Run, str]:
    """Return the run with its latents' prior fitted, written to its folder, and a sentence on what was chosen and why.

    One prior is fitted where the settings name it. With `choose` a table tries several: of each, rows are drawn and
    gradient-boosted trees are asked to tell them from the validation part; the prior that is hardest to find out stays.
    Other data choose by the density of held-out latents.

    References:
        Dai and Wipf, 2019, "Diagnosing and enhancing VAE models" (two stages); Lopez-Paz and Oquab, 2017, "Revisiting
        classifier two-sample tests"; Zhang et al., 2024, "Mixed-type tabular data synthesis with score-based diffusion in
        latent space" (of tables, the second stage is where the gain lies).
    """
    wanted = run.experiment.training.second_stage
    count = len(run.data.part("train"))
    priors = _candidates(wanted, count, _latents(run), run.experiment.preset)
    fitted = [(prior, _matched(run, refitted(run, prior))) for prior in priors]
    if wanted != "choose":
        prior, found = fitted[0]
        return _in_place(run, found), f"second stage: prior={prior.kind} fitted to the latents ({_gain(found)})"
    tried = [_judged(run, found, _name(prior)) for prior, found in fitted]
    if run.kind == "table":
        tried.append(_judged(run, None, f"{_prior_of(run)} as trained"))
    best = min(tried, key=lambda candidate: candidate.score)
    note = f"second stage: {best.name}, of {', '.join(f'{one.name} {one.said}' for one in tried)}"
    return (run if best.refitted is None else _in_place(run, best.refitted)), note


def _latents(run: Run) -> int:
    model = run.experiment.model
    return 1 if model is None else math.prod(model.posterior.latent_event(model.latent))


def _candidates(wanted: str, count: int, latent: int, preset: str) -> list[Prior]:
    monomials = (latent + 1) * (latent + 2) / 2
    affordable = int(_OPERATIONS / (4 * count * monomials))
    components = max(1, min(_COMPONENTS, count // _PER_COMPONENT, affordable))
    mixture = GMM(components=components, covariance="full")
    others: tuple[str, ...] = ("flow", "diffusion") if preset == "best" else ()
    if wanted not in ("gmm", "choose"):
        return [_PRIOR.validate_python({"kind": wanted})]
    return [mixture, *(_PRIOR.validate_python({"kind": kind}) for kind in others if wanted == "choose")]


def _matched(run: Run, found: Refitted) -> Refitted:
    """Return the model of a table with the marginals of its categories as they are in training."""
    if isinstance(run.schema, TableSchema) and not run.conditions.size:
        rows = run.data.drawn("train")
        masks = {place: mask for mask in run.schema.masks for place in run.schema.masked_by(mask)}
        with evaluating(found.model):
            match_marginals(found.model, run.view.prepare(run.data.values[rows]), masks)
    return found


def _judged(run: Run, found: Refitted | None, name: str) -> _Candidate:
    if run.kind != "table":
        assert found is not None
        return _Candidate(name, found, -found.scores[1], f"{found.scores[1]:.2f} nats")
    data, rows = run.data, run.data.drawn("validation", _DETECTED)
    real = data.table.take(rows.numpy())
    made = (run if found is None else run.with_model(found.description, found.model)).sample(len(rows), seed=1)
    cells, others = as_cells(table_schema(run), real, made)
    auc = detection(cells, others, rows=_DETECTED).auc
    return _Candidate(name, found, auc, f"detected with AUC {auc:.3f}")


def _in_place(run: Run, found: Refitted) -> Run:
    run.folder.write_model(found.model, found.description, run.data.schema)
    return run.with_model(found.description, found.model)


def _prior_of(run: Run) -> str:
    model = run.experiment.model
    return "the prior" if model is None else f"prior={model.prior.kind}"


def _name(prior: Prior) -> str:
    return f"prior={prior.kind}" + (f" with {prior.components} components" if isinstance(prior, GMM) else "")


def _gain(found: Refitted) -> str:
    return f"E log p(z) of held-out latents rose from {found.scores[0]:.2f} to {found.scores[1]:.2f} nats"
