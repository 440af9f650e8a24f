"""The ids that every vocabulary begins with."""

from __future__ import annotations

__all__ = ["BOS", "EOS", "PAD", "UNK"]

PAD, BOS, EOS, UNK = 0, 1, 2, 3
"""What fills a row after its end; what a decoder reads first; what ends a text; what stands for a token that is not known."""
