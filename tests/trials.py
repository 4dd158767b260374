"""Runs small notebooks twice: their tagged cells in one process, and their pipeline with one process per stage.

The files that both leave must be equal byte by byte.  Where DVC may run the stages in another order too, the pipeline
runs a second time from nothing in that order.  What a stage reads of the others and of the notebook's files must stand
in its `deps`, what it writes in its `outs`.  Where a row asks for it, a stage sees nothing else.

Importing pandas and its like for every process would take minutes: template processes import them once and fork.
"""

from __future__ import annotations

import argparse
import ast
import asyncio
import contextlib
import fnmatch
import gc
import importlib
import inspect
import json
import keyword
import operator
import os
import posixpath
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import types
import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final

import row_store
from pathspec import GitIgnoreSpec  # of DVC
from rows import EITHER, SAME, Row
from warm import COLD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

NOTEBOOK: Final = "nb.ipynb"
TIMEOUT: Final = 120.0
WAIT: Final = 900.0  # until a row has had its turn
KEEP: Final = "NB2STAGE_TRIALS"  # the folder where the projects of trials are kept
BELOW: Final = "NB2STAGE_TRIALS_BELOW"  # the folder of the project in which the notebook lies, with its files
OF_PROJECT: Final = re.compile(r"(?:nb2stage\.toml|pyproject\.toml|requirements.*\.txt|(?:dvc|params)\.yaml|\.[^.].*)")
RAISED: Final = 70  # exit code of a job that raised
HARNESS: Final = sys.modules["__main__"]
IMPORTED: Final = (
    "numpy",
    "pandas",
    "scipy.stats",
    "scipy.sparse",
    "sklearn.ensemble",
    "sklearn.linear_model",
    "sklearn.pipeline",
    "sklearn.model_selection",
    "sklearn.cluster",
    "sklearn.datasets",
    "joblib",
    "cloudpickle",
    "matplotlib.pyplot",
    "IPython",
)
CONVERTING: Final = ("ruamel.yaml", "nb2stage.cli", "nb2stage.spine", "nb2stage.files.writer")
# Their bytes are others in each run, or need not be the same: what a notebook reads out of them is compared by its results.
BINARY: Final = (".pkl", ".joblib", ".pickle", ".mat")  # a `.mat` holds the time at which it was written
# Findings after which an undeclared read or write has been said to the user.
SAID: Final = {"read": {"NB401", "NB404"}, "write": {"NB402", "NB404", "NB408"}}
_FOUND: Final = re.compile(r": (NB\d{3})(?: \[[^\]]*\])? (warning: |note: )?")


@dataclass
class Outcome:
    """What became of a row: `same`, `refused`, `different`, `failed` or `reference` (the notebook itself is wrong)."""

    name: str
    status: str
    detail: str = ""
    codes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def verdict(self, row: Row) -> str:
        """Empty where the outcome is the expected one, else what is wrong."""
        if row.expect == SAME and self.status != "same":
            return f"expected the same results, but: {self.status}"
        if row.expect == EITHER:
            right = self.status in ("same", "refused")
            return "" if right else f"expected the same results or a refusal, but: {self.status}"
        if row.expect != SAME and self.status != "refused":
            return f"expected a refusal ({row.expect}), but: {self.status}"
        if row.expect != SAME and not any(code.startswith(row.expect) for code in self.codes):
            return f"expected a refusal with {row.expect}, but it was {', '.join(self.codes)}"
        if row.expect != SAME and row.said not in self.detail:
            return f"expected a refusal that says {row.said}"
        return ""


# -- jobs in processes of their own


def forked(job: Callable[[], object], folder: Path, log: Path) -> int:
    """Run a job in a forked process inside a folder; its exit code, with what it printed in `log`."""
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        _in_child(job, folder, log)
    deadline = time.monotonic() + TIMEOUT
    pause = 0.002
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            break
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            status = 124 << 8
            break
        time.sleep(pause)
        pause = min(pause * 1.5, 0.02)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(status)


