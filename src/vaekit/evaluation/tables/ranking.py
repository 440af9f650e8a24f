"""Rankings: does a score put what it should find before the rest?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["auroc"]


def auroc(score: npt.ArrayLike, label: npt.ArrayLike) -> float:
    r"""Return the area under the ROC curve: the chance that a positive scores above a negative, ties counting half.

    .. math:: P(s_+ > s_-) + \tfrac12 P(s_+ = s_-)

    For anomalies, score by minus the log-density and label what is anomalous.

    References:
        Hanley and McNeil, 1982, "The meaning and use of the area under a receiver operating characteristic (ROC) curve".

    Args:
        score: A number for each datum, `(N,)`.
        label: Whether it is positive, `(N,)`.

    Raises:
        ValueError: The lengths differ, a score is NaN, or all labels are the same.

    Examples:
        >>> auroc([0.1, 0.4, 0.4, 0.9], [False, False, True, True])
        0.875
    """
    scores, positive = np.asarray(score), np.asarray(label).astype(bool)
    if scores.shape != positive.shape or scores.ndim != 1:
        raise ValueError(f"auroc needs one label for each score, got shapes {scores.shape} and {positive.shape}")
    if np.isnan(scores).any():
        raise ValueError("auroc ranks scores, but some are NaN; give a score for each datum")
    p, n = int(positive.sum()), int((~positive).sum())
    if not p or not n:
        raise ValueError(f"auroc needs positives and negatives, got {p} and {n}")
    _, places, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[places]  # the mean rank of equal scores
    return float((ranks[positive].sum() - p * (p + 1) / 2) / (p * n))
