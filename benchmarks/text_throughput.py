"""What does our loop cost on texts over bare loops of the same net, and what does decoding with a state gain over reading anew?

    python -m benchmarks.text_throughput [--rounds 5] [--out DIR]

Training: the automatic model of names, and that of a synthetic corpus of 5,000 words in captions' lengths. Three arms see
the same batches in the same precision: ours, `vaekit.training.train` without a validation; the same `Step` in a loop by
hand that clips and averages too; and the same net under a loss by hand, cross-entropy plus KL, and fused Adam, nothing
else. The goal is that of images: 3 % over the second. Generation: `Autoregressive.decode` of 60 tokens, with untrained nets
of the usual sizes, beside loops that read the whole prefix anew for every token: one asks for the logits of the last place
alone, one for those of all places, as a forward pass returns them. The goal is a fifth of their time at most.
"""

from __future__ import annotations

import argparse
import copy
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence

from benchmarks.measuring import RESULTS, Time, interleaved, machine, ratio, report, settings, summary, table, timed
from vaekit.data import Batches, TextSchema, read_text, text_lengths, unpacked
from vaekit.distributions import Autoregressive, Decoding
from vaekit.distributions.decoding import Mode, choose
from vaekit.distributions.tokens import BOS, EOS, PAD
from vaekit.modalities import TextVAE
from vaekit.modalities.text.choices import choose_text_model
from vaekit.models import VAE
from vaekit.nets import CausalNet, Recurrent, SequenceTask, Transformer
from vaekit.objectives import ELBO
from vaekit.training import Step, Training, TrainingState, Validation, train
from vaekit.training.fabric import make_fabric

_FOREVER = 10**7
CHARACTERS, WORDS = 30, 5000
LONGEST, LENGTH, LATENT = 24, 60, 32
NETS: dict[str, Recurrent | Transformer] = {"lstm": Recurrent(), "transformer": Transformer()}
MODES: tuple[Mode, ...] = ("greedy", "sample")


@dataclass(frozen=True)
class _Work:
    """Rows of ids `(N, T)`, and the model of them."""

    ids: Tensor
    text: TextVAE

    def batches(self, training: Training) -> Batches:
        """Return the order of training, the same at each call."""
        return Batches(self.ids, torch.arange(len(self.ids)), training.batch, training.seed, text_lengths(self.ids))

    @property
    def tokens(self) -> float:
        """Tokens of a text on average, its end included."""
        return text_lengths(self.ids).double().mean().item()


def names() -> _Work:
    """Return the names that come with the package, repeated, and the automatic model of them."""
    data = read_text("names-demo")
    assert isinstance(data.schema, TextSchema)
    return _Work(data.values.repeat(20, 1), choose_text_model(data.schema, {})[0])


def words(seed: int) -> _Work:
    """Return rows of words as rare as Zipf's law has them, and the model that captions get."""
    generator = torch.Generator().manual_seed(seed)
    rarity = 1 / torch.arange(1.0, WORDS - EOS)
    ids = torch.multinomial(rarity, 20_000 * LONGEST, replacement=True, generator=generator).view(-1, LONGEST) + EOS + 1
    ends = torch.normal(12.0, 4.0, (len(ids), 1), generator=generator).round().clamp(4, LONGEST - 1)
    place = torch.arange(LONGEST)
    ids = ids.masked_fill(place == ends, EOS).masked_fill(place > ends, PAD)
    net = Recurrent(embedding=256, hidden=256)
    return _Work(ids.to(torch.int16), TextVAE(vocabulary=WORDS, length=LONGEST, latent=LATENT, net=net))


def main() -> None:
    arguments = _parser().parse_args()
    torch.set_num_threads(arguments.threads)
    results: dict[str, Any] = {"machine": machine(), "settings": settings(arguments, precision="auto")}
    trained = [_training(name, work, arguments, results) for name, work in _works(arguments.seed).items()]
    written = [
        _writing(name, vocabulary, mode, arguments, results)
        for vocabulary in (CHARACTERS, WORDS)
        for name in NETS
        for mode in MODES
    ]
    tables = [f"## Training\n\n{table(trained)}", f"## Generation, {LENGTH} tokens\n\n{table(written)}"]
    report("text_throughput", _question(), arguments.out, results, tables)


