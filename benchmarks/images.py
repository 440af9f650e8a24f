"""What does the command line reach on real images in a given time, as a new user would run it?

    python -m benchmarks.images --mnist DIR [--only NAME ...]

Each job is one `vaekit fit` and one `vaekit evaluate` on the whole test set. The results name the bound, its standard error, the machine and the time.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.measuring import machine, report, table

BINARY = ("likelihood=bernoulli", "likelihood.binarize=dynamic")
JOBS = {
    "mnist-balanced": (BINARY, "balanced", "12m", 1000),
    "mnist-fast": (BINARY, "fast", "2m", 1000),
    "fashion-grey": ((), "balanced", "3m", 100),
}


def vaekit(*words):
    """Run one verb and return its JSON."""
    answer = subprocess.run(
        [Path(sys.executable).with_name("vaekit"), *words, "--json"], stdout=subprocess.PIPE, check=True
    )
    return json.loads(answer.stdout)


def job(name, data, runs):
    """Train and evaluate; return what was asked for and what came."""
    keys, preset, limit, samples = JOBS[name]
    run = str(runs / f"{name}-{int(time.time())}")
    fitted = vaekit("fit", data, *keys, "--preset", preset, "--time-limit", limit, "--out", run)
    began = time.perf_counter()
    evaluated = vaekit("evaluate", run, "--samples", str(samples))
    seconds = time.perf_counter() - began
    evaluated["data"] = f"{Path(data).name} (test)"  # where it lies says nothing
    command = f"vaekit fit DATA {' '.join(keys)} --preset {preset} --time-limit {limit}"
    return {
        "job": name,
        "settings": {"command": command, "seed": 0},
        "fit_seconds": fitted["seconds"],
        "evaluate_seconds": round(seconds, 1),
        "evaluation": evaluated,
        "choices": fitted["choices"],
        "run": run,
    }


def main():
    """Run the jobs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mnist", help="a folder with MNIST's four IDX files; downloaded by default", default="mnist")
    parser.add_argument("--fashion", default="fashion-mnist", help="the same for Fashion-MNIST")
    parser.add_argument("--only", nargs="*", choices=JOBS, default=list(JOBS))
    parser.add_argument("--runs", type=Path, default=Path("runs/benchmarks"))
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    arguments = parser.parse_args()
    for name in arguments.only:
        about = {"machine": machine()}
        result = job(name, arguments.fashion if name.startswith("fashion") else arguments.mnist, arguments.runs)
        print(f"run: {result.pop('run')}")
        report(f"images-{name}", __doc__.splitlines()[0], arguments.out, about | result, [table(rows(result))])


def rows(result):
    """Return a row per bound, with its name."""
    evaluation = result["evaluation"]
    named = {
        "ELBO": evaluation["bounds"]["elbo"],
        f"IW-{evaluation['bounds']['iw']['samples']}": evaluation["bounds"]["iw"],
    }
    return [
        {
            "job": result["job"],
            "test images": evaluation["n"],
            "bound": name,
            "nats per image": f"{bound['nats']:.2f} +- {bound['se']:.2f}",
            "bits/dim": f"{bound['bits_per_dim']:.4f}",
            "training": f"{result['fit_seconds']:.0f} s",
        }
        for name, bound in named.items()
    ]


if __name__ == "__main__":
    main()
