"""How long a table takes to be read, its columns to be told apart, and its cells to be coded; `million` runs it by itself.

    python -m benchmarks.table_reading FOLDER TARGET

It prints one JSON object.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pyarrow.csv  # noqa: F401, whose import is no part of what is timed

from vaekit.data.table import read_table

__all__ = ["prepared"]


def prepared(source: Path, target: str) -> dict[str, float]:
    """Return seconds on the wall and of the processor, and how many rows and variables came of it.

    Args:
        source: A file, or a folder with train.csv and test.csv.
        target: The column that a prediction is for.
    """
    wall, cpu = time.perf_counter(), time.process_time()
    data = read_table(source, target=target, model_missing=True)
    taken = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    return {**taken, "rows": len(data), "variables": data.values.shape[1]}


def main() -> None:
    """Read, and say how long it took."""
    print(json.dumps(prepared(Path(sys.argv[1]), sys.argv[2])))


if __name__ == "__main__":
    main()
