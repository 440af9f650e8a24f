"""What columns of words are: names of rows, free text, or words that have an order."""

from __future__ import annotations

import re
from itertools import takewhile

from vaekit.data.arrow import pa, pc
from vaekit.data.table.cells import Cells, labels_of, type_name
from vaekit.data.table.discrete import Identifier

__all__ = ["fit_identifier", "is_named_key", "is_text", "natural_order"]

SCALES = (
    ("none", "very low", "low", "medium low", "medium", "medium high", "high", "very high"),
    ("none", "mild", "moderate", "severe", "critical"),
    ("xxs", "xs", "s", "m", "l", "xl", "xxl", "xxxl"),
    ("tiny", "small", "medium", "large", "huge"),
    ("never", "rarely", "seldom", "sometimes", "often", "usually", "always"),
    ("strongly disagree", "disagree", "neutral", "agree", "strongly agree"),
    ("very poor", "poor", "fair", "average", "good", "very good", "excellent"),
    ("very dissatisfied", "dissatisfied", "neutral", "satisfied", "very satisfied"),
    ("beginner", "intermediate", "advanced", "expert"),
    ("first", "second", "third", "fourth", "fifth"),
    ("primary", "secondary", "tertiary"),
)
"""Words that everybody puts into the same order, from the lowest to the highest."""

INTERVAL = re.compile(
    r"\s*(?P<sign>[<>≤≥]?)=?\s*\$?(?P<number>\d+(?:\.\d+)?)\s*(?P<more>\+?)(?:\s*(?:-|\u2013|to)\s*\$?\d+(?:\.\d+)?)?\D*"
)
"""Numbers and intervals: <18, 18-24, 65+, 3 years."""

KEY = re.compile(r"(^|.*[_\W])(id|ids|key|uuid|guid|index|idx|rowid|serial)(?!\w)|.*[a-z](ID|Id|Key)$", re.IGNORECASE)
"""What the names of keys look like."""

WORDS = 4
"""The average number of words from which cells are sentences."""

INTERVALS = 30
"""The largest number of intervals that are put into order."""


def is_named_key(name: str) -> bool:
    """Say whether a column is called like a key.

    >>> is_named_key("customer_id"), is_named_key("humidity")
    (True, False)
    """
    return KEY.match(name) is not None


def is_text(values: Cells) -> bool:
    """Say whether distinct strings are sentences: of four words or more on average."""
    return pc.mean(pc.count_substring(values, " ")).as_py() >= WORDS - 1


def natural_order(labels: list[str]) -> list[str] | None:
    """Return at least three labels in their natural order; None if they have none.

    >>> natural_order(["high", "low", "medium"])
    ['low', 'medium', 'high']
    >>> natural_order(["18-24", "65+", "<18", "25-64"])
    ['<18', '18-24', '25-64', '65+']
    """
    ranks = {label: label.strip().lower() for label in labels}
    for scale in SCALES:
        if len(set(ranks.values())) == len(labels) and set(ranks.values()) <= set(scale):
            return sorted(labels, key=lambda label: scale.index(ranks[label])) if len(labels) > 2 else None
    return _intervals(labels) if 2 < len(labels) <= INTERVALS else None


def fit_identifier(values: Cells, name: str) -> Identifier:
    """Return the codec of distinct names: what they have in common in front, then numbers that none of them has.

    Args:
        values: The names, ascending.
        name: The column, which is the prefix of names without a pattern.
    """
    kind = type_name(values)
    if kind != "string":
        return Identifier(type=kind, start=min(int(labels_of(values)[-1]) + 1, 2**62))
    labels = values.take(pa.array([0, len(values) - 1])).to_pylist()
    # What the first and the last in order have in common, all have.
    same = takewhile(lambda pair: pair[0] == pair[1], zip(*labels, strict=False))
    prefix = "".join(pair[0] for pair in same).rstrip("0123456789")
    digits = pc.utf8_slice_codeunits(values, len(prefix))
    if not pc.all(pc.match_substring_regex(digits, "^[0-9]{1,18}$")).as_py():
        return Identifier(type=kind, prefix=f"{name}-")
    lengths = pc.min_max(pc.utf8_length(digits)).as_py()
    width = lengths["min"] if lengths["min"] == lengths["max"] else 0
    return Identifier(type=kind, prefix=prefix, width=width, start=pc.max(digits.cast("int64")).as_py() + 1)


def _intervals(labels: list[str]) -> list[str] | None:
    keys: dict[tuple[float, int], str] = {}
    for label in labels:
        found = INTERVAL.fullmatch(label)
        if found is None:
            return None
        side = -1 if found["sign"] in ("<", "≤") and found["sign"] else int(bool(found["sign"] or found["more"]))
        keys[float(found["number"]), side] = label
    return [keys[key] for key in sorted(keys)] if len(keys) == len(labels) else None
