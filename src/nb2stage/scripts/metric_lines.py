"""The lines of a script that write metrics."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import PurePosixPath

from nb2stage.analysis.dataflow import SourceCell
from nb2stage.planning.metrics import (
    assigned_targets,
    assignments,
    changed_dicts,
    in_notebook_scope,
    is_number,
    names_of,
)
from nb2stage.planning.pipeline import Param
from nb2stage.planning.stageplan import StagePlan
from nb2stage.scripts.cache_lines import quoted
from nb2stage.scripts.import_lines import Imports


class MetricLines:
    """The lines that write a stage's metrics, behind the cells that assign them."""

    def __init__(self, plan: StagePlan, imports: Imports) -> None:
        self.plan, self.imports = plan, imports
        self.helper = ""
        self.begun = False

    def after(self, cell: SourceCell) -> str:
        """What follows a cell; the last one of the stage's metrics writes the file."""
        names = self.plan.metric_cells.get(cell.index)
        if not names:
            return ""
        metrics = self.imports.fresh("metrics")
        sure = surely_bound(cell)
        values = (
            "{" + ", ".join(f'"{name}": {name}' for name in names) + "}"
            if sure >= set(names)
            else f"{{n: v for n, v in {self.imports.builtin('globals')}().items() if n in {quoted(names)}}}"
        )
        numbers = [name for name in names if name in surely_numbers(cell, self.plan.params)]
        if numbers != names:
            values = f"{self.numbers()}({values})"
        lines = [f"{metrics}.update({values})" if self.begun else f"{metrics} = {values}"]
        self.begun = True
        if cell.index == max(self.plan.metric_cells):
            lines += self.write(metrics)
        return "\n".join(lines)

    def write(self, metrics: str) -> list[str]:
        """The lines that write the file."""
        path, lines = self.plan.here(self.plan.metrics_file), []
        if "/" in self.plan.metrics_file:
            folder = f'{self.imports.member("pathlib", "Path")}("{PurePosixPath(path).parent}")'
            lines.append(f"{folder}.mkdir(parents=True, exist_ok=True)")
        json = self.imports.module("json")
        dump = f"    {json}.dump({metrics}, file, indent=2, default=lambda v: v.item())"
        return [*lines, f'with {self.imports.builtin("open")}("{path}", "w") as file:', dump]

    def numbers(self) -> str:
        """A function that keeps the numbers of a dict: what the kinds of the values are is seen when they are there."""
        name, real = self.imports.fresh("numbers_of"), self.imports.member("numbers", "Real")
        is_a, text, dict_ = (self.imports.builtin(each) for each in ("isinstance", "str", "dict"))
        self.helper = (
            f"def {name}(values):\n"
            '    """The numbers of a dict, and of the dicts in it: what DVC compares."""\n'
            f"    found = {{{text}(k): {name}(v) if {is_a}(v, {dict_}) else v for k, v in values.items()}}\n"
            f"    return {{k: v for k, v in found.items() if {is_a}(v, ({real}, {dict_}))}}"
        )
        return name


def surely_bound(cell: SourceCell) -> set[str]:
    """The names that lines of a cell assign without a condition, and those that it changes items of."""
    plain = [node for node in cell.tree.body if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign)]
    names = {n.id for node in plain for target in assigned_targets(node) for n in names_of(target)}
    deleted = {
        t.id
        for node in in_notebook_scope(cell.tree)
        if isinstance(node, ast.Delete)
        for t in node.targets
        if isinstance(t, ast.Name)
    }
    return (names | set(changed_dicts(cell.tree))) - deleted


def surely_numbers(cell: SourceCell, params: Sequence[Param]) -> set[str]:
    """The names to which a cell assigns nothing but what is a number by the look of it."""
    known = {param.name for param in params if isinstance(param.value, int | float)}
    found: dict[str, bool] = {}
    for name, value in assignments(cell.tree):
        found[name] = found.get(name, True) and is_number(value, known)
        known = known | {name} if found[name] else known - {name}
    return {name for name, is_one in found.items() if is_one}
