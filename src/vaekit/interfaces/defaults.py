"""What the objective, the prior and training are by default, for the model and the data at hand, each with its reason."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Mapping
from typing import Any

from vaekit.modalities import Choice, Model, Preset, TextVAE

__all__ = ["following", "lengths", "natural_objective", "optimization", "settled"]

_BOUNDS = ("elbo", "iwae", "miwae", "piwae", "ciwae", "renyi")
"""The objectives that train a prior of any form: bounds on the evidence."""

_MANY = 10_000  # training data from which a prior of its own is learned without overfitting
_OBJECTIVE_OF = {
    "delta": ("rae", "posterior=delta has no density, hence no evidence bound: a regularised autoencoder"),
    "vq": ("vq", "posterior=vq needs the commitment term, which ties the encoder to its codebook"),
}
"""The objective that a posterior brings, where it is not the ELBO, and why."""

_BATCHES = {"image": (128, 256), "text": (128, 128), "table": (256, 1024), "imputation": (256, 256)}
"""Data per step, by kind, or by the goal of a table: with 2,048 training data, and with 20,000 or more."""
_EPOCHS = {"fast": 60, "balanced": 300, "best": 1000}
_FEW_ROWS = 2048
_STEPS = {"fast": 2000, "balanced": 6000, "best": 12_000}
_FEWER = {"image": 1, "text": 5, "table": 1}
"""What the epochs are divided by: data that are seen whole in fewer steps."""


def following(
    model: Model, wanted: Mapping[str, Any], count: int, preset: Preset, objective: Mapping[str, Any]
) -> list[Choice]:
    """Return posterior and prior where they were left open: the second, which comes last, follows the first."""
    found: list[Choice] = []
    if isinstance(model, TextVAE) and model.model == "lm":
        return [Choice(key="prior", value=model.prior.kind, reason="not read: a language model has no latents")]
    if "posterior" not in wanted:
        reason = "the usual family: quick, and its rate has a closed form where the prior is normal"
        found.append(Choice(key="posterior", value=model.posterior.kind, reason=reason))
    if "prior" not in wanted:
        found.append(_prior(model, count, preset, objective))
    return found


def _prior(model: Model, count: int, preset: Preset, objective: Mapping[str, Any]) -> Choice:
    """Return the prior: a learned one where there are data enough, since N(0, I) leaves nats on the table."""
    simplest = model.prior.kind
    if simplest != "standard" or model.posterior.kind == "delta":
        return Choice(
            key="prior", value=simplest, reason=f"the simplest on the space of posterior={model.posterior.kind}"
        )
    if model.kind == "text":
        return Choice(
            key="prior", value="standard", reason="that of the published figures; fit-prior gives another one"
        )
    if model.kind == "table" and model.goal == "synthesis":
        return Choice(key="prior", value="standard", reason="while training: another one is fitted after it")
    if objective.get("kind", "elbo") not in _BOUNDS or objective.get("free_bits"):
        named = f"objective={objective.get('kind', 'elbo')}{' with free bits' if objective.get('free_bits') else ''}"
        return Choice(key="prior", value="standard", reason=f"{named} is meant for a prior that factorises")
    if count < _MANY or model.condition != "none":
        why = f"{count:,} training data" if count < _MANY else f"the model is conditional on {model.condition}"
        return Choice(key="prior", value="standard", reason=f"{why}: nothing to learn, nothing to overfit")
    if preset == "fast" or importlib.util.find_spec("zuko") is None:
        why = "costs no time" if preset == "fast" else "without vaekit[flows]"
        return Choice(
            key="prior", value="gmm", reason=f"a learned mixture {why} and fits the encoded data better than N(0, I)"
        )
    reason = "a learned flow fits the encoded data better than N(0, I): more latents stay active, and samples improve"
    return Choice(key="prior", value="flow", reason=reason)


def natural_objective(model: Model) -> Choice:
    """Return the objective that a posterior asks for."""
    kind, reason = _OBJECTIVE_OF.get(model.posterior.kind, ("elbo", "the evidence lower bound itself"))
    return Choice(key="objective", value=kind, reason=reason)


def lengths(count: int, preset: Preset, kind: str, goal: str = "") -> list[Choice]:
    """Return the choices that depend on the number of data: the batch, and how long to train."""
    usual, large = _BATCHES.get(goal, _BATCHES[kind])
    batch = large if count >= 20_000 else usual if count >= 2048 else max(1, min(64, count // 8))
    epochs = _EPOCHS[preset] // _FEWER[kind]
    reason = f"{count:,} training data: large enough for quick products, small enough for many steps"
    if kind == "table" and count < _FEW_ROWS:
        why = f"{count:,} training rows: a number of steps, for a bound on so few held-out ones is too noisy to end by"
        steps = Choice(key="steps", value=_STEPS[preset], reason=why)
        return [Choice(key="batch", value=batch, reason=reason), steps]
    return [
        Choice(key="batch", value=batch, reason=reason),
        Choice(key="epochs", value=epochs, reason=f"preset {preset}; patience may end training earlier"),
    ]


def settled(key: str, wanted: dict[str, Any]) -> bool:
    """Say whether the user's keys leave nothing to choose; a number of steps or a time limit stands for epochs."""
    return key in wanted or (key in ("epochs", "steps") and bool({"epochs", "steps", "time_limit"} & set(wanted)))


def optimization(model: Model, batch: int) -> list[Choice]:
    """Return learning rate and weight decay: residual MLPs with layer norm bear a high one, and profit from the other."""
    if model.kind == "text":
        return _text_optimization(model)
    if model.kind == "table":
        return [
            Choice(key="lr", value=2e-3, reason="layer-normed dense layers bear twice Adam's usual peak"),
            Choice(key="threads", value=1, reason="a step is many small operations, for which threads only wait"),
        ]
    if not (model.net.kind == "mlp" and model.net.residual and model.net.norm == "layer"):
        return [Choice(key="lr", value=1e-3, reason="the usual peak of Adam for convolutions and plain nets")]
    reason = f"residual blocks with layer norm stand 3e-3 at batch 256; scaled by the root of batch {batch}"
    return [
        Choice(key="lr", value=round(min(3e-3, 3e-3 * math.sqrt(batch / 256)), 6), reason=reason),
        Choice(key="optimizer", value="adamw", reason="Adam with a weight decay that its step sizes do not rescale"),
        Choice(key="weight_decay", value=0.05, reason="narrows the gap between training and held-out bound of an MLP"),
    ]


def _text_optimization(model: TextVAE) -> list[Choice]:
    if model.net.kind in ("lstm", "gru"):
        lr = Choice(
            key="lr", value=4e-3, reason="recurrent nets with averaged weights stand four times Adam's usual peak"
        )
    else:
        lr = Choice(key="lr", value=1e-3, reason="the usual peak of Adam for transformers and convolutions")
    return [lr, Choice(key="patience", value=5, reason="bounds of texts overfit soon after their best")]
