"""Modules of the project: their code is followed like that of the notebook.

Their statements at the top level are run once, when the notebook first imports them.  What their names refer to is part of
the flow state, so that a change which one statement makes is seen by those behind it.  Another stage is another process: it
imports a module anew, and has it as it was after the import.  So each reading of a name of a module is written down as a
reading of `<module.name>`, which no file carries from stage to stage: the statements that made it what it is are repeated.
"""

from __future__ import annotations

import ast

from nb2stage.analysis.heap import FREE, MOST, Argument, Heap, TooLongError
from nb2stage.analysis.interfaces import CallsObjects, Executes
from nb2stage.analysis.names import Names
from nb2stage.analysis.objects import ATOM, UNBOUND, Frame, Module, Obj, State, Values, Var
from nb2stage.analysis.scopes import Scope
from nb2stage.analysis.vocabulary import DELETED
from nb2stage.patterns import Pattern

STATE = Pattern(r"<([^\W\d][\w.]*)\.(\w+)>")


MAX_NESTED = 25


# What a use of a file is that another process may repeat.
HARMLESS = frozenset({"read", "probe", "glob", "mkdir"})


# What a statement is not, however much a module does when the statement imports it.
TRAITS = ("impure", "once", "calls", "loops", "makes_functions")


# Of a statement, what it is seen to do to the process and to what others have made.
NOTED = ("sets", "seeds", "changes", "known_changes", "draws", "binds")

# Where the run stands: a module begins elsewhere, and then it goes on where it was.
PLACE = (
    *("frame", "stack", "loops", "budget", "lazy_annotations", "made"),
    *("depth", "guards", "ways", "guesses", "temporary", "blind_depth"),
)


def module_state(name: str) -> tuple[str, str] | None:
    """The module and the name in it of `<module.name>`; None for any other name."""
    found = STATE.fullmatch(name)
    return (found[1], found[2]) if found else None


