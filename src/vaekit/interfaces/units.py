"""What is told of runs beside their bounds, by the kind of their data: what a datum and its dimensions are called."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from vaekit.evaluation import Bounds, perplexity

__all__ = ["unit_summary"]


def unit_summary(kind: str, result: Bounds) -> dict[str, Any]:
    """Return the unit of the bounds and of their dimensions; of texts also tokens and perplexities.

    Args:
        kind: Of the data: image, text or table.
        result: The bounds.
    """
    if kind == "table":
        return {"unit": "row", "dimension": "variable"}
    return _text_summary(result) if kind == "text" else {}


def _text_summary(result: Bounds) -> dict[str, Any]:
    """Return the unit of the bounds, the tokens, and both perplexities, each by the name of its bound.

    Args:
        result: The bounds of a run of texts.
    """
    tokens = result.sizes
    found: dict[str, Any] = {"unit": "text", "dimension": "token", "tokens": int(tokens.sum())}
    if result.elbo is None or result.iw is None:
        return found
    bounds: dict[str, Tensor] = {"elbo": result.elbo, f"iw_{result.samples}": result.iw}
    found["perplexity"] = {name: perplexity(-values.double(), tokens).summary() for name, values in bounds.items()}
    return found
