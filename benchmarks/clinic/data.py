"""The clinic's data sets: digits, a part of MNIST and of drawings, too few digits, digits with leaks; rows and texts."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from benchmarks.clinic.cases import FEW, LEAKED
from benchmarks.clinic.rows import CORPORA, TABLES
from vaekit.data import read_images

__all__ = ["prepare"]

_IMAGES = 3000
_FEW_ROWS = 60


def prepare(work: Path, mnist: str, *, images: bool = True) -> None:
    """Write the files that cases name, where they are missing."""
    work.mkdir(parents=True, exist_ok=True)
    for number in range(TABLES):
        _table(work / f"table-{number}.csv", number, 1500)
        _parted(work / f"table-{number}-few.csv", _table, number)
    for number in range(CORPORA):
        _corpus(work / f"text-{number}.txt", number, 2000)
        _parted(work / f"text-{number}-few.txt", _corpus, number)
    if not images:
        return
    for name, source in (("mnist", mnist), ("sprites", "sprites")):
        if not (work / f"{name}-{_IMAGES}.npz").exists():
            data = read_images(source)
            rows = data.drawn("train", _IMAGES)
            np.savez(work / f"{name}-{_IMAGES}.npz", x=data.values[rows].numpy(), y=data.labels[rows].numpy())
    digits = read_images("digits")
    order = torch.randperm(len(digits), generator=torch.Generator().manual_seed(0))
    x = digits.values[order].numpy() * 15  # 17 levels spread over the 256 that an array of bytes is taken to have
    for count in FEW:
        # Validated on what it was trained on: the best weights are then the ones that remember most.
        np.savez(work / f"digits-few-{count}.npz", x_train=x[:count], x_val=x[:count], x_test=x[1300:])
    for percent in LEAKED:
        test = x[1400:]
        leaked = test[: max(1, len(test) * percent // 100)]
        np.savez(
            work / f"digits-leaked-{percent}.npz",
            x_train=np.concatenate([x[:1200], leaked]),
            x_val=x[1200:1400],
            x_test=test,
        )


def _parted(folder: Path, write: Callable[[Path, int, int], None], number: int) -> None:
    """Write few data to learn by heart and many to test on; validated, as the few digits are, on what is trained on."""
    folder.mkdir(exist_ok=True)
    for name, count in (("train", _FEW_ROWS), ("validation", _FEW_ROWS), ("test", 300)):
        write(folder / f"{name}{folder.suffix}", number, count)


def _table(path: Path, number: int, rows: int) -> None:
    """Write numbers, counts and categories of a few common causes, drawn anew for each number."""
    draw, random = np.random.default_rng(100 + number), np.random.default_rng([200 + number, rows])
    causes = random.normal(size=(rows, 3))
    numbers = causes @ draw.normal(size=(3, 5)) + 0.15 * random.normal(size=(rows, 5))
    counts = random.poisson(np.exp(0.5 + 0.6 * causes[:, :2]))
    scores = causes @ draw.normal(size=(3, 4)) + random.gumbel(size=(rows, 4))
    words = np.array(["north", "south", "east", "west"])[scores.argmax(1)]
    smokes = np.where(causes[:, 2] + 0.5 * random.normal(size=rows) > 0, "yes", "no")
    names = [*(f"x{i}" for i in range(5)), "visits", "children", "region", "smokes"]
    lines = [
        ",".join([*(f"{v:.4f}" for v in numbers[i]), *map(str, counts[i]), words[i], smokes[i]]) for i in range(rows)
    ]
    path.write_text("\n".join([",".join(names), *lines]) + "\n")


def _corpus(path: Path, number: int, lines: int) -> None:
    """Write sentences of a small grammar about one of six topics each, which most of its words belong to."""
    draw, random = np.random.default_rng(300 + number), np.random.default_rng([400 + number, lines])
    letters = np.array(list("abdefgiklmnoprstu"))
    words = [["".join(draw.choice(letters, draw.integers(3, 8))) for _ in range(12)] for _ in range(5)]
    with path.open("w") as file:
        for _ in range(lines):
            topic = random.integers(6)
            of_topic = np.where(
                random.random(5) < 0.9, 2 * topic + random.integers(2, size=5), random.integers(12, size=5)
            )
            who, act, what, where, when = (part[i] for part, i in zip(words, of_topic, strict=True))
            file.write(f"the {who} {act}s a {what}" + (f" in {where}" if random.random() < 0.7 else "") + f" {when}\n")