def _works(seed: int) -> dict[str, _Work]:
    return {"names, characters": names(), f"synthetic, {WORDS:,} words": words(seed)}


def _training(name: str, work: _Work, arguments: argparse.Namespace, results: dict[str, Any]) -> dict[str, Any]:
    """Measure the three arms, keep all times, and return a row."""
    training = Training(
        batch=arguments.batch,
        steps=_FOREVER,
        validate_every=_FOREVER,
        threads=arguments.threads,
        seed=arguments.seed,
        device="cpu",
    )
    torch.manual_seed(arguments.seed)
    model = work.text.build()
    made = {"ours": _ours, "bare": _bare, "plain": _plain}
    loops = {arm: make(work, copy.deepcopy(model), training) for arm, make in made.items()}

    def steps(arm: str) -> Time:
        def run() -> int:
            for _ in range(arguments.steps):
                next(loops[arm])
            return round(arguments.steps * arguments.batch * work.tokens)

        return timed(run)

    times = _turns({arm: partial(steps, arm) for arm in loops}, arguments.rounds)
    over = {arm: ratio(times["ours"], times[arm]) for arm in ("bare", "plain")}
    results[f"training, {name}"] = {"ratios": over, "times": times}
    return {
        "corpus": name,
        **{f"{arm}, tokens/s": summary(times[arm])["per_second"] for arm in times},
        "time ours / bare": f"{over['bare'].wall:.3f}",
        "quartiles": "{:.3f}-{:.3f}".format(*over["bare"].wall_quartiles),
        "of the processor": f"{over['bare'].cpu:.3f}",
        "goal": "1.03",
        "time ours / plain": f"{over['plain'].wall:.3f}",
    }


def _ours(work: _Work, model: VAE, training: Training) -> Iterator[object]:
    torch.manual_seed(training.seed)
    state = TrainingState(Step(model, ELBO(), work.text.view().prepare), training, make_fabric(training))
    return train(state, work.batches(training), lambda _model: Validation(0.0, 0))


def _bare(work: _Work, model: VAE, training: Training) -> Iterator[None]:
    """The arithmetic of ours, by hand."""
    fabric, batches = make_fabric(training), work.batches(training)
    step = Step(model, ELBO(), work.text.view().prepare)
    average = copy.deepcopy(model).requires_grad_(False)
    averages: list[Tensor] = list(average.parameters())
    weights: list[Tensor] = list(model.parameters())
    kept, buffers = list(average.buffers()), list(model.buffers())
    optimizer = torch.optim.Adam(step.parameters(), lr=training.lr, fused=True)
    for taken in range(_FOREVER):
        with fabric.autocast():
            value, _metrics = step(batches.at(taken), taken)
        optimizer.zero_grad(set_to_none=True)
        value.backward()
        norm = nn.utils.clip_grad_norm_(weights, training.clip)
        if all(map(math.isfinite, torch.stack([value.detach().float(), norm]).tolist())):
            optimizer.step()
            with torch.no_grad():
                torch._foreach_lerp_(averages, weights, 1 - min(training.ema, (1 + taken) / (10 + taken)))
                torch._foreach_copy_(kept, buffers)
        yield


def _plain(work: _Work, model: VAE, training: Training) -> Iterator[None]:
    """The net alone: what somebody writes who needs nothing of ours."""
    fabric, batches = make_fabric(training), work.batches(training)
    optimizer = torch.optim.Adam(model.parameters(), lr=training.lr, fused=True)
    net: Any = model.likelihood.net
    for taken in range(_FOREVER):
        x = unpacked(batches.at(taken))[0].long()
        with fabric.autocast():
            q: Any = model.encode(x)
            z = q.rsample()
            x = x[:, : int((x != PAD).sum(1).max())]
            logits = net.logits(net.features(F.pad(x[:, :-1], (1, 0), value=BOS), z))
            wrong = F.cross_entropy(logits.flatten(0, 1).float(), x.flatten(), ignore_index=PAD, reduction="sum")
            loss = (wrong + kl_divergence(q.base_dist, Normal(0.0, 1.0)).sum()) / len(x)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        yield


