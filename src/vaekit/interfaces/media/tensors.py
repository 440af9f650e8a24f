"""Tensors of a user's own composition for people: pictures where they look like images, nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from vaekit.evaluation import Bounds
from vaekit.interfaces.media.images.galleries import shows_images
from vaekit.interfaces.media.images.measures import MEASURES
from vaekit.interfaces.media.images.medium import ImageMedium, picture_commands
from vaekit.interfaces.media.medium import Answer, HeldOut, Medium, Output, Place
from vaekit.interfaces.report.page import Picture, paragraph
from vaekit.modalities import Shown

if TYPE_CHECKING:
    from vaekit.interfaces.runs.run import Run

__all__ = ["TensorMedium"]

_PICTURES = ImageMedium()


class TensorMedium(Medium):
    """Tensors: they are drawn as images where they have the shape of some."""

    kind = "tensor"
    measures = MEASURES

    def facts(self, schema: Any) -> str:
        """Return that nothing is known of them."""
        return "data"

    def size(self, brief: Mapping[str, Any], event: Sequence[int]) -> str:
        """Return the shape."""
        return f"shape ({', '.join(map(str, event))})"

    def write(self, output: Output, place: Place) -> Answer:
        """Write pictures."""
        return _PICTURES.write(output, place)

    def flat(self, rows: Any) -> Shown:
        """Return data in rows as one stack."""
        return rows.flatten(0, 1)

    def exhibits(self, run: Run, result: Bounds, held_out: HeldOut | None) -> tuple[list[Picture], list[str]]:
        """Return pictures, where the data look like images."""
        if shows_images(run):
            return _PICTURES.exhibits(run, result, held_out)
        return [], [paragraph("The data are no images, so there is nothing to show of them.", "soft")]

    def commands(self, run: Run, path: str) -> list[str]:
        """Return the verbs that write pictures."""
        return picture_commands(run, path)
