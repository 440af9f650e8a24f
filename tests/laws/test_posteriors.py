"""The laws of posteriors and priors: densities on their own space, from which the draws, rates and bounds follow."""

import itertools
import math

import pytest
import torch
from torch import nn

from laws.linear_gaussian import importance_bounds
from laws.members import POSTERIORS, PRIORS, name
from vaekit.distributions import draw, kl, kl_terms, point, stopped, temper
from vaekit.evaluation import bounds
from vaekit.heads import PRIOR_OF, Bernoulli, Family, Site, conditional
from vaekit.modalities import ImageVAE
from vaekit.models import Latent
from vaekit.nets import MLP, Conv

SPACES = ("real", "sphere", "ball", "one_hot")  # over which the integrals here are known; codes have laws of their own
SMOOTH = ("real", "sphere", "ball")
GIVEN, BATCH = (4,), 3

every_posterior = pytest.mark.parametrize("posterior", POSTERIORS, ids=name)
every_prior = pytest.mark.parametrize("prior", PRIORS, ids=name)
every_family = pytest.mark.parametrize("family", [p for p in POSTERIORS if isinstance(p, Family)], ids=name)
FIRST = {posterior.support: posterior for posterior in reversed(POSTERIORS)}
PAIRS = [
    (posterior, prior)
    for posterior, prior in itertools.product(POSTERIORS, PRIORS)
    if posterior.support == prior.support and (prior in PRIOR_OF.values() or posterior is FIRST[prior.support])
]
every_pair = pytest.mark.parametrize(("posterior", "prior"), PAIRS, ids=name)


def moved(module, size=1.0):
    """Return a module in double precision away from its start, where much is zero."""
    module = module.double()
    for p in module.parameters():
        p.data.add_(size * torch.randn_like(p) / (p.shape[-1] if p.dim() else 1) ** 0.5)
    return module.eval()


def built(posterior, latent=2):
    """Return q(z | c) for vectors c."""
    net = nn.Sequential(nn.Linear(4, 8), nn.Tanh())
    return moved(conditional(posterior, net, given=GIVEN, event=posterior.latent_event(latent)))


def prior_of(prior, latent=2, posterior=None, beside=None):
    """Return p(z), beside a posterior, by default the plainest on its space."""
    posterior = posterior or FIRST[prior.support]
    module = prior.build(Site(posterior.latent_event(latent), beside or built(posterior, latent), GIVEN))
    if prior.joint and callable(getattr(module, "initialize", None)):
        module.double().initialize(torch.randn(64, *GIVEN).double())
    return moved(module)()


def with_density(q):
    """Return q where it has a density that is quick at any point; that of a flow is taken at its draws, here as in use."""
    if getattr(q, "no_density", None):
        pytest.skip("a point has no density")
    if getattr(q, "rsample_and_log_prob", None):
        pytest.skip("the density of a flow is checked at its draws, by the exact evidence")
    return q


def nodes(support, q, steps=240):
    """Return points (K, B or 1, *event) and weights (K, B or 1) by which a density on the space is integrated."""
    match support:
        case "real":  # z = m + s sinh t, with m and s of draws: 200 deviations wide
            draws = q.sample((2000,))
            t = torch.cartesian_prod(*[torch.linspace(-6, 6, steps + 1).double()] * 2)
            t = t.unsqueeze(1) if q.batch_shape else t
            scale = draws.std(0)
            return draws.mean(0) + scale * t.sinh(), (scale * t.cosh()).prod(-1) * (12 / steps) ** 2
        case "sphere":
            angle = torch.linspace(0, 2 * math.pi, 721).double()[:-1]
            circle = torch.stack([angle.cos(), angle.sin()], -1).unsqueeze(1)
            if q.event_shape[0] == 2:
                return circle, torch.full((720, 1), 2 * math.pi / 720).double()
            height = torch.linspace(-1, 1, 402).double()
            height = (height[1:] + height[:-1]) / 2
            ring = circle[::8] * (1 - height.square()).sqrt()[:, None, None, None]
            points = torch.cat([height[:, None, None, None].expand(-1, 90, 1, 1), ring], -1).flatten(0, 1)
            return points, torch.full((len(points), 1), 4 * math.pi / len(points)).double()
        case "ball":  # circles around the center of q, moved there by an isometry of the disc, in complex numbers
            r, angle = torch.linspace(0, 14, 281).double()[1:], torch.linspace(0, 2 * math.pi, 65).double()[:-1]
            disc = torch.polar((r / 2).tanh()[:, None].expand(-1, 64).flatten(), angle.repeat(280)).unsqueeze(1)
            center = torch.view_as_complex(point(q).detach().contiguous())
            weight = (r.sinh() * 0.05 * 2 * math.pi / 64)[:, None].expand(-1, 64).reshape(-1, 1)
            return torch.view_as_real((disc + center) / (1 + center.conj() * disc)), weight
        case "one_hot":
            latent, classes = q.event_shape
            codes = torch.cartesian_prod(*[torch.arange(classes)] * latent)
            z = nn.functional.one_hot(codes, classes).double().unsqueeze(1)
            return z, torch.ones(len(z), 1).double()
    raise NotImplementedError(f"say here how to integrate over {support!r}")


