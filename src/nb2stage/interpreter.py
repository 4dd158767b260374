"""A flow-sensitive abstract interpreter: runs the notebook on abstract objects and writes down what each statement does.

Branches are merged, loops run to a fixed point, functions of the notebook are interpreted at each call with the names
as they are then (so late binding and rebinding are seen), library calls follow `effects`.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache

from nb2stage.calls import DATA, FRAMES, GROUPED, BlindCall, Calls, TooLongError, parts_of
from nb2stage.constants import constant_of
from nb2stage.effects import ATOM_ATTRIBUTES, DATE_PARTS, SETTINGS, method_effect
from nb2stage.objects import ATOM, Constants, Frame, Key, Obj, State, Statement, Values, Var, join_vars, merge, reach
from nb2stage.scopes import COMPREHENSIONS, Scope, ScopeNode, bound_names, free_names, scope_of, top_level_names

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
CONTAINERS = frozenset({"list", "dict", "set", "partial"})
TEMPORARY = (
    "catch_warnings",
    "style.context",
    "rc_context",
    "localcontext",
    "config_context",
    "errstate",
    "printoptions",
    "seed_context",
)


@dataclass
class Finding:
    """Something the interpreter noticed: a rule's code, the node it is about, the name, and the hint."""

    code: str
    statement: Statement
    node: ast.AST
    name: str = ""
    text: str = ""
    hint: str = ""


@dataclass
class FileUse:
    """One use of a file: how, and the path where it is known (relative, forward slashes)."""

    mode: str  # read, write, append, update, mkdir, unknown
    path: str | None
    statement: Statement
    node: ast.AST


@dataclass
class Loop:
    """Where `break` and `continue` of the loop being run go."""

    base: State
    breaks: list[State] = field(default_factory=list)
    continues: list[State] = field(default_factory=list)


