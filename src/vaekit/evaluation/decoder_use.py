"""The use that a decoder makes of its latents: how much likelihood is lost where it gets those of another datum."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from vaekit.models import LatentVariableModel, Trace

__all__ = ["likelihood_drop"]


def likelihood_drop(
    model: LatentVariableModel, x: Tensor, context: tuple[Tensor, ...], draws: Sequence[Sequence[Tensor]]
) -> float:
    r"""Return :math:`E[\log p(x \mid z)] - E[\log p(x \mid z')]` in nats per datum, z' drawn for another datum.

    Where p(x | z) is the exact inverse of q(z | x), it is the mutual information of x and z plus their lautum information. A
    decoder that reads nothing loses nothing, whatever rate is paid.

    References:
        Palomar and Verdu, 2008, "Lautum information".

    Args:
        model: The model, inside `evaluating`.
        x: Prepared data in random order, `(N, *event)`; two at least.
        context: What they are conditioned on, tensors `(N, C)`.
        draws: For each draw the latents of each group, `(1, N, *event)`.
    """
    drops = []
    for k, own in enumerate(draws):
        # A shift by 1, 2, ... of data in random order is a random permutation without fixed points.
        foreign = [z.roll(1 + k % (len(x) - 1), 1) for z in own]
        kept, lost = (Trace(x, model.decode(*z, context=context), ()).log_likelihood.mean() for z in (own, foreign))
        drops.append(kept - lost)
    return torch.stack(drops).mean().item()
