import math

import pytest
import torch
from torch import nn

from vaekit.heads import Conditional, Gaussian
from vaekit.nets import MLP, Conv, kaiming, xavier

GAIN = math.sqrt(2 / (1 + 0.2**2))  # of a leaky_relu with slope 0.2


@pytest.mark.parametrize(
    ("layer", "fan_in", "fan_out"),
    [
        (nn.Linear(200, 300), 200, 300),
        (nn.Conv2d(60, 80, 3), 540, 720),
        (nn.ConvTranspose2d(60, 80, 3), 720, 540),  # torch counts the fans of a transposed layer the other way round
    ],
    ids=["linear", "conv", "transposed"],
)
def test_standard_deviations(layer, fan_in, fan_out):
    assert kaiming(layer) is layer
    assert layer.weight.std().item() == pytest.approx(GAIN / math.sqrt(fan_out), rel=0.03)
    assert not layer.bias.any()
    nn.init.ones_(layer.bias)
    assert xavier(layer) is layer
    assert layer.weight.std().item() == pytest.approx(math.sqrt(2 / (fan_in + fan_out)), rel=0.03)
    assert layer.weight.abs().max() <= math.sqrt(6 / (fan_in + fan_out))
    assert not layer.bias.any()


def test_layers_without_bias():
    for initialise in (kaiming, xavier):
        assert initialise(nn.Linear(3, 4, bias=False)).bias is None


@pytest.mark.parametrize(
    "net",
    [
        MLP(widths=(300, 200)).encoder((100,)),
        MLP(widths=(300, 200)).decoder((100,), (5,)),
        Conv(widths=(60, 80)).encoder((40, 8, 8)),
        Conv(widths=(60, 80), upsample="transposed").decoder((100,), (3, 8, 8)),
    ],
    ids=["mlp-encoder", "mlp-decoder", "conv-encoder", "conv-decoder"],
)
def test_backbones_are_kaiming(net):
    layers = [m for m in net.modules() if isinstance(m, nn.Linear | nn.Conv2d | nn.ConvTranspose2d)]
    assert len(layers) >= 2
    for layer in layers:
        fan_out = nn.init._calculate_fan_in_and_fan_out(layer.weight)[1]
        assert layer.weight.std().item() == pytest.approx(GAIN / math.sqrt(fan_out), rel=0.05)


def test_heads_are_xavier_and_start_as_told():
    posterior = Conditional(MLP(widths=(200,)).encoder((10,)), Gaussian(), given=(10,), event=(300,))
    weight = posterior.heads["loc"].weight
    assert weight.std().item() == pytest.approx(math.sqrt(2 / 500), rel=0.03)
    assert not posterior.heads["scale"].weight.any()


def test_residual_branches_are_damped_with_depth():
    for blocks in (1, 4, 16):
        net = MLP(widths=(64,) * (blocks + 1), residual=True, norm="layer").encoder((64,))
        last = torch.stack([block.branch[-1].weight for block in list(net.layers)[1:-2]])
        assert last.std().item() == pytest.approx(GAIN / math.sqrt(64) / math.sqrt(2 * blocks), rel=0.05)
