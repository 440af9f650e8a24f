"""Vector quantisation: the posterior that sends every datum to vectors of a learned codebook."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from vaekit.distributions import Quantized, nearest_code
from vaekit.heads.conditional import conditional
from vaekit.heads.family import Support
from vaekit.heads.features import Features, OnFeatures
from vaekit.heads.layers import Heads
from vaekit.value import Size, Value

__all__ = ["VQ", "Codebook", "VectorQuantizer"]

_RARE = 0.1  # share of the mean use below which a code is dead
_SWEEPS = 10  # of k-means, at the start
_ENOUGH = 64  # vectors per code that it looks at


class VQ(Value):
    """Each datum becomes `latent` vectors, and each of them the nearest of a codebook, learned by moving averages.

    References:
        van den Oord, Vinyals and Kavukcuoglu, 2017, "Neural discrete representation learning".
    """

    kind: Literal["vq"] = "vq"
    codes: Annotated[int, Field(ge=2, le=2**24)] = 512
    """K, the number of vectors in the codebook."""
    width: Annotated[int, Field(ge=1)] = 16
    """Length of each vector."""
    decay: Annotated[float, Field(ge=0, lt=1)] = 0.99
    """Decay of the moving averages that the codebook is made of."""

    support: ClassVar[Support] = "codes"

    def latent_event(self, latent: int) -> Size:
        """Return `(latent, width)`: the latent variables are the codes."""
        return (latent, self.width)


class Codebook(nn.Module):
    r"""Vectors :math:`e_k` that follow the mean of what is nearest to them; statistics, no weights.

    .. math::
        n_k \leftarrow d\, n_k + (1 - d)\, \tfrac{K}{N} N_k, \qquad
        m_k \leftarrow d\, m_k + (1 - d)\, \tfrac{K}{N} \textstyle\sum_{i \in k} v_i, \qquad e_k = m_k / n_k

    The use :math:`n_k` is 1 on average, whatever the batch; where it falls below 0.1 the code is dead, and comes back as
    one of the current vectors. A decay of 0 is a sweep of k-means.

    References:
        van den Oord, Vinyals and Kavukcuoglu, 2017, "Neural discrete representation learning" (appendix); Dhariwal et
        al., 2020, "Jukebox" (dead codes).

    Args:
        codes: K.
        width: Length of each vector.
    """

    vectors: Tensor
    use: Tensor
    mass: Tensor

    def __init__(self, codes: int, width: int) -> None:
        super().__init__()
        self.register_buffer("vectors", torch.randn(codes, width))
        self.register_buffer("use", torch.ones(codes))
        self.register_buffer("mass", self.vectors.clone())

    def forward(self, vectors: Tensor) -> Tensor:
        """Return the indices `(...)` of the codes nearest to vectors `(..., W)`."""
        return nearest_code(vectors, self.vectors)

    @torch.no_grad()
    def update(self, vectors: Tensor, codes: Tensor, decay: float) -> None:
        """Take vectors `(N, W)` and the codes they went to, `(N,)`, into the averages."""
        vectors = vectors.to(self.mass.dtype)
        share = (1 - decay) * len(self.use) / len(vectors)
        counts = torch.zeros_like(self.use).index_add_(0, codes, torch.ones_like(vectors[:, 0]))
        sums = torch.zeros_like(self.mass).index_add_(0, codes, vectors)
        self.use.mul_(decay).add_(counts, alpha=share)
        self.mass.mul_(decay).add_(sums, alpha=share)
        dead = (self.use < _RARE) & (counts == 0)
        # Drawn whether needed or not: asking would wait for the device.
        fresh = vectors[torch.randint(len(vectors), self.use.shape, device=vectors.device)]
        self.use.masked_fill_(dead, 1.0)
        self.mass.copy_(torch.where(dead.unsqueeze(-1), fresh, self.mass))
        self.vectors.copy_(self.mass / self.use.unsqueeze(-1))

    @torch.no_grad()
    def start(self, vectors: Tensor) -> None:
        """Become the centers of vectors `(N, W)`, or of some of them, by k-means from a random subset."""
        codes = len(self.use)
        vectors = vectors[torch.randperm(len(vectors), device=vectors.device)[: _ENOUGH * codes]]
        self.vectors.copy_(vectors[torch.arange(codes, device=vectors.device) % len(vectors)])
        for _ in range(_SWEEPS):
            self.update(vectors, self(vectors), 0.0)


class VectorQuantizer(OnFeatures):
    """The posterior q(z | x) of a codebook: x -> net -> `(L, W)` vectors -> the nearest codes.

    In training mode every call moves the codebook, like batch norm its statistics, and by detached values.

    Args:
        net: Any module from data to features.
        description: Size and decay of the codebook.
        given: The shape of one datum.
        event: `(L, W)`.
        context: Length of the context vector; 0 for none.
    """

    def __init__(self, net: nn.Module, description: VQ, *, given: Size, event: Size, context: int = 0) -> None:
        super().__init__(Features(net, given, context), event)
        self.decay = description.decay
        self.heads = Heads({"encoded": self.event}, self.features.head)
        self.codebook = Codebook(description.codes, description.width)

    def encode(self, x: Tensor, *context: Tensor) -> Tensor:
        """Return the vectors before quantisation, `(B, L, W)`."""
        return self.heads(self.features(x, *context))["encoded"]

    def initialize(self, x: Tensor, *context: Tensor) -> None:
        """Spread the codebook over the vectors of some data."""
        self.codebook.start(self.encode(x, *context).flatten(0, 1))

    def forward(self, x: Tensor, *context: Tensor) -> Quantized:
        """Return the posterior of data `(B, *given)`."""
        encoded = self.encode(x, *context)
        codes = self.codebook(encoded)
        if self.training:
            # Before the codes are read, so that the prior finds them in the same codebook.
            self.codebook.update(encoded.detach().flatten(0, 1), codes.flatten(), self.decay)
        return Quantized(encoded, codes, self.codebook.vectors[codes])


@conditional.register
def _(description: VQ, net: nn.Module, *, given: Size, event: Size, context: int = 0) -> nn.Module:
    return VectorQuantizer(net, description, given=given, event=event, context=context)
