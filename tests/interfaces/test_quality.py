"""The quality of a run's samples, in both spaces, and of conditional runs."""

import numpy as np
import pytest
import torch
from torch.utils.data import TensorDataset

import vaekit
from vaekit.evaluation import sample_quality
from vaekit.nets import RandomFeatures

pytestmark = pytest.mark.usefixtures("no_report")

QUICK = vaekit.Training(steps=3, device="cpu", precision="fp32", threads=1)
SMALL = vaekit.ImageVAE(shape=(1, 8, 8), latent=2, net=vaekit.MLP(widths=(8,)))


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (120, 8, 8), dtype=np.uint8)


@pytest.mark.parametrize(
    ("features", "space"), [("random", "random convolutional features"), ("model", "the model's posterior means")]
)
def test_a_run_compares_its_samples_with_its_test_images(images, tmp_path, features, space):
    run = vaekit.fit(images, model=SMALL, training=QUICK, out=tmp_path / "run")
    quality = run.quality(10, features=features)
    assert (quality.space, quality.real, quality.generated) == (space, len(run.inputs(count=10)), 10)
    assert quality == run.quality(10, features=features)
    assert quality != run.quality(10, features=features, seed=1)


def test_samples_are_the_images_that_sample_returns(images, tmp_path):
    run = vaekit.fit(images, model=SMALL, training=QUICK, out=tmp_path / "run")
    real = run.view.display(run.inputs(count=10))
    assert run.quality(10) == sample_quality(real, run.displayed.sample(10), RandomFeatures(1))


def test_a_conditional_run_has_no_space_of_its_own(images, tmp_path):
    data = TensorDataset(torch.as_tensor(images), torch.arange(len(images)) % 3)
    model = SMALL.replace(condition="label", context=3)
    run = vaekit.fit(data, model=model, training=QUICK, out=tmp_path / "run")
    assert run.quality(10).generated == 10
    with pytest.raises(ValueError, match="use features='random'"):
        run.quality(10, features="model")
