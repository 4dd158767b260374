"""An analysed program -> the stages of the pipeline: scripts and folders, cache files, parameters, files, DVC entries."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import PurePosixPath

from nb2stage.boundaries import DEFINITIONS, IMPORTS, StageData, Transfer
from nb2stage.calls import MAIN_STATES
from nb2stage.dataflow import Program, SourceCell, literal, yaml_value
from nb2stage.definitions import FOLDER, Definitions, DefinitionsModule
from nb2stage.diagnostics import Diagnostic, Severity
from nb2stage.interpreter import FileUse, Finding
from nb2stage.kinds import kind_of
from nb2stage.objects import Statement
from nb2stage.pipeline import DvcStage, Out, Param

FOLDERS = {
    "import": "data_processing",
    "clean": "data_processing",
    "preprocess": "data_processing",
    "features": "data_processing",
    "split": "data_processing",
    "train": "training",
    "evaluate": "report",
    "report": "report",
}
FILE_NAMES = {"import": "import_data"}
IMAGES = frozenset({".png", ".jpg", ".jpeg", ".svg"})
METRIC_STEM = re.compile(r"metric|score|result|evaluation|performance|accuracy|report", re.IGNORECASE)
METRIC_TYPES = frozenset({".json", ".yaml", ".yml", ".toml"})
SUFFIXES = {"joblib": ".joblib"}
STATE_FILES = {
    "<numpy random state>": "numpy_random_state",
    "<random state>": "random_state",
    "<torch random state>": "torch_random_state",
}
assert set(STATE_FILES) == set(MAIN_STATES.values())


@dataclass
class CacheFile:
    """A transfer with its path and the names of the stages that read it."""

    path: str
    transfer: Transfer
    source: str
    consumers: dict[str, list[str]]  # stage name -> the names that it takes
    kinds: dict[str, str] = field(default_factory=dict)  # name -> `DataFrame`, `list`, ..., as far as known


@dataclass
class StagePlan:
    """One stage as it will be written."""

    name: str
    script: str
    folder: str
    data: StageData
    cells: list[SourceCell]
    loads: list[CacheFile] = field(default_factory=list)
    saves: list[CacheFile] = field(default_factory=list)
    params: list[Param] = field(default_factory=list)
    reads: list[str] = field(default_factory=list)
    writes: list[FileUse] = field(default_factory=list)
    made_dirs: set[str] = field(default_factory=set)
    outs: list[Out] = field(default_factory=list)
    metrics: list[Out] = field(default_factory=list)
    plots: list[Out] = field(default_factory=list)
    local_modules: list[str] = field(default_factory=list)
    definitions: list[DefinitionsModule] = field(default_factory=list)
    metric_names: list[str] = field(default_factory=list)
    metrics_file: str = ""
    figures: str = ""

    def dvc_stage(self) -> DvcStage:
        """The entry in dvc.yaml."""
        deps = {self.script, *self.reads, *self.local_modules, *(file.path for file in self.loads)}
        deps |= {module.path for module in self.definitions}
        return DvcStage(
            name=self.name,
            cmd=f"python {self.script}",
            deps=tuple(sorted(deps)),
            params=tuple(sorted(param.key for param in self.params)),
            outs=tuple(sorted([Out(f.path) for f in self.saves] + self.outs, key=lambda out: out.path)),
            metrics=tuple(sorted(self.metrics, key=lambda out: out.path)),
            plots=tuple(sorted(self.plots, key=lambda out: out.path)),
        )


@dataclass(frozen=True)
class Surroundings:
    """What the planner has to know of the project on disk, as questions, so that it stays pure."""

    exists: Callable[[str], bool]
    is_dir: Callable[[str], bool]
    glob: Callable[[str], list[str]]
    tuned: Mapping[str, object]  # params.yaml as it is
    known_outs: frozenset[str]  # outs of our stages in the present dvc.yaml
    foreign_outs: Mapping[str, str]  # outs of other people's stages
    layout: str = "guideline"


class Planner:
    """Plans all stages of one notebook."""

    def __init__(self, path: str, names: Sequence[str], program: Program, around: Surroundings) -> None:
        self.path, self.names, self.program, self.around = path, list(names), program, around
        self.diagnostics: list[Diagnostic] = []
        self.stages: list[StagePlan] = []
        self.params: list[Param] = []
        self.modules: list[DefinitionsModule] = []
        self.probes: list[tuple[StagePlan, FileUse, str]] = []

    def plan(self) -> list[StagePlan]:
        """The stages in order; findings are collected in `diagnostics`."""
        boundaries = self.program.boundaries
        for index, name in enumerate(self.names):
            if index in self.program.inert:
                self.note(
                    "NB250",
                    f"stage `{name}` holds only imports, definitions and settings: "
                    "they go where they are used, and it is no stage of the pipeline",
                    stage=name,
                )
                continue
            cells = [c for c in self.program.cells if c.stage == index]
            folder = self.folder_of(index)
            plan = StagePlan(name, self.script_path(folder, name), folder, boundaries.stages[index], cells)
            self.stages.append(plan)
        self.plan_transfers()
        self.plan_params()
        for plan in self.stages:
            self.plan_figures(plan)
            self.plan_local_modules(plan)
        self.plan_definitions()
        self.plan_files()
        for plan in self.stages:
            self.plan_metrics(plan)
        return self.stages

    def note(
        self,
        code: str,
        message: str,
        hint: str = "",
        severity: Severity = Severity.NOTE,
        *,
        stage: str | None = None,
        statement: Statement | None = None,
        node: ast.AST | None = None,
    ) -> None:
        """Add a finding."""
        where = node if node is not None else statement.node if statement is not None else None
        self.diagnostics.append(
            Diagnostic(
                code,
                message,
                hint,
                severity,
                self.path,
                statement.cell if statement else None,
                getattr(where, "lineno", None),
                stage=stage or self.stage_name(statement),
            )
        )

    def stage_name(self, statement: Statement | None) -> str | None:
        return self.names[statement.stage] if statement is not None and statement.stage is not None else None

    # -- where things are

    def folder_of(self, index: int) -> str:
        if self.around.layout == "flat":
            return "src"
        for name in [self.names[index], *reversed(self.names[:index])]:
            if name in FOLDERS:
                return FOLDERS[name]
        return "data_processing"

    def script_path(self, folder: str, name: str) -> str:
        """`training/train.py`; a name that would hide a module that scripts import gets `_stage` behind it."""
        stem = FILE_NAMES.get(name, name).replace("-", "_")
        roots = {p.split(".")[0] for s in self.program.statements for p in s.imports}
        others = {p.script for p in self.stages}
        if stem in sys.stdlib_module_names or stem in roots or f"{folder}/{stem}.py" in others:
            stem += "_stage"
        return f"{folder}/{stem}.py"

    # -- cache files

    def plan_transfers(self) -> None:
        by_index = {plan.data.index: plan for plan in self.stages}
        taken: set[str] = set()
        boundaries = self.program.boundaries
        for transfer in boundaries.transfers:
            source = by_index[transfer.stage]
            path = f"cache/{source.name}/{self.file_name(transfer)}"
            while path.lower() in taken:
                stem, _, suffix = path.rpartition(".")
                path = f"{stem}_2.{suffix}"
            taken.add(path.lower())
            consumers = {by_index[i].name: sorted(names) for i, names in sorted(transfer.consumers.items())}
            leaving = boundaries.exits[transfer.stage]
            kinds = {name: kind_of(leaving[name].values) for name in transfer.names if name in leaving}
            file = CacheFile(path, transfer, source.name, consumers, kinds)
            source.saves.append(file)
            for index in sorted(transfer.consumers):
                by_index[index].loads.append(file)

    def file_name(self, transfer: Transfer) -> str:
        names = [STATE_FILES.get(name, name) for name in transfer.names]
        stem = "_".join(names) if len(names) < 4 else f"{names[0]}_and_{len(names) - 1}_more"
        return stem + SUFFIXES.get(transfer.kind, ".pkl")

    # -- parameters

    def plan_params(self) -> None:
        statements: dict[Statement, list[StagePlan]] = {}
        for statement in self.program.statements:
            if statement.param:
                name = next(iter(statement.binds))
                for other in [s for s in statements if name in s.binds]:
                    self.note(
                        "NB501",
                        f"`{name}` is bound by two `parameters` cells",
                        "remove one of the two",
                        Severity.ERROR,
                        statement=other,
                    )
                statements[statement] = [p for p in self.stages if statement in p.data.repeats]
        keys = _key_paths(self.around.tuned)
        for statement, readers in statements.items():
            param = self.param_of(statement, readers, keys)
            self.params.append(param)
            for plan in readers:
                plan.params.append(param)

    def param_of(self, statement: Statement, readers: list[StagePlan], keys: dict[str, list[str]]) -> Param:
        node = statement.node
        assert isinstance(node, ast.Assign | ast.AnnAssign)
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        assert isinstance(target, ast.Name)
        assert node.value is not None
        name = target.id
        # A value that stands in params.yaml stays where it is, also when other stages read it now.
        known = keys.get(name, [])
        key = f"{readers[0].name}.{name}" if len(readers) == 1 else f"shared.{name}"
        if len(known) == 1:
            key = known[0]
        return Param(name, key, yaml_value(literal(node.value)), self.comment_behind(statement))

    def comment_behind(self, statement: Statement) -> str:
        cell = next(c for c in self.program.cells if c.index == statement.cell)
        lines = cell.python.text.split("\n")
        node = statement.node
        rest = lines[(node.end_lineno or node.lineno) - 1].encode()[node.end_col_offset or 0 :].decode()
        return rest.partition("#")[2].strip() if rest.strip().startswith("#") else ""

    # -- figures, metrics, local modules

    def plan_figures(self, plan: StagePlan) -> None:
        if not any(s.plots for s in plan.data.statements):
            return
        if self.around.layout == "flat":
            plan.figures = f"figures/{plan.name}"
        elif plan.folder == plan.name:
            plan.figures = f"{plan.folder}/figures"
        else:
            plan.figures = f"{plan.folder}/{plan.name.replace('-', '_')}_figures"
        plan.plots.append(Out(plan.figures, cache=False))

    def plan_metrics(self, plan: StagePlan) -> None:
        """The numbers that a cell tagged `metrics` assigns go to a file of the stage's own."""
        names: list[str] = []
        for cell in plan.cells:
            if cell.role.metrics:
                for statement in cell.statements:
                    if not isinstance(statement.node, (*DEFINITIONS, *IMPORTS)):
                        names += [n for n in sorted(statement.binds) if n not in names and not n.startswith("_")]
        if not names:
            return
        others = any(c.role.metrics for p in self.stages if p is not plan for c in p.cells)
        taken = {out.path for p in self.stages for out in p.metrics}
        path = f"metrics/{plan.name}.json" if others or "metrics.json" in taken else "metrics.json"
        plan.metric_names, plan.metrics_file = names, path
        plan.metrics.append(Out(path, cache=False))

    def plan_definitions(self) -> None:
        """Definitions that several stages use become modules, unless the folder's name is taken."""
        taken = self.around.exists(FOLDER + ".py") or self.around.exists(f"{FOLDER}/__init__.py")
        roots = {p.split(".")[0] for s in self.program.statements for p in s.imports}
        if taken or FOLDER in roots:
            return
        self.modules = Definitions(self.program, self.names).modules()
        for plan in self.stages:
            plan.definitions = [m for m in self.modules if plan.data.index in m.stages]

    def plan_local_modules(self, plan: StagePlan) -> None:
        """Modules beside the notebook are dependencies of the stages that import them."""
        wanted = [*plan.data.statements, *plan.data.repeats]
        found: set[str] = set()
        for statement in wanted:
            for node in ast.walk(statement.node):
                names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
                if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    names = [node.module, *(f"{node.module}.{a.name}" for a in node.names)]
                for name in names:
                    found.update(self.module_files(name))
        # What is loaded may be an instance of a class of such a module.
        for name in plan.data.files:
            need = plan.data.needs[name]
            for obj in self.program.boundaries.reach(need.values, need.before):
                if obj.path and obj.path.split(".")[0] not in ("builtins", "numpy", "pandas"):
                    found.update(self.module_files(obj.path.split(".")[0]))
        plan.local_modules = sorted(found)

    def module_files(self, name: str) -> list[str]:
        found: list[str] = []
        for folder in ["", *(f.rstrip("/") + "/" for f in self.program.interpreter.search_paths)]:
            found += self.module_files_in(folder, name)
        return found

    def is_written_module(self, path: str) -> bool:
        """Whether a cell writes this module (`%%writefile`)."""
        return any(use.mode == "write" and use.path == path for use in self.program.interpreter.files)

    def module_files_in(self, folder: str, name: str) -> list[str]:
        parts = name.split(".")
        parts[0] = folder + parts[0]
        found = []
        there = self.around.exists(parts[0] + ".py") and not self.around.is_dir(parts[0] + ".py")
        if there or self.is_written_module(parts[0] + ".py"):
            found.append(parts[0] + ".py")
        elif self.around.is_dir(parts[0]) and (
            self.around.exists(parts[0] + "/__init__.py") or self.around.exists("/".join(parts) + ".py")
        ):
            found.append(parts[0])
        return found

    # -- files

    def plan_files(self) -> None:
        """Files between the cells: deps, outs, metrics and plots, and refusals of what DVC cannot do."""
        by_index = {plan.data.index: plan for plan in self.stages}
        written: dict[str, StagePlan] = {}
        read: dict[str, StagePlan] = {}
        for plan in self.stages:
            for cell in plan.cells:
                plan.reads += [p for p in cell.role.deps if p not in plan.reads]
                for path in cell.role.outs:
                    self.add_out(plan, path, None)
                    written[path] = plan
        for use in sorted(self.program.interpreter.files, key=lambda u: (u.statement.position, u.path or "")):
            owner = by_index.get(use.statement.stage) if use.statement.stage is not None else None
            if owner is not None:
                self.plan_use(owner, use, written, read)
        self.check_overlaps(written)
        order = {plan.name: n for n, plan in enumerate(self.stages)}
        for plan, use, path in self.probes:
            if path in written and order[written[path].name] > order[plan.name]:
                self.note(
                    "NB411",
                    f"whether `{path}` is there depends on stage `{written[path].name}`, which runs later",
                    "do not ask for the file in an earlier stage",
                    Severity.ERROR,
                    statement=use.statement,
                    node=use.node,
                )

    def plan_use(
        self, plan: StagePlan, use: FileUse, written: dict[str, StagePlan], read: dict[str, StagePlan]
    ) -> None:
        declared = any(c.role.deps or c.role.outs for c in plan.cells if c.index == use.statement.cell)
        path = normal(use.path) if use.path is not None else None
        if use.mode == "mkdir":
            if path is not None:
                plan.made_dirs.add(path)
        elif path is None:
            self.unknown_path(use, declared)
        elif "://" in path:
            if use.mode == "read":
                self.note(
                    "NB405",
                    f"`{path}` is read from the network: a changed file there re-runs nothing",
                    "download it once into data/ and read that",
                    Severity.WARNING,
                    statement=use.statement,
                    node=use.node,
                )
        elif use.mode == "glob" and any(c in path for c in "*?["):
            self.plan_glob(plan, path, written)
        elif use.mode == "probe":
            if written.get(path) not in (None, plan) and path not in plan.reads:
                plan.reads.append(path)
            self.probes.append((plan, use, path))
        elif use.mode == "connect":
            if path in written or self.around.exists(path):
                self.plan_read(plan, use, path, written, read)
            else:
                self.plan_write(plan, use, path, written, read)
        elif use.mode == "remove":
            self.plan_remove(plan, use, path, written)
        elif use.mode in ("read", "glob"):
            self.plan_read(plan, use, path, written, read)
        elif use.mode in ("append", "update") and written.get(path) is not plan:
            self.note(
                "NB412",
                f"`{path}` is {'appended to' if use.mode == 'append' else 'changed in place'}, so a second "
                "run would not give what the first one gave",
                "write the whole file in one stage, or append to a file that this stage has written itself",
                Severity.ERROR,
                statement=use.statement,
                node=use.node,
            )
        elif use.mode == "write":
            self.plan_write(plan, use, path, written, read)

    def plan_glob(self, plan: StagePlan, pattern: str, written: dict[str, StagePlan]) -> None:
        """`glob("out/*.csv")` reads what earlier stages wrote there, and what lies there already."""
        for path, writer in written.items():
            if fnmatch(path, pattern) and writer is not plan and path not in plan.reads:
                plan.reads.append(path)
        for path in self.around.glob(pattern):
            if path not in plan.reads and written.get(path) is None:
                plan.reads.append(path)

    def plan_remove(self, plan: StagePlan, use: FileUse, path: str, written: dict[str, StagePlan]) -> None:
        """A file that a stage makes and removes again is no out; anybody else's file cannot be removed."""
        if written.get(path) is plan:
            del written[path]
            for outs in (plan.outs, plan.metrics, plan.plots):
                outs[:] = [out for out in outs if out.path != path]
        elif path in written or self.around.exists(path):
            self.note(
                "NB411",
                f"`{path}` is removed here, but it is an input of the pipeline or made by another stage",
                "leave the file, or remove it in the stage that makes it",
                Severity.ERROR,
                statement=use.statement,
                node=use.node,
            )

    def unknown_path(self, use: FileUse, declared: bool) -> None:
        if declared:
            return
        globs = [u for u in self.program.interpreter.files if u.mode == "glob" and u.path is not None]
        if use.mode == "read" and any(u.statement.cell == use.statement.cell for u in globs):
            return  # the pattern says which files
        if use.mode == "read" or use.mode == "glob":
            owner = next((p for p in self.stages if p.data.index == use.statement.stage), None)
            others = owner is not None and any(
                p.writes or self.unknown_writes(owner) for p in self.stages[: self.stages.index(owner)]
            )
            self.note(
                "NB401",
                "the path of the file that is read here is not known: DVC will not watch it"
                + (", and an earlier stage writes files" if others else ""),
                "add a first line to the cell: `#| deps: path/of/the/file`",
                Severity.ERROR if others else Severity.WARNING,
                statement=use.statement,
                node=use.node,
            )
        elif use.mode == "command":
            self.note(
                "NB404",
                "this command may read or write files: nb2stage assumes that no other stage needs them",
                "declare them in first lines of the cell: `#| deps: a.csv` and `#| outs: b.csv`",
                Severity.WARNING,
                statement=use.statement,
                node=use.node,
            )
        else:
            self.note(
                "NB402",
                "the path of the file that is written here is not known: DVC will not keep it",
                "add a first line to the cell: `#| outs: path/of/the/file`",
                Severity.WARNING,
                statement=use.statement,
                node=use.node,
            )

    def unknown_writes(self, plan: StagePlan) -> str:
        """The name of an earlier stage that writes files whose paths are not known and not declared."""
        for earlier in self.stages[: self.stages.index(plan)]:
            declared = {c.index for c in earlier.cells if c.role.outs}
            for use in self.program.interpreter.files:
                unknown = use.path is None and use.mode not in ("read", "glob", "probe", "mkdir")
                if unknown and use.statement.stage == earlier.data.index and use.statement.cell not in declared:
                    return earlier.name
        return ""

    def plan_read(
        self, plan: StagePlan, use: FileUse, path: str, written: dict[str, StagePlan], read: dict[str, StagePlan]
    ) -> None:
        writer = written.get(path)
        if writer is plan:
            return
        read[path] = plan
        if writer is None and not self.around.exists(path):
            inside = [p for p in written if p.startswith(path + "/")]
            if use.mode == "glob" or inside:
                plan.reads += [p for p in inside if written[p] is not plan and p not in plan.reads]
                return
            guess = self.unknown_writes(plan)
            self.note(
                "NB403",
                f"`{path}` is read but is not there"
                + (f", and stage `{guess}` writes files whose paths are not known" if guess else ""),
                f"declare what the stage writes in a first line of its cell: `#| outs: {path}`"
                if guess
                else "put the file there before `dvc repro`",
                Severity.ERROR if guess else Severity.WARNING,
                statement=use.statement,
                node=use.node,
            )
        if path in (".", "") or (use.mode == "glob" and any(p.startswith(path + "/") for p in written)):
            return
        if path not in plan.reads:
            plan.reads.append(path)

    def plan_write(
        self, plan: StagePlan, use: FileUse, path: str, written: dict[str, StagePlan], read: dict[str, StagePlan]
    ) -> None:
        writer = written.get(path)
        if writer is not None and writer is not plan:
            self.note(
                "NB410",
                f"`{path}` is written by stage `{writer.name}` and again by stage `{plan.name}`",
                "give the second file another name",
                Severity.ERROR,
                statement=use.statement,
                node=use.node,
            )
            return
        if path in read:
            self.note(
                "NB411",
                f"`{path}` is read by stage `{read[path].name}` and written again here: in a pipeline a "
                "file is either an input or an output",
                "write to another name and read that from then on",
                Severity.ERROR,
                statement=use.statement,
                node=use.node,
            )
            return
        if path in self.around.foreign_outs:
            self.note(
                "NB410",
                f"`{path}` is written by stage `{self.around.foreign_outs[path]}` of dvc.yaml too",
                "give the file another name",
                Severity.ERROR,
                statement=use.statement,
                node=use.node,
            )
            return
        written[path] = plan
        plan.writes.append(use)
        if writer is None:
            self.add_out(plan, path, use)

    def add_out(self, plan: StagePlan, path: str, use: FileUse | None) -> None:
        pure = PurePosixPath(path)
        if plan.figures and (path == plan.figures or path.startswith(plan.figures + "/")):
            return
        persist = self.around.exists(path) and path not in self.around.known_outs
        if persist:
            self.note(
                "NB413",
                f"`{path}` is there already: it is listed with `persist: true`, so that DVC does not delete "
                "it before the stage runs",
                statement=use.statement if use else None,
                stage=plan.name,
            )
        if pure.suffix.lower() in IMAGES:
            plan.plots.append(Out(path, cache=False, persist=persist))
        elif (pure.suffix.lower() in METRIC_TYPES and METRIC_STEM.search(pure.stem)) or (
            pure.suffix.lower() == ".csv" and re.search("metric", pure.stem, re.IGNORECASE)
        ):
            plan.metrics.append(Out(path, cache=False, persist=persist))
        else:
            plan.outs.append(Out(path, persist=persist))

    def check_overlaps(self, written: dict[str, StagePlan]) -> None:
        """DVC refuses an out inside another out."""
        for path, plan in written.items():
            for other in self.stages:
                if other.figures and other is not plan and path.startswith(other.figures + "/"):
                    self.note(
                        "NB410",
                        f"`{path}` lies in the folder of stage `{other.name}`'s figures",
                        "write it to another folder",
                        Severity.ERROR,
                        stage=plan.name,
                    )


