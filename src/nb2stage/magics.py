"""IPython syntax -> Python of the same line count, and what each magic does; the user's own text is kept.

A cell that is plain Python is left alone, and IPython is not even imported.  Otherwise IPython's own token
transformers say where its syntax stands, and the tables below say what becomes of it.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import importlib
import re
import shlex
import sys
import warnings
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from nb2stage.diagnostics import Diagnostic, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from nb2stage.notebook import Cell


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


def _words(text: str) -> frozenset[str]:
    """The words of a table."""
    return frozenset(text.split())


@dataclass(frozen=True)
class Names:
    """The names that cells bind and read: they tell whether `$HOME` is a variable, and whether `out` is ever used.

    `taken` are those that translations need (`os`, `Path`, ...) and that a cell binds to something else.
    """

    bound: frozenset[str]
    read: frozenset[str]
    taken: frozenset[str] = frozenset()


class Verdict(Enum):
    """What becomes of a magic in a script."""

    TRANSLATED = "translated"
    DROPPED = "dropped"
    REFUSED = "refused"


class Code(Enum):
    """What the code given to a magic is: is it Python, does it run in the user's namespace, do its bindings survive?"""

    NONE = "no Python that runs here"
    READS = "Python in the user's namespace, and its bindings are lost"
    BINDS = "Python in the user's namespace, and its bindings survive"


@dataclass(frozen=True)
class Magic:
    """A row of the tables: the verdict on a magic, and what the code that it is given is."""

    verdict: Verdict
    hint: str = ""
    translate: Callable[[_Work, str, bool], str | None] | None = None
    cell: Callable[[_Work, str], _Wrapped | bool] | None = None
    code: Code = Code.NONE


@dataclass(frozen=True)
class _Wrapped:
    """The body of a cell as a text between `before` and `after`; `exact` tells that each blank of it counts."""

    before: str
    after: str
    exact: bool = False


class _RefusedError(Exception):
    """A piece of IPython syntax without a faithful form in a script."""

    def __init__(self, message: str, hint: str, code: str = "NB302") -> None:
        super().__init__(message)
        self.message, self.hint, self.code = message, hint, code


@dataclass
class _Work:
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
        self.imports[name] = _NEEDED[name]

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


def to_python(
    cell: Cell, path: str, stage: str | None = None, *, names: Names | None = None
) -> tuple[PythonCell | None, list[Diagnostic]]:
    """The cell in plain Python, and findings; None where it has no Python form.

    `names` (see `names_of`) settles what one cell cannot tell: whether the HOME of `!echo $HOME` is a variable.
    Where a magic is refused, the text has `pass` or `x = ...` in its place, so that the rest can still be looked at.
    """
    work = _Work(cell, path, stage, names, cell.source.split("\n"))
    plain = _problem(cell.source) is None
    automagic = _automagic(work.lines) if plain else None
    if automagic and names and automagic not in names.bound and not hasattr(builtins, automagic):
        _automagic_line(work)
    elif not plain:
        # Where the tokenizer gives up, the parser below says why.
        with contextlib.suppress(SyntaxError, RecursionError, RuntimeError, MemoryError, ValueError, IndexError):
            _translate(work)
        problem = _problem(work.text)
        if problem is not None:
            _report_problem(work, problem)
            return None, work.findings
    if "get_ipython" in work.text:
        _translate_calls(work)
    _check_functions(work)
    _settle_dropped(work)
    _check_taken(work)
    text = work.text
    _warn_blank_lines(work, text)
    result = PythonCell(
        cell,
        text,
        work.imports,
        frozenset(work.dropped),
        tuple(dict.fromkeys(work.requirements)),
        has_magic=not plain or text != cell.source,
        automagic=automagic,
    )
    return result, work.findings


def names_of(cells: Iterable[Cell]) -> Names:
    """The names that code cells bind anywhere, in functions too, and those that they read."""
    bound: set[str] = set()
    read: set[str] = set()
    taken: set[str] = set()
    for cell in cells:
        if cell.kind != "code":
            continue
        python, _ = to_python(cell, "")
        if python is None:
            read.update(re.findall(r"\w+", cell.source))
            continue
        tree = _parse(python.text)
        taken.update(_taken(tree))
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                read.add(node.id)
            else:
                bound.update(_bindings(node))
        if python.has_magic:
            # A refused magic may read names that its text no longer shows.
            lines = [line for line in cell.source.split("\n")[1:] if re.match(r"\s*[%!]", line)]
            read.update(re.findall(r"\w+", "\n".join(lines)))
    return Names(frozenset(bound), frozenset(read), frozenset(taken))


# What translations import, by name.
_NEEDED: Final = {
    "os": "import os",
    "subprocess": "import subprocess",
    "shlex": "import shlex",
    "Path": "from pathlib import Path",
}


def _taken(tree: ast.Module) -> set[str]:
    """The names of `_NEEDED` that a cell binds to something else."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            continue
        if isinstance(node, ast.Import):
            usual = {a.name.split(".")[0] for a in node.names if a.asname in (None, a.name)}
        elif isinstance(node, ast.ImportFrom) and node.module == "pathlib":
            usual = {a.name for a in node.names if a.asname in (None, a.name)}
        else:
            usual = set()
        found.update(name for name in _bindings(node) if name in _NEEDED and name not in usual)
    return found


def _check_taken(work: _Work) -> None:
    """Refuse a translation whose `os` would be the user's variable `os`."""
    if not work.imports:
        return
    taken = _taken(_parse(work.text)) | (work.names.taken if work.names else frozenset())
    for name in sorted(taken & work.imports.keys()):
        message = f"its magics need `{_NEEDED[name]}` in a script, and the notebook calls something else `{name}`"
        work.report("NB302", message, f"rename that `{name}`", line=1)


def _bindings(node: ast.AST) -> list[str]:
    """The names that a node of the tree binds."""
    if isinstance(node, ast.Name):
        return [node.id]
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [alias.asname or alias.name.split(".")[0] for alias in node.names]
    if isinstance(node, ast.arg):
        return [node.arg]
    name = getattr(node, "rest", None) or getattr(node, "name", None)
    return [name] if isinstance(name, str) and not isinstance(node, ast.alias) else []


# -- parsing


def _parse(text: str) -> ast.Module:
    """The tree of a cell; top-level `await` is fine in a notebook."""
    flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # dont_inherit: this module's own __future__ must not reach the cell.
        tree = compile(text, "<cell>", "exec", flags=flags, dont_inherit=True)
    assert isinstance(tree, ast.Module)
    return tree


