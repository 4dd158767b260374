"""A notebook and its pipeline, both executed in scratch copies of the project -> where they differ."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from nb2stage.conversion import Project
from nb2stage.diagnostics import Nb2stageError
from nb2stage.files.paramsyaml import read_params
from nb2stage.files.writer import read_state, read_text
from nb2stage.project.configuration import inside, project_folder, read_configuration, read_notebook_bytes
from nb2stage.runs.comparing import Comparison
from nb2stage.runs.kernels import kernel_name
from nb2stage.runs.notebookrun import NotebookRun
from nb2stage.runs.pipelinerun import PipelineRun
from nb2stage.runs.sandbox import prepare
from nb2stage.runs.verdicts import Settings, Subject, Verdict
from nb2stage.spine import convert


def verify(subject: Subject, settings: Settings) -> Verdict:
    """Run both in scratch copies and compare.  Raises `Nb2stageError` where it cannot begin."""
    plans = subject.conversion.stages
    verdict = Verdict(subject.notebook, [plan.name for plan in plans])
    with tempfile.TemporaryDirectory(prefix="nb2stage-verify-", ignore_cleanup_errors=True) as folder:
        scratch = Path(folder).resolve()
        settings.progress("copying the project", 0, 0)
        verdict.notes = prepare(subject, scratch, 3 if settings.repeat else 2)
        pipeline = PipelineRun(subject, scratch, settings)
        try:
            pipeline.run()
        except Nb2stageError as error:
            verdict.failure = error.diagnostics[0]
        try:
            own = NotebookRun(subject, scratch / "notebook", scratch, settings, pipeline.answers)
            own.run()
            second = None
            if settings.repeat:
                second = NotebookRun(subject, scratch / "repeated", scratch, settings, own.as_known())
                second.run()
        except Nb2stageError as error:
            verdict.failure = error.diagnostics[0]
            return verdict
        comparison = Comparison(subject, scratch, settings, pipeline, own, second)
        verdict.items = comparison.items()
        verdict.costs = comparison.costs()
        if settings.pictures:
            verdict.pictures = comparison.kept_pictures()
        verdict.seconds = {"notebook": own.seconds, "pipeline": pipeline.seconds}
    return verdict


def subject_of(notebook: Path, output: Path | None = None, layout: str | None = None) -> Subject:
    """The notebook with its project and conversion; `Nb2stageError` with all findings where it is refused.

    The layout is by default the one that it was converted with.
    """
    here = Path.cwd()
    root = project_folder([notebook], output, here)
    path, data = inside(notebook, root, here), read_notebook_bytes(notebook)
    state = read_state(root)
    scripts = [file for file in state.of(path).files if file.endswith(".py")]
    known = "flat" if any(file.startswith("src/") for file in scripts) else "guideline" if scripts else None
    conversion = convert(data, path, Project(root, state, layout or known or read_configuration(root).layout))
    if conversion.failed:
        raise Nb2stageError(*conversion.diagnostics)
    text = read_text(root, "params.yaml")
    return Subject(root, path, data, conversion, read_params(text) if text is not None else {})


def kernel_of(subject: Subject, wanted: str | None) -> str:
    """The kernel that the notebook is run with; `Nb2stageError` where there is no such kernel."""
    metadata = json.loads(subject.data.decode("utf-8-sig")).get("metadata")
    return kernel_name(metadata, subject.notebook, wanted)
