"""Lines of .gitignore: merged with the user's; DVC finds each out ignored and writes no .gitignore beside it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Final

import nbformat
import pytest

from nb2stage.cli import main
from nb2stage.files.gitignore import OUTS_COMMENT, out_line, update_gitignore, update_outs
from nb2stage.files.repository import ignored_by_git

HEAD: Final = OUTS_COMMENT + "\n"


@pytest.mark.parametrize(
    ("existing", "result"),
    [
        pytest.param(None, "/cache/\n/data/\n", id="new"),
        pytest.param("", "/cache/\n/data/\n", id="empty"),
        pytest.param("*.pyc", "*.pyc\n/cache/\n/data/\n", id="no line end"),
        pytest.param("a\r\ncache\r\n", "a\r\ncache\r\n/data/\r\n", id="CRLF"),
        pytest.param("cache/\n# data\n", "cache/\n# data\n/data/\n", id="comment is no line"),
        pytest.param("data/  \n/cache", "data/  \n/cache", id="all there"),
    ],
)
def test_gitignore(existing: str | None, result: str) -> None:
    assert update_gitignore(existing, ["/cache/", "/data/", "/cache/"]) == result
    assert update_gitignore(result, ["/cache/", "/data/"]) == result


def test_a_line_taken_out_of_gitignore_stays_out() -> None:
    assert update_gitignore("x\n", ["cache/"], ["cache/"]) == "x\n"
    assert update_gitignore("x\n", ["cache/"]) == "x\ncache/\n"
    assert update_gitignore(None, ["cache/"], ["cache/"]) == "cache/\n"


@pytest.mark.parametrize(
    ("existing", "lines", "before", "result"),
    [
        pytest.param("", ["/a", "/b"], [], f"{HEAD}/a\n/b\n", id="empty"),
        pytest.param("cache/\n", ["/b", "/a"], [], f"cache/\n\n{HEAD}/b\n/a\n", id="behind the user's lines"),
        pytest.param("cache/\r\n", ["/a"], [], f"cache/\r\n\r\n{OUTS_COMMENT}\r\n/a\r\n", id="CRLF"),
        pytest.param("cache/", [], [], "cache/", id="no outs, not a byte"),
        pytest.param(
            f"x\n\n{HEAD}/a\n/c\n\ny\n",
            ["/a", "/b", "/c"],
            ["/a", "/c"],
            f"x\n\n{HEAD}/a\n/b\n/c\n\ny\n",
            id="in order",
        ),
        pytest.param(
            f"x\n\n{HEAD}/a\n/c", ["/a", "/c", "/d"], ["/a", "/c"], f"x\n\n{HEAD}/a\n/c\n/d\n", id="no line end"
        ),
        pytest.param(f"x\n\n{HEAD}/a\n/c\n", ["/a"], ["/a", "/c"], f"x\n\n{HEAD}/a\n", id="one is gone"),
        pytest.param(f"x\n\n{HEAD}/a\n", [], ["/a"], "x\n", id="all are gone, and the comment"),
        pytest.param(
            f"x\n\n{HEAD}/a\n/mine\n", [], ["/a"], f"x\n\n{HEAD}/mine\n", id="a line of the user's below the comment"
        ),
        pytest.param(f"x\n\n{HEAD}/a\n", ["/a", "/b"], ["/a", "/b"], f"x\n\n{HEAD}/a\n", id="taken out by the user"),
        pytest.param("a\n", ["/a"], [], "a\n", id="the user has it"),
    ],
)
def test_outs(existing: str, lines: list[str], before: list[str], result: str) -> None:
    assert update_outs(existing, lines, before) == result
    assert update_outs(result, lines, [*before, *lines]) == result


def test_a_line_of_another_notebook_stays() -> None:
    assert update_outs(f"{HEAD}/a\n", [], ["/a"], ["/a"]) == f"{HEAD}/a\n"


def test_git_takes_each_line_for_its_path_alone(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    names = ["a b", "x[1].txt", "q?", "s*r", "ba\\ck", "end ", "#h", "!e", "ü", "d/e.f"]
    (tmp_path / ".gitignore").write_text("".join(f"{out_line(name)}\n" for name in names), encoding="utf-8")
    assert set(ignored_by_git(tmp_path, [*names, "x1.txt", "qa", "sxr", "sub/a b"])) == set(names)


CELLS: Final = [
    (
        "import",
        "import os\nos.makedirs('out', exist_ok=True)\nfor name in ('a', 'b'):\n    open(f'out/{name}.txt', 'w').write(name)",
    ),
    ("train", "n = len(os.listdir('out'))"),
    ("report", "import json\njson.dump({'n': n}, open('metrics.json', 'w'))"),
]


def project_of(folder: Path, cells: list[tuple[str, str]]) -> Path:
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(code, metadata={"tags": [tag]}) for tag, code in cells]
    nbformat.write(notebook, folder / "explore.ipynb")
    for command in (["git", "init", "-q"], ["dvc", "init", "-q"]):
        subprocess.run(command, cwd=folder, check=True)
    return folder


def repro(folder: Path) -> None:
    subprocess.run(["dvc", "repro", "-q"], cwd=folder, check=True)


def test_a_stage_that_lists_a_folder_sees_what_the_notebook_sees(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project_of(tmp_path, CELLS))
    assert main(["convert", "-q", "explore.ipynb"]) == 0
    repro(tmp_path)
    assert json.loads(Path("metrics.json").read_text()) == {"n": 2}
    assert Path(".gitignore").read_text() == f"cache/\n\n{HEAD}/out/a.txt\n/out/b.txt\n"  # and not metrics.json
    before = Path("dvc.yaml").read_text()
    assert "- out/a.txt\n    - out/b.txt\n    - training" in before  # what is listed is a dependency
    assert main(["convert", "-q", "explore.ipynb"]) == 0
    assert Path("dvc.yaml").read_text() == before  # also when the files are there
    assert main(["check", "-q"]) == 0


def test_what_dvc_wrote_beside_the_outs_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project_of(tmp_path, CELLS))
    Path("out").mkdir()
    Path("out/.gitignore").write_text("/a.txt\n/b.txt\n")
    assert main(["convert", "-q", "explore.ipynb"]) == 0
    repro(tmp_path)
    assert json.loads(Path("metrics.json").read_text()) == {"n": 2}
    Path("out/.gitignore").write_text("/a.txt\n*.tmp\n")  # the user's: the notebook sees it too
    assert main(["convert", "-q", "explore.ipynb"]) == 0
    assert Path("out/.gitignore").exists()


def test_what_a_line_of_the_users_covers_needs_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project_of(tmp_path, CELLS))
    Path(".gitignore").write_text("cache/\nout/*\n")
    assert main(["convert", "-q", "explore.ipynb"]) == 0
    assert Path(".gitignore").read_text() == "cache/\nout/*\n"
    repro(tmp_path)
    assert json.loads(Path("metrics.json").read_text()) == {"n": 2}


def test_an_out_that_git_is_to_keep_is_not_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project_of(tmp_path, CELLS))
    assert main(["convert", "-q", "explore.ipynb"]) == 0
    text = (
        Path("dvc.yaml")
        .read_text()
        .replace(
            "    - out/a.txt\n    - out/b.txt\n  train",
            "    - out/a.txt:\n        cache: false\n    - out/b.txt\n  train",
        )
    )
    Path("dvc.yaml").write_text(text)
    assert main(["convert", "-q", "explore.ipynb"]) == 0
    assert Path(".gitignore").read_text() == f"cache/\n\n{HEAD}/out/b.txt\n"
