"""The laws of families: what any map from a network's raw output to a distribution must obey."""

import itertools
import math

import pytest
import torch
from torch import nn
from torch.distributions import Distribution, Independent, Normal

from laws.members import FAMILIES, FAMILY_KINDS, data, members, name, raw
from vaekit.distributions import kl_terms, point, stopped, temper
from vaekit.heads import (
    LEVELED,
    Beta,
    Categorical,
    Conditional,
    DiscretizedLogistic,
    DiscretizedLogisticMixture,
    Exp,
    Optimal,
    Ordinal,
    Posterior,
    Softplus,
)
from vaekit.heads.family import refuse_non_finite
from vaekit.models import Trace

every_family = pytest.mark.parametrize("family", FAMILIES, ids=name)
SCALED = [family for family in FAMILIES if hasattr(family, "scale")]
POSTERIORS = [
    family for family in FAMILIES if type(family) in members(Posterior) and not isinstance(family.scale, Optimal)
]


def nodes(family, distribution):
    """Return values (K, B, 1) and weights (K, B) by which a sum over the support is taken."""
    (rows,) = distribution.batch_shape
    match family.support:
        case "binary" | "levels" | "counts":
            levels = torch.arange(getattr(family, "levels", 2000 if family.support == "counts" else 2)).double()
            return levels[:, None, None].expand(-1, rows, 1), torch.ones(len(levels), rows).double()
        case "unit":
            x, w = _panels(0, 1, 32, 20)
            return x[:, None, None].expand(-1, rows, 1), w[:, None].expand(-1, rows)
        case "open_unit":  # the substitution x = sigmoid(t) flattens what the density has at its ends
            x = torch.linspace(-36, 36, 4001, dtype=torch.float64)[:, None].sigmoid().expand(-1, rows)
            return x.unsqueeze(-1), x * (1 - x) * (72 / 4000)
        case "real":  # the substitution x = mean + sd sinh(t) reaches 1e5 standard deviations
            t, w = (part[:, None] for part in _panels(-12, 12, 240, 8))  # a kink at the mean lies between two panels
            sd = distribution.variance.sqrt().squeeze(-1)
            return (distribution.mean.squeeze(-1) + sd * t.sinh()).unsqueeze(-1), sd * t.cosh() * w
    raise NotImplementedError(family.support)


def _panels(low, high, count, order):
    """Return nodes and weights of Gauss and Legendre's rule on equal panels between two ends."""
    t, w = _gauss_legendre(order)
    half = (high - low) / count / 2
    middles = low + half * (2 * torch.arange(count, dtype=torch.float64) + 1)
    return (middles[:, None] + half * t).flatten(), (half * w).expand(count, -1).flatten()


def _gauss_legendre(n):
    k = torch.arange(1, n, dtype=torch.float64)
    beta = k / (4 * k.square() - 1).sqrt()
    t, vectors = torch.linalg.eigh(torch.diag(beta, 1) + torch.diag(beta, -1))
    return t, 2 * vectors[0].square()


def extreme(family, dtype=torch.float64, event=(1,)):
    """Return a raw output that holds every combination of -50, 0 and 50."""
    sizes = family.heads(event) | {key: tuple(value.shape) for key, value in family.shared(event).items()}
    corners = torch.tensor(list(itertools.product([-50.0, 0.0, 50.0], repeat=len(sizes))), dtype=dtype)
    return {
        key: corner.view(-1, *([1] * max(1, len(size)))).repeat(1, *(size or (1,))).requires_grad_()
        for (key, size), corner in zip(sizes.items(), corners.T, strict=True)
    }


def summable(family):
    """Return raw outputs whose whole mass a finite number of nodes can see."""
    if family.support == "open_unit":  # a pole within rounding of an end holds mass that no node reaches
        return [{key: part + 2 for key, part in raw(family, 20).items()}]
    # A sum over the counts near 5e8 is not taken; they are held against high precision instead.
    return [raw(family, 20)] if family.support == "counts" else [raw(family, 20), extreme(family)]


@every_family
def test_sums_or_integrates_to_one(family):
    """Nothing is called a likelihood that does not normalise (D5, O2, O3)."""
    for parts in summable(family):
        with torch.no_grad():
            distribution = family(parts, (1,))
            x, weight = nodes(family, distribution)
            total = (distribution.log_prob(x).exp() * weight).sum(0)
        torch.testing.assert_close(total, torch.ones_like(total), rtol=0, atol=1e-9)


def moment(distribution, which):
    """Return a moment, or None where a distribution has none in closed form."""
    try:
        return getattr(distribution, which).squeeze(-1)
    except NotImplementedError:
        return None


