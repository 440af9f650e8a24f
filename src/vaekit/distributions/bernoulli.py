"""The Bernoulli of torch with a quicker and more accurate log-probability."""

from __future__ import annotations

from torch import Tensor, distributions
from torch.nn import functional as F

__all__ = ["Bernoulli"]


class Bernoulli(distributions.Bernoulli):
    r"""torch's Bernoulli with :math:`\log p(x) = \log \sigma((2 x - 1) \eta)` for :math:`x \in \{0, 1\}`.

    The same number as the binary cross-entropy takes many more passes over the logits to reach, which shows where
    thousands of latents are decoded to bound a likelihood. Divergences, temperature and samples are torch's.

    Examples:
        >>> import torch
        >>> Bernoulli(logits=torch.tensor([0.0, 200.0])).log_prob(torch.tensor([1.0, 0.0]))
        tensor([  -0.6931, -200.0000])
    """

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the log-probability in nats of zeros and ones, in the type of the logits."""
        if self._validate_args:
            self._validate_sample(value)
        return F.logsigmoid((2 * value - 1) * self.logits)
