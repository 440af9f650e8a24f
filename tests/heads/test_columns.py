import pytest
import torch

from vaekit.distributions import point
from vaekit.heads import (
    Categorical,
    Columns,
    Gaussian,
    LogisticMixture,
    NegativeBinomial,
    Optimal,
    Ordinal,
    Poisson,
    Shared,
    StudentT,
)


def test_equal_families_are_one_group_and_so_are_all_categories():
    family = Columns(
        columns=(Categorical(levels=5), Gaussian(), Categorical(levels=2), Ordinal(levels=4), Gaussian(), Poisson())
    )
    assert family.heads((6,)) == {
        "0_logits": (7,),
        "1_loc": (2,),
        "1_scale": (2,),
        "2_cuts": (3,),
        "3_log_mean": (1,),
    }


def test_a_wide_table_is_few_groups():
    assert len(Columns(columns=(LogisticMixture(), Categorical(levels=3)) * 200).heads((400,))) == 4


def test_what_is_shared_by_all_data_each_column_has_of_its_own():
    family = Columns(columns=(Gaussian(scale=Shared()), StudentT(), Gaussian(scale=Shared())))
    shared = family.shared((3,))
    assert {key: tuple(value.shape) for key, value in shared.items()} == {"0_scale": (2,), "1_df": (1,)}
    shared["0_scale"] = torch.tensor([0.0, 2.0])
    raw = {key: torch.zeros(1, *size) for key, size in family.heads((3,)).items()} | shared
    assert family(raw, (3,)).sample((500,)).std(0)[0, 2] > 2


def test_start_is_that_of_each_family():
    assert Columns(columns=(Categorical(levels=2), NegativeBinomial())).start() == {"1_log_concentration": 0.0}


@pytest.mark.parametrize(
    ("columns", "measure"),
    [
        ((Categorical(levels=2), Poisson()), "counting"),
        ((Gaussian(), StudentT()), "lebesgue"),
        ((Gaussian(), Poisson()), "mixed"),
    ],
)
def test_the_measure_is_that_of_the_columns_or_mixed(columns, measure):
    assert Columns(columns=columns).measure == measure


def test_a_row_of_another_length_is_refused():
    with pytest.raises(ValueError, match="2 columns have rows of that length"):
        Columns(columns=(Gaussian(), Poisson())).heads((3,))


def test_a_scale_in_closed_form_is_refused():
    with pytest.raises(ValueError, match="column 1 has scale=optimal"):
        Columns(columns=(Poisson(), Gaussian(scale=Optimal())))


def test_points_are_of_the_kind_of_their_column():
    """A number's mean, a category's mode, a rank's median, a count's rounded mean."""
    family = Columns(columns=(Gaussian(), Categorical(levels=3), Ordinal(levels=3), Poisson(), Categorical(levels=2)))
    raw = {
        "0_loc": torch.tensor([[0.25]]),
        "0_scale": torch.zeros(1, 1),
        "1_logits": torch.tensor([[0.0, 1.0, 2.0, 0.0, 2.1]]),  # the column with two levels comes first
        "2_cuts": torch.tensor([[-0.1, 0.3]]),
        "3_log_mean": torch.tensor([[2.6]]).log(),
    }
    assert point(family(raw, (5,)))[0].tolist() == [0.25, 2.0, 1.0, 3.0, 1.0]


def test_a_cell_outside_its_support_is_told_by_the_name_of_its_column():
    columns, x = (Poisson(), Categorical(levels=3)), torch.tensor([[1.0, 2.0], [0.5, torch.nan]])
    with pytest.raises(ValueError, match="column 'visits': likelihood 'poisson' needs counts"):
        Columns(columns=columns, names=("visits", "city")).check(x)
    with pytest.raises(ValueError, match="column 0: likelihood 'poisson' needs counts"):
        Columns(columns=columns).check(x)
    with pytest.raises(ValueError, match="2 columns need as many names, got 1"):
        Columns(columns=columns, names=("visits",))
