"""A notebook and its pipeline, both executed in scratch copies of the project -> where they differ."""

from __future__ import annotations

import tempfile
from pathlib import Path

from nb2stage.diagnostics import Nb2stageError
from nb2stage.runs.comparing import Comparison
from nb2stage.runs.notebookrun import NotebookRun
from nb2stage.runs.pipelinerun import PipelineRun
from nb2stage.runs.sandbox import prepare
from nb2stage.runs.verdicts import Settings, Subject, Verdict


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
