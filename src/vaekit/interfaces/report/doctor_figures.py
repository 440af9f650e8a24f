"""Charts of an examination: latents against their prior, calibration, power spectra, rate and distortion."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor
from torch.nn.functional import pad

from vaekit.interfaces.report.figures import DATA, GREY, INK, chart
from vaekit.interfaces.report.page import Picture

__all__ = ["aggregate", "calibration", "rate_distortion", "spectra"]

_POINTS = 1500  # of a cloud: more hide one another
_LINES = "#c9d2db"
_MARK = "#d1495b"
_CURVES = ((INK, "-"), (DATA, "-"), (_MARK, "-"), (DATA, "--"))
_DECADES = 6.0  # of power, at most: below there is nothing but rounding


def aggregate(posterior: Tensor, prior: Tensor, said: str = "") -> Picture:
    """Return draws of the aggregate posterior `(N, 2)` over draws of the prior `(M, 2)`, in one plane; `(N, 1)` on a line.

    Args:
        posterior: Draws of q(z) = E q(z | x) over held-out data, projected.
        prior: Draws of p(z), projected the same way.
        said: A sentence with the number that was measured.
    """

    def draw(axes: Any) -> None:
        for points, color, name in ((prior, GREY, "prior p(z)"), (posterior, DATA, "aggregate posterior q(z)")):
            # One latent has one axis: its cloud is a line.
            x, y = pad(points[:_POINTS].double(), (0, 2 - points.shape[1])).unbind(1)
            axes.scatter(x, y, s=7, color=color, alpha=0.6, linewidths=0, label=name)
        axes.set_xlabel("First axis of q(z)")
        axes.set_ylabel("Second axis")
        # Above the axes, for a cloud leaves no corner free.
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, markerscale=2.5, borderaxespad=0.2)
        axes.figure.subplots_adjust(top=0.89)

    caption = (
        "Latents of held-out data (blue) over draws from the prior (grey), along the directions in which q(z) is widest. "
        "Healthy: the clouds cover each other. Grey without blue are holes: samples from there look like no data; "
        f"blue without grey are data that samples never show.{f' {said}' if said else ''}"
    )
    return Picture("aggregate", "Aggregate posterior against prior", caption, chart(draw), "chart")


def calibration(heights: Sequence[float], errors: Sequence[float], said: str = "") -> Picture:
    """Return the histogram of the probability integral transform with the line of a calibrated model.

    Args:
        heights: The density in each of B bins of equal width, 1 where calibrated.
        errors: The standard error of each.
        said: A sentence with the number that was measured.
    """
    bins, band = len(heights), 2 * float(np.mean(errors))

    def draw(axes: Any) -> None:
        axes.bar([(i + 0.5) / bins for i in range(bins)], heights, width=0.9 / bins, color=DATA)
        axes.axhspan(1 - band, 1 + band, color=_MARK, alpha=0.18, linewidth=0, label="two standard errors")
        axes.axhline(1, color=_MARK, linestyle=":", label="calibrated")
        axes.set_xlim(-0.01, 1.01)
        axes.set_ylim(0, 1.28 * max(1 + band, *heights))
        axes.grid(visible=False, axis="x")
        axes.set_xlabel("Rank of the data among draws from p(x | z)")
        axes.set_ylabel("Density")
        axes.legend(loc="upper center", ncols=2)

    caption = (
        "Where each value lies among draws from its own p(x | z), z from the posterior. Healthy: flat, along the dotted line. "
        "High at both ends: the likelihood is too narrow for the data; high in the middle: too wide; a slope: biased."
        f"{f' {said}' if said else ''}"
    )
    return Picture("calibration", "Calibration of the likelihood", caption, chart(draw), "chart")


def spectra(frequency: Tensor, power: Mapping[str, Tensor], said: str = "") -> Picture:
    """Return radially averaged power spectra on logarithmic axes.

    Args:
        frequency: In cycles per pixel, `(F,)`.
        power: At most four spectra `(F,)` by name, the data first.
        said: A sentence with the number that was measured.
    """
    top = max(float(values.max()) for values in power.values())
    lowest = top * 10**-_DECADES if top > 0 else 1.0
    bottom = max(lowest, min(float(values.min()) for values in power.values()))

    def draw(axes: Any) -> None:
        for (name, values), (color, line) in zip(power.items(), _CURVES, strict=False):
            shown = values.double().clamp_min(lowest).tolist()
            axes.plot(frequency.tolist(), shown, color=color, linestyle=line, label=name)
        axes.set_yscale("log")
        # Whole decades: of less, the axis would hardly have a number.
        axes.set_ylim(10.0 ** math.floor(math.log10(bottom)), 10.0 ** math.ceil(math.log10(max(top, bottom)) + 0.1))
        axes.set_xlabel("Frequency (cycles per pixel; 0.5 is the finest)")
        axes.set_ylabel("Power")
        axes.legend(loc="best")

    caption = (
        "How much there is of coarse structure (left) and of fine (right). Healthy: the curves lie on each other. "
        "Reconstructions or samples that fall off towards the right are blurred; above the data, they are noisy."
        f"{f' {said}' if said else ''}"
    )
    return Picture("spectra", "Power spectra", caption, chart(draw), "chart")


def rate_distortion(rates: Tensor, distortions: Tensor, point: tuple[float, float]) -> Picture:
    """Return the rate-distortion curve of decoder and prior, the model's own point, and lines of equal ELBO.

    Args:
        rates: Of the curve, in nats per datum, `(T,)`.
        distortions: The same.
        point: Rate and distortion of the model.
    """
    rate, distortion = point
    ordered = rates.argsort()
    curve = np.stack([rates[ordered].double().numpy(), distortions[ordered].double().numpy()])

    def draw(axes: Any) -> None:
        (left, right), (low, high) = window = _window(curve, point)
        _equal_bounds(axes, *window)
        axes.plot(*curve, color=DATA, label="without the encoder")
        axes.plot(
            [left, right],
            [rate + distortion - left, rate + distortion - right],
            color=_MARK,
            linestyle=":",
            linewidth=1.2,
            label=f"ELBO {-(rate + distortion):,.2f}",
        )
        axes.plot([rate], [distortion], color=_MARK, marker="o", linestyle="", label="the model")
        axes.set_xlim(left, right)
        axes.set_ylim(low, high)
        axes.grid(visible=False)
        axes.set_xlabel("Rate (nats)")
        axes.set_ylabel("Distortion (nats)")
        axes.legend(loc="upper right", frameon=True, framealpha=1, edgecolor="white")

    caption = (
        "Every way to spend nats on latents (rate) or on reconstruction errors (distortion); each grey line has one ELBO, "
        "lower left is better. Blue: what this decoder and prior reach without the encoder, by annealed importance "
        "sampling. Healthy: the point lies at the curve where it touches the dotted line, or below, as short chains fall behind "
        "a good encoder. Far above the curve: the encoder is at fault; else only another decoder or prior helps."
    )
    return Picture("rate-distortion", "Rate and distortion", caption, chart(draw), "chart")


def _window(curve: np.ndarray, point: tuple[float, float]) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the part of the plane around the model's point; the ends of a curve are far away."""
    rate, distortion = point
    right = max(2.2 * rate, 1.0)
    seen = curve[1][(curve[0] <= right) & (curve[1] <= distortion + 1.5 * right)]
    low = min([distortion, *seen])
    high = max([distortion + 0.3 * right, *seen])
    margin = 0.08 * (high - low)
    return (0.0, right), (low - margin, high + margin)


def _equal_bounds(axes: Any, across: tuple[float, float], up: tuple[float, float]) -> None:
    lowest, highest = across[0] + up[0], across[1] + up[1]
    step = 10 ** math.floor(math.log10((highest - lowest) / 4))
    step *= next(m for m in (1, 2, 5, 10) if (highest - lowest) / (m * step) <= 12)
    for total in np.arange(math.ceil(lowest / step) * step, highest, step):
        axes.plot(across, [total - across[0], total - across[1]], color=_LINES, linewidth=0.8, zorder=0)
