"""Whatever the notebook looks like, and whenever the program is killed: no crash, and nothing half done.

The normal run is a quick, derandomised pass.  `NB2STAGE_FUZZ=5000 pytest tests/test_fuzz.py` draws that many random
examples per test and kills a conversion correspondingly often.
"""

from __future__ import annotations

import contextlib
import copy
import io
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nb2stage.cli import main

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLES: Final = int(os.environ.get("NB2STAGE_FUZZ", "0"))
SECONDS: Final = 60  # no notebook of this file may take longer

quick = settings(
    max_examples=EXAMPLES or 80,
    derandomize=not EXAMPLES,
    database=None,
    deadline=None,
    print_blob=bool(EXAMPLES),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

Tree = dict[str, bytes]


# -- running the program -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """One `main(argv)`: what it returned, what it said, and the folder before and after."""

    code: object
    stdout: str
    stderr: str
    before: Tree
    after: Tree


def tree(folder: Path) -> Tree:
    """Every file below `folder` by its relative path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@contextlib.contextmanager
def working_directory(folder: Path) -> Iterator[None]:
    """`contextlib.chdir`, which Python 3.10 does not have."""
    old = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(old)


@contextlib.contextmanager
def alarm(seconds: int) -> Iterator[None]:
    """A hang becomes a failure, where the system can do that."""
    if not hasattr(signal, "SIGALRM"):
        yield
        return

    def ring(*_: object) -> None:
        raise TimeoutError(f"still running after {seconds} s")

    old = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, old)


class Stream(io.TextIOWrapper):
    """A stream that encodes, as a real one does: a lone surrogate in a message is an error there."""

    def __init__(self, errors: str) -> None:
        self.written = io.BytesIO()
        super().__init__(self.written, encoding="utf-8", errors=errors, write_through=True)

    def text(self) -> str:
        self.flush()
        return self.written.getvalue().decode("utf-8", "replace")


def convert(content: bytes, *options: str) -> Outcome:
    """`nb2stage convert nb.ipynb` in this process, in a folder that holds nothing but the notebook."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "nb.ipynb").write_bytes(content)
        before = tree(folder)
        out, err = Stream("strict"), Stream("backslashreplace")
        with (
            working_directory(folder),
            alarm(SECONDS),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            warnings.catch_warnings(),
        ):
            try:
                code: object = main(["convert", *options, "nb.ipynb"])
            except SystemExit as stop:
                code = stop.code
        return Outcome(code, out.text(), err.text(), before, tree(folder))


def check(outcome: Outcome) -> None:
    """What must hold for every notebook in the world."""
    said = f"exit code {outcome.code!r}\n{outcome.stdout}{outcome.stderr}"
    assert outcome.code in {0, 1, 2}, said
    assert "Traceback" not in outcome.stderr, said
    assert "Traceback" not in outcome.stdout, said
    assert outcome.after.get("nb.ipynb") == outcome.before["nb.ipynb"], "the notebook was changed"
    if outcome.code == 0:
        check_whole(outcome.after)
    else:
        assert outcome.stderr.strip() or outcome.stdout.strip(), "refused without a word"
        assert sorted(outcome.after) == sorted(outcome.before), said


def check_whole(files: Tree) -> None:
    """Each file that the program wrote can be read by whom it is meant for."""
    for name, content in files.items():
        if name.endswith(".py"):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # "\d" in the user's own code
                compile(content, name, "exec")
        elif name.endswith((".yaml", ".lock")):
            assert content.strip(), name
            yaml.safe_load(content)
        elif name.endswith(".json"):
            json.loads(content)


# -- notebooks -----------------------------------------------------------------------------------------------------

GOOD_CELLS: Final[list[tuple[str, str]]] = [
    ("", "import json\nimport math"),
    ("parameters", "n = 3\nscale = 0.5  # width"),
    ("import", "values = [scale * i for i in range(n)]"),
    ("", "values[:2]"),
    ("preprocess", "def square(x):\n    return x * x\n\n\nsquares = [square(v) for v in values]"),
    ("train", "model = {'mean': sum(squares) / len(squares), 'root': math.sqrt(sum(squares))}"),
    ("report", "with open('metrics.json', 'w') as f:\n    json.dump(model, f)"),
]


def notebook(cells: list[tuple[str, str]]) -> dict[str, Any]:
    """A notebook of code cells, given as (tag or nothing, source), and one of markdown."""
    made: list[dict[str, Any]] = [{"cell_type": "markdown", "id": "title", "metadata": {}, "source": ["# Title\n"]}]
    made += [
        {
            "cell_type": "code",
            "execution_count": number,
            "id": f"c{number}",
            "metadata": {"tags": [tag]} if tag else {},
            "outputs": [{"output_type": "stream", "name": "stdout", "text": ["1\n", "2\n"]}],
            "source": source.splitlines(keepends=True),
        }
        for number, (tag, source) in enumerate(cells)
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {"cells": made, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


def as_bytes(content: object) -> bytes:
    return json.dumps(content, indent=1).encode()


GOOD: Final = notebook(GOOD_CELLS)
GOOD_BYTES: Final = as_bytes(GOOD)


def test_the_undamaged_notebook_is_converted() -> None:
    outcome = convert(GOOD_BYTES)
    check(outcome)
    assert outcome.code == 0, outcome.stderr
    assert "dvc.yaml" in outcome.after


# -- damaged files -------------------------------------------------------------------------------------------------


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """The good file with a few pieces cut off, doubled, removed, moved or overwritten."""
    data = GOOD_BYTES
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        stop = min(len(data), start + draw(st.integers(0, 60)))
        noise = draw(st.binary(max_size=8))
        match draw(st.integers(0, 6)):
            case 0:
                data = data[:start]
            case 1:
                data = data[:stop] + data[start:]
            case 2:
                data = data[:start] + data[stop:]
            case 3:
                data = data[stop:] + data[start:stop] + data[:start]
            case 4:
                data = data[:start] + noise + data[start + len(noise) :]
            case 5:
                data = data[:start] + noise + data[start:]
            case _:
                data = data[:start] + bytes(byte ^ 1 for byte in data[start : start + 1]) + data[start + 1 :]
    return data


@quick
@given(damaged())
def test_damaged_json(content: bytes) -> None:
    check(convert(content))


ODD_FILES: Final = {
    "empty": b"",
    "blank": b" \n\t\n",
    "a null byte": b"\x00",
    "a byte order mark": b"\xef\xbb\xbf" + GOOD_BYTES,
    "utf-16": GOOD_BYTES.decode().encode("utf-16"),
    "utf-32": GOOD_BYTES.decode().encode("utf-32-le"),
    "latin-1": json.dumps(notebook([("import", "s = 'é'")]), ensure_ascii=False).encode("latin-1"),
    "crlf": GOOD_BYTES.replace(b"\n", b"\r\n"),
    "twice": GOOD_BYTES * 2,
    "a script": b"import this\n",
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
    "null": b"null",
    "a number": b"3",
    "a string": b'"cells"',
    "a list": b"[]",
    "an object": b"{}",
    "no cells": b'{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}',
    "cells is null": b'{"cells": null, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}',
    "no version": b'{"cells": [], "metadata": {}}',
    "version 0": b'{"cells": [], "metadata": {}, "nbformat": 0, "nbformat_minor": 0}',
    "version 3": b'{"worksheets": [{"cells": [{"cell_type": "code", "input": "x = 1", "language": "python"}],'
    b' "metadata": {}}], "metadata": {"name": "old"}, "nbformat": 3, "nbformat_minor": 0}',
    "version 3, broken": b'{"worksheets": [3, {"cells": 4}], "metadata": {}, "nbformat": 3, "nbformat_minor": 0}',
    "version 2": b'{"worksheets": [], "metadata": {}, "nbformat": 2, "nbformat_minor": 0}',
    "version 5": b'{"cells": [], "metadata": {}, "nbformat": 5, "nbformat_minor": 0}',
    "version 4.99": b'{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 99}',
    "version -1": b'{"cells": [], "metadata": {}, "nbformat": -1, "nbformat_minor": -1}',
    "version true": b'{"cells": [], "metadata": {}, "nbformat": true, "nbformat_minor": false}',
    "version text": b'{"cells": [], "metadata": {}, "nbformat": "4", "nbformat_minor": "5"}',
    "version float": b'{"cells": [], "metadata": {}, "nbformat": 4.0, "nbformat_minor": 5.5}',
    "version NaN": b'{"cells": [], "metadata": {}, "nbformat": NaN, "nbformat_minor": Infinity}',
    "version of 5000 digits": b'{"cells": [], "metadata": {}, "nbformat": ' + b"4" * 5000 + b"}",
    "version 1e400": b'{"cells": [], "metadata": {}, "nbformat": 1e400, "nbformat_minor": -1e400}',
    "deep": b"[" * 200_000,
    "deep and closed": b'{"nbformat": 4, "cells": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "deep objects": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "deep metadata": b'{"cells": [], "nbformat": 4, "nbformat_minor": 5, "metadata": ' + b"[" * 900 + b"]" * 900 + b"}",
    "keys twice": b'{"nbformat": 3, "nbformat": 4, "cells": 1, "cells": [], "metadata": {}, "metadata": []}',
    "another kernel": b'{"cells": [], "metadata": {"kernelspec": {"name": "ir", "language": "R"}}, "nbformat": 4}',
    "merge conflict": GOOD_BYTES.replace(b' "cells": [', b'<<<<<<< HEAD\n "cells": [\n=======\n "cells": [\n>>>>>>> b'),
}


@pytest.mark.parametrize("name", ODD_FILES)
def test_odd_files(name: str) -> None:
    check(convert(ODD_FILES[name]))


# -- wrong types ---------------------------------------------------------------------------------------------------

TEXTS = st.text(st.characters(exclude_categories=()), max_size=12)  # lone surrogates too: JSON can write them
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | TEXTS
    | st.sampled_from(["code", "markdown", "train", "parameters", "x = 1", 10**30, -1, ""])
)
VALUES = st.recursive(SCALARS, lambda v: st.lists(v, max_size=4) | st.dictionaries(TEXTS, v, max_size=4), max_leaves=8)

Place = tuple[Any, Any]


def places(node: Any) -> list[Place]:
    """Every (container, key) of a JSON value, in document order."""
    keys = list(node) if isinstance(node, dict) else list(range(len(node))) if isinstance(node, list) else []
    return [place for key in keys for place in [(node, key), *places(node[key])]]


@st.composite
def wrongly_typed(draw: st.DrawFn) -> Any:
    content = copy.deepcopy(GOOD)
    for _ in range(draw(st.integers(1, 3))):
        found = places(content)
        if not found:
            break
        container, key = found[draw(st.integers(0, len(found) - 1))]
        match draw(st.sampled_from(["replace", "replace", "replace", "remove", "wrap", "rename"])):
            case "remove":
                del container[key]
            case "wrap":
                container[key] = [container[key]]
            case "rename" if isinstance(container, dict):
                container[draw(TEXTS)] = container.pop(key)
            case _:
                container[key] = draw(VALUES)
    return content


@quick
@given(wrongly_typed())
def test_wrong_types(content: Any) -> None:
    check(convert(as_bytes(content)))


def test_each_value_replaced_by_each_type() -> None:
    """Systematically, over the first cells: every place in the file holds every kind of value once."""
    small = notebook(GOOD_CELLS[1:3])
    for number in range(len(places(small))):
        odd_values: list[Any] = [None, True, 3, "odd", "\ud800", [], [[]], [3], {}, {"a": 1}]
        for odd in odd_values:
            content = copy.deepcopy(small)
            container, key = places(content)[number]
            container[key] = odd
            check(convert(as_bytes(content), "--dry-run"))


# -- tags ----------------------------------------------------------------------------------------------------------

ODD_TAGS: Final[list[Any]] = [
    None, True, False, 0, 3, -1, 2.5, 10**40, "", " ", [], {}, [[]], ["train"], [["train"]], {"train": 1}, {"a": []},
    "stage:", "stage: ", "stage::", "stage:train", "stage:a:b", "stage:../x", "stage:..", "stage:.", "stage:/etc",
    "stage:a/b", "stage:a\\b", "stage:a b", "stage:-", "stage:-a", "stage:_", "stage:0", "stage:a@b", "stage:a.b",
    "stage:import", "stage:parameters", "stage:con", "stage:nul", "stage:__init__", "stage:class", "stage:json",
    "stage:random", "stage:yaml", "stage:pandas", "stage:dvc", "stage:common", "stage:cache", "stage:data",
    "stage:ünï", "stage:模型", "stage:😀", "stage:a\nb", "stage:a\x00b", "stage:\ud800", "stage:$HOME", "stage:`id`",
    "stage:${a}", "stage:{{a}}", "stage:a#b", "stage:'", 'stage:"', "stage:*", "stage:~", "stage:null", "stage:1e3",
    "STAGE:x", "Stage:Train", "Train", "TRAIN", " train", "train ", "train\n", "tr\u0430in", "train,report",
    "train report", "stage:" + "x" * 300, "x" * 100_000, "stage:" + "é" * 200, "stage:X", "stage:x", "stage:Report",
    "metrics", "setup", "parameters", "injected-parameters", "skip", "explore", "hpo", "hide-input", "\ufeff",
    "\u202e", "#| stage: train",
]  # fmt: skip


def tagged(tags: Any, source: str = "y = 2\nprint(y)") -> bytes:
    content = notebook([*GOOD_CELLS, ("", source)])
    content["cells"][-1]["metadata"]["tags"] = tags
    return as_bytes(content)


@pytest.mark.parametrize("number", range(len(ODD_TAGS)))
def test_odd_tags(number: int) -> None:
    tag = ODD_TAGS[number]
    for tags in (tag, [tag], ["train", tag], [tag, tag, "report"]):
        check(convert(tagged(tags)))


@quick
@given(VALUES | st.lists(st.sampled_from(ODD_TAGS) | TEXTS.map(lambda t: f"stage:{t}"), max_size=4))
def test_any_tags(tags: Any) -> None:
    check(convert(tagged(tags)))


@quick
@given(st.sampled_from(["#|", "# |", "#| ", "#|\t", "#%%", "# %%"]), TEXTS, TEXTS)
def test_any_comment_that_looks_like_a_tag(mark: str, key: str, value: str) -> None:
    for line in (f"{mark}stage:{value}", f"{mark}{key}:{value}", f"{mark}stage:train {value}", f"{mark}{value}"):
        check(convert(tagged([], f"{line}\nz = 1\nprint(z)")))


# -- code ----------------------------------------------------------------------------------------------------------

ODD_CODE: Final[list[str]] = [
    # nothing, or nearly
    "", " ", "\n\n\n", "#", "# only a comment", "\\", "\\\n", ";", "pass", "...", "\t", "\x0c", "\x0cx = 1",
    "\ufeffx = 1",
    # not Python
    "x =", "= 1", "def", "def f(", "class", "(", ")", "[1, 2", "{", "}", "'open", '"""open', "f'{'", "f'{x'",
    "x = = 1", "if True:\nx = 1", "  x = 1", "if True:\n\tx = 1\n        y = 2", "else:\n    x = 1", "return 1",
    "yield 1", "break", "continue", "await x", "nonlocal q", "del", "import", "from . import x", "from .. import *",
    "lambda: (yield)", "def f():\n    nonlocal q", "def f(a, a): pass", "def f(x):\n    global x", "f(a=1, a=2)",
    "1 = x", "f() = 1", "None = 1", "__debug__ = 1", "x: int: str = 1", "*a = [1]", "*a, *b = [1]", "[x for]",
    "x if y", "not", "@", "$x", "?", "x ? y : z", "a := 1", "(a.b := 1)", "[i := 0 for i in [1]]",
    "class A:\n    return 1", "async x = 1", "0777", "1_000_", "0x", "1__0", "0b2", "'\\N{no such name}'", "'\\x1'",
    "b'é'", "u'a' b'b'", "rb'' f''", "é = 1; è = é", "\U0001d431 = 1\nprint(x)", "x = \u201c1\u201d",
    "I have no idea what I did here",
    "<html></html>", "SELECT * FROM t", "conda install pandas", "pip install x", "λ = 1", "x = 1 # é\x00",
    "x = '\x00'", "\x00", "x\x00 = 1", "x = '\ud800'", "# \ud800", "x = 1\r\ny = 2\r", "x = 1\x1ay = 2",
    "x = 1\u2028y",
    # Python 2
    "print 'hello'", "print x, y", "exec 'x = 1'", "raise E, 'm'", "except E, e:", "x <> y", "`x`", "ur'a'", "10L",
    "def f((a, b)): pass",
    # bindings
    "x = y = z = 1", "a, (b, *c), d = 1, (2, 3), 4", "[a, b] = 1, 2", "x: int = 1", "x: int", "x.y: int = 3",
    "(x): int = 1", "x = 1\nx += x", "x = []\nx[0:1] = [1]\nx[:] = []", "q.r.s = 1", "q[r][s] += 1", "del q",
    "del q.r, s[0]", "del (a, b), [c]", "print(n := 10)", "[last := v for v in [1]]\nprint(last)",
    "for i in []: pass\nelse: j = 1\nprint(i)", "for q[0] in [1]: pass", "for a.b, *c in []: pass",
    "while (w := 0): pass\nelse: w = 2", "with open('f') as f, open('g') as (g, h): pass", "with a: pass",
    "try:\n    x = 1\nexcept (A, B) as e:\n    pass\nelse:\n    y = 1\nfinally:\n    z = 1\nprint(e)",
    "try: pass\nfinally: del t", "try:\n    pass\nexcept* ValueError as g:\n    print(g)",
    "try:\n    import a\nexcept ImportError:\n    a = None", "global g\ng = 1",
    "def f():\n    global made\n    made = 1\nf()\nprint(made)",
    "def f():\n    x = 1\n    def g():\n        nonlocal x\n        x = 2",
    (
        "match v:\n    case [a, *rest]: pass\n    case {'k': k, **other}: pass\n"
        "    case P(x=1, y=z) | Q(z): pass\n    case _: pass"
    ),
    "match = 1\ncase = match\ntype = case\nprint(match)",
    "match x:\n    case a.b: pass\n    case -1 | 1+2j | 'a' 'b' | None: pass", "match *a, b:\n    case c: pass",
    "type X = int", "type P[T: int, *Ts, **K] = list[T]", "def f[T](x: T) -> T: return x", "class A[T]: pass",
    # functions and classes
    "def f(a, /, b, *, c=1, **d): return a", "def f(*a: *Ts): pass", "def f(x=[], *, y=x): pass", "lambda: 0",
    "g = lambda a=b, *c, **d: e", "@a.b(c)\n@d\ndef f(): pass", "@(yield_ := lambda f: f)\ndef g(): pass",
    "def f(): yield\nx = f()", "def f(): return f\nf()()()()", "class A: pass",
    "class A(B, metaclass=M, **kw):\n    x = 1\n    y = [x for _ in '']\n    def m(self): return x",
    "class A(A): pass", "class A:\n    class B:\n        class C:\n            x = 1\nA.B.C.x = 2",
    "class A:\n    __slots__ = ()\n    def __del__(self): pass\nA()",
    "def f():\n    class A:\n        global q\n        q = 1\n    return A", "def f(): f.n += 1\nf.n = 0\nf()",
    "class A:\n    x = x",
    (
        "async def f():\n    async for i in a: pass\n    async with b as c: pass\n"
        "    return [x async for x in d if await x]"
    ),
    "await f()", "async for i in a: print(i)", "async with a as b: pass", "x = [await f() for f in fs]",
    "import asyncio\nawait asyncio.sleep(0)",
    "from dataclasses import dataclass\n@dataclass\nclass P:\n    x: int = 0\n    y: 'P | None' = None\np = P()",
    "def f(x: 'np.array') -> 'q': ...",
    "import functools\n@functools.cache\ndef f(n): return n if n < 2 else f(n - 1)\nf(5)",
    "def f():\n    def f():\n        def f(): return f\n    return f",
    # expressions
    "[x for x in x for y in y if x if y]", "{k: v for k, v in {}.items()}", "{*a, *b}", "{**a, 'b': 1}",
    "f(*a, *b, c=1, **d, **e)", "(i for i in i)", "f'{x!r:>{w}.{p}}' f'{y=}'", "f'{f\"{z}\"}'", "f'{lambda: 1}'",
    "f'{{}}'", "f'''{\nx\n}'''", "t'{x}'", "x[..., 1:2, ::3]", "x[*a]", "a if b else c if d else e",
    "1 < 2 < 3 != 4 is not 5 not in [6]", "a or b and not c", "-+~x ** -y @ z // w", "...", "__import__('os')",
    "print(__name__, __file__)", "assert x, y", "assert (x, y)", "raise", "raise E from None",
    "if __name__ == '__main__':\n    main()", "x = 10 ** 10 ** 2", "x = 1e400", "x = 1j",
    # names that no parser sees
    "exec('x = 1')", "eval('x')", "globals()['x'] = 1\nprint(x)", "locals().update(a=1)", "vars()['q'] = 2",
    "setattr(a, 'b', 1)", "del globals()['x']", "from os.path import *", "from numpy import *",
    "from no_such_module import *", "import a.b.c as d, e, f.g", "import sys as sys, os",
    "from __future__ import annotations", "from __future__ import braces", "from __future__ import division, no_such",
    "import this", "import antigravity", "from . import *", "import builtins\nbuiltins.x = 1", "df.query('a > @x')",
    "list = 1\nprint(list)", "print = None", "str = str\nint, float = float, int", "_ = 1\n__ = 2\n_1 = 3",
    "In, Out = 1, 2\nprint(Out[3], _5)", "x = x", "x", "x\ny\nz", "x;", "x = 1; y = 2; print(x); y",
    "if x: y = 1; z = 2", "Ellipsis = 1", "self.x = 1", "exit()", "quit", "input()", "breakpoint()",
    # IPython
    "%time", "%time x = 1", "%%time\nx = 1", "%%time x = 1\ny = 2", "%%timeit\nx = 1", "%timeit -n 1 x = 2",
    "%%capture out\nprint(1)", "%%capture", "!ls", "!ls {x} $y", "files = !ls", "a, b = !echo 1", "!!ls", "  !ls",
    "if x:\n    !ls\n    %cd ..", "!", "%", "%%", "%%\nx = 1", "%%%", "!{", "%matplotlib", "%%writefile a.py\nx = 1",
    "%%bash\nls", "%%html\n<b>", "%%no_such_magic\nx =", "%no_such_magic 1", "%run other.ipynb", "%load x.py",
    "%store -r x", "%env A=1", "%cd /", "?", "??", "x?", "?x", "x??", "x.y?", "np.*load*?", "x = y?", "x = 1?",
    "/f 1, 2", ",f a b", ";f a b", "f x y", "get_ipython().run_line_magic('time', 'x=1')", "%time x = (1,\n  2)",
    "x = %time 1", "x = %sql select", "%%sql\nselect 1", "%%time\n%%capture\nx = 1", "# c\n%%time\nx = 1",
    "\n\n%%time\nx = 1", "%%time\n%%writefile\n", "display(1)", "from IPython.display import *", "%reset -f",
    "%pylab", "%autoreload 2", "%config X.y = 'z'", "%debug", "%xdel x", "%%prun\nx = 1", "%%script false\nx",
    "%%R\nx <- 1",
    # files and settings
    "open('metrics.json')", "open('../x', 'w').write('')", "open('/etc/x', 'w')", "open(f'{a}/{b}')", "open('', 'w')",
    "open('.', 'w')", "open('a\\0b', 'w')", "open('dvc.yaml', 'w')", "import os; os.chdir('/')",
    "import os; os.environ['A'] = 'b'", "import sys; sys.path.insert(0, 'x')",
    "import sys; sys.setrecursionlimit(50)", "import sys; sys.exit(3)",
    "import random; random.seed(0); random.random()", "import numpy as np; np.random.seed(); np.random.rand()",
    "open('nb.ipynb', 'w')", "open('params.yaml', 'a')", "open('src/../x', 'w')",
    # much of it
    "x = " + "1 + " * 400 + "1",
    "x = " + "1 + " * 20_000 + "1",
    "x = " + "(" * 150 + ")" * 150,
    "x = " + "[" * 5_000 + "]" * 5_000,
    "x = " + "-" * 20_000 + "1",
    "x = " + "not " * 3_000 + "1",
    "x = a" + ".b" * 900,
    "x = a" + ".b()" * 5_000,
    "x = f" + "(1)" * 3_000,
    "x = a" + "[0]" * 2_000,
    "x = " + "lambda: " * 500 + "1",
    "x = " + "1 if a else " * 600 + "1",
    "x = 1 " + "< 2 " * 5_000,
    "\n".join("    " * depth + "if a:" for depth in range(99)) + "\n" + "    " * 99 + "x = 1",
    "\n".join(" " * depth + "if a:" for depth in range(3_000)) + "\n" + " " * 3_000 + "x = 1",
    "\n".join(" " * depth + "for i in a:" for depth in range(19)) + "\n" + " " * 19 + "x = i",
    "\n".join(" " * depth + f"for i{depth} in a{depth}:" for depth in range(30)) + "\n" + " " * 30 + "x = 1",
    "\n".join(" " * depth + f"def f{depth}():" for depth in range(90)) + "\n" + " " * 90 + "return x",
    "\n".join(" " * depth + f"class C{depth}:" for depth in range(90)) + "\n" + " " * 90 + "x = 1",
    "\n".join(" " * depth + "while a:" for depth in range(18)) + "\n" + " " * 18 + "x += 1",
    "\n".join(" " * depth + "try:" for depth in range(12)) + "\n" + " " * 12 + "x = 1\n"
    + "\n".join(" " * depth + "except E as e: e" for depth in reversed(range(12))),
    "if a: x = 0\n" + "\n".join(f"elif a == {i}: x = {i}" for i in range(500)),
    "\n".join(f"if a{i}: x = {i}" for i in range(300)),
    "x = '" + "a" * 10_000 + "'",
    "x" * 10_000 + " = 1",
    "# " + "c" * 10_000,
    "x = [" + ", ".join(map(str, range(5_000))) + "]",
    "x = {" + ", ".join(f"'k{i}': v{i}" for i in range(2_000)) + "}",
    "f(" + ", ".join(f"a{i}={i}" for i in range(2_000)) + ")",
    "; ".join(f"v{i} = {i}" for i in range(1_000)),
    "[" + " ".join(f"for i{i} in a" for i in range(3)) + "]",
    "x = [i " + " ".join(f"for i in a{i} if i" for i in range(100)) + "]",
    "x = " + "f'{" * 5 + "1" + "}'" * 5,
    "x = (" + "\n" * 5_000 + "1)",
    "x = 1" + " \\\n" * 500 + " + 1",
    "9" * 5_000,
    "x = 0x" + "f" * 5_000,
    "\t" * 200 + "x = 1",
    "é" * 5_000 + " = 1",
    "!" * 5_000,
    "%" * 5_000,
    "?" * 5_000,
    "%time " * 500 + "x = 1",
    "'" * 9_999,
    "{x}" * 3_000,
]  # fmt: skip


def around(source: str, tag: str) -> bytes:
    """`source` in the midst of a good notebook, before what a later stage reads."""
    cells = [*GOOD_CELLS[:4], (tag, source), *GOOD_CELLS[4:]]
    return as_bytes(notebook(cells))


@pytest.mark.parametrize("number", range(len(ODD_CODE)))
def test_odd_code(number: int) -> None:
    for tag in ("preprocess", "", "parameters", "stage:own", "setup"):
        check(convert(around(ODD_CODE[number], tag)))


@quick
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["import", "train", "report", "stage:a", "setup", "parameters", "skip", "explore", ""]),
            st.lists(st.sampled_from([code for code in ODD_CODE if len(code) < 200]), min_size=1, max_size=3),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_odd_cells_together(cells: list[tuple[str, list[str]]]) -> None:
    check(convert(as_bytes(notebook([(tag, "\n".join(sources)) for tag, sources in cells]))))


@st.composite
def scratched(draw: st.DrawFn) -> str:
    """Code with a few characters typed wrong, doubled or lost."""
    code = draw(st.sampled_from([*(source for _, source in GOOD_CELLS), *(c for c in ODD_CODE if 3 < len(c) < 200)]))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(code)))
        stop = start + draw(st.integers(0, 5))
        code = (
            code[:start] + draw(st.sampled_from([*"()[]{}:=,.;'\"\\#%!?@*\n\t ", "\n    ", "", code[:5]])) + code[stop:]
        )
    return code


