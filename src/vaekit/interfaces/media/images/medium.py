"""Images for people: PNG files and sheets of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from vaekit.data import Dataset, ImageSchema
from vaekit.data.decode import OVERVIEW
from vaekit.data.rows import Array
from vaekit.evaluation import Bounds
from vaekit.interfaces.media.column_files import check_suffix, write_columns
from vaekit.interfaces.media.images.galleries import galleries
from vaekit.interfaces.media.images.measures import MEASURES
from vaekit.interfaces.media.medium import (
    Answer,
    Exhibit,
    HeldOut,
    Medium,
    Output,
    Place,
    label_option,
    worse_than_uniform,
)
from vaekit.interfaces.media.pictures import grid, remove_others, save_images, save_png
from vaekit.interfaces.report.page import columns
from vaekit.modalities import Shown, View
from vaekit.trained import TrainedModel
from vaekit.training.budget import NEVER, Deadline
from vaekit.training.checkpoint import write_atomically

if TYPE_CHECKING:
    from vaekit.interfaces.runs.run import Run

__all__ = ["ImageMedium"]

_PAIRS = 32  # pairs of input and reconstruction in the overview, and data that are manipulated in it
_GRID = 400  # samples in the overview

ARRAYS = (".npy", ".npz")
"""How the names of files of numbers end."""


class ImageMedium(Medium):
    """Images: a PNG file each, and an overview."""

    kind = "image"
    measures = MEASURES

    def facts(self, schema: ImageSchema) -> str:
        """Return the size, the channels and the levels."""
        levels = f"{schema.levels} levels" if schema.levels else f"real values in [{schema.low:.4g}, {schema.high:.4g}]"
        return f"images {schema.height} x {schema.width}, {schema.channels} channel(s), {levels}"

    def size(self, brief: Mapping[str, Any], event: Sequence[int]) -> str:
        """Return the pixels and the channels."""
        channels = {1: "grey", 3: "RGB", 4: "RGBA"}.get(brief["channels"], f"{brief['channels']} channels")
        return f"{brief['height']} x {brief['width']} pixels, {channels}"

    def writer(self, model: TrainedModel, out: Path | None) -> TrainedModel:
        """Return the model itself for a file of numbers, and one for display for pictures."""
        return model if _holds_numbers(out) else model.displayed

    def write(self, output: Output, place: Place) -> Answer:
        """Write a file of numbers; or pictures: a file for each datum where they have names, and all together in one."""
        if place.out is not None and _holds_numbers(place.out):
            return self._write_numbers(output, check_suffix(place.out, ARRAYS))
        if output.names is None:
            picture = str(save_png(grid(self._overview(output), columns=output.columns), _file(output, place)))
            return Answer({"picture": picture}, [picture])
        if place.out is None:
            raise ValueError("images need a folder for pictures, or a file for numbers: give --out FOLDER or FILE.npz")
        folder, software = _folder(place.out), f"vaekit {output.verb}"
        files = save_images(output.shown, folder, list(output.names), software)
        name = "grid" if output.inputs is None else "pairs"
        sheet = grid(self._overview(output), columns=output.columns)
        overview = save_png(sheet, folder / f"{name}.png", OVERVIEW)
        old = remove_others(folder, software, {*files, overview})
        values = {"picture": str(overview), "files": [str(file) for file in files], "removed": len(old)}
        lines = [f"{len(files)} images in {folder}, and an overview: {overview}"]
        lines += [f"{len(old)} images of an earlier {output.verb} were there, and were removed"] if old else []
        channels = output.shown.shape[1]
        lines += (
            []
            if channels in (1, 3, 4)
            else [f"the {channels} channels stand side by side; --out FILE.npz keeps them apart"]
        )
        return Answer(values, lines)

    def arrays(self, shown: torch.Tensor) -> Array:
        """Return images as an array `(N, H, W)`, or `(N, H, W, C)` if they have channels."""
        images = shown.movedim(1, -1).cpu().numpy()
        return images[..., 0] if images.shape[-1] == 1 else images

    def _write_numbers(self, output: Output, out: Path) -> Answer:
        """Write data in their own units; .npz holds what led to them too."""
        made = self.arrays(output.shown)
        if out.suffix.lower() == ".npy":
            buffer = BytesIO()
            np.save(buffer, made, allow_pickle=False)
            write_atomically(out, buffer.getvalue())
        else:
            inputs = {} if output.inputs is None else {"inputs": self.arrays(output.inputs)}
            names = {} if output.names is None else {"names": np.array(output.names)}
            lead = {name: np.array(column) for name, column in output.lead.items()}
            write_columns(out, {"x": made, **inputs, **names, **lead})
        return Answer(
            {"out": str(out), "n": len(made)}, [f"{len(made)} data of type {made.dtype}, shape {made.shape[1:]}: {out}"]
        )

    def flat(self, rows: torch.Tensor) -> Shown:
        """Return images in rows as one stack."""
        return rows.flatten(0, 1)

    def preview(self, data: Dataset, view: View, plots: Path) -> None:
        """Draw some training images."""
        shown = data.taken(data.drawn("train", 64))
        save_png(grid(view.display(view.prepare(shown.values))), plots / "data.png")

    def exhibits(
        self, run: Run, result: Bounds, held_out: HeldOut | None, deadline: Deadline = NEVER
    ) -> Iterator[Exhibit]:
        """Yield reconstructions beside samples, interpolations and a traversal."""
        for row in galleries(run, result, held_out):
            yield Exhibit(columns(row) if len(row) > 1 else row[0].html(wide=True), tuple(row))

    def remarks(self, view: View, result: Bounds, evaluated: HeldOut) -> Answer:
        """Return whether the bound is worse than one of a model that gives every level the same probability."""
        traits = view.traits
        if traits.levels is None or not (traits.dequantized or getattr(traits.family, "measure", "") == "counting"):
            return Answer({}, [])
        levels = 2 if getattr(traits.family, "support", "") == "binary" else traits.levels
        return Answer({}, worse_than_uniform(result, levels, f"each of {levels} levels"))

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


def _holds_numbers(out: Path | None) -> bool:
    return out is not None and out.suffix.lower() in ARRAYS and not out.is_dir()


def _file(output: Output, place: Place) -> Path:
    if place.out is None and place.plots is None:
        raise ValueError("the model has no folder for pictures; give --out FILE.png")
    return check_suffix(place.out or Path(place.plots or ".") / f"{output.verb}.png", (".png",))


def _folder(out: Path) -> Path:
    if out.exists() and not out.is_dir():
        raise FileExistsError(f"{out} is a file; give a folder as --out")
    out.mkdir(parents=True, exist_ok=True)
    return out