def _in_child(job: Callable[[], object], folder: Path, log: Path) -> None:
    """Run the job as a fresh process would: unseeded, with a `__main__` of its own."""
    code = 0
    try:
        os.setsid()
        os.chdir(folder)
        target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(target, 1)
        os.dup2(target, 2)
        sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")  # noqa: SIM115
        sys.dont_write_bytecode = True
        import random

        random.seed()
        for library, seed in (("numpy", "random.seed"), ("torch", "seed")):
            if library in sys.modules:
                operator.attrgetter(seed)(sys.modules[library])()
        result = job()
        code = result if isinstance(result, int) else 0
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException:
        traceback.print_exc()
        code = RAISED
    finally:
        with contextlib.suppress(BaseException):
            if sys.modules["__main__"] is not HARNESS:  # files that were left open are written
                vars(sys.modules["__main__"]).clear()
                gc.collect()
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def fresh_main(file: str | None) -> types.ModuleType:
    """A new `__main__`."""
    main = types.ModuleType("__main__")
    vars(main).update({"__builtins__": __builtins__, "__spec__": None})
    if file is not None:
        main.__file__ = file
    sys.modules["__main__"] = main
    return main


def run_script(script: str, opened: Path) -> None:
    """`python script`, and afterwards the paths below the working directory that it opened."""
    root = os.getcwd() + os.sep  # noqa: PTH109
    seen: dict[tuple[str, str], None] = {}

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event != "open" or not isinstance(arguments[0], str | bytes):
            return
        path = os.path.abspath(os.fsdecode(arguments[0]))  # noqa: PTH100
        mode, flags = arguments[1], arguments[2] if isinstance(arguments[2], int) else 0
        if path.startswith(root):
            writes = any(c in mode for c in "wax+") if isinstance(mode, str) else flags & (os.O_WRONLY | os.O_RDWR)
            seen[path.removeprefix(root), "write" if writes else "read"] = None

    sys.argv = [script]
    sys.path[0] = str(Path(script).resolve().parent)
    main = fresh_main(script)
    code = compile(Path(script).read_text(), script, "exec", dont_inherit=True)
    sys.addaudithook(watch)
    try:
        exec(code, vars(main))
    finally:
        found = list(seen)
        opened.write_text(json.dumps(found))


def run_notebook(row: Row) -> None:
    """The tagged cells in one process, and what others import and define; figures are saved as they are shown."""
    import matplotlib.pyplot as plt

    sys.argv, sys.path[0] = ["kernel"], ""
    main = fresh_main(None)
    figures = iter(range(1, 1000))

    def draw(figure: Any) -> None:
        """As Jupyter's inline backend does; `test_pictures` asks a kernel itself."""
        if figure.axes:
            Path("shown").mkdir(exist_ok=True)
            path = f"shown/{next(figures):03}.png"
            figure.savefig(path, bbox_inches="tight", dpi="figure", facecolor="auto", transparent=False)

    def show(*_: object, **__: object) -> None:
        for number in plt.get_fignums():
            draw(plt.figure(number))
        plt.close("all")

    plt.show = show

    def display(value: object) -> None:
        """A figure that ends a cell is shown; one that is still open will be anyway."""
        if type(value).__name__ == "Figure" and getattr(value, "number", None) not in plt.get_fignums():
            draw(value)

    shell = row.ipython or any(not _is_plain(source) for _, source in row.run)
    run = _shell(main) if shell else _plain(main, display)
    for tags, source in row.run:
        if not tags or set(tags) & {"explore"}:
            run(_inert_part(source))
        elif not set(tags) & {"skip", "hpo"}:
            run(source)
        show()


def _plain(main: types.ModuleType, display: Callable[[object], None]) -> Callable[[str], None]:
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT

    def run(source: str) -> None:
        nonlocal flags
        last = source.rstrip().rpartition("\n")[2]
        if last.isidentifier() and not keyword.iskeyword(last):
            run(source.rstrip()[: -len(last)])
            display(vars(main).get(last))
            return
        code = compile(source, "<cell>", "exec", flags=flags, dont_inherit=True)
        flags |= code.co_flags & 0x1000000  # `from __future__ import annotations` lasts
        if code.co_flags & inspect.CO_COROUTINE:
            asyncio.run(types.FunctionType(code, vars(main))())
        else:
            exec(code, vars(main))

    return run


