"""Crafted files: sizes that promise more than there is, types that nobody expects, escapes, links, pipes and code."""

from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["crafted"]

Case = tuple[str, tuple[str, ...]]
"""A name, and the words of the command line; its files lie in the working folder."""

_ESCAPE = "\x1b]0;owned\x07\x1b[2J\u202e\x9b31m"


class _Code:
    def __reduce__(self) -> Any:
        return os.system, ("touch owned",)


def crafted(place: Callable[[], Path], runs: dict[str, Path]) -> Iterator[tuple[Path, Case]]:
    """Yield a folder with the files of a case, and the case.

    Args:
        place: Makes a new folder in which the folder of data lies as `data`, and copies of the runs by kind.
        runs: The runs by kind.
    """
    for makers in (_arrays, _tables, _tokenizers, _schemas, _keys, _texts, _pictures, _paths):
        for name, words, files in makers():
            folder = place()
            for path, content in files.items():
                target = folder / path
                target.parent.mkdir(parents=True, exist_ok=True)
                content(target) if callable(content) else target.write_bytes(content)
            yield folder, (name, words)
    for name, words, spoil in _runs(sorted(runs)):
        folder = place()
        spoil(folder)
        yield folder, (name, words)


Made = Iterator[tuple[str, tuple[str, ...], dict[str, Any]]]


def _npy(header: str, body: bytes = b"") -> bytes:
    text = header.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + body


