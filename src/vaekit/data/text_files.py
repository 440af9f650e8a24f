"""Files of plain text: a text on each line, or a text in each file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from vaekit.data.delimited.encoding import opened_text

__all__ = ["TEXTS", "read_lines", "read_whole"]

TEXTS = (".txt", ".txt.gz")
"""How the names of files of texts end."""


def read_lines(path: Path, encoding: str) -> Iterator[str]:
    """Yield the lines of a file, without their ends (of Unix or Windows) and without a byte order mark.

    Raises:
        ValueError: If the compressed file is damaged, or the text is of another encoding.
    """
    with opened_text(path, encoding, newline="\n") as stream:
        for number, line in enumerate(stream):
            yield (line if number else line.removeprefix("\ufeff")).rstrip("\r\n")


def read_whole(path: Path, encoding: str) -> str:
    """Return the text of a whole file, with its lines ended as in Unix, and without a line end at its end.

    Raises:
        ValueError: If the compressed file is damaged, or the text is of another encoding.
    """
    return "\n".join(read_lines(path, encoding)).rstrip("\n")
