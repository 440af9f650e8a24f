import torch
from torch import nn

from vaekit.nets.embedding import embed, uniform


def test_vectors_enter_at_order_one_whatever_their_width():
    for width in (16, 1024):
        vectors = embed(uniform(nn.Embedding(50, width)), torch.arange(50))
        assert abs(vectors.std().item() - 3**-0.5) < 0.05


def test_a_linear_layer_starts_without_a_bias():
    layer = uniform(nn.Linear(16, 100), 0.3)
    assert not layer.bias.any() and 0.07 < layer.weight.abs().max() <= 0.3 / 4
