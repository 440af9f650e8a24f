"""Information against closed forms, its cap, and the identity of the rate and its parts."""

from __future__ import annotations

import json
import math
import sys

import pytest
import torch
from torch import nn
from torch.distributions import Independent, Normal

from laws.linear_gaussian import linear_gaussian
from laws.members import POSTERIORS, name
from vaekit.evaluation.information import information
from vaekit.heads import GMM, Bernoulli, StandardNormal
from vaekit.interfaces.describing.words import number
from vaekit.interfaces.measures.general import GENERAL
from vaekit.modalities import ImageVAE
from vaekit.models import VAE
from vaekit.nets import MLP


class Posterior(nn.Module):
    """N(A x, s^2 I)."""

    def __init__(self, gain, scale):
        super().__init__()
        self.gain, self.scale = gain.double(), scale

    def forward(self, x):
        loc = x @ self.gain.T
        return Independent(Normal(loc, torch.full_like(loc, self.scale)), 1)


def information_lines(found):
    return next(measure for measure in GENERAL if measure.name == "information").lines(found.summary())


def model_of(gain, scale):
    return VAE(StandardNormal((len(gain),)).double(), Posterior(gain, scale), nn.Identity())


def images(posterior, **keys):
    """Return a model whose posteriors differ from datum to datum, and data."""
    torch.manual_seed(0)
    vae = ImageVAE(shape=(1, 4, 4), latent=3, net=MLP(widths=(8,)), posterior=posterior, likelihood=Bernoulli(), **keys)
    model = vae.build()
    for p in model.parameters():
        p.data.add_(0.3 * torch.randn_like(p))
    return model, (torch.rand(23, 1, 4, 4) > 0.5).float()


def spread(covariance, n):
    """Return data `(n, D)` with exactly mean 0 and this covariance: what is left is the noise of the latents."""
    x = torch.randn(n, len(covariance)).double()
    x = x - x.mean(0)
    return (
        torch.linalg.solve_triangular(torch.linalg.cholesky(x.T.cov()), x.T, upper=False).T
        @ torch.linalg.cholesky(covariance).T
    )


@pytest.mark.parametrize("stretch", [1.0, 2.0], ids=["exact", "stretched"])
def test_equals_the_closed_form_of_the_linear_gaussian_model(stretch):
    torch.manual_seed(0)
    model, evidence = linear_gaussian(latent=2, sigma=0.7, stretch=stretch)
    ratio = torch.tensor([0.5, 2.0]).double().square() / 0.7**2  # W^T W / sigma^2, diagonal
    exact = 0.5 * torch.log1p(ratio / stretch**2).sum().item()
    found = information(model, evidence.mean + spread(evidence.covariance_matrix, 1500), draws=4)
    assert found.mutual_information.nats == pytest.approx(exact, rel=0.02)
    assert found.mutual_information.nats < found.cap == math.log(1500)
    assert not found.at_cap
    if stretch == 1:  # the exact posteriors of the model's own data make up its prior
        assert found.marginal_kl.nats == pytest.approx(0, abs=0.03)
        assert found.total_correlation.nats == pytest.approx(0, abs=0.03)


def test_total_correlation_and_dimension_wise_kl_of_a_correlated_gaussian():
    torch.manual_seed(0)
    gain = torch.tensor([[1.0, 0.0], [0.9, 0.5]])
    x = spread(torch.eye(2).double(), 1500)
    covariance = (gain @ gain.T).double() + 0.3**2 * torch.eye(2)
    found = information(model_of(gain, 0.3), x, draws=2)
    variances = covariance.diag()
    assert found.total_correlation.nats == pytest.approx(
        0.5 * (variances.log().sum() - covariance.logdet()).item(), abs=0.03
    )
    exact = 0.5 * (variances - 1 - variances.log())
    assert found.per_dimension == pytest.approx(exact.tolist(), abs=0.03)
    assert found.dimension_wise_kl.nats == pytest.approx(sum(found.per_dimension))


