"""The automatic choices: what suits which size and which values, always with a reason."""

import numpy as np
import pytest
import torch

from vaekit.data import Dataset, ImageSchema, images_from_arrays
from vaekit.modalities import modality_named
from vaekit.modalities.capacity import latent_size
from vaekit.modalities.image.choices import choose_image_model
from vaekit.modalities.modality import Situation
from vaekit.nets import parameter_count

FEW = Situation(count=1000)


def schema(height, width, channels, **changes):
    values = {"levels": 256, "low": 0, "high": 255, "binary": False, **changes}
    return ImageSchema(height=height, width=width, channels=channels, **values)


def choose(*size, given=None, **options):
    model, choices = choose_image_model(schema(*size), given or {}, Situation(**{"count": 1000, **options}))
    assert all(choice.reason for choice in choices)
    assert len({choice.key for choice in choices}) == len(choices)
    return model, {choice.key: choice for choice in choices}


SIZES = {
    (8, 8, 1): ("mlp", (256, 256, 256), 5),
    (28, 28, 1): ("mlp", (512, 512, 512), 32),
    (32, 32, 3): ("conv", (32, 64, 128), 41),
    (33, 50, 3): ("conv", (32, 64, 128), 90),
    (64, 64, 3): ("conv", (32, 64, 128, 256), 123),
    (128, 128, 3): ("conv", (32, 64, 128, 256, 512), 492),
    (256, 256, 3): ("conv", (32, 64, 128, 256, 512, 512), 239),
}


@pytest.mark.parametrize("size", SIZES)
def test_net_widths_and_latent_by_size(size):
    model, choices = choose(*size)
    assert (model.net.kind, model.net.widths) == SIZES[size][:2]
    if model.net.kind == "conv":
        assert min(model.net.ladder(size[:2])[-1]) >= 4
        assert "never below 4" in choices["net.widths"].reason
        assert max(model.net.widths) <= 512
    usual = (32, 128) if max(size[:2]) <= 48 else (64, 256) if max(size[:2]) < 256 else (256, 512)
    inputs = int(np.prod(size))
    low, high = max(inputs / 100, usual[0]), min(inputs / 10, usual[1])
    assert model.latent == SIZES[size][2]
    assert (
        max(size) >= 256
        or round(low) <= model.latent <= round(high)
        or (low > high and round(inputs / 100) <= model.latent <= inputs / 10)
    )
    assert choices["balance"].reason.endswith("balanced")
    for told in (f"{usual[0]}-{usual[1]}", f"{inputs} inputs", "1-4 %"):
        assert told in choices["latent"].reason


@pytest.mark.parametrize("size", [(8, 8, 1), (32, 32, 3), (64, 64, 3)])
@pytest.mark.parametrize("preset", ["fast", "balanced", "best"])
def test_the_built_model_is_balanced(size, preset):
    model, _ = choose(*size, preset=preset)
    with torch.device("meta"):
        built = model.build()
    assert 0.5 <= parameter_count(built.posterior) / parameter_count(built.likelihood) <= 2


def test_a_preset_decides_how_much_is_spent():
    for size in ((8, 8, 1), (64, 64, 3)):
        fast, balanced, best = (sum(choose(*size, preset=p)[0].net.widths) for p in ("fast", "balanced", "best"))
        assert fast < balanced < best


def test_norm_follows_the_batch_and_net_the_device():
    assert choose(64, 64, 3, batch=15)[0].net.norm == "group"
    assert choose(64, 64, 3, batch=16)[0].net.norm == "batch"
    assert choose(28, 28, 1, gpu=True)[0].net.kind == "conv"
    many = {"count": 50_000}
    assert choose(28, 28, 1, **many)[0].net.kind == choose(28, 28, 1, seconds=720, **many)[0].net.kind == "hierarchical"
    assert choose(28, 28, 1, seconds=60, **many)[0].net.kind == "mlp"
    assert choose(28, 28, 1, preset="fast", **many)[0].net.kind == choose(8, 8, 1, **many)[0].net.kind == "mlp"


@pytest.mark.parametrize(
    ("size", "net", "batch"),
    [
        ((28, 28, 1), {}, 128),
        ((64, 64, 1), {}, 32),
        ((32, 32, 3), {}, 32),
        ((28, 28, 1), {"kind": "mlp"}, 256),
        ((28, 28, 1), {"kind": "conv"}, 32),
        ((64, 64, 1), {"kind": "hierarchical", "patch": "whole"}, 128),
        ((28, 28, 1), {"kind": "hierarchical", "dense": False}, 32),
    ],
)
def test_convolutions_on_a_cpu_take_small_batches(size, net, batch):
    data = Dataset(torch.zeros(1, *size), schema(*size), torch.zeros(1, dtype=torch.int8))
    keys, modality = {"net": net} if net else {}, modality_named("image")
    assert modality.lengths(data, keys, Situation(50_000))[0].value == batch
    assert modality.lengths(data, keys, Situation(50_000, gpu=True))[0].value == 256
    assert modality.lengths(data, keys, Situation(100))[0].value == 12


