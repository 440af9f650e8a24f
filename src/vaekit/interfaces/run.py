"""A trained run: evaluate, sample, reconstruct, encode, score, interpolate, traverse, manipulate."""

from __future__ import annotations

import math
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from vaekit.data import Dataset, sequential, unpacked
from vaekit.data.schema import Schema
from vaekit.distributions import Decoding, point
from vaekit.evaluation import Bounds, PosteriorPoints, SampleQuality, bounds, sample_quality
from vaekit.heads.family import Measure
from vaekit.interfaces.attributes import attribute_vector
from vaekit.interfaces.conditions import Conditions, Label
from vaekit.interfaces.experiment import Experiment, kind_of
from vaekit.interfaces.folder import RunFolder
from vaekit.interfaces.latent_space import LatentSpace, Way
from vaekit.interfaces.logs import read_metrics
from vaekit.interfaces.shown import BATCH, Chosen, Shown, choice, deviation, in_batches, in_rows
from vaekit.interfaces.sources import Source, Sources
from vaekit.interfaces.units import unit_summary
from vaekit.modalities import Model, View, view_of
from vaekit.models import VAE, evaluating
from vaekit.nets import RandomFeatures

if TYPE_CHECKING:
    from vaekit.diagnosis import Finding

__all__ = ["Run", "Shown", "Source", "load"]

_ROWS = 1000  # rows of a table that a model is given at a time, where a hundred images would be
_MADE = 8192  # and that are made at a time, which takes less memory


