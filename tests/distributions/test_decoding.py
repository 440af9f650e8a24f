"""Writing texts: greedy, drawn, and by beam search, against all texts there are."""

import pytest
import torch

from vaekit.distributions import BOS, EOS, PAD, UNK, Autoregressive, Decoding, point, temper
from vaekit.distributions.decoding import shortlist

from .toy import every_text, toy

GREEDY = Decoding(mode="greedy")
every_mode = pytest.mark.parametrize("mode", ["greedy", "sample", "beam"])


def beam(beams, **choices):
    return Decoding(mode="beam", beams=beams, **choices)


@pytest.mark.parametrize(
    "decoding",
    [beam(1), beam(1, length_penalty=1.0), Decoding(temperature=1e-4), Decoding(top_k=1), Decoding(top_p=1e-6)],
    ids=["beam 1", "beam 1, penalized", "cold", "top_k 1", "top_p 0"],
)
def test_the_ways_to_be_greedy_agree(decoding):
    p = toy((50,), length=6)
    assert torch.equal(p.decode(decoding), p.decode(GREEDY)) and torch.equal(point(p), p.decode(GREEDY))


def test_greedy_takes_the_argmax_of_the_full_pass():
    p = toy((50,), length=6)
    rows = p.decode(GREEDY)
    read = torch.cat([torch.full((50, 1), BOS), rows[:, :-1]], 1)
    with torch.no_grad():
        logits = p.net.logits(p.net.features(read, p.z))
    logits[..., [PAD, BOS, UNK]] = -torch.inf
    assert torch.equal(logits.argmax(-1)[rows != PAD], rows[rows != PAD])


@every_mode
@pytest.mark.parametrize("unknown", [False, True])
def test_rows_are_tokens_then_an_end_then_pads(mode, unknown):
    p = toy((300,), length=5, sharpness=1.0)
    rows = p.decode(Decoding(mode=mode, unknown=unknown))
    base = 6 ** torch.arange(5)
    assert torch.isin(rows @ base, every_text(length=5, unknown=unknown) @ base).all()
    assert {EOS in row for row in rows.tolist()} == {True, False} or mode != "sample"


@every_mode
def test_the_net_reads_every_token_once_and_stops_when_all_texts_have_ended(mode, monkeypatch):
    p = toy((4,), length=50)
    with torch.no_grad():
        p.net.out.bias[EOS] = 2.0
    steps, step = [], p.net.step
    monkeypatch.setattr(p.net, "step", lambda token, state: steps.append(token.shape) or step(token, state))
    monkeypatch.setattr(p.net, "features", None)
    rows = p.decode(Decoding(mode=mode))
    assert len(steps) < 50 and (mode == "beam" or len(steps) == (rows != PAD).sum(-1).max())


