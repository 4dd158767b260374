"""`nb2stage check`: each rule on a project that breaks it and on one that does not, what `--fix` mends, and the output."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from notebooks import notebook_data

from nb2stage.checks.code import absolute_path
from nb2stage.checks.pipeline import with_dep
from nb2stage.cli import main
from nb2stage.planning.stageplan import has_version
from nb2stage.project.configuration import CHECK_CODES
from nb2stage.rules import FIXABLE
from nb2stage.texts.yamltext import read_yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Cells = list[tuple[str, str]]

ROOT: Final = Path(__file__).parents[1]
LOAD: Final = "from sklearn.datasets import load_wine\ndf = load_wine(as_frame=True).frame"
CELLS: Final[Cells] = [("import", LOAD), ("train", "total = df['alcohol'].sum()\nprint(total)")]
STAGE: Final = "stages:\n  extra:\n    cmd: {cmd}\n    deps:\n    - {dep}\n"


def notebook_text(cells: Cells, outputs: Sequence[str] = ()) -> str:
    """A notebook as Jupyter writes it; `outputs` are printed by the last cell."""
    data = notebook_data(cells)
    for cell in data["cells"]:
        cell["source"] = cell["source"].splitlines(keepends=True)
    data["cells"][-1]["outputs"] = (
        [{"name": "stdout", "output_type": "stream", "text": list(outputs)}] if outputs else []
    )
    return json.dumps(data, indent=1) + "\n"


def git(folder: Path, *arguments: str) -> str:
    """What git prints."""
    who = ["-c", "user.name=A", "-c", "user.email=a@b.c"]
    done = subprocess.run(["git", *who, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


class Project:
    """A converted project with git, in the current folder."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capsys = folder, capsys

    def write(self, path: str, text: str | bytes = "") -> None:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text if isinstance(text, bytes) else text.encode())

    def read(self, path: str) -> str:
        return (self.folder / path).read_text(encoding="utf-8")

    def convert(self, cells: Cells = CELLS, name: str = "nb.ipynb") -> None:
        self.write(name, notebook_text(cells))
        code, out, err = self.run("convert", name)
        assert code == 0, out + err

    def add(self, *paths: str) -> None:
        git(self.folder, "add", "-f", *paths)

    def run(self, *arguments: str) -> tuple[int, str, str]:
        code = main(list(arguments))
        out, err = self.capsys.readouterr()
        return code, out, err

    def check(self, *arguments: str) -> list[dict[str, Any]]:
        """The findings; their number and the exit code go together."""
        code, out, err = self.run("check", "--json", *arguments)
        document = json.loads(out)
        assert err == ""
        assert code == (1 if document["findings"] else 0)
        assert document["ok"] == (not document["findings"])
        found: list[dict[str, Any]] = document["findings"]
        return found

    def codes(self) -> list[str]:
        return [finding["code"] for finding in self.check()]

    def fix(self) -> list[str]:
        """Fix what can be fixed: the codes that are left."""
        return [finding["code"] for finding in self.check("--fix")]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Project:
    for name in ("GITHUB_ACTIONS", "GITLAB_CI", "NO_COLOR", "GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    git(tmp_path, "init", "-q")
    made = Project(tmp_path, capsys)
    made.convert()
    return made


# -- each rule breaks and holds --------------------------------------------------------------------------------------


def in_cell(source: str, tag: str = "train") -> Callable[[Project], None]:
    """The notebook with one more cell, converted."""
    return lambda project: project.convert([*CELLS, (tag, source)])


def stage(cmd: str, dep: str = "x.py", **files: str) -> Callable[[Project], None]:
    """One more stage, written by hand, and files."""

    def build(project: Project) -> None:
        text = STAGE.format(cmd=cmd, dep=dep).partition("\n")[2]
        project.write("dvc.yaml", project.read("dvc.yaml") + text)
        for name, content in {"x.py": "print(1)\n", **{n.replace("__", "/"): c for n, c in files.items()}}.items():
            project.write(name if "." in name else f"{name}.py", content)

    return build


def script(text: str) -> Callable[[Project], None]:
    """A stage with a script that somebody wrote."""
    return stage("python x.py", x=text)


def committed(path: str, content: str | bytes = "1") -> Callable[[Project], None]:
    def build(project: Project) -> None:
        project.write(path, content)
        project.add(path)

    return build


def written(path: str, content: str | bytes = "1") -> Callable[[Project], None]:
    return lambda project: project.write(path, content)


def edited(path: str, old: str, new: str) -> Callable[[Project], None]:
    def build(project: Project) -> None:
        text = project.read(path)
        assert old in text
        project.write(path, text.replace(old, new))

    return build


def both(*steps: Callable[[Project], None]) -> Callable[[Project], None]:
    def build(project: Project) -> None:
        for step in steps:
            step(project)

    return build


def gone(project: Project) -> None:
    (project.folder / "nb.ipynb").unlink()


def ignored(*lines: str) -> Callable[[Project], None]:
    return lambda project: project.write(".gitignore", project.read(".gitignore") + "".join(f"{x}\n" for x in lines))


METRIC: Final = ("report metrics", "rows = len(df)")
PLOT_STAGE: Final = (
    "stages:\n  a:\n    cmd: python x.py\n    deps:\n    - x.py\n    plots:\n    - p.csv:\n        cache: false\n"
)
BIG: Final = [f"line {n} {'x' * 90}\n" for n in range(6000)]

BROKEN: Final[dict[str, tuple[str, Callable[[Project], None]]]] = {
    "a cell was edited": ("NB701", edited("nb.ipynb", "print(total)", "print(total + 1)")),
    "a script is missing": ("NB701", lambda project: (project.folder / "training/train.py").unlink()),
    "the state is missing": (
        "NB701",
        both(
            written("nb2stage.toml", 'notebooks = ["nb.ipynb"]\n'),
            lambda project: (project.folder / ".nb2stage/state.json").unlink(),
        ),
    ),
    "the notebook is gone": ("NB702", gone),
    "papermill": ("NB710", stage("papermill nb.ipynb out.ipynb -p a 1")),
    "papermill as a module": ("NB710", stage("python -m papermill nb.ipynb out.ipynb")),
    "nbconvert": ("NB710", stage("jupyter nbconvert --to notebook --execute --inplace nb.ipynb")),
    "nbconvert behind other commands": ("NB710", stage("cd . && jupyter-nbconvert --execute nb.ipynb")),
    "jupyter execute": ("NB710", stage("jupyter execute nb.ipynb")),
    "a runner behind a wrapper": ("NB710", stage("uv run papermill nb.ipynb out.ipynb")),
    "a runner behind a variable": ("NB710", stage("A=1 papermill nb.ipynb out.ipynb")),
    "a script that runs a notebook": (
        "NB710",
        script("import papermill as pm\npm.execute_notebook('nb.ipynb', 'o.ipynb')\n"),
    ),
    "a script without a dep": ("NB711", stage("python y.py", y="print(1)\n")),
    "a module without a dep": ("NB711", stage("python -u -m pack.y", pack__y="print(1)\n")),
    "a shell script without a dep": ("NB711", stage("bash -e y.sh 3", **{"y.sh": "true\n"})),
    "a script in a loop": ("NB711", stage("if true; then python y.py; fi", y="print(1)\n")),
    "a committed out": (
        "NB720",
        both(stage("python x.py", dep="x.py\n    outs:\n    - made"), committed("made/a/b.txt")),
    ),
    "an out that is not ignored": (
        "NB721",
        both(stage("python x.py", dep="x.py\n    outs:\n    - made"), written("made/a/b.txt")),
    ),
    "the second of two commands": ("NB711", stage("python x.py && python y.py", y="print(1)\n")),
    "a committed table": ("NB720", committed("data/a.csv")),
    "a committed cache file": ("NB720", committed("cache/import/df.pkl")),
    "a committed model": ("NB720", committed("models/net.pt")),
    "a table that is not ignored": ("NB721", written("data/a.csv")),
    "a model that is not ignored": ("NB721", written("net.joblib")),
    "ignored metrics": ("NB722", both(lambda p: p.convert([*CELLS, METRIC]), ignored("*.json", "!state.json"))),
    "an ignored dvc.lock": ("NB722", ignored("dvc.lock")),
    "ignored parameters": ("NB722", both(written("params.yaml", "a: 1\n"), ignored("params.yaml"))),
    "ignored scripts": ("NB722", ignored("training/")),
    "ignored plots": ("NB722", both(written("dvc.yaml", PLOT_STAGE), written("x.py", ""), ignored("p.csv"))),
    "an absolute path in a cell": ("NB406", in_cell("where = '/home/me/a.csv'\nprint(where)")),
    "a home path in a cell": ("NB406", in_cell("from pathlib import Path\nprint(Path.home() / 'a.csv')")),
    "an absolute path in a script": ("NB406", script("import os\nprint(os.path.expanduser('~/a.csv'))\n")),
    "an absolute path in a command": ("NB406", stage("python x.py --data /mnt/store/a")),
    "an absolute out": ("NB406", stage("python x.py", dep="x.py\n    outs:\n    - /results")),
    "an absolute dep": ("NB406", stage("python x.py", dep="x.py\n    - /opt/store/a.bin")),
    "an absolute path in params.yaml": ("NB406", written("params.yaml", "io:\n  folder: /Users/me/data\n")),
    "a split without a seed": (
        "NB230",
        in_cell("from sklearn.model_selection import train_test_split\na, b = train_test_split(df)\nprint(len(a))"),
    ),
    "numpy without a seed": ("NB230", in_cell("import numpy as np\nprint(np.random.rand())")),
    "a generator without a seed": (
        "NB230",
        in_cell("from numpy.random import default_rng\nprint(default_rng().random())"),
    ),
    "a sample without a seed": ("NB230", in_cell("print(len(df.sample(frac=0.5)))")),
    "a script without a seed": ("NB230", script("import random\nprint(random.random())\n")),
    "a URL without a version": ("NB405", in_cell("import pandas as pd\nprint(pd.read_csv('https://a.org/b.csv'))")),
    "a script that reads a URL": (
        "NB405",
        script("import pandas as pd\nURL = 'https://a.org/b.csv'\nprint(pd.read_csv(URL))\n"),
    ),
    "openml without a version": ("NB405", script("from sklearn.datasets import fetch_openml\nfetch_openml('adult')\n")),
    "a notebook that nothing runs": ("NB730", written("notes.ipynb", notebook_text([("", "1")]))),
    "large outputs": ("NB731", written("hpo/a.ipynb", notebook_text([("", "1")], BIG))),
    "a cell that cannot be converted": ("NB201", edited("nb.ipynb", "print(total)", "print(nothing)")),
    "a dvc.yaml that is none": ("NB601", written("dvc.yaml", "stages: 3\n")),
}

HOLDS: Final[dict[str, Callable[[Project], None]]] = {
    "a converted notebook": lambda project: None,
    "another id of a cell": edited("nb.ipynb", '"cell-0"', '"cell-9"'),
    "exploration by papermill": stage("papermill hpo/a.ipynb hpo/out.ipynb", dep="hpo/a.ipynb"),
    "a script that runs exploration": script("import papermill as pm\npm.execute_notebook('hpo/a.ipynb', 'o.ipynb')\n"),
    "nbconvert without execution": stage("jupyter nbconvert --to html nb.ipynb"),
    "a folder as the dep of a script": stage("python pack/y.py", dep="pack", pack__y="print(1)\n"),
    "a script by a variable": stage("python ${where}/y.py"),
    "an inline program": stage("python -c 'print(1)' y.py", y="print(1)\n"),
    "a wdir": both(written("sub/y.py", ""), stage("python y.py", dep="y.py\n    wdir: sub")),
    "data of DVC": both(ignored("/data/a.csv"), written("data/a.csv"), committed("data/a.csv.dvc", "outs: []\n")),
    "words about data": committed("data/README.md"),
    "a table elsewhere": committed("tests/data/a.csv"),
    "a cache that is ignored": written("cache/import/df.pkl"),
    "metrics in git": lambda p: p.convert([*CELLS, METRIC]),
    "an ignored file that is in git": both(committed("params.yaml", "a: 1\n"), ignored("params.yaml")),
    "a relative path": in_cell("where = 'data/a.csv'\nprint(where, '/', '/api/v1/items')"),
    "a path in a docstring": in_cell('def f():\n    """See /home/me/a.csv."""\n    return 1\nprint(f())'),
    "a seed in the call": in_cell(
        "from sklearn.model_selection import train_test_split\na, b = train_test_split(df, random_state=1)\nprint(len(a))"
    ),
    "a seed before": in_cell(
        "import numpy as np\nnp.random.seed(3)\nprint(np.random.rand(), len(df.sample(frac=0.5)))"
    ),
    "a generator with a seed": in_cell("import numpy as np\nprint(np.random.default_rng(3).random())"),
    "a split that does not shuffle": in_cell("from sklearn.model_selection import KFold\nprint(KFold(5))"),
    "an untagged cell": in_cell("import random\nrandom.random()\nopen('/home/me/a.csv')", tag=""),
    "a URL with a commit": script(
        f"import pandas as pd\npd.read_csv('https://raw.githubusercontent.com/a/b/{'0123456789' * 4}/c.csv')\n"
    ),
    "a URL that is not read": in_cell("print('https://a.org/b.csv')"),
    "a notebook for exploration": written("data_exploration/a.ipynb", notebook_text([("", "1")])),
    "a virtual environment": both(
        written("venv/pyvenv.cfg"), written("venv/lib/a.pkl"), written("venv/lib/a.ipynb", notebook_text([("", "1")]))
    ),
    "a notebook that git ignores": both(ignored("scratch/"), written("scratch/a.ipynb", notebook_text([("", "1")]))),
    "small outputs": written("hpo/a.ipynb", notebook_text([("", "1")], BIG[:100])),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_rule_is_found(project: Project, name: str) -> None:
    code, build = BROKEN[name]
    build(project)
    findings = project.check()
    assert code in [finding["code"] for finding in findings]
    for finding in findings:
        assert finding["path"]
        assert finding["message"]
        assert finding["hint"]
        assert finding["why"]
        assert (project.folder / finding["path"].partition(":")[0]).exists() or finding["code"] in ("NB701", "NB702")


@pytest.mark.parametrize("name", BROKEN)
def test_nothing_else_is_found(project: Project, name: str) -> None:
    code, build = BROKEN[name]
    build(project)
    # the plot's dvc.yaml replaces that of the notebook
    also = {"NB701"} if name == "ignored plots" else set()
    assert set(project.codes()) - {code} <= also


@pytest.mark.parametrize("name", HOLDS)
def test_what_holds_is_not_found(project: Project, name: str) -> None:
    HOLDS[name](project)
    assert project.check() == []


ODD: Final = [
    "stages:\n  a:\n    cmd:\n",
    "stages:\n  a:\n    cmd: {x: 1}\n    deps: 3\n    outs: {a: 1}\n    params: 3\n    wdir: 3\n",
    "stages:\n  a:\n    cmd: [python x.py, [1, 2], {a: b}]\n    deps: [1, {b: {c: 1}}, null]\n",
    "stages:\n  a:\n    foreach: [1]\n    do: 3\n",
    "x: &x\n  cmd: python x.py\nstages:\n  a:\n    <<: *x\n    deps: [y.py]\n",
    "metrics: m.json\nplots: {a: {x: 1}}\nparams: [3, {a: 1}, p.yaml]\n",
    "stages:\n  a:\n    cmd: a 'x.py\n    metrics:\n    - m.json: 3\n    plots:\n    - p.csv:\n      - x: 1\n      - x: 2\n",
    "? [a]\n: 1\nstages:\n  ? [b, c]\n  : {cmd: x}\n",
    "stages: &s\n  a: *s\n",
    "<<<<<<< HEAD\n",
    "\0",
    "3",
    "",
]


@pytest.mark.parametrize("text", ODD)
def test_an_odd_dvc_yaml_is_no_bug(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.chdir(tmp_path)
    git(tmp_path, "init", "-q")
    (tmp_path / "x.py").touch()
    (tmp_path / "dvc.yaml").write_text(text, encoding="utf-8")
    assert main(["check"]) in (0, 1)
    assert main(["check", "--fix", "--annotations", "github"]) in (0, 1)


def test_each_rule_of_the_check_has_a_case() -> None:
    assert {code for code, _ in BROKEN.values()} >= set(CHECK_CODES)


# -- places ----------------------------------------------------------------------------------------------------------


def test_places(project: Project) -> None:
    project.convert([*CELLS, ("train", "import random\nprint(1, random.random())")])
    stage("papermill nb.ipynb o.ipynb")(project)
    ignored("dvc.lock")(project)
    found = {finding["code"]: finding for finding in project.check()}
    assert (found["NB230"]["path"], found["NB230"]["cell"], found["NB230"]["line"]) == ("nb.ipynb", 3, 2)
    assert found["NB230"]["stage"] == "train"
    lines = project.read("dvc.yaml").splitlines()
    assert lines[found["NB710"]["line"] - 1] == "    cmd: papermill nb.ipynb o.ipynb"
    assert project.read(".gitignore").splitlines()[found["NB722"]["line"] - 1] == "dvc.lock"


def test_the_line_of_a_script_that_differs(project: Project) -> None:
    edited("nb.ipynb", "print(total)", "print(total + 1)")(project)
    (finding,) = [each for each in project.check() if each["path"] == "training/train.py"]
    assert project.read("training/train.py").splitlines()[finding["line"] - 1] == "print(total)"


def test_each_place_is_named_once(project: Project) -> None:
    """The conversion and the rules over code find the same draw."""
    project.convert([*CELLS, ("train", "import random\nprint(random.random())")])
    assert project.codes() == ["NB230"]


def test_a_hand_edit_is_in_step_and_is_read(project: Project) -> None:
    project.write("training/train.py", project.read("training/train.py") + "print('mine')\n")
    assert project.check() == []
    project.write("training/train.py", project.read("training/train.py") + "import random\nprint(random.random())\n")
    (finding,) = project.check()
    assert (finding["code"], finding["path"]) == ("NB230", "training/train.py")


def test_fix_keeps_a_hand_edit(project: Project) -> None:
    project.write("training/train.py", project.read("training/train.py") + "print('mine')\n")
    edited("nb.ipynb", "df['alcohol']", "df['ash']")(project)
    assert project.codes() == ["NB701"]
    assert project.fix() == []
    text = project.read("training/train.py")
    assert "df['ash']" in text
    assert text.endswith("print('mine')\n")


def test_a_hand_edit_against_an_edit_of_the_notebook(project: Project) -> None:
    edited("training/train.py", "print(total)", "print(total + 2)")(project)
    edited("nb.ipynb", "print(total)", "print(total + 1)")(project)
    before = project.read("training/train.py")
    found = project.check()
    assert "NB618" in [finding["code"] for finding in found]
    assert not any(finding["fixable"] for finding in found)
    assert "NB618" in project.fix()
    assert project.read("training/train.py") == before


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("/home/me/a.csv", "/home/me/a.csv"),
        ("~/a", "~/a"),
        ("cp /home/me/a.csv b", "/home/me/a.csv"),
        ("--data=/Users/me", "/Users/me"),
        (r"C:\Users\me\a.csv", r"C:\Users\me\a.csv"),
        ("D:/data/a.csv", "D:/data/a.csv"),
        (r"\\server\share\a", r"\\server\share\a"),
        ("/content/drive/MyDrive/a.csv", "/content/drive/MyDrive/a.csv"),
        ("/projects/a/b.parquet", "/projects/a/b.parquet"),
        ("data/a.csv", None),
        ("/api/v1/items", None),
        ("/", None),
        ("/dev/null", None),
        ("y ~ x / z", None),
        ("https://a.org/home/b.csv", None),
        ("a:b", None),
        ("text\n/tmp/x", None),
        ("#!/usr/bin/env python", None),
    ],
)
def test_absolute_paths(text: str, path: str | None) -> None:
    assert absolute_path(text) == path


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (f"https://raw.githubusercontent.com/a/b/{'0123456789' * 4}/c.csv", True),
        ("https://a.org/v1.2/b.csv", True),
        ("https://a.org/b-1.2.0.csv", True),
        ("https://a.org/b.csv?version=3", True),
        ("s3://bucket/b.csv?versionId=abc", True),
        ("https://zenodo.org/records/123456/files/b.csv", True),
        ("https://raw.githubusercontent.com/a/b/main/c.csv", False),
        ("https://a.org/b.csv", False),
        ("https://a.org/v1/b.csv", False),
        ("https://10.0.0.1/b.csv", False),
        ("https://v1.2.a.org/b.csv", False),
    ],
)
def test_versions_of_urls(url: str, expected: bool) -> None:
    assert has_version(url) == expected


