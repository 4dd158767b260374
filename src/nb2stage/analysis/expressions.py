"""Expressions: the objects that each may give."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from typing import Final

from nb2stage.analysis.calls import Calls
from nb2stage.analysis.classes import Classes
from nb2stage.analysis.consequences import Consequences
from nb2stage.analysis.definitions import Definitions
from nb2stage.analysis.functions import Functions
from nb2stage.analysis.gradients import Gradients
from nb2stage.analysis.heap import AN_OBJECT, Argument, Heap
from nb2stage.analysis.interfaces import Assigns
from nb2stage.analysis.iteration import Iteration
from nb2stage.analysis.missing import is_nan, leaves_none, may_be_missing
from nb2stage.analysis.modules import Modules
from nb2stage.analysis.names import Names
from nb2stage.analysis.objects import ATOM, Constants, Frame, Obj, State, Values, parts_of, with_bases
from nb2stage.analysis.plainvalues import PlainValues
from nb2stage.analysis.scopes import COMPREHENSIONS, FUNCTIONS, Scope
from nb2stage.analysis.vocabulary import ARRAY_VIEWS, CONTAINERS, DATA, FRAMES, GROUPED, MOVING, USED_UP
from nb2stage.knowledge import UNKNOWN, Effect
from nb2stage.knowledge.valuetypes import Type
from nb2stage.trees import walk

ARRAY_MAKERS = frozenset({"numpy.r_", "numpy.c_", "numpy.mgrid", "numpy.ogrid"})


def items_owner(node: ast.expr) -> ast.expr | None:
    """`x` of `x.items()`."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not node.args:
        return node.func.value if node.func.attr == "items" else None
    return None


def hashable(values: Iterable[Obj]) -> Values:
    """Those objects that may be the key of a dict."""
    return frozenset(v for v in values if v.kind in ("function", "class", "instance", "bound") or v.type == "tuple")


# Plain attributes that are series of a series of dates.
DATE_PARTS = frozenset(["year", "month", "day", "hour", "minute", "second", "days", "seconds", "name"])


# The types that decide what an operator gives, the strongest first.
STRONGEST: Final[tuple[Type, ...]] = ("frame", "series", "ndarray", "pandas", "list", "set", "dict")


