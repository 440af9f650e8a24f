"""The patients: healthy runs of varied settings, and every pathology planted in varied ways, all drawn by number.

A case is a pure function of its kind of data, its pathology and its number, so that it means the same in every run of the
clinic. Thresholds may be chosen on numbers below 1000; what is reported are numbers from 3000 on, whose seeds nothing was
chosen on. Tables and texts are in `rows.py`.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["HEALTHY", "HELD_OUT", "PLANTED", "REPORTED", "Case", "Draw", "case", "listed", "over"]

HELD_OUT, REPORTED = 1000, 3000

DIGITS = "digits"
IMAGES = ("mnist-3000.npz", "sprites-3000.npz")
FEW = (40, 60, 80, 120)
LEAKED = (2, 5, 10, 20, 50)

Draw = Callable[[random.Random, dict[str, str]], dict[str, str]]


@dataclass(frozen=True)
class Case:
    """One run to train and to examine.

    Args:
        planted: The finding that must be made, or `healthy`.
        number: Which of them; those from 1000 on are held out.
        keys: Of `vaekit fit`, with `data`.
        spoiled: What is done to the trained run, where no key brings the pathology about; see `benchmarks.clinic.spoil`.
    """

    planted: str
    number: int
    data: str
    keys: tuple[str, ...]
    spoiled: str = ""
    kind: str = "image"

    @property
    def name(self) -> str:
        """A name for its folder."""
        return f"{self.kind}-{self.planted}-{self.number:03d}"

    @property
    def held_out(self) -> bool:
        """Whether thresholds were chosen without it."""
        return self.number >= HELD_OUT


def _latents(pick: random.Random, data: str) -> str:
    return str(pick.choice((4, 6, 8, 10) if data == DIGITS else (8, 12, 16, 24)))


def _net(pick: random.Random, data: str) -> dict[str, str]:
    if pick.random() < 0.2 and data == DIGITS:
        norm = pick.choice(("batch", "group", "layer"))
        activation = pick.choice(("leaky_relu", "silu", "elu"))
        return {"net": "conv", "net.widths": "[16, 32]", "net.norm": norm, "net.activation": activation}
    widths = pick.choice(("[64]", "[128]", "[64, 64]", "[128, 128]") if data == DIGITS else ("[128]", "[256, 256]"))
    norm = pick.choice(("layer", "layer", "batch", "none"))
    activation = pick.choice(("silu", "leaky_relu", "elu", "gelu"))
    return {"net": "mlp", "net.widths": widths, "net.norm": norm, "net.activation": activation, "net.residual": "false"}


def _likelihood(pick: random.Random, data: str) -> dict[str, str]:
    choices = [
        {"likelihood": "discretized_logistic"},
        {"likelihood": "discretized_logistic"},
        {"likelihood": "discretized_logistic"},
        {"likelihood": "gaussian", "likelihood.scale": "optimal", "dequantize": "true"},
        {"likelihood": "bernoulli", "likelihood.binarize": "dynamic"},
        {"likelihood": "bernoulli", "likelihood.binarize": "threshold"},
    ]
    slow = [{"likelihood": "categorical"}, {"likelihood": "discretized_logistic_mixture", "likelihood.components": "3"}]
    return pick.choice(choices + (slow if data == DIGITS else []))


def _inference(pick: random.Random) -> dict[str, str]:
    posterior = pick.choice(
        (
            *({"posterior": "gaussian"},) * 6,
            {"posterior": "gaussian", "posterior.scale": "softplus"},
            {"posterior": "full"},
            {"posterior": "laplace"},
        )
    )
    prior = pick.choice(
        (
            *({"prior": "standard"},) * 5,
            {"prior": "diagonal"},
            {"prior": "gmm", "prior.components": "20"},
            {"prior": "vamp", "prior.components": "50"},
        )
    )
    return posterior | (prior if posterior["posterior"] != "laplace" else {})


def _objective(pick: random.Random, steps: int) -> dict[str, str]:
    return pick.choice(
        (
            *({"objective": "elbo"},) * 5,
            {"objective": "elbo", "objective.beta": "linear", "objective.beta.steps": str(steps // 4)},
            {"objective": "elbo", "objective.beta": "cosine", "objective.beta.steps": str(steps // 3)},
            {"objective": "iwae", "objective.samples": "3"},
        )
    )


def _training(pick: random.Random, steps: int) -> dict[str, str]:
    lr = pick.choice((2e-3, 3e-3, 4e-3))
    batch = pick.choice((32, 64, 128))
    optimizer = pick.choice(("adam", "adam", "adamw", "adamax"))
    return {"steps": str(steps), "lr": str(lr), "batch": str(batch), "optimizer": optimizer, "warmup": "50"}


def healthy(pick: random.Random, *, data: str | None = None) -> tuple[str, dict[str, str]]:
    """Return data and keys of a run that nothing is wrong with."""
    data = data or (DIGITS if pick.random() < 0.7 else pick.choice(IMAGES))
    steps = pick.choice((400, 500))
    keys = {"latent": _latents(pick, data), **_net(pick, data), **_likelihood(pick, data), **_inference(pick)}
    keys = {**keys, **_objective(pick, steps), **_training(pick, steps)}
    if keys["posterior"] != "gaussian" and keys.get("prior") == "vamp":
        keys = {k: v for k, v in keys.items() if not k.startswith("prior")}
    enough = _enough(data)
    if "likelihood" in enough:
        keys = {k: v for k, v in keys.items() if not k.startswith("likelihood.")}
    return data, {**keys, **enough}


def _enough(data: str) -> dict[str, str]:
    """Return what so few images and steps are enough for: grey levels of drawings are not learned by them, ones and zeros are."""
    if data == DIGITS:
        return {}
    binary = {"likelihood": "bernoulli", "likelihood.binarize": "dynamic", "dequantize": "false"}
    return {"net.norm": "layer", **(binary if data.startswith("sprites") else {})}


_PLAIN = {"posterior": "gaussian", "prior": "standard", "objective": "elbo"}
_GAUSSIAN = {"likelihood": "gaussian", "dequantize": "true"}


def over(*options: dict[str, str]) -> Draw:
    """Return a plan that lays one of several options over healthy keys; a part's own keys go where the part does."""

    def draw(pick: random.Random, keys: dict[str, str]) -> dict[str, str]:
        chosen = pick.choice(options)
        parts = {key for key in chosen if "." not in key}
        kept = {k: v for k, v in keys.items() if k.split(".")[0] not in parts or k in chosen}
        return kept | chosen

    return draw


