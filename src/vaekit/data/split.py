"""Training, validation and test, decided by the content of each datum.

A hash of the content places a datum on [0, 1): below the share of the test part it is a test datum, above one minus the
share of the validation part it is a validation datum. So duplicates share a part, the order of the files does not
matter, and a new file never moves another; when a growing collection crosses 20,000 data, some held-out data become
training data, and none goes the other way.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vaekit.data.dataset import TEST, TRAIN, VALIDATION
from vaekit.data.rows import byte_rows

__all__ = ["complete_split", "hold_out", "split_by_content"]

MANY = 20_000
"""From this many data on, 5 % are enough for a part."""

Places: TypeAlias = npt.NDArray[np.uint64]
Codes: TypeAlias = npt.NDArray[np.int8]


def split_by_content(values: Tensor) -> Tensor:
    """Split data by a hash of their content: 10 % each for validation and test, or 5 % from 20,000 data on.

    Each part gets at least one datum when there are three distinct data; with fewer, all of them are for training.

    Args:
        values: The data, shape (N, *event).

    Returns:
        The part of each datum, shape (N,), int8: 0 train, 1 validation, 2 test.

    >>> split_by_content(torch.zeros(4, 2)).tolist()
    [0, 0, 0, 0]
    """
    share = _held_out_share(len(values))
    return torch.from_numpy(_assign(_places(values), share, share))


def complete_split(values: Tensor, official: Tensor | None) -> Tensor:
    """Keep an official split, and hold out by content the parts that it does not have.

    Args:
        values: The data, shape (N, *event).
        official: The part of each datum, shape (N,); None if there is no official split.

    Returns:
        The part of each datum, shape (N,), int8.

    Raises:
        ValueError: If `official` does not have one of the codes 0, 1, 2 for each datum.
    """
    if official is None:
        return split_by_content(values)
    found = set(official.unique().tolist())
    if official.shape != values.shape[:1] or not found <= {TRAIN, VALIDATION, TEST}:
        raise ValueError(
            f"split must hold 0, 1 or 2 for each of the {len(values)} data, but has shape {tuple(official.shape)}"
            f" and codes {sorted(found)[:5]}; use 0 for training, 1 for validation, 2 for test"
        )
    official = official.to(torch.int8)
    if found == {TRAIN}:
        return split_by_content(values)
    absent = next((part for part in (VALIDATION, TEST) if part not in found), None)
    return official if absent is None else hold_out(values, official, absent)


def hold_out(values: Tensor, split: Tensor, part: int) -> Tensor:
    """Move a share of the training part to another part by content: 5 % from 20,000 training data on, else 10 %.

    Args:
        values: The data, shape (N, *event).
        split: The part of each datum, shape (N,), int8, without data of the other part.
        part: The code of the other part: 1 validation, 2 test.

    Returns:
        The new split, shape (N,), int8.
    """
    rows = (split == TRAIN).nonzero().flatten()
    share = _held_out_share(len(rows))
    validation, test = (share, 0.0) if part == VALIDATION else (0.0, share)
    moved = split.to(torch.int8, copy=True)
    moved[rows] = torch.from_numpy(_assign(_places(values)[rows.numpy()], validation, test))
    return moved


def _held_out_share(count: int) -> float:
    return 0.05 if count >= MANY else 0.1


def _places(values: Tensor) -> Places:
    digests = (blake2b(row, digest_size=8).digest() for chunk in byte_rows(values) for row in chunk)
    return np.frombuffer(b"".join(digests), dtype="<u8")


def _assign(places: Places, validation: float, test: float) -> Codes:
    split = _cut(places, validation, test)
    wanted = {TRAIN} | ({VALIDATION} if validation else set()) | ({TEST} if test else set())
    return split if wanted <= set(np.unique(split).tolist()) else _cut_by_rank(places, validation, test)


def _cut(places: Places, validation: float, test: float) -> Codes:
    unit = places / 2.0**64
    split = np.full(len(places), TRAIN, dtype=np.int8)
    split[unit < test] = TEST
    # Against 1 in exact terms: a place can round up to 1.0, which must not count as held out when nothing is.
    split[(unit >= 1 - validation) & (validation > 0)] = VALIDATION
    return split


def _cut_by_rank(places: Places, validation: float, test: float) -> Codes:
    distinct, rank = np.unique(places, return_inverse=True)
    count, split = len(distinct), np.full(len(places), TRAIN, dtype=np.int8)
    if count < 1 + (test > 0) + (validation > 0):
        return split
    tests = min(max(round(test * count), int(test > 0)), count - 1 - int(validation > 0))
    validations = min(max(round(validation * count), int(validation > 0)), count - 1 - tests)
    split[rank < tests] = TEST
    split[rank >= count - validations] = VALIDATION
    return split
