"""The notebook's side: called by cells of our own between those of the notebook, silently and without history."""

from __future__ import annotations

import base64
import io
import os
from typing import Any

from . import capturing, digests

ROOM = 200 * 10**6
_settings: list[capturing.Settings] = []


def start(project: str) -> None:
    """Before the first cell: note the settings, and have figures drawn as `savefig` draws them in a script."""
    digests.HERE = os.path.realpath(project)
    _settings.append(capturing.Settings())
    shell = _shell()
    if shell is None:
        return
    original = shell.display_formatter.format

    def with_plain_figures(obj: Any, include: Any = None, exclude: Any = None) -> Any:
        if not digests.is_a(obj, "matplotlib.figure", "Figure"):
            return original(obj, include, exclude)
        png = io.BytesIO()
        obj.savefig(png, format="png")
        return {"text/plain": repr(obj), "image/png": base64.b64encode(png.getvalue()).decode()}, {}

    shell.display_formatter.format = with_plain_figures


def _shell() -> Any:
    from IPython import get_ipython

    return get_ipython()


def boundary(namespace: dict[str, Any], request: str) -> None:
    """After a stage's last cell: write what the plan asks for, and keep the values that the stage has differently."""
    started = capturing.now()
    memory = capturing.peak_memory()
    wanted = capturing.read_json(request)
    capture = capturing.Capture(namespace, wanted["folder"], ROOM)
    values: dict[str, str] = {}
    for name in wanted["names"]:
        if capture.has(name):
            values[name] = _digest(capture, name, wanted)
    answer = {
        "values": values,
        "sharing": {
            path: capturing.sharing({name: namespace[name] for name in names if name in namespace})
            for path, names in wanted["groups"].items()
        },
        "settings": {domain: _settings[0].of(domain) for domain in wanted["settings"]},
        "metrics": capture.metrics(wanted["metrics"]),
        "doubts": capture.doubts,
        "stored": capture.stored,
        "kept_out": capture.kept_out,
        "memory": memory,
        "seconds": capturing.now() - started,
    }
    capturing.write_json(wanted["answer"], answer)


def _digest(capture: capturing.Capture, name: str, wanted: dict[str, Any]) -> str:
    value = capture.value(name)
    keys = wanted["definitions"].get(name)
    if keys is not None and capturing.is_definition(value):
        value = capturing.state_of_definition(value, keys)
    found: str = capture.digest(name, value)
    other = wanted["known"].get(name)
    if other is not None and other != found:
        capture.keep(name, value)
        # What a library drops from a value when it is pickled, no stage can have: whether that matters is not known.
        if name in capture.stored and other in (digests.after_pickling(value, capture.namespace) or []):
            capture.doubts[name] = [*capture.doubts.get(name, []), "what is lost when it is pickled"]
            return str(other)
    return found
