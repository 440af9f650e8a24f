"""Charts of an examination: latents against their prior, calibration, power spectra, rate and distortion."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from torch import Tensor
from torch.nn.functional import pad

from vaekit.evaluation import Sharpness
from vaekit.interfaces.report.figures import DATA, GREY, INK, chart
from vaekit.interfaces.report.page import Picture

__all__ = ["aggregate", "calibration", "rate_distortion", "sharpness_chart", "spectra"]

_POINTS = 1500  # of a cloud: more hide one another
_LINES = "#c9d2db"
_MARK = "#d1495b"
_CURVES = ((INK, "-"), (DATA, "-"), (_MARK, "-"), (DATA, "--"))
_DECADES = 6.0  # of power, at most: below there is nothing but rounding


def aggregate(posterior: Tensor, prior: Tensor) -> Picture:
    """Return draws of the aggregate posterior over draws of the prior, in a plane or, with one latent, on a line.

    Args:
        posterior: Draws of q(z) = E q(z | x) over held-out data, projected, `(N, 2)` or `(N, 1)`.
        prior: Draws of p(z), projected the same way, `(M, 2)` or `(M, 1)`.
    """

    def draw(axes: Any) -> None:
        for points, color, name in ((prior, GREY, "prior p(z)"), (posterior, DATA, "aggregate posterior q(z)")):
            # One latent has one axis: its cloud is a line.
            x, y = pad(points[:_POINTS].double(), (0, 2 - points.shape[1])).unbind(1)
            axes.scatter(x, y, s=7, color=color, alpha=0.6, linewidths=0, label=name)
        axes.set(xlabel="First axis of q(z)", ylabel="Second axis")
        # Above the axes, for a cloud leaves no corner free.
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, markerscale=2.5, borderaxespad=0.2)
        axes.figure.subplots_adjust(top=0.89)

    caption = (
        "Latents of held-out data (blue) over draws from the prior (grey), along the directions in which q(z) is widest. "
        "Healthy: the two clouds cover each other. Grey without blue is a hole: samples from there do not look like data. "
        "Blue without grey are data that samples never show."
    )
    return Picture("aggregate", "Aggregate posterior against prior", caption, chart(draw), "chart")


def calibration(heights: Sequence[float], errors: Sequence[float]) -> Picture:
    """Return the histogram of the probability integral transform with the line of a calibrated model.

    Args:
        heights: The density in each of B bins of equal width, 1 where calibrated.
        errors: The standard error of each.
    """
    bins, band = len(heights), 2 * float(np.mean(errors))

    def draw(axes: Any) -> None:
        axes.bar([(i + 0.5) / bins for i in range(bins)], heights, width=0.9 / bins, color=DATA)
        axes.axhspan(1 - band, 1 + band, color=_MARK, alpha=0.18, linewidth=0, label="two standard errors")
        axes.axhline(1, color=_MARK, linestyle=":", label="calibrated")
        axes.set(xlim=(-0.01, 1.01), ylim=(0, 1.28 * max(1 + band, *heights)))
        axes.set(xlabel="Rank of the data among draws from p(x | z)", ylabel="Density")
        axes.grid(visible=False, axis="x")
        axes.legend(loc="upper center", ncols=2)

    caption = (
        "The rank of each value among draws from its own p(x | z), with z from the posterior. Healthy: flat, along the dotted "
        "line. High at both ends: the likelihood is too narrow for the data. High in the middle: it is too wide. A slope: it "
        "is biased."
    )
    return Picture("calibration", "Calibration of the likelihood", caption, chart(draw), "chart")


def spectra(frequency: Tensor, power: Mapping[str, Tensor]) -> Picture:
    """Return radially averaged power spectra on logarithmic axes.

    Args:
        frequency: In cycles per pixel, `(F,)`.
        power: At most four spectra `(F,)` by name, the data first.
    """
    top = max(float(values.max()) for values in power.values())
    lowest = top * 10**-_DECADES if top > 0 else 1.0
    bottom = max(lowest, min(float(values.min()) for values in power.values()))
    # Whole decades: on a shorter axis there would hardly be a number.
    limits = 10.0 ** math.floor(math.log10(bottom)), 10.0 ** math.ceil(math.log10(max(top, bottom)) + 0.1)

    def draw(axes: Any) -> None:
        for (name, values), (color, line) in zip(power.items(), _CURVES, strict=False):
            heights = values.double().clamp_min(lowest).tolist()
            axes.plot(frequency.tolist(), heights, color=color, linestyle=line, label=name)
        axes.set(yscale="log", ylim=limits, ylabel="Power")
        axes.set_xlabel("Frequency (cycles per pixel; 0.5 is the finest)")
        axes.legend(loc="best")

    caption = (
        "The amount of coarse structure (left) and of fine structure (right). Healthy: the curves coincide. Reconstructions or "
        "samples that fall below the data towards the right are blurred; above the data, they are noisy."
    )
    return Picture("spectra", "Power spectra", caption, chart(draw), "chart")


def sharpness_chart(found: Sharpness) -> Picture:
    """Return the power spectra of data, reconstructions and samples with their sharpness ratios."""
    curves = {"data": found.data, "reconstructions": found.reconstructions, "samples": found.samples}
    picture = spectra(found.frequency, {**curves, "reconstructions that match": found.agreeing})
    again, made = (found.ratio(power) for power in (found.reconstructions, found.samples))
    numbers = (
        f"Dashed: the power that reconstructions match, {found.agreement:.0%} of that of {found.count} images. Sharpness ratio, "
        f"the power of fine structure (from 1/4 cycle per pixel on) over that of the data: reconstructions {again:.2f}, "
        f"samples {made:.2f}."
    )
    return replace(picture, caption=f"{picture.caption} {numbers}")


def rate_distortion(rates: Tensor, distortions: Tensor, point: tuple[float, float]) -> Picture:
    """Return the rate-distortion curve of decoder and prior, the model's own point, and lines of equal ELBO.

    Args:
        rates: Of the curve, in nats per datum, `(T,)`.
        distortions: The same.
        point: Rate and distortion of the model.
    """
    rate, distortion = point
    total, ordered = rate + distortion, rates.argsort()
    curve = np.stack([rates[ordered].double().numpy(), distortions[ordered].double().numpy()])
    across, up = _window(curve, point)
    dotted: dict[str, Any] = {"color": _MARK, "linestyle": ":", "linewidth": 1.2}

    def draw(axes: Any) -> None:
        _equal_bounds(axes, across, up)
        axes.plot(*curve, color=DATA, label="without the encoder")
        axes.plot(across, [total - end for end in across], label=f"ELBO {-total:,.2f}", **dotted)
        axes.plot([rate], [distortion], color=_MARK, marker="o", linestyle="", label="the model")
        axes.set(xlim=across, ylim=up, xlabel="Rate (nats)", ylabel="Distortion (nats)")
        axes.grid(visible=False)
        axes.legend(loc="upper right", frameon=True, framealpha=1, edgecolor="white")

    caption = (
        "Nats can be spent on latents (rate) or on reconstruction errors (distortion). Each grey line has one ELBO; lower left "
        "is better. Blue: what this decoder and prior reach without the encoder, by annealed importance sampling. Healthy: the "
        "point lies where the curve touches the dotted line, or below it, since short chains fall behind a good encoder. Far "
        "above the curve: the encoder is at fault. Otherwise only another decoder or prior helps."
    )
    return Picture("rate-distortion", "Rate and distortion", caption, chart(draw), "chart")


def _window(curve: np.ndarray, point: tuple[float, float]) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the part of the plane around the model's point; the ends of a curve are far away."""
    rate, distortion = point
    right = max(2.2 * rate, 1.0)
    seen = curve[1][(curve[0] <= right) & (curve[1] <= distortion + 1.5 * right)]
    low, high = min([distortion, *seen]), max([distortion + 0.3 * right, *seen])
    margin = 0.08 * (high - low)
    return (0.0, right), (low - margin, high + margin)


def _equal_bounds(axes: Any, across: tuple[float, float], up: tuple[float, float]) -> None:
    lowest, highest = across[0] + up[0], across[1] + up[1]
    step = 10 ** math.floor(math.log10((highest - lowest) / 4))
    step *= next(m for m in (1, 2, 5, 10) if (highest - lowest) / (m * step) <= 12)
    for total in np.arange(math.ceil(lowest / step) * step, highest, step):
        axes.plot(across, [total - across[0], total - across[1]], color=_LINES, linewidth=0.8, zorder=0)
