"""Python programs that start warm: a server has imported pandas, scikit-learn, DVC and their like, and forks.

The tests start some thousand processes, and most of their time went into importing the same libraries.  `start` puts a
folder before the PATH whose `python`, `dvc` and `nb2stage` ask the server to run a program, and lets `sys.executable` be
that `python`.  A program gets what a fresh one would: arguments, folder, environment, files 0 to 2, an unseeded random
state, a `__main__` of its own; signals and exit code pass through.

What is not a script or one of `MODULES`, and what needs an interpreter set up in another way (options, `PYTHON…`
variables, a settings file of matplotlib), runs in a fresh one; so does everything in a test with the mark `cold`.
"""

from __future__ import annotations

import ast
import contextlib
import gc
import importlib
import io
import os
import runpy
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
import types
from pathlib import Path
from typing import Any, Final

IMPORTED: Final = (
    *("numpy", "pandas", "pandas.plotting", "scipy.stats", "scipy.sparse", "joblib", "cloudpickle", "pathlib"),
    *("sklearn.ensemble", "sklearn.linear_model", "sklearn.pipeline", "sklearn.model_selection", "sklearn.cluster"),
    *("sklearn.datasets", "sklearn.metrics", "sklearn.preprocessing", "sklearn.impute", "sklearn.compose"),
    *("matplotlib.figure", "matplotlib.axes", "matplotlib.backends.backend_agg", "matplotlib.dates", "yaml"),
    *("dvc.cli", "dvc.repo", "dvc.repo.reproduce", "dvc.commands.repro", "dvc.commands.status", "dvc.stage.run"),
    *("dvc_data.index", "dvc.output", "dvc.scm", "dvc_objects.fs.local", "dvc.commands.init", "dvc.repo.experiments"),
    *("IPython.core.interactiveshell", "ipykernel.kernelapp", "ipykernel.ipkernel", "nbclient", "nbformat.v4"),
    *("papermill.execute", "ruamel.yaml", "tomlkit", "markdown_it", "jsonschema"),
    *("nb2stage.cli", "nb2stage.spine", "nb2stage.files.writer"),
)
MODULES: Final = ("dvc", "nb2stage", "ipykernel_launcher", "papermill")
ADDRESS: Final = "NB2STAGE_TESTS_WARM"  # the socket of the server
COLD: Final = "NB2STAGE_TESTS_COLD"  # set where nothing shall start warm
# What a library or the interpreter reads once, when it is loaded; and what of it a program gets all the same.
READ_ONCE: Final = ("PYTHON", "LC_", "LANG", "MPLCONFIGDIR", "MATPLOTLIBRC", "PANDAS_", "SKLEARN_")
GIVEN: Final = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTHONHASHSEED")
THREADS: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")

# Loads little, as it runs each time.  It ends as the program ended.
CLIENT: Final = """\
#!{python} -IS
import os, sys
arguments = {before} + sys.argv[1:]
def cold():
    os.execv({python!r}, [{python!r}, *arguments])
kind = arguments[:2] if arguments[:1] == ["-m"] else arguments[:1]
address = os.environ.get("{ADDRESS}")
if not address or os.environ.get("{COLD}") or os.path.exists("matplotlibrc"):
    cold()
if not (kind[0:1] == ["-m"] and kind[-1] in {MODULES} or kind and kind[0].endswith(".py")):
    cold()
once = {{k: v for k, v in os.environ.items() if k.startswith({READ_ONCE}) and k not in {GIVEN}}}
if once != {known!r} or os.environ.get("PYTHONHASHSEED", "0") != "0":
    cold()
import _socket, signal
ask = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
if ask.fileno() < 3:  # one of the standard files is closed
    cold()
try:
    ask.connect(address)
    text = repr((arguments, os.getcwd(), dict(os.environ))).encode("utf-8", "surrogateescape")
    fds = b"".join(n.to_bytes(4, sys.byteorder) for n in (0, 1, 2))
    ask.sendmsg([len(text).to_bytes(8, "big")], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, fds)])
    ask.sendall(text)
except OSError:
    cold()
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
    signal.signal(number, lambda number, _: ask.send(bytes([number])))
answer, parent = b"", os.getppid()
ask.settimeout(1)
while len(answer) < 2:
    try:
        part = ask.recv(2 - len(answer))
    except TimeoutError:
        if kind[-1] == "ipykernel_launcher" and os.getppid() != parent:  # a kernel ends with who started it
            os._exit(1)
        continue
    if not part:
        os._exit(70)
    answer += part
if answer[0]:
    signal.signal(answer[0], signal.SIG_DFL) if answer[0] != signal.SIGKILL else None
    os.kill(os.getpid(), answer[0])
os._exit(answer[1])
"""


