"""The pictures of commits for the overview page, out of real git repositories; and which commits were not run."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from test_experiments import run

from nb2stage.overview.figures import Figures
from nb2stage.overview.history import Row
from nb2stage.overview.staleness import mark_stale

if TYPE_CHECKING:
    from pathlib import Path

DVC = """\
stages:
  a:
    cmd: a
    outs: [kept.png, cache/x.pkl]
    plots:
    - figures:
        cache: false
    - gone.png
plots:
- own.svg:
- curves.csv
"""


def commit(folder: Path, files: dict[str, str | None]) -> Row:
    """A commit with these files changed, as a row."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True) if content is None else path.write_text(content)
    run(folder, "git", "add", "--all")
    run(folder, "git", "commit", "--quiet", "-m", "x")
    return Row("commit", "x", run(folder, "git", "rev-parse", "HEAD").strip())


@pytest.fixture(params=["", "sub/project"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A project that is a git repository, or lies in one."""
    run(tmp_path, "git", "init", "--quiet")
    path: Path = tmp_path / request.param
    path.mkdir(parents=True, exist_ok=True)
    return path


PICTURES = {"figures/a.png": "aaaa", "figures/in/b.jpg": "bbb", "kept.png": "kk", "own.svg": "o", "curves.csv": "c"}


def test_the_workspace_has_what_lies_in_the_folder(folder: Path) -> None:
    """Each picture once, whether a commit has it or not."""
    (folder / "empty").mkdir()
    nothing = Figures(folder / "empty", 1000)
    nothing.add_workspace()
    assert (nothing.of, nothing.reports) == ({"workspace": {}}, {"workspace": {}})
    text = DVC.replace("outs: [", "outs: [report/report.md, ")
    row = commit(folder, {"dvc.yaml": text, "report/report.md": "# one", **PICTURES})
    (folder / "kept.png").write_text("other")
    (folder / "report/report.md").write_text("# two")
    figures = Figures(folder, 1000)
    figures.add([row])
    figures.add_workspace()
    assert figures.texts == ["# one", "# two"]
    assert figures.reports == {row.rev: {"report/report.md": 0}, "workspace": {"report/report.md": 1}}
    mine, theirs = figures.of["workspace"], figures.of[row.rev]
    assert set(mine) == set(theirs)
    assert {path for path in mine if mine[path] != theirs[path]} == {"kept.png"}
    assert figures.contents[mine["kept.png"]] == ("image/png", b"other")


def test_pictures_that_dvc_yaml_names(folder: Path) -> None:
    row = commit(folder, {"dvc.yaml": DVC, "other.png": "x", "figures/note.txt": "n", **PICTURES})
    figures = Figures(folder, 1000)
    figures.add([row])
    found = {path: figures.contents[number] for path, number in figures.of[row.rev].items()}
    assert found == {
        "kept.png": ("image/png", b"kk"), "own.svg": ("image/svg+xml", b"o"),
        "figures/a.png": ("image/png", b"aaaa"), "figures/in/b.jpg": ("image/jpeg", b"bbb"),
    }  # fmt: skip


def test_equal_pictures_are_there_once(folder: Path) -> None:
    rows = [commit(folder, {"dvc.yaml": DVC, **PICTURES, "figures/same.png": "aaaa"})]
    rows.append(commit(folder, {"figures/a.png": "new!"}))
    figures = Figures(folder, 1000)
    figures.add(rows)
    assert len(figures.contents) == 5
    assert figures.of[rows[0].rev]["figures/same.png"] == figures.of[rows[1].rev]["figures/same.png"]
    assert figures.contents[figures.of[rows[1].rev]["figures/a.png"]] == ("image/png", b"new!")


def test_the_first_get_the_room(folder: Path) -> None:
    first = commit(folder, {"dvc.yaml": DVC, **PICTURES})
    large = commit(folder, {"figures/a.png": "a" * 50})
    small = commit(folder, {"figures/a.png": "s"})
    without = commit(folder, {"dvc.yaml": None})
    broken = commit(folder, {"dvc.yaml": "stages: ["})
    figures = Figures(folder, 12)
    figures.add([first, large, small, without, broken])
    assert [bool(figures.of.get(row.rev)) for row in (first, large, small)] == [True, False, True]
    assert large.rev not in figures.of
    assert figures.of[without.rev] == figures.of[broken.rev] == {}
    assert sum(len(content) for _, content in figures.contents) <= 12


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


LOCK = "stages:\n  a:\n    cmd: a\n    params:\n      params.yaml:\n        C: 1\n        group:\n          d: [1, 2]\n"


@pytest.mark.parametrize(
    ("files", "params", "stale"),
    [
        ({}, {}, []),
        ({}, {"C": 2}, ["C"]),
        ({}, {"C": 1.0}, []),
        ({}, {"group.d": [1]}, ["group.d"]),
        ({"a.py": "edited"}, {}, ["a.py"]),
        ({"data.csv": "edited", "b.py": "new"}, {"C": None}, ["C", "data.csv"]),
        ({"dvc.lock": None, "a.py": "edited"}, {}, []),
        ({"dvc.lock": "<<<<<<< HEAD", "a.py": "edited"}, {}, ["a.py"]),
    ],
)
def test_what_was_edited_after_the_run(
    folder: Path, files: dict[str, str | None], params: dict[str, object], stale: list[str]
) -> None:
    row = commit(folder, {"a.py": "a", "data.csv": "1", "raw/x": "1", "dvc.lock": LOCK, **files})
    row.params = {"C": 1, "group.d": [1, 2], "other": 3, **params}
    row.code, row.data = {"a.py": md5("a")}, {"data.csv": md5("1"), "raw": "0.dir", "not-in-git": "1"}
    workspace = Row("workspace", "workspace", "workspace", params=row.params, code=row.code, data=row.data)
    experiment = Row("experiment", "e", row.rev, params={"C": 5}, code=row.code)
    mark_stale(folder, [workspace, row, experiment])
    assert (row.stale, workspace.stale, experiment.stale) == (stale, stale, [])
