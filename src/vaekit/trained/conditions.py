"""What a conditional model is asked for: labels by their names, vectors, or those of the training data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from vaekit.data import Dataset
from vaekit.data.schema import Schema
from vaekit.modalities import Description

__all__ = ["Conditions", "Label"]

Label = str | Sequence[str] | None
"""The name of a class, several, or None for those of the training data."""


@dataclass(frozen=True)
class Conditions:
    """What a run's model is conditioned on.

    Args:
        kind: Nothing, the class of each datum, or vectors given with the data.
        size: Length of the context vector.
        classes: The names of the classes, in the order of training.
        counts: How many training data each class has.
    """

    kind: Literal["none", "label", "context"]
    size: int
    classes: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()

    @classmethod
    def of(cls, description: Description, schema: Schema | None, counts: tuple[int, ...] = ()) -> Conditions:
        """Return what a described model is conditioned on.

        Args:
            description: The model.
            schema: The schema of its data, which names the classes.
            counts: How many training data each class has.
        """
        return cls(description.condition, description.context, () if schema is None else schema.classes, counts)

    @property
    def names(self) -> tuple[str, ...]:
        """The labels that may be asked for."""
        return self.classes if self.kind == "label" else ()

    def chosen(self, words: Sequence[str]) -> tuple[str, ...] | None:
        """Return the labels that were typed, each a class or a list of classes between commas; None for none."""
        parts = [[word] if word in self.classes else word.split(",") for word in words]
        return tuple(name.strip() for part in parts for name in part) or None

    def zeros(self, count: int) -> tuple[Tensor, ...]:
        """Return contexts of the right shape that stand for nothing."""
        return (torch.zeros(count, self.size),) if self.size else ()

    def drawn(self, count: int, label: Label, training: Tensor | None) -> tuple[Tensor, ...]:
        """Return contexts for `count` new data: of the labels asked for in equal shares, or else as in training.

        Args:
            count: How many.
            label: The names of the classes; None draws them in proportion of the training data.
            training: The contexts of the training data `(N, C)`, where they are at hand.

        Raises:
            ValueError: A label is unknown, or the model takes none; or its vectors are not at hand.
        """
        if label is not None:
            codes = self._codes([label] if isinstance(label, str) else list(label))
            chosen = codes[torch.arange(count) * len(codes) // count]
            return (one_hot(chosen, self.size).float(),)
        if self.kind == "label":
            weights = torch.tensor(self.counts or [1] * self.size).double()
            return (one_hot(torch.multinomial(weights, count, replacement=True), self.size).float(),)
        if self.kind == "none":
            return ()
        if training is None:
            raise ValueError(
                "the model is conditional on vectors that came with its data, and these are not at hand; give data"
            )
        return (training[torch.randint(len(training), (count,))],)

    def matched(self, data: Dataset) -> Dataset:
        """Return data whose labels count the classes of training, which other data may have in part or in another order.

        Raises:
            ValueError: There are no labels, or unknown ones.
        """
        if self.kind != "label" or data.classes == self.classes:
            return data
        if data.labels is None:
            raise ValueError(
                f"the model is conditional on labels, and these data have none (folders name them, or label_column=): {self._known()}"
            )
        present = {data.classes[code] for code in data.labels.unique().tolist()}
        codes = dict(zip(data.classes, self._codes(data.classes, present).tolist(), strict=True))
        labels = torch.tensor([codes[name] for name in data.classes])[data.labels]
        return replace(data, labels=labels, classes=self.classes)

    def _codes(self, names: Sequence[str], needed: set[str] | None = None) -> Tensor:
        if self.kind != "label":
            on = "on nothing" if self.kind == "none" else "on vectors given with the data"
            raise ValueError(
                f"the model is conditional {on}, so a label means nothing to it; train one with condition=label"
            )
        unknown = [name for name in names if name not in self.classes and (needed is None or name in needed)]
        if unknown or not names:
            raise ValueError(
                f"the model knows no label {', '.join(map(repr, unknown)) or 'in an empty list'}; {self._known()}"
            )
        return torch.tensor([self.classes.index(name) if name in self.classes else 0 for name in names])

    def _known(self) -> str:
        return f"its labels are {', '.join(self.classes[:50])}{', ...' if len(self.classes) > 50 else ''}"
