"""The data sets that have a name.

Files are downloaded once, and stored only if their digests are right.
"""

from __future__ import annotations

import zlib
from hashlib import md5
from http.client import HTTPException
from pathlib import Path
from urllib.request import urlopen

import numpy as np

from vaekit.data.array_files import read_idx_folder
from vaekit.data.arrays import images_from_arrays
from vaekit.data.cache import cache_folder, replace_file, writable_folder
from vaekit.data.dataset import Dataset
from vaekit.data.sprites import draw_sprites

__all__ = ["DEMO", "NAMES", "download_files", "name_of", "read_named"]

DEMO = "names-demo"
"""The name of the texts that come with the package; all others are images."""

NAMES = ("digits", "fashion-mnist", "mnist", DEMO, "sprites")

MIRRORS = {
    "mnist": "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "fashion-mnist": "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
}

DIGESTS = {
    "mnist": {
        "train-images-idx3-ubyte.gz": "6bbc9ace898e44ae57da46a324031adb",
        "train-labels-idx1-ubyte.gz": "a25bea736e30d166cdddb491f175f624",
        "t10k-images-idx3-ubyte.gz": "2646ac647ad5339dbf082846283269ea",
        "t10k-labels-idx1-ubyte.gz": "27ae3e4e09519cfbb04c329615203637",
    },
    "fashion-mnist": {
        "train-images-idx3-ubyte.gz": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
        "train-labels-idx1-ubyte.gz": "9018921c3c673c538a1fc5bad174d6f9",
        "t10k-images-idx3-ubyte.gz": "8181f5470baa50b63fa0f6fddb340f0a",
        "t10k-labels-idx1-ubyte.gz": "15d484375f8d13e6eb1aabb0c3f46965",
    },
}

CLASSES = {
    "digits": tuple("0123456789"),
    "mnist": tuple("0123456789"),
    "fashion-mnist": (
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
    ),
}  # fmt: skip

LIMIT = 100 * 2**20
"""The largest size of a download in bytes, compressed or not."""

DEBIAN = {"fashion-mnist": Path("/usr/share/datasets/fashion-mnist")}
"""Where Debian's packages put data sets."""


def read_named(name: str, cache: Path | None = None) -> Dataset:
    """Read a data set by its name; the MNISTs are downloaded on first use, unless Debian's package is installed.

    The digits are scikit-learn's, and the sprites are drawn.

    Args:
        name: One of `NAMES`, but not `DEMO`.
        cache: The folder for downloads.

    Raises:
        OSError: If a download is needed and fails.
        ValueError: If a file is damaged.
    """
    if name == "digits":
        return _digits()
    if name == "sprites":
        return draw_sprites()
    folder = DEBIAN.get(name)
    if folder is None or not (folder / "train-images-idx3-ubyte.gz").exists():
        folder = cache_folder(cache) / name
        download_files(MIRRORS[name], DIGESTS[name], folder)
    return read_idx_folder(folder, classes=CLASSES[name], source=name)


def name_of(typed: str) -> str | None:
    """Return the name of a data set as it is spelled here, or None if there is no such data set.

    >>> name_of("Fashion_MNIST"), name_of("./mnist")
    ('fashion-mnist', None)
    """
    name = typed.lower().replace("_", "-")
    return name if name in NAMES else None


def _digits() -> Dataset:
    from sklearn.datasets import load_digits

    found = load_digits()
    pixels, classes = found.images.astype(np.uint8), CLASSES["digits"]
    return images_from_arrays(pixels, found.target, levels=17, classes=classes, source="digits")


def download_files(mirror: str, digests: dict[str, str], folder: Path) -> None:
    """Download the compressed files that are not yet in a folder.

    Args:
        mirror: The address that the names of files are appended to.
        digests: The MD5 of each file, uncompressed, by its name with .gz.
        folder: Where the files go.

    Raises:
        OSError: If a download fails, or the folder cannot be written.
        ValueError: If a file has another digest than expected.
    """
    missing = {name: digest for name, digest in digests.items() if not (folder / name).exists()}
    if not missing:
        return
    with writable_folder(folder) as (place, notes):
        if notes:
            raise OSError(f"the downloads need a folder, but {folder} is not writable; set VAEKIT_CACHE to another one")
        for name, digest in missing.items():
            content = _fetch(mirror + name)
            _check(name, content, digest)
            with replace_file(place / name) as path:
                path.write_bytes(content)


def _fetch(address: str) -> bytes:
    try:
        with urlopen(address, timeout=30) as answer:
            return answer.read(LIMIT)
    except (OSError, HTTPException) as error:
        raise OSError(
            f"could not download {address} ({error}); give a folder that holds the four IDX files instead"
        ) from error


def _check(name: str, content: bytes, digest: str) -> None:
    inflate = zlib.decompressobj(wbits=31)
    try:
        found = md5(inflate.decompress(content, LIMIT), usedforsecurity=False).hexdigest()
    except zlib.error as error:
        found = str(error)
    if found != digest:
        raise ValueError(
            f"{name} should have MD5 {digest} when uncompressed, but what was downloaded has {found};"
            " try again, or give a folder that holds the four IDX files instead"
        )