@every_mode
def test_decoding_again_gives_the_same(mode):
    p, decoding = toy((20,), length=6), Decoding(mode=mode)
    first, again = (p.decode(decoding, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, again)
    assert mode != "sample" or not torch.equal(first, p.decode(decoding, torch.Generator().manual_seed(4)))


@pytest.mark.parametrize(
    "decoding", [GREEDY, beam(3), beam(3, length_penalty=1.0)], ids=["greedy", "beam", "penalized"]
)
def test_a_batch_equals_one_by_one(decoding):
    p = toy((3, 4), length=6)
    rows = p.decode(decoding)
    alone = [[Autoregressive(p.net, z, 6).decode(decoding).tolist() for z in part] for part in p.z]
    assert rows.tolist() == alone


@pytest.mark.parametrize("unknown", [False, True])
@pytest.mark.parametrize("penalty", [0.0, 0.7, 2.0])
@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_a_beam_as_wide_as_there_are_texts_finds_the_best(unknown, penalty, temperature):
    p, texts = toy((30,), sharpness=1.0), every_text(unknown=unknown)
    expected = scores(temper(p, temperature), texts.unsqueeze(1), penalty).max(0)
    decoding = beam(len(texts), length_penalty=penalty, unknown=unknown, temperature=temperature)
    assert torch.equal(p.decode(decoding), texts[expected.indices])


def test_no_narrower_beam_finds_better_than_the_widest():
    p = toy((40,), length=4, sharpness=2.0)
    found = [scores(p, p.decode(beam(k)), 0.0) for k in (1, 4, 40, len(every_text(length=4)))]
    assert all((score <= found[-1] + 1e-12).all() for score in found)
    means = [score.mean() for score in found]
    assert means == sorted(means) and means[0] < means[-1]


def scores(p, rows, penalty):
    with torch.no_grad():
        return p.log_prob(rows) / (rows != PAD).sum(-1) ** penalty


def test_a_length_penalty_favors_longer_texts():
    p = toy((100,), length=8, sharpness=1.0)
    lengths = [(p.decode(beam(20, length_penalty=penalty)) != PAD).sum().item() for penalty in (0.0, 1.0, 4.0)]
    assert lengths == sorted(lengths) and lengths[0] < lengths[-1]


@pytest.mark.parametrize("top_p", [0.05, 0.5, 0.9, 1.0])
def test_the_nucleus_is_the_smallest_set_with_its_mass(top_p):
    logits = 2 * torch.randn(200, 12).double()
    mass, tokens = shortlist(logits, top_p=top_p)
    kept = mass > 0
    assert kept[:, 0].all() and (mass.diff(dim=-1) <= 0).all()
    torch.testing.assert_close(mass[kept], logits.softmax(-1).gather(-1, tokens)[kept])
    total, least = mass.sum(-1), mass.masked_fill(~kept, 2.0).min(-1).values
    assert (total >= top_p - 1e-12).all() and (top_p == 1 or (total - least < top_p).all())


def test_the_nucleus_is_taken_of_the_most_probable_ones():
    mass, tokens = shortlist(torch.tensor([0.1, 0.4, 0.2, 0.3]).log(), top_k=2, top_p=0.5)
    torch.testing.assert_close(mass, torch.tensor([4 / 7, 0.0]))
    assert tokens.tolist() == [1, 3]
    assert shortlist(torch.zeros(3), top_k=9)[0].tolist() == pytest.approx([1 / 3] * 3)


@pytest.mark.parametrize("choices", [{}, {"top_k": 2}, {"top_p": 0.6}, {"temperature": 2.0}], ids=str)
def test_first_tokens_are_drawn_as_often_as_they_should(choices):
    p = toy((1,)).expand((20_000,))
    with torch.no_grad():
        logits = p.net.step(torch.tensor([BOS]), p.net.begin(p.z[:1]))[0][0] / choices.get("temperature", 1.0)
    logits[[PAD, BOS, UNK]] = -torch.inf
    mass, tokens = shortlist(logits, choices.get("top_k"), choices.get("top_p"))
    share = (p.decode(Decoding(**choices))[:, :1] == tokens).double().mean(0)
    mass = mass / mass.sum()
    assert ((share - mass).abs() <= 5 * (mass * (1 - mass) / 20_000).sqrt() + 1e-9).all()


@pytest.mark.parametrize(
    ("choices", "cure"),
    [
        ({"mode": "best"}, "greedy, sample or beam"),
        ({"temperature": 0.0}, "mode=greedy"),
        ({"temperature": float("nan")}, "must be a finite number"),
        ({"top_k": 0}, "at least 1"),
        ({"top_p": 0.0}, "above 0 and at most 1"),
        ({"top_p": 1.1}, "above 0 and at most 1"),
        ({"mode": "beam", "top_k": 5}, "use mode=sample"),
        ({"mode": "beam", "beams": 0}, "at least 1"),
        ({"mode": "beam", "length_penalty": -1.0}, "0 or more"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused_with_the_cure(choices, cure):
    with pytest.raises(ValueError, match=cure):
        Decoding(**choices)
