"""Charts: curves over steps, KL per dimension, the latent map. Matplotlib's objects only, never its global state."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from vaekit.interfaces.report.page import Picture

__all__ = [
    *("DATA", "GREY", "INK", "TRAIN", "VALIDATION"),
    *("chart", "curves", "group_rates", "limits", "panels", "printable", "rates"),
]

INK, GREY = "#333c46", "#9aa5b1"
TRAIN, VALIDATION, DATA = "#b3bcc6", "#24639f", "#24639f"
_BEST = "#d1495b"
_FLOOR = 1e-4  # nats: lower bars end here
_STYLE: Any = {
    "text.usetex": False,
    "font.family": ["DejaVu Sans"],
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.facecolor": "white",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.formatter.useoffset": False,
    "grid.color": "#e8ecf0",
    "grid.linewidth": 0.8,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.minor.visible": False,
    "lines.linewidth": 1.6,
    "legend.frameon": False,
    "legend.fontsize": 9,
}


def chart(draw: Callable[[Any], None]) -> Image.Image:
    """Return what `draw` draws on a pair of axes, at twice the resolution of the page."""
    # Fixed margins: an automatic layout would measure every text twice, for half of the time of the report.
    margins = {"left": 0.17, "right": 0.98, "bottom": 0.15, "top": 0.96}
    return _drawn((5.4, 3.5), margins, lambda figure: draw(figure.add_subplot()))


def panels(draws: Sequence[Callable[[Any], None]], across: int = 4) -> Image.Image:
    """Return what each of `draws` draws on small axes of its own, row by row, as wide as the page.

    Args:
        draws: What is drawn, one at least.
        across: Axes in a row.
    """
    down = -(-len(draws) // across)
    height = 1.85 * down
    margins = {"left": 0.075, "right": 0.99, "bottom": 0.45 / height, "top": 1 - 0.3 / height, "wspace": 0.42}

    def draw(figure: Any) -> None:
        for place, one in enumerate(draws, 1):
            axes = figure.add_subplot(down, across, place)
            axes.tick_params(labelsize=7, length=2)
            one(axes)

    return _drawn((9.2, height), {**margins, "hspace": 0.7}, draw)


def printable(text: str, most: int = 16) -> str:
    """Return what matplotlib's own font can write of a text; the page itself has the whole one."""
    return "".join(letter if letter.isprintable() and ord(letter) < 0x250 else "?" for letter in text[:most])


def _drawn(size: tuple[float, float], margins: Mapping[str, float], draw: Callable[[Any], None]) -> Image.Image:
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=size, dpi=200, facecolor="white")
        figure.subplots_adjust(**margins)
        canvas = FigureCanvasAgg(figure)
        draw(figure)
        canvas.draw()
        return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


def curves(history: Sequence[dict[str, Any]]) -> list[Picture]:
    """Return the bound, the distortion, the rate and the learning rate over steps, the best step marked."""
    if not history:
        return []
    steps = [line["step"] for line in history]
    best = _best_step(history)
    where = (
        f"The dotted line marks the best validation bound, at step {best}."
        if best is not None
        else "No step was finite."
    )
    batch = "The grey curve is a single training batch, the blue curve held-out data."
    texts = (
        ("ELBO", "Bound over steps", f"A lower bound on log p(x): larger is better. {batch} {where}"),
        ("Distortion", "Distortion over steps", "-E log p(x | z), the cost of the reconstruction: smaller is better."),
        ("Rate", "Rate over steps", "KL(q(z | x) || p(z)): what the latents carry, in nats per datum."),
    )
    pictures = []
    for name, title, caption in texts:
        key = name.lower()
        if all(line.get(key) is None for line in history):
            continue  # a model without a density has neither a bound nor a rate
        series = [("training batch", f"train_{key}", TRAIN), ("validation", key, VALIDATION)]
        drawn = chart(_curve(steps, [(n, _column(history, k), c) for n, k, c in series], f"{name} (nats)", best))
        pictures.append(Picture(f"curve-{key}", title, caption, drawn, "chart"))
    rate = chart(_curve(steps, [("", _column(history, "lr"), VALIDATION)], "Learning rate", best))
    caption = "The learning rate of the optimizer: warm-up, plateau and decay."
    return [*pictures, Picture("curve-lr", "Learning rate over steps", caption, rate, "chart")]


