"""What latents carry, in a model where all of it has a closed form."""

import pytest
import torch

from diagnosis.linear_gaussian import linear_gaussian
from vaekit.diagnosis import Examination


def test_drop_is_mutual_plus_lautum_information_of_an_exact_model() -> None:
    weight, sigma = torch.tensor([2.0, 1.0]), 0.5
    use = linear_gaussian(weight, sigma).latent_use
    assert use is not None
    # E (x - w z')^2 - E (x - w z)^2 = 2 w^2, over 2 sigma^2.
    assert use.drop == pytest.approx(float((weight**2).sum() / sigma**2), rel=0.12)
    information = 0.5 * torch.log(1 + weight**2 / sigma**2)
    assert use.drop > information.sum()
    assert use.rate == pytest.approx(float(information.sum()), rel=0.03)


def test_information_is_that_of_the_channel_from_datum_to_latent() -> None:
    weight = torch.tensor([3.0, 1.0, 0.3, 0.0])
    use = linear_gaussian(weight, 0.5).latent_use
    assert use is not None and use.information is not None
    torch.testing.assert_close(use.information, 0.5 * torch.log1p(weight**2 / 0.25), rtol=0.05, atol=1e-3)


def test_three_data_are_enough_for_the_rate() -> None:
    examination = linear_gaussian(torch.ones(2), 0.5, count=3)
    use = examination.latent_use
    assert use is not None and use.dimension is None and use.rate is not None


def test_measuring_leaves_the_generator_alone() -> None:
    examination = linear_gaussian(torch.ones(2), 0.5)
    before = torch.get_rng_state()
    first, second = examination.latent_use, Examination(examination.subject, deep=True).latent_use
    assert torch.equal(before, torch.get_rng_state())
    assert first is not None and second is not None and first.drop == second.drop