def mass(support, q, steps=240):
    """Return points and the probability that each stands for."""
    z, weight = nodes(support, q, steps)
    z = z if q.batch_shape or support == "real" else z.squeeze(1)
    return z, q.log_prob(z).exp() * (weight if q.batch_shape or support == "real" else weight.squeeze(1))


def within_standard_errors(draws, expected, errors=4.5, slack=1e-6):
    """Whether the mean over the first axis is the expected one, but for the noise of the draws."""
    standard_error = draws.std(0) / math.sqrt(len(draws))
    return ((draws.mean(0) - expected).abs() <= errors * standard_error + slack).all()


LATENTS = {"sphere": (2, 3)}


@every_posterior
def test_a_posterior_integrates_to_one_and_is_what_it_draws(posterior):
    """With the measure of its space: lengths and areas on the sphere, hyperbolic areas in the ball, sums over classes."""
    if posterior.support not in SPACES:
        pytest.skip("codes have laws of their own")
    for latent in LATENTS.get(posterior.support, (2,)):
        with torch.no_grad():
            q = with_density(built(posterior, latent)(torch.randn(BATCH, *GIVEN).double()))
            z, p = mass(posterior.support, q)
            draws = q.sample((20_000,)).flatten(2)
        torch.testing.assert_close(p.sum(0), torch.ones(BATCH).double(), rtol=0, atol=1e-3)
        z = z.expand(-1, BATCH, *z.shape[2:]).flatten(2)
        for moment in (lambda z: z, torch.square, lambda z: z.prod(-1, keepdim=True)):
            assert within_standard_errors(moment(draws), (p.unsqueeze(-1) * moment(z)).sum(0), 5)


@every_prior
def test_a_prior_integrates_to_one_and_is_what_it_draws(prior):
    if prior.support not in SPACES:
        pytest.skip("codes have laws of their own")
    for latent in LATENTS.get(prior.support, (2,)):
        with torch.no_grad():
            q = prior_of(prior, latent)
            assert q.batch_shape == ()
            z, p = mass(prior.support, with_density(q), 120)
            draws = q.sample((20_000,)).flatten(1)
        assert p.sum().item() == pytest.approx(1, abs=1e-3)
        for moment in (lambda z: z, torch.square):
            assert within_standard_errors(moment(draws), (p.unsqueeze(-1) * moment(z.flatten(1))).sum(0), 5)


def curved(z, a, b):
    return (z @ a).sin() + (z @ b).tanh() * (z @ a)


@every_posterior
def test_gradients_of_draws_are_those_of_the_expectation(posterior):
    """The pathwise gradient of E f(z), averaged over draws, is the gradient of the integral of f q."""
    if posterior.support not in SMOOTH:
        pytest.skip("the gradient of discrete draws is biased, and said to be")
    for latent in LATENTS.get(posterior.support, (2,)):
        module, c = built(posterior, latent), torch.randn(1, *GIVEN).double()
        a, b = torch.randn(2, latent).double()
        exact, many = c.clone().requires_grad_(), c.repeat(20_000, 1).requires_grad_()
        q = with_density(module(exact))
        z, weight = nodes(posterior.support, q, 480)
        (curved(z, a, b) * q.log_prob(z).exp() * weight).sum().backward()
        curved(module(many).rsample((1,)), a, b).sum().backward()
        assert exact.grad.abs().min() > 1e-3
        # A density with an edge, a Laplace, leaves the gradient of the integral an error of a step of its grid.
        assert within_standard_errors(many.grad, exact.grad[0], slack=0.02 * exact.grad.abs().max())


