"""The lines of a script that save the figures which a notebook shows, as Jupyter's inline backend draws them."""

from __future__ import annotations

from nb2stage.analysis.dataflow import SourceCell
from nb2stage.analysis.objects import Statement
from nb2stage.planning.captions import caption_of, has_title
from nb2stage.planning.displays import figures_shown
from nb2stage.planning.figures import is_simple, shows_in
from nb2stage.planning.inline import Drawing, drawing_in, lays_out
from nb2stage.planning.planner import Planner
from nb2stage.planning.stageplan import StagePlan
from nb2stage.reading.edits import Edits
from nb2stage.scripts.import_lines import Imports
from nb2stage.scripts.report_lines import ReportLines


class FigureLines:
    """Saves the figures of one stage: behind the cells that draw them, or where `plt.show` is called."""

    def __init__(
        self, planner: Planner, plan: StagePlan, imports: Imports, report: ReportLines, repeats: list[Statement]
    ) -> None:
        self.program, self.plan, self.imports, self.report = planner.program, plan, imports, report
        self.repeats = repeats
        self.simple = is_simple(planner.program, plan, repeats)
        self.count = 0

    def after(self, cell: SourceCell, edits: Edits) -> None:
        """Put the lines into a cell, or behind it."""
        if not self.plan.draws:
            return
        plotting = [s for s in cell.statements if s.plots]
        shows = shows_in(self.plan, cell)
        last = cell.statements[-1] if cell.statements else None
        for figure in figures_shown(self.program, cell):
            if not figure.is_open:
                lines = self.lines(cell, figure.name)
                indent = "\n" + " " * (figure.statement.col_offset if figure.is_nested else 0)
                edits.replace_line(figure.statement, lines.replace("\n", indent))
            elif figure.is_nested:
                edits.replace(figure.statement, "pass")
            else:
                edits.remove(figure.statement)
        if not plotting:
            return
        if self.simple:
            if shows:
                edits.replace_line(shows[0].node, self.lines(cell))
            else:
                edits.append(self.drawn("draw") + self.lines(cell))
        elif not shows or shows[-1] is not last:
            edits.append(f"{self.drawn('draw_all')}{self.pyplot()}.show()")

    def drawn(self, draw: str) -> str:
        """What a kernel does at the end of a cell before it shows figures, where it matters."""
        return f"{self.pyplot()}.{draw}()\n" if lays_out(self.program) else ""

    def lines(self, cell: SourceCell, figure: str = "") -> str:
        """Save and close pyplot's current figure, or save one that has a name."""
        drawing = drawing_in(self.program, cell.index)
        lines: list[str] = []
        if self.simple:
            self.count += 1
            file, form = f"figure_{self.count}", ""
            if self.count == 1 and not self.plan.charts:
                path = self.imports.member("pathlib", "Path")
                lines.append(f'{path}("{self.plan.here(self.plan.figures)}").mkdir(parents=True, exist_ok=True)')
        else:
            numbers, name = self.imports.fresh("figure_numbers"), self.imports.fresh("file")
            lines.append(f'{name} = f"figure_{{{self.imports.builtin("next")}({numbers})}}"')
            file, form = f"{{{name}}}", "f"
        name = f"{self.plan.figures}/{file}.{drawing.suffix}"
        lines += self.saving(drawing, figure, f'{form}"{self.plan.here(name)}"')
        caption = "" if figure else caption_of(cell.tree)
        shown = [self.report.figure(name, form, caption or file)] if self.plan.report else []
        if shown and caption is None:
            shown = [self.report.figure(name, "f", f"{{{self.pyplot()}.gca().get_title()}}")]
        closing = [] if figure else [f"{self.pyplot()}.close()"]
        return "\n".join([*lines, *shown, *closing])

    def saving(self, drawing: Drawing, figure: str, path: str) -> list[str]:
        """The lines that write one picture."""
        arguments = drawing.arguments(figure or f"{self.pyplot()}.gcf()")
        line = f"{figure or self.pyplot()}.savefig({path}{arguments})"
        if drawing.suffix != "svg":
            return [line]
        return [f'with {self.pyplot()}.rc_context({{"svg.hashsalt": ""}}):', f"    {line}"]

    def helper(self) -> list[str]:
        """`plt.show` that saves: for stages whose figures come from loops, functions or several to a cell."""
        if not self.plan.draws or self.simple:
            return []
        plt, path = self.pyplot(), self.imports.member("pathlib", "Path")
        numbers, name = self.imports.fresh("figure_numbers"), self.imports.fresh("save_figures")
        figure = self.imports.fresh("figure")
        drawing = drawing_in(self.program, self.plan.cells[-1].index)
        name_of_file = f"{self.plan.figures}/{{file}}.{drawing.suffix}"
        picture = f'f"{self.plan.here(name_of_file)}"'
        shown = []
        if self.plan.report:
            titled = has_title([s.node for s in [*self.plan.data.statements, *self.repeats]])
            caption = f"{{{figure}.gca().get_title() or file}}" if titled else "{file}"
            shown = [self.report.figure(name_of_file, "f", caption)]
        lines = [
            f'file = f"figure_{{{self.imports.builtin("next")}({numbers})}}"',
            *self.saving(drawing, figure, picture),
            *shown,
        ]
        return [
            f'{path}("{self.plan.here(self.plan.figures)}").mkdir(parents=True, exist_ok=True)\n'
            f"{numbers} = {self.imports.member('itertools', 'count')}(1)",
            f'def {name}(*_, **__):\n    """Save and close the open figures, as a notebook shows and closes them."""\n'
            f"    for {figure} in {self.imports.builtin('map')}({plt}.figure, {plt}.get_fignums()):\n"
            f"        if {figure}.axes:\n"
            + "".join(f"            {line}\n" for line in lines)
            + f'    {plt}.close("all")',
            f"{plt}.show = {name}",
        ]

    def pyplot(self) -> str:
        """The name of matplotlib.pyplot."""
        return self.imports.module("matplotlib.pyplot", "plt")

    def backend(self) -> str:
        """Scripts open no windows."""
        uses = self.plan.draws or any(
            m.split(".")[0] in ("matplotlib", "seaborn")
            for m in [*self.imports.header.modules, *self.imports.header.members]
        )
        if not uses:
            return ""
        return f'{self.imports.module("matplotlib")}.use("agg")'
