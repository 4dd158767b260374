"""`nb2stage ci`: look at the project, write the workflow, say what is left to be done by hand."""

from __future__ import annotations

import argparse
import configparser
import contextlib
import importlib.metadata
import json
import os
import posixpath
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from nb2stage import __version__
from nb2stage.ci.workflows import Setup, github_workflow, gitlab_workflow, slug
from nb2stage.diagnostics import Diagnostic, Nb2stageError
from nb2stage.files.repository import git_top
from nb2stage.files.writer import Change, apply_changes, read_text
from nb2stage.project.notebooks import existing_project

if TYPE_CHECKING:
    from nb2stage.console.streams import Console

FILES: Final = {"github": ".github/workflows/pipeline.yml", "gitlab": ".gitlab-ci.yml"}
DVC: Final = ">=3.60,<4"
_MOST: Final = 3  # paths in one line


class Storage(NamedTuple):
    """A kind of remote: what DVC needs to be installed with, and the variables with its credentials."""

    extra: str
    secrets: tuple[str, ...] = ()


STORAGES: Final = {
    "s3": Storage("s3", ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")),
    "gs": Storage("gs"),
    "azure": Storage("azure", ("AZURE_STORAGE_CONNECTION_STRING",)),
    "gdrive": Storage("gdrive", ("GDRIVE_CREDENTIALS_DATA",)),
    "oss": Storage("oss", ("OSS_ACCESS_KEY_ID", "OSS_ACCESS_KEY_SECRET")),
    "ssh": Storage("ssh"),
    "hdfs": Storage("hdfs"),
    "webhdfs": Storage("webhdfs"),
    "webdav": Storage("webdav"),
    "webdavs": Storage("webdav"),
}


def run(options: argparse.Namespace, console: Console) -> int:
    """`nb2stage ci`: the exit code."""
    root = Path(os.path.normpath(Path.cwd() / options.project))
    if git_top(root) is not None:
        root = existing_project(root, f"ci {options.service}")
    top = git_top(root)
    if top is None:
        raise Nb2stageError(
            Diagnostic("NB621", "this is no git repository, and CI runs one", "git init", path=str(root))
        )
    remote = remote_url(root)
    setup = setup_of(root, top, remote, options)
    text = (github_workflow if options.service == "github" else gitlab_workflow)(setup)
    if options.output == "-":
        console.out(text.removesuffix("\n"))
        return 0
    path = target(top, setup.folder, options)
    written = write(top, path, text, options.service)
    steps = list(next_steps(root, setup, remote, options))
    if console.json:
        console.out(json.dumps({"version": 1, "ok": True, "path": path, "written": written, "next": steps}, indent=2))
    elif not console.quiet:
        console.out(f"written: {path}" if written else f"nothing to do: {path} is up to date")
        for number, step in enumerate(steps):
            console.out(f"{'next: ' if number == 0 else '      '}{step}")
    return 0


def target(top: Path, folder: str, options: argparse.Namespace) -> str:
    """Where the workflow goes, relative to the top of the repository; a project in a folder of it has one of its own."""
    if options.output is None:
        name = FILES[options.service]
        return name.replace(".yml", f"-{slug(folder)}.yml") if folder and options.service == "github" else name
    path = Path(os.path.normpath(Path.cwd() / options.output))
    if not path.is_relative_to(top):
        message = "the file lies outside the repository"
        raise Nb2stageError(Diagnostic("NB614", message, f"name a file below {top}", path=options.output))
    return path.relative_to(top).as_posix()


def write(top: Path, path: str, text: str, service: str) -> bool:
    """Write the workflow; False where it is there already.  Another file of that name is not overwritten."""
    before = read_text(top, path)
    if before == text:
        return False
    if before is not None:
        hint = f"`nb2stage ci {service} --output -` prints it, to be merged by hand; or name another file with --output"
        hint += ", and `include:` it" * (service == "gitlab")
        raise Nb2stageError(Diagnostic("NB612", "there is a workflow already: it is not overwritten", hint, path=path))
    apply_changes(top, [Change(path, "create", None, text)])
    return True


# -- the project -----------------------------------------------------------------------------------------------------


def setup_of(root: Path, top: Path, remote: str | None, options: argparse.Namespace) -> Setup:
    """What the workflow depends on."""
    storage = STORAGES.get((remote or "").partition("://")[0], Storage(""))
    dvc = f"dvc[{storage.extra}]{DVC}" if storage.extra else f"dvc{DVC}"
    # without a build system, pip makes nothing of a pyproject.toml
    is_package = "[build-system]" in (read_text(root, "pyproject.toml") or "")
    listed = "requirements.txt" if (root / "requirements.txt").is_file() else "pyproject.toml" if is_package else ""
    project = {"requirements.txt": ("-r", "requirements.txt"), "pyproject.toml": (".",), "": ()}[listed]
    return Setup(
        python=options.python or f"{sys.version_info.major}.{sys.version_info.minor}",
        branch=options.branch or main_branch(top),
        requirements=(*project, dvc, options.nb2stage or installed_as() or f"nb2stage=={__version__}"),
        requirements_file=listed,
        folder=root.relative_to(top).as_posix() if root != top else "",
        runner=tuple(label.strip() for label in (options.runner or "").split(",") if label.strip()),
        secrets=storage.secrets,
        cml=options.cml,
    )


def remote_url(root: Path) -> str | None:
    """The address of DVC's default remote."""
    config = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        config.read_string(read_text(root, ".dvc/config") or "")
    except configparser.Error:
        return None
    name = config.get("core", "remote", fallback="").strip()
    return config.get(f"'remote \"{name}\"'", "url", fallback=None) if name else None


def main_branch(top: Path) -> str:
    """The main branch, as the remote has it, else by its usual names, else the current one."""
    answers = [_git(top, "symbolic-ref", "--short", "refs/remotes/origin/HEAD").removeprefix("origin/")]
    answers += [
        name for name in ("main", "master") if _git(top, "rev-parse", "--verify", "--quiet", f"refs/heads/{name}")
    ]
    answers += [_git(top, "symbolic-ref", "--short", "HEAD"), "main"]
    return next(answer for answer in answers if answer)


def _git(top: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], cwd=top, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def installed_as() -> str | None:
    """What pip has to be told to install this nb2stage again: a version, or a commit of its repository.

    None where it was installed from a folder: CI has no such folder.
    """
    try:
        noted = importlib.metadata.distribution("nb2stage").read_text("direct_url.json")
    except importlib.metadata.PackageNotFoundError:
        return None
    if noted is None:
        return f"nb2stage=={__version__}"
    origin = json.loads(noted)
    if "vcs_info" not in origin:
        return None
    return f"nb2stage @ {origin['vcs_info']['vcs']}+{origin['url']}@{origin['vcs_info']['commit_id']}"


# -- what is left ----------------------------------------------------------------------------------------------------


def next_steps(root: Path, setup: Setup, remote: str | None, options: argparse.Namespace) -> Iterator[str]:
    """What nobody but the user can do."""
    kept, nowhere = data_of(root)
    if options.nb2stage is None and installed_as() is None:
        yield "nb2stage is installed from a folder here: say with --nb2stage what CI is to install"
    if not setup.requirements_file:
        yield "list what the scripts import in requirements.txt, and write the workflow again"
    if nowhere:
        them = "it" if len(nowhere) == 1 else "them"
        add = f"`dvc add {' '.join(map(shlex.quote, nowhere))}`" if len(nowhere) <= _MOST else f"`dvc add` {them}"
        yield f"CI has no {_listed(nowhere)}: neither git nor DVC keeps {them}. {add}, or commit {them}"
    if remote is None:
        if kept or nowhere:
            data = kept or nowhere
            yield (
                f"CI cannot have {_listed(data)} without a DVC remote, and the run fails: "
                "`dvc remote add -d NAME URL`, `dvc push`, commit .dvc/config"
            )
        else:
            yield "without a DVC remote all stages run each time: `dvc remote add -d NAME URL` (data in git needs none)"
    elif "://" not in remote:
        yield f"the DVC remote {remote} is a folder of this machine, which CI does not have: add one with a URL"
    elif setup.secrets and options.service == "github":
        yield f"give the repository the secrets {', '.join(setup.secrets)} (Settings > Secrets and variables > Actions)"
    elif not remote.startswith("http"):
        names = f": {', '.join(setup.secrets)}" if setup.secrets else ""
        yield f"give CI the credentials of the remote {remote}{names}"
    if options.service == "gitlab":
        yield "make a project access token with the scope `api`, and the masked variable REPORT_TOKEN of it"
    yield "commit the file and open a pull request" if options.service == "github" else "commit the file"


def data_of(root: Path) -> tuple[list[str], list[str]]:
    """What `dvc add` keeps, and what stages read that neither git nor DVC keeps: a clone has the first from a remote only.

    Data that `dvc import` or `dvc import-url` track comes from where it was.
    """
    from nb2stage.checks.project import take
    from nb2stage.files.writer import read_state
    from nb2stage.project.configuration import read_configuration
    from nb2stage.texts.yamltext import read_yaml

    project = take(root, read_configuration(root), read_state(root))
    files = project.git.tracked | project.git.untracked if project.git is not None else frozenset()
    kept: list[str] = []
    imported: list[str] = []
    for path in sorted(file for file in files if file.endswith(".dvc")):
        with contextlib.suppress(Nb2stageError, KeyError, TypeError, AttributeError):
            data = read_yaml(read_text(root, path) or "", path, "NB601")
            outs = [posixpath.join(posixpath.dirname(path), data.get("wdir", "."), out["path"]) for out in data["outs"]]
            (imported if data.get("deps") else kept).extend(map(posixpath.normpath, outs))
    made = {out.path for stage in project.stages for out in stage.outputs}
    read = {
        path
        for stage in project.stages
        for path, _ in stage.deps
        if not path.startswith(("../", "/")) and "${" not in path
    }
    nowhere = [
        path
        for path in sorted(read)
        if not any(_is_within(path, other) or _is_within(other, path) for other in (*files, *made, *kept, *imported))
    ]
    return kept, nowhere


def _is_within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def _listed(paths: list[str]) -> str:
    more = f" and {len(paths) - _MOST} more" if len(paths) > _MOST else ""
    return ", ".join(paths[:_MOST]) + more
