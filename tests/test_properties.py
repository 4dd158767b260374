"""Random programs in stages give what they give in one process, or are refused.

The normal run is a few hundred programs of fixed seeds.  `NB2STAGE_PROPERTY=5000 pytest tests/test_properties.py` takes
more of them.  `python tests/test_properties.py` looks for failures and prints each of them as a minimal program.

Each program runs in processes forked from one that has imported the libraries already: thousands of them are cheap.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import json
import os
import random
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import types
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml
from program_generator import KEPT, RESULT, Part, Program, generate
from program_templates import DUMPER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

EXAMPLES: Final = int(os.environ.get("NB2STAGE_PROPERTY", "0")) or 400
MOST_REFUSED: Final = 0.45  # programs are full of views, generators, open files and closures that cross stages
SECONDS: Final = 10  # of processor time: no conversion and no stage may take longer
LIKE_FAILURES: Final = 3  # failures that look alike are made smaller this many times
NOTEBOOK_SECONDS: Final = 2  # nor of the notebook
SHRINK_SECONDS: Final = 60
BAD: Final = ("different", "crashed", "exception")
DUMPER_MARK: Final = "# def dump"  # instead of the whole function where a program is printed
NOTEBOOK: Final = "nb.ipynb"
CACHED: Final = re.compile(r"['\"](cache/[^'\"]+\.\w+)['\"]")
CODE: Final = re.compile(r"^(?:\S.*?: )?(NB\d+)(?: \[[^\]]*\])? (?!\[|warning: |note: )", re.MULTILINE)


@dataclass(frozen=True)
class Outcome:
    """What came of one program: `kind` is same, refused, different, crashed, exception or discarded."""

    kind: str
    detail: str = ""  # the code of the refusal, the last line of the traceback, the first difference
    log: str = ""

    @property
    def signature(self) -> tuple[str, str]:
        """The same for failures that are likely to have one cause."""
        if self.kind == "refused":
            return self.kind, self.detail
        return self.kind, "" if self.kind == "different" else re.sub(r"'[^']*'|`[^`]*`|\d{3,}|0x\w+", "*", self.detail)


# -- processes ---------------------------------------------------------------------------------------------------------


def load_libraries() -> None:
    """Import what programs and pipelines import, so that forks need not."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ["MPLBACKEND"] = "agg"
    import cloudpickle  # noqa: F401
    import joblib  # noqa: F401
    import matplotlib.pyplot as plt
    import numpy as np  # noqa: F401
    import pandas as pd  # noqa: F401
    import ruamel.yaml  # noqa: F401
    import sklearn.linear_model
    import sklearn.model_selection
    import sklearn.pipeline
    import sklearn.preprocessing  # noqa: F401

    import nb2stage.spine  # noqa: F401

    plt.close("all")
    sys.dont_write_bytecode = True


def in_child(folder: Path, work: Callable[[], None], seconds: int = SECONDS) -> str:
    """Run `work` in a fork whose working directory is `folder`.  Its traceback; empty where it ended well."""
    error = folder / "error.txt"
    error.unlink(missing_ok=True)
    child = os.fork()
    if not child:
        code = 1
        try:
            become_fresh(folder, seconds)
            work()
            code = 0
        except SystemExit as stop:
            code = 0 if stop.code in (None, 0) else 1
            error.write_text(f"SystemExit: {stop.code}")
        except BaseException:
            error.write_text(traceback.format_exc())
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if status == 0:
        return ""
    return error.read_text() if error.exists() else f"ended by signal {status & 127}"


