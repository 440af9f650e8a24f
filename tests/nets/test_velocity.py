"""The field whose divergence is known in closed form."""

import pytest
import torch
from torch.func import jacrev, vmap

from vaekit.nets import VelocityNet


def moved(net):
    for weight in net.parameters():
        weight.data.add_(0.3 * torch.randn_like(weight))
    return net.double()


@pytest.mark.parametrize(("size", "context"), [(1, 0), (4, 0), (4, 3)])
def test_the_divergence_is_the_trace_of_the_jacobian(size, context):
    net = moved(VelocityNet(size, 16, context))
    x, time = torch.randn(6, size).double(), torch.rand(6, 1).double()
    given = torch.randn(6, context).double()
    v, divergence = net(x, time, given)

    def field(x, time, given):
        return net.field(x[None], time[None], given[None])[0]

    jacobian = vmap(jacrev(field))(x, time, given)
    torch.testing.assert_close(divergence, jacobian.diagonal(dim1=1, dim2=2).sum(1))
    torch.testing.assert_close(v, vmap(field)(x, time, given))


def test_it_begins_as_nothing_and_every_weight_learns():
    net = VelocityNet(3, 8, 2)
    x, time, given = torch.randn(5, 3), torch.rand(5, 1), torch.randn(5, 2)
    v, divergence = net(x, time, given)
    assert not v.any() and not divergence.any()
    moved(net).field(x.double(), time.double(), given.double()).square().sum().backward()
    assert all(weight.grad.any() for weight in net.parameters())


def test_one_time_for_all_is_that_time_for_each():
    net, x = moved(VelocityNet(3, 8)), torch.randn(5, 3).double()
    for one, each in zip(net(x, x.new_full((1, 1), 0.3)), net(x, x.new_full((5, 1), 0.3)), strict=True):
        torch.testing.assert_close(one, each)
