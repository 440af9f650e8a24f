"""How pixels enter a model of images, how its output is shown, and what it refuses."""

import math

import pytest
import torch

from vaekit import MLP, AutoencoderKL, Bernoulli, ContinuousBernoulli, DiscretizedLogistic, Gaussian, ImageVAE
from vaekit.data import images_from_arrays
from vaekit.heads import (
    Beta,
    Categorical,
    DiscretizedLogisticMixture,
    Full,
    Laplace,
    NegativeBinomial,
    Optimal,
    Poisson,
    StudentT,
)

BYTE = {"levels": 256, "value_range": (0.0, 255.0)}
REAL = {"levels": None, "value_range": (-1000.0, 3000.0)}
UNIT = {"levels": None, "value_range": (0.1, 0.9)}


def model(likelihood, **changes):
    return ImageVAE(**{"shape": (3, 5, 7), "latent": 2, "net": MLP(widths=(8,)), "likelihood": likelihood, **changes})


def pixels(kind):
    torch.manual_seed(0)
    unit = torch.rand(6, 5, 7, 3)
    low, high = kind["value_range"]
    if kind["levels"]:
        return (unit * 255).round().byte()
    values = low + (high - low) * unit
    values.view(-1)[0], values.view(-1)[1] = low, high
    return values


CASES = [
    (DiscretizedLogistic(levels=256), BYTE),
    (ContinuousBernoulli(), BYTE),
    (Gaussian(), BYTE),
    (ContinuousBernoulli(), UNIT),
    (ContinuousBernoulli(), REAL),
    (Gaussian(), UNIT),
    (Gaussian(), REAL),
    (DiscretizedLogisticMixture(components=2), BYTE),
    (Categorical(), BYTE),
    (Poisson(), BYTE),
    (NegativeBinomial(), BYTE),
    (Laplace(), REAL),
    (StudentT(), BYTE),
    (Gaussian(scale=Optimal()), UNIT),
    (Beta(), UNIT),
]


