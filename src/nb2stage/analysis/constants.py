"""The plain values that an expression can have, found by reading: what file paths are made of."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from itertools import product
from pathlib import PurePosixPath

Constants = frozenset[object] | None
# Of a name, of a call of a function of the notebook, of an attribute of a class, or of a value of a dict.
Lookup = Callable[[str | ast.Call | ast.Attribute | ast.Subscript], Constants]
LIMIT = 32
PATHS = frozenset({"Path", "PurePath", "PosixPath"})


def constant_of(node: ast.expr, lookup: Lookup) -> Constants:
    """All values that `node` may have, None where that is not known.  A list or tuple of constants gives a tuple."""
    if isinstance(node, ast.Constant):
        return frozenset({node.value}) if not isinstance(node.value, bytes) else None
    if isinstance(node, ast.Name):
        return lookup(node.id)
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return _combine((constant_of(e, lookup) for e in node.elts), tuple)
    if isinstance(node, ast.JoinedStr):
        return _combine((_piece(v, lookup) for v in node.values), lambda parts: "".join(str(p) for p in parts))
    if isinstance(node, ast.BinOp):
        return _combine((constant_of(node.left, lookup), constant_of(node.right, lookup)), _operator(node.op))
    if isinstance(node, ast.Call):
        returned = lookup(node)
        return returned if returned is not None else _call(node, lookup)
    if isinstance(node, ast.Attribute):
        return _attribute(node, lookup)
    if isinstance(node, ast.Subscript):
        return lookup(node)
    return None


def _combine(parts: Iterable[Constants], join: Callable[[tuple[object, ...]], object]) -> Constants:
    known = list(parts)
    choices = [k for k in known if k is not None]
    if len(choices) != len(known):
        return None
    size = 1
    for choice in choices:
        size *= max(1, len(choice))
    if size > LIMIT:
        return None
    try:
        return frozenset(join(combination) for combination in product(*choices))
    except (TypeError, ValueError):
        return None


def _piece(node: ast.expr, lookup: Lookup) -> Constants:
    if isinstance(node, ast.FormattedValue):
        values = constant_of(node.value, lookup)
        if values is None or node.conversion != -1:
            return None
        if node.format_spec is None:
            return values
        spec = constant_of(node.format_spec, lookup)
        return _combine((values, spec), lambda pair: format(pair[0], str(pair[1])))
    return constant_of(node, lookup)


def _operator(op: ast.operator) -> Callable[[tuple[object, ...]], object]:
    def apply(pair: tuple[object, ...]) -> object:
        left, right = pair
        if isinstance(op, ast.Add) and isinstance(left, str) and isinstance(right, str):
            return left + right
        if isinstance(op, ast.Div) and isinstance(left, PurePosixPath):
            return left / str(right)
        if isinstance(op, ast.Mod) and isinstance(left, str):
            return left % right
        raise TypeError

    return apply


def _call(node: ast.Call, lookup: Lookup) -> Constants:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if node.keywords and name != "format":
        return None
    arguments = [constant_of(a, lookup) for a in node.args]
    if name in PATHS:
        return _combine(arguments, lambda parts: PurePosixPath(*(str(p) for p in parts)))
    if name == "str":
        return _combine(arguments, lambda parts: str(parts[0]))
    if name in ("join", "joinpath") and isinstance(node.func, ast.Attribute):
        if isinstance(node.func.value, ast.Attribute | ast.Name) and name == "join":
            if ast.unparse(node.func.value) in ("os.path", "path", "osp"):
                return _combine(arguments, lambda parts: str(PurePosixPath(*(str(p) for p in parts))))
            return None
        base = constant_of(node.func.value, lookup)
        return _combine([base, *arguments], _join_path) if name == "joinpath" else None
    if name == "format" and isinstance(node.func, ast.Attribute) and not node.keywords:
        base = constant_of(node.func.value, lookup)
        return _combine([base, *arguments], lambda parts: str(parts[0]).format(*parts[1:]))
    if name in ("list", "tuple", "sorted") and len(arguments) == 1:
        return arguments[0]
    return None


def _join_path(parts: tuple[object, ...]) -> object:
    first, *rest = parts
    if not isinstance(first, PurePosixPath):
        raise TypeError
    return first.joinpath(*(str(p) for p in rest))


def _attribute(node: ast.Attribute, lookup: Lookup) -> Constants:
    known = lookup(node)
    if known is not None or node.attr not in ("parent", "name", "stem", "suffix"):
        return known
    base = constant_of(node.value, lookup)
    if base is None or not all(isinstance(b, PurePosixPath) for b in base):
        return None
    return frozenset(getattr(b, node.attr) for b in base)