@every_family
def test_moments_of_samples(family):
    with torch.no_grad():
        distribution = family(summable(family)[0], (1,))
        x, weight = nodes(family, distribution)
        mass = distribution.log_prob(x).exp() * weight
        x = x.squeeze(-1)
        mean = (mass * x).sum(0)
        variance = (mass * (x - mean).square()).sum(0)
        fourth = (mass * (x - mean).pow(4)).sum(0)
        draws = distribution.sample((20_000,)).squeeze(-1)
    if (closed := moment(distribution, "mean")) is not None:
        torch.testing.assert_close(closed, mean, rtol=1e-8, atol=1e-8)
    if (closed := moment(distribution, "variance")) is not None:
        torch.testing.assert_close(closed, variance, rtol=1e-6, atol=1e-8)
    standard_error = (variance / len(draws)).sqrt()
    assert ((draws.mean(0) - mean).abs() <= 5 * standard_error + 1e-9).all()
    standard_error = ((fourth - variance.square()).clamp_min(0) / len(draws)).sqrt()
    # One draw far out moves the variance by its square over n; where none is expected the standard error is no guide.
    assert ((draws.var(0) - variance).abs() <= 5 * standard_error + 1e-3 * variance + 1e-9).all()


@every_family
def test_samples_lie_in_the_support_and_have_its_shape(family):
    draws = family(raw(family, 7, (2, 3)), (2, 3)).sample((5,))
    assert draws.shape == (5, 7, 2, 3)
    family.check(draws.flatten(0, 1))


@every_family
@pytest.mark.parametrize("lead", [(4,), (3, 4)], ids=str)
@pytest.mark.parametrize("event", [(5,), (2, 3, 3)], ids=str)
def test_batch_and_event_shapes(family, lead, event):
    parts = {key: torch.randn(*lead, *size) for key, size in family.heads(event).items()} | family.shared(event)
    distribution = family(parts, event)
    assert isinstance(distribution, Distribution)
    assert (distribution.batch_shape, distribution.event_shape) == (lead, event)
    assert distribution.log_prob(data(family, (4, *event)).float()).shape == lead


@every_family
def test_an_event_is_the_sum_of_its_dimensions(family):
    """Sums over dimensions, never means: a mean would shrink the likelihood against the rate (A1, O1)."""
    parts, x = raw(family, 6, (1, 4)), data(family, (6, 1, 4))
    whole = family(parts, (1, 4)).log_prob(x)
    alone = [
        family({key: part if part.dim() == 0 else part[..., j : j + 1] for key, part in parts.items()}, (1, 1))
        for j in range(4)
    ]
    total = sum(distribution.log_prob(x[..., j : j + 1]) for j, distribution in enumerate(alone))
    torch.testing.assert_close(whole, total, rtol=1e-12, atol=1e-12)


@every_family
def test_every_raw_channel_gets_a_gradient(family):
    parts = raw(family, 16, (3,))
    family(parts, (3,)).log_prob(data(family, (16, 3))).sum().backward()
    for key, part in parts.items():
        reached = part.grad != 0
        # A component that is far from a datum, at a small scale, gets exactly nothing from it; nor do cuts above a rank.
        reached = reached.any(0) if isinstance(family, DiscretizedLogisticMixture | Ordinal) else reached
        assert torch.isfinite(part.grad).all() and reached.all(), key


@every_family
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16], ids=str)
def test_finite_at_the_extremes_of_the_raw_output(family, dtype):
    parts = extreme(family, dtype, (2,))
    x = torch.stack([data(family, (2,)).float() for _ in range(len(next(iter(parts.values()))))])
    log_prob = family(parts, (2,)).log_prob(x)
    log_prob.sum().backward()
    assert torch.isfinite(log_prob).all()
    for key, part in parts.items():
        assert torch.isfinite(part.grad).all(), key


@every_family
def test_heads_start_at_one_whatever_the_input(family):
    """The initial standard deviation is 1 in the units of the network, under every parameterisation."""
    assert family.start().keys() <= family.heads((3,)).keys()
    conditional = Conditional(nn.Linear(5, 8), family, given=(5,), event=(3,)).double()
    distribution = conditional(10 * torch.randn(20, 5, dtype=torch.float64))
    distribution = getattr(distribution, "base_dist", distribution)
    if hasattr(family, "scale"):
        unit = (family.levels - 1) / 2 if isinstance(family, LEVELED) else 1.0
        expected = unit * (family.scale.value if family.scale.source == "constant" else 1.0)
        scale = distribution.scale.detach()
        torch.testing.assert_close(scale, torch.full_like(scale, expected), rtol=1e-6, atol=0)


@pytest.mark.parametrize("family", SCALED, ids=name)
def test_sources_of_the_scale_say_where_its_weights_are(family):
    assert ("scale" in family.heads((3,))) == (family.scale.source == "head")
    assert ("scale" in family.shared((3,))) == (family.scale.source == "shared")
    if family.scale.source != "constant":
        with pytest.raises(KeyError):  # never another part of the raw output in its place
            family({"loc": torch.zeros(1, 3)}, (3,))


