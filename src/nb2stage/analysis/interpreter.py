"""A flow-sensitive abstract interpreter: runs the notebook on abstract objects and writes down what each statement does.

Branches are merged, loops run to a fixed point, functions of the notebook are interpreted at each call with the names
as they are then (so late binding and rebinding are seen), library calls follow `knowledge`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable
from functools import cache

from nb2stage.analysis.heap import (
    A_STATEMENT,
    FREE,
    MOST,
    Argument,
    Loop,
    TooLongError,
    _line,
    leaves_none,
    looks_up,
    may_be_missing,
)
from nb2stage.analysis.modules import Modules
from nb2stage.analysis.objects import ATOM, Key, State, Statement, Values, Var, join_vars, merge, module_of, reach
from nb2stage.analysis.scopes import (
    ScopeNode,
    bound_names,
    free_names,
    scope_of,
    top_level_names,
)

INERT = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
IS_MAIN = re.compile(r"__name__ == (['\"])__main__\1")

NAME_ERRORS = frozenset({"builtins.NameError", "builtins.Exception", "builtins.BaseException"})


@cache  # an object is known by its node, so the same place must stay the same node
def _as_load(target: ast.expr) -> ast.expr:
    """The same place, read: `x` of `x += 1`."""
    if isinstance(target, ast.Name):
        return ast.copy_location(ast.Name(target.id, ast.Load()), target)
    if isinstance(target, ast.Attribute):
        return ast.copy_location(ast.Attribute(target.value, target.attr, ast.Load()), target)
    assert isinstance(target, ast.Subscript)
    return ast.copy_location(ast.Subscript(target.value, target.slice, ast.Load()), target)


@cache
def _binary(node: ast.AugAssign) -> ast.expr:
    return ast.copy_location(ast.BinOp(_as_load(node.target), node.op, node.value), node)


@cache
def may_leave(node: ast.stmt) -> bool:
    """Whether a statement may leave the function or the turn of the loop that it stands in: what follows may not run."""
    todo: list[tuple[ast.AST, bool]] = [(node, False)]
    while todo:
        part, in_loop = todo.pop()
        if isinstance(part, ast.Return) or (isinstance(part, ast.Break | ast.Continue) and not in_loop):
            return part is not node
        if isinstance(part, ast.stmt | ast.excepthandler | ast.match_case) and not isinstance(part, ScopeNode):
            inside = in_loop or isinstance(part, ast.For | ast.AsyncFor | ast.While)
            todo += [(child, inside) for child in ast.iter_child_nodes(part)]
    return False


@cache
def declared_global(node: ast.AST) -> frozenset[str]:
    """The names that a function or class says are those of the notebook."""
    return frozenset(n for part in ast.walk(node) if isinstance(part, ast.Global) for n in part.names)


class Interpreter(Modules):
    """One run over the statements of a notebook; `state` is the flow state after the last one."""

    def run(self, statement: Statement) -> None:
        """Interpret one top-level statement of the notebook."""
        self.statement, self.start, self.current = statement, self.state, None
        self.budget, self.made = 4_000, set()
        free = self.effort + FREE
        self.most_effort = free + min(self.spare, MOST)
        try:
            self.execute(statement.node)
            makes_setting = statement.sets and not statement.calls
            if self.hooks and not makes_setting and not isinstance(statement.node, INERT):
                self.call_hooks(statement)
            self.spare -= max(0, self.effort - free)
        except (TooLongError, RecursionError):
            self.spare -= max(0, min(self.effort, self.most_effort) - free)
            self.recover()
            self.most_effort = 1 << 60
            self.run_coarsely(statement)

    def call_hooks(self, statement: Statement) -> None:
        """What libraries were told to call, they may call in any later statement."""
        for fn in sorted(self.hooks, key=_line):
            if self.hooks[fn] is not statement:
                self.call_blind_arguments(fn, [], statement.node)

    def run_coarsely(self, statement: Statement) -> None:
        """What a statement may do at most: change all that it can get at, draw, plot, and bind what it mentions."""
        names, bound = (
            {n.id for n in ast.walk(statement.node) if isinstance(n, ast.Name)},
            top_level_names(statement.node),
        )
        values: Values = ATOM
        seen: set[str] = set()
        followed: dict[ast.AST, None] = {statement.node: None}
        while names - seen:
            name = min(names - seen)
            seen.add(name)
            var = self.state.get(name)
            if not var.sites or var.unbound == 3:
                continue
            values |= self.load(name, statement.node)
            for obj in reach(var.values):
                module = module_of(obj) or self.modules_by_object.get(obj)
                if module is not None:
                    values |= self.all_of(module)
                    self.change(module.object, known=False)
                elif obj.kind in ("function", "class") and isinstance(obj.node, ScopeNode):
                    followed[obj.node] = None
                    names |= free_names(obj.node)
                    bound |= declared_global(obj.node)
        for node in followed:
            self.mention_all(node)
        values = self.everything(values)
        self.change_deep(values, known=False)
        self.draw_all()
        made = self.make(statement.node, "coarse")
        self.hold(made, values - {made})
        statement.impure = statement.once = statement.plots_unsure = True
        for name in sorted(bound):
            before = self.state.get(name)
            self.bind(name, frozenset({made}) | values)
            if before.sites:
                self.set(name, join_vars(before, self.state.get(name)))

    def recover(self) -> None:
        """Forget the calls and branches that an error has left half done."""
        self.state = self.start
        self.state.dead = False
        self.frame, self.stack, self.loops, self.logs = None, (), [], []
        self.depth = self.temporary = self.blind_depth = self.guards = self.guesses = 0
        self.loading = []
        self.ways, self.each, self.compiled, self.callee = (), [], 0, ""
        self.asked, self.inside = {}, set()

    def execute_block(self, body: Iterable[ast.stmt]) -> None:
        outer = self.ways
        for node in body:
            if self.state.dead:
                break
            self.execute(node)
            decided = isinstance(node, ast.If) and self.decided(node.test) is not None
            if may_leave(node) and not decided:
                self.ways = (*self.ways, (id(node), 1, 2))  # what follows may not run
        self.ways = outer

    def execute(self, node: ast.stmt) -> None:
        method: Callable[[ast.stmt], None] | None = getattr(self, "do_" + type(node).__name__, None)
        if method is None:
            self.find("NB290", node, text=f"`{type(node).__name__}` statements are not supported yet")
            return
        if self.depth:
            self.spend(A_STATEMENT)
        outer, self.current = self.current, node
        method(node)
        self.current = outer

    def do_Expr(self, node: ast.Expr) -> None:
        outer, self.alone = self.alone, node.value
        self.eval(node.value)
        self.alone = outer

    def do_Pass(self, node: ast.Pass) -> None:
        pass

    do_Global = do_Nonlocal = do_Pass

    def do_Assign(self, node: ast.Assign) -> None:
        values = self.eval(node.value)
        constants = self.constant(node.value)
        for target in node.targets:
            self.assign(target, values, constants, node.value)

    def do_AnnAssign(self, node: ast.AnnAssign) -> None:
        at_top = self.frame is None or self.frame.module is not None
        if (at_top or (self.frame is not None and self.frame.scope.is_class)) and not self.lazy_annotations:
            self.eval(node.annotation)
        if node.value is not None:
            self.assign(node.target, self.eval(node.value), self.constant(node.value), node.value)

    def do_AugAssign(self, node: ast.AugAssign) -> None:
        before = self.eval(_as_load(node.target))
        value = self.eval(node.value)
        result = self.operate([before, value], node) if isinstance(node.target, ast.Name) else value
        if before and all(obj.type == "ndarray" for obj in before):
            result = ATOM  # an array is changed in place, whatever is added
        for obj in before:
            self.store(obj)
            if obj.type == "ndarray":
                self.hold_in_array(obj, self.taken(value))
            else:
                self.hold(obj, self.taken(value))
        constants = self.constant(_binary(node)) if isinstance(node.target, ast.Name) else None
        self.assign(node.target, before | result, constants, None)

    def do_Delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            if isinstance(target, ast.Name):
                self.load(target.id, target)
                self.set(self.resolve(target.id), Var(sites=frozenset({self.statement}), unbound=3))
                if self.resolve(target.id) == target.id:
                    self.statement.binds.add(target.id)
            elif isinstance(target, ast.Tuple | ast.List):
                self.do_Delete(ast.Delete(targets=target.elts))
            elif isinstance(target, ast.Attribute | ast.Subscript):
                base = self.eval(target.value)
                if isinstance(target, ast.Subscript):
                    self.eval(target.slice)
                self.store_into(base, target, ATOM)

    def do_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            if alias.name == "__main__":
                self.find(
                    "NB220",
                    node,
                    "__main__",
                    "`__main__` cannot be followed by reading the code",
                    "use the variables by name",
                )
            name = alias.asname or alias.name.split(".")[0]
            path = alias.name if alias.asname else name
            before = self.state.get(name)
            module = self.import_module(alias.name)
            if module is not None:
                module = module if alias.asname else self.modules[name]
            self.bind(name, frozenset({module.object if module is not None else self.library(path)}))
            if not alias.asname and self.frame is None:
                # `import a.b` after `import a` adds to the same module: both statements make the name.
                sites = {s for s in before.sites if isinstance(s.node, ast.Import)}
                var = self.state.get(name)
                self.set(name, Var(var.values, var.sites | sites, var.unbound, None))
            self.statement.imports.add(alias.name)

    def do_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = self.absolute(node)
        self.statement.imports.add(module)
        ours = self.import_module(module)
        if ours is not None:
            self.import_names(ours, node)
            return
        if module == "__future__" and any(a.name == "annotations" for a in node.names):
            self.lazy_annotations = True
        for alias in node.names:
            if alias.name == "*":
                self.note_star(module)
                continue
            self.statement.imports.add(f"{module}.{alias.name}")
            path = f"{module}.{alias.name}"
            values = ATOM if self.known.is_constant(path) else frozenset({self.library(path)})
            self.bind(alias.asname or alias.name, values)

    def do_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.annotations(node)
        values = frozenset({self.function(node)})
        for decorator in reversed(node.decorator_list):
            values = self.decorate(decorator, values)
        self.bind(node.name, values)

    do_AsyncFunctionDef = do_FunctionDef

    def annotations(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        if self.lazy_annotations:
            return
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs, node.args.vararg, node.args.kwarg]
        for argument in arguments:
            if argument is not None and argument.annotation is not None:
                self.eval(argument.annotation)
        if node.returns is not None:
            self.eval(node.returns)

    def do_ClassDef(self, node: ast.ClassDef) -> None:
        bases = [obj for base in node.bases for obj in self.eval(base)]
        metaclass: Values = ATOM
        for keyword in node.keywords:
            values = self.eval(keyword.value)
            bases.extend(values)
            metaclass |= values if keyword.arg == "metaclass" else ATOM
        cls = self.make(node, "class", kind="class")
        cls.node, cls.frame = node, self.frame
        cls.bases = tuple(dict.fromkeys(bases))
        inherited = frozenset(o for base in bases for o in base.fields.get("metaclass", ATOM))
        if metaclass or inherited:
            cls.fields["metaclass"] = metaclass | inherited
        frame = self.enter(node, scope_of(node), self.frame)
        outer, self.frame = self.frame, frame
        self.execute_block(node.body)
        self.frame = outer
        for name in sorted(scope_of(node).local_names):
            var = self.state.get((frame.number, name))
            if not var.values and not var.unbound:
                self.note_part(cls, name, var.constants)
            if var.sites:
                cls.fields[name] = cls.fields.get(name, ATOM) | var.values
        for values in cls.fields.values():
            for obj in values:
                cls.put(obj, self.statement.position)
                if obj.kind == "function":
                    obj.bases = (cls,)
        if any(base.kind == "lib" and base.path.startswith("enum.") for base in cls.bases):
            for name, inner in list(cls.fields.items()):
                if not any(o.kind == "function" for o in inner):
                    member = self.make(node, "member " + name, type="class")
                    member.path = "enum member"
                    member.fields["class"] = frozenset({cls})
                    member.fields["value"] = inner
                    cls.fields[name] = frozenset({member})
        if any(b.kind == "lib" and self.known.function(b.path).type == "dataclass" for b in reach(cls.bases)):
            self.make_dataclass(cls)  # `class Config(BaseModel)`
        for base in cls.bases:
            for hook in self.lookup(base, "__init_subclass__"):
                if hook.kind == "function":
                    self.call_function(hook, [], node, frozenset({cls}))
        for meta in sorted(metaclass | inherited):
            given = [Argument(values, None, None, None) for values in (ATOM, frozenset(bases), frozenset(cls.contents))]
            for name, receiver in (("__new__", meta), ("__init__", cls)):
                for hook in self.lookup(meta, name):
                    if hook.kind == "function":
                        self.call_function(hook, given, node, frozenset({receiver}))
        values = frozenset({cls})
        for decorator in reversed(node.decorator_list):
            values = self.decorate(decorator, values) | values
        self.bind(node.name, values)

    def do_Return(self, node: ast.Return) -> None:
        values = self.eval(node.value) if node.value is not None else ATOM
        if self.frame is not None:
            frame = self.frame
            while frame.scope.is_class and frame.parent is not None:
                frame = frame.parent
            frame.returns.append(values)
            frame.constants.append(self.constant(node.value) if node.value is not None else None)
            frame.ends.append(self.state)
        self.state.dead = True

    def do_Raise(self, node: ast.Raise) -> None:
        for part in (node.exc, node.cause):
            if part is not None:
                self.raised |= self.eval(part)
        self.state.dead = True

    def do_Assert(self, node: ast.Assert) -> None:
        self.test(node.test)
        if node.msg is not None:
            self.eval(node.msg)

    def test(self, node: ast.expr) -> None:
        """Evaluate a condition: an instance may say itself whether it is true."""
        self.dunders(self.eval(node), [], only=("__bool__", "__len__"))

    def do_If(self, node: ast.If) -> None:
        decided = self.decided(node.test)
        if decided is not None:
            self.test(node.test)
            self.execute_block(node.body if decided else node.orelse)
            return
        asked = self.named_in_globals(node.test)
        known = self.is_in_globals(asked[0], node.test) if asked else None
        if asked is None or known is None:
            if asked is None:
                self.test(node.test)
            self.branches(node, [node.body, node.orelse])
        else:
            self.execute_block(node.body if known != asked[1] else node.orelse)

    def decided(self, node: ast.expr) -> bool | None:
        """Whether a condition certainly holds or not: a constant that is no parameter, or `__name__ == "__main__"`."""
        if isinstance(node, ast.Constant):
            return bool(node.value)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            inner = self.decided(node.operand)
            return None if inner is None else not inner
        if isinstance(node, ast.Name):
            var = self.state.get(self.resolve(node.id))
            literal = all(isinstance(getattr(s.node, "value", None), ast.Constant) and not s.param for s in var.sites)
            fixed = var.sites and not var.unbound and (literal or not self.has_parameters)  # which may be tuned
            found = {bool(value) for value in var.constants or ()} if fixed and not var.values else set()
            return found.pop() if len(found) == 1 else None
        return self.module_here() is None if IS_MAIN.fullmatch(ast.unparse(node)) else None

    def branches(self, node: ast.If, bodies: list[list[ast.stmt]]) -> None:
        base, outer = self.state, self.ways
        ends = []
        self.depth += 1
        constants = self.constant(node.test)
        always = constants is not None and all(constants)  # as far as a parameter is not tuned
        for number, body in enumerate(bodies):
            self.state = State(base)
            self.ways = outer if always and number == 0 else (*outer, (id(node), number, len(bodies)))
            self.execute_block(body)
            ends.append(self.state)
        self.depth -= 1
        self.ways = outer
        self.commit(base, ends)

    def commit(self, base: State, ends: list[State]) -> None:
        """Fold the join of `ends` into `base`, which becomes the current state again."""
        joined, _ = merge(base, ends)
        base.delta.update(joined.delta)
        base.dead = joined.dead
        self.state = base

    def snapshot(self, base: State) -> State:
        copy = State(base)
        copy.delta = self.state.since(base)
        return copy

    def do_Break(self, node: ast.Break) -> None:
        self.loops[-1].breaks.append(self.snapshot(self.loops[-1].base))
        self.state.dead = True

    def do_Continue(self, node: ast.Continue) -> None:
        self.loops[-1].continues.append(self.snapshot(self.loops[-1].base))
        self.state.dead = True

    def do_For(self, node: ast.For | ast.AsyncFor) -> None:
        values = self.eval(node.iter)
        constants = self.constant_elements(node.iter)
        if may_be_missing(values) and not leaves_none(node.iter) and looks_up(node, values):
            self.statement.finds_nan = True

        def head() -> None:
            self.assign_element(node.target, node.iter, values, constants)

        self.each.append(0 if any(map(may_leave, node.body)) else self.count_of(node.iter))
        self.loop(head, node.body, node.orelse)
        self.each.pop()

    do_AsyncFor = do_For

    def do_While(self, node: ast.While) -> None:
        self.loop(lambda: self.test(node.test), node.body, node.orelse)

    def loop(self, head: Callable[[], object], body: list[ast.stmt], orelse: list[ast.stmt]) -> None:
        """Run a loop to its fixed point: the state at its head only grows, so this ends."""
        # A loop may take long: it is run once and its results are saved.
        self.statement.loops = self.statement.loops or self.frame is None
        base = self.state
        entry = State(base)
        self.depth += 1
        context = Loop(entry)
        for _ in range(50):
            version = self.heap_version
            context = Loop(entry)
            self.loops.append(context)
            self.state = State(entry)
            head()
            self.execute_block(body)
            self.loops.pop()
            joined, changed = merge(entry, [State(entry), self.state, *context.continues], loop=True)
            if not changed and version == self.heap_version:
                break
            entry.delta.update(joined.delta)
        self.state = State(entry)
        self.execute_block(orelse)
        self.depth -= 1
        final, _ = merge(entry, [self.state, *context.breaks])
        entry.delta.update(final.delta)
        entry.dead = final.dead
        self.commit(base, [entry])

    def do_Try(self, node: ast.Try) -> None:
        base = self.state
        log: dict[Key, Var] = {}
        self.logs.append(log)
        self.depth += 1
        self.state = State(base)
        guarded = any(map(self.catches_name_errors, node.handlers))
        outer, arms = self.ways, 1 + sum(not isinstance(handler.body[-1], ast.Raise) for handler in node.handlers)
        self.ways = (*outer, (id(node), 0, arms)) if arms > 1 else outer
        self.guards += guarded
        self.execute_block(node.body)
        self.guards -= guarded
        self.logs.pop()
        self.execute_block(node.orelse)
        ends = [self.state]
        for number, handler in enumerate(node.handlers, 1):
            self.ways = (*outer, (id(node), number, arms))
            self.state = State(base)
            for key, var in log.items():
                self.state.delta[key] = join_vars(base.get(key), var)
            self.handle(handler)
            ends.append(self.state)
        self.ways = outer
        self.depth -= 1
        if all(end.dead for end in ends) and node.finalbody:
            self.state = State(base)
            self.execute_block(node.finalbody)
            base.dead = True
            self.state = base
            return
        self.commit(base, ends)
        self.execute_block(node.finalbody)

    do_TryStar = do_Try

    def catches_name_errors(self, handler: ast.ExceptHandler) -> bool:
        if handler.type is None:
            return True
        return any(o.kind == "lib" and o.path in NAME_ERRORS for o in reach(self.peek(handler.type)))

    def handle(self, handler: ast.ExceptHandler) -> None:
        if handler.type is not None:
            self.eval(handler.type)
        if handler.name:
            caught = self.make(handler, "exception", type="exception")
            self.hold(caught, frozenset(o for o in self.raised if o.kind != "lib"))
            self.bind(handler.name, frozenset({caught}))
        self.execute_block(handler.body)
        if handler.name and not self.state.dead:
            self.set(self.resolve(handler.name), Var(sites=frozenset({self.statement}), unbound=3))

    def do_With(self, node: ast.With | ast.AsyncWith) -> None:
        before, graph, suppresses = self.temporary, self.without_graph, False
        for item in node.items:
            self.without_graph += self.known.without_graph(ast.unparse(item.context_expr))
            takes_back = self.takes_back(item.context_expr)
            self.temporary += bool(takes_back)
            values = self.eval(item.context_expr)
            suppresses = suppresses or self.may_suppress(item.context_expr)
            self.temporary -= takes_back == "itself"
            for value in values:
                if "." in value.type and (effect := self.known.method("__enter__", value.type)) is not None:
                    values = values - {value} | self.apply(effect, frozenset({value}), [], item.context_expr)
            managers = frozenset(v for v in values if "yields" in v.fields)
            entered = self.dunders(values, []) | (values - managers) | self.members(managers)
            entered |= frozenset(o for v in values - managers for o in v.contents)
            if item.optional_vars is not None:
                self.assign(item.optional_vars, entered, None, item.context_expr)
        if suppresses:
            self.run_suppressed(node.body)
        else:
            self.execute_block(node.body)
        self.temporary, self.without_graph = before, graph

    do_AsyncWith = do_With

    def takes_back(self, node: ast.expr) -> str:
        """Which settings a `with` takes back: "all" made inside it, those that the context makes "itself", or none."""
        called = self.peek(node.func if isinstance(node, ast.Call) else node)
        found = {self.known.function(fn.path).takes_back if fn.kind == "lib" else "" for fn in called}
        return found.pop() if len(found) == 1 else ""

    def may_suppress(self, node: ast.expr) -> bool:
        """Whether a `with` may go on after an error in its body: `suppress(...)`, or a manager of the notebook's own."""
        name = ast.unparse(node.func if isinstance(node, ast.Call) else node)
        own = any(v.kind == "instance" or "yields" in v.fields for v in self.peek(node))
        return name.endswith("suppress") or own

    def run_suppressed(self, body: list[ast.stmt]) -> None:
        base = self.state
        log: dict[Key, Var] = {}
        self.logs.append(log)
        self.depth += 1
        self.state = State(base)
        self.execute_block(body)
        self.logs.pop()
        self.depth -= 1
        broken = State(base)
        for key, var in log.items():
            broken.delta[key] = join_vars(base.get(key), var)
        self.commit(base, [self.state, broken])

    def do_Match(self, node: ast.Match) -> None:
        subject = self.eval(node.subject)
        base = self.state
        ends = [State(base)]
        self.depth += 1
        outer = self.ways
        for case in node.cases:
            self.ways = (*outer, (id(case), 0, 2))
            self.state = State(base)
            members = subject | self.everything(subject)
            for part in ast.walk(case.pattern):
                if isinstance(part, ast.MatchValue):
                    self.eval(part.value)
                elif isinstance(part, ast.MatchClass):
                    self.eval(part.cls)
                for name in bound_names(part) if isinstance(part, ast.pattern) else ():
                    self.bind(name, self.captured(part, members))
            if case.guard is not None:
                self.eval(case.guard)
            self.execute_block(case.body)
            ends.append(self.state)
        self.ways = outer
        self.depth -= 1
        self.commit(base, ends)

    def captured(self, part: ast.AST, members: Values) -> Values:
        """What a pattern binds: a star a new list, the rest of a mapping a new dict."""
        if not isinstance(part, ast.MatchStar | ast.MatchMapping):
            return members
        made = self.make(part, "rest", type="list" if isinstance(part, ast.MatchStar) else "dict")
        self.hold(made, members)
        return frozenset({made})

    def do_TypeAlias(self, node: ast.stmt) -> None:
        name = node.name.id  # type: ignore[attr-defined]
        self.bind(name, frozenset({self.make(node, "alias")}))
