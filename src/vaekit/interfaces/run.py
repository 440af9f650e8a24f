"""A trained run: evaluate, sample, reconstruct, encode, score, interpolate, traverse, manipulate."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import Tensor

from vaekit.data import Dataset, images_from_arrays, sequential
from vaekit.distributions import point
from vaekit.evaluation import Bounds, bounds
from vaekit.interfaces.experiment import Experiment
from vaekit.interfaces.folder import RunFolder
from vaekit.interfaces.logs import read_metrics
from vaekit.modalities import Plain, View
from vaekit.models import VAE, evaluating

__all__ = ["Run", "Source", "load"]

Source: TypeAlias = str | Path | Dataset | Any
"""A path or a name, an opened data set, or arrays and tensors of images."""

_BATCH = 100


class Run:
    """A model with its weights, its description and the schema of its data.

    Args:
        folder: Where the run lies.
        experiment: Its description.
        model: The model with the weights that were evaluated best.
        schema: What its data must be; None for a free composition.
        data: The data it was trained on, where they are open already.
    """

    def __init__(self, folder: RunFolder, experiment: Experiment, model: VAE, data: Dataset | None = None) -> None:
        self.folder, self.experiment, self.model = folder, experiment, model.eval()
        self.view: View = experiment.model or Plain(model)
        self.schema = folder.read_schema(needed=experiment.model is not None)
        self._data = data

    @property
    def path(self) -> Path:
        """The run folder."""
        return self.folder.path

    @property
    def history(self) -> list[dict[str, Any]]:
        """The logged metrics, one mapping per line."""
        return read_metrics(self.folder.metrics)

    @property
    def data(self) -> Dataset:
        """The data the run was trained on, opened again and checked where needed.

        Raises:
            ValueError: They came as arrays, or have changed since.
        """
        if self._data is None:
            self._data = self._reopened()
        return self._data

    def open(self, source: Source | None = None) -> tuple[Dataset, Tensor]:
        """Return data and the rows to use: the test part of the run's own, or all of other data, checked by the schema.

        Raises:
            ValueError: The data do not fit the model; the field is named.
        """
        if source is None:
            test = self.data.part("test")
            return self.data, test if len(test) else self.data.part("validation")
        data = self._opened(source)
        if self.schema is not None and data.schema is not None:
            self.schema.check(data.schema)
        return self.view.settle(data), data.part("all")

    def inputs(self, source: Source | None = None, count: int | None = None, seed: int = 0) -> Tensor:
        """Return prepared data `(N, *event)`, the first `count` rows."""
        data, rows = self.open(source)
        with evaluating(self.model, seed):
            return self._prepared(data.values[rows[:count]])

    def evaluate(self, source: Source | None = None, samples: int = 100, count: int | None = None) -> Bounds:
        """Return the bounds on the test part, or on `source`.

        Args:
            source: Other data.
            samples: K of the importance-weighted bound.
            count: Use the first so many data only.
        """
        data, rows = self.open(source)
        rows = rows[:count]
        batches = sequential(data.values, rows, _BATCH)
        jacobian = self.view.log_jacobian
        return bounds(self.model, batches, prepare=self._prepared, samples=samples, log_jacobian=jacobian)

    def sample(self, n: int, temperature: float = 1.0, *, noise: bool = False, seed: int = 0) -> Tensor:
        """Return `n` new images as intensities in [0, 1], `(n, C, H, W)`.

        Args:
            n: How many.
            temperature: Scale of the draws from the prior.
            noise: Draw from p(x | z) too; otherwise its point, e.g. the mean image.
            seed: Seed of the draws.

        Raises:
            ValueError: `n` is below 1, or the temperature no finite number from 0 on.
        """
        if n < 1 or not 0 <= temperature < math.inf:
            raise ValueError(f"n must be at least 1 and temperature finite and at least 0, got {n} and {temperature}")
        parts = [min(_BATCH, n - start) for start in range(0, n, _BATCH)]
        with evaluating(self.model, seed):
            x = torch.cat([self._generated(count, temperature, noise) for count in parts])
        return self.view.intensity(x)

    def reconstruct(self, source: Source | None = None, count: int | None = None) -> tuple[Tensor, Tensor]:
        """Return inputs and their deterministic reconstructions as intensities, each `(N, C, H, W)`."""
        x = self.inputs(source, count)
        with evaluating(self.model):
            again = torch.cat([self.model.reconstruct(part) for part in x.split(_BATCH)])
        return self.view.intensity(x), self.view.intensity(again)

    def encode(self, source: Source | None = None, count: int | None = None) -> tuple[Tensor, Tensor]:
        """Return posterior means and standard deviations, each `(N, D)`: deterministic, no graph, no decoder."""
        means, deviations = [], []
        with evaluating(self.model):
            for part in self.inputs(source, count).split(_BATCH):
                q = self.model.encode(part)
                means.append(point(q))
                deviations.append(q.stddev)
        return torch.cat(means), torch.cat(deviations)

    def decode(self, z: Tensor) -> Tensor:
        """Return the images of latents `(N, D)` as intensities."""
        with evaluating(self.model):
            return self.view.intensity(torch.cat([point(self.model.decode(part)) for part in z.split(_BATCH)]))

    def score(self, source: Source, samples: int = 100) -> Bounds:
        """Return per-datum bounds: a low one marks an anomaly."""
        return self.evaluate(source, samples)

    def interpolate(self, first: Source, second: Source, steps: int = 10) -> Tensor:
        """Return images `(steps, C, H, W)` on the straight line between two data's posterior means, ends included."""
        (a, _), (b, _) = self.encode(first, 1), self.encode(second, 1)
        share = torch.linspace(0, 1, steps).unsqueeze(1)
        return self.decode(torch.lerp(a, b, share.to(a)))

    def traverse(self, source: Source | None = None, steps: int = 9, width: float = 3.0) -> tuple[Tensor, list[int]]:
        """Vary each latent dimension of one datum between -width and width, most active dimension first.

        Returns:
            Images `(D, steps, C, H, W)` and the dimensions in their order.
        """
        means, _ = self.encode(None, 512)
        order = means.var(0).argsort(descending=True)
        start = self.encode(source, 1)[0] if source is not None else means[:1]
        z = start.repeat(len(order), steps, 1)
        z[torch.arange(len(order)), :, order] = torch.linspace(-width, width, steps).to(z)
        images = self.decode(z.flatten(0, 1))
        return images.unflatten(0, (len(order), steps)), order.tolist()

    def manipulate(self, source: Source, label: str, strength: float = 1.0, steps: int = 5) -> Tensor:
        """Move data along the attribute vector of a label: mean latent with the label minus mean without it.

        References:
            Larsen, Sonderby, Larochelle and Winther, 2016, "Autoencoding beyond pixels using a learned similarity metric".

        Returns:
            Images `(N, steps, C, H, W)`, from the reconstruction to the full strength.
        """
        if not math.isfinite(strength):
            raise ValueError(f"strength must be a finite number, got {strength}")
        direction = self._attribute(label)
        means, _ = self.encode(source)
        shares = torch.linspace(0, strength, steps).to(means)
        z = means.unsqueeze(1) + shares.view(1, -1, 1) * direction
        return self.decode(z.flatten(0, 1)).unflatten(0, (len(means), steps))

    def _generated(self, count: int, temperature: float, noise: bool) -> Tensor:
        return self.model.generate(count, prior_temperature=temperature, likelihood_temperature=1.0 if noise else 0.0)

    def _attribute(self, label: str) -> Tensor:
        data = self.data
        if data.labels is None or label not in data.classes:
            known = f"its labels are {', '.join(data.classes)}" if data.classes else "it has none (folders name them)"
            raise ValueError(f"the run's data have no label {label!r}; {known}")
        rows = data.part("train")
        has = data.labels[rows] == data.classes.index(label)
        if not has.any() or has.all():
            raise ValueError(
                f"the training data must hold {label!r} and something else, but have {int(has.sum())} of {len(has)}"
            )
        with_label, without = (self._mean_latent(data, rows[mask][:2000]) for mask in (has, ~has))
        return with_label - without

    def _mean_latent(self, data: Dataset, rows: Tensor) -> Tensor:
        with evaluating(self.model):
            parts = [point(self.model.encode(self._prepared(b))) for b in sequential(data.values, rows, _BATCH)]
        return torch.cat(parts).mean(0)

    def _prepared(self, stored: Tensor) -> Tensor:
        """Return prepared data, refused where the likelihood has no value for them."""
        x = self.view.prepare(stored)
        family = getattr(self.model.likelihood, "family", None)
        if family is not None:
            family.check(x)
        return x

    def _opened(self, source: Source) -> Dataset:
        if isinstance(source, Dataset):
            return source
        if isinstance(source, str | Path):
            return self.experiment.data.open(str(source))
        if self.schema is None:
            values = torch.as_tensor(source)
            return Dataset(values, None, torch.full((len(values),), 2, dtype=torch.int8))
        return images_from_arrays(source)

    def _reopened(self) -> Dataset:
        source = self.experiment.data.source
        if not source:
            raise ValueError(f"the data of {self.path} came as arrays and are not kept; give data")
        data = self.view.settle(self.experiment.data.open())
        expected = self.folder.read_json("split.json")["fingerprint"]
        if data.fingerprint != expected:
            raise ValueError(
                f"the data in {source} have changed since {self.path} was trained; give data, or run fit again"
            )
        return data


def load(path: str | Path, *, model: VAE | None = None) -> Run:
    """Load a run; nothing in its files is run.

    Args:
        path: The run folder.
        model: The modules of a free composition, whose description no file holds.

    Raises:
        FileNotFoundError: This is no run folder, or it holds no model yet.
        ValueError: A file is damaged or does not fit.
    """
    folder = RunFolder(Path(path))
    experiment = folder.read_experiment()
    if model is None:
        if experiment.model is None:
            raise ValueError(f"{path} holds a user's own composition; load it with load({str(path)!r}, model=VAE(...))")
        model = experiment.model.build()
    folder.read_weights(model)
    return Run(folder, experiment, model)
