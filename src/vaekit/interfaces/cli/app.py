"""The verbs and their options; what they do is in `training` and `using`, imported when a verb runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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
_NAMES = "digits, mnist, fashion-mnist, sprites, names-demo, breast-cancer, wine, diabetes"
_DATA = f"A folder of images or texts, a table (.csv, .parquet), an .npy, .npz, IDX, .txt or .jsonl file, or: {_NAMES}."

Data = Annotated[
    str,
    typer.Argument(help=_DATA),
]
Keys = Annotated[list[str] | None, typer.Argument(help="key=value ...; vaekit fit --help-keys lists every key.")]
RunPath = Annotated[Path, typer.Argument(help="The folder that vaekit fit wrote.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object to stdout and nothing else.")]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        help="A folder for images; a file for texts (.txt, .jsonl, .csv, .parquet) and tables (.csv, .parquet, .arrow), by default printed.",
    ),
]
OutFile = Annotated[
    Path | None,
    typer.Option(
        "--out", help="The picture to write, by default in RUN/plots; a file for texts and tables, by default printed."
    ),
]
Decode = Annotated[
    str | None,
    typer.Option(
        "--decode", help="Of texts: greedy, sample, top_k=40, top_p=0.9, beam or beams=10, temperature=0.8, ..."
    ),
]
Datum = Annotated[str, typer.Argument(help="An image file, a text itself, or the number of a test datum.")]
Seed = Annotated[int, typer.Option("--seed", min=0, max=_MOST, help="Seed of the draws.")]
PresetName = Annotated[str | None, typer.Option("--preset", help="fast, balanced (the default) or best.")]
Config = Annotated[
    Path | None, typer.Option("--config", help="A YAML or JSON file of keys, or a config.json of a run.")
]


def _version(show: bool) -> None:
    if show:
        typer.echo(f"vaekit {vaekit.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


@app.command()
@guarded
def inspect(
    data: Data,
    keys: Keys = None,
    preset: PresetName = None,
    config: Config = None,
    schema: Annotated[
        Path | None, typer.Option("--schema", help="Write what the columns of a table are to this .yaml, to be edited.")
    ] = None,
    json: Json = False,
) -> None:
    """Look at data: what is in them, which model suits them and why, its layers and its balance."""
    from vaekit.interfaces.cli import training

    training.inspect(data, keys or [], preset, config, schema, as_json=json)


@app.command()
@guarded
def fit(
    data: Annotated[
        str | None,
        typer.Argument(help=f"{_DATA} By default that in --config."),
    ] = None,
    keys: Keys = None,
    out: Annotated[Path | None, typer.Option("--out", help="The run folder; by default runs/NAME-NUMBER.")] = None,
    preset: PresetName = None,
    time_limit: Annotated[
        str | None, typer.Option("--time-limit", help="E.g. 90s, 10m, 1h30m; becomes a number of steps.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, max=_MOST, help="Seed of weights, noise and order.")
    ] = None,
    config: Config = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be trained, and stop.")] = False,
    help_keys: Annotated[
        bool, typer.Option("--help-keys", help="List every key with its type, default and meaning.")
    ] = False,
    json: Json = False,
) -> None:
    """Train a model on data and write a run folder with its bounds and a report."""
    from vaekit.interfaces.cli import listing, training

    if help_keys:
        listing.show_keys(json)
        return
    if data is None and config is None:
        raise ValueError(f"vaekit fit needs DATA: a folder, a file, or one of {_NAMES}")
    options = training.FitOptions(preset, time_limit, seed, config)
    training.fit(data or "", keys or [], out, options, dry_run=dry_run, as_json=json)


@app.command()
@guarded
def resume(
    run: RunPath,
    time_limit: Annotated[str | None, typer.Option("--time-limit", help="Extend the run, e.g. +10m.")] = None,
    json: Json = False,
) -> None:
    """Continue a stopped run, bit for bit as if it had not been stopped; or extend a finished one."""
    from vaekit.interfaces.cli import training

    training.resume(run, time_limit, json)


@app.command()
@guarded
def fit_prior(
    run: RunPath,
    keys: Annotated[list[str] | None, typer.Argument(help="Keys of the prior, e.g. prior.components=50.")] = None,
    kind: Annotated[str, typer.Option("--kind", help="flow, gmm, vamp or diagonal.")] = "flow",
    out: Annotated[Path | None, typer.Option("--out", help="The new run folder; by default RUN-KIND.")] = None,
    json: Json = False,
) -> None:
    """Fit a prior to the latents of a trained run, and write it as a new run with its own bounds and report."""
    from vaekit.interfaces.cli import training

    training.fit_prior(run, kind, keys or [], out, json)


@app.command()
@guarded
def evaluate(
    run: RunPath,
    data: Annotated[str | None, typer.Argument(help="Other data; by default the run's own test part.")] = None,
    samples: Annotated[int, typer.Option("--samples", min=1, help="K of the importance-weighted bound.")] = 100,
    deep: Annotated[
        bool,
        typer.Option(
            "--deep",
            help="Also mutual information, annealed bound, gaps, probes, disentanglement, fidelity, samples; takes minutes.",
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Report bounds on the log-likelihood, each with its name and its standard error."""
    from vaekit.interfaces.cli import using

    using.evaluate(run, data, using.Depth(samples, deep), json)


