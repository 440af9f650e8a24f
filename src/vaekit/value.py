"""Descriptions that are also code.

A `Value` is frozen, hashable and survives a round trip through JSON. Everything a user chooses (a family, an
architecture, an objective, how to train) is a value; everything with weights is a `torch.nn.Module`. Nothing is both.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from pydantic import BaseModel, ConfigDict

__all__ = ["Size", "Value"]

Size: TypeAlias = tuple[int, ...]
"""The shape of one datum, of one group of latents, or of one feature, without batch axes."""


class Value(BaseModel):
    """A frozen, hashable, JSON-able description.

    Unknown fields are refused, so that a mistyped key never passes in silence; so are NaN and infinity, which JSON lacks.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True, use_attribute_docstrings=True
    )

    def replace(self, **changes: Any) -> Any:
        """Return a copy with `changes` applied, validated like a new value; what was left open stays open."""
        fields = {name: getattr(self, name) for name in type(self).model_fields if name in self.model_fields_set}
        return type(self)(**{**fields, **changes})
