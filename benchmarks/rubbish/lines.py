"""Random command lines: verbs, keys and values that fit together, and ones that do not."""

from __future__ import annotations

import random

from benchmarks.rubbish.samples import DATA

__all__ = ["command_line"]

_VALUES = (
    *("0", "1", "-1", "2", "8", "0.5", "1e-3", "nan", "inf", "1e30", "99999999999999999999", "true", "no", "null", ""),
    *(
        "[]",
        "[4]",
        "[1,x]",
        "{}",
        "{a: 1}",
        "gmm",
        "flow",
        "none",
        "label",
        "\x1b[2J",
        "'",
        '"',
        "~nosuchuser/x",
        "ü",
        "2020-01-01",
    ),
    *("data/tokenizer.json", "data/schema.yaml", "age", "sex", "a,b", "!!set {a}", "*a", "0x8", "8x8", "é=1"),
)
_OPTIONS = {
    "--samples": ("1", "2", "0", "1e30", "x", "9999999999999999999999"),
    "--seed": ("0", "-1", "1e3", "9223372036854775808"),
    "-n": ("1", "3", "0", "-5", "99999999999999999999", "2.5"),
    "--temperature": ("0", "0.5", "nan", "inf", "-1", "1e308"),
    "--label": ("0", "cat", "", "\x1b[31m"),
    "--given": ("sex=f", "age=40", "age=", "zzz=1", "sex", "age=nan", "=", "sex=\x1b[2J"),
    "--decode": ("greedy", "beam", "top_k=0", "top_p=2", "x=y", "temperature=nan"),
    "--steps": ("2", "3", "1", "1e9"),
    "--how": ("linear", "slerp", "x"),
    "--toward": ("label=1", "1", ""),
    "--strength": ("1", "nan", "inf", "1e39"),
    "--draws": ("0", "2", "-1"),
    "--level": ("0.9", "0", "1", "2", "nan"),
    "--preset": ("fast", "best", "quick"),
    "--time-limit": ("1s", "+5s", "0", "-1s", "1e20", "x"),
    "--config": ("data/keys.yaml", "image/config.json", "data/t.csv", "nothing"),
    "--kind": ("gmm", "flow", "x", "diagonal"),
    "--out": ("o.csv", "o.npz", "o", "o.parquet", "o.xyz", "data/t.csv", "/proc/x", "o.txt"),
    "--intervals": ("i.csv", "o.csv", "i.x"),
    "--schema": ("s.yaml", "data/t.csv", "/proc/x"),
}
_FLAGS = ("--json", "--deep", "--noise", "--dry-run", "--help", "--help-keys", "--version", "--nothing", "-x")
_RUNS = ("image", "table", "text", "image/model", "table/model", "text/model", "data", "nothing", "data/t.csv")
_VERBS = {
    **{"inspect": "", "fit": "", "resume": "--time-limit", "fit-prior": "--kind --out", "diagnose": ""},
    "evaluate": "--samples",
    "sample": "-n --temperature --label --given --decode --seed --out",
    "reconstruct": "--out --decode",
    "interpolate": "--steps --how --decode --out",
    "analogy": "--decode --out",
    "traverse": "--steps --out",
    "manipulate": "--toward --strength --steps --out",
    "encode": "--out",
    "score": "--out --samples",
    "impute": "--out --draws --intervals --level --samples --seed",
    **{"compare": "", "report": ""},
}
_DATUM = ("0", "1", "-1", "999999", "the cat", "data/one.png", "data/t.csv", "", "nothing.png", "\x1b[2J")


def command_line(draws: random.Random, keys: list[str]) -> list[str]:
    """Return the words of a command line; about half of them are grammatical.

    Args:
        draws: Where the choices come from.
        keys: The keys that vaekit knows.
    """
    if draws.random() < 0.05:
        return [draws.choice((*_VALUES, *_FLAGS, *_VERBS)) for _ in range(draws.randrange(4))]
    verb = draws.choice(tuple(_VERBS))
    words = _training(verb, draws, keys) if verb in ("inspect", "fit") else _using(verb, draws)
    if draws.random() < 0.2:
        words.append(draws.choice(_FLAGS))
    if draws.random() < 0.15:
        name = draws.choice(tuple(_OPTIONS))
        words += [name, draws.choice(_OPTIONS[name])]
    if draws.random() < 0.1 and len(words) > 1:
        words.pop(draws.randrange(1, len(words)))
    return words


def _training(verb: str, draws: random.Random, keys: list[str]) -> list[str]:
    words = [verb, f"data/{draws.choice(DATA)}" if draws.random() < 0.9 else draws.choice(_DATUM)]
    for _ in range(draws.choice((0, 1, 1, 2, 3))):
        words.append(f"{draws.choice(keys)}={draws.choice(_VALUES)}")
    if verb == "fit":
        words += ["steps=2", "latent=2"] if draws.random() < 0.3 else ["--dry-run"]
        words += ["--out", "new"] if draws.random() < 0.8 else []
    if draws.random() < 0.2:
        name = draws.choice(("--preset", "--config", "--time-limit" if "--dry-run" in words else "--seed"))
        words += [name, draws.choice(_OPTIONS[name])]
    return words


def _using(verb: str, draws: random.Random) -> list[str]:
    run = draws.choice(_RUNS[:6] if draws.random() < 0.8 else _RUNS)
    words = [verb, run]
    kind = run.split("/")[0]
    own = {"image": "data/x.npz", "table": "data/t.csv", "text": "data/lines.txt"}.get(kind, "data")
    data = own if draws.random() < 0.7 else f"data/{draws.choice(DATA)}"
    counts = {"interpolate": 2, "analogy": 3, "traverse": draws.randrange(2)}
    if verb in ("reconstruct", "manipulate", "encode", "score", "impute") or (
        verb in ("evaluate", "diagnose") and draws.random() < 0.5
    ):
        words.append(data)
    words += [draws.choice(_DATUM[:2] if draws.random() < 0.6 else _DATUM) for _ in range(counts.get(verb, 0))]
    if verb == "compare":
        words.append(draws.choice(_RUNS))
    for name in _VERBS[verb].split():
        needed = (name == "--out" and verb in ("encode", "score", "impute")) or name == "--toward"
        if needed or draws.random() < 0.4:
            words += [name, draws.choice(_OPTIONS[name][:2] if draws.random() < 0.6 else _OPTIONS[name])]
    return words
