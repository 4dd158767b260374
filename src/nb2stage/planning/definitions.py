"""Functions and classes that several stages use -> modules that their scripts import, one for each set of stages.

A module of a set of stages changes only when something that exactly these stages use changes, so no other stage is run
again.  Only what means the same in a module as in the notebook moves: it looks up imports, constants and other such
definitions, nothing binds its name again, and it keeps no state.  Instances of a class in a module are found again by
every process that loads them.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Sequence

from nb2stage.analysis.crossings import StageData
from nb2stage.analysis.dataflow import Program
from nb2stage.analysis.names import BUILTINS
from nb2stage.analysis.objects import Obj, Statement, Var
from nb2stage.analysis.scopes import ScopeNode, free_names, inner_free_names
from nb2stage.analysis.versions import DEFINITIONS, IMPORTS
from nb2stage.records import dataclass, field
from nb2stage.trees import walk

FOLDER = "definitions"


@dataclass
class DefinitionsModule:
    """One module: its path, the indexes of the stages that use it, and its statements in the notebook's order."""

    path: str
    stages: frozenset[int]
    statements: list[Statement] = field(default_factory=list)

    @property
    def name(self) -> str:
        """What it is imported as."""
        return self.path.removesuffix(".py").replace("/", ".")

    @property
    def names(self) -> set[str]:
        """The names that it defines."""
        return {name for statement in self.statements for name in statement.binds}


