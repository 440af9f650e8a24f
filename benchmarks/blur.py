"""Which cure makes the images of a VAE sharper in the same time?

    python -m benchmarks.blur [--side 32] [--minutes 2] [--only NAME ...] [--draw]

Each arm is one `vaekit fit` of the shapes of `deep_images.py` with keys of its own and a time limit, one after the other, on
one thread, in batches of 32; results are kept by name. All images that are compared are the test images, their reconstructions and as many
samples (the means of p(x | z)). `--draw` draws the picture of all arms again, without training.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from typing import Any

import numpy as np
import torch

from benchmarks.deep_images import shapes
from benchmarks.measuring import RESULTS, machine, report, table

NAME, PICTURE = "blur", Path(__file__).parent.parent / "docs" / "blur.png"
MIXTURE = ("net=conv", "likelihood=discretized_logistic_mixture")
LEARNED = ("net=conv", "likelihood=gaussian", "likelihood.scale=optimal")
ARMS = {
    "unit variance": ("net=conv", "likelihood=gaussian", "likelihood.scale=fixed"),
    "learned variance": LEARNED,
    "mixture of logistics": MIXTURE,
    "hierarchy": (
        "net=hierarchical",
        "net.patch=4",
        "net.widths=[32,64]",
        "net.groups=[2,2]",
        "net.channels=8",
        MIXTURE[1],
    ),
    "flow prior": (*LEARNED, "prior=flow"),
    "second stage": (*LEARNED, "second_stage=flow"),
    "focal frequency": (*LEARNED, "objective=focal_frequency"),
    "adversary": (*LEARNED, "objective=patch_gan", "objective.start=200", "objective.width=16"),
}
"""The keys of each arm; without a key, a choice of the library stands."""
COMMON = ("batch=32", "threads=1")  # small batches: a net on one core takes few steps in minutes
_IMAGES, _SHOWN = 6000, 10


def main() -> None:
    """Train every arm, write the table and draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=32)
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--only", nargs="*", default=list(ARMS), choices=ARMS, metavar="NAME")
    parser.add_argument("--draw", action="store_true", help="train nothing, draw the picture again")
    parser.add_argument("--runs", type=Path, default=Path("runs/benchmarks/blur"))
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    given.runs.mkdir(parents=True, exist_ok=True)
    path = given.runs / f"shapes-{given.side}.npy"
    if not path.exists():
        np.save(path, shapes(_IMAGES, given.side, np.random.default_rng(given.side)))
    torch.set_num_threads(1)
    for name in [] if given.draw else given.only:
        _keep(given.out, _fitted(path, name, given))
    _draw({name: _run(name, given) for name in ARMS if _run(name, given).is_dir()}, path)


def _run(name: str, given: argparse.Namespace) -> Path:
    return given.runs / f"{name.replace(' ', '-')}-{given.side}-{given.minutes:g}"


def _fitted(path: Path, name: str, given: argparse.Namespace) -> dict[str, Any]:
    keys = [*(() if "second" in name else ("second_stage=none",)), *ARMS[name], *COMMON]
    run = _run(name, given)
    shutil.rmtree(run, ignore_errors=True)
    command = [str(Path(sys.executable).with_name("vaekit")), "fit", str(path), *keys, "--json"]
    command += ["--time-limit", f"{given.minutes * 60:g}s", "--out", str(run)]
    before = getrusage(RUSAGE_CHILDREN).ru_utime
    evaluation = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)["evaluation"]
    seconds = round(getrusage(RUSAGE_CHILDREN).ru_utime - before)  # on a busy machine far below the minutes
    about = {"arm": name, "minutes": given.minutes, "side": given.side, "processor seconds": seconds}
    return {**about, "steps": evaluation["step"], **_measured(run, evaluation)}


