"""Small architectures of sequences, and rows of tokens for them."""

import itertools

import torch

from vaekit.distributions.tokens import BOS, EOS, PAD
from vaekit.nets import CausalConv, Recurrent, SequenceTask, Transformer

VOCABULARY, LENGTH = 20, 9

SPECS = [
    Recurrent(embedding=12, hidden=16),
    Recurrent(kind="gru", embedding=12, hidden=16, layers=2, bidirectional=False),
    Transformer(width=16, heads=2),
    Transformer(width=16, heads=2, inject="embedding"),
    CausalConv(width=16, dilations=(1, 2)),
]
TASKS = [
    SequenceTask(vocabulary=VOCABULARY, given=given, length=LENGTH, skip=skip, tie=tie)
    for given, skip, tie in itertools.product((0, 8), (False, True), (False, True))
]


def name(value):
    """Return how pytest names a case."""
    chosen = [f"{key}={field}" for key, field in value if key in ("kind", "inject", "given", "skip", "tie")]
    return " ".join(chosen)


def decoder(spec, task, **changes):
    """Return a decoder with other weights than those of the start, in evaluation."""
    net = spec.decoder(task.replace(**changes))
    with torch.no_grad():
        for parameter in net.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return net.eval()


def rows(count=6):
    """Return texts of every length, `(N, T)`: ordinary tokens, the end, pads."""
    x = torch.randint(EOS + 2, VOCABULARY, (count, LENGTH))
    for i, row in enumerate(x):
        row[i + 1 :] = PAD
        row[min(i, LENGTH - 1)] = EOS
    return x


def read(x):
    """Return what a decoder reads to predict texts."""
    return torch.cat([torch.full((len(x), 1), BOS), x[:, :-1]], 1)


def given(task, count=6):
    """Return latents `(N, D)`."""
    return torch.randn(count, task.given)
