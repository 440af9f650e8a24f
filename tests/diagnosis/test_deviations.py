"""Deviations are those of draws, and levels are told from real numbers."""

import math

import pytest
import torch
from torch.distributions import Independent, Laplace, MultivariateNormal, Normal

from vaekit import distributions
from vaekit.diagnosis.deviations import deviations, level_spacing


def test_deviations_are_those_of_draws():
    one = torch.ones(3)
    assert deviations(Independent(Normal(0 * one, 2 * one), 1)).tolist() == [2, 2, 2]
    assert deviations(Laplace(0 * one, one)).tolist() == pytest.approx([math.sqrt(2)] * 3)
    assert deviations(MultivariateNormal(0 * one, 4 * torch.eye(3))).tolist() == [2, 2, 2]
    logistic = distributions.DiscretizedLogistic(500 * torch.ones(20000), 30 * torch.ones(20000), 1001)
    torch.manual_seed(0)
    assert logistic.sample().std().item() == pytest.approx(deviations(logistic)[0].item(), rel=0.03)
    assert deviations(distributions.Delta(one, 1)) is None


def test_levels_have_a_spacing_and_real_numbers_none():
    levels = torch.arange(17).repeat(50) / 16
    assert level_spacing(levels) == pytest.approx(1 / 16)
    assert level_spacing(levels + torch.rand_like(levels) / 16) == 0