@pytest.mark.parametrize("gpu", [False, True])
@pytest.mark.parametrize("size", [(28, 28, 1), (20, 33, 1), (32, 32, 3), (64, 64, 3), (100, 140, 4), (256, 256, 3)])
def test_many_images_get_groups_of_latents(size, gpu):
    model, choices = choose(*size, count=50_000, gpu=gpu)
    net = model.net
    assert net.kind == "hierarchical" and sum(net.groups) and len(net.ladder(model.shape)) == len(net.widths)
    assert choices["balance"].reason.endswith("balanced")
    assert net.dense == (size[2] == 1 and not gpu)
    own = {"net": {"kind": "hierarchical", "widths": (8, 8)}}
    assert len(choose(*size, given=own)[0].net.groups) == 2
    assert choose(*size, given={"net": {"kind": "hierarchical", "patch": "whole"}})[0].net.widths == (512,)


@pytest.mark.parametrize("size", [(1, 1, 1), (1, 200, 3), (2, 900, 1), (3, 3, 1), (5, 5, 1)])
@pytest.mark.parametrize("gpu", [False, True])
def test_tiny_and_thin_images_get_a_model_that_builds(size, gpu):
    model, choices = choose(*size, gpu=gpu)
    assert model.latent <= np.prod(size)
    assert model.warnings == ()
    assert model.build().generate(2).shape == (2, size[2], *size[:2])
    assert "never below 4" not in getattr(choices.get("net.widths"), "reason", "")


def test_what_was_asked_for_stands():
    given = {"net": {"kind": "conv", "widths": [4, 8, 16]}, "latent": 3, "likelihood": {"kind": "gaussian"}}
    model, choices = choose(8, 8, 1, given=given)
    assert (model.net.widths, model.latent, model.likelihood.scale.kind) == ((4, 8, 16), 3, "shared")
    assert set(choices) == {"net.norm", "balance"}
    assert model.net.ladder((8, 8))[-1] == (1, 1)


@pytest.mark.parametrize("kind", ["discretized_logistic", "discretized_logistic_mixture", "categorical"])
def test_levels_follow_the_data(kind):
    pixels = np.random.default_rng(0).integers(0, 17, (60, 8, 8))
    model, _ = choose_image_model(images_from_arrays(pixels).schema, {"likelihood": {"kind": kind}}, FEW)
    assert model.likelihood.levels == 17


def test_a_lopsided_model_is_told():
    net, likelihood = {"kind": "mlp", "residual": False, "widths": [8]}, {"kind": "gaussian"}
    _, choices = choose(8, 8, 1, given={"net": net, "latent": 500, "likelihood": likelihood})
    assert "one side is far larger" in choices["balance"].reason


KINDS = {
    "bernoulli": [
        np.array([0, 1], "uint8"),
        np.array([0, 255], "uint8"),
        np.array([False, True]),
        np.array([0.0, 1.0]),
        np.array([-1.0, 4.0]),
    ],
    "discretized_logistic": [
        np.arange(256, dtype="uint8"),
        np.arange(17, dtype="int64"),
        np.arange(4000, dtype="int16"),
    ],
    "continuous_bernoulli": [np.linspace(0, 1, 9), np.linspace(0.2, 0.7, 9)],
    "gaussian": [np.linspace(-1000, 1000, 9), np.linspace(0, 1.5, 9), np.linspace(-0.01, 1, 9)],
}


@pytest.mark.parametrize(("kind", "index"), [(kind, i) for kind, found in KINDS.items() for i in range(len(found))])
def test_the_likelihood_follows_the_values(kind, index):
    values = KINDS[kind][index]
    pixels = values[np.random.default_rng(0).integers(0, len(values), (60, 8, 8))]
    data = images_from_arrays(pixels)
    model, choices = choose_image_model(data.schema, {}, FEW)
    assert model.likelihood.kind == kind
    assert choices[0].key == "likelihood"
    is_fine = kind == "discretized_logistic" and model.likelihood.levels >= 128
    conv, _ = choose_image_model(data.schema, {"net": {"kind": "conv"}}, FEW)
    assert conv.likelihood.kind == (f"{kind}_mixture" if is_fine else kind)
    model.check(data)
    if kind == "discretized_logistic":
        assert model.likelihood.levels == data.schema.levels == max(256 if values.dtype == np.uint8 else 0, len(values))
    if kind == "gaussian":
        assert model.likelihood.scale.kind == "shared"
        assert model.view().prepare(data.values).aminmax() == (-1, 1)


@pytest.mark.parametrize(("inputs", "features"), [(1, 1), (3, 512), (64, 256), (10**6, 8)])
def test_the_latents_are_never_more_than_the_inputs(inputs, features):
    choice = latent_size(inputs, features, (32, 128))
    assert 1 <= choice.value <= inputs


@pytest.mark.parametrize("side", [256, 512, 1024, 2048])
def test_the_flattened_layers_are_no_larger_than_the_rest_of_the_net(side):
    schema = ImageSchema(height=side, width=side, channels=3, levels=256, low=0, high=255, binary=False)
    model, _ = choose_image_model(schema, {}, FEW)
    with torch.device("meta"):
        encoder = model.net.encoder(model.shape)
        whole = parameter_count(model.build().posterior)
    rest = parameter_count(encoder)
    assert whole - rest <= rest + 2 * model.latent


@pytest.mark.parametrize(("size", "factor"), [((64, 64, 3), 8), ((28, 30, 1), 2), ((9, 9, 1), 1)])
def test_an_autoencoder_keeps_8_positions_a_side(size, factor):
    model, _ = choose(*size, given={"net": {"kind": "autoencoder_kl"}})
    assert model.net.factor == factor
    assert model.latent_event == (4, -(-size[0] // factor), -(-size[1] // factor))
