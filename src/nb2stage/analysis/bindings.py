"""Names and targets: where a name lives, what binds it, and what is stored where."""

from __future__ import annotations

import ast
import builtins
import importlib
import re
from functools import cache

from nb2stage.analysis.expressions import Expressions, items_owner
from nb2stage.analysis.heap import (
    CONTAINERS,
    DATA,
    FRAMES,
    Argument,
    is_nan,
)
from nb2stage.analysis.objects import ATOM, Constants, Key, Obj, Values, Var, bases_of, is_nested, join_vars, reach

BUILTINS = frozenset(dir(builtins)) | {"display"}

# Names that only a live kernel has, and what to do instead.
KERNEL_NAMES = {
    "get_ipython": "write plain Python instead of `get_ipython()`, or tag the cell `skip`",
    "In": "copy the code instead of `In[...]`",
    "Out": "assign the result to a name instead of using `Out[...]`",
    "_": "assign the result to a name instead of using `_`",
    "__": "assign the result to a name instead of using `__`",
    "___": "assign the result to a name instead of using `___`",
}


FORBIDDEN = {
    "globals": "use the variables by name instead of `globals()`",
    "locals": "use the variables by name instead of `locals()`",
    "eval": "write the expression itself instead of `eval(...)`",
    "exec": "write the code itself instead of `exec(...)`",
    "input": "make the value a parameter: a cell tagged `parameters`",
    "__import__": "use an `import` statement",
    "exit": "remove the call, or tag the cell `skip`",
    "quit": "remove the call, or tag the cell `skip`",
}


ARRAY_ATTRIBUTES = frozenset({"shape", "strides", "dtype", "flat", "real", "imag", "data", "mask", "fill_value"})
CLASS_OR_FUNCTION = re.compile(r"(builtins|collections)\.[^\W_]\w*")


# Modules of the standard library that can be asked for their names: importing them does nothing.
PLAIN_MODULES = frozenset(
    {"cmath", "collections", "datetime", "decimal", "fractions", "functools", "itertools", "json", "math", "operator"}
    | {"os", "pathlib", "random", "re", "statistics", "string", "time", "typing"}
)


@cache
def names_of_plain_module(module: str) -> frozenset[str] | None:
    """The names that `from module import *` binds; None where that is not known."""
    if module not in PLAIN_MODULES:
        return None
    loaded = importlib.import_module(module)
    return frozenset(getattr(loaded, "__all__", None) or (name for name in dir(loaded) if not name.startswith("_")))


