"""Formulas in docstrings: from the notation of Sphinx, in which they are written, to that of Markdown."""

from __future__ import annotations

import re
from typing import Any

import griffe

_INLINE = re.compile(r":math:`([^`]+)`")
_BLOCK = re.compile(r"^( *)\.\. math::[ \n]*(.+?)(?=\n\s*\n|\Z)", re.M | re.S)


def with_formulas(text: str) -> str:
    r"""Return a docstring with its formulas between dollars.

    Examples:
        >>> with_formulas("The value :math:`x^2`.")
        'The value $x^2$.'
        >>> with_formulas(".. math:: a\n    + b\n\nwhere")
        '\n$$a + b$$\n\nwhere'
    """
    blocks = _BLOCK.sub(lambda found: f"{found[1]}\n{found[1]}$${' '.join(found[2].split())}$$", text)
    return _INLINE.sub(lambda found: f"${' '.join(found[1].split())}$", blocks)


class Formulas(griffe.Extension):
    """Rewrites the formulas of every docstring that is read."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite one docstring."""
        if obj.docstring is not None:
            obj.docstring.value = with_formulas(obj.docstring.value)
