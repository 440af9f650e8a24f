"""Does the wheel work where nothing else is installed? `make wheel`, or `python tools/wheel.py --python PYTHON ...`.

The wheel is built and installed in a fresh environment without extras, and used there. Then each extra by itself: its
program must fail before the extra is there and name it, and pass afterwards. Needs the package index and some minutes.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
SHIPPED = ("vaekit/py.typed", "vaekit/__init__.pyi", "vaekit/data/first_names.txt")

TRAINING = "import vaekit\nquick = vaekit.Training(steps=5, threads=1)\n"
WITHOUT_EXTRAS = TRAINING + 'for keys in ({}, {"out": "run"}):\n'
WITHOUT_EXTRAS += '    assert vaekit.fit("digits", training=quick, **keys).sample(3).shape == (3, 1, 8, 8)'
TABLE = '{"age": list(range(60)) * 2, "job": ["cook", "clerk", None] * 40}'
TEXTS = '["a red dog runs", "a blue cat sits", "two dogs sit", "a cat runs"] * 9'
EXTRAS = {
    "flows": TRAINING
    + 'vaekit.fit("digits", model=vaekit.ImageVAE(shape=(1, 8, 8), latent=2, posterior=vaekit.IAF()), training=quick)',
    "parquet": "import sys\nfrom vaekit.interfaces.cli import main\n"
    + 'sys.argv[1:] = ["encode", "run", "digits", "--out", "latents.parquet"]\nmain()',
    "table": TRAINING + f"assert len(vaekit.fit({TABLE}, training=quick).sample(7)) == 7",
    "tensorboard": TRAINING
    + 'from tempfile import mkdtemp\nrun = vaekit.fit("digits", training=quick, out=mkdtemp() + "/run")\n'
    + 'assert (run.path / "tensorboard").is_dir(), "vaekit[tensorboard] is missing"',
    "text": TRAINING + f"assert len(vaekit.fit({TEXTS}, training=quick).sample(3)) == 3",
}
"""A small program for each extra, which needs what the extra brings; a test holds the names to those of pyproject.toml."""


class Environment:
    """A virtual environment, and programs that run in it.

    Args:
        python: The interpreter that it is made with.
        folder: Where it lives; programs run in this folder.
    """

    def __init__(self, python: str, folder: Path) -> None:
        self.folder = folder
        subprocess.run([python, "-m", "venv", folder / "environment"], check=True)
        self.python = folder / "environment" / "bin" / "python"

    def pip(self, *words: str) -> str:
        """Run pip, and return what it prints."""
        done = subprocess.run([self.python, "-m", "pip", *words], check=True, stdout=subprocess.PIPE, text=True)
        return done.stdout

    def packages(self) -> set[str]:
        """Return the names of the packages that are installed."""
        lines = self.pip("list", "--format=freeze").splitlines()
        return {line.partition("==")[0] for line in lines}

    def run(self, program: str) -> subprocess.CompletedProcess[str]:
        """Run a program."""
        return subprocess.run(
            [self.python, "-c", program], cwd=self.folder, capture_output=True, text=True, check=False
        )


def build(folder: Path) -> Path:
    """Build the wheel, and return its path.

    Raises:
        SystemExit: A file that belongs to the package is not in it.
    """
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT], check=True
    )
    wheel = next(folder.glob("*.whl"))
    missing = set(SHIPPED) - set(zipfile.ZipFile(wheel).namelist())
    if missing:
        raise SystemExit(f"{wheel.name} lacks {', '.join(sorted(missing))}")
    return wheel


def check_extra(environment: Environment, wheel: Path, name: str) -> None:
    """Install one extra, run its program before and after, and take the extra away again.

    Raises:
        SystemExit: The program passes without the extra, does not name it, or fails with it.
    """
    before, program = environment.packages(), EXTRAS[name]
    without = environment.run(program)
    if without.returncode == 0 or f"vaekit[{name}]" not in without.stderr:
        raise SystemExit(f"without [{name}] its program should fail and name it, but:\n{without.stderr}")
    environment.pip("install", "--quiet", f"{wheel}[{name}]")
    expect_success(f"with [{name}]", environment.run(program))
    environment.pip("uninstall", "--quiet", "--yes", *sorted(environment.packages() - before))


def expect_success(what: str, done: subprocess.CompletedProcess[str]) -> None:
    """Print that something works.

    Raises:
        SystemExit: It does not.
    """
    if done.returncode:
        raise SystemExit(f"{what}: failed\n{done.stderr}")
    print(f"{what}: works", flush=True)


def check(python: str) -> None:
    """Check the wheel with one interpreter."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheel, environment = build(folder), Environment(python, folder)
        environment.pip("install", "--quiet", str(wheel))
        print(f"{wheel.name} with {environment.run('import sys; print(sys.version.split()[0])').stdout.strip()}")
        expect_success("without extras", environment.run(WITHOUT_EXTRAS))
        for extra in EXTRAS:
            check_extra(environment, wheel, extra)


def main() -> None:
    """Check the wheel with each interpreter asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--python", nargs="+", default=[sys.executable], help="interpreters to check it with")
    for python in parser.parse_args().python:
        check(python)


if __name__ == "__main__":
    main()
