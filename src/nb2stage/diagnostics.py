"""The table of rules, and what a finding about the user's notebook looks like.

A finding is data: it is collected, sorted and printed with all the others.  Exceptions are for what stops the program.
"""

from __future__ import annotations

from enum import Enum
from typing import Final, NamedTuple

from nb2stage.records import dataclass


class Severity(Enum):
    """How much a finding weighs: an `ERROR` blocks writing, a `WARNING` says what was assumed, a `NOTE` informs."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


# code -> what the rule is about, in one line.  NB1 reading and tags, NB2 names and values, NB3 IPython syntax,
# NB4 files, NB5 parameters, NB6 the project's files, NB7 the project as a whole,
# NB8 running the code.  `rules` says more on each.
RULES: Final[dict[str, str]] = {
    # -- NB1: reading the notebook, tags
    "NB100": "the notebook cannot be opened",
    "NB101": "the file is not readable as UTF-8 JSON",
    "NB102": "the file is JSON but not a notebook",
    "NB103": "the notebook's format is unknown or cannot be upgraded",
    "NB104": "the notebook's language is not Python",
    "NB105": "a cell is malformed",
    "NB106": "the tags of a cell are not a list of texts",
    "NB110": "a cell belongs to two stages",
    "NB111": "the tags of a cell exclude each other",
    "NB112": "a stage name cannot be used",
    "NB113": "a tag looks like a misspelt one of ours",
    "NB114": "no cell belongs to a stage",
    "NB115": "a `#|` line cannot be understood",
    "NB116": "`metrics` or `plots` without a stage",
    "NB117": "what a cell tagged `metrics` or `plots` assigns is not written",
    "NB120": "a cell is not valid Python",
    "NB121": "a cell is written in Python 2",
    "NB122": "a cell needs a newer Python than the one that runs",
    "NB123": "Python's parser cannot read a cell",
    "NB124": "IPython changes a text that a script would keep",
    "NB125": "the saved outputs come from cells that were run in another order",
    # -- NB2: names and values between stages
    "NB201": "a name that no earlier cell binds",
    "NB202": "a name that comes from an untagged cell",
    "NB203": "a name that was deleted before",
    "NB204": "an untagged cell changes what a stage uses",
    "NB205": "a cell before always ends with an error",
    "NB206": "grouping the cells of a stage would change what a cell sees",
    "NB207": "an untagged cell makes a setting that a stage would notice",
    "NB220": "code that cannot be followed by reading it",
    "NB221": "a name that exists only in a live notebook",
    "NB222": "the working directory changes",
    "NB230": "random numbers without a seed",
    "NB231": "random numbers that go on in another stage",
    "NB240": "a setting that cannot be repeated in a later stage",
    "NB241": "a value made by code that cannot be repeated",
    "NB242": "a value that no stage can hand on",
    "NB243": "a value that cannot be saved",
    "NB244": "a view of memory that changes later",
    "NB246": "a cell without a stage binds a name between cells of a stage that use it",
    "NB247": "a change of one of your modules cannot be made again in a later stage",
    "NB248": "importing one of your modules does something that must not be done twice",
    "NB249": "a call that is taken to be there for its value",
    "NB245": "a definition whose default has another value by then",
    "NB250": "a stage without work of its own",
    "NB251": "no stage has work to do",
    "NB260": "the notebook's pandas is not known",
    "NB290": "syntax that is not supported yet",
    # -- NB3: IPython syntax
    "NB301": "a magic that is not IPython's own",
    "NB302": "a magic that has no faithful form in a script",
    "NB303": "a shell command that has no faithful form in a script",
    "NB304": "a magic was left out whose statement may change something",
    "NB305": "IPython's auto-call or automagic syntax",
    "NB306": "a cell magic that IPython itself would refuse",
    "NB307": "an extension was assumed to add magics only",
    "NB308": "packages that are installed in another way than requirements.txt can say",
    "NB309": "requirements.txt asks for another version than the notebook",
    "NB310": "lines that only Colab has are left out",
    # -- NB4: files
    "NB401": "a file is read whose path is not known",
    "NB402": "a file is written whose path is not known",
    "NB403": "a file that is read does not exist",
    "NB404": "a command may touch files that are not known",
    "NB405": "data from the network has no version",
    "NB406": "an absolute path",
    "NB407": "a file outside the project is read or written",
    "NB408": "a file is written under a condition only",
    "NB410": "two stages write one file",
    "NB411": "a file is read and then rewritten",
    "NB412": "a file is appended to",
    "NB413": "a file that existed before is written by a stage",
    "NB414": "several stages write one file, and what lies between is kept in the cache",
    "NB415": "something is missing in the report",
    "NB416": "a call that is not known is given the path of a file",
    "NB417": "a folder is listed before a later stage writes in it",
    "NB418": "a folder is listed in which files of the pipeline lie",
    # -- NB5: parameters
    "NB501": "a parameter is bound twice",
    "NB551": "params.yaml cannot be read, or a group in it is no group",
    "NB552": "a parameter cannot be added to params.yaml in place",
    "NB553": "a date in params.yaml stops DVC",
    "NB554": "DVC and the scripts read a value of params.yaml differently",
    "NB555": "two parameters want the same place in params.yaml",
    "NB556": "a parameter that is NaN is never unchanged",
    "NB557": "a tuned parameter has another value in the notebook now",
    # -- NB6: the project's files
    "NB601": "dvc.yaml cannot be read",
    "NB602": "dvc.yaml cannot be edited in place",
    "NB603": "a stage of that name exists in dvc.yaml in another form",
    "NB604": "two notebooks have a stage of the same name",
    "NB605": "a stage of that name stands in dvc.yaml, written by somebody else",
    "NB606": "the notebook lies outside the project folder",
    "NB607": "there is no project here",
    "NB612": "a file of the user's own stands where a file is to be generated",
    "NB613": "a file or stage that is not in the notebook any more was edited by hand and is kept",
    "NB614": "a path cannot be written: it leaves the project, or something else stands there",
    "NB615": "a file could not be written",
    "NB616": "the state file of nb2stage cannot be read",
    "NB617": "a notebook is gone, and another one takes over its stages",
    "NB618": "a hand edit and the notebook contradict each other: the conflict is marked in the file",
    "NB619": "a stage has another name now",
    "NB620": "the configuration cannot be used",
    "NB621": "git or DVC could not be set up or run",
    "NB622": "a stage that is gone has left a cache",
    "NB623": "a stage was taken out of dvc.yaml by hand",
    "NB624": "an edit of dvc.yaml needs or writes what the notebook has changed",
    "NB625": "a conflict is marked in a file and not resolved",
    "NB626": "only comments or the layout of a script have changed",
    "NB627": "a hand edit stays in the script: no cell is clearly its place",
    "NB628": "hand edits cannot be brought into the notebook now",
    "NB629": "a module that is gone was edited by hand, and its definitions are elsewhere now",
    "NB630": "DVC's own .gitignore beside outs is gone: the project's names them",
    "NB640": "there is no pipeline, or no history of one, to show",
    "NB641": "a program or package that the command needs is missing or failed",
    # -- NB7: what only `nb2stage check` finds
    "NB701": "a generated file is not in step with its notebook",
    "NB702": "a notebook that was converted is gone",
    "NB710": "a stage runs a notebook",
    "NB711": "the script of a stage is not among its deps",
    "NB720": "cached files, data or models are committed to git",
    "NB721": "cached files, data or models are not ignored by git",
    "NB722": "git ignores a file that has to be committed",
    "NB730": "a notebook stands where no notebook belongs",
    "NB731": "a committed notebook has large outputs",
    # -- NB8: running the notebook and its pipeline
    "NB801": "a package that runs notebooks is missing",
    "NB802": "the kernel of a notebook is missing or does not start",
    "NB803": "the kernel died",
    "NB804": "a cell fails",
    "NB805": "the script of a stage fails",
    "NB806": "a copy of the project cannot be made",
    "NB807": "the project's pipeline is not that of the notebook",
    "NB808": "a parameter is not known, or not where it could be taken from",
    "NB809": "a parameter gets a value of another kind",
    "NB810": "a run that is asked for cannot be made",
    "NB811": "a line of a script that leads nowhere",
}


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
