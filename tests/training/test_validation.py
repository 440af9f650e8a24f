"""Validation looks and leaves everything as it was; patience and the best state follow from it."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.distributions import Independent, Normal

from vaekit.data import sequential
from vaekit.distributions import Delta
from vaekit.evaluation import information
from vaekit.heads import StandardNormal
from vaekit.models import VAE
from vaekit.objectives import ELBO
from vaekit.schedules import Linear
from vaekit.training import Validation, active_units, train, validate
from vaekit.training.fabric import make_fabric
from vaekit.value import Value

from .small import (
    HELD_OUT_ROWS,
    PIXELS,
    batches,
    comparable,
    constant_bound,
    description,
    differences,
    held_out,
    new_state,
    run,
    settings,
)


def falling(best_at):
    """A validation whose bound rises up to a step, then falls."""

    def validate_at(state):
        return lambda _model: Validation(
            elbo=-abs(state.position.step - best_at), distortion=0.0, rate=0.0, active_units=0
        )

    return validate_at


def mixed_modes(model):
    model.train()
    model.posterior.net.eval()
    return [module.training for module in model.modules()]


def test_model_and_generator_are_left_alone():
    """A6."""
    model = new_state(settings()).model
    modes = mixed_modes(model)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    torch.manual_seed(3)
    generator = torch.get_rng_state()
    found = held_out(model)
    assert torch.get_rng_state().equal(generator)
    assert [module.training for module in model.modules()] == modes
    assert differences(dict(model.state_dict()), before) == []
    assert all(p.grad is None for p in model.parameters())
    torch.rand(10)
    assert held_out(model.eval()) == found  # the same noise, whatever the mode and the generator
    assert held_out(model.train()) == found


def test_an_error_inside_leaves_them_alone_too():
    model = new_state(settings()).model
    modes = mixed_modes(model)
    generator = torch.get_rng_state()
    with pytest.raises(ValueError, match="expected a batch"):
        validate(model, [torch.zeros(4, 7)], lambda batch: batch)
    assert torch.get_rng_state().equal(generator)
    assert torch.is_grad_enabled()
    assert [module.training for module in model.modules()] == modes


def test_validating_more_often_changes_no_training():
    """A6: validation advances neither the generator nor a schedule."""
    often, seldom = (settings(validate_every=every) for every in (1, 17))
    states = []
    for training in (often, seldom):
        state = new_state(training, criterion=ELBO(beta=Linear(steps=10)))
        run(state)
        states.append(state)
    a, b = (comparable(state) for state in states)
    assert differences({**a, "position": 0}, {**b, "position": 0}) == []
    assert a["position"]["step"] == b["position"]["step"] == 17


def test_schedule_sees_every_step_once():
    """A6 and O7: the criterion is asked at steps 0, 1, 2, ..., and its weight ends at 1 within the run."""

    class Recorder:
        def __init__(self):
            self.seen = []

        def __call__(self, trace, step=0):
            self.seen.append(step)
            return ELBO(beta=Linear(steps=10))(trace, step)

        def after_step(self):
            pass

    state = new_state(settings(validate_every=2), criterion=Recorder())
    run(state)
    assert state.criterion.seen == list(range(17))
    assert ELBO(beta=Linear(steps=10)).beta.at(state.criterion.seen[-1]) == 1.0


def test_means_over_all_data_whatever_the_batches():
    """The closed-form rate is free of noise: batches of unequal size count by their size."""
    model, prepare = new_state(settings()).model, description().view().prepare
    deterministic = lambda pixels: (prepare(pixels) * 0 + pixels.permute(0, 3, 1, 2) / 255).round()  # noqa: E731
    whole = validate(model, sequential(PIXELS, HELD_OUT_ROWS, 12), deterministic)
    for size in (5, 7, 11):
        parts = validate(model, sequential(PIXELS, HELD_OUT_ROWS, size), deterministic)
        assert parts.rate == pytest.approx(whole.rate, rel=1e-5)
        assert parts.rate_per_dimension == pytest.approx(whole.rate_per_dimension, rel=1e-4)
        assert parts.active_units == whole.active_units
    assert sum(whole.rate_per_dimension) == pytest.approx(whole.rate, rel=1e-5)
    assert whole.elbo == pytest.approx(-whole.distortion - whole.rate, rel=1e-5)
    assert len(whole.rate_per_dimension) == 3


def test_bound_is_at_beta_one():
    """Models are selected by the bound, whatever beta trains them."""
    states = [new_state(settings(steps=4), criterion=ELBO(beta=beta)) for beta in (0.0, 1.0)]
    assert held_out(states[0].model) == held_out(states[1].model)
    assert held_out(states[0].model).elbo < 0


def test_validation_is_plain():
    found = held_out(new_state(settings()).model)
    assert json.loads(json.dumps(vars(found)))["active_units"] == found.active_units


def test_no_data_to_validate_on():
    with pytest.raises(ValueError, match="no data to validate"):
        validate(new_state(settings()).model, [], description().view().prepare)


def test_active_units_count_moving_means():
    means = torch.tensor([[1.0, 0.0, 0.09], [-1.0, 0.0, -0.09]])
    assert active_units(means) == 1
    assert active_units(means, threshold=0.008) == 2
    assert active_units(means[:1]) == 0


def patient(patience, best_at, settled=0, **changes):
    state = new_state(settings(steps=None, epochs=20, patience=patience, validate_every=1, **changes))
    return run(state, validate=falling(best_at)(state), settled=settled), state


def test_patience_stops_a_run():
    progress, state = patient(patience=2, best_at=4)
    assert progress[-1].step == 4 + 2 * 3  # epochs of three steps
    assert (state.position.best, state.position.best_step) == (0, 4)
    assert [p.step for p in progress if p.best] == [1, 2, 3, 4]


def test_settled_delays_patience():
    """O7: a warm-up that is not over is not cut off."""
    progress, _ = patient(patience=2, best_at=4, settled=15)
    assert progress[-1].step == 15 + 2 * 3


def test_patience_needs_a_better_bound_and_not_an_equal_one():
    state = new_state(settings(steps=None, epochs=20, patience=1))
    assert run(state, validate=constant_bound)[-1].step == 6


@pytest.mark.parametrize("changes", [{"steps": 30}, {"time_limit": 0.5, "steps": 30}])
def test_no_patience_where_the_length_was_asked_for(changes):
    state = new_state(settings(patience=1, **changes))
    assert run(state, validate=falling(1)(state))[-1].step == 30


def test_a_run_out_of_patience_stays_so_when_resumed():
    _, state = patient(patience=2, best_at=4)
    second = new_state(state.training, seed=77)
    second.load_state_dict(state.state_dict())
    assert run(second, validate=falling(4)(second)) == []


def test_resumed_runs_lose_patience_at_the_same_step():
    progress, whole = patient(patience=2, best_at=4)
    for stop in range(1, progress[-1].step):
        first, second = new_state(whole.training), new_state(whole.training, seed=77)
        run(first, until=stop, validate=falling(4)(first))
        second.load_state_dict(first.state_dict())
        assert run(second, validate=falling(4)(second))[-1].step == progress[-1].step


def test_best_is_told_when_it_is_the_best():
    elbos = iter([-3.0, -2.0, -2.5, -2.0, -1.0])
    state = new_state(settings(steps=5, validate_every=1))
    progress = run(
        state, validate=lambda _model: Validation(elbo=next(elbos), distortion=0.0, rate=0.0, active_units=0)
    )
    assert [p.best for p in progress] == [True, True, False, False, True]
    assert (state.position.best, state.position.best_step) == (-1.0, 5)


def test_the_averaged_weights_are_validated():
    state = new_state(settings(steps=3, validate_every=1))
    seen = []
    run(state, validate=lambda model: (seen.append(model), constant_bound(model))[1])
    assert all(model is state.average.module for model in seen)
    assert len(seen) == 3


def test_what_a_step_tells():
    state = new_state(settings(steps=2))
    for number, progress in enumerate(train(state, batches(), constant_bound), 1):
        assert (progress.step, progress.stop, progress.verdict) == (number, 2, "take")
        assert {"loss", "elbo", "distortion", "rate", "rate_per_dimension"} == set(progress.metrics)
        assert not any(value.requires_grad for value in progress.metrics.values())


def test_training_raises_the_bound():
    state = new_state(settings(steps=120, lr=5e-3, warmup=5, ema=0.9))
    before = held_out(state.average.module).elbo
    run(state)
    assert state.position.best > before + 5
    assert held_out(state.average.module).elbo > before + 5


def test_modes_changed_between_steps_are_set_right():
    """A caller may evaluate the model between two steps and leave it so."""
    states = [new_state(settings()) for _ in range(2)]
    for number, state in enumerate(states):
        torch.manual_seed(1)
        for _ in train(state, batches(), constant_bound):
            if number:
                state.model.eval()
    assert differences(comparable(states[0]), comparable(states[1])) == []


def test_settings_are_values():
    assert isinstance(settings(), Value)
    assert settings() == settings()
    assert type(settings()).model_validate_json(settings().model_dump_json()) == settings()


@pytest.mark.parametrize(("precision", "expected"), [("fp32", "32-true"), ("bf16", "bf16-mixed")])
def test_fabric_has_the_precision_asked_for(precision, expected):
    """D14: what was asked for is never dropped in silence."""
    fabric = make_fabric(settings(precision=precision))
    assert fabric._precision.precision == expected
    assert fabric.device.type == "cpu"
    assert torch.get_num_threads() == 1


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_a_device_that_is_not_there():
    with pytest.raises(
        ValueError, match="device=cuda is not available on this machine; use device=auto or one of: cpu"
    ):
        make_fabric(settings(device="cuda"))


def test_bf16_computes_nets_in_bf16_and_densities_in_fp32():
    state = new_state(settings(precision="bf16", steps=1))
    seen = []
    layer = next(m for m in state.model.modules() if isinstance(m, torch.nn.Linear))
    layer.register_forward_hook(lambda _module, _given, out: seen.append(out.dtype))
    progress = run(state, validate=constant_bound)
    assert seen == [torch.bfloat16]
    assert progress[0].metrics["elbo"].dtype == torch.float32
    assert {p.dtype for p in state.model.parameters()} == {torch.float32}


class Encoder(nn.Module):
    """A Gaussian posterior of given gain and scale about one number per datum; the prior is N(0, 1)."""

    def __init__(self, gain, scale):
        super().__init__()
        self.gain, self.scale = gain, scale

    def forward(self, x):
        loc = self.gain * x.double()
        return Independent(Normal(loc, torch.full_like(loc, self.scale)), 1)


class Blind(nn.Module):
    """A likelihood that looks at nothing."""

    def forward(self, z):
        return Independent(Normal(torch.zeros(*z.shape[:2], 1).double(), 1.0), 1)


def informed(gain, scale, n=500):
    model = VAE(StandardNormal((1,)).double(), Encoder(gain, scale), Blind())
    x = torch.randn(n, 1, generator=torch.Generator().manual_seed(2)).double()
    return validate(model, x.split(70), torch.clone, information=True).information, x


def test_information_is_bounded_by_the_logarithm_of_the_number_of_data():
    """Disjoint posteriors tell all data apart, equal ones none, and never more than that."""
    found, x = informed(1e6, 1e-3)
    assert found == pytest.approx(math.log(len(x)), abs=1e-9)
    assert informed(0.0, 1.0)[0] == pytest.approx(0, abs=1e-12)
    for gain in (0.3, 3.0, 30.0):
        assert informed(gain, 0.1)[0] <= math.log(500)


def test_information_of_a_linear_channel():
    found, _ = informed(0.8, 0.6, 2000)
    assert found == pytest.approx(0.5 * math.log(1 / 0.36), abs=0.06)


def test_information_is_that_of_the_evaluation():
    model, x = new_state(settings()).model, description().view().prepare(PIXELS[:40])
    asked = validate(model, [x[:25], x[25:]], torch.clone, information=True)
    expected = information(model, x, draws=100).mutual_information
    assert asked.information == pytest.approx(expected.nats, abs=0.3)
    assert replace(asked, information=None) == validate(model, [x[:25], x[25:]], torch.clone)


def test_information_is_of_gaussians_alone():
    model = VAE(StandardNormal((1,)).double(), lambda_module(lambda x: Delta(x, 1)), Blind())
    assert validate(model, [torch.randn(5, 1).double()], torch.clone, information=True).information is None


def lambda_module(function):
    module = nn.Module()
    module.forward = function
    return module


def test_active_units_are_those_whose_means_vary_by_more_than_the_threshold():
    """Planted dimensions: variances of .02 are active at .01, variances of .005 are not; the count is exact."""
    means = torch.randn(4000, 12, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    means = (means - means.mean(0)) / means.std(0, correction=0)
    planted = torch.tensor([0.02] * 5 + [0.005] * 7, dtype=torch.float64).sqrt()
    assert active_units(means * planted) == 5
    assert active_units(means * planted, threshold=0.001) == 12
    assert active_units(means * planted, threshold=0.2) == 0
