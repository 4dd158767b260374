"""Which cell uses what of which other one, and what a cut between two cells would carry: from the analysis of the
notebook as one stage."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from nb2stage.analysis.crossings import Need
from nb2stage.analysis.dataflow import Program, is_inert_node
from nb2stage.analysis.objects import Statement, Var
from nb2stage.records import dataclass, field


@dataclass
class Uses:
    """What is known of the cells of a notebook together, by their positions."""

    makers: dict[int, set[int]] = field(default_factory=dict)  # cell -> the cells that make or change what it reads
    # cell -> each name that it reads of another one, and the last cell that makes or changes it so that no script can repeat it
    carried: dict[int, dict[str, int]] = field(default_factory=dict)
    writes: set[int] = field(default_factory=set)  # cells that write files
    draws: set[int] = field(default_factory=set)  # cells that draw random numbers
    makes: dict[int, set[str]] = field(default_factory=dict)  # cell -> the names that it binds
    callers: dict[int, set[int]] = field(default_factory=dict)  # cell -> the cells that use what it defines or imports

    def needed(self, results: Iterable[int]) -> set[int]:
        """Cells and all those that they need."""
        found: set[int] = set()
        todo = list(results)
        while todo:
            cell = todo.pop()
            if cell not in found:
                found.add(cell)
                todo += self.makers.get(cell, ())
        return found

    def crossing(self, cells: set[int]) -> dict[int, set[str]]:
        """Cell -> the names that a cut right behind it would carry, if the stages had these cells only."""
        found: dict[int, set[str]] = defaultdict(set)
        for cell in cells:
            for name, maker in self.carried.get(cell, {}).items():
                for place in range(maker, cell):
                    found[place].add(name)
        return found


def _add(uses: Uses, program: Program, statement: Statement, name: str, var: Var) -> None:
    """Write down who makes or changes what a statement reads under a name."""
    boundaries, mine = program.boundaries, statement.cell
    reached = boundaries.reach(var.values, statement.position)
    for maker in boundaries.history(Need(name, var.values, var.sites, statement.position), None):
        if maker.cell >= mine:
            continue
        if is_inert_node(maker.node):
            uses.callers.setdefault(maker.cell, set()).add(mine)
        elif maker in var.sites or maker.known_changes & reached:
            uses.makers.setdefault(mine, set()).add(maker.cell)
            if not boundaries.repeatable(maker):
                carried = uses.carried.setdefault(mine, {})
                carried[name] = max(carried.get(name, 0), maker.cell)


def uses_of(program: Program) -> Uses:
    """The uses between the cells of an analysed notebook."""
    uses = Uses()
    for statement in program.statements:
        mine = statement.cell
        uses.makes.setdefault(mine, set()).update(() if is_inert_node(statement.node) else statement.binds)
        if statement.draws:
            uses.draws.add(mine)
        for name, var in statement.reads.items():
            _add(uses, program, statement, name, var)
    written: dict[str, int] = {}
    for use in sorted(program.heap.files, key=lambda use: use.statement.position):
        cell = use.statement.cell
        if use.path is not None and use.path in written:
            uses.makers.setdefault(cell, set()).add(written[use.path])
        if use.mode in ("write", "append", "update") and not use.imported:
            uses.writes.add(cell)
            written[use.path or ""] = cell
    uses.makers = {cell: makers - {cell} for cell, makers in uses.makers.items()}
    return uses
