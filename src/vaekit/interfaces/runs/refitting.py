"""Another prior for a trained model, fitted to its latents; posterior and likelihood do not change."""

from __future__ import annotations

from typing import Literal, NamedTuple

from torch import Tensor

from vaekit.data import sequential
from vaekit.distributions import drawing
from vaekit.errors import NotApplicable
from vaekit.heads import Prior, PseudoInputs
from vaekit.modalities import Description
from vaekit.models import LatentVariableModel, evaluating
from vaekit.trained import TrainedModel
from vaekit.training.budget import NEVER, Deadline
from vaekit.training.prior import Encoded, encode
from vaekit.training.second_stage import fit_second_stage

__all__ = ["Refitted", "refitted"]

_BATCH = 256
_PARTS: tuple[Literal["train", "validation"], ...] = ("train", "validation")
_LOOKED = 1024  # data that pseudo-inputs start from


class Refitted(NamedTuple):
    """A model with another prior, fitted to its latents.

    Args:
        description: Its description.
        model: Its modules, in evaluation mode.
        scores: E log p(z) of held-out latents before and after, in nats.
    """

    description: Description
    model: LatentVariableModel
    scores: tuple[float, float]

    @property
    def gain(self) -> str:
        """The effect of the fit, in words."""
        return f"E log p(z) of held-out latents rose from {self.scores[0]:.2f} to {self.scores[1]:.2f} nats"


def refitted(run: TrainedModel, prior: Prior, seed: int = 0, deadline: Deadline = NEVER) -> Refitted:
    """Return a trained model with a prior fitted to its latents; the model itself does not change.

    Args:
        run: A model with a description, and with its data.
        prior: The prior to fit.
        seed: Seed of the new prior and of its fitting.
        deadline: When fitting ends early, with the best prior until then.

    Raises:
        NotApplicable: The model is a free composition.
        ValueError: Its data are not at hand, or the prior does not suit its latents.
    """
    if run.description is None:
        raise NotApplicable("fit_prior needs a description such as ImageVAE(...), but this is a free composition")
    description = run.description.replace(prior=prior)
    with drawing(seed):
        model = description.build()
        _copy_weights(run.model, model)
        with evaluating(model, seed):
            train, held_out = (_encoded(run, model, run.data.drawn(name)) for name in _PARTS)
            _start(run, model)
        scores = fit_second_stage(run.model, model.first_prior, train, held_out, seed, deadline)
    return Refitted(description, model.requires_grad_(True), scores)


def _copy_weights(source: LatentVariableModel, target: LatentVariableModel) -> None:
    """Copy all weights except those of the new prior, and freeze them."""
    first = next(name for name, module in target.named_modules() if module is target.first_prior)
    weights = source.state_dict()
    target.load_state_dict({name: w for name, w in weights.items() if not name.startswith(f"{first}.")}, strict=False)
    target.eval().requires_grad_(False)
    target.first_prior.requires_grad_(True)
    target.posterior.requires_grad_(False)  # the posterior is a part of a prior with pseudo-inputs


def _encoded(run: TrainedModel, model: LatentVariableModel, rows: Tensor) -> Encoded:
    return encode(model, sequential(run.data.stored, rows, _BATCH), run.view.prepare)


def _start(run: TrainedModel, model: LatentVariableModel) -> None:
    """Start pseudo-inputs at data."""
    if isinstance(model.first_prior, PseudoInputs):
        rows = run.data.drawn("train", _LOOKED)
        model.first_prior.initialize(run.view.prepare(run.data.values[rows]))
