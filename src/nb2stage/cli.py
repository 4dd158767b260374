"""argv -> options -> the spine -> text and exit code.  The only module that prints, reads the environment or exits."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from nb2stage.diagnostics import Nb2stageError, Severity


def main(argv: list[str] | None = None) -> int:
    """Run the command line; the exit code."""
    from nb2stage.convert import Project, convert
    from nb2stage.writer import apply_changes, plan_changes, read_state
    parser = argparse.ArgumentParser(prog="nb2stage")
    sub = parser.add_subparsers(dest="command", required=True)
    p = sub.add_parser("convert")
    p.add_argument("notebook")
    p.add_argument("--force", action="store_true")
    options = parser.parse_args(argv)
    root = Path.cwd()
    try:
        project = Project(root, read_state(root))
        conversion = convert(Path(options.notebook).read_bytes(), options.notebook, project)
        for d in conversion.diagnostics:
            print(d.render(), file=sys.stderr)
        if conversion.failed:
            return 1
        changes, findings = plan_changes(root, conversion.files, conversion.removed, project.state, options.force)
        for d in findings:
            print(d.render(), file=sys.stderr)
        if any(d.severity is Severity.ERROR for d in findings):
            return 1
        apply_changes(root, changes)
    except Nb2stageError as e:
        print(e, file=sys.stderr)
        return 1
    return 0
