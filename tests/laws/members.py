"""Every member of the core floors, read off their unions and tables: what is added there is tested by existing.

A member with keys of its own gets its variants in the table of its floor, and nowhere else.
"""

import itertools
import math
from typing import get_args

import torch

from vaekit import heads, nets
from vaekit.heads import DiscretizedLogistic, Exp, Family, Fixed, Likelihood, Optimal, Scale, Shared, Softplus
from vaekit.nets import MLP, Activation, Conv, Norm
from vaekit.objectives import (
    AAE,
    CIWAE,
    DIP,
    ELBO,
    IWAE,
    MIWAE,
    MMD,
    PIWAE,
    RAE,
    VAEGAN,
    VQELBO,
    WAE,
    AnyObjective,
    BetaTC,
    Capacity,
    Factor,
    FocalFrequency,
    FreeBits,
    PatchGAN,
    Pictorial,
    Renyi,
)
from vaekit.schedules import Constant, Cosine, Cyclical, Hold, Linear, Logistic, Schedule
from vaekit.value import Value


def members(union):
    """Return the classes of `Annotated[A | B, ...]`."""
    return get_args(get_args(union)[0])


def combined(**choices):
    """Return one dictionary per combination of choices."""
    return [
        dict(zip(choices, combination, strict=True))
        for combination in itertools.product(*map(get_args, choices.values()))
    ]


def literal(kind, field):
    return kind.model_fields[field].annotation


SCALE_VARIANTS = {
    Exp: [{}, {"bounds": (-18.0, 6.0)}, {"bounds": (-10.0, 2.0)}],
    Softplus: [
        {},
        {"beta": math.log(2)},
        {"beta": 5.0},
        {"floor": 0.1},
        {"of": "variance"},
        {"floor": 0.3, "of": "variance", "beta": math.log(2)},
    ],
    Fixed: [{}, {"value": 0.1}],
    Shared: [{}, {"bounds": (-20.0, 2.0)}],
}
SCALES = [kind(**keys) for kind in members(Scale) for keys in SCALE_VARIANTS.get(kind, [{}])]

FAMILY_VARIANTS = {
    heads.Bernoulli: [{}, {"binarize": "dynamic"}],
    heads.Gaussian: [{"scale": Optimal()}],
    heads.LogisticMixture: [{}, {"components": 2}],
    DiscretizedLogistic: [{}, {"levels": 2}, {"levels": 16}, {"levels": 17}],
    heads.DiscretizedLogisticMixture: [{}, {"levels": 2, "components": 2}, {"levels": 16, "components": 3}],
    heads.Categorical: [{"levels": 2}, {"levels": 17}],
    heads.Ordinal: [{"levels": 2}, {"levels": 6}],
    heads.ZeroInflated: [{"of": heads.Poisson()}, {"of": heads.NegativeBinomial()}],
}


def _families(kind):
    # All families of a location and a scale share one code: two are tried with every variant of the scale.
    scales = SCALES if kind in (heads.Gaussian, DiscretizedLogistic) else [scale() for scale in members(Scale)]
    scales = [{"scale": scale} for scale in scales] if "scale" in kind.model_fields else [{}]
    variants = FAMILY_VARIANTS.get(kind, [{}])
    return [kind(**keys) for keys in variants] + [kind(**{**variants[-1], **scale}) for scale in scales if scale]


FAMILY_KINDS = [kind for kind in members(Likelihood) if issubclass(kind, Family)]
"""The families of data; those of latents alone are posteriors."""
OF_TABLES = [heads.Ordinal]
"""The families of data that are no likelihoods of images, but may be of a column."""
FAMILIES = [family for kind in [*FAMILY_KINDS, *OF_TABLES] for family in _families(kind)]

POSTERIOR_VARIANTS = {
    heads.Full: [{}, {"scale": Softplus()}],
    heads.LowRank: [{}, {"rank": 1, "scale": Softplus()}],
    heads.Poincare: [{}, {"scale": Shared()}, {"scale": Fixed(value=0.5)}],
    heads.Gumbel: [{"classes": 3}, {"classes": 2, "tau": 0.5}],
    heads.VQ: [{"codes": 6, "width": 3}],
    heads.Floored: [{}, {"rate": 0.5}],
    heads.BatchNormalized: [{}, {"gamma": 1.0, "scale": Softplus()}],
    **{
        kind: [{"transforms": 2, "hidden": (8,)}]
        for kind in (heads.IAF, heads.MAF, heads.RealNVP, heads.Spline, heads.Planar)
    },
}
POSTERIORS = [kind(**keys) for kind in members(heads.Posterior) for keys in POSTERIOR_VARIANTS.get(kind, [{}])]