# -- fix -------------------------------------------------------------------------------------------------------------

FIXED: Final = {
    "a cell was edited",
    "a script is missing",
    "the state is missing",
    "a script without a dep",
    "a module without a dep",
    "a shell script without a dep",
    "the second of two commands",
    "a script in a loop",
    "an out that is not ignored",
    "a table that is not ignored",
    "a model that is not ignored",
    "ignored metrics",
    "an ignored dvc.lock",
    "ignored parameters",
    "ignored plots",
}


@pytest.mark.parametrize("name", sorted(FIXED))
def test_what_is_safe_to_mend_is_mended(project: Project, name: str) -> None:
    BROKEN[name][1](project)
    assert project.codes()
    assert project.fix() == []
    assert project.check() == []


@pytest.mark.parametrize("name", sorted(set(BROKEN) - FIXED))
def test_what_is_not_safe_to_mend_stays(project: Project, name: str) -> None:
    code, build = BROKEN[name]
    build(project)
    before = {p: p.read_bytes() for p in project.folder.rglob("*") if p.is_file() and ".git/" not in p.as_posix()}
    fixable = any(finding["fixable"] for finding in project.check())
    assert code in project.fix()
    if not fixable:
        assert {p: p.read_bytes() for p in before} == before


def test_the_cases_of_mending_cover_the_rules() -> None:
    assert {BROKEN[name][0] for name in FIXED} == set(FIXABLE)


