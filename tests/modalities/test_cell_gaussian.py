"""A Gaussian and a forest of all cells fill missing cells beside the VAE of a table."""

import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch

import vaekit
from vaekit import TableVAE
from vaekit.data import Slot
from vaekit.modalities.table.forest import CellForest
from vaekit.modalities.table.gaussian import CellGaussian
from vaekit.modalities.table.stacking import StackedVAE, Stacking
from vaekit.nets import MLP

REAL = tuple(Slot(name=name, kind="real") for name in "abc")
COVARIANCE = torch.tensor([[1.0, 0.8, 0.3], [0.8, 1.0, 0.5], [0.3, 0.5, 1.0]])


def rows(count: int, seed: int = 0) -> torch.Tensor:
    noise = torch.randn(count, 3, generator=torch.Generator().manual_seed(seed))
    return noise @ torch.linalg.cholesky(COVARIANCE).T + torch.tensor([1.0, -2.0, 0.5])


def holed(x: torch.Tensor, share: float) -> torch.Tensor:
    return x.masked_fill(torch.rand(x.shape, generator=torch.Generator().manual_seed(1)) < share, torch.nan)


def test_rows_with_holes_give_the_moments_of_whole_rows() -> None:
    gaussian = CellGaussian(REAL, range(3))
    gaussian.fit(holed(rows(2000), 0.3))
    torch.testing.assert_close(gaussian.covariance, COVARIANCE, atol=0.1, rtol=0)
    torch.testing.assert_close(gaussian.mean, torch.tensor([1.0, -2.0, 0.5]), atol=0.1, rtol=0)


def test_draws_are_those_of_the_conditional_distribution() -> None:
    gaussian = CellGaussian(REAL, range(3))
    gaussian.covariance.copy_(COVARIANCE)
    torch.manual_seed(0)
    drawn = gaussian.draw(torch.tensor([[2.0, torch.nan, torch.nan], [torch.nan] * 3, [1.0, 2.0, 3.0]]), 20_000)
    slope, rest = COVARIANCE[1:, 0], COVARIANCE[1:, 1:] - torch.outer(COVARIANCE[1:, 0], COVARIANCE[1:, 0])
    torch.testing.assert_close(drawn[:, 0, 1:].mean(0), 2 * slope, atol=0.03, rtol=0)
    torch.testing.assert_close(drawn[:, 0, 1:].T.cov(), rest, atol=0.03, rtol=0)
    torch.testing.assert_close(drawn[:, 1].T.cov(), COVARIANCE, atol=0.05, rtol=0)
    assert torch.equal(drawn[:, 2], torch.tensor([1.0, 2.0, 3.0]).expand(20_000, 3))


def test_the_share_of_the_draws_is_the_weight_of_each_member() -> None:
    stacking = Stacking(CellGaussian(REAL, range(3)))
    stacking.forest.fit(torch.full((20, 3), 77.0), stacking.gaussian)
    stacking.weight.copy_(torch.tensor([[1.0, 0.7, 0.0], [0.0, 0.3, 0.5], [0.0, 0.0, 0.5]]))
    mixed = stacking.mixed(torch.full((4, 3), torch.nan), torch.full((10, 4, 3), 99.0))
    assert (mixed == 99).sum(0).tolist() == [[10, 7, 0]] * 4
    assert (mixed == 77).sum(0).tolist() == [[0, 0, 5]] * 4


def at_the_truth() -> Stacking:
    stacking = Stacking(CellGaussian(REAL, range(3)))
    stacking.gaussian.covariance.copy_(COVARIANCE)
    stacking.gaussian.mean.copy_(torch.tensor([1.0, -2.0, 0.5]))
    return stacking


def test_intervals_that_hold_too_much_or_too_little_are_corrected() -> None:
    truth = rows(500, seed=2)
    for scale in (0.6, 1.6):
        torch.manual_seed(0)
        stacking = at_the_truth()
        stacking.gaussian.covariance.mul_(scale**2)
        stacking.weigh(truth, [stacking.gaussian.draw(holes, 100) for holes, _ in stacking.gaussian.hidden(truth)])
        holes = truth.masked_fill(torch.tensor([False, True, False]), torch.nan)
        drawn = stacking.mixed(holes, stacking.gaussian.draw(holes, 400))[..., 1]
        low, high = drawn.quantile(0.05, 0), drawn.quantile(0.95, 0)
        assert 0.86 < ((low < truth[:, 1]) & (truth[:, 1] < high)).float().mean() < 0.95


def test_weights_go_to_the_best_member() -> None:
    truth = rows(500, seed=3)
    for vae, least, most in ((99.0, 0.0, 0.05), (0.0, 0.95, 1.0)):
        stacking = at_the_truth()
        stacking.weigh(truth, [(truth + vae).expand(100, -1, -1) for _ in stacking.gaussian.hidden(truth)])
        assert ((least <= stacking.weight[0]) & (stacking.weight[0] <= most)).all()


def test_every_known_cell_is_hidden_once() -> None:
    slots = (*REAL, Slot(name="d", kind="categorical", levels=2))
    x = torch.zeros(6, 4)
    hidden = list(CellGaussian(slots, (0, 1, 1, 2)).hidden(x))
    assert torch.equal(sum(rows.isnan().int() for rows, _ in hidden), torch.ones(6, 4).int())
    assert all(torch.equal(rows[:, 1].isnan(), rows[:, 2].isnan()) and gone.shape == (6, 5) for rows, gone in hidden)


def bent(count: int) -> torch.Tensor:
    """Numbers whose second is the square of the first, and a class that says whether this is large; no covariance tells."""
    x = torch.linspace(-2, 2, count)
    return torch.stack([x, x.square(), (x.square() > 1).float()], 1)