def test_disjoint_posteriors_reach_the_cap_and_collapsed_ones_tell_nothing():
    torch.manual_seed(0)
    x = torch.randn(200, 2).double()
    apart = information(model_of(1e4 * torch.eye(2), 1.0), x)
    assert apart.mutual_information.nats == pytest.approx(math.log(200), abs=1e-6)
    assert apart.at_cap
    collapsed = information(model_of(torch.zeros(2, 2), 1.0), x)
    assert collapsed.mutual_information.nats == pytest.approx(0, abs=1e-9)
    nearly = information(model_of(0.02 * torch.eye(2), 1.0), x)
    assert abs(nearly.mutual_information.nats) < 0.02
    assert not nearly.at_cap


def test_at_the_cap_what_the_information_lacks_is_marked_as_an_upper_bound():
    """Twenty independent dimensions have no total correlation; that of the mixture of few posteriors is far above."""
    torch.manual_seed(0)
    dims = 20
    found = information(model_of(5 * torch.eye(dims), 1.0), 5 * torch.randn(300, dims).double())
    assert found.at_cap and found.total_correlation.nats > 5
    summary = found.summary()
    for part in ("marginal_kl", "total_correlation", "dimension_wise_kl", "mutual_information"):
        assert summary[part]["at_cap"]
    printed = "\n".join(information_lines(found))
    assert f"total correlation at most {number(found.total_correlation.nats)}" in printed
    assert f"marginal KL at most {number(found.marginal_kl.nats)}" in printed
    below = information(model_of(0.1 * torch.eye(2), 1.0), torch.randn(300, 2).double())
    assert "at most" not in "\n".join(information_lines(below))
    assert not below.summary()["total_correlation"]["at_cap"]


def test_the_mixture_of_a_batch_is_capped_by_its_size_and_hides_what_more_data_show():
    torch.manual_seed(0)
    x = torch.randn(32 * 6 + 5, 2).double()
    apart = information(model_of(1e4 * torch.eye(2), 1.0), x, mixture="batch")
    assert apart.mutual_information.nats == pytest.approx(math.log(32), abs=1e-6)
    assert apart.cap == math.log(32)
    assert (apart.n, apart.mixture, apart.at_cap) == (192, 32, True)
    model = model_of(10 * torch.eye(2), 1.0)
    batch, data = information(model, x, draws=5, mixture="batch"), information(model, x, draws=5)
    assert batch.mutual_information.nats < batch.cap < data.mutual_information.nats < data.cap
    assert data.mixture == data.n == len(x)
    assert batch.rate.nats == pytest.approx(batch.mutual_information.nats + batch.marginal_kl.nats)
    collapsed = information(model_of(torch.zeros(2, 2), 1.0), x, mixture="batch")
    assert collapsed.mutual_information.nats == pytest.approx(0, abs=1e-9)


def test_the_mixture_of_a_batch_is_that_of_its_data_alone(monkeypatch):
    torch.manual_seed(0)
    model, x = model_of(torch.tensor([[1.0, 0.5], [0.0, 2.0]]), 0.7), torch.randn(64, 2).double()
    module = sys.modules[VAE.__module__]
    monkeypatch.setattr(module, "draw", lambda q, samples: ((q.mean + 0.3).expand(samples, *q.mean.shape), None))
    batches = [information(model, part) for part in x.split(32)]
    found = information(model, x, mixture="batch")
    for part in ("rate", "mutual_information", "marginal_kl", "total_correlation", "dimension_wise_kl"):
        mean = sum(getattr(batch, part).nats for batch in batches) / 2
        assert getattr(found, part).nats == pytest.approx(mean)
    assert information(model, x[:32], mixture="batch") == batches[0]
    with pytest.raises(ValueError, match="needs 32 data, got 31"):
        information(model, x[:31], mixture="batch")


