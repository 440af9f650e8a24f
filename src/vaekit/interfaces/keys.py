"""The keys of `vaekit fit`: typed, defaulted and explained by the values they set."""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from vaekit.interfaces.experiment import DataSettings, Experiment
from vaekit.interfaces.typed import HUGE, is_number, read_value, shown
from vaekit.modalities import ImageVAE
from vaekit.training import Training
from vaekit.value import Value

__all__ = ["Key", "keys", "parse", "sectioned", "sentence"]

_SECTIONS: dict[str, type[Value]] = {"data": DataSettings, "model": ImageVAE, "training": Training}
_DERIVED = {"data": {"source"}, "model": {"kind", "shape", "levels", "value_range"}, "training": set[str]()}

_CHOSEN = {"net", "likelihood", "likelihood.scale"}
"""The parts that are chosen by looking at the data, where they are not named."""


@dataclass(frozen=True)
class Key:
    """One key a user may set.

    Args:
        path: What is typed before the `=`.
        section: The part of the experiment it belongs to.
        type: Its type in words.
        default: Its default in words.
        meaning: What it does.
        kinds: The parts to choose from, where it names a part.
        belongs_to: The kind of part that has this key, where only some have.
    """

    path: str
    section: str
    type: str
    default: str
    meaning: str
    kinds: tuple[str, ...] = ()
    belongs_to: str = ""


def keys() -> list[Key]:
    """Return every key, in the order of the sections."""
    found: list[Key] = []
    for section, owner in _SECTIONS.items():
        for name, field in owner.model_fields.items():
            if name not in _DERIVED[section]:
                found += _keys_of(name, section, field, "")
    return found + list(_keys_of("objective", "objective", Experiment.model_fields["objective"], ""))


