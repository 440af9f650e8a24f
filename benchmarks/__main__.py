"""Run every benchmark, one after the other: `python -m benchmarks --data FOLDER`; the answers go to `results/`.

Each runs in a process of its own, as it would alone. About ten minutes on two idle cores; other load spoils wall times
first and ratios last.
"""

from __future__ import annotations

import subprocess
import sys

SCRIPTS = ("loop", "bounds", "training")


def main() -> None:
    for script in SCRIPTS:
        subprocess.run([sys.executable, "-m", f"benchmarks.{script}", *sys.argv[1:]], check=True)


if __name__ == "__main__":
    main()