@every_posterior
def test_every_parameter_gets_a_gradient(posterior):
    """From the draws alone, but for a pole that has no scale."""
    module = built(posterior, 3)
    z, _ = draw(module(torch.randn(16, *GIVEN).double()), 2)
    (z * torch.randn_like(z)).sin().sum().backward()
    for key, p in module.named_parameters():
        assert p.grad is None or torch.isfinite(p.grad).all(), key
        is_state = posterior.support == "codes" or not p.requires_grad
        assert is_state or (p.grad is not None and p.grad.any()), key


@every_posterior
def test_draws_leave_the_gradients_of_density_and_rate_as_they_are(posterior):
    """A distribution remembers nothing of its draws that would cut its graph."""
    module, prior = built(posterior, 3), PRIOR_OF[posterior.support]
    p = prior_of(prior, 3, posterior, module)
    found = []
    for drawn in (False, True):
        c = torch.linspace(-1, 1, 4).double().repeat(BATCH, 1).requires_grad_()
        q = with_density(module(c))
        if drawn:
            q.sample(), q.rsample()
        torch.manual_seed(1)
        with torch.no_grad():
            z = module(c).sample((2,))
        rate = kl(q, p)
        total = q.log_prob(z).sum() + (0 if rate is None else rate.sum())
        found.append(torch.autograd.grad(total, c)[0] if total.requires_grad else total)
    torch.testing.assert_close(*found)


@every_pair
def test_closed_form_rates_are_monte_carlo_ones(posterior, prior):
    for latent in LATENTS.get(posterior.support, (3,)):
        with torch.no_grad():
            module = built(posterior, latent)
            p, q = prior_of(prior, latent, posterior, module), module(torch.randn(BATCH, *GIVEN).double())
            if getattr(q, "no_density", None):
                with pytest.raises(ValueError, match="neither a rate nor a bound"):
                    q.log_prob(q.sample())
                return
            z, log_q = draw(q, 4000)
            ratio = (q.log_prob(z) if log_q is None else log_q) - p.log_prob(z)
            closed, terms = kl(q, p), kl_terms(q, p)
        assert ratio.shape == (4000, BATCH) and (ratio.mean(0) > -1e-9).all()
        if terms is not None:
            torch.testing.assert_close(terms.flatten(1).sum(1), closed)
        if closed is not None:
            assert closed.shape == (BATCH,) and (closed >= 0).all()
            assert within_standard_errors(ratio, closed)


@every_posterior
def test_a_batch_equals_one_by_one(posterior):
    module, c = built(posterior, 3), torch.randn(BATCH, *GIVEN).double()
    with torch.no_grad():
        whole = module(c)
        z, log_q = draw(whole, 5)
        for i in range(BATCH):
            alone = module(c[i : i + 1])
            torch.testing.assert_close(point(alone), point(whole)[i : i + 1])
            if not getattr(whole, "no_density", None) and log_q is None:
                torch.testing.assert_close(alone.log_prob(z[:, i : i + 1]), whole.log_prob(z)[:, i : i + 1])


@every_family
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16], ids=str)
def test_finite_at_the_extremes_of_the_raw_output(family, dtype):
    event = family.latent_event(3)
    sizes = family.heads(event) | dict.fromkeys(family.shared(event), ())
    choice = torch.tensor([-50.0, 0.0, 50.0], dtype=dtype)
    raw = {
        key: choice[torch.randint(3, (200, *size) if key not in family.shared(event) else ())].requires_grad_()
        for key, size in sizes.items()
    }
    q, p = family(raw, event), PRIOR_OF[family.support].build(Site(event, nn.Identity(), GIVEN))()
    z = q.rsample((2,))
    rate, total = kl(q, p), z.float().sum()
    assert torch.isfinite(z).all()
    if not getattr(q, "no_density", None):
        log_q = q.log_prob(z.detach())
        assert log_q.dtype in (torch.float32, torch.float64) and torch.isfinite(log_q).all()
        assert torch.isfinite(p.log_prob(z.to(log_q.dtype))).all()
        assert rate is None or torch.isfinite(rate).all()
        total = total + log_q.sum() + (0 if rate is None else rate.sum())
    total.backward()
    for key, part in raw.items():
        assert torch.isfinite(part.grad).all(), key