# -- for conftest


def start() -> subprocess.Popen[bytes] | None:
    """Start the server, which imports when the first program is asked for, and let all children ask it.

    A process beside others of the same test runner finds it started.
    """
    if not hasattr(os, "fork"):
        return None
    begun = os.environ.get(ADDRESS)
    folder = Path(begun).parent if begun else Path(tempfile.mkdtemp(prefix="warm-"))
    python, sys.executable = sys.executable, str(folder / "python")
    os.environ["PATH"] = os.pathsep.join([str(folder), os.environ.get("PATH", "")])
    if begun:
        return None
    os.environ[ADDRESS] = str(folder / "socket")
    known = {k: v for k, v in os.environ.items() if k.startswith(READ_ONCE) and k not in GIVEN}
    for name, before in {"python": [], "dvc": ["-m", "dvc"], "nb2stage": ["-m", "nb2stage"]}.items():
        program = folder / name
        values = {"python": python, "before": before, "known": known, "ADDRESS": ADDRESS, "COLD": COLD}
        program.write_text(CLIENT.format(**values, MODULES=MODULES, READ_ONCE=READ_ONCE, GIVEN=GIVEN))
        program.chmod(0o755)
    server = socket.socket(socket.AF_UNIX)
    server.bind(os.environ[ADDRESS])
    server.listen(64)
    command = [python, __file__, str(server.fileno()), str(folder)]
    started = subprocess.Popen(
        command,
        pass_fds=[server.fileno()],
        stdin=subprocess.PIPE,  # it ends with this
        env={**os.environ, "PYTHONHASHSEED": "0"},
        start_new_session=True,
    )
    server.close()
    return started


# -- the server


class Server:
    """Takes requests, forks, passes signals on and exit codes back."""

    def __init__(self, listening: socket.socket, folder: Path) -> None:
        self.listening, self.folder = listening, folder
        self.selector = selectors.DefaultSelector()
        self.asking: dict[int, socket.socket] = {}  # by process
        self.warm = False
        self.ended, wake = socket.socketpair()
        for end in (self.ended, wake):
            end.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
        self.wake = wake

    def serve(self) -> None:
        """Until the process that started it closes the pipe, or is gone."""
        self.selector.register(sys.stdin, selectors.EVENT_READ)
        self.selector.register(self.listening, selectors.EVENT_READ)
        self.selector.register(self.ended, selectors.EVENT_READ)
        while True:
            for key, _ in self.selector.select():
                if key.fileobj is sys.stdin:
                    shutil.rmtree(self.folder, ignore_errors=True)
                    return
                if key.fileobj is self.listening:
                    self.begin()
                elif key.fileobj is self.ended:
                    with contextlib.suppress(BlockingIOError):
                        self.ended.recv(4096)
                    self.reap()
                elif key.data in self.asking:
                    self.pass_on(key.data)

    def begin(self) -> None:
        """Fork one program."""
        if not self.warm:
            for name in IMPORTED:
                with contextlib.suppress(ImportError):
                    importlib.import_module(name)
            gc.freeze()
            self.warm = True
        connection, _ = self.listening.accept()
        try:
            head, fds, _, _ = socket.recv_fds(connection, 8, 3)
            request = _received(connection, int.from_bytes(head, "big"))
        except OSError:  # who asked is gone
            connection.close()
            return
        pid = os.fork()
        if pid == 0:
            self.selector.close()
            for end in (self.listening, self.ended, self.wake, connection, *self.asking.values()):
                end.close()
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _run(request, fds)
        for fd in fds:
            os.close(fd)
        self.asking[pid] = connection
        self.selector.register(connection, selectors.EVENT_READ, pid)

    def pass_on(self, pid: int) -> None:
        """A signal for a program; or whoever asked for it is gone: it ends as well."""
        try:
            numbers = self.asking[pid].recv(16)
        except OSError:
            numbers = b""
        if not numbers:
            self.selector.unregister(self.asking.pop(pid))
        for number in numbers or [signal.SIGKILL]:
            with contextlib.suppress(OSError):
                os.killpg(pid, number)

    def reap(self) -> None:
        """Tell how programs ended."""
        with contextlib.suppress(ChildProcessError):
            while (found := os.waitpid(-1, os.WNOHANG))[0]:
                pid, status = found
                if connection := self.asking.pop(pid, None):
                    code = os.waitstatus_to_exitcode(status)
                    self.selector.unregister(connection)
                    with contextlib.suppress(OSError):
                        connection.sendall(bytes([-code, 0] if code < 0 else [0, code]))
                    connection.close()