def _arrays() -> Made:
    n, eight = 16, (16, 8, 8)
    arrays = {
        "complex": np.zeros(eight, np.complex64),
        "dates": np.zeros(eight, "datetime64[s]"),
        "spans": np.zeros(eight, "timedelta64[s]"),
        "strings": np.full(eight, "a"),
        "bytes": np.full(eight, b"a"),
        "records": np.zeros(eight, [("a", "f4"), ("b", "f4")]),
        "void": np.zeros(eight, "V4"),
        "half": np.zeros(eight, np.float16),
        "long": np.zeros(eight, np.longdouble),
        "unsigned": np.full(eight, 2**64 - 1, np.uint64),
        "infinite": np.full(eight, np.inf),
        "large": np.full(eight, 1e300),
        "scalar": np.float32(1),
        "empty": np.zeros((0, 8, 8)),
        "flat": np.zeros((n, 0, 8)),
        "deep": np.zeros((2,) * 20, np.uint8),
        "one": np.zeros((1, 8, 8), np.uint8),
        "wide": np.zeros((16, 1, 100_000), np.uint8),
    }
    for name, array in arrays.items():
        stream = io.BytesIO()
        np.save(stream, array)
        yield f"npy-{name}", ("inspect", "a.npy"), {"a.npy": stream.getvalue()}
    headers = {
        "token": "{'descr': '|u1', 'fortran_order': False, 'shape': (16, 8, 8",
        "code": "__import__('os').system('touch owned')",
        "huge": "{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000000, 8, 8), }",
        "overflow": "{'descr': '<f8', 'fortran_order': False, 'shape': (9223372036854775807, 9223372036854775807), }",
        "negative": "{'descr': '|u1', 'fortran_order': False, 'shape': (-1, 8, 8), }",
        "nested": "(" * 900 + ")" * 900,
        "object": "{'descr': '|O', 'fortran_order': False, 'shape': (2,), }",
        "subarray": "{'descr': ('|u1', (99999, 99999)), 'fortran_order': False, 'shape': (2, 2), }",
        "string": "{'descr': '|S2000000000', 'fortran_order': False, 'shape': (9,), }",
    }
    for name, header in headers.items():
        yield f"npy-header-{name}", ("inspect", "a.npy"), {"a.npy": _npy(header, b"\0" * 1024)}
    yield "npy-pickle", ("inspect", "a.npy"), {"a.npy": pickle.dumps(_Code())}

    def bomb(path: Path) -> None:
        with (
            zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
            archive.open("x.npy", "w", force_zip64=True) as member,
        ):
            member.write(_npy("{'descr': '|u1', 'fortran_order': False, 'shape': (60000, 224, 224), }"))
            for _ in range(60000 * 224 * 224 // 2**22):
                member.write(b"\0" * 2**22)

    def idx_bomb(path: Path) -> None:
        with gzip.open(path, "wb", 1) as stream:
            stream.write(b"\0\0\x08\x03" + struct.pack(">3I", 60000, 224, 224))
            for _ in range(60000 * 224 * 224 // 2**22):
                stream.write(b"\0" * 2**22)

    yield "npz-bomb", ("inspect", "a.npz"), {"a.npz": bomb}
    yield "idx-bomb", ("inspect", "a-idx3-ubyte.gz"), {"a-idx3-ubyte.gz": idx_bomb}
    for name, shape in {"huge": (2**32 - 1,) * 3, "none": (0, 0, 0), "one": (1, 1, 1)}.items():
        head = b"\0\0\x08\x03" + struct.pack(">3I", *shape) + b"\0" * 64
        yield f"idx-{name}", ("inspect", "a-idx3-ubyte"), {"a-idx3-ubyte": head}
    yield "idx-axes", ("inspect", "a-idx3-ubyte"), {"a-idx3-ubyte": b"\0\0\x08\xff" + b"\0\0\0\1" * 255}
    for name, member in {"text": b"hello", "pickle": pickle.dumps(_Code()), "empty": b""}.items():
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr("x.npy", member)
        yield f"npz-{name}", ("inspect", "a.npz"), {"a.npz": stream.getvalue()}


def _tables() -> Made:
    import pyarrow as pa

    def wrong_offsets(at: int, value: int, stream: bool) -> bytes:
        table = pa.table({"a": ["xxxx", "yyyy", "zzzz"] * 20, "b": list(range(60))})
        sink = io.BytesIO()
        with (pa.ipc.new_stream if stream else pa.ipc.new_file)(sink, table.schema) as writer:
            writer.write_table(table)
        content = bytearray(sink.getvalue())
        place = content.find(struct.pack("<4i", 0, 4, 8, 12)) + 4 * at
        content[place : place + 4] = struct.pack("<i", value)
        return bytes(content)

    for suffix in ("arrow", "feather"):
        for at, value in ((1, 2**31 - 1), (2, -(2**31)), (3, -1), (60, 2**30), (5, 10**6)):
            yield f"{suffix}-offset-{at}", ("inspect", f"t.{suffix}"), {f"t.{suffix}": wrong_offsets(at, value, False)}
    yield "stream-offset", ("inspect", "t.arrow"), {"t.arrow": wrong_offsets(2, 2**31 - 1, True)}
    csvs = {
        "escapes": f"{_ESCAPE}a,b\n" + "".join(f"{_ESCAPE}x{i % 3},{i}\n" for i in range(60)),
        "wide": ",".join(f"c{i}" for i in range(20_000)) + "\n" + (",".join("1" * 20_000) + "\n") * 3,
        "long-cell": "a,b\n" + f"{'x' * 2_000_000},1\n" + "y,2\n" * 9,
        "quote": 'a,b\n"1,2\n' * 20,
        "formula": "a,b\n" + "=cmd|' /C calc'!A0,1\n@x,2\n" * 20,
        "nulls": "a,b\n,\n,\n,\n",
        "same": "a,a\n1,2\n3,4\n",
        "numbers": "a,b\n" + "1e400,nan\n-1e400,inf\n99999999999999999999999,0\n" * 9,
        "keys": "__class__,constructor\n" + "1,2\n3,4\n" * 20,
        "dates": "a,b\n" + "9999-12-31,1\n0001-01-01,2\n" * 20,
    }
    for name, text in csvs.items():
        yield f"csv-{name}", ("inspect", "t.csv"), {"t.csv": text.encode()}
    frames = {
        "nested": pa.table({"a": [[1], [2]] * 9, "b": [{"x": 1}, {"x": 2}] * 9}),
        "binary": pa.table({"a": [b"\xff", b"\0"] * 9, "b": [1, 2] * 9}),
        "null": pa.table({"a": pa.nulls(9), "b": list(range(9))}),
        "decimal": pa.table({"a": pa.array([10**30] * 9, pa.decimal128(38, 0)), "b": list(range(9))}),
        "time": pa.table({"a": pa.array([2**62] * 9, pa.timestamp("s")), "b": list(range(9))}),
        "month": pa.table({"a": pa.array([(1, 2, 3)] * 9, pa.month_day_nano_interval()), "b": list(range(9))}),
    }
    for name, frame in frames.items():

        def write(path: Path, frame: Any = frame) -> None:
            with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, frame.schema) as writer:
                writer.write_table(frame)

        yield f"arrow-{name}", ("inspect", "t.arrow"), {"t.arrow": write}


def _tokenizers() -> Made:
    base = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None}
    base |= {"pre_tokenizer": {"type": "Whitespace"}, "post_processor": None, "decoder": None}
    word = {"type": "WordLevel", "vocab": {"<unk>": 0, "the": 1}, "unk_token": "<unk>"}
    added = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    cases: dict[str, Any] = {
        "huge-id": {**base, "model": {**word, "vocab": {"<unk>": 0, "the": 4_000_000_000}}},
        "large-id": {**base, "model": {**word, "vocab": {"<unk>": 0, "the": 400_000_000}}},
        "no-unknown": {**base, "model": {**word, "vocab": {"a": 0}}},
        "empty": {**base, "model": {**word, "vocab": {}}},
        "bpe-huge": {**base, "model": {"type": "BPE", "vocab": {"a": 4_294_967_295}, "merges": []}},
        "bpe-merge": {**base, "model": {"type": "BPE", "vocab": {"a": 0}, "merges": [["x", "y"]]}},
        "unigram-id": {**base, "model": {"type": "Unigram", "unk_id": 99, "vocab": [["a", -1.0]]}},
        "unigram-nan": {**base, "model": {"type": "Unigram", "unk_id": 0, "vocab": [["a", 1e308], ["b", -1e308]]}},
        "unigram-none": {**base, "model": {"type": "Unigram", "unk_id": None, "vocab": [["a", -1.0]]}},
        "added": {**base, "model": word, "added_tokens": [{"id": 2, "content": "the", **added}]},
        "added-empty": {**base, "model": word, "added_tokens": [{"id": 2, "content": "", **added}]},
        "added-huge": {**base, "model": word, "added_tokens": [{"id": 4_000_000_000, "content": "zz", **added}]},
        "regex": {
            **base,
            "model": word,
            "pre_tokenizer": {
                "type": "Split",
                "pattern": {"Regex": "(.*)*(.*)*x$"},
                "behavior": "Removed",
                "invert": False,
            },
        },
        "prepend": {**base, "model": word, "normalizer": {"type": "Prepend", "prepend": "x" * 100_000}},
        "precompiled": {
            **base,
            "model": word,
            "normalizer": {"type": "Precompiled", "precompiled_charsmap": "/////w=="},
        },
        "no-model": base,
        "list": [1, 2],
        "wordpiece": {
            **base,
            "model": {
                "type": "WordPiece",
                "unk_token": "[U]",
                "continuing_subword_prefix": "##",
                "max_input_chars_per_word": 2**40,
                "vocab": {"a": 0},
            },
        },
    }
    for name, content in cases.items():
        words = ("inspect", "data/lines.txt", "tokenizer=tok.json")
        yield f"tokenizer-{name}", words, {"tok.json": json.dumps(content).encode()}


