"""`nb2stage pull`: hand edits of scripts go back into the cells that the lines came from.

Which cell that is, is found by comparing the generated script with the cells.  Whether it is right is not left to that:
the edited notebook is converted, and an edit is taken only if this gives the script as it stands, and every other
script as it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher
from pathlib import Path
from typing import TYPE_CHECKING

from nb2stage.conversion import Project
from nb2stage.diagnostics import Diagnostic, Nb2stageError, Severity
from nb2stage.files.writer import Change, State, read_text
from nb2stage.reading.notebook import Cell, read_notebook
from nb2stage.reading.notebooktext import replace_sources
from nb2stage.records import dataclass, field
from nb2stage.spine import convert

if TYPE_CHECKING:
    from nb2stage.conversion import Conversion

# How many lines around an edit say which cell it belongs to.
_NEAR = 3


@dataclass(frozen=True)
class Hunk:
    """An edit: the lines `first` to `last` (exclusive, 0-based) of a generated script, and what they became."""

    script: str
    first: int
    last: int
    new: tuple[str, ...]


@dataclass
class Pulled:
    """What `pull` would do to one notebook."""

    notebook: str
    before: str
    after: str
    taken: list[Hunk] = field(default_factory=list)
    findings: list[Diagnostic] = field(default_factory=list)


def pull(root: Path, notebook: str, state: State, layout: str) -> Pulled:
    """Bring the hand edits of a notebook's scripts into its text.

    Raises `Nb2stageError` where the notebook is not converted as it stands, or cannot be.
    """
    before = read_text(root, notebook)
    if before is None:
        raise Nb2stageError(Diagnostic("NB100", "there is no such file", path=notebook))
    project = Project(root, state, layout)
    conversion = _converted(before, notebook, project)
    generated = {f.path: f.text for f in conversion.files if f.protected}
    base = state.of(notebook).files
    if generated != dict(base):
        message = "the notebook has changed since it was converted"
        raise Nb2stageError(Diagnostic("NB628", message, f"nb2stage convert {notebook}", path=notebook))
    pulled = Pulled(notebook, before, before)
    for path, text in generated.items():
        mine = read_text(root, path)
        if mine is None or state.is_ours(path, mine):
            continue
        cells = _cells_of(before, notebook, path, conversion)
        for hunk in hunks_of(path, text, mine.replace("\r\n", "\n")):
            _take(pulled, hunk, text, cells, generated, project)
    return pulled


def conversion_of(root: Path, notebook: str, text: str, state: State, layout: str) -> Conversion:
    """What a notebook with this text gives; `Nb2stageError` where it cannot be converted."""
    return _converted(text, notebook, Project(root, state, layout))


def _converted(text: str, notebook: str, project: Project) -> Conversion:
    conversion = convert(text.encode("utf-8", "surrogateescape"), notebook, project)
    if conversion.failed:
        raise Nb2stageError(*(d for d in conversion.diagnostics if d.severity is Severity.ERROR))
    return conversion


def _cells_of(text: str, notebook: str, path: str, conversion: Conversion) -> list[Cell]:
    """The code cells that a script may have lines of: those of its stage, then the others."""
    cells = read_notebook(text.encode("utf-8", "surrogateescape"), notebook).cells
    mine = {c.index for plan in conversion.stages if plan.script == path for c in plan.cells}
    return sorted((c for c in cells if c.kind == "code"), key=lambda cell: (cell.index not in mine, cell.index))


def hunks_of(path: str, old: str, new: str) -> list[Hunk]:
    """The edits that make one text of another."""
    a, b = old.split("\n"), new.split("\n")
    codes = SequenceMatcher(None, a, b, autojunk=False).get_opcodes()
    return [Hunk(path, i1, i2, tuple(b[j1:j2])) for tag, i1, i2, j1, j2 in codes if tag != "equal"]


def with_hunks(text: str, hunks: Sequence[Hunk]) -> str:
    """A script with these edits."""
    lines = text.split("\n")
    for hunk in sorted(hunks, key=lambda h: h.first, reverse=True):
        lines[hunk.first : hunk.last] = hunk.new
    return "\n".join(lines)


def _take(
    pulled: Pulled, hunk: Hunk, text: str, cells: list[Cell], generated: dict[str, str], project: Project
) -> None:
    """Take an edit into the notebook, at the first place from where it comes back as it is."""
    wanted = dict(generated)
    for path in {h.script for h in [*pulled.taken, hunk]}:
        wanted[path] = with_hunks(generated[path], [h for h in [*pulled.taken, hunk] if h.script == path])
    current = _current(pulled, cells)
    for index, source in places(hunk, text, cells, current):
        after = replace_sources(pulled.after, {index: source})
        try:
            made = _converted(after, pulled.notebook, project)
        except Nb2stageError:
            continue
        if {f.path: f.text for f in made.files if f.protected} == wanted:
            pulled.after = after
            pulled.taken.append(hunk)
            return
    shown = " / ".join(line.strip() for line in hunk.new if line.strip()) or "lines taken out"
    message = f"this edit stays in the script: `{shown[:60]}`"
    hint = "no cell gives this line when it is converted; make the edit in the notebook if it belongs there"
    place = f"{hunk.script}:{hunk.first + 1}"
    pulled.findings.append(Diagnostic("NB627", message, hint, Severity.WARNING, place))


def _current(pulled: Pulled, cells: Sequence[Cell]) -> dict[int, str]:
    """The sources of the cells with the edits that were taken."""
    now = read_notebook(pulled.after.encode("utf-8", "surrogateescape"), pulled.notebook).cells
    return {cell.index: now[cell.index - 1].source for cell in cells}


def places(hunk: Hunk, text: str, cells: Sequence[Cell], current: dict[int, str]) -> list[tuple[int, str]]:
    """The cells, with their new source, in which an edit may have its place; those that say most of the same come first."""
    lines = text.split("\n")
    found: list[tuple[int, int, str]] = []
    for cell in cells:
        origin = _origins(lines, cell)
        alike = sum(i in origin for i in range(hunk.first - _NEAR, hunk.last + _NEAR))
        source = current[cell.index].split("\n")
        shift = _shift(cell.source.split("\n"), source)
        mine = [origin[i] for i in range(hunk.first, hunk.last) if i in origin]
        spots = []
        if mine:
            spots.append((shift[min(mine)], shift[max(mine)] + 1))
        elif hunk.first == hunk.last:
            above, below = _nearest(lines, hunk.first, -1), _nearest(lines, hunk.first, 1)
            lines_between = [shift[origin[above]] + 1] if above in origin else []
            lines_between += [shift[origin[below]]] if below in origin else []
            spots += [(line, line) for line in lines_between]
        found += [(-alike, cell.index, _edited(source, first, last, hunk.new)) for first, last in spots]
    if hunk.first == hunk.last and cells and all(line.startswith(("import ", "from ")) for line in hunk.new if line):
        source = current[cells[0].index].split("\n")
        top = next((i for i, line in enumerate(source) if not line.startswith(("#|", "%%"))), 0)
        found.append((0, cells[0].index, _edited(source, top, top, hunk.new)))
    return [(index, source) for _, index, source in sorted(found, key=lambda item: item[0])]


def _edited(source: list[str], first: int, last: int, new: Sequence[str]) -> str:
    return "\n".join([*source[:first], *new, *source[last:]])


def _nearest(lines: Sequence[str], start: int, step: int) -> int:
    """The next line that is not blank above (-1) or below (1) a place between two lines."""
    index = start - 1 if step < 0 else start
    while 0 <= index < len(lines) and not lines[index].strip():
        index += step
    return index


def _origins(lines: Sequence[str], cell: Cell) -> dict[int, int]:
    """Line of the script -> line of the cell, where both say the same."""
    there = [(i, line) for i, line in enumerate(cell.source.split("\n")) if line.strip()]
    here = [(i, line) for i, line in enumerate(lines) if line.strip()]
    matcher = SequenceMatcher(None, [line for _, line in here], [line for _, line in there], autojunk=False)
    blocks = matcher.get_matching_blocks()
    return {here[b.a + n][0]: there[b.b + n][0] for b in blocks for n in range(b.size)}


def _shift(old: list[str], new: list[str]) -> list[int]:
    """Where each line of a cell is after the edits that were taken already."""
    result = list(range(len(old) + 1))
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        for i in range(i1, i2):
            result[i] = j1 + (i - i1 if tag == "equal" else min(i - i1, max(j2 - j1 - 1, 0)))
    result[len(old)] = len(new)
    return result


def cell_changes(pulled: Pulled) -> list[Change]:
    """The cells that change, as the changes of files are shown."""
    old, new = (
        read_notebook(text.encode("utf-8", "surrogateescape"), pulled.notebook).cells
        for text in (pulled.before, pulled.after)
    )
    return [
        Change(f"{pulled.notebook} cell {a.index}", "update", a.source + "\n", b.source + "\n")
        for a, b in zip(old, new, strict=True)
        if a.source != b.source
    ]