class Run:
    """A model with its weights, its description and the schema of its data.

    Args:
        folder: Where the run lies.
        experiment: Its description.
        model: The model with the weights that were evaluated best.
        data: The data it was trained on, where they are open already.
    """

    def __init__(self, folder: RunFolder, experiment: Experiment, model: VAE, data: Dataset | None = None) -> None:
        self.folder, self.experiment, self.model = folder, experiment, model.eval()
        schema = folder.read_schema(needed=experiment.model is not None)
        self.view: View = view_of(experiment.model, model, schema)
        self.sources = Sources(folder, experiment, self.view, schema, data)

    def with_model(self, description: Model, model: VAE) -> Run:
        """Return the run with another model of the same data in its place; nothing is written."""
        return Run(self.folder, self.experiment.replace(model=description), model, self.sources.opened)

    @property
    def path(self) -> Path:
        """The run folder."""
        return self.folder.path

    @property
    def history(self) -> list[dict[str, Any]]:
        """The logged metrics, one mapping per line."""
        return read_metrics(self.folder.metrics)

    @property
    def measure(self) -> Measure | None:
        """What its bounds are logarithms of: probabilities (counting) or densities (lebesgue); None where nobody says."""
        family = getattr(getattr(self.model, "likelihood", None), "family", None)
        return self.experiment.measure or getattr(family, "measure", None)

    @property
    def space(self) -> LatentSpace:
        """Where its latents live; those of a free composition are taken for real vectors."""
        model = self.experiment.model
        return LatentSpace("real" if model is None else model.posterior.support)

    @property
    def schema(self) -> Schema | None:
        """What its data must be; None for a free composition."""
        return self.sources.schema

    @property
    def kind(self) -> str:
        """The kind of its data: image, text or table; image for a free composition."""
        return kind_of(self.schema)

    @property
    def conditions(self) -> Conditions:
        """What its model is conditioned on."""
        return self.sources.conditions

    @property
    def data(self) -> Dataset:
        """The data it was trained on, opened again and checked where needed; see `Sources.own`."""
        return self.sources.own

    def open(self, source: Source | None = None) -> tuple[Dataset, Tensor]:
        """Return data and the rows to use; see `Sources.open`."""
        return self.sources.open(source)

    def inputs(self, source: Source | None = None, count: int | None = None, seed: int = 0) -> Tensor:
        """Return prepared data `(N, *event)`, the first `count` rows."""
        return self.given(source, count, seed)[0]

    def given(self, source: Source | None = None, count: int | None = None, seed: int = 0) -> tuple[Tensor, ...]:
        """Return what the model is given: prepared data `(N, *event)`, and their context `(N, C)` where it is conditional."""
        data, rows = self.open(source)
        stored, context = unpacked(data.stored)
        rows = rows[:count]
        with evaluating(self.model, seed):
            return self.prepared(stored[rows]), *(vectors[rows] for vectors in context)

    def evaluate(self, source: Source | None = None, samples: int = 100, count: int | None = None) -> Bounds:
        """Return the bounds on the test part, or on `source`.

        Args:
            source: Other data.
            samples: K of the importance-weighted bound.
            count: Use the first so many data only.
        """
        data, rows = self.open(source)
        rows = rows[:count]
        batches = sequential(data.stored, rows, self._batch)
        jacobian = self.view.log_jacobian
        return bounds(
            self.model,
            batches,
            prepare=self.prepared,
            samples=samples,
            log_jacobian=jacobian,
            sizes=self.view.sizes,
        )

    def summary(self, result: Bounds) -> dict[str, Any]:
        """Return bounds as plain numbers, ready for JSON, and what is told of the run's kind of data beside them."""
        return {**result.summary(), **unit_summary(self.kind, result)}

    def diagnose(self, source: Source | None = None, *, deep: bool = False) -> list[Finding]:
        """Return what is wrong with the model, worst first: evidence, explanation, and the keys to try; empty where nothing is.

        Args:
            source: Other data than the run's own test part.
            deep: Whether costly measurements look at all of the data instead of 256.

        Raises:
            ValueError: There are no data to look at.
        """
        from vaekit.interfaces.diagnosing import diagnosed  # which writes a run's report, and so knows what a run is

        return list(diagnosed(self, source, deep=deep).findings)

    def shown(self, x: Tensor) -> Shown:
        """Return data as people see them: images as intensities, `(N, C, H, W)`; a list of texts; rows as a table."""
        return self.view.decode(x)

    def sample(
        self,
        n: int,
        temperature: float = 1.0,
        *,
        label: Label = None,
        noise: bool = False,
        decoding: Decoding | None = None,
        seed: int = 0,
    ) -> Shown:
        """Return `n` new data: images as intensities in [0, 1], `(n, C, H, W)`; a list of texts; a `pyarrow.Table` of rows.

        Args:
            n: How many.
            temperature: Scale of the draws from the prior.
            label: The class to generate, or several in equal shares, where the model is conditional on labels; by default
                in proportion of the training data. Other contexts are drawn from those of the training data.
            noise: Of images: draw from p(x | z) too; otherwise its point, e.g. the mean image. Rows are always drawn.
            decoding: Of texts: how tokens are chosen; by default drawn from p(x | z).
            seed: Seed of the draws.

        Raises:
            ValueError: `n` is below 1, the temperature no finite number from 0 on, or the label unknown; or images are to
                be decoded.
        """
        if n < 1 or not 0 <= temperature < math.inf:
            raise ValueError(f"n must be at least 1 and temperature finite and at least 0, got {n} and {temperature}")
        decoding = decoding or Decoding() if self.kind == "text" else decoding
        chosen = choice(decoding, self.kind, noise=noise or self.kind == "table")
        return self.shown(self._generated(n, temperature, label, chosen, seed))

    def quality(
        self,
        n: int = 2000,
        *,
        source: Source | None = None,
        features: Literal["random", "model"] = "random",
        seed: int = 0,
    ) -> SampleQuality:
        """Compare `n` samples, mean images as `sample` returns them, with the first `n` test images, fewer where fewer are.

        Args:
            n: How many; results depend on it.
            source: Other data to compare with.
            features: The space: fixed random features of what is seen, or the run's own posterior means.
            seed: Seed of the draws.

        Raises:
            ValueError: There are too few images, or the model is conditional and its own space asked for.
        """
        if features == "model" and self.conditions.kind != "none":
            raise ValueError("the space of a conditional model depends on the context; use features='random'")
        real, made = self.inputs(source, n, seed), self._generated(n, 1.0, None, point, seed)
        if features == "model":
            return sample_quality(real, made, PosteriorPoints(self.model))
        return sample_quality(*self._shown(real, made), RandomFeatures(real.shape[1]))

    def reconstruct(
        self, source: Source | None = None, count: int | None = None, *, decoding: Decoding | None = None
    ) -> tuple[Shown, Shown]:
        """Return inputs and their deterministic reconstructions, as `sample` returns data.

        Args:
            source: The data; by default the test part of the run's own.
            count: How many at most.
            decoding: Of texts: how tokens are chosen; by default the most probable one after the other.
        """
        given, chosen = self.given(source, count), choice(decoding, self.kind)
        with evaluating(self.model):
            parts = ((point(self.model.encode(*part)), part[1:]) for part in in_batches(*given, batch=self._batch))
            again = torch.cat([chosen(self.model.decode(z, context=context)) for z, context in parts])
        return self._shown(given[0], again)

    def encode(self, source: Source | None = None, count: int | None = None) -> tuple[Tensor, Tensor]:
        """Return posterior means and standard deviations, each `(N, D)`: deterministic, no graph, no decoder.

        Latents of more axes are flattened; deviations are NaN where the posterior has none in closed form, as flows.
        """
        return self._encoded(self.given(source, count))

    def decode(self, z: Tensor, *context: Tensor, decoding: Decoding | None = None) -> Shown:
        """Return the data of latents `(N, D)`, given their context `(N, C)` in a conditional model, as `sample` does.

        Args:
            z: Latents.
            context: What they are conditioned on.
            decoding: Of texts: how tokens are chosen; by default the most probable one after the other.
        """
        z, chosen = z.reshape(len(z), *self._latent_event), choice(decoding, self.kind)
        with evaluating(self.model):
            decoded = [chosen(self.model.decode(part, context=tuple(c))) for part, *c in in_batches(z, *context)]
        return self.shown(torch.cat(decoded))

    def score(self, source: Source, samples: int = 100) -> Bounds:
        """Return per-datum bounds: a low one marks an anomaly."""
        return self.evaluate(source, samples)

    def interpolate(
        self, first: Source, second: Source, steps: int = 10, *, how: Way = "linear", decoding: Decoding | None = None
    ) -> Shown:
        """Return `steps` data between two data's posterior means, ends included.

        The context of a conditional model goes along.

        Args:
            first: Where to begin.
            second: Where to end.
            steps: How many.
            how: linear, or slerp: along an arc, on which norms do not shrink; on a sphere it is the great circle anyway.
            decoding: Of texts: how tokens are chosen.

        Raises:
            ValueError: The latents are discrete.
        """
        self.space.require("interpolate")
        ends = [self.given(source, 1) for source in (first, second)]
        (a, _), (b, _) = map(self._encoded, ends)
        share = torch.linspace(0, 1, steps).unsqueeze(1)
        contexts = [torch.lerp(c, d, share.to(c)) for c, d in zip(ends[0][1:], ends[1][1:], strict=True)]
        return self.decode(self.space.between(a, b, steps, how)[0], *contexts, decoding=decoding)

    def analogy(self, a: Source, b: Source, c: Source, *, decoding: Decoding | None = None) -> Shown:
        r"""Return what is to c as b is to a: the datum of :math:`\mu(c) + \mu(b) - \mu(a)`.

        References:
            Mikolov, Yih and Zweig, 2013, "Linguistic regularities in continuous space word representations".

        Raises:
            ValueError: The latents are discrete.
        """
        self.space.require("analogy")
        given = [self.given(source, 1) for source in (a, b, c)]
        start, end, base = (self._encoded(one)[0] for one in given)
        return self.decode(self.space.onto(base + end - start), *given[2][1:], decoding=decoding)

    def traverse(
        self, source: Source | None = None, steps: int = 9, width: float = 3.0
    ) -> tuple[Tensor | list[list[str]], list[int]]:
        """Vary each latent dimension of one datum between -width and width, most active dimension first.

        Returns:
            Images `(D, steps, C, H, W)`, or a list of texts per dimension; and the dimensions in their order.

        Raises:
            ValueError: The latents are discrete.
        """
        self.space.require("traverse")
        order = self.encode(None, 512)[0].var(0, correction=0).argsort(descending=True)
        start = self.given(source, 1)
        z = self.space.varied(self._encoded(start)[0], order, steps, width).flatten(0, 1)
        shown = self.decode(z, *(c.expand(len(z), -1) for c in start[1:]))
        return in_rows(shown, steps), order.tolist()

    def manipulate(self, source: Source, label: str, strength: float = 1.0, steps: int = 5) -> Tensor | list[list[str]]:
        """Move data along the attribute vector of a label: mean latent with the label minus mean without it.

        References:
            Larsen, Sonderby, Larochelle and Winther, 2016, "Autoencoding beyond pixels using a learned similarity metric".

        Returns:
            Images `(N, steps, C, H, W)`, or a list of texts per datum, from the reconstruction to the full strength.
        """
        if not math.isfinite(strength):
            raise ValueError(f"strength must be a finite number, got {strength}")
        self.space.require("manipulate")
        direction = attribute_vector(self, label)
        given = self.given(source)
        means, _ = self._encoded(given)
        shares = torch.linspace(0, strength, steps).to(means)
        z = self.space.onto(means.unsqueeze(1) + shares.view(1, -1, 1) * direction)
        contexts = (c.repeat_interleave(steps, 0) for c in given[1:])
        return in_rows(self.decode(z.flatten(0, 1), *contexts), steps)

    @property
    def _batch(self) -> int:
        return _ROWS if self.kind == "table" else BATCH

    @cached_property
    def _latent_event(self) -> tuple[int, ...]:
        with evaluating(self.model):
            return tuple(self.model.prior_sample(1, *self.conditions.zeros(1))[0].shape[1:])

    def _encoded(self, given: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        with evaluating(self.model):
            posteriors = [self.model.encode(*part) for part in in_batches(*given, batch=self._batch)]
            means = [point(q).flatten(1) for q in posteriors]
            return torch.cat(means), torch.cat([deviation(q, m) for q, m in zip(posteriors, means, strict=True)])

    def _generated(self, n: int, temperature: float, label: Label, chosen: Chosen, seed: int) -> Tensor:
        """Return new data as the likelihood has them, `chosen` saying which of p(x | z)."""
        training = self.sources.training_context() if label is None else None
        with evaluating(self.model, seed):
            x = []
            drawn = self.conditions.drawn(n, label, training)
            batch = _MADE if self.kind == "table" else BATCH
            for part, *context in in_batches(torch.empty(n, 0), *drawn, batch=batch):
                z = self.model.prior_sample(len(part), *context, temperature=temperature)
                x.append(chosen(self.model.decode(*z, context=tuple(context))))
        return torch.cat(x)

    def _shown(self, first: Tensor, second: Tensor) -> tuple[Shown, Shown]:
        """Return two sets on one scale: that of a free composition is the range of what it is given."""
        both = self.shown(torch.cat([first, second]))
        return both[: len(first)], both[len(first) :]

    def prepared(self, stored: Tensor) -> Tensor:
        """Return prepared data, refused where the likelihood has no value for them."""
        x = self.view.prepare(stored)
        family = getattr(self.model.likelihood, "family", None)
        if family is not None:
            family.check(x)
        return x


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
        # A second stage leaves the model with another prior than it was trained with.
        saved = folder.read_description()
        if saved is not None and experiment.model is not None and type(saved) is type(experiment.model):
            experiment = experiment.replace(model=experiment.model.replace(prior=saved.prior))
        if experiment.model is None:
            raise ValueError(f"{path} holds a user's own composition; load it with load({str(path)!r}, model=VAE(...))")
        model = experiment.model.build()
    folder.read_weights(model)
    return Run(folder, experiment, model)
