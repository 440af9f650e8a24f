import pytest
import torch
from torch import nn

from vaekit.nets import MLP


def test_layers_in_order():
    net = MLP(widths=(8, 6), norm="layer", activation="leaky_relu", dropout=0.1).encoder((2, 3))
    kinds = [nn.Linear, nn.LayerNorm, nn.LeakyReLU, nn.Dropout] * 2
    assert [type(layer) for layer in net.layers] == kinds
    assert net.layers[2].negative_slope == 0.2
    widths = [(layer.in_features, layer.out_features) for layer in net.layers if isinstance(layer, nn.Linear)]
    assert widths == [(6, 8), (8, 6)]


def test_the_decoder_mirrors_the_encoder():
    net = MLP(widths=(8, 6)).decoder((3,), (20,))
    widths = [(layer.in_features, layer.out_features) for layer in net.layers if isinstance(layer, nn.Linear)]
    assert widths == [(3, 6), (6, 8)]
    assert net.out_size == (8,)


def test_residual_blocks_need_equal_widths():
    with pytest.raises(ValueError, match=r"equal widths, got \(8, 6\); set residual=false"):
        MLP(widths=(8, 6), residual=True)


def test_a_residual_block_adds():
    net = MLP(widths=(8, 8), residual=True, norm="none").encoder((8,))
    block = net.layers[1]
    nn.init.zeros_(block.branch[-1].weight)
    h = torch.randn(3, 8)
    assert torch.equal(block(h), h)


def test_dropout_acts_in_training_only():
    net = MLP(widths=(64,), dropout=0.5).encoder((4,))
    x = torch.randn(2, 4)
    assert not torch.equal(net(x), net(x))
    net.eval()
    assert torch.equal(net(x), net(x))
