"""The codebook and the posterior that reads it."""

import copy

import pytest
import torch
from torch import nn

from vaekit.heads import VQ, Codebook, VectorQuantizer, conditional

CENTERS = torch.tensor([[4.0, 0.0], [-4.0, 0.0], [0.0, 4.0], [0.0, -4.0]])


def clustered(n=400):
    return CENTERS[torch.arange(n) % 4] + 0.1 * torch.randn(n, 2)


def posterior(codes=8, decay=0.9, context=0):
    net = nn.Linear(6 + context, 10)
    return conditional(VQ(codes=codes, width=3, decay=decay), net, given=(6,), event=(2, 3), context=context)


def found(codebook):
    """Return the distance of each planted center from the codebook."""
    return torch.cdist(CENTERS, codebook.vectors).amin(1)


def test_the_codebook_starts_at_planted_clusters():
    codebook = Codebook(4, 2)
    codebook.start(clustered())
    assert (found(codebook) < 0.1).all()


def test_moving_averages_find_planted_clusters_from_a_bad_start():
    codebook = Codebook(4, 2)
    codebook.vectors.copy_(0.01 * torch.randn(4, 2) + 20)
    for _ in range(60):
        vectors = clustered()
        codebook.update(vectors, codebook(vectors), 0.8)
    assert (found(codebook) < 0.1).all()
    assert codebook.use.mean().item() == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("n", [8, 800])
def test_an_update_is_the_moving_average_whatever_the_batch(n):
    codebook = Codebook(2, 1)
    codebook.vectors.copy_(torch.tensor([[0.0], [10.0]]))
    codebook.mass.copy_(codebook.vectors)
    vectors = torch.tensor([1.0, 9.0, 9.0, 9.0]).repeat(n // 4).unsqueeze(1)
    codebook.update(vectors, codebook(vectors), 0.5)
    # Uses 0.5 + 0.5 * 2 * (1/4, 3/4); masses (0 + 0.25 * 1, 5 + 0.75 * 9).
    torch.testing.assert_close(codebook.use, torch.tensor([0.75, 1.25]))
    torch.testing.assert_close(codebook.vectors.flatten(), torch.tensor([0.25 / 0.75, 11.75 / 1.25]))


def test_dead_codes_come_back_as_current_vectors():
    codebook = Codebook(4, 2)
    codebook.vectors[3] = codebook.mass[3] = 1000.0
    for step in range(60):
        vectors = torch.randn(64, 2)
        codes = codebook(vectors)
        assert (codes != 3).all() or step > 20
        codebook.update(vectors, codes, 0.9)
    assert codebook.vectors.abs().max() < 5
    assert len(codebook(torch.randn(2000, 2)).unique()) == 4


def test_revival_is_a_function_of_the_generator():
    def run(seed):
        torch.manual_seed(seed)
        codebook, vectors = Codebook(16, 2), torch.ones(40, 2).cumsum(0)
        codebook.update(vectors, torch.zeros(40, dtype=torch.long), 0.0)
        return codebook.vectors

    assert torch.equal(run(3), run(3)) and not torch.equal(run(3), run(4))


def test_the_codebook_moves_in_training_alone_and_by_no_gradient():
    model = posterior()
    x, before = torch.randn(32, 6), model.codebook.vectors.clone()
    model.eval()(x)
    assert torch.equal(model.codebook.vectors, before)
    q = model.train()(x)
    assert not torch.equal(model.codebook.vectors, before)
    assert not any(p is model.codebook.vectors for p in model.parameters())
    assert torch.equal(q.value, model.codebook.vectors[q.codes])
    assert not model.codebook.vectors.requires_grad and not q.value.requires_grad and q.encoded.requires_grad


def test_the_posterior_starts_from_data_and_uses_its_whole_codebook():
    model, x = posterior(codes=8), torch.randn(200, 6)
    with torch.no_grad():
        model.initialize(x)
    assert len(model.eval()(x).codes.unique()) == 8


def test_fewer_vectors_than_codes_are_enough_to_start():
    codebook = Codebook(16, 2)
    codebook.start(torch.randn(5, 2))
    assert torch.isfinite(codebook.vectors).all()


def test_codes_follow_a_context():
    model = posterior(context=3).eval()
    x = torch.randn(1, 6).expand(64, 6)
    assert len(model(x, 5 * torch.randn(64, 3)).codes.unique()) > 1
    with pytest.raises(ValueError, match="expected as context"):
        model(x)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_finite_at_the_extremes_of_the_raw_output(dtype):
    model = VectorQuantizer(nn.Identity(), VQ(codes=4, width=3), given=(6,), event=(2, 3)).to(dtype)
    q = model(torch.tensor([[50.0, -50, 0, 50, 50, -50], [0.0] * 6], dtype=dtype))
    assert q.encoded.dtype == torch.float32
    assert torch.isfinite(q.rsample()).all() and torch.isfinite(model.codebook.vectors).all()


def test_the_state_holds_all_the_statistics():
    model = posterior()
    model(torch.randn(32, 6))
    other = posterior()
    other.load_state_dict(copy.deepcopy(model.state_dict()))
    torch.manual_seed(1)
    first = model(x := torch.randn(16, 6))
    torch.manual_seed(1)
    second = other(torch.randn(16, 6))
    assert torch.equal(first.value, second.value) and len(x) == 16
