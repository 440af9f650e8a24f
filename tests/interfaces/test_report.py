"""The report of a run: complete, closed to the outside, and written for every odd case."""

import re
import shlex
import time

import pytest
import torch
from PIL import Image

import vaekit
from vaekit.data import Dataset, ImageSchema, Quarantined
from vaekit.interfaces.media.images.galleries import sheet
from vaekit.interfaces.report import figures, latent_map as latents
from vaekit.interfaces.report.figures import curves, limits, rates
from vaekit.interfaces.report.latent_map import latent_map
from vaekit.interfaces.report.report import write_report
from vaekit.interfaces.runs.fitting import fit
from vaekit.training.budget import Deadline

HOSTILE = "<script>alert(1)</script> $x^ \"quoted\" 'and' & \u6f22\u5b57"
QUICK = {"threads": 1, "precision": "fp32", "device": "cpu"}


def train(data, out, model=None, **changes):
    training = vaekit.Training(**{"steps": 3, **QUICK, **changes})
    return fit(data, model=model, training=training, out=out, preset="fast")


def images(count, *size):
    return torch.randint(0, 256, (count, *size), generator=torch.Generator().manual_seed(0), dtype=torch.uint8).numpy()


@pytest.fixture
def blank_charts(monkeypatch):
    """Charts cost most of the time and know nothing of images."""
    for module in (figures, latents):
        monkeypatch.setattr(module, "chart", lambda draw: Image.new("RGB", (10, 10)))


@pytest.fixture(scope="module")
def labelled():
    values = torch.from_numpy(images(40, 4, 6, 3))
    schema = ImageSchema(
        height=4, width=6, channels=3, levels=256, low=0, high=255, binary=False, classes=("plain", HOSTILE)
    )
    return Dataset(
        values,
        schema,
        (torch.arange(40) % 4).clamp(max=2).to(torch.int8),
        labels=torch.arange(40) % 3 % 2,
        classes=schema.classes,
        quarantine=tuple(Quarantined(f"{HOSTILE}-{i}.png", "is no image") for i in range(30)),
        source=HOSTILE,
        notes=(HOSTILE,),
    )


@pytest.fixture(scope="module")
def run(labelled, tmp_path_factory):
    return train(labelled, tmp_path_factory.mktemp("runs") / "<b>run</b>")


@pytest.fixture(scope="module")
def html(run):
    return run.folder.report.read_text()


def test_numbers_stand_beside_their_names(run, html):
    result = run.evaluate(samples=100, count=1000)
    iw, elbo = result.estimate("iw"), result.estimate("elbo")
    assert f"IW-100 (test, {len(result.elbo)} images)" in html
    assert f"{iw.nats:,.2f} ± {iw.se:.2f} nats, {iw.bits_per_dim:,.3f} bits/dim" in html
    assert f"{elbo.nats:,.2f} ± {elbo.se:.2f} nats" in html
    assert f"{result.active_units} of {result.means.shape[1]}" in html
    for name in ("ELBO", "Distortion", "Rate", "Active units", "Effective sample size", "counting measure"):
        assert name in html


def test_every_section_and_choice_is_there(run, html):
    headings = re.findall("<h2>(.*?)</h2>", html)
    assert headings == [
        "Data, and what the model makes of them",
        "Training",
        "Latents",
        "Choices and their reasons",
        "Settings",
        "Layers",
        "Environment",
        "What next",
    ]
    for choice in run.experiment.choices:
        assert choice.key in html
    for text in (
        "steps",
        "Every setting",
        "Encoder, layer by layer",
        "vaekit sample",
        "torch",
        "Notes",
        "30 files were",
        "Encoder",
        f"{sum(p.numel() for p in run.model.posterior.parameters()):,}",
    ):
        assert text in html


def test_pictures_lie_in_the_page_and_in_plots(run, html):
    names = {path.stem for path in run.folder.plots.glob("*.png")}
    expected = {"reconstructions", "samples", "interpolations", "traversal", "rates", "latent-map"}
    assert names == expected | {"data", "curve-elbo", "curve-distortion", "curve-rate", "curve-lr"}
    assert html.count("<img ") == len(names) - 1


def test_nothing_is_asked_of_the_outside(html):
    assert "default-src 'none'; img-src data:; style-src 'unsafe-inline'" in html
    assert "http:" not in html and "https:" not in html
    assert all(
        source.startswith('"data:image/png;base64,') for source in re.findall(r"src=(\S+)", html.split("<body>")[1])
    )
    assert not re.search(r"<(script|link|iframe|object|form|a)\b|url\(|@import|\bon\w+=", html)


def test_hostile_names_are_text(html):
    assert "<script" not in html and "<b>run" not in html
    assert html.count("&lt;script&gt;alert(1)") > 30


def test_model_and_generator_stay_as_they_are(run, blank_charts):
    before, state = torch.random.get_rng_state(), {k: v.clone() for k, v in run.model.state_dict().items()}
    write_report(run, run.evaluate(samples=2))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(v, state[k]) for k, v in run.model.state_dict().items())
    assert not any(module._forward_hooks for module in run.model.modules())