def test_fix_says_what_it_did(project: Project) -> None:
    BROKEN["a script without a dep"][1](project)
    code, out, err = project.run("check", "--fix")
    assert code == 0
    assert "fixed: dvc.yaml:" in out
    assert "all rules hold" in out
    assert err == ""


def test_fix_keeps_what_the_user_wrote(project: Project) -> None:
    text = project.read("dvc.yaml") + (
        "  # mine\n  extra:\n    cmd: python y.py # run\n    deps: # two\n"
        "      - b.csv\n\n    # the end\n  other:\n    cmd: true\n"
    )
    project.write("dvc.yaml", text)
    project.write("y.py", "")
    assert project.fix() == []
    assert project.read("dvc.yaml") == text.replace("      - b.csv\n", "      - b.csv\n      - y.py\n")


@pytest.mark.parametrize(
    "text",
    [
        "stages: {a: {cmd: python y.py}}\n",
        "stages:\n  a:\n    cmd: python y.py\n    deps: [x.py]\n",
        "stages:\n  a: &a\n    cmd: python y.py\n    deps: &d\n    - x.py\n  b:\n    cmd: python y.py\n    deps: *d\n",
    ],
)
def test_a_dep_that_has_no_place_changes_nothing(text: str) -> None:
    assert with_dep(text, "a", "y.py") == text


