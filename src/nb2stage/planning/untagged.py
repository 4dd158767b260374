"""Cells outside the pipeline that its stages need: all of them at once, each with the tag that makes it convert.

A stage that uses `X`, which an untagged cell makes of `df`, which another one reads from a file, needs both.  They are given
tags in memory until nothing is missing; the tags that are proposed are those with which the notebook was found to convert.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from nb2stage.analysis.dataflow import Program, SourceCell, is_inert_node, is_parameter, literal
from nb2stage.analysis.notes import Finding
from nb2stage.diagnostics import CellNote, Diagnostic
from nb2stage.patterns import Pattern
from nb2stage.planning.messages import stores
from nb2stage.reading.notebook import Cell, Notebook
from nb2stage.reading.stages import STAGES
from nb2stage.reading.tags import CellRole, Role, directive_lines
from nb2stage.records import dataclass, field, replace
from nb2stage.texts.wording import spans
from nb2stage.trees import walk

# The codes of findings about one cell without a stage; their hint is its number.
CODES: Final = ("NB202", "NB204", "NB207")
_LEFT_OUT: Final = frozenset({"skip", "explore", "hpo"})
# What a cell does by the look of it, in the order of a pipeline.
_KINDS: Final = ("import", "preprocess", "train", "evaluate")
_READS: Final = Pattern(r"(read|load|fetch|open)_\w+|load|loadtxt|genfromtxt|imread|open_dataset")


@dataclass
class Attempt:
    """A conversion in memory: what was found, and as far as it came the analysis."""

    notebook: Notebook
    roles: Sequence[CellRole]
    names: Sequence[str]  # of the stages
    tags: Sequence[str] = ()  # of their cells
    program: Program | None = None
    diagnostics: list[Diagnostic] = field(default_factory=list)

    @property
    def errors(self) -> list[Diagnostic]:
        """The findings that forbid writing."""
        return [finding for finding in self.diagnostics if finding.forbids_writing]

    @property
    def lacking(self) -> list[Diagnostic]:
        """The errors that other tags might spare; cells that change places get theirs in a later step."""
        return [finding for finding in self.errors if finding.code != "NB206"]


@dataclass
class Need:
    """A cell outside the pipeline that is needed: what it does by the codes of the findings, and the cells that need it."""

    cell: Cell
    instead: str = ""  # the tag that keeps it out
    does: dict[str, list[str]] = field(default_factory=dict)
    users: dict[int, None] = field(default_factory=dict)

    def add(self, code: str, name: str, user: int) -> None:
        """Write down what the cell does by a code, and a cell that needs it."""
        names = self.does.setdefault(code, [])
        if name not in names:
            names.append(name)
        self.users[user] = None


Again = Callable[[Notebook, bool], Attempt]  # a notebook, and whether to plan its files too -> what comes of it


def with_needed(first: Attempt, again: Again) -> tuple[Attempt, list[Diagnostic]]:
    """The attempt with tags on all cells that are needed, and one finding that tells them, if there are any."""
    needs, last = _closure(first, again)
    if not needs or last.program is None:
        return first, []
    lost = {number: (need.cell, need.instead) for number, need in needs.items()}
    best: Attempt | None = None
    tags: dict[int, str] = {}
    tried: list[dict[int, str]] = []
    for candidate in _candidates(last.program, first.roles, needs):
        if candidate in tried:
            continue
        tried.append(candidate)
        made = again(tagged(first.notebook, lost, candidate), True)
        if best is None or len(made.lacking) < len(best.lacking):
            best, tags = made, candidate
        if not made.lacking:
            break
    assert best is not None
    return best, [_finding(first, needs, tags, bool(best.lacking))]


# -- which cells


def _closure(first: Attempt, again: Again) -> tuple[dict[int, Need], Attempt]:
    """The cells that are needed, those that these need, and so on; the attempt in which nothing is missing."""
    needs: dict[int, Need] = {}
    now = first
    for _ in first.notebook.cells:
        if now.program is None:
            break
        before = len(needs)
        for finding in now.program.findings:
            _note(first, now, needs, finding)
        if len(needs) == before:
            break
        lost = {number: (need.cell, need.instead) for number, need in needs.items()}
        now = again(tagged(first.notebook, lost, _by_gap(first.roles, needs)), False)
    return dict(sorted(needs.items())), now


def _note(first: Attempt, now: Attempt, needs: dict[int, Need], finding: Finding) -> None:
    """Write down the cell that a finding says is missing."""
    if finding.code == "NB204" and finding.text == "perhaps":
        return
    if finding.code in CODES:
        number, code = int(finding.hint), finding.code
    elif finding.code == "NB201" and (binder := _left_out_binder(first, finding)):
        number, code = binder, "NB202"
    else:
        return
    cell = next(cell for cell in first.notebook.cells if cell.index == number)
    instead = next((tag for tag in cell.tags if tag in _LEFT_OUT), "")
    need = needs.setdefault(number, Need(cell, instead))
    need.add("file" if finding.text == "file" else code, finding.name, finding.statement.cell)
    if now.program is not None:
        _note_made_of(first, needs, number, now.program.heap.shadow_needs)


def _note_made_of(
    first: Attempt, needs: dict[int, Need], number: int, edges: Mapping[int, Mapping[int, set[str]]]
) -> None:
    """Write down the untagged cells of which an untagged cell makes what it makes, and those of which these do."""
    cells = {cell.index: cell for cell in first.notebook.cells}
    todo = [number]
    while todo:
        user = todo.pop()
        for maker, names in edges.get(user, {}).items():
            if maker not in needs:
                todo.append(maker)
                needs[maker] = Need(cells[maker])
            for name in sorted(names):
                needs[maker].add("NB202", name, user)


def _left_out_binder(first: Attempt, finding: Finding) -> int | None:
    """The last cell tagged `skip` or so that binds the name of a finding, of those before it."""
    assert first.program is not None
    found = None
    for cell in first.program.cells:
        if cell.index >= finding.statement.cell:
            continue
        is_out = cell.role.role in (Role.SKIP, Role.UNTAGGED) and cell.role.explicit
        if is_out and _LEFT_OUT & set(cell.role.cell.tags) and finding.name in stores(cell.tree):
            found = max(found or 0, cell.index)
    return found


def tagged(notebook: Notebook, lost: Mapping[int, tuple[Cell, str]], tags: Mapping[int, str]) -> Notebook:
    """The notebook with more tags; the tag in `lost` is taken off, be it one of Jupyter's or a `#|` line."""
    return Notebook(
        notebook.path,
        tuple(
            _retagged(cell, lost[cell.index][1], tags[cell.index]) if cell.index in tags else cell
            for cell in notebook.cells
        ),
    )


