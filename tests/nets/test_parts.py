from typing import get_args

import pytest
import torch
from torch import nn

from vaekit.nets import Activation, Norm, Standardize, activation, linear_head, norm, parameter_count


@pytest.mark.parametrize("kind", get_args(Norm))
@pytest.mark.parametrize("spatial", [True, False])
@pytest.mark.parametrize("channels", [1, 3, 4, 7, 30, 256])
def test_norms_keep_the_shape(kind, spatial, channels):
    x = torch.randn(8, channels, 3, 2) if spatial else torch.randn(8, channels)
    assert norm(kind, channels, spatial=spatial)(x).shape == x.shape


@pytest.mark.parametrize(
    ("channels", "groups"), [(1, 1), (3, 1), (4, 1), (7, 1), (8, 2), (30, 6), (64, 16), (128, 32), (256, 32), (96, 24)]
)
def test_groups_divide_and_hold_four_channels(channels, groups):
    assert norm("group", channels, spatial=True).num_groups == groups


@pytest.mark.parametrize("kind", ["batch", "layer", "group"])
@pytest.mark.parametrize("spatial", [True, False])
def test_norms_normalise(kind, spatial):
    x = 5 + 3 * torch.randn(64, 16, *([4, 4] if spatial else []))
    y = norm(kind, 16, spatial=spatial)(x)
    assert abs(y.mean().item()) < 1e-4
    assert y.var(correction=0).item() == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("kind", ["layer", "group", "none"])
def test_only_batch_norm_looks_at_other_data(kind):
    layer, x = norm(kind, 8, spatial=True), torch.randn(4, 8, 3, 3)
    torch.testing.assert_close(layer(x)[:1], layer(x[:1]))


@pytest.mark.parametrize("name", get_args(Activation))
def test_activations(name):
    layer = activation(name)
    x = torch.tensor([-1.0, 0.0, 10.0])
    assert isinstance(layer, nn.Module) and layer(x)[1] == 0 and layer(x)[2] == pytest.approx(10, rel=1e-3)
    assert layer(x)[0] < 0 or name == "relu"


def test_leaky_relu_has_slope_one_fifth():
    assert activation("leaky_relu")(torch.tensor(-1.0)) == pytest.approx(-0.2)


def test_standardize():
    layer = Standardize(3.0, 2.0)
    torch.testing.assert_close(layer(torch.tensor([3.0, 5.0])), torch.tensor([0.0, 1.0]))
    assert set(layer.state_dict()) == {"loc", "scale"} and not list(layer.parameters())
    with pytest.raises(ValueError, match="must be positive"):
        Standardize(0.0, 0.0)


@pytest.mark.parametrize(
    ("features", "size", "kind"),
    [
        ((8,), (3,), nn.Linear),
        ((8,), (3, 4, 4), nn.Linear),
        ((8, 4, 4), (3, 4, 4), nn.Conv2d),
        ((8, 4, 4), (3, 5, 4), nn.Sequential),
        ((8, 4, 4), (3,), nn.Sequential),
    ],
    ids=str,
)
def test_linear_heads_read_any_size_off_any_features(features, size, kind):
    head = linear_head(features, size)
    assert isinstance(head, kind)
    assert head(torch.zeros(2, *features)).numel() == 2 * torch.Size(size).numel()


def test_parameter_count_leaves_frozen_weights_out():
    net = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    assert parameter_count(net) == 26
    net[0].requires_grad_(False)
    assert parameter_count(net) == 10
