"""argv -> options -> the spine -> text and exit code.  The only module that prints, reads the environment or exits."""

from __future__ import annotations

import argparse
import atexit
import gc
import importlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from nb2stage import __version__
from nb2stage.diagnostics import RULES, Diagnostic, Nb2stageError, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import TextIO

    from nb2stage.console.report import Result
    from nb2stage.conversion import Conversion
    from nb2stage.files.writer import Change, State
    from nb2stage.planning.pipeline import GeneratedFile
    from nb2stage.project.configuration import Configuration

# The heavy modules are imported where they are used: `nb2stage --help` and a typing error cost nothing.

FINE: Final = 0
FOUND: Final = 1
USAGE: Final = 2
BUG: Final = 3
INTERRUPTED: Final = 130

# Commands with modules of their own: each adds its options, and names the function that runs it.
# In the order of `nb2stage --help`, between `convert` and `rules`; each module has `register`, and only that of the
# command at hand is loaded.
COMMANDS: Final = ("verify", "status", "pull", "check", "run", "graph", "overview", "where", "init", "ci", "eject")

_DESCRIPTION: Final = """\
Turn a notebook with tagged cells into a DVC pipeline: one plain Python script for each stage, dvc.yaml, params.yaml.
The pipeline gives the same results as the notebook, or the notebook is refused and nothing is written.
"""

_EPILOG: Final = """\
tags:
  Tag the cells of a stage (JupyterLab: Property Inspector > Cell Tags), or write the tag as the first line of a cell:

      #| stage: train
      model = LogisticRegression(C=C).fit(X_train, y_train)

  import clean preprocess features split train evaluate report    the cell belongs to that stage
  stage:NAME             the same, with a name of your own
  parameters             numbers and texts that go to params.yaml: `C = 0.1`
  setup                  settings, repeated in each stage that needs them
  metrics                beside a stage tag: the numbers that the cell assigns go to metrics.json
  plots                  the same for tables and lists, which go to plots/ for `dvc plots`
  explore, hpo, skip     stays in the notebook, as does a cell without a tag
                         (imports and functions of such cells are used all the same)

  More first lines: `#| deps: data/a.csv` and `#| outs: b.csv` declare files that nb2stage cannot see by itself;
  `#| x: epoch`, `#| y: loss` and `#| template: scatter` say how DVC draws a table of a cell tagged `plots`.

exit codes:
  0 fine    1 something is to be mended, nothing was written (or --check found changes)
  2 wrong usage    3 a bug in nb2stage    130 interrupted

next:
  dvc repro              run what has changed
  dvc metrics show       see the metrics
  nb2stage where training/train.py:31    the cell that a line of a traceback came from
  nb2stage convert ...   again after each edit of the notebook; `dvc repro` then re-runs only what the edit touches
"""


# -- options ---------------------------------------------------------------------------------------------------------


def build_parser(wanted: str = "") -> argparse.ArgumentParser:
    """The command line; where the `wanted` command is known, of the others none."""
    known = wanted in (*COMMANDS, "convert", "rules")
    parser = argparse.ArgumentParser(
        prog="nb2stage", description=_DESCRIPTION, epilog=_EPILOG, formatter_class=_help_formatter, allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"nb2stage {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", prog="nb2stage")
    _add_convert(
        commands.add_parser(
            "convert",
            help="make or update the pipeline of a notebook; runs none of its code",
            description=_DESCRIPTION,
            epilog=_EPILOG,
            formatter_class=_help_formatter,
            allow_abbrev=False,
        )
    )
    for name in COMMANDS:
        if not known or name == wanted:
            importlib.import_module(f"nb2stage.commands.{name}").register(commands, _help_formatter)
    rules = commands.add_parser(
        "rules",
        formatter_class=_help_formatter,
        help="what the codes of the messages stand for: `nb2stage rules NB201`",
    )
    rules.add_argument("codes", nargs="*", metavar="CODE", help="all rules when there is none")
    rules.add_argument("--markdown", action="store_true", help="print the page that documents all rules")
    return parser


