"""Any posterior with any prior and objective: what every verb and the report make of it, and what they say where they cannot."""

import json
import math
from typing import get_args

import numpy as np
import pytest
import torch
from PIL import Image

import vaekit as library
from laws.members import members
from vaekit.evaluation import Bounds
from vaekit.heads import Posterior
from vaekit.interfaces.cli.progress import _validated
from vaekit.interfaces.media.medium import worse_than_uniform
from vaekit.interfaces.report import figures, latent_map as latents
from vaekit.interfaces.report.report import write_report
from vaekit.models import Groups
from vaekit.trained.latent_space import LatentSpace
from vaekit.training import Validation

from .conftest import vaekit

pytestmark = pytest.mark.usefixtures("no_report")

POSTERIORS = {
    kind: member for member in members(Posterior) for kind in get_args(member.model_fields["kind"].annotation)
}


@pytest.fixture
def blank_charts(monkeypatch):
    """Charts cost most of the time."""
    for module in (figures, latents):
        monkeypatch.setattr(module, "chart", lambda draw: Image.new("RGB", (10, 10)))


def report_of(path):
    run = library.load(path)
    return write_report(run, run.evaluate(samples=2)).read_text()


@pytest.fixture(scope="module")
def delta_run(make_run, classes):
    return make_run(classes, "posterior=delta")


def test_a_run_without_a_bound_says_so_everywhere(delta_run, class_run, classes, tmp_path):
    why = "neither a rate nor a bound on log p(x) exists"
    config = json.loads((delta_run / "config.json").read_text())
    assert config["objective"]["kind"] == "rae"
    assert any(c["key"] == "objective" and "posterior=delta" in c["reason"] for c in config["choices"])
    found = vaekit("evaluate", delta_run, "--json").json
    assert (found["bounds"]["elbo"], found["bounds"]["iw"], found["rate"]) == (None, None, None)
    assert why in found["bounds"]["why"] and found["distortion"] > 0
    told = vaekit("evaluate", delta_run).out
    assert why in told and "log-likelihood of the reconstruction" in told and "ELBO" not in told
    scores = vaekit("score", delta_run, classes, "--out", tmp_path / "s.npz", "--json").json
    assert scores["by"] == "log_likelihood" and why in scores["why"]
    assert (
        "log-likelihood of the reconstruction" in vaekit("score", delta_run, classes, "--out", tmp_path / "s.npz").out
    )
    assert set(np.load(tmp_path / "s.npz")) == {"name", "label", "log_likelihood"}
    rows = vaekit("compare", delta_run, class_run, "--json").json["runs"]
    assert [row["iw"] is None for row in rows] == [False, True]
    line = next(x for x in vaekit("compare", delta_run, class_run).out.splitlines() if "rae" in x)
    assert line.split().count("-") == 4
    lines = [json.loads(line) for line in (delta_run / "metrics.jsonl").read_text().splitlines()]
    assert all(line["elbo"] is None and math.isfinite(line["distortion"]) for line in lines)


def test_the_report_of_a_run_without_a_bound(delta_run, blank_charts):
    html = report_of(delta_run)
    for said in (
        "There is no bound",
        "Log-likelihood of reconstructions",
        "has no density",
        "Trained by objective=rae",
    ):
        assert said in html
    for absent in ("Effective sample size", "Bound over steps", "Rate over steps"):
        assert absent not in html
    assert "Distortion over steps" in html


def test_the_progress_of_a_run_without_a_bound():
    assert _validated(Validation(3.0, 2)) == "reconstruction -3.00 (no bound), 2 active units"
    assert _validated(Validation(3.0, 2, -4.0, 1.0)) == "elbo -4.00 (reconstruction -3.00, KL 1.00), 2 active units"


@pytest.mark.parametrize("kind", POSTERIORS)
def test_every_verb_takes_any_posterior_or_says_why_not(make_run, classes, tmp_path, kind, blank_charts):
    path = make_run(classes, f"posterior={kind}")
    for words in (
        ("sample", "-n", 2, "--out", tmp_path / "s"),
        ("reconstruct", classes, "--out", tmp_path / "r"),
        ("score", classes, "--samples", 2, "--out", tmp_path / "s.csv"),
        ("encode", classes, "--out", tmp_path / "e.csv"),
        ("compare",),
    ):
        assert vaekit(words[0], path, *words[1:]).code == 0, words
    assert vaekit("encode", path, classes, "--out", tmp_path / "e.npz").code == 0
    run, read = library.load(path), np.load(tmp_path / "e.npz")
    width = math.prod(run.experiment.model.posterior.latent_event(2))
    assert read["mean"].shape == read["std"].shape == (40, width)
    assert np.isfinite(read["mean"]).all()
    assert np.isfinite(read["std"]).all() or np.isnan(read["std"]).all()
    assert run.decode(torch.from_numpy(read["mean"])).isfinite().all()
    for words in (
        ("interpolate", 0, 1, "--out", tmp_path / "i.png"),
        ("traverse", "--out", tmp_path / "t.png"),
        ("manipulate", classes, "--toward", "disc", "--out", tmp_path / "m.png"),
    ):
        answer = vaekit(words[0], path, *words[1:])
        if run.latents.is_walkable:
            assert answer.code == 0, (words, answer.err)
        else:
            said = f"{words[0]} needs a real-valued latent; this model's is {run.latents.spaces[0].support}"
            assert said in answer.sentence
    html = report_of(path)
    assert "Inputs beside reconstructions" in html and "Latent map" in html
    assert ("Latent traversal" in html) == run.latents.is_walkable


