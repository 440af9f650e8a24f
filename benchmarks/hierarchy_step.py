"""What does a training step of our hierarchy cost beside a plain one of the same published block, and how does it grow?

    python -m benchmarks.hierarchy_step [--rounds 8]

Both arms have the same ladder, widths, groups and block (Child, 2021, "Very deep VAEs generalize autoregressive models and
can outperform them on images"), a Bernoulli likelihood and Adam. The plain one is written here as one writes it after the
paper: single precision, channels first, one class per part. Ours has bf16 and a fused optimizer where `fit` has them; no arm
has a guard or an average. They take turns in one process; peaks of memory are those of a process each, and need Linux. Then
our step alone on images of 32 to 256 pixels a side, with as many pixels in a step; the slope is that of log seconds per image
over log side.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.measuring import interleaved, machine, options, ratio, report, settings, summary, table, timed
from vaekit import ImageVAE
from vaekit.heads import Bernoulli
from vaekit.nets import Hierarchical
from vaekit.training.optimizers import make_optimizer
from vaekit.training.settings import Training

NET = Hierarchical(patch=2, widths=(64, 128, 256), groups=(1, 2, 2), channels=16, ratio=0.5)
SIDES = (32, 64, 128, 256)
_CHANNELS, _LATENT = 3, 32


class _Block(nn.Module):
    def __init__(self, before: int, inner: int, after: int, kernel: int, residual: bool = False) -> None:
        super().__init__()
        self.c1, self.c4 = nn.Conv2d(before, inner, 1), nn.Conv2d(inner, after, 1)
        self.c2, self.c3 = (nn.Conv2d(inner, inner, kernel, padding=kernel // 2) for _ in range(2))
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        h = self.c1(F.silu(x))
        h = self.c3(F.silu(self.c2(F.silu(h))))
        h = self.c4(F.silu(h))
        return x + h if self.residual else h


class _Layer(nn.Module):
    """One stochastic layer on the way down."""

    def __init__(self, width: int, channels: int) -> None:
        super().__init__()
        inner = width // 2
        self.prior = _Block(width, inner, 2 * channels + width, 3)
        self.posterior = _Block(2 * width, inner, 2 * channels, 3)
        self.absorb = nn.Conv2d(channels, width, 1)
        self.block = _Block(width, inner, width, 3, residual=True)

    def forward(self, h: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
        channels = self.absorb.in_channels
        p_mean, p_raw, more = self.prior(h).split([channels, channels, h.shape[1]], 1)
        q_mean, q_raw = self.posterior(torch.cat([h, seen], 1)).chunk(2, 1)
        p_scale, q_scale = (F.softplus(raw, beta=math.log(2)) for raw in (p_raw, q_raw))
        z = q_mean + q_scale * torch.randn_like(q_mean)
        kl = torch.log(p_scale / q_scale) + (q_scale**2 + (q_mean - p_mean) ** 2) / (2 * p_scale**2) - 0.5
        return self.block(h + more + self.absorb(z)), kl.flatten(1).sum(1)


class Plain(nn.Module):
    """The same ladder, as one writes it after the paper."""

    def __init__(self, side: int) -> None:
        super().__init__()
        widths, grid = NET.widths, side // NET.patch
        self.stem = nn.Conv2d(_CHANNELS, widths[0], NET.patch, stride=NET.patch)
        self.up = nn.ModuleList(
            nn.Sequential(*(_Block(w, w // 2, w, 3, residual=True) for _ in range(n)))
            for w, n in zip(widths, NET.groups, strict=True)
        )
        self.wider = nn.ModuleList(nn.Conv2d(a, b, 1) for a, b in pairwise(widths))
        self.narrower = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in pairwise(widths))
        self.down = nn.ModuleList(
            nn.ModuleList(_Layer(w, NET.channels) for _ in range(n)) for w, n in zip(widths, NET.groups, strict=True)
        )
        self.smallest = (widths[-1], grid >> (len(widths) - 1), grid >> (len(widths) - 1))
        self.top = nn.Linear(math.prod(self.smallest), 2 * _LATENT)
        self.start = nn.Linear(_LATENT, math.prod(self.smallest))
        self.out = nn.ConvTranspose2d(widths[0], _CHANNELS, NET.patch, stride=NET.patch)

    def forward(self, x: Tensor) -> Tensor:
        """Return the mean loss of images `(B, C, H, W)`."""
        h, maps = self.stem(x), []
        for i, stage in enumerate(self.up):
            h = stage(h)
            maps.append(h)
            if i < len(self.wider):
                h = self.wider[i](F.avg_pool2d(h, 2))
        mean, raw = self.top(h.flatten(1)).chunk(2, 1)
        scale = F.softplus(raw, beta=math.log(2))
        kl = (-torch.log(scale) + (scale**2 + mean**2) / 2 - 0.5).sum(1)
        h = self.start(mean + scale * torch.randn_like(mean)).unflatten(1, self.smallest)
        for i in reversed(range(len(self.down))):
            for layer in self.down[i]:  # type: ignore[attr-defined]
                h, more = layer(h, maps[i])
                kl = kl + more
            if i:
                h = F.interpolate(self.narrower[i - 1](h), scale_factor=2, mode="nearest")
        distortion = F.binary_cross_entropy_with_logits(self.out(F.silu(h)), x, reduction="none").flatten(1).sum(1)
        return (distortion + kl).mean()


def ours(side: int, batch: int) -> Callable[[], None]:
    """Return a training step of our model: channels last, bf16 where the hardware has it."""
    shape = (_CHANNELS, side, side)
    model = ImageVAE(shape=shape, latent=_LATENT, net=NET, likelihood=Bernoulli()).build()
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    x = torch.rand(batch, *shape).round().to(memory_format=torch.channels_last)
    bf16 = bool(machine()["bf16"])
    return _step(model, lambda: -model(x).elbo.mean(), bf16)


def plain(side: int, batch: int) -> Callable[[], None]:
    """Return a training step of the plain model: eager, single precision, channels first."""
    model, x = Plain(side), torch.rand(batch, _CHANNELS, side, side).round()
    return _step(model, lambda: model(x), bf16=False)


def _step(model: nn.Module, loss: Callable[[], Tensor], bf16: bool) -> Callable[[], None]:
    optimizer = make_optimizer(model.parameters(), Training()) if bf16 else torch.optim.Adam(model.parameters())

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            value = loss()
        optimizer.zero_grad()
        value.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 200.0)
        optimizer.step()

    return step


ARMS = {"ours": ours, "plain": plain}


def main() -> None:
    """Measure, and write the tables."""
    parser = options(str(__doc__).splitlines()[0], rounds=8, batch=32, side=32)
    parser.add_argument("--inside", choices=ARMS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(given.seed)
    if given.inside:
        step = ARMS[given.inside](given.side, given.batch)
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        before = _status("VmRSS")
        for _ in range(3):
            step()
        print(json.dumps(_status("VmHWM") - before))
        return
    before, peaks = machine(), {name: _peak(name, given) for name in ARMS}
    steps = {name: make(given.side, given.batch) for name, make in ARMS.items()}

    def arm(name: str) -> Any:
        return timed(lambda: (steps[name](), given.batch)[1])

    arms = {name: lambda name=name: arm(name) for name in ARMS}
    interleaved(arms, 2)
    times = interleaved(arms, given.rounds)
    found = ratio(times["ours"], times["plain"])
    row = {
        "images": f"{given.side} x {given.side} x {_CHANNELS}",
        **{f"{name}, images/s": round(summary(times[name])["per_second"], 1) for name in ARMS},
        "time ours / plain": f"{found.wall:.3f}",
        "quartiles": "{:.3f}-{:.3f}".format(*found.wall_quartiles),
        **{f"{name}, MiB of a step": peaks[name] for name in ARMS},
        "memory ours / plain": f"{peaks['ours'] / peaks['plain']:.2f}",
    }
    growth = [_seconds(side, given) for side in SIDES]
    logs = [(math.log(side), math.log(each)) for side, each in zip(SIDES, growth, strict=True)]
    x, y = (sum(part) / len(logs) for part in zip(*logs, strict=True))
    slope = sum((a - x) * (b - y) for a, b in logs) / sum((a - x) ** 2 for a, _ in logs)
    sides = {f"{side} pixels, ms per image": round(1000 * each, 2) for side, each in zip(SIDES, growth, strict=True)}
    del given.inside
    about = {"machine": before, "settings": settings(given), "times": times, "ratio": found, "slope": slope}
    shown = [table([row]), table([{**sides, "slope": f"{slope:.2f}"}])]
    report("hierarchy_step", str(__doc__).splitlines()[0], given.out, about, shown)


def _status(name: str) -> int:
    """Return a number of KiB that Linux keeps of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


def _peak(name: str, given: argparse.Namespace) -> int:
    """Return the MiB that the steps of an arm add to what a process holds before them."""
    words = [f"--{key}={getattr(given, key)}" for key in ("batch", "side", "threads", "seed")]
    command = [sys.executable, "-m", "benchmarks.hierarchy_step", f"--inside={name}", *words]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return round(int(done.stdout.splitlines()[-1]) / 1024)


def _seconds(side: int, given: argparse.Namespace) -> float:
    """Return the seconds per image of our step, the median of three."""
    batch = max(1, given.batch * SIDES[0] ** 2 // side**2)
    step = ours(side, batch)
    step()
    return sorted(timed(lambda: (step(), batch)[1]).wall for _ in range(3))[1]


if __name__ == "__main__":
    main()
