"""The two runs that `verify` compares: the stages' scripts, and the notebook's cells with probes between them.

The pipeline runs first.  So the kernel knows, when a stage's last cell has run, which values the stage has otherwise,
and keeps just those.
"""

from __future__ import annotations

import ast
import base64
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from nb2stage.boundaries import DEFINITIONS, IMPORTS
from nb2stage.diagnostics import Diagnostic, Nb2stageError, Severity
from nb2stage.kernels import CellFailedError, Executed, Step, execute
from nb2stage.linemap import Run, cell_of, find
from nb2stage.magics import to_python
from nb2stage.notebook import read_notebook
from nb2stage.objects import Statement
from nb2stage.planning import StagePlan
from nb2stage.scratch import check_space, copy_files, project_files, stamps, written
from nb2stage.tags import Role, parse_tags
from nb2stage.tuning import python_text, value_at
from nb2stage.verdicts import Settings, Subject

PROBES: Final = Path(__file__).with_name("probes")
# Settings that a process can be asked for; the others are said to be left out.
READABLE: Final = frozenset({"matplotlib", "pandas", "numpy", "sklearn", "environ", "decimal", "locale", "recursion"})

# -- the scratch folders -----------------------------------------------------------------------------------------------


def prepare(subject: Subject, scratch: Path, copies: int) -> list[str]:
    """Copy the project for each run, and the probes beside; notes about the state of the pipeline."""
    plans = subject.conversion.stages
    outs = [out for plan in plans for out in (*plan.outs, *plan.metrics, *plan.plots) if not out.persist]
    left_out = {out.path for out in outs} | {file.path for plan in plans for file in plan.saves} | {"dvc.lock"}
    files = project_files(subject.root, left_out)
    check_space(files, scratch, copies)
    for name in ("pipeline", "notebook", "repeated")[:copies]:
        copy_files(files, scratch / name)
    place_tools(scratch / "tools")
    return place_pipeline(subject, scratch / "pipeline")


def place_tools(folder: Path) -> Path:
    """Copy the probes to a folder; the program there that starts them: `python launch.py comparing REQUEST`."""
    shutil.copytree(PROBES, folder / "nb2stage_probes", ignore=shutil.ignore_patterns("__pycache__"))
    return Path(shutil.copy(PROBES / "launch.py", folder / "launch.py"))


def place_pipeline(subject: Subject, folder: Path) -> list[str]:
    """The pipeline of the project in the folder; as `convert` would write it where there is none.

    Raises `Nb2stageError` where the project has the pipeline of another state of the notebook.
    """
    from nb2stage.dvcyaml import stage_names

    generated = {file.path: file.text for file in subject.conversion.files}
    dvc = folder / "dvc.yaml"
    names = stage_names(dvc.read_text(encoding="utf-8")) if dvc.exists() else []
    mine = [plan.name for plan in subject.conversion.stages]
    if not set(mine) & set(names):
        for path, text in generated.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8", newline="")
        return ["the notebook has not been converted here: what `nb2stage convert` would write is verified"]
    scripts = [plan.script for plan in subject.conversion.stages]
    gone = [name for name in mine if name not in names] + [path for path in scripts if not (folder / path).exists()]
    if gone:
        message = f"the project's pipeline has no {', '.join(f'`{name}`' for name in gone)}"
        hint = f"run `nb2stage convert {subject.notebook}` first"
        raise Nb2stageError(Diagnostic("NB807", message, hint, path="dvc.yaml"))
    protected = [file for file in subject.conversion.files if file.protected]
    other = [f.path for f in protected if not (folder / f.path).exists() or source_of(folder / f.path) != f.text]
    if not other:
        return []
    verb = "is" if len(other) == 1 else "are"
    return [f"{', '.join(other)} {verb} not what `nb2stage convert` would write: verified as it stands in the project"]


def source_of(path: Path) -> str:
    """The text of a script, whatever the line ends that git gave it."""
    return path.read_bytes().decode("utf-8", "surrogateescape").replace("\r\n", "\n")


def environment() -> dict[str, str]:
    """The environment of both runs: the user's own, with what would make two runs of one program differ held fast.

    The Python that runs nb2stage, and so the kernel `python3`, comes first on the path: scripts and notebook are to
    have the same libraries.
    """
    fixed = {"PYTHONHASHSEED": "0", "SOURCE_DATE_EPOCH": "315532800"}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    return {**fixed, **os.environ, "PATH": path, "PYTHONDONTWRITEBYTECODE": "1"}


