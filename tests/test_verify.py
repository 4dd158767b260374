"""`nb2stage verify`: equal where it is, each planted fault found at its stage and variable, nothing touched.

`python tests/test_verify.py` plants each fault alone, and demands that it is the first difference that is told.
"""
# ruff: noqa: T201

from __future__ import annotations

import hashlib
import json
import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import nbformat
import pytest

from nb2stage.conversion import Project
from nb2stage.files.paramsyaml import read_params
from nb2stage.files.writer import apply_changes, plan_changes, read_state
from nb2stage.probes import capturing, digests, kernel
from nb2stage.runs import verifyreport
from nb2stage.runs.verdicts import Item, Settings, Status, Subject, Verdict
from nb2stage.runs.verifying import verify
from nb2stage.spine import convert

CELLS: Final = [
    ("parameters", "lr = 0.5\nsteps = 20\nlayers = (3, 4)"),
    (
        "setup",
        "import numpy as np\nimport pandas as pd\nimport matplotlib.pyplot as plt\n"
        "plt.style.use('ggplot')\npd.set_option('display.precision', 3)",
    ),
    (
        "import",
        "np.random.seed(42)\n"
        "raw = pd.DataFrame({'x': np.random.normal(size=50), 'y': np.random.normal(size=50)})\n"
        "raw['k'] = pd.Categorical(list('ab') * 25)\n"
        "cells = list(raw['x'][:3])\nboard = {'cells': cells, 'n': 0}",
    ),
    ("", "raw.describe()"),
    (
        "features",
        "table = raw.copy()\ntable['z'] = table['x'] * 2 + table['y']\nnoise = np.random.normal(size=50)\n"
        "cells.append(float(noise[0]))\ntable.to_csv('table.csv', index=False)\nwide = table.T\nlabels = {'b', 'a'}",
    ),
    (
        "train",
        "w = 0.0\nfor _ in range(steps):\n    w -= lr * float(((table['x'] * w - table['z']) * table['x']).mean())\n"
        "cells.append(w)\ndraws = np.random.uniform(size=3)\nresiduals = table['z'] - w * table['x'] + noise\n"
        "shape = np.zeros(layers)",
    ),
    ("report metrics", "rmse = float((residuals ** 2).mean() ** 0.5)\nentries = len(board['cells'])"),
    (
        "report",
        "fig, ax = plt.subplots()\nax.scatter(table['x'], table['z'])\nax.set_title(f'{rmse:.2f}')\nplt.show()",
    ),
]
IMPORT: Final = "data_processing/import_data.py"
FEATURES: Final = "data_processing/features.py"
TRAIN: Final = "training/train.py"
REPORT: Final = "report/report.py"


def write_notebook(path: Path, cells: list[tuple[str, str]]) -> None:
    made = [nbformat.v4.new_code_cell(source, metadata={"tags": tags.split()}) for tags, source in cells]
    nbformat.write(nbformat.v4.new_notebook(cells=made), path)


def converted(folder: Path, cells: list[tuple[str, str]], name: str = "explore.ipynb") -> Path:
    """A project with a notebook and its pipeline."""
    folder.mkdir(parents=True, exist_ok=True)
    write_notebook(folder / name, cells)
    state = read_state(folder)
    conversion = convert((folder / name).read_bytes(), name, Project(folder, state))
    assert not conversion.failed, [finding.render() for finding in conversion.diagnostics]
    changes, findings = plan_changes(folder, conversion.files, conversion.removed, state)
    assert not findings
    apply_changes(folder, changes)
    return folder


def verified(root: Path, settings: Settings | None = None, name: str = "explore.ipynb") -> Verdict:
    data = (root / name).read_bytes()
    params = root / "params.yaml"
    tuned = read_params(params.read_text()) if params.exists() else {}
    conversion = convert(data, name, Project(root, read_state(root)))
    return verify(Subject(root, name, data, conversion, tuned), settings or Settings())


def plant(root: Path, script: str, old: str, new: str) -> None:
    text = (root / script).read_text()
    assert text.count(old) == 1, (script, old, text)
    (root / script).write_text(text.replace(old, new))


def fingerprint(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): f"{path.stat().st_mtime_ns} {hashlib.sha256(path.read_bytes()).hexdigest()}"
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def by_name(verdict: Verdict, status: Status) -> dict[tuple[str, str], Item]:
    return {(item.stage, item.name): item for item in verdict.of(status)}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return converted(tmp_path_factory.mktemp("verify") / "project", CELLS)


