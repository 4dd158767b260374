"""Modules that several scripts share and that are the same in each project: which ones the scripts of a stage need."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from nb2stage.planning.definitions import FOLDER
from nb2stage.planning.stageplan import CacheFile

SAVING = "saving"
NANS = "nans"
REPORT = "markdown_report"
FIGURES = "saved_figures"


def companion_folder(is_taken: Callable[[str], bool]) -> str:
    """The folder of these modules: that of the definitions, or another where the project has something of that name."""
    folder = FOLDER
    while is_taken(folder):
        folder += "_"
    return folder


def companions_of(saves: Iterable[CacheFile]) -> list[str]:
    """The modules without which a stage cannot save its values."""
    found = set()
    for file in saves:
        if file.format.keeper[0]:
            found.add(file.format.keeper[0])
        if is_tried(file):
            found.add(SAVING)
        if keeps_nan(file):
            found.add(NANS)
    return sorted(found)


def is_tried(file: CacheFile) -> bool:
    """Whether it turns out only when a file is saved that this cannot be."""
    known = (
        file.format.name == "joblib"
        or file.format.asked
        or (file.format.name == "pandas" and not file.transfer.keeps_nan)
    )
    return bool(file.transfer.untried and not known)


def keeps_nan(file: CacheFile) -> bool:
    """Whether a file is written by a pickler that keeps each NaN one object; those of other formats cannot be told to."""
    return file.transfer.keeps_nan and file.format.name in ("pandas", "pickle")