@pytest.mark.parametrize("size", [(5, 7), (3, 9, 2), (4, 4, 4), (3, 3, 5)], ids=str)
def test_any_channels_and_sizes(size, tmp_path, blank_charts):
    html = train(images(12, *size), tmp_path / "run").folder.report.read_text()
    assert "Samples from the prior" in html and "IW-100" in html


def test_three_images_and_a_test_part_of_one(tmp_path):
    values = torch.from_numpy(images(3, 4, 4, 1))
    schema = ImageSchema(height=4, width=4, channels=1, levels=256, low=0, high=255, binary=False)
    html = train(
        Dataset(values, schema, torch.tensor([0, 1, 2], dtype=torch.int8)), tmp_path / "run"
    ).folder.report.read_text()
    assert (
        "IW-100 (test, 1 image)" in html and "no standard error" in html and "nan" not in html.lower().split("<h2>")[0]
    )
    assert "at least three" in html and "Interpolations" not in html


@pytest.mark.parametrize("latent", [1, 2])
def test_few_latents(latent, tmp_path, monkeypatch):
    monkeypatch.setattr(figures, "chart", lambda draw: Image.new("RGB", (10, 10)))
    model = vaekit.ImageVAE(shape=(1, 4, 4), latent=latent, net=vaekit.MLP(widths=(8,)))
    html = train(images(90, 4, 4), tmp_path / "run", model, batch=8, lr=1e-3).folder.report.read_text()
    assert "Latent map" in html and "Nothing was chosen automatically" in html


def test_a_density_says_so(tmp_path, blank_charts):
    model = vaekit.ImageVAE(shape=(1, 4, 4), latent=2, net=vaekit.MLP(widths=(8,)), likelihood=vaekit.Gaussian())
    html = train(images(90, 4, 4), tmp_path / "run", model, batch=8, lr=1e-3).folder.report.read_text()
    assert "Lebesgue measure" in html and "counting measure" not in html


def test_a_free_composition_of_vectors(tmp_path):
    model = vaekit.VAE(
        prior=vaekit.StandardNormal((2,)),
        posterior=vaekit.Conditional(torch.nn.Linear(5, 8), vaekit.Gaussian(), given=(5,), event=(2,)),
        likelihood=vaekit.Conditional(torch.nn.Linear(2, 8), vaekit.Gaussian(), given=(2,), event=(5,)),
    )
    run = train(torch.randn(60, 5), tmp_path / "run", model)
    html = run.folder.report.read_text()
    assert "not images" in html and "shape (5)" in html and "model=VAE(...)" in html and "Linear 5" in html
    assert not (run.folder.plots / "samples.png").exists()


def test_data_that_are_gone(tmp_path, blank_charts):
    run = train(images(12, 4, 4), tmp_path / "run")
    result = run.evaluate(samples=2)
    html = write_report(vaekit.load(run.path), result).read_text()
    assert "not available" in html and "Samples from the prior" in html and "Inputs beside" not in html


def test_a_late_report_is_cut_short_and_says_so(tmp_path, blank_charts):
    run = train(images(12, 4, 4), tmp_path / "run")
    html = write_report(run, run.evaluate(samples=2), deadline=Deadline(time.perf_counter())).read_text()
    assert "Samples from the prior" in html and "Latent traversal" not in html
    assert f"cut this part short; vaekit report {shlex.quote(str(run.path))} writes" in html
    html = write_report(run, run.evaluate(samples=2), deadline=Deadline(time.perf_counter() + 60)).read_text()
    assert "Latent traversal" in html and "cut this part short" not in html


def test_limits_ignore_a_wild_start_and_missing_values():
    low, high = limits([[-1e9, *[-100.0 + i for i in range(50)]], [float("nan")] * 5])
    assert -110 < low < -95 and -51 < high < -40
    assert limits([[float("nan")]]) is None


def test_charts_of_what_is_not_finite():
    nan = float("nan")
    line = {"step": 1, "lr": 1e-3, **{f"{t}{n}": nan for t in ("", "train_") for n in ("elbo", "rate", "distortion")}}
    assert len(curves([line])) == 4 and curves([]) == []
    assert "0 of 2" in rates(torch.tensor([nan, -1e-3]), ["z0", "z1"]).caption


def test_latent_map_of_many_classes_and_of_none():
    means = torch.randn(90, 3)
    many = latent_map(means, torch.arange(90) - 1, [f"{i}" for i in range(89)])
    assert many.legend[0][1] == "no class" and many.legend[-1][1] == "and 66 more"
    assert latent_map(torch.zeros(5, 3), None, ()).legend == ()


def test_large_images_are_shrunk_in_sheets():
    assert sheet(torch.rand(2, 3, 300, 150), 2).size == (48 * 2 + 6, 96)
