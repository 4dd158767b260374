"""What the cells of a stage show: values of last lines, `display`, printed text, figures; and the report of it."""

from __future__ import annotations

import ast
import posixpath
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import Final, NamedTuple

from nb2stage.analysis.dataflow import Program, SourceCell
from nb2stage.analysis.kinds import kind_of
from nb2stage.analysis.modulefiles import imported_names
from nb2stage.analysis.objects import Statement
from nb2stage.diagnostics import Severity
from nb2stage.knowledge import packages
from nb2stage.patterns import Pattern
from nb2stage.planning.messages import Notes
from nb2stage.planning.metrics import is_number
from nb2stage.planning.pipeline import Out
from nb2stage.planning.stageplan import StagePlan
from nb2stage.reading.notebook import Cell
from nb2stage.reading.translation import ends_in_semicolon
from nb2stage.trees import walk

REPORT: Final = "report/report.md"
# IPython's objects whose data is markdown, or HTML, which markdown may contain.
RICH: Final = ("HTML", "Latex", "Markdown")
# Patterns are compiled when they are first used: each conversion would pay for all of them.
# What shows nothing worth printing when it ends a cell.
_SILENT_CALLS: Final = (
    r"^(clear_output$|HTML$|Markdown$|Latex$|Math$|Image$|SVG$|IFrame$|Audio$|Video$|"
    r"set_|add_|fit$|show$|close$|print$|display$|info$|seed$|append$|extend$|update$|remove$|"
    r"insert$|sort$|plot|hist|bar|scatter|boxplot|legend|grid|tight_layout|x?y?label|title|savefig|"
    r"sleep$|warn$|warning$|debug$|error$|critical$|exception$|assert_|basicConfig$|setLevel$|shuffle$|"
    r"to_csv|to_pickle|to_json|to_excel|to_parquet|dump$|save|makedirs$|mkdir$|write)"
)
_PRINTING_NAME: Final = Pattern(r"p?print(_\w+)?$|display$|help$")
_PRINTING_PART: Final = Pattern(r"p?print(_\w+)?$|display$|info$|summary$|stdout$")
_NO_FRAME: Final = (
    *(ast.Constant, ast.JoinedStr, ast.List, ast.Tuple, ast.Dict, ast.Set, ast.BoolOp),
    *(ast.ListComp, ast.DictComp, ast.SetComp, ast.Lambda),
)
# Attributes and calls of frames that are no frames themselves.
_NO_FRAME_NAMES: Final = (
    r"shape|size|columns|index|dtypes?|values|ndim|T_|value_counts|classification_report|params|best_\w+|"
    r"(get|best|grid)_params|\w+_(score|name|names|report)|type|sorted|list|dict|str|repr|set|unique|nunique|tolist|to_string"
)
_LINK: Final = r"(!?\[[^\]]*\]\(<?|<(?:img|a)\b[^>]*?\b(?:src|href)=[\"'])([^)\s\"'>]+)"
_ELSEWHERE: Final = Pattern(r"[a-z][a-z0-9+.-]*:|[#/]", re.IGNORECASE)


class FigureShown(NamedTuple):
    """A statement that shows a figure by its name: the last line of a cell, or `display(fig)`."""

    statement: ast.Expr
    name: str
    is_open: bool  # pyplot shows it at the end of the cell anyway
    is_nested: bool = False


def figures_shown(program: Program, cell: SourceCell) -> list[FigureShown]:
    """The statements of a cell that show a figure which has a name."""
    found = []
    for statement in cell.statements:
        for node in walk(statement.node):
            if not isinstance(node, ast.Expr):
                continue
            value = node.value
            if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "display":
                shown = value.args[0] if len(value.args) == 1 and not value.keywords else None
            else:
                shown = value if node is cell.tree.body[-1] else None
            if not isinstance(shown, ast.Name) or not _names_figure(program, shown.id):
                continue
            if any(node in walk(d) for d in walk(statement.node) if isinstance(d, ast.FunctionDef)):
                continue
            closes = any(isinstance(n, ast.Attribute) and n.attr == "close" for n in walk(cell.tree))
            is_open = not closes and any(s.cell == cell.index for s in program.binders[shown.id])
            if shown is not value or not is_open:
                found.append(FigureShown(node, shown.id, is_open, node is not statement.node))
    return found


def _names_figure(program: Program, name: str) -> bool:
    """Whether a name has figures and nothing else."""
    makers = program.binders.get(name, ())
    nodes = [[n for n in walk(s.node) if isinstance(n, ast.Assign) and name in {*_names(n.targets)}] for s in makers]
    return bool(nodes) and all(each and all(_is_figure(node, name) for node in each) for each in nodes)


def _names(targets: Iterable[ast.AST]) -> Iterator[str]:
    return (n.id for target in targets for n in walk(target) if isinstance(n, ast.Name))


def _is_figure(node: ast.stmt, name: str) -> bool:
    """Whether a statement gives a name a figure: `fig = plt.figure()`, `fig, ax = plt.subplots()`."""
    if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call) or len(node.targets) != 1:
        return False
    target: ast.AST = node.targets[0]
    func = node.value.func
    made = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
    if made in ("subplots", "subplot_mosaic"):
        target = target.elts[0] if isinstance(target, ast.Tuple) and target.elts else node
    elif made not in ("figure", "Figure", "gcf", "get_figure"):
        return False
    return isinstance(target, ast.Name) and target.id == name


