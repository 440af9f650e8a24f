"""From data and a user's keys to a complete experiment: every other key is chosen, with its reason."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import Any

import torch

from vaekit.data import Dataset
from vaekit.interfaces.describing.experiment import Experiment
from vaekit.interfaces.describing.keys import DERIVED
from vaekit.modalities import Choice, Description, Modality, Pace, Preset, Reading, Situation, described, modality_named
from vaekit.modalities.modality import Sections, three_sections
from vaekit.training import Training
from vaekit.training.device import device_named

__all__ = ["plan"]

_BOUNDS = ("elbo", "iwae", "miwae", "piwae", "ciwae", "renyi")
"""The bounds on the evidence: only these objectives can train a prior of any form."""

_MANY = 10_000  # training data from which a learned prior does not overfit
_ENOUGH = 200  # training data that a mixture needs
_BRIEF = 300  # steps, below which encoded data say little
_OBJECTIVE_OF = {
    "delta": ("rae", "posterior=delta has no density, hence no evidence bound: a regularised autoencoder"),
    "vq": ("vq", "posterior=vq needs the commitment term, which ties the encoder to its codebook"),
}
"""The objective that a posterior needs instead of the ELBO, and the reason."""


def plan(
    data: Dataset,
    reading: Reading,
    given: Mapping[str, Mapping[str, Any]],
    preset: Preset = "balanced",
    model: Description | None = None,
) -> Experiment:
    """Complete an experiment: the user's keys stay, every other key is chosen with its reason.

    Args:
        data: The data, opened.
        reading: How they were opened.
        given: The user's keys by section: `model`, `objective`, `training`.
        preset: How much to spend.
        model: The user's description of the model, if there is one.

    Raises:
        pydantic.ValidationError: A key is unknown or out of range.
        ValueError: The data do not suit the model or have no schema, or the device does not exist.
    """
    if data.schema is None or modality_named(reading.kind).description is None:
        *kinds, last = (f"{each.kind}s" for each in described())
        raise ValueError(
            f"only {', '.join(kinds)} and {last} get a model by themselves; give these, or model=VAE(prior, posterior, likelihood)"
        )
    modality = modality_named(reading.kind if model is None else model.kind)
    sections = three_sections(given)
    if model is not None:
        keys, model = modality.restated(model)
        if keys is not None:
            own = {name: value for name, value in keys.items() if name not in DERIVED["model"]}
            sections["model"], model = {**own, **sections["model"]}, None
    device = sections["training"].get("device", "auto")
    gpu = device in ("cuda", "mps") or (device == "auto" and torch.cuda.is_available())
    experiment = _Planner(data, reading, modality, preset, gpu).resolve(sections, model)
    device_named(experiment.training.device)  # an unknown device is refused before anything is built
    assert experiment.model is not None
    experiment.model.check(data)
    return experiment


class _Planner:
    """The facts that all choices depend on."""

    def __init__(self, data: Dataset, reading: Reading, modality: Modality, preset: Preset, gpu: bool) -> None:
        self.data, self.reading, self.modality, self.preset, self.gpu = data, reading, modality, preset, gpu
        self.count = len(data.part("train"))
        self.seconds: float | None = None

    def resolve(self, sections: Sections, model: Description | None) -> Experiment:
        """Return the experiment; a description of the user stays."""
        self.seconds = Training.model_validate(sections["training"]).seconds
        lengths = self.modality.lengths(self.data, sections["model"], self._situation(0))
        why = [choice for choice in lengths if not _is_settled(choice.key, sections["training"])]
        sections["training"] = {**{choice.key: choice.value for choice in why}, **sections["training"]}
        training = Training.model_validate(sections["training"])
        if model is None:
            completed = self.modality.complete(sections, self._pace(training))
            sections = completed.sections
            why = [*([] if completed.choice is None else [completed.choice]), *why]
            model, chosen = self._chosen(sections, training.batch)
            second = self._second_stage(model, sections, self._pace(training))
            second = [choice for choice in second if choice.key not in sections["training"]]
            why = [*chosen, *second, *why]
            sections["training"] |= {choice.key: choice.value for choice in second}
        for choice in self.modality.optimization(model, training.batch):
            settings = sections["training"]
            # The decay is meant for adamw: with adam it would be another penalty.
            if choice.key not in settings and (choice.key != "weight_decay" or settings["optimizer"] == "adamw"):
                why.append(choice)
                settings[choice.key] = choice.value
        # Validated from plain data, so that a wrong key is reported by its path.
        return Experiment.model_validate(
            {
                "data": self.reading,
                "model": model,
                "objective": {"kind": _natural_objective(model).value, **sections["objective"]},
                "training": sections["training"],
                "preset": self.preset,
                "choices": why,
            }
        )

    def _chosen(self, sections: Sections, batch: int) -> tuple[Description, list[Choice]]:
        """Return the model that suits the data, with its posterior and prior, and the choices."""
        keys, objective = sections["model"], sections["objective"]
        keys |= self._context(keys)
        model, choices = self.modality.choose(self.data, keys, self._situation(batch))
        parts = self._posterior_and_prior(model, keys, objective)
        if "prior" not in keys:
            model = model.replace(prior={"kind": parts[-1].value})
        return model, [*choices, *parts, *([] if "kind" in objective else [_natural_objective(model)])]

    def _posterior_and_prior(
        self, model: Description, keys: Mapping[str, Any], objective: Mapping[str, Any]
    ) -> list[Choice]:
        """Choose posterior and prior if the user did not; the prior comes last."""
        if not model.view(self.data.schema).traits.latents:
            return [Choice(key="prior", value=model.prior.kind, reason="not read: a language model has no latents")]
        choices = []
        if "posterior" not in keys:
            reason = "the usual family: quick, and its rate has a closed form where the prior is normal"
            choices.append(Choice(key="posterior", value=model.posterior.kind, reason=reason))
        if "prior" not in keys:
            choices.append(self._prior(model, objective))
        return choices

    def _prior(self, model: Description, objective: Mapping[str, Any]) -> Choice:
        """Choose the prior: a learned one if there are enough data, because it has a higher bound than N(0, I)."""
        simplest = model.prior.kind
        if simplest != "standard" or model.posterior.kind == "delta":
            reason = f"the simplest on the space of posterior={model.posterior.kind}"
            return Choice(key="prior", value=simplest, reason=reason)
        why = self.modality.simple_prior(model) or self._no_learned_prior(model, objective)
        if why is not None:
            return Choice(key="prior", value="standard", reason=why)
        if self.preset == "fast" or importlib.util.find_spec("zuko") is None:
            why = "costs no time" if self.preset == "fast" else "without vaekit[flows]"
            reason = f"a learned mixture {why} and fits the encoded data better than N(0, I)"
            return Choice(key="prior", value="gmm", reason=reason)
        gain = "more latents stay active, and samples improve"
        reason = f"a learned flow fits the encoded data better than N(0, I): {gain}"
        return Choice(key="prior", value="flow", reason=reason)

    def _second_stage(self, model: Description, sections: Sections, pace: Pace) -> list[Choice]:
        """Choose a prior that is fitted after training, where N(0, I) was chosen only because the data are few."""
        objective = sections["objective"]
        is_chosen = "prior" not in sections["model"] and model.prior.kind == "standard"
        has_density = model.posterior.kind != "delta" and model.view(self.data.schema).traits.latents
        why = self.modality.simple_prior(model) or _factorizing(model, objective)
        could_learn = is_chosen and has_density and why is None
        is_brief = self.preset == "fast" or (pace.steps is not None and pace.steps < _BRIEF)
        # The doctor judges a weight that the user gave by the prior of training.
        if not could_learn or is_brief or "beta" in objective or not _ENOUGH <= self.count < _MANY:
            return []
        reason = "a mixture fitted to the encoded data afterwards, kept if validation data are likelier under it"
        return [Choice(key="second_stage", value="choose", reason=reason)]

    def _no_learned_prior(self, model: Description, objective: Mapping[str, Any]) -> str | None:
        """Return the reason against a learned prior; None if there is none."""
        why = _factorizing(model, objective)
        few = f"{self.count:,} training data: nothing to learn, nothing to overfit"
        return why or (few if self.count < _MANY else None)

    def _context(self, keys: Mapping[str, Any]) -> dict[str, int]:
        """Return the length of the vectors that come with the data, if the model is conditioned on them."""
        if keys.get("condition") != "context":
            return {}
        if self.data.context is None:
            raise ValueError(
                "condition=context needs a vector with each datum, and these data have none; "
                "give an array `context` of shape (N, C) in the .npz file, or fit(..., context=...)"
            )
        return {"context": self.data.context.shape[1]}

    def _situation(self, batch: int) -> Situation:
        return Situation(self.count, self.preset, batch, self.gpu, self.seconds)

    def _pace(self, training: Training) -> Pace:
        per_epoch = max(1, self.count // training.batch)
        timed = training.time_limit and not training.steps
        return Pace(per_epoch, None if timed else training.steps or training.epochs * per_epoch)


def _factorizing(model: Description, objective: Mapping[str, Any]) -> str | None:
    """Return why objective and model are meant for a prior that factorises; None if they are not."""
    kind = objective.get("kind", "elbo")
    if kind not in _BOUNDS or objective.get("free_bits"):
        named = f"objective={kind}{' with free bits' if objective.get('free_bits') else ''}"
        return f"{named} is meant for a prior that factorises"
    if model.condition != "none":
        return f"the model is conditional on {model.condition}: nothing to learn, nothing to overfit"
    return None


def _natural_objective(model: Description) -> Choice:
    """Choose the objective that suits the posterior."""
    kind, reason = _OBJECTIVE_OF.get(model.posterior.kind, ("elbo", "the evidence lower bound itself"))
    return Choice(key="objective", value=kind, reason=reason)


def _is_settled(key: str, training: Mapping[str, Any]) -> bool:
    """Return whether the user's keys decide this one; steps, epochs and a time limit all decide the length."""
    return key in training or (key in ("epochs", "steps") and bool({"epochs", "steps", "time_limit"} & set(training)))
