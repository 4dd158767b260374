"""The lines of a script that save the figures which a notebook shows, as Jupyter's inline backend draws them."""

from __future__ import annotations

import ast
import posixpath
import sys
from collections.abc import Iterator
from pathlib import PurePosixPath

from nb2stage.analysis.dataflow import SourceCell
from nb2stage.analysis.versions import DEFINITIONS, IMPORTS
from nb2stage.knowledge import packages
from nb2stage.planning.captions import asked_caption, caption_of
from nb2stage.planning.companions import FIGURES
from nb2stage.planning.displays import figures_shown
from nb2stage.planning.figures import Shown, is_pyplots, parts_of, shown_figures, shows_in
from nb2stage.planning.inline import Drawing, drawing_in, lays_out
from nb2stage.planning.planner import Planner
from nb2stage.planning.stageplan import StagePlan
from nb2stage.reading.edits import Edits
from nb2stage.scripts.import_lines import Imports
from nb2stage.scripts.report_lines import ReportLines
from nb2stage.trees import walk


class FigureLines:
    """Saves the figures of one stage: behind the cells that draw them, or where `plt.show` is called."""

    def __init__(self, planner: Planner, plan: StagePlan, imports: Imports, report: ReportLines) -> None:
        self.program, self.plan, self.imports, self.report = planner.program, plan, imports, report
        self.counted = FIGURES in plan.companions  # how many there are is told by a run
        self.shown = {} if self.counted else shown_figures(planner.program, plan, plan.data.repeats) or {}
        self.figures = imports.fresh("figures")
        self.count = 0

    def after(self, cell: SourceCell, edits: Edits) -> None:
        """Put the lines into a cell, or behind it."""
        if self.plan.draws:
            for figure in figures_shown(self.program, cell):
                if not figure.is_open:
                    lines = self.named(cell, figure.name)
                    indent = "\n" + " " * (figure.statement.col_offset if figure.is_nested else 0)
                    edits.replace_line(figure.statement, lines.replace("\n", indent))
                elif figure.is_nested:
                    edits.replace(figure.statement, "pass")
                else:
                    edits.remove(figure.statement)
        if self.counted:
            self.save_open(cell, edits)
        else:
            self.save_each(cell, edits)

    # -- figures that are known one by one

    def save_each(self, cell: SourceCell, edits: Edits) -> None:
        """Save the figure of each place that shows one; where there is none, `plt.show` shows nothing."""
        places = self.shown.get(cell.index, [])
        for place, part in zip(places, parts_of(cell.tree, places), strict=True):
            lines = self.lines(cell, place, part)
            if place.show is None:
                edits.append(self.drawn("draw") + lines)
            else:
                edits.replace_line(place.show.node, lines)
        saving = [place.show for place in places]
        for show in shows_in(self.program, self.plan, cell):
            if show not in saving and is_pyplots(self.program, show.node):
                edits.remove(show.node)

    def lines(self, cell: SourceCell, place: Shown, part: ast.Module) -> str:
        """Save and close pyplot's current figure."""
        if place.is_blank:
            return f"{self.pyplot()}.close()"
        caption = caption_of(part)
        asked = asked_caption(part, self.pyplot()) if not caption else ""
        lines = self.saving(cell, self.pyplot(), f"{self.pyplot()}.gcf()", asked or caption or "", "f" * bool(asked))
        lines.append(f"{self.pyplot()}.close()")
        if not place.is_sure:
            lines = [f"if {self.pyplot()}.get_fignums():", *(f"    {line}" for line in lines)]
        return "\n".join([*self.folder(), *lines])

    def named(self, cell: SourceCell, figure: str) -> str:
        """Save a figure that has a name."""
        if self.counted:
            return f"{self.figures}.save({figure})"
        lines = self.saving(cell, figure, figure, "", "")
        return "\n".join([*self.folder(), *lines])

    def folder(self) -> list[str]:
        """The line that makes the folder, before the first figure."""
        if self.count > 1 or self.plan.charts:
            return []
        path = self.imports.member("pathlib", "Path")
        return [f'{path}("{self.plan.here(self.plan.figures)}").mkdir(parents=True, exist_ok=True)']

    def saving(self, cell: SourceCell, owner: str, figure: str, caption: str, prefix: str) -> list[str]:
        """The lines that write one picture, and link it in the report."""
        self.count += 1
        drawing = drawing_in(self.program, cell.index)
        name = f"{self.plan.figures}/figure_{self.count}.{drawing.suffix}"
        lines = [f'{owner}.savefig("{self.plan.here(name)}"{drawing.arguments(figure)})']
        if drawing.suffix == "svg":
            lines = [f'with {self.pyplot()}.rc_context({{"svg.hashsalt": ""}}):', f"    {lines[0]}"]
        if self.plan.report:
            lines.append(self.report.figure(name, prefix, caption or f"figure_{self.count}"))
        return lines

    # -- figures that a run counts

    def begin(self) -> list[str]:
        """What stands before the first cell, for stages whose figures come from loops, functions or several to a cell."""
        if not self.counted:
            return []
        made = self.imports.member(self.plan.imported_as(FIGURES), "Figures")
        arguments = [f'"{self.plan.here(self.plan.figures)}"']
        if self.plan.report:
            link = posixpath.relpath(self.plan.figures, str(PurePosixPath(self.plan.report).parent))
            arguments += [self.report.report, f'"{link}"']
        arguments += _options(drawing_in(self.program, self.plan.cells[-1].index))
        lines = [f"{self.figures} = {made}({', '.join(arguments)})"]
        if self.shows_elsewhere():
            lines.append(f"{self.pyplot()}.show = {self.figures}.save_open")
        return lines

    def save_open(self, cell: SourceCell, edits: Edits) -> None:
        """Save the open figures where the cell shows them, and at its end."""
        for call in self.show_calls(cell):
            edits.replace(call, f"{self.figures}.save_open()")
        shows = shows_in(self.program, self.plan, cell)
        last = cell.statements[-1] if cell.statements else None
        if any(s.plots for s in cell.statements) and (not shows or shows[-1] is not last):
            edits.append(f"{self.drawn('draw_all')}{self.figures}.save_open()")

    def show_calls(self, cell: SourceCell) -> Iterator[ast.Call]:
        """The calls of `plt.show` in the cell's own lines, not those in functions."""
        charts = [exhibit.node for exhibit in self.plan.exhibits.get(cell.index, ())]
        todo: list[ast.AST] = [s.node for s in cell.statements]
        while todo:
            node = todo.pop()
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and node.value not in charts:
                if is_pyplots(self.program, node):
                    yield node.value
            if not isinstance(node, (*DEFINITIONS, ast.Lambda)):
                todo += ast.iter_child_nodes(node)

    def replaced(self) -> set[str]:
        """The name of pyplot, where each use of it becomes one of the module that counts figures."""
        owners = [call.func.value for cell in self.plan.cells for call in self.show_calls(cell)] if self.counted else []  # type: ignore[attr-defined]
        own = [s for s in [*self.plan.data.statements, *self.plan.data.repeats] if not isinstance(s.node, IMPORTS)]
        nodes = [n for s in own for n in walk(s.node)] if owners else []
        others = {n.id for n in nodes if isinstance(n, ast.Name) and n not in owners}
        return {owner.id for owner in owners} - others

    def shows_elsewhere(self) -> bool:
        """Whether a function, a module or a library may call `plt.show`."""
        own = [*self.plan.data.statements, *self.plan.data.repeats]
        own += [s for module in self.plan.definitions for s in module.statements]
        used = {path.partition(".")[0] for s in own for path in s.imports} - sys.stdlib_module_names
        if self.plan.local_modules or used - packages("silent"):
            return True
        calls = [call for cell in self.plan.cells for call in self.show_calls(cell)]
        charts = [exhibit.node for found in self.plan.exhibits.values() for exhibit in found]
        known = [getattr(call, "func", None) for call in [*calls, *charts]]
        nodes = [node for s in own for node in walk(s.node)]
        return any(isinstance(n, ast.Attribute) and n.attr == "show" and n not in known for n in nodes)

    # -- all

    def drawn(self, draw: str) -> str:
        """What a kernel does at the end of a cell before it shows figures, where it matters."""
        return f"{self.pyplot()}.{draw}()\n" if lays_out(self.program) else ""

    def pyplot(self) -> str:
        """The name of matplotlib.pyplot."""
        return self.imports.module("matplotlib.pyplot", "plt")

    def backend(self) -> str:
        """Scripts open no windows; the module that counts figures sees to that itself."""
        if self.counted:
            return ""
        uses = self.plan.draws or any(
            m.split(".")[0] in ("matplotlib", "seaborn")
            for m in [*self.imports.header.modules, *self.imports.header.members]
        )
        if not uses:
            return ""
        name = self.imports.imported("matplotlib.pyplot")
        return f'{name}.switch_backend("agg")' if name else f'{self.imports.module("matplotlib")}.use("agg")'


def _options(drawing: Drawing) -> list[str]:
    """How figures become pictures, as arguments of `Figures`."""
    found = [f'suffix="{drawing.suffix}"'] if drawing.suffix != "png" else []
    options = {"bbox_inches": "None", **drawing.options}
    if drawing.double and options.get("dpi", '"figure"') == '"figure"':
        found.append("scale=2")
        options.pop("dpi", None)
    return found + [f"{name}={value}" for name, value in options.items() if (name, value) != ("bbox_inches", '"tight"')]
