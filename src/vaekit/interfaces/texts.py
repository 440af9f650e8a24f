"""What is told of runs of texts beside their bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor

from vaekit.evaluation import Bounds, perplexity

if TYPE_CHECKING:
    from vaekit.interfaces.run import Run

__all__ = ["text_summary"]


def text_summary(run: Run, result: Bounds) -> dict[str, Any]:
    """Return the unit of the bounds, the tokens, and both perplexities, each by the name of its bound.

    Args:
        run: A run of texts.
        result: Its bounds.
    """
    tokens = result.sizes
    found: dict[str, Any] = {"unit": "text", "dimension": "token", "tokens": int(tokens.sum())}
    if result.elbo is None or result.iw is None:
        return found
    bounds: dict[str, Tensor] = {"elbo": result.elbo, f"iw_{result.samples}": result.iw}
    found["perplexity"] = {name: perplexity(-values.double(), tokens).summary() for name, values in bounds.items()}
    return found
