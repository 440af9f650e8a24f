"""Random features: any image, the same everywhere, and torch's generator left alone."""

import pytest
import torch

from vaekit.nets import RandomFeatures


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 33, 50), (2, 1, 1), (4, 64, 7)])
def test_random_features_take_images_of_any_shape(shape):
    state = torch.get_rng_state()
    net = RandomFeatures(shape[0])
    assert torch.equal(torch.get_rng_state(), state)
    assert not list(net.parameters())
    x = torch.rand(3, *shape)
    assert torch.equal(net(x), RandomFeatures(shape[0])(x))
    assert net(x).shape == (3, 256)
    assert not torch.equal(net(x), RandomFeatures(shape[0], seed=1)(x))


def test_random_features_say_where_something_is():
    x = torch.zeros(2, 1, 16, 16)
    x[0, 0, 2:6, 2:6] = x[1, 0, 10:14, 10:14] = 1
    a, b = RandomFeatures(1)(x)
    assert (a - b).norm() > 0.1 * a.norm()