def test_a_dep_of_a_foreach_stage() -> None:
    text = "stages:\n  a:\n    foreach: [1, 2]\n    do:\n      cmd: python y.py ${item}\n"
    data = read_yaml(with_dep(text, "a", "y.py"), "dvc.yaml", "NB601")
    assert data["stages"]["a"] == {"foreach": [1, 2], "do": {"cmd": "python y.py ${item}", "deps": ["y.py"]}}


def test_what_git_has_to_keep_is_taken_out_of_the_nearest_list(project: Project) -> None:
    project.convert([*CELLS, ("report", "df.plot()")])
    project.write("report/.gitignore", "*.py\n")
    ignored("*.lock")(project)
    found = project.check()
    assert [(finding["path"], finding["line"]) for finding in found] == [(".gitignore", 2), ("report/.gitignore", 1)]
    assert project.fix() == []
    assert project.read("report/.gitignore") == "*.py\n!/report.py\n"
    assert project.read(".gitignore").splitlines()[-1] == "!/dvc.lock"


# -- configuration ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name, (code, _) in BROKEN.items() if code in CHECK_CODES])
def test_each_rule_can_be_switched_off(project: Project, name: str) -> None:
    code, build = BROKEN[name]
    build(project)
    project.write("nb2stage.toml", f'[check]\nignore = ["{code}"]\n')
    assert code not in project.codes()


