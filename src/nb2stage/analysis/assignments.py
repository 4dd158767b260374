"""Assignments: what is stored in names, items and attributes."""

from __future__ import annotations

import ast

from nb2stage.analysis.classes import Classes
from nb2stage.analysis.expressions import Expressions, items_owner
from nb2stage.analysis.functions import Functions
from nb2stage.analysis.heap import Argument, Heap
from nb2stage.analysis.iteration import Iteration
from nb2stage.analysis.missing import is_nan
from nb2stage.analysis.names import Names
from nb2stage.analysis.objects import ATOM, Constants, Obj, Values, bases_of
from nb2stage.analysis.plainvalues import PlainValues
from nb2stage.analysis.processstate import ProcessState
from nb2stage.analysis.vocabulary import CONTAINERS, DATA, FRAMES
from nb2stage.patterns import Pattern

ARRAY_ATTRIBUTES = frozenset({"shape", "strides", "dtype", "flat", "real", "imag", "data", "mask", "fill_value"})


CLASS_OR_FUNCTION = Pattern(r"(builtins|collections)\.[^\W_]\w*")


class Assignments:
    """Stores to targets."""

    def __init__(
        self,
        heap: Heap,
        plain: PlainValues,
        classes: Classes,
        names: Names,
        process: ProcessState,
        functions: Functions,
        iteration: Iteration,
        expressions: Expressions,
    ) -> None:
        self.heap = heap
        self.plain = plain
        self.classes = classes
        self.names = names
        self.process = process
        self.functions = functions
        self.iteration = iteration
        self.expressions = expressions

    def assign(self, target: ast.expr, values: Values, constants: Constants, value: ast.expr | None) -> None:
        """Store to a target of any kind."""
        if isinstance(target, ast.Name):
            self.names.bind(target.id, values, constants)
        elif isinstance(target, ast.Starred):
            made = self.heap.make(target, "star", type="list")
            self.heap.hold(made, values)
            self.assign(target.value, frozenset({made}), None, None)
        elif isinstance(target, ast.Tuple | ast.List):
            self.unpack(target, values, value)
        elif isinstance(target, ast.Attribute | ast.Subscript):
            base = self.expressions.eval(target.value)
            keys: Values = ATOM
            if isinstance(target, ast.Subscript):
                if self.may_replace_members(target) and any(o.type not in {*DATA, "dict"} for o in base):
                    values = self.iteration.taken(values)
                keys = self.expressions.eval(target.slice)
            elif isinstance(target.value, ast.Attribute):
                # `df.index.name = "row"` changes the frame too.
                for owner in self.expressions.eval(target.value.value):
                    if owner.type in FRAMES:
                        self.heap.change(owner)
                        self.heap.statement.outright.add(owner)
                owners = self.expressions.eval(target.value.value) if target.value.attr == "flags" else ATOM
                if owners and not all(owner.type in FRAMES for owner in owners):
                    self.heap.find("NB243", target, ast.unparse(target.value.value), "array flags, which no file keeps")
            if isinstance(target, ast.Attribute) and target.attr == "random_state" and constants != frozenset({None}):
                for obj in base:
                    obj.stored.add("random_state")  # a distribution that has a generator of its own
            for obj in base:
                if obj.kind == "module" and isinstance(target, ast.Attribute):
                    self.names.bind_in_module(self.heap.modules_by_object[obj], target.attr, values, constants)
            outside = frozenset(obj for obj in base if obj.kind != "module")
            if outside or not base:
                self.store_into(outside, target, values, keys)

    def may_replace_members(self, target: ast.Subscript) -> bool:
        """Whether a store may replace several members of a list: `xs[1:] = values`, or `xs[part] = values`."""
        if isinstance(target.value, ast.Attribute) and target.value.attr in ("loc", "iloc", "at", "iat"):
            return False
        index = target.slice
        return isinstance(index, ast.Slice) or (isinstance(index, ast.Name) and self.plain.constant(index) is None)

    def unpack(self, target: ast.Tuple | ast.List, values: Values, value: ast.expr | None) -> None:
        starred = any(isinstance(t, ast.Starred) for t in target.elts)
        if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts) and not starred:
            if not any(isinstance(v, ast.Starred) for v in value.elts):
                # The right side is evaluated whole before the first store.
                parts = [(self.expressions.peek(v), self.plain.constant(v)) for v in value.elts]
                for each, (part, constants), element in zip(target.elts, parts, value.elts, strict=True):
                    self.assign(each, part, constants, element)
                return
        sliced = self.heap.slices.get(id(value)) if value is not None else None
        for index, each in enumerate(target.elts):
            if sliced is not None and not starred and sliced:
                piece = self.heap.make(target, f"slice{index}", type=sliced[index // 2 % len(sliced)])
                self.heap.hold(
                    piece, frozenset(o for v in values for o in v.contents if not piece.type or o.type not in DATA)
                )
                self.assign(each, frozenset({piece}), None, None)
            else:
                self.assign(each, self.iteration.members(values), None, None)

    def assign_element(self, target: ast.expr, source: ast.expr, values: Values, constants: Constants) -> None:
        """Bind a loop's target to a member of what it runs over; `zip` and `enumerate` are looked through."""
        if isinstance(source, ast.Call) and isinstance(source.func, ast.Name) and isinstance(target, ast.Tuple):
            name = source.func.id
            whole = len(source.args) == len(target.elts) and not any(isinstance(a, ast.Starred) for a in source.args)
            if name == "zip" and whole and not any(isinstance(t, ast.Starred) for t in target.elts):
                for each, argument in zip(target.elts, source.args, strict=True):
                    self.assign_element(
                        each, argument, self.expressions.peek(argument), self.plain.constant_elements(argument)
                    )
                return
            if name == "enumerate" and len(target.elts) == 2 and source.args:
                self.assign(target.elts[0], ATOM, None, None)
                inner = source.args[0]
                self.assign_element(
                    target.elts[1], inner, self.expressions.peek(inner), self.plain.constant_elements(inner)
                )
                return
        owner = items_owner(source)
        owners = self.expressions.peek(owner) if owner is not None else ATOM
        pair = isinstance(target, ast.Tuple) and len(target.elts) == 2
        if owner is not None and pair and not any(o.type in FRAMES for o in owners):
            assert isinstance(target, ast.Tuple)
            keys, held = self.expressions.pairs_of(owners)
            assert owner is not None
            self.assign(target.elts[0], keys, self.plain.constant_keys(owner), None)
            self.assign(target.elts[1], held, None, None)
            return
        self.assign(target, self.iteration.members(values), constants, None)

    def store_into(
        self, base: Values, target: ast.Attribute | ast.Subscript, values: Values, keys: Values = ATOM
    ) -> None:
        """`base.x = values` or `base[keys] = values`."""
        base = base or self.heap.changeable(target.value)
        stored, values = values, values | keys
        nan_key = isinstance(target, ast.Subscript) and is_nan(target.slice)
        for obj in base:
            if nan_key and obj.type == "dict":
                self.heap.keep_nan(obj, True)
            if obj.kind == "lib":
                self.store_in_library(obj, target, stored)
                continue
            if obj.type in ("decimal_context", "logger"):
                self.process.setting("logging" if obj.type == "logger" else "decimal")
                continue
            for each in obj.contents if obj.type == "memoryview" else ():
                self.heap.store(each)
            if obj.type == "ndarray" and isinstance(target, ast.Attribute) and target.attr not in ARRAY_ATTRIBUTES:
                continue  # an array has no others: the object is none
            if isinstance(target, ast.Subscript):
                self.heap.store(obj)
            if isinstance(target, ast.Attribute) and "." in obj.type:
                obj.stored.add(target.attr)
                for owner in obj.fields.get("base", ()):  # `nlp.vocab["btw"].is_stop = True`
                    if owner.type.partition(".")[0] == obj.type.partition(".")[0]:
                        owner.stored.add(target.attr)
            obj.leaf = obj.leaf or (isinstance(target, ast.Attribute) and target.attr == "requires_grad")
            self.heap.change(obj)
            obj.seeded = False  # `estimator.random_state = None`
            if not self.heap.guesses:
                self.heap.statement.outright |= bases_of({obj})
            if obj.kind == "bound":
                for fn in obj.fields["function"]:
                    self.heap.change(fn)
                    for cls in fn.bases:
                        self.heap.change(cls)
            if isinstance(target, ast.Attribute) and all(o.mark == "enum member" for o in base):
                obj.stored.add(target.attr)
                self.heap.statement.changes.add(obj)
            if obj.kind == "instance" and isinstance(target, ast.Attribute) and target.attr == "__dict__":
                if any(o.kind == "instance" or o not in self.heap.made for o in stored):
                    obj.stored.add("__dict__")  # which somebody else has too
            if obj.kind == "class" and isinstance(target, ast.Attribute):
                obj.stored.add(target.attr)
                obj.fields[target.attr] = obj.fields.get(target.attr, ATOM) | values
                self.heap.heap_version += bool(values - obj.contents)
            if obj.type in FRAMES:
                self.heap.hold(obj, self.heap.cells_of(values, 1))
            elif obj.type == "ndarray":
                self.heap.hold_in_array(obj, values)
            elif obj.type == "dict" and obj.kind == "value":
                self.heap.hold(obj, keys, name="key")
                self.heap.hold(obj, stored, name="value")
            else:
                self.heap.hold(obj, values, name=self.plain_attribute(obj, target))
        if isinstance(target, ast.Attribute):
            self.call_accessors(base, target, values)
        self.functions.dunders(base, [values], only=("__setitem__", "__setattr__", "__delitem__", "__delattr__"))

    def call_accessors(self, base: Values, target: ast.Attribute, values: Values) -> None:
        """`thing.size = 3` and `del thing.size` call the function that a property has for it."""
        wanted = "deleter" if isinstance(target.ctx, ast.Del) else "setter"
        for obj in base:
            for fn in sorted(self.classes.lookup(obj, target.attr) if obj.kind == "instance" else ATOM):
                if fn.kind == "function" and fn.type == wanted:
                    given = [Argument(values, None, None, None)] if wanted == "setter" else []
                    self.functions.call_function(fn, given, target, frozenset({obj}))

    def plain_attribute(self, obj: Obj, target: ast.Attribute | ast.Subscript) -> str:
        """The one name under which an instance or class has what is stored; empty where it may be put elsewhere."""
        if obj.kind not in ("instance", "class") or not isinstance(target, ast.Attribute):
            return ""
        if obj.kind == "instance" and self.classes.lookup(obj, "__setattr__"):
            return ""
        descriptors = any(o.type not in {*DATA, *CONTAINERS} for o in self.classes.lookup(obj, target.attr))
        return "" if descriptors or self.classes.has_odd_base(obj) else target.attr

    def store_in_library(self, obj: Obj, target: ast.Attribute | ast.Subscript, values: Values) -> None:
        if isinstance(target, ast.Subscript) and CLASS_OR_FUNCTION.fullmatch(obj.path):
            return  # which has no items: `groups = defaultdict(dict)` holds what makes its members
        path = obj.path + ("." + target.attr if isinstance(target, ast.Attribute) else "")
        domain = self.heap.known.setting(path)
        self.process.setting(domain or "patch " + obj.path.split(".")[0])
        self.process.hook(values)