def become_fresh(folder: Path, seconds: int) -> None:
    """In a fork: as a process that has just started."""
    for name in (signal.SIGALRM, signal.SIGPROF):
        signal.signal(name, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.alarm(10 * seconds)
    os.chdir(folder)
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    random.seed()
    sys.modules["numpy"].random.seed()


def run_text(texts: Sequence[str], file: Path, closes_figures: bool = False) -> None:
    """Run texts one after another as `__main__`, as a kernel runs cells and Python a script.

    A kernel closes all figures behind each cell.
    """
    main = types.ModuleType("__main__")
    main.__dict__.update(__file__=str(file), __builtins__=__builtins__)
    sys.modules["__main__"] = main
    sys.path[0] = str(file.parent)
    sys.argv = [str(file)]
    for text in texts:
        exec(compile(text, file.name, "exec", dont_inherit=True), main.__dict__)
        if closes_figures:
            sys.modules["matplotlib.pyplot"].close("all")


def run_notebook(program: Program, folder: Path) -> str:
    """Run the whole program; the traceback."""
    texts = [text for _, text in program.cells()]
    return in_child(folder, lambda: run_text(texts, folder / "notebook.py", closes_figures=True), NOTEBOOK_SECONDS)


def convert(folder: Path) -> str:
    """`nb2stage convert`; the traceback.  What it said is in stderr.txt and its exit code in code.txt."""

    def work() -> None:
        from nb2stage.cli import main

        with Path("stderr.txt").open("w") as file, contextlib.redirect_stderr(file):
            code = main(["convert", NOTEBOOK])
        Path("code.txt").write_text(str(code))

    return in_child(folder, work)


def run_stage(command: str, folder: Path) -> str:
    """`python folder/script.py`; the traceback."""
    script = folder / shlex.split(command)[1]
    return in_child(folder, lambda: run_text([script.read_text()], script))


# -- one program -------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def new_folder() -> Iterator[Path]:
    """A folder that is gone afterwards, in memory where there is such a place."""
    memory = Path("/dev/shm")
    parent = str(memory) if memory.is_dir() and os.access(memory, os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="nb2stage-property-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def normal(text: str) -> str:
    """Without memory addresses and the modules of the program's own classes and functions."""
    return re.sub(r"\b(?:__main__|definitions\.\w+)\.", "", re.sub(r"0x[0-9a-fA-F]+", "0x", text))


def result_of(folder: Path) -> Any:
    """What the program wrote, and nothing of it left behind."""
    file = folder / RESULT
    if not file.exists():
        return None
    text = normal(file.read_text())
    file.unlink()
    with contextlib.suppress(ValueError, TypeError):
        return {**json.loads(text), "files": files_of(folder)}
    return None


def files_of(folder: Path) -> dict[str, str]:
    """The files that a program keeps; of those that may be written in several ways only that they are there."""
    kept = folder / KEPT
    return {
        str(path.relative_to(kept)): normal(path.read_text()) if path.suffix in (".txt", ".csv", ".json") else ""
        for path in sorted(kept.rglob("*"))
    }


def check(program: Program) -> Outcome:
    """Run a program both ways and compare."""
    with new_folder() as folder:
        error = run_notebook(program, folder)
        if error:
            return Outcome("discarded", last_line(error), error)
        expected = result_of(folder)
        if expected is None:
            return Outcome("discarded")
    with new_folder() as folder:
        (folder / NOTEBOOK).write_bytes(program.notebook())
        error = convert(folder)
        if error:
            return Outcome("exception", last_line(error), error)
        said = (folder / "stderr.txt").read_text()
        if (folder / "code.txt").read_text() != "0":
            return Outcome("refused", refusal(said), said)
        outcome = check_pipeline(folder, expected, program.seed)
        if outcome.kind in BAD and not is_deterministic(program, expected):
            return Outcome("discarded", "not deterministic")
        return outcome


def is_deterministic(program: Program, expected: Any) -> bool:
    """Whether a program gives the same again, more than once."""
    for _ in range(3):
        with new_folder() as folder:
            run_notebook(program, folder)
            if result_of(folder) != expected:
                return False
    return True


def check_pipeline(folder: Path, expected: Any, seed: int) -> Outcome:
    """Run the stages in some order that dvc.yaml allows, and compare."""
    scripts = {}
    for name, stage in in_order(folder, seed):
        command = stage["cmd"]
        path = shlex.split(command)[1]
        scripts[name] = (folder / path).read_text()
        log = "".join(f"\n# {n}\n{text}" for n, text in scripts.items())
        deps, outs = (
            paths(stage.get("deps")),
            [p for key in ("outs", "metrics", "plots") for p in paths(stage.get(key))],
        )
        unknown = sorted(set(CACHED.findall(scripts[name])) - {*deps, *outs})
        if unknown:
            return Outcome("crashed", f"not in dvc.yaml: {unknown}", log)
        for missing in (p for p in deps if not (folder / p).exists()):
            return Outcome("crashed", f"the dependency {missing} is not there", log)
        for out in outs:
            if (folder / out).is_dir():
                shutil.rmtree(folder / out)
            (folder / out).unlink(missing_ok=True)
        error = run_stage(command, folder)
        if error:
            return Outcome("crashed", last_line(error), f"{log}\n{error}")
        for missing in (p for p in outs if not (folder / p).exists()):
            return Outcome("crashed", f"the output {missing} is not there", log)
    found = result_of(folder)
    if found == expected:
        return Outcome("same")
    return Outcome("different", difference(expected, found), log)


def paths(entries: Any) -> list[str]:
    """The paths of a list of dvc.yaml."""
    return [next(iter(e)) if isinstance(e, dict) else e for e in entries or ()]


def in_order(folder: Path, seed: int) -> list[tuple[str, Any]]:
    """The stages of dvc.yaml; where several may run, any of them."""
    stages = yaml.load((folder / "dvc.yaml").read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))[
        "stages"
    ]
    makers = {
        out: name
        for name, stage in stages.items()
        for key in ("outs", "metrics", "plots")
        for out in paths(stage.get(key))
    }
    needs = {
        name: {makers[d] for d in paths(stage.get("deps")) if d in makers} - {name} for name, stage in stages.items()
    }
    rng, found = random.Random(seed), []
    while needs:
        ready = sorted(name for name, wanted in needs.items() if not wanted & needs.keys())
        name = rng.choice(ready)
        del needs[name]
        found.append((name, stages[name]))
    return found


def last_line(error: str) -> str:
    return error.strip().split("\n")[-1]


def refusal(said: str) -> str:
    """The codes of the errors."""
    return " ".join(sorted(set(CODE.findall(said)))) or said


def difference(expected: Any, found: Any) -> str:
    """The first values that differ."""
    if not isinstance(expected, dict) or not isinstance(found, dict):
        return f"{expected} in the notebook, {found} in the pipeline"
    for key in expected:
        if expected[key] != found.get(key):
            return f"{key}: {expected[key]!s:.300} in the notebook, {found.get(key)!s:.300} in the pipeline"
    return "other keys"


# -- making it smaller -------------------------------------------------------------------------------------------------


class Shrinker:
    """Looks for the smallest program that fails in the same way."""

    def __init__(self, program: Program, outcome: Outcome) -> None:
        self.best, self.outcome, self.end = program, outcome, time.monotonic() + SHRINK_SECONDS

    def fails(self, parts: list[Part]) -> bool:
        """Whether the program of `parts` fails in the same way; it is the best one then."""
        if not parts or time.monotonic() > self.end:
            return False
        candidate = replace(self.best, parts=parts)
        found = check(candidate)
        if found.signature != self.outcome.signature:
            return False
        self.best, self.outcome = candidate, found
        return True

    def run(self) -> tuple[Program, Outcome]:
        before = None
        while before != self.best.parts and time.monotonic() < self.end:
            before = self.best.parts
            self.drop_statements()
            for change in (fewer_stages, fewer_cells):
                while any(self.fails(parts) for parts in change(self.best.parts)):
                    pass
            self.simplify_statements()
        return self.best, self.outcome

    def drop_statements(self) -> None:
        size = max(len(self.best.parts) // 2, 1)
        while size:
            end = len(self.best.parts)
            while end > 0:
                start = max(end - size, 0)
                self.fails(self.best.parts[:start] + self.best.parts[end:])
                end = start
            size //= 2

    def simplify_statements(self) -> None:
        for place in reversed(range(len(self.best.parts))):
            if self.best.parts[place].text == DUMPER:
                continue  # half of it would compare addresses
            while any(self.fails(self.with_text(place, text)) for text in simpler_texts(self.best.parts[place].text)):
                pass

    def with_text(self, place: int, text: str) -> list[Part]:
        parts = self.best.parts
        return [*parts[:place], replace(parts[place], text=text), *parts[place + 1 :]]


def fewer_stages(parts: list[Part]) -> Iterator[list[Part]]:
    tags = list(dict.fromkeys(p.tag for p in parts))
    for tag in tags:
        for other in tags:
            if tag != other and other:
                yield [replace(p, tag=other) if p.tag == tag else p for p in parts]


def fewer_cells(parts: list[Part]) -> Iterator[list[Part]]:
    for one, two in pairwise(parts):
        if one.cell != two.cell and one.tag == two.tag:
            yield [replace(p, cell=one.cell) if p.cell == two.cell else p for p in parts]


def simpler_texts(text: str) -> Iterator[str]:
    """The text without one of the statements inside it, or with one of them in its place, or a part for a value."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        for name in ("body", "orelse", "finalbody", "handlers", "cases"):
            block = getattr(node, name, None)
            if not isinstance(block, list) or node is tree:
                continue
            for i in range(len(block)):
                if len(block) > 1 or name != "body":
                    yield with_changed(tree, node, name, block[:i] + block[i + 1 :])
    if isinstance(tree.body[0], ast.If | ast.For | ast.While | ast.Try | ast.With):
        yield ast.unparse(ast.Module(tree.body[0].body, []))
    for node in ast.walk(tree):
        for name, value in list(ast.iter_fields(node)):
            for smaller in smaller_values(name, value):
                yield with_changed(tree, node, name, smaller)


def smaller_values(name: str, value: Any) -> Iterator[Any]:
    """Simpler expressions for one field of a node."""
    if isinstance(
        value, ast.BinOp | ast.BoolOp | ast.IfExp | ast.Call | ast.Subscript | ast.Tuple | ast.List | ast.Dict
    ):
        for child in ast.iter_child_nodes(value):
            if isinstance(child, ast.expr):
                yield child
        if name == "value":
            yield ast.List([], ast.Load())
    elif isinstance(value, list) and value and isinstance(value[0], ast.expr) and name in ("elts", "args", "targets"):
        for i in range(len(value)):
            if len(value) > 1 or name != "targets":
                yield value[:i] + value[i + 1 :]


def with_changed(tree: ast.AST, node: ast.AST, name: str, value: Any) -> str:
    old = getattr(node, name)
    setattr(node, name, value)
    try:
        return ast.unparse(ast.fix_missing_locations(tree))
    except Exception:
        return "pass"
    finally:
        setattr(node, name, old)


# -- many programs -----------------------------------------------------------------------------------------------------


def program_of(seed: int) -> Program | None:
    """The program of a seed, made in a child: making it runs it."""
    with new_folder() as folder:

        def work() -> None:
            program = generate(seed)
            if program is not None:
                parts = [[p.text, p.cell, p.tag] for p in program.parts]
                (folder / "program.json").write_text(json.dumps(parts))

        in_child(folder, work, NOTEBOOK_SECONDS)
        file = folder / "program.json"
        if not file.exists():
            return None
        return Program([Part(*part) for part in json.loads(file.read_text())], seed)


def check_seed(seed: int) -> tuple[Program | None, Outcome]:
    """The program of a seed and what comes of it."""
    program = program_of(seed)
    return program, Outcome("discarded", "no program") if program is None else check(program)


def work(first: int, last: int, step: int) -> None:
    """A worker: the outcome of each seed as a line of JSON."""
    load_libraries()
    for seed in range(first, last, step):
        _, outcome = check_seed(seed)
        sys.stdout.write(json.dumps([seed, outcome.kind, outcome.detail]) + "\n")
        sys.stdout.flush()


def outcomes(first: int, count: int, jobs: int) -> Iterator[tuple[int, Outcome]]:
    """The outcome of each seed, by several workers."""
    workers = [
        subprocess.Popen(
            [sys.executable, __file__, "--work", str(first + n), str(first + count), str(jobs)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for n in range(jobs)
    ]
    for worker in workers:
        assert worker.stdout is not None
        with worker, worker.stdout as lines:
            for line in lines:
                seed, kind, detail = json.loads(line)
                yield seed, Outcome(kind, detail)


def report(first: int, count: int, jobs: int, shown: str) -> None:
    """Print the numbers, and a minimal program for each kind of failure."""
    kinds: Counter[str] = Counter()
    refusals: Counter[str] = Counter()
    failures: list[int] = []
    seen: Counter[tuple[str, str]] = Counter()
    for seed, outcome in outcomes(first, count, jobs):
        kinds[outcome.kind] += 1
        if outcome.kind == "refused":
            refusals[outcome.detail] += 1
        if outcome.kind in shown.split(",") or (outcome.kind == "refused" and outcome.detail in shown.split(",")):
            seen[outcome.signature] += 1
            if seen[outcome.signature] <= LIKE_FAILURES * (1 + 4 * (outcome.kind == "different")):
                failures.append(seed)
    sys.stdout.write(f"{dict(kinds)}\nrefusals: {dict(refusals.most_common())}\n")
    sys.stdout.flush()
    with ThreadPoolExecutor(jobs) as pool:
        for text in pool.map(shrunk_text, failures):
            sys.stdout.write(text)
            sys.stdout.flush()


def shrunk_text(seed: int) -> str:
    """The minimal program for the failure of a seed, made in another process."""
    command = [sys.executable, __file__, "--shrink", "--seed", str(seed)]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False).stdout


def program_in(text: str) -> Program:
    """A program as `show` prints it."""
    parts: list[Part] = []
    found = re.split(r"^# \[(.*)\]\n", text.replace(DUMPER_MARK, DUMPER), flags=re.MULTILINE)
    for cell, (tag, source) in enumerate(zip(found[1::2], found[2::2], strict=True)):
        tag = "" if tag == "no tag" else tag
        parts += [Part(text_of(source, node), cell, tag) for node in ast.parse(source).body]
    return Program(parts)


def text_of(source: str, node: ast.stmt) -> str:
    """A statement as it is written, with its decorators."""
    before = [source.split("\n")[d.lineno - 1] for d in getattr(node, "decorator_list", ())]
    return "\n".join([*before, ast.get_source_segment(source, node) or ""])


def show(seed: int, file: Path | None, shrunk: bool) -> None:
    """Print the program of a seed or a file, what comes of it, and the scripts."""
    load_libraries()
    program = program_of(seed) if file is None else program_in(file.read_text())
    if program is None:
        return
    outcome = check(program)
    if shrunk:
        program, outcome = Shrinker(program, outcome).run()
    sys.stdout.write(
        f"\n=== {outcome.kind}, seed {seed}: {outcome.detail}\n{program.text().replace(DUMPER, DUMPER_MARK)}\n"
    )
    if not shrunk:
        sys.stdout.write(f"\n{outcome.log}\n")


# -- tests -------------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_same_or_refused() -> None:
    kinds: Counter[str] = Counter()
    failures = []
    for seed, outcome in outcomes(0, EXAMPLES, os.cpu_count() or 1):
        kinds[outcome.kind] += 1
        if outcome.kind in BAD:
            failures.append(f"seed {seed}: {outcome.kind}: {outcome.detail}")
    assert not failures, "\n".join([f"{len(failures)} of {EXAMPLES}, {dict(kinds)}", *failures[:30]])
    judged = kinds["same"] + kinds["refused"]
    assert judged > EXAMPLES * 0.8, f"too many programs do not run: {dict(kinds)}"
    assert kinds["refused"] < judged * MOST_REFUSED, f"too many refusals: {dict(kinds)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", nargs=3, type=int, help=argparse.SUPPRESS)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--count", type=int, default=400, help="how many seeds")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--show", default=",".join(BAD), help="what to shrink: kinds, or codes of refusals")
    parser.add_argument("--seed", type=int, help="print this program and what comes of it")
    parser.add_argument("--file", type=Path, help="the same for a program that was printed")
    parser.add_argument("--shrink", action="store_true", help="with --seed: make it smaller first")
    options = parser.parse_args()
    if options.work:
        work(*options.work)
    elif options.seed is not None or options.file:
        show(options.seed or 0, options.file, options.shrink)
    else:
        report(options.first, options.count, options.jobs, options.show)


if __name__ == "__main__":
    main()
