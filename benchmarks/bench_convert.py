"""How fast is a conversion?  Each figure is a ratio of two things measured in turn in one run.

    python benchmarks/bench_convert.py                 # all of them
    python benchmarks/bench_convert.py cold --rounds 15
    python benchmarks/bench_convert.py --check         # exit code 1 when a target is missed

cold       the whole process on a notebook of 12 cells, against `jupyter nbconvert --to script` on the same file
everyday   the same with a magic, in a project that has its dvc.yaml and params.yaml, after an edit of one cell
unchanged  the same without an edit
read       reading a notebook with 100 MB of outputs, against a bare `json.load` of the file
scaling    the time per cell at 10,000 cells, against 1,000 cells
tangled    the processor time of notebooks of up to 60 cells that are hard to follow, against half a second
"""
# ruff: noqa: T201

from __future__ import annotations

import argparse
import base64
import gc
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tangled import KINDS, tangled_cells

if TYPE_CHECKING:
    from collections.abc import Callable

SCRIPTS: Final = Path(sys.executable).parent
CONVERT: Final = [str(SCRIPTS / "nb2stage"), "convert"]
NBCONVERT: Final = [str(SCRIPTS / "jupyter"), "nbconvert", "--to", "script", "--log-level", "ERROR"]

WHAT: Final = ["cold", "everyday", "unchanged", "read", "scaling", "tangled"]

# Ratios to nbconvert.
TARGETS: Final = {"cold": 0.10, "everyday": 0.16, "unchanged": 0.08}

Notebook = dict[str, Any]
Cell = dict[str, Any]


# -- notebooks to measure on ---------------------------------------------------------------------------------------


def code_cell(number: int, source: str, *tags: str, outputs: list[Any] | None = None) -> Cell:
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": f"cell-{number}",
        "metadata": {"tags": list(tags)} if tags else {},
        "outputs": outputs or [],
        "source": source.splitlines(keepends=True),
    }


def notebook(cells: list[Cell]) -> Notebook:
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


def save(content: Notebook, path: Path) -> Path:
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")
    return path


SMALL: Final = [
    ("", "import json\nimport matplotlib.pyplot as plt\nimport pandas as pd"),
    ("parameters", "test_size = 0.25\nn_estimators = 200\nseed = 42"),
    ("import", "from sklearn.datasets import load_wine\ndf = load_wine(as_frame=True).frame\ndf.head()"),
    ("", "df.describe()"),
    (
        "preprocess",
        "def clip(frame, columns, width=3.0):\n"
        "    frame = frame.copy()\n"
        "    for column in columns:\n"
        "        mean, std = frame[column].mean(), frame[column].std()\n"
        "        frame[column] = frame[column].clip(mean - width * std, mean + width * std)\n"
        "    return frame",
    ),
    ("preprocess", "features = [c for c in df.columns if c != 'target']\ndf = clip(df, features)"),
    (
        "preprocess",
        "from sklearn.model_selection import train_test_split\n"
        "X_train, X_test, y_train, y_test = train_test_split(\n"
        "    df[features], df['target'], test_size=test_size, random_state=seed\n)",
    ),
    ("", "X_train.hist(figsize=(12, 8));"),
    (
        "train",
        "from sklearn.ensemble import RandomForestClassifier\n"
        "model = RandomForestClassifier(n_estimators=n_estimators, random_state=seed)\n"
        "model.fit(X_train, y_train)",
    ),
    (
        "report",
        "from sklearn.metrics import accuracy_score\n"
        "predicted = model.predict(X_test)\n"
        "scores = {'accuracy': accuracy_score(y_test, predicted)}",
    ),
    ("report", "with open('metrics.json', 'w') as f:\n    json.dump(scores, f)"),
    ("report", "plt.hist(predicted)\nplt.show()"),
]


def small_notebook(first_line: str = "") -> Notebook:
    """The 12 cells above; `first_line` goes before the imports."""
    sources = [(tag, first_line + source if number == 0 else source) for number, (tag, source) in enumerate(SMALL)]
    return notebook([code_cell(number, source, *tag.split()) for number, (tag, source) in enumerate(sources)])


def notebook_with_outputs(megabytes: int) -> Notebook:
    """`SMALL` over and over, with what fills real notebooks: pictures, printed lines, HTML tables, plots as JSON."""
    rng = random.Random(1)
    cells: list[Cell] = []
    size = 0
    while size < megabytes * 1_000_000:
        tag, source = SMALL[len(cells) % len(SMALL)]
        output = rng.choice(OUTPUTS)(rng)
        size += len(json.dumps(output, indent=1))
        cells.append(code_cell(len(cells), source, *tag.split(), outputs=[output]))
    return notebook(cells)


