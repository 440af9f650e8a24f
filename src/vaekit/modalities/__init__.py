"""Modalities: the kinds of data, and the models that suit them. `MODALITIES` is the closed table of kinds.

modality      the base class of a kind;  reading  how its data are opened;  description  its model;  view  how data enter it
choice        automatic choices;  condition  labels and vectors that come with data
image, text, table    one package per kind
tensor        data without a description, for a user's own composition
"""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from pydantic import SerializeAsAny, ValidatorFunctionWrapHandler, WrapValidator

from vaekit.data.files import existing_path
from vaekit.data.foreign import refuse_pipe, user_path
from vaekit.data.names import NAMES, name_of
from vaekit.data.schema import Schema
from vaekit.data.table.bundled import BUNDLED, bundled_name
from vaekit.errors import foreign_bytes, suggestion
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
        ValueError: No kind has this name.
    """
    if kind not in MODALITIES:
        hint = suggestion(kind, MODALITIES) or f"; the kinds are {', '.join(MODALITIES)}"
        raise ValueError(f"there is no kind of data {kind!r}{hint}")
    return MODALITIES[kind]


def described() -> list[Modality]:
    """Return the kinds of data that have a description."""
    return [modality for modality in MODALITIES.values() if modality.description is not None]


def kind_of_source(source: str, keys: frozenset[str] = frozenset()) -> str:
    """Return the kind of data that a path or a name holds.

    Args:
        source: The path or name, as typed.
        keys: The keys of reading that were typed with it.

    Raises:
        FileNotFoundError: The source does not exist.
        ValueError: No reader accepts the source.
    """
    names = (*NAMES, *BUNDLED)
    with foreign_bytes(source):
        Reading.refuse_empty(source)
        # Images come last: a key may ask to read a folder of them as something else.
        refuse_pipe(user_path(source))
        if not (name_of(source) or bundled_name(source)):
            existing_path(source, f"data are a folder, a file, or one of {', '.join(names)}", names)
        kind = next((each.kind for each in reversed(MODALITIES.values()) if each.claims(source, keys)), None)
    if kind is not None:
        return kind
    raise ValueError(f"no kind of data is recognized in {source!r}; vaekit reads {_readers()}")


def kind_in_memory(data: Any) -> str:
    """Return the kind of an object in memory.

    Raises:
        TypeError: No kind of data looks like it.
    """
    kind = next((modality.kind for modality in MODALITIES.values() if modality.holds(data)), None)
    if kind is None:
        raise TypeError(f"no kind of data is recognized in a {type(data).__name__}; give {_readers()}")
    return kind


def _readers() -> str:
    """Return the sources that all readers accept, as a phrase."""
    return "; ".join(modality.reads for modality in described())


def view_of(description: Description | None, model: LatentVariableModel, schema: Schema | None) -> View:
    """Return how stored data enter a model; those of a free composition enter unchanged."""
    return Plain(model, schema) if description is None else description.view(schema)


def _by_kind(entry: str) -> WrapValidator:
    """Return a validator that looks up the class of a value in the table of kinds, by the value's `kind`."""

    def validate(value: Any, inner: ValidatorFunctionWrapHandler) -> Any:
        if not isinstance(value, dict):
            return inner(value)
        return getattr(modality_named(value.get("kind", "")), entry).model_validate(value)

    return WrapValidator(validate)


AnyDescription: TypeAlias = Annotated[SerializeAsAny[Description], _by_kind("description")]
"""A description of any kind."""
AnyReading: TypeAlias = Annotated[SerializeAsAny[Reading], _by_kind("reading")]
"""A way to open data of any kind."""
AnySchema: TypeAlias = Annotated[SerializeAsAny[Schema], _by_kind("schema")]
"""A schema of any kind."""
