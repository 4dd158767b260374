"""Functions and classes of the notebook: their bodies are interpreted at each call, with the names as they are then."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Set
from functools import cache

from nb2stage.analysis.classes import Classes, _methods
from nb2stage.analysis.heap import Argument, BlindCall, Heap
from nb2stage.analysis.interfaces import CallsObjects, Evaluates, Executes, Iterates
from nb2stage.analysis.names import Names
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
    line_of,
    merge,
    module_of,
    reach,
)
from nb2stage.analysis.plainvalues import PlainValues
from nb2stage.analysis.randomness import Randomness
from nb2stage.analysis.scopes import Scope, ScopeNode, bound_names, free_names, parameters, scope_of
from nb2stage.analysis.vocabulary import NUMBA, USED_UP
from nb2stage.knowledge.valuetypes import Type
from nb2stage.trees import walk


@cache
def mentioned(node: ast.AST) -> frozenset[str]:
    return frozenset(n.id for n in walk(node) if isinstance(n, ast.Name))


MAX_DEPTH = 12


MAX_CONSTANTS = 32


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
        ways = sum(isinstance(part, ast.Return) for part in walk(node))
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
    inside = [part for statement in node.body for part in walk(statement)]
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


class Functions:
    """Calls what the notebook defines."""

    # What it calls back: set where all parts are put together.
    statements: Executes
    expressions: Evaluates
    iteration: Iterates
    calls: CallsObjects

    def __init__(self, heap: Heap, plain: PlainValues, classes: Classes, names: Names, randomness: Randomness) -> None:
        self.heap = heap
        self.plain = plain
        self.classes = classes
        self.names = names
        self.randomness = randomness

    def register_implementation(self, generic: Values, values: Values) -> None:
        """`@show.register`: a generic function calls one more function."""
        for owner in generic:
            self.heap.change(owner)
            self.heap.hold(owner, frozenset(o for o in values if o.kind == "function"))

    def call_implementations(self, fn: Obj, arguments: list[Argument], node: ast.AST) -> Values:
        """Call a generic function: its own body, or one of those that were registered."""
        result: Values = ATOM
        for each in [fn, *sorted((o for o in fn.contents if o.kind == "function" and o is not fn), key=line_of)]:
            base = self.heap.state
            self.heap.state = State(base)
            self.heap.depth += 1
            result |= self.call_function(each, arguments, node)
            self.heap.depth -= 1
            self.heap.commit(base, [self.heap.state, State(base)])
        return result

    def enter(self, node: ast.AST, scope: Scope, parent: Frame | None) -> Frame:
        key = (id(node), self.heap.stack)
        frame = self.heap.frames.get(key)
        if frame is None:
            frame = self.heap.frames[key] = Frame(len(self.heap.frames) + 1, scope, parent)
        frame.parent = parent
        return frame

    def call_function(self, fn: Obj, arguments: list[Argument], node: ast.AST, receiver: Values = ATOM) -> Values:
        """Interpret the body of a function of the notebook with these arguments."""
        assert isinstance(fn.node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        self.heap.budget -= 1
        self.heap.statement.calls = True
        if fn.type == "compiled":
            self.note_compiled_call(fn)
        if fn.type == "cached":
            self.heap.cached_calls.setdefault(fn, set()).add(self.heap.statement.stage)
        active = self.heap.stack.count(id(fn.node))
        if active > 1 or len(self.heap.stack) > 2 * MAX_DEPTH or self.heap.budget < 0:
            return self.call_blindly(fn, arguments, node, receiver)
        outer_stack, outer_frame, outer_loops = self.heap.stack, self.heap.frame, self.heap.loops
        base = self.heap.state
        self.heap.stack = (*self.heap.stack, id(node), id(fn.node))
        frame = self.enter(fn.node, scope_of(fn.node), fn.frame)
        saved = (frame.returns, frame.ends, frame.constants)
        frame.returns, frame.ends, frame.constants = [], [], []
        frame.made.append(fn)
        self.heap.state, self.heap.frame, self.heap.loops = State(base), frame, []
        self.heap.depth += 1
        graphless = any(self.heap.known.without_graph(ast.unparse(d)) for d in getattr(fn.node, "decorator_list", ()))
        self.heap.without_graph += graphless
        self.bind_parameters(fn, frame, arguments, receiver)
        inside = self.heap.state
        self.heap.compiled += fn.mark == NUMBA
        if isinstance(fn.node, ast.Lambda):
            frame.returns.append(self.expressions.eval(fn.node.body))
            frame.constants.append(self.plain.constant(fn.node.body))
        else:
            self.statements.execute_block(fn.node.body)
        self.heap.compiled -= fn.mark == NUMBA
        falls_through = not isinstance(fn.node, ast.Lambda) and not self.heap.state.dead
        for end in frame.ends:
            end.dead = False
        self.finish_call(base, inside, [*frame.ends, self.heap.state])
        result: Values = frozenset().union(*frame.returns)
        if fn.type == "cached" and (result or self.reads_variables(fn)):
            # What the cache keeps can be told from a new result.
            self.heap.change(fn)
            self.heap.hold(fn, result)
        self.close_over(frame)
        self.heap.depth -= 1
        self.heap.without_graph -= graphless
        self.heap.frame, self.heap.stack, self.heap.loops = outer_frame, outer_stack, outer_loops
        self.heap.last_returned = None if falls_through else returned_constants(fn.node, frame.constants)
        frame.returns, frame.ends, frame.constants = saved
        if scope_of(fn.node).is_generator:
            made = self.heap.make(node, "generator", type="generator_object")
            made.fields["yields"] = made.fields.get("yields", ATOM) | result
            self.heap.hold(made, result | frozenset().union(*(a.values for a in arguments)) | {fn})
            return frozenset({made})
        return result

    def note_compiled_call(self, fn: Obj) -> None:
        """Write down what the globals are that a compiled function and its helpers look up."""
        found: dict[str, Var] = {}
        todo = [fn]
        while todo:
            node = todo.pop().node
            for name in sorted(free_names(node)) if isinstance(node, ScopeNode) else ():
                var = self.heap.state.get(name)
                if var.sites and name not in found:
                    found[name] = var
                    todo += [obj for obj in var.values if obj.kind == "function"]
        self.heap.compiled_calls.setdefault(fn, []).append((self.heap.statement, found))

    def reads_variables(self, fn: Obj) -> bool:
        """Whether a function looks up globals that may be bound again or changed."""
        assert fn.node is not None
        module = module_of(fn)
        for name in free_names(fn.node):
            var = self.heap.state.get(self.heap.global_key(fn.frame, name))
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
        self.heap.state = base

    def close_over(self, frame: Frame) -> None:
        """Functions made in a call hold what the call's variables refer to."""
        for fn in frame.made:
            if fn.frame is not frame or fn.node is None:
                continue
            for name in sorted(frame.scope.local_names & mentioned(fn.node)):
                self.heap.hold(fn, self.heap.state.get((frame.number, name)).values)

    def call_blindly(self, fn: Obj, arguments: list[Argument], node: ast.AST, receiver: Values) -> Values:
        """A call that is not followed (recursion, too deep): it may do anything to what it can reach."""
        values: Values = frozenset().union(receiver, *(a.values for a in arguments))
        self.heap.change_deep(values, known=False)
        self.heap.statement.once = True
        assert fn.node is not None
        module = module_of(fn)
        for name in sorted(free_names(fn.node)):
            if module is not None:
                self.names.load_from_module(module, name, fn.node)
            elif self.heap.state.get(name).sites:
                self.names.load(name, fn.node)
        if module is not None and id(fn.node) not in self.heap.stack:
            self.heap.change(module.object, known=False)  # what it would do to its module is not known
        self.randomness.draw_all()
        self.heap.last_returned = None
        if not values and self.gives_plain_values(fn):
            return ATOM
        made = self.heap.make(node, "blind")
        self.heap.hold(made, values)
        return values | {made}

    def gives_plain_values(self, fn: Obj) -> bool:
        """Whether a function that is given numbers and texts certainly gives such: `n * fact(n - 1) if n else 1`."""
        node = fn.node
        if not isinstance(node, ast.FunctionDef) or is_nested(fn) or scope_of(node).is_generator:
            return False
        itself = self.heap.state.get(self.heap.global_key(fn.frame, node.name)).values == {fn}
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
        stars: Values = frozenset().union(*(self.iteration.members(a.values) for a in arguments if a.star))
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
            made = self.heap.make(parameter, "rest", type="tuple" if parameter is node.args.vararg else "dict")
            self.heap.hold(made, stars | frozenset().union(*(a.values for a in rest)))
            values = frozenset({made})
        elif given is not None:
            values, constants = given.values, given.constants
        else:
            values = fn.fields.get("=" + parameter.arg, ATOM) | stars
            default = default_of(node.args, parameter)
            if isinstance(default, ast.Constant) and not starred:
                constants = frozenset({default.value})
        self.heap.set((frame.number, parameter.arg), Var(values, frozenset({self.heap.statement}), 0, constants))

    def instantiate(self, cls: Obj, arguments: list[Argument], node: ast.AST, by_type: bool = False) -> Values:
        """What calling a class gives; `by_type` where its metaclass has been asked already."""
        called = frozenset(
            fn for meta in cls.fields.get("metaclass", ATOM) for fn in self.classes.lookup(meta, "__call__")
        )
        if called and not by_type:
            given: Values = ATOM
            for fn in sorted(called, key=line_of):
                if fn.kind == "function":
                    given |= self.call_function(fn, arguments, node, frozenset({cls}))
            return given or self.instantiate(cls, arguments, node, by_type=True)
        made: Values = ATOM
        for fn in sorted(self.classes.lookup(cls, "__new__"), key=line_of):
            if fn.kind == "function":
                made |= self.call_function(fn, arguments, node, frozenset({cls}))
        ours = frozenset(o for o in made if o.kind == "instance" and not reach(o.bases).isdisjoint({cls}))
        others = made - ours if ours or not self.classes.lookup(cls, "__new__") else made
        if not ours and others:
            return others
        result: Values = ATOM
        for instance in sorted(ours or {self.new_instance(cls, node)}):
            result |= self.initialize(instance, cls, arguments, node)
        return result | others

    def new_instance(self, cls: Obj, node: ast.AST) -> Obj:
        """An instance of a class, before its `__init__` is called."""
        instance = self.heap.make(node, "instance", kind="instance")
        instance.bases = tuple(dict.fromkeys((*instance.bases, cls)))
        return instance

    def new_instances(self, classes: Iterable[Obj], arguments: list[Argument], node: ast.AST) -> Values:
        """What a library's `__new__` gives for classes of the notebook."""
        made = frozenset(self.new_instance(cls, node) for cls in classes)
        for instance in made:
            self.heap.hold(instance, frozenset().union(*(a.values for a in arguments)))
        return made

    def initialize(self, instance: Obj, cls: Obj, arguments: list[Argument], node: ast.AST) -> Values:
        """An instance as its `__init__` leaves it."""
        values: Values = frozenset().union(*(a.values for a in arguments))
        init = self.classes.lookup(instance, "__init__") | self.classes.lookup(instance, "__new__")
        post = self.classes.lookup(instance, "__post_init__")
        for fn in sorted(self.classes.lookup(instance, "__init__") | post, key=line_of):
            if fn.kind == "function":
                self.call_function(fn, arguments, node, frozenset({instance}))
        # Without an `__init__` of the notebook's own, a dataclass, a named tuple or the library's base keeps all.
        if not init:
            self.heap.hold(instance, values)
        if cls.type == "dataclass":
            self.heap.hold(instance, frozenset({self.heap.make(node, "fields")}))
        for name, fields in cls.fields.items() if cls.type != "dataclass" else ():
            if not name.startswith("__"):
                held = frozenset(o for o in fields if o.kind not in ("function", "class"))
                self.heap.hold(instance, held, name=name)
        return frozenset({instance})

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
                tied = self.heap.make(node, f"bound{value.node.lineno if value.node else 0}", kind="bound")  # type: ignore[attr-defined]
                tied.fields["function"] = frozenset({value})
                receiver = frozenset(obj.contents) if obj.kind == "super" else frozenset({obj})
                if value.type == "classmethod" and obj.kind == "instance":
                    receiver = frozenset(obj.bases)
                tied.fields["self"] = tied.fields.get("self", ATOM) | receiver
                result.add(tied)
        if obj.kind != "instance":
            return frozenset(result)
        return frozenset(result) | (
            self.heap.held_as(obj, node.attr) if isinstance(node, ast.Attribute) else frozenset(obj.contents)
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
        if key in self.heap.asked:
            return self.heap.asked[key]
        self.heap.asked[key] = ATOM
        while not (found := self.call_function(fn, arguments, fn.node, frozenset({obj}))) <= self.heap.asked[key]:
            self.heap.asked[key] |= found
        return self.heap.asked.pop(key)

    def call_inside(self, obj: Obj, arguments: list[Argument], node: ast.AST) -> Values:
        """Call the functions that an object holds: of a `partial` its own."""
        if self.heap.partials.get(obj):
            if obj in self.heap.inside:  # one object stands for several, one of which is given the next
                return ATOM
            function, *given = self.heap.partials[obj]
            named = {a.name for a in arguments if a.name}
            given = [a for a in given if a.name is None or a.name not in named]
            self.heap.inside.add(obj)
            given_back = self.calls.call_values(function.values, [*given, *arguments], node)
            self.heap.inside.discard(obj)
            return given_back
        inner = frozenset(o for o in reach([obj]) if o.kind in ("function", "bound", "class", "lib"))
        extra = [Argument(frozenset(obj.contents), None, None, None), *arguments]
        result: Values = ATOM
        for fn in inner:
            if fn.kind != "lib":
                result |= self.call_blind_arguments(fn, extra, node)
            else:
                result |= self.calls.call_values(frozenset({fn}), arguments, node)
        return result | frozenset(o for o in obj.contents if o.kind == "value")

    def call_blind_arguments(
        self, fn: Obj, arguments: list[Argument], node: ast.AST, kind: Type = "", owner: Obj | None = None
    ) -> Values:
        """Call a function with each parameter possibly being any of the given values, or a new object of a `kind`: a callback.

        Libraries hand functions around that call each other, so this is not followed per chain of calls: what a
        function may do as a callback of one statement is worked out once, and again only when it may be given more.
        The `self` of a method is its `owner`, where that is known.
        """
        values: Values = frozenset().union(*(a.values for a in arguments))
        iterators = frozenset(v for v in values if v.type in ("iter", "generator_object"))
        call = self.heap.blind_calls.setdefault((self.heap.statement.position, fn), BlindCall())
        now = (self.heap.heap_version, Fields.changes)
        grown = owner not in call.owners
        if iterators or call.asked_at != now or not values <= call.asked:
            known = frozenset(
                v
                for v in self.heap.everything(values | self.iteration.members(iterators))
                if v.kind not in ("function", "class", "bound") and v.type not in USED_UP
            )
            grown = grown or not known <= call.given
            call.given |= known
            call.asked = values | (call.asked if call.asked_at == now else ATOM)
            call.asked_at = now
        call.owners |= {owner}
        settled = not grown and call.turn == self.heap.blind_turn and not call.binds
        if call.active or (settled and (call.sure or self.heap.guesses)):
            return call.result
        call.sure = call.sure or not self.heap.guesses
        outermost = not self.heap.blind_depth
        self.heap.blind_depth += 1
        outer, self.heap.stack = self.heap.stack, (("callback", self.heap.statement.position), id(fn.node))
        call.active = True
        for _ in range(4 if outermost else 1):
            self.heap.blind_turn += outermost
            call.turn, version, given, binds = (
                self.heap.blind_turn,
                self.heap.heap_version,
                call.given,
                self.heap.global_binds,
            )
            anything = self.heap.make(node, "callback", type=kind)
            anything.foreign = not kind and any(o.foreign for o in given)
            self.heap.hold(anything, frozenset(o for o in given if o.type not in USED_UP))
            base = self.heap.state
            self.heap.state = State(base)
            self.heap.depth += 1
            call.result |= self.call_with(fn, Argument(given | {anything}, None, None, None), node, call.owners)
            self.heap.depth -= 1
            self.heap.commit(base, [self.heap.state, State(base)])  # it may not be called at all
            call.binds = call.binds or self.heap.global_binds != binds
            if call.given == given and version == self.heap.heap_version:
                break
        call.active = False
        self.heap.blind_depth -= 1
        self.heap.stack = outer
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
        receiver = known if certain else self.classes.receivers(fn, given.values)
        return self.call_function(fn, self.repeat(fn, given), node, receiver)

    def repeat(self, fn: Obj, given: Argument) -> list[Argument]:
        assert isinstance(fn.node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        return [given for _ in parameters(fn.node)]

    def super_object(self, node: ast.Call) -> Values:
        made = self.heap.make(node, "super", kind="super")
        frame = self.heap.frame
        while frame is not None and not (isinstance(frame.scope.node, ast.FunctionDef) and frame.made):
            frame = frame.parent
        if frame is not None and isinstance(frame.scope.node, ast.FunctionDef):
            for fn in frame.made:
                if fn.node is frame.scope.node:
                    made.bases = tuple(b for cls in fn.bases for b in cls.bases)
            names = parameters(frame.scope.node)
            if names:
                self.heap.hold(made, self.heap.state.get((frame.number, names[0].arg)).values)
        return frozenset({made})

    def lookup_bound(self, obj: Obj, name: str, node: ast.AST) -> Values:
        """A method of an instance, tied to it."""
        return self.bound(obj, self.classes.lookup(obj, name), node)
