"""The laws of models: what any prior, posterior and likelihood must obey once joined."""

import pytest
import torch
from torch import nn

from laws.linear_gaussian import importance_bounds, linear_gaussian, standard_errors_above_zero
from laws.members import BOUNDED, FAMILIES, NETS, data, name
from vaekit.distributions import point
from vaekit.heads import Bernoulli, Conditional, ContinuousBernoulli, Exp, Gaussian, StandardNormal
from vaekit.models import VAE, Latent, Trace
from vaekit.nets import MLP, Conv
from vaekit.objectives import ELBO, IWAE

IMAGE, LATENT = (2, 6, 5), 3
every_family = pytest.mark.parametrize("family", FAMILIES, ids=name)
MODELS = [(Conv(widths=(4, 6)), family) for family in FAMILIES] + [(net, Bernoulli()) for net in NETS]
every_model = pytest.mark.parametrize(("net", "family"), MODELS, ids=name)


def vae(net, family):
    posterior = Conditional(net.encoder(IMAGE), Gaussian(), given=IMAGE, event=(LATENT,))
    likelihood = Conditional(net.decoder((LATENT,), IMAGE), family, given=(LATENT,), event=IMAGE)
    return VAE(StandardNormal((LATENT,)), posterior, likelihood)


@every_model
@pytest.mark.parametrize("samples", [1, 3])
def test_the_sample_axis_is_always_in_front(net, family, samples):
    trace = vae(net, family)(data(family, (4, *IMAGE)).float(), samples=samples)
    assert isinstance(trace, Trace)
    (latent,) = trace.latents
    assert latent.z.shape == (samples, 4, LATENT)
    assert (trace.likelihood.batch_shape, trace.likelihood.event_shape) == ((samples, 4), IMAGE)
    assert latent.kl_terms.shape == (1, 4, LATENT)
    assert latent.kl.shape == trace.kl.shape == (1, 4)
    for value in (trace.log_likelihood, trace.log_weight, latent.log_ratio):
        assert value.shape == (samples, 4)
    assert trace.elbo.shape == (4,)


@every_model
def test_every_parameter_gets_a_gradient(net, family):
    model = vae(net, family)
    for p in model.parameters():
        p.data.add_(0.1 * torch.randn_like(p))
    x = data(family, (16, *IMAGE)).float()
    for objective in (ELBO(), IWAE(samples=3)):
        model.zero_grad()
        objective(model(x, samples=objective.samples)).value.backward()
        for key, p in model.named_parameters():
            if not p.requires_grad:  # a state, such as an optimal scale
                continue
            assert p.grad is not None and torch.isfinite(p.grad).all(), key
            if not (key.endswith("bias") and net.norm == "batch"):
                assert p.grad.any(), key


@every_family
def test_reconstruction_is_deterministic_and_generation_is_not(family):
    """An embedding and a reconstruction are no random samples, and make no graph (D12)."""
    model = vae(Conv(widths=(4, 6)), family).eval()
    x = data(family, (4, *IMAGE)).float()
    first, second = model.reconstruct(x), model.reconstruct(x)
    assert torch.equal(first, second) and first.shape == x.shape and not first.requires_grad
    with torch.no_grad():
        assert torch.equal(point(model.encode(x)), point(model.encode(x)))
    assert not torch.equal(model.generate(4), model.generate(4))


@every_family
def test_generation_honours_its_temperatures(family):
    model = vae(Conv(widths=(4, 6)), family).eval()
    still = model.generate(5, prior_temperature=0, likelihood_temperature=0)
    assert still.shape == (5, *IMAGE) and not still.requires_grad
    torch.testing.assert_close(still, still[:1].expand_as(still))
    with torch.no_grad():
        torch.testing.assert_close(still[0], point(model.decode(torch.zeros(1, LATENT)))[0])
    from_prior = model.generate(5, likelihood_temperature=0)
    assert not torch.equal(from_prior[0], from_prior[1])
    family.check(model.generate(5, prior_temperature=0.5, likelihood_temperature=0.5))


@pytest.mark.parametrize("temperature", [0.25, 1.0, 2.0])
def test_the_prior_is_scaled_by_its_temperature(temperature):
    (z,) = vae(MLP(widths=(4,)), Gaussian()).prior_sample(20_000, temperature=temperature)
    assert z.shape == (20_000, LATENT)
    assert z.std().item() == pytest.approx(temperature, rel=0.02)


@pytest.mark.parametrize("objective", BOUNDED, ids=name)
def test_the_reported_bound_is_at_beta_one_whatever_the_objective(objective):
    """A loss is never named elbo: the logged bound knows no beta, no floor and no importance weights (D7, A4)."""
    model = vae(MLP(widths=(8,)), Bernoulli()).double()
    trace = model(data(Bernoulli(), (16, *IMAGE)), samples=objective.samples)
    (q, p), z = (trace.latents[0].q, trace.latents[0].p), trace.latents[0].z
    kl = torch.distributions.kl_divergence(q.base_dist, p.base_dist).sum(-1)
    expected = (trace.likelihood.log_prob(trace.x).mean(0) - kl).mean()
    criterion = objective.build(model, 100)
    if isinstance(criterion, torch.nn.Module):
        criterion.double()
    metrics = criterion(trace).metrics
    torch.testing.assert_close(trace.elbo.mean(), expected)
    torch.testing.assert_close(metrics["elbo"], expected.detach())
    torch.testing.assert_close(metrics["elbo"], -metrics["distortion"] - metrics["rate"])
    assert metrics["rate"] >= 0 and z.shape[0] == objective.samples


