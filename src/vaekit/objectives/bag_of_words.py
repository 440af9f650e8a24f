"""A bag of words told by the latents alone: a gradient beside the bound, for models of text."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from vaekit.distributions import full_precision, single
from vaekit.distributions.tokens import PAD
from vaekit.errors import NotApplicable
from vaekit.models import Trace
from vaekit.nets import MLP
from vaekit.objectives.objective import CriterionModule, Loss, Objective

__all__ = ["BagOfWords"]

_HIDDEN = 256


class BagOfWords(CriterionModule):
    r"""An objective's loss :math:`- w\, E_q \sum_t \log \mathrm{softmax}(f(z))_{x_t}`, over all tokens but padding.

    The words are told from z at once, without those before them: a decoder that gets along without z does not help here.
    The weights of f are the criterion's own, and learn as fast as the model's.

    References:
        Zhao, Zhao and Eskenazi, 2017, "Learning discourse-level diversity for neural dialog models using conditional
        variational autoencoders".

    Args:
        description: The objective whose loss is added to.
        weight: w.
        model: The model, which says how many words and latents there are.

    Raises:
        NotApplicable: It is no model of text.
    """

    auxiliary = True

    def __init__(self, description: Objective, weight: float, model: nn.Module) -> None:
        super().__init__()
        self.description, self.weight = description, weight
        words, event = _vocabulary(model), getattr(getattr(model, "posterior", None), "event", None)
        if words is None or event is None:
            raise NotApplicable(
                "objective.bag_of_words tells the words of a text from its latents, but this is no model of text; "
                "set objective.bag_of_words=0"
            )
        body = MLP(widths=(_HIDDEN,), norm="none").encoder(event)
        self.net = nn.Sequential(body, nn.Linear(_HIDDEN, words))

    def forward(self, trace: Trace, step: int = 0) -> Loss:
        """Return the loss of one trace of texts, `(B, T)` token ids."""
        loss = self.description(trace, step)
        z = torch.cat([latent.z.flatten(2) for latent in trace.latents], -1)
        logits = self.net(z.flatten(0, 1)).unflatten(0, z.shape[:2])
        with full_precision(logits):
            cost = -_log_likelihood(logits, trace.x.long()).mean()
        return Loss(loss.value + self.weight * cost, {**loss.metrics, "bag_of_words": cost.detach()})


def _log_likelihood(logits: Tensor, x: Tensor) -> Tensor:
    """Return the log-probability in nats, `(S, B)`, of the words of texts `(B, T)` under logits `(S, B, V)`."""
    terms = single(logits).log_softmax(-1).gather(-1, x.expand(len(logits), *x.shape))
    return terms.masked_fill(x == PAD, 0.0).sum(-1)


def _vocabulary(model: nn.Module) -> int | None:
    net = getattr(getattr(model, "likelihood", None), "net", None)
    return cast("int | None", getattr(net, "vocabulary", None))
