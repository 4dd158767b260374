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
from dataclasses import dataclass, field, replace

from nb2stage.bindings import BUILTINS
from nb2stage.consequences import MAIN_STATES
from nb2stage.effects import NOTICED_BY
from nb2stage.heap import Finding
from nb2stage.interpreter import Interpreter
from nb2stage.load_order import LoadOrder, Round
from nb2stage.objects import Obj, Statement, Var, reach
from nb2stage.scopes import certain_reads, free_names, inner_definitions, inner_free_names, plain_defaults

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
IMPORTS = (ast.Import, ast.ImportFrom)
PICKLE_HOOKS = ("__getstate__", "__setstate__", "__reduce__", "__reduce_ex__")
UNSAVABLE = {
    "match": "a match of a regular expression",
    "handle": "an open file, connection or lock",
    "generator_object": "a generator",
}
# Types of values that can be saved, so far as what they hold can be.
SAVABLE = {
    *("list", "dict", "set", "tuple", "iter", "partial", "class", "path", "exception", "bunch", "random state"),
    *("frame", "series", "pandas", "index", "grouped", "ndarray", "generator"),
    *("sklearn", "scipy", "statsmodels", "matplotlib"),
}
REPEATABLE = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr, ast.If, ast.Try, ast.For, *DEFINITIONS, *IMPORTS)


@dataclass
class Need:
    """A name that a stage needs from outside: what it refers to there, and who bound it."""

    name: str
    values: frozenset[Obj]
    sites: frozenset[Statement]
    before: int  # position up to which changes count
    unbound: int = 0
    statement: Statement | None = None  # the first statement that reads it; None where it is only handed on
    certain: bool = False  # read whatever happens: were it unbound, the notebook would stop there


@dataclass
class Transfer:
    """One cache file: written by `stage`, holding `names`, read by each of `consumers` as far as it needs."""

    stage: int
    names: list[str]
    consumers: dict[int, set[str]] = field(default_factory=dict)
    unsure: set[str] = field(default_factory=set)  # may be unbound when saved, for all that the saving stage shows
    certain: set[str] = field(default_factory=set)  # bound when saved, as a stage that loads it shows
    kind: str = "joblib"
    untried: bool = False  # holds something of a kind that is not known to be savable

    @property
    def optional(self) -> set[str]:
        """The names that may be unbound when saved."""
        return self.unsure - self.certain