def _laughs() -> str:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    for before, letter in zip("abcdefgh", "bcdefghi", strict=True):
        lines.append(f"{letter}: &{letter} [{', '.join([f'*{before}'] * 10)}]")
    return "\n".join(lines)


def _schemas() -> Made:
    cases = {
        "laughs": f"{_laughs()}\ncolumns: *i\n",
        "self": "columns: &a [*a]\n",
        "set": "columns: !!set {a}\n",
        "omap": "columns: !!omap [a: 1]\n",
        "pairs": "columns: !!pairs [a: 1]\n",
        "binary": "columns: !!binary aGVsbG8=\n",
        "code": "columns: !!python/object/apply:os.system ['touch owned']\n",
        "key": "? [a, b]\n: 1\ncolumns: []\n",
        "date": "columns: 2020-99-99\n",
        "number": "columns: 12345\ntarget: [1]\n",
        "deep": "columns: " + "[" * 2000 + "]" * 2000 + "\n",
        "merge": "a: &a {name: age}\ncolumns: [{<<: *a}]\n",
        "escapes": 'columns: [{name: "\\e[2J\\a", kind: nothing}]\n',
        "sexagesimal": "columns: [{name: age, min: 190:20:30}]\n",
        "long": f"columns: [{{name: age, kind: {'x' * 100_000}}}]\n",
        "infinite": "columns: [{name: age, kind: bounded, min: -.inf, max: .nan}]\n",
        "int": f"columns: [{{name: age, min: {'9' * 5000}}}]\n",
        "two": "a: 1\n---\nb: 2\n",
    }
    for name, text in cases.items():
        yield f"schema-{name}", ("inspect", "data/t.csv", "schema=s.yaml"), {"s.yaml": text.encode()}
    for name, text in cases.items():
        yield f"config-{name}", ("inspect", "data/t.csv", "--config", "c.yaml"), {"c.yaml": text.encode()}


