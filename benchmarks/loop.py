"""What does our training loop cost over a bare loop of the same modules with the same arithmetic?

Both arms take the same `Step` (prepare, model, objective), in the same precision and memory format, gather uint8
batches from memory, clip gradients, look at loss and norm once per step, take one step of fused Adam and average the
weights. Ours does so through `vaekit.training.train`: Fabric, guard, learning rate, order of the data, progress per
step. No validation falls into the timed part. The goal is 3 % at most.
"""

from __future__ import annotations

import argparse
import copy
import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.measuring import Time, interleaved, machine, options, ratio, report, settings, summary, table, timed
from benchmarks.workloads import W1, W2, Workload
from vaekit.models import VAE
from vaekit.objectives import ELBO
from vaekit.training import Step, Training, Validation, train
from vaekit.training.fabric import make_fabric

_FOREVER = 10**7


def main() -> None:
    arguments = _parser().parse_args()
    torch.set_num_threads(arguments.threads)
    results: dict[str, Any] = {
        "machine": machine(),
        "settings": settings(arguments, batch=f"{W1.batch} and {W2.batch}", precision="auto"),
    }
    rows = []
    for work, steps in ((W1, arguments.w1_steps), (W2, arguments.w2_steps)):
        times = _measure(work, steps, arguments)
        extra = ratio(times["ours"], times["bare"])
        results[work.name] = {"ratio": extra, "times": times}
        rows.append(
            {
                "model": work.name,
                "ours, images/s": summary(times["ours"])["per_second"],
                "bare, images/s": summary(times["bare"])["per_second"],
                "time ours / bare": f"{extra.wall:.3f}",
                "quartiles": "{:.3f}-{:.3f}".format(*extra.wall_quartiles),
                "of the processor": f"{extra.cpu:.3f}",
                "goal": "1.03",
            }
        )
    report("loop", _question(), arguments.out, results, [table(rows)])


def _measure(work: Workload, steps: int, arguments: argparse.Namespace) -> dict[str, list[Time]]:
    pixels = work.read(arguments.data, 200 * work.batch).train
    training = Training(
        batch=work.batch,
        steps=_FOREVER,
        validate_every=_FOREVER,
        threads=arguments.threads,
        seed=arguments.seed,
        device="cpu",
    )
    model = work.model(arguments.seed)
    loops = {"ours": _ours(work, copy.deepcopy(model), pixels, training), "bare": _bare(work, model, pixels, training)}

    def arm(name: str) -> Time:
        def run() -> int:
            for _ in range(steps):
                next(loops[name])
            return steps * work.batch

        return timed(run)

    interleaved({name: lambda name=name: arm(name) for name in loops}, 2)  # caches, threads and allocators warm up
    return interleaved({name: lambda name=name: arm(name) for name in loops}, arguments.rounds)


def _ours(work: Workload, model: VAE, pixels: Tensor, training: Training) -> Iterator[object]:
    torch.manual_seed(training.seed)
    state = work.state(model, training)
    return train(state, work.batches(pixels, training.seed), lambda _model: Validation(0.0, 0.0, 0.0, 0))


def _bare(work: Workload, model: VAE, pixels: Tensor, training: Training) -> Iterator[None]:
    fabric = make_fabric(training)
    step: nn.Module = Step(model, ELBO(), work.image.view().prepare)
    if any(isinstance(module, nn.Conv2d) for module in step.modules()):
        step.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = copy.deepcopy(model).requires_grad_(False)
    averages: list[Tensor] = list(average.parameters())
    weights: list[Tensor] = list(model.parameters())
    kept, buffers = list(average.buffers()), list(model.buffers())
    optimizer = torch.optim.Adam(step.parameters(), lr=training.lr, fused=True)
    stored = pixels.numpy()
    taken = 0
    while True:
        order = torch.randperm(len(pixels))
        for rows in order[: len(order) // work.batch * work.batch].split(work.batch):
            batch = torch.from_numpy(stored.take(rows.numpy(), axis=0))
            with fabric.autocast():
                value, _metrics = step(batch, taken)
            optimizer.zero_grad(set_to_none=True)
            value.backward()
            norm = nn.utils.clip_grad_norm_(weights, training.clip)
            if all(map(math.isfinite, torch.stack([value.detach().float(), norm]).tolist())):
                optimizer.step()
                with torch.no_grad():
                    torch._foreach_lerp_(averages, weights, 1 - min(training.ema, (1 + taken) / (10 + taken)))
                    if buffers:
                        torch._foreach_copy_(kept, buffers)
                taken += 1
            yield


def _parser() -> argparse.ArgumentParser:
    return options(_question(), rounds=20, w1_steps=100, w2_steps=4)


def _question() -> str:
    return (__doc__ or "").split("\n")[0]


if __name__ == "__main__":
    main()
