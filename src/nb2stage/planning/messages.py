"""Findings of the analysis and of planning -> diagnostics for the user: the texts, and the place that each is about."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from nb2stage.analysis.dataflow import Program
from nb2stage.analysis.notes import FileUse, Finding
from nb2stage.analysis.objects import Statement
from nb2stage.diagnostics import Diagnostic, Severity
from nb2stage.patterns import Pattern
from nb2stage.reading.tags import Role
from nb2stage.records import replace
from nb2stage.texts.wording import column_of, spans
from nb2stage.trees import walk

MESSAGES: dict[str, tuple[Severity, str, str]] = {
    "NB201": (
        Severity.ERROR,
        "`{name}` is not bound by any cell before this one",
        "bind `{name}` in an earlier cell; or tag this cell `skip`, if no stage needs what it makes",
    ),
    "NB203": (Severity.ERROR, "`{name}` was deleted before", "remove the `del`, or bind `{name}` again"),
    "NB205": (
        Severity.ERROR,
        "the code before this always ends with an error or an exit",
        "tag the cell that fails `skip`",
    ),
    "NB230": (
        Severity.WARNING,
        "random numbers of `{name}` are drawn without a seed: the notebook itself gives other results each time",
        "seed the generator in the first cell",
    ),
    "NB231": (
        Severity.ERROR,
        "the random numbers of {name} go on here from where an earlier stage left off, which no file can hand over",
        "{hint}",
    ),
    "NB241": (
        Severity.ERROR,
        "`{name}` is made by code that cannot be repeated in each stage",
        "put the cell into a stage: tag it with the stage that makes `{name}`",
    ),
    "NB242": (Severity.ERROR, "`{name}` cannot be handed on to a later stage", "bind `{name}` in one cell of a stage"),
    "NB244": (
        Severity.ERROR,
        "`{name}` is a view of memory that changes later under another name, and a file would keep a copy",
        "make `{name}` a copy (`.copy()`), or put the cells into one stage",
    ),
    "NB245": (
        Severity.ERROR,
        "`{name}` was defined with `{text}`, which has another value by then",
        "define `{name}` and use it in one stage",
    ),
    "NB304": (
        Severity.ERROR,
        "`%timeit` in line {hint} runs code that changes values used later, and how often is up to the machine",
        "tag the cell `skip`, or write the statement without `%timeit`",
    ),
    "NB246": (
        Severity.ERROR,
        "`{name}` is bound here, between cells of a stage that use another `{name}`",
        "give this cell the tag of that stage, or another name to `{name}`",
    ),
    "NB247": (
        Severity.ERROR,
        "this changes `{name}` of module `{text}`, which a later stage imports anew, without the change",
        "keep the value in a variable of the notebook and pass it to the functions, or put the cells into one stage",
    ),
    "NB249": (
        Severity.WARNING,
        "nobody knows what `{name}()` does to the process: it is taken to be there for the value that the cell shows",
        "if it makes a setting, put it into a cell tagged `setup`; else say so in nb2stage.toml: `[calls]` "
        '`"{name}" = "atom"`',
    ),
    "NB248": (
        Severity.ERROR,
        "module `{name}` {text} when it is imported, and each stage that uses it imports it anew",
        "put that into a function of the module, and call it in a cell",
    ),
    "NB243": (
        Severity.ERROR,
        "`{name}` cannot be saved for a later stage: it holds {text}",
        "make it in the stage that uses it, or put both cells into one stage",
    ),
}


# What an untagged cell changes, and what it may change.
_UNTAGGED_CHANGES = {
    "": (
        Severity.ERROR,
        "cell {hint}, which has no tag, changes what `{name}` refers to",
        "tag cell {hint} with a stage if the change belongs to the pipeline, `skip` if it does not matter",
    ),
    "file": (
        Severity.ERROR,
        "cell {hint}, which has no tag, writes `{name}`, which is read here",
        "tag cell {hint} with a stage; or `skip` if the file is there in any case",
    ),
    "perhaps": (
        Severity.WARNING,
        "cell {hint}, which has no tag, gives `{name}` to a call of which nobody knows whether it changes it",
        "tag cell {hint} with a stage if it does, `skip` if not",
    ),
}


# IPython's own names of earlier inputs and results: `_12`, `_i`, `_oh`.
_HISTORY = Pattern(r"_{2,3}|_i?\d+|_i{1,3}|_[io]h|_dh")


def diagnose_all(program: Program, path: str, names: Sequence[str]) -> list[Diagnostic]:
    """The findings of an analysis as diagnostics for the user: of a name that no cell binds one, for all cells that use it."""
    users: dict[str, dict[int, None]] = {}
    for finding in program.findings:
        if finding.code == "NB201":
            users.setdefault(finding.name, {})[finding.statement.cell] = None
    found = []
    told: set[str] = set()
    for finding in program.findings:
        diagnostic = _in_columns(diagnose(finding, path, names), program)
        if finding.code == "NB201":
            if finding.name in told:
                continue
            told.add(finding.name)
            diagnostic = _of_unbound_name(diagnostic, finding, program, list(users[finding.name])[1:])
        found.append(diagnostic)
    return found


def _in_columns(told: Diagnostic, program: Program) -> Diagnostic:
    """The finding with a column as front ends count; Python's parser counts bytes."""
    cell = program.cell_at.get(told.cell or 0)
    if told.line is None or told.column is None or cell is None or cell.python.text.isascii():
        return told
    line = cell.python.text.split("\n")[told.line - 1]
    return replace(told, column=column_of(line, told.column - 1))


