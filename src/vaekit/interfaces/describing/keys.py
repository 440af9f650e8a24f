"""The keys of `vaekit fit`, with type, default, meaning and source, read from the classes whose fields they set."""

from __future__ import annotations

import functools
import inspect
import re
import types
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from vaekit.interfaces.describing.experiment import Experiment
from vaekit.modalities import described
from vaekit.training import Training
from vaekit.value import Value

__all__ = ["DERIVED", "SECTIONS", "Key", "Kind", "keys"]

SECTIONS = ("data", "model", "training")
"""The parts of an experiment whose keys are typed without a prefix; the fourth is the objective."""

DERIVED = {
    "data": {"kind", "source", "typed"},
    "model": {"kind", "shape", "levels", "value_range", "context", "vocabulary", "length", "slots", "evidence"},
    "training": {"phases"},
}
"""Fields that are no keys: they follow from the data, or have no form that can be typed, as `phases`."""


@dataclass(frozen=True)
class Kind:
    """One of the parts to choose from.

    Args:
        name: The word after the `=`.
        meaning: Its meaning, in one sentence.
        source: Author and year of the work it comes from; empty for common knowledge.
    """

    name: str
    meaning: str
    source: str


@dataclass(frozen=True)
class Key:
    """One key a user may set.

    Args:
        path: The word before the `=`.
        section: The part of the experiment it belongs to.
        type: Its type in words.
        default: Its default in words.
        meaning: Its meaning.
        parts: The parts to choose from, if its value is the name of a part.
        belongs_to: The kinds of part that have this key, if not all have it. Two kinds that differ in its type, default or
            meaning have a key each, with the same path.
        modality: The kind of data that has this key, if not all have it. Each such kind of data has a key of its own.
    """

    path: str
    section: str
    type: str
    default: str
    meaning: str
    parts: tuple[Kind, ...] = ()
    belongs_to: tuple[str, ...] = ()
    modality: str = ""

    @property
    def kinds(self) -> tuple[str, ...]:
        """The names of the parts to choose from."""
        return tuple(part.name for part in self.parts)


def keys(modality: str = "") -> tuple[Key, ...]:
    """Return every key, or those of one kind of data, in the order of the sections."""
    kinds = tuple((each.kind, each.reading, each.description) for each in described())
    return tuple(key for key in _all_keys(kinds) if not modality or key.modality in ("", modality))


@functools.cache
def _all_keys(kinds: tuple[tuple[str, type[Value], type[Value]], ...]) -> tuple[Key, ...]:
    listed = [
        *_by_modality("data", {kind: reading for kind, reading, _ in kinds}),
        *_by_modality("model", {kind: description for kind, _, description in kinds}),
        *_section("training", Training),
        *_keys_of("objective", "objective", Experiment.model_fields["objective"], ()),
    ]
    return tuple(dict.fromkeys(listed))  # two kinds of part may contain the same part


def _section(section: str, owner: type[Value]) -> Iterator[Key]:
    for name, field in owner.model_fields.items():
        if name not in DERIVED[section]:
            yield from _keys_of(name, section, field, ())


def _by_modality(section: str, owners: dict[str, type[Value]]) -> Iterator[Key]:
    """Yield the keys of every kind of data: those that all kinds have first, each once."""
    by_kind = {kind: list(_section(section, owner)) for kind, owner in owners.items()}
    shared = set.intersection(*map(set, by_kind.values()))
    yield from dict.fromkeys(key for listed in by_kind.values() for key in listed if key in shared)
    for kind, listed in by_kind.items():
        yield from (replace(key, modality=kind) for key in listed if key not in shared)


