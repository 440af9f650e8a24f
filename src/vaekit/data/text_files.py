"""Lines and whole texts in files, plain or compressed, and what is wrong with a file that holds none."""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

__all__ = ["TEXTS", "read_lines", "read_whole"]

TEXTS = (".txt", ".txt.gz")
"""How the names of files of texts end."""


def read_lines(path: Path) -> Iterator[str]:
    """Yield the lines of a file in UTF-8, without their ends (of Unix or Windows) and without a byte order mark.

    Raises:
        ValueError: If the file is no text in UTF-8, or damaged; the line and the byte are named.
    """
    start = 0
    with _opened(path) as stream:
        for number, line in enumerate(stream, 1):
            yield _decoded(line.rstrip(b"\r\n"), path, start, number)
            start += len(line)


def read_whole(path: Path) -> str:
    """Return the text of a whole file, with its lines ended as in Unix, and without a line end at its end.

    Raises:
        ValueError: If the file is no text in UTF-8, or damaged; the line and the byte are named.
    """
    return "\n".join(read_lines(path)).rstrip("\n")


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        with cast(BinaryIO, gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb")) as stream:
            yield stream
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path.name} must be a file of gzip, but is damaged ({error}); fetch it again") from error


def _decoded(line: bytes, path: Path, start: int, number: int) -> str:
    if number == 1 and line.startswith(codecs.BOM_UTF8):
        line, start = line[len(codecs.BOM_UTF8) :], start + len(codecs.BOM_UTF8)
    if number == 1 and line.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise _foreign(path, start, number, "UTF-16")
    if b"\0" in line:
        raise ValueError(
            f"{path.name} must hold text, but byte {start + line.index(0)} (line {number}) is zero, as in files that hold"
            " none; give another file"
        )
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _foreign(path, start + error.start, number, _likely(line)) from error


def _foreign(path: Path, offset: int, number: int, encoding: str) -> ValueError:
    return ValueError(
        f"{path.name} must be text in UTF-8, but byte {offset} (line {number}) is not; it is likely {encoding}:"
        f" convert it with iconv -f {encoding} -t UTF-8"
    )


def _likely(line: bytes) -> str:
    # Windows-1252 gives printable characters to bytes that are controls in Latin-1, and leaves five of them undefined.
    try:
        line.decode("cp1252")
    except UnicodeDecodeError:
        return "ISO-8859-1"
    return "WINDOWS-1252"
