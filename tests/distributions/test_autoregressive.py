"""Distributions over texts: of all texts, the mass is one, and what is drawn is what is scored."""

import math

import pytest
import torch
import torch.nn.functional as F

from vaekit.distributions import BOS, EOS, PAD, UNK, Autoregressive, Decoding, full_precision, point, temper

from .toy import every_text, toy


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 1e-5)], ids=str)
@pytest.mark.parametrize("temperature", [1.0, 0.3, 4.0])
def test_the_probabilities_of_all_texts_sum_to_one(dtype, tolerance, temperature):
    p = temper(toy((4,), dtype=dtype), temperature)
    mass = p.log_prob(every_text().unsqueeze(1)).exp().sum(0)
    torch.testing.assert_close(mass, torch.ones(4, dtype=dtype), rtol=0, atol=tolerance)


def test_a_row_without_an_end_is_all_texts_that_begin_so():
    p, texts = toy(), every_text()
    begins = (texts[:, 0] == 4) & (texts[:, 1] == UNK)
    row = torch.tensor([4, UNK, PAD])
    torch.testing.assert_close(p.log_prob(row).exp(), p.log_prob(texts[begins]).exp().sum())


def test_draws_are_as_frequent_as_they_are_probable():
    p, texts = toy(), every_text()
    drawn = p.sample((20_000,))
    base = torch.tensor([36, 6, 1])
    assert torch.isin(drawn @ base, texts @ base).all()
    share = (drawn @ base == (texts @ base).unsqueeze(1)).double().mean(1)
    mass = p.log_prob(texts).exp()
    assert ((share - mass).abs() < 5 * (mass * (1 - mass) / 20_000).sqrt() + 1e-4).all()
    assert (drawn == UNK).any()


def test_padding_changes_nothing():
    p = toy((5,), length=8)
    x = torch.tensor([4, 5, UNK, EOS]).expand(5, 4)
    expected = p.log_prob(x)
    torch.testing.assert_close(p.log_prob(F.pad(x, (0, 4))), expected)
    longer = F.pad(x, (0, 4))
    longer[0] = torch.tensor([4, 5, 4, 5, 4, 5, 4, 4])
    torch.testing.assert_close(p.log_prob(longer)[1:], expected[1:])
    # Whatever stands behind the end, the text has ended.
    torch.testing.assert_close(p.log_prob(F.pad(x, (0, 4), value=5)), expected)


def test_a_text_that_cannot_be_has_no_probability():
    assert toy().log_prob(torch.tensor([4, BOS, EOS])) == -math.inf


def test_terms_are_those_of_the_chain_rule():
    p, x = toy(length=5), torch.tensor([5, UNK, EOS, PAD, PAD])
    state, token, expected = p.net.begin(p.z.unsqueeze(0)), torch.tensor([BOS]), []
    for target in x[:3]:
        logits, state = p.net.step(token, state)
        expected.append(logits[0, 2:].log_softmax(-1)[target - 2].item())
        token = target.unsqueeze(0)
    assert p.terms(x).tolist() == pytest.approx([*expected, 0, 0])


def test_no_text_at_all_costs_nothing():
    terms = toy((2,)).terms(torch.full((2, 3), PAD))
    assert terms.shape == (2, 3) and not terms.any()


@pytest.mark.parametrize("dtype", [torch.int16, torch.int32, torch.int64], ids=str)
def test_batches_of_any_axes_equal_one_by_one(dtype):
    p, x = toy((3, 4)), every_text()[-4:].to(dtype)
    assert p.batch_shape == (3, 4) and p.event_shape == (3,)
    log_prob = p.log_prob(x)
    for s in range(3):
        for b in range(4):
            torch.testing.assert_close(Autoregressive(p.net, p.z[s, b], 3).log_prob(x[b]), log_prob[s, b])
    torch.testing.assert_close(p.log_prob(x.expand(2, 1, 4, 3)), log_prob.expand(2, 3, 4))
    alone = Autoregressive(p.net, p.z[0, 0], 3)
    torch.testing.assert_close(alone.log_prob(x), torch.stack([alone.log_prob(row) for row in x]))