@pytest.fixture(scope="module")
def equal(project: Path) -> tuple[Verdict, dict[str, str], dict[str, str]]:
    before = fingerprint(project)
    verdict = verified(project)
    return verdict, before, fingerprint(project)


def test_an_unchanged_pipeline_is_equal(equal: tuple[Verdict, dict[str, str], dict[str, str]]) -> None:
    verdict, before, after = equal
    assert verdict.failure is None
    assert verdict.of(Status.DIFFERENT) == []
    assert verdict.of(Status.UNKNOWN) == []
    assert verdict.exit_code == 0
    assert before == after
    found = {(item.stage, item.kind, item.name) for item in verdict.of(Status.EQUAL)}
    assert {
        ("import", "random state", "numpy random state"),
        ("import", "variable", "raw"),
        ("import", "shared objects", "board, cells"),
        ("features", "file", "table.csv"),
        ("features", "settings", "pandas"),
        ("train", "variable", "lr"),
        ("train", "variable", "draws"),
        ("report", "settings", "matplotlib"),
        ("report", "metric", "rmse"),
        ("report", "figure", "report/figures/figure_1.png"),
        ("report", "variable", "fig"),
    } <= found


def test_the_cost_of_each_stage_is_told(equal: tuple[Verdict, dict[str, str], dict[str, str]]) -> None:
    verdict, _, _ = equal
    assert [cost.stage for cost in verdict.costs] == ["import", "features", "train", "report"]
    for cost in verdict.costs:
        assert cost.notebook_seconds > 0
        assert cost.pipeline_seconds > cost.load_seconds + cost.save_seconds
        assert cost.notebook_memory > 10**7
        assert cost.pipeline_memory > 10**7
    assert verdict.costs[1].load_seconds > 0
    assert verdict.costs[0].save_seconds > 0


