"""`StagePlan` -> the text of its script: the user's own lines, and a few plain ones to load and save.

A script is: a line that says where it comes from; the imports that it uses; parameters; what is loaded; what other cells
define; the cells of the stage as they stand; what is saved.
"""

from __future__ import annotations

import ast
import json
from collections import Counter
from functools import cached_property
from pathlib import PurePosixPath

from nb2stage.analysis.async_lines import coroutines, header, is_run_alone, needs_coroutine
from nb2stage.analysis.dataflow import SourceCell, literal
from nb2stage.analysis.objects import Statement
from nb2stage.analysis.scopes import free_names, inner_free_names, mentioned_names, outside_functions
from nb2stage.analysis.versions import DEFINITIONS, IMPORTS
from nb2stage.planning.companions import FIGURES, REPORT
from nb2stage.planning.definitions import FOLDER, DefinitionsModule, gives_handle
from nb2stage.planning.displays import Displays
from nb2stage.planning.inline import is_for_display
from nb2stage.planning.planner import Planner
from nb2stage.planning.stageplan import StagePlan, normal
from nb2stage.reading.edits import Edits
from nb2stage.reading.notebook import Cell
from nb2stage.reading.tags import directive_lines
from nb2stage.reading.translation import parse
from nb2stage.scripts.blocks import has_code, join_blocks, statement_text
from nb2stage.scripts.cache_lines import CacheLines
from nb2stage.scripts.exhibit_lines import ExhibitLines
from nb2stage.scripts.figure_lines import FigureLines
from nb2stage.scripts.import_lines import Header, Imports, does_something, from_line, import_text, is_future
from nb2stage.scripts.metric_lines import MetricLines
from nb2stage.scripts.plot_lines import PlotLines
from nb2stage.scripts.report_lines import ReportLines
from nb2stage.trees import walk


