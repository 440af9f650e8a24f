"""What does the doctor say of the VAE that everybody copies, and what does following it bring?

    python -m benchmarks.tutorial [--fashion DIR] [--count 10000] [--epochs 8] [--work DIR]

The tutorial's model, trained as copied: five 3 x 3 convolutions of stride 2, batch normalisation, LeakyReLU(0.2), heads for
mu and log sigma^2 of 256 latents, the mirror image with a sigmoid, binary cross-entropy plus KL on grey Fashion-MNIST at
64 x 64, Adam 1e-3, batch 64, no averaging. Then one run after another with the keys that the doctor prescribes, as long as
it prescribes any. The loss of the copied model is no likelihood of grey values; so that bounds can be compared, its decoder
is also read as what binary cross-entropy on grey values almost is, a continuous Bernoulli with its normaliser left out.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from examples.textbook import LADDER
from torch import Tensor, nn
from torch.distributions import Bernoulli, Distribution, Independent

from benchmarks.images import vaekit
from benchmarks.measuring import RESULTS, machine, report, table
from vaekit import VAE, Conditional, ContinuousBernoulli, Exp, Gaussian, StandardNormal, Training, fit, load
from vaekit.data import Dataset, read_images
from vaekit.data.dataset import TEST, TRAIN, VALIDATION
from vaekit.evaluation import bounds
from vaekit.interfaces.media.pictures import grid, save_png

IMAGE, LATENT = (1, 64, 64), 256
COPIED = ("net=conv", "net.widths=[32, 64, 128, 256, 512]", "net.upsample=transposed", f"latent={LATENT}")
MOST = 2  # rounds of following the doctor


class CrossEntropy(nn.Module):
    """The tutorial's decoder: probabilities under binary cross-entropy, whatever the data are."""

    def __init__(self, logits: nn.Module) -> None:
        super().__init__()
        self.logits = logits

    def forward(self, z: Tensor) -> Distribution:
        """Return Bernoulli pixels, not asked whether the data are."""
        return Independent(
            Bernoulli(logits=self.logits(z).base_dist.logits, validate_args=False), 3, validate_args=False
        )


def copied() -> VAE:
    """Return the tutorial's model."""
    posterior = Conditional(LADDER.encoder(IMAGE), Gaussian(scale=Exp(bounds=(-10, 10))), given=IMAGE, event=(LATENT,))
    decoder = Conditional(LADDER.decoder((LATENT,), IMAGE), ContinuousBernoulli(), given=(LATENT,), event=IMAGE)
    return VAE(StandardNormal((LATENT,)), posterior, CrossEntropy(decoder))


