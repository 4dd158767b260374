"""What a process has at the end of a stage: digests of values, random states and settings, into a JSON file.

`Capture` is used by both sides, the notebook's kernel (`kernel.py`) and the process of a stage (`stage.py`).
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import pickle
import random
import sys
import time
import types
from typing import TYPE_CHECKING, Any

from . import digests

if TYPE_CHECKING:
    from collections.abc import Callable

SHARED_DEPTH = 6
SHARED_NODES = 20_000
# Variables that differ between a kernel and a script, and say nothing about either.
OWN_VARIABLES = ("JPY_", "PYDEVD", "PYTHON", "MPLBACKEND", "TERM", "CLICOLOR", "PAGER", "GIT_PAGER", "FORCE_COLOR")
OWN_RCPARAMS = frozenset({"backend", "backend_fallback", "interactive"})
DEFAULT = " (default)"
OWN_OPTIONS = frozenset({"display.encoding"})  # pandas takes it from the console


class TooLargeError(Exception):
    """A value takes more bytes than are kept for explaining a difference."""


class Bounded(io.RawIOBase):
    """A file that takes so many bytes and no more."""

    def __init__(self, path: str, room: int) -> None:
        self.file = open(path, "wb")  # noqa: PTH123, SIM115
        self.room = room

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        self.room -= size
        if self.room < 0:
            raise TooLargeError
        self.file.write(data)
        return size

    def close(self) -> None:
        self.file.close()
        super().close()


def store(value: object, path: str, room: int) -> str:
    """Pickle a value for the comparing process; the reason where that cannot be done."""
    try:
        cloudpickle: Any = importlib.import_module("cloudpickle")
    except ImportError:
        cloudpickle = pickle
    # With it a figure's arrays are texts when it is loaded.
    plotly = sys.modules.get("plotly.basedatatypes")
    encoding = getattr(plotly, "convert_to_base64", None)
    try:
        if encoding is not None:
            plotly.convert_to_base64 = lambda data: None  # type: ignore[union-attr]
        with Bounded(path, room) as file:
            # Classes of `__main__` go by value with cloudpickle: the comparing process has another `__main__`.
            cloudpickle.dump(value, file)
    except TooLargeError:
        reason = f"it takes more than {room // 10**6} MB"
    except Exception as error:
        reason = f"it cannot be pickled: {type(error).__name__}: {error}"
    else:
        return ""
    finally:
        if encoding is not None:
            plotly.convert_to_base64 = encoding  # type: ignore[union-attr]
    os.unlink(path)  # noqa: PTH108
    return reason


def state_of(name: str) -> Any:
    """The state of a random generator of the process, by the name that the plan has for it; None where there is none."""
    if name == "<random state>":
        return random.getstate()
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    if name == "<numpy random state>" and numpy is not None:
        return numpy.random.get_state()
    if name == "<torch random state>" and torch is not None:
        return torch.get_rng_state()
    if name == "<torch cuda random state>" and torch is not None:
        return torch.cuda.get_rng_state_all()
    return None


def is_definition(value: object) -> bool:
    """Is this a function or class of the notebook, which a stage has by its source and not from a file?"""
    return isinstance(value, types.FunctionType | type) and digests.is_user_module(value.__module__)


def state_of_definition(value: Any, keys: list[str] | None) -> dict[str, Any]:
    """What a function or class has gathered, as far as `keys` ask for it."""
    found = dict(vars(value))
    if isinstance(value, types.FunctionType):
        found = {"__defaults__": value.__defaults__, "__kwdefaults__": value.__kwdefaults__, **found}
    return {key: found[key] for key in sorted(found) if keys is None or key in keys}


# -- sharing -----------------------------------------------------------------------------------------------------------


def sharing(values: dict[str, Any]) -> list[list[str]]:
    """The places below these names that hold the same changeable object: `[["a", "b[0]"]]`."""
    places: dict[int, list[str]] = {}
    kept: list[object] = []  # or an id could be taken by another object
    todo = [(name, value, 0) for name, value in reversed(list(values.items()))]
    while todo and len(kept) < SHARED_NODES:
        place, value, depth = todo.pop()
        if not _is_changeable(value):
            if type(value) is not tuple:
                continue
        else:
            kept.append(value)
            found = places.setdefault(id(value), [])
            found.append(place)
            if len(found) > 1:
                continue
        if depth < SHARED_DEPTH:
            todo += reversed([(place + step, inner, depth + 1) for step, inner in _inside(value)])
    return sorted(found for found in places.values() if len(found) > 1)


def _is_changeable(value: object) -> bool:
    if isinstance(value, list | dict | set | bytearray) or digests.is_a(value, "numpy", "ndarray"):
        return True
    if digests.is_a(value, "pandas", "DataFrame", "Series"):
        return True
    plain = not isinstance(value, type | types.FunctionType | types.ModuleType | types.MethodType)
    return plain and digests.is_user_module(type(value).__module__) and hasattr(value, "__dict__")


def _inside(value: Any) -> list[tuple[str, Any]]:
    if type(value) in (list, tuple):
        return [(f"[{i}]", item) for i, item in enumerate(value)]
    if type(value) is dict:
        return [(f"[{key!r}]", item) for key, item in value.items()]
    if digests.is_user_module(type(value).__module__):
        return [(f".{key}", item) for key, item in getattr(value, "__dict__", {}).items()]
    return []


# -- settings ----------------------------------------------------------------------------------------------------------


class Settings:
    """Settings of the process, by domain; those of the environment as changes since the process began."""

    def __init__(self) -> None:
        self.environment = dict(os.environ)

    def of(self, domain: str) -> dict[str, str] | None:
        """The settings of one domain as texts; None where they cannot be read."""
        reader = getattr(self, f"of_{domain}", None)
        try:
            return None if reader is None else {str(key): _text(value) for key, value in reader().items()}
        except Exception:
            return None

    def of_matplotlib(self) -> dict[str, Any]:
        matplotlib = sys.modules.get("matplotlib")
        params = {} if matplotlib is None else dict.items(matplotlib.rcParams)
        return {key: value for key, value in params if key not in OWN_RCPARAMS}

    def of_pandas(self) -> dict[str, Any]:
        pandas = sys.modules.get("pandas")
        if pandas is None:
            return {}
        known = sys.modules["pandas._config.config"]._registered_options
        found: dict[str, Any] = {}
        for key, value in _flat(pandas.options.d, "").items():
            # Some defaults are others in a kernel than in a script; what counts is what somebody has set.
            is_default = key in OWN_OPTIONS or (
                key in known and digests.digest(known[key].defval) == digests.digest(value)
            )
            found[key] = Default(value) if is_default else value
        return found

    def of_numpy(self) -> dict[str, Any]:
        numpy = sys.modules.get("numpy")
        return {} if numpy is None else {**numpy.geterr(), **numpy.get_printoptions()}

    def of_sklearn(self) -> dict[str, Any]:
        sklearn = sys.modules.get("sklearn")
        return {} if sklearn is None else dict(sklearn.get_config())

    def of_environ(self) -> dict[str, Any]:
        now, before = os.environ, self.environment
        changed = {key for key in {**now, **before} if now.get(key) != before.get(key)}
        return {key: now.get(key) for key in sorted(changed) if not key.startswith(OWN_VARIABLES)}

    def of_decimal(self) -> dict[str, Any]:
        decimal = sys.modules.get("decimal")
        return {} if decimal is None else {"context": decimal.getcontext()}

    def of_locale(self) -> dict[str, Any]:
        import locale

        return {"locale": locale.setlocale(locale.LC_ALL)}

    def of_recursion(self) -> dict[str, Any]:
        return {"limit": sys.getrecursionlimit()}


class Default:
    """The value of a setting that nobody has changed."""

    def __init__(self, value: object) -> None:
        self.value = value


def _text(value: object) -> str:
    return digests.plain_repr(value.value) + DEFAULT if isinstance(value, Default) else digests.plain_repr(value)


def _flat(values: Any, prefix: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in values.items():
        found.update(_flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value})
    return found


# -- one boundary ------------------------------------------------------------------------------------------------------


class Capture:
    """The names of a process, looked at when a stage has ended."""

    def __init__(self, namespace: dict[str, Any], folder: str, room: int) -> None:
        self.namespace, self.folder, self.room = namespace, folder, room
        self.doubts: dict[str, list[str]] = {}
        self.stored: dict[str, str] = {}  # item -> file with the pickled value
        self.kept_out: dict[str, str] = {}  # item -> why there is no such file

    def has(self, name: str) -> bool:
        return name in self.namespace or (name.startswith("<") and state_of(name) is not None)

    def value(self, name: str) -> Any:
        return state_of(name) if name.startswith("<") else self.namespace[name]

    def digest(self, item: str, value: object) -> str:
        """The digest of a value; what it does not cover is noted."""
        text, doubts = digests.examined(value)
        if doubts:
            self.doubts[item] = doubts
        return text

    def keep(self, item: str, value: object) -> None:
        """Pickle a value, so that a difference can be explained."""
        path = os.path.join(self.folder, f"{len(self.stored) + len(self.kept_out)}.pkl")  # noqa: PTH118
        if reason := store(value, path, self.room):
            self.kept_out[item] = reason
        else:
            self.stored[item] = path

    def metrics(self, names: list[str]) -> dict[str, str]:
        """The numbers among the values of a cell tagged `metrics`, as the script writes them."""
        found = numbers_of({name: self.namespace[name] for name in names if name in self.namespace})
        texts: dict[str, str] = {}
        for name, value in found.items():
            # What is no JSON makes the script fail, which says so itself.
            with contextlib.suppress(TypeError, ValueError, AttributeError):
                texts[name] = json.dumps(value, default=lambda v: v.item())
        return texts


def numbers_of(values: dict[Any, Any]) -> dict[str, Any]:
    """The numbers of a dict, and of the dicts in it."""
    from numbers import Real

    found = {str(k): numbers_of(v) if isinstance(v, dict) else v for k, v in values.items()}
    return {k: v for k, v in found.items() if isinstance(v, Real | dict)}


def peak_memory() -> int:
    """The most memory that this process has had, in bytes; 0 where the system does not tell."""
    try:
        import resource
    except ImportError:
        return 0
    peak: int = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def write_json(path: str, data: object) -> None:
    """Write a JSON file."""
    with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123
        json.dump(data, file, ensure_ascii=True)


def read_json(path: str) -> Any:
    """Read a JSON file."""
    with open(path, encoding="utf-8") as file:  # noqa: PTH123
        return json.load(file)


def reader(form: dict[str, str]) -> Callable[[str], Any]:
    """A function that reads files of a format: no call lies between it and what the format's own line calls."""
    text = f"def read(path):\n    with open(path, 'rb') as file:\n        return {form['load']}\n"
    names: dict[str, Any] = {"module": importlib.import_module(form["module"])}
    exec(text, names)
    read: Callable[[str], Any] = names["read"]
    return read


def now() -> float:
    """A clock that runs on."""
    return time.perf_counter()
