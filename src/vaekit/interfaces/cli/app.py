"""The verbs and their options; what they do is in the other files of this wing, imported when a verb runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

import vaekit
from vaekit.interfaces.cli.errors import guarded

__all__ = ["app"]

app = typer.Typer(
    name="vaekit",
    help="Variational autoencoders for real data: train, evaluate honestly, sample, reconstruct, encode, score.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_MOST = 2**63 - 1
_DRAWS, _DATA_AT_ONCE = 1_000_000, 1_000_000_000
_NAMES = "digits, mnist, fashion-mnist, sprites, names-demo, breast-cancer, wine, diabetes"
_DATA = f"A folder of images or texts, a table (.csv, .parquet), an .npy, .npz, IDX, .txt or .jsonl file, or: {_NAMES}."
_PICTURE = "The picture to write, by default in RUN/plots. Texts and tables: a file, by default printed."
_OUT = (
    "Images: a folder. Texts: a .txt, .jsonl, .csv or .parquet file, by default printed. "
    "Tables: a .csv, .parquet or .arrow file, by default printed."
)
_DECODE = "Texts only: greedy, sample, top_k=40, top_p=0.9, beam or beams=10, temperature=0.8, ..."
_DATUM = "An image file, a text, or the number of a test datum."
_TEMPERATURE = (
    "Scale of the draws from the prior; for texts, of the tokens. "
    "With several groups of latents also one for each, from the top down: 1,0.8,0.6, or linear,1,0.6."
)
_KEEP = (
    "Groups of latents, from the top, that come from the data; below 1, the share of all variables, those that carry most. "
    "The others have the most typical value of their prior."
)
_DEEP = "Also information, annealed bound, gaps, probes, disentanglement, fidelity and samples; takes minutes."


def path(text: str) -> Path:
    """Return the path that was typed.

    Raises:
        typer.BadParameter: It is blank, or no system takes it.
    """
    return Path(source(text))


def source(text: str) -> str:
    """Return the data that were typed.

    Raises:
        typer.BadParameter: They are blank, or no system takes their path.
    """
    if not text.strip():
        raise typer.BadParameter("it is empty; give a path, a name or a text")
    if "\0" in text:
        raise typer.BadParameter("it holds a zero byte, which no path may hold; leave it out")
    return text


def numbers(text: str) -> Any:
    """Return the number that was typed; a tuple of several that commas divide. A word stays a word.

    Examples:
        >>> numbers("2"), numbers("0.7"), numbers("linear,1,0.5")
        (2, 0.7, ('linear', 1, 0.5))
    """
    parts = [_number(part.strip()) for part in text.strip("[] ").split(",")]
    return parts[0] if len(parts) == 1 else tuple(parts)


def scales(text: str) -> Any:
    """Return the temperatures that were typed; see `numbers`.

    Raises:
        typer.BadParameter: One is negative, or no number.
    """
    found = numbers(text)
    for part in found if isinstance(found, tuple) else (found,):
        if part != "linear" and (isinstance(part, str) or part < 0):
            raise typer.BadParameter(f"{part!r} is no number from 0 on; give one, several with commas, or linear,1,0.6")
    return found


def _number(text: str) -> Any:
    for kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    return text


Data = Annotated[str, typer.Argument(parser=source, help=_DATA)]
DataOrConfig = Annotated[
    str | None, typer.Argument(parser=source, help=f"{_DATA} By default the data that --config names.")
]
OtherData = Annotated[
    str | None, typer.Argument(parser=source, help="Other data; by default the test part of the run's own.")
]
MovedData = Annotated[str | None, typer.Argument(parser=source, help="The run's own data, if they have moved.")]
Table = Annotated[str, typer.Argument(parser=source, help="A table with missing cells.")]
Keys = Annotated[list[str] | None, typer.Argument(help="key=value ...; vaekit fit --help-keys lists every key.")]
PriorKeys = Annotated[list[str] | None, typer.Argument(help="Keys of the prior, e.g. prior.components=50.")]
RunPath = Annotated[Path, typer.Argument(parser=path, help="The folder that vaekit fit wrote.")]
RunPaths = Annotated[list[Path], typer.Argument(parser=path, help="Two or more run folders.")]
Datum = Annotated[str, typer.Argument(parser=source, help=_DATUM)]
OneDatum = Annotated[str | None, typer.Argument(parser=source, help=_DATUM)]

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object to stdout and nothing else.")]
Out = Annotated[Path | None, typer.Option("--out", parser=path, help=_OUT)]
OutFile = Annotated[Path | None, typer.Option("--out", parser=path, help=_PICTURE)]
OutRun = Annotated[Path | None, typer.Option("--out", parser=path, help="The run folder; by default runs/NAME-NUMBER.")]
OutPrior = Annotated[Path | None, typer.Option("--out", parser=path, help="The new run folder; by default RUN-KIND.")]
OutCodes = Annotated[Path, typer.Option("--out", parser=path, help="FILE.npz, .parquet or .csv.")]
OutScores = Annotated[Path, typer.Option("--out", parser=path, help="FILE.csv, .npz or .parquet.")]
OutTable = Annotated[Path, typer.Option("--out", parser=path, help="FILE.csv, .parquet or .arrow.")]
Decode = Annotated[str | None, typer.Option("--decode", help=_DECODE)]
Seed = Annotated[int, typer.Option("--seed", min=0, max=_MOST, help="Seed of the draws.")]
FitSeed = Annotated[int | None, typer.Option("--seed", min=0, max=_MOST, help="Seed of weights, noise and order.")]
Preset = Annotated[str | None, typer.Option("--preset", help="fast, balanced (the default) or best.")]
Config = Annotated[
    Path | None, typer.Option("--config", parser=path, help="A YAML or JSON file of keys, or config.json of a run.")
]
Schema = Annotated[
    Path | None, typer.Option("--schema", parser=path, help="Write the columns of a table to this .yaml, to edit.")
]
TimeLimit = Annotated[str | None, typer.Option("--time-limit", help="E.g. 90s, 10m, 1h30m; becomes a step count.")]
MoreTime = Annotated[str | None, typer.Option("--time-limit", help="Extend the run, e.g. +10m.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be trained, and stop.")]
HelpKeys = Annotated[bool, typer.Option("--help-keys", help="List every key with its type, default and meaning.")]
PriorKind = Annotated[str, typer.Option("--kind", help="flow, gmm, vamp or diagonal.")]
Samples = Annotated[int, typer.Option("--samples", min=1, max=_DRAWS, help="Draws K of the importance-weighted bound.")]
Proposals = Annotated[int, typer.Option("--samples", min=2, max=_DRAWS, help="Latents that are compared per row.")]
DeepMeasures = Annotated[bool, typer.Option("--deep", help=_DEEP)]
DeepDoctor = Annotated[bool, typer.Option("--deep", help="Use all test data; by default some checks use 256.")]
Count = Annotated[int, typer.Option("-n", min=1, max=_DATA_AT_ONCE, help="How many.")]
Temperature = Annotated[Any, typer.Option("--temperature", parser=scales, metavar="T", help=_TEMPERATURE)]
Keep = Annotated[Any, typer.Option("--keep", parser=numbers, metavar="K", help=_KEEP)]
Label = Annotated[list[str] | None, typer.Option("--label", help="A class, if the model is conditional; repeatable.")]
Given = Annotated[list[str] | None, typer.Option("--given", help="Tables: column=value for every row; repeatable.")]
Noise = Annotated[bool, typer.Option("--noise", help="Also draw the pixels from p(x | z), instead of its mean.")]
Steps = Annotated[int, typer.Option("--steps", min=2, max=10_000, help="Data from A to B, both included.")]
Values = Annotated[int, typer.Option("--steps", min=2, max=10_000, help="Values per dimension, from -3 to 3.")]
Strengths = Annotated[
    int, typer.Option("--steps", min=2, max=10_000, help="Data from strength 0 to the full strength.")
]
How = Annotated[str, typer.Option("--how", help="linear, or slerp (along an arc).")]
Toward = Annotated[str, typer.Option("--toward", help="label=VALUE, a class of the training data.")]
Strength = Annotated[float, typer.Option("--strength", help="Multiple of the attribute vector.")]
Tables = Annotated[
    int, typer.Option("--draws", min=0, max=10_000, help="Write this many complete tables of draws instead.")
]
Intervals = Annotated[
    Path | None,
    typer.Option("--intervals", parser=path, help="Also write value, interval and probability of each filled cell."),
]
Level = Annotated[float, typer.Option("--level", help="Share of the draws inside an interval.")]


def _version(show: bool) -> None:
    if show:
        typer.echo(f"vaekit {vaekit.__version__}")
        raise typer.Exit


Version = Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")]


@app.callback()
def _root(version: Version = False) -> None:
    pass


def _verb(function: Callable[..., None]) -> Callable[..., None]:
    """Make a function a verb of the command line, whose errors are one sentence."""
    return app.command()(guarded(function))


@_verb
def inspect(
    data: Data,
    keys: Keys = None,
    preset: Preset = None,
    config: Config = None,
    schema: Schema = None,
    json: Json = False,
) -> None:
    """Look at data: what they contain, which model suits them and why, its layers and its balance."""
    from vaekit.interfaces.cli import training

    training.inspect(data, keys or [], schema, json, preset=preset, config=config)


@_verb
def fit(
    data: DataOrConfig = None,
    keys: Keys = None,
    out: OutRun = None,
    preset: Preset = None,
    time_limit: TimeLimit = None,
    seed: FitSeed = None,
    config: Config = None,
    dry_run: DryRun = False,
    help_keys: HelpKeys = False,
    json: Json = False,
) -> None:
    """Train a model on data, and write a run folder with its bounds and a report."""
    began = time.perf_counter()  # before torch is imported: a time limit counts that too
    from vaekit.interfaces.cli import listing, training

    if help_keys:
        listing.show_keys(json)
        return
    if not data and config is None:
        raise ValueError(f"vaekit fit needs DATA: a folder, a file, or one of {_NAMES}")
    options = {"preset": preset, "config": config, "time_limit": time_limit, "seed": seed}
    training.fit(data or "", keys or [], out, json, began, dry_run=dry_run, **options)


@_verb
def resume(run: RunPath, data: MovedData = None, time_limit: MoreTime = None, json: Json = False) -> None:
    """Finish what was begun as if it had not been stopped, bit for bit; or extend a finished run."""
    began = time.perf_counter()
    from vaekit.interfaces.cli import training

    training.resume(run, data, time_limit, json, began)


@_verb
def fit_prior(
    run: RunPath, keys: PriorKeys = None, kind: PriorKind = "flow", out: OutPrior = None, json: Json = False
) -> None:
    """Fit a prior to the latents of a trained run, and write it as a new run with its own bounds and report."""
    from vaekit.interfaces.cli import training

    training.fit_prior(run, kind, keys or [], out, json)


@_verb
def evaluate(
    run: RunPath, data: OtherData = None, samples: Samples = 100, deep: DeepMeasures = False, json: Json = False
) -> None:
    """Report bounds on the log-likelihood, each with its name and its standard error."""
    from vaekit.interfaces.cli import using

    using.evaluate(run, data, json, samples=samples, deep=deep)


@_verb
def diagnose(run: RunPath, data: OtherData = None, deep: DeepDoctor = False, json: Json = False) -> None:
    """Say what is wrong with a run, with the evidence and the key to change; worst first."""
    from vaekit.interfaces.cli import diagnosing

    diagnosing.diagnose(run, data, deep, json)


@_verb
def sample(
    run: RunPath,
    out: Out = None,
    n: Count = 64,
    temperature: Temperature = "1",
    label: Label = None,
    given: Given = None,
    noise: Noise = False,
    decode: Decode = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Generate new data: images as a PNG each and a grid, texts as lines, rows as a table."""
    from vaekit.interfaces.cli import using

    how = {"temperature": temperature, "noise": noise, "decode": decode}
    using.sample(run, out, json, n=n, seed=seed, label=label or [], given=given or [], how=how)


