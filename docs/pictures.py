"""Draw the pictures of the guides, with our own parts and fixed seeds: `python docs/pictures.py [NAME ...]`."""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from PIL import Image
from pydantic import TypeAdapter
from torch import Tensor, nn
from torch.distributions import Distribution

from vaekit import (
    ELBO,
    IWAE,
    MLP,
    DiscretizedLogistic,
    FreeBits,
    Gaussian,
    ImageVAE,
    Run,
    StandardNormal,
    Training,
    fit,
    fit_prior,
)
from vaekit.diagnosis import Examination
from vaekit.distributions import draw
from vaekit.heads import (
    GMM,
    Beta,
    Categorical,
    ContinuousBernoulli,
    DiscretizedLogisticMixture,
    Family,
    Fixed,
    FlowPrior,
    Laplace,
    NegativeBinomial,
    Poisson,
    Posterior,
    StudentT,
    Vamp,
    ZeroInflated,
    conditional,
)
from vaekit.heads.quantized import Codebook
from vaekit.objectives import Objective
from vaekit.value import Value

HERE = Path(__file__).parent
INK, BLUE, RED, GREEN, GOLD, GREY = "#333c46", "#24639f", "#d1495b", "#3a7d44", "#d99a2b", "#b3bcc6"
STYLE: Any = {
    "font.family": ["DejaVu Sans"],
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 9,
}


