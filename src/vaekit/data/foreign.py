"""Files, paths and settings that somebody else wrote.

Sizes are looked at before memory is taken, paths are those of files and folders and not of pipes, and YAML is plain.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml

from vaekit.errors import foreign_bytes, shortened

__all__ = [
    "folder_path",
    "machine_memory",
    "read_yaml",
    "refuse_beyond_memory",
    "refuse_inflation",
    "refuse_pipe",
    "user_path",
]

_INFLATED, _RATIO = 2**29, 200
"""Decompressed bytes from which on the ratio counts, and the largest ratio to the compressed ones: real data have less.

That of dSprites, 737,280 binary images of 64 x 64 pixels in 26 MB, is about 115.
"""


def machine_memory() -> float:
    """Return the bytes of memory that the machine has; infinity where the system does not say."""
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return float("inf")
    return float(os.sysconf("SC_PAGE_SIZE")) * os.sysconf("SC_PHYS_PAGES")


def refuse_beyond_memory(what: str, needed: float, cure: str) -> None:
    """Refuse what takes more memory than the machine has: the system would end the program without a word.

    Args:
        what: What needs it.
        needed: Its bytes.
        cure: What to lower.

    Raises:
        ValueError: With both sizes and the cure.
    """
    there = machine_memory()
    if needed > there:
        raise ValueError(f"{what} needs {needed / 2**30:,.0f} GiB of memory, of {there / 2**30:,.0f} GiB; {cure}")


def refuse_inflation(path: Path, inflated: int, compressed: int) -> None:
    """Refuse a small file that grows out of all proportion when it is decompressed.

    Raises:
        ValueError: With both sizes.
    """
    if inflated > _INFLATED and inflated > _RATIO * compressed:
        raise ValueError(
            f"{path.name} has {compressed / 2**20:,.1f} MiB and grows to {inflated / 2**30:,.1f} GiB or more, over"
            f" {_RATIO} times its size, as no real data do; decompress it first if you trust it"
        )


def refuse_pipe(path: Path) -> Path:
    """Return a path; refuse one of a pipe or a device, which would be waited for without an end.

    Raises:
        ValueError: It exists, and is neither a file nor a folder.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise ValueError(f"{path} is neither a file nor a folder, but a pipe or a device; write the data to a file")
    return path


def folder_path(folder: Any) -> Path:
    """Return the path of a folder that somebody gave.

    Raises:
        ValueError: It is no path, or none that a system takes.
    """
    text = os.fspath(folder) if isinstance(folder, str | os.PathLike) else None
    if not isinstance(text, str) or not text.strip() or "\0" in text:
        raise ValueError(f"a folder is given by its path, got {shortened(repr(folder))}")
    with foreign_bytes(text):
        Path(text).exists()
    return Path(text)


def user_path(source: str | Path) -> Path:
    """Return a path in which `~` is the home folder; where there is none, `~` stays as it is."""
    try:
        return Path(source).expanduser()
    except RuntimeError:
        return Path(source)


class _Loader(yaml.SafeLoader):
    """Plain values alone: no aliases, which can grow without limit or hold themselves, and a date is a string."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - the parent's is an instance's
        letter: [(tag, pattern) for tag, pattern in found if not tag.endswith(":timestamp")]
        for letter, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    yaml_constructors = {  # noqa: RUF012 - the parent's is an instance's
        tag: construct
        for tag, construct in yaml.SafeLoader.yaml_constructors.items()
        if tag is None or tag.rpartition(":")[2] in ("null", "bool", "int", "float", "str", "seq", "map")
    }

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.composer.ComposerError(None, None, "aliases (*name) are not taken", self.peek_event().start_mark)
        return super().compose_node(parent, index)


def read_yaml(text: str) -> Any:
    """Return what YAML or JSON holds: mappings, lists, strings, numbers, true, false and null.

    Raises:
        ValueError: It is no YAML, is nested too deeply, or holds aliases or values of other types.

    Examples:
        >>> read_yaml("{lr: 1.0e-3, since: 2020-01-01}")
        {'lr': 0.001, 'since': '2020-01-01'}
    """
    try:
        return yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = "" if mark is None else f" in line {mark.line + 1}"
        raise ValueError(f"{shortened(error.problem or error.context)}{where}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise ValueError(shortened(error)) from error
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