class Bindings(Expressions):
    """Names, targets and stores."""

    def resolve(self, name: str) -> Key:
        """Where a name lives, seen from the current frame."""
        frame, first = self.frame, True
        while frame is not None:
            scope = frame.scope
            if frame.module is not None:
                return (frame.number, name)
            if name in scope.global_names:
                return self.global_key(frame, name)
            if name in scope.local_names and (first or not scope.is_class):
                key = (frame.number, name)
                # A class body falls back to the outer name until it has bound its own.
                if not scope.is_class or self.state.get(key).sites:
                    return key
            first = first and scope.node is None
            frame = frame.parent
        return name

    def key_to_bind(self, name: str) -> Key:
        frame = self.frame
        if frame is None or frame.module is not None or name in frame.scope.global_names:
            return self.global_key(frame, name)
        if name in frame.scope.local_names:
            return (frame.number, name)
        return self.resolve(name)

    def set(self, key: Key, var: Var) -> None:
        self.state.delta[key] = var
        for log in self.logs:
            before = log.get(key)
            log[key] = var if before is None else join_vars(before, var)

    def bind(self, name: str, values: Values, constants: Constants = None) -> None:
        key = self.key_to_bind(name)
        module = None if isinstance(key, str) else self.modules_by_frame.get(key[0])
        if module is not None:
            self.bind_in_module(module, name, values, constants)
            return
        self.set(key, Var(values, frozenset({self.statement}), 0, constants))
        if isinstance(key, str):
            self.statement.binds.add(name)
            if any(v.kind == "function" and (is_nested(v) or isinstance(v.node, ast.Lambda)) for v in values):
                self.statement.makes_functions = True
            self.global_binds += 1
            if self.depth == 0:
                self.shadows.pop(name, None)
        elif self.frame is not None and key[0] != self.frame.number:
            # `nonlocal`: the enclosing call's variable is part of the function's own state.
            for obj in self.frame.made:
                self.change(obj)

    def load(self, name: str, node: ast.AST) -> Values:
        """The objects that a name refers to here; an unbound name is a finding."""
        key = self.resolve(name)
        var = self.state.get(key)
        if not isinstance(key, str):
            module = self.modules_by_frame.get(key[0])
            return var.values if module is None else self.load_from_module(module, name, node)
        if not var.sites or (var.unbound == 3):
            return self.load_missing(name, node, var)
        self.check_shadow(name, node, var)
        before = self.statement.reads.get(name)
        self.statement.reads[name] = var if before is None else join_vars(before, var)
        return var.values

    def named_in_globals(self, node: ast.expr) -> tuple[str, bool] | None:
        """The name of `"data" in globals()`, and whether the test is `not in`; None for any other expression."""
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            inner = self.named_in_globals(node.operand)
            return (inner[0], not inner[1]) if inner else None
        if not isinstance(node, ast.Compare) or not isinstance(node.ops[0], ast.In | ast.NotIn) or len(node.ops) > 1:
            return None
        name, space = node.left, node.comparators[0]
        if not isinstance(name, ast.Constant) or not isinstance(name.value, str) or name.value.startswith("_"):
            return None
        if not isinstance(space, ast.Call) or not isinstance(space.func, ast.Name) or space.args or space.keywords:
            return None
        if self.module_here() is not None:
            return None
        spaces = ("globals", "locals") if self.frame is None else ("globals",)
        if space.func.id not in spaces or self.state.get(self.resolve(space.func.id)).sites:
            return None
        kept = {*KERNEL_NAMES, *FORBIDDEN, "display", *self.late_imports}
        hidden = name.value in kept or bool(self.star_modules) or self.state.get(name.value).unbound == 3
        return None if hidden else (name.value, isinstance(node.ops[0], ast.NotIn))

    def is_in_globals(self, name: str, node: ast.AST) -> bool | None:
        """Whether a name is bound where `"name" in globals()` asks for it; None where it may be or not."""
        var = self.state.get(name)
        if var.sites or name in self.shadows:
            frame, self.frame = self.frame, None
            self.load(name, node)
            self.frame = frame
            return None if var.unbound else True
        return False

    def check_shadow(self, name: str, node: ast.AST, var: Var) -> None:
        """A name or object that an untagged cell has bound or changed since is not what the notebook would see."""
        if name in self.shadows:
            self.find("NB202", node, name, hint=str(self.shadows.pop(name).cell))
        elif self.shadowed or self.timed or self.perhaps_shadowed:
            reached = reach(var.values)
            for obj in reached & self.shadowed.keys():
                self.find("NB204", node, name, hint=str(self.shadowed.pop(obj).cell))
            for shadow in {s.cell: s for s in map(self.perhaps_shadowed.get, reached) if s is not None}.values():
                self.find("NB204", node, name, text="perhaps", hint=str(shadow.cell))
                others = {obj: s for obj, s in self.perhaps_shadowed.items() if s.cell != shadow.cell}
                self.perhaps_shadowed = others
            if late := {id(f): f for f in map(self.timed.get, reached) if f is not None}:
                self.findings += late.values()
                self.timed = {obj: finding for obj, finding in self.timed.items() if id(finding) not in late}

    def load_missing(self, name: str, node: ast.AST, var: Var) -> Values:
        if name in FORBIDDEN and not var.sites:
            self.find("NB220", node, name, f"`{name}` cannot be followed by reading the code", FORBIDDEN[name])
            return ATOM
        if name == "__name__":
            return ATOM
        if name in self.late_imports and self.late_imports[name] is not self.statement:
            statement = self.late_imports[name]
            if self.guards and (statement.cell, statement.node.lineno) > (
                self.statement.cell,
                self.statement.node.lineno,
            ):
                self.find("NB201", node, name)  # the handler runs in the notebook; in a script it may stand at the top
                return ATOM
            outer, self.statement = self.statement, statement
            frame, self.frame = self.frame, None
            self.execute(statement.node)
            self.statement, self.frame = outer, frame
            self.statement.reads[name] = self.state.get(name)
            return self.state.get(name).values
        if name in self.shadows:
            self.find("NB202", node, name, hint=str(self.shadows[name].cell))
            return ATOM
        if self.star_modules:
            for _, star in self.star_modules:
                self.statement.reads[f"*{star.position}"] = Var(sites=frozenset({star}))
            if name not in BUILTINS:
                return self.from_stars([module for module, _ in self.star_modules], name)
        if name in BUILTINS:
            return frozenset({self.library(f"builtins.{name}")})
        if name in KERNEL_NAMES:
            self.find("NB221", node, name, f"`{name}` exists only in a live notebook", KERNEL_NAMES[name])
            return ATOM
        if self.guards and var.unbound != 3 and not name.startswith("_"):
            self.state.dead = True  # `try: data` with `except NameError`: what follows does not run
            return ATOM
        self.find("NB201" if var.unbound != 3 else "NB203", node, name)
        return ATOM

    def from_stars(self, modules: list[str], name: str) -> Values:
        """What `from MODULE import *` may have bound a name to: the last one that has it, as far as that is known."""
        found: set[Obj] = set()
        for module in reversed(modules):
            exported = names_of_plain_module(module)
            if exported is None or name in exported:
                thing = self.library(f"{module}.{name}")
                found.add(thing)
                if exported is not None or thing.path in self.known.table_for(thing.path).functions:
                    break
        return frozenset(found or {self.library(f"{modules[-1]}.{name}")})

    def assign(self, target: ast.expr, values: Values, constants: Constants, value: ast.expr | None) -> None:
        """Store to a target of any kind."""
        if isinstance(target, ast.Name):
            self.bind(target.id, values, constants)
        elif isinstance(target, ast.Starred):
            made = self.make(target, "star", type="list")
            self.hold(made, values)
            self.assign(target.value, frozenset({made}), None, None)
        elif isinstance(target, ast.Tuple | ast.List):
            self.unpack(target, values, value)
        elif isinstance(target, ast.Attribute | ast.Subscript):
            base = self.eval(target.value)
            keys: Values = ATOM
            if isinstance(target, ast.Subscript):
                if self.may_replace_members(target) and any(o.type not in {*DATA, "dict"} for o in base):
                    values = self.taken(values)
                keys = self.eval(target.slice)
            elif isinstance(target.value, ast.Attribute):
                # `df.index.name = "row"` changes the frame too.
                for owner in self.eval(target.value.value):
                    if owner.type in FRAMES:
                        self.change(owner)
                        self.statement.outright.add(owner)
                owners = self.eval(target.value.value) if target.value.attr == "flags" else ATOM
                if owners and not all(owner.type in FRAMES for owner in owners):
                    self.find("NB243", target, ast.unparse(target.value.value), "array flags, which no file keeps")
            if isinstance(target, ast.Attribute) and target.attr == "random_state" and constants != frozenset({None}):
                for obj in base:
                    obj.stored.add("random_state")  # a distribution that has a generator of its own
            for obj in base:
                if obj.kind == "module" and isinstance(target, ast.Attribute):
                    self.bind_in_module(self.modules_by_object[obj], target.attr, values, constants)
            outside = frozenset(obj for obj in base if obj.kind != "module")
            if outside or not base:
                self.store_into(outside, target, values, keys)

    def may_replace_members(self, target: ast.Subscript) -> bool:
        """Whether a store may replace several members of a list: `xs[1:] = values`, or `xs[part] = values`."""
        if isinstance(target.value, ast.Attribute) and target.value.attr in ("loc", "iloc", "at", "iat"):
            return False
        index = target.slice
        return isinstance(index, ast.Slice) or (isinstance(index, ast.Name) and self.constant(index) is None)

    def unpack(self, target: ast.Tuple | ast.List, values: Values, value: ast.expr | None) -> None:
        starred = any(isinstance(t, ast.Starred) for t in target.elts)
        if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts) and not starred:
            if not any(isinstance(v, ast.Starred) for v in value.elts):
                # The right side is evaluated whole before the first store.
                parts = [(self.peek(v), self.constant(v)) for v in value.elts]
                for each, (part, constants), element in zip(target.elts, parts, value.elts, strict=True):
                    self.assign(each, part, constants, element)
                return
        sliced = self.slices.get(id(value)) if value is not None else None
        for index, each in enumerate(target.elts):
            if sliced is not None and not starred and sliced:
                piece = self.make(target, f"slice{index}", type=sliced[index // 2 % len(sliced)])
                self.hold(
                    piece, frozenset(o for v in values for o in v.contents if not piece.type or o.type not in DATA)
                )
                self.assign(each, frozenset({piece}), None, None)
            else:
                self.assign(each, self.members(values), None, None)

    def assign_element(self, target: ast.expr, source: ast.expr, values: Values, constants: Constants) -> None:
        """Bind a loop's target to a member of what it runs over; `zip` and `enumerate` are looked through."""
        if isinstance(source, ast.Call) and isinstance(source.func, ast.Name) and isinstance(target, ast.Tuple):
            name = source.func.id
            whole = len(source.args) == len(target.elts) and not any(isinstance(a, ast.Starred) for a in source.args)
            if name == "zip" and whole and not any(isinstance(t, ast.Starred) for t in target.elts):
                for each, argument in zip(target.elts, source.args, strict=True):
                    self.assign_element(each, argument, self.peek(argument), self.constant_elements(argument))
                return
            if name == "enumerate" and len(target.elts) == 2 and source.args:
                self.assign(target.elts[0], ATOM, None, None)
                inner = source.args[0]
                self.assign_element(target.elts[1], inner, self.peek(inner), self.constant_elements(inner))
                return
        owner = items_owner(source)
        owners = self.peek(owner) if owner is not None else ATOM
        pair = isinstance(target, ast.Tuple) and len(target.elts) == 2
        if owner is not None and pair and not any(o.type in FRAMES for o in owners):
            assert isinstance(target, ast.Tuple)
            keys, held = self.pairs_of(owners)
            assert owner is not None
            self.assign(target.elts[0], keys, self.constant_keys(owner), None)
            self.assign(target.elts[1], held, None, None)
            return
        self.assign(target, self.members(values), constants, None)

    def store_into(
        self, base: Values, target: ast.Attribute | ast.Subscript, values: Values, keys: Values = ATOM
    ) -> None:
        """`base.x = values` or `base[keys] = values`."""
        base = base or self.changeable(target.value)
        stored, values = values, values | keys
        nan_key = isinstance(target, ast.Subscript) and is_nan(target.slice)
        for obj in base:
            if nan_key and obj.type == "dict":
                self.keep_nan(obj, True)
            if obj.kind == "lib":
                self.store_in_library(obj, target, stored)
                continue
            if obj.type in ("decimal_context", "logger"):
                self.setting("logging" if obj.type == "logger" else "decimal")
                continue
            for each in obj.contents if obj.type == "memoryview" else ():
                self.store(each)
            if obj.type == "ndarray" and isinstance(target, ast.Attribute) and target.attr not in ARRAY_ATTRIBUTES:
                continue  # an array has no others: the object is none
            if isinstance(target, ast.Subscript):
                self.store(obj)
            if isinstance(target, ast.Attribute) and "." in obj.type:
                obj.stored.add(target.attr)
                for owner in obj.fields.get("base", ()):  # `nlp.vocab["btw"].is_stop = True`
                    if owner.type.partition(".")[0] == obj.type.partition(".")[0]:
                        owner.stored.add(target.attr)
            obj.leaf = obj.leaf or (isinstance(target, ast.Attribute) and target.attr == "requires_grad")
            self.change(obj)
            obj.seeded = False  # `estimator.random_state = None`
            if not self.guesses:
                self.statement.outright |= bases_of({obj})
            if obj.kind == "bound":
                for fn in obj.fields["function"]:
                    self.change(fn)
                    for cls in fn.bases:
                        self.change(cls)
            if isinstance(target, ast.Attribute) and all(o.path == "enum member" for o in base):
                obj.stored.add(target.attr)
                self.statement.changes.add(obj)
            if obj.kind == "instance" and isinstance(target, ast.Attribute) and target.attr == "__dict__":
                if any(o.kind == "instance" or o not in self.made for o in stored):
                    obj.stored.add("__dict__")  # which somebody else has too
            if obj.kind == "class" and isinstance(target, ast.Attribute):
                obj.stored.add(target.attr)
                obj.fields[target.attr] = obj.fields.get(target.attr, ATOM) | values
                self.heap_version += bool(values - obj.contents)
            if obj.type in FRAMES:
                self.hold(obj, self.cells_of(values, 1))
            elif obj.type == "ndarray":
                self.hold_in_array(obj, values)
            elif obj.type == "dict" and obj.kind == "value":
                self.hold(obj, keys, name="key")
                self.hold(obj, stored, name="value")
            else:
                self.hold(obj, values, name=self.plain_attribute(obj, target))
        if isinstance(target, ast.Attribute):
            self.call_accessors(base, target, values)
        self.dunders(base, [values], only=("__setitem__", "__setattr__", "__delitem__", "__delattr__"))

    def call_accessors(self, base: Values, target: ast.Attribute, values: Values) -> None:
        """`thing.size = 3` and `del thing.size` call the function that a property has for it."""
        wanted = "deleter" if isinstance(target.ctx, ast.Del) else "setter"
        for obj in base:
            for fn in sorted(self.lookup(obj, target.attr) if obj.kind == "instance" else ATOM):
                if fn.kind == "function" and fn.type == wanted:
                    given = [Argument(values, None, None, None)] if wanted == "setter" else []
                    self.call_function(fn, given, target, frozenset({obj}))

    def plain_attribute(self, obj: Obj, target: ast.Attribute | ast.Subscript) -> str:
        """The one name under which an instance or class has what is stored; empty where it may be put elsewhere."""
        if obj.kind not in ("instance", "class") or not isinstance(target, ast.Attribute):
            return ""
        if obj.kind == "instance" and self.lookup(obj, "__setattr__"):
            return ""
        descriptors = any(o.type not in {*DATA, *CONTAINERS} for o in self.lookup(obj, target.attr))
        return "" if descriptors or self.has_odd_base(obj) else target.attr

    def store_in_library(self, obj: Obj, target: ast.Attribute | ast.Subscript, values: Values) -> None:
        if isinstance(target, ast.Subscript) and CLASS_OR_FUNCTION.fullmatch(obj.path):
            return  # which has no items: `groups = defaultdict(dict)` holds what makes its members
        path = obj.path + ("." + target.attr if isinstance(target, ast.Attribute) else "")
        domain = self.known.setting(path)
        self.setting(domain or "patch " + obj.path.split(".")[0])
        self.hook(values)