# -- what is looked at, and when ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Watch:
    """What is compared of one stage: names with the cell after which the notebook has what the stage has."""

    plan: StagePlan
    points: Mapping[str, int]  # name -> cell
    places: Mapping[str, tuple[int, int]]  # name -> cell and line of the statement that made it what it is

    @property
    def last(self) -> int:
        """The stage's last cell."""
        return max(cell.index for cell in self.plan.cells)

    @property
    def saved(self) -> set[str]:
        """The names in the stage's cache files."""
        return {name for file in self.plan.saves for name in file.transfer.names}

    @property
    def domains(self) -> list[str]:
        """The kinds of settings that the stage makes or repeats."""
        statements = (*self.plan.data.statements, *self.plan.data.repeats)
        return sorted({domain for statement in statements for domain in statement.sets})


def watches(plans: Sequence[StagePlan]) -> list[Watch]:
    """What is compared, for each stage."""
    return [_watch(plan, [other for other in plans if other is not plan]) for plan in plans]


def _watch(plan: StagePlan, others: Sequence[StagePlan]) -> Watch:
    own = sorted(cell.index for cell in plan.cells)
    binders: dict[str, list[int]] = {}
    for statement in plan.data.statements:
        if _binds_values(statement):
            for name in statement.binds:
                binders.setdefault(name, []).append(statement.cell)
    foreign: dict[str, list[int]] = {}
    between = [c.index for other in others for c in other.cells if own[0] < c.index < own[-1]]
    for other in others:
        for statement in other.data.statements:
            for name in statement.binds:
                foreign.setdefault(name, []).append(statement.cell)
    # Parameters and constants of other cells that the stage repeats.
    read = {name for statement in plan.data.statements for name in statement.reads}
    repeated = [name for s in plan.data.repeats if _binds_values(s) for name in sorted(s.binds & read)]
    loaded = [name for file in plan.loads for name in file.consumers[plan.name]]
    saved = [name for file in plan.saves for name in file.transfer.names]
    seeded = {state for s in plan.data.statements for state in _states(s.seeds)}
    points: dict[str, int] = {}
    places: dict[str, tuple[int, int]] = {}
    for name in dict.fromkeys([*repeated, *binders, *saved, *loaded, *sorted(seeded)]):
        if name not in binders and name not in saved and between:
            continue  # another stage may have changed it meanwhile
        begin = max(binders.get(name, own[:1]))
        rebound = min((cell for cell in foreign.get(name, []) if cell > begin), default=own[-1] + 1)
        points[name] = max(cell for cell in own if cell < rebound)
        before = [s for s in plan.data.statements if s.cell <= points[name]]
        makers = [s for s in before if name in s.binds and _binds_values(s)] or [s for s in before if name in s.reads]
        places[name] = (makers[-1].cell, makers[-1].node.lineno) if makers else (points[name], 1)
    return Watch(plan, points, places)


def _binds_values(statement: Statement) -> bool:
    return not isinstance(statement.node, (*IMPORTS, *DEFINITIONS))


def _states(seeds: set[str]) -> set[str]:
    from nb2stage.consequences import MAIN_STATES

    return {MAIN_STATES[seed] for seed in seeds if seed in MAIN_STATES}


# -- the pipeline's run ------------------------------------------------------------------------------------------------


