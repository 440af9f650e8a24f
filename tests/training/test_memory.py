"""What a training holds is what the guard says it holds."""

from __future__ import annotations

import pytest
import torch

from vaekit.modalities import ImageVAE
from vaekit.nets import MLP
from vaekit.training import memory, refuse_too_large, training_bytes

from .small import new_state, run, settings


def held(part):
    """Return the bytes of all tensors in a nested state that have an axis: the numbers of steps do not count."""
    if isinstance(part, dict):
        return sum(held(value) for value in part.values())
    return part.nbytes if isinstance(part, torch.Tensor) and part.dim() else 0


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "adamax"])
def test_a_state_holds_what_the_guard_says(optimizer):
    state = new_state(settings(optimizer=optimizer, steps=4, validate_every=2))
    run(state)
    weights = [p for p in state.model.parameters() if p.requires_grad]
    parts = {
        "weights": held(dict(state.model.named_parameters())),
        "average": held(dict(state.average.module.named_parameters())),
        "gradients": sum(p.grad.nbytes for p in weights),
        "moments": held(state.optimizer.state_dict()["state"]),
        "kept": held({name: state.kept[name] for name in ("model", "average", "optimizer")}),
    }
    buffers = 2 * sum(buffer.nbytes for buffer in state.model.buffers() if buffer.dim())
    count = sum(p.numel() for p in weights)
    assert sum(parts.values()) - buffers == pytest.approx(training_bytes(count), rel=1e-3)


def test_keeping_and_rolling_back_hold_no_second_copy(monkeypatch):
    state = new_state(settings(steps=4))
    run(state)
    monkeypatch.setattr("copy.deepcopy", lambda part: pytest.fail("two at a time") if state.kept else part)
    state.keep()
    monkeypatch.undo()
    kept = state.kept
    state.roll_back()
    assert state.kept is kept


def test_what_is_released_is_gone_and_the_weights_are_not():
    state = new_state(settings(steps=4))
    run(state)
    before = [p.clone() for p in state.model.parameters()]
    state.release()
    assert state.kept is None and not state.optimizer.state_dict()["state"]
    assert all(p.grad is None for p in state.model.parameters())
    assert all(map(torch.equal, before, state.model.parameters()))


def test_a_model_that_no_memory_holds_is_refused_with_its_size(monkeypatch):
    large = ImageVAE(shape=(1, 28, 28), latent=4, net=MLP(widths=(4096,)))
    refuse_too_large(large, "cpu")
    monkeypatch.setattr(memory, "memory_of", lambda _: 0.1 * 2**30)
    with pytest.raises(ValueError, match="a model of 9,709,096 parameters needs 0 GiB to train, and there are 0 GiB"):
        refuse_too_large(large, "cpu")
