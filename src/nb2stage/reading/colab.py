"""What only Google Colab has -> nothing, where leaving it out is faithful, and a note; the rest is refused.

A script is no notebook of Colab, not even on Colab: `"google.colab" in sys.modules` is False in it, `drive.mount` would wait
for a click.  What a notebook does under such a question is left out, as it is when the notebook runs elsewhere.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from nb2stage.diagnostics import Diagnostic, Severity
from nb2stage.reading.notebook import Cell
from nb2stage.reading.translation import PythonCell, Work, drop, parse, settle_dropped
from nb2stage.records import dataclass, field, replace
from nb2stage.trees import walk

Result = tuple[PythonCell | None, list[Diagnostic]]

_PACKAGE: Final = "google.colab"
# What changes nothing but the page in the browser, and may be left out: by module, `*` for all of it.
_SHOW: Final = {
    "drive": ("mount", "flush_and_unmount"),
    "files": ("download", "view"),
    "auth": ("authenticate_user",),
    "output": ("clear", "enable_custom_widget_manager", "disable_custom_widget_manager"),
    "data_table": ("*",),
    "runtime": ("unassign",),
}
_NOTES: Final = {
    "drive": (
        "`drive.mount` is left out of the script",
        "put what the notebook reads from /content/drive into the project",
    ),
    "files": ("what only downloads or shows a file is left out of the script", "the files are in the project folder"),
    "userdata": (
        "the script has the secret from the environment, as `os.environ[{names}]`",
        "set the variable where the pipeline runs: `export {first}=...`",
    ),
    "guard": ("what is done on Colab only is left out of the script", ""),
    "": ("what only Colab has is left out of the script", ""),
}
_COMPOUND: Final = ("body", "orelse", "finalbody")


@dataclass
class _Notebook:
    """What all cells together say: the names of Colab's modules, and those that tell whether this is Colab."""

    is_imported: bool = False
    modules: dict[str, str] = field(default_factory=dict)  # name -> dotted path
    flags: set[str] = field(default_factory=set)
    reads: Counter[str] = field(default_factory=Counter)


@dataclass
class _Edits:
    """What becomes of one cell."""

    dropped: list[ast.stmt] = field(default_factory=list)
    texts: list[tuple[ast.AST, str]] = field(default_factory=list)  # a node, and what stands in its place
    lines: list[tuple[int, int, str]] = field(default_factory=list)  # lines (from 1) that become one
    flags: list[ast.stmt] = field(default_factory=list)  # `IN_COLAB = …`
    notes: dict[str, int] = field(default_factory=dict)  # what to tell, and the first line that it is about
    secrets: list[str] = field(default_factory=list)
    problems: list[tuple[ast.AST, str, str]] = field(default_factory=list)


def without_colab(cells: Sequence[tuple[Cell, str | None]], results: Sequence[Result], path: str) -> list[Result]:
    """The cells, given with their stages and as plain Python, without what only Colab has."""
    trees = [parse(python.text) if python is not None and _mentions(python.text) else None for python, _ in results]
    notebook = _facts(tree for tree in trees if tree is not None)
    if not notebook.is_imported and not notebook.flags and not any(map(_asks, trees)):
        return list(results)
    trees = [parse(python.text) if python is not None else None for python, _ in results]
    notebook.reads.update(name for tree in trees if tree is not None for name in _loads(tree))
    edits = [_edits(tree, notebook) if tree is not None else _Edits() for tree in trees]
    gone = Counter(name for each in edits for node in each.dropped for name in _loads(node))
    made: list[Result] = []
    for (cell, stage), (python, findings), tree, each in zip(cells, results, trees, edits, strict=True):
        if python is None or tree is None:
            made.append((python, findings))
            continue
        for node in each.flags:
            name = _flag_of(node)
            if notebook.reads[name] == gone[name]:
                each.dropped.append(node)
            else:
                each.lines.append((node.lineno, node.end_lineno or node.lineno, f"{name} = False"))
        made.append(_applied(cell, stage, python, findings, tree, each, path))
    return made


def _mentions(text: str) -> bool:
    return "colab" in text.lower()


