"""No file of the package needs, in the end, itself: neither at import, nor inside a function, nor for its types."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import vaekit

ROOT = Path(vaekit.__file__).parent
FLOORS = ("vaekit",)


def files() -> dict[str, Path]:
    """Return every file by the name it is imported by."""
    parts = {path: ("vaekit", *path.relative_to(ROOT).with_suffix("").parts) for path in ROOT.rglob("*.py")}
    return {".".join(part for part in name if part != "__init__"): path for path, name in parts.items()}


def imports(tree: ast.AST, known: dict[str, object]) -> Iterator[str]:
    """Yield the files that one imports; of `from package import name` that of the name, where it has one."""
    for node in ast.walk(tree):
        match node:
            case ast.Import():
                yield from (alias.name for alias in node.names if alias.name in known)
            case ast.ImportFrom(module=str(module), level=0):
                for alias in node.names:
                    inner = f"{module}.{alias.name}"
                    if inner in known or module in known:
                        yield inner if inner in known else module


def circles(graph: dict[str, set[str]]) -> list[set[str]]:
    """Return the sets of files that all reach one another."""
    reach = {name: reachable(graph, name) for name in graph}
    found = {
        frozenset({name} | {other for other in reach[name] if name in reach[other]})
        for name in graph
        if name in reach[name]
    }
    return [set(circle) for circle in found]


def reachable(graph: dict[str, set[str]], start: str) -> set[str]:
    """Return what is reached from a file by one import or more."""
    seen: set[str] = set()
    ahead = list(graph[start])
    while ahead:
        name = ahead.pop()
        if name not in seen:
            seen.add(name)
            ahead.extend(graph[name])
    return seen


@pytest.mark.parametrize("floor", FLOORS)
def test_no_file_needs_itself_in_the_end(floor: str) -> None:
    known = files()
    graph = {name: set(imports(ast.parse(path.read_text()), known)) for name, path in known.items()}
    assert len(graph) > 300 and sum(map(len, graph.values())) > 1000
    assert [circle for circle in circles(graph) if any(name.startswith(floor) for name in circle)] == []


def test_a_planted_circle_is_found() -> None:
    source = {
        "vaekit.a": "from vaekit.b import c",
        "vaekit.b": "if TYPE_CHECKING:\n    import vaekit.d",
        "vaekit.d": "def f():\n    from vaekit import a",
        "vaekit.e": "import vaekit.a",
    }
    graph = {name: set(imports(ast.parse(text), dict.fromkeys(source))) for name, text in source.items()}
    assert circles(graph) == [{"vaekit.a", "vaekit.b", "vaekit.d"}]