PRIOR_VARIANTS = {
    heads.Vamp: [{"components": 8}],
    heads.GMM: [{"components": 3}, {"components": 3, "covariance": "full"}],
    heads.DiffusionPrior: [{"hidden": 8, "steps": 24}],
    heads.FlowPrior: [{"transforms": 2, "hidden": (8,)}],
    heads.Autoregressive: [{"units": 6}],
}
PRIORS = [kind(**keys) for kind in members(heads.AnyPrior) for keys in PRIOR_VARIANTS.get(kind, [{}])]

NET_KINDS = [
    nets.MLP,
    nets.Conv,
    nets.Residual,
    nets.AutoencoderKL,
]  # of images; those of sequences have laws of their own
_NORMS = [{"norm": norm} for norm in get_args(Norm)]
_ACTIVATIONS = [{"activation": activation} for activation in get_args(Activation)]
_LADDERS = combined(**{key: literal(Conv, key) for key in ("kernel", "upsample", "output")})
NET_VARIANTS = {
    MLP: [
        {"widths": (24, 16), **keys}
        for keys in [
            *_NORMS,
            *_ACTIVATIONS,
            {"widths": (16,)},
            *({"residual": True, "widths": (16, 16, 16), **norm} for norm in _NORMS),
            {"dropout": 0.2},
            {"residual": True, "widths": (16, 16), "dropout": 0.2},
        ]
    ],
    Conv: [
        {"widths": (8, 12), **keys}
        for keys in [
            *_NORMS,
            *_ACTIVATIONS,
            *_LADDERS,
            {"widths": (8,), "output": "upsample"},
            {"norm": "none", "kernel": 4},
        ]
    ],
    nets.Residual: [
        {"widths": (8, 12), **keys}
        for keys in [*_NORMS, *_ACTIVATIONS, {"blocks": 1}, {"squeeze": True}, {"attention": True}]
    ],
    nets.AutoencoderKL: [
        {"widths": (8, 12), "blocks": 1, **keys}
        for keys in [{}, {"norm": "none", "attention": False}, {"shortcuts": True}, {"post_quant": True}]
    ],
}
NETS = [kind(**keys) for kind in NET_KINDS for keys in NET_VARIANTS.get(kind, [{}])]

SCHEDULE_VARIANTS = {
    Constant: [{}, {"value": 4.0}],
    Linear: [{"steps": 100}, {"start": 1.0, "stop": 0.25, "steps": 10}],
    Cosine: [{"steps": 100}],
    Cyclical: [{"steps": 400}, {"steps": 90, "cycles": 3, "rise": 1.0, "stop": 2.0}],
    Hold: [{"hold": 50, "steps": 100}],
    Logistic: [{"midpoint": 100, "steepness": 0.1}, {"start": 1.0, "stop": 0.25, "midpoint": 20, "steepness": 0.5}],
}
SCHEDULES = [kind(**keys) for kind in members(Schedule) for keys in SCHEDULE_VARIANTS.get(kind, [{}])]

