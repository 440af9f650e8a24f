"""Does the doctor leave the library's own defaults alone, and where it does not, do its prescriptions help?

    python -m benchmarks.defaults --names FILE --captions DIR --adult DIR [--work DIR] [--only NAME ...] [--report]

Data sets of different kinds and sizes are trained with the default settings, and for a number of steps that this script sets.
Each finding is then tried: the same run with the prescribed keys on top is compared by the number behind the finding and by the
importance-weighted bound of the same test data. What is done already is kept in the work folder.
"""

import argparse
import gzip
import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from benchmarks.measuring import RESULTS, machine, report, table
from vaekit.diagnosis import CHECKS, Examination, Finding
from vaekit.interfaces.describing.parsing import parse
from vaekit.interfaces.describing.planning import plan
from vaekit.interfaces.runs import recording as recording_floor
from vaekit.interfaces.runs.auto_fix import revised
from vaekit.interfaces.runs.folder import RunFolder
from vaekit.interfaces.runs.recording import Recording
from vaekit.interfaces.runs.run import Run, load
from vaekit.interfaces.runs.trainer import Trainer
from vaekit.modalities import modality_named

recording_floor.conclude = lambda *_: None  # the examination computes the bounds

STEPS = {"image": 400, "table": 800, "text": 500}


def digits(path: Path, arguments: argparse.Namespace) -> str:
    return "digits"


def sprites(path: Path, arguments: argparse.Namespace) -> str:
    """Shaded ellipses of random place, size, angle and light, in 24 x 24 grey levels."""
    draw = np.random.default_rng(11)
    y, x = np.mgrid[-1:1:24j, -1:1:24j]
    images = []
    for _ in range(1500):
        cx, cy = draw.uniform(-0.3, 0.3, 2)
        a, b, angle, light = (
            draw.uniform(0.3, 0.7),
            draw.uniform(0.3, 0.7),
            draw.uniform(0, math.pi),
            draw.normal(size=2),
        )
        u, v = (x - cx) * np.cos(angle) + (y - cy) * np.sin(angle), (y - cy) * np.cos(angle) - (x - cx) * np.sin(angle)
        inside = 1 / (1 + np.exp(12 * ((u / a) ** 2 + (v / b) ** 2 - 1)))
        shade = 0.6 + 0.3 * np.tanh(light[0] * u + light[1] * v)
        images.append(np.clip(255 * (0.15 + inside * shade) + draw.normal(0, 3, x.shape), 0, 255))
    return _array(path, np.stack(images).astype(np.uint8))


def patches(path: Path, arguments: argparse.Namespace) -> str:
    """Patches of 12 x 12 colored pixels of the two photographs that scikit-learn ships."""
    from sklearn.datasets import load_sample_images

    draw, cut = np.random.default_rng(12), []
    for image in load_sample_images().images:
        small = image[::2, ::2]
        for _ in range(1000):
            i, j = (draw.integers(0, n - 12) for n in small.shape[:2])
            cut.append(small[i : i + 12, j : j + 12])
    return _array(path, np.stack(cut))


def shipped(name: str) -> Callable[[Path, argparse.Namespace], str]:
    """A table that scikit-learn ships."""

    def write(path: Path, arguments: argparse.Namespace) -> str:
        import sklearn.datasets

        frame = getattr(sklearn.datasets, f"load_{name}")(as_frame=True, **_raw(name)).frame
        frame.to_csv(path.with_suffix(".csv"), index=False)
        return str(path.with_suffix(".csv"))

    return write


def _raw(name: str) -> dict:
    return {"scaled": False} if name == "diabetes" else {}


def adult(path: Path, arguments: argparse.Namespace) -> str:
    lines = (arguments.adult / "adult-train.csv").read_text().splitlines()[:3001]
    return _text(path.with_suffix(".csv"), lines)


def names(path: Path, arguments: argparse.Namespace) -> str:
    return _text(path, arguments.names.read_text().splitlines()[::8])


def captions(path: Path, arguments: argparse.Namespace) -> str:
    with gzip.open(arguments.captions / "train.5.en.gz", "rt", encoding="utf-8") as file:
        return _text(path, file.read().splitlines()[:3000])


DATA: dict[str, tuple[str, Callable[[Path, argparse.Namespace], str]]] = {
    "iris": ("table", shipped("iris")),
    "wine": ("table", shipped("wine")),
    "diabetes": ("table", shipped("diabetes")),
    "digits": ("image", digits),
    "names": ("text", names),
    "breast cancer": ("table", shipped("breast_cancer")),
    "Adult, 3,000 rows": ("table", adult),
    "captions": ("text", captions),
    "photograph patches": ("image", patches),
    "sprites": ("image", sprites),
}


