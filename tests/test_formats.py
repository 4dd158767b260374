"""Formats of cache files that a project asks for: what they keep comes back the same, what they do not stops the stage."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nb2stage.conversion import Project
from nb2stage.files.writer import State
from nb2stage.spine import convert

pd = pytest.importorskip("pandas")
pytest.importorskip("pyarrow")

SETTINGS = 'frames = "parquet"\narrays = "npy"\n'


def run(folder: Path, first: str, second: str) -> str:
    """Convert two cells in a project with these settings and run their scripts; what the first that fails says."""
    (folder / "nb2stage.toml").write_text(SETTINGS)
    cells = [
        {"cell_type": "code", "id": tag, "metadata": {"tags": [tag]}, "source": source, "outputs": []}
        for tag, source in (("train", first), ("report", second))
    ]
    notebook = json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    conversion = convert(notebook.encode(), "nb.ipynb", Project(folder, State()))
    assert not conversion.failed, conversion.diagnostics
    for file in conversion.files:
        (folder / file.path).parent.mkdir(parents=True, exist_ok=True)
        (folder / file.path).write_text(file.text)
    for plan in conversion.stages:
        done = subprocess.run([sys.executable, plan.script], cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            return done.stderr
    return ""


MAKE = "import numpy as np\nimport pandas as pd\n"


@pytest.mark.parametrize(
    "made",
    [
        "df = pd.DataFrame({'a': [1, 2], 'b': ['x', None], 'c': [0.1, -0.0]})",
        "df = pd.DataFrame({'a': pd.Categorical(['x', 'y'], ['y', 'x'], ordered=True)})",
        "df = pd.DataFrame({'a': pd.to_datetime(['2020-01-01', None])}, index=[3, 1])",
        "df = pd.DataFrame({'a': [1.5, 2.5]}, index=pd.Index(['p', 'q'], name='who'))",
        "df = pd.DataFrame({'a': [1, 2]}, index=pd.MultiIndex.from_tuples([(1, 'x'), (2, 'y')], names=['n', 'm']))",
        "df = pd.DataFrame({'a': pd.Categorical(['x', 'y'], ['z', 'y', 'x'])})",
    ],
)
def test_frames_that_come_back_the_same(tmp_path: Path, made: str) -> None:
    assert run(tmp_path, MAKE + made, "pd.to_pickle(df, 'seen.pkl')") == ""
    assert "read_parquet" in (tmp_path / "report/report.py").read_text()
    names = {"pd": pd, "np": np}
    exec(made, names)
    pd.testing.assert_frame_equal(names["df"], pd.read_pickle(tmp_path / "seen.pkl"), check_freq=True)


@pytest.mark.parametrize(
    ("made", "lost"),
    [
        ("df = pd.DataFrame({'a': [[1], [2]]})", "column 'a'"),
        ("df = pd.DataFrame({'a': [(1,), (2,)]})", "column 'a'"),
        ("df = pd.DataFrame([[1, 2]], columns=['a', 'a'])", "uplicate"),
        ("df = pd.DataFrame({'a': [1, 2]}, index=pd.date_range('2020', periods=2))", "index"),
        ("df = pd.DataFrame(np.arange(6.0).reshape(3, 2), columns=['a', 'b'], copy=False)", "order of its numbers"),
        ("df = pd.DataFrame({'a': [1, 'x']})", "not keep df"),
        (
            "df = pd.DataFrame({'a': [1, 2]}, index=pd.MultiIndex([[1, 2], [3, 4]], [[0, 0], [0, 1]]))",
            "its index",
        ),
    ],
)
def test_what_parquet_does_not_keep_stops_the_stage(tmp_path: Path, made: str, lost: str) -> None:
    said = run(tmp_path, MAKE + made, "pd.to_pickle(df, 'seen.pkl')")
    assert lost in said
    assert "Traceback" not in said
    assert not list(tmp_path.glob("cache/train/*"))


@pytest.mark.parametrize(
    "made",
    [
        "x = np.arange(6.0).reshape(2, 3)",
        "x = np.asfortranarray(np.ones((2, 3)))",
        "x = np.array(['a', 'bc']).repeat(2)",
    ],
)
def test_arrays_come_back_the_same(tmp_path: Path, made: str) -> None:
    keep = "import pickle\nwith open('seen.pkl', 'wb') as f:\n    pickle.dump((x, x.flags.c_contiguous), f)"
    assert run(tmp_path, "import numpy as np\n" + made, keep) == ""
    assert 'np.load("cache/train/x.npy")' in (tmp_path / "report/report.py").read_text()
    names = {"np": np}
    exec(made, names)
    seen, contiguous = pd.read_pickle(tmp_path / "seen.pkl")
    assert seen.dtype == names["x"].dtype
    assert contiguous == names["x"].flags.c_contiguous
    assert (seen == names["x"]).all()


@pytest.mark.parametrize(
    "made", ["x = np.array([1, 'a'], dtype=object).repeat(2)", "x = np.ma.masked_equal(np.arange(3), 1)"]
)
def test_what_a_file_of_numpy_does_not_keep_stops_the_stage(tmp_path: Path, made: str) -> None:
    said = run(tmp_path, "import numpy as np\n" + made, "print(x)")
    assert "does not keep" in said
    assert not list(tmp_path.glob("cache/train/*"))
