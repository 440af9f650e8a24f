"""The same in Python: `fit` on whatever holds data, `load`, and a free composition in every place."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

import vaekit
from vaekit.data import Dataset
from vaekit.interfaces.runs.signals import Stopped

from .shapes import plain_folder

pytestmark = pytest.mark.usefixtures("no_report")

QUICK = vaekit.Training(steps=3, device="cpu", precision="fp32")
SMALL = vaekit.ImageVAE(shape=(1, 8, 8), latent=2, net=vaekit.MLP(widths=(8,)))


def pixels(count=40, *size):
    return torch.randint(
        0, 256, (count, *(size or (8, 8))), generator=torch.Generator().manual_seed(0), dtype=torch.uint8
    )


def fit(data, out, **changes):
    return vaekit.fit(data, out=out, **{"model": SMALL, "training": QUICK, **changes})


@pytest.mark.parametrize(
    "data",
    [
        pixels(),
        pixels().numpy(),
        pixels(40, 1, 8, 8),
        pixels(40, 8, 8, 1).numpy(),
        TensorDataset(pixels(), torch.arange(40) % 2),
        list(pixels()),
    ],
    ids=["tensor", "array", "channels first", "channels last", "data set", "list"],
)
def test_fit_takes_whatever_holds_images(tmp_path, data):
    run = fit(data, tmp_path / "run")
    again = vaekit.load(tmp_path / "run")
    assert torch.equal(run.sample(3), again.sample(3))
    assert (
        run.evaluate().summary() == again.evaluate(run.data).summary() or len(run.data) != run.evaluate().elbo.numel()
    )
    with pytest.raises(ValueError, match=r"came as arrays and are not kept; give data"):
        again.evaluate()
    assert len(again.evaluate(data).elbo) == 40


def test_everything_is_chosen_where_nothing_is_given(tmp_path):
    run = vaekit.fit(pixels(), training=QUICK, out=tmp_path / "run", preset="fast")
    assert {choice.key for choice in run.experiment.choices} >= {"likelihood", "net", "latent", "batch", "balance"}
    assert all(choice.reason for choice in run.experiment.choices)


def test_a_description_keeps_the_choices_of_training_alone(tmp_path):
    keys = {choice.key for choice in fit(pixels(), tmp_path / "run").experiment.choices}
    assert "batch" in keys
    assert keys <= set(vaekit.Training.model_fields)


def test_a_path_is_a_path_even_where_it_is_called_like_a_data_set(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = plain_folder(tmp_path / "digits", 12, "L", (8, 8))
    run = fit(folder.relative_to(tmp_path), tmp_path / "run")
    assert len(vaekit.load(run.path).data) == 12


@pytest.mark.parametrize(
    ("data", "model", "said"),
    [
        (pixels(40, 9, 9), SMALL, r"the model is one of images \(1, 8, 8\).*but the data are \(1, 9, 9\)"),
        (torch.rand(40, 8, 8), SMALL, "needs integers 0 .. 255"),
        (pixels(), SMALL.replace(likelihood=vaekit.Bernoulli()), "needs x in {0, 1}"),
        (torch.full((40, 8, 8), math.nan), None, "must be finite"),
        (torch.zeros(40, 5), None, "images must have shape"),
    ],
)
def test_data_that_do_not_suit_are_refused_before_anything_is_written(tmp_path, data, model, said):
    with pytest.raises(ValueError, match=said):
        vaekit.fit(data, model=model, training=QUICK, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_data_without_a_description_need_a_model(tmp_path):
    data = Dataset(torch.zeros(9, 2), None, torch.arange(9).to(torch.int8) % 3)
    with pytest.raises(
        ValueError, match=r"only images, texts and tables get a model by themselves; give these, or model=VAE"
    ):
        vaekit.fit(data, training=QUICK, out=tmp_path / "run")


@pytest.mark.parametrize("scale", [1.0, 1000.0])
@pytest.mark.parametrize("kind", ["gaussian", "continuous_bernoulli"])
def test_the_bound_is_a_density_in_the_units_of_the_data(tmp_path, kind, scale):
    """p(a x) = p(x) / a in each dimension: the bound moves by -D log a, whatever happens to the data on their way in."""
    x = 2 + 3 * torch.rand(60, 8, 8, generator=torch.Generator().manual_seed(0))
    likelihood = {"kind": kind}
    runs = []
    for name, values in (("one", x), ("scaled", scale * x)):
        span = (float(values.min()), float(values.max()))
        model = vaekit.ImageVAE(
            shape=(1, 8, 8), levels=None, value_range=span, latent=2, net=vaekit.MLP(widths=(8,)), likelihood=likelihood
        )
        runs.append(fit(values, tmp_path / name, model=model))
    one, scaled = (run.evaluate(x * factor, samples=5).elbo for run, factor in zip(runs, (1, scale), strict=True))
    torch.testing.assert_close(scaled, one - 64 * math.log(scale), rtol=1e-3, atol=0.05)


def test_real_pixels_in_the_unit_interval_are_left_as_they_are(tmp_path):
    x = 0.2 + 0.5 * torch.rand(60, 8, 8)
    run = vaekit.fit(x, training=QUICK, out=tmp_path / "run")
    assert run.experiment.model.likelihood.kind == "continuous_bernoulli"
    assert run.view.log_jacobian(torch.zeros(2, 3)).tolist() == [0, 0]
    wider = torch.rand(5, 8, 8)
    torch.testing.assert_close(run.inputs(wider), wider.unsqueeze(1))
    torch.testing.assert_close(run.reconstruct(wider)[0], wider.unsqueeze(1))


def test_a_gaussian_on_wide_data_learns_their_scale(tmp_path):
    x = 2000 * torch.rand(200, 4, 4, generator=torch.Generator().manual_seed(0)) - 1000
    chosen = vaekit.fit(x, training=QUICK, out=tmp_path / "chosen", preset="fast").experiment.model
    assert (chosen.likelihood.kind, chosen.likelihood.scale.kind) == ("gaussian", "shared")
    training = QUICK.replace(steps=250, batch=32, lr=0.05, ema=0.9, warmup=10, validate_every=250)
    model = chosen.replace(net=vaekit.MLP(widths=(8,)), latent=2)
    run = vaekit.fit(x, model=model, training=training, out=tmp_path / "run")
    deviation = math.exp(run.model.likelihood.shared["scale"].item() / 2) * 1000
    assert deviation == pytest.approx(1000 / math.sqrt(3), rel=0.2)
    normal = -16 * math.log(577 * math.sqrt(2 * math.pi * math.e))
    assert run.evaluate().elbo.mean().item() == pytest.approx(normal, rel=0.03)


@pytest.mark.parametrize("values", [(0, 1), (0, 255), (3, 77)])
def test_two_values_are_binary_whatever_they_are(tmp_path, values):
    x = torch.tensor(values, dtype=torch.uint8)[(pixels() > 127).long()]
    run = vaekit.fit(x, training=QUICK, out=tmp_path / "run")
    assert run.experiment.model.likelihood.kind == "bernoulli"
    assert set(run.inputs(x).unique().tolist()) == {0.0, 1.0}


def test_a_static_binarisation_is_one_draw_for_other_data_too(tmp_path):
    run = fit(pixels(), tmp_path / "run", model=SMALL.replace(likelihood=vaekit.Bernoulli(binarize="static")))
    other = pixels(30)
    assert set(run.inputs(other).unique().tolist()) == {0.0, 1.0}
    assert torch.equal(run.inputs(other), run.inputs(other, seed=5))
    assert run.evaluate(other).elbo.isfinite().all()


def test_sampling_in_parts_and_its_limits(tmp_path):
    run = fit(pixels(), tmp_path / "run")
    assert run.sample(230).shape == (230, 1, 8, 8)
    assert not torch.equal(run.sample(3), run.sample(3, seed=1))
    assert torch.equal(run.sample(1, 0.0), run.sample(1, 0.0, seed=1))
    for wrong in ({"n": 0}, {"n": 1, "temperature": -1}, {"n": 1, "temperature": math.nan}):
        with pytest.raises(ValueError, match=r"n must be at least 1|temperature must be"):
            run.sample(**wrong)


class Encoder(nn.Module):
    """A user's own, with a name that ours have for something else."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 4, 3, stride=2), nn.ReLU(), nn.Flatten())
        self.head = nn.Linear(36, 6)

    def forward(self, x):
        return self.head(self.features(x))


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(2, 16)

    def forward(self, z):
        return torch.tanh(self.first(z))


