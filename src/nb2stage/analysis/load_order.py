"""In which order a script loads its files and repeats the statements that need them.

A pickle holds functions and classes by name, so their definitions must stand before it is loaded; a definition may need
a loaded value when it runs: `class Model: weights = w`.
"""

from __future__ import annotations

from nb2stage.analysis.boundaries import Boundaries
from nb2stage.analysis.crossings import Round, StageData, Transfer
from nb2stage.analysis.objects import Obj, Statement, Var


class LoadOrder:
    """Arranges the loads of one stage."""

    def __init__(self, boundaries: Boundaries, stage: StageData) -> None:
        self.boundaries, self.stage = boundaries, stage
        self.transfers = [t for t in boundaries.transfers if stage.index in t.consumers]

    def arrange(self) -> list[Round]:
        """The rounds; what cannot be loaded since its definition does not stand is a finding."""
        needed = [self.needed(transfer) for transfer in self.transfers]
        rounds: list[Round] = []
        loads = list(range(len(self.transfers)))
        late = sorted(self.stage.late & self.stage.repeats.keys(), key=lambda s: s.position)
        while loads or late:
            now = [n for n in loads if not needed[n] & set(late)]
            loads = [n for n in loads if n not in now]
            waiting = {name for n in loads for name in self.values_of(self.transfers[n])}
            ready: list[Statement] = []
            for statement in late:
                if not waiting & (statement.reads.keys() | statement.binds):
                    ready.append(statement)
                else:
                    waiting |= statement.binds
            late = [s for s in late if s not in ready]
            if not now and not ready:
                site = next(iter(sorted(needed[loads[0]] & set(late), key=lambda s: s.position)))
                self.boundaries.refuse(self.transfers[loads[0]], min(site.binds), "what its own definition needs")
                break
            rounds.append(Round([self.transfers[n] for n in now], ready))
        return rounds

    def values_of(self, transfer: Transfer) -> set[str]:
        """The names that loading a file binds: the state of a definition waits until the definition stands."""
        names = transfer.consumers[self.stage.index]
        return {name for name in names if self.boundaries.state_of(transfer, name) is None}

    def needed(self, transfer: Transfer) -> set[Statement]:
        """The definitions that a file needs when it is loaded; one that is not repeated yet is repeated too."""
        found: set[Statement] = set()
        for obj in sorted(self.boundaries.held_by_name(transfer), key=lambda o: getattr(o.node, "lineno", 0)):
            statement, name = self.boundaries.definition_of(obj)
            if statement is None:
                continue
            if statement not in self.stage.repeats and self.boundaries.repeatable(statement):
                self.boundaries.repeat_statement(self.stage, statement, name)
            last = max((s.position for s in self.stage.repeats if name in s.binds), default=-1)
            if last != statement.position:
                what = f"what `{name}` was before it was bound again"
                if statement.node is not obj.node and statement not in self.stage.repeats:
                    what = f"`{name}`, which is defined inside a statement that cannot be repeated"
                self.boundaries.refuse(transfer, self.holder(transfer, obj), what)
            found.add(statement)
        return found

    def holder(self, transfer: Transfer, obj: Obj) -> str:
        """The name in a file that an object belongs to."""
        exits, end = self.boundaries.exits[transfer.stage], self.boundaries.end(transfer.stage)
        for name in transfer.names:
            if obj in self.boundaries.pickled(exits.get(name, Var()).values, end):
                return name
        return transfer.names[0]
