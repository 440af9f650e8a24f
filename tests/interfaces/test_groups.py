"""What users see of several groups of latents."""

import numpy as np
import pytest

import vaekit
from vaekit.interfaces.cli.comparing import compare
from vaekit.interfaces.cli.output import bound_lines
from vaekit.interfaces.cli.using import encode, evaluate, reconstruct, sample
from vaekit.interfaces.report.figures import group_rates

QUICK = {"threads": 1, "precision": "fp32", "device": "cpu", "preset": "fast", "steps": 2, "latent": 3}
NET = {"kind": "hierarchical", "widths": (4, 4), "groups": (1, 1), "channels": 1, "patch": 2}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    pixels = np.random.default_rng(0).integers(0, 256, (240, 9, 10), dtype=np.uint8)
    path = tmp_path_factory.mktemp("groups")
    np.save(path / "pixels.npy", pixels)
    return vaekit.fit(path / "pixels.npy", net=NET, out=path / "run", **QUICK)


def test_the_report_shows_the_rates_of_groups_and_the_spectra(run):
    page, names = run.folder.report.read_text(), {path.stem for path in run.folder.plots.glob("*.png")}
    assert {"group-rates", "groups", "spectra", "samples"} <= names
    assert "Rate of each group of latents" in page and "Sharpness ratio" in page


def test_verbs_take_temperatures_and_kept_latents(run, tmp_path, capsys):
    data, how = str(run.path.parent / "pixels.npy"), {"noise": False, "decode": None}
    cold = {**how, "temperature": (0, 0, 0)}
    sample(run.path, tmp_path / "a.npy", True, n=2, seed=1, label=[], given=[], how=cold)
    first, second = np.load(tmp_path / "a.npy")
    assert (first == second).all()
    with pytest.raises(ValueError, match="one for each of the 3 groups"):
        sample(
            run.path, tmp_path / "b.npy", True, n=2, seed=1, label=[], given=[], how={**how, "temperature": (1, 0.5)}
        )
    reconstruct(run.path, data, tmp_path / "c.npy", True, decode=None, keep=1)
    assert (np.load(tmp_path / "c.npy") == run.reconstruct(data, keep=1)[1][:, 0].numpy()).all()
    encode(run.path, data, tmp_path / "d.npz", True, keep=1)
    assert {"mean_z0_0", "std_z0_2"} <= set(np.load(tmp_path / "d.npz").files)
    assert "mean_z1_0" not in np.load(tmp_path / "d.npz").files
    capsys.readouterr()
    evaluate(run.path, None, False, samples=2, deep=False)
    said = capsys.readouterr().out
    assert all(f"group z{i} " in said for i in range(3))
    compare([run.path, run.path], False)
    assert f" of {sum(run.latents.sizes)}" in capsys.readouterr().out


def test_many_groups_have_few_lines_and_one_chart():
    rates = [0.0, 5.0, *[0.5] * 40, 3.0]
    groups = [{"rate": rate, "active_units": 1, "latents": 2} for rate in rates]
    bound = {"nats": -1.0, "se": 0.1, "bits_per_dim": 1.0, "samples": 2, "ess": 1.0}
    summary = {
        "bounds": {"elbo": {**bound}, "iw": bound},
        "unit": "image",
        "dimension": "dim",
        "active_units": 3,
        "n": 4,
    }
    del summary["bounds"]["elbo"]["ess"]
    lines = [
        line for line in bound_lines({**summary, "rate": 28.0, "distortion": 1.0, "groups": groups}) if "group" in line
    ]
    assert len(lines) == 9 and lines[0].startswith("group z1 ") and lines[-2].startswith("group z42 ")
    assert lines[-1] == "the other 35 groups 17.00 nats (61%)"
    assert "z1 carries most, 5.00 nats (18%)" in group_rates(rates).caption
    group_rates([0.0, 0.0])
