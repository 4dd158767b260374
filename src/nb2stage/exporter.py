"""`jupyter nbconvert --to nb2stage explore.ipynb`: what `nb2stage convert` does, behind the door that people know.

nbconvert's own writer overwrites what is there.  So `nb2stage convert` writes the files, all or none, and merges hand
edits; nbconvert gets the text of dvc.yaml, which it prints (`--stdout`) or puts where it lies already.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
from pathlib import Path
from typing import Any

from nb2stage.commands.convert import Shown, print_run
from nb2stage.console.streams import Console
from nb2stage.files.writer import read_text
from nb2stage.project.converting import Wanted, converted

Exporter: Any = importlib.import_module("nbconvert.exporters").Exporter


class PipelineExporter(Exporter):  # type: ignore[misc]
    """A tagged notebook -> scripts and dvc.yaml, in the project folder."""

    file_extension = ".yaml"
    output_mimetype = "application/yaml"
    export_from_notebook = "DVC pipeline"

    def from_filename(self, filename: str, resources: Any = None, **_: Any) -> tuple[str, Any]:
        """Convert a notebook file; the text of dvc.yaml, and where nbconvert has to put it.

        Ends the process with the exit code of `nb2stage convert` where that refuses the notebook.  With `--stdout`
        nothing is written.
        """
        is_printed = "Stdout" in str(self.config.NbConvertApp.get("writer_class", ""))
        folder = str(self.config.FilesWriter.get("build_directory") or "")
        wanted = Wanted([Path(filename)], Path(folder) if folder else None, preview=is_printed)
        with contextlib.redirect_stdout(sys.stderr):
            run = converted(wanted)
            if code := print_run(run, Console(), Shown()):
                raise SystemExit(code)
        planned = {change.path: change.after for change in run.changes}
        text = planned.get("dvc.yaml") or read_text(run.root, "dvc.yaml") or ""
        resources = resources if resources is not None else {}
        resources["unique_key"] = str(run.root / "dvc")
        resources["output_extension"] = self.file_extension
        return text, resources

    def from_file(self, file_stream: Any, resources: Any = None, **options: Any) -> tuple[str, Any]:
        """Not without a file: its name stands in the scripts, and they go into its project."""
        name = str(getattr(file_stream, "name", ""))
        if not Path(name).is_file():
            print("nb2stage: name the notebook file: its scripts go into its project", file=sys.stderr)  # noqa: T201
            raise SystemExit(2)
        return self.from_filename(name, resources, **options)
