"""The networks of the standard tutorial in plain PyTorch, weight for weight equal to those made from our parts."""

import importlib.util
import itertools
import math
import re
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from vaekit.distributions import point
from vaekit.heads import Bernoulli, ContinuousBernoulli, Gaussian, StandardNormal
from vaekit.models import VAE
from vaekit.objectives import ELBO

PATH = Path(__file__).parents[2] / "examples" / "textbook.py"


@pytest.fixture(scope="module")
def textbook():
    spec = importlib.util.spec_from_file_location("textbook", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def down(channels, kernel):
    layers = []
    for before, after in itertools.pairwise(channels):
        layers += [nn.Conv2d(before, after, kernel, stride=2, padding=1), nn.BatchNorm2d(after), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Flatten())


def up(channels, kernel):
    layers = []
    for before, after in itertools.pairwise(channels):
        layers += [
            nn.ConvTranspose2d(before, after, kernel, stride=2, padding=1, output_padding=4 - kernel),
            nn.BatchNorm2d(after),
            nn.LeakyReLU(0.2),
        ]
    return layers


class Encoder(nn.Module):
    def __init__(self, channels, kernel, features, latent):
        super().__init__()
        self.features = down(channels, kernel)
        self.mu, self.log_variance = nn.Linear(features, latent), nn.Linear(features, latent)

    def forward(self, x):
        h = self.features(x)
        return self.mu(h), self.log_variance(h).clamp(-10, 10)


class Decoder(nn.Module):
    def __init__(self, latent, start, layers, outputs):
        super().__init__()
        self.stem = nn.Linear(latent, math.prod(start))
        self.features = nn.Sequential(nn.Unflatten(1, start), *layers)
        self.outputs = nn.ModuleList(outputs)

    def forward(self, z):
        h = self.features(self.stem(z))
        return [output(h) for output in self.outputs]


def mirrored(latent, outputs):
    """Return 512-256-128-64-32-32 channels and one 3 x 3 convolution per output map."""
    maps = [nn.Conv2d(32, 3, 3, padding=1) for _ in range(outputs)]
    return Decoder(latent, (512, 2, 2), up((512, 256, 128, 64, 32, 32), 3), maps)


def mirrored_complete(latent):
    """Return 256-128-64-32-3 channels, the last transposed convolution being the output."""
    last = nn.ConvTranspose2d(32, 3, 4, stride=2, padding=1)
    return Decoder(latent, (256, 4, 4), up((256, 128, 64, 32), 4), [last])


def perceptron(latent, pixels):
    widths = (latent, 256, 512)
    layers = []
    for before, after in itertools.pairwise(widths):
        layers += [nn.Linear(before, after), nn.LayerNorm(after), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Linear(512, pixels))


def share_weights(ours, reference):
    """Give ours random weights and statistics, in double precision, and the reference the same, in order."""
    for key, value in ours.double().state_dict().items():
        if value.is_floating_point():
            value.uniform_(0.5, 1.5) if "running" in key else value.normal_(std=0.5 if value.dim() == 1 else 0.05)
    mine, theirs = ours.state_dict(), reference.double().state_dict()
    assert [value.shape for value in mine.values()] == [value.shape for value in theirs.values()]
    reference.load_state_dict(dict(zip(theirs, mine.values(), strict=True)))
    return ours, reference


def assert_equal(actual, expected):
    torch.testing.assert_close(actual, expected, rtol=1e-6, atol=1e-9)


def images(n=3):
    return torch.rand(n, 3, 64, 64).double()


modes = pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])


@modes
def test_convolutional_encoder(textbook, training):
    ours, reference = share_weights(textbook.encoder(16), Encoder((3, 32, 64, 128, 256, 512), 3, 512 * 2 * 2, 16))
    ours.heads["scale"].bias.data[0] = 100.0  # both clamps act
    reference.log_variance.bias.data[0] = 100.0
    x = images()
    q = ours.train(training)(x)
    mu, log_variance = reference.train(training)(x)
    assert log_variance.max() == 10
    assert_equal(q.mean, mu)
    assert_equal(2 * q.base_dist.scale.log(), log_variance)
    for (key, mine), theirs in zip(ours.state_dict().items(), reference.state_dict().values(), strict=True):
        assert torch.allclose(mine.double(), theirs.double()), key  # running statistics after the step, too


@modes
def test_decoder_with_bernoulli_pixels(textbook, training):
    ours, reference = share_weights(textbook.decoder(Bernoulli(), 16), mirrored(16, 1))
    z, x = torch.randn(3, 16).double(), images().round()
    p, (logits,) = ours.train(training)(z), reference.train(training)(z)
    assert_equal(p.base_dist.logits, logits)
    assert_equal(point(p), torch.sigmoid(logits))
    bce = F.binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1).sum(1)
    assert_equal(-p.log_prob(x), bce)


@modes
def test_decoder_with_gaussian_pixels(textbook, training):
    ours, reference = share_weights(textbook.decoder(textbook.PIXELS, 16), mirrored(16, 2))
    ours.heads["scale"].bias.data[:2] = torch.tensor([1.9, -10.0])  # both sides of the clamp act
    reference.outputs[1].bias.data[:2] = torch.tensor([1.9, -10.0])
    z, x = torch.randn(3, 16).double(), images()
    p, (mu, log_variance) = ours.train(training)(z), reference.train(training)(z)
    assert (log_variance > 2).any() and (log_variance < -10).any()
    log_variance = log_variance.clamp(-10, 2)
    assert_equal(p.mean, mu)
    assert_equal(p.variance, log_variance.exp())
    nll = 0.5 * (log_variance + (x - mu).square() / log_variance.exp() + math.log(2 * math.pi))
    assert_equal(-p.log_prob(x), nll.flatten(1).sum(1))
    assert_equal(
        -p.log_prob(x), F.gaussian_nll_loss(mu, x, log_variance.exp(), full=True, reduction="none").flatten(1).sum(1)
    )


