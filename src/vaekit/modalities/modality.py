"""A kind of data: its names, its reader, and the model that suits it; each is an entry of the table `MODALITIES`."""

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

__all__ = ["Chosen", "Completed", "Modality", "Pace", "Sections", "Situation", "Words", "three_sections"]

Sections: TypeAlias = dict[str, dict[str, Any]]
"""The user's keys by section: `model`, `objective`, `training`."""

Chosen: TypeAlias = tuple[Description, tuple[Choice, ...]]
"""A description that suits the data, and the choices that led to it."""


class Words(NamedTuple):
    """The names of the data: `one` image, `many` images, bits per `dimension`, and `unnamed` data without a source."""

    one: str
    many: str
    dimension: str
    unnamed: str


@dataclass(frozen=True)
class Pace:
    """The length of training, from which schedules get their steps.

    Args:
        per_epoch: Steps in an epoch.
        steps: Steps in all; None if a time limit decides.
    """

    per_epoch: int
    steps: int | None

    @property
    def ramp(self) -> int:
        """Ten epochs, as published, but at most a third of the run; one epoch if its length is unknown."""
        most = self.per_epoch if self.steps is None else max(1, self.steps // 3)
        return min(10 * self.per_epoch, most)

    @property
    def whole(self) -> int:
        """The whole run; four epochs if its length is unknown."""
        return self.steps or 4 * self.per_epoch


@dataclass(frozen=True)
class Situation:
    """What a choice may depend on, apart from the data.

    Args:
        count: Number of training data.
        preset: How much to spend.
        batch: Size of the training batch.
        gpu: Whether training runs on a GPU.
        seconds: What the training may take; None without a time limit.
    """

    count: int
    preset: Preset = "balanced"
    batch: int = 128
    gpu: bool = False
    seconds: float | None = None


class Completed(NamedTuple):
    """The user's keys, completed by those of a goal or a recipe; `choice` is set if that was chosen automatically."""

    sections: Sections
    choice: Choice | None = None


def three_sections(keys: Mapping[str, Mapping[str, Any]]) -> Sections:
    """Return a copy of the keys by section that has all three sections."""
    return {name: dict(keys.get(name, {})) for name in ("model", "objective", "training")}


class Modality(ABC):
    """One kind of data. A new kind is a new entry of `MODALITIES`; other code never asks for the kind of the data."""

    kind: ClassVar[str]
    words: ClassVar[Words]
    reads: ClassVar[str]
    """The sources that its reader accepts, as a phrase for an error message."""
    reading: ClassVar[type[Reading]]
    description: ClassVar[type[Description] | None]
    schema: ClassVar[type[Schema] | None]
    batches: ClassVar[tuple[int, int]] = (128, 256)
    """Data per step: with 2,048 training data, and with 20,000 or more."""
    epochs: ClassVar[int] = 1
    """The divisor of the usual number of epochs, for data that need fewer."""

    @abstractmethod
    def claims(self, source: str, keys: frozenset[str]) -> bool:
        """Return whether a typed source is of this kind; `keys` are the keys of reading typed with it."""

    @abstractmethod
    def holds(self, data: Any) -> bool:
        """Return whether an object in memory is of this kind."""

    def opened(self, keys: Mapping[str, Any] | None = None) -> Reading:
        """Return the settings that open data of this kind, made from the user's keys.

        Raises:
            pydantic.ValidationError: A key is unknown or out of range.
        """
        return self.reading.model_validate({**(keys or {}), "kind": self.kind})

    def settings(self, reading: Mapping[str, Any], model: Mapping[str, Any]) -> Mapping[str, Any]:
        """Complete the user's keys of reading by those that follow from the keys of the model."""
        return reading

    def lengths(self, data: Dataset, model: Mapping[str, Any], situation: Situation) -> list[Choice]:
        """Choose the batch, and the length of training."""
        return [self.batch(situation.count, self.batches), self.duration(situation.preset)]

    def complete(self, keys: Sections, pace: Pace) -> Completed:
        """Complete the user's keys by those of a goal or a recipe.

        Raises:
            ValueError: There is no such goal or recipe.
        """
        return Completed(keys)

    def restated(self, description: Any) -> tuple[dict[str, Any] | None, Description]:
        """Return the keys to plan a user's description by, or None, and the description to train.

        A goal or a recipe implies keys of the objective and of training. If the description sets one, its keys are
        returned, and planning chooses all that it leaves unset. If it sets none, the keys are None, and the model is
        trained by the plain bound.
        """
        return None, description

    def choose(self, data: Dataset, keys: Mapping[str, Any], situation: Situation) -> Chosen:
        """Return the description that suits the data: the user's keys stay, every other key is chosen.

        Raises:
            pydantic.ValidationError: A key of the user is unknown or out of range.
            ValueError: The model is to be conditional on something that the data lack.
        """
        raise ValueError(f"{self.words.many} get no model by themselves; give model=VAE(prior, posterior, likelihood)")

    def simple_prior(self, description: Any) -> str | None:
        """Return the reason to train with the prior N(0, I); None if a learned prior may be chosen."""
        return None

    def optimization(self, description: Any, batch: int) -> list[Choice]:
        """Choose the learning rate and the settings that depend on it."""
        return [Choice(key="lr", value=1e-3, reason="the usual peak of Adam")]

    def batch(self, count: int, sizes: tuple[int, int]) -> Choice:
        """Choose the batch for a number of training data."""
        usual, large = sizes
        size = large if count >= 20_000 else usual if count >= 2048 else max(1, min(64, count // 8))
        reason = f"{count:,} training data: large enough for quick products, small enough for many steps"
        return Choice(key="batch", value=size, reason=reason)

    def duration(self, preset: Preset) -> Choice:
        """Choose the number of epochs."""
        epochs = {"fast": 60, "balanced": 300, "best": 1000}[preset] // self.epochs
        return Choice(key="epochs", value=epochs, reason=f"preset {preset}; patience may end training earlier")
