"""Modules that scripts of several stages and notebooks share."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from notebooks import notebook_data

from nb2stage import cli
from nb2stage.knowledge.formats import FORMATS
from nb2stage.planning import companions
from nb2stage.scripts.cache_lines import fitted
from nb2stage.scripts.companion_texts import companion_texts
from nb2stage.scripts.companions.markdown_report import Report

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
    keepers = {each.keeper[0] for each in FORMATS if each.keeper[0]}
    assert names == {companions.SAVING, companions.NANS, companions.REPORT, companions.FIGURES, *keepers}
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


def script(path: str, *cells: tuple[str, str]) -> str:
    """The text of a script of a notebook with these cells."""
    Path("nb.ipynb").write_text(json.dumps(notebook_data(cells)), encoding="utf-8")
    assert convert("nb.ipynb") == 0
    return Path(path).read_text(encoding="utf-8")


@pytest.mark.usefixtures("project")
def test_print_in_the_report_is_a_plain_call_where_nothing_else_prints() -> None:
    text = script("report/report.py", ("report", "x = 1\nprint(x, 2, sep='-')"))
    assert "from markdown_report import Report\n" in text
    assert "report.print(x, 2, sep='-')\n" in text
    text = script("report/report.py", ("report", "def f(report):\n    list(map(print, report))\nf([1])"))
    assert 'report_ = Report("# Report", printed=True)\n' in text


def test_nothing_stays_patched(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sys.stdout.write
    report = Report(printed=True)
    print("in it")  # noqa: T201
    report.write(str(tmp_path / "report.md"))
    assert sys.stdout.write == before
    print("behind it")  # noqa: T201
    assert (tmp_path / "report.md").read_text(encoding="utf-8") == "~~~\nin it\n~~~\n"
    assert capsys.readouterr().out == "in it\nbehind it\n"


@pytest.mark.usefixtures("project")
def test_what_is_saved_together_has_all_names_in_its_file() -> None:
    made = "import numpy as np\nfirst = list(np.random.rand(3))\nsecond = [first]\nthird = [first]\nfourth = [first];"
    cells = [("import", made), ("train", "first.append(2)\nprint(second, third, fourth)")]
    text = script("training/train.py", *cells)
    assert "first, fourth, second, third = " in text
    assert "first_fourth_second_third.pkl" in text
    assert not any(line.endswith(";") for line in Path("data_processing/import_data.py").read_text().splitlines())


@pytest.mark.parametrize(
    ("line", "broken"),
    [
        pytest.param("f(x)", "f(x)", id="short"),
        pytest.param(f"f({'x' * 84}, y)", f"f(\n    {'x' * 84},\n    y,\n)", id="an argument to a line"),
        pytest.param(f"y = f({'x' * 80}, 1)", f"y = f(\n    {'x' * 80}, 1\n)", id="all in one line"),
        pytest.param(f"y = {'x' * 90}", f"y = {'x' * 90}", id="no call"),
    ],
)
def test_long_lines_are_broken_as_formatters_break_them(line: str, broken: str) -> None:
    assert fitted(line, 88) == broken
