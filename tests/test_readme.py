"""What README.md says is true.  `python tests/test_readme.py` writes its generated blocks and its picture anew."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

from nb2stage.cli import build_parser, main
from nb2stage.project.configuration import read_configuration
from nb2stage.reading.notebook import read_notebook
from nb2stage.reading.stages import STAGES
from nb2stage.reading.tags import parse_tags
from nb2stage.rules import RULES

ROOT: Final = Path(__file__).parents[1]
README: Final = ROOT / "README.md"
FIGURE: Final = ROOT / "docs" / "figure_1.png"
BLOCK: Final = re.compile(r"<!-- (?P<label>[^\n]*?) -->\n```(?P<language>\w+)\n(?P<text>.*?)```\n", re.DOTALL)
INSTALL: Final = re.compile(r"^python -m venv .*$", re.MULTILINE)
REFUSED: Final = """\
# %% import
import pandas as pd
df = pd.DataFrame({"x": [1, None]})
# %%
df = df.dropna()
# %% train
total = df["x"].sum()
"""


def blocks() -> dict[str, str]:
    """The labelled blocks of the README."""
    return {found["label"]: found["text"] for found in BLOCK.finditer(README.read_text(encoding="utf-8"))}


def notebook_of(text: str) -> bytes:
    """`# %% import` and what follows as a cell tagged `import`, and so on."""
    cells: list[dict[str, Any]] = []
    for number, part in enumerate(re.split(r"^# %%", text, flags=re.MULTILINE)[1:]):
        head, _, body = part.partition("\n")
        source = body.strip("\n")
        cells.append(
            {
                "cell_type": "code",
                "execution_count": None,
                "id": f"cell-{number}",
                "metadata": {"tags": head.split()},
                "outputs": [],
                "source": source,
            }
        )
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


def environment() -> dict[str, str]:
    """This Python first on the path, as in an activated virtual environment."""
    beside = str(Path(sys.executable).parent)
    quiet = {"DVC_NO_ANALYTICS": "1", "PYTHONDONTWRITEBYTECODE": "1", "MPLBACKEND": "agg"}
    return {**os.environ, **quiet, "PATH": beside + os.pathsep + os.environ.get("PATH", "")}


def run(folder: Path, *command: str) -> str:
    """What a command prints."""
    done = subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def graph_of(document: dict[str, Any]) -> str:
    """The stages and what each hands on, as mermaid draws them."""
    stages = document["notebooks"][0]["stages"]
    lines = ["flowchart LR"]
    lines += [f'    {stage["name"]}["{stage["name"]}"]' for stage in stages]
    for stage in stages:
        sources: dict[str, list[str]] = {}
        for load in stage["loads"]:
            sources.setdefault(load["from"], []).extend(load["names"])
        lines += [f'    {source} -- "{", ".join(names)}" --> {stage["name"]}' for source, names in sources.items()]
    return "\n".join(lines) + "\n"


def without_chatter(text: str) -> str:
    """The lines of `dvc repro` that tell which stages ran."""
    kept = [line for line in text.splitlines() if re.match(r"Stage '|Running stage|> ", line)]
    return "\n".join(kept) + "\n"


@cache
def converted() -> tuple[Path, str, dict[str, Any]]:
    """The example of the README after `nb2stage convert --init`: the folder, what was printed, the JSON document."""
    folder = Path(tempfile.mkdtemp(prefix="nb2stage-readme-"))
    (folder / "explore.ipynb").write_bytes(notebook_of(blocks()["notebook"]))
    printed = run(folder, sys.executable, "-m", "nb2stage", "convert", "explore.ipynb", "--init")
    document = json.loads(run(folder, sys.executable, "-m", "nb2stage", "convert", "explore.ipynb", "--json"))
    return folder, printed, document


@cache
def reproduced() -> str:
    """`dvc repro`, another value in params.yaml, `dvc repro`: what the second run said."""
    folder, _, _ = converted()
    run(folder, sys.executable, "-m", "dvc", "repro")
    params = folder / "params.yaml"
    before = params.read_text(encoding="utf-8")
    assert "n_estimators: 100" in before
    params.write_text(before.replace("n_estimators: 100", "n_estimators: 10"), encoding="utf-8")
    said = without_chatter(run(folder, sys.executable, "-m", "dvc", "repro"))
    params.write_text(before, encoding="utf-8")
    run(folder, sys.executable, "-m", "dvc", "repro")
    shown = run(folder, sys.executable, "-m", "dvc", "metrics", "show")
    return f"$ dvc repro\n{said}$ dvc metrics show\n" + "".join(f"{line.rstrip()}\n" for line in shown.splitlines())


def refusal() -> str:
    """What the refused notebook of the README gets."""
    with tempfile.TemporaryDirectory() as temporary:
        (Path(temporary) / "a.ipynb").write_bytes(notebook_of(REFUSED))
        command = [sys.executable, "-m", "nb2stage", "convert", "a.ipynb"]
        return subprocess.run(command, cwd=temporary, capture_output=True, text=True, check=False).stderr


def expected(label: str) -> str:
    """What a generated block has to hold."""
    kind, _, rest = label.partition(": ")
    if kind == "output":
        return f"$ {rest}\n{converted()[1]}"
    if kind == "graph":
        return graph_of(converted()[2])
    if kind == "file":
        return (converted()[0] / rest).read_text(encoding="utf-8")
    if kind == "refusal":
        return refusal()
    assert kind == "repro", label
    return reproduced()


HAND_WRITTEN: Final = {"notebook", "configuration"}


@pytest.mark.parametrize("label", [label for label in blocks() if label not in HAND_WRITTEN])
def test_the_generated_blocks_are_what_comes_out(label: str) -> None:
    assert blocks()[label] == expected(label), "`python tests/test_readme.py` writes the README anew"


def test_the_picture_is_there() -> None:
    assert "docs/figure_1.png" in README.read_text(encoding="utf-8")
    assert FIGURE.read_bytes().startswith(b"\x89PNG")


def test_the_test_command_is_the_one_of_ci() -> None:
    tested = (
        "python -m venv .venv && .venv/bin/pip install -U pip && "
        ".venv/bin/pip install -e . --group run --group test && .venv/bin/pytest"
    )
    lines = README.read_text(encoding="utf-8").splitlines()
    assert lines.count(tested) == 1
    assert tested in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_the_first_command_runs_from_the_conversion_on(tmp_path: Path) -> None:
    """Its part behind the installation, up to the conversion, in a copy of what it copies from; twice."""
    command = INSTALL.findall(README.read_text(encoding="utf-8"))[0]
    _, _, work = command.partition("--group run && ")
    prepare, convert, *then = (part.strip() for part in re.split(r"(nb2stage convert [^&]*)&&", work))
    assert [part.strip() for part in then[0].split("&&")] == ["dvc repro", "dvc metrics show)"]
    clone = tmp_path / "clone"
    shutil.copytree(ROOT / "example_notebooks", clone / "example_notebooks")
    run(clone, "bash", "-c", f"{prepare} {convert})")
    assert "nothing to do" in run(clone, "bash", "-c", f"{prepare} {convert})"), "it cannot be run twice"
    assert (tmp_path / "wine-demo" / "dvc.yaml").exists()
    assert (tmp_path / "wine-demo" / ".dvc" / "config").exists()


def test_all_tags_of_the_table_are_tags(tmp_path: Path) -> None:
    table = README.read_text(encoding="utf-8").split("## Tags")[1].split("##")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    tags = [tag for row in rows for tag in re.findall(r"`([^`]+)`", row)]
    assert set(STAGES) < set(tags)
    for tag in tags:
        mark = f"train {tag}" if tag in ("metrics", "plots") else tag
        text = f"# %% {mark}\nx = 1\n# %% stage:other\ny = 2\n"
        _, _, findings = parse_tags(read_notebook(notebook_of(text), "a.ipynb"))
        assert not findings, tag


def test_the_configuration_is_read(tmp_path: Path) -> None:
    text = blocks()["configuration"]
    (tmp_path / "nb2stage.toml").write_text(text, encoding="utf-8")
    settings = read_configuration(tmp_path)
    assert (settings.layout, settings.notebooks) == ("flat", ("explore.ipynb",))
    (tmp_path / "nb2stage.toml").unlink()
    (tmp_path / "pyproject.toml").write_text("[tool.nb2stage]\n" + text, encoding="utf-8")
    assert read_configuration(tmp_path) == settings


def test_all_options_exist(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    commands = re.findall(r"^    (\w+) ", capsys.readouterr().out, re.MULTILINE)
    assert {"convert", "check"} <= set(commands)
    assert {main([command, "--help"]) for command in commands} == {0}
    known = capsys.readouterr().out
    text = README.read_text(encoding="utf-8")
    ours = set(re.findall(r"`(--[a-z-]+)`", text))
    assert ours
    assert [option for option in ours if option not in known] == []
    assert [code for code in re.findall(r"\bNB\d{3}\b", text) if code not in RULES] == []
    assert build_parser().prog == "nb2stage"


# The table "What it does with seeds, settings and shared objects": a notebook, and texts that its scripts have.
TREATED: Final = [
    (
        "# %% setup\nimport numpy as np\nnp.random.seed(42)\n# %% import\na = np.random.normal(size=3)\n"
        "# %% train\nprint(a + np.random.normal(size=3))\n",
        {"training/train.py": ["cache/import/numpy_random_state.pkl"]},
    ),
    (
        "# %% setup\nimport pandas as pd\npd.set_option('display.precision', 3)\n# %% import\ndf = pd.DataFrame()\n"
        "# %% train\nprint(df)\n",
        {"training/train.py": ["pd.set_option('display.precision', 3)"]},
    ),
    (
        "# %% import\nfrom sklearn.datasets import load_wine\nrows = load_wine().target.tolist()\n"
        "same = rows\n# %% train\nrows.append(1)\nprint(same)\n",
        {"data_processing/import_data.py": ["rows_same"], "training/train.py": ["rows, same = "]},
    ),
    ("# %% import\nprint(1)\nn = 3\n# %% train\nprint(n)\n", {"training/train.py": ["n = 3"]}),
    (
        "# %% import\nimport pandas as pd\ndf = pd.DataFrame()\ndf.head()\n",
        {"data_processing/import_data.py": ["print(df.head())"]},
    ),
    (
        "# %% report\nimport matplotlib.pyplot as plt\nplt.plot([1])\nplt.show()\n",
        {"report/report.py": ['plt.savefig("report/figures/figure_1.png", bbox_inches="tight")']},
    ),
]


@pytest.mark.parametrize(("text", "wanted"), TREATED)
def test_seeds_settings_and_shared_objects(
    text: str, wanted: dict[str, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.ipynb").write_bytes(notebook_of(text))
    monkeypatch.chdir(tmp_path)
    assert main(["convert", "-q", "a.ipynb"]) == 0
    for path, parts in wanted.items():
        script = (tmp_path / path).read_text(encoding="utf-8")
        assert [part for part in parts if part not in script] == [], script


def rewrite() -> None:
    """Write the generated blocks and the picture anew."""

    def block(found: re.Match[str]) -> str:
        label = found["label"]
        text = found["text"] if label in HAND_WRITTEN else expected(label)
        return f"<!-- {label} -->\n```{found['language']}\n{text}```\n"

    README.write_text(BLOCK.sub(block, README.read_text(encoding="utf-8")), encoding="utf-8")
    shutil.copy(converted()[0] / "report" / "figures" / "figure_1.png", FIGURE)


if __name__ == "__main__":
    rewrite()