def _retagged(cell: Cell, lost: str, tag: str) -> Cell:
    if not lost or lost in cell.tags or f"stage:{lost}" in cell.tags:
        kept = tuple(each for each in cell.tags if each not in (lost, f"stage:{lost}"))
        return replace(cell, tags=(*kept, tag))
    lines = cell.source.split("\n")
    numbers = directive_lines(cell.source)
    for number in sorted(numbers):
        lines[number - 1] = re.sub(
            r"(stage:\s*)(stage:\s*)?[\w-]+", rf"\g<1>{tag.removeprefix('stage:')}", lines[number - 1]
        )
    return replace(cell, source="\n".join(lines))


# -- which tags


def _gaps(roles: Sequence[CellRole], needs: Iterable[int]) -> Iterator[tuple[int, str | None, str | None]]:
    """Each cell with the stages of the tagged cells before and behind it."""
    staged = [(role.cell.index, role.stage) for role in roles if role.stage is not None]
    for number in needs:
        left = next((stage for index, stage in reversed(staged) if index < number), None)
        right = next((stage for index, stage in staged if index > number), None)
        yield number, left, right


def _by_gap(roles: Sequence[CellRole], needs: Iterable[int]) -> dict[int, str]:
    """A stage for all cells between two tagged ones, so that nothing changes places."""
    return {
        number: _tag(left) if left is not None and left == right else f"stage:between_{left or ''}_and_{right or ''}"
        for number, left, right in _gaps(roles, needs)
    }


def _tag(stage: str) -> str:
    return stage if stage in STAGES else f"stage:{stage}"


