"""IPython syntax -> Python: tables of what each piece becomes, checked against IPython itself."""

from __future__ import annotations

import ast
import importlib
import os
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nb2stage.diagnostics import Severity
from nb2stage.reading import cellnames
from nb2stage.reading.linemagics import TRANSLATORS
from nb2stage.reading.magics import to_python, to_python_all
from nb2stage.reading.magictable import CELL_MAGICS, LINE_MAGICS, Code, Verdict
from nb2stage.reading.notebook import Cell
from nb2stage.reading.translation import Names, PythonCell

if TYPE_CHECKING:
    from pathlib import Path

CAPTURE = "text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout.splitlines()"


def translate(source: str, names: Names | None = None) -> tuple[PythonCell | None, list[str]]:
    """The cell in Python, with what holds for every cell checked, and the codes of the findings."""
    python, findings = to_python(Cell(3, "code", source), "nb.ipynb", "train", names=names)
    assert all(f.hint and f.cell == 3 and f.path == "nb.ipynb" and f.stage == "train" for f in findings)
    lines = source.count("\n") + 1
    assert all(f.line is not None and 1 <= f.line <= lines for f in findings)
    if python is None:
        assert any(f.severity is Severity.ERROR for f in findings)
    else:
        assert python.text.count("\n") + 1 == lines
        assert all(1 <= n <= lines for n in python.dropped)
        compile(python.text, "cell", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        kept = [t for n, t in enumerate(python.text.split("\n"), start=1) if n not in python.dropped]
        compile("\n".join(kept), "script", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    return python, [f.code for f in findings]


def names_of(cells: list[Cell]) -> Names:
    """The names of cells as a first translation gives them."""
    return cellnames.names_of([(cell, to_python(cell, "")[0]) for cell in cells if cell.kind == "code"])


def script_of(source: str, names: Names | None = None) -> tuple[str, list[str]]:
    """The lines that a script keeps of a cell."""
    python, codes = translate(source, names)
    assert python is not None
    lines = enumerate(python.text.split("\n"), start=1)
    return "\n".join(text for number, text in lines if number not in python.dropped), codes


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("x = 1", id="plain"),
        pytest.param("", id="empty"),
        pytest.param("# only a comment", id="a comment"),
        pytest.param("s = '''\n%matplotlib inline\n!ls\ndf?\n'''", id="magics in a text"),
        pytest.param("x = (a\n% b)", id="modulo at the begin of a line"),
        pytest.param("x = a \\\n% b", id="modulo after a backslash"),
        pytest.param("x = '..' \\\n  % (a, b)", id="formatting with a modulo"),
        pytest.param("await f()", id="await at the top"),
        pytest.param("async with a as b:\n    pass", id="async with at the top"),
        pytest.param("df.head();", id="a semicolon at the end"),
        pytest.param("assert (x, 'y')\nx is 1\n'\\d'", id="what Python warns about"),
        pytest.param("%time" and "x: int = 1  # %time", id="a magic in a comment"),
        pytest.param("from __future__ import annotations", id="a future import"),
    ],
)
def test_plain_python_is_left_alone(source: str, recwarn: pytest.WarningsRecorder) -> None:
    python, findings = to_python(Cell(1, "code", source), "nb.ipynb")
    assert python == PythonCell(Cell(1, "code", source), source, {}, frozenset(), (), has_magic=False)
    assert not findings
    assert not list(recwarn)


