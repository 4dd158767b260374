"""IPython syntax -> Python of the same line count, and what each magic does; the user's own text is kept.

A cell that is plain Python is left alone, and IPython is not even imported.  Otherwise IPython's own token
transformers say where its syntax stands, and the tables below say what becomes of it.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import re
from typing import TYPE_CHECKING, Any, Final

from nb2stage.diagnostics import Diagnostic, Severity
from nb2stage.reading.cellmagics import cell_outcome
from nb2stage.reading.cellnames import names_of, taken
from nb2stage.reading.ipythonparts import ipython_part
from nb2stage.reading.linemagics import code_of
from nb2stage.reading.magictable import CELL_MAGICS, LINE_MAGICS, Code
from nb2stage.reading.shellcommands import quoted
from nb2stage.reading.syntaxproblems import report_problem
from nb2stage.reading.translation import (
    Names,
    PythonCell,
    RefusedError,
    Work,
    Wrapped,
    drop,
    parse,
    problem_of,
    settle_dropped,
)
from nb2stage.trees import walk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nb2stage.reading.notebook import Cell


def to_python(
    cell: Cell, path: str, stage: str | None = None, *, names: Names | None = None
) -> tuple[PythonCell | None, list[Diagnostic]]:
    """The cell in plain Python, and findings; None where it has no Python form.

    `names` (see `names_of`) settles what one cell cannot tell: whether the HOME of `!echo $HOME` is a variable.
    Where a magic is refused, the text has `pass` or `x = ...` in its place, so that the rest can still be looked at.
    """
    work = Work(cell, path, stage, names, cell.source.split("\n"))
    plain = problem_of(cell.source) is None
    automagic = _automagic(work.lines) if plain else None
    if automagic and names and automagic not in names.bound and not hasattr(builtins, automagic):
        _automagic_line(work)
    elif not plain:
        # Where the tokenizer gives up, the parser below says why.
        with contextlib.suppress(SyntaxError, RecursionError, RuntimeError, MemoryError, ValueError, IndexError):
            _translate(work)
            for first, header in reversed(work.blocks):
                _indent(work, first, header)
        problem = problem_of(work.text)
        if problem is not None:
            report_problem(work, problem)
            return None, work.findings
    if "get_ipython" in work.text:
        _translate_calls(work)
    if "tqdm" in work.text:
        _translate_progress(work)
    _check_functions(work)
    settle_dropped(work)
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


def to_python_all(
    cells: Sequence[tuple[Cell, str | None]], path: str
) -> list[tuple[PythonCell | None, list[Diagnostic]]]:
    """Each of the cells, given with its stage, in plain Python, with findings; see `to_python`.

    Where one has a magic, the names of all cells settle what it means.
    """
    results = [to_python(cell, path, stage) for cell, stage in cells]
    unsettled = [n for n, (python, _) in enumerate(results) if python and (python.has_magic or python.automagic)]
    if unsettled:
        names = names_of((cell, python) for (cell, _), (python, _) in zip(cells, results, strict=True))
        for number in unsettled:
            cell, stage = cells[number]
            results[number] = to_python(cell, path, stage, names=names)
    if any("colab" in cell.source.lower() for cell, _ in cells):
        from nb2stage.reading.colab import without_colab  # a module that few notebooks need

        results = without_colab(cells, results, path)
    return results


def _check_taken(work: Work) -> None:
    """Refuse a translation whose `os` would be the user's variable `os`."""
    if not work.imports:
        return
    used = taken(parse(work.text)) | (work.names.taken if work.names else frozenset())
    for name in sorted(used & work.imports.keys()):
        message = f"its magics need `{work.imports[name]}` in a script, and the notebook calls something else `{name}`"
        work.report("NB302", message, f"rename that `{name}`", line=1)


# -- finding IPython's syntax


def _translate(work: Work) -> None:
    """Turn all IPython syntax of the cell into Python."""
    ipython: Any = ipython_part("IPython.core.inputtransformer2")
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


