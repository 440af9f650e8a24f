"""What a file holds is what comes in: every reader gives back what was written, and every tokenizer what it read."""

import csv
import gzip
import json
import struct

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as parquet
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from PIL import Image

from vaekit.data import texts_to_dataset
from vaekit.distributions.tokens import UNK
from vaekit.modalities import modality_named


def opened(kind, path, **keys):
    return modality_named(kind).opened({"source": str(path), **keys}).open()


PIXELS = np.random.default_rng(0).integers(0, 256, (24, 6, 5), dtype=np.uint8)


def idx(path, images):
    head = b"\0\0\x08\x03" + struct.pack(">3I", *images.shape)
    with (gzip.open if path.suffix == ".gz" else open)(path, "wb") as file:
        file.write(head + images.tobytes())


def pictures(path, images, suffix):
    path.mkdir()
    options = {"lossless": True, "exact": True} if suffix == "webp" else {}
    for number, pixels in enumerate(images):
        Image.fromarray(pixels).save(path / f"{number:03}.{suffix}", **options)


IMAGES = {
    "a.npy": lambda path, images: np.save(path, images),
    "a.npz": lambda path, images: np.savez(path, images=images),
    "b.npz": lambda path, images: np.savez_compressed(path, images=images),
    "a-images-idx3-ubyte": idx,
    "a-images-idx3-ubyte.gz": idx,
    **{
        f"a-{suffix}": lambda path, images, suffix=suffix: pictures(path, images, suffix)
        for suffix in ("png", "bmp", "tif", "tiff", "webp")
    },
}


@pytest.mark.parametrize("name", IMAGES)
def test_pixels_come_in_as_they_were_written(tmp_path, name):
    IMAGES[name](tmp_path / name, PIXELS)
    found = opened("image", tmp_path / name)
    grey = found.values.numpy().reshape(len(PIXELS), 6, 5, -1)
    assert (grey == grey[..., :1]).all()  # WebP has no grey pictures
    assert sorted(each.tobytes() for each in grey[..., 0]) == sorted(each.tobytes() for each in PIXELS)
    assert not found.quarantine


dice = np.random.default_rng(1)
TABLE = pa.table(
    {
        "number": np.round(dice.normal(size=80), 3),
        "count": dice.integers(0, 400, 80),
        "word": [["red", "green, pale", 'a "quoted" one', "ünï"][i] for i in dice.integers(0, 4, 80)],
    }
)


def delimited(delimiter, open_file=open):
    def write(path, table):
        with open_file(path, "wt", encoding="utf-8", newline="") as file:
            lines = csv.writer(file, delimiter=delimiter)
            lines.writerow(table.column_names)
            lines.writerows(zip(*table.to_pydict().values(), strict=True))

    return write


TABLES = {
    "a.csv": delimited(","),
    "b.csv": delimited(";"),
    "a.tsv": delimited("\t"),
    "a.csv.gz": delimited(",", gzip.open),
    "a.parquet": lambda path, table: parquet.write_table(table, path),
    "a.feather": lambda path, table: feather.write_feather(table, str(path)),
    "a.arrow": lambda path, table: feather.write_feather(table, str(path), compression="uncompressed"),
}


@pytest.mark.parametrize("name", TABLES)
def test_cells_come_in_as_they_were_written(tmp_path, name):
    TABLES[name](tmp_path / name, TABLE)
    found = opened("table", tmp_path / name)
    assert found.table.select(TABLE.column_names).to_pydict() == TABLE.to_pydict()


LINES = [f"the {thing} is {how}, ünï {i}!" for i in range(20) for thing in ("cat", "dog") for how in ("old", "new")]


def lines_of_json(path, texts):
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")


def column(delimiter):
    def write(path, texts):
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, delimiter=delimiter).writerows([("id", "text"), *enumerate(texts)])

    return write


def folder(path, texts):
    path.mkdir()
    for number, text in enumerate(texts):
        (path / f"{number:03}.txt").write_text(text, encoding="utf-8")


def encoded(name):
    return lambda path, texts: path.write_bytes(("\n".join(texts) + "\n").encode(name))


TEXTS = {
    "a.txt": (encoded("utf-8"), {}),
    "marked.txt": (encoded("utf-8-sig"), {}),
    "wide.txt": (encoded("utf-16"), {}),
    "windows.txt": (lambda path, texts: path.write_bytes("\r\n".join(texts).encode()), {}),
    "a.txt.gz": (lambda path, texts: path.write_bytes(gzip.compress("\n".join(texts).encode())), {}),
    "a.jsonl": (lines_of_json, {}),
    "a.csv": (column(","), {"column": "text"}),
    "a.tsv": (column("\t"), {"column": "text"}),
    "folder": (folder, {}),
}


@pytest.mark.parametrize("name", TEXTS)
def test_texts_come_in_as_they_were_written(tmp_path, name):
    write, keys = TEXTS[name]
    write(tmp_path / name, LINES)
    found = opened("text", tmp_path / name, tokenizer="char", unk="bytes", **keys)
    assert sorted(found.schema.decode(found.values)) == sorted(LINES)


TRAINED = ["to be or not to be", "a rose, is a rose", "it's 3.14", "ünï codé", "tab\tand  spaces"] * 20
TOKENIZERS = [
    (tokenizer, unk, lowercase)
    for tokenizer in ("word", "char", "bpe")
    for unk in ("bytes", "token")
    for lowercase in (False, True)
    if (tokenizer, unk) != ("bpe", "bytes")  # pieces spell every string as they are
]


@pytest.fixture(scope="module", params=TOKENIZERS, ids=lambda each: "-".join(map(str, each)))
def schema(request):
    tokenizer, unk, lowercase = request.param
    return texts_to_dataset(TRAINED, tokenizer=tokenizer, unk=unk, lowercase=lowercase, length=400).schema


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=st.text(st.characters(codec="utf-8"), min_size=1, max_size=40))
def test_a_row_without_an_unknown_token_stands_for_one_string(schema, text):
    """A normal form is reached in one step, and two normal forms never share a row: so no mass is counted twice."""
    row = schema.encode([text])
    if (row == UNK).any():
        assert not schema.codec.spells
        return
    (normal,) = schema.decode(row)
    assert (schema.encode([normal]) == row).all()
    kept = text.lower() if schema.lowercase else text
    assert "".join(normal.split()) == "".join(kept.split())
