"""A trained model: every verb that uses it, without the folder of its run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from copy import copy
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self

import torch
from torch import Tensor

from vaekit.data import Dataset, Stored, sequential, unpacked
from vaekit.data.foreign import folder_path, refuse_beyond_memory
from vaekit.data.schema import Schema
from vaekit.distributions import Decoding, point
from vaekit.errors import DataNotAtHand, NotApplicable, real, shortened, whole
from vaekit.evaluation import Bounds, PosteriorPoints, SampleQuality, bounds, sample_quality
from vaekit.heads.family import Measure
from vaekit.modalities import Description, Imputing, Pick, Reading, Seed, Shown, View, modality_named, view_of
from vaekit.models import Groups, LatentVariableModel, Temperature, evaluating, temperatures
from vaekit.nets import RandomFeatures
from vaekit.trained.conditions import Conditions, Label
from vaekit.trained.encoding import Keep, encoding, kept_masks, variable_rates
from vaekit.trained.files import ModelFolder, Saved
from vaekit.trained.latent_space import LatentSpace
from vaekit.trained.latents import Encoding, Latents
from vaekit.trained.opening import Data, Source, no_data
from vaekit.trained.walks import ORDERED, Walks

__all__ = ["TrainedModel"]

_REDRAWN = 50  # times that new data which the view does not allow are drawn again
_FEW = 1000  # data that fit into any memory
_BYTES = 16  # of a number of new data: four copies in single precision, from the draw to what is returned


class TrainedModel(Walks):
    """A model with its weights, its description and the schema of its data.

    No verb changes it, so any number of threads may use one at once. Verbs return data in the units and of the type of the
    data that the model was trained on, so what one verb returns another takes.

    Args:
        model: The modules, with their weights.
        description: The description that they were built from; None for a user's own composition.
        schema: The schema that data must have; None for a composition.
        reading: How data are opened; by default with the usual settings of the description's kind.
        conditions: What the model is conditioned on; by default that of the description and the schema.
        data: The data it was trained on, or a function that opens them.
    """

    def __init__(
        self,
        model: LatentVariableModel,
        description: Description | None = None,
        schema: Schema | None = None,
        *,
        reading: Reading | None = None,
        conditions: Conditions | None = None,
        data: Dataset | Callable[[], Dataset] = no_data,
    ) -> None:
        self._for_display = False
        self.model, self.description, self.schema = model.eval(), description, schema
        self.kind = "tensor" if description is None else description.kind
        self.view: View = view_of(description, model, schema)
        self.conditions = Conditions.of(description, schema) if conditions is None else conditions
        self.sources = Data(reading or modality_named(self.kind).opened(), self.view, schema, self.conditions, data)

    @classmethod
    def load(cls, folder: str | Path, *, model: LatentVariableModel | None = None) -> TrainedModel:
        """Load the files of `save`, or the `model` folder of a run; no code in the files is executed.

        Args:
            folder: The folder.
            model: The modules of a free composition, which has no description.

        Raises:
            FileNotFoundError: The folder holds no such files.
            ValueError: A file is damaged or does not fit.
        """
        files = ModelFolder(folder_path(folder))
        saved = files.read()
        modules = files.weighted(saved.description, model)
        conditions = saved.conditions
        return cls(modules, saved.description, saved.schema, reading=saved.reading, conditions=conditions)

    def save(self, folder: str | Path) -> Path:
        """Write `config.json`, `model.safetensors` and `schema.json`, all that `load` needs; return the folder.

        Raises:
            OSError: The folder cannot be written to.
        """
        saved = Saved(self.description, self.schema, self.sources.reading, self.conditions)
        return ModelFolder(folder_path(folder)).write(self.model, saved)

    def with_model(self, description: Description, model: LatentVariableModel) -> TrainedModel:
        """Return another model of the same data."""
        reading, data = self.sources.reading, self.sources.opened
        return TrainedModel(model, description, self.schema, reading=reading, conditions=self.conditions, data=data)

    @property
    def measure(self) -> Measure | None:
        """The measure of its bounds: counting (probabilities) or lebesgue (densities); None if it is unknown."""
        if self.description is not None:
            return self.description.measure
        return getattr(getattr(self.model.likelihood, "family", None), "measure", None)

    @cached_property
    def latents(self) -> Latents:
        """Its groups of latents; those of a free composition are treated as real vectors."""
        with evaluating(self.model):
            drawn = self.model.prior_sample(1, *self.conditions.zeros(1))
        support = "real" if self.description is None else self.description.posterior.support
        groups = Groups(tuple(tuple(z.shape[1:]) for z in drawn), (1,) * len(drawn))
        return Latents(groups, (LatentSpace(support),) * len(drawn))

    @property
    def data(self) -> Dataset:
        """The data it was trained on.

        Raises:
            DataNotAtHand: They came from memory, or have changed since.
        """
        return self.sources.own

    def open(self, source: Source | None = None) -> tuple[Dataset, Tensor]:
        """Return data and the rows to use: the test part of the model's own, or all of other data; see `Data.open`."""
        return self.sources.open(source)

    def inputs(self, source: Source | None = None, count: int | None = None, seed: Seed = 0) -> Tensor:
        """Return prepared data `(N, *event)`, the first `count` rows."""
        return self.given(source, count, seed)[0]

    def given(self, source: Source | None = None, count: int | None = None, seed: Seed = 0) -> tuple[Tensor, ...]:
        """Return the inputs of the model: prepared data `(N, *event)`, and their context `(N, C)` if it is conditional."""
        data, rows = self._first(source, count)
        return self._entering(data.stored.take(rows), seed)

    def _first(self, source: Source | None, count: int | None) -> tuple[Dataset, Tensor]:
        """Return data and their first `count` rows; all where it is None."""
        most = None if count is None else whole("count", count)
        data, rows = self.open(source)
        return data, rows[:most]

    def _entering(self, stored: Stored, seed: Seed = 0) -> tuple[Tensor, ...]:
        values, context = unpacked(stored)
        with evaluating(self.model, seed):
            return self.prepared(values), *context

    def prepared(self, stored: Tensor) -> Tensor:
        """Return prepared data; refuse values outside the likelihood's support."""
        x = self.view.prepare(stored)
        family = getattr(self.model.likelihood, "family", None)
        if family is not None:
            family.check(x)
        return x

    def evaluate(self, source: Source | None = None, samples: int = 100, count: int | None = None) -> Bounds:
        """Return the bounds of every datum of the test part, or of `source`.

        Args:
            source: Other data.
            samples: K of the importance-weighted bound.
            count: Use only this many of the first data.
        """
        data, rows = self._first(source, count)
        return bounds(
            self.model,
            sequential(data.stored, rows, self.view.traits.rows),
            prepare=self.prepared,
            samples=samples,
            log_jacobian=self.view.log_jacobian,
            sizes=self.view.sizes,
        )

    def score(self, source: Source, samples: int = 100) -> Bounds:
        """Return the bounds of every datum: a low one marks an anomaly."""
        return self.evaluate(source, samples)

    def sample(
        self,
        n: int,
        temperature: Temperature = 1.0,
        *,
        label: Label = None,
        given: Mapping[str, Any] | None = None,
        noise: bool = False,
        decoding: Decoding | None = None,
        seed: Seed = 0,
    ) -> Shown:
        """Return `n` new data in the units and of the type of the data: images `(n, C, H, W)`; a list of texts; a `pyarrow.Table`.

        Args:
            n: How many.
            temperature: Scale of the draws from the prior; 0 takes its most typical value. With several groups of latents also
                a list with a number for each, from the top down, or `("linear", first, last)`.
            label: For a model conditional on labels: the class to generate, or several in equal shares; by default classes
                are as frequent as in the training data. Other contexts are drawn from those of the training data.
            given: For tables: fixed values by column, which every new row has; see `sample_given`.
            noise: For images: draw from p(x | z); by default its point is taken, e.g. the mean image. Rows are always drawn.
            decoding: For texts: how tokens are chosen; by default drawn from p(x | z).
            seed: Seed of the draws, or a generator.

        Raises:
            ValueError: `n` is below 1, a temperature is negative or infinite or lacks its group, or the label is unknown.
            NotApplicable: `decoding` is set for data without tokens, or `given` for data without columns.
        """
        n = whole("n", n)
        if given:
            if label is not None or temperature != 1:
                raise ValueError("given goes with neither label nor temperature; leave these out")
            return self.sample_given(n, given, seed=seed).table
        pick = self.view.pick(decoding, noise=noise, sampling=True)
        return self._presented(self.generated(n, pick, temperature, label, seed))

    def sample_given(self, n: int, given: Mapping[str, Any], *, seed: Seed = 0) -> Any:
        """Return `n` new rows of a table with given values in some columns, and the effective sample size behind them.

        Raises:
            ValueError: A column is unknown, or a value has another type or breaks a constraint.
            NotApplicable: The data are no table, or the model is conditional.
        """
        if not isinstance(given, Mapping):
            raise ValueError(f"given must map columns to values, got {shortened(repr(given))}")
        n = whole("n", n)
        self._refuse_too_many(n, f"n={n:,}")
        return self.view.sample_given(self.model, n, given, seed)

    def impute(
        self, source: Source | None = None, *, draws: int = 0, proposals: int = 200, level: float = 0.9, seed: Seed = 0
    ) -> Any:
        """Return a table with its missing cells filled: an `Imputation`.

        Args:
            source: The table; by default the test part of the model's own.
            draws: Number of whole tables to draw as well, for multiple imputation.
            proposals: Latents that are compared per row.
            level: Share of the draws that the interval of a number holds.
            seed: Seed of the draws, or a generator.

        Raises:
            NotApplicable: The data are no table.
            ValueError: The table does not fit, or a setting is out of range.
        """
        data, rows = self.open(source)
        how = Imputing(
            whole("draws", draws, 0, 10_000),
            whole("proposals", proposals, 2, 1_000_000),
            real("level", level, 0),
            seed,
        )
        return self.view.impute(self.model, data.taken(rows), how)

    def quality(
        self,
        n: int = 2000,
        *,
        source: Source | None = None,
        features: Literal["random", "model"] = "random",
        seed: Seed = 0,
    ) -> SampleQuality:
        """Compare `n` samples with the first `n` test images, or with all of them if they are fewer.

        The samples are mean images, as `sample` returns them.

        Args:
            n: How many; results depend on it.
            source: Other data to compare with.
            features: The space of the comparison: fixed random features of images, or the model's own posterior means.
            seed: Seed of the draws, or a generator.

        Raises:
            NotApplicable: There are too few images, or `features` is "model" and the model is conditional.
        """
        if features == "model" and self.conditions.kind != "none":
            raise NotApplicable("the space of a conditional model depends on the context; use features='random'")
        if features == "random" and not (self.view.traits.pictures or self.description is None):
            raise NotApplicable("samples are compared as images, and these data are none; use features='model'")
        n = whole("n", n)
        real, made = self.inputs(source, n, seed), self.generated(n, point, seed=seed)
        if features == "model":
            return sample_quality(real, made, PosteriorPoints(self.model))
        both = self.view.display(torch.cat([real, made]))  # together, for they may be scaled by their range
        return sample_quality(both[: len(real)], both[len(real) :], RandomFeatures(real.shape[1]))

    def encode(self, source: Source | None = None, count: int | None = None, *, keep: Keep | None = None) -> Encoding:
        """Return posterior means and standard deviations of each group: deterministic, and without gradients.

        The result unpacks into `mean, std`, each `(N, D)`, the groups side by side.

        Args:
            source: The data; by default the test part of the model's own.
            count: How many at most.
            keep: Which latents come from the datum; see `reconstruct`. The others have the prior's deviations.

        Raises:
            ValueError: `keep` is neither a number of groups nor a share.
            NotApplicable: `keep` is a share, and the latents have no rates.
        """
        return self.encoded(self.given(source, count), keep)

    def decode(self, z: Tensor, *context: Tensor, decoding: Decoding | None = None) -> Shown:
        """Return the data of codes `(N, D)`, in the form that `sample` returns.

        Args:
            z: Codes: the latents of all groups side by side.
            context: For a conditional model: the context `(N, C)`.
            decoding: For texts: how tokens are chosen; by default the most probable one after the other.
        """
        z = self.latents.codes(z).to(next(self.model.parameters()))
        self._refuse_too_many(len(z), f"decoding {len(z):,} codes")
        pick, groups = self.view.pick(decoding), self.latents.split(z)
        given = self.conditions.vectors(context, len(z))
        with evaluating(self.model):
            parts = self._in_batches(*groups, *given)
            x = [pick(self.model.decode(*part[: len(groups)], context=part[len(groups) :])) for part in parts]
        return self._presented(torch.cat(x))

    def reconstruct(
        self,
        source: Source | None = None,
        count: int | None = None,
        *,
        decoding: Decoding | None = None,
        keep: Keep | None = None,
    ) -> tuple[Shown, Shown]:
        """Return inputs and their deterministic reconstructions, in the form that `sample` returns.

        Args:
            source: The data; by default the test part of the model's own.
            count: How many at most.
            decoding: For texts: how tokens are chosen; by default the most probable one after the other.
            keep: How many groups of latents, from the top, come from the datum; or, below 1, the share of all latent
                variables, those with the largest mean rate over the model's own test part. The others take the most typical
                value of their prior, given the groups above. By default all are kept.

        Raises:
            ValueError: `keep` is neither a number of groups nor a share.
            NotApplicable: `keep` is a share, and the latents have no rates.
        """
        data, rows = self._first(source, count)
        data = data.taken(rows)
        given, pick = self._entering(data.stored), self.view.pick(decoding)
        means = self.encoded(given, keep).means
        with evaluating(self.model):
            parts = self._in_batches(*means, *given[1:])
            drawn = (self.model.decode(*part[: len(means)], context=part[len(means) :]) for part in parts)
            again = torch.cat([pick(likelihood) for likelihood in drawn])
        if not self._for_display:
            return self.view.inputs(data, given[0]), self.view.decode(again)
        both = self.view.display(torch.cat([given[0], again]))
        return both[: len(again)], both[len(again) :]

    @property
    def displayed(self) -> Self:
        """The same model, whose verbs return data to be looked at: images as intensities in [0, 1]."""
        twin = copy(self)
        twin._for_display = True
        return twin

    def _presented(self, x: Tensor) -> Shown:
        """Return a model's output as data, or to be looked at; see `displayed`."""
        return self.view.display(x) if self._for_display else self.view.decode(x)

    def encoded(self, given: tuple[Tensor, ...], keep: Keep | None = None) -> Encoding:
        """Return the encoding of the inputs of the model; see `given`."""
        masks = None if keep is None else kept_masks(keep, self.latents.groups, lambda: self._rates(given))
        with evaluating(self.model):
            return encoding(self.model, self._in_batches(*given), masks)

    def _rates(self, given: tuple[Tensor, ...]) -> Tensor:
        """Return the mean rate of each latent variable over some of the model's own data, or of those given."""
        with suppress(DataNotAtHand, OSError):
            given = self.given(None, ORDERED)
        with evaluating(self.model, 0):
            parts = list(self._in_batches(*(column[:ORDERED] for column in given)))
            rates = torch.stack([variable_rates(self.model, *part) for part in parts])
        return torch.tensor([len(part[0]) for part in parts]).to(rates) @ rates

    def generated(
        self, n: int, pick: Pick, temperature: Temperature = 1.0, label: Label = None, seed: Seed = 0
    ) -> Tensor:
        """Return new data in the support of the likelihood, `(n, *event)`; `pick` takes each from p(x | z)."""
        self._refuse_too_many(n, f"n={n:,}")
        scales = temperatures(temperature, len(self.latents.sizes))
        temperature = scales[0] if len({*scales}) == 1 else scales
        training = self.sources.training_context() if label is None else None
        with evaluating(self.model, seed):
            contexts = self.conditions.drawn(n, label, training)
            x = self._drawn(n, pick, temperature, *contexts)
            for _ in range(_REDRAWN):
                allowed = self.view.allowed(x)
                if allowed is None or allowed.all():
                    break
                again = ~allowed
                x[again] = self._drawn(int(again.sum()), pick, temperature, *(column[again] for column in contexts))
        return x

    def _drawn(self, n: int, pick: Pick, temperature: Temperature, *contexts: Tensor) -> Tensor:
        x = []
        for part, *context in self._in_batches(torch.empty(n, 0), *contexts, batch=self.view.traits.drawn):
            z = self.model.prior_sample(len(part), *context, temperature=temperature)
            x.append(pick(self.model.decode(*z, context=tuple(context))))
        return torch.cat(x)

    def _in_batches(self, *columns: Tensor, batch: int | None = None) -> Iterator[tuple[Tensor, ...]]:
        size = batch or self.view.traits.rows
        for start in range(0, max(1, len(columns[0])), size):
            yield tuple(column[start : start + size] for column in columns)

    def _refuse_too_many(self, count: int, what: str) -> None:
        """Refuse to make more data than the memory has room for.

        Raises:
            ValueError: With the memory that they would take.
        """
        if count > _FEW:
            with evaluating(self.model):
                context = self.conditions.zeros(1)
                event = self.model.decode(*self.model.prior_sample(1, *context), context=context).event_shape
            numbers = event.numel() + sum(self.latents.sizes) + self.conditions.size
            refuse_beyond_memory(what, _BYTES * count * numbers, "ask for fewer at once")
