"""Trials: what is compared, and what they leave behind."""

from __future__ import annotations

import copy
import dataclasses

import pytest
import torch

import vaekit.diagnosis.trial as module
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


@pytest.mark.parametrize(("batch", "taken"), [(8, 32), (50, 50), (500, 128)])
def test_a_trial_takes_batches_like_the_runs_and_warms_up_as_the_run_did(monkeypatch, batch: int, taken: int) -> None:
    """A cold optimizer at its peak rate harms any trained model, and small batches of a run with large ones do too."""
    subject = examination().subject
    subject = dataclasses.replace(subject, training=subject.training.replace(batch=batch, lr=0.01))
    rates, sizes = list[float](), list[int]()

    class Recording(torch.optim.SGD):
        def step(self, closure=None):
            rates.append(self.param_groups[0]["lr"])

    monkeypatch.setattr(module, "make_optimizer", lambda parameters, training: Recording(parameters, lr=training.lr))
    hook = subject.model.register_forward_pre_hook(lambda _, given: sizes.append(len(given[0])))
    found = trial(subject)
    hook.remove()
    assert found is not None and found.harm == 0
    assert rates == pytest.approx([0.01 * min(1, i / 20) for i in range(1, 41)]) and sizes.count(taken) == 40


@pytest.mark.parametrize("posterior", ["delta", "vmf", "vq", "gumbel", "iaf", "full"])
def test_any_posterior_can_be_tried(posterior: str) -> None:
    found = trial(untrained(posterior))
    assert found is not None and found.spread > 0
