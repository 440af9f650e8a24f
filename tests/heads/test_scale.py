import math

import pytest
import torch

from vaekit.heads import Bernoulli, Conditional, Exp, Fixed, Gaussian, Shared, Softplus


def test_exp_reads_a_clamped_log_variance():
    raw = torch.tensor([-100.0, -10.0, 0.0, 1.0, 2.0, 100.0])
    torch.testing.assert_close(Exp(bounds=(-10, 2)).sigma(raw), torch.exp(raw.clamp(-10, 2) / 2))


@pytest.mark.parametrize("kind", [Exp, Shared])
@pytest.mark.parametrize("bounds", [(2.0, -10.0), (1.0, 1.0)], ids=str)
def test_bounds_in_the_wrong_order_are_refused(kind, bounds):
    with pytest.raises(ValueError, match="low < high"):
        kind(bounds=bounds)


@pytest.mark.parametrize("scale", [Exp(bounds=(-10, -2)), Exp(bounds=(1, 4)), Shared(bounds=(-10, -2))], ids=repr)
def test_bounds_that_exclude_one_begin_at_a_bound_with_a_gradient(scale):
    """Begun outside its bounds, a clamped scale would never get a gradient."""
    raw = torch.tensor(scale.start(), requires_grad=True)
    scale.sigma(raw).backward()
    assert raw.grad > 0


def test_softplus_floor_is_the_learned_minimum():
    for of in ("sigma", "variance"):
        scale = Softplus(floor=0.2, of=of)
        lowest = scale.sigma(torch.tensor(-1e4)).item()
        assert lowest == pytest.approx(0.2 if of == "sigma" else math.sqrt(0.2), rel=1e-4)


def test_softplus_with_beta_log_two_is_one_at_zero():
    assert Softplus(beta=math.log(2)).sigma(torch.tensor(0.0)) == 1
    assert Softplus(beta=math.log(2)).start() == pytest.approx(0, abs=1e-15)


@pytest.mark.parametrize("keys", [{"floor": 1.0}, {"floor": -0.1}, {"beta": 0.0}])
def test_softplus_refuses_what_cannot_start_at_one(keys):
    with pytest.raises(ValueError):
        Softplus(**keys)


def test_the_scale_is_settable():
    """No sigma is fixed at 1 for ever (D4, O2, O3)."""
    family = Gaussian(scale=Fixed(value=0.1))
    distribution = family({"loc": torch.zeros(1, 2)}, (2,))
    assert distribution.stddev.tolist() == [[pytest.approx(0.1), pytest.approx(0.1)]]
    with pytest.raises(ValueError):
        Fixed(value=0.0)


def test_a_fixed_scale_has_no_weight():
    conditional = Conditional(torch.nn.Linear(2, 4), Gaussian(scale=Fixed()), given=(2,), event=(3,))
    assert len(conditional.shared) == 0 and list(conditional.heads.layers) == ["loc"]


@pytest.mark.parametrize(
    ("binarize", "expected"), [("none", [0.0, 0.2, 0.5, 0.8, 1.0]), ("threshold", [0.0, 0.0, 0.0, 1.0, 1.0])]
)
def test_bernoulli_binarizes_without_chance(binarize, expected):
    x = torch.tensor([0.0, 0.2, 0.5, 0.8, 1.0])
    assert torch.equal(Bernoulli(binarize=binarize).binarized(x), torch.tensor(expected))


def test_bernoulli_binarizes_by_chance_with_the_grey_level_as_probability():
    x = torch.tensor([0.0, 0.2, 0.5, 0.8, 1.0]).expand(20_000, 5)
    draws = Bernoulli(binarize="dynamic").binarized(x)
    assert set(draws.unique().tolist()) == {0.0, 1.0}
    assert (draws.mean(0) - x[0]).abs().max() < 5 * 0.5 / math.sqrt(20_000)
    assert not torch.equal(draws, Bernoulli(binarize="dynamic").binarized(x))