def _problem(text: str) -> Exception | None:
    """Why Python would not compile a cell."""
    try:
        tree = _parse(text)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # `return` outside a function parses, and does not compile.
            compile(tree, "<cell>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return error
    return None


# (pattern in the line, or in Python's message; what it was in Python 2; what to write)
_PYTHON_2: Final = (
    (r"Missing parentheses in call to 'print'|print\s+>>", "the print statement", "write `print(...)`"),
    (r"Missing parentheses in call to 'exec'", "the exec statement", "write `exec(code)`"),
    (r"except\s+[\w.()]+\s*,\s*\w+\s*:", "`except X, e`", "write `except X as e:`"),
    (r"\braise\s+[\w.]+\s*,", "`raise X, message`", "write `raise X(message)`"),
    (r"<>", "`<>`", "write `!=`"),
    (r"leading zeros in decimal integer", "an octal number such as 0777", "write `0o777`"),
    (r"^\s*[^#'\"]*\bur['\"]", "a `ur` text", "write `r` in place of `ur`"),
    (r"invalid decimal literal.*\d[lL]\b|\b\d+[lL]\b", "a long integer such as 10L", "write it without the L"),
    (r"`[^`]+`", "backquotes", "write `repr(...)`"),
)
# (first Python that has it, pattern in the line or message, what it is)
_NEWER: Final = (
    ((3, 11), r"\bexcept\s*\*", "`except*`"),
    ((3, 12), r"^\s*type\s+\w+\s*(\[.*\])?\s*=", "a `type` statement"),
    ((3, 12), r"^\s*(async\s+)?(def|class)\s+\w+\s*\[", "type parameters"),
    ((3, 12), r"f-string", "this form of f-string"),
    ((3, 14), r"\bt['\"]", "a t-string"),
    ((3, 14), r"\bexcept\s+[\w.]+\s*(,\s*[\w.]+\s*)+:", "`except A, B:` without parentheses"),
)


def _report_problem(work: _Work, problem: Exception) -> None:
    """Say why a cell is no Python, and what to do."""
    if not isinstance(problem, SyntaxError):
        if isinstance(problem, ValueError):
            work.report("NB123", f"Python cannot read the cell: {problem}", "delete the odd character", line=1)
        else:
            work.report("NB123", "the cell is nested too deeply for Python's parser", "split the expression up", line=1)
        return
    line = min(max(problem.lineno or 1, 1), len(work.lines))
    original = work.cell.source.split("\n")
    text = original[line - 1] if line <= len(original) else ""
    code, message, hint = _diagnosis(problem.msg, text)
    if re.match(r"\s*(pip|conda|mamba)\s+install\b", text):
        hint = f"write `%{text.strip()}`"
    column = problem.offset if problem.offset and problem.offset > 0 else None
    work.report(code, message, hint, line=line, column=column)


def _diagnosis(message: str, line: str) -> tuple[str, str, str]:
    """Code, message and hint for a syntax error in `line`."""
    for pattern, what, hint in _PYTHON_2:
        if re.search(pattern, message) or re.search(pattern, line):
            return "NB121", f"the cell is Python 2: {what}", f"{hint} (`2to3` converts whole files)"
    running = sys.version_info[:2]
    for version, pattern, what in _NEWER:
        if running < version and (re.search(pattern, line) or re.match(pattern, message)):
            wanted = ".".join(map(str, version))
            hint = f"correct the line, or run nb2stage with the Python of the notebook ({wanted} or newer)"
            return "NB122", f"{what} may need Python {wanted}, and this is {running[0]}.{running[1]}: {message}", hint
    hint = "correct the line, or tag the cell `skip` if the pipeline does not need it"
    return "NB120", f"the cell is not valid Python: {message}", hint


def _warn_blank_lines(work: _Work, text: str) -> None:
    """IPython (9.18 at least) empties a line of blanks also inside a text, so that its value in a script is another."""
    blank = {n for n, line in enumerate(text.split("\n"), start=1) if line and line.isspace()}
    if not blank or work.wrapped:
        return
    tree = _parse(text)
    # The text of a docstring matters to nobody.
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        string = isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))
        if not string or id(node) in docstrings:
            continue
        assert isinstance(node, ast.expr)
        inside = sorted(blank & set(range(node.lineno, (node.end_lineno or node.lineno) + 1)))
        if inside:
            message = "a line of blanks in a text: recent versions of IPython remove the blanks, a script keeps them"
            work.report("NB124", message, "delete the blanks on that line", Severity.WARNING, inside[0])
            return


# -- finding IPython's syntax


def _translate(work: _Work) -> None:
    """Turn all IPython syntax of the cell into Python."""
    ipython: Any = importlib.import_module("IPython.core.inputtransformer2")
    start = 0
    while (first := _clean(work, ipython, start)) is not None:
        line = work.lines[first]
        if not line.startswith("%%") or re.match(r"%%\w+\?", line):
            break
        work.line = first + 1
        if not _cell_magic(work, first):
            return
        start = first + 1
    if start == 0 and _automagic_line(work):
        return
    manager = ipython.TransformerManager()
    for _ in range(ipython.TRANSFORM_LOOP_LIMIT):
        if not _next_command(work, ipython, manager):
            return


def _clean(work: _Work, ipython: Any, start: int) -> int | None:
    """Take off the indent of the whole cell and prompts, as IPython does; the index of the first line with text."""
    lines = [f"{line}\n" for line in work.lines[start:]]
    first = next((i for i, line in enumerate(lines) if line.strip()), None)
    if first is None:
        return None
    body = lines[first:]
    if body[0][0] in " \t":
        body = ipython.leading_indent(body)
    body = ipython.ipython_prompt(ipython.classic_prompt(body))
    if len(body) == len(lines) - first:
        work.lines[start + first :] = [line.removesuffix("\n") for line in body]
    return start + first


