"""Going through syntax trees."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator


def walk(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes of a tree in the order of `ast.walk`, without `Load()` and its like, in a third of the time."""
    todo = [tree]
    for node in todo:
        names = _FIELDS[node.__class__]
        if names is None:  # a name in the list of a `global`
            continue
        held = node.__dict__
        for name in names:
            value: Any = held.get(name)
            if value.__class__ is list:
                todo += value
            elif _FIELDS[value.__class__] is not None:
                todo.append(value)
        yield node


def walk_from_the_top(tree: ast.AST, leaving_out: frozenset[type]) -> Iterator[ast.AST]:
    """The same nodes, each before what is in it and that before what follows; nothing from a node of `leaving_out` on down."""
    todo = [tree]
    while todo:
        node = todo.pop()
        names = _FIELDS[node.__class__]
        if names is None or node.__class__ in leaving_out:
            continue
        yield node
        held = node.__dict__
        for name in reversed(names):
            value: Any = held.get(name)
            if value.__class__ is list:
                todo += reversed(value)
            elif _FIELDS[value.__class__] is not None:
                todo.append(value)


class _Fields(dict[type, "tuple[str, ...] | None"]):
    """The fields of a class of nodes in which other nodes may stand; None for classes of other things."""

    def __missing__(self, kind: type) -> tuple[str, ...] | None:
        fields = tuple(name for name in kind._fields if name not in _WITHOUT) if issubclass(kind, ast.AST) else None
        self[kind] = fields
        return fields


_WITHOUT: Final = frozenset({"ctx", "id", "attr", "arg", "asname", "module", "level", "kind", "type_comment", "rest"})
_FIELDS: Final = _Fields()
