"""The example notebooks: each becomes a pipeline that gives what the notebook itself gives when it is run."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Final

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # an importing test runner does not do it
import differential
import follow_hints

FOLDER: Final = Path(__file__).parents[1] / "example_notebooks"
UNTIDY: Final = "flats"  # has two tags, and gets the others by the hints of one refusal
EXAMPLES: Final = sorted(path.stem for path in FOLDER.glob("*.ipynb"))


@cache
def outcome_of(name: str) -> tuple[Path, differential.Outcome]:
    """The notebook run in a kernel, converted, its pipeline run by DVC; the project, and what the comparison says."""
    keep = Path(mkdtemp(prefix="nb2stage-examples-"))
    options = differential.Options(digest=True, timeout=180, keep=keep)
    notebook = FOLDER / f"{name}.ipynb"
    if name == UNTIDY:
        notebook = follow_hints.followed(notebook, Path(mkdtemp(prefix="nb2stage-tagged-")))
    return keep / name, differential.compare(notebook, options)


def said(project: Path, *command: str) -> str:
    """What a command prints in the project."""
    done = differential.run([sys.executable, "-m", *command], project, 300)
    assert done.code == 0, done.out + done.err
    return done.out


def scripts_of(project: Path) -> list[Path]:
    """The generated scripts."""
    state = json.loads((project / ".nb2stage" / "state.json").read_text(encoding="utf-8"))
    return [project / path for made in state["notebooks"].values() for path in made["files"]]


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 4
    assert UNTIDY in EXAMPLES


def test_the_untidy_one_is_untidy() -> None:
    cells = json.loads((FOLDER / f"{UNTIDY}.ipynb").read_text(encoding="utf-8"))["cells"]
    assert len(cells) == 45
    assert [tag for cell in cells for tag in cell["metadata"].get("tags", [])] == ["train", "report"]


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_pipeline_gives_what_the_notebook_gives(name: str) -> None:
    _, outcome = outcome_of(name)
    assert (outcome.status, outcome.reason, outcome.differences) == ("same", "", []), outcome.diagnostics
    assert outcome.names > 0
    assert outcome.files > 0


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_second_run_has_nothing_to_do(name: str) -> None:
    project, _ = outcome_of(name)
    assert json.loads(said(project, "dvc", "status", "--json")) == {}
    assert "Running stage" not in said(project, "dvc", "repro")


@pytest.mark.parametrize("name", EXAMPLES)
def test_metrics_can_be_shown_and_are_numbers(name: str) -> None:
    project, _ = outcome_of(name)
    shown: dict[str, Any] = json.loads(said(project, "dvc", "metrics", "show", "--json"))
    # who tags no metrics has none
    assert bool(shown[""]["data"]) == (name != UNTIDY)
    figures = [path for path in project.rglob("*.png") if ".dvc" not in path.parts]
    assert figures


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_scripts_have_no_unused_import_and_no_unknown_name(name: str) -> None:
    project, _ = outcome_of(name)
    scripts = scripts_of(project)
    assert scripts
    command = [sys.executable, "-m", "pyflakes", *map(str, scripts)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("name", EXAMPLES)
def test_converting_again_changes_nothing(name: str) -> None:
    project, _ = outcome_of(name)
    assert "up to date" in said(project, "nb2stage", "convert", "--check", f"{name}.ipynb")


# Modules of the project that several scripts import: they read like the user's own.
SHARED = {path.name for path in (FOLDER.parent / "src/nb2stage/scripts/companions").glob("*.py")}


@pytest.mark.parametrize("name", EXAMPLES)
def test_no_path_of_this_machine_and_no_trace_of_nb2stage(name: str) -> None:
    project, _ = outcome_of(name)
    for script in scripts_of(project):
        text = script.read_text(encoding="utf-8")
        assert str(project) not in text
        assert "import nb2stage" not in text
        assert text.count("nb2stage") == (0 if script.name in SHARED else 1), script