def picture(rng: random.Random) -> Any:
    data = {"image/png": base64.b64encode(rng.randbytes(rng.randrange(50_000, 1_500_000))).decode()}
    return {"output_type": "display_data", "metadata": {}, "data": data}


def printed_lines(rng: random.Random) -> Any:
    lines = [f"epoch {i}: loss {rng.random():.6f} - val_loss {rng.random():.6f}\n" for i in range(5_000)]
    return {"output_type": "stream", "name": "stdout", "text": lines}


def html_table(rng: random.Random) -> Any:
    rows = [f"      <td>{rng.random():.6f} \u00b1 {rng.random():.2f}</td>\n" for _ in range(5_000)]
    return {"output_type": "execute_result", "execution_count": 1, "metadata": {}, "data": {"text/html": rows}}


def plot_as_json(rng: random.Random) -> Any:
    points = {"x": list(range(5_000)), "y": [rng.random() for _ in range(5_000)]}
    data = {"application/vnd.plotly.v1+json": {"data": [points], "layout": {}}}
    return {"output_type": "display_data", "metadata": {}, "data": data}


# Pictures twice: they make up most of what real notebooks weigh.
OUTPUTS: Final[list[Callable[[random.Random], Any]]] = [picture, picture, printed_lines, html_table, plot_as_json]

# What follows `{a}`, `{b}` and `{c}` is a name of an earlier cell, `{new}` a fresh one.
TEMPLATES: Final = [
    "{new} = {a}.copy()\n{new}['ratio'] = {new}['x'] / {new}['y'].clip(lower=1e-9)",
    "{new} = {a}.merge({b}, on='key', how='left').fillna(0)",
    "{new} = {a}.groupby('key')['x'].agg(['mean', 'std']).reset_index()",
    "# keep what is not too far out\nmask = {a}['x'].abs() < 3\n{new} = {a}[mask]\nprint(len({new}), 'rows')",
    "{new} = {a}.assign(z=lambda d: d['x'] - d['y'].mean()).query('z > 0')",
    "{new} = pd.concat([{a}, {b}, {c}], ignore_index=True)",
    "def clean_{new}(frame, width=3.0):\n    frame = frame.copy()\n    for column in ['x', 'y']:\n"
    "        mean, std = frame[column].mean(), frame[column].std()\n"
    "        frame[column] = frame[column].clip(mean - width * std, mean + width * std)\n    return frame\n\n\n"
    "{new} = clean_{new}({a})",
    "rows = []\nfor i, value in enumerate({a}['x']):\n    if value > 0:\n        rows.append((i, np.log(value)))\n"
    "{new} = pd.DataFrame(rows, columns=['x', 'y'])",
    "if len({a}) > 99:\n    {new} = {a}.head(99)\nelif len({a}) > 9:\n    {new} = {a}.head(9)\nelse:\n    {new} = {b}",
    "try:\n    {new} = {a}.pivot(index='key', columns='x', values='y')\nexcept ValueError:\n    {new} = {b}",
    "{new} = {{c: {a}[c].quantile([0.1, 0.9]).tolist() for c in ['x', 'y']}}\n{new} = pd.DataFrame({new})",
    "{a}['x'] = {a}['x'].fillna({a}['x'].median())\n{new} = {a}.describe()",
    "fig, ax = plt.subplots(figsize=(6, 4))\nax.scatter({a}['x'], {a}['y'], s=4)\nax.set_title(f'{{len({a})}} points')"
    "\nplt.show()\n{new} = {a}.corr()",
    "total = 0.0\nwhile total < 10:\n    total += float({a}['x'].iloc[0]) ** 2 + 1\n{new} = {b} * total",
    "from sklearn.linear_model import Ridge\n{new} = {a}.dropna()\nmodel = Ridge(alpha=0.1)\n"
    "model.fit({new}[['x']], {new}['y'])\n{new}['fitted'] = model.predict({new}[['x']])",
    "best, *others = sorted({a}['x'].tolist(), reverse=True)\n{new} = {a}[{a}['x'] < best]",
]


def long_notebook(n_cells: int) -> Notebook:
    """`n_cells` cells in eight stages.  Most cells read what the last few made, some reach further back."""
    rng = random.Random(2)
    header = "import matplotlib.pyplot as plt\nimport numpy as np\nimport pandas as pd"
    first = "frame = pd.read_csv('data.csv')\nother = frame.sort_values('x')\nthird = frame[frame['y'] > 0]"
    names = ["frame", "other", "third"]
    cells = [code_cell(0, header), code_cell(1, first, "stage:s0")]
    for number in range(2, n_cells):
        reach = 10 if rng.random() < 0.9 else 300
        a, b, c = (rng.choice(names[-reach:]) for _ in range(3))
        new = f"frame_{number}" if rng.random() < 0.7 else rng.choice(names[-10:])
        source = rng.choice(TEMPLATES).format(a=a, b=b, c=c, new=new)
        names.append(new)
        cells.append(code_cell(number, source, f"stage:s{number * 8 // n_cells}"))
    return notebook(cells)


