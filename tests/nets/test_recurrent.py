import pytest
import torch
from torch import nn

from vaekit.nets import Recurrent, SequenceTask

TASK = SequenceTask(vocabulary=20, given=8, length=9)


def plain(net, x):
    """Return what torch's own cells make of one row without pads."""
    states = net.cells(net.embedding(x) * net.embedding.embedding_dim**0.5)[1]
    return states[0] if isinstance(states, tuple) else states


@pytest.mark.parametrize("kind", ["lstm", "gru"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_encoder_returns_the_last_layers_final_states(kind, bidirectional):
    spec = Recurrent(kind=kind, embedding=6, hidden=8, encoder_layers=3, bidirectional=bidirectional)
    net, x = spec.encoder(20, 9).eval(), torch.randint(4, 20, (1, 9))
    assert net.cells.hidden_size == (4 if bidirectional else 8) and net.out_size == (8,)
    final = plain(net, x)[-1 - bidirectional :].flatten()
    torch.testing.assert_close(net(x)[0], final, rtol=0, atol=1e-6)


def test_an_odd_width_is_shared_by_two_directions():
    assert Recurrent(embedding=4, hidden=7).encoder(20, 9).out_size == (6,)


@pytest.mark.parametrize("layers", [1, 3])
def test_the_forget_gates_start_open(layers):
    net = Recurrent(embedding=4, hidden=6, layers=layers).decoder(TASK)
    for key, bias in net.cells.named_parameters():
        if key.startswith("bias"):
            forget = bias[6:12].clone()
            assert forget.eq(1.0 if key.startswith("bias_ih") else 0.0).all()
            assert bias.sum() == forget.sum()


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_the_latent_sets_every_state_of_every_layer(kind):
    net = Recurrent(kind=kind, embedding=4, hidden=6, layers=2).decoder(TASK)
    z = torch.randn(5, 8)
    _, *states = net.begin(z)
    assert len(states) == (2 if kind == "lstm" else 1)
    flat = torch.cat([state.flatten(1) for state in states], 1)
    assert all(state.shape == (5, 2, 6) for state in states)
    torch.testing.assert_close(flat, net.start(z))
    assert torch.linalg.matrix_rank(flat - flat.mean(0)) == 4


def test_without_a_latent_the_states_begin_at_zero():
    net = Recurrent(embedding=4, hidden=6).decoder(TASK.replace(given=0))
    assert net.start is None and not any(state.any() for state in net.begin(torch.zeros(3, 0)))


def test_the_latent_is_read_at_every_position():
    net = Recurrent(embedding=4, hidden=6).decoder(TASK)
    nn.init.zeros_(net.start.weight)
    z = torch.randn(2, 8, requires_grad=True)
    net.features(torch.ones(2, 1, dtype=torch.int64), z).sum().backward()
    assert (z.grad != 0).all()


def test_dropout_is_of_the_embeddings_and_of_the_output():
    spec = Recurrent(embedding=50, hidden=200, dropout=0.5)
    net = spec.decoder(TASK)
    seen = []
    net.drop.register_forward_hook(lambda _layer, _inputs, out: seen.append((out == 0).double().mean().item()))
    features = net.features(torch.ones(4, 9, dtype=torch.int64), torch.randn(4, 8))
    assert len(seen) == 2 and all(0.4 < share < 0.6 for share in seen)
    assert features.eq(0).double().mean().item() == seen[1]
