"""Every member of the core floors, read off their unions and tables: what is added there is tested by existing.

A member with keys of its own gets its variants in the table of its floor, and nowhere else.
"""

import inspect
import itertools
import math
from typing import get_args

import torch

from vaekit import heads, nets
from vaekit.heads import DiscretizedLogistic, Exp, Family, Fixed, Scale, Shared, Softplus
from vaekit.nets import MLP, Activation, Conv, Norm
from vaekit.objectives import ELBO, IWAE, AnyObjective, Constant, Cosine, Cyclical, FreeBits, Linear, Schedule
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
    DiscretizedLogistic: [{}, {"levels": 2}, {"levels": 16}, {"levels": 17}],
}


def _families(kind):
    scales = [{"scale": scale} for scale in SCALES] if "scale" in kind.model_fields else [{}]
    variants = FAMILY_VARIANTS.get(kind, [{}])
    return [kind(**keys) for keys in variants] + [kind(**{**variants[-1], **scale}) for scale in scales if scale]


FAMILY_KINDS = sorted(
    (kind for kind in Family.__subclasses__() if not inspect.isabstract(kind)), key=lambda k: k.__name__
)
FAMILIES = [family for kind in FAMILY_KINDS for family in _families(kind)]

NET_KINDS = [
    kind
    for name in nets.__all__
    if inspect.isclass(kind := getattr(nets, name)) and issubclass(kind, Value) and hasattr(kind, "encoder")
]
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
}
NETS = [kind(**keys) for kind in NET_KINDS for keys in NET_VARIANTS.get(kind, [{}])]

SCHEDULE_VARIANTS = {
    Constant: [{}, {"value": 4.0}],
    Linear: [{"steps": 100}, {"start": 1.0, "stop": 0.25, "steps": 10}],
    Cosine: [{"steps": 100}],
    Cyclical: [{"steps": 400}, {"steps": 90, "cycles": 3, "rise": 1.0, "stop": 2.0}],
}
SCHEDULES = [kind(**keys) for kind in members(Schedule) for keys in SCHEDULE_VARIANTS.get(kind, [{}])]

FREE_BITS = [
    FreeBits(nats=0.3, **keys) for keys in combined(per=literal(FreeBits, "per"), mean=literal(FreeBits, "mean"))
]
OBJECTIVE_VARIANTS = {
    ELBO: [
        {},
        {"samples": 3},
        *({"beta": schedule} for schedule in SCHEDULES),
        *({"free_bits": free_bits} for free_bits in FREE_BITS),
    ],
    IWAE: [{}, {"samples": 1}],
}
OBJECTIVES = [kind(**keys) for kind in members(AnyObjective) for keys in OBJECTIVE_VARIANTS.get(kind, [{}])]

VALUES = [*SCALES, *FAMILIES, *NETS, *SCHEDULES, *FREE_BITS, *OBJECTIVES]


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
        case "levels":
            return torch.randint(0, family.levels, shape).double()
        case "real":
            return torch.randn(shape, dtype=torch.float64)
    raise NotImplementedError(f"say here what data in the support {family.support!r} look like")


def raw(family, n, event=(1,), dtype=torch.float64):
    """Return a random raw output for a family, one leaf per head and per shared weight."""
    parts = {key: 3 * torch.rand(n, *size, dtype=dtype) - 1.5 for key, size in family.heads(event).items()}
    parts |= {key: value.to(dtype) - 0.5 for key, value in family.shared(event).items()}
    return {key: part.requires_grad_() for key, part in parts.items()}