def composition(encoder=True, decoder=True):
    torch.manual_seed(0)
    net = vaekit.MLP(widths=(8,))
    return vaekit.VAE(
        vaekit.StandardNormal((2,)),
        vaekit.Conditional(
            Encoder() if encoder else net.encoder((1, 8, 8)), vaekit.Gaussian(), given=(1, 8, 8), event=(2,)
        ),
        vaekit.Conditional(
            Decoder() if decoder else net.decoder((2,), (1, 8, 8)),
            vaekit.ContinuousBernoulli(),
            given=(2,),
            event=(1, 8, 8),
        ),
    )


@pytest.mark.parametrize(("encoder", "decoder"), [(True, False), (False, True), (True, True)])
def test_a_users_own_module_takes_any_place(tmp_path, encoder, decoder):
    x = torch.rand(60, 1, 8, 8)
    run = vaekit.fit(x, model=composition(encoder, decoder), training=QUICK, out=tmp_path / "run")
    again = vaekit.load(tmp_path / "run", model=composition(encoder, decoder))
    assert torch.equal(run.evaluate(x).elbo, again.evaluate(x).elbo)
    assert torch.equal(again.encode(x).mean, run.encode(x).mean)
    with pytest.raises(ValueError, match=r"a user's own composition; load it with load"):
        vaekit.load(tmp_path / "run")
    with pytest.raises(ValueError, match="does not fit the model"):
        vaekit.load(tmp_path / "run", model=composition(not encoder, decoder))


