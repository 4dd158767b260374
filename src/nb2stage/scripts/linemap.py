"""Lines of a script <-> lines of cells: the statements of both, matched by what they say.

A script's statements are those of cells, in the same order, between lines of nb2stage's own.  So the map needs nothing
from the writer of the scripts.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from nb2stage.records import dataclass

if TYPE_CHECKING:
    from nb2stage.analysis.dataflow import Program, SourceCell
    from nb2stage.analysis.objects import Statement
    from nb2stage.planning.definitions import DefinitionsModule
    from nb2stage.planning.pipeline import GeneratedFile
    from nb2stage.planning.stageplan import StagePlan
    from nb2stage.reading.notebook import Cell


LONG = 1_500  # characters; to compare takes the square of the number of parts


@dataclass(frozen=True)
class Run:
    """Lines `first` to `last` of a script, which are the lines of a cell from `line` on."""

    first: int
    last: int
    cell: str  # see `key_of`
    line: int

    def to_text(self) -> str:
        """`31-44 b7e0c1d2~5f1a09c3:2`, as the state file has it."""
        return f"{self.first}-{self.last} {self.cell}:{self.line}"

    @classmethod
    def from_text(cls, text: str) -> Run:
        """The run that `to_text` wrote; `ValueError` for another text."""
        lines, _, place = text.partition(" ")
        first, _, last = lines.partition("-")
        cell, _, line = place.rpartition(":")
        return cls(int(first), int(last), cell, int(line))


def key_of(cell: Cell) -> str:
    """What a cell is known by when other cells come and go: its id, if it has one, and a hash of its source."""
    return f"{cell.id or ''}~{hashlib.sha256(cell.source.encode('utf-8', 'replace')).hexdigest()[:8]}"


def cell_of(key: str, cells: Iterable[Cell]) -> Cell | None:
    """The cell of a key: the one with that id, or where it has none, with that source."""
    identity = key.rpartition("~")[0]
    return next((cell for cell in cells if (cell.id == identity if identity else key_of(cell) == key)), None)


def line_map(text: str, statements: Sequence[Statement], cells: Mapping[int, SourceCell]) -> list[Run]:
    """The runs of a script that holds these statements of cells, in this order, and other lines between them.

    `x = 1` in line 3 of a cell and in line 20 of the script gives a run 20-20 with line 3.
    """
    body = ast.parse(text).body
    shown = [s for s in statements if not s.hidden]
    # Imports stand in another order than in the cells: they have their own way, and would pull the others apart.
    theirs, here = [node for node in body if not _imported(node)], [s for s in shown if not _imported(s.node)]
    lines = text.split("\n")
    by_cell = {index: cell.python.text.split("\n") for index, cell in cells.items()}
    one = [_lines_of(s.node, by_cell[s.cell]) for s in here]
    matcher = SequenceMatcher(None, one, [_lines_of(node, lines) for node in theirs], autojunk=False)
    pairs: list[tuple[Statement, ast.stmt]] = []
    for kind, a, b, c, d in matcher.get_opcodes():
        if kind == "equal":
            pairs += zip(here[a:b], theirs[c:d], strict=True)
        elif kind == "replace":
            pairs += _edited(here[a:b], theirs[c:d])
    known = {id(node) for _, node in pairs}
    others = [node for node in body if id(node) not in known]
    pairs += [*_imports(shown, others), *_parameters(here, others)]
    return _runs(pairs, body, cells)


def _edited(here: Sequence[Statement], theirs: Sequence[ast.stmt]) -> Iterable[tuple[Statement, ast.stmt]]:
    """Statements that were changed on their way: a `display` in a loop has become a `print`."""
    rest = list(here)
    for node in theirs:
        said = _said(node)
        for i, statement in enumerate(rest):
            if _is_alike(statement.node, node):
                other = _said(statement.node)
                if other == said or _likeness(other, said) > 0.8:
                    yield statement, node
                    rest = rest[i + 1 :]
                    break


def _lines_of(node: ast.stmt, lines: Sequence[str]) -> str:
    first, last = _span(node)
    return "\n".join(lines[first - 1 : last])


def _likeness(one: str, two: str) -> float:
    """How much two statements have in common, by words or long ones by lines; 0 where it is clear that it is little."""
    parts = r"\w+" if min(len(one), len(two)) < LONG else r".+"
    matcher = SequenceMatcher(None, re.findall(parts, one), re.findall(parts, two), autojunk=False)
    return matcher.ratio() if matcher.quick_ratio() > 0.8 else 0.0


def _is_alike(one: ast.stmt, two: ast.stmt) -> bool:
    """Whether one statement can have become the other: `x` a `print(x)` or `show(x)`, but no call a call of something else."""
    if isinstance(one, ast.Expr) and isinstance(two, ast.Expr):
        if isinstance(two.value, ast.Call) and _called(two.value) in ("print", "show"):
            return True
        calls = [node.value for node in (one, two) if isinstance(node.value, ast.Call)]
        return len(calls) == 2 and ast.dump(calls[0].func) == ast.dump(calls[1].func)
    return type(one) is type(two)


def _called(call: ast.Call) -> str:
    """`show` for `show(x)` and for `report.show(x)`."""
    func = call.func
    if isinstance(func, ast.Attribute) and isinstance(func.value, ast.Name) and func.value.id.rstrip("_") == "report":
        return func.attr
    return func.id if isinstance(func, ast.Name) else ""


def _said(node: ast.stmt) -> str:
    """What a statement says; `print(x)` and `show(x)` say what `x` says as the last line of a cell."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        call = node.value
        if _called(call) in ("print", "show", "display"):
            return "".join(map(ast.dump, call.args))
    return ast.dump(node.value if isinstance(node, ast.Expr) else node)


