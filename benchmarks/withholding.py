"""Runs the stages of a pipeline, and each of them again with one loaded name after the other withheld.

A process of its own for `bench_precision`: `python benchmarks/withholding.py REQUEST ANSWER`, started in the folder of
the pipeline.  The libraries that the scripts import are imported once, then each run is a fork of this process.

A withheld name is bound to a value that fails at whatever is done with it, save that it can be saved again.  In the
place of a random state comes another one, in the place of the state of a definition none.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import json
import os
import pickle
import random
import signal
import sys
import tempfile
import time
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from differential import hash_of, remove, snapshot

from nb2stage.probes.digests import digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WITHHELD: Final = "withheld"  # the digest of a value that was withheld and is handed on as it is
SEED: Final = 987654321
# Modules that may ask a withheld value for its class: they save it, and do nothing else with it.
SAVERS: Final = frozenset({"joblib", "pickle", "cloudpickle"})


class WithheldError(Exception):
    """A stage has used a value that was withheld."""


class Withheld:
    """Stands in the place of a value that is withheld."""

    def __getattribute__(self, name: str) -> Any:
        if name == "__reduce_ex__" or (name == "__class__" and _caller() in SAVERS):
            return object.__getattribute__(self, name)
        raise WithheldError(name)

    def __reduce_ex__(self, _: Any) -> tuple[type[Withheld], tuple[()]]:
        return Withheld, ()


def _caller() -> str:
    return str(sys._getframe(2).f_globals.get("__name__", "")).partition(".")[0]


def _fails(*_: Any, **__: Any) -> Any:
    raise WithheldError


# Operators pass `__getattribute__` by; those that `object` has would give a value.
for _name in ("eq", "ne", "lt", "le", "gt", "ge", "hash", "bool", "repr", "str", "format", "len", "iter", "call"):
    setattr(Withheld, f"__{_name}__", _fails)


def other_state(name: str) -> Any:
    """A random state that is not that of the notebook."""
    if name == "<numpy random state>":
        import numpy as np

        return np.random.RandomState(SEED).get_state()
    if name == "<torch random state>":
        torch = importlib.import_module("torch")
        return torch.manual_seed(SEED).get_state()
    return random.Random(SEED).getstate()


def replaced(value: Any, name: str, file: dict[str, Any]) -> Any:
    """The content of a cache file with one name's value withheld."""
    instead = {} if name in file["states"] else other_state(name) if name.startswith("<") else Withheld()
    names = file["names"]
    if file["by_name"]:
        return {**value, name: instead}
    if len(names) == 1:
        return instead
    return tuple(instead if each == name else part for each, part in zip(names, value, strict=True))


def parts_of(value: Any, file: dict[str, Any]) -> dict[str, Any]:
    """The values of a cache file by their names."""
    if file["by_name"]:
        return dict(value)
    return dict(zip(file["names"], [value] if len(file["names"]) == 1 else value, strict=True))


@contextlib.contextmanager
def withholding(name: str, file: dict[str, Any]) -> Iterator[None]:
    """While this lasts, what loads the file gets it without the name's value."""
    import joblib
    import pandas as pd

    path = Path(file["path"])

    def patched(load: Callable[..., Any], is_it: Callable[[Any], bool]) -> Callable[..., Any]:
        def instead(given: Any, *args: Any, **kwargs: Any) -> Any:
            value = load(given, *args, **kwargs)
            return replaced(value, name, file) if is_it(given) else value

        return instead

    def is_path(given: Any) -> bool:
        return isinstance(given, str | os.PathLike) and Path(given) == path

    real = pickle.load, joblib.load, pd.read_pickle
    pickle.load = patched(real[0], lambda given: is_path(getattr(given, "name", None)))
    joblib.load, pd.read_pickle = patched(real[1], is_path), patched(real[2], is_path)
    try:
        yield
    finally:
        pickle.load, joblib.load, pd.read_pickle = real


def read(file: dict[str, Any]) -> Any:
    """The content of a cache file that a stage has written."""
    path = Path(file["path"])
    if path.suffix == ".joblib":
        return importlib.import_module("joblib").load(path)
    return pickle.loads(path.read_bytes())


