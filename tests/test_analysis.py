"""The analysis by itself: small pieces of code, and what is found of names, of objects, and of what crosses."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Final, get_args

import pytest
from notebooks import notebook_data

from nb2stage.analysis.dataflow import Program, World, analyse
from nb2stage.analysis.heap import Heap
from nb2stage.analysis.interpreter import Interpreter
from nb2stage.analysis.kinds import kind_of
from nb2stage.analysis.modulefiles import ModuleFiles
from nb2stage.analysis.objects import ATOM, State, Statement, Var, join_vars, merge, reach
from nb2stage.analysis.scopes import inner_free_names, looked_up, top_level_names
from nb2stage.analysis.vocabulary import BOUND, DELETED, PERHAPS, WITHOUT_TURN, FileMode, Kind, Mark, Unbound
from nb2stage.knowledge import Knowledge
from nb2stage.knowledge.valuetypes import Type
from nb2stage.reading.notebook import read_notebook
from nb2stage.reading.tags import parse_tags
from nb2stage.spine import to_cells

SOURCES: Final = Path(__file__).resolve().parent.parent / "src" / "nb2stage"


# -- names


def words(names: object) -> str:
    """Names in order: what a row of a table has."""
    return " ".join(sorted(map(str, names)))  # type: ignore[call-overload]


SCOPES: Final = [
    # a statement; what it may bind at the top level; what it may look up; of this, what its functions and classes do
    ("x = y", "x", "y", ""),
    ("x += 1", "x", "x", ""),
    ("a, (b, *c) = d", "a b c", "d", ""),
    ("x[i] = y", "", "i x y", ""),
    ("del x.y", "", "x", ""),
    ("import a.b", "a", "", ""),
    ("import a.b as c", "c", "", ""),
    ("from m import a, b as c", "a c", "", ""),
    ("xs = [y for y in ys if y > limit]", "xs", "limit ys", ""),
    ("xs = [last := y for y in ys]", "last xs", "ys", ""),
    ("for i in xs:\n    total = total + i", "i total", "i total xs", ""),
    ("try:\n    f()\nexcept E as e:\n    print(e)", "e", "E e f print", ""),
    ("with open(p) as f, g() as (h, k):\n    pass", "f h k", "g open p", ""),
    ("match x:\n    case {'a': y, **rest}:\n        pass", "rest y", "x", ""),
    ("def f(a, b=c):\n    return a + g(d)", "f", "c d g", "d g"),
    ("def f():\n    global n\n    n = m", "f", "m n", "m n"),
    ("def f():\n    x = 1\n    def g():\n        return x + y\n    return g", "f", "y", "y"),
    ("f = lambda x, k=z: x + k + w", "f", "w z", "w"),
    ("class A(B):\n    n = m\n    def f(self):\n        return n", "A", "B m n", "m n"),
    ("@decorate\nclass A:\n    pass", "A", "decorate", ""),
]


@pytest.mark.parametrize(("code", "binds", "uses", "later"), SCOPES, ids=[row[0].split("\n")[0] for row in SCOPES])
def test_names_of_a_statement(code: str, binds: str, uses: str, later: str) -> None:
    """What a statement binds and looks up does not depend on what stands around it."""
    node = ast.parse(code).body[0]
    assert words(top_level_names(node)) == binds
    assert words(looked_up(node)) == uses
    assert words(inner_free_names(node)) == later


# -- the flow state


def test_where_ways_meet() -> None:
    """A name that only one of two ways binds may be unbound; deleted on one way only, it may be bound."""
    one, two = Statement(1, 1, ast.Pass(), 0), Statement(2, 1, ast.Pass(), 0)
    bound, unbound = Var(sites=frozenset({one})), Var(unbound=PERHAPS)
    gone = Var(sites=frozenset({two}), unbound=DELETED)
    assert join_vars(bound, unbound).unbound == PERHAPS
    assert join_vars(bound, gone).unbound == PERHAPS
    assert join_vars(gone, gone).unbound == DELETED
    assert join_vars(bound, gone).sites == {one, two}


def test_a_loop_without_a_turn() -> None:
    """What each turn of a loop binds is unbound only where there is no turn."""
    base = State()
    turn = State(base)
    turn.delta["x"] = Var(sites=frozenset({Statement(1, 1, ast.Pass(), 0)}))
    joined, changed = merge(base, [State(base), turn], loop=True)
    assert changed
    assert joined.get("x").unbound == WITHOUT_TURN
    assert merge(base, [State(base), turn])[0].get("x").unbound == PERHAPS
    assert merge(base, [turn])[0].get("x").unbound == BOUND


def test_a_way_that_ends_counts_nowhere() -> None:
    base = State()
    dead, alive = State(base), State(base)
    dead.delta["x"], dead.dead = Var(unbound=BOUND), True
    joined, changed = merge(base, [dead, alive])
    assert not changed
    assert not joined.dead
    assert merge(base, [dead])[0].dead


# -- objects


def run(code: str) -> tuple[Heap, Statement]:
    """The heap after the statements of a code, which is of one stage, and the last of these."""
    interpreter = Interpreter(copy_on_write=True, module_files=ModuleFiles(), known=Knowledge())
    statements = [Statement(n, 1, node, 0) for n, node in enumerate(ast.parse(code).body)]
    for statement in statements:
        interpreter.run(statement)
    return interpreter.heap, statements[-1]


def names_of(heap: Heap) -> list[str]:
    return sorted(key for key in heap.state.delta if isinstance(key, str) and not key.startswith("<"))


IMPORTS: Final = "import copy\nimport numpy as np\nimport pandas as pd\nimport mystery\n"

CHANGES: Final = [
    # code; the names whose objects the last statement may change; of these the certain ones
    ("xs = []\nys = xs\nxs.append(1)", "xs ys", "xs ys"),
    ("xs = []\nys = list(xs)\nxs.append(1)", "xs", "xs"),
    ("inner = []\nxs = [inner]\nxs[0].append(1)", "inner xs", "inner xs"),
    ("inner = []\nxs = [inner]\nxs.append(1)", "xs", "xs"),
    ("xs = []\nys = copy.deepcopy([xs])\nys[0].append(1)", "ys", "ys"),
    ("a = np.zeros(3)\nb = a[1:]\nb[0] = 1", "a b", "a b"),
    ("a = np.zeros(3)\nb = a[1:].copy()\nb[0] = 1", "b", "b"),
    ("df = pd.DataFrame()\nsome = df[df.a > 1]\nsome['b'] = 1", "some", "some"),
    ("df = pd.DataFrame()\ndf.drop(columns='a', inplace=True)", "df", "df"),
    ("df = pd.DataFrame()\nsmall = df.drop(columns='a')", "", ""),
    ("df = pd.DataFrame()\nmystery.work(df)", "df", ""),
    ("n = 1\nmystery.work(n)", "", ""),
    ("def f(x):\n    x.append(1)\nxs = []\nf(xs)", "xs", "xs"),
    ("def f(x, acc=[]):\n    acc.append(x)\n    return acc\nf(1)", "f", "f"),
    ("class A:\n    def put(self, x):\n        self.x = x\na = A()\na.put([])", "a", "a"),
    ("it = iter([1])\nnext(it)", "it", "it"),
]


@pytest.mark.parametrize(("code", "changed", "known"), CHANGES, ids=[row[0].replace("\n", "; ") for row in CHANGES])
def test_what_the_last_statement_changes(code: str, changed: str, known: str) -> None:
    heap, last = run(IMPORTS + code)
    values = {name: heap.state.get(name).values for name in names_of(heap)}
    assert words(n for n, objects in values.items() if reach(objects) & last.changes) == changed
    assert words(n for n, objects in values.items() if reach(objects) & last.known_changes) == known


SHARED: Final = [
    # code; whether `x` and `y` may have an object in common
    ("x = []\ny = x", True),
    ("x = []\ny = []", False),
    ("x = []\ny = {'a': x}", True),
    ("x = (1, 2)\ny = x", False),
    ("x = 'text'\ny = x", False),
    ("a = []\nx = [a]\ny = x[:]", True),
    ("x = [[]]\ny = copy.deepcopy(x)", False),
    ("x = np.zeros(3)\ny = x.reshape(3, 1)", True),
    ("x = np.zeros(3)\ny = x + 1", False),
    ("x = pd.DataFrame()\ny = x.copy()", False),
    ("x = []\ny = mystery.work(x)", True),
    ("x = []\ny = len(x)", False),
    ("def f(v):\n    return v\nx = []\ny = f(x)", True),
    ("def f(v):\n    return [*v]\nx = [1]\ny = f(x)", False),
    ("x = []\ny = x if x else []", True),
]


@pytest.mark.parametrize(("code", "shared"), SHARED, ids=[row[0].replace("\n", "; ") for row in SHARED])
def test_what_two_names_share(code: str, shared: bool) -> None:
    heap, _ = run(IMPORTS + code)
    of_x, of_y = (reach(heap.state.get(name).values) for name in "xy")
    assert bool(of_x & of_y) is shared


KINDS: Final = [
    ("x = 1", "scalar"),
    ("x = 'a' + 'b'", "scalar"),
    ("x = []", "list"),
    ("x = {}", "dict"),
    ("x = np.zeros(3) * 2", "array"),
    ("x = pd.DataFrame()", "DataFrame"),
    ("x = pd.DataFrame().groupby('a').sum()", ""),
    ("x = [1] if mystery.sure() else {}", "dict | list"),
    ("class A:\n    pass\nx = A()", "A"),
    ("x = mystery.make()", ""),
]


@pytest.mark.parametrize(("code", "kind"), KINDS, ids=[row[0].replace("\n", "; ") for row in KINDS])
def test_what_a_name_refers_to(code: str, kind: str) -> None:
    heap, _ = run(IMPORTS + code)
    assert kind_of(heap.state.get("x").values) == kind


def test_a_name_bound_in_a_branch() -> None:
    heap, _ = run(
        "if mystery():\n    x = []\nfor _ in range(3):\n    y = 1\ntry:\n    z = 1\nexcept ValueError:\n    pass"
    )
    assert [heap.state.get(name).unbound for name in "xyz"] == [PERHAPS, WITHOUT_TURN, PERHAPS]


def test_an_unbound_name_is_found() -> None:
    heap, last = run("x = 1\ndel x\nprint(x, y)")
    assert [(finding.code, finding.name) for finding in heap.findings] == [("NB203", "x"), ("NB201", "y")]
    assert all(finding.statement is last for finding in heap.findings)


def test_a_statement_is_what_it_reads_and_does() -> None:
    heap, last = run(IMPORTS + "path = 'a.csv'\nnp.random.seed(1)\ndf = pd.read_csv(path)")
    assert words(last.reads) == "path pd"
    assert words(last.binds) == "df"
    assert [(use.mode, use.path) for use in heap.files] == [("read", "a.csv")]
    assert heap.seeded == {"numpy"}
    assert heap.state.get("path").values == ATOM


# -- what crosses


def program_of(text: str) -> Program:
    """The program of cells that begin with `# %% TAG`."""
    parts = [part.partition("\n") for part in text.strip().split("# %% ")[1:]]
    data = notebook_data([(tags.strip(), source.strip("\n")) for tags, _, source in parts])
    notebook = read_notebook(json.dumps(data).encode(), "nb.ipynb")
    roles, stages, _ = parse_tags(notebook)
    names = [stage.name for stage in stages]
    cells, _ = to_cells(notebook, roles, names)
    return analyse(cells, len(names), World())


def crossings(text: str) -> list[str]:
    """What crosses, a line for each file and for each statement that another stage repeats."""
    program = program_of(text)
    found = [finding.code for finding in program.findings]
    for transfer in program.boundaries.transfers:
        for stage, names in sorted(transfer.consumers.items()):
            found.append(f"{transfer.stage} -> {stage}: {words(names)} of {words(transfer.names)}")
    for stage in program.boundaries.stages:
        repeated = sorted(stage.repeats, key=lambda statement: statement.position)
        found += [f"{stage.index} repeats {ast.unparse(statement.node)}" for statement in repeated]
    return found


CROSSINGS: Final = {
    "a value crosses in a file": (
        "# %% import\ndata = mystery()\n# %% report\nprint(data)",
        ["0 -> 1: data of data"],
    ),
    "a constant and an import by their statements": (
        "# %% import\nimport math\nlimit = 3\ndata = mystery()\n# %% report\nprint(math.pi, limit)",
        ["1 repeats import math", "1 repeats limit = 3"],
    ),
    "names that share a list which changes later in one file, others in two": (
        "# %% import\na = mystery()\nb = [a]\n# %% train\na.append(1)\n# %% report\nprint(a, b)",
        ["0 -> 1: a b of a b", "1 -> 2: a of a", "1 -> 2: b of b"],
    ),
    "two names of which nothing changes later in two files": (
        "# %% import\na = list(mystery())\nb = list(mystery())\n# %% report\nprint(a, b)",
        ["0 -> 1: a of a", "0 -> 1: b of b"],
    ),
    "a function by its definition, with what it looks up": (
        "# %% import\nk = 2\ndef f(x):\n    return k * x\nn = f(mystery())\n# %% report\nprint(f(n))",
        ["0 -> 1: n of n", "1 repeats k = 2", "1 repeats def f(x):\n    return k * x"],
    ),
    "what is handed on comes from the stage that made it": (
        "# %% import\ndata = mystery()\n# %% train\nfit = mystery()\n# %% report\nprint(data, fit)",
        ["0 -> 2: data of data", "1 -> 2: fit of fit"],
    ),
    "the index of a copy is named without the index of the frame": (
        "# %% import\nimport pandas as pd\ndf = pd.DataFrame({'x': [mystery()]})\n"
        "# %% train\nother = df.copy()\nother.index.name = 'day'\n# %% report\nprint(df)",
        ["0 -> 1: df of df", "0 -> 2: df of df"],
    ),
    "what no file keeps is refused": (
        "# %% import\nrows = (n * n for n in mystery())\n# %% report\nprint(next(rows))",
        ["NB243", "0 -> 1: rows of rows"],
    ),
    "nothing is refused that is made again": (
        "# %% import\nlock = open('a.txt')\nlock.close()\n# %% report\nprint(1)",
        [],
    ),
}


@pytest.mark.parametrize("title", CROSSINGS)
def test_what_crosses(title: str) -> None:
    text, expected = CROSSINGS[title]
    text = text.replace("# %% import\n", "# %% import\nfrom elsewhere import mystery\n")
    found = [line for line in crossings(text) if not line.endswith("import mystery")]
    assert found == expected


# -- the words


def test_compared_words_are_known() -> None:
    """The type checker sees a misspelt word behind `==` but not in `kind in ("lsit", "dict")`: this does."""
    words_of = {"kind": get_args(Kind), "type": get_args(Type), "mark": get_args(Mark), "mode": get_args(FileMode)}
    found = []
    for path in sorted((SOURCES / "analysis").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Compare) or not isinstance(node.left, ast.Attribute):
                continue
            if node.left.attr not in words_of or not isinstance(node.ops[0], ast.In | ast.NotIn):
                continue
            constants = [part.value for part in ast.walk(node.comparators[0]) if isinstance(part, ast.Constant)]
            found += [(path.name, c) for c in constants if c not in words_of[node.left.attr]]
    assert found == []


def test_states_of_being_unbound_are_ordered() -> None:
    """`max` of two is what holds where both ways meet."""
    assert get_args(Unbound) == (BOUND, WITHOUT_TURN, PERHAPS, DELETED)
