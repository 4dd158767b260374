"""dvc.lock against the project as it is or will be: which stages `dvc repro` runs, and why.

DVC decides by the hashes of files, the values of parameters and the text of commands.  The same is done here without
DVC: it takes seconds to load, and it cannot be asked about scripts that are not written yet.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nb2stage.files.writer import read_text
from nb2stage.records import dataclass
from nb2stage.texts.yamltext import read_yaml

if TYPE_CHECKING:
    from nb2stage.files.writer import Change

_BLOCK: Final = 1 << 20
_OUTPUTS: Final = ("outs", "metrics", "plots")


@dataclass(frozen=True)
class Reason:
    """Why a stage runs: `kind` is new, command, file, parameter, output, upstream, always or unknown."""

    kind: str
    subject: str  # the path, the key
    text: str


class Pipeline:
    """The stages of a project, with the texts of files that are about to be written."""

    def __init__(self, root: Path, texts: Mapping[str, str] | None = None) -> None:
        self.root, self.texts = root, texts or {}
        self.hashes: dict[str, str | None] = {}
        self.values: dict[str, Any] = {}

    def read(self, path: str) -> str | None:
        return self.texts[path] if path in self.texts else read_text(self.root, path)

    @cached_property
    def stages(self) -> dict[str, Any]:
        text = self.read("dvc.yaml")
        data = read_yaml(text, "dvc.yaml", "NB601") if text else None
        stages = data.get("stages") if isinstance(data, dict) else None
        return {str(name): stage for name, stage in stages.items()} if isinstance(stages, dict) else {}

    @cached_property
    def lock(self) -> dict[str, Any]:
        text = self.read("dvc.lock")
        data = read_yaml(text, "dvc.lock", "NB601") if text else None
        stages = data.get("stages") if isinstance(data, dict) else None
        return stages if isinstance(stages, dict) else {}

    def reasons(self) -> dict[str, list[Reason]]:
        """The reasons for each stage that runs, or may run because of what those before it make."""
        found = {name: self.own_reasons(name, stage) for name, stage in self.stages.items()}
        makers = {out: name for name, stage in self.stages.items() for out in _paths(stage, *_OUTPUTS)}
        frozen = {name for name, stage in self.stages.items() if isinstance(stage, dict) and stage.get("frozen")}
        todo = [name for name in found if found[name]]
        while todo:
            maker = todo.pop(0)
            for name, stage in self.stages.items():
                if name in frozen or maker in {reason.subject for reason in found[name] if reason.kind == "upstream"}:
                    continue
                taken = [dep for dep in _paths(stage, "deps") if _maker(dep, makers) == maker]
                if taken and name != maker:
                    if not found[name]:
                        todo.append(name)
                    found[name].append(Reason("upstream", maker, f"gets {', '.join(taken)} from `{maker}`"))
        return {name: reasons for name, reasons in found.items() if reasons}

    def own_reasons(self, name: str, stage: Any) -> list[Reason]:
        """What has changed for a stage since it ran last, by itself."""
        if not isinstance(stage, dict) or any(key in stage for key in ("foreach", "matrix", "vars", "wdir")):
            return [Reason("unknown", name, "it is a template or has a folder of its own: ask `dvc status`")]
        if stage.get("frozen"):
            return []
        if stage.get("always_changed"):
            return [Reason("always", name, "it is `always_changed`")]
        before = self.lock.get(name)
        if not isinstance(before, dict):
            return [Reason("new", name, "it has not run yet")]
        found = []
        if before.get("cmd") != stage.get("cmd"):
            found.append(Reason("command", name, f"its command was `{before.get('cmd')}`"))
        return [
            *found,
            *self.changed_files(stage, before),
            *self.changed_params(stage, before),
            *self.changed_outs(stage, before),
        ]

    def changed_files(self, stage: Mapping[str, Any], before: Mapping[str, Any]) -> list[Reason]:
        """The deps that are not as they were."""
        known = {entry["path"]: entry for entry in before.get("deps", ())}
        found = []
        for path in _paths(stage, "deps"):
            if path not in known:
                found.append(Reason("file", path, f"{path} is new among its deps"))
            elif (now := self.hash(path, known[path])) is None:
                made = any(path in _paths(other, *_OUTPUTS) for other in self.stages.values())
                found += [] if made else [Reason("file", path, f"{path} is missing")]
            elif now != known[path].get("md5"):
                found.append(Reason("file", path, f"{path} has changed"))
        gone = [path for path in known if path not in _paths(stage, "deps")]
        return found + [Reason("file", path, f"{path} is no dep any more") for path in gone]

    def changed_params(self, stage: Mapping[str, Any], before: Mapping[str, Any]) -> list[Reason]:
        """The parameters that have another value than in the last run."""
        found = []
        for file, keys in _params_of(stage).items():
            known = before.get("params", {}).get(file, {})
            for key in keys:
                now, then = self.value(file, key), known.get(key)
                if key not in known:
                    found.append(Reason("parameter", key, f"{key} is new among its parameters"))
                elif now != then or type(now) is not type(then):
                    found.append(Reason("parameter", key, f"{key}: {_short(then)} -> {_short(now)}"))
            found += [Reason("parameter", key, f"{key} is no parameter any more") for key in known if key not in keys]
        return found

    def changed_outs(self, stage: Mapping[str, Any], before: Mapping[str, Any]) -> list[Reason]:
        """The outs that are not as the last run left them."""
        known = {entry["path"]: entry for entry in before.get("outs", ())}
        found = []
        for path in _paths(stage, *_OUTPUTS):
            if path not in known:
                found.append(Reason("output", path, f"{path} is new among its outs"))
            elif (now := self.hash(path, known[path])) is None:
                found.append(
                    Reason("output", path, f"{path} is missing (DVC takes it from its cache where it is there)")
                )
            elif now != known[path].get("md5"):
                found.append(Reason("output", path, f"{path} is not as the stage left it"))
        return found

    def value(self, file: str, key: str) -> Any:
        if file not in self.values:
            text = self.read(file)
            self.values[file] = (
                read_yaml(text, file, "NB551") if text and file.endswith((".yaml", ".yml", ".json")) else None
            )
        value = self.values[file]
        for part in key.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        return value

    def hash(self, path: str, known: Mapping[str, Any]) -> str | None:
        """The MD5 of a file or folder as DVC counts it; `None` for what is not there."""
        if path not in self.hashes:
            self.hashes[path] = self.compute(path, known)
        return self.hashes[path]

    def compute(self, path: str, known: Mapping[str, Any]) -> str | None:
        if path in self.texts:
            return hashlib.md5(self.texts[path].encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest()
        file = self.root / path
        if file.is_dir():
            files = sorted(p for p in file.rglob("*") if p.is_file())
            entries = [{"md5": _md5(p), "relpath": p.relative_to(file).as_posix()} for p in files]
            entries.sort(key=lambda entry: tuple(str(entry["relpath"]).split("/")))
            return hashlib.md5(json.dumps(entries, sort_keys=True).encode(), usedforsecurity=False).hexdigest() + ".dir"
        if not file.is_file():
            return None
        if known.get("size") is not None and known["size"] != file.stat().st_size:
            return "another size"
        return _md5(file)


def _md5(path: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _paths(stage: Any, *fields: str) -> list[str]:
    """The paths under deps, outs and the like of a stage, with or without flags."""
    entries = [e for field in fields for e in (stage.get(field) or () if isinstance(stage, dict) else ())]
    return [os.path.normpath(str(next(iter(e)) if isinstance(e, dict) else e).replace("\\${", "${")) for e in entries]


def _maker(path: str, makers: Mapping[str, str]) -> str | None:
    """The stage that writes a path, or the folder that it is in."""
    return next((name for out, name in makers.items() if path == out or path.startswith(out + "/")), None)


def _params_of(stage: Mapping[str, Any]) -> dict[str, list[str]]:
    result: dict[str, list[str]] = {}
    for entry in stage.get("params") or ():
        if isinstance(entry, dict):
            for file, keys in entry.items():
                result.setdefault(str(file), []).extend(map(str, keys or ()))
        else:
            result.setdefault("params.yaml", []).append(str(entry))
    return result


def _short(value: object) -> str:
    text = "nothing" if value is None else json.dumps(value, default=str)
    return text if len(text) <= 40 else text[:37] + "..."


def only_comments_changed(root: Path, changes: Sequence[Change]) -> list[str]:
    """The stages that would run for nothing but comments and layout of scripts, once these changes are written.

    For them `dvc commit -f STAGE` is right: nothing else about them has changed since they ran.
    """
    from nb2stage.files.merge import only_comments

    scripts = {
        c.path for c in changes if c.path.endswith(".py") and c.before and c.after and only_comments(c.before, c.after)
    }
    if not any(c.before != c.after for c in changes if c.path in scripts) or read_text(root, "dvc.lock") is None:
        return []
    before = Pipeline(root).reasons()
    after = Pipeline(root, {c.path: c.after for c in changes if c.after is not None}).reasons()
    return [
        name
        for name, found in after.items()
        if name not in before and all(r.kind == "file" and r.subject in scripts for r in found)
    ]