BAD = {
    "binary": [0.5, 2.0, -1.0, math.nan],
    "unit": [-0.1, 1.1, math.nan, math.inf],
    "open_unit": [0.0, 1.0, -0.1, math.nan, math.inf],
    "levels": [0.5, -1.0, 1e6, math.nan],
    "counts": [0.5, -1.0, math.nan, math.inf],
    "real": [math.nan, math.inf, -math.inf],
}


@every_family
def test_check_refuses_with_the_cure_and_accepts_good_data(family):
    """Grey pixels are no Bernoulli data, whatever the user meant (D5, D11, O6)."""
    good = data(family, (6, 2, 3)).float()
    family.check(good)
    for value in BAD[family.support]:
        bad = good.clone()
        bad[4, 1, 2] = value
        with pytest.raises(ValueError, match=r"use likelihood|set likelihood|drop or impute|rescale"):
            family.check(bad)


def test_non_finite_data_are_counted_and_named():
    x = torch.zeros(9, 2)
    x[3, 0], x[7, 1] = math.nan, math.inf
    with pytest.raises(ValueError, match=r"2 of 9 .*first: 3, 7"):
        refuse_non_finite(x)


COUNTED = {
    "bernoulli",
    "categorical",
    "discretized_logistic",
    "discretized_logistic_mixture",
    "ordinal",
    "poisson",
    "negative_binomial",
    "zero_inflated",
}


@every_family
def test_what_a_log_likelihood_is_a_logarithm_of(family):
    assert family.measure == ("counting" if family.kind in COUNTED else "lebesgue")


@every_family
def test_point_is_deterministic_and_has_the_shape_of_a_datum(family):
    distribution = family(raw(family, 8, (2, 3)), (2, 3))
    value = point(distribution)
    assert value.shape == (8, 2, 3)
    assert torch.equal(value, point(distribution))
    if isinstance(family, DiscretizedLogistic):
        assert torch.equal(value, distribution.base_dist.loc.clamp(0, family.levels - 1))
    elif isinstance(family, DiscretizedLogisticMixture | Ordinal):
        assert value.min() >= 0 and value.max() <= family.levels - 1
    else:
        torch.testing.assert_close(value, distribution.mean)


@every_family
def test_temperature_one_is_the_identity_and_lower_is_sharper(family):
    distribution = family(raw(family, 8, (3,)), (3,))
    x = data(family, (8, 3))
    torch.testing.assert_close(temper(distribution, 1.0).log_prob(x), distribution.log_prob(x), rtol=1e-12, atol=1e-12)
    draws = [temper(distribution, t).sample((4000,)).var(0).sum() for t in (0.25, 1.0, 4.0)]
    assert draws[0] < draws[1] < draws[2]


@pytest.mark.parametrize("family", POSTERIORS, ids=name)
def test_stopped_is_the_same_density_without_gradients(family):
    distribution, z = family(raw(family, 8, (3,)), (3,)), data(family, (8, 3))
    assert distribution.log_prob(z).requires_grad or family.scale.source == "constant"
    still = stopped(distribution).log_prob(z)
    assert not still.requires_grad and torch.equal(still, distribution.log_prob(z))


@pytest.mark.parametrize("family", POSTERIORS, ids=name)
def test_temperature_scales_the_standard_deviation(family):
    distribution = family(raw(family, 8, (3,)), (3,))
    for t in (0.1, 0.7, 2.0):
        torch.testing.assert_close(temper(distribution, t).stddev, t * distribution.stddev)
        torch.testing.assert_close(temper(distribution, t).mean, distribution.mean)


@pytest.mark.parametrize("family", POSTERIORS, ids=name)
@pytest.mark.parametrize("against", ["itself", "normal"])
def test_closed_form_divergence_is_the_monte_carlo_one(family, against):
    with torch.no_grad():
        q, p = family(raw(family, 8, (3,)), (3,)), family(raw(family, 8, (3,)), (3,))
        if against == "normal":
            p = Independent(Normal(torch.zeros(3).double(), 1.5), 1)
        closed = kl_terms(q, p)
        z = q.sample((20_000,))
        ratio = q.base_dist.log_prob(z) - p.base_dist.log_prob(z)
    assert closed.shape == (8, 3)
    standard_error = ratio.std(0) / math.sqrt(len(z))
    assert ((ratio.mean(0) - closed).abs() <= 4 * standard_error + 1e-12).all()


