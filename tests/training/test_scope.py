"""Nothing that a training does to global settings outlives it, and its random numbers go on where they were left."""

from __future__ import annotations

import logging
import random
import warnings

import numpy as np
import pytest
import torch
from torch.distributions import Distribution

from vaekit.training import TrainingScope
from vaekit.training.fabric import make_fabric

from .small import comparable, differences, new_state, run, settings


def flags():
    return (
        torch.get_num_threads(),
        torch.get_default_dtype(),
        torch.get_float32_matmul_precision(),
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        torch.backends.cudnn.benchmark,
        torch.backends.cudnn.deterministic,
        Distribution._validate_args,
        logging.getLogger("lightning_fabric").level,
        list(warnings.filters),
        torch.get_rng_state().tolist(),
        random.getstate(),
        np.random.get_state()[1].tolist(),
    )


def disturb():
    torch.set_num_threads(2)
    torch.set_default_dtype(torch.float64)
    torch.set_float32_matmul_precision("medium")
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.benchmark = not torch.backends.cudnn.benchmark
    torch.backends.cudnn.deterministic = not torch.backends.cudnn.deterministic
    Distribution.set_default_validate_args(not Distribution._validate_args)
    logging.getLogger("lightning_fabric").setLevel(logging.ERROR)
    warnings.simplefilter("always")
    torch.randn(5)


def test_everything_disturbed_inside_is_as_before():
    before = flags()
    with TrainingScope(settings()):
        disturb()
        assert all(a != b for a, b in zip(flags()[:11], before, strict=False) if a is not before[3])
    assert flags() == before


def test_so_it_is_after_an_error():
    before = flags()
    with pytest.raises(KeyboardInterrupt), TrainingScope(settings()):
        disturb()
        raise KeyboardInterrupt
    assert flags() == before


def test_a_whole_training_leaves_no_trace_even_where_nobody_opened_a_scope_but_for_its_noise():
    before = flags()
    run(new_state(settings(precision="bf16", threads=2)))
    after = flags()
    assert after[:10] == before[:10] and after[11:] == before[11:]


def test_threads_and_seed_are_those_asked_for():
    with TrainingScope(settings(threads=2, seed=5)):
        assert torch.get_num_threads() == 2
        found = torch.randn(4)
    assert found.equal(torch.randn(4, generator=torch.Generator().manual_seed(5)))


def test_no_threads_asked_for_are_those_there():
    with TrainingScope(settings(threads=None)):
        assert torch.get_num_threads() == 1


def test_random_numbers_go_on_when_it_is_entered_again():
    scope, whole = TrainingScope(settings(seed=3)), torch.Generator().manual_seed(3)
    for count in (5, 7, 3):
        with scope:
            found = torch.randn(count)
        torch.randn(11)
        assert found.equal(torch.randn(count, generator=whole))


def test_a_training_that_is_left_after_every_step_equals_one_that_is_not():
    def trained(*, leave):
        scope = TrainingScope(settings(seed=8))
        with scope:
            state = new_state(settings())
        for step in range(1, 6) if leave else (5,):
            with scope:
                run(state, until=step)
            torch.randn(3)
        with scope:
            return {**comparable(state), "kept": None}

    assert differences(trained(leave=False), trained(leave=True)) == []


def test_a_precision_set_in_the_new_way_of_torch_is_no_error():
    torch.backends.cuda.matmul.fp32_precision = "tf32"
    try:
        with TrainingScope(settings()):
            pass
        assert torch.backends.cuda.matmul.fp32_precision == "tf32"
    finally:
        torch.backends.cuda.matmul.fp32_precision = "none"


def test_making_a_fabric_sets_no_threads():
    make_fabric(settings(threads=2))
    assert torch.get_num_threads() == 1


def test_a_device_that_is_not_there_is_refused():
    if torch.cuda.is_available():
        pytest.skip("there is one")
    with pytest.raises(ValueError, match="device=cuda is not available"):
        TrainingScope(settings(device="cuda"))
