"""The differential check: does the pipeline that `nb2stage convert` makes give what the notebook gives?

The converter is a black box here.  A notebook is run twice in a kernel (what differs between these two runs cannot be
judged and is left out), then converted, then its pipeline is run, and the values of its names and the files that it
wrote are compared.  `python tests/differential.py --help` says how.

What the notebook is: its tagged cells, run top to bottom in one kernel, with the imports and definitions of the others.
"""

from __future__ import annotations

import argparse
import ast
import functools
import hashlib
import json
import os
import py_compile
import random
import re
import shlex
import shutil
import signal
import subprocess
import symtable
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import nbformat

from nb2stage.probes import digests
from nb2stage.runs.sandbox import place_tools

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

STAGES: Final = ("import", "preprocess", "train", "report")
FEW_CELLS: Final = 8  # with fewer code cells than this a notebook is split at its statements
STAGE_TAGS: Final = frozenset({"import", "clean", "preprocess", "features", "split", "train", "evaluate", "report"})
OTHER_TAGS: Final = frozenset({"parameters", "injected-parameters", "setup", "metrics"})  # these cells are run as well
STATUSES: Final = ("same", "refused", "failed", "different", "not runnable", "runnable")
PROGRAM: Final = "nb2stage"
DIGESTS: Final = "digest.json"
PROBED: Final = "nbprobe.json"
HELPER: Final = "nbdigest.py"
COMPILED: Final = "compiled_digests"
# never data of the notebook's: not copied beside it, and not counted among the files that it wrote
NOT_DATA: Final = frozenset(
    {".git", ".dvc", ".dvcignore", ".gitignore", "dvc.yaml", "dvc.lock", "__pycache__", ".ipynb_checkpoints"}
)

# What the helper module that is put beside each notebook gives: the module by which `nb2stage verify` compares.  It stands
# there compiled: as source, convert would read it as the notebook's own, and it looks at values as no notebook may.
DIGEST_MODULE: Final = Path(digests.__file__).read_text(encoding="utf-8")


def spelt_out(module: str) -> str:
    """The same, with texts and arrays in full instead of their hashes: slow, for finding the place of a difference."""
    for name in ("LONGEST", "SHORTEST_BULK"):
        module, count = re.subn(rf"^{name} = \d+$", f"{name} = 10**9", module, flags=re.MULTILINE)
        if count != 1:
            raise RuntimeError(f"the digest module has no line `{name} = ...`")
    return module


FULL_DIGEST_MODULE: Final = spelt_out(DIGEST_MODULE)


# -- what the check is told and what it finds


@dataclass(frozen=True)
class Options:
    """How notebooks are prepared, run and converted."""

    prepare: bool = False  # split and tag the cells and append the digest cell
    digest: bool = False  # append the digest cell to a notebook that has tags of its own
    split: str = "auto"  # "auto": when a notebook has few code cells; "always"; "never"
    cuts: int | None = None  # seed of the places where it is cut into stages; None: equal quarters
    timeout: float = 60.0  # seconds for one run of a notebook
    engine: str = "dvc"  # "dvc", or "direct": the commands of dvc.yaml without DVC
    strict_deps: bool = False  # direct: each stage in a folder that has nothing but its declared deps
    convert_command: tuple[str, ...] = ()
    cache: Path | None = None
    keep: Path | None = None
    reference_only: bool = False
    explain: bool = False  # run both once more and tell the first place where two values differ
    confirm: int = 4  # runs of the notebook that a difference must survive


@dataclass
class Reference:
    """What two runs of the notebook gave.

    `digests` lists for each name the digests that count as the same value: as it stood in the kernel, and pickled once
    and twice where pickling alone changes it.  `files` are those that both runs wrote; the value says whether with the
    same bytes.  `left_out` says why a name does not count.
    """

    runnable: bool
    reason: str = ""
    timed_out: bool = False
    timeout: float = 0.0
    seconds: float = 0.0
    names: list[str] = field(default_factory=list)
    digests: dict[str, list[str]] = field(default_factory=dict)
    unpicklable: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    files: dict[str, bool] = field(default_factory=dict)


@dataclass(frozen=True)
class Difference:
    """One name or file that the pipeline gives differently; `kind` is "name" or "file"."""

    kind: str
    what: str
    notebook: str
    pipeline: str
    place: tuple[str, str] = ("", "")  # with `explain`: where the two values begin to differ


@dataclass
class Outcome:
    """The verdict on one notebook.  `codes` are those of refusing diagnostics, `warnings` those of all others."""

    notebook: str
    status: str
    reason: str = ""
    codes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    diagnostics: str = ""
    differences: list[Difference] = field(default_factory=list)
    undeclared: list[str] = field(default_factory=list)  # with strict deps: files written that no stage declares
    left_out: dict[str, str] = field(default_factory=dict)
    unpicklable: list[str] = field(default_factory=list)
    names: int = 0
    files: int = 0
    seconds: float = 0.0
    convert_seconds: float = 0.0


class PipelineError(Exception):
    """The pipeline could not be made or did not run through."""


class NotRunnableError(Exception):
    """The notebook does not run here."""

    def __init__(self, reason: str, *, timed_out: bool = False) -> None:
        super().__init__(reason)
        self.timed_out = timed_out


