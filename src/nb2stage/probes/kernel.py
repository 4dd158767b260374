"""The notebook's side: called by cells of our own between those of the notebook, silently and without history."""

from __future__ import annotations

import os
from typing import Any

from . import capturing, digests

ROOM = 200 * 10**6
_settings: list[capturing.Settings] = []


def start(project: str) -> None:
    """Before the first cell: note the settings."""
    digests.HERE = os.path.realpath(project)
    _settings.append(capturing.Settings())


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
