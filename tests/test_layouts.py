"""Folders as people have them: each command works in them, or refuses with words that are true."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from test_cli import call, contents, project, save  # noqa: F401 -- fixtures

if TYPE_CHECKING:
    from collections.abc import Callable

WHO: Final = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "protocol.file.allow=always")
LOAD: Final = "with open({path!r}) as file:\n    numbers = [int(line) for line in file]"
REPORT: Final = "total = sum(numbers) * scale"


def cells(path: str) -> list[tuple[str, str]]:
    return [
        ("parameters", "scale = 2"),
        ("import", LOAD.format(path=path)),
        ("report metrics", REPORT),
        ("report", "print(total)"),
    ]


@dataclass
class Layout:
    """Where the commands are run, what the notebook is called from there, and which folder is the project."""

    here: Path
    notebook: str
    root: Path
    top: Path  # of the git repository


def numbers(path: Path, *values: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{value}\n" for value in values), encoding="utf-8")


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *WHO, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def repository(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "-q", "-b", "main")
    return folder


def in_root(base: Path) -> Layout:
    root = repository(base)
    save(root / "explore.ipynb", cells("numbers.txt"))
    numbers(root / "numbers.txt", 1, 2)
    return Layout(root, "explore.ipynb", root, root)


def in_notebooks(base: Path) -> Layout:
    """Another file of that name lies in the project's folder."""
    root = repository(base)
    save(root / "notebooks" / "explore.ipynb", cells("numbers.txt"))
    numbers(root / "notebooks" / "numbers.txt", 1, 2)
    numbers(root / "numbers.txt", 500)
    return Layout(root, "notebooks/explore.ipynb", root, root)


def beside_data(base: Path) -> Layout:
    root = repository(base)
    save(root / "notebooks" / "explore.ipynb", cells("../inputs/numbers.txt"))
    numbers(root / "inputs" / "numbers.txt", 1, 2)
    numbers(root / "notebooks" / "inputs" / "numbers.txt", 500)
    return Layout(root, "notebooks/explore.ipynb", root, root)


def beside_data_without_git(base: Path) -> Layout:
    """A folder that is nothing yet: `convert --init` makes a repository of it."""
    save(base / "notebooks" / "explore.ipynb", cells("../inputs/numbers.txt"))
    numbers(base / "inputs" / "numbers.txt", 1, 2)
    return Layout(base, "notebooks/explore.ipynb", base, base)


def from_within_notebooks(base: Path) -> Layout:
    """The project has settings, and the commands are run beside the notebook."""
    made = beside_data(base)
    (made.root / "pyproject.toml").write_text("[tool.nb2stage]\nnotebooks = ['notebooks/explore.ipynb']\n")
    return Layout(made.root / "notebooks", "explore.ipynb", made.root, made.top)


def in_monorepo(base: Path) -> Layout:
    top = repository(base)
    root = top / "teams" / "wine"
    save(root / "notebooks" / "explore.ipynb", cells("../inputs/numbers.txt"))
    numbers(root / "inputs" / "numbers.txt", 1, 2)
    (root / "pyproject.toml").write_text("[tool.nb2stage]\n")
    return Layout(root, "notebooks/explore.ipynb", root, top)


def from_the_top_of_a_monorepo(base: Path) -> Layout:
    made = in_monorepo(base)
    return Layout(made.top, "teams/wine/notebooks/explore.ipynb", made.root, made.top)


def data_of_a_monorepo(base: Path) -> Layout:
    """DVC is set up for the whole repository, and several projects share their data."""
    top = repository(base)
    assert dvc(top, "init", "-q").returncode == 0
    root = top / "wine"
    save(root / "notebooks" / "explore.ipynb", cells("../../shared/numbers.txt"))
    numbers(top / "shared" / "numbers.txt", 1, 2)
    (root / "pyproject.toml").write_text("[tool.nb2stage]\n")
    return Layout(root, "notebooks/explore.ipynb", root, top)


def in_submodule(base: Path) -> Layout:
    inner = repository(base / "inner")
    save(inner / "explore.ipynb", cells("numbers.txt"))
    numbers(inner / "numbers.txt", 1, 2)
    git(inner, "add", ".")
    git(inner, "commit", "-qm", "begin")
    outer = repository(base / "outer")
    git(outer, "submodule", "add", "-q", str(inner), "wine")
    root = outer / "wine"
    return Layout(outer, "wine/explore.ipynb", root, root)


