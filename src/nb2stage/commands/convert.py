"""`nb2stage convert`: options -> a conversion of notebooks -> text, a diff or JSON, and an exit code."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from nb2stage.commands import add_command, add_common
from nb2stage.console.streams import FINE, FOUND
from nb2stage.diagnostics import Diagnostic, Severity, UsageError
from nb2stage.reading.stages import STAGES

if TYPE_CHECKING:
    from nb2stage.console.report import Result
    from nb2stage.console.streams import Console
    from nb2stage.project.converting import Run

# The name that stands for a notebook whose text comes from standard input.
STANDARD_INPUT: Final = "-"

DESCRIPTION: Final = """\
Turn a notebook with tagged cells into a DVC pipeline: one plain Python script for each stage, dvc.yaml, params.yaml.
The pipeline gives the same results as the notebook, or the notebook is refused and nothing is written.
"""

EPILOG: Final = f"""\
tags:
  Tag the cells of a stage (JupyterLab: Property Inspector > Cell Tags), or write the tag as the first line of a cell:

      #| stage: train
      model = LogisticRegression(C=C).fit(X_train, y_train)

  {" ".join(STAGES)}    the cell belongs to that stage
  stage:NAME             the same, with a name of your own
  parameters             numbers and texts that go to params.yaml: `C = 0.1`
  setup                  settings, repeated in each stage that needs them
  metrics                beside a stage tag: the numbers that the cell assigns go to metrics.json
  plots                  the same for tables and lists, which go to plots/ for `dvc plots`
  explore, hpo, skip     stays in the notebook, as does a cell without a tag
                         (imports and functions of such cells are used all the same)

  More first lines: `#| deps: data/a.csv` and `#| outs: b.csv` declare files that nb2stage cannot see by itself;
  `#| x: epoch`, `#| y: loss` and `#| template: scatter` say how DVC draws a table of a cell tagged `plots`.

places in messages:
  explore.ipynb:cell 4:2:5 is line 2, column 5 of the fourth cell, counted from the top from 1, text cells too

exit codes:
  0 fine    1 something is to be mended, nothing was written (or --check found changes)
  2 wrong usage    3 a bug in nb2stage    130 interrupted

next:
  dvc repro              run what has changed
  dvc metrics show       see the metrics
  nb2stage verify ...    run notebook and pipeline in copies, and compare all that they make
  nb2stage where training/train.py:31    the cell that a line of a traceback came from
  nb2stage convert ...   again after each edit of the notebook; `dvc repro` then re-runs only what the edit touches
