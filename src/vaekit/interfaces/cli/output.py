"""What a verb prints: text for people, or one JSON object."""

from __future__ import annotations

import json
import sys
from typing import Any

from vaekit.interfaces.describing.words import CONTROLS, number, visible
from vaekit.trained.files import plain

__all__ = ["BARE", "bound_lines", "choice_table", "console", "emit"]

BARE: dict[str, Any] = {"box": None, "pad_edge": False, "header_style": "bold"}
"""How tables look in a terminal: without lines."""

_GROUPS = 8  # of latents that have a line of their own


def emit(as_json: bool, data: dict[str, Any], *text: Any) -> None:
    """Print one JSON object to stdout and nothing else, or the text."""
    if as_json:
        line = json.dumps(plain(data), ensure_ascii=False)
        sys.stdout.write(CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", line) + "\n")
        return
    out = console()
    for part in text:
        out.print(part)


def console(*, stderr: bool = False) -> Any:
    """Return a rich console that wraps nothing where there is no terminal, and prints every character visibly."""
    from rich.console import Console

    class Visible(Console):
        def render_str(self, text: str, **options: Any) -> Any:
            return super().render_str(visible(text), **options)

    terminal = (sys.stderr if stderr else sys.stdout).isatty()
    width = None if terminal else 160
    return Visible(stderr=stderr, highlight=False, markup=False, emoji=False, soft_wrap=not terminal, width=width)


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
    return [*lines, *_group_lines(summary.get("groups", [])), *summary.get("remarks", [])]


def _group_lines(groups: list[dict[str, Any]]) -> list[str]:
    """Return a line for each group of latents, from the top down: those with the largest rates, and the others together."""
    order = sorted(range(len(groups)), key=lambda i: -groups[i]["rate"])
    shown, rest = sorted(order[:_GROUPS]), order[_GROUPS:]
    whole = sum(group["rate"] for group in groups) or 1.0
    lines = [
        f"group {f'z{i}':<4} rate {number(groups[i]['rate'])} nats ({groups[i]['rate'] / whole:.0%}), "
        f"{groups[i]['active_units']} of {groups[i]['latents']} latents active"
        for i in shown
    ]
    left = sum(groups[i]["rate"] for i in rest)
    return lines + ([f"the other {len(rest)} groups {number(left)} nats ({left / whole:.0%})"] if rest else [])


def _perplexity(summary: dict[str, Any], bound: str) -> str:
    """Return the perplexity that belongs to a bound, for texts."""
    found = summary.get("perplexity", {}).get(bound.lower().replace("-", "_"))
    return "" if found is None else f", perplexity {number(found['value'])}"
