"""The recipes against collapse: keys that an experiment takes, and runs of twenty steps that are whole."""

import math

import pytest
import torch

import vaekit
from vaekit.data import read_text
from vaekit.interfaces.describing.experiment import Experiment
from vaekit.interfaces.describing.planning import plan
from vaekit.interfaces.runs import ending
from vaekit.interfaces.runs.folder import RunFolder
from vaekit.interfaces.runs.recording import Recording
from vaekit.interfaces.runs.trainer import Trainer
from vaekit.modalities import RECIPES, Pace, modality_named

BRIEFER = {"aggressive": {"phases": ({"until": 0.1, "aggressive": 100}, {"until": 1.0})}}
"""Training of a recipe whose phases would last too long for a test."""
every_recipe = pytest.mark.parametrize("recipe", RECIPES)
TINY = {"net": {"kind": "gru", "hidden": 8, "embedding": 4, "encoder_layers": 1}, "latent": 4}
QUICK = {"steps": 20, "batch": 64, "validate_every": 10, "device": "cpu", "precision": "fp32"}


@pytest.fixture(scope="module")
def names():
    return read_text("names-demo")


def planned(data, model, training=None, objective=None):
    given = {"model": {**TINY, **model}, "training": {**QUICK, **(training or {})}, "objective": objective or {}}
    return plan(data, modality_named("text").opened({"source": "names-demo"}), given, "fast")


def trained(data, experiment, path, monkeypatch):
    """Train without a report."""
    monkeypatch.setattr(ending, "write_report", lambda run, _result, **_: run.folder.report.write_text("no report"))
    made = Recording(RunFolder(path), Trainer(experiment, data))
    made.begin()
    return made.run()


@every_recipe
def test_every_recipe_trains_saves_loads_and_writes(names, tmp_path, monkeypatch, recipe):
    experiment = planned(names, {"recipe": recipe}, BRIEFER.get(recipe))
    assert experiment.model.recipe == recipe
    assert Experiment.model_validate_json(experiment.model_dump_json()) == experiment
    run = trained(names, experiment, tmp_path / "run", monkeypatch)
    assert run.history[-1]["step"] == 20 and run.history[-1]["non_finite"] == 0
    assert all(math.isfinite(line["elbo"]) for line in run.history)
    again = vaekit.load(tmp_path / "run")
    assert again.experiment == experiment
    z, x = torch.randn(5, 4), run.inputs(count=5)
    assert torch.equal(run.model.decode(z).log_prob(x), again.model.decode(z).log_prob(x))
    assert again.sample(4) == run.sample(4) and len(again.sample(4)) == 4
    assert again.evaluate(count=20, samples=3).summary() == run.evaluate(count=20, samples=3).summary()


def test_the_language_model_is_trained_the_same_way(names, tmp_path, monkeypatch):
    run = trained(names, planned(names, {"model": "lm"}), tmp_path / "run", monkeypatch)
    found = vaekit.load(tmp_path / "run").evaluate(samples=3)
    assert not found.rate.any() and torch.allclose(found.elbo, found.iw, rtol=0, atol=1e-12)
    assert run.reconstruct(count=5)[1] == run.reconstruct(count=5)[1]
    assert len(set(run.reconstruct(count=5)[1])) == 1  # nothing is read of what it is given


@every_recipe
def test_a_recipe_says_what_it_does_and_whose_it_is(recipe):
    found = RECIPES[recipe]
    assert found.meaning[0].islower() or found.meaning.startswith("z ")
    assert found.source.split(", ")[-1].isdigit() and len(found.meaning) < 130


@every_recipe
@pytest.mark.parametrize("pace", [Pace(1, None), Pace(1, 1), Pace(500, None), Pace(3, 10**6)], ids=str)
def test_every_pace_makes_schedules_that_end(names, recipe, pace):
    sections = RECIPES[recipe].keys(pace)
    assert set(sections) <= {"model", "objective", "training"}
    experiment = Experiment.model_validate(
        {
            "data": {"kind": "text"},
            "model": planned(names, {"recipe": recipe}).model,
            "objective": {"kind": "elbo", **sections.get("objective", {})},
            "training": {**QUICK, **sections.get("training", {})},
        }
    )
    assert math.isfinite(experiment.objective.schedule_end)


def test_a_ramp_is_ten_epochs_and_never_longer_than_the_run():
    assert Pace(10, 3000).ramp == 100 and Pace(10, 90).ramp == 30 and Pace(10, 1).ramp == 1
    assert Pace(10, None).ramp >= 1
    assert Pace(10, 90).whole == 90 and Pace(10, None).whole >= 10


def test_what_is_typed_goes_before_the_recipe(names):
    kept = planned(names, {"recipe": "free_bits"}, objective={"free_bits": {"nats": 2.0}})
    assert kept.objective.free_bits.nats == 2.0
    plain = planned(names, {"recipe": "batch_norm", "posterior": {"kind": "gaussian"}})
    assert plain.model.posterior.kind == "gaussian"
    rising = planned(names, {"recipe": "anneal"}, training={"steps": 60})
    assert rising.objective.beta.kind == "linear" and rising.objective.schedule_end <= 60
