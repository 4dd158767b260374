"""One run of the notebook, which `verify` looks at: its cells with probes between them.

The pipeline has run before.  So the kernel knows, when a stage's last cell has run, which values the stage has
otherwise, and keeps just those.
"""

from __future__ import annotations

import ast
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nb2stage.analysis.versions import DEFINITIONS, IMPORTS
from nb2stage.diagnostics import Diagnostic, Nb2stageError, Severity
from nb2stage.planning.inline import format_lines, is_for_display
from nb2stage.reading.magics import to_python, to_python_all
from nb2stage.reading.notebook import read_notebook
from nb2stage.reading.tags import CellRole, Role, parse_tags
from nb2stage.records import replace
from nb2stage.runs.displayed import Chart, Shown, shown_charts, shown_figures
from nb2stage.runs.kernels import CellFailedError, Executed, Step, execute
from nb2stage.runs.sandbox import environment
from nb2stage.runs.scratch import stamps, written
from nb2stage.runs.tuning import python_text, value_at
from nb2stage.runs.verdicts import Settings, Subject
from nb2stage.runs.watches import READABLE, Watch, watches


def notebook_steps(subject: Subject) -> list[Step]:
    """The cells that the pipeline is compared with: the tagged ones, and imports and definitions of the others."""
    notebook = read_notebook(subject.data, subject.notebook)
    roles, _, _ = parse_tags(notebook)
    steps: list[Step] = []
    of_colab = _of_colab(roles, notebook.path)
    for role in roles:
        if role.role in (Role.STAGE, Role.PARAMETERS, Role.SETUP):
            source = of_colab.get(role.cell.index, role.cell.source)
            steps.append(Step(source, role.cell.index, role.stage))
            steps += tuned_values(subject, role.cell.index)
        else:
            python, _ = to_python(role.cell, notebook.path)
            if python is not None:
                body = _body(python.text)
                inert = [ast.unparse(node) for node in body if is_inert(node) or is_for_display(node)]
                inert += format_lines(role.cell.source)
                steps += [Step(text, role.cell.index, may_fail=True) for text in inert]
    return steps


def _of_colab(roles: Sequence[CellRole], path: str) -> dict[int, str]:
    """The cells of which something is left out that only Colab has: this kernel is not there."""
    if not any("colab" in role.cell.source.lower() for role in roles):
        return {}
    translated = [python for python, _ in to_python_all([(role.cell, role.stage) for role in roles], path)]
    return {p.cell.index: "\n".join([*p.imports.values(), p.text]) for p in translated if p is not None and p.colab}


def code_of(subject: Subject) -> list[tuple[str | None, list[ast.stmt]]]:
    """The same cells as statements, each with its stage."""
    notebook = read_notebook(subject.data, subject.notebook)
    roles, _, _ = parse_tags(notebook)
    found: list[tuple[str | None, list[ast.stmt]]] = []
    for role in roles:
        python, _ = to_python(role.cell, notebook.path)
        body = _body(python.text) if python is not None else []
        is_tagged = role.role in (Role.STAGE, Role.PARAMETERS, Role.SETUP)
        found.append((role.stage, body if is_tagged else [node for node in body if is_inert(node)]))
    return found


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
                steps += [self.probe(watch, step.cell) for watch in self.watches if step.cell in watch.cells]
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
            "metrics": watch.plan.metric_cells.get(cell, []),
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

    def figures(self, stage: str) -> list[Shown]:
        """The figures that the cells of a stage showed, in their order."""
        steps = zip(self.steps, self.executed.outputs, strict=True)
        return [p for step, outputs in steps if step.stage == stage for p in shown_figures(step.cell, outputs)]

    def charts(self, stage: str) -> list[Chart]:
        """The charts of other libraries that the cells of a stage showed, in their order."""
        steps = zip(self.steps, self.executed.outputs, strict=True)
        return [c for step, outputs in steps if step.stage == stage for c in shown_charts(step.cell, outputs)]
