"""Images for people: PNG files and sheets of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from vaekit.data import Dataset, ImageSchema
from vaekit.evaluation import Bounds
from vaekit.interfaces.media.column_files import check_suffix
from vaekit.interfaces.media.images.galleries import galleries
from vaekit.interfaces.media.images.measures import MEASURES
from vaekit.interfaces.media.medium import Answer, HeldOut, Medium, Output, Place, label_option
from vaekit.interfaces.media.pictures import grid, save_images, save_png
from vaekit.interfaces.report.page import Picture, columns
from vaekit.modalities import Shown, View

if TYPE_CHECKING:
    from vaekit.interfaces.runs.run import Run

__all__ = ["ImageMedium"]

_PAIRS = 32  # pairs of input and reconstruction in the overview, and data that are manipulated in it
_GRID = 400  # samples in the overview


class ImageMedium(Medium):
    """Images: a PNG file each, and an overview."""

    kind = "image"
    measures = MEASURES
    repeats_notes = False

    def facts(self, schema: ImageSchema) -> str:
        """Return the size, the channels and the levels."""
        levels = f"{schema.levels} levels" if schema.levels else f"real values in [{schema.low:.4g}, {schema.high:.4g}]"
        return f"images {schema.height} x {schema.width}, {schema.channels} channel(s), {levels}"

    def size(self, brief: Mapping[str, Any], event: Sequence[int]) -> str:
        """Return the pixels and the channels."""
        channels = {1: "grey", 3: "RGB", 4: "RGBA"}.get(brief["channels"], f"{brief['channels']} channels")
        return f"{brief['height']} x {brief['width']} pixels, {channels}"

    def write(self, output: Output, place: Place) -> Answer:
        """Write pictures: a file for each datum where they have names, and all together in one."""
        if output.names is None:
            picture = str(save_png(grid(self._overview(output), columns=output.columns), _file(output, place)))
            return Answer({"picture": picture}, [picture])
        if place.out is None:
            raise ValueError("images need a folder to be written to: give --out FOLDER")
        folder = _folder(place.out)
        files = save_images(output.shown, folder, list(output.names))
        name = "grid" if output.inputs is None else "pairs"
        overview = save_png(grid(self._overview(output), columns=output.columns), folder / f"{name}.png")
        values = {"picture": str(overview), "files": [str(file) for file in files]}
        return Answer(values, [f"{len(files)} images in {folder}, and an overview: {overview}"])

    def flat(self, rows: torch.Tensor) -> Shown:
        """Return images in rows as one stack."""
        return rows.flatten(0, 1)

    def preview(self, data: Dataset, view: View, plots: Path) -> None:
        """Draw some training images."""
        shown = data.taken(data.drawn("train", 64))
        save_png(grid(view.decode(view.prepare(shown.values))), plots / "data.png")

    def exhibits(self, run: Run, result: Bounds, held_out: HeldOut | None) -> tuple[list[Picture], list[str]]:
        """Return reconstructions, samples, interpolations and a traversal."""
        images = galleries(run, result, held_out)
        small = [found for found in images if found.name in ("reconstructions", "samples")]
        large = [found.html(wide=True) for found in images if found not in small]
        return images, [columns(small), *large]

    def commands(self, run: Run, path: str) -> list[str]:
        """Return the verbs that write pictures, as they are typed."""
        return [
            f"vaekit sample {path} -n 64{label_option(run)} --out samples",
            f"vaekit reconstruct {path} DATA --out reconstructions",
            f"vaekit encode {path} DATA --out latents.npz",
            f"vaekit score {path} DATA --out scores.csv",
        ]

    def _overview(self, output: Output) -> torch.Tensor:
        if output.inputs is not None:
            return torch.stack([output.inputs[:_PAIRS], output.shown[:_PAIRS]], 1).flatten(0, 1)
        return output.shown[: _GRID if output.names is not None else _PAIRS * (output.columns or 1)]


def _file(output: Output, place: Place) -> Path:
    if place.out is None and place.plots is None:
        raise ValueError("the model has no folder for pictures; give --out FILE.png")
    return check_suffix(place.out or Path(place.plots or ".") / f"{output.verb}.png", (".png",))


def _folder(out: Path) -> Path:
    if out.exists() and not out.is_dir():
        raise FileExistsError(f"{out} is a file; give a folder as --out")
    out.mkdir(parents=True, exist_ok=True)
    return out
