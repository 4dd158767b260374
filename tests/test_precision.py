"""The benchmark of the analysis's precision: it finds what is loaded without need, and counts nothing else as that."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import nbformat
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "benchmarks"))
import bench_precision
from bench_precision import HANDED_ON, NEEDED, NEEDLESS, UNJUDGED, Measured
from differential import code_cell


def measured(folder: Path, monkeypatch: pytest.MonkeyPatch, *cells: str) -> Measured:
    """What the benchmark finds about a notebook whose cells are `import`, `preprocess`, `train` and `report`."""
    tags = ("import", "preprocess", "train", "report")
    notebook = nbformat.v4.new_notebook()
    notebook.nbformat_minor = 4
    notebook.cells = [code_cell(c, t) for c, t in zip(cells, tags, strict=True)]
    nbformat.write(notebook, folder / "n.ipynb")
    monkeypatch.setattr(bench_precision, "subject_of", lambda *_: (notebook, ""))
    found = bench_precision.measure(folder / "n.ipynb", argparse.Namespace(slowest=20.0, timeout=60.0))
    assert not found.skipped
    return found


NEVER = "import sys\nif len(sys.argv) > 5:\n    "

CASES = [
    pytest.param(
        ("a = open('n.ipynb').read()", "b = open('n.ipynb').read()", "print(a)", "print(b)"),
        {"train a": NEEDED, "report b": NEEDED},
        {"import a": NEEDED, "preprocess b": NEEDED},
        id="what is printed is needed",
    ),
    pytest.param(
        ("a = open('n.ipynb').read()", "b = open('n.ipynb').read()", NEVER + "print(a)", "print(b)"),
        {"train a": NEEDLESS, "report b": NEEDED},
        {"import a": NEEDLESS, "preprocess b": NEEDED},
        id="a branch that is not taken needs nothing",
    ),
    pytest.param(
        ("a = open('n.ipynb').read().split()", "print()", NEVER + "a.append(1)", "print(a)"),
        {"train a": HANDED_ON, "report a": NEEDED},
        {"import a": NEEDED, "train a": HANDED_ON},
        id="what is handed on as it came could come from where it was made",
    ),
    pytest.param(
        ("a = open('n.ipynb').read().split()", "print()", "a.append(1)", "print(a)"),
        {"train a": NEEDED, "report a": NEEDED},
        {"import a": NEEDED, "train a": NEEDED},
        id="what is changed is needed",
    ),
    pytest.param(
        ("a = open('n.ipynb').read().split()\nb = [a]", "print()", "a.append(1)", "print(b)"),
        {"train a": NEEDED, "train b": NEEDED, "report b": NEEDED},
        {"import a": NEEDED, "import b": NEEDED, "train b": NEEDED},
        id="what changes through another name is needed",
    ),
    pytest.param(
        ("a = open('n.ipynb').read()", "b = [a]", "c = b", NEVER + "print(c)"),
        {"preprocess a": NEEDLESS, "train b": NEEDLESS, "report c": NEEDLESS},
        {"import a": NEEDLESS, "preprocess b": NEEDLESS, "train c": NEEDLESS},
        id="what is needed for what is not needed is not needed",
    ),
    pytest.param(
        ("a = open('n.ipynb').read()", "try:\n    b = len(a)\nexcept Exception:\n    b = 0", "print()", "print(b)"),
        {"preprocess a": NEEDED, "report b": NEEDED},
        {"import a": NEEDED, "preprocess b": NEEDED},
        id="a use whose failure is caught",
    ),
    pytest.param(
        ("a = open('n.ipynb').read()", "print(a is None)", "print(type(a))", "print([a] == 0)"),
        {"preprocess a": NEEDLESS, "train a": NEEDED, "report a": NEEDLESS},
        {"import a": NEEDED},
        id="a use that any value answers alike",
    ),
    pytest.param(
        ("a = open('n.ipynb').read()", "import time\nb = (a, time.time())", "print(b)", "print()"),
        {"preprocess a": UNJUDGED, "train b": NEEDED},
        {"import a": UNJUDGED, "preprocess b": NEEDED},
        id="what is not the same in two runs cannot be judged",
    ),
]


@pytest.mark.parametrize(("cells", "loads", "saves"), CASES)
def test_verdicts(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    cells: tuple[str, ...],
    loads: dict[str, str],
    saves: dict[str, str],
) -> None:
    found = measured(tmp_path, monkeypatch, *cells)
    assert {f"{load.stage} {load.name}": load.verdict for load in found.loads} == loads
    assert {f"{save.stage} {save.name}": save.verdict for save in found.saves} == saves


def test_random_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = "print(random.random())"
    found = measured(tmp_path, monkeypatch, "import random\nrandom.seed(1)", draw, NEVER + draw, "print(2)")
    verdicts = {load.stage: (load.kind, load.verdict) for load in found.loads}
    assert verdicts["train"] == ("random state", NEEDLESS)
    assert set(verdicts.values()) <= {("random state", NEEDLESS), ("random state", NEEDED)}


def test_independence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = "open('n.ipynb').read()"
    found = measured(tmp_path, monkeypatch, f"a = {read}", f"b = {read}", NEVER + "print(a)", "print(b)")
    assert (found.pairs, found.apart, found.apart_by_need) == (6, 4, 5)
    assert "read by `if len(sys.argv) > 5:`" in found.needless[0].reason


def test_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = "open('n.ipynb').read().split()"
    found = measured(tmp_path, monkeypatch, f"a = {read}", "print()", NEVER + "print(a)", "print(2)")
    assert "saved 1 : 0, loaded 1 : 0" in bench_precision.line_of(found)
    assert "names          saved 1 : 0" in bench_precision.summary([found], 5)
    assert "train      cache/import/a.pkl: a (needless): read by" in bench_precision.summary([found], 5)


LISTED = "a = open('n.ipynb').read().split()"
LOADED = "import numpy as np\na = np.loadtxt('n.ipynb')"
FITTED = "import statsmodels.api as sm\nimport numpy as np\nx = np.loadtxt('n.ipynb')\na = sm.OLS(x[:, 0], x).fit()"

# What only reads `a`: a later stage then takes it from where it was made.
READING = [
    (LISTED, "display(a)"),
    (LISTED, "import heapq\nr = heapq.nlargest(2, a)"),
    (LISTED, "import requests\nr = requests.post('http://localhost', json=a).text"),
    (LISTED, "import csv\nwith open('o.csv', 'w') as f:\n    w = csv.writer(f)\n    w.writerow(a)"),
    (LISTED, "import pickle\nwith open('o.pkl', 'wb') as f:\n    pickle.dump(a, f)"),
    (LOADED, "from scipy.optimize import minimize\nr = minimize(lambda p: ((a - p) ** 2).sum(), 0)"),
    (FITTED, "r = a.get_prediction(x).summary_frame()"),
]


@pytest.mark.parametrize(("made", "read"), READING, ids=[read.splitlines()[-1].strip() for _, read in READING])
def test_reading_makes_no_new_version(tmp_path: Path, made: str, read: str) -> None:
    tags, cells = ("import", "preprocess", "train", "report"), (made, f"r = 0\n{read}", "print()", "print(a)\nprint(r)")
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [code_cell(c, t) for c, t in zip(cells, tags, strict=True)]
    notebook.nbformat_minor = 4
    pipeline = bench_precision.make_pipeline(tmp_path / "n.ipynb", notebook, tmp_path / "project", "")
    report = next(plan for plan in pipeline.plans if plan.name == "report")
    assert [file.source for file in report.loads if "a" in file.consumers["report"]] == ["import"]