class PipelineRun:
    """One run of the stages' scripts, each in a process of its own."""

    def __init__(self, subject: Subject, scratch: Path, settings: Settings) -> None:
        self.subject, self.scratch, self.settings = subject, scratch, settings
        self.folder = scratch / "pipeline"
        self.watches = watches(subject.conversion.stages)
        self.answers: dict[str, dict[str, Any]] = {}
        self.times: dict[str, float] = {}
        self.written: list[str] = []

    @property
    def seconds(self) -> float:
        """How long the stages took, without what was looked at."""
        return sum(self.times.values())

    def run(self) -> None:
        """Run the stages one after the other; `Nb2stageError` for the one that fails."""
        before = stamps(self.folder)
        try:
            for number, watch in enumerate(self.watches):
                self.settings.progress(f"stage {watch.plan.name}", 0, number / len(self.watches))
                self.run_stage(watch)
        finally:
            self.written = written(before, stamps(self.folder))

    def run_stage(self, watch: Watch) -> None:
        plan = watch.plan
        answer = self.scratch / f"stage-{plan.name}.answer.json"
        request = self.scratch / f"stage-{plan.name}.json"
        keep = self.scratch / f"stage-{plan.name}"
        keep.mkdir()
        names = [name for name in watch.points if name not in watch.saved]
        files = [
            {"path": f.path, "names": f.transfer.names, "kind": f.transfer.kind, "optional": bool(f.transfer.optional)}
            for f in plan.saves
        ]
        paths = {file.path: "load" for file in plan.loads} | {file.path: "save" for file in plan.saves}
        content = {
            "script": plan.script,
            "project": str(self.folder),
            "folder": str(keep),
            "answer": str(answer),
            "names": names,
            "files": files,
            "paths": paths,
            "settings": [domain for domain in watch.domains if domain in READABLE],
        }
        request.write_text(json.dumps(content), encoding="utf-8")
        began = time.perf_counter()
        code, said = run_process(self.command(plan, request), self.folder, environment())
        seconds = time.perf_counter() - began
        if code or not answer.exists():
            raise Nb2stageError(self.failed(plan, code, said))
        self.answers[plan.name] = json.loads(answer.read_text(encoding="utf-8"))
        self.times[plan.name] = seconds - self.answers[plan.name]["looking"]

    def command(self, plan: StagePlan, request: Path) -> str:
        """The stage's command in dvc.yaml, with the probe in the place of the script, which it runs."""
        from nb2stage.yamltext import read_yaml

        stages = read_yaml((self.folder / "dvc.yaml").read_text(encoding="utf-8"), "dvc.yaml", "NB601")["stages"]
        command = stages[plan.name].get("cmd", "")
        text = " && ".join(command) if isinstance(command, list) else str(command)
        before, script, behind = text.partition(plan.script)
        if not script:
            message = f"the command of the stage does not run {plan.script}"
            hint = f"run `nb2stage convert {self.subject.notebook}` first"
            raise Nb2stageError(Diagnostic("NB807", message, hint, path="dvc.yaml", stage=plan.name))
        return f"{before}{shlex.quote(str(self.launcher))} stage {shlex.quote(str(request))}{behind}"

    @property
    def launcher(self) -> Path:
        """The program that starts the probes."""
        return self.scratch / "tools" / "launch.py"

    def failed(self, plan: StagePlan, code: int, said: str) -> Diagnostic:
        """What a stage that ended with an error said, in the words of the notebook where its line is known."""
        lines = said.strip().splitlines()
        last = lines[-1] if lines else f"exit code {code}"
        place = f'File "{plan.script}", line '
        found = [line.strip().removeprefix(place).split(",")[0] for line in lines if line.strip().startswith(place)]
        where = f"{plan.script}:{found[-1]}" if found else plan.script
        if code < 0:
            last = f"ended by signal {-code}" + (" (out of memory?)" if code == -signal.SIGKILL else "")
        if not found:
            return Diagnostic(
                "NB805", f"the stage fails: {last}", "run the script to see why", path=where, stage=plan.name
            )
        cell, line = self.origin(plan.script, int(found[-1]))
        hint = f"in the script it is {where}" if cell else f"`nb2stage where {where}` tells more"
        path = self.subject.notebook if cell else where
        return Diagnostic("NB805", f"the stage fails: {last}", hint, Severity.ERROR, path, cell, line, stage=plan.name)

    def origin(self, script: str, number: int) -> tuple[int | None, int | None]:
        """The cell and line that a line of a script came from, where the script is as `convert` writes it."""
        conversion = self.subject.conversion
        generated = next(file.text for file in conversion.files if file.path == script)
        lines = conversion.state.of(self.subject.notebook).lines.get(script, ())
        place = find([Run.from_text(text) for text in lines], number)
        if place is None or source_of(self.folder / script) != generated:
            return None, None
        cell = cell_of(place[0], read_notebook(self.subject.data, self.subject.notebook).cells)
        return (None, None) if cell is None else (cell.index, place[1])


def run_process(command: Sequence[str] | str, folder: Path, variables: Mapping[str, str]) -> tuple[int, str]:
    """Run a program in a group of its own; its exit code and the last that it said.  Ctrl-C ends the whole group."""
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
        process = subprocess.Popen(
            command,
            shell=isinstance(command, str),
            cwd=folder,
            env=dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=said,
            start_new_session=True,
        )
        try:
            code = process.wait()
        except BaseException:
            _end(process)
            raise
        said.seek(0, os.SEEK_END)
        said.seek(max(0, said.tell() - 100_000))
        return code, said.read()


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    except ProcessLookupError:
        pass
    process.wait()


