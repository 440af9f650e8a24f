"""How much better are samples when a prior is fitted to a trained model's latents, instead of drawing from N(0, I)?

    python -m benchmarks.prior_fit --run DIR [--kinds gmm flow vamp]

Of one trained run, posterior and likelihood stay as they are: only what latents are drawn from differs. Samples are mean
images, compared with test images in two spaces: random convolutional features of what is seen, and the run's own posterior
means. Two arms show what to expect at best: other test images, and their reconstructions. Mean images are smooth and lie in
the middle of the data, so that a precision or density above that of other test images means blur.
"""

import argparse
import tempfile
import time
from pathlib import Path

import torch

from benchmarks.measuring import RESULTS, machine, report, table
from vaekit import fit_prior, load
from vaekit.evaluation import PosteriorPoints, sample_quality
from vaekit.models import evaluating
from vaekit.nets import RandomFeatures

KINDS = ("gmm", "flow", "vamp")
EVALUATED = 1000  # test images for the bounds, at most


def drawn(model, count, seed):
    """Return mean images of latents from a model's prior, prepared as the data are."""
    with evaluating(model, seed):
        counts = [len(part) for part in torch.arange(count).split(250)]
        return torch.cat([model.generate(n, likelihood_temperature=0.0) for n in counts])


def reconstructed(model, x):
    """Return the reconstructions of prepared data."""
    with evaluating(model):
        return torch.cat([model.reconstruct(part) for part in x.split(250)])


def arms(run, others, kinds, seed, folder):
    """Yield the name of each arm, its images, its bounds and the seconds its prior took."""
    yield "other test images", others, None, 0.0
    yield "their reconstructions", reconstructed(run.model, others), None, 0.0
    yield "N(0, I)", drawn(run.model, len(others), seed), bounds(run), 0.0
    for kind in kinds:
        began = time.perf_counter()
        fitted = fit_prior(run, kind=kind, out=folder / kind)
        seconds = time.perf_counter() - began
        yield kind, drawn(fitted.model, len(others), seed), bounds(fitted), seconds


def bounds(run):
    """Return the ELBO and IW-100 on the test part, in nats, and of how many images."""
    found = run.evaluate(samples=100, count=EVALUATED).summary()
    return {"n": found["n"], **{name: found["bounds"][name]["nats"] for name in ("elbo", "iw")}}


def measured(run, real, generated):
    """Return the quality in both spaces."""
    show = run.view.decode
    seen = sample_quality(show(real), show(generated), RandomFeatures(real.shape[1]))
    return [seen.summary(), sample_quality(real, generated, PosteriorPoints(run.model)).summary()]


def space_table(results, i):
    """Return the table of one space."""
    rows = []
    for name, arm in results.items():
        quality = arm["quality"][i]
        shares = {key: f"{quality[key]:.3f}" for key in ("precision", "recall", "density", "coverage")}
        rows.append({"latents from": name, **shares, "Frechet": f"{quality['frechet']['value']:.3g}"})
    return f"## In {quality['space']}\n\n{table(rows)}"


def bound_table(results):
    """Return the table of bounds and times."""
    rows = [
        {
            "prior": name,
            "test images": arm["bounds"]["n"],
            "ELBO, nats": f"{arm['bounds']['elbo']:.2f}",
            "IW-100, nats": f"{arm['bounds']['iw']:.2f}",
            "seconds to fit": f"{arm['seconds']:.0f}",
        }
        for name, arm in results.items()
        if arm["bounds"] is not None
    ]
    return f"## Bounds on log p(x)\n\n{table(rows)}"


def main():
    """Fit the priors and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="a run of images with prior=standard")
    parser.add_argument("--kinds", nargs="*", default=list(KINDS), choices=KINDS)
    parser.add_argument("--count", type=int, default=4000, help="real images at most, and as many samples")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    about, run = machine(), load(arguments.run)
    inputs = run.inputs(None, 2 * arguments.count, arguments.seed)
    real, others = inputs[::2], inputs[1::2]
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, images, found, seconds in arms(run, others, arguments.kinds, arguments.seed, Path(folder)):
            results[name] = {"quality": measured(run, real, images), "bounds": found, "seconds": round(seconds, 1)}
            print(f"{name}: {seconds:.0f} s to fit", flush=True)
    source = Path(run.experiment.data.source).name
    settings = {"data": source, "images": len(real), "samples": len(others), "k": 5, "seed": arguments.seed}
    tables = [space_table(results, 0), space_table(results, 1), bound_table(results)]
    report(
        "prior_fit",
        __doc__.splitlines()[0],
        arguments.out,
        {"machine": about, "settings": settings, "arms": results},
        tables,
    )


if __name__ == "__main__":
    main()