def _prints_itself(statement: Statement, func: ast.expr) -> bool:
    """Whether this is `model.summary()` of keras, which prints and gives nothing; that of statsmodels gives a table."""
    if not isinstance(func, ast.Attribute) or func.attr != "summary":
        return False
    root: ast.AST = func.value
    while isinstance(root, ast.Attribute | ast.Call | ast.Subscript):
        root = root.func if isinstance(root, ast.Call) else root.value
    values = statement.reads[root.id].values if isinstance(root, ast.Name) and root.id in statement.reads else ()
    return any((obj.type or obj.path or "").split(".")[0] in ("keras", "tensorflow", "tf_keras") for obj in values)


class Displays:
    """What the cells of a stage show, as far as reading the code tells."""

    def __init__(self, program: Program, plan: StagePlan) -> None:
        self.program, self.plan = program, plan
        bound = [s.node for s in program.binders.get("display", ())]
        self.is_ipythons = all(
            isinstance(n, ast.ImportFrom) and (n.module or "").split(".")[0] == "IPython" for n in bound
        )
        self.knows_display = (plan.tag == "report" and self.is_ipythons) or not bound

    def is_bound(self, name: str) -> bool:
        """Whether a cell gives this name a meaning of its own."""
        return name in self.program.binders

    def value(self, cell: SourceCell) -> ast.expr | None:
        """The expression that ends a cell, if its value is worth showing."""
        last = cell.statements[-1] if cell.statements else None
        if last is None or not isinstance(last.node, ast.Expr):
            return None
        return last.node.value if self.prints(cell, last, last.node.value) else None

    def prints(self, cell: SourceCell, last: Statement, value: ast.expr) -> bool:
        """Whether the value of a cell's last line is worth a `print`."""
        if any(exhibit.node is value for exhibit in self.plan.exhibits.get(cell.index, ())):
            return False
        if last.plots or last.sets or last.seeds or (last.changes and not self.plan.report):
            return False
        if isinstance(value, ast.Constant | ast.Await | ast.Yield) or self.is_bound("print"):
            return False
        if ends_in_semicolon(cell.python.text, last.node):
            return False
        if isinstance(value, ast.Call):
            func = value.func
            if cell.python.has_magic and ast.unparse(func) == "subprocess.run":
                return False
            name = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
            if self.plan.report and name in RICH:
                return True
            return not (re.match(_SILENT_CALLS, name) or _prints_itself(last, func)) and self.gives_value(name)
        if isinstance(value, ast.Name):
            var = self.program.heap.state.get(value.id)
            if self.plan.report and any((obj.path or "").split(".")[0] in packages("pictures") for obj in var.values):
                return False
            return not any(obj.type == "matplotlib" for obj in var.values)
        return not isinstance(value, ast.List | ast.Tuple) or not last.plots

    def gives_value(self, name: str) -> bool:
        """A function of the notebook without a `return` of a value shows nothing."""
        for statement in self.program.binders.get(name, ()):
            if isinstance(statement.node, ast.FunctionDef):
                return any(isinstance(n, ast.Return) and n.value is not None for n in walk(statement.node))
        return True

    def calls(self, cell: SourceCell) -> Iterator[ast.Call]:
        """The calls of `display` in a cell, but for those that show a chart."""
        charts = [exhibit.node for exhibit in self.plan.exhibits.get(cell.index, ())]
        charts += [figure.statement.value for figure in figures_shown(self.program, cell)]
        for node in walk(cell.tree):
            if node in charts:
                continue
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "display":
                yield node

    # -- of the report

    def shown(self) -> Iterator[ast.expr]:
        """The expressions that the report shows, by `display` or as a cell's last line."""
        for cell in self.plan.cells:
            if self.knows_display:
                yield from (value for call in self.calls(cell) if not call.keywords for value in call.args)
            value = self.value(cell)
            if value is not None:
                yield value

    def says_anything(self) -> bool:
        """Whether values are shown, or something may be printed."""
        return any(True for _ in self.shown()) or self.may_print() or self.is_bound("print")

    def printed(self) -> list[ast.Name]:
        """The `print` of the calls in the stage's own lines that print on the terminal."""
        moved = {statement for module in self.plan.definitions for statement in module.statements}
        own = [s for cell in self.plan.cells for s in cell.statements if s not in moved]
        found: list[ast.Name] = []
        todo: list[ast.AST] = [] if self.is_bound("print") else [s.node for s in own]
        while todo:
            node = todo.pop()
            func = getattr(node, "func", None)
            if isinstance(node, ast.Call) and isinstance(func, ast.Name) and func.id == "print":
                if {keyword.arg for keyword in node.keywords} <= {"sep", "end"}:
                    found.append(func)
            if not isinstance(node, ast.JoinedStr):  # whose parts have no place of their own in older Pythons
                todo += ast.iter_child_nodes(node)
        return found

    def may_print(self, besides: Iterable[ast.Name] = ()) -> bool:
        """Whether something other than the shown values, and `besides` these calls, may be printed."""
        modules = self.program.boundaries.modules_of(self.plan.data)
        if {module.path for module in modules if module.path} != set(self.plan.local_modules):
            return True  # one that could not be followed
        statements = [*self.plan.data.statements, *self.plan.data.repeats]
        statements += [s for module in self.plan.definitions for s in module.statements]
        used = {path.split(".")[0] for s in statements for path in s.imports}
        used |= {name.split(".")[0] for m in modules for level, name in imported_names(m.node) if not level}
        used -= {module.name.split(".")[0] for module in modules}
        if used - packages("silent") - sys.stdlib_module_names:
            return True
        nodes = [node for tree in [*(s.node for s in statements), *(m.node for m in modules)] for node in walk(tree)]
        known = set(besides)
        names = {node.id for node in nodes if isinstance(node, ast.Name) and node not in known}
        if self.knows_display and not any(call.keywords for cell in self.plan.cells for call in self.calls(cell)):
            names -= {"display"}
        parts = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
        verbose = any(isinstance(node, ast.keyword) and node.arg == "verbose" for node in nodes)
        return verbose or any(map(_PRINTING_NAME.match, names)) or any(map(_PRINTING_PART.match, parts))

    def may_be_frame(self, node: ast.expr) -> bool:
        """Whether a shown value may be a frame of pandas, by the look of it."""
        if isinstance(node, _NO_FRAME) or is_number(node) or not self.knows_pandas():
            return False
        if isinstance(node, ast.Name):
            kind = kind_of(self.program.heap.state.get(node.id).values)
            given = [getattr(s.node, "value", None) for s in self.program.binders.get(node.id, ())]
            plain = [each for each in given if isinstance(each, ast.expr) and not isinstance(each, ast.Name)]
            unclear = len(plain) < len(given) or any(map(self.may_be_frame, plain))
            return "DataFrame" in kind or (not kind and unclear)
        func = node.func if isinstance(node, ast.Call) else node
        name = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
        return not re.fullmatch(_NO_FRAME_NAMES, name)

    def knows_pandas(self) -> bool:
        """Whether the notebook's libraries include pandas."""
        roots = {path.split(".")[0] for s in self.program.statements for path in s.imports}
        keywords = {k.arg for cell in self.program.cells for k in walk(cell.tree) if isinstance(k, ast.keyword)}
        return bool(roots & packages("frames")) or "as_frame" in keywords

    def rich(self) -> list[str]:
        """The classes of `RICH` that the stage uses."""
        used = {n for s in self.plan.data.statements for n in _mentioned(s.node)}
        return [name for name in RICH if name in used]

    def styles(self) -> bool:
        """Whether the stage styles frames."""
        return any("style" in _mentioned(s.node) for s in self.plan.data.statements)


