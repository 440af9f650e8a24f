"""The kinds of data are closed tables: each entry is whole, and nothing outside three rooms asks which kind data are."""

import ast
import inspect
from pathlib import Path

import pytest

import vaekit
from vaekit.data.schema import Schema
from vaekit.interfaces.describing.keys import keys
from vaekit.interfaces.media import MEDIA, Medium
from vaekit.modalities import (
    MODALITIES,
    Description,
    Modality,
    Reading,
    View,
    described,
    kind_in_memory,
    kind_of_source,
)
from vaekit.modalities.modality import Words

ROOT = Path(vaekit.__file__).parent
MAY_ASK = ("modalities", "data", "interfaces/media")
"""The rooms that know kinds of data."""


def concrete():
    """Return the names of the classes that stand for one kind of data."""
    entries = [getattr(each, part) for each in MODALITIES.values() for part in ("description", "reading", "schema")]
    views = {"ImageView", "TextView", "TableView", "Plain"}
    return {entry.__name__ for entry in entries if entry is not None} | views


def questions(source, kinds, classes):
    """Return the lines of a source that ask for the kind of data."""
    found = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) if name in classes or name in ASKING:
                found.append((node.lineno, name))
            case ast.Compare(left=left, comparators=right):
                found += [(node.lineno, "compare") for part in (left, *right) if _names_kind(part, kinds)]
            case ast.Dict(keys=listed):
                found += [(node.lineno, "dict") for key in listed if key is not None and _names_kind(key, kinds)]
            case ast.Subscript(slice=part) | ast.MatchValue(value=part) if _names_kind(part, kinds):
                found.append((node.lineno, "look-up"))
            case ast.Call(func=ast.Attribute(attr="get"), args=[first, *_]) if _names_kind(first, kinds):
                found.append((node.lineno, "get"))
    return found


ASKING = {"is_text", "is_image", "is_table", "data_are_numbers", "is_language_model", "kind_of"}
"""Attributes and functions that the house once asked with."""


def _names_kind(node, kinds):
    parts = node.elts if isinstance(node, ast.Tuple | ast.List | ast.Set) else [node]
    return any(isinstance(part, ast.Constant) and part.value in kinds for part in parts)


def everywhere():
    """Return every place outside the three rooms that asks for the kind of data."""
    # A free composition has no kind that could be asked for by this name: torch has it too.
    kinds, classes, found = set(MODALITIES) - {"tensor"}, concrete(), []
    for path in sorted(ROOT.rglob("*.py")):
        place = path.relative_to(ROOT).as_posix()
        if not place.startswith(MAY_ASK):
            found += [f"{place}:{line} {what}" for line, what in questions(path.read_text(), kinds, classes)]
    return found


def test_nothing_outside_the_three_rooms_asks_for_the_kind_of_data():
    """There were 166 such places before the tables."""
    assert everywhere() == []


@pytest.mark.parametrize(
    "planted",
    [
        "isinstance(run.schema, TextSchema)",
        'run.kind == "image"',
        'run.kind in ("text", "table")',
        '{"text": 1}.get(run.kind)',
        'words.get("table", 0)',
        "subject.is_text",
        "match kind:\n    case 'image':\n        pass",
    ],
)
def test_a_question_is_found(planted):
    assert questions(planted, set(MODALITIES), concrete())


@pytest.mark.parametrize("kind", MODALITIES)
def test_a_kind_lacks_no_entry(kind):
    modality = MODALITIES[kind]
    assert isinstance(modality, Modality)
    assert modality.kind == kind and isinstance(modality.words, Words) and all(modality.words) and modality.reads
    assert issubclass(modality.reading, Reading) and modality.opened().kind == kind
    assert isinstance(MEDIA[kind], Medium) and MEDIA[kind].kind == kind
    if kind == "tensor":
        assert modality.description is None
        return
    assert issubclass(modality.description, Description) and issubclass(modality.schema, Schema)
    for entry in (modality.description, modality.reading, modality.schema):
        assert entry.model_fields["kind"].default == kind, entry
    assert issubclass(inspect.signature(modality.description.view, eval_str=True).return_annotation, View)


def test_the_tables_have_the_same_kinds():
    assert set(MEDIA) == set(MODALITIES)


def test_every_key_of_reading_belongs_to_a_kind_by_its_name():
    for modality in described():
        own = {key.path for key in keys(modality.kind) if key.section == "data"}
        assert own == set(modality.reading.model_fields) - {"kind", "source", "typed"}


def test_what_no_kind_reads_is_an_error_and_never_an_image(tmp_path):
    strange, empty = tmp_path / "strange.xyz", tmp_path / "empty"
    strange.write_bytes(b"\x00strange")
    empty.mkdir()
    said = r"no kind of data is recognized in .*; vaekit reads images: .*; texts: .*; tables: "
    for path, match in ((strange, said), (empty, "the folder .*empty holds nothing")):
        with pytest.raises(ValueError, match=match):
            kind_of_source(str(path))
    with pytest.raises(FileNotFoundError, match=r"no '.*nowhere'; check the path"):
        kind_of_source(str(tmp_path / "nowhere"))


def test_what_no_kind_holds_is_an_error():
    with pytest.raises(TypeError, match="no kind of data is recognized in a int; give images"):
        kind_in_memory(3)
