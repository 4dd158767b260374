"""Bytes -> notebook: what is accepted kindly, and what is refused with which words."""

from __future__ import annotations

import contextlib
import json
import random
import sys
import time
from typing import Any

import pytest

from nb2stage.diagnostics import Nb2stageError
from nb2stage.reading.notebook import Cell, read_notebook


def notebook(*cells: object, **top: object) -> dict[str, Any]:
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells), **top}


def code(source: object = "x = 1", **more: object) -> dict[str, Any]:
    return {"cell_type": "code", "metadata": {}, "source": source, "outputs": [], "execution_count": None, **more}


def encode(value: object) -> bytes:
    return json.dumps(value).encode()


def read(*cells: object, **top: object) -> tuple[Cell, ...]:
    return read_notebook(encode(notebook(*cells, **top)), "nb.ipynb").cells


def refusal(data: bytes) -> list[tuple[str, int | None, str, str]]:
    with pytest.raises(Nb2stageError) as caught:
        read_notebook(data, "nb.ipynb")
    assert all(d.path == "nb.ipynb" and d.hint for d in caught.value.diagnostics)
    return [(d.code, d.cell, d.message, d.hint) for d in caught.value.diagnostics]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param("x = 1\ny = 2", "x = 1\ny = 2", id="a text"),
        pytest.param(["x = 1\n", "y = 2"], "x = 1\ny = 2", id="a list of lines"),
        pytest.param(["x = 1\r\n", "y = 2\r\n"], "x = 1\ny = 2\n", id="windows line ends"),
        pytest.param("x = 1\ry = 2", "x = 1\ny = 2", id="old mac line ends"),
        pytest.param(["x = 1\r", "\ny = 2"], "x = 1\ny = 2", id="a line end cut in two"),
        pytest.param("\ufeffx = 1", "x = 1", id="a byte order mark in a cell"),
        pytest.param("s = '\U0001f600'", "s = '\U0001f600'", id="a pair of surrogates in JSON is one character"),
        pytest.param("s = '\\ud800'", "s = '\\ud800'", id="an escape in the code is no surrogate"),
        pytest.param([], "", id="no line at all"),
    ],
)
def test_source(source: object, expected: str) -> None:
    assert read(code(source))[0].source == expected


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        pytest.param({"tags": ["train", "metrics"]}, ("train", "metrics"), id="as Jupyter writes them"),
        pytest.param({"tags": ["train, metrics"]}, ("train", "metrics"), id="two tags typed as one"),
        pytest.param({"tags": "train"}, ("train",), id="a bare text"),
        pytest.param({"tags": [" train ", "", "train"]}, ("train",), id="blanks, empty and twice"),
        pytest.param({"tags": None}, (), id="null"),
        pytest.param({}, (), id="no tags"),
        pytest.param(None, (), id="metadata is null"),
    ],
)
def test_tags(metadata: object, expected: tuple[str, ...]) -> None:
    assert read(code(metadata=metadata))[0].tags == expected


def test_missing_metadata_ids_and_markdown() -> None:
    cells = read(
        {"cell_type": "code", "source": "x"},
        {"cell_type": "markdown", "source": ["# A\n"], "id": "same"},
        {"cell_type": "raw", "source": "", "id": "same"},
        {"cell_type": "markdown"},
    )
    assert [(c.index, c.kind, c.id) for c in cells] == [
        (1, "code", None),
        (2, "markdown", "same"),
        (3, "raw", "same"),
        (4, "markdown", None),
    ]


def test_byte_order_mark() -> None:
    assert read_notebook(b"\xef\xbb\xbf" + encode(notebook(code())), "nb.ipynb").cells[0].source == "x = 1"


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param({}, id="nothing said"),
        pytest.param({"kernelspec": {"language": "python", "name": "python3"}}, id="python kernel"),
        pytest.param({"kernelspec": {"name": "conda-env-x-py"}}, id="kernel without a language"),
        pytest.param({"kernelspec": {"name": "irlab"}}, id="a kernel whose name only begins like R's"),
        pytest.param({"language_info": {"name": "python"}}, id="language only"),
        pytest.param({"kernelspec": {"language": "Python"}}, id="in capitals"),
        pytest.param({"kernelspec": None, "language_info": []}, id="odd but harmless"),
        pytest.param([], id="metadata is a list"),
    ],
)
def test_python_notebooks(metadata: object) -> None:
    assert read(code(), metadata=metadata)


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param({"kernelspec": {"language": "R", "name": "ir"}}, id="R"),
        pytest.param({"kernelspec": {"name": "ir"}}, id="R by its kernel"),
        pytest.param({"kernelspec": {"name": "julia-1.9"}}, id="Julia by its kernel"),
        pytest.param({"language_info": {"name": "julia"}}, id="Julia by its language"),
    ],
)
def test_other_languages(metadata: object) -> None:
    assert refusal(encode(notebook(code(), metadata=metadata)))[0][0] == "NB104"


def test_format_3() -> None:
    cells = [
        {"cell_type": "heading", "level": 2, "source": ["Title"]},
        {"cell_type": "code", "input": ["x = 1\n", "print x"], "language": "python", "outputs": []},
    ]
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": [{"cells": cells}]}
    found = read_notebook(encode(old), "nb.ipynb").cells
    assert [(c.kind, c.source) for c in found] == [("markdown", "## Title"), ("code", "x = 1\nprint x")]


