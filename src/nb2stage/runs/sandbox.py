"""Scratch folders in which notebook and pipeline run, with the probes beside them, and the processes in them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from nb2stage.diagnostics import Diagnostic, Nb2stageError
from nb2stage.runs.scratch import check_space, copy_files, project_files, project_folders
from nb2stage.runs.verdicts import Subject

OWN: Final = frozenset({"pipeline", "notebook", "repeated", "tools", "git"})  # folders of the scratch folder
PROBES: Final = Path(__file__).parent.with_name("probes")


def prepare(subject: Subject, scratch: Path, copies: int) -> list[str]:
    """Copy the project for each run, and the probes beside; notes about the state of the pipeline."""
    plans = subject.conversion.stages
    outs = [out for plan in plans for out in (*plan.outs, *plan.metrics, *plan.plots) if not out.persist]
    left_out = {out.path for out in outs} | {file.path for plan in plans for file in plan.saves} | {"dvc.lock"}
    files = project_files(subject.root, left_out)
    check_space(files, scratch, copies)
    folders = project_folders(subject.root, left_out)
    for name in ("pipeline", "notebook", "repeated")[:copies]:
        copy_files(files, scratch / name)
        for folder in folders:
            (scratch / name / folder).mkdir(parents=True, exist_ok=True)
    place_tools(scratch / "tools")
    place_outside(subject, scratch)
    return place_pipeline(subject, scratch / "pipeline")


def place_outside(subject: Subject, scratch: Path) -> None:
    """Let the copies find what the stages read beside the project.

    Raises `Nb2stageError` for what lies further up: there is no such place above a scratch folder.
    """
    for path in sorted({path for plan in subject.conversion.stages for path in plan.reads if path.startswith("../")}):
        there, beside = Path(os.path.normpath(subject.root / path)), path.removeprefix("../")
        target = scratch / beside
        if beside.startswith("../") or beside.partition("/")[0] in OWN:
            message = f"`{path}` lies outside the project, of which a copy is run: it is not found there"
            hint = "put the file into the project, or make the folder above the project with `--output`"
            raise Nb2stageError(Diagnostic("NB806", message, hint, path=subject.notebook))
        if there.exists() and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(there)


def place_tools(folder: Path) -> Path:
    """Copy the probes to a folder; the program there that starts them: `python launch.py comparing REQUEST`."""
    shutil.copytree(PROBES, folder / "nb2stage_probes", ignore=shutil.ignore_patterns("__pycache__"))
    return Path(shutil.copy(PROBES / "launch.py", folder / "launch.py"))


def place_pipeline(subject: Subject, folder: Path) -> list[str]:
    """The pipeline of the project in the folder; as `convert` would write it where there is none.

    Raises `Nb2stageError` where the project has the pipeline of another state of the notebook.
    """
    from nb2stage.files.dvcyaml import stage_names

    generated = {file.path: file.text for file in subject.conversion.files}
    dvc = folder / "dvc.yaml"
    names = stage_names(dvc.read_text(encoding="utf-8")) if dvc.exists() else []
    mine = [plan.name for plan in subject.conversion.stages]
    if not set(mine) & set(names):
        for path, text in generated.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8", newline="")
        return ["the notebook has not been converted here: what `nb2stage convert` would write is verified"]
    scripts = [plan.script for plan in subject.conversion.stages]
    gone = [name for name in mine if name not in names] + [path for path in scripts if not (folder / path).exists()]
    if gone:
        message = f"the project's pipeline has no {', '.join(f'`{name}`' for name in gone)}"
        hint = f"run `nb2stage convert {subject.notebook}` first"
        raise Nb2stageError(Diagnostic("NB807", message, hint, path="dvc.yaml"))
    protected = [file for file in subject.conversion.files if file.protected]
    other = [f.path for f in protected if not (folder / f.path).exists() or source_of(folder / f.path) != f.text]
    if not other:
        return []
    verb = "is" if len(other) == 1 else "are"
    return [f"{', '.join(other)} {verb} not what `nb2stage convert` would write: verified as it stands in the project"]


def source_of(path: Path) -> str:
    """The text of a script, whatever the line ends that git gave it."""
    return path.read_bytes().decode("utf-8", "surrogateescape").replace("\r\n", "\n")


def environment() -> dict[str, str]:
    """The environment of both runs: the user's own, with what would make two runs of one program differ held fast.

    The Python that runs nb2stage, and so the kernel `python3`, comes first on the path: scripts and notebook are to
    have the same libraries.
    """
    fixed = {"PYTHONHASHSEED": "0", "SOURCE_DATE_EPOCH": "315532800"}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    return {**fixed, **os.environ, "PATH": path, "PYTHONDONTWRITEBYTECODE": "1"}


def run_process(command: Sequence[str] | str, folder: Path, variables: Mapping[str, str]) -> tuple[int, str]:
    """Run a program in a group of its own; its exit code and the last that it said.  Ctrl-C ends the whole group."""
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
        process = subprocess.Popen(
            command,
            shell=isinstance(command, str),
            cwd=folder,
            env=dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=said,
            start_new_session=True,
        )
        try:
            code = process.wait()
        except BaseException:
            _end(process)
            raise
        said.seek(0, os.SEEK_END)
        said.seek(max(0, said.tell() - 100_000))
        return code, said.read()


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    except ProcessLookupError:
        pass
    process.wait()
