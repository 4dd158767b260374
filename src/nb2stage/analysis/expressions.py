"""Expressions: the objects that each may give."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable

from nb2stage.analysis.calls import Calls
from nb2stage.analysis.constants import LIMIT, constant_of, of_path_function
from nb2stage.analysis.heap import (
    AN_OBJECT,
    ARRAY_VIEWS,
    CONTAINERS,
    DATA,
    FRAMES,
    GROUPED,
    MOVING,
    USED_UP,
    Argument,
    is_nan,
    leaves_none,
    may_be_missing,
    parts_of,
    with_bases,
)
from nb2stage.analysis.objects import ATOM, Constants, Frame, Obj, State, Values, Var, is_nested
from nb2stage.analysis.scopes import (
    COMPREHENSIONS,
    Scope,
)
from nb2stage.knowledge import UNKNOWN, Effect

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


class Expressions(Calls):
    """Expressions and constants."""

    def eval(self, node: ast.expr) -> Values:
        """The abstract objects that an expression may give; everything it does is written down."""
        method: Callable[[ast.expr], Values] | None = getattr(self, "of_" + type(node).__name__, None)
        if method is None:
            self.find("NB290", node, text=f"`{type(node).__name__}` expressions are not supported yet")
            return ATOM
        return method(node)

    def peek(self, node: ast.expr) -> Values:
        """Evaluate a second time only to know the objects (the same ones: an object is its place in the program)."""
        return self.eval(node)

    def of_Constant(self, node: ast.Constant) -> Values:
        return ATOM

    def of_Name(self, node: ast.Name) -> Values:
        return self.load(node.id, node)

    def of_JoinedStr(self, node: ast.JoinedStr) -> Values:
        for part in node.values:
            self.eval(part)
        return ATOM

    def of_FormattedValue(self, node: ast.FormattedValue) -> Values:
        self.dunders(self.eval(node.value), [], only=("__str__", "__repr__", "__format__"))
        if node.format_spec is not None:
            self.eval(node.format_spec)
        return ATOM

    def of_TemplateStr(self, node: ast.expr) -> Values:
        return self.container(node, list(node.values), "list")  # type: ignore[attr-defined]

    def of_Interpolation(self, node: ast.expr) -> Values:
        return self.eval(node.value)  # type: ignore[attr-defined]

    def container(self, node: ast.expr, parts: list[ast.expr], kind: str) -> Values:
        made = self.make(node, kind, type=kind)
        made.nan_keys = made.nan_keys or any(map(is_nan, parts))
        for part in parts:
            if isinstance(part, ast.Starred):
                self.hold(made, self.members(self.eval(part.value)))
            else:
                self.hold(made, self.eval(part))
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
        made = self.make(node, "dict", type="dict")
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                self.hold(made, self.members(self.eval(value)))
            else:
                self.hold(made, self.eval(key), name="key")
                self.hold(made, self.eval(value), name="value")
                self.keep_nan(made, made.nan_keys or is_nan(key))
                self.note_part(made, key.value if isinstance(key, ast.Constant) else None, self.constant(value))
        return frozenset({made})

    def of_BinOp(self, node: ast.BinOp) -> Values:
        return self.operate([self.eval(node.left), self.eval(node.right)], node)

    def of_UnaryOp(self, node: ast.UnaryOp) -> Values:
        values = self.eval(node.operand)
        if isinstance(node.op, ast.Not):
            self.dunders(values, [], only=("__bool__", "__len__"))
        return ATOM if isinstance(node.op, ast.Not) else self.operate([values], node)

    def of_Compare(self, node: ast.Compare) -> Values:
        operands = [node.left, *node.comparators]
        values = [self.eval(operand) for operand in operands]
        if any(isinstance(op, ast.Is | ast.IsNot) for op in node.ops):
            if any(map(is_nan, operands)):
                self.statement.finds_nan = True
            if not any(isinstance(o, ast.Constant) for o in operands):
                self.compare(obj for value in values for obj in value)
                if not any(values) and not any(self.is_singleton(o) for o in operands):
                    whole = self.frame is None  # what the names inside a function refer to is not asked
                    names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)} if whole else None
                    self.statement.atom_identities.append((node, names))
            return ATOM
        if all(isinstance(op, ast.In | ast.NotIn) for op in node.ops):
            self.dunders(frozenset().union(*values), [])
            self.members(frozenset(o for value in values[1:] for o in value if o.type in MOVING))
            kept = any(o.nan_keys for value in values[1:] for o in value)
            if is_nan(node.left) or (kept and not isinstance(node.left, ast.Constant)):
                self.statement.finds_nan = True
            return ATOM
        if any(o.nan_keys for value in values for o in value):
            self.statement.finds_nan = True  # lists are equal that hold the same NaN
        return self.operate(values, node, comparison=True)

    def is_singleton(self, node: ast.expr) -> bool:
        """Whether an expression certainly gives something of which a process has one: `None`, a type, a small number."""
        if isinstance(node, ast.Attribute):
            return node.attr == "__class__" or node.attr.lower() == "nan"
        if isinstance(node, ast.Call):
            return isinstance(node.func, ast.Name) and node.func.id == "type"
        constants = self.constant(node)
        return constants is not None and all(c is None or (isinstance(c, int) and -6 < c < 257) for c in constants)

    def operate(self, operands: list[Values], node: ast.AST, comparison: bool = False) -> Values:
        """The result of an operator: a new object; where a type is not known it may hold the operands."""
        everything: Values = frozenset().union(*operands)
        if not everything:
            return ATOM
        results = self.dunders(everything, operands)
        self.follow(everything)
        types = {obj.type for obj in everything}
        if "path" in types and isinstance(node, ast.BinOp):
            return frozenset({self.make(node, "path", type="path")})
        results |= {self.operated(node, types, everything, comparison)}
        if types & DATA and not any(each and {o.type for o in each} <= DATA for each in operands):
            # Each operand may be a list, or something unknown, as well as an array.
            results |= {self.operated(node, types - DATA, everything, comparison)}
        return results

    def operated(self, node: ast.AST, types: set[str], everything: Values, comparison: bool) -> Obj:
        """What an operator makes of objects that have these types."""
        kind = next((t for t in ("frame", "series", "ndarray", "pandas", "list", "set", "dict") if t in types), "")
        if kind in CONTAINERS and not types <= set(CONTAINERS):
            kind = ""  # `[1] * x`
        if (
            not comparison
            and not kind
            and len(own := {t for t in types if "." in t}) == 1
            and types <= {*own, "ndarray"}
        ):
            kind = own.pop()  # tensors and the like give their own type
        made = self.make(node, "operator", type=kind)
        made.foreign = made.foreign or (not kind and any(o.foreign for o in everything))
        self.share_index(made, everything)
        if kind == "torch.Tensor":
            self.note_made_from(frozenset({made}), UNKNOWN, everything)
        if comparison or kind in DATA:
            pass
        elif kind in ("list", "set", "dict"):
            self.hold(made, frozenset(o for obj in everything for o in obj.contents))
        else:  # no operator takes a generator or a function
            self.hold(made, frozenset(o for o in everything if o.type not in USED_UP and o.kind != "function"))
        return made

    def of_BoolOp(self, node: ast.BoolOp) -> Values:
        first, *rest = node.values
        result = self.eval(first)
        for part in rest:
            result |= self.optional(part)
        return result

    def optional(self, node: ast.expr) -> Values:
        """Evaluate what may not be evaluated."""
        base, outer = self.state, self.ways
        self.depth += 1
        self.state, self.ways = State(base), (*outer, (id(node), 0, 2))
        values = self.eval(node)
        self.depth, self.ways = self.depth - 1, outer
        self.commit(base, [self.state, State(base)])
        return values

    def of_IfExp(self, node: ast.IfExp) -> Values:
        self.test(node.test)
        return self.optional(node.body) | self.optional(node.orelse)

    def of_NamedExpr(self, node: ast.NamedExpr) -> Values:
        values = self.eval(node.value)
        constants = self.constant(node.value)
        outer = self.frame
        while self.frame is not None and isinstance(self.frame.scope.node, COMPREHENSIONS):
            self.frame = self.frame.parent
        self.bind(node.target.id, values, constants)
        self.frame = outer
        return values

    def of_Lambda(self, node: ast.Lambda) -> Values:
        return frozenset({self.function(node)})

    def of_Starred(self, node: ast.Starred) -> Values:
        return self.members(self.eval(node.value))

    def of_Await(self, node: ast.Await) -> Values:
        return self.eval(node.value)

    def of_Yield(self, node: ast.Yield) -> Values:
        values = self.eval(node.value) if node.value is not None else ATOM
        if self.frame is not None:
            self.frame.returns.append(values)
        return ATOM

    def of_YieldFrom(self, node: ast.YieldFrom) -> Values:
        values = self.members(self.eval(node.value))
        if self.frame is not None:
            self.frame.returns.append(values)
        return ATOM

    def of_Slice(self, node: ast.Slice) -> Values:
        for part in (node.lower, node.upper, node.step):
            if part is not None:
                self.eval(part)
        return ATOM

    def of_Subscript(self, node: ast.Subscript) -> Values:
        base = self.eval(node.value)
        index = self.eval(node.slice)
        self.spend(AN_OBJECT * len(base))
        result: set[Obj] = set()
        for obj in base:
            if obj.kind == "lib" and obj.path in ARRAY_MAKERS:
                result.add(self.make(node, "array", type="ndarray"))
            elif obj.kind == "lib":
                result.add(self.library(obj.path + "[]"))
            elif obj.type in ("list", "tuple", "dict", "set"):
                if obj.path == "collections.defaultdict":
                    self.change(obj)  # looking a missing key up makes it
                    factories = frozenset(o for o in obj.contents if o.kind in ("function", "class", "bound"))
                    factories |= obj.fields.get("factory", ATOM)
                    missing = frozenset({self.make(node, "missing")})
                    self.hold(obj, self.call_values(factories, [], node) if factories else missing)
                if isinstance(node.slice, ast.Slice):
                    made = self.make(node, "slice", type=obj.type)
                    self.hold(made, frozenset(obj.contents))
                    result.add(made)
                result |= self.held_as(obj, "value") if obj.type == "dict" else obj.contents
            elif obj.type == "namespace":
                result |= parts_of(obj)
            elif obj.type == "bunch" and (array := self.array_of(obj, self.constant(node.slice))):
                result |= array
            elif (item := self.item_effect(obj, node.slice)) is not None:
                result |= self.result(item, frozenset({obj}), frozenset({obj}), ATOM, node)
            elif obj.type != "match":  # its groups are texts
                if obj.type == "bunch" and self.constant(node.slice) in (None, frozenset({"frame"})):
                    result |= self.frame_of(obj)
                result.add(self.column(node, obj, index))
                if obj.type == "frame":
                    continue  # columns or rows, never what a cell holds
                if obj.kind == "value" and not obj.type and isinstance(node.slice, ast.Slice):
                    result.add(self.part_of(node, obj, ""))  # were it an array, this would be another one
                result |= parts_of(obj)
                for base_obj in obj.fields.get("base", ATOM):
                    result |= base_obj.contents
        return frozenset(result) | self.dunders(base, [index], only=("__getitem__", "__class_getitem__"))

    def item_effect(self, obj: Obj, place: ast.expr) -> Effect | None:
        """What a subscript of a library's object gives, where its table says so: `[text]` for a name, `[]` for any other."""
        if "." not in obj.type or obj.kind != "value":
            return None
        constants = self.constant(place)
        named = constants is not None and all(isinstance(c, str) for c in constants)
        return (self.known.method("[text]", obj.type) if named else None) or self.known.method("[]", obj.type)

    def array_of(self, bunch: Obj, names: Constants) -> Values:
        """The one array that a data set of scikit-learn has under a name; nothing where it is not known to be one."""
        if (
            bunch.type != "bunch"
            or bunch.path != "arrays"
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
                return self.make(node, "rows", type="ndarray")  # indexing by an array copies
            return self.part_of(node, obj, "ndarray")
        if obj.type == "grouped":
            base = next(iter(obj.fields.get("base", ATOM)), obj)
            return self.share(node, base, "pandas") if self.copy_on_write else obj
        if obj.type not in FRAMES:
            return obj
        if isinstance(node.slice, ast.Slice):
            return self.share(node, obj, obj.type)
        constants = self.constant(node.slice) if obj.type == "frame" else None
        if constants and all(isinstance(c, str) for c in constants):
            return self.share(node, obj, "series")
        if obj.type == "frame" and kinds and kinds <= {"list", "index"}:
            return self.copied(node, "columns", obj)
        if obj.type != "pandas" and kinds and kinds <= {"series"}:
            return self.copied(node, "rows", obj)
        return self.share(node, obj, "pandas")

    def copied(self, node: ast.Subscript, what: str, obj: Obj) -> Obj:
        """A selection that is a copy; lists in its cells are the same."""
        made = self.make(node, what, type=obj.type)
        self.hold(made, frozenset(obj.contents))
        self.share_index(made, [obj])
        return made

    def of_Attribute(self, node: ast.Attribute) -> Values:
        base = self.eval(node.value)
        result: set[Obj] = set()
        for obj in base:
            result |= ATOM if self.lacks(obj, node.attr) else self.attribute(obj, node)
        return frozenset(result)

    def attribute(self, obj: Obj, node: ast.Attribute) -> Values:
        if obj.kind == "module":
            return self.module_attribute(obj, node.attr, node)
        if obj.kind == "lib":
            path = f"{obj.path}.{node.attr}"
            if path == "sys.modules":
                self.cannot_follow(node, path)
            self.statement.imports.add(path)
            return ATOM if self.known.is_constant(path) else frozenset({self.library(path)})
        if node.attr == "__defaults__" and obj.kind == "function":
            made = self.make(node, "defaults", type="tuple")
            for name, held in obj.fields.items():
                self.hold(made, held if name.startswith("=") else ATOM)
            return frozenset({made})
        if node.attr in ("__globals__", "__code__", "__closure__", "__kwdefaults__"):
            self.cannot_follow(node, node.attr, "change the variable itself")
        self.note_gradients(node.attr, frozenset({obj}), node)
        inner = self.known.inner_type(obj.type, node.attr)
        if inner:
            part = self.part_of(node, obj, "" if inner == "data" else inner)
            part.certain_view = True
            return frozenset({part})
        if node.attr == "__class__" and obj.kind == "instance":
            return frozenset(obj.bases)
        if node.attr == "__dict__":
            return frozenset({self.namespace(node, obj)})
        if obj.path == "enum member" and node.attr in ("value", "_value_"):
            return obj.fields.get("value", ATOM)
        found = self.lookup(obj, node.attr)
        hooks = ("__getattribute__",) if found else ("__getattribute__", "__getattr__")
        worked_out = self.dunders(frozenset({obj}), [], only=hooks)
        if found:
            return self.bound(obj, found, node) | worked_out
        if obj.kind == "instance":
            return worked_out | self.held_as(obj, node.attr)
        if obj.kind == "value" and (words := self.known.attribute(node.attr, obj.type)):
            return parts_of(obj) if words == "part" else ATOM
        if (
            self.known.is_plain_attribute(node.attr)
            and obj.kind == "value"
            and not (obj.type in DATA and node.attr in DATE_PARTS)
        ):
            return ATOM
        if node.attr in self.accessors and obj.type in {*FRAMES, "index", ""}:
            return self.accessor(obj, node)
        if obj.type in FRAMES:
            if node.attr in ("columns", "index", "dtypes"):
                made = self.make(node, "index", type="index")
                return self.index_of(obj) if self.names_indexes and node.attr != "dtypes" else frozenset({made})
            if node.attr == "attrs":
                return frozenset({self.notes_of(obj)})
            if node.attr in GROUPED:
                return frozenset({self.part_of(node, obj, "grouped")})
            kind = "ndarray" if node.attr == "values" else obj.type if node.attr == "T" else "pandas"
            if kind == "ndarray" or node.attr == "array":
                return frozenset({self.memory_view(node, obj)})
            return frozenset({self.share(node, obj, kind)})
        if obj.type == "ndarray" and node.attr in ("flags", "strides", "base"):
            if any(base.born is not obj.born for base in with_bases(obj) - {obj}):
                self.statement.memory_asked.append((node, obj))
        if obj.type == "ndarray":
            part = self.part_of(node, obj, "ndarray")
            part.path = "flat" if node.attr == "flat" else part.path
            return frozenset({part})
        if obj.kind == "class" and self.has_attribute(obj, node.attr):
            return worked_out | self.held_as(obj, node.attr)  # a number or text
        if obj.kind in ("class", "super"):
            return frozenset(obj.contents) | (frozenset({obj}) if obj.kind == "class" else ATOM)
        if obj.kind == "function":
            return frozenset(obj.contents)
        if array := self.array_of(obj, frozenset({node.attr})):
            return array
        if obj.type in ("bunch",) and node.attr == "frame":
            return self.frame_of(obj) | frozenset(obj.contents)
        if obj.path == "itertuples":
            return frozenset(obj.contents).union(*(cell.contents for cell in obj.contents))
        effect = self.known.method(node.attr, obj.type) if obj.type in ("list", "dict", "set") else None
        if effect is not None and effect.changes:
            method = self.make(node, "method", type="callable")
            self.hold(method, frozenset({obj}))
            return frozenset({obj, method})
        if obj.type == "sklearn" and node.attr.endswith("_") and not node.attr.startswith("X_"):
            # What an estimator has learnt is its own, not the data that it was given; the best one is a clone.
            if node.attr == "best_estimator_":
                return frozenset({obj}) | frozenset(o for o in obj.contents if o.kind == "instance")
            learnt = obj.fields.get("learnt", ATOM)
            return learnt | {obj} | frozenset(o for o in obj.contents if o.type not in DATA)
        if obj.kind == "value" and not obj.type and node.attr in ARRAY_VIEWS:
            return frozenset({obj, self.part_of(node, obj, "")}) | parts_of(obj)
        return frozenset({obj}) | parts_of(obj)

    def accessor(self, obj: Obj, node: ast.Attribute) -> Values:
        """What a class makes of an object that it is registered for: `df.lab`."""
        made: Values = ATOM
        for cls in sorted(self.accessors[node.attr]):
            if cls.kind in ("class", "function"):
                made |= self.call_values(frozenset({cls}), [Argument(frozenset({obj}), None, None, None)], node)
        return made | {obj}

    def comprehension(self, node: ast.expr, generators: list[ast.comprehension], parts: list[ast.expr]) -> list[Values]:
        names = {n.id for g in generators for n in ast.walk(g.target) if isinstance(n, ast.Name)}
        scope = Scope(node, bound=names)
        results: list[Values] = [ATOM for _ in parts]
        outer = self.frame
        first = self.eval(generators[0].iter)
        frame = self.enter(node, scope, outer)
        ways = self.ways
        if any(generator.ifs for generator in generators):
            self.ways = (*ways, (id(node), 0, 2))
        self.each += [self.count_of(generator.iter) for generator in generators]
        self.depth += 1
        for _ in range(2):
            self.frame = frame
            for index, generator in enumerate(generators):
                values = first if index == 0 else self.eval(generator.iter)
                if index == 0:
                    self.frame = outer
                constants = self.constant_elements(generator.iter)
                self.frame = frame
                self.assign_member(generator, values, constants, index, outer, frame)
                for condition in generator.ifs:
                    self.eval(condition)
            results = [before | self.eval(part) for before, part in zip(results, parts, strict=True)]
        self.depth -= 1
        self.ways = ways
        del self.each[-len(generators) :]
        self.frame = outer
        return results

    def pairs_of(self, owners: Values) -> list[Values]:
        """What the keys and what the values of `owner.items()` may be."""
        dicts = frozenset(o for o in owners if o.type == "dict" and o.kind == "value")
        other = self.members(owners - dicts)
        keys = hashable(other).union(*(self.held_as(o, "key") for o in dicts))
        return [keys, other.union(*(self.held_as(o, "value") for o in dicts))]

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
            self.frame = outer
            pairs: list[Values] = []
            if isinstance(source.func, ast.Name) and source.func.id == "zip":
                pairs = [self.members(self.eval(a)) for a in source.args if not isinstance(a, ast.Starred)]
            self.frame = frame
            owner = items_owner(source)
            if owner is not None:
                self.frame = outer
                owners = self.eval(owner)
                self.frame = frame
                if not any(o.type in FRAMES for o in owners):
                    pairs = self.pairs_of(owners)
            if len(pairs) == len(generator.target.elts):
                for target, pair in zip(generator.target.elts, pairs, strict=True):
                    self.assign(target, pair, None, None)
                return
        self.assign(generator.target, self.members(values), constants, None)

    def of_ListComp(self, node: ast.ListComp | ast.SetComp) -> Values:
        made = self.make(node, "comprehension", type="set" if isinstance(node, ast.SetComp) else "list")
        may_give_nan = self.may_give_nan(node.generators)
        if isinstance(node, ast.SetComp):
            self.keep_nan(made, may_give_nan)
        made.nan_keys = may_give_nan
        self.hold(made, self.comprehension(node, node.generators, [node.elt])[0])
        return frozenset({made})

    of_SetComp = of_ListComp

    def may_give_nan(self, generators: list[ast.comprehension]) -> bool:
        """Whether a comprehension runs over data that may have missing values."""
        return any(may_be_missing(self.peek(g.iter)) and not leaves_none(g.iter) for g in generators[:1])

    def of_GeneratorExp(self, node: ast.GeneratorExp) -> Values:
        made = self.make(node, "generator", type="generator_object")
        members = self.comprehension(node, node.generators, [node.elt])[0]
        made.fields["yields"] = made.fields.get("yields", ATOM) | members
        self.hold(made, members | self.eval(node.generators[0].iter))
        return frozenset({made})

    def of_DictComp(self, node: ast.DictComp) -> Values:
        made = self.make(node, "comprehension", type="dict")
        keys, values = self.comprehension(node, node.generators, [node.key, node.value])
        self.keep_nan(made, self.may_give_nan(node.generators))
        self.hold(made, keys, name="key")
        self.hold(made, values, name="value")
        return frozenset({made})

    def constant(self, node: ast.expr) -> Constants:
        """The plain values that an expression can have where that is known: strings, numbers, paths."""
        return constant_of(node, self.lookup_constant)

    def lookup_constant(self, name: str | ast.Call | ast.Attribute | ast.Subscript) -> Constants:
        if isinstance(name, ast.Call):
            returned = self.returned.get(id(name))
            return returned if returned is not None else self.constant_of_function(name)
        if isinstance(name, ast.Attribute | ast.Subscript):
            return self.constant_of_part(name)
        var = self.state.get(self.resolve(name))
        # A list that has been changed is not what it was made as.
        return None if var.constants is None or not self.changed.isdisjoint(var.values) else var.constants

    def constant_of_function(self, node: ast.Call) -> Constants:
        """Of `join(a, b)`, where that is the function of `os.path`."""
        if not isinstance(node.func, ast.Name) or node.keywords:
            return None
        functions = self.state.get(self.resolve(node.func.id)).values
        path = next(iter(functions)).path if len(functions) == 1 else ""
        if not path.startswith(("os.", "posixpath.", "ntpath.")):
            return None
        return of_path_function(path.rpartition(".")[2], [self.constant(argument) for argument in node.args])

    def note_part(self, owner: Obj, name: object, constants: Constants) -> None:
        """Write down the plain values that an attribute of a class or a value of a dict has when it is made."""
        before = self.parts.get((owner, name), constants)
        known = before is not None and constants is not None
        self.parts[owner, name] = before | constants if known else None  # type: ignore[operator]

    def constant_of_part(self, node: ast.Attribute | ast.Subscript) -> Constants:
        """Of `CFG.folder` or `config["folder"]` where nothing has changed the class or the dict since it was made.

        `config` may be that of a module: `settings.config["folder"]`, and so may the value: `settings.FOLDER`.
        """
        owners = self.var_of(node.value)
        if owners is None:
            return None
        if isinstance(node, ast.Attribute) and node.attr in ("__name__", "__qualname__"):
            return self.names_of_definitions(owners)
        if len(owners.values) != 1 or owners.unbound:
            return None
        owner = next(iter(owners.values))
        if owner.kind == "module" and isinstance(node, ast.Attribute):
            return self.state.get((owner.frame.number, node.attr)).constants if owner.frame is not None else None
        if isinstance(node, ast.Subscript):
            key = node.slice.value if isinstance(node.slice, ast.Constant) else None
            return None if owner in self.changed else self.parts.get((owner, key))
        stored = self.stored_attributes
        if stored is None or node.attr in stored or owner.kind not in ("class", "instance"):
            return None
        cls = owner.bases[0] if owner.kind == "instance" and len(owner.bases) == 1 else owner
        return self.parts.get((cls, node.attr))

    def names_of_definitions(self, var: Var) -> Constants:
        """Of `f.__name__`, where `f` is certainly a function or class that stands at the top level of the notebook."""
        if not var.values or var.unbound or not var.values.isdisjoint(self.changed):
            return None
        nodes = [obj.node if obj.kind in ("function", "class") and not is_nested(obj) else None for obj in var.values]
        names = [node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)]
        return frozenset(names) if len(names) == len(nodes) else None

    def constant_keys(self, node: ast.expr) -> Constants:
        """The keys of a dict that stands here, or of one with a name that nothing has changed since it was made."""
        if isinstance(node, ast.Dict):
            keys = [key.value for key in node.keys if isinstance(key, ast.Constant)]
            return frozenset(keys) if len(keys) == len(node.keys) else None
        owners = self.state.get(self.resolve(node.id)) if isinstance(node, ast.Name) else Var()
        if len(owners.values) != 1 or owners.unbound or not owners.values.isdisjoint(self.changed):
            return None
        made = next(iter(owners.values))
        found = [name for (owner, name) in self.parts if owner is made]
        return frozenset(found) if found and None not in found and made.type == "dict" else None

    def var_of(self, node: ast.expr) -> Var | None:
        """What a name refers to, or one of a module of the project: `settings.config`."""
        if isinstance(node, ast.Name):
            return self.state.get(self.resolve(node.id))
        owners = self.var_of(node.value) if isinstance(node, ast.Attribute) else None
        owner = next(iter(owners.values)) if owners is not None and len(owners.values) == 1 else None
        if owner is None or owner.kind != "module" or owner.frame is None:
            return None
        assert isinstance(node, ast.Attribute)
        return self.state.get((owner.frame.number, node.attr))

    def count_of(self, node: ast.expr) -> int:
        """How many constants a loop runs over; 0 where that is not known."""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("zip", "enumerate"):
            return max(map(self.count_of, node.args), default=0)
        return len(self.constant_elements(node) or ())

    def numbers_of(self, node: ast.Call) -> Constants:
        """The few numbers of a `range` of constants."""
        bounds = [self.constant(argument) for argument in node.args]
        numbers = [next(iter(each)) for each in bounds if each is not None and len(each) == 1]
        whole = [number for number in numbers if type(number) is int]
        if self.state.get(self.resolve("range")).sites or not 0 < len(whole) == len(node.args) < 4 or 0 in whole[2:]:
            return None
        found = range(*whole)
        return frozenset(found) if 0 < len(found) <= LIMIT else None

    def constant_elements(self, node: ast.expr) -> Constants:
        """The members of a literal list, tuple or text, or of a name bound to one."""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range":
            return self.numbers_of(node)
        whole = self.constant(node)
        if whole is None:
            return None
        members: set[object] = set()
        for value in whole:
            if not isinstance(value, tuple | str) or len(value) > LIMIT:
                return None
            members.update(value)
        return frozenset(members)