@modes
def test_decoder_with_pixels_between_zero_and_one(textbook, training):
    """The tutorial's sigmoid and cross-entropy, and the normaliser that makes it a density."""
    ours, reference = share_weights(textbook.decoder(ContinuousBernoulli(), 16), mirrored(16, 1))
    z, x = torch.randn(3, 16).double(), images()
    p, (logits,) = ours.train(training)(z), reference.train(training)(z)
    bce = F.binary_cross_entropy(torch.sigmoid(logits), x, reduction="none").flatten(1).sum(1)
    log_normalizer = torch.log(2 * torch.atanh(torch.tanh(logits / 2)) / torch.tanh(logits / 2)).flatten(1).sum(1)
    assert_equal(-p.log_prob(x), bce - log_normalizer)
    assert ((point(p) > 0) & (point(p) < 1)).all()


@modes
def test_perceptron_decoder(textbook, training):
    ours, reference = share_weights(textbook.perceptron_decoder(5, 40), perceptron(5, 40))
    z = torch.randn(7, 5).double()
    assert_equal(ours.train(training)(z).base_dist.logits, reference.train(training)(z))


@modes
@pytest.mark.parametrize("beta", [1.0, 4.0])
def test_complete_vae_and_its_loss(textbook, training, beta):
    ours = textbook.complete_vae(latent=16)
    posterior = Encoder((3, 32, 64, 128, 256), 4, 256 * 4 * 4, 16)
    likelihood = mirrored_complete(16)
    share_weights(ours.posterior, posterior)
    share_weights(ours.likelihood, likelihood)
    for module in (ours, posterior, likelihood):
        module.double().train(training)
    x = images().round()
    torch.manual_seed(3)
    loss = ELBO(beta=beta)(ours(x)).value

    torch.manual_seed(3)
    mu, log_variance = posterior(x)
    noise = torch.normal(torch.zeros(1, 3, 16).double(), torch.ones(1, 3, 16).double())[0]
    (logits,) = likelihood(mu + torch.exp(0.5 * log_variance) * noise)
    reconstruction = F.binary_cross_entropy_with_logits(logits, x, reduction="sum") / len(x)
    kl = -0.5 * (1 + log_variance - mu.square() - log_variance.exp()).sum() / len(x)
    assert_equal(loss, reconstruction + beta * kl)

    ours_gradient = torch.autograd.grad(loss, ours.posterior.heads["loc"].weight)[0]
    gradient = torch.autograd.grad(reconstruction + beta * kl, posterior.mu.weight)[0]
    assert_equal(ours_gradient, gradient)


def test_reconstruct_and_generate(textbook):
    ours = textbook.complete_vae(latent=16)
    posterior, likelihood = Encoder((3, 32, 64, 128, 256), 4, 256 * 4 * 4, 16), mirrored_complete(16)
    share_weights(ours.posterior, posterior)
    share_weights(ours.likelihood, likelihood)
    for module in (ours, posterior, likelihood):
        module.double().eval()
    x = images()
    assert_equal(ours.reconstruct(x), torch.sigmoid(likelihood(posterior(x)[0])[0]))
    torch.manual_seed(5)
    generated = ours.generate(4, likelihood_temperature=0)
    torch.manual_seed(5)
    z = torch.normal(torch.zeros(4, 16).double(), torch.ones(4, 16).double())
    assert_equal(generated, torch.sigmoid(likelihood(z)[0]))


def test_gaussian_loss_with_learned_variance(textbook):
    ours = VAE(StandardNormal((8,)), textbook.encoder(8), textbook.decoder(textbook.PIXELS, 8)).double()
    assert isinstance(ours.posterior.family, Gaussian) and ours.posterior.family.scale.bounds == (-10, 10)
    posterior, likelihood = Encoder((3, 32, 64, 128, 256, 512), 3, 512 * 2 * 2, 8), mirrored(8, 2)
    share_weights(ours.posterior, posterior)
    share_weights(ours.likelihood, likelihood)
    x = images()
    trace = ours(x)
    mu, log_variance = posterior(x)
    noise = (trace.latents[0].z[0] - mu) / torch.exp(0.5 * log_variance)
    mean, spread = likelihood(mu + torch.exp(0.5 * log_variance) * noise.detach())
    spread = spread.clamp(-10, 2)
    nll = 0.5 * (spread + (x - mean).square() / spread.exp() + math.log(2 * math.pi)).sum() / len(x)
    kl = -0.5 * (1 + log_variance - mu.square() - log_variance.exp()).sum() / len(x)
    assert_equal(ELBO(beta=0.5)(trace).value, nll + 0.5 * kl)


def test_the_page_runs(textbook, capsys):
    textbook.main()
    lines = capsys.readouterr().out.strip().splitlines()
    assert len(lines) == 5
    assert all(re.search(r"[\d,]+ weights", line) for line in lines)
    assert "reconstruct (4, 3, 64, 64), generate (2, 3, 64, 64)" in lines[0]