def plan_report(
    stages: Sequence[StagePlan],
    program: Program,
    texts: Sequence[Cell],
    is_taken: Callable[[str], bool],
    notes: Notes,
) -> None:
    """The report of the stage `report`: if it shows anything, and the user makes no such file."""
    for number, plan in enumerate(stages):
        path = REPORT if plan.name == "report" else f"report/{plan.name}.md"
        if plan.tag != "report" or any(path in cell.role.outs for cell in plan.cells):
            continue
        plan.report, plan.texts = path, list(texts)
        displays = Displays(program, plan)
        others = [other for other in stages[:number] if (other.figures or other.pages) and not other.report]
        if not (
            texts or others or plan.figures or plan.pages or displays.may_print() or any(True for _ in displays.shown())
        ):
            plan.report = ""
        elif is_taken(path):
            plan.report = ""
            message = f"`{path}` is there already: what the cells show is not written to it"
            hint = "rename your file, or move it away"
            notes.add(Severity.WARNING, "NB415", message, hint, stage=plan.name)
        else:
            plan.outs.append(Out(path, cache=False))
            plan.others = dict.fromkeys(others)  # not of later stages, which may need this one
            for text in texts:
                if "](attachment:" in text.source:
                    message = f"the picture that was pasted into cell {text.index} is not in {path}"
                    hint = "save it as a file beside the notebook, and link that"
                    notes.add(Severity.WARNING, "NB415", message, hint, stage=plan.name)


def moved_links(text: str, notebook: str) -> str:
    """The markdown of a notebook with its links as they are from the report's folder."""
    folder, there = str(PurePosixPath(notebook).parent), str(PurePosixPath(REPORT).parent)

    def moved(link: re.Match[str]) -> str:
        if _ELSEWHERE.match(link[2]):
            return link[0]
        return link[1] + posixpath.relpath(posixpath.join(folder, link[2]), there)

    return re.sub(_LINK, moved, text)


def _mentioned(node: ast.AST) -> Iterable[str]:
    """The names, attributes and keywords in a statement."""
    for each in walk(node):
        if isinstance(each, ast.Name):
            yield each.id
        elif isinstance(each, ast.Attribute):
            yield each.attr
        elif isinstance(each, ast.keyword) and each.arg:
            yield each.arg