def _asks(tree: ast.Module | None) -> bool:
    return tree is not None and any(_is_question(node, frozenset()) for node in walk(tree))


def _loads(tree: ast.AST) -> Iterator[str]:
    for node in walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield node.id


# -- what the notebook has of Colab


def _facts(trees: Iterable[ast.Module]) -> _Notebook:
    found = _Notebook()
    bound: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    for tree in trees:
        for node in walk(tree):
            found.is_imported = found.is_imported or (
                isinstance(node, ast.Import | ast.ImportFrom) and _is_import(node)
            )
            if isinstance(node, ast.ImportFrom) and _is_colab(node.module):
                found.modules |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module == "google":
                found.modules |= {a.asname or a.name: f"google.{a.name}" for a in node.names if a.name == "colab"}
            elif isinstance(node, ast.Import):
                found.modules |= {a.asname: a.name for a in node.names if _is_colab(a.name) and a.asname}
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                bound[node.id] += 1
            if isinstance(node, ast.stmt) and (name := _flag_of(node)):
                asked[name] += sum(name == n.id for n in walk(node) if isinstance(n, ast.Name) and _is_store(n))
    found.flags = {name for name, count in asked.items() if count == bound[name]}
    return found


def _is_store(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store)


def _is_colab(name: str | None) -> bool:
    return name is not None and (name == _PACKAGE or name.startswith(_PACKAGE + "."))


def _is_question(node: ast.AST | None, flags: Iterable[str]) -> bool:
    """`"google.colab" in sys.modules`, `"COLAB_GPU" in os.environ` and the like, or a name that has the answer."""
    if isinstance(node, ast.Name):
        return node.id in flags
    if not isinstance(node, ast.Compare) or len(node.ops) != 1 or not isinstance(node.ops[0], ast.In):
        return False
    left, right = node.left, ast.unparse(node.comparators[0])
    if not isinstance(left, ast.Constant) or not isinstance(left.value, str):
        return False
    places = ("sys.modules", "str(get_ipython())", "list(sys.modules)", "sys.modules.keys()")
    return (left.value == _PACKAGE and right in places) or (
        left.value.startswith("COLAB_") and right in ("os.environ", "os.environ.keys()")
    )


def _flag_of(node: ast.stmt) -> str:
    """The name that has the answer whether this is Colab: of `IN_COLAB = "google.colab" in sys.modules`, or of a `try`."""
    if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id if _is_question(node.value, ()) else ""
    if not isinstance(node, ast.Try) or node.finalbody or not _tries_import(node) or len(node.handlers) != 1:
        return ""
    parts = [*node.body, *node.orelse, *node.handlers[0].body]
    assigned = [part for part in parts if isinstance(part, ast.Assign)]
    names = {ast.unparse(target) for part in assigned for target in part.targets}
    plain = all(isinstance(part, ast.Import | ast.ImportFrom | ast.Assign | ast.Pass) for part in parts)
    last = [part.value for part in node.handlers[0].body if isinstance(part, ast.Assign)]
    is_false = len(last) == 1 and isinstance(last[0], ast.Constant) and last[0].value is False
    return names.pop() if plain and is_false and len(names) == 1 else ""


def _tries_import(node: ast.Try) -> bool:
    first = node.body[0]
    if isinstance(first, ast.ImportFrom):
        return _is_colab(first.module) or (first.module == "google" and first.names[0].name == "colab")
    return isinstance(first, ast.Import) and any(_is_colab(alias.name) for alias in first.names)


# -- what becomes of a cell


def _edits(tree: ast.Module, notebook: _Notebook) -> _Edits:
    found = _Edits()
    _visit(tree.body, notebook, found)
    return found


def _visit(block: Iterable[ast.stmt], notebook: _Notebook, found: _Edits) -> None:
    for node in block:
        name = _flag_of(node)
        if name and name in notebook.flags:
            found.flags.append(node)
        elif isinstance(node, ast.If) and not node.orelse and _is_question(node.test, notebook.flags):
            _left_out(node, "guard", found)
        elif isinstance(node, ast.Try) and _tries_import(node) and len(node.handlers) == 1 and not node.finalbody:
            _try(node, notebook, found)
        elif isinstance(node, ast.ImportFrom | ast.Import) and _is_import(node):
            found.dropped.append(node)
        elif isinstance(node, ast.Expr) and (module := _only_shows(node.value, notebook)) is not None:
            _left_out(node, module, found)
        elif _is_unused_upload(node, notebook):
            _left_out(node, "files", found)
        else:
            _look_inside(node, notebook, found)


