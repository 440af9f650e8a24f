"""Trials: what is compared, and what they leave behind."""

from __future__ import annotations

import copy

import pytest
import torch

from diagnosis.subjects import examination, untrained
from vaekit.diagnosis.trial import Trial, trial


def test_a_trial_compares_gains_and_noise_is_no_gain() -> None:
    assert Trial(own=1.0, usual=10.0, spread=10.0).speedup == 10
    assert Trial(own=1e-9, usual=0.1, spread=10.0).speedup < 1
    assert Trial(own=-20.0, usual=-torch.inf, spread=10.0).speedup == 0
    assert Trial(own=-20.0, usual=-torch.inf, spread=10.0).harm == 2


def test_a_trial_leaves_everything_as_it_was_and_repeats() -> None:
    subject = examination().subject
    weights, generator = copy.deepcopy(subject.model.state_dict()), torch.get_rng_state()
    assert trial(subject) == trial(subject)
    assert torch.equal(torch.get_rng_state(), generator)
    assert all(torch.equal(now, weights[name]) for name, now in subject.model.state_dict().items())
    assert all(p.grad is None for p in subject.model.parameters()) and not subject.model.training


@pytest.mark.parametrize("posterior", ["delta", "vmf", "vq", "gumbel", "iaf", "full"])
def test_any_posterior_can_be_tried(posterior: str) -> None:
    found = trial(untrained(posterior))
    assert found is not None and found.spread > 0
