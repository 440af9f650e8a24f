"""Conditional models: every verb passes the context of the data along, and says what is missing where it is."""

import numpy as np
import pytest
import torch
from PIL import Image

import vaekit as library
from vaekit.data import Dataset, ImageSchema, images_from_arrays
from vaekit.interfaces.report import figures, latent_map as latents
from vaekit.interfaces.report.report import write_report
from vaekit.trained.conditions import Conditions

from .conftest import vaekit
from .shapes import class_folder, plain_folder

pytestmark = pytest.mark.usefixtures("no_report")


@pytest.fixture(scope="module")
def label_run(make_run, classes):
    return make_run(classes, "condition=label", "steps=60", "batch=32", "lr=0.02", "ema=0.5", "likelihood=gaussian")


@pytest.fixture(scope="module")
def vectors(tmp_path_factory):
    """Pixels that are the context, and noise."""
    rng = np.random.default_rng(0)
    context = rng.random((40, 3)) * 200
    x = np.repeat(context, 16, 1).reshape(40, 3, 4, 4).transpose(0, 2, 3, 1) + rng.random((40, 4, 4, 3)) * 9
    path = tmp_path_factory.mktemp("data") / "vectors.npz"
    np.savez(path, x=x.astype(np.uint8), context=context)
    return path


@pytest.fixture(scope="module")
def context_run(make_run, vectors):
    return make_run(vectors, "condition=context")


def test_the_context_is_as_long_as_there_are_classes(label_run):
    model = library.load(label_run).experiment.model
    assert (model.condition, model.context) == ("label", 2)
    listed = {key["path"] for key in vaekit("fit", "--help-keys", "--json").json["keys"]}
    assert "condition" in listed and "context" not in listed


def test_every_verb_takes_the_labels_of_the_data_along(label_run, classes, tmp_path):
    for words in (
        ("evaluate", label_run, "--samples", 2),
        ("evaluate", label_run, classes, "--samples", 2),
        ("reconstruct", label_run, classes, "--out", tmp_path / "r"),
        ("interpolate", label_run, 0, 1, "--out", tmp_path / "i.png"),
        ("traverse", label_run, "--out", tmp_path / "t.png"),
        ("manipulate", label_run, classes, "--toward", "disc", "--out", tmp_path / "m.png"),
        ("encode", label_run, classes, "--out", tmp_path / "e.npz"),
        ("score", label_run, classes, "--samples", 2, "--out", tmp_path / "s.csv"),
        ("sample", label_run, "-n", 5, "--out", tmp_path / "g"),
    ):
        answer = vaekit(*words)
        assert answer.code == 0, (words, answer.err)


def test_labels_reach_the_likelihood(label_run, classes):
    run = library.load(label_run)
    data, _ = run.open(str(classes))
    swapped = Dataset(data.values, data.schema, data.split, 1 - data.labels, data.classes)
    assert not torch.allclose(run.evaluate(data, 2).distortion, run.evaluate(swapped, 2).distortion)
    assert not torch.allclose(run.sample(4, 0.0, label="disc"), run.sample(4, 0.0, label="square"))


def test_a_label_is_generated_where_it_is_asked_for(label_run, tmp_path):
    run = library.load(label_run)
    both = run.sample(6, 0.0, label=("disc", "square"))
    torch.testing.assert_close(both[:3], run.sample(3, 0.0, label="disc"))
    torch.testing.assert_close(both[3:], run.sample(3, 0.0, label="square"))
    for words in (["--label", "disc,square"], ["--label", "disc", "--label", "square"]):
        files = vaekit("sample", label_run, "-n", 6, "--temperature", 0, *words, "--out", tmp_path, "--json").json[
            "files"
        ]
        with Image.open(files[0]) as first, Image.open(files[2]) as third, Image.open(files[3]) as fourth:
            assert first.tobytes() == third.tobytes() != fourth.tobytes()