def two_projects(base: Path) -> Layout:
    """The other one has been converted before, with stages of the same names."""
    top = repository(base)
    for name, values in (("one", (400,)), ("two", (1, 2))):
        save(top / name / "explore.ipynb", cells("numbers.txt"))
        numbers(top / name / "numbers.txt", *values)
    done = tool(top / "one", "convert", "explore.ipynb", "--init")
    assert done.returncode == 0, done.stderr
    assert dvc(top / "one", "repro").returncode == 0
    return Layout(top / "two", "explore.ipynb", top / "two", top)


def with_spaces(base: Path) -> Layout:
    root = repository(base / "my project")
    save(root / "my notebooks" / "explore it.ipynb", cells("../my inputs/my numbers.txt"))
    numbers(root / "my inputs" / "my numbers.txt", 1, 2)
    return Layout(root, "my notebooks/explore it.ipynb", root, root)


LAYOUTS: Final = (
    in_root,
    in_notebooks,
    beside_data,
    beside_data_without_git,
    from_within_notebooks,
    in_monorepo,
    from_the_top_of_a_monorepo,
    data_of_a_monorepo,
    in_submodule,
    two_projects,
    with_spaces,
)


def tool(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`nb2stage …` as a user runs it."""
    command = [sys.executable, "-m", "nb2stage", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)


def dvc(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dvc", *arguments]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, env={**os.environ, "PATH": path}
    )


@pytest.mark.parametrize("make", LAYOUTS, ids=lambda make: make.__name__)
def test_all_commands_in_a_layout(tmp_path: Path, make: Callable[[Path], Layout], monkeypatch: Any) -> None:
    """One conversion, one run, and what every command says of them: `total` is 6 where the right file was read."""
    for module in ("dvc", "papermill", "nbclient", "ipykernel"):
        pytest.importorskip(module)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    layout = make(tmp_path / "base")
    where = os.path.relpath(layout.root, layout.here)

    def run(*arguments: str, code: int = 0) -> str:
        done = tool(layout.here, *arguments)
        assert done.returncode == code, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    said = run("convert", layout.notebook, "--init")
    assert ("cd " in said) == (where != "."), said
    assert (layout.root / "dvc.yaml").is_file()
    done = dvc(layout.root, "repro")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads((layout.root / "metrics.json").read_text()) == {"total": 6}
    assert "equal" in run("verify", layout.notebook)
    git(layout.root, "add", ".")
    git(layout.root, "commit", "-qm", "pipeline")
    # from the folder of the project's that a user may be in, without a name
    inside = layout.here if layout.here == layout.root or layout.root in layout.here.parents else layout.root
    assert "all rules hold: 1 notebook, 2 stages" in tool(inside, "check").stdout
    assert "in step" in tool(inside, "status").stdout
    assert "nothing to do" in tool(inside, "convert").stdout
    assert "total" in tool(inside, "overview").stdout
    assert "import" in tool(inside, "graph").stdout
    assert f"written: {workflow(layout)}" in tool(inside, "ci", "github").stdout
    assert (layout.top / workflow(layout)).is_file()
    assert "executed notebook" in run("run", layout.notebook, "-S", "scale=3")
    executed = json.loads((layout.root / "data_exploration" / f"{Path(layout.notebook).stem}_1.ipynb").read_text())
    assert "9" in json.dumps(executed["cells"][-1]["outputs"])


def workflow(layout: Layout) -> str:
    """The file of the project's own workflow."""
    folder = os.path.relpath(layout.root, layout.top)
    return ".github/workflows/pipeline" + ("" if folder == "." else "-" + folder.replace("/", "-")) + ".yml"


# -- names of notebooks ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("listed", [False, True], ids=["found", "in the settings"])
def test_a_renamed_notebook_runs_nothing_again(project: Path, call: Any, listed: bool) -> None:  # noqa: F811
    """Nor does it matter whether the new name is said."""
    save(project / "explore.ipynb", cells("numbers.txt"))
    numbers(project / "numbers.txt", 1, 2)
    if listed:
        (project / "nb2stage.toml").write_text('notebooks = ["explore.ipynb"]\n')
    assert call("convert")[0] == 0
    before = contents(project)
    (project / "explore.ipynb").rename(project / "wine.ipynb")
    code, _, err = call("convert")
    assert code == 0, err
    assert "NB617" in err
    assert ("write its new name where the settings" in err) == listed
    names = {str(project / name) for name in ("explore.ipynb", "wine.ipynb", ".nb2stage/state.json")}
    assert all(before[path] == text for path, text in contents(project).items() if path not in names)
    assert before.keys() - names == contents(project).keys() - names
    assert "nothing to do" in call("convert")[1]
    assert "wine.ipynb and the scripts are in step" in call("status")[1]


def test_convert_without_a_name(project: Path, call: Any) -> None:  # noqa: F811
    """It takes the notebooks with tags, in whatever folder; those for exploration and of other projects stay out."""
    assert "there is no notebook here" in call("convert")[2]
    save(project / "notes.ipynb", [("", "x = 1")])
    code, _, err = call("convert")
    assert code == 2
    assert "no cell of notes.ipynb has the tag of a stage" in err
    save(project / "notebooks" / "wine.ipynb", cells("numbers.txt"))
    save(project / "data_exploration" / "old.ipynb", cells("numbers.txt"))
    save(project / ".venv" / "c.ipynb", cells("numbers.txt"))
    save(project / "other" / "b.ipynb", cells("numbers.txt"))
    (project / "other" / "nb2stage.toml").write_text("")
    numbers(project / "notebooks" / "numbers.txt", 1)
    code, out, err = call("convert")
    assert (code, err) == (0, "")
    assert "notebooks/wine.ipynb: 2 stages" in out
    assert (project / "dvc.yaml").is_file()
    save(project / "later.ipynb", [("train", "x = 1"), ("evaluate", "print(x)")])
    assert "later" not in call("convert")[1]


@pytest.mark.parametrize(
    ("notebooks", "listed", "first"),
    [
        ({"notebooks/a.ipynb": "import", "notebooks/b.ipynb": ""}, ["notebooks/a.ipynb"], "pip"),
        ({"notebooks/a.ipynb": ""}, ["notebooks/a.ipynb"], "nb2stage tag notebooks/a.ipynb --write"),
        (
            {"notebooks/a.ipynb": "", "notebooks/b.ipynb": ""},
            [],
            "nb2stage tag notebooks/a.ipynb --write",
        ),
        ({"a.ipynb": "import", "notebooks/b.ipynb": "train"}, ["a.ipynb", "notebooks/b.ipynb"], "pip"),
        ({"a.ipynb": "import", "notebooks/b.ipynb": ""}, ["a.ipynb"], "pip"),
    ],
)
def test_init_finds_notebooks_in_folders(
    project: Path,  # noqa: F811
    call: Any,  # noqa: F811
    notebooks: dict[str, str],
    listed: list[str],
    first: str,
) -> None:
    pytest.importorskip("dvc")
    for name, tag in notebooks.items():
        save(project / name, [(tag, "x = 1")])
    out = call("init")[1]
    assert f"next: {first}" in out
    assert "      nb2stage convert\n" in out
    assert f"notebooks = {json.dumps(listed)}" in (project / "pyproject.toml").read_text()
    assert not (project / "explore.ipynb").exists()


# -- files outside the project ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "code", "said"),
    [
        (
            "open('../results.csv', 'w').write('1')",
            1,
            "`../results.csv` lies outside the project folder: DVC cannot keep it",
        ),
        ("#| outs: ../a.csv\nimport os\nos.system('make')", 1, "`../a.csv` lies outside the project folder"),
        (
            "x = open('../given.csv').read()",
            0,
            "NB407 [import] warning: `../given.csv` lies outside the project folder",
        ),
        ("import os\nx = os.path.exists('../given.csv')", 0, ""),
        ("x = open('given.csv').read()", 0, ""),
    ],
)
def test_files_outside_the_project(project: Path, call: Any, source: str, code: int, said: str) -> None:  # noqa: F811
    """DVC would refuse what is written there, after all the computing."""
    (project.parent / "given.csv").write_text("1")
    (project / "given.csv").write_text("1")
    save(project / "a.ipynb", [("import", source), ("train", "print(1)")])
    found, _, err = call("convert", "a.ipynb")
    assert found == code, err
    assert said in err
    assert ("NB407" in err) == bool(said)