def _next_command(work: _Work, ipython: Any, manager: Any) -> bool:
    """Translate the first piece of IPython syntax that is left; False where there is none."""
    lines = [f"{line}\n" for line in work.lines]
    tokens = ipython.make_tokens_by_line(lines)
    found = [t for kind in manager.token_transformers if (t := kind.find(tokens))]
    for transformer in sorted(found, key=lambda t: t.sortby()):
        try:
            transformer.transform(list(lines))
        except SyntaxError:
            continue
        first, column = transformer.start_line, transformer.start_col
        work.line = first + 1
        if isinstance(transformer, ipython.HelpEnd):
            _drop(work, first, transformer.q_line, column)
            return True
        last = min(ipython.find_end_of_continued_line(lines, first), len(lines) - 1)
        command = ipython.assemble_continued_line(lines, (first, column), last)
        assigned = isinstance(transformer, ipython.MagicAssign | ipython.SystemAssign)
        _command(work, command, first, last, column, assigned)
        return True
    return False


def _command(work: _Work, command: str, first: int, last: int, column: int, assigned: bool) -> None:
    """Translate one command that begins with an escape, such as `%time x = 1` or the `!ls` of `x = !ls`."""
    before = work.lines[first][:column]
    try:
        code = _code_of(work, command, assigned)
        if code is None and assigned:
            hint = "delete the assignment, or write the value in plain Python"
            raise _RefusedError(f"`{command}` gives nothing that a script could assign", hint)
    except _RefusedError as refusal:
        work.report(refusal.code, refusal.message, refusal.hint)
        # The name stays bound for the analysis of the other cells.
        work.put(first, last, before + ("..." if assigned else "pass"))
        return
    if code is None:
        _drop(work, first, last, column)
    else:
        work.put(first, last, before + code)


def _drop(work: _Work, first: int, last: int, column: int) -> None:
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


def _code_of(work: _Work, command: str, assigned: bool) -> str | None:
    """The Python of one command, None for nothing."""
    if command.startswith("!!"):
        return _capture(work, command[2:]) if assigned else _system(work, command[2:], assigned)
    if command.startswith("!"):
        return _system(work, command[1:], assigned)
    if command.startswith("?"):
        return None
    if not command.startswith("%"):
        name = command[1:].split(" ")[0]
        hint = f"write the call out: `{name}(...)`" if name else "correct the line"
        raise _RefusedError(f"`{command:.60}` is IPython's auto-call syntax", hint, "NB305")
    if command.startswith("%%"):
        name = command[2:].split(" ")[0]
        hint = f"move the line to the very top of the cell, above comments too, or write `%{name}`"
        raise _RefusedError(f"`%%{name}` stands below other lines: IPython refuses it there", hint, "NB306")
    return _line_magic(work, command[1:].lstrip(), assigned)


def _line_magic(work: _Work, command: str, assigned: bool) -> str | None:
    """The Python of a line magic, None for nothing."""
    name, _, args = command.partition(" ")
    magic = LINE_MAGICS.get(name)
    if magic is None:
        if name in CELL_MAGICS:
            raise _RefusedError(
                f"`%{name}` is a magic for a whole cell", f"write `%%{name}` as the first line", "NB306"
            )
        raise _unknown(f"%{name}")
    if magic.verdict is Verdict.REFUSED:
        raise _RefusedError(f"`%{name}` has no faithful form in a script", magic.hint)
    if magic.translate is not None:
        return magic.translate(work, args, assigned)
    return None


def _unknown(name: str) -> _RefusedError:
    """The refusal of a magic that comes from somewhere else."""
    hint = "write in plain Python what it does, or put it into a cell tagged `skip`"
    return _RefusedError(f"`{name}` is no magic of IPython's own: what it does is unknown", hint, "NB301")


def _cell_magic(work: _Work, first: int) -> bool:
    """Translate the cell magic on line `first` (from 0); True where a Python body is left to translate."""
    line = work.lines[first]
    name, _, args = line[2:].rstrip().partition(" ")
    last = len(work.lines) - 1
    body = "\n".join(work.lines[first + 1 :])
    try:
        outcome = _cell_outcome(work, name, args.strip(), body)
    except _RefusedError as refusal:
        work.report(refusal.code, refusal.message, refusal.hint)
        # A body that binds names is still of use to the analysis of the other cells.
        outcome = name in CELL_MAGICS and CELL_MAGICS[name].code is Code.BINDS
    if isinstance(outcome, _Wrapped):
        _wrap(work, first, outcome)
        return False
    if not outcome:
        work.comment_out(first, last)
        return False
    work.comment_out(first, first)
    return True


def _cell_outcome(work: _Work, name: str, args: str, body: str) -> _Wrapped | bool:
    """What becomes of a cell under `%%name args`: a text in a call, its Python body (True), or nothing (False)."""
    magic = CELL_MAGICS.get(name)
    if magic is None:
        if name in LINE_MAGICS:
            raise _RefusedError(f"`%%{name}` is a magic for one line", f"write `%{name}`", "NB306")
        raise _unknown(f"%%{name}")
    if magic.verdict is Verdict.REFUSED:
        raise _RefusedError(f"`%%{name}` has no faithful form in a script", magic.hint)
    if magic.cell is None:
        return False
    outcome = magic.cell(work, args)
    if isinstance(outcome, _Wrapped) and not body:
        raise _RefusedError(f"`%%{name}` has no body: IPython refuses it", "delete the cell", "NB306")
    return outcome


def _wrap(work: _Work, first: int, wrapped: _Wrapped) -> None:
    """Put the body of a cell into a triple-quoted text; IPython adds the last line end where it lacks."""
    lines = work.lines
    work.wrapped = True
    if wrapped.exact and any(line and line.isspace() for line in lines[first + 1 :]):
        message = "a line of blanks in the file: recent versions of IPython remove the blanks, a script keeps them"
        work.report("NB124", message, "delete the blanks on that line", Severity.WARNING)
    ended = lines[-1] == ""
    lines[first + 1 :] = [_triple(line) for line in lines[first + 1 :]]
    lines[first] = f'{wrapped.before}"""\\'
    lines[-1] += ("" if ended else "\\n") + f'"""{wrapped.after}'


def _triple(line: str) -> str:
    """A line as it stands inside triple double quotes."""
    line = line.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f\x85\u2028\u2029]", lambda m: repr(m[0])[1:-1], line)


def _automagic(lines: list[str]) -> str | None:
    """The magic as which IPython takes a cell of one line such as `ls -l`."""
    text = [line for line in lines if line.strip()]
    if len(text) != 1 or len(lines) - lines.index(text[0]) > 2:
        return None
    found = re.match(r"\s*(\w+)\s*(.*)", text[0])
    if found and found[1] in LINE_MAGICS and not found[2].startswith(("=", ",")):
        return found[1]
    return None