def test_on_the_sphere_one_walks_along_the_great_circle():
    space = LatentSpace("sphere")
    a, b = space.onto(torch.randn(2, 5, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64))
    walk = space.between(a, b, 6)
    torch.testing.assert_close(walk.norm(dim=-1), torch.ones(5, 6, dtype=torch.float64))
    torch.testing.assert_close(walk[:, 0], a)
    torch.testing.assert_close(walk[:, -1], b)
    angles = (walk[:, 1:] * walk[:, :-1]).sum(-1).acos()
    torch.testing.assert_close(angles, angles[:, :1].expand_as(angles))
    torch.testing.assert_close(space.between(a, a, 3), a.unsqueeze(1).expand(5, 3, 7))
    moved = space.varied(a[:1], torch.tensor([2, 0]), 5, 3.0)
    torch.testing.assert_close(moved.norm(dim=-1), torch.ones(2, 5, dtype=torch.float64))
    assert (moved[0, :, 2].diff() > 0).all() and (moved[1, :, 0].diff() > 0).all()


def test_in_the_ball_one_stays_inside_and_among_real_vectors_nothing_is_changed():
    z = torch.randn(1, 4, generator=torch.Generator().manual_seed(0))
    assert LatentSpace("ball").varied(z / 3, torch.arange(4), 9, 3.0).norm(dim=-1).max() <= 0.99001
    real = LatentSpace("real").varied(z, torch.tensor([1]), 3, 3.0)
    assert real[0, :, 1].tolist() == [-3, 0, 3] and torch.equal(real[0, :, 0], z[:, 0].expand(3))
    with pytest.raises(ValueError, match="traverse needs a real-valued latent; this model's is codes"):
        LatentSpace("codes").require("traverse")


def test_choices_name_posterior_prior_and_objective(classes):
    found = vaekit("inspect", classes, "posterior=vmf", "--json").json["experiment"]
    choices = {choice["key"]: choice for choice in found["choices"]}
    assert choices["prior"]["value"] == found["model"]["prior"]["kind"] == "uniform_sphere"
    assert "posterior=vmf" in choices["prior"]["reason"] and "posterior" not in choices
    assert choices["objective"]["value"] == "elbo"
    shown = vaekit("inspect", classes).out
    assert all(word in shown for word in ("posterior ", "prior ", "objective "))
    given = vaekit("inspect", classes, "posterior=delta", "objective=elbo", "prior=diagonal", "--json").json[
        "experiment"
    ]
    assert not {"posterior", "prior", "objective"} & {choice["key"] for choice in given["choices"]}
    assert (given["objective"]["kind"], given["model"]["prior"]["kind"]) == ("elbo", "diagonal")


