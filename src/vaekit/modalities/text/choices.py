"""The automatic choices for texts, each with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vaekit.data import TextSchema
from vaekit.errors import suggestion
from vaekit.modalities.capacity import balance
from vaekit.modalities.choice import Choice, Draft, Preset, merged
from vaekit.modalities.modality import Completed, Pace, Sections, three_sections
from vaekit.modalities.text.description import TextVAE
from vaekit.modalities.text.recipes import RECIPES

__all__ = ["choose_text_model", "with_recipe"]

_CHARACTERS = 512  # ids under which tokens are characters, for which a small embedding is enough
_SHORT = 24  # tokens under which a text is a name, not a sentence

_OWN_OBJECTIVE = ("delta", "vq")
_FACTORISED_POSTERIORS = (None, "gaussian", "laplace", "gumbel", "floored", "batch_norm")
_FACTORISED_PRIORS = (None, "standard", "diagonal", "uniform_codes")


def with_recipe(keys: Sections, pace: Pace) -> Completed:
    """Complete the user's keys by those of a recipe, which is chosen if the user named none.

    Args:
        keys: The user's keys: `model`, `objective`, `training`.
        pace: How long training will be.

    Raises:
        ValueError: No recipe has this name.
    """
    sections = three_sections(keys)
    name, choice = sections["model"].get("recipe"), None
    if name is None and sections["model"].get("model") == "lm":
        name = sections["model"]["recipe"] = "vae"  # a language model has no rate that could collapse
    elif name is None:
        choice = _recipe(sections["model"], sections["objective"])
        name = sections["model"]["recipe"] = choice.value
    if name not in RECIPES:
        raise ValueError(f"recipe={name} is not one of {', '.join(RECIPES)}{suggestion(name, RECIPES)}")
    for section, implied in RECIPES[name].keys(pace).items():
        sections[section] = merged(implied, sections[section])
    return Completed(sections, choice)


def _recipe(model: Mapping[str, Any], objective: Mapping[str, Any]) -> Choice:
    """Choose a recipe: free bits per dimension, if posterior and prior have a rate per dimension."""
    posterior, prior = (dict(model.get(part, {})).get("kind") for part in ("posterior", "prior"))
    if objective:
        return Choice(key="recipe", value="vae", reason="the objective was set, so no recipe changes it")
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
    schema: TextSchema, keys: Mapping[str, Any], *, preset: Preset = "balanced"
) -> tuple[TextVAE, tuple[Choice, ...]]:
    """Complete the description of a model: the user's keys stay, every other key is chosen with a reason.

    Args:
        schema: The schema of the texts.
        keys: The user's keys, nested, e.g. `{"latent": 16, "net": {"kind": "transformer"}}`.
        preset: How much to spend.

    Raises:
        pydantic.ValidationError: A key is unknown or out of range.
        ValueError: The model is to be conditional on labels, and the texts have none.
    """
    draft = Draft(keys)
    draft.count_classes(schema.classes, "texts with labels: name their column with label_column=")
    draft.choose(_architecture(schema))
    draft.choose(*_sizes(draft.part("net")["kind"], schema, preset))
    if draft.keys.get("model") == "lm":
        draft.keys["latent"] = 1  # nothing reads it
    else:
        draft.choose(_latent(schema))
    derived = {"vocabulary": schema.vocabulary, "length": schema.length}
    model = TextVAE.model_validate({**derived, **draft.keys})
    return model, (*draft.choices, *([] if model.model == "lm" else [balance(model, "see net and decoder")]))


def _architecture(schema: TextSchema) -> Choice:
    if schema.vocabulary < _CHARACTERS:
        reason = "on characters a GRU does as well as an LSTM in three quarters of the time"
        return Choice(key="net", value="gru", reason=reason)
    reason = "on short texts and few cores a recurrent net takes half the time of a transformer per step"
    return Choice(key="net", value="lstm", reason=reason)


def _sizes(kind: str, schema: TextSchema, preset: Preset) -> list[Choice]:
    small = schema.vocabulary < _CHARACTERS
    widths = {"fast": 128, "balanced": 160, "best": 320} if small else {"fast": 128, "balanced": 256, "best": 512}
    width = widths[preset]
    tokens = f"{schema.vocabulary:,} tokens, {'characters or bytes' if small else 'words or their parts'}"
    reason = f"preset {preset}; {tokens}"
    if kind not in ("lstm", "gru"):
        return [Choice(key="net.width", value=width, reason=reason)]
    choices = [
        Choice(key="net.hidden", value=width, reason=reason),
        Choice(key="net.embedding", value=64 if small else width, reason=f"enough to describe one of {tokens}"),
    ]
    if small:
        why = "one layer each way reads short words as well as two, in half the time"
        choices.append(Choice(key="net.encoder_layers", value=1, reason=why))
    return choices


def _latent(schema: TextSchema) -> Choice:
    short = schema.length <= _SHORT and schema.vocabulary < _CHARACTERS
    published = f"published text VAEs use 32{', half of it for names' if short else ''}"
    reason = f"texts of at most {schema.length} tokens: {published}; usual range 16-512"
    return Choice(key="latent", value=16 if short else 32, reason=reason)