def main() -> None:
    """Train, examine, try every finding, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--names", type=Path, help="a file with a name on each line")
    parser.add_argument("--captions", type=Path, help="a folder with train.5.en.gz")
    parser.add_argument("--adult", type=Path, help="a folder with adult-train.csv")
    parser.add_argument("--work", type=Path, default=Path("runs/defaults"))
    parser.add_argument("--only", nargs="*", default=list(DATA))
    parser.add_argument("--report", action="store_true", help="write the table of the data sets that were asked for")
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.work.mkdir(parents=True, exist_ok=True)
    rows = [row for name in arguments.only for row in tried(name, arguments)]
    left_out = ", ".join(set(DATA) - set(arguments.only)) or "nothing"
    settings = {"steps": STEPS, "threads": 1, "seed": 31, "left out": left_out}
    about = {"machine": machine(), "settings": settings, "rows": rows}
    if arguments.report:
        report("defaults", (__doc__ or "").split("\n")[0], arguments.out, about, [table([_line(row) for row in rows])])


def tried(name: str, arguments: argparse.Namespace) -> list[dict]:
    """Return a row of what is found in a default run, and one of what each prescription did."""
    kept = arguments.work / f"{name}.json"
    if kept.exists():
        return json.loads(kept.read_text())
    kind, write = DATA[name]
    source = write(arguments.work / name.replace(" ", "-").replace(",", ""), arguments)
    run = _trained(name, kind, source, arguments.work)
    examined, found = _examined(run)
    row = {"data": name, "kind": kind, "n": len(run.data.part("train")), **_bound(examined)}
    rows = [{**row, "findings": [one.name for one in found], "tried": ""}]
    for one in found:
        print(name, one.severity, one.name, one.evidence, one.prescription, flush=True)
        if one.prescription:
            rows.append({**row, **_cured(run, one, arguments.work / f"{name}-{one.name}")})
            print(rows[-1], flush=True)
    print(rows[0], flush=True)
    kept.write_text(json.dumps(rows))
    return rows


def _cured(run: Run, finding: Finding, folder: Path) -> dict:
    check = next(check for check in CHECKS if check.name == finding.name)
    said = {"finding": finding.name, "severity": finding.severity, "tried": " ".join(finding.prescription)}
    if not (folder / "model" / "model.safetensors").exists():
        experiment, data = revised(run.folder.read_experiment(), finding, run.experiment.data.open())
        _fit(folder, Trainer(experiment, data))
    examined, found = _examined(load(folder))
    after = check.value(examined)
    still = finding.name in {one.name for one in found}
    return {**said, "before": finding.value, "after": after, "still": still, "then": _bound(examined)}


def _trained(name: str, kind: str, source: str, work: Path) -> Run:
    folder = work / f"{name}-as-is"
    if not (folder / "model" / "model.safetensors").exists():
        reading = modality_named(kind).opened({"source": source})
        data = reading.open()
        keys = parse((f"steps={STEPS[kind]}", "threads=1", "seed=31"), modality=kind)
        _fit(folder, Trainer(plan(data, reading, keys), data))
    return load(folder)


def _fit(folder: Path, trainer: Trainer) -> None:
    recording = Recording(RunFolder(folder), trainer)
    recording.begin()
    recording.run()


def _examined(run: Run) -> tuple[Examination, list[Finding]]:
    examination, found = run.examined()
    return examination, list(found)


def _bound(examined: Examination) -> dict:
    if examined.bounds.iw is None:
        return {"iw": None, "se": None}
    found = examined.bounds.estimate("iw")
    return {"iw": found.nats, "se": found.se}


def _line(row: dict) -> dict:
    line = {"data": row["data"], "training data": row["n"], "IW-50, nats": _nats(row)}
    if not row["tried"]:
        found = ", ".join(row["findings"]) or "nothing"
        return {**line, "found": found, "tried": "", "number": "", "IW-50 then": ""}
    number = f"{row['before']:.3g} -> {'none' if row['after'] is None else format(row['after'], '.3g')}"
    kept = ", still found" if row["still"] else ""
    return {
        **line,
        "found": row["finding"],
        "tried": row["tried"],
        "number": number + kept,
        "IW-50 then": _nats(row["then"]),
    }


def _nats(row: dict) -> str:
    return "none" if row["iw"] is None else f"{row['iw']:.1f} +- {row['se']:.1f}"


def _array(path: Path, values: np.ndarray) -> str:
    np.save(path.with_suffix(".npy"), values)
    return str(path.with_suffix(".npy"))


def _text(path: Path, lines: list[str]) -> str:
    path = path if path.suffix else path.with_suffix(".txt")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


if __name__ == "__main__":
    main()