def test_an_objective_follows_the_posterior_of_a_given_description(tmp_path):
    model = library.ImageVAE(shape=(1, 4, 4), latent=2, net=library.MLP(widths=(8,)), posterior={"kind": "delta"})
    x = torch.randint(0, 256, (40, 4, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    training = library.Training(steps=1, device="cpu", precision="fp32", batch=8)
    assert library.fit(x, model=model, training=training, out=tmp_path / "run").experiment.objective.kind == "rae"


def test_an_objective_that_is_no_bound_says_what_it_is(make_run, classes, blank_charts):
    path = make_run(classes, "objective.beta=4")
    said = library.load(path).experiment.objective.what_it_is
    assert said and said in vaekit("inspect", classes, "objective.beta=4").err
    assert said in vaekit("inspect", classes, "objective.beta=4", "--json").json["warnings"]
    html = report_of(path)
    assert said in html and "IW-2" in html
    assert "no bound" not in vaekit("inspect", classes).err


def test_the_measure_is_named(make_run, class_run, classes, blank_charts):
    assert vaekit("evaluate", class_run, "--samples", 1, "--json").json["measure"] == "counting"
    density = make_run(classes, "likelihood=gaussian")
    assert vaekit("evaluate", density, "--samples", 1, "--json").json["measure"] == "lebesgue"
    assert "Lebesgue measure" in report_of(density)
    spread = make_run(classes, "likelihood=gaussian", "dequantize=true")
    assert vaekit("evaluate", spread, "--samples", 1, "--json").json["measure"] == "counting"
    assert "bound is on the probability of integer levels, by uniform dequantization" in report_of(spread).lower()
    assert vaekit("compare", class_run, spread, "--json").json["comparable"] is True
    assert vaekit("compare", class_run, density, "--json").json["comparable"] is False


def test_a_run_finds_its_data_from_any_folder(make_run, classes, tmp_path, monkeypatch):
    monkeypatch.chdir(classes.parent)
    path = make_run(classes.name)
    monkeypatch.chdir(tmp_path)
    settings = library.load(path).experiment.data
    assert (settings.source, settings.typed) == (str(classes), classes.name)
    assert vaekit("evaluate", path, "--samples", 1, "--json").json["data"] == f"{classes.name} (test)"
    assert vaekit("resume", path, "--time-limit", "1s").code == 0
    named = vaekit("fit", "digits", "--dry-run", "--json").json["data"]
    assert (named["source"], named["typed"]) == ("digits", "")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_device_that_is_not_there_is_refused_before_anything_is_done(classes):
    assert "device=cuda is not available" in vaekit("fit", classes, "device=cuda", "--dry-run").sentence
    assert "device=cuda is not available" in vaekit("inspect", classes, "device=cuda").sentence


WRONG = {
    "prior.components=50": "prior.components may belong to gmm, vamp; name one of them, e.g. prior=gmm",
    "posterior=vmff": "posterior=vmff is not one of gaussian",
    "posterior=3": "posterior=3 names no part",
    "prior=": "prior= names no part",
    "prior=gmn": "prior=gmn is not one of standard",
    "posterior=vmf prior=standard": "posterior=vmf lives on unit vectors and prior=standard on real vectors; use prior=uniform_sphere",
    "prior=uniform_sphere": "posterior=gaussian lives on real vectors and prior=uniform_sphere on unit vectors",
    "posterior.rank=0": "posterior.rank=0: input should be greater than or equal to 1",
    "posterior=gaussian posterior.rank=2": "key 'posterior.rank' does not belong to the part that was chosen",
    "objective=elboo": "did you mean 'elbo'?",
    "objective.beta=-1": "objective.beta.value=-1: input should be greater than or equal to 0",
    "condition=3": "condition=3: input should be 'none', 'label' or 'context'",
    "dequantize=maybe": "dequantize=maybe: input should be a valid boolean",
    "dequantize=true": "discretized_logistic has a probability per level; leave it out",
}


@pytest.mark.parametrize("words", WRONG)
def test_parts_that_do_not_go_together(classes, words):
    assert WRONG[words] in vaekit("fit", classes, "--dry-run", *words.split(" ")).sentence


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("posterior=delta objective=elbo", "density"),
        ("objective=vq", "posterior=vq"),
        ("objective=rae", "posterior=delta"),
    ],
)
def test_an_objective_that_does_not_go_with_the_model(classes, tmp_path, words, said):
    from .conftest import TINY

    answer = vaekit("fit", classes, *TINY, *words.split(" "), "--out", tmp_path / "run")
    assert said in answer.sentence
    assert not (tmp_path / "run").exists()


def test_a_key_of_several_kinds_asks_which_and_one_of_a_single_kind_names_it():
    from vaekit.interfaces.describing.parsing import parse

    assert parse(["posterior.rank=3"])["model"] == {"posterior": {"rank": 3, "kind": "lowrank"}}
    base = {"objective": {"kind": "iwae", "samples": 5}}
    assert parse(["objective.samples=9"], base)["objective"] == {"kind": "iwae", "samples": 9}


def test_a_bound_that_is_worse_than_no_model_is_told():
    """Eight bits are what every level of 256 takes if all have the same probability."""
    nats = torch.tensor([-7.0, -7.2]) * 4 * math.log(2)
    kept = {"elbo": nats, "iw": nats, "ess": nats, "distortion": -nats, "rate": nats, "rate_per_dimension": None}
    bounds = Bounds(**kept, means=torch.zeros(2, 1), samples=5, sizes=torch.full((2,), 4), groups=Groups(((1,),), (1,)))
    assert worse_than_uniform(bounds, 256, "each of 256 levels") == []
    (said,) = worse_than_uniform(bounds, 64, "each of 64 levels")
    assert said.startswith(
        "IW-5 takes 7.1 bits, worse than the 6 bits of giving each of 64 levels the same probability"
    )
