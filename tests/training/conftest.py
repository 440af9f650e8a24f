"""One thread and a restored random generator for every test of the training floor."""

from __future__ import annotations

import pytest
import torch


@pytest.fixture(autouse=True)
def quiet():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        yield
    torch.set_num_threads(threads)