@_verb
def reconstruct(
    run: RunPath, data: Data, out: Out = None, decode: Decode = None, keep: Keep = None, json: Json = False
) -> None:
    """Encode and decode data: images as a PNG each and a grid of pairs, texts side by side."""
    from vaekit.interfaces.cli import using

    using.reconstruct(run, data, out, json, decode=decode, keep=keep)


@_verb
def interpolate(
    run: RunPath,
    a: Datum,
    b: Datum,
    steps: Steps = 10,
    how: How = "linear",
    decode: Decode = None,
    out: OutFile = None,
    json: Json = False,
) -> None:
    """Walk in latent space from one datum to another."""
    from vaekit.interfaces.cli import using

    using.interpolate(run, (a, b), out, json, steps=steps, how=how, decode=decode)


@_verb
def analogy(
    run: RunPath, a: Datum, b: Datum, c: Datum, decode: Decode = None, out: OutFile = None, json: Json = False
) -> None:
    """Make the datum that is to C as B is to A, by adding and subtracting their latents."""
    from vaekit.interfaces.cli import using

    using.analogy(run, (a, b, c), out, decode, json)


@_verb
def traverse(run: RunPath, datum: OneDatum = None, steps: Values = 9, out: OutFile = None, json: Json = False) -> None:
    """Vary each latent dimension by itself, most active first."""
    from vaekit.interfaces.cli import using

    using.traverse(run, datum, steps, out, json)