FREE_BITS = [
    FreeBits(nats=0.3, **keys) for keys in combined(per=literal(FreeBits, "per"), mean=literal(FreeBits, "mean"))
]
GRADIENTS = [{"gradient": gradient} for gradient in ("stl", "dreg")]
SMALL_CRITIC = {"hidden": (8,)}
OBJECTIVE_VARIANTS = {
    ELBO: [
        {},
        {"samples": 3},
        *({"beta": schedule} for schedule in SCHEDULES),
        *({"free_bits": free_bits} for free_bits in FREE_BITS),
        {"capacity": Capacity(gamma=10.0, nats=Linear(stop=25.0, steps=100))},
        {"balance": True, "beta": Linear(steps=100)},
    ],
    IWAE: [{}, {"samples": 1}, *GRADIENTS],
    MIWAE: [{}, {"samples": 4, "groups": 4}, *GRADIENTS],
    PIWAE: [{}, {"samples": 4, "groups": 4}, *GRADIENTS],
    CIWAE: [{}, {"beta": 0.0}, {"beta": 1.0}, *GRADIENTS],
    Renyi: [{}, {"alpha": 0.0}, {"alpha": 1.0}, {"alpha": -0.5}, *GRADIENTS],
    BetaTC: [{}, {"beta": 1.0}, {"alpha": 0.0, "gamma": 0.5}, {"weights": "minibatch"}],
    DIP: [{}, {"version": "i"}],
    MMD: [{}, {"lam": 1.0}, {"alpha": 1.0, "kernel": "rbf"}],
    Factor: [SMALL_CRITIC],
    WAE: [{}, {"penalty": "gan", **SMALL_CRITIC}],
    AAE: [SMALL_CRITIC, {"loss": "hinge", **SMALL_CRITIC}],
    RAE: [{"regularizer": regularizer} for regularizer in get_args(literal(RAE, "regularizer"))],
    FocalFrequency: [{}, {"alpha": 0.0}],
    PatchGAN: [{"start": 0, "width": 4}, {"start": 30, "width": 4}],
    VAEGAN: [{"width": 4}, {"width": 4, "beta": Linear(steps=20)}],
}
_OBJECTIVES = [kind(**keys) for kind in members(AnyObjective) for keys in OBJECTIVE_VARIANTS.get(kind, [{}])]
PICTORIAL = [objective for objective in _OBJECTIVES if isinstance(objective, Pictorial)]
"""The objectives that look at images."""
OBJECTIVES = [objective for objective in _OBJECTIVES if not isinstance(objective, Pictorial | VQELBO)]
"""The objectives that take a trace of any data."""
BOUNDED = [objective for objective in OBJECTIVES if not isinstance(objective, RAE)]
"""Those of them that take a posterior with a density."""

COLUMNS = [
    heads.Columns(columns=columns)
    for columns in [
        (heads.Categorical(levels=3), heads.LogisticMixture(components=2), heads.Categorical(levels=2)),
        (heads.Gaussian(scale=Shared()), heads.Poisson(), heads.StudentT(), heads.Gaussian(scale=Shared())),
        (
            heads.Categorical(levels=2),
            heads.LogisticMixture(components=2, scale=Shared()),
            heads.Ordinal(levels=4),
            heads.NegativeBinomial(),
            heads.Categorical(levels=5),
            heads.ZeroInflated(of=heads.Poisson()),
            heads.LogisticMixture(components=2, scale=Shared()),
            heads.Categorical(levels=2),
            heads.Gaussian(scale=Softplus(floor=0.01)),
        ),
        (heads.Ordinal(levels=2),),
    ]
]
"""Families of rows of a table: what becomes of every kind of column, alone and in groups."""

VALUES = [
    *SCALES,
    Optimal(),
    Optimal(bounds=(-6.0, 6.0)),
    *FAMILIES,
    *COLUMNS,
    nets.ColumnTransformer(),
    nets.ColumnTransformer(width=8, heads=2, layers=1, ratio=1, dropout=0.1),
    *POSTERIORS,
    *PRIORS,
    *NETS,
    *SCHEDULES,
    *FREE_BITS,
    *_OBJECTIVES,
    ELBO(bag_of_words=0.5),
]


def name(value):
    """Name a member in the output of pytest: its class and the keys that are set."""
    if not isinstance(value, Value):
        return None
    keys = ",".join(
        f"{key}={name(child) or child}"
        for key in sorted(value.model_fields_set)
        if (child := getattr(value, key)) is not None
    )
    return f"{type(value).__name__}({keys})"


def data(family, shape):
    """Return random data in the support of a family."""
    match family.support:
        case "binary":
            return torch.randint(0, 2, shape).double()
        case "unit":
            return torch.rand(shape, dtype=torch.float64)
        case "open_unit":
            return torch.rand(shape, dtype=torch.float64).clamp(1e-3, 1 - 1e-3)
        case "levels":
            return torch.randint(0, family.levels, shape).double()
        case "counts":
            return torch.randint(0, 9, shape).double()
        case "real":
            return torch.randn(shape, dtype=torch.float64)
        case "columns":
            return torch.stack([data(column, shape[:-1]) for column in family.columns], -1)
    raise NotImplementedError(f"say here what data in the support {family.support!r} look like")


def raw(family, n, event=(1,), dtype=torch.float64):
    """Return a random raw output for a family, one leaf per head and per shared weight."""
    parts = {key: 3 * torch.rand(n, *size, dtype=dtype) - 1.5 for key, size in family.heads(event).items()}
    parts |= {key: value.to(dtype) - 0.5 for key, value in family.shared(event).items()}
    return {key: part.requires_grad_() for key, part in parts.items()}
