"""A trained model without a folder: made in memory, saved in three files, used by many threads, and leaving no trace."""

import logging
import os
import random
import signal
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import safetensors.torch
import torch

import vaekit
from vaekit.errors import DataNotAtHand, NotApplicable
from vaekit.trained import TrainedModel

QUICK = {"steps": 4, "batch": 16, "device": "cpu", "precision": "fp32", "latent": 3}
FILES = ["config.json", "model.safetensors", "schema.json"]


def images():
    return np.random.default_rng(0).integers(0, 17, (60, 6, 5), dtype=np.uint8)


def frame():
    rng = np.random.default_rng(0)
    age = rng.normal(40, 9, 80).round(1)
    age[::7] = np.nan
    return pd.DataFrame({"age": age, "sex": rng.choice(["f", "m"], 80), "visits": rng.poisson(3, 80)})


def texts():
    rng = random.Random(0)
    return [" ".join(rng.choices(["a", "cat", "sat", "on", "mats"], k=rng.randint(2, 5))) for _ in range(60)]


KINDS = {
    "image": (images, {"net": {"kind": "mlp", "widths": [12]}}),
    "conv": (images, {"net": {"kind": "conv", "widths": [4, 8], "norm": "group"}, "likelihood": "gaussian"}),
    "table": (frame, {"net.widths": [12], "target": "sex", "second_stage": "gmm"}),
    "text": (texts, {"net": {"kind": "lstm", "hidden": 8, "embedding": 6}, "tokenizer": "word"}),
    "transformer": (texts, {"net": {"kind": "transformer", "width": 16, "heads": 2, "layers": 1}, "tokenizer": "char"}),
    "flow": (images, {"net": {"kind": "mlp", "widths": [12]}, "posterior": "iaf", "prior": "flow"}),
    "vq": (images, {"net": {"kind": "mlp", "widths": [12]}, "posterior": "vq"}),
}


@cache
def trained(kind):
    data, keys = KINDS[kind]
    return vaekit.fit(data(), **QUICK, **keys)


def plain(shown):
    """Return data as they are shown in a form that can be compared."""
    return shown if isinstance(shown, torch.Tensor | list) else shown.to_pydict()


def same(a, b):
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b) or ((a.isnan() == b.isnan()).all() and torch.equal(a.nan_to_num(), b.nan_to_num()))
    if isinstance(a, tuple):
        return all(map(same, a, b))
    return repr(a) == repr(b)


def settings():
    """Return the global settings that a training could change."""
    return {
        "threads": torch.get_num_threads(),
        "torch": torch.get_rng_state().numpy().tobytes(),
        "numpy": repr(np.random.get_state()),
        "python": random.getstate(),
        "dtype": torch.get_default_dtype(),
        "precision": torch.get_float32_matmul_precision(),
        "validation": torch.distributions.Distribution._validate_args,
        "grad": torch.is_grad_enabled(),
        "filters": list(warnings.filters),
        "signals": [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)],
        "logging": {name: logging.getLogger(name).level for name in ("", "lightning_fabric", "vaekit", "torch")},
        "environment": dict(os.environ),
        "folder": Path.cwd(),
    }


@pytest.mark.parametrize("kind", ["image", "table", "text"])
def test_a_fit_in_memory_writes_nothing_prints_nothing_and_leaves_global_settings(kind, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    data, keys = KINDS[kind]
    vaekit.fit(data(), **QUICK, **keys)  # what is imported for the first time may set what it likes
    capfd.readouterr()
    before = settings()
    model = vaekit.fit(data(), **{**QUICK, "threads": 2, "seed": 5}, **keys)
    assert settings() == before
    assert type(model) is TrainedModel and capfd.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []


def test_a_failed_fit_leaves_global_settings_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = settings()

    def stop(progress, batch):
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        vaekit.fit(images(), **{**QUICK, "threads": 2}, listener=stop)
    assert settings() == before and list(tmp_path.iterdir()) == []


LOADED = """
import sys, torch, vaekit
torch.set_num_threads(1)  # sums of more threads round otherwise
for folder in sys.argv[1:]:
    shown = vaekit.TrainedModel.load(folder).sample(6, seed=2)
    torch.save(shown if isinstance(shown, torch.Tensor | list) else shown.to_pydict(), folder + ".pt")
"""


def test_three_files_are_enough_for_a_fresh_process(tmp_path):
    folders = {kind: trained(kind).save(tmp_path / kind) for kind in ("image", "table", "text")}
    assert all(sorted(path.name for path in folder.iterdir()) == FILES for folder in folders.values())
    subprocess.run([sys.executable, "-c", LOADED, *map(str, folders.values())], check=True, cwd=tmp_path)
    for kind, folder in folders.items():
        assert same(torch.load(f"{folder}.pt"), plain(trained(kind).sample(6, seed=2)))


@pytest.mark.parametrize("kind", ["image", "table", "text"])
def test_a_loaded_model_equals_the_saved_one(kind, tmp_path):
    model, data = trained(kind), KINDS[kind][0]()
    again = TrainedModel.load(model.save(tmp_path / "model"))
    assert same(tuple(model.encode(data)), tuple(again.encode(data)))
    assert same(model.score(data, 3).elbo, again.score(data, 3).elbo)
    assert same(*(plain(each.reconstruct(data, 3)[1]) for each in (model, again)))
    assert again.measure == model.measure and again.latents == model.latents


def test_without_its_data_a_model_says_what_to_give(tmp_path):
    again = TrainedModel.load(trained("image").save(tmp_path / "model"))
    with pytest.raises(DataNotAtHand, match="loaded without the data it was trained on; give data"):
        again.evaluate()
    assert again.traverse(steps=3).rows.shape == (3, 3, 1, 6, 5)
    with pytest.raises(NotApplicable, match="only the cells of tables can be missing"):
        again.impute(images())
    with pytest.raises(ValueError, match="a code of this model has 3 dimensions, got"):
        again.decode(torch.zeros(2, 4))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("config.json", b"{", "config.json is damaged: it is no valid JSON"),
        ("config.json", b'{"format": 9}', "is of another version of vaekit"),
        (
            "config.json",
            b'{"format": 2, "model": {"kind": "imagge"}}',
            "there is no kind of data 'imagge'; did you mean 'image'",
        ),
        ("model.safetensors", b"nothing", "is damaged or no safetensors file"),
        ("schema.json", b"[]", "schema.json is damaged"),
    ],
)
def test_damaged_files_are_named(tmp_path, name, content, said):
    folder = trained("image").save(tmp_path / "model")
    (folder / name).write_bytes(content)
    with pytest.raises(ValueError, match=said):
        TrainedModel.load(folder)


