"""Texts on the page: samples, reconstructions, interpolations and traversals of a run of texts."""

from __future__ import annotations

from collections.abc import Sequence
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
_LONGEST = 300  # characters of a text that are shown: what follows tells no more of the model


def texts(run: Run, result: Bounds, held_out: HeldOut | None) -> list[str]:
    """Return every exhibit of texts that the data at hand allow, as HTML.

    Args:
        run: A run of texts.
        result: The bounds of the data that are shown.
        held_out: The data themselves, where they are at hand.
    """
    has_data, labels = held_out is not None, None if held_out is None else held_out.labels
    if not run.view.traits.latents:
        said = "There are no reconstructions, interpolations or traversals: a language model has no latents."
        return [_samples(run), paragraph(said, "soft")]
    again, warning = _reconstructions(run) if has_data else ("", "")
    pair = (_samples(run), again)
    # With labels the samples have columns of their own, and need the width of the page.
    found = [warning, *(pair if run.conditions.names else (side_by_side(*pair),))]
    if run.latents.is_walkable and has_data and len(result.means) > 1:
        found.append(_interpolations(run, result.means, labels))
    if run.latents.is_walkable and (has_data or not run.conditions.size):
        found.append(_traversal(run, result))
    return found


def _samples(run: Run) -> str:
    title, caption = "Samples from the prior", "z from the prior at temperature 1, each token drawn from p(x | z)."
    if not run.view.traits.latents:
        title, caption = "Samples", "Each token drawn from p(x), given those before it."
    names = run.conditions.names[:_LABELS]
    if not names:
        return exhibit(title, caption, verbatim(("Text",), ([_shown(text)] for text in run.sample(_TEXTS))))
    columns = max(1, min(4, _TEXTS // len(names)))
    drawn = run.sample(columns * len(names), label=names)
    rows = ((name, *map(_shown, row)) for name, row in zip(names, _in_rows(drawn, columns), strict=True))
    return exhibit(title, f"A row per label: {caption}", verbatim(("Label", "Texts", *[""] * (columns - 1)), rows))


def _reconstructions(run: Run) -> tuple[str, str]:
    """Return texts beside what comes back of them, and a box where that is the same whatever the text is."""
    given, again = run.reconstruct(None, _TEXTS)
    exact = [text == other for text, other in zip(given, again, strict=True)]
    rows = (
        (_shown(text), _shown(other), "yes" if is_exact else "no")
        for text, other, is_exact in zip(given, again, exact, strict=True)
    )
    caption = (
        "Left a held-out text, right the text that p(x | z) at the posterior's mean gives when the most probable token is "
        f"taken each time. {sum(exact)} of {len(exact)} came back whole."
    )
    warning = ""
    if len(set(given)) > 1 == len(set(again)):
        said = (
            f"All {len(again)} texts come back as one and the same: the decoder writes without asking z. Look at the rate "
            f"of each dimension below. Where longer training does not help, {_cures(run)} may."
        )
        warning = note("The latents are not read", paragraph(said))
    return exhibit(
        "Texts beside reconstructions", caption, verbatim(("Text", "Reconstruction", "Exact"), rows)
    ), warning


def _cures(run: Run) -> str:
    """Return keys that make a decoder ask z, the run's own recipe left out."""
    own = getattr(run.description, "recipe", "")
    recipes = [f"recipe={name}" for name in ("free_bits", "pretrain", "aggressive") if name != own]
    return f"{', '.join(recipes)} or word_dropout=0.5"


def _interpolations(run: Run, means: Tensor, labels: Tensor | None) -> str:
    walks = interpolated(run, means, labels, _PAIRS, _STEPS)
    ways = _in_rows(walks.between, _STEPS)
    columns = [("text", *(str(Fraction(i, _STEPS - 1)) for i in range(_STEPS)), "text")]
    columns += [tuple(map(_shown, way)) for way in _framed(walks.first, ways, walks.last)]
    rows = zip(*columns, strict=True)
    caption = (
        "Each column walks in a straight line from the posterior mean of one held-out text to that of another, whose texts "
        "stand first and last; the most probable token is taken each time."
    )
    return exhibit("Interpolations", caption, verbatim(("Share", *_numbered("Pair", len(ways))), rows))


def _traversal(run: Run, result: Bounds) -> str:
    shown, names = traversed(run, result, _DIMENSIONS, _VALUES)
    values = [f"{value:g}" for value in torch.linspace(-REACH, REACH, _VALUES).tolist()]
    rows = ((name, *map(_shown, row)) for name, row in zip(names, _in_rows(shown, _VALUES), strict=True))
    caption = (
        f"Each row moves one latent dimension of one held-out text from {-REACH:g} to {REACH:g} and keeps the others, most "
        "active first; the most probable token is taken each time."
    )
    return exhibit("Latent traversal", caption, verbatim(("Dimension", *values), rows))


def _framed(first: Sequence[str], ways: Sequence[Sequence[str]], last: Sequence[str]) -> list[list[str]]:
    return [[begin, *way, end] for begin, way, end in zip(first, ways, last, strict=True)]


def _in_rows(shown: Sequence[str], columns: int) -> list[Sequence[str]]:
    return [shown[i : i + columns] for i in range(0, len(shown), columns)]


def _numbered(name: str, count: int) -> list[str]:
    return [f"{name} {i}" for i in range(1, count + 1)]


def _shown(text: str) -> str:
    """Return a text as a cell can hold it: an empty one is told, a long one cut."""
    return "(empty)" if not text.strip() else text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ..."