class Expressions:
    """Evaluates expressions."""

    # What it calls back: set where all parts are put together.
    assignments: Assigns

    def __init__(
        self,
        heap: Heap,
        plain: PlainValues,
        classes: Classes,
        names: Names,
        gradients: Gradients,
        functions: Functions,
        iteration: Iteration,
        consequences: Consequences,
        modules: Modules,
        calls: Calls,
        definitions: Definitions,
    ) -> None:
        self.heap = heap
        self.plain = plain
        self.classes = classes
        self.names = names
        self.gradients = gradients
        self.functions = functions
        self.iteration = iteration
        self.consequences = consequences
        self.modules = modules
        self.calls = calls
        self.definitions = definitions

    def of_Call(self, node: ast.Call) -> Values:
        arguments: list[Argument] = []
        if isinstance(node.func, ast.Name) and node.func.id == "super":
            return self.functions.super_object(node)
        if isinstance(node.func, ast.Name) and node.func.id == "locals" and self.is_in_function("locals"):
            return self.local_variables()
        base: Values = ATOM
        functions: Values = ATOM
        if isinstance(node.func, ast.Attribute):
            base = self.eval(node.func.value)
        else:
            functions = self.eval(node.func)
        for each in node.args:
            star = isinstance(each, ast.Starred)
            value = each.value if isinstance(each, ast.Starred) else each
            arguments.append(Argument(self.eval(value), self.plain.constant(value), None, value, star))
        for keyword in node.keywords:
            values = self.eval(keyword.value)
            constants = self.plain.constant(keyword.value)
            arguments.append(Argument(values, constants, keyword.arg, keyword.value, keyword.arg is None))
        if isinstance(node.func, ast.Attribute):
            return self.calls.call_method(node, node.func, base, arguments)
        self.heap.last_returned = None
        result = self.calls.call_values(functions, arguments, node)
        followed = len(functions) == 1 and all(fn.kind == "function" for fn in functions)
        self.heap.returned[id(node)] = self.heap.last_returned if followed else None
        return result

    def is_in_function(self, builtin: str) -> bool:
        """Whether the code is that of a function itself, in which a builtin's name means the builtin."""
        inside = self.heap.frame is not None and isinstance(self.heap.frame.scope.node, FUNCTIONS)
        key = self.heap.resolve(builtin)
        return inside and isinstance(key, str) and not self.heap.state.get(key).sites and key not in self.heap.shadows

    def local_variables(self) -> Values:
        """The dict that `locals()` gives in a function: before Python 3.13 it is the same one in each of its calls."""
        assert self.heap.frame is not None
        made = self.heap.make(self.heap.frame.scope.node, "locals", type="dict")
        self.heap.change(made)
        frame: Frame | None = self.heap.frame
        while frame is not None and frame.module is None:
            for name in sorted(frame.scope.local_names):
                self.heap.hold(made, self.heap.state.get((frame.number, name)).values)
            frame = frame.parent
        return frozenset({made})

    def eval(self, node: ast.expr) -> Values:
        """The abstract objects that an expression may give; everything it does is written down."""
        method: Callable[[ast.expr], Values] | None = getattr(self, "of_" + type(node).__name__, None)
        if method is None:
            self.heap.find("NB290", node, text=f"`{type(node).__name__}` expressions are not supported yet")
            return ATOM
        return method(node)

    def peek(self, node: ast.expr) -> Values:
        """Evaluate a second time only to know the objects (the same ones: an object is its place in the program)."""
        return self.eval(node)

    def of_Constant(self, node: ast.Constant) -> Values:
        return ATOM

    def of_Name(self, node: ast.Name) -> Values:
        return self.names.load(node.id, node)

    def of_JoinedStr(self, node: ast.JoinedStr) -> Values:
        for part in node.values:
            self.eval(part)
        return ATOM

    def of_FormattedValue(self, node: ast.FormattedValue) -> Values:
        self.functions.dunders(self.eval(node.value), [], only=("__str__", "__repr__", "__format__"))
        if node.format_spec is not None:
            self.eval(node.format_spec)
        return ATOM

    def of_TemplateStr(self, node: ast.expr) -> Values:
        return self.container(node, list(node.values), "list")  # type: ignore[attr-defined]

    def of_Interpolation(self, node: ast.expr) -> Values:
        return self.eval(node.value)  # type: ignore[attr-defined]

    def container(self, node: ast.expr, parts: list[ast.expr], kind: Type) -> Values:
        made = self.heap.make(node, kind, type=kind)
        made.nan_keys = made.nan_keys or any(map(is_nan, parts))
        for part in parts:
            if isinstance(part, ast.Starred):
                self.heap.hold(made, self.iteration.members(self.eval(part.value)))
            else:
                self.heap.hold(made, self.eval(part))
        return frozenset({made})

    def of_List(self, node: ast.List) -> Values:
        return self.container(node, node.elts, "list")

    def of_Tuple(self, node: ast.Tuple) -> Values:
        values = self.container(node, node.elts, "tuple")
        # A tuple of atoms can neither change nor be told from an equal one.
        return values if any(obj.contents for obj in values) else ATOM

    def of_Set(self, node: ast.Set) -> Values:
        return self.container(node, node.elts, "set")

    def of_Dict(self, node: ast.Dict) -> Values:
        made = self.heap.make(node, "dict", type="dict")
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                self.heap.hold(made, self.iteration.members(self.eval(value)))
            else:
                self.heap.hold(made, self.eval(key), name="key")
                self.heap.hold(made, self.eval(value), name="value")
                self.heap.keep_nan(made, made.nan_keys or is_nan(key))
                self.plain.note_part(
                    made, key.value if isinstance(key, ast.Constant) else None, self.plain.constant(value)
                )
        return frozenset({made})

    def of_BinOp(self, node: ast.BinOp) -> Values:
        return self.operate([self.eval(node.left), self.eval(node.right)], node)

    def of_UnaryOp(self, node: ast.UnaryOp) -> Values:
        values = self.eval(node.operand)
        if isinstance(node.op, ast.Not):
            self.functions.dunders(values, [], only=("__bool__", "__len__"))
        return ATOM if isinstance(node.op, ast.Not) else self.operate([values], node)

    def of_Compare(self, node: ast.Compare) -> Values:
        operands = [node.left, *node.comparators]
        values = [self.eval(operand) for operand in operands]
        if any(isinstance(op, ast.Is | ast.IsNot) for op in node.ops):
            if any(map(is_nan, operands)):
                self.heap.statement.finds_nan = True
            if not any(isinstance(o, ast.Constant) for o in operands):
                self.heap.compare(obj for value in values for obj in value)
                if not any(values) and not any(self.is_singleton(o) for o in operands):
                    whole = self.heap.frame is None  # what the names inside a function refer to is not asked
                    names = {n.id for n in walk(node) if isinstance(n, ast.Name)} if whole else None
                    self.heap.statement.atom_identities.append((node, names))
            return ATOM
        if all(isinstance(op, ast.In | ast.NotIn) for op in node.ops):
            self.functions.dunders(frozenset().union(*values), [])
            self.iteration.members(frozenset(o for value in values[1:] for o in value if o.type in MOVING))
            kept = any(o.nan_keys for value in values[1:] for o in value)
            if is_nan(node.left) or (kept and not isinstance(node.left, ast.Constant)):
                self.heap.statement.finds_nan = True
            return ATOM
        if any(o.nan_keys for value in values for o in value):
            self.heap.statement.finds_nan = True  # lists are equal that hold the same NaN
        return self.operate(values, node, comparison=True)

    def is_singleton(self, node: ast.expr) -> bool:
        """Whether an expression certainly gives something of which a process has one: `None`, a type, a small number."""
        if isinstance(node, ast.Attribute):
            return node.attr == "__class__" or node.attr.lower() == "nan"
        if isinstance(node, ast.Call):
            return isinstance(node.func, ast.Name) and node.func.id == "type"
        constants = self.plain.constant(node)
        return constants is not None and all(c is None or (isinstance(c, int) and -6 < c < 257) for c in constants)

    def operate(self, operands: list[Values], node: ast.AST, comparison: bool = False) -> Values:
        """The result of an operator: a new object; where a type is not known it may hold the operands."""
        everything: Values = frozenset().union(*operands)
        if not everything:
            return ATOM
        results = self.functions.dunders(everything, operands)
        self.heap.follow(everything)
        types = {obj.type for obj in everything}
        if "path" in types and isinstance(node, ast.BinOp):
            return frozenset({self.heap.make(node, "path", type="path")})
        results |= {self.operated(node, types, everything, comparison)}
        if types & DATA and not any(each and {o.type for o in each} <= DATA for each in operands):
            # Each operand may be a list, or something unknown, as well as an array.
            results |= {self.operated(node, types - DATA, everything, comparison)}
        return results

    def operated(self, node: ast.AST, types: set[Type], everything: Values, comparison: bool) -> Obj:
        """What an operator makes of objects that have these types."""
        kind: Type = next((t for t in STRONGEST if t in types), "")
        if kind in CONTAINERS and not types <= set(CONTAINERS):
            kind = ""  # `[1] * x`
        if (
            not comparison
            and not kind
            and len(own := {t for t in types if "." in t}) == 1
            and types <= {*own, "ndarray"}
        ):
            kind = own.pop()  # tensors and the like give their own type
        made = self.heap.make(node, "operator", type=kind)
        made.foreign = made.foreign or (not kind and any(o.foreign for o in everything))
        self.heap.share_index(made, everything)
        if kind == "torch.Tensor":
            self.gradients.note_made_from(frozenset({made}), UNKNOWN, everything)
        if comparison or kind in DATA:
            pass
        elif kind in ("list", "set", "dict"):
            self.heap.hold(made, frozenset(o for obj in everything for o in obj.contents))
        else:  # no operator takes a generator or a function
            self.heap.hold(made, frozenset(o for o in everything if o.type not in USED_UP and o.kind != "function"))
        return made

    def of_BoolOp(self, node: ast.BoolOp) -> Values:
        first, *rest = node.values
        result = self.eval(first)
        for part in rest:
            result |= self.optional(part)
        return result

    def optional(self, node: ast.expr) -> Values:
        """Evaluate what may not be evaluated."""
        base, outer = self.heap.state, self.heap.ways
        self.heap.depth += 1
        self.heap.state, self.heap.ways = State(base), (*outer, (id(node), 0, 2))
        values = self.eval(node)
        self.heap.depth, self.heap.ways = self.heap.depth - 1, outer
        self.heap.commit(base, [self.heap.state, State(base)])
        return values

    def of_IfExp(self, node: ast.IfExp) -> Values:
        self.test(node.test)
        return self.optional(node.body) | self.optional(node.orelse)

    def of_NamedExpr(self, node: ast.NamedExpr) -> Values:
        values = self.eval(node.value)
        constants = self.plain.constant(node.value)
        outer = self.heap.frame
        while self.heap.frame is not None and isinstance(self.heap.frame.scope.node, COMPREHENSIONS):
            self.heap.frame = self.heap.frame.parent
        self.names.bind(node.target.id, values, constants)
        self.heap.frame = outer
        return values

    def of_Lambda(self, node: ast.Lambda) -> Values:
        return frozenset({self.definitions.function(node)})

    def of_Starred(self, node: ast.Starred) -> Values:
        return self.iteration.members(self.eval(node.value))

    def of_Await(self, node: ast.Await) -> Values:
        return self.eval(node.value)

    def of_Yield(self, node: ast.Yield) -> Values:
        values = self.eval(node.value) if node.value is not None else ATOM
        if self.heap.frame is not None:
            self.heap.frame.returns.append(values)
        return ATOM

    def of_YieldFrom(self, node: ast.YieldFrom) -> Values:
        values = self.iteration.members(self.eval(node.value))
        if self.heap.frame is not None:
            self.heap.frame.returns.append(values)
        return ATOM

    def of_Slice(self, node: ast.Slice) -> Values:
        for part in (node.lower, node.upper, node.step):
            if part is not None:
                self.eval(part)
        return ATOM

    def of_Subscript(self, node: ast.Subscript) -> Values:
        base = self.eval(node.value)
        index = self.eval(node.slice)
        self.heap.spend(AN_OBJECT * len(base))
        result: set[Obj] = set()
        for obj in base:
            if obj.kind == "lib" and obj.path in ARRAY_MAKERS:
                result.add(self.heap.make(node, "array", type="ndarray"))
            elif obj.kind == "lib":
                result.add(self.heap.library(obj.path + "[]"))
            elif obj.type in ("list", "tuple", "dict", "set"):
                if obj.path == "collections.defaultdict":
                    self.heap.change(obj)  # looking a missing key up makes it
                    factories = frozenset(o for o in obj.contents if o.kind in ("function", "class", "bound"))
                    factories |= obj.fields.get("factory", ATOM)
                    missing = frozenset({self.heap.make(node, "missing")})
                    self.heap.hold(obj, self.calls.call_values(factories, [], node) if factories else missing)
                if isinstance(node.slice, ast.Slice):
                    made = self.heap.make(node, "slice", type=obj.type)
                    self.heap.hold(made, frozenset(obj.contents))
                    result.add(made)
                result |= self.heap.held_as(obj, "value") if obj.type == "dict" else obj.contents
            elif obj.type == "namespace":
                result |= parts_of(obj)
            elif obj.type == "bunch" and (array := self.array_of(obj, self.plain.constant(node.slice))):
                result |= array
            elif (item := self.item_effect(obj, node.slice)) is not None:
                result |= self.consequences.result(item, frozenset({obj}), frozenset({obj}), ATOM, node)
            elif obj.type != "match":  # its groups are texts
                if obj.type == "bunch" and self.plain.constant(node.slice) in (None, frozenset({"frame"})):
                    result |= self.frame_of(obj)
                result.add(self.column(node, obj, index))
                if obj.type == "frame":
                    continue  # columns or rows, never what a cell holds
                if obj.kind == "value" and not obj.type and isinstance(node.slice, ast.Slice):
                    result.add(self.heap.part_of(node, obj, ""))  # were it an array, this would be another one
                result |= parts_of(obj)
                for base_obj in obj.fields.get("base", ATOM):
                    result |= base_obj.contents
        return frozenset(result) | self.functions.dunders(base, [index], only=("__getitem__", "__class_getitem__"))

    def item_effect(self, obj: Obj, place: ast.expr) -> Effect | None:
        """What a subscript of a library's object gives, where its table says so: `[text]` for a name, `[]` for any other."""
        if "." not in obj.type or obj.kind != "value":
            return None
        constants = self.plain.constant(place)
        named = constants is not None and all(isinstance(c, str) for c in constants)
        return (self.heap.known.method("[text]", obj.type) if named else None) or self.heap.known.method("[]", obj.type)

    def array_of(self, bunch: Obj, names: Constants) -> Values:
        """The one array that a data set of scikit-learn has under a name; nothing where it is not known to be one."""
        if (
            bunch.type != "bunch"
            or bunch.mark != "arrays"
            or names is None
            or not names <= {"data", "target", "images"}
        ):
            return ATOM
        for name in names:
            bunch.fields.setdefault(str(name), frozenset({Obj(type="ndarray")}))
        return frozenset().union(*(bunch.fields[str(name)] for name in names))

    def frame_of(self, bunch: Obj) -> Values:
        """The one frame that a data set of scikit-learn has."""
        if not bunch.fields.get("frame"):
            bunch.fields["frame"] = frozenset({Obj(type="frame")})
        return bunch.fields["frame"]

    def column(self, node: ast.Subscript, obj: Obj, index: Values) -> Obj:
        """The part of an object that a subscript gives: it may share memory, so it is the same abstract object.

        A selection of a frame's columns by a list, or of its rows by a condition, is always a copy.
        """
        kinds = {i.type for i in index}
        if obj.type == "ndarray":
            if kinds and kinds <= {"ndarray", "series", "list"}:
                return self.heap.make(node, "rows", type="ndarray")  # indexing by an array copies
            return self.heap.part_of(node, obj, "ndarray")
        if obj.type == "grouped":
            base = next(iter(obj.fields.get("base", ATOM)), obj)
            return self.heap.share(node, base, "pandas") if self.heap.copy_on_write else obj
        if obj.type not in FRAMES:
            return obj
        if isinstance(node.slice, ast.Slice):
            return self.heap.share(node, obj, obj.type)
        constants = self.plain.constant(node.slice) if obj.type == "frame" else None
        if constants and all(isinstance(c, str) for c in constants):
            return self.heap.share(node, obj, "series")
        if obj.type == "frame" and kinds and kinds <= {"list", "index"}:
            return self.copied(node, "columns", obj)
        if obj.type != "pandas" and kinds and kinds <= {"series"}:
            return self.copied(node, "rows", obj)
        return self.heap.share(node, obj, "pandas")

    def copied(self, node: ast.Subscript, what: str, obj: Obj) -> Obj:
        """A selection that is a copy; lists in its cells are the same."""
        made = self.heap.make(node, what, type=obj.type)
        self.heap.hold(made, frozenset(obj.contents))
        self.heap.share_index(made, [obj])
        return made

    def of_Attribute(self, node: ast.Attribute) -> Values:
        base = self.eval(node.value)
        result: set[Obj] = set()
        for obj in base:
            result |= ATOM if self.heap.lacks(obj, node.attr) else self.attribute(obj, node)
        return frozenset(result)

    def attribute(self, obj: Obj, node: ast.Attribute) -> Values:
        if obj.kind == "module":
            return self.modules.module_attribute(obj, node.attr, node)
        if obj.kind == "lib":
            path = f"{obj.path}.{node.attr}"
            if path == "sys.modules":
                self.heap.cannot_follow(node, path)
            self.heap.statement.imports.add(path)
            return ATOM if self.heap.known.is_constant(path) else frozenset({self.heap.library(path)})
        if node.attr == "__defaults__" and obj.kind == "function":
            made = self.heap.make(node, "defaults", type="tuple")
            for name, held in obj.fields.items():
                self.heap.hold(made, held if name.startswith("=") else ATOM)
            return frozenset({made})
        if node.attr in ("__globals__", "__code__", "__closure__", "__kwdefaults__"):
            self.heap.cannot_follow(node, node.attr, "change the variable itself")
        self.gradients.note_gradients(node.attr, frozenset({obj}), node)
        inner = self.heap.known.inner_type(obj.type, node.attr)
        if inner is not None:
            part = self.heap.part_of(node, obj, inner)
            part.certain_view = True
            return frozenset({part})
        if node.attr == "__class__" and obj.kind == "instance":
            return frozenset(obj.bases)
        if node.attr == "__dict__":
            return frozenset({self.heap.namespace(node, obj)})
        if obj.mark == "enum member" and node.attr in ("value", "_value_"):
            return obj.fields.get("value", ATOM)
        found = self.classes.lookup(obj, node.attr)
        hooks = ("__getattribute__",) if found else ("__getattribute__", "__getattr__")
        worked_out = self.functions.dunders(frozenset({obj}), [], only=hooks)
        if found:
            return self.functions.bound(obj, found, node) | worked_out
        if obj.kind == "instance":
            return worked_out | self.heap.held_as(obj, node.attr)
        if obj.kind == "value" and (words := self.heap.known.attribute(node.attr, obj.type)):
            return parts_of(obj) if words == "part" else ATOM
        if (
            self.heap.known.is_plain_attribute(node.attr)
            and obj.kind == "value"
            and not (obj.type in DATA and node.attr in DATE_PARTS)
        ):
            return ATOM
        if node.attr in self.heap.accessors and obj.type in {*FRAMES, "index", ""}:
            return self.accessor(obj, node)
        if obj.type in FRAMES:
            if node.attr in ("columns", "index", "dtypes"):
                made = self.heap.make(node, "index", type="index")
                return (
                    self.heap.index_of(obj) if self.heap.names_indexes and node.attr != "dtypes" else frozenset({made})
                )
            if node.attr == "attrs":
                return frozenset({self.heap.notes_of(obj)})
            if node.attr in GROUPED:
                return frozenset({self.heap.part_of(node, obj, "grouped")})
            kind = "ndarray" if node.attr == "values" else obj.type if node.attr == "T" else "pandas"
            if kind == "ndarray" or node.attr == "array":
                return frozenset({self.heap.memory_view(node, obj)})
            return frozenset({self.heap.share(node, obj, kind)})
        if obj.type == "ndarray" and node.attr in ("flags", "strides", "base"):
            if any(base.born is not obj.born for base in with_bases(obj) - {obj}):
                self.heap.statement.memory_asked.append((node, obj))
        if obj.type == "ndarray":
            part = self.heap.part_of(node, obj, "ndarray")
            part.mark = "flat" if node.attr == "flat" else part.mark
            return frozenset({part})
        if obj.kind == "class" and self.classes.has_attribute(obj, node.attr):
            return worked_out | self.heap.held_as(obj, node.attr)  # a number or text
        if obj.kind in ("class", "super"):
            return frozenset(obj.contents) | (frozenset({obj}) if obj.kind == "class" else ATOM)
        if obj.kind == "function":
            return frozenset(obj.contents)
        if array := self.array_of(obj, frozenset({node.attr})):
            return array
        if obj.type in ("bunch",) and node.attr == "frame":
            return self.frame_of(obj) | frozenset(obj.contents)
        if obj.mark == "itertuples":
            return frozenset(obj.contents).union(*(cell.contents for cell in obj.contents))
        effect = self.heap.known.method(node.attr, obj.type) if obj.type in ("list", "dict", "set") else None
        if effect is not None and effect.changes:
            method = self.heap.make(node, "method", type="callable")
            self.heap.hold(method, frozenset({obj}))
            return frozenset({obj, method})
        if obj.type == "sklearn" and node.attr.endswith("_") and not node.attr.startswith("X_"):
            # What an estimator has learnt is its own, not the data that it was given; the best one is a clone.
            if node.attr == "best_estimator_":
                return frozenset({obj}) | frozenset(o for o in obj.contents if o.kind == "instance")
            learnt = obj.fields.get("learnt", ATOM)
            return learnt | {obj} | frozenset(o for o in obj.contents if o.type not in DATA)
        if obj.kind == "value" and not obj.type and node.attr in ARRAY_VIEWS:
            return frozenset({obj, self.heap.part_of(node, obj, "")}) | parts_of(obj)
        return frozenset({obj}) | parts_of(obj)

    def accessor(self, obj: Obj, node: ast.Attribute) -> Values:
        """What a class makes of an object that it is registered for: `df.lab`."""
        made: Values = ATOM
        for cls in sorted(self.heap.accessors[node.attr]):
            if cls.kind in ("class", "function"):
                made |= self.calls.call_values(frozenset({cls}), [Argument(frozenset({obj}), None, None, None)], node)
        return made | {obj}

    def comprehension(self, node: ast.expr, generators: list[ast.comprehension], parts: list[ast.expr]) -> list[Values]:
        names = {n.id for g in generators for n in walk(g.target) if isinstance(n, ast.Name)}
        scope = Scope(node, bound=names)
        results: list[Values] = [ATOM for _ in parts]
        outer = self.heap.frame
        first = self.eval(generators[0].iter)
        frame = self.functions.enter(node, scope, outer)
        ways = self.heap.ways
        if any(generator.ifs for generator in generators):
            self.heap.ways = (*ways, (id(node), 0, 2))
        self.heap.each += [self.plain.count_of(generator.iter) for generator in generators]
        self.heap.depth += 1
        for _ in range(2):
            self.heap.frame = frame
            for index, generator in enumerate(generators):
                values = first if index == 0 else self.eval(generator.iter)
                if index == 0:
                    self.heap.frame = outer
                constants = self.plain.constant_elements(generator.iter)
                self.heap.frame = frame
                self.assign_member(generator, values, constants, index, outer, frame)
                for condition in generator.ifs:
                    self.eval(condition)
            results = [before | self.eval(part) for before, part in zip(results, parts, strict=True)]
        self.heap.depth -= 1
        self.heap.ways = ways
        del self.heap.each[-len(generators) :]
        self.heap.frame = outer
        return results

    def pairs_of(self, owners: Values) -> list[Values]:
        """What the keys and what the values of `owner.items()` may be."""
        dicts = frozenset(o for o in owners if o.type == "dict" and o.kind == "value")
        other = self.iteration.members(owners - dicts)
        keys = hashable(other).union(*(self.heap.held_as(o, "key") for o in dicts))
        return [keys, other.union(*(self.heap.held_as(o, "value") for o in dicts))]

    def assign_member(
        self,
        generator: ast.comprehension,
        values: Values,
        constants: Constants,
        index: int,
        outer: Frame | None,
        frame: Frame,
    ) -> None:
        source = generator.iter
        if index == 0 and isinstance(source, ast.Call) and isinstance(generator.target, ast.Tuple):
            # The first source is evaluated outside the comprehension's own scope.
            self.heap.frame = outer
            pairs: list[Values] = []
            if isinstance(source.func, ast.Name) and source.func.id == "zip":
                pairs = [self.iteration.members(self.eval(a)) for a in source.args if not isinstance(a, ast.Starred)]
            self.heap.frame = frame
            owner = items_owner(source)
            if owner is not None:
                self.heap.frame = outer
                owners = self.eval(owner)
                self.heap.frame = frame
                if not any(o.type in FRAMES for o in owners):
                    pairs = self.pairs_of(owners)
            if len(pairs) == len(generator.target.elts):
                for target, pair in zip(generator.target.elts, pairs, strict=True):
                    self.assignments.assign(target, pair, None, None)
                return
        self.assignments.assign(generator.target, self.iteration.members(values), constants, None)

    def of_ListComp(self, node: ast.ListComp | ast.SetComp) -> Values:
        made = self.heap.make(node, "comprehension", type="set" if isinstance(node, ast.SetComp) else "list")
        may_give_nan = self.may_give_nan(node.generators)
        if isinstance(node, ast.SetComp):
            self.heap.keep_nan(made, may_give_nan)
        made.nan_keys = may_give_nan
        self.heap.hold(made, self.comprehension(node, node.generators, [node.elt])[0])
        return frozenset({made})

    of_SetComp = of_ListComp

    def may_give_nan(self, generators: list[ast.comprehension]) -> bool:
        """Whether a comprehension runs over data that may have missing values."""
        return any(may_be_missing(self.peek(g.iter)) and not leaves_none(g.iter) for g in generators[:1])

    def of_GeneratorExp(self, node: ast.GeneratorExp) -> Values:
        made = self.heap.make(node, "generator", type="generator_object")
        members = self.comprehension(node, node.generators, [node.elt])[0]
        made.fields["yields"] = made.fields.get("yields", ATOM) | members
        self.heap.hold(made, members | self.eval(node.generators[0].iter))
        return frozenset({made})

    def of_DictComp(self, node: ast.DictComp) -> Values:
        made = self.heap.make(node, "comprehension", type="dict")
        keys, values = self.comprehension(node, node.generators, [node.key, node.value])
        self.heap.keep_nan(made, self.may_give_nan(node.generators))
        self.heap.hold(made, keys, name="key")
        self.heap.hold(made, values, name="value")
        return frozenset({made})

    def test(self, node: ast.expr) -> None:
        """Evaluate a condition: an instance may say itself whether it is true."""
        self.functions.dunders(self.eval(node), [], only=("__bool__", "__len__"))