def _help_formatter(prog: str) -> argparse.HelpFormatter:
    # A width of its own: asking the terminal loads a module, for each option anew.
    return argparse.RawDescriptionHelpFormatter(prog, width=110, max_help_position=28)


def _add_convert(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    layouts = "scripts in data_processing/, training/ and report/ (guideline, the default), or all in src/ (flat)"
    add("notebooks", nargs="*", metavar="NOTEBOOK", help="when there is none, those of the project")
    add(
        "--output",
        metavar="DIR",
        help="the project folder, in which the pipeline runs (default: the current folder "
        "where it is a project or holds the notebook, else the notebook's own folder)",
    )
    add("--layout", choices=("guideline", "flat"), help=layouts)
    add("--init", action="store_true", help="run `git init` and `dvc init` where they are missing")
    add("--force", action="store_true", help="overwrite scripts that were edited by hand, files and stages of others")
    preview = parser.add_argument_group("look first")
    preview.add_argument("--dry-run", action="store_true", help="write nothing")
    preview.add_argument("--diff", action="store_true", help="write nothing and print the changes")
    preview.add_argument("--check", action="store_true", help="write nothing; exit code 1 when something would change")
    output = parser.add_argument_group("output")
    output.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    output.add_argument("-q", "--quiet", action="store_true", help="print errors only")
    output.add_argument("-v", "--verbose", action="store_true", help="list unchanged files and unused parameters too")
    output.add_argument("--color", choices=("auto", "always", "never"), default="auto", help="default: auto")
    output.add_argument("--debug", action="store_true", help="print the traceback of a bug")


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The options; a message and exit code 2 when they cannot be understood."""
    parser = build_parser(argv[0] if argv else "")
    if argv and argv[0].endswith(".ipynb"):
        parser.error(f"the command is missing: nb2stage convert {' '.join(argv)}")
    options = parser.parse_args(argv)
    if options.command == "convert" and options.quiet and options.verbose:
        parser.error("-q and -v exclude each other")
    return options


# -- streams ---------------------------------------------------------------------------------------------------------


class Console:
    """Where text goes.  A closed pipe or a character that the terminal cannot show stops nothing."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.json: bool = getattr(options, "json", False)
        self.quiet: bool = getattr(options, "quiet", False)
        self.color: str = getattr(options, "color", "auto")
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")

    def paint(self, text: str, style: str, stream: TextIO | None) -> str:
        """The text in colour where it may be."""
        from nb2stage.texts.wording import painted

        return painted(text, style) if self._is_coloured(stream) else text

    def _is_coloured(self, stream: TextIO | None) -> bool:
        if self.color != "auto":
            return self.color == "always"
        return (
            stream is not None
            and stream.isatty()
            and not os.environ.get("NO_COLOR")
            and os.environ.get("TERM") != "dumb"
        )

    def out(self, text: str) -> None:
        """Print a result."""
        _print(text, sys.stdout)

    def err(self, text: str) -> None:
        """Print a message."""
        _print(text, sys.stderr)

    def findings(self, findings: Iterable[Diagnostic]) -> None:
        """Print findings: errors always, the rest unless `-q`; none with `--json`, which has them in its document."""
        from nb2stage.console.report import diagnostic_text

        for finding in () if self.json else findings:
            if finding.severity is Severity.ERROR or not self.quiet:
                self.err(diagnostic_text(finding, lambda text, style: self.paint(text, style, sys.stderr)))

    def confirmed(self, question: str) -> bool:
        """Whether a person at the terminal says yes; no where there is none."""
        if sys.stdin is None or not sys.stdin.isatty():
            return False
        self.err(f"{question} [y/N] ")
        return sys.stdin.readline().strip().lower() in ("y", "yes")

    def out_paint(self, text: str, style: str) -> str:
        """Colour for standard output."""
        return self.paint(text, style, sys.stdout)

    def width(self) -> int:
        """How wide a table may be."""
        try:
            return max(60, os.get_terminal_size(sys.stdout.fileno()).columns)
        except (OSError, ValueError, AttributeError):
            return 100


def _print(text: str, stream: TextIO | None) -> None:
    if stream is None:
        return
    try:
        print(text, file=stream, flush=True)
    except BrokenPipeError:
        # The reader has gone, as `head` does.  What is written from here on goes nowhere.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


# -- main ------------------------------------------------------------------------------------------------------------


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
        console = Console(options)
        return run_command(options, console)
    except SystemExit as stop:  # argparse has printed what is wrong, or the help
        return stop.code if isinstance(stop.code, int) else USAGE
    except Nb2stageError as error:
        console.findings(error.diagnostics)
        if console.json:
            import json

            from nb2stage.console.report import finding_data

            found = [finding_data(finding) for finding in error.diagnostics]
            console.out(json.dumps({"version": 1, "ok": False, "diagnostics": found}, indent=2, ensure_ascii=False))
        return FOUND
    except KeyboardInterrupt:
        _print("nb2stage: interrupted, nothing is half-written", sys.stderr)
        return INTERRUPTED
    except OSError as error:
        if debug:
            raise
        _print(f"nb2stage: {error}", sys.stderr)
        return FOUND
    except Exception as error:
        if debug:
            _print_traceback()
        _print(
            f"nb2stage: a bug in nb2stage: {type(error).__name__}: {error}\n"
            f"  hint: run the command again with --debug and report what it prints, with the notebook if you can",
            sys.stderr,
        )
        return BUG


def _print_traceback() -> None:
    import traceback

    _print(traceback.format_exc(), sys.stderr)


def run_command(options: argparse.Namespace, console: Console) -> int:
    """Run the command that was asked for; the exit code."""
    if options.command == "convert":
        return run_convert(options, console)
    if options.command == "rules":
        return show_rules(options, console)
    code: int = options.run(options, console)
    return code


def show_rules(options: argparse.Namespace, console: Console) -> int:
    """Print what the codes stand for: all in a line each, some with the reason and the remedy."""
    from nb2stage.rules import page, text

    codes: Sequence[str] = options.codes
    if options.markdown:
        console.out(page().removesuffix("\n"))
        return FINE
    wanted = [code.upper() for code in codes] or sorted(RULES)
    for code in wanted:
        if code not in RULES:
            console.err(f"nb2stage: there is no rule `{code}`; `nb2stage rules` lists all")
            return USAGE
    console.out("\n".join(text(code) if codes else f"{code}  {RULES[code]}" for code in wanted))
    return FINE


# -- convert ---------------------------------------------------------------------------------------------------------


def run_convert(options: argparse.Namespace, console: Console) -> int:
    """`nb2stage convert`."""
    return started(options, console).report()


def started(options: argparse.Namespace, console: Console) -> Run:
    """A run of `nb2stage convert`, of which nothing has been printed."""
    run = Run(options, console)
    try:
        run.go()
    except Nb2stageError as error:
        run.diagnostics += error.diagnostics
        if not error.diagnostics:
            raise
    return run


def converted(options: argparse.Namespace, console: Console) -> Run:
    """What `nb2stage convert` would do, for commands that ask: nothing is written or printed.

    Without a notebook those of the configuration, or all that were converted before.
    """
    from nb2stage.files.writer import read_state
    from nb2stage.project.configuration import project_folder, read_configuration
    from nb2stage.project.notebooks import existing_project, notebooks_of

    given, here = [Path(name) for name in options.notebooks], Path.cwd()
    root = project_folder(given, Path(options.output) if options.output is not None else None, here)
    if not given and options.output is None:
        root = existing_project(here, options.command)
    known = [] if given else notebooks_of(root, read_configuration(root), read_state(root))
    names = options.notebooks or [os.path.relpath(root / name) for name in known]
    if not names:
        _stop_usage("no notebook has been converted here", options.command)
    arguments = ["convert", "--dry-run", "--output", str(root), "--", *names]
    return started(build_parser().parse_args(arguments), console)


class Run:
    """One run of `nb2stage convert`: all notebooks into one project, together or not at all."""

    def __init__(self, options: argparse.Namespace, console: Console) -> None:
        self.options, self.console = options, console
        self.here = Path.cwd()
        self.root = self.here
        self.conversions: list[tuple[str, Conversion]] = []
        self.changes: list[Change] = []
        self.diagnostics: list[Diagnostic] = []
        self.missing: list[str] = []
        self.before: State | None = None
        self.written = False

    @property
    def failed(self) -> bool:
        """Whether something is to be mended."""
        return any(finding.severity is Severity.ERROR for finding in self.diagnostics)

    @property
    def refused(self) -> bool:
        """Whether a finding forbids writing."""
        return any(finding.forbids_writing for finding in self.diagnostics)

    @property
    def is_preview(self) -> bool:
        """Whether nothing is to be written."""
        return bool(self.options.dry_run or self.options.diff or self.options.check)

    def go(self) -> None:
        """Convert, compare with the disk, write."""
        from nb2stage.files.repository import initialise, missing_commands
        from nb2stage.files.writer import apply_changes, finish_killed, plan_changes, read_state

        notebooks, settings = self.find()
        if not self.is_preview:
            finish_killed(self.root)
        state = self.before = self.without_gone(read_state(self.root), notebooks, settings)
        files, removed = self.convert(notebooks, settings, state)
        if self.refused:
            return
        self.changes, findings = plan_changes(self.root, files, removed, state, self.options.force)
        self.diagnostics += findings
        self.missing = missing_commands(self.root)
        if self.refused or self.is_preview:
            return
        if self.options.init:
            initialise(self.root, self.missing)
            self.missing = []
        self.diagnostics += only_comments(self.root, self.changes)
        apply_changes(self.root, self.changes)
        self.written = True

    def find(self) -> tuple[list[Path], Configuration]:
        """The notebooks, the project folder and its settings."""
        from nb2stage.project.configuration import project_folder, read_configuration

        given = [Path(name) for name in self.options.notebooks]
        output = Path(self.options.output) if self.options.output is not None else None
        self.root = project_folder(given, output, self.here)
        settings = read_configuration(self.root)
        if given:
            return given, settings
        from nb2stage.files.writer import read_state
        from nb2stage.project.notebooks import found_notebooks, notebooks_of

        known = notebooks_of(self.root, settings, read_state(self.root))
        if not known:
            found = found_notebooks(self.root, settings)
            message = (
                f"no cell of {', '.join(found[:5])} has the tag of a stage" if found else "there is no notebook here"
            )
            _stop_usage(f"{message}; `nb2stage convert --help` lists the tags" if found else message)
        return [self.root / name for name in known], settings

    def without_gone(self, state: State, notebooks: Sequence[Path], settings: Configuration) -> State:
        """The state in which a renamed notebook goes on where it stopped under its old name."""
        gone = [name for name in state.notebooks if not (self.root / name).exists()]
        if not gone:
            return state
        from nb2stage.project.configuration import inside

        new = [inside(path, self.root, self.here) for path in notebooks]
        new = [path for path in dict.fromkeys(new) if path not in state.notebooks]
        if len(gone) != 1 or len(new) != 1:
            return state
        message = f"{gone[0]} is gone: its stages, scripts and outs are taken over by {new[0]}"
        hint = "write its new name where the settings list the notebooks" if gone[0] in settings.notebooks else ""
        self.diagnostics.append(Diagnostic("NB617", message, hint, Severity.NOTE, new[0]))
        return state.renamed(gone[0], new[0])

    def convert(
        self, notebooks: Sequence[Path], settings: Configuration, state: State
    ) -> tuple[list[GeneratedFile], list[str]]:
        """Convert one notebook after the other; each sees the files and the state that those before it have made."""
        from nb2stage.conversion import Project
        from nb2stage.project.configuration import inside, read_notebook_bytes
        from nb2stage.spine import convert

        files: dict[str, GeneratedFile] = {}
        removed: list[str] = []
        layout = self.options.layout or settings.layout
        for notebook in notebooks:
            try:
                path = inside(notebook, self.root, self.here)
                if any(path == done for done, _ in self.conversions):
                    continue
                data = read_notebook_bytes(notebook)
                made = {name: file.text for name, file in files.items()}
                conversion = convert(data, path, Project(self.root, state, layout, self.options.force, made))
            except Nb2stageError as error:
                self.diagnostics += error.diagnostics
                continue
            self.conversions.append((path, conversion))
            found = conversion.diagnostics + taken_scripts(path, conversion, state)
            self.diagnostics += sorted(found, key=Diagnostic.sort_key)
            if not conversion.failed:
                state = conversion.state
                files.update({file.path: file for file in conversion.files})
                removed += conversion.removed
        return list(files.values()), [path for path in dict.fromkeys(removed) if path not in files]

    def report(self) -> int:
        """Print what came out; the exit code."""
        from nb2stage.console import report

        result = self.result()
        console = self.console
        shown = self.shown()
        console.findings(shown)
        if not console.json and (count := report.count_text(self.diagnostics, len(shown), refused=self.refused)):
            console.err(count)
        if console.json:
            import json

            console.out(json.dumps(report.document(result), indent=2, ensure_ascii=False))
        elif not self.refused:
            self.print_result(result)
        has_changes = any(change.kind != "unchanged" for change in self.changes)
        return FOUND if self.failed or (self.options.check and has_changes) else FINE

    def shown(self) -> list[Diagnostic]:
        """The findings to tell: of a refusal the errors, of a conversion what the one before has not told."""
        if self.refused and not self.options.verbose:
            # A state file that cannot be read is why nobody knows the scripts, which is the error then.
            return [found for found in self.diagnostics if found.severity is Severity.ERROR or found.code == "NB616"]
        if self.written:
            from nb2stage.project.told import new_findings

            new = new_findings(self.root, self.diagnostics, [path for path, _ in self.conversions])
            return self.diagnostics if self.options.verbose else new
        return self.diagnostics

    def print_result(self, result: Result) -> None:
        """The diff, or the table with the files and the next commands."""
        from nb2stage.console import report

        console, verbose = self.console, self.options.verbose
        if self.options.diff:
            text = report.diff_text(self.changes, console.out_paint)
            if text:
                console.out(text.removesuffix("\n"))
        if console.quiet:
            return
        if self.options.diff or self.options.check:
            files = report.files_text(result, verbose=verbose, width=console.width())
            (console.err if self.options.diff else console.out)(files)
        else:
            console.out(report.summary(result, console.out_paint, verbose=verbose, width=console.width()))

    def result(self) -> Result:
        """All that there is to report."""
        from nb2stage.console.report import Result, next_commands

        folder = os.path.relpath(self.root, self.here)
        plans = [plan for _, conversion in self.conversions for plan in conversion.stages]
        commands = next_commands(self.missing, folder, plans) if self.written and not self.failed else []
        known = self.before.notebooks if self.before is not None else {}
        before = {path: made.stages for path, made in known.items()}
        return Result(folder, self.conversions, self.changes, self.diagnostics, self.written, commands, before)


def only_comments(root: Path, changes: Sequence[Change]) -> list[Diagnostic]:
    """Stages that `dvc repro` will run for a comment alone, and how to spare them that."""
    if not any(change.kind in ("update", "merge") and change.path.endswith(".py") for change in changes):
        return []
    from nb2stage.files.dvclock import only_comments_changed

    hint = "`dvc commit -f {}` records the new script without running it"
    return [
        Diagnostic("NB626", "only comments or layout have changed", hint.format(name), Severity.NOTE, stage=name)
        for name in only_comments_changed(root, changes)
    ]


def taken_scripts(path: str, conversion: Conversion, state: State) -> list[Diagnostic]:
    """Scripts that another notebook of the project has: two stage names can ask for one file."""
    hint = "give the stage of one of the two notebooks another name"
    return [
        Diagnostic("NB604", f"the script `{file.path}` belongs to {other} already", hint, path=path)
        for other, made in state.notebooks.items()
        for file in conversion.files
        if other != path and file.protected and not file.shared and file.path in made.files
    ]


def _stop_usage(message: str, command: str = "convert") -> NoReturn:
    _print(f"usage: nb2stage {command} [options] NOTEBOOK...\nnb2stage: error: {message}", sys.stderr)
    raise SystemExit(USAGE)
