"""Beam search: the most probable text, looked for among the most probable beginnings."""

from __future__ import annotations

import torch
from torch import Tensor

from vaekit.distributions.causal import Causal, State, opened
from vaekit.distributions.decoding import Decoding
from vaekit.distributions.tokens import BOS, EOS, PAD, UNK

__all__ = ["beam_search"]


def beam_search(net: Causal, z: Tensor, length: int, decoding: Decoding) -> Tensor:
    r"""Return for each row of z the best text found, by :math:`\log p(x \mid z) / |x|^\alpha`.

    Of all continuations of K beginnings, those among the K best that end are texts, and the K best of the others are the
    next beginnings. A row is done once K texts have ended, or once no beginning can lead to a better one. With K = 1 this
    is greedy; with K no less than the number of texts it is exact; in between a larger K is not always better.

    References:
        Sutskever, Vinyals and Le, 2014, "Sequence to sequence learning with neural networks".

    Args:
        net: Predicts each token from those before it.
        z: What the texts are conditioned on, `(N, D)`.
        length: T, after which a text is cut.
        decoding: K, :math:`\alpha`, the temperature, and whether UNK may be written.

    Returns:
        Token ids `(N, T)`, with PAD after EOS.
    """
    beams = _Beams(len(z), length, decoding, z.device)
    state = net.begin(z.repeat_interleave(decoding.beams, 0))
    for t in range(length):
        logits, state = net.step(beams.last(t), state)
        state = beams.advance(t, logits, state)
        if beams.done.all():
            break
    return beams.best


class _Beams:
    """K beginnings per row, `(N, K, T)`, their log-probabilities, `(N, K)`, and the best text so far."""

    def __init__(self, rows: int, length: int, decoding: Decoding, device: torch.device) -> None:
        self.decoding, self.length = decoding, length
        self.tokens = torch.full((rows, decoding.beams, length), PAD, device=device)
        self.scores = torch.full((rows, decoding.beams), -torch.inf, device=device)
        self.scores[:, 0] = 0.0  # all beams begin alike, so that only one of them counts
        self.best = self.tokens[:, 0].clone()
        self.best_score = self.scores.new_full((rows,), -torch.inf)
        self.ended = torch.zeros(rows, dtype=torch.long, device=device)
        self.done = torch.zeros(rows, dtype=torch.bool, device=device)

    def last(self, t: int) -> Tensor:
        """Return the tokens `(N K,)` to read at place t."""
        return self.tokens[..., t - 1].flatten() if t else torch.full_like(self.tokens[..., 0], BOS).flatten()

    def advance(self, t: int, logits: Tensor, state: State) -> State:
        """Continue all beginnings by one token; return the states that belong to the new ones."""
        beams = self.decoding.beams
        scores, parents, tokens = self._ranked(t, logits)
        ended = tokens[..., t] == EOS
        self._finish(t, scores[:, :beams], tokens[:, :beams], ended[:, :beams])
        # Of the 2 K best at most K have ended, so that K remain.
        self.scores, kept = scores.masked_fill(ended, -torch.inf).topk(beams)
        self.tokens = tokens.gather(1, kept.unsqueeze(-1).expand(-1, -1, self.length))
        reachable = self.scores[:, 0] / self.length**self.decoding.length_penalty
        self.done = self.done | (self.ended >= beams) | (self.best_score >= reachable)
        self.scores = self.scores.masked_fill(self.done.unsqueeze(-1), -torch.inf)
        rows = torch.arange(len(kept), device=kept.device).unsqueeze(-1) * beams + parents.gather(1, kept)
        return tuple(part.index_select(0, rows.flatten()) for part in state)

    def _ranked(self, t: int, logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return log-probability, parent and tokens of the 2 K best continuations per row, the best first."""
        terms = opened(logits, self.decoding.temperature).log_softmax(-1)
        if not self.decoding.unknown:
            terms[:, UNK] = -torch.inf
        totals = self.scores.unsqueeze(-1) + terms.unflatten(0, self.scores.shape)
        scores, places = totals.flatten(1).topk(2 * self.decoding.beams)
        parents, token = places // logits.shape[-1], places % logits.shape[-1]
        tokens = self.tokens.gather(1, parents.unsqueeze(-1).expand(-1, -1, self.length))
        tokens[..., t] = token
        return scores, parents, tokens

    def _finish(self, t: int, scores: Tensor, tokens: Tensor, ended: Tensor) -> None:
        """Note the texts that are complete, with an end or cut, and keep the best."""
        complete = (ended | (t + 1 == self.length)) & scores.isfinite()
        score, place = (scores / (t + 1) ** self.decoding.length_penalty).masked_fill(~complete, -torch.inf).max(1)
        better = score > self.best_score
        text = tokens[torch.arange(len(place), device=place.device), place]
        self.best = torch.where(better.unsqueeze(-1), text, self.best)
        self.best_score = torch.where(better, score, self.best_score)
        self.ended = self.ended + complete.sum(1)
