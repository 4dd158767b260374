"""`nb2stage run`: options -> values of the parameters -> an executed notebook, and an exit code."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nb2stage.commands import add_command, add_common
from nb2stage.commands.verify import ended_by_signals
from nb2stage.diagnostics import Diagnostic, Nb2stageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nb2stage.console.streams import Console
    from nb2stage.reading.tags import CellRole
    from nb2stage.runs.tuning import Override, Parameter

_DESCRIPTION: Final = """\
Run a notebook with papermill, with the values of params.yaml.  THIS RUNS YOUR CODE, all cells from top to bottom.

Each name of a cell tagged `parameters` gets the value that params.yaml has for it, in whatever group it stands there.
The executed notebook is written to data_exploration/, or to hpo/ where a cell of the notebook has the tag `hpo`, with a
number of its own; the notebook itself stays as it is.  The code runs in the notebook's own folder.
"""

_EPILOG: Final = """\
examples:
  nb2stage run explore.ipynb                      data_exploration/explore_1.ipynb
  nb2stage run explore.ipynb -S train.lr=0.1      another value for this run; params.yaml stays as it is
  nb2stage run explore.ipynb -p lr 1e-3           the same by the name in the notebook
  nb2stage run explore.ipynb --until features     only up to the last cell of that stage

exit codes:
  0 fine    1 a cell fails, or something is to be mended    2 wrong usage    130 interrupted
