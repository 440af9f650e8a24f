"""Modalities: one file each says what kind of data it is, which parts suit it, and why."""

from typing import Annotated, TypeAlias

from pydantic import Field
from torch import nn

from vaekit.data import TableSchema, TextSchema
from vaekit.data.schema import Schema
from vaekit.modalities.choice import Choice, Preset
from vaekit.modalities.image import ImageVAE
from vaekit.modalities.image_choices import choose_image_model
from vaekit.modalities.plain import Plain
from vaekit.modalities.table import Goal, TableVAE, TableView
from vaekit.modalities.table_choices import choose_table_model, with_goal
from vaekit.modalities.text import TextVAE, TextView
from vaekit.modalities.text_choices import choose_text_model, with_recipe
from vaekit.modalities.text_recipes import RECIPES, Pace
from vaekit.modalities.view import Shown, Traits, View

Model: TypeAlias = Annotated[ImageVAE | TextVAE | TableVAE, Field(discriminator="kind")]
"""The closed union of descriptions, told apart by `kind`: the registry is a type."""


def view_of(description: Model | None, module: nn.Module, schema: Schema | None) -> View:
    """Return how stored data enter a model: by its description, and for tables by the codecs of their schema too.

    Args:
        description: The description; None for a free composition.
        module: The model.
        schema: The schema of its data.
    """
    if isinstance(description, TableVAE):
        return TableView(description, schema if isinstance(schema, TableSchema) else None)
    if isinstance(description, TextVAE):
        assert isinstance(schema, TextSchema)
        return TextView(description, schema)
    return description if description is not None else Plain(module)


__all__ = [
    "RECIPES",
    "Choice",
    "Goal",
    "ImageVAE",
    "Model",
    "Pace",
    "Plain",
    "Preset",
    "Shown",
    "TableVAE",
    "TableView",
    "TextVAE",
    "TextView",
    "Traits",
    "View",
    "choose_image_model",
    "choose_table_model",
    "choose_text_model",
    "view_of",
    "with_goal",
    "with_recipe",
]
