"""What data look like, whatever their kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from vaekit.value import Value

__all__ = ["Schema"]


class Schema(Value, ABC):
    """What data look like: it travels with a model and is checked on new data. Each modality has its own."""

    classes: tuple[str, ...] = ()
    """The names of the classes, in the order of the labels."""

    @abstractmethod
    def check(self, other: Any) -> None:
        """Check that data described by `other` fit a model trained on data described by `self`.

        Raises:
            ValueError: If they do not; the sentence names the field and the cure.
        """

    def brief(self) -> dict[str, Any]:
        """Return what people want to know of it, ready for JSON."""
        return self.model_dump(mode="json")
