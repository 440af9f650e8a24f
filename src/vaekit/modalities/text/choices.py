"""The automatic choices for texts, each with its reason."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from vaekit.data import TextSchema
from vaekit.modalities.choice import Choice, Preset, balance, merged
from vaekit.modalities.modality import Completed, Pace, Sections
from vaekit.modalities.text.description import TextVAE
from vaekit.modalities.text.recipes import RECIPES

__all__ = ["choose_text_model", "with_recipe"]

_FEW = 512  # ids under which tokens are characters: a small embedding holds all there is to know of one
_SHORT = 24  # tokens under which a text is a name, not a sentence

_OWN_OBJECTIVE = ("delta", "vq")
_FACTORISED_POSTERIORS = (None, "gaussian", "laplace", "gumbel", "floored", "batch_norm")
_FACTORISED_PRIORS = (None, "standard", "diagonal", "uniform_codes")


def with_recipe(given: Sections, pace: Pace) -> Completed:
    """Return the user's keys by section, completed by those of a recipe, and the choice of it where it was left open.

    Args:
        given: The user's keys: `model`, `objective`, `training`.
        pace: How long training will be.

    Raises:
        ValueError: There is no such recipe.
    """
    sections = {name: dict(given.get(name, {})) for name in ("model", "objective", "training")}
    name, choice = sections["model"].get("recipe"), None
    if name is None and sections["model"].get("model") == "lm":
        name = sections["model"]["recipe"] = "vae"  # there is no rate to care for
    elif name is None:
        choice = _recipe(sections["model"], sections["objective"])
        name = sections["model"]["recipe"] = choice.value
    if name not in RECIPES:
        near = difflib.get_close_matches(str(name), RECIPES, n=1)
        hint = f"; did you mean '{near[0]}'?" if near else ""
        raise ValueError(f"recipe={name} is not one of {', '.join(RECIPES)}{hint}")
    for section, keys in RECIPES[name].keys(pace).items():
        # A part of another kind than the recipe's starts from nothing: it has nothing to do with it.
        sections[section] = merged(keys, sections[section])
    return Completed(sections, choice)


def _recipe(model: Mapping[str, Any], objective: Mapping[str, Any]) -> Choice:
    """Return the recipe of a model for which none was named: free bits per dimension, where there is such a rate."""
    posterior, prior = (dict(model.get(part, {})).get("kind") for part in ("posterior", "prior"))
    if objective:
        return Choice(
            key="recipe", value="vae", reason="the keys of the objective that were given stand for themselves"
        )
    if posterior in _OWN_OBJECTIVE:
        return Choice(key="recipe", value="vae", reason=f"posterior={posterior} brings an objective of its own")
    joint = [f"posterior={posterior}"] if posterior not in _FACTORISED_POSTERIORS else []
    joint += [f"prior={prior}"] if prior not in _FACTORISED_PRIORS else []
    name = "anneal" if joint else "free_bits"
    why = f"; {joint[0]} has no rate per dimension for free bits" if joint else ""
    recipe = RECIPES[name]
    reason = f"{recipe.meaning} ({recipe.source}): the plain bound of a text VAE collapses{why}"
    return Choice(key="recipe", value=name, reason=reason)


def choose_text_model(
    schema: TextSchema, given: Mapping[str, Any], *, preset: Preset = "balanced"
) -> tuple[TextVAE, tuple[Choice, ...]]:
    """Complete a description: keys in `given` stand, every other one is chosen and its reason told.

    Args:
        schema: What the texts are.
        given: The user's keys, nested, e.g. `{"latent": 16, "net": {"kind": "transformer"}}`.
        preset: How much to spend.

    Raises:
        pydantic.ValidationError: A given key is unknown or out of range.
        ValueError: The model is to be conditional on labels, and there are none.
    """
    choices: list[Choice] = []
    wanted = dict(given)
    if wanted.get("condition") == "label":
        if not schema.classes:
            raise ValueError("condition=label needs texts with labels: name their column with label_column=")
        wanted["context"] = len(schema.classes)
    net = dict(wanted.pop("net", {}))
    if "kind" not in net:
        choices.append(_architecture(schema))
        net["kind"] = choices[-1].value
    for choice in _sizes(net["kind"], schema, preset):
        key = choice.key.removeprefix("net.")
        if key not in net:
            net[key] = choice.value
            choices.append(choice)
    if wanted.get("model") == "lm":
        wanted["latent"] = 1  # which nothing reads
    elif "latent" not in wanted:
        choice = _latent(schema)
        wanted["latent"] = choice.value
        choices.append(choice)
    derived = {"vocabulary": schema.vocabulary, "length": schema.length}
    model = TextVAE.model_validate({**derived, "net": net, **wanted})
    return model, (*choices, *([] if model.model == "lm" else [balance(model, "see net and decoder")]))


def _architecture(schema: TextSchema) -> Choice:
    if schema.vocabulary < _FEW:
        reason = "on characters a GRU does as well as an LSTM in three quarters of the time"
        return Choice(key="net", value="gru", reason=reason)
    reason = "on short texts and few cores a recurrent net takes half the time of a transformer per step"
    return Choice(key="net", value="lstm", reason=reason)


def _sizes(kind: str, schema: TextSchema, preset: Preset) -> list[Choice]:
    small = schema.vocabulary < _FEW
    widths = {"fast": 128, "balanced": 160, "best": 320} if small else {"fast": 128, "balanced": 256, "best": 512}
    width = widths[preset]
    tokens = f"{schema.vocabulary:,} tokens, {'characters or bytes' if small else 'words or their parts'}"
    reason = f"preset {preset}; {tokens}"
    if kind not in ("lstm", "gru"):
        return [Choice(key="net.width", value=width, reason=reason)]
    found = [
        Choice(key="net.hidden", value=width, reason=reason),
        Choice(key="net.embedding", value=64 if small else width, reason=f"{tokens}: what one has to say"),
    ]
    if small:
        why = "one layer each way reads short words as well as two, in half the time"
        found.append(Choice(key="net.encoder_layers", value=1, reason=why))
    return found


def _latent(schema: TextSchema) -> Choice:
    short = schema.length <= _SHORT and schema.vocabulary < _FEW
    value = 16 if short else 32
    kind = f"texts of at most {schema.length} tokens"
    reason = (
        f"{kind}: 32 is what the published text VAEs use{', half of it for names' if short else ''}; usual range 16-512"
    )
    return Choice(key="latent", value=value, reason=reason)
