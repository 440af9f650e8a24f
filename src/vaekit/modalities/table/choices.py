"""The automatic choices for tables, each with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vaekit.data import TableSchema
from vaekit.modalities.capacity import balance
from vaekit.modalities.choice import Choice, Draft, Preset, merged
from vaekit.modalities.modality import Completed, Sections, three_sections
from vaekit.modalities.table.description import TableVAE
from vaekit.modalities.table.gaussian import cell_width

__all__ = ["GOALS", "choose_table_model", "with_goal"]

_FAMILIES = {
    "logistic_mixture": "several peaks and heavy tails at once",
    "student_t": "one peak, whose mean no outlier moves",
    "negative_binomial": "counts that vary more than a Poisson's",
}
"""The reason for each family of variables that is chosen."""

_WIDEST = 100  # features of a covariance that takes seconds to fit
_SMALL = 5_000  # training rows under which a net must be narrow, so that it does not overfit

GOALS: dict[str, tuple[str, dict[str, dict[str, Any]]]] = {
    "synthesis": (
        "a light rate keeps rows sharp, and a prior that is fitted afterwards corrects for it",
        {"objective": {"kind": "elbo", "beta": 0.1}, "training": {"second_stage": "choose", "select_by": "objective"}},
    ),
    "density": ("the bound itself, at its full rate", {"objective": {"kind": "elbo"}, "training": {}}),
    "imputation": (
        "the importance-weighted bound of the observed cells (MIWAE), with an encoder that learns to work from few of them",
        {
            "objective": {"kind": "iwae", "samples": 5},
            "model": {"hide": 0.1, "likelihood": {"real": {"kind": "student_t"}}},
            "training": {},
        },
    ),
}
"""The means to each goal in words, and the keys that the goal sets."""


def with_goal(keys: Sections) -> Completed:
    """Complete the user's keys by those of the goal, which is synthesis if the user named none.

    Args:
        keys: The user's keys: `model`, `objective`, `training`.

    Raises:
        ValueError: No goal has this name.
    """
    sections = three_sections(keys)
    goal = sections["model"].get("goal", "synthesis")
    if goal not in GOALS:
        raise ValueError(f"goal={goal} is not one of {', '.join(GOALS)}")
    reason, implied = GOALS[goal]
    for section, values in implied.items():
        if section != "objective" or not sections[section]:  # the user's objective stays as it is
            sections[section] = merged(values, sections[section])
    is_chosen = "goal" not in sections["model"]
    sections["model"]["goal"] = goal
    choice = Choice(key="goal", value=goal, reason=f"rows like the real ones: {reason}")
    return Completed(sections, choice if is_chosen else None)


def choose_table_model(
    schema: TableSchema, keys: Mapping[str, Any], *, count: int, preset: Preset = "balanced"
) -> tuple[TableVAE, tuple[Choice, ...]]:
    """Complete the description of a model: the user's keys stay, every other key is chosen with a reason.

    Args:
        schema: The schema of the table.
        keys: The user's keys, nested, e.g. `{"latent": 16, "net": {"kind": "column_transformer"}}`.
        count: Number of training rows.
        preset: How much to spend.

    Raises:
        pydantic.ValidationError: A key is unknown or out of range.
        ValueError: No column can be modelled, or the model is to be conditional and the table has no categorical target.
    """
    if not schema.slots:
        raise ValueError("no column can be modelled: all are identifiers, constants or free text; see vaekit inspect")
    draft = Draft(keys)
    draft.count_classes(schema.classes, "a categorical target: name its column with target=")
    reason = "embeddings into layer-normed dense layers: the most rows per second, and as good on most tables"
    draft.choose(Choice(key="net", value="mlp", reason=reason))
    net = draft.part("net")
    imputes = keys.get("goal") == "imputation"
    if net["kind"] == "mlp" and "widths" not in net:
        draft.choose(*(_shallow(count) if imputes and count < _SMALL else [_widths(count, preset)]))
    draft.choose(_latent(len(schema.slots), count))
    if imputes:
        draft.choose(_gaussian(schema, keys))
    if imputes and count < _SMALL:
        _share_scale(draft, count)
    model = TableVAE.model_validate({"slots": schema.slots, "evidence": schema.evidence, **draft.keys})
    return model, (*draft.choices, *_families(model), balance(model, "each category has weights on both sides"))


def _widths(count: int, preset: Preset) -> Choice:
    width = {"fast": 256, "balanced": 320, "best": 512}[preset] // (2 if count < _SMALL else 1)
    return Choice(key="net.widths", value=(width, width), reason=f"preset {preset}, {count:,} training rows")


def _shallow(count: int) -> list[Choice]:
    reason = f"{count:,} training rows, whose missing cells nearly linear maps predict best"
    return [
        Choice(key="net.widths", value=(256,), reason=f"{reason}: one hidden layer"),
        Choice(key="net.norm", value="none", reason=f"{reason}: a norm would remove the scale of a row"),
    ]


def _share_scale(draft: Draft, count: int) -> None:
    """Give all rows one scale in each variable, where Student's t is the family of numbers and its scale is not set."""
    likelihood = draft.part("likelihood")
    real = dict(likelihood.get("real", {}))
    if real.get("kind") == "student_t" and "scale" not in real:
        likelihood["real"] = {**real, "scale": {"kind": "shared"}}
        reason = f"{count:,} training rows are too few to learn a scale for each row: intervals would be too narrow"
        draft.choices.append(Choice(key="likelihood.real.scale", value="shared", reason=reason))


def _latent(slots: int, count: int) -> Choice:
    value = max(2, min(64, round(1.5 * slots), max(12, count // 40)))
    reason = (
        f"half as many again as the {slots} variables, so that the latents can hold a whole row; "
        f"at most 64, and at most 12 or one per 40 of {count:,} training rows"
    )
    return Choice(key="latent", value=value, reason=reason)


def _gaussian(schema: TableSchema, keys: Mapping[str, Any]) -> Choice:
    width = cell_width(schema.slots)
    value = width <= _WIDEST and keys.get("condition", "none") == "none" and not schema.constraints
    reason = (
        "a Gaussian and forests of all cells find in a few hundred rows what a VAE cannot, and fill missing cells beside it; for "
        f"tables without labels as conditions, without constraints, and of at most {_WIDEST} numbers and categories, here {width}"
    )
    return Choice(key="gaussian", value=value, reason=reason)


def _families(model: TableVAE) -> list[Choice]:
    families = {"real": model.likelihood.real.kind, "count": model.likelihood.count.kind}
    return [
        Choice(key=f"likelihood.{kind}", value=family, reason=_FAMILIES.get(family, "as it was set"))
        for kind, family in families.items()
        if any(slot.kind == kind for slot in model.slots)
    ]
