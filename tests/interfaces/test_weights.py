"""Damaged and non-finite weights are refused with one sentence; models without a checksum still load."""

from __future__ import annotations

import shutil

import pytest
import safetensors.torch
import torch

from vaekit.trained import TrainedModel

from .conftest import vaekit


@pytest.fixture
def saved(class_run, tmp_path):
    return shutil.copytree(class_run / "model", tmp_path / "model")


def test_a_changed_byte_is_refused(saved):
    path = saved / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"checksum does not match; restore the file"):
        TrainedModel.load(saved)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused_without_a_checksum(saved, value):
    weights = safetensors.torch.load_file(saved / "model.safetensors")
    name = next(name for name, tensor in weights.items() if tensor.is_floating_point())
    weights[name] = torch.full_like(weights[name], value)
    (saved / "model.safetensors").write_bytes(safetensors.torch.save(weights))
    with pytest.raises(ValueError, match="holds NaN or infinity in"):
        TrainedModel.load(saved)


def test_a_finished_run_writes_its_weights_again(class_run, copy):
    path = copy(class_run)
    weights = path / "model" / "model.safetensors"
    good = weights.read_bytes()
    weights.write_bytes(good[:-20] + bytes(20))
    assert f"vaekit resume {path}" in vaekit("evaluate", path, "--samples", 2).sentence
    assert vaekit("resume", path).code == 0
    assert weights.read_bytes() == good