# -- notebooks and their cells


def load(path: Path) -> Any:
    """The notebook as nbformat's version 4, without outputs and ids (so that equal cells make equal bytes)."""
    notebook = nbformat.read(path, as_version=4)
    notebook.nbformat_minor = 4
    notebook.metadata = {}
    for cell in notebook.cells:
        cell.pop("id", None)
        cell.pop("attachments", None)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def code_cell(source: str, *tags: str) -> Any:
    """A new code cell."""
    cell = nbformat.v4.new_code_cell(source, metadata={"tags": list(tags)} if tags else {})
    cell.pop("id", None)
    return cell


def with_cells(notebook: Any, cells: Iterable[Any]) -> Any:
    """The notebook with other cells."""
    copy = nbformat.from_dict(dict(notebook))
    copy.cells = [nbformat.from_dict(dict(cell)) for cell in cells]
    return copy


def is_code(cell: Any) -> bool:
    """Is this a code cell that has code?"""
    return cell.cell_type == "code" and bool(cell.source.strip())


def split_source(source: str) -> list[str]:
    """The source cut between its top-level statements; comments stay with the statement that follows.

    Statements that share a line stay together, and so does a source that is not plain Python.
    """
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError):
        return [source]
    lines = source.split("\n")
    pieces: list[tuple[int, int]] = []
    for statement in body:
        end = statement.end_lineno or statement.lineno
        if pieces and statement.lineno <= pieces[-1][1]:
            pieces[-1] = (pieces[-1][0], max(end, pieces[-1][1]))
        else:
            pieces.append((pieces[-1][1] if pieces else 0, end))
    if not pieces:
        return [source]
    pieces[-1] = (pieces[-1][0], len(lines))
    return ["\n".join(lines[start:end]).strip("\n") for start, end in pieces]


def split_cells(notebook: Any, split: str) -> Any:
    """The notebook with its code cells cut into statements, where `split` asks for it."""
    few = sum(map(is_code, notebook.cells)) < FEW_CELLS
    if split == "never" or (split == "auto" and not few):
        return notebook
    cells = []
    for cell in notebook.cells:
        if is_code(cell):
            cells += [code_cell(piece) for piece in split_source(cell.source)]
        else:
            cells.append(cell)
    return with_cells(notebook, cells)


