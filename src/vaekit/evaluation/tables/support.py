"""Support: are synthetic rows where real ones are (precision), are real rows where synthetic ones are (recall)?"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vaekit.errors import NotApplicable
from vaekit.evaluation.tables.cells import Cells, check_alike
from vaekit.evaluation.tables.neighbors import Points, Space

__all__ = ["Support", "support"]

_LEVELS = torch.linspace(0, 1, 30, dtype=torch.float64)


@dataclass(frozen=True)
class Support:
    """How the supports of synthetic and real rows compare.

    Args:
        alpha_precision: How close the shares of synthetic rows in balls around the center of the real ones are to the
            shares of real rows in them: 1 at best.
        beta_recall: The same the other way around, of real rows that have a synthetic row nearer than any real one. Real
            rows against real rows have about .5, not 1.
        authenticity: Share of synthetic rows that are farther from the real row nearest to them than its own real
            neighbor is: 0 for copies. Other real rows have 1/3 in one dimension and about 1/2 in many.
        rows: Number of rows of each side; recall depends on it.
    """

    alpha_precision: float
    beta_recall: float
    authenticity: float
    rows: int

    def summary(self) -> dict[str, Any]:
        """Return plain numbers, ready for JSON."""
        return asdict(self)


def support(real: Cells, synthetic: Cells, *, rows: int = 5_000, seed: int = 0) -> Support:
    r"""Compare the supports of real and synthetic rows.

    With 30 levels :math:`\alpha` from 0 to 1 and :math:`P(\alpha)` the share of synthetic rows in the ball that holds a
    share :math:`\alpha` of the real ones, centered at their mean,

    .. math:: \text{precision} = 1 - \frac{\sum |\alpha - P(\alpha)|}{\sum \alpha}

    and recall alike, with :math:`R(\beta)` the share of real rows whose nearest synthetic row is no farther than their
    nearest real one, and is among the share :math:`\beta` of such nearest rows that is closest to the synthetic center.
    Numbers are scaled to [0, 1] by the real range, categories are one-hot, the distance is Euclidean.

    References:
        Alaa, van Breugel, Saveliev and van der Schaar, 2022, "How faithful is your synthetic data? Sample-level metrics for
        evaluating and auditing generative models", in the form without a learned embedding.

    Args:
        real: Real rows, those a model was trained on.
        synthetic: Synthetic ones, made comparable with them.
        rows: Most rows of a side; both have the same number.
        seed: Seed of the drawn rows.

    Raises:
        NotApplicable: One of the tables has fewer than two rows.
        ValueError: They are not comparable.
    """
    check_alike(real, synthetic)
    count = min(len(real), len(synthetic), rows)
    if count < 2:
        raise NotApplicable(f"support needs two rows on both sides, got {len(real)} and {len(synthetic)}")
    rng = np.random.default_rng(seed)
    real, synthetic = real.some(count, rng), synthetic.some(count, rng)
    space = Space(real, 2, (synthetic,))
    x, y = space.place(real), space.place(synthetic)
    own, _ = space.nearest(x, x, apart=True)
    to_real, which_real = space.nearest(y, x)
    return Support(
        alpha_precision=_precision(space, x, y),
        beta_recall=_recall(space, x, y, own),
        authenticity=(to_real > own[which_real]).double().mean().item(),
        rows=count,
    )


def _precision(space: Space, x: Points, y: Points) -> float:
    radii = space.from_center(x, x).quantile(_LEVELS)
    inside = space.from_center(y, x).unsqueeze(1) <= radii
    return _agreement(inside)


def _recall(space: Space, x: Points, y: Points, own: Tensor) -> float:
    away, which = space.nearest(x, y)
    matched = space.from_center(y, y)[which]
    inside = (matched.unsqueeze(1) <= matched.quantile(_LEVELS)) & (away <= own).unsqueeze(1)
    return _agreement(inside)


def _agreement(inside: Tensor) -> float:
    return 1 - ((_LEVELS - inside.double().mean(0)).abs().sum() / _LEVELS.sum()).item()
