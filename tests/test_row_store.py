"""A row runs again when anything changed that its run depends on, and only what passed is left out."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # an importing test runner does not do it
import row_store
import trials
from rows import rows_of

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")

TEXT = """
== small
# %% import
{more}x = [1]
# %% train
y = x + [2]
# %% report
=> y
"""


class Runs:
    """Tries a row, and tells which jobs that took."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.jobs: list[str] = []
        job = trials.Trial.job

        def noted(trial: trials.Trial, kind: str, *rest: Any) -> int:
            self.jobs.append(kind)
            return job(trial, kind, *rest)

        monkeypatch.setattr(trials.Trial, "job", noted)

    def __call__(self, more: str = "", expect: str = "same") -> tuple[str, list[str]]:
        self.jobs.clear()
        row = rows_of(TEXT.format(more=more))[0]
        row.expect = expect
        return trials.try_row(row).status, list(self.jobs)


ALL = ["convert", "notebook", "script"]


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runs:
    monkeypatch.setattr(row_store, "FOLDER", tmp_path / "store")
    monkeypatch.delenv(row_store.ALL_ROWS, raising=False)
    monkeypatch.setattr(trials, "HARNESS", sys.modules["__main__"])
    return Runs(monkeypatch)


def test_what_passed_is_not_run_again(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    first = runs()
    assert first == ("same", ALL)
    assert runs() == ("same", ["convert"])
    assert runs("z = 1\n") == first  # a changed row
    monkeypatch.setenv(row_store.ALL_ROWS, "1")
    assert runs() == first


def test_a_changed_harness_or_library_runs_all(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    first = runs()
    monkeypatch.setattr(row_store, "surroundings", lambda: "others")
    assert runs() == first


def test_a_changed_script_is_run(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    first, convert = runs(), trials.run_convert

    def other() -> int:
        code = convert()
        for path in Path().rglob("*.py"):
            path.write_text(path.read_text() + "# changed\n")
        return code

    monkeypatch.setattr(trials, "run_convert", other)
    assert runs() == first
    monkeypatch.setattr(trials, "run_convert", lambda: 3)  # and a conversion that fails is not covered up
    assert runs()[0] == "failed"


def test_a_failure_is_not_kept(runs: Runs) -> None:
    wrong = "import os\ny = os.getpid()\nopen('pid.txt', 'w').write(str(y))\n"
    first = runs(wrong)
    assert first[0] == "different"
    assert runs(wrong) == first
    runs(expect="NB2")  # converted, but a refusal was due
    assert not list(row_store.FOLDER.glob("*"))


def test_surroundings_are_the_harness_and_what_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = set()
    for name in ("", "library-1.0.dist-info", "library-1.1.dist-info"):
        monkeypatch.setattr(sys, "path", [str(tmp_path)])
        for old in tmp_path.iterdir():
            old.rmdir()
        if name:
            (tmp_path / name).mkdir()
        found.add(row_store.surroundings.__wrapped__())
    assert len(found) == 3
    monkeypatch.setattr(row_store, "HARNESS", row_store.HARNESS[1:])
    assert row_store.surroundings.__wrapped__() not in found
    assert {path.name for path in Path(trials.__file__).parent.glob("*.py")} >= set(row_store.HARNESS)


def test_what_was_long_of_no_use_is_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_store, "FOLDER", tmp_path)
    monkeypatch.delenv(row_store.ALL_ROWS, raising=False)
    for name, age in (("old", row_store.KEPT + 60), ("new", 60)):
        row_store.keep(name)
        os.utime(tmp_path / name, (0, (tmp_path / name).stat().st_mtime - age))
    row_store.tidy()
    assert json.dumps([row_store.passed("old"), row_store.passed("new")]) == "[false, true]"
