"""The textbook variational autoencoder, network by network, from the parts of vaekit.

Every tutorial builds these: a convolutional encoder with two heads, its mirror image, a perceptron, and the whole with
its beta loss. Here each is a few words, for an architecture is a value that makes both directions, and a
distribution is a net and a family. `tests/examples/test_textbook.py` holds the same networks written out in plain
PyTorch, and shows that outputs and losses are equal.

    python examples/textbook.py
"""

from __future__ import annotations

import torch
from torch import Tensor

from vaekit import (
    ELBO,
    MLP,
    VAE,
    Bernoulli,
    Conditional,
    ContinuousBernoulli,
    Conv,
    Exp,
    Gaussian,
    StandardNormal,
)
from vaekit.heads import Family
from vaekit.nets import parameter_count
from vaekit.objectives import Loss

IMAGE = (3, 64, 64)
LATENT = 128

LADDER = Conv(
    widths=(32, 64, 128, 256, 512),
    kernel=3,
    norm="batch",
    activation="leaky_relu",
    upsample="transposed",
    output="conv",
)
"""3 x 3 convolutions of stride 2, batch normalization, leaky ReLU of slope 0.2; transposed convolutions back up."""

POSTERIOR = Gaussian(scale=Exp(bounds=(-10.0, 10.0)))
"""Two heads, mu and log sigma^2, the latter clamped to [-10, 10]."""

PIXELS = Gaussian(scale=Exp(bounds=(-10.0, 2.0)))
"""Two maps, mu and log sigma^2, the latter clamped to [-10, 2]."""


def encoder(latent: int = LATENT) -> Conditional:
    """Return q(z | x): 3-32-64-128-256-512 channels, flattened, then one linear head each for mu and log sigma^2."""
    return Conditional(LADDER.encoder(IMAGE), POSTERIOR, given=IMAGE, event=(latent,))


def decoder(family: Family, latent: int = LATENT) -> Conditional:
    """Return p(x | z), the mirror image of the encoder: 512-256-128-64-32-32 channels, then a 3 x 3 convolution.

    Args:
        family: `Bernoulli()` for logits, `PIXELS` for mu and log sigma^2, `ContinuousBernoulli()` for pixels in [0, 1];
            whatever it is, `point(p)` is the image, e.g. the sigmoid of the Bernoulli's logits.
        latent: The size of z.
    """
    return Conditional(LADDER.decoder((latent,), IMAGE), family, given=(latent,), event=IMAGE)


def perceptron_decoder(latent: int = 20, pixels: int = 784) -> Conditional:
    """Return p(x | z) from [linear, layer normalization, leaky ReLU] of 256 and 512 units, for flattened images."""
    net = MLP(widths=(512, 256), norm="layer", activation="leaky_relu")
    return Conditional(net.decoder((latent,), (pixels,)), Bernoulli(), given=(latent,), event=(pixels,))


def complete_vae(family: Family | None = None, latent: int = LATENT) -> VAE:
    """Return the whole: 4 x 4 convolutions of 32, 64, 128 and 256 channels, and as many transposed ones back."""
    net = Conv(
        widths=(32, 64, 128, 256),
        kernel=4,
        norm="batch",
        activation="leaky_relu",
        upsample="transposed",
        output="upsample",
    )
    posterior = Conditional(net.encoder(IMAGE), POSTERIOR, given=IMAGE, event=(latent,))
    likelihood = Conditional(net.decoder((latent,), IMAGE), family or Bernoulli(), given=(latent,), event=IMAGE)
    return VAE(StandardNormal((latent,)), posterior, likelihood)


def training_step(vae: VAE, objective: ELBO, optimizer: torch.optim.Optimizer, x: Tensor) -> Loss:
    """Take one step: the distortion and beta times the rate, summed over dimensions, averaged over the batch."""
    optimizer.zero_grad()
    loss = objective(vae(x))
    loss.value.backward()
    optimizer.step()
    return loss


def main() -> None:
    """Build each network and train each model for one step."""
    torch.manual_seed(0)
    grey = torch.rand(4, *IMAGE)
    models = {
        "convolutional, Bernoulli pixels": (
            VAE(StandardNormal((LATENT,)), encoder(), decoder(Bernoulli())),
            grey.round(),
        ),
        "convolutional, Gaussian pixels": (VAE(StandardNormal((LATENT,)), encoder(), decoder(PIXELS)), grey),
        "convolutional, pixels in [0, 1]": (
            VAE(StandardNormal((LATENT,)), encoder(), decoder(ContinuousBernoulli())),
            grey,
        ),
        "complete, 4 x 4 kernels": (complete_vae(), grey.round()),
    }
    objective = ELBO(beta=4.0)
    for name, (vae, x) in models.items():
        loss = training_step(vae, objective, torch.optim.Adam(vae.parameters(), lr=1e-3), x)
        vae.eval()
        shapes = f"reconstruct {tuple(vae.reconstruct(x).shape)}, generate {tuple(vae.generate(2).shape)}"
        print(f"{name}: {parameter_count(vae):,} weights, loss {loss.value.item():,.0f}, {shapes}")
    perceptron = perceptron_decoder()
    print(
        f"perceptron decoder: {parameter_count(perceptron):,} weights, event {perceptron(torch.randn(2, 20)).event_shape}"
    )


if __name__ == "__main__":
    main()