def small(data: Dataset, count: int) -> Dataset:
    """Return `count` training images, and a tenth as many to validate and to test on."""
    parts = ((TRAIN, "train", count), (VALIDATION, "validation", count // 10), (TEST, "test", count // 10))
    rows = [(code, data.drawn(name, most)) for code, name, most in parts]
    split = torch.cat([torch.full((len(chosen),), code, dtype=torch.int8) for code, chosen in rows])
    order = torch.cat([chosen for _, chosen in rows])
    labels = None if data.labels is None else data.labels[order]
    return replace(data, values=data.values[order], labels=labels, names=(), split=split)


def own_tensor(data: Dataset) -> Dataset:
    """Return images as the tutorial has them: a tensor of intensities in [0, 1], channel first."""
    return Dataset(data.values.permute(0, 3, 1, 2).float().div(255).contiguous(), None, data.split, source="")


def as_density(model: VAE, data: Dataset) -> dict:
    """Return the bound of the copied model with the normaliser that it left out, on dequantised levels: in bits/dim."""
    read = VAE(model.prior, model.posterior, model.likelihood.logits)
    rows = data.part("test")
    levels = data.values[rows].permute(0, 3, 1, 2).float()

    def spread(x: Tensor) -> Tensor:
        return ((x + torch.rand_like(x)) / 256).clamp(2**-24, 1 - 2**-24)

    jacobian = -levels[0].numel() * torch.log(torch.tensor(256.0)).item()
    found = bounds(read, levels.split(50), prepare=spread, samples=50, log_jacobian=jacobian)
    return found.summary()


def told(run, source, findings, density=None) -> dict:
    """Return what a reader wants to know of a run."""
    evaluation = density or run.evaluate(source, samples=50).summary()
    return {
        "evaluation": evaluation,
        "reported": run.evaluate(source, samples=50).summary()["bounds"] if density else None,
        "findings": [finding.model_dump(mode="json") for finding in findings],
        "epochs": run.history[-1]["epoch"],
        "seconds": run.history[-1]["seconds"],
    }


def as_copied(data: Dataset, epochs: int, work: Path) -> tuple[dict, tuple[str, ...]]:
    """Train the copied model, ask the doctor, and return what happened and what was prescribed."""
    torch.manual_seed(0)
    tensor, seed = own_tensor(data), 0
    training = Training(batch=64, lr=1e-3, warmup=0, lr_floor=1.0, ema=0, epochs=epochs, patience=epochs, seed=seed)
    run = fit(tensor, model=copied(), training=training, out=work / "copied")
    test = tensor.values[tensor.part("test")]
    findings = run.diagnose()
    save_png(grid(run.displayed.sample(64), columns=8), work / "copied-samples.png")
    save_png(
        grid(torch.stack(run.displayed.reconstruct(test, 32), 1).flatten(0, 1), columns=8), work / "copied-pairs.png"
    )
    keys = tuple(key for finding in findings for key in finding.prescription if finding.severity == "severe")
    return told(run, test, findings, as_density(run.model, data)), keys or findings[0].prescription


def followed(source: Path, keys: tuple[str, ...], out: Path) -> tuple[dict, tuple[str, ...]]:
    """Train with keys, ask the doctor again."""
    vaekit("fit", str(source), *keys, "--out", str(out))
    run = load(out)
    findings = run.diagnose()
    save_png(grid(run.displayed.sample(64), columns=8), out.with_name(f"{out.name}-samples.png"))
    save_png(
        grid(torch.stack(run.displayed.reconstruct(count=32), 1).flatten(0, 1), columns=8),
        out.with_name(f"{out.name}-pairs.png"),
    )
    worst = next((f.prescription for f in findings if f.prescription and f.severity != "info"), ())
    return told(run, None, findings), worst


def row(name: str, keys: tuple[str, ...], result: dict) -> dict:
    """Return a line of the table."""
    found = result["evaluation"]
    return {
        "run": name,
        "keys on top": " ".join(f"`{key}`" for key in keys),
        "IW-50, bits/dim": f"{found['bounds']['iw']['bits_per_dim']:.3f}",
        "-ELBO, nats": f"{-found['bounds']['elbo']['nats']:.1f}",
        "se": f"{found['bounds']['elbo']['se']:.1f}",
        "KL, nats": f"{found['rate']:.1f}",
        "active units": found["active_units"],
        "the doctor says": ", ".join(f["name"] for f in result["findings"]) or "nothing found",
    }


def evidence(results: dict) -> list[dict]:
    """Return a line of the second table for each finding, and for a loss that was logged as if it were a bound."""
    logged = [
        {
            "run": name,
            "finding": "the ELBO as logged",
            "evidence": f"{bound['nats']:.1f} nats, {bound['bits_per_dim']:.3f} bits/dim",
        }
        for name, result in results.items()
        if (bound := (result["reported"] or {}).get("elbo"))
    ]
    said = [
        {"run": name, "finding": f["name"], "evidence": f["evidence"].replace("|", "\\|")}
        for name, result in results.items()
        for f in result["findings"]
    ]
    return logged + said


def main() -> None:
    """Train as copied, then follow the doctor."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fashion", default="fashion-mnist")
    parser.add_argument("--count", type=int, default=10_000, help="training images")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--work", type=Path, default=Path("runs/tutorial"))
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    work, about = arguments.work, machine()
    work.mkdir(parents=True, exist_ok=True)
    data = small(read_images(arguments.fashion, size=(64, 64)), arguments.count)
    source = work / "fashion-64.npz"
    parts = {
        f"x_{name[:5].replace('valid', 'val')}": data.values[data.part(name)].numpy()
        for name in ("train", "validation", "test")
    }
    np.savez(source, **parts)
    first, more = as_copied(data, arguments.epochs, work)
    rows, results = [row("as copied", (), first)], {"as copied": {**first, "keys": ()}}
    known = (*COPIED, f"epochs={arguments.epochs}", f"patience={arguments.epochs}", "batch=64")
    for i in range(MOST):
        if not more:
            break
        out = work / f"followed-{i + 1}"
        result, following = followed(source, (*known, *more), out)
        rows.append(row(f"followed {i + 1}", more, result))
        results[f"followed {i + 1}"] = {**result, "keys": more}
        known, more = ("--config", str(out / "config.json")), following
        settings = {
            "data": "Fashion-MNIST, 64 x 64, grey",
            "training images": arguments.count,
            "epochs": arguments.epochs,
            "seed": 0,
        }
        report(
            "tutorial",
            __doc__.splitlines()[0],
            arguments.out,
            {"machine": about, "settings": settings, "runs": results},
            [table(rows), table(evidence(results))],
        )


if __name__ == "__main__":
    main()
