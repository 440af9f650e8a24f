"""Cures for blur by an adversary that looks at images: the VAE-GAN, and patches with an adaptive weight."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.distributions import Distribution

from vaekit.models import LatentVariableModel, Trace
from vaekit.nets import PatchDiscriminator
from vaekit.objectives.adversary import Adversary, accuracy, called_held
from vaekit.objectives.objective import CriterionModule, Loss, regularized
from vaekit.objectives.pictures import Pictorial, image_size, pictures

__all__ = ["VAEGAN", "PatchGAN", "PatchGANCriterion", "VAEGANCriterion", "adaptive_weight"]


class VAEGAN(Pictorial):
    r"""The bound with a discriminator that is a metric and an adversary.

    .. math:: w\, \tfrac12 \|f(x) - f(\hat x)\|^2 + a D\, \tfrac12 E[\zeta(-S(\hat x)) + \zeta(-S(\tilde x))]

    f are the discriminator's last features and S its score, :math:`\hat x` reconstructions, :math:`\tilde x` samples
    from the prior, D the number of dimensions. The adversary trains the decoder and leaves the encoder alone.

    References:
        Larsen, Sonderby, Larochelle and Winther, 2016, "Autoencoding beyond pixels using a learned similarity metric".
    """

    kind: Literal["vae_gan"] = "vae_gan"
    weight: Annotated[float, Field(ge=0)] = 1.0
    """Weight of the distance between features."""
    adversarial: Annotated[float, Field(ge=0)] = 0.1
    """Weight of the adversary, per dimension of the data."""
    width: Annotated[int, Field(ge=1)] = 64
    """Channels of the discriminator's first layer."""

    def build(self, model: nn.Module, _size: int) -> VAEGANCriterion:
        """Return the criterion, with a new discriminator."""
        return VAEGANCriterion(self, model)


class PatchGAN(Pictorial):
    r"""The bound with an adversary that scores patches of reconstructions: plus :math:`-w \lambda E[S(\hat x)]`.

    .. math:: \lambda = \min(10^4, \|\nabla_\theta E[-\log p(x \mid z)]\| \,/\, \|\nabla_\theta E[S(\hat x)]\|)

    :math:`\theta` are the parameters of the likelihood on which its point :math:`\hat x` depends, so that both terms
    pull on the image equally hard, whatever their units.

    References:
        Esser, Rombach and Ommer, 2021, "Taming transformers for high-resolution image synthesis"; Lim and Ye, 2017,
        "Geometric GAN" (the hinge loss).
    """

    kind: Literal["patch_gan"] = "patch_gan"
    weight: Annotated[float, Field(ge=0)] = 0.5
    """Weight of the adversary: the share of its pull in that of the likelihood."""
    start: Annotated[int, Field(ge=0)] = 1000
    """The step from which the adversary acts and learns."""
    width: Annotated[int, Field(ge=1)] = 64
    """Channels of the discriminator's first layer."""

    @property
    def schedule_end(self) -> int:
        """The step from which beta rests and the adversary acts."""
        return max(self.beta.end, self.start)

    def build(self, model: nn.Module, _size: int) -> PatchGANCriterion:
        """Return the criterion, with a new discriminator."""
        return PatchGANCriterion(self, model)


