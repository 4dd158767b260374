"""The lines of a script that write what DVC draws."""

from __future__ import annotations

from pathlib import PurePosixPath

from nb2stage.analysis.dataflow import SourceCell
from nb2stage.planning.stageplan import PlotTable, StagePlan
from nb2stage.scripts.cache_lines import quoted
from nb2stage.scripts.import_lines import Imports


class PlotLines:
    """Writes the tables of one stage, behind the cells that assign them."""

    def __init__(self, plan: StagePlan, imports: Imports) -> None:
        self.plan, self.imports = plan, imports
        self.folders: set[str] = set()

    def after(self, cell: SourceCell) -> str:
        """What follows a cell."""
        lines: list[str] = []
        for table in self.plan.plot_tables.get(cell.index, ()):
            folder = str(PurePosixPath(table.path).parent)
            if folder not in self.folders:
                self.folders.add(folder)
                path = self.imports.member("pathlib", "Path")
                lines.append(f'{path}("{self.plan.here(folder)}").mkdir(parents=True, exist_ok=True)')
            lines += self.write(table)
        return "\n".join(lines)

    def write(self, table: PlotTable) -> list[str]:
        """The lines that write one table."""
        name, path = table.names[0], self.plan.here(table.path)
        if table.form == "frame":
            return [f'{name}.to_csv("{path}", index=False)']
        if table.form == "indexed":
            return [f'{name}.reset_index().to_csv("{path}", index=False)']
        if table.form == "series":
            return [f'{name}.to_csv("{path}", index_label="index", header=["{name}"])']
        csv = self.imports.module("csv")
        strict = ", strict=True" if table.checks and len(table.names) > 1 else ""
        rows = f"{self.imports.builtin('zip')}({', '.join(table.names)}{strict})"
        return [
            f'with {self.imports.builtin("open")}("{path}", "w", newline="") as file:',
            f'    {csv}.writer(file, lineterminator="\\n").writerows([{quoted(table.columns)}, *{rows}])',
        ]
