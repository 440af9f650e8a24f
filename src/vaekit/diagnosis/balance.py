"""Balance: do encoder and decoder have similar sizes and gradients?

A side that is far smaller than the other limits both. A side with almost no gradient is not trained, whatever its size: it
is frozen, cut off, or saturated.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vaekit.diagnosis.finite import is_finite
from vaekit.diagnosis.subject import Subject, batches, scores
from vaekit.heads.layers import Heads
from vaekit.models import LatentVariableModel, evaluating
from vaekit.nets import TableEncoder

__all__ = ["Balance", "balance"]

_BATCHES, _BATCH = 4, 64


@dataclass(frozen=True)
class Balance:
    """Encoder and decoder, compared.

    Args:
        encoder: Number of parameters of the posterior, frozen ones too; last layers count one output per dimension.
        decoder: That of the likelihood, and of the prior of the groups of latents below the first.
        encoder_gradient: Root mean square of the gradient of the posterior's weight matrices, per entry, in nats per
            datum and unit of a weight; 0 for frozen ones.
        decoder_gradient: The same of the decoder.
    """

    encoder: int
    decoder: int
    encoder_gradient: float
    decoder_gradient: float

    @property
    def parameters(self) -> float | None:
        """The larger side over the smaller one; None where a side has no weights."""
        small, large = sorted((self.encoder, self.decoder))
        return large / small if small else None

    @property
    def gradients(self) -> float | None:
        """The smaller gradient over the larger one; None where a side has no weights, or nothing is learned at all."""
        small, large = sorted((self.encoder_gradient, self.decoder_gradient))
        return small / large if self.encoder and self.decoder and large > 0 else None


def balance(subject: Subject) -> Balance | None:
    """Measure sizes, and gradients of the bound on a few batches of 64; None where weights or gradients are not finite."""
    model = subject.model
    below = _below(model)
    sides = [list(model.posterior.parameters()), [*model.likelihood.parameters(), *below]]
    sample = subject.train or subject.test
    if not len(sample) or not is_finite(model):
        return None
    sizes = _size(model.posterior), _size(model.likelihood) + sum(p.numel() for p in below)
    gradients = _gradients(subject, subject.given(sample, _BATCHES * _BATCH), sides)
    return Balance(*sizes, *gradients) if all(map(math.isfinite, gradients)) else None


def _below(model: LatentVariableModel) -> list[nn.Parameter]:
    """Return the weights of the prior below its first group: with several groups they are the way from latents to data."""
    first = {id(p) for p in model.first_prior.parameters()}
    return [p for p in model.prior.parameters() if id(p) not in first]


def _size(part: nn.Module) -> int:
    """Return the number of parameters, counting one output of the last layer per dimension.

    Families with many outputs per dimension (a probability per level, a mixture) and flows of the latents have large last
    layers by nature. They do not make their side stronger. Neither do the embeddings of a table, of which a row reads one
    per column.
    """
    features, heads, event = (getattr(part, name, None) for name in ("features", "heads", "event"))
    if features is None or event is None or not isinstance(heads, Heads):
        return _count(part)
    outputs = sum(math.prod(size) for size in heads.sizes.values())
    return round(_count(features) - _unread(features) + _count(heads) * min(1.0, math.prod(event) / max(outputs, 1)))


def _unread(features: nn.Module) -> int:
    tables = (module for module in features.modules() if isinstance(module, TableEncoder))
    return sum(_count(table) - (table.out_size[0] - table.context) for table in tables)


def _count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def _gradients(subject: Subject, given: tuple[Tensor, ...], sides: Sequence[list[nn.Parameter]]) -> list[float]:
    """Return the root mean square of each side's gradient, averaged over batches.

    The gradient of a mean over all data vanishes when training has converged; the gradients of single batches do not.
    """
    pulls: list[list[float]] = [[] for _ in sides]
    with evaluating(subject.model), torch.enable_grad():
        for part in batches(given, _BATCH):
            loss = -scores(subject.model(*part)).mean()
            for pull, side in zip(pulls, sides, strict=True):
                pull.append(_root_mean_square(loss, side))
    return [sum(pull) / len(pull) for pull in pulls]


def _root_mean_square(loss: Tensor, side: list[nn.Parameter]) -> float:
    # Biases of the last layer get a gradient even if nothing else does.
    matrices = [p for p in side if p.dim() > 1] or side
    trained = [p for p in matrices if p.requires_grad]
    if not trained or not loss.requires_grad:
        return 0.0
    found = torch.autograd.grad(loss, trained, retain_graph=True, allow_unused=True)
    squares = sum(g.double().square().sum().item() for g in found if g is not None)
    return math.sqrt(squares / sum(p.numel() for p in matrices))
