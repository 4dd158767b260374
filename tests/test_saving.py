"""How a script saves: in which order, and what it does when a value turns out not to be savable."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from notebooks import notebook_data

from nb2stage.conversion import Project
from nb2stage.files.writer import State
from nb2stage.spine import convert


def test_a_value_that_cannot_be_saved_is_named_and_leaves_no_file(tmp_path: Path) -> None:
    sources = [
        ("train", "import sched\nplan = sched.scheduler()\nplan.enter(1, 1, print)"),
        ("report", "print(plan.queue)"),
    ]
    cells = [
        {"cell_type": "code", "id": tag, "metadata": {"tags": [tag]}, "source": source, "outputs": []}
        for tag, source in sources
    ]
    notebook = json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    conversion = convert(notebook.encode(), "nb.ipynb", Project(tmp_path, State()))
    for file in conversion.files:
        (tmp_path / file.path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file.path).write_text(file.text)
    done = subprocess.run(
        [sys.executable, "training/train.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "Stage train cannot save plan (scheduler): " in done.stderr
    assert "Make it in the stage that uses it" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob("cache/train/*"))


def test_files_are_saved_in_the_order_in_which_a_stage_makes_them(tmp_path: Path) -> None:
    """What it was given and has changed comes first."""
    make = "b_test, a_train = open('a.txt').read(), open('b.txt').read()\nz = open('c.txt').read()\n"
    make += "m['k'] = z\nb_test = b_test * 2"
    data = notebook_data(
        [
            ("import", "m = dict(line.split() for line in open('m.txt'))"),
            ("split", make),
            ("report", "print(a_train, b_test, z, m)"),
        ]
    )
    made = convert(json.dumps(data).encode(), "nb.ipynb", Project(tmp_path, State()))
    assert not made.failed, made.diagnostics
    (script,) = [file.text for file in made.files if file.path.endswith("/split.py")]
    assert re.findall(r"cache/split/(\w+)\.", script) == ["m", "a_train", "z", "b_test"]
