"""Objectives with weights of their own in the loop: two players, two optimisers, one state; and a codebook."""

from __future__ import annotations

import pytest
import torch

from vaekit.heads import VQ, Autoregressive, Bernoulli
from vaekit.modalities import ImageVAE
from vaekit.nets import Conv
from vaekit.objectives import AAE, VAEGAN, VQELBO, WAE, Factor, PatchGAN
from vaekit.training import Checkpoints, Step, TrainingState
from vaekit.training.fabric import make_fabric

from .small import NETS, PIXELS, TRAINING_ROWS, batches, comparable, constant_bound, differences, run, settings

CRITICS = [
    VAEGAN(width=4),
    PatchGAN(start=0, width=4),
    PatchGAN(start=5, width=4),
    Factor(hidden=(8,)),
    WAE(penalty="gan", hidden=(8,)),
    AAE(hidden=(8,)),
]
every_critic = pytest.mark.parametrize("objective", CRITICS, ids=lambda o: f"{o.kind}{getattr(o, 'start', '')}")
STEPS = 10


def description(objective, net):
    posterior = {"posterior": VQ(codes=8, width=2), "prior": Autoregressive(units=6)}
    return ImageVAE(
        shape=(1, 8, 8),
        latent=3,
        net=net,
        likelihood=Bernoulli(binarize="dynamic"),
        **(posterior if isinstance(objective, VQELBO) else {}),
    )


def new_state(objective, training, *, seed=0, net=NETS["mlp"]):
    torch.manual_seed(seed)
    vae = description(objective, net)
    model = vae.build()
    step = Step(model, objective.build(model, len(TRAINING_ROWS)), vae.view().prepare, objective.samples)
    state = TrainingState(step, training, make_fabric(training))
    torch.manual_seed(seed + 1000)
    return state


def interrupted(objective, training, folder, stop, **options):
    """Train to a step, save, and go on from the file in a new state with other weights."""
    first = new_state(objective, training, **options)
    run(first, until=stop, validate=constant_bound)
    Checkpoints(folder).save(first.state_dict())
    second = new_state(objective, training, seed=77, **options)
    second.load_state_dict(Checkpoints(folder).load()[0])
    assert second.position.step == stop
    run(second, validate=constant_bound)
    return second


@pytest.mark.parametrize(
    ("objective", "precision"),
    [*((objective, "fp32") for objective in CRITICS), (CRITICS[0], "bf16"), (CRITICS[1], "bf16")],
    ids=lambda o: o if isinstance(o, str) else f"{o.kind}{getattr(o, 'start', '')}",
)
def test_resumed_equals_uninterrupted_the_critic_included(tmp_path, objective, precision):
    training = settings(steps=STEPS, precision=precision)
    whole = new_state(objective, training)
    assert {p.verdict for p in run(whole, validate=constant_bound)} == {"take"}
    second = interrupted(objective, training, tmp_path, 6)
    assert whole.state_dict()["critic"]["state"] and whole.state_dict()["criterion"]
    assert differences(comparable(whole), comparable(second)) == []


@pytest.mark.parametrize("forgotten", ["criterion", "critic"])
def test_the_comparison_notices_a_forgotten_critic(forgotten):
    """The control of the test above."""
    objective, training = VAEGAN(width=4), settings(steps=STEPS)
    whole, first = new_state(objective, training), new_state(objective, training)
    run(whole, validate=constant_bound)
    run(first, until=6, validate=constant_bound)
    second = new_state(objective, training, seed=77)
    second.load_state_dict({**first.state_dict(), forgotten: second.state_dict()[forgotten]})
    run(second, validate=constant_bound)
    assert differences(comparable(whole), comparable(second)) != []


@every_critic
def test_each_optimizer_moves_its_own_player(objective):
    """The groups are disjoint and complete; a critic whose learning rate is tiny stands still, and the model goes on."""
    state = new_state(objective, settings(steps=STEPS))
    groups = [{id(p) for group in o.param_groups for p in group["params"]} for o in (state.optimizer, state.critic)]
    assert groups[0] == {id(p) for p in state.model.parameters()}
    assert groups[1] == {id(p) for p in state.criterion.parameters()} and groups[0].isdisjoint(groups[1])
    before = [[p.detach().clone() for p in module.parameters()] for module in (state.model, state.criterion)]
    run(state, validate=constant_bound)
    for module, old in zip((state.model, state.criterion), before, strict=True):
        assert all(not torch.equal(p, q) for p, q in zip(module.parameters(), old, strict=True))
    still = new_state(objective, settings(steps=STEPS, critic_lr=1e-30))
    run(still, validate=constant_bound)
    for p, q in zip(still.criterion.parameters(), before[1], strict=True):
        torch.testing.assert_close(p.detach(), q, rtol=0, atol=1e-20)


def test_the_critic_learns_to_tell_what_it_is_shown():
    objective = PatchGAN(start=0, width=8, weight=0.0)
    progress = run(new_state(objective, settings(steps=30, lr=1e-5, critic_lr=5e-3)), validate=constant_bound)
    critic = torch.stack([p.metrics["critic"] for p in progress])
    assert critic[-5:].mean() < 0.7 * critic[:5].mean()


def test_conv_nets_take_part():
    objective = PatchGAN(start=0, width=4)
    state = new_state(objective, settings(steps=3), net=Conv(widths=(4, 8)))
    assert all(torch.isfinite(p.metrics["loss"]) for p in run(state, validate=constant_bound))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_codebook_is_resumed_bit_for_bit(tmp_path, precision):
    """Its statistics are buffers, and dead codes are revived by the saved generator."""
    training = settings(steps=STEPS, precision=precision)
    whole = new_state(VQELBO(), training)
    before = whole.model.posterior.codebook.vectors.clone()
    assert {p.verdict for p in run(whole, validate=constant_bound)} == {"take"}
    assert not torch.equal(before, whole.model.posterior.codebook.vectors)
    assert differences(comparable(whole), comparable(interrupted(VQELBO(), training, tmp_path, 6))) == []


def test_a_skipped_step_leaves_the_codebook_where_it_was():
    state = new_state(VQELBO(), settings(steps=STEPS))
    run(state, until=3, validate=constant_bound)
    codebook = state.model.posterior.codebook
    before = {name: buffer.clone() for name, buffer in codebook.named_buffers()}
    objective = state.criterion
    state._gradient.compute.criterion = lambda trace, step: (lambda loss: loss._replace(value=loss.value * torch.nan))(
        objective(trace, step)
    )
    verdict, _, _ = state.advance(batches(PIXELS).at(3))
    assert verdict == "skip"
    assert all(torch.equal(buffer, before[name]) for name, buffer in codebook.named_buffers())
