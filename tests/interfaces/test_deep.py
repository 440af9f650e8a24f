"""All that is measured beside the bounds: on a run, on other data, and where there is no such thing."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

import vaekit
from diagnosis import subjects
from vaekit.evaluation import Chains
from vaekit.heads import Conditional, Gaussian, StandardNormal
from vaekit.interfaces.measures import general, measure
from vaekit.interfaces.measures.deep import deep, deep_lines, measures_of
from vaekit.interfaces.media.images import measures as of_images

from .conftest import TINY, vaekit as command

pytestmark = pytest.mark.usefixtures("no_report", "quick")

QUICK = vaekit.Training(steps=3, device="cpu", precision="fp32", threads=1)
PARTS = [measure.name for measure in measures_of("image")]
SMALL = vaekit.ImageVAE(shape=(1, 8, 8), latent=2, net=vaekit.MLP(widths=(8,)))


@pytest.fixture
def quick(monkeypatch):
    """Few data and short chains: every measure has tests of its own."""
    for name, count in {"_MOST": 60, "_INVERTED": 10, "_STEPS": 3, "_CHAINS": Chains(2, 4, 2)}.items():
        monkeypatch.setattr(general, name, count)
    monkeypatch.setattr(of_images, "_SHOWN", 60)
    monkeypatch.setattr(measure, "_REFINED", 4)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (120, 8, 8), dtype=np.uint8)


def parts(found):
    return {name for name in PARTS if found[name] is not None}


def same(found, expected):
    return json.dumps(found, sort_keys=True) == json.dumps(expected, sort_keys=True)


def test_every_part_is_measured_or_says_why_not():
    run = subjects.run()
    weights = {name: weight.clone() for name, weight in run.model.state_dict().items()}
    state = torch.get_rng_state()
    found = deep(run)
    assert parts(found) == set(PARTS) - {"disentanglement"}
    assert set(found["why"]) == {"disentanglement"}
    assert found["information"]["mutual_information"]["cap"] == pytest.approx(math.log(60))
    assert 0 < found["information"]["mutual_information"]["nats"] <= math.log(60)
    assert found["annealed"]["n"] == found["amortization"]["n"] == 4
    assert found["probes"]["linear"]["value"] > found["probes"]["base_rate"] + 0.3
    assert found["probes"]["raw"]["value"] > 0.85  # what a plane through the pixels gets right
    assert found["fidelity"]["ms_ssim"] is None
    assert found["samples"]["real"] == found["samples"]["generated"] == 60
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(weights[name], weight) for name, weight in run.model.state_dict().items())
    assert same(deep(run), found)


def test_the_lines_name_every_part():
    lines = "\n".join(deep_lines("image", deep(subjects.run())))
    for word in (
        "I(x; z)",
        "cap log N = 4.09",
        "IW-100",
        "amortization gap",
        "10 neighbors",
        "none: the factors behind these data",
    ):
        assert word in lines
    for name in PARTS:
        assert f"\n{name} " in "\n" + lines


def test_other_data_are_taken_in_an_order_that_says_nothing(monkeypatch):
    monkeypatch.setattr(general, "_CODED", 100)
    run = subjects.run()
    found = deep(run, run.data.taken(run.data.labels.argsort()))
    assert found["probes"]["test"] == 100
    assert 0 < found["probes"]["base_rate"] < 0.3  # the first hundred are all zeros


def test_densities_that_need_an_inversion_have_a_smaller_mixture():
    assert deep(subjects.run("posterior=iaf", "steps=3", "latent=4"))["information"]["n"] == 10


def test_factors_are_scored_where_they_are_known():
    run = subjects.run()
    factors = torch.stack([run.data.labels, run.data.labels % 2], 1)
    known = replace(run.data, factors=factors, factor_names=("digit", "odd"))
    found = deep(run, known)["disentanglement"]
    assert found["factors"] == ["digit", "odd"]
    assert found["n"] == len(run.data)
    assert 0.3 < found["informativeness"] <= 1


def test_other_classes_are_not_probed():
    run = subjects.run()
    other = replace(run.data, classes=tuple("abcdefghij"))
    found = deep(run, other)
    assert found["probes"] is None
    assert "classes a, b, c, d, e, ..." in found["why"]["probes"]


@pytest.mark.parametrize(
    ("keys", "missing"),
    [
        (("posterior=delta", "objective=rae"), {"information", "annealed", "amortization"}),
        (("posterior=vmf",), {"annealed", "amortization"}),
        (("posterior=gumbel",), {"annealed", "amortization"}),
        (("posterior=vq", "objective=vq"), {"annealed", "amortization"}),
        (("posterior=iaf",), set()),
        (("posterior=full", "prior=gmm"), set()),
        (("condition=label",), set()),
        (("likelihood=bernoulli", "likelihood.binarize=dynamic"), set()),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_a_member_of_the_algebra_lacks_is_null_with_the_reason(keys, missing):
    found = deep(subjects.run(*keys, "steps=3", "latent=4"))
    assert set(PARTS) - parts(found) == set(found["why"]) == missing | {"disentanglement"}
    assert all(found["why"].values())
    lines = "\n".join(deep_lines("image", found))
    assert all(reason in lines for reason in found["why"].values())


def test_data_that_came_as_arrays_are_given_again(images, tmp_path):
    path = vaekit.fit(images, model=SMALL, training=QUICK, out=tmp_path / "run").path
    run = vaekit.load(path)
    with pytest.raises(ValueError, match="give data"):
        deep(run)
    found = deep(run, images)
    assert parts(found) >= {"information", "fidelity", "samples"}
    assert "give data" in found["why"]["probes"]


def test_a_free_composition_of_vectors_has_no_pictures(tmp_path):
    net = vaekit.MLP(widths=(8,))
    posterior = Conditional(net.encoder((5,)), Gaussian(), given=(5,), event=(2,))
    likelihood = Conditional(net.decoder((2,), (5,)), Gaussian(), given=(2,), event=(5,))
    model = vaekit.VAE(StandardNormal((2,)), posterior, likelihood)
    run = vaekit.fit(torch.randn(600, 5), model=model, training=QUICK, out=tmp_path / "run")
    found = deep(run)
    assert parts(found) == {"information", "annealed", "amortization"}
    assert "give images" in found["why"]["fidelity"]
    assert "compared as images" in found["why"]["samples"]
    assert "no labels" in found["why"]["probes"]


def test_broken_weights_are_told_in_one_sentence(images, tmp_path):
    run = vaekit.fit(images, model=SMALL, training=QUICK, out=tmp_path / "run")
    torch.nn.init.constant_(next(iter(run.model.parameters())), math.nan)
    with pytest.raises(ValueError, match="weights are not finite"):
        deep(run)


def test_the_verb_prints_one_object_or_lines(classes, make_run):
    run = make_run(classes)
    answer = command("evaluate", run, "--samples", 5, "--deep", "--json").json
    assert set(answer["deep"]) == {*PARTS, "why"}
    assert answer["bounds"]["iw"]["samples"] == 5
    assert "deep" not in command("evaluate", run, "--samples", 5, "--json").json
    said = command("evaluate", run, classes, "--samples", 5, "--deep").out
    assert "IW-5" in said
    assert "fidelity" in said


def test_bad_input_is_answered_by_a_sentence(classes, make_run, tmp_path):
    run = make_run(classes)
    assert "other" in command("evaluate", run, tmp_path / "other", "--deep").sentence
    command("evaluate", tmp_path / "nowhere", "--deep").sentence  # noqa: B018
    (tmp_path / "empty").mkdir()
    command("evaluate", run, tmp_path / "empty", "--deep", "--json").sentence  # noqa: B018


def test_sprites_are_a_name_like_any_other(tmp_path):
    found = command("fit", "sprites", "--dry-run", "--json", *TINY).json
    assert found["model"]["shape"] == [1, 32, 32]
    assert "did you mean sprites?" in command("inspect", "sprite").sentence
    assert "sprites" in command("inspect", tmp_path / "nothing").sentence
    assert "sprites" in command("fit").sentence
