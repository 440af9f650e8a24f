"""Checks by name: their words are in `words.toml`, where each one says what it measures, means and advises."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from importlib.resources import files
from typing import Any

from vaekit.diagnosis.check import Check, no_keys
from vaekit.diagnosis.examination import Examination

__all__ = ["worded"]

_WORDS = tomllib.loads(files(__package__).joinpath("words.toml").read_text(encoding="utf-8"))


def worded(
    name: str,
    value: str | Callable[[Examination], float | None],
    *,
    above: float | None = None,
    below: float | None = None,
    prescription: Callable[[Examination], tuple[str, ...]] = no_keys,
    where: Callable[[Examination], str] = lambda _examination: "",
    far: float | None = None,
) -> Check:
    """Return the check whose words are in the file under its name.

    Args:
        name: Its name.
        value: What returns the number; or where the examination has it, such as `"balance.parameters"`.
        above: The threshold, where a larger number is a finding.
        below: The threshold, where a smaller number is one.
        prescription: See `Check`.
        where: See `Check`.
        far: See `Check`.
    """
    words: dict[str, Any] = {key: " ".join(text.split()) for key, text in _WORDS[name].items()}
    return Check(
        name=name,
        value=_number_at(value) if isinstance(value, str) else value,
        fires="above" if below is None else "below",
        threshold=below if above is None else above,  # type: ignore[arg-type]
        prescription=prescription,
        where=where,
        far=far,
        **words,
    )


def _number_at(path: str) -> Callable[[Examination], float | None]:
    """Return what reads a number off a measurement, None where that does not apply."""
    measurement, name = path.split(".")

    def value(examination: Examination) -> float | None:
        found = getattr(examination, measurement)
        number = None if found is None else getattr(found, name)
        return None if number is None else float(number)

    return value
