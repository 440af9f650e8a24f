"""Damaged and non-finite weights are refused with one sentence; models without a checksum still load."""

from __future__ import annotations

import json
import shutil

import pytest
import safetensors.torch
import torch

from vaekit.trained import TrainedModel


@pytest.fixture
def saved(class_run, tmp_path):
    return shutil.copytree(class_run / "model", tmp_path / "model")


def test_a_changed_byte_is_refused(saved):
    path = saved / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"model\.safetensors is damaged: its bytes have changed"):
        TrainedModel.load(saved)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused_without_a_checksum(saved, value):
    content = json.loads((saved / "config.json").read_text())
    del content["sha256"]
    (saved / "config.json").write_text(json.dumps(content))
    assert TrainedModel.load(saved)
    weights = safetensors.torch.load_file(saved / "model.safetensors")
    name = next(name for name, tensor in weights.items() if tensor.is_floating_point())
    weights[name] = torch.full_like(weights[name], value)
    (saved / "model.safetensors").write_bytes(safetensors.torch.save(weights))
    with pytest.raises(ValueError, match="holds NaN or infinite weights"):
        TrainedModel.load(saved)


def test_a_model_that_is_written_again_has_the_checksum_of_its_new_weights(class_run, saved):
    model = TrainedModel.load(saved)
    before = json.loads((saved / "config.json").read_text())["sha256"]
    with torch.no_grad():
        next(model.model.parameters()).add_(1.0)
    model.save(saved)
    assert json.loads((saved / "config.json").read_text())["sha256"] != before
    assert TrainedModel.load(saved)
