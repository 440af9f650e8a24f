"""Texts as a kind of data: how they are opened, recipes, and the choices of training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from vaekit.data import Dataset, TextSchema, is_table, is_text, is_texts_in_memory, read_text, texts_to_dataset
from vaekit.data.text_encoding import Unknown
from vaekit.modalities.choice import Choice
from vaekit.modalities.description import Description
from vaekit.modalities.modality import Chosen, Completed, Modality, Pace, Sections, Situation, Words
from vaekit.modalities.reading import DelimitedReading
from vaekit.modalities.text.choices import choose_text_model, with_recipe
from vaekit.modalities.text.description import TextVAE

__all__ = ["TextReading", "Texts"]


class TextReading(DelimitedReading):
    """How texts are opened and split into tokens."""

    kind: Literal["text"] = "text"
    tokenizer: str = "auto"
    """word, char, bpe, the path of a tokenizer.json file, or auto: char for names, else word."""
    vocabulary: Annotated[int, Field(ge=5)] | None = None
    """The largest number of different tokens; null allows 10,000 words, 8,000 parts of words, or all characters."""
    length: Annotated[int, Field(ge=1)] | None = None
    """Tokens after which a text is cut off; null for those of the longest text, 512 at most."""
    lowercase: bool | None = None
    """Whether to turn capitals into small letters; null does so for words only."""
    unk: Unknown = "auto"
    """What becomes of unknown words or characters: token makes them all one token, bytes spells them, auto spells them where
    they are more than 1 % of held-out tokens."""
    column: str | None = None
    """For texts in a table: their column; null takes text, sentence, content, caption or name, or the only column."""
    label_column: str | None = None
    """For texts in a table: the column that holds the label of each text; null reads no labels."""

    def read(self, source: str, schema: TextSchema | None, *, own: bool) -> Dataset:
        """Read texts from a file, a folder, or by their name."""
        column, label = self.column, self.label_column
        return read_text(source, column=column, label=label, schema=schema, **self.dialect, **self._tokens)

    def convert(self, data: Any, schema: TextSchema | None = None) -> Dataset:
        """Return texts from a list of them."""
        return texts_to_dataset(data, schema=schema, **self._tokens)

    def without_labels(self) -> TextReading:
        """Return this reading without the column of labels."""
        return self.replace(label_column=None)

    @property
    def _tokens(self) -> dict[str, Any]:
        names = ("tokenizer", "vocabulary", "length", "lowercase", "unk")
        return {name: getattr(self, name) for name in names}


class Texts(Modality):
    """Texts: sequences of tokens."""

    kind = "text"
    words = Words("text", "texts", "token", "a list of texts")
    reads = "texts: a file with one on each line, a folder of .txt, a column of a table, or a list of str"
    reading = TextReading
    description = TextVAE
    schema = TextSchema
    batches = (128, 128)
    epochs = 5

    def claims(self, source: str, keys: frozenset[str]) -> bool:
        """Return whether the source holds texts; a table does if a column of texts is named."""
        return "column" in keys or (is_text(source) and not is_table(source))

    def holds(self, data: Any) -> bool:
        """Return whether the object is a list of str."""
        return is_texts_in_memory(data)

    def complete(self, keys: Sections, pace: Pace) -> Completed:
        """Complete the user's keys by those of the recipe."""
        return with_recipe(keys, pace)

    def restated(self, description: TextVAE) -> tuple[dict[str, Any] | None, Description]:
        """Return the keys of a description that names a recipe; without a recipe the plain bound is trained."""
        if "recipe" in description.model_fields_set:
            return description.stated(), description
        return None, description.replace(recipe="vae")

    def choose(self, data: Dataset, keys: Mapping[str, Any], situation: Situation) -> Chosen:
        """Return the description that suits the texts."""
        assert isinstance(data.schema, TextSchema)
        return choose_text_model(data.schema, keys, preset=situation.preset)

    def simple_prior(self, description: TextVAE) -> str:
        """Return the reason for the simplest prior."""
        return "that of the published figures; fit-prior gives another one"

    def optimization(self, description: TextVAE, batch: int) -> list[Choice]:
        """Choose the learning rate and the patience."""
        lr, reason = 1e-3, "the usual peak of Adam for transformers and convolutions"
        if description.net.kind in ("lstm", "gru"):
            lr, reason = 4e-3, "recurrent nets with averaged weights tolerate four times Adam's usual peak"
        patience = Choice(key="patience", value=5, reason="bounds of texts overfit soon after their best")
        return [Choice(key="lr", value=lr, reason=reason), patience]
