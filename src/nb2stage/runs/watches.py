"""What `verify` looks at, and when: the names of each stage, with the cell after which the notebook has what it has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from nb2stage.analysis.objects import Obj, Statement, reach
from nb2stage.analysis.versions import DEFINITIONS, IMPORTS
from nb2stage.knowledge import generator
from nb2stage.planning.stageplan import StagePlan
from nb2stage.records import dataclass

# Settings that a process can be asked for; the others are said to be left out.
READABLE: Final = frozenset({"matplotlib", "pandas", "numpy", "sklearn", "environ", "decimal", "locale", "recursion"})


@dataclass(frozen=True)
class Watch:
    """What is compared of one stage: names with the cell after which the notebook has what the stage has."""

    plan: StagePlan
    points: Mapping[str, int]  # name -> cell
    # name -> cell and line of the statement that made it what it is; no line where none alone did, as for random states
    places: Mapping[str, tuple[int, int | None]]

    @property
    def last(self) -> int:
        """The stage's last cell."""
        return max(cell.index for cell in self.plan.cells)

    @property
    def cells(self) -> set[int]:
        """The cells after which something is looked at."""
        return {*self.points.values(), *self.plan.metric_cells, self.last}

    @property
    def saved(self) -> set[str]:
        """The names in the stage's cache files."""
        return {name for file in self.plan.saves for name in file.transfer.names}

    @property
    def domains(self) -> list[str]:
        """The kinds of settings that the stage makes or repeats."""
        statements = (*self.plan.data.statements, *self.plan.data.repeats)
        return sorted({domain for statement in statements for domain in statement.sets})


def watches(plans: Sequence[StagePlan]) -> list[Watch]:
    """What is compared, for each stage."""
    objects: dict[str, set[Obj]] = {}
    for plan in plans:
        for statement in plan.data.statements:
            for name, var in statement.reads.items():
                objects.setdefault(name, set()).update(var.values)
    held = {name: reach(values) for name, values in objects.items()}
    return [_watch(plan, [other for other in plans if other is not plan], held) for plan in plans]


def _watch(plan: StagePlan, others: Sequence[StagePlan], held: Mapping[str, set[Obj]]) -> Watch:
    own = sorted(cell.index for cell in plan.cells)
    binders: dict[str, list[int]] = {}
    for statement in plan.data.statements:
        if _binds_values(statement):
            for name in statement.binds:
                binders.setdefault(name, []).append(statement.cell)
    foreign: dict[str, list[int]] = {}
    between = [c.index for other in others for c in other.cells if own[0] < c.index < own[-1]]
    for other in others:
        for statement in other.data.statements:
            for name in statement.binds:
                foreign.setdefault(name, []).append(statement.cell)
    # Parameters and constants of other cells that the stage repeats.
    read = {name for statement in plan.data.statements for name in statement.reads}
    repeated = [name for s in plan.data.repeats if _binds_values(s) for name in sorted(s.binds & read)]
    loaded = [name for file in plan.loads for name in file.consumers[plan.name]]
    saved = [name for file in plan.saves for name in file.transfer.names]
    seeded = {state for s in plan.data.statements for state in _states(s.seeds)}
    points: dict[str, int] = {}
    places: dict[str, tuple[int, int | None]] = {}
    # What a line reads comes before what it binds: of two that differ, the first is the reason.
    for name in dict.fromkeys([*repeated, *loaded, *binders, *saved, *sorted(seeded)]):
        if name not in binders and name not in saved and between:
            continue  # another stage may have changed it meanwhile
        begin = max(binders.get(name, own[:1]))
        rebound = min((cell for cell in foreign.get(name, []) if cell > begin), default=own[-1] + 1)
        points[name] = max(cell for cell in own if cell < rebound)
        before = [s for s in plan.data.statements if s.cell <= points[name]]
        inside = held.get(name, set())
        makers = [s for s in before if (name in s.binds and _binds_values(s)) or not s.known_changes.isdisjoint(inside)]
        makers = makers or [s for s in before if name in s.reads]
        places[name] = (
            (makers[-1].cell, makers[-1].node.lineno) if makers and not name.startswith("<") else (points[name], None)
        )
    return Watch(plan, points, places)


def _binds_values(statement: Statement) -> bool:
    return not isinstance(statement.node, (*IMPORTS, *DEFINITIONS))


def _states(seeds: set[str]) -> set[str]:
    return {each.key for each in map(generator, seeds) if each.readable}
