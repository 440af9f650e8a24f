import pytest
import torch
from torch import nn
from torch.distributions import Independent, Normal

from laws.linear_gaussian import linear_gaussian
from laws.test_objectives import parts, trace_of
from vaekit.distributions import Delta
from vaekit.models import Latent, Trace
from vaekit.objectives import RAE


def autoencoded(count=400):
    """Return a linear decoder and the trace of points through it."""
    model, _ = linear_gaussian()
    z = torch.randn(count, 3).double().requires_grad_()
    q = Delta(z, 1)
    drawn = q.rsample((1,))
    trace = Trace(torch.zeros(count, 6).double(), model.likelihood(drawn), (Latent(drawn, q, model.prior()),))
    return model, trace, z


def test_latents_cost_half_their_squared_norm():
    model, trace, z = autoencoded()
    loss = RAE(regularizer="none", beta=0.5).build(model, 10)(trace)
    torch.testing.assert_close(loss.value, -trace.log_likelihood.mean() + 0.25 * z.square().sum(1).mean())
    assert not RAE().is_bound


def test_each_regularizer_in_numbers():
    model, trace, _ = autoencoded(8000)
    weight = model.likelihood.heads["loc"].weight
    wanted = {
        "l2": weight.square().sum(),
        "gradient_penalty": weight.square().sum(),  # the Jacobian of a linear decoder is its matrix
        "spectral_norm": torch.linalg.matrix_norm(weight, 2),
    }
    for regularizer, value in wanted.items():
        found = RAE(regularizer=regularizer).build(model, 10)(trace).metrics["regularizer"]
        torch.testing.assert_close(
            found, value.detach(), rtol=0.03 if regularizer == "gradient_penalty" else 1e-3, atol=0
        )


@pytest.mark.parametrize("regularizer", ["l2", "gradient_penalty", "spectral_norm"])
def test_regularizers_shrink_the_decoder_and_own_none_of_it(regularizer):
    model, trace, _ = autoencoded()
    weight = model.likelihood.heads["loc"].weight
    criterion, plain = (RAE(regularizer=kind, weight=10.0).build(model, 10) for kind in (regularizer, "none"))
    assert not list(criterion.parameters())
    (slope,) = torch.autograd.grad(criterion(trace).value - plain(trace).value, weight)
    assert (slope * weight).sum() > 0


def test_singular_vectors_follow_the_weights_and_are_saved():
    model, trace, _ = autoencoded()
    weight = model.likelihood.heads["loc"].weight
    objective = RAE(regularizer="spectral_norm")
    criterion = objective.build(model, 10)
    with torch.no_grad():
        weight.copy_(torch.randn_like(weight))
    norm = torch.linalg.matrix_norm(weight, 2).item()
    trace = Trace(trace.x, model.likelihood(trace.latents[0].z), trace.latents)
    assert criterion(trace).metrics["regularizer"].item() < 0.99 * norm
    for _ in range(60):
        criterion.after_step()
    assert criterion(trace).metrics["regularizer"].item() == pytest.approx(norm, rel=1e-3)
    again = objective.build(model, 10)
    again.load_state_dict(criterion.state_dict())
    assert torch.equal(again(trace).value, criterion(trace).value)


def test_kernels_of_convolutions_are_matrices():
    decoder = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.ConvTranspose2d(3, 1, 2))
    model = nn.ModuleDict({"likelihood": decoder}).to(memory_format=torch.channels_last)
    criterion = RAE(regularizer="spectral_norm").build(model, 10)
    likelihood = Independent(Normal(torch.zeros(1, 4, 1), 1.0), 1)
    trace = Trace(
        torch.zeros(4, 1), likelihood, (Latent(torch.zeros(1, 4, 2), Delta(torch.zeros(4, 2), 1), likelihood),)
    )
    for _ in range(40):
        criterion.after_step()
    wanted = sum(torch.linalg.matrix_norm(w.flatten(1), 2) for w in (decoder[0].weight, decoder[2].weight))
    torch.testing.assert_close(criterion(trace).metrics["regularizer"], wanted.detach(), rtol=1e-2, atol=0)


def test_noise_is_refused():
    with pytest.raises(ValueError, match="use posterior=delta"):
        RAE(regularizer="none").build(nn.Identity(), 10)(trace_of(*parts()))
