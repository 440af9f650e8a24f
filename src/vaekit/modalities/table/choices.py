"""The automatic choices for tables, each with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vaekit.data import TableSchema
from vaekit.modalities.choice import Choice, Preset, balance, merged
from vaekit.modalities.modality import Completed, Sections
from vaekit.modalities.table.description import TableVAE

__all__ = ["GOALS", "choose_table_model", "with_goal"]

_REAL = {
    "logistic_mixture": "several peaks and heavy tails at once",
    "student_t": "one peak, from which no outlier draws the mean away",
}
_FEW = 5_000  # training rows under which a table is small: a narrow net, which the rows can hold back from overfitting

GOALS: dict[str, tuple[str, dict[str, dict[str, Any]]]] = {
    "synthesis": (
        "a light rate keeps rows sharp, and a prior fitted afterwards makes up for it",
        {"objective": {"kind": "elbo", "beta": 0.1}, "training": {"second_stage": "choose", "select_by": "objective"}},
    ),
    "density": ("the bound itself, at its full rate", {"objective": {"kind": "elbo"}, "training": {}}),
    "imputation": (
        "the importance-weighted bound of the observed cells (MIWAE), under an encoder that learns to see few of them",
        {
            "objective": {"kind": "iwae", "samples": 5},
            "model": {"hide": 0.1, "likelihood": {"real": {"kind": "student_t"}}},
            "training": {},
        },
    ),
}
"""What each goal is by, and the keys it stands for."""


def with_goal(given: Sections) -> Completed:
    """Return the user's keys by section, completed by those of the goal, and the choice of it where it was left open.

    Args:
        given: The user's keys: `model`, `objective`, `training`.

    Raises:
        ValueError: There is no such goal.
    """
    sections = {name: dict(given.get(name, {})) for name in ("model", "objective", "training")}
    goal = sections["model"].get("goal", "synthesis")
    if goal not in GOALS:
        raise ValueError(f"goal={goal} is not one of {', '.join(GOALS)}")
    reason, keys = GOALS[goal]
    for section, wanted in keys.items():
        if section == "objective" and sections[section]:
            continue  # what was typed of an objective stands for itself
        sections[section] = merged(wanted, sections[section])
    is_open = "goal" not in sections["model"]
    sections["model"]["goal"] = goal
    chosen = Choice(key="goal", value=goal, reason=f"rows like the real ones: {reason}")
    return Completed(sections, chosen if is_open else None)


def choose_table_model(
    schema: TableSchema, given: Mapping[str, Any], *, count: int, preset: Preset = "balanced"
) -> tuple[TableVAE, tuple[Choice, ...]]:
    """Complete a description: keys in `given` stand, every other one is chosen and its reason told.

    Args:
        schema: What the table is.
        given: The user's keys, nested, e.g. `{"latent": 16, "net": {"kind": "column_transformer"}}`.
        count: Number of training rows.
        preset: How much to spend.

    Raises:
        pydantic.ValidationError: A given key is unknown or out of range.
        ValueError: No column can be modelled, or the model is to be conditional on a target that is none.
    """
    if not schema.slots:
        raise ValueError("no column can be modelled: all are identifiers, constants or free text; see vaekit inspect")
    choices: list[Choice] = []
    wanted = dict(given)
    if wanted.get("condition") == "label":
        if not schema.classes:
            raise ValueError("condition=label needs a categorical target: name its column with target=")
        wanted["context"] = len(schema.classes)
    net = dict(wanted.pop("net", {}))
    if "kind" not in net:
        reason = "embeddings into layer-normed dense layers: the most rows per second, and as good on most tables"
        choices.append(Choice(key="net", value="mlp", reason=reason))
        net["kind"] = "mlp"
    if net["kind"] == "mlp" and "widths" not in net:
        found = _shallow(count) if wanted.get("goal") == "imputation" and count < _FEW else [_widths(count, preset)]
        choices += [choice for choice in found if choice.key.removeprefix("net.") not in net]
        net = {**{choice.key.removeprefix("net."): choice.value for choice in found}, **net}
    if "latent" not in wanted:
        choices.append(_latent(len(schema.slots), count))
        wanted["latent"] = choices[-1].value
    model = TableVAE.model_validate({"slots": schema.slots, "net": net, **wanted})
    return model, (*choices, *_families(model), balance(model, "a category has its row on both sides"))


def _widths(count: int, preset: Preset) -> Choice:
    width = {"fast": 256, "balanced": 320, "best": 512}[preset] // (2 if count < _FEW else 1)
    return Choice(key="net.widths", value=(width, width), reason=f"preset {preset}, {count:,} training rows")


def _shallow(count: int) -> list[Choice]:
    reason = f"{count:,} training rows, whose missing cells are told best by nearly linear maps"
    return [
        Choice(key="net.widths", value=(256,), reason=f"{reason}: one hidden layer"),
        Choice(key="net.norm", value="none", reason=f"{reason}: none that would forget how large a row is"),
    ]


def _latent(slots: int, count: int) -> Choice:
    value = max(2, min(64, round(1.5 * slots), max(12, count // 40)))
    reason = (
        f"half as many again as the {slots} variables, so that what a prior is fitted to later can hold a whole row; "
        f"at most 64, and one per 40 of {count:,} training rows where that is more than 12"
    )
    return Choice(key="latent", value=value, reason=reason)


def _families(model: TableVAE) -> list[Choice]:
    kinds = {slot.kind for slot in model.slots}
    found = []
    if "real" in kinds:
        said = _REAL.get(model.likelihood.real.kind, "as it was set")
        found.append(Choice(key="likelihood.real", value=model.likelihood.real.kind, reason=said))
    if "count" in kinds:
        said = {"negative_binomial": "counts that vary more than a Poisson's"}.get(
            model.likelihood.count.kind, "as it was set"
        )
        found.append(Choice(key="likelihood.count", value=model.likelihood.count.kind, reason=said))
    return found