def test_without_a_label_they_come_in_the_proportion_of_training():
    conditions = Conditions("label", 3, ("a", "b", "c"), (0, 30, 10))
    torch.manual_seed(0)
    (drawn,) = conditions.drawn(4000, None, None)
    assert torch.equal(drawn.sum(1), torch.ones(4000))
    assert drawn.mean(0).tolist() == pytest.approx([0, 0.75, 0.25], abs=0.03)


@pytest.mark.parametrize("names", [("square",), ("square", "disc"), ("a", "square")])
def test_a_part_of_the_classes_and_another_order_keep_their_codes(label_run, classes, names):
    run = library.load(label_run)
    whole, _ = run.open(str(classes))
    squares = whole.values[whole.labels == 1]
    other = images_from_arrays(squares.numpy(), torch.full((len(squares),), names.index("square")), classes=names)
    data, _ = run.open(other)
    assert data.classes == ("disc", "square") and set(data.labels.tolist()) == {1}
    assert torch.equal(data.context, torch.tensor([[0.0, 1.0]]).expand(len(data), -1))


def test_what_is_missing_or_unknown_is_said_in_a_sentence(
    label_run, context_run, class_run, classes, vectors, tmp_path
):
    plain = plain_folder(tmp_path / "plain", 12, "RGB", (8, 8))
    other = class_folder(tmp_path / "other", 12)
    (other / "disc").rename(other / "triangle")
    out = ("--out", tmp_path / "out.npz")
    for words, said in {
        (
            "fit",
            plain,
            "condition=label",
            "--dry-run",
        ): "needs data with labels (folders name them), and these have none",
        ("fit", classes, "condition=context", "--dry-run"): "needs a vector with each datum, and these data have none",
        (
            "fit",
            classes,
            "condition=labels",
            "--dry-run",
        ): "condition=labels: input should be 'none', 'label' or 'context'",
        ("fit", classes, "context=3", "--dry-run"): "unknown key 'context'",
        ("encode", label_run, plain, *out): "conditional on labels, and these data have none",
        ("encode", label_run, other, *out): "knows no label 'triangle'; its labels are disc, square",
        ("encode", context_run, plain, *out): "height: the model expects 4",
        ("sample", label_run, "--label", "3", *out): "knows no label '3'; its labels are disc, square",
        ("sample", label_run, "--label", "", *out): "knows no label ''; its labels are disc, square",
        ("sample", class_run, "--label", "disc", *out): "conditional on nothing, so a label means nothing to it",
        ("sample", context_run, "--label", "disc", *out): "conditional on vectors that come with the data, so a label",
        ("interpolate", label_run, classes / "disc" / "00.png", 0): "these data have none",
    }.items():
        assert said in vaekit(*words).sentence, words
    assert not (tmp_path / "out.npz").exists()


def test_vectors_that_came_with_the_data(context_run, vectors, tmp_path):
    run = library.load(context_run)
    assert (run.experiment.model.condition, run.experiment.model.context) == ("context", 3)
    assert vaekit("evaluate", context_run, "--samples", 2).code == 0
    assert vaekit("encode", context_run, vectors, "--out", tmp_path / "e.npz").code == 0
    assert vaekit("interpolate", context_run, 0, 1, "--out", tmp_path / "i.png").code == 0
    assert len(vaekit("sample", context_run, "-n", 3, "--out", tmp_path / "s", "--json").json["files"]) == 3
    archive = np.load(vectors)
    np.savez(tmp_path / "bare.npz", x=archive["x"])
    assert (
        "condition=context needs a vector of length 3"
        in vaekit("evaluate", context_run, tmp_path / "bare.npz").sentence
    )
    np.savez(tmp_path / "changed.npz", x=archive["x"], context=archive["context"] + 1)
    before, after = (run.open(str(path))[0].fingerprint for path in (vectors, tmp_path / "changed.npz"))
    assert before != after