def test_rules_for_some_paths(project: Project) -> None:
    project.convert([*CELLS, ("train", "import random\nprint(random.random())")])
    script("import random\nprint(random.random())\n")(project)
    assert project.codes() == ["NB230", "NB230"]
    project.write("pyproject.toml", '[tool.nb2stage.check.per-file-ignores]\n"*.ipynb" = ["NB230"]\n')
    assert [finding["path"] for finding in project.check()] == ["x.py"]


def test_other_folders_and_sizes(project: Project) -> None:
    project.write("drafts/a.ipynb", notebook_text([("", "1")], BIG))
    assert sorted(project.codes()) == ["NB730", "NB731"]
    project.write("nb2stage.toml", '[check]\nnotebook-folders = ["drafts/"]\nmax-output-kb = 1000\n')
    assert project.check() == []


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("[check]\nignor = []\n", "`ignore`"),
        ('[check]\nignore = "NB230"\n', '["NB731"]'),
        ('[check]\nignore = ["NB201"]\n', "NB230"),
        ("[check]\nnotebook-folders = 3\n", "data_exploration"),
        ("[check]\nmax-output-kb = true\n", "500"),
        ("check = 3\n", "[check]"),
    ],
)
def test_settings_that_cannot_be_used(project: Project, text: str, hint: str) -> None:
    project.write("nb2stage.toml", text)
    (finding,) = project.check()
    assert finding["code"] == "NB620"
    assert hint in finding["hint"]


