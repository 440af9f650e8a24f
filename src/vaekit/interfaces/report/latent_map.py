"""A map of the latent space: where the posterior means of held-out data lie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor

from vaekit.interfaces.report.figures import DATA, GREY, INK, chart, printable
from vaekit.interfaces.report.page import Picture

__all__ = ["latent_map"]

_MOST = 2000
_NAMED = 24  # classes that a legend can still list
_PLACED = 12  # classes whose names still fit among the points
_PALETTE = (
    "#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#17becf", "#bcbd22", "#5b5b5b",
    "#7eb6e6", "#ffbe7d", "#8fd18f", "#f29c9b", "#c5b0d5", "#c4a49c", "#f2bfe0", "#9edae5", "#dbdb8d", "#b5b5b5"
)  # fmt: skip


def latent_map(means: Tensor, labels: Tensor | None, classes: Sequence[str]) -> Picture | None:
    """Return the posterior means on a plane, or as a histogram where there is one dimension.

    Args:
        means: Posterior means `(N, D)`.
        labels: The class of each, below zero where it has none; None without labels.
        classes: The names of the classes.

    Returns:
        The picture; None where fewer than three data are finite.
    """
    points = means[:_MOST].double().numpy()
    codes = np.zeros(len(points), int) - 1 if labels is None else labels[:_MOST].numpy()
    kept = np.isfinite(points).all(1)
    points, codes = points[kept], codes[kept]
    if len(points) < 3:
        return None
    groups = [int(code) for code in np.unique(codes)]
    colors = {code: GREY if code < 0 and len(groups) > 1 else _color(code) for code in groups}
    dimensions = points.shape[1]
    if dimensions == 1:
        image = chart(lambda axes: _histogram(axes, points[:, 0], codes, colors))
        how = "The histogram of the only latent dimension"
    else:
        plane, names, how = _plane(points)
        texts = {code: printable(_class_name(code, classes)) for code in groups} if 1 < len(groups) <= _PLACED else {}

        def draw(axes: Any) -> None:
            _scatter(axes, plane, codes, colors, texts)
            axes.set(xlabel=names[0], ylabel=names[1])

        image = chart(draw)
    colored = ", colored by class" if len(groups) > 1 else ""
    caption = f"{how}: posterior means of {len(points):,} held-out data{colored}."
    return Picture("latent-map", "Latent map", caption, image, "chart", _legend(colors, classes))


def _plane(points: np.ndarray) -> tuple[np.ndarray, tuple[str, str], str]:
    if points.shape[1] == 2:
        return points, ("z0", "z1"), "The two latent dimensions"
    # scikit-learn's PCA is the same, but to import it costs more than the rest of the report.
    centered = points - points.mean(0)
    # The smaller of the two matrices of products has the same leading values: latents may have more axes than there are data.
    wide = points.shape[1] > len(points)
    variances, axes = np.linalg.eigh(centered @ centered.T if wide else centered.T @ centered)
    axes = axes[:, [-1, -2]]
    if wide:
        axes = centered.T @ axes / np.sqrt(np.maximum(variances[[-1, -2]], np.finfo(float).tiny))
    axes = axes * np.where(axes[np.abs(axes).argmax(0), [0, 1]] < 0, -1, 1)
    plane, shares = centered @ axes, 100 * variances[[-1, -2]] / max(variances.sum(), np.finfo(float).tiny)
    names = (f"Component 1 ({shares[0]:.0f} % of the variance)", f"Component 2 ({shares[1]:.0f} %)")
    return plane, names, f"The first two principal components of {points.shape[1]} latent dimensions"


def _scatter(axes: Any, plane: np.ndarray, codes: np.ndarray, colors: dict[int, str], texts: dict[int, str]) -> None:
    from matplotlib.patheffects import withStroke

    style = {"ha": "center", "va": "center", "weight": "bold", "parse_math": False, "color": INK}
    size = 9 if len(plane) > 300 else 18
    axes.scatter(plane[:, 0], plane[:, 1], s=size, c=[colors[code] for code in codes], alpha=0.75, linewidths=0)
    for code, text in texts.items():
        where = np.median(plane[codes == code], axis=0)
        axes.annotate(text, where, path_effects=[withStroke(linewidth=3, foreground="white")], **style)


def _histogram(axes: Any, values: np.ndarray, codes: np.ndarray, colors: dict[int, str]) -> None:
    parts = [values[codes == code] for code in colors]
    axes.hist(parts, bins=min(40, max(5, len(values) // 5)), stacked=True, color=list(colors.values()))
    axes.set(xlabel="z0", ylabel="Data")


def _color(code: int) -> str:
    return DATA if code < 0 else _PALETTE[code % len(_PALETTE)]


def _legend(colors: dict[int, str], classes: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Return the legend for the page, where every alphabet has its letters; matplotlib's font has not."""
    if len(colors) == 1 and -1 in colors:
        return ()
    entries = [(color, _class_name(code, classes)) for code, color in colors.items()]
    more = len(entries) - _NAMED
    return (*entries[:_NAMED], *([("transparent", f"and {more} more")] if more > 0 else []))


def _class_name(code: int, classes: Sequence[str]) -> str:
    if code < 0:
        return "no class"
    return classes[code] if code < len(classes) else str(code)
