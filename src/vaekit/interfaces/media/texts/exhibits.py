"""Texts in the report: samples, reconstructions, interpolations and traversals of a run of texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

import torch
from torch import Tensor

from vaekit.evaluation import Bounds
from vaekit.interfaces.media.medium import HeldOut
from vaekit.interfaces.report.page import exhibit, note, paragraph, side_by_side, verbatim
from vaekit.interfaces.report.walks import REACH, interpolated, traversed
from vaekit.interfaces.runs.run import Run

__all__ = ["texts"]

_TEXTS = 16  # samples, and reconstructions
_PAIRS, _STEPS = 3, 7
_DIMENSIONS, _VALUES = 5, 5
_LABELS = 20  # classes that have a row of samples
_LONGEST = 300  # characters of a text that are shown


def texts(run: Run, result: Bounds, held_out: HeldOut | None) -> Iterator[str]:
    """Yield every exhibit of texts that the available data allow, as HTML.

    Args:
        run: A run of texts.
        result: The bounds of the data that are shown.
        held_out: The data themselves, if they are available.
    """
    has_data, labels = held_out is not None, None if held_out is None else held_out.labels
    if not run.view.traits.latents:
        none = "There are no reconstructions, interpolations or traversals: a language model has no latents."
        yield _samples(run)
        yield paragraph(none, "soft")
        return
    again, warning = _reconstructions(run) if has_data else ("", "")
    pair = (_samples(run), again)
    # With labels the samples have columns of their own, and need the width of the page.
    yield warning
    yield from pair if run.conditions.names else (side_by_side(*pair),)
    if run.latents.is_walkable and has_data and len(result.means) > 1:
        yield _interpolations(run, result.means, labels)
    if run.latents.is_walkable and (has_data or not run.conditions.size):
        yield _traversal(run, result)


def _samples(run: Run) -> str:
    title, caption = "Samples from the prior", "z from the prior at temperature 1, each token drawn from p(x | z)."
    if not run.view.traits.latents:
        title, caption = "Samples", "Each token drawn from p(x), given those before it."
    names = run.conditions.names[:_LABELS]
    if not names:
        return exhibit(title, caption, verbatim(("Text",), ([_shortened(text)] for text in run.sample(_TEXTS))))
    columns = max(1, min(4, _TEXTS // len(names)))
    drawn = run.sample(columns * len(names), label=names)
    rows = ((name, *map(_shortened, row)) for name, row in zip(names, _in_rows(drawn, columns), strict=True))
    return exhibit(title, f"A row per label: {caption}", verbatim(("Label", "Texts", *[""] * (columns - 1)), rows))


def _reconstructions(run: Run) -> tuple[str, str]:
    """Return texts beside their reconstructions, and a warning if all reconstructions are the same."""
    given, again = run.displayed.reconstruct(None, _TEXTS)
    exact = [text == other for text, other in zip(given, again, strict=True)]
    marks = ("yes" if is_exact else "no" for is_exact in exact)
    rows = zip(map(_shortened, given), map(_shortened, again), marks, strict=True)
    caption = (
        "Left: a held-out text. Right: its reconstruction from the posterior mean, the most probable token each time. "
        f"{sum(exact)} of {len(exact)} are exact."
    )
    warning = ""
    if len(set(given)) > 1 == len(set(again)):
        advice = (
            f"All {len(again)} texts have the same reconstruction: the decoder ignores z. Look at the rate of each dimension "
            f"below. If longer training does not help, try {_cures(run)}."
        )
        warning = note("The decoder ignores the latents", paragraph(advice))
    listed = verbatim(("Text", "Reconstruction", "Exact"), rows)
    return exhibit("Texts beside reconstructions", caption, listed), warning


def _cures(run: Run) -> str:
    """Return keys that make a decoder use z, except the run's own recipe."""
    own = getattr(run.description, "recipe", "")
    recipes = [f"recipe={name}" for name in ("free_bits", "pretrain", "aggressive") if name != own]
    return f"{', '.join(recipes)} or word_dropout=0.5"


def _interpolations(run: Run, means: Tensor, labels: Tensor | None) -> str:
    walks = interpolated(run, means, labels, _PAIRS, _STEPS)
    ways = _in_rows(walks.between, _STEPS)
    columns = [("text", *(str(Fraction(i, _STEPS - 1)) for i in range(_STEPS)), "text")]
    for first, way, last in zip(walks.first, ways, walks.last, strict=True):
        columns.append(tuple(map(_shortened, (first, *way, last))))
    caption = (
        "Each column is a straight line from the posterior mean of one held-out text to that of another, decoded with the most "
        "probable token each time. The two texts themselves are first and last."
    )
    head = ("Share", *(f"Pair {i}" for i in range(1, len(ways) + 1)))
    return exhibit("Interpolations", caption, verbatim(head, zip(*columns, strict=True)))


def _traversal(run: Run, result: Bounds) -> str:
    shown, names = traversed(run, result, _DIMENSIONS, _VALUES)
    values = [f"{value:g}" for value in torch.linspace(-REACH, REACH, _VALUES).tolist()]
    rows = ((name, *map(_shortened, row)) for name, row in zip(names, _in_rows(shown, _VALUES), strict=True))
    caption = (
        f"Each row moves one latent dimension of one held-out text from {-REACH:g} to {REACH:g} and keeps the others; the most "
        "active dimension is first. Each token is the most probable one."
    )
    return exhibit("Latent traversal", caption, verbatim(("Dimension", *values), rows))


def _in_rows(shown: Sequence[str], columns: int) -> list[Sequence[str]]:
    return [shown[i : i + columns] for i in range(0, len(shown), columns)]


def _shortened(text: str) -> str:
    """Return a text for a cell: an empty one is named, a long one cut."""
    if not text.strip():
        return "(empty)"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ..."
