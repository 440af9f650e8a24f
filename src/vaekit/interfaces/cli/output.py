"""What a verb prints: text for people, or one JSON object."""

from __future__ import annotations

import json
import sys
from typing import Any

from vaekit.errors import printable
from vaekit.interfaces.describing.words import number
from vaekit.trained.files import plain

__all__ = ["BARE", "bound_lines", "choice_table", "console", "emit"]

BARE: dict[str, Any] = {"box": None, "pad_edge": False, "header_style": "bold"}
"""How tables look in a terminal: without lines."""


def emit(as_json: bool, data: dict[str, Any], *text: Any) -> None:
    """Print one JSON object to stdout and nothing else, or the text."""
    if as_json:
        sys.stdout.write(printable(json.dumps(plain(data), ensure_ascii=False)) + "\n")
        return
    out = console()
    for part in text:
        out.print(part)


def console(*, stderr: bool = False) -> Any:
    """Return a rich console that wraps nothing where there is no terminal."""
    from rich.console import Console

    terminal = (sys.stderr if stderr else sys.stdout).isatty()
    width = None if terminal else 160
    made = Console(stderr=stderr, highlight=False, markup=False, soft_wrap=not terminal, width=width)
    made.push_render_hook(_Harmless())  # type: ignore[arg-type]  # it has the method, and rich is slow to import
    return made


class _Harmless:
    """What is printed, without the control characters that data bring: whatever prints through a console passes here."""

    def __init__(self, content: Any = None) -> None:
        self.content = content

    def process_renderables(self, renderables: list[Any]) -> list[Any]:
        return [_Harmless(each) for each in renderables]

    def __rich_console__(self, console: Any, options: Any) -> Any:
        from rich.segment import Segment

        for part in console.render(self.content, options):
            yield part if part.control else Segment(printable(part.text), part.style)

    def __rich_measure__(self, console: Any, options: Any) -> Any:
        from rich.measure import Measurement

        return Measurement.get(console, options, self.content)


def choice_table(choices: Any) -> Any:
    """Return the automatic choices as a table: key, value, reason."""
    from rich.table import Table

    table = Table("key", "chosen", "why", **BARE)
    for choice in choices:
        value = choice.value
        table.add_row(choice.key, str(list(value) if isinstance(value, tuple | list) else value), choice.reason)
    return table


def bound_lines(summary: dict[str, Any]) -> list[str]:
    """Return the bounds with their names, errors and units, a line each; or why there are none."""
    elbo, iw = summary["bounds"]["elbo"], summary["bounds"]["iw"]
    unit, dimension = summary["unit"], summary["dimension"]
    counts = f"{summary['active_units']} active units; n = {summary['n']}"
    if elbo is None:
        return [
            f"no bound on log p(x): {summary['bounds']['why']}",
            f"log-likelihood of the reconstruction {number(-summary['distortion'])} nats per {unit}; "
            f"{counts} (larger is better)",
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
        f"{counts} (lower bounds on log p(x): larger is better)"
    )
    return [*lines, *summary.get("remarks", [])]


def _perplexity(summary: dict[str, Any], bound: str) -> str:
    """Return the perplexity that belongs to a bound, for texts."""
    found = summary.get("perplexity", {}).get(bound.lower().replace("-", "_"))
    return "" if found is None else f", perplexity {number(found['value'])}"
