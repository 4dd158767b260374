"""What Python programs call: `convert`, `check` and `verify`, and what these return.  docs/api.md documents it.

`import nb2stage` has these names too, and loads this module when one of them is first used.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from nb2stage.diagnostics import Diagnostic, Nb2stageError, Severity, UsageError
from nb2stage.files.writer import Change
from nb2stage.planning.pipeline import Param
from nb2stage.project.converting import Run, Wanted, converted
from nb2stage.runs.verdicts import Item, Status, Verdict

if TYPE_CHECKING:
    from nb2stage.planning.stageplan import StagePlan

__all__ = [
    "Change",
    "Check",
    "Conversion",
    "Diagnostic",
    "Item",
    "Nb2stageError",
    "Param",
    "Pipeline",
    "Severity",
    "Stage",
    "Status",
    "UsageError",
    "Verdict",
    "check",
    "convert",
    "verify",
]

AnyPath = str | os.PathLike[str]


class Stage(NamedTuple):
    """A stage of a pipeline.  Paths are relative to the project, with forward slashes."""

    name: str
    script: str
    cells: tuple[int, ...]  # counted from 1 among all cells of the notebook, text cells too
    deps: tuple[str, ...]
    params: tuple[str, ...]  # keys of params.yaml
    outs: tuple[str, ...]
    metrics: tuple[str, ...]
    plots: tuple[str, ...]


class Pipeline(NamedTuple):
    """The stages of a notebook in the order in which they run, and its parameters."""

    stages: tuple[Stage, ...]
    params: tuple[Param, ...]


class Conversion:
    """A notebook converted in memory.  Nothing is on the disk before `write` is called."""

    def __init__(self, run: Run) -> None:
        self._run = run

    @property
    def project(self) -> Path:
        """The folder in which the pipeline runs."""
        return self._run.root

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """All that was found, in the order of the cells; an error among it means that there is nothing to write."""
        return tuple(self._run.diagnostics)

    @property
    def refused(self) -> bool:
        """Whether the notebook cannot be converted as it is."""
        return self._run.refused

    @property
    def pipeline(self) -> Pipeline:
        """The stages and parameters; none where the notebook is refused."""
        plans = [plan for _, made in self._run.conversions for plan in made.stages]
        params = dict.fromkeys(param for plan in plans for param in plan.params)
        return Pipeline(tuple(map(_stage, plans)), tuple({param.key: param for param in params}.values()))

    @property
    def files(self) -> tuple[Change, ...]:
        """Each file of the project that the conversion makes: its text now and before, and what happens to it."""
        return tuple(self._run.changes)

    def write(self, *, init: bool = False) -> tuple[Path, ...]:
        """Write the files, all or none; the paths of those that have changed.

        With `init` git and DVC are set up where they are missing.  Raises `Nb2stageError` where the notebook is refused,
        or a file cannot be written or has changed since, and `UsageError` where the notebook's text was given.
        """
        if self._run.wanted.texts:
            raise UsageError("the text of the notebook is not what lies on the disk: save it and convert the file")
        run = self._run
        # What a killed command has left half done is completed first: another conversion may come out.
        again = run.before is not None and run.before.pending
        run.wanted = run.wanted._replace(preview=False, init=init)
        if again:
            run = self._run = converted(run.wanted, run.here)
        if run.refused:
            raise Nb2stageError(*(found for found in run.diagnostics if found.severity is Severity.ERROR))
        if not run.written:
            run.write()
        return tuple(run.root / change.path for change in run.changes if change.kind != "unchanged")


def _stage(plan: StagePlan) -> Stage:
    entry = plan.dvc_stage()
    outs, metrics, plots = (tuple(out.path for out in each) for each in (entry.outs, entry.metrics, entry.plots))
    return Stage(
        plan.name, plan.script, tuple(c.index for c in plan.cells), entry.deps, entry.params, outs, metrics, plots
    )


def convert(
    notebook: AnyPath,
    root: AnyPath | None = None,
    *,
    text: str | bytes | None = None,
    layout: Literal["guideline", "flat"] | None = None,
    force: bool = False,
) -> Conversion:
    """Convert a notebook in memory, as `nb2stage convert --dry-run` does.  None of its code is run.

    `root` is the project folder, by default the one that the notebook is in.  `text` is that of the notebook where it is
    not what lies on the disk, as in an editor.  `force` lets hand edits and files of others be overwritten.

    What the user has to mend is in `.diagnostics`; no exception is raised for it.
    """
    path = Path(notebook)
    texts = {} if text is None else {path: text.encode("utf-8") if isinstance(text, str) else text}
    folder = Path(root) if root is not None else None
    return Conversion(converted(Wanted([path], folder, layout, force, preview=True, texts=texts)))


class Check(NamedTuple):
    """What `check` has found, and what of it was mended."""

    diagnostics: tuple[Diagnostic, ...]
    fixed: tuple[Diagnostic, ...]


def check(root: AnyPath = ".", *, fix: bool = False) -> Check:
    """Check that a project follows the rules, as `nb2stage check` does; `fix` mends what is safe to mend.

    Raises `Nb2stageError` where there is no project.
    """
    from nb2stage.checks.command import checked_and_fixed, projects_of

    (folder,) = projects_of([os.fspath(root)], Path.cwd())
    found, fixed = checked_and_fixed(folder, fix_too=fix)
    return Check(tuple(finding.diagnostic for finding in found.findings), tuple(fixed))


def verify(
    notebook: AnyPath,
    root: AnyPath | None = None,
    *,
    rtol: float = 0.0,
    repeat: bool = False,
    kernel: str | None = None,
) -> Verdict:
    """Run a notebook and its pipeline in scratch copies of the project and compare.  THIS RUNS THE NOTEBOOK'S CODE.

    Raises `Nb2stageError` where the two cannot be run: the notebook is refused, or is not converted as it is now.
    """
    from nb2stage.runs.verdicts import Settings
    from nb2stage.runs.verifying import kernel_of, subject_of
    from nb2stage.runs.verifying import verify as compare

    subject = subject_of(Path(notebook), Path(root) if root is not None else None)
    return compare(subject, Settings(kernel_of(subject, kernel), rtol, repeat))
