"""Texts in Python: lists of them, runs that go on bit for bit, and a trained model that is what it should be."""

import copy
import signal
from dataclasses import replace

import pytest
import torch

import vaekit as library
from vaekit.data import read_text, texts_to_dataset
from vaekit.diagnosis import Examination
from vaekit.diagnosis.checks import collapse
from vaekit.diagnosis.remedies import at_one, smaller
from vaekit.distributions import Decoding
from vaekit.evaluation import NGrams
from vaekit.interfaces.cli.progress import ProgressReport
from vaekit.interfaces.runs.subject import Patient
from vaekit.modalities import TextVAE
from vaekit.nets import Recurrent, Transformer
from vaekit.objectives import ELBO

from .conftest import vaekit
from .text_files import TINY, captions, lines

pytestmark = pytest.mark.usefixtures("no_report")

QUICK = library.Training(steps=3, device="cpu", precision="fp32")
NAMES = ["anna", "bob", "cleo", "dana", "eve", "finn", "gil", "hana"] * 6
NETS = [Recurrent(embedding=4, hidden=8), Transformer(width=8, heads=2, layers=1)]
CHECKS = {check.name: check for check in collapse.CHECKS}


def described(data, **keys):
    schema = data.schema
    return TextVAE(**{"vocabulary": schema.vocabulary, "length": schema.length, "latent": 2, "net": NETS[0], **keys})


@pytest.fixture(scope="module")
def learned(make_run):
    """A run that has learned something: seconds, not minutes."""
    keys = ("steps=300", "batch=32", "latent=8", "net.hidden=48", "net.embedding=16", "validate_every=100")
    return library.load(make_run("names-demo", *keys, base=TINY))


def test_fit_takes_a_list_of_texts_and_chooses_everything(tmp_path):
    run = library.fit(NAMES, training=QUICK, out=tmp_path / "run", preset="fast")
    assert {choice.key for choice in run.experiment.choices} >= {"net", "latent", "recipe", "batch"}
    again = library.load(tmp_path / "run")
    assert again.sample(5) == run.sample(5) and all(isinstance(text, str) for text in run.sample(5))
    with pytest.raises(ValueError, match="came as arrays and are not kept; give data"):
        again.evaluate()
    assert len(again.evaluate(NAMES).elbo) == len(NAMES)
    assert torch.equal(again.encode(NAMES).mean, run.encode(NAMES).mean)


@pytest.mark.parametrize("net", NETS, ids=lambda net: net.kind)
def test_a_loaded_run_gives_equal_logits(tmp_path, net):
    data = texts_to_dataset(NAMES, tokenizer="char", length=6)
    run = library.fit(data, model=described(data, net=net, tie=True), training=QUICK, out=tmp_path / "run")
    again, x = library.load(tmp_path / "run"), data.values.long()
    for one in (run, again):
        one.model.eval()
    with torch.no_grad():
        first, second = (one.model.decode(one.model.encode(x).mean) for one in (run, again))
        assert torch.equal(first.terms(x), second.terms(x))
        read = x[:, :-1]
        assert torch.equal(*(p.net.logits(p.net.features(read, p.z)) for p in (first, second)))


@pytest.mark.parametrize("net", NETS, ids=lambda net: net.kind)
def test_seeded_runs_are_equal_bit_for_bit_and_others_are_not(tmp_path, net):
    data, weights = texts_to_dataset(NAMES, tokenizer="char", length=6), []
    for name, seed in (("one", 0), ("same", 0), ("other", 1)):
        training = QUICK.replace(seed=seed)
        run = library.fit(data, model=described(data, net=net), training=training, out=tmp_path / name)
        weights.append((run.path / "model" / "model.safetensors").read_bytes())
    assert weights[0] == weights[1] != weights[2]


TRANSFORMER = ["net=transformer", "net.width=8", "net.heads=2", "net.layers=1", "latent=2", "precision=fp32"]
INTERRUPTED = [
    ("recipe=anneal", *TRANSFORMER),
    ("recipe=free_bits", "net=lstm"),
    ("recipe=cyclical", "word_dropout=0.3"),
    ("recipe=pretrain", "net=lstm"),
    ("recipe=bag_of_words", "teacher_forcing=0.7"),
    ("recipe=batch_norm", "label_column=parity", "condition=label"),
]


