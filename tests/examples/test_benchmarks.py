"""The benchmarks, which no test runs, can be imported: what they use is there."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
WITH_A_PEER = ("pythae_worker", "tvae_worker")
"""They run in an environment of their own, with the library that they measure."""


def test_every_benchmark_imports():
    paths = [path.relative_to(ROOT).with_suffix("") for path in (ROOT / "benchmarks").rglob("*.py")]
    names = [".".join(path.parts) for path in paths if path.name not in ("__main__", *WITH_A_PEER)]
    assert len(names) > 30
    code = "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)"
    done = subprocess.run([sys.executable, "-c", code, *names], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
