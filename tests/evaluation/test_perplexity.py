"""Perplexity of models whose perplexity is known, and its error against resampled texts."""

import json
import math

import pytest
import torch

from vaekit.evaluation import perplexity


@pytest.mark.parametrize("types", [2, 27, 20_000])
def test_of_equally_likely_tokens_is_their_number(types):
    tokens = torch.randint(1, 30, (50,))
    found = perplexity(tokens * math.log(types), tokens)
    assert float(found) == found.value == pytest.approx(types, rel=1e-6)
    assert found.bits_per_token == pytest.approx(math.log2(types), rel=1e-6)
    assert found.se == pytest.approx(0, abs=1e-4 * types)
    assert (found.texts, found.tokens) == (50, int(tokens.sum()))


def test_every_token_weighs_the_same():
    nats, tokens = torch.tensor([1.0, 12.0]), torch.tensor([1, 5])
    assert perplexity(nats, tokens).value == pytest.approx(math.exp(13 / 6))
    whole = perplexity(torch.tensor([6.0]), torch.tensor([3]))
    assert whole.value == pytest.approx(math.exp(2))
    assert math.isnan(whole.se)


def test_its_error_is_that_of_other_texts():
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randint(2, 20, (300, 400), generator=generator)
    # What a text costs depends on it as a whole: the error is one of texts, not of tokens.
    nats = tokens * (2 + torch.rand(300, 400, generator=generator).double()) + 3
    many = [perplexity(*pair) for pair in zip(nats, tokens, strict=True)]
    spread = torch.tensor([found.value for found in many]).std().item()
    assert many[0].se == pytest.approx(spread, rel=0.2)
    assert sum(found.se for found in many) / 300 == pytest.approx(spread, rel=0.1)


def test_summary_and_refusals():
    summary = json.loads(json.dumps(perplexity(torch.tensor([2.0, 4.0]), torch.tensor([2, 3])).summary()))
    assert set(summary) == {"value", "se", "bits_per_token", "texts", "tokens"}
    with pytest.raises(ValueError, match="one of each per text"):
        perplexity(torch.ones(3), torch.ones(2))
    with pytest.raises(ValueError, match="at least one text"):
        perplexity(torch.ones(0), torch.ones(0))
    with pytest.raises(ValueError, match="count the end"):
        perplexity(torch.ones(2), torch.tensor([1, 0]))
    for wrong in (-1.0, math.nan):
        with pytest.raises(ValueError, match="change the sign"):
            perplexity(torch.full((2,), wrong), torch.ones(2))
