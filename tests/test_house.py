"""The house itself: what is promised can be imported, and importing it costs nothing."""

import importlib
import pkgutil
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

import vaekit

MODULES = sorted(module.name for module in pkgutil.walk_packages(vaekit.__path__, "vaekit."))


@pytest.mark.parametrize("name", vaekit.__all__)
def test_public_names_resolve(name):
    assert getattr(vaekit, name) is not None
    assert name in dir(vaekit)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Autoencoder'"):
        _ = vaekit.Autoencoder


@pytest.mark.parametrize("name", MODULES)
def test_every_module_imports_and_keeps_its_promises(name):
    if name.endswith("__main__"):
        return
    module = importlib.import_module(name)
    assert module.__doc__, f"{name} does not say what lives here"
    for public in getattr(module, "__all__", []):
        assert hasattr(module, public), public


@pytest.mark.parametrize("name", ["vaekit", "vaekit.interfaces.cli"])
def test_importing_costs_nothing(name):
    """Neither the library nor the command line's help pays for torch."""
    code = f"import sys, {name}; print(*sorted({{'torch', 'numpy', 'sklearn', 'matplotlib'}} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_no_control_characters_in_sources():
    """An escape that lost its backslash is a character nobody sees: a form feed for the f of a fraction."""
    root = Path(vaekit.__file__).parents[2]
    found = {
        str(path.relative_to(root))
        for folder in ("src", "tests", "docs", "examples", "benchmarks")
        for path in (root / folder).rglob("*")
        if path.suffix in {".py", ".md", ".toml"}
        if any(unicodedata.category(c) == "Cc" and c != "\n" for c in path.read_text(encoding="utf-8"))
    }
    assert not found
