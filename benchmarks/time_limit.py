"""Does `--time-limit` hold, and does it hold where the machine grows busy in the middle?

    python -m benchmarks.time_limit [--adult DIR] [--seconds 30]

Whole processes, from their start to their exit, on data that are embedded, and on Adult. In the busy arm as
many busy loops as there are cores begin when half of the limit is over. Allowed are 10 % and 5 seconds more.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.measuring import machine, options, report, settings, table

_VAEKIT = "from vaekit.interfaces.cli.entry import main; main()"
_TENSORS = """
import sys, torch, vaekit
from vaekit import MLP, VAE, Gaussian, ImageVAE
data = torch.rand(2000, 1, 16, 16, generator=torch.Generator().manual_seed(0))
model = ImageVAE(shape=(1, 16, 16), levels=None, value_range=(0.0, 1.0), latent=8, net=MLP(), likelihood=Gaussian()).build()
vaekit.fit(data, model=model, time_limit=float(sys.argv[1]), out=sys.argv[2])
"""


def _seconds(program: list[str], limit: float, busy: bool) -> float:
    """Return how long a process takes; beside busy loops from the middle of its limit on, if asked."""
    began, loops = time.perf_counter(), []
    process = subprocess.Popen(program, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        if busy:
            time.sleep(limit / 2)
            loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]
        said = process.communicate()[1]
        if process.returncode:
            raise RuntimeError(said.decode()[-500:])
        return time.perf_counter() - began
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def main() -> None:
    """Fit each kind of data within a limit, on an idle machine and on a busy one; write the table."""
    parser = options(__doc__, seconds=30)
    parser.add_argument("--adult", help="folder with adult-train.csv")
    arguments = parser.parse_args()
    sources = {"images": ["digits"], "texts": ["names-demo"], "tables": ["breast-cancer"]}
    sources["tables, imputation"] = ["breast-cancer", "goal=imputation"]
    sources["images, auto_fix"] = ["digits", "auto_fix=true"]
    if arguments.adult:
        sources["tables, 32,561 rows"] = [str(Path(arguments.adult) / "adult-train.csv")]
    limit, rows = arguments.seconds, []
    with tempfile.TemporaryDirectory() as place:
        for number, (name, words) in enumerate([*sources.items(), ("tensors", [])]):
            row: dict[str, Any] = {"data": name, "limit, s": limit, "allowed, s": 1.1 * limit + 5}
            for arm, busy in (("idle, s", False), ("busy, s", True)):
                out = str(Path(place) / f"{number}-{busy}")
                fit = ["-c", _VAEKIT, "fit", *words, "--time-limit", f"{limit}s", "--out", out]
                given = fit if words else ["-c", _TENSORS, str(limit), out]
                row[arm] = round(_seconds([sys.executable, *given], limit, busy), 1)
            rows.append(row)
            print(row, flush=True)
    results = {"machine": machine(), "settings": settings(arguments), "rows": rows}
    report("time_limit", str(__doc__).splitlines()[0], arguments.out, results, [table(rows)])


if __name__ == "__main__":
    main()