def _candidates(program: Program, roles: Sequence[CellRole], needs: Mapping[int, Need]) -> Iterator[dict[int, str]]:
    """Tags for the needed cells, the best first.  Within a gap the stages never go back, so no cell changes places."""
    cells = program.cell_at
    apart = outside_stages(program, needs)
    setup = dict.fromkeys(apart, "setup")
    by_kind = _by_kind(program, roles, [n for n in needs if n not in apart])
    yield by_kind | apart
    yield by_kind | setup
    yield _by_kind(program, roles, [n for n in needs if n in cells])
    for side in (1, 0):
        whole = {n: _tag((gap[side] or gap[1 - side]) or "preprocess") for n, *gap in _gaps(roles, needs)}
        yield whole | setup
        yield whole


def outside_stages(program: Program, needs: Iterable[int]) -> dict[int, str]:
    """The cells of constants, as `parameters`, and those of settings, as `setup`."""
    found: dict[int, str] = {}
    binders = Counter(name for cell in program.cells for s in cell.statements for name in s.binds)
    changed = {obj for cell in program.cells for s in cell.statements for obj in s.changes}
    for number in needs:
        cell = program.cell_at.get(number)
        statements = [s for s in cell.statements if not is_inert_node(s.node)] if cell else []
        if not cell or not statements:
            continue
        if all(
            is_parameter(s.node) and _is_scalar(s.node) and all(binders[n] == 1 for n in s.binds) for s in statements
        ):
            found[number] = "parameters"
        elif _is_setup(program, cell, found) and not any(
            obj in changed for s in statements for name in s.binds for obj in _values(program, name, s.cell)
        ):
            found[number] = "setup"
    return found


def _values(program: Program, name: str, cell: int) -> Iterable[object]:
    """The objects that a name refers to wherever it is read and that cell has bound it."""
    for statement in program.statements:
        var = statement.reads.get(name)
        if var is not None and any(site.cell == cell for site in var.sites):
            yield from var.values


def _is_scalar(node: ast.stmt) -> bool:
    value = getattr(node, "value", None)
    return isinstance(value, ast.expr) and isinstance(literal(value), str | int | float | None)


def _is_setup(program: Program, cell: SourceCell, outside: Mapping[int, str]) -> bool:
    """Whether a cell only makes settings and cheap values of constants."""
    files = {use.statement for use in program.heap.files}
    for statement in cell.statements:
        if statement.draws or statement.impure or statement.loops or statement.plots or statement in files:
            return False
        if statement.changes and not (statement.sets or statement.seeds):
            return False
        if isinstance(statement.node, ast.Expr) and not (statement.sets or statement.seeds):
            return False
        for var in statement.reads.values():
            if any(not (s.cell in outside or s.cell == cell.index or is_inert_node(s.node)) for s in var.sites):
                return False
    return any(s.sets or s.seeds for s in cell.statements) or all(
        isinstance(s.node, ast.Assign | ast.AnnAssign) or is_inert_node(s.node) for s in cell.statements
    )


def _by_kind(program: Program, roles: Sequence[CellRole], needs: Sequence[int]) -> dict[int, str]:
    """Stages by what the cells do by the look of them."""
    mine = {role.stage for role in roles if role.stage is not None}
    found: dict[int, str] = {}
    trained = False
    place: tuple[str | None, str | None] = (None, None)
    at = 0
    reads = next((n for n in needs if _kind(program.cell_at[n], trained) == "import"), 0)
    for number, left, right in _gaps(roles, needs):
        if (left, right) != place:
            place, at = (left, right), 0
        allowed = _allowed(left, right, mine)
        trained = trained or (left in STAGES and STAGES.index(left) >= STAGES.index("train"))
        wanted = STAGES.index("import" if number <= reads else _kind(program.cell_at[number], trained))
        at = next((i for i in range(at, len(allowed)) if _rank(allowed[i], i) >= wanted), len(allowed) - 1)
        trained = trained or allowed[at] == "train"
        found[number] = _tag(allowed[at])
    return found


def _allowed(left: str | None, right: str | None, mine: Iterable[str | None]) -> list[str]:
    """The stages that cells between two tagged ones may get, in order."""
    low = STAGES.index(left) if left in STAGES else -1
    high = STAGES.index(right) if right in STAGES else len(STAGES)
    between = [kind for kind in _KINDS if low < STAGES.index(kind) < high and kind not in mine]
    if left is not None and (left not in STAGES or right not in STAGES):
        between = []
    found = [*([left] if left is not None else []), *between, *([right] if right is not None else [])]
    return list(dict.fromkeys(found)) or ["preprocess"]