def stop(progress, _batch):
    if progress.step == 2:
        raise Stopped(2, "enough")


def test_a_composition_is_resumed_with_its_modules_and_data(tmp_path):
    x, training = torch.rand(60, 1, 8, 8), QUICK.replace(steps=6, validate_every=2)
    whole = vaekit.fit(x, model=composition(), training=training, out=tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        vaekit.fit(x, model=composition(), training=training, out=tmp_path / "run", listener=stop)
    with pytest.raises(ValueError, match=r"came as arrays and are not kept; give vaekit.resume\(..., data=...\)"):
        vaekit.resume(tmp_path / "run", model=composition())
    with pytest.raises(ValueError, match=r"holds a user's own composition; give model=VAE"):
        vaekit.resume(tmp_path / "run", data=x)
    resumed = vaekit.resume(tmp_path / "run", model=composition(), data=x)
    assert all(torch.equal(a, b) for a, b in zip(whole.model.parameters(), resumed.model.parameters(), strict=True))


def test_a_composition_takes_double_arrays_and_refuses_what_it_has_no_density_for(tmp_path):
    x = np.random.default_rng(0).random((60, 1, 8, 8))
    assert len(vaekit.fit(x, model=composition(), training=QUICK, out=tmp_path / "run").evaluate(x).elbo) == 60
    with pytest.raises(ValueError, match=r"needs x in \[0, 1\]"):
        vaekit.fit(2 * x, model=composition(), training=QUICK, out=tmp_path / "other")
    with pytest.raises(ValueError, match="expected a batch of"):
        vaekit.fit(x[:, :, 1:], model=composition(), training=QUICK, out=tmp_path / "other")
    assert not (tmp_path / "other").exists()
