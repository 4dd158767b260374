"""Which files a stage depends on: also where only a text that a call is given says so."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import nbformat
import pytest
import yaml

from nb2stage.cli import main

Cells = list[tuple[str, str]]

# name -> cells, the files that are there, and what the stages read beside scripts and cache files
READS: Final[dict[str, tuple[Cells, list[str], dict[str, list[str]]]]] = {
    "a file that is there": (
        [("import", "import lib\nx = lib.read('data/x.csv', columns=['data', 'a.b'])")],
        ["data/x.csv"],
        {"import": ["data/x.csv"]},
    ),
    "a keyword, a list, a dict, a join": (
        [
            (
                "import",
                "import os\nimport lib\nsets = {'train': 'b.csv'}\n"
                "x = lib.load(path='a.csv')\ny = lib.load([os.path.join('d', 'c.csv')], sets)",
            )
        ],
        ["a.csv", "b.csv", "d/c.csv"],
        {"import": ["a.csv", "b.csv", "d/c.csv"]},
    ),
    "a name in SQL, a pattern": (
        [("import", "import lib\nx = lib.sql(\"select * from 'd/a.csv' join read_csv('e/*.csv')\")")],
        ["d/a.csv", "e/b.csv", "e/c.csv"],
        {"import": ["d/a.csv", "e/b.csv", "e/c.csv"]},
    ),
    "a folder": (
        [("import", "import lib\nx = lib.load_folder('images')\ny = lib.title('data')")],
        ["images/a.png", "data/x.csv"],
        {"import": ["images"]},
    ),
    "a path that another stage writes": (
        [("import", "open('a.bin', 'w').write('x')"), ("train", "import lib\nx = lib.thing('a.bin')")],
        [],
        {"import": [], "train": ["a.bin"]},
    ),
    "written and read by calls that nobody knows": (
        [("import", "import saver\nsaver.save(1, 'a.bin')"), ("train", "import lib\nx = lib.load('a.bin')")],
        [],
        {"import": [], "train": ["a.bin"]},
    ),
    "the same, and the file is left of a run": (
        [("import", "import saver\nsaver.save(1, 'a.bin')"), ("train", "import lib\nx = lib.load('a.bin')")],
        ["a.bin"],
        {"import": [], "train": ["a.bin"]},
    ),
    "labels, columns, versions are no files": (
        [("import", "import lib\nx = lib.fit(['a.b', 'v1.0', 'Sales of 2024.', 'data', 'model'], label='x.y')")],
        ["data/x.csv", "model/y.csv"],
        {"import": []},
    ),
    "a path in a value that another stage gets": (
        [
            ("import", "cfg = {'k': [1], 'path': 'data/x.csv'}\ncfg['k'].append(2)"),
            ("train", "import lib\ndef get(c):\n    return lib.load(c['path'])\nx = get(cfg)"),
        ],
        ["data/x.csv"],
        {"import": [], "train": ["data/x.csv"]},
    ),
    "a path in what an unknown call makes": (
        [("import", "import lib\na = lib.Namespace(path='x.csv')"), ("train", "y = lib.load(a.path)")],
        ["x.csv"],
        {"import": ["x.csv"], "train": ["x.csv"]},
    ),
    "parts of a path are none": (
        [
            (
                "import",
                "import pickle\nfrom pathlib import Path\nP = Path('o')\npickle.dump(1, (P / 'a.pkl').open('wb'))",
            ),
            ("train", "x = pickle.loads((P / 'a.pkl').read_bytes())"),
        ],
        [],
        {"import": [], "train": ["o/a.pkl"]},
    ),
    "a checkpoint": (
        [
            ("import", "import trainer\ntrainer.fit([1], callbacks=[trainer.ModelCheckpoint('best.keras')])"),
            ("train", "import lib\nx = lib.load_model('best.keras')"),
        ],
        [],
        {"import": [], "train": ["best.keras"]},
    ),
    "a style of the project": (
        [("setup", "import matplotlib.pyplot as plt\nplt.style.use('./my.mplstyle')"), ("train", "plt.plot([1])")],
        ["my.mplstyle"],
        {"train": ["my.mplstyle"]},
    ),
    "a list that grows": (
        [
            (
                "import",
                "import pandas as pd\nfiles = ['a.csv']\nfiles.append('b.csv')\nx = [pd.read_csv(f) for f in files]",
            )
        ],
        ["a.csv", "b.csv"],
        {"import": ["a.csv", "b.csv"]},
    ),
    "paths of pathlib and os.path": (
        [
            (
                "import",
                "import os\nfrom os.path import join\nfrom pathlib import Path\nimport lib\nbase = Path('d')\n"
                "a = lib.load((base / 'a').with_suffix('.csv'))\nb = lib.load(join(os.getcwd(), 'd', 'b.csv'))\n"
                "c = lib.load(os.path.abspath('d/c.csv'))\ne = lib.load(f'{base}/e.csv')\nf = lib.load(base.joinpath('f.csv'))",
            )
        ],
        [f"d/{name}.csv" for name in "abcefz"],
        {"import": [f"d/{name}.csv" for name in "abcef"]},
    ),
    "commands": (
        [
            ("import", "tool = 'sort'\n!{tool} a.txt > b.txt\n!mystery c.txt 2> d.log"),
            ("train", "x = open('b.txt').read()\ny = !cat d.log"),
        ],
        ["a.txt", "c.txt"],
        {"import": ["a.txt", "c.txt"], "train": ["b.txt", "d.log"]},
    ),
    "archives and copies of folders": (
        [
            (
                "import",
                "import shutil\nshutil.make_archive('out/packed', 'gztar', 'd')\n"
                "shutil.make_archive('e', format='zip', root_dir='d')\n"
                "shutil.copytree('d', 'f')",
            ),
            ("train", "a, b = open('out/packed.tar.gz'), open('e.zip')\nimport os\nnames = os.listdir('f')"),
        ],
        ["d/a.csv"],
        {"import": ["d"], "train": ["e.zip", "f", "out/packed.tar.gz"]},
    ),
    "a folder in which a stage writes": (
        [
            ("import", "open('d/new.csv', 'w').write('x')"),
            ("train", "import os\nnames = os.listdir('d')"),
        ],
        ["d/old.csv", "d/sub/a.csv", "d/new.csv"],
        {"import": [], "train": ["d/new.csv", "d/old.csv", "d/sub"]},
    ),
}


def convert(folder: Path, cells: Cells, files: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    for path in files:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text("x")
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(code, metadata={"tags": [tag]}) for tag, code in cells]
    nbformat.write(notebook, folder / "explore.ipynb")
    monkeypatch.chdir(folder)
    return main(["convert", "explore.ipynb"])


def read(stages: Iterable[str]) -> dict[str, list[str]]:
    deps = {name: yaml.safe_load(Path("dvc.yaml").read_text())["stages"][name]["deps"] for name in stages}
    return {name: [d for d in deps[name] if not d.startswith("cache/") and not d.endswith(".py")] for name in stages}


@pytest.mark.parametrize("name", READS)
def test_what_is_read(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cells, files, wanted = READS[name]
    cells = [*cells, ("report", "print(1)\nopen('report.txt', 'w').write('x')")]
    assert convert(tmp_path, cells, files, monkeypatch) == 0
    assert read(wanted) == wanted
    assert main(["convert", "explore.ipynb"]) == 0
    assert read(wanted) == wanted  # also when the stages are there


@pytest.mark.parametrize(
    ("cells", "files", "code", "severity"),
    [
        pytest.param(
            [("import", "import lib\nlib.process('a.bin')"), ("train", "import lib\nlib.process('a.bin')")],
            [],
            1,
            "NB416 [import] `a.bin` is given to `process`",
            id="two stages and nobody knows",
        ),
        pytest.param(
            [("import", "import lib\nlib.process('a.bin')")],
            [],
            0,
            "NB416 [import] warning: `a.bin` is given to `process`",
            id="one stage: DVC will not keep it",
        ),
        pytest.param(
            [
                ("import", "import lib\nlib.process('a.csv')"),
                ("train", "import pandas as pd\nx = pd.read_csv('a.csv')"),
            ],
            [],
            1,
            "stage `train` uses it too",
            id="a later stage reads it",
        ),
        pytest.param(
            [("import", "import os\nnames = os.listdir('d')"), ("train", "open('d/b.txt', 'w').write(names[0])")],
            ["d/a.txt"],
            0,
            "NB417 [import] warning: `d` is listed here, and stage `train` writes `d/b.txt` there later",
            id="a folder is listed before a stage writes in it",
        ),
        pytest.param(
            [("import", "import os\nnames = os.listdir()"), ("train", "n = len(names)")],
            [],
            0,
            "NB418 [import] warning: the project's own folder is listed",
            id="the project is listed",
        ),
        pytest.param(
            [("import", "open('report/a.txt', 'w').write('x')"), ("report", "import os\nnames = os.listdir('report')")],
            [],
            1,
            "NB418 [report] `report` is listed here, and `report/report.py` of the pipeline",
            id="the folder of a script is listed",
        ),
        pytest.param(
            [
                ("import", "import time\nx = [time.time()]"),
                ("train", "from glob import glob\nnames = glob('**/*.pkl', recursive=True), x"),
            ],
            [],
            1,
            "NB418 [train] `**/*.pkl` is listed here, and `cache/import/x.pkl` of the pipeline",
            id="the cache is listed",
        ),
        pytest.param(
            [
                ("import", "import time\nx = [time.time()]"),
                ("train", "from glob import glob\nnames = glob('*.pkl'), x"),
            ],
            [],
            0,
            "train",
            id="a pattern that stays in its folder",
        ),
        pytest.param(
            [("import", "import shelve\nshelve.open('s')['a'] = 1"), ("train", "b = shelve.open('s')['a']")],
            [],
            1,
            "NB401 [train]",
            id="a shelf, whose files have names that only the machine knows",
        ),
        pytest.param(
            [("import", "!for i in 1 2; do echo $i > o/$i.txt; done"), ("train", "import os\nn = os.listdir('o')")],
            [],
            1,
            "NB403 [train] `o` is listed but is not there, and stage `import` writes files whose paths are not known",
            id="a folder that an unknown command fills",
        ),
        pytest.param(
            [("import", "#| outs: a.csv\nimport lib\nlib.process('a.csv')"), ("train", "x = open('a.csv').read()")],
            [],
            0,
            "stage",
            id="declared",
        ),
    ],
)
def test_what_is_asked(
    cells: Cells,
    files: list[str],
    code: int,
    severity: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert convert(tmp_path, cells, files, monkeypatch) == code
    said = capsys.readouterr()
    assert severity in said.out + said.err
