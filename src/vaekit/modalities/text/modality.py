"""Texts as a kind of data: how they are opened, recipes, and the choices of training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from vaekit.data import Dataset, TextSchema, is_table, is_text, is_texts_in_memory, read_text, texts_to_dataset
from vaekit.modalities.choice import Choice
from vaekit.modalities.description import Description
from vaekit.modalities.modality import Completed, Modality, Pace, Sections, Situation, Words
from vaekit.modalities.reading import Reading
from vaekit.modalities.text.choices import choose_text_model, with_recipe
from vaekit.modalities.text.description import TextVAE

__all__ = ["TextReading", "Texts"]


class TextReading(Reading):
    """How texts are opened: they become tokens."""

    kind: Literal["text"] = "text"
    tokenizer: str = "auto"
    """Of texts: word, char, bpe, a tokenizer.json file, or auto: char for names, else word."""
    vocabulary: Annotated[int, Field(ge=5)] | None = None
    """Of texts: the most tokens that are told apart; null for 10,000 words, 8,000 parts of words, every character."""
    length: Annotated[int, Field(ge=1)] | None = None
    """Of texts: tokens after which a text is cut; null for the longest one, 512 at most."""
    lowercase: bool | None = None
    """Of texts: whether case is dropped; null drops it for words."""
    column: str | None = None
    """Of a table: the column that holds the texts; null for the one that is called so, or the only one."""
    label_column: str | None = None
    """Of a table: the column that holds the label of each text; null for none."""
    delimiter: str | None = None
    """Of tables: what stands between cells; null finds it."""
    encoding: str | None = None
    """Of tables: the encoding of the file; null finds it."""
    header: Literal["auto", "yes", "no"] = "auto"
    """Of tables: whether the first row names the columns."""

    def read(self, source: str, schema: TextSchema | None, *, own: bool) -> Dataset:
        """Read texts from a file, a folder, or by their name."""
        return read_text(
            source,
            column=self.column,
            label=self.label_column,
            delimiter=self.delimiter,
            encoding=self.encoding,
            header=self.header,
            schema=schema,
            **self._tokens,
        )

    def convert(self, found: Any, schema: TextSchema | None = None) -> Dataset:
        """Return texts from a list of them."""
        return texts_to_dataset(found, schema=schema, **self._tokens)

    def without_labels(self) -> TextReading:
        """Return this reading without the column of labels."""
        return self.replace(label_column=None)

    @property
    def _tokens(self) -> dict[str, Any]:
        names = ("tokenizer", "vocabulary", "length", "lowercase")
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
        """Say whether there are texts; a table whose column is named is one of texts."""
        return "column" in keys or (is_text(source) and not is_table(source))

    def holds(self, found: Any) -> bool:
        """Say whether this is a list of str."""
        return is_texts_in_memory(found)

    def complete(self, given: Sections, pace: Pace) -> Completed:
        """Return the keys completed by those of the recipe."""
        return with_recipe(given, pace)

    def restated(self, description: TextVAE) -> tuple[dict[str, Any] | None, Description]:
        """Return the keys of a description that names a recipe; without one it is the bound alone."""
        if "recipe" in description.model_fields_set:
            return description.stated(), description
        return None, description.replace(recipe="vae")

    def choose(
        self, data: Dataset, keys: Mapping[str, Any], situation: Situation
    ) -> tuple[Description, tuple[Choice, ...]]:
        """Return the description that suits the texts."""
        assert isinstance(data.schema, TextSchema)
        return choose_text_model(data.schema, keys, preset=situation.preset)

    def simple_prior(self, description: TextVAE) -> str:
        """Return why the prior is the simplest."""
        return "that of the published figures; fit-prior gives another one"

    def optimization(self, description: TextVAE, batch: int) -> list[Choice]:
        """Return the learning rate and the patience."""
        if description.net.kind in ("lstm", "gru"):
            reason = "recurrent nets with averaged weights stand four times Adam's usual peak"
            lr = Choice(key="lr", value=4e-3, reason=reason)
        else:
            lr = Choice(key="lr", value=1e-3, reason="the usual peak of Adam for transformers and convolutions")
        return [lr, Choice(key="patience", value=5, reason="bounds of texts overfit soon after their best")]