def _keys() -> Made:
    aliases = "[" + ", ".join(
        [f"&{letter} [{', '.join([f'*{b}'] * 9)}]" for b, letter in zip("abcdefg", "bcdefgh", strict=True)]
    )
    values = (
        *(f"latent=[&a [x,x,x,x], {aliases[1:]}]", "latent=&a [*a]", "latent=!!set {a}", "net.widths=[99999999]"),
        *("prior=gmm prior.components=1000000", "training.threads=1000000", "threads=1000000", "latent=16777216"),
        *(f"latent={'9' * 5000}", "latent={}", "net={}", "prior={}", "lr={}", "size={}", "net.widths={}", "lr=.nan"),
        *("batch=9223372036854775807", "steps=1e18", "epochs=9223372036854775807", "time_limit=1e20", "seed=1e19"),
        *("objective=iwae objective.samples=1000000000", "prior=vamp prior.components=100000000", "latent=0x10"),
        *("net=conv net.blocks=100000", "size=100000x100000", "size=8000x8000", "lr=1e-400", "warmup=9e18"),
        *(
            f"source={_ESCAPE}",
            f"lr={_ESCAPE}",
            f"{_ESCAPE}=1",
            "likelihood=categorical",
            "posterior=vq posterior.codes=1000000000",
        ),
    )
    for number, value in enumerate(values):
        words = value.split(" ") if "[" not in value and "{" not in value else [value]
        yield f"key-{number}-{value[:20]}", ("inspect", "data/x.npz", *words), {}
        if "." not in value.split("=")[0] and number % 3 == 0:
            yield f"fit-{number}-{value[:20]}", ("fit", "data/x.npz", *words, "steps=1", "--dry-run"), {}
    yield "limit", ("fit", "data/x.npz", "steps=1", "--time-limit", "1e20", "--dry-run"), {}
    yield "limit-digits", ("fit", "data/x.npz", "--time-limit", "9" * 30 + "s", "--dry-run"), {}


def _texts() -> Made:
    def line_bomb(path: Path) -> None:
        with gzip.open(path, "wb", 1) as stream:
            for _ in range(500):
                stream.write(b"abcdefg " * 2**18)

    yield "txt-bomb", ("inspect", "a.txt.gz"), {"a.txt.gz": line_bomb}
    yield "jsonl-bomb", ("inspect", "a.jsonl.gz"), {"a.jsonl.gz": line_bomb}
    yield "csv-bomb", ("inspect", "a.csv.gz"), {"a.csv.gz": line_bomb}
    texts = {
        "escapes": f"{_ESCAPE} hello\n" * 30,
        "one": "hello",
        "empty": "\n\n\n",
        "marks": "\u202e\u2066 a\n" * 30,
        "lone": "\ud800 a\n" * 9,
        "tabs": "\t\t\t\n" * 9 + "a\n",
        "long": "x" * 3_000_000 + "\nb\n",
    }
    for name, text in texts.items():
        yield f"txt-{name}", ("inspect", "a.txt"), {"a.txt": text.encode(errors="surrogatepass")}
    rows = {
        "deep": "[" * 100_000,
        "deep-object": '{"text":' * 50_000,
        "keys": '{"\\u001b[2J": "a"}\n' * 9,
        "number": '{"text": "a", "n": ' + "9" * 6000 + "}\n",
        "nan": '{"text": NaN}\n' * 9,
        "label": '{"text": "a", "label": {"x": 1}}\n' * 9,
        "surrogate": '{"text": "\\ud800"}\n' * 9,
    }
    for name, text in rows.items():
        yield f"jsonl-{name}", ("inspect", "a.jsonl"), {"a.jsonl": text.encode()}


def _pictures() -> Made:
    import zlib

    def png(width: int, height: int, body: bytes = b"") -> bytes:
        def chunk(kind: bytes, data: bytes) -> bytes:
            return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

        head = struct.pack(">2I5B", width, height, 8, 0, 0, 0, 0)
        return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(body)) + chunk(b"IEND", b"")

    for width, height in ((2**31 - 1, 2**31 - 1), (60_000, 60_000), (8_000, 8_000), (0, 0), (1, 2**20)):
        content = png(width, height)
        yield f"png-{width}x{height}", ("inspect", "p.png"), {"p.png": content}
        yield f"folder-{width}x{height}", ("inspect", "d"), {f"d/{i}.png": content for i in range(3)}
    yield "png-name", ("inspect", "d"), {f"d/{_ESCAPE}{i}.png": png(8, 8) for i in range(3)}
    good = png(8, 8, b"\0" + b"\1" * 8 + (b"\0" + b"\2" * 8) * 7)
    named = {f"d/{_ESCAPE.replace('/', '')}{letter}/{i}.png": good for letter in "ab" for i in range(20)}
    yield "class-name", ("inspect", "d"), named
    yield "svg", ("inspect", "p.png"), {"p.png": b"<svg onload=alert(1)>"}