def save(name: str, figure: Figure, colors: int = 255) -> None:
    """Write a figure as a small PNG with a palette."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    image = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB").quantize(colors)
    image.save(HERE / f"{name}.png", optimize=True)


def plane(axes: Any, reach: float, title: str) -> None:
    """Make axes a square part of the latent plane."""
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", title=title, xticks=[], yticks=[])


def mesh(reach: float, count: int = 161) -> tuple[Tensor, Tensor]:
    """Return the coordinates of a grid, and its points `(count^2, 2)`."""
    line = torch.linspace(-reach, reach, count)
    return line, torch.stack(torch.meshgrid(line, line, indexing="xy"), -1).flatten(0, 1)


def contours(axes: Any, log_density: Callable[[Tensor], Tensor], reach: float, color: str, width: float = 1.3) -> None:
    """Draw the regions that hold 20, 50, 80 and 95 % of a density on the plane."""
    line, points = mesh(reach)
    with torch.no_grad():
        density = torch.cat([log_density(part) for part in points.split(2000)]).exp().double()
    levels = holding(density, (0.95, 0.8, 0.5, 0.2))
    axes.contour(line, line, density.reshape(len(line), -1), levels=levels, colors=color, linewidths=width)


def holding(density: Tensor, shares: Iterable[float]) -> list[float]:
    """Return the heights above which a density holds given shares of its mass."""
    ordered = density.flatten().sort(descending=True).values
    mass = ordered.cumsum(0) / ordered.sum()
    return [ordered[int((mass < share).sum())].item() for share in shares]


# Likelihoods.


def likelihoods() -> None:
    """Draw the families of one dimension: on the real line, the unit interval, levels and counts."""
    figure = Figure(figsize=(12, 3), dpi=90, layout="constrained")
    axes = figure.subplots(1, 4)
    line, unit = torch.linspace(-7, 7, 281), torch.linspace(0.002, 0.998, 250)
    zero, one = torch.zeros(1, 1), torch.ones(1, 1)
    unit_scale = {"loc": zero, "scale": torch.zeros(1, 1)}
    curve(axes[0], line, Gaussian(), unit_scale, BLUE)
    curve(axes[0], line, Laplace(), unit_scale, RED)
    curve(axes[0], line, StudentT(), {**unit_scale, "df": torch.tensor(-3.0)}, GREEN)
    axes[0].set(title="the real line (logarithmic axis)", yscale="log", ylim=(1e-5, 1))
    curve(axes[1], unit, ContinuousBernoulli(), {"logits": 3 * one}, BLUE)
    curve(axes[1], unit, Beta(), {"a": 1.8 * one, "b": 1.2 * one}, RED)
    curve(axes[1], unit, Beta(), {"a": -0.5 * one, "b": 0 * one}, GOLD, "beta, a < 1")
    axes[1].set(title="the unit interval", ylim=(0, 4))
    levels = torch.arange(16.0)
    points(axes[2], levels, DiscretizedLogistic(levels=16), {"loc": -0.6 * one, "scale": -3.6 * one}, BLUE)
    two: dict[str, Tensor] = {
        "logits": torch.tensor([[0.0, 0.7]]),
        "loc": torch.tensor([[-0.5, 0.75]]),
        "scale": torch.tensor([[-4.5, -3.5]]),
    }
    points(axes[2], levels, DiscretizedLogisticMixture(levels=16, components=2), two, RED, "... mixture")
    ragged = torch.sin(2.4 * levels) - 0.08 * (levels - 8).abs()
    points(axes[2], levels, Categorical(levels=16), {"logits": ragged[None]}, GREEN)
    axes[2].set(title="16 levels", ylim=(0, 0.42))
    counts = torch.arange(16.0)
    mean = {"log_mean": math.log(5) * one}
    spread = {**mean, "log_concentration": math.log(3) * one}
    points(axes[3], counts, Poisson(), mean, BLUE)
    points(axes[3], counts, NegativeBinomial(), spread, RED)
    points(axes[3], counts, ZeroInflated(), {**spread, "logits": -1.5 * one}, GREEN)
    axes[3].set(title="counts")
    for ax in axes:
        ax.legend()
    save("likelihoods", figure)


def density(family: Family, raw: dict[str, Tensor], x: Tensor) -> Tensor:
    """Return p(x) of a family of one dimension."""
    with torch.no_grad():
        return family(raw, (1,)).log_prob(x.unsqueeze(1)).exp()


def curve(axes: Any, x: Tensor, family: Family, raw: dict[str, Tensor], color: str, label: str = "") -> None:
    """Draw a density."""
    axes.plot(x, density(family, raw, x), color=color, label=label or family.kind, linewidth=1.6)


def points(axes: Any, x: Tensor, family: Family, raw: dict[str, Tensor], color: str, label: str = "") -> None:
    """Draw probabilities of integers."""
    shown = density(family, raw, x)
    axes.plot(x, shown, color=color, label=label or family.kind, marker="o", markersize=3.5, linewidth=0.8)


# Posteriors: every family fitted to the same exact posterior, that of z1, z2 ~ N(0, 1) given one curved observation.


def observed(z: Tensor) -> Tensor:
    """Return log p(x | z) + log p(z) of the toy model: x = z2 + 0.7 z1^2 + 0.9 z1 was seen to be 0.8, give or take 0.25."""
    seen = z[..., 1] + 0.7 * z[..., 0].square() + 0.9 * z[..., 0]
    noise = torch.distributions.Normal(0.8, 0.25)
    return noise.log_prob(seen) + StandardNormal((2,))().log_prob(z)


def fitted(description: Value, steps: int = 600) -> tuple[Distribution, float]:
    """Return the q(z) of a family nearest to the exact posterior, and KL(q || p(z | x)) in nats."""
    torch.manual_seed(0)
    module = conditional(description, nn.Linear(1, 8), given=(1,), event=(2,))
    x, optimizer = torch.ones(1, 1), torch.optim.Adam(module.parameters(), lr=2e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        optimizer.zero_grad()
        gap(module(x), 128).backward()
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        q = module.eval()(x)
        return q, gap(q, 20_000).item() + evidence()


def gap(q: Distribution, samples: int) -> Tensor:
    """Return E log q(z) - log p(x, z) in nats: the negative bound."""
    z, log_q = draw(q, samples)
    return ((q.log_prob(z) if log_q is None else log_q) - observed(z)).mean()


def evidence() -> float:
    """Return log p(x) of the toy model by quadrature."""
    line, points = mesh(6.0, 1201)
    step = float(line[1] - line[0])
    return torch.logsumexp(observed(points), 0).item() + 2 * math.log(step)


def posteriors() -> None:
    """Draw one exact posterior and the nearest member of each family, then families on other spaces."""
    figure = Figure(figsize=(10.6, 8.2), dpi=85, layout="constrained")
    axes = iter(figure.subplots(3, 4).flatten())
    exact = next(axes)
    contours(exact, observed, 2.7, RED)
    plane(exact, 2.7, "exact posterior")
    for kind in ("gaussian", "laplace", "full", "planar", "realnvp", "iaf", "spline"):
        ax, (q, missing) = next(axes), fitted(posterior(kind))
        contours(ax, observed, 2.7, GREY)
        with torch.no_grad():
            regions(ax, draw(q, 60_000)[0].flatten(0, 1), 2.7, BLUE)
        plane(ax, 2.7, f"{kind}: {missing:.2f} nats lost")
    for kind in ("vmf", "power_spherical"):
        circle(next(axes), kind)
    ball(next(axes))
    cells(next(axes))
    save("posteriors", figure)


def posterior(kind: str) -> Value:
    """Return a posterior by its name, with its default keys."""
    return TypeAdapter(Posterior).validate_python({"kind": kind})


def circle(axes: Any, kind: str) -> None:
    """Draw densities on the circle as distances from it."""
    angle = torch.linspace(0, 2 * math.pi, 400)
    z = torch.stack([angle.cos(), angle.sin()], -1)
    axes.plot(*z.T, color=INK, linewidth=1)
    for direction, concentration, color in ((0.6, 0.0, BLUE), (2.6, 3.0, RED), (4.5, 8.0, GREEN)):
        pole = torch.tensor([[math.cos(direction), math.sin(direction)]])
        q = posterior(kind)({"loc": pole, "concentration": torch.tensor([[concentration]])}, (2,))
        axes.plot(*(z * (1 + 0.6 * q.log_prob(z).exp().unsqueeze(-1))).T, color=color, linewidth=1.4)
    plane(axes, 2.2, f"{kind} on the circle")


def ball(axes: Any) -> None:
    """Draw wrapped normals of one scale in different places of the ball."""
    axes.add_patch(Circle((0, 0), 1, fill=False, color=INK))
    for x, y, color in ((0.0, 0.0, BLUE), (0.75, 0.75, RED), (-1.9, 0.2, GREEN), (0.5, -2.4, GOLD)):
        q = posterior("poincare")({"loc": torch.tensor([[x, y]]), "scale": torch.tensor([[-2.0, -2.0]])}, (2,))
        regions(axes, q.sample((60_000,)).flatten(0, 1), 1.0, color)
    plane(axes, 1.05, "poincare: one scale, four places")


def cells(axes: Any) -> None:
    """Draw a codebook in the plane, and what goes to each code."""
    vectors = StandardNormal((2,))().sample((2000,))
    book = Codebook(codes=12, width=2)
    book.start(vectors)
    _, points = mesh(2.7)
    side = math.isqrt(len(points))
    cell = book(points).reshape(side, side)
    axes.imshow(cell, origin="lower", extent=(-2.7, 2.7, -2.7, 2.7), cmap="Pastel2", interpolation="nearest", alpha=0.7)
    axes.scatter(*vectors[:400].T, s=2, color=GREY)
    axes.scatter(*book.vectors.T, s=22, color=RED)
    plane(axes, 2.7, "vq: 12 codes and their cells")


def regions(axes: Any, z: Tensor, reach: float, color: str) -> None:
    """Draw the regions that hold shares of draws, for densities that are quick to draw from and slow to evaluate."""
    bins = 61
    counts, edges = torch.histogramdd(z, bins=[bins, bins], range=[-reach, reach, -reach, reach])
    kernel = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
    smooth = nn.functional.conv2d(counts.T[None, None], (kernel[:, None] * kernel)[None, None], padding=2)[0, 0]
    middle = (edges[0][1:] + edges[0][:-1]) / 2
    axes.contour(middle, middle, smooth, levels=holding(smooth, (0.95, 0.8, 0.5, 0.2)), colors=color, linewidths=1.3)


# Objectives: one small model of scikit-learn's digits, trained with each.

DIGITS = ImageVAE(
    shape=(1, 8, 8),
    levels=17,
    value_range=(0, 16),
    latent=8,
    net=MLP(widths=(64, 64)),
    likelihood=DiscretizedLogistic(levels=17),
)


def trained(model: ImageVAE, objective: Objective, folder: Path, steps: int = 600) -> Run:
    """Return a run on digits."""
    training = Training(steps=steps, batch=128, lr=3e-3, ema=0.99, precision="fp32", threads=1, validate_every=steps)
    return fit("digits", model=model, objective=objective, training=training, out=folder)


def measured(objective: Objective) -> tuple[float, float, float, float]:
    """Return rate, distortion, ELBO and IW-200 on the test part after training with an objective."""
    with tempfile.TemporaryDirectory() as folder:
        found = trained(DIGITS, objective, Path(folder) / "run").evaluate(samples=200)
    summary = found.summary()
    return summary["rate"], summary["distortion"], *(found.estimate(name).nats for name in ("elbo", "iw"))


def objectives() -> None:
    """Draw what beta, free bits and the number of importance samples do."""
    figure = Figure(figsize=(10.5, 4), dpi=90, layout="constrained")
    plane_, bounds = figure.subplots(1, 2, width_ratios=(1.25, 1))
    betas, floors, counts = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0), (0.5, 2.0, 3.0), (1, 2, 5, 10, 20)
    swept = [measured(ELBO(beta=beta)) for beta in betas]
    floored = [measured(ELBO(beta=4.0, free_bits=FreeBits(nats=nats))) for nats in floors]
    importance = [measured(IWAE(samples=k)) for k in counts]
    for total in range(85, 130, 5):
        label = "equal ELBO" if total == 85 else None
        plane_.plot([0, 40], [total, total - 40], color="#dde2e8", linewidth=1, zorder=0, label=label)
    trail(plane_, swept, [f"{beta:g}" for beta in betas], BLUE, "beta")
    trail(plane_, floored, [f"{nats:g}" for nats in floors], GREEN, "beta 4, free bits per dimension")
    trail(plane_, importance[2:], [f"{k}" for k in counts[2:]], RED, "iwae, samples", (-14, -4))
    plane_.set(
        xlabel="rate (nats)", ylabel="distortion (nats)", title="rate and distortion", xlim=(0, 27), ylim=(72, 103)
    )
    plane_.legend(loc="upper right")
    bounds.plot(counts, [iw for *_, iw in importance], color=BLUE, marker="o", label="IW-200")
    bounds.plot(counts, [elbo for *_, elbo, _ in importance], color=RED, marker="o", label="ELBO")
    bounds.set(xscale="log", xlabel="samples in training, K", ylabel="nats", title="trained with iwae: test bounds")
    bounds.set_xticks(counts, [str(k) for k in counts])
    bounds.minorticks_off()
    bounds.legend()
    save("objectives", figure)


def trail(
    axes: Any, measures: list[Any], labels: list[str], color: str, name: str, offset: tuple[float, float] = (5, 4)
) -> None:
    """Draw points on the plane of rate and distortion, each with the value that led there."""
    rates, distortions = [m[0] for m in measures], [m[1] for m in measures]
    axes.plot(rates, distortions, color=color, marker="o", markersize=4, linewidth=1.2, label=name)
    for rate, distortion, label in zip(rates, distortions, labels, strict=True):
        axes.annotate(label, (rate, distortion), xytext=offset, textcoords="offset points", fontsize=8, color=color)


# Priors: fitted to the aggregate posterior of digits in two dimensions.


def priors() -> None:
    """Draw the latents of digits, and what each prior makes of them."""
    figure = Figure(figsize=(11, 3.1), dpi=90, layout="constrained")
    axes = figure.subplots(1, 4)
    fitted_priors = (GMM(components=20), Vamp(components=50), FlowPrior(coupling="spline"))
    with tempfile.TemporaryDirectory() as folder:
        run = trained(DIGITS.replace(latent=2), ELBO(), Path(folder) / "run", steps=1000)
        z, labels = run.encode(run.data).mean, run.data.labels
        runs = [run, *(fit_prior(run, kind=prior, out=Path(folder) / prior.kind) for prior in fitted_priors)]
        for ax, made in zip(axes, runs, strict=True):
            ax.scatter(*z.T, c=labels, s=7, cmap="tab10", linewidths=0)
            contours(ax, made.model.prior().log_prob, 3.4, INK, 0.9)
            model = made.experiment.model
            assert model is not None
            plane(ax, 3.4, f"{model.prior.kind}: rate {made.evaluate(samples=100).summary()['rate']:.2f} nats")
    save("priors", figure)


# The doctor: four measurements, each of a healthy model and of one that has what it shows.

SICK: tuple[tuple[str, ImageVAE, Objective], ...] = (
    ("collapsed: beta = 20", DIGITS, ELBO(beta=20.0)),
    ("prior holes: beta = 0.01", DIGITS, ELBO(beta=0.01)),
    ("noise too wide: a fixed sigma", DIGITS.replace(likelihood=Gaussian(scale=Fixed(value=1.0))), ELBO()),
    ("blurred: one latent", DIGITS.replace(latent=1), ELBO()),
)


def doctor() -> None:
    """Draw what the doctor looks at: above a healthy model, below sick ones."""
    figure = Figure(figsize=(11, 5.2), dpi=90, layout="constrained")
    axes = figure.subplots(2, 4)
    drawings = (rate_bars, clouds, ranks, spectrum)
    healthy = examined(DIGITS, ELBO())
    for (above, below), show, (title, model, objective) in zip(axes.T, drawings, SICK, strict=True):
        show(above, healthy)
        show(below, examined(model, objective))
        below.set_title(title)
    for ax, title in zip(axes[0], ("rate per dimension", "q(z) over p(z)", "ranks", "power"), strict=True):
        ax.set_title(f"healthy: {title}")
    save("doctor", figure)


def examined(model: ImageVAE, objective: Objective) -> Examination:
    """Return the examination of a run on digits."""
    with tempfile.TemporaryDirectory() as folder:
        return trained(model, objective, Path(folder) / "run", steps=1000).examined()[0]


def rate_bars(axes: Any, examination: Examination) -> None:
    """Draw the KL of each latent dimension and the line under which it says nothing."""
    rates = examination.bounds.rate_per_dimension
    assert rates is not None
    axes.bar(range(len(rates)), rates.sort(descending=True).values, color=BLUE)
    axes.axhline(0.01, color=RED, linestyle=":")
    axes.set(yscale="log", ylim=(1e-4, 10), xticks=[], ylabel="nats")


def clouds(axes: Any, examination: Examination) -> None:
    """Draw the aggregate posterior over the prior."""
    found = examination.aggregate_posterior
    assert found is not None
    for points, color in ((found.prior, GREY), (found.posterior, BLUE)):
        axes.scatter(*points.T, s=6, color=color, linewidths=0, alpha=0.7)
    axes.set(xticks=[], yticks=[])


def ranks(axes: Any, examination: Examination) -> None:
    """Draw the histogram of the data's ranks among draws of p(x | z)."""
    heights = examination.calibration.histogram
    axes.bar([(i + 0.5) / len(heights) for i in range(len(heights))], heights, 0.9 / len(heights), color=BLUE)
    axes.axhline(1, color=RED, linestyle=":")
    axes.set(ylim=(0, 2.6), xticks=[0, 1])


def spectrum(axes: Any, examination: Examination) -> None:
    """Draw power spectra of data, reconstructions and samples."""
    found = examination.sharpness
    assert found is not None
    curves = (
        ("data", found.data, INK),
        ("reconstructions", found.reconstructions, BLUE),
        ("samples", found.samples, RED),
    )
    for name, power, color in curves:
        axes.plot(found.frequency, power, color=color, label=name)
    axes.set(yscale="log", ylim=(1, 100), xlabel="cycles per pixel")
    axes.legend(loc="lower left")


PICTURES = {
    "likelihoods": likelihoods,
    "posteriors": posteriors,
    "priors": priors,
    "objectives": objectives,
    "doctor": doctor,
}


def main() -> None:
    """Draw the pictures that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(PICTURES))
    torch.set_num_threads(1)
    with matplotlib.rc_context(STYLE):
        for name in parser.parse_args().names or PICTURES:
            torch.manual_seed(0)
            PICTURES[name]()


if __name__ == "__main__":
    main()
