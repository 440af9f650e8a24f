"""The second stage: a prior of any kind, fitted to the latents of a model whose other parts stay as they are."""

from __future__ import annotations

from dataclasses import replace

from torch import nn

from vaekit.distributions import drawing
from vaekit.heads import Denoised, LearnedMixture
from vaekit.models import LatentVariableModel
from vaekit.training.budget import NEVER, Deadline
from vaekit.training.mixture import place_by_em
from vaekit.training.prior import Encoded, PriorFit, fit_weights, place_by_clusters, score, scored_draws

__all__ = ["fit_second_stage"]


def fit_second_stage(
    model: LatentVariableModel,
    prior: nn.Module,
    train: Encoded,
    held_out: Encoded,
    seed: int = 0,
    deadline: Deadline = NEVER,
) -> tuple[float, float]:
    r"""Fit a prior in place to the aggregate posterior, from the start that its kind asks for.

    A mixture with full covariances is fitted by expectation maximisation; other mixtures begin at clusters, and all of them
    then climb :math:`E_{q(z \mid x)} \log p(z)`, or the criterion they bring, until the held-out score rests.

    References:
        Dai and Wipf, 2019, "Diagnosing and enhancing VAE models" (the two stages).

    Args:
        model: Where the latents come from. It keeps its own prior: take the new one by `model.place_prior(prior)`. Of a hierarchy the
            prior of the top group is fitted; those of the groups below depend on it and stay.
        prior: The module, freshly built.
        train: Posteriors of training data, as `encode` returns them.
        held_out: Posteriors of validation data.
        seed: Of all that is random.
        deadline: When fitting ends early, with the best weights until then.

    Returns:
        The mean log-density of held-out latents under the model's own prior and under the new one, in nats per datum.

    Raises:
        ValueError: The prior has nothing to fit, or more components than there are data.
    """
    before = score(model.prior, held_out)
    with drawing(seed):
        match prior:
            case LearnedMixture(full=True):
                place_by_em(prior, train, held_out, seed, deadline)
            case LearnedMixture():
                place_by_clusters(prior, train, seed)
            case Denoised():
                prior.place(scored_draws(train)[0])
        # Expectation maximisation ends at its optimum; what is left to learn is what a context does.
        if not (isinstance(prior, LearnedMixture) and prior.full and prior.weigh is None):
            fit_weights(prior, train, held_out, replace(_settings(prior, seed), deadline=deadline))
    return before, score(prior, held_out)


def _settings(prior: nn.Module, seed: int) -> PriorFit:
    """Return how a prior is fitted: a velocity is learned from noisy targets, in larger batches and more of them."""
    if isinstance(prior, Denoised):
        return PriorFit(lr=2e-3, batch=512, rounds=60, round_steps=100, patience=9, seed=seed)
    return PriorFit(seed=seed)
