"""The command line of `nb2stage ci`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, Final

from nb2stage.commands import add_command, add_common

if TYPE_CHECKING:
    from nb2stage.console.streams import Console

DESCRIPTION: Final = """\
Write a CI workflow for the project.  For each pull request (merge request) and each push to the main branch it installs
the requirements, runs `nb2stage check` and `dvc repro`, compares metrics and parameters with the base branch, and puts
the result with the pipeline's report into one comment, which later pushes update.
"""

EPILOG: Final = """\
what is written:
  github    .github/workflows/pipeline.yml; of a project in a folder of the repository, pipeline-FOLDER.yml
  gitlab    .gitlab-ci.yml
A file that is there already is not overwritten; `--output -` prints the workflow, to be merged by hand.

what is to be set up by hand:
  a remote    where the data is kept there (`dvc remote add -d ...`), its credentials as secrets of the repository;
              without a remote all stages run each time, from the data in git
  gitlab      a project access token with the scope `api` as the masked variable REPORT_TOKEN: it writes the comment

The file is yours: edit it as you like.
"""


def register(commands: Any, formatter: Any) -> None:
    """Add the command to the command line."""
    parser = add_command(
        commands,
        formatter,
        "ci",
        _run,
        help="write a CI workflow that runs, checks and compares the pipeline: `nb2stage ci github`",
        description=DESCRIPTION,
        epilog=EPILOG,
    )
    add = parser.add_argument
    add("service", choices=("github", "gitlab"), help="whose CI it is")
    add("project", nargs="?", default=".", metavar="DIR", help="the project folder (default: the current folder)")
    add("--runner", metavar="LABELS", help="a machine of your own, by its labels: `--runner self-hosted,gpu`")
    add("--cml", action="store_true", help="write the comment with CML instead of the service's own interface")
    add("--branch", metavar="NAME", help="the main branch (default: what git says)")
    add("--python", metavar="VERSION", help="the version of Python (default: this one)")
    add("--nb2stage", metavar="REQUIREMENT", help="what pip installs for nb2stage (default: as it is installed here)")
    add("--output", metavar="FILE", help="write another file; `-` prints the workflow")
    add("-q", "--quiet", action="store_true", help="print errors only")
    add("--json", action="store_true", help="print one JSON document and nothing else")
    add_common(parser)


def _run(options: argparse.Namespace, console: Console) -> int:
    from nb2stage.ci.command import run

    return run(options, console)
