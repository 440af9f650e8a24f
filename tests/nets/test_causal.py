"""The laws of decoders of sequences: no future is seen, a step equals the whole pass, and only training corrupts."""

import math

import pytest
import torch
import torch.nn.functional as F

from nets.sequences import LENGTH, SPECS, TASKS, VOCABULARY, decoder, given, name, read, rows
from vaekit.distributions.tokens import BOS, PAD, UNK
from vaekit.nets import SequenceTask
from vaekit.nets.causal import word_dropout
from vaekit.schedules import Linear

every_net = pytest.mark.parametrize("spec", SPECS, ids=name)
every_task = pytest.mark.parametrize("task", TASKS, ids=name)
TASK = SequenceTask(vocabulary=VOCABULARY, given=8, length=LENGTH)


def stepped(net, tokens, z):
    """Return the logits of all positions, one token read at a time."""
    state, logits = net.begin(z), []
    for token in tokens.unbind(1):
        out, state = net.step(token, state)
        logits.append(out)
    return torch.stack(logits, 1)


def heard(net, tokens, z):
    """Return what the embedding reads last, in one pass."""
    read_by = []
    handle = net.embedding.register_forward_hook(lambda _layer, inputs, _out: read_by.append(inputs[0]))
    net.features(tokens, z)
    handle.remove()
    return read_by[-1]


@every_net
@every_task
def test_no_position_sees_the_future(spec, task):
    net, tokens, z = decoder(spec, task), read(rows()), given(task)
    before = net.features(tokens, z)
    for t in (1, 4, LENGTH - 1):
        other = tokens.clone()
        other[:, t:] = torch.randint(4, VOCABULARY, other[:, t:].shape)
        torch.testing.assert_close(net.features(other, z)[:, :t], before[:, :t], rtol=0, atol=1e-6)


@every_net
def test_the_latest_token_is_seen(spec):
    net, tokens, z = decoder(spec, TASK), read(rows()), given(TASK)
    other = tokens.clone()
    other[:, 4] = (tokens[:, 4] + 1) % VOCABULARY
    changed = (net.features(other, z) - net.features(tokens, z)).abs().amax(-1)
    assert (changed[:, 4] > 1e-4).all()


@every_net
@every_task
def test_steps_equal_the_whole_pass(spec, task):
    net, tokens, z = decoder(spec, task), read(rows()), given(task)
    torch.testing.assert_close(stepped(net, tokens, z), net.logits(net.features(tokens, z)), rtol=0, atol=1e-5)


@every_net
@every_task
def test_pads_and_neighbors_change_nothing(spec, task):
    """A shorter batch, and every row alone, say the same."""
    net, tokens, z = decoder(spec, task), read(rows(4)), given(task, 4)
    whole = net.features(tokens, z)
    assert tokens[:, 5:].eq(PAD).all()
    torch.testing.assert_close(net.features(tokens[:, :5], z), whole[:, :5], rtol=0, atol=1e-5)
    for i in range(4):
        alone = net.features(tokens[i : i + 1], z[i : i + 1])
        torch.testing.assert_close(alone, whole[i : i + 1], rtol=0, atol=1e-5)


@every_net
@every_task
def test_rows_of_the_state_are_rows_of_the_batch(spec, task):
    net, tokens, z = decoder(spec, task), read(rows()), given(task)
    chosen = torch.tensor([3, 0, 0, 5])
    state = net.begin(z)
    for t in range(4):
        picked, _ = net.step(tokens[chosen, t], tuple(part[chosen] for part in state))
        logits, state = net.step(tokens[:, t], state)
        torch.testing.assert_close(picked, logits[chosen], rtol=0, atol=1e-6)


@every_net
@every_task
def test_every_parameter_and_the_latent_get_a_gradient(spec, task):
    net, z = decoder(spec, task).train(), given(task).requires_grad_()
    x = rows()
    F.cross_entropy(net.logits(net.features(read(x), z)).flatten(0, 1), x.flatten()).backward()
    for key, parameter in net.named_parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), key
        assert parameter.grad.abs().max() > 1e-9, key
    assert not task.given or (z.grad.abs().sum(1) > 0).all()


@every_net
@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("tie", [False, True])
@pytest.mark.parametrize("vocabulary", [VOCABULARY, 2000])
def test_it_starts_all_but_uniform(spec, skip, tie, vocabulary):
    task = TASK.replace(skip=skip, tie=tie, vocabulary=vocabulary)
    wider = {"width": 128} if "width" in type(spec).model_fields else {"hidden": 128, "embedding": 64}
    net = spec.replace(**wider).decoder(task).eval()
    tokens = torch.randint(4, vocabulary, (16, LENGTH))
    with torch.no_grad():
        logits = net.logits(net.features(read(tokens), given(task, 16)))
    loss = F.cross_entropy(logits.flatten(0, 1), tokens.flatten()).item()
    assert abs(loss / math.log(vocabulary) - 1) < 0.02


@every_net
@every_task
def test_it_runs_in_half_precision(spec, task):
    net, x, z = decoder(spec, task).train(), rows(), given(task)
    with torch.autocast("cpu", torch.bfloat16):
        logits = net.logits(net.features(read(x), z))
        steps = stepped(net.eval(), read(x), z)
    F.cross_entropy(logits.float().flatten(0, 1), x.flatten()).backward()
    assert torch.isfinite(logits).all() and torch.isfinite(steps).all()
    assert all(torch.isfinite(parameter.grad).all() for parameter in net.parameters())


