"""How many times faster does vaekit train than pythae's own trainer, on the same model and data, to an equal bound?

Both begin with the same weights, see the same images in the same number of steps of Adam at the same constant rate,
and take turns epoch by epoch. Each works as its user would let it: pythae's `BaseTrainer` with its data set and progress
bar, ours with its defaults (bf16 where the hardware multiplies it faster, channels-last convolutions, fused Adam, guard
and clipping, averaged weights). Neither validates. Then one evaluator in fp32, `vaekit.evaluation.bounds`, measures both models on the same test images:
a speed-up counts only if our bound is equal within its standard error, or better. Goals: 3 times (W1), 2.5 times (W2).
"""

from __future__ import annotations

import argparse
import copy
import math
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.measuring import Time, interleaved, machine, options, ratio, report, settings, summary, table, timed
from benchmarks.pythae_peer import PACKAGES, Peer, install, load_weights
from benchmarks.workloads import W1, W2, Workload
from vaekit.data import sequential
from vaekit.evaluation import Bounds, bounds
from vaekit.models import VAE
from vaekit.training import Training, TrainingState, Validation, train

_GOALS = {W1: 3.0, W2: 2.5}


@dataclass(frozen=True)
class Outcome:
    """What was measured on one model: times per image, losses per epoch, test bounds."""

    times: dict[str, list[Time]]
    losses: dict[str, list[float]]
    bounds: dict[str, dict[str, Any]]
    difference: float
    """Mean over test images of the bound of ours minus that of pythae, in nats."""
    difference_se: float
    """Its standard error over the images."""


def main() -> None:
    arguments = _parser().parse_args()
    torch.set_num_threads(arguments.threads)
    install()
    results: dict[str, Any] = {
        "machine": machine(),
        "settings": settings(arguments, batch=f"{W1.batch} and {W2.batch}", lr=Training().lr, peer=", ".join(PACKAGES)),
    }
    outcomes = {}
    for work, images in ((W1, arguments.w1_images), (W2, arguments.w2_images)):
        if arguments.only in (None, work.name[:2].lower()):
            outcomes[work] = _measure(work, images, arguments)
            results[work.name] = outcomes[work]
    tables = [table([_speed(work, outcome) for work, outcome in outcomes.items()])]
    tables.append(table([_bound(work, outcome) for work, outcome in outcomes.items()]))
    report("training", _question(), arguments.out, results, tables)


def _measure(work: Workload, images: int, arguments: argparse.Namespace) -> Outcome:
    pixels = work.read(arguments.data, images // work.batch * work.batch)
    model = work.model(arguments.seed)
    data = pixels.train.permute(0, 3, 1, 2).contiguous() / 255
    start = {
        "threads": arguments.threads,
        "epochs": arguments.rounds,
        "lr": Training().lr,
        "seed": arguments.seed,
    }
    losses: dict[str, list[float]] = {"ours": [], "pythae": []}
    with tempfile.TemporaryDirectory() as name, Peer(Path(name), work, "train", data, model, start) as peer:
        ours = _Ours(work, copy.deepcopy(model), pixels.train, arguments)

        def our_epoch() -> Time:
            spent = timed(ours.epoch)
            losses["ours"].append(ours.loss)
            return spent

        def their_epoch() -> Time:
            spent, answer = peer.time(go=True)
            losses["pythae"].append(answer["loss"] + _constant(work))
            return spent

        times = interleaved({"ours": our_epoch, "pythae": their_epoch}, arguments.rounds)
        peer.ask(finish=True)
        theirs = load_weights(copy.deepcopy(model), torch.load(Path(name) / "end.pt"))
    test = pixels.test[: arguments.test_images]
    found = {"ours": _evaluated(work, ours.model, test), "pythae": _evaluated(work, theirs, test)}
    difference = (found["ours"].iw - found["pythae"].iw).double()
    return Outcome(
        times,
        losses,
        {name: value.summary() for name, value in found.items()},
        difference.mean().item(),
        difference.std().item() / math.sqrt(len(difference)),
    )


class _Ours:
    """Our training, one epoch at a time."""

    def __init__(self, work: Workload, model: VAE, pixels: Tensor, arguments: argparse.Namespace) -> None:
        self.batches = work.batches(pixels, arguments.seed)
        steps = arguments.rounds * self.batches.steps_per_epoch
        training = Training(
            batch=work.batch,
            steps=steps,
            validate_every=steps,
            warmup=0,  # the peer's rate is constant, and so must ours be for equal steps to mean the same
            lr_floor=1.0,
            threads=arguments.threads,
            seed=arguments.seed,
            device="cpu",
        )
        self.state: TrainingState = work.state(model, training)
        torch.manual_seed(arguments.seed)
        self.loop = train(self.state, self.batches, lambda _model: Validation(0.0, 0.0, 0.0, 0))
        self.loss = math.nan

    def epoch(self) -> int:
        """Take the steps of one epoch and return the number of images."""
        losses = [next(self.loop).metrics["loss"] for _ in range(self.batches.steps_per_epoch)]
        self.loss = torch.stack(losses).mean().item()
        return self.batches.steps_per_epoch * self.batches.batch

    @property
    def model(self) -> VAE:
        """The averaged weights, which are the ones a user gets."""
        average = self.state.average.module
        assert isinstance(average, VAE)
        return average


def _constant(work: Workload) -> float:
    """Return what pythae leaves out of its loss "mse": the constant of a Gaussian with unit variance."""
    return math.prod(work.image.shape) / 2 * math.log(2 * math.pi) if work is W2 else 0.0


def _evaluated(work: Workload, model: VAE, test: Tensor) -> Bounds:
    rows = sequential(test, torch.arange(len(test)), 100)
    samples = {W1: 100, W2: 10}[work]
    return bounds(model, rows, prepare=work.image.view().prepare, samples=samples)


def _speed(work: Workload, outcome: Outcome) -> dict[str, Any]:
    times = outcome.times
    faster = ratio(times["pythae"], times["ours"])
    return {
        "model": work.name,
        "ours, images/s": summary(times["ours"])["per_second"],
        "pythae, images/s": summary(times["pythae"])["per_second"],
        "times faster": f"{faster.wall:.2f}",
        "quartiles": "{:.2f}-{:.2f}".format(*faster.wall_quartiles),
        "of the processor": f"{faster.cpu:.2f}",
        "goal": _GOALS[work],
    }


def _bound(work: Workload, outcome: Outcome) -> dict[str, Any]:
    def shown(name: str) -> str:
        iw = outcome.bounds[name]["bounds"]["iw"]
        return f"{iw['nats']:.2f} ± {iw['se']:.2f}"

    equal = outcome.difference >= -outcome.bounds["ours"]["bounds"]["iw"]["se"]
    return {
        "model": work.name,
        "test bound, ours": shown("ours"),
        "test bound, pythae": shown("pythae"),
        "difference": f"{outcome.difference:+.2f} ± {outcome.difference_se:.2f}",
        "equal or better": "yes" if equal else "NO",
        "last loss, ours": outcome.losses["ours"][-1],
        "last loss, pythae": outcome.losses["pythae"][-1],
    }


def _parser() -> argparse.ArgumentParser:
    parser = options(_question(), rounds=10, w1_images=60_000, w2_images=1280, test_images=10_000)
    parser.add_argument("--only", choices=("w1", "w2"), help="one of the two models")
    return parser


def _question() -> str:
    return (__doc__ or "").split("\n")[0]


if __name__ == "__main__":
    main()
