"""Values that no file keeps, made anew in a later stage: the statements that made them run again behind the loads.

A connection, a `DMatrix`, a compiled function.  That is faithful where the statements do nothing else that could be
noticed, and read now what they read then.
"""

from __future__ import annotations

from nb2stage.analysis.crossings import Need, StageData
from nb2stage.analysis.objects import Obj, Statement, Var
from nb2stage.analysis.randomness import FOLLOWING
from nb2stage.analysis.versions import REPEATABLE, Versions
from nb2stage.analysis.vocabulary import CHUNKS, DELETED, MEMMAP
from nb2stage.knowledge import BY_KEY

AGAIN = "again "
BY_MARK = {
    MEMMAP: AGAIN + "an array whose memory is a file (a memmap)",
    CHUNKS: AGAIN + "a reader that gives a file in parts",
}
CHANGING = frozenset({"write", "append", "update", "remove", "unknown"})


class Remaking(Versions):
    """Finds out what can be made anew, and why something cannot."""

    def is_native(self, obj: Obj) -> bool:
        """Whether an object is of a type that no file keeps and that its statements can make anew."""
        if obj.type in FOLLOWING and (obj not in self.heap.drawn_from or "random_state" in obj.stored):
            return False
        return obj.kind == "value" and (self.crossing_of(obj) or "").startswith(AGAIN)

    def crossing_of(self, obj: Obj) -> str | None:
        """How a value crosses into another process; None where nobody knows."""
        return BY_MARK.get(obj.mark) or self.heap.known.crossing(obj.type)

    def natives(self, values: frozenset[Obj], before: int) -> set[Obj]:
        """What is certainly held of objects that no file keeps: not what only an unknown call may have linked."""
        if any(obj.kind == "value" and not obj.type for obj in values):
            return set()
        seen: set[Obj] = set()
        todo = [obj for obj in values if obj.kind != "lib"]
        while todo:
            obj = todo.pop()
            if obj in seen or obj.kind in ("function", "class", "lib"):
                continue
            seen.add(obj)
            todo += obj.contents_before(before) - obj.guessed
            todo += [o for name, inner in obj.fields.items() if name != "base" for o in inner]
        return {obj for obj in seen if self.is_native(obj)}

    def makers(self, stage: StageData, need: Need) -> list[Statement]:
        """The statements outside a stage that made a value, and what in it no file keeps, as it is at its start."""
        start = self.start(stage)
        found = {s for s in need.sites if s.stage != stage.index}
        for obj in {o for o in need.values if o.kind in ("value", "instance")} | self.natives(need.values, start):
            if obj.certain_view and obj.fields.get("base"):
                continue  # what was done to it lies in what it is a view of
            found |= {s for s in self.changers.get(obj, ()) if s.stage != stage.index and s.position < need.before}
        return sorted(found, key=lambda s: s.position)

    def hindrance(self, stage: StageData, need: Need) -> str:
        """Why a value cannot be made anew in a stage, for a reader; empty where it can."""
        makers = self.makers(stage, need)
        for statement in makers:
            if statement.once or statement.plots or not isinstance(statement.node, REPEATABLE):
                return "it is made by code that cannot run twice"
            if statement.draws:
                return "it is made with random numbers"
            if reason := self.file_hindrance(stage, statement) or self.binding_hindrance(stage, need, statement):
                return reason
            for name, var in sorted(statement.reads.items()):
                if reason := self.reading_hindrance(stage, need, statement, name, var, makers):
                    return reason
        return ""

    def file_hindrance(self, stage: StageData, statement: Statement) -> str:
        for use in self.heap.files if statement in self.files_of else ():
            if use.statement is not statement:
                continue
            if use.mode not in ("read", "connect", "probe", "glob") or use.path is None:
                return "the code that makes it writes a file, or one whose path is not known"
            changed = any(
                other.path == use.path
                and other.mode in CHANGING
                and statement.position < other.statement.position < self.end(stage.index)
                for other in self.heap.files
            )
            if changed and use.mode != "connect":
                return f"`{use.path}` is written again after it has been read"
        return ""

    def binding_hindrance(self, stage: StageData, need: Need, statement: Statement) -> str:
        """What else a statement binds must be what it made: no other version, and nothing that has changed since."""
        start = self.start(stage)
        for name in sorted(statement.binds):
            var = self.entries[stage.index].get(name)
            if var is None or var.unbound == DELETED:
                continue
            values = frozenset(o for o in var.values if o.kind != "lib")
            if name == need.name:
                continue
            if var.sites != {statement} or (values and not self.natives(values, start) >= values):
                return f"the same code makes `{name}`"
        return ""

    def reading_hindrance(
        self, stage: StageData, need: Need, statement: Statement, name: str, var: Var, makers: list[Statement]
    ) -> str:
        """What a statement reads must be now what it was then."""
        start = self.start(stage)
        if name in BY_KEY:
            return "it is made with random numbers"
        if all(s.stage is None and self.repeatable(s) for s in var.sites) and self.is_fixed(statement, name, var):
            return ""
        entry = self.entries[stage.index].get(name)
        if entry is None or entry.unbound or entry.sites != var.sites:
            return f"`{name}`, which it is made from, is bound again later"
        view = [
            obj for obj in need.values if obj.certain_view and not var.values.isdisjoint(obj.fields.get("base", ()))
        ]
        if view:
            return ""  # of what it is now
        for obj in self.reach(var.values, statement.position):
            for s in self.changers.get(obj, ()):
                if statement.position < s.position < start and s not in makers:
                    return f"`{name}`, which it is made from, changes later"
        return ""

    def is_fixed(self, statement: Statement, name: str, var: Var) -> bool:
        """Whether a name that statements of no stage bind is bound by no other."""
        return self.heap.state.get(name).sites == var.sites and not any(
            self.changers.get(obj) for obj in self.reach(var.values, statement.position) if obj.kind != "lib"
        )
