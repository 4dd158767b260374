"""Which figures of matplotlib the cells of a stage leave, as far as reading them tells."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from nb2stage.analysis.dataflow import Program, SourceCell
from nb2stage.analysis.objects import Statement
from nb2stage.analysis.versions import DEFINITIONS
from nb2stage.planning.captions import caption_of
from nb2stage.planning.displays import figures_shown
from nb2stage.planning.inline import drawing_in
from nb2stage.planning.stageplan import StagePlan
from nb2stage.trees import walk

_BLANK: Final = {
    f"matplotlib.pyplot.{name}"
    for name in ("draw", "figtext", "gcf", "savefig", "subplots_adjust", "suptitle", "tight_layout")
}
_CLOSING: Final = frozenset({"close", "clf", "show"})


class Shown(NamedTuple):
    """A place where a cell shows pyplot's one open figure: a call of `plt.show`, or its end."""

    show: Statement | None
    is_sure: bool  # that there is one: what only a loop draws may be drawn never
    is_blank: bool = False  # has nothing drawn in it: a notebook closes it, and shows nothing


def shown_figures(program: Program, plan: StagePlan, repeats: Iterable[Statement]) -> dict[int, list[Shown]] | None:
    """The places by cell; None where not all cells show their figures one by one, by their own top-level lines."""
    repeats = list(repeats)
    # A function or module that shows figures itself needs `plt.show` to save them.
    if any("show" in _attributes(s.node) for s in repeats):
        return None
    functions = [*repeats, *(s for module in plan.definitions for s in module.statements)]
    functions += [s for cell in plan.cells for s in cell.statements if isinstance(s.node, DEFINITIONS)]
    closing = bool(plan.local_modules) or any(_attributes(s.node) & _CLOSING for s in functions)
    found: dict[int, list[Shown]] = {}
    for cell in plan.cells:
        if any(figure.is_nested for figure in figures_shown(program, cell)):
            return None
        parts = _parts(program, plan, cell)
        if parts is None:
            return None
        found[cell.index] = []
        for show, statements in parts:
            drawing = [s for s in statements if s.plots]
            if not drawing:
                continue
            if not _is_one(drawing) or (closing and any(s.draws_perhaps and s.calls for s in drawing)):
                return None
            is_sure = any(s.figures or s.draws_current for s in drawing)
            found[cell.index].append(Shown(show, is_sure, all(map(draws_nothing, drawing))))
    return found


def _parts(
    program: Program, plan: StagePlan, cell: SourceCell
) -> list[tuple[Statement | None, list[Statement]]] | None:
    """The statements of a cell up to each call of `plt.show`, and those behind the last; None where others show too."""
    shows = shows_in(program, plan, cell)
    charts = [exhibit.node for exhibit in plan.exhibits.get(cell.index, ())]
    parts: list[tuple[Statement | None, list[Statement]]] = []
    statements: list[Statement] = []
    for statement in cell.statements:
        if statement in shows:
            parts.append((statement, statements))
            statements = []
            continue
        statements.append(statement)
        for node in walk(statement.node):
            if isinstance(node, ast.Call) and node not in charts and is_show(ast.Expr(node)):
                return None
    if any(s.plots for s in cell.statements) and _attributes(cell.tree) & {"close", "clf"}:
        return None
    return [*parts, (None, statements)]


def _is_one(drawing: Sequence[Statement]) -> bool:
    """Whether statements that draw leave no more than one figure: one that is made first, or pyplot's own."""
    figures = sum(s.figures for s in drawing)
    made_first = drawing[0].figures == 1 and not drawing[0].draws_perhaps
    return not any(s.plots_unsure for s in drawing) and (not figures or (figures == 1 and made_first))


def draws_nothing(statement: Statement) -> bool:
    """Whether a statement uses pyplot's current figure, which it may make, but puts no axes into it."""
    used = {path for path in statement.imports if path.startswith("matplotlib.")}
    return bool(used) and used <= _BLANK and not (statement.calls or statement.figures or statement.plots_unsure)


def _attributes(tree: ast.AST) -> set[str]:
    return {n.attr for n in walk(tree) if isinstance(n, ast.Attribute)}


def shows_in(program: Program, plan: StagePlan, cell: SourceCell) -> list[Statement]:
    """The calls of `plt.show`, and those of a figure: not those of other libraries, which may draw."""
    charts = [exhibit.node for exhibit in plan.exhibits.get(cell.index, ())]
    shows = [s for s in cell.statements if is_show(s.node) and getattr(s.node, "value", None) not in charts]
    return [s for s in shows if not s.plots or is_pyplots(program, s.node)]


def is_pyplots(program: Program, node: ast.stmt) -> bool:
    """Whether a statement is `plt.show()`: not `fig.show()`, nor `charts.show()`."""
    if not is_show(node):
        return False
    owner = node.value.func.value.id  # type: ignore[attr-defined]
    makers = [maker.node for maker in program.binders.get(owner, ())]
    return bool(makers) and all(_imports_pyplot(maker, owner) for maker in makers)


def _imports_pyplot(node: ast.stmt, name: str) -> bool:
    """Whether an import gives pyplot a name."""
    if not isinstance(node, ast.Import | ast.ImportFrom):
        return False
    package = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
    named = [package + each.name for each in node.names if (each.asname or each.name) == name]
    return any(each in ("matplotlib.pyplot", "pylab", "matplotlib.pylab") for each in named)


def draws_figures(program: Program, plan: StagePlan) -> bool:
    """Whether the lines of a stage may leave figures that have something in them."""
    own = [s for s in plan.data.statements if s.plots and not draws_nothing(s) and not is_pyplots(program, s.node)]
    return bool(own) or any(figures_shown(program, cell) for cell in plan.cells)


def pictures_of(program: Program, plan: StagePlan) -> list[tuple[str, str]] | None:
    """The pictures in the folder of a stage's figures and their captions; None where only a run can tell."""
    places = None if plan.charts else shown_figures(program, plan, plan.data.repeats)
    if places is None or not all(place.is_sure for each in places.values() for place in each):
        return None
    found: list[tuple[str, str]] = []
    for cell in plan.cells:
        shown = places[cell.index]
        captions = ["" for figure in figures_shown(program, cell) if not figure.is_open]
        parts = zip(parts_of(cell.tree, shown), shown, strict=True)
        captions += [caption_of(part) or "" for part, place in parts if not place.is_blank]
        for caption in captions:
            name = f"figure_{len(found) + 1}"
            found.append((f"{name}.{drawing_in(program, cell.index).suffix}", caption or name))
    return found


def parts_of(tree: ast.Module, shown: Sequence[Shown]) -> list[ast.Module]:
    """The lines that belong to each figure of a cell: those from the one before it on."""
    ends = [place.show.node.lineno if place.show else None for place in shown]
    parts, rest = [], list(tree.body)
    for end in ends:
        mine = [node for node in rest if end is None or node.lineno <= end]
        rest = rest[len(mine) :]
        parts.append(ast.Module(mine, []))
    return parts


def is_show(node: ast.AST) -> bool:
    """Whether a statement is a call of `plt.show`, or looks like one."""
    if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Call):
        return False
    func = node.value.func
    return isinstance(func, ast.Attribute) and func.attr == "show" and isinstance(func.value, ast.Name)
