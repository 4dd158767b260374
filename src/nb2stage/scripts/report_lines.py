"""The lines of a script that write report/report.md: text cells, and what the cells of the stage show."""

from __future__ import annotations

import ast
import posixpath
from pathlib import PurePosixPath

from nb2stage.planning.displays import Displays, moved_links
from nb2stage.planning.planner import Planner
from nb2stage.planning.stageplan import StagePlan
from nb2stage.reading.notebook import Cell
from nb2stage.scripts.import_lines import Imports

_FENCE = "~~~"


class ReportLines:
    """The parts of the report of one stage, in their order."""

    def __init__(self, planner: Planner, plan: StagePlan, imports: Imports, displays: Displays) -> None:
        self.path, self.plan, self.imports, self.displays = planner.path, plan, imports, displays
        self.report = imports.fresh("report")
        self.frames = self.rich = self.styles = self.shows = self.prints = False
        if plan.report:
            shown = list(displays.shown())
            self.shows = bool(shown)
            self.frames = any(map(displays.may_be_frame, shown))
            self.styles = self.shows and displays.styles()
            self.rich = self.shows and bool(displays.rich())
            self.prints = displays.may_print() or displays.is_bound("print")

    @property
    def show(self) -> str:
        """The function that shows a value."""
        return self.imports.fresh("show") if self.shows else self.imports.builtin("print")

    def text(self, cell: Cell) -> str:
        """The line for a cell of markdown."""
        text = moved_links(cell.source, self.path).strip()
        return f"{self.report}.append({text_literal(text)})" if text else ""

    def figure(self, path: str, prefix: str, caption: str) -> str:
        """The line for a figure; with the prefix `f` its path and caption have names of the script in them."""
        link = posixpath.relpath(path, str(PurePosixPath(self.plan.report).parent))
        text = f"![{caption if prefix else escaped(caption)}]({link})"
        return f"{self.report}.append({prefix}{text_literal(text)})"

    def replaced(self) -> set[str]:
        """`display`, where each use of it becomes one of `show`."""
        calls = [call for cell in self.plan.cells for call in self.displays.calls(cell)]
        if not (self.displays.knows_display and self.displays.is_bound("display")):
            return set()
        own = [*self.plan.data.statements, *self.plan.data.repeats]
        uses = [n for s in own for n in ast.walk(s.node) if isinstance(n, ast.Name) and n.id == "display"]
        return {"display"} if len(uses) == len(calls) and not any(call.keywords for call in calls) else set()

    def begin(self) -> list[str]:
        """What stands before the first cell."""
        if not self.plan.report:
            return []
        if not self.prints:
            return [
                f"{self.report} = []  # the parts of {self.plan.report}",
                *self.showing(f"{self.imports.builtin('print')}(value)"),
            ]
        is_a, text = self.imports.builtin("isinstance"), self.imports.builtin("str")
        sys, terminal, write = self.imports.module("sys"), self.imports.fresh("terminal"), self.imports.fresh("write")
        return [
            f"{self.report} = []  # the parts of {self.plan.report}; what is printed in one go is a list\n"
            f"{terminal} = {sys}.stdout.write",
            f"def {write}(text):\n"
            '    """Print on the terminal, and in the report."""\n'
            f"    if not {self.report} or {is_a}({self.report}[-1], {text}):\n"
            f"        {self.report}.append([])\n"
            f"    {self.report}[-1].append(text)\n"
            f"    return {terminal}(text)",
            *self.showing(f'{terminal}(f"{{value}}\\n")'),
            f"{sys}.stdout.write = {write}",
        ]

    def showing(self, printing: str) -> list[str]:
        """The functions that show values, with the line that prints one on the terminal only."""
        if not self.shows:
            return []
        cases, before, is_a = [], [], self.imports.builtin("isinstance")
        if self.styles:
            styler = self.imports.member("pandas.io.formats.style", "Styler")
            cases.append((f"{is_a}(value, {styler})", "value.to_html(exclude_styles=True)"))
        if self.rich:
            classes = [self.imports.member("IPython.display", name) for name in self.displays.rich()]
            which = classes[0] if len(classes) == 1 else f"({', '.join(classes)})"
            cases.append((f"{is_a}(value, {which})", "value.data"))
        if self.frames:
            pd, table = self.imports.module("pandas", "pd"), self.imports.fresh("table")
            cases.append((f"{is_a}(value, {pd}.DataFrame) and not value.empty", f"{table}(value)"))
            before = [self.table(table, pd)]
        lines = [
            f"def {self.show}(*values):",
            '    """Print values, and show them in the report as a notebook shows them."""',
            "    for value in (v for v in values if v is not None):",
            f"        {printing}",
        ]
        for number, (condition, part) in enumerate(cases):
            word = "elif" if number else "if"
            lines += [f"        {word} {condition}:", f"            {self.report}.append({part})"]
        text = f'{self.report}.append(f"{_FENCE}\\n{{value}}\\n{_FENCE}")'
        lines += ["        else:", f"            {text}"] if cases else [f"        {text}"]
        return [*before, "\n".join(lines)]

    def table(self, name: str, pd: str) -> str:
        """The function that makes a table of a frame."""
        pairs, text, count = (self.imports.builtin(each) for each in ("zip", "str", "len"))
        return (
            f"def {name}(frame):\n"
            '    """A frame as a table of markdown, with its rows and numbers as pandas prints them."""\n'
            f"    options = {pd}.options.display\n"
            '    form = {"index": False, "header": False, "max_rows": options.max_rows, "min_rows": options.min_rows}\n'
            "    columns = [frame.index.to_series(), *(column for _, column in frame.items())]\n"
            f'    cells = {pairs}(*(column.to_string(**form).split("\\n") for column in columns))\n'
            '    head = [frame.index.name or "", *frame.columns]\n'
            f'    rows = [[{text}(cell).strip().replace("|", "\\\\|") for cell in row] for row in (head, *cells)]\n'
            f'    rows.insert(1, ["---"] * {count}(head))\n'
            '    return "\\n".join(f"| {\' | \'.join(row)} |" for row in rows)'
        )

    def end(self) -> str:
        """What stands behind the last cell."""
        if not self.plan.report:
            return ""
        path, lines, parts = self.imports.member("pathlib", "Path"), self.others(), self.report
        folder = str(PurePosixPath(self.plan.report).parent)
        if folder != str(PurePosixPath(self.plan.script).parent):
            lines.append(f'{path}("{self.plan.here(folder)}").mkdir(parents=True, exist_ok=True)')
        if self.prints:
            parts = self.imports.fresh("parts")
            block = f'"{_FENCE}\\n" + "".join(part).strip("\\n") + "\\n{_FENCE}"'
            test = f"{self.imports.builtin('isinstance')}(part, {self.imports.builtin('str')})"
            lines.append(f"{parts} = [part if {test} else {block} for part in {self.report}]")
        written = f'"\\n\\n".join({parts}) + "\\n"'
        lines.append(f'{path}("{self.plan.here(self.plan.report)}").write_text({written}, encoding="utf-8")')
        return "\n".join(lines)

    def others(self) -> list[str]:
        """The lines for the figures of other stages, of which only a run tells how many there are where they are None."""
        lines: list[str] = []
        for other, pictures in self.plan.others.items():
            lines.append(f'{self.report}.append("## Figures of `{other.name}`")')
            if pictures is not None:
                lines += [self.figure(f"{other.figures}/{name}", "", caption) for name, caption in pictures]
                continue
            path, each = self.imports.member("pathlib", "Path"), self.imports.fresh("shown")
            for folder in (each for each in (other.figures, other.pages) if each):
                link = posixpath.relpath(folder, str(PurePosixPath(self.plan.report).parent))
                bang = "!" * (folder == other.figures)
                key = f"lambda path: ({self.imports.builtin('len')}(path.stem), path.name)"
                files = f'{self.imports.builtin("sorted")}({path}("{self.plan.here(folder)}").iterdir(), key={key})'
                text = f'f"{bang}[{{{each}.stem}}]({link}/{{{each}.name}})"'
                lines.append(f"for {each} in {files}:\n    {self.report}.append({text})")
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
