"""Functions and classes of the notebook: their bodies are interpreted at each call, with the names as they are then."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Set
from functools import cache

from nb2stage.analysis.heap import (
    USED_UP,
    Argument,
    BlindCall,
    Heap,
    _line,
    _mentioned,
)
from nb2stage.analysis.objects import (
    ATOM,
    Constants,
    Fields,
    Frame,
    Obj,
    State,
    Values,
    Var,
    is_nested,
    merge,
    module_of,
    reach,
)
from nb2stage.analysis.scopes import (
    Scope,
    ScopeNode,
    bound_names,
    free_names,
    parameters,
    scope_of,
)

MAX_DEPTH = 12
MAX_CONSTANTS = 32

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
    "available_if",
    "total_ordering",
    "cached_property",
    "getter",
    "setter",
    "deleter",
    "overload",
    "unique",
)


# The functions of a property, by what they are called for.
ACCESSORS = frozenset({"property", "setter", "deleter"})
SINGLE_DISPATCH = "functools.singledispatch"
NUMBA = "numba"  # the `path` of a function that numba compiles: it draws from streams of numba's own


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


def defaults_of(arguments: ast.arguments) -> list[tuple[ast.arg, ast.expr]]:
    """The parameters that have a default, each with it."""
    positional = [*arguments.posonlyargs, *arguments.args]
    pairs = list(zip(reversed(positional), reversed(arguments.defaults), strict=False))
    return pairs + [(a, d) for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if d is not None]


def default_of(arguments: ast.arguments, parameter: ast.arg) -> ast.expr | None:
    """The default of a parameter, if it has one."""
    return next((default for each, default in defaults_of(arguments) if each is parameter), None)


def returned_constants(node: ast.AST, constants: list[Constants]) -> Constants:
    """The plain values that a call certainly gives one of, where that is known."""
    if isinstance(node, ast.FunctionDef):
        ways = sum(isinstance(part, ast.Return) for part in ast.walk(node))
        if ways != 1 or node.decorator_list or scope_of(node).is_generator:
            return None  # which of several paths is taken is not known
    elif not isinstance(node, ast.Lambda):
        return None
    known = [each for each in constants if each is not None]
    found = frozenset(value for each in known for value in each)
    return found if known and len(known) == len(constants) and len(found) <= MAX_CONSTANTS else None


@cache
def gives_plain_values(node: ast.FunctionDef) -> bool:
    """Whether a function returns nothing but what operators make of its parameters, of constants and of calls of itself."""
    names = {a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)}
    inside = [part for statement in node.body for part in ast.walk(statement)]
    names -= {name for part in inside for name in bound_names(part)}

    def is_plain(part: ast.expr) -> bool:
        if isinstance(part, ast.Call):
            itself = isinstance(part.func, ast.Name) and part.func.id == node.name
            return itself and all(is_plain(a) for a in (*part.args, *(k.value for k in part.keywords)))
        if isinstance(part, ast.Name):
            return part.id in names
        operator = isinstance(part, ast.BinOp | ast.UnaryOp | ast.BoolOp | ast.Compare | ast.IfExp)
        inner = [each for each in ast.iter_child_nodes(part) if isinstance(each, ast.expr)]
        return isinstance(part, ast.Constant) or (operator and all(map(is_plain, inner)))

    returned = [part.value for part in inside if isinstance(part, ast.Return) and part.value is not None]
    nested = any(isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef) for part in inside)
    return node.name not in names and not nested and all(map(is_plain, returned))


class Functions(Heap):
    """Calls of what the notebook defines."""

    def function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> Obj:
        obj = self.make(node, "function", kind="function")
        obj.node, obj.frame = node, self.frame
        arguments = node.args
        for argument, default in defaults_of(arguments):
            obj.fields["=" + argument.arg] = self.eval(default)
        if self.frame is not None:
            self.frame.made.append(obj)
        return obj

    def decorate(self, decorator: ast.expr, values: Values) -> Values:
        """What a decorator makes of a function or class."""
        name = decorator.func if isinstance(decorator, ast.Call) else decorator
        last = name.attr if isinstance(name, ast.Attribute) else getattr(name, "id", "")
        owners = self.eval(name.value) if isinstance(name, ast.Attribute) and last not in KEEPING else ATOM
        generic = frozenset(o for o in owners if o.path == SINGLE_DISPATCH and last == "register")
        if generic and generic == owners:
            self.register_implementation(generic, values)
            return values | self.evaluate_arguments(decorator)
        compiles = any(o.path.startswith("numba.") for o in self.eval(name))
        inert = compiles or (last not in KEEPING and self.keeps_nothing(decorator, name))
        called = self.evaluate_arguments(decorator) if inert else self.eval(decorator)
        known = [self.known.function(o.path) for o in self.peek(name) if o.kind == "lib"]
        if any(effect.registers for effect in known) and isinstance(decorator, ast.Call):
            for each in self.constant(decorator.args[0]) or () if decorator.args else ():
                self.accessors[str(each)] = values
        if any(effect.freezes for effect in known):
            for obj in values:
                obj.type = "compiled" if obj.kind == "function" else obj.type
                obj.path = NUMBA if compiles and obj.kind == "function" else obj.path
        if known and all(effect.sets or effect.registers or effect.freezes for effect in known):
            for domain in (effect.sets for effect in known if effect.sets):
                self.hook(values)
                if not isinstance(decorator, ast.Call):
                    self.setting(domain)
            return values
        ours = bool(owners) and all(o.kind == "module" for o in owners)
        if isinstance(name, ast.Attribute) and last not in KEEPING and not ours:
            # `@describe.register`: what is decorated is kept by a function or object of the notebook.
            for owner in owners:
                if owner.kind != "lib":
                    self.change(owner)
                    self.hold(owner, values)
                    called = called - {owner}
            if not inert and (not called or all(o.kind != "lib" for o in called)):
                return values
        for obj in values:
            if obj.kind == "function" and any(o.kind == "lib" and o.path == SINGLE_DISPATCH for o in called):
                obj.path = SINGLE_DISPATCH
            if obj.kind == "class" and (last == "dataclass" or self.makes_dataclass(decorator)):
                self.make_dataclass(obj)
            if obj.kind == "function" and last in ("lru_cache", "cache"):
                obj.type = "cached"
            if obj.kind == "function" and last in ("staticmethod", "classmethod", "property", "cached_property"):
                obj.type = "property" if last == "cached_property" else last
        if known and not isinstance(decorator, ast.Call) and all("." in effect.type for effect in known):
            # `@delayed`: an object of the library, and no function
            return self.call_values(called, [Argument(values, None, None, None)], decorator)
        if last in ("getter", "setter", "deleter") and isinstance(name, ast.Attribute):
            described = frozenset(o for o in self.eval(name.value) if o.type in ACCESSORS)
            if described:  # `@size.setter`: one property of several functions
                for obj in values:
                    obj.type = "property" if last == "getter" else last
                return values | frozenset(o for o in described if o.type != last)
        inert = inert or last in KEEPING
        if inert or (called and all(obj.kind == "lib" or obj.type == "context" for obj in called)):
            return values
        argument = Argument(values, None, None, None)
        return self.call_values(called, [argument], decorator)

    def keeps_nothing(self, decorator: ast.expr, name: ast.expr) -> bool:
        """Whether a decorator is a call of a library that is given nothing of the notebook: `@retry(3)`, `@no_grad()`.

        It gives back what it is given, or something that calls it; made again with the function it is the same.
        """
        if not isinstance(decorator, ast.Call):
            return False
        functions = self.eval(name)
        if not functions or any(o.kind != "lib" for o in functions):
            return False
        effects = [self.known.function(o.path) for o in functions]
        if not all(e.unknown or (e.cheap and not e.changes) for e in effects):
            return False
        given = [*decorator.args, *(keyword.value for keyword in decorator.keywords)]
        return not any(o.kind not in ("lib", "function") for part in given for o in self.peek(part))

    def evaluate_arguments(self, decorator: ast.expr) -> Values:
        """Look at what a decorator is called with; nothing of it is given back."""
        if isinstance(decorator, ast.Call):
            for part in [*decorator.args, *(keyword.value for keyword in decorator.keywords)]:
                self.eval(part)
        return ATOM

    def make_dataclass(self, cls: Obj) -> None:
        """The fields of a data class are none of the class: each instance has its own value."""
        cls.type = "dataclass"
        for name, inner in list(cls.fields.items()):
            cls.fields[name] = frozenset(o for o in inner if o.kind == "function")

    def makes_dataclass(self, decorator: ast.expr) -> bool:
        """Whether a library's decorator makes a class whose instances have the annotated fields."""
        functions = self.eval(decorator.func if isinstance(decorator, ast.Call) else decorator)
        return any(o.kind == "lib" and self.known.function(o.path).type == "dataclass" for o in functions)

    def register_implementation(self, generic: Values, values: Values) -> None:
        """`@show.register`: a generic function calls one more function."""
        for owner in generic:
            self.change(owner)
            self.hold(owner, frozenset(o for o in values if o.kind == "function"))

    def call_implementations(self, fn: Obj, arguments: list[Argument], node: ast.AST) -> Values:
        """Call a generic function: its own body, or one of those that were registered."""
        result: Values = ATOM
        for each in [fn, *sorted((o for o in fn.contents if o.kind == "function" and o is not fn), key=_line)]:
            base = self.state
            self.state = State(base)
            self.depth += 1
            result |= self.call_function(each, arguments, node)
            self.depth -= 1
            self.commit(base, [self.state, State(base)])
        return result

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
        if fn.type == "compiled":
            self.note_compiled_call(fn)
        if fn.type == "cached":
            self.cached_calls.setdefault(fn, set()).add(self.statement.stage)
        active = self.stack.count(id(fn.node))
        if active > 1 or len(self.stack) > 2 * MAX_DEPTH or self.budget < 0:
            return self.call_blindly(fn, arguments, node, receiver)
        outer_stack, outer_frame, outer_loops = self.stack, self.frame, self.loops
        base = self.state
        self.stack = (*self.stack, id(node), id(fn.node))
        frame = self.enter(fn.node, scope_of(fn.node), fn.frame)
        saved = (frame.returns, frame.ends, frame.constants)
        frame.returns, frame.ends, frame.constants = [], [], []
        frame.made.append(fn)
        self.state, self.frame, self.loops = State(base), frame, []
        self.depth += 1
        graphless = any(self.known.without_graph(ast.unparse(d)) for d in getattr(fn.node, "decorator_list", ()))
        self.without_graph += graphless
        self.bind_parameters(fn, frame, arguments, receiver)
        inside = self.state
        self.compiled += fn.path == NUMBA
        if isinstance(fn.node, ast.Lambda):
            frame.returns.append(self.eval(fn.node.body))
            frame.constants.append(self.constant(fn.node.body))
        else:
            self.execute_block(fn.node.body)
        self.compiled -= fn.path == NUMBA
        falls_through = not isinstance(fn.node, ast.Lambda) and not self.state.dead
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
        self.without_graph -= graphless
        self.frame, self.stack, self.loops = outer_frame, outer_stack, outer_loops
        self.last_returned = None if falls_through else returned_constants(fn.node, frame.constants)
        frame.returns, frame.ends, frame.constants = saved
        if scope_of(fn.node).is_generator:
            made = self.make(node, "generator", type="generator_object")
            made.fields["yields"] = made.fields.get("yields", ATOM) | result
            self.hold(made, result | frozenset().union(*(a.values for a in arguments)) | {fn})
            return frozenset({made})
        return result

    def note_compiled_call(self, fn: Obj) -> None:
        """Write down what the globals are that a compiled function and its helpers look up."""
        found: dict[str, Var] = {}
        todo = [fn]
        while todo:
            node = todo.pop().node
            for name in sorted(free_names(node)) if isinstance(node, ScopeNode) else ():
                var = self.state.get(name)
                if var.sites and name not in found:
                    found[name] = var
                    todo += [obj for obj in var.values if obj.kind == "function"]
        self.compiled_calls.setdefault(fn, []).append((self.statement, found))

    def reads_variables(self, fn: Obj) -> bool:
        """Whether a function looks up globals that may be bound again or changed."""
        assert fn.node is not None
        module = module_of(fn)
        for name in free_names(fn.node):
            var = self.state.get(self.global_key(fn.frame, name))
            sites = var.sites
            if module is not None and (sites or any(o.kind in ("value", "instance") for o in var.values)):
                return True
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
            for name in sorted(frame.scope.local_names & _mentioned(fn.node)):
                self.hold(fn, self.state.get((frame.number, name)).values)

    def call_blindly(self, fn: Obj, arguments: list[Argument], node: ast.AST, receiver: Values) -> Values:
        """A call that is not followed (recursion, too deep): it may do anything to what it can reach."""
        values: Values = frozenset().union(receiver, *(a.values for a in arguments))
        self.change_deep(values, known=False)
        self.statement.once = True
        assert fn.node is not None
        module = module_of(fn)
        for name in sorted(free_names(fn.node)):
            if module is not None:
                self.load_from_module(module, name, fn.node)
            elif self.state.get(name).sites:
                self.load(name, fn.node)
        if module is not None and id(fn.node) not in self.stack:
            self.change(module.object, known=False)  # what it would do to its module is not known
        self.draw_all()
        self.last_returned = None
        if not values and self.gives_plain_values(fn):
            return ATOM
        made = self.make(node, "blind")
        self.hold(made, values)
        return values | {made}

    def gives_plain_values(self, fn: Obj) -> bool:
        """Whether a function that is given numbers and texts certainly gives such: `n * fact(n - 1) if n else 1`."""
        node = fn.node
        if not isinstance(node, ast.FunctionDef) or is_nested(fn) or scope_of(node).is_generator:
            return False
        itself = self.state.get(self.global_key(fn.frame, node.name)).values == {fn}
        return itself and not any(fn.fields.values()) and gives_plain_values(node)

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
            starred = any(a.star for a in arguments)
            self.bind_parameter(fn, frame, parameter, given.get(parameter.arg), stars, rest, starred)

    def bind_parameter(
        self,
        fn: Obj,
        frame: Frame,
        parameter: ast.arg,
        given: Argument | None,
        stars: Values,
        rest: list[Argument],
        starred: bool,
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
            default = default_of(node.args, parameter)
            if isinstance(default, ast.Constant) and not starred:
                constants = frozenset({default.value})
        self.set((frame.number, parameter.arg), Var(values, frozenset({self.statement}), 0, constants))

    def instantiate(self, cls: Obj, arguments: list[Argument], node: ast.AST, by_type: bool = False) -> Values:
        """What calling a class gives; `by_type` where its metaclass has been asked already."""
        called = frozenset(fn for meta in cls.fields.get("metaclass", ATOM) for fn in self.lookup(meta, "__call__"))
        if called and not by_type:
            given: Values = ATOM
            for fn in sorted(called, key=_line):
                if fn.kind == "function":
                    given |= self.call_function(fn, arguments, node, frozenset({cls}))
            return given or self.instantiate(cls, arguments, node, by_type=True)
        made: Values = ATOM
        for fn in sorted(self.lookup(cls, "__new__"), key=_line):
            if fn.kind == "function":
                made |= self.call_function(fn, arguments, node, frozenset({cls}))
        ours = frozenset(o for o in made if o.kind == "instance" and not reach(o.bases).isdisjoint({cls}))
        others = made - ours if ours or not self.lookup(cls, "__new__") else made
        if not ours and others:
            return others
        result: Values = ATOM
        for instance in sorted(ours or {self.new_instance(cls, node)}):
            result |= self.initialize(instance, cls, arguments, node)
        return result | others

    def new_instance(self, cls: Obj, node: ast.AST) -> Obj:
        """An instance of a class, before its `__init__` is called."""
        instance = self.make(node, "instance", kind="instance")
        instance.bases = tuple(dict.fromkeys((*instance.bases, cls)))
        return instance

    def new_instances(self, classes: Iterable[Obj], arguments: list[Argument], node: ast.AST) -> Values:
        """What a library's `__new__` gives for classes of the notebook."""
        made = frozenset(self.new_instance(cls, node) for cls in classes)
        for instance in made:
            self.hold(instance, frozenset().union(*(a.values for a in arguments)))
        return made

    def initialize(self, instance: Obj, cls: Obj, arguments: list[Argument], node: ast.AST) -> Values:
        """An instance as its `__init__` leaves it."""
        values: Values = frozenset().union(*(a.values for a in arguments))
        init = self.lookup(instance, "__init__") | self.lookup(instance, "__new__")
        post = self.lookup(instance, "__post_init__")
        for fn in sorted(self.lookup(instance, "__init__") | post, key=_line):
            if fn.kind == "function":
                self.call_function(fn, arguments, node, frozenset({instance}))
        # Without an `__init__` of the notebook's own, a dataclass, a named tuple or the library's base keeps all.
        if not init:
            self.hold(instance, values)
        if cls.type == "dataclass":
            self.hold(instance, frozenset({self.make(node, "fields")}))
        for name, fields in cls.fields.items() if cls.type != "dataclass" else ():
            if not name.startswith("__"):
                held = frozenset(o for o in fields if o.kind not in ("function", "class"))
                self.hold(instance, held, name=name)
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

    def has_attribute(self, cls: Obj, name: str) -> bool:
        """Whether a class certainly has an attribute of its own or of a class of the notebook's that it derives from."""
        return name in cls.fields or any(base.kind == "class" and self.has_attribute(base, name) for base in cls.bases)

    def bound(self, obj: Obj, found: Values, node: ast.AST) -> Values:
        """Functions found on an object, tied to it; a property is called."""
        result: set[Obj] = set()
        for value in found:
            if value.kind != "function":
                result.add(value)
            elif value.type in ("setter", "deleter"):
                continue
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
        if obj.kind != "instance":
            return frozenset(result)
        return frozenset(result) | (
            self.held_as(obj, node.attr) if isinstance(node, ast.Attribute) else frozenset(obj.contents)
        )

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
                            if name in ("__getattr__", "__getattribute__"):
                                result |= self.ask(fn, arguments, obj)
                            else:
                                result |= self.call_function(fn, arguments, fn.node, frozenset({obj}))
        return frozenset(result)

    def ask(self, fn: Obj, arguments: list[Argument], obj: Obj) -> Values:
        """Call what an instance is asked for attributes by: it may ask itself again, which does and gives the same."""
        assert fn.node is not None
        key = (fn, obj, frozenset().union(*(a.values for a in arguments)))
        if key in self.asked:
            return self.asked[key]
        self.asked[key] = ATOM
        while not (found := self.call_function(fn, arguments, fn.node, frozenset({obj}))) <= self.asked[key]:
            self.asked[key] |= found
        return self.asked.pop(key)

    def call_inside(self, obj: Obj, arguments: list[Argument], node: ast.AST) -> Values:
        """Call the functions that an object holds: of a `partial` its own."""
        if self.partials.get(obj):
            if obj in self.inside:  # one object stands for several, one of which is given the next
                return ATOM
            function, *given = self.partials[obj]
            named = {a.name for a in arguments if a.name}
            given = [a for a in given if a.name is None or a.name not in named]
            self.inside.add(obj)
            given_back = self.call_values(function.values, [*given, *arguments], node)
            self.inside.discard(obj)
            return given_back
        inner = frozenset(o for o in reach([obj]) if o.kind in ("function", "bound", "class", "lib"))
        extra = [Argument(frozenset(obj.contents), None, None, None), *arguments]
        result: Values = ATOM
        for fn in inner:
            if fn.kind != "lib":
                result |= self.call_blind_arguments(fn, extra, node)
            else:
                result |= self.call_library(fn.path, arguments, node)
        return result | frozenset(o for o in obj.contents if o.kind == "value")

    def call_blind_arguments(
        self, fn: Obj, arguments: list[Argument], node: ast.AST, kind: str = "", owner: Obj | None = None
    ) -> Values:
        """Call a function with each parameter possibly being any of the given values, or a new object of a `kind`: a callback.

        Libraries hand functions around that call each other, so this is not followed per chain of calls: what a
        function may do as a callback of one statement is worked out once, and again only when it may be given more.
        The `self` of a method is its `owner`, where that is known.
        """
        values: Values = frozenset().union(*(a.values for a in arguments))
        iterators = frozenset(v for v in values if v.type in ("iter", "generator_object"))
        call = self.blind_calls.setdefault((self.statement.position, fn), BlindCall())
        now = (self.heap_version, Fields.changes)
        grown = owner not in call.owners
        if iterators or call.asked_at != now or not values <= call.asked:
            known = frozenset(
                v
                for v in self.everything(values | self.members(iterators))
                if v.kind not in ("function", "class", "bound") and v.type not in USED_UP
            )
            grown = grown or not known <= call.given
            call.given |= known
            call.asked = values | (call.asked if call.asked_at == now else ATOM)
            call.asked_at = now
        call.owners |= {owner}
        settled = not grown and call.turn == self.blind_turn and not call.binds
        if call.active or (settled and (call.sure or self.guesses)):
            return call.result
        call.sure = call.sure or not self.guesses
        outermost = not self.blind_depth
        self.blind_depth += 1
        outer, self.stack = self.stack, (("callback", self.statement.position), id(fn.node))
        call.active = True
        for _ in range(4 if outermost else 1):
            self.blind_turn += outermost
            call.turn, version, given, binds = self.blind_turn, self.heap_version, call.given, self.global_binds
            anything = self.make(node, "callback", type=kind)
            anything.foreign = not kind and any(o.foreign for o in given)
            self.hold(anything, frozenset(o for o in given if o.type not in USED_UP))
            base = self.state
            self.state = State(base)
            self.depth += 1
            call.result |= self.call_with(fn, Argument(given | {anything}, None, None, None), node, call.owners)
            self.depth -= 1
            self.commit(base, [self.state, State(base)])  # it may not be called at all
            call.binds = call.binds or self.global_binds != binds
            if call.given == given and version == self.heap_version:
                break
        call.active = False
        self.blind_depth -= 1
        self.stack = outer
        return call.result

    def call_with(self, fn: Obj, given: Argument, node: ast.AST, owners: Set[Obj | None]) -> Values:
        if fn.kind == "bound":
            result: Values = ATOM
            for inner in fn.fields["function"]:
                result |= self.call_function(inner, self.repeat(inner, given), node, fn.fields["self"])
            return result
        if fn.kind == "class":
            return self.instantiate(fn, [given], node)
        known = frozenset(owner for owner in owners if owner is not None)
        certain = len(known) == len(owners) and fn.type != "classmethod"
        receiver = known if certain else self.receivers(fn, given.values)
        return self.call_function(fn, self.repeat(fn, given), node, receiver)

    def receivers(self, fn: Obj, values: Values) -> Values:
        """What a method may be called on: instances of its class where there are any."""
        own = frozenset(v for v in values if v.kind == "instance" and not reach(v.bases).isdisjoint(fn.bases))
        return own or values

    def repeat(self, fn: Obj, given: Argument) -> list[Argument]:
        assert isinstance(fn.node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        return [given for _ in parameters(fn.node)]

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

    def has_odd_base(self, obj: Obj) -> bool:
        """Whether a base class of a library that is not known may set attributes, or decide where they are kept."""
        return any(b.kind == "lib" and self.known.function(b.path).unknown for b in reach(obj.bases))

    def has_library_base(self, obj: Obj) -> bool:
        return any(b.kind == "lib" for b in reach(obj.bases))
