"""The conditional distribution p(x | z) of texts: a causal net, and what it is given."""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn

from vaekit.distributions import Autoregressive
from vaekit.distributions.causal import Causal
from vaekit.heads.features import batch_shape
from vaekit.value import Size

__all__ = ["AutoregressiveConditional"]


class AutoregressiveConditional(nn.Module):
    r"""A module whose `forward` returns a distribution over texts; nothing is computed before it is asked something.

        z (*S, B, *event), context (B, C) -> one vector (*S, B, given) -> net -> p(x | z)

    Latents of several axes become one vector, and the context stands behind it. A net that is given less gets less: a
    `given` of C leaves the latents out, one of 0 all there is, which makes a pure language model of it.

    References:
        Bowman, Vilnis, Vinyals, Dai, Jozefowicz and Bengio, 2016, "Generating sentences from a continuous space".

    Args:
        net: Predicts each token from those before it and a vector (`vaekit.distributions.causal.Causal`).
        given: Length of the vector that the net takes.
        length: T, the number of tokens after which a text is cut.
        event: The shape of one z.

    Examples:
        >>> from vaekit.nets import Recurrent, SequenceTask
        >>> net = Recurrent(embedding=8, hidden=8).decoder(SequenceTask(vocabulary=30, given=4, length=12))
        >>> likelihood = AutoregressiveConditional(net, given=4, length=12, event=(4,))
        >>> likelihood(torch.zeros(2, 5, 4)).sample().shape
        torch.Size([2, 5, 12])
    """

    def __init__(self, net: nn.Module, *, given: int, length: int, event: Size) -> None:
        super().__init__()
        self.net, self.width, self.length, self.event = net, given, length, tuple(event)

    @property
    def given(self) -> Size:
        """The shape of one z."""
        return self.event

    def forward(self, z: Tensor, *context: Tensor) -> Autoregressive:
        """Return the distribution given z.

        Args:
            z: Latents `(*S, B, *event)`.
            context: One tensor `(B, C)` where there is a context.

        Raises:
            ValueError: z is no batch of latents, or the net takes vectors of another length.
        """
        batch = batch_shape(z, self.event)
        parts = [z.flatten(len(batch)), *(c.to(z.dtype).expand(*batch, c.shape[-1]) for c in context)]
        return Autoregressive(cast(Causal, self.net), self._vector(parts), self.length)

    def _vector(self, parts: list[Tensor]) -> Tensor:
        context = sum(part.shape[-1] for part in parts[1:])
        latents = math.prod(self.event)
        if self.width not in (0, context, latents + context):
            raise ValueError(
                f"the net takes vectors of length {self.width}, but there are {latents} latents and a context of length "
                f"{context}; make it for {latents + context}, or for {context} to leave the latents out"
            )
        joined = torch.cat(parts, -1)
        return joined[..., joined.shape[-1] - self.width :]
