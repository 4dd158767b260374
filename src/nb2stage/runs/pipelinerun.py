"""One run of the stages' scripts, which `verify` looks at: each stage in a process of its own."""

from __future__ import annotations

import json
import posixpath
import shlex
import signal
import time
from functools import cached_property
from pathlib import Path
from typing import Any

from nb2stage.diagnostics import Diagnostic, Nb2stageError, Severity
from nb2stage.files.dvcyaml import cached_outs
from nb2stage.files.gitignore import quoted
from nb2stage.files.repository import ignored_by_git, not_ignored_in
from nb2stage.planning.stageplan import StagePlan
from nb2stage.reading.notebook import read_notebook
from nb2stage.runs.sandbox import environment, run_process, source_of
from nb2stage.runs.scratch import stamps, written
from nb2stage.runs.verdicts import Settings, Subject
from nb2stage.runs.watches import READABLE, Watch, watches
from nb2stage.scripts.linemap import Run, cell_of, find


class PipelineRun:
    """One run of the stages' scripts, each in a process of its own."""

    def __init__(self, subject: Subject, scratch: Path, settings: Settings) -> None:
        self.subject, self.scratch, self.settings = subject, scratch, settings
        self.folder = scratch / "pipeline"
        self.watches = watches(subject.conversion.stages)
        self.answers: dict[str, dict[str, Any]] = {}
        self.times: dict[str, float] = {}
        self.written: list[str] = []
        self.ignoring: set[str] = set()  # the .gitignore files that DVC would have written

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
            self.written = [path for path in written(before, stamps(self.folder)) if path not in self.ignoring]

    def run_stage(self, watch: Watch) -> None:
        plan = watch.plan
        answer = self.scratch / f"stage-{plan.name}.answer.json"
        request = self.scratch / f"stage-{plan.name}.json"
        keep = self.scratch / f"stage-{plan.name}"
        keep.mkdir()
        names = [name for name in watch.points if name not in watch.saved]
        files = [
            {
                "path": f.path,
                "names": f.transfer.names,
                "format": f.format.reader(),
                "optional": bool(f.transfer.optional),
            }
            for f in plan.saves
        ]
        paths = {plan.here(file.path): "load" for file in plan.loads}
        paths |= {plan.here(file.path): "save" for file in plan.saves}
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
        self.ignore_outs(plan)

    def ignore_outs(self, plan: StagePlan) -> None:
        """Keep the outs from git as DVC does it before the next stage runs, which may see the file that says so."""
        outs = [path for path in cached_outs(self.dvc_text, [plan.name]) if not path.startswith(("../", "/"))]
        known = ignored_by_git(self.subject.root, outs)
        for path in not_ignored_in(self.folder, self.scratch / "git", [path for path in outs if path not in known]):
            place, name = posixpath.split(path)
            file = posixpath.join(place, ".gitignore")
            if (self.folder / place).is_dir():
                self.ignoring.add(file)
                with (self.folder / file).open("a", encoding="utf-8") as opened:
                    opened.write(f"/{quoted(name)}\n")

    @cached_property
    def dvc_text(self) -> str:
        """The pipeline's dvc.yaml."""
        return (self.folder / "dvc.yaml").read_text(encoding="utf-8")

    def command(self, plan: StagePlan, request: Path) -> str:
        """The stage's command in dvc.yaml, with the probe in the place of the script, which it runs."""
        from nb2stage.texts.yamltext import read_yaml

        stages = read_yaml(self.dvc_text, "dvc.yaml", "NB601")["stages"]
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