# -- surroundings ----------------------------------------------------------------------------------------------------


def test_without_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    project = Project(tmp_path, capsys)
    project.convert()
    project.write("data/a.csv", "1")
    project.write(".hidden/a.ipynb", "{}")
    project.write("venv/pyvenv.cfg")
    project.write("venv/lib/a.ipynb", "{}")
    code, _, err = project.run("check")
    assert code == 0
    assert "no git repository" in err
    project.write("notes.ipynb", notebook_text([("", "1")]))
    assert project.codes() == ["NB730"]


def test_a_project_below_the_top_of_a_repository(project: Project) -> None:
    project.write("sub/nb.ipynb", notebook_text(CELLS))
    assert project.run("convert", "sub/nb.ipynb", "--output", "sub")[0] == 0
    project.write("sub/data/a.csv", "1")
    (finding,) = project.check("sub")
    assert (finding["code"], finding["path"]) == ("NB721", "data/a.csv")
    assert project.check("sub", "--fix") == []
    assert project.read("sub/.gitignore").splitlines()[-1] == "/data/a.csv"


def test_a_folder_without_a_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = Project(tmp_path, capsys).run("check")
    assert (code, out) == (1, "")
    assert "NB607 there is no project here" in err
    assert Project(tmp_path, capsys).run("check", "nowhere")[0] == 1


