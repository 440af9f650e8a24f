"""A view: how stored data enter a model, how its output becomes data again, and the traits of the data."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeAlias

import torch
from torch import Generator, Tensor
from torch.distributions import Distribution

from vaekit.data import Dataset, Slot
from vaekit.distributions import Decoding, point
from vaekit.errors import NotApplicable
from vaekit.models import LatentVariableModel
from vaekit.value import Value

__all__ = ["Imputing", "Pick", "Seed", "Shown", "Traits", "View", "pointwise"]

Shown: TypeAlias = Any
"""Data as people have them: images `(N, C, H, W)`, a list of texts, a `pyarrow.Table`, ..."""

Seed: TypeAlias = int | Generator
"""The source of random draws: a seed, or a generator."""

Pick: TypeAlias = Callable[[Distribution], Tensor]
"""How one datum is taken from p(x | z): its point, a draw, or the result of a search."""


@dataclass(frozen=True)
class Traits:
    """The properties of data by which training, evaluation, diagnosis and reports differ, whatever kind they are.

    Args:
        numeric: Every entry of a datum is a number on the same scale, so that distances have a meaning.
        pictures: Decoded data are images `(N, C, H, W)`.
        tokens: A datum is a sequence of tokens, which the decoder writes one by one. It may learn to do so without its
            latents, and one decoding takes a step per token.
        latents: The likelihood reads its latents.
        slots: The variables of a datum, if they are of different kinds; NaN is then a cell that was not observed.
        masks: The place of each variable that may be missing, with the place of the variable that marks it as missing.
        columns: The columns of decoded rows and their kinds, for tables.
        repeats: Equal data occur naturally, and need not be copies of one another.
        light_rate: The rate weighs less than in the bound on purpose, because a prior is fitted after training.
        levels: The number of integer levels of a stored entry; None if it is real or unknown.
        dequantized: Noise is added to these levels.
        family: The value of the key `likelihood=`; None if one family cannot be chosen for all entries.
        families: For each kind of slot with a choice of families: the one in use, and the one that fits most data.
        net: The architecture of encoder and decoder; None if they differ or are unknown.
        rows: Data that enter a model in one batch; small data are fastest in large batches.
        drawn: Data that are drawn in one batch.
    """

    numeric: bool = True
    pictures: bool = False
    tokens: bool = False
    latents: bool = True
    slots: tuple[Slot, ...] = ()
    masks: Mapping[int, int] = field(default_factory=dict)
    columns: Mapping[str, Literal["numeric", "categorical"]] = field(default_factory=dict)
    repeats: bool = False
    light_rate: bool = False
    levels: int | None = None
    dequantized: bool = False
    family: Value | None = None
    families: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    net: Any = None
    rows: int = 100
    drawn: int = 100


class Imputing(NamedTuple):
    """How missing cells are filled.

    Args:
        draws: Whole tables to draw as well, for multiple imputation.
        proposals: Latents that are compared per row.
        level: Share of the draws that the interval of a number holds.
        seed: The source of random draws.
    """

    draws: int = 0
    proposals: int = 200
    level: float = 0.9
    seed: Seed = 0


class View(ABC):
    """How stored data of one kind enter a model, and how its output becomes data again."""

    @property
    def traits(self) -> Traits:
        """The properties of the data."""
        return Traits()

    @abstractmethod
    def prepare(self, stored: Tensor) -> Tensor:
        """Return data in the support of the likelihood, `(B, *event)`."""

    def augmented(self, stored: Tensor) -> Tensor:
        """Return stored data of a training batch after random changes that a model should not care about; others never are."""
        return stored

    @abstractmethod
    def decode(self, x: Tensor) -> Shown:
        """Return prepared data or a model's output as data: in the units and of the type in which data came."""

    def display(self, x: Tensor) -> Shown:
        """Return prepared data or a model's output to be looked at: images as intensities in [0, 1]; never use it as data."""
        return self.decode(x)

    def inputs(self, data: Dataset, x: Tensor) -> Shown:
        """Return data as they came.

        Args:
            data: The data as they are stored, N of them.
            x: The same as they enter the model, `(N, *event)`.
        """
        return self.decode(x)

    def settle(self, data: Dataset) -> Dataset:
        """Return the data after the steps that are done once, such as turning labels into vectors.

        Raises:
            ValueError: The data lack the labels or vectors that the model is conditioned on.
        """
        return data

    def sizes(self, x: Tensor) -> Tensor:
        """Return the number of dimensions of each prepared datum, `(B,)`: the divisor of nats in bits/dim."""
        return torch.full((len(x),), x[:1].numel())

    def log_jacobian(self, x: Tensor) -> Tensor:
        """Return the nats `(B,)` that turn the density of each prepared datum into that of the stored one."""
        return torch.zeros(len(x), dtype=torch.float64)

    def lengths(self, values: Tensor) -> Tensor | None:
        """Return the length of each stored datum `(N,)`; None if all have the same."""
        return None

    def original(self, stored: Tensor) -> Shown | None:
        """Return data to be looked at as they were before a random binarisation; None if that is lost."""
        return self.display(self.prepare(stored))

    def pick(self, decoding: Decoding | None = None, *, noise: bool = False, sampling: bool = False) -> Pick:
        """Return how a datum is taken from p(x | z): its point, or a draw with `noise`.

        Args:
            decoding: How tokens are chosen.
            noise: Draw from p(x | z).
            sampling: Whether new data are made; false for reconstructions.

        Raises:
            NotApplicable: A decoding is set, and the data have no tokens.
        """
        return pointwise(decoding, noise=noise)

    def blank(self) -> Tensor | None:
        """Return an empty prepared datum, `(1, *event)`; None if zeros serve as well."""
        return None

    def allowed(self, x: Tensor) -> Tensor | None:
        """Return which drawn data `(N, *event)` new data may be like, `(N,)` bool; None where all may."""
        return None

    def grouped(self, decoded: Shown, size: int) -> Any:
        """Return data in rows of `size`."""
        return [decoded[i : i + size] for i in range(0, len(decoded), size)]

    @property
    def finishing(self) -> str:
        """What `finish` does, in words; empty where there is nothing to do."""
        return ""

    def finish(self, model: LatentVariableModel, data: Dataset, seconds: float = math.inf) -> str | None:
        """Set what a model needs after its training, beside its weights; return a note on it, None where there is nothing.

        Args:
            model: The model, trained.
            data: Its data.
            seconds: What this may take.
        """
        return None

    def impute(self, model: LatentVariableModel, data: Dataset, how: Imputing) -> Any:
        """Fill the missing cells of data.

        Raises:
            NotApplicable: The data are no table.
        """
        raise NotApplicable("only the cells of tables can be missing, and these data are no table")

    def sample_given(self, model: LatentVariableModel, n: int, given: Mapping[str, Any], seed: Seed) -> Any:
        """Return `n` new rows with fixed values in some columns.

        Raises:
            NotApplicable: The data are no table.
        """
        raise NotApplicable("only cells of tables can be given, and these data are no table; see label")


def pointwise(decoding: Decoding | None, *, noise: bool) -> Pick:
    """Return how to take the point of p(x | z), or a draw with `noise`; refuse a decoding, which only texts have."""
    if decoding is not None:
        raise NotApplicable("only texts are decoded token by token; leave decoding out for other data")
    return (lambda likelihood: likelihood.sample()) if noise else point