def _clean(work: Work, ipython: Any, start: int) -> int | None:
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


def _next_command(work: Work, ipython: Any, manager: Any) -> bool:
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
            drop(work, first, transformer.q_line, column)
            return True
        last = min(ipython.find_end_of_continued_line(lines, first), len(lines) - 1)
        command = ipython.assemble_continued_line(lines, (first, column), last)
        assigned = isinstance(transformer, ipython.MagicAssign | ipython.SystemAssign)
        _command(work, command, first, last, column, assigned)
        return True
    return False


def _command(work: Work, command: str, first: int, last: int, column: int, assigned: bool) -> None:
    """Translate one command that begins with an escape, such as `%time x = 1` or the `!ls` of `x = !ls`."""
    before = work.lines[first][:column]
    work.target = before.rpartition("=")[0].strip() if assigned else ""
    try:
        code = code_of(work, command, assigned)
        if code is None and assigned:
            hint = "delete the assignment, or write the value in plain Python"
            raise RefusedError(f"`{command}` gives nothing that a script could assign", hint)
    except RefusedError as refusal:
        work.report(refusal.code, refusal.message, refusal.hint)
        # The name stays bound for the analysis of the other cells.
        work.put(first, last, before + ("..." if assigned else "pass"))
        return
    if code is None:
        drop(work, first, last, column)
    else:
        work.put(first, last, before + code)


def _cell_magic(work: Work, first: int) -> bool:
    """Translate the cell magic on line `first` (from 0); True where a Python body is left to translate."""
    line = work.lines[first]
    name, _, args = line[2:].rstrip().partition(" ")
    last = len(work.lines) - 1
    body = "\n".join(work.lines[first + 1 :])
    try:
        outcome = cell_outcome(work, name, args.strip(), body)
    except RefusedError as refusal:
        work.report(refusal.code, refusal.message, refusal.hint)
        # A body that binds names is still of use to the analysis of the other cells.
        outcome = name in CELL_MAGICS and CELL_MAGICS[name].code is Code.BINDS
    if isinstance(outcome, Wrapped):
        _wrap(work, first, outcome)
        return False
    if isinstance(outcome, str):
        work.blocks.append((first, outcome))
    if not outcome:
        work.comment_out(first, last)
        return False
    work.comment_out(first, first)
    return True


def _wrap(work: Work, first: int, wrapped: Wrapped) -> None:
    """Put the body of a cell into a text; IPython adds the last line end where it lacks."""
    lines = work.lines
    work.wrapped = True
    if wrapped.exact and any(line and line.isspace() for line in lines[first + 1 :]):
        message = "a line of blanks in the file: recent versions of IPython remove the blanks, a script keeps them"
        work.report("NB124", message, "delete the blanks on that line", Severity.WARNING)
    body = lines[first + 1 :]
    ended = body[-1] == ""
    if len(body) - ended == 1:
        text = quoted(f"{body[0]}\n")
        work.put(first, len(lines) - 1, f"{wrapped.before}{text}{wrapped.after}")
        return
    lines[first + 1 :] = map(_triple, body)
    lines[first] = f'{wrapped.before}"""\\'
    lines[-1] += ("" if ended else "\\n") + f'"""{wrapped.after}'


# What does not work below a header as it does at the top.
_PLACED: Final = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def _indent(work: Work, first: int, header: str) -> None:
    """Put the rest of a cell into a block below `header`; the lines inside texts stay as they are."""
    body = parse("\n".join([""] * (first + 1) + work.lines[first + 1 :]))
    if "subprocess" in work.imports or work.requirements or _displays(body):
        message = "`%%capture` into a variable: a script cannot capture what commands and `display` show"
        hint = "write `x = !command` or `print(...)`, or delete the name behind `%%capture`"
        work.report("NB302", message, hint, line=first + 1)
    if any(isinstance(node, _PLACED) for node in body.body):
        message = "`%%capture` into a variable, over imports or definitions"
        work.report("NB302", message, "move the imports and definitions to a cell of their own", line=first + 1)
    work.need("capture_output")
    strings = [n for n in walk(body) if isinstance(n, ast.Constant | ast.JoinedStr)]
    inside = {line for n in strings for line in range(n.lineno + 1, (n.end_lineno or n.lineno) + 1)}
    for number in range(first + 1, len(work.lines)):
        if work.lines[number].strip() and number + 1 not in inside:
            work.lines[number] = f"    {work.lines[number]}"
    work.lines[first] = header if body.body else f"{header} pass"
    work.dropped.discard(first + 1)