# Faults that do not touch each other share a run: (script, what stands there, the fault, stage, name, a part of how).
FAULTS: Final = {
    "values of every kind": [
        (IMPORT, "list('ab') * 25)", "list('ab') * 25, categories=['b', 'a'])", "import", "raw", ".categories"),
        (
            TRAIN,
            "draws = np.random.uniform(size=3)",
            "draws = np.random.uniform(size=3).astype('float32')",
            "train",
            "draws",
            "dtype float64",
        ),
        (TRAIN, "np.zeros(layers)", "np.zeros(layers[::-1])", "train", "shape", "shape (3, 4) in the notebook, (4, 3)"),
        (FEATURES, "wide = table.T", "wide = table.T.iloc[::-1]", "features", "wide", ".index"),
        (FEATURES, "labels = {'b', 'a'}", "labels = {'b', 'c'}", "features", "labels", "['a'] only in the notebook"),
        (REPORT, "len(board['cells'])", "float(len(board['cells']))", "report", "entries", "5 in the notebook, 5.0 in"),
    ],
    "a constant in the metric": [
        (REPORT, "** 0.5)", "** 0.50001)", "report", "rmse", "in the notebook"),
        (FEATURES, "index=False)", "index=False, float_format='%.6f')", "features", "table.csv", "line 2"),
        (
            REPORT,
            "ax.set_title(f'{rmse:.2f}')",
            "ax.set_title('rmse')",
            "report",
            "fig",
            "rmse",
        ),
        (IMPORT, "(board, cells)", "(board, list(cells))", "import", "board, cells", "board['cells'] and cells"),
    ],
    "a swapped column": [
        (
            FEATURES,
            "table['x'] * 2 + table['y']",
            "table['y'] * 2 + table['x']",
            "features",
            "table",
            "['z']: 50 of 50",
        ),
    ],
    "a reseeded stage": [
        (
            FEATURES,
            'np.random.set_state(pd.read_pickle("cache/import/numpy_random_state.pkl"))',
            "np.random.seed(1)",
            "features",
            "noise",
            "50 of 50 values differ",
        ),
    ],
    "changed style and options": [
        (REPORT, "plt.style.use('ggplot')", "plt.style.use('bmh')", "report", "matplotlib", "axes."),
        (TRAIN, "'display.precision', 3", "'display.precision', 4", "train", "pandas", "display.precision: 3 | 4"),
        (
            TRAIN,
            'lr = params["train"]["lr"]',
            'lr = params["train"]["lr"] * (1 + 1e-15)',
            "train",
            "lr",
            "0.5 in the notebook",
        ),
    ],
    "what is lost": [
        (TRAIN, "cells.append(w)", "pass", "train", "cells", "length 5 in the notebook, 4 in the pipeline"),
        (FEATURES, "wide = table.T", "", "features", "wide", "not bound in the pipeline"),
        (
            REPORT,
            'plt.savefig("report/figures/figure_1.png", bbox_inches="tight")',
            'plt.savefig("report/figures/figure_1.png")',
            "report",
            "report/figures/figure_1.png",
            "in the notebook, 640 x 480 in the pipeline",
        ),
        (
            IMPORT,
            "np.random.seed(42)",
            "np.random.seed(42); np.random.normal()",
            "import",
            "raw",
            "['x']: 50 of 50",
        ),
    ],
    "a forgotten copy and a lost type": [
        (FEATURES, "table = raw.copy()", "table = raw", "features", "raw", "columns ['z']"),
        (FEATURES, "cells.append(float(noise[0]))", "cells.append(noise[0])", "features", "board", "numpy.float64"),
        (TRAIN, "range(steps)", "range(steps - 1)", "train", "w", "in the notebook"),
        (REPORT, "plt.style.use('ggplot')", "", "report", "matplotlib", "axes."),
    ],
    "what was left at the beginning": [
        (IMPORT, "pd.Categorical(list('ab') * 25)", "list('ab') * 25", "import", "raw", "category"),
        (IMPORT, "raw['x'][:3]", "raw['x'][:2]", "import", "cells", "length 3 in the notebook, 2 in the pipeline"),
        (FEATURES, "index=False", "index=True", "features", "table.csv", "line 1"),
        (REPORT, "ax.scatter(table['x'], table['z'])", "ax.scatter(table['z'], table['x'])", "report", "fig", ""),
    ],
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found_at_its_stage_and_variable(name: str, project: Path, tmp_path: Path) -> None:
    root = tmp_path / "project"
    shutil.copytree(project, root)
    for script, old, new, *_ in FAULTS[name]:
        plant(root, script, old, new)
    verdict = verified(root)
    assert verdict.exit_code == 1, verdict.failure
    different = by_name(verdict, Status.DIFFERENT)
    for _, _, _, stage, variable, how in FAULTS[name]:
        assert (stage, variable) in different, sorted(different)
        assert how in different[stage, variable].how
    assert "not what `nb2stage convert` would write" in verdict.notes[0]


def test_the_first_difference_is_where_the_fault_is(project: Path, tmp_path: Path) -> None:
    root = tmp_path / "project"
    shutil.copytree(project, root)
    plant(root, FEATURES, "table['x'] * 2 + table['y']", "table['x'] * 2 + table['y'] + 1e-9")
    verdict = verified(root)
    first = verdict.of(Status.DIFFERENT)[0]
    assert (first.stage, first.cell, first.name) == ("features", 5, "table")
    assert first.line == 2
    assert len(verdict.of(Status.DIFFERENT)) > 3
    text = verifyreport.text(verdict, lambda text, style: text)
    assert "first difference: stage `features`, cell 5:2, variable `table`" in text
    assert "50 of 50 values differ, by up to 1e-09" in text
    tolerant = verified(root, Settings(rtol=1e-6))
    assert [(item.stage, item.name) for item in tolerant.of(Status.DIFFERENT)] == []


def test_tuned_values_count_for_the_notebook_too(project: Path, tmp_path: Path) -> None:
    root = tmp_path / "project"
    shutil.copytree(project, root)
    text = (root / "params.yaml").read_text()
    changed = text.replace("lr: 0.5", "lr: 0.25").replace("steps: 20", "steps: 3")
    assert changed != text
    (root / "params.yaml").write_text(changed)
    verdict = verified(root)
    assert verdict.of(Status.DIFFERENT) == []
    assert ("train", "lr") in by_name(verdict, Status.EQUAL)


# -- what cannot be judged ---------------------------------------------------------------------------------------------

UNSTABLE: Final = [
    ("import", "import time\nimport random\nstamp = time.time_ns()\nvalue = random.random()\nfixed = 1"),
    ("train", "both = [stamp, fixed]\nopen('stamp.txt', 'w').write(str(stamp))\nopen('fixed.txt', 'w').write('1')"),
]


def test_what_the_notebook_does_not_reproduce_is_listed_apart(tmp_path: Path) -> None:
    root = converted(tmp_path / "project", UNSTABLE)
    once = verified(root)
    assert set(by_name(once, Status.CLOCK)) == {("import", "stamp"), ("train", "stamp")}
    assert {("import", "value"), ("train", "both"), ("train", "stamp.txt")} <= set(by_name(once, Status.DIFFERENT))
    twice = verified(root, Settings(repeat=True))
    assert twice.of(Status.DIFFERENT) == []
    assert twice.exit_code == 0
    unstable = set(by_name(twice, Status.UNSTABLE))
    assert {("import", "stamp"), ("import", "value"), ("train", "both"), ("train", "stamp.txt")} <= unstable
    assert {("import", "fixed"), ("train", "fixed.txt")} <= set(by_name(twice, Status.EQUAL))


TIMED: Final = [
    (
        "import",
        "import time\nimport numpy as np\nimport pandas as pd\nfrom sklearn.linear_model import Ridge\n"
        "from sklearn.model_selection import GridSearchCV\nX = np.arange(40.0).reshape(20, 2)\ny = X[:, 0]",
    ),
    (
        "train",
        "start = time.perf_counter()\nsearch = GridSearchCV(Ridge(), {'alpha': [1.0, 2.0]}).fit(X, y)\n"
        "took = time.perf_counter() - start\ntable = pd.DataFrame(search.cv_results_)\n"
        "log = {'took': took, 'alpha': search.best_params_['alpha']}\n"
        "pd.DataFrame([log]).to_csv('log.csv', index=False)\ntable.to_json('table.json')",
    ),
    ("report metrics", "score = float(search.best_score_)\nfit_seconds = took"),
]


def test_times_are_listed_apart_without_a_second_run(tmp_path: Path) -> None:
    """Those that cells measure and those of searches, in variables, metrics and files; a fault beside them is found."""
    pytest.importorskip("sklearn")
    root = converted(tmp_path / "project", TIMED)
    verdict = verified(root)
    assert [(item.name, item.how) for item in verdict.of(Status.DIFFERENT)] == []
    names = {("train", name) for name in ("start", "search", "took", "table", "log", "log.csv", "table.json")}
    assert names | {("report", "fit_seconds")} <= set(by_name(verdict, Status.CLOCK))
    assert ("report", "score") in by_name(verdict, Status.EQUAL)
    assert verdict.exit_code == 0
    said = verifyreport.text(verdict, lambda text, _style: text)
    assert "wall-clock times, which no two runs have in common" in said
    assert f"{len(verdict.of(Status.CLOCK))} wall-clock times" in said.splitlines()[-1]
    plant(root, TRAIN, "{'alpha': [1.0, 2.0]}", "{'alpha': [1.0, 3.0]}")
    plant(root, TRAIN, "search.best_params_['alpha']}", "7}")
    found = by_name(verified(root), Status.DIFFERENT)
    assert {("train", name) for name in ("search", "table", "log", "log.csv", "table.json")} <= set(found)


LISTING: Final = [
    ("import", "import os\nos.makedirs('out', exist_ok=True)\nopen('out/a.txt', 'w').write('a')"),
    ("train", "names = os.listdir('out')"),
    ("report", "n = len(names)"),
]


def test_the_file_that_dvc_writes_beside_an_out_is_seen(tmp_path: Path) -> None:
    root = converted(tmp_path, LISTING)
    verdict = verified(root)
    assert not by_name(verdict, Status.DIFFERENT)
    (root / ".gitignore").write_text("cache/\n")  # the user does not want the lines
    verdict = verified(root)
    assert ("train", "names") in by_name(verdict, Status.DIFFERENT)


def test_what_cannot_be_compared_is_said(tmp_path: Path) -> None:
    cells = [
        ("import", "import threading\nlock = threading.Lock()\nn = 1\nitems = (i for i in range(3))"),
        ("train", "m = n + 1\nwith open('n.txt', 'w') as f:\n    f.write(str(m))"),
    ]
    verdict = verified(converted(tmp_path / "project", cells))
    unknown = by_name(verdict, Status.UNKNOWN)
    assert "the state of a _thread.lock" in unknown["import", "lock"].how
    assert "the state of a generator" in unknown["import", "items"].how
    assert ("import", "n") in by_name(verdict, Status.EQUAL)
    assert verdict.exit_code == 0


def test_what_could_not_be_compared_is_not_called_equal() -> None:
    broken = Item("a", "variable", "y", Status.UNKNOWN, how="cache/a/y.pkl cannot be loaded here: ValueError: not yet")
    line, color = verifyreport.headline(Verdict("nb.ipynb", items=[Item("a", "variable", "x", Status.EQUAL), broken]))
    assert line.endswith("what the notebook gives, as far as it can be compared: variable y could not be")
    assert color == "yellow"


class Box:
    """Drops `m` when it is pickled."""

    n, m = 1, 0

    def __getstate__(self) -> dict[str, int]:
        return {"n": self.n}


def test_what_pickling_drops_is_not_called_equal(tmp_path: Path) -> None:
    box = Box()
    box.n, box.m = 2, 3
    capture = capturing.Capture({"box": box}, str(tmp_path), 10**6)
    loaded = digests.digest(pickle.loads(pickle.dumps(box)))
    assert kernel._digest(capture, "box", {"definitions": {}, "known": {"box": loaded}}) == loaded
    assert capture.doubts["box"] == ["what is lost when it is pickled"]


def test_a_distribution_that_draws_from_a_state_of_its_own_is_another() -> None:
    stats = pytest.importorskip("scipy.stats")
    ours = digests.digest(stats.norm(5, 2))
    assert ours == digests.digest(stats.norm(5, 2))
    assert ours != digests.digest(pickle.loads(pickle.dumps(stats.norm(5, 2))))


def test_a_result_that_computes_with_a_distribution_is_the_same() -> None:
    linear = pytest.importorskip("statsmodels.api")
    prediction = linear.OLS([1.0, 2.0, 4.0], [[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]]).fit().get_prediction()
    assert digests.digest(prediction) == digests.digest(pickle.loads(pickle.dumps(prediction)))


def test_an_unconverted_notebook_is_converted_in_the_scratch_folder(tmp_path: Path) -> None:
    write_notebook(tmp_path / "explore.ipynb", [("import", "n = 1"), ("train", "m = n + 1")])
    verdict = verified(tmp_path)
    assert verdict.exit_code == 0
    assert "has not been converted here" in verdict.notes[0]
    assert [path.name for path in tmp_path.iterdir()] == ["explore.ipynb"]


# -- what does not run -------------------------------------------------------------------------------------------------


def test_a_cell_that_fails_is_named(tmp_path: Path) -> None:
    write_notebook(tmp_path / "explore.ipynb", [("import", "n = 1"), ("train", "m = n + 1\nm / 0")])
    verdict = verified(tmp_path)
    assert verdict.exit_code == 2
    assert verdict.failure is not None
    assert (verdict.failure.code, verdict.failure.cell, verdict.failure.line) == ("NB804", 2, 2)
    assert "ZeroDivisionError" in verdict.failure.message


def test_a_script_that_fails_is_named_by_cell(tmp_path: Path) -> None:
    cells = [
        ("import", "import os\nn = [os.sep]\nn.append(1)"),
        ("train", "m = [*n]\nif not os.environ.get('JPY_PARENT_PID'):\n    m / 0"),
    ]
    verdict = verified(converted(tmp_path / "project", cells))
    assert verdict.exit_code == 2
    assert verdict.failure is not None
    assert (verdict.failure.code, verdict.failure.cell, verdict.failure.line) == ("NB805", 2, 3)
    script, _, number = verdict.failure.hint.removeprefix("in the script it is ").partition(":")
    assert (tmp_path / "project" / script).read_text().splitlines()[int(number) - 1].strip() == "m / 0"
    assert ("import", "n") in by_name(verdict, Status.EQUAL)


def test_a_kernel_that_dies_is_told(tmp_path: Path) -> None:
    cells = [
        ("import", "import os, sys\nn = 1"),
        ("train", "if os.environ.get('JPY_PARENT_PID'):\n    os.kill(os.getpid(), 9)"),
    ]
    verdict = verified(converted(tmp_path / "project", cells))
    assert verdict.exit_code == 2
    assert verdict.failure is not None
    assert (verdict.failure.code, verdict.failure.cell) == ("NB803", 2)


def command(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "nb2stage", *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )


def test_the_command_line_gives_json_and_a_page(project: Path, tmp_path: Path) -> None:
    done = command("verify", "explore.ipynb", "--json", "--html", str(tmp_path / "page.html"), cwd=project)
    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    assert document["verdict"] == "equal"
    assert document["counts"]["equal"] == len(document["items"])
    page = (tmp_path / "page.html").read_text()
    assert page.startswith("<!doctype html>")
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")
    # the graph of `graph --svg`, with each stage in the colour of its verdict
    assert page.count('<g class="stage good" data-stage=') == 4
    assert '<svg xmlns="http://www.w3.org/2000/svg" class="nb2stage-pipeline"' in page
    # the figure of both, side by side, with its cell
    assert page.count('<img alt="notebook" src="data:image/png;base64,') == 1
    assert page.count('<img alt="pipeline" src="data:image/png;base64,') == 1
    assert "report/figures/figure_1.png: stage report, cell 8" in page
    assert re.search(r"<details><summary[^>]*>\d+ equal</summary>", page)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["verify", "gone.ipynb"], 2, "NB100"),
        (["verify", "explore.ipynb", "--kernel", "nope"], 2, "nope"),
        (["verify", "explore.ipynb", "--rtol", "2"], 2, "not between 0 and 1"),
    ],
)
def test_what_cannot_begin_ends_with_2(arguments: list[str], code: int, said: str, project: Path) -> None:
    done = command(*arguments, cwd=project)
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_pipeline_of_an_older_notebook_is_refused(project: Path, tmp_path: Path) -> None:
    root = tmp_path / "project"
    shutil.copytree(project, root)
    (root / TRAIN).unlink()
    done = command("verify", "explore.ipynb", cwd=root)
    assert done.returncode == 2
    assert "NB807 the project's pipeline has no `training/train.py`" in done.stderr