def test_plain_python_does_not_import_ipython() -> None:
    program = """
        import sys
        from nb2stage.reading.magics import to_python
        from nb2stage.reading.notebook import Cell
        to_python(Cell(1, "code", "x = 1"), "nb.ipynb")
        assert "IPython" not in sys.modules
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=True)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        # what means nothing in a script
        pytest.param("%matplotlib inline\nx = 1", "x = 1", id="matplotlib"),
        pytest.param("% matplotlib inline\nx = 1", "x = 1", id="a blank after the sign"),
        pytest.param("%load_ext autoreload\n%autoreload 2\nx = 1", "x = 1", id="autoreload"),
        pytest.param("%config InlineBackend.figure_format = 'retina'\nx = 1", "x = 1", id="figure format"),
        pytest.param("df?\nx = 1\n?df\nnp.array??\n??x\ny = str.split?", "x = 1", id="help"),
        pytest.param("%timeit?\nx = 1\n%%time?", "x = 1", id="help on a magic"),
        pytest.param("%%html\n<b>\n</b>", "", id="a cell of HTML"),
        pytest.param("if c:\n    %matplotlib inline\n    x = 1", "if c:\n    x = 1", id="in a block"),
        pytest.param(
            "if c:\n    %matplotlib inline\nelse:\n    %pdb\n    %who",
            "if c:\n    pass  # %matplotlib inline\nelse:\n    pass  # %pdb",
            id="alone in a block",
        ),
        pytest.param("%env\nx = 1", "x = 1", id="showing the environment"),
        pytest.param("%%script false --no-raise-error\nx = 1", "", id="a cell switched off"),
        pytest.param("%%script echo skipping\nx = 1", "", id="a cell switched off in another way"),
        pytest.param("%%time\n", "", id="a cell magic alone"),
        # timing
        pytest.param("%time x = f()", "x = f()", id="time binds"),
        pytest.param("x = %time f()", "x = f()", id="the value of time"),
        pytest.param("%time f()  # why", "f()  # why", id="time with a comment"),
        pytest.param("%time x = 1; y = 2", "x = 1; y = 2", id="time of two statements"),
        pytest.param("%time", "", id="time of nothing"),
        pytest.param("%time !ls", 'subprocess.run("ls", shell=True)', id="time of a command"),
        pytest.param("for i in a:\n    %time f(i)", "for i in a:\n    f(i)", id="time in a loop"),
        pytest.param("def f():\n    %time g()", "def f():\n    g()", id="time in a function, binding nothing"),
        pytest.param("%prun x = f()", "x = f()", id="prun binds"),
        pytest.param("%%time\nx = f()\ny = 1", "x = f()\ny = 1", id="a timed cell"),
        pytest.param("\n\n%%time\nx = 1", "\n\nx = 1", id="blank lines before a cell magic"),
        pytest.param("%%time\n%%capture --no-stderr\nx = 1\n%pdb", "x = 1", id="one cell magic below another"),
        pytest.param("%timeit a + b\nx = 1", "x = 1", id="timeit of what changes nothing"),
        pytest.param("%debug\nx = 1", "x = 1", id="the debugger afterwards"),
        # the process
        pytest.param("%env A=b c", 'os.environ["A"] = "b c"', id="env with an equals sign"),
        pytest.param("%env A b", 'os.environ["A"] = "b"', id="env with a blank"),
        pytest.param("%set_env A='b'", 'os.environ["A"] = "\'b\'"', id="env keeps quotes"),
        pytest.param("%env A={x}", 'os.environ["A"] = f"{x}".strip()', id="env with a variable"),
        pytest.param("a = %env A", 'a = os.environ["A"]', id="reading env"),
        pytest.param("%cd data", 'os.chdir("data")', id="cd"),
        pytest.param("%cd -q 'my data'", 'os.chdir("my data")', id="cd with quotes"),
        pytest.param("%cd ~/data", 'os.chdir(os.path.expanduser("~/data"))', id="cd from home"),
        pytest.param("%cd {root}/data", 'os.chdir(f"{root}/data")', id="cd with a variable"),
        pytest.param("d = %pwd\n%pwd", "d = os.getcwd()", id="pwd"),
        pytest.param("%aimport a, b.c, -d", "import a, b.c", id="aimport binds"),
        pytest.param("%mkdir -p out", 'subprocess.run("mkdir -p out", shell=True)', id="an alias that does something"),
        pytest.param("%ls\n%cat a.txt\nx = 1", "x = 1", id="aliases that show something"),
        # commands
        pytest.param("!ls", 'subprocess.run("ls", shell=True)', id="a command"),
        pytest.param("!!ls", 'subprocess.run("ls", shell=True)', id="a command whose lines are shown"),
        pytest.param("%sx ls", 'subprocess.run("ls", shell=True)', id="the same as a magic"),
        pytest.param("if c:\n    !ls", 'if c:\n    subprocess.run("ls", shell=True)', id="a command in a block"),
        pytest.param(
            "!ls \\\n  -l\nx = 1", 'subprocess.run("ls    -l", shell=True)\nx = 1', id="a command on two lines"
        ),
        pytest.param("f = !ls", f'f = SList(subprocess.run("ls", shell=True, {CAPTURE})', id="the output of a command"),
        pytest.param("f: list = !!ls", f'f: list = SList(subprocess.run("ls", shell=True, {CAPTURE})', id="annotated"),
        pytest.param("a, b = !ls", f'a, b = subprocess.run("ls", shell=True, {CAPTURE}', id="unpacked"),
        pytest.param("f = %sx ls", f'f = SList(subprocess.run("ls", shell=True, {CAPTURE})', id="captured by a magic"),
        pytest.param("!echo 'a'", "subprocess.run(\"echo 'a'\", shell=True)", id="single quotes"),
        pytest.param('!touch "a"', "subprocess.run('touch \"a\"', shell=True)", id="double quotes"),
        pytest.param("!grep '\"' a", 'subprocess.run("grep \'\\"\' a", shell=True)', id="both quotes"),
        pytest.param("!ls *.py > f 2>&1", 'subprocess.run("ls *.py > f 2>&1", shell=True)', id="redirected"),
        pytest.param(
            "!cat <(ls)",
            'subprocess.run("cat <(ls)", shell=True, executable=os.environ.get("SHELL"))',
            id="what only bash understands",
        ),
        pytest.param("!", "", id="no command"),
        # variables in commands
        pytest.param("!ls {x} $y", 'subprocess.run(f"ls {x} {y}", shell=True)', id="both forms"),
        pytest.param("!ls {x!r}", 'subprocess.run(f"ls {x!r}", shell=True)', id="a conversion"),
        pytest.param("!ls {x[1:]}", 'subprocess.run(f"ls {x[1:]}", shell=True)', id="a slice, no format"),
        pytest.param("!ls {a.b}/$c.d", 'subprocess.run(f"ls {a.b}/{c.d}", shell=True)', id="attributes"),
        pytest.param("!ls $$x", 'subprocess.run("ls $x", shell=True)', id="a doubled dollar"),
        pytest.param("!ls '$x'", "subprocess.run(\"ls '$x'\", shell=True)", id="single quotes guard a dollar"),
        pytest.param("!ls '{x}'", "subprocess.run(f\"ls '{x}'\", shell=True)", id="but no brace"),
        pytest.param("!awk '{print $1}' {x}", "subprocess.run(\"awk '{print $1}' {x}\", shell=True)", id="awk"),
        pytest.param("!find . -exec cat {} +", 'subprocess.run("find . -exec cat {} +", shell=True)', id="find"),
        pytest.param("!echo $HOME", 'subprocess.run("echo $HOME", shell=True)', id="the shell's own"),
        pytest.param("!ls {d['a']}", "subprocess.run(f\"ls {d['a']}\", shell=True)", id="quotes in a field"),
        pytest.param('!ls {d["a"]}', "subprocess.run(f'ls {d[\"a\"]}', shell=True)", id="the other quotes in a field"),
        pytest.param(
            "!ls {d['a'] + e[\"b\"]}",
            'subprocess.run("ls " + format(d[\'a\'] + e["b"]), shell=True)',
            id="both quotes in a field",
        ),
        pytest.param("!ls {a != b}", 'subprocess.run("ls {a != b}", shell=True)', id="IPython cannot read this one"),
        # whole cells
        pytest.param(
            "%%bash\nmkdir a\nls",
            'subprocess.run(["bash"], input="""\\\nmkdir a\nls\\n""", text=True, check=True)',
            id="bash",
        ),
        pytest.param(
            '%%sh\necho \'ü\\n\' """\n',
            'subprocess.run(["sh"], input="echo \'ü\\\\n\' \\"\\"\\"\\n", encoding="utf-8", check=True)',
            id="odd characters",
        ),
        pytest.param(
            "%%bash --no-raise-error -s a\nls",
            'subprocess.run(["bash", "-s", "a"], input="ls\\n", text=True)',
            id="a failure does not matter",
        ),
        pytest.param(
            '%%bash -s "$a"\nls',
            'subprocess.run(["bash", *shlex.split(f"-s \\"{a}\\"")], input="ls\\n", text=True, check=True)',
            id="a variable as an argument",
        ),
        pytest.param(
            "%%writefile a.py\nx = 1\n",
            'Path("a.py").write_text("x = 1\\n", encoding="utf-8")',
            id="a file",
        ),
        pytest.param(
            "%%writefile -a 'a b.txt'\nx",
            'Path("a b.txt").open("a", encoding="utf-8").write("x\\n")',
            id="added to a file",
        ),
        pytest.param(
            "%%writefile {d}/a.py\nx\n",
            'Path(f"{d}/a.py").write_text("x\\n", encoding="utf-8")',
            id="a file named by a variable",
        ),
        # progress bars
        pytest.param(
            "from tqdm.notebook import tqdm  # bars", "from tqdm.auto import tqdm  # bars", id="tqdm.notebook"
        ),
        pytest.param("x = 1; import tqdm.notebook as t", "x = 1; import tqdm.auto as t", id="tqdm.notebook by a name"),
        pytest.param("import tqdm.notebook", "import tqdm.notebook", id="tqdm.notebook by its own name"),
        pytest.param(
            "from tqdm import tqdm, tqdm_notebook, tnrange as r",
            "from tqdm.auto import tqdm, tqdm as tqdm_notebook, trange as r",
            id="tqdm's old names",
        ),
        pytest.param("from tqdm import tqdm", "from tqdm import tqdm", id="tqdm's bars for a terminal"),
        # other ways of writing
        pytest.param("  x = 1\n  !ls", 'x = 1\nsubprocess.run("ls", shell=True)', id="a cell that is indented"),
        pytest.param("  x = 1\n  y = 2", "x = 1\ny = 2", id="indented, without a magic"),
        pytest.param(">>> x = 1\n>>> if x:\n...     y = 2", "x = 1\nif x:\n    y = 2", id="pasted prompts"),
        pytest.param("In [1]: x = 1\n   ...: y = 2", "x = 1\ny = 2", id="pasted prompts of IPython"),
        pytest.param("cd data", 'os.chdir("data")', id="automagic"),
        pytest.param("get_ipython().run_line_magic('matplotlib', 'inline')\nx = 1", "x = 1", id="nbconvert's form"),
        pytest.param(
            "if x:\n    %pylab\n    y = 1", "if x:\n    from pylab import *; from numpy import *\n    y = 1", id="pylab"
        ),
        pytest.param("get_ipython().magic('store?')\nx = 1", "pass\nx = 1", id="refused in nbconvert's form"),
        pytest.param(
            "get_ipython().system('ls {x}')", 'subprocess.run(f"ls {x}", shell=True)', id="a command in that form"
        ),
        pytest.param(
            "x = get_ipython().getoutput('ls')",
            f'x = SList(subprocess.run("ls", shell=True, {CAPTURE})',
            id="its output",
        ),
        pytest.param(
            "ip = get_ipython()\nf(get_ipython().x)", "ip = get_ipython()\nf(get_ipython().x)", id="other uses stay"
        ),
    ],
)
def test_translation(source: str, expected: str) -> None:
    script, codes = script_of(source)
    assert script.rstrip("\n") == expected.rstrip("\n")
    assert codes == ([] if "store" not in source else ["NB301"])


