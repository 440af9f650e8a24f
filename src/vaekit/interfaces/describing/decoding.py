"""How texts are to be decoded, as it is typed."""

from __future__ import annotations

import difflib
from typing import Any

from vaekit.distributions import Decoding
from vaekit.interfaces.describing.typed import read_value

__all__ = ["decoding_of"]

_MODES = ("greedy", "sample", "beam")
_TYPES: dict[str, type] = {
    **{"mode": str, "unknown": bool},
    **dict.fromkeys(("temperature", "top_p", "length_penalty"), float),
    **dict.fromkeys(("top_k", "beams"), int),
}
_WORDS: dict[type, str] = {str: "a word", bool: "true or false", int: "a whole number", float: "a number"}


def decoding_of(typed: str | None, temperature: float | None = None) -> Decoding | None:
    """Return how tokens are to be chosen, from words such as `greedy`, `top_k=40,temperature=0.8` or `beam,beams=10`.

    Args:
        typed: The words; None where nothing was said.
        temperature: Of the tokens, where it was given by itself.

    Raises:
        ValueError: A word is unknown, or its value out of range.

    Examples:
        >>> decoding_of("top_p=0.9").top_p, decoding_of("beams=3").mode
        (0.9, 'beam')
    """
    found: dict[str, Any] = {} if temperature is None else {"temperature": temperature}
    known = set(_TYPES)
    for word in filter(None, (part.strip() for part in (typed or "").split(","))):
        name, sign, value = word.partition("=")
        name = name.strip().replace("-", "_")
        if not sign and name in _MODES:
            found["mode"] = name
        elif name in known:
            found[name] = _checked(name, read_value(name, value) if sign else True)
        else:
            near = difflib.get_close_matches(name, (*_MODES, *known), n=1)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            raise ValueError(f"--decode knows {', '.join((*_MODES, *sorted(known - {'mode'})))}, got {word!r}{hint}")
    if not found:
        return None
    if "mode" not in found and {"beams", "length_penalty"} & set(found):
        found["mode"] = "beam"
    return Decoding(**found)


def _checked(name: str, value: Any) -> Any:
    """Return a value of the type that its key has.

    Raises:
        ValueError: It is of another.
    """
    kind = _TYPES[name]
    fits = isinstance(value, (int, float) if kind is float else kind)
    if not fits or isinstance(value, bool) != (kind is bool):
        raise ValueError(f"--decode {name} is {_WORDS[kind]}, got {value!r}")
    return value
