"""Cells tagged `metrics` and `plots`: what DVC then shows and compares, tried with DVC and git themselves."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from notebooks import notebook_data

from nb2stage.cli import main
from nb2stage.conversion import Conversion, Project
from nb2stage.files.top_plots import merge_top_plots
from nb2stage.files.writer import State
from nb2stage.spine import convert

IMPORTS: Final = """
import numpy as np
import pandas as pd
import matplotlib.pyplot as plt
from sklearn.metrics import accuracy_score, calibration_curve, precision_recall_curve, roc_curve
rows = [{"a": n} for n in range(3)]
y = np.array([0, 1, 1])
"""


def notebook(cells: list[tuple[str, str]]) -> bytes:
    return json.dumps(notebook_data(cells)).encode()


def converted(root: Path, cells: list[tuple[str, str]]) -> Conversion:
    return convert(notebook(cells), "nb.ipynb", Project(root, State()))


def text_of(result: Conversion, path: str) -> str:
    return next(file.text for file in result.files if file.path == path)


def findings(result: Conversion, code: str) -> list[str]:
    return [finding.message for finding in result.diagnostics if finding.code == code]


# -- without DVC: axes and templates

PLOTS: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "roc": ("fpr, tpr, _ = roc_curve(y, y / 2)", {"roc": {"x": "fpr", "y": "tpr"}}),
    "precision against recall": (
        "p, r, _ = precision_recall_curve(y, y / 2)",
        {"precision_recall": {"x": "r", "y": "p"}},
    ),
    "two curves of one function": (
        "fpr, tpr, _ = roc_curve(y, y)\nf2, t2, _ = roc_curve(y, y / 2)",
        {"roc": {"x": "fpr", "y": "tpr"}, "roc_t2": {"x": "f2", "y": "t2"}},
    ),
    "one list": ("losses = [0.5, 0.25]", {"losses": {"y": "losses"}}),
    "a list and what it is drawn against": (
        "sizes = [1, 2]\nerrors = [0.5, 0.25]\nplt.scatter(sizes, errors)",
        {"errors": {"template": "scatter", "x": "sizes", "y": "errors"}},
    ),
    "two lists in one picture": (
        "t = [1, 2]\na = [0.5, 0.25]\nb = [1, 3]\nplt.plot(t, a)\nplt.plot(t, b)",
        {"a_b": {"x": "t", "y": ["a", "b"]}},
    ),
    "bars": (
        "names = ['u', 'v']\nheights = [1, 2]\nplt.bar(names, heights)",
        {"heights": {"template": "bar_horizontal", "x": "heights", "y": "names"}},
    ),
    "a list of a loop that counts": (
        "xs, ys = [], []\nfor n in range(3):\n    xs.append(n)\n    ys.append(n * n)",
        {"ys": {"x": "xs", "y": "ys"}},
    ),
    "a frame by its columns": (
        "frame = pd.DataFrame({'epoch': [1, 2], 'loss': [3, 4]})",
        {"frame": {"x": "epoch", "y": "loss"}},
    ),
    "a frame of rows": (
        "frame = pd.DataFrame([{'loss': n, 'step': n} for n in range(3)])",
        {"frame": {"x": "step", "y": "loss"}},
    ),
    "a frame of classes": (
        "frame = pd.DataFrame({'actual': y, 'predicted': y})\nn = accuracy_score(y, y)",
        {"frame": {"template": "confusion", "x": "actual", "y": "predicted"}},
    ),
    "a frame that is drawn": (
        "frame = pd.DataFrame({'a': [1], 'b': [2], 'c': [3]})\nframe.plot.scatter(x='c', y='a')",
        {"frame": {"template": "scatter", "x": "c", "y": "a"}},
    ),
    "categories": (
        "frame = pd.DataFrame({'feature': ['u'], 'weight': [2]})",
        {"frame": {"template": "bar_horizontal", "x": "weight", "y": "feature"}},
    ),
    "a series with names": (
        "s = pd.Series([1, 2], ['u', 'v'])",
        {"s": {"template": "bar_horizontal", "x": "s", "y": "index"}},
    ),
    "said": (
        "#| x: b\n#| y: a\n#| template: bar\nframe = pd.DataFrame({'a': [1], 'b': [2]})",
        {"frame": {"template": "bar_horizontal", "x": "a", "y": "b"}},
    ),
    "said of a frame nobody can see": ("#| x: a\n#| y: b\nframe = make()", {"frame": {"x": "a", "y": "b"}}),
    "said of lists": ("#| x: k\nk = [1, 2]\nv = [3, 4]\nw = [5, 6]", {"v_w": {"x": "k", "y": ["v", "w"]}}),
}


def plots_of(result: Conversion) -> dict[str, Any]:
    """The plots of dvc.yaml by the stems of their files, without the figures."""
    data = yaml.safe_load(text_of(result, "dvc.yaml"))
    entries = [entry for stage in data["stages"].values() for entry in stage.get("plots", ())]
    flags = {path: given for entry in entries for path, given in entry.items() if path.endswith(".csv")}
    assert all(given.pop("cache") is False for given in flags.values())
    for entry in data.get("plots", ()):
        path = next(iter(entry))
        assert any({path: {"cache": False}} in stage.get("outs", ()) for stage in data["stages"].values())
        flags |= entry
    return {path.removeprefix("plots/").removesuffix(".csv"): given for path, given in flags.items()}


@pytest.mark.parametrize("name", PLOTS)
def test_axes_and_template(tmp_path: Path, name: str) -> None:
    source, expected = PLOTS[name]
    helper = "def make():\n    return pd.read_csv('rows.csv')"
    result = converted(
        tmp_path, [("", helper), ("import", IMPORTS), ("train plots", source), ("report", "print(rows)")]
    )
    assert plots_of(result) == expected
    assert findings(result, "NB117") == []


@pytest.mark.parametrize(
    ("tags", "source", "word"),
    [
        ("train metrics", "losses = [0.5, 0.25]", "`losses` is no number"),
        ("train metrics", "model.score(1)", "assigns nothing"),
        ("train plots", "total = 3", "assigns no table"),
        ("train plots", "what = model.history", "what `what` is cannot be seen"),
        ("train plots", "what = {'a': 1}", "what `what` is cannot be seen"),
        ("train plots", "frame = pd.read_csv('a.csv')", "the columns of `frame` cannot be seen"),
        ("train plots", "frame = pd.DataFrame({'actual': [1], 'predicted': [2]})", "classes or numbers"),
    ],
)
def test_what_dvc_would_leave_out_is_named(tmp_path: Path, tags: str, source: str, word: str) -> None:
    (tmp_path / "a.csv").write_text("a\n1\n")
    cells = [("import", "import pandas as pd\nimport lib\nmodel = lib.fit()"), (tags, source), ("report", "print(1)")]
    found = findings(converted(tmp_path, cells), "NB117")
    assert len(found) == 1
    assert word in found[0]


def test_tables_in_the_way(tmp_path: Path) -> None:
    """Two stages with tables of one name, and files of the user's."""
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots" / "sizes.csv").write_text("mine\n")
    (tmp_path / "metrics.json").write_text("{}\n")
    cells = [
        ("train plots", "a = [1]\nsizes = [2]"),
        ("report plots", "a = [2]\nprint(a)"),
        ("report metrics", "n = 3"),
    ]
    result = converted(tmp_path, cells)
    assert list(plots_of(result)) == ["train/a", "train/sizes", "report/a"]
    assert "metrics/report.json" in text_of(result, "report/report.py")


