"""How rows of a table enter a network: a vector per code, a token per number, a learned vector per missing cell."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vaekit.nets.column_transformer import ColumnTransformer
from vaekit.nets.mlp import MLP
from vaekit.value import Size

__all__ = ["TableEncoder", "code_width", "table_encoder"]

_NUMBER_WIDTH = 4


def code_width(levels: int) -> int:
    r"""Return how long the vectors of a column of C codes are: :math:`1.6\, C^{0.56}`, at most 50.

    Examples:
        >>> code_width(2), code_width(42), code_width(20_000)
        (2, 13, 50)
    """
    return min(50, round(1.6 * levels**0.56))


class TableEncoder(nn.Module):
    r"""Map rows `(N, D)`, with NaN for a missing cell and infinity for an unknown value, to features `(N, W)`.

        code:    row x of the column's table, or its last row C where the cell is missing
        number:  x w + b, or a learned vector where the cell is missing; of log(1 + x) where `log` says so

    In training, some cells are hidden, i.e. missing to the network: each row has a rate of its own, uniform from 0 to twice
    `hide`. So the network learns to infer the latents from any part of a row.

    References:
        Ivanov, Figurnov and Vetrov, 2019, "Variational autoencoder with arbitrary conditioning" (hidden cells).

    Args:
        levels: The number C of codes of each column, 0 for a column of numbers.
        log: Which columns of numbers are read through log(1 + x), e.g. counts; none if left out.
        hide: Mean share of the cells that are hidden in training, at most 0.5.
        together: A number for each column; columns of equal numbers are hidden together. Each on its own if left out.
        width: One length for all vectors; if left out it grows with the number of codes, see `code_width`.
        context: How many numbers of a context follow each row; they pass unchanged, behind all features.

    Examples:
        >>> encoder = TableEncoder((3, 0))
        >>> encoder(torch.tensor([[2.0, -0.3], [torch.nan, torch.nan]])).shape, encoder.out_size
        (torch.Size([2, 7]), (7,))
    """

    def __init__(
        self,
        levels: Sequence[int],
        *,
        log: Sequence[bool] = (),
        hide: float = 0.0,
        together: Sequence[int] | None = None,
        width: int | None = None,
        context: int = 0,
    ) -> None:
        super().__init__()
        together = list(range(len(levels))) if together is None else list(together)
        _refuse(levels, log, together, hide)
        self.levels, self.hide, self.context = tuple(levels), hide, context
        groups = _groups(self.levels, width)
        order = [column for _, columns in groups for column in columns]
        self.parts = nn.ModuleList(_part([levels[c] for c in columns], size) for size, columns in groups)
        self.sizes = [len(columns) for _, columns in groups]
        self.out_size: Size = (sum(size * len(columns) for size, columns in groups) + context,)
        self._units = len(set(together))
        self._constant("order", order)
        self._constant("log", [i for i, column in enumerate(log) if column])
        self._constant("unit", [sorted(set(together)).index(unit) for unit in together])

    order: Tensor
    log: Tensor
    unit: Tensor

    def forward(self, x: Tensor) -> Tensor:
        """Return the features `(N, W)` of rows `(N, D + context)`."""
        x, context = x.split([len(self.levels), self.context], 1) if self.context else (x, None)
        if len(self.log):
            x = x.index_copy(1, self.log, x.index_select(1, self.log).log1p())
        if self.training and self.hide:
            x = x.masked_fill(self._hidden(len(x), x.device), torch.nan)
        columns = x.index_select(1, self.order).split(self.sizes, 1)
        found = [part(cells) for part, cells in zip(self.parts, columns, strict=True)]
        return torch.cat([*found, context.to(found[0].dtype)] if context is not None else found, 1)

    def _hidden(self, rows: int, device: torch.device) -> Tensor:
        """Return which cells are hidden, `(N, D)`."""
        rate = 2 * self.hide * torch.rand(rows, 1, device=device)
        return (torch.rand(rows, self._units, device=device) < rate).index_select(1, self.unit)

    def _constant(self, name: str, values: Sequence[int]) -> None:
        self.register_buffer(name, torch.tensor(values, dtype=torch.long), persistent=False)


class _Codes(nn.Module):
    """The tables of several columns in one, each followed by the vector of its missing cells."""

    def __init__(self, levels: Sequence[int], width: int) -> None:
        super().__init__()
        rows = [0, *itertools.accumulate(count + 1 for count in levels)]
        self.table = nn.Parameter(torch.randn(rows[-1], width))
        self.register_buffer("first", torch.tensor(rows[:-1]), persistent=False)
        self.register_buffer("missing", torch.tensor([float(count) for count in levels]), persistent=False)

    first: Tensor
    missing: Tensor

    def forward(self, x: Tensor) -> Tensor:
        codes = torch.where(~x.isfinite(), self.missing.to(x.dtype), x).long()
        # The gradient of a selection is four times as fast as that of nn.Embedding.
        return self.table.index_select(0, (codes + self.first).flatten()).view(x.shape[0], -1)


class _Numbers(nn.Module):
    """A linear token per column, and one for its missing cells."""

    def __init__(self, columns: int, width: int) -> None:
        super().__init__()
        self.weight, self.bias, self.missing = (nn.Parameter(torch.randn(columns, width)) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        x = x.to(self.weight.dtype).unsqueeze(-1)
        missing = ~x.isfinite()
        token = torch.addcmul(self.bias, x.masked_fill(missing, 0), self.weight)
        return torch.where(missing, self.missing, token).flatten(1)


def table_encoder(
    net: MLP | ColumnTransformer,
    levels: Sequence[int],
    log: Sequence[bool] = (),
    hide: float = 0.0,
    *,
    together: Sequence[int] | None = None,
    context: int = 0,
) -> nn.Module:
    """Return a network from rows `(N, D + context)`, with NaN for missing cells, to features.

    Args:
        net: The architecture behind the vectors of the cells.
        levels: See `TableEncoder`, for this and what follows.
        log: Which columns of numbers are read through log(1 + x).
        hide: Mean share of the cells that are hidden in training.
        together: Which columns are hidden together.
        context: How many numbers of a context follow each row.

    Examples:
        >>> net = table_encoder(MLP(widths=(16,)), (3, 0))
        >>> net(torch.tensor([[2.0, torch.nan]])).shape
        torch.Size([1, 16])
    """
    width = net.width if isinstance(net, ColumnTransformer) else None
    tokens = TableEncoder(levels, log=log, hide=hide, together=together, width=width, context=context)
    rest = net.encoder(len(levels), context) if isinstance(net, ColumnTransformer) else net.encoder(tokens.out_size)
    return nn.Sequential(tokens, rest)


def _groups(levels: tuple[int, ...], width: int | None) -> list[tuple[int, list[int]]]:
    """Return the columns of each width of vectors, those of numbers last: one lookup serves a whole group."""
    found: dict[tuple[bool, int], list[int]] = {}
    for column, count in enumerate(levels):
        found.setdefault((count == 0, width or (code_width(count) if count else _NUMBER_WIDTH)), []).append(column)
    return [(size, columns) for (_, size), columns in sorted(found.items())]


def _part(levels: list[int], width: int) -> nn.Module:
    return _Codes(levels, width) if levels[0] else _Numbers(len(levels), width)


def _refuse(levels: Sequence[int], log: Sequence[bool], together: Sequence[int], hide: float) -> None:
    if not levels or min(levels) < 0:
        raise ValueError(f"a table needs columns of 0 or more codes (0 for numbers), got levels={tuple(levels)}")
    if log and (len(log) != len(levels) or any(itertools.compress(levels, log))):
        raise ValueError(
            f"log must say of each column whether it is read through log(1 + x), never of codes, got {log}"
        )
    if len(together) != len(levels):
        raise ValueError(f"together must give a number of each column, {len(levels)} in all, got {list(together)}")
    if not 0 <= hide <= 0.5:
        raise ValueError(f"hide, the mean share of hidden cells, must lie between 0 and 0.5, got {hide}")
