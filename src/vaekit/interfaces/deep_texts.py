"""What is measured of a run of texts beside what is measured of any: reconstructions and samples, token by token."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from vaekit.data import Dataset, TextSchema
from vaekit.distributions import Autoregressive, Decoding
from vaekit.errors import NotApplicable
from vaekit.evaluation import information, text_overlap, text_quality
from vaekit.interfaces.run import Run
from vaekit.models import LatentVariableModel, evaluating

__all__ = ["in_batches", "overlap", "text_samples"]

_BATCH = 100
_COUNTED = 200_000  # training texts whose n-grams are counted
_ORDER = 5  # of these


def in_batches(model: LatentVariableModel, *given: Tensor) -> dict[str, Any] | None:
    """Return the mutual information as most papers on texts have it, against the mixture of a batch.

    Args:
        model: The model.
        given: Prepared data `(N, T)`, and their context.

    Returns:
        The number with its cap and the size of the mixture; None where there are too few data for one.
    """
    try:
        found = information(model, *given, mixture="batch")
    except NotApplicable:
        return None
    return {**found.summary()["mutual_information"], "mixture": found.mixture, "n": found.n}


def overlap(run: Run, texts: Dataset) -> dict[str, Any]:
    """Return how much of texts comes back from their posterior means, the most probable token taken each time.

    Args:
        run: A run of texts.
        texts: The texts.
    """
    given, schema = run.given(texts), _schema(run)
    with evaluating(run.model):
        again = torch.cat([run.model.reconstruct(*part) for part in _split(*given)])
    return text_overlap(schema.tokens(given[0]), schema.tokens(again)).summary()


def text_samples(run: Run, texts: Dataset, count: int) -> dict[str, Any]:
    """Return how samples, as `sample` draws them, compare with texts, and with those that the run was trained on.

    Args:
        run: A run of texts, whose own data are at hand.
        texts: Texts that it was not trained on.
        count: Number of samples.

    Raises:
        ValueError: The data that it was trained on are not at hand, or there are too few texts.
    """
    schema, own = _schema(run), run.data
    trained = run.given(own.taken(own.drawn("train", _COUNTED)))[0]
    with evaluating(run.model, 0):
        contexts = run.conditions.drawn(count, None, run.sources.training_context())
        drawn = torch.cat(
            [_written(run, len(part), *context) for part, *context in _split(torch.empty(count), *contexts)]
        )
    real, made, train = (schema.tokens(rows) for rows in (run.given(texts)[0], drawn, trained))
    return text_quality(real, made, train=train, order=_ORDER).summary()


def _written(run: Run, count: int, *context: Tensor) -> Tensor:
    likelihood = run.model.decode(*run.model.prior_sample(count, *context), context=context)
    assert isinstance(likelihood, Autoregressive)
    return likelihood.decode(Decoding())


def _schema(run: Run) -> TextSchema:
    assert isinstance(run.schema, TextSchema)
    return run.schema


def _split(*columns: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Yield columns of equal length in batches."""
    return zip(*(column.split(_BATCH) for column in columns), strict=True)
