"""Keys and configurations: every listed key is accepted, a saved experiment reads back equal and reproduces its run."""

import json

import pytest
import yaml

from vaekit.interfaces.experiment import Experiment
from vaekit.interfaces.folder import RunFolder
from vaekit.interfaces.keys import keys, parse, sectioned

from .conftest import TINY, vaekit

pytestmark = pytest.mark.usefixtures("no_report")


def accepted(key):
    """The words that set one key to its default, after naming the parts that it belongs to."""
    steps = key.path.split(".")
    words = []
    for depth in range(1, len(steps)):
        part, child = (next((k for k in keys() if k.path == ".".join(steps[:n])), None) for n in (depth, depth + 1))
        if part is not None:
            kind = child.belongs_to.split(", ")[0] if child is not None and child.belongs_to else part.default
            words.append(f"{part.path}={kind}")
    return [*words, f"{key.path}={key.default}"]


@pytest.mark.parametrize("key", keys(), ids=lambda key: key.path)
def test_every_listed_key_is_accepted_with_its_default(classes, key):
    words = accepted(key)
    answer = vaekit("fit", classes, "--dry-run", "--json", *words)
    if key.path == "likelihood.binarize":
        assert "needs x in {0, 1}" in answer.sentence
    else:
        assert answer.code == 0, (words, answer.err)


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("net=conv", "objective=iwae", "objective.samples=5"),
        ("likelihood=gaussian", "likelihood.scale=softplus", "posterior.scale.floor=0.1"),
        ("likelihood.binarize=dynamic", "objective.beta=cyclical", "size=9x7", "lr=1e-3", "threads=2"),
    ],
)
def test_an_experiment_reads_back_equal(classes, words):
    experiment = Experiment.model_validate(vaekit("fit", classes, "--dry-run", "--json", *words).json)
    assert Experiment.model_validate_json(experiment.model_dump_json()) == experiment
    assert Experiment.model_validate(json.loads(json.dumps(experiment.model_dump(mode="json")))) == experiment


@pytest.mark.parametrize("with_data", [True, False])
def test_a_saved_config_reproduces_the_run(classes, class_run, tmp_path, with_data):
    data = [classes] if with_data else []
    assert vaekit("fit", *data, "--config", class_run / "config.json", "--out", tmp_path / "again").code == 0
    first, again = (run / "model" / "model.safetensors" for run in (class_run, tmp_path / "again"))
    assert first.read_bytes() == again.read_bytes()
    old, new = (RunFolder(run).read_experiment() for run in (class_run, tmp_path / "again"))
    assert new.replace(choices=()) == old.replace(choices=())


def test_keys_go_before_the_config_and_another_part_starts_from_nothing(classes, class_run, tmp_path):
    words = ["--config", class_run / "config.json", "--preset", "fast", "net=conv", "lr=0.5", "--seed", 3]
    found = vaekit("fit", classes, *words, "--dry-run", "--json").json
    assert (found["model"]["net"]["kind"], found["training"]["lr"], found["training"]["seed"]) == ("conv", 0.5, 3)
    assert (found["preset"], found["training"]["steps"], found["model"]["latent"]) == ("fast", 3, 2)


def test_a_config_of_keys_is_yaml(classes, tmp_path):
    path = tmp_path / "keys ü.yaml"
    path.write_text(
        yaml.safe_dump({"latent": 3, "net": {"kind": "mlp", "widths": [16]}, "objective.beta": 4, "lr": "1e-2"})
    )
    found = vaekit("fit", classes, "--config", path, "--dry-run", "--json").json
    assert (found["model"]["latent"], found["model"]["net"]["widths"]) == (3, [16])
    assert (found["objective"]["beta"]["value"], found["training"]["lr"]) == (4, 0.01)


BAD = {
    "- 1\n- 2\n": "must hold keys and values, got list",
    "a: [": "is neither YAML nor JSON",
    "\x00\x01": "is neither YAML nor JSON",
    "": "must hold keys and values, got NoneType",
    "latnt: 3": "unknown key 'latnt'; did you mean 'latent'?",
    "1: 2": "unknown key '1'",
    "net: {1: 2}": "unknown key 'net.1'",
    "latent: [1": "is neither YAML nor JSON",
    "a: &a {b: *a}": "nested too deeply, or holds itself",
    "!!python/object/apply:os.system [id]": "is neither YAML nor JSON",
    '{"format": 1, "model": 3}': "is no experiment of this version of vaekit: model=3",
    '{"format": 2}': "is no experiment of this version of vaekit: format=2",
    "[" * 5000: "is neither YAML nor JSON",
}


@pytest.mark.parametrize("text", BAD, ids=range(len(BAD)))
def test_a_config_that_cannot_be(classes, tmp_path, text):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    assert BAD[text] in vaekit("fit", classes, "--dry-run", "--config", path).sentence


def test_a_config_without_data_asks_for_them(tmp_path):
    (tmp_path / "config.yaml").write_text("latent: 3")
    assert "names no data; give DATA too" in vaekit("fit", "--config", tmp_path / "config.yaml").sentence


@pytest.mark.parametrize(
    ("words", "section", "expected"),
    [
        (["net.kernel=4"], "model", {"net": {"kernel": 4, "kind": "conv"}}),
        (["net.widths=[8]"], "model", {"net": {"widths": [8]}}),
        (["likelihood.binarize=static"], "model", {"likelihood": {"binarize": "static", "kind": "bernoulli"}}),
        (
            ["posterior.scale.floor=0.1"],
            "model",
            {"posterior": {"scale": {"floor": 0.1, "kind": "softplus"}, "kind": "gaussian"}},
        ),
        (["objective.samples=3"], "objective", {"samples": 3, "kind": "elbo"}),
        (["objective.beta=2"], "objective", {"beta": 2, "kind": "elbo"}),
        (["objective.beta.cycles=2"], "objective", {"beta": {"cycles": 2, "kind": "cyclical"}, "kind": "elbo"}),
        (["net.norm=none", "net=conv"], "model", {"net": {"norm": "none", "kind": "conv"}}),
        (["epochs=1e9", "lr=1e-3"], "training", {"epochs": 10**9, "lr": 1e-3}),
        (["size=0x64"], "data", {"size": "0x64"}),
    ],
)
def test_a_part_is_named_by_the_keys_that_are_its_own(words, section, expected):
    assert parse(words)[section] == expected


def test_the_same_key_in_both_spellings():
    assert sectioned({"net": {"kind": "mlp", "widths": [3]}}) == parse(["net=mlp", "net.widths=[3]"])
    assert sectioned({"net.kind": "mlp"}) == parse(["net=mlp"])


def test_what_was_set_for_the_tests_is_tiny(classes):
    assert vaekit("fit", classes, *TINY, "--dry-run", "--json").json["model"]["net"]["widths"] == [8]