def _writing(
    name: str, vocabulary: int, mode: Mode, arguments: argparse.Namespace, results: dict[str, Any]
) -> dict[str, Any]:
    """Measure the arms, keep all times, and return a row."""
    torch.manual_seed(arguments.seed)
    net = NETS[name].decoder(SequenceTask(vocabulary=vocabulary, given=LATENT, length=LENGTH)).eval()
    assert net.output.bias is not None
    with torch.no_grad():
        net.output.bias[EOS] = -100.0  # no text ends before its last token
    z, decoding = torch.randn(arguments.texts, LATENT), Decoding(mode=mode)
    arms: dict[str, Callable[[], Tensor]] = {
        "ours": lambda: Autoregressive(net, z, LENGTH).decode(decoding),
        "last": lambda: _anew(net, z, decoding, last=True),
        "all": lambda: _anew(net, z, decoding, last=False),
    }
    found = {arm: _drawn(write, arguments.seed) for arm, write in arms.items()}
    same = (found["ours"] == found["last"]).double().mean().item()
    times = _turns({arm: partial(timed, partial(_count, write)) for arm, write in arms.items()}, arguments.rounds)
    gains = {arm: ratio(times[arm], times["ours"]) for arm in ("last", "all")}
    results[f"generation, {name}, {vocabulary}, {mode}"] = {"ratios": gains, "times": times, "same_tokens": same}
    return {
        "net": name,
        "vocabulary": f"{vocabulary:,}",
        "mode": mode,
        "ours, tokens/s": summary(times["ours"])["per_second"],
        "prefix anew, tokens/s": summary(times["last"])["per_second"],
        "time anew / ours": f"{gains['last'].wall:.2f}",
        "quartiles": "{:.2f}-{:.2f}".format(*gains["last"].wall_quartiles),
        "with all logits": f"{gains['all'].wall:.2f}",
        "goal": "5",
        "same tokens": f"{same:.1%}",
    }


def _count(write: Callable[[], Tensor]) -> int:
    return write().numel()


@torch.no_grad()
def _anew(net: CausalNet, z: Tensor, decoding: Decoding, *, last: bool) -> Tensor:
    """Return texts, the net reading all tokens so far for each; `last` asks it for the logits of the last place alone."""
    rows = torch.full((len(z), 1), BOS)
    for _ in range(LENGTH):
        features = net.features(rows, z)
        logits = net.logits(features[:, -1]) if last else net.logits(features)[:, -1]
        rows = torch.cat([rows, choose(logits, decoding)[:, None]], 1)
    return rows[:, 1:]


def _drawn(write: Callable[[], Tensor], seed: int) -> Tensor:
    torch.manual_seed(seed)
    return write()


def _turns(arms: dict[str, Callable[[], Time]], rounds: int) -> dict[str, list[Time]]:
    interleaved(arms, 1)  # caches, threads and allocators warm up
    return interleaved(arms, rounds)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder for the results")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="threads of torch, the same for all arms")
    parser.add_argument("--seed", type=int, default=0, help="seed of weights, noise and order")
    parser.add_argument("--rounds", type=int, default=5, help="how often the arms take turns")
    parser.add_argument("--steps", type=int, default=20, help="of training in a round")
    parser.add_argument("--batch", type=int, default=128, help="texts per step of training")
    parser.add_argument("--texts", type=int, default=64, help="texts that are written together")
    return parser


def _question() -> str:
    return (__doc__ or "").split("\n")[0]


if __name__ == "__main__":
    main()
