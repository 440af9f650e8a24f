"""A net small enough that all texts can be written down, and all texts."""

import itertools

import torch
from torch import nn

from vaekit.distributions import EOS, PAD, UNK, Autoregressive


class Toy(nn.Module):
    """A plain recurrent net over a few tokens; its weights are large enough that all it has read and z matter."""

    def __init__(self, vocabulary=6, width=3, hidden=8, sharpness=3.0):
        super().__init__()
        self.vocabulary, self.sharpness = vocabulary, sharpness
        self.start = nn.Parameter(torch.randn(width, hidden))
        self.embedding = nn.Parameter(torch.randn(vocabulary, hidden))
        self.recurrence = nn.Parameter(torch.randn(hidden, hidden))
        self.out = nn.Linear(hidden, vocabulary)

    def features(self, tokens, z):
        state, features = self.begin(z), []
        for token in tokens.unbind(1):
            state = self._read(token, state)
            features.append(*state)
        return torch.stack(features, 1)

    def logits(self, features):
        return self.sharpness * self.out(features)

    def begin(self, z):
        return ((z @ self.start).tanh(),)

    def step(self, token, state):
        state = self._read(token, state)
        return self.logits(*state), state

    def _read(self, token, state):
        return ((self.embedding[token] + state[0] @ self.recurrence).tanh(),)


def toy(batch=(), length=3, dtype=torch.float64, **choices):
    """Return a distribution over texts of at most `length` tokens."""
    net = Toy(**choices).to(dtype)
    return Autoregressive(net, torch.randn(*batch, len(net.start), dtype=dtype), length)


def every_text(vocabulary=6, length=3, unknown=True):
    """Return all rows that end, and all that are cut."""
    tokens = [token for token in range(UNK, vocabulary) if unknown or token != UNK]
    rows = [
        [*text, EOS, *[PAD] * (length - size - 1)]
        for size in range(length)
        for text in itertools.product(tokens, repeat=size)
    ]
    return torch.tensor([*rows, *map(list, itertools.product(tokens, repeat=length))])