def test_texts_have_the_shape_of_the_batch():
    p = toy((2, 4), length=5)
    assert p.sample().shape == (2, 4, 5) and p.sample((3,)).shape == (3, 2, 4, 5)
    assert p.expand((7, 2, 4)).batch_shape == (7, 2, 4) and point(p).shape == (2, 4, 5)
    assert toy(length=5).sample((2,)).shape == (2, 5) and point(toy(length=5)).dtype == torch.int64


def test_nothing_but_the_net_is_needed():
    p = toy((4,), width=0)
    assert p.z.shape == (4, 0)
    torch.testing.assert_close(p.log_prob(every_text().unsqueeze(1)).exp().sum(0), torch.ones(4).double())
    assert p.sample((2,)).shape == (2, 4, 3)


def test_without_a_graph_the_output_layer_runs_in_parts(monkeypatch):
    p, x = toy((2, 5), length=4), every_text(length=4)[-5:]
    whole, sizes, layer = p.log_prob(x), [], p.net.logits
    monkeypatch.setattr(p.net, "logits", lambda features: sizes.append(len(features)) or layer(features))
    monkeypatch.setattr("vaekit.distributions.autoregressive._SCORES", 42)
    with torch.no_grad():
        torch.testing.assert_close(p.log_prob(x), whole)
    assert sum(sizes) == 40 and max(sizes) == 7


def test_the_output_layer_sees_no_pad_and_the_net_no_more_than_the_longest_text(monkeypatch):
    p, x = toy((2,), length=9), F.pad(torch.tensor([[4, EOS, PAD], [5, UNK, EOS]]), (0, 6))
    seen, layer, read = [], p.net.logits, p.net.features
    monkeypatch.setattr(p.net, "logits", lambda features: seen.append(len(features)) or layer(features))
    monkeypatch.setattr(p.net, "features", lambda tokens, z: seen.append(tokens.tolist()) or read(tokens, z))
    p.log_prob(x)
    assert seen == [[[BOS, 4, EOS], [BOS, 5, UNK]], 5]


def test_gradients_reach_z_and_every_weight():
    p = toy((2, 3))
    p.z.requires_grad_()
    p.log_prob(torch.tensor([[4, 5, EOS], [5, EOS, PAD], [4, 4, UNK]])).sum().backward()
    assert (p.z.grad.abs().sum(-1) > 0).all()
    for name, weight in p.net.named_parameters():
        assert weight.grad.isfinite().all() and weight.grad.any(), name


def test_the_net_runs_in_the_precision_it_was_called_in_and_the_loss_in_single():
    net = toy(dtype=torch.float32).net
    x, z = torch.tensor([[4, 5, EOS]]), torch.randn(1, 3)
    kinds, layer = [], net.out.forward
    net.out.forward = lambda features: kinds.append(layer(features).dtype) or layer(features)
    with torch.autocast("cpu", torch.bfloat16):
        p = Autoregressive(net, z, 3)
    with torch.autocast("cpu", torch.bfloat16), full_precision(x):
        made_in_full = Autoregressive(net, z, 3)
        half = [temper(p.expand((2, 1)), 1.0).log_prob(x), p.log_prob(x)]
        assert kinds == [torch.bfloat16] * 2 and not torch.is_autocast_enabled("cpu")
        p.sample(), p.decode(Decoding(mode="beam"))
        assert set(kinds) == {torch.bfloat16}
    kinds.clear()
    full = made_in_full.log_prob(x)
    assert kinds == [torch.float32]
    for log_prob in half:
        assert log_prob.dtype == torch.float32
        torch.testing.assert_close(log_prob, full.expand_as(log_prob), rtol=0.05, atol=0.1)


def test_temperature_divides_the_logits_of_every_place():
    p, x = toy(), torch.tensor([4, 5, UNK])
    p.net.sharpness = 2.0
    half = p.log_prob(x)
    p.net.sharpness = 4.0
    torch.testing.assert_close(temper(temper(p, 4.0), 0.5).log_prob(x), half)
    assert temper(p, 0.5).temperature == 0.5


def test_texts_have_no_mean():
    with pytest.raises(NotImplementedError, match=r"point\(\) returns the greedy text"):
        _ = toy().mean


def test_rows_longer_than_the_model_are_refused_with_the_cure():
    with pytest.raises(ValueError, match="cut them to the length"):
        toy().log_prob(torch.tensor([4, 4, 4, EOS]))