def test_lines_about_plots_stand_in_cells_tagged_plots(tmp_path: Path) -> None:
    result = converted(
        tmp_path, [("train", "#| x: a\nb = [1].pop()"), ("report plots", "#| template: scater\nc = [1]")]
    )
    assert findings(result, "NB115") == [
        "`#| x:` is for cells tagged `plots`",
        "DVC has no template 'scater' of its own",
    ]


# -- the list at the top level of dvc.yaml

OURS: Final = {"plots/a.csv": {"x": "k", "y": ["u", "v"]}}
TEXT: Final = "stages:\n  a:\n    cmd: a\nplots:\n- plots/a.csv:\n    x: k\n    y: [u, v]\n"


@pytest.mark.parametrize(
    ("text", "wanted", "known", "expected"),
    [
        ("stages:\n  a:\n    cmd: a\n", OURS, {}, TEXT),
        (TEXT, OURS, OURS, TEXT),
        (TEXT, OURS, {}, TEXT),
        (TEXT, {"plots/a.csv": {"x": "m", "y": ["u", "v"]}}, OURS, TEXT.replace("x: k", "x: m")),
        (TEXT.replace("x: k", "x: h  # mine"), OURS, OURS, TEXT.replace("x: k", "x: h  # mine")),
        (TEXT, {}, OURS, TEXT[: TEXT.index("plots:")]),
        ("stages:\n  a:\n    cmd: a\n", OURS, OURS, "stages:\n  a:\n    cmd: a\n"),
        (
            "plots:\n  # mine\n  - b.csv\n",
            OURS,
            {},
            "plots:\n  # mine\n  - b.csv\n  - plots/a.csv:\n      x: k\n      y: [u, v]\n",
        ),
        (TEXT + "- mine.csv\n", {}, OURS, "stages:\n  a:\n    cmd: a\nplots:\n- mine.csv\n"),
        ("plots: []\nvars: [1]\n", OURS, {}, "vars: [1]\nplots:\n- plots/a.csv:\n    x: k\n    y: [u, v]\n"),
    ],
)
def test_plots_of_several_columns(text: str, wanted: dict[str, Any], known: dict[str, Any], expected: str) -> None:
    assert merge_top_plots(text, wanted, known) == expected


