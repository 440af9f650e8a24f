"""Random changes of training images: what they may do, and that bounds never see them."""

import numpy as np
import pytest
import torch

import vaekit
from vaekit import Bernoulli, ImageVAE
from vaekit.interfaces.runs import trainer

KEYS = {"net": "mlp", "latent": 2, "steps": 6, "validate_every": 3, "device": "cpu", "precision": "fp32", "threads": 1}


def view(augment, shape=(2, 16, 24)):
    return ImageVAE(shape=shape, latent=2, augment=augment, likelihood=Bernoulli()).view()


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_a_flip_mirrors_half_of_the_images(dtype):
    torch.manual_seed(0)
    pixels = torch.randint(0, 255, (400, 16, 24, 2)).to(dtype)
    found = view("flip").augmented(pixels)
    same, mirrored = ((found == other).flatten(1).all(1) for other in (pixels, pixels.flip(2)))
    assert found.dtype == dtype and (same | mirrored).all() and 150 < mirrored.sum() < 250


def test_a_shift_moves_each_image_by_an_eighth_at_most():
    torch.manual_seed(0)
    row = torch.arange(24.0).view(1, 1, 24, 1).expand(300, 16, 24, 2)
    found = view("shift").augmented(row)
    moves = (found - row)[:, 0, 12, 0]
    assert set(moves.tolist()) == set(range(-3, 4))
    assert found.min() == 0 and found.max() == 23  # edges are drawn out
    assert ((found[:, :, 1:] - found[:, :, :-1]) >= 0).all()
    both = view("flip_shift").augmented(row)
    assert (both[:, 0, 0, 0] > both[:, 0, -1, 0]).float().mean().item() == pytest.approx(0.5, abs=0.1)
    assert torch.equal(view("none").augmented(row), row)


def test_bounds_and_validation_are_of_the_images_as_they_are(tmp_path, monkeypatch):
    images = np.random.default_rng(0).integers(0, 256, (80, 8, 8), dtype=np.uint8)
    seen, validate = [], trainer.validate
    monkeypatch.setattr(
        trainer, "validate", lambda *a, **k: (seen.append(calls[0]), validate(*a, **k), seen.append(calls[0]))[1]
    )
    calls, own = [0], vaekit.modalities.image.description.ImageView.augmented

    def counted(self, stored):
        calls[0] += 1
        return own(self, stored)

    monkeypatch.setattr("vaekit.modalities.image.description.ImageView.augmented", counted)
    run = vaekit.fit(images, augment="flip_shift", out=tmp_path / "a", second_stage="none", **KEYS)
    assert calls[0] >= 6 and seen[0::2] == seen[1::2]
    before = calls[0]
    run.evaluate(samples=2)
    run.reconstruct()
    assert calls[0] == before


def test_a_resumed_run_draws_the_same_changes(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (80, 8, 8), dtype=np.uint8)
    keys = {**KEYS, "augment": "flip_shift", "second_stage": "none"}
    whole = vaekit.fit(images, out=tmp_path / "whole", **keys)

    class Stop(Exception):
        pass

    def stop(progress, _batch):
        if progress.step == 4:
            raise Stop

    with pytest.raises(Stop):
        vaekit.fit(images, out=tmp_path / "part", listener=stop, **keys)
    again = vaekit.resume(tmp_path / "part", data=images)
    for a, b in zip(whole.model.parameters(), again.model.parameters(), strict=True):
        assert torch.equal(a, b)
