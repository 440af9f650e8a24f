"""Whose a source is: each kind of data has a positive test of its own, and no source has two kinds."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import TensorDataset

from vaekit.data import (
    is_frame,
    is_image,
    is_images_in_memory,
    is_table,
    is_text,
    is_texts_in_memory,
    read_images,
    read_text,
)

DOORS = {"image": is_image, "table": is_table, "text": is_text}
IN_MEMORY = {"image": is_images_in_memory, "table": is_frame, "text": is_texts_in_memory}
PIXELS = np.zeros((4, 4), np.uint8)
IDX = bytes([0, 0, 8, 1, 0, 0, 0, 2, 1, 2])

FILES = {
    "a.csv": (b"a,b\n1,2\n", "table"),
    "a.tsv": (b"text\tb\nx\t2\n", "text"),
    "a.csv.gz": (gzip.compress(b"id,caption\n1,x\n"), "text"),
    "a.feather": (b"", "table"),
    "a.txt": (b"a\nb\n", "text"),
    "a.txt.gz": (gzip.compress(b"a\nb\n"), "text"),
    "a.jsonl": (b"{}", "text"),
    "a.jsonl.gz": (b"", "text"),
    "a.PNG": (b"", "image"),
    "a.npy": (b"", "image"),
    "a.npz": (b"", "image"),
    "train-images-idx3-ubyte": (IDX, "image"),
    "anything.gz": (gzip.compress(IDX), "image"),
    "a.docx": (b"PK", None),
    "a": (b"", None),
}


def kinds(doors, source):
    return [kind for kind, is_mine in doors.items() if is_mine(source)]


@pytest.mark.parametrize("name", FILES)
def test_a_file_has_one_kind_at_most(tmp_path, name):
    content, kind = FILES[name]
    (tmp_path / name).write_bytes(content)
    assert kinds(DOORS, tmp_path / name) == kinds(DOORS, str(tmp_path / name)) == ([kind] if kind else [])


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (["x/1.png", "y/2.png"], "image"),
        (["x/1.png", "train.csv"], "image"),
        (["train-images-idx3-ubyte.gz"], "image"),
        (["train.csv", "test.csv"], "table"),
        (["train.txt", "dev.txt"], "text"),
        (["x/1.txt", "y/2.txt"], "text"),
        ([".hidden/1.png", "x.txt"], "text"),
        (["a.docx"], None),
        ([], None),
    ],
)
def test_so_has_a_folder(tmp_path, names, kind):
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"a,b\n1,2\n")
    assert kinds(DOORS, tmp_path) == ([kind] if kind else [])


@pytest.mark.parametrize(
    ("name", "kind"),
    [("mnist", "image"), ("Digits", "image"), ("names-demo", "text"), ("wine", "table"), ("nothing", None), ("", None)],
)
def test_so_has_a_name(tmp_path, monkeypatch, name, kind):
    monkeypatch.chdir(tmp_path)
    assert kinds(DOORS, name) == ([kind] if kind else [])


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        (PIXELS, "image"),
        (torch.zeros(2, 3, 4, 4), "image"),
        (TensorDataset(torch.zeros(2, 4, 4)), "image"),
        ([PIXELS, PIXELS], "image"),
        ((torch.zeros(4, 4), torch.zeros(4, 4)), "image"),
        ([Image.fromarray(PIXELS)], "image"),
        ([(PIXELS, 3)], "image"),
        ({"a": [1, 2]}, "table"),
        (["to be", "or not"], "text"),
        (("to be",), "text"),
        ("to be", None),
        (np.array(["to be"]), None),
        ([], None),
        ([1, 2], None),
        ({"a": 1}, None),
        (None, None),
        (3, None),
    ],
)
def test_so_has_what_is_in_memory(found, kind):
    assert kinds(IN_MEMORY, found) == ([kind] if kind else [])


def test_the_names_of_other_kinds_are_refused_at_the_door():
    with pytest.raises(
        ValueError, match="images are wanted, but names-demo are texts; give a file or a folder of images"
    ):
        read_images("names-demo")
    with pytest.raises(ValueError, match="texts are wanted, but mnist are images"):
        read_text("mnist")