def test_a_forest_finds_relations_that_are_not_linear() -> None:
    gaussian = CellGaussian((*REAL[:2], Slot(name="d", kind="categorical", levels=2)), range(3))
    gaussian.fit(bent(300))
    forest, x = CellForest(), bent(57)
    forest.fit(holed(bent(300), 0.05), gaussian)
    torch.manual_seed(0)
    drawn = forest.draw(x.masked_fill(torch.tensor([False, True, False]), torch.nan), 100, gaussian)
    assert (drawn[..., 1].mean(0) - x[:, 1]).abs().mean() < 0.15 < 0.5 * x[:, 1].std()
    drawn = forest.draw(x.masked_fill(torch.tensor([False, False, True]), torch.nan), 100, gaussian)
    assert (drawn[..., 2].mode(0).values == x[:, 2]).float().mean() > 0.9
    assert torch.equal(drawn[..., :2], x[:, :2].expand(100, -1, -1))


@pytest.mark.parametrize(("seconds", "trees"), [(1e-4, 0), (0.05, 3), (math.inf, 100)])
def test_short_time_means_fewer_trees_and_the_gaussian_in_their_place(seconds: float, trees: int) -> None:
    model = TableVAE(slots=REAL, latent=2, net=MLP(widths=(4,)), gaussian=True).build()
    assert isinstance(model, StackedVAE)
    weights = model.finish(rows(120), rows(60, 1), seconds)
    assert weights.sum().item() == pytest.approx(1) and (trees > 0 or weights[2] == 0)
    assert abs((model.stacking.forest.root.shape[1] if trees else 0) - trees) <= 1
    assert model.stacking.forest.is_grown == (trees > 0)
    assert model.stacking.mixed(holed(rows(9), 0.5), rows(90).view(10, 9, 3)).isfinite().all()


def test_cells_of_a_row_depend_on_each_other_in_draws_of_the_forest() -> None:
    stacking = at_the_truth()
    stacking.forest.fit(rows(300), stacking.gaussian)
    stacking.weight.copy_(torch.tensor([0.0, 0.0, 1.0]).unsqueeze(1).expand(3, 3))
    torch.manual_seed(0)
    drawn = stacking.mixed(torch.full((1, 3), torch.nan), torch.zeros(400, 1, 3))
    assert (drawn[:, 0].T.corrcoef() - COVARIANCE).abs().max() < 0.15


def test_categories_counts_and_ranks_stay_what_they_are() -> None:
    slots = (
        Slot(name="c", kind="categorical", levels=3),
        Slot(name="n", kind="count"),
        Slot(name="r", kind="ordinal", levels=4),
    )
    gaussian = CellGaussian(slots, range(3))
    kind = torch.randint(3, (400,), generator=torch.Generator().manual_seed(0)).float()
    whole = torch.stack([kind, 10**kind, kind + 1], 1)
    gaussian.fit(whole)
    drawn = gaussian.draw(torch.stack([torch.full((400,), torch.nan), whole[:, 1], whole[:, 2]], 1), 20)
    assert (drawn[..., 0] == kind).float().mean() > 0.85
    free = gaussian.draw(torch.full((50, 3), torch.nan), 20)
    assert (free == free.round()).all() and (free >= 0).all() and free[..., 0].max() <= 2 and free[..., 2].max() <= 3


def test_values_without_a_code_are_missing() -> None:
    gaussian = CellGaussian((*REAL, Slot(name="d", kind="categorical", levels=2)), range(4))
    drawn = gaussian.draw(torch.tensor([[0.0, 1.0, 2.0, torch.inf]]), 5)
    assert drawn.isfinite().all()


def linear(count: int) -> dict[str, Any]:
    """Numbers whose third is the sum of the first two, and a category that says the sign of the first."""
    x = np.random.default_rng(0).standard_normal((count, 2)).round(3)
    return {
        "a": x[:, 0],
        "b": x[:, 1],
        "sum": (x[:, 0] + x[:, 1]).round(3),
        "sign": np.where(x[:, 0] > 0, "plus", "minus"),
    }


@pytest.fixture(scope="module")
def fitted() -> vaekit.TrainedModel:
    return vaekit.fit(linear(300), goal="imputation", steps=10, preset="fast")


def test_linear_relations_of_a_small_table_are_found_without_training(fitted: vaekit.TrainedModel) -> None:
    truth = linear(300)
    filled = fitted.impute({**truth, "sum": pa.nulls(300, pa.float64()), "b": truth["b"]}).table
    error = np.asarray(filled["sum"]) - truth["sum"]
    assert error.std() < 0.4 * truth["sum"].std()
    assert isinstance(fitted.model, StackedVAE) and fitted.model.stacking.weight[1:].sum(0).min() > 0.5


def test_a_saved_model_fills_the_same_cells(fitted: vaekit.TrainedModel, tmp_path: Any) -> None:
    holes = {**linear(300), "sum": pa.nulls(300, pa.float64())}
    again = vaekit.TrainedModel.load(fitted.save(tmp_path / "model"))
    assert again.impute(holes).table == fitted.impute(holes).table


def test_the_gaussian_is_chosen_for_imputation_where_it_suits(fitted: vaekit.TrainedModel) -> None:
    assert isinstance(fitted.description, TableVAE) and fitted.description.gaussian
    assert not TableVAE(slots=REAL, net=MLP(widths=(4,))).gaussian
    other = vaekit.planned(linear(300), goal="imputation", condition="label", target="sign")
    assert not other.experiment.model.gaussian


def test_a_table_with_one_rare_class_is_trained_on() -> None:
    names = ["a"] * 150 + ["b"] * 149 + ["rare"]
    assert vaekit.planned({"c": names, "x": np.arange(300.0) % 17}).experiment.model.slots[0].levels == 3