"""


def register(commands: Any, formatter: Any) -> None:
    """Add the command to the command line."""
    parser = add_command(
        commands,
        formatter,
        "convert",
        run,
        help="make or update the pipeline of a notebook; runs none of its code",
        description=DESCRIPTION,
        epilog=EPILOG,
    )
    add = parser.add_argument
    layouts = "scripts in data_processing/, training/ and report/ (guideline, the default), or all in src/ (flat)"
    add("notebooks", nargs="*", metavar="NOTEBOOK", help="when there is none, those of the project; `-` with --as")
    add(
        "--output",
        metavar="DIR",
        help="the project folder, in which the pipeline runs (default: the current folder "
        "where it is a project or holds the notebook, else the notebook's own folder)",
    )
    add("--layout", choices=("guideline", "flat"), help=layouts)
    add("--auto", action="store_true", help="convert with the tags that `nb2stage tag` proposes, where cells have none")
    add("--init", action="store_true", help="run `git init` and `dvc init` where they are missing")
    add("--force", action="store_true", help="overwrite scripts that were edited by hand, files and stages of others")
    preview = parser.add_argument_group("look first")
    preview.add_argument(
        "--as",
        dest="stands_for",
        metavar="NOTEBOOK",
        help="with `-`: the text of this notebook comes from standard input; nothing is written",
    )
    preview.add_argument("--dry-run", action="store_true", help="write nothing")
    preview.add_argument("--diff", action="store_true", help="write nothing and print the changes")
    preview.add_argument("--check", action="store_true", help="write nothing; exit code 1 when something would change")
    output = parser.add_argument_group("output")
    output.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    output.add_argument("-q", "--quiet", action="store_true", help="print errors only")
    output.add_argument("-v", "--verbose", action="store_true", help="list unchanged files and unused parameters too")
    add_common(output)


class Shown(NamedTuple):
    """What of a conversion is printed."""

    diff: bool = False
    check: bool = False
    verbose: bool = False


def run(options: argparse.Namespace, console: Console) -> int:
    """Convert, and print what came out; the exit code."""
    from nb2stage.project.converting import Wanted, converted

    if options.quiet and options.verbose:
        raise UsageError("-q and -v exclude each other")
    texts: dict[Path, bytes] = {}
    if STANDARD_INPUT in options.notebooks or options.stands_for is not None:
        if options.notebooks != [STANDARD_INPUT] or options.stands_for is None:
            raise UsageError("`-` is the only notebook then, and --as names it: nb2stage convert - --as explore.ipynb")
        options.notebooks = [options.stands_for]
        texts = {Path(options.stands_for): sys.stdin.buffer.read()}
    output = Path(options.output) if options.output is not None else None
    preview = bool(options.dry_run or options.diff or options.check or texts)
    if options.auto:
        from nb2stage.project.proposals import proposed_texts

        texts = proposed_texts([Path(name) for name in options.notebooks], output, texts)
    wanted = Wanted(
        [Path(name) for name in options.notebooks],
        output,
        options.layout,
        options.force,
        options.init,
        preview,
        texts,
    )
    return print_run(converted(wanted), console, Shown(options.diff, options.check, options.verbose))


def print_run(run: Run, console: Console, wanted: Shown) -> int:
    """Print what came out; the exit code."""
    from nb2stage.console import report

    result = result_of(run)
    shown = told(run, verbose=wanted.verbose)
    console.findings(shown)
    if not console.json and (count := report.count_text(run.diagnostics, len(shown), refused=run.refused)):
        console.err(count)
    if console.json:
        import json

        console.out(json.dumps(report.document(result), indent=2, ensure_ascii=False))
    elif not run.refused:
        print_result(run, result, console, wanted)
    has_changes = any(change.kind != "unchanged" for change in run.changes)
    return FOUND if run.failed or (wanted.check and has_changes) else FINE


def told(run: Run, *, verbose: bool) -> list[Diagnostic]:
    """The findings to tell: of a refusal the errors, of a conversion what the one before has not told."""
    if run.refused and not verbose:
        # A state file that cannot be read is why nobody knows the scripts, which is the error then.
        return [found for found in run.diagnostics if found.severity is Severity.ERROR or found.code == "NB616"]
    if run.written:
        from nb2stage.project.told import new_findings

        new = new_findings(run.root, run.diagnostics, [path for path, _ in run.conversions])
        return run.diagnostics if verbose else new
    return run.diagnostics


def print_result(run: Run, result: Result, console: Console, wanted: Shown) -> None:
    """The diff, or the table with the files and the next commands."""
    from nb2stage.console import report

    if wanted.diff:
        text = report.diff_text(run.changes, console.out_paint)
        if text:
            console.out(text.removesuffix("\n"))
    if console.quiet:
        return
    if wanted.diff or wanted.check:
        files = report.files_text(result, verbose=wanted.verbose, width=console.width())
        (console.err if wanted.diff else console.out)(files)
    else:
        console.out(report.summary(result, console.out_paint, verbose=wanted.verbose, width=console.width()))


def result_of(run: Run) -> Result:
    """All that there is to report."""
    from nb2stage.console.report import Result, next_commands

    folder = os.path.relpath(run.root, run.here)
    plans = [plan for _, conversion in run.conversions for plan in conversion.stages]
    names = [path for path, _ in run.conversions]
    commands = next_commands(run.missing, folder, plans, names) if run.written and not run.failed else []
    known = run.before.notebooks if run.before is not None else {}
    before = {path: made.stages for path, made in known.items()}
    return Result(folder, run.conversions, run.changes, run.diagnostics, run.written, commands, before)