def _rank(stage: str, place: int) -> int:
    """Where a stage stands in a pipeline; one of the user's own stands where it stands."""
    return STAGES.index(stage) if stage in STAGES else -1 if place == 0 else len(STAGES)


def _kind(cell: SourceCell, trained: bool) -> str:
    """What a cell does by the look of it."""
    calls = [node for node in walk(cell.tree) if isinstance(node, ast.Call)]
    if any(_name(call) == "fit" and len(call.args) + len(call.keywords) > 1 for call in calls):
        return "train"
    if trained:
        return "evaluate"
    return "import" if any(_READS.fullmatch(_name(call)) for call in calls) else "preprocess"


def _name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


# -- the finding


def _finding(first: Attempt, needs: Mapping[int, Need], tags: Mapping[int, str], more: bool) -> Diagnostic:
    """All needed cells as one finding: what each is needed for, and its tag."""
    stages = {role.cell.index: _tag(role.stage) for role in first.roles if role.stage is not None}
    labels = stages | dict(tags)
    notes = tuple(
        CellNote(number, tags[number], _why(need, tags[number], labels), first_line(need.cell.source), need.instead)
        for number, need in needs.items()
    )
    users = {stages[user]: None for need in needs.values() for user in need.users if user in stages}
    one = len(needs) == 1
    named = "this cell" if one else f"cells {spans(needs)}"
    state = "left out" if any(need.instead for need in needs.values()) else "without a tag"
    verb = {"left out": ("is left out", "are left out"), "without a tag": ("has no tag", "have no tag")}[state][not one]
    by = f" by {listed(f'`{user}`' for user in users)}" if users else ""
    message = f"{named} {verb} and {'is' if one else 'are'} needed{by}"
    codes = [code for code in CODES if any(code in need.does for need in needs.values())] or ["NB204"]
    return Diagnostic(
        codes[0], message, _hint(needs, tags, more), path=first.notebook.path, cell=next(iter(needs)), cells=notes
    )


def _why(need: Need, tag: str, labels: Mapping[int, str]) -> str:
    """`makes df, for train`."""
    parts = []
    for code, verb in (("NB202", "makes"), ("NB204", "changes"), ("file", "writes"), ("NB207", "sets")):
        if names := need.does.get(code):
            shown = [f"`{name}`" if code != "NB207" else name for name in names]
            parts.append(f"{verb} {', '.join(shown[:4])}" + f" and {len(shown) - 4} more" * (len(shown) > 4))
    users = [f"`{u}`" for u in dict.fromkeys(labels[user] for user in need.users if user in labels) if u != tag]
    return ", ".join(parts) + (f" for {listed(users[:3])}" if users else "")


def _hint(needs: Mapping[int, Need], tags: Mapping[int, str], more: bool) -> str:
    by_tag: dict[str, list[int]] = {}
    for number in needs:
        by_tag.setdefault(tags[number], []).append(number)
    if len(by_tag) == 1:
        text = f"tag {'cell' if len(needs) == 1 else 'cells'} {spans(needs)} `{next(iter(by_tag))}`"
    else:
        text = "give each cell the tag that stands behind it"
    text += "" if more else ", and the notebook converts"
    named = any("NB202" in need.does for need in needs.values())
    optional = [number for number, need in needs.items() if {*need.does} <= {"NB207"} or not named]
    if optional and len(optional) == len(needs):
        text += "; or `skip` if it does not matter"
    elif optional:
        one = len(optional) == 1
        text += f"; cell{'s' * (not one)} {spans(optional)} `skip` instead, where the results are the same without "
        text += "its settings" if one else "their settings"
    return text


def first_line(source: str) -> str:
    """The first line of a cell that is not blank."""
    return next((line.strip() for line in source.split("\n") if line.strip()), "")


def listed(items: Iterable[str]) -> str:
    """`a, b and c`."""
    found = list(items)
    return " and ".join([", ".join(found[:-1]), found[-1]] if len(found) > 1 else found)
