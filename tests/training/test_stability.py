"""Bad steps are skipped and counted, then rolled back, then refused in a clear sentence."""

from __future__ import annotations

import math

import pytest
import torch

from vaekit.objectives import ELBO
from vaekit.training import Checkpoints, TrainingDiverged, Validation, train
from vaekit.training.stability import Guard

from .small import (
    PIXELS,
    batches,
    comparable,
    constant_bound,
    description,
    differences,
    new_state,
    non_finite,
    run,
    settings,
)

FLAT = {"warmup": 0, "lr_floor": 1.0}


class Broken:
    """An objective whose loss is spoilt at some steps: for ever, or a number of times."""

    def __init__(self, steps, value=math.nan, times=10**9):
        self.steps, self.value, self.times = steps, value, times

    def __call__(self, trace, step=0):
        loss, metrics = ELBO()(trace, step)
        if step in self.steps and self.times > 0:
            self.times -= 1
            loss = loss * self.value
        return ELBO()(trace, step)._replace(value=loss, metrics=metrics)

    def after_step(self):
        pass


def break_gradients(state, calls, factor):
    """Multiply the gradient of one weight at some of the backward passes."""
    seen = iter(range(10**9))
    weight = next(state.model.parameters())
    weight.register_hook(lambda gradient: gradient * (factor if next(seen) in calls else 1.0))


def assert_finite(state):
    assert state.is_finite()
    assert non_finite(state.state_dict()) == []
    assert non_finite(state.kept) == []


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_losses_of_some_steps_are_skipped_and_counted(value):
    state = new_state(settings(**FLAT), criterion=Broken({3, 8, 9}, value))
    progress = run(state)
    assert [p.step for p in progress if p.verdict == "skip"] == [4, 9, 10]
    assert len(progress) == 17
    assert (state.guard.skipped, state.guard.non_finite, state.guard.rollbacks) == (3, 3, 0)
    assert state.position.taken == 14
    assert_finite(state)


def test_a_skipped_step_changes_nothing_but_the_count():
    state = new_state(settings(**FLAT), criterion=Broken({2}))
    run(state, until=2)
    before = comparable(state)
    before = {name: {key: torch.clone(t) for key, t in before[name].items()} for name in ("model", "average")}
    moments = [t.clone() for entry in state.optimizer.state.values() for t in entry.values()]
    run(state, until=3)
    assert state.guard.skipped == 1
    assert differences(before, {name: state.state_dict()[name] for name in before}) == []
    assert differences(moments, [t for entry in state.optimizer.state.values() for t in entry.values()]) == []


@pytest.mark.parametrize("factor", [math.nan, math.inf])
def test_gradients_of_some_steps_are_skipped(factor):
    state = new_state(settings(**FLAT))
    break_gradients(state, {2, 5}, factor)
    progress = run(state)
    assert [p.step for p in progress if p.verdict == "skip"] == [3, 6]
    assert all(torch.isfinite(p.metrics["loss"]) for p in progress)
    assert state.guard.non_finite == 2
    assert_finite(state)


def test_data_of_one_batch(tmp_path):
    """A NaN in one datum also reaches the running statistics of batch norm, and must leave them again."""
    values = PIXELS.float()
    values[7, 3, 3, 0] = math.nan
    source = batches(values)
    # Grey levels in place of draws: a NaN probability would raise before it reached the net.
    vae = description().replace(likelihood={"kind": "continuous_bernoulli"})
    state = new_state(settings(steps=18, validate_every=2, **FLAT), prepare=vae.view().prepare)
    bad = [step for step in range(18) if source.at(step).values.isnan().any()]
    assert len(bad) >= 3
    checkpoints, skipped = Checkpoints(tmp_path), []

    for p in train(state, source, constant_bound):
        skipped += [p.step - 1] if p.verdict == "skip" else []
        checkpoints.save(state.state_dict(), best=p.best)
        assert non_finite(checkpoints.load()[0]) == []
        assert_finite(state)
    assert skipped == bad
    assert state.guard.rollbacks == 0


