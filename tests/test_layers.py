"""The packages stand in the order that docs/development.md gives: each imports from those above it only."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parent.parent
SOURCES: Final = ROOT / "src" / "nb2stage"
ORDER: Final = [
    *("texts", "knowledge", "reading", "analysis", "planning", "tagging", "scripts", "files", "project", "runs"),
    *("overview", "console"),
]


def test_the_document_has_all_packages_in_this_order() -> None:
    """A package that is added has to be explained."""
    table = re.findall(r"^\| (`.*?`) \|", (ROOT / "docs" / "development.md").read_text(encoding="utf-8"), re.MULTILINE)
    named = [name for cell in table for name in re.findall(r"`(\w+)`", cell)]
    there = {path.parent.name for path in SOURCES.glob("*/__init__.py")}
    assert named[: len(ORDER)] == ORDER
    assert there == {*named, "probes"} & {path.name for path in SOURCES.iterdir()}


@pytest.mark.parametrize("package", ORDER)
def test_a_package_imports_from_those_above_it(package: str) -> None:
    """What is read of a notebook does not depend on how its analysis works, and so on."""
    below = ORDER[ORDER.index(package) + 1 :]
    found = [
        f"{path.name}: {name}"
        for path in (SOURCES / package).glob("*.py")
        for name in re.findall(r"nb2stage\.(\w+)", path.read_text(encoding="utf-8"))
        if name in below
    ]
    assert found == []


def imports_of(path: Path) -> set[str]:
    """The modules of nb2stage that a module imports: at its top, in functions, and for the type checker alone."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def import_graph() -> dict[str, list[str]]:
    """All modules of nb2stage, and the others that each imports."""
    paths = {
        ".".join(("nb2stage", *path.relative_to(SOURCES).with_suffix("").parts)).removesuffix(".__init__"): path
        for path in sorted(SOURCES.rglob("*.py"))
    }
    return {name: sorted((imports_of(path) & paths.keys()) - {name}) for name, path in paths.items()}


def circle_in(graph: dict[str, list[str]]) -> list[str]:
    """Modules each of which imports the next one, and the last one the first; none where there is no such circle."""
    done: set[str] = set()

    def follow(name: str, way: list[str]) -> list[str]:
        if name in way:
            return way[way.index(name) :]
        if name not in done:
            for each in graph[name]:
                if found := follow(each, [*way, name]):
                    return found
            done.add(name)
        return []

    return next((found for name in graph if (found := follow(name, []))), [])


def test_a_circle_is_found() -> None:
    assert circle_in({"a": ["b"], "b": ["c"], "c": ["d", "b"], "d": []}) == ["b", "c"]
    assert circle_in({"a": ["b", "c"], "b": ["c"], "c": []}) == []


def test_no_modules_import_each_other() -> None:
    """Neither at their tops nor in functions nor for the type checker: each can be read after those that it uses."""
    graph = import_graph()
    assert "nb2stage.analysis.heap" in graph["nb2stage.analysis.interpreter"]
    assert circle_in(graph) == []


def test_nothing_imports_the_command_line() -> None:
    """Commands are called with what they need and return: none is composed as text and parsed again."""
    importers = {name for name, others in import_graph().items() if "nb2stage.cli" in others}
    assert importers == {"nb2stage.__main__"}
