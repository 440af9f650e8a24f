"""Distances between features, random or given."""

import torch
from torch import nn

from vaekit.heads import ContinuousBernoulli, Gaussian, StandardNormal, conditional
from vaekit.models import VAE
from vaekit.nets import MLP
from vaekit.objectives import ELBO, Perceptual
from vaekit.objectives.perceptual import feature_distance

SIZE, NET = (3, 8, 8), MLP(widths=(12,))


def vae():
    posterior = conditional(Gaussian(), NET.encoder(SIZE), given=SIZE, event=(2,))
    likelihood = conditional(ContinuousBernoulli(), NET.decoder((2,), SIZE), given=(2,), event=SIZE)
    return VAE(StandardNormal((2,)), posterior, likelihood)


def test_distance_is_zero_for_equal_features_and_blind_to_their_length():
    a, b = torch.rand(2, 4, 5, 3, 3)
    assert feature_distance(a, a) == 0
    torch.testing.assert_close(feature_distance(a, b), feature_distance(7 * a, 0.1 * b))
    cosine = nn.functional.cosine_similarity(a, b, dim=1)
    torch.testing.assert_close(feature_distance([a, b], [b, a]), (2 - 2 * cosine).mean())


def test_random_features_are_fixed_and_the_same_for_everybody():
    model, x = vae(), torch.rand(4, *SIZE)
    trace = model(x)
    first, second = Perceptual().build(model, 100), Perceptual().build(model, 5)
    assert torch.equal(first(trace).value, second(trace).value)
    assert not list(first.parameters())


def test_a_users_own_features_take_the_place_of_random_ones():
    """They see images in [0, 1], and may return one map or several."""
    seen = []

    class Own(nn.Module):
        def forward(self, images):
            seen.append(images)
            return images[:, :2], images[:, 1:]

    model, x = vae(), torch.rand(4, *SIZE)
    trace = model(x, samples=2)
    objective = Perceptual(weight=2.0)
    loss = objective.build(model, 100, maps=Own())(trace)
    real, fake = seen
    torch.testing.assert_close(real, x.repeat(2, 1, 1, 1))
    torch.testing.assert_close(fake, trace.likelihood.mean.flatten(0, 1))
    expected = feature_distance([real[:, :2], real[:, 1:]], [fake[:, :2], fake[:, 1:]])
    torch.testing.assert_close(loss.metrics["perceptual"], expected.detach())
    torch.testing.assert_close(loss.value, ELBO()(trace).value + 2 * 192 * expected)


def test_the_description_stays_plain_data():
    assert Perceptual.model_validate_json('{"kind": "perceptual", "features": "random"}') == Perceptual()