def test_rolls_back_thrice_with_half_the_rate_and_gives_up(tmp_path):
    state = new_state(settings(validate_every=4, lr=1e-2, **FLAT), criterion=Broken(range(6, 100)))
    checkpoints, rates, steps, verdicts = Checkpoints(tmp_path), [], [], []

    with pytest.raises(TrainingDiverged, match=r"after 3 rollbacks .* check the data, lower lr, or set precision=fp32"):
        for p in train(state, batches(), constant_bound):
            rates.append(p.lr)
            steps.append(p.step)
            verdicts.append(p.verdict)
            checkpoints.save(state.state_dict(), best=p.best)
    # From step 4, where the last validation was: two good steps, five bad ones, back.
    stretch = ["take", "take", "skip", "skip", "skip", "skip", "roll back"]
    assert verdicts == ["take"] * 4 + 3 * stretch + stretch[:-1]
    assert steps[10] == steps[17] == steps[24] == 4
    assert rates == pytest.approx([1e-2] * 11 + [5e-3] * 7 + [2.5e-3] * 7 + [1.25e-3] * 6)
    assert_finite(state)
    loaded, note = checkpoints.load()
    assert note is None
    assert non_finite(loaded) == []
    assert non_finite(checkpoints.best()) == []


def test_rollback_returns_weights_averages_optimizer_and_generator_but_not_the_count():
    """The optimizer comes back at rest: its momentum led astray, the scale of the gradients did not."""
    state = new_state(settings(validate_every=17, **FLAT))
    run(state, until=4)
    state.keep()
    kept = comparable(state.kept)
    scales = {i: entry["exp_avg_sq"].clone() for i, entry in state.optimizer.state_dict()["state"].items()}
    run(state, until=8)
    state.guard.in_a_row = 5
    state.roll_back()
    now = comparable(state)
    assert now.pop("kept") is None
    assert now.pop("guard") != kept.pop("guard")
    optimizer, at_rest = now.pop("optimizer"), kept.pop("optimizer")
    assert differences(now, kept) == []
    for i, entry in optimizer["state"].items():
        assert not entry["exp_avg"].any() and "exp_avg" not in at_rest["state"][i]
        assert entry["step"] == 4
        torch.testing.assert_close(entry["exp_avg_sq"], scales[i], rtol=2**-8, atol=0)
    assert (state.guard.rollbacks, state.guard.lr_factor, state.guard.in_a_row) == (1, 0.5, 0)
    run(state, until=8)  # what was kept must not have been trained on
    assert differences(comparable(state.kept)["model"], kept["model"]) == []


def test_a_trouble_that_passes_is_survived_by_one_rollback():
    state = new_state(settings(validate_every=4, **FLAT), criterion=Broken(range(6, 17), times=5))
    progress = run(state)
    assert [p.verdict for p in progress].count("roll back") == 1
    assert progress[-1].step == 17
    assert state.position.taken == 17
    assert {p.lr for p in progress[-13:]} == {0.5e-3}
    assert_finite(state)


@pytest.mark.parametrize("bound", [math.nan, math.inf, -math.inf])
def test_a_state_with_a_non_finite_bound_is_neither_kept_nor_best(bound):
    """Finite weights whose bound is not are what a rollback has to leave behind."""
    state = new_state(settings(validate_every=4, **FLAT))
    bounds = iter([-5.0, bound, bound, bound, bound])
    progress = run(
        state, validate=lambda _model: Validation(elbo=next(bounds), distortion=0.0, rate=0.0, active_units=0)
    )
    assert [p.step for p in progress if p.best] == [4]
    assert state.kept["position"]["step"] == 4
    assert (state.position.best, state.position.best_step) == (-5.0, 4)


def test_best_and_budget_survive_a_rollback():
    """The best checkpoint stays on the disk, so a later, worse state must not replace it."""
    state = new_state(settings(validate_every=4, **FLAT), criterion=Broken(range(10, 17), times=5))
    bounds = iter([-5.0, -4.0, -3.0, -3.5, -3.2, -3.1])
    progress = run(
        state, validate=lambda _model: Validation(elbo=next(bounds), distortion=0.0, rate=0.0, active_units=0)
    )
    assert [p.verdict for p in progress].count("roll back") == 1
    # Validated at 4, 8, 12 (amid the bad steps: not kept), then from 8 again at 12, 16, 17.
    assert [p.validation.elbo for p in progress if p.validation] == [-5.0, -4.0, -3.0, -3.5, -3.2, -3.1]
    assert [p.validation.elbo for p in progress if p.best] == [-5.0, -4.0, -3.0]
    assert (state.position.stop, state.position.best) == (17, -3.0)


def test_rollback_does_not_validate_again():
    seen = []

    def validate(model):
        seen.append(state.position.step)
        return constant_bound(model)

    state = new_state(settings(validate_every=4, **FLAT), criterion=Broken(range(6, 17), times=5))
    run(state, validate=validate)
    assert seen == [4, 8, 8, 12, 16, 17]  # the second 8 comes after the rollback from 11 to 4


