"""A kind of data: what it is called, who reads it, and which model suits it; the entries of the closed table `MODALITIES`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, TypeAlias

from vaekit.data import Dataset
from vaekit.data.schema import Schema
from vaekit.modalities.choice import Choice, Preset
from vaekit.modalities.description import Description
from vaekit.modalities.reading import Reading

__all__ = ["Completed", "Modality", "Pace", "Sections", "Situation", "Words"]

Sections: TypeAlias = dict[str, dict[str, Any]]
"""The user's keys by section: `model`, `objective`, `training`."""


class Words(NamedTuple):
    """What people call the data: `one` image, `many` images, bits per `dimension`, and data without a source."""

    one: str
    many: str
    dimension: str
    unnamed: str


@dataclass(frozen=True)
class Pace:
    """How long training will be, which schedules in steps are made from.

    Args:
        per_epoch: Steps in an epoch.
        steps: Steps in all; None where a time limit decides.
    """

    per_epoch: int
    steps: int | None

    @property
    def ramp(self) -> int:
        """Ten epochs, as published; at most a third of the run, or one epoch where its length is not known."""
        most = self.per_epoch if self.steps is None else max(1, self.steps // 3)
        return min(10 * self.per_epoch, most)

    @property
    def whole(self) -> int:
        """The whole run, or four epochs where its length is not known."""
        return self.steps or 4 * self.per_epoch


@dataclass(frozen=True)
class Situation:
    """What a choice may depend on, beside the data themselves.

    Args:
        count: Number of training data.
        preset: How much to spend.
        batch: Size of the training batch.
        gpu: Whether training runs on one.
    """

    count: int
    preset: Preset
    batch: int
    gpu: bool = False


class Completed(NamedTuple):
    """The user's keys, completed by those of a goal or a recipe, and the choice of it where it was left open."""

    sections: Sections
    choice: Choice | None = None


class Modality(ABC):
    """One kind of data. A new kind is a new entry of `MODALITIES`; nothing else asks which kind data are."""

    kind: ClassVar[str]
    words: ClassVar[Words]
    reads: ClassVar[str]
    """What its reader takes, as a phrase for an error message."""
    reading: ClassVar[type[Reading]]
    description: ClassVar[type[Description] | None]
    schema: ClassVar[type[Schema] | None]
    batches: ClassVar[tuple[int, int]] = (128, 256)
    """Data per step: with 2,048 training data, and with 20,000 or more."""
    epochs: ClassVar[int] = 1
    """What the usual number of epochs is divided by: data that are seen whole in fewer steps."""

    @abstractmethod
    def claims(self, source: str, keys: frozenset[str]) -> bool:
        """Say whether a source that was typed is of this kind, given the keys of reading that were typed with it."""

    @abstractmethod
    def holds(self, found: Any) -> bool:
        """Say whether something in memory is of this kind."""

    def opened(self, keys: Mapping[str, Any] | None = None) -> Reading:
        """Return how data of this kind are opened, by the user's keys.

        Raises:
            pydantic.ValidationError: A key is unknown or out of range.
        """
        return self.reading.model_validate({**(keys or {}), "kind": self.kind})

    def settings(self, given: Mapping[str, Any], model: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the keys of reading, completed by what follows from the keys of the model."""
        return given

    def lengths(self, situation: Situation, model: Mapping[str, Any]) -> list[Choice]:
        """Return the choices that depend on the number of data: the batch, and how long to train."""
        return [self.batch(situation.count, self.batches), self.duration(situation.preset)]

    def complete(self, given: Sections, pace: Pace) -> Completed:
        """Return the user's keys by section, completed by those of a goal or a recipe.

        Raises:
            ValueError: There is no such goal or recipe.
        """
        return Completed(given)

    def restated(self, description: Any) -> tuple[dict[str, Any] | None, Description]:
        """Return the keys that a whole description stands for, and the description as it is meant.

        A goal or a recipe also stands for keys of the objective and of training. Where a description sets one, it is
        planned as these keys would be: all that it leaves unset is chosen. Where it sets none there are no keys, and the
        description is that of the bound alone.
        """
        return None, description

    def choose(
        self, data: Dataset, keys: Mapping[str, Any], situation: Situation
    ) -> tuple[Description, tuple[Choice, ...]]:
        """Return the description that suits data, and why: keys that are given stand, every other one is chosen.

        Raises:
            pydantic.ValidationError: A given key is unknown or out of range.
            ValueError: The model is to be conditional, and the data lack what on.
        """
        raise ValueError(f"{self.words.many} get no model by themselves; give model=VAE(prior, posterior, likelihood)")

    def simple_prior(self, description: Any) -> str | None:
        """Return why the prior stays N(0, I) while training; None where a learned one may be chosen."""
        return None

    def optimization(self, description: Any, batch: int) -> list[Choice]:
        """Return the choices of learning rate and what goes with it."""
        return [Choice(key="lr", value=1e-3, reason="the usual peak of Adam")]

    def batch(self, count: int, sizes: tuple[int, int]) -> Choice:
        """Return the choice of a batch for so many training data."""
        usual, large = sizes
        size = large if count >= 20_000 else usual if count >= 2048 else max(1, min(64, count // 8))
        reason = f"{count:,} training data: large enough for quick products, small enough for many steps"
        return Choice(key="batch", value=size, reason=reason)

    def duration(self, preset: Preset) -> Choice:
        """Return the choice of the number of epochs."""
        epochs = {"fast": 60, "balanced": 300, "best": 1000}[preset] // self.epochs
        return Choice(key="epochs", value=epochs, reason=f"preset {preset}; patience may end training earlier")
