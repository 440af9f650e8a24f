"""From the description of a hierarchical image VAE to its modules."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from torch import nn

from vaekit.heads import Site, conditional
from vaekit.models import HierarchicalVAE
from vaekit.models.hierarchical_vae import LadderPosterior, LadderPrior
from vaekit.nets import Hierarchical, Join, Standardize, joined_size
from vaekit.nets.hierarchical import posterior_net

if TYPE_CHECKING:
    from vaekit.modalities.image.description import ImageVAE

__all__ = ["hierarchy"]


def hierarchy(description: ImageVAE, net: Hierarchical) -> HierarchicalVAE:
    """Return the model, freshly initialised."""
    shape, extra, latent = (
        description.shape,
        description.context,
        description.posterior.latent_event(description.latent),
    )
    grids, seen = net.ladder(shape), joined_size(shape, extra)
    up = nn.Sequential(Standardize(*description.center_and_spread()), net.up(seen))
    smallest = (net.widths[-1], *grids[-1])
    top = conditional(description.posterior, nn.Identity(), given=smallest, event=latent)
    below = nn.ModuleList(posterior_net(net, place, grids[place]) for place in net.descent())
    posterior = LadderPosterior(up, top, below, Join(shape, extra) if extra else None)
    flat = (math.prod(latent),)
    path = net.down(joined_size(flat, extra)[0], shape)
    prior = description.prior.build(Site(latent, posterior, shape, extra))
    joined = Join(flat, extra) if extra else None
    largest = (net.widths[0], *grids[0])
    likelihood = conditional(description.likelihood, net.readout(shape), given=largest, event=shape)
    return HierarchicalVAE(LadderPrior(prior, path, joined), posterior, likelihood)
