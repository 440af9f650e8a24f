import copy
import math
from typing import get_args

import pytest
import torch
from torch import nn

from vaekit.heads import Bernoulli, Conditional, DiscretizedLogistic, Exp, Gaussian, Posterior, Shared, conditional
from vaekit.nets import MLP, Conv
from vaekit.objectives import ELBO


class Custom(nn.Module):
    """A user's network; like many, it has an attribute called `head`, and nothing of ours."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(12, 9), nn.Tanh())
        self.head = nn.Linear(9, 6)

    def forward(self, x):
        return self.head(self.body(x))


class Upwards(nn.Module):
    """A user's decoder that returns a picture already."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 5 * 4 * 4)

    def forward(self, z):
        return self.linear(z).view(-1, 5, 4, 4).relu()


def test_a_users_own_modules():
    posterior = Conditional(Custom(), Gaussian(), given=(3, 2, 2), event=(4,))
    q = posterior(torch.randn(5, 3, 2, 2))
    assert (q.batch_shape, q.event_shape) == ((5,), (4,))
    likelihood = Conditional(Upwards(), Bernoulli(), given=(3,), event=(2, 4, 4))
    assert isinstance(likelihood.heads["logits"], nn.Conv2d)
    assert likelihood(torch.randn(7, 5, 3)).sample().shape == (7, 5, 2, 4, 4)


@pytest.mark.parametrize("description", get_args(get_args(Posterior)[0]), ids=lambda kind: kind.__name__)
def test_every_posterior_is_made_by_the_one_public_name(description):
    """A flow and a codebook have modules of their own, which the family's name makes too; and copies are equal."""
    value = description()
    event = value.latent_event(4)
    made = Conditional(nn.Linear(3, 16), value, given=(3,), event=event).eval()
    assert type(made) is type(conditional(value, nn.Linear(3, 16), given=(3,), event=event))
    x = torch.randn(5, 3)
    again = copy.deepcopy(made)
    for module in (made, again):
        torch.manual_seed(0)
        z = module(x).sample()
        assert z.shape == (5, *event)
    torch.manual_seed(0)
    torch.testing.assert_close(z, made(x).sample())


def test_what_describes_no_distribution_is_refused():
    for wrong in (ELBO(), "gaussian", None):
        with pytest.raises(TypeError, match="describes no conditional distribution"):
            Conditional(nn.Linear(3, 16), wrong, given=(3,), event=(2,))


@pytest.mark.parametrize(
    ("net", "given", "event"),
    [
        (MLP(widths=(8, 6)).encoder((2, 3)), (2, 3), (4,)),
        (Conv(widths=(4, 6)).decoder((3,), (2, 9, 7)).eval(), (3,), (2, 9, 7)),
        (Upwards(), (3,), (6,)),
    ],
    ids=["mlp", "conv", "custom"],
)
def test_a_sample_axis_equals_a_loop(net, given, event):
    conditional = Conditional(net, Gaussian(), given=given, event=event).double()
    for p in conditional.parameters():
        nn.init.normal_(p, std=0.3)
    c = torch.randn(3, 5, *given).double()
    whole = conditional(c)
    assert (whole.batch_shape, whole.event_shape) == ((3, 5), event)
    for s in range(3):
        one = conditional(c[s])
        torch.testing.assert_close(whole.mean[s], one.mean, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(whole.stddev[s], one.stddev, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("net", "message"),
    [
        (nn.Linear(7, 2), r"Linear must accept a batch of shape \(B, 3, 4\), but it raised"),
        (nn.Flatten(0), r"Flatten must return one tensor \(B, \*features\), got a tensor \(24,\)"),
        (nn.GRU(4, 2, batch_first=True), r"GRU must return one tensor \(B, \*features\), got tuple"),
        (nn.Sequential(nn.Flatten(1), nn.Unflatten(5, (2, 2))), "Sequential must accept"),
    ],
    ids=["size", "batch", "tuple", "index"],
)
def test_a_net_that_does_not_fit_is_refused_when_made(net, message):
    with pytest.raises(ValueError, match=message):
        Conditional(net, Gaussian(), given=(3, 4), event=(2,))


@pytest.mark.parametrize("net", [MLP(), Conv(widths=(4, 4))], ids=["mlp", "conv"])
def test_a_net_made_for_another_size_is_refused_when_made(net):
    """A size mismatch is an error with its cure, not a shape error within a Linear (A8, D15)."""
    with pytest.raises(ValueError, match=r"must accept a batch of shape \(B, 3, 32, 32\)|was made for other inputs"):
        Conditional(net.encoder((1, 28, 28)), Gaussian(), given=(3, 32, 32), event=(2,))
    with pytest.raises(ValueError, match="was made for other inputs"):
        Conditional(Conv(widths=(4, 4)).encoder((1, 28, 28)), Gaussian(), given=(1, 32, 32), event=(2,))


@pytest.mark.parametrize("shape", [(5,), (5, 4), (3,), (2, 5, 4)], ids=str)
def test_an_input_of_another_shape_is_refused(shape):
    conditional = Conditional(nn.Linear(3, 8), Gaussian(), given=(3,), event=(2,))
    with pytest.raises(ValueError, match=r"expected a batch of \(3,\), got"):
        conditional(torch.zeros(shape))


def test_looking_at_a_net_leaves_it_as_it_was():
    """Neither the statistics nor the modes of a net change because its output is looked at (D3)."""
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5))
    net[1].eval()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    Conditional(net, Gaussian(), given=(3,), event=(2,))
    assert [module.training for module in net] == [True, False, True]
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())


