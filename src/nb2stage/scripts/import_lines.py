"""Which imports stand at the top of a script, and the lines that they become."""

from __future__ import annotations

import ast
import builtins
import sys
from collections.abc import Iterable, Sequence

from nb2stage.analysis.dataflow import Program
from nb2stage.analysis.objects import Statement, Var
from nb2stage.analysis.versions import DEFINITIONS, IMPORTS
from nb2stage.knowledge import packages
from nb2stage.planning.stageplan import StagePlan, normal
from nb2stage.records import dataclass, field

# What these bind with `import *` are none of the builtins that our own lines use.
HARMLESS_STARS = frozenset({"pylab", "math", "cmath", "random", "tkinter", "typing", "datetime"})


@dataclass
class Header:
    """The import lines of a script, gathered."""

    modules: dict[str, set[str | None]] = field(default_factory=dict)  # module -> aliases (None: no alias)
    members: dict[str, set[tuple[str, str | None]]] = field(default_factory=dict)  # module -> (name, alias)

    def add(self, text: str) -> None:
        """Add one import statement."""
        node = ast.parse(text).body[0]
        if isinstance(node, ast.Import):
            for alias in node.names:
                self.modules.setdefault(alias.name, set()).add(alias.asname)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                self.members.setdefault("." * node.level + (node.module or ""), set()).add((alias.name, alias.asname))

    def drop(self, module: str) -> None:
        """Leave out `import module`, which stands elsewhere already."""
        aliases = self.modules.get(module, set())
        aliases.discard(None)
        if not aliases:
            self.modules.pop(module, None)

    def drop_member(self, module: str, name: str) -> None:
        """Leave out `from module import name`."""
        members = self.members.get(module, set())
        members.discard((name, None))
        if not members:
            self.members.pop(module, None)

    def lines(self, local: Iterable[str], length: int) -> list[str]:
        """Sorted as isort sorts: the standard library, other people's packages, modules beside the notebook."""
        sections: list[list[str]] = [[], [], []]
        local = set(local)
        for module in list(self.modules):  # `import a.b as x` beside `from a import b as x`
            package, _, last = module.rpartition(".")
            named = {alias or name for name, alias in self.members.get(package, ()) if name == last}
            self.modules[module] = {alias for alias in self.modules[module] if alias not in named}
        plain = [
            (m, f"import {m}" + (f" as {a}" if a and a != m else ""))
            for m in self.modules
            for a in sorted(self.modules[m], key=str)
        ]
        froms = [(m, from_line(m, members, length)) for m, members in self.members.items()]
        for module, line in sorted(plain, key=lambda p: (p[0].lower(), p[1])) + sorted(
            froms, key=lambda p: p[0].lower()
        ):
            root = module.split(".")[0]
            if module == "__future__":
                continue
            section = 2 if root in local or module.startswith(".") else 0 if root in sys.stdlib_module_names else 1
            sections[section].append(line)
        result: list[str] = []
        if "__future__" in self.members:
            result += [from_line("__future__", self.members["__future__"], length), ""]
        for lines in sections:
            if lines:
                result += [*lines, ""]
        return result[:-1]


def from_line(module: str, members: set[tuple[str, str | None]], length: int) -> str:
    """An import of members; in brackets, one in each line, where it would be longer than `length`."""
    names = [n + (f" as {a}" if a and a != n else "") for n, a in sorted(members, key=_by_type)]
    line = f"from {module} import {', '.join(names)}"
    if len(line) <= length:
        return line
    return f"from {module} import (\n" + "".join(f"    {name},\n" for name in names) + ")"


def _by_type(member: tuple[str, str | None]) -> tuple[int, str, str, str]:
    """The order of isort: constants, classes, and all else."""
    name, alias = member
    kind = 0 if len(name) > 1 and name.isupper() else 1 if name[:1].isupper() else 2
    return kind, name.lower(), name, str(alias)