class Modules:
    """Imports modules of the project, and finds what their names refer to."""

    # What it calls back: set where all parts are put together.
    statements: Executes
    calls: CallsObjects

    def __init__(self, heap: Heap, names: Names) -> None:
        self.heap = heap
        self.names = names

    def absolute(self, node: ast.ImportFrom) -> str:
        """The dotted name of the module that `from … import` names; of a relative import in the notebook with its dots."""
        here = self.heap.module_here()
        if not node.level or here is None:
            return "." * node.level + (node.module or "")
        package = here.name if here.folder else here.name.rpartition(".")[0]
        for _ in range(node.level - 1):
            package = package.rpartition(".")[0]
        return f"{package}.{node.module}" if package and node.module else node.module or package

    def import_module(self, name: str) -> Module | None:
        """The module of the project that `import a.b` imports, and `a` with it; None where it is none of the project's."""
        parts, parent = name.split("."), None
        for count in range(1, len(parts) + 1):
            following = parts[count] if count < len(parts) else ""
            module = self.part_of_package(".".join(parts[:count]), parent, following)
            if module is None:
                return None
            if parent is not None:
                key = (parent.frame.number, parts[count - 1])
                if self.heap.state.get(key) is UNBOUND:
                    sites = frozenset() if parent in self.heap.loading else frozenset({self.heap.statement})
                    self.heap.set(key, Var(frozenset({module.object}), sites))
            parent = module
        return parent

    def part_of_package(self, name: str, parent: Module | None, following: str) -> Module | None:
        """The module of a dotted name whose package has been imported; it is run where it has not been."""
        module = self.heap.modules.get(name) or self.found(name, parent, following)
        if module is None:
            return None
        self.heap.statement.modules.add(module)
        if self.heap.loading:
            self.heap.loading[-1].imports.add(module)
        if module in self.heap.loading:
            return module  # modules that import each other
        loaded = self.heap.state.get((module.frame.number, "__name__"))
        if loaded is UNBOUND:
            return module if self.run_module(module) else None
        if loaded.unbound:  # on one of several ways
            base = self.heap.state
            self.heap.state = State(base)
            self.heap.depth += 1
            self.run_module(module)
            self.heap.depth -= 1
            self.heap.commit(base, [self.heap.state, State(base)])
            self.name_module(module)
        return module

    def found(self, name: str, parent: Module | None, following: str) -> Module | None:
        """A module that has not been imported before; None where the project has none that can be followed."""
        root = name.partition(".")[0]
        if root in self.heap.opaque_modules or (parent is not None and not parent.folder):
            return None
        folders = [parent.folder] if parent is not None else self.heap.search_paths
        found = self.heap.module_files.find(name, folders, self.heap.written_modules)
        if found is None:
            folder = (
                self.heap.module_files.find_folder(name, following, folders, self.heap.written_modules)
                if following
                else ""
            )
            return self.new_module(name, "", folder, ast.Module([], [])) if folder else None
        if found.tree is None or len(self.heap.loading) >= MAX_NESTED:
            self.heap.opaque_modules.add(root)
            return None
        return self.new_module(name, found.path, found.folder, found.tree)

    def new_module(self, name: str, path: str, folder: str, node: ast.Module) -> Module:
        frame = Frame(len(self.heap.frames) + 1, Scope(node), None)
        self.heap.frames[node] = frame
        module = Module(name, path, folder, node, frame, Obj(kind="module", path=name))
        frame.module, module.object.frame = module, frame
        self.heap.modules[name] = self.heap.modules_by_frame[frame.number] = self.heap.modules_by_object[
            module.object
        ] = module
        return module

    def name_module(self, module: Module) -> None:
        """Write down that a module is imported, with the names that each has."""
        for name, value in (("__name__", module.name), ("__file__", module.path), ("__doc__", ""), ("__package__", "")):
            self.heap.set((module.frame.number, name), Var(constants=frozenset({value})))

    def run_module(self, module: Module) -> bool:
        """Run the statements of a module; False where they cannot be followed, and nothing of it is known."""
        statement, base = self.heap.statement, self.heap.state
        module.loader = module.loader or statement
        noted = [getattr(statement, name) for name in NOTED]
        for name in NOTED:
            setattr(statement, name, set())
        traits, files = [getattr(statement, name) for name in TRAITS], len(self.heap.files)
        place, loops = [getattr(self.heap, name) for name in PLACE], len(self.heap.each)
        loading, last = list(self.heap.loading), self.heap.last_returned
        self.heap.state, self.heap.frame, self.heap.stack = State(base), module.frame, (("module", module.name),)
        self.heap.loops, self.heap.budget, self.heap.lazy_annotations, self.heap.made = [], 4_000, False, set()
        self.heap.loading = [*loading, module]
        self.name_module(module)
        began, most = self.heap.effort, self.heap.most_effort
        self.heap.most_effort = began + FREE + min(self.heap.spare, MOST)
        followed = True
        try:
            self.statements.execute_block(module.node.body)
        except (TooLongError, RecursionError):
            followed = False
        self.heap.spare -= max(0, min(self.heap.effort, self.heap.most_effort) - began - FREE)
        # A module takes nothing from the statement that imports it.
        self.heap.effort, self.heap.most_effort = began, most
        made, self.heap.loading, self.heap.last_returned = self.heap.made, loading, last
        for name, value in zip(PLACE, place, strict=True):
            setattr(self.heap, name, value)
        del self.heap.each[loops:]
        self.heap.made |= made
        done, drawn = any(getattr(statement, name) for name in NOTED), statement.draws & self.heap.seeded
        for name, earlier in zip(NOTED, noted, strict=True):
            getattr(statement, name).update(earlier)
        for name, trait in zip(TRAITS, traits, strict=True):
            setattr(statement, name, trait)
        if not followed:
            self.heap.state = base
            self.heap.opaque_modules.add(module.name.partition(".")[0])
            self.forget(module.name.partition(".")[0])
            return False
        base.delta.update(self.heap.state.since(base))
        self.heap.state = base
        uses = self.heap.files[files:]
        module.effects = module.effects or done
        module.reads += [use.path for use in uses if use.mode == "read" and use.path is not None]
        if any(use.mode not in HARMLESS for use in uses):
            module.once = "writes a file"
        elif drawn:
            module.once = "draws random numbers that another module or the notebook has seeded"
        return True

    def forget(self, root: str) -> None:
        """Know nothing more of a package."""
        for name in [name for name in self.heap.modules if name.partition(".")[0] == root]:
            module = self.heap.modules.pop(name)
            del self.heap.modules_by_frame[module.frame.number]

    def module_attribute(self, obj: Obj, name: str, node: ast.AST) -> Values:
        """What `module.name` refers to."""
        module = self.heap.modules_by_object[obj]
        self.heap.statement.imports.add(f"{module.name}.{name}")
        var = self.heap.state.get((module.frame.number, name))
        if var is not UNBOUND and var.unbound < DELETED:
            self.names.note_reading(module, name, var)
            return var.values
        if name == "__dict__":
            return frozenset({self.heap.namespace(node, obj)})
        getter = self.heap.state.get((module.frame.number, "__getattr__"))
        if getter is not UNBOUND:
            return self.calls.call_values(getter.values, [Argument(ATOM, frozenset({name}), None, None)], node)
        return self.names.from_stars(module.stars or [module.name], name)

    def all_of(self, module: Module) -> Values:
        """Everything that the names of a module refer to."""
        for name in sorted({key[1] for key in self.keys_of(module)}):
            self.names.note_reading(module, name, self.heap.state.get((module.frame.number, name)))
        return frozenset().union(*(self.heap.state.get(key).values for key in self.keys_of(module)))

    def keys_of(self, module: Module) -> list[tuple[int, str]]:
        """Where the names of a module live."""
        found: set[tuple[int, str]] = set()
        state: State | None = self.heap.state
        while state is not None:
            found.update(k for k in state.delta if not isinstance(k, str) and k[0] == module.frame.number)
            state = state.parent
        return sorted(found)

    # -- `from … import`

    def import_names(self, module: Module, node: ast.ImportFrom) -> None:
        """`from module import a, b as c` and `from module import *`."""
        for alias in node.names:
            if alias.name == "*":
                for name in self.public_names(module):
                    self.import_name(module, name, name)
                for library in module.stars:
                    self.names.note_star(library)
                continue
            self.heap.statement.imports.add(f"{module.name}.{alias.name}")
            self.import_name(module, alias.name, alias.asname or alias.name)

    def import_name(self, module: Module, name: str, wanted: str) -> None:
        var = self.heap.state.get((module.frame.number, name))
        if var is UNBOUND and module.folder:
            part = self.import_module(f"{module.name}.{name}")
            if part is not None:
                self.names.bind(wanted, frozenset({part.object}))
                return
        if var is UNBOUND or var.unbound == DELETED:
            self.names.bind(wanted, self.names.from_stars(module.stars or [module.name], name))
            return
        self.names.note_reading(module, name, var)
        self.names.bind(wanted, var.values, var.constants)

    def public_names(self, module: Module) -> list[str]:
        """What `from module import *` binds, in the order of its names."""
        wanted = self.heap.state.get((module.frame.number, "__all__")).constants
        if wanted is not None and len(wanted) == 1 and isinstance(names := next(iter(wanted)), tuple):
            return sorted({str(name) for name in names})
        return sorted({name for _, name in self.keys_of(module) if not name.startswith("_")})