def test_a_shared_scale_is_one_parameter_with_a_gradient():
    """The noise scale is learned from the data: at the optimum it is the root of the mean squared error (D4)."""
    likelihood = Conditional(nn.Linear(2, 8), Gaussian(scale=Shared()), given=(2,), event=(50,)).double()
    assert [name for name, _ in likelihood.shared.named_parameters()] == ["scale"]
    z, x = torch.randn(30, 2).double(), 0.5 * torch.randn(30, 50).double()
    error = (x - likelihood(z).mean).square().mean().item()
    for log_variance, sign in ((math.log(error) + 0.1, 1), (math.log(error), 0), (math.log(error) - 0.1, -1)):
        likelihood.shared["scale"].data.fill_(log_variance)
        (-likelihood(z).log_prob(x)).sum().backward()
        slope = likelihood.shared["scale"].grad.item()
        assert abs(slope) < 1e-6 if sign == 0 else slope * sign > 1
        likelihood.zero_grad()


def test_the_gaussian_carries_its_constant_and_its_scale():
    """Training loss and evaluation are the same number: log 2 pi is in both (D4, O3, O4)."""
    likelihood = Conditional(nn.Linear(2, 8), Gaussian(scale=Exp(bounds=(-10, 2))), given=(2,), event=(3,)).double()
    nn.init.normal_(likelihood.heads["scale"].weight)
    z, x = torch.randn(6, 2).double(), torch.randn(6, 3).double()
    features = likelihood.net(z)
    loc, log_variance = likelihood.heads["loc"](features), likelihood.heads["scale"](features).clamp(-10, 2)
    expected = -0.5 * ((x - loc).square() / log_variance.exp() + log_variance + math.log(2 * math.pi)).sum(-1)
    torch.testing.assert_close(likelihood(z).log_prob(x), expected)


def test_the_range_of_the_output_follows_from_the_likelihood():
    """Standardised data can be reconstructed outside [0, 1]: no squashing that the likelihood did not ask for (D11)."""
    z = 100 * torch.randn(50, 2)
    mean = {
        kind: Conditional(nn.Linear(2, 8), family, given=(2,), event=(3,))(z).mean
        for kind, family in {"gaussian": Gaussian(), "bernoulli": Bernoulli(), "levels": DiscretizedLogistic()}.items()
    }
    assert mean["gaussian"].min() < -0.81 and mean["gaussian"].max() > 2.02
    assert mean["bernoulli"].min() >= 0 and mean["bernoulli"].max() <= 1
    assert mean["levels"].min() >= 0 and mean["levels"].max() <= 255
