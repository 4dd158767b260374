"""What is installed with nb2stage, what with the small `nb2stage-check`, and nbconvert's door to it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from notebooks import notebook_data

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT: Final = Path(__file__).resolve().parent.parent
CELLS: Final = [("import", "n = 3\nnumbers = list(range(n))"), ("train", "total = sum(numbers)\nprint(total)")]
REFUSED: Final = [("import", "numbers = [1]"), ("", "numbers.append(2)"), ("train", "print(sum(numbers))")]
# What runs a pipeline, edits the settings, shows reports: it comes with nb2stage, and neither convert nor check load it.
RUNNING: Final = {"cloudpickle", "dvc", "joblib", "ipykernel", "nbclient", "papermill", "tomlkit", "markdown-it-py"}


def project(path: str) -> dict[str, Any]:
    """The table `project` of a pyproject.toml."""
    found: dict[str, Any] = tomllib.loads((ROOT / path).read_text(encoding="utf-8"))["project"]
    return found


def names(requirements: list[str]) -> set[str]:
    """The packages of requirements, without their versions."""
    return {"".join(c if c.isalnum() or c in "-_." else " " for c in each).split()[0] for each in requirements}


def test_the_small_distribution_is_the_large_one_without_what_runs_pipelines() -> None:
    """Two files say it, because two distributions have to."""
    whole, small = project("pyproject.toml"), project("check/pyproject.toml")
    assert whole["version"] == small["version"]
    assert whole["requires-python"] == small["requires-python"]
    assert small["scripts"].items() <= whole["scripts"].items()
    rest = [each for each in whole["dependencies"] if each not in small["dependencies"]]
    assert len(rest) + len(small["dependencies"]) == len(whole["dependencies"])
    assert names(rest) == RUNNING


def test_what_runs_pipelines_is_loaded_by_no_conversion_and_no_check(tmp_path: Path) -> None:
    """The hook has half a second, and `nb2stage-check` has none of it."""
    (tmp_path / "nb.ipynb").write_text(json.dumps(notebook_data(CELLS)), encoding="utf-8")
    program = (
        "import sys; from nb2stage.cli import main; main(['convert', 'nb.ipynb']); main(['check']); main(['--help']);"
        f"print([name for name in {sorted(RUNNING)} if name.removesuffix('-py').replace('-', '_') in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


# -- nbconvert -------------------------------------------------------------------------------------------------------


def exported(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`jupyter nbconvert`, of this Python.  The exporter is named by its class, so that an older installation is no matter."""
    pytest.importorskip("nbconvert")
    command = [sys.executable, "-m", "nbconvert", "--to", "nb2stage.exporter.PipelineExporter", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def tree(folder: Path) -> set[str]:
    """All files of a folder."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_nbconvert_converts(tmp_path: Path) -> None:
    (tmp_path / "nb.ipynb").write_text(json.dumps(notebook_data(CELLS)), encoding="utf-8")
    printed = exported(tmp_path, "nb.ipynb", "--stdout")
    assert printed.returncode == 0, printed.stderr
    assert printed.stdout.startswith("stages:")
    assert tree(tmp_path) == {"nb.ipynb"}
    done = exported(tmp_path, "nb.ipynb")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "dvc.yaml").read_text(encoding="utf-8").strip() == printed.stdout.strip()
    found = tree(tmp_path)
    assert {"training/train.py", ".nb2stage/state.json"} < found
    # a hand edit stays: it is no other conversion than ours
    script = tmp_path / "training" / "train.py"
    script.write_text(script.read_text(encoding="utf-8") + "print('mine')\n", encoding="utf-8")
    assert exported(tmp_path, "nb.ipynb").returncode == 0
    assert script.read_text(encoding="utf-8").endswith("print('mine')\n")
    assert tree(tmp_path) == found


def test_nbconvert_converts_into_another_folder(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "nb.ipynb").write_text(json.dumps(notebook_data(CELLS)), encoding="utf-8")
    done = exported(tmp_path, "project/nb.ipynb")
    assert done.returncode == 0, done.stderr
    assert {path.split("/")[0] for path in tree(tmp_path)} == {"project"}
    assert "project/dvc.yaml" in tree(tmp_path)


def test_nbconvert_gets_the_refusal_and_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "nb.ipynb").write_text(json.dumps(notebook_data(REFUSED)), encoding="utf-8")
    done = exported(tmp_path, "nb.ipynb")
    assert done.returncode == 1
    assert "NB20" in done.stderr
    assert "Traceback" not in done.stderr
    assert tree(tmp_path) == {"nb.ipynb"}


def test_the_exporter_is_registered() -> None:
    points = project("pyproject.toml")["entry-points"]["nbconvert.exporters"]
    assert points == {"nb2stage": "nb2stage.exporter:PipelineExporter"}
