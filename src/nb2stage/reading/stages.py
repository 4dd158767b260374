"""The stages that have a name of their own: a table, from which tags, folders, proposals and the help are made."""

from __future__ import annotations

from typing import Final, NamedTuple


class Stage(NamedTuple):
    """A row: the folder of the script in the layout `guideline`, and the name of its file."""

    folder: str
    file: str


# In the order of a pipeline.
TABLE: Final = {
    "import": Stage("data_processing", "import_data"),
    "clean": Stage("data_processing", "clean"),
    "preprocess": Stage("data_processing", "preprocess"),
    "features": Stage("data_processing", "features"),
    "split": Stage("data_processing", "split"),
    "train": Stage("training", "train"),
    "evaluate": Stage("report", "evaluate"),
    "report": Stage("report", "report"),
}
STAGES: Final = tuple(TABLE)