# -- the notebook's run ------------------------------------------------------------------------------------------------


def notebook_steps(subject: Subject) -> list[Step]:
    """The cells that the pipeline is compared with: the tagged ones, and imports and definitions of the others."""
    notebook = read_notebook(subject.data, subject.notebook)
    roles, _, _ = parse_tags(notebook)
    steps: list[Step] = []
    for role in roles:
        if role.role in (Role.STAGE, Role.PARAMETERS, Role.SETUP):
            steps.append(Step(role.cell.source, role.cell.index, role.stage))
            steps += tuned_values(subject, role.cell.index)
        else:
            python, _ = to_python(role.cell, notebook.path)
            if python is not None:
                inert = [ast.unparse(node) for node in _body(python.text) if is_inert(node)]
                steps += [Step(text, role.cell.index, may_fail=True) for text in inert]
    return steps


def _body(text: str) -> list[ast.stmt]:
    try:
        return ast.parse(text).body
    except (SyntaxError, ValueError):  # a top-level `await`
        return []


def is_inert(statement: ast.stmt) -> bool:
    """Whether this is an import or a definition, also one that stands under `if` or `try`."""
    if isinstance(statement, ast.If):
        return all(map(is_inert, [*statement.body, *statement.orelse]))
    if isinstance(statement, ast.Try):
        handlers = [inner for handler in statement.handlers for inner in handler.body]
        return all(map(is_inert, [*statement.body, *handlers, *statement.orelse, *statement.finalbody]))
    return isinstance(statement, (*IMPORTS, *DEFINITIONS))


def tuned_values(subject: Subject, cell: int) -> list[Step]:
    """The values of params.yaml for the parameters of a cell, where they are not those of the notebook."""
    lines: list[str] = []
    for plan in subject.conversion.stages:
        for statement in plan.data.repeats:
            name = next(iter(statement.binds), "")
            param = next((p for p in plan.params if p.name == name), None)
            if not statement.param or statement.cell != cell or param is None:
                continue
            value = value_at(subject.tuned, param.key, param.value)
            node = statement.node
            assert isinstance(node, ast.Assign | ast.AnnAssign)
            if repr(value) != repr(param.value):
                is_tuple = isinstance(node.value, ast.Tuple) and isinstance(value, list)
                lines.append(f"{name} = {python_text(tuple(value) if is_tuple else value)}")
    return [Step("\n".join(dict.fromkeys(lines)), cell, probe=True)] if lines else []


