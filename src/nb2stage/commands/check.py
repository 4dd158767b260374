"""The command line of `nb2stage check`; the rules are loaded when it runs."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, Final

from nb2stage.commands import add_command, add_common

if TYPE_CHECKING:
    from nb2stage.console.streams import Console

DESCRIPTION: Final = """\
Check that the project still follows the rules: scripts, dvc.yaml and params.yaml in step with the notebooks, no stage
that runs a notebook, data and models not in git, metrics and parameters in git, no absolute paths, random numbers with
a seed, data with a version.  Runs none of the notebooks' code.
"""

EPILOG: Final = """\
examples:
  nb2stage check                 in a folder of the project, or above several projects
  nb2stage check --fix           mend what is safe to mend, and say what is left
  nb2stage rules NB710           what a rule is about, and how to mend what it finds

rules can be switched off in nb2stage.toml (or below [tool.nb2stage.check] in pyproject.toml):

  [check]
  ignore = ["NB731"]                        # everywhere
  notebook-folders = ["data_exploration", "hpo"]
  max-output-kb = 500

  [check.per-file-ignores]
  "hpo/*" = ["NB731"]                       # for some paths

as a pre-commit hook, in .pre-commit-config.yaml:

  - repo: https://...           # where nb2stage comes from
    rev: v0.1.0
    hooks:
    - id: nb2stage-check

exit codes:
  0 all rules hold    1 something was found    2 wrong usage    3 a bug in nb2stage    130 interrupted
"""


def register(commands: Any, formatter: Any) -> None:
    """Add the command to the command line."""
    parser = add_command(
        commands,
        formatter,
        "check",
        _run,
        help="check that the project still follows the rules, for CI and pre-commit",
        description=DESCRIPTION,
        epilog=EPILOG,
    )
    add = parser.add_argument
    add("projects", nargs="*", metavar="DIR", help="the project folders (default: the one around, else those below)")
    add("--fix", action="store_true", help="mend what is safe to mend: convert again, add deps and lines of .gitignore")
    add("--json", action="store_true", help="print one JSON document and nothing else")
    add(
        "--annotations",
        choices=("auto", "github", "gitlab", "none"),
        default="auto",
        help="mark the findings in the changed files: `github` prints workflow commands, `gitlab` writes "
        "gl-code-quality-report.json for `artifacts:reports:codequality` (default: auto, where CI runs it)",
    )
    add("-q", "--quiet", action="store_true", help="print findings only, no summary")
    add_common(parser)


def _run(options: argparse.Namespace, console: Console) -> int:
    from nb2stage.checks.command import run

    return run(options, console)