def parse(pairs: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return the nested keys by section from `key=value` words.

    Raises:
        ValueError: A word is no pair, or its key is unknown; the nearest one is named.

    Examples:
        >>> parse(["likelihood=bernoulli", "likelihood.binarize=dynamic", "lr=2e-3"])["model"]
        {'likelihood': {'kind': 'bernoulli', 'binarize': 'dynamic'}}
    """
    flat: dict[str, Any] = {}
    for pair in pairs:
        path, sign, text = pair.partition("=")
        if not sign or not path:
            raise ValueError(f"expected key=value, got {pair!r}; vaekit fit --help-keys lists the keys")
        flat[path.strip()] = read_value(path, text)
    return sectioned(flat)


def sectioned(flat: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return keys by section; values may be nested mappings, as a configuration file has them.

    Raises:
        ValueError: A key is unknown; the nearest one is named.
    """
    known = {key.path: key for key in keys()}
    result: dict[str, dict[str, Any]] = {section: {} for section in (*_SECTIONS, "objective")}
    for path, value in _flattened(flat, known):
        key = known.get(path.removesuffix(".kind"))
        if key is None:
            raise ValueError(_unknown(path, known))
        _refuse_untypical(path, value, key)
        if key.kinds and isinstance(value, str):
            path = f"{path.removesuffix('.kind')}.kind"
            _refuse_other(path, value, key.kinds)
        parts = path.split(".")
        _place(result[key.section], parts[1:] if key.section == "objective" else parts, value)
    for key in known.values():
        _name_part(result[key.section], key, known)
    return result


def sentence(error: ValidationError) -> str:
    """Return one sentence for the first thing wrong with a value."""
    first = error.errors()[0]
    path = ".".join(str(part) for part in first["loc"] if str(part) not in _tags())
    match first["type"]:
        case "extra_forbidden":
            return f"key '{path}' does not belong to the part that was chosen; vaekit fit --help-keys lists the keys of each"
        case "value_error":
            return str(first["ctx"]["error"])
        case "union_tag_not_found":
            return f"{path} is a part with keys of its own: name it first, {path}=..., then set {path}.<key>=..."
        case _:
            said = first["msg"].replace("tuple", "list").replace("Tuple", "list").replace(" after validation", "")
            return f"{path}={shown(first['input'])}: {said[0].lower()}{said[1:]}"


def _keys_of(path: str, section: str, field: FieldInfo, belongs_to: str) -> Iterator[Key]:
    members = [member for member in _members(field.annotation) if member is not DataSettings]
    kinds = tuple(_kind(member) for member in members if "kind" in member.model_fields)
    default = "" if field.is_required() else _words(field.default)
    meaning = " ".join((field.description or "").split())
    if kinds or not members:  # a part of one kind only is set by its keys
        yield Key(path, section, " | ".join(kinds) or _type(field.annotation), default, meaning, kinds, belongs_to)
    seen: set[str] = set()
    for member in members:
        for name, inner in member.model_fields.items():
            if name != "kind" and name not in seen:
                seen.add(name)
                owners = [m for m in members if name in m.model_fields]
                note = "" if len(owners) == len(members) else ", ".join(_kind(m) for m in owners)
                yield from _keys_of(f"{path}.{name}", section, inner, note)


def _members(annotation: Any) -> list[type[Value]]:
    """Return the values that an annotation allows."""
    if get_origin(annotation) in (Annotated, Union, types.UnionType):
        return [member for part in get_args(annotation) for member in _members(part)]
    return [annotation] if isinstance(annotation, type) and issubclass(annotation, Value) else []


def _kind(member: type[Value]) -> str:
    field = member.model_fields.get("kind")
    return str(field.default) if field else member.__name__.lower()


def _tags() -> set[str]:
    return {kind for key in keys() for kind in key.kinds} | {"image"}


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
        return _kind(type(default)) if "kind" in type(default).model_fields else ""
    return "null" if default is None else str(list(default) if isinstance(default, tuple) else default)


def _refuse_untypical(path: str, value: Any, key: Key) -> None:
    """Refuse what no key of this type can mean, before it is silently taken for something else."""
    if key.kinds and not isinstance(value, str | Mapping) and not ("constant" in key.kinds and is_number(value)):
        raise ValueError(f"{path}={shown(value)} names no part; it is one of {', '.join(key.kinds)}")
    if isinstance(value, bool) and "bool" not in key.type:
        raise ValueError(f"{path}={shown(value)} is no {key.type}")
    for number in value if isinstance(value, list) else [value]:
        if isinstance(number, int) and abs(number) >= HUGE:
            raise ValueError(f"{path}={number} is too large; it must be below 2**63")


def _name_part(tree: dict[str, Any], key: Key, known: Mapping[str, Key]) -> None:
    """Name a part by the keys that were set for it, where only one has them, or else by its default."""
    for name in key.path.split("."):
        if name == "objective":
            continue
        if not isinstance(tree, dict) or name not in tree:
            return
        tree = tree[name]
    if not key.kinds or not isinstance(tree, dict) or not tree or "kind" in tree:
        return
    owners = [known[path].belongs_to for name in tree if (path := f"{key.path}.{name}") in known]
    able = [kind for kind in key.kinds if all(not owner or kind in owner.split(", ") for owner in owners)]
    if len(able) == 1:
        tree["kind"] = able[0]
    elif key.default in able and key.path not in _CHOSEN:
        tree["kind"] = key.default


def _flattened(nested: Mapping[str, Any], known: Mapping[str, Key], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in nested.items():
        path = f"{prefix}{name}"
        if isinstance(value, Mapping) and (value or path in known):
            yield from _flattened(value, known, f"{path}.")
        else:
            yield path, value


def _unknown(path: str, known: Mapping[str, Key]) -> str:
    near = difflib.get_close_matches(path, known, n=1, cutoff=0.4)
    hint = f"did you mean '{near[0]}'?" if near else "none is similar;"
    return f"unknown key '{path}'; {hint} vaekit fit --help-keys lists all"


def _refuse_other(path: str, value: str, kinds: tuple[str, ...]) -> None:
    if value not in kinds:
        near = difflib.get_close_matches(value, kinds, n=1)
        hint = f"; did you mean '{near[0]}'?" if near else ""
        raise ValueError(f"{path.removesuffix('.kind')}={value} is not one of {', '.join(kinds)}{hint}")


def _place(tree: dict[str, Any], parts: list[str], value: Any) -> None:
    for part in parts[:-1]:
        inner = tree.get(part)
        tree[part] = tree = inner if isinstance(inner, dict) else {}
    # A part may be named after its keys were given, and the other way round.
    if isinstance(value, dict) and isinstance(tree.get(parts[-1]), dict):
        tree[parts[-1]].update(value)
    else:
        tree[parts[-1]] = value
