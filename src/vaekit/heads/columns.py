"""The family of rows of a table: one family per column, evaluated in groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache, partial
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias, cast

import torch
from pydantic import Field
from torch import Tensor
from torch.distributions import Distribution

from vaekit import distributions
from vaekit.heads.categorical import Categorical
from vaekit.heads.counts import NegativeBinomial, Poisson, ZeroInflated
from vaekit.heads.family import Factorized, Family, Measure
from vaekit.heads.gaussian import Gaussian
from vaekit.heads.logistic_mixture import LogisticMixture
from vaekit.heads.ordinal import Ordinal
from vaekit.heads.scale import Optimal
from vaekit.heads.student_t import StudentT
from vaekit.value import Size

__all__ = ["ColumnFamily", "Columns"]

ColumnFamily: TypeAlias = Annotated[
    Categorical | Ordinal | Poisson | NegativeBinomial | ZeroInflated | Gaussian | StudentT | LogisticMixture,
    Field(discriminator="kind"),
]
"""What one column may be: every one of them has 0 in its support, which stands in for a missing cell."""


class Columns(Family):
    r"""Independent columns of different kinds, given the latents: :math:`p(x \mid z) = \prod_j p_j(x_j \mid z)`.

    Equal families form a group with one set of heads, so that a table of any width costs a few operations; all categorical
    columns are one group, whatever their levels. Head `logits` of group 0 is called `0_logits`. NaN is a cell that is not
    observed, see `vaekit.distributions.Columns`. What a family shares by all data, each column has of its own.

    References:
        Nazabal, Olmos, Ghahramani and Valera, 2020, "Handling incomplete heterogeneous data using VAEs".

    Examples:
        >>> family = Columns(columns=(Categorical(levels=3), Gaussian(), Categorical(levels=2)))
        >>> family.heads((3,))
        {'0_logits': (5,), '1_loc': (1,), '1_scale': (1,)}
    """

    kind: Literal["columns"] = "columns"
    columns: Annotated[tuple[ColumnFamily, ...], Field(min_length=1)]
    """The family of each column."""
    names: tuple[str, ...] = ()
    """What the columns are called where one is complained of; their places where left out."""
    evidence: tuple[Any, ...] = ()
    """Values that tell of others, see `vaekit.distributions.columns.Evidence`; theirs are the last places of a row."""

    def model_post_init(self, _context: object) -> None:
        """Refuse names of other columns, and a scale in closed form: it would be that of all columns, missing cells among them."""
        if self.names and len(self.names) != len(self.columns):
            raise ValueError(f"{len(self.columns)} columns need as many names, got {len(self.names)}; leave names out")
        for index, family in enumerate(self.columns):
            if isinstance(getattr(family, "scale", None), Optimal):
                raise ValueError(f"column {index} has scale=optimal, which belongs to complete data; use scale=shared")

    support = "columns"

    @property
    def measure(self) -> Measure:
        """That of the columns where they agree, else mixed."""
        found = {family.measure for family in self.columns}
        return found.pop() if len(found) == 1 else "mixed"

    def heads(self, event: Size) -> dict[str, Size]:
        """Return the heads of every group, named `<group>_<head>`.

        Raises:
            ValueError: The event is no row of these columns.
        """
        known = sum(len(each.places) for each in self.evidence)
        if event != (len(self.columns) + known,):
            raise ValueError(
                f"{len(self.columns) + known} columns have rows of that length, got the shape {event}; set `columns`"
            )
        return {f"{g}_{name}": size for g, group in self._named() for name, size in group.heads().items()}

    def start(self) -> dict[str, float]:
        """Return what each group begins with."""
        return {f"{g}_{name}": value for g, group in self._named() for name, value in group.family.start().items()}

    def shared(self, event: Size) -> dict[str, Tensor]:
        """Return what each group shares by all data, with one value per column."""
        return {f"{g}_{name}": value for g, group in self._named() for name, value in group.shared().items()}

    def check(self, x: Tensor) -> None:
        """Refuse cells that their column's family refuses, the column named; NaN is a missing cell, infinity an unknown value."""
        for index, family in enumerate(self.columns):
            cells = x[..., index]
            observed = cells[~(cells.isnan() | cells.isposinf())]
            if observed.numel():
                if isinstance(family, Categorical):  # the fraction says which rare class a code of the last one is
                    whole = observed.floor()
                    observed = torch.where(whole == family.levels - 1, whole, observed)
                try:
                    family.check(observed)
                except ValueError as error:
                    name = repr(self.names[index]) if self.names else index
                    raise ValueError(f"column {name}: {error}") from None

    def __call__(self, raw: Mapping[str, Tensor], event: Size) -> distributions.Columns:
        """Return the distribution over rows."""
        parts: list[dict[str, Tensor]] = [{} for _ in self._groups]
        for key, part in raw.items():
            g, _, name = key.partition("_")
            parts[int(g)][name] = part
        return distributions.Columns(
            [
                (_indices(group.indices, part[next(iter(part))].device), group(part))
                for group, part in zip(self._groups, parts, strict=True)
            ],
            self.evidence,
            partial(self._narrowed, parts),
        )

    def _narrowed(
        self, parts: Sequence[dict[str, Tensor]], rows: Tensor, places: Sequence[int]
    ) -> distributions.Columns:
        """Return the distribution of some columns over some rows, which are the last batch axis."""
        found = []
        for group, raw in zip(self._groups, parts, strict=True):
            mine = [i for i, place in enumerate(places) if place in group.indices]
            if mine:
                few = group.narrowed(raw, rows, [group.indices.index(places[i]) for i in mine])
                found.append((torch.tensor(mine, device=rows.device), few))
        return distributions.Columns(found)

    @cached_property
    def _groups(self) -> tuple[_Group, ...]:
        """The columns of each family, in the order in which the families first appear."""
        found: dict[Family | str, list[int]] = {}
        for index, family in enumerate(self.columns):
            found.setdefault(family.kind if isinstance(family, Categorical) else family, []).append(index)
        for same in found.values():  # equally many levels next to one another
            same.sort(key=lambda index: getattr(self.columns[index], "levels", 0))
        return tuple(_Group(tuple(self.columns[i] for i in same), tuple(same)) for same in found.values())

    def _named(self) -> enumerate[_Group]:
        return enumerate(self._groups)