# -- measuring -----------------------------------------------------------------------------------------------------


def timed(action: Callable[[], object]) -> float:
    gc.collect()
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def run(command: list[str], folder: Path) -> None:
    # Installed programs have their bytecode at hand.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = (done.stdout + done.stderr)[-3000:]
        raise SystemExit(f"{' '.join(command)}\nexit code {done.returncode}\n{said}")


def in_turn(rounds: int, *actions: Callable[[], object]) -> list[list[float]]:
    """A B A B ...: one list of seconds per action.  The first round warms up and does not count."""
    times = [[timed(action) for action in actions] for _ in range(rounds + 1)][1:]
    return [list(column) for column in zip(*times, strict=True)]


def median_ratio(ours: list[float], theirs: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


class Report:
    """Prints one line per figure and remembers whether a target was missed."""

    def __init__(self) -> None:
        self.missed = 0

    def line(self, what: str, seconds: list[list[float]], ratio: float, target: float | None = None) -> None:
        times = " vs ".join(f"{statistics.median(column):8.3f} s" for column in seconds)
        verdict = ""
        if target is not None:
            verdict = f"  (target {target:.2f}: {'met' if ratio <= target else 'MISSED'})"
            self.missed += ratio > target
        print(f"{what:<52} {times}   ratio {ratio:6.3f}{verdict}", flush=True)


def in_fresh_folder(command: list[str], content: Notebook, parent: Path, runs: int) -> Callable[[], None]:
    """Runs `command nb.ipynb` in a new folder each time; the folders are made here and not measured."""
    folders = []
    for number in range(runs):
        folder = parent / f"{Path(command[0]).name}{number}"
        folder.mkdir(parents=True)
        save(content, folder / "nb.ipynb")
        folders.append(folder)
    return lambda: run([*command, "nb.ipynb"], folders.pop())


def need_nbconvert() -> None:
    if not Path(NBCONVERT[0]).exists():
        raise SystemExit("`jupyter nbconvert` is not in this environment; install nbconvert beside nb2stage")


def bench_cold(folder: Path, rounds: int, report: Report) -> None:
    need_nbconvert()
    plain, with_magic = small_notebook(), small_notebook("%matplotlib inline\n")
    rows: list[tuple[str, Notebook, list[str], float | None]] = [
        ("cold, 12 cells, --dry-run vs nbconvert", plain, [*CONVERT, "--dry-run"], TARGETS["cold"]),
        ("cold, 12 cells, writing vs nbconvert", plain, CONVERT, TARGETS["cold"]),
        ("cold, 12 cells with a magic, writing vs nbconvert", with_magic, CONVERT, None),
    ]
    for number, (what, content, command, target) in enumerate(rows):
        ours, theirs = (
            in_fresh_folder(each, content, folder / f"cold{number}", rounds + 1) for each in (command, NBCONVERT)
        )
        seconds = in_turn(rounds, ours, theirs)
        report.line(what, seconds, median_ratio(*seconds), target)


def seconds_of_process(action: Callable[[], object]) -> tuple[float, float]:
    """The wall time of `action`, and the processor time of the processes that it ran."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    wall = timed(action)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def bench_again(what: str, folder: Path, rounds: int, report: Report) -> None:
    """Converting once more in a project that was converted before; `what` is "everyday" or "unchanged"."""
    need_nbconvert()
    before = small_notebook("%matplotlib inline\n")
    now = small_notebook("%matplotlib inline\n")
    if what == "everyday":
        now["cells"][9]["source"].append("\nscores['n'] = len(predicted)")
    measured: dict[str, list[list[float]]] = {"wall": [[], []], "processor": [[], []]}
    for number in range(rounds + 1):
        for side, command in enumerate((CONVERT, NBCONVERT)):
            project = folder / f"{what}{number}-{side}"
            project.mkdir()
            save(before, project / "nb.ipynb")
            run([*command, "nb.ipynb"], project)
            save(now, project / "nb.ipynb")
            again = partial(run, [*command, "nb.ipynb"], project)
            wall, processor = seconds_of_process(again)
            if number > 0:  # the first round warms up
                measured["wall"][side].append(wall)
                measured["processor"][side].append(processor)
    for clock, (ours, theirs) in measured.items():
        report.line(
            f"{what}, {clock} time: median", [ours, theirs], statistics.median(ours) / statistics.median(theirs)
        )
        target = TARGETS[what] if clock == "processor" else None
        report.line(f"{what}, {clock} time: minimum", [[min(ours)], [min(theirs)]], min(ours) / min(theirs), target)


def bench_read(folder: Path, rounds: int, report: Report, megabytes: int) -> None:
    from nb2stage.reading.notebook import read_notebook

    path = save(notebook_with_outputs(megabytes), folder / "outputs.ipynb")

    def bare() -> None:
        with path.open(encoding="utf-8") as file:
            json.load(file)

    seconds = in_turn(rounds, lambda: read_notebook(path.read_bytes(), str(path)), bare)
    what = f"reading {path.stat().st_size / 1e6:.0f} MB vs json.load"
    report.line(what, seconds, median_ratio(*seconds), 1.6)


def bench_scaling(folder: Path, rounds: int, report: Report, sizes: tuple[int, int]) -> None:
    small, large = sizes
    trivial = notebook([code_cell(0, "x = 1", "import"), code_cell(1, "print(x)", "report")])
    (folder / "data.csv").write_text("key,x,y\n1,2,3\n", encoding="utf-8")
    paths = [
        save(content, folder / f"{name}.ipynb")
        for name, content in [("start", trivial), ("small", long_notebook(small)), ("large", long_notebook(large))]
    ]

    def convert(path: Path) -> Callable[[], None]:
        return lambda: run([*CONVERT, "--dry-run", path.name], folder)

    start, few, many = in_turn(rounds, *map(convert, paths))
    whole = [[t / small * 1000 for t in few], [t / large * 1000 for t in many]]
    base = statistics.median(start)
    net = [[(t - base) / small * 1000 for t in few], [(t - base) / large * 1000 for t in many]]
    print(f"start-up {base:.3f} s; whole process: {statistics.median(few):.3f} s, {statistics.median(many):.3f} s")
    report.line(f"per 1000 cells, whole process: {small} vs {large} cells", whole, median_ratio(whole[1], whole[0]))
    report.line(f"per 1000 cells, less start-up: {small} vs {large} cells", net, median_ratio(net[1], net[0]), 1.5)


def bench_tangled(rounds: int, report: Report, sizes: tuple[int, ...] = (25, 60)) -> None:
    from nb2stage.conversion import Project
    from nb2stage.files.writer import State
    from nb2stage.spine import convert

    def processor_time(content: Notebook) -> float:
        data = json.dumps(content).encode()
        with tempfile.TemporaryDirectory() as root:
            start = time.process_time()
            convert(data, "nb.ipynb", Project(Path(root), State()))
            return time.process_time() - start

    def best(content: Notebook) -> float:
        return min(processor_time(content) for _ in range(rounds))

    best(small_notebook())  # imports what a conversion needs
    for size in sizes:
        plain = best(long_notebook(size))
        for kind in KINDS:
            notebooks = [
                notebook(
                    [code_cell(n, source, stage) for n, (stage, source) in enumerate(tangled_cells(kind, size, seed))]
                )
                for seed in range(8)
            ]
            worst = max(map(best, notebooks))
            what = f"tangled, {size} cells, {kind}: worst of 8 vs a plain one"
            report.line(what, [[worst], [plain]], worst / plain)
            report.line("  processor time vs half a second", [[worst], [0.5]], worst / 0.5, 1.0)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", default=WHAT, help=f"{', '.join(WHAT)}; all by default")
    parser.add_argument("--rounds", type=int, default=5, help="measured rounds of each (default 5)")
    parser.add_argument("--megabytes", type=int, default=100, help="size of the outputs for `read`")
    parser.add_argument("--cells", type=int, nargs=2, default=(1_000, 10_000), help="the two sizes for `scaling`")
    parser.add_argument("--check", action="store_true", help="exit code 1 when a target is missed")
    args = parser.parse_args(argv)
    if unknown := set(args.what) - set(WHAT):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    report = Report()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if "cold" in args.what:
            bench_cold(folder, args.rounds, report)
        for what in ("everyday", "unchanged"):
            if what in args.what:
                bench_again(what, folder, args.rounds, report)
        if "read" in args.what:
            bench_read(folder, args.rounds, report, args.megabytes)
        if "scaling" in args.what:
            bench_scaling(folder, min(args.rounds, 3), report, tuple(args.cells))
        if "tangled" in args.what:
            bench_tangled(min(args.rounds, 3), report)
    return 1 if args.check and report.missed else 0


if __name__ == "__main__":
    sys.exit(main())
