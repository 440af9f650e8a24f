"""The doors of texts: names, files and folders, and lists in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set, Sized
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor

from vaekit.data.arrays import context_from_array
from vaekit.data.corpus import NO_PART, Corpus, Entry, Label, without_surrogates
from vaekit.data.dataset import Dataset
from vaekit.data.delimited.options import Header
from vaekit.data.files import existing_path
from vaekit.data.foreign import user_path
from vaekit.data.names import DEMO, NAMES, name_of
from vaekit.data.table.peek import is_table
from vaekit.data.text_encoding import Reading, encode_corpus
from vaekit.data.text_files import TEXTS, TextOptions
from vaekit.data.text_folder import has_texts, open_text_file, read_text_folder
from vaekit.data.text_schema import TextSchema
from vaekit.data.text_tables import TABLES

__all__ = ["is_text", "is_texts_in_memory", "read_text", "texts_to_dataset"]

FIRST_NAMES = Path(__file__).with_name("first_names.txt")


def is_text(source: str | Path) -> bool:
    """Return whether a source is one of texts: their name, a file of lines, a table with a column of texts, or a folder of them.

    What `is_table` claims is no collection of texts, and neither is a folder that holds images.

    >>> is_text("names-demo"), is_text("reviews.csv"), is_text("mnist")
    (True, True, False)
    """
    if isinstance(source, str) and name_of(source) is not None:
        return name_of(source) == DEMO
    path = user_path(source)
    is_likely = has_texts(path) if path.is_dir() else path.name.lower().endswith((*TEXTS, *TABLES))
    return is_likely and not is_table(source)


def is_texts_in_memory(found: Any) -> bool:
    """Return whether something is a list or a tuple that begins with a string.

    >>> is_texts_in_memory(["to be", "or not"]), is_texts_in_memory("to be"), is_texts_in_memory([])
    (True, False, False)
    """
    return isinstance(found, list | tuple) and bool(found) and isinstance(found[0], str)


def read_text(
    source: str | Path,
    *,
    column: str | None = None,
    label: str | None = None,
    delimiter: str | None = None,
    encoding: str | None = None,
    header: Header = "auto",
    schema: TextSchema | None = None,
    **tokens: Any,
) -> Dataset:
    """Read texts from a named data set, a file, or a folder.

    A file is .txt with a text on each line, .csv, .tsv, .jsonl (.gz of all of these too) or .parquet. A folder holds the parts of an official
    split (train.txt, test.txt, ...), a text on each line, or one text in each .txt, nested as they may be.

    Args:
        source: The name or the path.
        column: The column of texts in a table; None takes one called text, sentence, content, caption or name, or the only one.
        label: The column of the classes in a table.
        delimiter: What separates the cells of a .csv or .tsv, as for tables; None finds it.
        encoding: The encoding of the files, as for tables; None finds it.
        header: Whether the first line of a .csv or .tsv names the columns, as for tables.
        schema: The schema of a model, which then decides how texts become ids.
        **tokens: The other fields of `Reading`: tokenizer, vocabulary, length, lowercase.

    Returns:
        Rows of ids, shape (N, T), int16 below 32,768 ids, else int32.

    Raises:
        FileNotFoundError: If there is no such file, folder or name.
        ImportError: If a package that texts need is missing.
        ValueError: If there is no text, a file is no text, or a column does not fit.

    >>> data = read_text("names-demo")
    >>> data.schema.decode(data.values[:2])
    ['aaliyah', 'aarav']
    """
    reading = Reading(**tokens, schema=schema)
    options = TextOptions(delimiter, encoding, header, column=column, label=label)
    if schema is not None and str(source).lower().endswith(TEXTS):
        options = TextOptions(encoding=encoding)  # the others are those of the table that the model was trained on
    return encode_corpus(_open(source, options), reading, str(source), str(options))


def texts_to_dataset(
    texts: Sequence[str],
    labels: Sequence[Label] | None = None,
    *,
    split: Tensor | None = None,
    context: Any = None,
    **tokens: Any,
) -> Dataset:
    """Make a data set of texts; each has its row, also one that is empty.

    Args:
        texts: The texts.
        labels: One class for each text, integers or names.
        split: The official part of each text, shape (N,): 0 train, 1 validation, 2 test.
        context: What each text is conditioned on, numbers of shape (N, C).
        **tokens: The fields of `Reading`: tokenizer, vocabulary, length, lowercase, schema.

    Raises:
        ImportError: If the package tokenizers is missing.
        ValueError: If there is no text, or labels, split or context do not fit.
        TypeError: If something is no text.

    >>> texts_to_dataset(["to be", "or not", "to be"], tokenizer="word").values.tolist()
    [[5, 4, 2], [7, 6, 2], [5, 4, 2]]
    """
    if isinstance(texts, str | bytes | Mapping | Set) or not isinstance(texts, Sized):
        raise TypeError(f"texts must be a list of str, but {type(texts).__name__} came; give a list")
    for name, column in (("labels", labels), ("split", split)):
        if column is not None and len(column) != len(texts):
            raise ValueError(f"{name} must have one entry for each of the {len(texts)} texts, but has {len(column)}")
    stray = next((type(text).__name__ for text in texts if not isinstance(text, str)), None)
    if stray is not None:
        raise TypeError(f"texts must be strings, but {stray} came; give a list of str")
    corpus = Corpus(partial(_listed, texts, labels, split), keep_empty=True)
    dataset = encode_corpus(corpus, Reading(**tokens), "texts")
    return dataset if context is None else replace(dataset, context=context_from_array(context, len(texts)))


def _listed(texts: Sequence[str], labels: Sequence[Label] | None, split: Tensor | None) -> Iterator[Entry]:
    for row, text in enumerate(texts):
        label = None if labels is None else labels[row]
        yield Entry(without_surrogates(text), label, NO_PART if split is None else int(split[row]))


def _open(source: str | Path, options: TextOptions) -> Corpus:
    name = name_of(source) if isinstance(source, str) else None
    if name not in (None, DEMO):
        raise ValueError(f"texts are wanted, but {source} are images; give a file or a folder of texts, or {DEMO}")
    needs = f"texts need a file, a folder or {DEMO}"
    path = FIRST_NAMES if name == DEMO else existing_path(source, needs, NAMES)
    return read_text_folder(path, options) if path.is_dir() else open_text_file(path, options)