@dataclass
class StageData:
    """What one stage gets and gives."""

    index: int
    statements: list[Statement]
    needs: dict[str, Need] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)  # needs that cross in a file
    repeats: dict[Statement, set[str]] = field(default_factory=dict)  # outside statements, and the names wanted of them
    late: set[Statement] = field(default_factory=set)  # of `repeats`, those that need what is loaded
    rounds: list[Round] = field(default_factory=list)  # the loads, and behind each round of them what is late
    by_name: set[str] = field(default_factory=set)  # names that a loaded formula looks up
    rebuilt: set[str] = field(default_factory=set)  # views that are made again from what they are views of


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
        self._reach: dict[tuple[frozenset[Obj], int], set[Obj]] = {}
        self.definitions: dict[ast.AST | None, Statement] = {
            node: s for s in statements for node in inner_definitions(s.node)
        }
        self.settings = [s for s in statements if s.sets]
        self.files_of: set[Statement] = {use.statement for use in interpreter.files}

    # -- histories

    def reach(self, values: frozenset[Obj], before: int) -> set[Obj]:
        found = self._reach.get((values, before))
        if found is None:
            found = self._reach[values, before] = reach(values, before)
        return found

    def start(self, stage: StageData) -> int:
        return stage.statements[0].position if stage.statements else 0

    def end(self, index: int) -> int:
        statements = self.stages[index].statements
        return statements[-1].position + 1 if statements else 0

    def history(self, need: Need, own: int | None) -> list[Statement]:
        """The statements outside stage `own` that made this version of a name, in order."""
        found = set(need.sites)
        for obj in self.reach(need.values, need.before):
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
        definition = isinstance(statement.node, DEFINITIONS) or statement.sets or statement.seeds
        if (statement.calls or statement.loops) and not (definition or statement.makes_functions):
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
        for transfer in self.transfers:
            for index in sorted(transfer.consumers):
                self.definitions_of_file(self.stages[index], transfer)
        self.transfers.sort(key=lambda t: (t.stage, t.names))
        for transfer in self.transfers:
            transfer.kind = self.kind_of(transfer)
            transfer.untried = self.is_untried(transfer)
        for stage in self.stages:
            stage.rounds = LoadOrder(self, stage).arrange()

    def collect_reads(self, stage: StageData) -> None:
        for statement in stage.statements:
            for name, var in statement.reads.items():
                outside = frozenset(s for s in var.sites if s.stage != stage.index)
                if outside and not self.is_deleted(name, self.entries[stage.index]):
                    certain = outside == var.sites and name in certain_reads(statement.node)
                    self.add_need(
                        stage, Need(name, var.values, outside, statement.position, var.unbound, statement, certain)
                    )
            if isinstance(statement.node, DEFINITIONS):
                self.soft_names(stage, statement.node, statement.position)
        self.collect_settings(stage)

    def is_deleted(self, name: str, names: dict[str, Var]) -> bool:
        """Whether a name is certainly deleted at the entry or exit of a stage."""
        return name in names and names[name].unbound == 3

    def soft_names(self, stage: StageData, node: ast.stmt, position: int) -> None:
        """What a definition mentions goes with it where that costs no file: imports, definitions, constants."""
        for name in sorted(inner_free_names(node) - stage.needs.keys()):
            var = self.exits[stage.index].get(name)
            if var is None:
                var = self.interpreter.state.get(name)
                if name in BUILTINS or not all(isinstance(s.node, (*DEFINITIONS, *IMPORTS)) for s in var.sites):
                    continue
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
        before.certain = before.certain or need.certain

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
                    if self.repeatable(statement) and not self.is_outdated(statement, stage):
                        stage.repeats.setdefault(statement, set())
                    else:
                        self.findings.append(Finding("NB240", statement, statement.node, domain))

    def is_outdated(self, statement: Statement, stage: StageData) -> bool:
        """Whether a setting holds an object that a stage changed since: made again, it would hold the old one."""
        start = self.start(stage)
        for var in statement.reads.values():
            for obj in self.reach(var.values, start):
                if obj.kind in ("value", "instance") and obj.type not in ("logger", "matplotlib"):
                    changes = [s for s in self.changers.get(obj, ()) if statement.position < s.position < start]
                    if not all(self.repeatable(s) for s in changes):
                        return True
        return False

    def notices(self, stage: StageData, domain: str) -> bool:
        packages: tuple[str, ...]
        if domain.startswith("state of "):
            packages = (domain.removeprefix("state of "),)
        elif domain.startswith("library "):
            packages = (domain.removeprefix("library "),)
        elif domain in NOTICED_BY:
            packages = NOTICED_BY[domain]
        else:
            return True
        if domain == "matplotlib" and any(s.plots or _has_artists(s) for s in stage.statements):
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
        needs, repeats, findings = stage.needs, stage.repeats, len(self.findings)
        while True:
            # What is loaded, or made again from what is loaded, is known better each time; the rest follows from it.
            stage.needs = {name: replace(need) for name, need in needs.items()}
            stage.repeats = {statement: set(names) for statement, names in repeats.items()}
            stage.late = set()
            del self.findings[findings:]
            self.settle_needs(stage)
            groups = self.groups(stage)
            more = [name for group in groups for name in group if name not in stage.files]
            stage.files.update(more)
            if not more and not any(self.rebuild_views(stage, group) for group in groups):
                break
        self.check_order(stage)
        for group in groups:
            self.transfer(stage, group)

    def settle_needs(self, stage: StageData) -> None:
        done: set[str] = set()
        while True:
            self.definitions_of_repeats(stage)
            todo = [n for n in stage.needs if n not in done]
            if not todo:
                return
            for name in todo:
                done.add(name)
                need = stage.needs[name]
                if name in stage.rebuilt:
                    self.rebuild(stage, need)
                elif name in stage.files or not self.can_repeat(stage, self.history(need, stage.index)):
                    self.cross_in_file(stage, name)
                else:
                    self.repeat(stage, need)

    def can_repeat(self, stage: StageData, history: Iterable[Statement]) -> bool:
        """Whether a stage can repeat statements before it loads anything."""
        return all(self.repeatable(s) and not s.binds & stage.rebuilt for s in history)

    def check_order(self, stage: StageData) -> None:
        """A statement that is repeated at the top of a script must not belong behind one of the stage's own."""
        first: dict[str, int] = {}
        for own in stage.statements:
            for name in own.binds | own.reads.keys():
                first.setdefault(name, own.position)
        for statement in stage.repeats:
            if isinstance(statement.node, IMPORTS) or statement.position < self.start(stage):
                continue
            used = [name for name in statement.binds if first.get(name, statement.position) < statement.position]
            if used:
                self.findings.append(Finding("NB246", statement, statement.node, min(used)))

    def cross_in_file(self, stage: StageData, name: str) -> None:
        need = stage.needs[name]
        stage.files.add(name)
        self.definitions_within(stage, need)
        if self.is_definition(need):
            # The source is repeated; what crosses is the state that it has gathered.
            for site in sorted(need.sites, key=lambda s: s.position):
                self.repeat_late(stage, site, name)

    def repeat_late(self, stage: StageData, statement: Statement, name: str) -> None:
        """Repeat a statement after the loads: it reads what crosses in files."""
        stage.repeats.setdefault(statement, set()).add(name)
        for other, var in statement.reads.items():
            need = Need(other, var.values, var.sites, statement.position)
            history = self.history(need, stage.index)
            if other not in stage.files and self.can_repeat(stage, history):
                for each in history:
                    if each is not statement:
                        self.repeat_statement(stage, each, other)
            else:
                stage.late.add(statement)
                entry = self.entries[stage.index].get(other)
                replaced = entry is not None and not entry.unbound and other in plain_defaults(statement.node)
                if entry is None or (entry.sites != var.sites and not replaced):
                    self.findings.append(Finding("NB245", statement, statement.node, name, text=other))
                elif other not in stage.needs:
                    self.add_need(stage, Need(other, entry.values, entry.sites, self.start(stage), entry.unbound))

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
                self.soft_names(stage, statement.node, self.start(stage))
            elif not stage.repeats[statement]:
                self.repeat_statement(stage, statement, "")

    def definitions_within(self, stage: StageData, need: Need) -> None:
        """A value that holds functions or instances of the notebook is loaded where their definitions stand."""
        for obj in sorted(self.reach(need.values, need.before), key=lambda o: getattr(o.node, "lineno", 0)):
            for used in obj.fields.get("formula", ()):
                for each, bound in self.entries[stage.index].items():
                    outside = frozenset(s for s in bound.sites if s.stage != stage.index)
                    if used in bound.values and outside:
                        stage.by_name.add(each)
                        self.add_need(stage, Need(each, bound.values, outside, need.before))
            name = self.name_of_definition(obj, stage)
            var = self.entries[stage.index].get(name)
            if var is None or name == need.name or not any(_outermost(v) == name or v is obj for v in var.values):
                continue
            outside = frozenset(s for s in var.sites if s.stage != stage.index)
            if outside:
                self.add_need(stage, Need(name, var.values, outside, need.before))

    def definitions_of_file(self, stage: StageData, transfer: Transfer) -> None:
        """A file is loaded whole, so the definitions of all its values must stand, not only of those that are used."""
        known = set(stage.needs)
        for name in transfer.names:
            var = self.exits[transfer.stage].get(name)
            if var is not None:
                self.definitions_within(stage, Need(name, var.values, var.sites, self.end(transfer.stage)))
        for name in [n for n in stage.needs if n not in known]:
            need = stage.needs[name]
            if all(self.repeatable(s) for s in self.history(need, stage.index)):
                self.repeat(stage, need)
            else:
                self.refuse(transfer, name, "what another value of the same file needs when it is loaded")
        self.definitions_of_repeats(stage)

    def name_of_definition(self, obj: Obj, stage: StageData) -> str:
        """The global name of a function or class, also of one like `Pair = namedtuple("Pair", ...)`."""
        if obj.kind in ("function", "class") and isinstance(obj.node, DEFINITIONS):
            return _outermost(obj)
        if obj.kind == "value" and obj.type == "class":
            return next((n for n, var in self.entries[stage.index].items() if obj in var.values), "")
        return ""

    # -- views

    def rebuild_views(self, stage: StageData, group: list[str]) -> bool:
        """Views of memory that changes later are made again by their statements: a file would keep them as copies.

        Whether anything was rebuilt, so that the needs have to be looked at again.
        """
        start = self.start(stage)
        clash = self.shared_memory(stage, group, start)
        if not clash:
            return False
        for name in sorted(group, key=lambda n: -max(s.position for s in stage.needs[n].sites)):
            need = stage.needs[name]
            if name not in stage.rebuilt and self.is_view_of(need, clash) and self.can_rebuild(stage, need):
                site = next(iter(need.sites))
                stage.rebuilt |= site.binds
                stage.files -= site.binds
                stage.files |= {n for n, var in site.reads.items() if self.reach(var.values, start) & clash}
                return True
        return False

    def rebuild(self, stage: StageData, need: Need) -> None:
        """Make a view again behind the loads, from what it is a view of."""
        site = next(iter(need.sites))
        self.repeat_late(stage, site, need.name)
        stage.late.add(site)

    def memory(self, values: Iterable[Obj], before: int) -> set[Obj]:
        """What a file would hold: all that is reached, but not what a view is a view of."""
        seen: set[Obj] = set()
        todo = list(values)
        while todo:
            obj = todo.pop()
            if obj in seen:
                continue
            seen.add(obj)
            todo.extend(o for o in obj.contents if obj.since.get(o, -1) < before)
            for name, inner in obj.fields.items():
                if name != "base":
                    todo.extend(inner)
        return seen

    def shared_memory(self, stage: StageData, group: Iterable[str], start: int) -> set[Obj]:
        """Arrays that change later and that a file with these names would hold twice: whole and as a view, or as two."""
        held: set[Obj] = set()
        for name in group:
            if name not in stage.rebuilt:
                held |= self.memory(stage.needs[name].values, start)
        views: dict[Obj, set[Obj]] = defaultdict(set)
        for obj in held:
            for base in _bases(obj):
                views[base].add(obj)
        return {
            base
            for base, parts in views.items()
            if (base in held or len(parts) > 1) and any(self.is_changed(o, start) for o in (base, *parts))
        }

    def is_changed(self, obj: Obj, start: int) -> bool:
        """Whether something other than an unknown call changes an object from a position on."""
        return any(s.position >= start and obj in s.known_changes for s in self.changers.get(obj, ()))

    def is_view_of(self, need: Need, clash: set[Obj]) -> bool:
        return any(base in clash for obj in need.values for base in _bases(obj))

    def can_rebuild(self, stage: StageData, need: Need) -> bool:
        """Whether the one statement that made a view gives the same view when it is run again now."""
        if len(need.sites) != 1:
            return False
        site = next(iter(need.sites))
        node = site.node
        if not isinstance(node, ast.Assign) or (site.impure and not _is_view(node.value)) or site.calls or site.changes:
            return False
        entry = self.entries[stage.index]
        if any(entry.get(n, Var()).sites != {site} for n in site.binds):
            return False
        for name, var in site.reads.items():
            now = entry.get(name)
            if now is None or now.sites != var.sites:
                return False
            changed = [s for o in self.reach(var.values, site.position) for s in self.changers.get(o, ())]
            if any(site.position < s.position < self.start(stage) for s in changed) and not _is_slice(node.value):
                return False
        return True

    # -- groups and transfers

    def groups(self, stage: StageData) -> list[list[str]]:
        """Names that must cross in one file: they may share an object that somebody changes or compares later."""
        start = self.start(stage)
        names = sorted(
            n for n, need in stage.needs.items() if n not in stage.rebuilt and (need.values or n in stage.files)
        )
        owner: dict[Obj, str] = {}
        parent = {name: name for name in names}

        def root(name: str) -> str:
            while parent[name] != name:
                name = parent[name]
            return name

        for name in names:
            for obj in self.reach(stage.needs[name].values, start):
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
        if obj.kind in ("class", "lib") or obj.type == "class":
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
        lost = [s for name in group for s in self.lost_changes(stage, stage.needs[name], version)]
        if lost:
            self.findings.append(Finding("NB241", lost[0], lost[0].node, group[0]))
            return
        clash = self.shared_memory(stage, group, self.start(stage))
        if clash:
            name = next((n for n in group if self.is_view_of(stage.needs[n], clash)), group[0])
            site = max(stage.needs[name].sites, key=lambda s: s.position)
            self.findings.append(Finding("NB244", site, site.node, name))
            return
        for name in group:
            self.hand_over(stage, version, name, group)

    def lost_changes(self, stage: StageData, need: Need, version: int) -> list[Statement]:
        """Changes by statements of no stage that come too late for the stage that saves the object."""
        history = self.history(need, stage.index)
        first = min((s.position for s in history if s.stage is not None), default=self.end(version))
        return [s for s in history if s.stage is None and s.changes and s.position > first]

    def is_definition(self, need: Need) -> bool:
        """Whether a name refers to a function or class of the notebook as its source makes it."""
        return bool(need.sites) and all(isinstance(s.node, DEFINITIONS) for s in need.sites)

    def state_of(self, transfer: Transfer, name: str) -> list[str] | None:
        """Of a function `[]`, of a class the attributes whose values cross; None for any other value."""
        var = self.exits[transfer.stage].get(name, Var())
        if not var.sites or not all(isinstance(s.node, DEFINITIONS) for s in var.sites):
            return None
        attributes: set[str] = set()
        for obj in var.values:
            # The members of an `Enum` cannot be set again.
            members = any(base.path.startswith("enum.") for base in reach(obj.bases))
            for each, inner in obj.fields.items():
                if (
                    obj.kind == "class"
                    and not members
                    and (each in obj.stored or not each.startswith("__"))
                    and not any(o.kind == "function" and o.bases for o in inner)
                ):
                    attributes.add(each)
        return sorted(attributes)

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
        if var.unbound == 3:
            return
        certain = stage.needs[name].certain
        outside = frozenset(s for s in var.sites if s.stage != version)
        if (outside and outside == var.sites) or (outside and var.unbound != 3):
            entry = self.entries[version].get(name, var)
            start = self.start(source)
            passed = certain and outside == var.sites
            self.add_need(source, Need(name, entry.values, entry.sites, start, entry.unbound, None, passed))
        transfer = self.add_transfer(version, stage.index, name, group)
        if certain:
            transfer.certain.add(name)
        if var.unbound and name not in MAIN_STATES.values():
            transfer.unsure.add(name)

    def add_transfer(self, version: int, consumer: int, name: str, group: list[str]) -> Transfer:
        touching = [t for t in self.transfers if t.stage == version and set(t.names) & {name, *group}]
        merged = touching[0] if touching else Transfer(version, [])
        for other in touching[1:]:
            merged.names += [n for n in other.names if n not in merged.names]
            merged.unsure |= other.unsure
            merged.certain |= other.certain
            for who, names in other.consumers.items():
                merged.consumers.setdefault(who, set()).update(names)
            self.transfers.remove(other)
        if not touching:
            self.transfers.append(merged)
        if name not in merged.names:
            merged.names.append(name)
            merged.names.sort()
        merged.consumers.setdefault(consumer, set()).add(name)
        return merged

    # -- what a file is written with

    def kind_of(self, transfer: Transfer) -> str:
        values = frozenset(obj for name in transfer.names for obj in self.exits[transfer.stage].get(name, Var()).values)
        self.check_savable(transfer, values)
        if len(transfer.names) == 1 and not transfer.optional:
            name = transfer.names[0]
            if name in MAIN_STATES.values():
                return name
            if values and all(obj.kind == "value" and obj.type in ("frame", "series") for obj in values):
                return "pandas"
        reached = self.pickled(values, self.end(transfer.stage))
        if any(self.is_local_function(obj, transfer) for obj in reached):
            return "cloudpickle"
        if any(obj.type == "statsmodels" for obj in reached) and not any(obj.kind == "class" for obj in reached):
            return "cloudpickle"  # some of its models hold functions without a name
        plain = (
            len(transfer.names) == 1 and not transfer.optional and self.state_of(transfer, transfer.names[0]) is None
        )
        if plain and values and all(o.kind == "value" and o.type in ("ndarray", "sklearn") for o in reached):
            return "joblib"
        return "pickle"

    def is_untried(self, transfer: Transfer) -> bool:
        """Whether a file holds something of which it is not known that it can be saved."""
        values = {obj for name in transfer.names for obj in self.exits[transfer.stage].get(name, Var()).values}
        held = self.pickled(values, self.end(transfer.stage))
        return any(obj.kind == "lib" or (obj.kind == "value" and obj.type not in SAVABLE) for obj in held)

    def pickled(self, values: Iterable[Obj], before: int) -> set[Obj]:
        """What a pickle holds: functions and classes of the script are in it by name, without what they hold."""
        seen: set[Obj] = set()
        todo = list(values)
        for obj in values:
            if obj.kind == "class":
                todo += [o for inner in obj.fields.values() for o in inner]
            todo += obj.contents if obj.kind in ("class", "function") else ()
        while todo:
            obj = todo.pop()
            if obj in seen:
                continue
            seen.add(obj)
            if obj.kind in ("function", "class") and _outermost(obj):
                continue
            todo.extend(o for o in obj.contents if obj.since.get(o, -1) < before)
            todo.extend(obj.bases)
            for inner in obj.fields.values():
                todo.extend(inner)
        return seen

    def held_by_name(self, transfer: Transfer) -> set[Obj]:
        """The functions and classes that a file holds by name: they are looked up when it is loaded."""
        if transfer.kind == "cloudpickle":
            return set()  # which holds what scripts define whole
        roots: set[Obj] = set()
        for name in transfer.names:
            state = self.state_of(transfer, name)
            values = self.exits[transfer.stage].get(name, Var()).values
            if state is None:
                roots |= values
                continue
            for obj in values:
                attributes = [obj.fields[each] for each in state] if obj.kind == "class" else obj.fields.values()
                roots |= {o for inner in attributes for o in inner} | obj.contents
        held = self.pickled(roots, self.end(transfer.stage))
        return {obj for obj in held if obj.kind in ("function", "class") and not self.is_local_function(obj, transfer)}

    def definition_of(self, obj: Obj) -> tuple[Statement | None, str]:
        """The statement that makes a function or class, and the name under which a pickle finds it."""
        return self.definitions.get(obj.node), _outermost(obj)

    def holds_formula(self, transfer: Transfer) -> bool:
        """Whether a file may hold a model of statsmodels, which looks its formula's names up when it is loaded."""
        exits = self.exits[transfer.stage]
        values = frozenset(obj for name in transfer.names for obj in exits.get(name, Var()).values)
        held = self.pickled(values, self.end(transfer.stage))
        return any(obj.type == "statsmodels" or "formula" in obj.fields for obj in held)

    def is_local_function(self, obj: Obj, transfer: Transfer) -> bool:
        """Whether an object is a function or class that another script cannot find by its name."""
        if obj.kind not in ("function", "class") or (obj.kind == "function" and obj.bases):
            return False
        name = _outermost(obj)
        var = self.exits[transfer.stage].get(name) if name else None
        nested = isinstance(obj.node, DEFINITIONS) and obj.node.name != name
        return var is None or not any(v is obj or (nested and _outermost(v) == name) for v in var.values)

    def check_savable(self, transfer: Transfer, values: frozenset[Obj]) -> None:
        for name in transfer.names:
            reached = self.pickled(self.exits[transfer.stage].get(name, Var()).values, self.end(transfer.stage))
            for obj in reached:
                if obj.type in UNSAVABLE and obj.kind == "value":
                    self.refuse(transfer, name, UNSAVABLE[obj.type])
                    return
                if obj.kind == "instance" and any(self.interpreter.lookup(obj, hook) for hook in PICKLE_HOOKS):
                    self.refuse(transfer, name, "an instance of a class that says itself what is saved of it")
                    return
            var = self.exits[transfer.stage].get(name, Var())
            state = self.state_of(transfer, name)
            if state is not None and ("*" in state or self.changes_methods(var)):
                self.refuse(transfer, name, "attributes that are set under names which are worked out")
                return
            if state is not None and (
                len(var.values) != 1 or getattr(next(iter(var.sites)).node, "decorator_list", [])
            ):
                self.refuse(transfer, name, "state that a decorated or conditional definition keeps between calls")
                return
            local = [o for o in reached if self.is_local_function(o, transfer)]
            own = [o for o in reached if o.kind == "class" and not self.is_local_function(o, transfer)]
            if local and own:
                self.refuse(transfer, name, "a function without a name together with an instance of your class")
                return
            for obj in local:
                self.check_function(transfer, name, obj)

    def changes_methods(self, var: Var) -> bool:
        """Whether a method itself has been given attributes, which cross with neither source nor state."""
        methods = {o for cls in var.values if cls.kind == "class" for inner in cls.fields.values() for o in inner}
        return any(
            not self.repeatable(s)
            for o in methods
            if o.kind == "function" and o.bases
            for s in self.changers.get(o, ())
        )

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
        site = max(var.sites or self.stages[transfer.stage].statements, key=lambda s: s.position)
        self.findings.append(Finding("NB243", site, site.node, name, text=what))