@pytest.mark.parametrize(
    ("source", "code", "rest"),
    [
        pytest.param("x = 1\n%time -o f()", "NB302", "x = 1\npass", id="time with an option"),
        pytest.param("x = %timeit -o f()", "NB302", "x = ...", id="the value of timeit"),
        pytest.param("%timeit -n5 -v t f()", "NB302", "pass", id="timeit that binds"),
        pytest.param("%time x =", "NB120", "pass", id="time of broken Python"),
        pytest.param("x = %time y = 1", "NB302", "x = ...", id="the value of a statement"),
        pytest.param(
            "def f():\n    %time x = 1", "NB302", "def f():\n    x = 1", id="time binds nothing in a function"
        ),
        pytest.param("x = %matplotlib inline", "NB302", "x = ...", id="nothing to assign"),
        pytest.param("%debug f()", "NB302", "pass", id="a statement in the debugger"),
        pytest.param("%run a.py", "NB302", "pass", id="run"),
        pytest.param("%store -r x", "NB302", "pass", id="store"),
        pytest.param("%load a.py", "NB302", "pass", id="load"),
        pytest.param("%reset -f", "NB302", "pass", id="reset"),
        pytest.param("df = %sql select 1", "NB302", "df = ...", id="SQL"),
        pytest.param("%%sql\nselect 1", "NB302", "", id="a cell of SQL"),
        pytest.param("%%capture out err\nx = 1", "NB306", "x = 1", id="capture into two names"),
        pytest.param("%%capture --no-std\nx = 1", "NB306", "x = 1", id="capture with an option that it lacks"),
        pytest.param("%%capture out\n!ls", "NB302", None, id="capture of a command"),
        pytest.param("%%capture out\ndisplay(x)", "NB302", None, id="capture of what is displayed"),
        pytest.param("%%bash --out x\nls", "NB302", "", id="bash into a name"),
        pytest.param("%%bash --bg\nls", "NB302", "", id="bash in the background"),
        pytest.param("%cd -", "NB302", "pass", id="the folder before"),
        pytest.param("%cd", "NB302", "pass", id="the folder of the user"),
        pytest.param("%env {a}=1", "NB302", "pass", id="an environment variable without a fixed name"),
        pytest.param("%config InlineBackend.rc = {}", "NB302", "pass", id="settings of matplotlib"),
        pytest.param("%config InlineBackend.close_figures = False", "NB302", "pass", id="figures that stay open"),
        pytest.param("%history -f a.py", "NB302", "pass", id="history to a file"),
        pytest.param("%load_ext cudf.pandas", "NB302", "pass", id="an extension that replaces pandas"),
        pytest.param("%ls > a.txt", "NB302", "pass", id="a listing with IPython's colours"),
        pytest.param("!sleep 1 &", "NB303", "pass", id="in the background"),
        pytest.param("%foo a", "NB301", "pass", id="unknown"),
        pytest.param("x = %foo a", "NB301", "x = ...", id="unknown, assigned"),
        pytest.param("%%foo\nx = 1", "NB301", "", id="an unknown cell magic"),
        pytest.param("/f x", "NB305", "pass", id="auto-call"),
        pytest.param(",f x y", "NB305", "pass", id="auto-quote"),
        pytest.param(";f x y", "NB305", "pass", id="auto-quote of all"),
        pytest.param("# note\n%%time\nx = 1", "NB306", "# note\npass\nx = 1", id="a cell magic below a comment"),
        pytest.param("%bash ls", "NB306", "pass", id="a cell magic as a line"),
        pytest.param("%%cd a\nx = 1", "NB306", "", id="a line magic as a cell"),
        pytest.param("%%bash\n", "NB306", "", id="bash of nothing"),
        pytest.param("%%writefile\nx", "NB306", "", id="no file"),
        pytest.param("%%time x = 1\ny = 2", "NB302", "y = 2", id="a statement beside a timed cell"),
    ],
)
def test_refused(source: str, code: str, rest: str | None) -> None:
    script, codes = script_of(source)
    assert codes == [code]
    assert rest is None or script.strip("\n") == rest


