"""The lines of a script that save what a notebook shows as a page or a picture, and matplotlib does not draw."""

from __future__ import annotations

import ast
import posixpath
from pathlib import PurePosixPath
from typing import Final, NamedTuple

from nb2stage.analysis.dataflow import SourceCell
from nb2stage.analysis.versions import IMPORTS
from nb2stage.planning.stageplan import StagePlan
from nb2stage.reading.edits import Edits
from nb2stage.scripts.import_lines import Imports
from nb2stage.scripts.report_lines import ReportLines
from nb2stage.trees import walk


class Export(NamedTuple):
    """How a library saves its values.

    The lines have `{path}` for the path without a suffix, and names that they import as `<module:name>`.
    """

    what: str
    page: str = ""
    picture: str = ""
    needs: str = ""  # what the picture takes that is not always there
    title: str = ""
    suffix: str = "png"
    method: str = ""  # what shows such a value wherever it is called
    table: str = ""  # what a report has of it that is no picture


EXPORTS: Final = {
    "plotly": Export(
        "a figure of plotly",
        'chart.write_html(f"{path}.html", include_plotlyjs="cdn", div_id=file)',
        'chart.write_image(f"{path}.png")',
        "kaleido and a browser",
        "chart.layout.title.text or file",
        method="<plotly:basedatatypes>.BaseFigure.show",
    ),
    "altair": Export(
        "a chart of altair",
        'chart.save(f"{path}.html")',
        'chart.save(f"{path}.png")',
        "vl-convert-python",
        "chart.title if isinstance(chart.title, str) else file",
        method="<altair:TopLevelMixin>.show",
    ),
    "bokeh": Export(
        "a plot of bokeh",
        '<pathlib:Path>(f"{path}.html").write_text('
        '<bokeh.embed:file_html>(chart, <bokeh.resources:CDN>, file), encoding="utf-8")',
        '<bokeh.io:export_png>(chart, filename=f"{path}.png")',
        "selenium and a browser",
        'getattr(getattr(chart, "title", None), "text", "") or file',
    ),
    "folium": Export("a map of folium", 'chart.save(f"{path}.html")'),
    "great_tables": Export(
        "a table",
        '<pathlib:Path>(f"{path}.html").write_text(chart.with_id(file).as_raw_html(), encoding="utf-8")',
        table='"<table" + chart.as_raw_html().partition("<table")[2].rpartition("</div>")[0].replace("\\n\\n", "\\n")',
    ),
    "pydeck": Export("a map of pydeck", 'chart.to_html(f"{path}.html", open_browser=False)'),
    "seaborn": Export("a plot of seaborn", picture='<pathlib:Path>(f"{path}.png").write_bytes(chart._repr_png_()[0])'),
    "plotnine": Export(
        "a plot",
        picture='<pathlib:Path>(f"{path}.png").write_bytes('
        '<base64:b64decode>(chart._repr_mimebundle_()[0]["image/png"]))',
    ),
    "pillow": Export("a picture", picture='chart.save(f"{path}.png")'),
    "graphviz": Export("a graph", picture='<pathlib:Path>(f"{path}.svg").write_bytes(chart.pipe("svg"))', suffix="svg"),
}