@pytest.mark.parametrize(
    ("context", "said"),
    [
        (np.zeros((39, 2)), "context must be a vector of numbers for each of the 40 data"),
        (np.zeros(40), "context must be a vector of numbers"),
        (np.full((40, 2), np.nan), "context must be finite, but 40 of 40"),
        (np.full((40, 2), "a"), "context must be a vector of numbers"),
    ],
)
def test_a_context_that_cannot_be(tmp_path, context, said):
    x = np.arange(40 * 16, dtype=np.uint8).reshape(40, 4, 4)
    np.savez(tmp_path / "data.npz", x=x, context=context)
    assert said in vaekit("fit", tmp_path / "data.npz", "condition=context", "--dry-run").sentence
    with pytest.raises(ValueError, match=said):
        library.fit(x, context=context, training=library.Training(steps=1), out=tmp_path / "run")


def test_in_python_arrays_bring_their_context(tmp_path):
    x = torch.randint(0, 256, (40, 4, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    model = library.ImageVAE(shape=(1, 4, 4), latent=2, net=library.MLP(widths=(8,)), condition="context", context=2)
    training = library.Training(steps=2, device="cpu", precision="fp32", batch=8)
    run = library.fit(x, context=torch.rand(40, 2), model=model, training=training, out=tmp_path / "run")
    assert run.sample(3).shape == (3, 1, 4, 4)
    with pytest.raises(ValueError, match="came as arrays and are not kept"):
        library.load(run.path).sample(3)
    with pytest.raises(ValueError, match="needs a vector of length 2 with each datum, found none"):
        library.fit(x, model=model, training=training, out=tmp_path / "other")


@pytest.fixture
def blank_charts(monkeypatch):
    """Charts cost most of the time."""
    for module in (figures, latents):
        monkeypatch.setattr(module, "chart", lambda draw: Image.new("RGB", (10, 10)))


def test_a_composition_of_ones_own_modules_takes_a_context(tmp_path, blank_charts):
    def composition():
        torch.manual_seed(0)
        sides = ({"given": (5,), "event": (2,)}, {"given": (2,), "event": (5,)})
        parts = (
            library.Conditional(torch.nn.Linear(*size), library.Gaussian(), **side, context=3)
            for size, side in zip(((8, 8), (5, 8)), sides, strict=True)
        )
        return library.VAE(library.StandardNormal((2,)), *parts)

    x, context = torch.randn(60, 5), torch.randn(60, 3)
    training = library.Training(steps=2, device="cpu", precision="fp32", batch=8)
    run = library.fit(x, context=context, model=composition(), training=training, out=tmp_path / "run")
    assert run.encode(None, 4).mean.shape == (4, 2) and run.sample(3).shape == (3, 5)
    again = library.load(run.path, model=composition())
    data = Dataset(x, None, torch.full((60,), 2, dtype=torch.int8), context=context)
    assert torch.equal(run.evaluate(data).elbo, again.evaluate(data).elbo)
    assert "log p(x | context)" in write_report(again, run.evaluate(samples=2)).read_text()


@pytest.mark.parametrize("at_hand", [True, False])
@pytest.mark.parametrize("condition", ["label", "context"])
def test_the_report_of_a_conditional_run(tmp_path, blank_charts, condition, at_hand):
    x = torch.randint(0, 256, (40, 4, 4, 1), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    names = ("cats", "dogs")
    schema = ImageSchema(height=4, width=4, channels=1, levels=256, low=0, high=255, binary=False, classes=names)
    split = (torch.arange(40) % 4).clamp(max=2).to(torch.int8)
    data = Dataset(x, schema, split, torch.arange(40) % 2, names, context=torch.rand(40, 2))
    model = library.ImageVAE(shape=(1, 4, 4), latent=2, net=library.MLP(widths=(8,)), condition=condition, context=2)
    training = library.Training(steps=2, device="cpu", precision="fp32", batch=8)
    run = library.fit(data, model=model, training=training, out=tmp_path / "run")
    html = write_report(run if at_hand else library.load(run.path), run.evaluate(samples=2)).read_text()
    assert f"log p(x | {condition})" in html and "Encoder, layer by layer" in html
    assert ("A row per label, from the top cats, dogs" in html) == (condition == "label")
    assert ("Inputs beside reconstructions" in html) == at_hand == ("Latent traversal" in html)
    assert ("Samples from the prior" in html) == (at_hand or condition == "label")
    assert ("--label cats" in html) == (condition == "label")