def _left_out(node: ast.stmt, what: str, found: _Edits) -> None:
    found.dropped.append(node)
    found.notes.setdefault(what if what in _NOTES else "", node.lineno)


def _try(node: ast.Try, notebook: _Notebook, found: _Edits) -> None:
    """`try: from google.colab import drive … except ImportError: …` is what stands behind `except`."""
    handler = node.handlers[0]
    if all(isinstance(part, ast.Pass) for part in handler.body):
        _left_out(node, "guard", found)
        return
    found.lines.append((node.lineno, handler.lineno, " " * node.col_offset + "if True:"))
    found.notes.setdefault("guard", node.lineno)
    _visit(handler.body, notebook, found)
    found.dropped += node.orelse


def _is_import(node: ast.ImportFrom | ast.Import) -> bool:
    if isinstance(node, ast.ImportFrom):
        return _is_colab(node.module) or (node.module == "google" and all(a.name == "colab" for a in node.names))
    return all(_is_colab(alias.name) for alias in node.names)


def _path(node: ast.AST, notebook: _Notebook) -> str:
    """The dotted path below `google.colab` of an expression: `files.download`; empty for anything else."""
    text = ast.unparse(node) if isinstance(node, ast.Attribute | ast.Name) else ""
    first, _, rest = text.partition(".")
    whole = (
        ".".join(part for part in (notebook.modules.get(first, ""), rest) if part)
        if first in notebook.modules
        else text
    )
    return whole.removeprefix(_PACKAGE + ".") if _is_colab(whole) else ""


def _only_shows(node: ast.expr, notebook: _Notebook) -> str | None:
    """The module of a call that may be left out."""
    if not isinstance(node, ast.Call):
        return None
    module, _, name = _path(node.func, notebook).partition(".")
    if name not in _SHOW.get(module, ()) and "*" not in _SHOW.get(module, ()):
        return "files" if module == "files" and name == "upload" else None
    given = [*node.args, *(keyword.value for keyword in node.keywords)]
    quiet = not any(isinstance(part, ast.Call | ast.NamedExpr | ast.Await) for each in given for part in walk(each))
    return module if quiet else None


def _is_unused_upload(node: ast.stmt, notebook: _Notebook) -> bool:
    """`uploaded = files.upload()` whose result nobody reads: the file lies in the project."""
    if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call):
        return False
    names = [target.id for target in node.targets if isinstance(target, ast.Name)]
    unread = len(names) == len(node.targets) and not any(notebook.reads[name] for name in names)
    return unread and _path(node.value.func, notebook) == "files.upload"


def _look_inside(node: ast.stmt, notebook: _Notebook, found: _Edits) -> None:
    """The blocks of a statement, and its own expressions."""
    blocks: list[ast.stmt] = []
    for name in _COMPOUND:
        part = getattr(node, name, None)
        if isinstance(part, list):
            _visit(part, notebook, found)
            blocks += part
    for handler in getattr(node, "handlers", ()):
        _visit(handler.body, notebook, found)
        blocks += handler.body
    for case in getattr(node, "cases", ()):
        _visit(case.body, notebook, found)
        blocks += case.body
    inside = {id(part) for each in blocks for part in walk(each)}
    seen: set[int] = set()
    for part in walk(node):
        if id(part) in inside or id(part) in seen:
            continue
        if isinstance(part, ast.Call) and (secret := _secret(part, notebook)):
            found.texts.append((part, f'os.environ["{secret}"]'))
            found.notes.setdefault("userdata", part.lineno)
            found.secrets.append(secret)
            seen |= {id(each) for each in walk(part)}
        elif isinstance(part, ast.Compare) and _is_question(part, ()):
            found.texts.append((part, "False"))
            seen |= {id(each) for each in walk(part)}
        elif isinstance(part, ast.Name | ast.Attribute) and (path := _path(part, notebook)):
            hint = "write in Python what it does, or tag the cell `skip`"
            if path == "files.upload":
                hint = "put the file into the project and read it by its path"
            found.problems.append((part, f"`{path}` is there on Colab only", hint))
            seen |= {id(each) for each in walk(part)}