class ScriptWriter:
    """Writes the script of one stage."""

    def __init__(self, planner: Planner, plan: StagePlan) -> None:
        self.planner, self.plan = planner, plan
        self.program = planner.program
        self.own = plan.data.statements
        self.moved = {s for m in plan.definitions for s in m.statements if isinstance(s.node, DEFINITIONS)}
        self.repeats = self.own_repeats()
        self.imports = Imports(self.program, plan, [*self.own, *self.repeats], planner.around.line_length)
        self.cache = CacheLines(planner, plan, self.imports)
        self.metrics = MetricLines(plan, self.imports)
        self.tables = PlotLines(plan, self.imports)
        self.displays = Displays(self.program, plan)
        self.report = ReportLines(planner, plan, self.imports, self.displays)
        self.exhibits = ExhibitLines(plan, self.imports, self.report)
        self.figures = FigureLines(planner, plan, self.imports, self.report)
        self.left_out = self.unused_definitions() | {s for s in self.own if s in self.moved or is_for_display(s.node)}

    def own_repeats(self) -> list[Statement]:
        """What the script repeats itself: not what is repeated only because a definition in a module needs it."""
        repeats = [s for s in sorted(self.plan.data.repeats, key=lambda s: s.position) if s not in self.moved]
        readers = Counter(n for s in [*self.own, *repeats] if s not in self.moved for n in s.reads)
        inside = {s for m in self.plan.definitions for s in m.statements}
        kept = [
            s
            for s in repeats
            if s not in inside or does_something(s) or any(readers[n] > (n in s.reads) for n in s.binds)
        ]
        for statement in [s for s in kept if isinstance(s.node, IMPORTS)]:
            # An import of a later cell that a definition above it needs.
            place = kept.index(statement)
            above = enumerate(kept[:place])
            first = next((n for n, s in above if any(statement in var.sites for var in s.reads.values())), place)
            kept.insert(first, kept.pop(place))
        return kept

    # -- the whole

    def text(self) -> str:
        """The script."""
        # Without the notebook's name: another name re-runs nothing.
        intro = f'"""Stage `{self.plan.name}` of the notebook. Edit it there and run `nb2stage convert`."""'
        self.collect_imports()
        if self.plan.home and not self.is_moved_early:
            self.imports.module("os")
        params = self.params()
        repeats = self.repeated([s for s in self.repeats if s not in self.plan.data.late])
        loads: list[str] = []
        for each in self.plan.data.rounds:
            loads += [self.cache.loads(each), *self.repeated([s for s in self.repeats if s in each.statements])]
        cells = [text for cell in self.in_order() for text in self.blocks(cell) if text]
        report = self.report.begin()
        cells.append(self.report.end())
        saves = self.cache.saves()
        folders = self.folders()
        figures = self.figures.begin()
        charts = self.exhibits.helpers(makes_folder=not figures)
        backend = self.figures.backend()
        displays = self.display_helper([*repeats, *cells])
        future = self.imports.header.members.pop("__future__", None)
        blocks = [
            intro,
            from_line("__future__", future, self.imports.line_length) if future else "",
            self.search_path(),
            "\n".join(self.imports.header.lines(self.local_roots(), self.imports.line_length)),
            "" if self.is_moved_early else self.workplace(),
            backend,
            params,
            *charts,
            *displays,
            self.metrics.helper,
            *repeats,
            *loads,
            "\n".join(self.cache.states),
            folders,
            "\n".join([*report, *figures]),
            *cells,
            saves,
        ]
        return join_blocks([b for b in blocks if b])

    def in_order(self) -> list[SourceCell | Cell]:
        """The cells of the stage, and those of text."""
        cells: list[SourceCell | Cell] = [*self.plan.cells, *self.plan.texts]
        return sorted(cells, key=lambda cell: cell.index)

    def blocks(self, cell: SourceCell | Cell) -> list[str]:
        """The lines of a cell, and those that follow it."""
        if isinstance(cell, SourceCell):
            return [self.cell(cell), self.metrics.after(cell), self.tables.after(cell)]
        return [self.report.text(cell)]

    def search_path(self) -> str:
        """A script finds modules beside itself, the notebook found those beside the notebook."""
        if not self.has_modules_beside and not self.has_modules:
            return ""
        self.imports.header.drop("sys")
        home, folder = self.plan.home, self.planner.around.folder
        if home:
            self.imports.header.drop("os")
            lines = ["import os", "import sys", "", self.workplace()]
        else:
            lines = ["import sys", ""]
        if self.has_modules_beside:
            beside = "." if home or not folder else folder
            lines.append(f'sys.path.insert(0, "{beside}")  # for the modules beside the notebook')
        if self.has_modules and (folder or not self.has_modules_beside):
            paths = [*(module.path for module in self.plan.definitions), *self.plan.far_companions]
            folders = " and ".join(sorted({path.partition("/")[0] + "/" for path in paths}))
            lines.append(f'sys.path.insert(0, "{self.plan.here(".")}")  # for {folders}')
        return "\n".join(lines)

    @property
    def is_moved_early(self) -> bool:
        """Whether the script has to be in the notebook's folder before it imports anything."""
        return bool(self.plan.home and (self.has_modules_beside or self.has_modules))

    @property
    def has_modules(self) -> bool:
        """Whether the script imports modules that stand at the top of the project."""
        return bool(self.plan.definitions or self.plan.far_companions)

    @property
    def has_modules_beside(self) -> bool:
        """Whether the script imports modules from the notebook's folder."""
        folder = self.planner.around.folder
        return any(not folder or path.startswith(f"{folder}/") for path in self.plan.local_modules)

    def workplace(self) -> str:
        """The line by which the paths of the stage begin where the notebook's do."""
        if not self.plan.home:
            return ""
        os = "os" if self.is_moved_early else self.imports.module("os")
        return f'{os}.chdir("{self.plan.home}")  # paths begin in the notebook\'s folder'

    def local_roots(self) -> set[str]:
        modules = {m.name.partition(".")[0] for m in self.program.heap.modules.values()}
        modules |= {path.partition("/")[0] for path in self.plan.far_companions}
        if self.plan.folder == "src":  # where tools look for a project's own modules
            modules |= {self.plan.imported_as(name) for name in self.plan.companions if name in (REPORT, FIGURES)}
        return modules | {PurePosixPath(m).name.removesuffix(".py") for m in self.plan.local_modules} | {FOLDER}

    def used_names(self) -> set[str]:
        """All global names that the script's own lines look up: not what only a module that it imports needs."""
        used: set[str] = set(self.plan.data.by_name)
        for statement in [*self.own, *self.repeats]:
            if statement in self.left_out:
                continue
            used |= statement.reads.keys() & mentioned_names(statement.node) if self.moved else statement.reads.keys()
            used |= inner_free_names(statement.node)
        return used

    def collect_imports(self) -> None:
        """The imports at the top, also those of the modules of definitions."""
        used = self.used_names() - self.report.replaced() - self.exhibits.replaced() - self.figures.replaced()
        self.imports.collect(used)
        for module in self.plan.definitions:
            for name in sorted(module.names & used):
                if any(name in s.binds for s in self.moved):
                    self.imports.header.add(f"from {module.name} import {name}")

    # -- parameters and folders

    def params(self) -> str:
        if not self.plan.params:
            return ""
        yaml, path = self.imports.member("ruamel.yaml", "YAML"), self.imports.member("pathlib", "Path")
        params = self.imports.fresh("params")
        lines = [f'{params} = {yaml}(typ="safe").load({path}("{self.plan.here("params.yaml")}"))']
        for param in self.plan.params:
            access = params + "".join(f'["{part}"]' for part in param.key.split("."))
            lines.append(f"{param.name} = {self.restored(param.name, access)}")
        return "\n".join(lines)

    def restored(self, name: str, access: str) -> str:
        """A tuple comes back from YAML as a list."""
        for statement in self.plan.data.repeats:
            if statement.param and name in statement.binds:
                assert isinstance(statement.node, ast.Assign | ast.AnnAssign)
                assert statement.node.value is not None
                if isinstance(literal(statement.node.value), tuple):
                    return f"{self.imports.builtin('tuple')}({access})"
        return access

    def folders(self) -> str:
        """The folders that the stage needs, first of all for what it writes: another stage may have made them."""
        wanted = sorted(self.plan.needed_dirs)
        for use in self.plan.writes:
            folder = str(PurePosixPath(normal(use.path or "")).parent)
            own = any((d + "/").startswith(folder + "/") for d in self.plan.made_dirs)
            if (
                folder not in (".", self.planner.around.folder)
                and not own
                and folder not in wanted
                and not folder.startswith("..")
            ):
                wanted.append(folder)
        path = self.imports.member("pathlib", "Path") if wanted else ""
        here = self.plan.here
        lines = [f'{path}("{here(folder)}").mkdir(parents=True, exist_ok=True)' for folder in sorted(wanted)]
        for source, copy in self.plan.copies:
            lines.append(f'{self.imports.module("shutil")}.copy("{here(source)}", "{here(copy)}")')
        return "\n".join(lines)

    # -- what other cells define

    def repeated(self, statements: list[Statement]) -> list[str]:
        """Statements of other cells that this stage repeats, with their comments."""
        blocks: list[str] = []
        previous: Statement | None = None
        for statement in statements:
            node = statement.node
            if statement.param or (isinstance(node, IMPORTS) and statement in self.imports.hoisted):
                continue
            cell = self.program.cell_at[statement.cell]
            text = ast.unparse(node) if isinstance(node, IMPORTS) else statement_text(cell, statement, self.moved_texts)
            adjacent = previous is not None and previous.cell == statement.cell and not isinstance(node, DEFINITIONS)
            if blocks and adjacent and previous is not None and not isinstance(previous.node, DEFINITIONS):
                blocks[-1] += "\n" + text
            else:
                blocks.append(text)
            previous = statement
        return blocks

    def unused_definitions(self) -> set[Statement]:
        """Functions and classes of this stage's cells that only other stages use."""
        mine = [s for s in self.own if isinstance(s.node, DEFINITIONS) and not s.changes]
        if not mine:
            return set()
        unused = set(mine)
        roots = {n for s in self.own if s not in unused for n in s.reads}
        roots |= {n for file in self.plan.saves for n in file.transfer.names}
        roots |= {n for s in self.repeats for n in s.reads}
        elsewhere = {
            name
            for p in self.planner.stages
            if p is not self.plan
            for s, names in p.data.repeats.items()
            for name in (names | s.binds)
            if s in unused
        }
        changed = True
        while changed:
            changed = False
            for statement in sorted(unused, key=lambda s: s.position):
                assert isinstance(statement.node, DEFINITIONS)
                if statement.node.name in roots or statement.node.name not in elsewhere:
                    unused.discard(statement)
                    roots |= set(statement.reads) | free_names(statement.node)
                    changed = True
        return unused

    @cached_property
    def moved_texts(self) -> dict[ast.AST, str]:
        """The paths that stand in calls in the place of the notebook's."""
        return {n: json.dumps(self.plan.here(path), ensure_ascii=False) for n, path in self.plan.moved.items()}

    # -- cells

    def cell(self, cell: SourceCell) -> str:
        """The cell's own lines, without imports that stand at the top and lines that mean nothing in a script."""
        edits = Edits(cell.python.text)
        first = cell.tree.body[0].lineno if cell.tree.body else len(edits.lines) + 1
        directives = directive_lines(cell.role.cell.source)
        # Below `%%writefile` or `%%bash` they are part of the text.
        for line in cell.python.dropped | {line for line in directives if line < first}:
            edits.drop_line(line)
        for statement in cell.statements:
            if statement.hidden:
                continue
            edits.drop_semicolon(statement.node)
            if statement in self.imports.hoisted or statement in self.left_out:
                edits.remove(statement.node, comments=isinstance(statement.node, DEFINITIONS))
        for place in self.plan.moved:
            if any(place is node for s in cell.statements for node in walk(s.node)):
                edits.replace(place, self.moved_texts[place])
        self.show(cell, edits)
        text = edits.text()
        return text if has_code(text) else ""

    def show(self, cell: SourceCell, edits: Edits) -> None:
        """What a notebook shows, a script prints; figures become files."""
        for call in self.displays.calls(cell) if self.displays.knows_display else ():
            if not call.keywords:
                edits.replace(call.func, self.report.show)
        inside = {n for s in cell.statements for n in walk(s.node)} if self.report.printed else set()
        for name in self.report.printed:
            if name in inside:
                edits.replace(name, f"{self.report.report}.print")
        self.run_coroutines(cell, edits)
        value = self.displays.value(cell)
        if value is not None:
            edits.wrap(value, f"{self.report.show}(", ")")
        self.exhibits.replace(cell, edits)
        self.figures.after(cell, edits)

    def run_coroutines(self, cell: SourceCell, edits: Edits) -> None:
        """A notebook has an event loop that runs, a script starts one."""
        heap = self.program.heap
        for statement in cell.statements:
            if not needs_coroutine(statement, heap):
                for node in outside_functions(statement.node):
                    if is_run_alone(node, heap):
                        assert isinstance(node, ast.Await)
                        edits.run_awaited(node, self.imports.module("asyncio"))
        for run in coroutines(cell.statements, heap):
            name = self.imports.fresh("main")
            call = f"{self.imports.module('asyncio')}.run({name}())"
            edits.nest([s.node for s in run], header(name, run), call)

    def display_helper(self, blocks: list[str]) -> list[str]:
        """`display`, which no script knows by itself; with a definition, where it has to give handles as in a kernel."""
        nodes = [n for block in blocks if "display" in block for n in walk(parse(block))]
        if not self.displays.is_ipythons or not any(isinstance(n, ast.Name) and n.id == "display" for n in nodes):
            return []
        if not any(map(gives_handle, nodes)):
            if not self.displays.is_bound("display"):
                self.imports.header.add("from IPython.display import display")
            return []
        self.imports.header.drop_member("IPython.display", "display")
        shown = self.imports.module("IPython.display", self.imports.fresh("ipython"))
        return [
            "def display(*values, display_id=None, **options):\n"
            '    """Show values; with an id, give the handle that shows others in their place."""\n'
            f"    {shown}.display(*values, **options)\n"
            "    if display_id:\n"
            f"        return {shown}.DisplayHandle(None if display_id is True else display_id)"
        ]


