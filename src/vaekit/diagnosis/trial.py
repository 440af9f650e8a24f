"""A trial: the effect of a few more steps, at the run's own learning rate and at the usual one.

A copy of the model trains on at each rate, and the loss of held-out data tells how well each one does.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vaekit.diagnosis.finite import is_finite
from vaekit.diagnosis.subject import Subject, scores
from vaekit.models import evaluating
from vaekit.objectives import Criterion
from vaekit.training.optimizers import make_optimizer

__all__ = ["USUAL", "Trial", "trial"]

USUAL = 1e-3
"""The learning rate that suits most nets under Adam."""

_STEPS, _HELD_OUT = 40, 256
_WARMUP = 20  # steps in which the rate rises: at its peak, the first steps of a cold optimizer harm any trained model
_BATCHES = 32, 128  # the run's own batch within these: a smaller one adds noise, a larger one is slow
_LEAST = 20  # data, below which a trial says nothing
_DECODED = 2000  # latents decoded at once: more fill the memory of a convolutional decoder
_NOISE = 0.03  # share of the spread of bounds, below which a gain does not count


@dataclass(frozen=True)
class Trial:
    """What a few more steps do to the loss of held-out data, in nats per datum of the objective's own loss.

    Args:
        own: How much it falls at the run's own peak learning rate.
        usual: How much it falls at 1e-3, if the run's own rate is below that.
        spread: The standard deviation of the bound over data, which gains are compared with.
    """

    own: float
    usual: float
    spread: float

    @property
    def speedup(self) -> float:
        """How many times as much is gained at the usual rate.

        It is the ratio of the rates if steps are so small that the loss is linear along them.
        """
        if not math.isfinite(self.usual) or not math.isfinite(self.own):
            return 0.0
        return self.usual / max(self.own, _NOISE * self.spread)

    @property
    def harm(self) -> float:
        """How much is lost at the run's own learning rate, in spreads."""
        return -self.own / self.spread


def trial(subject: Subject) -> Trial | None:
    """Go on with copies of the model for 40 steps, in batches of the run's size, and measure what that does to held-out data.

    None without training data, with fewer than 20 data, if weights are not finite or not trained, and for an objective with
    weights of its own, which a run does not save.
    """
    subject = subject.as_trained or subject
    train, objective, model = subject.train, subject.objective, subject.model
    if train is None or min(len(train), len(subject.test)) < _LEAST or not is_finite(model):
        return None
    if not any(p.requires_grad for p in model.parameters()) or _is_trained(objective.build(model, len(train))):
        return None
    spread = _spread(subject)
    if spread == 0:
        return None
    lr = subject.training.lr
    own = _gain(subject, lr)
    return Trial(own, own if lr >= USUAL else _gain(subject, USUAL), spread)


def _is_trained(criterion: Criterion) -> bool:
    return isinstance(criterion, nn.Module) and any(p.requires_grad for p in criterion.parameters())


def _spread(subject: Subject) -> float:
    with evaluating(subject.model):
        spread = scores(subject.model(*subject.given(subject.test, _HELD_OUT))).double().std().item()
    return spread if math.isfinite(spread) else 0.0


def _gain(subject: Subject, lr: float) -> float:
    """Return the fall of the held-out loss after training at a learning rate; minus infinity if that diverges."""
    assert subject.train is not None
    held_out = subject.given(subject.test, _HELD_OUT)
    least, most = _BATCHES
    batch = max(least, min(subject.training.batch, most, _DECODED // subject.objective.samples))
    given = subject.given(subject.train, _STEPS * batch)
    model = copy.deepcopy(subject.model)
    criterion = subject.objective.build(model, len(subject.train))
    step, samples = subject.steps, subject.objective.samples
    total = len(held_out[0])
    parts = min(math.ceil(total * samples / _DECODED), total // _LEAST)
    held_out_parts = list(zip(*(column.tensor_split(parts) for column in held_out), strict=True))

    def loss(columns: tuple[Tensor, ...]) -> Tensor:
        return criterion(model(*columns, samples=samples), step).value

    def held_out_loss() -> float:
        with evaluating(model, 1):
            return sum(loss(part).item() * len(part[0]) for part in held_out_parts) / total

    before = held_out_loss()
    # In evaluation mode: moving statistics would be mistaken for learning.
    with evaluating(model), torch.enable_grad():
        # A prior that was fitted afterwards was not trained at such a rate.
        fixed = set(model.prior.parameters()) if subject.has_second_stage else set()
        parameters = [p for p in model.parameters() if p.requires_grad and p not in fixed]
        optimizer = make_optimizer(parameters, subject.training.replace(lr=lr))
        for i, rows in enumerate(torch.randint(len(given[0]), (_STEPS, batch)), 1):
            optimizer.param_groups[0]["lr"] = lr * min(1.0, i / _WARMUP)
            value = loss(tuple(column[rows] for column in given))
            optimizer.zero_grad()
            value.backward()
            norm = nn.utils.clip_grad_norm_(parameters, subject.training.clip)
            if not bool(torch.isfinite(value) & torch.isfinite(norm)):
                return -math.inf
            optimizer.step()
    after = held_out_loss() if is_finite(model) else math.inf
    return before - after if math.isfinite(after) else -math.inf
