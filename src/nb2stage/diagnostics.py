"""The table of rules, and what a finding about the user's notebook looks like.

A finding is data: it is collected, sorted and printed with all the others.  Exceptions are for what stops the program.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final


class Severity(Enum):
    """How much a finding weighs: an `ERROR` blocks writing, a `WARNING` says what was assumed, a `NOTE` informs."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


# code -> what the rule is about, in one line.  NB1 reading and tags, NB2 names and values, NB3 IPython syntax,
# NB4 files, NB5 parameters, NB6 the project's files.
RULES: Final[dict[str, str]] = {
    # -- NB1: reading the notebook, tags
    # -- NB2: names and values between stages
    # -- NB3: IPython syntax
    # -- NB4: files
    # -- NB5: parameters
    # -- NB6: the project's files
}


@dataclass(frozen=True)
class Diagnostic:
    """One finding: where it is, what it is, and how to mend it.

    `cell` is the 1-based position among all cells of the notebook, `line` and `column` are 1-based inside the cell.
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

    def __post_init__(self) -> None:
        if self.code not in RULES:
            raise KeyError(self.code)

    def render(self) -> str:
        """The finding as `nb.ipynb:cell 4:2:5: NB203 [train] text`, with the hint on a second line."""
        place = self.path
        if self.cell is not None:
            place += f":cell {self.cell}"
            if self.line is not None:
                place += f":{self.line}"
                if self.column is not None:
                    place += f":{self.column}"
        stage = f" [{self.stage}]" if self.stage else ""
        word = "" if self.severity is Severity.ERROR else f"{self.severity.value}: "
        text = f"{place}: {self.code}{stage} {word}{self.message}" if place else f"{self.code}{stage} {word}{self.message}"
        return f"{text}\n  hint: {self.hint}" if self.hint else text

    def sort_key(self) -> tuple[str, int, int, int, str, str]:
        """Order of printing: by place in the notebook, then by rule."""
        return (self.path, self.cell or 0, self.line or 0, self.column or 0, self.code, self.message)


class Nb2stageError(Exception):
    """The user's fault or the world's: what stops a command at once.  `cli` turns it into a message and exit code 1."""

    def __init__(self, *diagnostics: Diagnostic) -> None:
        super().__init__("\n".join(d.render() for d in diagnostics))
        self.diagnostics = diagnostics