@every_net
def test_double_precision_is_the_users_to_choose(spec):
    net, tokens, z = decoder(spec, TASK).double(), read(rows()), given(TASK).double()
    torch.testing.assert_close(stepped(net, tokens, z), net.logits(net.features(tokens, z)), rtol=0, atol=1e-12)


@every_net
def test_tied_weights_are_kept_once(spec):
    net = spec.decoder(TASK.replace(tie=True, vocabulary=500))
    shapes = [tuple(part.shape) for part in net.state_dict().values() if 500 in part.shape]
    assert sorted(shapes) == [(500,), tuple(net.embedding.weight.shape)]


@every_net
def test_only_training_corrupts(spec):
    net, tokens, z = decoder(spec, TASK, word_dropout=1.0, teacher_forcing=0.0), read(rows()), given(TASK)
    assert torch.equal(heard(net, tokens, z), tokens)
    assert torch.equal(net.features(tokens, z), net.features(tokens, z)) and net.seen == 0
    kept = (tokens == BOS) | (tokens == PAD)
    assert torch.equal(heard(net.train(), tokens, z), tokens.where(kept, UNK)) and net.seen == 1


def test_word_dropout_spares_the_first_token_and_the_pads():
    tokens, share = read(rows()).repeat(500, 1), 0.3
    dropped = word_dropout(tokens, share)
    free = (tokens != BOS) & (tokens != PAD)
    assert torch.equal(dropped[~free], tokens[~free]) and word_dropout(tokens, 0.0).equal(tokens)
    changed = (dropped != tokens)[free & (tokens != UNK)].double()
    assert (dropped[dropped != tokens] == UNK).all()
    assert abs(changed.mean() - share) < 3 * math.sqrt(share * (1 - share) / len(changed))


@every_net
def test_full_teacher_forcing_draws_nothing(spec):
    net, tokens, z = decoder(spec.replace(dropout=0.0), TASK), read(rows()), given(TASK)
    noise = torch.get_rng_state()
    assert torch.equal(net.train().features(tokens, z), net.eval().features(tokens, z))
    assert torch.equal(torch.get_rng_state(), noise)


@every_net
@pytest.mark.parametrize("tie", [False, True])
def test_without_teacher_forcing_the_net_reads_its_own_predictions(spec, tie):
    """A net that is sure of token 7 reads 7 everywhere, and never predicts a pad or a beginning."""
    net, tokens, z = decoder(spec, TASK, teacher_forcing=0.0, tie=tie).train(), read(rows()), given(TASK)
    bias = net.bias if tie else net.output.bias
    with torch.no_grad():
        bias[:] = 0.0
        bias[7], bias[PAD], bias[BOS] = 1e3, 1e6, 1e6
    free = (tokens != BOS) & (tokens != PAD)
    assert torch.equal(heard(net, tokens, z), tokens.masked_fill(free, 7))


def test_the_predictions_read_are_those_of_the_same_place():
    """With a net that copies the token it reads, position t receives what stands at t - 1."""
    net = decoder(SPECS[0], TASK, teacher_forcing=0.0).train()
    fed = []

    def copied(tokens, _z):
        fed.append(tokens)
        return 1e4 * F.one_hot(tokens, VOCABULARY).float()

    net._features, net.logits = copied, lambda features: features
    tokens = torch.tensor([[BOS, 5, 6, 7, PAD], [BOS, 8, 9, PAD, PAD]])
    net.features(tokens, torch.zeros(2, 8))
    assert fed[0].equal(tokens)
    assert fed[1][:, 2:].equal(torch.tensor([[5, 6, PAD], [8, PAD, PAD]])) and (fed[1][:, 1] > BOS).all()


def test_teacher_forcing_follows_its_schedule():
    """Half way down a line to zero, about half of the tokens are the net's own; the counter is saved."""
    schedule = Linear(start=1.0, stop=0.0, steps=100)
    net, tokens, z = decoder(SPECS[0], TASK, teacher_forcing=schedule).train(), read(rows()), given(TASK)
    assert torch.equal(heard(net, tokens, z), tokens) and net.state_dict()["seen"] == 1
    with torch.no_grad():
        net.output.bias[7] = 1e3
    net.seen.fill_(50)
    tokens = tokens.masked_fill(tokens == 7, 8).repeat(200, 1)
    own = (heard(net, tokens, z.repeat(200, 1)) == 7)[(tokens != BOS) & (tokens != PAD)].double()
    assert abs(own.mean() - 0.5) < 3 * 0.5 / math.sqrt(len(own)) and net.seen == 51


@every_net
def test_predicting_leaves_no_graph_and_counts_once(spec):
    net = decoder(spec, TASK, teacher_forcing=0.5).train()
    net.features(read(rows()), given(TASK)).sum().backward()
    assert net.seen == 1 and net.output.weight.grad is None


def test_a_task_says_what_is_impossible():
    for wrong in ({"vocabulary": 3}, {"given": -1}, {"length": 0}, {"word_dropout": 1.5}, {"teacher_forcing": -1}):
        with pytest.raises(ValueError):
            TASK.replace(**wrong)
    assert SequenceTask.model_validate_json(TASK.model_dump_json()) == TASK
