"""From typed words to keys by section, with one sentence for each mistake."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pydantic import ValidationError

from vaekit.errors import LARGEST, shortened, suggestion
from vaekit.interfaces.describing.experiment import Experiment
from vaekit.interfaces.describing.keys import DERIVED, SECTIONS, Key, keys
from vaekit.interfaces.describing.typed import HUGE, is_number, read_value, seconds_of, shown
from vaekit.modalities import modality_named
from vaekit.modalities.choice import merged
from vaekit.modalities.modality import Sections

__all__ = ["described", "one_sentence", "parse", "sectioned", "sentence"]

_CHOSEN = {"net", "likelihood", "likelihood.scale"}
"""The parts that, unless they are named, are chosen by the data."""


def parse(pairs: Iterable[str], base: Mapping[str, Mapping[str, Any]] | None = None, modality: str = "") -> Sections:
    """Return the nested keys by section from `key=value` words.

    Args:
        pairs: The words.
        base: The keys of a configuration, which the words override.
        modality: The kind of data, whose keys are allowed; by default those of all kinds.

    Raises:
        ValueError: A word is no pair, or its key is unknown; the message suggests a similar key.

    Examples:
        >>> parse(["likelihood=bernoulli", "likelihood.binarize=dynamic", "lr=2e-3"])["model"]
        {'likelihood': {'kind': 'bernoulli', 'binarize': 'dynamic'}}
    """
    flat: dict[str, Any] = {}
    for pair in pairs:
        path, sign, text = pair.partition("=")
        if not sign or not path:
            raise ValueError(f"expected key=value, got {shortened(repr(pair))}; vaekit fit --help-keys lists the keys")
        flat[path.strip()] = read_value(path, text)
    return sectioned(flat, base, modality)


def sectioned(
    flat: Mapping[str, Any], base: Mapping[str, Mapping[str, Any]] | None = None, modality: str = ""
) -> Sections:
    """Return keys by section; values may be nested mappings, as in a configuration file.

    Raises:
        ValueError: A key is unknown; the message suggests a similar key.
    """
    known = _known(modality)
    words = dict(_flattened(flat))
    placed: Sections = {section: {} for section in (*SECTIONS, "objective")}
    for path, value in words.items():
        variants = known.get(path.removesuffix(".kind"))
        if variants is None:
            raise ValueError(_unknown(path, known))
        key = _variant(variants, words)
        if isinstance(value, bool) and {"yes", "no"} <= set(key.type.split(" | ")):
            value = "yes" if value else "no"  # YAML reads these words as true and false
        if isinstance(value, Mapping) and not value:
            raise ValueError(f"{path}={{}} says nothing; give a value, or leave the key out")
        if path == "time_limit" and isinstance(value, str):
            value = seconds_of(value)
        _refuse_misread(path, value, key)
        if key.kinds and isinstance(value, str):
            path = f"{path.removesuffix('.kind')}.kind"
            if value not in key.kinds:
                listed = f"is not one of {', '.join(key.kinds)}{suggestion(value, key.kinds)}"
                raise ValueError(f"{path.removesuffix('.kind')}={shortened(value)} {listed}")
        parts = path.split(".")
        _place(placed[key.section], parts[1:] if key.section == "objective" else parts, value)
    result = {section: merged((base or {}).get(section, {}), tree) for section, tree in placed.items()}
    for variants in known.values():
        for key in variants:
            _name_part(result[key.section], key, known)
    return result


def described(experiment: Experiment) -> Sections:
    """Return the keys of an experiment by section, without those that follow from the data, as a base for other keys."""
    content = experiment.model_dump(mode="json")
    sections = {name: content[name] or {} for name in ("data", "model", "objective", "training")}
    for section in ("data", "model"):
        derived = DERIVED[section] - {"source", "typed"}
        sections[section] = {name: value for name, value in sections[section].items() if name not in derived}
    return sections


@contextmanager
def one_sentence() -> Iterator[None]:
    """Say in one sentence which value is wrong, instead of the many lines of pydantic.

    Raises:
        ValueError: A value is wrong.
    """
    try:
        yield
    except ValidationError as error:
        raise ValueError(sentence(error)) from error


def sentence(error: ValidationError) -> str:
    """Return one sentence on the first mistake in a value."""
    first = error.errors()[0]
    path = _path(first["loc"])
    match first["type"]:
        case "extra_forbidden":
            return f"key '{path}' does not belong to the part that was chosen; vaekit fit --help-keys lists the keys of each"
        case "value_error":
            return str(first["ctx"]["error"])
        case "union_tag_not_found":
            return f"{path} is a part with keys of its own: name it first, {path}=..., then set {path}.<key>=..."
        case _:
            text = first["msg"].replace("tuple", "list").replace("Tuple", "list").replace(" after validation", "")
            return f"{path}={shown(first['input'])}: {text[0].lower()}{text[1:]}"


def _known(modality: str = "") -> dict[str, list[Key]]:
    """Return the keys by path; a path has several keys if kinds of a part differ in its meaning."""
    known: dict[str, list[Key]] = {}
    for key in keys(modality):
        known.setdefault(key.path, []).append(key)
    return known


def _variant(variants: list[Key], words: Mapping[str, Any]) -> Key:
    """Return the key of the part that the other words name, or else the first."""
    owner = variants[0].path.rpartition(".")[0]
    named = words.get(owner, words.get(f"{owner}.kind"))
    return next((key for key in variants if named in key.belongs_to), variants[0])


def _path(location: Iterable[int | str]) -> str:
    """Return the key of a place in a value: its path without the names of parts."""
    known, parts, untagged = _known(), list[str](), True
    steps = [str(step) for step in location]
    # Only the keys of the objective are typed with the name of their section.
    for step in steps[1:] if len(steps) > 1 and steps[0] in SECTIONS else steps:
        variants = known.get(".".join(parts), []) if untagged else []
        # A field may have the name of a kind of another part, as beta does.
        if any(step in key.kinds for key in variants):
            untagged = False
        else:
            parts.append(step)
            untagged = True
    return ".".join(parts)


def _refuse_misread(path: str, value: Any, key: Key) -> None:
    """Refuse a value of the wrong type that validation would silently read as another value."""
    is_unset = value is None and key.default == "null"
    is_constant = "constant" in key.kinds and is_number(value)
    if key.kinds and not (isinstance(value, str | Mapping) or is_unset or is_constant):
        raise ValueError(f"{path}={shown(value)} names no part; it is one of {', '.join(key.kinds)}")
    if isinstance(value, bool) and "bool" not in key.type:
        raise ValueError(f"{path}={shown(value)} is no {key.type}")
    for number in value if isinstance(value, list) else [value]:
        if isinstance(number, int) and abs(number) >= HUGE:
            raise ValueError(f"{path}={shortened(number)} is too large; it must be below 2**63")
        if isinstance(number, float) and LARGEST < abs(number) < math.inf:
            raise ValueError(f"{path}={number:g} is too large; it must be at most {LARGEST:g}")


def _name_part(tree: dict[str, Any], key: Key, known: Mapping[str, list[Key]]) -> None:
    """Name a part of which only keys were set: it is the only kind with these keys, or else the default kind.

    Raises:
        ValueError: Several kinds have these keys, and the default kind does not.
    """
    for name in key.path.split("."):
        if name == "objective" and key.section == "objective":
            continue
        if not isinstance(tree, dict) or name not in tree:
            return
        tree = tree[name]
    if not key.kinds or not isinstance(tree, dict) or not tree or "kind" in tree:
        return
    able = [kind for kind in key.kinds if all(_has(kind, f"{key.path}.{name}", known) for name in tree)]
    if len(able) == 1:
        tree["kind"] = able[0]
    elif key.default in able and key.path not in _CHOSEN:
        tree["kind"] = key.default
    elif able and key.path not in _CHOSEN:
        paths = ", ".join(f"{key.path}.{name}" for name in tree)
        raise ValueError(f"{paths} may belong to {', '.join(able)}; name one of them, e.g. {key.path}={able[0]}")


def _has(kind: str, path: str, known: Mapping[str, list[Key]]) -> bool:
    """Return whether a kind of part has a key, or keys below it if it is set by those alone."""
    below = [key for other, variants in known.items() if other.startswith(f"{path}.") for key in variants]
    return any(not key.belongs_to or kind in key.belongs_to for key in known.get(path, below))


def _flattened(nested: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in nested.items():
        path = f"{prefix}{name}"
        if isinstance(value, Mapping) and value:
            yield from _flattened(value, f"{path}.")
        else:
            yield path, value


def _unknown(path: str, known: Mapping[str, Any]) -> str:
    others = sorted({key.modality for key in keys() if key.path == path})
    if others:
        many = " and ".join(modality_named(kind).words.many for kind in others)
        return f"key '{path}' is one of {many}, which these data are not; leave it out"
    near = difflib.get_close_matches(path[:100], known, n=1, cutoff=0.4)
    hint = f"did you mean '{near[0]}'?" if near else "none is similar;"
    return f"unknown key '{shortened(path)}'; {hint} vaekit fit --help-keys lists all"


def _place(tree: dict[str, Any], parts: list[str], value: Any) -> None:
    for part in parts[:-1]:
        inner = tree.get(part)
        tree[part] = tree = inner if isinstance(inner, dict) else {}
    # A part may be named after its keys, or before them.
    if isinstance(value, dict) and isinstance(tree.get(parts[-1]), dict):
        tree[parts[-1]].update(value)
    else:
        tree[parts[-1]] = value
