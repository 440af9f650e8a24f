"""Decoders of sequences: nets whose output at a position sees the tokens up to it, and a latent.

This is the part that all of them share: the embedding of tokens, their corruption in training, and the logits.
An architecture (`Recurrent`, `Transformer`, `CausalConv`) adds the hidden states, all at once or step by step.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from vaekit.distributions.causal import State
from vaekit.distributions.tokens import BOS, PAD, UNK
from vaekit.nets.embedding import embed, uniform
from vaekit.schedules import Constant, Schedule
from vaekit.value import Value

__all__ = ["CausalNet", "SequenceTask", "State", "joined", "word_dropout"]

_START = 0.3
"""Logits of features of order one start with about this spread over sqrt(3): all but uniform."""


class SequenceTask(Value):
    """The task of a decoder of sequences: its vocabulary, the vector that is given, and measures that make it use that vector.

    Examples:
        >>> SequenceTask(vocabulary=30, given=8, length=12).teacher_forcing.at(100)
        1.0
    """

    vocabulary: Annotated[int, Field(ge=4)]
    """Number of tokens, the four special ones included."""
    given: Annotated[int, Field(ge=0)]
    """Length of the vector z, its context included; 0 makes a plain language model."""
    length: Annotated[int, Field(ge=1)]
    """Most tokens in a row."""
    tie: bool = False
    """One matrix embeds the tokens and predicts them."""
    skip: bool = False
    """z also reaches the output layer directly."""
    word_dropout: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of the tokens read in training that is replaced by the unknown token."""
    teacher_forcing: Schedule = Constant()
    """Share of the tokens read in training that is the data's own; the rest are the net's predictions."""


class CausalNet(nn.Module, ABC):
    r"""Features :math:`f_t = f(x_{<t}, z)`, and logits of the token at t that are linear in them.

        tokens (N, T), z (N, D) -> [corrupt, in training] -> embed -> hidden (N, T, H) -> [skip: join z] -> features (N, T, F)

    In training mode a share of the tokens READ is replaced, never those to be predicted: by the net's own predictions
    (scheduled sampling, in one parallel pass without a gradient), and by the unknown token (word dropout). The first
    token and the pads stay. In evaluation nothing is replaced, and `step` never replaces anything.

    References:
        Bowman, Vilnis, Vinyals, Dai, Jozefowicz and Bengio, 2016, "Generating sentences from a continuous space" (word
        dropout); Bengio, Vinyals, Jaitly and Shazeer, 2015, "Scheduled sampling for sequence prediction with recurrent
        neural networks"; Mihaylova and Martins, 2019, "Scheduled sampling for transformers" (its parallel form); Press
        and Wolf, 2017, "Using the output embedding to improve language models" (tying, with a projection); Dieng, Kim,
        Rush and Blei, 2019, "Avoiding latent variable collapse with generative skip models" (skip).

    Args:
        task: What the net is for.
        embedding: Width of a token's embedding.
        hidden: H.
    """

    seen: Tensor
    """How often the net was run in training: the step of the teacher-forcing schedule."""

    def __init__(self, task: SequenceTask, embedding: int, hidden: int) -> None:
        super().__init__()
        self.task, self.vocabulary = task, task.vocabulary
        self.embedding = uniform(nn.Embedding(task.vocabulary, embedding))
        features = hidden + (task.given if task.skip else 0)
        # With tied weights features become an embedding, and logits are its products with every token's own.
        self.output = uniform(
            nn.Linear(features, embedding if task.tie else task.vocabulary, bias=not task.tie), _START
        )
        self.bias = nn.Parameter(torch.zeros(task.vocabulary)) if task.tie else None
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))

    def features(self, tokens: Tensor, z: Tensor) -> Tensor:
        """Return features `(N, T, F)`; position t sees `tokens[:, :t + 1]` and z, and predicts token t + 1.

        Args:
            tokens: The tokens read, `(N, T)` int64, the first of them BOS.
            z: What is given, `(N, D)`.
        """
        if self.training:
            tokens = self._corrupted(tokens, z)
            self.seen += 1
        return self._features(tokens, z)

    def logits(self, features: Tensor) -> Tensor:
        """Return the logits `(..., V)` of features `(..., F)`."""
        out = self.output(features)
        return out if self.bias is None else F.linear(out, self.embedding.weight, self.bias)

    def begin(self, z: Tensor) -> State:
        """Return the state before any token is read, given z `(N, D)`."""
        return (z, *self._begin(z))

    def step(self, token: Tensor, state: State) -> tuple[Tensor, State]:
        """Read one token `(N,)` and return the logits of the next, `(N, V)`, with the new state."""
        z, *past = state
        hidden, future = self._next(embed(self.embedding, token), z, tuple(past))
        return self.logits(self._skipped(hidden, z)), (z, *future)

    @abstractmethod
    def _hidden(self, embedded: Tensor, z: Tensor) -> Tensor:
        """Return the hidden states `(N, T, H)` of embedded tokens `(N, T, E)`."""

    @abstractmethod
    def _begin(self, z: Tensor) -> State:
        """Return the state before any token is read, but for z."""

    @abstractmethod
    def _next(self, embedded: Tensor, z: Tensor, past: State) -> tuple[Tensor, State]:
        """Return the hidden state `(N, H)` after one more embedded token `(N, E)`, and the new state but for z."""

    def _skipped(self, hidden: Tensor, z: Tensor) -> Tensor:
        return joined(hidden, z) if self.task.skip else hidden

    def _features(self, tokens: Tensor, z: Tensor) -> Tensor:
        return self._skipped(self._hidden(embed(self.embedding, tokens), z), z)

    def _corrupted(self, tokens: Tensor, z: Tensor) -> Tensor:
        schedule = self.task.teacher_forcing
        # A constant has no steps: reading the counter would only hold up the device.
        ratio = schedule.at(int(self.seen) if schedule.end else 0)
        if ratio < 1:
            tokens = self._predicted(tokens, z, _chosen(tokens, 1 - ratio))
        return word_dropout(tokens, self.task.word_dropout) if self.task.word_dropout else tokens

    @torch.no_grad()
    def _predicted(self, tokens: Tensor, z: Tensor, chosen: Tensor) -> Tensor:
        """Return the tokens, the chosen ones replaced by draws from the net's predictions."""
        features = self._features(tokens, z)[:, :-1][chosen[:, 1:]]
        logits = self.logits(features).float()
        logits[:, [PAD, BOS]] = -torch.inf
        draws = torch.multinomial(logits.softmax(-1), 1) if len(logits) else tokens.new_empty(0, 1)
        return tokens.masked_scatter(chosen, draws)


def joined(h: Tensor, z: Tensor) -> Tensor:
    """Return `(N, F + D)` or, with z at every position, `(N, T, F + D)` from `(N, [T,] F)` and z `(N, D)`."""
    given = z if h.dim() == 2 else z[:, None].expand(-1, h.shape[1], -1)
    return torch.cat([h, given.to(h.dtype)], -1)


def word_dropout(tokens: Tensor, share: float) -> Tensor:
    """Return the tokens, a random share of them replaced by UNK; BOS and PAD stay.

    Examples:
        >>> word_dropout(torch.tensor([[1, 7, 2, 0]]), 1.0)
        tensor([[1, 3, 3, 0]])
    """
    return tokens.masked_fill(_chosen(tokens, share), UNK)


def _chosen(tokens: Tensor, share: float) -> Tensor:
    """Return which tokens to replace: a random share of them, but never BOS or PAD."""
    return (torch.rand(tokens.shape, device=tokens.device) < share) & (tokens != BOS) & (tokens != PAD)
