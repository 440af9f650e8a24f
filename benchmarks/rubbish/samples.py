"""Good files of every format that vaekit reads, made from data that ship with scikit-learn, and three small runs."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np

__all__ = ["DATA", "RUN_FILES", "make_data", "make_runs"]

DATA = (
    *("t.csv", "t.tsv", "t.csv.gz", "t.parquet", "t.arrow", "t.stream.arrow", "t.feather", "x.npy", "x.npz"),
    *(
        "x-idx3-ubyte",
        "x-idx3-ubyte.gz",
        "pictures/a/0.png",
        "pictures/b/1.jpg",
        "one.png",
        "lines.txt",
        "lines.txt.gz",
    ),
    *("rows.jsonl", "rows.jsonl.gz", "tokenizer.json", "schema.yaml", "keys.yaml"),
)
"""The files, relative to the folder of data."""

RUN_FILES = (
    *("config.json", "data.json", "split.json", "metrics.jsonl", "evaluation.json", "environment.json"),
    *("model/config.json", "model/schema.json", "model/model.safetensors"),
    *("checkpoints/last.ckpt", "checkpoints/best.ckpt"),
)
"""The files of a run."""

_WORDS = [
    "the",
    "a",
    "small",
    "large",
    "red",
    "blue",
    "cat",
    "dog",
    "bird",
    "sees",
    "hears",
    "likes",
    "house",
    "tree",
    "river",
    "and",
]


def make_data(folder: Path) -> None:
    """Write one good file of each format."""
    folder.mkdir(parents=True, exist_ok=True)
    _tables(folder)
    _arrays(folder)
    _texts(folder)
    (folder / "keys.yaml").write_text("lr: 0.001\nlatent: 4\nnet: mlp\nsteps: 2\n")
    (folder / "schema.yaml").write_text(
        "target: sex\ncolumns:\n  - name: age\n    kind: continuous\n    min: 0\n    max: 120\n"
        "  - name: sex\n    kind: categorical\n  - name: income\n    kind: continuous\n"
    )


def _tables(folder: Path) -> None:
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.feather
    import pyarrow.parquet

    draws = np.random.default_rng(0)
    n = 120
    table = pa.table(
        {
            "age": draws.integers(18, 90, n),
            "sex": draws.choice(["f", "m", "unknown"], n),
            "income": np.round(draws.normal(3000, 900, n), 2),
            "since": draws.integers(1, 400, n).astype("datetime64[D]").astype("datetime64[us]"),
        }
    )
    pa.csv.write_csv(table, folder / "t.csv")
    content = (folder / "t.csv").read_bytes()
    (folder / "t.csv.gz").write_bytes(gzip.compress(content))
    (folder / "t.tsv").write_bytes(content.replace(b",", b"\t"))
    pa.parquet.write_table(table, folder / "t.parquet")
    pa.feather.write_feather(table, str(folder / "t.feather"), compression="uncompressed")
    for name, new in (("t.arrow", pa.ipc.new_file), ("t.stream.arrow", pa.ipc.new_stream)):
        with pa.OSFile(str(folder / name), "wb") as file, new(file, table.schema) as writer:
            writer.write_table(table)


def _arrays(folder: Path) -> None:
    from PIL import Image
    from sklearn.datasets import load_digits

    found = load_digits()
    pixels, labels = (found.images[:120] * 15).astype(np.uint8), found.target[:120]
    np.save(folder / "x.npy", pixels)
    np.savez_compressed(folder / "x.npz", x=pixels, y=labels)
    idx = b"\0\0\x08\x03" + struct.pack(">3I", *pixels.shape) + pixels.tobytes()
    (folder / "x-idx3-ubyte").write_bytes(idx)
    (folder / "x-idx3-ubyte.gz").write_bytes(gzip.compress(idx))
    for row, image in enumerate(pixels[:40]):
        place = folder / "pictures" / "ab"[row % 2]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(place / f"{row}.{'png' if row % 2 == 0 else 'jpg'}")
    Image.fromarray(pixels[0]).save(folder / "one.png")


def _texts(folder: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers

    draws = np.random.default_rng(1)
    lines = [" ".join(draws.choice(_WORDS, draws.integers(3, 9))) for _ in range(150)]
    text = ("\n".join(lines) + "\n").encode()
    (folder / "lines.txt").write_bytes(text)
    (folder / "lines.txt.gz").write_bytes(gzip.compress(text))
    rows = "".join(json.dumps({"id": i, "text": line, "label": "ab"[i % 2]}) + "\n" for i, line in enumerate(lines))
    (folder / "rows.jsonl").write_text(rows)
    (folder / "rows.jsonl.gz").write_bytes(gzip.compress(rows.encode()))
    tokenizer = Tokenizer(models.WordLevel({"<unk>": 0, **{word: i + 1 for i, word in enumerate(_WORDS)}}, "<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))


def make_runs(data: Path, folder: Path) -> dict[str, Path]:
    """Train a small run of each kind of data; return their folders by kind."""
    small = ("steps=4", "latent=2", "threads=1")
    runs = {"image": ("x.npz", "net.widths=[16]"), "table": ("t.csv",), "text": ("lines.txt", "net.hidden=8")}
    for kind, (source, *keys) in runs.items():
        out = folder / kind
        if not (out / "report.html").exists():
            shutil.rmtree(out, ignore_errors=True)
            command = [
                str(Path(sys.executable).with_name("vaekit")),
                "fit",
                str(data / source),
                *small,
                *keys,
                "--out",
                str(out),
            ]
            subprocess.run(command, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"}, stdout=subprocess.DEVNULL)
    return {kind: folder / kind for kind in runs}