def test_a_file_of_the_same_repository_is_not_outside(project: Path, call: Any) -> None:  # noqa: F811
    repository(project)
    (project / "shared.csv").write_text("1")
    save(project / "wine" / "a.ipynb", [("import", "x = open('../shared.csv').read()"), ("train", "print(x)")])
    (project / "wine" / "nb2stage.toml").write_text("")
    code, _, err = call("convert", "wine/a.ipynb")
    assert (code, err) == (0, "")


def test_verify_says_where_a_copy_would_find_nothing(project: Path, call: Any) -> None:  # noqa: F811
    for module in ("nbclient", "ipykernel"):
        pytest.importorskip(module)
    root = project / "a" / "b"
    numbers(project / "given.txt", 1)
    save(root / "a.ipynb", cells("../../given.txt"))
    (root / "nb2stage.toml").write_text("")
    code, _, err = call("verify", "a/b/a.ipynb")
    assert code == 2
    assert "NB806 `../../given.txt` lies outside the project, of which a copy is run" in err


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_folder_behind_a_link_is_refused(project: Path, call: Any) -> None:  # noqa: F811
    """`../data` is beside the folder that the link leads to, not in the project."""
    elsewhere = project.parent / "elsewhere"
    save(elsewhere / "a.ipynb", cells("../data/numbers.txt"))
    (project / "notebooks").symlink_to(elsewhere)
    (project / "nb2stage.toml").write_text("")
    code, _, err = call("convert", "notebooks/a.ipynb")
    assert code == 1
    assert "NB606 its folder is a link to" in err


