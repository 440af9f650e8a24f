"""Do low scores of a table's model mark planted anomalies, beside the isolation forest of scikit-learn?

    python -m benchmarks.anomalies [--seeds 5] [--steps 600]

Real rows of scikit-learn's breast cancer and wine, with their class as a column, of which 5 % are spoiled: a third of them has a
class that does not exist, a third a number beyond the range of its column, a third half of its numbers from another row, which
breaks their correlations. Both methods learn from half of the rows as they are and score the other half with the anomalies; or they learn from
and score the same rows, anomalies among them.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score

import vaekit
from benchmarks.measuring import RESULTS, machine, report, settings, table

SETS: dict[str, Callable[[], Any]] = {"breast cancer": load_breast_cancer, "wine": load_wine}
KINDS = ("impossible category", "out of range", "broken correlations")
SHARE = 0.05
MEANING = (
    f"Area under the ROC curve of the score, {SHARE:.0%} of the rows spoiled: all of them, and each third against the same real rows. Mean over "
    "the seeds ± its standard error; a seed is a split, its anomalies, and the weights of both models. vaekit: `goal=density`, the "
    "importance-weighted bound of 100 draws. Isolation forest: as shipped, 100 trees, the class as indicators, all of them 0 for one that it never saw."
)


def main() -> None:
    """Plant anomalies, let both methods score them, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5, help="splits")
    parser.add_argument("--steps", type=int, default=600, help="of training")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder for the results")
    options = parser.parse_args()
    torch.set_num_threads(1)
    about = machine()
    runs = [
        run
        for name in SETS
        for clean in (True, False)
        for seed in range(options.seeds)
        for run in _runs(name, clean, seed, options.steps)
    ]
    rows = [
        _row(runs, name, learned, method)
        for name in SETS
        for learned in ("other rows", "the same rows")
        for method in ("vaekit", "isolation forest")
    ]
    report(
        "anomalies",
        MEANING,
        options.out,
        {"machine": about, "settings": settings(options), "runs": runs, "rows": rows},
        [table(rows)],
    )


def _runs(name: str, clean: bool, seed: int, steps: int) -> Iterator[dict[str, Any]]:
    """Yield the areas of both methods on one split."""
    data, rng = SETS[name](), np.random.default_rng(seed)
    classes, order = np.array([f"class {k}" for k in data.target]), rng.permutation(len(data.data))
    learned, scored = (order[: len(order) // 2], order[len(order) // 2 :]) if clean else (order, order)
    x, y, kinds = _spoiled(data.data, classes, scored, rng)
    train = (data.data[learned], classes[learned]) if clean else (x, y)
    names = [str(column) for column in data.feature_names]
    for method, score in (("vaekit", _vaekit), ("isolation forest", _forest)):
        start = time.process_time()
        found = score(names, train, (x, y), seed, steps)
        areas = [_area(found, kinds, kind) for kind in (None, *range(len(KINDS)))]
        yield {
            "table": name,
            "learned from": "other rows" if clean else "the same rows",
            "seed": seed,
            "method": method,
            **dict(zip(("all", *KINDS), areas, strict=True)),
            "cpu": time.process_time() - start,
        }


def _spoiled(x: Any, y: Any, rows: Any, rng: np.random.Generator) -> tuple[Any, Any, Any]:
    """Return some rows with anomalies, and the kind of each row's: a place in `KINDS`, or -1."""
    made, classes, kinds = x[rows].copy(), y[rows].astype("<U20"), np.full(len(rows), -1)
    bad = rng.choice(len(rows), max(len(KINDS), round(SHARE * len(rows))), replace=False)
    width = x.shape[1]
    for i, row in enumerate(bad):
        kinds[row] = i % len(KINDS)
        if kinds[row] == 0:
            classes[row] = "class 9"
        elif kinds[row] == 1:
            column = rng.integers(width)
            low, high = x[:, column].min(), x[:, column].max()
            made[row, column] = high + rng.uniform(0.5, 2) * (high - low)
        else:
            columns = rng.choice(width, width // 2, replace=False)
            made[row, columns] = x[rng.integers(len(x)), columns]
    return made, classes, kinds


def _vaekit(names: list[str], train: Any, test: Any, seed: int, steps: int) -> Any:
    frames = [{**dict(zip(names, x.T, strict=True)), "class": y} for x, y in (train, test)]
    found = vaekit.fit(frames[0], goal="density", steps=steps, seed=seed).score(frames[1]).iw
    assert found is not None
    return found.numpy()


def _forest(names: list[str], train: Any, test: Any, seed: int, steps: int) -> Any:
    known = np.unique(train[1])
    (seen, new) = (np.hstack([x, y[:, None] == known]) for x, y in (train, test))
    return IsolationForest(random_state=seed).fit(seen).score_samples(new)


def _area(scores: Any, kinds: Any, kind: int | None) -> float:
    """Return the area for the anomalies of one kind, or of all."""
    among = (kinds == -1) | ((kinds >= 0) if kind is None else (kinds == kind))
    return float(roc_auc_score(kinds[among] >= 0, -scores[among]))


def _row(runs: list[dict[str, Any]], name: str, learned: str, method: str) -> dict[str, Any]:
    mine = [run for run in runs if (run["table"], run["learned from"], run["method"]) == (name, learned, method)]
    row = {"table": name, "learned from": learned, "method": method}
    for kind in ("all", *KINDS):
        areas = np.array([run[kind] for run in mine])
        error = areas.std(ddof=1) / len(areas) ** 0.5 if len(areas) > 1 else float("nan")
        row[kind] = f"{areas.mean():.3f} ± {error:.3f}"
    return {**row, "CPU s": f"{np.mean([run['cpu'] for run in mine]):.1f}"}


if __name__ == "__main__":
    main()