def _key_paths(values: Mapping[str, object]) -> dict[str, list[str]]:
    """All dotted paths of params.yaml by their last part; only two levels are ours."""
    found: dict[str, list[str]] = {}
    for key, value in values.items():
        found.setdefault(str(key), []).append(str(key))
        if isinstance(value, dict):
            for inner in value:
                found.setdefault(str(inner), []).append(f"{key}.{inner}")
    return found


def normal(path: str) -> str:
    """A path with forward slashes and without `./`."""
    if "://" in path:
        return path
    return str(PurePosixPath(path.replace("\\", "/")))


MESSAGES: dict[str, tuple[Severity, str, str]] = {
    "NB201": (
        Severity.ERROR,
        "`{name}` is not bound by any cell before this one",
        "bind `{name}` in an earlier cell of the pipeline, or tag this cell `skip`",
    ),
    "NB203": (Severity.ERROR, "`{name}` was deleted before", "remove the `del`, or bind `{name}` again"),
    "NB205": (
        Severity.ERROR,
        "the code before this always ends with an error or an exit",
        "tag the cell that fails `skip`",
    ),
    "NB230": (
        Severity.WARNING,
        "random numbers of `{name}` are drawn without a seed: the notebook itself gives other results each time",
        "seed the generator in the first cell",
    ),
    "NB240": (
        Severity.ERROR,
        "this changes the settings of the process ({name}) in a way that cannot be repeated in a later stage",
        "make the setting with constants, at the top level of a cell tagged `setup`",
    ),
    "NB241": (
        Severity.ERROR,
        "`{name}` is made by code that cannot be repeated in each stage",
        "put the cell into a stage: tag it with the stage that makes `{name}`",
    ),
    "NB242": (Severity.ERROR, "`{name}` cannot be handed on to a later stage", "bind `{name}` in one cell of a stage"),
    "NB244": (
        Severity.ERROR,
        "`{name}` is a view of memory that changes later under another name, and a file would keep a copy",
        "make `{name}` a copy (`.copy()`), or put the cells into one stage",
    ),
    "NB245": (
        Severity.ERROR,
        "`{name}` was defined with `{text}`, which has another value by then",
        "define `{name}` and use it in one stage",
    ),
    "NB304": (
        Severity.ERROR,
        "`%timeit` in line {hint} runs code that changes values, and how often is up to the machine",
        "tag the cell `skip`, or write the statement without `%timeit`",
    ),
    "NB246": (
        Severity.ERROR,
        "`{name}` is bound here, between cells of a stage that use another `{name}`",
        "give this cell the tag of that stage, or another name to `{name}`",
    ),
    "NB243": (
        Severity.ERROR,
        "`{name}` cannot be saved for a later stage: it holds {text}",
        "make it in the stage that uses it, or put both cells into one stage",
    ),
}