def test_plots_follow_the_notebook_and_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    source = "h = pd.DataFrame({'epoch': [1], 'a': [2], 'b': [3]})"

    def run(source: str) -> str:
        cells = [("train plots", f"import pandas as pd\n{source}")]
        Path("nb.ipynb").write_bytes(notebook(cells))
        assert main(["convert", "nb.ipynb", "-q"]) == 0
        return Path("dvc.yaml").read_text()

    first = run(source)
    assert "y: [a, b]" in first
    Path("dvc.yaml").write_text(first.replace("y: [a, b]", "y: [b]  # mine"))
    assert "y: [b]  # mine" in run(source.replace("[2]", "[4]"))
    Path("dvc.yaml").write_text(first)
    assert "plots/h.csv:\n        cache: false\n        x: epoch\n        y: a" in run(source.replace(", 'b': [3]", ""))
    assert not Path("dvc.yaml").read_text().count("\nplots:")


# -- with git and DVC

STORY: Final = [
    ("parameters", "depth = 2"),
    (
        "import",
        "import numpy as np\nimport pandas as pd\nfrom sklearn.metrics import accuracy_score, roc_curve, confusion_matrix\n"
        "x = np.arange(10)\ny = (x > 4).astype(int)",
    ),
    ("train", "scores = x / 10 - (x % depth) / 2"),
    ("train plots", "history = pd.DataFrame({'epoch': [1, 2], 'loss': [depth, 0.5], 'val_loss': [depth + 1, 0.75]})"),
    ("train metrics", "loss = 1 / depth\nsteps = [1, 2]\nprint(steps)"),
    (
        "evaluate metrics",
        "predicted = (scores > 0.25).astype(int)\naccuracy = accuracy_score(y, predicted)\nloss = 1 - accuracy",
    ),
    ("evaluate plots", "fpr, tpr, _ = roc_curve(y, scores)\nmatrix = confusion_matrix(y, predicted)"),
]