@pytest.mark.parametrize("family", POSTERIORS, ids=name)
def test_divergence_is_zero_iff_equal_and_never_negative(family):
    """A logged KL is never negative (A4)."""
    with torch.no_grad():
        q, p = family(raw(family, 500, (3,)), (3,)), family(raw(family, 500, (3,)), (3,))
        assert (kl_terms(q, p) > 0).all()
        torch.testing.assert_close(kl_terms(q, q), torch.zeros(500, 3, dtype=torch.float64), rtol=0, atol=1e-14)


@pytest.mark.parametrize("levels", [2, 16, 17, 256])
def test_discretized_logistic_keeps_its_mass_in_single_precision(levels):
    """Log-scales from -9 to 3 in units of [-1, 1], locations inside and outside, and next to the edges of bins."""
    family, half = DiscretizedLogistic(levels=levels, scale=Exp(bounds=(-18, 6))), (levels - 1) / 2
    n = 16_000 // levels
    log_scale = torch.linspace(-9, 3, 13)[:, None].expand(-1, 2 * n)
    edges = (torch.randint(0, levels, (13, n)) + 0.5) / half - 1 + torch.randn(13, n) * log_scale[:, :n].exp()
    loc = torch.cat([torch.rand(13, n) * 3 - 1.5, edges], 1)
    distribution = family({"loc": loc[..., None], "scale": 2 * log_scale[..., None]}, (1,))
    total = torch.zeros(13, 2 * n)
    for level in range(levels):
        total += distribution.log_prob(torch.tensor([float(level)])).exp()
    assert (total - 1).abs().max() < 1e-5


@pytest.mark.parametrize("scale", [-9.0, -3.0, 0.0])
def test_a_mixture_sums_to_one_over_three_channels(scale):
    """8^3 colours of one pixel, in single precision, coefficients between channels included."""
    family = DiscretizedLogisticMixture(components=3, levels=8, scale=Exp(bounds=(-18, 6)))
    parts = raw(family, 50, (3,), torch.float32)
    parts["scale"] = parts["scale"].detach() / 3 + 2 * scale
    colors = torch.cartesian_prod(*[torch.arange(8.0)] * 3)
    total = family(parts, (3,)).log_prob(colors.unsqueeze(1)).exp().sum(0)
    assert (total - 1).abs().max() < 2e-5


def test_draws_of_a_mixture_follow_its_joint_probabilities():
    """Each channel is rounded before the next one is conditioned on it, else frequencies and probabilities differ."""
    family = DiscretizedLogisticMixture(components=2, levels=4)
    distribution = family({key: part.detach() for key, part in raw(family, 3, (2,)).items()}, (2,))
    colors = torch.cartesian_prod(*[torch.arange(4.0).double()] * 2)
    expected = distribution.log_prob(colors.unsqueeze(1)).exp()
    n = 40_000
    draws = distribution.sample((n,))
    found = torch.stack([(draws == color).all(-1).double().mean(0) for color in colors])
    assert ((found - expected).abs() <= 5 * (expected * (1 - expected) / n).sqrt() + 1e-9).all()


def test_every_kind_of_family_is_tested():
    assert {Beta, Categorical, DiscretizedLogistic} < set(FAMILY_KINDS) and len(FAMILY_KINDS) >= 12


@pytest.mark.parametrize("beta", [0.1, 1.0, 700.0, 1e4])
@pytest.mark.parametrize("of", ["sigma", "variance"])
@pytest.mark.parametrize("floor", [0.0, 0.5, 0.999])
def test_softplus_starts_at_one_for_every_sharpness(beta, of, floor):
    scale = Softplus(beta=beta, floor=floor, of=of)
    assert scale.sigma(torch.tensor(scale.start(), dtype=torch.float64)).item() == pytest.approx(1, rel=1e-9)


@every_family
def test_autocast_changes_no_density(family):
    """Networks are rounded under autocast, densities are not."""
    parts = {key: part.detach() for key, part in raw(family, 4, (3,), torch.float32).items()}
    x = data(family, (4, 3)).float()
    distribution = family(parts, (3,))
    with torch.autocast("cpu", torch.bfloat16):
        found = Trace(x, distribution, ()).log_likelihood
    assert found.dtype == torch.float32
    assert torch.equal(found, distribution.log_prob(x))


@pytest.mark.parametrize("family", [f for f in SCALED if f.support == "real"], ids=name)
@pytest.mark.parametrize("error", [0.44, 20.0, 1e4])
def test_large_errors_are_finite_and_symmetric(family, error):
    """A reconstruction far off must cost the same on both sides, and never infinity (A5)."""
    parts = {key: torch.zeros(1, *size) for key, size in family.heads((1,)).items()}
    parts |= {key: value.detach().float() for key, value in family.shared((1,)).items()}
    distribution = family(parts, (1,))
    above, below = (distribution.log_prob(torch.full((1, 1), sign * error)) for sign in (1, -1))
    assert torch.isfinite(above).all()
    torch.testing.assert_close(above, below)