@pytest.mark.parametrize("posterior", POSTERIORS, ids=name)
def test_parts_add_up_to_the_rate_for_every_posterior(posterior):
    model, x = images(posterior)
    if posterior.kind == "delta":
        with pytest.raises(ValueError, match="without a density"):
            information(model, x)
        return
    found = information(model, x, draws=20)
    mutual, marginal = found.mutual_information.nats, found.marginal_kl.nats
    assert found.rate.nats == pytest.approx(mutual + marginal, rel=1e-6)
    assert -0.05 < mutual < math.log(23) + 1e-9
    assert marginal > -0.1
    with torch.no_grad():
        trace = model.eval()(x, samples=200)
    assert found.rate.nats == pytest.approx(trace.kl.mean().item(), abs=max(0.05, 5 * found.rate.se))
    if found.total_correlation is None:
        assert "does not factorise" in found.why
    else:
        parts = found.total_correlation.nats + found.dimension_wise_kl.nats
        assert marginal == pytest.approx(parts, rel=1e-6)


def test_equals_the_formula_written_out_whatever_the_chunks(monkeypatch):
    torch.manual_seed(0)
    model, x = model_of(torch.tensor([[1.0, 0.5], [0.0, 2.0]]), 0.7), torch.randn(7, 2).double()
    module = sys.modules[VAE.__module__]
    monkeypatch.setattr(module, "draw", lambda q, samples: ((q.mean + 0.3).expand(samples, *q.mean.shape), None))
    monkeypatch.setattr(sys.modules[information.__module__], "_BATCH", 3)
    monkeypatch.setattr(sys.modules[information.__module__], "_ENTRIES", 12)
    found = information(model, x, draws=2)
    loc = x @ model.posterior.gain.T
    z = loc + 0.3
    table = Normal(loc, 0.7).log_prob(z.unsqueeze(1))  # (z, x, dimension)
    joint, marginals = table.sum(-1).logsumexp(1) - math.log(7), table.logsumexp(1) - math.log(7)
    own, prior = table.sum(-1).diag(), Normal(0.0, 1.0).log_prob(z)
    assert found.mutual_information.nats == pytest.approx((own - joint).mean().item())
    assert found.mutual_information.se == pytest.approx((own - joint).std().item() / 7**0.5)
    assert found.marginal_kl.nats == pytest.approx((joint - prior.sum(-1)).mean().item())
    assert found.total_correlation.nats == pytest.approx((joint - marginals.sum(-1)).mean().item())
    assert found.per_dimension == pytest.approx((marginals - prior).mean(0).tolist())


def test_what_has_no_meaning_is_none_with_its_reason():
    x = (torch.rand(9, 1, 4, 4) > 0.5).float()
    model, _ = images(POSTERIORS[0], prior=GMM(components=3))
    mixed = information(model, x)
    assert mixed.dimension_wise_kl is None
    assert mixed.total_correlation is not None
    assert "prior does not factorise" in mixed.why
    model, _ = images(POSTERIORS[0], prior=GMM(components=3), condition="context", context=2)
    conditional = information(model, x, torch.randn(9, 2))
    assert conditional.marginal_kl is None
    assert "context" in conditional.why
    assert conditional.mutual_information.nats <= conditional.cap
    with pytest.raises(ValueError, match="needs data"):
        information(model, x[:0], torch.zeros(0, 2))
    summary = json.loads(json.dumps(conditional.summary()))
    assert summary["marginal_kl"] is None
    assert summary["mutual_information"]["cap"] == pytest.approx(math.log(9))


def test_leaves_model_and_generator_alone():
    model, x = images(POSTERIORS[0])
    model.train()
    before, state = torch.get_rng_state(), [b.clone() for b in model.state_dict().values()]
    first = information(model, x)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), state, strict=True))
    assert model.training
    assert information(model, x) == first
    assert information(model, x, seed=1) != first
