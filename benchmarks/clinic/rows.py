"""The patients that are tables and texts: healthy runs, and the pathologies that each kind can have."""

import random

from benchmarks.clinic.cases import HEALTHY, Case, Draw, listed, over

__all__ = ["CORPORA", "PLANTED_ROWS", "TABLES", "row_case"]

TABLES, CORPORA = 4, 3


def _table(pick: random.Random) -> dict[str, str]:
    """Return the keys of a healthy run of a table; the model of its density."""
    return {
        "goal": "density",
        "latent": str(pick.choice((4, 6, 8))),
        "net.widths": pick.choice(("[48]", "[64]", "[64, 64]")),
        "steps": str(pick.choice((500, 600))),
        "lr": str(pick.choice((2e-3, 3e-3))),
        "batch": str(pick.choice((64, 128))),
        "validate_every": "100",
    }


def _text(pick: random.Random) -> dict[str, str]:
    """Return the keys of a healthy run of short texts."""
    return {
        "latent": str(pick.choice((6, 8))),
        "net.hidden": str(pick.choice((32, 48))),
        "net.embedding": "24",
        "steps": str(pick.choice((300, 360))),
        "lr": str(pick.choice((5e-3, 7e-3))),
        "batch": "64",
        "validate_every": "60",
    }


def _each(key: str, *values: str, **more: str) -> Draw:
    return over(*({key: value, **more} for value in values))


_PLAIN = {"objective": "elbo"}
_BETA = "objective.beta"
_ANY: dict[str, tuple[Draw, str, str]] = {
    # name: what is laid over healthy keys, the data, what is done to the trained run
    "learning_rate_too_low": (_each("lr", "1e-6", "1e-5"), "", ""),
    "learning_rate_too_high": (_each("lr", "0.3", "1"), "", ""),
    "non_finite": (over({}), "", "non-finite"),
    "exploding_log_variance": (over({}), "", "exploded"),
    "unfinished_schedule": (
        over(*({**_PLAIN, _BETA: "linear", "objective.beta.steps": n} for n in ("5000", "20000"))),
        "",
        "",
    ),
    "posterior_collapse": (over(*({**_PLAIN, _BETA: b} for b in ("50", "100"))), "", ""),
    "under_regularized": (over(*({**_PLAIN, _BETA: b} for b in ("0.05", "0.1"))), "", ""),
    "prior_holes": (over(*({**_PLAIN, _BETA: b} for b in ("0.003", "0.01"))), "", ""),
    "latent_too_large": (_each("latent", "96", "128"), "", ""),
    "amortization_gap": (
        over(*({"posterior.scale": "fixed", "posterior.scale.value": v} for v in ("2", "3"))),
        "",
        "",
    ),
    "loose_bound": (
        over(*({"latent": "24", "posterior.scale": "fixed", "posterior.scale.value": v} for v in ("0.02", "0.05"))),
        "",
        "",
    ),
    "overfitting": (over({"net.dropout": "0"}), "-few", ""),
}
PLANTED_ROWS: dict[str, dict[str, tuple[Draw, str, str]]] = {
    "table": {
        **_ANY,
        "learning_rate_too_high": (over(*({"net.norm": "none", "lr": rate} for rate in ("0.1", "0.3", "1"))), "", ""),
        "unstable_training": (_each("skip", "1.02", "1.05"), "", ""),
        "batchnorm_mismatch": (over(*({"net.norm": "batch", "batch": n} for n in ("3", "4"))), "", ""),
        "column_misfit": (over({"net.dropout": "0", "net.widths": "[256, 256]", "steps": "2500"}), "-few", ""),
    },
    # Without free bits a text of so small a language collapses by itself.
    "text": {**_ANY, "decoder_ignores_latent": (over({"objective.free_bits.nats": "1", "steps": "40"}), "", "")},
}
"""How each finding is brought about, by kind of data; a heavy rate empties the latents of so small data: `posterior_collapse`."""


def row_case(kind: str, planted: str, number: int) -> Case:
    """Return a case of a table or a text."""
    pick = random.Random(f"{kind} {planted} {number}")
    keys = _table(pick) if kind == "table" else _text(pick)
    lay, part, spoiled = PLANTED_ROWS[kind][planted] if planted != HEALTHY else (over({}), "", "")
    source = (
        f"table-{pick.randrange(TABLES)}{part}.csv" if kind == "table" else f"text-{pick.randrange(CORPORA)}{part}.txt"
    )
    return Case(planted, number, source, listed(lay(pick, keys), number), spoiled, kind)