def _received(connection: socket.socket, length: int) -> bytes:
    data = b""
    while len(data) < length:
        part = connection.recv(length - len(data))
        if not part:
            raise ConnectionResetError
        data += part
    return data


# -- one program, in the forked process


def _run(request: bytes, fds: list[int]) -> None:
    """Become the program that is asked for; never comes back."""
    code = 1
    try:
        os.setpgid(0, 0)
        arguments, folder, environment = ast.literal_eval(request.decode("utf-8", "surrogateescape"))
        for number, fd in enumerate(fds):
            os.dup2(fd, number)
            os.close(fd)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        time.tzset()
        tempfile.tempdir = None
        sys.stdin, sys.stdout, sys.stderr = _standard_files()
        sys.dont_write_bytecode = "PYTHONDONTWRITEBYTECODE" in environment
        sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr
        if "ipykernel_launcher" in arguments:  # what it reads when it is loaded
            os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
            arguments.append(f"--IPKernelApp.parent_handle={os.getppid()}")
        _set_up()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        code = _program(arguments)
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(BaseException):
            _end()
        os._exit(code)


def _standard_files() -> tuple[io.TextIOWrapper, io.TextIOWrapper, io.TextIOWrapper]:
    """As an interpreter opens them."""
    files = []
    for number, mode, errors in ((0, "r", "strict"), (1, "w", "strict"), (2, "w", "backslashreplace")):
        files.append(open(number, mode, errors=errors, closefd=False))  # noqa: SIM115
    files[1].reconfigure(line_buffering=os.isatty(1), write_through="PYTHONUNBUFFERED" in os.environ)
    files[2].reconfigure(line_buffering=True)
    return files[0], files[1], files[2]


def _set_up() -> None:
    """What libraries do when they are loaded and what depends on the process."""
    import random

    random.seed()
    sys.modules["numpy"].random.seed()
    if counts := [int(count) for name in THREADS if (count := os.environ.get(name, "")).isdecimal()]:
        from threadpoolctl import threadpool_limits

        threadpool_limits(min(counts))
    from matplotlib import rcParams, rcsetup

    if backend := os.environ.get("MPLBACKEND"):
        rcParams["backend"] = backend
    else:
        dict.__setitem__(rcParams, "backend", rcsetup._auto_backend_sentinel)


def _program(arguments: list[str]) -> int:
    """`python ARGUMENTS`; the exit code."""
    main = types.ModuleType("__main__")
    main.__dict__["__builtins__"] = __builtins__
    sys.modules["__main__"] = main
    importlib.invalidate_caches()
    try:
        if arguments[0] == "-m":
            sys.argv, sys.path[0] = arguments[1:], os.getcwd()  # noqa: PTH109
            if arguments[1] in ("nb2stage", "papermill"):  # what these start may start warm as well
                sys.executable = str(Path(os.environ[ADDRESS]).parent / "python")
            runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
        else:
            sys.argv, sys.path[0] = arguments, os.path.dirname(os.path.realpath(arguments[0]))  # noqa: PTH120
            main.__file__ = os.path.abspath(arguments[0])  # noqa: PTH100
            with open(arguments[0], "rb") as file:  # noqa: PTH123
                source = file.read()
            exec(compile(source, main.__file__, "exec", dont_inherit=True), main.__dict__)
    except SystemExit as stop:
        if stop.code is None or isinstance(stop.code, int):
            return (stop.code or 0) & 255
        sys.stderr.write(f"{stop.code}\n")
        return 1
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        traceback.print_exc()
        os.kill(os.getpid(), signal.SIGINT)
    except BaseException as error:
        places = error.__traceback__
        while places and places.tb_frame.f_code.co_filename in (__file__, runpy.__file__, "<frozen runpy>"):
            places = places.tb_next
        sys.excepthook(type(error), error.with_traceback(places), places)
        return 1
    return 0


def _end() -> None:
    """What an interpreter does when it ends, without taking the modules down."""
    import atexit
    import threading

    threading._shutdown()
    atexit._run_exitfuncs()
    main: Any = sys.modules.get("__main__")
    if main:
        main.__dict__.clear()
    gc.collect()
    sys.stdout.flush()
    sys.stderr.flush()


if __name__ == "__main__":
    Server(socket.socket(fileno=int(sys.argv[1])), Path(sys.argv[2])).serve()
