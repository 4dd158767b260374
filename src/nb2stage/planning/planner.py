"""An analysed program -> the stages of the pipeline: scripts and folders, cache files, parameters, DVC entries."""

from __future__ import annotations

import ast
import sys
from collections.abc import Mapping, Sequence

from nb2stage.analysis.dataflow import Program, literal, yaml_value
from nb2stage.analysis.kinds import kind_of
from nb2stage.analysis.objects import Statement
from nb2stage.diagnostics import Severity
from nb2stage.knowledge import BY_KEY
from nb2stage.knowledge.formats import format_of
from nb2stage.planning.companions import FIGURES, REPORT, companion_folder, companions_of
from nb2stage.planning.definitions import FOLDER, Definitions, DefinitionsModule
from nb2stage.planning.displays import Displays, plan_report
from nb2stage.planning.exhibits import exhibits_of, saved_as, shown_in_functions
from nb2stage.planning.figures import draws_figures, pictures_of, shown_figures
from nb2stage.planning.fileplans import FilePlanner
from nb2stage.planning.messages import Notes
from nb2stage.planning.metrics import plan_metrics
from nb2stage.planning.pipeline import Out, Param
from nb2stage.planning.places import Workplaces, located

# `scripts` finds these here too.
from nb2stage.planning.stageplan import CacheFile, StagePlan, Surroundings
from nb2stage.reading.notebook import Cell
from nb2stage.reading.stages import TABLE
from nb2stage.reading.tags import INJECTED, unnumbered
from nb2stage.texts.spelling import identifier
from nb2stage.trees import walk

LONGEST_NAME = 60  # of a file that holds several values, which are all in its name if there is room
PLURALS = {
    "DataFrame": "frames",
    "Series": "series",
    "array": "arrays",
    "scikit-learn": "models",
    "statsmodels": "results",
    "list": "lists",
    "dict": "dicts",
    "scalar": "numbers",
}


