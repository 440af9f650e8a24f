"""The door to raw tables: files, folders and names, each column in one of a few types."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vaekit.data.dataset import TEST, TRAIN
from vaekit.data.files import existing_path
from vaekit.data.layout import find_parts
from vaekit.data.table.bundled import BUNDLED, bundled_name, raw_from_sklearn
from vaekit.data.table.raw import SUFFIXES, RawTable, ReadOptions
from vaekit.data.table.read_parts import read_parts

__all__ = ["read_raw"]


def read_raw(source: str | Path, options: ReadOptions | None = None) -> RawTable:
    """Read a table from a file, a folder, or by its name.

    Args:
        source: A .csv or .tsv (.gz of them too), .parquet, .arrow or .feather; a folder of such files with train, test or
            validation in their names; or one of breast-cancer, diabetes and wine.
        options: How it is read.

    Returns:
        Its columns, each int64, float64, string, bool or timestamp, and notes about the files.

    Raises:
        FileNotFoundError: If there is no such file, folder or name.
        ImportError: If pyarrow is missing.
        ValueError: If it is no table, or its columns do not fit; the sentence names the column or the line.
    """
    options = options or ReadOptions()
    if isinstance(source, str) and bundled_name(source) and options.test is None:
        return raw_from_sklearn(source)
    path = _existing(source)
    files = _parts_of_folder(path) if path.is_dir() else {path: TRAIN}
    if options.test is not None:
        test = _existing(options.test)
        if any(part == TRAIN and file.resolve() == test.resolve() for file, part in files.items()):
            raise ValueError(
                f"test must be a file of other rows, but {test.name} holds those to train on; leave it out, and a part is held out"
            )
        files = {**{file: part for file, part in files.items() if part != TEST}, test: TEST}
    for file in files:
        if not file.name.lower().endswith(SUFFIXES):
            raise ValueError(
                f"a table must end in {', '.join(SUFFIXES)}, but {file.name} came; save it as one of these"
            )
    table, lengths, notes = read_parts(list(files), options)
    parts = np.repeat(np.array([*files.values()], dtype=np.int8), lengths)
    return RawTable(table, notes, parts if parts.any() else None)


def _existing(source: str | Path) -> Path:
    return existing_path(source, f"a table needs a file, a folder, or one of {', '.join(BUNDLED)}", BUNDLED)


def _parts_of_folder(root: Path) -> dict[Path, int]:
    parts = find_parts(root, SUFFIXES)
    if TRAIN not in parts.values():
        found = ", ".join(path.name for path in sorted(root.iterdir())[:3]) or "nothing"
        raise ValueError(
            f"a folder of a table needs a file with train in its name, but {root.name} holds {found}; give the file itself"
        )
    return parts