class Definitions:
    """Finds the definitions of a program that move to modules."""

    def __init__(self, program: Program, names: Sequence[str]) -> None:
        self.program, self.names = program, names
        self.sites = program.binders
        self.known: dict[Statement, bool] = {}
        self.mentioned: dict[int, Counter[str]] = {}
        self.held: dict[int, set[Obj]] = {}
        boundaries = program.boundaries
        self.pinned = self.saved_whole()
        self.stateful = {n for t in boundaries.transfers for n in t.names if boundaries.state_of(t, n) is not None}

    def saved_whole(self) -> set[str]:
        """The names that functions in cloudpickles look up: those take along what the script defines, not a module."""
        boundaries = self.program.boundaries
        nodes: list[ast.AST | None] = []
        for transfer in [t for t in boundaries.transfers if t.contents.are_whole]:
            values = [boundaries.exits[transfer.stage].get(name, Var()).values for name in transfer.names]
            held = boundaries.pickled({o for each in values for o in each}, boundaries.end(transfer.stage))
            nodes += [obj.node for obj in held if boundaries.is_local_function(obj, transfer)]
        found: set[str] = set()
        while nodes:
            node = nodes.pop()
            new = free_names(node) - found if isinstance(node, ScopeNode) else frozenset()
            found |= new
            nodes += [site.node for name in new for site in self.sites.get(name, ())]
        return found

    def modules(self) -> list[DefinitionsModule]:
        """The modules, by path."""
        if any(s.sets & {"environ", "syspath"} or _is_library_setting(s) for s in self.program.statements):
            return []  # what is imported may depend on settings that come first
        found: dict[frozenset[int], DefinitionsModule] = {}
        stages = [s for s in self.program.boundaries.stages if s.index not in self.program.inert]
        for statement in self.program.statements:
            if not isinstance(statement.node, DEFINITIONS):
                continue
            users = frozenset(stage.index for stage in stages if self.uses(stage, statement))
            if len(users) > 1 and self.can_move(statement):
                stem = "_".join(sorted(self.names[i].replace("-", "_") for i in users))
                module = found.setdefault(users, DefinitionsModule(f"{FOLDER}/{stem}.py", users))
                module.statements.append(statement)
        for module in found.values():
            self.add_constants(module)
        return sorted(found.values(), key=lambda m: m.path)

    def uses(self, stage: StageData, statement: Statement) -> bool:
        """Whether a stage needs a definition: its own code does, or what it loads or repeats."""
        if statement in stage.repeats:
            return True
        if statement.stage != stage.index:
            return False
        name = next(iter(statement.binds))
        if self.mentions(stage)[name] > (name in _mentioned(statement)):
            return True
        exits = self.program.boundaries.exits[stage.index]
        return name in exits and bool(exits[name].values & self.saved(stage))

    def mentions(self, stage: StageData) -> Counter[str]:
        """How many statements of a stage mention each name."""
        if stage.index not in self.mentioned:
            self.mentioned[stage.index] = Counter(n for s in stage.statements for n in _mentioned(s))
        return self.mentioned[stage.index]

    def saved(self, stage: StageData) -> set[Obj]:
        """What the files that a stage saves hold."""
        if stage.index not in self.held:
            boundaries = self.program.boundaries
            exits, end = boundaries.exits[stage.index], boundaries.end(stage.index)
            names = {n for t in boundaries.transfers if t.stage == stage.index for n in t.names if n in exits}
            self.held[stage.index] = {o for n in names for o in boundaries.pickled(exits[n].values, end)}
        return self.held[stage.index]

    def can_move(self, statement: Statement) -> bool:
        """Whether a definition means the same in a module of its own."""
        known = self.known.get(statement)
        if known is None:
            self.known[statement] = True  # definitions that mention each other
            known = self.known[statement] = self._can_move(statement)
        return known

    def _can_move(self, statement: Statement) -> bool:
        node = statement.node
        assert isinstance(node, DEFINITIONS)
        if (
            len(self.sites[node.name]) != 1
            or node.name in self.stateful
            or node.name in self.pinned
            or statement.changes
            or statement.impure
            or statement.sets  # a script repeats it for that
            or any(map(gives_handle, walk(node)))  # a script defines a `display` that gives one
        ):
            return False
        if not self.program.boundaries.repeatable(statement) or any(isinstance(n, ast.Global) for n in walk(node)):
            return False
        values = self.program.heap.state.get(node.name).values
        if any(self.program.boundaries.changers.get(obj) for obj in values):
            return False
        return all(self.is_fixed(name) for name in free_names(node) | set(statement.reads))

    def is_fixed(self, name: str) -> bool:
        """Whether a name refers to one thing for the whole of the notebook that a module can have too."""
        sites = self.sites.get(name, [])
        if not sites:
            return name in BUILTINS and name != "display"
        if all(isinstance(s.node, IMPORTS) for s in sites):
            return len({ast.dump(s.node) for s in sites}) == 1
        if len(sites) != 1:
            return False
        if isinstance(sites[0].node, DEFINITIONS):
            return self.can_move(sites[0])
        return self.is_constant(sites[0], name)

    def is_constant(self, statement: Statement, name: str) -> bool:
        """A number or text that is no parameter."""
        return (
            isinstance(statement.node, ast.Assign)
            and not statement.param
            and not self.program.heap.state.get(name).values
            and self.program.boundaries.repeatable(statement)
            and all(self.is_fixed(read) for read in statement.reads)
        )

    def add_constants(self, module: DefinitionsModule) -> None:
        todo = [n for s in module.statements for n in _mentioned(s)]
        while todo:
            name = todo.pop()
            sites = self.sites.get(name, [])
            if len(sites) == 1 and isinstance(sites[0].node, ast.Assign) and sites[0] not in module.statements:
                module.statements.append(sites[0])
                todo.extend(sites[0].reads)
        module.statements.sort(key=lambda s: s.position)


def gives_handle(node: ast.AST) -> bool:
    """Whether a node is a call like `display(x, display_id=True)`, which gives a handle to show something else with."""
    named = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "display"
    return named and any(k.arg in ("display_id", None) for k in node.keywords)  # type: ignore[attr-defined]


def _is_library_setting(statement: Statement) -> bool:
    return any(domain.startswith("library ") for domain in statement.sets)


def _mentioned(statement: Statement) -> frozenset[str]:
    return inner_free_names(statement.node) | statement.reads.keys()