def _imports(here: Iterable[Statement], theirs: Iterable[ast.stmt]) -> Iterable[tuple[Statement, ast.stmt]]:
    """The imports at the top of a script, which are gathered from all cells."""
    imports = [(statement, names) for statement in here if (names := _imported(statement.node))]
    for node in theirs:
        wanted = _imported(node)
        found = next((statement for statement, names in imports if wanted & names), None)
        if found is not None:
            yield found, node


def _parameters(here: Iterable[Statement], theirs: Iterable[ast.stmt]) -> Iterable[tuple[Statement, ast.stmt]]:
    """`lr = params["train"]["lr"]` came from the line that gives `lr` its literal."""
    literals = {name: statement for statement in here if statement.param for name in statement.binds}
    for node in theirs:
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        if isinstance(target, ast.Name) and target.id in literals:
            yield literals.pop(target.id), node


def _imported(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}
    if isinstance(node, ast.ImportFrom):
        return {f"{node.module}.{alias.name}" for alias in node.names}
    return set()


def _runs(
    pairs: Iterable[tuple[Statement, ast.stmt]], body: Sequence[ast.stmt], cells: Mapping[int, SourceCell]
) -> list[Run]:
    """Neighbours become one run, with the blank lines and comments between them."""
    places = {id(node): i for i, node in enumerate(body)}
    runs: list[Run] = []
    latest = -1
    for statement, node in sorted(pairs, key=lambda pair: places[id(pair[1])]):
        (first, last), (begin, end), place = _span(node), _span(statement.node), places[id(node)]
        key = key_of(cells[statement.cell].role.cell)
        before = runs[-1] if runs and place == latest + 1 else None
        if last - first != end - begin:  # an import of many names is wrapped, or gathered from several cells
            runs += [Run(line, line, key, begin) for line in range(first, last + 1)]
        elif before is not None and before.cell == key and begin - before.line == first - before.first:
            runs[-1] = Run(before.first, last, key, before.line)
        else:
            runs.append(Run(first, last, key, begin))
        latest = place
    return runs


def _span(node: ast.stmt) -> tuple[int, int]:
    decorators = getattr(node, "decorator_list", [])
    first = min([node.lineno, *(decorator.lineno for decorator in decorators)])
    return first, node.end_lineno or first


def find(runs: Iterable[Run], line: int) -> tuple[str, int] | None:
    """The cell, by its key, and the line in it that a line of a script came from."""
    for run in runs:
        if run.first <= line <= run.last:
            return run.cell, run.line + line - run.first
    return None


def line_maps(
    files: Iterable[GeneratedFile], plans: Iterable[StagePlan], modules: Iterable[DefinitionsModule], program: Program
) -> dict[str, tuple[str, ...]]:
    """Where the lines of all scripts and modules of definitions come from, as the state file has it."""
    cells = {cell.index: cell for cell in program.cells}
    imports = [s for s in program.statements if isinstance(s.node, ast.Import | ast.ImportFrom)]
    statements: dict[str, list[Statement]] = {module.path: module.statements for module in modules}
    for plan in plans:
        repeats = sorted(plan.data.repeats, key=lambda s: (s in plan.data.late, s.position))
        statements[plan.script] = [*repeats, *plan.data.statements]
    found: dict[str, tuple[str, ...]] = {}
    for file in files:
        mine = statements[file.path]
        order = [*(s for s in imports if s not in mine), *mine]
        found[file.path] = tuple(run.to_text() for run in line_map(file.text, order, cells))
    return found