class VAEGANCriterion(CriterionModule):
    """What runs: the description, the discriminator, and the model, whose decoder it asks for samples."""

    def __init__(self, description: VAEGAN, model: nn.Module) -> None:
        super().__init__()
        self.description = description
        self.model: tuple[LatentVariableModel] = (model,)  # type: ignore[assignment] # its weights are not the adversary's
        self.adversary = Adversary(_discriminator(model, description.width), "logistic")

    def forward(self, trace: Trace, step: int = 0) -> Loss:
        """Return the loss of one trace."""
        real, again = pictures(trace, step)
        error = (self._features(again) - self._features(real)).square().flatten(1).sum(1).mean() / 2
        # No gradient of the adversary may reach the encoder: latents are decoded once more, beside those of the prior.
        fake = pictures(replace(trace, likelihood=self._decoded(trace)), step)[1]
        scores = self.adversary(real), self.adversary(fake)
        terms = {
            "feature_error": (self.description.weight, error),
            "fool": (self.description.adversarial * real[0].numel(), self.adversary.fool(fake)),
            "critic": (1.0, self.adversary.cost(*scores)),
        }
        return regularized(trace, self.description.beta.at(step), terms, critic_accuracy=accuracy(*scores))

    def _decoded(self, trace: Trace) -> Distribution:
        (model,) = self.model
        drawn = model.prior_sample(len(trace.x), *trace.context)
        pairs = zip(trace.latents, drawn, strict=True)
        z = [torch.cat([latent.z.detach(), new.detach().unsqueeze(0)]) for latent, new in pairs]
        return model.decode(*z, context=trace.context)

    def _features(self, images: Tensor) -> Tensor:
        net = self.adversary.net
        assert isinstance(net, PatchDiscriminator)
        return called_held(net.stages, 2 * images - 1).float()


class PatchGANCriterion(CriterionModule):
    """What runs: the description and the discriminator."""

    def __init__(self, description: PatchGAN, model: nn.Module) -> None:
        super().__init__()
        self.description = description
        self.adversary = Adversary(_discriminator(model, description.width), "hinge")

    def forward(self, trace: Trace, step: int = 0) -> Loss:
        """Return the loss of one trace."""
        beta = self.description.beta.at(step)
        if 0 < step < self.description.start:  # step 0 is the trial too, which has to meet what comes later
            return regularized(trace, beta, {})
        real, fake = pictures(trace, step)
        fool = self.adversary.fool(fake)
        balance = adaptive_weight(-trace.log_likelihood.mean(), fool, trace.likelihood)
        scores = self.adversary(real), self.adversary(fake)
        acts = float(step >= self.description.start)
        terms = {
            "fool": (acts * self.description.weight, balance * fool),
            "critic": (acts, self.adversary.cost(*scores)),
        }
        return regularized(trace, beta, terms, critic_accuracy=accuracy(*scores), adaptive_weight=balance)


def adaptive_weight(nll: Tensor, fool: Tensor, likelihood: Distribution) -> Tensor:
    """Return the ratio of the gradients of two scalars at the likelihood's parameters, detached, in [0, 1e4].

    Args:
        nll: The mean of -log p(x | z).
        fool: The generator's term, a function of the likelihood's point.
        likelihood: p(x | z).

    Raises:
        ValueError: The likelihood holds no parameter that both depend on.
    """
    held = list(_parameters(likelihood))
    pairs = zip(*(_gradients(scalar, held) for scalar in (nll, fool)), strict=True)
    both = [(a, b) for a, b in pairs if a is not None and b is not None]
    if not both:
        raise ValueError(
            "objective=patch_gan needs a likelihood whose parameters make its point; use objective=vae_gan"
        )
    pull, push = (torch.stack([part.norm() for part in parts]).norm() for parts in zip(*both, strict=True))
    return (pull / push.clamp_min(torch.finfo(push.dtype).tiny)).clamp(0, 1e4).detach()


def _gradients(scalar: Tensor, held: list[Tensor]) -> tuple[Tensor | None, ...]:
    return torch.autograd.grad(scalar, held, retain_graph=True, allow_unused=True) if held else ()


def _parameters(distribution: Distribution) -> Iterator[Tensor]:
    for value in vars(distribution).values():
        if isinstance(value, Distribution):
            yield from _parameters(value)
        elif isinstance(value, Tensor) and value.requires_grad:
            yield value


def _discriminator(model: nn.Module, width: int) -> PatchDiscriminator:
    channels, *sides = image_size(model)
    return PatchDiscriminator(channels, min(sides), width)
