"""Mixtures as priors: learned Gaussians, and the posteriors of pseudo-inputs."""

import copy

import pytest
import torch
from torch import nn
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from vaekit.distributions import GaussianMixture, point, temper
from vaekit.heads import GMM, Full, Gaussian, Site, Vamp, conditional
from vaekit.modalities import ImageVAE
from vaekit.models import VAE, evaluating
from vaekit.nets import MLP, Conv
from vaekit.objectives import ELBO

GIVEN, LATENT = (3, 4), (5,)


def posterior(family=None):
    net = nn.Sequential(nn.Flatten(), nn.Linear(12, 8))
    return conditional(family or Gaussian(), net, given=GIVEN, event=LATENT)


def mixture(batch=(), components=7, event=LATENT, dtype=torch.float64):
    sizes = [(*batch, components), (components, *event), (components, *event)]
    logits, loc, log_scale = (torch.randn(size, dtype=dtype) for size in sizes)
    return GaussianMixture(logits, 2 * loc, log_scale.exp())


def reference(m):
    """Return torch's own mixture, which sums over a tensor with an axis for components and dimensions."""
    components = Independent(Normal(m.loc.double(), m.scale.double()), len(m.event_shape))
    logits = m.logits.double()
    return MixtureSameFamily(Categorical(logits=logits), components.expand((*logits.shape[:-1], logits.shape[-1])))


@pytest.mark.parametrize("batch", [(), (6,)], ids=str)
@pytest.mark.parametrize("event", [(5,), (2, 3)], ids=str)
def test_the_matrix_product_is_the_brute_force_sum(batch, event):
    """A misplaced parenthesis in the log-density of a mixture gives 5.58 where -0.81 is right (A3)."""
    m = mixture(batch, event=event)
    expected = reference(m)
    z = 2 * torch.randn(4, 6, *event).double()
    torch.testing.assert_close(m.log_prob(z), expected.log_prob(z), rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(m.mean, expected.mean)
    torch.testing.assert_close(m.variance, expected.variance)
    torch.testing.assert_close(m.expand((6,)).log_prob(z), m.log_prob(z))
    assert m.sample((4,)).shape == (4, *batch, *event)


@pytest.mark.parametrize("autocast", [False, True])
def test_single_precision_keeps_the_density_of_narrow_components(autocast):
    """Between components a hundred deviations apart, terms of 1e5 cancel to a few nats."""
    m = GaussianMixture(torch.zeros(100), 3 * torch.randn(100, 32), torch.full((100, 32), 0.01))
    rows = torch.randint(100, (64,))
    z = m.loc[rows] + m.scale[rows] * torch.randn(64, 32)
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        found = m.log_prob(z)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, reference(m).log_prob(z.double()).float(), rtol=0, atol=1e-3)


def test_moments_and_temperature_of_draws():
    m = mixture(components=3)
    draws = m.sample((40_000,))
    torch.testing.assert_close(draws.mean(0), m.mean, rtol=0, atol=0.15)
    torch.testing.assert_close(draws.var(0), m.variance, rtol=0.1, atol=0)
    assert torch.equal(point(m), m.loc[m.logits.argmax()])
    cold = temper(m, 1e-6).sample((50,))
    assert torch.cdist(cold, m.loc).amin(1).max() < 1e-3


@pytest.mark.parametrize("context", [0, 3])
def test_learned_components_begin_apart_and_every_weight_learns(context):
    prior = GMM(components=4).build(Site(LATENT, nn.Identity(), GIVEN, context))
    given = (torch.randn(6, context),) if context else ()
    p = prior(*given)
    assert p.batch_shape == ((6,) if context else ()) and torch.pdist(prior.loc).min() > 0.1
    torch.testing.assert_close(p.variance.mean(), torch.tensor(1.0), rtol=0, atol=0.3)
    p.log_prob(torch.randn(2, 6, *LATENT)).sum().backward()
    assert all(parameter.grad.any() for parameter in prior.parameters())


def test_a_context_weighs_the_components():
    prior = GMM(components=4).build(Site(LATENT, nn.Identity(), GIVEN, 2))
    nn.init.normal_(prior.weigh.weight)
    z = torch.randn(5, *LATENT)
    a, b = (prior(torch.eye(2)[[i] * 5]).log_prob(z) for i in (0, 1))
    assert (a - b).abs().min() > 1e-4


def test_one_pseudo_input_is_that_posterior():
    q = posterior()
    prior = Vamp(components=1).build(Site(LATENT, q, GIVEN))
    z = torch.randn(6, *LATENT)
    torch.testing.assert_close(prior().log_prob(z), q(prior.inputs).log_prob(z), rtol=1e-5, atol=1e-5)


