"""Few images: N(0, I) in training, and afterwards a mixture, if validation data are likelier under it."""

import pytest

import vaekit
from vaekit.data import read_images
from vaekit.interfaces.describing.planning import plan
from vaekit.interfaces.runs import second_stage
from vaekit.interfaces.runs.refitting import Refitted
from vaekit.modalities import modality_named

DIGITS, READING = read_images("digits"), modality_named("image").opened({"source": "digits"})
KEYS = {"steps": 300, "net": "mlp", "net.widths": [32], "net.residual": False, "latent": 6, "lr": 3e-3, "device": "cpu"}


def planned(preset="balanced", **sections):
    return plan(DIGITS, READING, sections, preset)


def test_few_images_get_a_second_stage_with_its_reason():
    experiment = planned()
    assert (experiment.model.prior.kind, experiment.training.second_stage) == ("standard", "choose")
    reason = next(choice.reason for choice in experiment.choices if choice.key == "second_stage")
    assert "validation" in reason


@pytest.mark.parametrize(
    "sections",
    [
        {"model": {"prior": {"kind": "standard"}}},
        {"model": {"condition": "label"}},
        {"objective": {"kind": "wae"}},
        {"objective": {"beta": 4.0}},
        {"training": {"second_stage": "none"}},
        {"training": {"steps": 20}},
        {"preset": "fast"},
    ],
    ids=["own prior", "conditional", "no bound", "own weight", "refused", "brief", "fast"],
)
def test_others_get_none(sections):
    experiment = planned(**sections)
    assert experiment.training.second_stage == "none"
    assert "second_stage" not in {choice.key for choice in experiment.choices}


def test_a_language_model_gets_none(tmp_path):
    (tmp_path / "lines.txt").write_text("".join(f"a line of {number} words\n" for number in range(600)))
    reading = modality_named("text").opened({"source": str(tmp_path / "lines.txt")})
    experiment = plan(reading.open(), reading, {"model": {"model": "lm"}}, "balanced")
    assert experiment.training.second_stage == "none"


def test_the_mixture_raises_the_bound_of_test_data():
    images = read_images("digits").values.numpy()
    fitted, plain = (vaekit.fit(images, **KEYS, second_stage=stage) for stage in ("choose", "none"))
    assert (fitted.description.prior.kind, plain.description.prior.kind) == ("gmm", "standard")
    better, before = (model.score(images[-300:], samples=20).iw.mean().item() for model in (fitted, plain))
    assert better > before + 0.05, (better, before)


def test_a_prior_that_is_worse_on_validation_data_is_not_kept(monkeypatch):
    def worse(run, prior, *_others, **_named):
        return Refitted(run.description.replace(prior=prior), run.model, (-5.0, -6.0))

    monkeypatch.setattr(second_stage, "refitted", worse)
    images = read_images("digits").values.numpy()
    model = vaekit.fit(images, **{**KEYS, "steps": 3}, second_stage="choose")
    assert model.description.prior.kind == "standard"
