"""The list of keys: grouped by part, a line per kind with the work it comes from, a line per key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from vaekit.interfaces.cli.output import BARE, emit
from vaekit.interfaces.describing.keys import Key, keys

__all__ = ["show_keys"]


def show_keys(as_json: bool) -> None:
    """List every key."""
    groups: dict[str, list[Key]] = {}
    for key in keys():
        groups.setdefault(_group(key), []).append(key)
    content = {"keys": [{**asdict(key), "kinds": key.kinds} for key in keys()]}
    emit(as_json, content, *([] if as_json else [_table(name, group) for name, group in groups.items()]))


def _group(key: Key) -> str:
    """Return the part that a key is one of: data, training, or that of the model which its first word names."""
    name = key.path.partition(".")[0]
    is_part = any(other.parts for other in keys() if other.path == name)
    return name if is_part or key.section == "objective" else key.section


def _by_meaning(group: Sequence[Key]) -> dict[Key, list[str]]:
    """Return each key once, with the kinds of data that have it if not all have."""
    kinds: dict[Key, list[str]] = {}
    for key in group:
        kinds.setdefault(replace(key, modality=""), []).extend([key.modality] if key.modality else [])
    return kinds


def _table(name: str, group: Sequence[Key]) -> Any:
    from rich.table import Table

    table = Table(**BARE, title=f"\n{name.upper()}", title_justify="left", expand=True)
    table.add_column("key", no_wrap=True, min_width=max(len(key.path) for key in group))
    for column, ratio in (("type", 3), ("default", 3), ("meaning", 8), ("source", 4)):
        table.add_column(column, ratio=ratio, overflow="fold")
    listed: set[tuple[str, str]] = set()
    for key, modalities in _by_meaning(group).items():
        names = [*(f"{kind}s" for kind in modalities), *key.belongs_to]
        owners = f" ({', '.join(names)})" if names else ""
        table.add_row(key.path, "part" if key.parts else key.type, key.default, f"{key.meaning}{owners}", "")
        for part in key.parts:
            if (key.path, part.name) not in listed:
                listed.add((key.path, part.name))
                table.add_row(f"  ={part.name}", "", "", part.meaning, part.source)
    return table
