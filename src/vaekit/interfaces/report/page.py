"""HTML of the report: one page, no script, no request; every text from outside is escaped here and nowhere else."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from typing import Literal

from PIL import Image

from vaekit.interfaces.media.pictures import png

__all__ = [
    *("Picture", "bullets", "card", "columns", "commands", "document", "exhibit"),
    *("folded", "note", "paragraph", "section", "side_by_side", "table", "verbatim"),
]

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"

_WORD = 24  # characters above which a text is a sentence

_STYLE = files(__package__).joinpath("style.css").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Picture:
    """A picture of the report.

    Args:
        name: Name of its file in `plots`, without suffix.
        title: What it is called.
        caption: What it shows and how to read it.
        image: What the page shows.
        kind: A sheet of images, pixel by pixel, or a chart.
        legend: Colors and what they stand for.
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
        classes = [self.kind, *self._fineness(), *["wide"] * wide]
        size = f'width="{self.image.width}" height="{self.image.height}"'
        return (
            f'<figure class="{" ".join(classes)}"><h3>{escape(self.title)}</h3>'
            f'<img alt="{escape(self.title)}" {size} src="data:image/png;base64,{data}">'
            f"{_legend(self.legend)}<figcaption>{escape(self.caption)}</figcaption></figure>"
        )

    def _fineness(self) -> list[str]:
        """Return how fine a sheet is: a fine one, shown smaller, must be smoothed to keep all rows and columns."""
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
    """Return a highlighted box; `parts` are HTML."""
    return f'<div class="note"><strong>{escape(title)}</strong>{"".join(parts)}</div>'


def card(tone: Literal["severe", "warning", "info"], title: str, *parts: str) -> str:
    """Return a box that says how severe its content is, by color and by word; `parts` are HTML."""
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
        kinds = (" class=number" if i >= first else "" for i in range(len(values)))
        return "".join(f"<{tag}{kind}>{escape(str(v))}</{tag}>" for kind, v in zip(kinds, values, strict=True))

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return _table("" if numbers else " class=text", cells("th", head), body)


def verbatim(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of texts from outside, each with its own spaces, line breaks and direction of writing."""
    titles = "".join(f"<th>{escape(name)}</th>" for name in head)
    return _table(" class=verbatim", titles, "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows))


def _table(kind: str, head: str, body: str) -> str:
    table = f"<table{kind}><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="scroll">{table}</div>'


def _cell(text: str) -> str:
    # On a narrow screen a sentence is scrolled to rather than broken after each word.
    return f"<td dir=auto{' class=long' if len(text) > _WORD else ''}>{escape(text)}</td>"


def _legend(entries: Sequence[tuple[str, str]]) -> str:
    items = (f'<li><i style="background:{escape(color)}"></i>{escape(name)}</li>' for color, name in entries)
    return f'<ul class="legend">{"".join(items)}</ul>' if entries else ""
