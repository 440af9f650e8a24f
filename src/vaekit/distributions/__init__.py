"""Densities: tensors in, `torch.distributions.Distribution` out. No weights, no data, torch only.

Members that torch has are torch's own; those it lacks, or has in a form that loses precision or time, are here. Next
to them stand the functions over distributions: `point` (one deterministic value), `temper` (sharper or broader), `draw`
(samples, with their density where it comes along), `stopped` (the same without gradients to its parameters), `kl` and
`kl_terms` (the Kullback-Leibler divergence in closed form, whole or one term per dimension).
"""

from vaekit.distributions.bernoulli import Bernoulli
from vaekit.distributions.continuous_bernoulli import ContinuousBernoulli
from vaekit.distributions.delta import Delta
from vaekit.distributions.discretized_logistic import DiscretizedLogistic
from vaekit.distributions.divergence import kl, kl_terms
from vaekit.distributions.draw import draw
from vaekit.distributions.point import point
from vaekit.distributions.stopped import stopped
from vaekit.distributions.temperature import temper

__all__ = [
    "Bernoulli",
    "ContinuousBernoulli",
    "Delta",
    "DiscretizedLogistic",
    "draw",
    "kl",
    "kl_terms",
    "point",
    "stopped",
    "temper",
]