@_verb
def manipulate(
    run: RunPath,
    data: Data,
    toward: Toward,
    strength: Strength = 1.0,
    steps: Strengths = 5,
    out: OutFile = None,
    json: Json = False,
) -> None:
    """Move data along the attribute vector of a label."""
    from vaekit.interfaces.cli import using

    using.manipulate(run, data, out, json, toward=toward, strength=strength, steps=steps)


@_verb
def encode(run: RunPath, data: Data, out: OutCodes, keep: Keep = None, json: Json = False) -> None:
    """Write the posterior mean and standard deviation of every datum."""
    from vaekit.interfaces.cli import using

    using.encode(run, data, out, json, keep=keep)


@_verb
def score(run: RunPath, data: Data, out: OutScores, samples: Samples = 100, json: Json = False) -> None:
    """Write the bounds of every datum: a low bound marks an anomaly."""
    from vaekit.interfaces.cli import using

    using.score(run, data, out, samples, json)


@_verb
def impute(
    run: RunPath,
    data: Table,
    out: OutTable,
    draws: Tables = 0,
    intervals: Intervals = None,
    level: Level = 0.9,
    samples: Proposals = 200,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Fill the missing cells of a table: with expected values, or with draws for multiple imputation."""
    from vaekit.interfaces.cli import imputing

    imputing.impute(run, data, (out, intervals), json, draws=draws, level=level, proposals=samples, seed=seed)


@_verb
def compare(runs: RunPaths, json: Json = False) -> None:
    """Show runs side by side, best bound first."""
    from vaekit.interfaces.cli import comparing

    comparing.compare(runs, json)


@_verb
def report(run: RunPath, json: Json = False) -> None:
    """Write the report of a run again."""
    from vaekit.interfaces.cli import comparing

    comparing.report(run, json)
