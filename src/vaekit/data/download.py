"""Files that are downloaded once, and stored only if their digests are right."""

from __future__ import annotations

import zlib
from hashlib import md5
from http.client import HTTPException
from pathlib import Path
from urllib.request import urlopen

from vaekit.data.cache import replace_file, writable_folder

__all__ = ["download_files"]

LIMIT = 100 * 2**20
"""The largest size of a file in bytes, compressed or not."""


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
