"""Which runs of rows need not be repeated: of those that passed, the hash of all that they depend on.

A row is converted every time, and what comes of that is judged.  Running notebook and pipeline takes ten times as long
and depends on the notebook, the files beside it, the files that `convert` made, this harness, and what is installed,
and not on nb2stage, which no script imports.  Only what passed is kept, in `.row_cache` of the repository.
"""

from __future__ import annotations

import functools
import hashlib
import locale
import os
import platform
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER: Final = Path(__file__).parents[1] / ".row_cache"
ALL_ROWS: Final = "NB2STAGE_ALL_ROWS"  # set where nothing is left out
HARNESS: Final = (
    "rows.py",
    "case_files.py",
    "trials.py",
    "row_store.py",
    "warm.py",
    "test_constructs.py",
    "test_cases.py",
)
KEPT: Final = 60 * 60 * 24 * 30  # seconds since a run was last of use


@functools.cache
def surroundings() -> str:
    """What all runs depend on: the harness, the interpreter, the machine and all that is installed."""
    here = Path(__file__).parent
    found = [(here / name).read_text(encoding="utf-8") for name in HARNESS]
    found += [
        sys.version,
        platform.platform(),
        str(os.cpu_count()),
        str(locale.setlocale(locale.LC_ALL)),
        str(time.tzname),
    ]
    for folder in sys.path:  # the name of a `.dist-info` has the version
        found += sorted(path.name for path in Path(folder).glob("*.*-info"))
    return hash_of(found)


def hash_of(parts: object) -> str:
    """Of texts, bytes and what holds them."""
    return hashlib.sha256(repr(parts).encode("utf-8", "backslashreplace")).hexdigest()


def key_of(row: object, project: Mapping[str, bytes], codes: object, below: str) -> str:
    """The name of a run: of one row, the files of its converted project, what was found in it, and where it lies."""
    return hash_of((repr(row), sorted(project.items()), codes, below, surroundings()))


def passed(key: str) -> bool:
    """Has this run passed before?"""
    if os.environ.get(ALL_ROWS):
        return False
    try:
        os.utime(FOLDER / key)
    except OSError:
        return False
    return True


def keep(key: str) -> None:
    """It has passed."""
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / key).touch()


def tidy() -> None:
    """Forget what was of no use for long."""
    for path in FOLDER.glob("*"):
        if path.stat().st_mtime < time.time() - KEPT:
            path.unlink(missing_ok=True)