def _measured(path: Path, evaluation: dict[str, Any]) -> dict[str, Any]:
    import vaekit
    from vaekit.evaluation import sharpness

    run = vaekit.load(path)
    images = _images(run)
    found, quality = sharpness(*images), run.quality(len(images[0]))
    assert found is not None
    curves = {"reconstructions": found.reconstructions, "samples": found.samples}
    measured = {f"sharpness ratio, {name}": round(found.ratio(curve), 3) for name, curve in curves.items()}
    measured |= {f"log-spectral distance, {name} (dB)": round(found.distance(c), 1) for name, c in curves.items()}
    bound = evaluation["bounds"]["iw"]
    return measured | {
        "power that matches": round(found.agreement, 3),
        "precision": round(quality.precision, 3),
        "recall": round(quality.recall, 3),
        "IW-100 (bits/dim)": None if bound is None else round(bound["bits_per_dim"], 3),
        "of": {"counting": "probability", "lebesgue": "density"}[run.measure],
        "n": len(images[0]),
        "machine": machine(),
    }


def _images(run: Any) -> list[torch.Tensor]:
    inputs, again = run.displayed.reconstruct()
    return [inputs, again, run.displayed.sample(len(inputs))]


def _keep(out: Path, row: dict[str, Any]) -> None:
    path, named = out / f"{NAME}.json", ("arm", "minutes", "side")
    rows = json.loads(path.read_text())["rows"] if path.exists() else []
    rows = [old for old in rows if any(old[key] != row[key] for key in named)] + [row]
    shown = [{key: value for key, value in each.items() if key != "machine"} for each in rows]
    notes = ["Bounds of probabilities and of densities are not comparable."]
    about = {"machine": row["machine"], "settings": {"seed": 0, "arms": {k: " ".join(v) for k, v in ARMS.items()}}}
    report(NAME, str(__doc__).splitlines()[0], out, {**about, "rows": rows}, [table(shown), *notes])


def _draw(runs: dict[str, Path], path: Path) -> None:
    """Draw a row of reconstructions, a row of samples and the spectra of each arm."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    import vaekit
    from vaekit.evaluation import sharpness

    figure = Figure(figsize=(11, 0.74 * (len(runs) + 1)), dpi=80)
    grid = figure.add_gridspec(len(runs) + 1, 3, width_ratios=(4, 4, 2), hspace=0.5, wspace=0.06)

    def row(place: int, column: int, images: torch.Tensor, title: str) -> None:
        axes = figure.add_subplot(grid[place, column])
        axes.imshow(images[:_SHOWN].permute(2, 0, 3, 1).flatten(1, 2), interpolation="nearest")
        axes.set(xticks=[], yticks=[])
        axes.set_title(title, fontsize=8, loc="left", pad=2)

    for place, (name, folder) in enumerate(runs.items(), 1):
        images = _images(vaekit.load(folder))
        found = sharpness(*images)
        assert found is not None
        if place == 1:
            row(0, 0, images[0], f"test images: {path.stem}")
            row(0, 1, images[0][_SHOWN:], "further test images")
        row(place, 0, images[1], f"{name}: reconstructions of the test images on top")
        row(place, 1, images[2], f"{name}: samples")
        axes = figure.add_subplot(grid[place, 2])
        for curve, color in ((found.data, "#333c46"), (found.reconstructions, "#24639f"), (found.samples, "#d1495b")):
            axes.plot(found.frequency, curve.log10(), color=color, linewidth=1.2)
        axes.set(
            xticks=[], yticks=[], ylim=(float(found.data.min().log10()) - 2, float(found.data.max().log10()) + 0.3)
        )
    legend = figure.add_subplot(grid[0, 2])
    legend.axis("off")
    words = (("test images", "#333c46"), ("reconstructions", "#24639f"), ("samples", "#d1495b"))
    for i, (word, color) in enumerate((("log power by frequency:", "black"), *words)):
        legend.text(0, 0.85 - 0.27 * i, word, color=color, fontsize=8)
    figure.subplots_adjust(left=0.01, right=0.99, top=0.98, bottom=0.01)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    from PIL import Image

    image = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    image.quantize(128).save(PICTURE, optimize=True)


if __name__ == "__main__":
    main()
