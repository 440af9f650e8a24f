"""The laws of encoders of sequences: pads and neighbors change nothing, every token and the label count."""

import pytest
import torch
import torch.nn.functional as F

from nets.sequences import LENGTH, SPECS, VOCABULARY, name, rows
from vaekit.distributions.tokens import PAD
from vaekit.nets import is_network, output_size

every_net = pytest.mark.parametrize("spec", [*SPECS, SPECS[0].replace(kind="gru", encoder_layers=1)], ids=name)
every_context = pytest.mark.parametrize("context", [0, 3])


def encoder(spec, length=LENGTH, context=0):
    return spec.encoder(VOCABULARY, length, context).eval()


def labelled(x, context):
    return torch.cat([x, F.one_hot(torch.arange(len(x)) % context, context)], 1) if context else x


@every_net
@every_context
def test_pads_and_neighbors_change_nothing(spec, context):
    net, x = encoder(spec, context=context), rows(LENGTH)
    whole = net(labelled(x, context))
    for i in range(len(x)):
        alone = net(labelled(x, context)[i : i + 1])
        torch.testing.assert_close(alone, whole[i : i + 1], rtol=0, atol=1e-5)


@every_net
def test_the_length_of_the_rows_changes_nothing(spec):
    longer = encoder(spec, LENGTH + 5)
    net, x = encoder(spec), rows()
    net.load_state_dict({k: v[:LENGTH] if k == "positions.weight" else v for k, v in longer.state_dict().items()})
    torch.testing.assert_close(longer(F.pad(x, (0, 5), value=PAD)), net(x), rtol=0, atol=1e-5)


@every_net
@every_context
def test_networks_say_what_they_return(spec, context):
    """A probe of zeros, in floating point, is a batch of texts without a token."""
    net = encoder(spec, context=context)
    assert is_network(net) and output_size(net, (LENGTH + context,)) == net.out_size
    assert net.head((4,))(net(labelled(rows(), context))).shape == (6, 4)


@every_net
def test_every_token_and_its_place_count(spec):
    net, x = encoder(spec), torch.arange(4, 4 + LENGTH)[None].repeat(LENGTH, 1)
    changed = x.clone()
    changed[torch.arange(LENGTH), torch.arange(LENGTH)] = VOCABULARY - 1
    assert ((net(changed) - net(x)).abs().amax(1) > 1e-5).all()
    assert not torch.allclose(net(x[:1].flip(1)), net(x[:1]), atol=1e-5)


@every_net
def test_the_label_counts(spec):
    net, x = encoder(spec, context=3), rows(1).repeat(3, 1)
    features = net(labelled(x, 3))
    assert torch.pdist(features).min() > 1e-5


@every_net
@every_context
def test_every_parameter_gets_a_gradient(spec, context):
    net, x = encoder(spec, context=context).train(), labelled(rows(LENGTH), context)
    (net(x) * torch.randn(LENGTH, *net.out_size)).sum().backward()
    for key, parameter in net.named_parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), key
        assert parameter.grad.abs().max() > 1e-9, key


@every_net
def test_it_runs_in_half_and_in_double_precision(spec):
    net = encoder(spec)
    with torch.autocast("cpu", torch.bfloat16):
        features = net(rows())
    features.float().sum().backward()
    assert torch.isfinite(features).all()
    assert all(torch.isfinite(parameter.grad).all() for parameter in net.parameters())
    assert net.double()(rows()).dtype == torch.float64


@every_net
def test_features_start_at_order_one(spec):
    net = type(spec)(kind=spec.kind).encoder(VOCABULARY, LENGTH).eval()
    assert 0.05 < net(rows()).std() < 3


@every_net
@pytest.mark.parametrize("shape", [(2, LENGTH), (2, LENGTH + 4), (2, LENGTH + 3, 1)], ids=str)
def test_other_rows_are_refused_with_the_cure(spec, shape):
    with pytest.raises(ValueError, match=r"expected rows of 9 tokens and a label of length 3, .* pad the rows"):
        encoder(spec, context=3)(torch.zeros(shape))
