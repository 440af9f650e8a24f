import math

import pytest
import torch
from torch import nn

from vaekit.heads import Conditional, Gaussian
from vaekit.nets import MLP, ColumnTransformer, TableEncoder, code_width, parameter_count, table_encoder

LEVELS = (3, 0, 2, 0, 40, 3)
LOG = (False, True, False, False, False, False)
NETS = [MLP(widths=(16, 12)), ColumnTransformer(width=8, heads=2, layers=1)]
every_net = pytest.mark.parametrize("net", NETS, ids=lambda net: net.kind)


def rows(n=20, missing=0.3):
    x = torch.stack([torch.randint(0, c, (n,)).float() if c else torch.randn(n).abs() for c in LEVELS], 1)
    return x.masked_fill(torch.rand(x.shape) < missing, math.nan)


@every_net
def test_a_batch_equals_one_by_one(net):
    encoder, x = table_encoder(net, LEVELS, LOG).eval(), rows()
    with torch.no_grad():
        torch.testing.assert_close(encoder(x), torch.cat([encoder(row[None]) for row in x]), rtol=1e-4, atol=1e-5)


@every_net
def test_every_parameter_gets_a_finite_gradient(net):
    encoder, x = table_encoder(net, LEVELS, LOG, 0.2), rows(600)
    (encoder(x) * torch.randn(600, 1)).sum().backward()
    for key, p in encoder.named_parameters():
        assert p.grad is not None and torch.isfinite(p.grad).all() and (p.grad != 0).any(), key


def test_a_cell_changes_the_features_of_its_own_column_only():
    encoder = TableEncoder(LEVELS)
    widths = {j: code_width(c) if c else 4 for j, c in enumerate(LEVELS)}
    assert encoder.out_size == (sum(widths.values()),)
    x = rows(missing=0)
    for j, width in widths.items():
        changed = x.clone()
        changed[:, j] = math.nan
        assert ((encoder(changed) != encoder(x)).any(0).sum()) == width


def test_a_missing_cell_has_a_vector_of_its_own_whatever_else_is_there():
    encoder = TableEncoder(LEVELS)
    a, b = rows(missing=0), rows(missing=0)
    for j in range(len(LEVELS)):
        for x in (a, b):
            x[:, j] = math.nan
    assert torch.equal(encoder(a), encoder(b))
    assert encoder(a).unique(dim=0).shape[0] == 1


def test_equal_codes_of_different_columns_have_different_vectors():
    encoder = TableEncoder((3, 3))
    x = torch.tensor([[1.0, 1.0]])
    first, second = encoder(x).chunk(2, 1)
    assert not torch.equal(first, second)


def test_counts_are_read_through_their_logarithm():
    plain, logged = TableEncoder((0, 0)), TableEncoder((0, 0), log=(True, False))
    logged.load_state_dict(plain.state_dict())
    x = torch.tensor([[1e6, 1.0], [math.nan, 2.0]])
    changed = x.clone()
    changed[:, 0] = x[:, 0].log1p()
    assert torch.equal(logged(x), plain(changed)) and x[0, 0] == 1e6


@every_net
def test_cells_are_hidden_in_training_only(net):
    encoder, x = table_encoder(net, LEVELS, hide=0.5), rows(missing=0)
    assert not torch.equal(encoder(x), encoder(x))
    encoder.eval()
    assert torch.equal(encoder(x), encoder(x))


def test_the_share_of_hidden_cells_is_as_asked_and_varies_between_rows():
    encoder = TableEncoder((0,) * 50, hide=0.3)
    with torch.no_grad():
        encoder.parts[0].missing.fill_(math.nan)
        hidden = encoder(torch.zeros(4000, 50)).isnan().unflatten(1, (50, -1))[..., 0].float()
    assert hidden.mean().item() == pytest.approx(0.3, abs=0.02)
    assert hidden.mean(1).std().item() > 0.1


def test_columns_that_belong_together_are_hidden_together():
    encoder = TableEncoder((0, 0, 0), hide=0.5, together=(7, 2, 7))
    with torch.no_grad():
        encoder.parts[0].missing.fill_(math.nan)
        hidden = encoder(torch.zeros(500, 3)).isnan().unflatten(1, (3, -1))[..., 0]
    assert torch.equal(hidden[:, 0], hidden[:, 2]) and not torch.equal(hidden[:, 0], hidden[:, 1])


@every_net
def test_a_context_follows_the_row(net):
    encoder, x = table_encoder(net, LEVELS, context=5).eval(), rows()
    a, b = (torch.cat([x, torch.randn(20, 5)], 1) for _ in range(2))
    assert encoder(a).shape == encoder(b).shape and not torch.equal(encoder(a), encoder(b))
    posterior = Conditional(encoder, Gaussian(), given=(len(LEVELS),), event=(3,), context=5)
    assert posterior(x, torch.zeros(20, 5)).event_shape == (3,)


def test_twenty_thousand_categories_are_a_table_and_never_one_hot():
    encoder = TableEncoder((20_000, 0))
    assert parameter_count(encoder) * 4 * 4 < 20e6  # weights, gradients and two moments, in bytes
    x = torch.tensor([[19_999.0, 0.0], [math.nan, 0.0]])
    assert encoder(x).shape == (2, 54)


def test_a_transformer_sees_every_column_from_every_other():
    encoder, x = table_encoder(NETS[1], LEVELS).eval(), rows(missing=0)
    changed = x.clone()
    changed[:, 0] = (x[:, 0] + 1) % 3
    before, after = (encoder(part).unflatten(1, (len(LEVELS), -1)) for part in (x, changed))
    assert ((before - after).abs().amax(2) > 1e-6).all()


@pytest.mark.parametrize("given", [(3,), (2, 3)], ids=str)
def test_the_decoder_of_a_transformer_returns_its_features(given):
    net = NETS[1].decoder(given, 4)
    features = net(torch.randn(5, *given))
    assert features.shape == (5, *net.out_size) and net.head((7,))(features).shape == (5, 7)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"levels": ()}, "needs columns"),
        ({"levels": (3, -1)}, "needs columns"),
        ({"levels": (3, 0), "log": (True, True)}, "never of codes"),
        ({"levels": (3, 0), "log": (False,)}, "of each column"),
        ({"levels": (3, 0), "hide": 0.7}, "between 0 and 0.5"),
        ({"levels": (3, 0), "together": (0,)}, "of each column"),
    ],
)
def test_impossible_tables_are_refused(keys, message):
    with pytest.raises(ValueError, match=message):
        TableEncoder(**keys)


def test_a_width_that_heads_cannot_share_is_refused():
    with pytest.raises(ValueError, match="multiple of heads"):
        ColumnTransformer(width=10, heads=4)


def test_statistics_of_the_features_are_of_order_one():
    x = rows(500)
    assert 0.3 < TableEncoder(LEVELS)(x).std() < 3
    assert isinstance(table_encoder(NETS[0], LEVELS), nn.Module)
