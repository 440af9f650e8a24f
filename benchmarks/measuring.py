"""How a ratio is measured here: arms in interleaved rounds, wall and processor time, the median of paired ratios.

A machine is never quite idle, and its clock moves with the load. Two arms that take turns meet the same conditions, so
the ratio of two neighbouring rounds means something where two rates measured an hour apart do not.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

__all__ = [
    "Ratio",
    "Time",
    "interleaved",
    "machine",
    "options",
    "ratio",
    "report",
    "settings",
    "summary",
    "table",
    "timed",
]

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Time:
    """Seconds per item: on the wall, and of the processor over all threads."""

    wall: float
    cpu: float


@dataclass(frozen=True)
class Ratio:
    """How many times longer one arm takes than another: medians of paired rounds, with the quartiles of the wall."""

    wall: float
    wall_quartiles: tuple[float, float]
    cpu: float
    cpu_quartiles: tuple[float, float]
    rounds: int


def timed(work: Callable[[], int]) -> Time:
    """Run `work`, which returns how many items it did, and return the time per item."""
    wall, cpu = time.perf_counter(), time.process_time()
    count = work()
    return Time((time.perf_counter() - wall) / count, (time.process_time() - cpu) / count)


def interleaved(arms: Mapping[str, Callable[[], Time]], rounds: int) -> dict[str, list[Time]]:
    """Let the arms take turns; every second round goes through them backwards, so that none always comes first."""
    times: dict[str, list[Time]] = {name: [] for name in arms}
    for i in range(rounds):
        for name in list(arms)[:: -1 if i % 2 else 1]:
            times[name].append(arms[name]())
    return times


def ratio(slow: Sequence[Time], quick: Sequence[Time]) -> Ratio:
    """Return the median over rounds of `slow` / `quick`."""
    wall = [a.wall / b.wall for a, b in zip(slow, quick, strict=True)]
    cpu = [a.cpu / b.cpu for a, b in zip(slow, quick, strict=True)]
    return Ratio(statistics.median(wall), _quartiles(wall), statistics.median(cpu), _quartiles(cpu), len(wall))


def summary(times: Sequence[Time]) -> dict[str, float]:
    """Return items per second: of the wall, of the processor, and in the best round."""
    return {
        "per_second": 1 / statistics.median(t.wall for t in times),
        "per_cpu_second": 1 / statistics.median(t.cpu for t in times),
        "best_per_second": 1 / min(t.wall for t in times),
    }


def options(description: str | None, **defaults: int) -> argparse.ArgumentParser:
    """Return a parser with the options every script has, and integers with the defaults given."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--data", default="mnist", help="folder with the IDX files of MNIST; `mnist` downloads them")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder for the results")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="threads of torch, the same for all arms")
    parser.add_argument("--seed", type=int, default=0, help="seed of weights, noise and order")
    for name, value in defaults.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=value)
    return parser


def machine() -> dict[str, Any]:
    """Return what a number depends on besides the code."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "bf16": bool(getattr(torch.cpu, "get_capabilities", dict)().get("avx512_bf16")),
    }


def report(name: str, question: str, where: Path, results: Mapping[str, Any], tables: Sequence[str]) -> None:
    """Write `results` as JSON and the tables as Markdown to a folder, and print the tables.

    Args:
        name: Of the two files, without their endings.
        question: What the script answers.
        where: The folder.
        results: Everything measured, with `machine` and `settings`.
        tables: Markdown.
    """
    where.mkdir(parents=True, exist_ok=True)
    text = json.dumps(results, indent=1, default=asdict)
    (where / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    facts = ", ".join(f"{key} {value}" for part in ("machine", "settings") for key, value in results[part].items())
    page = "\n\n".join([f"# {name}", question, *tables, facts]) + "\n"
    (where / f"{name}.md").write_text(page, encoding="utf-8")
    print(page)


def settings(arguments: argparse.Namespace, **more: Any) -> dict[str, Any]:
    """Return the options that a result depends on, and more."""
    return {key: value for key, value in vars(arguments).items() if key not in ("data", "out")} | more


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows of equal keys as a Markdown table."""

    def line(cells: Iterator[Any]) -> str:
        return f"| {' | '.join(_shown(cell) for cell in cells)} |"

    keys = list(rows[0])
    return "\n".join([line(iter(keys)), line("---" for _ in keys), *(line(iter(row.values())) for row in rows)])


def _shown(cell: Any) -> str:
    if not isinstance(cell, float):
        return str(cell)
    return f"{cell:,.0f}" if abs(cell) >= 1000 else f"{cell:.4g}"


def _quartiles(values: Sequence[float]) -> tuple[float, float]:
    if len(values) < 2:
        return values[0], values[0]
    low, _, high = statistics.quantiles(values, n=4)
    return low, high


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
