"""Texts: the description of a text VAE, and of the language model that it is compared with; see `choices`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias, cast

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.distributions import Independent, Normal

from vaekit.data import Dataset, TextSchema, text_lengths
from vaekit.distributions import Autoregressive, Decoding, point
from vaekit.distributions.tokens import PAD
from vaekit.errors import NotApplicable, shortened
from vaekit.heads import AutoregressiveConditional, Site, Standard, Vamp, conditional
from vaekit.heads.family import Measure
from vaekit.modalities.condition import conditioned
from vaekit.modalities.description import Description
from vaekit.modalities.view import Pick, Traits, View
from vaekit.models import VAE
from vaekit.nets import CausalConv, Recurrent, SequenceTask, Transformer
from vaekit.schedules import Constant, Schedule

__all__ = ["TextVAE", "TextView"]

TextNet: TypeAlias = Annotated[Recurrent | Transformer | CausalConv, Field(discriminator="kind")]


class TextVAE(Description):
    r"""A VAE for texts: the likelihood is autoregressive, :math:`p(x \mid z) = \prod_t p(x_t \mid x_{<t}, z)`.

        ids (B, T) -> [net's encoder] -> q(z | x) ~> z -> [decoder, reading x_{<t} and z] -> p(x | z), event (T,)

    With `model="lm"` it is the language model of the same decoder: q(z | x) = p(z), z is not read, and every bound is
    the log-likelihood itself.

    References:
        Bowman, Vilnis, Vinyals, Dai, Jozefowicz and Bengio, 2016, "Generating sentences from a continuous space".

    Examples:
        >>> model = TextVAE(vocabulary=30, length=12, latent=4, net=Recurrent(embedding=8, hidden=16))
        >>> model.build().generate(2).shape
        torch.Size([2, 12])
    """

    kind: Literal["text"] = "text"
    vocabulary: Annotated[int, Field(ge=5)]
    """Number of ids, the four special ones included."""
    length: Annotated[int, Field(ge=1)]
    """Tokens of the longest text, its end symbol included."""
    model: Literal["vae", "lm"] = "vae"
    """vae, or lm: the same decoder without z, the language model that a text VAE must beat."""
    recipe: str = "free_bits"
    """The published recipe that keeps the latents in use: vae, anneal, logistic, cyclical, beta, free_bits, pretrain,
    aggressive, batch_norm, delta, skip or bag_of_words."""
    net: TextNet = Recurrent()
    """Architecture of the encoder, and of the decoder unless decoder is set: lstm, gru, transformer or cnn."""
    decoder: TextNet | None = None
    """Architecture of the decoder; null takes that of net."""
    condition: Literal["none", "label"] = "none"
    """The condition of all three parts: nothing, or the class of each text."""
    context: Annotated[int, Field(ge=0)] = 0
    """Length of the context vector: the number of classes."""
    word_dropout: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of the tokens that the decoder reads as unknown in training, so that it has to use z."""
    teacher_forcing: Schedule = Constant()
    """Share of the tokens that the decoder reads from the data in training; it draws the others itself."""
    skip: bool = False
    """Feed z to the output layer as well as to the first state and every input."""
    tie: bool = False
    """Whether the output layer shares the weights of the decoder's embedding."""

    def model_post_init(self, _context: object) -> None:
        """Refuse a prior with learned pseudo-inputs: texts have no gradient."""
        if isinstance(self.prior, Vamp):
            raise ValueError("prior=vamp learns pseudo-inputs by gradient, which tokens have none of; use prior=gmm")

    def build(self) -> VAE:
        """Return the model, freshly initialised."""
        is_lm = self.model == "lm"
        latent = (1,) if is_lm else self.posterior.latent_event(self.latent)
        width = self.context + (0 if is_lm else torch.Size(latent).numel())
        task = SequenceTask(
            vocabulary=self.vocabulary,
            given=width,
            length=self.length,
            tie=self.tie,
            skip=self.skip,
            word_dropout=self.word_dropout,
            teacher_forcing=self.teacher_forcing,
        )
        decoder = (self.decoder or self.net).decoder(task)
        likelihood = AutoregressiveConditional(decoder, given=width, length=self.length, event=latent)
        if is_lm:
            prior = Standard().build(Site(latent, nn.Identity(), (self.length,), self.context))
            return VAE(prior, _Blind(), likelihood)
        encoder = self.net.encoder(self.vocabulary, self.length, self.context)
        posterior = conditional(self.posterior, encoder, given=(self.length,), event=latent, context=self.context)
        return VAE(self.prior.build(Site(latent, posterior, (self.length,), self.context)), posterior, likelihood)

    @property
    def measure(self) -> Measure:
        """Texts are discrete: every bound is one on a probability."""
        return "counting"

    @property
    def likelihood_name(self) -> str:
        """The name of its likelihood in a comparison."""
        return "autoregressive"

    def view(self, schema: TextSchema | None = None) -> TextView:
        """Return how texts enter the model."""
        return TextView(self, schema)

    def check(self, data: Dataset) -> None:
        """Refuse data that are no texts, or have another vocabulary or length.

        Raises:
            ValueError: The data do not fit; the message says what to do.
        """
        schema = data.schema
        if not isinstance(schema, TextSchema):
            raise ValueError("the model is one of texts, but the data are not; give texts, or another model")
        if (schema.vocabulary, schema.length) != (self.vocabulary, self.length):
            raise ValueError(
                f"the model is one of texts with vocabulary={self.vocabulary} and length={self.length}, but the data "
                f"have {schema.vocabulary} and {schema.length}; give TextVAE(vocabulary=, length=) those, or model=None"
            )


@dataclass(frozen=True)
class TextView(View):
    """How texts enter a model: as ids, which the tokenizer of the schema turns back into texts.

    Args:
        model: The description.
        schema: The schema of its data.
    """

    model: TextVAE
    schema: TextSchema | None = None

    @property
    def traits(self) -> Traits:
        """Texts are sequences of tokens; nothing reads the latents of a language model."""
        return Traits(numeric=False, tokens=True, repeats=True, latents=self.model.model != "lm", net=self.model.net)

    def prepare(self, stored: Tensor) -> Tensor:
        """Return ids `(B, T)`, int64."""
        return stored.long()

    def settle(self, data: Dataset) -> Dataset:
        """Return the data with labels as vectors, if the model is conditional on them.

        Raises:
            ValueError: The model is conditional and the data lack labels.
        """
        return conditioned(data, self.model.condition, self.model.context)

    def sizes(self, x: Tensor) -> Tensor:
        """Return the tokens of each text, `(B,)`, its end symbol included."""
        return (x != PAD).sum(1)

    def lengths(self, values: Tensor) -> Tensor:
        """Return the tokens of each stored text, `(N,)`."""
        return text_lengths(values)

    def decode(self, x: Tensor) -> list[str]:
        """Return ids as texts."""
        if self.schema is None:
            raise NotApplicable("the tokenizer of these texts is lost, so they cannot be shown")
        return self.schema.decode(x)

    def inputs(self, data: Dataset, x: Tensor) -> list[str]:
        """Return texts as they were read, or what their tokens say if they are not in memory."""
        return list(data.texts) or self.decode(x)

    def blank(self) -> Tensor | None:
        """Return the empty text, `(1, T)`."""
        return None if self.schema is None else self.prepare(self.schema.encode([""]))

    def pick(self, decoding: Decoding | None = None, *, noise: bool = False, sampling: bool = False) -> Pick:
        """Return how a text is written: new texts are drawn token by token, reconstructions take the most probable token."""
        if noise:
            raise NotApplicable("noise applies to pixels; texts are drawn token by token anyway, see decoding")
        if not isinstance(decoding, Decoding | None):
            raise ValueError(f"decoding must be a vaekit.Decoding, got {shortened(repr(decoding))}")
        how = decoding or (Decoding() if sampling else None)
        return point if how is None else lambda likelihood: cast(Autoregressive, likelihood).decode(how)


class _Blind(nn.Module):
    """The posterior of a language model: the prior itself, N(0, 1), whatever the text."""

    def forward(self, x: Tensor, *_context: Tensor) -> Independent:
        loc = torch.zeros(len(x), 1, device=x.device)
        return Independent(Normal(loc, torch.ones_like(loc), validate_args=False), 1, validate_args=False)