@pytest.mark.parametrize(
    ("source", "code", "line", "words"),
    [
        pytest.param("x = 1\ny = = 2", "NB120", 2, "invalid syntax", id="broken"),
        pytest.param("%pdb\ny = = 2", "NB120", 2, "invalid syntax", id="broken, with a magic"),
        pytest.param("x = (1,", "NB120", 1, "never closed", id="an open bracket"),
        pytest.param("s = '''a\nb", "NB120", 1, "unterminated", id="an open text"),
        pytest.param("def f():\nx = 1", "NB120", 2, "indented block", id="no body"),
        pytest.param("if a:\n    b\n  c", "NB120", 3, "unindent", id="a wrong indent"),
        pytest.param("return 1", "NB120", 1, "outside function", id="parses but does not compile"),
        pytest.param("if c: !ls", "NB120", 1, "", id="a command behind a colon"),
        pytest.param("x = 1\npip install a", "NB120", 2, "%pip install a", id="pip without a sign among other lines"),
        pytest.param("print 'a'", "NB121", 1, "print(...)", id="print"),
        pytest.param("exec 'a'", "NB121", 1, "exec(code)", id="exec"),
        pytest.param("try:\n    a\nexcept X, e:\n    b", "NB121", 3, "as e", id="except"),
        pytest.param("raise X, 'a'", "NB121", 1, "raise X(message)", id="raise"),
        pytest.param("a <> b", "NB121", 1, "!=", id="not equal"),
        pytest.param("x = 0777", "NB121", 1, "0o777", id="octal"),
        pytest.param("x = `a`", "NB121", 1, "repr", id="backquotes"),
        pytest.param("x\0 = 1", "NB123|NB120", 1, "null", id="a null byte"),
        pytest.param("x = " + "(" * 2000 + ")" * 2000, "NB123|NB120", 1, "", id="too many brackets"),
        pytest.param("x = " + "-" * 200_000 + "1", "NB123|NB120", 1, "", id="nested too deeply"),
        pytest.param(
            "x = t'{a}'",
            "NB122",
            1,
            "Python 3.14",
            id="newer than the running Python",
            marks=pytest.mark.skipif(sys.version_info >= (3, 14), reason="this Python has t-strings"),
        ),
    ],
)
def test_no_python(source: str, code: str, line: int, words: str) -> None:
    python, findings = to_python(Cell(1, "code", source), "nb.ipynb")
    assert python is None
    assert findings[0].code in code.split("|")
    assert findings[0].line == line
    assert words in f"{findings[0].message} {findings[0].hint}"


