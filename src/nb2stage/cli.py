"""argv -> options -> a command -> an exit code.  Nothing imports this module; commands print by the console they are given."""

from __future__ import annotations

import argparse
import atexit
import gc
import importlib
import sys
from typing import TYPE_CHECKING, Final

from nb2stage import __version__
from nb2stage.console.streams import BUG, FOUND, INTERRUPTED, USAGE, Console, write
from nb2stage.diagnostics import Nb2stageError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

# The commands, a module each, in the order of `nb2stage --help`: `register` adds its options and names the function that
# runs it.  Only the module of the command at hand is loaded, and it loads what is heavy when it runs.
COMMANDS: Final = (
    *("convert", "tag", "verify", "status", "pull", "check", "run", "graph", "overview", "where", "init", "ci"),
    *("eject", "rules"),
)


def build_parser(wanted: str = "") -> argparse.ArgumentParser:
    """The command line; where the `wanted` command is known, of the others none."""
    known = wanted in COMMANDS
    parser = argparse.ArgumentParser(prog="nb2stage", formatter_class=_help_formatter, allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"nb2stage {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", prog="nb2stage")
    modules = [importlib.import_module(f"nb2stage.commands.{n}") for n in COMMANDS if not known or n == wanted]
    for module in modules:
        module.register(commands, _help_formatter)
    if not known:
        parser.description, parser.epilog = modules[0].DESCRIPTION, modules[0].EPILOG
    return parser


def _help_formatter(prog: str) -> argparse.HelpFormatter:
    # A width of its own: asking the terminal loads a module, for each option anew.
    return argparse.RawDescriptionHelpFormatter(prog, width=110, max_help_position=28)


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The options; a message and exit code 2 when they cannot be understood."""
    parser = build_parser(argv[0] if argv else "")
    if argv and argv[0].endswith(".ipynb"):
        parser.error(f"the command is missing: nb2stage convert {' '.join(argv)}")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code."""
    if argv is None:
        # The process of a command is short: looking for cycles among its first 100,000 objects is time lost.
        gc.set_threshold(100_000, 50, 100)
        atexit.register(gc.freeze)  # nor among all of them when the process ends
    arguments = sys.argv[1:] if argv is None else list(argv)
    debug = "--debug" in arguments
    try:
        options = parse(arguments)
        console = Console(
            json=getattr(options, "json", False),
            quiet=getattr(options, "quiet", False),
            color=getattr(options, "color", "auto"),
        )
        code: int = options.run(options, console)
        return code
    except SystemExit as stop:  # argparse has printed what is wrong, or the help
        return stop.code if isinstance(stop.code, int) else USAGE
    except UsageError as error:
        write(f"usage: nb2stage {options.command} [options] NOTEBOOK...\nnb2stage: error: {error}", sys.stderr)
        return USAGE
    except Nb2stageError as error:
        console.findings(error.diagnostics)
        if console.json:
            import json

            from nb2stage.console.report import finding_data

            found = [finding_data(finding) for finding in error.diagnostics]
            console.out(json.dumps({"version": 1, "ok": False, "diagnostics": found}, indent=2, ensure_ascii=False))
        return FOUND
    except KeyboardInterrupt:
        write("nb2stage: interrupted, nothing is half-written", sys.stderr)
        return INTERRUPTED
    except OSError as error:
        if debug:
            raise
        write(f"nb2stage: {error}", sys.stderr)
        return FOUND
    except Exception as error:
        if debug:
            _print_traceback()
        write(
            f"nb2stage: a bug in nb2stage: {type(error).__name__}: {error}\n"
            f"  hint: run the command again with --debug and report what it prints, with the notebook if you can",
            sys.stderr,
        )
        return BUG


def _print_traceback() -> None:
    import traceback

    write(traceback.format_exc(), sys.stderr)
