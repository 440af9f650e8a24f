"""Densities: tensors in, `torch.distributions.Distribution` out. No weights, no data, torch only.

Members that torch has are torch's own; those it lacks, or has in a form that loses precision or time, are here. Next
to them stand three functions over distributions: `point` (one deterministic value), `temper` (sharper or broader) and
`kl_terms` (the Kullback-Leibler divergence, one term per dimension).
"""

from vaekit.distributions.bernoulli import Bernoulli
from vaekit.distributions.continuous_bernoulli import ContinuousBernoulli
from vaekit.distributions.discretized_logistic import DiscretizedLogistic
from vaekit.distributions.divergence import kl_terms
from vaekit.distributions.point import point
from vaekit.distributions.temperature import temper

__all__ = ["Bernoulli", "ContinuousBernoulli", "DiscretizedLogistic", "kl_terms", "point", "temper"]
