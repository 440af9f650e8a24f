from __future__ import annotations

import numpy as np
import pytest
import torch

from vaekit.data.rows import byte_rows, rows_per_chunk


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.float32, torch.bfloat16, torch.bool])
def test_the_bytes_of_rows_of_any_type(dtype):
    values = torch.arange(12).reshape(4, 3).to(dtype)
    rows = np.concatenate(list(byte_rows(values)))
    assert rows.shape == (4, 3 * values.element_size())
    assert rows.tobytes() == values.view(torch.uint8).numpy().tobytes()


def test_chunks_are_small_and_never_empty():
    assert rows_per_chunk(torch.empty(2, 10**9, dtype=torch.uint8, device="meta")) == 1
    assert rows_per_chunk(torch.zeros(5, 1024, dtype=torch.uint8)) == 32 * 1024


def test_rows_that_do_not_lie_side_by_side():
    values = torch.arange(12, dtype=torch.uint8).reshape(3, 4).T
    assert np.concatenate(list(byte_rows(values))).tolist() == values.tolist()
