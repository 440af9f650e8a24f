"""How a text is written once its distribution is known: drawn, or the most probable token after token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from vaekit.distributions.causal import Causal, opened
from vaekit.distributions.tokens import BOS, EOS, PAD, UNK
from vaekit.errors import real, whole

__all__ = ["Decoding", "choose", "generate", "shortlist"]

Mode = Literal["greedy", "sample", "beam"]
_BEAMS = 1000  # the most


@dataclass(frozen=True)
class Decoding:
    r"""How to write a text.

    Greedy takes the most probable token each time; sampling draws it; beam search looks for the text of the largest
    :math:`\log p(x \mid z) / |x|^\alpha`, where :math:`|x|` counts the tokens and the end. Dividing by the length itself
    (:math:`\alpha = 1`) is as old as neural translation; Wu et al. 2016 divide by :math:`((5 + |x|) / 6)^\alpha`.

    References:
        Fan, Lewis and Dauphin, 2018, "Hierarchical neural story generation" (`top_k`); Holtzman, Buys, Du, Forbes and
        Choi, 2020, "The curious case of neural text degeneration" (`top_p`); Cho, van Merrienboer, Bahdanau and Bengio,
        2014, "On the properties of neural machine translation: encoder-decoder approaches" (the length penalty).

    Args:
        mode: "greedy", "sample" or "beam".
        temperature: Divides the logits: below 1 safer, above 1 bolder.
        top_k: Draw from that many tokens at most, the most probable ones; None for all.
        top_p: Draw from the smallest set of tokens that holds this mass, after `top_k`; None for all.
        beams: K, how many beginnings beam search keeps.
        length_penalty: :math:`\alpha`; 0 looks for the most probable text, more favors longer ones.
        unknown: Whether UNK may be written.

    Examples:
        >>> Decoding(top_p=0.9, temperature=0.8).mode
        'sample'
    """

    mode: Mode = "sample"
    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    beams: int = 5
    length_penalty: float = 0.0
    unknown: bool = False

    def __post_init__(self) -> None:
        if self.mode not in get_args(Mode):
            raise ValueError(f"mode must be greedy, sample or beam, got {self.mode!r}")
        if real("temperature", self.temperature) <= 0:
            raise ValueError(
                f"temperature must be positive, got {self.temperature}; for the limit of 0 use mode=greedy"
            )
        if self.top_k is not None:
            whole("top_k", self.top_k)
        if self.top_p is not None and not 0 < real("top_p", self.top_p) <= 1:
            raise ValueError(
                f"top_p must be above 0 and at most 1, got {self.top_p}; leave it out to draw from all tokens"
            )
        if self.mode != "sample" and (self.top_k is not None or self.top_p is not None):
            raise ValueError(
                f"top_k and top_p choose what is drawn, but mode={self.mode} draws nothing; use mode=sample"
            )
        whole("beams", self.beams, most=_BEAMS)
        if real("length_penalty", self.length_penalty) < 0:
            raise ValueError(f"length_penalty must be 0 or more, got {self.length_penalty}; 0 leaves lengths alone")


def generate(
    net: Causal, z: Tensor, length: int, decoding: Decoding, generator: torch.Generator | None = None
) -> Tensor:
    """Return one text per row of z, from left to right; the net reads every token once.

    Args:
        net: Predicts each token from those before it.
        z: What the texts are conditioned on, `(N, D)`.
        length: T, after which a text is cut.
        decoding: Greedy or sampling.
        generator: The source of the draws.

    Returns:
        Token ids `(N, T)`, with PAD after EOS.
    """
    token = torch.full((len(z),), BOS, device=z.device)
    rows = token.new_full((len(z), length), PAD)
    ended = torch.zeros_like(token, dtype=torch.bool)
    state = net.begin(z)
    for t in range(length):
        logits, state = net.step(token, state)
        token = choose(logits, decoding, generator)
        rows[:, t] = token.masked_fill(ended, PAD)
        ended = ended | (token == EOS)
        if ended.all():
            break
    return rows


def choose(logits: Tensor, decoding: Decoding, generator: torch.Generator | None = None) -> Tensor:
    """Return one token per row, drawn or the most probable one, from logits `(N, V)`."""
    scores = opened(logits, decoding.temperature)
    if not decoding.unknown:
        scores[:, UNK] = -torch.inf
    if decoding.mode == "greedy":
        return scores.argmax(-1)
    if decoding.top_k is None and decoding.top_p is None:
        return _drawn(scores, generator)
    mass, tokens = shortlist(scores, decoding.top_k, decoding.top_p)
    return tokens.gather(-1, _drawn(mass.log(), generator).unsqueeze(-1)).squeeze(-1)


def shortlist(scores: Tensor, top_k: int | None = None, top_p: float | None = None) -> tuple[Tensor, Tensor]:
    """Return the probabilities of the tokens that may be drawn and those tokens, the most probable ones first.

    Args:
        scores: Logits `(..., V)`.
        top_k: How many there are at most.
        top_p: The mass that the smallest set has to hold, after `top_k`; at least one token stays.

    Returns:
        Mass, 0 of tokens left out and not normalised again, and tokens, both `(..., min(V, top_k))`.

    Examples:
        >>> mass, tokens = shortlist(torch.tensor([0.2, 0.5, 0.3]).log(), top_p=0.6)
        >>> mass, tokens
        (tensor([0.5000, 0.3000, 0.0000]), tensor([1, 2, 0]))
    """
    values, tokens = scores.topk(min(top_k or scores.shape[-1], scores.shape[-1]))
    mass = values.softmax(-1)
    if top_p is not None and top_p < 1:
        before = F.pad(mass.cumsum(-1)[..., :-1], (1, 0))
        mass = mass.masked_fill(before >= top_p, 0.0)
    return mass, tokens


def _drawn(scores: Tensor, generator: torch.Generator | None) -> Tensor:
    """Return one draw per row of logits: the largest, Gumbel noise added; a fourth of the time of `multinomial`."""
    uniform = torch.rand(scores.shape, dtype=scores.dtype, device=scores.device, generator=generator)
    return (scores - (-uniform.log()).log()).argmax(-1)
