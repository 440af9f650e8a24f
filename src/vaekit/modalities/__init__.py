"""Modalities: one file each says what kind of data it is, which parts suit it, and why."""

from typing import TypeAlias

from vaekit.modalities.choice import Choice, Preset
from vaekit.modalities.image import ImageVAE
from vaekit.modalities.image_choices import choose_image_model
from vaekit.modalities.plain import Plain, View

Model: TypeAlias = ImageVAE
"""The closed union of descriptions, told apart by `kind`: the registry is a type."""

__all__ = ["Choice", "ImageVAE", "Model", "Plain", "Preset", "View", "choose_image_model"]