def test_a_bound_uses_draws_in_every_mode():
    """In evaluation mode too z is drawn: a bound at the posterior's mean would be none (O2)."""
    model = vae(MLP(widths=(8,)), Bernoulli()).eval()
    x = data(Bernoulli(), (4, *IMAGE)).float()
    assert not torch.equal(model(x).latents[0].z, model(x).latents[0].z)


def test_the_encoder_runs_once_for_any_number_of_draws():
    """Evidence is inferred once and drawn from often (D1, D3)."""
    model = vae(MLP(widths=(8,)), Bernoulli()).eval()
    rows = {"encoder": 0, "decoder": 0}
    for part, module in (("encoder", model.posterior.net), ("decoder", model.likelihood.net)):
        module.register_forward_hook(
            lambda _module, inputs, _out, part=part: rows.__setitem__(part, rows[part] + len(inputs[0]))
        )
    model(data(Bernoulli(), (4, *IMAGE)).float(), samples=10)
    assert rows == {"encoder": 4, "decoder": 40}


@pytest.mark.parametrize("shape", [(4, 1, 6, 5), (4, 2, 6, 1), (1, 2, 6), (4, 30)], ids=str)
def test_data_of_another_shape_never_broadcast(shape):
    """One channel against three is an error, not a sum over a broadcast (A8)."""
    model = vae(MLP(widths=(8,)), Gaussian())
    with pytest.raises(ValueError, match="expected a batch of"):
        model(torch.zeros(shape))
    trace = model(torch.zeros(4, *IMAGE))
    with pytest.raises(ValueError, match=r"the likelihood is one of data \(2, 6, 5\)"):
        _ = Trace(torch.zeros(shape), trace.likelihood, trace.latents).log_likelihood


class Heavy(nn.Module):
    """A posterior of the user's own whose rate has no closed form."""

    def forward(self, x):
        loc = x.flatten(1)[:, :LATENT]
        return torch.distributions.Independent(torch.distributions.StudentT(5.0, loc, 0.3), 1)


def test_a_posterior_without_closed_form_falls_back_on_its_draws():
    model = vae(MLP(widths=(8,)), ContinuousBernoulli()).double()
    model.posterior = Heavy()
    trace = model(torch.rand(4, *IMAGE).double(), samples=5)
    assert trace.latents[0].kl_terms is None and trace.kl.shape == (5, 4)
    torch.testing.assert_close(trace.elbo, trace.log_weight.mean(0))
    assert "rate_per_dimension" not in ELBO()(trace).metrics


def test_the_exact_posterior_makes_every_bound_the_evidence():
    """ELBO = log p(x) to 1e-5, with the closed-form rate and with every importance weight (D2)."""
    model, evidence = linear_gaussian()
    x = evidence.sample((50,))
    expected = evidence.log_prob(x)
    with torch.no_grad():
        q, prior = model.encode(x), model.prior()
        weights = model(x, samples=7).log_weight
        # log p(x | z) is quadratic in z, so its mean under q is the mean over these 2 D points.
        points = q.stddev * LATENT**0.5 * torch.cat([torch.eye(LATENT), -torch.eye(LATENT)]).double().unsqueeze(1)
        z = q.mean + points
        elbo = Trace(x, model.decode(z), (Latent(z, q, prior),)).elbo
    torch.testing.assert_close(weights, expected.expand(7, -1), rtol=0, atol=1e-5)
    torch.testing.assert_close(elbo, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("wrong", [{"shift": 0.3}, {"stretch": 1.5}, {"shift": -0.2, "stretch": 0.7}], ids=str)
def test_bounds_are_ordered_and_below_the_evidence(wrong):
    """-ELBO >= -IW_10 >= -IW_100 >= -log p(x) in expectation, on common samples (D2, D7)."""
    model, evidence = linear_gaussian(**wrong)
    x = evidence.sample((2000,))
    with torch.no_grad():
        trace = model(x, samples=100)
        bounds = importance_bounds(trace.log_weight, (1, 10, 100))
        elbo = trace.elbo
        value = IWAE(samples=100)(trace).value
    torch.testing.assert_close(-value, bounds[100].mean())
    assert abs(standard_errors_above_zero(elbo - bounds[1])) < 3
    assert standard_errors_above_zero(bounds[10] - bounds[1]) > 3
    assert standard_errors_above_zero(bounds[100] - bounds[10]) > 3
    assert standard_errors_above_zero(evidence.log_prob(x) - bounds[100]) > -3
    assert standard_errors_above_zero(evidence.log_prob(x) - elbo) > 3


def test_the_gap_of_the_bound_is_the_divergence_from_the_exact_posterior():
    """log p(x) - ELBO = KL(q || p(z | x)), here in closed form: a bound that is too good or too bad by anything fails."""
    torch.manual_seed(1)
    model, evidence = linear_gaussian(shift=0.2, stretch=1.3)
    q = model.posterior
    exact = type(q)(q.loading, q.bias, q.sigma)
    x = evidence.sample((4000,))
    with torch.no_grad():
        gap = torch.distributions.kl_divergence(q(x).base_dist, exact(x).base_dist).sum(-1)
        difference = evidence.log_prob(x) - model(x, samples=8).elbo - gap
    assert abs(standard_errors_above_zero(difference)) < 4 and difference.std() / len(x) ** 0.5 < 0.1


def test_scales_of_a_decoder_are_bounded():
    likelihood = Conditional(nn.Identity(), Gaussian(scale=Exp(bounds=(-10, 2))), given=(2,), event=(3,))
    likelihood.heads["scale"].weight.data.fill_(100.0)
    sd = likelihood(torch.tensor([[5.0, 5.0], [-5.0, -5.0]])).stddev
    torch.testing.assert_close(sd, torch.exp(torch.tensor([[1.0], [-5.0]])).expand(2, 3))