class ExhibitLines:
    """Saves the exhibits of one stage: a function for each library, which is called where a cell shows something."""

    def __init__(self, plan: StagePlan, imports: Imports, report: ReportLines) -> None:
        self.plan, self.imports, self.report = plan, imports, report
        self.numbers = imports.fresh("chart_numbers")

    def replace(self, cell: SourceCell, edits: Edits) -> None:
        """Save what a cell shows."""
        for node, value, kind in self.plan.exhibits.get(cell.index, ()):
            if node is value:
                edits.wrap(value, f"{self.name(kind)}(", ")")
            else:
                edits.call(node, value, self.name(kind))

    def name(self, kind: str) -> str:
        """The function that saves what a library shows."""
        return self.imports.fresh(f"save_{kind}")

    def helpers(self, makes_folder: bool) -> list[str]:
        """The functions that the stage needs, with the line that makes the folder if nothing above does."""
        if not self.plan.charts:
            return []
        path = self.imports.member("pathlib", "Path")
        folders = [self.plan.pages, *([self.plan.figures] if makes_folder else [])]
        begin = [
            f'{path}("{self.plan.here(each)}").mkdir(parents=True, exist_ok=True)' for each in sorted(folders) if each
        ]
        begin.append(f"{self.numbers} = {self.imports.member('itertools', 'count')}(1)")
        patches = [f"{self.line(EXPORTS[kind].method)} = {self.name(kind)}" for kind in self.plan.chart_methods]
        return ["\n".join(begin), *map(self.helper, self.plan.charts), "\n".join(patches)]

    def replaced(self) -> set[str]:
        """The functions each use of which becomes one of ours: `show` of bokeh."""
        calls = [e.node for found in self.plan.exhibits.values() for e in found if e.node is not e.value]
        given = [e.value for found in self.plan.exhibits.values() for e in found]
        roots = [_root(node.func) for node in calls if isinstance(node, ast.Call)]
        roots = [root for root in roots if not any(root in walk(value) for value in given)]
        own = [*self.plan.data.statements, *self.plan.data.repeats]
        nodes = [n for s in own if not isinstance(s.node, IMPORTS) for n in walk(s.node)] if roots else []
        others = {n.id for n in nodes if isinstance(n, ast.Name) and n not in roots}
        return {root.id for root in roots if isinstance(root, ast.Name)} - others

    def helper(self, kind: str) -> str:
        """The function for one library."""
        export = EXPORTS[kind]
        page = self.line(export.page).replace("{path}", self.plan.here(f"{self.plan.pages}/{{file}}"))
        picture = self.line(export.picture).replace("{path}", self.plan.here(f"{self.plan.figures}/{{file}}"))
        lines = [f'file = f"chart_{{{self.imports.builtin("next")}({self.numbers})}}"']
        linked = bool(self.plan.report)
        if linked and export.title:
            lines.append(f"title = {export.title}")
        title = "{title}" if export.title else "{file}"
        seen = f"![{title}]({self.link(self.plan.figures)}/{{file}}.{export.suffix})"
        paged = f"({self.link(self.plan.pages)}/{{file}}.html)"
        text = f"Save {export.what} as a page" if page else f"Save {export.what}"
        if page and picture:
            text += f", and as a picture where {export.needs} can be had"
            lines += [page, "try:", f"    {picture}"]
            lines += [f'    link = f"[{seen}]{paged}"'] if linked else []
            lines.append(f"except {self.imports.builtin('Exception')} as error:")
            said, sys = self.imports.builtin("print"), self.imports.module("sys")
            lines.append(f'    {said}(f"no picture of {{file}}: {{error}}", file={sys}.stderr)')
            lines += [f'    link = f"[{title}]{paged}"', self.added("link")] if linked else []
        elif page:
            shown = export.table or f'f"[{title}]{paged}"'
            lines += [page, *([self.added(shown)] if linked else [])]
        else:
            lines += [picture, *([self.added(f'f"{seen}"')] if linked else [])]
        body = "\n".join(f"    {line}" for line in lines)
        others = ", *_, **__" if kind in self.plan.chart_methods else ""
        return f'def {self.name(kind)}(chart{others}):\n    """{text}."""\n{body}'

    def link(self, folder: str) -> str:
        """A folder as the report links it."""
        return posixpath.relpath(folder or ".", str(PurePosixPath(self.plan.report).parent))

    def added(self, text: str) -> str:
        """The line that makes a text part of the report."""
        return f"{self.report.report}.append({text})"

    def line(self, text: str) -> str:
        """A line with the names that it imports."""
        while "<" in text:
            before, _, rest = text.partition("<")
            wanted, _, after = rest.partition(">")
            module, _, name = wanted.partition(":")
            text = before + self.imports.member(module, name) + after
        return text


def _root(node: ast.expr) -> ast.expr:
    """`pio` of `pio.show`."""
    return _root(node.value) if isinstance(node, ast.Attribute) else node
