"""What `mkdocs build` does beside reading docs/: the home page, pages of other folders, the API reference, and formulas.

Links are those that work in the repository: one that leaves docs/ is turned to where its target lies in the site.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

import vaekit

ROOT = Path(__file__).parents[2]
MOUNTED = ("CONTRIBUTING.md", "CHANGELOG.md", "benchmarks/README.md")
RESULTS = "benchmarks/results"
FLOORS = {
    "interfaces": "Train, load and use",
    "diagnosis": "The doctor",
    "trained": "Trained models",
    "evaluation": "Measures",
    "training": "Training",
    "modalities": "Models of a kind of data",
    "objectives": "Objectives",
    "models": "Models",
    "heads": "Families, scales and priors",
    "nets": "Nets",
    "distributions": "Distributions",
    "schedules": "Schedules",
    "value": "Values",
    "errors": "Errors",
}
"""The floors of the house that have public names, from the top, with the titles of their pages."""

_FORMULA = re.compile(r'<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\1>', re.S)


def public_names() -> dict[str, list[str]]:
    """Return the public names by the floor on which they live.

    Raises:
        ValueError: A floor has public names and no page.
    """
    found: defaultdict[str, list[str]] = defaultdict(list)
    for name, home in vaekit._HOMES.items():
        found[home.split(".")[1]].append(name)
    if set(found) != set(FLOORS):
        raise ValueError(f"the floors with public names are {sorted(found)}, but FLOORS names {sorted(FLOORS)}")
    return {floor: sorted(found[floor], key=str.lower) for floor in FLOORS}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Add the pages that are not in docs/ to the navigation."""
    pages = [{title: f"reference/{floor}.md"} for floor, title in FLOORS.items()]
    assert config.nav is not None
    config.nav += [
        {"API reference": [{"All names": "reference/index.md"}, *pages]},
        {"Project": [{"Changelog": "CHANGELOG.md"}, {"The house": "CONTRIBUTING.md"}, {"Benchmarks": MOUNTED[-1]}]},
    ]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the home page, the pages of other folders and the API reference."""
    for name in (*MOUNTED, *(str(path.relative_to(ROOT)) for path in sorted((ROOT / RESULTS).glob("*.md")))):
        files.append(File.generated(config, name, abs_src_path=str(ROOT / name)))
    files.append(File.generated(config, "examples/textbook.py", abs_src_path=str(ROOT / "examples/textbook.py")))
    files.append(File.generated(config, "index.md", content=(ROOT / "README.md").read_text(encoding="utf-8")))
    for name, content in _reference():
        files.append(File.generated(config, f"reference/{name}.md", content=content))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Turn links that leave or enter docs/ to where their targets lie in the site."""
    if page.file.src_uri in ("index.md", *MOUNTED):
        return markdown.replace("](docs/", "](").replace("](../docs/", "](../")
    return markdown.replace("](../", "](") if "/" not in page.file.src_uri else markdown


def on_page_content(html: str, page: Page, **_: Any) -> str:
    """Turn formulas into MathML, which browsers show by themselves.

    Raises:
        ValueError: A formula cannot be converted.
    """
    try:
        return _FORMULA.sub(_mathml, html)
    except Exception as error:
        raise ValueError(f"{page.file.src_uri}: a formula cannot be converted: {error!r}") from error


def _mathml(found: re.Match[str]) -> str:
    tex = found[3].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return convert(tex, display="inline" if found[2] == "(" else "block")


def _reference() -> list[tuple[str, str]]:
    """Return the pages of the API reference: one with all names, and one per floor."""
    pages, overview = [], ["# All names", "", "Everything below is `vaekit.NAME`.", ""]
    for floor, names in public_names().items():
        title = FLOORS[floor]
        overview += [f"## [{title}]({floor}.md)", "", ", ".join(f"[`{name}`][vaekit.{name}]" for name in names), ""]
        pages.append((floor, "\n\n".join([f"# {title}", *(f"::: vaekit.{name}" for name in names)]) + "\n"))
    return [("index", "\n".join(overview)), *pages]
