"""Every verb, as a new user tries it: what it prints, what it writes, and that its JSON is one object."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

from .conftest import TINY, vaekit
from .shapes import plain_folder

pytestmark = pytest.mark.usefixtures("no_report")


def picture(path):
    with Image.open(path) as image:
        return image.copy()


LOST = ("truncated.png", "text.png")


@pytest.fixture(scope="module")
def odd_run(make_run, odd):
    return make_run(odd, base=["steps=3", "net=conv", "net.widths=[4,8]", "latent=2", "precision=fp32", "device=cpu"])


def test_inspect_names_the_data_the_choices_the_layers_and_what_is_set_aside(odd):
    answer = vaekit("inspect", odd)
    assert answer.code == 0
    assert "62 images 33 x 50, 3 channel(s), 256 levels" in answer.out
    for name in LOST:
        assert f"quarantined: {name}" in answer.out
    for word in ("discretized_logistic", "Conv2d 3 -> 32, 3x3, stride 2", "Linear", "balance", "latent"):
        assert word in answer.out
    found = vaekit("inspect", odd, "--json").json
    assert {bad["name"] for bad in found["data"]["quarantine"]} == set(LOST)
    assert all(choice["reason"] for choice in found["experiment"]["choices"])
    assert {"side", "name", "layer", "parameters"} == set(found["layers"][0])


def test_fit_prints_one_json_object_and_writes_a_run_that_explains_itself(odd, tmp_path):
    out = tmp_path / "a run ü"
    found = vaekit("fit", odd, *TINY, "--out", out, "--json").json
    assert {"run", "report", "seconds", "evaluation", "choices", "quarantine"} == set(found)
    assert {bad["name"] for bad in found["quarantine"]} == set(LOST)
    names = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert names >= {
        "config.json",
        "environment.json",
        "data.json",
        "split.json",
        "metrics.jsonl",
        "evaluation.json",
        "plots/data.png",
        "checkpoints/last.ckpt",
        "checkpoints/best.ckpt",
        "model/config.json",
        "model/model.safetensors",
        "model/schema.json",
    }
    for path in out.rglob("*.json"):
        json.loads(path.read_text(), parse_constant=pytest.fail)


def test_a_dry_run_writes_nothing(classes, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = vaekit("fit", classes, "--dry-run", "--json", "latent=200").json
    assert found["model"]["latent"] == 200
    assert list(tmp_path.iterdir()) == []
    assert "warning: latent=200 is larger than the 192 inputs" in vaekit("inspect", classes, "latent=200").err


def test_the_run_folder_is_numbered_where_none_is_named(classes, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for number in (1, 2):
        assert vaekit("fit", classes, *TINY, "--json").json["run"] == f"runs/classes-{number}"


def test_evaluate_prints_the_promised_object(odd_run, odd):
    found = vaekit("evaluate", odd_run, "--samples", 5, "--json").json
    keys = {
        "data",
        "measure",
        "n",
        "bounds",
        "rate",
        "distortion",
        "active_units",
        "dimensions",
        "unit",
        "dimension",
        "decoder_use",
        "remarks",
    }
    assert set(found) == keys and (found["unit"], found["dimension"]) == ("image", "dim")
    assert set(found["bounds"]["elbo"]) == {"nats", "se", "bits_per_dim"}
    assert set(found["bounds"]["iw"]) == {"samples", "nats", "se", "bits_per_dim", "ess"}
    assert found["bounds"]["iw"]["samples"] == 5
    assert found["dimensions"] == 33 * 50 * 3
    assert found["bounds"]["elbo"]["bits_per_dim"] == pytest.approx(
        -found["bounds"]["elbo"]["nats"] / (4950 * np.log(2))
    )
    other = vaekit("evaluate", odd_run, odd, "--samples", 1)
    assert other.code == 0
    for name in LOST:
        assert f"quarantined: {name}" in other.err


def test_one_datum_has_no_standard_error(class_run, classes):
    one = classes / "disc" / "00.png"
    assert vaekit("evaluate", class_run, one, "--json").json["bounds"]["elbo"]["se"] is None
    assert "+- unknown nats" in vaekit("evaluate", class_run, one).out


def test_sample_writes_a_picture_each_and_a_grid(odd_run, tmp_path):
    found = vaekit("sample", odd_run, "-n", 12, "--out", tmp_path, "--json").json
    assert len(found["files"]) == 12
    assert picture(found["files"][0]).size == (50, 33)
    assert picture(found["picture"]).mode == "RGB"
    again = vaekit("sample", odd_run, "-n", 12, "--out", tmp_path / "again", "--json").json
    assert picture(again["files"][3]).tobytes() == picture(found["files"][3]).tobytes()
    cold = vaekit("sample", odd_run, "-n", 2, "--temperature", 0, "--out", tmp_path / "cold", "--json").json["files"]
    assert picture(cold[0]).tobytes() == picture(cold[1]).tobytes()


def test_reconstruct_keeps_the_names(odd_run, odd, tmp_path):
    found = vaekit("reconstruct", odd_run, odd, "--out", tmp_path, "--json")
    assert len(found.json["files"]) == 62
    assert (tmp_path / "bild ü01.png").is_file()
    assert "quarantined: text.png" in found.err


def test_interpolate_takes_files_and_numbers(odd_run, odd, tmp_path):
    answer = vaekit("interpolate", odd_run, odd / "image00.png", 0, "--steps", 4, "--out", tmp_path / "x" / "row.png")
    assert answer.code == 0, answer.err
    width, height = picture(tmp_path / "x" / "row.png").size
    assert width == pytest.approx(4 * 50 / 33 * height, rel=0.1)


def test_traverse_varies_every_dimension(class_run, classes):
    assert sorted(vaekit("traverse", class_run, "--json").json["dimensions"]) == [0, 1]
    found = vaekit("traverse", class_run, classes / "disc" / "00.png", "--steps", 3, "--json").json
    assert picture(found["picture"]).size == (3 * 50 + 2, 2 * 50 + 2)


def test_manipulate_moves_toward_a_folder_name(class_run, classes):
    answer = vaekit("manipulate", class_run, classes / "disc", "--toward", "shape=square", "--steps", 3, "--json")
    assert picture(answer.json["picture"]).width == 3 * 50 + 2
    told = vaekit("manipulate", class_run, classes, "--toward", "shape=triangle").sentence
    assert "have no label 'triangle'; its labels are disc, square" in told


@pytest.mark.parametrize("suffix", [".npz", ".parquet", ".csv"])
def test_encode_and_score_write_named_columns(class_run, classes, tmp_path, suffix):
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    codes, scores = tmp_path / f"codes{suffix}", tmp_path / "deep" / f"scores{suffix}"
    assert vaekit("encode", class_run, classes, "--out", codes, "--json").json["n"] == 40
    assert len(vaekit("score", class_run, classes, "--out", scores, "--samples", 3, "--json").json["lowest"]) == 5
    if suffix == ".npz":
        with np.load(codes, allow_pickle=False) as read, np.load(scores) as scored:
            assert read["mean"].shape == (40, 2)
            assert read["name"][0] == "disc/00.png"
            assert set(read["label"]) == {"disc", "square"}
            assert set(scored) == {"name", "label", "elbo", "iw_3", "bits_per_dim", "ess"}
    elif suffix == ".csv":
        rows = list(csv.DictReader(codes.read_text().splitlines()))
        assert (len(rows), set(rows[0])) == (40, {"name", "label", "mean_0", "mean_1", "std_0", "std_1"})
    else:
        import pyarrow.parquet

        assert pyarrow.parquet.read_table(codes).num_rows == 40


def test_files_that_share_a_stem_keep_apart(class_run, tmp_path):
    folder = plain_folder(tmp_path / "twins", 3, "RGB", (8, 8))
    picture(folder / "00.png").save(folder / "00.bmp")
    vaekit("reconstruct", class_run, folder, "--out", tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "00-png.png",
        "00-bmp.png",
        "01.png",
        "02.png",
        "pairs.png",
    }


def test_compare_sorts_and_says_what_cannot_be_compared(class_run, odd_run):
    found = vaekit("compare", odd_run, class_run, "--json").json
    assert found["comparable"] is False
    assert [row["run"] for row in found["runs"]] == [str(class_run), str(odd_run)]
    assert "cannot be compared" in vaekit("compare", class_run, odd_run).out
    assert vaekit("compare", class_run, class_run, "--json").json["comparable"] is True


@pytest.mark.parametrize(("mode", "count"), [("RGBA", 20), ("L", 20), ("RGB", 12)])
def test_alpha_grey_and_few_images(tmp_path, mode, count):
    folder, out = plain_folder(tmp_path / "images", count, mode), tmp_path / "run"
    assert vaekit("fit", folder, *TINY, "--out", out).code == 0
    for verb in (("sample", out, "-n", 2), ("reconstruct", out, folder)):
        assert vaekit(*verb, "--out", tmp_path / verb[0]).code == 0
    assert picture(tmp_path / "sample" / "grid.png").mode == mode


def test_every_key_is_listed_with_type_default_and_meaning():
    keys = vaekit("fit", "--help-keys", "--json").json["keys"]
    for key in keys:
        assert key["type"], key
        assert key["meaning"], key
    assert "likelihood.binarize" in vaekit("fit", "--help-keys").out