def _automagic_line(work: _Work) -> bool:
    """Treat a cell such as `pip install x`, which is no Python, as IPython does."""
    if _automagic(work.lines) is None:
        return False
    number = next(i for i, line in enumerate(work.lines) if line.strip())
    work.line = number + 1
    work.lines[number] = "%" + work.lines[number].strip()
    _command(work, work.lines[number], number, number, 0, assigned=False)
    return True


# -- IPython called from plain Python


def magic_of_call(node: ast.AST) -> str | None:
    """The IPython syntax that a call stands for: `get_ipython().run_line_magic("cd", "a")` -> `%cd a`."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node.keywords:
        return None
    shell = node.func.value
    if not (isinstance(shell, ast.Call) and isinstance(shell.func, ast.Name) and shell.func.id == "get_ipython"):
        return None
    args = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
    if len(args) != len(node.args) or not args or any("\n" in a for a in args):
        return None
    method = node.func.attr
    if method in ("run_line_magic", "magic"):
        return f"%{' '.join(args)}".rstrip()
    return f"!{args[0]}" if method in ("system", "getoutput") and len(args) == 1 else None


def _translate_calls(work: _Work) -> None:
    """Treat statements such as `get_ipython().run_line_magic(...)`, which nbconvert writes, as the magics they are."""
    for node in ast.walk(_parse(work.text)):
        if not isinstance(node, ast.Expr | ast.Assign) or node.lineno != node.end_lineno:
            continue
        command = magic_of_call(node.value)
        line = work.lines[node.lineno - 1]
        encoded = line.encode()
        column = len(encoded[: node.value.col_offset].decode())
        alone = not encoded[: node.col_offset].strip() and not encoded[node.value.end_col_offset :].strip(b" \t;")
        if command is None or not alone:
            continue
        work.line = node.lineno
        captured = isinstance(node, ast.Assign) or "getoutput" in line
        if captured and "getoutput" not in line and command.startswith("!"):
            continue
        _command(work, command, node.lineno - 1, node.lineno - 1, column, isinstance(node, ast.Assign))


# -- after the translation


def _check_functions(work: _Work) -> None:
    """`%time x = f()` inside a function binds nothing there: IPython works on a copy of the local names."""
    if not work.timed:
        return
    for node in ast.walk(_parse(work.text)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for line, name in list(work.timed.items()):
            if node.lineno < line <= (node.end_lineno or node.lineno):
                del work.timed[line]
                message = f"`{name}` inside a function: what it binds there is lost"
                work.report("NB302", message, f"delete `{name}` and keep the statement", line=line)


def _settle_dropped(work: _Work) -> None:
    """Keep what the other lines need: the first `pass` of a block that has nothing else, and a continued line's end."""
    for number in sorted(work.dropped):
        if number > 1 and number - 1 not in work.dropped and work.lines[number - 2].endswith("\\"):
            work.dropped.discard(number)
    if not work.placeholders:
        return
    for node in ast.walk(_parse(work.text)):
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list) and block and all(s.lineno in work.placeholders for s in block):
                work.dropped.discard(block[0].lineno)


# -- texts with {x} and $x in them


def _quoted(text: str, quote: str = '"') -> str:
    """A text between quotes, double ones by preference."""
    if quote == '"' and '"' in text and "'" not in text:
        quote = "'"
    return quote + _escaped(text, quote) + quote


def _escaped(text: str, quote: str) -> str:
    """The inside of a text between quotes."""
    literal = repr(text)
    inner = literal[1:-1].replace("\\'", "'") if literal[0] == "'" else literal[1:-1]
    return inner.replace(quote, f"\\{quote}")


# Environment variables that nobody binds in Python.
_ENVIRONMENT: Final = re.compile(
    r"HOME|PATH|USER|LOGNAME|PWD|OLDPWD|SHELL|LANG|TERM|TMPDIR|TEMP|HOSTNAME|CONDA_\w+|LC_\w+"
)


def _parts(work: _Work, text: str) -> list[str | tuple[str, str | None]]:
    """The text cut into plain pieces and (expression, conversion) pairs, as IPython's formatter cuts it.

    IPython leaves the *whole* text alone when one of its fields cannot be evaluated: `awk '{print $1}'`.
    """
    formatter: Any = importlib.import_module("IPython.utils.text").DollarFormatter()
    parts: list[str | tuple[str, str | None]] = []
    try:
        for literal, name, spec, conversion in formatter.parse(text):
            if literal:
                parts.append(literal)
            if name is not None:
                expression = (f"{name}:{spec}" if spec else name).strip()
                if not _evaluates(work, expression) or conversion not in (None, "", "r", "s", "a"):
                    return [text]
                parts.append((expression, conversion or None))
    except (ValueError, IndexError):
        return [text]
    return parts or [""]


def _evaluates(work: _Work, expression: str) -> bool:
    """Whether IPython could evaluate a field, as far as can be told without running anything."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(expression, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    inner = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    inner |= {n.arg for n in ast.walk(tree) if isinstance(n, ast.arg)}
    names = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)} - inner
    if work.names is None:
        return not any(_ENVIRONMENT.fullmatch(name) for name in names)
    return all(name in work.names.bound or hasattr(builtins, name) for name in names)


def _text(work: _Work, text: str) -> str:
    """The Python expression of a text with IPython's `{x}` and `$x` in it."""
    parts = _parts(work, text)
    if all(isinstance(part, str) for part in parts):
        return _quoted("".join(part for part in parts if isinstance(part, str)))
    expressions = [part[0] for part in parts if not isinstance(part, str)]
    for quote in ('"', "'"):
        if not any(re.search(rf"[{{}}\\#!\n]|lambda|{quote}", e) for e in expressions):
            pieces = (
                _escaped(p, quote).replace("{", "{{").replace("}", "}}")
                if isinstance(p, str)
                else "{" + p[0] + (f"!{p[1]}" if p[1] else "") + "}"
                for p in parts
            )
            return f"f{quote}{''.join(pieces)}{quote}"
    functions = {"r": "repr", "s": "str", "a": "ascii", None: "format"}
    return " + ".join(_quoted(p) if isinstance(p, str) else f"{functions[p[1]]}({p[0]})" for p in parts)