def run(folder: Path, *command: str) -> str:
    beside = str(Path(sys.executable).parent)
    kept = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    kept |= {"PATH": f"{beside}{os.pathsep}{kept['PATH']}", "DVC_NO_ANALYTICS": "1", "GIT_CONFIG_GLOBAL": os.devnull}
    for who in ("AUTHOR", "COMMITTER"):
        kept |= {f"GIT_{who}_NAME": "A", f"GIT_{who}_EMAIL": "a@b.c"}
    done = subprocess.run(command, cwd=folder, env=kept, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pipeline on `main`, a branch `deeper` with another parameter, and an experiment with a third."""
    root = tmp_path_factory.mktemp("story")
    (root / "nb.ipynb").write_bytes(notebook(STORY))
    run(root, "git", "init", "-q", "-b", "main")
    run(root, "dvc", "init", "-q")
    run(root, "dvc", "config", "core.autostage", "true")
    run(root, sys.executable, "-m", "nb2stage", "convert", "nb.ipynb", "-q")
    run(root, "dvc", "repro")
    run(root, "git", "add", "-A")
    run(root, "git", "commit", "-qm", "first")
    run(root, "git", "switch", "-qc", "deeper")
    params = root / "params.yaml"
    params.write_text(params.read_text().replace("depth: 2", "depth: 4"))
    run(root, "dvc", "repro")
    run(root, "git", "commit", "-qam", "deeper")
    run(root, "dvc", "exp", "run", "-n", "third", "-S", "shared.depth=5")
    run(root, "git", "checkout", "-q", "--", ".")
    run(root, "dvc", "checkout")
    return root


def answer(project: Path, *command: str) -> Any:
    return json.loads(run(project, "dvc", *command, "--json"))


def test_metrics_show(project: Path) -> None:
    shown = answer(project, "metrics", "show")[""]["data"]
    assert {path: found["data"] for path, found in shown.items()} == {
        "metrics/train.json": {"loss": 0.25},
        "metrics/evaluate.json": {"accuracy": 0.6, "loss": pytest.approx(0.4)},
    }


def test_metrics_diff_between_branches_commits_and_experiments(project: Path) -> None:
    """Two files have a `loss`: each is compared with itself."""
    main_to_branch = answer(project, "metrics", "diff", "main", "deeper")
    assert main_to_branch["metrics/train.json"]["loss"] == {"old": 0.5, "new": 0.25, "diff": -0.25}
    assert main_to_branch["metrics/evaluate.json"]["loss"]["diff"] == pytest.approx(0.1)
    assert answer(project, "metrics", "diff", "HEAD~1") == main_to_branch
    third = answer(project, "metrics", "diff", "main", "third")
    assert third["metrics/train.json"]["loss"] == {"old": 0.5, "new": 0.2, "diff": -0.3}


def test_params_diff(project: Path) -> None:
    assert answer(project, "params", "diff", "main", "deeper") == {
        "params.yaml": {"shared.depth": {"old": 2, "new": 4, "diff": 2}}
    }
    assert answer(project, "params", "diff", "deeper", "third")["params.yaml"]["shared.depth"]["new"] == 5


def test_experiments_show_both_metrics_of_one_name(project: Path) -> None:
    table = run(project, "dvc", "exp", "show", "--csv")
    heads = table.splitlines()[0].split(",")
    assert {"metrics/train.json:loss", "metrics/evaluate.json:loss", "accuracy", "shared.depth"} <= set(heads)


def plots(project: Path, *command: str) -> dict[str, Any]:
    """Plot -> its specification, which holds the data of all revisions."""
    found = answer(project, "plots", *command)["data"]
    return {
        name.removeprefix("dvc.yaml::"): json.loads(entries[0]["content"])
        if isinstance(entries[0]["content"], str)
        else entries[0]["content"]
        for name, entries in found.items()
    }


def test_plots_show(project: Path) -> None:
    shown = plots(project, "show")
    assert set(shown) == {"plots/history.csv", "plots/roc.csv", "plots/matrix.csv"}
    lines = shown["plots/history.csv"]["data"]["values"]
    assert [(row["epoch"], row["field"], row[row["field"]]) for row in lines] == [
        ("1", "loss", "4.0"), ("2", "loss", "0.5"), ("1", "val_loss", "5.0"), ("2", "val_loss", "0.75"),
    ]  # fmt: skip
    assert shown["plots/roc.csv"]["encoding"]["x"]["field"] == "fpr"
    counts = [(row["actual"], row["predicted"]) for row in shown["plots/matrix.csv"]["data"]["values"]]
    assert len(counts) == 10
    assert counts.count(("0", "0")) == 4
    assert "actual" in json.dumps(shown["plots/matrix.csv"]["facet" if "facet" in shown else "spec"])


def test_plots_diff(project: Path) -> None:
    compared = plots(project, "diff", "main", "deeper", "third")
    assert {row["rev"] for row in compared["plots/roc.csv"]["data"]["values"]} == {"main", "deeper", "third"}
    history = compared["plots/history.csv"]["data"]["values"]
    firsts = {row["rev"]: row["loss"] for row in history if row["epoch"] == "1" and row["field"] == "loss"}
    assert firsts == {"main": "2.0", "deeper": "4.0", "third": "5.0"}


def test_metrics_that_git_ignores_are_named(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """DVC shows `-` for every commit, and says nothing."""
    copy = tmp_path / "copy"
    shutil.copytree(project, copy)
    with (copy / ".gitignore").open("a") as file:
        file.write("*.json\n")
    monkeypatch.chdir(copy)
    run(copy, "git", "rm", "-q", "--cached", "metrics/train.json", "metrics/evaluate.json")
    assert main(["convert", "nb.ipynb"]) == 0
    said = capsys.readouterr().err
    assert "NB722" in said
    assert "`metrics/train.json` and 1 more because of `*.json`" in said
