"""The laws of architectures: what any pair of encoder and decoder must obey."""

import copy

import pytest
import torch
from torch import nn

from laws.members import NET_KINDS, NETS, name
from vaekit.heads import Conditional, Exp, Gaussian
from vaekit.nets import Conv, is_network, output_size

every_net = pytest.mark.parametrize("spec", NETS, ids=name)
SIZES = [(28, 28), (32, 32), (28, 56), (64, 48), (45, 61), (33, 50), (5, 7), (128, 128)]
IMAGE, LATENT = (2, 9, 12), 5
_NORMALIZATIONS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.LayerNorm, nn.GroupNorm)


def both(spec, image=IMAGE):
    """Return posterior and likelihood of an image made from one architecture."""
    posterior = Conditional(spec.encoder(image), Gaussian(), given=image, event=(LATENT,))
    likelihood = Conditional(
        spec.decoder((LATENT,), image), Gaussian(scale=Exp(bounds=(-10, 2))), given=(LATENT,), event=image
    )
    return posterior, likelihood


def shaken(module):
    """Return the module in double precision with other weights and statistics than those of the start."""
    module = module.double()
    for p in module.parameters():
        p.data.add_(0.1 * torch.randn_like(p))
    for key, buffer in module.named_buffers():
        if "running" in key:
            buffer.uniform_(0.5, 1.5)
    return module


@every_net
def test_a_batch_equals_one_by_one(spec):
    posterior, likelihood = (shaken(module).eval() for module in both(spec))
    for module, given in ((posterior, IMAGE), (likelihood, (LATENT,))):
        c = torch.randn(6, *given).double()
        whole = module(c)
        alone = [module(c[i : i + 1]) for i in range(6)]
        for part in ("mean", "stddev"):
            expected = torch.cat([getattr(distribution, part) for distribution in alone])
            torch.testing.assert_close(getattr(whole, part), expected, rtol=1e-10, atol=1e-10)


@every_net
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_the_decoder_returns_the_shape_of_the_input(spec, channels):
    """Any channel count gives itself back, and odd grids too (A8, D15)."""
    image = (channels, 11, 14)
    posterior, likelihood = both(spec, image)
    x = torch.randn(3, *image)
    assert likelihood(posterior(x).sample()).sample().shape == x.shape


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("output", ["conv", "upsample"])
@pytest.mark.parametrize("upsample", ["transposed", "nearest"])
@pytest.mark.parametrize("kernel", [3, 4])
def test_ladders_return_the_size_of_the_input(kernel, upsample, output, size):
    """28x28, 32x32, 28x56, 64x48 and 128x128 come back as themselves, and no size crashes (A8, D15)."""
    spec = Conv(widths=(2, 3, 4)[: 3 if min(size) > 7 else 2], kernel=kernel, upsample=upsample, output=output)
    for channels in range(1, 5):
        image = (channels, *size)
        posterior, likelihood = (module.eval() for module in both(spec, image))
        with torch.no_grad():
            x = torch.zeros(1, *image)
            assert likelihood(posterior(x).mean).mean.shape == x.shape


@every_net
def test_every_parameter_gets_a_gradient(spec):
    """No parameter is without effect, save a bias that batch normalisation takes away again."""
    for module, given in zip(both(spec), (IMAGE, (LATENT,)), strict=True):
        module = shaken(module)
        distribution = module(torch.randn(16, *given).double())
        distribution.log_prob(torch.randn(16, *module.event).double()).sum().backward()
        for key, p in module.named_parameters():
            assert p.grad is not None and torch.isfinite(p.grad).all(), key
            if not (key.endswith("bias") and spec.norm == "batch"):
                assert p.grad.abs().max() > 1e-9, key


@every_net
def test_initial_activations_are_of_order_one(spec):
    """With a normalisation every scale is of order one; without, nothing vanishes or explodes."""
    low, high = (0.2, 5.0) if spec.norm != "none" else (0.02, 20.0)
    for net, given in ((spec.encoder(IMAGE), IMAGE), (spec.decoder((LATENT,), IMAGE), (LATENT,))):
        seen = []
        kinds = (nn.LeakyReLU, nn.ReLU, nn.SiLU, nn.ELU, nn.GELU)
        for layer in net.modules():
            if isinstance(layer, kinds):
                layer.register_forward_hook(lambda _layer, _inputs, out, seen=seen: seen.append(out.std().item()))
        features = net(torch.randn(256, *given))
        assert seen or spec.output == "upsample"
        for std in [*seen, *([features.std().item()] if seen else [])]:
            assert low < std < high
    for module, given in zip(both(spec), (IMAGE, (LATENT,)), strict=True):
        mean = module(torch.randn(256, *given)).mean
        assert low / 4 < mean.std() < high
        mean.square().sum().backward()
        assert all(p.grad is None or torch.isfinite(p.grad).all() for p in module.parameters())


@every_net
def test_networks_say_what_they_return(spec):
    for net, given in ((spec.encoder(IMAGE), IMAGE), (spec.decoder((LATENT,), IMAGE), (LATENT,))):
        assert is_network(net)
        assert output_size(net, given) == net.out_size == net(torch.zeros(2, *given)).shape[1:]


@every_net
def test_latents_of_any_shape_are_flattened(spec):
    assert spec.decoder((2, 3), IMAGE)(torch.zeros(2, 2, 3)).shape[0] == 2


@pytest.mark.parametrize("kind", NET_KINDS)
def test_constructors_leave_the_callers_lists_alone(kind):
    """A decoder that reverses its widths must not reverse the caller's (A7)."""
    widths = [8, 8, 12]
    image = [1, 16, 16]
    before = copy.deepcopy((widths, image))
    spec = kind(widths=widths)
    spec.decoder((LATENT,), tuple(image))
    spec.encoder(tuple(image))
    assert (widths, image) == before
    assert spec.widths == (8, 8, 12)
    widths.append(1)
    assert spec.widths == (8, 8, 12)


@pytest.mark.parametrize("kind", NET_KINDS)
@pytest.mark.parametrize("widths", [(), (0,), (-3, 4)], ids=str)
def test_impossible_widths_are_refused(kind, widths):
    with pytest.raises(ValueError):
        kind(widths=widths)


@pytest.mark.parametrize("kind", NET_KINDS)
def test_double_precision_and_other_modes_are_the_users_to_choose(kind):
    net = kind(widths=(8, 8)).encoder(IMAGE).double()
    assert net(torch.zeros(2, *IMAGE).double()).dtype == torch.float64


def test_every_kind_of_net_is_tested():
    assert {type(spec) for spec in NETS} == set(NET_KINDS) and len(NET_KINDS) >= 2


@every_net
def test_weights_are_stored_once(spec):
    """A weight under two names cannot be saved."""
    for net in both(spec):
        weights = list(net.state_dict().values())
        assert len({weight.data_ptr() for weight in weights}) == len(weights)