@pytest.mark.parametrize(("likelihood", "kind"), CASES)
def test_what_is_shown_is_what_was_stored(likelihood, kind):
    """`decode` undoes `prepare`; `display` shows the range of the data, or the unit interval of pixels that lie in it."""
    made, stored = model(likelihood, **kind), pixels(kind)
    x = made.view().prepare(stored)
    made.likelihood.check(x)
    low, high = (0.0, 1.0) if kind is UNIT and likelihood.support in ("unit", "open_unit") else kind["value_range"]
    expected = ((stored.float() - low) / (high - low)).permute(0, 3, 1, 2)
    torch.testing.assert_close(made.view().display(x), expected, atol=1e-6, rtol=1e-5)
    assert made.view().display(3 * x - 1).aminmax() >= (torch.tensor(0.0), torch.tensor(0.0))
    assert made.view().display(1e6 * x).max() <= 1
    decoded = made.view().decode(x)
    assert decoded.dtype == stored.dtype
    torch.testing.assert_close(decoded, stored.permute(0, 3, 1, 2), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize(("likelihood", "kind"), [*CASES, (Bernoulli(binarize="threshold"), BYTE)])
def test_prepared_batches_are_single_precision_and_channels_last(likelihood, kind):
    x = model(likelihood, **kind).view().prepare(pixels(kind))
    assert x.shape == (6, 3, 5, 7)
    assert x.dtype is torch.float32
    assert x.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(("likelihood", "kind"), CASES)
def test_the_log_jacobian_is_that_of_prepare(likelihood, kind):
    made = model(likelihood, **kind)
    a, b = (
        made.view().prepare(torch.full((1, 5, 7, 3), v, dtype=pixels(kind).dtype))
        for v in ((0.25, 0.5) if kind is UNIT else (10, 20))
    )
    slope = (b - a).double().flatten()[0].item() / (0.25 if kind is UNIT else 10)
    units = kind["levels"] is None and likelihood.measure == "lebesgue"
    assert made.view().log_jacobian(torch.zeros(1)).item() == pytest.approx(
        105 * math.log(slope) if units else 0.0, rel=1e-4, abs=1e-3
    )


def test_constant_pixels_are_shown_and_finite():
    made = model(Gaussian(), levels=None, value_range=(0.5, 0.5))
    assert torch.equal(made.view().prepare(torch.full((2, 5, 7, 3), 0.5)), torch.zeros(2, 3, 5, 7))
    assert math.isfinite(made.view().log_jacobian(torch.zeros(1)).item())


def data(values):
    return images_from_arrays(values.numpy())


def test_a_static_binarisation_is_one_draw_and_a_dynamic_one_a_new_one_each_time():
    stored = data(pixels(BYTE))
    static, dynamic = (model(Bernoulli(binarize=how), **BYTE) for how in ("static", "dynamic"))
    settled = static.view().settle(stored).values
    assert set(settled.unique().tolist()) == {0, 255}
    assert torch.equal(settled, static.view().settle(stored).values)
    assert torch.equal(settled, static.view().settle(static.view().settle(stored)).values)
    assert torch.equal(static.view().prepare(settled), static.view().prepare(settled))
    assert settled.float().mean().item() == pytest.approx(stored.values.float().mean().item(), rel=0.2)
    assert dynamic.view().settle(stored) is stored
    first, second = dynamic.view().prepare(stored.values), dynamic.view().prepare(stored.values)
    assert set(first.unique().tolist()) == {0.0, 1.0}
    assert not torch.equal(first, second)


def test_a_threshold_is_at_one_half():
    x = (
        model(Bernoulli(binarize="threshold"), shape=(1, 1, 2), **BYTE)
        .view()
        .prepare(torch.tensor([[[[127], [128]]]]).byte())
    )
    assert x.flatten().tolist() == [0.0, 1.0]


@pytest.mark.parametrize(
    ("likelihood", "changes", "said"),
    [
        (Beta(), {}, r"strictly between 0 and 1.*dequantize=true.*likelihood=continuous_bernoulli"),
        (Bernoulli(), {}, r"needs x in {0, 1} or likelihood.binarize=dynamic"),
        (DiscretizedLogistic(), {"shape": (3, 7, 5)}, r"the model is one of images \(3, 7, 5\)"),
        (DiscretizedLogistic(), {"shape": (1, 5, 7)}, r"the data are \(3, 5, 7\)"),
    ],
)
def test_data_that_do_not_suit_are_refused_with_the_cure(likelihood, changes, said):
    with pytest.raises(ValueError, match=said):
        model(likelihood, **{**BYTE, **changes}).check(data(pixels(BYTE)))


def test_static_binarisation_refuses_what_is_beyond_its_range():
    narrow = model(Bernoulli(binarize="static"), levels=None, value_range=(0.0, 0.5))
    with pytest.raises(ValueError, match=r"needs values in \[0.0, 0.5\], which these data exceed"):
        narrow.view().settle(data(pixels(UNIT)))


@pytest.mark.parametrize(
    ("likelihood", "said"),
    [
        (Poisson(), "needs counts"),
        (Categorical(levels=8), "needs integers 0 .. 7"),
        (DiscretizedLogisticMixture(), "needs integers 0 .. 255"),
    ],
)
def test_real_pixels_are_no_levels_and_no_counts(likelihood, said):
    with pytest.raises(ValueError, match=said + ".*use likelihood=gaussian"):
        model(likelihood, **REAL).check(data(pixels(REAL)))


def test_dequantized_pixels_suit_a_beta():
    made = model(Beta(), dequantize=True, **BYTE)
    made.check(data(pixels(BYTE)))
    assert made.view().log_jacobian(torch.zeros(1)).item() == pytest.approx(-105 * math.log(256))


@pytest.mark.parametrize(
    "likelihood", [Categorical(levels=2), DiscretizedLogisticMixture(levels=2)], ids=lambda f: f.kind
)
def test_every_family_of_levels_has_the_datas(likelihood):
    with pytest.raises(ValueError, match=r"likelihood\.levels=2, but the pixels have 256 levels"):
        model(likelihood, **BYTE)


def test_levels_that_are_not_the_datas_are_refused():
    with pytest.raises(ValueError, match=r"likelihood\.levels=2, but the pixels have 256 levels"):
        model(DiscretizedLogistic(levels=2), **BYTE)


def test_a_latent_larger_than_the_input_is_a_warning():
    assert model(Gaussian(), latent=105, **BYTE).warnings == ()
    assert "latent=106 is larger than the 105 inputs" in model(Gaussian(), latent=106, **BYTE).warnings[0]


@pytest.mark.parametrize(("likelihood", "kind"), CASES)
def test_a_built_model_takes_what_was_prepared(likelihood, kind):
    made = model(likelihood, **kind)
    built = made.build()
    assert torch.isfinite(built(made.view().prepare(pixels(kind))).elbo).all()
    assert made.view().decode(built.generate(2, likelihood_temperature=0.0)).shape == (2, 3, 5, 7)
    assert ImageVAE.model_validate_json(made.model_dump_json()) == made


def test_latents_of_an_autoencoder_lie_on_a_grid():
    """5 x 7 pixels have 3 x 4 positions; a posterior whose dimensions depend on each other keeps its vector."""
    net = AutoencoderKL(widths=(8, 16), blocks=1)
    x = torch.randint(0, 256, (2, 3, 5, 7)).float()
    for posterior, event in ((Gaussian(), (2, 3, 4)), (Full(), (24,))):
        trace = model(Laplace(), net=net, latent=24, posterior=posterior).build()(x)
        assert trace.latents[0].z.shape == (1, 2, *event)
        assert trace.likelihood.event_shape == (3, 5, 7)
    with pytest.raises(ValueError, match=r"latent=25 .* multiple of the 12 positions .* latent=48"):
        model(Laplace(), net=net, latent=25).build()
