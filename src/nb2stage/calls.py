"""What calls do: functions and classes of the notebook are interpreted, library calls follow the tables of `effects`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Set
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nb2stage.effects import SEED_ARGUMENTS, TYPED_METHODS, UNKNOWN, Effect, function_effect, method_effect
from nb2stage.objects import ATOM, Constants, Frame, Obj, State, Statement, Values, Var, merge, reach
from nb2stage.scopes import Scope, ScopeNode, free_names, parameters, scope_of

if TYPE_CHECKING:
    from nb2stage.interpreter import FileUse, Finding, Loop
    from nb2stage.objects import Key

MAX_DEPTH = 12
MAX_STEPS = 3_000
# Data that an estimator or model holds is not changed when the estimator is.
DATA = frozenset({"frame", "series", "ndarray", "pandas", "grouped"})
FRAMES = frozenset({"frame", "series", "pandas"})
GROUPED = frozenset(
    [
        "attrs",
        "flags",
        "style",
        "groupby",
        "rolling",
        "expanding",
        "ewm",
        "resample",
        "str",
        "dt",
        "cat",
        "loc",
        "iloc",
        "at",
        "iat",
        "plot",
        "sparse",
    ]
)
# Packages whose objects' methods change nothing unless a row says so.
CALM = frozenset(
    {
        "frame",
        "series",
        "pandas",
        "ndarray",
        "scipy",
        "bunch",
        "tuple",
        "exception",
        "path",
        "logger",
        "context",
        "iter",
        "handle",
        "class",
        "index",
        "grouped",
    }
)
# Decorators that give back the function they are given, or something that calls it.
KEEPING = (
    "staticmethod",
    "classmethod",
    "property",
    "lru_cache",
    "cache",
    "dataclass",
    "wraps",
    "contextmanager",
    "njit",
    "jit",
    "abstractmethod",
    "total_ordering",
    "cached_property",
    "setter",
    "overload",
    "unique",
)
SETTING_NAME = re.compile(
    r"^(set_|use$|use_|enable|disable|register|configure|config$|basic_?config|init$|setup|"
    r"install|activate|filterwarnings|simplefilter|ignore|seed|manual_seed)",
    re.IGNORECASE,
)
PLOT_NAME = re.compile(r"plot|hist|draw|heatmap|scatter|chart|graph|figure|imshow|display|visuali[sz]e", re.IGNORECASE)
DISPLAY_FROM = re.compile(r"Display(\.from_|$)")
FIGURE_LEVEL = frozenset(
    [
        "pairplot",
        "relplot",
        "catplot",
        "displot",
        "lmplot",
        "jointplot",
        "clustermap",
        "FacetGrid",
        "PairGrid",
        "JointGrid",
    ]
)
QUERY_NAMES = re.compile(r"@([^\W\d]\w*)")
IDENTIFIER = re.compile(r"[^\W\d]\w*")
MAIN_STATES = {"numpy": "<numpy random state>", "random": "<random state>", "torch": "<torch random state>"}


@dataclass(frozen=True)
class Argument:
    """One argument of a call."""

    values: Values
    constants: Constants
    name: str | None
    node: ast.expr | None
    star: bool = False


class TooLongError(Exception):
    """A statement is too long to be followed step by step."""


@dataclass
class BlindCall:
    """What is known of a function as a callback within one statement."""

    given: Values = ATOM
    result: Values = ATOM
    turn: int = -1
    active: bool = False
    binds: bool = False  # it rebinds globals, so each call counts


class Calls:
    """The half of the interpreter that calls things.  `Interpreter` brings names, statements and expressions."""

    state: State
    frame: Frame | None
    stack: tuple[object, ...]
    statement: Statement
    objects: dict[object, Obj]
    frames: dict[object, Frame]
    libraries: dict[str, Obj]
    findings: list[Finding]
    files: list[FileUse]
    loops: list[Loop]
    seeded: set[str]
    slices: dict[int, list[str]]
    blind_calls: dict[tuple[int, Obj], BlindCall]
    global_binds: int
    blind_turn: int
    blind_depth: int
    copy_on_write: bool
    local_modules: frozenset[str]
    stateful_modules: frozenset[str]
    search_paths: list[str]
    depth: int
    temporary: int
    heap_version: int
    budget: int
    links: list[tuple[Obj, Values]] | None
    steps: int
    functions_stored: bool

    if TYPE_CHECKING:

        def eval(self, node: ast.expr) -> Values: ...
        def execute_block(self, body: list[ast.stmt]) -> None: ...
        def set(self, key: Key, var: Var) -> None: ...
        def constant(self, node: ast.expr) -> Constants: ...
        def load(self, name: str, node: ast.AST) -> Values: ...
        def find(self, code: str, node: ast.AST, name: str = "", text: str = "", hint: str = "") -> None: ...

    # -- objects

    def make(self, node: ast.AST, what: str, *, kind: str = "value", type: str = "") -> Obj:  # noqa: A002
        """The object that this place of the program makes in this chain of calls; the same one on each visit."""
        key = (id(node), what, type, self.stack)
        obj = self.objects.get(key)
        if obj is None:
            obj = self.objects[key] = Obj(kind=kind, type=type)
        return obj

    def library(self, path: str) -> Obj:
        for other in ("pylab", "matplotlib.pylab"):
            if path == other or path.startswith(other + "."):
                path = "matplotlib.pyplot" + path[len(other) :]
        obj = self.libraries.get(path)
        if obj is None:
            obj = self.libraries[path] = Obj(kind="lib", path=path)
        return obj

    def hold(self, obj: Obj, values: Values) -> None:
        """`obj` holds `values` from now on."""
        new = values - obj.contents
        if new and obj.kind != "lib":
            obj.contents |= {v for v in new if v is not obj}
            if self.links is not None:
                self.links.append((obj, new))
            for each in new:
                obj.since.setdefault(each, self.statement.position)
            self.heap_version += 1
            if any(v.kind == "function" and (v.frame is not None or isinstance(v.node, ast.Lambda)) for v in new):
                self.statement.makes_functions = True
            if any(v.kind in ("function", "bound", "instance", "class") or v.type == "partial" for v in new):
                self.functions_stored = True

    def change(self, obj: Obj, known: bool = True) -> None:
        """Write down that the current statement may change `obj`, and with it what it is a view of."""
        if (
            obj.kind == "lib"
            or obj.type == "class"
            or obj in (self.statement.known_changes if known else self.statement.changes)
        ):
            return
        if known:
            self.statement.known_changes.add(obj)
        if obj.kind == "function" and (obj.frame is not None or isinstance(obj.node, ast.Lambda)):
            self.statement.makes_functions = True
        self.statement.changes.add(obj)
        for base in obj.fields.get("base", ATOM):
            self.change(base, known)

    def change_deep(self, values: Values, known: bool = True) -> None:
        """Change all that can be reached, but not the source of the notebook's functions and classes."""
        for obj in owned(values):
            if obj.kind != "function":
                self.change(obj, known)

    def part_of(self, node: ast.AST, obj: Obj, kind: str) -> Obj:
        """A view with a type of its own: it holds its base, and a change of it is a change of the base."""
        part = self.make(node, "part", type=kind)
        if part is not obj:
            part.fields["base"] = part.fields.get("base", ATOM) | {obj}
        return part

    def view_of(self, obj: Obj, effect: Effect, node: ast.AST) -> Obj:
        """What a call gives that shares the memory of `obj`."""
        name = self.name_of(node)
        if obj.type in FRAMES:
            if name in GROUPED:
                part = self.part_of(node, obj, "grouped")
                if name == "groupby":
                    pair = self.make(node, "pair", type="tuple")
                    self.hold(pair, frozenset({self.share(node, obj, obj.type)}))
                    part.fields["yields"] = frozenset({pair})
                return part
            if effect.type == "ndarray" or name in ("to_numpy", "ravel", "__array__"):
                return self.memory_view(node, obj)
            return self.share(node, obj, obj.type if name in ("head", "tail") else "pandas")
        if effect.type == "ndarray" and obj.type in CONTAINERS:
            made = self.make(node, "array", type="ndarray")
            self.hold(made, frozenset(obj.contents))
            return made
        if obj.type == "ndarray" or (effect.type == "ndarray" and obj.kind == "value"):
            return self.part_of(node, obj, "ndarray")
        return obj

    def memory_view(self, node: ast.AST, obj: Obj) -> Obj:
        """The array below a frame or a selection from it: copy-on-write does not protect it from the frame's changes."""
        part = self.part_of(node, obj, "ndarray")
        todo, seen = list(obj.origins), {part}
        while todo:
            origin = todo.pop()
            if origin not in seen:
                seen.add(origin)
                part.fields["base"] |= {origin}
                todo.extend(origin.origins)
        return part

    def share(self, node: ast.AST, obj: Obj, kind: str) -> Obj:
        """A selection from a frame: with copy-on-write (pandas 3) it behaves as a copy, before that as a view."""
        if not self.copy_on_write:
            return self.part_of(node, obj, kind)
        made = self.make(node, "selection", type=kind)
        self.hold(made, frozenset(obj.contents))
        made.origins.add(obj)
        return made

    def members(self, values: Values) -> Values:
        """What an iteration over `values` gives."""
        result: set[Obj] = set()
        for obj in values:
            if obj.type in ("list", "tuple", "dict", "set"):
                result |= obj.contents
            elif obj.type in ("index", "handle", "frame"):
                continue  # a loop over a frame gives the names of its columns
            elif obj.type == "series":
                result |= obj.contents
                for origin in obj.fields.get("base", ATOM):
                    result |= origin.contents
            elif "yields" in obj.fields:
                result |= obj.fields["yields"]
            elif obj.type in ("iter", "partial"):
                result |= {o for o in reach([obj]) if o is not obj}
            elif obj.kind != "lib":
                result |= {obj} | parts_of(obj)
        return frozenset(result) | self.dunders(values, [], only=("__iter__", "__next__", "__getitem__"))

    def used_up(self, values: Values) -> Values:
        """What a library may keep: it uses up an iterator or a handle that it is given, and does not give it back."""
        gone = frozenset(o for o in values if o.type in USED_UP)
        return (values - gone) | frozenset(o for o in self.members(gone) if o.type not in USED_UP) if gone else values

    def everything(self, values: Values) -> Values:
        return frozenset(o for o in reach(values) if o.kind != "lib")

    # -- functions and classes of the notebook

    def function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> Obj:
        obj = self.make(node, "function", kind="function")
        obj.node, obj.frame = node, self.frame
        arguments = node.args
        positional = [*arguments.posonlyargs, *arguments.args]
        pairs = list(zip(reversed(positional), reversed(arguments.defaults), strict=False))
        pairs += [(a, d) for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if d is not None]
        for argument, default in pairs:
            obj.fields["=" + argument.arg] = self.eval(default)
        if self.frame is not None:
            self.frame.made.append(obj)
        return obj

    def decorate(self, decorator: ast.expr, values: Values) -> Values:
        """What a decorator makes of a function or class."""
        name = decorator.func if isinstance(decorator, ast.Call) else decorator
        last = name.attr if isinstance(name, ast.Attribute) else getattr(name, "id", "")
        called = self.eval(decorator)
        if isinstance(name, ast.Attribute) and last not in KEEPING:
            # `@describe.register`: what is decorated is kept by a function or object of the notebook.
            for owner in self.eval(name.value):
                if owner.kind != "lib":
                    self.change(owner)
                    self.hold(owner, values)
                    called = called - {owner}
            if not called or all(o.kind != "lib" for o in called):
                return values
        for obj in values:
            if obj.kind == "class" and last == "dataclass":
                obj.type = "dataclass"
                for field_name, inner in list(obj.fields.items()):
                    # Defaults of fields cannot be mutable; each instance has its own value.
                    obj.fields[field_name] = frozenset(o for o in inner if o.kind == "function")
            if obj.kind == "function" and last in ("lru_cache", "cache"):
                obj.type = "cached"
            if obj.kind == "function" and last in ("staticmethod", "classmethod", "property", "cached_property"):
                obj.type = "property" if last == "cached_property" else last
        if last in KEEPING or (all(obj.kind == "lib" for obj in called) and called):
            return values
        argument = Argument(values, None, None, None)
        return self.call_values(called, [argument], decorator)

    def enter(self, node: ast.AST, scope: Scope, parent: Frame | None) -> Frame:
        key = (id(node), self.stack)
        frame = self.frames.get(key)
        if frame is None:
            frame = self.frames[key] = Frame(len(self.frames) + 1, scope, parent)
        frame.parent = parent
        return frame

    def call_function(self, fn: Obj, arguments: list[Argument], node: ast.AST, receiver: Values = ATOM) -> Values:
        """Interpret the body of a function of the notebook with these arguments."""
        assert isinstance(fn.node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        self.budget -= 1
        self.statement.calls = True
        active = self.stack.count(id(fn.node))
        if active > 1 or len(self.stack) > 2 * MAX_DEPTH or self.budget < 0:
            return self.call_blindly(fn, arguments, node, receiver)
        outer_stack, outer_frame, outer_loops = self.stack, self.frame, self.loops
        base = self.state
        self.stack = (*self.stack, id(node), id(fn.node))
        frame = self.enter(fn.node, scope_of(fn.node), fn.frame)
        saved, frame.returns, frame.ends = (frame.returns, frame.ends), [], []
        frame.made.append(fn)
        self.state, self.frame, self.loops = State(base), frame, []
        self.depth += 1
        self.bind_parameters(fn, frame, arguments, receiver)
        inside = self.state
        if isinstance(fn.node, ast.Lambda):
            frame.returns.append(self.eval(fn.node.body))
        else:
            self.execute_block(fn.node.body)
        for end in frame.ends:
            end.dead = False
        self.finish_call(base, inside, [*frame.ends, self.state])
        result: Values = frozenset().union(*frame.returns)
        if fn.type == "cached" and (result or self.reads_variables(fn)):
            # What the cache keeps can be told from a new result.
            self.change(fn)
            self.hold(fn, result)
        self.close_over(frame)
        self.depth -= 1
        self.frame, self.stack, self.loops = outer_frame, outer_stack, outer_loops
        frame.returns, frame.ends = saved
        if scope_of(fn.node).is_generator:
            made = self.make(node, "generator", type="generator_object")
            made.fields["yields"] = made.fields.get("yields", ATOM) | result
            self.hold(made, result | frozenset().union(*(a.values for a in arguments)) | {fn})
            return frozenset({made})
        return result

    def reads_variables(self, fn: Obj) -> bool:
        """Whether a function looks up globals that may be bound again or changed."""
        assert fn.node is not None
        for name in free_names(fn.node):
            sites = self.state.get(name).sites
            if any(not isinstance(s.node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef) for s in sites):
                return True
        return False

    def finish_call(self, base: State, inside: State, ends: list[State]) -> None:
        live = [end for end in ends if not end.dead]
        joined, _ = merge(base, live) if live else merge(base, [inside])
        base.delta.update(joined.delta)
        self.state = base

    def close_over(self, frame: Frame) -> None:
        """Functions made in a call hold what the call's variables refer to."""
        for fn in frame.made:
            if fn.frame is not frame or fn.node is None:
                continue
            for name in frame.scope.local_names & _mentioned(fn.node):
                self.hold(fn, self.state.get((frame.number, name)).values)

    def call_blindly(self, fn: Obj, arguments: list[Argument], node: ast.AST, receiver: Values) -> Values:
        """A call that is not followed (recursion, too deep): it may do anything to what it can reach."""
        values: Values = frozenset().union(receiver, *(a.values for a in arguments))
        self.change_deep(values, known=False)
        assert fn.node is not None
        for name in sorted(free_names(fn.node)):
            if self.state.get(name).sites:
                self.load(name, fn.node)
        for state in sorted(self.seeded):
            self.draw(state)
        made = self.make(node, "blind")
        self.hold(made, values)
        return values | {made}

    def bind_parameters(self, fn: Obj, frame: Frame, arguments: list[Argument], receiver: Values) -> None:
        node = fn.node
        assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        positional = [*node.args.posonlyargs, *node.args.args]
        given: dict[str, Argument] = {}
        plain = [a for a in arguments if a.name is None and not a.star]
        if fn.bases and fn.type != "staticmethod":
            plain = [Argument(receiver, None, None, None), *plain]
        for parameter, argument in zip(positional, plain, strict=False):
            given[parameter.arg] = argument
        names = {p.arg for p in parameters(node)}
        rest = plain[len(positional) :] + [a for a in arguments if a.name is not None and a.name not in names]
        given.update({a.name: a for a in arguments if a.name in names and a.name is not None})
        stars: Values = frozenset().union(*(self.members(a.values) for a in arguments if a.star))
        for parameter in parameters(node):
            self.bind_parameter(fn, frame, parameter, given.get(parameter.arg), stars, rest)

    def bind_parameter(
        self, fn: Obj, frame: Frame, parameter: ast.arg, given: Argument | None, stars: Values, rest: list[Argument]
    ) -> None:
        node = fn.node
        assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        values: Values
        constants: Constants = None
        if parameter is node.args.vararg or parameter is node.args.kwarg:
            made = self.make(parameter, "rest", type="tuple" if parameter is node.args.vararg else "dict")
            self.hold(made, stars | frozenset().union(*(a.values for a in rest)))
            values = frozenset({made})
        elif given is not None:
            values, constants = given.values, given.constants
        else:
            values = fn.fields.get("=" + parameter.arg, ATOM) | stars
        self.set((frame.number, parameter.arg), Var(values, frozenset({self.statement}), 0, constants))

    def instantiate(self, cls: Obj, arguments: list[Argument], node: ast.AST) -> Values:
        instance = self.make(node, "instance", kind="instance")
        instance.bases = tuple(dict.fromkeys((*instance.bases, cls)))
        values: Values = frozenset().union(*(a.values for a in arguments))
        init = self.lookup(instance, "__init__") | self.lookup(instance, "__new__")
        post = self.lookup(instance, "__post_init__")
        for fn in sorted(init | post, key=_line):
            if fn.kind == "function":
                self.call_function(fn, arguments, node, frozenset({instance}))
        # Without an `__init__` of the notebook's own, a dataclass, a named tuple or the library's base keeps all.
        if not init:
            self.hold(instance, values)
        if cls.type == "dataclass":
            self.hold(instance, frozenset({self.make(node, "fields")}))
        for name, fields in cls.fields.items() if cls.type != "dataclass" else ():
            if not name.startswith("__"):
                self.hold(instance, frozenset(o for o in fields if o.kind not in ("function", "class")))
        return frozenset({instance})

    def lookup(self, obj: Obj, name: str, seen: frozenset[Obj] = frozenset()) -> Values:
        """The attribute `name` of an instance or class, found in the notebook's classes."""
        if obj.kind == "class" and name in obj.fields:
            found = obj.fields[name]
            return frozenset(o for o in found if o.kind == "function") if obj.type == "dataclass" else found
        if obj.kind in ("class", "instance", "super"):
            for base in obj.bases:
                if base not in seen:
                    found = self.lookup(base, name, seen | {obj})
                    if found:
                        return found
        return ATOM

    def bound(self, obj: Obj, found: Values, node: ast.AST) -> Values:
        """Functions found on an object, tied to it; a property is called."""
        result: set[Obj] = set()
        for value in found:
            if value.kind != "function":
                result.add(value)
            elif value.type == "property":
                result |= self.call_function(value, [], node, frozenset({obj}))
            else:
                tied = self.make(node, f"bound{value.node.lineno if value.node else 0}", kind="bound")  # type: ignore[attr-defined]
                tied.fields["function"] = frozenset({value})
                receiver = frozenset(obj.contents) if obj.kind == "super" else frozenset({obj})
                if value.type == "classmethod" and obj.kind == "instance":
                    receiver = frozenset(obj.bases)
                tied.fields["self"] = tied.fields.get("self", ATOM) | receiver
                result.add(tied)
        return frozenset(result) | (frozenset(obj.contents) if obj.kind == "instance" else ATOM)

    def dunders(self, values: Values, operands: list[Values], only: tuple[str, ...] = ()) -> Values:
        """Call the special methods that an operator, a builtin or an iteration may call on instances."""
        result: set[Obj] = set()
        for obj in values:
            if obj.kind != "instance":
                continue
            for name, found in _methods(obj):
                wanted = (
                    name in only
                    if only
                    else name.startswith("__")
                    and name not in ("__init__", "__new__", "__post_init__", "__init_subclass__")
                )
                if wanted:
                    arguments = [Argument(v, None, None, None) for v in operands]
                    for fn in found:
                        if fn.kind == "function" and fn.node is not None:
                            result |= self.call_function(fn, arguments, fn.node, frozenset({obj}))
        return frozenset(result)

    # -- calls

    def of_Call(self, node: ast.Call) -> Values:
        arguments: list[Argument] = []
        if isinstance(node.func, ast.Name) and node.func.id == "super":
            return self.super_object(node)
        base: Values = ATOM
        functions: Values = ATOM
        if isinstance(node.func, ast.Attribute):
            base = self.eval(node.func.value)
        else:
            functions = self.eval(node.func)
        for each in node.args:
            star = isinstance(each, ast.Starred)
            value = each.value if isinstance(each, ast.Starred) else each
            arguments.append(Argument(self.eval(value), self.constant(value), None, value, star))
        for keyword in node.keywords:
            values = self.eval(keyword.value)
            constants = self.constant(keyword.value)
            arguments.append(Argument(values, constants, keyword.arg, keyword.value, keyword.arg is None))
        if isinstance(node.func, ast.Attribute):
            return self.call_method(node, node.func, base, arguments)
        return self.call_values(functions, arguments, node)

    def super_object(self, node: ast.Call) -> Values:
        made = self.make(node, "super", kind="super")
        frame = self.frame
        while frame is not None and not (isinstance(frame.scope.node, ast.FunctionDef) and frame.made):
            frame = frame.parent
        if frame is not None and isinstance(frame.scope.node, ast.FunctionDef):
            for fn in frame.made:
                if fn.node is frame.scope.node:
                    made.bases = tuple(b for cls in fn.bases for b in cls.bases)
            names = parameters(frame.scope.node)
            if names:
                self.hold(made, self.state.get((frame.number, names[0].arg)).values)
        return frozenset({made})

    def call_values(self, functions: Values, arguments: list[Argument], node: ast.AST) -> Values:
        """Call whatever the objects `functions` are."""
        result: Values = ATOM
        for fn in sorted(functions, key=_line):
            result |= self.call_object(fn, arguments, node)
        if not functions:
            result = self.unknown_call(ATOM, arguments, node)
        return result

    def call_object(self, fn: Obj, arguments: list[Argument], node: ast.AST) -> Values:
        if fn.kind == "function":
            receiver = arguments[0].values if fn.bases and arguments else ATOM
            shifted = arguments[1:] if fn.bases and fn.type not in ("staticmethod", "classmethod") else arguments
            return self.call_function(fn, shifted, node, receiver)
        if fn.kind == "bound":
            result: Values = ATOM
            for inner in fn.fields["function"]:
                result |= self.call_function(inner, arguments, node, fn.fields["self"])
            return result
        if fn.kind == "class":
            return self.instantiate(fn, arguments, node)
        if fn.kind == "lib":
            return self.call_library(fn.path, arguments, node)
        if fn.type == "class":
            made = self.make(node, "instance")
            made.fields["class"] = made.fields.get("class", ATOM) | {fn}
            self.hold(made, frozenset().union(*(a.values for a in arguments)))
            return frozenset({made})
        if fn.kind == "instance":
            result = self.dunders(frozenset({fn}), [a.values for a in arguments], only=("__call__",))
            if result or self.lookup(fn, "__call__"):
                return result
        return self.unknown_call(frozenset({fn}), arguments, node)

    def unknown_call(self, receiver: Values, arguments: list[Argument], node: ast.AST) -> Values:
        self.note_plot(node, 3 if PLOT_NAME.search(self.name_of(node)) else 0)
        return self.apply(UNKNOWN, receiver, arguments, node)

    def name_of(self, node: ast.AST) -> str:
        if isinstance(node, ast.Call):
            node = node.func
        return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")

    def call_method(self, node: ast.Call, func: ast.Attribute, base: Values, arguments: list[Argument]) -> Values:
        result: Values = ATOM
        if not base:
            return self.atom_method(node, func, arguments)
        alike: dict[tuple[str, bool], set[Obj]] = {}
        for obj in sorted(base, key=_line):
            if obj.kind == "value" and obj.type not in ("path", "partial"):
                alike.setdefault((obj.type, obj.seeded), set()).add(obj)
            else:
                result |= self.method(obj, node, func, arguments)
        for objects in alike.values():
            result |= self.method(next(iter(objects)), node, func, arguments, frozenset(objects))
        return result

    def atom_method(self, node: ast.Call, func: ast.Attribute, arguments: list[Argument]) -> Values:
        """A method of a string or a number."""
        self.dunders(frozenset().union(*(a.values for a in arguments)), [])
        if func.attr in ("split", "rsplit", "splitlines", "partition", "rpartition"):
            return frozenset({self.make(node, "split", type="list")})
        if func.attr == "format" and any(a.star for a in arguments):
            return ATOM
        return ATOM

    def method(
        self, obj: Obj, node: ast.Call, func: ast.Attribute, arguments: list[Argument], alike: Values = ATOM
    ) -> Values:
        """Call a method of one object, or of several that are `alike` as far as the tables go."""
        name = func.attr
        if name == "setflags":
            self.find("NB243", node, ast.unparse(func.value), "array flags, which no file keeps")
        named = self.names_in_strings(name, arguments, node)
        if named and obj.kind == "lib":
            path = f"{obj.path}.{name}"
            self.statement.imports.add(path)
            result = self.call_library(path, arguments, node)
            for each in result:
                each.fields["formula"] = each.fields.get("formula", ATOM) | named
            return result
        if obj.kind == "lib":
            path = f"{obj.path}.{name}"
            self.statement.imports.add(path)
            return self.call_library(path, arguments, node)
        found = self.lookup(obj, name)
        if found:
            return self.call_values(self.bound(obj, found, func), arguments, node)
        if obj.kind == "super":
            self.hold_all(obj, arguments)
            return frozenset(obj.contents)
        if obj.kind == "function":
            return self.call_blindly(obj, arguments, node, frozenset({obj}))
        if obj.kind == "instance":
            stored = frozenset(o for o in obj.contents if o.kind in ("function", "bound", "class"))
            result = self.call_values(stored, arguments, node) if stored else ATOM
            effect = self.inherited_effect(obj, name)
            return result | self.apply(effect or UNKNOWN, frozenset({obj}), arguments, node)
        if isinstance(func.value, ast.Attribute) and func.value.attr == "plot" and obj.type in DATA:
            self.note_plot(node, 0 if any(a.name == "ax" for a in arguments) else 1)
            return frozenset({self.make(node, "axes", type="matplotlib")})
        if obj.type == "path":
            return self.path_method(obj, node, func, arguments)
        if obj.type == "partial":
            return self.call_inside(obj, arguments, node)
        effect = method_effect(name, obj.type)
        if effect is None and obj.type != "matplotlib" and PLOT_NAME.search(name):
            self.note_plot(node, 3)
        if effect is None:
            effect = self.default_method(obj, name)
        effect = self.adjust(effect, obj, name, arguments, node)
        return self.apply(effect, alike or frozenset({obj}), arguments, node)

    def hold_all(self, obj: Obj, arguments: list[Argument]) -> None:
        for receiver in obj.contents:
            self.change(receiver)
            for argument in arguments:
                self.hold(receiver, argument.values)

    def has_library_base(self, obj: Obj) -> bool:
        return any(b.kind == "lib" for b in reach(obj.bases))

    def inherited_effect(self, obj: Obj, name: str) -> Effect | None:
        """What a method does that an instance has from a class of a library; None where it has none."""
        bases = [b for b in reach(obj.bases) if b.kind == "lib"]
        if not bases:
            return None
        if all(function_effect(b.path) is not UNKNOWN for b in bases):
            # A well-kept library changes and keeps things in the instance, and links nothing else.
            return method_effect(name, "") or Effect(changes=True, keeps=True, draws="seedable")
        return method_effect(name, "")

    def default_method(self, obj: Obj, name: str) -> Effect:
        if obj.type in ("sklearn", "statsmodels"):
            return Effect(result="any", type=obj.type, changes=True, draws="seedable")
        if obj.type == "matplotlib":
            return Effect(result="any", type="matplotlib", changes=True, keeps=True, plots=0)
        if obj.type == "handle":
            return Effect(result="fresh")
        if obj.type in CALM:
            return Effect(result="any", type="pandas" if obj.type in FRAMES else obj.type if obj.type in DATA else "")
        return UNKNOWN

    def adjust(self, effect: Effect, obj: Obj, name: str, arguments: list[Argument], node: ast.AST) -> Effect:
        """What keyword arguments change about a method's row."""
        keywords = {a.name: a for a in arguments if a.name}
        if any(a.star and a.name is None and isinstance(a.constants, type(None)) for a in arguments[-1:]):
            # `**options` may say `inplace=True`.
            effect = replace(
                effect, changes=True, keeps=True, result="any" if effect.result == "atom" else effect.result
            )
        inplace = keywords.get("inplace")
        if inplace is not None and inplace.constants != frozenset({False}):
            effect = replace(effect, changes=True, keeps=True, result="view")
        if "copy" in keywords and keywords["copy"].constants == frozenset({False}):
            effect = replace(effect, result="view")
        if obj.in_place and not effect.unknown:
            effect = replace(effect, changes_all=True)
        if obj.type == "sklearn" and effect.draws == "seedable" and obj.seeded:
            effect = replace(effect, draws="")
        if obj.type in DATA and effect.plots:
            effect = replace(effect, plots=0 if "ax" in keywords else 1)
        if obj.type in DATA and effect.result == "atom" and not effect.file and (obj.type, name) not in TYPED_METHODS:
            effect = replace(effect, result="fresh")  # `df["a"].str.startswith("x")` is a series
        if effect.plots and effect.result == "view":
            effect = replace(effect, result="fresh", type="matplotlib")
        return effect

    def path_method(self, obj: Obj, node: ast.Call, func: ast.Attribute, arguments: list[Argument]) -> Values:
        """A method of a `pathlib.Path`."""
        name = func.attr
        where = self.constant(func.value)
        modes = {
            "read_text": "read",
            "read_bytes": "read",
            "write_text": "write",
            "write_bytes": "write",
            "unlink": "remove",
            "rename": "unknown",
            "replace": "unknown",
            "rmdir": "unknown",
            "exists": "probe",
            "is_file": "probe",
            "is_dir": "probe",
            "stat": "probe",
            "mkdir": "mkdir",
            "touch": "append",
            "glob": "glob",
            "rglob": "glob",
            "iterdir": "glob",
        }
        if name == "open":
            self.open_file(where, arguments[0].constants if arguments else frozenset({"r"}), node)
            return frozenset({self.make(node, "handle", type="handle")})
        if name in modes:
            if name in ("rename", "replace"):
                self.use_file("remove", where, node)
                self.use_file("write", arguments[0].constants if arguments else None, node)
            else:
                self.use_file(modes[name], where, node)
            return frozenset({self.make(node, "result", type="list")}) if modes[name] == "glob" else ATOM
        return frozenset({self.make(node, "path", type="path")})

    def open_file(self, where: Constants, modes: Constants, node: ast.AST) -> None:
        for mode in sorted(str(m) for m in modes) if modes else ["?"]:
            kind = "unknown" if mode == "?" else "update" if "+" in mode else "append" if "a" in mode else "read"
            self.use_file("write" if kind == "read" and ("w" in mode or "x" in mode) else kind, where, node)

    def call_inside(self, obj: Obj, arguments: list[Argument], node: ast.AST) -> Values:
        """Call the functions that an object holds."""
        inner = frozenset(o for o in reach([obj]) if o.kind in ("function", "bound", "class", "lib"))
        extra = [Argument(frozenset(obj.contents), None, None, None), *arguments]
        result: Values = ATOM
        for fn in inner:
            if fn.kind != "lib":
                result |= self.call_blind_arguments(fn, extra, node)
            else:
                result |= self.call_library(fn.path, arguments, node)
        return result | frozenset(o for o in obj.contents if o.kind == "value")

    def call_blind_arguments(self, fn: Obj, arguments: list[Argument], node: ast.AST, kind: str = "") -> Values:
        """Call a function with each parameter possibly being any of the given values, or a new object of a `kind`: a callback.

        Libraries hand functions around that call each other, so this is not followed per chain of calls: what a
        function may do as a callback of one statement is worked out once, and again only when it may be given more.
        """
        values: Values = frozenset().union(*(a.values for a in arguments))
        known = frozenset(
            v for v in self.everything(values) if v.kind not in ("function", "class", "bound") and v.type != "handle"
        )
        call = self.blind_calls.setdefault((self.statement.position, fn), BlindCall())
        grown = known - call.given
        call.given |= known
        if call.active or (not grown and call.turn == self.blind_turn and not call.binds):
            return call.result
        outermost = not self.blind_depth
        self.blind_depth += 1
        outer, self.stack = self.stack, ("callback", id(fn.node))
        call.active = True
        for _ in range(4 if outermost else 1):
            self.blind_turn += outermost
            call.turn, version, given, binds = self.blind_turn, self.heap_version, call.given, self.global_binds
            anything = self.make(node, "callback", type=kind)
            self.hold(anything, frozenset(o for o in given if o.type not in USED_UP))
            call.result |= self.call_with(fn, Argument(given | {anything}, None, None, None), node)
            call.binds = call.binds or self.global_binds != binds
            if call.given == given and version == self.heap_version:
                break
        call.active = False
        self.blind_depth -= 1
        self.stack = outer
        return call.result

    def call_with(self, fn: Obj, given: Argument, node: ast.AST) -> Values:
        if fn.kind == "bound":
            result: Values = ATOM
            for inner in fn.fields["function"]:
                result |= self.call_function(inner, self.repeat(inner, given), node, fn.fields["self"])
            return result
        if fn.kind == "class":
            return self.instantiate(fn, [given], node)
        return self.call_function(fn, self.repeat(fn, given), node, given.values)

    def repeat(self, fn: Obj, given: Argument) -> list[Argument]:
        assert isinstance(fn.node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        return [given for _ in parameters(fn.node)]

    def names_in_strings(self, name: str, arguments: list[Argument], node: ast.AST) -> Values:
        """`df.query("a > @limit")` and formulas use names that no parser sees; what those refer to."""
        texts = [str(c) for a in arguments for c in (a.constants or ()) if isinstance(c, str)]
        wanted: set[str] = set()
        if name in ("query", "eval"):
            wanted = {n for text in texts for n in QUERY_NAMES.findall(text)}
            if any(a.constants is None and not a.name and not a.values for a in arguments[:1]):
                wanted |= _strings_in(arguments)
        elif any("~" in text for text in texts):
            wanted = {n for text in texts if "~" in text for n in IDENTIFIER.findall(text)}
        found: Values = ATOM
        for each in sorted(wanted):
            local = self.resolve(each)  # type: ignore[attr-defined]
            if self.state.get(local).sites:
                found |= self.load(each, node)
        return found

    # -- library calls

    def call_library(self, path: str, arguments: list[Argument], node: ast.AST) -> Values:
        root, _, last = path.rpartition(".")
        if path.endswith("[]") or "[]" in path:
            return self.apply(UNKNOWN, ATOM, arguments, node)
        if path == "builtins.getattr" and arguments:
            return self.get_attribute(arguments, node)
        if path == "builtins.setattr" and len(arguments) > 2:
            self.set_attribute(arguments)
        if path == "builtins.type" and len(arguments) == 1:
            return frozenset(base for obj in arguments[0].values if obj.kind == "instance" for base in obj.bases)
        if last == "check_random_state" and (not arguments or arguments[0].constants == frozenset({None})):
            self.find(
                "NB220",
                node,
                last,
                "the global random state in a variable cannot be followed",
                "use numpy.random itself, or make a RandomState(seed)",
            )
        if path == "builtins.type" and len(arguments) == 3:
            made = self.make(node, "class", type="class")
            self.hold(made, frozenset().union(*(a.values for a in arguments)))
            return frozenset({made})
        module = path.split(".")[0]
        if module in self.stateful_modules or (
            module in self.local_modules and path.count(".") > 1 and not last[:1].isupper()
        ):
            # `settings.items.append(1)`: a later stage imports the module anew.
            self.setting("state of " + path.split(".")[0])
            self.statement.impure = True
        if path in ("sys.modules", "builtins.__main__") or path.startswith(("sys.modules", "__main__")):
            self.find(
                "NB220", node, path, f"`{path}` cannot be followed by reading the code", "use the variables by name"
            )
        if path == "logging.getLogger":
            self.statement.imports.add("logging")
            logger = self.objects.setdefault("logger", Obj(type="logger"))
            return frozenset({logger})
        if path == "pandas.eval":
            for each in sorted({n for a in arguments for c in a.constants or () for n in IDENTIFIER.findall(str(c))}):
                if self.state.get(self.resolve(each)).sites:  # type: ignore[attr-defined]
                    self.load(each, node)
        if path in OPENERS:
            return self.call_open(arguments, node)
        if path in ("builtins.vars", "builtins.dir") and not arguments:
            self.find(
                "NB220", node, last, f"`{last}()` cannot be followed by reading the code", "use the variables by name"
            )
        if path == "builtins.getattr" or path == "builtins.setattr":
            self.dunders(arguments[0].values if arguments else ATOM, [])
        if path in ("os.chdir",):
            self.find(
                "NB222",
                node,
                "os.chdir",
                "`os.chdir` changes what every later path means",
                "use paths that start at the notebook's folder instead",
            )
        if path in ("getpass.getpass",):
            self.find("NB220", node, "getpass", "`getpass` asks a person", "read the secret from os.environ instead")
        if last in (
            "ols",
            "logit",
            "glm",
            "mixedlm",
            "poisson",
            "from_formula",
            "wls",
            "gls",
            "rlm",
            "quantreg",
            "dmatrix",
            "dmatrices",
            "probit",
            "phreg",
            "gee",
            "negativebinomial",
            "mnlogit",
            "anova_lm",
        ):
            self.names_in_strings("formula", arguments, node)
        effect = function_effect(path)
        if effect.unknown and SETTING_NAME.search(last) and root and "." not in last:
            effect = replace(effect, sets="library " + path.split(".")[0])
        if effect.unknown or path.startswith(("statsmodels", "sklearn", "pandas")):
            self.note_plot(
                node, 3 if PLOT_NAME.search(path) and not effect.plots and not DISPLAY_FROM.search(path) else 0
            )
        effect = self.adjust_library(effect, path, arguments, node)
        values = self.apply(effect, ATOM, arguments, node)
        if effect.unknown:
            for obj in values:
                obj.path = obj.path or path
        if path.startswith("sklearn.") and last[:1].isupper():
            for obj in values:
                obj.in_place = any(a.name in ("copy", "copy_X") and a.constants != frozenset({True}) for a in arguments)
        if effect.type == "sklearn" and self.is_seeded(arguments):
            for obj in values:
                obj.seeded = True
        if path.startswith("pathlib."):
            for obj in values:
                obj.type = "path"
        if path == "collections.defaultdict":
            for obj in values:
                obj.path = path
        return values

    def is_seeded(self, arguments: list[Argument]) -> bool:
        return any(a.name in SEED_ARGUMENTS and a.constants != frozenset({None}) for a in arguments)

    def adjust_library(self, effect: Effect, path: str, arguments: list[Argument], node: ast.AST) -> Effect:
        last = path.rpartition(".")[2]
        if path == "sklearn.datasets." + last and last.startswith("load_"):
            if any(a.name == "return_X_y" for a in arguments):
                self.slices.setdefault(id(node), ["frame" if self.as_frame(arguments) else "ndarray"])
        if path.startswith("pandas.read_") and any(a.name in ("chunksize", "iterator") for a in arguments):
            effect = replace(effect, type="iter", cells=True)
        if path == "pandas.concat" and any(o.type == "frame" for v in arguments[0].values for o in v.contents):
            effect = replace(effect, type="frame")
        if path in ("pandas.DataFrame", "pandas.Series") and any(
            a.name == "copy" and a.constants == frozenset({False}) for a in arguments
        ):
            made = self.make(node, "result", type=effect.type)
            arrays = frozenset(o for a in arguments for o in a.values if o.type in ("ndarray", ""))
            made.fields["base"] = made.fields.get("base", ATOM) | (arrays - {made})
        if last == "train_test_split":
            self.slices[id(node)] = [self.kind_of(a.values) for a in arguments if a.name is None and not a.star]
        in_place = any(a.name in ("copy", "copy_X", "copy_x") and a.constants != frozenset({True}) for a in arguments)
        if in_place and not last[:1].isupper() and effect.result != "view":
            effect = replace(effect, changes=True)
        if last[:1].isupper() and path.startswith("sklearn."):
            # Making an estimator draws nothing; fitting it may.
            effect = replace(effect, draws="", plots=0)
            if "Display.from_" in path:
                effect = replace(effect, plots=1, type="matplotlib")
        if "Display.from_" in path:
            given = any(a.name == "ax" for a in arguments)
            effect = replace(effect, plots=0 if given else 1, type="matplotlib", draws="")
        if path.startswith("seaborn.") and effect.plots:
            given = any(a.name == "ax" for a in arguments)
            effect = replace(effect, plots=1 if last in FIGURE_LEVEL else 0 if given else 2)
        if path.startswith("statsmodels") and last[:1].isupper():
            effect = replace(effect, result="holds", draws="")
        return effect

    def get_attribute(self, arguments: list[Argument], node: ast.AST) -> Values:
        """`getattr(x, name)`: what is found there, a method tied to `x`, or a part of it."""
        owners = arguments[0].values
        result: Values = ATOM
        for name in arguments[1].constants or () if len(arguments) > 1 else ():
            for obj in owners:
                if obj.kind == "lib":
                    result |= {self.library(f"{obj.path}.{name}")}
                else:
                    result |= self.bound(obj, self.lookup(obj, str(name)), node)
        made = self.make(node, "attribute", type="callable")
        held = frozenset(o for a in arguments for o in a.values if o.kind != "lib")
        self.hold(made, held)
        if not held:
            return result or frozenset({made})
        return result | {made} | held | frozenset(o for obj in held for o in obj.contents)

    def set_attribute(self, arguments: list[Argument]) -> None:
        for obj in arguments[0].values:
            if obj.kind == "class":
                for name in arguments[1].constants or ("*",):
                    obj.fields[str(name)] = obj.fields.get(str(name), ATOM) | arguments[2].values
                    obj.stored.add(str(name))

    def as_frame(self, arguments: list[Argument]) -> bool:
        return any(a.name == "as_frame" and a.constants == frozenset({True}) for a in arguments)

    def kind_of(self, values: Values) -> str:
        kinds = {obj.type for obj in values}
        return kinds.pop() if len(kinds) == 1 else ""

    def call_open(self, arguments: list[Argument], node: ast.AST) -> Values:
        mode: Constants = frozenset({"r"})
        if len(arguments) > 1 and arguments[1].name is None:
            mode = arguments[1].constants
        for argument in arguments:
            if argument.name == "mode":
                mode = argument.constants
        self.open_file(arguments[0].constants if arguments else None, mode, node)
        return frozenset({self.make(node, "handle", type="handle")})

    # -- applying an effect

    def apply(self, effect: Effect, receiver: Values, arguments: list[Argument], node: ast.AST) -> Values:
        """Do what an effect says to the receiver and the arguments; give the result's objects."""
        self.count_step(len(receiver) + sum(len(a.values) for a in arguments))
        values: Values = frozenset().union(*(a.values for a in arguments))
        if not effect.cheap:
            self.statement.impure = self.statement.impure or not (effect.sets or effect.seeds)
        returned = self.callbacks(receiver, values, arguments, node, effect)
        first = receiver or (arguments[0].values if arguments else ATOM)
        self.apply_changes(effect, receiver, first, values, arguments)
        self.apply_state(effect, arguments, node)
        self.apply_files(effect, receiver, arguments, node)
        # `sort` and `min` compare what a list holds.
        inside = frozenset(
            o for v in values | receiver if v.type in CONTAINERS for o in v.contents if o.kind == "instance"
        )
        extra = self.dunders(values | receiver, []) | self.dunders(inside - values, [], only=OF_MEMBERS)
        result = self.result(effect, receiver, first, values, node)
        if returned:
            for obj in result - values - receiver:
                self.hold(obj, frozenset(o for o in returned if o.kind != "lib" and o.type not in USED_UP))
        return result | extra

    def count_step(self, size: int) -> None:
        """Give up on following a statement that takes too long to follow; `size` is how many objects a call is given."""
        self.steps += 1 + size // 8
        if self.steps > MAX_STEPS:
            raise TooLongError

    def callbacks(
        self, receiver: Values, values: Values, arguments: list[Argument], node: ast.AST, effect: Effect
    ) -> Values:
        """A library may call the functions it is given, or those that its receiver holds; what these return."""
        methods = frozenset(v for v in values if v.type == "callable")
        if methods:
            # `map(xs.append, ys)`
            self.statement.impure = True
            owners = frozenset(o for method in methods for o in method.contents)
            given_members = self.members(values - methods)
            self.change_deep(owners)
            for owner in owners:
                self.hold(owner, given_members - {owner})
        if not self.functions_stored and not any(v.kind in ("function", "bound", "class") for v in values):
            return ATOM
        result: Values = ATOM
        given = [Argument(receiver, None, None, None), *arguments]
        for obj in sorted(self.callable_from(receiver, values, effect), key=_line):
            if obj.kind in ("function", "bound") and (obj.kind == "bound" or not obj.bases):
                kind = "pandas" if receiver and all(o.type in {*FRAMES, "grouped"} for o in receiver) else ""
                result |= self.call_blind_arguments(obj, given, node, kind)
            elif obj.kind == "instance" and (effect.unknown or self.has_library_base(obj)):
                self.call_methods_blindly(obj, given, node)
        return result

    def callable_from(self, receiver: Values, values: Values, effect: Effect) -> Set[Obj]:
        """The objects that a call may call: all within reach of an unknown call; of a known one its arguments, what
        plain containers among them hold, and what an estimator or a partial holds."""
        if effect.unknown:
            return reach(receiver | values)
        found: set[Obj] = set(values | receiver)
        if effect.result == "atom" and not receiver:
            return found
        for obj in values | receiver:
            if obj.type in ("list", "tuple", "dict", "set", "iter", "partial"):
                found |= obj.contents
        holders = ("sklearn", "partial", "", "scipy", "statsmodels")
        return found | reach(obj for obj in found if obj.kind == "value" and obj.type in holders)

    def call_methods_blindly(self, obj: Obj, given: list[Argument], node: ast.AST) -> None:
        """A library may call any method of an instance that it is given."""
        instance = Argument(frozenset({obj}), None, None, None)
        for name, found in _methods(obj):
            for fn in found if name not in ("__init__", "__new__") else ():
                if fn.kind == "function":
                    self.call_blind_arguments(fn, [instance, *given], node)

    def apply_changes(
        self, effect: Effect, receiver: Values, first: Values, values: Values, arguments: list[Argument]
    ) -> None:
        if effect.unknown:
            self.change_deep(receiver | values, known=False)
            mutable = [o for o in receiver | values if o.kind != "lib"]
            for obj in mutable:
                self.hold(obj, frozenset(o for o in receiver | values if o is not obj and o.type not in USED_UP))
            return
        if effect.changes:
            self.change_owned(first)
            if self.depth == 0:
                self.statement.certain |= first
        if effect.changes_all:
            self.change_deep(values)
        if effect.keeps:
            for obj in first:
                self.hold(obj, values - {obj})
        for argument in arguments:
            if argument.name == "out" or argument.name in SEED_ARGUMENTS:
                self.change_deep(argument.values)
            for obj in argument.values:
                if obj.type == "matplotlib":
                    self.change(obj)
                    self.hold(obj, (values | receiver) - {obj})
                elif obj.type in ("iter", "generator_object", "handle"):
                    self.change(obj)
        for obj in receiver:
            if obj.type in ("iter", "generator_object", "handle"):
                self.change(obj)

    def change_owned(self, objects: Values) -> None:
        """Change objects and what they own: the steps of a pipeline, not the data that it was given."""
        for obj in objects:
            self.change(obj)
        for inner in owned(obj for obj in objects if obj.type not in ("list", "dict", "set", "tuple")):
            if inner.type not in DATA and inner.kind in ("value", "instance"):
                self.change(inner)

    def apply_state(self, effect: Effect, arguments: list[Argument], node: ast.AST) -> None:
        if effect.sets:
            self.setting(effect.sets)
            if effect.sets == "syspath":
                self.search_paths += sorted(str(c) for a in arguments for c in a.constants or () if isinstance(c, str))
        if effect.seeds:
            self.seed(effect.seeds, node)
        if effect.draws == "any":
            for state in sorted(self.seeded):
                self.draw(state)
        elif effect.draws == "seedable":
            if not self.is_seeded(arguments):
                self.draw("numpy")
        elif effect.draws:
            self.draw(effect.draws, node)
        if effect.plots:
            self.note_plot(node, effect.plots)

    def note_plot(self, node: ast.AST, plots: int) -> None:
        """Write down a figure: 1 exactly one new one, 2 pyplot's current one, 3 perhaps."""
        statement = self.statement
        if not plots:
            return
        if plots == 3 or self.depth:
            statement.plots_unsure = True
        elif plots == 1:
            statement.figures += 1
        else:
            statement.draws_current = True

    def setting(self, domain: str) -> None:
        """A setting of the process is made; inside a `with` that takes it back it does not last."""
        if self.temporary:
            return
        key = f"<{domain} settings>"
        before = self.state.get(key)
        self.set(key, Var(ATOM, before.sites | {self.statement}))
        self.statement.sets.add(domain)

    def seed(self, which: str, node: ast.AST) -> None:
        obj = self.make(node, "seed " + which, type="random state")
        self.seeded.add(which)
        self.statement.seeds.add(which)
        self.set(MAIN_STATES[which], Var(frozenset({obj}), frozenset({self.statement})))

    def draw(self, which: str, node: ast.AST | None = None) -> None:
        """A number is (or may be) drawn from a global random state."""
        key = MAIN_STATES[which]
        var = self.state.get(key)
        self.statement.draws.add(which)
        if not var.sites:
            if node is not None:
                self.find("NB230", node, which)
            return
        self.statement.impure = True
        before = self.statement.reads.get(key)
        self.statement.reads[key] = var if before is None else Var(before.values | var.values, before.sites | var.sites)
        for obj in var.values:
            self.change(obj)

    def apply_files(self, effect: Effect, receiver: Values, arguments: list[Argument], node: ast.AST) -> None:
        if not effect.file or effect.file == "file":
            return
        if effect.file == "unknown-file":
            self.use_file("command", None, node)
            return
        if effect.file == "copies":
            for mode, argument in zip(("read", "write"), arguments, strict=False):
                self.use_file(mode, argument.constants, node)
            return
        if effect.file == "moves":
            for mode, argument in zip(("remove", "write"), arguments, strict=False):
                self.use_file(mode, argument.constants, node)
            return
        if effect.file == "globs":
            self.use_file("glob", arguments[0].constants if arguments else None, node)
            return
        if effect.file in ("removes", "probes"):
            self.use_file(effect.file[:-1], arguments[0].constants if arguments else None, node)
            return
        if effect.file == "connects":
            if not arguments or arguments[0].constants != frozenset({":memory:"}):
                self.use_file("connect", arguments[0].constants if arguments else None, node)
            return
        if effect.file == "mkdirs":
            self.use_file("mkdir", arguments[0].constants if arguments else None, node)
            return
        index = 0
        names = (
            "path_or_buf",
            "filepath_or_buffer",
            "path",
            "fname",
            "filename",
            "file",
            "io",
            "f",
            "buf",
            "excel_writer",
        )
        if effect.file == "writes-" or effect.file == "writes-first":
            # `numpy.save(file, array)` but `joblib.dump(value, filename)`.
            text = self.name_of(node)
            index = 1 if text == "dump" or (isinstance(node, ast.Call) and "torch" in ast.unparse(node.func)) else 0
        where: Argument | None = None
        plain = [a for a in arguments if a.name is None and not a.star]
        if index < len(plain):
            where = plain[index]
        for argument in arguments:
            if argument.name in names:
                where = argument
        if where is None:
            return  # `df.to_csv()` gives a string
        if any(obj.type in ("handle", "") and obj.type != "path" for obj in where.values) and where.constants is None:
            if any(obj.type == "handle" for obj in where.values):
                return  # the `open` has said it
        mode = "read" if effect.file == "reads" else "write"
        self.use_file(mode, where.constants, node)

    def use_file(self, mode: str, where: Constants, node: ast.AST) -> None:
        from nb2stage.interpreter import FileUse

        self.statement.impure = True
        paths = sorted(str(p) for p in where if not isinstance(p, tuple)) if where is not None else [None]
        for path in paths:
            self.files.append(FileUse(mode, path, self.statement, node))

    def cells_of(self, values: Values, depth: int) -> Values:
        """What the cells of a frame hold: the rows and columns, which are lists and dicts, are copied."""
        found: set[Obj] = set()
        for _ in range(depth):
            inner: set[Obj] = set()
            for obj in values:
                if obj.type in FRAMES:
                    found |= obj.contents
                elif obj.type in CONTAINERS:
                    inner |= obj.contents
                elif obj.kind != "lib" and not (self.copy_on_write and obj.type in DATA):
                    found.add(obj)
            values = frozenset(inner)
        return frozenset(found | values)

    def result(self, effect: Effect, receiver: Values, first: Values, values: Values, node: ast.AST) -> Values:
        if effect.result == "atom" or (effect.cheap and effect.result == "any" and not receiver and not values):
            return ATOM
        if effect.result == "view":
            if effect.type:
                for obj in first:
                    obj.type = obj.type or effect.type
            first = frozenset(self.view_of(obj, effect, node) for obj in first)
            return first or frozenset({self.make(node, "result", type=effect.type)})
        if effect.result == "part":
            return self.members(first if receiver or len(values) == len(first) else first | values)
        if effect.result == "rows":
            made, pair = self.make(node, "rows", type="iter"), self.make(node, "pair", type="tuple")
            self.hold(pair, frozenset(self.share(node, obj, "pandas") for obj in receiver))
            self.hold(made, frozenset({pair}))
            return frozenset({made})
        kind = effect.type
        if effect.copies_type and receiver:
            kind = self.kind_of(receiver)
        if effect.result == "any" and not kind and receiver and self.kind_of(receiver) in ("statsmodels", "scipy"):
            kind = self.kind_of(receiver)
        made = self.make(node, "result", type=kind)
        if effect.cells or (self.kind_of(receiver) in {*FRAMES, "grouped"} and any(v.kind == "lib" for v in values)):
            # `agg(list)`, `str.split()`
            self.hold(made, frozenset({self.make(node, "cell")}))
        if effect.nested:
            row = self.make(node, "row", type="list")
            self.hold(row, frozenset({self.make(node, "inner row", type="list")}))
            self.hold(made, frozenset({row}))
        if effect.result == "fresh":
            inner = {o for obj in receiver | values for o in obj.contents if o.kind != "lib"}
            if kind in FRAMES:
                # `pd.concat([a, b])`
                inner |= {cell for o in inner if o.type in FRAMES for cell in o.contents}
            self.hold(made, frozenset(o for o in inner if o.type not in DATA))
            return frozenset({made})
        held = frozenset(o for o in receiver if o.type != "handle") | values
        if kind not in ("list", "set", "dict", "iter", "partial", ""):
            held = self.used_up(held)
        if effect.result == "holds":
            if kind in ("list", "set", "dict"):
                members = self.members(held)
                if kind == "dict":
                    # `dict(pairs)`, `dict(key=value)`
                    members |= frozenset(o for pair in members if pair.type in ("tuple", "list") for o in pair.contents)
                    members |= frozenset(o for o in held if o.type not in USED_UP)
                self.hold(made, members)
            elif kind in DATA:
                self.hold(made, self.cells_of(held, 2 if kind == "frame" else 1))
            else:
                self.hold(made, frozenset(o for o in held if o.kind != "lib"))
            return frozenset({made})
        held = self.used_up(held)
        self.hold(made, frozenset(o for o in held if o.kind != "lib"))
        return frozenset({made}) | frozenset(o for o in held if o.kind in ("value", "instance"))


# What a library calls on the members of a list or dict that it is given: it compares, prints and adds them.
OF_MEMBERS = tuple(
    f"__{name}__"
    for name in [
        "lt",
        "le",
        "gt",
        "ge",
        "eq",
        "ne",
        "hash",
        "repr",
        "str",
        "format",
        "bool",
        "len",
        "iter",
        "next",
        "getitem",
        "contains",
        "add",
        "radd",
        "sub",
        "rsub",
        "mul",
        "rmul",
        "truediv",
        "rtruediv",
        "neg",
        "abs",
        "float",
        "int",
        "index",
        "array",
        "array_ufunc",
        "array_function",
        "reduce",
        "reduce_ex",
        "getstate",
        "deepcopy",
        "copy",
        "fspath",
    ]
)
USED_UP = frozenset({"generator_object", "handle", "iter"})
OPENERS = frozenset(
    [
        "builtins.open",
        "io.open",
        "gzip.open",
        "codecs.open",
        "bz2.open",
        "lzma.open",
        "zipfile.ZipFile",
        "tarfile.open",
        "h5py.File",
        "netCDF4.Dataset",
    ]
)
CONTAINERS = ("list", "dict", "tuple", "set", "index")


def parts_of(obj: Obj) -> Values:
    """What a subscript, an attribute or a loop may take out of an object: of a plot not the data that it draws."""
    return frozenset(o for o in obj.contents if obj.type != "matplotlib" or o.type not in DATA)


def owned(objects: Iterable[Obj]) -> set[Obj]:
    """What can be reached without going through the source of a class of the notebook."""
    seen: set[Obj] = set()
    todo = list(objects)
    while todo:
        obj = todo.pop()
        if obj in seen or obj.kind in ("class", "lib") or obj.type == "class":
            continue
        seen.add(obj)
        todo.extend(obj.contents)
        for inner in obj.fields.values():
            todo.extend(inner)
    return seen


def _line(obj: Obj) -> tuple[int, int, str]:
    """A stable order of objects: by where they stand."""
    node = obj.node
    return (getattr(node, "lineno", 0), getattr(node, "col_offset", 0), obj.path or obj.type)


def _methods(obj: Obj) -> list[tuple[str, Values]]:
    found: dict[str, Values] = {}
    todo, seen = list(obj.bases), set()
    while todo:
        cls = todo.pop(0)
        if cls.kind == "class" and cls not in seen:
            seen.add(cls)
            for name, values in cls.fields.items():
                found.setdefault(name, values)
            todo.extend(cls.bases)
    return list(found.items())


def _mentioned(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


def _strings_in(arguments: list[Argument]) -> set[str]:
    found: set[str] = set()
    for argument in arguments:
        if argument.node is not None:
            for part in ast.walk(argument.node):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    found.update(QUERY_NAMES.findall(part.value))
    return found


__all__ = ["MAIN_STATES", "Argument", "Calls", "ScopeNode"]
