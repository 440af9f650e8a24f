"""Tokenizers that come in a file: made whole where an unknown token or a decoder is missing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["definition_from_file", "named_unknown"]

LARGEST = 2**24
"""The first id that no vocabulary has."""

UNKNOWN = "<unk>"
"""The name of the unknown token of a tokenizer that has none."""


def definition_from_file(path: Path, *, lowercase: bool = False) -> str:
    """Read a tokenizer.json, and switch off truncation, padding and special tokens.

    A tokenizer without an unknown token gets one, because some models of tokens refuse or drop what they do not know. One
    without a decoder gets that of its model, so that pieces of words become words again.

    Raises:
        ImportError: If the package tokenizers is missing.
        ValueError: If the file defines no tokenizer.
    """
    import tokenizers as library

    try:
        definition = path.read_text(encoding="utf-8")
        _refuse_large_ids(json.loads(definition))
        tokenizer = library.Tokenizer.from_str(definition)
        tokenizer = library.Tokenizer.from_str(json.dumps(_completed(json.loads(tokenizer.to_str()))))
    except Exception as error:  # the library raises nothing more precise
        raise ValueError(
            f"{path.name} must be a tokenizer.json, but cannot be read ({error}); save it with the package tokenizers"
        ) from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    if lowercase:
        before = [] if tokenizer.normalizer is None else [tokenizer.normalizer]
        tokenizer.normalizer = library.normalizers.Sequence([library.normalizers.Lowercase(), *before])
    return str(tokenizer.to_str())


def named_unknown(definition: Mapping[str, Any], ids: Mapping[str, int]) -> int | None:
    """Return the id of the unknown token of a definition; None if it has none.

    Args:
        definition: The content of a tokenizer.json.
        ids: The id of each token.
    """
    name = definition["model"].get("unk_token")
    return definition["model"].get("unk_id") if name is None else ids.get(name)


def _completed(definition: dict[str, Any]) -> dict[str, Any]:
    """Return a definition with an unknown token and a decoder."""
    model, added = definition["model"], definition["added_tokens"]
    if isinstance(model["vocab"], list):  # of a unigram model, with the logarithm of the probability of each piece
        if model.get("unk_id") is None:
            least = min((score for _, score in model["vocab"]), default=0.0)
            model["unk_id"] = len(model["vocab"])
            model["vocab"].append([UNKNOWN, least - 10])
    elif named_unknown(definition, {**model["vocab"], **{token["content"]: token["id"] for token in added}}) is None:
        taken = [*model["vocab"].values(), *(token["id"] for token in added), -1]
        model["unk_token"] = model.get("unk_token") or UNKNOWN
        model["vocab"].setdefault(model["unk_token"], max(taken) + 1)
    if definition["decoder"] is None:
        definition["decoder"] = _decoder(definition)
    return definition


def _decoder(definition: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the decoder that undoes a tokenizer's way of marking where words begin or go on."""
    model, before = definition["model"], definition["pre_tokenizer"] or {}
    steps = {step["type"]: step for step in before.get("pretokenizers", [before]) if step}
    if "ByteLevel" in steps:
        return {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}
    if "Metaspace" in steps:
        return dict(steps["Metaspace"])
    if prefix := model.get("continuing_subword_prefix"):
        return {"type": "WordPiece", "prefix": prefix, "cleanup": True}
    if suffix := model.get("end_of_word_suffix"):
        return {"type": "BPEDecoder", "suffix": suffix}
    return None


def _refuse_large_ids(definition: Any) -> None:
    """Refuse ids far beyond any vocabulary: the library takes memory for every id up to the largest."""
    vocabulary = definition["model"].get("vocab", ())
    named = vocabulary.values() if isinstance(vocabulary, dict) else range(len(vocabulary))
    largest = max([0, *named, *(token["id"] for token in definition.get("added_tokens") or ())])
    if largest >= LARGEST:
        raise ValueError(f"its largest id is {largest:,}, and ids must be below {LARGEST:,}")