def _keys_of(path: str, section: str, field: FieldInfo, belongs_to: tuple[str, ...]) -> Iterator[Key]:
    members = _members(field.annotation)
    parts = tuple(part for member in members for part in _parts(member))
    if parts or not members:  # a part without a kind is set by its keys alone
        default = "" if field.is_required() else _words(field.default)
        meaning = " ".join((field.description or "").split())
        type_ = " | ".join(part.name for part in parts) or _type(field.annotation)
        yield Key(path, section, type_, default, meaning, parts, belongs_to)
    for name in dict.fromkeys(name for member in members for name in member.model_fields if name != "kind"):
        variants: dict[tuple[Any, ...], list[type[Value]]] = {}
        for member in members:
            if name in member.model_fields:
                variants.setdefault(_listed(member.model_fields[name]), []).append(member)
        for owners in variants.values():
            inner = owners[0].model_fields[name]
            kinds = tuple(part.name for owner in owners for part in _parts(owner))
            everyone = () if parts else belongs_to
            yield from _keys_of(f"{path}.{name}", section, inner, everyone if len(owners) == len(members) else kinds)


def _listed(field: FieldInfo) -> tuple[Any, ...]:
    """Return the properties of a field that make a key of its own: type, default and meaning."""
    default = field.default if field.default_factory is None else None
    return _type(field.annotation), repr(default), field.description


def _members(annotation: Any) -> list[type[Value]]:
    """Return the classes of values that an annotation allows."""
    if get_origin(annotation) in (Annotated, Union, types.UnionType):
        return [member for part in get_args(annotation) for member in _members(part)]
    return [annotation] if isinstance(annotation, type) and issubclass(annotation, Value) else []


def _parts(member: type[Value]) -> list[Kind]:
    """Return the kinds that a class implements: one, or several if its `kind` has several values."""
    field = member.model_fields.get("kind")
    if field is None:
        return []
    names = get_args(field.annotation) or (field.default,)
    text = inspect.cleandoc(member.__doc__ or "")
    sources = _sources(text)
    if len(sources) < len(names):
        sources = sources[:1] * len(names) or [""] * len(names)
    return [Kind(name, _sentence(text), source) for name, source in zip(names, sources, strict=False)]


def _sources(text: str) -> list[str]:
    """Return author and year of every reference in a docstring."""
    _, _, after = text.partition("References:\n")
    block = " ".join(after.split("\n\n")[0].split())
    return re.findall(r"([^\W\d_][^\";]*?, \d{4})(?=, \")", block)


def _sentence(text: str) -> str:
    """Return the first sentence of a docstring as plain text."""
    first = re.split(r"(?<=[^.\s][.:])\s+(?=[A-Z`])|\n\n", text, maxsplit=1)[0]
    return _without_markup(re.sub(r":math:`([^`]*)`", r"\1", first))


def _without_markup(text: str) -> str:
    """Return mathematics as a terminal can show it."""
    for marked, shown in _MARKUP:
        text = re.sub(marked, shown, text)
    return " ".join(text.split())


_MARKUP = (
    (r"\\(?:math\w+|text)\{([^}]*)\}", r"\1"),
    (r"\\hat(?: |\{)?(\w)\}?", r"\1'"),
    (r"\\(?:overline|left|right|big)\b *", ""),
    (r"\\t?frac(?:\{(\w+)\}\{(\w)\}|(\w)(\w))", r"\1\3/\2\4"),
    (r"\\t?frac\{([^}]*)\}\{([^}]*)\}", r"\1/(\2)"),
    (r"\\l?dots", "..."),
    (r"\\[lr]Vert|\\\|", "|"),
    (r"\\ne\b", "!="),
    (r"\\[,;! ]", " "),
    (r"\\mid", " | "),
    (r"\\top", "T"),
    (r"[\\`]", ""),
    (r"\{", "("),
    (r"\}", ")"),
)
"""Markup of a formula, and its form in a terminal."""


def _type(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return " | ".join(map(str, get_args(annotation)))
    if get_origin(annotation) is Annotated:
        return _type(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return " | ".join(_type(part) for part in get_args(annotation))
    if get_origin(annotation) is tuple:
        return f"[{', '.join('...' if part is Ellipsis else _type(part) for part in get_args(annotation))}]"
    return "null" if annotation is type(None) else getattr(annotation, "__name__", str(annotation))


def _words(default: Any) -> str:
    if isinstance(default, Value):
        return str(getattr(default, "kind", ""))
    if isinstance(default, bool):
        return str(default).lower()
    return "null" if default is None else str(list(default) if isinstance(default, tuple) else default)
