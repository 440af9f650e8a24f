"""What a training holds is what the guard says it holds."""

from __future__ import annotations

import pytest
import torch

from vaekit.modalities import ImageVAE
from vaekit.nets import MLP
from vaekit.objectives import ELBO, Loss
from vaekit.training import Checkpoints, memory, refuse_too_large, training_bytes

from .small import batches, comparable, differences, new_state, run, settings


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


class Scarce(torch.nn.Module):
    """A step that finds no memory for more than `most` data, after some work that leaves its marks."""

    def __init__(self, step, most):
        super().__init__()
        self.step, self.most, self.tried = step, most, []

    def forward(self, batch, at):
        self.tried.append(len(batch))
        loss = self.step(batch, at)
        if len(batch) > self.most:
            raise RuntimeError(
                "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"
            )
        return loss


def scarce(state, most):
    state._gradient.compute = Scarce(state._gradient.compute, most)
    return state


class Rate(ELBO):
    """The rate alone, which is a mean over data into which no draw enters."""

    def __call__(self, trace, step=0):
        rate = trace.latents[0].kl.mean()
        return Loss(rate, {"rate": rate.detach()})


def test_a_batch_beyond_the_memory_has_the_same_gradient_in_unequal_parts():
    def plain(stored):
        return stored.permute(0, 3, 1, 2) / 255.0

    whole, parts = (new_state(settings(clip=1e9), "plain", criterion=Rate(), prepare=plain) for _ in range(2))
    scarce(parts, 5)
    batch = batches(batch=14).at(0)
    value, metrics, *_ = whole._descend(batch)
    in_parts = parts._descend(batch)
    assert parts._gradient.compute.tried == [14, 7, 4, 4, 3, 3] and parts.position.at_once == 4
    torch.testing.assert_close(in_parts[0], value.detach())
    torch.testing.assert_close(in_parts[1], metrics)
    pairs = [(p.grad, q.grad) for p, q in zip(whole._parameters, parts._parameters, strict=True) if p.grad is not None]
    assert len(pairs) >= 4
    for one, other in pairs:
        torch.testing.assert_close(one, other)


def test_parts_stay_small_and_a_resumed_run_keeps_them(tmp_path):
    whole = scarce(new_state(settings()), 6)
    run(whole)
    assert whole._gradient.compute.tried[:3] == [16, 8, 4] and set(whole._gradient.compute.tried[3:]) == {4}
    first = scarce(new_state(settings()), 6)
    run(first, until=7)
    Checkpoints(tmp_path).save(first.state_dict())
    second = scarce(new_state(settings(), seed=77), 6)
    second.load_state_dict(Checkpoints(tmp_path).load()[0])
    run(second)
    assert set(second._gradient.compute.tried) == {4}
    assert differences(comparable(whole), comparable(second)) == []


def test_one_datum_that_does_not_fit_is_refused_and_other_errors_pass():
    with pytest.raises(ValueError, match="one datum at a time does not fit into memory"):
        scarce(new_state(settings(), "plain"), 0).advance(batches().at(0))
    assert not memory.is_out_of_memory(RuntimeError("shapes do not match"))
    assert all(map(memory.is_out_of_memory, (MemoryError(), torch.OutOfMemoryError("CUDA out of memory"))))