def _shell(main: types.ModuleType) -> Callable[[str], None]:
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "NoColor"
    shell = InteractiveShell.instance(user_module=main, config=config)
    sys.modules["__main__"] = main
    shell.enable_matplotlib = lambda *_: (None, "agg")  # `%matplotlib inline`: the figures are shown by `run_notebook`

    def run(source: str) -> None:
        result = shell.run_cell(source, store_history=True)
        result.raise_error()

    return run


def _is_plain(source: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(source, "<cell>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT | ast.PyCF_ONLY_AST)
        except SyntaxError:
            return False
    return not re.search(r"\b(display|get_ipython|In|Out)\b|(?<!\w)_(?!\w)", source)


def _inert_part(source: str) -> str:
    """The imports and definitions of a cell."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return ""
    imports = (ast.Import, ast.ImportFrom)
    wanted = (*imports, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    tries = [n for n in tree.body if isinstance(n, ast.Try) and isinstance(n.body[0], imports)]
    tries += [n for n in tree.body if isinstance(n, ast.With) and any(isinstance(inner, imports) for inner in n.body)]
    return "\n".join(ast.unparse(n) for n in tree.body if isinstance(n, wanted) or n in tries)


def run_convert() -> int:
    from nb2stage.cli import main

    return main(["convert", str(PurePosixPath(os.environ.get(BELOW, ""), NOTEBOOK))])


# -- one row


def same_content(path: str, found: bytes, text: str) -> bool:
    """A JSON file by its data, any other by its lines."""
    if path.endswith(".json"):
        return bool(json.loads(found) == json.loads(text))
    return found.decode().splitlines() == text.splitlines()


class Trial:
    """A row being tried inside a folder."""

    def __init__(self, row: Row, folder: Path, *, real: bool) -> None:
        self.row, self.folder, self.real = row, folder, real or row.real
        self.log = folder / "log.txt"
        self.said: set[str] = set()
        self.below = os.environ.get(BELOW, "")
        self.files = {self.placed(path): text for path, text in row.files.items()}

    def placed(self, path: str) -> str:
        """Where a file lies that the row has beside its notebook."""
        return path if OF_PROJECT.fullmatch(path) else posixpath.normpath(posixpath.join(self.below, path))

    def project(self, name: str) -> Path:
        """A project with the files of the row; where its notebook lies in a folder, others of their names lie above."""
        project = self.folder / name
        (project / self.below).mkdir(parents=True)
        for path in self.row.files if self.below else ():
            if not path.endswith(".py") and not path.startswith(".") and name == "project":
                (project / path).parent.mkdir(parents=True, exist_ok=True)
                (project / path).write_text("another file of this name\n")
        for path, text in self.files.items():
            (project / path).parent.mkdir(parents=True, exist_ok=True)
            (project / path).write_text(text)
        return project

    def job(self, kind: str, folder: Path, argument: str = "") -> int:
        """Run a job by forking, or in a fresh interpreter."""
        opened = self.folder / "opened.json"
        if self.real:
            command = [sys.executable, str(HARNESS.__file__), "--job", kind, self.row.name]
            if kind == "script":
                command = [sys.executable, argument]
            done = subprocess.run(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                timeout=TIMEOUT,
                env={
                    **os.environ,
                    "PYTHONDONTWRITEBYTECODE": "1",
                    "MPLBACKEND": "agg",
                    "PYTHONHASHSEED": "0",
                    COLD: "1",
                },
            )
            self.log.write_text(done.stdout + done.stderr)
            opened.write_text("[]")
            return done.returncode
        jobs: dict[str, Callable[[], object]] = {
            "notebook": lambda: run_notebook(self.row),
            "convert": run_convert,
            "script": lambda: run_script(argument, opened),
        }
        return forked(jobs[kind], folder, self.log)

    def run(self) -> Outcome:
        """The conversion; both runs and the comparison, unless they have passed before and depend on nothing new."""
        project = self.project("project")
        (project / self.below / NOTEBOOK).write_text(json.dumps(self.row.notebook()))
        given = _files(project)
        converted = self.convert(project)
        if self.row.expect not in (SAME, EITHER) and converted.status != "same":
            return converted
        # Of the codes, not of the words: a message that reads better changes no run.
        key = row_store.key_of(self.row, _files(project), (converted.status, sorted(self.said), self.real), self.below)
        if KEEP not in os.environ and row_store.passed(key):
            return converted
        outcome = self.both(project, given, converted)
        if not outcome.verdict(self.row):
            row_store.keep(key)
        return outcome

    def convert(self, project: Path) -> Outcome:
        """Convert; `same` says that it went well so far."""
        name = self.row.name
        code = self.job("convert", project)
        text = self.log.read_text()
        findings = [(m[1], m[2]) for m in _FOUND.finditer(text)]
        errors = [c for c, word in findings if not word]
        self.said = {c for c, _ in findings}
        if code == 1 and errors and "Traceback" not in text:
            return Outcome(name, "refused", _errors_of(text), errors)
        return Outcome(name, "failed", f"convert: exit {code}\n{self.tail()}") if code else Outcome(name, "same")

    def both(self, project: Path, given: Mapping[str, bytes], converted: Outcome) -> Outcome:
        """Run the notebook, and the pipeline that it was converted to."""
        if WAITING:
            _import(WAITING)
            WAITING.clear()
        name = self.row.name
        reference = self.project("notebook")
        if self.row.expect in (SAME, EITHER) and self.job("notebook", reference / self.below):
            return Outcome(name, "reference", self.tail())
        if self.row.right is not None:
            found = json.loads((reference / self.below / "results.json").read_text())
            if found != self.row.right:
                return Outcome(name, "reference", f"results.json is {found}, by hand {self.row.right}")
        if converted.status != "same":
            return converted
        self.tune(project)
        problem = self.pipeline(project, reference, given)
        if not problem:
            return Outcome(name, "same")
        status = "failed" if problem.startswith("stage ") else "different"
        return Outcome(name, status, problem)

    def tune(self, project: Path) -> None:
        """Change values of params.yaml as a user would."""
        for name, value in self.row.tuned.items():
            path = project / "params.yaml"
            text, count = re.subn(rf"(?m)^(\s*['\"]?{name}['\"]?:).*$", rf"\1 {value}", path.read_text())
            assert count == 1, f"{name} in params.yaml: {text}"
            path.write_text(text)

    def pipeline(self, project: Path, reference: Path, given: Mapping[str, bytes]) -> str:
        """Run the stages, twice; what is wrong, or an empty text."""
        from ruamel.yaml import YAML

        stages = YAML(typ="safe").load((project / "dvc.yaml").read_text())["stages"]
        generated = _files(project).keys()
        for script in (p for p in generated if p.endswith(".py") and p not in given):
            if re.search(r"^\s*(import|from) nb2stage", (project / script).read_text(), re.MULTILINE):
                return f"{script} imports nb2stage"
        first, last = _order(stages, last_first=False), _order(stages, last_first=True)
        has_files = bool(_files(reference).keys() - {self.placed("result.json"), self.placed("results.json")})
        for last_first in (False, True) if has_files or first != last else (False,):
            for stage in stages.values():
                _delete_outs(project, stage)
            for name in last if last_first else first:
                _delete_outs(project, stages[name])
                script = stages[name]["cmd"].removeprefix("python ")
                with self.sealed(stages[name], project):
                    code = self.job("script", project, script)
                if code:
                    return f"stage {name}: exit {code}\n{self.tail()}"
                if problem := self.undeclared(name, stages, project):
                    return problem
                _ignore_outs(project, stages[name])
            if problem := self.compare(project, reference, set(generated) | set(given), stages):
                return problem + (" (second run, other order)" if last_first else "")
        return ""

    @contextlib.contextmanager
    def sealed(self, stage: Mapping[str, Any], project: Path) -> Iterator[None]:
        """Where the row asks for it, the files that lie beside the notebook are away unless the stage declares them."""
        hidden = self.folder / "hidden"
        declared = [*stage.get("deps", []), *_outs(stage)]
        away = []
        if self.row.sealed and not SAID["read"] & self.said:
            away = [path for path, text in self.files.items() if text.strip() and not _within(path, declared)]
        for path in away:
            (hidden / path).parent.mkdir(parents=True, exist_ok=True)
            (project / path).rename(hidden / path)
        yield
        for path in away:
            (hidden / path).rename(project / path)

    def undeclared(self, name: str, stages: Mapping[str, Any], project: Path) -> str:
        """What the stage read or wrote without saying so."""
        stage = stages[name]
        deps, outs = stage.get("deps", []), _outs(stage)
        foreign = [p for n, s in stages.items() if n != name for p in _outs(s)]
        for path, mode in json.loads((self.folder / "opened.json").read_text()):
            missing = [p for p in stage.get("deps", []) if not (project / p).exists()]
            if missing:
                return f"stage {name}: dep {missing[0]} does not exist"
            if mode == "read" and not _within(path, [*deps, *outs]) and not SAID["read"] & self.said:
                if _within(path, foreign):
                    return f"stage {name}: reads {path} of another stage, which is not in its deps"
                if path in self.files:
                    return f"stage {name}: reads {path}, which is not in its deps"
            left = mode == "write" and (project / path).exists()
            if left and not _within(path, outs) and not SAID["write"] & self.said:
                return f"stage {name}: writes {path}, which is not in its outs"
        absent = [p for p in outs if not (project / p).exists()]
        return f"stage {name}: does not write its out {absent[0]}" if absent else ""

    def compare(self, project: Path, reference: Path, ours: set[str], stages: Mapping[str, Any]) -> str:
        """The files of both sides, and the shown figures."""
        expected, found = _files(reference), _files(project)
        outs = {path if path in found else self.placed(path): text for path, text in self.row.outs.items()}
        for path, text in outs.items():
            if path not in found or not same_content(path, found[path], text):
                return f"{path} is {_short(found.get(path, b'missing'))}"
        shown = [expected.pop(p) for p in sorted(expected) if p.startswith(f"{self.placed('shown')}/")]
        pictures: list[bytes] = []
        for stage in stages.values():
            folders = [p for p in _outs(stage) if p.endswith("figures")]
            for folder in folders:
                names = [p for p in found if p.startswith(folder + "/figure_")]
                pictures += [found[p] for p in sorted(names, key=lambda p: [int(d) for d in re.findall(r"\d+", p)])]
        for path, data in expected.items():
            if path in self.files and found.get(path) == data:
                continue
            if path not in found:
                return f"{path} is missing"
            if Path(path).suffix not in BINARY and found[path] != data:
                return f"{path} differs:\n  notebook: {_short(data)}\n  pipeline: {_short(found[path])}"
        figures = [p for s in stages.values() for p in _outs(s) if p.endswith(("figures", "pages"))]
        more = [
            p
            for p in found
            if p not in expected and p not in ours and not _within(p, ["cache", "report/report.md", *figures])
            if Path(p).name != ".gitignore"
        ]
        more = [p for p in more if p not in outs]
        if more:
            return f"{more[0]} is written by the pipeline only"
        if len(shown) != len(pictures):
            return f"{len(shown)} figures shown, {len(pictures)} saved"
        changed = [n for n, (one, two) in enumerate(zip(shown, pictures, strict=True), start=1) if one != two]
        return f"figure {changed[0]} of {len(shown)} differs" if changed else ""

    def tail(self) -> str:
        lines = self.log.read_text(errors="replace").strip().split("\n")
        return "\n".join(line[:300] for line in lines[-8:])


def _files(folder: Path) -> dict[str, bytes]:
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts and ".ipynb_checkpoints" not in path.parts:
            found[path.relative_to(folder).as_posix()] = path.read_bytes()
    return found


def _outs(stage: Mapping[str, Any]) -> list[str]:
    return [
        entry if isinstance(entry, str) else next(iter(entry))
        for key in ("outs", "metrics", "plots")
        for entry in stage.get(key, ())
    ]


def _delete_outs(project: Path, stage: Mapping[str, Any]) -> None:
    """What DVC does before it runs a stage."""
    for key in ("outs", "metrics", "plots"):
        for entry in stage.get(key, ()):
            path = project / (entry if isinstance(entry, str) else next(iter(entry)))
            if isinstance(entry, dict) and next(iter(entry.values())).get("persist"):
                continue
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


def _ignore_outs(project: Path, stage: Mapping[str, Any]) -> None:
    """What DVC does after it has run a stage: git ignores each out, by a file beside it unless another one says so."""
    for entry in stage.get("outs", ()):
        path = entry if isinstance(entry, str) else next(iter(entry))
        if isinstance(entry, dict) and entry[path].get("cache") is False:
            continue
        if not any(_ignores(project, folder, path) for folder in PurePosixPath(path).parents):
            with (project / path).parent.joinpath(".gitignore").open("a") as file:
                file.write(f"/{PurePosixPath(path).name}\n")


def _ignores(project: Path, folder: PurePosixPath, path: str) -> bool:
    file = project / folder / ".gitignore"
    if not file.exists():
        return False
    lines = file.read_text().splitlines()
    below = PurePosixPath(path).relative_to(folder).as_posix()
    return GitIgnoreSpec.from_lines(lines).match_file(below + "/" * (project / path).is_dir())


def _order(stages: Mapping[str, Any], *, last_first: bool) -> list[str]:
    """The stages so that each comes behind those whose outs it needs; otherwise first or last ones first."""
    waiting = list(stages)
    done: list[str] = []
    while waiting:
        ready = [
            n
            for n in waiting
            if not any(
                _within(dep, _outs(stages[m])) or any(_within(out, [dep]) for out in _outs(stages[m]))
                for dep in stages[n].get("deps", ())
                for m in waiting
                if m != n
            )
        ]
        chosen = ready[-1 if last_first else 0] if ready else waiting[0]
        waiting.remove(chosen)
        done.append(chosen)
    return done


def _within(path: str, folders: Iterable[str]) -> bool:
    return any(path == f or path.startswith(f.rstrip("/") + "/") for f in folders)


def _short(data: bytes) -> str:
    return repr(data)[:400]


def _errors_of(text: str) -> str:
    lines = text.strip().split("\n")
    kept = [n for n, line in enumerate(lines) if (m := _FOUND.search(line)) and not m[2]]
    return "\n".join(lines[m] for n in kept for m in (n, n + 1) if m < len(lines) and (m == n or "hint" in lines[m]))


def try_row(row: Row, *, real: bool = False) -> Outcome:
    """Try one row in a folder of its own."""
    start = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="trial"))
    try:
        outcome = Trial(row, folder, real=real).run()
    except Exception:
        outcome = Outcome(row.name, "failed", "harness: " + traceback.format_exc())
    finally:
        if keep := os.environ.get(KEEP):
            shutil.rmtree(Path(keep) / row.name, ignore_errors=True)
            shutil.copytree(folder, Path(keep) / row.name)
        shutil.rmtree(folder, ignore_errors=True)
    outcome.seconds = time.monotonic() - start
    return outcome


# -- template processes


def serve(rows: Sequence[Row], imports: Sequence[str], *, real: bool) -> None:
    """Try the rows whose names come in, one a line; answer with outcomes."""
    os.environ.update(MPLBACKEND="agg", TF_CPP_MIN_LOG_LEVEL="3")
    answers = os.fdopen(os.dup(1), "w")
    sys.stdout = sys.stderr
    if not real:
        _import(CONVERTING)
        WAITING.extend([*IMPORTED, *imports])
    by_name = {row.name: row for row in rows}
    for line in sys.stdin:
        outcome = try_row(by_name[line.strip()], real=real)
        answers.write(json.dumps(vars(outcome)) + "\n")
        answers.flush()


WAITING: Final[list[str]] = []  # what a template imports before it runs a notebook or a pipeline for the first time


def _import(names: Iterable[str]) -> None:
    for name in names:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    if "matplotlib" in sys.modules:
        sys.modules["matplotlib"].use("agg")
    gc.freeze()


class Pool:
    """Template processes and the rows that they have to try: as many as cores, which go ahead with all rows.

    Beside other processes of a test runner one template tries a row when it is asked for.
    `harness` is the file that starts one with `--serve`.  A template has imported what the rows that it gets import;
    rows of the same imports follow each other.
    """

    def __init__(self, harness: str, rows: Iterable[Row], *, real: bool = False, below: str = "") -> None:
        ordered = sorted(rows, key=lambda row: row.imports)
        self.rows: queue.SimpleQueue[Row] = queue.SimpleQueue()
        self.events = {row.name: threading.Event() for row in ordered}
        self.outcomes: dict[str, Outcome] = {}
        self.finished: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.command = [sys.executable, harness, "--serve", *(["--real"] if real else [])]
        self.command += [f"--below={below}"] * bool(below)
        self.waiting = {row.name: row for row in ordered} if "PYTEST_XDIST_WORKER" in os.environ else {}
        for row in ordered if not self.waiting else ():
            self.rows.put(row)
        for _ in range(1 if self.waiting else min(os.cpu_count() or 1, 4)):
            threading.Thread(target=self.work, daemon=True).start()

    def work(self) -> None:
        server, imports = None, None
        with contextlib.suppress(queue.Empty):
            while True:
                row = self.rows.get(block=bool(self.waiting))
                if server is None or row.imports != imports:
                    _stop(server)
                    imports = row.imports
                    command = [*self.command, f"--import={','.join(imports)}"]
                    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
                self.outcomes[row.name] = _ask(server, row.name)
                self.events[row.name].set()
                self.finished.put(row.name)
        _stop(server)

    def outcome(self, name: str) -> Outcome:
        if self.waiting:
            self.rows.put(self.waiting[name])
        assert self.events[name].wait(WAIT), name
        return self.outcomes[name]


def _ask(server: subprocess.Popen[str], name: str) -> Outcome:
    assert server.stdin is not None
    assert server.stdout is not None
    with contextlib.suppress(BrokenPipeError):
        server.stdin.write(name + "\n")
        server.stdin.flush()
    line = server.stdout.readline()
    return Outcome(**(json.loads(line) if line else {"name": name, "status": "failed", "detail": "the template died"}))


def _stop(server: subprocess.Popen[str] | None) -> None:
    if server is not None:
        with server:
            pass


# -- by hand


def _means(word: str, row: Row) -> bool:
    return fnmatch.fnmatch(row.name, word) or word in row.name or word == row.group


def main(harness: str, rows: Sequence[Row], arguments: Sequence[str]) -> int:
    """Run rows, print what is wrong with them; also what template processes and jobs of their own are started with."""
    parser = argparse.ArgumentParser()
    parser.add_argument("words", nargs="*", help="parts of names, patterns with * and ?, or names of groups")
    parser.add_argument("--real", action="store_true", help="start fresh interpreters instead of forking")
    parser.add_argument("--all-rows", action="store_true", help="also run those that passed and did not change since")
    parser.add_argument("--below", metavar="FOLDER", help="let the notebook lie in a folder of the project")
    parser.add_argument("--serve", action="store_true")
    parser.add_argument("--import", dest="imports", default="")
    parser.add_argument("--job", nargs=2)
    parser.add_argument("-v", "--verbose", action="store_true")
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="keep the projects, with their scripts, in this folder"
    )
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    if options.below:
        os.environ[BELOW] = options.below
    if options.serve:
        serve(rows, [name for name in options.imports.split(",") if name], real=options.real)
        return 0
    if options.job:
        kind, name = options.job
        os.environ["MPLBACKEND"] = "agg"
        row = next(row for row in rows if row.name == name)
        return run_convert() if kind == "convert" else run_notebook(row) or 0
    if options.all_rows:
        os.environ[row_store.ALL_ROWS] = "1"
    if options.keep:
        os.environ[KEEP] = str(options.keep.absolute())
    words = options.words or [""]
    chosen = {r.name: r for r in rows if any(_means(w, r) for w in words)}
    start = time.monotonic()
    pool = Pool(harness, chosen.values(), real=options.real, below=options.below or "")
    for _ in chosen:
        outcome = pool.outcomes[pool.finished.get()]
        wrong = outcome.verdict(chosen[outcome.name])
        if wrong or options.verbose:
            sys.stdout.write(f"{'WRONG' if wrong else 'ok   '} {outcome.name}: {wrong or outcome.status}\n")
            sys.stdout.write("".join(f"      {line}\n" for line in outcome.detail.split("\n") if line))
            sys.stdout.flush()
    found = [(pool.outcomes[name], row) for name, row in chosen.items()]
    if options.json:
        details = [vars(o) | {"wrong": o.verdict(row), "expect": row.expect, "text": row.text} for o, row in found]
        options.json.write_text(json.dumps(details, indent=1))
    counts = Counter(outcome.status for outcome, _ in found)
    failing = sum(bool(outcome.verdict(row)) for outcome, row in found)
    sys.stdout.write(f"{len(found)} rows, {failing} wrong; {dict(counts)}; {time.monotonic() - start:.0f} s\n")
    return int(failing > 0)