def _paths() -> Made:
    yield "fifo", ("inspect", "f.csv"), {"f.csv": lambda path: os.mkfifo(path)}
    yield "fifo-npy", ("inspect", "f.npy"), {"f.npy": lambda path: os.mkfifo(path)}
    yield "fifo-no-suffix", ("inspect", "f"), {"f": lambda path: os.mkfifo(path)}
    yield "fifo-config", ("inspect", "data/t.csv", "--config", "f"), {"f": lambda path: os.mkfifo(path)}
    yield "fifo-folder", ("inspect", "d"), {"d/f.png": lambda path: os.mkfifo(path), "d/g.png": lambda p: os.mkfifo(p)}
    yield "zero", ("inspect", "z.csv"), {"z.csv": lambda path: path.symlink_to("/dev/zero")}
    yield "loop", ("inspect", "l.csv"), {"l.csv": lambda path: path.symlink_to(path)}
    yield "loop-folder", ("inspect", "d"), {"d/e": lambda path: path.symlink_to(path.parent)}
    for name, source in {
        "user": "~nosuchuser/x",
        "empty": "",
        "null": "a\0b",
        "long": "x" * 5000,
        "dots": "../" * 50,
        "space": " ",
    }.items():
        yield f"path-{name}", ("inspect", source), {}
        yield f"fit-path-{name}", ("fit", source), {}
        yield f"run-path-{name}", ("evaluate", source), {}
        yield f"out-path-{name}", ("fit", "data/t.csv", "steps=1", "latent=2", "--out", source or "\0"), {}


_SPOILED: tuple[tuple[str, str, bytes], ...] = (
    ("list", "config.json", b"[1, 2]"),
    ("number", "data.json", b"7"),
    ("labels", "data.json", b'{"labels": [1], "context": "x"}'),
    ("split", "split.json", b'{"fingerprint": 3, "test": "x"}'),
    ("metrics", "metrics.jsonl", b"[1]\n7\nnull\n"),
    ("metrics-text", "metrics.jsonl", b'{"step": "x", "elbo": [1]}\n'),
    ("evaluation", "evaluation.json", b'{"bounds": {"elbo": 1}}'),
    ("evaluation-list", "evaluation.json", b"[]"),
    ("schema", "model/schema.json", b'{"kind": "image"}'),
    ("schema-list", "model/schema.json", b"[]"),
    ("model-list", "model/config.json", b"[3]"),
    ("model-conditions", "model/config.json", b'{"format": 2, "model": null, "conditions": [1]}'),
    ("deep", "config.json", b"[" * 200_000),
    ("header", "model/model.safetensors", struct.pack("<Q", 2**62) + b"{}"),
    ("weights", "model/model.safetensors", b""),
    ("pickle", "checkpoints/last.ckpt", pickle.dumps(_Code())),
)


def _runs(kinds: list[str]) -> Iterator[tuple[str, tuple[str, ...], Callable[[Path], None]]]:
    verbs = ("evaluate", "report", "compare", "resume", "sample")
    for number, (name, path, content) in enumerate(_SPOILED):
        kind = kinds[number % len(kinds)]
        for verb in (verbs[number % len(verbs)], verbs[(number + 2) % len(verbs)]):
            words = (verb, kind, *([kind] if verb == "compare" else ["-n", "2"] if verb == "sample" else []))
            yield (
                f"run-{name}-{verb}",
                words,
                lambda folder, kind=kind, path=path, content=content: _replaced(folder / kind / path, content),
            )
    for number, way in enumerate(("nan", "huge", "bit")):
        kind = kinds[number]
        yield (
            f"weights-{way}",
            ("evaluate", kind, "--samples", "2"),
            lambda folder, k=kind, w=way: _weights(folder / k, w),
        )
    for kind in kinds:
        yield f"plots-link-{kind}", ("sample", kind, "-n", "4"), lambda folder, k=kind: _linked(folder / k)


def _replaced(path: Path, content: bytes) -> None:
    path.unlink()  # the copies of a run share what they do not change
    path.write_bytes(content)


def _weights(run: Path, way: str) -> None:
    import safetensors.numpy

    path = run / "model" / "model.safetensors"
    content = bytearray(path.read_bytes())
    if way == "bit":
        content[-20] ^= 0x40
    else:
        tensors = safetensors.numpy.load(bytes(content))
        filler = np.nan if way == "nan" else 1e38
        content = bytearray(safetensors.numpy.save({name: np.full_like(t, filler) for name, t in tensors.items()}))
    _replaced(path, bytes(content))


def _linked(run: Path) -> None:
    plots, other = run / "plots", run.parent / "elsewhere"
    for path in plots.iterdir():
        path.unlink()
    plots.rmdir()
    other.mkdir()
    plots.symlink_to(other)
