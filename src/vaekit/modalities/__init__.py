"""Modalities: one file each says what kind of data it is, which parts suit it, and why."""

from typing import Annotated, TypeAlias

from pydantic import Field

from vaekit.modalities.choice import Choice, Preset
from vaekit.modalities.image import ImageVAE
from vaekit.modalities.image_choices import choose_image_model
from vaekit.modalities.plain import Plain, View
from vaekit.modalities.text import TextVAE
from vaekit.modalities.text_choices import choose_text_model, with_recipe
from vaekit.modalities.text_recipes import RECIPES, Pace

Model: TypeAlias = Annotated[ImageVAE | TextVAE, Field(discriminator="kind")]
"""The closed union of descriptions, told apart by `kind`: the registry is a type."""

__all__ = [
    "RECIPES",
    "Choice",
    "ImageVAE",
    "Model",
    "Pace",
    "Plain",
    "Preset",
    "TextVAE",
    "View",
    "choose_image_model",
    "choose_text_model",
    "with_recipe",
]
