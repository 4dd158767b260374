"""bytes -> `Notebook` of `Cell`s.  A notebook is read and never written."""

from __future__ import annotations

import importlib
import json
import re
import warnings
from typing import Any, Final

from nb2stage.diagnostics import Diagnostic, Nb2stageError
from nb2stage.patterns import Pattern
from nb2stage.records import dataclass

_KINDS: Final = ("code", "markdown", "raw")
_PYTHON: Final = ("python", "python3", "ipython", "ipython3")
# Kernels whose notebooks often lack a language: name of the kernel -> language.
_FOREIGN_KERNELS: Final = {
    "ir": "R",
    "julia": "Julia",
    "deno": "TypeScript",
    "bash": "Bash",
    "scala": "Scala",
    "sagemath": "Sage",
}
_CONFLICT: Final = Pattern(r"^(<{7}|>{7}) ?", re.MULTILINE)


@dataclass(frozen=True)
class Cell:
    """One cell as it stands in the file.

    `index` is the 1-based position among *all* cells, as a user counts them; `tags` are as Jupyter stores them.  `count` is the
    number in its brackets, `[12]`: as which it was run for the outputs that are saved.
    """

    index: int
    kind: str  # "code", "markdown" or "raw"
    source: str
    tags: tuple[str, ...] = ()
    id: str | None = None
    count: int | None = None


@dataclass(frozen=True)
class Notebook:
    """A notebook without its outputs.  `path` is what messages and headers call it."""

    path: str
    cells: tuple[Cell, ...]


def read_notebook(data: bytes, path: str) -> Notebook:
    """The notebook in `data`; `Nb2stageError` with all findings where there is none.

    Outputs and attachments are let go unread: nothing looks at them a second time.
    """
    raw = _upgraded(_parse(_decode(data, path), path), path)
    _check_language(raw.get("metadata"), path)
    findings: list[Diagnostic] = []
    cells = [_cell(cell, index, path, findings) for index, cell in enumerate(raw["cells"], start=1)]
    if findings:
        raise Nb2stageError(*findings)
    return Notebook(path, tuple(cell for cell in cells if cell is not None))


def _stop(code: str, path: str, message: str, hint: str) -> Nb2stageError:
    """The error that ends the reading."""
    return Nb2stageError(Diagnostic(code, message, hint, path=path))