@pytest.mark.parametrize(
    ("data", "expected", "words"),
    [
        pytest.param(b"", "NB101", "empty", id="empty"),
        pytest.param(b" \n", "NB101", "empty", id="blanks"),
        pytest.param(b'{"a": "\xff"}', "NB101", "byte 8 is no UTF-8", id="latin-1"),
        pytest.param("{}".encode("utf-16"), "NB101", "UTF-16", id="UTF-16"),
        pytest.param(b'{"a": \x00}', "NB101", "line 1, column 7", id="a null byte"),
        pytest.param(b'{"nbformat": 4,\n "cells": [}', "NB101", "line 2, column 12", id="a slip of the pen"),
        pytest.param(b'{"nbformat": 4, "cells": [', "NB101", "cut off", id="cut off"),
        pytest.param(
            b'{\n<<<<<<< HEAD\n"a": 1\n=======\n', "NB101", "merge conflict is left at line 2", id="git conflict"
        ),
        pytest.param(b"<!DOCTYPE html>", "NB101", "raw .ipynb", id="a page of GitHub"),
        pytest.param(
            b"version https://git-lfs.github.com/spec/v1\n", "NB101", "git lfs pull", id="a pointer of Git LFS"
        ),
        pytest.param(b"# %%\nimport os\n", "NB101", "jupytext", id="a script"),
        pytest.param(b"[" * 100_000, "NB101", "", id="open brackets without end"),
        pytest.param(
            b"[" + b"9" * 10_000 + b"]", "NB101" if sys.version_info >= (3, 11) else "NB102", "", id="a huge number"
        ),
        pytest.param(b"[]", "NB102", "a list", id="a list"),
        pytest.param(b'"nb"', "NB102", "a text", id="a text"),
        pytest.param(b"4", "NB102", "a number", id="a number"),
        pytest.param(b"null", "NB102", "null", id="null"),
        pytest.param(b"{}", "NB102", "no `nbformat`", id="an object of something else"),
        pytest.param(b'{"nbformat": 4}', "NB102", "no `cells`", id="no cells"),
        pytest.param(b'{"nbformat": 4, "cells": {}}', "NB102", "`cells` is an object", id="cells of the wrong type"),
        pytest.param(b'{"nbformat": 5, "cells": []}', "NB103", "format 5", id="a format of the future"),
        pytest.param(b'{"nbformat": "4", "cells": []}', "NB103", "not a number", id="the format as a text"),
        pytest.param(b'{"nbformat": true, "cells": []}', "NB103", "not a number", id="the format as a truth value"),
        pytest.param(b'{"nbformat": 0, "cells": []}', "NB103", "not a number", id="format 0"),
        pytest.param(b'{"nbformat": 4.5, "cells": []}', "NB103", "not a number", id="a broken format"),
        pytest.param(b'{"nbformat": 3, "worksheets": 7}', "NB103", "cannot upgrade", id="an old and broken one"),
    ],
)
def test_refused_files(data: bytes, expected: str, words: str) -> None:
    (found,) = refusal(data)
    assert found[0] == expected
    assert words in f"{found[2]} {found[3]}"


@pytest.mark.parametrize(
    ("cell", "expected", "words"),
    [
        pytest.param("x", "NB105", "the cell is a text", id="a text as a cell"),
        pytest.param({}, "NB105", "`cell_type` is None", id="no type"),
        pytest.param({"cell_type": ["code"]}, "NB105", "`cell_type`", id="a list as the type"),
        pytest.param({"cell_type": "code"}, "NB105", "`source`", id="code without a source"),
        pytest.param(code(5), "NB105", "`source`", id="a number as the source"),
        pytest.param(code(["x", None]), "NB105", "`source`", id="null among the lines"),
        pytest.param(code(metadata=[]), "NB105", "`metadata` is a list", id="metadata of the wrong type"),
        pytest.param(code("x\ns = '\ud800'"), "NB105", "surrogate", id="half of a character"),
        pytest.param(code(metadata={"tags": [1]}), "NB106", "tags", id="a number as a tag"),
        pytest.param(code(metadata={"tags": {"a": 1}}), "NB106", "tags", id="an object as the tags"),
        pytest.param(code(metadata={"tags": 5}), "NB106", "tags", id="a number as the tags"),
    ],
)
def test_refused_cells(cell: object, expected: str, words: str) -> None:
    (found,) = refusal(encode(notebook(code(), cell)))
    assert found[:2] == (expected, 2)
    assert words in found[2]


def test_all_bad_cells_are_reported() -> None:
    assert [f[1] for f in refusal(encode(notebook(code(5), code(), code(6))))] == [1, 3]


def test_conflict_marks_inside_a_text_are_no_conflict() -> None:
    assert read(code("s = '''\n<<<<<<< HEAD\n'''"))


def test_no_bytes_give_a_traceback() -> None:
    chance = random.Random(7)
    whole = encode(notebook(code("x = 1", metadata={"tags": ["train"]}), {"cell_type": "markdown", "source": ["a"]}))
    for _ in range(3000):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(len(data))] = chance.choice(b'\x00\xff"{}[],:5nt \n')
        data = data[: chance.choice([len(data), len(data), chance.randrange(len(data))])]
        with contextlib.suppress(Nb2stageError):
            read_notebook(bytes(data), "nb.ipynb")


def test_outputs_cost_nothing_more() -> None:
    """Reading costs little more than parsing the JSON, whatever the outputs weigh."""
    output = {"output_type": "display_data", "data": {"image/png": "A" * 200_000}, "metadata": {}}
    streams = [{"output_type": "stream", "name": "stdout", "text": ["a\n"]} for _ in range(50_000)]
    data = encode(notebook(*(code(outputs=[output] * 10) for _ in range(10)), code(outputs=streams)))

    def seconds(work: Any) -> float:
        times = []
        for _ in range(5):
            start = time.perf_counter()
            work()
            times.append(time.perf_counter() - start)
        return min(times)

    bare = seconds(lambda: json.loads(data.decode()))
    assert seconds(lambda: read_notebook(data, "nb.ipynb")) < 1.6 * bare + 0.01