@pytest.mark.parametrize(
    ("source", "code"),
    [
        pytest.param("%timeit f(x)", "NB304", id="timeit of a call"),
        pytest.param("%timeit -n 10 -r3 f(x)", "NB304", id="timeit with options"),
        pytest.param("%%timeit x = 1\nx.y = 2", "NB304", id="a timed cell that stores"),
        pytest.param("%pip uninstall -y a", "NB304", id="uninstall"),
        pytest.param("%conda install -y -c conda-forge a b=1", "NB308", id="conda"),
        pytest.param("!sudo /opt/bin/conda install a", "NB308", id="conda, as a command"),
        pytest.param("!pip install {package}", "NB308", id="a package whose name is computed"),
        pytest.param("%precision 3", "NB304", id="precision"),
        pytest.param("%load_ext my_ext", "NB307", id="an unknown extension"),
        pytest.param("x = '''a\n  \nb'''", "NB124", id="blanks in a text"),
        pytest.param("%%writefile a\nx\n  \ny", "NB124", id="blanks in a file"),
    ],
)
def test_warnings(source: str, code: str) -> None:
    findings = to_python(Cell(1, "code", source), "nb.ipynb")[1]
    severity = Severity.NOTE if code == "NB308" else Severity.WARNING
    assert [(f.code, f.severity) for f in findings] == [(code, severity)]


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("%timeit x + 1", id="timeit of arithmetic"),
        pytest.param("def f():\n    '''A\n    \n    B'''", id="blanks in a docstring"),
        pytest.param("x = 1\n   \ny = 2", id="blanks between statements"),
    ],
)
def test_no_warnings(source: str) -> None:
    assert to_python(Cell(1, "code", source), "nb.ipynb")[1] == []


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("!pip install a b==1", ("a", "b==1"), id="pip"),
        pytest.param("!pip3 install -q -U 'a>=2' # why", ("a>=2",), id="options, quotes and a comment"),
        pytest.param("!pip install a>=2", ("a>=2",), id="without the quotes that the shell wants"),
        pytest.param("%pip install -r requirements.txt -i http://x a", ("-r requirements.txt", "a"), id="a file"),
        pytest.param("%pip install -e .", ("-e .",), id="editable"),
        pytest.param("!{sys.executable} -m pip install a > /dev/null 2>&1", ("a",), id="by the running Python"),
        pytest.param("!python3 -m pip install a | tail -1", ("a",), id="by a Python"),
        pytest.param("!pip install a && pip install b", ("a", "b"), id="two commands"),
        pytest.param("!uv pip install a", ("a",), id="uv"),
        pytest.param("%uv pip install a", ("a",), id="uv's magic"),
        pytest.param("pip install a", ("a",), id="automagic"),
        pytest.param("!pip install a --extra-index-url=http://x", ("a", "--extra-index-url http://x"), id="an index"),
        pytest.param("!pip install a -f wheels", ("a", "--find-links wheels"), id="a folder of packages"),
        pytest.param("!pip list\n!pip --version", (), id="showing something"),
    ],
)
def test_requirements(line: str, expected: tuple[str, ...]) -> None:
    python, codes = translate(line)
    assert python is not None
    assert (python.requirements, codes) == (expected, [])
    assert not python.imports
    assert len(python.dropped) == line.count("\n") + 1


