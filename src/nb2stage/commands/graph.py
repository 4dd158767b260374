"""`nb2stage graph`: options, the notebooks and dvc.yaml of the project -> the picture that was asked for."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nb2stage.commands import add_command, add_common
from nb2stage.diagnostics import Diagnostic, Nb2stageError, Severity

if TYPE_CHECKING:
    from nb2stage.console.streams import Console
    from nb2stage.overview.graph import Graph

_DESCRIPTION: Final = """\
Show the pipeline: the stages with their cells, parameters and files, and on the edges the variables that one stage
hands on to another, with their kinds as far as reading the code tells.  None of the notebook's code is run.
"""

_EPILOG: Final = """\
examples:
  nb2stage graph                        the project in this folder
  nb2stage graph explore.ipynb          of a notebook, converted or not
  nb2stage graph --svg -o graph.svg     a picture for slides and READMEs
  nb2stage graph --mermaid              for a fenced ```mermaid block on GitHub or GitLab

Stages of dvc.yaml that no notebook made are shown too, with the files that they read and write.
"""


def register(commands: Any, formatter: Any) -> None:
    """Add the command to the command line."""
    parser = add_command(
        commands,
        formatter,
        "graph",
        run,
        help="show the pipeline: stages, variables, parameters, files (terminal, mermaid, SVG)",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    parser.add_argument(
        "notebooks",
        nargs="*",
        metavar="NOTEBOOK",
        help="when there is none, those that were converted, and those of the configuration",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--mermaid", action="store_true", help="a mermaid flowchart")
    form.add_argument("--svg", action="store_true", help="a picture")
    form.add_argument("--json", action="store_true", help="one JSON document")
    parser.add_argument("-o", "--out", metavar="FILE", help="write to a file instead of standard output")
    add_common(parser)


def run(options: argparse.Namespace, console: Console) -> int:
    """Print the graph; the exit code."""
    try:
        here = Path.cwd()
        given = [Path(name) for name in options.notebooks]
        graph, findings = project_graph(given, here)
        console.findings(finding for finding in findings if finding.severity is Severity.ERROR)
        if any(finding.severity is Severity.ERROR for finding in findings):
            return 1
        text = rendered(graph, options, console)
        if options.out is None:
            console.out(text)
        else:
            write_text(here / options.out, text + "\n")
    except Nb2stageError as error:
        if not error.diagnostics:
            raise
        for finding in error.diagnostics:
            console.err(finding.render())
        return 1
    return 0


def rendered(graph: Graph, options: argparse.Namespace, console: Console) -> str:
    """The graph in the form that was asked for."""
    import json

    from nb2stage.overview import graph as graphs

    if options.json:
        return json.dumps(graphs.document(graph), indent=2, ensure_ascii=False)
    if options.mermaid:
        return graphs.mermaid(graph)
    if options.svg:
        from nb2stage.overview.picture import svg

        return svg(graph).rstrip("\n")
    if options.out is not None:
        return graphs.text(graph, lambda text, _style: text)
    return graphs.text(graph, console.out_paint, console.width(), ascii_only=not _can_draw())


def _can_draw() -> bool:
    """Whether the terminal's encoding has lines and arrows."""
    try:
        "╭─▶■".encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except (UnicodeError, LookupError):
        return False
    return True


def project_graph(given: list[Path], here: Path) -> tuple[Graph, list[Diagnostic]]:
    """The graph of notebooks, or of the project's when none is given, and what was found in reading them.

    Raises `Nb2stageError` when there is nothing to show or a file cannot be read.
    """
    from nb2stage.conversion import Project
    from nb2stage.files.writer import read_state, read_text
    from nb2stage.overview.graph import build
    from nb2stage.project.configuration import inside, project_folder, read_configuration, read_notebook_bytes
    from nb2stage.project.notebooks import project_around
    from nb2stage.spine import convert

    root = project_folder(given, None, here) if given else project_around(here) or here
    settings, state = read_configuration(root), read_state(root)
    known = [*state.notebooks, *(name for name in settings.notebooks if name not in state.notebooks)]
    notebooks = given or [root / name for name in known if name in settings.notebooks or (root / name).exists()]
    dvc_yaml = read_text(root, "dvc.yaml")
    if not notebooks and dvc_yaml is None:
        message = "there is no pipeline here: no converted notebook and no dvc.yaml"
        raise Nb2stageError(Diagnostic("NB640", message, "name a notebook: `nb2stage graph explore.ipynb`"))
    plans, findings = [], []
    for notebook in notebooks:
        path = inside(notebook, root, here)
        # Files that stand in the way of writing are no matter here: `force`.
        conversion = convert(read_notebook_bytes(notebook), path, Project(root, state, settings.layout, force=True))
        findings += conversion.diagnostics
        plans.append((path, conversion.stages))
    return build(plans, dvc_yaml, read_text(root, "params.yaml")), findings


def write_text(path: Path, text: str) -> None:
    """Write a file in one step: who reads it sees the old one or the new one.

    Raises `Nb2stageError` when that is not possible.
    """
    temporary = path.with_name(f".{path.name}.nb2stage")
    try:
        temporary.write_text(text, encoding="utf-8", newline="\n")
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        message = f"the file cannot be written: {error.strerror or error}"
        raise Nb2stageError(Diagnostic("NB615", message, path=str(path))) from error