# -- several projects ------------------------------------------------------------------------------------------------


def test_commands_above_projects_speak_of_them(tmp_path: Path) -> None:
    """The hook runs at the top of the repository: it checks all; a command for one says which there are."""
    pytest.importorskip("dvc")
    top = repository(tmp_path)
    for name in ("one", "the two"):
        save(top / name / "explore.ipynb", cells("numbers.txt"))
        numbers(top / name / "numbers.txt", 1)
        assert tool(top / name, "convert", "explore.ipynb").returncode == 0
    done = tool(top, "check")
    assert (done.returncode, done.stderr.splitlines()) == (0, ["in one:", "in the two:"])
    assert done.stdout.count("all rules hold: 1 notebook, 2 stages") == 2
    found = json.loads(tool(top, "check", "--json").stdout)
    assert [each["project"] for each in found["projects"]] == ["one", "the two"]
    (top / "one" / "training").mkdir()
    (top / "one" / "numbers.txt").write_text("2\n")
    save(top / "one" / "explore.ipynb", [*cells("numbers.txt"), ("report", "print(0)")])
    done = tool(top, "check")
    assert done.returncode == 1
    assert "in one:\nreport/report.py:" in done.stderr
    assert tool(top, "check", "the two").returncode == 0
    done = tool(top, "ci", "github")
    assert done.returncode == 1
    assert 'there are some below: one, "the two"; `nb2stage ci github one`' in done.stderr
    for name in ("one", "the two"):
        assert tool(top, "ci", "github", name).returncode == 0
    texts = [(top / ".github/workflows" / f"pipeline-{each}.yml").read_text() for each in ("one", "the-two")]
    assert ["<!-- nb2stage one -->" in text for text in texts] == [True, False]


@pytest.mark.parametrize(
    "command", ["check", "status", "pull", "eject", "ci github", "overview", "graph", "check notebooks"]
)
def test_without_a_project_each_command_says_so(tmp_path: Path, command: str) -> None:
    """Today nothing is wrong in any wrong folder: that is no answer."""
    repository(tmp_path)
    (tmp_path / "notebooks").mkdir()
    done = tool(tmp_path, *command.split())
    assert done.returncode == 1
    assert done.stdout == ""
    assert any(said in done.stderr for said in ("there is no project here", "is not set up here", "no pipeline here"))
