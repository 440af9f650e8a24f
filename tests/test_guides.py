"""The guides: their lines run, their tables name every member with its very keys, and what they point to is there."""

import doctest
import re
import runpy
from pathlib import Path
from typing import get_args

import pytest

from vaekit.diagnosis import CHECKS
from vaekit.heads import AnyPrior, Likelihood, Posterior
from vaekit.modalities import RECIPES
from vaekit.objectives import AnyObjective

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.glob("*.md"), ROOT / "benchmarks" / "README.md"])
GUIDES = {
    "likelihoods": (Likelihood, set()),
    "posteriors": (Posterior, set()),
    "priors": (AnyPrior, set()),
    "objectives": (AnyObjective, {"samples", "beta"}),  # told once, above the table, where nothing special
}
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def text(name):
    return (DOCS / f"{name}.md").read_text(encoding="utf-8")


WITH_LINES = [path.stem for path in sorted(DOCS.glob("*.md")) if "```pycon" in text(path.stem)]


def table_rows(name):
    """Return the cells of each row that begins with a kind."""
    rows = re.findall(r"^\| `(\w+)` \|(.*)\|$", text(name), re.M)
    return {kind: [cell.strip() for cell in rest.split("|")] for kind, rest in rows}


def kinds(union):
    """Return the classes of a union by kind; one class may stand for several."""
    return {
        kind: member
        for member in get_args(get_args(union)[0])
        for kind in get_args(member.model_fields["kind"].annotation)
    }


@pytest.mark.parametrize("name", WITH_LINES)
def test_the_lines_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = "\n".join(re.findall(r"```pycon\n(.*?)```", text(name), re.S))
    test = doctest.DocTestParser().get_doctest(lines, {}, name, str(DOCS / f"{name}.md"), 0)
    said = []
    outcome = doctest.DocTestRunner(optionflags=FLAGS, verbose=False).run(test, out=said.append)
    assert outcome.attempted
    assert not outcome.failed, "".join(said)


def heading_names(page):
    """Return the anchors of a page's headings, as Markdown's own rule makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower()) for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_points_to_is_there(page):
    """A file, and a heading in it."""
    for link in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", page.read_text(encoding="utf-8"))):
        if link.startswith("http"):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in heading_names(target), link


def test_every_guide_is_in_the_navigation():
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").split("\nnav:")[1]
    assert {path.name for path in DOCS.glob("*.md")} == set(re.findall(r"(\w+\.md)", navigation)) - {"index.md"}


@pytest.mark.parametrize("name", GUIDES)
def test_the_tables_name_every_member(name):
    assert set(table_rows(name)) == set(kinds(GUIDES[name][0]))


@pytest.mark.parametrize(
    ("name", "kind", "member"),
    [(name, kind, member) for name, (union, _) in GUIDES.items() for kind, member in sorted(kinds(union).items())],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_row_names_the_keys_that_a_member_has(name, kind, member):
    *_, keys, source = table_rows(name)[kind]
    named, has, told = set(re.findall(r"`(\w+)`", keys)), set(member.model_fields) - {"kind"}, GUIDES[name][1]
    assert named <= has
    assert named | told >= has
    assert re.search(r"(1[789]|20)\d\d", source), "a source has a year"


@pytest.mark.parametrize("name", [*GUIDES, "doctor"])
def test_a_guide_shows_its_picture(name):
    assert f"]({name}.png)" in text(name)


def test_the_guide_of_texts_names_every_recipe_with_its_source():
    rows = {kind: cells for kind, cells in table_rows("texts").items() if len(cells) == 2}
    assert set(rows) == set(RECIPES)
    assert all(
        rows[name][-1].replace(" ", "") == recipe.source.replace(",", "").replace(" ", "")
        for name, recipe in RECIPES.items()
    )


def test_the_table_of_findings_is_that_of_the_checks():
    findings = runpy.run_path(str(DOCS / "findings.py"))
    told = text("doctor").split(findings["FIRST"])[1].split(findings["LAST"])[0]
    assert told == findings["table"](), "write it again: python docs/findings.py"
    names = {check.name for check in CHECKS}
    assert names and set(table_rows("doctor")) == names


def test_what_a_check_says_to_do_and_to_expect_are_sentences():
    for check in CHECKS:
        for said in (check.remedy, check.effect):
            assert said[0].isupper() and said.endswith("."), (check.name, said)
