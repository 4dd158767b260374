"""A notebook and the values of its parameters -> an executed notebook beside the project's others, by papermill."""

from __future__ import annotations

import logging
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from nb2stage.diagnostics import Diagnostic, Nb2stageError
from nb2stage.files.writer import temporary_name
from nb2stage.reading.tags import CellRole, Role
from nb2stage.records import dataclass, replace
from nb2stage.runs.kernels import line_of_error, needed, not_started
from nb2stage.runs.tuning import Parameter, python_text

EXPLORATION: Final = "data_exploration"
SEARCH: Final = "hpo"
_ENGINE: Final = "nb2stage"


@dataclass(frozen=True)
class Plan:
    """What is run: the notebook as it will be executed, with the cell of the original behind each of its cells."""

    document: Any
    cells: tuple[int | None, ...]  # None: the cell that gives the values
    stages: tuple[str | None, ...]


@dataclass(frozen=True)
class Outcome:
    """What came out: the executed notebook, and where it failed if it did."""

    output: Path
    failure: Diagnostic | None = None


def with_values(
    document: Any,
    roles: Sequence[CellRole],
    parameters: Mapping[str, Parameter],
    values: Mapping[str, Any],
    until: str | None = None,
) -> Plan:
    """The notebook with a cell behind each `parameters` cell that gives its names their values.

    `document` is nbformat's.  `until` names the last stage that is to run.  Raises `Nb2stageError` for a stage that
    the notebook does not have.
    """
    nbformat: Any = needed("nbformat", "run", "pip install papermill ipykernel")
    by_cell = {role.cell.index: role for role in roles}
    last = len(document.cells)
    if until is not None:
        mine = [role.cell.index for role in roles if role.stage == until]
        if not mine:
            known = dict.fromkeys(role.stage for role in roles if role.stage)
            hint = f"it has {', '.join(f'`{name}`' for name in known)}" if known else "no cell has a stage tag"
            raise Nb2stageError(Diagnostic("NB810", f"the notebook has no stage `{until}`", hint))
        last = max(mine)
    cells: list[Any] = []
    numbers: list[int | None] = []
    for number, cell in enumerate(document.cells[:last], start=1):
        cells.append(cell)
        numbers.append(number)
        role = by_cell.get(number)
        if role is not None and role.role is Role.PARAMETERS:
            names = [name for name in values if parameters[name].cell == number]
            if names:
                lines = ["# Parameters", *(f"{name} = {python_text(values[name])}" for name in names)]
                given = nbformat.v4.new_code_cell("\n".join(lines), metadata={"tags": ["injected-parameters"]})
                if document.nbformat_minor < 5:
                    given.pop("id", None)
                cells.append(given)
                numbers.append(None)
    document = nbformat.from_dict({**document, "cells": cells})
    stages = (by_cell[n].stage if n in by_cell else None for n in numbers)
    return Plan(document, tuple(numbers), tuple(stages))


def free_path(folder: Path, stem: str) -> Path:
    """`explore_1.ipynb`, or the next number that is free."""
    number = 1
    while (folder / f"{stem}_{number}.ipynb").exists():
        number += 1
    return folder / f"{stem}_{number}.ipynb"


def execute(
    plan: Plan, path: str, kernel: str, folder: Path, output: Path, progress: Callable[[str, float], None]
) -> Outcome:
    """Run the notebook in a folder; the executed notebook stands at `output` afterwards, also one that failed.

    papermill writes the notebook after each cell; it does so into a temporary folder, so that `output` is always whole.
    Raises `Nb2stageError` where the kernel does not start; nothing is written then.
    """
    papermill: Any = needed("papermill", "run", "pip install papermill ipykernel")
    _register(papermill, plan, progress)
    with tempfile.TemporaryDirectory(prefix="nb2stage-run-", ignore_cleanup_errors=True) as temporary:
        written = Path(temporary) / output.name
        try:
            with _quiet():
                papermill.execute_notebook(
                    plan.document,
                    str(written),
                    engine_name=_ENGINE,
                    kernel_name=kernel,
                    progress_bar=False,
                    cwd=str(folder),
                    extra_arguments=["--log-level=CRITICAL"],  # or the kernel remarks on its own connection
                )
        except papermill.exceptions.PapermillExecutionError as error:
            return Outcome(output, failed_cell(plan, path, error))
        except Exception as error:
            # papermill and what it uses raise whatever a kernel makes them stumble over.
            if not _begun:
                finding = not_started(kernel, error).diagnostics[0]
                raise Nb2stageError(replace(finding, path=path)) from None
            return Outcome(output, _failed_kernel(plan, path, error))
        finally:
            if written.exists() and _begun:
                _move(written, output)
    return Outcome(output)


def failed_cell(plan: Plan, path: str, error: Any) -> Diagnostic:
    """The finding about a cell that raised an error."""
    number = plan.cells[error.cell_index]
    stage = plan.stages[error.cell_index]
    line = line_of_error(error.traceback)
    hint = "mend the cell; what ran before it is in the executed notebook"
    if number is None:
        hint = "a value that was given does not fit: look at params.yaml and the options"
    message = f"the cell fails: {error.ename}: {error.evalue}"
    return Diagnostic("NB804", message, hint, path=path, cell=number, line=line, stage=stage)


def _failed_kernel(plan: Plan, path: str, error: Exception) -> Diagnostic:
    if type(error).__name__ == "DeadKernelError":
        number = _begun[-1]
        hint = "it may have run out of memory, or a library ended the process"
        return Diagnostic(
            "NB803", "the kernel died here", hint, path=path, cell=plan.cells[number], stage=plan.stages[number]
        )
    message = f"the notebook could not be run: {type(error).__name__}: {str(error).strip() or 'no reason given'}"
    return Diagnostic("NB802", message, "see whether it runs in Jupyter", path=path)


_begun: list[int] = []  # the cells of the run that have begun


def _register(papermill: Any, plan: Plan, progress: Callable[[str, float], None]) -> None:
    """papermill's own engine, which says what it runs."""

    class Engine(papermill.engines.NBClientEngine):  # type: ignore[misc]
        @classmethod
        def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **options: Any) -> Any:
            start = nb_man.cell_start

            def cell_start(cell: Any, cell_index: int | None = None, **rest: Any) -> Any:
                if cell_index is not None:
                    _begun.append(cell_index)
                    number, stage = plan.cells[cell_index], plan.stages[cell_index]
                    what = "parameters" if number is None else f"cell {number}"
                    progress(f"stage {stage}, {what}" if stage else what, cell_index / len(plan.cells))
                return start(cell, cell_index, **rest)

            nb_man.cell_start = cell_start
            return super().execute_managed_notebook(nb_man, kernel_name, **options)

    _begun.clear()
    papermill.engines.papermill_engines.register(_ENGINE, Engine)


class _quiet:  # noqa: N801 -- a context manager
    """Within, the libraries that run a kernel keep their remarks to themselves."""

    def __enter__(self) -> None:
        self.caught = warnings.catch_warnings()
        self.caught.__enter__()
        warnings.simplefilter("ignore")
        logging.disable(logging.CRITICAL)

    def __exit__(self, *details: object) -> None:
        logging.disable(logging.NOTSET)
        self.caught.__exit__(None, None, None)


def _move(source: Path, target: Path) -> None:
    """Put a whole file in its place at once."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(temporary_name())
    try:
        temporary.write_bytes(source.read_bytes())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
