"""The cells of a notebook as Python, and the lines of them that findings are about."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from nb2stage.analysis.dataflow import SourceCell
from nb2stage.diagnostics import Diagnostic, Severity
from nb2stage.planning.untagged import first_line
from nb2stage.reading.magics import to_python_all
from nb2stage.reading.notebook import Notebook
from nb2stage.reading.tags import CellRole, Role
from nb2stage.reading.translation import parse
from nb2stage.records import replace


def to_cells(
    notebook: Notebook, roles: tuple[CellRole, ...], names: Sequence[str]
) -> tuple[list[SourceCell], list[Diagnostic]]:
    """The code cells as Python, and what cannot be read: an error in a stage and a warning elsewhere."""
    cells: list[SourceCell] = []
    diagnostics: list[Diagnostic] = []
    translated = to_python_all([(role.cell, role.stage) for role in roles], notebook.path)
    for role, (python, findings) in zip(roles, translated, strict=True):
        if role.role in (Role.UNTAGGED, Role.SKIP):
            findings = [] if python is not None or role.role is Role.SKIP else [_as_warning(f) for f in findings]
        diagnostics += findings
        if python is None:
            continue
        stage = names.index(role.stage) if role.stage is not None else None
        cells.append(SourceCell(role, python, parse(python.text), stage))
    if any(re.search(r"(?<!\w)_(?!\w)", cell.python.text) for cell in cells):
        from nb2stage.reading.lastvalue import with_last_values

        texts = [(c.python.text, c.tree, c.stage is not None and not c.python.has_magic) for c in cells]
        for place, text in with_last_values(texts).items():
            cell = cells[place]
            cells[place] = SourceCell(cell.role, replace(cell.python, text=text), parse(text), cell.stage)
    return cells, diagnostics


def _as_warning(finding: Diagnostic) -> Diagnostic:
    return Diagnostic(
        finding.code,
        f"{finding.message}; the cell has no tag and is left out",
        finding.hint,
        Severity.WARNING,
        finding.path,
        finding.cell,
        finding.line,
        finding.column,
    )


def with_sources(diagnostics: Iterable[Diagnostic], notebook: Notebook) -> list[Diagnostic]:
    """Findings with the line of code that each is about."""
    cells = {cell.index: cell.source.split("\n") for cell in notebook.cells}
    found = []
    for finding in diagnostics:
        lines = cells.get(finding.cell or 0, [])
        if finding.path == notebook.path and lines:
            line = (
                lines[finding.line - 1] if finding.line and finding.line <= len(lines) else first_line("\n".join(lines))
            )
            finding = replace(finding, source=line.strip())
        found.append(finding)
    return found
