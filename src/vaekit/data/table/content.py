"""A number for each row of a table that depends on its content alone: not on the order of rows or columns."""

from __future__ import annotations

from hashlib import blake2b
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vaekit.data.arrow import pc
from vaekit.data.table.cells import Cells, Table, integers, is_null, numbers, type_name

__all__ = ["row_contents"]

Hashes: TypeAlias = npt.NDArray[np.uint64]


def row_contents(table: Table) -> Tensor:
    """Return a hash of the content of each row, shape (N, 1), int64: equal rows have equal ones.

    Args:
        table: A table of canonical types.
    """
    total = np.zeros(table.num_rows, dtype=np.uint64)
    for name in table.column_names:
        total += _mixed(_cells(table.column(name)) ^ _hash(name))
    return torch.from_numpy(_mixed(total).view(np.int64)[:, None])


def _cells(cells: Cells) -> Hashes:
    kind = type_name(cells)
    if kind == "string":
        return _words(cells)
    if kind == "float64":
        found = (np.nan_to_num(numbers(cells)) + 0.0).view(np.uint64)  # + 0.0 makes one zero of two
    else:
        found = integers(cells).view(np.uint64)
    return np.where(is_null(cells), np.uint64(0x9E3779B97F4A7C15), _mixed(found))


def _words(cells: Cells) -> Hashes:
    distinct = pc.unique(cells.drop_null())
    hashes = np.array([_hash(word) for word in distinct.to_pylist()] + [0], dtype=np.uint64)
    places = pc.index_in(cells, value_set=distinct).fill_null(len(hashes) - 1)
    return hashes[np.asarray(places)]


def _hash(word: str) -> np.uint64:
    return np.uint64(int.from_bytes(blake2b(word.encode(), digest_size=8).digest(), "little"))


def _mixed(x: Hashes) -> Hashes:
    """Spread every bit over all (Steele, Lea and Flood (2014), "Fast splittable pseudorandom number generators")."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
