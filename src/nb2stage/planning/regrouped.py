"""Cells of one stage between which another stage changes what they use: the later ones get a stage of their own.

In memory first, so that what the finding says to do is known to convert.
"""

from __future__ import annotations

from collections.abc import Sequence

from nb2stage.diagnostics import CellNote, Diagnostic
from nb2stage.planning.untagged import Again, Attempt, first_line, listed, tagged
from nb2stage.reading.notebook import Cell
from nb2stage.reading.stages import STAGES
from nb2stage.reading.tags import CellRole
from nb2stage.texts.wording import spans

CODE = "NB206"
_ROUNDS = 5


def with_regrouped(first: Attempt, again: Again) -> tuple[Attempt, list[Diagnostic]]:
    """The attempt in which no cell changes places with one that it depends on, and a finding for each stage to be split."""
    tags: dict[int, tuple[str, str]] = {}  # cell -> the stage that it has, and the one that it is to get
    clashes: dict[int, dict[int, str]] = {}  # cell -> the cells that it would run before, and what both use
    now = first
    for _ in range(_ROUNDS):
        new = _moved(now, clashes)
        if not new:
            break
        cells = {cell.index: cell for cell in now.notebook.cells}
        for number, (old, stage) in new.items():
            tags[number] = (tags.get(number, (old, ""))[0], stage)
        now = again(tagged(now.notebook, {n: (cells[n], _tag(old)) for n, (old, _) in new.items()}, _names(new)), True)
    if not tags or any(finding.code == CODE for finding in now.diagnostics):
        return first, []
    return now, _findings(first, tags, clashes, not now.errors)


def _names(stages: dict[int, tuple[str, str]]) -> dict[int, str]:
    return {number: f"stage:{stage}" for number, (_, stage) in stages.items()}


def _tag(stage: str) -> str:
    return stage if stage in STAGES else f"stage:{stage}"


def _moved(attempt: Attempt, clashes: dict[int, dict[int, str]]) -> dict[int, tuple[str, str]]:
    """The cells that would change places, with their neighbours of the same stage: their stage, and a new one."""
    stages = [(role.cell.index, role.stage) for role in attempt.roles if role.stage is not None]
    taken = {stage for _, stage in stages}
    found: dict[int, tuple[str, str]] = {}
    for finding in attempt.program.findings if attempt.program is not None else ():
        later = finding.statement.cell
        if finding.code != CODE or later not in dict(stages):
            continue
        clashes.setdefault(later, {})[int(finding.hint)] = finding.name
        if later in found:
            continue
        stage = dict(stages)[later]
        assert stage is not None
        name = next(name for n in range(2, 100) if (name := f"{stage}_{n}") not in taken)
        taken.add(name)
        found |= dict.fromkeys(_run(stages, later), (stage, name))
    return found


def _run(stages: Sequence[tuple[int, str | None]], number: int) -> list[int]:
    """The cells of one stage around a cell, between which no other stage has one."""
    place = next(i for i, (index, _) in enumerate(stages) if index == number)
    stage = stages[place][1]
    first = last = place
    while first > 0 and stages[first - 1][1] == stage:
        first -= 1
    while last + 1 < len(stages) and stages[last + 1][1] == stage:
        last += 1
    return [index for index, _ in stages[first : last + 1]]


def _findings(
    first: Attempt, tags: dict[int, tuple[str, str]], clashes: dict[int, dict[int, str]], converts: bool
) -> list[Diagnostic]:
    """One finding for each run of cells that gets a stage of its own."""
    cells = {cell.index: cell for cell in first.notebook.cells}
    found = []
    for stage in dict.fromkeys(new for _, new in tags.values()):
        run = sorted(number for number, (_, new) in tags.items() if new == stage)
        old = tags[run[0]][0]
        others = sorted({other for number in run for other in clashes.get(number, {})})
        things = dict.fromkeys(what for number in run for what in clashes.get(number, {}).values())
        who = "this cell" if len(run) == 1 else f"cells {spans(run)}"
        cell_word = "cell" if len(others) == 1 else "cells"
        message = (
            f"{who} of `{old}` would run before {cell_word} {spans(others)} of {_stages(first.roles, others)}, "
            f"which {'uses' if len(others) == 1 else 'use'} {listed(list(things)[:3])} too"
        )
        hint = f"tag {'it' if len(run) == 1 else 'them'} `stage:{stage}`" + ", and the notebook converts" * converts
        notes = tuple(_note(cells[number], old, stage, clashes.get(number, {})) for number in run)
        found.append(Diagnostic(CODE, message, hint, path=first.notebook.path, cell=run[0], stage=old, cells=notes))
    return found


def _stages(roles: Sequence[CellRole], numbers: Sequence[int]) -> str:
    by_cell = {role.cell.index: role.stage or role.role.value for role in roles}
    return listed([f"`{stage}`" for stage in dict.fromkeys(by_cell[number] for number in numbers)])


def _note(cell: Cell, old: str, new: str, clashes: dict[int, str]) -> CellNote:
    things = listed(list(dict.fromkeys(clashes.values()))[:3])
    why = f"uses {things}" if things else "follows"
    return CellNote(cell.index, f"stage:{new}", why, first_line(cell.source), _tag(old))
