"""The laws of the hierarchy for images: one path for all, any size, and rates that add up."""

import math

import pytest
import torch
from torch.distributions import kl_divergence

from vaekit import Bernoulli, Gaussian, ImageVAE
from vaekit.errors import NotApplicable
from vaekit.evaluation import bounds
from vaekit.heads import GMM, FlowPrior, Vamp
from vaekit.models import evaluating
from vaekit.nets import Hierarchical
from vaekit.objectives import ELBO
from vaekit.trained import TrainedModel

SMALL = {"widths": (8, 12), "groups": (1, 2), "channels": 2}
NETS = {
    "patches": Hierarchical(**SMALL),
    "pixels": Hierarchical(patch=1, **SMALL),
    "dense": Hierarchical(patch="whole", widths=(16,), groups=(2,), channels=3),
    "dense below": Hierarchical(patch=1, widths=(4, 8, 16), groups=(0, 1, 2), channels=2, dense=True, ratio=1.0),
    "one group": Hierarchical(patch=3, widths=(8, 8), groups=(0, 0)),
    "none at the smallest": Hierarchical(patch=2, widths=(8, 8), groups=(2, 0), blocks=2, ratio=1.0),
}
every_net = pytest.mark.parametrize("net", NETS.values(), ids=NETS)
SHAPE = (1, 9, 12)


def built(net=NETS["patches"], shape=SHAPE, **keys):
    torch.manual_seed(0)
    keys = {"latent": 3, "likelihood": Bernoulli(), **keys}
    return ImageVAE(shape=shape, net=net, **keys).build()


def shaken(model):
    for weight in model.parameters():
        weight.data.add_(0.1 * torch.randn_like(weight))
    return model


def binary(*shape):
    return torch.rand(*shape).round()


@every_net
def test_given_latents_walk_the_path_of_the_posterior_bit_for_bit(net):
    model, x = shaken(built(net)), binary(5, *SHAPE)
    evidence = model.infer(x)
    torch.manual_seed(1)
    trace = model.trace(x, evidence, 3)
    torch.manual_seed(1)
    latents = model.draw(evidence, 3)
    z = [latent.z for latent in latents]
    for other in (latents, model.latents_at(evidence, *z)):
        for a, b in zip(trace.latents, other, strict=True):
            assert torch.equal(a.z, b.z) and torch.equal(a.q.mean, b.q.mean) and torch.equal(a.p.stddev, b.p.stddev)
    assert torch.equal(trace.likelihood.mean, model.decode(*z).mean)
    assert torch.equal(model.log_joint(x, evidence, *z), trace.log_likelihood + sum(a.p.log_prob(a.z) for a in latents))


@every_net
def test_a_batch_equals_one_by_one(net):
    model, x = shaken(built(net)).double(), binary(4, *SHAPE).double()
    whole = model.posteriors(x)
    for i in range(4):
        for a, b in zip(whole, model.posteriors(x[i : i + 1]), strict=True):
            torch.testing.assert_close(a.mean[i : i + 1], b.mean, rtol=1e-10, atol=1e-10)
    z = [point.unsqueeze(0).expand(2, *point.shape) for point in model.points(x)]
    torch.testing.assert_close(model.decode(*z).mean[1], model.decode(*(part[0] for part in z)).mean)


@pytest.mark.parametrize("shape", [(1, 27, 41), (3, 96, 64), (4, 260, 200), (2, 5, 7)], ids=str)
@pytest.mark.parametrize("patch", [1, 2, 3, 4])
def test_any_size_comes_back(shape, patch):
    net = Hierarchical(patch=patch, widths=(2, 3), groups=(1, 1), channels=1)
    model, x = built(net, shape), torch.zeros(1, *shape)
    assert model.reconstruct(x).shape == model.generate(1).shape == x.shape
    assert model(x).likelihood.event_shape == shape


def test_every_pixel_at_the_edge_is_read_and_written():
    """What is padded is no part of the image, and no pixel is cut off with it."""
    model = shaken(built(Hierarchical(patch=4, widths=(6,), groups=(1,), channels=2), (1, 9, 10)))
    x = binary(1, 1, 9, 10).requires_grad_()
    model.posteriors(x)[0].mean.sum().backward()
    assert (x.grad != 0).all()
    assert model.decode(*model.points(x)).mean.unique().numel() == 90


