"""Bounds from importance weights."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import torch
from pydantic import Field

from vaekit.models import Trace
from vaekit.objectives.objective import Loss, Objective, bound_metrics

__all__ = ["IWAE"]


class IWAE(Objective):
    r"""The importance-weighted bound: :math:`-\log \frac{1}{K} \sum_k w_k`, :math:`w_k = \frac{p(x, z_k)}{q(z_k \mid x)}`.

    The VALUE is the log-mean-exp of the weights, hence a bound on the evidence; K = 1 is the ELBO in expectation.

    References:
        Burda, Grosse and Salakhutdinov, 2016, "Importance weighted autoencoders".
    """

    kind: Literal["iwae"] = "iwae"
    samples: Annotated[int, Field(ge=1)] = 5
    """K, the importance samples per datum."""

    def __call__(self, trace: Trace, step: int = 0) -> Loss:
        """Return the loss of one trace."""
        log_weight = trace.log_weight
        bound = (torch.logsumexp(log_weight, 0) - math.log(len(log_weight))).mean()
        return Loss(-bound, {**bound_metrics(trace), "iw_bound": bound.detach()})
