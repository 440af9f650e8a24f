"""Texts for people: printed, or written to a file of lines, of JSON lines or of columns."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from vaekit.data import Dataset, TextSchema, name_of, text_lengths
from vaekit.data.text_encoding import percent
from vaekit.distributions import EOS, UNK, Decoding
from vaekit.errors import real
from vaekit.evaluation import Bounds, perplexity
from vaekit.interfaces.describing.decoding import decoding_of
from vaekit.interfaces.media.column_files import check_suffix, write_columns
from vaekit.interfaces.media.medium import (
    Answer,
    Exhibit,
    HeldOut,
    Medium,
    Output,
    Place,
    label_option,
    worse_than_uniform,
)
from vaekit.interfaces.media.texts.exhibits import texts
from vaekit.interfaces.media.texts.measures import MEASURES
from vaekit.modalities import View
from vaekit.training.budget import NEVER, Deadline
from vaekit.training.checkpoint import write_atomically

if TYPE_CHECKING:
    from vaekit.interfaces.runs.run import Run

__all__ = ["TextMedium"]

_SUFFIXES = (".txt", ".jsonl", ".csv", ".parquet")


class TextMedium(Medium):
    """Texts: lines in a terminal, or a file."""

    kind = "text"
    measures = MEASURES

    def facts(self, schema: TextSchema) -> str:
        """Return the tokenizer, the vocabulary and the longest text."""
        case_ = ", lower case" if schema.lowercase else ""
        return (
            f"texts, tokenizer {schema.tokenizer}{case_}, {schema.vocabulary:,} tokens, "
            f"at most {schema.length} of them in a text"
        )

    def size(self, brief: Mapping[str, Any], event: Sequence[int]) -> str:
        """Return the tokens."""
        return f"at most {brief['length']} tokens, of {brief['vocabulary']:,} ({brief['tokenizer']})"

    def write(self, output: Output, place: Place) -> Answer:
        """Print texts, or write them to a file by its suffix."""
        inputs = {} if output.inputs is None else {"text": output.inputs}
        title = "text" if output.inputs is None else "reconstruction"
        columns = {**output.lead, **inputs, title: output.shown}
        rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        broken = sum("\N{REPLACEMENT CHARACTER}" in text for text in output.shown)
        invalid = {"invalid_utf8": broken} if broken else {}
        if place.out is None:
            return Answer(
                {"n": len(rows), "texts": rows, **invalid}, ["\t".join(map(_cell, row.values())) for row in rows]
            )
        out = check_suffix(place.out, _SUFFIXES)
        match out.suffix.lower():
            case ".txt":
                write_atomically(out, "".join(f"{_one_line(row[title])}\n" for row in rows).encode())
            case ".jsonl":
                write_atomically(out, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode())
            case _:
                write_columns(out, {name: [str(value) for value in column] for name, column in columns.items()})
        lines = [
            f"{found} of them hold bytes that are no UTF-8, written as \N{REPLACEMENT CHARACTER}"
            for found in invalid.values()
        ]
        return Answer({"out": str(out), "n": len(rows), **invalid}, [f"{len(rows)} texts: {out}", *lines])

    def exhibits(
        self, run: Run, result: Bounds, held_out: HeldOut | None, deadline: Deadline = NEVER
    ) -> Iterator[Exhibit]:
        """Yield samples beside reconstructions, interpolations and a traversal."""
        yield from map(Exhibit, texts(run, result, held_out))

    def commands(self, run: Run, path: str) -> list[str]:
        """Return the verbs of texts."""
        label = label_option(run)
        drawn = [f"vaekit sample {path} -n 10{label}", f"vaekit sample {path} -n 10{label} --decode top_p=0.9"]
        score = f"vaekit score {path} DATA --out scores.csv"
        if not run.view.traits.latents:
            return [*drawn, score]
        # A typed text has no label: a conditional model needs files, or its own test data by number.
        typed, numbered = not run.conditions.names, bool(run.experiment.data.source)
        text, ends = ("'a text'", "'a text' 'another text'") if typed else ("DATA", "0 1")
        walk = [f"vaekit interpolate {path} {ends}"] if run.latents.is_walkable and (typed or numbered) else []
        encode = f"vaekit encode {path} DATA --out latents.npz"
        return [*drawn, f"vaekit reconstruct {path} {text}", *walk, encode, score]

    def units(self, result: Bounds) -> dict[str, Any]:
        """Return the unit of the bounds, the number of tokens, and the perplexity of each bound by its name."""
        tokens = result.sizes
        found = {**super().units(result), "tokens": int(tokens.sum())}
        if result.elbo is None or result.iw is None:
            return found
        bounds = {"elbo": result.elbo, f"iw_{result.samples}": result.iw}
        found["perplexity"] = {name: perplexity(-nats.double(), tokens).summary() for name, nats in bounds.items()}
        return found

    def remarks(self, view: View, result: Bounds, evaluated: HeldOut) -> Answer:
        """Return the shares of tokens that are unknown or cut, and the bits per character where tokens spell every text."""
        data = evaluated.data.taken(evaluated.rows)
        schema, rows = cast(TextSchema, data.schema), data.values
        spelled = torch.from_numpy(schema.codec.is_spelling(rows.numpy()))
        counts = {"unknown": int((rows == UNK).sum()), "spelled": int(spelled.sum())}
        lengths = result.sizes if data.lengths is None else data.lengths
        lost = int((lengths - text_lengths(rows)).clamp_min(0).sum())
        total, is_cut = int(lengths.sum()), ~(rows == EOS).any(1)
        shares = {"unknown_tokens": counts["unknown"] / total, "spelled_tokens": counts["spelled"] / total}
        values: dict[str, Any] = {**shares, "cut_tokens": lost / total, "cut_texts": is_cut.double().mean().item()}
        lines = [
            f"of the tokens, {percent(values['unknown_tokens'])} are unknown"
            + (
                f", {percent(values['spelled_tokens'])} are bytes, which spell unknown words"
                if schema.codec.spells
                else ""
            )
            + f" and {percent(values['cut_tokens'])} are cut off ({percent(values['cut_texts'])} of the texts)"
        ]
        if counts["unknown"]:
            lines.append(
                "an unknown token stands for every word that the vocabulary lacks: the bound is one of rows of tokens, not of texts"
            )
        elif result.iw is not None:
            characters = sum(map(len, schema.decode(rows)))
            values["characters"] = characters
            values["bits_per_character"] = -result.iw.double().sum().item() / (math.log(2) * max(1, characters))
            bits = f"IW-{result.samples} takes {values['bits_per_character']:.4g} bits per character, its ends included"
            lines.append(f"{bits}: {characters:,} characters in {len(rows):,} texts")
        return Answer(values, [*lines, *worse_than_uniform(result, schema.vocabulary, "every token")])

    def beside_bound(self, nats: Tensor, sizes: Tensor) -> list[str]:
        """Return the perplexity."""
        if not bool(nats.isfinite().all()):
            return []
        found = perplexity(-nats.double(), sizes)
        error = f" ± {found.se:,.2f}" if found.se == found.se and abs(found.se) != float("inf") else ""
        return [f"perplexity {found.value:,.2f}{error}"]

    def literal(self, text: str) -> list[str] | None:
        """Return a text that was typed, unless it names data or a file, or looks like a path."""
        if name_of(text) or Path(text).exists():
            return None
        return [text] if " " in text or not (Path(text).suffix or "/" in text) else None

    def identity(self, data: Dataset, rows: Tensor) -> dict[str, Any]:
        """Return the texts themselves, as they were read."""
        some = data.taken(rows)
        return {"text": list(some.texts) or data.schema.decode(some.values)}  # type: ignore[union-attr]

    def sampling(self, decode: str | None, temperature: Any) -> tuple[Decoding | None, Any]:
        """Return how tokens are chosen; the temperature applies to the tokens, not to the prior."""
        return decoding_of(decode, None if temperature == 1 else real("temperature", temperature, 0)), 1.0


def _cell(value: Any) -> str:
    return format(value, ".2f") if isinstance(value, float) else _one_line(str(value))


def _one_line(text: str) -> str:
    return " ".join(text.splitlines())
