"""Run folders of format 1, one of each kind of data: each still loads, makes what it made, evaluates and is planned again."""

import json
from pathlib import Path

import pytest
import torch
from torch import nn

import vaekit as library
from vaekit.heads import Conditional, Fixed, Gaussian, StandardNormal

from .conftest import vaekit

RUNS = Path(__file__).parents[1] / "runs"
EXPECTED = json.loads((RUNS / "expected.json").read_text())
NAMED = ["image", "label", "text", "table"]
"""The runs whose data have a name; those of `free` came from memory."""


def composition():
    """Return the modules that the run `free` was trained with."""
    likelihood = Conditional(nn.Identity(), Gaussian(scale=Fixed(value=0.5)), given=(2,), event=(4,))
    posterior = Conditional(nn.Identity(), Gaussian(), given=(4,), event=(2,))
    return library.VAE(StandardNormal((2,)), posterior, likelihood)


def loaded(name, folder=RUNS):
    return library.load(folder / name, model=composition() if name == "free" else None)


def plain(shown):
    """Return data as JSON has them."""
    if isinstance(shown, torch.Tensor):
        return shown.tolist()
    return shown if isinstance(shown, list) else shown.to_pylist()


@pytest.mark.parametrize("name", EXPECTED)
def test_samples_are_those_of_the_code_that_wrote_the_run(name):
    assert json.loads((RUNS / name / "config.json").read_text())["format"] == 1
    made = plain(loaded(name).displayed.sample(3, seed=1))
    match made[0]:
        case list():  # numbers, whose last bit is the machine's
            torch.testing.assert_close(torch.tensor(made), torch.tensor(EXPECTED[name]), atol=1e-6, rtol=1e-5)
        case dict():
            assert [{key: str(cell) for key, cell in row.items()} for row in made] == EXPECTED[name]
        case _:
            assert made == EXPECTED[name]


@pytest.mark.parametrize("name", NAMED)
def test_bounds_are_those_that_were_written(name):
    written = json.loads((RUNS / name / "evaluation.json").read_text())
    run = loaded(name)
    found = run.evaluate(samples=written["bounds"]["iw"]["samples"], count=written["n"]).summary()
    assert (found["n"], run.measure) == (written["n"], written["measure"])
    for bound in ("elbo", "iw"):
        nats, error = (written["bounds"][bound][key] for key in ("nats", "se"))
        assert found["bounds"][bound]["nats"] == pytest.approx(nats, abs=error)  # other draws of the same latents


def test_a_composition_of_old_is_given_its_data():
    run = loaded("free")
    assert run.kind == "tensor" and run.experiment.model is None
    assert run.evaluate(torch.randn(20, 4), samples=5).elbo.isfinite().all()
    with pytest.raises(ValueError, match="came as arrays and are not kept; give data"):
        run.evaluate()
    with pytest.raises(ValueError, match="holds a user's own composition; load it with"):
        library.load(RUNS / "free")


@pytest.mark.parametrize("name", NAMED)
def test_the_report_is_written_again(name, copy):
    path = copy(RUNS / name)
    assert vaekit("report", path).code == 0
    page = (path / "report.html").read_text()
    assert "Settings" in page and "not at hand" not in page


@pytest.mark.parametrize("name", NAMED)
def test_its_config_plans_the_same_model(name):
    found = vaekit("fit", "--config", RUNS / name / "config.json", "--dry-run", "--json").json
    written = json.loads((RUNS / name / "config.json").read_text())
    assert found["format"] == 2
    for section in ("model", "objective", "training"):
        changed = {key: value for key, value in written[section].items() if found[section].get(key) != value}
        assert not changed, section


@pytest.mark.parametrize("name", NAMED)
def test_what_it_becomes_when_it_is_saved_is_format_2(name, tmp_path):
    run = loaded(name)
    again = library.TrainedModel.load(run.save(tmp_path / "model"))
    assert json.loads((tmp_path / "model" / "config.json").read_text())["format"] == 2
    assert plain(again.sample(3, seed=1)) == plain(run.sample(3, seed=1))
