"""A prior fitted afterwards is a run of its own."""

import pytest
import torch

import vaekit
from vaekit.heads import GMM
from vaekit.training import second_stage

from .conftest import vaekit as verb


@pytest.fixture
def fitted(class_run, tmp_path, no_report):
    run = vaekit.load(class_run)
    return run, vaekit.fit_prior(run, GMM(components=2), out=tmp_path / "fitted")


def test_posterior_and_likelihood_stay_and_the_prior_is_new(fitted):
    run, new = fitted
    before, after = run.model.state_dict(), vaekit.load(new.path).model.state_dict()
    kept = [key for key in before if not key.startswith("prior.")]
    assert kept and all(torch.equal(before[key], after[key]) for key in kept)
    assert "prior.loc" in after and "prior.loc" not in before
    assert all(parameter.requires_grad for parameter in new.model.parameters())


def test_the_new_folder_is_whole(fitted):
    run, new = fitted
    assert new.experiment.model.prior == GMM(components=2)
    assert new.history == run.history
    evaluation = new.folder.read_evaluation()
    assert "was fitted to the latents" in evaluation["notes"][0]
    assert evaluation["distortion"] == pytest.approx(run.folder.read_evaluation()["distortion"])
    again = new.evaluate(count=evaluation["n"]).summary()["bounds"]["iw"]["nats"]
    assert again == pytest.approx(evaluation["bounds"]["iw"]["nats"])


def test_a_run_with_a_fitted_prior_is_not_resumed(fitted):
    """There is no state of training to go on from, and beginning anew would lose the fitted prior."""
    assert "no checkpoint" in verb("resume", fitted[1].path).sentence


def test_the_verb_writes_beside_the_run(class_run, copy, no_report):
    run = copy(class_run)
    answer = verb("fit-prior", run, "prior.components=2", "--kind", "gmm", "--json").json
    assert answer["run"] == f"{run}-gmm"
    assert vaekit.load(answer["run"]).experiment.model.prior == GMM(components=2)


@pytest.mark.parametrize(
    ("kind", "keys"), [("gmm", ("prior.components=2", "prior.covariance=full")), ("diffusion", ("prior.hidden=8",))]
)
def test_the_verb_takes_keys_of_every_kind(class_run, tmp_path, no_report, monkeypatch, kind, keys):
    quick = second_stage.PriorFit(rounds=2, round_steps=5)
    monkeypatch.setattr(second_stage, "_settings", lambda _, seed: quick)
    answer = verb("fit-prior", class_run, *keys, "--kind", kind, "--out", tmp_path / "new", "--json").json
    again = vaekit.load(answer["run"])
    assert again.experiment.model.prior.kind == kind and again.sample(3).shape[0] == 3
    assert "rose from" in again.folder.read_evaluation()["notes"][0]


@pytest.mark.parametrize(("words", "said"), [
    (("--kind", "standard"), "nothing to fit"),
    (("--kind", "gmmm"), "gmm"),
    (("--kind", "uniform_sphere"), "unit vectors"),
    (("--kind", "gmm", "prior.components=9999"), "lower prior.components"),
    (("--kind", "flow", "prior.components=3"), "components"),
], ids=str)  # fmt: skip
def test_what_cannot_be_fitted_is_one_sentence(class_run, tmp_path, words, said):
    assert said in verb("fit-prior", class_run, *words, "--out", tmp_path / "new").sentence
    assert not (tmp_path / "new").exists()
