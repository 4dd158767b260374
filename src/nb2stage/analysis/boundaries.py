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

from nb2stage.analysis.crossings import Need, StageData, Transfer
from nb2stage.analysis.filecontents import FileContents, outermost
from nb2stage.analysis.modules import module_state
from nb2stage.analysis.names import BUILTINS
from nb2stage.analysis.notes import Finding
from nb2stage.analysis.objects import Module, Obj, Statement, Var, is_nested, module_of
from nb2stage.analysis.scopes import certain_reads, inner_free_names, only_derives, plain_defaults
from nb2stage.analysis.settings import Settings
from nb2stage.analysis.versions import DEFINITIONS, IMPORTS
from nb2stage.analysis.views import Views
from nb2stage.analysis.vocabulary import BOUND, DELETED
from nb2stage.knowledge import BY_KEY
from nb2stage.knowledge.generators import Generator
from nb2stage.records import replace


def is_looked_up(obj: Obj) -> bool:
    """Whether loading an object looks something up by its name: a function, a class, what a formula mentions."""
    return obj.kind in ("function", "class") or obj.type == "class" or "formula" in obj.fields


class Boundaries(Settings, Views, FileContents):
    """The transfers between the stages of an interpreted notebook."""

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
            transfer.contents = self.contents_of(transfer)
            transfer.untried = self.is_untried(transfer)
        for stage in self.stages:
            self.check_identities(stage)
            self.check_memory(stage)
            self.check_compiled(stage)

    def collect_reads(self, stage: StageData) -> None:
        for statement in stage.statements:
            for name, var in statement.reads.items():
                outside = frozenset(s for s in var.sites if s.stage != stage.index)
                if module_state(name):
                    need = Need(name, var.values, outside, statement.position, BOUND, statement)
                    if outside or self.can_be_told_apart(var.values):
                        self.add_need(stage, need)
                elif outside and not self.is_deleted(name, self.entries[stage.index]):
                    certain = outside == var.sites and name in certain_reads(statement.node)
                    self.add_need(
                        stage, Need(name, var.values, outside, statement.position, var.unbound, statement, certain)
                    )
            if inner_free_names(statement.node):
                self.soft_names(stage, statement.node, statement.position)
        self.collect_settings(stage)

    def is_deleted(self, name: str, names: dict[str, Var]) -> bool:
        """Whether a name is certainly deleted at the entry or exit of a stage."""
        return name in names and names[name].unbound == DELETED

    def soft_names(self, stage: StageData, node: ast.stmt, position: int) -> None:
        """What a definition mentions goes with it where that costs no file: imports, definitions, constants."""
        for name in sorted(inner_free_names(node) - stage.needs.keys()):
            var = self.exits[stage.index].get(name)
            if var is None:
                var = self.heap.state.get(name)
                if name in BUILTINS or not all(isinstance(s.node, (*DEFINITIONS, *IMPORTS)) for s in var.sites):
                    continue
            outside = frozenset(s for s in var.sites if s.stage != stage.index)
            if outside and outside == var.sites and var.unbound != DELETED:
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
        self.import_for_effects(stage)
        self.check_order(stage)
        for group in groups:
            saved = [name for name in group if not module_state(name)]
            if saved and any(name in stage.files for name in saved):
                self.transfer(stage, saved)

    def import_for_effects(self, stage: StageData) -> None:
        """A module that makes settings, seeds or registers something when it is imported does so in each process.

        The notebook's first import of it stands in each stage that imports it, so that it comes before whatever followed it
        in the notebook.
        """
        done: set[Module] = set()
        while True:
            todo = [m for m in self.modules_of(stage) if m not in done and m.loader is not None]
            if not todo:
                return
            for module in todo:
                done.add(module)
                loader = module.loader
                assert loader is not None
                depends = self.depends_on_changes(loader)
                if loader.stage == stage.index or not (module.effects or module.once or depends):
                    continue
                if not self.repeatable(loader):
                    text = module.once or "makes settings, seeds a generator or uses what calls have changed"
                    self.findings.append(Finding("NB248", loader, loader.node, module.name, text=text))
                else:
                    self.repeat_statement(stage, loader, f"<{module.name}.__name__>")

    def settle_needs(self, stage: StageData) -> None:
        done: set[str] = set()
        for statement in stage.late_settings:
            self.repeat_late(stage, statement, "")
            stage.late.add(statement)
        for need in list(stage.needs.values()):
            for obj in sorted(self.reach(need.values, need.before), key=lambda o: getattr(o.node, "lineno", 0)):
                self.module_of_class(stage, need, obj)
        while True:
            self.definitions_of_repeats(stage)
            todo = [n for n in stage.needs if n not in done]
            if not todo:
                return
            # What statements that are repeated for a module make needs no file.
            for name in sorted(todo, key=lambda n: module_state(n) is None):
                done.add(name)
                need = stage.needs[name]
                if module_state(name):
                    self.repeat_for_module(stage, need)
                elif self.natives(need.values, self.start(stage)) and self.is_remade(stage, need):
                    self.remake(stage, need)
                elif name in stage.rebuilt:
                    self.rebuild(stage, need)
                elif (stream := self.heap.streams.get(name)) and not self.can_repeat(
                    stage, self.history(need, stage.index)
                ):
                    self.refuse_stream(stage, need, stream)
                elif name not in stage.files and self.is_replayed(stage, need):
                    self.repeat(stage, need)
                elif name in stage.files or not self.can_repeat(stage, self.history(need, stage.index)):
                    self.cross_in_file(stage, name)
                else:
                    self.repeat(stage, need)

    def refuse_stream(self, stage: StageData, need: Need, stream: Generator) -> None:
        """A generator whose state cannot be read is drawn from here after an earlier stage."""
        statement = need.statement or stage.statements[0]
        self.findings.append(Finding("NB231", statement, statement.node, stream.title, hint=stream.hint))

    def repeat_for_module(self, stage: StageData, need: Need) -> None:
        """Repeat the statements that made a name of a module what it is."""
        history = self.history(need, stage.index)
        last = next((s for s in reversed(history) if not self.replayable(s)), None)
        why = ""
        if last is not None:
            reached = self.reach(need.values, need.before)
            if last not in need.sites and not last.known_changes & reached and last.changes & reached:
                why = "guess"
        elif need.name in stage.files:
            last, why = need.statement or stage.statements[0], "shared"
        if last is not None:
            module, name = module_state(need.name) or ("", "")
            self.findings.append(Finding("NB247", last, last.node, name, text=module, hint=why))
            return
        self.repeat(stage, need)

    def is_replayed(self, stage: StageData, need: Need) -> bool:
        """Whether all statements that made a version of a name are repeated anyway for what they do to a module."""
        history = self.history(need, stage.index)
        if not any(map(self.changes_module, history)):
            return False
        ours = not need.values.isdisjoint(self.module_values)
        return all(s in stage.repeats or (ours and self.replayable(s)) for s in history)

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
        if self.is_imported_only(stage, need):
            return
        stage.files.add(name)
        self.definitions_within(stage, need)
        if self.is_definition(need):
            # The source is repeated; what crosses is the state that it has gathered.
            for site in sorted(need.sites, key=lambda s: s.position):
                self.repeat_late(stage, site, name)

    def is_imported_only(self, stage: StageData, need: Need) -> bool:
        """Refuse a module of the project, or a function or class of it, that an import does not bring as it is here."""
        here = [o for o in need.values if o.kind == "module" or (module_of(o) is not None and not is_nested(o))]
        if not here:
            return False
        for statement in self.history(need, stage.index):
            for module in self.with_imports(statement.modules):
                if module.once:
                    finding = Finding("NB248", statement, statement.node, module.name, text=module.once)
                    self.findings.append(finding)
                    return True
        owner = module_of(here[0])
        if owner is None:
            return False
        self.repeat_for_module(stage, replace(need, name=f"<{owner.name}.{outermost(here[0])}>"))
        return True

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
                plain = other in plain_defaults(statement.node)
                replaced = entry is not None and not entry.unbound and plain
                # `def f(p=xs[-1])`, and `xs` is empty by now.
                derived = not statement.calls and only_derives(statement.node, other)
                asked = isinstance(statement.node, DEFINITIONS) and not plain and not derived
                changed = asked and self.changes_before(stage, need)
                if entry is None or changed or (entry.sites != var.sites and not replaced):
                    self.findings.append(Finding("NB245", statement, statement.node, name, text=other))
                elif other not in stage.needs:
                    self.add_need(stage, Need(other, entry.values, entry.sites, self.start(stage), entry.unbound))

    def changes_before(self, stage: StageData, need: Need) -> bool:
        """Whether values have changed between the statement that read them and the beginning of a stage."""
        changers = (
            s for o in self.reach(need.values, need.before) if o.type != "class" for s in self.changers.get(o, ())
        )
        return any(need.before < s.position < self.start(stage) and not self.repeatable(s) for s in changers)

    def repeat(self, stage: StageData, need: Need) -> None:
        for statement in self.history(need, stage.index):
            self.repeat_statement(stage, statement, need.name)

    def repeat_statement(self, stage: StageData, statement: Statement, name: str) -> None:
        wanted = stage.repeats.get(statement)
        if wanted is not None and name in wanted:
            return
        stage.repeats.setdefault(statement, set()).add(name)
        if (isinstance(statement.node, IMPORTS) and not statement.modules) or statement.param:
            return
        for other, var in statement.reads.items():
            own = {s for s in var.sites if s.stage == stage.index and not isinstance(s.node, (*IMPORTS, *DEFINITIONS))}
            if statement.stage is None and own:
                # A definition of an untagged cell is written above the cells of the stage, where `other` is not bound yet.
                self.findings.append(Finding("NB245", statement, statement.node, name, text=other))
                continue
            for each in var.sites:
                if each.stage == stage.index and isinstance(each.node, IMPORTS):
                    self.repeat_statement(stage, each, other)  # it stands below what is repeated
            need = Need(other, var.values, var.sites, statement.position)
            for each in self.history(need, stage.index):
                if each is not statement:
                    self.repeat_statement(stage, each, other)

    def definitions_of_repeats(self, stage: StageData) -> None:
        for statement in list(stage.repeats):
            if inner_free_names(statement.node):
                self.soft_names(stage, statement.node, self.start(stage))
            elif not stage.repeats[statement]:
                self.repeat_statement(stage, statement, "")

    def definitions_within(self, stage: StageData, need: Need) -> None:
        """A value that holds functions or instances of the notebook is loaded where their definitions stand."""
        named = (o for o in self.reach(need.values, need.before) if is_looked_up(o))
        for obj in sorted(named, key=lambda o: getattr(o.node, "lineno", 0)):
            self.module_of_class(stage, need, obj)
            for used in obj.fields.get("formula", ()):
                for each, bound in self.entries[stage.index].items():
                    outside = frozenset(s for s in bound.sites if s.stage != stage.index)
                    if used in bound.values and outside:
                        stage.by_name.add(each)
                        self.add_need(stage, Need(each, bound.values, outside, need.before))
            name = self.name_of_definition(obj, stage)
            var = self.entries[stage.index].get(name)
            if var is None or name == need.name or not any(outermost(v) == name or v is obj for v in var.values):
                continue
            outside = frozenset(s for s in var.sites if s.stage != stage.index)
            if outside:
                self.add_need(stage, Need(name, var.values, outside, need.before))

    def module_of_class(self, stage: StageData, need: Need, obj: Obj) -> None:
        """An instance is loaded with the class as its module has it: what changed the class is done again."""
        module = module_of(obj) if obj.kind in ("class", "function") else None
        if module is not None and not is_nested(obj):
            name = f"<{module.name}.{outermost(obj)}>"
            state = Need(name, frozenset({obj}), frozenset(), need.before)
            if name not in stage.needs and self.history(state, stage.index):
                self.add_need(stage, state)

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
            return outermost(obj) if module_of(obj) is None else ""
        if obj.kind == "value" and obj.type == "class":
            return next((n for n, var in self.entries[stage.index].items() if obj in var.values), "")
        return ""

    def check_identities(self, stage: StageData) -> None:
        """A text or number that was loaded is equal to what was saved, but another object."""
        for statement in stage.statements:
            for node, names in statement.atom_identities:
                loaded = self.loaded_for(stage, statement, names)
                if loaded:
                    text = "what is compared with `is` later, which asks for the very same object"
                    self.findings.append(Finding("NB243", statement, node, loaded, text=text))

    def check_memory(self, stage: StageData) -> None:
        """A view that was loaded has memory of its own, which can be written and lies in order."""
        for statement in stage.statements:
            for node, obj in statement.memory_asked:
                for name, var in sorted(statement.reads.items()):
                    if obj in var.values and name in stage.files and any(s.stage != stage.index for s in var.sites):
                        text = "flags and strides of an array, which a later stage asks for and no file keeps"
                        self.findings.append(Finding("NB243", statement, node, name, text=text))

    def check_compiled(self, stage: StageData) -> None:
        """A compiled function keeps the globals of its first call; a later stage compiles it anew, with those of then."""
        for fn, calls in self.heap.compiled_calls.items():
            first, last = calls[0][0].position, max(statement.position for statement, _ in calls)
            mine = [statement for statement, _ in calls if statement.stage == stage.index]
            if not mine or all(statement.stage == stage.index for statement, _ in calls):
                continue
            for name in sorted(calls[0][1]):
                found = [names[name] for _, names in calls if name in names]
                changed = any(
                    first < s.position <= last
                    for obj in self.reach(frozenset().union(*(var.values for var in found)), last)
                    if obj.kind in ("value", "instance")
                    for s in self.changers.get(obj, ())
                )
                if changed or len({var.sites for var in found}) > 1:
                    own = fn.node.name if isinstance(fn.node, DEFINITIONS) else "the function"
                    self.findings.append(Finding("NB245", mine[0], mine[0].node, own, text=name, hint="compiled"))

    def loaded_for(self, stage: StageData, statement: Statement, names: set[str] | None) -> str:
        """A name that a stage loads, from which what `names` refer to in a statement may come; empty if there is none."""
        todo, seen = [(statement, names)], {statement}
        while todo:
            each, wanted = todo.pop()
            for name, var in sorted(each.reads.items()):
                if wanted is not None and name not in wanted:
                    continue
                if name in stage.files and any(s.stage != stage.index for s in var.sites):
                    return name
                history = self.history(Need(name, var.values, var.sites, each.position), None)
                todo += [(s, None) for s in history if s.stage == stage.index and s not in seen]
                seen.update(history)
        return ""

    # -- groups and transfers

    def is_remade(self, stage: StageData, need: Need) -> bool:
        """Whether a stage makes anew, behind its loads, what no file keeps."""
        if self.can_repeat(stage, self.history(need, stage.index)):
            return False  # before them
        reason = self.hindrance(stage, need)
        if reason:
            self.hindrances[stage.index, need.name] = reason
        return not reason

    def remake(self, stage: StageData, need: Need) -> None:
        """Make a value anew behind the loads, by all statements that made it."""
        makers = self.makers(stage, need)
        stage.rebuilt |= {need.name, *(name for s in makers for name in s.binds)}
        stage.files -= stage.rebuilt
        for statement in makers:
            self.repeat_late(stage, statement, need.name)
            stage.late.add(statement)

    def rebuild(self, stage: StageData, need: Need) -> None:
        """Make a view again behind the loads, from what it is a view of."""
        site = next(iter(need.sites))
        self.repeat_late(stage, site, need.name)
        stage.late.add(site)

    def is_definition(self, need: Need) -> bool:
        """Whether a name refers to a function or class of the notebook as its source makes it."""
        return bool(need.sites) and all(isinstance(s.node, DEFINITIONS) for s in need.sites)

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

        reached = {name: self.reach(stage.needs[name].values, start) for name in names}
        tied = {o for found in reached.values() for o in found if o.kind == "value" and self.is_tied(o)}
        held = self.reach(frozenset(tied), start)
        for name in names:
            for obj in reached[name]:
                if obj.kind in ("lib", "module") or not (obj in held or self.matters(obj, start)):
                    continue
                if obj in owner:
                    parent[root(name)] = root(owner[obj])
                else:
                    owner[obj] = name
        together: dict[str, list[str]] = defaultdict(list)
        for name in names:
            together[root(name)].append(name)
        return [group for group in together.values() if any(n in stage.files for n in group)]

    def is_tied(self, obj: Obj) -> bool:
        """Whether values of a type show what they share, though nobody changes it: correlated numbers, charts of one frame."""
        return "together" in (self.heap.known.crossing(obj.type) or "").split()

    def matters(self, obj: Obj, start: int) -> bool:
        """Whether sharing this object can be noticed from a position on."""
        if obj.kind in ("class", "lib", "module") or obj.type == "class":
            return False
        if obj.kind == "instance" or obj.type == "object":
            return True
        if obj in self.heap.identities and not self.is_found_by_name(obj):
            return True
        return bool(self.changed_at.get(obj, 0) >> start)

    def is_found_by_name(self, obj: Obj) -> bool:
        """Whether a function is one and the same for all of a script: its source makes it, and files hold its name."""
        name = outermost(obj)
        return bool(name) and obj.kind == "function" and self.heap.state.get(name).values == {obj}

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
        """What statements of no stage bind or change too late for the stage that saves the object."""
        history = self.history(need, stage.index)
        first = min((s.position for s in history if s.stage is not None), default=self.end(version))
        late = [s for s in need.sites if s.stage is None and s.position >= self.end(version)]
        return late + [s for s in history if s.stage is None and s.changes and s.position > first]

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
        if var.unbound == DELETED:
            return
        certain = stage.needs[name].certain
        outside = frozenset(s for s in var.sites if s.stage != version)
        if outside:
            entry = self.entries[version].get(name, var)
            start = self.start(source)
            passed = certain and outside == var.sites
            self.add_need(source, Need(name, entry.values, entry.sites, start, entry.unbound, None, passed))
        transfer = self.add_transfer(version, stage.index, name, group)
        if certain:
            transfer.certain.add(name)
        if var.unbound and name not in BY_KEY:
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
