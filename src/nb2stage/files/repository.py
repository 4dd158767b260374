"""Git and DVC around a project: what is missing, and how it is set up.  `convert` and `check` start programs here alone."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

from nb2stage.diagnostics import Diagnostic, Nb2stageError, Severity
from nb2stage.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path


def missing_commands(root: Path) -> list[str]:
    """The commands that make a folder a git and a DVC repository, as far as it is none: `git init`, `dvc init`."""
    folders = (root, *root.parents)
    git = next((folder for folder in folders if (folder / ".git").exists()), None)
    dvc = next((folder for folder in folders if (folder / ".dvc" / "config").is_file()), None)
    if dvc is not None:
        return []
    if git is None:
        return ["git init", "dvc init"]
    return ["dvc init" if git == root else "dvc init --subdir"]


def initialise(root: Path, commands: list[str]) -> None:
    """Run these commands in the project folder."""
    programs = {name: _program(name) for name in dict.fromkeys(command.split()[0] for command in commands)}
    root.mkdir(parents=True, exist_ok=True)
    for command in commands:
        name, *arguments = command.split()
        _run([programs[name], *arguments, "--quiet"], command, root)


def merge_file(base: str, mine: str, theirs: str, *labels: str) -> tuple[str, int]:
    """The lines of three texts merged, and the number of conflicts; `labels` name mine, base and theirs."""
    import subprocess
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory(prefix="nb2stage-") as folder:
        paths = [Path(folder, name) for name in ("mine", "base", "theirs")]
        for path, text in zip(paths, (mine, base, theirs), strict=True):
            path.write_bytes(text.encode("utf-8", "surrogateescape"))
        names = [part for label in labels for part in ("-L", label)]
        done = subprocess.run(
            [_program("git"), "merge-file", "-p", "-q", *names, *map(str, paths)], capture_output=True, check=False
        )
    if done.returncode > 127:  # up to there it counts conflicts
        said = done.stderr.decode(errors="replace").strip()
        raise Nb2stageError(Diagnostic("NB621", f"`git merge-file` failed: {said}", "run `git --version`"))
    return done.stdout.decode("utf-8", "surrogateescape"), done.returncode


def _program(name: str) -> str:
    """The program beside this Python, where a virtual environment has it, or the one on the path."""
    import shutil

    beside = os.path.dirname(sys.executable)  # noqa: PTH120 -- a text is wanted
    found = shutil.which(name, path=beside) or shutil.which(name)
    if found is None:
        hint = "pip install dvc" if name == "dvc" else f"install {name}"
        raise Nb2stageError(Diagnostic("NB621", f"this needs the program `{name}`, which is not installed", hint))
    return found


def _run(command: list[str], shown: str, root: Path) -> None:
    import subprocess

    done = subprocess.run(
        command, cwd=root, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode:
        said = "\n".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-5:])
        raise Nb2stageError(Diagnostic("NB621", f"`{shown}` failed: {said}", "run it by hand to see why"))


_ENVIRONMENT: Final = "pyvenv.cfg"


@dataclass(frozen=True)
class GitFiles:
    """The files below a folder as git sees them: those in the index, and those that are neither there nor ignored."""

    tracked: frozenset[str]
    untracked: frozenset[str]


def git_files(root: Path) -> GitFiles | None:
    """What git knows of the files below a folder, paths relative to it; None where there is no git or no repository.

    A virtual environment that nobody told git to ignore is left out: its thousands of files are not the project's.
    """
    listed = _asked(["ls-files", "-z", "-t", "--cached", "--others", "--exclude-standard"], root)
    if listed is None:
        return None
    entries = [(entry[0], entry[2:]) for entry in listed.split("\0") if entry]
    tracked = frozenset(path for kind, path in entries if kind != "?")
    untracked = [path for kind, path in entries if kind == "?"]
    environments = tuple(path.removesuffix(_ENVIRONMENT) for path in untracked if path.endswith("/" + _ENVIRONMENT))
    return GitFiles(tracked, frozenset(path for path in untracked if not path.startswith(environments)))


def ignored_by_git(root: Path, paths: Iterable[str]) -> dict[str, tuple[str, int, str]]:
    """Which of these paths git ignores, and by which line of which file.  A file in the index is not ignored.

    All paths are relative to `root`; one that ends with a slash is a folder.
    """
    top = git_top(root)
    if top is None:
        return {}
    answer = _asked(["check-ignore", "-z", "-v", "--stdin"], root, "".join(f"{path}\0" for path in paths))
    fields = (answer or "").split("\0")
    return {
        fields[i + 3]: (os.path.relpath(top / fields[i], root), int(fields[i + 1] or 0), fields[i + 2])
        for i in range(0, len(fields) - 3, 4)
        if not fields[i + 2].startswith("!")
    }


def not_ignored_in(folder: Path, git: Path, paths: Iterable[str]) -> list[str]:
    """Which of these paths no .gitignore in a folder is about, as if it were a repository; git keeps its things in `git`.

    Nothing where there is no git.
    """
    wanted = list(paths)
    if not wanted or (not git.exists() and _asked(["init", "--quiet", str(git)], folder) is None):
        return []
    asked = ["--git-dir", str(git / ".git"), "--work-tree", ".", "check-ignore", "-z", "--stdin"]
    answer = _asked(asked, folder, "".join(f"{path}\0" for path in wanted))
    return [] if answer is None else sorted(set(wanted) - set(answer.split("\0")))


def git_top(root: Path) -> Path | None:
    """The folder of the git repository around a folder."""
    return next((folder for folder in (root, *root.parents) if (folder / ".git").exists()), None)


def _asked(arguments: list[str], root: Path, given: str = "") -> str | None:
    """What git answers; None where there is no git, or it knows nothing of the folder."""
    import subprocess

    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=root,
            input=given.encode("utf-8", "surrogateescape"),
            capture_output=True,
            check=False,
        )
    except OSError:
        return None
    return done.stdout.decode("utf-8", "surrogateescape") if done.returncode in (0, 1) else None


def output_of(root: Path, name: str, *arguments: str, given: bytes | None = None) -> bytes:
    """What a program prints when it runs in the project folder with `given` as its input.

    Raises `Nb2stageError` when it is missing or fails.
    """
    import subprocess

    done = subprocess.run([_program(name), *arguments], cwd=root, input=given or b"", capture_output=True, check=False)
    if done.returncode:
        said = "\n".join(done.stderr.decode(errors="replace").strip().splitlines()[-5:])
        shown = " ".join((name, *arguments))
        raise Nb2stageError(Diagnostic("NB641", f"`{shown}` failed: {said}", "run it by hand to see why"))
    return done.stdout


def objects(root: Path, expressions: Sequence[str]) -> list[tuple[str, str]]:
    """What expressions like `main:./dvc.yaml` stand for: `blob` or `tree`, and git's name; two empty texts for nothing."""
    given = "".join(f"{each}\n" for each in expressions).encode("utf-8", "surrogateescape")
    answer = output_of(root, "git", "cat-file", "--batch-check=%(objecttype) %(objectname)", given=given)
    found = []
    for line in answer.decode("utf-8", "replace").splitlines():
        kind, _, name = line.partition(" ")
        found.append((kind, name) if kind in ("blob", "tree") else ("", ""))
    return found