class NotebookRun:
    """One run of the notebook, with a probe after the last cell of each stage."""

    def __init__(
        self, subject: Subject, folder: Path, scratch: Path, settings: Settings, others: Mapping[str, dict[str, Any]]
    ) -> None:
        self.subject, self.folder, self.scratch, self.settings = subject, folder, scratch, settings
        self.others = others  # what the run that this one is compared with has, by stage
        self.watches = watches(subject.conversion.stages)
        self.parts: dict[str, list[dict[str, Any]]] = {}
        self.steps: list[Step] = []
        self.executed = Executed()
        self.elapsed = 0.0
        self.written: list[str] = []

    @property
    def seconds(self) -> float:
        """How long the notebook took with its kernel, without what was looked at."""
        probes = sum(s for s, step in zip(self.executed.seconds, self.steps, strict=True) if step.probe)
        return self.elapsed - probes

    def run(self) -> None:
        """Run the cells; `Nb2stageError` for a cell that fails or a kernel that does."""
        before = stamps(self.folder)
        self.steps = self.all_steps()
        done = [0]

        def started(step: Step) -> None:
            what = f"stage {step.stage}, cell {step.cell}" if step.stage else f"cell {step.cell}"
            if not step.probe:
                self.settings.progress(what, done[0] / len(self.steps), 1)
            done[0] += 1

        where = (self.folder / self.subject.notebook).parent
        where.mkdir(parents=True, exist_ok=True)
        begin = time.perf_counter()
        try:
            self.executed = execute(self.steps, self.settings.kernel, where, self.environment(), started)
        except CellFailedError as error:
            if error.step.probe:
                raise RuntimeError(f"looking at stage {error.step.stage} failed: {error}") from error
            step, hint = error.step, "the notebook must run from top to bottom with its tagged cells alone"
            path = self.subject.notebook
            finding = Diagnostic("NB804", f"the cell fails: {error}", hint, Severity.ERROR, path, step.cell, error.line)
            raise Nb2stageError(replace(finding, stage=step.stage)) from None
        except Nb2stageError as error:
            raise Nb2stageError(
                *(replace(d, path=d.path or self.subject.notebook) for d in error.diagnostics)
            ) from None
        self.elapsed = time.perf_counter() - begin
        self.written = written(before, stamps(self.folder))

    def environment(self) -> dict[str, str]:
        """That of both runs, without a backend of the shell's: a kernel shows its figures inline."""
        return {name: value for name, value in environment().items() if name != "MPLBACKEND"}

    def all_steps(self) -> list[Step]:
        """The cells, with the probes between them."""
        tools = str(self.scratch / "tools")
        begin = (
            f"import sys; sys.path.insert(0, {tools!r}); import nb2stage_probes.kernel as k; "
            f"sys.path.remove({tools!r}); k.start({str(self.folder)!r})"
        )
        steps = [Step(f"exec({begin!r}, {{}})", probe=True)]
        cells = notebook_steps(self.subject)
        for number, step in enumerate(cells):
            steps.append(step)
            if number + 1 == len(cells) or cells[number + 1].cell != step.cell:
                steps += [self.probe(watch, step.cell) for watch in self.watches if step.cell in watch.points.values()]
                steps += [self.probe(w, w.last) for w in self.watches if w.last == step.cell not in w.points.values()]
        return steps

    def probe(self, watch: Watch, cell: int) -> Step:
        """The step that looks at the names of a stage."""
        name = watch.plan.name
        base = f"{self.folder.name}-{name}-{cell}"
        request, keep = self.scratch / f"{base}.json", self.scratch / base
        keep.mkdir()
        names = [n for n, point in watch.points.items() if point == cell]
        groups = {
            file.path: [n for n in file.transfer.names if not n.startswith("<")]
            for file in watch.plan.saves
            if cell == max(watch.points[n] for n in file.transfer.names)
        }
        other = self.others.get(name, {})
        known = dict(other.get("values", {}))
        for found in other.get("saved", {}).values():
            known.update(found)
        at_end = cell == watch.last
        content = {
            "answer": str(self.scratch / f"{base}.answer.json"),
            "folder": str(keep),
            "names": names,
            "groups": groups,
            "known": known,
            "definitions": other.get("definitions", {}),
            "settings": [domain for domain in watch.domains if domain in READABLE] if at_end else [],
            "metrics": watch.plan.metric_names if at_end else [],
        }
        request.write_text(json.dumps(content), encoding="utf-8")
        self.parts.setdefault(name, []).append(content)
        return Step(
            f"__import__('nb2stage_probes.kernel').kernel.boundary(globals(), {str(request)!r})", cell, name, probe=True
        )

    def answer(self, stage: str) -> dict[str, Any]:
        """All that the probes of a stage found."""
        merged: dict[str, Any] = {}
        for part in self.parts.get(stage, []):
            for key, value in json.loads(Path(part["answer"]).read_text(encoding="utf-8")).items():
                if isinstance(value, dict):
                    merged.setdefault(key, {}).update(value)
                else:
                    merged[key] = max(merged.get(key, value), value)
        return merged

    def as_known(self) -> dict[str, dict[str, Any]]:
        """What this run has, for a second one to compare itself with."""
        return {
            watch.plan.name: {**self.answer(watch.plan.name), "definitions": self.definitions(watch.plan.name)}
            for watch in self.watches
        }

    def definitions(self, stage: str) -> dict[str, list[str]]:
        found: dict[str, list[str]] = self.others.get(stage, {}).get("definitions", {})
        return found

    def figures(self, stage: str, kind: str = "display_data") -> list[bytes]:
        """The figures that the cells of a stage showed, as `savefig` draws them.

        Of `kind` `execute_result` are those that are the value of a cell's last line; they are mostly shown twice.
        """
        found: list[bytes] = []
        for step, outputs in zip(self.steps, self.executed.outputs, strict=True):
            for output in outputs if step.stage == stage else []:
                data = output.get("data", {})
                if (
                    output["output_type"] == kind
                    and "Figure" in str(data.get("text/plain", ""))
                    and "image/png" in data
                ):
                    found.append(base64.b64decode(data["image/png"]))
        return found
