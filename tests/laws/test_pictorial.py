"""The laws of objectives that look at images, over every one of them and every likelihood with a scale."""

import pytest
import torch
from torch import nn

from laws.members import FAMILY_KINDS, PICTORIAL, data, name
from vaekit.distributions import Delta, point
from vaekit.heads import Bernoulli, ContinuousBernoulli, Gaussian, StandardNormal, conditional
from vaekit.models import VAE
from vaekit.nets import MLP
from vaekit.objectives import ELBO, VAEGAN, PatchGAN
from vaekit.objectives.pictures import pictures

SIZE, NET = (2, 9, 7), MLP(widths=(12,))
every_objective = pytest.mark.parametrize("objective", PICTORIAL, ids=name)
ON_A_SCALE = [kind() for kind in FAMILY_KINDS if kind().support != "real"]


def vae(family, size=SIZE):
    posterior = conditional(Gaussian(), NET.encoder(size), given=size, event=(3,))
    likelihood = conditional(family, NET.decoder((3,), size), given=(3,), event=size)
    return VAE(StandardNormal((3,)), posterior, likelihood)


def gradients(value, parameters):
    parameters = list(parameters)
    found = torch.autograd.grad(value, parameters, retain_graph=True, allow_unused=True)
    return [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, found, strict=True)]


@every_objective
@pytest.mark.parametrize("family", ON_A_SCALE, ids=name)
def test_it_takes_every_likelihood_with_a_scale(objective, family):
    model = vae(family)
    criterion = objective.build(model, 100)
    loss = criterion(model(data(family, (4, *SIZE)).float(), samples=2), 50)
    loss.value.backward()
    assert loss.value.dim() == 0 and torch.isfinite(loss.value)
    assert not any(metric.requires_grad for metric in loss.metrics.values())
    assert {"elbo", "distortion", "rate"} < loss.metrics.keys()
    for key, p in model.named_parameters():
        assert p.grad is not None and torch.isfinite(p.grad).all(), key


@pytest.mark.parametrize("family", [kind() for kind in FAMILY_KINDS], ids=name)
def test_images_are_put_on_one_scale(family):
    """Levels by the highest, counts by the largest of the batch, everything else as it is."""
    x = data(family, (5, *SIZE)).float()
    x = x.abs().clamp(max=1) if family.support == "real" else x
    trace = vae(family)(x, samples=3)
    real, fake = pictures(trace)
    high = {"levels": getattr(family, "levels", 2) - 1, "counts": x.max()}.get(family.support, 1)
    torch.testing.assert_close(real, (x / high).repeat(3, 1, 1, 1))
    torch.testing.assert_close(fake, (point(trace.likelihood) / high).flatten(0, 1))
    assert real.min() >= 0 and real.max() <= 1 and fake.shape == real.shape


@every_objective
def test_the_logged_bound_is_that_of_the_model(objective):
    model = vae(ContinuousBernoulli())
    trace = model(torch.rand(4, *SIZE))
    metrics, expected = objective.build(model, 100)(trace, 50).metrics, ELBO()(trace).metrics
    assert all(torch.equal(metrics[key], expected[key]) for key in expected)
    assert not objective.is_bound and objective.kind in objective.what_it_is
    assert objective.schedule_end == max(objective.beta.end, getattr(objective, "start", 0))


@every_objective
def test_its_own_weights_are_disjoint_and_see_no_gradient_of_the_model(objective):
    """Test 17: one loss, two players. Each term of the sum reaches one of them."""
    model = vae(ContinuousBernoulli())
    criterion = objective.build(model, 100)
    own = list(criterion.parameters()) if isinstance(criterion, nn.Module) else []
    assert bool(own) == isinstance(objective, VAEGAN | PatchGAN)
    assert {id(p) for p in own}.isdisjoint(id(p) for p in model.parameters())
    loss = criterion(model(torch.rand(4, *SIZE)), 50)
    for p, g in zip(own, gradients(loss.value, own) if own else [], strict=True):
        assert torch.isfinite(g).all() and g.any(), p.shape


@every_objective
def test_it_refuses_what_is_no_image(objective):
    model = vae(Gaussian(), size=(6,))
    with pytest.raises(ValueError, match=r"compares images \(C, H, W\), but the data are \(6,\); use objective=elbo"):
        objective.build(model, 100)(model(torch.rand(4, 6)))


@every_objective
def test_it_refuses_real_values_off_the_scale_before_training(objective):
    model = vae(Gaussian())
    criterion = objective.build(model, 100)
    with pytest.raises(ValueError, match=r"rescale the data to \[0, 1\], or use likelihood=continuous_bernoulli"):
        criterion(model(torch.randn(4, *SIZE)), 0)
    assert torch.isfinite(criterion(model(torch.rand(4, *SIZE)), 0).value)


@every_objective
@pytest.mark.parametrize("size", [(1, 8, 8), (3, 1, 5), (1, 28, 28), (1, 45, 61)], ids=str)
def test_it_takes_every_size(objective, size):
    model = vae(Bernoulli(), size)
    assert torch.isfinite(objective.build(model, 100)(model(torch.randint(0, 2, (2, *size)).float()), 50).value)


@every_objective
def test_it_takes_points_for_latents_without_their_rate(objective):
    model = vae(ContinuousBernoulli())
    model.posterior = _Point()
    free = objective.replace(beta=0.0)
    assert torch.isfinite(free.build(model, 100)(model(torch.rand(4, *SIZE)), 50).value)
    with pytest.raises(ValueError, match="posterior=gaussian"):
        objective.replace(beta=1.0).build(model, 100)(model(torch.rand(4, *SIZE)), 50)


class _Point(nn.Module):
    """A posterior without a density."""

    def forward(self, x):
        return Delta(x.flatten(1)[:, :3], 1)


@every_objective
def test_it_is_the_same_under_autocast_but_for_rounding(objective):
    model = vae(ContinuousBernoulli()).eval()
    trace = model(torch.rand(4, *SIZE))
    criterion = objective.build(model, 100)

    def value():
        torch.manual_seed(3)
        return criterion(trace, 50).value

    with torch.autocast("cpu", torch.bfloat16):
        rounded = value()
    assert rounded.dtype == torch.float32
    torch.testing.assert_close(rounded, value(), rtol=0.02, atol=0.1)
