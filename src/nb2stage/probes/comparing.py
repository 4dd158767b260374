"""The process that compares what was not the same at first sight: `main` reads tasks and writes a verdict for each.

It runs in the pipeline's scratch folder, with the user's libraries and the modules that hold the user's classes.
"""

from __future__ import annotations

import contextlib
import csv
import importlib
import io
import os
import pickle
import re
import sys
import zipfile
from typing import Any

from . import capturing, digests, explaining, times

PICKLES = (".pkl", ".pickle", ".joblib")
PICTURES = (".png", ".jpg", ".jpeg")
# Members of archives that say when the archive was made.
STAMPED = frozenset({"docProps/core.xml"})


def main(path: str) -> None:
    """Compare the pairs that the request names."""
    request = capturing.read_json(path)
    digests.HERE = os.path.realpath(request["project"])
    sys.path[:0] = request["search"]
    answers = []
    for task in request["tasks"]:
        with contextlib.redirect_stdout(io.StringIO()):
            try:
                how = by_file(task) if task["kind"] == "file" else by_value(task)
            except Exception as error:
                reason = f"{type(error).__name__}: {error}"
                # What cannot be read is no less different, but how is not known.
                how = f"they differ (how cannot be told: {reason[:200]})"
            clock = ""
            with contextlib.suppress(Exception):
                clock = without_times(task) if how else ""
        answers.append([how, clock])
    capturing.write_json(request["answer"], answers)


def by_value(task: dict[str, Any]) -> str:
    """How two values differ; empty where the tolerance covers it."""
    with open(task["notebook"], "rb") as file:  # noqa: PTH123
        mine = pickle.loads(file.read())
    return explaining.difference(mine, loaded(task), task["rtol"])


def loaded(task: dict[str, Any]) -> Any:
    """The pipeline's value: of a file of our own, or a part of a cache file."""
    value = capturing.reader(task["format"])(task["pipeline"])
    if task["part"] is None:
        return value
    return value[task["part"]]


def without_times(task: dict[str, Any]) -> str:
    """Which times are all that two values, or two files, differ in; empty where that is not so."""
    if task["kind"] == "file":
        mine, theirs = table(task["notebook"]), table(task["pipeline"])
    else:
        with open(task["notebook"], "rb") as file:  # noqa: PTH123
            mine, theirs = pickle.loads(file.read()), loaded(task)
    masker = times.masker(task["clock"])
    one = masker.of(mine)
    two = times.masker(task["clock"]).of(theirs)
    return times.said(masker.found) if masker.found and not explaining.difference(one, two, task["rtol"]) else ""


def table(path: str) -> Any:
    """What a file holds that has names for its parts."""
    suffix = os.path.splitext(path)[1].lower()  # noqa: PTH122
    if suffix in (".csv", ".tsv"):
        with open(path, encoding="utf-8", newline="") as file:  # noqa: PTH123
            return [dict(row) for row in csv.DictReader(file, delimiter="\t" if suffix == ".tsv" else ",")]
    if suffix == ".json":
        return capturing.read_json(path)
    if suffix == ".parquet":
        return library("pandas").read_parquet(path)
    if suffix in PICKLES:
        return read(path, "joblib" if suffix == ".joblib" else "pickle")
    raise ValueError(path)


def library(name: str) -> Any:
    """A library of the user's environment: nb2stage itself does not need it."""
    return importlib.import_module(name)


def read(path: str, kind: str) -> Any:
    """The value in a pickle or joblib file."""
    if kind == "joblib":
        return library("joblib").load(path)
    with open(path, "rb") as file:  # noqa: PTH123
        return pickle.loads(file.read())


# -- files -------------------------------------------------------------------------------------------------------------


def by_file(task: dict[str, Any]) -> str:
    """How two files differ for their readers."""
    one, two = task["notebook"], task["pipeline"]
    suffix = os.path.splitext(task["name"])[1].lower()  # noqa: PTH122
    if suffix in PICTURES:
        return pictures(one, two)
    if suffix in PICKLES:
        kind = "joblib" if suffix == ".joblib" else "pickle"
        try:
            mine, theirs = read(one, kind), read(two, kind)
        except Exception:
            mine, theirs = read(one, "joblib"), read(two, "joblib")
        return explaining.difference(mine, theirs, task["rtol"])
    if suffix in (".npy", ".npz"):
        load = library("numpy").load
        return explaining.difference(_arrays(load(one)), _arrays(load(two)), task["rtol"])
    if suffix == ".json":
        return explaining.difference(capturing.read_json(one), capturing.read_json(two), task["rtol"])
    if suffix == ".parquet":
        read_parquet = library("pandas").read_parquet
        return explaining.difference(read_parquet(one), read_parquet(two), task["rtol"])
    with open(one, "rb") as first, open(two, "rb") as second:  # noqa: PTH123
        mine, theirs = first.read(), second.read()
    if zipfile.is_zipfile(one) and zipfile.is_zipfile(two):
        return explaining.difference(_members(one), _members(two), task["rtol"])
    if suffix == ".svg":
        mine, theirs = _plain_svg(mine), _plain_svg(theirs)
    return "" if mine == theirs else lines(mine, theirs, task["rtol"])


def pictures(one: str, two: str) -> str:
    """How many pixels of two pictures differ."""
    imread = library("matplotlib.image").imread
    a, b = imread(one), imread(two)
    if a.shape != b.shape:
        return f"{a.shape[1]} x {a.shape[0]} pixels in the notebook, {b.shape[1]} x {b.shape[0]} in the pipeline"
    differ = (a != b).any(axis=-1) if a.ndim == 3 else a != b
    return f"{int(differ.sum())} of {differ.size} pixels differ" if differ.any() else ""


def lines(mine: bytes, theirs: bytes, rtol: float) -> str:
    """The first line, or the first byte, in which two files differ."""
    try:
        one, two = mine.decode().splitlines(), theirs.decode().splitlines()
    except UnicodeDecodeError:
        at = next((i for i, (a, b) in enumerate(zip(mine, theirs, strict=False)) if a != b), None)
        return f"{len(mine)} and {len(theirs)} bytes, " + (f"different from byte {at + 1} on" if at is not None else "")
    for number, (a, b) in enumerate(zip(one, two, strict=False), start=1):
        if a != b and not (rtol and explaining.same_numbers(a, b, rtol)):
            return f"line {number}: {explaining.short(a)} in the notebook, {explaining.short(b)} in the pipeline"
    if len(one) != len(two):
        return f"{len(one)} lines in the notebook, {len(two)} in the pipeline"
    return "" if rtol else "they differ in their line ends"


def _arrays(found: Any) -> Any:
    return {name: found[name] for name in found.files} if hasattr(found, "files") else found


def _members(path: str) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist() if name not in STAMPED}


def _plain_svg(data: bytes) -> bytes:
    """A figure of matplotlib without its date, its random ids in the order of their appearance."""
    data = re.sub(rb"\s*<dc:date>.*?</dc:date>", b"", data)
    for number, name in enumerate(dict.fromkeys(re.findall(rb'id="([a-z]\w{9,})"', data))):
        data = data.replace(name, b"id%d" % number)
    return data
