"""The files between the cells -> deps, outs, metrics and plots, and refusals of what DVC cannot do."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import PurePosixPath

from nb2stage.analysis.dataflow import Program
from nb2stage.analysis.notes import FileUse
from nb2stage.diagnostics import Severity
from nb2stage.patterns import Pattern
from nb2stage.planning.fileversions import FileVersions
from nb2stage.planning.mentions import Mentions
from nb2stage.planning.messages import Notes
from nb2stage.planning.pipeline import Out
from nb2stage.planning.places import spelled
from nb2stage.planning.stageplan import NO_VERSION_HINT, StagePlan, Surroundings, has_version, normal

IMAGES = frozenset({".png", ".jpg", ".jpeg", ".svg"})
METRIC_STEM = Pattern(r"metric|score|result|evaluation|performance|accuracy|report", re.IGNORECASE)
# What lies in a project's own folder and is no data.
PROJECT_FILES = Pattern(
    r"^\.|\.(?:ipynb|py|dvc|lock|md|rst|toml|cfg|ini)$|^(?:dvc|params)\.yaml$|^requirements.*\.txt$|^(?:LICENSE|Makefile)"
)
METRIC_TYPES = frozenset({".json", ".yaml", ".yml", ".toml"})


def covers_all(found: set[tuple[tuple[int, int, int], ...]]) -> bool:
    """Whether one of these ways through branches is always taken: `if c: f() else: f()` does `f()` both ways."""
    while () not in found:
        longest = max(found, key=len)
        *outer, (branching, _, count) = longest
        arms = {(*outer, (branching, number, count)) for number in range(count)}
        found = (found - arms) | {tuple(outer)} if arms <= found else found - {longest}
        if not found:
            return False
    return True


def repeated_reads(stages: Sequence[StagePlan], program: Program) -> list[FileUse]:
    """What a stage reads because it imports a module that does so, or repeats a statement of another stage."""
    found: list[FileUse] = []
    for plan in stages:
        own = plan.data.statements
        modules = program.boundaries.modules_of(plan.data) if own else []
        paths = {path for module in modules if module.loader not in own for path in module.reads}
        paths |= {
            use.path
            for use in program.heap.files
            if use.mode == "read" and use.path is not None and use.statement in plan.data.repeats
        }
        found += [FileUse("read", path, own[0], own[0].node) for path in sorted(paths)]
    return found


def _made_by(plan: StagePlan) -> list[str]:
    """What other stages can depend on to run behind this one."""
    return [out.path for out in (*plan.outs, *plan.metrics, *plan.plots)] + [file.path for file in plan.saves]


def is_match(path: str, pattern: str) -> bool:
    """Whether a path is one of those that a pattern means: `*` stays within a folder, `**` does not."""
    return _match(path.split("/"), pattern.split("/"))


def _match(parts: Sequence[str], patterns: Sequence[str]) -> bool:
    if not patterns:
        return not parts
    if patterns[0] == "**":
        return any(_match(parts[skipped:], patterns[1:]) for skipped in range(len(parts) + 1))
    return bool(parts) and fnmatch(parts[0], patterns[0]) and _match(parts[1:], patterns[1:])


class FilePlanner:
    """Plans the files of all stages, in the order in which the cells use them."""

    def __init__(self, stages: Sequence[StagePlan], program: Program, around: Surroundings, notes: Notes) -> None:
        self.stages, self.around, self.notes = stages, around, notes
        found = [*program.heap.files, *repeated_reads(stages, program)]
        uses = sorted(found, key=lambda use: use.statement.position)
        mentions = Mentions(stages, uses, program, around, notes)
        uses = sorted([*uses, *mentions.uses()], key=lambda use: use.statement.position)
        self.loose = list(mentions.loose(uses))
        self.uses = FileVersions(stages, uses, program, around, notes).plan()
        self.by_index = {plan.data.index: plan for plan in stages}
        self.order = {plan.name: position for position, plan in enumerate(stages)}
        roles = [cell.role for plan in stages for cell in plan.cells]
        self.declaring = {role.cell.index for role in roles if role.deps or role.outs}
        self.globbing = {use.statement.cell for use in self.uses if use.mode == "glob" and use.path is not None}
        declared = {role.cell.index for role in roles if role.outs}
        self.unknown_writers = {
            use.statement.stage
            for use in self.uses
            if use.path is None
            and use.mode not in ("read", "glob", "probe", "mkdir")
            and use.statement.cell not in declared
        }
        self.certain = self.certain_writes()
        changes = ("write", "append", "update", "connect")
        self.made = {normal(u.path) for u in self.uses if u.path is not None and u.mode in changes}
        self.made |= {path for role in roles for path in role.outs} | around.known_outs
        self.written: dict[str, StagePlan] = {}
        self.read: dict[str, StagePlan] = {}
        self.sometimes: dict[str, StagePlan] = {}  # what is written under a condition
        self.probes: list[tuple[StagePlan, FileUse, str]] = []
        self.listings: list[tuple[StagePlan, FileUse, str]] = []
        self.outside: set[str] = set()  # what has been said to lie outside the project

    def certain_writes(self) -> set[tuple[int | None, str]]:
        """The stages and paths of files that are written whatever branches are taken.

        A file that a later stage reads in any case is one: without it the notebook would stop there.
        """
        read = {(normal(u.path), u.statement.stage) for u in self.uses if u.mode == "read" and u.path and not u.ways}
        ways: dict[tuple[int | None, str], set[tuple[tuple[int, int, int], ...]]] = defaultdict(set)
        for use in self.uses:
            if use.mode in ("write", "append", "update", "connect") and use.path is not None:
                ways[use.statement.stage, normal(use.path)].add(use.ways)
        return {
            (stage, path)
            for (stage, path), found in ways.items()
            if covers_all(found)
            or any(
                where == path and other not in (stage, None) and not self.around.exists(path) for where, other in read
            )
        }

    def plan(self) -> None:
        """Fill in what the stages read and write."""
        for plan in self.stages:
            for cell in plan.cells:
                plan.reads += [p for p in cell.role.deps if p not in plan.reads]
                for path in cell.role.outs:
                    if not self.is_refused_outside(plan, path, None):
                        self.add_out(plan, path, None)
                        self.written[path] = plan
            for source, _ in plan.copies:
                plan.reads += [source] if source not in plan.reads else []
        for use in self.uses:
            owner = self.by_index.get(use.statement.stage) if use.statement.stage is not None else None
            if owner is not None:
                self.plan_use(owner, use)
        for plan in self.stages:
            for use in self.uses:
                if (
                    use.statement in plan.data.repeats
                    and use.path is not None
                    and use.statement.stage != plan.data.index
                ):
                    self.plan_repeated(plan, use, normal(use.path))
        for plan, path in self.loose:
            plan.reads += [path] if path not in plan.reads else []
        self.check_overlaps()
        self.check_probes()
        self.check_listings()

    def plan_repeated(self, plan: StagePlan, use: FileUse, path: str) -> None:
        """What a statement of another stage reads, which this stage runs again."""
        writer = self.written.get(path)
        if use.mode == "glob" and not any(c in path for c in "*?["):
            self.plan_folder(plan, path)
        elif use.mode in ("read", "read-if-there", "connect", "probe") and path not in plan.reads:
            earlier = writer is not None and self.order[writer.name] < self.order[plan.name]
            there = use.mode != "probe" and path not in self.made and self.around.exists(path)
            plan.reads += [path] if earlier or there else []

    def check_probes(self) -> None:
        """Whether a file is there must not depend on a stage that runs later."""
        for plan, use, path in self.probes:
            writer = self.written.get(path)
            if writer is not None and self.order[writer.name] > self.order[plan.name]:
                message = f"whether `{path}` is there depends on stage `{writer.name}`, which runs later"
                self.notes.error(use, "NB411", message, "do not ask for the file in an earlier stage")

    def check_listings(self) -> None:
        """A stage that lists a folder sees the second time what a later stage has written there, as the notebook does."""
        own = [plan.script for plan in self.stages] + [file.path for plan in self.stages for file in plan.saves]
        own += [module.path for plan in self.stages for module in plan.definitions]
        own += [path for plan in self.stages for path in plan.companions.values()]
        own += [f"{folder}/" for plan in self.stages for folder in (plan.figures, plan.pages) if folder]
        for plan, use, path in self.listings:
            self.check_own(use, path, own)
            for other, writer in self.written.items():
                inside = fnmatch(other, path) if any(c in path for c in "*?[") else other.startswith(path + "/")
                if inside and self.order[writer.name] > self.order[plan.name]:
                    self.put_behind(writer, plan, use, other)
                    message = (
                        f"`{path}` is listed here, and stage `{writer.name}` writes `{other}` there later: a second run "
                        "sees that file too, as the second run of the notebook does"
                    )
                    hint = "write it to another folder"
                    self.notes.warn(use, "NB417", message, hint)
                    break

    def put_behind(self, writer: StagePlan, lister: StagePlan, use: FileUse, path: str) -> None:
        """Let a stage that writes into a folder depend on the one that lists it before: DVC may turn them round."""
        reached, todo = set(), [writer]
        while todo:
            deps = {*todo[0].reads, *(file.path for file in todo.pop(0).loads)}
            for other in self.stages:
                if other.name not in reached and not deps.isdisjoint(_made_by(other)):
                    reached.add(other.name)
                    todo.append(other)
        if lister.name in reached:
            return
        if made := _made_by(lister):
            writer.reads.append(made[0])
            return
        message = (
            f"this lists a folder before stage `{writer.name}` writes `{path}` there, and DVC may run that one first"
        )
        self.notes.error(use, "NB411", message, "write it to another folder, or put both cells into one stage")

    def check_own(self, use: FileUse, path: str, own: Sequence[str]) -> None:
        """What is listed must not hold files of the pipeline, which the notebook does not have."""
        if path in (".", ""):
            message = "the project's own folder is listed here: files of the pipeline lie there too, such as dvc.yaml"
            hint = "list a folder that holds nothing but data, or choose by suffix what is taken"
            self.notes.warn(use, "NB418", message, hint)
            return
        is_pattern = any(c in path for c in "*?[")
        found = next(
            (each for each in own if (is_match(each, path) if is_pattern else each.startswith(path + "/"))), ""
        )
        if found:
            message = (
                f"`{path}` is listed here, and `{found}` of the pipeline, which the notebook does not have, lies there"
            )
            hint = 'keep the files in another folder, or the scripts in another one: `layout = "flat"` in nb2stage.toml'
            self.notes.error(use, "NB418", message, hint)

    def plan_use(self, plan: StagePlan, use: FileUse) -> None:
        path = normal(use.path) if use.path is not None else None
        if use.mode == "mkdir":
            if path is not None:
                self.need_folder(plan, str(PurePosixPath(path).parent))
                plan.made_dirs.add(path)
        elif path is None:
            self.unknown_path(plan, use)
        elif "://" in path:
            if use.mode == "read" and not has_version(path):
                message = f"`{path}` is read from the network: a changed file there re-runs nothing"
                self.notes.warn(use, "NB405", message, NO_VERSION_HINT)
        elif path.startswith("..") and self.is_refused_outside(plan, path, use):
            pass
        elif any(c in path for c in "*?[") and (use.mode == "glob" or self.is_pattern(use, path)):
            if not self.depends_on_condition(plan, use, path):
                self.plan_glob(plan, path)
                self.listings.append((plan, use, path))
        elif use.mode == "read-if-there":
            if path in self.written or self.around.exists(path):
                self.plan_read(plan, use, path)
        elif use.mode == "probe":
            if self.written.get(path) not in (None, plan) and path not in plan.reads:
                plan.reads.append(path)
            self.depends_on_condition(plan, use, path)
            self.probes.append((plan, use, path))
        elif use.mode == "connect":
            if path in self.written or self.around.exists(path):
                self.plan_read(plan, use, path)
            else:
                self.plan_write(plan, use, path)
        elif use.mode == "remove":
            self.plan_remove(plan, use, path)
        elif use.mode in ("read", "glob"):
            self.need_folder(plan, path)
            self.plan_read(plan, use, path)
        elif use.mode == "write" or self.is_begun(plan, use, path):
            self.plan_write(plan, use, path)
        elif use.mode in ("append", "update"):
            done = "appended to" if use.mode == "append" else "changed in place"
            message = f"`{path}` is {done}, so a second run would not give what the first one gave"
            hint = "write the whole file in one stage, or append to a file that this stage has written itself"
            if path not in self.written:
                hint = "delete the file if it is only what a run of the notebook has left; else write to another one"
            self.notes.error(use, "NB412", message, hint)

    def is_refused_outside(self, plan: StagePlan, path: str, use: FileUse | None) -> bool:
        """Refuse to write outside the project; say of what is read there that nobody else has it."""
        if not path.startswith("../") or (use is not None and use.mode in ("probe", "mkdir", "glob")):
            return False
        statement = use.statement if use is not None else None
        if use is None or use.mode not in ("read", "read-if-there"):
            message = f"`{path}` lies outside the project folder: DVC cannot keep it"
            inside = spelled(f"results/{PurePosixPath(path).name}", self.around.folder)
            hint = f"write it into the project, `{inside}`, or make the folder above the project with `--output`"
            self.notes.add(Severity.ERROR, "NB407", message, hint, statement=statement, stage=plan.name)
            return True
        if path.count("../") > self.around.above and path not in self.outside:
            self.outside.add(path)
            message = f"`{path}` lies outside the project folder: neither git nor DVC brings it to another machine"
            inside = spelled(f"data/{PurePosixPath(path).name}", self.around.folder)
            hint = f"put it into the project, `{inside}`, or make the folder above the project with `--output`"
            self.notes.warn(use, "NB407", message, hint)
        return False

    def is_pattern(self, use: FileUse, path: str) -> bool:
        """Whether a reader is given a pattern: `scan_parquet("data/*.parquet")`."""
        return use.mode == "read" and path not in self.written and not self.around.exists(path)

    def is_begun(self, plan: StagePlan, use: FileUse, path: str) -> bool:
        """Whether what is appended to or changed is the same in each run: DVC deletes outs before a stage runs."""
        if use.mode not in ("append", "update") or path in self.read:
            return False
        begun = self.written.get(path) is plan or plan.copied(path)
        there = self.around.exists(path) and path not in self.around.known_outs
        return begun or (use.mode == "append" and path not in self.written and not there)

    def need_folder(self, plan: StagePlan, folder: str) -> None:
        """A stage looks into a folder, or makes one inside it, that another stage has made."""
        if folder not in plan.made_dirs and any(folder in other.made_dirs for other in self.stages):
            plan.needed_dirs.add(folder)

    def depends_on_condition(self, plan: StagePlan, use: FileUse, pattern: str) -> bool:
        """Refuse what looks at a file that another stage writes under a condition only."""
        for path, writer in self.sometimes.items():
            if writer is not plan and (fnmatch(path, pattern) or path.startswith(pattern + "/")):
                message = f"`{path}` is looked at here, but stage `{writer.name}` writes it under a condition only"
                self.notes.error(use, "NB408", message, "write the file in any case")
                return True
        return False

    def plan_glob(self, plan: StagePlan, pattern: str) -> None:
        """`glob("out/*.csv")` reads what earlier stages wrote there, and what lies there already."""
        self.need_folder(plan, str(PurePosixPath(pattern).parent))
        for path, writer in self.written.items():
            if fnmatch(path, pattern) and writer is not plan and path not in plan.reads:
                plan.reads.append(path)
        for path in self.around.glob(pattern):
            if path not in plan.reads and self.written.get(path) is None:
                plan.reads.append(path)

    def plan_remove(self, plan: StagePlan, use: FileUse, path: str) -> None:
        """A file that a stage makes and removes again is no out; anybody else's file cannot be removed."""
        if self.written.get(path) is plan or plan.copied(path):
            self.written.pop(path, None)
            for outs in (plan.outs, plan.metrics, plan.plots):
                outs[:] = [out for out in outs if out.path != path]
        elif path in self.written or self.around.exists(path):
            message = f"`{path}` is removed here, but it is an input of the pipeline or made by another stage"
            self.notes.error(use, "NB411", message, "leave the file, or remove it in the stage that makes it")

    def unknown_path(self, plan: StagePlan, use: FileUse) -> None:
        if use.statement.cell in self.declaring:
            return
        if use.mode in ("read", "glob"):
            if use.mode == "read" and use.statement.cell in self.globbing:
                return  # the pattern says which files
            message = "the path of the file that is read here is not known: DVC will not watch it"
            hint = "add a first line to the cell: `#| deps: path/of/the/file`"
            if self.unknown_writer(plan):
                self.notes.error(use, "NB401", f"{message}, and an earlier stage writes files", hint)
                return
            # It may be any of the files that earlier stages have written.
            before = [path for path, writer in self.written.items() if writer is not plan]
            plan.reads += [path for path in before if path not in plan.reads]
            self.notes.warn(use, "NB401", message, hint)
        elif use.mode == "command":
            message = "this command may read or write files: nb2stage assumes that no other stage needs them"
            hint = "declare them in first lines of the cell: `#| deps: a.csv` and `#| outs: b.csv`"
            self.notes.warn(use, "NB404", message, hint)
        else:
            message = "the path of the file that is written here is not known: DVC will not keep it"
            self.notes.warn(use, "NB402", message, "add a first line to the cell: `#| outs: path/of/the/file`")

    def unknown_writer(self, plan: StagePlan) -> str:
        """The name of an earlier stage that writes files whose paths are not known and not declared."""
        earlier = self.stages[: self.order[plan.name]]
        return next((p.name for p in earlier if p.data.index in self.unknown_writers), "")

    def inside(self, folder: str) -> list[str]:
        """The files that were written in a folder."""
        return [path for path in self.written if path.startswith(folder + "/")]

    def plan_read(self, plan: StagePlan, use: FileUse, path: str) -> None:
        writer = self.written.get(path)
        if writer is None and (use.mode == "glob" or self.around.is_dir(path)):
            self.read[path] = plan
            if not self.depends_on_condition(plan, use, path):
                self.plan_folder(plan, path)
                self.listings.append((plan, use, path))
                guess = self.unknown_writer(plan)
                if guess and not self.inside(path) and not self.around.exists(path):
                    message = f"`{path}` is listed but is not there, and stage `{guess}` writes files whose paths are not known"
                    text = spelled(path, self.around.folder)
                    hint = f"declare what the stage writes in a first line of its cell: `#| outs: {text}`"
                    self.notes.error(use, "NB403", message, hint)
            return
        if (
            plan in (writer, self.sometimes.get(path))
            or plan.copied(path)
            or self.depends_on_condition(plan, use, path)
        ):
            return
        self.read[path] = plan
        if writer is None and not self.around.exists(path):
            if inside := self.inside(path):  # a folder that an earlier stage makes
                plan.reads += [p for p in inside if self.written[p] is not plan and p not in plan.reads]
                return
            self.report_missing(plan, use, path)
            if use.ways:
                return  # the notebook can do without the file, and DVC would not
        if path not in plan.reads:
            plan.reads.append(path)

    def plan_folder(self, plan: StagePlan, folder: str) -> None:
        """A folder is listed: what earlier stages wrote in it is read, and what lies there already.

        It is a dependency as a whole unless some stage writes in it.
        """
        inside = self.written if folder in (".", "") else self.inside(folder)
        plan.reads += [path for path in inside if self.written[path] is not plan and path not in plan.reads]
        plan.reads += [path for path in self.there(folder) if path not in plan.reads]

    def there(self, folder: str) -> list[str]:
        """What lies in a folder and no stage makes: the folder itself where that is all of it."""
        if folder in (".", "", self.around.folder):
            names = [p for p in self.around.children(folder) if not PROJECT_FILES.search(PurePosixPath(p).name)]
            return [name for name in names if name not in self.made and not self.around.is_dir(name)]
        if not any(path == folder or path.startswith(folder + "/") for path in self.made):
            return [folder] if self.around.exists(folder) else []
        if folder in self.made or not self.around.is_dir(folder):
            return []
        children = [path for path in self.around.children(folder) if not path.endswith((".gitignore", ".dvc"))]
        return [path for child in children for path in self.there(child)]

    def report_missing(self, plan: StagePlan, use: FileUse, path: str) -> None:
        """A file that is not there yet may be put there by the user, or by a stage whose files are not known."""
        message = f"`{path}` is read but is not there"
        if guess := self.unknown_writer(plan):
            message += f", and stage `{guess}` writes files whose paths are not known"
            text = spelled(path, self.around.folder)
            hint = f"declare what the stage writes in a first line of its cell: `#| outs: {text}`"
            self.notes.error(use, "NB403", message, hint)
        else:
            self.notes.warn(use, "NB403", message, "put the file there before `dvc repro`")

    def plan_write(self, plan: StagePlan, use: FileUse, path: str) -> None:
        writer = self.written.get(path, self.sometimes.get(path))
        if writer is not None and writer is not plan:
            message = f"`{path}` is written by stage `{writer.name}` and again by stage `{plan.name}`"
            self.notes.error(use, "NB410", message, "give the second file another name")
        elif path in self.read:
            message = (
                f"`{path}` is read by stage `{self.read[path].name}` and written again here: in a pipeline a "
                "file is either an input or an output"
            )
            self.notes.error(use, "NB411", message, "write to another name and read that from then on")
        elif path in self.around.foreign_outs:
            message = f"`{path}` is written by stage `{self.around.foreign_outs[path]}` of dvc.yaml too"
            self.notes.error(use, "NB410", message, "give the file another name")
        else:
            plan.writes.append(use)
            if writer is None and not self.is_expected(plan, path):
                self.sometimes[path] = plan
                message = (
                    f"`{path}` is written under a condition only: `dvc repro` stops where an out is missing, so DVC "
                    "will not keep it"
                )
                hint = "write the file in any case, or add a first line to the cell: `#| outs: {path}`"
                self.notes.warn(use, "NB408", message, hint.format(path=spelled(path, self.around.folder)))
                return
            self.written[path] = plan
            if writer is None:
                self.add_out(plan, path, use)

    def is_expected(self, plan: StagePlan, path: str) -> bool:
        """Whether a file that a stage may write is there afterwards, as far as can be told."""
        asked = any(other is plan and path == each for other, _, each in self.probes)  # if not there: write
        return asked or plan.copied(path) or (plan.data.index, path) in self.certain or self.around.exists(path)

    def add_out(self, plan: StagePlan, path: str, use: FileUse | None) -> None:
        pure = PurePosixPath(path)
        if any(folder and f"{path}/".startswith(f"{folder}/") for folder in (plan.figures, plan.pages)):
            return
        persist = self.around.exists(path) and path not in self.around.known_outs
        if persist:
            message = (
                f"`{path}` is there already: it is listed with `persist: true`, so that DVC does not delete "
                "it before the stage runs"
            )
            statement = use.statement if use else None
            self.notes.add(Severity.NOTE, "NB413", message, statement=statement, stage=plan.name)
        if pure.suffix.lower() in IMAGES and not path.startswith("cache/"):
            plan.plots.append(Out(path, cache=False, persist=persist))
        elif path.startswith("cache/"):
            plan.outs.append(Out(path, persist=persist))
        elif (pure.suffix.lower() in METRIC_TYPES and METRIC_STEM.search(pure.stem)) or (
            pure.suffix.lower() == ".csv" and re.search("metric", pure.stem, re.IGNORECASE)
        ):
            plan.metrics.append(Out(path, cache=False, persist=persist))
        else:
            plan.outs.append(Out(path, persist=persist))

    def check_overlaps(self) -> None:
        """DVC refuses an out inside another out."""
        folders = [(plan, folder) for plan in self.stages for folder in (plan.figures, plan.pages) if folder]
        for path, plan in self.written.items():
            for other, folder in folders:
                if other is not plan and path.startswith(folder + "/"):
                    message = f"`{path}` lies in the folder of stage `{other.name}`'s figures"
                    hint = "write it to another folder"
                    self.notes.add(Severity.ERROR, "NB410", message, hint, stage=plan.name)