def module_text(module: DefinitionsModule, planner: Planner) -> str:
    """The text of a module of definitions."""
    stages = " and ".join(sorted(f"`{planner.names[i]}`" for i in module.stages))
    intro = f'"""Definitions of the notebook for {stages}. Edit them there and run `nb2stage convert`."""'
    used = {n for s in module.statements for n in (*s.reads, *inner_free_names(s.node))}
    header = Header()
    for statement in planner.program.statements:
        if isinstance(statement.node, IMPORTS):
            later = is_future(statement.node) and any(s.order > statement.order for s in module.statements)
            for alias in statement.node.names:
                if later or (alias.asname or alias.name.split(".")[0]) in used:
                    header.add(import_text(statement.node, alias))
    for other in planner.modules:
        for each in sorted(other.names & used) if other is not module else ():
            if any(each in s.binds and isinstance(s.node, DEFINITIONS) for s in other.statements):
                header.add(f"from {other.name} import {each}")
    blocks = [intro, "\n".join(header.lines({FOLDER}, planner.around.line_length))]
    for statement in module.statements:
        cell = planner.program.cell_at[statement.cell]
        text = statement_text(cell, statement)
        if isinstance(statement.node, ast.Assign) and len(blocks) > 2 and _is_assignment(blocks[-1]):
            blocks[-1] += "\n" + text
        else:
            blocks.append(text)
    return join_blocks([b for b in blocks if b])


def _is_assignment(block: str) -> bool:
    return isinstance(ast.parse(block).body[-1], ast.Assign)
