"""Published cures for posterior collapse in text VAEs, each as the keys that it sets.

A recipe sets only keys that the user did not set.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from vaekit.modalities.modality import Pace

__all__ = ["RECIPES", "Recipe"]


@dataclass(frozen=True)
class Recipe:
    """One published combination.

    Args:
        meaning: What it does.
        source: Author and year.
        keys: Returns the keys that it sets, by section: `model`, `objective`, `training`.
    """

    meaning: str
    source: str
    keys: Callable[[Pace], Mapping[str, Mapping[str, Any]]]


def _elbo(**keys: Any) -> dict[str, dict[str, Any]]:
    return {"objective": {"kind": "elbo", **keys}}


def _rising(pace: Pace) -> dict[str, Any]:
    return {"kind": "linear", "start": 0.1, "steps": pace.ramp}


_FLOOR = {"nats": 0.25, "per": "dimension", "mean": "batch"}  # a target of 8 nats at 32 latents

RECIPES: dict[str, Recipe] = {
    "vae": Recipe("the bound alone: mostly collapses", "Bowman et al., 2016", lambda _: {}),
    "anneal": Recipe(
        "the weight of the rate rises linearly",
        "Bowman et al., 2016",
        lambda pace: _elbo(beta=_rising(pace)),
    ),
    "logistic": Recipe(
        "the weight of the rate rises along a logistic curve",
        "Bowman et al., 2016",
        lambda pace: _elbo(beta={"kind": "logistic", "midpoint": pace.ramp, "steepness": 5 / pace.ramp}),
    ),
    "cyclical": Recipe(
        "the weight of the rate rises four times, from 0 to 1 in the first half of each cycle",
        "Fu et al., 2019",
        lambda pace: _elbo(beta={"kind": "cyclical", "steps": pace.whole, "cycles": 4, "rise": 0.5}),
    ),
    "beta": Recipe(
        "a small constant weight of the rate: buys information with likelihood",
        "He et al., 2019",
        lambda _: _elbo(beta=0.4),
    ),
    "free_bits": Recipe(
        "a quarter of a nat per latent dimension is free",
        "Kingma et al., 2016",
        lambda _: _elbo(free_bits=_FLOOR),
    ),
    "pretrain": Recipe(
        "an autoencoder first; then a new decoder, with free bits and a rising weight of the rate",
        "Li et al., 2019",
        lambda _: {
            **_elbo(free_bits=_FLOOR),
            "training": {"phases": ({"until": 0.2, "beta": 0.0}, {"until": 1.0, "reset": ("likelihood",)})},
        },
    ),
    "aggressive": Recipe(
        "the encoder takes up to 100 steps before each step of the decoder, until its information stops rising",
        "He et al., 2019",
        lambda pace: {
            **_elbo(beta=_rising(pace)),
            "training": {"phases": ({"until": 0.5, "aggressive": 100}, {"until": 1.0})},
        },
    ),
    "batch_norm": Recipe(
        "the posterior means keep a fixed spread over the batch",
        "Zhu et al., 2020",
        lambda _: {"model": {"posterior": {"kind": "batch_norm"}}},
    ),
    "delta": Recipe(
        "a posterior that cannot come closer to the prior than .15 nats per dimension",
        "Razavi et al., 2019",
        lambda _: {"model": {"posterior": {"kind": "floored"}}},
    ),
    "skip": Recipe(
        "z also enters the output layer, and the weight of the rate rises",
        "Dieng et al., 2019",
        lambda pace: {"model": {"skip": True}, **_elbo(beta=_rising(pace))},
    ),
    "bag_of_words": Recipe(
        "z alone must also predict which words occur, and the weight of the rate rises",
        "Zhao et al., 2017",
        lambda pace: _elbo(bag_of_words=1.0, beta=_rising(pace)),
    ),
}