def _outermost(obj: Obj) -> str:
    """The global name under which a pickle finds a function or class: its own, or that of the class around it."""
    if obj.kind not in ("function", "class") or not isinstance(obj.node, DEFINITIONS):
        return ""
    name, frame = obj.node.name, obj.frame
    while frame is not None:
        if not isinstance(frame.scope.node, ast.ClassDef):
            return ""
        name, frame = frame.scope.node.name, frame.parent
    return name


def _has_artists(statement: Statement) -> bool:
    return any(obj.type in ("matplotlib", "statsmodels") for var in statement.reads.values() for obj in var.values)


def _bases(obj: Obj) -> set[Obj]:
    """What an object is a view of, at the end of a chain of views."""
    found: set[Obj] = set()
    todo = list(obj.fields.get("base", ()))
    while todo:
        base = todo.pop()
        if base not in found:
            found.add(base)
            todo.extend(base.fields.get("base", ()))
    return found


def _is_view(node: ast.expr) -> bool:
    """Whether an expression only selects: `a[1:]`, `a.T`, `a.reshape(2, 3)`, or a tuple of such."""
    if isinstance(node, ast.Tuple | ast.List):
        return all(_is_view(e) for e in node.elts)
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Attribute) and _is_view(node.func)
    if isinstance(node, ast.Subscript | ast.Attribute):
        return _is_view(node.value) or isinstance(node.value, ast.Name)
    return False


def _is_slice(node: ast.expr) -> bool:
    """Whether an expression is certainly a view: basic indexing with slices, or a transpose."""
    if isinstance(node, ast.Tuple):
        return all(_is_slice(e) for e in node.elts)
    if isinstance(node, ast.Attribute):
        return node.attr == "T"
    if not isinstance(node, ast.Subscript):
        return False
    parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    return any(isinstance(p, ast.Slice) for p in parts) and all(
        isinstance(p, ast.Slice) or (isinstance(p, ast.Constant) and not isinstance(p.value, bool)) for p in parts
    )
