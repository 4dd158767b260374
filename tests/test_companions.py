"""Modules that scripts of several stages and notebooks share."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from notebooks import notebook_data

from nb2stage import cli
from nb2stage.planning import companions
from nb2stage.scripts.companion_texts import companion_texts

UNKNOWN = "import calendar\nplan = calendar.TextCalendar()\nplan.setfirstweekday(2)"
MODULE = Path("definitions/saving.py")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project, which is the current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def convert(*notebooks: str) -> int:
    """`nb2stage convert`; the exit code."""
    return cli.main(["convert", *notebooks])


def write(name: str, prefix: str, source: str) -> None:
    """A notebook of two stages."""
    cells = [(f"stage:{prefix}1", source), (f"stage:{prefix}2", "print(plan)")]
    Path(name).write_text(json.dumps(notebook_data(cells)), encoding="utf-8")


@pytest.mark.usefixtures("project")
def test_two_notebooks_share_one_module_until_neither_needs_it() -> None:
    write("a.ipynb", "a", UNKNOWN)
    write("b.ipynb", "b", UNKNOWN)
    assert convert("a.ipynb", "b.ipynb") == 0
    assert "save_object(plan, " in Path("data_processing/a1.py").read_text(encoding="utf-8")
    assert Path("dvc.yaml").read_text(encoding="utf-8").count(f"- {MODULE.as_posix()}") == 2
    for prefix, is_there in (("a", True), ("b", False)):
        write(f"{prefix}.ipynb", prefix, "plan = [1]")
        assert convert(f"{prefix}.ipynb") == 0
        assert MODULE.exists() == is_there


@pytest.mark.usefixtures("project")
def test_hand_edits_of_the_module_stay() -> None:
    write("a.ipynb", "a", UNKNOWN)
    convert("a.ipynb")
    edited = MODULE.read_text(encoding="utf-8").replace("Make it", "You may make it")
    MODULE.write_text(edited, encoding="utf-8")
    assert convert("a.ipynb") == 0
    assert MODULE.read_text(encoding="utf-8") == edited


@pytest.mark.usefixtures("project")
def test_a_package_of_the_users_with_the_name_of_the_folder() -> None:
    Path("definitions").mkdir()
    Path("definitions/__init__.py").touch()
    write("a.ipynb", "a", UNKNOWN)
    assert convert("a.ipynb") == 0
    script = Path("data_processing/a1.py").read_text(encoding="utf-8")
    assert "from definitions_.saving import save_object\n" in script
    assert Path("definitions_/saving.py").exists()


def test_companions_are_of_nobody() -> None:
    """A reader of the project need not know where they come from; nothing of nb2stage has to be installed."""
    folder = Path(companion_texts.__code__.co_filename).with_name("companions")
    names = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert names == {companions.SAVING, companions.NANS, companions.REPORT}
    for name in names:
        text = (folder / f"{name}.py").read_text(encoding="utf-8")
        assert "nb2stage" not in text
        assert ast.get_docstring(ast.parse(text))


@pytest.mark.skipif(shutil.which("ruff") is None, reason="needs ruff")
def test_companions_are_as_ruff_has_them_by_default(project: Path) -> None:
    folder = Path(companion_texts.__code__.co_filename).with_name("companions")
    shutil.copytree(folder, project / "companions", ignore=shutil.ignore_patterns("__pycache__"))
    for command in (["check"], ["format", "--check"]):
        done = subprocess.run(
            ["ruff", *command, "--isolated", "companions"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout
