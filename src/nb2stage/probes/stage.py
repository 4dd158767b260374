"""The pipeline's side: `main` runs the script of a stage, and looks at what it has at its end.

The script runs in the namespace of `__main__` with the path of modules that `python SCRIPT` gives it.
"""

from __future__ import annotations

import ast
import builtins
import os
import sys
from typing import Any

from . import capturing, digests

ROOM = 20 * 10**6


class Clock:
    """How long the lines of a script took that load and save."""

    def __init__(self) -> None:
        self.seconds = {"load": 0.0, "save": 0.0}
        self.began = 0.0

    def start(self) -> None:
        self.began = capturing.now()

    def stop(self, kind: str) -> None:
        self.seconds[kind] += capturing.now() - self.began


def timed(tree: ast.Module, paths: dict[str, str]) -> ast.Module:
    """The script with a call of the clock before and behind each top-level statement that has one of these paths."""
    body: list[ast.stmt] = []
    for statement in tree.body:
        texts = (n.value for n in ast.walk(statement) if isinstance(n, ast.Constant) and isinstance(n.value, str))
        kind = next((paths[text] for text in texts if text in paths), None)
        if kind is None or isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            body.append(statement)
            continue
        body += [_call("start", [], statement), statement, _call("stop", [kind], statement)]
    tree.body = body
    return tree


def _call(method: str, arguments: list[str], beside: ast.stmt) -> ast.stmt:
    clock = ast.Attribute(ast.Name("__nb2stage_clock__", ast.Load()), method, ast.Load())
    call = ast.Expr(ast.Call(clock, [ast.Constant(argument) for argument in arguments], []))
    return ast.fix_missing_locations(ast.copy_location(call, beside))


def run(request: dict[str, Any]) -> tuple[dict[str, Any], Clock]:
    """Run the script in a fresh `__main__`; its names when it has ended, also where it ended with `sys.exit(0)`."""
    main = sys.modules["__main__"]
    namespace = main.__dict__
    for name in [name for name in namespace if not (name.startswith("__") and name.endswith("__"))]:
        del namespace[name]
    script, clock = request["script"], Clock()
    namespace.update(__file__=script, __doc__=None, __name__="__main__")
    builtins.__nb2stage_clock__ = clock  # type: ignore[attr-defined]
    sys.argv = [script, *sys.argv[3:]]  # behind the program are the name of this module and the request
    sys.path[0] = os.path.dirname(os.path.abspath(script))  # noqa: PTH100, PTH120
    with open(script, "rb") as file:  # noqa: PTH123
        tree = timed(ast.parse(file.read(), script), request["paths"])
    try:
        exec(compile(tree, script, "exec", dont_inherit=True), namespace)
    except SystemExit as stop:
        if stop.code not in (None, 0):
            raise
    return namespace, clock


def load(path: str, form: dict[str, str], namespace: dict[str, Any]) -> Any:
    """What a cache file holds, loaded as a script loads it."""
    return digests.loaded(capturing.reader(form), path, namespace)


def look(namespace: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
    """What the stage has in its names and in its cache files."""
    capture = capturing.Capture(namespace, request["folder"], ROOM)
    values: dict[str, str] = {}
    for name in request["names"]:
        if capture.has(name):
            value = capture.value(name)
            values[name] = capture.digest(name, value)
            capture.keep(name, value)
    saved: dict[str, dict[str, str]] = {}
    broken: dict[str, str] = {}
    definitions: dict[str, list[str]] = {}
    shared: dict[str, list[list[str]]] = {}
    for file in request["files"]:
        path, names = file["path"], file["names"]
        try:
            # The script may have changed to the notebook's folder.
            loaded = load(f"{request['project']}/{path}", file["format"], namespace)
        except Exception as error:
            broken[path] = f"{type(error).__name__}: {error}"
            continue
        found = loaded if file["optional"] else dict(zip(names, loaded if len(names) > 1 else [loaded], strict=True))
        shared[path] = capturing.sharing({n: v for n, v in found.items() if not n.startswith("<")})
        for name, value in found.items():
            live = namespace.get(name)
            if isinstance(value, dict) and capturing.is_definition(live):
                definitions[name] = sorted(value)
                value = {key: value[key] for key in sorted(value)}
            saved.setdefault(path, {})[name] = capture.digest(name, value)
    return {
        "values": values,
        "saved": saved,
        "broken": broken,
        "definitions": definitions,
        "sharing": shared,
        "doubts": capture.doubts,
        "stored": capture.stored,
        "kept_out": capture.kept_out,
    }


def main(path: str) -> None:
    """Run and look."""
    request = capturing.read_json(path)
    digests.HERE = os.path.realpath(request["project"])
    settings = capturing.Settings()
    namespace, clock = run(request)
    memory = capturing.peak_memory()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    started = capturing.now()
    answer = {
        "settings": {domain: settings.of(domain) for domain in request["settings"]},
        "memory": memory,
        "clock": clock.seconds,
        **look(namespace, request),
    }
    answer["looking"] = capturing.now() - started
    capturing.write_json(request["answer"], answer)