@pytest.mark.parametrize(
    "command", ["pip freeze > requirements.txt", "apt-get install -y a", "pip download a", "pip install a && ls"]
)
def test_other_package_commands_are_commands(command: str) -> None:
    script, codes = script_of(f"!{command}")
    assert (script, codes) == (f'subprocess.run("{command}", shell=True)', [])


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param(
            "!echo $FOO {bar}", 'subprocess.run("echo $FOO {bar}", shell=True)', id="unbound names are the shell's"
        ),
        pytest.param("!echo $x", 'subprocess.run(f"echo {x}", shell=True)', id="bound ones are Python's"),
        pytest.param("!echo $x $FOO", 'subprocess.run("echo $x $FOO", shell=True)', id="IPython takes all or none"),
        pytest.param("!echo {max(x)}", 'subprocess.run(f"echo {max(x)}", shell=True)', id="builtins are bound"),
        pytest.param("%%capture out\ny = 1", "y = 1", id="a captured name that nobody reads"),
        pytest.param(
            "%%capture out --no-stderr\n# note\nout.stdout\ns = '''a\nb'''",
            "with capture_output(stderr=False) as out:\n    # note\n    out.stdout\n    s = '''a\nb'''",
            id="a captured name that somebody reads",
        ),
        pytest.param("%%capture x\n# x", "with capture_output() as x: pass\n    # x", id="nothing to capture"),
        pytest.param(
            "%%capture x\n%%time\nif y:\n    %pdb",
            "with capture_output() as x:\n    if y:\n        pass  # %pdb",
            id="another cell magic below it",
        ),
        *(
            pytest.param(f"f = !ls\n{use}", f'f = subprocess.run("ls", shell=True, {CAPTURE}\n{use}', id=use)
            for use in ("f[0]", "len(f)", "for a in f: x", "[a for a in f]", "' '.join(f)", "'a' in f", "f + [1]")
        ),
        pytest.param("f = !ls", f'f = subprocess.run("ls", shell=True, {CAPTURE}', id="lines that nobody reads"),
        *(
            pytest.param(f"f = !ls\n{use}", f'f = SList(subprocess.run("ls", shell=True, {CAPTURE})\n{use}', id=use)
            for use in ("f.n", "f.grep('a')", "f.sort()", "g = f", "h(f)", "[f]", "def h(): return f")
        ),
    ],
)
def test_names_settle_what_one_cell_cannot_tell(source: str, expected: str) -> None:
    names = names_of([Cell(1, "code", "x = 1\nx"), Cell(2, "markdown", "FOO"), Cell(3, "code", source)])
    assert script_of(source, names) == (expected, [])


@pytest.mark.parametrize(
    ("binding", "expected"),
    [
        pytest.param("import os", [], id="the usual import"),
        pytest.param("import os.path", [], id="of a part of it"),
        pytest.param("import numpy as os", ["NB302"], id="another module"),
        pytest.param("os = 1", ["NB302"], id="a variable"),
        pytest.param("from a import os", ["NB302"], id="another thing by that name"),
        pytest.param("def f(os): pass", ["NB302"], id="a parameter: it might be the function of the magic"),
    ],
)
def test_names_that_a_translation_needs(binding: str, expected: list[str]) -> None:
    assert translate(f"{binding}\n%env A=1")[1] == expected
    names = names_of([Cell(1, "code", binding)])
    assert translate("%env A=1", names)[1] == expected


def test_outputs_of_a_captured_cell_are_refused() -> None:
    names = names_of([Cell(1, "code", "out.outputs[0]")])
    assert script_of("%%capture out\nx = 1", names) == ("x = 1", ["NB302"])


def test_all_cells_settle_each_other() -> None:
    """The findings are each cell's own, and a cell without a magic is translated once."""
    sources = ["!echo $x $HOME", "f = !ls", "f[0]", "y = = 1", "ls"]
    cells = [Cell(n, "code", source) for n, source in enumerate(sources, start=1)]
    results = to_python_all([(cell, "train") for cell in cells], "nb.ipynb")
    texts = [python.text if python else None for python, _ in results]
    assert texts == [
        'subprocess.run("echo $x $HOME", shell=True)',
        f'f = subprocess.run("ls", shell=True, {CAPTURE}',
        "f[0]",
        None,
        "# %ls",
    ]
    assert [[f.cell for f in findings] for _, findings in results] == [[], [], [], [4], []]


