"""`nb2stage init`, and requirements.txt that follows the notebook."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.metadata import packages_distributions, version
from typing import TYPE_CHECKING, Any

import pytest
from test_cli import Cells, call, contents, files_of, project, save  # noqa: F401 -- fixtures

from nb2stage.commands.init import FOLDERS
from nb2stage.files.packages import imported_modules, missing_requirements

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("dvc")


def ours(folder: Path) -> set[str]:
    return {path for path in files_of(folder) if not path.startswith((".git/", ".dvc"))}


def test_an_empty_folder_becomes_a_project_whose_pipeline_runs(project: Path, call: Any) -> None:  # noqa: F811
    code, out, err = call("init")
    assert (code, err) == (0, "")
    readmes = {f"{folder}/README.md" for folder in FOLDERS}
    assert ours(project) == readmes | {".gitignore", "params.yaml", "pyproject.toml", "requirements.txt"}
    assert (project / ".git").is_dir()
    assert (project / ".dvc" / "config").is_file()
    requirements = (project / "requirements.txt").read_text().splitlines()
    names = ["scikit-learn", "matplotlib", "dvc"]
    assert requirements == [f"{name}=={version(name)}" for name in names]
    before = contents(project)
    assert call("init")[1] == "nothing to do: the project is complete\n"
    assert contents(project) == before
    code, out, err = call("convert")
    assert (code, err) == (0, "")
    assert "explore.ipynb: 4 stages" in out
    done = subprocess.run([sys.executable, "-m", "dvc", "repro"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(re.findall(r"Running stage '(\w+)'", done.stdout)) == {"import", "preprocess", "train", "report"}
    assert "accuracy" in json.loads((project / "metrics.json").read_text())
    assert call("check")[0] == 0


def test_what_is_there_is_not_overwritten(project: Path, call: Any) -> None:  # noqa: F811
    save(project / "messy.ipynb", [("import", "import yaml\nimport mine, nosuchmodule.x\ndf = 1")])
    (project / "mine.py").write_text("x = 1\n")
    mine = {"params.yaml": "a: 1\n", "pyproject.toml": "[project]\nname = 'x'\n", "data/README.md": "mine\n"}
    (project / "data").mkdir()
    for path, text in mine.items():
        (project / path).write_text(text)
    (project / ".gitignore").write_text("/cache\nmine/\n")
    (project / "requirements.txt").write_text("DVC>=3  # mine\n")
    code, out, err = call("init")
    assert (code, err) == (0, "")
    assert "lines added to: .gitignore, requirements.txt" in out
    for path, text in mine.items():
        assert (project / path).read_text() == text
    assert (project / ".gitignore").read_text().startswith("/cache\nmine/\ndata/*\n!data/*.dvc\n")
    lines = (project / "requirements.txt").read_text().splitlines()
    assert lines == ["DVC>=3  # mine", f"PyYAML=={version('pyyaml')}", "nosuchmodule"]
    assert not (project / "explore.ipynb").exists()


def test_a_notebook_without_tags_is_to_be_tagged_first(project: Path, call: Any) -> None:  # noqa: F811
    save(project / "a.ipynb", [("", "x = 1"), ("parameters", "y = 2")])
    save(project / "b.ipynb", [("train", "x = 1")])
    (project / "c.ipynb").write_text("no notebook")
    out = call("init")[1]
    assert "next: nb2stage tag a.ipynb --write\n      pip" in out


def test_looking_first_writes_nothing(project: Path, call: Any) -> None:  # noqa: F811
    code, out, _ = call("init", "wine", "--dry-run")
    assert code == 0
    assert "would run: git init, dvc init" in out
    assert "would be written: data/README.md" in out
    assert not list(project.iterdir())
    assert json.loads(call("init", "wine", "--dry-run", "--json")[1])["next"][0] == "cd wine"


def test_data_is_ignored_and_what_dvc_keeps_of_it_is_not(project: Path, call: Any) -> None:  # noqa: F811
    call("init", "-q")
    (project / "data" / "raw.csv").write_text("a\n1\n")
    subprocess.run([sys.executable, "-m", "dvc", "add", "data/raw.csv", "-q"], check=True)
    for path, ignored in (
        ("data/raw.csv", True),
        ("data/raw.csv.dvc", False),
        ("data/README.md", False),
        ("cache/x", True),
    ):
        assert (subprocess.run(["git", "check-ignore", "-q", path], check=False).returncode == 0) == ignored


# -- requirements.txt ------------------------------------------------------------------------------------------------

IMPORTS: Cells = [
    ("", "import pandas as pd\nimport sklearn.svm"),
    ("import", "from sklearn.datasets import load_wine\na = load_wine()"),
    ("train", "import os\nprint(a)"),
    ("skip", "import yaml"),
]


def test_convert_adds_what_is_missing_and_nothing_else(project: Path, call: Any) -> None:  # noqa: F811
    save(project / "a.ipynb", IMPORTS)
    assert call("convert", "a.ipynb")[0] == 0
    requirements = project / "requirements.txt"
    assert not requirements.exists()
    requirements.write_text("Scikit_Learn[x]>=1 ; python_version > '3'\n# mine")
    assert call("convert", "a.ipynb")[0] == 0
    whole = f"Scikit_Learn[x]>=1 ; python_version > '3'\n# mine\npandas=={version('pandas')}\n"
    assert requirements.read_text() == whole
    requirements.write_text("# nothing\n")  # taken out by hand: they stay out
    assert call("convert", "a.ipynb", "--check")[0] == 0
    save(project / "a.ipynb", [*IMPORTS[:3], ("", "import matplotlib.pyplot as plt")])
    assert call("convert", "a.ipynb")[0] == 0
    assert requirements.read_text() == f"# nothing\nmatplotlib=={version('matplotlib')}\n"


def test_one_conversion_writes_all_that_notebook_and_scripts_import(project: Path, call: Any) -> None:  # noqa: F811
    """The file comes to be for what the notebook installs; what a script imports of its own accord belongs to it too."""
    cells = [
        ("", "!pip install -q 'pandas>=2'\nimport pandas as pd\nimport numpy as np"),
        ("parameters", "k = 3"),
        ("import", "df = pd.DataFrame({'a': [1, k]})"),
        ("train", "x = np.array(df['a']) + 1"),
        ("report", "print(x)"),
    ]
    save(project / "a.ipynb", cells)
    _, out, _ = call("convert", "a.ipynb")
    assert "the notebook installs pandas>=2" in out
    lines = (project / "requirements.txt").read_text().splitlines()
    assert [line.partition("==")[0] for line in lines] == ["pandas>=2", "numpy", "ruamel.yaml", "joblib"]
    assert call("convert", "a.ipynb", "--check")[0] == 0
    assert "installs" not in call("convert", "a.ipynb")[1]


@pytest.mark.parametrize(
    ("code", "modules"),
    [
        ("import a.b as c, d\nfrom e.f import g\nfrom . import h\nimport os, json", ["a", "d", "e"]),
        ("def f():\n    import a\ntry:\n    import b\nexcept ImportError:\n    b = None", ["b", "a"]),
    ],
)
def test_imported_modules(code: str, modules: list[str]) -> None:
    import ast

    assert sorted(imported_modules([ast.parse(code)])) == sorted(modules)


OF_CV2 = sorted(set(packages_distributions().get("cv2", [])))  # none, or one of the four packages that have it


@pytest.mark.parametrize(
    ("text", "module", "lines"),
    [
        ("", "sklearn", [f"scikit-learn=={version('scikit-learn')}"]),
        ("scikit_learn\n", "sklearn", []),
        ("", "cv2", [f"{name}=={version(name)}" for name in OF_CV2] or ["opencv-python"]),
        ("opencv-python==4\n", "cv2", []),
        ("", "nosuchmodule", ["nosuchmodule"]),
        ("-r more.txt\n", "ruamel", [f"ruamel.yaml=={version('ruamel.yaml')}"]),
    ],
)
def test_missing_requirements(text: str, module: str, lines: list[str]) -> None:
    assert missing_requirements(text, [module]) == lines