def _literal(work: _Work, text: str, what: str) -> str:
    """A text that must have no field in it."""
    parts = _parts(work, text)
    if len(parts) == 1 and isinstance(parts[0], str):
        return parts[0]
    raise _RefusedError(f"`{what}` with a variable in it", "write it in plain Python")


# -- shell commands

# What bash and zsh understand and a plain /bin/sh does not, or reads in another way.
_NOT_POSIX: Final = re.compile(
    r"\[\[|<\(|>\(|<<<|&>|\|&|\$'|\{[^{}\s]*(?:,|\.\.)[^{}\s]*\}|\*\*|\(\(|=\(|\$RANDOM|\becho\b.*(?:\\| -[neE])"
    r"|\b(?:source|pushd|popd|shopt|pipefail|function|declare|typeset|let|read|mapfile|time)\b"
)
_PIP_VALUES: Final = _words(
    """-c --constraint -i --index-url --extra-index-url -f --find-links -t --target --prefix --root --trusted-host
    --proxy --timeout --retries --cache-dir --upgrade-strategy --python --log --platform -n --name -p --channel
    --no-binary --only-binary --progress-bar --index"""
)
_INERT: Final = _words("list show check freeze help config cache info search debug index inspect --version -V")
_REMOVING: Final = frozenset(("uninstall", "remove", "update", "upgrade"))


def _system(work: _Work, command: str, assigned: bool) -> str | None:
    """`!command` as a call: a failing command does not raise, as in IPython."""
    if assigned:
        return _capture(work, command)
    if not command.strip() or _packages(work, command):
        return None
    return f"subprocess.run({_shell(work, command)})"


def _capture(work: _Work, command: str) -> str:
    """`x = !command`: the lines of what it prints, errors among them."""
    pipes = "text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT"
    return f"subprocess.run({_shell(work, command)}, {pipes}).stdout.splitlines()"


def _shell(work: _Work, command: str) -> str:
    """The arguments of `subprocess.run` for a command; IPython takes the shell that SHELL names."""
    command = command.strip()
    if command.endswith("&"):
        hint = "start it with `subprocess.Popen(...)`, or delete the `&`"
        raise _RefusedError(f"`!{command:.60}` runs in the background: IPython refuses it", hint, "NB303")
    work.need("subprocess")
    text = _text(work, command)
    if not _NOT_POSIX.search(command):
        return f"{text}, shell=True"
    work.need("os")
    return f'{text}, shell=True, executable=os.environ.get("SHELL")'


def _packages(work: _Work, command: str) -> bool:
    """Whether a command does nothing but install packages or show them; what it installs is noted down."""
    wanted: list[str] = []
    removes = False
    for segment in re.split(r"\s*(?:&&|;|\|\|)\s*", command.strip()):
        try:
            words = shlex.split(re.sub(r"\s(?:\d?>|&>|\|).*", "", segment))
        except ValueError:
            return False
        found = _package_command(words)
        if found is None or (found[0] in _INERT and re.search(r"\s\d?>|\|", segment)):
            return False
        removes = removes or found[0] in _REMOVING
        wanted += _requirements(found[1]) if found[0] == "install" else []
    work.requirements += wanted
    if removes:
        hint = "change the environment outside the pipeline"
        work.report("NB304", f"`{command.strip():.60}` was left out", hint, Severity.WARNING)
    return True


def _package_command(words: list[str]) -> tuple[str, list[str]] | None:
    """(action, arguments) of pip, conda and their like."""
    if words[:1] == ["sudo"]:
        words = words[1:]
    python = words and re.fullmatch(r"\{sys\.executable\}|\$sys\.executable|(.*/)?(python|py)[\d.]*(\.exe)?", words[0])
    if python and words[1:2] == ["-m"]:
        words = words[2:]
    if words[:2] == ["uv", "pip"]:
        words = words[1:]
    if not words or not re.fullmatch(r"(.*/)?(pip[\d.]*|conda|mamba|micromamba)", words[0]):
        return None
    action = next((i for i, word in enumerate(words[1:], start=1) if not word.startswith("-") or word in _INERT), None)
    if action is None:
        return None
    known = words[action] == "install" or words[action] in _INERT or words[action] in _REMOVING
    return (words[action], words[action + 1 :]) if known else None


def _requirements(args: list[str]) -> list[str]:
    """The packages among the arguments of an install command."""
    found: list[str] = []
    rest = iter(args)
    for word in rest:
        if word in ("-r", "--requirement"):
            found.append(f"-r {next(rest, '')}".strip())
        elif word in ("-e", "--editable"):
            found.append(f"-e {next(rest, '')}".strip())
        elif word in _PIP_VALUES:
            next(rest, None)
        elif word == "#":
            break
        elif not word.startswith("-") and not re.search(r"[{$]", word):
            found.append(word)
    return found


# -- line magics: (work, arguments, assigned) -> Python, or None for nothing


def _pip(work: _Work, args: str, assigned: bool, *, tool: str) -> str | None:
    if not _packages(work, f"{tool} {args}"):
        hint = "run it in a terminal, or write it as a command: `!...`"
        raise _RefusedError(f"`%{tool} {args:.40}` does more than install packages", hint)
    return None


def _alias(work: _Work, args: str, assigned: bool, *, command: str) -> str | None:
    """IPython's shell aliases: `%mkdir out`.  Those that only show something are dropped."""
    shows = command in ("ls", "cat")
    if assigned or (shows and not re.search(r"[>|;&]", args)):
        return None
    if command == "ls":
        raise _RefusedError("IPython's `%ls` adds options and colours of its own", f"write `!ls {args}`")
    return f"subprocess.run({_shell(work, f'{command} {args}')})"


def _without_options(args: str, name: str) -> str:
    """The arguments of `%prun` without the options that say how its report looks."""
    return re.sub(r"^\s*(-q(?!\S)\s*|-[sl]\s*\S+\s*)*", "", args).strip() if name == "prun" else args.strip()


def _statement(work: _Work, args: str, assigned: bool, *, name: str) -> str | None:
    """`%time x = f()`: the statement itself, in the same namespace."""
    text = _without_options(args, name)
    if re.match(r"--?[a-zA-Z]", text):
        raise _RefusedError(f"`%{name}` with an option", f"delete `%{name}` and its options, and keep the statement")
    if not text:
        return None
    if text[0] in "%!":
        return _code_of(work, text, assigned)
    try:
        body = _parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        message = f"the statement of `%{name}` is not valid Python: {getattr(error, 'msg', error)}"
        raise _RefusedError(message, f"delete `%{name}`, and correct the statement", "NB120") from None
    simple = len(body) == 1 and isinstance(body[0], ast.Expr)
    if assigned and (not simple or text.endswith(";") or name != "time"):
        raise _RefusedError(
            f"the value of `%{name} {text:.40}` cannot be told", "write the assignment without the magic"
        )
    if assigned and "#" in text:
        return ast.unparse(body[0])
    if not simple:
        work.timed[work.line] = f"%{name}"
    return text


