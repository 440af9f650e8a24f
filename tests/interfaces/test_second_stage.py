"""The mixture that is tried after training where images are few: kept where held-out data say so, and never a reason to fail."""

import json

import pytest

from .conftest import vaekit

pytestmark = pytest.mark.usefixtures("no_report")
KEYS = (
    "latent=3",
    "net.kind=mlp",
    "net.widths=[16]",
    "steps=20",
    "batch=16",
    "threads=1",
    "device=cpu",
    "precision=fp32",
)


def stage(*keys, preset="balanced"):
    found = vaekit("fit", "digits", *KEYS, *keys, "--preset", preset, "--dry-run", "--json").json
    return found["training"]["second_stage"]


def test_it_is_tried_by_default_and_left_to_what_the_user_says():
    assert stage() == "choose"
    assert stage("second_stage=none") == stage("prior=standard") == stage("objective.beta=4") == "none"
    assert stage(preset="fast") == "none"


@pytest.mark.parametrize(("case", "kept"), [("better", "gmm"), ("worse", "standard"), ("refused", "standard")])
def test_validation_decides_and_nothing_refuses(monkeypatch, tmp_path, case, kept):
    def fitted(*_):
        if case == "refused":
            raise RuntimeError("the covariance is singular")
        return (-10.0, -9.0 if case == "better" else -11.0)

    monkeypatch.setattr("vaekit.interfaces.runs.refitting.fit_second_stage", fitted)
    assert vaekit("fit", "digits", *KEYS, "--out", tmp_path / "run").code == 0
    found = json.loads((tmp_path / "run" / "evaluation.json").read_text())
    note = next(note for note in found["notes"] if note.startswith("second stage: "))
    assert ("stays as trained" in note) == (case == "refused")
    assert vaekit("inspect", tmp_path / "run", "--json").code == 0
    assert json.loads((tmp_path / "run" / "model" / "config.json").read_text())["model"]["prior"]["kind"] == kept
