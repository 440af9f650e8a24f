"""What a type checker sees of the public names: a user's mistake is found before it runs."""

import ast
import importlib.resources
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

import vaekit
from vaekit.heads import AnyPrior, Likelihood, Posterior
from vaekit.modalities import described
from vaekit.objectives import AnyObjective
from vaekit.schedules import Schedule

SOURCE = Path(vaekit.__path__[0]).parent
STUB = ast.parse((SOURCE / "vaekit" / "__init__.pyi").read_text(encoding="utf-8"))

CORRECT = """
import torch
import vaekit

description = vaekit.ImageVAE(shape=(1, 8, 8), latent=2, net=vaekit.MLP(widths=(8,)))
posterior = vaekit.Conditional(torch.nn.Linear(8, 4), vaekit.Gaussian(), given=(8,), event=(2,))
objective: vaekit.ELBO = vaekit.ELBO(beta=vaekit.Linear(steps=10), free_bits=vaekit.FreeBits(nats=0.25))
training = vaekit.Training(steps=3, seed=1)
run = vaekit.load("runs/digits")
images = run.sample(3)
try:
    scores = run.score("new/", samples=10)
except (vaekit.NotApplicable, vaekit.DataNotAtHand) as error:
    print(error)
"""
MISTAKES = """
import vaekit

description = vaekit.ImageVAE(shap=(1, 8, 8), latent=2)
run = vaekit.load(3)
images = vaekit.load("runs/digits").smaple(3)
"""


# Reading the types of torch takes ten seconds, and no line below depends on them.
SETTINGS = """
[mypy]
follow_imports = silent
[mypy-torch.*,numpy.*,sklearn.*,matplotlib.*,lightning_fabric.*,pyarrow.*,pandas.*]
follow_imports = skip
"""


def type_errors(program, folder):
    """Return the lines of errors that mypy finds in a program of a user who has no plugin."""
    path, settings = folder / "program.py", folder / "mypy.ini"
    path.write_text(program, encoding="utf-8")
    settings.write_text(SETTINGS, encoding="utf-8")
    flags = ("--config-file", settings, "--cache-dir", folder / "cache", "--no-error-summary")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *flags, path],
        capture_output=True,
        text=True,
        check=False,
        env={"MYPYPATH": str(SOURCE), "PATH": ""},
    )
    assert done.returncode in (0, 1), done.stderr
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("types")


def test_a_correct_program_passes(folder):
    assert type_errors(CORRECT, folder) == []


def test_three_planted_mistakes_are_three_errors(folder):
    found = [line for line in type_errors(MISTAKES, folder) if ": error: " in line]
    assert [line.split(":")[1] for line in found] == ["4", "5", "6"], found
    assert [line.rsplit("[", 1)[1] for line in found] == ["call-arg]", "arg-type]", "attr-defined]"]


def test_the_package_says_that_it_is_typed():
    assert importlib.resources.files("vaekit").joinpath("py.typed").is_file()


def test_what_is_typed_is_what_is_there():
    typed = {alias.asname for line in STUB.body if isinstance(line, ast.ImportFrom) for alias in line.names}
    assert sorted({*typed, "__version__"}) == vaekit.__all__


@pytest.mark.parametrize("name", sorted(set(vaekit.__all__) - {"__version__"}))
def test_a_name_is_public_under_the_name_that_it_has(name):
    assert getattr(vaekit, name).__name__ == name


@pytest.mark.parametrize("name", sorted(set(vaekit.__all__) - {"__version__"}))
def test_a_home_has_no_file_that_is_called_like_the_name(name):
    """Readers of sources take such a file for what is meant."""
    home = SOURCE.joinpath(*vaekit._HOMES[name].split("."))
    assert home.with_suffix(".py").is_file() or not (home / f"{name}.py").exists()


def values_of(annotation, found):
    """Add the classes of all values that a type may hold, at any depth."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel) and annotation not in found:
        found.add(annotation)
        for field in annotation.model_fields.values():
            values_of(field.annotation, found)
    for part in get_args(annotation):
        values_of(part, found)
    return found


@pytest.mark.parametrize(
    "union",
    [
        *(modality.description for modality in described()),
        *(Posterior, AnyPrior, Likelihood, AnyObjective, Schedule, vaekit.Training),
    ],
    ids=[
        *(modality.kind for modality in described()),
        *("posterior", "prior", "likelihood", "objective", "schedule", "training"),
    ],
)
def test_every_value_that_a_key_may_name_is_public(union):
    """What describes data is read from data, never written by a user: it stays where it is."""
    values = {value for value in values_of(union, set()) if not value.__module__.startswith("vaekit.data.")}
    assert values
    assert {value.__name__ for value in values} <= set(vaekit.__all__)
    assert all(getattr(vaekit, value.__name__) is value for value in values)
