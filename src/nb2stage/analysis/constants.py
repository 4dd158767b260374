"""The plain values that an expression can have, found by reading: what file paths are made of."""

from __future__ import annotations

import ast
import posixpath
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
        return _combine((constant_of(e, lookup) for e in node.elts), lambda parts: parts)
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
        return _subscript(node, lookup)
    if isinstance(node, ast.IfExp):
        one, other = constant_of(node.body, lookup), constant_of(node.orelse, lookup)
        return one | other if one is not None and other is not None else None
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
    except (TypeError, ValueError, KeyError, IndexError, AttributeError):
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
    if isinstance(node.func, ast.Attribute):
        owner = ast.unparse(node.func.value) if isinstance(node.func.value, ast.Attribute | ast.Name) else ""
        if owner in ("os.path", "path", "osp", "os"):
            return of_path_function(name, arguments)
        if owner.rpartition(".")[2] in PATHS and name == "cwd":
            return frozenset({PurePosixPath()})
        return _method(node, name, constant_of(node.func.value, lookup), arguments, lookup)
    if name in ("list", "tuple", "sorted") and len(arguments) == 1:
        return arguments[0]
    return None


# What functions of `os` and `os.path` make of texts.  The working directory is where every relative path begins.
_PATH_FUNCTIONS: dict[str, Callable[..., object]] = {
    "join": lambda *parts: posixpath.join(*map(str, parts)),
    "dirname": lambda path: _above(posixpath.dirname(str(path))),
    "basename": lambda path: posixpath.basename(str(path)),
    "splitext": lambda path: posixpath.splitext(str(path)),
    "normpath": lambda path: posixpath.normpath(str(path)),
    "abspath": lambda path: posixpath.join(".", str(path)),
    "realpath": lambda path: posixpath.join(".", str(path)),
    "fspath": str,
    "getcwd": lambda: "./",  # of which nobody knows the folder above
}


def of_path_function(name: str, arguments: Iterable[Constants]) -> Constants:
    """What `os.path.join` and its like give."""
    function = _PATH_FUNCTIONS.get(name)
    return _combine(arguments, lambda parts: function(*parts)) if function is not None else None


def _above(folder: str) -> str:
    if folder in (".", "..") or folder.endswith("/.."):
        raise ValueError  # the folder of the folder in which everything lies has a name that nobody knows here
    return folder


_OF_TEXT = frozenset({"replace", "lower", "upper", "strip", "lstrip", "rstrip", "removeprefix", "removesuffix"})
_OF_PATH = frozenset(
    {"with_suffix", "with_name", "with_stem", "as_posix", "absolute", "resolve", "joinpath", "relative_to"}
)


def _method(node: ast.Call, name: str, base: Constants, arguments: list[Constants], lookup: Lookup) -> Constants:
    """What a method of a text or of a path gives."""
    if name == "format":
        named = {k.arg: constant_of(k.value, lookup) for k in node.keywords}
        count = len(arguments)
        return _combine(
            [base, *arguments, *named.values()],
            lambda parts: str(parts[0]).format(
                *parts[1 : count + 1], **dict(zip(map(str, named), parts[count + 1 :], strict=True))
            ),
        )

    def apply(parts: tuple[object, ...]) -> object:
        owner, *rest = parts
        if isinstance(owner, str) and name in _OF_TEXT:
            return getattr(owner, name)(*rest)
        if isinstance(owner, str) and name == "join" and rest and isinstance(rest[0], tuple):
            return owner.join(rest[0])
        if isinstance(owner, PurePosixPath) and name in _OF_PATH:
            if name in ("absolute", "resolve"):
                return owner
            return getattr(owner, name)(*map(str, rest))
        raise TypeError

    return _combine([base, *arguments], apply)


def _attribute(node: ast.Attribute, lookup: Lookup) -> Constants:
    known = lookup(node)
    if known is not None or node.attr not in ("parent", "name", "stem", "suffix"):
        return known
    base = constant_of(node.value, lookup)
    if base is None or not all(isinstance(b, PurePosixPath) for b in base):
        return None
    return above(base, 1) if node.attr == "parent" else frozenset(getattr(b, node.attr) for b in base)


def above(paths: Iterable[object], levels: int) -> Constants:
    """The folders so many levels above paths, None where the names of those are not known here."""
    found = set(paths)
    for _ in range(levels):
        if not all(isinstance(p, PurePosixPath) and p.name not in ("", "..") for p in found):
            return None
        found = {p.parent for p in found if isinstance(p, PurePosixPath)}
    return frozenset(found)


def _subscript(node: ast.Subscript, lookup: Lookup) -> Constants:
    """Of a dict's value, or of one member of a constant tuple: `files[0]`, `os.path.splitext(path)[0]`."""
    known = lookup(node)
    if known is not None or isinstance(node.slice, ast.Slice):
        return known
    if isinstance(node.value, ast.Attribute) and node.value.attr == "parents":  # `Path(__file__).parents[1]`
        base, place = constant_of(node.value.value, lookup), constant_of(node.slice, lookup) or frozenset()
        counts = [number for number in place if type(number) is int and 0 <= number <= LIMIT]
        return above(base, counts[0] + 1) if base is not None and len(counts) == len(place) == 1 else None
    return _combine([constant_of(node.value, lookup), constant_of(node.slice, lookup)], _member)


def _member(pair: tuple[object, ...]) -> object:
    whole, place = pair
    if isinstance(whole, tuple) and isinstance(place, int) and -len(whole) <= place < len(whole):
        return whole[place]
    raise TypeError
