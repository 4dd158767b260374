"""The versions of what names refer to: the statements that made each, and whether those can be run again elsewhere."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator

from nb2stage.analysis.classes import Classes
from nb2stage.analysis.crossings import Need, StageData, Transfer
from nb2stage.analysis.heap import Heap
from nb2stage.analysis.modules import HARMLESS, module_state
from nb2stage.analysis.notes import FileUse, Finding
from nb2stage.analysis.objects import Module, Obj, Statement, Var, module_of, reach
from nb2stage.analysis.scopes import inner_definitions
from nb2stage.trees import walk

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
IMPORTS = (ast.Import, ast.ImportFrom)
READING = ("read", "read-if-there", "probe", "glob", "mkdir")
REPEATABLE = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr, ast.If, ast.Try, ast.For, *DEFINITIONS, *IMPORTS)


class Versions:
    """An interpreted notebook, seen as versions of objects that statements make and change."""

    def __init__(
        self,
        heap: Heap,
        statements: list[Statement],
        entries: list[dict[str, Var]],
        exits: list[dict[str, Var]],
    ) -> None:
        self.heap, self.classes, self.statements = heap, Classes(heap), statements
        self.entries, self.exits = entries, exits
        self.findings: list[Finding] = []
        self.changers: dict[Obj, list[Statement]] = defaultdict(list)
        for statement in statements:
            graded = statement.grades - statement.changes if heap.gradients_cross else set()
            for obj in statement.changes | graded:
                self.changers[obj].append(statement)
        # The same, as bits: of what unknown calls have linked, each object has many and all have the same.
        self.numbered = {s.position: s for s in statements}
        self.changed_at = {obj: sum(1 << s.position for s in found) for obj, found in self.changers.items()}
        self.stages = [StageData(i, [s for s in statements if s.stage == i]) for i in range(len(entries))]
        self.transfers: list[Transfer] = []
        self._replayable: dict[Statement, bool] = {}
        self._told_apart: dict[frozenset[Obj], bool] = {}
        self.module_values = reach(
            o for s in statements for name, var in s.reads.items() if module_state(name) for o in var.values
        )
        self._repeatable: dict[tuple[Statement, bool], bool] = {}
        self._used: dict[int, set[str]] = {}
        self._lines_within: dict[Statement, list[Statement]] = {}
        self._words: dict[int, set[str]] = {}
        self._reach: dict[tuple[frozenset[Obj], int], set[Obj]] = {}
        self.definitions: dict[ast.AST | None, Statement] = {
            node: s for s in statements for node in inner_definitions(s.node)
        }
        imports = [part for s in statements for part in walk(s.node) if isinstance(part, ast.Import)]
        imported = [alias.name.split(".") for each in imports for alias in each.names]
        self.modules = {".".join(parts[: n + 1]) for parts in imported for n in range(len(parts))}
        self.settings = [s for s in statements if s.sets or s.guesses]
        self.files_of: dict[Statement, list[FileUse]] = defaultdict(list)
        for use in (use for use in heap.files if not use.imported):
            self.files_of[use.statement].append(use)
        self.graders = [s for s in statements if s.grades]
        self.hindrances: dict[tuple[int, str], str] = {}  # why a stage cannot make a name anew

    def reach(self, values: frozenset[Obj], before: int) -> set[Obj]:
        found = self._reach.get((values, before))
        if found is None:
            found = self._reach[values, before] = reach(values, before)
        return found

    def is_of_torch(self, obj: Obj) -> bool:
        """Whether an object is, or may be, a tensor, or has some: only torch's own files keep the memory that they share."""
        known = self.heap.known
        if obj.kind == "instance":
            return any(base.kind == "lib" and base.path.startswith("torch.") for base in reach(obj.bases))
        return obj.kind == "value" and (known.crossing(obj.type) == "torch" or obj.path.startswith("torch."))

    def start(self, stage: StageData) -> int:
        return stage.statements[0].position if stage.statements else 0

    def end(self, index: int) -> int:
        statements = self.stages[index].statements
        return statements[-1].position + 1 if statements else 0

    def history(self, need: Need, own: int | None) -> list[Statement]:
        """The statements outside stage `own` that made this version of a name, in order."""
        found = set(need.sites)
        changes = 0
        for obj in self.reach(need.values, need.before):
            changes |= self.changed_at.get(obj, 0)
        found.update(self.numbered[p] for p in _ones(changes) if p < need.before)
        return sorted((s for s in found if own is None or s.stage != own), key=lambda s: s.position)

    def repeatable(self, statement: Statement, setting: bool = False) -> bool:
        """Whether a statement may be run again in another process with the same effect and nothing else.

        For the sake of a `setting`, what it needs may read files that no stage writes.
        """
        known = self._repeatable.get((statement, setting))
        if known is None:
            self._repeatable[statement, setting] = False  # a cycle is not repeatable
            known = self._repeatable[statement, setting] = self._is_repeatable(statement, setting)
        return known

    def _is_repeatable(self, statement: Statement, setting: bool) -> bool:
        if statement.param:
            return True
        if any(module.once for module in self.with_imports(statement.modules)):
            return False
        if isinstance(statement.node, IMPORTS) and statement.modules:
            return self.can_replay_reads(statement)
        if statement.impure or statement.draws:
            return False
        if statement in self.files_of and not (setting and self.only_reads(statement)):
            return False
        definition = isinstance(statement.node, DEFINITIONS) or statement.sets or statement.seeds
        if (statement.calls or statement.loops) and not (definition or statement.makes_functions):
            return False
        takes_away = isinstance(statement.node, ast.Delete) and statement.sets and not statement.binds
        if not (isinstance(statement.node, REPEATABLE) or takes_away or _is_quiet_definition(statement.node)):
            return False
        for name, var in statement.reads.items():
            need = Need(name, var.values, var.sites, statement.position)
            if not all(self.repeatable(s, setting) for s in self.history(need, None) if s is not statement):
                return False
        return True

    def replayable(self, statement: Statement) -> bool:
        """Whether a statement may be run again in another process for what it does to a module, whatever that costs."""
        known = self._replayable.get(statement)
        if known is None:
            self._replayable[statement] = False
            known = self._replayable[statement] = self.repeatable(statement) or self._is_replayable(statement)
        return known

    def _is_replayable(self, statement: Statement) -> bool:
        if any(module.once for module in self.with_imports(statement.modules)):
            return False
        uses = [use for use in self.heap.files if use.statement is statement]
        if statement.once or statement.draws or not all(use.mode in HARMLESS and use.path for use in uses):
            return False
        if not isinstance(statement.node, REPEATABLE):
            return False
        reads = [Need(name, var.values, var.sites, statement.position) for name, var in statement.reads.items()]
        return all(self.replayable(s) for need in reads for s in self.history(need, None) if s is not statement)

    def can_replay_reads(self, statement: Statement) -> bool:
        """Whether what a statement reads of modules can be made again in another process."""
        reads = [
            Need(name, var.values, var.sites, statement.position)
            for name, var in statement.reads.items()
            if module_state(name)
        ]
        return all(self.replayable(s) for need in reads for s in self.history(need, None) if s is not statement)

    def depends_on_changes(self, statement: Statement) -> bool:
        """Whether a statement reads something of a module that other statements have made what it is."""
        reads = {name: var for name, var in statement.reads.items() if module_state(name)}
        return any(
            self.history(Need(name, var.values, var.sites, statement.position), None) for name, var in reads.items()
        )

    def can_be_told_apart(self, values: frozenset[Obj]) -> bool:
        """Whether anything within reach changes, or is asked for its identity: a copy of it would be noticed."""
        known = self._told_apart.get(values)
        if known is None:
            found, identities = reach(values), self.heap.identities
            asked = any(obj.type == "object" or obj in identities for obj in found if obj.kind == "value")
            known = self._told_apart[values] = asked or not self.changers.keys().isdisjoint(found)
        return known

    def changes_module(self, statement: Statement) -> bool:
        """Whether a statement changes what a module of the project has."""
        return any(map(module_state, statement.binds)) or not statement.changes.isdisjoint(self.module_values)

    def changes_only_modules(self, statement: Statement) -> bool:
        """Whether a statement changes what modules of the project have, and nothing else."""
        return self.changes_module(statement) and statement.changes <= self.module_values

    def modules_of(self, stage: StageData) -> list[Module]:
        """The modules of the project that the process of a stage imports, directly or through each other."""
        found = [m for s in [*stage.statements, *stage.repeats] for m in s.modules]
        for name in sorted(stage.files & stage.needs.keys()):  # a pickle imports the modules of its classes
            need = stage.needs[name]
            found += [m for m in map(module_of, self.reach(need.values, need.before)) if m is not None]
        return self.with_imports(found)

    def with_imports(self, modules: Iterable[Module]) -> list[Module]:
        """Modules and those that they import, by name."""
        todo = list(modules)
        found: dict[str, Module] = {}
        while todo:
            module = todo.pop()
            if module.name not in found:
                found[module.name] = module
                todo += module.imports
        return [found[name] for name in sorted(found)]

    def only_reads(self, statement: Statement) -> bool:
        """Whether all that a statement does with files is to read known ones that the notebook does not write."""
        changed = {use.path for use in self.heap.files if use.mode not in READING}
        uses = self.files_of[statement]
        return None not in changed and all(
            use.mode in READING and use.path is not None and use.path not in changed for use in uses
        )


def _ones(bits: int) -> Iterator[int]:
    """The positions of the bits that are set."""
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest


def _is_quiet_definition(node: ast.stmt) -> bool:
    """Whether a statement imports or defines inside a `with`: `with warnings.catch_warnings(): import seaborn`."""
    if not isinstance(node, ast.With) or any(item.optional_vars is not None for item in node.items):
        return False
    return any(isinstance(part, (*DEFINITIONS, *IMPORTS)) for part in node.body)
