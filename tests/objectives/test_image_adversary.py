"""Adversaries that look at images: who gets which gradient, and the weight that balances them."""

import pytest
import torch
from torch.distributions import Independent, Normal

from vaekit.heads import Bernoulli, ContinuousBernoulli, DiscretizedLogistic, Gaussian, StandardNormal, conditional
from vaekit.models import VAE
from vaekit.nets import MLP, PatchDiscriminator
from vaekit.objectives import ELBO, VAEGAN, PatchGAN
from vaekit.objectives.image_adversary import adaptive_weight
from vaekit.objectives.pictures import pictures

SIZE, NET = (1, 8, 8), MLP(widths=(12,))


def vae(family=None):
    posterior = conditional(Gaussian(), NET.encoder(SIZE), given=SIZE, event=(2,))
    likelihood = conditional(family or ContinuousBernoulli(), NET.decoder((2,), SIZE), given=(2,), event=SIZE)
    return VAE(StandardNormal((2,)), posterior, likelihood)


def gradient(value, module):
    found = torch.autograd.grad(value, list(module.parameters()), retain_graph=True, allow_unused=True)
    return torch.cat(
        [
            torch.zeros_like(p).flatten() if g is None else g.flatten()
            for p, g in zip(module.parameters(), found, strict=True)
        ]
    )


def normal(loc, sigma=1.0):
    return Independent(Normal(loc, sigma), 1)


def test_adaptive_weight_is_the_ratio_of_the_gradients_at_the_point():
    loc = torch.zeros(2, 3, requires_grad=True)
    likelihood = normal(loc)
    nll, fool = 6 * likelihood.mean.sum(), -0.5 * likelihood.mean.sum()
    assert adaptive_weight(nll, fool, likelihood).item() == pytest.approx(12)
    assert not adaptive_weight(nll, fool, likelihood).requires_grad


def test_adaptive_weight_is_finite_and_bounded_for_every_gradient():
    loc = torch.zeros(2, 3, requires_grad=True)
    likelihood, zero = normal(loc), 0 * loc.sum()
    assert adaptive_weight(loc.sum(), zero, likelihood).item() == 1e4
    assert adaptive_weight(zero, loc.sum(), likelihood).item() == 0
    assert adaptive_weight(zero, zero, likelihood).item() == 0
    assert adaptive_weight(1e9 * loc.sum(), loc.sum(), likelihood).item() == 1e4


def test_adaptive_weight_does_not_depend_on_the_units_of_the_data():
    """Levels from 0 to 255 and values in [0, 1] are the same image."""
    weights = []
    for levels in (2, 256):
        half = (levels - 1) / 2
        loc = torch.full((4, 3), 0.3, requires_grad=True)
        likelihood = normal((loc + 1) * half, half)
        image = likelihood.mean / (levels - 1)
        nll = -likelihood.log_prob(torch.full((3,), 0.5 * half)).mean()
        weights.append(adaptive_weight(nll, image.square().mean(), likelihood).item())
    assert weights[0] == pytest.approx(weights[1], rel=1e-5)


def test_adaptive_weight_needs_a_parameter_that_both_depend_on():
    loc = torch.zeros(2, 3, requires_grad=True)
    with pytest.raises(ValueError, match="use objective=vae_gan"):
        adaptive_weight(loc.sum(), loc.sum(), normal(torch.zeros(2, 3)))


@pytest.mark.parametrize(
    "family", [ContinuousBernoulli(), Bernoulli(), DiscretizedLogistic(levels=2)], ids=lambda f: f.kind
)
def test_patch_gan_is_one_sum_of_two_games(family):
    """Test 17: the model sees the bound and its own term, the discriminator its own term, and neither the other's."""
    model = vae(family)
    criterion = PatchGAN(start=0, width=4, weight=0.7).build(model, 100)
    trace = model(torch.randint(0, 2, (6, *SIZE)).float())
    loss = criterion(trace)
    real, fake = pictures(trace)
    adversary, balance = criterion.adversary, loss.metrics["adaptive_weight"]
    own = adversary.judge(real, fake)
    expected = ELBO()(trace).value + 0.7 * balance * adversary.fool(fake)
    torch.testing.assert_close(loss.value, expected + own)
    torch.testing.assert_close(gradient(loss.value, model), gradient(expected, model))
    torch.testing.assert_close(gradient(loss.value, criterion), gradient(own, criterion))
    assert gradient(own, criterion).any() and not gradient(own, model).any()
    assert not gradient(adversary.fool(fake), criterion).any() and gradient(adversary.fool(fake), model).any()


