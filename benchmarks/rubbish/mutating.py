"""Random damage to the bytes of a file: bits, pieces, numbers, and values of JSON."""

from __future__ import annotations

import json
import random
import re
from typing import Any

__all__ = ["mutated"]

_NUMBERS = (b"-1", b"0", b"1e999", b"NaN", b"99999999999999999999", b"4294967295", b"-9223372036854775808", b"1e-320")
_WORDS = (
    b"\x1b[31m",
    b"\x00",
    b"\xff\xfe",
    b'"',
    b"'",
    b"\n\n",
    b",,,,",
    b"{",
    b"]",
    b"\xed\xa0\x80",
    "\u202e".encode(),
)
_VALUES: tuple[Any, ...] = (None, True, -1, 0, 2**70, 1e308, "", "\x1b[2J", [], {}, [[]], {"kind": "x"}, "x" * 300)


def mutated(content: bytes, name: str, draws: random.Random) -> bytes:
    """Return damaged content of a file called `name`."""
    if name.endswith((".json", ".jsonl")) and draws.random() < 0.6:
        return _changed_json(content, draws)
    ways = [_flipped, _cut, _cut_out, _repeated, _inserted, _overwritten]
    if not name.endswith((".gz", ".png", ".jpg", ".npz", ".ckpt")):
        ways += [_numbers, _numbers]
    for _ in range(draws.choice((1, 1, 2, 4))):
        content = draws.choice(ways)(content, draws)
    return content


def _place(content: bytes, draws: random.Random) -> int:
    # Half of the damage goes to the head, where the formats keep what they trust.
    return draws.randrange(max(1, min(len(content), 256) if draws.random() < 0.5 else len(content)))


def _flipped(content: bytes, draws: random.Random) -> bytes:
    found = bytearray(content)
    for _ in range(draws.choice((1, 2, 8, 64))):
        if found:
            found[_place(content, draws)] ^= 1 << draws.randrange(8)
    return bytes(found)


def _cut(content: bytes, draws: random.Random) -> bytes:
    return content[: _place(content, draws)]


def _cut_out(content: bytes, draws: random.Random) -> bytes:
    start = _place(content, draws)
    return content[:start] + content[start + draws.choice((1, 7, 100)) :]


def _repeated(content: bytes, draws: random.Random) -> bytes:
    start = _place(content, draws)
    end = start + draws.choice((1, 40, 1000))
    return content[:end] + content[start:]


def _inserted(content: bytes, draws: random.Random) -> bytes:
    start = _place(content, draws)
    return content[:start] + draws.choice(_WORDS) + content[start:]


def _overwritten(content: bytes, draws: random.Random) -> bytes:
    start, value = _place(content, draws), draws.choice((b"\xff", b"\0", b"\x7f", b"\x80"))
    return content[:start] + value * 8 + content[start + 8 :]


def _numbers(content: bytes, draws: random.Random) -> bytes:
    found = [match.span() for match in re.finditer(rb"\d+", content[:100_000])]
    if not found:
        return content
    start, end = draws.choice(found)
    return content[:start] + draws.choice(_NUMBERS) + content[end:]


def _changed_json(content: bytes, draws: random.Random) -> bytes:
    lines = content.splitlines() if content.count(b"\n{") else [content]
    row = draws.randrange(len(lines))
    try:
        tree = [json.loads(lines[row])]
    except ValueError:
        return content
    places = list(_places(tree))
    for _ in range(draws.choice((1, 1, 3))):
        holder, key = draws.choice(places)
        if isinstance(holder, dict) and draws.random() < 0.25:
            holder.pop(key, None)
        elif isinstance(holder, dict) or key < len(holder):
            holder[key] = draws.choice(_VALUES)
    lines[row] = json.dumps(tree[0]).encode()
    return b"\n".join(lines)


def _places(tree: Any) -> Any:
    for key, value in list(tree.items() if isinstance(tree, dict) else enumerate(tree)):
        yield tree, key
        if isinstance(value, dict | list):
            yield from _places(value)
