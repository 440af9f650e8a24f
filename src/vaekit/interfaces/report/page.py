"""HTML of the report: one page, no script, no request; every text from outside is escaped here and nowhere else."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

from PIL import Image

from vaekit.interfaces.media.pictures import png

__all__ = [
    "Picture",
    "bullets",
    "card",
    "columns",
    "commands",
    "document",
    "exhibit",
    "folded",
    "note",
    "paragraph",
    "section",
    "side_by_side",
    "table",
    "verbatim",
]

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"

_WORD = 24  # characters above which a text is a sentence

_STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1f2933; --soft: #5a6672; --line: #dfe4ea; --card: #f6f8fa;
  --accent: #24639f; --warn: #fff6e0; --warn-line: #d9a62b; --severe: #b3304a; --warning: #8f5b00; --info: #24639f; }
@media (prefers-color-scheme: dark) { :root { --paper: #16191d; --ink: #e4e8ec; --soft: #a3afba; --line: #343b43;
  --card: #1f2429; --accent: #7db4ea; --warn: #332b16; --warn-line: #b98d24;
  --severe: #ff8a9b; --warning: #e3b34a; --info: #7db4ea; }
  .chart img, .legend i { filter: invert(.86) hue-rotate(180deg); } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0 auto; padding: 2.5rem 1.5rem 4rem; max-width: 1160px; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  overflow-wrap: anywhere; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .4rem; font-weight: 650; }
h2 { font-size: 1.3rem; margin: 3rem 0 1rem; padding-bottom: .35rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 0 0 .4rem; }
p { margin: .5rem 0; max-width: 46rem; }
.soft, figcaption { color: var(--soft); }
figure { margin: 0; min-width: 0; break-inside: avoid; }
figcaption { font-size: .88rem; margin-top: .5rem; max-width: 46rem; }
img { display: block; width: 100%; height: auto; }
.sheet img { image-rendering: pixelated; }
.sheet.fine img { image-rendering: auto; }
.chart img { border-radius: 6px; }
.columns { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 2rem 2.25rem; margin-bottom: 2rem; }
.wide { margin-bottom: 2rem; max-width: 920px; }
.headline { background: var(--card); border-left: 4px solid var(--accent); border-radius: 6px; padding: 1.1rem 1.4rem;
  margin: 1.5rem 0 1rem; }
.headline .value { font-size: 1.75rem; font-weight: 650; line-height: 1.25; margin: .15rem 0; max-width: none; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(300px, 1fr)); gap: 1rem; margin: 0 0 1rem; }
.tile { border: 1px solid var(--line); border-radius: 6px; padding: .8rem 1rem; break-inside: avoid; }
@media (min-width: 1012px) { .tile:first-child { grid-column: span 2; } }
.tile .value { font-size: 1.15rem; font-weight: 600; margin: .1rem 0; }
.tile p:last-child, .headline p:last-child { font-size: .88rem; color: var(--soft); }
.name { color: var(--accent); font-weight: 600; font-size: .92rem; margin: 0; }
.note { background: var(--warn); border: 1px solid var(--warn-line); border-radius: 6px; padding: .8rem 1.2rem;
  margin: 1rem 0; }
.note ul { margin: .3rem 0; padding-left: 1.2rem; }
.card { border: 1px solid var(--line); border-left: 4px solid var(--tone); border-radius: 6px; padding: .9rem 1.2rem;
  margin: 1rem 0; break-inside: avoid; }
.card h3 { font-size: 1.1rem; display: flex; flex-wrap: wrap; align-items: center; gap: .2rem .7rem; }
.card .badge { background: var(--tone); color: var(--paper); border-radius: 4px; padding: .1rem .5rem;
  font-size: .8rem; text-transform: uppercase; letter-spacing: .04em; }
.card .evidence { font-weight: 600; }
.card pre { margin: .5rem 0; user-select: all; -webkit-user-select: all; }
.severe { --tone: var(--severe); } .warning { --tone: var(--warning); } .info { --tone: var(--info); }
.scroll { overflow-x: auto; margin: .5rem 0 1.5rem; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; font-variant-numeric: tabular-nums;
  overflow-wrap: break-word; }
th, td { text-align: left; vertical-align: top; padding: .4rem .9rem .4rem 0; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; white-space: nowrap; }
td:first-child { font-weight: 600; }
.exhibit { margin-bottom: 2rem; }
.verbatim td { white-space: pre-wrap; font-weight: 400; }
.verbatim .long { min-width: 8.5rem; }
td.number, th.number { text-align: right; white-space: nowrap; padding-right: 0; padding-left: .9rem; }
pre { background: var(--card); border-radius: 6px; padding: .8rem 1rem; font-size: .85rem; white-space: pre-wrap;
  margin: .5rem 0 1.5rem; }
pre, code { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
details { margin: .5rem 0 1.5rem; } summary { cursor: pointer; color: var(--accent); font-weight: 600; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1rem; list-style: none; margin: .5rem 0 0; padding: 0;
  font-size: .88rem; }
.legend li { display: flex; align-items: baseline; gap: .4rem; }
.legend i { flex: none; width: .7rem; height: .7rem; border-radius: 50%; }
@media (max-width: 760px) { body { padding: 1.5rem 1rem 3rem; } h1 { font-size: 1.5rem; }
  .columns, .tiles { grid-template-columns: minmax(0, 1fr); } .headline .value { font-size: 1.3rem; }
  .sheet.broad img { image-rendering: auto; } .text thead { display: none; }
  .text tr, .text td { display: block; border: 0; padding: 0; }
  .text tr { border-bottom: 1px solid var(--line); padding: .4rem 0; }
  table { overflow-wrap: anywhere; } th, td { padding-right: .6rem; } }
@media print { body { padding: 0; max-width: none; font-size: 11pt; } h2 { break-after: avoid; }
  .wide { max-width: 15cm; } tr, pre { break-inside: avoid; } }
"""


