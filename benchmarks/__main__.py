"""Run every benchmark that README and docs quote, one after the other; the answers go to `results/`.

    python -m benchmarks                          # what needs no data of its own, or downloads them
    python -m benchmarks --adult DIR --other DIR  # and what needs these
    python -m benchmarks --only loop bounds

Each runs in a process of its own, as it would alone, and hours pass: the clinic and the language models take most of them.
Other load spoils wall times first and ratios last.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

SCRIPTS = {
    "loop": ("--data {mnist}",),
    "bounds": ("--data {mnist}",),
    "training": ("--data {mnist}",),
    "memory": ("",),
    "startup": ("--other {other}",),
    "images": ("--mnist {mnist} --fashion {fashion}",),
    "algebra": ("--mnist {mnist} --fashion {fashion}",),
    "blur": ("",),
    "hierarchy_step": ("",),
    "deep_images": (
        "",
        "--data {mnist} --keys likelihood=bernoulli likelihood.binarize=dynamic --minutes 12 --nets mlp default --nearer 1000",
    ),
    "tutorial": ("--fashion {fashion}",),
    "text": ("--names {names} --captions {captions}",),
    "text_throughput": ("",),
    "tables": ("--adult {adult} --default-credit {default_credit}",),
    "million": ("--adult {adult}",),
    "imputation_rivals": (
        "--data {typed} --tables adult --shares 10 20 30 40 50 --hide MCAR MAR MNAR",
        "--data {typed} --tables adult-small breast-cancer diabetes wine --masks 3",
    ),
    "imputation": (
        "--data {typed} --tables adult --shares 10 20 30 40 50 --hide MCAR MAR MNAR --keys preset=fast",
        "--data {typed} --tables adult-small breast-cancer diabetes wine --masks 3 --keys preset=fast",
    ),
    "anomalies": ("",),
    "rubbish": ("",),
    "kills": ("",),
    "time_limit": ("--adult {adult}",),
    "defaults": ("--names {names} --captions {captions} --adult {adult} --report",),
    "clinic": tuple(f"{phase} --mnist {{mnist}}" for phase in ("train", "examine", "treat", "table")),
}
"""The arguments of each script, once for each time it runs."""


def main() -> None:
    """Run them, and say which lack their data."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mnist", default="mnist", help="a folder with MNIST's four IDX files; downloaded by default")
    parser.add_argument("--fashion", default="fashion-mnist", help="the same for Fashion-MNIST")
    for name in ("adult", "default-credit", "typed", "names", "captions"):
        parser.add_argument(
            f"--{name}", help=f"the data of that name, see --help of the scripts that take them: {_users(name)}"
        )
    parser.add_argument("--other", help="the checkout that start-up is compared with")
    parser.add_argument("--only", nargs="*", choices=SCRIPTS, default=list(SCRIPTS), metavar="NAME")
    given = vars(parser.parse_args())
    for script in given.pop("only"):
        for words in SCRIPTS[script]:
            lacking = [name for name, value in given.items() if value is None and f"{{{name}}}" in words]
            if lacking:
                print(f"{script}: left out, as it needs --{' and --'.join(lacking).replace('_', '-')}", flush=True)
                continue
            arguments = [word.format(**given) for word in words.split()]
            subprocess.run([sys.executable, "-m", f"benchmarks.{script}", *arguments], check=True)


def _users(name: str) -> str:
    return ", ".join(script for script, lines in SCRIPTS.items() if f"{{{name.replace('-', '_')}}}" in lines[0])


if __name__ == "__main__":
    main()
