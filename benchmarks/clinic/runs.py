"""How a case becomes a trained run, and a trained run a subject of the doctor, spoiled where no key spoils it."""

import copy
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli, Distribution, Independent

from benchmarks.clinic.cases import Case
from vaekit import MLP, VAE, Bernoulli as BernoulliFamily, Gaussian, ImageVAE, Run, Shared, load
from vaekit.data import Dataset, read_images
from vaekit.diagnosis import Subject
from vaekit.interfaces.describing.experiment import Experiment
from vaekit.interfaces.describing.parsing import parse
from vaekit.interfaces.describing.planning import plan
from vaekit.interfaces.runs import recording as recording_floor
from vaekit.interfaces.runs.folder import RunFolder
from vaekit.interfaces.runs.recording import Recording
from vaekit.interfaces.runs.subject import Patient
from vaekit.interfaces.runs.trainer import Trainer
from vaekit.modalities import modality_named
from vaekit.training import Training

__all__ = ["spoiled", "trained"]

# Hundreds of runs, of which the doctor looks at the weights and the log: bounds and reports are left out.
recording_floor.conclude = lambda *_: None


def trained(case: Case, work: Path, keys: tuple[str, ...] = (), suffix: str = "") -> Run:
    """Return the run of a case, with further keys on top; trained where its folder is not there yet."""
    path = work / "runs" / f"{case.name}{suffix}"
    composed = _COMPOSED.get(case.spoiled)
    if (path / "model" / "model.safetensors").exists():
        if composed is None:
            return load(path)
        data = _grey(case, work)
        run = load(path, model=composed(data))
        return Run(run.folder, run.experiment, run.model, None, data)
    folder = RunFolder(path)
    torch.set_num_threads(1)
    if composed is not None:
        data = _grey(case, work)
        given = dict(key.split("=", 1) for key in case.keys)
        settings = {name: given[name] for name in ("steps", "lr", "batch", "warmup", "seed", "ema")}
        experiment = Experiment(
            data=modality_named("tensor").opened(), training=Training.model_validate({**settings, "threads": 1})
        )
        trainer = Trainer(experiment, data, model=composed(data))
    else:
        reading = modality_named(case.kind).opened(
            {"source": case.data if case.data == "digits" else str(work / case.data)}
        )
        data = reading.open()
        trainer = Trainer(
            plan(data, reading, parse(keys, parse(case.keys, modality=case.kind), case.kind), "fast"), data
        )
    recording = Recording(folder, trainer)
    recording.begin()
    return recording.run()


def spoiled(case: Case, run: Run) -> Subject:
    """Return a run as the doctor sees it, its model or its history spoiled where the case says so."""
    subject, pick = Patient(run, run.experiment, run.history).subject(), random.Random(case.name)
    spoil = _SPOILED.get(case.spoiled)
    return subject if spoil is None else spoil(replace(subject, model=copy.deepcopy(subject.model)), pick)


def _grey(case: Case, work: Path) -> Dataset:
    """Return a case's images as a user's own tensor: intensities in [0, 1], channel first."""
    data = read_images(case.data if case.data == "digits" else str(work / case.data))
    low, high = data.schema.low, data.schema.high
    values = (data.values.permute(0, 3, 1, 2).float() - low) / (high - low)
    return Dataset(values.contiguous(), None, data.split, source="")


class _OwnBernoulli(nn.Module):
    """A decoder of one's own, with the loss of the tutorials: binary cross-entropy, whatever the data."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, z: Tensor) -> Distribution:
        logits = self.inner(z).base_dist.logits
        return Independent(Bernoulli(logits=logits, validate_args=False), 3, validate_args=False)


class _Deaf(nn.Module):
    """A net that a gradient hardly gets back through."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        features = self.inner(x)
        return features.detach() + 1e-6 * (features - features.detach())


def _image_model(data: Dataset, widths: tuple[int, ...], likelihood: object) -> VAE:
    shape = tuple(data.values.shape[1:])
    net = MLP(widths=widths)
    return ImageVAE(shape=shape, levels=None, value_range=(0.0, 1.0), latent=8, net=net, likelihood=likelihood).build()


def _bernoulli_on_grey(data: Dataset) -> VAE:
    model = _image_model(data, (128,), BernoulliFamily())
    return VAE(model.prior, model.posterior, _OwnBernoulli(model.likelihood))


def _small_encoder(data: Dataset) -> VAE:
    small, large = (_image_model(data, widths, Gaussian(scale=Shared())) for widths in ((2,), (256, 256)))
    return VAE(large.prior, small.posterior, large.likelihood)


def _deaf_encoder(data: Dataset) -> VAE:
    model = _image_model(data, (128,), Gaussian(scale=Shared()))
    model.posterior.features.net = _Deaf(model.posterior.features.net)
    model.posterior.heads.requires_grad_(False)
    return model


_COMPOSED: dict[str, Callable[[Dataset], VAE]] = {
    "grey under bernoulli": _bernoulli_on_grey,
    "small encoder": _small_encoder,
    "deaf encoder": _deaf_encoder,
}


def _non_finite(subject: Subject, pick: random.Random) -> Subject:
    if pick.random() < 0.5:
        last = {**subject.history[-1], "non_finite": pick.choice((1, 3, 20))}
        return replace(subject, history=(*subject.history[:-1], last))
    next(iter(subject.model.likelihood.parameters())).data.flatten()[0] = float("nan")
    return subject


def _exploded(subject: Subject, pick: random.Random) -> Subject:
    for module in subject.model.posterior.heads["scale"].modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            module.bias.data += pick.choice((9.0, 12.0))
    return subject


_SPOILED: dict[str, Callable[[Subject, random.Random], Subject]] = {
    "non-finite": _non_finite,
    "exploded": _exploded,
}
