import pytest
import torch

from vaekit.diagnosis.intrinsic_dimension import intrinsic_dimension


@pytest.mark.parametrize("dimension", [1, 2, 4])
def test_intrinsic_dimension_of_a_subspace(dimension: int) -> None:
    seed = torch.Generator().manual_seed(0)
    basis = torch.linalg.qr(torch.randn(20, 20, generator=seed)).Q[:dimension]
    x = torch.rand(1000, dimension, generator=seed) @ basis
    assert intrinsic_dimension(x) == pytest.approx(dimension, rel=0.15)


def test_intrinsic_dimension_of_too_few_or_equal_data_is_unknown() -> None:
    assert intrinsic_dimension(torch.randn(20, 3)) is None
    assert intrinsic_dimension(torch.ones(500, 3)) is None
