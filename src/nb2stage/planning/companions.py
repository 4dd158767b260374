"""Modules that several scripts share and that are the same in each project: which ones the scripts of a stage need."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from nb2stage.analysis.crossings import Transfer
from nb2stage.planning.definitions import FOLDER

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


def companions_of(saves: Iterable[Transfer]) -> list[str]:
    """The modules without which a stage cannot save its values."""
    found = set()
    for transfer in saves:
        if is_tried(transfer):
            found.add(SAVING)
        if keeps_nan(transfer):
            found |= {SAVING, NANS}
    return sorted(found)


def is_tried(transfer: Transfer) -> bool:
    """Whether it turns out only when a file is saved that this cannot be."""
    return transfer.untried and transfer.kind != "joblib" and (transfer.kind != "pandas" or transfer.keeps_nan)


def keeps_nan(transfer: Transfer) -> bool:
    """Whether a file is written by a pickler that keeps each NaN one object; cloudpickle's cannot be told to."""
    own = transfer.kind in ("cloudpickle", "joblib") or transfer.kind.startswith("torch")
    return transfer.keeps_nan and not own