class Planner:
    """Plans all stages of one notebook."""

    def __init__(
        self,
        path: str,
        names: Sequence[str],
        program: Program,
        around: Surroundings,
        texts: Sequence[Cell] = (),
        tags: Sequence[str] = (),
    ) -> None:
        self.path, self.names, self.program, self.around = path, list(names), program, around
        self.texts = texts
        self.tags = list(tags) or self.names
        self.notes = Notes(path, self.names)
        self.stages: list[StagePlan] = []
        self.params: list[Param] = []
        self.modules: list[DefinitionsModule] = []
        self.cells = {cell.index: cell for cell in program.cells}
        self.roots = {path.partition(".")[0] for s in program.statements for path in s.imports}
        self.written = {use.path for use in program.heap.files if use.mode == "write"}

    def plan(self) -> list[StagePlan]:
        """The stages in order; findings are collected in `notes`."""
        boundaries = self.program.boundaries
        for index, name in enumerate(self.names):
            if index in self.program.inert:
                message = (
                    f"stage `{name}` holds only imports, definitions and settings: "
                    "they go where they are used, and it is no stage of the pipeline"
                )
                self.notes.add(Severity.NOTE, "NB250", message, stage=name)
                continue
            cells = [c for c in self.program.cells if c.stage == index]
            folder = self.folder_of(index)
            plan = StagePlan(name, self.script_path(folder, name), folder, boundaries.stages[index], cells)
            plan.tag = self.tags[index]
            self.stages.append(plan)
        self.plan_transfers()
        self.plan_params()
        for plan in self.stages:
            self.plan_figures(plan)
            self.plan_local_modules(plan)
        self.plan_definitions()
        self.plan_companions()
        FilePlanner(self.stages, self.program, self.around, self.notes).plan()
        plan_metrics(self.stages, self.program, self.is_taken, self.notes)
        if any(cell.role.plots for plan in self.stages for cell in plan.cells):
            from nb2stage.planning.plot_tables import plan_plots  # a module that few notebooks need

            plan_plots(self.stages, self.program, self.is_taken, self.notes)
        plan_report(self.stages, self.program, self.texts, self.is_taken, self.notes)
        self.plan_others()
        self.plan_near_companions()
        Workplaces(self.program, self.around).plan(self.stages)
        return self.stages

    # -- where things are

    def folder_of(self, index: int) -> str:
        if self.around.layout == "flat":
            return "src"
        for name in [self.tags[index], *reversed(self.tags[:index])]:
            if (kind := unnumbered(name)) in TABLE:
                return TABLE[kind].folder
        return "data_processing"

    def script_path(self, folder: str, name: str) -> str:
        """`training/train.py`; a name that would hide a module that scripts import gets `_stage` behind it."""
        stem = TABLE[name].file if name in TABLE else name.replace("-", "_")
        others = {p.script for p in self.stages}
        if stem in sys.stdlib_module_names or stem in self.roots or f"{folder}/{stem}.py" in others:
            stem += "_stage"
        return f"{folder}/{stem}.py"

    # -- cache files

    def plan_transfers(self) -> None:
        by_index = {plan.data.index: plan for plan in self.stages}
        taken: set[str] = set()
        boundaries = self.program.boundaries
        for transfer in boundaries.transfers:
            source = by_index[transfer.stage]
            kind = format_of(transfer.contents, self.around.asked)
            leaving = boundaries.exits[transfer.stage]
            kinds = {name: kind_of(leaving[name].values) for name in transfer.names if name in leaving}
            path = f"cache/{source.name}/{stem_of(transfer.names, kinds)}{kind.suffix}"
            while path.lower() in taken:
                stem, _, suffix = path.rpartition(".")
                path = f"{stem}_2.{suffix}"
            taken.add(path.lower())
            consumers = {by_index[i].name: sorted(names) for i, names in sorted(transfer.consumers.items())}
            file = CacheFile(path, transfer, kind, source.name, consumers, kinds)
            source.saves.append(file)
            for index in sorted(transfer.consumers):
                by_index[index].loads.append(file)

    # -- parameters

    def plan_params(self) -> None:
        statements = self.without_replaced([statement for statement in self.program.statements if statement.param])
        bound: dict[str, list[Statement]] = {}
        for statement in statements:
            name = next(iter(statement.binds))
            for other in bound.setdefault(name, []):
                message = f"`{name}` is bound by two `parameters` cells"
                self.notes.add(Severity.ERROR, "NB501", message, "remove one of the two", statement=other)
            bound[name].append(statement)
        keys = _key_paths(self.around.tuned)
        for statement in statements:
            readers = [plan for plan in self.stages if statement in plan.data.repeats]
            param = self.param_of(statement, readers, keys)
            self.params.append(param)
            for plan in readers:
                plan.params.append(param)

    def without_replaced(self, statements: list[Statement]) -> list[Statement]:
        """The statements that bind parameters, without those for whose value papermill has put another one below."""
        injected = {cell.index for cell in self.program.cells if INJECTED in cell.role.cell.tags}
        last = {name: s.position for s in statements if s.cell in injected for name in s.binds}
        return [s for s in statements if not any(s.position < last.get(name, 0) for name in s.binds)]

    def param_of(self, statement: Statement, readers: list[StagePlan], keys: dict[str, list[str]]) -> Param:
        node = statement.node
        assert isinstance(node, ast.Assign | ast.AnnAssign)
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        assert isinstance(target, ast.Name)
        assert node.value is not None
        name = target.id
        # A value that stands in params.yaml stays where it is, also when other stages read it now.
        known = [key for key in keys.get(name, []) if key not in self.around.others_params]
        key = f"{readers[0].name}.{name}" if len(readers) == 1 else f"shared.{name}"
        if key in self.around.others_params:
            key = f"{identifier(self.path.rpartition('/')[2])}_{key}"
        if len(known) == 1:
            key = known[0]
        return Param(name, key, yaml_value(literal(node.value)), self.comment_behind(statement))

    def comment_behind(self, statement: Statement) -> str:
        lines = self.cells[statement.cell].python.text.split("\n")
        node = statement.node
        rest = lines[(node.end_lineno or node.lineno) - 1].encode()[node.end_col_offset or 0 :].decode()
        return rest.partition("#")[2].strip() if rest.strip().startswith("#") else ""

    # -- figures, metrics, local modules

    def plan_figures(self, plan: StagePlan) -> None:
        plan.exhibits = exhibits_of(self.program, plan.cells)
        plan.draws = draws_figures(self.program, plan)
        plan.chart_methods = shown_in_functions(self.program, [*plan.data.statements, *plan.data.repeats])
        if plan.draws or saved_as("picture", plan.charts):
            plan.figures = self.folder_for(plan, "figures")
            plan.plots.append(Out(plan.figures, cache=False))
        if saved_as("page", plan.charts):  # for which DVC knows no plot
            plan.pages = self.folder_for(plan, "pages")
            plan.outs.append(Out(plan.pages, cache=False))

    def plan_others(self) -> None:
        """The figures of other stages that a report has; where their number is not known, it depends on their folder."""
        for plan in self.stages:
            for other in plan.others:
                plan.others[other] = pictures_of(self.program, other)
                if plan.others[other] is None:
                    plan.reads += [folder for folder in (other.figures, other.pages) if folder]

    def folder_for(self, plan: StagePlan, what: str) -> str:
        """The folder of what a stage shows, which is beside its script."""
        if self.around.layout == "flat":
            return f"{what}/{plan.name}"
        if plan.folder == plan.name:
            return f"{plan.folder}/{what}"
        return f"{plan.folder}/{plan.name.replace('-', '_')}_{what}"

    def is_taken(self, path: str) -> bool:
        """Whether a file of the notebook's or of somebody else has this path, or it lies in such a folder."""
        around = self.around
        outs = [out.path for plan in self.stages for out in (*plan.outs, *plan.metrics, *plan.plots)]
        mine = any(path == out or path.startswith(out + "/") for out in [*outs, *around.foreign_outs])
        return mine or (around.exists(path) and path not in around.known_outs)

    def plan_definitions(self) -> None:
        """Definitions that several stages use become modules, unless the folder's name is taken."""
        if self.is_module(FOLDER):
            return
        self.modules = Definitions(self.program, self.names).modules()
        for plan in self.stages:
            plan.definitions = [m for m in self.modules if plan.data.index in m.stages]

    def plan_companions(self) -> None:
        """The modules that scripts of every notebook share."""
        folder = companion_folder(self.is_module)
        for plan in self.stages:
            names = companions_of(plan.saves)
            plan.companions = {name: f"{folder}/{name}.py" for name in names}

    def plan_near_companions(self) -> None:
        """The modules that lie beside the scripts that need them.

        That of a report which is more than texts and figures, and that of figures which only a run can tell.
        """
        for plan in self.stages:
            counted = any(pictures is None for pictures in plan.others.values())
            if plan.report and (counted or Displays(self.program, plan).says_anything()):
                plan.companions[REPORT] = self.beside(plan, REPORT)
            if plan.draws and shown_figures(self.program, plan, plan.data.repeats) is None:
                plan.companions[FIGURES] = self.beside(plan, FIGURES)

    def beside(self, plan: StagePlan, name: str) -> str:
        """The path of a module beside a stage's script, which hides none that the notebook imports."""
        while self.is_module(name):
            name += "_"
        return f"{plan.folder}/{name}.py"

    def is_module(self, name: str) -> bool:
        """Whether the notebook or the project has a module or package of this name."""
        there = self.around.exists(f"{name}.py") or self.around.exists(f"{name}/__init__.py")
        return there or name in self.roots

    def plan_local_modules(self, plan: StagePlan) -> None:
        """Modules beside the notebook are dependencies of the stages that import them."""
        boundaries = self.program.boundaries
        wanted = [*plan.data.statements, *plan.data.repeats]
        found: set[str] = set()
        for statement in wanted:
            for node in walk(statement.node) if not statement.modules else ():
                names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
                if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    names = [node.module, *(f"{node.module}.{a.name}" for a in node.names)]
                for name in names:
                    found.update(self.module_files(name))
        # What is loaded may be an instance of a class of such a module.
        needs = [plan.data.needs[name] for name in plan.data.files]
        loaded = {obj.path for need in needs for obj in boundaries.reach(need.values, need.before)}
        for root in {path.partition(".")[0] for path in loaded} - {"", "builtins", "numpy", "pandas"}:
            found.update(self.module_files(root))
        found |= {module.path for module in boundaries.modules_of(plan.data) if module.path}
        plan.local_modules = sorted(found)

    def module_files(self, name: str) -> list[str]:
        found: list[str] = []
        for folder in self.program.heap.search_paths:
            there = located(folder, self.around.folder)
            found += self.module_files_in("" if there == "." else f"{there.rstrip('/')}/" if there else "", name)
        return found

    def module_files_in(self, folder: str, name: str) -> list[str]:
        parts = name.split(".")
        parts[0] = folder + parts[0]
        found = []
        there = self.around.exists(parts[0] + ".py") and not self.around.is_dir(parts[0] + ".py")
        if there or parts[0] + ".py" in self.written:  # `%%writefile helpers.py`
            found.append(parts[0] + ".py")
        elif self.around.is_dir(parts[0]) and (
            self.around.exists(parts[0] + "/__init__.py") or self.around.exists("/".join(parts) + ".py")
        ):
            found.append(parts[0])
        return found


def stem_of(names: Sequence[str], kinds: Mapping[str, str]) -> str:
    """How a cache file is called: as the names that it holds, or as what they are where they are too many."""
    shown = [BY_KEY[name].file if name in BY_KEY else name for name in names]
    stem = "_".join(shown)
    if len(names) > 1 and len(stem) > LONGEST_NAME:
        words = sorted({PLURALS.get(kinds.get(name, ""), "") for name in names})
        return "_and_".join(words) if len(words) <= 2 and "" not in words else "values"
    return stem


def _key_paths(values: Mapping[str, object]) -> dict[str, list[str]]:
    """All dotted paths of params.yaml by their last part; only two levels are ours."""
    found: dict[str, list[str]] = {}
    for key, value in values.items():
        found.setdefault(str(key), []).append(str(key))
        if isinstance(value, dict):
            for inner in value:
                found.setdefault(str(inner), []).append(f"{key}.{inner}")
    return found
