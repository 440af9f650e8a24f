"""All that is measured of texts beside their bounds: what is of images is null, and words are compared with words."""

import json
import math

import pytest
import torch

import vaekit
from vaekit.evaluation import Chains, text_overlap
from vaekit.interfaces.measures import general, measure
from vaekit.interfaces.measures.deep import NO_LATENTS, deep, deep_lines, measures_of
from vaekit.interfaces.media.texts import measures as of_texts
from vaekit.interfaces.runs.fitting import fit

from .conftest import vaekit as command

pytestmark = pytest.mark.usefixtures("no_report", "quick")

PARTS = [measure.name for measure in measures_of("text")]
TINY = ("net=lstm", "net.hidden=16", "net.embedding=8", "steps=30", "device=cpu", "precision=fp32", "threads=1")


@pytest.fixture
def quick(monkeypatch):
    """Few data and short chains: every measure has tests of its own."""
    for name, count in {"_MOST": 70, "_STEPS": 3, "_CHAINS": Chains(2, 4, 2)}.items():
        monkeypatch.setattr(general, name, count)
    monkeypatch.setattr(of_texts, "_SHOWN", 60)
    monkeypatch.setattr(measure, "_REFINED", 4)


@pytest.fixture(scope="module")
def run(make_run):
    return vaekit.load(make_run("names-demo", "latent=4", base=TINY))


@pytest.fixture(scope="module")
def language_model(make_run):
    return vaekit.load(make_run("names-demo", "model=lm", base=TINY))


@pytest.fixture
def found(run):
    return deep(run)


def test_every_part_is_measured_or_says_why_not(run, found):
    weights = {name: weight.clone() for name, weight in run.model.state_dict().items()}
    state = torch.get_rng_state()
    again = deep(run)
    assert json.dumps(again, sort_keys=True) == json.dumps(found, sort_keys=True)
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(weights[name], weight) for name, weight in run.model.state_dict().items())
    assert set(found) == {*PARTS, "why"}
    assert set(found["why"]) == {"probes", "disentanglement"}
    assert not {"fidelity", "samples"} & set(found)  # which are of images


def test_the_mutual_information_has_the_cap_of_its_own_mixture(found):
    told = found["information"]
    assert told["mutual_information"]["cap"] == pytest.approx(math.log(70))
    batch = told["in_batches"]
    assert (batch["mixture"], batch["n"]) == (32, 64)
    assert batch["cap"] == pytest.approx(math.log(32))
    assert batch["nats"] <= math.log(32)
    lines = "\n".join(deep_lines("text", found))
    assert "cap log N = 4.25" in lines
    assert "in batches of 32, as papers on texts report it (cap log 32 = 3.47)" in lines


def test_too_few_texts_for_a_batch_have_no_such_number(run):
    found = deep(run, ["anna", "hanna", "otto"])
    assert found["information"]["in_batches"] is None
    assert "in batches of" not in "\n".join(deep_lines("text", found))


def test_overlap_is_that_of_the_tokens_of_reconstructions(run, found):
    rows = run.open()[1][:60]
    given, again = run.reconstruct(run.data.taken(rows))
    assert found["overlap"] == text_overlap(given, again).summary()  # a character is a token here
    assert found["overlap"]["n"] == 60


def test_samples_stand_beside_the_yardstick(run, found):
    told = found["text_samples"]
    assert told["order"] == 5
    assert told["train"] == len(run.data.part("train"))
    assert told["real"]["forward_perplexity"]["value"] < told["generated"]["forward_perplexity"]["value"]
    assert told["generated"]["forward_perplexity"]["texts"] == told["real"]["forward_perplexity"]["texts"] == 60
    lines = deep_lines("text", found)
    start = next(i for i, line in enumerate(lines) if line.startswith("text_samples"))
    assert "samples     perplexity" in lines[start]
    assert "real texts  perplexity" in lines[start + 1]


def test_the_most_that_is_counted_is_told(run, monkeypatch):
    monkeypatch.setattr(of_texts, "_COUNTED", 50)
    assert deep(run)["text_samples"]["train"] == 50


def test_bits_are_those_of_a_token_and_agree_with_the_bounds(run, found):
    x = run.given(run.data.taken(run.open()[1][:4]))[0]
    tokens = (x != 0).sum().item() / 4
    annealed = found["annealed"]
    assert annealed["bits_per_dim"] == pytest.approx(-annealed["nats"] / (tokens * math.log(2)))
    assert "bits/token" in "\n".join(deep_lines("text", found))


def test_fewer_of_the_texts_that_cost_more_are_refined(run, found, monkeypatch):
    assert found["annealed"]["n"] == found["amortization"]["n"] == 4
    monkeypatch.setattr(measure, "_REFINED", 60)
    monkeypatch.setattr(general, "_GRADIENT", 10**9)
    found = deep(run)
    assert found["annealed"]["n"] == found["amortization"]["n"] == 16


def test_a_language_model_has_samples_and_nothing_of_latents(language_model):
    found = deep(language_model)
    assert {name for name in PARTS if found[name] is not None} == {"text_samples"}
    assert {name for name, reason in found["why"].items() if reason == NO_LATENTS} == {
        "information", "annealed", "amortization", "probes", "disentanglement", "overlap",
    }  # fmt: skip


def test_labels_are_found_again_and_samples_drawn_with_them(make_run, tmp_path):
    path = tmp_path / "kinds.csv"
    lines = (f"{'ab' * (i % 5 + 1)}{i} x,ab" if i % 2 else f"{'cd' * (i % 4 + 1)}{i} y,cd" for i in range(200))
    path.write_text("text,kind\n" + "\n".join(lines) + "\n")
    keys = ("tokenizer=char", "label_column=kind", "condition=label", "latent=2")
    found = deep(vaekit.load(make_run(path, *keys, base=TINY)))
    assert 0 < found["probes"]["base_rate"] < 1
    assert 0 < found["probes"]["raw"]["value"] <= 1
    assert found["text_samples"]["generated"]["mean_length"] > 0
    assert found["overlap"]["n"] > 0


def test_texts_that_came_as_a_list_are_given_again(tmp_path):
    given = [f"text {i % 50} {'ab' * (i % 7)}" for i in range(80)]
    training = vaekit.Training(steps=2, threads=1, precision="fp32", device="cpu")
    run = vaekit.load(fit(given, training=training, out=tmp_path / "run", preset="fast").path)
    found = deep(run, given)
    assert found["overlap"]["n"] == 60
    assert "give data" in found["why"]["text_samples"]


def test_the_verb_prints_one_object_or_lines(run):
    answer = command("evaluate", run.path, "--samples", 2, "--deep", "--json").json
    assert set(answer["deep"]) == {*PARTS, "why"}
    said = command("evaluate", run.path, "--samples", 2, "--deep").out
    assert "overlap" in said and "greedy reconstructions: BLEU-4" in said
    assert max(map(len, said.splitlines())) < 170