@quick
@given(scratched(), st.sampled_from(["preprocess", "", "parameters", "setup"]))
def test_scratched_code(source: str, tag: str) -> None:
    check(convert(around(source, tag)))


@quick
@given(TEXTS | st.text(alphabet="abx01 \n\t()[]{}:=.,'\"#%!?\\@*+-", max_size=60))
def test_any_text_as_code(source: str) -> None:
    check(convert(around(source, "preprocess")))


# -- kill -9 -------------------------------------------------------------------------------------------------------


def many_stages(version: int) -> bytes:
    """Enough scripts that writing them takes a while.  The version changes most of them."""
    cells = [("parameters", f"n = 3\nwidth = {version}"), ("stage:s0", "v0 = [n]")]
    for number in range(1, 30):
        source = f"# version {version if number % 3 else 0}\nv{number} = v{number - 1} + [{number} * width]"
        cells.append((f"stage:s{number}", source))
    return as_bytes(notebook(cells))


def start(folder: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "nb2stage", "convert", "nb.ipynb"]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def finish(folder: Path) -> None:
    process = start(folder)
    out, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, (out + err).decode("utf-8", "replace")


def state(folder: Path) -> dict[str, tuple[int, int]]:
    """What a look from outside can see quickly: the files with size and time."""
    found = {}
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                info = os.stat(f"{parent}/{name}")  # noqa: PTH116  many thousand times
                found[f"{parent}/{name}"] = (info.st_size, info.st_mtime_ns)
    return found


def kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.communicate()


def wait_for_first_change(folder: Path, before: dict[str, tuple[int, int]], process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None and state(folder) == before:
        pass


def new_project(parent: Path, name: str, *, converted: bool) -> Path:
    """A folder with a notebook that is to be converted: for the first time, or again after an edit."""
    folder = parent / name
    folder.mkdir()
    if converted:
        (folder / "nb.ipynb").write_bytes(many_stages(1))
        finish(folder)
    (folder / "nb.ipynb").write_bytes(many_stages(2))
    return folder


@pytest.mark.skipif(os.name == "nt", reason="there is no kill -9")
@pytest.mark.parametrize("converted", [False, True], ids=["first conversion", "converted again"])
def test_killed(tmp_path: Path, *, converted: bool) -> None:
    reference = new_project(tmp_path, "reference", converted=converted)
    old = tree(reference)
    before, begin = state(reference), time.perf_counter()
    process = start(reference)
    wait_for_first_change(reference, before, process)
    thinking = time.perf_counter() - begin
    process.communicate(timeout=SECONDS)
    writing = time.perf_counter() - begin - thinking
    assert process.returncode == 0
    expected = tree(reference)
    assert expected != old

    rng = random.Random(3)
    for number in range(max(16, EXAMPLES // 20)):
        folder = new_project(tmp_path, f"try{number}", converted=converted)
        before, process = state(folder), start(folder)
        if number % 4 == 0:
            time.sleep(rng.random() * (thinking + writing))
        else:  # mostly where it matters
            wait_for_first_change(folder, before, process)
            time.sleep(rng.random() * writing)
        kill(process)
        cut = tree(folder)
        check_whole(cut)
        for name in cut:
            if name.endswith((".py", ".yaml")):
                assert cut[name] in (old.get(name), expected.get(name)), f"try {number}: {name} is half written"
        finish(folder)
        left = tree(folder)
        assert sorted(left) == sorted(expected), f"try {number}: files too many or too few"
        assert left == expected, f"try {number}"