@dataclass(frozen=True)
class Picture:
    """A picture of the report.

    Args:
        name: Name of its file in `plots`, without suffix.
        title: What it is called.
        caption: What it shows and how to read it.
        image: What the page shows.
        kind: A sheet of images, pixel by pixel, or a chart.
        legend: Colours and what they stand for.
    """

    name: str
    title: str
    caption: str
    image: Image.Image
    kind: Literal["sheet", "chart"]
    legend: tuple[tuple[str, str], ...] = ()

    def html(self, *, wide: bool = False) -> str:
        """Return the figure, its image inside."""
        data = base64.b64encode(png(self.image)).decode()
        classes = [self.kind, *self._fineness(), *(["wide"] if wide else [])]
        size = f'width="{self.image.width}" height="{self.image.height}"'
        return (
            f'<figure class="{" ".join(classes)}"><h3>{escape(self.title)}</h3>'
            f'<img alt="{escape(self.title)}" {size} src="data:image/png;base64,{data}">'
            f"{_legend(self.legend)}<figcaption>{escape(self.caption)}</figcaption></figure>"
        )

    def _fineness(self) -> list[str]:
        """Return how fine a sheet is: shown smaller than it is, pixel by pixel would drop rows and columns."""
        if self.kind == "chart" or self.image.width <= 360:
            return []
        return ["fine"] if self.image.width > 1000 else ["broad"]


def document(title: str, body: Iterable[str]) -> str:
    """Return the page."""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(part for part in body if part)
        + "\n</body></html>\n"
    )


def section(title: str, *parts: str) -> str:
    """Return a section with its heading; `parts` are HTML."""
    return f"<section><h2>{escape(title)}</h2>\n" + "\n".join(part for part in parts if part) + "</section>"


def paragraph(text: str, kind: str = "") -> str:
    """Return a paragraph of text."""
    return f'<p class="{kind}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def columns(pictures: Sequence[Picture]) -> str:
    """Return pictures side by side, one below the other on a narrow screen."""
    return side_by_side(*(p.html() for p in pictures))


def side_by_side(*parts: str) -> str:
    """Return HTML side by side, one below the other on a narrow screen."""
    return f'<div class="columns">{"".join(parts)}</div>' if parts else ""


def exhibit(title: str, caption: str, content: str) -> str:
    """Return HTML with what it is called, what it shows and how to read it."""
    return f"<figure class=exhibit><h3>{escape(title)}</h3>{content}<figcaption>{escape(caption)}</figcaption></figure>"


def bullets(items: Iterable[str]) -> str:
    """Return a list of texts."""
    return f"<ul>{''.join(f'<li>{escape(item)}</li>' for item in items)}</ul>"


def note(title: str, *parts: str) -> str:
    """Return a box that is not overlooked; `parts` are HTML."""
    return f'<div class="note"><strong>{escape(title)}</strong>{"".join(parts)}</div>'


def card(tone: Literal["severe", "warning", "info"], title: str, *parts: str) -> str:
    """Return a box that says by color and by word how bad its matter is; `parts` are HTML."""
    head = f'<h3><span class="badge">{tone}</span>{escape(title)}</h3>'
    return f'<article class="card {tone}">{head}{"".join(parts)}</article>'


def folded(title: str, content: str, *, opened: bool = False) -> str:
    """Return HTML that opens when asked for."""
    return f"<details{' open' if opened else ''}><summary>{escape(title)}</summary>{content}</details>"


def commands(text: str) -> str:
    """Return text as it would be typed."""
    return f"<pre>{escape(text)}</pre>"


def table(head: Sequence[str], rows: Iterable[Sequence[object]], numbers: int = 0) -> str:
    """Return a table of texts.

    Args:
        head: The names of the columns.
        rows: The cells.
        numbers: How many of the last columns hold numbers.
    """
    first = len(head) - numbers

    def cells(tag: str, values: Sequence[object]) -> str:
        return "".join(
            f"<{tag}{' class=number' if i >= first else ''}>{escape(str(value))}</{tag}>"
            for i, value in enumerate(values)
        )

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return f'<div class="scroll"><table{"" if numbers else " class=text"}><thead><tr>{cells("th", head)}</tr></thead><tbody>{body}</tbody></table></div>'


def verbatim(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of texts from outside, each with its own spaces, line breaks and direction of writing."""
    titles = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return (
        f'<div class="scroll"><table class=verbatim><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def _cell(text: str) -> str:
    # On a narrow screen a sentence is scrolled to rather than broken after each word.
    return f"<td dir=auto{' class=long' if len(text) > _WORD else ''}>{escape(text)}</td>"


def _legend(entries: Sequence[tuple[str, str]]) -> str:
    if not entries:
        return ""
    items = (f'<li><i style="background:{escape(color)}"></i>{escape(name)}</li>' for color, name in entries)
    return f'<ul class="legend">{"".join(items)}</ul>'