def test_patch_gan_pulls_as_hard_as_the_likelihood():
    model = vae()
    trace = model(torch.rand(6, *SIZE))
    loss = PatchGAN(start=0, width=4, weight=1.0).build(model, 100)(trace)
    logits = next(v for v in vars(trace.likelihood.base_dist).values() if torch.is_tensor(v) and v.requires_grad)
    (likelihood,) = torch.autograd.grad(-trace.log_likelihood.mean(), logits, retain_graph=True)
    (both,) = torch.autograd.grad(loss.value, logits, retain_graph=True)
    assert (both - likelihood).norm().item() == pytest.approx(likelihood.norm().item(), rel=1e-4)


def test_patch_gan_rests_until_its_start():
    model = vae()
    criterion = PatchGAN(start=5, width=4).build(model, 100)
    trace = model(torch.rand(6, *SIZE))
    bound = ELBO()(trace).value
    assert all(torch.equal(criterion(trace, step).value, bound) for step in (1, 4))
    torch.testing.assert_close(criterion(trace, 0).value, bound)
    assert not torch.equal(criterion(trace, 5).value, bound)


def test_vae_gan_leaves_the_encoder_to_the_bound_and_the_features():
    def gradients(adversarial):
        torch.manual_seed(1)
        model = vae().double()
        criterion = VAEGAN(width=4, adversarial=adversarial).build(model, 100).double()
        loss = criterion(model(torch.rand(6, *SIZE).double()))
        return [gradient(loss.value, part) for part in (model.posterior, model.likelihood, criterion)]

    without, weak, strong = gradients(0.0), gradients(1.0), gradients(3.0)
    torch.testing.assert_close(without[0], strong[0])
    assert not torch.allclose(without[1], strong[1])
    torch.testing.assert_close(strong[1] - without[1], 3 * (weak[1] - without[1]))
    torch.testing.assert_close(without[2], strong[2])


def test_vae_gan_shows_its_adversary_reconstructions_and_samples():
    model = vae().eval()
    criterion = VAEGAN(width=4).build(model, 100)
    seen = []
    criterion.adversary.net.register_forward_hook(lambda _module, inputs, _out: seen.append(inputs[0].detach()))
    trace = model(x := torch.rand(6, *SIZE), samples=2)
    criterion(trace)
    real, fake = seen[0], seen[1]
    assert torch.equal(real, x.repeat(2, 1, 1, 1))
    assert fake.shape == (18, *SIZE)
    torch.testing.assert_close(fake[:12], trace.likelihood.mean.detach().flatten(0, 1))
    assert (fake[12:] - fake[:6]).abs().amax((1, 2, 3)).min() > 0


def test_features_are_a_metric_whose_weights_are_held():
    model = vae()
    criterion = VAEGAN(width=4, adversarial=0.0, beta=0.0).build(model, 100)
    trace = model(torch.rand(6, *SIZE))
    loss = criterion(trace)
    stages = criterion.adversary.net.stages
    real, fake = pictures(trace)
    expected = (stages(2 * fake - 1) - stages(2 * real - 1)).square().sum((1, 2, 3)).mean() / 2
    torch.testing.assert_close(loss.metrics["feature_error"], expected.detach())
    assert gradient(expected, stages).any()  # and yet:
    critic = loss.value - expected + trace.log_likelihood.mean()
    torch.testing.assert_close(
        gradient(loss.value, criterion.adversary.net.score), gradient(critic, criterion.adversary.net.score)
    )
    assert not torch.allclose(gradient(loss.value, stages), gradient(loss.value, stages) + gradient(expected, stages))


@pytest.mark.parametrize(("side", "layers"), [(1, 0), (3, 1), (8, 3), (64, 3)])
def test_a_small_image_has_fewer_layers(side, layers):
    net = PatchDiscriminator(2, side, width=4)
    assert len([m for m in net.stages if isinstance(m, torch.nn.Conv2d)]) == layers
    scores = net(torch.rand(3, 2, side, side + 5))
    assert scores.shape[:2] == (3, 1) and torch.isfinite(scores).all()


def test_scores_are_those_of_patches_one_image_at_a_time():
    net = PatchDiscriminator(1, 16, width=4)
    x = torch.rand(5, 1, 16, 16)
    torch.testing.assert_close(net(x), torch.cat([net(image[None]) for image in x]))
