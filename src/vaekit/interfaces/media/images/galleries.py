"""Pictures of images: reconstructions, samples, interpolations, traversals."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from PIL import Image
from torch import Tensor

from vaekit.evaluation import SHARPNESS_IMAGES, Bounds, sharpness
from vaekit.interfaces.media.medium import HeldOut
from vaekit.interfaces.media.pictures import picture
from vaekit.interfaces.report.doctor_figures import sharpness_chart
from vaekit.interfaces.report.page import Picture
from vaekit.interfaces.report.walks import REACH, interpolated, traversed
from vaekit.interfaces.runs.run import Run
from vaekit.models import evaluating

__all__ = ["galleries", "sheet", "shows_images"]

_LARGEST = 96  # pixels of a cell's longer side: ten of them fill the page
_MANY_PIXELS = 64 * 64  # above it, decoding costs seconds and fewer images suffice
_PIXELS = 2**19  # behind a power spectrum: 128 images of 64 x 64
_ROWS = 4  # of interpolations
_DIMENSIONS = 8
_KEPT = 6  # numbers of groups of latents that reconstructions keep, at most
_LABELS = 20  # classes that have a row of samples


def shows_images(run: Run) -> bool:
    """Whether the model's data are images, judged by the shape of what it generates."""
    shape = _shape(run)
    return len(shape) == 3 and min(shape[1:]) > 1


def galleries(run: Run, result: Bounds, held_out: HeldOut | None) -> Iterator[list[Picture]]:
    """Yield every picture of images that the available data allow, row by row.

    Args:
        run: A run whose data are images.
        result: The bounds of the data that are shown.
        held_out: The data themselves, if they are available.
    """
    has_data, labels = held_out is not None, None if held_out is None else held_out.labels
    few = math.prod(_shape(run)[1:]) > _MANY_PIXELS
    small = [_reconstructions(run, 8 if few else 32)] if has_data else []
    if run.conditions.kind != "context" or has_data:
        small.append(_samples(run, 16 if few else 64))
    if small:
        yield small
    if held_out is not None and (found := _spectra(run, held_out)):
        yield [found]
    if has_data and len(run.latents.sizes) > 1:
        yield [_groups(run, 8 if few else 12)]
    if not run.latents.is_walkable:
        return
    if has_data and len(result.means) > 1:
        yield [_interpolations(run, result.means, labels, 6 if few else 9)]
    if has_data or not run.conditions.size:
        yield [_traversal(run, result, 7 if few else 9)]