@every_net
def test_the_rates_of_the_groups_sum_to_the_rate(net):
    model, x = shaken(built(net)), binary(6, *SHAPE)
    trace = model(x, samples=2)
    closed = sum(kl_divergence(latent.q, latent.p).expand(2, 6) for latent in trace.latents)
    torch.testing.assert_close(trace.kl.expand(2, 6), closed)
    assert ELBO()(trace).value.item() == pytest.approx(-trace.elbo.mean().item(), rel=1e-6)
    found = bounds(model, [x], samples=20)
    torch.testing.assert_close(found.rates.sum(1), found.rate, rtol=1e-5, atol=1e-4)
    assert found.iw.mean() >= found.elbo.mean()
    assert len(found.groups.events) == 1 + sum(net.groups)


def test_groups_begin_as_standard_normals_that_change_nothing():
    model = built()
    z = model.prior_sample(7)
    with torch.no_grad():
        for latent in model.latents_at(model.infer(binary(7, *SHAPE)), *z)[1:]:
            assert (latent.p.mean == 0).all()
            torch.testing.assert_close(latent.p.stddev, torch.ones_like(latent.p.stddev), atol=2e-4, rtol=0)
    start = model(binary(64, *SHAPE)).latents
    assert all(latent.kl.mean() / math.prod(latent.q.event_shape) < 0.5 for latent in start)


def test_temperature():
    model = shaken(built())
    cold = model.prior_sample(3, temperature=0.0)
    for z in cold:
        torch.testing.assert_close(z[0], z[1])
    with evaluating(model, 0):
        spread = [model.prior_sample(4000, temperature=t)[0].var().item() for t in (0.5, 1.0)]
    assert spread[0] / spread[1] == pytest.approx(0.25, rel=0.1)


@pytest.mark.parametrize("prior", [GMM(components=3), FlowPrior(), Vamp(components=4)], ids=lambda each: each.kind)
@pytest.mark.parametrize("extra", [0, 3])
def test_learned_priors_at_the_top_and_a_context(prior, extra):
    if extra and isinstance(prior, Vamp):
        with pytest.raises(ValueError, match="no form given a context"):
            built(prior=prior, condition="label", context=extra)
        return
    keys = {"condition": "label", "context": extra} if extra else {}
    model, x = built(prior=prior, **keys), binary(5, *SHAPE)
    context = (torch.eye(3)[[0, 1, 2, 0, 1]],) if extra else ()
    model.initialize(x, *context)
    model(x, *context).elbo.mean().neg().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters() if p.requires_grad)
    assert model.generate(5, *context).shape == x.shape
    if extra:
        model = shaken(model)
        z = model.prior_sample(1, context[0][:1])
        one, other = (model.decode(*z, context=(context[0][i : i + 1],)).mean for i in (0, 1))
        assert not torch.allclose(one, other)


