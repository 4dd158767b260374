"""Notebooks of a project -> the changes of its files: all notebooks together, written all or none.

What `nb2stage convert` and the functions of `nb2stage.api` share, and what `status`, `check` and others ask in memory.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from nb2stage.diagnostics import Diagnostic, Nb2stageError, Severity, UsageError
from nb2stage.project.configuration import absolute, inside, project_folder, read_configuration, read_notebook_bytes

if TYPE_CHECKING:
    from nb2stage.conversion import Conversion
    from nb2stage.files.writer import Change, State
    from nb2stage.planning.pipeline import GeneratedFile
    from nb2stage.project.configuration import Configuration

# The modules of a conversion are imported where it begins: commands that need none load none.


class Wanted(NamedTuple):
    """What is to be converted, and how."""

    notebooks: Sequence[Path] = ()  # none: those of the project
    output: Path | None = None  # the project folder; none: the one that the notebooks are in
    layout: str | None = None  # none: that of the settings
    force: bool = False  # whether hand edits and files of others are overwritten
    init: bool = False  # whether git and DVC are set up where they are missing
    preview: bool = False  # whether nothing is written
    texts: Mapping[Path, bytes] = {}  # notebooks that are not read from the disk: an editor has not saved them yet


class Run:
    """One conversion of all wanted notebooks.  Nothing is printed; what was found is in `diagnostics`."""

    def __init__(self, wanted: Wanted, here: Path) -> None:
        self.wanted, self.here = wanted, here
        self.root = here
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

    def go(self) -> None:
        """Convert, compare with the disk, and write unless it is a preview."""
        self.compare()
        if not self.refused and not self.wanted.preview:
            self.write()

    def compare(self) -> None:
        """Convert and compare with the disk; nothing is written."""
        from nb2stage.files.repository import missing_commands
        from nb2stage.files.writer import finish_killed, plan_changes, read_state

        notebooks, settings = self.find()
        if not self.wanted.preview:
            finish_killed(self.root)
        state = self.before = self.without_gone(read_state(self.root), notebooks, settings)
        files, removed = self.convert(notebooks, settings, state)
        if self.refused:
            return
        self.changes, findings = plan_changes(self.root, files, removed, state, self.wanted.force)
        self.diagnostics += findings
        self.missing = missing_commands(self.root)

    def write(self) -> None:
        """Write the changes, all or none."""
        from nb2stage.files.repository import initialise
        from nb2stage.files.writer import apply_changes

        if self.wanted.init:
            initialise(self.root, self.missing)
            self.missing = []
        self.diagnostics += only_comments(self.root, self.changes)
        apply_changes(self.root, self.changes)
        self.written = True

    def find(self) -> tuple[list[Path], Configuration]:
        """The notebooks, the project folder and its settings."""
        given = list(self.wanted.notebooks)
        self.root = project_folder(given, self.wanted.output, self.here)
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
            raise UsageError(f"{message}; `nb2stage tag` proposes them" if found else message)
        return [self.root / name for name in known], settings

    def without_gone(self, state: State, notebooks: Sequence[Path], settings: Configuration) -> State:
        """The state in which a renamed notebook goes on where it stopped under its old name."""
        given = {inside(path, self.root, self.here) for path in self.wanted.texts}
        gone = [name for name in state.notebooks if name not in given and not (self.root / name).exists()]
        if not gone:
            return state
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
        from nb2stage.spine import convert

        files: dict[str, GeneratedFile] = {}
        removed: list[str] = []
        layout = self.wanted.layout or settings.layout
        texts = {absolute(path, self.here): data for path, data in self.wanted.texts.items()}
        for notebook in notebooks:
            try:
                path = inside(notebook, self.root, self.here)
                if any(path == done for done, _ in self.conversions):
                    continue
                given = texts.get(absolute(notebook, self.here))
                data = read_notebook_bytes(notebook) if given is None else given
                made = {name: file.text for name, file in files.items()}
                conversion = convert(data, path, Project(self.root, state, layout, self.wanted.force, made))
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


def converted(wanted: Wanted, here: Path | None = None) -> Run:
    """A conversion that has gone as far as it could: what stopped it is among its findings."""
    run = Run(wanted, here or Path.cwd())
    try:
        run.go()
    except Nb2stageError as error:
        run.diagnostics += error.diagnostics
        if not error.diagnostics:
            raise
    return run


def known_notebooks(given: Sequence[Path], output: Path | None, here: Path, command: str) -> Wanted:
    """A preview of the notebooks that are given, else of those of the project; `command` asks for it.

    Raises `UsageError` where there is none, and `Nb2stageError` where there is no project.
    """
    from nb2stage.files.writer import read_state
    from nb2stage.project.notebooks import existing_project, notebooks_of

    root = project_folder(given, output, here)
    if not given and output is None:
        root = existing_project(here, command)
    known = [] if given else notebooks_of(root, read_configuration(root), read_state(root))
    names = list(given) or [Path(os.path.relpath(root / name, here)) for name in known]
    if not names:
        raise UsageError("no notebook has been converted here")
    return Wanted(names, root, preview=True)


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
