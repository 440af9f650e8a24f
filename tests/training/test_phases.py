"""Phases: who learns when, what begins anew, what the rate costs; and all of it resumed bit for bit."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from vaekit.data import sequential
from vaekit.objectives import DIP, ELBO, VAEGAN, Capacity, Factor
from vaekit.schedules import Constant, Linear
from vaekit.training import Checkpoints, Phase, Step, Training, TrainingState, Validation, train, validate
from vaekit.training.fabric import make_fabric

from .small import (
    HELD_OUT_ROWS,
    PIXELS,
    batches,
    comparable,
    constant_bound,
    description,
    differences,
    new_state,
    run,
    settings,
)

PRETRAINED = (Phase(until=0.4, beta=0.0), Phase(until=1.0, reset=("likelihood",)))
APART = (Phase(until=4, train="posterior"), Phase(until=9, train="likelihood"), Phase(until=12, reset=("posterior",)))
AGGRESSIVE = (Phase(until=0.5, aggressive=6), Phase(until=1.0))
PARTS = ("posterior", "likelihood", "prior")


def informed(model):
    return validate(model, sequential(PIXELS, HELD_OUT_ROWS, 8), description().view().prepare, information=True)


def bound(elbo=0.0, information=None):
    return Validation(elbo=elbo, distortion=0.0, rate=0.0, active_units=0, information=information)


def weights(module):
    return [p.detach().clone() for p in module.parameters()]


def moved(module, before):
    return [not torch.equal(p, q) for p, q in zip(module.parameters(), before, strict=True)]


@pytest.mark.parametrize("phases", [PRETRAINED, APART, AGGRESSIVE], ids=["pretrained", "apart", "aggressive"])
def test_resumed_equals_uninterrupted(tmp_path, phases):
    training = settings(phases=phases, validate_every=3, steps=13)
    whole = new_state(training)
    assert {p.verdict for p in run(whole, validate=informed)} == {"take"}
    assert whole.position.step == 13 and whole.phases.is_last(whole.position)
    state = new_state(training)
    for stop in (2, 4, 5, 7, 9):
        run(state, until=stop, validate=informed)
        Checkpoints(tmp_path).save(state.state_dict())
        state = new_state(training, seed=77)
        state.load_state_dict(Checkpoints(tmp_path).load()[0])
    run(state, validate=informed)
    assert differences(comparable(whole), comparable(state)) == []


@pytest.mark.parametrize("forgotten", ["", "index", "inner", "initial"])
def test_the_comparison_notices_what_is_forgotten(forgotten):
    """The control of the test above."""
    training = settings(phases=PRETRAINED if forgotten in ("initial", "") else AGGRESSIVE, steps=10)
    whole = new_state(training)
    run(whole, validate=constant_bound)
    first = new_state(training)
    run(first, until=7 if forgotten == "index" else 3, validate=constant_bound)
    saved, second = first.state_dict(), new_state(training, seed=77)
    changed = {forgotten: second.state_dict()["phases"][forgotten]} if forgotten else {}
    second.load_state_dict({**saved, "phases": {**saved["phases"], **changed}})
    run(second, validate=constant_bound)
    assert (differences(comparable(whole), comparable(second)) != []) == bool(forgotten)


def test_a_state_from_before_there_were_phases_is_continued():
    training = settings(steps=8)
    whole = new_state(training)
    run(whole)
    first = new_state(training)
    run(first, until=6)
    saved, second = first.state_dict(), new_state(training, seed=77)
    del saved["phases"]
    second.load_state_dict(saved)
    run(second)
    assert differences(comparable(whole), comparable(second)) == []


@pytest.mark.parametrize("part", ["posterior", "likelihood"])
def test_the_part_that_is_named_learns_and_no_other(part):
    state = new_state(settings(phases=(Phase(until=5, train=part),)))
    before = {name: weights(getattr(state.model, name)) for name in PARTS}
    run(state, until=5)
    for name in PARTS:
        assert all(moved(getattr(state.model, name), before[name])) if name == part else True
        assert name == part or not any(moved(getattr(state.model, name), before[name]))
    run(state, until=6)
    assert all(moved(state.model.posterior, before["posterior"])) and all(p.requires_grad for p in state._parameters)


def test_a_share_is_that_of_the_steps_of_the_run():
    phase = Phase(until=0.25)
    assert (phase.end(0, 100), phase.end(40, 140), phase.end(0, None)) == (25, 65, None)
    assert (Phase(until=1.0).end(3, 50), Phase(until=7).end(3, None)) == (50, 7)


def test_with_a_time_limit_the_first_phase_waits_for_the_number_of_steps():
    state = new_state(settings(steps=None, time_limit=1.0, phases=PRETRAINED))
    steps = train(state, batches(), constant_bound, seconds=0.3)
    seen = [(p.stop, state.phases.index) for p in steps]
    assert {index for stop, index in seen if stop is None} == {0}
    stops = [stop for stop, _ in seen]  # the last step may be moved forward, and the end of the phase with it
    end = next(step for step in range(1, len(seen)) if stops[step - 1] and step >= round(0.4 * stops[step - 1]))
    assert [index for _, index in seen].index(1) in (end, end + 1)
    assert seen[-1] == (len(seen), 1)


def test_what_is_reset_begins_as_before_training():
    state = new_state(settings(phases=PRETRAINED, ema=0.9))
    at_first = {name: weights(getattr(state.model, name)) for name in PARTS}
    run(state, until=7)
    likelihood, average = state.model.likelihood, state.average.module.likelihood
    assert all(moved(likelihood, at_first["likelihood"])) and state.phases.initial
    learned, averages = weights(state.model.posterior), weights(state.average.module.posterior)
    state.begin_phase()
    assert not any(moved(likelihood, at_first["likelihood"])) and not any(moved(average, at_first["likelihood"]))
    assert not any(moved(state.model.posterior, learned))
    assert not any(moved(state.average.module.posterior, averages))
    known = state.optimizer.optimizer.state
    assert not any(p in known for p in likelihood.parameters()) and all(
        p in known for p in state.model.posterior.parameters()
    )
    assert not state.phases.initial
    run(state, until=8)
    # The average begins anew with its ramp, a tenth of the old and nine tenths of the new.
    for old, new, mean in zip(at_first["likelihood"], likelihood.parameters(), average.parameters(), strict=True):
        torch.testing.assert_close(mean, old.lerp(new.detach(), 0.9))


def test_beta_is_that_of_the_phase():
    objective = ELBO(beta=Linear(start=2.0, stop=3.0, steps=10))
    state = new_state(settings(phases=(Phase(until=3, beta=0.0), Phase(until=5, beta=7.0))), criterion=objective)
    found = [
        ((p.metrics["loss"] - p.metrics["distortion"]) / p.metrics["rate"]).item()
        for p in run(state, until=7, validate=constant_bound)
    ]
    assert found == pytest.approx([0, 0, 0, 7, 7, 2.5, 2.6], abs=1e-2)
    assert state.criterion is objective


@pytest.mark.parametrize(
    ("objective", "says"),
    [
        (DIP(), "which this objective lacks"),
        (Factor(hidden=(4,)), "which this objective lacks"),
        (ELBO(capacity=Capacity(gamma=1.0)), "capacity takes the place"),
    ],
    ids=lambda o: getattr(o, "kind", ""),
)
def test_a_beta_that_the_objective_lacks_is_refused(objective, says):
    criterion = objective.build(description().build(), 50)
    with pytest.raises(ValueError, match=says):
        new_state(settings(phases=(Phase(until=3, beta=0.0),)), criterion=criterion)


def test_a_criterion_with_weights_keeps_them_under_another_beta():
    vae = description()
    model = vae.build()
    criterion = VAEGAN(width=4).build(model, 50)
    training = settings(phases=(Phase(until=3, beta=0.0),))
    step = Step(model, criterion, vae.view().prepare)
    state = TrainingState(step, training, make_fabric(training))
    assert step.criterion.description.beta == Constant(value=0.0) and criterion.description.beta == Constant()
    assert [id(p) for p in step.criterion.parameters()] == [id(p) for p in criterion.parameters()]
    before = weights(criterion)
    run(state, until=3, validate=constant_bound)
    assert all(moved(criterion, before))
    run(state, until=4, validate=constant_bound)
    assert step.criterion is criterion


class Recorder:
    """Tells which part learns at every call."""

    def __init__(self, losses=None):
        self.state, self.seen, self.losses = None, [], losses

    def __call__(self, trace, step=0):
        learns = {name: any(p.requires_grad for p in getattr(self.state.model, name).parameters()) for name in PARTS}
        self.seen.append("".join(name[0] for name in PARTS if learns[name]))
        loss = ELBO()(trace, step)
        if self.losses is None:
            return loss
        return loss._replace(value=0 * loss.value + next(self.losses) if learns["posterior"] else loss.value)

    def after_step(self):
        pass


def recorded(phases, losses=None, **changes):
    recorder = Recorder(losses)
    recorder.state = state = new_state(settings(phases=phases, **changes), criterion=recorder)
    return state, recorder


def test_an_aggressive_phase_trains_the_posterior_alone_before_each_step_of_the_rest():
    state, recorder = recorded((Phase(until=3, aggressive=4),))
    before = weights(state.model.posterior)
    run(state, until=4, validate=constant_bound)
    assert recorder.seen == ["p", "p", "p", "p", "l"] * 3 + ["pl"]
    assert all(moved(state.model.posterior, before))
    assert (state.position.step, state.position.taken, state.phases.inner) == (4, 4, 12)


@pytest.mark.parametrize(
    ("means", "steps"),
    [((3.0, 2.0, 2.5), 45), ((3.0, 3.0), 30), ((3.0, 2.0, 1.0, 0.5, 0.4, 0.3), 100), ((math.nan,), 1)],
    ids=["rises", "rests", "falls", "diverges"],
)
def test_the_posterior_catches_up_until_the_mean_of_fifteen_no_longer_falls(means, steps):
    losses = iter([mean for mean in (*means, 0.2) for _ in range(15)])
    state, recorder = recorded((Phase(until=1.0, aggressive=100),), losses)
    run(state, until=1, validate=constant_bound)
    assert recorder.seen == ["p"] * steps + ["l"]
    assert state.is_finite() and state.phases.inner == steps


def test_inner_steps_walk_over_the_data_in_an_order_of_their_own():
    class Watched:
        def __init__(self):
            self.asked, self.steps_per_epoch = [], batches().steps_per_epoch

        def at(self, step):
            self.asked.append(step)
            return batches().at(step)

    watched = Watched()
    state, _ = recorded((Phase(until=2, aggressive=3),))
    run(state, until=3, validate=constant_bound, batches=watched)
    assert watched.asked == [0, 1, 2, 0, 3, 4, 5, 1, 2]


def test_an_aggressive_phase_ends_where_the_information_stops_rising():
    told = iter([0.1, 0.5, 0.5, 0.2, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9])
    state, recorder = recorded((Phase(until=14, aggressive=1), Phase(until=1.0)), validate_every=2)
    progress = run(state, validate=lambda _model: bound(-1.0, next(told)))
    assert recorder.seen == ["p", "l"] * 6 + ["pl"] * 11
    # The best is chosen anew from the beginning of the last phase, though the bound is not better.
    assert [p.step for p in progress if p.best] == [2, 8]


def test_without_information_an_aggressive_phase_lasts_until_its_end():
    state, recorder = recorded((Phase(until=5, aggressive=1),), validate_every=1)
    run(state, validate=constant_bound)
    assert recorder.seen == ["p", "l"] * 5 + ["pl"] * 12


def test_the_best_is_chosen_anew_from_the_last_phase_on():
    elbos = iter([-1.0, -2.0, -9.0, -8.0, -8.5, -7.0])
    phases = (Phase(until=0.2, beta=0.5), Phase(until=2, beta=0.0), Phase(until=1.0))
    state = new_state(settings(steps=6, validate_every=1, phases=phases))
    progress = run(state, validate=lambda _model: bound(next(elbos)))
    assert [p.best for p in progress] == [True, False, True, True, False, True]
    assert (state.position.best, state.position.best_step) == (-7.0, 6)


def test_patience_begins_with_the_last_phase():
    training = settings(steps=None, epochs=20, patience=2, validate_every=1, phases=(Phase(until=0.5, beta=0.0),))
    progress = run(new_state(training), validate=constant_bound)
    assert progress[-1].step == 31 + 2 * 3  # the first bound after 30 of 60 steps is the best


def test_a_roll_back_returns_to_the_phase_of_that_time():
    state = new_state(settings(phases=PRETRAINED, validate_every=6))
    run(state, until=9, validate=constant_bound)
    assert (state.kept["position"]["step"], state.phases.index) == (6, 1)
    state.roll_back()
    assert state.phases.index == 0 and state.phases.initial
    rolled = [state.phases.index for _ in run(state, validate=constant_bound)]
    assert len(rolled) == 11 and state.phases.index == 1


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"until": 0}, "greater than 0"),
        ({"until": 2.5}, "whole step, or a share"),
        ({"aggressive": 3, "train": "likelihood"}, "leave out train=likelihood"),
        ({"train": "encoder"}, "posterior"),
        ({"reset": ("encoder",)}, "posterior"),
    ],
)
def test_impossible_phases_are_refused(keys, says):
    with pytest.raises(ValueError, match=says):
        Phase(**keys)


def test_a_part_without_weights_cannot_learn_alone():
    with pytest.raises(ValueError, match="trains the prior, which has no weights"):
        new_state(settings(phases=(Phase(until=3, train="prior"),)))


@pytest.mark.parametrize(
    "phase", [Phase(train="likelihood"), Phase(reset=("posterior",)), Phase(aggressive=2)], ids=repr
)
def test_a_model_without_parts_has_no_phases_that_name_them(phase):
    training = settings(phases=(phase,))
    with pytest.raises(ValueError, match="need a VAE"):
        TrainingState(Step(nn.Linear(2, 2), ELBO(), lambda x: x), training, make_fabric(training))


def test_phases_survive_json():
    training = Training(phases=(*PRETRAINED, *APART, *AGGRESSIVE))
    assert Training.model_validate_json(training.model_dump_json()) == training
    assert Training.model_validate({"phases": [{"until": 0.2, "beta": 0.0}, {"until": 1.0, "reset": ["likelihood"]}]})
    assert hash(training)
