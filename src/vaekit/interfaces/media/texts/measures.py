"""What is measured of texts alone: reconstructions and samples, token by token."""

from __future__ import annotations

from typing import Any, cast

import torch

from vaekit.data import TextSchema
from vaekit.distributions import Decoding
from vaekit.evaluation import text_overlap, text_quality
from vaekit.interfaces.describing.words import number
from vaekit.interfaces.measures.measure import Look, Measure, Summary
from vaekit.models import evaluating

__all__ = ["MEASURES"]

_BATCH = 100
_SHOWN = 2_000  # texts that are compared with reconstructions or samples
_COUNTED = 200_000  # training texts whose n-grams are counted
_ORDER = 5  # of these


def _overlap(look: Look) -> dict[str, Any]:
    """Return how well texts are reconstructed from their posterior means, with the most probable token each time."""
    given, schema = look.given(_SHOWN), cast(TextSchema, look.trained.schema)
    with evaluating(look.trained.model):
        parts = zip(*(column.split(_BATCH) for column in given), strict=True)
        again = torch.cat([look.trained.model.reconstruct(*part) for part in parts])
    return text_overlap(schema.tokens(given[0]), schema.tokens(again)).summary()


def _text_samples(look: Look) -> dict[str, Any]:
    """Return how samples, as `sample` draws them, compare with texts, and with those that the model was trained on."""
    trained, own = look.trained, look.trained.data
    schema = cast(TextSchema, trained.schema)
    seen = trained.given(own.taken(own.drawn("train", _COUNTED)))[0]
    drawn = trained.generated(_SHOWN, trained.view.pick(Decoding()))
    real, made, train = (schema.tokens(rows) for rows in (look.given(_SHOWN)[0], drawn, seen))
    return text_quality(real, made, train=train, order=_ORDER).summary()


def _overlap_lines(found: Summary) -> list[str]:
    tokens, texts = (number(100 * found[share], 1) for share in ("token_accuracy", "exact_match"))
    shares = f"{tokens} % of tokens and {texts} % of texts are exact"
    return [f"greedy reconstructions: BLEU-4 {number(found['bleu'], 3)}, {shares}; n = {found['n']}"]


def _text_sample_lines(found: Summary) -> list[str]:
    return [
        *(
            f"{name:<12}{_text_measures(found[key])}"
            for name, key in (("samples", "generated"), ("real texts", "real"))
        ),
        f"{found['order']}-grams of {found['train']} training texts; n = {found['n']} (samples should measure like real texts)",
    ]


def _text_measures(found: Summary) -> str:
    shares = {"self-BLEU": "self_bleu", "distinct-1": "distinct_1", "distinct-2": "distinct_2"}
    diversity = ", ".join(f"{title} {number(found[key], 3)}" for title, key in shares.items())
    forward, reverse = (number(found[f"{way}_perplexity"]["value"], 1) for way in ("forward", "reverse"))
    return f"perplexity {forward} forward, {reverse} reverse, {diversity}, copies {number(100 * found['copies'], 1)} %"


MEASURES = (
    Measure("overlap", _overlap, _overlap_lines, reads_latents=True),
    Measure("text_samples", _text_samples, _text_sample_lines),
)
"""The measures of texts, in their order."""
