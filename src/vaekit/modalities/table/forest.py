"""A random forest for each variable of a table, whose leaves draw missing cells."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from vaekit.modalities.table.gaussian import CellGaussian

__all__ = ["CellForest"]

_TREES = 100  # of a variable, at most
_ALL_TREES = 2000  # of all variables together
_SECONDS = 1e-3, 2.5e-4  # that a tree takes, and that each of its features adds
_ROWS = 1000  # that a tree is grown from, at most
_LEAF = 3  # rows in a leaf of a number's tree, at least
_NODES = {"feature": torch.int16, "threshold": torch.float32, "right": torch.int32, "cell": torch.float32}


class CellForest(nn.Module):
    """A random forest for each variable, from the features of all other columns, which a Gaussian fills where they are missing.

    A draw of a cell is the cell of a training row in the same leaf of one of the trees. So the draws are those of a quantile
    regression forest. Nodes of all trees lie one after the other; the left child of a node follows it.

    References:
        Breiman, 2001, "Random forests"; Meinshausen, 2006, "Quantile regression forests"; Stekhoven and Bühlmann, 2012,
        "MissForest: non-parametric missing value imputation for mixed-type data".
    """

    def __init__(self) -> None:
        super().__init__()
        for name, dtype in _NODES.items():
            self.register_buffer(name, torch.empty(0, dtype=dtype))
        self.register_buffer("root", torch.empty(0, 0, dtype=torch.int32))

    feature: Tensor
    threshold: Tensor
    right: Tensor
    cell: Tensor
    root: Tensor

    @property
    def is_grown(self) -> bool:
        """Whether there are trees."""
        return len(self.cell) > 0

    def fit(self, x: Tensor, gaussian: CellGaussian, seconds: float = math.inf) -> None:
        """Grow the trees from rows `(N, D)`, NaN where a cell is missing; none where time is too short for one of each variable."""
        x = torch.where(x.isfinite(), x, torch.nan)
        affordable = seconds / (_SECONDS[0] + _SECONDS[1] * sum(gaussian.widths)) / x.shape[1]
        count = int(min(_TREES, max(1, _ALL_TREES // x.shape[1]), affordable))
        if count < 1:
            return
        trees = [tree for place in range(x.shape[1]) for tree in _grown(x, gaussian, place, count)]
        first = np.cumsum([0, *(len(tree["cell"]) for tree in trees)])
        for tree, start in zip(trees, first, strict=False):
            tree["right"] = tree["right"] + start
        for name, dtype in _NODES.items():
            setattr(self, name, torch.from_numpy(np.concatenate([tree[name] for tree in trees])).to(dtype))
        self.root = torch.from_numpy(first[:-1]).int().reshape(x.shape[1], count)

    def draw(self, x: Tensor, count: int, gaussian: CellGaussian) -> Tensor:
        """Return draws of rows `(count, N, D)`; those of several missing cells of a row are independent.

        Before there are trees, they are those of the Gaussian.
        """
        if not self.is_grown:
            return gaussian.draw(x, count)
        x = torch.where(x.isfinite(), x, torch.nan)
        drawn = x.expand(count, -1, -1).clone()
        for place in x.isnan().any(0).nonzero().flatten().tolist():
            rows = x[:, place].isnan()
            cells = self._leaves(_inputs(x[rows], gaussian, place), self.root[place].long())
            drawn[:, rows, place] = cells[torch.randperm(count, device=x.device) % len(cells)].to(x.dtype)
        return drawn

    def _leaves(self, inputs: Tensor, roots: Tensor) -> Tensor:
        """Return the cells `(T, N)` that trees hold for features `(N, W)`."""
        node = roots.unsqueeze(1).expand(-1, len(inputs))
        rows = torch.arange(len(inputs), device=inputs.device)
        for _ in range(_ROWS):  # no tree is deeper
            feature = self.feature[node].long()
            inner = feature >= 0
            if not inner.any():
                break
            goes_left = inputs[rows, feature.clamp_min(0)] <= self.threshold[node]
            node = torch.where(inner, torch.where(goes_left, node + 1, self.right[node].long()), node)
        return self.cell[node]

    def _load_from_state_dict(self, state: Mapping[str, Any], prefix: str, *arguments: Any) -> None:
        """Load trees of any number: how many nodes they have, only the data tell."""
        for name in (*_NODES, "root"):
            if (stored := state.get(prefix + name)) is not None:
                setattr(self, name, torch.empty_like(stored, device=self.root.device))
        super()._load_from_state_dict(state, prefix, *arguments)


def _grown(x: Tensor, gaussian: CellGaussian, place: int, count: int) -> list[dict[str, Any]]:
    """Return the nodes of the trees of one variable."""
    from sklearn.ensemble import RandomForestRegressor

    rows = x[~x[:, place].isnan()]
    if not len(rows):
        rows = torch.zeros_like(x[:1])
    inputs = _inputs(rows.index_fill(1, torch.tensor(place), torch.nan), gaussian, place).numpy()
    slot, cells = gaussian.slots[place], rows[:, place].numpy()
    wanted = gaussian.features(rows)[:, _features_of(gaussian, place)].squeeze(1).numpy()
    forest = RandomForestRegressor(
        count,
        min_samples_leaf=1 if slot.kind == "categorical" else _LEAF,
        max_features=0.6,
        max_samples=min(_ROWS, len(rows)),
        random_state=place,
    ).fit(inputs, wanted)
    leaves, source = forest.apply(inputs), np.random.default_rng(place)
    return [_nodes(tree.tree_, found, cells, source) for tree, found in zip(forest.estimators_, leaves.T, strict=True)]


def _nodes(tree: Any, leaves: Any, cells: Any, source: np.random.Generator) -> dict[str, Any]:
    """Return the nodes of a tree; a leaf holds the cell of one of its rows."""
    held, order = np.zeros(tree.node_count), source.permutation(len(cells))
    held[leaves[order]] = cells[order]  # the last one of a leaf stays
    inner = tree.children_left >= 0
    return {
        "feature": np.where(inner, tree.feature, -1),
        "threshold": tree.threshold,
        "right": tree.children_right,
        "cell": held,
    }


def _inputs(x: Tensor, gaussian: CellGaussian, place: int) -> Tensor:
    """Return the features `(N, W)` of rows whose variable at `place` is missing: missing ones filled, those of its column zero."""
    own = torch.tensor([column == gaussian.together[place] for column in gaussian.together], device=x.device)
    filled = gaussian.expected(x.masked_fill(own, torch.nan))
    return filled.masked_fill(own.repeat_interleave(torch.tensor(gaussian.widths, device=x.device)), 0.0).float()


def _features_of(gaussian: CellGaussian, place: int) -> slice:
    start = sum(gaussian.widths[:place])
    return slice(start, start + gaussian.widths[place])
