"""Train a few steps, alone or as one of several processes, and save what each ends with; a script of `test_ddp`.

The environment says which process this is, as `torchrun` would. All is float64, so that what differs is no rounding.
"""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path

import torch
from torch import nn
from torch.distributions import normal

from vaekit.heads import VQ as Quantizer, Autoregressive, Bernoulli, Delta, Gaussian
from vaekit.modalities import ImageVAE
from vaekit.nets import MLP
from vaekit.objectives import ELBO, RAE, VQELBO, PatchGAN
from vaekit.training import Phase, Step, TrainingState, train
from vaekit.training.fabric import make_fabric

from .small import PIXELS, TRAINING_ROWS, batches, constant_bound, settings

PLAIN, NOISY = MLP(widths=(12, 8)), MLP(widths=(12, 8), norm="batch", dropout=0.2)
PHASES = (Phase(until=2, aggressive=4), Phase(until=4, train="likelihood"), Phase(until=6, reset=("posterior",)))
EXACT = ("plain", "without noise", "critic", "late critic", "phases", "a bad datum", "clipped")
CASES = (*EXACT, "batch norm", "codebook", "discriminator", "time limit")


class Spoilt(ELBO):
    """An ELBO whose loss, but not its gradient, is NaN at one step: of the process that has the datum of greatest sum."""

    def __call__(self, trace, step=0):
        loss = super().__call__(trace, step)
        worst = trace.x.flatten(1).sum(1).max() == trace.x.new_tensor(worst_of_step_one())
        return loss._replace(value=loss.value + math.nan) if step == 1 and worst else loss


class Opponent(nn.Module):
    """A criterion with a weight of its own, which may join late; means over data, so that shares of a batch add up."""

    samples = 1

    def __init__(self, start):
        super().__init__()
        self.start, self.weight = start, nn.Parameter(torch.ones(()))

    def build(self, model, size):
        return self

    def forward(self, trace, step=0):
        loss = ELBO()(trace, step)
        against = (self.weight * trace.x.flatten(1).mean(1) - 1).square().mean() + self.weight * loss.value.detach()
        return loss._replace(value=loss.value + against) if step >= self.start else loss

    def after_step(self):
        pass


def prepared(stored):
    return stored.permute(0, 3, 1, 2).double() / 255


def worst_of_step_one():
    return prepared(batches().at(1).values).flatten(1).sum(1).max().item()


def feed_noise(rank, world):
    """Let each process draw its rows of the noise that one process would draw for the whole batch."""
    generator = torch.Generator().manual_seed(9)

    def drawn(shape, dtype, device):
        joint = torch.randn(shape[0], shape[1] * world, *shape[2:], dtype=dtype, generator=generator)
        return joint[:, rank::world].to(device)

    normal._standard_normal = drawn


def parts(case):
    """Return the model's description, the objective and the settings of a case."""
    image, objective, changes = {"net": PLAIN, "likelihood": Gaussian()}, ELBO(), {}
    match case:
        case "without noise":
            image |= {"posterior": Delta()}
            objective = RAE()
        case "critic" | "late critic":
            objective = Opponent(start=2 * (case == "late critic"))
        case "discriminator":
            objective = PatchGAN(start=1, width=4)
        case "phases":
            changes = {"phases": PHASES, "steps": 6}
        case "a bad datum":
            objective = Spoilt()
        case "clipped":
            changes = {"clip": 0.01}
        case "batch norm" | "time limit":
            image = {"net": NOISY, "likelihood": Bernoulli(binarize="dynamic")}
        case "codebook":
            image |= {"posterior": Quantizer(codes=8, width=2), "prior": Autoregressive(units=6)}
            objective = VQELBO()
    return ImageVAE(shape=(1, 8, 8), latent=3, **image), objective, settings(**{"steps": 3, "warmup": 0, **changes})


def new_state(case, rank, world):
    description, objective, training = parts(case)
    fabric = make_fabric(training, devices=world)
    torch.manual_seed(rank)  # the weights of the first process must win
    model = description.build()
    criterion = objective.build(model, len(TRAINING_ROWS))
    step = Step(model, criterion, prepared if case in EXACT else description.view().prepare, objective.samples)
    return TrainingState(step, training, fabric)


def main(folder, world):
    torch.set_num_threads(1)
    rank = int(os.environ["LOCAL_RANK"])
    for case in CASES:
        torch.set_default_dtype(torch.float64 if case in EXACT else torch.float32)
        state = new_state(case, rank, world)
        own = torch.get_rng_state()
        original = normal._standard_normal
        if case in EXACT:
            feed_noise(rank, world)
        seconds = 0.5 + rank if case == "time limit" else None
        seen = list(train(state, batches(PIXELS), constant_bound, seconds=seconds))
        normal._standard_normal = original
        state.keep()
        told = {"verdicts": [p.verdict for p in seen], "rate": seen[-1].lr, "noise": own, "inner": state.phases.inner}
        torch.save({**state.state_dict(), "told": told}, folder / f"{case}-{world}-{rank}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
