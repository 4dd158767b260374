"""A notebook gives the same bytes, and the same proposal of tags, in each run: sets have another order in each process."""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from rows import constructs

from nb2stage.cli import main
from nb2stage.project.proposals import proposal_of

SEEDS = ("1", "4")
EXAMPLES = Path(__file__).resolve().parent.parent / "example_notebooks"
SAMPLED = 4


def conversions() -> dict[str, str]:
    """For each construct a digest of what its conversion writes and says, the constructs in any order."""
    found: dict[str, str] = {}
    rows = constructs()
    for row in random.sample(rows, len(rows)):
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            for path, text in row.files.items():
                Path(path).parent.mkdir(parents=True, exist_ok=True)
                Path(path).write_text(text)
            Path("nb.ipynb").write_text(json.dumps(row.notebook()))
            with open("said.txt", "w") as said:  # noqa: PTH123
                sys.stdout = sys.stderr = said
                main(["convert", "nb.ipynb"])
            sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
            files = sorted(path for path in Path.cwd().rglob("*") if path.is_file())
            content = b"".join(str(path.relative_to(folder)).encode() + path.read_bytes() for path in files)
            found[row.name] = hashlib.sha256(content).hexdigest()
            os.chdir("/")
    return found


def proposals() -> dict[str, str]:
    """For each example and some constructs, without their tags, the tags that are proposed."""
    found: dict[str, str] = {}
    rows = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in EXAMPLES.glob("*.ipynb")}
    rows |= {row.name: row.notebook() for row in constructs()[::SAMPLED]}
    for name, notebook in rows.items():
        for cell in notebook["cells"]:
            cell["metadata"] = {}
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "nb.ipynb"
            tags = proposal_of(path, json.dumps(notebook).encode(), Path(folder)).tags
            found[f"tags of {name}"] = json.dumps(sorted(tags.items()))
    return found


@pytest.mark.parametrize("seed", SEEDS[1:])
def test_conversions_are_the_same_in_each_process(seed: str, first: dict[str, str]) -> None:
    """What differs names the rows."""
    again = run(seed)
    assert [name for name in first if first[name] != again[name]] == []


@pytest.fixture(scope="module")
def first() -> dict[str, str]:
    """The digests of one process."""
    return run(SEEDS[0])


def run(seed: str) -> dict[str, str]:
    """The digests that a process with this seed for the hashes of strings comes to."""
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    ran = subprocess.run([sys.executable, __file__], env=environment, capture_output=True, text=True, check=True)
    found: dict[str, str] = json.loads(ran.stdout)
    return found


if __name__ == "__main__":
    print(json.dumps(conversions() | proposals()))  # noqa: T201
