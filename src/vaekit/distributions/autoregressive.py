"""Distributions over texts: each token depends on those before it."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
import torch.nn.functional as F
from torch import Size, Tensor
from torch.distributions import Distribution, constraints

from vaekit.distributions.beam import beam_search
from vaekit.distributions.causal import Causal, opened
from vaekit.distributions.decoding import Decoding, generate
from vaekit.distributions.point import point
from vaekit.distributions.temperature import temper
from vaekit.distributions.tokens import BOS, EOS, PAD

__all__ = ["Autoregressive"]

_SCORES = 2**24  # logits held at a time where there is no graph: 64 MB


class Autoregressive(Distribution):
    r"""Texts of at most T tokens: :math:`p(x \mid z) = \prod_t p(x_t \mid x_{<t}, z)`.

    A text is a row of token ids: its tokens, EOS, then PAD. A row without EOS is the event that a text BEGINS with its
    tokens; so the probabilities of all rows that end or have T tokens sum to 1 exactly. Nothing counts after the end,
    PAD and BOS have no probability, and UNK is a token like any other.

    The net is read only when asked: by `log_prob` all places at once, each given the true tokens before it; by `sample`
    and `decode` token after token. It runs in the precision of autocast at the time this object was made; its logits are
    normalised in single precision or better.

    Args:
        net: Predicts each token from those before it.
        z: What the texts are conditioned on, `(*S, B, D)`; D may be 0.
        length: T.
        temperature: Divides the logits.
    """

    arg_constraints = {}  # noqa: RUF012 (the contract of torch.distributions)
    support = constraints.independent(constraints.nonnegative_integer, 1)

    def __init__(self, net: Causal, z: Tensor, length: int, *, temperature: float = 1.0) -> None:
        self.net, self.z, self.temperature = net, z, temperature
        device = z.device.type
        self._half = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else None
        super().__init__(z.shape[:-1], Size((length,)), validate_args=False)

    @property
    def mean(self) -> Tensor:
        """None: texts cannot be averaged."""
        raise NotImplementedError("texts have no mean; point() returns the greedy text, decode() one of your choice")

    def expand(self, batch_shape: Any, _instance: Any = None) -> Autoregressive:
        """Return the distribution with its batch shape expanded."""
        return self._with(self.z.expand(*batch_shape, self.z.shape[-1]), self.temperature)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the log-probability in nats of texts `(*S, B, T)`, whose batch axes broadcast with those of z.

        Raises:
            ValueError: The rows are longer than T.
        """
        return self.terms(value).sum(-1)

    def terms(self, value: Tensor) -> Tensor:
        r"""Return :math:`\log p(x_t \mid x_{<t}, z)` in nats, `(*S, B, T)`: 0 after the end."""
        self._check(value)
        counted = _counted(value)
        # Rows are as long as the longest text asks for, and one place at least.
        longest = max(1, int(counted.reshape(-1, counted.shape[-1]).any(0).sum()))
        x = value[..., :longest].long()
        shape = Size((*torch.broadcast_shapes(x.shape[:-1], self.batch_shape), longest))
        read = F.pad(x[..., :-1], (1, 0), value=BOS).expand(shape).reshape(-1, longest)
        with self._autocast():
            features = self.net.features(read, self._rows(shape[:-1]))
        counted = counted[..., :longest].expand(shape)
        found = self._targets(features.flatten(0, 1), counted.flatten().nonzero()[:, 0], x.expand(shape)[counted])
        terms = found.new_zeros(shape).masked_scatter(counted, found)
        return F.pad(terms, (0, value.shape[-1] - longest))

    def sample(self, sample_shape: Any = Size()) -> Tensor:  # noqa: B008
        """Return texts `(*S, B, T)` drawn from the very distribution that `log_prob` is of."""
        return self.expand(Size(sample_shape) + self.batch_shape).decode(Decoding(unknown=True))

    @torch.no_grad()
    def decode(self, decoding: Decoding, generator: torch.Generator | None = None) -> Tensor:
        """Return one text per z, `(*S, B, T)`, written until all have ended.

        Args:
            decoding: How; its temperature multiplies that of the distribution.
            generator: The source of the draws, on the device of z; torch's own where there is none.
        """
        decoding = dataclasses.replace(decoding, temperature=decoding.temperature * self.temperature)
        z, length = self._rows(self.batch_shape), self.event_shape[0]
        with self._autocast():
            if decoding.mode == "beam":
                rows = beam_search(self.net, z, length, decoding)
            else:
                rows = generate(self.net, z, length, decoding, generator)
        return rows.view(self.batch_shape + self.event_shape)

    def _with(self, z: Tensor, temperature: float) -> Autoregressive:
        made = Autoregressive(self.net, z, self.event_shape[0], temperature=temperature)
        made._half = self._half
        return made

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.z.device.type, self._half, enabled=self._half is not None)

    def _rows(self, batch: Size) -> Tensor:
        """Return z for each datum of a batch, `(N, D)`."""
        return self.z.expand(*batch, self.z.shape[-1]).reshape(batch.numel(), self.z.shape[-1])

    def _targets(self, features: Tensor, places: Tensor, targets: Tensor) -> Tensor:
        """Return log p of the target at each place that counts; the output layer sees no other."""
        many = len(places) if torch.is_grad_enabled() else _SCORES // self.net.vocabulary
        parts = zip(places.split(max(1, many)), targets.split(max(1, many)), strict=True)
        return torch.cat([self._chosen(features.index_select(0, part), target) for part, target in parts])

    def _chosen(self, features: Tensor, targets: Tensor) -> Tensor:
        with self._autocast():
            logits = self.net.logits(features)
        return -F.cross_entropy(opened(logits, self.temperature), targets, reduction="none")

    def _check(self, value: Tensor) -> None:
        if not 0 < value.shape[-1] <= self.event_shape[0]:
            raise ValueError(
                f"texts must be rows of 1 to {self.event_shape[0]} token ids, got a tensor {tuple(value.shape)}; "
                "cut them to the length that the model was made for"
            )


def _counted(x: Tensor) -> Tensor:
    """Whether each place holds a token or the end: up to EOS or, where there is none, to the first PAD."""
    last = (x == EOS) | (x == PAD)
    return (last.cumsum(-1) - last.long() == 0) & (x != PAD)


@point.register
def _(distribution: Autoregressive) -> Tensor:
    return distribution.decode(Decoding(mode="greedy"))


@temper.register
def _(distribution: Autoregressive, temperature: float) -> Autoregressive:
    return distribution._with(distribution.z, distribution.temperature * temperature)
