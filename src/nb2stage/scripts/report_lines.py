"""The lines of a script that write report/report.md: text cells, and what the cells of the stage show."""

from __future__ import annotations

import ast
import posixpath
from pathlib import PurePosixPath

from nb2stage.planning.companions import REPORT
from nb2stage.planning.displays import Displays, moved_links
from nb2stage.planning.planner import Planner
from nb2stage.planning.stageplan import StagePlan
from nb2stage.reading.notebook import Cell
from nb2stage.scripts.import_lines import Imports
from nb2stage.trees import walk


class ReportLines:
    """The parts of the report of one stage, in their order."""

    def __init__(self, planner: Planner, plan: StagePlan, imports: Imports, displays: Displays) -> None:
        self.path, self.plan, self.imports, self.displays = planner.path, plan, imports, displays
        self.report = imports.fresh("report")
        self.has_companion = REPORT in plan.companions
        self.printed: list[ast.Name] = []
        self.listens = False
        if self.has_companion:
            calls = displays.printed()
            self.listens = displays.is_bound("print") or displays.may_print(besides=calls)
            self.printed = [] if self.listens else calls

    @property
    def show(self) -> str:
        """The function that shows a value."""
        return f"{self.report}.show" if self.has_companion else self.imports.builtin("print")

    def text(self, cell: Cell) -> str:
        """The line for a cell of markdown."""
        text = moved_links(cell.source, self.path).strip()
        return self.added(text_literal(text)) if text else ""

    def added(self, text: str) -> str:
        """The line that makes a text part of the report, broken as formatters break it where it is too long."""
        line = f"{self.report}.append({text})"
        return (
            line if len(line) <= self.imports.line_length or "\n" in line else f"{self.report}.append(\n    {text}\n)"
        )

    def figure(self, path: str, prefix: str, caption: str) -> str:
        """The line for a figure; with the prefix `f` its path and caption have names of the script in them."""
        link = posixpath.relpath(path, str(PurePosixPath(self.plan.report).parent))
        text = f"![{caption if prefix else escaped(caption)}]({link})"
        return self.added(f"{prefix}{text_literal(text)}")

    def replaced(self) -> set[str]:
        """`display`, where each use of it becomes one of `show`."""
        calls = [call for cell in self.plan.cells for call in self.displays.calls(cell)]
        if not (self.displays.knows_display and self.displays.is_bound("display")):
            return set()
        own = [*self.plan.data.statements, *self.plan.data.repeats]
        uses = [n for s in own for n in walk(s.node) if isinstance(n, ast.Name) and n.id == "display"]
        return {"display"} if len(uses) == len(calls) and not any(call.keywords for call in calls) else set()

    def begin(self) -> list[str]:
        """What stands before the first cell."""
        if not self.plan.report:
            return []
        if not self.has_companion:
            return [f"{self.report} = [{', '.join(self.heading())}]"]
        made = self.imports.member(self.plan.imported_as(REPORT), "Report")
        return [f"{self.report} = {made}({', '.join([*self.heading(), *['printed=True'] * self.listens])})"]

    def heading(self) -> list[str]:
        """The name of the stage, where no cell of text has a heading of the first level."""
        if any(line.startswith(("# ", "==")) for cell in self.plan.texts for line in cell.source.splitlines()):
            return []
        return [f'"# {self.plan.name.replace("_", " ").replace("-", " ").capitalize()}"']

    def end(self) -> str:
        """What stands behind the last cell."""
        if not self.plan.report:
            return ""
        lines, target = self.others(), self.plan.here(self.plan.report)
        if self.has_companion:
            return "\n".join([*lines, f'{self.report}.write("{target}")'])
        path, folder = self.imports.member("pathlib", "Path"), str(PurePosixPath(self.plan.report).parent)
        if folder != str(PurePosixPath(self.plan.script).parent):
            lines.append(f'{path}("{self.plan.here(folder)}").mkdir(parents=True, exist_ok=True)')
        lines.append(f'{path}("{target}").write_text("\\n\\n".join({self.report}) + "\\n", encoding="utf-8")')
        return "\n".join(lines)

    def others(self) -> list[str]:
        """The lines for the figures of other stages, of which only a run tells how many there are where they are None."""
        lines: list[str] = []
        for other, pictures in self.plan.others.items():
            lines.append(f'{self.report}.append("## Figures of `{other.name}`")')
            if pictures is not None:
                lines += [self.figure(f"{other.figures}/{name}", "", caption) for name, caption in pictures]
                continue
            for folder in (each for each in (other.figures, other.pages) if each):
                link = posixpath.relpath(folder, str(PurePosixPath(self.plan.report).parent))
                lines.append(f'{self.report}.link_files("{self.plan.here(folder)}", "{link}")')
        return lines


def escaped(caption: str) -> str:
    """A caption as it stands in the brackets of a link."""
    return caption.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")


def text_literal(text: str) -> str:
    """A text as it stands in a script, over several lines where it has such."""
    if '"""' in text or text.endswith(("\\", '"')) or "\r" in text:
        return (
            repr(text)
            if "\n" not in text
            else "(\n" + "\n".join(f"    {line!r}" for line in text.splitlines(True)) + "\n)"
        )
    raw = "r" if "\\" in text else ""
    quotes = '"""' if "\n" in text or '"' in text else '"'
    return f"{raw}{quotes}{text}{quotes}"
