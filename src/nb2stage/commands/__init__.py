"""The commands of nb2stage, a module each: its options, `register`ed, and what it does with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from nb2stage.console.streams import Console


def add_command(
    commands: Any,
    formatter: Any,
    name: str,
    run: Callable[[argparse.Namespace, Console], int],
    *,
    help: str,  # noqa: A002
    description: str,
    epilog: str,
) -> argparse.ArgumentParser:
    """A command for the command line, without options yet; `run` is what it calls, and gives the exit code."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=help, description=description, epilog=epilog, formatter_class=formatter, allow_abbrev=False
    )
    parser.set_defaults(run=run)
    return parser


def add_common(parser: argparse._ActionsContainer) -> None:
    """The last options of every command."""
    parser.add_argument("--color", choices=("auto", "always", "never"), default="auto", help="default: auto")
    parser.add_argument("--debug", action="store_true", help="print the traceback of a bug")
