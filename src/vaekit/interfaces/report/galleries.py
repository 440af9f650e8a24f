"""Pictures of images: reconstructions, samples, interpolations, traversals."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from PIL import Image
from torch import Tensor

from vaekit.evaluation import Bounds
from vaekit.interfaces.pictures import picture
from vaekit.interfaces.report.page import Picture
from vaekit.interfaces.run import Run

__all__ = ["galleries", "sheet", "shows_images"]

_LARGEST = 96  # pixels of a cell's longer side: ten of them fill the page
_MANY_PIXELS = 64 * 64  # above it, decoding costs seconds and fewer images suffice
_REACH = 3.0
_DIMENSIONS = 8


def shows_images(run: Run) -> bool:
    """Whether the model's data are images; a free composition says it by the shape of what it makes."""
    sample = run.sample(1)
    return sample.dim() == 4 and min(sample.shape[2:]) > 1


def galleries(run: Run, result: Bounds, labels: Tensor | None, *, has_data: bool) -> list[Picture]:
    """Return every picture of images that the data at hand allow.

    Args:
        run: A run whose data are images.
        result: The bounds of the data that are shown.
        labels: The class of each of them.
        has_data: Whether the data themselves are at hand.
    """
    few = math.prod(run.sample(1).shape[2:]) > _MANY_PIXELS
    pictures = [_samples(run, 16 if few else 64)]
    if has_data:
        pictures.insert(0, _reconstructions(run, 8 if few else 32))
    if has_data and len(result.means) > 1:
        pictures.append(_interpolations(run, result.means, labels, 6 if few else 9))
    return [*pictures, _traversal(run, result, 7 if few else 9)]


def sheet(images: Tensor, columns: int, group: int = 0, edges: bool = False) -> Image.Image:
    """Return images `(N, C, H, W)` row by row on a transparent ground, never enlarged.

    Args:
        images: Intensities in [0, 1].
        columns: Images in a row.
        group: So many neighbours stand together, apart from the next ones.
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


def _square(count: int, height: int, width: int) -> int:
    """Return the number of columns that makes a sheet about square."""
    return min(count, max(1, min(16, round(math.sqrt(count * height / width)))))


def _reconstructions(run: Run, count: int) -> Picture:
    inputs, again = run.reconstruct(None, count)
    pairs = torch.stack([inputs, again], 1).flatten(0, 1)
    columns = 2 * _square(len(inputs), inputs.shape[2], 2 * inputs.shape[3])
    caption = "Pairs of held-out data: left what went in, right the point of p(x | z) at the posterior's mean."
    return Picture("reconstructions", "Inputs beside reconstructions", caption, sheet(pairs, columns, group=2), "sheet")


def _samples(run: Run, count: int) -> Picture:
    images = run.sample(count)
    caption = (
        "z from the prior at temperature 1, shown by the mean image of p(x | z); the pixels' own noise is left out."
    )
    drawn = sheet(images, _square(count, *images.shape[2:]))
    return Picture("samples", "Samples from the prior", caption, drawn, "sheet")


def _interpolations(run: Run, means: Tensor, labels: Tensor | None, steps: int) -> Picture:
    pairs = _partners(len(means), labels)
    inputs = run.view.intensity(run.inputs(None, 1 + max(max(pair) for pair in pairs)))
    shares = torch.linspace(0, 1, steps).to(means).unsqueeze(1)
    z = torch.cat([torch.lerp(means[a : a + 1], means[b : b + 1], shares) for a, b in pairs])
    between = run.decode(z.to(next(iter(run.model.parameters()), z).dtype)).unflatten(0, (len(pairs), steps))
    first, last = (inputs[[pair[i] for pair in pairs]].unsqueeze(1) for i in (0, 1))
    images = torch.cat([first, between.to(first), last], 1).flatten(0, 1)
    caption = (
        "Each row walks straight from the posterior mean of one held-out datum to that of another; "
        "the data themselves stand at the two ends."
    )
    return Picture("interpolations", "Interpolations", caption, sheet(images, steps + 2, edges=True), "sheet")


def _partners(count: int, labels: Tensor | None, rows: int = 4) -> list[tuple[int, int]]:
    """Return pairs of data, of different classes where there are any."""
    free = list(range(min(count, 40)))
    pairs: list[tuple[int, int]] = []
    while len(free) > 1 and len(pairs) < rows:
        a = free.pop(0)
        other = [b for b in free if labels is not None and labels[a] != labels[b]]
        b = (other or free)[0]
        free.remove(b)
        pairs.append((a, b))
    return pairs


def _traversal(run: Run, result: Bounds, steps: int) -> Picture:
    means = result.means
    order = means.var(0, correction=0).argsort(descending=True)[:_DIMENSIONS]
    z = means[:1].repeat(len(order), steps, 1)
    z[torch.arange(len(order)), :, order] = torch.linspace(-_REACH, _REACH, steps).to(z)
    images = run.decode(z.flatten(0, 1).to(next(iter(run.model.parameters()), z).dtype))
    caption = (
        f"Each row moves one latent dimension of one held-out datum from {-_REACH:g} to {_REACH:g} and keeps the others. "
        f"From the top, most active first: {_named(order.tolist(), result.rate_per_dimension)}."
    )
    return Picture("traversal", "Latent traversal", caption, sheet(images, steps), "sheet")


def _named(dimensions: Sequence[int], rates: Tensor | None) -> str:
    if rates is None:
        return ", ".join(f"z{j}" for j in dimensions)
    return ", ".join(f"z{j} ({rates[j]:.2f} nats)" for j in dimensions)
