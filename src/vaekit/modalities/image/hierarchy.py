"""From the description of a hierarchical image VAE to its modules."""

from __future__ import annotations

import math

from torch import nn

from vaekit.heads import Site, conditional
from vaekit.modalities.description import Description
from vaekit.models import HierarchicalVAE
from vaekit.models.hierarchical_vae import LadderPosterior, LadderPrior
from vaekit.nets import Hierarchical, Join, joined_size
from vaekit.nets.hierarchical import posterior_net
from vaekit.value import Size, Value

__all__ = ["hierarchy"]


def hierarchy(
    description: Description, net: Hierarchical, likelihood: Value, shape: Size, standardize: nn.Module
) -> HierarchicalVAE:
    """Return the model, freshly initialised.

    Args:
        description: What says posterior, prior, number of latents and context.
        net: The ladder and the path.
        likelihood: The family of p(x | z).
        shape: Channels, height, width of an image.
        standardize: What brings pixels to mean 0 and deviation 1, in front of the net.
    """
    extra, latent = description.context, description.posterior.latent_event(description.latent)
    grids, seen = net.ladder(shape), joined_size(shape, extra)
    up = nn.Sequential(standardize, net.up(seen))
    smallest = (net.widths[-1], *grids[-1])
    top = conditional(description.posterior, nn.Identity(), given=smallest, event=latent)
    below = nn.ModuleList(posterior_net(net, place, grids[place]) for place in net.descent())
    posterior = LadderPosterior(up, top, below, Join(shape, extra) if extra else None)
    flat = (math.prod(latent),)
    path = net.down(joined_size(flat, extra)[0], shape)
    prior = description.prior.build(Site(latent, posterior, shape, extra))
    joined = Join(flat, extra) if extra else None
    largest = (net.widths[0], *grids[0])
    pixels = conditional(likelihood, net.readout(shape), given=largest, event=shape)
    return HierarchicalVAE(LadderPrior(prior, path, joined), posterior, pixels)
