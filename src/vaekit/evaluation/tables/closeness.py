"""Closeness to the training rows: were they learned by heart?"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from vaekit.evaluation.tables.cells import Cells, check_alike
from vaekit.evaluation.tables.neighbors import Space

__all__ = ["Closeness", "dcr"]

_PERCENTILE = 0.05


@dataclass(frozen=True)
class Closeness:
    """How near synthetic rows are to training rows, and to as many rows that nothing was trained on.

    Args:
        share: Share of synthetic rows that are nearer to training than to the holdout, ties counting half: .5 is ideal.
        se: Its standard error, that of a binomial share.
        to_train: 5th percentile of the distance to the nearest training row.
        to_holdout: The same of the nearest holdout row: what `to_train` should be.
        rows: Number of synthetic rows.
        reference: Number of training rows, and of holdout rows.
    """

    share: float
    se: float
    to_train: float
    to_holdout: float
    rows: int
    reference: int

    def summary(self) -> dict[str, Any]:
        """Return plain numbers, ready for JSON."""
        return asdict(self)


def dcr(
    synthetic: Cells, train: Cells, holdout: Cells, *, rows: int = 5_000, reference: int = 30_000, seed: int = 0
) -> Closeness:
    """Measure the distance to the closest record among training rows, and among as many held-out rows.

    The distance is the sum of absolute differences, with numbers scaled to [0, 1] by the range of the training rows and
    categories one-hot. Of more training rows than holdout rows only as many are looked at, as the nearest of more rows is
    nearer; so exact copies of the others count half, and `exact_copies` is the measure for them.

    References:
        Platzer and Reutterer, 2021, "Holdout-based empirical assessment of mixed-type synthetic data".

    Args:
        synthetic: Synthetic rows.
        train: The rows that the model was trained on.
        holdout: Real rows that it was not trained on.
        rows: Most synthetic rows to look at.
        reference: Most training rows, and holdout rows, to look among.
        seed: Seed of the drawn rows.

    Raises:
        ValueError: The tables are not comparable.
    """
    check_alike(synthetic, train, holdout)
    rng = np.random.default_rng(seed)
    count = min(len(train), len(holdout), reference)
    space = Space(train, 1, (synthetic, holdout))
    points = space.place(synthetic.some(rows, rng))
    near, far = (space.nearest(points, space.place(part.some(count, rng)))[0] for part in (train, holdout))
    share = ((near < far).double() + (near == far).double() / 2).mean().item()
    return Closeness(
        share=share,
        se=float(np.sqrt(share * (1 - share) / len(points))),
        to_train=float(np.quantile(near.numpy(), _PERCENTILE)),
        to_holdout=float(np.quantile(far.numpy(), _PERCENTILE)),
        rows=len(points),
        reference=count,
    )
