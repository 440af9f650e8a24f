"""A view: how stored data enter a model, how its output is shown, and what the floors above may ask of the data."""

from __future__ import annotations

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

__all__ = ["Imputing", "Pick", "Seed", "Shown", "Traits", "View", "drawn", "pointwise"]

Shown: TypeAlias = Any
"""Data as people see them: images `(N, C, H, W)` with intensities in [0, 1], a list of texts, a `pyarrow.Table`, ..."""

Seed: TypeAlias = int | Generator
"""Where draws come from: a seed, or a generator that is used up further."""

Pick: TypeAlias = Callable[[Distribution], Tensor]
"""Which datum of p(x | z) is taken: its point, a draw, or what a search finds."""


@dataclass(frozen=True)
class Traits:
    """What training, evaluation, diagnosis and reports may ask of data, in place of which kind they are.

    Args:
        numeric: Every entry of a datum is a number on one scale, so that distance, spread and spacing have a meaning.
        pictures: Decoded data are images `(N, C, H, W)` with intensities in [0, 1].
        tokens: A datum is a sequence of tokens, which the decoder reads one after the other: it may learn to write
            without its latents, and one decoding costs as many steps as there are tokens.
        latents: The likelihood reads its latents.
        slots: The variables of a datum, where they are of different kinds; NaN is then a cell that was not observed.
        masks: Of a variable that may be missing, the place of the variable that says so.
        columns: The columns that decoded rows can be compared by, where they are tables.
        repeats: Two equal data need not be copies of one another.
        light_rate: The rate weighs less than in the bound on purpose, because a prior is fitted after training.
        levels: How many integer levels a stored entry has; None where it is real, or where that is unknown.
        dequantized: Noise is added to these levels.
        family: What the key `likelihood=` names; None where the user cannot choose one family for all entries.
        families: For each kind of slot that has a choice: the family in use, and the one that fits most data.
        net: The architecture of both sides; None where each side has its own, or nobody knows.
        rows: Data that a model is given at a time, and `drawn` that it draws at a time: small data are handled faster
            in large batches.
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
        draws: Whole tables to draw beside, for multiple imputation.
        proposals: Latents that are compared per row.
        level: Share of the draws that the interval of a number holds.
        seed: Where draws come from.
    """

    draws: int = 0
    proposals: int = 200
    level: float = 0.9
    seed: Seed = 0


class View(ABC):
    """How stored data enter a model and how its output is shown: what every kind of data answers."""

    @property
    def traits(self) -> Traits:
        """What may be asked of the data."""
        return Traits()

    @abstractmethod
    def prepare(self, stored: Tensor) -> Tensor:
        """Return data in the support of the likelihood, `(B, *event)`."""

    @abstractmethod
    def decode(self, x: Tensor) -> Shown:
        """Return prepared data or a model's output as people see them."""

    def settle(self, data: Dataset) -> Dataset:
        """Return the data with what happens once already done, such as labels turned into vectors.

        Raises:
            ValueError: The model is conditional and the data lack what it is conditioned on.
        """
        return data

    def sizes(self, x: Tensor) -> Tensor:
        """Return the number of dimensions of each prepared datum, `(B,)`: what nats are divided by in bits/dim."""
        return torch.full((len(x),), x[:1].numel())

    def log_jacobian(self, x: Tensor) -> Tensor:
        """Return the nats `(B,)` added to the density of each prepared datum because it was rescaled on its way in."""
        return torch.zeros(len(x), dtype=torch.float64)

    def lengths(self, values: Tensor) -> Tensor | None:
        """Return the length of each stored datum `(N,)`; None where all are equally long."""
        return None

    def original(self, stored: Tensor) -> Shown | None:
        """Return what reconstructions should look like, before any random binarisation; None where it is lost."""
        return self.decode(self.prepare(stored))

    def pick(self, decoding: Decoding | None = None, *, noise: bool = False, sampling: bool = False) -> Pick:
        """Return which datum of p(x | z) is shown: its point, or a draw with `noise`.

        Args:
            decoding: How tokens are chosen.
            noise: Draw from p(x | z).
            sampling: New data are made, not old ones reconstructed.

        Raises:
            NotApplicable: Tokens are to be chosen, and the data have none.
        """
        return pointwise(decoding, noise=noise)

    def blank(self) -> Tensor | None:
        """Return one prepared datum that stands for nothing, `(1, *event)`; None where zeros are as good."""
        return None

    def grouped(self, shown: Shown, size: int) -> Any:
        """Return data in rows of `size`."""
        return [shown[i : i + size] for i in range(0, len(shown), size)]

    def impute(self, model: LatentVariableModel, data: Dataset, how: Imputing) -> Any:
        """Return data whose missing cells are filled.

        Raises:
            NotApplicable: The data have no cells that could be missing.
        """
        raise NotApplicable("only the cells of tables can be missing, and these data are no table")

    def sample_given(self, model: LatentVariableModel, n: int, given: Mapping[str, Any], seed: Seed) -> Any:
        """Return `n` new data in which some cells are given.

        Raises:
            NotApplicable: The data have no cells.
        """
        raise NotApplicable("only cells of tables can be given, and these data are no table; see label")


def pointwise(decoding: Decoding | None, *, noise: bool) -> Pick:
    """Return the point of p(x | z), or a draw with `noise`; refuse a decoding, which only tokens have."""
    if decoding is not None:
        raise NotApplicable("only texts are decoded token by token; leave decoding out for other data")
    return drawn if noise else point


def drawn(likelihood: Distribution) -> Tensor:
    """Return a draw from p(x | z)."""
    return likelihood.sample()
