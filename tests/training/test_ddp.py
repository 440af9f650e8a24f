"""Two processes that train together hold the same weights after every step: those of one process with the joint batch."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from vaekit.training.fabric import make_fabric

from .small import differences, settings
from .together import CASES, EXACT

WEIGHTS = ("model", "average", "criterion", "optimizer", "critic", "guard")


def begin(folder, world):
    """Start the processes of one training, as torchrun would."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    where = {**os.environ, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "training.together", str(folder), str(world)]
    options = {"cwd": Path(__file__).parents[1], "stderr": subprocess.PIPE, "text": True}
    return [subprocess.Popen(command, env={**where, "LOCAL_RANK": str(rank)}, **options) for rank in range(world)]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("together")
    processes = [*begin(folder, 2), *begin(folder, 1)]
    try:
        for process in processes:
            assert process.wait(timeout=60) == 0, process.stderr.read()
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    return {path.stem: torch.load(path) for path in folder.iterdir()}


def distance(a, b):
    """Return the largest difference of two nested states, relative where values are large."""
    if isinstance(a, dict):
        assert a.keys() == b.keys()
        return max((distance(a[key], b[key]) for key in a), default=0.0)
    if isinstance(a, torch.Tensor) and a.is_floating_point():
        return ((a - b).abs() / b.abs().clamp_min(1)).max().item() if a.numel() else 0.0
    return 0.0


@pytest.mark.parametrize("case", CASES)
def test_all_processes_hold_the_same_weights_averages_moments_and_verdicts(trained, case):
    first, second = (trained[f"{case}-2-{rank}"] for rank in (0, 1))
    assert [name for key in WEIGHTS for name in differences(first[key], second[key], key)] == []
    assert first["told"]["verdicts"] == second["told"]["verdicts"]
    assert first["position"]["step"] == second["position"]["step"] > 0
    assert differences(first["phases"], second["phases"]) == []


@pytest.mark.parametrize("case", EXACT)
def test_they_equal_one_process_with_the_joint_batch(trained, case):
    joint, shared = trained[f"{case}-1-0"], trained[f"{case}-2-0"]
    assert max(distance(joint[key], shared[key]) for key in ("model", "average", "criterion")) < 1e-6
    assert joint["told"]["verdicts"] == shared["told"]["verdicts"]
    assert (joint["told"]["rate"], joint["told"]["inner"]) == (shared["told"]["rate"], shared["told"]["inner"])


def test_a_step_that_is_bad_for_one_is_skipped_by_all(trained):
    for name in ("a bad datum-1-0", "a bad datum-2-0", "a bad datum-2-1"):
        assert trained[name]["told"]["verdicts"] == ["take", "skip", "take"]


def test_each_process_draws_noise_of_its_own(trained):
    first, second = (trained[f"batch norm-2-{rank}"]["told"]["noise"] for rank in (0, 1))
    assert not torch.equal(first, second)


def test_one_device_is_no_group():
    assert make_fabric(settings()).world_size == 1
    assert not torch.distributed.is_initialized()
