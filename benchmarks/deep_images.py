"""Which net reaches the best bound on images in the same time?

    python -m benchmarks.deep_images [--sides 64 128] [--minutes 6] [--nets conv residual hierarchical]
    python -m benchmarks.deep_images --data mnist --keys likelihood=bernoulli likelihood.binarize=dynamic --minutes 12 \
        --nets mlp default --nearer 1000

The sets are made here: colored shapes under a light on two-colored grounds, and windows of the two photographs that
scikit-learn ships, at random places, sizes and flips. Or they are given. Each arm is one `vaekit fit` with `net=` and a time
limit, one after the other; results are kept by name. With --nearer, the bound of 1,000 draws less that of 100 is taken from
so many test images and added to that of all.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import vaekit
from benchmarks.measuring import RESULTS, machine, report, table

NAME, SETS = "deep_images", ("shapes", "photographs")
NETS = ("default", "mlp", "conv", "residual", "hierarchical")
_IMAGES = 6000


def shapes(count: int, side: int, rng: np.random.Generator) -> np.ndarray:
    """Return shapes (disc, square, triangle) under a light, `(count, side, side, 3)` of 8 bits."""
    axis = (np.arange(2 * side) + 0.5) / side - 1  # two points per pixel and axis: smooth edges
    y, x = np.meshgrid(axis, axis, indexing="ij")
    images = np.empty((count, side, side, 3), np.uint8)
    for image in images:
        ground = np.where(
            (np.sin(rng.uniform(2, 8) * x + rng.uniform(2, 8) * y) > 0)[..., None], *rng.uniform(0, 1, (2, 3))
        )
        for _ in range(rng.integers(1, 4)):
            angle, radius, (v, u) = rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 0.45), rng.uniform(-0.6, 0.6, 2)
            a = (np.cos(angle) * (x - u) + np.sin(angle) * (y - v)) / radius
            b = (np.cos(angle) * (y - v) - np.sin(angle) * (x - u)) / radius
            inside = (a**2 + b**2 < 1, np.maximum(abs(a), abs(b)) < 0.9, (b > -0.6) & (b + 1.7 * abs(a) < 1))[
                rng.integers(3)
            ]
            light = (0.75 + 0.25 * np.clip(0.7 * a + 0.7 * b, -1, 1))[..., None]
            ground = np.where(inside[..., None], rng.uniform(0.1, 1, 3) * light, ground)
        image[:] = np.rint(255 * ground.reshape(side, 2, side, 2, 3).mean((1, 3)))
    return images


def photographs(count: int, side: int, rng: np.random.Generator) -> np.ndarray:
    """Return windows of two photographs, `(count, side, side, 3)` of 8 bits."""
    from sklearn.datasets import load_sample_images

    sources, images = [Image.fromarray(each) for each in load_sample_images().images], []
    for _ in range(count):
        source = sources[rng.integers(2)]
        size = int(rng.integers(side, min(source.size)))
        left, top = (int(rng.integers(0, whole - size + 1)) for whole in source.size)
        window = np.asarray(source.resize((side, side), Image.Resampling.BOX, (left, top, left + size, top + size)))
        images.append(window[:, ::-1] if rng.integers(2) else window)
    return np.stack(images)


def main() -> None:
    """Train every arm, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sides", type=int, nargs="*", default=[64, 128])
    parser.add_argument("--minutes", type=float, default=6.0)
    parser.add_argument("--nets", nargs="*", default=["conv", "residual", "hierarchical"], choices=NETS)
    parser.add_argument("--sets", nargs="*", default=list(SETS), choices=SETS)
    parser.add_argument("--data", type=Path, help="images to take in the place of those made here")
    parser.add_argument("--keys", nargs="*", default=[], help="further keys of every arm")
    parser.add_argument("--nearer", type=int, default=0, metavar="N", help="test images whose bound takes 1,000 draws")
    parser.add_argument("--runs", type=Path, default=Path("runs/benchmarks"))
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    made = [(name, side) for side in given.sides for name in given.sets]
    for path in [given.data] if given.data else [_written(name, side, given.runs) for name, side in made]:
        for net in given.nets:
            _keep(given.out, _fitted(path, net, given))


def _written(name: str, side: int, folder: Path) -> Path:
    path, make = folder / f"{name}-{side}.npy", {"shapes": shapes, "photographs": photographs}[name]
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, make(_IMAGES, side, np.random.default_rng(side)))
    return path


def _fitted(path: Path, net: str, given: argparse.Namespace) -> dict[str, Any]:
    run = given.runs / f"{path.stem}-{net}-{int(time.time())}"
    keys = [*given.keys, *([] if net == "default" else [f"net={net}"])]
    command = [str(Path(sys.executable).with_name("vaekit")), "fit", str(path), *keys]
    command += ["--time-limit", f"{given.minutes * 60:g}s", "--out", str(run), "--json"]
    answer = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    again = [command[0], "evaluate", str(run), "--samples", "100", "--json"]  # of all test data, without a limit
    evaluation = json.loads(subprocess.run(again, stdout=subprocess.PIPE, check=True).stdout)
    bounds = evaluation["bounds"]
    row = {
        "set": path.stem,
        "net": net,
        "keys": " ".join(given.keys),
        "minutes": given.minutes,
        "n": evaluation["n"],
        "ELBO": round(bounds["elbo"]["nats"], 2),
        "IW-100": round(bounds["iw"]["nats"], 2),
        "standard error": round(bounds["iw"]["se"], 2),
        "bits/dim, ELBO": round(bounds["elbo"]["bits_per_dim"], 4),
        "bits/dim, IW-100": round(bounds["iw"]["bits_per_dim"], 4),
        "rate": round(evaluation["rate"], 1),
        "steps": answer["evaluation"]["step"],
    }
    nearer = round(bounds["iw"]["nats"] + _nearer(run, given.nearer), 2) if given.nearer else ""
    row["IW-1000 (IW-100 and a difference)"] = nearer
    return row | {"chosen": _chosen(answer), "curve": _curve(run), "machine": machine()}


def _curve(run: Path) -> list[tuple[int, float]]:
    """Return seconds of training and the ELBO on validation data, in nats, of each validation."""
    rows = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
    return [(round(row["seconds"]), round(row["elbo"], 2)) for row in rows if "elbo" in row]


def _nearer(run: Path, count: int) -> float:
    """Return by how many nats the bound of 1,000 draws lies above that of 100, over the first `count` test images."""
    trained = vaekit.load(run)
    x = trained.given(count=count)
    near, far = (vaekit.bounds(trained.model, list(x[0].split(50)), samples=k, rows=5000) for k in (1000, 100))
    return float((near.iw - far.iw).mean())


def _chosen(answer: dict[str, Any]) -> str:
    """Return the kind of net that was trained, in words."""
    chosen = {choice["key"]: choice["value"] for choice in answer["choices"]}
    return " ".join(f"{key}={value}" for key, value in chosen.items() if key.startswith(("net", "prior", "latent")))


def _keep(out: Path, row: dict[str, Any]) -> None:
    path = out / f"{NAME}.json"
    rows = json.loads(path.read_text())["rows"] if path.exists() else []
    named = ("set", "net", "keys", "minutes")
    rows = [old for old in rows if any(old[key] != row[key] for key in named)] + [row]
    shown = [{key: value for key, value in each.items() if key not in ("machine", "chosen", "curve")} for each in rows]
    about = {"machine": row["machine"], "settings": {"seed": 0}, "rows": rows}
    report(NAME, str(__doc__).splitlines()[0], out, about, [table(shown)])


if __name__ == "__main__":
    main()
