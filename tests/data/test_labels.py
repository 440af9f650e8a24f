from __future__ import annotations

import numpy as np
import pytest
import torch

from vaekit.data.labels import encode_labels


@pytest.mark.parametrize(
    ("labels", "indices", "classes"),
    [
        ([7, 10, 7], [0, 1, 0], ("7", "10")),
        (["b", "a", "b"], [1, 0, 1], ("a", "b")),
        (torch.tensor([[2], [0], [2]]), [1, 0, 1], ("0", "2")),
        (np.array([1.0, 0.0, 1.0]), [1, 0, 1], ("0", "1")),
        ([True, False, True], [1, 0, 1], ("False", "True")),
    ],
)
def test_labels_become_indices(labels, indices, classes):
    found, names = encode_labels(labels, 3)
    assert (found.tolist(), found.dtype, names) == (indices, torch.int64, classes)


def test_indices_into_given_classes_stay():
    assert encode_labels([2, 0], 2, ("a", "b", "c"))[0].tolist() == [2, 0]


@pytest.mark.parametrize(
    ("labels", "classes", "said"),
    [
        ([0, 1], (), "one class for each of the 3 images"),
        ([[0, 1]] * 3, (), r"have shape \(3, 2\)"),
        ([0.5, 1, 2], (), "integers or names"),
        ([0, 1, np.nan], (), "integers or names"),
        ([0, 1, 2], ("a", "b"), "integers from 0 to 1"),
        ([0, -1, 0], ("a", "b"), "integers from 0 to 1"),
        (["a", "b", "a"], ("a", "b"), "integers from 0 to 1"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels, classes, said):
    with pytest.raises(ValueError, match=said):
        encode_labels(labels, 3, classes)
