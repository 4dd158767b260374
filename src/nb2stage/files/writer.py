"""All files + disk -> `Change`s -> applied all or none.

What was generated is remembered in one state file, so that a hand edit is told from an older version of our own.
A kill at any moment leaves every file whole: texts are written beside their files and renamed onto them.  Before the
first rename a journal notes what is about to be written.  The next run renames the rest; where somebody has changed a
file since, it knows the versions that were to be written as ours too.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import stat
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from nb2stage.diagnostics import Diagnostic, Nb2stageError, Severity
from nb2stage.patterns import Pattern
from nb2stage.records import dataclass, field

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nb2stage.planning.pipeline import GeneratedFile

STATE_PATH: Final = ".nb2stage/state.json"
PENDING_PATH: Final = ".nb2stage/pending.json"
_VERSION: Final = 2
_LONGEST_DIFF: Final = 40
_GENERATED: Final = Pattern(r'"""(?:Stage|Definitions) .*`nb2stage convert[^`]*`\."""')
_TEMPORARY: Final = ".nb2stage-*.tmp"
_ONE_SIDE: Final = Pattern(r"^<{7} .*\n((?:.*\n)*?)(?:\|{7} .*\n(?:.*\n)*?)?={7}\n(?:.*\n)*?>{7} .*\n", re.MULTILINE)


# -- what was generated ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Conversion:
    """What one notebook's last conversion made, which is the base of the next merge.

    `files`: scripts and modules with their text; `stages`: the entries of dvc.yaml; `outs`: all paths that stages
    write; `params`: keys of params.yaml with the notebook's value as YAML and its comment; `ignored`: lines of
    .gitignore; `imports`: the modules for which requirements.txt was looked through.
    """

    files: Mapping[str, str] = field(default_factory=dict)
    stages: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    outs: tuple[str, ...] = ()
    params: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    lines: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # script -> where its lines come from
    plots: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # the plots at the top level of dvc.yaml


@dataclass(frozen=True)
class Interrupted:
    """What a killed run was about to write: the hash of each file, and the state that goes with them."""

    files: Mapping[str, str]
    state: State


@dataclass(frozen=True)
class State:
    """What nb2stage generated in this project, by notebook, and what killed runs may have written."""

    notebooks: Mapping[str, Conversion] = field(default_factory=dict)
    pending: tuple[Interrupted, ...] = ()
    damaged: str = ""  # why the state file cannot be read

    def of(self, notebook: str) -> Conversion:
        """The last conversion of a notebook; an empty one when there was none."""
        return self.notebooks.get(notebook, Conversion())

    def at(self, path: str, text: str | None) -> State:
        """The state that goes with the text of a file: that of a killed run where this run wrote the text."""
        if self.pending and text is not None:
            digest = _hash(_encoded(text))
            for run in reversed(self.pending):
                if run.files.get(path) == digest:
                    return run.state
        return self

    def text(self, path: str) -> str | None:
        """The text of a script as we generated it last; `None` for a file that is not ours."""
        return next((made.files[path] for made in self.notebooks.values() if path in made.files), None)

    def base(self, path: str, text: str) -> str | None:
        """The generated text that the text on disk comes from; `None` for a file that is not ours."""
        return self.at(path, text).text(path)

    def is_ours(self, path: str, text: str) -> bool:
        """Whether a text is one that we generated, as far as we remember: nobody has edited it."""
        base = self.base(path, text)
        return base is not None and same_lines(base, text)

    def renamed(self, old: str, new: str) -> State:
        """The state in which a notebook has another name."""
        notebooks = {new if name == old else name: conversion for name, conversion in self.notebooks.items()}
        return State(notebooks, self.pending, self.damaged)

    def obsolete(self, notebook: str, files: Iterable[GeneratedFile]) -> list[str]:
        """The files that this notebook's last conversion made and that nobody makes any more."""
        others = {p for name, conversion in self.notebooks.items() if name != notebook for p in conversion.files}
        return sorted(set(self.of(notebook).files) - {f.path for f in files} - others)

    def with_conversion(self, notebook: str, made: Conversion) -> State:
        """The state after a conversion."""
        return State({**self.notebooks, notebook: made}, self.pending)

    def document(self) -> dict[str, Any]:
        """The state as data.  Texts are lists of lines, so that git shows and merges them line by line."""
        notebooks = {
            name: {
                "files": {path: text.split("\n") for path, text in made.files.items()},
                "ignored": list(made.ignored),
                "imports": list(made.imports),
                "lines": dict(made.lines),
                "outs": list(made.outs),
                "params": {key: list(pair) for key, pair in made.params.items()},
                "stages": dict(made.stages),
                **({"plots": dict(made.plots)} if made.plots else {}),
            }
            for name, made in self.notebooks.items()
        }
        return {"version": _VERSION, "notebooks": notebooks}

    def to_text(self) -> str:
        """The content of the state file: sorted, so that merges in git stay small."""
        return _json_text(self.document())


def _json_text(data: object) -> str:
    return json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def read_state(root: Path) -> State:
    """The state of a project; a missing state file is an empty state, a damaged one too, and says so.

    A file in which git has left a conflict is read with one side of it: either is a version that we generated.
    """
    pending = _read_pending(root)
    text = read_text(root, STATE_PATH)
    if text is None:
        return State(pending=pending)
    try:
        data = json.loads(_ONE_SIDE.sub(r"\1", text))
        if data["version"] > _VERSION:
            hint = "install the newer nb2stage, or delete the file and convert with --force"
            raise _stop("NB616", STATE_PATH, "this was written by a newer version of nb2stage", hint)
        if data["version"] < _VERSION:
            return State(pending=pending, damaged="it was written by an older version of nb2stage")
        return State(_notebooks(data), pending)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return State(pending=pending, damaged="the file is damaged")


def _notebooks(data: Mapping[str, Any]) -> dict[str, Conversion]:
    return {str(name): _conversion(entry) for name, entry in data["notebooks"].items()}


def _conversion(entry: Mapping[str, Any]) -> Conversion:
    return Conversion(
        {str(path): "\n".join(lines) for path, lines in entry["files"].items()},
        {str(name): dict(fields) for name, fields in entry["stages"].items()},
        tuple(map(str, entry["outs"])),
        {str(key): (str(value), str(comment)) for key, (value, comment) in entry["params"].items()},
        tuple(map(str, entry["ignored"])),
        tuple(map(str, entry["imports"])),
        {str(path): tuple(map(str, runs)) for path, runs in entry.get("lines", {}).items()},
        {str(path): dict(flags) for path, flags in entry.get("plots", {}).items()},
    )


def _read_pending(root: Path) -> tuple[Interrupted, ...]:
    return tuple(Interrupted(run["files"], State(_notebooks(run["state"]))) for run in _read_journal(root))


# -- text and bytes --------------------------------------------------------------------------------------------------


def read_text(root: Path, path: str) -> str | None:
    """The text of a project file, line ends and undecodable bytes kept; `None` when there is no such file."""
    try:
        return (root / path).read_bytes().decode("utf-8", "surrogateescape")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise _stop_at(path, error, "read") from error


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _hash(content: bytes) -> str:
    # git may have checked the file out with the line ends of Windows; that is no hand edit.
    return hashlib.sha256(content.replace(b"\r\n", b"\n")).hexdigest()


def same_lines(one: str, two: str) -> bool:
    """Whether two texts are the same but for the line ends of Windows, with which git may have checked one out."""
    return one.replace("\r\n", "\n") == two.replace("\r\n", "\n")


def _stop(code: str, path: str, message: str, hint: str) -> Nb2stageError:
    return Nb2stageError(Diagnostic(code, message, hint, path=path))


def _stop_at(path: str, error: OSError, verb: str) -> Nb2stageError:
    reason = error.strerror or str(error)
    return _stop("NB615", path, f"the file cannot be {verb}: {reason}", "mend this and run the command again")


# -- plan ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Change:
    """What happens to one path: `create`, `update`, `merge`, `delete` or `unchanged`."""

    path: str
    kind: str
    before: str | None
    after: str | None

    def diff(self) -> str:
        """The change as a unified diff."""
        import difflib

        old = "/dev/null" if self.before is None else f"a/{self.path}"
        new = "/dev/null" if self.after is None else f"b/{self.path}"
        lines = difflib.unified_diff(_lines(self.before), _lines(self.after), old, new)
        text = "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
        return text.encode("utf-8", "backslashreplace").decode()


def _lines(text: str | None) -> list[str]:
    *lines, rest = (text or "").split("\n")
    return [line + "\n" for line in lines] + [rest] * bool(rest)


def plan_changes(
    root: Path, files: Sequence[GeneratedFile], removed: Sequence[str], state: State, force: bool = False
) -> tuple[list[Change], list[Diagnostic]]:
    """The changes that make the disk what `files` say, and what stands against it.  Nothing is written.

    A script that was edited by hand is merged with what is generated now.  A conflict (NB618) is an error that does not
    forbid writing: the script is written with the conflict marked in it, everything else as it should be.
    """
    changes: list[Change] = []
    findings: list[Diagnostic] = []
    moved: set[str] = set()
    if state.damaged:
        hint = "if scripts are refused below, restore it from git, or commit everything and convert with --force"
        message = f"{state.damaged}: nb2stage does not know which scripts it generated"
        findings.append(Diagnostic("NB616", message, hint, Severity.WARNING, STATE_PATH))
    for file in files:
        if obstacle := _obstacle(root, file.path):
            findings.append(obstacle)
            continue
        before = read_text(root, file.path)
        change = _change(file.path, before, file.text)
        origin = file.origin if before is None else ""
        if file.protected and not force and (change.kind == "update" or origin):
            found: list[Diagnostic] = []
            change = _merge(root, file, change, state, found)
            findings += found
            moved |= {origin} if not found or found[0].code == "NB618" else set()
        changes.append(change)
    for path in removed:
        if _obstacle(root, path) or (before := read_text(root, path)) is None:
            continue
        ours = state.is_ours(path, before) or PurePosixPath(path).name == ".gitignore"  # one of DVC's
        if force or path in moved or (ours and not (root / path).is_symlink()):
            changes.append(Change(path, "delete", before, None))
        else:
            message = "the notebook has no such stage any more, but the file was edited by hand: it is kept"
            findings.append(Diagnostic("NB613", message, "delete it if you do not need it", Severity.WARNING, path))
    return changes, findings


def _change(path: str, before: str | None, after: str) -> Change:
    kind = "create" if before is None else "unchanged" if before == after else "update"
    return Change(path, kind, before, after)


def _merge(root: Path, file: GeneratedFile, change: Change, state: State, findings: list[Diagnostic]) -> Change:
    """What becomes of a script that is on disk, under its own name or under that of the stage before it was renamed."""
    path = file.path if change.before is not None else file.origin
    mine = read_text(root, path)
    if mine is None:
        return change
    base = state.base(path, mine)
    if base is None:
        if change.before is None:  # nothing of ours stands where the stage was
            return change
        findings.append(_not_ours(change))
        return change
    if same_lines(base, mine):
        return change
    from nb2stage.files.merge import Sides, conflict_line, merge_scripts

    if (line := conflict_line(mine)) is not None:
        hint = "resolve it, and run the command again; or throw the edits away with --force"
        findings.append(Diagnostic("NB625", "there is an unresolved merge conflict", hint, path=f"{path}:{line}"))
        return change
    text, conflicts = merge_scripts(base, mine, file.text, Sides(path, file.source or "nb2stage"))
    if conflicts:
        message = (
            f"the hand edits contradict the notebook: {conflicts} conflict{'s' * (conflicts > 1)} marked in the file"
        )
        hint = "edit the file as you resolve a conflict of git, then run `dvc repro`"
        findings.append(Diagnostic("NB618", message, hint, path=file.path))
    kind = "unchanged" if text == change.before else "merge"
    return Change(file.path, kind, change.before, text)


def _not_ours(change: Change) -> Diagnostic:
    """The finding that a file stands where a script should be."""
    lines = change.diff().splitlines()
    shown = "\n".join(lines[:_LONGEST_DIFF])
    more = f"\n... {len(lines) - _LONGEST_DIFF} more lines" if len(lines) > _LONGEST_DIFF else ""
    message = "this file is not nb2stage's; generating the script would change"
    hint = "rename the file or the stage, or overwrite the file with --force"
    if _GENERATED.match(change.before or ""):
        message = f"this script was generated once, but {STATE_PATH} does not know it; generating it anew would change"
        hint = f"restore {STATE_PATH} from git; or commit everything, convert with --force, and get hand edits from git"
    return Diagnostic("NB612", f"{message}\n{shown}{more}", hint, path=change.path)


def _obstacle(root: Path, path: str) -> Diagnostic | None:
    """What makes a path impossible to write."""
    if (real := _real(root, path)) is None:
        message = "the path leads out of the project"
        return Diagnostic("NB614", message, "replace the symbolic link by a file or folder of the project", path=path)
    if real.exists() and not real.is_file():
        what = "folder" if real.is_dir() else "special file"
        return Diagnostic("NB614", f"a {what} stands where this file should be", f"rename the {what}", path=path)
    for parent in PurePosixPath(path).parents:
        if (root / parent).exists() and not (root / parent).is_dir():
            message = f"`{parent}` is a file and should be a folder"
            return Diagnostic("NB614", message, f"rename the file `{parent}`", path=path)
    return None


def _real(root: Path, path: str) -> Path | None:
    """The file behind a path, through symbolic links; `None` when it is not inside the project."""
    try:
        base, real = root.resolve(), (root / path).resolve()
    except (OSError, RuntimeError):  # links that lead in a circle
        return None
    return real if real.is_relative_to(base) and real != base else None


# -- apply -----------------------------------------------------------------------------------------------------------


def apply_changes(root: Path, changes: Sequence[Change]) -> None:
    """Write all changes, or none when one of them fails; leftovers of a killed run are cleared away."""
    todo = [change for change in changes if change.kind != "unchanged"]
    journal = _read_journal(root)
    _remove_leftovers(root, journal)
    if not todo:
        _remove(root / PENDING_PATH)
        return
    _check_still_same(root, todo)
    transaction = _Transaction(root)
    try:
        transaction.write_journal(journal, todo)
        transaction.run(todo)
    except BaseException as error:
        transaction.roll_back(journal)
        if isinstance(error, OSError):
            raise _stop_at(transaction.current, error, "written") from error
        raise
    _remove(root / PENDING_PATH)


def finish_killed(root: Path) -> None:
    """Complete what a killed run was writing, unless a file has been changed since or none was written yet.

    Raises `Nb2stageError` where a file cannot be written.
    """
    journal = _read_journal(root)
    todo: list[tuple[str, Path | None]] = []
    steps = journal[-1].get("steps", {}) if journal else {}
    for path, (before, after, name) in steps.items():
        if _obstacle(root, path):
            return
        temporary = (root / path).resolve().with_name(name) if name is not None else None
        now = _hash_of(root / path)
        if now == before and (temporary is None or _hash_of(temporary) == after):
            todo.append((path, temporary))
        elif now != after:
            return
    if len(todo) == len(steps):
        return
    path = PENDING_PATH
    try:
        for path, temporary in sorted(todo, key=_state_last):
            _put(root, path, temporary)
    except OSError as error:
        raise _stop_at(path, error, "written") from error
    _remove_leftovers(root, journal)
    _remove(root / PENDING_PATH)


def _hash_of(path: Path) -> str | None:
    return _hash(path.read_bytes()) if path.is_file() else None


def _state_last(step: tuple[str, object]) -> bool:
    """Sorts the state behind all else: what it says is true when it stands."""
    return step[0] == STATE_PATH


def _put(root: Path, path: str, temporary: Path | None) -> None:
    target = (root / path).resolve() if temporary is not None else root / path
    if temporary is None:
        target.unlink()
        return
    with contextlib.suppress(FileNotFoundError):
        temporary.chmod(stat.S_IMODE(target.stat().st_mode))
    _replace(temporary, target)


def _read_journal(root: Path) -> list[dict[str, Any]]:
    """The journal of killed runs as it stands in its file; nothing where it cannot be read."""
    try:
        runs = json.loads(read_text(root, PENDING_PATH) or "[]")
        steps = [step for run in runs for step in run.get("steps", {}).values()]
        is_sound = all(len(step) == len(("before", "after", "temporary")) for step in steps)
        return [
            run for run in runs if isinstance(run["files"], dict) and _notebooks(run["state"]) is not None
        ] * is_sound
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return []


def _check_still_same(root: Path, changes: Sequence[Change]) -> None:
    for change in changes:
        if obstacle := _obstacle(root, change.path):
            raise Nb2stageError(obstacle)
        if read_text(root, change.path) != change.before:
            message = "the file was changed meanwhile by another program"
            raise _stop("NB615", change.path, message, "run the command again")


class _Transaction:
    """Writes changes and remembers how to undo them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.current = STATE_PATH
        self.names: dict[str, str] = {}
        self.temporary: list[Path] = []
        self.done: list[Change] = []
        self.folders: list[Path] = []

    def write_journal(self, old: Sequence[Mapping[str, Any]], changes: Sequence[Change]) -> None:
        """Note the versions that are about to stand on disk, behind those that killed runs may have left."""
        self.current = PENDING_PATH
        files = {c.path: _hash(_encoded(c.after)) for c in changes if c.after is not None}
        self.names = {path: temporary_name() for path in files}
        before = {c.path: None if c.before is None else _hash(_encoded(c.before)) for c in changes}
        steps = {path: (known, files.get(path), self.names.get(path)) for path, known in before.items()}
        state = next((c.after for c in changes if c.path == STATE_PATH), None) or read_text(self.root, STATE_PATH)
        try:
            run = {"files": files, "steps": steps, "state": json.loads(state or State().to_text())}
        except ValueError:  # damaged, and not written anew
            run = {"files": files, "steps": steps, "state": State().document()}
        _replace(self.prepare(PENDING_PATH, _encoded(_json_text([*old, run]))), self.root / PENDING_PATH)

    def run(self, changes: Sequence[Change]) -> None:
        """Write all texts beside their files first, rename then; the state comes last, when all it says is true."""
        ready = {c.path: None if c.after is None else self.prepare(c.path, _encoded(c.after)) for c in changes}
        for change in sorted(changes, key=lambda change: change.path == STATE_PATH):
            self.current = change.path
            self.done.append(change)
            _put(self.root, change.path, ready[change.path])

    def target(self, path: str) -> Path:
        return (self.root / path).resolve()

    def prepare(self, path: str, content: bytes) -> Path:
        """A temporary file with the content, beside the file that it will become."""
        self.current = path
        target = self.target(path)
        for folder in reversed([target.parent, *target.parent.parents]):
            if not folder.exists():
                folder.mkdir()
                self.folders.append(folder)
        temporary = target.with_name(self.names.get(path, temporary_name()))
        self.temporary.append(temporary)
        with temporary.open("xb") as stream:
            stream.write(content)
            if target.exists():
                # When the power fails, what was there survives, or what replaces it.  A file that was not there holds
                # nothing of the user's, and a sync of each costs more than the whole conversion.
                stream.flush()
                os.fsync(stream.fileno())
        return temporary

    def roll_back(self, journal: Sequence[Mapping[str, Any]]) -> None:
        """Put everything back as it was.  What cannot be put back is in the journal, so the next run heals it."""
        stuck = [change for change in reversed(self.done) if not self.undo(change)]
        for temporary in self.temporary:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
        if not stuck and not journal:
            with contextlib.suppress(OSError):
                _remove(self.root / PENDING_PATH)
        for folder in reversed(self.folders):
            with contextlib.suppress(OSError):
                folder.rmdir()

    def undo(self, change: Change) -> bool:
        try:
            if read_text(self.root, change.path) == change.before:
                return True
            if change.before is None:
                self.target(change.path).unlink(missing_ok=True)
            else:
                self.names.pop(change.path, None)
                _put(self.root, change.path, self.prepare(change.path, _encoded(change.before)))
        except (OSError, Nb2stageError):
            return False
        return True


def temporary_name() -> str:
    """A name for what will become a file beside it; those that a killed command leaves are known by it."""
    return _TEMPORARY.replace("*", os.urandom(6).hex())


def _replace(temporary: Path, target: Path) -> None:
    os.replace(temporary, target)  # noqa: PTH105 -- tests make this very call fail


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)


def _remove_leftovers(root: Path, journal: Sequence[Mapping[str, Any]]) -> None:
    """Remove temporary files of a killed run: the journal says where it was writing."""
    written = {path for run in journal for path in run["files"]}
    for folder in {(root / path).resolve().parent for path in (STATE_PATH, *written)}:
        for leftover in folder.glob(_TEMPORARY):
            with contextlib.suppress(OSError):
                _remove(leftover)