class _Group(NamedTuple):
    """Columns that are evaluated together: of one family, or categorical with any numbers of levels."""

    families: tuple[Factorized, ...]
    indices: tuple[int, ...]

    @property
    def family(self) -> Factorized:
        return self.families[0]

    @property
    def levels(self) -> tuple[int, ...]:
        return tuple(cast(Categorical, family).levels for family in self.families)

    def heads(self) -> dict[str, Size]:
        if isinstance(self.family, Categorical):
            return {"logits": (sum(self.levels),)}
        return self.family.heads((len(self.indices),))

    def shared(self) -> dict[str, Tensor]:
        size = (len(self.indices),)
        each = self.family.heads(size).get("loc", size)  # a mixture has several locations per column
        return {name: value.expand(each).clone() for name, value in self.family.shared(size).items()}

    def narrowed(self, raw: Mapping[str, Tensor], rows: Tensor, which: list[int]) -> Distribution:
        """Return the distribution of some of its columns over some rows."""
        everywhere = self.shared()
        own = {name: part if name in everywhere else part.index_select(-2, rows) for name, part in raw.items()}
        if isinstance(self.family, Categorical):
            logits = own["logits"].split(list(self.levels), -1)
            own = {"logits": torch.cat([logits[i] for i in which], -1)}
        else:
            own = {
                name: part.unflatten(-1, (-1, len(self.indices)))[..., which].flatten(-2) for name, part in own.items()
            }
        return _Group(tuple(self.families[i] for i in which), tuple(self.indices[i] for i in which))(own)

    def __call__(self, raw: Mapping[str, Tensor]) -> Distribution:
        if isinstance(self.family, Categorical):
            return distributions.Categoricals(distributions.single(raw["logits"]), self.levels)
        return self.family.elements(raw, (len(self.indices),))


@lru_cache(maxsize=256)
@torch.inference_mode(False)  # what is kept must serve a training step too
def _indices(indices: tuple[int, ...], device: torch.device) -> Tensor:
    return torch.tensor(indices, device=device)
