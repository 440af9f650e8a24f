"""What a verb prints: text for people, or one JSON object."""

from __future__ import annotations

import json
import math
import sys
from typing import Any

from vaekit.interfaces.folder import plain

__all__ = ["bound_lines", "choice_table", "console", "duration", "emit", "number", "seconds_of"]

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def emit(as_json: bool, data: dict[str, Any], *text: Any) -> None:
    """Print one JSON object to stdout and nothing else, or the text."""
    if as_json:
        sys.stdout.write(json.dumps(plain(data), ensure_ascii=False) + "\n")
        return
    out = console()
    for part in text:
        out.print(part)


def console(*, stderr: bool = False) -> Any:
    """Return a rich console that wraps nothing where there is no terminal."""
    from rich.console import Console

    terminal = (sys.stderr if stderr else sys.stdout).isatty()
    return Console(
        stderr=stderr, highlight=False, markup=False, soft_wrap=not terminal, width=None if terminal else 160
    )


def choice_table(choices: Any) -> Any:
    """Return the automatic choices as a table: key, value, reason."""
    from rich.table import Table

    table = Table("key", "chosen", "why", box=None, pad_edge=False, header_style="bold")
    for choice in choices:
        value = choice.value
        table.add_row(choice.key, str(list(value) if isinstance(value, tuple | list) else value), choice.reason)
    return table


def bound_lines(summary: dict[str, Any]) -> list[str]:
    """Return the bounds with their names, errors and units, a line each; without bounds, what there is instead."""
    elbo, iw = summary["bounds"]["elbo"], summary["bounds"]["iw"]
    unit, dimension = summary.get("unit", "image"), summary.get("dimension", "dim")
    if elbo is None:
        return [
            f"no bound on log p(x): {summary['bounds']['why']}",
            f"log-likelihood of the reconstruction {number(-summary['distortion'])} nats per {unit}; "
            f"{summary['active_units']} active units; n = {summary['n']} (larger is better)",
        ]
    lines = []
    for name, bound in (("ELBO", elbo), (f"IW-{iw['samples']}", iw)):
        effective = f", effective samples {number(bound['ess'], 1)}" if "ess" in bound else ""
        lines.append(
            f"{name:<8} {number(bound['nats'])} +- {number(bound['se'])} nats per {unit}, "
            f"{number(bound['bits_per_dim'], 4)} bits/{dimension}{effective}{_perplexity(summary, name)}"
        )
    lines.append(
        f"rate {number(summary['rate'])}, distortion {number(summary['distortion'])} nats; "
        f"{summary['active_units']} active units; n = {summary['n']} (lower bounds on log p(x): larger is better)"
    )
    return lines


def _perplexity(summary: dict[str, Any], bound: str) -> str:
    """Return the perplexity that goes with a bound, where there are tokens."""
    found = summary.get("perplexity", {}).get(bound.lower().replace("-", "_"))
    return "" if found is None else f", perplexity {number(found['value'])}"


def number(value: float | None, digits: int = 2) -> str:
    """Return a number as people read it; a missing one is said to be unknown."""
    return "unknown" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def seconds_of(text: str) -> float:
    """Return seconds from `90`, `90s`, `10m`, `1h30m` or `+10m`.

    Raises:
        ValueError: It is none of these.

    Examples:
        >>> seconds_of("1h30m")
        5400.0
    """
    import re

    parts = re.findall(r"(\d+(?:\.\d+)?)([smhd]?)", text.strip().removeprefix("+").lower())
    if not parts or "".join(n + u for n, u in parts) != text.strip().removeprefix("+").lower():
        raise ValueError(f"a time is written like 90s, 10m or 1h30m, got {text!r}")
    seconds = sum(float(number) * _UNITS[unit or "s"] for number, unit in parts)
    if not 0 < seconds < math.inf:
        raise ValueError(f"a time limit must be positive and finite, got {text!r}")
    return seconds


def duration(seconds: float) -> str:
    """Return seconds as people read them.

    Examples:
        >>> duration(125)
        '2m05s'
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02}m" if hours else (f"{minutes}m{rest:02}s" if minutes else f"{rest}s")