def sheet(images: Tensor, columns: int, group: int = 0, edges: bool = False) -> Image.Image:
    """Return images `(N, C, H, W)` row by row on a transparent ground, never enlarged.

    Args:
        images: Intensities in [0, 1].
        columns: Images in a row.
        group: Number of neighbors that stand together, apart from the next group.
        edges: Set the first and the last image of each row apart.
    """
    shrink = max(1.0, max(images.shape[2:]) / _LARGEST)
    height, width = (max(1, round(side / shrink)) for side in images.shape[2:])
    gap = max(1, round(max(height, width) / 16))
    lefts = _lefts(columns, width, gap, group, edges)
    rows = math.ceil(len(images) / columns)
    canvas = Image.new("RGBA", (lefts[-1] + width, rows * (height + gap) - gap), (0, 0, 0, 0))
    for i, image in enumerate(images):
        cell = picture(image).convert("RGBA")
        if shrink > 1:
            cell = cell.resize((width, height), Image.Resampling.LANCZOS)
        canvas.paste(cell, (lefts[i % columns], i // columns * (height + gap)))
    return canvas


def _lefts(columns: int, width: int, gap: int, group: int, edges: bool) -> list[int]:
    lefts, left = [], 0
    for i in range(columns):
        apart = (group and i % group == 0) or (edges and i in (1, columns - 1))
        left += 0 if i == 0 else width + (3 * gap if apart else gap)
        lefts.append(left)
    return lefts


def _shape(run: Run) -> tuple[int, ...]:
    """Return the shape of one datum, from one that is made for it."""
    with evaluating(run.model):
        return tuple(run.model.generate(1, *run.conditions.zeros(1)).shape[1:])


def _square(count: int, height: int, width: int) -> int:
    """Return the number of columns that makes a sheet about square."""
    return min(count, max(1, min(16, round(math.sqrt(count * height / width)))))


def _reconstructions(run: Run, count: int) -> Picture:
    inputs, again = run.displayed.reconstruct(None, count)
    pairs = torch.stack([inputs, again], 1).flatten(0, 1)
    columns = 2 * _square(len(inputs), inputs.shape[2], 2 * inputs.shape[3])
    caption = "Pairs of held-out data: left the input, right its reconstruction from the posterior mean."
    return Picture("reconstructions", "Inputs beside reconstructions", caption, sheet(pairs, columns, group=2), "sheet")


def _spectra(run: Run, held_out: HeldOut) -> Picture | None:
    """Return the power spectra of data, reconstructions and samples, of as many images as there is time for."""
    count = max(1, min(SHARPNESS_IMAGES, _PIXELS // math.prod(_shape(run)[1:])))
    with evaluating(run.model):
        real = run.view.original(held_out.first(count).values)
    if real is None:
        return None
    again = run.displayed.reconstruct(None, len(real))[1]  # bounds cut short by a time limit have fewer data
    found = sharpness(real, again, run.displayed.sample(len(real)))
    return None if found is None else sharpness_chart(found)


def _groups(run: Run, count: int) -> Picture:
    """Return what each further group of latents adds to a reconstruction."""
    total = len(run.latents.sizes)
    kept = sorted({round(1 + (total - 1) * i / (_KEPT - 1)) for i in range(_KEPT)})
    rows = [run.displayed.reconstruct(None, count, keep=keep)[1] for keep in kept]
    inputs = run.displayed.reconstruct(None, count)[0]
    images = torch.stack([inputs, *rows], 1).flatten(0, 1)
    caption = (
        f"Each row: left a held-out datum, then its reconstruction from the first {', '.join(map(str, kept))} of {total} groups "
        "of latents, from the top; the others have the most typical values of their prior."
    )
    return Picture(
        "groups", "Reconstructions from some groups", caption, sheet(images, len(kept) + 1, edges=False), "sheet"
    )


def _samples(run: Run, count: int) -> Picture:
    caption = "z from the prior at temperature 1, shown as the mean image of p(x | z), without pixel noise."
    if names := run.conditions.names[:_LABELS]:
        columns = max(2, min(8, 2 * count // len(names)))
        images = run.displayed.sample(columns * len(names), label=names)
        caption = f"A row per label, from the top {', '.join(names)}: {caption}"
    else:
        images = run.displayed.sample(count)
        columns = _square(count, *images.shape[2:])
    return Picture("samples", "Samples from the prior", caption, sheet(images, columns), "sheet")


def _interpolations(run: Run, means: Tensor, labels: Tensor | None, steps: int) -> Picture:
    walks = interpolated(run, means, labels, _ROWS, steps)
    between = walks.between.unflatten(0, (len(walks.first), steps))
    first, last = (torch.stack([*ends]).unsqueeze(1) for ends in (walks.first, walks.last))
    images = torch.cat([first, between.to(first), last], 1).flatten(0, 1)
    caption = (
        "Each row is a straight line from the posterior mean of one held-out datum to that of another. "
        "The two data themselves are at the ends."
    )
    return Picture("interpolations", "Interpolations", caption, sheet(images, steps + 2, edges=True), "sheet")


def _traversal(run: Run, result: Bounds, steps: int) -> Picture:
    images, names = traversed(run, result, _DIMENSIONS, steps)
    caption = (
        f"Each row moves one latent dimension of one held-out datum from {-REACH:g} to {REACH:g} and keeps the others. "
        f"From the top, the most active first: {', '.join(names)}."
    )
    return Picture("traversal", "Latent traversal", caption, sheet(images, steps), "sheet")
