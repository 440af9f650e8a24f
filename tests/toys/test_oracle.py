"""A hierarchy of two groups whose evidence is known goes through every verb and measure as a user's own composition."""

import math

import pytest
import torch

import vaekit
from laws.hierarchy import evidence, hierarchy
from toys import walking
from vaekit.diagnosis import doctor
from vaekit.interfaces.measures.deep import deep
from vaekit.interfaces.runs.subject import Patient
from vaekit.trained import TrainedModel

TRAINING = {"batch": 32, "lr": 3e-3, "device": "cpu", "precision": "fp32", "threads": 1}


def exact():
    """Return the hierarchy at its exact posteriors, and 240 data of it."""
    torch.manual_seed(0)
    model = hierarchy().float()
    return model, evidence(model).sample((240,))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Return a run of the hierarchy, hardly moved from its optimum."""
    model, x = exact()
    out = tmp_path_factory.mktemp("runs") / "run"
    return vaekit.fit(x, model=model, out=out, steps=20, **{**TRAINING, "lr": 1e-6}), x


def test_training_climbs_to_the_evidence():
    torch.manual_seed(0)
    x = evidence(hierarchy().float()).sample((240,))
    torch.manual_seed(1)
    model = vaekit.fit(x, model=hierarchy(trained=False).float(), steps=400, **TRAINING)
    before = hierarchy(trained=False).float()
    bounds, learned = model.evaluate(x, samples=20), evidence(model.model)
    assert bounds.elbo.mean() > TrainedModel(before).evaluate(x, samples=20).elbo.mean() + 1
    gap = learned.log_prob(x) - bounds.elbo
    assert gap.mean() > 0 and gap.mean() < 2


def test_bounds_are_the_exact_evidence_at_the_exact_posterior(trained):
    run, x = trained
    bounds, log_p = run.evaluate(x, samples=20), evidence(run.model).log_prob(x).double()
    torch.testing.assert_close(bounds.iw.double(), log_p, atol=2e-2, rtol=0)
    assert bounds.rates.shape == (len(x), 2) and bounds.groups.names == ("z0_0", "z0_1", "z1_0", "z1_1", "z1_2")
    torch.testing.assert_close(bounds.rates.sum(1), bounds.rate, atol=1e-4, rtol=1e-4)


def test_every_verb_answers_or_says_why_not(trained, tmp_path):
    run, x = trained
    known = {"source": x[:6], "n": 8, "label": "none", "z": torch.zeros(2, 5), "context": (), "given": {"x": 1}}
    known |= dict.fromkeys(("first", "second", "a", "b", "c"), x[:1])
    said = {}
    for verb in walking.verbs(run):
        wanted = {"n": 8} if verb == "sample" else {"n": 8, "features": "model"} if verb == "quality" else known
        if verb == "manipulate":
            with pytest.raises(ValueError, match="no label 'none'; it has none"):
                run.manipulate(x[:6], "none")
            continue
        result = walking.call(run, verb, wanted)
        if isinstance(result, ValueError):
            said[verb] = str(result)
    assert set(said) == {"impute", "sample_given"}
    again = TrainedModel.load(run.save(tmp_path / "alone"), model=hierarchy(trained=False).float())
    assert torch.equal(again.sample(4, seed=1), run.sample(4, seed=1))
    assert [mean.shape[1] for mean in run.encode(x).means] == [2, 3]


def test_the_walk_from_one_code_to_another_visits_both_groups(trained):
    run, x = trained
    mean = run.encode(x[:2]).mean
    between = run.latents.between(mean[:1], mean[1:], 3)[0]
    torch.testing.assert_close(between[1], mean.mean(0))
    found = run.traverse(x[:1], steps=3, dimensions=[0, 4])
    assert found.names == ["z0_0", "z1_2"] and found.rows.shape == (2, 3, 6)


def test_every_measure_has_numbers_or_a_reason(trained):
    run, x = trained
    found = deep(run, x)
    assert found["information"]["mutual_information"]["nats"] > 1
    log_p = evidence(run.model).log_prob(x).double()
    assert found["annealed"]["nats"] <= log_p.mean().item() + 3 * found["annealed"]["se"]
    assert all((value is None) == (name in found["why"]) for name, value in found.items() if name != "why")


def test_every_check_has_a_number_or_none_and_nothing_is_wrong_with_the_posteriors(trained):
    run, x = trained
    examination, findings = Patient(run, run.experiment, run.history).examined(x)
    values = doctor.values(examination)
    assert all(value is None or math.isfinite(value) for value in values.values())
    assert values["collapsed_group"] is not None and values["posterior_collapse"] > 1
    assert not {"posterior_collapse", "collapsed_group", "amortization_gap"} & {finding.name for finding in findings}
    assert "<h2>Latents</h2>" in run.folder.report.read_text()
