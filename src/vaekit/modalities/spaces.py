"""Posterior and prior must live on the same space: the one rule that every modality shares."""

from __future__ import annotations

from vaekit.heads import PRIOR_OF, Optimal, Prior
from vaekit.heads.family import Family
from vaekit.value import Value

__all__ = ["prior_beside"]

_SPACES = {
    "real": "real vectors",
    "sphere": "unit vectors",
    "ball": "the unit ball",
    "one_hot": "one-hot vectors",
    "codes": "vectors of a codebook",
}


def prior_beside(posterior: Family | Value, prior: Prior | None) -> Prior:
    """Return the prior, or where it was left open the simplest on the space of the posterior.

    Raises:
        ValueError: They live on different spaces, or the posterior's scale is one that only data have.
    """
    natural = PRIOR_OF[posterior.support]  # type: ignore[union-attr]
    prior = natural if prior is None else prior
    if prior.support != natural.support:
        raise ValueError(
            f"posterior={posterior.kind} lives on {_SPACES[natural.support]} and prior={prior.kind} on "  # type: ignore[union-attr]
            f"{_SPACES[prior.support]}; use prior={natural.kind}, or another posterior"
        )
    if isinstance(getattr(posterior, "scale", None), Optimal):
        raise ValueError("posterior.scale=optimal has no data to be optimal for; use posterior.scale=exp")
    return prior
