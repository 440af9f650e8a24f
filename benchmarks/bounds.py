"""How many times faster is our importance-weighted bound than pythae's `get_nll`, for the same weights and K?

W1 is trained for a moment, and pythae gets its weights. `vaekit.evaluation.bounds` (fp32) and `get_nll` then estimate
log p(x) of test images with exactly K samples each, in turns, every one in its own way: ours encodes an image once and
decodes in chunks without a graph; theirs goes image by image, encodes K copies and keeps the graph. `get_nll` draws in
multiples of its batch size (100 by default), so K is such a multiple; what it returns is +log p(x) in spite of its name,
and is compared as that. A third arm is ours under bf16 autocast, with how far it is from fp32 on the same noise: it is
measured, not used. The goal is 6 times. A decode costs 0.64 MFLOP in the decoder's two products, which alone set a
floor: the last column says what share of our time they would take.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks.measuring import Time, interleaved, machine, options, ratio, report, settings, summary, table, timed
from benchmarks.pythae_peer import PACKAGES, Peer, install
from benchmarks.workloads import W1
from vaekit.data import sequential
from vaekit.evaluation import Bounds, bounds
from vaekit.models import VAE
from vaekit.training import Training, Validation, train

_PEER_BATCH = 100  # the default of get_nll
_OURS_PER_THEIRS = 5  # images that we evaluate in a round for each of theirs, so that rounds last about as long


def main() -> None:
    arguments = _parser().parse_args()
    install()
    torch.set_num_threads(arguments.threads)
    pixels = W1.read(arguments.data, 0)
    model = _trained(pixels.train, arguments)
    results: dict[str, Any] = {
        "machine": machine(),
        "settings": settings(arguments, model=W1.name, peer_batch_size=_PEER_BATCH, peer=", ".join(PACKAGES)),
    }
    speed, agreement = [], []
    with tempfile.TemporaryDirectory() as name:
        data = pixels.test.permute(0, 3, 1, 2).contiguous() / 255
        start = {"threads": arguments.threads, "seed": arguments.seed}
        with Peer(Path(name), W1, "nll", data, model, start) as peer:
            for samples in (100, 1000):
                found = _measure(samples, model, pixels.test, peer, arguments)
                results[f"K={samples}"] = found
                speed.append(_speed(samples, found))
                agreement.append(_agreement(samples, found))
    report("bounds", _question(), arguments.out, results, [table(speed), table(agreement)])


def _measure(samples: int, model: VAE, test: Tensor, peer: Peer, arguments: argparse.Namespace) -> dict[str, Any]:
    theirs = max(1, arguments.decodes // samples)
    ours = _OURS_PER_THEIRS * theirs
    answers: list[float] = []
    seeds = iter(range(10**6))

    def mine(bf16: bool) -> Time:
        seed = next(seeds)

        def work() -> int:
            with _precision(bf16):
                _bounds(model, test[:ours], samples, seed)
            return ours * samples

        return timed(work)

    def peers() -> Time:
        spent, answer = peer.time(images=theirs, samples=samples, batch_size=_PEER_BATCH)
        answers.append(answer["log_likelihood"])
        return spent

    arms: dict[str, Callable[[], Time]] = {
        "ours": lambda: mine(False),
        "pythae": peers,
        "ours, bf16": lambda: mine(True),
        "products alone": lambda: _products(model, arguments.decodes),
    }
    interleaved(arms, 1)
    answers.clear()
    times = interleaved(arms, arguments.rounds)
    values = [_bounds(model, test[:theirs], samples, seed).iw.mean().item() for seed in range(arguments.rounds)]
    exact = _bounds(model, test[:ours], samples, 0)
    with _precision(True):
        rounded = _bounds(model, test[:ours], samples, 0)
    shift = rounded.iw - exact.iw
    return {
        "images per round": {"ours": ours, "pythae": theirs},
        "times": times,
        "ratio": ratio(times["pythae"], times["ours"]),
        "ratio of bf16": ratio(times["pythae"], times["ours, bf16"]),
        "share of products": ratio(times["products alone"], times["ours"]),
        "ours, nats": values,
        "pythae, nats": answers,
        "bf16 - fp32, nats": {
            "mean": shift.mean().item(),
            "sd": shift.std().item(),
            "largest": shift.abs().max().item(),
            "se of the bound": exact.estimate("iw").se,
        },
    }


def _bounds(model: VAE, test: Tensor, samples: int, seed: int) -> Bounds:
    rows = sequential(test, torch.arange(len(test)), 100)
    return bounds(model, rows, prepare=W1.image.view().prepare, samples=samples, seed=seed)


def _precision(bf16: bool) -> AbstractContextManager[Any]:
    return torch.autocast("cpu", torch.bfloat16, enabled=bf16)


def _products(model: VAE, decodes: int) -> Time:
    first, last = (p.detach() for p in model.likelihood.parameters() if p.dim() == 2)
    z, hidden = torch.randn(1000, first.shape[1]), torch.randn(1000, last.shape[1])

    def work() -> int:
        for _ in range(decodes // 1000 + 1):
            F.linear(z, first)
            F.linear(hidden, last)
        return (decodes // 1000 + 1) * 1000

    return timed(work)


def _trained(pixels: Tensor, arguments: argparse.Namespace) -> VAE:
    steps = arguments.steps
    training = Training(batch=W1.batch, steps=steps, validate_every=steps, threads=arguments.threads, device="cpu")
    state = W1.state(W1.model(arguments.seed), training)
    for _ in train(state, W1.batches(pixels, arguments.seed), lambda _model: Validation(0.0, 0.0, 0.0, 0)):
        pass
    average = state.average.module
    assert isinstance(average, VAE)
    return average


def _speed(samples: int, found: dict[str, Any]) -> dict[str, Any]:
    times = found["times"]
    return {
        "K": samples,
        "ours, decodes/s": summary(times["ours"])["per_second"],
        "pythae, decodes/s": summary(times["pythae"])["per_second"],
        "times faster": f"{found['ratio'].wall:.2f}",
        "quartiles": "{:.2f}-{:.2f}".format(*found["ratio"].wall_quartiles),
        "of the processor": f"{found['ratio'].cpu:.2f}",
        "goal": 6,
        "products alone / ours": f"{found['share of products'].wall:.2f}",
        "bf16, times faster": f"{found['ratio of bf16'].wall:.2f}",
    }


def _agreement(samples: int, found: dict[str, Any]) -> dict[str, Any]:
    ours, theirs, bf16 = found["ours, nats"], found["pythae, nats"], found["bf16 - fp32, nats"]
    gap = statistics.mean(ours) - statistics.mean(theirs)
    spread = ((statistics.variance(ours) + statistics.variance(theirs)) / len(ours)) ** 0.5
    return {
        "K": samples,
        "log p(x), ours": f"{statistics.mean(ours):.3f}",
        "log p(x), pythae": f"{statistics.mean(theirs):.3f}",
        "difference": f"{gap:+.3f} ± {spread:.3f}",
        "bf16 - fp32": f"{bf16['mean']:+.4f} (sd {bf16['sd']:.3f}, se of the bound {bf16['se of the bound']:.2f})",
    }


def _parser() -> argparse.ArgumentParser:
    return options(_question(), rounds=15, decodes=20_000, steps=2000)


def _question() -> str:
    return (__doc__ or "").split("\n")[0]


if __name__ == "__main__":
    main()
