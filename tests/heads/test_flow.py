"""Flows as posterior, likelihood and prior: what is theirs beside the laws."""

import copy
import subprocess
import sys

import pytest
import torch
from torch import nn
from torch.distributions import Distribution

from vaekit.distributions import Planar, Transported, draw, point, temper
from vaekit.heads import IAF, MAF, FlowLikelihood, FlowPrior, Planar as PlanarFlow, RealNVP, Site, Spline, conditional
from vaekit.modalities import ImageVAE
from vaekit.nets import MLP, Conv, parameter_count

KINDS = [IAF, MAF, RealNVP, Spline, PlanarFlow]
POSTERIORS = [kind(transforms=3, hidden=(16,)) for kind in KINDS]
PRIORS = [FlowPrior(coupling=coupling, transforms=3, hidden=(16,)) for coupling in ("affine", "spline")]
every_posterior = pytest.mark.parametrize("flow", POSTERIORS, ids=lambda flow: flow.kind)
every_prior = pytest.mark.parametrize("prior", PRIORS, ids=lambda prior: prior.coupling)


def shaken(module, size=0.3):
    """Return the module in double precision, away from the identity that it begins as."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += size * torch.randn_like(parameter)
    return module.double()


def posterior(flow, latent=4):
    return conditional(flow, nn.Linear(5, 16), given=(5,), event=(latent,))


def jacobian(transform, u):
    return torch.autograd.functional.jacobian(lambda v: transform.call_and_ladj(v)[0], u)


@every_posterior
@pytest.mark.parametrize("latent", [1, 2, 5])
def test_the_log_determinant_is_that_of_the_jacobian(flow, latent):
    q = shaken(posterior(flow, latent))(torch.randn(1, 5).double())
    for transform in (q.transform, q.transform.inv):
        u = torch.randn(1, latent).double()
        expected = torch.linalg.slogdet(jacobian(transform, u)[0, :, 0]).logabsdet
        torch.testing.assert_close(transform.call_and_ladj(u)[1].sum(), expected, rtol=1e-7, atol=1e-7)
        assert expected.abs() > 1e-3


@every_posterior
def test_the_inverse_returns_what_was_mapped(flow):
    q = shaken(posterior(flow))(torch.randn(6, 5).double())
    u = 2 * torch.randn(3, 6, 4).double()
    z, ladj = q.transform.call_and_ladj(u)
    back, inverse_ladj = q.transform.inv.call_and_ladj(z)
    torch.testing.assert_close(back, u, rtol=0, atol=1e-5)
    torch.testing.assert_close(inverse_ladj, -ladj, rtol=0, atol=1e-5)
    assert (z - u).abs().max() > 0.1


@every_posterior
def test_densities_come_with_the_draws_and_are_those_of_foreign_points(flow):
    q = shaken(posterior(flow))(torch.randn(6, 5).double())
    z, log_q = draw(q, 3)
    assert z.shape == (3, 6, 4) and log_q.shape == (3, 6)
    torch.testing.assert_close(q.log_prob(z), log_q, rtol=0, atol=1e-5)
    # Pairs of every point with every posterior, as estimators of the total correlation take them.
    pairs = q.log_prob(z[0].unsqueeze(1))
    assert pairs.shape == (6, 6)
    torch.testing.assert_close(pairs.diagonal(), log_q[0], rtol=0, atol=1e-5)


@every_posterior
def test_the_density_integrates_to_one_in_two_dimensions(flow):
    q = shaken(posterior(flow, 2), 0.15)(torch.randn(1, 5).double())
    assert_integrates(q.expand((1,)), *q.sample((4000,)).flatten(0, 1).aminmax(dim=0))


@every_prior
def test_the_density_of_a_prior_integrates_to_one(prior):
    p = shaken(prior.build(Site((2,), nn.Identity(), (5,))), 0.15)()
    assert p.batch_shape == ()
    assert_integrates(p, *p.sample((4000,)).aminmax(dim=0))


def assert_integrates(distribution, low, high):
    margin = 1.5 * (high - low)
    axes = [torch.linspace(a, b, 241).double() for a, b in zip(low - margin, high + margin, strict=True)]
    grid = torch.cartesian_prod(*axes)
    with torch.no_grad():
        mass = distribution.log_prob(grid.unsqueeze(1) if distribution.batch_shape else grid).exp().sum()
    cell = (axes[0][1] - axes[0][0]) * (axes[1][1] - axes[1][0])
    assert (mass * cell).item() == pytest.approx(1, abs=5e-3)


@every_posterior
def test_a_flow_begins_as_its_gaussian(flow):
    q = posterior(flow)(torch.randn(6, 5))
    z = torch.randn(6, 4)
    torch.testing.assert_close(q.log_prob(z), q.base.log_prob(z), rtol=1e-4, atol=1e-4)


@every_posterior
def test_drawing_never_inverts_where_that_is_slow(flow, monkeypatch):
    q = posterior(flow)(torch.randn(6, 5))
    slow = {"iaf", "planar"}
    monkeypatch.setattr(Transported, "log_prob", None)
    if flow.kind in slow:
        monkeypatch.setattr(type(q.transform), "inv", property(lambda _: pytest.fail("inverted")))
    assert q.rsample_and_log_prob((2,))[1].shape == (2, 6)


@every_posterior
def test_gradients_pass_through_draws_and_through_foreign_points(flow):
    module = shaken(posterior(flow, 2), 0.1)
    x, z = torch.randn(3, 5).double(), torch.randn(3, 2).double()

    def density(weight):
        return torch.func.functional_call(module, {"features.net.weight": weight}, (x,)).log_prob(z).sum()

    weight = module.features.net.weight.detach().requires_grad_()
    assert torch.autograd.gradcheck(density, (weight,), atol=1e-4, nondet_tol=1e-10)


@every_posterior
def test_finite_in_single_precision_under_autocast(flow):
    module = posterior(flow)
    with torch.autocast("cpu", torch.bfloat16):
        q = module(50 * torch.randn(6, 5))
        z, log_q = draw(q, 2)
        (log_q.sum() + q.log_prob(z.detach()).sum()).backward()
    assert log_q.dtype == z.dtype == torch.float32 and torch.isfinite(log_q).all()
    assert all(p.grad is None or torch.isfinite(p.grad).all() for p in module.parameters())


def test_planar_maps_stay_invertible_at_extreme_weights():
    for size in (0.0, 1e-3, 50.0):
        f = Planar(-size * torch.ones(2, 3), torch.ones(2, 3), torch.zeros(2))
        u = torch.linspace(-3, 3, 21).unsqueeze(1).expand(-1, 3)
        z, ladj = f.call_and_ladj(u)
        assert torch.isfinite(z).all() and torch.isfinite(ladj).all()
        assert torch.isfinite(f.inv.call_and_ladj(z)[0]).all()
        assert (z.sum(1).diff() > 0).all()


@every_prior
@pytest.mark.parametrize("context", [0, 3])
def test_a_prior_begins_as_the_standard_normal(prior, context):
    module = prior.build(Site((4,), nn.Identity(), (5,), context))
    given = (torch.randn(6, context),) if context else ()
    z = torch.randn(2, 6, 4)
    expected = torch.distributions.Normal(0.0, 1.0).log_prob(z).sum(-1)
    torch.testing.assert_close(module(*given).log_prob(z), expected, rtol=1e-4, atol=1e-4)
    p = shaken(module)(*(c.double() for c in given))
    assert p.batch_shape == ((6,) if context else ())
    assert context == 0 or p.log_prob(z[:1, :1].double()).std() > 1e-3


def test_temperature_and_point_act_on_the_base():
    q = shaken(posterior(IAF()))(torch.randn(6, 5).double())
    expected = q.transform.call_and_ladj(q.base.mean)[0]
    torch.testing.assert_close(point(q), expected)
    assert temper(q, 0.01).sample((50,)).std(0).mean() < 0.1 * q.sample((50,)).std(0).mean()


@pytest.mark.parametrize("space", ["unit", "real"])
def test_the_likelihood_is_a_density_of_data_in_their_units(space):
    module = conditional(FlowLikelihood(space=space, hidden=(8,)), nn.Linear(5, 8), given=(5,), event=(1, 1, 2))
    x = torch.rand(100, 1, 1, 2) * (1 if space == "unit" else 30)
    module.initialize(x)
    p = shaken(module, 0.1)(torch.randn(1, 1, 5).double())
    y, log_p = draw(p, 4)
    assert y.shape == (4, 1, 1, 1, 1, 2) and log_p.shape == (4, 1, 1)
    module.family.check(y.flatten(0, 2))
    low, high = (-1e-3, 1 + 1e-3) if space == "unit" else (-300, 330)
    axis = torch.linspace(low, high, 303).double()[1:-1]
    grid = torch.cartesian_prod(axis, axis).view(-1, 1, 1, 1, 2)
    with torch.no_grad():
        total = p.log_prob(grid.unsqueeze(1)).exp().sum(0) * (axis[1] - axis[0]) ** 2
    torch.testing.assert_close(total, torch.ones_like(total), rtol=0, atol=0.02)


@pytest.mark.parametrize("net", [MLP(widths=(8,)), Conv(widths=(4,))], ids=["mlp", "conv"])
@pytest.mark.parametrize("samples", [1, 2])
def test_dequantized_pixels_under_a_flow(net, samples):
    spec = ImageVAE(shape=(1, 6, 6), latent=2, net=net, likelihood=FlowLikelihood(hidden=(8,)), dequantize=True)
    model = spec.build()
    x = spec.view().prepare(torch.randint(0, 256, (8, 6, 6, 1), dtype=torch.uint8))
    model.initialize(x)
    trace = model(x, samples=samples)
    trace.elbo.mean().backward()
    assert torch.isfinite(trace.log_likelihood).all() and trace.log_likelihood.shape == (samples, 8)
    # Uniform noise has 0 nats per pixel in [0, 1]; a model in its units begins near that.
    assert trace.log_likelihood.mean().abs() < 36
    assert model.reconstruct(x).shape == x.shape
    spec.likelihood.check(model.generate(3))


def test_integer_pixels_need_dequantization():
    with pytest.raises(ValueError, match="use dequantize=true"):
        ImageVAE(shape=(1, 6, 6), likelihood=FlowLikelihood())


def test_data_outside_the_unit_interval_are_refused_with_the_cure():
    FlowLikelihood(space="real").check(torch.full((2, 3), 7.0))
    with pytest.raises(ValueError, match=r"likelihood\.space=real"):
        FlowLikelihood().check(torch.full((2, 3), 7.0))


def test_importing_zuko_leaves_the_validation_of_distributions_on():
    code = """