@every_family
def test_draws_and_points_lie_on_the_space(family):
    event = family.latent_event(4)
    q = moved(conditional(family, nn.Linear(4, 8), given=GIVEN, event=event), 3.0)(torch.randn(50, *GIVEN).double())
    for z in (q.sample((20,)), point(q), temper(q, 0.3).sample(), temper(q, 3.0).sample()):
        assert z.shape[-len(event) :] == event
        family.check(z)
    if not getattr(q, "no_density", None):
        z = q.sample()
        torch.testing.assert_close(temper(q, 1.0).log_prob(z), q.log_prob(z))
    if family.support not in ("real", "ball"):
        with pytest.raises(ValueError):
            family.check(0.5 * z)


@every_family
def test_a_stopped_posterior_is_the_same_density_without_gradients(family):
    event = family.latent_event(3)
    q = built(family, 3)(torch.randn(5, *GIVEN).double())
    still, z = stopped(q), q.rsample((2,)).detach()
    assert (still.batch_shape, still.event_shape) == (q.batch_shape, event)
    if getattr(q, "no_density", None):
        assert torch.equal(still.rsample((2,)), z) and not still.rsample().requires_grad
        return
    assert q.log_prob(z).requires_grad and not still.log_prob(z).requires_grad
    torch.testing.assert_close(still.log_prob(z), q.log_prob(z))


@every_prior
@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_temperature_gathers_or_scatters_the_draws_of_a_prior(prior, temperature):
    p = prior_of(prior, 3)
    assert point(p).shape == p.event_shape
    try:
        tempered = temper(p, temperature)
    except NotImplementedError:
        pytest.skip("the prior has no temperature")
    draws, others = (d.sample((1000,)) for d in (p, tempered))
    assert draws.shape == others.shape
    if prior.support in ("real", "ball"):
        ratio = (others.var(0).sum() / draws.var(0).sum()).item()
        assert ratio > 1.1 if temperature > 1 else ratio < 0.9


def image_vae(posterior, prior, net, **keys):
    shape = (1, 6, 4)
    return ImageVAE(
        shape=shape, latent=2, net=net, posterior=posterior, prior=prior, levels=2, likelihood=Bernoulli(), **keys
    )


def pictures(n=4):
    return torch.randint(0, 2, (n, 1, 6, 4)).float()


@every_pair
@pytest.mark.parametrize("context", [0, 3])
def test_a_model_of_every_posterior_and_prior(posterior, prior, context):
    condition = {"condition": "context", "context": context} if context else {}
    spec = image_vae(posterior, prior, Conv(widths=(4, 4)), **condition)
    assert ImageVAE.model_validate_json(spec.model_dump_json()) == spec
    event, x, c = posterior.latent_event(2), pictures(), (torch.randn(4, 3),) * bool(context)
    try:
        model = spec.build()
    except ValueError as error:
        assert context and "given a context" in str(error)
        return
    if prior.joint:
        model.initialize(x, *c)
    else:
        with pytest.raises(ValueError, match="second_stage"):
            model.initialize(x, *c)
    trace = model(x, *c, samples=3)
    (latent,) = trace.latents
    assert latent.z.shape == (3, 4, *event) and latent.z.dtype == torch.float32
    assert trace.log_likelihood.shape == (3, 4)
    if trace.no_bound is None:
        assert latent.kl.shape in ((1, 4), (3, 4)) and trace.log_weight.shape == (3, 4)
        assert torch.isfinite(trace.elbo).all() and trace.elbo.shape == (4,)
        (-trace.log_weight.logsumexp(0).sum()).backward()
        assert all(p.grad is None or torch.isfinite(p.grad).all() for p in model.parameters())
    model.eval()
    assert torch.equal(model.reconstruct(x, *c), model.reconstruct(x, *c))
    for temperature in (0, 1):
        assert model.generate(4, *c, prior_temperature=temperature).shape == x.shape
        (z,) = model.prior_sample(4, *c, temperature=temperature)
        assert z.shape == (4, *event)
        if isinstance(posterior, Family):
            posterior.check(z)


