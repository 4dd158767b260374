"""Statements: branches are merged, loops run to a fixed point."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from functools import cache

from nb2stage.analysis.assignments import Assignments
from nb2stage.analysis.classes import Classes
from nb2stage.analysis.consequences import Consequences
from nb2stage.analysis.definitions import Definitions
from nb2stage.analysis.expressions import Expressions
from nb2stage.analysis.functions import Functions
from nb2stage.analysis.heap import A_STATEMENT, Argument, Heap, Loop
from nb2stage.analysis.iteration import Iteration
from nb2stage.analysis.missing import leaves_none, looks_up, may_be_missing
from nb2stage.analysis.modules import Modules
from nb2stage.analysis.names import Names
from nb2stage.analysis.objects import ATOM, Key, State, Values, Var, join_vars, merge, reach
from nb2stage.analysis.plainvalues import PlainValues
from nb2stage.analysis.scopes import ScopeNode, bound_names, scope_of
from nb2stage.analysis.vocabulary import DELETED
from nb2stage.patterns import Pattern
from nb2stage.trees import walk

IS_MAIN = Pattern(r"__name__ == (['\"])__main__\1")


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


class Statements:
    """Executes statements."""

    def __init__(
        self,
        heap: Heap,
        plain: PlainValues,
        classes: Classes,
        names: Names,
        functions: Functions,
        iteration: Iteration,
        consequences: Consequences,
        modules: Modules,
        definitions: Definitions,
        expressions: Expressions,
        assignments: Assignments,
    ) -> None:
        self.heap = heap
        self.plain = plain
        self.classes = classes
        self.names = names
        self.functions = functions
        self.iteration = iteration
        self.consequences = consequences
        self.modules = modules
        self.definitions = definitions
        self.expressions = expressions
        self.assignments = assignments

    def execute_block(self, body: Iterable[ast.stmt]) -> None:
        outer = self.heap.ways
        for node in body:
            if self.heap.state.dead:
                break
            self.execute(node)
            decided = isinstance(node, ast.If) and self.decided(node.test) is not None
            if may_leave(node) and not decided:
                self.heap.ways = (*self.heap.ways, (id(node), 1, 2))  # what follows may not run
        self.heap.ways = outer

    def execute(self, node: ast.stmt) -> None:
        method: Callable[[ast.stmt], None] | None = getattr(self, "do_" + type(node).__name__, None)
        if method is None:
            self.heap.find("NB290", node, text=f"`{type(node).__name__}` statements are not supported yet")
            return
        if self.heap.depth:
            self.heap.spend(A_STATEMENT)
        outer, self.heap.current = self.heap.current, node
        method(node)
        self.heap.current = outer

    def do_Expr(self, node: ast.Expr) -> None:
        outer, self.heap.alone = self.heap.alone, node.value
        self.expressions.eval(node.value)
        self.heap.alone = outer

    def do_Pass(self, node: ast.Pass) -> None:
        pass

    do_Global = do_Nonlocal = do_Pass

    def do_Assign(self, node: ast.Assign) -> None:
        values = self.expressions.eval(node.value)
        constants = self.plain.constant(node.value)
        for target in node.targets:
            self.assignments.assign(target, values, constants, node.value)

    def do_AnnAssign(self, node: ast.AnnAssign) -> None:
        at_top = self.heap.frame is None or self.heap.frame.module is not None
        if (
            at_top or (self.heap.frame is not None and self.heap.frame.scope.is_class)
        ) and not self.heap.lazy_annotations:
            self.expressions.eval(node.annotation)
        if node.value is not None:
            self.assignments.assign(
                node.target, self.expressions.eval(node.value), self.plain.constant(node.value), node.value
            )

    def do_AugAssign(self, node: ast.AugAssign) -> None:
        before = self.expressions.eval(_as_load(node.target))
        value = self.expressions.eval(node.value)
        result = self.expressions.operate([before, value], node) if isinstance(node.target, ast.Name) else value
        if before and all(obj.type == "ndarray" for obj in before):
            result = ATOM  # an array is changed in place, whatever is added
        for obj in before:
            self.heap.store(obj)
            if obj.type == "ndarray":
                self.heap.hold_in_array(obj, self.iteration.taken(value))
            else:
                self.heap.hold(obj, self.iteration.taken(value))
        constants = self.plain.constant(_binary(node)) if isinstance(node.target, ast.Name) else None
        self.assignments.assign(node.target, before | result, constants, None)

    def do_Delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            if isinstance(target, ast.Name):
                self.names.load(target.id, target)
                self.heap.set(
                    self.heap.resolve(target.id), Var(sites=frozenset({self.heap.statement}), unbound=DELETED)
                )
                if self.heap.resolve(target.id) == target.id:
                    self.heap.statement.binds.add(target.id)
            elif isinstance(target, ast.Tuple | ast.List):
                self.do_Delete(ast.Delete(targets=target.elts))
            elif isinstance(target, ast.Attribute | ast.Subscript):
                base = self.expressions.eval(target.value)
                if isinstance(target, ast.Subscript):
                    self.expressions.eval(target.slice)
                self.assignments.store_into(base, target, ATOM)

    def do_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            if alias.name == "__main__":
                self.heap.find(
                    "NB220",
                    node,
                    "__main__",
                    "`__main__` cannot be followed by reading the code",
                    "use the variables by name",
                )
            name = alias.asname or alias.name.split(".")[0]
            path = alias.name if alias.asname else name
            before = self.heap.state.get(name)
            module = self.modules.import_module(alias.name)
            if module is not None:
                module = module if alias.asname else self.heap.modules[name]
            self.names.bind(name, frozenset({module.object if module is not None else self.heap.library(path)}))
            if not alias.asname and self.heap.frame is None:
                # `import a.b` after `import a` adds to the same module: both statements make the name.
                sites = {s for s in before.sites if isinstance(s.node, ast.Import)}
                var = self.heap.state.get(name)
                self.heap.set(name, Var(var.values, var.sites | sites, var.unbound, None))
            self.heap.statement.imports.add(alias.name)

    def do_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = self.modules.absolute(node)
        self.heap.statement.imports.add(module)
        ours = self.modules.import_module(module)
        if ours is not None:
            self.modules.import_names(ours, node)
            return
        if module == "__future__" and any(a.name == "annotations" for a in node.names):
            self.heap.lazy_annotations = True
        for alias in node.names:
            if alias.name == "*":
                self.names.note_star(module)
                continue
            self.heap.statement.imports.add(f"{module}.{alias.name}")
            path = f"{module}.{alias.name}"
            values = ATOM if self.heap.known.is_constant(path) else frozenset({self.heap.library(path)})
            self.names.bind(alias.asname or alias.name, values)

    def do_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.annotations(node)
        values = frozenset({self.definitions.function(node)})
        for decorator in reversed(node.decorator_list):
            values = self.definitions.decorate(decorator, values)
        self.names.bind(node.name, values)

    do_AsyncFunctionDef = do_FunctionDef

    def annotations(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        if self.heap.lazy_annotations:
            return
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs, node.args.vararg, node.args.kwarg]
        for argument in arguments:
            if argument is not None and argument.annotation is not None:
                self.expressions.eval(argument.annotation)
        if node.returns is not None:
            self.expressions.eval(node.returns)

    def do_ClassDef(self, node: ast.ClassDef) -> None:
        bases = [obj for base in node.bases for obj in self.expressions.eval(base)]
        metaclass: Values = ATOM
        for keyword in node.keywords:
            values = self.expressions.eval(keyword.value)
            bases.extend(values)
            metaclass |= values if keyword.arg == "metaclass" else ATOM
        cls = self.heap.make(node, "class", kind="class")
        cls.node, cls.frame = node, self.heap.frame
        cls.bases = tuple(dict.fromkeys(bases))
        inherited = frozenset(o for base in bases for o in base.fields.get("metaclass", ATOM))
        if metaclass or inherited:
            cls.fields["metaclass"] = metaclass | inherited
        frame = self.functions.enter(node, scope_of(node), self.heap.frame)
        outer, self.heap.frame = self.heap.frame, frame
        self.execute_block(node.body)
        self.heap.frame = outer
        for name in sorted(scope_of(node).local_names):
            var = self.heap.state.get((frame.number, name))
            if not var.values and not var.unbound:
                self.plain.note_part(cls, name, var.constants)
            if var.sites:
                cls.fields[name] = cls.fields.get(name, ATOM) | var.values
        for values in cls.fields.values():
            for obj in values:
                cls.put(obj, self.heap.statement.position)
                if obj.kind == "function":
                    obj.bases = (cls,)
        if any(base.kind == "lib" and base.path.startswith("enum.") for base in cls.bases):
            for name, inner in list(cls.fields.items()):
                if not any(o.kind == "function" for o in inner):
                    member = self.heap.make(node, "member " + name, type="class")
                    member.mark = "enum member"
                    member.fields["class"] = frozenset({cls})
                    member.fields["value"] = inner
                    cls.fields[name] = frozenset({member})
        if any(b.kind == "lib" and self.heap.known.function(b.path).type == "dataclass" for b in reach(cls.bases)):
            self.definitions.make_dataclass(cls)  # `class Config(BaseModel)`
        for base in cls.bases:
            for hook in self.classes.lookup(base, "__init_subclass__"):
                if hook.kind == "function":
                    self.functions.call_function(hook, [], node, frozenset({cls}))
        for meta in sorted(metaclass | inherited):
            given = [Argument(values, None, None, None) for values in (ATOM, frozenset(bases), frozenset(cls.contents))]
            for name, receiver in (("__new__", meta), ("__init__", cls)):
                for hook in self.classes.lookup(meta, name):
                    if hook.kind == "function":
                        self.functions.call_function(hook, given, node, frozenset({receiver}))
        values = frozenset({cls})
        for decorator in reversed(node.decorator_list):
            values = self.definitions.decorate(decorator, values) | values
        self.names.bind(node.name, values)

    def do_Return(self, node: ast.Return) -> None:
        values = self.expressions.eval(node.value) if node.value is not None else ATOM
        if self.heap.frame is not None:
            frame = self.heap.frame
            while frame.scope.is_class and frame.parent is not None:
                frame = frame.parent
            frame.returns.append(values)
            frame.constants.append(self.plain.constant(node.value) if node.value is not None else None)
            frame.ends.append(self.heap.state)
        self.heap.state.dead = True

    def do_Raise(self, node: ast.Raise) -> None:
        for part in (node.exc, node.cause):
            if part is not None:
                self.heap.raised |= self.expressions.eval(part)
        self.heap.state.dead = True

    def do_Assert(self, node: ast.Assert) -> None:
        self.expressions.test(node.test)
        if node.msg is not None:
            self.expressions.eval(node.msg)

    def do_If(self, node: ast.If) -> None:
        decided = self.decided(node.test)
        if decided is not None:
            self.expressions.test(node.test)
            self.execute_block(node.body if decided else node.orelse)
            return
        asked = self.names.named_in_globals(node.test)
        known = self.names.is_in_globals(asked[0], node.test) if asked else None
        if asked is None or known is None:
            if asked is None:
                self.expressions.test(node.test)
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
            var = self.heap.state.get(self.heap.resolve(node.id))
            literal = all(isinstance(getattr(s.node, "value", None), ast.Constant) and not s.param for s in var.sites)
            fixed = var.sites and not var.unbound and (literal or not self.heap.has_parameters)  # which may be tuned
            found = {bool(value) for value in var.constants or ()} if fixed and not var.values else set()
            return found.pop() if len(found) == 1 else None
        return self.heap.module_here() is None if IS_MAIN.fullmatch(ast.unparse(node)) else None

    def branches(self, node: ast.If, bodies: list[list[ast.stmt]]) -> None:
        base, outer = self.heap.state, self.heap.ways
        ends = []
        self.heap.depth += 1
        constants = self.plain.constant(node.test)
        always = constants is not None and all(constants)  # as far as a parameter is not tuned
        for number, body in enumerate(bodies):
            self.heap.state = State(base)
            self.heap.ways = outer if always and number == 0 else (*outer, (id(node), number, len(bodies)))
            self.execute_block(body)
            ends.append(self.heap.state)
        self.heap.depth -= 1
        self.heap.ways = outer
        self.heap.commit(base, ends)

    def do_Break(self, node: ast.Break) -> None:
        self.heap.loops[-1].breaks.append(self.heap.snapshot(self.heap.loops[-1].base))
        self.heap.state.dead = True

    def do_Continue(self, node: ast.Continue) -> None:
        self.heap.loops[-1].continues.append(self.heap.snapshot(self.heap.loops[-1].base))
        self.heap.state.dead = True

    def do_For(self, node: ast.For | ast.AsyncFor) -> None:
        values = self.expressions.eval(node.iter)
        constants = self.plain.constant_elements(node.iter)
        if may_be_missing(values) and not leaves_none(node.iter) and looks_up(node, values):
            self.heap.statement.finds_nan = True

        def head() -> None:
            self.assignments.assign_element(node.target, node.iter, values, constants)

        self.heap.each.append(0 if any(map(may_leave, node.body)) else self.plain.count_of(node.iter))
        self.loop(head, node.body, node.orelse)
        self.heap.each.pop()

    do_AsyncFor = do_For

    def do_While(self, node: ast.While) -> None:
        self.loop(lambda: self.expressions.test(node.test), node.body, node.orelse)

    def loop(self, head: Callable[[], object], body: list[ast.stmt], orelse: list[ast.stmt]) -> None:
        """Run a loop to its fixed point: the state at its head only grows, so this ends."""
        # A loop may take long: it is run once and its results are saved.
        self.heap.statement.loops = self.heap.statement.loops or self.heap.frame is None
        base = self.heap.state
        entry = State(base)
        self.heap.depth += 1
        context = Loop(entry)
        for _ in range(50):
            version = self.heap.heap_version
            context = Loop(entry)
            self.heap.loops.append(context)
            self.heap.state = State(entry)
            head()
            self.execute_block(body)
            self.heap.loops.pop()
            joined, changed = merge(entry, [State(entry), self.heap.state, *context.continues], loop=True)
            if not changed and version == self.heap.heap_version:
                break
            entry.delta.update(joined.delta)
        self.heap.state = State(entry)
        self.execute_block(orelse)
        self.heap.depth -= 1
        final, _ = merge(entry, [self.heap.state, *context.breaks])
        entry.delta.update(final.delta)
        entry.dead = final.dead
        self.heap.commit(base, [entry])

    def do_Try(self, node: ast.Try) -> None:
        base = self.heap.state
        log: dict[Key, Var] = {}
        self.heap.logs.append(log)
        self.heap.depth += 1
        self.heap.state = State(base)
        guarded = any(map(self.catches_name_errors, node.handlers))
        outer, arms = self.heap.ways, 1 + sum(not isinstance(handler.body[-1], ast.Raise) for handler in node.handlers)
        self.heap.ways = (*outer, (id(node), 0, arms)) if arms > 1 else outer
        self.heap.guards += guarded
        self.execute_block(node.body)
        self.heap.guards -= guarded
        self.heap.logs.pop()
        self.execute_block(node.orelse)
        ends = [self.heap.state]
        for number, handler in enumerate(node.handlers, 1):
            self.heap.ways = (*outer, (id(node), number, arms))
            self.heap.state = State(base)
            for key, var in log.items():
                self.heap.state.delta[key] = join_vars(base.get(key), var)
            self.handle(handler)
            ends.append(self.heap.state)
        self.heap.ways = outer
        self.heap.depth -= 1
        if all(end.dead for end in ends) and node.finalbody:
            self.heap.state = State(base)
            self.execute_block(node.finalbody)
            base.dead = True
            self.heap.state = base
            return
        self.heap.commit(base, ends)
        self.execute_block(node.finalbody)

    do_TryStar = do_Try

    def catches_name_errors(self, handler: ast.ExceptHandler) -> bool:
        if handler.type is None:
            return True
        return any(o.kind == "lib" and o.path in NAME_ERRORS for o in reach(self.expressions.peek(handler.type)))

    def handle(self, handler: ast.ExceptHandler) -> None:
        if handler.type is not None:
            self.expressions.eval(handler.type)
        if handler.name:
            caught = self.heap.make(handler, "exception", type="exception")
            self.heap.hold(caught, frozenset(o for o in self.heap.raised if o.kind != "lib"))
            self.names.bind(handler.name, frozenset({caught}))
        self.execute_block(handler.body)
        if handler.name and not self.heap.state.dead:
            self.heap.set(self.heap.resolve(handler.name), Var(sites=frozenset({self.heap.statement}), unbound=DELETED))

    def do_With(self, node: ast.With | ast.AsyncWith) -> None:
        before, graph, suppresses = self.heap.temporary, self.heap.without_graph, False
        for item in node.items:
            self.heap.without_graph += self.heap.known.without_graph(ast.unparse(item.context_expr))
            takes_back = self.takes_back(item.context_expr)
            self.heap.temporary += bool(takes_back)
            values = self.expressions.eval(item.context_expr)
            suppresses = suppresses or self.may_suppress(item.context_expr)
            self.heap.temporary -= takes_back == "itself"
            for value in values:
                if "." in value.type and (effect := self.heap.known.method("__enter__", value.type)) is not None:
                    values = values - {value} | self.consequences.apply(
                        effect, frozenset({value}), [], item.context_expr
                    )
            managers = frozenset(v for v in values if "yields" in v.fields)
            entered = self.functions.dunders(values, []) | (values - managers) | self.iteration.members(managers)
            entered |= frozenset(o for v in values - managers for o in v.contents)
            if item.optional_vars is not None:
                self.assignments.assign(item.optional_vars, entered, None, item.context_expr)
        if suppresses:
            self.run_suppressed(node.body)
        else:
            self.execute_block(node.body)
        self.heap.temporary, self.heap.without_graph = before, graph

    do_AsyncWith = do_With

    def takes_back(self, node: ast.expr) -> str:
        """Which settings a `with` takes back: "all" made inside it, those that the context makes "itself", or none."""
        called = self.expressions.peek(node.func if isinstance(node, ast.Call) else node)
        found = {self.heap.known.function(fn.path).takes_back if fn.kind == "lib" else "" for fn in called}
        return found.pop() if len(found) == 1 else ""

    def may_suppress(self, node: ast.expr) -> bool:
        """Whether a `with` may go on after an error in its body: `suppress(...)`, or a manager of the notebook's own."""
        name = ast.unparse(node.func if isinstance(node, ast.Call) else node)
        own = any(v.kind == "instance" or "yields" in v.fields for v in self.expressions.peek(node))
        return name.endswith("suppress") or own

    def run_suppressed(self, body: list[ast.stmt]) -> None:
        base = self.heap.state
        log: dict[Key, Var] = {}
        self.heap.logs.append(log)
        self.heap.depth += 1
        self.heap.state = State(base)
        self.execute_block(body)
        self.heap.logs.pop()
        self.heap.depth -= 1
        broken = State(base)
        for key, var in log.items():
            broken.delta[key] = join_vars(base.get(key), var)
        self.heap.commit(base, [self.heap.state, broken])

    def do_Match(self, node: ast.Match) -> None:
        subject = self.expressions.eval(node.subject)
        base = self.heap.state
        ends = [State(base)]
        self.heap.depth += 1
        outer = self.heap.ways
        for case in node.cases:
            self.heap.ways = (*outer, (id(case), 0, 2))
            self.heap.state = State(base)
            members = subject | self.heap.everything(subject)
            for part in walk(case.pattern):
                if isinstance(part, ast.MatchValue):
                    self.expressions.eval(part.value)
                elif isinstance(part, ast.MatchClass):
                    self.expressions.eval(part.cls)
                for name in bound_names(part) if isinstance(part, ast.pattern) else ():
                    self.names.bind(name, self.captured(part, members))
            if case.guard is not None:
                self.expressions.eval(case.guard)
            self.execute_block(case.body)
            ends.append(self.heap.state)
        self.heap.ways = outer
        self.heap.depth -= 1
        self.heap.commit(base, ends)

    def captured(self, part: ast.AST, members: Values) -> Values:
        """What a pattern binds: a star a new list, the rest of a mapping a new dict."""
        if not isinstance(part, ast.MatchStar | ast.MatchMapping):
            return members
        made = self.heap.make(part, "rest", type="list" if isinstance(part, ast.MatchStar) else "dict")
        self.heap.hold(made, members)
        return frozenset({made})

    def do_TypeAlias(self, node: ast.stmt) -> None:
        name = node.name.id  # type: ignore[attr-defined]
        self.names.bind(name, frozenset({self.heap.make(node, "alias")}))