def test_non_finite_averages_are_rolled_back_before_validation():
    state = new_state(settings(validate_every=4, **FLAT))
    spoilt = []

    def validate(model):
        assert all(torch.isfinite(p).all() for p in model.parameters())
        return constant_bound(model)

    for p in train(state, batches(), validate):
        if p.step == 6 and not spoilt:
            spoilt.append(next(state.average.module.parameters()).fill_(math.nan))
    assert state.guard.rollbacks == 1
    assert state.position.step == 17
    assert_finite(state)


@pytest.mark.parametrize("scale", [1e12, 1e30])
def test_huge_first_losses_do_not_crash(scale):
    """D10: bookkeeping has no largest loss."""
    state = new_state(settings(validate_every=5, **FLAT), criterion=Broken(range(3), scale))

    def validate(_model):
        return Validation(elbo=-scale, distortion=scale, rate=0.0, active_units=0)

    progress = run(state, validate=validate)
    assert len(progress) == 17
    assert progress[0].metrics["loss"] > 1e12
    assert (state.position.best, state.position.best_step) == (-scale, 5)
    assert_finite(state)


@pytest.mark.parametrize("loss", [1e12, math.inf, math.nan])
def test_guard_takes_any_first_loss(loss):
    """D10."""
    guard = Guard(skip=10.0)
    assert guard.judge(loss, loss) == ("take" if math.isfinite(loss) else "skip")


def test_spikes_are_skipped_at_most_five_in_a_row():
    guard = Guard(skip=10.0)
    verdicts = [guard.judge(1.0, 1.0 + 0.001 * i) for i in range(30)]
    assert set(verdicts) == {"take"}
    assert guard.judge(1.0, 9.9) == "take"
    # The sixth is no accident: gradients that have grown for good cost five steps, not a third of a run.
    assert [guard.judge(1.0, 11.0) for _ in range(200)] == ["skip"] * 5 + ["take"] * 195
    assert (guard.skipped, guard.non_finite, guard.rollbacks) == (5, 0, 0)
    assert guard.judge(1.0, 1.0) == "take"


def test_guard_follows_the_scale_of_the_gradient():
    guard = Guard(skip=10.0)
    for _ in range(64):
        guard.judge(1.0, 1.0)
    assert [guard.judge(1.0, 100.0) for _ in range(400)].count("skip") == 5
    assert guard.judge(1.0, 100.0) == "take"
    assert guard.judge(1.0, 5000.0) == "skip"


def test_five_non_finite_in_a_row_ask_for_a_rollback():
    guard = Guard(skip=10.0)
    assert [guard.judge(math.nan, 1.0) for _ in range(5)] == ["skip"] * 4 + ["roll back"]
    guard.roll_back()
    assert guard.lr_factor == 0.5
    assert [guard.judge(1.0, math.inf) for _ in range(4)] == ["skip"] * 4
    assert guard.judge(1.0, 1.0) == "take"
    assert guard.judge(math.nan, 1.0) == "skip"


def test_guard_round_trip():
    def judged(guard, steps):
        return [guard.judge(math.nan if i % 11 == 0 else 1.0, 40.0 if i % 7 == 0 else 1.0 + i % 3) for i in steps]

    whole, first, second = Guard(10.0), Guard(10.0), Guard(10.0)
    expected = judged(whole, range(300))
    assert {"take", "skip"} <= set(expected)
    for stop in (3, 21, 100):
        first = Guard(10.0)
        judged(first, range(stop))
        second = Guard(10.0)
        second.load_state_dict(first.state_dict())
        first.judge(1.0, 123.0)  # the copy is independent
        assert judged(second, range(stop, 300)) == expected[stop:]
        assert second.state_dict() == whole.state_dict()


def test_a_spike_in_training_is_skipped_then_taken_clipped():
    state = new_state(settings(steps=60, clip=5.0, optimizer="adam", **FLAT))
    break_gradients(state, set(range(40, 47)), 1e6)
    progress = run(state, validate=constant_bound)
    verdicts = [p.verdict for p in progress]
    assert verdicts[:40] == ["take"] * 40
    assert verdicts[40:47] == ["skip"] * 5 + ["take"] * 2
    assert verdicts[47:] == ["take"] * 13
    assert_finite(state)


def test_the_gradient_of_a_step_is_clipped():
    state = new_state(settings(steps=1, clip=0.01, **FLAT))
    run(state, validate=constant_bound)
    norm = torch.sqrt(sum(p.grad.square().sum() for p in state.model.parameters()))
    assert norm.item() == pytest.approx(0.01, rel=1e-3)
