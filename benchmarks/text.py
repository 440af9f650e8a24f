"""What do text VAEs reach on real texts beside the language model they must beat, and which cure keeps their latents in use?

    python -m benchmarks.text --names FILE --captions DIR [--only NAME ...] [--runs NAME=RUNFOLDER ...]

Each job is one `vaekit fit` of as many steps as the others on its corpus, then bounds, perplexities and mutual information on
test texts; n-grams are counted on the same tokens. `captions-prescribed` takes the keys that `vaekit diagnose` prescribes
for captions-vae. Jobs may be run one at a time: results are kept by name in `text.json`, and the tables are made of all
that are there; `--only` without a name runs nothing and makes the tables again. `--runs` evaluates runs without training.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.images import vaekit
from benchmarks.measuring import RESULTS, machine, report, table
from benchmarks.text_corpora import CORPORA, counted
from vaekit import load
from vaekit.data import TextSchema
from vaekit.evaluation import information
from vaekit.interfaces.media import MEDIA
from vaekit.interfaces.runs.run import Run

SAMPLES, FEW = 500, 50
COLLAPSED = 0.1  # nats of rate, under which importance weights have nothing to weigh
MIXTURE = 5000  # test texts that the mutual information is measured on: a cap of 8.5 nats
RECIPES = ("anneal", "cyclical", "aggressive", "pretrain", "bag_of_words", "skip", "batch_norm", "delta")
SHOWN = ("names-default", "captions-default")  # whose samples are kept
PRESCRIBED, ILL = "captions-prescribed", "captions-vae"
STEPS = 8  # texts of an interpolation
EXACT = "The log-likelihood of a language model is exact: its bounds are one number. se: standard errors over texts."


class Job(NamedTuple):
    """The corpus, and the keys beside those that all jobs on it share; None where nothing is trained but counted."""

    data: str
    keys: tuple[str, ...] | None = ()


class Place(NamedTuple):
    """Where a job finds its texts, where its run goes, and the runs that are there already, by job."""

    folder: Path
    work: Path
    runs: Mapping[str, Path]


JOBS = {
    "names-ngrams": Job("names", None),
    "names-lm": Job("names", ("model=lm",)),
    "names-vae": Job("names", ("recipe=vae",)),
    "names-default": Job("names"),
    "captions-ngrams": Job("captions", None),
    "captions-lm": Job("captions", ("model=lm",)),
    ILL: Job("captions", ("recipe=vae",)),
    "captions-default": Job("captions"),
    PRESCRIBED: Job("captions"),
    **{f"captions-{name.replace('_', '-')}": Job("captions", (f"recipe={name}",)) for name in RECIPES},
}
USUAL = [name for name, job in JOBS.items() if not any(f"recipe={recipe}" in (job.keys or ()) for recipe in RECIPES)]


def run_job(name: str, place: Place) -> dict[str, Any]:
    """Train where there is no run yet, and evaluate; return what was asked for and what came."""
    job, about = JOBS[name], machine()
    corpus, given = CORPORA[job.data], place.runs.get(name)
    began = {"date": about["date"], "load_before": about["load_before"]}
    if job.keys is None:
        return {**began, **counted(place.folder, corpus)}
    keys, config = job.keys, tuple[str, ...]()
    if name == PRESCRIBED:
        ill = place.runs.get(ILL) or latest(place.work, ILL)
        keys, config = prescribed(ill), ("--config", str(ill / "config.json"))
    spent = None
    if given is None:
        before = _cpu_seconds()
        given = place.work / f"text-{name}-{int(time.time())}"
        vaekit("fit", str(place.folder), *keys, *corpus.keys, *config, "--out", str(given))
        spent = round(_cpu_seconds() - before, 1)
    print(f"run: {given}", flush=True)
    return {**began, "keys": keys, "shared": corpus.keys, "cpu_seconds": spent, **judged(load(given), name)}


def _cpu_seconds() -> float:
    """Return what the commands so far have taken of the processors: set-up, data, training, bounds and report."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def latest(work: Path, name: str) -> Path:
    """Return the last run of a job.

    Raises:
        ValueError: There is none.
    """
    runs = sorted(path for path in work.glob(f"text-{name}-*") if (path / "evaluation.json").is_file())
    if not runs:
        raise ValueError(f"{PRESCRIBED} needs a run of {name}; run that job first, or give --runs {name}=RUNFOLDER")
    return runs[-1]


