"""Walks between and around data: interpolation, analogy, traversal and manipulation, in the latent space of one model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import torch
from torch import Tensor

from vaekit.data import Dataset
from vaekit.distributions import Decoding
from vaekit.errors import DataNotAtHand, real, whole
from vaekit.modalities import Seed, Shown, View
from vaekit.models import LatentVariableModel, evaluating
from vaekit.trained.attributes import attribute_vector
from vaekit.trained.conditions import Conditions
from vaekit.trained.latent_space import Way
from vaekit.trained.latents import Encoding, Latents
from vaekit.trained.opening import Source

__all__ = ["ORDERED", "Traversal", "Walks"]

ORDERED = 512
"""Data whose codes decide the order of dimensions."""

_STEPS = 10_000  # the data of the longest walk


class Traversal(NamedTuple):
    """One datum with each latent dimension varied by itself.

    Args:
        rows: The data: images `(M, steps, C, H, W)`, or a list of texts or a table for each dimension.
        dimensions: The dimensions in their order, places in a code.
        names: Their names: `z3`, or `z1_3` for dimension 3 of group 1 if there are several groups.
    """

    rows: Any
    dimensions: list[int]
    names: list[str]


class Walks(ABC):
    """What can be done with the codes of a model: encode data, move the codes, decode them."""

    model: LatentVariableModel
    view: View
    conditions: Conditions

    @cached_property
    @abstractmethod
    def latents(self) -> Latents:
        """The groups of latents."""

    @property
    @abstractmethod
    def data(self) -> Dataset:
        """The data the model was trained on."""

    @abstractmethod
    def _refuse_too_many(self, count: int, what: str) -> None:
        """Refuse to make more data than the memory has room for."""

    @abstractmethod
    def given(self, source: Source | None = None, count: int | None = None, seed: Seed = 0) -> tuple[Tensor, ...]:
        """Return the inputs of the model: prepared data, and their context if it is conditional."""

    @abstractmethod
    def encoded(self, given: tuple[Tensor, ...]) -> Encoding:
        """Return the encoding of the inputs of the model."""

    @abstractmethod
    def decode(self, z: Tensor, *context: Tensor, decoding: Decoding | None = None) -> Shown:
        """Return the data of codes."""

    def interpolate(
        self, first: Source, second: Source, steps: int = 10, *, how: Way = "linear", decoding: Decoding | None = None
    ) -> Shown:
        """Return `steps` data between the posterior means of two data, both included.

        The context of a conditional model is interpolated too.

        Args:
            first: The datum to begin with.
            second: The datum to end with.
            steps: How many.
            how: linear, or slerp: along an arc, on which norms do not shrink. On a sphere both are the great circle.
            decoding: For texts: how tokens are chosen.

        Raises:
            NotApplicable: The latents are discrete.
        """
        self.latents.require("interpolate")
        steps = whole("steps", steps, most=_STEPS)
        ends = [self.given(source, 1) for source in (first, second)]
        a, b = (self.encoded(end).mean for end in ends)
        share = torch.linspace(0, 1, steps).unsqueeze(1)
        contexts = [torch.lerp(c, d, share.to(c)) for c, d in zip(ends[0][1:], ends[1][1:], strict=True)]
        return self.decode(self.latents.between(a, b, steps, how)[0], *contexts, decoding=decoding)

    def analogy(self, a: Source, b: Source, c: Source, *, decoding: Decoding | None = None) -> Shown:
        r"""Return the datum that relates to c as b relates to a: that of :math:`\mu(c) + \mu(b) - \mu(a)`.

        References:
            Mikolov, Yih and Zweig, 2013, "Linguistic regularities in continuous space word representations".

        Raises:
            NotApplicable: The latents are discrete.
        """
        self.latents.require("analogy")
        given = [self.given(source, 1) for source in (a, b, c)]
        start, end, base = (self.encoded(one).mean for one in given)
        return self.decode(self.latents.onto(base + end - start), *given[2][1:], decoding=decoding)

    def traverse(
        self,
        source: Source | None = None,
        steps: int = 9,
        width: float = 3.0,
        *,
        dimensions: Sequence[int] | None = None,
    ) -> Traversal:
        """Vary each latent dimension of one datum between -width and width.

        Args:
            source: The datum; by default the first of the model's own test part, or the prior's most typical one if the
                data are not at hand.
            steps: Number of values of each dimension.
            width: The largest value.
            dimensions: Places in a code; by default all, beginning with those that vary most over the model's own data.

        Raises:
            NotApplicable: The latents are discrete.
            ValueError: A dimension does not exist.
        """
        self.latents.require("traverse")
        steps, width = whole("steps", steps, most=_STEPS), real("width", width)
        given = dimensions if isinstance(dimensions, Iterable | None) else [dimensions]
        order = self._most_active() if given is None else list(given)
        most = sum(self.latents.sizes) - 1
        order = [whole("a dimension of a code of this model", dimension, 0, most) for dimension in order]
        self._refuse_too_many(len(order) * steps, f"steps={steps:,}")
        start, context = self._start(source)
        z = self.latents.varied(start, torch.tensor(order, dtype=torch.long), steps, width).flatten(0, 1)
        x = self.decode(z, *(c.expand(len(z), -1) for c in context))
        return Traversal(self.view.grouped(x, steps), order, [self.latents.names[j] for j in order])

    def manipulate(self, source: Source, label: str, strength: float = 1.0, steps: int = 5) -> Any:
        """Move data along the attribute vector of a label: mean latent with the label minus mean without it.

        References:
            Larsen, Sonderby, Larochelle and Winther, 2016, "Autoencoding beyond pixels using a learned similarity metric".

        Returns:
            Images `(N, steps, C, H, W)`, or a list of texts or a table per datum, from the reconstruction to full strength.

        Raises:
            NotApplicable: The latents are discrete.
            DataNotAtHand: The labelled training data are not at hand.
        """
        steps, strength = whole("steps", steps, most=_STEPS), real("strength", strength)
        self.latents.require("manipulate")
        direction = attribute_vector(self.data, label, self._mean_code)
        given = self.given(source)
        means = self.encoded(given).mean
        self._refuse_too_many(len(means) * steps, f"steps={steps:,}")
        shares = torch.linspace(0, strength, steps).to(means)
        z = self.latents.onto(means.unsqueeze(1) + shares.view(1, -1, 1) * direction)
        contexts = (c.repeat_interleave(steps, 0) for c in given[1:])
        return self.view.grouped(self.decode(z.flatten(0, 1), *contexts), steps)

    def _most_active(self) -> list[int]:
        try:
            means = self.encoded(self.given(None, ORDERED)).mean
        except DataNotAtHand:
            return list(range(sum(self.latents.sizes)))
        return means.var(0, correction=0).argsort(descending=True).tolist()

    def _start(self, source: Source | None) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Return the code `(1, D)` that a traversal starts from, and its context."""
        try:
            given = self.given(source, 1)
        except DataNotAtHand:
            context = self.conditions.zeros(1)
            with evaluating(self.model):
                drawn = self.model.prior_sample(1, *context, temperature=0.0)
            return torch.cat([z.flatten(1) for z in drawn], 1), context
        return self.encoded(given).mean, given[1:]

    def _mean_code(self, data: Dataset, rows: Tensor) -> Tensor:
        return self.encoded(self.given(data.taken(rows))).mean.mean(0)
