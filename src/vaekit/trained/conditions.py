"""Conditions: the labels or vectors that a model is conditioned on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from vaekit.data import Dataset
from vaekit.data.schema import Schema
from vaekit.errors import shortened
from vaekit.modalities import Description
from vaekit.modalities.condition import Condition

__all__ = ["Conditions", "Label", "as_tensor"]

Label = str | Sequence[str] | None
"""The name of a class, several, or None for those of the training data."""


def as_tensor(name: str, value: Any) -> Tensor:
    """Return real numbers that somebody gave as a tensor.

    Raises:
        ValueError: They are none.
    """
    try:
        found = torch.as_tensor(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{name} must be numbers, got {shortened(repr(value))}") from error
    if found.is_complex():
        raise ValueError(f"{name} must be real numbers, got {found.dtype}")
    return found


@dataclass(frozen=True)
class Conditions:
    """What a model is conditioned on.

    Args:
        kind: Nothing, the class of each datum, or a vector that comes with each datum.
        size: Length of the context vector.
        classes: The names of the classes, in the order of training.
        counts: How many training data each class has.
    """

    kind: Condition
    size: int
    classes: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()

    @classmethod
    def of(
        cls, description: Description | None, schema: Schema | None, counts: Sequence[int] = (), size: int = 0
    ) -> Conditions:
        """Return what a model is conditioned on.

        Args:
            description: The model; None for a free composition, which takes vectors or nothing.
            schema: The schema of its data, which names the classes.
            counts: How many training data each class has.
            size: Length of the vectors that a free composition takes; 0 if it takes none.
        """
        if description is None:
            return cls("context" if size else "none", size)
        return cls(description.condition, description.context, () if schema is None else schema.classes, tuple(counts))

    @property
    def names(self) -> tuple[str, ...]:
        """The labels that new data may have."""
        return self.classes if self.kind == "label" else ()

    def chosen(self, words: Sequence[str]) -> tuple[str, ...] | None:
        """Return the labels in typed words, each a class or several with commas between them; None for no words."""
        parts = [[word] if word in self.classes else word.split(",") for word in words]
        return tuple(name.strip() for part in parts for name in part) or None

    def zeros(self, count: int) -> tuple[Tensor, ...]:
        """Return contexts of zeros."""
        return (torch.zeros(count, self.size),) if self.size else ()

    def vectors(self, given: Sequence[Any], count: int) -> tuple[Tensor, ...]:
        """Return contexts that somebody gave as the model takes them: a vector for each of `count` data, or nothing.

        Raises:
            ValueError: They are missing, too many, or of another shape.
        """
        contexts = tuple(as_tensor("the context", each).float() for each in given)
        needed = [(count, self.size)] if self.size else []
        shapes = [tuple(context.shape) for context in contexts]
        if shapes != needed:
            raise ValueError(
                f"the model takes {f'a context {needed[0]}' if needed else 'no context'} with {count} codes, got {shapes or 'none'}"
            )
        return contexts

    def drawn(self, count: int, label: Label, training: Tensor | None) -> tuple[Tensor, ...]:
        """Return contexts for `count` new data: those of some labels in equal shares, or as frequent as in training.

        Args:
            count: How many.
            label: The names of the classes; None draws classes as frequent as in the training data.
            training: The contexts of the training data `(N, C)`; None if they are not at hand.

        Raises:
            ValueError: A label is unknown, or the model takes no labels, or it needs vectors that are not at hand.
        """
        if label is not None:
            several = not isinstance(label, str) and isinstance(label, Iterable)
            codes = self._codes(list(label) if several else [label])  # type: ignore[list-item]
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
        """Return data whose labels are codes of the training classes, though their own classes may be fewer or in another order.

        Raises:
            ValueError: The data have no labels, or unknown ones.
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
            on = "on nothing" if self.kind == "none" else "on vectors that come with the data"
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
