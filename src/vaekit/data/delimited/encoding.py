"""The encoding of a file: UTF-8, UTF-16, UTF-32, or one of Western Europe; and whether it is text at all."""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO, cast

from vaekit.data.delimited.options import is_delimited
from vaekit.data.foreign import refuse_inflation, refuse_pipe

__all__ = ["Encoding", "find_encoding", "guess_encoding", "opened", "opened_text", "sample_text"]

CHUNK = 1 << 22
"""The number of bytes that are read at a time."""

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins like UTF-16, so it comes first
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

FORMATS = {
    b"PK\x03\x04": "a zip archive or an Excel file",
    b"\xd0\xcf\x11\xe0": "an Excel file",
    b"\x1f\x8b": "compressed by gzip",
    b"PAR1": "a Parquet file",
    b"ARROW1": "an Arrow file",
}

UNDEFINED = (b"\x81", b"\x8d", b"\x8f", b"\x90", b"\x9d")
"""The bytes that Windows-1252 leaves undefined, and Latin-1 does not."""


@dataclass(frozen=True)
class Encoding:
    """The encoding of a file, and a note about it if it is not UTF-8."""

    name: str
    notes: tuple[str, ...] = ()


class _Inflated(gzip.GzipFile):
    """A compressed file that is read only while it grows in proportion."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._path, self._size = path, path.stat().st_size

    def read(self, size: int | None = -1) -> bytes:
        # One call must not take all the memory before it is looked at.
        pieces = [self.read1(CHUNK)] if size is None or size < 0 else [super().read(size)]
        while (size is None or size < 0) and pieces[-1]:
            pieces.append(self.read1(CHUNK))
        refuse_inflation(self._path, self.tell(), self._size)
        return b"".join(pieces)

    def read1(self, size: int = -1) -> bytes:
        refuse_inflation(self._path, self.tell(), self._size)
        return super().read1(size)


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file for its bytes, decompressed if its name ends in .gz.

    Raises:
        ValueError: If the compressed file is damaged.
    """
    try:
        is_compressed = refuse_pipe(path).suffix.lower() == ".gz"
        with cast(BinaryIO, _Inflated(path) if is_compressed else path.open("rb")) as stream:
            yield stream
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path.name} must be a file of gzip, but is damaged ({error}); fetch it again") from error


@contextmanager
def opened_text(path: Path, encoding: str, *, errors: str = "strict", newline: str = "") -> Iterator[TextIOWrapper]:
    """Open a file for its text, decompressed if its name ends in .gz.

    Raises:
        ValueError: If the compressed file is damaged, or the text is of another encoding.
    """
    try:
        with opened(path) as stream, TextIOWrapper(stream, encoding, errors=errors, newline=newline) as text:
            yield text
    except UnicodeError as error:
        raise ValueError(f"{path.name} must be text in {encoding}, but is not ({error}); give its encoding=") from error


def find_encoding(path: Path, known: str | None = None) -> Encoding:
    """Find the encoding of a file by reading all of it, unless it is known.

    Raises:
        ValueError: If the file is not text; the sentence says what it is, or where it stops being text.
    """
    if known is not None:
        return Encoding(known)
    with opened(path) as stream:
        first = stream.read(CHUNK)
        _refuse_formats(path, first)
        wide = guess_encoding(first)
        if wide is not None:
            return Encoding(wide, (f"the encoding is {wide.upper()}",) if wide != "utf-8-sig" else ())
        return _eight_bits(path, first, stream)


def guess_encoding(first: bytes) -> str | None:
    """Guess an encoding from the first bytes of a file: its byte order mark, or the zeros of UTF-16; None without either.

    >>> guess_encoding("a,b".encode("utf-16-le")), guess_encoding(b"a,b")
    ('utf-16-le', None)
    """
    for mark, name in MARKS:
        if first.startswith(mark):
            return name
    even, odd = first[0:4096:2], first[1:4096:2]
    if odd and odd.count(0) > 0.5 * len(odd) and not even.count(0):
        return "utf-16-le"
    return "utf-16-be" if even and even.count(0) > 0.5 * len(even) and not odd.count(0) else None


def sample_text(path: Path, encoding: str, size: int = 1 << 18) -> tuple[str, bool]:
    """Return the text at the beginning of a file, and whether it is all of it."""
    with opened(path) as stream:
        first = stream.read(size + 1)
    # The end of the sample may cut a character in two; the reader reports a wrong encoding.
    text = codecs.getincrementaldecoder(encoding)(errors="replace").decode(first[:size], final=False)
    return text.removeprefix("\ufeff"), len(first) <= size


def _refuse_formats(path: Path, first: bytes) -> None:
    for mark, name in FORMATS.items():
        if first.startswith(mark):
            if is_delimited(path.name):
                raise ValueError(f"{path.name} must be a CSV, but is {name}; save the table as CSV or Parquet")
            raise ValueError(f"{path.name} must hold text, but is {name}; give a file of text")


def _eight_bits(path: Path, chunk: bytes, stream: BinaryIO) -> Encoding:
    """Choose among UTF-8, Windows-1252 and Latin-1, from all bytes of a file."""
    decoder, start, lines, name, note = codecs.getincrementaldecoder("utf-8")(), 0, 1, "utf-8", ""
    while chunk:
        following = stream.read(CHUNK)
        _refuse_controls(path, chunk, start, lines)
        if name == "utf-8":
            try:
                decoder.decode(chunk, final=not following)
            except UnicodeDecodeError as error:
                name = "cp1252"
                line = lines + chunk.count(b"\n", 0, max(error.start, 0))
                note = f"line {line} is not UTF-8: the encoding is taken to be"
        if name == "cp1252" and any(byte in chunk for byte in UNDEFINED):
            name = "latin-1"
        start, lines = start + len(chunk), lines + chunk.count(b"\n")
        chunk = following
    return Encoding(name, (f"{note} {name} (encoding=... changes that)",) if note else ())


def _refuse_controls(path: Path, chunk: bytes, start: int, lines: int) -> None:
    place = chunk.find(0)
    controls = sum(map(chunk[:4096].count, range(1, 9)))
    if place < 0 and controls > 0.01 * len(chunk[:4096]):
        place = next(index for index, byte in enumerate(chunk) if 0 < byte < 9)
    if place >= 0:
        raise ValueError(
            f"{path.name} must hold text, but byte {start + place} (line {lines + chunk.count(10, 0, place)}) is"
            f" {chunk[place]}, as in binary files; give another file"
        )
