"""What does each part of the algebra (prior, posterior, objective, likelihood) bring on real images in the same time?

    python -m benchmarks.algebra --mnist DIR --fashion DIR [--only NAME ...] [--limit 5m]

Each job is one `vaekit fit`, and IW-100 on test images: on MNIST after equal time and on all of them, on Fashion-MNIST after
equal steps of the same net and on 1,000. Jobs may be run one at a time: results are kept by name in `algebra.json`, and the
tables are made of all that are there; `--only` without a name runs nothing and makes the tables again.
"""

import argparse
import json
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks.images import BINARY, vaekit
from benchmarks.measuring import RESULTS, machine, report, table
from vaekit import load

SAMPLES = 100
SHARED = ("prior=standard", "net=conv", "net.widths=[16, 32]", "steps=1500")  # of the jobs on grey images


class Job(NamedTuple):
    """Data, keys, the time for training where keys do not fix its length, and how many test images are evaluated."""

    data: str
    keys: tuple[str, ...]
    limit: str | None
    count: int | None = None


def _binary(*keys):
    """Name the prior always: left open, it would be the learned one that these jobs are to compare with N(0, I)."""
    prior = () if any(key.startswith("prior=") for key in keys) else ("prior=standard",)
    return Job("mnist", (*BINARY, *prior, *keys), "5m")


def _grey(*keys):
    """The same net and the same steps for all, whatever a likelihood costs; a mixture's IW-100 is slow: fewer test images."""
    return Job("fashion", (*SHARED, *keys), None, 1000)


JOBS = {
    "standard": _binary(),
    "gmm-prior": _binary("prior=gmm"),
    "vamp-prior": _binary("prior=vamp"),
    "flow-prior": _binary("prior=flow"),
    "full-posterior": _binary("posterior=full"),
    "laplace-posterior": _binary("posterior=laplace"),
    "iaf-posterior": _binary("posterior=iaf"),
    "iwae-5": _binary("objective=iwae", "objective.samples=5"),
    "iwae-5-dreg": _binary("objective=iwae", "objective.samples=5", "objective.gradient=dreg"),
    "beta-tc-4": _binary("objective=beta_tc", "objective.beta=4"),
    "flow-prior-iwae-5": _binary("prior=flow", "objective=iwae", "objective.samples=5"),
    "flow-prior-iaf-posterior": _binary("prior=flow", "posterior=iaf"),
    "grey-discretized-logistic": _grey("likelihood=discretized_logistic"),
    "grey-discretized-logistic-mixture": _grey("likelihood=discretized_logistic_mixture"),
    "grey-categorical": _grey("likelihood=categorical"),
    "grey-continuous-bernoulli": _grey("likelihood=continuous_bernoulli", "dequantize=true"),
}
TITLES = {
    "mnist": "MNIST, dynamically binarised",
    "fashion": "Fashion-MNIST, 8-bit grey",
}


def run_job(name, data, limit, preset, runs):
    """Train and evaluate; return what was asked for and what came."""
    job, run = JOBS[name], str(runs / f"algebra-{name}-{int(time.time())}")
    limit, about = limit or job.limit, machine()
    options = ("--preset", preset, *(("--time-limit", limit) if limit else ()))
    fitted = vaekit("fit", data, *job.keys, *options, "--out", run)
    evaluated = load(run).evaluate(samples=SAMPLES, count=job.count).summary()
    evaluated["data"] = f"{Path(data).name} (test)"  # where it lies says nothing
    print(f"run: {run}")
    return {
        "command": f"vaekit fit DATA {' '.join((*job.keys, *options))}",
        "date": about["date"],
        "load_before": about["load_before"],
        "fit_seconds": fitted["seconds"],
        "epochs": load(run).history[-1]["epoch"],
        "evaluation": evaluated,
    }


def rows(jobs, data):
    """Return a row per finished job on these data, best bound first."""
    done = {name: job for name, job in jobs.items() if name in JOBS and JOBS[name].data == data}
    best_first = sorted(done.items(), key=lambda item: -item[1]["evaluation"]["bounds"]["iw"]["nats"])
    return [_row(name, job, data) for name, job in best_first]


def _row(name, job, data):
    evaluation = job["evaluation"]
    elbo, iw = evaluation["bounds"]["elbo"], evaluation["bounds"]["iw"]
    keys = " ".join(key for key in JOBS[name].keys if key not in (*BINARY, *SHARED))
    bits = {"bits/dim": f"{iw['bits_per_dim']:.4f}"} if data == "fashion" else {}
    return {
        "job": name,
        "test images": evaluation["n"],
        "keys": f"`{keys}`" if keys else "",
        f"IW-{iw['samples']}, nats": f"{iw['nats']:.2f}",
        "se": f"{iw['se']:.2f}",
        **bits,
        "ELBO, nats": f"{elbo['nats']:.2f}",
        "active units": evaluation["active_units"],
        "epochs": f"{job['epochs']:.0f}",
        "training": f"{job['fit_seconds']:.0f} s",
        "load before": job["load_before"],
    }


def kept(out):
    """Return the jobs done before, by name."""
    path = out / "algebra.json"
    return json.loads(path.read_text(encoding="utf-8"))["jobs"] if path.is_file() else {}


def conclude(jobs, out, preset):
    """Write all jobs and a table per data set."""
    tables = [f"## {title}\n\n{table(rows(jobs, data))}" for data, title in TITLES.items() if rows(jobs, data)]
    about = {"machine": machine(), "settings": {"preset": preset, "seed": 0}, "jobs": jobs}
    report("algebra", __doc__.splitlines()[0], out, about, tables)


def main():
    """Run the jobs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mnist", help="a folder with MNIST's four IDX files; downloaded by default", default="mnist")
    parser.add_argument("--fashion", default="fashion-mnist", help="the same for Fashion-MNIST")
    parser.add_argument("--only", nargs="*", choices=JOBS, default=list(JOBS), metavar="NAME", help=", ".join(JOBS))
    parser.add_argument(
        "--limit", help="time for each training, e.g. 5m; by default 5m on MNIST, 1,500 steps on Fashion-MNIST"
    )
    parser.add_argument("--preset", choices=("fast", "balanced", "best"), default="balanced")
    parser.add_argument("--runs", type=Path, default=Path("runs/benchmarks"))
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    for name in arguments.only:
        data = getattr(arguments, JOBS[name].data)
        result = run_job(name, data, arguments.limit, arguments.preset, arguments.runs)
        # Read again after the training: another job may have ended meanwhile.
        conclude({**kept(arguments.out), name: result}, arguments.out, arguments.preset)
    if not arguments.only:
        conclude(kept(arguments.out), arguments.out, arguments.preset)


if __name__ == "__main__":
    main()
