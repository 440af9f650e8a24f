"""Modalities: what kind of data it is, which parts suit it, and why. `MODALITIES` is the closed table of kinds.

modality      what every kind answers;  reading  how its data are opened;  description  its model;  view  how data enter it
image, text, table    one room per kind
tensor        data without a description, for a user's own composition
"""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from pydantic import SerializeAsAny, ValidatorFunctionWrapHandler, WrapValidator

from vaekit.data.names import nearest_name
from vaekit.data.schema import Schema
from vaekit.modalities.choice import Choice, Preset
from vaekit.modalities.description import Description
from vaekit.modalities.image.description import ImageVAE, ImageView
from vaekit.modalities.image.modality import Images
from vaekit.modalities.modality import Modality, Pace, Situation
from vaekit.modalities.reading import Reading
from vaekit.modalities.table.description import Goal, TableVAE, TableView
from vaekit.modalities.table.modality import Tables
from vaekit.modalities.tensor import Plain, Tensors
from vaekit.modalities.text.description import TextVAE, TextView
from vaekit.modalities.text.modality import Texts
from vaekit.modalities.text.recipes import RECIPES
from vaekit.modalities.view import Imputing, Pick, Seed, Shown, Traits, View
from vaekit.models import LatentVariableModel

__all__ = [
    "MODALITIES",
    "RECIPES",
    "AnyDescription",
    "AnyReading",
    "AnySchema",
    "Choice",
    "Description",
    "Goal",
    "ImageVAE",
    "ImageView",
    "Imputing",
    "Modality",
    "Pace",
    "Pick",
    "Plain",
    "Preset",
    "Reading",
    "Seed",
    "Shown",
    "Situation",
    "TableVAE",
    "TableView",
    "TextVAE",
    "TextView",
    "Traits",
    "View",
    "described",
    "kind_in_memory",
    "kind_of_source",
    "modality_named",
    "view_of",
]

MODALITIES: dict[str, Modality] = {each.kind: each for each in (Images(), Texts(), Tables(), Tensors())}
"""The kinds of data, by name. A kind that is not here is an error, never another kind."""


def modality_named(kind: str) -> Modality:
    """Return the entry of a kind of data.

    Raises:
        ValueError: There is no such kind.
    """
    if kind not in MODALITIES:
        near = get_close_matches(str(kind), MODALITIES, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"the kinds are {', '.join(MODALITIES)}"
        raise ValueError(f"there is no kind of data {kind!r}; {hint}")
    return MODALITIES[kind]


def described() -> list[Modality]:
    """Return the kinds of data that have a description, in their order."""
    return [modality for modality in MODALITIES.values() if modality.description is not None]


def kind_of_source(source: str, keys: frozenset[str] = frozenset()) -> str:
    """Return the kind of data that a path or a name holds.

    Args:
        source: What was typed.
        keys: The keys of reading that were typed with it.

    Raises:
        FileNotFoundError: There is nothing there.
        ValueError: No kind of data is read from it.
    """
    Reading.refuse_empty(source)
    # Images come last: a key may say that a folder of them is to be read as something else.
    found = next((each.kind for each in reversed(MODALITIES.values()) if each.claims(source, keys)), None)
    if found is not None:
        return found
    readers = "; ".join(modality.reads for modality in described())
    if not Path(source).expanduser().exists():
        near = nearest_name(source)
        raise FileNotFoundError(
            f"there is no file, folder or data set {source!r}; {f'did you mean {near}?' if near else 'check the path'}"
        )
    raise ValueError(f"no kind of data is recognized in {source!r}; vaekit reads {readers}")


def kind_in_memory(found: Any) -> str:
    """Return the kind of data that something in memory is.

    Raises:
        TypeError: It is none.
    """
    kind = next((modality.kind for modality in MODALITIES.values() if modality.holds(found)), None)
    if kind is None:
        readers = "; ".join(modality.reads for modality in described())
        raise TypeError(f"no kind of data is recognized in a {type(found).__name__}; give {readers}")
    return kind


def view_of(description: Description | None, model: LatentVariableModel, schema: Schema | None) -> View:
    """Return how stored data enter a model; those of a free composition enter as they are."""
    return Plain(model) if description is None else description.view(schema)


def _by_kind(entry: str) -> WrapValidator:
    """Return a validator that reads a value by its `kind`, through the table of kinds."""

    def validate(value: Any, inner: ValidatorFunctionWrapHandler) -> Any:
        if not isinstance(value, dict):
            return inner(value)
        owner = getattr(modality_named(value.get("kind", "")), entry)
        return owner.model_validate(value)

    return WrapValidator(validate)


AnyDescription: TypeAlias = Annotated[SerializeAsAny[Description], _by_kind("description")]
"""Any description, told apart by `kind`."""
AnyReading: TypeAlias = Annotated[SerializeAsAny[Reading], _by_kind("reading")]
"""Any way to open data, told apart by `kind`."""
AnySchema: TypeAlias = Annotated[SerializeAsAny[Schema], _by_kind("schema")]
"""Any schema, told apart by `kind`."""