def _betas(*values: float) -> list[dict[str, str]]:
    return [_PLAIN | {"objective.beta": str(value)} for value in values]


def _fixed(*values: float, **more: str) -> list[dict[str, str]]:
    scales = [{"likelihood.scale": "fixed", "likelihood.scale.value": str(value)} for value in values]
    return [_PLAIN | _GAUSSIAN | more | scale for scale in scales]


def _learned(bounds: str, **more: str) -> dict[str, str]:
    scale = {"likelihood.scale": "exp", "likelihood.scale.bounds": bounds}
    return {"likelihood": "gaussian", "dequantize": "false", **scale, **more}


_LEVELS = {**_PLAIN, "likelihood": "discretized_logistic", "dequantize": "false"}
_FREE = [{"objective.free_bits.nats": str(nats)} for nats in (1.0, 2.0)]

PLANTED: dict[str, tuple[Draw, str | None, str]] = {
    # name: what is laid over healthy keys, the data (None: any), what is done to the trained run
    "posterior_collapse": (over(*_betas(20, 50, 100), *_fixed(10, 30)), None, ""),
    "dead_dimensions": (
        over(
            *(
                {**_LEVELS, "objective.beta": beta, "latent": n, "steps": "800"}
                for beta, n in (("2.5", "24"), ("3", "20"))
            )
        ),
        DIGITS,
        "",
    ),
    "decoder_ignores_latent": (over(*(plan | free for plan in _fixed(20, 50) for free in _FREE)), None, ""),
    "over_regularized": (
        over(*({**_LEVELS, "objective.beta": beta, "steps": "800"} for beta in ("2.5", "3", "4"))),
        None,
        "",
    ),
    "under_regularized": (over(*_betas(0.05, 0.1, 0.2)), None, ""),
    "prior_holes": (
        over(*_betas(0.003, 0.01, 0.02), {"posterior": "delta", "prior": "standard", "objective": "rae"}),
        None,
        "",
    ),
    "latent_too_small": (over({"latent": "1"}, {"latent": "2"}), None, ""),
    "latent_too_large": (over({"latent": "64"}, {"latent": "96"}, {"latent": "128"}), DIGITS, ""),
    "amortization_gap": (
        over(
            *({**_LEVELS, "posterior.scale": "fixed", "posterior.scale.value": value} for value in ("1", "1.5", "2")),
            {**_LEVELS, "net": "mlp", "net.widths": "[128]", "net.norm": "batch", "batch": "4"},
        ),
        None,
        "",
    ),
    "batchnorm_mismatch": (
        over(*({"net": "mlp", "net.widths": "[128]", "net.norm": "batch", "batch": n} for n in ("3", "4", "6"))),
        None,
        "",
    ),
    "overfitting": (
        over({**_LEVELS, "net": "mlp", "net.widths": "[256, 256]", "steps": "1500", "lr": "0.003"}),
        "few",
        "",
    ),
    "memorized_samples": (
        over(
            *(
                {
                    **_LEVELS,
                    "net": "mlp",
                    "net.widths": "[256, 256]",
                    "steps": "2000",
                    "lr": "0.003",
                    "objective.beta": beta,
                }
                for beta in ("0.3", "0.5")
            )
        ),
        "few",
        "",
    ),
    "leakage": (over({}), "leaked", ""),
    "non_finite": (over({}), None, "non-finite"),
    "unstable_training": (over({"skip": "1.02"}, {"skip": "1.05"}, {"lr": "0.3", "skip": "1.5"}), None, ""),
    "unfinished_schedule": (
        over(*({**_PLAIN, "objective.beta": "linear", "objective.beta.steps": n} for n in ("2500", "5000", "20000"))),
        None,
        "",
    ),
    "learning_rate_too_high": (
        over(
            *(
                {"net": "mlp", "net.widths": "[128, 128]", "net.norm": "none", "lr": rate}
                for rate in ("0.1", "0.3", "1")
            )
        ),
        None,
        "",
    ),
    "learning_rate_too_low": (over({"lr": "1e-6"}, {"lr": "1e-5"}, {"lr": "3e-5"}), None, ""),
    "parameter_imbalance": (over(_PLAIN), None, "small encoder"),
    "gradient_imbalance": (over(_PLAIN), None, "deaf encoder"),
    "underdispersed": (over(*_fixed(0.01, 0.02, 0.03)), None, ""),
    "overdispersed": (over(*_fixed(0.5, 0.7, 1.0)), None, ""),
    "wrong_support": (over(_PLAIN), None, "grey under bernoulli"),
    "density_on_levels": (
        over(_learned("[-16, 2]"), *({"likelihood": name, "dequantize": "false"} for name in ("student_t", "laplace"))),
        DIGITS,
        "",
    ),
    "mse_as_likelihood": (over(*_fixed(1.0, 1.0), *_fixed(1.0, dequantize="false")), None, ""),
    "variance_at_clamp": (
        over(
            _learned("[-2, 2]", dequantize="true"),
            _learned("[-1, 2]", dequantize="true"),
            {"posterior": "gaussian", "posterior.scale": "exp", "posterior.scale.bounds": "[-1, 1]"},
        ),
        None,
        "",
    ),
    "sigma_collapse": (over(_learned("[-20, 2]"), _learned("[-16, 2]")), DIGITS, ""),
    "exploding_log_variance": (over(_PLAIN), None, "exploded"),
    "loose_bound": (
        over(
            *(
                {**_LEVELS, "latent": "24", "posterior.scale": "fixed", "posterior.scale.value": value}
                for value in ("0.02", "0.05")
            )
        ),
        None,
        "",
    ),
    "blurry_reconstructions": (
        over(
            *({**_LEVELS, "objective.beta": beta} for beta in ("15", "30")),
            *({**plan, "latent": "2"} for plan in _fixed(1.0)),
            {**_LEVELS, "latent": "1"},
            {**_LEVELS, "steps": "30"},
        ),
        DIGITS,
        "",
    ),
}
"""How each finding is brought about."""