def _timeit(work: _Work, args: str, assigned: bool) -> str | None:
    options = re.match(r"(?:-[a-zA-Z]\S*\s+(?:\d+\s+)?)*", f"{args.strip()} ")
    given = options[0] if options else ""
    if assigned or re.search(r"-\w*[ov]", given):
        hint = "measure with `time.perf_counter()` where the time itself is needed, or delete the line"
        raise _RefusedError("the value of `%timeit` is another one at each run", hint)
    _warn_timed(work, args.strip()[len(given) - 1 :] if given.strip() else args, "%timeit")
    return None


def _warn_timed(work: _Work, statement: str, name: str) -> None:
    """A statement that is timed is left out: say so where it might change something."""
    try:
        changes = any(map(_may_change, ast.walk(_parse(statement.strip()))))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        changes = True
    if changes:
        hint = f"if the statement changes something that later cells use, write it without `{name}`"
        work.report("NB304", f"`{name}` was left out with its statement", hint, Severity.WARNING)


def _may_change(node: ast.AST) -> bool:
    """Whether a piece of code may change more than the value of a name."""
    stores = isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load)
    return stores or isinstance(node, ast.Call | ast.Await | ast.Import | ast.ImportFrom | ast.AugAssign)


def _env(work: _Work, args: str, assigned: bool) -> str | None:
    text = args.strip()
    separator = "=" if "=" in text else " "
    name, given, value = text.partition(separator)
    name = _literal(work, name.strip(), "%env")
    if not given:
        if not assigned:
            return None
        if not name:
            raise _RefusedError("`%env` hides values that look secret", "write `dict(os.environ)`")
        work.need("os")
        return f"os.environ[{_quoted(name)}]"
    if assigned:
        raise _RefusedError("`%env` sets a variable and gives nothing", "write it without the assignment")
    if not name or re.search(r"\s", name):
        raise _RefusedError(f"`%env {text:.40}` names no variable: IPython refuses it", "write `%env NAME=value`")
    work.need("os")
    parts = _parts(work, value.strip())
    strip = ".strip()" if not (isinstance(parts[0], str) and isinstance(parts[-1], str)) else ""
    return f"os.environ[{_quoted(name)}] = {_text(work, value.strip())}{strip}"


def _cd(work: _Work, args: str, assigned: bool) -> str | None:
    try:
        words = [w for w in shlex.split(args) if w != "-q"]
    except ValueError:
        words = []
    target = " ".join(words)
    if assigned or not target or target.startswith("-"):
        hint = 'write `os.chdir("folder")`, or better, paths from the folder of the notebook'
        raise _RefusedError(f"`%cd {args:.40}` depends on the history of folders", hint)
    work.need("os")
    text = _text(work, target)
    return f"os.chdir(os.path.expanduser({text}))" if target.startswith("~") else f"os.chdir({text})"


def _pwd(work: _Work, args: str, assigned: bool) -> str | None:
    if not assigned:
        return None
    work.need("os")
    return "os.getcwd()"


def _sx(work: _Work, args: str, assigned: bool) -> str | None:
    return _system(work, args, assigned)


def _config(work: _Work, args: str, assigned: bool) -> str | None:
    if re.match(r"\s*InlineBackend\.rc\b", args):
        raise _RefusedError(
            "`%config InlineBackend.rc` sets matplotlib's rcParams", "write `plt.rcParams.update({...})`"
        )
    if re.match(r"\s*\w*InteractiveShell\.(autocall|ast_transformers|system_raise_on_error)\b", args):
        raise _RefusedError(
            f"`%config {args:.50}` changes how cells run", "delete the line, and write the cells without it"
        )
    return None


# Extensions that add magics or a display, and change nothing else.
_EXTENSIONS: Final = _words(
    """autoreload storemagic sql tensorboard line_profiler memory_profiler watermark lab_black nb_black jupyter_black
    blackcellmagic rpy2.ipython Cython cython dotenv google.colab.data_table version_information heat scalene snakeviz
    pycodestyle_magic jupyter_ai jupyter_ai_magics nb_mypy google.cloud.bigquery bigquery_magics sqlite wurlitzer
    ipytest pyinstrument filprofiler jupyternotify tikzmagic oct2py.ipython gvmagic autotime ipyparallel"""
)


def _load_ext(work: _Work, args: str, assigned: bool) -> str | None:
    name = args.strip()
    if name == "cudf.pandas":
        raise _RefusedError(
            "`%load_ext cudf.pandas` replaces pandas", "write `import cudf.pandas; cudf.pandas.install()`"
        )
    if name not in _EXTENSIONS:
        hint = "check that the extension changes no data and no settings; write in plain Python what it does otherwise"
        message = f"the extension {name!r:.60} was left out: assumed that it only adds magics"
        work.report("NB307", message, hint, Severity.WARNING)
    return None


def _precision(work: _Work, args: str, assigned: bool) -> str | None:
    hint = 'write `np.set_printoptions(precision=...)` and `f"{x:.3f}"` where printed numbers go to a file'
    work.report("NB304", "`%precision` was left out: it changes how arrays are printed", hint, Severity.WARNING)
    return None


def _aimport(work: _Work, args: str, assigned: bool) -> str | None:
    if assigned:
        return None
    modules = [m.strip() for m in args.split(",") if m.strip() and not m.strip().startswith("-")]
    if not all(re.fullmatch(r"[\w.]+|\w+ as \w+", module) for module in modules):
        raise _RefusedError(f"`%aimport {args:.40}` cannot be told", "write `import` in its place")
    return f"import {', '.join(modules)}" if modules else None


def _writing(work: _Work, args: str, assigned: bool, *, name: str) -> str | None:
    """Magics that show something, and write a file with an option."""
    if re.search(r"(^|\s)-\w*f", args):
        raise _RefusedError(f"`%{name} -f` writes the history to a file", "delete the line")
    return None