def _decode(data: bytes, path: str) -> str:
    """The text of the file, without a byte order mark."""
    if not data.strip():
        raise _stop("NB101", path, "the file is empty", "save the notebook again in Jupyter, or restore it from git")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        wide = data[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in data[:64]
        what = "it looks like UTF-16" if wide else f"byte {error.start + 1} is no UTF-8"
        hint = "open the notebook in Jupyter and save it, or convert the file to UTF-8 in an editor"
        raise _stop("NB101", path, f"the file is not UTF-8 text: {what}", hint) from None


def _parse(text: str, path: str) -> Any:
    """The JSON value of `text`."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        message = f"the file is not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        raise _stop("NB101", path, message, _json_hint(text, error)) from None
    except RecursionError:
        hint = "clear the outputs of the notebook in Jupyter and save it"
        raise _stop("NB101", path, "the JSON of the file is nested too deeply", hint) from None
    except (ValueError, MemoryError) as error:
        hint = "clear the outputs of the notebook in Jupyter and save it"
        raise _stop("NB101", path, f"the JSON of the file cannot be read: {error or 'out of memory'}", hint) from None


def _json_hint(text: str, error: json.JSONDecodeError) -> str:
    """What to do about a file that is not JSON, told from what it looks like."""
    start = text[:200].lstrip()
    if conflict := _CONFLICT.search(text):
        line = text.count("\n", 0, conflict.start()) + 1
        return f"a git merge conflict is left at line {line}: resolve it (`nbdime` helps) and save the notebook"
    if start.startswith("version https://git-lfs"):
        return "the file is a Git LFS pointer: run `git lfs pull`"
    if start.startswith("<"):
        return "this is a web page, not the notebook: download the raw .ipynb file"
    if not start.startswith("{"):
        return "give the path of a Jupyter notebook (.ipynb); a script becomes one with `jupytext --to ipynb`"
    if error.pos >= len(text.rstrip()) - 1:
        return "the file is cut off: save the notebook again, or restore it from git"
    return "correct the file at that place, or restore it from git"


def _upgraded(raw: object, path: str) -> dict[str, Any]:
    """The notebook as a dictionary of format 4 with a list of cells."""
    hint = "give the path of a Jupyter notebook (.ipynb)"
    if not isinstance(raw, dict):
        raise _stop("NB102", path, f"the file holds {_kind_of(raw)}, not a notebook", hint)
    version = raw.get("nbformat")
    if version is None:
        raise _stop("NB102", path, "the file is JSON but no notebook: it has no `nbformat`", hint)
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        message = f"`nbformat` is {version!r:.40}, not a number such as 4"
        raise _stop("NB103", path, message, 'set `"nbformat": 4` in the file')
    if version > 4:
        message = f"the notebook has format {version}; nb2stage reads formats up to 4"
        raise _stop("NB103", path, message, "save it in format 4, or upgrade nb2stage")
    if version < 4:
        raw = _convert(raw, version, path)
    if not isinstance(raw.get("cells"), list):
        what = f"`cells` is {_kind_of(raw['cells'])}" if "cells" in raw else "it has no `cells`"
        raise _stop("NB102", path, f"the notebook is malformed: {what}", "open it in Jupyter and save it")
    return raw


def _convert(raw: dict[str, Any], version: int, path: str) -> dict[str, Any]:
    """The notebook of an older format in format 4, by nbformat's own converter."""
    # Slow to import, and hardly ever needed.
    nbformat: Any = importlib.import_module("nbformat")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            old = nbformat.reader.reads(json.dumps(raw))
            converted: dict[str, Any] = nbformat.converter.convert(old, 4)
    except Exception as error:
        # nbformat raises whatever the file makes it stumble over.
        why = f"{type(error).__name__}: {error}"
        message = f"the notebook has the old format {version}, and nbformat cannot upgrade it: {why}"
        hint = "open it in Jupyter and save it, or run `jupyter nbconvert --to notebook --inplace`"
        raise _stop("NB103", path, message, hint) from None
    return converted


def _check_language(metadata: object, path: str) -> None:
    """Refuse a notebook of another language; one that does not say counts as Python."""
    known = metadata if isinstance(metadata, dict) else {}
    spec, info = known.get("kernelspec"), known.get("language_info")
    spec = spec if isinstance(spec, dict) else {}
    info = info if isinstance(info, dict) else {}
    language = spec.get("language") or info.get("name")
    if not isinstance(language, str):
        kernel = re.split(r"[-_.\d]", str(spec.get("name", "")).lower())[0]
        language = _FOREIGN_KERNELS.get(kernel, "python")
    if language.strip().lower() not in _PYTHON:
        hint = "choose a Python kernel in Jupyter (Kernel > Change Kernel) and save, if the cells are Python"
        raise _stop("NB104", path, f"the notebook's language is {language!r:.40}, and nb2stage converts Python", hint)


def _cell(raw: object, index: int, path: str, findings: list[Diagnostic]) -> Cell | None:
    """One cell; what is wrong with it goes to `findings`."""

    def wrong(message: str, hint: str = "open the notebook in Jupyter and save it", line: int | None = None) -> None:
        code = "NB106" if "tags" in message else "NB105"
        findings.append(Diagnostic(code, message, hint, path=path, cell=index, line=line))

    if not isinstance(raw, dict):
        wrong(f"the cell is {_kind_of(raw)}, not an object")
        return None
    kind = raw.get("cell_type")
    if kind not in _KINDS:
        wrong(f"`cell_type` is {kind!r:.40}, not one of code, markdown, raw")
        return None
    source = _source(raw.get("source", None if kind == "code" else ""))
    if source is None:
        wrong("`source` is neither a text nor a list of texts")
        return None
    if kind == "code" and (line := _surrogate_line(source)) is not None:
        wrong("the cell holds half of a character (a lone surrogate)", "delete or retype the odd character", line)
    metadata = raw.get("metadata")
    if metadata is not None and not isinstance(metadata, dict):
        wrong(f"`metadata` is {_kind_of(metadata)}, not an object")
        return None
    tags = _tags((metadata or {}).get("tags"))
    if tags is None:
        wrong("the tags are not a list of texts", 'write them as `"tags": ["train"]` in the metadata of the cell')
        return None
    identity = raw.get("id")
    count = raw.get("execution_count")
    count = count if isinstance(count, int) and not isinstance(count, bool) else None
    return Cell(index, kind, source, tags, identity if isinstance(identity, str) else None, count)


def _source(raw: object) -> str | None:
    """The text of a cell with `\\n` line ends; None where it is no text."""
    if isinstance(raw, list):
        if not all(isinstance(part, str) for part in raw):
            return None
        raw = "".join(raw)
    if not isinstance(raw, str):
        return None
    if "\r" in raw:
        raw = raw.replace("\r\n", "\n").replace("\r", "\n")
    return raw.removeprefix("\ufeff")


def _tags(raw: object) -> tuple[str, ...] | None:
    """The tags of a cell: `["a, b"]` and `"a"` are taken for what they mean; None where they are no texts."""
    if raw is None:
        return ()
    parts = [raw] if isinstance(raw, str) else raw
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        return None
    return tuple(dict.fromkeys(tag for part in parts for word in part.split(",") if (tag := word.strip())))


def _surrogate_line(source: str) -> int | None:
    """The 1-based line of the first lone surrogate."""
    try:
        source.encode("utf-8")
    except UnicodeEncodeError as error:
        return source.count("\n", 0, error.start) + 1
    return None


def _kind_of(value: object) -> str:
    """What a JSON value is called in a message."""
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