@app.command()
@guarded
def diagnose(
    run: RunPath,
    data: Annotated[str | None, typer.Argument(help="Other data; by default the run's own test part.")] = None,
    deep: Annotated[bool, typer.Option("--deep", help="Look at all test data where 256 would do.")] = False,
    json: Json = False,
) -> None:
    """Say what is wrong with a run, by which evidence, and which key to change; worst first."""
    from vaekit.interfaces.cli import diagnosing

    diagnosing.diagnose(run, data, deep, json)


@app.command()
@guarded
def sample(
    run: RunPath,
    out: Out = None,
    n: Annotated[int, typer.Option("-n", min=1, help="How many.")] = 64,
    temperature: Annotated[
        float, typer.Option("--temperature", min=0, help="Scale of the draws from the prior; of texts, of the tokens.")
    ] = 1.0,
    label: Annotated[
        list[str] | None,
        typer.Option("--label", help="A class to generate, where the model is conditional on labels; may be repeated."),
    ] = None,
    given: Annotated[
        list[str] | None,
        typer.Option("--given", help="Of tables: column=value, which every row is to have; may be repeated."),
    ] = None,
    noise: Annotated[bool, typer.Option("--noise", help="Draw pixels from p(x | z) too, instead of its mean.")] = False,
    decode: Decode = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Generate new data: images as a PNG each and a grid, texts as lines, rows as a table."""
    from vaekit.interfaces.cli import using

    draws = using.Draws(n, temperature, tuple(label or ()), noise, decode, seed, tuple(given or ()))
    using.sample(run, out, draws, json)


@app.command()
@guarded
def reconstruct(run: RunPath, data: Data, out: Out = None, decode: Decode = None, json: Json = False) -> None:
    """Encode and decode data: images as a PNG each and a grid of pairs, texts side by side."""
    from vaekit.interfaces.cli import using

    using.reconstruct(run, data, out, decode, json)


@app.command()
@guarded
def interpolate(
    run: RunPath,
    a: Datum,
    b: Datum,
    steps: Annotated[int, typer.Option("--steps", min=2, help="Data from A to B, both included.")] = 10,
    how: Annotated[str, typer.Option("--how", help="linear, or slerp: along an arc.")] = "linear",
    decode: Decode = None,
    out: OutFile = None,
    json: Json = False,
) -> None:
    """Walk in latent space from one datum to another."""
    from vaekit.interfaces.cli import using

    using.interpolate(run, a, b, using.Walk(steps, how, decode), out, json)  # type: ignore[arg-type]


@app.command()
@guarded
def analogy(
    run: RunPath, a: Datum, b: Datum, c: Datum, decode: Decode = None, out: OutFile = None, json: Json = False
) -> None:
    """Make what is to C as B is to A, by the sum of their latents."""
    from vaekit.interfaces.cli import using

    using.analogy(run, (a, b, c), out, decode, json)


@app.command()
@guarded
def traverse(
    run: RunPath,
    datum: Annotated[
        str | None, typer.Argument(help="An image file, a text itself, or the number of a test datum.")
    ] = None,
    steps: Annotated[int, typer.Option("--steps", min=2, help="Values per dimension, from -3 to 3.")] = 9,
    out: OutFile = None,
    json: Json = False,
) -> None:
    """Vary each latent dimension by itself, most active first."""
    from vaekit.interfaces.cli import using

    using.traverse(run, datum, steps, out, json)


@app.command()
@guarded
def manipulate(
    run: RunPath,
    data: Data,
    toward: Annotated[str, typer.Option("--toward", help="label=VALUE, a class of the training data.")],
    strength: Annotated[float, typer.Option("--strength", help="Multiple of the attribute vector.")] = 1.0,
    steps: Annotated[int, typer.Option("--steps", min=2, help="Data from none to the full strength.")] = 5,
    out: OutFile = None,
    json: Json = False,
) -> None:
    """Move data along the attribute vector of a label."""
    from vaekit.interfaces.cli import using

    using.manipulate(run, data, toward, (strength, steps), out, json)


@app.command()
@guarded
def encode(
    run: RunPath,
    data: Data,
    out: Annotated[Path, typer.Option("--out", help="FILE.npz, .parquet or .csv.")],
    json: Json = False,
) -> None:
    """Write the posterior mean and standard deviation of every datum."""
    from vaekit.interfaces.cli import using

    using.encode(run, data, out, json)


@app.command()
@guarded
def score(
    run: RunPath,
    data: Data,
    out: Annotated[Path, typer.Option("--out", help="FILE.csv, .npz or .parquet.")],
    samples: Annotated[int, typer.Option("--samples", min=1, help="K of the importance-weighted bound.")] = 100,
    json: Json = False,
) -> None:
    """Write the bounds of every datum: a low one marks an anomaly."""
    from vaekit.interfaces.cli import using

    using.score(run, data, out, samples, json)


@app.command()
@guarded
def impute(
    run: RunPath,
    data: Annotated[str, typer.Argument(help="A table with missing cells.")],
    out: Annotated[Path, typer.Option("--out", help="FILE.csv, .parquet or .arrow.")],
    draws: Annotated[int, typer.Option("--draws", min=0, help="Write so many whole tables of draws instead.")] = 0,
    intervals: Annotated[
        Path | None, typer.Option("--intervals", help="Also write a row per filled cell: value, interval, probability.")
    ] = None,
    level: Annotated[float, typer.Option("--level", help="Share of the draws inside an interval.")] = 0.9,
    samples: Annotated[int, typer.Option("--samples", min=2, help="Latents that are compared per row.")] = 200,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Fill the missing cells of a table: by what is expected, or by draws for multiple imputation."""
    from vaekit.interfaces.cli import imputing

    imputing.impute(run, data, out, intervals, imputing.Filling(draws, samples, level, seed), json)


@app.command()
@guarded
def compare(runs: Annotated[list[Path], typer.Argument(help="Two run folders or more.")], json: Json = False) -> None:
    """Set runs side by side, best bound first."""
    from vaekit.interfaces.cli import comparing

    comparing.compare(runs, json)


@app.command()
@guarded
def report(run: RunPath, json: Json = False) -> None:
    """Write the report of a run again."""
    from vaekit.interfaces.cli import comparing

    comparing.report(run, json)
