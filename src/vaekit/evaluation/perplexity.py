"""Perplexity: a likelihood of texts per token, the unit in which the literature of language models reports."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from torch import Tensor

from vaekit.errors import NotApplicable

__all__ = ["Perplexity", "perplexity"]


@dataclass(frozen=True)
class Perplexity:
    """Among how many equally likely tokens a model hesitates, on average.

    Args:
        value: The perplexity.
        se: Its standard error over the texts, which are the independent data, not their tokens; NaN where there is one.
        bits_per_token: Its logarithm to the base 2.
        texts: Number of texts.
        tokens: Number of their tokens, ends included.
    """

    value: float
    se: float
    bits_per_token: float
    texts: int
    tokens: int

    def __float__(self) -> float:
        """Return the value."""
        return self.value

    def summary(self) -> dict[str, Any]:
        """Return plain numbers, ready for JSON."""
        return asdict(self)


def perplexity(nats: Tensor, tokens: Tensor) -> Perplexity:
    r"""Return the perplexity of texts, in which every token weighs the same, not every text.

    .. math::
        \exp r, \qquad r = \frac{\sum_n \ell_n}{\sum_n t_n}, \qquad
        \mathrm{se}(e^r) = e^r \, \frac{\mathrm{std}(\ell_n - r t_n)}{\bar t \sqrt N}

    by the delta method, for a ratio of means. Perplexities of the ELBO and of an importance-weighted bound are different
    numbers, both upper bounds; name the one that is reported. Texts have one end among their tokens, and no beginning.

    Args:
        nats: Negative log-likelihoods of whole texts in nats, :math:`\ell`, `(N,)`.
        tokens: Number of tokens of each, its end included, t, `(N,)`.

    Raises:
        NotApplicable: The nats are log-likelihoods, or those of a broken model.
        ValueError: There are no texts, the sizes differ, or a text has no tokens.

    Examples:
        >>> import torch
        >>> found = perplexity(torch.tensor([2.0, 3.0]).log() * torch.tensor([3, 1]), torch.tensor([3, 1]))
        >>> round(found.value**4), round(found.bits_per_token, 3)
        (24, 1.146)
    """
    _check(nats, tokens)
    loss, length = nats.double().cpu(), tokens.double().cpu()
    rate = loss.sum() / length.sum()
    value = rate.exp().item()
    spread = (loss - rate * length).std().item() if len(loss) > 1 else math.nan
    return Perplexity(
        value=value,
        se=value * spread / (length.mean().item() * math.sqrt(len(loss))),
        bits_per_token=rate.item() / math.log(2),
        texts=len(loss),
        tokens=int(length.sum()),
    )


def _check(nats: Tensor, tokens: Tensor) -> None:
    if nats.dim() != 1 or nats.shape != tokens.shape or not len(nats):
        raise ValueError(
            f"perplexity needs nats (N,) and tokens (N,) of at least one text, but {tuple(nats.shape)} and "
            f"{tuple(tokens.shape)} came; give one of each per text"
        )
    if bool((tokens < 1).any()):
        raise ValueError("every text has at least its end as a token, but a number below 1 came; count the end too")
    # Written so that NaN is refused too.
    if not bool(nats.sum() >= 0):
        raise NotApplicable(
            "perplexity needs negative log-likelihoods, but their sum is below 0 or NaN; change the sign"
        )
