"""Which versions of which objects reach each stage, and how each crosses: by a statement repeated, or by a file.

Works backwards over the stages.  A stage needs what its statements read from outside, and what it must hand on.  The
version of a name is made by its *history*: the statements that may have bound it and those that may have changed
anything it reaches.  A history that can be repeated is repeated; any other crosses in a file of the last stage in it.
Names that may share an object which changes later cross in one file together.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from nb2stage.calls import MAIN_STATES
from nb2stage.effects import NOTICED_BY
from nb2stage.interpreter import Finding, Interpreter
from nb2stage.objects import Obj, Statement, Var, reach
from nb2stage.scopes import free_names

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
IMPORTS = (ast.Import, ast.ImportFrom)
UNSAVABLE = {"handle": "an open file, connection or lock", "generator_object": "a generator"}
REPEATABLE = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr, ast.If, ast.Try, *DEFINITIONS, *IMPORTS)


@dataclass
class Need:
    """A name that a stage needs from outside: what it refers to there, and who bound it."""

    name: str
    values: frozenset[Obj]
    sites: frozenset[Statement]
    before: int  # position up to which changes count
    unbound: int = 0
    statement: Statement | None = None  # the first statement that reads it; None where it is only handed on


@dataclass
class Transfer:
    """One cache file: written by `stage`, holding `names`, read by each of `consumers` as far as it needs."""

    stage: int
    names: list[str]
    consumers: dict[int, set[str]] = field(default_factory=dict)
    optional: set[str] = field(default_factory=set)  # may be unbound when saved
    kind: str = "joblib"


@dataclass
class StageData:
    """What one stage gets and gives."""

    index: int
    statements: list[Statement]
    needs: dict[str, Need] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)  # needs that cross in a file
    repeats: dict[Statement, set[str]] = field(default_factory=dict)  # outside statements, and the names wanted of them


class Boundaries:
    """The transfers between the stages of an interpreted notebook."""

    def __init__(
        self,
        interpreter: Interpreter,
        statements: list[Statement],
        entries: list[dict[str, Var]],
        exits: list[dict[str, Var]],
    ) -> None:
        self.interpreter = interpreter
        self.entries, self.exits = entries, exits
        self.findings: list[Finding] = []
        self.changers: dict[Obj, list[Statement]] = defaultdict(list)
        for statement in statements:
            for obj in statement.changes:
                self.changers[obj].append(statement)
        self.stages = [StageData(i, [s for s in statements if s.stage == i]) for i in range(len(entries))]
        self.transfers: list[Transfer] = []
        self._repeatable: dict[Statement, bool] = {}
        self._reach: dict[frozenset[Obj], set[Obj]] = {}
        self.settings = [s for s in statements if s.sets]
        self.files_of: set[Statement] = {use.statement for use in interpreter.files}

    # -- histories

    def reach(self, values: frozenset[Obj]) -> set[Obj]:
        found = self._reach.get(values)
        if found is None:
            found = self._reach[values] = reach(values)
        return found

    def history(self, need: Need, own: int | None) -> list[Statement]:
        """The statements outside stage `own` that made this version of a name, in order."""
        found = set(need.sites)
        for obj in self.reach(need.values):
            found.update(s for s in self.changers.get(obj, ()) if s.position < need.before)
        return sorted((s for s in found if own is None or s.stage != own), key=lambda s: s.position)

    def repeatable(self, statement: Statement) -> bool:
        """Whether a statement may be run again in another process with the same effect and nothing else."""
        known = self._repeatable.get(statement)
        if known is None:
            self._repeatable[statement] = False  # a cycle is not repeatable
            known = self._repeatable[statement] = self._is_repeatable(statement)
        return known

    def _is_repeatable(self, statement: Statement) -> bool:
        if statement.param:
            return True
        if statement.impure or statement.draws or statement in self.files_of:
            return False
        if statement.calls and not (statement.sets or statement.seeds):
            return False
        if not isinstance(statement.node, REPEATABLE):
            return False
        for name, var in statement.reads.items():
            need = Need(name, var.values, var.sites, statement.position)
            if not all(self.repeatable(s) for s in self.history(need, None) if s is not statement):
                return False
        return True

    # -- the backward pass

    def solve(self) -> None:
        """Find all needs and transfers."""
        for stage in self.stages:
            self.collect_reads(stage)
        for stage in reversed(self.stages):
            self.settle(stage)
        self.transfers = [t for t in self.transfers if t.names]
        self.transfers.sort(key=lambda t: (t.stage, t.names))
        for transfer in self.transfers:
            transfer.kind = self.kind_of(transfer)

    def collect_reads(self, stage: StageData) -> None:
        for statement in stage.statements:
            for name, var in statement.reads.items():
                outside = frozenset(s for s in var.sites if s.stage != stage.index)
                if outside:
                    self.add_need(stage, Need(name, var.values, outside, statement.position, var.unbound, statement))
            if isinstance(statement.node, DEFINITIONS):
                self.soft_names(stage, statement.node, statement.position)
        self.collect_settings(stage)

    def soft_names(self, stage: StageData, node: ast.AST, position: int) -> None:
        """What a definition mentions goes with it where that costs no file: imports, definitions, constants."""
        for part in ast.walk(node):
            if not isinstance(part, DEFINITIONS):
                continue
            for name in sorted(free_names(part)):
                if name in stage.needs:
                    continue
                var = self.exits[stage.index].get(name) or self.interpreter.state.get(name)
                outside = frozenset(s for s in var.sites if s.stage != stage.index)
                if outside and outside == var.sites and var.unbound != 3:
                    need = Need(name, var.values, outside, position)
                    if all(self.repeatable(s) for s in self.history(need, stage.index)):
                        self.add_need(stage, need)

    def add_need(self, stage: StageData, need: Need) -> None:
        before = stage.needs.get(need.name)
        if before is None:
            stage.needs[need.name] = need
            return
        before.values |= need.values
        before.sites |= need.sites
        before.unbound = max(before.unbound, need.unbound)
        before.statement = before.statement or need.statement

    def collect_settings(self, stage: StageData) -> None:
        """Settings made before the stage that it could notice are made again."""
        if not stage.statements:
            return
        last = stage.statements[-1].position
        for statement in self.settings:
            if statement.stage == stage.index or statement.position > last:
                continue
            for domain in sorted(statement.sets):
                if self.notices(stage, domain):
                    if self.repeatable(statement):
                        stage.repeats.setdefault(statement, set())
                    else:
                        self.findings.append(Finding("NB240", statement, statement.node, domain))

    def notices(self, stage: StageData, domain: str) -> bool:
        if domain.startswith("patch "):
            packages: tuple[str, ...] = (domain.removeprefix("patch "),)
        elif domain.startswith("library "):
            packages = (domain.removeprefix("library "),)
        elif domain in NOTICED_BY:
            packages = NOTICED_BY[domain]
        else:
            return True
        if domain == "matplotlib" and any(s.plots for s in stage.statements):
            return True
        return any(path.split(".")[0] in packages for s in stage.statements for path in self.paths_used(s))

    def paths_used(self, statement: Statement) -> Iterable[str]:
        yield from statement.imports
        for var in statement.reads.values():
            for obj in var.values:
                if obj.kind == "lib":
                    yield obj.path

    def settle(self, stage: StageData) -> None:
        """Decide how each need of a stage crosses; what crosses in a file becomes a need of the stage that saves it."""
        done: set[str] = set()
        while True:
            self.definitions_of_repeats(stage)
            todo = [n for n in stage.needs if n not in done]
            if not todo:
                break
            for name in todo:
                done.add(name)
                need = stage.needs[name]
                history = self.history(need, stage.index)
                if all(self.repeatable(s) for s in history):
                    self.repeat(stage, need)
                else:
                    stage.files.add(name)
                    self.definitions_within(stage, need)
        for group in self.groups(stage):
            self.transfer(stage, group)

    def repeat(self, stage: StageData, need: Need) -> None:
        for statement in self.history(need, stage.index):
            self.repeat_statement(stage, statement, need.name)

    def repeat_statement(self, stage: StageData, statement: Statement, name: str) -> None:
        wanted = stage.repeats.get(statement)
        if wanted is not None and name in wanted:
            return
        stage.repeats.setdefault(statement, set()).add(name)
        if isinstance(statement.node, IMPORTS) or statement.param:
            return
        for other, var in statement.reads.items():
            need = Need(other, var.values, var.sites, statement.position)
            for each in self.history(need, stage.index):
                if each is not statement:
                    self.repeat_statement(stage, each, other)

    def definitions_of_repeats(self, stage: StageData) -> None:
        for statement in list(stage.repeats):
            if isinstance(statement.node, DEFINITIONS):
                self.soft_names(stage, statement.node, stage.statements[0].position if stage.statements else 0)
            elif not stage.repeats[statement]:
                self.repeat_statement(stage, statement, "")

    def definitions_within(self, stage: StageData, need: Need) -> None:
        """A value that holds functions or instances of the notebook is loaded where their definitions stand."""
        for obj in self.reach(need.values):
            if obj.kind not in ("function", "class") or not isinstance(obj.node, DEFINITIONS):
                continue
            name = obj.node.name
            var = self.entries[stage.index].get(name)
            if var is None or obj not in var.values:
                continue
            outside = frozenset(s for s in var.sites if s.stage != stage.index)
            if outside:
                self.add_need(stage, Need(name, var.values, outside, need.before))

    # -- groups and transfers

    def groups(self, stage: StageData) -> list[list[str]]:
        """Names that must cross in one file: they may share an object that somebody changes or compares later."""
        start = stage.statements[0].position if stage.statements else 0
        names = sorted(n for n, need in stage.needs.items() if need.values or n in stage.files)
        owner: dict[Obj, str] = {}
        parent = {name: name for name in names}

        def root(name: str) -> str:
            while parent[name] != name:
                name = parent[name]
            return name

        for name in names:
            for obj in self.reach(stage.needs[name].values):
                if obj.kind == "lib" or not self.matters(obj, start):
                    continue
                if obj in owner:
                    parent[root(name)] = root(owner[obj])
                else:
                    owner[obj] = name
        together: dict[str, list[str]] = defaultdict(list)
        for name in names:
            together[root(name)].append(name)
        return [group for group in together.values() if any(n in stage.files for n in group)]

    def matters(self, obj: Obj, start: int) -> bool:
        """Whether sharing this object can be noticed from a position on."""
        if obj.kind in ("class", "lib"):
            return False
        if obj.kind == "instance" or obj in self.interpreter.identities:
            return True
        return any(s.position >= start for s in self.changers.get(obj, ()))

    def transfer(self, stage: StageData, group: list[str]) -> None:
        stages = []
        for name in group:
            history = self.history(stage.needs[name], stage.index)
            stages += [s.stage for s in history if s.stage is not None]
        earlier = [s for s in stages if s < stage.index]
        if not earlier:
            need = stage.needs[group[0]]
            site = min(need.sites, key=lambda s: s.position)
            self.findings.append(Finding("NB241", site, site.node, need.name))
            return
        version = max(earlier)
        for name in group:
            if self.is_definition(stage.needs[name]) and name not in stage.files:
                continue
            self.hand_over(stage, version, name, group)

    def is_definition(self, need: Need) -> bool:
        return all(isinstance(s.node, (*DEFINITIONS, *IMPORTS)) for s in need.sites)

    def hand_over(self, stage: StageData, version: int, name: str, group: list[str]) -> None:
        """Stage `version` saves `name` for `stage`."""
        stage.files.add(name)
        source = self.stages[version]
        var = self.exits[version].get(name)
        if var is None:
            need = stage.needs[name]
            site = need.statement or min(need.sites, key=lambda s: s.position)
            self.findings.append(Finding("NB242", site, site.node, name))
            return
        outside = frozenset(s for s in var.sites if s.stage != version)
        if outside and outside == var.sites or (outside and var.unbound != 3):
            entry = self.entries[version].get(name, var)
            start = source.statements[0].position if source.statements else 0
            self.add_need(source, Need(name, entry.values, frozenset(s for s in entry.sites), start, entry.unbound))
        self.add_transfer(version, stage.index, name, group)
        if var.unbound == 2:
            self.transfer_of(version, name).optional.add(name)

    def transfer_of(self, version: int, name: str) -> Transfer:
        return next(t for t in self.transfers if t.stage == version and name in t.names)

    def add_transfer(self, version: int, consumer: int, name: str, group: list[str]) -> None:
        touching = [t for t in self.transfers if t.stage == version and set(t.names) & {name, *group}]
        merged = touching[0] if touching else Transfer(version, [])
        for other in touching[1:]:
            merged.names += [n for n in other.names if n not in merged.names]
            merged.optional |= other.optional
            for who, names in other.consumers.items():
                merged.consumers.setdefault(who, set()).update(names)
            self.transfers.remove(other)
        if not touching:
            self.transfers.append(merged)
        if name not in merged.names:
            merged.names.append(name)
            merged.names.sort()
        merged.consumers.setdefault(consumer, set()).add(name)

    # -- what a file is written with

    def kind_of(self, transfer: Transfer) -> str:
        values = frozenset(
            obj for name in transfer.names for obj in self.exits[transfer.stage].get(name, Var()).values
        )
        self.check_savable(transfer, values)
        if len(transfer.names) == 1 and not transfer.optional:
            name = transfer.names[0]
            if name in MAIN_STATES.values():
                return name
            if values and all(obj.kind == "value" and obj.type in ("frame", "series") for obj in values):
                return "pandas"
        if any(self.is_local_function(obj, transfer) for obj in self.reach(values)):
            return "cloudpickle"
        return "joblib"

    def is_local_function(self, obj: Obj, transfer: Transfer) -> bool:
        """Whether an object is a function or class that another script cannot find by its name."""
        if obj.kind not in ("function", "class") or (obj.kind == "function" and obj.bases):
            return False
        if not isinstance(obj.node, DEFINITIONS):
            return True
        var = self.exits[transfer.stage].get(obj.node.name)
        return var is None or obj not in var.values

    def check_savable(self, transfer: Transfer, values: frozenset[Obj]) -> None:
        for name in transfer.names:
            reached = self.reach(self.exits[transfer.stage].get(name, Var()).values)
            for obj in reached:
                if obj.type in UNSAVABLE and obj.kind == "value" and not self.is_data(obj, values):
                    self.refuse(transfer, name, UNSAVABLE[obj.type])
                    return
            local = [o for o in reached if self.is_local_function(o, transfer)]
            own = [o for o in reached if o.kind == "class" and not self.is_local_function(o, transfer)]
            if local and own:
                self.refuse(transfer, name, "a function without a name together with an instance of your class")
                return
            for obj in local:
                self.check_function(transfer, name, obj)

    def is_data(self, obj: Obj, values: frozenset[Obj]) -> bool:
        return False

    def check_function(self, transfer: Transfer, name: str, fn: Obj) -> None:
        """A function that is saved whole takes its globals along as they are: they must not change afterwards."""
        if not isinstance(fn.node, (*DEFINITIONS, ast.Lambda)):
            return
        for free in sorted(free_names(fn.node)):
            var = self.exits[transfer.stage].get(free)
            if var is None:
                continue
            need = Need(free, var.values, var.sites, 1 << 60)
            last = self.interpreter.state.get(free)
            if not all(self.repeatable(s) for s in self.history(need, None)) or last.sites != var.sites:
                self.refuse(transfer, name, f"a function without a name that uses `{free}`")

    def refuse(self, transfer: Transfer, name: str, what: str) -> None:
        var = self.exits[transfer.stage].get(name, Var())
        site = max(var.sites, key=lambda s: s.position)
        self.findings.append(Finding("NB243", site, site.node, name, text=what))
