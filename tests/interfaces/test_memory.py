"""Memory that does not suffice: a batch is fitted to it before training, and computed in parts where it runs out."""

from __future__ import annotations

import json
import re

import pytest

from vaekit.training import Step, memory

from .conftest import vaekit

DEEP = [
    "steps=2",
    "net=hierarchical",
    "net.widths=[8,8]",
    "net.groups=[1,1]",
    "precision=fp32",
    "latent=2",
    "likelihood=discretized_logistic",
    "net.ratio=0.5",
    "device=cpu",
]


@pytest.fixture
def little(monkeypatch, no_report):
    """Memory for three images: of each a step keeps 138 kB, and the weights take 150 kB."""
    monkeypatch.setattr(memory, "machine_memory", lambda: 720e3)


def test_a_batch_beyond_the_memory_is_refused_with_what_fits(classes, tmp_path, little):
    said = vaekit("fit", classes, *DEEP, "batch=20", "--out", tmp_path / "run").sentence
    assert re.search(r"a batch of 20 images needs 0.0027\d* GiB, and there are 0.00067\d*; take batch=3, or", said), (
        said
    )
    assert "or net.checkpoint=true with batch=3" in said
    assert not (tmp_path / "run").exists()


def test_a_batch_that_nobody_asked_for_is_lowered_with_its_reason(classes, tmp_path, little):
    out = tmp_path / "run"
    assert re.search(r"batch +3 +a batch of 4 images needs", vaekit("fit", classes, *DEEP, "--out", out).out)
    config = json.loads((out / "config.json").read_text())
    assert config["training"]["batch"] == 3
    assert [choice["value"] for choice in config["choices"] if choice["key"] == "batch"] == [3]


def test_memory_that_runs_out_is_noted_once_and_training_goes_on(classes, tmp_path, monkeypatch, no_report):
    forward = Step.forward

    def scarce(self, batch, step):
        if len(batch) > 9 and self.training:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return forward(self, batch, step)

    monkeypatch.setattr(Step, "forward", scarce)
    answer = vaekit("fit", classes, *DEEP, "batch=20", "--out", tmp_path / "run")
    assert answer.code == 0
    assert answer.err.count("memory ran out for a batch of 20: its gradient is computed 5 data at a time") == 1
    notes = json.loads((tmp_path / "run" / "evaluation.json").read_text())["notes"]
    assert sum("memory ran out" in note for note in notes) == 1
