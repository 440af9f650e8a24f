import pytest
import torch

from vaekit.nets import SequenceTask, Transformer

TASK = SequenceTask(vocabulary=20, given=8, length=9)


def test_heads_that_do_not_share_the_width_are_refused_with_the_cure():
    with pytest.raises(ValueError, match="10 cannot be shared by 4 heads; set a width that is a multiple"):
        Transformer(width=10, heads=4)


@pytest.mark.parametrize(("inject", "given", "first"), [("memory", 8, 1), ("memory", 0, 0), ("embedding", 8, 0)])
def test_the_memory_is_one_more_position(inject, given, first):
    """Keys and values grow by one position a step, and the memory's are there before the first."""
    net = Transformer(width=8, heads=2, layers=3, inject=inject).decoder(TASK.replace(given=given)).eval()
    state = net.begin(torch.randn(5, given))
    for t in range(3):
        assert len(state) == 1 + 2 * 3
        assert all(part.shape == (5, 2, first + t, 4) for part in state[1:])
        _, state = net.step(torch.full((5,), 4), state)


@pytest.mark.parametrize("inject", ["memory", "embedding"])
def test_the_latent_reaches_every_position(inject):
    net = Transformer(width=8, heads=2, inject=inject).decoder(TASK).eval()
    tokens, z = torch.ones(1, 9, dtype=torch.int64), torch.randn(1, 8)
    moved = (net.features(tokens, z) - net.features(tokens, -z)).abs().amax(-1)
    assert (moved > 1e-3).all()


def test_more_tokens_than_positions_are_refused_with_the_cure():
    net = Transformer(width=8, heads=2).decoder(TASK).eval()
    z = torch.randn(2, 8)
    with pytest.raises(ValueError, match="has 9 positions, got 10 tokens; build it for that length"):
        net.features(torch.ones(2, 10, dtype=torch.int64), z)
    state = net.begin(z)
    for _ in range(9):
        _, state = net.step(torch.ones(2, dtype=torch.int64), state)
    with pytest.raises(ValueError, match="got 10 tokens"):
        net.step(torch.ones(2, dtype=torch.int64), state)


def test_branches_are_damped_with_depth():
    """The variance at the end does not grow with the number of blocks."""
    spreads = []
    for layers in (1, 12):
        net = Transformer(width=32, heads=2, layers=layers).decoder(TASK.replace(length=40)).eval()
        seen = []
        net.norm.register_forward_hook(lambda _layer, inputs, _out, seen=seen: seen.append(inputs[0].std().item()))
        net.features(torch.randint(4, 20, (8, 40)), torch.randn(8, 8))
        spreads.append(seen[0])
    assert spreads[1] < 1.5 * spreads[0]