import torch
from torch import nn
from vaekit.heads import IAF, conditional
assert torch.distributions.Distribution._validate_args
conditional(IAF(), nn.Linear(4, 8), given=(4,), event=(2,))
assert torch.distributions.Distribution._validate_args
try:
    torch.distributions.Normal(0.0, -1.0)
except ValueError:
    print("validated")
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "validated"
    assert Distribution._validate_args


def test_without_zuko_the_cure_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "zuko.flows", None)
    with pytest.raises(ImportError, match=r"pip install vaekit\[flows\]"):
        posterior(IAF())


@every_posterior
def test_copies_and_files_hold_all_of_it(flow):
    module = posterior(flow)
    twin = copy.deepcopy(module)
    fresh = posterior(flow)
    fresh.load_state_dict(shaken(module).float().state_dict())
    x, z = torch.randn(3, 5), torch.randn(3, 4)
    torch.testing.assert_close(fresh(x).log_prob(z), module(x).log_prob(z))
    assert not torch.allclose(twin(x).log_prob(z), module(x).log_prob(z))


def test_descriptions_are_built_on_the_meta_device():
    """Parameters are counted without memory for them."""
    spec = ImageVAE(shape=(1, 6, 6), latent=4, posterior=MAF(), prior=FlowPrior(), net=MLP(widths=(8,)))
    expected = parameter_count(spec.build())
    with torch.device("meta"):
        assert parameter_count(spec.build()) == expected