@pytest.mark.parametrize(("how", "side"), [(signal.SIGINT, ""), (signal.SIGTERM, "not "), (signal.SIGKILL, "")])
def test_a_killed_run_touches_nothing_and_leaves_no_process(how: signal.Signals, side: str, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    wait = f"    open({str(mark)!r}, 'w').write(str(os.getpid()))\n    time.sleep(60)"
    slow = f"if {side}os.environ.get('JPY_PARENT_PID'):\n{wait}"
    root = converted(
        tmp_path / "project",
        [
            ("import", "import os, sys, time\nn = 1"),
            ("train", f"#| outs: no.txt\nopen('x.txt', 'w').write('1')\n{slow}\nopen('no.txt', 'w').close()"),
        ],
    )
    before = fingerprint(root)
    environment: dict[str, Any] = {**os.environ, "TMPDIR": str(tmp_path)}
    process = subprocess.Popen(
        [sys.executable, "-m", "nb2stage", "verify", "explore.ipynb"],
        cwd=root,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(lambda: mark.exists() and mark.read_text() != "")
    process.send_signal(how)
    _, said = process.communicate(timeout=30)
    assert fingerprint(root) == before
    if how is signal.SIGKILL:
        return
    assert process.returncode == 130
    assert "Traceback" not in said
    pid = int(mark.read_text())
    wait_for(lambda: not alive(pid))
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("nb2stage-")] == []


def wait_for(condition: Any, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/status")
    return not (status.exists() and "State:\tZ" in status.read_text())


def main() -> int:
    """Plant each fault alone, and print what `verify` then tells first: it has to be that stage and that name."""
    faults = [(group, fault) for group, found in FAULTS.items() for fault in found]
    found = 0
    with tempfile.TemporaryDirectory(prefix="planted-") as folder:
        project = converted(Path(folder) / "project", CELLS)
        for number, (group, (script, old, new, stage, name, how)) in enumerate(faults, start=1):
            root = Path(folder) / str(number)
            shutil.copytree(project, root)
            plant(root, script, old, new)
            different = verified(root).of(Status.DIFFERENT)
            first = different[0] if different else None
            is_found = first is not None and (first.stage, first.name) == (stage, name) and how in first.how
            found += is_found
            said = f"{first.stage} {first.name}: {first.how.splitlines()[0]:.70}" if first else "equal"
            print(f"{'found' if is_found else 'MISSED':7}{group}: {new or 'nothing'!r:.50} | {said}", flush=True)
    print(f"{len(faults)} planted, {found} found first at their stage and name")
    return found != len(faults)


if __name__ == "__main__":
    sys.exit(main())
