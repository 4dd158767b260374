"""A cell on its way to plain Python: what the translation needs to know of it, and what it has found."""

from __future__ import annotations

import ast
import warnings
from typing import Final

from nb2stage.diagnostics import Diagnostic, Severity
from nb2stage.patterns import Pattern
from nb2stage.reading.notebook import Cell
from nb2stage.records import dataclass, field
from nb2stage.trees import walk


@dataclass(frozen=True)
class PythonCell:
    """A code cell as plain Python with the lines of the original.

    `imports` are the statements that the translation needs, by name.  The 1-based lines in `dropped` mean nothing in a
    script: in `text` they are a comment, `pass` or blank.  `automagic` is the magic as which IPython takes a cell such
    as `ls` when nothing of that name is bound.
    """

    cell: Cell
    text: str
    imports: dict[str, str]
    dropped: frozenset[int]
    requirements: tuple[str, ...]
    has_magic: bool
    automagic: str | None = None
    colab: bool = False  # something was left out that only Colab has


@dataclass(frozen=True)
class Names:
    """The names that cells bind and read: they tell whether `$HOME` is a variable, and whether `out` is ever used.

    `read` has attributes of names too (`out.stdout`).  `more` are names whose values are used as more than a list of
    items, `taken` those that a cell binds: a translation cannot import something else by them.
    """

    bound: frozenset[str]
    read: frozenset[str]
    more: frozenset[str] = frozenset()
    taken: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Wrapped:
    """The body of a cell as a text between `before` and `after`; `exact` tells that each blank of it counts."""

    before: str
    after: str
    exact: bool = False


class RefusedError(Exception):
    """A piece of IPython syntax without a faithful form in a script."""

    def __init__(self, message: str, hint: str, code: str = "NB302") -> None:
        super().__init__(message)
        self.message, self.hint, self.code = message, hint, code


# A line that IPython takes for an empty text, which is not shown; the value above it does not end the cell any more.
LONE_SEMICOLON: Final = Pattern(r"\s*;\s*(#.*)?")


def ends_in_semicolon(text: str, node: ast.AST) -> bool:
    """Whether a `;` follows the last statement of a cell: on its line, or alone below it, where it is a comment now."""
    lines = text.split("\n")
    last = node.end_lineno  # type: ignore[attr-defined]
    rest = lines[last - 1].encode()[node.end_col_offset :].decode()  # type: ignore[attr-defined]
    return rest.lstrip(" \t)").startswith(";") or any(
        LONE_SEMICOLON.fullmatch(line.removeprefix("# ")) for line in lines[last:]
    )


# What translations import otherwise than by `import NAME`.
NEEDED: Final = {
    "Path": "from pathlib import Path",
    "SList": "from IPython.utils.text import SList",
    "capture_output": "from IPython.utils.capture import capture_output",
}


@dataclass
class Work:
    """A cell on its way to Python."""

    cell: Cell
    path: str
    stage: str | None
    names: Names | None
    lines: list[str]
    findings: list[Diagnostic] = field(default_factory=list)
    imports: dict[str, str] = field(default_factory=dict)
    dropped: set[int] = field(default_factory=set)
    placeholders: set[int] = field(default_factory=set)
    requirements: list[str] = field(default_factory=list)
    timed: dict[int, str] = field(default_factory=dict)
    blocks: list[tuple[int, str]] = field(default_factory=list)  # line (from 0) and header of what follows it
    target: str = ""  # what the command being translated is assigned to
    wrapped: bool = False
    line: int = 1

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def report(
        self,
        code: str,
        message: str,
        hint: str,
        severity: Severity = Severity.ERROR,
        line: int | None = None,
        column: int | None = None,
    ) -> None:
        place = (self.path, self.cell.index, line or self.line, column, self.stage)
        self.findings.append(Diagnostic(code, message, hint, severity, *place))

    def need(self, name: str) -> None:
        self.imports[name] = NEEDED.get(name, f"import {name}")

    def comment_out(self, first: int, last: int) -> None:
        """Turn the lines `first` to `last` (from 0) into comments that the script does not need."""
        for number in range(first, last + 1):
            if self.lines[number].strip():
                self.lines[number] = f"# {self.lines[number]}"
            self.dropped.add(number + 1)

    def put(self, first: int, last: int, code: str) -> None:
        """Replace the lines `first` to `last` (from 0) by one of code, and blank ones to keep the count."""
        self.lines[first] = code
        for number in range(first + 1, last + 1):
            self.lines[number] = ""
            self.dropped.add(number + 1)


def drop(work: Work, first: int, last: int, column: int) -> None:
    """Take out a command that means nothing in a script; a block must not become empty."""
    if column == 0:
        work.comment_out(first, last)
        return
    indent = work.lines[first][:column]
    text = work.lines[first].strip()
    work.comment_out(first, last)
    work.lines[first] = f"{indent}pass  # {text}"
    for number in range(first + 1, last + 1):
        work.lines[number] = indent + work.lines[number]
    work.placeholders.add(first + 1)


def settle_dropped(work: Work) -> None:
    """Keep what the other lines need: the first `pass` of a block that has nothing else, and a continued line's end."""
    for number in sorted(work.dropped):
        if number > 1 and number - 1 not in work.dropped and work.lines[number - 2].endswith("\\"):
            work.dropped.discard(number)
    if not work.placeholders:
        return
    for node in walk(parse(work.text)):
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list) and block and all(s.lineno in work.placeholders for s in block):
                work.dropped.discard(block[0].lineno)


def bindings(node: ast.AST) -> list[str]:
    """The names that a node of the tree binds."""
    if isinstance(node, ast.Name):
        return [node.id]
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [alias.asname or alias.name.split(".")[0] for alias in node.names]
    if isinstance(node, ast.arg):
        return [node.arg]
    name = getattr(node, "rest", None) or getattr(node, "name", None)
    return [name] if isinstance(name, str) and not isinstance(node, ast.alias) else []


def parse(text: str) -> ast.Module:
    """The tree of a cell; top-level `await` is fine in a notebook."""
    flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # dont_inherit: this module's own __future__ must not reach the cell.
        tree = compile(text, "<cell>", "exec", flags=flags, dont_inherit=True)
    assert isinstance(tree, ast.Module)
    return tree


def problem_of(text: str) -> Exception | None:
    """Why Python would not compile a cell."""
    try:
        tree = parse(text)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # `return` outside a function parses, and does not compile.
            compile(tree, "<cell>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return error
    return None