def test_names_of() -> None:
    source = """
        import a.b, c as d
        from e import f as g
        def h(i, *j): global k; k = 1
        class L: m = n
        for o in p: pass
        with q as (r, s): t = u
        try: pass
        except V as w: pass
        match x:
            case {"y": z, **aa}: pass
            case [*bb] as cc: pass
        dd = [ee for ee in ff if (gg := ee)]
        %run {hh}
        """
    names = names_of([Cell(1, "code", textwrap.dedent(source)), Cell(2, "code", "out.show() = = 1")])
    assert sorted(names.bound) == sorted([*"Ladghijkmorstwz", "aa", "bb", "cc", "dd", "ee", "gg"])
    assert {*"npquVx", "ff", "hh", "out", "ee"} <= names.read


# -- IPython's own list


@pytest.fixture(scope="module")
def shell() -> Any:
    from IPython.core.interactiveshell import InteractiveShell

    return InteractiveShell.instance()


def test_every_magic_of_ipython_has_a_verdict(shell: Any) -> None:
    """Those of IPython itself, of the kernel, and of the extensions that come with IPython."""
    magics = shell.magics_manager.lsmagic()
    found = {kind: set(magics[kind]) for kind in ("line", "cell")}
    for module, name in (
        ("ipykernel.zmqshell", "KernelMagics"),
        ("IPython.extensions.autoreload", "AutoreloadMagics"),
        ("IPython.extensions.storemagic", "StoreMagics"),
    ):
        for kind, names in getattr(importlib.import_module(module), name).magics.items():
            found[kind] |= set(names)
    assert {"time", "clear", "autoreload", "store"} <= found["line"]
    assert found["line"] - set(LINE_MAGICS) == set()
    assert found["cell"] - set(CELL_MAGICS) == set()


@pytest.mark.parametrize("name", sorted(LINE_MAGICS))
def test_line_magics(name: str) -> None:
    """Each row keeps its promise, alone, with an argument, and in an assignment; nothing raises."""
    magic = LINE_MAGICS[name]
    assert bool(magic.hint) is (magic.verdict is Verdict.REFUSED)
    for source in (f"%{name}", f"%{name} a", f"if c:\n    %{name} a b", f"x = %{name} a", f"%{name} '"):
        python, codes = translate(source)
        assert python is not None
        assert python.has_magic
        if magic.verdict is Verdict.REFUSED:
            assert codes == ["NB302"]
        if magic.verdict is Verdict.DROPPED and name not in TRANSLATORS and "=" not in source:
            assert codes == []
            assert not python.imports


@pytest.mark.parametrize("name", sorted(CELL_MAGICS))
def test_cell_magics(name: str) -> None:
    magic = CELL_MAGICS[name]
    assert bool(magic.hint) is (magic.verdict is Verdict.REFUSED)
    for source in (f"%%{name}", f"%%{name}\nx = 1\n", f"%%{name} a\nx = 1", f"%%{name} -a '\nx"):
        python, codes = translate(source)
        assert python is not None
        if magic.verdict is Verdict.REFUSED:
            assert codes == ["NB302"]
    python, codes = translate(f"%%{name}\nx = 1\n")
    assert python is not None
    names = names_of([Cell(1, "code", python.text)])
    assert ("x" in names.bound) is (magic.code is Code.BINDS)


# -- against IPython itself