def prescribed(run: Path) -> tuple[str, ...]:
    """Return the keys that the doctor prescribes for the worst that a key cures.

    Raises:
        ValueError: There is no such finding.
    """
    findings = vaekit("diagnose", str(run))["findings"]
    found = next((f for f in findings if f["prescription"] and f["severity"] != "info"), None)
    if found is None:
        raise ValueError(f"{PRESCRIBED} needs a finding that keys cure, but {run} has none; leave this job out")
    return tuple(found["prescription"])


def judged(run: Run, name: str) -> dict[str, Any]:
    """Return what is known of a run: its bounds on test texts, what its latents know, and texts of it."""
    is_lm, began = "model=lm" in (JOBS[name].keys or ()), time.perf_counter()
    # Weights that are all alike need no average: those of a language model, and nearly those of collapsed latents.
    samples = 1 if is_lm else FEW if run.history[-1]["rate"] < COLLAPSED else SAMPLES
    found = run.evaluate(samples=samples, count=CORPORA[JOBS[name].data].count)
    last = run.history[-1]
    return {
        "fingerprint": run.data.fingerprint[:12],
        "steps": last["step"],
        "epochs": last["epoch"],
        "fit_seconds": last["seconds"],
        "evaluation": {**found.summary(), **MEDIA[run.kind].units(found)},
        "information": None if is_lm else told_information(run),
        "texts": texts_of(run) if name in SHOWN else None,
        "evaluate_seconds": round(time.perf_counter() - began, 1),
    }


def told_information(run: Run) -> dict[str, Any]:
    """Return the mutual information of test texts and latents, and how the rate is made up."""
    found = information(run.model, *run.given(count=MIXTURE)).summary()
    del found["per_dimension"]
    return found


def texts_of(run: Run) -> dict[str, list[str]]:
    """Return ten samples, and the way from the first test text to the second."""
    data, rows = run.open()
    assert isinstance(data.schema, TextSchema)
    first, second = data.schema.decode(data.values[rows[:2]])
    way = run.interpolate([first], [second], STEPS)
    return {"samples": run.sample(10), "ends": [first, second], "interpolation": way}


def rows(jobs: Mapping[str, Any], data: str) -> list[dict[str, Any]]:
    """Return a row per model on a corpus, best bound first."""
    done = {name: job for name, job in jobs.items() if name in JOBS and JOBS[name].data == data}
    found = [
        row for name, job in done.items() for row in (_counted(name, job) if "ngrams" in job else [_row(name, job)])
    ]
    return sorted(found, key=lambda row: float(row["-IW, nats"]))


def _row(name: str, job: Mapping[str, Any]) -> dict[str, Any]:
    evaluation, mutual = job["evaluation"], (job["information"] or {}).get("mutual_information")
    elbo, iw = evaluation["bounds"]["elbo"], evaluation["bounds"]["iw"]
    by_elbo, by_iw = evaluation["perplexity"].values()
    return {
        "job": name,
        "keys": " ".join(f"`{key}`" for key in job["keys"]),
        "test texts": evaluation["n"],
        "-ELBO, nats": f"{-elbo['nats']:.2f}",
        "se": f"{elbo['se']:.2f}",
        "-IW, nats": f"{-iw['nats']:.2f}",
        "its se": f"{iw['se']:.2f}",
        "draws": iw["samples"],
        "perplexity, ELBO": f"{by_elbo['value']:.2f}",
        "perplexity, IW": f"{by_iw['value']:.2f}",
        "KL": "" if mutual is None else f"{evaluation['rate']:.2f}",
        "MI (cap)": "" if mutual is None else f"{mutual['nats']:.2f} ({mutual['cap']:.2f})",
        "active units": "" if mutual is None else evaluation["active_units"],
        "steps": f"{job['steps']:,}",
        "training": f"{job['fit_seconds']:.0f} s",
        "CPU, all in all": f"{job['cpu_seconds']:.0f} s" if job["cpu_seconds"] else "",
    }


