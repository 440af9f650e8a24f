"""Modalities: what kind of data it is, which parts suit it, and why. `MODALITIES` is the closed table of kinds.

modality      what every kind answers;  reading  how its data are opened;  description  its model;  view  how data enter it
image, text, table    one room per kind
tensor        data without a description, for a user's own composition
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import Annotated, Any, TypeAlias

from pydantic import SerializeAsAny, ValidatorFunctionWrapHandler, WrapValidator

from vaekit.data.files import existing_path
from vaekit.data.names import NAMES
from vaekit.data.schema import Schema
from vaekit.data.table.bundled import BUNDLED
from vaekit.modalities.choice import Choice as Choice, Preset as Preset
from vaekit.modalities.description import Description as Description
from vaekit.modalities.image.description import ImageVAE as ImageVAE, ImageView as ImageView
from vaekit.modalities.image.modality import Images
from vaekit.modalities.modality import Modality as Modality, Pace as Pace, Situation as Situation
from vaekit.modalities.reading import Reading as Reading
from vaekit.modalities.table.description import Goal as Goal, TableVAE as TableVAE, TableView as TableView
from vaekit.modalities.table.modality import Tables
from vaekit.modalities.tensor import Plain as Plain, Tensors, check_composition as check_composition
from vaekit.modalities.text.description import TextVAE as TextVAE, TextView as TextView
from vaekit.modalities.text.modality import Texts
from vaekit.modalities.text.recipes import RECIPES as RECIPES
from vaekit.modalities.view import (
    Imputing as Imputing,
    Pick as Pick,
    Seed as Seed,
    Shown as Shown,
    Traits as Traits,
    View as View,
)
from vaekit.models import LatentVariableModel

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
    names = (*NAMES, *BUNDLED)
    existing_path(source, f"data are a folder, a file, or one of {', '.join(names)}", names)
    readers = "; ".join(modality.reads for modality in described())
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