class Imports:
    """The imports of one script: the user's that it uses, and those that its own lines need."""

    def __init__(self, program: Program, plan: StagePlan, statements: Sequence[Statement], length: int) -> None:
        self.program, self.plan = program, plan
        self.line_length = length  # which our own lines keep to
        self.statements = statements  # all that stand in the script
        self.header = Header()
        self.hoisted: set[Statement] = set()
        self.ordered = self.has_import_order()
        self.rebound: frozenset[str] | None = None  # what the script may bind to something else than a builtin
        self.bound_to: dict[str, set[frozenset[str]]] = {}  # what the imports of a name bind it to
        self.effective = [s for s in statements if does_something(s)]
        self.anchored = self.find_anchored()

    def find_anchored(self) -> set[Statement]:
        """The imports of modules of the project that stay where they are.

        Those of modules that do something to the process, that the stage writes, or that may see what comes before.
        """
        written = {normal(use.path) for use in self.plan.writes if use.path is not None}
        depends = self.program.boundaries.depends_on_changes
        quiet, set_before = True, False
        found: set[Statement] = set()
        for statement in self.statements_in_order():
            node = statement.node
            if isinstance(node, IMPORTS) and statement.modules:
                effective = statement in self.effective and (len(self.effective) > 1 or not quiet)
                of_stage = any(module.path in written for module in statement.modules)
                if effective or of_stage or set_before or depends(statement):
                    found.add(statement)
            elif not isinstance(node, IMPORTS):
                quiet = quiet and isinstance(node, DEFINITIONS) and not statement.calls
                set_before = set_before or bool(statement.sets or statement.seeds)
        # Nor may another import of the same module, or of one that imports it, stand before them.
        boundaries = self.program.boundaries
        return found | {
            s
            for s in self.statements
            if isinstance(s.node, IMPORTS) and any(m.loader in found for m in boundaries.with_imports(s.modules))
        }

    def statements_in_order(self) -> list[Statement]:
        """All statements as they stand in the script: those of other cells first."""
        return sorted(self.statements, key=lambda s: (s not in self.plan.data.repeats, s.position))

    def has_import_order(self) -> bool:
        """Whether the order of imports among other statements matters: `sys.path.insert` before `import mine`."""
        domains = {d for s in self.statements for d in s.sets}
        return any(d in ("environ", "syspath") or d.startswith("library ") for d in domains)

    def collect(self, used: set[str]) -> None:
        """Decide which imports of `used` names stand at the top; the others stay where they are."""
        touched = {p for s in self.statements for p in s.imports if not isinstance(s.node, IMPORTS)}
        ever_used = self.program.names_read
        own = self.plan.data.statements
        last = own[-1].position if own else 0
        for statement in self.program.imports:
            node = statement.node
            assert isinstance(node, IMPORTS)
            mine = statement.stage == self.plan.data.index or statement in self.plan.data.repeats
            if any(alias.name == "*" for alias in node.names):
                continue
            needed: dict[str, ast.alias] = {}
            for alias in node.names:
                name = alias.asname or alias.name.split(".")[0]
                if is_future(node):  # which counts for all that comes after it, whoever uses the name
                    effect_only = any(s.order > statement.order for s in self.statements)
                elif statement.modules:
                    effect_only = mine and statement in self.effective
                else:
                    effect_only = name not in ever_used and self.has_effect(node, alias) and statement.position <= last
                if effect_only or (mine and name in used and self.is_touched(node, alias, touched)):
                    needed[name] = alias
            # The statement stands at the top or where it is repeated: whole, when one of its names must stay there.
            if needed and all(self.can_hoist(statement, name) for name in needed):
                for alias in needed.values():
                    self.header.add(import_text(node, alias))
                self.hoisted.add(statement)
            if mine and self.can_hoist_all(statement):
                self.hoisted.add(statement)
        self.add_submodules(touched)

    def has_effect(self, node: ast.Import | ast.ImportFrom, alias: ast.alias) -> bool:
        module = alias.name if isinstance(node, ast.Import) else (node.module or "")
        if module.startswith("sklearn.experimental") or module == "__future__":
            return True
        root = module.split(".")[0]
        return root not in sys.stdlib_module_names and root not in packages("quiet")

    def is_touched(self, node: ast.Import | ast.ImportFrom, alias: ast.alias, touched: set[str]) -> bool:
        """Of `import a.b` and `import a.c` only what the stage uses."""
        if isinstance(node, ast.ImportFrom) or alias.asname or "." not in alias.name:
            return True
        root = alias.name.split(".")[0] + "."
        dotted = {d for d in self.program.dotted_imports if d.startswith(root)}
        used = {d for d in dotted if any((t + ".").startswith(d + ".") for t in touched)}
        return alias.name in used or not used

    def add_submodules(self, touched: set[str]) -> None:
        """`sklearn.datasets.load_iris()` after `import sklearn` works only where some cell imports the submodule."""
        known: set[str] = set()
        for statement in self.program.imports:
            node = statement.node
            if isinstance(node, ast.ImportFrom) and node.module and "." in node.module:
                known.add(node.module)
            if isinstance(node, ast.ImportFrom) and node.module:
                known |= {f"{node.module}.{a.name}" for a in node.names}
            elif isinstance(node, ast.Import):
                known |= {a.name for a in node.names if "." in a.name}
        # What has something below it that the stage uses, and begins with a module that the stage imports.
        used = {".".join(t.split(".")[:n]) for t in touched for n in range(2, t.count(".") + 1)}
        for package, _, name in (module.rpartition(".") for module in used):
            if name in self.program.heap.known.submodules(package):
                known.add(f"{package}.{name}")
        for module in sorted(known & used):
            package, _, name = module.rpartition(".")
            imported = any(
                (other + ".").startswith(module + ".") for other in [*self.header.modules, *self.header.members]
            )
            named = any(each == name for each, _ in self.header.members.get(package, ()))
            if not imported and not named and self.is_at_hand(module.split(".")[0]):
                self.add_module(module)

    def is_at_hand(self, root: str) -> bool:
        """Whether the script imports something of a package."""
        return any(module.split(".")[0] == root for module in [*self.header.modules, *self.header.members])

    def add_module(self, module: str) -> None:
        """Import a module for what it does to its package; the name must not be one of the user's."""
        root = module.split(".")[0]
        free = self.is_only(root, ast.parse(f"import {module}").body[0])
        self.header.add(f"import {module}" + ("" if free else f" as {module.replace('.', '_')}_"))

    def can_hoist(self, statement: Statement, name: str) -> bool:
        """An import may stand at the top where nothing else binds its name and no setting must come first.

        What a translated magic needs is of the standard library or IPython's, and stands nowhere else.
        """
        if is_future(statement.node):
            return True
        if statement in self.anchored:
            return False
        if self.ordered and not statement.hidden:
            return statement in self.plan.data.repeats and not self.settings_before(statement)
        return self.is_only(name, statement.node)

    def is_only(self, name: str, node: ast.stmt) -> bool:
        """Whether all that binds a name are imports that bind it to the same thing as this one."""
        if name not in self.bound_to:
            binders = self.program.binders.get(name, ())
            imports = all(isinstance(binder.node, IMPORTS) for binder in binders)
            self.bound_to[name] = {self.targets(s, name) for s in binders} if imports else {frozenset()}
        mine = _targets(node, name)
        return all(mine & other for other in self.bound_to[name])

    def targets(self, statement: Statement, name: str) -> frozenset[str]:
        """The dotted paths that an import binds a name to: from a module of the project, what that has under the name."""
        found = _targets(statement.node, name)
        var = self.program.heap.state.get(name) if statement.modules else Var()
        if statement in var.sites and len(var.values) == 1:
            found |= {obj.path for obj in var.values if obj.kind in ("lib", "module")}
        return found

    def settings_before(self, statement: Statement) -> bool:
        return any(s.sets and s.position < statement.position for s in self.statements)

    def can_hoist_all(self, statement: Statement) -> bool:
        node = statement.node
        assert isinstance(node, ast.Import | ast.ImportFrom)
        return all(self.can_hoist(statement, a.asname or a.name.split(".")[0]) for a in node.names)

    def module(self, name: str, alias: str = "") -> str:
        """Import a module for our own lines; the name to use it by, which is not one of the user's."""
        text = f"import {name}" + (f" as {alias}" if alias else "")
        wanted = alias or name
        if self.is_free(wanted, text):
            self.header.add(text)
            return wanted
        other = f"{name.replace('.', '_')}_"
        self.header.add(f"import {name} as {other}")
        return other

    def imported(self, module: str) -> str:
        """The name by which the script has a module; "" where it imports it by none."""
        names = [alias for alias in self.header.modules.get(module, ()) if alias]
        package, _, last = module.rpartition(".")
        names += [alias or name for name, alias in self.header.members.get(package, ()) if name == last]
        return min(names, default="")

    def member(self, module: str, name: str) -> str:
        text = f"from {module} import {name}"
        if self.is_free(name, text):
            self.header.add(text)
            return name
        self.header.add(f"from {module} import {name} as {name}_")
        return f"{name}_"

    def is_free(self, name: str, text: str) -> bool:
        if not self.is_only(name, ast.parse(text).body[0]):
            return False
        return name in self.program.binders or name not in self.program.names or name in ("Path", "json", "joblib")

    def builtin(self, name: str) -> str:
        """A builtin for our own lines: `open`, or `builtins.open` where the script gives `open` another meaning."""
        if self.rebound is None:
            stars = [
                alias
                for s in self.statements
                if isinstance(s.node, ast.ImportFrom)
                and (s.node.module or "").split(".")[0] not in HARMLESS_STARS | packages("quiet")
                for alias in s.node.names
                if alias.name == "*"
            ]
            names = {n for s in self.statements for n in s.binds} | self.plan.data.needs.keys()
            self.rebound = frozenset(dir(builtins)) if stars else frozenset(names)
        return f"{self.module('builtins')}.{name}" if name in self.rebound else name

    def fresh(self, name: str) -> str:
        """A name that the notebook does not use."""
        while name in self.program.names:
            name += "_"
        return name


def does_something(statement: Statement) -> bool:
    """Whether an import is the one that runs a module which makes settings, seeds or registers something."""
    return isinstance(statement.node, IMPORTS) and any(m.effects and m.loader is statement for m in statement.modules)


def import_text(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> str:
    """One name of an import statement as a statement of its own."""
    name = alias.name + (f" as {alias.asname}" if alias.asname else "")
    if isinstance(node, ast.Import):
        return f"import {name}"
    return f"from {'.' * node.level}{node.module or ''} import {name}"


def is_future(node: ast.stmt) -> bool:
    """Whether a statement is for the compiler: it must stand first in a file."""
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def _targets(node: ast.stmt, name: str) -> frozenset[str]:
    """The dotted paths that an import binds a name to."""
    found: Iterable[str] = ()
    if isinstance(node, ast.Import):
        same = [a for a in node.names if (a.asname or a.name.split(".")[0]) == name]
        found = (a.name if a.asname else a.name.split(".")[0] for a in same)
    elif isinstance(node, ast.ImportFrom):
        found = (f"{node.module}.{a.name}" for a in node.names if (a.asname or a.name) == name)
    return frozenset(found)
