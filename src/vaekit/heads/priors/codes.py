"""Priors over the codes of a vector-quantised posterior; both read its codebook and own none."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from torch import Size as Shape, Tensor, nn
from torch.distributions import Distribution

from vaekit.distributions import CodeVectors, temper, uniform_codes
from vaekit.heads.layers import Heads
from vaekit.heads.priors.prior import Prior, Site
from vaekit.heads.quantized import Codebook, VectorQuantizer
from vaekit.nets import linear_head

__all__ = ["Autoregressive", "CausalCodes", "CodePrior", "CodeSequence", "UniformCodes"]


class UniformCodes(Prior):
    """Every code as probable as any other: the rate is latent x log K nats, whatever the datum."""

    kind: Literal["uniform_codes"] = "uniform_codes"

    support = "codes"

    def build(self, site: Site) -> nn.Module:
        """Return the module; a context leaves it as it is."""
        return CodePrior(_codebook(site), site.event[0])


class Autoregressive(Prior):
    r"""Codes that depend on those before them, :math:`p(c) = \prod_l p(c_l \mid c_{<l})`, by a gated recurrent unit.

    It is trained together with the rest, and the rest takes no notice of it: codes pass no gradient.

    References:
        van den Oord, Vinyals and Kavukcuoglu, 2017, "Neural discrete representation learning" (a prior over codes); Cho
        et al., 2014, "Learning phrase representations using RNN encoder-decoder" (the unit).
    """

    kind: Literal["autoregressive"] = "autoregressive"
    units: Annotated[int, Field(ge=1)] = 128
    """Units of the recurrent state, and length of the embedding of a code."""

    support = "codes"

    def build(self, site: Site) -> nn.Module:
        """Return the module; it begins as the uniform prior."""
        codebook = _codebook(site)
        return CodePrior(codebook, site.event[0], CausalCodes(len(codebook.use), self.units, site.context))


class CodePrior(nn.Module):
    """p(z) over vectors of a codebook that belongs to a posterior.

    Args:
        codebook: The codebook; it stays with the posterior, which saves, moves and trains it.
        length: L, the number of codes.
        net: Gives the logits of each code from those before it; None where all codes are equally probable.
    """

    def __init__(self, codebook: Codebook, length: int, net: CausalCodes | None = None) -> None:
        super().__init__()
        self._codebook, self.length, self.net = (codebook,), length, net  # in a tuple it is not registered twice

    def forward(self, *context: Tensor) -> CodeVectors:
        """Return the prior, with an empty batch shape, or `(B,)` where it depends on a context."""
        vectors = self._codebook[0].vectors
        if self.net is None:
            return uniform_codes(vectors, self.length)
        return CodeVectors(CodeSequence(self.net, self.length, context), vectors)


class CausalCodes(nn.Module):
    """A gated recurrent unit that predicts each code from those before it; it begins at the uniform distribution.

    Args:
        codes: K.
        hidden: Units of the state.
        context: Length of the context vector that the state begins from; 0 for none.
    """

    def __init__(self, codes: int, hidden: int, context: int = 0) -> None:
        super().__init__()
        self.begin = codes  # one more token, which stands before the first
        self.embedding = nn.Embedding(codes + 1, hidden)
        self.unit = nn.GRU(hidden, hidden, batch_first=True)
        self.heads = Heads({"logits": (codes,)}, functools.partial(linear_head, (hidden,)), {"logits": 0.0})
        self.state = nn.Linear(context, hidden) if context else None

    def forward(self, before: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits `(N, L, K)` and the new state, from the tokens `(N, L)` before each place and a state."""
        with torch.autocast(before.device.type, enabled=False):
            hidden, state = self.unit(self.embedding(before), state)
            return self.heads(hidden.flatten(0, 1))["logits"].unflatten(0, before.shape), state

    def start(self, rows: int, *context: Tensor) -> tuple[Tensor, Tensor]:
        """Return the token and the state that stand before the first place, `(N, 1)` and `(1, N, hidden)`."""
        weight = self.embedding.weight
        state = weight.new_zeros(rows, weight.shape[1]) if self.state is None else self.state(context[0]).to(weight)
        return torch.full((rows, 1), self.begin, device=weight.device), state.unsqueeze(0)


class CodeSequence(Distribution):
    r"""Codes that depend on those before them: :math:`p(c) = \prod_l p(c_l \mid c_{<l})`.

    Args:
        net: Gives the logits of each place.
        length: L.
        context: What all is conditioned on, at most one tensor `(B, C)`; the batch shape is then `(B,)`.
        temperature: Divides the logits of every place.

    Examples:
        >>> codes = CodeSequence(CausalCodes(8, 4), 3)
        >>> codes.log_prob(codes.sample((5,))).shape
        torch.Size([5])
    """

    arg_constraints = {}  # noqa: RUF012 (the contract of torch.distributions)

    def __init__(
        self, net: CausalCodes, length: int, context: tuple[Tensor, ...] = (), temperature: float = 1.0
    ) -> None:
        self.net, self.context, self.temperature = net, context, temperature
        super().__init__(context[0].shape[:1] if context else Shape(), Shape((length,)), validate_args=False)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the log-probability in nats of codes `(*S, B, L)`, all places at once."""
        lead = torch.broadcast_shapes(value.shape[:-1], self.batch_shape)
        codes = value.expand(lead + self.event_shape).reshape(-1, *self.event_shape)
        first, state = self._start(lead)
        logits, _ = self.net(torch.cat([first, codes[:, :-1]], 1), state)
        terms = (logits / self.temperature).log_softmax(-1).gather(-1, codes.unsqueeze(-1))
        return terms.sum((-1, -2)).view(lead)

    def sample(self, sample_shape: Any = Shape()) -> Tensor:  # noqa: B008
        """Return codes `(*S, B, L)`, drawn from left to right."""
        return self._decoded(Shape(sample_shape) + self.batch_shape, lambda p: p.multinomial(1))

    @property
    def mode(self) -> Tensor:
        """The most probable code of each place, given those chosen before."""
        return self._decoded(self.batch_shape, lambda p: p.argmax(-1, keepdim=True))

    @torch.no_grad()
    def _decoded(self, lead: Shape, choose: Callable[[Tensor], Tensor]) -> Tensor:
        code, state = self._start(lead)
        codes = []
        for _ in range(self.event_shape[0]):
            logits, state = self.net(code, state)
            code = choose((logits[:, 0] / self.temperature).softmax(-1))
            codes.append(code)
        return torch.cat(codes, 1).view(lead + self.event_shape)

    def _start(self, lead: Shape) -> tuple[Tensor, Tensor]:
        rows = (c.expand(*lead, c.shape[-1]).reshape(-1, c.shape[-1]) for c in self.context)
        return self.net.start(lead.numel(), *rows)


@temper.register
def _(distribution: CodeSequence, temperature: float) -> CodeSequence:
    length = distribution.event_shape[0]
    return CodeSequence(distribution.net, length, distribution.context, distribution.temperature * temperature)


def _codebook(site: Site) -> Codebook:
    if not isinstance(site.posterior, VectorQuantizer):
        raise ValueError("a prior over codes needs the codebook of its posterior; use posterior=vq")
    return site.posterior.codebook
