"""Typed settings of decoding, for texts."""

from __future__ import annotations

from typing import Any

from vaekit.distributions import Decoding
from vaekit.errors import suggestion
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
    """Return the decoding that words such as `greedy`, `top_k=40,temperature=0.8` or `beam,beams=10` stand for.

    Args:
        typed: The words; None if none were typed.
        temperature: The temperature of the tokens, if it was set apart from the words.

    Raises:
        ValueError: A word is unknown, or its value is out of range.

    Examples:
        >>> decoding_of("top_p=0.9").top_p, decoding_of("beams=3").mode
        (0.9, 'beam')
    """
    settings: dict[str, Any] = {} if temperature is None else {"temperature": temperature}
    for word in filter(None, (part.strip() for part in (typed or "").split(","))):
        name, sign, value = word.partition("=")
        name = name.strip().replace("-", "_")
        if not sign and name in _MODES:
            settings["mode"] = name
        elif name in _TYPES:
            settings[name] = _checked(name, read_value(name, value) if sign else True)
        else:
            known = (*_MODES, *sorted(_TYPES.keys() - {"mode"}))
            raise ValueError(f"--decode knows {', '.join(known)}, got {word!r}{suggestion(name, (*_MODES, *_TYPES))}")
    if "mode" not in settings and {"beams", "length_penalty"} & set(settings):
        settings["mode"] = "beam"
    return Decoding(**settings) if settings else None


def _checked(name: str, value: Any) -> Any:
    """Return the value; refuse one of another type than that of its key.

    Raises:
        ValueError: The value has another type.
    """
    kind = _TYPES[name]
    fits = isinstance(value, (int, float) if kind is float else kind)
    if not fits or isinstance(value, bool) != (kind is bool):
        raise ValueError(f"--decode {name} is {_WORDS[kind]}, got {value!r}")
    return value
