"""`_`, which in a live notebook is the last value that a cell has shown -> a variable that the cells give this value.

IPython gives `_` the value of a cell's last expression unless that is None or a `;` follows, and leaves the name alone
once a cell binds it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Final

from nb2stage.reading.edits import Edits
from nb2stage.reading.translation import ends_in_semicolon
from nb2stage.trees import walk

NAME: Final = "_"
_FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_VALUES: Final = (
    *(ast.Constant, ast.JoinedStr, ast.List, ast.Tuple, ast.Dict, ast.Set),
    *(ast.ListComp, ast.DictComp, ast.SetComp),
)
_NO_OPERATORS: Final = frozenset(
    {"__init__", "__repr__", "__str__", "__call__", "__len__", "__iter__", "__post_init__"}
)
_GIVES_NONE: Final = frozenset({"print", "display", "show"})
_GIVES_VALUE: Final = frozenset(
    {"abs", "count", "describe", "float", "groupby", "head", "int", "len", "list", "mean", "median", "round", "set"}
    | {"sorted", "std", "str", "sum", "tail", "tuple", "unique", "value_counts"}
)


def with_last_values(cells: Sequence[tuple[str, ast.Module, bool]]) -> Mapping[int, str]:
    """The cells' texts that change so that `_` is a variable, by place; nothing where it is not certain what it is.

    Each cell of the notebook comes with its text, its tree, and whether its text can be changed: not that of a cell that
    is no part of the pipeline, nor that of a magic.  The number of lines stays.
    """
    readers = [place for place, (_, tree, _) in enumerate(cells) if any(_reads(tree))]
    if not readers or any(_binds(tree) or not all(_reads(tree)) for _, tree, _ in cells):
        return {}
    defined = {node.name for _, tree, _ in cells for node in walk(tree) if isinstance(node, _FUNCTIONS[:2])}
    names = {node.id for _, tree, _ in cells for node in walk(tree) if isinstance(node, ast.Name)}
    fresh = next(name for n in count(1) if (name := f"value_{n}" if n > 1 else "value") not in names)
    changed: dict[int, str] = {}
    for reader in readers:
        shown = [(place, value) for place in range(reader) if (value := _shown(*cells[place][:2])) is not None]
        certain = [number for number, (_, value) in enumerate(shown) if _is_value(value, defined)]
        wanted = shown[certain[-1] if certain else 0 :]
        if not wanted or any(not cells[place][2] or isinstance(value, ast.Await) for place, value in wanted):
            return {}
        for number, (place, value) in enumerate(wanted):
            before, after = f"{NAME} = ", f"; {NAME}"
            if number or not certain:
                otherwise = NAME if number else '""'  # as a kernel begins with
                before = f"{NAME} = {fresh} if ({fresh} := "
                after = f") is not None else {otherwise}; {NAME}"
            edits = Edits(cells[place][0])
            edits.wrap(value, before, after)
            changed.setdefault(place, edits.text())
    return changed


def _reads(tree: ast.Module) -> Iterator[bool]:
    """For each place that reads `_`: whether that is outside functions and classes."""
    todo: list[tuple[ast.AST, bool]] = [(tree, True)]
    while todo:
        node, outside = todo.pop()
        if isinstance(node, ast.Name) and node.id == NAME and isinstance(node.ctx, ast.Load):
            yield outside
        outside = outside and not isinstance(node, _FUNCTIONS)
        todo += [(child, outside) for child in ast.iter_child_nodes(node)]


def _binds(tree: ast.Module) -> bool:
    for node in walk(tree):
        if isinstance(node, ast.Name) and node.id == NAME and not isinstance(node.ctx, ast.Load):
            return True
        if isinstance(node, ast.alias) and NAME in (node.asname, node.name):
            return True
        if isinstance(node, ast.arg | ast.FunctionDef | ast.ClassDef | ast.ExceptHandler | ast.MatchAs):
            if NAME in (getattr(node, "arg", None), getattr(node, "name", None)):
                return True
    return False


def _shown(text: str, tree: ast.Module) -> ast.expr | None:
    """The last expression of a cell, unless it shows nothing."""
    last = tree.body[-1] if tree.body else None
    if not isinstance(last, ast.Expr) or (isinstance(last.value, ast.Constant) and last.value.value is None):
        return None
    if ends_in_semicolon(text, last):
        return None
    if isinstance(last.value, ast.Call) and _called(last.value) in _GIVES_NONE:
        return None
    if isinstance(last.value, ast.Name) and last.value.id == NAME:
        return None
    return last.value


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _is_value(value: ast.expr, defined: set[str]) -> bool:
    """Whether an expression certainly gives anything but None; `defined` are the functions and methods of the cells."""
    if isinstance(value, ast.BinOp | ast.Compare):
        return not any(name.startswith("__") and name not in _NO_OPERATORS for name in defined)
    if isinstance(value, ast.Call):
        return _called(value) in _GIVES_VALUE and _called(value) not in defined
    return isinstance(value, _VALUES)
