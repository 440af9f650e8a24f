"""Small tables with a known structure."""

import numpy as np
import pyarrow as pa

from vaekit.evaluation.tables import comparable


def table(n, seed, noise=0.3):
    """A number, a noisy copy of it, and two categories that follow from them."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(n)
    y = x + noise * rng.standard_normal(n)
    kind = np.array(["low", "middle", "high"])[np.digitize(x, [-0.5, 0.5])]
    sign = np.where(rng.random(n) < 0.9, y > 0, y <= 0)
    return pa.table({"x": x, "y": y, "kind": kind, "sign": np.where(sign, "yes", "no")})


def cells(**columns):
    """One table of cells."""
    return comparable(pa.table(columns))[0]
