"""Which figures of matplotlib the cells of a stage leave, as far as reading them tells."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from nb2stage.analysis.dataflow import Program, SourceCell
from nb2stage.analysis.objects import Statement
from nb2stage.planning.captions import caption_of
from nb2stage.planning.displays import figures_shown
from nb2stage.planning.inline import drawing_in
from nb2stage.planning.stageplan import StagePlan


def is_simple(program: Program, plan: StagePlan, repeats: Iterable[Statement]) -> bool:
    """Whether each cell that plots leaves exactly one figure, made by its own top-level lines."""
    for cell in plan.cells:
        plotting = [s for s in cell.statements if s.plots]
        if any(figure.is_nested for figure in figures_shown(program, cell)):
            return False
        if not plotting:
            continue
        figures = sum(s.figures for s in plotting)
        shows = shows_in(plan, cell)
        charts = [exhibit.node for exhibit in plan.exhibits.get(cell.index, ())]
        nested = any(
            isinstance(n, ast.Call) and n not in charts and is_show(ast.Expr(n))
            for s in cell.statements
            for n in ast.walk(s.node)
            if s not in shows
        )
        drawn_after = shows and any(
            s.plots and s not in shows and s.position > shows[0].position for s in cell.statements
        )
        drawing = [s for s in plotting if s not in shows]
        if any(isinstance(n, ast.Attribute) and n.attr in ("close", "clf") for n in ast.walk(cell.tree)):
            return False
        if figures > 1 or nested or len(shows) > 1 or drawn_after or not drawing:
            return False
        if any(s.plots_unsure for s in drawing) or not (figures or any(s.draws_current for s in drawing)):
            return False
        if figures and drawing[0].figures == 0:
            return False
    # A function or module that shows figures itself needs `plt.show` to save them.
    return not any("show" in {n.attr for n in ast.walk(s.node) if isinstance(n, ast.Attribute)} for s in repeats)


def shows_in(plan: StagePlan, cell: SourceCell) -> list[Statement]:
    """The calls of `plt.show`: not those of other libraries."""
    charts = [exhibit.node for exhibit in plan.exhibits.get(cell.index, ())]
    return [s for s in cell.statements if is_show(s.node) and getattr(s.node, "value", None) not in charts]


def pictures_of(program: Program, plan: StagePlan) -> list[tuple[str, str]] | None:
    """The pictures in the folder of a stage's figures and their captions; None where only a run can tell."""
    if plan.charts or not is_simple(program, plan, plan.data.repeats):
        return None
    found: list[tuple[str, str]] = []
    for cell in plan.cells:
        captions = ["" for figure in figures_shown(program, cell) if not figure.is_open]
        captions += [caption_of(cell.tree) or ""] if any(s.plots for s in cell.statements) else []
        for caption in captions:
            name = f"figure_{len(found) + 1}"
            found.append((f"{name}.{drawing_in(program, cell.index).suffix}", caption or name))
    return found


def is_show(node: ast.AST) -> bool:
    """Whether a statement is a call of `plt.show`, or looks like one."""
    if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Call):
        return False
    func = node.value.func
    return isinstance(func, ast.Attribute) and func.attr == "show" and isinstance(func.value, ast.Name)
