"""Which values of a notebook are times that its cells measure: `took = time.time() - start`, and what holds them.

Read off the code, with what is certain alone: a value that a clock may have changed through a call that nobody knows is
no time, so that a real difference is never taken for one.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Final

from nb2stage.knowledge.clocks import CALLS, TIMES
from nb2stage.records import dataclass, field, replace

_DEEPEST: Final = 6  # calls of functions in functions
# Calls whose result is made of what they are given and nothing else.
_PLAIN: Final = frozenset(
    ["round", "float", "int", "str", "abs", "min", "max", "sum", "format", "repr", "list", "tuple", "sorted", "dict"]
)
_MAKERS: Final = frozenset(["format", "timedelta", "Timedelta"])
_MEANS: Final = frozenset(
    ["mean", "median", "std", "sum", "min", "max", "round", "total_seconds", "item", "tolist", "isoformat", "strftime"]
)
_CERTAIN: Final = frozenset(name for name, beside in TIMES.items() if not beside)
_TABLES: Final = frozenset(["DataFrame", "Series", "concat", "from_records"])
_ADDING: Final = frozenset(["append", "add", "insert", "extend", "update"])


@dataclass(frozen=True)
class Clocked:
    """What of a value comes from a clock: all of it, or what lies under these keys and at these places of its tuples.

    `empty` is a container that has been made and not filled: what is put into it decides.
    """

    whole: bool = False
    keys: frozenset[str] = frozenset()
    positions: frozenset[int] = frozenset()
    empty: bool = False

    def __bool__(self) -> bool:
        return self.whole or bool(self.keys) or bool(self.positions)

    def parts(self) -> Clocked:
        """What holds values like this one: the same, but not a time itself."""
        return replace(self, whole=False, empty=False)

    def joined(self, other: Clocked) -> Clocked:
        """Either of two."""
        return Clocked(self.whole or other.whole, self.keys | other.keys, self.positions | other.positions)

    def with_item(self, item: Clocked) -> Clocked:
        """The container after an item was put into it: a list of times alone is a time."""
        inner = item.parts()
        keys, positions = self.keys | inner.keys, self.positions | inner.positions
        return Clocked(item.whole and (self.whole or self.empty), keys, positions)

    def at(self, key: object) -> Clocked:
        """What lies under a key; under one that is not known, what holds for all."""
        if isinstance(key, str) and (key in self.keys or key in _CERTAIN):
            return TIME
        if isinstance(key, int) and key in self.positions:
            return TIME
        return Clocked(self.whole, self.keys, self.positions if key is None else frozenset())


NOTHING: Final = Clocked()
TIME: Final = Clocked(whole=True)
EMPTY: Final = Clocked(empty=True)


@dataclass
class Names:
    """The names of a module or of a function that runs, with what each has from a clock."""

    values: dict[str, Clocked] = field(default_factory=dict)
    functions: dict[str, ast.FunctionDef] = field(default_factory=dict)
    modules: dict[str, str] = field(default_factory=dict)  # name -> what it is imported as
    outer: Names | None = None

    def value(self, name: str) -> Clocked:
        """What a name has from a clock."""
        if name in self.values:
            return self.values[name]
        return self.outer.value(name) if self.outer is not None else NOTHING

    def home(self, name: str) -> Names:
        """Where a name that is changed, not bound, lives."""
        return self if name in self.values or self.outer is None else self.outer.home(name)

    def dotted(self, node: ast.expr) -> str:
        """`datetime.datetime.now` for `dt.now` after `from datetime import datetime as dt`."""
        if isinstance(node, ast.Attribute):
            return f"{self.dotted(node.value)}.{node.attr}"
        if isinstance(node, ast.Name):
            found: Names | None = self
            while found is not None:
                if node.id in found.modules:
                    return found.modules[node.id]
                found = found.outer
            return node.id
        return "?"

    def function(self, name: str) -> ast.FunctionDef | None:
        """The function of the notebook that has this name."""
        return self.functions.get(name) or (self.outer.function(name) if self.outer is not None else None)


class Reader:
    """Goes through the statements in the order in which they run."""

    def __init__(self) -> None:
        self.names = Names()
        self.returned: list[Clocked] = []
        self.depth = 0
        self.branches = 0  # in a branch or loop nothing is certainly bound anew

    # -- statements

    def run(self, statements: Iterable[ast.stmt]) -> None:
        """Statements of one block."""
        for node in statements:
            self.statement(node)

    def statement(self, node: ast.stmt) -> None:
        """One statement."""
        if isinstance(node, ast.Import | ast.ImportFrom):
            self.imports(node)
        elif isinstance(node, ast.FunctionDef):
            if not node.decorator_list:
                self.names.functions[node.name] = node
        elif isinstance(node, ast.Assign):
            value = self.of(node.value)
            for target in node.targets:
                self.bind(target, value)
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            self.bind(node.target, self.of(node.value))
        elif isinstance(node, ast.AugAssign):
            self.bind(node.target, self.of(node.target).joined(self.of(node.value)))
        elif isinstance(node, ast.Expr):
            self.of(node.value)
        elif isinstance(node, ast.Return):
            self.returned.append(self.of(node.value) if node.value is not None else NOTHING)
        else:
            self.compound(node)

    def imports(self, node: ast.Import | ast.ImportFrom) -> None:
        """What names stand for."""
        for alias in node.names:
            name = alias.asname or alias.name.partition(".")[0]
            whole = alias.name if alias.asname else name
            self.names.modules[name] = whole if isinstance(node, ast.Import) else f"{node.module}.{alias.name}"

    def compound(self, node: ast.stmt) -> None:
        """What holds other statements: each may run, those of a loop again."""
        if isinstance(node, ast.With):
            for item in node.items:
                if item.optional_vars is not None:
                    self.bind(item.optional_vars, self.of(item.context_expr))
            self.run(node.body)
            return
        self.branches += 1
        if isinstance(node, ast.For):
            self.bind(node.target, self.of(node.iter).at(None))
            self.run([*node.body, *node.body, *node.orelse])
        elif isinstance(node, ast.While):
            self.run([*node.body, *node.body, *node.orelse])
        elif isinstance(node, ast.If):
            self.run([*node.body, *node.orelse])
        elif isinstance(node, ast.Try):
            inner = [statement for handler in node.handlers for statement in handler.body]
            self.run([*node.body, *inner, *node.orelse, *node.finalbody])
        self.branches -= 1

    def bind(self, target: ast.expr, value: Clocked) -> None:
        """An assignment to a name, to several, or into something."""
        if isinstance(target, ast.Name):
            before = self.names.values.get(target.id)
            known = value.joined(before) if self.branches and before else value
            self.names.values[target.id] = replace(known, empty=value.empty)
        elif isinstance(target, ast.Tuple | ast.List):
            for number, inner in enumerate(target.elts):
                self.bind(inner, TIME if number in value.positions or value.whole else Clocked(keys=value.keys))
        elif isinstance(target, ast.Subscript | ast.Attribute):
            key = target.attr if isinstance(target, ast.Attribute) else _constant(target.slice)
            holder = self.holder(target.value)
            if holder is None:
                return
            names, name = holder
            before = names.value(name)
            if isinstance(key, str) and value.whole:
                names.values[name] = replace(before.joined(Clocked(keys=frozenset([key]))), empty=before.empty)
            elif isinstance(key, str):
                names.values[name] = replace(before.joined(value.parts()), whole=False)
            else:
                names.values[name] = before.with_item(value)

    def holder(self, node: ast.expr) -> tuple[Names, str] | None:
        """The name at the front of `result["times"].loc[3]`."""
        while isinstance(node, ast.Subscript | ast.Attribute):
            node = node.value
        return (self.names.home(node.id), node.id) if isinstance(node, ast.Name) else None

    # -- expressions

    def of(self, node: ast.expr) -> Clocked:
        """What a value has from a clock."""
        if isinstance(node, ast.Name):
            return self.names.value(node.id)
        if isinstance(node, ast.Call):
            return self.call(node)
        if isinstance(node, ast.Attribute):
            inner = self.of(node.value)
            return TIME if node.attr in _CERTAIN or node.attr in inner.keys else inner
        if isinstance(node, ast.Subscript):
            return self.of(node.value).at(_constant(node.slice))
        if isinstance(node, ast.Dict):
            return self.of_dict(node)
        if isinstance(node, ast.List | ast.Set):
            return self.of_items([self.of(each) for each in node.elts])
        if isinstance(node, ast.Tuple):
            return self.of_tuple([self.of(each) for each in node.elts])
        if isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp):
            return self.of_comprehension(node)
        if isinstance(node, ast.NamedExpr):
            value = self.of(node.value)
            self.bind(node.target, value)
            return value
        if isinstance(node, ast.IfExp):
            return self.of(node.body).joined(self.of(node.orelse))
        if isinstance(node, ast.BinOp | ast.UnaryOp | ast.BoolOp | ast.Compare | ast.JoinedStr | ast.FormattedValue):
            parts = [self.of(each) for each in ast.iter_child_nodes(node) if isinstance(each, ast.expr)]
            return TIME if any(each.whole for each in parts) else NOTHING
        return NOTHING

    def of_items(self, items: list[Clocked]) -> Clocked:
        """A list: a time where all its items are times."""
        found = EMPTY
        for item in items:
            found = found.with_item(item)
        return found

    def of_tuple(self, items: list[Clocked]) -> Clocked:
        """A tuple, which knows its places."""
        if items and all(each.whole for each in items):
            return TIME
        found = NOTHING
        for number, item in enumerate(items):
            found = found.joined(Clocked(positions=frozenset([number])) if item.whole else item.parts())
        return found

    def of_dict(self, node: ast.Dict) -> Clocked:
        """A dict: the keys under which times lie."""
        found = NOTHING if node.keys else EMPTY
        for key, value in zip(node.keys, node.values, strict=True):
            inner, name = self.of(value), _constant(key) if key is not None else None
            if inner.whole and isinstance(name, str):
                inner = Clocked(keys=frozenset([name]))
            found = found.joined(inner.parts())
        return found

    def of_comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> Clocked:
        """A list of times is a time."""
        for each in node.generators:
            self.bind(each.target, self.of(each.iter).at(None))
        return EMPTY.with_item(self.of(node.value if isinstance(node, ast.DictComp) else node.elt))

    # -- calls

    def call(self, node: ast.Call) -> Clocked:
        """The result of a call; what it puts into its receiver."""
        given = [self.of(each) for each in node.args] + [self.of(each.value) for each in node.keywords]
        name = self.names.dotted(node.func)
        if name in CALLS:
            return TIME
        if isinstance(node.func, ast.Name):
            function = self.names.function(node.func.id)
            if function is not None:
                return self.called(function, node)
            return self.plain(node.func.id, node, given)
        if not isinstance(node.func, ast.Attribute):
            return NOTHING
        receiver, method = self.of(node.func.value), node.func.attr
        if method in _ADDING:
            self.added(node, given)
            return NOTHING
        if (
            method in _TABLES
            or method in _MAKERS
            or (method in _MEANS and node.args and isinstance(node.func.value, ast.Name))
        ):
            return self.plain(method, node, given)
        if receiver.whole:
            return TIME if method in _MEANS or not node.args else NOTHING
        return receiver.parts()

    def plain(self, name: str, node: ast.Call, given: list[Clocked]) -> Clocked:
        """A call of a function that makes its result of what it is given; of others nothing is known."""
        if name == "dict" and node.keywords:
            pairs = [(each.arg, self.of(each.value)) for each in node.keywords]
            keys = frozenset(key for key, value in pairs if key and value.whole)
            return Clocked(keys=keys)
        if not given and name in ("list", "dict", "set"):
            return EMPTY
        if name in _TABLES:
            return _with_columns(given[0] if given else NOTHING, node)
        if name not in _PLAIN | _MEANS | _MAKERS:
            return NOTHING
        found = NOTHING
        for each in given:
            found = found.joined(each)
        return found

    def added(self, node: ast.Call, given: list[Clocked]) -> None:
        """`times.append(took)`."""
        assert isinstance(node.func, ast.Attribute)
        holder = self.holder(node.func.value)
        if holder is None or not given:
            return
        names, name = holder
        before, item, place = names.value(name), given[-1], node.func.value
        if isinstance(place, ast.Name):
            names.values[name] = before.with_item(item)
        elif isinstance(place, ast.Subscript) and item.whole and isinstance(key := _constant(place.slice), str):
            names.values[name] = before.joined(Clocked(keys=frozenset([key])))  # `history["seconds"].append(took)`
        else:
            names.values[name] = before.joined(item.parts())

    def called(self, function: ast.FunctionDef, node: ast.Call) -> Clocked:
        """What a function of the notebook returns."""
        if self.depth >= _DEEPEST:
            return NOTHING
        parameters = [*function.args.posonlyargs, *function.args.args]
        values = {each.arg: NOTHING for each in (*parameters, *function.args.kwonlyargs)}
        values |= {p.arg: self.of(each) for p, each in zip(parameters, node.args, strict=False)}
        values |= {each.arg: self.of(each.value) for each in node.keywords if each.arg in values}
        outside, returned, branches = self.names, self.returned, self.branches
        self.names, self.returned, self.branches = Names(values, outer=outside), [], 0
        self.depth += 1
        self.run(function.body)
        found = self.returned
        self.names, self.returned, self.branches = outside, returned, branches
        self.depth -= 1
        result = NOTHING
        for each in found:
            result = result.joined(each)
        return replace(result, whole=bool(found) and all(each.whole for each in found))


def _constant(node: ast.expr) -> object:
    return node.value if isinstance(node, ast.Constant) else None


def _with_columns(value: Clocked, node: ast.Call) -> Clocked:
    """A frame made of rows: their places are its columns, where it says how these are called."""
    columns = next((each.value for each in node.keywords if each.arg == "columns"), None)
    names = [_constant(each) for each in columns.elts] if isinstance(columns, ast.List | ast.Tuple) else []
    found = {names[n] for n in value.positions if n < len(names)} | (set(names) if value.whole else set())
    return Clocked(keys=value.keys | {name for name in found if isinstance(name, str)})


def times_of(cells: Iterable[tuple[str | None, Iterable[ast.stmt]]]) -> dict[str, dict[str, Clocked]]:
    """Cells with their stages, in the order in which they run -> for each stage what its names have from a clock."""
    reader = Reader()
    found: dict[str, dict[str, Clocked]] = {}
    for stage, body in cells:
        reader.run(body)
        if stage is not None:
            found[stage] = {name: value for name, value in reader.names.values.items() if value}
    return found