def test_pseudo_inputs_begin_at_data_and_stay_in_their_range():
    prior = Vamp(components=30).build(Site(LATENT, posterior(), GIVEN))
    x = 255 * torch.rand(20, *GIVEN)
    prior.initialize(x)
    assert (prior.inputs[:20] - x).abs().max() < 12
    assert torch.pdist(prior.inputs.flatten(1)).min() > 0
    with torch.no_grad():
        prior.raw.mul_(1000)
    assert prior.inputs.min() >= x.min() and prior.inputs.max() <= x.max()


def test_pseudo_inputs_and_the_encoder_both_learn_from_the_prior():
    q = posterior()
    prior = Vamp(components=4).build(Site(LATENT, q, GIVEN))
    prior().log_prob(torch.randn(6, *LATENT)).sum().backward()
    assert prior.raw.grad.any() and all(parameter.grad is not None for parameter in q.parameters())


def test_the_encoder_runs_once_per_inference_for_all_pseudo_inputs():
    model = vamp_model()
    rows = []
    model.posterior.net.register_forward_hook(lambda _module, inputs, _out: rows.append(len(inputs[0])))
    evidence = model.infer(torch.rand(2, 1, 6, 6))
    for _ in range(3):
        _ = model.trace(torch.rand(2, 1, 6, 6), evidence, samples=4).log_weight
    assert sorted(rows) == [2, 5]


def vamp_model():
    return ImageVAE(
        shape=(1, 6, 6), latent=3, levels=None, value_range=(0, 1), net=MLP(widths=(8,)), prior=Vamp(components=5),
        likelihood={"kind": "continuous_bernoulli"},
    ).build()  # fmt: skip


def test_the_posterior_is_saved_once_and_copied_along():
    model = vamp_model()
    x = torch.rand(8, 1, 6, 6)
    model.initialize(x)
    assert {key for key in model.state_dict() if key.startswith("prior.")} == {"prior.raw", "prior.low", "prior.high"}
    assert len({id(p) for p in model.parameters()}) == len(list(model.parameters()))
    twin = copy.deepcopy(model)
    assert twin.prior._posterior[0] is twin.posterior and twin.posterior is not model.posterior
    again = vamp_model()
    again.load_state_dict(model.state_dict())
    z = torch.randn(4, 3)
    for other in (twin, again):
        torch.testing.assert_close(other.prior().log_prob(z), model.prior().log_prob(z))
    with torch.no_grad():
        for parameter in twin.posterior.parameters():
            parameter.add_(1)
    assert not torch.allclose(twin.prior().log_prob(z), model.prior().log_prob(z))


def test_vamp_refuses_a_context_and_posteriors_that_are_no_diagonal_gaussians():
    with pytest.raises(ValueError, match="use prior=gmm or prior=flow"):
        Vamp().build(Site(LATENT, posterior(), GIVEN, context=2))
    with pytest.raises(ValueError, match="use posterior=gaussian"):
        Vamp(components=2).build(Site(LATENT, posterior(Full()), GIVEN))()


def test_a_mixture_beats_the_standard_normal_on_clustered_data():
    """Two clusters, a linear model: the learned prior must find them, and the bound must gain by it."""
    x = torch.cat([torch.randn(200, 2) * 0.3 + 3, torch.randn(200, 2) * 0.3 - 3])
    elbo = {}
    for name, prior in (("standard", None), ("gmm", GMM(components=2))):
        torch.manual_seed(0)
        q = conditional(Gaussian(), nn.Linear(2, 8), given=(2,), event=(2,))
        likelihood = conditional(Gaussian(), nn.Linear(2, 8), given=(2,), event=(2,))
        site = Site((2,), q, (2,))
        model = VAE((prior or ImageVAE.model_fields["prior"].default).build(site), q, likelihood)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.03)
        for _ in range(250):
            optimizer.zero_grad()
            ELBO()(model(x)).value.backward()
            optimizer.step()
        with evaluating(model):
            elbo[name] = model(x, samples=20).elbo.mean().item()
    assert elbo["gmm"] > elbo["standard"] + 0.3


def test_pseudo_inputs_leave_the_statistics_of_batch_norm_alone():
    model = ImageVAE(shape=(1, 8, 8), latent=3, net=Conv(widths=(4, 6)), prior=Vamp(components=5)).build().train()
    x = torch.rand(16, 1, 8, 8)
    other = copy.deepcopy(model)
    model.infer(x)
    other.posterior(x)
    assert all(torch.equal(a, b) for a, b in zip(model.buffers(), other.buffers(), strict=True))
    assert all(module.training for module in model.modules())