def stage_of_each(count: int, cuts: int | None) -> list[str]:
    """The stage of each of `count` cells: equal quarters, or cut at places drawn with the seed `cuts`."""
    stages = len(STAGES)
    if cuts is None or count < stages:
        return [STAGES[i * stages // count] for i in range(count)]
    places = sorted(random.Random(cuts).sample(range(1, count), stages - 1))
    return [STAGES[sum(i >= place for place in places)] for i in range(count)]


def prepare(notebook: Any, *, split: str = "auto", cuts: int | None = None) -> Any:
    """The notebook split and tagged.  Tags that it had are dropped; no code is changed."""
    notebook = split_cells(notebook, split)
    stages = iter(stage_of_each(sum(map(is_code, notebook.cells)), cuts))
    cells = [code_cell(cell.source, next(stages)) if is_code(cell) else cell for cell in notebook.cells]
    return with_cells(notebook, cells)


def tags_of(cell: Any) -> list[str]:
    """The tags of a cell, of its metadata and of a first-line comment `#| stage: train`."""
    tags = list(cell.metadata.get("tags", []))
    comment = re.match(r"#\|\s*stage:\s*(\S+)", cell.source.lstrip())
    if comment:
        name = comment.group(1)
        tags.append(name if name in STAGE_TAGS | OTHER_TAGS else f"stage:{name}")
    return tags


def stage_of(cell: Any) -> str | None:
    """The tag that names the cell's stage, if it has one."""
    return next((tag for tag in tags_of(cell) if tag in STAGE_TAGS or tag.startswith("stage:")), None)


def is_run(cell: Any) -> bool:
    """Does the pipeline run this cell?"""
    return is_code(cell) and (stage_of(cell) is not None or any(tag in OTHER_TAGS for tag in tags_of(cell)))


def is_inert(statement: ast.stmt) -> bool:
    """Is this an import or a definition, also one that stands under `if` or `try`?"""
    if isinstance(statement, ast.If):
        return all(map(is_inert, [*statement.body, *statement.orelse]))
    if isinstance(statement, ast.Try):
        handlers = [inner for handler in statement.handlers for inner in handler.body]
        return all(map(is_inert, [*statement.body, *handlers, *statement.orelse, *statement.finalbody]))
    kinds = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return isinstance(statement, kinds)


def inert_part(source: str) -> str:
    """The imports and definitions of a cell, also of one with magics; nothing when it is not Python."""
    try:
        body = ast.parse(python_of(source)).body
    except (SyntaxError, ValueError):
        return ""
    return "\n".join(ast.unparse(statement) for statement in body if is_inert(statement))


def as_compared(notebook: Any) -> Any:
    """The notebook that the pipeline is compared with: the cells that run, imports and definitions of the others."""
    cells = []
    for cell in notebook.cells:
        if is_run(cell):
            cells.append(cell)
        elif is_code(cell) and (rest := inert_part(cell.source)):
            cells.append(code_cell(rest))
    return with_cells(notebook, cells)


# -- names and the cell that digests them


def python_of(source: str) -> str:
    """The cell as Python, magics turned into calls; the body of a cell magic is taken as code too."""
    from IPython.core.inputtransformer2 import TransformerManager

    first, _, rest = source.lstrip().partition("\n")
    return TransformerManager().transform_cell(rest if first.startswith("%%") else source)


def bound_names(source: str) -> set[str]:
    """Names that the source binds at its top level by other means than `import`, `def` and `class`."""
    try:
        table = symtable.symtable(python_of(source), "<cell>", "exec")
    except (SyntaxError, ValueError):
        return set()
    tables, names = [table], set()
    while tables:
        scope = tables.pop()
        tables += scope.get_children()
        for symbol in scope.get_symbols():
            here = scope is table or symbol.is_declared_global()
            if here and symbol.is_assigned() and not symbol.is_imported() and not symbol.is_namespace():
                names.add(symbol.get_name())
    return names


def candidates(notebook: Any) -> list[str]:
    """Names that the notebook may have bound when it has run; names that begin with `_` do not count."""
    found: set[str] = set()
    for cell in notebook.cells:
        if is_code(cell):
            found |= bound_names(cell.source)
    return sorted(name for name in found if not name.startswith("_"))


def free_name(name: str, taken: Iterable[str]) -> str:
    """The name, with underscores behind it until it is free."""
    used = set(taken)
    while name in used:
        name += "_"
    return name


def digest_source(names: Sequence[str]) -> str:
    """The code that writes the digests of the names: each is used by name, so that any analysis sees it."""
    digest, writer, result = (free_name(name, names) for name in ("digest", "json", "digests"))
    imported = [
        "import json" if writer == "json" else f"import json as {writer}",
        "from nbdigest import digest" if digest == "digest" else f"from nbdigest import digest as {digest}",
    ]
    lines = [f'    "{name}": {digest}({name}),' for name in names]
    file = free_name("file", names)
    return "\n".join(
        [
            *imported,
            "",
            f"{result} = {{",
            *lines,
            "}",
            f'with open("{DIGESTS}", "w") as {file}:',
            f"    {writer}.dump({result}, {file}, indent=1, sort_keys=True)",
        ]
    )


def with_digest(notebook: Any, names: Sequence[str]) -> Any:
    """The notebook with the digest cell at its end, in its last stage: the one whose first cell comes last."""
    stages = list(dict.fromkeys(stage for cell in notebook.cells if is_code(cell) and (stage := stage_of(cell))))
    return with_cells(notebook, [*notebook.cells, code_cell(digest_source(names), stages[-1])])


def with_probe(notebook: Any, names: Sequence[str]) -> Any:
    """The notebook with a cell at its end that finds out which of the names are bound."""
    source = f"import nbdigest\nnbdigest.probe(globals(), {list(names)!r}, {DIGESTS!r}, {PROBED!r})"
    return with_cells(notebook, [*notebook.cells, code_cell(source)])


# -- folders and processes


def hash_of(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def snapshot(folder: Path) -> dict[str, str]:
    """Hash of every file below the folder that may be data of the notebook's."""
    found = {}
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_file() and not NOT_DATA.intersection(parts):
            found["/".join(parts)] = hash_of(path)
    return found


def data_beside(path: Path) -> list[Path]:
    """Files and folders that stand beside a notebook and may be data of its: no other notebooks, no pipeline."""
    return sorted(entry for entry in path.parent.iterdir() if entry.suffix != ".ipynb" and entry.name not in NOT_DATA)


def place_helper(folder: Path, module: str) -> None:
    """Put the digest module into a folder, compiled, and the module that the notebook imports it by."""
    with tempfile.TemporaryDirectory(prefix="differential-") as temporary:
        source = Path(temporary) / f"{COMPILED}.py"
        source.write_text(module, encoding="utf-8")
        py_compile.compile(str(source), str(folder / f"{COMPILED}.pyc"), dfile=source.name, doraise=True)
    imported = f'"""Digests of values."""\n\nfrom {COMPILED} import digest, probe\n'
    (folder / HELPER).write_text(imported, encoding="utf-8")


def place(path: Path, notebook: Any, folder: Path, helper: str = "") -> None:
    """Put the notebook, the data beside its original and the digest module into a folder; no empty module."""
    folder.mkdir(parents=True, exist_ok=True)
    for entry in data_beside(path):
        if entry.is_dir():
            shutil.copytree(entry, folder / entry.name, ignore=shutil.ignore_patterns(*NOT_DATA), dirs_exist_ok=True)
        elif entry.is_file():
            shutil.copy(entry, folder / entry.name)
    if helper:
        place_helper(folder, helper)
    nbformat.write(notebook, folder / path.name)


@functools.cache
def scratch() -> Path:
    """A folder of this process for settings of DVC and IPython; removed when the process ends."""
    folder = tempfile.TemporaryDirectory(prefix="differential-")
    _held.append(folder)
    return Path(folder.name)


_held: list[tempfile.TemporaryDirectory[str]] = []


def environment() -> dict[str, str]:
    """The environment of both runs: one thread, a fixed hash seed, this Python first on the path, no network."""
    dropped = {"MPLBACKEND", "PYTHONPATH", "VIRTUAL_ENV"}
    env = {key: value for key, value in os.environ.items() if key not in dropped and "proxy" not in key.lower()}
    home = scratch()
    nowhere = dict.fromkeys(
        ("http_proxy", "https_proxy", "ftp_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://localhost:9"
    )
    return env | {
        **nowhere,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), env.get("PATH", "")]),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "LOKY_MAX_CPU_COUNT": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "DVC_NO_ANALYTICS": "1",
        "DVC_GLOBAL_CONFIG_DIR": str(home / "dvc-global"),
        "DVC_SYSTEM_CONFIG_DIR": str(home / "dvc-system"),
        "DVC_SITE_CACHE_DIR": str(home / "dvc-site"),
        "IPYTHONDIR": str(home / "ipython"),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
    }


@dataclass(frozen=True)
class Done:
    """A process that has ended; the code is -1 when it ran out of time."""

    code: int
    out: str
    err: str

    def tail(self, lines: int = 12) -> str:
        """The last lines that it said."""
        text = self.err.strip() or self.out.strip()
        return "\n".join(text.splitlines()[-lines:])


def run(command: Sequence[str] | str, cwd: Path, timeout: float) -> Done:
    """Run a command in a group of its own; the whole group is killed when the time is over."""
    with subprocess.Popen(
        command,
        cwd=cwd,
        env=environment(),
        shell=isinstance(command, str),
        executable="/bin/bash" if isinstance(command, str) else None,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            return Done(-1, out, f"{err}\nout of time: {timeout:.0f} s")
    return Done(process.returncode, out, err)


# -- the notebook's own runs


def execute(notebook: Any, folder: Path, timeout: float) -> None:
    """Run a notebook in a fresh kernel in a folder; `timeout` is for all its cells together."""
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    end = time.monotonic() + timeout
    client = NotebookClient(
        with_cells(notebook, notebook.cells),
        timeout_func=lambda _cell: max(0.5, end - time.monotonic()),
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
    )
    try:
        client.execute(env=environment(), stderr=subprocess.DEVNULL)
    except CellExecutionError as error:
        raise NotRunnableError(f"{error.ename}: {error.evalue}"[:300]) from None
    except CellTimeoutError:
        raise NotRunnableError(f"more than {timeout:.0f} s", timed_out=True) from None
    except DeadKernelError:
        raise NotRunnableError("the kernel died") from None
    except Exception as error:
        raise NotRunnableError(f"{type(error).__name__}: {error}"[:300]) from error


def own_run(path: Path, notebook: Any, folder: Path, options: Options, helper: str = DIGEST_MODULE) -> dict[str, str]:
    """Run the notebook in the folder; return the files that it wrote or changed, with their hashes."""
    place(path, notebook, folder, helper if options.prepare or options.digest else "")
    before = snapshot(folder)
    execute(notebook, folder, options.timeout)
    return {name: value for name, value in snapshot(folder).items() if before.get(name) != value}


def read_json(path: Path) -> dict[str, Any]:
    """A JSON file's object; empty when there is no such file."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def run_reference(path: Path, subject: Any, folder: Path, options: Options) -> Reference:
    """Run the notebook twice, in `first` and `second` below the folder, and keep what the two runs agree about."""
    started = time.monotonic()
    first, second = folder / "first", folder / "second"
    plain = as_compared(subject)
    digests = options.prepare or options.digest
    names: list[str] = []
    pickled: dict[str, list[str] | None] = {}
    written = own_run(path, with_probe(plain, candidates(plain)) if digests else plain, first, options)
    seconds = time.monotonic() - started
    if digests:
        probed = read_json(first / PROBED)
        names, pickled = probed["names"], probed["pickled"]
        plain = as_compared(with_digest(subject, names))
    rewritten = own_run(path, plain, second, options)
    reference = Reference(runnable=True, names=names, seconds=round(seconds, 2), timeout=options.timeout)
    one, two = read_json(first / DIGESTS), read_json(second / DIGESTS)
    for name in names:
        if one[name] == two[name]:
            reference.digests[name] = list(dict.fromkeys([one[name], *(pickled[name] or [])]))
        else:
            reference.left_out[name] = "not the same in two runs of the notebook"
    reference.unpicklable = [name for name in names if pickled[name] is None]
    own = {DIGESTS, PROBED} if digests else set()
    reference.files = {f: written[f] == rewritten[f] for f in sorted(written) if f in rewritten and f not in own}
    return reference


def reference_key(path: Path, subject: Any) -> str:
    """What a reference depends on: the code that runs, the data beside it and the digest module.

    It does not depend on where the code is cut into stages.
    """
    cells = [cell.source for cell in as_compared(subject).cells if is_code(cell)]
    files = [file for entry in data_beside(path) for file in ([entry] if entry.is_file() else sorted(entry.rglob("*")))]
    data = [(str(file.relative_to(path.parent)), hash_of(file)) for file in files if file.is_file()]
    text = json.dumps([path.name, cells, data, DIGEST_MODULE])
    return f"{path.stem}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def stored_reference(folder: Path, options: Options) -> Reference | None:
    """The reference that a cache folder holds; none when it had less time than is given now and ran out of it."""
    if not (folder / "reference.json").exists():
        return None
    found = Reference(**read_json(folder / "reference.json"))
    return None if found.timed_out and found.timeout < options.timeout else found


def store_reference(folder: Path, reference: Reference, files: Path) -> None:
    """Write a reference into a cache folder: `reference.json` last, so that half a folder does not count."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in reference.files:
        (folder / "files" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(files / name, folder / "files" / name)
    write_reference(folder, reference)


def write_reference(folder: Path, reference: Reference) -> None:
    """Write what is known about the notebook's own runs into its cache folder."""
    (folder / "reference.json").write_text(json.dumps(asdict(reference), indent=1), encoding="utf-8")


def reference_of(path: Path, options: Options, folder: Path) -> tuple[Reference, Any, Path]:
    """The reference, the notebook to convert, and the cache folder; `folder` is the cache where none is kept."""
    subject = load(path)
    if options.prepare:
        subject = prepare(subject, split=options.split, cuts=options.cuts)
    digests = options.prepare or options.digest
    store = (options.cache or folder) / ("digest" if digests else "files") / reference_key(path, subject)
    reference = stored_reference(store, options)
    if reference is None:
        with tempfile.TemporaryDirectory(prefix="differential-") as temporary:
            runs = Path(temporary)
            try:
                reference = run_reference(path, subject, runs, options)
            except NotRunnableError as error:
                reference = Reference(False, str(error), timed_out=error.timed_out, timeout=options.timeout)
            store_reference(store, reference, runs / "second")
    return reference, with_digest(subject, reference.names) if digests else subject, store


# -- the pipeline


def convert_command() -> tuple[str, ...]:
    """The converter of this environment: the console script beside the interpreter, or the package as a module."""
    script = Path(sys.executable).with_name(PROGRAM)
    return (str(script),) if script.exists() else (sys.executable, "-m", PROGRAM)


@functools.cache
def empty_project() -> Path:
    """A folder after `git init` and `dvc init`, to be copied."""
    folder = scratch() / "project"
    folder.mkdir()
    for command in (["git", "init", "-q"], [sys.executable, "-m", "dvc", "init", "-q"]):
        done = run(command, folder, 120)
        if done.code:
            raise RuntimeError(f"{command}: {done.tail()}")
    return folder


def diagnostics_of(text: str) -> tuple[list[str], list[str]]:
    """The codes of the errors and those of the warnings and notes that the converter printed."""
    errors: list[str] = []
    others: list[str] = []
    for line in text.splitlines():
        found = re.search(r"\b(NB\d{3})\b(?: \[[^\]]*\])?(?: (warning|note):)?", line)
        if found and not line.startswith(" "):
            (others if found.group(2) else errors).append(found.group(1))
    return errors, others


def convert(name: str, project: Path, outcome: Outcome, options: Options) -> bool:
    """Convert the notebook; false when it was refused, an exception when the converter failed."""
    command = [*(options.convert_command or convert_command()), "convert", name]
    started = time.monotonic()
    done = run(command, project, max(60.0, options.timeout))
    outcome.convert_seconds = round(time.monotonic() - started, 2)
    outcome.diagnostics = f"{done.out}{done.err}".strip()
    outcome.codes, outcome.warnings = diagnostics_of(outcome.diagnostics)
    if done.code == 0:
        return True
    if done.code == 1 and outcome.codes and "Traceback (most recent call last)" not in outcome.diagnostics:
        return False
    raise PipelineError(f"convert ended with {done.code}: {done.tail()}")


def repro(project: Path, outcome: Outcome, options: Options) -> None:
    """Run the pipeline."""
    limit = 60 + 4 * options.timeout
    if options.engine == "direct":
        outcome.undeclared = run_direct(project, limit, strict=options.strict_deps)
        return
    done = run([sys.executable, "-m", "dvc", "repro"], project, limit)
    if done.code:
        raise PipelineError(f"dvc repro ended with {done.code}: {done.tail(20)}")


# -- the pipeline without DVC


def paths_in(entries: Iterable[Any] | None) -> list[str]:
    """The paths of a list in dvc.yaml, where an entry is a path or a path with settings."""
    return [next(iter(entry)) if isinstance(entry, dict) else str(entry) for entry in entries or ()]


def outs_of(stage: dict[str, Any]) -> list[str]:
    """Everything that a stage declares to write."""
    return [path for key in ("outs", "metrics", "plots") for path in paths_in(stage.get(key))]


def deps_of(stage: dict[str, Any]) -> list[str]:
    """Everything that a stage declares to read, files of parameters included."""
    found = paths_in(stage.get("deps"))
    for entry in stage.get("params") or ():
        found += list(entry) if isinstance(entry, dict) else ["params.yaml"]
    return list(dict.fromkeys(found))


def within(path: str, folder: str) -> bool:
    """Is this the same path or one inside the folder?"""
    path, folder = os.path.normpath(path), os.path.normpath(folder)
    return path == folder or path.startswith(folder + os.sep)


def in_order(stages: dict[str, dict[str, Any]]) -> list[str]:
    """The stages, each after those whose outs it reads."""
    needs = {
        name: {
            other
            for other, maker in stages.items()
            for out in outs_of(maker)
            if other != name and any(within(dep, out) or within(out, dep) for dep in deps_of(stage))
        }
        for name, stage in stages.items()
    }
    order: list[str] = []
    while len(order) < len(stages):
        ready = next((name for name in stages if name not in order and needs[name] <= set(order)), None)
        if ready is None:
            raise PipelineError(f"dvc.yaml: the stages {sorted(set(stages) - set(order))} need each other")
        order.append(ready)
    return order


def remove(path: Path) -> None:
    """Delete a file or a folder, if there is one."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def copy(source: Path, target: Path) -> None:
    """Copy a file or a folder over what is there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    else:
        shutil.copy(source, target)


@contextmanager
def stage_folder(project: Path, stage: dict[str, Any], *, strict: bool) -> Iterator[Path]:
    """The folder that a stage runs in: the project, or a new one with nothing but its declared deps."""
    if not strict:
        yield project
        return
    with tempfile.TemporaryDirectory(prefix="differential-") as temporary:
        folder = Path(temporary)
        helper = f"{COMPILED}.pyc"  # the check's own, which no stage declares
        for dep in [*deps_of(stage), *([helper] if (project / helper).exists() else [])]:
            copy(project / dep, folder / dep)
        yield folder


def run_stage(name: str, stage: dict[str, Any], project: Path, timeout: float, *, strict: bool) -> list[str]:
    """Run one stage as DVC does; return the files that it wrote and does not declare (only when `strict`)."""
    missing = [dep for dep in deps_of(stage) if not (project / dep).exists()]
    if missing:
        raise PipelineError(f"stage {name}: the deps {missing} do not exist")
    outs = outs_of(stage)
    for out in outs:
        remove(project / out)
    undeclared: list[str] = []
    with stage_folder(project, stage, strict=strict) as folder:
        before = snapshot(folder) if strict else {}
        commands = stage["cmd"] if isinstance(stage["cmd"], list) else [stage["cmd"]]
        for command in commands:
            done = run(str(command), folder / stage.get("wdir", "."), timeout)
            if done.code:
                raise PipelineError(f"stage {name} ended with {done.code}: {done.tail(20)}")
        missing = [out for out in outs if not (folder / out).exists()]
        if missing:
            raise PipelineError(f"stage {name} did not write {missing}")
        if strict:
            for file, value in snapshot(folder).items():
                if before.get(file) != value:
                    copy(folder / file, project / file)
                    undeclared += [file] if not any(within(file, out) for out in outs) else []
            for out in outs:
                copy(folder / out, project / out)
    return undeclared


def run_direct(project: Path, timeout: float, *, strict: bool) -> list[str]:
    """Run the commands of dvc.yaml in order; return the files written that no stage declares (only when `strict`)."""
    from ruamel.yaml import YAML

    stages = YAML(typ="safe").load(project / "dvc.yaml")["stages"]
    undeclared = []
    for name in in_order(stages):
        undeclared += run_stage(name, stages[name], project, timeout, strict=strict)
    return undeclared


# -- comparing


@functools.cache
def comparer() -> Path:
    """The program by which `nb2stage verify` compares files."""
    return place_tools(scratch() / "tools")


def same_file(one: Path, two: Path, project: Path) -> bool:
    """Are two files the same for a reader?  Pictures by their pixels, pickles by their values, others by their bytes."""
    if one.read_bytes() == two.read_bytes():
        return True
    if one.suffix not in (".png", ".pkl", ".pickle", ".joblib"):
        return False
    with tempfile.TemporaryDirectory(prefix="differential-") as temporary:
        request, answer = Path(temporary) / "request.json", Path(temporary) / "answer.json"
        task = {"kind": "file", "name": one.name, "notebook": str(one), "pipeline": str(two), "rtol": 0.0}
        content = {"project": str(project), "search": [str(project)], "answer": str(answer), "tasks": [task]}
        request.write_text(json.dumps(content), encoding="utf-8")
        run([sys.executable, str(comparer()), "comparing", str(request)], project, 60)
        return answer.exists() and json.loads(answer.read_text(encoding="utf-8")) == [""]


def different_names(reference: Reference, project: Path) -> list[Difference]:
    """The names whose values the pipeline gives differently."""
    found = read_json(project / DIGESTS)
    return [
        Difference("name", name, accepted[0], found.get(name, "missing"))
        for name, accepted in reference.digests.items()
        if found.get(name) not in accepted
    ]


def different_files(reference: Reference, files: Path, project: Path) -> list[Difference]:
    """The files that the notebook wrote and the pipeline did not, or differently."""
    found = []
    for name, settled in reference.files.items():
        mine = project / name
        if not mine.is_file():
            found.append(Difference("file", name, hash_of(files / name)[:16], "missing"))
        elif settled and not same_file(files / name, mine, project):
            found.append(Difference("file", name, hash_of(files / name)[:16], hash_of(mine)[:16]))
    return found


def differences_of(reference: Reference, store: Path, project: Path) -> list[Difference]:
    """All that the pipeline in `project` gives differently."""
    return different_names(reference, project) + different_files(reference, store / "files", project)


def leave_out(reference: Reference, store: Path, folder: Path) -> None:
    """Take out of the reference what one more run of the notebook, in `folder`, gave differently."""
    for found in differences_of(reference, store, folder):
        if found.kind == "name":
            del reference.digests[found.what]
            reference.left_out[found.what] = "not the same in every run of the notebook"
        elif found.pipeline == "missing":
            del reference.files[found.what]
        else:
            reference.files[found.what] = False


def confirmed(path: Path, notebook: Any, reference: Reference, store: Path, project: Path, options: Options) -> None:
    """Run the notebook again while the pipeline differs, and leave out what its own runs do not agree about.

    Two runs may agree by chance: about an unseeded random start that mostly ends in the same place, or a time.
    """
    for _ in range(options.confirm):
        if not differences_of(reference, store, project):
            break
        with tempfile.TemporaryDirectory(prefix="differential-") as temporary:
            try:
                own_run(path, as_compared(notebook), Path(temporary), options)
            except NotRunnableError:
                continue
            leave_out(reference, store, Path(temporary))
            write_reference(store, reference)


def first_difference(one: str, two: str, before: int = 160, after: int = 120) -> tuple[str, str]:
    """The two texts around the first character in which they differ."""
    at = next((i for i, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two)))
    start = max(0, at - before)
    return one[start : at + after], two[start : at + after]


def explained(
    path: Path, notebook: Any, project: Path, differences: Sequence[Difference], options: Options
) -> list[Difference]:
    """Run notebook and pipeline once more with digests in full, and add to each value where it begins to differ."""
    with tempfile.TemporaryDirectory(prefix="differential-") as temporary:
        folder = Path(temporary)
        try:
            own_run(path, as_compared(notebook), folder, options, FULL_DIGEST_MODULE)
            place_helper(project, FULL_DIGEST_MODULE)
            run_direct(project, 60 + 4 * options.timeout, strict=False)
        except (NotRunnableError, PipelineError):
            return list(differences)
        one, two = read_json(folder / DIGESTS), read_json(project / DIGESTS)
    return [
        replace(found, place=first_difference(one[found.what], two[found.what])) if found.what in one else found
        for found in differences
    ]


@contextmanager
def project_folder(path: Path, options: Options) -> Iterator[Path]:
    """The folder for the pipeline: below `options.keep` under the notebook's name, or a temporary one."""
    if options.keep is None:
        with tempfile.TemporaryDirectory(prefix="differential-") as temporary:
            yield Path(temporary) / "project"
        return
    folder = options.keep.resolve() / path.stem
    shutil.rmtree(folder, ignore_errors=True)
    yield folder


def check_pipeline(
    path: Path, notebook: Any, reference: Reference, store: Path, outcome: Outcome, options: Options
) -> str:
    """Convert, run, compare; return the status."""
    with project_folder(path, options) as project:
        shutil.copytree(empty_project(), project)
        place(path, notebook, project, DIGEST_MODULE if options.prepare or options.digest else "")
        run(["git", "add", "-A"], project, 60)
        if not convert(path.name, project, outcome, options):
            return "refused"
        repro(project, outcome, options)
        confirmed(path, notebook, reference, store, project, options)
        outcome.differences = differences_of(reference, store, project)
        if options.explain and outcome.differences:
            outcome.differences = explained(path, notebook, project, outcome.differences, options)
    return "different" if outcome.differences else "same"


def compare(path: Path, options: Options | None = None) -> Outcome:
    """The verdict on one notebook."""
    path, options = path.resolve(), options or Options()
    outcome = Outcome(str(path), "failed")
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="differential-") as temporary:
        try:
            reference, notebook, store = reference_of(path, options, Path(temporary))
            outcome.unpicklable = reference.unpicklable
            if not reference.runnable:
                outcome.status, outcome.reason = "not runnable", reference.reason
            elif options.reference_only:
                outcome.status = "runnable"
            else:
                outcome.status = check_pipeline(path, notebook, reference, store, outcome, options)
            outcome.names, outcome.files = len(reference.digests), len(reference.files)
            outcome.left_out = reference.left_out
        except PipelineError as error:
            outcome.reason = str(error)
        except Exception as error:
            outcome.reason = f"the check itself failed: {type(error).__name__}: {error}"
    outcome.seconds = round(time.monotonic() - started, 2)
    return outcome


# -- the command line


def notebooks_of(arguments: Iterable[Path]) -> list[Path]:
    """The notebooks that the arguments name: notebooks, folders of them, or text files with one path a line."""
    found: list[Path] = []
    for argument in arguments:
        if argument.is_dir():
            found += sorted(p for p in argument.rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts)
        elif argument.suffix == ".txt":
            found += [
                argument.parent / line for line in argument.read_text(encoding="utf-8").split("\n") if line.strip()
            ]
        else:
            found.append(argument)
    return found


def line_of(outcome: Outcome) -> str:
    """What is printed about one notebook while the check runs."""
    name = Path(outcome.notebook).stem
    codes = " ".join(f"{code}x{n}" if n > 1 else code for code, n in Counter(outcome.codes).items())
    lines = [
        f"{outcome.status:12} {name} ({outcome.seconds:.1f} s) {codes if outcome.status == 'refused' else ''}".rstrip()
    ]
    if outcome.reason:
        lines += [f"    {line}" for line in outcome.reason.splitlines()]
    for difference in outcome.differences[:8]:
        lines.append(f"    {difference.kind} {difference.what}: {difference.notebook} | {difference.pipeline}")
        if any(difference.place):
            lines += [f"      notebook: …{difference.place[0]}…", f"      pipeline: …{difference.place[1]}…"]
    if outcome.differences and outcome.left_out:
        lines.append(
            f"    (may follow from what the notebook's own runs do not agree about: {' '.join(outcome.left_out)})"
        )
    if len(outcome.differences) > 8:
        lines.append(f"    and {len(outcome.differences) - 8} more")
    if outcome.undeclared:
        lines.append(f"    undeclared files: {' '.join(outcome.undeclared)}")
    return "\n".join(lines)


def summary(outcomes: Sequence[Outcome]) -> str:
    """The last lines: the counts, and a table of the codes for which notebooks were refused."""
    count = Counter(outcome.status for outcome in outcomes)
    judged = len(outcomes) - count["not runnable"]
    lines = [
        f"{judged} notebooks: {count['same']} same, {count['refused']} refused, {count['failed']} failed, "
        f"{count['different']} different ({count['not runnable']} not runnable here)"
    ]
    refused = [outcome for outcome in outcomes if outcome.status == "refused"]
    notebooks = Counter(code for outcome in refused for code in set(outcome.codes))
    alone = Counter(outcome.codes[0] for outcome in refused if len(set(outcome.codes)) == 1)
    if notebooks:
        lines.append("code   notebooks  for this code alone")
        lines += [f"{code}  {number:9}  {alone[code]:19}" for code, number in notebooks.most_common()]
    return "\n".join(lines)


def parser() -> argparse.ArgumentParser:
    """The command line's grammar."""
    found = argparse.ArgumentParser(description="Compare notebooks with the pipelines that nb2stage makes of them.")
    found.add_argument("notebooks", nargs="+", type=Path, help="notebooks, folders, or .txt files with a path a line")
    found.add_argument("--prepare", action="store_true", help="split and tag the cells, append the digest cell")
    found.add_argument("--digest", action="store_true", help="append the digest cell to notebooks with own tags")
    found.add_argument("--split", choices=("auto", "always", "never"), default="auto")
    found.add_argument("--cuts", type=int, metavar="SEED", help="cut into stages at random places, not at quarters")
    found.add_argument("--jobs", type=int, default=1, help="notebooks at a time")
    found.add_argument("--limit", type=int, help="only the first N notebooks")
    found.add_argument("--timeout", type=float, default=60.0, help="seconds for one run of a notebook")
    found.add_argument("--engine", choices=("dvc", "direct"), default="dvc")
    found.add_argument("--strict-deps", action="store_true", help="stages see their declared deps only (direct)")
    found.add_argument("--convert-command", default="", help="instead of nb2stage; gets `convert NOTEBOOK` behind it")
    found.add_argument("--cache", type=Path, metavar="DIR", help="keep the notebooks' own runs here")
    found.add_argument("--keep", type=Path, metavar="DIR", help="keep the pipelines here, one folder per notebook")
    found.add_argument("--explain", action="store_true", help="tell where two values begin to differ (runs both again)")
    found.add_argument("--confirm", type=int, default=4, help="runs of the notebook that a difference must survive")
    found.add_argument("--reference-only", action="store_true", help="run the notebooks, convert nothing")
    found.add_argument("--json", type=Path, metavar="FILE", help="write all outcomes here")
    return found


def inside_data(folder: Path | None, notebooks: Iterable[Path]) -> bool:
    """Would the folder be copied as data that stand beside one of the notebooks?"""
    return folder is not None and any(folder.resolve().is_relative_to(path.resolve().parent) for path in notebooks)


def options_of(arguments: argparse.Namespace) -> Options:
    """The options that the command line gives."""
    names = set(Options.__dataclass_fields__) - {"convert_command", "engine"}
    options = Options(**{name: getattr(arguments, name) for name in names})
    engine = "direct" if arguments.strict_deps else arguments.engine
    return replace(options, engine=engine, convert_command=tuple(shlex.split(arguments.convert_command)))


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0 when no notebook failed and none came out different."""
    arguments = parser().parse_args(argv)
    options = options_of(arguments)
    notebooks = notebooks_of(arguments.notebooks)[: arguments.limit]
    if inside_data(options.keep, notebooks) or inside_data(options.cache, notebooks):
        parser().error("--keep and --cache must not be in a folder of the notebooks: what is there counts as data")
    scratch()  # made here, not by the first of the threads
    if not options.reference_only:
        empty_project()
    outcomes = []
    with ThreadPoolExecutor(arguments.jobs) as pool:
        for future in as_completed([pool.submit(compare, path, options) for path in notebooks]):
            outcomes.append(future.result())
            sys.stdout.write(line_of(outcomes[-1]) + "\n")
            sys.stdout.flush()
            if arguments.json:
                ordered = sorted(map(asdict, outcomes), key=lambda outcome: outcome["notebook"])
                arguments.json.write_text(json.dumps(ordered, indent=1), encoding="utf-8")
    sys.stdout.write(summary(outcomes) + "\n")
    return 1 if any(outcome.status in ("failed", "different") for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