def test_inner_parts_computed_again_have_the_same_gradients():
    x, found = binary(4, *SHAPE), []
    for again in (False, True):
        model = built(Hierarchical(checkpoint=again, **SMALL))
        torch.manual_seed(1)
        model(x).elbo.mean().neg().backward()
        found.append([p.grad for p in model.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


def test_a_hierarchy_overfits_one_batch():
    model = built(Hierarchical(patch=2, widths=(16, 32), groups=(1, 2), channels=4), (1, 8, 8))
    x = binary(16, 1, 8, 8)
    optimizer = torch.optim.Adamax(model.parameters(), lr=1e-2)
    first = -model(x).log_likelihood.mean().item()
    for _ in range(150):
        optimizer.zero_grad()
        ELBO(beta=0.1)(model(x)).value.backward()
        optimizer.step()
    assert -model(x).log_likelihood.mean().item() < 0.3 * first


def test_the_number_of_groups_must_be_that_of_the_widths():
    with pytest.raises(ValueError, match=r"net\.groups has one number for each of net\.widths, got 1 for 2"):
        Hierarchical(widths=(8, 8), groups=(1,))
    with pytest.raises(ValueError, match="leaves one grid"):
        Hierarchical(patch="whole", widths=(8, 8), groups=(1, 1))
    with pytest.raises(ValueError, match="allows 3 grids"):
        Hierarchical(widths=(8,) * 4, groups=(1,) * 4).ladder((1, 8, 8))


def test_bf16_keeps_densities_in_single_precision():
    model, x = shaken(built(likelihood=Gaussian())), torch.randn(3, *SHAPE)
    torch.manual_seed(2)
    exact = model(x).elbo.mean()
    torch.manual_seed(2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        trace = model(x)
    assert all(latent.q.mean.dtype == latent.p.stddev.dtype == torch.float32 for latent in trace.latents)
    assert abs(trace.elbo.mean() - exact) < 0.005 * abs(exact)


def test_each_group_has_its_temperature():
    model = shaken(built())
    for several, same in (((0.7,) * 4, 0.7), (("linear", 1, 0.4), [1, 0.8, 0.6, 0.4]), ([0] * 4, 0)):
        drawn = []
        for temperature in (several, same):
            torch.manual_seed(0)
            drawn.append(model.prior_sample(5, temperature=temperature))
        for a, b in zip(*drawn, strict=True):
            torch.testing.assert_close(a, b)
    evidence, spread = model.infer(binary(5, *SHAPE)), []
    for scale in (0.5, 1):
        torch.manual_seed(0)
        z = model.prior_sample(5, temperature=[1, 0, scale, 0])
        p = [latent.p for latent in model.latents_at(evidence, *z)]
        assert all(torch.allclose(z[i], p[i].mean, atol=1e-6) for i in (1, 3))
        spread.append(z[2] - p[2].mean)
    torch.testing.assert_close(spread[0], 0.5 * spread[1])
    for wrong in ([1, 0.5], ("linear", 1), "linear", -1, [1, 1, 1, math.nan]):
        with pytest.raises(ValueError, match="temperature"):
            model.prior_sample(5, temperature=wrong)


def test_what_is_not_kept_has_the_point_of_the_prior_given_what_is_above():
    model, x = shaken(built()), binary(5, *SHAPE)
    events = [z.shape[1:] for z in model.points(x)]
    torch.manual_seed(0)
    some = [torch.rand(event) < 0.5 for event in events]
    for keep in (some, *([torch.full(event, i < k) for i, event in enumerate(events)] for k in range(5))):
        found = model.typical(x, keep)
        for latent, mask in zip(found, keep, strict=True):
            assert torch.equal(latent.z, torch.where(mask, latent.q.mean, latent.p.mean))
    for whole, part in zip(model.points(x), found, strict=True):  # the last keeps all
        assert torch.equal(whole, part.z)


def test_encodings_and_reconstructions_keep_the_same():
    model = shaken(built())
    trained, x = TrainedModel(model), binary(40, *SHAPE)
    sizes, full = trained.latents.sizes, trained.encode(x)
    for keep, count in ((1, sizes[0]), (2, sum(sizes[:2])), (0.25, round(sum(sizes) / 4)), (1e-6, 1)):
        found = trained.encode(x, keep=keep)
        assert found.kept.sum() == count
        assert torch.equal(trained.reconstruct(x, keep=keep)[1], trained.decode(found.mean))
        top = found.kept[: sizes[0]]  # what is above the others does not depend on what they are
        assert torch.equal(found.mean[:, : sizes[0]][:, top], full.mean[:, : sizes[0]][:, top])
    rates, kept = bounds(model, [x], samples=20).rate_per_dimension, trained.encode(x, keep=0.25).kept
    assert rates[kept].mean() > 2 * rates[~kept].mean()
    assert torch.equal(trained.encode(x, keep=4).mean, full.mean) and torch.equal(
        trained.encode(x, keep=4).std, full.std
    )
    for wrong in (0, 5, 1.0, -0.1, True, "2", math.nan):
        with pytest.raises(ValueError, match="keep is a number of groups of latents, 1 to 4"):
            trained.encode(x, keep=wrong)


@pytest.mark.parametrize("prior", [GMM(components=3), FlowPrior()], ids=lambda each: each.kind)
def test_a_share_is_kept_under_a_prior_without_rates_of_single_variables(prior):
    trained, x = TrainedModel(shaken(built(prior=prior))), binary(20, *SHAPE)
    assert trained.encode(x, keep=0.25).kept.sum() == round(sum(trained.latents.sizes) / 4)
    flat = TrainedModel(ImageVAE(shape=SHAPE, latent=3, likelihood=Bernoulli(), prior=prior).build())
    with pytest.raises(NotApplicable, match="do not factorize"):
        flat.encode(x, keep=0.5)