def _autocall(work: _Work, args: str, assigned: bool) -> str | None:
    if args.strip() != "0":
        raise _RefusedError("`%autocall` makes a call of `f x`", "delete the line, and write the calls out")
    return None


def _gone(work: _Work, args: str, assigned: bool, *, name: str) -> str | None:
    """`%debug` without a statement waits for the user; with one it runs the statement."""
    if args.strip():
        hint = "delete the magic, keep the statement"
        raise _RefusedError(f"`%{name} {args:.40}` runs its statement in the debugger", hint)
    return None


def _refused(hint: str, code: Code = Code.NONE) -> Magic:
    return Magic(Verdict.REFUSED, hint, code=code)


def _line(translate: Callable[..., str | None], code: Code = Code.NONE) -> Magic:
    return Magic(Verdict.TRANSLATED, translate=translate, code=code)


_STORE_HINT: Final = "write the value with `joblib.dump` and read it with `joblib.load`"
_SQL_HINT: Final = "write `pd.read_sql(query, connection)`, with the connection made in the same stage"
_R_HINT: Final = "put the R code in a script, call it with `!Rscript script.R`, and exchange files"
_PROFILE_HINT: Final = "delete the magic, and keep the statement if later cells use what it does"

# In the order: of IPython, of ipykernel, of extensions.
_SHOWING: Final = (
    *_words(
        """autoawait automagic bookmark colors dhist dirs doctest_mode gui killbgscripts logoff logon logstart logstate
        logstop lsmagic magic matplotlib page pastebin pdb pdef pdoc pfile pinfo pinfo2 pprint psearch psource pycat
        quickref recall rep rehashx tb unalias unload_ext who who_ls whos xmode"""
    ),
    *_words("clear cls connect_info qtconsole autosave subshell less more man"),
    *_words("autoreload watermark version_information tensorboard tensorflow_version autotime wurlitzer"),
)

LINE_MAGICS: Final[dict[str, Magic]] = {
    # What shows something or serves the session only.
    **{name: Magic(Verdict.DROPPED) for name in _SHOWING},
    # Shell aliases.
    **{name: _line(partial(_alias, command=name)) for name in ("cat", "cp", "mkdir", "mv", "rm", "rmdir")},
    **{name: _line(partial(_alias, command="ls")) for name in ("ls", "ldir", "lf", "lk", "ll", "lx")},
    # Packages.
    **{name: _line(partial(_pip, tool=name)) for name in ("pip", "conda", "mamba", "micromamba", "uv")},
    # Statements.
    "time": _line(partial(_statement, name="time"), code=Code.BINDS),
    "prun": _line(partial(_statement, name="prun"), code=Code.BINDS),
    "timeit": Magic(Verdict.DROPPED, translate=_timeit, code=Code.READS),
    "debug": Magic(Verdict.DROPPED, translate=partial(_gone, name="debug"), code=Code.BINDS),
    # The process.
    "cd": _line(_cd),
    "pwd": _line(_pwd),
    "env": _line(_env),
    "set_env": _line(_env),
    "sx": _line(_sx),
    "system": _line(_sx),
    "aimport": _line(_aimport),
    # What is dropped unless an option or argument makes it do more.
    "autocall": Magic(Verdict.DROPPED, translate=_autocall),
    "config": Magic(Verdict.DROPPED, translate=_config),
    "hist": Magic(Verdict.DROPPED, translate=partial(_writing, name="hist")),
    "history": Magic(Verdict.DROPPED, translate=partial(_writing, name="history")),
    "load_ext": Magic(Verdict.DROPPED, translate=_load_ext),
    "reload_ext": Magic(Verdict.DROPPED, translate=_load_ext),
    "precision": Magic(Verdict.DROPPED, translate=_precision),
    # What binds, deletes or runs something that cannot be seen.
    "alias": _refused("write the command itself where the alias is used: `!command`"),
    "alias_magic": _refused("use the magic by its own name"),
    "code_wrap": _refused("write the code around the cells out"),
    "ed": _refused("delete the line, and write the code into a cell"),
    "edit": _refused("delete the line, and write the code into a cell"),
    "load": _refused("run the cell once: `%load` replaces itself by the text of the file"),
    "loadpy": _refused("run the cell once: `%loadpy` replaces itself by the text of the file"),
    "macro": _refused("write the code as a function"),
    "notebook": _refused("delete the line: it writes the history of the session"),
    "popd": _refused("write `os.chdir(...)`, or better, paths from the folder of the notebook"),
    "pushd": _refused("write `os.chdir(...)`, or better, paths from the folder of the notebook"),
    "pylab": _refused("write `import numpy as np` and `import matplotlib.pyplot as plt`, and use their names"),
    "rerun": _refused("repeat the code, or make it a function"),
    "reset": _refused("delete the line: each stage begins with the names that it reads, and no others"),
    "reset_selective": _refused("write `del name`"),
    "run": _refused(
        "import what you need from the file, or run it as a command of its own: `!python script.py`",
        code=Code.BINDS,
    ),
    "save": _refused("delete the line: it writes the history of the session"),
    "sc": _refused("write `name = !command`"),
    "xdel": _refused("write `del name`"),
    # Of well-known extensions.
    "store": _refused(_STORE_HINT),
    "sql": _refused(_SQL_HINT),
    "R": _refused(_R_HINT),
    "Rpush": _refused(_R_HINT),
    "Rpull": _refused(_R_HINT),
    "Rget": _refused(_R_HINT),
    "dotenv": _refused("write `from dotenv import load_dotenv; load_dotenv()`"),
    "lprun": _refused(_PROFILE_HINT, code=Code.READS),
    "mprun": _refused(_PROFILE_HINT, code=Code.READS),
    "memit": _refused(_PROFILE_HINT, code=Code.READS),
    "snakeviz": _refused(_PROFILE_HINT, code=Code.READS),
    "bigquery": _refused("write `bigquery.Client().query(sql).to_dataframe()`"),
}


# -- cell magics: (work, arguments) -> the call around the body, True for a Python body, False for nothing


def _body(work: _Work, args: str, *, name: str) -> bool:
    """`%%time`: the body itself."""
    if _without_options(args, name):
        hint = f"write `%%{name}` alone, or delete the line"
        raise _RefusedError(f"`%%{name} {args:.40}` does more than run the cell", hint)
    return True


