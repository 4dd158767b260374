"""`nb2stage overview`: options, the project's history -> the table in the form that was asked for."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nb2stage.commands import add_command, add_common
from nb2stage.diagnostics import Nb2stageError

if TYPE_CHECKING:
    from nb2stage.console.streams import Console
    from nb2stage.overview.graph import Graph
    from nb2stage.overview.history import History
    from nb2stage.overview.table import Overview

_DESCRIPTION: Final = """\
One table of all commits and experiments of the project: parameters, metrics, what changed against the baseline, and
which versions of code and data are behind each.  It is read from git and DVC; nothing is run.
"""

_EPILOG: Final = """\
examples:
  nb2stage overview                             in the terminal, newest commit first, each with its experiments
  nb2stage overview --sort accuracy --limit 10  the ten best
  nb2stage overview --html                      a page with table, plots, figures, pipeline: overview.html
  nb2stage overview --md >> "$GITHUB_STEP_SUMMARY"

The baseline of an experiment is the commit that it started from, that of a commit the one before it; --baseline takes
one for all.  Less is taken to be better of metrics called loss, error, rmse, mae, time and the like, more of all others;
--lower and --higher say otherwise.

`code` and `data` are short hashes of all scripts and of all data files that the stages read: rows with the same hash
were made with the same code or data.  --csv and --json have the hash of each file.

The page is one file that needs no network.  It is made with plotly: pip install 'nb2stage[html]'
"""


def register(commands: Any, formatter: Any) -> None:
    """Add the command to the command line."""
    parser = add_command(
        commands,
        formatter,
        "overview",
        run,
        help="compare all commits and experiments: table, markdown, CSV, JSON, or one HTML page",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--md", action="store_true", help="a markdown table")
    form.add_argument("--csv", action="store_true", help="all columns, with all digits")
    form.add_argument("--json", action="store_true", help="one JSON document")
    form.add_argument("--html", action="store_true", help="a page, written to overview.html or what -o says")
    add = parser.add_argument
    add("-o", "--out", metavar="FILE", help="write to a file instead of standard output (`-`)")
    add("--baseline", metavar="REV", help="compare all with this branch, tag, experiment or revision")
    add("--sort", metavar="KEY", help="by a metric, best first, or a parameter; `--sort=-KEY`: the other way round")
    add("--limit", type=_count, metavar="N", help="the first N rows only")
    add("--lower", action="append", default=[], metavar="METRIC", help="of this metric less is better (repeatable)")
    add("--higher", action="append", default=[], metavar="METRIC", help="of this metric more is better (repeatable)")
    add_common(parser)


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of rows")
    return int(text)


def run(options: argparse.Namespace, console: Console) -> int:
    """Print or write the overview; the exit code."""
    from nb2stage.commands.graph import write_text
    from nb2stage.overview.history import read_history
    from nb2stage.overview.staleness import mark_stale
    from nb2stage.overview.table import overview_of
    from nb2stage.project.notebooks import project_around

    here = Path.cwd()
    root = project_around(here) or here
    waits = sys.stderr is not None and sys.stderr.isatty()
    try:
        history = read_history(root, console.err if waits else lambda text: None)
        mark_stale(root, history.rows)
        view = overview_of(history, options.baseline, options.lower, options.higher, options.sort, options.limit)
        text = rendered(view, history, root, options, console)
        out = options.out or ("overview.html" if options.html else "-")
        if out == "-":
            console.out(text)
        else:
            write_text(here / out, text + "\n")
            console.err(f"written: {out}")
    except Nb2stageError as error:
        if not error.diagnostics:
            raise
        for finding in error.diagnostics:
            console.err(finding.render())
        return 1
    return 0


def rendered(view: Overview, history: History, root: Path, options: argparse.Namespace, console: Console) -> str:
    """The overview in the form that was asked for."""
    from nb2stage.overview import table as overview

    if options.json:
        import json

        return json.dumps(overview.document(view), indent=2, ensure_ascii=False)
    if options.csv:
        return overview.csv(view)
    if options.md:
        return overview.markdown(view)
    if options.html:
        return html(view, history, root, console)
    to_file = options.out not in (None, "-")
    is_terminal = not to_file and sys.stdout is not None and sys.stdout.isatty()
    paint = (lambda text, _style: text) if to_file else console.out_paint
    return overview.text(view, paint, console.width() if is_terminal else None)


def html(view: Overview, history: History, root: Path, console: Console) -> str:
    """The page, with as many figures as it can bear and the pipeline as it stands in the folder."""
    from nb2stage.files.writer import read_text
    from nb2stage.overview.figures import Figures, twins
    from nb2stage.overview.page import FIGURES_BUDGET, ordered_by_weight, page

    figures, graph = Figures(root, FIGURES_BUDGET), pipeline(root, console)
    figures.add(ordered_by_weight(view, history.rows))
    figures.add_workspace()
    for stage in graph.stages if graph is not None else ():
        figures.twins.update(twins(read_text(root, stage.script) or "") if stage.script else {})
    return page(view, root.resolve().name, figures, graph).rstrip("\n")


def pipeline(root: Path, console: Console) -> Graph | None:
    """The graph of the project's notebooks; where one cannot be read that of dvc.yaml, or none."""
    from nb2stage.commands.graph import project_graph
    from nb2stage.files.writer import read_text
    from nb2stage.overview.graph import build

    try:
        graph, findings = project_graph([], root)
        if not any(finding.severity.value == "error" for finding in findings):
            return graph
        return build([], read_text(root, "dvc.yaml"), read_text(root, "params.yaml"))
    except Nb2stageError as error:
        for finding in error.diagnostics:
            console.err(finding.render())
        return None
