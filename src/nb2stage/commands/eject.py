"""`nb2stage eject`: the tie between notebooks and scripts ends; the scripts are the only source from then on."""

from __future__ import annotations

import argparse
import posixpath
from typing import TYPE_CHECKING, Any, Final

from nb2stage.commands import add_command, add_common
from nb2stage.patterns import Pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from nb2stage.console.streams import Console
    from nb2stage.files.writer import Change

_DESCRIPTION: Final = """\
End the tie between the notebooks and their pipeline: the scripts become the only source.
The line at the top of each script goes, and so does the folder .nb2stage.  Scripts, dvc.yaml, params.yaml and the
notebooks stay.  In nb2stage.toml the notebooks are no longer converted, and `nb2stage check` lets them lie where they are.
nb2stage does not touch these scripts again; `git` brings the tie back.
"""

_EPILOG: Final = """\
exit codes:
  0 fine    1 something is to be mended, nothing was written
"""

_STRAY: Final = "NB730"  # a notebook of which nothing says what it is there for
_VERBS: Final = {"create": "written", "update": "updated"}

# The line that `scripts` writes at the top of a script or module.
_HEADER: Final = Pattern(
    r'\A"""(?:Stage `[^`\n]+` of|Definitions of) [^\n]*Edit [^\n]* and run `nb2stage convert[^`\n]*`\."""\r?\n(?:\r?\n)*'
)


def register(commands: Any, formatter: Callable[[str], argparse.HelpFormatter]) -> None:
    """Add the command to the command line."""
    parser = add_command(
        commands,
        formatter,
        "eject",
        run,
        help="end the tie to the notebooks: scripts become the only source",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    parser.add_argument("--output", metavar="DIR", help="the project folder (default: the one around)")
    parser.add_argument("--dry-run", action="store_true", help="write nothing and print the changes")
    parser.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    parser.add_argument("-q", "--quiet", action="store_true", help="print errors only")
    add_common(parser)


def run(options: argparse.Namespace, console: Console) -> int:
    """`nb2stage eject`; the exit code."""
    from pathlib import Path

    from nb2stage.console.report import diff_text
    from nb2stage.files.dvclock import Pipeline
    from nb2stage.files.writer import apply_changes, finish_killed, read_text
    from nb2stage.project.configuration import absolute
    from nb2stage.project.notebooks import existing_project

    root = (
        absolute(Path(options.output), Path.cwd()) if options.output else existing_project(Path.cwd(), "eject --output")
    )
    if not options.dry_run:
        finish_killed(root)
    changes = planned(root)
    is_recorded = bool(changes) and read_text(root, "dvc.lock") is not None and not Pipeline(root).reasons()
    if not options.dry_run:
        apply_changes(root, changes)
        _remove_folder(root)
    scripts = [change.path for change in changes if change.kind == "update" and change.path.endswith(".py")]
    commands = ["dvc commit -f"] if is_recorded and scripts else []
    if console.json:
        import json

        data = {"version": 1, "ok": True, "written": not options.dry_run, "scripts": scripts, "next": commands}
        console.out(json.dumps(data, indent=2))
    elif options.dry_run and changes:
        console.out(diff_text(changes, console.out_paint).removesuffix("\n"))
    elif not console.quiet:
        console.out(_said(changes, scripts, commands, root))
    return 0


def _said(changes: list[Change], scripts: list[str], commands: list[str], root: Path) -> str:
    if not changes:
        return f"nothing to do: no notebook is tied to the project in {root}"
    text = f"ejected: {len(scripts)} {'script is' if len(scripts) == 1 else 'scripts are'} the only source now"
    settings = [change for change in changes if change.path.endswith(".toml")]
    text += "".join(f"\n{_VERBS[change.kind]}: {change.path}" for change in settings)
    return text + "".join(f"\nnext: {c}    # records the scripts as they are, without running them" for c in commands)


def planned(root: Path) -> list[Change]:
    """The scripts without their headers, the settings without the notebooks, and no state.

    Raises `Nb2stageError` where a script has an unresolved conflict or the state cannot be read.
    """
    from nb2stage.diagnostics import Diagnostic, Nb2stageError
    from nb2stage.files.merge import conflict_line
    from nb2stage.files.writer import STATE_PATH, Change, read_state, read_text

    state = read_state(root)
    if state.damaged:
        hint = "restore it from git, or remove the headers and the folder .nb2stage by hand"
        raise Nb2stageError(Diagnostic("NB616", state.damaged, hint, path=STATE_PATH))
    changes = []
    for path in sorted({path for made in state.notebooks.values() for path in made.files}):
        text = read_text(root, path)
        if text is None:
            continue
        if (line := conflict_line(text)) is not None:
            hint = "resolve it, and run the command again"
            message = "there is an unresolved merge conflict"
            raise Nb2stageError(Diagnostic("NB625", message, hint, path=f"{path}:{line}"))
        if (bare := _HEADER.sub("", text)) != text:
            changes.append(Change(path, "update", text, bare))
    changes += settings_without(root, state.notebooks)
    known = read_text(root, STATE_PATH)
    return changes + [Change(STATE_PATH, "delete", known, None)] * (known is not None)


def settings_without(root: Path, notebooks: Iterable[str]) -> list[Change]:
    """The settings in which these notebooks are not converted, and no rule asks what they are there for."""
    from nb2stage.files.writer import Change, read_text
    from nb2stage.project.configuration import CONFIGURATION_FILE, read_configuration

    settings = read_configuration(root)
    known = dict(settings.check.per_file_ignores)
    folders = settings.check.notebook_folders
    kept = [
        path for path in notebooks if (root / path).is_file() and not path.startswith(tuple(f"{f}/" for f in folders))
    ]
    stray = [path for path in kept if _STRAY not in known.get(path, ())]
    listed = [name for name in settings.notebooks if posixpath.normpath(name) in notebooks]
    if not stray and not listed:
        return []
    import tomlkit

    own = read_text(root, CONFIGURATION_FILE)
    project = read_text(root, "pyproject.toml") if own is None else None
    is_own = project is None or "nb2stage" not in tomlkit.parse(project).get("tool", {})
    path, text = (CONFIGURATION_FILE, own) if is_own else ("pyproject.toml", project)
    document = tomlkit.parse(text or "")
    table: Any = document if is_own else document["tool"]["nb2stage"]
    for name in listed:
        table["notebooks"].remove(name)
    if not table.get("notebooks", True):
        del table["notebooks"]
    for name in stray:
        check = table.setdefault("check", tomlkit.table(is_super_table=True))
        check.setdefault("per-file-ignores", tomlkit.table())[name] = [*known.get(name, ()), _STRAY]
    return [Change(path, "create" if text is None else "update", text, tomlkit.dumps(document))]


def _remove_folder(root: Path) -> None:
    """Remove .nb2stage where nothing else is in it."""
    import contextlib

    from nb2stage.files.writer import STATE_PATH

    with contextlib.suppress(OSError):
        (root / STATE_PATH).parent.rmdir()
