"""The command `nb2stage pull`: show which hand edits go back into which cells, ask, write."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, Final

from nb2stage.commands import add_command, add_common

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from nb2stage.console.streams import Console
    from nb2stage.diagnostics import Diagnostic
    from nb2stage.project.pulling import Pulled

_DESCRIPTION: Final = """\
Bring hand edits of the scripts back into the cells that the lines came from.  The changes are shown first, and made
when you say so.  Outputs, metadata and all other cells of the notebook stay to the byte.
An edit is taken only if the notebook then gives the script as it stands; any other edit stays in the script.
"""

_EPILOG: Final = """\
example:
  $ nb2stage pull
  --- a/explore.ipynb cell 5
  +++ b/explore.ipynb cell 5
  @@ -1,2 +1,2 @@
  -model = RandomForestClassifier(n_estimators=n_estimators)
  +model = RandomForestClassifier(n_estimators=n_estimators, max_depth=4)
   model.fit(X_train, y_train)
  change explore.ipynb? [y/N]

exit codes:
  0 fine, also when there is nothing to pull    1 something is to be mended, or nobody said yes; nothing was written
"""


def register(commands: Any, formatter: Callable[[str], argparse.HelpFormatter]) -> None:
    """Add the command to the command line."""
    parser = add_command(
        commands,
        formatter,
        "pull",
        run,
        help="bring hand edits of the scripts back into the notebook",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    parser.add_argument("notebooks", nargs="*", metavar="NOTEBOOK", help="default: all that were converted")
    parser.add_argument("--output", metavar="DIR", help="the project folder")
    parser.add_argument("-y", "--yes", action="store_true", help="write without asking")
    parser.add_argument("--dry-run", action="store_true", help="write nothing and print the changes")
    parser.add_argument("--json", action="store_true", help="print one JSON document and nothing else; asks nothing")
    parser.add_argument("-q", "--quiet", action="store_true", help="print errors and the changes only")
    add_common(parser)


def run(options: argparse.Namespace, console: Console) -> int:
    """`nb2stage pull`; the exit code."""
    from pathlib import Path

    from nb2stage.console.report import diff_text
    from nb2stage.files.writer import finish_killed, read_state
    from nb2stage.project.configuration import inside, project_folder, read_configuration
    from nb2stage.project.notebooks import existing_project
    from nb2stage.project.pulling import cell_changes, pull

    here = Path.cwd()
    given = [Path(name) for name in options.notebooks]
    root = project_folder(given, Path(options.output) if options.output is not None else None, here)
    if not given and options.output is None:
        root = existing_project(here, "pull --output")
    if not options.dry_run:
        finish_killed(root)
    state, layout = read_state(root), read_configuration(root).layout
    names = [inside(path, root, here) for path in given] or sorted(state.notebooks)
    pulled = [pull(root, name, state, layout) for name in names]
    findings = [finding for each in pulled for finding in each.findings]
    taken = [each for each in pulled if each.taken]
    diff = "".join(diff_text(cell_changes(each), console.out_paint) for each in taken).removesuffix("\n")
    if diff and not console.json:
        console.out(diff)
    console.findings(findings)
    is_wanted = bool(taken) and not options.dry_run
    written = is_wanted and (options.yes or _agreed(taken, console))
    if written:
        for each in taken:
            write(root, each, layout)
    if console.json:
        console.out(_document(pulled, findings, diff, written))
    elif not console.quiet:
        console.out(_said(taken, written))
    return 1 if is_wanted and not written else 0


def _agreed(taken: Sequence[Pulled], console: Console) -> bool:
    return not console.json and console.confirmed(f"change {', '.join(each.notebook for each in taken)}?")


def write(root: Path, pulled: Pulled, layout: str) -> None:
    """Write a notebook and what its conversion makes, all or none."""
    from nb2stage.diagnostics import Nb2stageError
    from nb2stage.files.writer import Change, apply_changes, plan_changes, read_state
    from nb2stage.project.pulling import conversion_of

    state = read_state(root)
    conversion = conversion_of(root, pulled.notebook, pulled.after, state, layout)
    changes, findings = plan_changes(root, conversion.files, conversion.removed, state)
    if stopped := [finding for finding in findings if finding.forbids_writing]:
        raise Nb2stageError(*stopped)
    apply_changes(root, [Change(pulled.notebook, "update", pulled.before, pulled.after), *changes])


def _document(pulled: Sequence[Pulled], findings: Sequence[Diagnostic], diff: str, written: bool) -> str:
    import json

    from nb2stage.console.report import finding_data

    data = {
        "version": 1,
        "ok": True,
        "written": written,
        "notebooks": [{"path": each.notebook, "edits": len(each.taken)} for each in pulled],
        "diff": diff,
        "diagnostics": [finding_data(finding) for finding in findings],
    }
    return json.dumps(data, indent=2, ensure_ascii=False)


def _said(taken: Sequence[Pulled], written: bool) -> str:
    if not taken:
        return "nothing to do: there is no hand edit that has its place in a cell"
    count = sum(len(each.taken) for each in taken)
    edits = f"{count} {'edit' if count == 1 else 'edits'}"
    names = ", ".join(each.notebook for each in taken)
    if not written:
        return f"nothing was written: {edits} for {names}; `nb2stage pull --yes` writes without asking"
    return f"{edits} pulled into {names}: reload it in Jupyter before you go on"
