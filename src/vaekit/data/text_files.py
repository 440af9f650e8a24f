"""Files of plain text, with a text on each line or in each file, and the options of reading files of texts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vaekit.data.delimited.encoding import opened_text
from vaekit.data.delimited.options import DelimitedOptions

__all__ = ["TEXTS", "TextOptions", "read_lines", "read_whole"]

TEXTS = (".txt", ".txt.gz")
"""How the names of files of texts end."""

LONGEST = 2**25
"""The characters that no line of a file has."""


@dataclass(frozen=True)
class TextOptions(DelimitedOptions):
    """How files of texts are read, the delimited ones among them.

    Args:
        column: The column of texts in a table; None for one with a usual name, or the only one that holds text.
        label: The column of the classes in a table; None for none.
    """

    column: str | None = None
    label: str | None = None

    @property
    def of_tables(self) -> dict[str, object]:
        """The options by name that are set and that only tables have."""
        options = {name: getattr(self, name) for name in ("column", "label", "delimiter", "header")}
        return {name: option for name, option in options.items() if option not in (None, "auto")}


def read_lines(path: Path, encoding: str) -> Iterator[str]:
    """Yield the lines of a file, without their ends (of Unix or Windows) and without a byte order mark.

    Raises:
        ValueError: If the compressed file is damaged, the text is of another encoding, or a line never ends.
    """
    with opened_text(path, encoding, newline="\n") as stream:
        for number, line in enumerate(iter(lambda: stream.readline(LONGEST), "")):
            if len(line) == LONGEST:
                raise ValueError(
                    f"line {number + 1} of {path.name} has {LONGEST:,} characters or more; give a file with a text on each line"
                )
            yield (line if number else line.removeprefix("\ufeff")).rstrip("\r\n")


def read_whole(path: Path, encoding: str) -> str:
    """Return the text of a whole file, with its lines ended as in Unix, and without a line end at its end.

    Raises:
        ValueError: If the compressed file is damaged, or the text is of another encoding.
    """
    return "\n".join(read_lines(path, encoding)).rstrip("\n")