"""


def register(commands: Any, formatter: Any) -> None:
    """Add the command to the command line."""
    parser = add_command(
        commands,
        formatter,
        "run",
        run,
        help="run a notebook with papermill and the values of params.yaml",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    add = parser.add_argument
    add("notebook", metavar="NOTEBOOK")
    add(
        "-S",
        "--set-param",
        dest="settings",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a value for a key of params.yaml, or for a name; also inside a mapping: `model.depth=3`",
    )
    add(
        "-p",
        "--parameter",
        dest="named",
        action="append",
        default=[],
        nargs=2,
        metavar=("NAME", "VALUE"),
        help="the same, as papermill writes it",
    )
    add("--until", metavar="STAGE", help="stop after the last cell of this stage")
    add("--name", metavar="NAME", help="the name of the executed notebook, instead of a number")
    add("--overwrite", action="store_true", help="with --name: replace the notebook of an earlier run")
    add("--output", metavar="DIR", help="the project folder, as for `convert`")
    add("--kernel", metavar="NAME", help="the Jupyter kernel (default: the notebook's own)")
    add("--json", action="store_true", help="print one JSON document and nothing else")
    add("-q", "--quiet", action="store_true", help="print errors only")
    add_common(parser)


def run(options: argparse.Namespace, console: Console) -> int:
    """Run one notebook; the exit code."""
    try:
        return _run(options, console)
    except Nb2stageError as error:
        console.findings(error.diagnostics)
        if console.json:
            console.out(_document(None, {}, error.diagnostics))
        return 1


def _run(options: argparse.Namespace, console: Console) -> int:
    from nb2stage.console.progress import Progress, bar
    from nb2stage.project.configuration import inside, project_folder, read_notebook_bytes
    from nb2stage.reading.notebook import read_notebook
    from nb2stage.reading.tags import parse_tags
    from nb2stage.runs.kernels import kernel_name, needed
    from nb2stage.runs.running import execute, with_values
    from nb2stage.runs.tuning import parameters_of, tuned

    for module in ("papermill", "ipykernel", "jupyter_client"):
        needed(module, "run", "pip install papermill ipykernel")
    nbformat = needed("nbformat", "run", "pip install papermill ipykernel")
    here, given = Path.cwd(), Path(options.notebook)
    data = read_notebook_bytes(given)
    root = project_folder([given], Path(options.output) if options.output is not None else None, here)
    path = inside(given, root, here)
    roles, _, _ = parse_tags(read_notebook(data, path))
    parameters = parameters_of(roles)
    values = params_of(root)
    keys = places(root, path, data, parameters, values)
    given_values, findings = tuned(parameters, values, keys, overrides(options))
    console.findings(findings)
    document = nbformat.reads(data.decode("utf-8-sig"), as_version=4)
    plan = with_values(document, roles, parameters, given_values, options.until)
    output = output_path(root, given.stem, roles, options)
    kernel = kernel_name(document.metadata, path, options.kernel)
    progress = Progress(sys.stderr, wanted=not (options.quiet or options.json))
    try:
        with ended_by_signals():
            outcome = execute(
                plan,
                path,
                kernel,
                given.resolve().parent,
                output,
                lambda what, done: progress.show(f"{bar(done)}  {what}"),
            )
    finally:
        progress.clear()
    failures = [outcome.failure] if outcome.failure is not None else []
    console.findings(failures)
    shown = _relative(outcome.output, here)
    if console.json:
        console.out(_document(shown if outcome.output.exists() else None, given_values, [*findings, *failures]))
    elif not options.quiet:
        if given_values:
            console.out("\n".join(f"{name} = {value!r}" for name, value in given_values.items()))
        if outcome.output.exists():
            console.out(f"executed notebook: {shown}")
    return 1 if failures else 0


def params_of(root: Path) -> Mapping[Any, Any]:
    """The content of params.yaml; nothing where there is no such file."""
    from nb2stage.files.paramsyaml import read_params
    from nb2stage.files.writer import read_text

    text = read_text(root, "params.yaml")
    return read_params(text) if text is not None else {}


def places(
    root: Path, path: str, data: bytes, parameters: Mapping[str, Parameter], values: Mapping[Any, Any]
) -> dict[str, str]:
    """Where params.yaml has the parameters; `convert` is asked only where a name stands there more than once."""
    from nb2stage.runs.tuning import keys_of

    try:
        return keys_of(list(parameters), values, {})
    except Nb2stageError:
        from nb2stage.conversion import Project
        from nb2stage.files.writer import read_state
        from nb2stage.spine import convert

        conversion = convert(data, path, Project(root, read_state(root)))
        planned = {param.name: param.key for plan in conversion.stages for param in plan.params}
        return keys_of(list(parameters), values, planned)


def overrides(options: argparse.Namespace) -> list[Override]:
    """What the options give: `-S` first, then `-p`."""
    from nb2stage.runs.tuning import Override

    found: list[Override] = []
    for text in options.settings:
        key, sign, value = text.partition("=")
        if not sign or not key.strip():
            hint = "write `-S train.lr=0.1`, or `-p lr 0.1`"
            raise Nb2stageError(Diagnostic("NB808", f"`-S {text}` has no `KEY=VALUE`", hint))
        found.append(Override(key.strip(), value.strip()))
    return [*found, *(Override(name, value) for name, value in options.named)]


def output_path(root: Path, stem: str, roles: Sequence[CellRole], options: argparse.Namespace) -> Path:
    """Where the executed notebook goes; an existing one is replaced only with `--overwrite`."""
    from nb2stage.runs.running import EXPLORATION, SEARCH, free_path

    folder = root / (SEARCH if any("hpo" in role.cell.tags for role in roles) else EXPLORATION)
    if options.name is None:
        return free_path(folder, stem)
    name = options.name.removesuffix(".ipynb")
    if not name or "/" in name or "\\" in name or name.startswith("."):
        raise Nb2stageError(
            Diagnostic("NB810", f"{options.name!r} is no name for a notebook", "use letters and digits")
        )
    found = folder / f"{name}.ipynb"
    if found.exists() and not options.overwrite:
        message = f"{_relative(found, Path.cwd())} is there already"
        raise Nb2stageError(Diagnostic("NB810", message, "give another --name, or --overwrite"))
    if found.exists() and Path(options.notebook).resolve() == found.resolve():
        raise Nb2stageError(Diagnostic("NB810", "the notebook would replace itself", "give another --name"))
    return found


def _relative(path: Path, here: Path) -> str:
    return path.relative_to(here).as_posix() if path.is_relative_to(here) else str(path)


def _document(output: str | None, values: Mapping[str, Any], findings: Sequence[Diagnostic]) -> str:
    import json

    from nb2stage.runs.verifyreport import finding_document

    failed = any(finding.severity.value == "error" for finding in findings)
    data = {
        "version": 1,
        "ok": not failed,
        "output": output,
        "parameters": dict(values),
        "diagnostics": [finding_document(finding) for finding in findings],
    }
    return json.dumps(data, indent=2, ensure_ascii=False, default=str)
