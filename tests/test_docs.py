"""The site: it holds every public name, shows formulas as formulas, and a broken link fails its build.

Building it needs packages that `make docs` sets up, in an environment of its own; without these the tests are skipped.
"""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import vaekit

ROOT = Path(__file__).parents[1]
ENVIRONMENT = ROOT / ".docs-env" / "bin" / "python"
PYTHON = next(
    (
        path
        for path, there in [
            (ENVIRONMENT, ENVIRONMENT.exists()),
            (Path(sys.executable), importlib.util.find_spec("mkdocs")),
        ]
        if there
    ),
    None,
)
pytestmark = pytest.mark.skipif(PYTHON is None, reason="the packages of `make docs` are not installed")
PARTS = ("docs", "src", "tools", "benchmarks", "examples", "mkdocs.yml", "README.md", "CONTRIBUTING.md", "CHANGELOG.md")


def build(root):
    return subprocess.run(
        [PYTHON, "-m", "mkdocs", "build", "--strict"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root / "src"), "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of what the site is built from, with the site."""
    root = tmp_path_factory.mktemp("project")
    for name in PARTS:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, root / name)
    done = build(root)
    assert done.returncode == 0, done.stderr
    return root


def pages(project):
    return {path: path.read_text(encoding="utf-8") for path in (project / "site").rglob("*.html")}


def test_every_public_name_is_in_the_reference(project):
    reference = "".join(text for path, text in pages(project).items() if path.parent.name == "reference")
    missing = [name for name in vaekit.__all__ if f'id="vaekit.{name}"' not in reference]
    assert missing == ["__version__"]


def test_formulas_are_shown_as_formulas(project):
    for path, text in pages(project).items():
        shown = re.sub(r"<(code|pre|script)\b.*?</\1>", "", text, flags=re.S)
        assert not re.search(r"\\\(|\\\[|:math:|math::|\$\$", shown), path
    assert sum(text.count("<math") for text in pages(project).values()) > 100


def test_nothing_is_loaded_from_elsewhere(project):
    for path, text in pages(project).items():
        assert not re.search(r"<(script|img|link)\b[^>]*(src|href)=\"?https?://", text), path


def test_a_broken_link_fails_the_build(project):
    """To a page, to a heading and to a picture."""
    broken = ("nowhere.md", "likelihoods.md#no-such-heading", "nowhere.png")
    guide = project / "docs" / "priors.md"
    guide.write_text("\n\n".join(["# Priors", *(f"[a link]({link})" for link in broken)]), encoding="utf-8")
    done = build(project)
    assert done.returncode != 0
    assert all(link in done.stderr for link in broken), done.stderr
