from __future__ import annotations

import pytest

from vaekit.data.files import read_layout


@pytest.mark.parametrize(
    ("names", "split", "labels"),
    [
        (["1.png", "2.png"], None, None),
        (["cat/1.png", "dog/2.png"], None, ("cat", "dog")),
        (["cat/x/1.png", "cat/y/2.png", "dog/3.png"], None, ("cat", "cat", "dog")),
        (["only/1.png", "only/2.png"], None, None),
        (["1.png", "cat/2.png"], None, None),
        (["train/1.png", "train/2.png"], None, None),
        (["train/cat/1.png", "train/dog/2.png"], None, ("cat", "dog")),
        (["train/1.png", "test/2.png"], (0, 2), None),
        (["Train/1.png", "VALID/2.png", "Testing/3.png"], (0, 1, 2), None),
        (["train/1.png", "val/2.png"], (0, 1), None),
        (["pack/train/cat/1.png", "pack/test/dog/2.png"], (0, 2), ("cat", "dog")),
        (["pack/images/cat/1.png", "pack/images/dog/2.png"], None, ("cat", "dog")),
        (["test/1.png", "guess/2.png"], None, ("test", "guess")),
        (["a.png"], None, None),
        (["a/b/c.png"], None, None),
    ],
)
def test_what_folders_mean(names, split, labels):
    layout = read_layout(names)
    assert (layout.names, layout.left_out, layout.split, layout.labels) == (tuple(names), (), split, labels)


def test_files_beside_an_official_split_are_left_out():
    layout = read_layout(["cover.png", "extra/1.png", "test/2.png", "train/3.png"])
    assert layout.names == ("test/2.png", "train/3.png")
    assert layout.left_out == ("cover.png", "extra/1.png")
    assert layout.split == (2, 0)