@pytest.mark.parametrize("keys", INTERRUPTED, ids=" ".join)
def test_a_resumed_run_ends_at_the_bytes_of_an_uninterrupted_one(tmp_path, monkeypatch, keys):
    data = captions(tmp_path / "captions.csv")
    base = () if "net=transformer" in keys else TINY
    words = ("fit", data, *base, "steps=12", "validate_every=4", *keys, "--out")
    assert vaekit(*words, tmp_path / "whole").code == 0

    def stop(_self, progress, _batch):
        if progress.step == 6:
            signal.raise_signal(signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(ProgressReport, "__call__", stop)
        stopped = vaekit(*words, tmp_path / "run")
    assert stopped.code == 128 + signal.SIGTERM and "stopped at step 6, saved" in stopped.err
    assert vaekit("resume", tmp_path / "run").code == 0
    whole, resumed = ((tmp_path / name / "model" / "model.safetensors").read_bytes() for name in ("whole", "run"))
    assert whole == resumed
    assert [line["step"] for line in library.load(tmp_path / "run").history] == [4, 8, 12]


def test_texts_that_have_changed_are_noticed(tmp_path):
    file = lines(tmp_path / "names.txt", *dict.fromkeys(NAMES), "ida", "jon", "kim", "lea")
    assert vaekit("fit", file, *TINY, "--out", tmp_path / "run").code == 0
    lines(file, *NAMES, "somebody else")
    assert "have changed since" in vaekit("evaluate", tmp_path / "run").sentence


def test_what_is_sampled_depends_on_seed_temperature_and_decoding(learned):
    assert learned.sample(9) == learned.sample(9) != learned.sample(9, seed=1)
    assert len(learned.sample(130)) == 130
    greedy = Decoding(mode="greedy")
    assert learned.sample(9, 0.0, decoding=greedy) == 9 * learned.sample(1, 0.0, decoding=greedy)
    assert learned.sample(5, decoding=greedy) == learned.sample(5, decoding=Decoding(top_k=1))
    with pytest.raises(ValueError, match="n must be at least 1"):
        learned.sample(0)
    with pytest.raises(ValueError, match="mode must be greedy, sample or beam"):
        learned.sample(1, decoding=Decoding(mode="loud"))


def test_decode_is_the_inverse_way(learned):
    texts, again = learned.reconstruct(count=20)
    means, deviations = learned.encode(count=20)
    assert learned.decode(means) == again and texts == learned.reconstruct(texts)[0]
    assert means.shape == deviations.shape == (20, 8) and (deviations > 0).all()
    assert learned.reconstruct(["anna"]) == (["anna"], learned.reconstruct(["anna", "christopher"])[1][:1])


@pytest.mark.parametrize("how", ["linear", "slerp"])
@pytest.mark.parametrize("decoding", [None, Decoding(mode="beam", beams=3)], ids=["greedy", "beam"])
def test_ends_of_an_interpolation_are_the_reconstructions(learned, how, decoding):
    ends = [["katherine"], ["bo"]]
    walk = learned.interpolate(*ends, 5, how=how, decoding=decoding)
    assert [walk[0], walk[-1]] == [learned.reconstruct(end, decoding=decoding)[1][0] for end in ends]
    assert len(set(walk)) > 1
    means = torch.cat([learned.encode(end).mean for end in ends])
    norms = learned.latents.between(means[:1], means[1:], 5, how)[0].norm(dim=1)
    if how == "slerp":
        torch.testing.assert_close(norms, torch.linspace(*means.norm(dim=1).tolist(), 5))


def test_walks_come_back_as_texts(learned):
    rows, order, _ = learned.traverse(["anna"], 3)
    assert sorted(order) == list(range(8)) and all(len(row) == 3 for row in rows)
    assert learned.analogy(["anna"], ["anna"], ["bob"]) == learned.reconstruct(["bob"])[1]


def test_a_trained_model_beats_bigrams_and_uses_its_latents(learned):
    data = read_text("names-demo")
    texts = data.schema.decode(data.values)
    train, test = ([texts[i] for i in data.part(part).tolist()] for part in ("train", "test"))
    found = learned.evaluate(samples=50)
    assert found.iw.mean() > NGrams(order=2).fit(train).log_prob(test).mean()
    assert found.active_units >= 4 and found.rate.mean() > 1
    better = (learned.score(test, 20).iw - learned.score([text[::-1] for text in test], 20).iw).mean()
    assert better > 1  # names read backwards are none


def test_the_collapse_detector_is_silent_on_a_working_encoder_and_fires_on_a_constant_one(learned):
    working = Patient(learned, learned.experiment, learned.history).subject()
    broken = copy.deepcopy(learned)
    with torch.no_grad():
        for weight in broken.model.posterior.parameters():
            weight.zero_()
    constant = Patient(broken, broken.experiment, broken.history).subject()
    for subject, expected in ((working, False), (constant, True)):
        seen = Examination(subject)
        found = {name for name, check in CHECKS.items() if check(seen) is not None}
        assert ("posterior_collapse" in found) is expected, found
    # At a weight of 1 alone the latents of a text collapse again, and its net has dropout as others do.
    heavy = replace(working, objective=ELBO(beta=50.0))
    assert at_one(heavy) == ("objective.beta=1", "objective.free_bits.nats=0.25")
    assert any(key.startswith("net.dropout=") for key in smaller(working))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ([], "give"),
        (["anna"], "three distinct"),
        (["a", "a", "a", "a"], "two different tokens"),
        (["anna", 3, "bob"], "."),
    ],
)
def test_lists_that_cannot_be(tmp_path, data, said):
    with pytest.raises((ValueError, TypeError), match=said):
        library.fit(data, training=QUICK, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_model_of_other_texts_is_refused(tmp_path):
    data = texts_to_dataset(NAMES, tokenizer="char", length=6)
    with pytest.raises(ValueError, match="the model is one of texts with vocabulary=99"):
        library.fit(data, model=described(data, vocabulary=99), training=QUICK, out=tmp_path / "run")
    pictures = library.ImageVAE(shape=(1, 8, 8), latent=2, net=library.MLP(widths=(8,)))
    with pytest.raises(ValueError, match="the model is one of images"):
        library.fit(NAMES, model=pictures, training=QUICK, out=tmp_path / "run")
    with pytest.raises(ValueError, match="the model is one of texts, but the data are not"):
        library.fit(torch.zeros(40, 8, 8).byte(), model=described(data), training=QUICK, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
