"""Which pandas a project runs with is read off its environment, its lock files or its requirements."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest
from notebooks import notebook_data

from nb2stage import conversion
from nb2stage.cli import main
from nb2stage.project.installed import pandas_major

if TYPE_CHECKING:
    from pathlib import Path


def install(prefix: Path, version: str, packages: str = "lib/python3.11/site-packages") -> str:
    """An environment with this pandas in it."""
    (prefix / packages / f"pandas-{version}.dist-info").mkdir(parents=True)
    return str(prefix)


@pytest.mark.parametrize(
    ("name", "text", "major"),
    [
        ("uv.lock", '[[package]]\nname = "pandas"\nversion = "2.2.3"\n', 2),
        ("poetry.lock", '[[package]]\nname = "pandas"\nversion = "3.0.1"\n', 3),
        ("poetry.lock", '[[package]]\nname = "pandas-stubs"\nversion = "2.2.3"\n', None),
        (
            "uv.lock",
            '[[package]]\nname = "pandas"\nversion = "2.3.3"\n[[package]]\nname = "pandas"\nversion = "3.0.1"\n',
            None,
        ),
        ("requirements.txt", "numpy==2\npandas==2.2.3\n", 2),
        ("requirements-dev.txt", "pandas ~= 3.0\n", 3),
        ("requirements.txt", "pandas>=2\n", None),
        ("requirements.txt", "pandas\n", None),
        ("requirements.txt", "pandas>=1.5,<3\n", 2),
        ("requirements.txt", "# pandas==2.0\ngeopandas==1.0\n", None),
        ("pyproject.toml", '[project]\ndependencies = ["pandas[parquet]>=3.0"]\n', 3),
        ("pyproject.toml", '[tool.poetry.dependencies]\npandas = "^2.1"\n', 2),
        ("environment.yml", "dependencies:\n  - pandas=2.2\n", 2),
    ],
)
def test_what_the_project_says(tmp_path: Path, name: str, text: str, major: int | None) -> None:
    """A lock file, or requirements that leave no choice."""
    (tmp_path / name).write_text(text)
    assert pandas_major(tmp_path, {}, []) == major


@pytest.mark.parametrize("name", [".venv", "venv"])
def test_the_environment_in_the_project_comes_before_ours(tmp_path: Path, name: str) -> None:
    """The one that DVC's `python` is likely to be."""
    ours = install(tmp_path / "ours", "3.0.1", "here") + "/here"
    assert pandas_major(tmp_path, {}, [ours]) == 3
    install(tmp_path / name, "2.2.3")
    assert pandas_major(tmp_path, {}, [ours]) == 2


@pytest.mark.parametrize("name", ["VIRTUAL_ENV", "CONDA_PREFIX"])
def test_the_activated_environment_comes_first(tmp_path: Path, name: str) -> None:
    """Whatever lies in the project folder."""
    install(tmp_path / ".venv", "3.0.1")
    assert pandas_major(tmp_path, {name: install(tmp_path / "other", "2.1.0")}, []) == 2
    assert pandas_major(tmp_path, {name: str(tmp_path / "nothing")}, []) == 3


def test_the_python_on_the_path(tmp_path: Path) -> None:
    """It is what dvc.yaml calls."""
    python = tmp_path / "env" / "bin" / "python"
    install(tmp_path / "env", "2.2.3")
    python.parent.mkdir()
    python.write_text("#!/bin/sh\n")
    python.chmod(0o755)
    assert pandas_major(tmp_path, {"PATH": str(python.parent)}, []) == 2


VIEW = [
    ("import", "import pandas as pd\ndf = pd.DataFrame({'a': [1, 2, 3]})\ntop = df[:2]"),
    ("train", "df.loc[0, 'a'] = 9"),
    ("report", "print(top['a'].tolist(), df['a'].tolist())"),
]


@pytest.mark.parametrize("major", [3, 2, None])
def test_a_selection_may_share_memory_unless_pandas_3_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], major: int | None
) -> None:
    """With pandas 2 `top` is a view of `df` and sees its change, so it is made again where `df` changes: right with both.

    Where nothing is known, a note says what is assumed.
    """
    monkeypatch.setattr(conversion, "pandas_major", lambda *_: major)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nb.ipynb").write_text(json.dumps(notebook_data(VIEW)))
    assert main(["convert", "nb.ipynb"]) == 0
    assert ("df[:2]" in (tmp_path / "training" / "train.py").read_text()) == (major != 3)
    assert ("NB260" in "".join(capsys.readouterr())) == (major is None)


def test_it_is_our_own_environment_where_that_is_all(tmp_path: Path) -> None:
    """As in an environment that has nb2stage beside pandas."""
    pandas = pytest.importorskip("pandas")
    assert pandas_major(tmp_path, {}, sys.path) == int(pandas.__version__.split(".")[0])