def diagnose(finding: Finding, path: str, names: Sequence[str]) -> Diagnostic:
    """A finding of the analysis as a diagnostic for the user."""
    statement = finding.statement
    severity, message, hint = MESSAGES.get(finding.code, (Severity.ERROR, finding.text, finding.hint))
    if finding.code == "NB202":
        message = "`{name}` comes from cell {hint}, which has no tag"
        hint = "tag cell {hint} with a stage, `setup` or `parameters`; or `skip` if it does not matter"
    elif finding.code == "NB204":
        message = "cell {hint}, which has no tag, changes what `{name}` refers to"
        hint = "tag cell {hint} with a stage if the change belongs to the pipeline, `skip` if it does not matter"
    elif finding.code == "NB206":
        message = "this cell would run before cell {hint} of another stage, and both use {name}"
        hint = "move the cells of a stage together, or give one of the two cells another stage"
    elif finding.code == "NB207":
        message = "cell {hint}, which has no tag, makes a setting ({name}) that this stage would notice"
        hint = "tag cell {hint} `setup`, or `skip` if it does not matter"
    elif finding.code in ("NB123", "NB220", "NB221", "NB222", "NB290"):
        hint = finding.hint or "write it in another way, or tag the cell `skip`"
    fill = {"name": finding.name, "text": finding.text, "hint": finding.hint}
    return Diagnostic(
        finding.code,
        _fill(message, fill),
        _fill(hint, fill),
        severity,
        path,
        statement.cell,
        getattr(finding.node, "lineno", None),
        (getattr(finding.node, "col_offset", -1) + 1) or None,
        names[statement.stage] if statement.stage is not None else None,
    )


def _fill(text: str, values: dict[str, str]) -> str:
    for key, value in values.items():
        text = text.replace("{" + key + "}", value)
    return text
