"""Rows of a tensor, a few megabytes at a time, so that memory-mapped data never has to fit into memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

__all__ = ["Array", "byte_rows", "rows_per_chunk"]

Array: TypeAlias = npt.NDArray[Any]
"""A numpy array of any type."""

CHUNK_BYTES = 32 * 2**20


def rows_per_chunk(values: Tensor | Array) -> int:
    """Return how many rows of `values`, shape (N, *event), make a chunk of about 32 MB."""
    row = values[:1].nbytes
    return max(1, CHUNK_BYTES // max(1, row))


def byte_rows(values: Tensor) -> Iterator[npt.NDArray[np.uint8]]:
    """Yield the rows of `values`, shape (N, *event), as bytes: arrays of shape (rows, bytes per row)."""
    step = rows_per_chunk(values)
    for start in range(0, len(values), step):
        # A copy, because axes of length 1 may carry any stride, even in a contiguous tensor, and bytes need a stride of 1.
        chunk = values[start : start + step].detach().cpu().clone(memory_format=torch.contiguous_format)
        yield chunk.reshape(len(chunk), -1).view(torch.uint8).numpy()
