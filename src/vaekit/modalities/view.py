"""A view: how stored data enter a model, how its output is shown, and what the floors above may ask of the data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias

from torch import Tensor
from torch.distributions import Distribution

from vaekit.data import Dataset, Slot
from vaekit.distributions import Decoding, point
from vaekit.errors import NotApplicable
from vaekit.value import Value

__all__ = ["Pick", "Shown", "Traits", "View", "drawn", "pointwise"]

Shown: TypeAlias = Any
"""Data as people see them: images `(N, C, H, W)` with intensities in [0, 1], a list of texts, a `pyarrow.Table`, ..."""

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


class View(Protocol):
    """How stored data enter a model and how its output is shown: what every kind of data answers."""

    @property
    def traits(self) -> Traits:
        """What may be asked of the data."""
        ...

    def prepare(self, stored: Tensor) -> Tensor:
        """Return data in the support of the likelihood, `(B, *event)`."""
        ...

    def settle(self, data: Dataset) -> Dataset:
        """Return the data with what happens once already done, such as labels turned into vectors."""
        ...

    def sizes(self, x: Tensor) -> Tensor:
        """Return the number of dimensions of each prepared datum, `(B,)`: what nats are divided by in bits/dim."""
        ...

    def log_jacobian(self, x: Tensor) -> Tensor:
        """Return the nats `(B,)` added to the density of each prepared datum because it was rescaled on its way in."""
        ...

    def lengths(self, values: Tensor) -> Tensor | None:
        """Return the length of each stored datum `(N,)`; None where all are equally long."""
        ...

    def decode(self, x: Tensor) -> Shown:
        """Return prepared data or a model's output as people see them."""
        ...

    def original(self, stored: Tensor) -> Shown | None:
        """Return what reconstructions should look like, before any random binarisation; None where it is lost."""
        ...

    def pick(self, decoding: Decoding | None = None, *, noise: bool = False, sampling: bool = False) -> Pick:
        """Return which datum of p(x | z) is shown.

        Args:
            decoding: How tokens are chosen.
            noise: Draw from p(x | z).
            sampling: New data are made, not old ones reconstructed: rows and tokens are then always drawn.

        Raises:
            NotApplicable: Tokens are to be chosen, and the data have none.
        """
        ...


def pointwise(decoding: Decoding | None, *, noise: bool) -> Pick:
    """Return the point of p(x | z), or a draw with `noise`; refuse a decoding, which only tokens have."""
    if decoding is not None:
        raise NotApplicable("only texts are decoded token by token; leave decoding out for other data")
    return drawn if noise else point


def drawn(likelihood: Distribution) -> Tensor:
    """Return a draw from p(x | z)."""
    return likelihood.sample()
