"""The laws of rows of a table: columns of any kinds side by side, any cells of which may be missing."""

import itertools
import math

import pytest
import torch
from torch import nn

from laws.members import COLUMNS, data, name, raw
from vaekit.distributions import point, temper
from vaekit.heads import Categorical, Columns, Conditional, Gaussian, Ordinal

every_table = pytest.mark.parametrize("family", COLUMNS, ids=name)


def event(family):
    return (len(family.columns),)


def rows(family, n=12, missing=0.3):
    x = data(family, (n, *event(family)))
    return x.masked_fill(torch.rand(x.shape) < missing, math.nan)


def still(family, n=12, dtype=torch.float64):
    return {key: part.detach() for key, part in raw(family, n, event(family), dtype).items()}


def alone(family, parts, index):
    """Return the raw output of one column as its family's own, found by the gradient that its cell gives."""
    leaves = {key: part.clone().requires_grad_() for key, part in parts.items()}
    x = data(family, (len(next(iter(parts.values()))), *event(family)))
    cell = family(leaves, event(family)).log_prob_cells(x)[:, index].sum()
    found = torch.autograd.grad(cell, list(leaves.values()), allow_unused=True)
    return {key: slope for key, slope in zip(leaves, found, strict=True) if slope is not None}


@every_table
def test_a_missing_cell_is_the_marginal_over_it(family):
    """It is left out of the product exactly, and no other cell notices."""
    distribution, x = family(still(family), event(family)), rows(family, missing=0)
    cells = distribution.log_prob_cells(x)
    for j in range(len(family.columns)):
        gap = x.clone()
        gap[:, j] = math.nan
        expected = cells.clone()
        expected[:, j] = 0
        assert torch.equal(distribution.log_prob_cells(gap), expected)
        torch.testing.assert_close(distribution.log_prob(gap), expected.sum(1), rtol=1e-12, atol=1e-12)


def test_the_sum_over_a_cells_values_is_the_row_without_it():
    family = Columns(columns=(Categorical(levels=3), Gaussian(), Ordinal(levels=4), Categorical(levels=3)))
    distribution, x = family(still(family), (4,)), rows(family, missing=0)
    for j, levels in ((0, 3), (2, 4), (3, 3)):
        each = []
        for level in range(levels):
            x[:, j] = level
            each.append(distribution.log_prob(x))
        x[:, j] = math.nan
        torch.testing.assert_close(torch.stack(each).logsumexp(0), distribution.log_prob(x))
        x[:, j] = 0


def test_a_small_mixed_table_has_mass_one():
    family = Columns(columns=(Ordinal(levels=3), Gaussian(), Categorical(levels=4)))
    distribution = family(still(family, 1), (3,))
    grid = torch.linspace(-30, 30, 6001, dtype=torch.float64)
    total = torch.zeros((), dtype=torch.float64)
    for rank, code in itertools.product(range(3), range(4)):
        x = torch.stack([torch.full_like(grid, rank), grid, torch.full_like(grid, code)], 1)
        total += distribution.log_prob(x[:, None]).exp().sum() * 0.01
    assert total.item() == pytest.approx(1, abs=1e-9)


@every_table
def test_a_cell_depends_on_its_own_columns_raw_output_alone(family):
    """Groups are a matter of speed: no column sees another one's parameters."""
    parts = still(family, 3)
    used = [alone(family, parts, j) for j in range(len(family.columns))]
    for key in parts:
        reached = torch.stack([slopes.get(key, torch.zeros_like(parts[key])) != 0 for slopes in used])
        assert (reached.sum(0) <= 1).all(), key


@every_table
def test_a_batch_equals_one_by_one(family):
    parts, x = still(family), rows(family)
    whole = family(parts, event(family)).log_prob_cells(x)
    shared = family.shared(event(family))
    for i in range(len(x)):
        row = {key: part if key in shared else part[i : i + 1] for key, part in parts.items()}
        found = family(row, event(family)).log_prob_cells(x[i : i + 1])[0]
        torch.testing.assert_close(found, whole[i], rtol=1e-12, atol=1e-12)


@every_table
@pytest.mark.parametrize("lead", [(4,), (3, 4)], ids=str)
def test_shapes(family, lead):
    parts = {key: torch.randn(*lead, *size) for key, size in family.heads(event(family)).items()}
    distribution = family({**parts, **family.shared(event(family))}, event(family))
    assert (distribution.batch_shape, distribution.event_shape) == (lead, event(family))
    x = rows(family, 4).float()
    assert distribution.log_prob(x).shape == lead
    assert distribution.log_prob_cells(x).shape == (*lead, *event(family))
    assert distribution.sample((5,)).shape == (5, *lead, *event(family))
    assert point(distribution).shape == (*lead, *event(family))


@every_table
def test_gradients_are_finite_with_missing_cells_and_reach_every_channel(family):
    parts, x = raw(family, 60, event(family)), rows(family, 60)
    x[0] = math.nan
    family(parts, event(family)).log_prob(x).sum().backward()
    for key, part in parts.items():
        assert torch.isfinite(part.grad).all(), key
        assert (part.grad != 0).any(0).all(), key
        if key in family.heads(event(family)):
            assert (part.grad[0] == 0).all(), key  # nothing of this row was observed


@every_table
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16], ids=str)
def test_finite_at_the_extremes_of_the_raw_output(family, dtype):
    sizes = {key: part.shape[1:] for key, part in still(family, 1).items() if key in family.heads(event(family))}
    parts = {
        key: torch.tensor([-50.0, 0.0, 50.0])[torch.randint(0, 3, (200, *size))].to(dtype).requires_grad_()
        for key, size in sizes.items()
    }
    distribution = family({**parts, **family.shared(event(family))}, event(family))
    found = distribution.log_prob(rows(family, 200).float())
    found.sum().backward()
    assert torch.isfinite(found).all()
    assert all(torch.isfinite(part.grad).all() for part in parts.values())


@every_table
def test_draws_and_points_are_in_the_support_of_each_column(family):
    distribution = family(still(family), event(family))
    for x in (distribution.sample(), point(distribution), temper(distribution, 0.5).sample()):
        assert not x.isnan().any()
        family.check(x)
    assert torch.equal(point(distribution), point(distribution))


@every_table
def test_draws_have_the_moments_of_their_columns(family):
    distribution = family(still(family, 2), event(family))
    draws = distribution.sample((20_000,))
    again = temper(distribution, 1.0).sample((20_000,))
    error = (draws.std(0) + again.std(0)) / math.sqrt(20_000)
    assert ((draws.mean(0) - again.mean(0)).abs() <= 5 * error + 1e-9).all()
    assert (temper(distribution, 0.05).sample((2_000,)).std(0) <= draws.std(0) + 0.05).all()


@every_table
def test_it_is_the_likelihood_of_a_conditional(family):
    conditional = Conditional(nn.Linear(3, 8), family, given=(3,), event=event(family))
    distribution = conditional(torch.randn(2, 6, 3))
    distribution.log_prob(rows(family, 6).float()).sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in conditional.parameters())


@every_table
def test_check_names_the_column(family):
    family.check(rows(family, 50))
    family.check(torch.full((3, *event(family)), math.nan))
    for j in range(len(family.columns)):
        bad = rows(family, 50)
        bad[3, j] = -math.inf
        with pytest.raises(ValueError, match=f"column {j}: "):
            family.check(bad)
