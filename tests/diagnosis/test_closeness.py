"""Planted copies are nearer to what they copy, and nothing else is."""

from __future__ import annotations

import pytest
import torch

from vaekit.diagnosis.closeness import _closeness


def test_copies_are_nearer_to_what_they_copy_and_new_data_are_not() -> None:
    torch.manual_seed(0)
    data = torch.randn(400, 5)
    copies = _closeness(data[:200].repeat(3, 1) + 1e-3, data)
    fresh = _closeness(torch.randn(600, 5), data)
    assert copies.share == pytest.approx(1) and copies.score > 10
    assert abs(fresh.score) < 3


def test_one_sample_over_and_over_is_no_evidence() -> None:
    torch.manual_seed(0)
    data = torch.randn(100, 5)
    found = _closeness(data[:1].repeat(500, 1), data)
    assert (found.share, found.score) == (1.0, pytest.approx(1.0))


def test_the_score_of_equal_parts_has_unit_variance() -> None:
    torch.manual_seed(0)
    scores = [_closeness(torch.randn(100, 3), torch.randn(120, 3)).score for _ in range(300)]
    assert torch.tensor(scores).std().item() == pytest.approx(1, abs=0.15)