def _displays(tree: ast.Module) -> bool:
    calls = [node.func for node in walk(tree) if isinstance(node, ast.Call)]
    return any(isinstance(function, ast.Name) and function.id == "display" for function in calls)


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


def _automagic_line(work: Work) -> bool:
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


def _translate_calls(work: Work) -> None:
    """Treat statements such as `get_ipython().run_line_magic(...)`, which nbconvert writes, as the magics they are."""
    for node in walk(parse(work.text)):
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


# What a notebook draws its progress bars with, and what does the same in a terminal.
_BARS: Final = {"tqdm": "tqdm", "trange": "trange", "tqdm_notebook": "tqdm", "tnrange": "trange"}


def _translate_progress(work: Work) -> None:
    """Import progress bars from `tqdm.auto`: those of `tqdm.notebook` are widgets of a notebook."""
    for node in walk(parse(work.text)):
        if not isinstance(node, ast.Import | ast.ImportFrom) or node.lineno != node.end_lineno:
            continue
        text = ast.get_source_segment(work.text, node) or ""
        changed = text
        names = {alias.name for alias in node.names}
        if isinstance(node, ast.Import):
            if all(alias.asname for alias in node.names if alias.name == "tqdm.notebook"):
                changed = re.sub(r"\btqdm\.notebook\b", "tqdm.auto", text)
        elif node.module == "tqdm.notebook":
            changed = text.replace("tqdm.notebook", "tqdm.auto", 1)
        elif node.module == "tqdm" and names <= _BARS.keys() and names & {"tqdm_notebook", "tnrange"}:
            parts = [(_BARS[alias.name], alias.asname or alias.name) for alias in node.names]
            changed = "from tqdm.auto import " + ", ".join(a if a == b else f"{a} as {b}" for a, b in parts)
        work.lines[node.lineno - 1] = work.lines[node.lineno - 1].replace(text, changed, 1)


# -- after the translation


def _check_functions(work: Work) -> None:
    """`%time x = f()` inside a function binds nothing there: IPython works on a copy of the local names."""
    if not work.timed:
        return
    for node in walk(parse(work.text)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for line, name in list(work.timed.items()):
            if node.lineno < line <= (node.end_lineno or node.lineno):
                del work.timed[line]
                message = f"`{name}` inside a function: what it binds there is lost"
                work.report("NB302", message, f"delete `{name}` and keep the statement", line=line)


def _warn_blank_lines(work: Work, text: str) -> None:
    """IPython (9.18 at least) empties a line of blanks also inside a text, so that its value in a script is another."""
    blank = {n for n, line in enumerate(text.split("\n"), start=1) if line and line.isspace()}
    if not blank or work.wrapped:
        return
    tree = parse(text)
    # The text of a docstring matters to nobody.
    docstrings = {id(node.value) for node in walk(tree) if isinstance(node, ast.Expr)}
    for node in walk(tree):
        string = isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))
        if not string or id(node) in docstrings:
            continue
        assert isinstance(node, ast.expr)
        inside = sorted(blank & set(range(node.lineno, (node.end_lineno or node.lineno) + 1)))
        if inside:
            message = "a line of blanks in a text: recent versions of IPython remove the blanks, a script keeps them"
            work.report("NB124", message, "delete the blanks on that line", Severity.WARNING, inside[0])
            return