def test_projects_below_count_in_a_repository_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "dvc.yaml").write_text("stages: {}\n")
    monkeypatch.chdir(tmp_path)
    code, _, err = Project(tmp_path, capsys).run("check")
    assert code == 1
    assert "there are some below: one, two" in err
    subprocess.run(["git", "init", "-q"], check=True)
    _, out, _ = Project(tmp_path, capsys).run("check", "--json")
    assert [each["project"] for each in json.loads(out)["projects"]] == ["one", "two"]


def test_nothing_is_written(project: Project) -> None:
    for _, build in BROKEN.values():
        if build is not BROKEN["a dvc.yaml that is none"][1] and build is not gone:
            try:
                build(project)
            except AssertionError:  # an earlier case has taken away what this one edits
                continue
    before = {p: p.read_bytes() for p in project.folder.rglob("*") if p.is_file()}
    project.check()
    assert {p: p.read_bytes() for p in project.folder.rglob("*") if p.is_file()} == before


def test_what_is_imported(project: Project) -> None:
    BROKEN["papermill"][1](project)
    program = "import sys; from nb2stage.cli import main; main(['check']); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=project.folder, capture_output=True, text=True, check=True
    )
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert loaded & {"dvc", "nbconvert", "nbformat", "pandas", "papermill", "IPython", "jsonschema"} == set()
    assert "NB710" in done.stderr


# -- output ----------------------------------------------------------------------------------------------------------