def rates(values: Tensor, names: Sequence[str], threshold: float = 0.01) -> Picture:
    """Return the KL of every latent dimension as sorted bars, with the line under which a dimension carries nothing."""
    order = values.argsort(descending=True)
    heights = values[order].double().nan_to_num().clamp_min(_FLOOR).tolist()

    def draw(axes: Any) -> None:
        colors = [DATA if height >= threshold else TRAIN for height in heights]
        axes.bar(range(len(heights)), heights, width=0.8 if len(heights) <= 64 else 1.0, color=colors)
        limits = min(threshold / 4, min(heights) / 2), max(threshold, *heights, 1e-3) * 2.5
        axes.set(yscale="log", ylim=limits, ylabel="KL (nats, logarithmic)")
        axes.axhline(threshold, color=_BEST, linestyle=":", label=f"{threshold} nat")
        axes.grid(visible=False, axis="x")
        if few := len(heights) <= 20:
            axes.set_xticks(range(len(heights)), [names[j] for j in order.tolist()])
        axes.set_xlabel("Latent dimension" if few else "Latent dimensions, sorted")
        axes.legend(loc="upper right")

    used = sum(height >= threshold for height in heights)
    rest = "" if used == len(heights) else "; the others have collapsed to the prior"
    count = f"{used} of {len(heights)} dimensions carry more than {threshold} nat{rest}."
    caption = f"Mean KL(q(z_j | x) || p(z_j)) over the evaluated data, on a logarithmic axis: {count}"
    return Picture("rates", "KL per latent dimension", caption, chart(draw), "chart")


def group_rates(values: Sequence[float]) -> Picture:
    """Return the rate of each group of latents as bars, the top one first, and the share that they add up to.

    Args:
        values: The mean rate of each group in nats, from the top down.
    """
    total = sum(values) or 1.0
    shares = (np.cumsum(values) / total).tolist()

    def draw(axes: Any) -> None:
        places = range(len(values))
        axes.bar(places, values, width=0.8, color=DATA)
        axes.set(xlabel="Group of latents, from the top down", ylabel="Rate (nats)", xlim=(-0.6, len(values) - 0.4))
        axes.set_ylim(bottom=min(0.0, *values))
        axes.grid(visible=False, axis="x")
        if len(values) <= 20:
            axes.set_xticks(places, [f"z{i}" for i in places])
        beside = axes.twinx()
        beside.plot(places, shares, color=_BEST, marker="o" if len(values) <= 20 else "", markersize=3.5)
        beside.set(ylim=(0, 1.05), ylabel="Share of the rate, added up", yticks=(0, 0.25, 0.5, 0.75, 1))
        beside.set_yticklabels(["0", "25 %", "50 %", "75 %", "100 %"])
        beside.spines["right"].set_visible(True)
        beside.grid(visible=False)
        axes.figure.subplots_adjust(right=0.84)

    largest = max(range(len(values)), key=values.__getitem__)
    most = f"z{largest} carries most, {values[largest]:.2f} nats ({values[largest] / total:.0%})."
    caption = (
        f"Bars: mean KL(q || p) of each group over the evaluated data. Red: the share that the groups add up to. {most}"
    )
    return Picture("group-rates", "Rate of each group of latents", caption, chart(draw), "chart")


def limits(series: Sequence[Sequence[float]]) -> tuple[float, float] | None:
    """Return y-limits that ignore the wild values at the start and rare spikes later; None where nothing is finite."""
    kept = []
    for values in series:
        tail = np.asarray(values[len(values) // 10 :], dtype=float)
        tail = tail[np.isfinite(tail)]
        if len(tail):
            kept += [*np.quantile(tail, [0.02, 0.98]), tail[-1]]
    if not kept:
        return None
    low, high = float(min(kept)), float(max(kept))
    margin = 0.08 * (high - low) or max(abs(high) * 0.05, 1e-6)
    return low - margin, high + margin


def _curve(
    steps: Sequence[int], series: Sequence[tuple[str, list[float], str]], name: str, best: int | None
) -> Callable[[Any], None]:
    def draw(axes: Any) -> None:
        marker = "o" if len(steps) <= 20 else ""
        for label, values, color in series:
            axes.plot(steps, values, color=color, marker=marker, markersize=3.5, label=label or None)
        if best is not None:
            axes.axvline(best, color=_BEST, linestyle=":", linewidth=1.2, label=f"best: step {best}")
        bounds = limits([values for _, values, _ in series])
        if bounds is not None:
            axes.set_ylim(*bounds)
        axes.locator_params(axis="x", nbins=6, integer=True)
        axes.set(xlabel="Step", ylabel=name)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(loc="best")

    return draw


def _best_step(history: Sequence[dict[str, Any]]) -> int | None:
    key, sign = ("elbo", 1) if any(line.get("elbo") is not None for line in history) else ("distortion", -1)
    finite = [line for line in history if math.isfinite(_number(line.get(key)))]
    return max(finite, key=lambda line: sign * line[key])["step"] if finite else None


def _column(history: Sequence[dict[str, Any]], key: str) -> list[float]:
    """Return a column; what is not finite leaves a gap in the curve."""
    values = [_number(line.get(key)) for line in history]
    return [value if math.isfinite(value) else math.nan for value in values]


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)
