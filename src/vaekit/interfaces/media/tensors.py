"""Tensors of a user's own composition for people: pictures if they look like images, else nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from vaekit.data import Dataset
from vaekit.data.rows import Array
from vaekit.evaluation import Bounds
from vaekit.interfaces.media.images.galleries import shows_images
from vaekit.interfaces.media.images.medium import ImageMedium
from vaekit.interfaces.media.medium import Exhibit, HeldOut
from vaekit.interfaces.report.page import paragraph
from vaekit.modalities import View
from vaekit.training.budget import NEVER, Deadline

if TYPE_CHECKING:
    from vaekit.interfaces.runs.run import Run

__all__ = ["TensorMedium"]


class TensorMedium(ImageMedium):
    """Tensors: they are drawn as images if they have the shape of images."""

    kind = "tensor"

    def facts(self, schema: Any) -> str:
        """Return that nothing is known of them."""
        return "data"

    def size(self, brief: Mapping[str, Any], event: Sequence[int]) -> str:
        """Return the shape."""
        return f"shape ({', '.join(map(str, event))})"

    def arrays(self, shown: Tensor) -> Array:
        """Return the data as an array."""
        return shown.cpu().numpy()

    def preview(self, data: Dataset, view: View, plots: Path) -> None:
        """Draw nothing: their shape may be that of no image."""

    def exhibits(
        self, run: Run, result: Bounds, held_out: HeldOut | None, deadline: Deadline = NEVER
    ) -> Iterator[Exhibit]:
        """Yield pictures, where the data look like images."""
        if shows_images(run):
            yield from super().exhibits(run, result, held_out, deadline)
        else:
            yield Exhibit(paragraph("The data are not images, so none are shown.", "soft"))