def test_text(project: Project) -> None:
    BROKEN["a script without a dep"][1](project)
    code, out, err = project.run("check")
    assert code == 1
    first, why, hint = err.splitlines()
    assert first.startswith("dvc.yaml:")
    assert "NB711 [extra] `y.py` is not among the deps" in first
    assert why.startswith("  why: DVC ")
    assert hint == "  hint: add `- y.py` below `deps:`"
    assert out == "1 finding; `nb2stage check --fix` mends 1 of them\n"
    assert project.run("check", "-q") == (1, "", err)
    stage("python y.py", dep="z.py")(project)
    edited("dvc.yaml", "extra:\n    cmd: python y.py\n    deps:\n    - z.py", "more:\n    cmd: python y.py")(project)
    assert project.run("check")[2].count("why:") == 1


def test_github(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write("50%,a:b.ipynb", notebook_text([("", "1")]))
    project.convert([*CELLS, ("train", "import random\nprint(random.random())")])
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    code, out, _ = project.run("check")
    assert code == 1
    first, second = [line for line in out.splitlines() if line.startswith("::")]
    assert first.startswith("::error file=50%25%2Ca%3Ab.ipynb,line=1,title=NB730::the notebook is neither")
    assert "%0Ahint: make a pipeline of it" in first
    fields = dict(each.split("=") for each in second.split("::")[1].removeprefix("error ").split(","))
    assert fields["file"] == "nb.ipynb"
    assert project.read("nb.ipynb").splitlines()[int(fields["line"]) - 1] == '    "print(random.random())"'
    assert "::cell 3: `random.random` draws without a seed" in second
    assert "::error" not in project.run("check", "--annotations", "none")[1]
    assert "::error" not in project.run("check", "--json")[1]


def test_gitlab(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write("sub/nb.ipynb", notebook_text([*CELLS, ("train", "import random\nprint(random.random())")]))
    assert project.run("convert", "sub/nb.ipynb", "--output", "sub")[0] == 0
    monkeypatch.setenv("GITLAB_CI", "true")
    assert project.run("check", "sub")[0] == 1
    report = project.folder / "sub/gl-code-quality-report.json"
    (entry,) = json.loads(report.read_text(encoding="utf-8"))
    assert set(entry) == {"description", "check_name", "fingerprint", "severity", "location"}
    assert entry["check_name"] == "NB230"
    assert entry["severity"] in ("info", "minor", "major", "critical", "blocker")
    assert entry["location"]["path"] == "sub/nb.ipynb"
    lines = project.read("sub/nb.ipynb").splitlines()
    assert lines[entry["location"]["lines"]["begin"] - 1] == '    "print(random.random())"'
    project.write("sub/nb2stage.toml", '[check]\nignore = ["NB230"]\n')
    assert project.run("check", "sub")[0] == 0
    assert json.loads(report.read_text(encoding="utf-8")) == []


# -- pre-commit ------------------------------------------------------------------------------------------------------


def test_the_hook(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """pre-commit itself runs the hook of this repository before a commit."""
    pytest.importorskip("pre_commit")
    hooks = tmp_path.parent / f"{tmp_path.name}-hooks"
    hooks.mkdir()
    (hooks / ".pre-commit-hooks.yaml").write_text((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    git(hooks, "init", "-q")
    git(hooks, "add", ".")
    git(hooks, "commit", "-qm", "hooks")
    configuration = (
        f"repos:\n- repo: {hooks}\n  rev: {git(hooks, 'rev-parse', 'HEAD').strip()}\n  hooks:\n  - id: nb2stage-check\n"
    )
    project.write(".pre-commit-config.yaml", configuration)
    monkeypatch.setenv("PRE_COMMIT_HOME", str(hooks / "home"))
    subprocess.run([sys.executable, "-m", "pre_commit", "install"], cwd=project.folder, check=True, capture_output=True)
    git(project.folder, "add", ".")
    git(project.folder, "commit", "-qm", "good")
    edited("nb.ipynb", "print(total)", "print(total + 1)")(project)
    git(project.folder, "add", ".")
    who = ["-c", "user.name=A", "-c", "user.email=a@b.c"]
    refused = subprocess.run(
        ["git", *who, "commit", "-m", "bad"], cwd=project.folder, capture_output=True, text=True, check=False
    )
    assert refused.returncode == 1
    assert "training/train.py" in refused.stderr
    assert "NB701" in refused.stderr
    assert project.fix() == []
    git(project.folder, "add", ".")
    git(project.folder, "commit", "-qm", "mended")