def _capture_cell(work: _Work, args: str) -> bool:
    names = [word for word in args.split() if not word.startswith("-")]
    if names and (work.names is None or names[0] in work.names.read):
        hint = f"delete the name `{names[0]}` if nothing uses it; otherwise write `contextlib.redirect_stdout`"
        raise _RefusedError(f"`%%capture {names[0]}` binds what the cell prints", hint)
    return True


def _timeit_cell(work: _Work, args: str) -> bool:
    if re.match(r"(?:-\w+\s*\d*\s+)*-\w*[ov]", args):
        raise _RefusedError("the value of `%%timeit` is another one at each run", "delete the option, or the cell")
    _warn_timed(work, "\n".join(work.lines[work.line :]), "%%timeit")
    return False


def _nothing(work: _Work, args: str) -> bool:
    return False


def _script(work: _Work, args: str, *, program: str | None = None) -> _Wrapped | bool:
    """`%%bash`: the program reads the body from its standard input, and a failure raises."""
    command = f"{program or ''} {args}".strip()
    try:
        words = shlex.split(command)
    except ValueError:
        raise _RefusedError(f"`%%script {command:.40}` has an open quote", "close the quote") from None
    if program is None and not words:
        hint = "write `%%bash` or `%%script program`"
        raise _RefusedError("`%%script` names no program: IPython refuses it", hint, "NB306")
    if words[0] in ("false", "true", ":", "echo") and program is None:
        # `%%script echo skipping` is how people switch a cell off.
        if words[0] == "false" and "--no-raise-error" not in words:
            hint = "tag the cell `skip`, or write `%%script false --no-raise-error`"
            raise _RefusedError("`%%script false` fails, and the notebook stops there", hint)
        return False
    for word in words[1:]:
        if re.match(r"--(o(ut?)?|e(rr?)?|b(g)?|p(r(oc?)?)?)(=|$)", word):
            hint = "write `subprocess.run(..., capture_output=True)` where its output is needed"
            raise _RefusedError(f"`%%{program or 'script'} {word}` binds a variable or runs in the background", hint)
    check = "--no-raise-error" not in words
    words = [word for word in words if word != "--no-raise-error"]
    work.need("subprocess")
    if len(_parts(work, args)) > 1 or not isinstance(_parts(work, args)[0], str):
        work.need("shlex")
        argv = f"[{_quoted(words[0])}, *shlex.split({_text(work, args.replace('--no-raise-error', '').strip())})]"
    else:
        argv = "[" + ", ".join(map(_quoted, words)) + "]"
    plain = "\n".join(work.lines).isascii()
    encoding = "text=True" if plain else 'encoding="utf-8"'
    return _Wrapped(f"subprocess.run({argv}, input=", f", {encoding}{', check=True' if check else ''})")


def _shell_cell(work: _Work, args: str) -> _Wrapped:
    """`%%sx`: the body as one command of the shell."""
    body = "\n".join(work.lines[work.line :])
    if args:
        raise _RefusedError(f"`%%sx {args:.40}` binds a variable", "write `name = !command`")
    _literal(work, body, "%%sx")
    work.need("subprocess")
    if _NOT_POSIX.search(body):
        work.need("os")
        return _Wrapped("subprocess.run(", ', shell=True, executable=os.environ.get("SHELL"))')
    return _Wrapped("subprocess.run(", ", shell=True)")


def _writefile(work: _Work, args: str) -> _Wrapped:
    """`%%writefile f.py`: the body, byte for byte, with its last line end."""
    append = bool(re.search(r"(^|\s)(-a|--append)(\s|$)", args))
    name = re.sub(r"(^|\s)(-a|--append)(?=\s|$)", " ", args).strip()
    if len(name) > 1 and name[0] == name[-1] and name[0] in "'\"":
        name = name[1:-1]
    elif not name or re.search(r"\s", name) or name.startswith("-"):
        raise _RefusedError(f"`%%writefile {args:.40}` does not name one file", "write `%%writefile file.py`", "NB306")
    work.need("Path")
    path = f"Path({_text(work, name)})" + (".expanduser()" if name.startswith("~") else "")
    if append:
        return _Wrapped(f'{path}.open("a", encoding="utf-8").write(', ")", exact=True)
    return _Wrapped(f"{path}.write_text(", ', encoding="utf-8")', exact=True)


def _of_cell(
    cell: Callable[..., _Wrapped | bool], verdict: Verdict = Verdict.TRANSLATED, code: Code = Code.NONE
) -> Magic:
    return Magic(verdict, cell=cell, code=code)


CELL_MAGICS: Final[dict[str, Magic]] = {
    "time": _of_cell(partial(_body, name="time"), code=Code.BINDS),
    "prun": _of_cell(partial(_body, name="prun"), code=Code.BINDS),
    "capture": _of_cell(_capture_cell, code=Code.BINDS),
    "timeit": _of_cell(_timeit_cell, Verdict.DROPPED, code=Code.READS),
    **{
        name: _of_cell(_nothing, Verdict.DROPPED)
        for name in ("HTML", "SVG", "html", "javascript", "js", "latex", "markdown", "svg")
    },
    **{
        name: _of_cell(partial(_script, program=name))
        for name in ("bash", "sh", "perl", "ruby", "python", "python2", "python3", "pypy")
    },
    "script": _of_cell(_script),
    "!": _of_cell(_shell_cell),
    "sx": _of_cell(_shell_cell),
    "system": _of_cell(_shell_cell),
    "writefile": _of_cell(_writefile),
    "file": _of_cell(_writefile),
    "debug": _refused("delete the line, and keep the cell", code=Code.BINDS),
    "code_wrap": _refused("write the code around the cells out"),
    # Of well-known extensions.
    "sql": _refused(_SQL_HINT),
    "bigquery": _refused("write `df = bigquery.Client().query(sql).to_dataframe()`"),
    "R": _refused(_R_HINT),
    "cython": _refused("put the code in a .pyx file, and build it as a package or with `pyximport`"),
    "memit": _refused(_PROFILE_HINT, code=Code.READS),
    "mprun": _refused(_PROFILE_HINT, code=Code.READS),
    "snakeviz": _refused(_PROFILE_HINT, code=Code.READS),
    "spark": _refused("connect with `SparkSession.builder.remote(...)` in plain Python"),
    "julia": _refused("put the Julia code in a script, and exchange files"),
    "ipytest": _refused("tag the cell `skip`, or move the tests to a file"),
}
