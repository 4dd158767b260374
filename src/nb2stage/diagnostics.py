"""What a finding about the user's notebook looks like; what its code stands for is a record in `rules`.

A finding is data: it is collected, sorted and printed with all the others.  Exceptions are for what stops the program.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from nb2stage.records import dataclass
from nb2stage.rules import RULES


class Severity(Enum):
    """How much a finding weighs: an `ERROR` blocks writing, a `WARNING` says what was assumed, a `NOTE` informs."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class CellNote(NamedTuple):
    """A cell that a finding asks to be tagged: the tag, why, the cell's first line, and the tag that it has instead."""

    cell: int
    tag: str
    why: str
    source: str
    instead: str = ""

    def fields(self) -> tuple[str, str, str, str]:
        """What is shown of it, in columns: JupyterLab shows no numbers of cells, so the first line tells which it is."""
        tag = f"`{self.tag}`" + f" instead of `{self.instead}`" * bool(self.instead)
        return f"cell {self.cell}", _short(self.source, 40), tag, self.why


def _short(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1].rstrip() + "…"


@dataclass(frozen=True)
class Diagnostic:
    """One finding: where it is, what it is, and how to mend it.

    `cell` counts all cells of the notebook from 1, text cells too; `line` and `column` count from 1 inside the cell, or
    inside the file where it is no notebook, columns in UTF-16 code units as front ends do.  `source` is that line; `cells`
    are those that get a tag by the hint.
    """

    code: str
    message: str
    hint: str = ""
    severity: Severity = Severity.ERROR
    path: str = ""
    cell: int | None = None
    line: int | None = None
    column: int | None = None
    stage: str | None = None
    source: str = ""
    cells: tuple[CellNote, ...] = ()

    def __post_init__(self) -> None:
        if self.code not in RULES:
            raise KeyError(self.code)

    @property
    def forbids_writing(self) -> bool:
        """Whether nothing may be written.  A merge conflict is an error, but it is written: marked in its file."""
        return self.severity is Severity.ERROR and self.code != "NB618"

    def render(self) -> str:
        """The finding as `nb.ipynb:cell 4:2:5: NB203 [train] text`, with the line of code and the hint below it."""
        place = self.path
        if self.cell is not None:
            place += f":cell {self.cell}"
            if self.line is not None:
                place += f":{self.line}"
                if self.column is not None:
                    place += f":{self.column}"
        elif self.line is not None:
            place += f":{self.line}"
        stage = f" [{self.stage}]" if self.stage else ""
        word = "" if self.severity is Severity.ERROR else f"{self.severity.value}: "
        text = (
            f"{place}: {self.code}{stage} {word}{self.message}" if place else f"{self.code}{stage} {word}{self.message}"
        )
        lines = [text, *self._details()]
        return "\n".join([*lines, f"  hint: {self.hint}"] if self.hint else lines)

    def _details(self) -> list[str]:
        """The cells that the finding is about, or its line of code."""
        rows = [note.fields() for note in self.cells]
        if not rows:
            return [f"    {_short(self.source, 110)}"] if self.source else []
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return [
            "    " + "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]

    def sort_key(self) -> tuple[str, int, int, int, str, str]:
        """Order of printing: by place in the notebook, then by rule."""
        return (self.path, self.cell or 0, self.line or 0, self.column or 0, self.code, self.message)


class UsageError(Exception):
    """A command was given what it cannot do anything with, or nothing: `cli` says how it is used, exit code 2."""


class Nb2stageError(Exception):
    """The user's fault or the world's: what stops a command at once.  `cli` turns it into a message and exit code 1."""

    def __init__(self, *diagnostics: Diagnostic) -> None:
        super().__init__("\n".join(d.render() for d in diagnostics))
        self.diagnostics = diagnostics