HEALTHY = "healthy"


def case(planted: str, number: int) -> Case:
    """Return a case."""
    pick = random.Random(f"{planted} {number}")
    if planted == HEALTHY:
        data, keys = healthy(pick)
        return Case(planted, number, data, listed(keys, number))
    draw, kind, spoiled = PLANTED[planted]
    data, keys = healthy(pick, data=None if kind is None else DIGITS)
    if kind == "few":
        data = f"digits-few-{pick.choice(FEW)}.npz"
    elif kind == "leaked":
        data = f"digits-leaked-{pick.choice(LEAKED)}.npz"
    keys = draw(pick, keys)
    if spoiled == "many":
        keys, spoiled = {**keys, "latent": "16" if data == DIGITS else "32"}, ""
    return Case(planted, number, data, listed(_sensible(keys), number), spoiled)


def _sensible(keys: dict[str, str]) -> dict[str, str]:
    """Return keys without those of parts that are not there."""
    if not keys.get("likelihood", "gaussian").startswith(("gaussian", "laplace", "student_t")):
        keys = {k: v for k, v in keys.items() if k != "dequantize"}
    if "objective" in keys and keys["objective"] != "elbo":
        keys = {k: v for k, v in keys.items() if not k.startswith(("objective.beta", "objective.free_bits"))}
    if keys.get("posterior") == "delta":
        keys = {k: v for k, v in keys.items() if not k.startswith("objective.")}
    return keys


def listed(keys: dict[str, str], number: int) -> tuple[str, ...]:
    return (*(f"{key}={value}" for key, value in keys.items()), f"seed={number}", "ema=0.99", "threads=1")
