"""Keys and configurations: every listed key is accepted, a saved experiment reads back equal and reproduces its run."""

import json
import re
from typing import Literal, get_args

import pytest
import yaml

from laws.members import members as classes_of
from vaekit.data import table_to_dataset, texts_to_dataset
from vaekit.heads import AnyPrior, Likelihood, Posterior
from vaekit.interfaces.describing.experiment import Experiment
from vaekit.interfaces.describing.keys import _parts, keys
from vaekit.interfaces.describing.parsing import parse, sectioned
from vaekit.interfaces.describing.planning import plan
from vaekit.interfaces.runs.folder import RunFolder
from vaekit.modalities import modality_named
from vaekit.value import Value

from .conftest import TINY, vaekit

pytestmark = pytest.mark.usefixtures("no_report")


def named(key):
    """The words that name the parts which a key belongs to."""
    words, needed, steps = {}, key.belongs_to, key.path.split(".")
    for depth in range(len(steps) - 1, 0, -1):
        beside_it = [part for part in keys(key.modality or "image") if part.parts]
        parts = [part for part in beside_it if part.path == ".".join(steps[:depth])]
        if parts:
            part = next((part for part in parts if set(needed) & set(part.kinds)), parts[0])
            words[part.path] = needed[0] if needed else part.default
            needed = part.belongs_to
    return words


def beside(words):
    """The words for what a part cannot be without."""
    posteriors, priors, likelihoods = (
        {kind: member for member in classes_of(union) for kind in get_args(member.model_fields["kind"].annotation)}
        for union in (Posterior, AnyPrior, Likelihood)
    )
    found = {}
    if (kind := words.get("prior")) is not None and "posterior" not in words:
        support = priors[kind](kind=kind).support
        found["posterior"] = next(k for k, member in posteriors.items() if member(kind=k).support == support)
    if (kind := words.get("likelihood")) is not None:
        likelihood = likelihoods[kind](kind=kind)
        if likelihood.support == "binary":
            found["likelihood.binarize"] = "dynamic"
        if likelihood.measure == "lebesgue":
            found["dequantize"] = "true"
    return found


def name_of(key):
    return f"{key.modality}:{key.path}({','.join(key.belongs_to)})"


@pytest.fixture(scope="module")
def opened(classes):
    texts = texts_to_dataset(["a red dog", "two dogs sit", "a cat", "no dog runs", "a dog sits"] * 4)
    table = table_to_dataset(
        {"age": list(range(20, 60)), "job": ["cook", "clerk", "nurse", "smith"] * 10}, target="job"
    )
    return {"image": modality_named("image").opened({"source": str(classes)}).open(), "text": texts, "table": table}


def planned(opened, key, words):
    """The experiment of some words, on data of the kind that a key is of."""
    kind = key.modality or "image"
    given = parse([f"{path}={value}" for path, value in words.items()], modality=kind)
    reading = modality_named(kind).opened({**given.pop("data"), "source": "x"})
    return plan(opened[kind], reading, given, "fast")


@pytest.mark.parametrize("key", keys(), ids=name_of)
def test_every_listed_key_is_accepted_with_its_default(opened, key):
    words = named(key)
    if "optimal" in (words.get("posterior.scale"), words.get("likelihood.real.scale")):
        return  # of the likelihood of complete data alone, which is said in a sentence
    if key.default:
        words[key.path] = key.default
    if key.path == "dequantize":
        words["likelihood"] = "gaussian"
    if key.path != "likelihood.binarize":
        words = {**beside(words), **words}
    if key.path == "likelihood.binarize":
        with pytest.raises(ValueError, match=r"needs x in \{0, 1\}"):
            planned(opened, key, words)
    else:
        assert planned(opened, key, words).model is not None


def test_no_meaning_shows_markup():
    """A formula of a docstring is shown as a terminal can show it."""
    meanings = [key.meaning for key in keys()] + [part.meaning for key in keys() for part in key.parts]
    assert [said for said in meanings if re.search(r"frac\b|\\|[{}]", said)] == []


@pytest.mark.parametrize("key", [key for key in keys() if key.parts], ids=name_of)
def test_every_kind_is_told_and_may_be_named(opened, key):
    assert len(set(key.kinds)) == len(key.kinds)
    assert key.default in (*key.kinds, "null")
    for part in key.parts:
        if part.name == "optimal" and key.path in ("posterior.scale", "likelihood.real.scale"):
            continue  # of the likelihood of complete data alone, which is said in a sentence
        assert part.meaning and part.name == part.name.lower()
        assert not set(part.meaning) & set("\\{}`"), part.meaning
        words = {**named(key), key.path: part.name}
        words = {**beside(words), **words}
        assert planned(opened, key, words).model is not None


def test_sources_are_authors_and_years():
    sources = {part.name: part.source for key in keys() for part in key.parts}
    assert sources["elbo"] == "Kingma and Welling, 2014"
    assert sources["iwae"] == "Burda, Grosse and Salakhutdinov, 2016"
    assert all(re.fullmatch(r"[^\d\"]+, \d{4}", source) for source in sources.values() if source)


def test_a_class_of_several_kinds_has_a_line_for_each():
    class Autoregressive(Value):
        """A flow: one dimension after the other.

        References:
            Kingma et al., 2016, "Inverse autoregressive flow"; Papamakarios, Pavlakou and Murray, 2017, "Masked
            autoregressive flow".
        """

        kind: Literal["iaf", "maf"]

    first, second = _parts(Autoregressive)
    assert (first.name, first.source) == ("iaf", "Kingma et al., 2016")
    assert (second.name, second.source) == ("maf", "Papamakarios, Pavlakou and Murray, 2017")
    assert first.meaning == second.meaning


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
    "a: &a {b: *a}": "aliases (*name) are not taken",
    "!!python/object/apply:os.system [id]": "is neither YAML nor JSON",
    '{"format": 1, "model": 3}': "is no experiment of this version of vaekit: model=3",
    '{"format": 3}': "is no experiment of this version of vaekit: format=3",
    '{"format": 2}': "is no experiment of this version of vaekit: data",
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
    assert parse(words, modality="image")[section] == expected


def test_the_same_key_in_both_spellings():
    assert sectioned({"net": {"kind": "mlp", "widths": [3]}}) == parse(["net=mlp", "net.widths=[3]"])
    assert sectioned({"net.kind": "mlp"}) == parse(["net=mlp"])


def test_what_was_set_for_the_tests_is_tiny(classes):
    assert vaekit("fit", classes, *TINY, "--dry-run", "--json").json["model"]["net"]["widths"] == [8]
