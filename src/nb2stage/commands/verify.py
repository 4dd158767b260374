"""`nb2stage verify`: options -> two runs -> text, JSON or a page, and an exit code."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nb2stage.commands import add_command, add_common
from nb2stage.diagnostics import Nb2stageError

if TYPE_CHECKING:
    from nb2stage.console.streams import Console
    from nb2stage.runs.verdicts import Subject

COULD_NOT_RUN: Final = 2

_DESCRIPTION: Final = """\
Prove by running both that the pipeline gives what the notebook gives.  THIS RUNS YOUR CODE.

The stages' scripts and the notebook's tagged cells run once each, in copies of the project in a temporary folder: the
project's files, its cache and git are not touched.  Paths outside the project are not redirected.

Compared are, at the end of each stage: every variable (types, indices, dtypes, categories, the state of models, what
shares one object), metrics, random states and settings, the figures shown and saved, and at the end every file that
either of the two wrote.  Everything is compared exactly unless --rtol says otherwise.  Times that cells measure, and those
in the results of searches, are listed apart.
"""

_EPILOG: Final = """\
exit codes:
  0 equal    1 different    2 could not be run    3 a bug in nb2stage    130 interrupted

examples:
  nb2stage verify explore.ipynb
  nb2stage verify explore.ipynb --repeat             what differs between two runs of the notebook is listed apart
  nb2stage verify explore.ipynb --html verify.html   a page with the stages as a picture
"""


def register(commands: Any, formatter: Any) -> None:
    """Add the command to the command line."""
    parser = add_command(
        commands,
        formatter,
        "verify",
        run,
        help="run notebook and pipeline in scratch copies and compare all they make",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    add = parser.add_argument
    add("notebook", metavar="NOTEBOOK")
    add("--output", metavar="DIR", help="the project folder, as for `convert`")
    add("--layout", choices=("guideline", "flat"), help="as for `convert`; the default is what it was converted with")
    add(
        "--rtol", type=_tolerance, default=0.0, metavar="X", help="numbers that differ by less than this part are equal"
    )
    add("--repeat", action="store_true", help="run the notebook twice, to tell what it does not reproduce itself")
    add("--kernel", metavar="NAME", help="the Jupyter kernel to run the notebook with (default: its own)")
    add("--json", action="store_true", help="print one JSON document and nothing else")
    add("--html", metavar="FILE", help="write a report as one self-contained page")
    add("-q", "--quiet", action="store_true", help="print the verdict only")
    add("-v", "--verbose", action="store_true", help="list what is equal too")
    add_common(parser)


def _tolerance(text: str) -> float:
    value = float(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return value


def run(options: argparse.Namespace, console: Console) -> int:
    """Verify one notebook; the exit code."""
    from nb2stage.console.progress import Progress, bar
    from nb2stage.runs import verifyreport
    from nb2stage.runs.kernels import needed
    from nb2stage.runs.verdicts import Settings
    from nb2stage.runs.verifying import kernel_of, subject_of, verify

    progress = Progress(sys.stderr, wanted=not (options.quiet or options.json))

    def show(what: str, notebook: float, pipeline: float) -> None:
        progress.show(f"pipeline {bar(pipeline)}  notebook {bar(notebook)}  {what}")

    try:
        for module in ("jupyter_client", "nbclient", "ipykernel"):
            needed(module, "verify", "pip install nbclient ipykernel")
        output = Path(options.output) if options.output is not None else None
        subject = subject_of(Path(options.notebook), output, options.layout)
        settings = Settings(kernel_of(subject, options.kernel), options.rtol, options.repeat, bool(options.html), show)
        with ended_by_signals():
            verdict = verify(subject, settings)
    except Nb2stageError as error:
        progress.clear()
        if console.json:
            console.out(verifyreport.json_of_errors(options.notebook, error.diagnostics))
        console.findings(error.diagnostics)
        return COULD_NOT_RUN
    finally:
        progress.clear()
    if options.html:
        Path(options.html).write_text(verifyreport.page(verdict, _graph_of(subject)), encoding="utf-8")
    if options.json:
        console.out(verifyreport.json_text(verdict))
    else:
        text = verifyreport.text(verdict, console.out_paint, verbose=options.verbose, quiet=options.quiet)
        console.out(text)
    return verdict.exit_code


def _graph_of(subject: Subject) -> str:
    """The stages of the notebook as `nb2stage graph --svg` draws them."""
    from nb2stage.files.writer import read_text
    from nb2stage.overview.graph import build
    from nb2stage.overview.picture import svg

    return svg(build([(subject.notebook, subject.conversion.stages)], None, read_text(subject.root, "params.yaml")))


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """Within, a `kill` ends the program as Ctrl-C does: kernels and stages are ended and the scratch folder removed."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = {}
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None:
            before[number] = signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