@every_pair
def test_bounds_lie_below_the_exact_evidence_and_reach_it(posterior, prior):
    """E[w] = p(x), by the integral of p(z) p(x | z) over the latent space: neither density lacks a factor (D2)."""
    if posterior.support not in SPACES:
        pytest.skip("codes have laws of their own")
    model = image_vae(posterior, prior, MLP(widths=(8,))).build()
    x = pictures(3).double()
    model.double()
    if prior.joint:
        model.initialize(x)
    moved(model, 0.6)
    with torch.no_grad():
        trace = model(x, samples=4096)
        if trace.no_bound is not None:
            assert bounds(model, [x], prepare=torch.clone).summary()["bounds"] == {
                "elbo": None,
                "iw": None,
                "why": trace.no_bound,
            }
            return
        p, q, draws = with_density(model.prior()), trace.latents[0].q, trace.latents[0].z
        z, share = mass(prior.support, p, 120)
        z = z.reshape(len(z), 1, *p.event_shape)
        joint = model.decode(z).log_prob(x).exp() * share.reshape(-1, 1)
        evidence, below = joint.sum(0), importance_bounds(trace.log_weight, (1, 16, 256))
        # The weights of a narrow posterior have no variance; near its center they have.
        width = draws.flatten(2).var(0).sum(-1)
        near = [torch.exp(-(v - point(q)).flatten(2).square().sum(-1) / width) for v in (z, draws)]
    here, expected = trace.log_weight.exp() * near[1], (joint * near[0]).sum(0)
    assert within_standard_errors(here / expected, 1.0, slack=1e-3)
    assert (below[256] < evidence.log() + 0.1).all() and (below[1] < below[256]).all()
    assert (trace.elbo < evidence.log() + 0.02).all() and (trace.elbo - below[1]).abs().max() < 0.2


@every_posterior
def test_evaluation_copes(posterior):
    """Rates, bounds and active units of every posterior, factorising or not."""
    model = image_vae(posterior, PRIOR_OF[posterior.support], MLP(widths=(8,))).build()
    x = pictures(8)
    model.initialize(x)
    result = bounds(model, [x[:5], x[5:]], samples=6, rows=10)
    assert result.means.shape == (8, math.prod(posterior.latent_event(2))) and result.summary()["n"] == 8
    assert 0 <= result.active_units <= sum(result.groups.variables) == 2
    assert result.groups.widths == (1 if len(posterior.latent_event(2)) == 1 else posterior.latent_event(2)[1],)
    if not result.why:
        assert (result.iw.mean() - result.elbo.mean()).abs() < 5 and torch.isfinite(result.rate).all()
        assert result.rate_per_dimension is None or result.rate_per_dimension.shape == (2,)


def test_every_space_of_a_posterior_has_a_prior():
    assert {p.support for p in POSTERIORS} <= PRIOR_OF.keys() and len(PAIRS) >= len(POSTERIORS)
    assert all(prior.support == support for support, prior in PRIOR_OF.items())


@every_pair
def test_autocast_rounds_networks_and_no_density(posterior, prior):
    """Rates and importance weights of the same draws are the same with autocast and without, and in single precision."""
    model = image_vae(posterior, prior, MLP(widths=(8,))).build()
    with torch.autocast("cpu", torch.bfloat16):
        (latent,) = model(pictures()).latents
        if getattr(latent.q, "no_density", None):
            return
        inside = Latent(latent.z, latent.q, latent.p, latent.log_q)
        found = inside.kl, inside.log_ratio
    outside = Latent(latent.z, latent.q, latent.p, latent.log_q)
    for value, expected in zip(found, (outside.kl, outside.log_ratio), strict=True):
        assert value.dtype == torch.float32 and torch.isfinite(value).all()
        torch.testing.assert_close(value, expected, rtol=1e-5, atol=1e-4)
