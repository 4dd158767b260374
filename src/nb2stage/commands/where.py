"""`nb2stage where SCRIPT:LINE`: a line of a script -> the notebook's cell and line that it came from."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nb2stage.commands import add_command, add_common
from nb2stage.diagnostics import Diagnostic, Nb2stageError
from nb2stage.records import dataclass, replace
from nb2stage.texts.spelling import closest

if TYPE_CHECKING:
    from nb2stage.console.streams import Console
    from nb2stage.files.writer import State

_DESCRIPTION: Final = """\
Tell which cell and line of the notebook a line of a generated script came from.  Runs none of your code.

When a stage fails under `dvc repro`, the traceback names the script and the line.  Give them as they stand there.
"""

_EPILOG: Final = """\
example:
  $ nb2stage where training/train.py:31
  explore.ipynb:cell 5:2 [train]
      model.fit(X_train, y_train)

exit codes:
  0 fine    1 there is no such script or line    2 wrong usage
"""


def register(commands: Any, formatter: Any) -> None:
    """Add the command to the command line."""
    parser = add_command(
        commands,
        formatter,
        "where",
        run,
        help="the cell and line that a line of a script came from",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    add = parser.add_argument
    add("place", metavar="SCRIPT:LINE", help="also as Python writes it: 'File \"training/train.py\", line 31'")
    add("--json", action="store_true", help="print one JSON document and nothing else")
    add_common(parser)


@dataclass(frozen=True)
class Origin:
    """Where a line of a script came from; `cell` and `line` are None for a line of nb2stage's own."""

    script: str
    number: int
    text: str
    notebook: str
    cell: int | None = None
    line: int | None = None
    source: str = ""
    stage: str | None = None
    note: str = ""


def run(options: argparse.Namespace, console: Console) -> int:
    """Print where a line came from; the exit code."""
    import json

    try:
        origin = origin_of(options.place, Path.cwd())
    except Nb2stageError as error:
        console.findings(error.diagnostics)
        if console.json:
            console.out(json.dumps({"version": 1, "ok": False, "message": error.diagnostics[0].message}, indent=2))
        return 1
    if console.json:
        console.out(json.dumps({"version": 1, "ok": True, **vars(origin)}, indent=2, ensure_ascii=False))
        return 0
    stage = f" [{origin.stage}]" if origin.stage else ""
    if origin.cell is None:
        console.out(
            f"{origin.script}:{origin.number} is a line of nb2stage's own{stage}, from no cell of {origin.notebook}"
        )
        console.out(f"    {origin.text.strip()}")
    else:
        console.out(f"{origin.notebook}:cell {origin.cell}:{origin.line}{stage}\n    {origin.source.strip()}")
    if origin.note:
        console.out(f"note: {origin.note}")
    return 0


def origin_of(place: str, here: Path) -> Origin:
    """The origin of `SCRIPT:LINE`.  Raises `Nb2stageError` where there is no such script or line."""
    from nb2stage.files.writer import read_state, read_text

    name, number = parsed(place)
    root, path = script_of(name, here)
    state = read_state(root)
    notebook = next((n for n, made in state.notebooks.items() if path in made.files), None)
    if notebook is None:
        raise _unknown(path, state)
    text = read_text(root, path) or ""
    lines = text.splitlines()
    if not 1 <= number <= len(lines):
        raise Nb2stageError(
            Diagnostic("NB811", f"{path} has {len(lines)} lines", "look at the traceback again", path=path)
        )
    origin = Origin(path, number, lines[number - 1], notebook)
    generated = generated_line(state.base(path, text) or "", text, number)
    if generated is None:
        return replace(origin, note=f"this line was edited by hand since {path} was generated")
    return looked_up(root, state, notebook, origin, generated)


def generated_line(generated: str, text: str, number: int) -> int | None:
    """The line of the generated script that a line of the script as it is now was; None for one edited by hand."""
    from difflib import SequenceMatcher

    one, two = text.splitlines(), generated.splitlines()
    if one == two:
        return number
    for block in SequenceMatcher(None, one, two, autojunk=False).get_matching_blocks():
        if block.a < number <= block.a + block.size:
            return block.b + number - block.a
    return None


def parsed(place: str) -> tuple[str, int]:
    """`SCRIPT:LINE`, or a line of a traceback, as its two parts."""
    found = re.fullmatch(r'\s*File "(.+?)", line (\d+).*', place) or re.fullmatch(r"(.+?):(\d+):?.*", place)
    if found is None:
        hint = "write it as `training/train.py:31`"
        raise Nb2stageError(Diagnostic("NB811", f"`{place}` names no script and line", hint))
    return found[1], int(found[2])


def script_of(name: str, here: Path) -> tuple[Path, str]:
    """The project folder and the script's path in it: the nearest folder above with a state file."""
    from nb2stage.files.writer import STATE_PATH

    given = here / name
    for folder in [*given.parents, here, *here.parents]:
        if (folder / STATE_PATH).is_file():
            path = given if given.is_relative_to(folder) else folder / name
            return folder, path.relative_to(folder).as_posix()
    message = f"no folder above {name} is a project of nb2stage"
    raise Nb2stageError(Diagnostic("NB811", message, "run `nb2stage convert` first, or change to the project folder"))


def looked_up(root: Path, state: State, notebook: str, origin: Origin, number: int) -> Origin:
    """The origin with cell and line, from the state's line map and the notebook as it is now."""
    from nb2stage.project.configuration import read_notebook_bytes
    from nb2stage.reading.notebook import read_notebook
    from nb2stage.reading.tags import parse_tags
    from nb2stage.scripts.linemap import Run, cell_of, find, key_of

    lines = state.of(notebook).lines
    if origin.script not in lines:
        hint = f"run `nb2stage convert {notebook}` again"
        raise Nb2stageError(
            Diagnostic("NB811", "an older nb2stage wrote this script, without a map of its lines", hint)
        )
    found = find([Run.from_text(text) for text in lines[origin.script]], number)
    if found is None:
        return origin
    roles, _, _ = parse_tags(read_notebook(read_notebook_bytes(root / notebook), notebook))
    key, line = found
    cell = cell_of(key, (role.cell for role in roles))
    if cell is None:
        message = f"the cell that this line came from is not in {notebook} any more"
        raise Nb2stageError(Diagnostic("NB811", message, f"run `nb2stage convert {notebook}` again", path=notebook))
    source = cell.source.split("\n")
    text = source[line - 1] if line <= len(source) else ""
    note = "the cell was edited since: convert again to have the two agree" if key_of(cell) != key else ""
    stage = next(role.stage for role in roles if role.cell is cell)
    return replace(origin, cell=cell.index, line=line, source=text, stage=stage, note=note)


def _unknown(path: str, state: State) -> Nb2stageError:
    known = sorted(file for made in state.notebooks.values() for file in made.files)
    close = closest(path, known, 0.4)
    hint = f"did you mean {close}?" if close else f"there are {', '.join(known)}"
    return Nb2stageError(Diagnostic("NB811", f"{path} is no script of nb2stage's", hint))
