"""Spectra of a report whose bounds a time limit cut short."""

from sklearn.datasets import load_digits

import vaekit
from vaekit.interfaces.media.images.galleries import _spectra
from vaekit.interfaces.media.medium import HeldOut


def test_spectra_take_as_many_images_as_were_evaluated(tmp_path, no_report):
    pixels = load_digits().images[:400].astype("uint8")
    run = vaekit.fit(pixels, latent=2, steps=3, net="mlp", out=tmp_path / "run")
    data, rows = run.open(None)
    assert len(rows) > 12
    assert _spectra(run, HeldOut(data, rows[:12])) is not None
