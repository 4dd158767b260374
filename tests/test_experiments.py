"""Experiments on a generated project, with real git and DVC: what DVC runs and compares, and what the overview says of it.

One story, told once: main, a branch with another parameter, an experiment, three queued ones, pushed and pulled.
"""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from test_ci import (
    Runner,
    Service,
    programs,  # noqa: F401 (a fixture)
    pull_request,
    service,  # noqa: F401 (a fixture)
)
from test_ci import row as has_row
from test_report import notebook

DATA: Final = "x,y\n" + "".join(f"{n},{2 * n + (n * 7) % 5}\n" for n in range(20))
CELLS: Final = [
    ("parameters", "alpha = 0.5  # of the ridge\nkeep = 15"),
    ("import", "import pandas as pd\npoints = pd.read_csv('points.csv')"),
    ("split", "train = points.head(keep)\ntest = points.tail(len(points) - keep)"),
    ("train", "slope = float((train.x * train.y).sum() / ((train.x**2).sum() + alpha * 1000))"),
    (
        "report metrics",
        "residuals = test.y - slope * test.x\n"
        "rmse = float((residuals**2).mean() ** 0.5)\n"
        "fit = {'slope': slope, 'rows': len(test)}\n"
        "listed = [1, 2]",
    ),
    ("md report", "# The fit\n\nA line through the origin."),
    ("report", "pd.DataFrame({'slope': [slope], 'rmse': [rmse]}, index=['ridge'])"),
    ("report", "import matplotlib.pyplot as plt\nplt.plot(test.x, residuals)\nplt.show()"),
    ("md", "The tables below are drawn by DVC."),
    ("report plots", "path = pd.DataFrame({'step': [1, 2], 'loss': [slope, slope / 2]})"),
    (
        "report plots",
        "#| template: scatter\n#| x: measured\n#| y: fitted\n"
        "measured = test.y.tolist()\nfitted = (slope * test.x).tolist()",
    ),
    (
        "report plots",
        "#| template: confusion\nhigh = pd.DataFrame({'actual': test.y > 34, 'predicted': slope * test.x > 22})",
    ),
    ("report plots", "weights = pd.DataFrame({'feature': ['x', 'one'], 'weight': [slope, 1.0]})\nprint('all drawn')"),
]
QUEUED: Final = {"q2": 2.0, "q3": 3.0, "q4": 4.0}
ENVIRONMENT: Final = {
    "PATH": str(Path(sys.executable).parent) + os.pathsep + os.environ.get("PATH", ""),
    "DVC_NO_ANALYTICS": "1",
    "MPLBACKEND": "agg",
    "NO_COLOR": "1",
    **{f"GIT_{who}_{what}": "ada@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}


def run(folder: Path, *command: str) -> str:
    """What a command prints on standard output."""
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **ENVIRONMENT}, capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def overview(folder: Path, *options: str) -> str:
    return run(folder, sys.executable, "-m", "nb2stage", "overview", *options)


def read(folder: Path, *command: str) -> Any:
    return json.loads(run(folder, *command))


def expected(alpha: float) -> dict[str, Any]:
    """The metrics of the notebook itself, run from top to bottom."""
    folder, names = Path.cwd(), {}
    try:
        os.chdir(STORY[0])
        for tags, source in CELLS[:5]:
            exec(source.replace("alpha = 0.5", f"alpha = {alpha}") if tags == "parameters" else source, names)
    finally:
        os.chdir(folder)
    return {"rmse": names["rmse"], "fit": names["fit"]}


def leaves(metrics: dict[str, Any]) -> dict[str, Any]:
    return {"rmse": metrics["rmse"], "fit.slope": metrics["fit"]["slope"], "fit.rows": metrics["fit"]["rows"]}


STORY: list[Path] = []


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project at the end of the story, its workspace clean on main."""
    top = tmp_path_factory.mktemp("story")
    folder = top / "project"
    folder.mkdir()
    (folder / "fit.ipynb").write_bytes(notebook(CELLS))
    (folder / "points.csv").write_text(DATA)
    STORY[:] = [folder]
    run(folder, sys.executable, "-m", "nb2stage", "convert", "fit.ipynb", "--init")
    run(folder, "git", "symbolic-ref", "HEAD", "refs/heads/main")
    run(folder, sys.executable, "-m", "nb2stage", "ci", "github")
    # The remotes come first: experiments are pushed with the settings of the commit that they started from.
    run(top, "git", "init", "--bare", "origin.git")
    run(folder, "git", "remote", "add", "origin", "../origin.git")
    run(folder, "dvc", "remote", "add", "--default", "store", str(top / "store"))
    run(folder, "dvc", "repro")
    run(folder, "git", "add", "--all")
    run(folder, "git", "commit", "-m", "first")
    run(folder, "git", "tag", "v1")

    run(folder, "git", "checkout", "-b", "tuned")
    params = folder / "params.yaml"
    assert "alpha: 0.5  # of the ridge" in params.read_text()
    params.write_text(params.read_text().replace("alpha: 0.5", "alpha: 0.25"))
    run(folder, "dvc", "repro")
    run(folder, "git", "commit", "--all", "-m", "less ridge")
    clean(folder)

    run(folder, "dvc", "exp", "run", "-n", "single", "-S", "train.alpha=1.5")
    clean(folder)
    for name, alpha in QUEUED.items():
        run(folder, "dvc", "exp", "run", "--queue", "-n", name, "-S", f"train.alpha={alpha}")
    run(folder, "dvc", "exp", "run", "--run-all")

    run(folder, "git", "push", "origin", "main", "tuned")
    run(folder, "dvc", "push", "--all-branches")
    return folder


def clean(folder: Path) -> None:
    """Main as it was committed."""
    run(folder, "git", "checkout", "--force", "main")
    run(folder, "dvc", "checkout")


# -- DVC -------------------------------------------------------------------------------------------------------------


def test_experiments_have_the_notebooks_numbers(story: Path) -> None:
    document = read(story, "dvc", "exp", "show", "--json", "--all-commits")
    found = {}
    for commit in document:
        for entry in commit["experiments"] or []:
            data = entry["revs"][0]["data"]
            params = data["params"]["params.yaml"]["data"]
            found[entry["name"]] = (params["train"]["alpha"], data["metrics"]["metrics.json"]["data"])
    assert found == {name: (alpha, expected(alpha)) for name, alpha in {"single": 1.5, **QUEUED}.items()}


def test_set_param_keeps_comments(story: Path) -> None:
    assert "alpha: 1.5  # of the ridge" in run(story, "git", "show", revision(story, "single") + ":params.yaml")


def revision(folder: Path, name: str) -> str:
    return run(folder, "git", "for-each-ref", f"refs/exps/*/*/{name}", "--format=%(objectname)").strip()


def test_apply_brings_an_experiment_into_the_workspace(story: Path) -> None:
    try:
        run(story, "dvc", "exp", "apply", "q3")
        assert json.loads((story / "metrics.json").read_text()) == expected(3.0)
        assert (story / "report/report.md").read_text() == report(3.0)
        assert "alpha: 3.0" in (story / "params.yaml").read_text()
        assert "didn't change, skipping" in run(story, "dvc", "repro")
        assert json.loads((story / "metrics.json").read_text()) == expected(3.0)
    finally:
        clean(story)


def test_branch_makes_a_branch_of_an_experiment(story: Path) -> None:
    run(story, "dvc", "exp", "branch", "q4", "from-q4")
    try:
        assert json.loads(run(story, "git", "show", "from-q4:metrics.json")) == expected(4.0)
        found = read(story, "dvc", "metrics", "diff", "main", "from-q4", "--json")
        assert found["metrics.json"]["rmse"]["new"] == expected(4.0)["rmse"]
    finally:
        run(story, "git", "branch", "-D", "from-q4")


def test_pushed_experiments_can_be_pulled(story: Path, tmp_path: Path) -> None:
    run(story, "dvc", "exp", "push", "origin", "q2")
    run(tmp_path, "git", "clone", "--branch", "main", str(story.parent / "origin.git"), "clone")
    clone = tmp_path / "clone"
    run(clone, "dvc", "exp", "pull", "origin", "q2")
    run(clone, "dvc", "exp", "apply", "q2")
    assert json.loads((clone / "metrics.json").read_text()) == expected(2.0)
    assert json.loads(run(clone, "dvc", "status", "--json")) == {}
    assert (clone / "cache/train").is_dir()


def test_metrics_show_has_every_branch_tag_and_commit(story: Path) -> None:
    shown = read(story, "dvc", "metrics", "show", "--all-branches", "--all-tags", "--json")
    by_rev = {rev: each["data"]["metrics.json"]["data"] for rev, each in shown.items() if each.get("data")}
    names = {name: values for rev, values in by_rev.items() for name in re.split(r"[,\s]+", rev)}
    assert names["main"] == expected(0.5)
    assert names["v1"] == expected(0.5)
    assert names["tuned"] == expected(0.25)
    assert "listed" not in names["main"]  # DVC would drop a list without a word


def test_metrics_and_params_diff(story: Path) -> None:
    for one, other, old, new in (("main", "tuned", 0.5, 0.25), ("v1", "single", 0.5, 1.5), ("q2", "q4", 2.0, 4.0)):
        metrics = read(story, "dvc", "metrics", "diff", one, other, "--json")["metrics.json"]
        before, after = leaves(expected(old)), leaves(expected(new))
        assert {key: (each["old"], each["new"]) for key, each in metrics.items()} == {
            key: (before[key], after[key]) for key in before if before[key] != after[key]
        }
        params = read(story, "dvc", "params", "diff", one, other, "--json")
        assert {file: {key: (p["old"], p["new"]) for key, p in found.items()} for file, found in params.items()} == {
            "params.yaml": {"train.alpha": (old, new)}
        }


def test_figures_are_shown_and_compared(story: Path, tmp_path: Path) -> None:
    figure = "report/figures/figure_1.png"
    run(story, "dvc", "plots", "show", "-o", str(tmp_path / "show"))
    (shown,) = (tmp_path / "show/static").iterdir()
    assert shown.read_bytes() == (story / figure).read_bytes()
    run(story, "dvc", "plots", "diff", "main", "tuned", "single", "-o", str(tmp_path / "diff"))
    page = (tmp_path / "diff/index.html").read_text()
    for rev in ("main", "tuned", revision(story, "single")):
        wanted = subprocess.run(["git", "show", f"{rev}:{figure}"], cwd=story, capture_output=True, check=True).stdout
        (found,) = [path for path in (tmp_path / "diff/static").iterdir() if path.read_bytes() == wanted]
        assert found.name in page


def plots(folder: Path, *command: str) -> dict[str, Any]:
    """File -> what Vega draws of it, with the data of all revisions."""
    found = read(folder, "dvc", "plots", *command, "--json")["data"]
    contents = {name: entries[0]["content"] for name, entries in found.items() if entries[0]["type"] == "vega"}
    return {name: json.loads(each) if isinstance(each, str) else each for name, each in contents.items()}


def test_plots_show_draws_each_as_what_it_is(story: Path) -> None:
    shown = plots(story, "show")
    assert set(shown) == {f"plots/{name}.csv" for name in ("path", "fitted", "high", "weights")}
    axes = {
        name: tuple(
            (plot.get("encoding", {}) | plot.get("layer", [{}])[0].get("encoding", {}))[axis]["field"] for axis in "xy"
        )
        for name, plot in shown.items()
        if name != "plots/high.csv"
    }
    assert axes == {
        "plots/path.csv": ("step", "loss"),
        "plots/fitted.csv": ("measured", "fitted"),
        "plots/weights.csv": ("weight", "feature"),
    }
    assert shown["plots/path.csv"]["layer"][0]["layer"][0]["mark"] == "line"
    assert shown["plots/fitted.csv"]["mark"]["type"] == "point"
    assert shown["plots/weights.csv"]["mark"]["type"] == "bar"
    assert '"rect"' in json.dumps(shown["plots/high.csv"])


def test_plots_diff_has_the_numbers_of_each_revision(story: Path) -> None:
    compared = plots(story, "diff", "main", "tuned", "q2")
    values = {name: plot["data"]["values"] for name, plot in compared.items()}
    tests = [(int(x), int(y)) for x, y in (line.split(",") for line in DATA.split()[1:])][15:]
    for rev, alpha in {"main": 0.5, "tuned": 0.25, "q2": 2.0}.items():
        slope = expected(alpha)["fit"]["slope"]
        rows = {name: [each for each in found if each["rev"] == rev] for name, found in values.items()}
        assert [(int(r["step"]), float(r["loss"])) for r in rows["plots/path.csv"]] == [(1, slope), (2, slope / 2)]
        assert [(int(r["measured"]), float(r["fitted"])) for r in rows["plots/fitted.csv"]] == [
            (y, slope * x) for x, y in tests
        ]
        assert [(r["actual"], r["predicted"]) for r in rows["plots/high.csv"]] == [
            (str(y > 34), str(slope * x > 22)) for x, y in tests
        ]
        assert [(r["feature"], float(r["weight"])) for r in rows["plots/weights.csv"]] == [("x", slope), ("one", 1.0)]


# -- the report ------------------------------------------------------------------------------------------------------


def report(alpha: float) -> str:
    """The report, with the numbers of the notebook itself."""
    found = expected(alpha)
    return f"""\
# The fit

A line through the origin.

|  | slope | rmse |
| --- | --- | --- |
| ridge | {found["fit"]["slope"]:.6f} | {found["rmse"]:.6f} |

![figure_1](figures/figure_1.png)

The tables below are drawn by DVC.

~~~
all drawn
~~~
"""


def test_git_has_the_report_of_each_run(story: Path) -> None:
    for rev, alpha in {"main": 0.5, "tuned": 0.25, revision(story, "q4"): 4.0}.items():
        assert run(story, "git", "show", f"{rev}:report/report.md") == report(alpha)
    assert run(story, "git", "diff", "--numstat", "main", "tuned", "--", "report/report.md").split()[:2] == ["1", "1"]


def test_the_workflow_comments_on_the_branch(
    story: Path,
    tmp_path: Path,
    programs: Path,  # noqa: F811
    service: tuple[str, type[Service]],  # noqa: F811
) -> None:
    run(tmp_path, "git", "clone", "--branch", "tuned", str(story.parent / "origin.git"), "work")
    folder = tmp_path / "work"
    runner = Runner(folder, pull_request(folder), programs, service[0])
    assert runner.run() == "success", runner.logs
    assert "Running stage" not in runner.logs["Reproduce"]  # all is pulled
    (comment,) = [each["body"] for each in service[1].comments.values()]
    assert "`dvc.lock` in git" not in comment
    rmse = [expected(alpha)["rmse"] for alpha in (0.5, 0.25)]
    (shown,) = re.findall(r"^\| metrics.json *\| rmse *\| (.*?) \|$", comment, re.MULTILINE)
    assert [float(each) for each in shown.split("|")] == pytest.approx([*rmse, rmse[1] - rmse[0]], abs=1e-5)
    assert has_row(comment, "params.yaml", "train.alpha", "0.5", "0.25")
    address = f"https://github.com/lab/project/blob/{run(folder, 'git', 'rev-parse', 'HEAD').strip()}/report/figures"
    assert report(0.25).replace("(figures/figure_1.png)", f"({address}/figure_1.png?raw=true)") in comment
    assert (folder / "ci_report/plots/index.html").exists()


# -- the overview ----------------------------------------------------------------------------------------------------


ALPHAS: Final = {"v1": 0.5, "tuned": 0.25, "single": 1.5, **QUEUED}


def test_overview_json(story: Path) -> None:
    document = json.loads(overview(story, "--json"))
    rows = {name: row for row in document["rows"] for name in (row["refs"] or [row["name"]])}
    assert set(rows) == {"workspace", "main", *ALPHAS}
    for name, alpha in ALPHAS.items():
        row = rows[name]
        assert row["metrics"] == leaves(expected(alpha)), name
        assert row["params"] == {"split.keep": 15, "train.alpha": alpha}
        assert list(row["data"]) == ["points.csv"]
        assert row["data"]["points.csv"] == run(story, "md5sum", "points.csv").split()[0]
        assert set(row["code"]) == {
            "data_processing/import_data.py", "data_processing/split.py", "training/train.py", "report/report.py",
            "report/markdown_report.py",
        }  # fmt: skip
        if name != "v1":
            change = {"kind": "param", "key": "train.alpha", "before": 0.5, "after": alpha}
            assert (row["baseline"], row["changes"]) == (rows["v1"]["rev"], [change])
    (metric,) = [metric for metric in document["metrics"] if metric["key"] == "rmse"]
    best = min(ALPHAS, key=lambda name: expected(ALPHAS[name])["rmse"])
    assert metric["better"] == "lower"
    assert rows[best]["rev"] in metric["best"]


def test_overview_of_changed_code_and_data(story: Path) -> None:
    script = story / "training/train.py"
    try:
        script.write_text(script.read_text() + "# an edit\n")
        (story / "points.csv").write_text(DATA + "20,44\n")
        run(story, "dvc", "repro")
        row = json.loads(overview(story, "--json"))["rows"][0]
        assert row["name"] == "workspace"
        assert {(change["kind"], change["key"]) for change in row["changes"]} == {
            ("code", "training/train.py"), ("data", "points.csv"),
        }  # fmt: skip
    finally:
        clean(story)


def test_overview_text_markdown_and_csv_agree(story: Path) -> None:
    rows = list(csv.DictReader(overview(story, "--csv", "--sort", "rmse").splitlines()))
    assert [float(row["metrics.rmse"]) for row in rows] == sorted(float(row["metrics.rmse"]) for row in rows)
    text = overview(story, "--sort", "rmse").splitlines()
    markdown = overview(story, "--sort", "rmse", "--md").splitlines()
    for row, line, cells in zip(rows, text[1:], markdown[2:], strict=False):
        assert row["name"] in line
        assert row["name"] in cells
        rmse = f"{float(row['metrics.rmse']):.5g}"
        assert f" {rmse} " in line
        assert rmse in cells
    assert "alpha 0.5 → 4" in "\n".join(text)


def test_overview_page_has_numbers_figures_and_cells(story: Path) -> None:
    pytest.importorskip("plotly")
    overview(story, "--html")
    page = (story / "overview.html").read_text(encoding="utf-8")
    (story / "overview.html").unlink()
    found = re.search(r'id="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    data = json.loads(found[1])
    keys = [each["key"] for each in data["metrics"]]
    for row in data["rows"]:
        names = row[3] or [row[1]]
        for name in set(names) & set(ALPHAS):
            assert dict(zip(keys, row[12], strict=True)) == leaves(expected(ALPHAS[name]))
            assert list(data["figures"][row[2]]) == ["report/figures/figure_1.png"]
    # one picture for each value of the parameter: equal ones are in the page once
    assert len(data["images"]) == len({*ALPHAS.values()})
    stages = {stage["name"]: stage for stage in data["stages"]}
    assert stages["train"]["cells"] == [[4, CELLS[3][1]]]
    assert 'data-stage="report"' in page


def test_a_queued_experiment_is_no_result(story: Path) -> None:
    run(story, "dvc", "exp", "run", "--queue", "-n", "later", "-S", "train.alpha=9.0")
    try:
        rows = {row["name"]: row for row in json.loads(overview(story, "--json"))["rows"]}
        assert (rows["later"]["state"], rows["later"]["metrics"]) == ("queued", {})
        assert rows["later"]["params"]["train.alpha"] == 9.0
        assert "later (queued)" in overview(story)
    finally:
        run(story, "dvc", "queue", "remove", "--queued")


def test_an_edit_without_a_run_is_marked(story: Path) -> None:
    run(story, "git", "checkout", "-b", "unrun")
    try:
        params, script = story / "params.yaml", story / "training/train.py"
        params.write_text(params.read_text().replace("alpha: 0.5", "alpha: 0.01"))
        run(story, "git", "commit", "--all", "-m", "no ridge")
        script.write_text(script.read_text() + "# an edit\n")
        document = json.loads(overview(story, "--json"))
        rows = {name: row for row in document["rows"] for name in (row["refs"] or [row["name"]])}
        assert {name: row["stale"] for name, row in rows.items() if row["stale"]} == {
            "unrun": ["train.alpha"],
            "workspace": ["train.alpha", "training/train.py"],
        }
        (metric,) = [metric for metric in document["metrics"] if metric["key"] == "rmse"]
        assert rows["unrun"]["rev"] not in metric["best"]
        text = overview(story)
        assert f"! {rows['unrun']['rev'][:7]}: edited after the stages ran: train.alpha" in text
    finally:
        clean(story)
        run(story, "git", "branch", "-D", "unrun")


# -- the guide -------------------------------------------------------------------------------------------------------

GUIDE: Final = Path(__file__).parent.parent / "docs" / "experiments.md"


def test_the_commands_of_the_guide_work(story: Path, tmp_path: Path) -> None:
    pytest.importorskip("plotly")
    run(tmp_path, "git", "clone", "--branch", "main", str(story.parent / "origin.git"), "guide")
    folder = tmp_path / "guide"
    run(folder, "dvc", "pull")
    blocks = re.findall(r"^```console\n(.*?)^```", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    commands = [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]
    assert len(commands) > 15
    for command in commands:
        run(folder, "bash", "-c", re.sub(r"^nb2stage", f"{sys.executable} -m nb2stage", command))
    assert json.loads((folder / "metrics.json").read_text()) == expected(0.1)
    document = json.loads((folder / "overview.json").read_text())
    alphas = {row["name"]: row["params"]["train.alpha"] for row in document["rows"] if row["kind"] == "experiment"}
    assert alphas == {"softer": 1.5, "twice": 2.0, "little": 0.1}
    assert (folder / "overview.html").stat().st_size > 1_000_000
    assert (folder / "graph.svg").read_text(encoding="utf-8").startswith("<svg")