class Interpreter(Calls):
    """One run over the statements of a notebook; `state` is the flow state after the last one."""

    def __init__(
        self,
        copy_on_write: bool = True,
        local_modules: frozenset[str] = frozenset(),
        stateful_modules: frozenset[str] = frozenset(),
    ) -> None:
        self.state = State()
        self.frame: Frame | None = None
        self.stack: tuple[object, ...] = ()
        self.statement: Statement = None  # type: ignore[assignment]
        self.objects: dict[object, Obj] = {}
        self.frames: dict[object, Frame] = {}
        self.libraries: dict[str, Obj] = {}
        self.findings: list[Finding] = []
        self.files: list[FileUse] = []
        self.identities: set[Obj] = set()
        self.seeded: set[str] = set()
        self.star_modules: list[tuple[str, Statement]] = []
        self.late_imports: dict[str, Statement] = {}  # imports and definitions of the whole notebook
        self.shadows: dict[str, Statement] = {}  # names that an untagged cell bound last
        self.shadowed: dict[Obj, Statement] = {}  # objects that an untagged cell certainly changed
        self.untagged_settings: list[tuple[str, Statement]] = []
        self.loops: list[Loop] = []
        self.logs: list[dict[Key, Var]] = []
        self.depth = 0  # inside branches, loops or calls: what happens there may happen never or often
        self.temporary = 0  # inside `with catch_warnings()` and the like: settings do not last
        self.heap_version = 0
        self.budget = 4_000
        self.functions_stored = False
        self.steps = 0
        self.links: list[tuple[Obj, Values]] | None = None  # what statements that are only looked at link, to be undone
        self.slices: dict[int, list[str]] = {}
        self.blind_calls: dict[tuple[int, Obj], BlindCall] = {}
        self.global_binds = 0
        self.raised: Values = ATOM
        self.blind_turn = 0
        self.blind_depth = 0
        self.copy_on_write = copy_on_write
        self.local_modules = local_modules
        self.stateful_modules = stateful_modules
        self.search_paths: list[str] = []
        self.lazy_annotations = False

    # -- statements

    def run(self, statement: Statement) -> None:
        """Interpret one top-level statement of the notebook."""
        self.statement = statement
        self.budget, self.steps = 4_000, 0
        try:
            self.execute(statement.node)
        except TooLongError:
            self.recover()
            self.steps = 0
            self.run_coarsely(statement)

    def run_coarsely(self, statement: Statement) -> None:
        """What a statement may do at most: change all that it can get at, draw, plot, and bind what it mentions."""
        names, bound = (
            {n.id for n in ast.walk(statement.node) if isinstance(n, ast.Name)},
            top_level_names(statement.node),
        )
        values: Values = ATOM
        seen: set[str] = set()
        while names - seen:
            name = min(names - seen)
            seen.add(name)
            var = self.state.get(name)
            if not var.sites or var.unbound == 3:
                continue
            values |= self.load(name, statement.node)
            for obj in reach(var.values):
                if obj.kind in ("function", "class") and isinstance(obj.node, ScopeNode):
                    names |= free_names(obj.node)
                    bound |= {n for part in ast.walk(obj.node) if isinstance(part, ast.Global) for n in part.names}
        values = self.everything(values)
        self.change_deep(values, known=False)
        for which in sorted(self.seeded):
            self.draw(which)
        made = self.make(statement.node, "coarse")
        self.hold(made, values - {made})
        statement.impure = statement.plots_unsure = True
        for name in sorted(bound):
            before = self.state.get(name)
            self.bind(name, frozenset({made}) | values)
            if before.sites:
                self.set(name, join_vars(before, self.state.get(name)))

    def recover(self) -> None:
        """Forget the calls and branches that an error has left half done."""
        while self.state.parent is not None:
            self.state = self.state.parent
        self.state.dead = False
        self.frame, self.stack, self.loops, self.logs = None, (), [], []
        self.depth = self.temporary = self.blind_depth = 0

    def execute_block(self, body: Iterable[ast.stmt]) -> None:
        for node in body:
            if self.state.dead:
                return
            self.execute(node)

    def execute(self, node: ast.stmt) -> None:
        method: Callable[[ast.stmt], None] | None = getattr(self, "do_" + type(node).__name__, None)
        if method is None:
            self.find("NB290", node, text=f"`{type(node).__name__}` statements are not supported yet")
            return
        method(node)

    def find(self, code: str, node: ast.AST, name: str = "", text: str = "", hint: str = "") -> None:
        self.findings.append(Finding(code, self.statement, node, name, text, hint))

    def do_Expr(self, node: ast.Expr) -> None:
        self.eval(node.value)

    def do_Pass(self, node: ast.Pass) -> None:
        pass

    do_Global = do_Nonlocal = do_Pass

    def do_Assign(self, node: ast.Assign) -> None:
        values = self.eval(node.value)
        constants = self.constant(node.value)
        for target in node.targets:
            self.assign(target, values, constants, node.value)

    def do_AnnAssign(self, node: ast.AnnAssign) -> None:
        if (self.frame is None or self.frame.scope.is_class) and not self.lazy_annotations:
            self.eval(node.annotation)
        if node.value is not None:
            self.assign(node.target, self.eval(node.value), self.constant(node.value), node.value)

    def do_AugAssign(self, node: ast.AugAssign) -> None:
        before = self.eval(_as_load(node.target))
        value = self.eval(node.value)
        if isinstance(node.target, ast.Name):
            result = self.operate([before, value], node)
            for obj in before:
                self.change(obj)
                self.hold(obj, value | self.members(value))
            self.assign(node.target, before | result, self.constant(_binary(node)), None)
        else:
            for obj in before:
                self.change(obj)
                self.hold(obj, value | self.members(value))
            self.assign(node.target, before | value, None, None)

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
            self.bind(name, frozenset({self.library(path)}))
            if not alias.asname and self.frame is None:
                # `import a.b` after `import a` adds to the same module: both statements make the name.
                sites = {s for s in before.sites if isinstance(s.node, ast.Import)}
                var = self.state.get(name)
                self.set(name, Var(var.values, var.sites | sites, var.unbound, None))
            self.statement.imports.add(alias.name)

    def do_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = "." * node.level + (node.module or "")
        self.statement.imports.add(module)
        if module == "__future__" and any(a.name == "annotations" for a in node.names):
            self.lazy_annotations = True
        for alias in node.names:
            if alias.name == "*":
                self.star_modules.append((module, self.statement))
                continue
            self.statement.imports.add(f"{module}.{alias.name}")
            self.bind(alias.asname or alias.name, frozenset({self.library(f"{module}.{alias.name}")}))

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
        for keyword in node.keywords:
            bases.extend(self.eval(keyword.value))
        cls = self.make(node, "class", kind="class")
        cls.node, cls.frame = node, self.frame
        cls.bases = tuple(dict.fromkeys(bases))
        frame = self.enter(node, scope_of(node), self.frame)
        outer, self.frame = self.frame, frame
        self.execute_block(node.body)
        self.frame = outer
        for name in scope_of(node).local_names:
            var = self.state.get((frame.number, name))
            if var.sites:
                cls.fields[name] = cls.fields.get(name, ATOM) | var.values
        for values in cls.fields.values():
            for obj in values:
                if obj.kind == "function":
                    obj.bases = (cls,)
        if any(base.kind == "lib" and base.path.startswith("enum.") for base in cls.bases):
            for name, inner in list(cls.fields.items()):
                if not any(o.kind == "function" for o in inner):
                    member = self.make(node, "member " + name, type="class")
                    member.fields["class"] = frozenset({cls})
                    cls.fields[name] = frozenset({member})
        for base in cls.bases:
            for hook in self.lookup(base, "__init_subclass__"):
                if hook.kind == "function":
                    self.call_function(hook, [], node, frozenset({cls}))
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
        self.test(node.test)
        self.branches([node.body, node.orelse])

    def branches(self, bodies: list[list[ast.stmt]]) -> None:
        base = self.state
        ends = []
        self.depth += 1
        for body in bodies:
            self.state = State(base)
            self.execute_block(body)
            ends.append(self.state)
        self.depth -= 1
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

        def head() -> None:
            self.assign_element(node.target, node.iter, values, constants)

        self.loop(head, node.body, node.orelse)

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
        self.execute_block(node.body)
        self.logs.pop()
        self.execute_block(node.orelse)
        ends = [self.state]
        for handler in node.handlers:
            self.state = State(base)
            for key, var in log.items():
                self.state.delta[key] = join_vars(base.get(key), var)
            self.handle(handler)
            ends.append(self.state)
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
        temporary = 0
        for item in node.items:
            values = self.eval(item.context_expr)
            if _is_temporary(item.context_expr):
                temporary += 1
            managers = frozenset(v for v in values if "yields" in v.fields)
            entered = self.dunders(values, []) | (values - managers) | self.members(managers)
            entered |= frozenset(o for v in values - managers for o in v.contents)
            if item.optional_vars is not None:
                self.assign(item.optional_vars, entered, None, item.context_expr)
        self.temporary += temporary
        if any(self.may_suppress(item.context_expr) for item in node.items):
            self.run_suppressed(node.body)
        else:
            self.execute_block(node.body)
        self.temporary -= temporary

    do_AsyncWith = do_With

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
        for case in node.cases:
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

    # -- names

    def resolve(self, name: str) -> Key:
        """Where a name lives, seen from the current frame."""
        frame, first = self.frame, True
        while frame is not None:
            scope = frame.scope
            if name in scope.global_names:
                return name
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
        if frame is None or name in frame.scope.global_names:
            return name
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
        self.set(key, Var(values, frozenset({self.statement}), 0, constants))
        if isinstance(key, str):
            self.statement.binds.add(name)
            if any(v.kind == "function" and (v.frame is not None or isinstance(v.node, ast.Lambda)) for v in values):
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
            return var.values
        if not var.sites or (var.unbound == 3):
            return self.load_missing(name, node, var)
        self.check_shadow(name, node, var)
        before = self.statement.reads.get(name)
        self.statement.reads[name] = var if before is None else join_vars(before, var)
        return var.values

    def check_shadow(self, name: str, node: ast.AST, var: Var) -> None:
        """A name or object that an untagged cell has bound or changed since is not what the notebook would see."""
        if name in self.shadows:
            self.find("NB202", node, name, hint=str(self.shadows.pop(name).cell))
        elif self.shadowed:
            for obj in reach(var.values) & self.shadowed.keys():
                self.find("NB204", node, name, hint=str(self.shadowed.pop(obj).cell))

    def load_missing(self, name: str, node: ast.AST, var: Var) -> Values:
        if name in FORBIDDEN and not var.sites:
            self.find("NB220", node, name, f"`{name}` cannot be followed by reading the code", FORBIDDEN[name])
            return ATOM
        if name == "__name__":
            return ATOM
        if name in self.late_imports and self.late_imports[name] is not self.statement:
            statement = self.late_imports[name]
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
            module, statement = self.star_modules[-1]
            for _, star in self.star_modules:
                self.statement.reads[f"*{star.position}"] = Var(sites=frozenset({star}))
            if name not in BUILTINS:
                return frozenset({self.library(f"{module}.{name}")})
        if name in BUILTINS:
            return frozenset({self.library(f"builtins.{name}")})
        if name in KERNEL_NAMES:
            self.find("NB221", node, name, f"`{name}` exists only in a live notebook", KERNEL_NAMES[name])
            return ATOM
        self.find("NB201" if var.unbound != 3 else "NB203", node, name)
        return ATOM

    # -- targets

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
            if isinstance(target, ast.Subscript):
                values = values | self.eval(target.slice)
            elif isinstance(target.value, ast.Attribute):
                # `df.index.name = "row"` changes the frame too.
                for owner in self.eval(target.value.value):
                    if owner.type in FRAMES:
                        self.change(owner)
                if target.value.attr == "flags":
                    self.find("NB243", target, ast.unparse(target.value.value), "array flags, which no file keeps")
            self.store_into(base, target, values)

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
                self.assign(
                    each,
                    frozenset({self.make(target, f"slice{index}", type=sliced[index // 2 % len(sliced)])}),
                    None,
                    None,
                )
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
            held = self.members(owners)
            self.assign(target.elts[0], hashable(held), None, None)
            self.assign(target.elts[1], held, None, None)
            return
        self.assign(target, self.members(values), constants, None)

    def store_into(self, base: Values, target: ast.Attribute | ast.Subscript, values: Values) -> None:
        """`base.x = values` or `base[i] = values`."""
        for obj in base:
            if obj.kind == "lib":
                self.store_in_library(obj, target)
                continue
            if obj.type in ("decimal_context", "logger"):
                self.setting("logging" if obj.type == "logger" else "decimal")
                continue
            self.change(obj)
            if self.depth == 0:
                self.statement.certain.add(obj)
            if obj.kind == "bound":
                for fn in obj.fields["function"]:
                    self.change(fn)
                    for cls in fn.bases:
                        self.change(cls)
            if obj.kind == "class" and isinstance(target, ast.Attribute):
                obj.stored.add(target.attr)
                obj.fields[target.attr] = obj.fields.get(target.attr, ATOM) | values
                self.heap_version += bool(values - obj.contents)
            if obj.type in FRAMES:
                self.hold(obj, self.cells_of(values, 1))
            elif obj.type != "ndarray":
                self.hold(obj, values)
        self.dunders(base, [values], only=("__setitem__", "__setattr__", "__delitem__"))

    def store_in_library(self, obj: Obj, target: ast.Attribute | ast.Subscript) -> None:
        path = obj.path + ("." + target.attr if isinstance(target, ast.Attribute) else "")
        domain = next((d for prefix, d in SETTINGS.items() if (path + ".").startswith(prefix + ".")), None)
        self.setting(domain or "patch " + obj.path.split(".")[0])

    # -- expressions

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
                self.hold(made, self.eval(key) | self.eval(value))
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
            if not any(isinstance(o, ast.Constant) for o in operands):
                self.identities.update(obj for value in values for obj in value)
            return ATOM
        if all(isinstance(op, ast.In | ast.NotIn) for op in node.ops):
            self.dunders(frozenset().union(*values), [])
            return ATOM
        return self.operate(values, node, comparison=True)

    def operate(self, operands: list[Values], node: ast.AST, comparison: bool = False) -> Values:
        """The result of an operator: a new object; where a type is not known it may hold the operands."""
        everything: Values = frozenset().union(*operands)
        if not everything:
            return ATOM
        results = self.dunders(everything, operands)
        types = {obj.type for obj in everything}
        if "path" in types and isinstance(node, ast.BinOp):
            return frozenset({self.make(node, "path", type="path")})
        kind = next((t for t in ("frame", "series", "ndarray", "pandas", "list", "set", "dict") if t in types), "")
        if kind == "tuple" or (kind == "frame" and "series" in types):
            kind = "frame"
        made = self.make(node, "operator", type=kind)
        if comparison or kind in DATA:
            pass
        elif kind in ("list", "set", "dict"):
            self.hold(made, frozenset(o for obj in everything for o in obj.contents))
        else:
            self.hold(made, everything)
        return results | {made}

    def of_BoolOp(self, node: ast.BoolOp) -> Values:
        first, *rest = node.values
        result = self.eval(first)
        for part in rest:
            result |= self.optional(part)
        return result

    def optional(self, node: ast.expr) -> Values:
        """Evaluate what may not be evaluated."""
        base = self.state
        self.depth += 1
        self.state = State(base)
        values = self.eval(node)
        self.depth -= 1
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
        result: set[Obj] = set()
        for obj in base:
            if obj.kind == "lib" and obj.path in ARRAY_MAKERS:
                result.add(self.make(node, "array", type="ndarray"))
            elif obj.kind == "lib":
                result.add(self.library(obj.path + "[]"))
            elif obj.type in ("list", "tuple", "dict", "set"):
                if obj.path == "collections.defaultdict":
                    self.change(obj)  # looking a missing key up makes it
                    self.hold(obj, frozenset({self.make(node, "missing")}))
                    factories = frozenset(o for o in obj.contents if o.kind in ("function", "class", "bound"))
                    result |= self.call_values(factories, [], node) if factories else ATOM
                if isinstance(node.slice, ast.Slice):
                    made = self.make(node, "slice", type=obj.type)
                    self.hold(made, frozenset(obj.contents))
                    result.add(made)
                result |= obj.contents
            else:
                result.add(self.column(node, obj, index))
                if obj.type == "frame":
                    continue  # columns or rows, never what a cell holds
                result |= parts_of(obj)
                for base_obj in obj.fields.get("base", ATOM):
                    result |= base_obj.contents
        return frozenset(result) | self.dunders(base, [index], only=("__getitem__", "__class_getitem__"))

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
        return made

    def of_Attribute(self, node: ast.Attribute) -> Values:
        base = self.eval(node.value)
        result: set[Obj] = set()
        for obj in base:
            result |= self.attribute(obj, node)
        return frozenset(result)

    def attribute(self, obj: Obj, node: ast.Attribute) -> Values:
        if obj.kind == "lib":
            path = f"{obj.path}.{node.attr}"
            if path == "sys.modules":
                self.find(
                    "NB220", node, path, f"`{path}` cannot be followed by reading the code", "use the variables by name"
                )
            self.statement.imports.add(path)
            return frozenset({self.library(path)})
        if node.attr in ("__globals__", "__code__", "__closure__"):
            self.find(
                "NB220",
                node,
                node.attr,
                f"`{node.attr}` cannot be followed by reading the code",
                "change the variable itself",
            )
        if node.attr == "__class__" and obj.kind == "instance":
            return frozenset(obj.bases)
        found = self.lookup(obj, node.attr)
        if found:
            return self.bound(obj, found, node)
        if node.attr in ATOM_ATTRIBUTES and obj.kind == "value" and not (obj.type in DATA and node.attr in DATE_PARTS):
            return ATOM
        if obj.type in FRAMES:
            if node.attr in ("columns", "index", "dtypes"):
                return frozenset({self.make(node, "index", type="index")})
            if node.attr in GROUPED:
                return frozenset({self.part_of(node, obj, "grouped")})
            kind = "ndarray" if node.attr == "values" else obj.type if node.attr == "T" else "pandas"
            if kind == "ndarray" or node.attr == "array":
                return frozenset({self.memory_view(node, obj)})
            return frozenset({self.share(node, obj, kind)})
        if obj.type == "ndarray":
            return frozenset({self.part_of(node, obj, "ndarray")})
        if obj.kind in ("instance", "class", "super"):
            return frozenset(obj.contents) | (frozenset({obj}) if obj.kind == "class" else ATOM)
        if obj.kind == "function":
            return frozenset(obj.contents)
        if obj.type in ("bunch",) and node.attr == "frame":
            return frozenset({self.make(node, "bunch.frame", type="frame")} | obj.contents)
        effect = method_effect(node.attr, obj.type) if obj.type in ("list", "dict", "set") else None
        if effect is not None and effect.changes:
            method = self.make(node, "method", type="callable")
            self.hold(method, frozenset({obj}))
            return frozenset({obj, method})
        if obj.type == "sklearn" and node.attr.endswith("_") and not node.attr.startswith("X_"):
            # What an estimator has learnt is its own, not the data that it was given.
            return frozenset({obj}) | frozenset(o for o in obj.contents if o.type not in DATA)
        return frozenset({obj}) | parts_of(obj)

    def comprehension(self, node: ast.expr, generators: list[ast.comprehension], parts: list[ast.expr]) -> list[Values]:
        names = {n.id for g in generators for n in ast.walk(g.target) if isinstance(n, ast.Name)}
        scope = Scope(node, bound=names)
        results: list[Values] = [ATOM for _ in parts]
        outer = self.frame
        first = self.eval(generators[0].iter)
        frame = self.enter(node, scope, outer)
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
        self.frame = outer
        return results

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
                    held = self.members(owners)
                    pairs = [hashable(held), held]
            if len(pairs) == len(generator.target.elts):
                for target, pair in zip(generator.target.elts, pairs, strict=True):
                    self.assign(target, pair, None, None)
                return
        self.assign(generator.target, self.members(values), constants, None)

    def of_ListComp(self, node: ast.ListComp | ast.SetComp) -> Values:
        made = self.make(node, "comprehension", type="set" if isinstance(node, ast.SetComp) else "list")
        self.hold(made, self.comprehension(node, node.generators, [node.elt])[0])
        return frozenset({made})

    of_SetComp = of_ListComp

    def of_GeneratorExp(self, node: ast.GeneratorExp) -> Values:
        made = self.make(node, "generator", type="generator_object")
        members = self.comprehension(node, node.generators, [node.elt])[0]
        made.fields["yields"] = made.fields.get("yields", ATOM) | members
        self.hold(made, members | self.eval(node.generators[0].iter))
        return frozenset({made})

    def of_DictComp(self, node: ast.DictComp) -> Values:
        made = self.make(node, "comprehension", type="dict")
        keys, values = self.comprehension(node, node.generators, [node.key, node.value])
        self.hold(made, keys | values)
        return frozenset({made})

    # -- constants, for paths

    def constant(self, node: ast.expr) -> Constants:
        """The plain values that an expression can have where that is known: strings, numbers, paths."""
        return constant_of(node, self.lookup_constant)

    def lookup_constant(self, name: str) -> Constants:
        return self.state.get(self.resolve(name)).constants

    def constant_elements(self, node: ast.expr) -> Constants:
        """The members of a literal list or tuple, or of a name bound to one."""
        whole = self.constant(node)
        if whole is None:
            return None
        members: set[object] = set()
        for value in whole:
            if not isinstance(value, tuple):
                return None
            members.update(value)
        return frozenset(members)


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


ARRAY_MAKERS = frozenset({"numpy.r_", "numpy.c_", "numpy.mgrid", "numpy.ogrid"})


def items_owner(node: ast.expr) -> ast.expr | None:
    """`x` of `x.items()`."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not node.args:
        return node.func.value if node.func.attr == "items" else None
    return None


def hashable(values: Values) -> Values:
    """Those objects that may be the key of a dict."""
    return frozenset(v for v in values if v.kind in ("function", "class", "instance", "bound") or v.type == "tuple")


def _is_temporary(node: ast.expr) -> bool:
    """Whether a `with` takes back the settings made inside it."""
    if isinstance(node, ast.Call):
        node = node.func
    return ast.unparse(node).endswith(TEMPORARY)
