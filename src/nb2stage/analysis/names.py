"""Names: where they live, what they refer to, what binds them."""

from __future__ import annotations

import ast
import builtins
import importlib
from functools import cache

from nb2stage.analysis.heap import Heap
from nb2stage.analysis.interfaces import Executes
from nb2stage.analysis.objects import ATOM, UNBOUND, Constants, Module, Obj, Values, Var, is_nested, join_vars, reach
from nb2stage.analysis.vocabulary import BOUND, DELETED
from nb2stage.records import replace

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


class Names:
    """Reads and binds names."""

    # What it calls back: set where all parts are put together.
    statements: Executes

    def __init__(self, heap: Heap) -> None:
        self.heap = heap

    def bind(self, name: str, values: Values, constants: Constants = None) -> None:
        key = self.heap.key_to_bind(name)
        module = None if isinstance(key, str) else self.heap.modules_by_frame.get(key[0])
        if module is not None:
            self.bind_in_module(module, name, values, constants)
            return
        self.heap.set(key, Var(values, frozenset({self.heap.statement}), 0, constants))
        if isinstance(key, str):
            self.heap.statement.binds.add(name)
            if any(v.kind == "function" and (is_nested(v) or isinstance(v.node, ast.Lambda)) for v in values):
                self.heap.statement.makes_functions = True
            self.heap.global_binds += 1
            if self.heap.depth == 0:
                self.heap.shadows.pop(name, None)
        elif self.heap.frame is not None and key[0] != self.heap.frame.number:
            # `nonlocal`: the enclosing call's variable is part of the function's own state.
            for obj in self.heap.frame.made:
                self.heap.change(obj)

    def load(self, name: str, node: ast.AST) -> Values:
        """The objects that a name refers to here; an unbound name is a finding."""
        key = self.heap.resolve(name)
        var = self.heap.state.get(key)
        if not isinstance(key, str):
            module = self.heap.modules_by_frame.get(key[0])
            return var.values if module is None else self.load_from_module(module, name, node)
        if not var.sites or (var.unbound == DELETED):
            return self.load_missing(name, node, var)
        self.check_shadow(name, node, var)
        before = self.heap.statement.reads.get(name)
        self.heap.statement.reads[name] = var if before is None else join_vars(before, var)
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
        if self.heap.module_here() is not None:
            return None
        spaces = ("globals", "locals") if self.heap.frame is None else ("globals",)
        if space.func.id not in spaces or self.heap.state.get(self.heap.resolve(space.func.id)).sites:
            return None
        kept = {*KERNEL_NAMES, *FORBIDDEN, "display", *self.heap.late_imports}
        hidden = (
            name.value in kept or bool(self.heap.star_modules) or self.heap.state.get(name.value).unbound == DELETED
        )
        return None if hidden else (name.value, isinstance(node.ops[0], ast.NotIn))

    def is_in_globals(self, name: str, node: ast.AST) -> bool | None:
        """Whether a name is bound where `"name" in globals()` asks for it; None where it may be or not."""
        var = self.heap.state.get(name)
        if var.sites or name in self.heap.shadows:
            frame, self.heap.frame = self.heap.frame, None
            self.load(name, node)
            self.heap.frame = frame
            return None if var.unbound else True
        return False

    def check_shadow(self, name: str, node: ast.AST, var: Var) -> None:
        """A name or object that an untagged cell has bound or changed since is not what the notebook would see."""
        if name in self.heap.shadows:
            self.heap.find("NB202", node, name, hint=str(self.heap.shadows.pop(name).cell))
        elif self.heap.shadowed or self.heap.timed or self.heap.perhaps_shadowed:
            reached = reach(var.values)
            for obj in reached & self.heap.shadowed.keys():
                self.heap.find("NB204", node, name, hint=str(self.heap.shadowed.pop(obj).cell))
            for shadow in {s.cell: s for s in map(self.heap.perhaps_shadowed.get, reached) if s is not None}.values():
                self.heap.find("NB204", node, name, text="perhaps", hint=str(shadow.cell))
                others = {obj: s for obj, s in self.heap.perhaps_shadowed.items() if s.cell != shadow.cell}
                self.heap.perhaps_shadowed = others
            if late := {id(f): f for f in map(self.heap.timed.get, reached) if f is not None}:
                self.heap.findings += late.values()
                self.heap.timed = {obj: finding for obj, finding in self.heap.timed.items() if id(finding) not in late}

    def load_missing(self, name: str, node: ast.AST, var: Var) -> Values:
        if name in FORBIDDEN and not var.sites:
            self.heap.find("NB220", node, name, f"`{name}` cannot be followed by reading the code", FORBIDDEN[name])
            return ATOM
        if name == "__name__":
            return ATOM
        if name in self.heap.late_imports and self.heap.late_imports[name] is not self.heap.statement:
            statement = self.heap.late_imports[name]
            if self.heap.guards and (statement.cell, statement.node.lineno) > (
                self.heap.statement.cell,
                self.heap.statement.node.lineno,
            ):
                self.heap.find(
                    "NB201", node, name
                )  # the handler runs in the notebook; in a script it may stand at the top
                return ATOM
            outer, self.heap.statement = self.heap.statement, statement
            frame, self.heap.frame = self.heap.frame, None
            self.statements.execute(statement.node)
            self.heap.statement, self.heap.frame = outer, frame
            self.heap.statement.reads[name] = self.heap.state.get(name)
            return self.heap.state.get(name).values
        if name in self.heap.shadows:
            self.heap.find("NB202", node, name, hint=str(self.heap.shadows[name].cell))
            return ATOM
        if self.heap.star_modules:
            for _, star in self.heap.star_modules:
                self.heap.statement.reads[f"*{star.position}"] = Var(sites=frozenset({star}))
            if name not in BUILTINS:
                return self.from_stars([module for module, _ in self.heap.star_modules], name)
        if name in BUILTINS:
            return frozenset({self.heap.library(f"builtins.{name}")})
        if name in KERNEL_NAMES:
            self.heap.find("NB221", node, name, f"`{name}` exists only in a live notebook", KERNEL_NAMES[name])
            return ATOM
        if self.heap.guards and var.unbound != DELETED and not name.startswith("_"):
            self.heap.state.dead = True  # `try: data` with `except NameError`: what follows does not run
            return ATOM
        self.heap.find("NB201" if var.unbound != DELETED else "NB203", node, name)
        return ATOM

    def from_stars(self, modules: list[str], name: str) -> Values:
        """What `from MODULE import *` may have bound a name to: the last one that has it, as far as that is known."""
        found: set[Obj] = set()
        for module in reversed(modules):
            exported = names_of_plain_module(module)
            if exported is None or name in exported:
                thing = self.heap.library(f"{module}.{name}")
                found.add(thing)
                if exported is not None or thing.path in self.heap.known.table_for(thing.path).functions:
                    break
        return frozenset(found or {self.heap.library(f"{modules[-1]}.{name}")})

    # -- names

    def bind_in_module(self, module: Module, name: str, values: Values, constants: Constants) -> None:
        """Bind a name of a module: while it is run, as each process has it; later, as only this one has it."""
        own = bool(self.heap.loading) and self.heap.loading[-1] is module
        sites = frozenset() if own else frozenset({self.heap.statement})
        self.heap.set((module.frame.number, name), Var(values, sites, BOUND, constants))
        if not own:
            self.heap.statement.binds.add(f"<{module.name}.{name}>")
            self.heap.global_binds += 1

    def load_from_module(self, module: Module, name: str, node: ast.AST) -> Values:
        """What a global name refers to in the code of a module."""
        var = self.heap.state.get((module.frame.number, name))
        if var is not UNBOUND and var.unbound < DELETED:
            self.note_reading(module, name, var)
            return var.values
        if name in FORBIDDEN and name != "input":
            self.heap.change(module.object, known=False)  # `exec` and `globals` may do anything to the module
        elif name == "input":
            self.heap.find("NB220", node, name, f"`{name}` in `{module.path}` asks a person", FORBIDDEN[name])
        if name in BUILTINS:
            return frozenset({self.heap.library(f"builtins.{name}")})
        if name.startswith("__"):
            return ATOM
        return self.from_stars(module.stars or [module.name], name)

    def note_reading(self, module: Module, name: str, var: Var) -> None:
        """Write down that the statement reads a name of a module: what it is may be known to this process only."""
        self.heap.statement.imports.update(obj.path for obj in var.values if obj.kind == "lib")
        for obj in var.values:
            part = self.heap.modules_by_object.get(obj)
            if part is not None and part.name == f"{module.name}.{name}":
                self.heap.statement.modules.add(part)
        if module in self.heap.loading:
            return
        var = replace(var, values=var.values | {module.object}, unbound=BOUND)
        state = f"<{module.name}.{name}>"
        before = self.heap.statement.reads.get(state)
        self.heap.statement.reads[state] = var if before is None else join_vars(before, var)

    def note_star(self, library: str) -> None:
        """All names of a library are imported."""
        here = self.heap.module_here()
        if here is None:
            self.heap.star_modules.append((library, self.heap.statement))
        elif library not in here.stars:
            here.stars.append(library)