def _of_unbound_name(told: Diagnostic, finding: Finding, program: Program, others: Sequence[int]) -> Diagnostic:
    """Which cells use a name that lacks, and whether one below binds it."""
    name, hint = finding.name, told.hint
    message = told.message
    below = next(
        (cell for cell in program.cells if cell.index > finding.statement.cell and name in stores(cell.tree)), None
    )
    if below is not None:
        message = f"`{name}` is not bound yet: cell {below.index}, which binds it, stands below"
        hint = f"move cell {below.index} above this one" + ", and give it a tag" * (below.role.role is Role.UNTAGGED)
    if others:
        message += f"; {'cell' if len(others) == 1 else 'cells'} {spans(others)} {'uses' if len(others) == 1 else 'use'} it too"
    return replace(told, message=message, hint=hint)


def stores(tree: ast.Module) -> set[str]:
    """The names that the statements of a cell store to, in functions too."""
    return {node.id for node in walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


def diagnose(finding: Finding, path: str, names: Sequence[str]) -> Diagnostic:
    """A finding of the analysis as a diagnostic for the user."""
    statement = finding.statement
    severity, message, hint = MESSAGES.get(finding.code, (Severity.ERROR, finding.text, finding.hint))
    if finding.code == "NB202":
        message = "`{name}` comes from cell {hint}, which has no tag"
        hint = "tag cell {hint} with a stage, `setup` or `parameters`; or `skip` if it does not matter"
    elif finding.code == "NB204":
        severity, message, hint = _UNTAGGED_CHANGES[finding.text]
    elif finding.code == "NB206":
        message = "this cell would run before cell {hint} of another stage, and both use {name}"
        hint = "move the cells of a stage together, or give one of the two cells another stage"
    elif finding.code == "NB207":
        message = "cell {hint}, which has no tag, makes a setting ({name}) that this stage would notice"
        hint = "tag cell {hint} `setup`, or `skip` if it does not matter"
    elif finding.code == "NB240":
        message, hint = _setting(finding, names)
    elif finding.code == "NB245" and finding.hint == "compiled":
        message = "`{name}` was compiled with the value of `{text}` at its first call, and later it has another"
        hint = "give `{text}` to `{name}` as an argument, or call it in one stage only"
    elif finding.code == "NB247" and finding.hint == "shared":
        message = "a value that an earlier stage saves holds `{name}` of module `{text}`: loaded, it would hold a copy"
        hint = "give the value a copy of its own, or put the cells into one stage"
    elif finding.code == "NB247" and finding.hint:
        message = "what is called here may change `{name}` of module `{text}`, which a later stage imports anew"
        hint = "pass a copy of `{name}`, say in nb2stage.toml what the call does, or put the cells into one stage"
    elif finding.code == "NB201" and _HISTORY.fullmatch(finding.name):
        message = "`{name}` is there only while IPython runs"
        hint = "give what it stands for a name in the cell that computes it"
    elif finding.code == "NB230" and finding.text:
        message, hint = finding.text, finding.hint
    elif finding.code in ("NB123", "NB220", "NB221", "NB222", "NB290"):
        hint = finding.hint or "write it in another way, or tag the cell `skip`"
    fill = {"name": finding.name, "text": finding.text, "hint": finding.hint}
    return Diagnostic(
        finding.code,
        _fill(message, fill),
        _fill(hint, fill),
        severity,
        path,
        statement.cell,
        getattr(finding.node, "lineno", None),
        (getattr(finding.node, "col_offset", -1) + 1) or None,
        names[statement.stage] if statement.stage is not None else None,
    )


def _setting(finding: Finding, names: Sequence[str]) -> tuple[str, str]:
    """What is said of a setting that cannot be made again in the stage whose number is the finding's hint."""
    stage = names[int(finding.hint)]
    if finding.text:
        root = finding.text.partition(".")[0]
        message = f"nobody knows what `{finding.text}()` sets in the process, and stage `{stage}` uses {root} too"
        hint = "put the line into a cell of its own tagged `setup`, which every stage repeats, or say in nb2stage.toml what"
        return message, f'{hint} it does: `[calls]` `"{finding.text}" = "atom sets:{root}"`, or `"atom"` for nothing'
    what = finding.name.removeprefix("library ").removeprefix("patch ")
    message = f"this changes the settings of the process ({what}) in a way that cannot be repeated in stage `{stage}`"
    call = isinstance(finding.statement.node, ast.Expr | ast.Delete) or not finding.statement.binds
    if call and not finding.statement.impure:
        return message, f"make it with constants, or repeat the line at the beginning of stage `{stage}`"
    return message, "make the setting in a line of its own that does nothing else, in a cell tagged `setup`"


def _fill(text: str, values: dict[str, str]) -> str:
    for key, value in values.items():
        text = text.replace("{" + key + "}", value)
    return text


class Notes:
    """Collects what planning has to say about one notebook."""

    def __init__(self, path: str, names: Sequence[str]) -> None:
        self.path, self.names = path, names
        self.diagnostics: list[Diagnostic] = []

    def add(
        self,
        severity: Severity,
        code: str,
        message: str,
        hint: str = "",
        *,
        stage: str | None = None,
        statement: Statement | None = None,
        node: ast.AST | None = None,
    ) -> None:
        """Add a finding about a stage, or about a statement or a node in it."""
        where = node if node is not None else statement.node if statement is not None else None
        if stage is None and statement is not None and statement.stage is not None:
            stage = self.names[statement.stage]
        cell = statement.cell if statement is not None else None
        line = getattr(where, "lineno", None)
        found = Diagnostic(code, message, hint, severity, self.path, cell, line, stage=stage)
        if found not in self.diagnostics:  # a comprehension is gone through more than once
            self.diagnostics.append(found)

    def error(self, use: FileUse, code: str, message: str, hint: str) -> None:
        """Add an error about the use of a file."""
        self.add(Severity.ERROR, code, message, hint, statement=use.statement, node=use.node)

    def warn(self, use: FileUse, code: str, message: str, hint: str) -> None:
        """Add a warning about the use of a file."""
        self.add(Severity.WARNING, code, message, hint, statement=use.statement, node=use.node)