def digests_of(file: dict[str, Any]) -> dict[str, str]:
    """A digest for each value of a cache file."""
    parts = parts_of(read(file), file)
    return {name: WITHHELD if type(value) is Withheld else digest(value) for name, value in parts.items()}


def run_script(script: str) -> None:
    """Run a stage's script as `python SCRIPT` does; what it defines stays in `__main__`."""
    main = types.ModuleType("__main__")
    main.__dict__.update({"__file__": script, "__builtins__": __builtins__})
    sys.modules["__main__"], sys.argv, sys.path[0] = main, [script], str(Path(script).resolve().parent)
    try:
        exec(compile(Path(script).read_bytes(), script, "exec", dont_inherit=True), main.__dict__)
    except SystemExit as end:
        if end.code:
            raise


def result_of(stage: dict[str, Any], name: str | None, file: dict[str, Any] | None) -> dict[str, Any]:
    """Run a stage here and now, with one name of one file withheld if they are given."""
    started = time.monotonic()
    try:
        with withholding(name, file) if name and file else contextlib.nullcontext():
            run_script(stage["script"])
        sys.stdout.flush()
        seconds = time.monotonic() - started
        missing = [out for out in stage["outs"] if not Path(out).exists()]
        if missing:
            return {"error": f"did not write {missing}", "seconds": seconds}
        outs = {file["path"]: digests_of(file) for file in stage["saves"]}
    except BaseException as error:  # whatever the notebook's code raises
        return {"error": f"{type(error).__name__}: {error}"[:300], "seconds": time.monotonic() - started}
    files = {path: value for path, value in snapshot(Path.cwd()).items() if not path.startswith("cache/")}
    return {"error": "", "seconds": seconds, "outs": outs, "files": files}


def forked(stage: dict[str, Any], limit: float, name: str | None = None, file: Any = None) -> dict[str, Any]:
    """Run a stage in a fork of this process, which ends after `limit` seconds at the latest."""
    for out in stage["outs"]:
        remove(Path(out))
    with tempfile.TemporaryDirectory(prefix="withholding-") as temporary:
        answer, printed = Path(temporary) / "answer.json", Path(temporary) / "printed"
        child = os.fork()
        if child == 0:
            try:
                signal.alarm(max(1, round(limit)))
                with printed.open("wb") as target, Path(os.devnull).open("wb") as nowhere:
                    os.dup2(target.fileno(), 1)
                    os.dup2(nowhere.fileno(), 2)
                    answer.write_text(json.dumps(result_of(stage, name, file)), encoding="utf-8")
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        if not answer.exists():
            return {"error": "no answer: out of time, or it crashed", "seconds": limit}
        result: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
        if not result["error"]:
            result["files"][""] = hash_of(printed)  # what was printed, as one more file
        return result


def import_libraries(stages: list[dict[str, Any]]) -> None:
    """Import what the scripts import from libraries, so that each fork has it."""
    here = Path.cwd()
    for stage in stages:
        for node in ast.walk(ast.parse(Path(stage["script"]).read_bytes())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            for name in names:
                if not list(here.glob(f"**/{name.partition('.')[0]}*")):
                    with contextlib.suppress(Exception):
                        importlib.import_module(name)


def answers(request: dict[str, Any]) -> dict[str, Any]:
    """All runs: `plain` once for each stage in order, then from the last stage to the first `again` and `without`."""
    stages, limit = request["stages"], request["limit"]
    found: dict[str, Any] = {"plain": {}, "again": {}, "without": {}}
    for stage in stages:
        result = found["plain"][stage["name"]] = forked(stage, limit)
        if result["error"]:
            return found
    for stage in reversed(stages):  # so that what a run reads is still what the plain runs have left
        found["again"][stage["name"]] = forked(stage, limit)
        found["without"][stage["name"]] = [
            [file["path"], name, forked(stage, limit, name, file)] for file in stage["loads"] for name in file["takes"]
        ]
    return found


def main(request: Path, answer: Path) -> None:
    """Read what is asked from one file and write what was found to the other."""
    asked = json.loads(request.read_text(encoding="utf-8"))
    import_libraries(asked["stages"])
    answer.write_text(json.dumps(answers(asked)), encoding="utf-8")


if __name__ == "__main__":
    # cached files of a run must find this class by its module, not by that of the script that runs
    import withholding

    withholding.main(Path(sys.argv[1]), Path(sys.argv[2]))