SAME = [
    pytest.param("x = !echo a; echo b >&2; exit 3", id="output, errors and a failure"),
    pytest.param("v = 'a b'\nx = !echo {v} $v '{v}' '$v' \"$v\" $$v {v!r} {v[:1]}", id="variables"),
    pytest.param("v = 1\nx = !echo {v} {nobody}", id="a variable that is none"),
    pytest.param("x = !printf '%s\\n' a '' b", id="backslashes and empty lines"),
    pytest.param("f = !echo 'a b'; echo c\nx = [f.n, f.s, f.l, f.grep('b'), f.fields(1)]", id="IPython's list"),
    pytest.param("f = !echo b; echo a\nx = [f.sort(), f, type(f).__name__]", id="its sort gives a new list"),
    pytest.param("%%capture w\nprint('a')\nz = 1\n\n1 + 1\n# w.stdout", id="capture of what is not asked for"),
    pytest.param("x = !echo a \\\n  b", id="a continued command"),
    pytest.param("x = !printf 'a\\r\\nb'", id="other line ends"),
    pytest.param("!echo '{{a}}' > f.txt\nx = open('f.txt').read()", id="doubled braces"),
    pytest.param("!echo a > f.txt; false\nx = open('f.txt').read()", id="a failing command"),
    pytest.param("v = {'k': 'w'}\n!echo {v['k']} {v[\"k\"]} > f.txt\nx = open('f.txt').read()", id="both quotes"),
    pytest.param("%env NB2STAGE_A = b 'c' \nimport os\nx = os.environ['NB2STAGE_A']", id="env keeps quotes, strips"),
    pytest.param("v = ' b '\n%env NB2STAGE_A={v}\nx = %env NB2STAGE_A", id="env of a variable"),
    pytest.param("%env NB2STAGE_A b c\nimport os\nx = os.environ['NB2STAGE_A']", id="env with blanks"),
    pytest.param("%env NB2STAGE_A b=c\nx = 1", id="env with a name with a blank is refused"),
    pytest.param("import os\nos.mkdir('d e')\n%cd -q 'd e'\nx = os.path.basename(os.getcwd())\n%cd ..", id="cd"),
    pytest.param("%time x = [1,\n%time y = 2", id="time takes one line"),
    pytest.param("x = %time 1 + 1", id="the value of time"),
    pytest.param("x = %time 1 + 1  # why", id="the value of time with a comment"),
    pytest.param("%time x = 1; y = 2", id="time of two statements"),
    pytest.param("%%time\nx = 1\n%time y = x + 1", id="a timed cell"),
    pytest.param("%%time\n%%capture\nx = 1\nprint(x)", id="one cell magic below another"),
    pytest.param("%%prun -q -s cumulative -l5\nx = 1", id="prun of a cell"),
    pytest.param("x = 1\n%timeit -n1 -r1 x + 1", id="timeit changes nothing"),
    pytest.param("%%writefile f.txt\na \\n \"\"\" ''' ü\n\tb {x}\n\n", id="a file, byte for byte"),
    pytest.param("%%writefile f.txt\nno end", id="a file without a last line end"),
    pytest.param('%%writefile f.txt\nends in a quote"', id="a file that ends in a quote"),
    pytest.param("%%writefile f.txt\nends in a backslash\\", id="a file that ends in a backslash"),
    pytest.param("%%writefile 'f g.txt'\nx", id="a file with a blank in its name"),
    pytest.param(
        "%%bash\necho \"$0 \\\\ 'a'\" > f.txt\nread y\necho $y >> f.txt\nunread", id="bash reads its own text"
    ),
    pytest.param("%%bash -s a 'b c'\necho $1-$2 > f.txt", id="bash with arguments"),
    pytest.param("%%sh --no-raise-error\necho ü > f.txt\nfalse", id="a failure that does not matter"),
    pytest.param("%%script bash -e\necho a > f.txt", id="another program"),
    pytest.param("%%script false --no-raise-error\nx = 1", id="switched off"),
    pytest.param("%%python3\nopen('f.txt', 'w').write('a')", id="another Python"),
    pytest.param("%%sx\necho a > f.txt\necho b >> f.txt", id="a cell of commands"),
    pytest.param("for i in range(2):\n    x = !echo {i}\n    %time y = i", id="in a loop"),
    pytest.param("def f(a):\n    z = !echo {a}\n    return z\nx = f(3)", id="in a function"),
    pytest.param("  x = 1\n  y = !echo a", id="indented"),
    pytest.param(">>> x = 1\n>>> y = 2", id="prompts"),
    pytest.param("x = 1\nx?", id="help"),
    pytest.param("pwd", id="automagic"),
    pytest.param("s = '''\n%time x = 1\n!echo\n'''\n!true", id="magics in a text"),
    pytest.param("!echo {a,b} > f.txt", id="what bash expands"),
    pytest.param("!echo -e 'a\\tb' > f.txt", id="what echo expands"),
    pytest.param("%aimport os.path, json\nx = json.dumps(1)", id="aimport"),
]


@pytest.mark.parametrize("source", SAME)
def test_same_as_ipython(source: str, shell: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What IPython runs and what the script runs leave the same values and the same files."""
    monkeypatch.setenv("SHELL", "/bin/bash")
    monkeypatch.delenv("NB2STAGE_A", raising=False)
    python, _ = translate(source, names_of([Cell(1, "code", source)]))
    results = []
    for side in ("notebook", "script"):
        folder = tmp_path / side
        folder.mkdir()
        monkeypatch.chdir(folder)
        names: dict[str, Any] = {}
        if side == "notebook":
            shell.reset(new_session=False)
            if "aimport" in source:
                shell.run_line_magic("load_ext", "autoreload")
            failed = not shell.run_cell(source, store_history=False).success
            names = shell.user_ns
        elif python is None:
            failed = True
        else:
            try:
                exec("\n".join([*python.imports.values(), python.text]), names)
                failed = False
            except Exception:
                failed = True
        values = {name: names[name] for name in "xyz" if name in names}
        results.append((failed, values, {p.name: p.read_bytes() for p in sorted(folder.rglob("*.txt"))}))
        os.chdir(folder)
    refused = [f for f in to_python(Cell(1, "code", source), "")[1] if f.severity is Severity.ERROR]
    if refused:
        assert results[0][0], "refused although IPython runs it"
    else:
        assert results[0] == results[1]


PIECES = (
    *("%", "%%", "!", "!!", "?", "x = ", "time", "bash", "cd", "env A=", "timeit", "prun", "capture", "writefile f"),
    *(" ", "    ", "\n", "\\\n", "'", '"', "'''", "{x}", "$x", "(", ")", "{", "}", "if x:", "f(1)", "def f():"),
    *("#", "\t", "\f", "\0", "\u2028", "\ud800", "ü", ";", "/", ",", "get_ipython()", ".system('ls')", ">>> "),
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_no_cell_gives_a_traceback(source: str) -> None:
    translate(source)