def _counted(name: str, job: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a row per order, with the columns of `_row`."""
    found = []
    for order, model in job["ngrams"].items():
        nats, se, hesitation = f"{model['nats']:.2f}", f"{model['se']:.2f}", f"{model['perplexity']['value']:.2f}"
        measured = {"-ELBO, nats": nats, "se": se, "-IW, nats": nats, "its se": se, "draws": ""}
        told = {"job": name, "keys": f"order {order}", "test texts": job["n"], **measured}
        told |= {"perplexity, ELBO": hesitation, "perplexity, IW": hesitation}
        found.append(
            told | dict.fromkeys(("KL", "MI (cap)", "active units", "steps", "training", "CPU, all in all"), "")
        )
    return found


def sections(jobs: Mapping[str, Any]) -> list[str]:
    """Return a table per corpus, and the texts of the models that are shown."""
    found = []
    for data, corpus in CORPORA.items():
        there = rows(jobs, data)
        if there:
            found.append(f"## {corpus.title}\n\n{table(there)}\n\n{EXACT}{_warning(jobs, data)}")
        found += [_shown(name, jobs[name]["texts"]) for name in SHOWN if name in jobs and JOBS[name].data == data]
    return found


def _warning(jobs: Mapping[str, Any], data: str) -> str:
    seen = {job["fingerprint"] for name, job in jobs.items() if name in JOBS and JOBS[name].data == data}
    return "" if len(seen) == 1 else " These rows are of DIFFERENT texts or tokens, and cannot be compared."


def _shown(name: str, texts: Mapping[str, list[str]]) -> str:
    first, second = texts["ends"]
    parts = {"ten samples": texts["samples"], f"from '{first}' to '{second}'": texts["interpolation"]}
    return "\n\n".join(f"{name}, {title}:\n\n```text\n" + "\n".join(lines) + "\n```" for title, lines in parts.items())


def kept(out: Path) -> dict[str, Any]:
    """Return the jobs done before, by name."""
    path = out / "text.json"
    return json.loads(path.read_text(encoding="utf-8"))["jobs"] if path.is_file() else {}


def conclude(jobs: Mapping[str, Any], out: Path) -> None:
    """Write all jobs, a table per corpus, and texts."""
    chosen = {"seed": 0, "samples": SAMPLES, "mixture": MIXTURE}
    question = (__doc__ or "").splitlines()[0]
    report("text", question, out, {"machine": machine(), "settings": chosen, "jobs": jobs}, sections(jobs))


def _pair(text: str) -> tuple[str, Path]:
    name, sign, folder = text.partition("=")
    if not sign or JOBS.get(name, Job("", None)).keys is None:
        raise argparse.ArgumentTypeError(f"expected NAME=RUNFOLDER with a job that trains, got {text!r}")
    return name, Path(folder)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--names", type=Path, help="a file with a name on each line, or a folder of parts")
    parser.add_argument("--captions", type=Path, help="a folder of train, val and test files, .gz, or of parts")
    parser.add_argument("--only", nargs="*", choices=JOBS, metavar="NAME", help=", ".join(JOBS))
    parser.add_argument("--runs", nargs="*", type=_pair, default=[], metavar="NAME=RUNFOLDER")
    parser.add_argument("--work", type=Path, default=Path("runs/benchmarks"), help="folder for corpora and runs")
    parser.add_argument("--out", type=Path, default=RESULTS)
    return parser


def main() -> None:
    """Run the jobs."""
    parser = _parser()
    arguments = parser.parse_args()
    given = dict(arguments.runs)
    usual = list(given) or [name for name in USUAL if getattr(arguments, JOBS[name].data)]
    for name in usual if arguments.only is None else arguments.only:
        data, folder = JOBS[name].data, arguments.work
        source = getattr(arguments, data)
        try:
            if name not in given:
                if source is None:
                    raise ValueError(f"{name} needs --{data}")
                folder = CORPORA[data].folder(source, arguments.work / f"text-{data}")
            result = run_job(name, Place(folder, arguments.work, given))
        except (OSError, ValueError) as error:
            parser.error(str(error))
        # Read again after the training: another job may have ended meanwhile.
        conclude({**kept(arguments.out), name: result}, arguments.out)
    if not arguments.only and arguments.only is not None:
        conclude(kept(arguments.out), arguments.out)


if __name__ == "__main__":
    main()
