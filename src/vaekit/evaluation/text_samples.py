"""Quality of generated texts: do they read like real ones, and is the variety of real ones among them?"""

from __future__ import annotations

import random
from collections.abc import Hashable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch

from vaekit.errors import NotApplicable
from vaekit.evaluation.ngrams import NGrams, Texts
from vaekit.evaluation.perplexity import Perplexity, perplexity
from vaekit.evaluation.text_overlap import distinct, self_bleu

__all__ = ["TextMeasures", "TextQuality", "text_quality"]

_SELF_BLEU = 500  # texts compared with each other: what self-BLEU is grows with their number


@dataclass(frozen=True)
class TextMeasures:
    """What is measured of a set of texts.

    Args:
        forward_perplexity: Of these texts under an n-gram model of the training texts: low where they are fluent, and
            lowest where they always say the commonest thing.
        reverse_perplexity: Of real texts under an n-gram model of these: high where they lack what real texts have.
        distinct_1: Different tokens over all tokens.
        distinct_2: Different pairs of neighbors over all tokens.
        self_bleu: Mean BLEU-4 of a text with the others as references: high where they repeat each other.
        mean_length: Mean number of tokens of a text, its end not counted.
        copies: Share that are training texts, token by token.
        duplicates: Share that repeat one before them.
    """

    forward_perplexity: Perplexity
    reverse_perplexity: Perplexity
    distinct_1: float
    distinct_2: float
    self_bleu: float
    mean_length: float
    copies: float
    duplicates: float


@dataclass(frozen=True)
class TextQuality:
    """How a set of generated texts compares with real ones, which are measured alike as the yardstick.

    Args:
        generated: Of the samples.
        real: Of as many real texts as are held out, against as many as were trained on, both of a random split of all. In a
            split by content equal texts share a part: texts held out so are never copies, as some of any real sample are.
            For the reverse perplexity those against which they are measured stand in for the samples.
        order: Order of the n-gram models.
        n: Number of texts whose distinct tokens and duplicates are counted, the same on both sides, as both depend on it.
        compared: Number of those that self-BLEU compares with each other.
        counted: Number of texts that the models of the reverse perplexity are made of, the same on both sides.
        train: Number of training texts.
    """

    generated: TextMeasures
    real: TextMeasures
    order: int
    n: int
    compared: int
    counted: int
    train: int

    def summary(self) -> dict[str, Any]:
        """Return plain numbers, ready for JSON."""
        return asdict(self)


def text_quality(real: Texts, generated: Texts, *, train: Texts, order: int = 5, seed: int = 0) -> TextQuality:
    """Compare generated texts with real ones, and with those that the model was trained on.

    No number suffices alone: a model that always says one good sentence has the best forward perplexity, and one that throws
    dice the best self-BLEU. Samples are as good as they can be where they measure like the real texts beside them, with no
    more copies. All n-gram models know the tokens of the training texts and no other; so their perplexities compare.

    References:
        Zhao, Kim, Zhang, Rush and LeCun, 2018, "Adversarially regularized autoencoders" (forward and reverse perplexity);
        Zhu, Lu, Zheng, Guo, Zhang, Wang and Yu, 2018, "Texygen: a benchmarking platform for text generation models".

    Args:
        real: Real texts that the model was not trained on, as sequences of tokens without begin and end.
        generated: Samples.
        train: The texts that the model was trained on.
        order: Order of the n-gram models.
        seed: Seed of the choice where one side has more texts than counted or compared.

    Raises:
        NotApplicable: There are no training texts, or fewer than two real texts or samples.

    Examples:
        >>> train = ["anna", "hanna", "annika", "nina"]
        >>> quality = text_quality(["hanna", "ann"], ["anna", "anna"], train=train, order=2)
        >>> quality.generated.copies, quality.generated.duplicates, quality.real.copies
        (1.0, 0.5, 0.5)
    """
    if not len(train) or min(len(real), len(generated)) < 2:
        raise NotApplicable(
            f"text_quality needs training texts, and two texts to compare on both sides, got {len(train)}, "
            f"{len(real)} real and {len(generated)} generated"
        )
    n, counted = min(len(real), len(generated)), min(len(generated), len(train))
    vocabulary = dict.fromkeys(token for text in train for token in text)
    again = _some([*train, *real], len(train) + len(real), seed)
    known, others = again[: len(train)], again[len(train) :]

    def measures(texts: Texts, known: Texts, models: Texts, judged: Texts) -> TextMeasures:
        forward, seen = NGrams(order).fit(known, vocabulary), {tuple(text) for text in known}
        reverse = NGrams(order).fit(_some(models, counted, seed), vocabulary)
        chosen = _some(texts, n, seed)
        return TextMeasures(
            forward_perplexity=_perplexity(forward, texts),
            reverse_perplexity=_perplexity(reverse, judged),
            distinct_1=distinct(chosen, 1),
            distinct_2=distinct(chosen, 2),
            self_bleu=self_bleu(chosen[:_SELF_BLEU]),
            mean_length=sum(map(len, texts)) / len(texts),
            copies=sum(tuple(text) in seen for text in texts) / len(texts),
            duplicates=1 - len({tuple(text) for text in chosen}) / n,
        )

    return TextQuality(
        generated=measures(generated, train, generated, real),
        real=measures(others, known, known, others),
        order=order,
        n=n,
        compared=min(n, _SELF_BLEU),
        counted=counted,
        train=len(train),
    )


def _perplexity(model: NGrams, texts: Texts) -> Perplexity:
    return perplexity(-model.log_prob(texts), torch.tensor([len(text) + 1 for text in texts]))


def _some(texts: Texts, n: int, seed: int) -> list[Sequence[Hashable]]:
    """Return n of the texts, drawn without replacement, in random order: the first ones may belong together."""
    return random.Random(seed).sample(list(texts), n)
