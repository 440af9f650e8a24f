"""What a release needs: one place for the version and one for the addresses, and files that agree with them."""

import re
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path

import yaml
from typer.testing import CliRunner

import vaekit
from vaekit.interfaces.cli.app import app

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
WRITTEN = [
    *(path for path in ROOT.glob("*") if path.is_file()),
    *(path for room in ("src", "docs", "examples", "tools") for path in (ROOT / room).rglob("*")),
]


def files_with(text):
    """Return the files of the project that hold a text; not the tests, which look for it."""
    suffixes = {".py", ".pyi", ".md", ".toml", ".cff", ".yml", ".yaml", ".css", ""}
    written = (path for path in WRITTEN if path.is_file() and path.suffix in suffixes)
    return {str(path.relative_to(ROOT)) for path in written if text in path.read_text(encoding="utf-8")}


def test_the_version_stands_in_one_place():
    assert "version" in PROJECT["project"]["dynamic"] and "version" not in PROJECT["project"]
    assert PROJECT["tool"]["hatch"]["version"]["path"] == "src/vaekit/__init__.py"
    assert files_with(f'"{vaekit.__version__}"') == {"src/vaekit/__init__.py"}


def test_the_command_line_prints_the_version():
    assert CliRunner().invoke(app, ["--version"]).stdout == f"vaekit {vaekit.__version__}\n"


def test_the_changelog_begins_with_what_is_unreleased_and_then_this_version():
    sections = re.findall(r"^## \[(.+?)\](?: - \d{4}-\d\d-\d\d)?$", CHANGELOG, re.M)
    assert sections[:2] == ["Unreleased", vaekit.__version__]
    assert all(f"\nTag `v{version}`.\n" in CHANGELOG for version in sections[1:])


def test_the_citation_has_what_its_format_asks_for():
    assert {"cff-version", "message", "title", "authors"} <= set(CITATION)
    assert CITATION["authors"] == PROJECT["project"]["authors"]
    assert CITATION["license"] == PROJECT["project"]["license"]


def test_the_addresses_of_the_project_stand_in_one_place():
    home = PROJECT["project"]["urls"]["Homepage"]
    assert all(url.startswith(home) for url in PROJECT["project"]["urls"].values())
    assert files_with(home.removeprefix("https://")) == {"pyproject.toml"}


def test_the_check_of_the_wheel_has_a_program_for_each_extra():
    programs = runpy.run_path(str(ROOT / "tools" / "wheel.py"))["EXTRAS"]
    assert set(programs) == set(PROJECT["project"]["optional-dependencies"]) - {"all"}


def test_each_python_that_may_be_used_is_named():
    named = re.findall(r"Python :: (3\.\d+)", " ".join(PROJECT["project"]["classifiers"]))
    assert named[0] == PROJECT["project"]["requires-python"].removeprefix(">=") and named == ["3.11", "3.12", "3.13"]


def test_the_programs_of_the_check_of_the_wheel_run(tmp_path):
    """Where all extras are installed, as here, none of them may fail."""
    check = runpy.run_path(str(ROOT / "tools" / "wheel.py"))
    for program in (check["WITHOUT_EXTRAS"], *check["EXTRAS"].values()):
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, (program, done.stderr)