def blobs(root: Path, names: Sequence[str]) -> dict[str, bytes]:
    """The contents of files by git's names."""
    answer = output_of(root, "git", "cat-file", "--batch", given="".join(f"{name}\n" for name in names).encode())
    found, at = {}, 0
    for name in names:
        end = answer.index(b"\n", at)
        size = int(answer[at:end].split()[2])
        found[name] = answer[end + 1 : end + 1 + size]
        at = end + 1 + size + 1
    return found


def not_in_git(root: Path, paths: Sequence[str]) -> list[Diagnostic]:
    """Which of these metrics and plots git ignores: DVC would compare nothing, and say nothing."""
    causes: dict[tuple[str, int, str], list[str]] = {}
    for path, cause in (ignored_by_git(root, paths) if paths else {}).items():
        causes.setdefault(cause, []).append(path)
    found = []
    for (source, line, pattern), ignored in causes.items():
        named = f"`{ignored[0]}`" + f" and {len(ignored) - 1} more" * (len(ignored) > 1)
        message = f"git ignores {named} because of `{pattern}`: DVC will not compare them with other commits"
        hint = "remove the line, or add lines with `!` below it, such as " + f"`!/{ignored[0]}`"
        found.append(Diagnostic("NB722", message, hint, Severity.WARNING, source, line=line or None))
    return found