@pytest.mark.parametrize("kind", ["image", "table"])
def test_changed_weights_are_refused(tmp_path, kind):
    path = trained(kind).save(tmp_path / "model") / "model.safetensors"
    whole = path.read_bytes()
    start = 8 + int.from_bytes(whole[:8], "little")
    for place in (start, (start + len(whole)) // 2, len(whole) - 1):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(ValueError, match=r"model\.safetensors is damaged .*checksum does not match"):
            TrainedModel.load(path.parent)


def test_weights_without_a_checksum_load_but_not_numbers_that_are_none(tmp_path):
    model = trained("image")
    path = model.save(tmp_path / "model") / "model.safetensors"
    weights = safetensors.torch.load_file(path)
    safetensors.torch.save_file(weights, path)
    assert torch.equal(TrainedModel.load(path.parent).sample(2), model.sample(2))
    next(iter(weights.values())).view(-1)[0] = torch.nan
    safetensors.torch.save_file(weights, path)
    with pytest.raises(ValueError, match="holds NaN or infinity in "):
        TrainedModel.load(path.parent)


def test_a_composition_is_loaded_with_its_modules(tmp_path):
    model = trained("image")
    alone = TrainedModel(model.model)
    folder = alone.save(tmp_path / "free")
    with pytest.raises(ValueError, match="holds a user's own composition"):
        TrainedModel.load(folder)
    again = TrainedModel.load(folder, model=model.description.build())
    assert again.kind == "tensor" and torch.equal(again.sample(2), alone.sample(2))


def calls(model, data):
    """Return 200 mixed calls, each with a seed of its own."""
    code = model.encode(data).mean
    few = code[:3]
    verbs = [
        lambda seed: plain(model.sample(2 + seed % 3, seed=seed)),
        lambda seed: model.encode(data).mean,
        lambda seed: plain(model.decode(few)),
        lambda seed: model.evaluate(data, samples=2).iw,
        lambda seed: plain(model.sample(2, seed=torch.Generator().manual_seed(seed))),
        lambda seed: plain(model.reconstruct(data, 3)[1]),
    ]
    if model.latents.is_walkable:
        verbs.append(lambda seed: plain(model.decode(model.latents.between(few[:1], few[1:2], 3)[0])))
    if model.kind == "table":
        verbs.append(lambda seed: plain(model.impute(data, proposals=4, seed=seed).table))
        verbs.append(lambda seed: plain(model.sample(2, given={"sex": "f"}, seed=seed)))
    return [(verbs[i % len(verbs)], i) for i in range(200)]


@pytest.mark.parametrize("kind", KINDS)
def test_eight_threads_equal_one(kind):
    model = trained(kind)
    data = KINDS[kind][0]()[:12]
    listed = calls(model, data)
    state = torch.get_rng_state()
    serial = [verb(seed) for verb, seed in listed]
    with ThreadPoolExecutor(8, initializer=lambda: torch.set_num_threads(1)) as pool:
        together = list(pool.map(lambda call: call[0](call[1]), listed))
    assert all(map(same, serial, together))
    assert torch.equal(torch.get_rng_state(), state)
    assert not any(module.training for module in model.model.modules())


def test_a_generator_goes_on_and_a_seed_begins_anew():
    model, generator = trained("image"), torch.Generator().manual_seed(4)
    first, second = (model.sample(3, seed=generator) for _ in range(2))
    assert torch.equal(first, model.sample(3, seed=4)) and not torch.equal(first, second)


def test_a_model_is_used_without_what_only_training_needs():
    """Fabric alone takes a second to import."""
    code = "import sys, vaekit; vaekit.load; assert not {'lightning_fabric', 'torch._dynamo', 'sklearn'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
