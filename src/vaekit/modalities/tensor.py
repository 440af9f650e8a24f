"""Tensors that enter a user's own composition of modules unchanged."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from vaekit.data import Dataset, read_images, split_by_content
from vaekit.data.array_files import read_array
from vaekit.data.arrays import rounding_notes
from vaekit.data.schema import Schema
from vaekit.heads import Bernoulli, Family
from vaekit.modalities.modality import Modality, Words
from vaekit.modalities.reading import Reading
from vaekit.modalities.view import View
from vaekit.models import LatentVariableModel, evaluating

__all__ = ["Plain", "TensorReading", "TensorSchema", "Tensors", "check_composition"]

_CHECKED = 4096  # data that one explicit check looks at


class TensorSchema(Schema):
    """The shape of one datum of a user's own composition, and the type of its entries."""

    kind: Literal["tensor"] = "tensor"
    shape: tuple[int, ...]
    """The shape of one datum."""
    dtype: str
    """The type of the entries, by the name that torch has for it."""

    def check(self, other: Any) -> None:
        """Refuse data of another shape; any type of number fits.

        Raises:
            ValueError: The shape is another.
        """
        if getattr(other, "shape", self.shape) != self.shape:
            raise ValueError(
                f"shape: the model expects data of shape {self.shape}, the data have {other.shape}; reshape them"
            )


class TensorReading(Reading):
    """Tensors `(N, *event)` in the support of a user's own likelihood; or images in a file or a folder."""

    kind: Literal["tensor"] = "tensor"

    def read(self, source: str, schema: Any, *, own: bool) -> Dataset:
        """Read the arrays of a file or a folder; those for a model of tensors get the shape of its data."""
        if isinstance(schema, TensorSchema) and source.lower().endswith((".npy", ".npz")):
            values = torch.from_numpy(read_array(Path(source).expanduser()))
            fits = values[:1].numel() == math.prod(schema.shape)
            return self.convert(values.reshape(-1, *schema.shape) if fits else values)
        return read_images(source)

    def convert(self, data: Any, schema: Any = None) -> Dataset:
        """Return the data set of a tensor, split by content.

        Raises:
            ValueError: The object is no tensor.
        """
        if not hasattr(data, "__getitem__"):
            raise ValueError(f"a free composition needs a tensor (N, *event), got {type(data).__name__}")
        values = torch.as_tensor(data)
        observed = TensorSchema(shape=tuple(values.shape[1:]), dtype=str(values.dtype).removeprefix("torch."))
        return Dataset(values, observed, split_by_content(values), source="", notes=rounding_notes(values))


class Tensors(Modality):
    """Data without a description: only a user's own composition of modules takes them."""

    kind = "tensor"
    words = Words("datum", "data", "dim", "arrays")
    reads = "a tensor (N, *event), with model=VAE(prior, posterior, likelihood)"
    reading = TensorReading
    description = None
    schema = TensorSchema

    def claims(self, source: str, keys: frozenset[str]) -> bool:
        """Return False: what a file holds needs a description."""
        return False

    def holds(self, data: Any) -> bool:
        """Return False: tensors are images unless a composition comes with them."""
        return False


class Plain(View):
    """The view of a user's own composition: data enter it unchanged, or binarised for a Bernoulli likelihood.

    Args:
        model: The composition.
        schema: The schema of its data; without one, they are returned in the type of the weights.
    """

    def __init__(self, model: LatentVariableModel, schema: Schema | None = None) -> None:
        self.model = model
        self.family: Family | None = getattr(getattr(model, "likelihood", None), "family", None)
        self._dtype = next((p.dtype for p in model.parameters() if p.is_floating_point()), torch.float32)
        self._own = getattr(torch, getattr(schema, "dtype", ""), self._dtype)

    def prepare(self, stored: Tensor) -> Tensor:
        """Return the data in the precision of the model's weights."""
        x = stored.to(self._dtype)
        return self.family.binarized(x) if isinstance(self.family, Bernoulli) else x

    def decode(self, x: Tensor) -> Tensor:
        """Return the data in their own units and type; what the likelihood counts is rounded to what it can count."""
        if self.family is not None and self.family.support in ("levels", "counts"):
            x = x.round()
        if isinstance(self.family, Bernoulli) and self.family.binarize == "none":
            x = (x > 0.5).to(x.dtype)
        if not self._own.is_floating_point and self._own is not torch.bool:
            limits = torch.iinfo(self._own)
            x = x.round().clamp(limits.min, limits.max)
        return x.to(self._own)

    def inputs(self, data: Dataset, x: Tensor) -> Tensor:
        """Return the data as they came."""
        return data.values

    def display(self, x: Tensor) -> Tensor:
        """Return the data scaled to [0, 1] by their own range; the same datum differs with those beside it."""
        low, high = x.min(), x.max()
        return (x - low) / (high - low).clamp_min(torch.finfo(x.dtype).tiny)

    def original(self, stored: Tensor) -> None:
        """Return None: the meaning of the numbers is unknown."""

    def grouped(self, decoded: Tensor, size: int) -> Tensor:
        """Return data in rows of `size`, `(N / size, size, *event)`."""
        return decoded.unflatten(0, (-1, size))


def check_composition(model: LatentVariableModel, data: Dataset) -> None:
    """Refuse data that a user's own composition cannot take, or that lie outside its likelihood's support.

    Raises:
        ValueError: The data do not fit; the message says what to do.
    """
    view = Plain(model)
    with evaluating(model):
        rows = data.part("train")[:_CHECKED]
        x = view.prepare(data.values[rows])
        if view.family is not None:
            view.family.check(x)
        context = () if data.context is None else (data.context[rows[:2]],)
        _ = model(x[:2], *context).log_likelihood
