"""All cells -> the names that they bind and read: what one cell alone cannot tell about its magics."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Final

from nb2stage.reading.magictable import words_of
from nb2stage.reading.translation import Names, bindings, parse
from nb2stage.trees import walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nb2stage.reading.notebook import Cell
    from nb2stage.reading.translation import PythonCell


def names_of(cells: Iterable[tuple[Cell, PythonCell | None]]) -> Names:
    """The names that code cells bind anywhere, in functions too, and those that they read; what is bound may be read.

    Each cell comes with the Python that a first translation gave, None where there is none.
    """
    bound: set[str] = set()
    read: set[str] = set()
    more: set[str] = set()
    used: set[str] = set()
    for cell, python in cells:
        if python is None:
            read.update(re.findall(r"\w+", cell.source))
            continue
        tree = parse(python.text)
        used.update(taken(tree))
        for node in walk(tree):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                read.add(node.id)
            else:
                bound.update(bindings(node))
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                read.add(f"{node.value.id}.{node.attr}")
            more.update(_more_than_list(node))
        if python.has_magic:
            # A refused magic may read names that its text no longer shows.
            lines = [line for line in cell.source.split("\n")[1:] if re.match(r"\s*[%!]", line)]
            read.update(re.findall(r"\w+", "\n".join(lines)))
    return Names(frozenset(bound), frozenset(read), frozenset(more), frozenset(used))


# Functions that see nothing of a list but its items.
_READERS: Final = words_of(
    "all any enumerate len list max min print repr reversed set sorted str sum tuple zip",
)
# IPython's list of lines has a `sort` of its own, which gives a new list.
_METHODS: Final = frozenset(dir(list)) - {"sort"}


def _more_than_list(node: ast.AST) -> Iterator[str]:
    """The names right below a node that it does not use as it would any list."""
    if _is_list_use(node):
        return
    for field, value in ast.iter_fields(node):
        if field in ("iter", "test") or (field == "value" and isinstance(node, ast.Subscript | ast.Expr)):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Load):
                yield child.id


def _is_list_use(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        function = node.func
        if isinstance(function, ast.Attribute):
            return function.attr == "join"
        return isinstance(function, ast.Name) and function.id in _READERS
    if isinstance(node, ast.Attribute):
        return node.attr in _METHODS
    return isinstance(node, ast.Compare | ast.BinOp | ast.UnaryOp | ast.FormattedValue | ast.Starred)


def taken(tree: ast.Module) -> set[str]:
    """The names that a cell binds, but for those by which it imports a module as translations do."""
    found: set[str] = set()
    for node in walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            continue
        if isinstance(node, ast.Import):
            usual = {a.name.split(".")[0] for a in node.names if a.asname in (None, a.name)}
        elif isinstance(node, ast.ImportFrom) and node.module == "pathlib":
            usual = {a.name for a in node.names if a.asname in (None, a.name)}
        else:
            usual = set()
        found.update(name for name in bindings(node) if name not in usual)
    return found
