"""Cells -> a kernel that runs them one by one.  nbclient does the work; this says what its errors mean in the notebook."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any, Final

from nb2stage.diagnostics import Diagnostic, Nb2stageError
from nb2stage.patterns import Pattern
from nb2stage.records import dataclass, field

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
    from pathlib import Path

_ENDING: Final = (signal.SIGINT, signal.SIGTERM)
_ESCAPES: Final = Pattern(r"\x1b\[[0-9;]*[A-Za-z]")
_LINE: Final = Pattern(r"(?:Cell In\s?\[\d+\], line |<ipython-input-[^>]*>[: ](?:line )?)(\d+)")


@dataclass(frozen=True)
class Step:
    """One piece of code that a kernel runs: a cell of the notebook, or a probe between them that leaves no trace."""

    source: str
    cell: int = 0
    stage: str | None = None
    probe: bool = False
    may_fail: bool = False  # an import that perhaps only an untagged cell needs


@dataclass
class Executed:
    """What the steps left behind: seconds and outputs, by step."""

    seconds: list[float] = field(default_factory=list)
    outputs: list[list[Any]] = field(default_factory=list)


class CellFailedError(Exception):
    """A cell of the notebook raised an error."""

    def __init__(self, step: Step, line: int | None, error: str) -> None:
        super().__init__(error)
        self.step, self.line, self.error = step, line, error


def line_of_error(traceback: Sequence[str]) -> int | None:
    """The line of the failing cell, from the traceback that IPython has made."""
    for part in traceback:
        if found := _LINE.search(_ESCAPES.sub("", part)):
            return int(found[1])
    return None


def needed(module: str, command: str, hint: str) -> Any:
    """A library that only the commands need that execute code; a message where it is not installed."""
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError:
        name = module.partition(".")[0]
        message = f"`nb2stage {command}` needs the package `{name}`, which is not installed"
        raise Nb2stageError(Diagnostic("NB801", message, hint)) from None


def kernel_name(metadata: object, path: str, wanted: str | None = None) -> str:
    """The kernel of a notebook, or the one that is wanted; `Nb2stageError` with those that there are where it is none.

    A notebook that names none gets `python3`, the Python that nb2stage runs in.
    """
    from jupyter_client.kernelspec import KernelSpecManager

    spec = metadata.get("kernelspec") if isinstance(metadata, dict) else None
    name = spec.get("name") if isinstance(spec, dict) else None
    known = sorted(KernelSpecManager().find_kernel_specs())
    wanted = wanted or (name if isinstance(name, str) and name else "python3")
    if wanted in known:
        return wanted
    hint = f"choose one of these with --kernel: {', '.join(known)}" if known else "pip install ipykernel"
    raise Nb2stageError(Diagnostic("NB802", f"there is no kernel `{wanted}` here", hint, path=path))


def execute(
    steps: Sequence[Step],
    kernel: str,
    folder: Path,
    environment: Mapping[str, str],
    started: Callable[[Step], None],
) -> Executed:
    """Run the steps in a fresh kernel in a folder.

    Raises `CellFailedError` for a cell that fails, `Nb2stageError` where the kernel does not start or dies.
    The kernel is shut down in every case.
    """
    nbformat: Any = needed("nbformat", "verify", "pip install nbclient ipykernel")
    nbclient: Any = needed("nbclient", "verify", "pip install nbclient ipykernel")
    cells = [nbformat.v4.new_code_cell(step.source) for step in steps]
    for cell, step in zip(cells, steps, strict=True):
        cell.metadata["tags"] = ["raises-exception"] if step.may_fail else []
    result = Executed([0.0] * len(steps), [[] for _ in steps])
    current: list[int] = []  # the steps that have begun
    interrupted: list[bool] = []

    class Client(nbclient.NotebookClient):  # type: ignore[misc]
        @contextlib.asynccontextmanager
        async def async_setup_kernel(self, **options: Any) -> AsyncIterator[None]:
            async with super().async_setup_kernel(**options):
                # nbclient's own handlers shut the kernel down and let the run go on without one.
                loop, task = asyncio.get_running_loop(), asyncio.current_task()

                def interrupt() -> None:
                    interrupted.append(True)
                    if task is not None:
                        task.cancel()

                for number in _ENDING:
                    with contextlib.suppress(RuntimeError, NotImplementedError):
                        loop.add_signal_handler(number, interrupt)
                yield

        async def async_execute_cell(self, cell: Any, cell_index: int, *rest: Any, **options: Any) -> Any:
            step, begin = steps[cell_index], time.perf_counter()
            current.append(cell_index)
            started(step)
            options["store_history"] = not step.probe
            try:
                return await super().async_execute_cell(cell, cell_index, *rest, **options)
            finally:
                result.seconds[cell_index] = time.perf_counter() - begin

    client = Client(
        nbformat.v4.new_notebook(cells=cells),
        timeout=None,
        kernel_name=kernel,
        resources={"metadata": {"path": str(folder)}},
    )
    try:
        with _handlers_kept():
            client.execute(env=dict(environment), stderr=subprocess.DEVNULL)
    except BaseException as error:
        if interrupted:  # whatever a client without a kernel stumbles over
            raise KeyboardInterrupt from None
        if not current and isinstance(error, Exception):
            raise not_started(kernel, error) from None
        raise _meaning(error, steps[current[-1] if current else 0], nbclient.exceptions) from None
    finally:
        # It is shut down by now; of one that did not start, nbclient would stumble over that at the end of the program.
        atexit.unregister(client._cleanup_kernel)
    result.outputs = [list(cell.outputs) for cell in cells]
    return result


@contextlib.contextmanager
def _handlers_kept() -> Iterator[None]:
    """Afterwards, signals are handled as before: asyncio leaves the defaults behind."""
    before = {number: signal.getsignal(number) for number in _ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            with contextlib.suppress(ValueError):  # not the main thread
                signal.signal(number, handler)


def _meaning(error: BaseException, step: Step, exceptions: Any) -> BaseException:
    """An error of nbclient's as one of ours."""
    if isinstance(error, exceptions.CellExecutionError):
        failed: Any = error
        line = line_of_error(failed.traceback.split("\n"))
        return CellFailedError(step, line, f"{failed.ename}: {failed.evalue}")
    if isinstance(error, exceptions.DeadKernelError):
        return _died(step)
    return error


def not_started(kernel: str, error: Exception) -> Nb2stageError:
    """The finding about a kernel that did not come as far as the first cell."""
    reason = str(error).strip() or type(error).__name__
    hint = f"see what `jupyter kernelspec list` says about `{kernel}`, or choose another with --kernel"
    return Nb2stageError(Diagnostic("NB802", f"the kernel `{kernel}` does not start: {reason}", hint))


def _died(step: Step) -> Nb2stageError:
    hint = "it may have run out of memory, or a library ended the process; run the notebook in Jupyter to see"
    return Nb2stageError(Diagnostic("NB803", "the kernel died here", hint, cell=step.cell or None, stage=step.stage))