def _secret(node: ast.Call, notebook: _Notebook) -> str:
    """The name of the secret that `userdata.get("TOKEN")` gives."""
    if _path(node.func, notebook) != "userdata.get" or len(node.args) != 1 or node.keywords:
        return ""
    value = node.args[0]
    return (
        value.value
        if isinstance(value, ast.Constant) and isinstance(value.value, str) and value.value.isidentifier()
        else ""
    )


# -- the text


def _applied(
    cell: Cell,
    stage: str | None,
    python: PythonCell,
    findings: list[Diagnostic],
    tree: ast.Module,
    edits: _Edits,
    path: str,
) -> Result:
    if not (edits.dropped or edits.texts or edits.lines or edits.problems):
        return python, findings
    work = Work(cell, path, stage, None, python.text.split("\n"), dropped=set(python.dropped))
    gone = {id(part) for node in edits.dropped for part in walk(node)}
    for node, message, hint in edits.problems:
        if id(node) not in gone:
            work.report("NB302", message, hint, line=node.lineno)  # type: ignore[attr-defined]
    for node, text in edits.texts:
        _put(work, node, text)
    whole = [node for node in edits.dropped if not any(a <= node.lineno <= b for a, b, _ in edits.lines)]
    kept = [n for n in walk(tree) if isinstance(n, ast.stmt) and id(n) not in gone and not _holds(n, whole)]
    for node in whole:
        last = node.end_lineno or node.lineno
        if any(n.lineno <= last and (n.end_lineno or n.lineno) >= node.lineno for n in kept):
            work.report(
                "NB302", "a line of Colab's shares its line with others", "give it a line of its own", line=node.lineno
            )
            continue
        drop(work, node.lineno - 1, last - 1, node.col_offset)
    for first, last, text in edits.lines:
        work.put(first - 1, last - 1, text)
    settle_dropped(work)
    if edits.secrets:
        work.need("os")
    without = [f for f in findings if f.line is None or not any(_covers(node, f.line) for node in edits.dropped)]
    notes = [_note(what, edits, cell, stage, path) for what in edits.notes]
    made = replace(
        python,
        text=work.text,
        imports={**python.imports, **work.imports},
        dropped=frozenset(work.dropped),
        has_magic=True,
        colab=True,
    )
    return made, [*without, *work.findings, *notes]


def _covers(node: ast.stmt, line: int) -> bool:
    return node.lineno <= line <= (node.end_lineno or node.lineno)


def _holds(node: ast.stmt, dropped: Iterable[ast.stmt]) -> bool:
    """Whether a statement is a block around one that is left out."""
    inside = {id(part) for part in walk(node)}
    return any(id(each) in inside for each in dropped)


def _put(work: Work, node: ast.AST, text: str) -> None:
    """Put a text in the place of an expression of one line."""
    line, first, last = node.lineno - 1, node.col_offset, node.end_col_offset  # type: ignore[attr-defined]
    if node.end_lineno != node.lineno:  # type: ignore[attr-defined]
        work.report(
            "NB302", "`userdata.get` or a question for Colab over several lines", "write it in one line", line=line + 1
        )
        return
    encoded = work.lines[line].encode()
    work.lines[line] = (encoded[:first] + text.encode() + encoded[last:]).decode()


def _note(what: str, edits: _Edits, cell: Cell, stage: str | None, path: str) -> Diagnostic:
    message, hint = _NOTES[what]
    quoted = ", ".join(f'"{name}"' for name in dict.fromkeys(edits.secrets))
    message, hint = message.replace("{names}", quoted), hint.replace("{first}", "".join(edits.secrets[:1]))
    return Diagnostic("NB310", message, hint, Severity.NOTE, path, cell.index, edits.notes[what], stage=stage)
