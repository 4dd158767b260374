"""Notebooks of a project -> the tags that are proposed for them, and their bytes with other tags."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from nb2stage.conversion import Project
from nb2stage.diagnostics import Diagnostic, Nb2stageError
from nb2stage.files.writer import read_state, temporary_name
from nb2stage.project.configuration import inside, project_folder, read_configuration, read_notebook_bytes
from nb2stage.reading.notebook import Notebook, read_notebook
from nb2stage.reading.notebooktags import with_tags
from nb2stage.reading.notebooktext import replace_sources
from nb2stage.spine import attempts
from nb2stage.tagging.proposing import Proposal, propose


def proposal_of(
    notebook: Path, data: bytes, output: Path | None = None, count: int | None = None, here: Path | None = None
) -> Proposal:
    """What is proposed for a notebook with these bytes, in the project that it belongs to."""
    here = here or Path.cwd()
    root = project_folder([notebook], output, here)
    path = inside(notebook, root, here)
    project = Project(root, read_state(root), read_configuration(root).layout)
    return propose(read_notebook(data, path), attempts(path, project), count)


def proposed_texts(notebooks: Sequence[Path], output: Path | None, texts: Mapping[Path, bytes]) -> dict[Path, bytes]:
    """The notebooks with the tags that are proposed for them, in memory."""
    found: dict[Path, bytes] = {}
    for notebook in notebooks:
        data = texts.get(notebook) or read_notebook_bytes(notebook)
        found[notebook] = retagged(data, str(notebook), proposal_of(notebook, data, output).tags)
    return found


def retagged(
    data: bytes,
    path: str,
    added: Mapping[int, Sequence[str]],
    removed: Mapping[int, Sequence[str]] | None = None,
    *,
    comments: bool = False,
) -> bytes:
    """The bytes of a notebook with more tags and some less; all other bytes stay.  With `comments` as `#|` lines."""
    text = data.decode("utf-8")
    if removed:
        text = with_tags(text, path, {}, removed)
    if comments:
        notebook = read_notebook(data, path)
        text = replace_sources(text, {n: commented(source_of(notebook, n), tags) for n, tags in added.items()})
    elif added:
        text = with_tags(text, path, added)
    return text.encode("utf-8")


def source_of(notebook: Notebook, number: int) -> str:
    """The source of a cell."""
    return next(cell.source for cell in notebook.cells if cell.index == number)


def commented(source: str, tags: Sequence[str]) -> str:
    """The source with its tags in first lines, below a cell magic."""
    lines = source.split("\n")
    top = 1 if lines[0].lstrip().startswith("%%") else 0
    first, *more = [tag.removeprefix("stage:") for tag in tags]
    put = [f"#| stage: {first}", *([f"#| tags: {', '.join(more)}"] if more else [])]
    return "\n".join([*lines[:top], *put, *lines[top:]])


def uncommented(source: str) -> str:
    """The source without the lines that say its tags."""
    return re.sub(r"^#\s?\|\s*(?:stage|tags)\s*:[^\n]*\n?", "", source, flags=re.MULTILINE)


def write_notebook(path: Path, before: bytes, after: bytes) -> None:
    """Put a notebook in the place of the one that was read, unless that was changed meanwhile: whole or not at all."""
    target = path.resolve()
    temporary = target.with_name(temporary_name())
    try:
        with temporary.open("xb") as stream:
            stream.write(after)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.chmod(target.stat().st_mode & 0o7777)
        if target.read_bytes() != before:
            message = "the file was changed meanwhile by another program"
            raise Nb2stageError(Diagnostic("NB615", message, "run the command again", path=str(path)))
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
