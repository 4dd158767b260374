"""Constructs as whole small notebooks: what each must become is judged by hand, never taken from the program.

`== name` starts a row, `== name | NB243` one that must be refused with a code that begins so, and `== name | either`
one that must be refused or give the same results.  `# %% tag tag` starts a cell with these tags, `# %%` one without.
`# %% file: path` gives a file that lies beside the notebook, `# %% tune: name` the value that a user writes into
params.yaml (and, for the comparison, into the notebook), `# %% out: path` a JSON file that the pipeline writes beyond
what the notebook writes.  A line `=> value` writes the value to result.json, `=> value > name.json` to another file.
`| ipython` behind the name runs the notebook in IPython also where plain Python would do;
`| real` runs everything in fresh interpreters, for what looks at the frames of its callers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

SAME: Final = "same"
EITHER: Final = "either"
_RESULT: Final = re.compile(r"^([ \t]*)=> (.+?)(?: > (\w+\.json))?$", re.MULTILINE)


@dataclass
class Row:
    """One notebook and what must become of it: `same`, the code of the refusal, or `either`."""

    name: str
    text: str
    expect: str = SAME
    ipython: bool = False
    real: bool = False
    cells: list[tuple[list[str], str]] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    outs: dict[str, str] = field(default_factory=dict)
    tuned: dict[str, str] = field(default_factory=dict)
    imports: tuple[str, ...] = ()  # what its template process imports beyond the usual
    sealed: bool = False  # a stage sees no file beside the notebook that it does not declare
    right: object = None  # what the notebook writes to results.json, known by hand
    said: str = ""  # words of the refusal
    group: str = ""  # the name of the file that it stands in

    @property
    def run(self) -> list[tuple[list[str], str]]:
        """The cells as the notebook runs them, with tuned parameters."""
        found = []
        for tags, source in self.cells:
            changed = source
            for name, value in self.tuned.items() if "parameters" in tags else ():
                changed = re.sub(rf"(?m)^({name}\s*(:[^=]*)?=).*$", rf"\1 {value}", changed)
            found.append((tags, changed))
        return found

    def notebook(self) -> dict[str, object]:
        """The notebook as JSON."""
        cells = [
            {
                "cell_type": "code",
                "id": f"c{n}",
                "metadata": {"tags": tags} if tags else {},
                "source": source,
                "outputs": [],
                "execution_count": None,
            }
            for n, (tags, source) in enumerate(self.cells)
        ]
        language = {
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            "language_info": {"name": "python"},
        }
        return {"cells": cells, "metadata": language, "nbformat": 4, "nbformat_minor": 5}


def _result(found: re.Match[str]) -> str:
    indent, value, file = found[1], found[2], found[3] or "result.json"
    opened = f'with open("{file}", "w") as result_file:'
    lines = ["import json", opened, f"    json.dump({value}, result_file, default=str)"]
    return "\n".join(indent + line for line in lines)


def _row(text: str) -> Row:
    head, _, body = text.partition("\n")
    name, *options = (part.strip() for part in head.split("|"))
    codes = [option for option in options if option.startswith("NB")]
    expected = codes[0] if codes else EITHER if EITHER in options else SAME
    row = Row(name, body.strip(), expected, "ipython" in options, "real" in options)
    for part in re.split(r"^# %%", body, flags=re.MULTILINE)[1:]:
        tags, _, source = part.partition("\n")
        source = _RESULT.sub(_result, source.strip("\n"))
        kind, colon, path = tags.strip().partition(": ")
        if not colon:
            row.cells.append((tags.split(), source))
        elif kind == "file":
            row.files[path] = source + "\n"
        elif kind == "out":
            row.outs[path] = source
        elif kind == "tune":
            row.tuned[path] = source
        else:
            raise ValueError(tags)
    return row


def rows_of(text: str) -> list[Row]:
    return [_row(part) for part in re.split(r"^== ", text, flags=re.MULTILINE)[1:]]


MUTATION: Final = r"""
== dict-item-stored-in-a-later-stage
# %% import
d = {"a": 1}
# %% train
d["b"] = 2
# %% report
=> d

== two-stages-append-to-one-list
# %% import
xs = [1]
# %% preprocess
xs.append(2)
# %% train
xs.append(3)
# %% report
=> xs

== slice-stored-in-a-list-and-an-array
# %% import
import numpy as np
xs = list(range(6))
a = np.zeros(5)
# %% train
xs[1:3] = [10, 20, 30]
a[::2] = 7
# %% report
=> [xs, a.tolist()]

== augmented-list-changes-the-alias
# %% import
a = [1]
b = a
# %% train
b += [2]
# %% report
=> [a, b, a is b]

== augmented-int-leaves-the-other-name
# %% import
a = 1
b = a
# %% train
b += 2
# %% report
=> [a, b]

== augmented-array-changes-the-alias
# %% import
import numpy as np
a = np.arange(4.0)
b = a
# %% train
b *= 2
# %% report
=> [a.tolist(), b.tolist()]

== augmented-array-item
# %% import
import numpy as np
a = np.arange(4.0)
# %% train
a[1:] += 10
# %% report
=> a.tolist()

== augmented-frame-column
# %% import
import pandas as pd
df = pd.DataFrame({"a": [1, 2], "b": [3, 4]})
# %% train
df["a"] += 1
# %% train
df.b *= 2
# %% report
=> df.to_dict("list")

== augmented-tuple-and-string-rebind
# %% import
t = (1,)
s = "a"
u, v = t, s
# %% train
t += (2,)
s += "b"
# %% report
=> [t, s, u, v]

== inplace-drop-seen-through-the-alias
# %% import
import pandas as pd
df = pd.DataFrame({"a": [1, None, 3], "b": [3, 4, 5]})
raw = df
# %% preprocess
df.dropna(inplace=True)
# %% report
=> [len(raw), len(df), raw.to_dict("list")]

== inplace-by-a-variable-keyword
# %% import
import pandas as pd
df = pd.DataFrame({"b": [3, 1, 2]})
options = {"inplace": True}
# %% preprocess
df.sort_values("b", **options)
# %% report
=> df["b"].tolist()

== frame-column-stored-after-a-copy
# %% import
import pandas as pd
df = pd.DataFrame({"a": [1, 2, 3]})
# %% preprocess
clean = df.copy()
clean["b"] = clean["a"] * 2
# %% report
=> [list(df.columns), list(clean.columns)]

== fit-in-one-stage-read-in-the-next
# %% import
import numpy as np
from sklearn.linear_model import LinearRegression
X, y = np.arange(6.0).reshape(3, 2), np.array([1.0, 2.0, 4.0])
model = LinearRegression()
# %% train
model.fit(X, y)
# %% report
=> [model.coef_.tolist(), float(model.intercept_)]

== fit-returns-the-model-itself
# %% import
import numpy as np
from sklearn.linear_model import LinearRegression
X, y = np.arange(6.0).reshape(3, 2), np.array([1.0, 2.0, 4.0])
# %% train
model = LinearRegression()
fitted = model.fit(X, y)
# %% evaluate
fitted.tag = "seen"
# %% report
=> [model.tag, model is fitted]

== set-params-on-a-model-in-a-dict
# %% import
from sklearn.linear_model import Ridge
models = {"ridge": Ridge(alpha=1.0)}
best = models["ridge"]
# %% train
best.set_params(alpha=5.0)
# %% report
=> models["ridge"].alpha

== pipeline-shares-its-scaler-with-a-name
# %% import
import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.linear_model import Ridge
X, y = np.arange(8.0).reshape(4, 2), np.array([1.0, 2.0, 4.0, 3.0])
scaler = StandardScaler()
pipe = make_pipeline(scaler, Ridge())
# %% train
pipe.fit(X, y)
# %% report
=> [scaler.mean_.tolist(), pipe[0] is scaler]

== update-and-pop-and-setdefault
# %% import
d = {"a": [1], "b": 2}
# %% preprocess
d.update(c=3)
got = d.pop("b")
# %% train
d.setdefault("a", []).append(got)
# %% report
=> d

== function-changes-its-argument
# %% import
def add(row, key, value):
    row[key] = value
d = {}
# %% train
add(d, "x", 1)
# %% report
=> d

== function-changes-argument-through-a-helper
# %% import
def _put(row, value):
    row.append(value)
def put(row, value):
    _put(row, value)
xs = []
# %% train
put(xs, 1)
# %% report
put(xs, 2)
=> xs

== function-returns-its-argument
# %% import
def same(x):
    return x
a = [1]
b = same(a)
# %% train
b.append(2)
# %% report
=> a

== function-changes-a-global-by-reference
# %% import
log = []
def work(x):
    log.append(x)
    return x * 2
a = work(1)
# %% train
b = work(a)
# %% report
=> [log, a, b]

== function-rebinds-a-global
# %% import
total = 0
def add(n):
    global total
    total += n
add(1)
# %% train
add(10)
# %% report
add(100)
=> total

== function-binds-a-global-nobody-else-binds
# %% import
def load():
    global data
    data = [1, 2, 3]
load()
# %% train
data.append(4)
# %% report
=> data

== method-changes-self
# %% import
class Counter:
    def __init__(self):
        self.n = 0
    def up(self):
        self.n += 1
        return self
c = Counter()
# %% train
c.up().up()
# %% report
=> c.n

== class-attribute-set-later
# %% import
class A:
    n = 1
a = A()
# %% train
A.n = 5
# %% report
=> [a.n, A.n]

== class-attribute-list-shared-by-instances
# %% import
class A:
    seen = []
    def __init__(self, n):
        self.seen.append(n)
one = A(1)
# %% train
two = A(2)
# %% report
=> [one.seen, A.seen, one.seen is two.seen]

== class-attribute-counted-in-init
# %% import
class A:
    made = 0
    def __init__(self):
        A.made += 1
        self.id = A.made
a = A()
# %% train
b = A()
# %% report
c = A()
=> [a.id, b.id, c.id, A.made]

== function-attribute-counts-calls
# %% import
def f():
    f.calls = getattr(f, "calls", 0) + 1
    return f.calls
f()
# %% train
f()
# %% report
=> f()

== function-attribute-set-from-outside
# %% import
def f():
    return f.scale * 2
f.scale = 1
# %% train
f.scale = 21
# %% report
=> f()

== mutable-default-keeps-its-items
# %% import
def f(x, acc=[]):
    acc.append(x)
    return acc
f(1)
# %% train
f(2)
# %% report
=> f(3)

== list-iterator-advanced-across-stages
# %% import
it = iter([1, 2, 3, 4])
first = next(it)
# %% train
second = next(it)
# %% report
=> [first, second, list(it)]

== zip-and-enumerate-advanced-across-stages
# %% import
pairs = enumerate(["a", "b", "c"])
next(pairs)
# %% train
got = next(pairs)
# %% report
=> [got, list(pairs)]

== generator-advanced-across-stages | NB2
# %% import
def numbers():
    yield 1
    yield 2
    yield 3
g = numbers()
first = next(g)
# %% train
second = next(g)
# %% report
=> [first, second, list(g)]

== generator-expression-advanced-across-stages | NB2
# %% import
g = (n * n for n in range(4))
first = next(g)
# %% train
rest = list(g)
=> [first, rest]

== generator-used-up-in-its-stage
# %% import
g = (n * n for n in range(4))
total = sum(g)
# %% report
=> total

== iterator-empties-what-feeds-it
# %% import
xs = [1, 2, 3]
it = iter(xs)
next(it)
# %% train
xs.append(4)
# %% report
=> list(it)

== reverse-and-sort-in-place
# %% import
xs = [3, 1, 2]
# %% preprocess
xs.sort()
# %% train
xs.reverse()
# %% report
=> xs

== del-of-an-item-and-an-attribute
# %% import
import types
d = {"a": 1, "b": 2}
o = types.SimpleNamespace(x=1, y=2)
# %% train
del d["a"]
del o.x
# %% report
=> [d, vars(o)]

== del-of-a-frame-column
# %% import
import pandas as pd
df = pd.DataFrame({"a": [1], "b": [2]})
# %% preprocess
del df["a"]
# %% report
=> list(df.columns)

== setattr-with-a-computed-name
# %% import
import types
o = types.SimpleNamespace()
name = "speed"
# %% train
setattr(o, name, 3)
# %% report
=> vars(o)

== frame-attribute-index-and-columns-set
# %% import
import pandas as pd
df = pd.DataFrame({"a": [1, 2], "b": [3, 4]})
# %% preprocess
df.columns = ["x", "y"]
df.index = ["r", "s"]
# %% report
=> df.to_dict()

== loc-and-iloc-stores
# %% import
import pandas as pd
df = pd.DataFrame({"a": [1, 2, 3], "b": [4.0, 5.0, 6.0]})
# %% preprocess
df.loc[df["a"] > 1, "b"] = 0.0
df.iloc[0, 0] = 9
df.at[2, "a"] = 7
# %% report
=> df.to_dict("list")

== insert-and-pop-of-frame-columns
# %% import
import pandas as pd
df = pd.DataFrame({"a": [1, 2], "y": [0, 1]})
# %% preprocess
y = df.pop("y")
df.insert(0, "z", [5, 6])
# %% report
=> [df.to_dict("list"), y.tolist()]

== np-functions-that-write-into-an-argument
# %% import
import numpy as np
a = np.arange(4.0)
out = np.zeros(4)
# %% train
np.multiply(a, 2, out=out)
np.put(a, [0], 9.0)
np.fill_diagonal(out.reshape(2, 2), 5.0)
# %% report
=> [a.tolist(), out.tolist()]

== random-shuffle-in-place
# %% import
import random
random.seed(3)
xs = list(range(8))
# %% train
random.shuffle(xs)
# %% report
=> [xs, random.random()]

== heap-changed-by-functions
# %% import
import heapq
heap = [5, 3, 8]
heapq.heapify(heap)
# %% train
heapq.heappush(heap, 1)
# %% report
=> [heapq.heappop(heap), heap]

== bisect-insort
# %% import
from bisect import insort
xs = [1, 5]
# %% train
insort(xs, 3)
# %% report
=> xs

== map-with-a-function-that-changes
# %% import
seen = []
def note(x):
    seen.append(x)
    return x
# %% train
list(map(note, [1, 2]))
# %% report
=> seen

== lambda-default-list-changed
# %% import
push = lambda x, acc=[]: acc.append(x) or acc
push(1)
# %% train
push(2)
# %% report
=> push(3)

== loop-changes-the-members-of-a-list
# %% import
rows = [{"n": 1}, {"n": 2}]
# %% train
for row in rows:
    row["n"] *= 10
# %% report
=> rows

== comprehension-that-changes
# %% import
rows = [[1], [2]]
# %% train
sizes = [row.append(0) or len(row) for row in rows]
# %% report
=> [rows, sizes]

== operator-setitem-and-methodcaller
# %% import
import operator
d = {"a": 1}
push = operator.methodcaller("append", 3)
xs = []
# %% train
operator.setitem(d, "b", 2)
push(xs)
# %% report
=> [d, xs]

== bound-method-in-a-variable-changes-its-object
# %% import
xs = []
push = xs.append
# %% train
push(1)
# %% report
=> xs
"""

IDENTITY: Final = r"""
== alias-changed-in-a-later-stage
# %% import
a = [1]
b = a
# %% train
b.append(2)
# %% report
=> [a, a is b]

== alias-made-in-a-later-stage
# %% import
a = [1]
# %% preprocess
b = a
# %% train
a.append(2)
# %% report
=> [b, a is b]

== numpy-view-follows-its-base
# %% import
import numpy as np
a = np.arange(6)
v = a[2:4]
# %% train
a[:] = 7
# %% report
=> v.tolist()

== numpy-base-follows-its-view
# %% import
import numpy as np
a = np.arange(6)
m = a.reshape(2, 3)
t = m.T
# %% train
t[0, 1] = 99
# %% report
=> [a.tolist(), m.tolist()]

== numpy-ravel-and-asarray-views
# %% import
import numpy as np
a = np.zeros((2, 2))
r = a.ravel()
s = np.asarray(a)
# %% train
r[0] = 1
s[1, 1] = 2
# %% report
=> a.tolist()

== frame-values-from-an-array
# %% import
import numpy as np
import pandas as pd
a = np.arange(4.0).reshape(2, 2)
df = pd.DataFrame(a, columns=["x", "y"], copy=False)
# %% train
a[0, 0] = 50.0
# %% report
=> [df.to_dict("list"), a.tolist()]

== pandas-slice-is-independent
# %% import
import pandas as pd
df = pd.DataFrame({"a": [1, 2, 3]})
top = df[:2]
# %% train
df.loc[0, "a"] = 100
# %% report
=> [df["a"].tolist(), top["a"].tolist()]

== series-of-a-column-is-independent
# %% import
import pandas as pd
df = pd.DataFrame({"a": [1, 2, 3]})
s = df["a"]
# %% train
df.loc[0, "a"] = 100
s.iloc[1] = -1
# %% report
=> [df["a"].tolist(), s.tolist()]

== series-alias
# %% import
import pandas as pd
s = pd.Series([1, 2, 3])
t = s
# %% train
t.iloc[0] = 10
# %% report
=> s.tolist()

== member-of-a-list
# %% import
inner = [1]
outer = [inner, 2]
# %% train
inner.append(5)
# %% report
=> [outer, outer[0] is inner]

== member-of-a-nested-dict
# %% import
config = {"model": {"depth": 1}}
model = config["model"]
# %% train
model["depth"] = 9
# %% report
=> config

== member-of-an-object
# %% import
class Box:
    def __init__(self, items):
        self.items = items
items = [1]
box = Box(items)
# %% train
items.append(2)
# %% report
=> [box.items, box.items is items]

== array-in-a-tuple
# %% import
import numpy as np
a = np.zeros(3)
pair = (a, "label")
# %% train
a += 1
# %% report
=> pair[0].tolist()

== dict-of-frames-changed-later
# %% import
import pandas as pd
frames = {"one": pd.DataFrame({"a": [1]}), "two": pd.DataFrame({"a": [2]})}
one = frames["one"]
# %% preprocess
for name, frame in frames.items():
    frame["name"] = name
# %% report
=> [one.to_dict("list"), frames["two"].to_dict("list")]

== two-containers-share-a-member
# %% import
shared = {"n": 0}
a, b = [shared], (shared,)
# %% train
a[0]["n"] = 5
# %% report
=> b[0]

== shallow-copy-shares-its-members
# %% import
import copy
a = [[1], [2]]
b = a[:]
c = copy.copy(a)
d = copy.deepcopy(a)
# %% train
a[0].append(9)
# %% report
=> [b, c, d]

== list-times-n-shares-rows
# %% import
grid = [[0] * 2] * 3
# %% train
grid[0][1] = 5
# %% report
=> grid

== dict-fromkeys-shares-its-value
# %% import
d = dict.fromkeys("ab", [])
# %% train
d["a"].append(1)
# %% report
=> d

== chained-assignment-shares-a-list
# %% import
a = b = []
# %% train
a.append(1)
# %% report
=> [b, a is b]

== self-referencing-list
# %% import
loop = [1]
loop.append(loop)
# %% train
loop[0] = 2
# %% report
=> [loop[0], loop[1] is loop, loop[1][1][0]]

== objects-that-point-to-each-other
# %% import
class Node:
    def __init__(self, name):
        self.name, self.other = name, None
a, b = Node("a"), Node("b")
a.other, b.other = b, a
# %% train
b.name = "changed"
# %% report
=> [a.other.name, a.other.other is a]

== sentinel-compared-by-is
# %% import
MISSING = object()
d = {"a": MISSING}
# %% train
def get(key):
    return d.get(key, MISSING)
x = get("zzz")
# %% report
=> [x is MISSING, d["a"] is MISSING, get("q") is MISSING]

== sentinel-as-a-default-argument
# %% import
MISSING = object()
def f(x=MISSING):
    return "none" if x is MISSING else x
# %% train
y = MISSING
# %% report
=> [f(), f(1), f(y), f(MISSING)]

== enum-members-stay-the-same
# %% import
from enum import Enum
class Color(Enum):
    RED = 1
    BLUE = 2
c = Color.RED
table = {Color.RED: "r", Color.BLUE: "b"}
# %% train
d = table[c]
# %% report
=> [c is Color.RED, d, table[Color.BLUE], isinstance(c, Color)]

== default-argument-is-an-alias
# %% import
registry = {}
def register(name, where=registry):
    where[name] = len(where)
# %% train
register("a")
# %% report
register("b")
=> registry

== instances-as-dict-keys
# %% import
class Key:
    pass
one, two = Key(), Key()
table = {one: "one", two: "two"}
# %% train
table[two] += "!"
# %% report
=> [table[one], table[two], one in table]

== frozen-dataclass-as-dict-key
# %% import
from dataclasses import dataclass
@dataclass(frozen=True)
class P:
    x: int
    y: int
table = {P(1, 2): "a"}
# %% train
table[P(3, 4)] = "b"
# %% report
=> [table[P(1, 2)], table[P(3, 4)], len(table)]

== figure-and-axes-across-three-stages
# %% import
import matplotlib.pyplot as plt
fig, ax = plt.subplots()
# %% train
ax.plot([1, 2, 3], [3, 1, 2])
# %% report
fig.savefig("plot.png")
=> len(ax.lines)

== axes-array-shares-the-figure
# %% import
import matplotlib.pyplot as plt
fig, axes = plt.subplots(1, 2)
left = axes[0]
# %% train
left.set_title("left")
axes[1].bar([1, 2], [3, 4])
# %% report
=> [fig.axes[0].get_title(), len(fig.axes[1].patches), left.figure is fig]

== bool-of-identity-after-a-round-trip
# %% import
a = {"x": [1, 2]}
b = a["x"]
# %% train
same = b is a["x"]
c = a
# %% report
=> [same, b is a["x"], c is a]

== same-object-twice-in-a-list
# %% import
row = [0]
rows = [row, row]
# %% train
rows[0].append(1)
# %% report
=> [rows, rows[0] is rows[1], row]

== columns-from-another-frame
# %% import
import pandas as pd
a = pd.DataFrame({"x": [1, 2]})
b = pd.DataFrame({"y": [3, 4]})
a["y"] = b["y"]
# %% train
b.loc[0, "y"] = 100
# %% report
=> [a.to_dict("list"), b.to_dict("list")]

== object-array-holds-a-list
# %% import
import numpy as np
inner = [1]
a = np.empty(2, dtype=object)
a[0] = inner
# %% train
inner.append(2)
# %% report
=> [a[0], a[0] is inner]

== frame-of-objects-holds-a-list
# %% import
import pandas as pd
tags = ["x"]
df = pd.DataFrame({"t": [tags, tags]})
# %% train
tags.append("y")
# %% report
=> df["t"].tolist()

== alias-after-a-branch
# %% import
a, b = [1], [2]
flag = len(a) == 1
c = a if flag else b
# %% train
c.append(9)
# %% report
=> [a, b]

== alias-by-or-default
# %% import
given = []
default = [0]
used = given or default
# %% train
used.append(1)
# %% report
=> [given, default]

== alias-through-unpacking-and-star
# %% import
rows = [[1], [2], [3]]
first, *rest = rows
# %% train
rest[0].append("x")
first.append("y")
# %% report
=> rows

== loop-variable-is-an-alias
# %% import
rows = [[1], [2]]
for row in rows:
    pass
# %% train
row.append("last")
# %% report
=> rows

== dict-views-follow-the-dict
# %% import
d = {"a": 1}
# %% train
keys = d.keys()
d["b"] = 2
=> [sorted(keys)]

== closure-cell-is-an-alias
# %% import
items = []
def maker(xs):
    def add(x):
        xs.append(x)
        return len(xs)
    return add
add = maker(items)
# %% train
add(1)
# %% report
add(2)
=> items

== partial-holds-an-alias
# %% import
from functools import partial
items = []
def put(where, x):
    where.append(x)
put_here = partial(put, items)
# %% train
put_here(1)
# %% report
put_here(2)
=> items

== dataclass-replace-and-field-list
# %% import
from dataclasses import dataclass, field, replace
@dataclass
class Run:
    name: str
    scores: list = field(default_factory=list)
a = Run("a")
b = replace(a, name="b")
# %% train
b.scores.append(1)
# %% report
=> [a.scores, b.scores, a.scores is b.scores]

== namedtuple-holds-a-list
# %% import
from collections import namedtuple
Pair = namedtuple("Pair", "left right")
xs = []
p = Pair(xs, 2)
# %% train
p.left.append(1)
# %% report
=> [xs, p.right, type(p).__name__, isinstance(p, Pair)]

== member-of-what-heapq-picked-changes
# %% import
import heapq
rows = [[1], [3], [2]]
rows.append([0])
# %% train
top = heapq.nlargest(2, rows)
# %% report
top[0].append("top")
=> [rows, top]

== heapq-merge-in-a-later-stage | NB243
# %% import
import heapq
rows = [[1], [3], [2]]
rows.append([0])
# %% train
merged = heapq.merge(rows[:1], rows[1:2])
# %% report
next(merged).append("merged")
=> rows

== minimized-function-returns-an-array-that-changes-later
# %% import
import numpy as np
from scipy.optimize import minimize
kept = np.zeros(1)
def slope(p):
    kept[:] = 2 * p
    return kept
# %% train
found = minimize(lambda p: float(p[0] ** 2), [1.0], jac=slope, method="L-BFGS-B")
# %% report
kept[0] = 7
=> [found.x.round(6).tolist(), found.jac.tolist(), kept.tolist()]

== view-of-generated-data-that-changes-later
# %% import
from sklearn.datasets import make_blobs, make_spd_matrix
X, y = make_blobs(6, random_state=0)
both = make_blobs(3, random_state=1)
square = make_spd_matrix(2, random_state=2)
# %% preprocess
head = X[:2]
first = both[0]
row = square[0]
# %% train
X[0] = 7
first += 1
# %% report
row[:] = 0
=> [head.tolist(), both[0].round(6).tolist(), square.round(6).tolist(), y.tolist()]

== list-wrapped-by-each-turn-of-a-loop-holds-another
# %% import
box = {"a": []}
same = box
nested = 1
for _ in range(2):
    nested = [nested]
nested[0][0] = same
# %% report
box["a"].append(3)
=> nested

== loaded-texts-compared-with-is | NB243
# %% import
words = []
for letter in "ab":
    words.append(letter * 300)
first = words[0]
# %% report
=> first is words[0]

== types-and-flags-compared-with-is
# %% import
word = "-".join(["a", "b"])
number = len(word)
flag, same = None, None
words = [word] * number
# %% report
=> [type(word) is type(number), type(words[0]) is type(word), flag is same, words[0] is None]

== rows-in-a-list-and-the-array-changes | either
# %% import
import numpy as np
table = np.arange(6).reshape(2, 3)
rows = list(table)
# %% report
table[0] = 9
=> [row.tolist() for row in rows]

== rows-kept-by-a-loop-change-later | either
# %% import
import numpy as np
table = np.arange(6).reshape(2, 3)
rows = []
for row in table:
    rows.append(row)
# %% report
rows[0][0] = 9
=> table.tolist()

== view-of-an-array-of-unknown-type | either
# %% import
import copy
import random
import numpy as np
both = {"a": np.array([2]), "b": random.Random}
one = copy.deepcopy(both["a"])
flat = one.ravel()
# %% report
flat *= 2
=> one.tolist()

== slice-of-an-array-of-unknown-type | either
# %% import
import copy
import random
import numpy as np
both = {"a": np.array([2, 3]), "b": random.Random}
one = copy.deepcopy(both["a"])
last = one[1:]
# %% report
last[0] = 7
=> one.tolist()

== sum-of-lists-that-might-be-arrays-holds-what-is-stored
# %% import
import numpy as np
both = {"a": np.array([]), "b": [6]}
joined = both["b"] + both["b"]
part = np.array([8])
joined[0] = part
# %% report
part[part > 2] = 0
=> [joined[0].tolist(), joined[1]]

== deep-copy-keeps-what-is-shared-inside
# %% import
import copy
import numpy as np
part = np.array([6])
both = {"a": part, "b": part}
twin = copy.deepcopy(both)
one = twin["a"]
# %% report
twin["b"] += 1
=> [one.tolist(), part.tolist()]

== deep-copy-of-a-class-is-the-class
# %% import
import copy
class Point:
    shown = []
same = copy.deepcopy(Point)
# %% train
Point.shown.append(1)
# %% report
=> same.shown

== generator-made-of-a-generator-is-that-one
# %% import
import numpy as np
rng = np.random.default_rng(3)
same = np.random.default_rng(rng)
# %% report
one = rng.normal()
=> [one, same.normal()]

== parts-of-an-array-in-a-list
# %% import
import numpy as np
parts = np.array_split(np.arange(6), 2)
parts.extend(parts)
# %% train
parts[0][0] = 9
# %% report
=> [[p.tolist() for p in parts], parts[2] is parts[0]]

== an-array-that-a-dict-gives-back-changes-later
# %% import
import types
import numpy as np
table = np.arange(6).reshape(2, 3)
box = types.SimpleNamespace(table=table)
given = dict(k=box.table, x=1).get("k")
# %% report
given += 1
=> given.tolist()

== an-iterator-in-an-exception
# %% train
import itertools
numbers = itertools.count()
try:
    raise KeyError(numbers)
except KeyError as error:
    kept = error
# %% report
first = next(numbers)
=> [first, repr(kept)]
"""

FUNCTIONS: Final = r"""
== helper-chain-across-stages
# %% import
def a(x):
    return b(x) + 1
def b(x):
    return c(x) * 2
def c(x):
    return x - 3
# %% train
y = a(10)
# %% report
=> [y, c(1)]

== global-in-a-function-rebound-between-stages
# %% import
scale = 2
def f(x):
    return x * scale
one = f(1)
# %% train
scale = 10
two = f(1)
# %% report
=> [one, two, f(1), scale]

== global-in-a-helper-of-a-helper-rebound
# %% import
offset = 1
def inner(x):
    return x + offset
def outer(x):
    return inner(x) * 2
# %% train
offset = 100
# %% report
=> outer(1)

== global-in-a-method-rebound
# %% import
rate = 1
class Model:
    def predict(self, x):
        return x * rate
m = Model()
# %% train
rate = 7
# %% report
=> m.predict(2)

== global-in-a-lambda-rebound
# %% import
k = 1
f = lambda x: x + k
# %% train
k = 50
# %% report
=> f(1)

== global-in-a-lambda-inside-a-container
# %% import
k = 1
table = {"add": lambda x: x + k, "mul": lambda x: x * k}
# %% train
k = 3
# %% report
=> [table["add"](1), table["mul"](2)]

== global-in-a-nested-function
# %% import
k = 1
def make():
    def f(x):
        return x + k
    return f
g = make()
# %% train
k = 9
# %% report
=> g(1)

== global-in-a-class-body
# %% import
size = 4
class Grid:
    cells = [0] * size
    width = size
# %% train
size = 100
# %% report
=> [Grid.width, len(Grid().cells), size]

== global-in-a-default-is-read-at-definition
# %% import
n = 1
def f(x=n):
    return x
# %% train
n = 2
# %% report
=> [f(), n]

== function-used-before-its-global-exists
# %% import
def f(x):
    return x + later
# %% train
later = 5
# %% report
=> f(1)

== helper-defined-after-its-user
# %% import
def f(x):
    return helper(x)
# %% train
def helper(x):
    return x * 3
y = f(2)
# %% report
=> [y, f(5)]

== function-redefined-between-stages
# %% import
def f(x):
    return x + 1
def g(x):
    return f(x) * 10
a = g(1)
# %% train
def f(x):
    return x + 2
b = g(1)
# %% report
=> [a, b, g(1), f(0)]

== function-redefined-from-its-old-self
# %% import
def f(x):
    return x + 1
# %% train
old = f
def f(x):
    return old(x) * 100
# %% report
=> f(1)

== own-decorator
# %% import
import functools
calls = []
def logged(func):
    @functools.wraps(func)
    def inner(*args, **kwargs):
        calls.append(func.__name__)
        return func(*args, **kwargs)
    return inner
@logged
def f(x):
    return x + 1
a = f(1)
# %% train
b = f(a)
# %% report
c = f(b)
=> [a, b, c, calls, f.__name__]

== decorator-with-arguments
# %% import
def times(n):
    def wrap(func):
        def inner(x):
            return [func(x)] * n
        return inner
    return wrap
# %% train
@times(3)
def f(x):
    return x + 1
a = f(1)
# %% report
=> [a, f(5)]

== decorator-registers-in-a-dict
# %% import
registry = {}
def register(func):
    registry[func.__name__] = func
    return func
# %% train
@register
def double(x):
    return x * 2
# %% report
@register
def triple(x):
    return x * 3
=> {name: f(7) for name, f in sorted(registry.items())}

== lru-cache-counts-across-stages
# %% import
from functools import lru_cache
@lru_cache(maxsize=None)
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)
a = fib(20)
# %% train
b = fib(30)
# %% report
=> [a, b, fib(10)]

== lru-cache-keeps-what-changed-meanwhile | either
# %% import
from functools import lru_cache
rate = 2
@lru_cache
def price(n):
    return n * rate
a = price(1)
# %% train
rate = 100
# %% report
=> [a, price(1), price(2)]

== lru-cache-gives-the-same-object | either
# %% import
from functools import lru_cache
@lru_cache
def table():
    return {"n": 0}
table()["n"] = 5
# %% train
table()["n"] += 1
# %% report
=> table()

== closure-counts
# %% import
def counter():
    n = 0
    def up():
        nonlocal n
        n += 1
        return n
    return up
up = counter()
up()
# %% train
up()
# %% report
=> up()

== function-factory
# %% import
def power(n):
    def f(x):
        return x ** n
    return f
square, cube = power(2), power(3)
# %% train
a = square(3)
# %% report
=> [a, cube(2)]

== late-binding-of-lambdas-in-a-loop
# %% import
fs = []
for i in range(3):
    fs.append(lambda x: x + i)
# %% train
i = 100
# %% report
=> [f(1) for f in fs]

== late-binding-of-lambdas-in-a-comprehension
# %% import
fs = [lambda x: x + n for n in range(3)]
# %% train
n = 100
# %% report
=> [f(1) for f in fs]

== lambda-in-a-function-transformer
# %% import
import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
shift = 1.0
pipe = make_pipeline(FunctionTransformer(lambda X: np.log(X + shift)), StandardScaler())
X = np.arange(1.0, 7.0).reshape(3, 2)
# %% train
pipe.fit(X)
# %% report
=> pipe.transform(X).tolist()

== named-function-in-a-function-transformer
# %% import
import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
def add_ratio(X):
    return np.c_[X, X[:, 0] / X[:, 1]]
X = np.arange(1.0, 7.0).reshape(3, 2)
# %% train
pipe = make_pipeline(FunctionTransformer(add_ratio), StandardScaler()).fit(X)
# %% report
=> pipe.transform(X).tolist()

== own-estimator-in-a-grid-search
# %% import
import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
class Mean(BaseEstimator, RegressorMixin):
    def __init__(self, shift=0.0):
        self.shift = shift
    def fit(self, X, y):
        self.mean_ = float(np.mean(y))
        return self
    def predict(self, X):
        return np.full(len(X), self.mean_ + self.shift)
X, y = np.arange(12.0).reshape(6, 2), np.arange(6.0)
# %% train
from sklearn.model_selection import GridSearchCV
search = GridSearchCV(Mean(), {"shift": [0.0, 1.0]}, cv=2).fit(X, y)
# %% report
best = search.best_estimator_
=> [search.best_params_, best.predict(X[:2]).tolist(), isinstance(best, Mean)]

== partial-of-own-function
# %% import
from functools import partial
base = 10
def add(a, b, c=0):
    return a + b + c + base
add1 = partial(add, 1, c=5)
# %% train
base = 1000
# %% report
=> add1(2)

== inheritance-across-stages
# %% import
class Base:
    def name(self):
        return "base"
    def hello(self):
        return "hello " + self.name()
# %% train
class Child(Base):
    def name(self):
        return "child of " + super().name()
c = Child()
# %% report
=> [c.hello(), isinstance(c, Base), type(c).__mro__[1].__name__]

== super-init-across-stages
# %% import
class Base:
    def __init__(self, n):
        self.n = n
        self.items = []
    def add(self, x):
        self.items.append(x)
# %% preprocess
class Child(Base):
    def __init__(self, n, m):
        super().__init__(n)
        self.m = m
    def add(self, x):
        super().add(x * self.m)
c = Child(1, 2)
# %% train
c.add(10)
# %% report
=> [c.n, c.m, c.items]

== method-added-to-a-class-later
# %% import
class A:
    def __init__(self, n):
        self.n = n
a = A(3)
# %% train
def double(self):
    return self.n * 2
A.double = double
# %% report
=> [a.double(), A(5).double()]

== method-replaced-later
# %% import
class A:
    def f(self):
        return 1
a = A()
# %% train
A.f = lambda self: 2
# %% report
=> [a.f(), A().f()]

== library-class-monkeypatched
# %% import
import pandas as pd
df = pd.DataFrame({"a": [1, 2, 3]})
pd.DataFrame.second = lambda self: self.iloc[1].tolist()
# %% train
row = df.second()
# %% report
=> [row, df.second()]

== library-module-monkeypatched
# %% import
import math
math.tau2 = math.tau * 2
# %% train
x = math.tau2
# %% report
=> [x, math.tau2]

== async-function-and-top-level-await
# %% import
import asyncio
async def fetch(n):
    await asyncio.sleep(0)
    return n * 2
# %% train
a = await fetch(2)
b = await asyncio.gather(fetch(3), fetch(4))
# %% report
=> [a, b]

== async-for-and-with-at-top-level
# %% import
import contextlib
async def ticks(n):
    for i in range(n):
        yield i
@contextlib.asynccontextmanager
async def opened():
    yield "open"
# %% train
got = []
async for t in ticks(3):
    got.append(t)
async with opened() as state:
    got.append(state)
# %% report
=> got

== await-in-several-forms
# %% import
import asyncio
async def add(a, b=1):
    await asyncio.sleep(0)
    return a + b
async def numbers():
    for n in range(4):
        yield n
main = 5
# %% train
total = 1
total += await add(2)
text = f"{await add(3)}"
if await add(0):
    total = total * main
    # several at once
    pair = await asyncio.gather(add(1), add(2, b=3))
odd = [n async for n in numbers() if n % 2]
first, *rest = await asyncio.gather(*(add(n) for n in odd))
note = '''two
  lines''' + str(await asyncio.wait_for(add(9), 5))
result = await asyncio.gather(add(1), return_exceptions=True)  # why
print(await asyncio.gather(add(7)))
# %% report
=> [total, text, pair, odd, first, rest, note, result]

== await-that-changes-what-is-there
# %% import
import asyncio
log = []
async def note(value):
    log.append(value)
    await asyncio.sleep(0)
    return len(log)
# %% train
try:
    counts = await asyncio.gather(note("a"), note("b"))
    del counts
except ValueError as error:
    log.append(error)
while len(log) < 4:
    size = await asyncio.wait_for(note(len(log)), 5)
# %% report
last = await note("end")
=> [log, size, last]

== await-beside-another-statement | NB290
# %% import
import asyncio
a = 1; b = (await asyncio.gather(asyncio.sleep(0, 2)))[0]
# %% report
=> [a, b]

== task-that-goes-on-while-other-cells-run | NB290
# %% import
import asyncio
async def f():
    return 1
# %% train
task = asyncio.ensure_future(f())
# %% report
x = await task
=> x

== class-inside-a-top-level-async-with | NB290
# %% import
import asyncio
lock = asyncio.Lock()
# %% train
async with lock:
    class A:
        pass
# %% report
=> A.__qualname__

== joblib-parallel-of-a-function-with-a-global
# %% import
from joblib import Parallel, delayed
base = 10
def work(n):
    return n + base
a = Parallel(n_jobs=1)(delayed(work)(n) for n in range(3))
# %% train
base = 20
b = Parallel(n_jobs=2, prefer="threads")(delayed(work)(n) for n in range(3))
# %% report
=> [a, b]

== thread-pool-fills-a-list
# %% import
from concurrent.futures import ThreadPoolExecutor
seen = []
def work(n):
    seen.append(n)
    return n * n
# %% train
with ThreadPoolExecutor(1) as pool:
    squares = list(pool.map(work, range(4)))
# %% report
=> [squares, seen]

== isinstance-holds-across-stages
# %% import
class Shape:
    pass
class Square(Shape):
    def __init__(self, a):
        self.a = a
shapes = [Square(1), Square(2)]
# %% train
areas = [s.a ** 2 for s in shapes if isinstance(s, Square)]
shapes.append(Square(3))
# %% report
=> [areas, all(isinstance(s, Shape) for s in shapes), type(shapes[0]) is type(shapes[2]), type(shapes[1]).__name__]

== class-redefined-between-stages
# %% import
class A:
    version = 1
old = A()
# %% train
class A:
    version = 2
new = A()
# %% report
=> [old.version, new.version, isinstance(old, A), isinstance(new, A)]

== property-classmethod-staticmethod
# %% import
class Account:
    total = 0
    def __init__(self, n):
        self._n = n
    @property
    def n(self):
        return self._n
    @n.setter
    def n(self, value):
        self._n = value * 2
    @classmethod
    def count(cls, k):
        cls.total += k
        return cls.total
    @staticmethod
    def twice(x):
        return x * 2
acc = Account(1)
acc.count(1)
# %% train
acc.n = 5
Account.count(10)
# %% report
=> [acc.n, Account.total, acc.twice(4)]

== getitem-that-counts
# %% import
class Counting:
    def __init__(self, data):
        self.data, self.reads = data, 0
    def __getitem__(self, k):
        self.reads += 1
        return self.data[k]
    def __len__(self):
        return len(self.data)
c = Counting([1, 2, 3])
# %% train
x = c[0] + c[1]
# %% report
=> [x, c.reads, len(c)]

== iter-call-contains-enter-that-change
# %% import
class Odd:
    def __init__(self):
        self.log = []
    def __iter__(self):
        self.log.append("iter")
        return iter([1, 2])
    def __call__(self, x):
        self.log.append("call")
        return x
    def __contains__(self, x):
        self.log.append("in")
        return True
    def __enter__(self):
        self.log.append("enter")
        return self
    def __exit__(self, *e):
        self.log.append("exit")
    def __eq__(self, other):
        self.log.append("eq")
        return True
    def __bool__(self):
        self.log.append("bool")
        return True
    __hash__ = None
o = Odd()
# %% preprocess
a = [n for n in o]
b = o(5)
# %% train
c = 3 in o
with o:
    pass
d = o == 1
# %% evaluate
if o:
    e = 1
# %% report
=> [a, b, c, d, e, o.log]

== add-operator-that-changes
# %% import
class Bag:
    def __init__(self):
        self.items = []
    def __iadd__(self, x):
        self.items.append(x)
        return self
    def __lshift__(self, x):
        self.items.append(x)
        return self
bag = Bag()
other = bag
# %% preprocess
bag += 1
# %% train
bag << 2
# %% report
=> [other.items, other is bag]

== property-that-caches
# %% import
from functools import cached_property
class Data:
    loads = 0
    @cached_property
    def table(self):
        Data.loads += 1
        return [1, 2]
d = Data()
# %% train
d.table.append(3)
# %% report
=> [d.table, Data.loads]

== str-of-an-object-that-counts
# %% import
class Noisy:
    n = 0
    def __str__(self):
        self.n += 1
        return "noisy"
x = Noisy()
# %% train
text = f"{x} and {x}"
# %% report
=> [text, x.n]

== class-with-slots
# %% import
class P:
    __slots__ = ("x", "y")
    def __init__(self, x, y):
        self.x, self.y = x, y
p = P(1, 2)
# %% train
p.x = 10
# %% report
=> [p.x, p.y, isinstance(p, P)]

== recursion-and-mutual-recursion
# %% import
def even(n):
    return True if n == 0 else odd(n - 1)
def odd(n):
    return False if n == 0 else even(n - 1)
def depth(tree):
    return 1 + max((depth(t) for t in tree), default=0)
# %% train
a = [even(10), odd(7)]
# %% report
=> [a, depth([[], [[]]])]

== exception-class-raised-and-caught
# %% import
class TooBig(ValueError):
    def __init__(self, n):
        super().__init__(f"{n} is too big")
        self.n = n
def check(n):
    if n > 3:
        raise TooBig(n)
    return n
# %% train
found = []
for n in [1, 5, 2]:
    try:
        found.append(check(n))
    except TooBig as e:
        found.append(str(e))
# %% report
try:
    check(9)
except ValueError as e:
    found.append(e.n)
=> found

== exception-instance-kept-for-later
# %% import
def f():
    raise KeyError("lost")
# %% train
caught = None
try:
    f()
except KeyError as e:
    caught = e
# %% report
=> [type(caught).__name__, caught.args]

== context-manager-of-the-user
# %% import
from contextlib import contextmanager
stack = []
@contextmanager
def pushed(x):
    stack.append(x)
    try:
        yield len(stack)
    finally:
        stack.append(-x)
# %% train
with pushed(5) as depth:
    inside = list(stack)
# %% report
=> [depth, inside, stack]

== callback-by-name-in-apply
# %% import
import pandas as pd
limit = 2
def label(x):
    return "high" if x > limit else "low"
df = pd.DataFrame({"a": [1, 2, 3]})
# %% train
limit = 1
df["label"] = df["a"].apply(label)
# %% report
=> df["label"].tolist()

== apply-with-a-function-that-notes
# %% import
import pandas as pd
seen = []
def note(x):
    seen.append(x)
    return x
df = pd.DataFrame({"a": [1, 2, 3]})
# %% train
df["b"] = df["a"].map(note)
# %% report
=> [seen, df["b"].tolist()]

== sort-key-and-reduce
# %% import
from functools import reduce
weights = {"a": 3, "b": 1, "c": 2}
def weight(k):
    return weights[k]
# %% train
order = sorted(weights, key=weight)
weights["a"] = 0
# %% report
=> [order, sorted(weights, key=weight), reduce(lambda x, y: x + weight(y), weights, 0)]

== function-stored-in-a-dict-and-called
# %% import
def mean(xs):
    return sum(xs) / len(xs)
metrics = {"mean": mean, "max": max}
# %% train
values = {name: f([1, 2, 6]) for name, f in metrics.items()}
# %% report
=> [values, metrics["mean"]([4])]

== function-alias-and-its-redefinition
# %% import
def f():
    return 1
g = f
# %% train
def f():
    return 2
# %% report
=> [f(), g()]

== nested-class-instance
# %% import
class Outer:
    class Inner:
        def __init__(self, n):
            self.n = n
x = Outer.Inner(4)
# %% train
x.n += 1
# %% report
=> [x.n, isinstance(x, Outer.Inner)]

== class-made-in-a-function | NB243
# %% import
def make(n):
    class Local:
        size = n
        def area(self):
            return self.size ** 2
    return Local
Two = make(2)
x = Two()
# %% train
a = x.area()
# %% report
=> [a, x.area(), isinstance(x, Two)]

== class-made-by-type
# %% import
Point = type("Point", (), {"x": 1, "double": lambda self: self.x * 2})
p = Point()
# %% train
p.x = 4
# %% report
=> [p.double(), isinstance(p, Point)]

== namedtuple-instance-crosses
# %% import
from collections import namedtuple
P = namedtuple("P", "x y")
p = P(1, 2)
# %% train
q = p._replace(x=10)
# %% report
=> [p.x, q.x, q.y, isinstance(q, P), type(p) is type(q)]

== typing-namedtuple-and-typeddict
# %% import
from typing import NamedTuple, TypedDict
class Row(NamedTuple):
    name: str
    n: int = 0
class Options(TypedDict):
    depth: int
rows = [Row("a"), Row("b", 2)]
options: Options = {"depth": 3}
# %% train
rows.append(Row("c", options["depth"]))
# %% report
=> [[r.name, r.n] for r in rows]

== abstract-class-and-protocol
# %% import
from abc import ABC, abstractmethod
class Model(ABC):
    @abstractmethod
    def fit(self, xs): ...
class Mean(Model):
    def fit(self, xs):
        self.mean = sum(xs) / len(xs)
        return self
# %% train
model = Mean().fit([1, 2, 6])
# %% report
=> [model.mean, isinstance(model, Model)]

== dataclass-with-post-init-and-global
# %% import
from dataclasses import dataclass, field
unit = "kg"
@dataclass
class Item:
    n: float
    tags: list = field(default_factory=list)
    def __post_init__(self):
        self.label = f"{self.n} {unit}"
a = Item(1)
# %% train
unit = "g"
b = Item(2)
b.tags.append("x")
# %% report
=> [a.label, b.label, a.tags, b.tags, a == Item(1), repr(Item(3, []))]

== metaclass-registers
# %% import
class Meta(type):
    known = []
    def __new__(mcls, name, bases, body):
        cls = super().__new__(mcls, name, bases, body)
        mcls.known.append(name)
        return cls
class A(metaclass=Meta):
    pass
# %% train
class B(A):
    pass
# %% report
=> [Meta.known, isinstance(B(), A)]

== init-subclass-registers
# %% import
class Plugin:
    known = {}
    def __init_subclass__(cls, **kw):
        super().__init_subclass__(**kw)
        Plugin.known[cls.__name__] = cls
# %% train
class One(Plugin):
    def run(self):
        return 1
# %% report
class Two(Plugin):
    def run(self):
        return 2
=> {name: cls().run() for name, cls in sorted(Plugin.known.items())}

== generator-function-used-in-every-stage
# %% import
def chunks(xs, n):
    for i in range(0, len(xs), n):
        yield xs[i : i + n]
xs = list(range(7))
# %% train
parts = list(chunks(xs, 3))
# %% report
=> [parts, [sum(c) for c in chunks(xs, 2)]]

== definition-inside-if
# %% import
fast = len("abc") > 2
if fast:
    def f(x):
        return x + 1
else:
    def f(x):
        return x - 1
# %% train
a = f(1)
# %% report
=> [a, f(10)]

== definition-inside-try
# %% import
try:
    from math import not_there as f
except ImportError:
    def f(x):
        return x * 5
# %% train
a = f(1)
# %% report
=> [a, f(2)]

== import-with-fallback
# %% import
try:
    import ujson_that_is_not_there as codec
except ImportError:
    import json as codec
# %% train
text = codec.dumps({"a": 1})
# %% report
=> [text, codec.loads(text)]

== import-inside-a-function
# %% import
def area(r):
    from math import pi
    import numpy as np
    return float(np.round(pi * r ** 2, 3))
# %% train
a = area(1)
# %% report
=> [a, area(2)]

== doc-and-name-of-a-function
# %% import
def f():
    "what it does"
class C:
    "a class"
# %% train
texts = [f.__doc__, f.__name__, C.__doc__, C.__name__]
# %% report
=> [texts, f.__doc__, f.__module__, C.__module__]

== function-with-a-type-comment-string-annotation
# %% import
from __future__ import annotations
def f(x: Undefined) -> AlsoUndefined:
    return x
# %% train
def g(y: NotThere = 2) -> Missing:
    return f(y)
a = g()
# %% report
def h(z: Nowhere):
    return g(z)
=> [a, h(3), f.__annotations__]

== counter-in-a-module-level-itertools-count
# %% import
import itertools
ids = itertools.count(10)
def new():
    return next(ids)
a = new()
# %% train
b = new()
# %% report
=> [a, b, new()]

== memo-dict-in-a-global
# %% import
memo = {}
def slow(n):
    if n not in memo:
        memo[n] = n * n
    return memo[n]
slow(2)
# %% train
slow(3)
# %% report
=> sorted(memo.items())

== weak-default-none-idiom
# %% import
def f(x, acc=None):
    acc = [] if acc is None else acc
    acc.append(x)
    return acc
a = f(1)
# %% train
b = f(2, a)
# %% report
=> [a, b, a is b]

== singledispatch-registered-later
# %% import
from functools import singledispatch
@singledispatch
def show(x):
    return "any"
# %% train
@show.register
def _(x: int):
    return "int"
a = show(1)
# %% report
=> [a, show(1), show("x")]

== function-with-its-own-state-in-a-class-instance | either
# %% import
class Memo:
    def __init__(self, f):
        self.f, self.known = f, {}
    def __call__(self, x):
        if x not in self.known:
            self.known[x] = self.f(x)
        return self.known[x]
@Memo
def square(x):
    return x * x
square(2)
# %% train
square(3)
# %% report
=> sorted(square.known.items())

== method-hidden-by-an-attribute-of-the-instance
# %% import
rows = [1]
rows.append(2)
class Box:
    def __init__(self, add):
        self.add = add
    def add(self, value):
        return None
box = Box(rows.append)
# %% train
box.add(3)
# %% report
=> rows

== method-hidden-through-setattr
# %% import
rows = [1]
rows.append(2)
class Box:
    def add(self, value):
        return None
box = Box()
# %% preprocess
setattr(box, "add", rows.append)
box.add(3)
# %% report
=> rows

== methods-that-read-what-the-instance-holds
# %% import
class Box:
    def __init__(self, items):
        self.items = items
    def total(self):
        return sum(self.items)
    def first(self):
        return self.items[0]
box = Box([[1][0], 2])
# %% train
total = box.total()
# %% evaluate
box.items.append(total)
# %% report
=> [box.items, box.first()]

== vectorized-function
# %% import
import numpy as np
def f(x):
    return x * 2 + 1
a = np.arange(3)
# %% train
b = np.vectorize(f)(a)
g = np.vectorize(f)
c = g(a)
# %% report
=> [b.tolist(), c.tolist(), a.tolist()]

== joblib-parallel-calls-a-function
# %% import
from joblib import Parallel, delayed
def f(x):
    return x ** 2
xs = list(range(4))
other = {"a": 1}
# %% train
ys = Parallel(n_jobs=2)(delayed(f)(x) for x in xs)
zs = Parallel(n_jobs=2, prefer="threads")(delayed(f)(x) for x in xs)
# %% report
=> [ys, xs, zs, other]

== thread-pools-call-a-function
# %% import
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool
def f(x):
    return x ** 2
xs = list(range(4))
# %% train
with ThreadPoolExecutor(2) as pool:
    ys = list(pool.map(f, xs))
with ThreadPool(2) as p:
    zs = p.map(f, xs)
# %% report
=> [ys, zs, xs]

== futures-of-a-thread-pool
# %% import
from concurrent.futures import ThreadPoolExecutor, as_completed
def f(x):
    return x ** 2
xs = list(range(4))
# %% train
with ThreadPoolExecutor(max_workers=2) as ex:
    futures = {ex.submit(f, x): x for x in xs}
    results = {}
    for fut in as_completed(futures):
        results[futures[fut]] = fut.result()
results = dict(sorted(results.items()))
# %% report
=> results

== count-of-a-cache-that-other-stages-fill | NB243
# %% import
from functools import lru_cache
@lru_cache(maxsize=None)
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)
a = fib(20)
# %% train
b = fib(30)
# %% report
=> [a, b, fib.cache_info().hits]

== recursive-function-that-logs
# %% import
log = []
def f(n, out=None):
    log.append(n)
    return 1 if n < 1 else n * f(n - 1)
a = f(4)
# %% train
b = f(3)
# %% report
=> [a, b, log]

== two-closures-share-a-counter
# %% import
def make():
    n = 0
    def inc():
        nonlocal n
        n += 1
        return n
    def get():
        return n
    return inc, get
inc, get = make()
inc()
# %% train
inc()
# %% report
=> [get(), inc()]

== closure-whose-global-list-changes-later | NB243
# %% import
rate = [1]
def make(codes):
    def encode(v):
        return codes.setdefault(v, len(codes)) + rate[0]
    return encode
codes = {}
encode = make(codes)
encode("a")
# %% train
rate[0] = 5
encode("b")
# %% report
=> [encode("c"), codes]

== closure-of-a-method-beside-names-of-its-class
# %% import
codes = {"z": 1}
class Bag:
    codes = 3
    def make(self):
        def encode(v):
            return codes.setdefault(v, len(codes))
        return encode
encode = Bag().make()
encode("a")
# %% train
codes["q"] = 3
encode("b")
# %% report
=> [encode("c"), codes]

== locals-that-hold-an-argument
# %% import
def label(name, data):
    n = len(data)
    return "{name}: {n}".format(**locals())
def keep(data):
    other = data
    return locals()
xs = [1, 2]
# %% train
t = label("a", xs)
d = keep(xs)
# %% features
xs.append(3)
# %% report
=> [t, d, d["data"] is d["other"]]

== method-that-is-there-only-sometimes
# %% import
import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.linear_model import LogisticRegression
from sklearn.utils.metaestimators import available_if
def inner_has(attr):
    return lambda estimator: hasattr(estimator.inner, attr)
# %% train
class Wrapped(BaseEstimator):
    def __init__(self, inner):
        self.inner = inner
    def fit(self, X, y=None):
        self.inner_ = clone(self.inner).fit(X, y)
        return self
    @available_if(inner_has("predict"))
    def predict(self, X):
        return self.inner_.predict(X)
    @available_if(inner_has("nothing"))
    def nothing(self, X):
        return 1
X = np.arange(8.0).reshape(4, 2)
y = [0, 0, 1, 1]
model = Wrapped(LogisticRegression()).fit(X, y)
# %% report
other = Wrapped(LogisticRegression()).fit(X, y)
=> [model.predict(X).tolist(), hasattr(model, "nothing"), isinstance(model, Wrapped), other.predict(X).tolist()]

== method-that-is-there-only-sometimes-after-a-seed
# %% import
import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.linear_model import LogisticRegression
from sklearn.utils.metaestimators import available_if
np.random.seed(1)
# %% train
class Wrapped(BaseEstimator):
    def __init__(self, inner):
        self.inner = inner
    def fit(self, X, y=None):
        self.inner_ = clone(self.inner).fit(X, y)
        return self
    @available_if(lambda estimator: hasattr(estimator.inner, "predict"))
    def predict(self, X):
        return self.inner_.predict(X)
X = np.random.rand(4, 2)
y = [0, 0, 1, 1]
model = Wrapped(LogisticRegression()).fit(X, y)
# %% report
=> [model.predict(X).tolist(), float(np.random.rand())]

== memo-in-a-global-dict
# %% import
memo = {}
def fib(n):
    if n in memo:
        return memo[n]
    memo[n] = n if n < 2 else fib(n - 1) + fib(n - 2)
    return memo[n]
a = fib(10)
# %% train
b = fib(12)
# %% report
=> [a, b, len(memo)]

== default-taken-from-a-list-that-is-empty-later | NB245
# %% train
words = []
for letter in "ab":
    words.append(letter)
def last(word=words[-1]):
    return word
words.clear()
# %% report
=> last()
"""

RANDOM: Final = r"""
== python-random-seeded-once
# %% import
import random
random.seed(1)
a = random.random()
# %% train
b = random.random()
# %% report
=> [a, b, random.random()]

== numpy-random-seeded-once
# %% import
import numpy as np
np.random.seed(1)
a = np.random.rand()
# %% preprocess
b = np.random.rand(2)
# %% train
c = np.random.normal(size=2)
# %% report
=> [a, b.tolist(), c.tolist(), np.random.randint(1000)]

== seed-in-setup-draws-in-every-stage
# %% setup
import random
import numpy as np
np.random.seed(7)
random.seed(7)
# %% import
a = [np.random.rand(), random.random()]
# %% train
b = [np.random.rand(), random.random()]
# %% report
=> [a, b, np.random.rand(), random.random()]

== stage-between-that-draws-nothing
# %% import
import numpy as np
np.random.seed(1)
a = np.random.rand()
# %% preprocess
b = [1, 2]
# %% train
c = np.random.rand()
# %% report
=> [a, b, c]

== seed-in-one-stage-first-draw-in-the-last
# %% import
import numpy as np
np.random.seed(5)
xs = [3]
# %% train
xs.append(4)
# %% report
=> [xs, np.random.rand()]

== train-test-split-without-random-state
# %% import
import numpy as np
from sklearn.model_selection import train_test_split
np.random.seed(0)
X = np.arange(20)
# %% split
X_train, X_test = train_test_split(X, test_size=0.25)
# %% report
=> [X_train.tolist(), X_test.tolist(), np.random.rand()]

== df-sample-without-random-state
# %% import
import numpy as np
import pandas as pd
np.random.seed(0)
df = pd.DataFrame({"a": range(10)})
# %% preprocess
small = df.sample(4)
# %% report
=> [small["a"].tolist(), df.sample(frac=0.5)["a"].tolist()]

== kmeans-and-forest-without-random-state
# %% import
import numpy as np
from sklearn.cluster import KMeans
from sklearn.ensemble import RandomForestRegressor
np.random.seed(0)
X = np.random.rand(30, 2)
y = X.sum(axis=1)
# %% train
km = KMeans(n_clusters=3, n_init=1).fit(X)
forest = RandomForestRegressor(n_estimators=3).fit(X, y)
# %% report
=> [km.labels_.tolist(), forest.predict(X[:3]).tolist(), np.random.rand()]

== cross-val-with-shuffled-folds
# %% import
import numpy as np
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold, cross_val_score
np.random.seed(0)
X = np.arange(40.0).reshape(20, 2) ** 0.5
y = X[:, 0] * 2
folds = KFold(4, shuffle=True)
# %% train
scores = cross_val_score(Ridge(), X, y, cv=folds)
# %% report
=> [scores.tolist(), np.random.rand()]

== sklearn-shuffle-and-permutation
# %% import
import numpy as np
from sklearn.utils import shuffle
np.random.seed(2)
X = np.arange(8)
# %% preprocess
X = shuffle(X)
# %% train
np.random.shuffle(X)
p = np.random.permutation(5)
# %% report
=> [X.tolist(), p.tolist(), np.random.rand()]

== scipy-rvs-draws-from-numpy
# %% import
import numpy as np
from scipy import stats
np.random.seed(3)
# %% train
a = stats.norm.rvs(size=3)
# %% report
=> [a.tolist(), stats.uniform.rvs(), np.random.rand()]

== default-rng-shared-by-two-names
# %% import
import numpy as np
rng = np.random.default_rng(1)
gen = rng
a = rng.random()
# %% train
b = gen.random()
# %% report
=> [a, b, rng.random(), gen is rng]

== random-state-object-passed-to-models
# %% import
import numpy as np
from sklearn.ensemble import RandomForestRegressor
rs = np.random.RandomState(0)
X = rs.rand(20, 2)
y = X[:, 0]
m1 = RandomForestRegressor(n_estimators=2, random_state=rs)
m2 = RandomForestRegressor(n_estimators=2, random_state=rs)
# %% train
m1.fit(X, y)
# %% evaluate
m2.fit(X, y)
# %% report
=> [m1.predict(X[:2]).tolist(), m2.predict(X[:2]).tolist(), rs.rand()]

== rng-passed-to-a-function
# %% import
import numpy as np
rng = np.random.default_rng(3)
def draw(r, n):
    return r.integers(0, 100, n).tolist()
a = draw(rng, 2)
# %% train
b = draw(rng, 2)
# %% report
=> [a, b, draw(rng, 2)]

== random-random-object
# %% import
import random
r = random.Random(5)
a = r.random()
# %% train
b = r.sample(range(100), 3)
# %% report
=> [a, b, r.random()]

== seed-inside-a-function
# %% import
import random
import numpy as np
def seed_all(n):
    random.seed(n)
    np.random.seed(n)
seed_all(11)
a = np.random.rand()
# %% train
b = [np.random.rand(), random.random()]
# %% report
=> [a, b, np.random.rand(), random.random()]

== reseeded-in-a-later-stage
# %% import
import numpy as np
np.random.seed(1)
a = np.random.rand()
# %% train
np.random.seed(1)
b = np.random.rand()
# %% report
=> [a, b, np.random.rand()]

== reseeded-on-a-condition
# %% import
import numpy as np
np.random.seed(1)
a = np.random.rand()
again = len([1]) == 1
# %% train
if again:
    np.random.seed(9)
b = np.random.rand()
# %% report
=> [a, b, np.random.rand()]

== draws-inside-functions-and-comprehensions
# %% import
import random
random.seed(4)
def roll():
    return random.randint(1, 6)
a = [roll() for _ in range(3)]
# %% train
b = {i: roll() for i in range(2)}
# %% report
=> [a, b, sum(roll() for _ in range(2))]

== draw-as-a-default-factory
# %% import
import random
from dataclasses import dataclass, field
random.seed(4)
@dataclass
class P:
    x: float = field(default_factory=random.random)
a = P()
# %% train
b = P()
# %% report
=> [a.x, b.x, random.random()]

== random-functions-imported-by-name
# %% import
from random import seed, random, choice
from numpy.random import seed as np_seed, rand
seed(1)
np_seed(2)
a = [random(), float(rand())]
# %% train
b = [choice("abc"), float(rand())]
# %% report
=> [a, b, random(), float(rand())]

== random-state-saved-and-restored-by-the-user
# %% import
import random
random.seed(1)
state = random.getstate()
a = random.random()
# %% train
random.setstate(state)
b = random.random()
# %% report
=> [a, b, random.random()]

== seed-from-a-parameter
# %% parameters
seed = 3
# %% import
import numpy as np
np.random.seed(seed)
a = np.random.rand()
# %% train
b = np.random.rand()
# %% report
=> [a, b, seed]
# %% tune: seed
8

== seed-in-an-untagged-cell | NB2
# %%
import numpy as np
np.random.seed(1)
# %% import
a = np.random.rand()
# %% report
=> [a, np.random.rand()]

== draws-in-an-untagged-cell-do-not-count
# %% import
import random
random.seed(1)
a = random.random()
# %% explore
random.random()
# %% train
b = random.random()
# %% report
=> [a, b]

== rng-in-a-class
# %% import
import numpy as np
class Sim:
    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
    def step(self):
        return float(self.rng.normal())
sim = Sim(1)
a = sim.step()
# %% train
b = sim.step()
# %% report
=> [a, b, sim.step()]

== rng-spawned-and-held-in-a-list
# %% import
import numpy as np
rngs = [np.random.default_rng(i) for i in range(2)]
first = rngs[0]
# %% train
a = first.random()
# %% report
=> [a, rngs[0].random(), rngs[1].random()]

== bound-draw-in-a-variable
# %% import
import numpy as np
rng = np.random.default_rng(1)
draw = rng.random
a = draw()
# %% train
b = draw()
# %% report
=> [a, b, rng.random()]

== bound-global-draw-in-a-variable
# %% import
import numpy as np
np.random.seed(1)
draw = np.random.rand
a = draw()
# %% train
b = draw()
# %% report
=> [a, b, draw()]

== model-fit-draws-inside-user-function
# %% import
import numpy as np
from sklearn.ensemble import RandomForestClassifier
np.random.seed(0)
def fit(X, y):
    return RandomForestClassifier(n_estimators=3).fit(X, y)
X = np.arange(40.0).reshape(20, 2)
y = np.arange(20) % 2
# %% train
m = fit(X, y)
# %% report
=> [m.predict(X).tolist(), np.random.rand()]

== draws-only-if-a-branch-is-taken
# %% import
import random
random.seed(1)
flag = len("ab") == 2
# %% train
if flag:
    random.random()
# %% report
=> random.random()

== hash-object-stays-in-its-stage
# %% import
import hashlib
data = b"abc"
# %% train
digest = hashlib.sha256(data)
digest.update(b"more")
name = digest.hexdigest()
# %% report
=> name

== scipy-functions-that-draw-from-the-global-state
# %% import
import numpy as np
np.random.seed(3)
# %% preprocess
from scipy.optimize import differential_evolution
best = differential_evolution(lambda p: abs(p[0] - 0.3), [(0, 1)], maxiter=2, polish=False)
# %% train
from scipy.cluster.vq import kmeans2
centres, _ = kmeans2(np.arange(20.0).reshape(10, 2), 2, minit="points")
# %% evaluate
from scipy import sparse
from scipy.spatial.transform import Rotation
drawn = [sparse.random(4, 4, 0.5).sum(), Rotation.random().as_quat().tolist()]
# %% report
=> [best.x.tolist(), centres.tolist(), drawn, np.random.rand()]

== frame-that-changes-in-try-and-has-a-view-later
# %% import
import pandas as pd
d = pd.DataFrame({"x": [3, 8, 0], "y": [1.5, 2.5, 3.5]})
try:
    d.drop(index=0, inplace=True)
except ValueError as error:
    xs = error.args
# %% report
d["z"] = 2
if len(d) > 5:
    d = d.values
=> repr(d)

== default-of-an-untagged-function-from-the-same-stage | NB245
# %% report
xs = [0, 4, 9]
# %%
def hn(p=xs):
    return p
# %% report
=> hn()

== class-that-a-function-makes | NB243
# %% import
def made(start):
    class Local:
        first = start
    return Local
things = [1]
things.append(made(2))
# %% train
=> repr(things)

== setp-on-lines-of-an-earlier-stage
# %% import
import matplotlib.pyplot as plt
marks, stems, _ = plt.stem([1, 2], [3, 1])
# %% preprocess
plt.setp([marks, stems], color="#ff7f0e")
# %% train
plt.setp(marks, markersize=9)
# %% report
=> [str(marks.get_color()), marks.get_markersize(), stems.get_colors().tolist() if hasattr(stems, "get_colors") else ""]

== axes-through-a-flat-copy
# %% import
import matplotlib.pyplot as plt
fig, sub = plt.subplots(2, 2)
# %% preprocess
for ax in sub.flatten():
    ax.set_title("a title")
# %% train
for ax in sub.repeat(2):
    ax.set_xlabel("label")
sub.copy()[0, 0].set_ylabel("more")
# %% report
=> [[ax.get_title(), ax.get_xlabel(), ax.get_ylabel()] for ax in sub.flat]

== objects-in-copies-of-arrays
# %% import
import numpy as np
rows = np.array([[1], [2], [3, 4]], dtype=object)
# %% preprocess
rows.flatten()[0].append(5)
rows.copy()[1].append(6)
# %% train
np.concatenate([rows, rows])[2].append(7)
rows.take([2])[0].append(8)
# %% report
=> rows.tolist()

== value-of-an-enum-member-that-changes
# %% import
import enum
class Color(enum.Enum):
    RED = [1]
    GREEN = 2
c = Color.RED
# %% train
c.value.append(2)
# %% report
=> [Color.RED.value, c is Color.RED]

== value-of-an-enum-member-that-changes-by-data | NB2
# %% import
import enum
class Color(enum.Enum):
    RED = [1]
import random
random.seed(3)
rows = [random.random()]
# %% train
Color.RED.value.append(random.random())
# %% report
=> [Color.RED.value, rows]

== einsum-that-is-a-view
# %% import
import numpy as np
def mk():
    return np.eye(3)
a = mk()
d = np.einsum("ii->i", a)
# %% train
d[:] = 5
# %% report
=> a.tolist()

== an-estimator-that-loses-its-seed
# %% import
import numpy as np
np.random.seed(5)
X = np.random.rand(60, 3)
y = (X[:, 0] > 0.5) * 1
from sklearn.ensemble import RandomForestClassifier
forest = RandomForestClassifier(3, random_state=1)
other = RandomForestClassifier(3, random_state=1)
# %% preprocess
forest.set_params(random_state=None)
other.random_state = None
# %% train
forest.fit(X, y)
# %% evaluate
other.fit(X, y)
# %% report
=> [forest.predict(X).tolist(), other.predict(X).tolist(), np.random.rand()]

== estimators-that-draw-between-those-that-never-do
# %% import
import numpy as np
np.random.seed(5)
X = np.random.rand(60, 3)
y = (X[:, 0] > 0.5) * 1
# %% preprocess
from sklearn.preprocessing import StandardScaler
Z = StandardScaler().fit_transform(X)
# %% train
from sklearn.neighbors import KNeighborsClassifier, KernelDensity
from sklearn.ensemble import RandomForestClassifier
near = KNeighborsClassifier(3).fit(Z, y)
forest = RandomForestClassifier(3).fit(Z, y)
# %% evaluate
from sklearn.feature_selection import SelectKBest, mutual_info_regression
best = SelectKBest(mutual_info_regression, k=1).fit(Z, y)
drawn = KernelDensity().fit(Z).sample(2)
# %% report
=> [near.predict(Z).tolist(), forest.predict(Z).tolist(), best.scores_.tolist(), drawn.tolist(), np.random.rand()]

== the-state-is-read-in-a-later-stage
# %% import
import random
import numpy as np
np.random.seed(1)
random.seed(2)
one = np.random.rand()
# %% report
=> [np.random.get_state()[1][:3].tolist(), random.getstate()[1][:3], one]

== a-partial-of-a-library-draws
# %% import
import functools
import numpy as np
np.random.seed(1)
draw = functools.partial(np.random.randint, 9)
one = draw()
# %% train
two = draw()
# %% report
=> [one, two, int(np.random.randint(9))]

== the-state-as-a-list-is-changed
# %% import
import numpy as np
np.random.seed(3)
rng = np.random.default_rng(3)
state = np.random.get_state()[1].tolist()
state[1:] = [rng]
# %% report
one = state[1].normal()
=> [one, rng.normal()]
"""

SETTINGS: Final = r"""
== pandas-option-seen-in-every-stage
# %% import
import pandas as pd
pd.set_option("display.max_columns", 3)
df = pd.DataFrame([[1, 2, 3, 4, 5, 6]])
# %% train
a = str(df)
# %% report
=> [a, str(df), pd.get_option("display.max_columns")]

== pandas-option-by-attribute-and-in-setup
# %% setup
import pandas as pd
pd.options.display.precision = 2
# %% import
s = pd.Series([1.23456])
# %% report
=> str(s)

== pandas-option-changed-twice
# %% import
import pandas as pd
pd.set_option("display.precision", 2)
s = pd.Series([1.23456])
a = str(s)
# %% train
pd.set_option("display.precision", 4)
b = str(s)
# %% report
pd.reset_option("display.precision")
=> [a, b, str(s)]

== pandas-option-with-a-lambda
# %% import
import pandas as pd
pd.set_option("display.float_format", lambda x: f"<{x:.1f}>")
# %% report
=> str(pd.Series([1.26]))

== pandas-option-with-a-variable
# %% import
import pandas as pd
digits = len("abc")
pd.set_option("display.precision", digits)
# %% train
s = pd.Series([1.23456789])
# %% report
=> str(s)

== numpy-print-options
# %% import
import numpy as np
np.set_printoptions(precision=2, suppress=True)
a = np.array([1.23456, 1e-9])
# %% report
=> str(a)

== numpy-error-state
# %% import
import numpy as np
np.seterr(all="raise")
# %% train
try:
    np.array([1.0]) / np.array([0.0])
    a = "no error"
except FloatingPointError:
    a = "error"
# %% report
=> a

== numpy-error-state-in-a-with
# %% import
import numpy as np
with np.errstate(all="raise"):
    x = np.array([4.0]) / 2
# %% train
with np.errstate(divide="ignore"):
    y = np.array([1.0]) / np.array([0.0])
# %% report
=> [x.tolist(), y.tolist(), np.geterr()["divide"]]

== option-context-does-not-leak
# %% import
import pandas as pd
s = pd.Series([1.23456])
with pd.option_context("display.precision", 1):
    a = str(s)
# %% report
=> [a, str(s)]

== rc-params-set-and-updated
# %% import
import matplotlib.pyplot as plt
plt.rcParams["figure.figsize"] = (3, 2)
plt.rcParams.update({"lines.linewidth": 5})
# %% train
plt.plot([1, 2])
plt.savefig("a.png")
# %% report
plt.rc("font", size=6)
fig, ax = plt.subplots()
ax.plot([2, 1])
fig.savefig("b.png")
=> list(plt.rcParams["figure.figsize"])

== style-used-and-set-by-seaborn
# %% import
import matplotlib.pyplot as plt
plt.style.use("ggplot")
# %% train
plt.plot([1, 3, 2])
plt.show()
# %% report
import matplotlib as mpl
=> [mpl.rcParams["axes.facecolor"], mpl.rcParams["axes.grid"]]

== rc-context-does-not-leak
# %% import
import matplotlib.pyplot as plt
with plt.rc_context({"lines.linewidth": 9}):
    inside = plt.rcParams["lines.linewidth"]
with plt.style.context("ggplot"):
    pass
# %% report
=> [inside, plt.rcParams["lines.linewidth"], plt.rcParams["axes.facecolor"]]

== warnings-turned-into-errors
# %% import
import warnings
warnings.simplefilter("error")
# %% train
try:
    warnings.warn("careful")
    a = "went on"
except UserWarning:
    a = "raised"
# %% report
=> a

== warnings-error-filter-by-category
# %% import
import warnings
import numpy as np
warnings.filterwarnings("error", category=RuntimeWarning)
# %% train
try:
    float(np.log(np.float64(-1.0)))
    a = "went on"
except RuntimeWarning:
    a = "raised"
# %% report
=> a

== warnings-caught-in-a-with
# %% import
import warnings
with warnings.catch_warnings():
    warnings.simplefilter("error")
    a = 1
# %% train
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    warnings.warn("seen")
n = len(caught)
# %% report
=> [a, n]

== logging-level-and-handler
# %% import
import logging
logging.basicConfig(level=logging.DEBUG, format="%(message)s")
logger = logging.getLogger("mine")
logger.setLevel(logging.WARNING)
# %% report
=> [logging.getLogger().level, logger.level, logger.isEnabledFor(logging.INFO)]

== logger-handler-that-collects | either
# %% import
import logging
class Collect(logging.Handler):
    lines = []
    def emit(self, record):
        self.lines.append(record.getMessage())
log = logging.getLogger("collected")
handler = Collect()
log.addHandler(handler)
log.warning("one")
# %% train
log.warning("two")
# %% report
=> handler.lines

== decimal-context
# %% import
from decimal import Decimal, getcontext
getcontext().prec = 5
# %% train
a = Decimal(1) / Decimal(7)
# %% report
=> [str(a), str(Decimal(2) / Decimal(3))]

== decimal-local-context
# %% import
import decimal
with decimal.localcontext() as ctx:
    ctx.prec = 3
    a = decimal.Decimal(1) / 3
# %% report
=> [str(a), str(decimal.Decimal(1) / 3)]

== environment-variable
# %% import
import os
os.environ["MY_SETTING"] = "blue"
# %% train
a = os.environ["MY_SETTING"]
# %% report
=> [a, os.getenv("MY_SETTING"), os.environ.get("NOT_SET_AT_ALL")]

== environment-variable-from-a-value
# %% import
import os
n = len("abcd")
os.environ["MY_N"] = str(n)
# %% report
=> os.environ["MY_N"]

== env-magic
# %% import
%env MY_SETTING=green
# %% report
import os
=> os.environ["MY_SETTING"]

== sys-path-with-a-local-module
# %% import
import sys
sys.path.append("lib")
import helpers
a = helpers.double(2)
# %% train
b = helpers.double(a)
# %% report
from helpers import double
=> [a, b, double(1)]
# %% file: lib/helpers.py
def double(x):
    return x * 2

== local-module-beside-the-notebook
# %% import
import helpers
from pkg.tools import triple
a = helpers.double(2)
# %% train
b = triple(a)
# %% report
=> [a, b, helpers.double(b)]
# %% file: helpers.py
def double(x):
    return x * 2
# %% file: pkg/__init__.py
# %% file: pkg/tools.py
from helpers import double
def triple(x):
    return double(x) + x

== state-in-a-local-module | either
# %% import
import state
state.items.append(1)
# %% train
state.items.append(2)
state.level = "high"
# %% report
=> [state.items, state.level]
# %% file: state.py
items = []
level = "low"

== setting-inside-a-function
# %% import
import pandas as pd
def configure(n):
    pd.set_option("display.precision", n)
configure(2)
# %% train
s = pd.Series([1.23456])
# %% report
=> str(s)

== setting-in-a-function-called-later
# %% import
import numpy as np
def configure():
    np.set_printoptions(precision=1)
a = np.array([1.2345])
before = str(a)
# %% train
configure()
# %% report
=> [before, str(a)]

== setting-on-a-condition
# %% import
import pandas as pd
wide = len("ab") == 2
if wide:
    pd.set_option("display.precision", 1)
# %% report
=> str(pd.Series([1.23456]))

== setting-in-a-later-stage-does-not-reach-back
# %% import
import numpy as np
a = np.array([1.23456])
one = str(a)
# %% train
two = str(a)
np.set_printoptions(precision=1)
# %% report
=> [one, two, str(a)]

== recursion-limit-and-int-max-digits
# %% import
import sys
sys.setrecursionlimit(5000)
def down(n):
    return 0 if n == 0 else 1 + down(n - 1)
# %% train
n = down(2000)
# %% report
=> [n, down(3000)]

== time-zone-of-the-process
# %% import
import os, time
os.environ["TZ"] = "Asia/Tokyo"
time.tzset()
# %% report
=> time.strftime("%H", time.localtime(0))

== sklearn-set-output
# %% import
import sklearn
import pandas as pd
from sklearn.preprocessing import StandardScaler
sklearn.set_config(transform_output="pandas")
df = pd.DataFrame({"a": [1.0, 2.0, 3.0]})
# %% train
out = StandardScaler().fit_transform(df)
# %% report
=> [type(out).__name__, type(StandardScaler().fit_transform(df)).__name__]

== chdir | NB2
# %% import
import os
os.makedirs("sub", exist_ok=True)
os.chdir("sub")
# %% report
=> os.path.basename(os.getcwd())

== json-encoder-default-patched
# %% import
import json
class Enc(json.JSONEncoder):
    def default(self, o):
        return "other"
# %% report
with open("result.json", "w") as f:
    json.dump({"a": {1, 2}}, f, cls=Enc)

== setting-in-an-untagged-cell | NB2
# %%
import numpy as np
np.set_printoptions(precision=1)
# %% import
a = np.array([1.23456])
# %% report
=> str(a)

== gc-and-thread-settings-harmless
# %% import
import gc
gc.collect()
xs = [1]
# %% train
gc.disable()
xs.append(2)
# %% report
=> xs
"""

IPYTHON: Final = r'''
== time-magic-binds
# %% import
%time x = sum(range(10))
# %% train
%time y = x + 1
# %% report
=> [x, y]

== time-cell-magic-binds
# %% import
%%time
x = 1
y = [x]
# %% train
%%time
y.append(2)
# %% report
=> [x, y]

== timeit-binds-nothing-but-runs
# %% import
x = 5
%timeit -n 1 -r 1 x * 2
# %% report
=> x

== timeit-that-changes-what-is-used-later | NB304
# %% import
xs = []
%timeit -n 2 -r 1 xs.append(1)
# %% report
=> len(xs) > 1

== timeit-that-changes-what-only-an-untagged-cell-uses
# %% import
xs = []
n = len(xs)
%timeit -n 2 -r 1 xs.append(1)
# %%
print(xs)
# %% report
=> n

== capture-cell-magic-binds
# %% import
%%capture
x = [1]
print("hidden")
# %% train
x.append(2)
# %% report
=> x

== writefile-then-import
# %% import
%%writefile written_tools.py
def double(x):
    return x * 2
# %% train
import written_tools
a = written_tools.double(4)
# %% report
=> [a, written_tools.double(1)]

== shell-command-with-values
# %% import
#| outs: out.txt
name = "data"
n = 3
!echo {name}-{n} > out.txt
# %% report
with open("out.txt") as f:
    text = f.read()
=> text

== shell-command-with-dollar
# %% import
#| outs: out.txt
word = "hello"
!echo $word > out.txt
# %% report
=> open("out.txt").read()

== env-magic-with-a-value
# %% import
level = 3
%env MY_LEVEL={level}
# %% train
import os
a = os.environ["MY_LEVEL"]
# %% report
=> a

== pip-magic-is-left-out
# %% import
x = 1
%pip --version
# %% report
=> x

== matplotlib-inline-is-left-out
# %% import
%matplotlib inline
import matplotlib.pyplot as plt
xs = [1, 2]
# %% report
plt.plot(xs)
=> xs

== help-is-left-out | ipython
# %% import
x = [1]
x?
# %% report
len?
=> x

== display-and-trailing-expressions | ipython
# %% import
import pandas as pd
df = pd.DataFrame({"a": [1, 2]})
df
# %% train
display(df.head())
df["b"] = df["a"] * 2
df.pop("a");
# %% report
=> df.to_dict("list")

== trailing-expression-that-changes
# %% import
xs = [3, 1]
xs.append(2)
# %% train
xs.pop()
# %% report
xs
=> xs

== last-result-underscore | ipython
# %% import
1 + 1
# %% train
y = _ * 10
# %% report
=> y

== last-result-that-may-be-none | ipython
# %% import
found = {"a": 1}
len(found)
# %% preprocess
found.get("b")
# %% train
y = [_, 1]
# %% report
=> y

== last-result-of-several-lines-and-behind-silent-cells | ipython
# %% import
import pandas as pd
df = pd.DataFrame({"a": [1, 2, 3], "b": [1, 1, 2]})
(df
 .groupby("b")
 .sum())  # by b
# %% preprocess
print("x")
# %% preprocess
df.head();
# %% preprocess
z = 1
# %% train
y = _["a"].tolist()
z = _.shape
# %% report
=> [y, z]

== last-result-used-twice-and-changed | ipython
# %% import
xs = [3, 1]
xs
# %% train
_.append(2)
_
# %% report
=> [_, xs, _ is xs]

== last-result-of-an-untagged-cell | NB221 | ipython
# %% import
1 + 1
# %%
2 + 2
# %% report
=> _

== last-result-in-a-function | NB221 | ipython
# %% import
def last():
    return _
5
# %% report
=> last()

== last-result-of-a-timed-line | NB221 | ipython
# %% import
%time 5
# %% report
=> _

== last-result-of-the-same-cell-is-the-one-before | ipython
# %% import
1 + 1
# %% train
5
y = _
# %% report
=> y

== last-results-by-number | NB2 | ipython
# %% import
41 + 1
# %% report
y = Out[1]
=> y

== underscore-as-a-plain-name
# %% import
for _ in range(3):
    pass
first, _ = [1, 2]
# %% report
=> [first, _]

== get-ipython | NB2 | ipython
# %% import
ip = get_ipython()
x = ip.user_ns is not None
# %% report
=> x

== input | NB2
# %% import
name = input("name: ")
# %% report
=> name

== run-magic | NB
# %% import
%run other.py
# %% report
=> value
# %% file: other.py
value = 3

== store-magic | NB
# %% import
x = 1
%store x
# %% report
%store -r x
=> x

== cd-magic | NB
# %% import
%cd sub
x = open("a.txt").read()
# %% report
=> x
# %% file: sub/a.txt
hello

== bash-cell-that-writes-a-file
# %% import
%%bash
#| outs: out.txt
echo 1 > out.txt
# %% report
=> open("out.txt").read()

== shell-command-that-writes-without-saying-so | either
# %% import
!echo yes > out.txt
# %% report
=> open("out.txt").read()

== shell-in-a-branch
# %% import
#| outs: out.txt
flag = True
if flag:
    !echo yes > out.txt
# %% report
=> open("out.txt").read()

== percent-at-the-start-of-a-code-line
# %% import
text = (
    "%s-%s"
    % (1, 2)
)
block = """
%time is not a magic here
!nor this
"""
# %% report
=> [text, block]

== magic-commented-and-semicolons
# %% import
x = 1; y = 2
# %time nothing
x += y;
# %% report
=> [x, y]

== time-magic-of-a-draw
# %% import
import numpy as np
np.random.seed(1)
%time a = np.random.rand(3)
# %% train
%time b = np.random.rand(3)
# %% report
=> [a.tolist(), b.tolist()]

== timeit-that-draws-and-changes | either
# %% import
import random
random.seed(1)
xs = []
%timeit -n 2 -r 1 xs.append(random.random())
# %% report
=> [xs, random.random()]

== autocall-quotes | NB | ipython
# %% import
def f(x):
    return x
,f a
# %% report
=> 1

== config-magic
# %% import
%config InlineBackend.figure_format = "retina"
x = 1
# %% report
=> x

== await-in-a-comprehension
# %% import
import asyncio
async def f(n):
    return n + 1
xs = [await f(n) for n in range(3)]
# %% report
=> xs

== ipython-display-imported
# %% import
from IPython.display import display, Markdown, HTML
x = [1]
display(Markdown("# hello"))
# %% report
display(HTML("<b>x</b>"), x)
=> x

== tqdm-around-a-loop
# %% import
from tqdm import tqdm
xs = []
# %% train
for i in tqdm(range(3)):
    xs.append(i)
# %% report
=> xs

== capture-into-a-variable
# %% import
%%capture out
print("shown")
x = 1
# %% train
n = len(out.stdout)
# %% report
=> [x, out.stdout, n, out.stderr]

== capture-into-a-variable-over-texts
# %% import
%%capture cap --no-stderr
text = """first
    second
third"""
for n in range(2):
    print("n =", n,
          text)
    %matplotlib inline
a = n + 1
# %% train
b = a * 2
shown = str(cap)
# %% report
=> [a, b, text, shown]

== capture-into-a-variable-over-imports | NB302
# %% import
%%capture out
import json
def double(v):
    print(v)
    return 2 * v
a = double(4)
# %% report
=> [a, out.stdout]

== capture-into-a-variable-that-nobody-reads
# %% import
%%capture out
print("hidden")
x = [1]
# %% report
=> x

== capture-of-a-command-that-is-read | NB302
# %% import
%%capture out
!echo hello
# %% report
=> out.stdout

== shell-output-in-a-variable
# %% import
lines = !echo one; echo two
# %% train
n = len(lines)
# %% report
=> [n, lines[1], lines.n]

== shell-output-read-as-a-list
# %% import
names = !printf 'b\na\n'
# %% train
names = sorted(names)
names.append("c")
# %% report
=> ["-".join(names), names[0], [n.upper() for n in names]]

== shell-output-filtered
# %% import
lines = !printf 'x 1\ny 2\nxz 3\n'
found = lines.grep("x")
# %% train
columns = found.fields(1)
# %% report
=> [list(found), columns, lines.s, type(lines).__name__]

== shell-output-in-a-function
# %% import
def list_words(word):
    out = !echo {word} $word
    return out
# %% train
a = list_words("ab")
# %% report
=> [a, a[0], a.n, list_words("c").l]

== sx-magic-and-unpacking
# %% import
first, second = !printf '1\n2\n'
third = %sx echo 3
# %% report
=> [first, second, third]

== shell-variable-of-the-environment
# %% import
#| outs: out.txt
import os
os.environ["NB2_HOME"] = "env"
value = 3
!echo $NB2_HOME > out.txt
!echo $value >> out.txt
# %% report
=> open("out.txt").read()

== shell-name-that-python-has-too
# %% import
#| outs: out.txt
HOME = "python"
!echo $HOME > out.txt
# %% report
=> [open("out.txt").read(), HOME]

== autoreload
# %% import
%load_ext autoreload
%autoreload 2
import local_helpers
a = local_helpers.double(2)
# %% report
=> local_helpers.double(a)
# %% file: local_helpers.py
def double(x):
    return 2 * x

== extension-that-is-unknown
# %% import
%load_ext autoreload
%reload_ext autoreload
x = 1
# %% report
%unload_ext autoreload
=> x

== two-cell-magics-in-a-row
# %% import
%%time
%%capture
x = [1]
print(x)
# %% train
%%capture
%%time
x.append(2)
# %% report
=> x

== timeit-cell-binds-nothing
# %% import
total = 5
# %% train
%%timeit -n 2 -r 1
total * 2
# %% report
=> total

== time-of-an-expression-whose-value-is-kept
# %% import
x = %time sum(range(5))
%time print(x)
# %% report
=> x

== prun-binds
# %% import
%prun -q x = sum(range(5))
# %% train
%%prun -q
y = x + 1
# %% report
=> [x, y]

== env-magics
# %% import
%env NB2_A=one two
%set_env NB2_B three
shown = %env NB2_A
# %% train
import os
b = os.environ["NB2_B"]
# %% report
=> [shown, b, os.environ["NB2_A"]]

== pwd-and-mkdir-magics
# %% import
%mkdir -p sub
import os
here = %pwd
same = os.path.samefile(here, ".")
# %% report
=> same

== session-magics-are-left-out
# %% import
%pdb off
%xmode Minimal
%colors NoColor
%precision
x = [1, 2]
%who
%whos
%lsmagic
# %% report
%history -n
%page x
%pinfo x
=> x

== settings-of-the-shell-are-left-out | ipython
# %% import
%config InteractiveShell.ast_node_interactivity = "last_expr"
from IPython.core.interactiveshell import InteractiveShell
InteractiveShell.ast_node_interactivity = "last_expr"
x = 1
x
# %% report
=> x

== python-cell-in-another-process
# %% import
%%python3
#| outs: sub.txt
open("sub.txt", "w").write("written")
# %% report
=> open("sub.txt").read()

== sh-cell-with-arguments
# %% import
n = 3
# %% train
%%bash -s {n} two
#| outs: args.txt
echo "$1 $2" > args.txt
# %% report
=> open("args.txt").read()

== cell-switched-off-by-script
# %% import
x = 1
# %% train
%%script false --no-raise-error
x = 2
# %% report
=> x

== html-javascript-latex-and-markdown-cells
# %% import
x = 1
# %% train
%%html
<b>x</b>
# %% preprocess
%%markdown
# title
# %% report
=> x

== writefile-in-two-parts | ipython
# %% import
%%writefile parts.txt
first \n {x} """
# %% train
%%writefile -a parts.txt
second
# %% report
=> open("parts.txt").read()

== writefile-named-by-a-variable
# %% import
name = "made.txt"
# %% train
%%writefile {name}
content $name
# %% report
=> open("made.txt").read()

== file-that-begins-like-a-directive
# %% import
%%writefile a.txt
#| outs: a.txt
#| eval: false
x
# %% report
=> open("a.txt").read()

== program-with-a-directive-that-counts-its-lines
# %% import
%%python3
#| outs: a.txt
import sys
open("a.txt", "w").write(str(sys._getframe().f_lineno))
# %% report
=> open("a.txt").read()

== html-shown | ipython
# %% import
from IPython.display import HTML, Image, Markdown, clear_output, display
x = 1
HTML("<b>x</b>")
# %% train
display(HTML(f"<b>{x}</b>"), Markdown("*x*"), display_id=True)
clear_output(wait=True)
y = x + 1
Markdown("**y**")
# %% report
=> y

== help-forms | ipython
# %% import
x = [1]
x.append?
?x
x??
# %% report
str.split?
=> x

== trailing-expression-that-is-called | ipython
# %% import
seen = []
def note(value):
    seen.append(value)
    return value
note(1)
# %% train
note(2);
# %% report
seen[-1]
=> seen

== tqdm-notebook
# %% import
from tqdm.notebook import tqdm, trange
import tqdm.notebook as tn
squares = []
# %% train
bars = tqdm if squares else tn.tqdm
for i in range(3):
    squares.append(i * i)
# %% report
=> [squares, tqdm is tn.tqdm, trange is tn.trange]

== colab-flag-and-guards
# %% setup
import sys
IN_COLAB = "google.colab" in sys.modules
if IN_COLAB:
    from google.colab import drive
    drive.mount("/content/drive")
# %% import
if IN_COLAB:
    import os
    os.chdir("/content/drive/MyDrive")
folder = "/content/" if "google.colab" in sys.modules else ""
x = [1]
# %% train
x.append(2)
if IN_COLAB:
    x.append(3)
# %% report
=> [x, folder]

== colab-by-an-attempt-to-import
# %% setup
try:
    from google.colab import drive
    ON_COLAB = True
except ImportError:
    ON_COLAB = False
# %% import
try:
    import google.colab
    root = "/content/"
except ModuleNotFoundError:
    root = ""
x = [root]
# %% report
=> [x, ON_COLAB]

== colab-asks-for-its-shell | ipython
# %% import
if "google.colab" in str(get_ipython()):
    x = 1
else:
    x = 2
# %% report
=> x

== shell-called-as-nbconvert-writes-it | ipython
# %% import
get_ipython().run_line_magic("matplotlib", "inline")
get_ipython().run_line_magic("time", "x = 3")
lines = get_ipython().getoutput("echo a")
# %% report
=> [x, lines]

== inputs-of-cells | NB2 | ipython
# %% import
x = 1
# %% report
=> In[1]

== run-of-a-notebook | NB302
# %% import
%run other.ipynb
# %% report
=> 1

== load-magic | NB302
# %% import
%load other.py
# %% report
=> 1

== defaults-of-a-function-are-its-objects
# %% import
xs = [1]
def f(p=xs, n=3):
    return p
d = f.__defaults__
# %% train
d[0].append(2)
# %% report
=> [xs, d, f(), len(f.__defaults__)]

== pylab-magic
# %% import
%pylab inline
x = arange(3)
# %% report
=> x.tolist()

== pylab-magic-hides-builtins
# %% import
%pylab inline
x = array([[1, 2], [3, 4]])
seed(3)
# %% train
y = rand(3)
x[0] = 9
a = sum(x, 1)
b = [abs(-2.5), round(2.567, 1), pow(2, 3), all([[1, 0], [1, 1]], 0).tolist()]
# %% report
=> [x.tolist(), y.tolist(), a.tolist(), str(b), float(np.mean(x)), float(numpy.median(x)), pyplot.__name__]

== pylab-magic-names-only
# %% import
%pylab inline --no-import-all
x = np.arange(3)
# %% report
=> x.tolist()

== two-stars-of-which-the-last-has-not-the-name
# %% import
from numpy import *
from math import *
x = linspace(0, 1, 5)
# %% train
y = x
y[0] = 5
z = floor(2.5)
# %% report
=> [x.tolist(), repr(z), repr(sqrt(4))]

== two-stars-of-which-both-have-the-name
# %% import
from math import *
from numpy import *
x = array([1.0, 4.0])
# %% train
y = sqrt(x)
y[0] = 5
# %% report
=> [x.tolist(), y.tolist(), repr(factorial(3))]

== alias-magic | NB302
# %% import
%alias greet echo hello
%greet
# %% report
=> 1

== reset-magic | NB302
# %% import
x = 1
%reset -f
# %% report
=> 2

== unknown-magic | NB301
# %% import
x = 1
%frobnicate x
# %% report
=> x

== sql-cell | NB302
# %% import
%%sql
select 1
# %% report
=> 1

== magic-of-a-whole-cell-as-a-line | NB306
# %% import
%bash ls
# %% report
=> 1

== magic-in-a-function
# %% import
def settle(n):
    %matplotlib inline
    %time print(n)
    return n
# %% report
=> settle(3)

== out-of-an-earlier-cell | NB221
# %% import
x = 4
x * 2
# %% train
y = Out[1] + _1
# %% report
=> y

== guarded-get-ipython | NB221
# %% import
try:
    get_ipython
    inside = True
except NameError:
    inside = False
x = [1]
# %% report
=> x

== guarded-file-name-of-the-script | NB201
# %% import
try:
    root = __file__
except NameError:
    root = "nb"
# %% report
=> root
'''

HIDDEN_NAMES: Final = r"""
== query-with-a-local-name
# %% import
import pandas as pd
df = pd.DataFrame({"a": [1, 2, 3]})
low = 1
# %% train
big = df.query("a > @low")
# %% report
=> big["a"].tolist()

== query-with-a-name-changed-meanwhile
# %% import
import pandas as pd
df = pd.DataFrame({"a": [1, 2, 3]})
limits = [1]
# %% preprocess
limits[0] = 2
# %% report
=> df.query("a > @limits[0]")["a"].tolist()

== query-text-in-a-variable
# %% import
import pandas as pd
df = pd.DataFrame({"a": [1, 2, 3]})
low = 1
condition = "a > @low"
# %% report
=> df.query(condition)["a"].tolist()

== query-text-from-an-f-string
# %% import
import pandas as pd
df = pd.DataFrame({"a": [1, 2, 3]})
column, low = "a", 2
# %% report
=> df.query(f"{column} >= @low")["a"].tolist()

== query-in-a-function-with-a-local
# %% import
import pandas as pd
df = pd.DataFrame({"a": [1, 2, 3]})
high = 3
def between(frame, low):
    return frame.query("a > @low and a < @high")
# %% train
high = 4
# %% report
=> between(df, 1)["a"].tolist()

== eval-of-a-frame
# %% import
import pandas as pd
df = pd.DataFrame({"a": [1, 2, 3]})
k = 10
# %% train
df = df.eval("b = a * @k")
df.eval("c = a + @k", inplace=True)
# %% report
=> df.to_dict("list")

== pd-eval-reads-names
# %% import
import pandas as pd
a, b = 3, 4
# %% report
=> int(pd.eval("a + b"))

== formula-of-a-function-by-its-name | real
# %% import
import numpy as np
import pandas as pd
from statsmodels.formula.api import ols
df = pd.DataFrame({"x": [1.0, 2.0, 3.0, 4.5, 5.0], "y": [1.0, 2.5, 2.9, 4.1, 5.2]})
# %% train
fit = ols("y ~ np.log(x)", data=df).fit()
# %% report
=> [round(v, 8) for v in fit.params]

== formula-with-np-and-a-user-function | real
# %% import
import numpy as np
import pandas as pd
import statsmodels.formula.api as smf
df = pd.DataFrame({"x": [1.0, 2.0, 3.0, 4.5, 5.0], "y": [1.0, 2.5, 2.9, 4.1, 5.2]})
def halve(v):
    return v / 2
# %% train
fit = smf.ols("y ~ np.log(x) + halve(x)", data=df).fit()
# %% report
=> [round(v, 8) for v in fit.params]

== globals-read | NB2
# %% import
secret = 1
# %% report
=> globals()["secret"]

== globals-written | NB2
# %% import
for n in ("a", "b"):
    globals()[f"x_{n}"] = n
# %% report
=> x_a

== locals-at-top-level | NB2
# %% import
a = 1
# %% report
names = [n for n in list(locals()) if n == "a"]
=> names

== exec-binds | NB2
# %% import
exec("x = 1")
# %% report
=> x

== eval-reads | NB2
# %% import
secret = 41
# %% report
=> eval("secret + 1")

== literal-eval-is-harmless
# %% import
text = "[1, 2]"
# %% report
import ast
=> ast.literal_eval(text)

== dir-at-top-level | NB2
# %% import
alpha = 1
# %% report
=> "alpha" in dir()

== locals-in-a-function
# %% import
def f(a, b):
    return dict(locals())
# %% train
x = f(1, 2)
# %% report
=> [x, "{a}{b}".format(**f(3, 4))]

== f-string-debug-and-nested-format
# %% import
width, value = 8, 3.14159
# %% report
=> [f"{value=}", f"{value:{width}.2f}", f"{value!r:>{width + 4}}"]

== format-and-template
# %% import
values = {"a": 1}
template = "{a}"
# %% report
from string import Template
=> [template.format(**values), Template("$a").substitute(values)]

== import-star
# %% import
from math import *
a = sqrt(16)
# %% report
=> [a, floor(pi)]

== import-star-of-a-local-module
# %% import
from helpers import *
a = double(2)
# %% report
=> [a, double(LIMIT)]
# %% file: helpers.py
LIMIT = 5
def double(x):
    return x * 2

== main-module-by-sys-modules | NB2
# %% import
import sys
secret = 3
# %% report
=> sys.modules["__main__"].secret

== import-dunder-main | NB2
# %% import
secret = 3
# %% report
import __main__
=> __main__.secret

== getattr-on-an-imported-module
# %% import
import math
name = "sqrt"
# %% report
=> getattr(math, name)(16)

== dunder-file-does-not-exist-in-a-notebook | either
# %% import
import os
try:
    here = os.path.dirname(__file__)
except NameError:
    here = "notebook"
# %% report
=> here

== frame-assign-with-lambda-and-global
# %% import
import pandas as pd
k = 3
df = pd.DataFrame({"a": [1, 2]})
# %% train
k = 5
df = df.assign(b=lambda d: d["a"] * k)
# %% report
=> df.to_dict("list")

== groupby-agg-by-text-and-function
# %% import
import pandas as pd
df = pd.DataFrame({"g": ["a", "a", "b"], "v": [1, 2, 5]})
spread = lambda s: int(s.max() - s.min())
# %% train
out = df.groupby("g")["v"].agg(["sum", spread])
out.columns = ["sum", "spread"]
# %% report
=> out.to_dict()

== name-asked-for-in-globals
# %% import
if "data" not in globals():
    data = [1]
# %% train
if not "data" in globals():
    data = [2]
data.append(3)
# %% report
=> data

== function-that-asks-for-a-global
# %% import
def cached():
    global store
    if "store" not in globals():
        store = {}
    store[len(store)] = 1
    return len(store)
a = cached()
# %% train
b = cached()
# %% report
=> [a, b, cached(), store]

== name-of-an-untagged-cell-asked-for-in-globals | NB202
# %%
data = [1]
# %% train
if "data" not in globals():
    data = [2]
# %% report
=> data

== name-asked-for-that-a-loop-may-bind
# %% import
flags = [True]
for flag in flags:
    if flag:
        extra = [1]
# %% train
if "extra" in globals():
    extra.append(2)
else:
    extra = []
# %% report
=> extra

== deleted-name-asked-for-in-globals | either
# %% import
data = [1]
del data
# %% train
if "data" not in globals():
    data = [2]
# %% report
=> data

== import-unless-it-is-there
# %% import
if "np" not in globals():
    import numpy as np
# %% train
x = np.arange(2)
# %% report
=> x.tolist()

== names-asked-for-that-scripts-import
# %% import
x = {"a": 1}
if "Path" in globals():
    x["c"] = 1
if "pickle" in globals():
    x["d"] = 1
# %% train
if "Path" in globals():
    x["c"] = 1
if "pickle" in globals():
    x["d"] = 1
x["b"] = 2
# %% report
if "Path" in globals():
    x["c"] = 1
=> x

== name-asked-for-that-is-imported-later | either
# %% import
if "np" in globals():
    x = 1
else:
    x = 2
# %% import
import numpy as np
y = np.arange(2).tolist()
# %% report
=> [x, y]

== function-asked-for-that-is-defined-later | either
# %% import
if "f" in globals():
    x = 1
else:
    x = 2
# %% import
def f():
    return 3
y = f()
# %% report
if "g" in globals():
    y += 1
def g():
    return 4
=> [x, y, g()]
"""

FLOW: Final = r'''
== bound-in-one-branch-only
# %% import
flag = len("ab") == 3
y = "old"
# %% train
if flag:
    y = "new"
# %% report
=> y

== bound-and-used-under-the-same-condition
# %% import
flag = len("ab") == 3
if flag:
    extra = [1]
# %% train
n = 0
if flag:
    n = len(extra)
# %% report
=> [n, extra if flag else None]

== bound-in-both-branches
# %% import
import random
random.seed(1)
if random.random() > 0.5:
    a = [1]
else:
    a = [2]
b = a
# %% train
b.append(3)
# %% report
=> a

== rebound-on-a-condition-in-a-middle-stage
# %% import
xs = [1]
ys = xs
# %% preprocess
if len(xs) > 5:
    xs = [9]
# %% train
xs.append(2)
# %% report
=> [xs, ys]

== loop-variable-used-later
# %% import
for i in range(3):
    square = i * i
# %% train
j = i + square
# %% report
=> [i, j, square]

== zero-turn-loop-keeps-the-old
# %% import
last = "none"
items = []
# %% train
for last in items:
    pass
# %% report
=> last

== zero-turn-loop-binds-nothing
# %% import
items = []
# %% train
for item in items:
    found = item
try:
    got = found
except NameError:
    got = "unbound"
# %% report
=> got

== while-else-and-break
# %% import
n, log = 10, []
# %% train
while n > 0:
    n -= 3
    if n == 4:
        log.append("four")
        break
else:
    log.append("done")
# %% report
=> [n, log]

== for-else-with-continue
# %% import
total = 0
# %% train
for k in range(5):
    if k % 2:
        continue
    total += k
else:
    ended = True
# %% report
=> [k, total, ended]

== with-several-names
# %% import
import io
with io.StringIO("a\nb") as f, io.StringIO("c") as g:
    lines = f.readlines() + g.readlines()
# %% report
=> lines

== closed-file-handle-used-later | either
# %% import
with open("in.txt") as f:
    text = f.read()
# %% report
=> [text, f.closed, f.name]
# %% file: in.txt
hello

== open-handle-read-in-two-stages | NB2
# %% import
f = open("in.txt")
one = f.readline()
# %% report
=> [one, f.readline()]
# %% file: in.txt
a
b

== try-except-else-finally-bind
# %% import
log = []
def risky(n):
    return 10 // n
# %% train
for n in (0, 5):
    try:
        q = risky(n)
    except ZeroDivisionError:
        log.append("zero")
        q = None
    else:
        log.append(q)
    finally:
        log.append("end")
# %% report
=> [q, log]

== except-unbinds-its-name
# %% import
e = 2.5
# %% train
try:
    int("x")
except ValueError as e:
    message = str(e)
try:
    e
    state = "bound"
except NameError:
    state = "unbound"
# %% report
=> [message, state]

== partly-run-try-body
# %% import
a, b = 1, 1
# %% train
try:
    a = 2
    int("x")
    b = 2
except ValueError:
    pass
# %% report
=> [a, b]

== match-captures
# %% import
command = {"op": "move", "by": [1, 2, 3], "z": 0}
# %% train
match command:
    case {"op": "stop"}:
        kind = "stop"
    case {"op": str(op), "by": [first, *rest], **other}:
        kind = "move"
    case _:
        kind = "none"
# %% report
=> [kind, op, first, rest, other]

== walrus-in-a-condition
# %% import
xs = [1, 2, 3]
# %% train
if (n := len(xs)) > 2:
    xs.append(n)
# %% report
=> [n, xs]

== walrus-in-a-comprehension
# %% import
xs = [1, 4, 9]
# %% train
roots = [last := x ** 0.5 for x in xs if (seen := x) > 1]
# %% report
=> [roots, last, seen]

== comprehension-variable-hides-a-name
# %% import
i = "outer"
xs = [1, 2]
# %% train
squares = [i * i for i in xs]
table = {k: v for k, v in zip("ab", xs)}
# %% report
=> [i, squares, table]

== nested-comprehension-with-filters
# %% import
rows, low = [[1, 2], [3, 4]], 1
# %% train
flat = [x for row in rows if len(row) > low for x in row if x > low]
total = sum(w * x for w, x in zip(flat, rows[0]))
# %% report
=> [flat, total]

== del-and-rebinding
# %% import
x = [1]
y = x
# %% preprocess
del x
# %% train
x = [2]
# %% report
=> [x, y]

== deleted-name-is-not-missed
# %% import
big = list(range(5))
n = len(big)
# %% train
del big
m = n + 1
# %% report
=> [n, m]

== deleted-then-used | NB203
# %% import
x = 1
# %% train
del x
# %% report
=> x

== star-and-nested-unpacking
# %% import
data = [1, (2, [3, 4]), 5]
# %% train
a, (b, [c, *d]), *e = data
(f, g), h = (a, b), c
# %% report
=> [a, b, c, d, e, f, g, h]

== chained-assignment-to-name-item-attribute
# %% import
import types
o, d = types.SimpleNamespace(), {}
# %% train
o.x = d["k"] = z = [1]
# %% preprocess
z.append(2)
# %% report
=> [o.x, d, z]

== swap-through-a-tuple
# %% import
a, b = [1], [2]
c = a
# %% train
a, b = b, a
# %% preprocess
a.append("a")
# %% report
=> [a, b, c]

== shadowed-builtins
# %% import
list = [3, 1]
id = 7
sum = 10
filter = {"a": 1}
input = "in.csv"
# %% train
list.append(sum)
max = lambda *a: "mine"
# %% report
=> [list, id, filter, input, max(1, 2), sum]

== builtin-shadowed-and-restored
# %% import
len = lambda x: 99
a = len([])
# %% train
del len
b = len([1, 2])
# %% report
=> [a, b, len([1])]

== function-uses-a-builtin-that-is-shadowed-later
# %% import
def total(xs):
    return sum(xs)
a = total([1, 2])
# %% train
sum = lambda xs: "shadow"
# %% report
=> [a, total([1])]

== names-with-an-underscore-and-non-ascii
# %% import
_hidden = [1]
größe = 3
変数 = {"k": _hidden}
# %% train
_hidden.append(größe)
# %% report
=> [_hidden, 変数, größe]

== name-that-normalises-to-another
# %% import
ﬁle = [1]
# %% train
file.append(2)
# %% report
=> ﬁle

== name-is-main
# %% import
def run():
    return [1, 2]
# %% train
if __name__ == "__main__":
    out = run()
# %% report
=> [out, __name__]

== nonlocal-and-nested-scopes
# %% import
def outer(n):
    total = 0
    def add(x):
        nonlocal total
        total += x * factor
        return total
    for i in range(n):
        add(i)
    return total
factor = 2
# %% train
factor = 10
a = outer(3)
# %% report
=> [a, outer(2)]

== global-in-a-nested-function-and-a-method
# %% import
level = 0
class K:
    def up(self):
        global level
        def inner():
            global level
            level += 1
        inner()
        return level
k = K()
# %% train
k.up()
# %% report
=> [k.up(), level]

== global-statement-at-the-top-level
# %% import
global shared_value
shared_value = [1]
# %% train
shared_value.append(2)
# %% report
=> shared_value

== annotated-assignment
# %% import
from typing import Optional
x: int = 3
y: Optional[int]
z: "Missing" = [1]
# %% train
z.append(x)
# %% report
=> [x, z]

== conditional-expression-and-short-circuit
# %% import
calls = []
def yes(x):
    calls.append(x)
    return x
# %% train
a = yes(0) and yes(1)
b = yes(2) or yes(3)
c = yes(4) if a else yes(5)
# %% report
=> [a, b, c, calls]

== assert-with-a-walrus
# %% import
xs = [1]
assert xs, "empty"
# %% train
assert (n := len(xs)) == 1
# %% report
=> n

== exception-group-and-bare-except
# %% import
log = []
# %% train
try:
    raise ExceptionGroup("g", [ValueError("v"), KeyError("k")])
except* ValueError as eg:
    log.append(len(eg.exceptions))
except* KeyError:
    log.append("key")
try:
    1 / 0
except:
    log.append("bare")
# %% report
=> log

== last-items-of-nested-loops
# %% import
totals = {}
data = {"a": [1, 2], "b": [3]}
# %% train
for key, values in data.items():
    totals[key] = 0
    for v in values:
        totals[key] += v
# %% report
=> [key, v, totals, values is data["b"]]

== same-name-in-three-stages
# %% import
x = 1
keep = x
# %% preprocess
x = x + 1
# %% train
x = x * 10
# %% report
x = [x, keep]
=> x

== same-frame-name-rebound-in-each-stage
# %% import
import pandas as pd
df = pd.DataFrame({"a": [1, 2, None]})
# %% clean
df = df.dropna()
# %% features
df = df.assign(b=df["a"] ** 2)
# %% train
df = df[df["b"] > 1]
# %% report
=> df.to_dict("list")

== cell-that-raises | NB205
# %% import
x = 1
raise ValueError("stop")
# %% report
=> x

== name-never-bound | NB201
# %% import
x = 1
# %% report
=> x + unknown_name

== loop-keeps-the-best
# %% import
state = {"best": None, "score": -1}
# %% train
for alpha in (0.1, 0.5):
    score = alpha * 2
    if score > state["score"]:
        state["best"], state["score"] = alpha, score
        best_alpha = alpha
# %% report
=> [state, best_alpha, alpha]

== star-args-and-keyword-dicts
# %% import
def f(*args, **kw):
    kw["seen"] = len(args)
    return kw
args, kw = [1, 2], {"a": 1}
# %% train
out = f(*args, **kw)
merged = {**kw, **out, "z": [*args]}
# %% report
=> [kw, out, merged]

== triple-quoted-text-keeps-its-lines
# %% import
def text():
    return """
    indented
  # no comment


    end"""
# %% report
=> text()

== loop-that-deletes-its-variable
# %% import
xs = [1, 2]
for x in xs:
    y = x
    del x
# %% train
try:
    x
    state = "bound"
except NameError:
    state = "unbound"
# %% report
=> [y, state]

== infinite-loop-with-break-in-try
# %% import
it = iter([1, 0, 5])
out = []
# %% train
while True:
    try:
        n = next(it)
        out.append(10 // n)
    except ZeroDivisionError:
        out.append("zero")
        continue
    except StopIteration:
        break
# %% report
=> [n, out]

== name-made-unless-it-is-there
# %% import
try:
    data
except NameError:
    data = [1, 2]
# %% report
=> data

== cached-value-unless-it-is-there
# %% import
try:
    cached = results
except NameError:
    results = {}
results["a"] = 1
# %% report
=> results

== guarded-name-of-an-earlier-stage
# %% import
data = [1]
# %% train
try:
    data.append(2)
except NameError:
    data = [5]
# %% report
=> data

== guarded-names-of-libraries-that-the-script-imports
# %% import
import pandas as pd
df = pd.DataFrame({"a": [1]})
a = {"x": [1]}
# %% train
try:
    Path
    pickle
    joblib
    found = True
except NameError:
    found = False
df["b"] = 2
a["y"] = 2
# %% report
=> [found, a, df.b.tolist()]

== guarded-name-in-a-loop
# %% import
out = []
for i in range(3):
    try:
        total = total + i
    except NameError:
        total = 10
    out.append(total)
# %% report
=> [out, total]

== guarded-name-that-a-later-stage-binds
# %% import
def f():
    try:
        return CACHE
    except NameError:
        return "none"
a = f()
# %% train
CACHE = [1]
b = f()
b.append(2)
# %% report
=> [a, b, CACHE, f()]

== global-counter-made-at-the-first-call
# %% import
def count():
    global n
    try:
        n += 1
    except NameError:
        n = 1
    return n
a = count()
# %% train
b = count()
# %% report
=> [a, b, count()]

== guarded-name-of-an-untagged-cell | NB202
# %%
data = [1]
# %% train
try:
    data.append(2)
except NameError:
    data = [5]
# %% report
=> data

== guarded-names-that-are-defined-later | NB201
# %% import
try:
    f
    np
    x = 1
except NameError:
    x = 2
# %% import
import numpy as np
def f():
    return np.arange(2).tolist()
y = f()
# %% report
try:
    g()
    y.append(1)
except NameError:
    y.append(2)
def g():
    return 4
=> [x, y, g()]

== guarded-names-of-untagged-definitions
# %%
import numpy as np
def f():
    return [1]
# %% import
try:
    x = f() + np.arange(2).tolist()
except Exception:
    x = 2
# %% report
=> [x, f()]
'''

FILES: Final = r"""
== csv-written-and-read-by-pandas
# %% import
import pandas as pd
pd.DataFrame({"a": [1, 2]}).to_csv("clean.csv", index=False)
# %% train
df = pd.read_csv("clean.csv")
# %% report
=> df["a"].tolist()

== every-way-to-write-and-read
# %% import
import json, pickle
import numpy as np
import joblib
from pathlib import Path
np.save("a.npy", np.arange(3))
np.savetxt("a.txt", np.arange(3))
with open("b.json", "w") as f:
    json.dump({"x": 1}, f)
with open("c.pickle", "wb") as f:
    pickle.dump([1], f)
joblib.dump({"m": 2}, "d.joblib")
Path("e.txt").write_text("text")
Path("f.bin").write_bytes(b"bytes")
# %% train
one = np.load("a.npy").tolist() + np.loadtxt("a.txt").tolist()
with open("b.json") as f:
    two = json.load(f)
with open("c.pickle", "rb") as f:
    three = pickle.load(f)
# %% report
=> [one, two, three, joblib.load("d.joblib"), Path("e.txt").read_text(), Path("f.bin").read_bytes().decode()]

== path-from-constants
# %% import
import os
from pathlib import Path
DATA = Path("data")
OUT = "out"
DATA.mkdir(exist_ok=True)
os.makedirs(os.path.join(OUT, "deep"), exist_ok=True)
(DATA / "a.txt").write_text("a")
with open(os.path.join(OUT, "deep", "b.txt"), "w") as f:
    f.write("b")
with open(f"{OUT}/c.txt", "w") as f:
    f.write("c")
# %% report
=> [(DATA / "a.txt").read_text(), open(f"{OUT}/deep/b.txt").read(), open(OUT + "/c.txt").read()]

== files-in-a-loop-over-names
# %% import
import pandas as pd
names = ["one", "two"]
for name in names:
    pd.DataFrame({"a": [len(name)]}).to_csv(f"{name}.csv", index=False)
# %% report
frames = {name: pd.read_csv(f"{name}.csv") for name in names}
=> {k: v["a"].tolist() for k, v in frames.items()}

== files-by-a-function-with-the-name-as-argument
# %% import
import json
def save(name, value):
    with open(f"{name}.json", "w") as f:
        json.dump(value, f)
def load(name):
    with open(f"{name}.json") as f:
        return json.load(f)
save("first", [1])
# %% train
save("second", load("first") + [2])
# %% report
=> load("second")

== input-file-read-in-two-stages
# %% import
import pandas as pd
raw = pd.read_csv("data/raw.csv")
# %% report
again = pd.read_csv("data/raw.csv")
=> [raw["a"].tolist(), again.equals(raw)]
# %% file: data/raw.csv
a,b
1,2
3,4

== appended-in-its-own-stage
# %% import
with open("log.txt", "w") as f:
    f.write("one\n")
with open("log.txt", "a") as f:
    f.write("two\n")
# %% report
=> open("log.txt").read()

== appended-by-a-later-stage
# %% import
with open("log.txt", "w") as f:
    f.write("one\n")
# %% train
with open("log.txt", "a") as f:
    f.write("two\n")
# %% report
=> open("log.txt").read()

== read-and-rewritten-in-place | NB4
# %% import
import pandas as pd
df = pd.read_csv("data.csv")
df["b"] = df["a"] * 2
df.to_csv("data.csv", index=False)
# %% report
=> pd.read_csv("data.csv")["b"].tolist()
# %% file: data.csv
a
1
2

== rewritten-by-a-later-stage
# %% import
import pandas as pd
pd.DataFrame({"a": [1]}).to_csv("data.csv", index=False)
# %% train
df = pd.read_csv("data.csv")
df["b"] = 2
df.to_csv("data.csv", index=False)
# %% report
=> pd.read_csv("data.csv").to_dict("list")

== folder-made-by-an-earlier-stage
# %% import
import os
os.makedirs("out/plots", exist_ok=True)
x = 1
# %% train
with open("out/plots/a.txt", "w") as f:
    f.write(str(x))
# %% report
=> open("out/plots/a.txt").read()

== glob-over-files-of-an-earlier-stage
# %% import
from pathlib import Path
Path("parts").mkdir(exist_ok=True)
for n in range(3):
    Path(f"parts/p{n}.txt").write_text(str(n))
# %% report
import glob
=> [open(p).read() for p in sorted(glob.glob("parts/*.txt"))]

== glob-over-input-files
# %% import
from pathlib import Path
texts = [p.read_text().strip() for p in sorted(Path("data").glob("*.txt"))]
# %% report
import os
=> [texts, sorted(os.listdir("data"))]
# %% file: data/a.txt
one
# %% file: data/b.txt
two

== path-in-a-parameter
# %% parameters
source = "data.csv"
# %% import
import pandas as pd
df = pd.read_csv(source)
# %% report
=> df["a"].tolist()
# %% file: data.csv
a
5

== existence-of-a-file-decides
# %% import
import os
with open("flag.txt", "w") as f:
    f.write("1")
# %% report
=> [os.path.exists("flag.txt"), os.path.isfile("nothing.txt")]

== file-size-and-stat
# %% import
from pathlib import Path
p = Path("a.txt")
p.write_text("12345")
# %% report
=> [p.stat().st_size, p.exists(), p.name]

== file-renamed-and-removed
# %% import
import os
with open("tmp.txt", "w") as f:
    f.write("x")
os.rename("tmp.txt", "final.txt")
with open("gone.txt", "w") as f:
    f.write("y")
os.remove("gone.txt")
# %% report
=> [open("final.txt").read(), os.path.exists("gone.txt")]

== file-removed-by-a-later-stage
# %% import
import os
with open("a.txt", "w") as f:
    f.write("x")
# %% train
os.remove("a.txt")
# %% report
=> os.path.exists("a.txt")

== copied-with-shutil
# %% import
import shutil
with open("a.txt", "w") as f:
    f.write("x")
# %% train
shutil.copy("a.txt", "b.txt")
# %% report
=> open("b.txt").read()

== temporary-folder
# %% import
import os, tempfile
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "a.txt")
    with open(path, "w") as f:
        f.write("x")
    with open(path) as f:
        text = f.read()
# %% report
=> text

== frame-to-html-json-and-text
# %% import
import pandas as pd
df = pd.DataFrame({"a": [1, 2]})
df.to_html("table.html")
df.to_json("table.json", orient="records")
df.to_string("table.txt")
# %% report
=> pd.read_json("table.json")["a"].tolist()

== sqlite-written-and-read
# %% import
import sqlite3
import pandas as pd
con = sqlite3.connect("my.db")
pd.DataFrame({"a": [1, 2]}).to_sql("t", con, index=False, if_exists="replace")
con.close()
# %% report
con = sqlite3.connect("my.db")
=> pd.read_sql("select sum(a) as s from t", con)["s"].tolist()

== csv-module-and-print-to-a-file
# %% import
import csv
with open("rows.csv", "w", newline="") as f:
    writer = csv.writer(f)
    writer.writerow(["a", "b"])
    writer.writerows([[1, 2], [3, 4]])
with open("log.txt", "w") as log:
    print("hello", 3, sep="-", file=log)
# %% report
with open("rows.csv") as f:
    rows = list(csv.DictReader(f))
=> [rows, open("log.txt").read()]

== zip-and-gzip
# %% import
import gzip, zipfile
with gzip.GzipFile("a.txt.gz", "wb", mtime=0) as f:
    f.write(b"zipped")
with zipfile.ZipFile("b.zip", "w") as z:
    z.writestr(zipfile.ZipInfo("inner.txt"), "inside")
# %% report
with gzip.open("a.txt.gz", "rt") as f:
    one = f.read()
with zipfile.ZipFile("b.zip") as z:
    two = z.read("inner.txt").decode()
=> [one, two]

== written-before-a-rebinding-of-the-path
# %% import
path = "a.txt"
with open(path, "w") as f:
    f.write("a")
# %% train
path = "b.txt"
with open(path, "w") as f:
    f.write("b")
# %% report
=> [open("a.txt").read(), open(path).read()]

== one-file-written-by-two-stages
# %% import
with open("a.txt", "w") as f:
    f.write("1")
# %% report
with open("a.txt", "w") as f:
    f.write("2")

== file-changed-by-each-of-three-stages
# %% import
import pandas as pd
df = pd.DataFrame({"a": [1, 2]})
df.to_csv("data.csv", index=False)
# %% preprocess
df = pd.read_csv("data.csv")
df["b"] = df["a"] + 1
df.to_csv("data.csv", index=False)
first = pd.read_csv("data.csv").shape
# %% train
read = pd.read_csv("data.csv").columns.tolist()
# %% evaluate
with open("data.csv", "a") as file:
    file.write("7,8\n")
# %% report
=> [first, read, pd.read_csv("data.csv").values.tolist()]

== file-read-and-rewritten-in-one-line-by-a-later-stage
# %% import
import pandas as pd
pd.DataFrame({"a": [1, None, 3]}).to_csv("data.csv", index=False)
# %% train
pd.read_csv("data.csv").dropna().to_csv("data.csv", index=False)
# %% report
=> pd.read_csv("data.csv")["a"].tolist()

== file-rewritten-perhaps-by-a-later-stage
# %% import
from pathlib import Path
Path("note.txt").write_text("one")
again = len("one") > 5
# %% train
if again:
    Path("note.txt").write_text("two")
# %% report
=> Path("note.txt").read_text()

== file-rewritten-in-a-loop-by-a-later-stage
# %% import
from pathlib import Path
Path("note.txt").write_text("one")
# %% train
for n in range(3):
    text = Path("note.txt").read_text()
    Path("note.txt").write_text(text + str(n))
# %% report
=> Path("note.txt").read_text()

== file-appended-to-that-nobody-has-begun
# %% import
for n in range(2):
    with open("log.txt", "a") as log:
        log.write(f"{n}\n")
# %% train
with open("log.txt", mode="a") as log:
    log.write("end\n")
# %% report
=> open("log.txt").read()

== file-appended-to-that-was-there | NB412
# %% train
with open("log.txt", "a") as log:
    log.write("end\n")
# %% report
=> open("log.txt").read()
# %% file: log.txt
begin

== frame-appended-to-a-file-of-an-earlier-stage
# %% import
import pandas as pd
pd.DataFrame({"a": [1]}).to_csv("rows.csv", index=False)
# %% train
pd.DataFrame({"a": [2]}).to_csv("rows.csv", mode="a", header=False, index=False)
# %% report
=> pd.read_csv("rows.csv")["a"].tolist()

== file-of-two-stages-with-the-path-in-a-variable
# %% import
path = "note.txt"
with open(path, "w") as file:
    file.write("one")
# %% train
with open(path, "a") as file:
    file.write("two")
# %% report
=> open(path).read()

== file-of-two-stages-with-a-path-of-parts
# %% import
import os
folder = "out"
os.makedirs(folder, exist_ok=True)
with open(os.path.join(folder, "note.txt"), "w") as file:
    file.write("one")
# %% preprocess
text = open(f"{folder}/note.txt").read()
# %% train
with open(os.path.join(folder, "note.txt"), "a") as file:
    file.write("two")
# %% report
=> [text, open("out/note.txt").read()]

== file-of-two-stages-with-a-parameter-as-path | either
# %% parameters
path = "note.txt"
# %% import
with open(path, "w") as file:
    file.write("one")
# %% train
with open(path, "a") as file:
    file.write("two")
# %% report
=> open(path).read()
# %% tune: path
"other.txt"

== file-of-two-stages-given-to-a-call-that-is-not-known | either
# %% import
import fileinput
path = "note.txt"
with open(path, "w") as file:
    file.write("one")
# %% preprocess
lines = list(fileinput.input(path))
# %% train
with open(path, "a") as file:
    file.write("two")
# %% report
=> [lines, open(path).read()]

== file-of-two-stages-in-a-loop-over-names | either
# %% import
for name in ["a", "b"]:
    with open(f"{name}.txt", "w") as file:
        file.write(name)
# %% preprocess
texts = [open(f"{name}.txt").read() for name in ["a", "b"]]
# %% train
with open("a.txt", "a") as file:
    file.write("more")
# %% report
=> [texts, open("a.txt").read()]

== file-of-two-stages-asked-for-in-between | either
# %% import
import os
with open("note.txt", "w") as file:
    file.write("one")
# %% preprocess
size = os.path.getsize("note.txt")
# %% train
with open("note.txt", "w") as file:
    file.write("longer")
# %% report
=> [size, open("note.txt").read()]

== file-of-two-stages-whose-name-is-printed | either
# %% import
with open("note.txt", "w") as file:
    file.write("one")
    label = file.name
# %% train
with open("note.txt", "w") as file:
    file.write("two")
# %% report
=> [label, open("note.txt").read()]

== file-of-two-stages-by-a-function | either
# %% import
def note(text, path):
    with open(path, "a") as file:
        file.write(f"{path}: {text}\n")
with open("note.txt", "w") as file:
    file.write("one\n")
# %% preprocess
note("two", "note.txt")
# %% train
note("three", "note.txt")
# %% report
=> open("note.txt").read()

== image-of-two-stages-with-one-name
# %% import
import matplotlib.pyplot as plt
plt.plot([1, 2])
plt.savefig("plot.png")
plt.close()
# %% train
import numpy as np
size = plt.imread("plot.png").shape
fig, ax = plt.subplots(figsize=(2, 2))
ax.plot([3, 1])
fig.savefig("plot.png")
plt.close()
# %% report
=> [size, plt.imread("plot.png").shape]

== read-before-another-stage-writes-it | NB4
# %% import
with open("a.txt") as f:
    old = f.read()
# %% train
with open("a.txt", "w") as f:
    f.write("new")
# %% report
=> [old, open("a.txt").read()]
# %% file: a.txt
old

== image-saved-and-read-back
# %% import
import matplotlib.pyplot as plt
import numpy as np
plt.imsave("pic.png", np.eye(4))
# %% report
=> list(plt.imread("pic.png").shape)

== model-dumped-and-loaded-by-the-user
# %% import
import joblib
import numpy as np
from sklearn.linear_model import LinearRegression
X, y = np.arange(6.0).reshape(3, 2), np.array([1.0, 2.0, 4.0])
# %% train
joblib.dump(LinearRegression().fit(X, y), "model.joblib")
# %% report
model = joblib.load("model.joblib")
=> model.coef_.tolist()

== own-class-pickled-by-the-user
# %% import
import pickle
class P:
    def __init__(self, n):
        self.n = n
with open("p.pkl", "wb") as f:
    pickle.dump(P(3), f)
# %% report
with open("p.pkl", "rb") as f:
    p = pickle.load(f)
=> [p.n, isinstance(p, P)]

== open-file-left-unclosed
# %% import
f = open("a.txt", "w")
f.write("x")
f.close()
g = open("a.txt")
# %% report
=> open("a.txt").read()

== path-with-a-function
# %% import
from pathlib import Path
def out(name):
    return Path("out") / f"{name}.txt"
Path("out").mkdir(exist_ok=True)
out("a").write_text("A")
# %% report
=> out("a").read_text()

== cache-folder-of-the-user
# %% import
from pathlib import Path
Path("cache").mkdir(exist_ok=True)
Path("cache/mine.txt").write_text("m")
x = [1]
# %% train
x.append(2)
# %% report
=> [x, Path("cache/mine.txt").read_text()]

== csv-writer-and-rows-that-are-used-later
# %% import
import csv
rows = [["a", 1], ["b", 2]]
rows.append(["c", 3])
# %% train
with open("rows.csv", "w", newline="") as file:
    writer = csv.writer(file)
    writer.writerow(["name", "value"])
    writer.writerows(rows)
# %% evaluate
rows[0].append("late")
# %% report
=> [rows, open("rows.csv").read()]

== pickle-dump-of-what-is-used-later
# %% import
rows = [3, 1]
rows.append(2)
# %% train
import pickle
with open("rows.pkl", "wb") as file:
    pickle.dump(rows, file)
# %% evaluate
rows.sort()
# %% report
with open("rows.pkl", "rb") as file:
    => [rows, pickle.load(file)]

== path-with-a-function-and-a-global-that-changes
# %% import
from pathlib import Path
base = "one"
def out(name):
    return Path(base + name)
out("a").write_text("A")
base = "two"
out("a").write_text("B")
# %% train
base = "one"
x = out("a").read_text()
# %% report
=> x

== path-with-a-function-in-a-loop
# %% import
from pathlib import Path
def out(name, n):
    return Path(f"{name}-{n}.txt")
for name in ["a", "b"]:
    out(name, 1).write_text(name)
# %% train
texts = [out(name, 1).read_text() for name in ["a", "b"]]
# %% report
=> texts

== path-with-a-function-of-two-ways | NB401
# %% import
import os
def out(name, big=False):
    if big:
        return os.path.join("out", name + ".big")
    return os.path.join("out", name + ".txt")
os.makedirs("out", exist_ok=True)
with open(out("a"), "w") as f:
    f.write("A")
with open(out("b", big=True), "w") as f:
    f.write("B")
# %% report
with open(out("a")) as f, open(out("b", big=True)) as g:
    text = f.read() + g.read()
=> text

== folder-in-a-folder-of-another-stage
# %% import
from pathlib import Path
folder = Path("kept")
folder.mkdir(exist_ok=True)
# %% train
(folder / "deep").mkdir(exist_ok=True)
# %% report
=> sorted(p.name for p in folder.iterdir())

== file-written-under-a-condition-that-does-not-hold
# %% import
from pathlib import Path
words = ["a"]
for word in words:
    Path("all.txt").write_text(word)
if len(words) > 5:
    Path("many.txt").write_text("a")
# %% report
=> Path("all.txt").read_text()

== file-written-both-ways
# %% import
from pathlib import Path
words = ["a"]
if len(words) > 5:
    Path("words.txt").write_text("many")
else:
    Path("words.txt").write_text("few")
# %% report
=> Path("words.txt").read_text()

== file-written-under-a-condition-and-read | NB408
# %% import
from pathlib import Path
words = ["a"]
if len(words) > 5:
    Path("many.txt").write_text("a")
# %% report
=> Path("many.txt").exists()

== file-written-where-a-constant-says-so
# %% parameters
save = True
# %% import
from pathlib import Path
if save:
    Path("words.txt").write_text("kept")
# %% report
=> Path("words.txt").read_text()

== folder-listed-that-another-stage-makes
# %% import
import os
from pathlib import Path
folder = Path("kept")
folder.mkdir(exist_ok=True)
# %% train
empty = sorted(os.listdir("kept"))
# %% report
=> empty

== files-listed-by-os-that-another-stage-writes
# %% import
import os
os.makedirs("kept", exist_ok=True)
for word in ("a", "b"):
    with open(f"kept/{word}.txt", "w") as file:
        file.write(word)
# %% report
=> sorted(os.listdir("kept"))

== a-missing-file-that-is-read-where-it-is-there
# %% import
import os
text = "none"
if os.path.exists("notes.txt"):
    text = open("notes.txt").read()
# %% report
=> text

== a-missing-file-whose-absence-is-caught
# %% import
try:
    text = open("notes.txt").read()
except FileNotFoundError:
    text = "none"
# %% report
=> text

== a-file-that-an-error-keeps-from-being-written
# %% import
words = ["a"]
try:
    words[9]
    open("notes.txt", "w").write("all")
except IndexError:
    words.append("b")
# %% report
=> words

== a-file-that-is-written-whatever-error-comes
# %% import
from pathlib import Path
words = ["a"]
try:
    Path("notes.txt").write_text(words[9])
except IndexError:
    Path("notes.txt").write_text("none")
try:
    Path("more.txt").write_text("more")
except OSError:
    raise
# %% report
=> [Path("notes.txt").read_text(), Path("more.txt").read_text()]
"""

PARAMETERS: Final = r"""
== kinds-of-parameters
# %% parameters
n = 3
rate = 1e-4
low = -2.5
nothing = None
flag = True
name = "a b"
xs = [1, 2.5, "x"]
d = {"a": 1, "b": [1, 2]}
t = (1, 2)
big = 10 ** 3
# %% import
a = [n, rate, low, nothing, flag, name, xs, d, list(t), big]
# %% report
=> [a, isinstance(t, tuple), type(rate).__name__, rate * 10]

== derived-parameters-follow
# %% parameters
n = 3
double = n * 2
label = f"n={n}"
# %% import
a = [n, double]
# %% report
=> [a, label]
# %% tune: n
10

== annotated-parameter
# %% parameters
n: int = 3
rate: float = 0.5  # learning rate
# %% import
a = n * rate
# %% report
=> [a, n]
# %% tune: rate
2.5

== parameter-reassigned-in-a-stage
# %% parameters
n = 3
# %% import
a = n
# %% train
n = n + 1
# %% report
=> [a, n]
# %% tune: n
7

== list-parameter-changed-by-a-stage
# %% parameters
columns = ["a", "b"]
# %% import
columns.append("c")
# %% train
columns.remove("a")
# %% report
=> columns

== dict-parameter-changed-and-aliased
# %% parameters
config = {"depth": 1}
# %% import
mine = config
# %% train
mine["depth"] = 5
# %% report
=> [config, mine is config]

== parameter-named-like-a-stage
# %% parameters
train = 2
report = "r"
# %% train
a = train * 2
# %% report
=> [a, train, report]

== parameter-named-like-a-group
# %% parameters
shared = 1
n = 2
# %% train
a = shared + n
# %% report
=> [a, n, shared]

== variable-called-params
# %% parameters
depth = 3
# %% import
params = {"max_depth": depth}
# %% train
params["k"] = depth
# %% report
=> params

== parameter-in-a-function
# %% parameters
k = 2
# %% import
def f(x):
    return x * k
# %% train
a = f(10)
# %% report
=> [a, f(1)]
# %% tune: k
5

== parameter-in-a-default
# %% parameters
k = 2
# %% import
def f(x=k):
    return x
# %% report
=> f()
# %% tune: k
5

== parameter-in-a-file-name
# %% parameters
tag = "v1"
# %% import
with open(f"out_{tag}.txt", "w") as f:
    f.write(tag)
# %% report
=> open(f"out_{tag}.txt").read()

== float-that-yaml-reads-as-text
# %% parameters
a = 1e-4
b = 1e10
c = 1.
d = 0x10
e = 1_000
f_ = -1e-7
# %% train
x = a + b
# %% report
=> [a, b, c, d, e, f_, x]

== text-that-yaml-reads-as-something-else
# %% parameters
a = "yes"
b = "1e3"
c = "null"
d = "2020-01-01"
e = "a: b # c"
f_ = "multi\nline"
g = ""
# %% train
x = a + b
# %% report
=> [a, b, c, d, e, f_, g, x]

== nested-and-odd-keys
# %% parameters
grid = {"a": {"b": [1, {"c": None}]}, "x y": -1}
numbers = {1: "one", 2: "two"}
# %% train
x = grid["a"]["b"][1]
# %% report
=> [x, grid, numbers[1]]

== tuple-inside-a-list-parameter
# %% parameters
pairs = [(1, 2), (3, 4)]
shape = {"size": (2, 3)}
# %% train
kinds = [type(p).__name__ for p in pairs] + [type(shape["size"]).__name__]
# %% report
=> [kinds, pairs]

== set-and-bytes-parameters
# %% parameters
names = {"a"}
data = b"x"
z = 1 + 2j
# %% train
names.add("b")
# %% report
=> [sorted(names), data.decode(), str(z)]

== parameter-cell-with-imports-and-code
# %% parameters
import os
n = 3
base = os.path.join("a", "b")
print("parameters", n)
# %% train
x = n + 1
# %% report
=> [x, base]

== two-parameters-cells
# %% parameters
a = 1
# %% import
x = [a]
# %% parameters
b = 2
# %% train
x.append(b)
# %% report
=> [x, a, b]

== parameter-given-twice | NB5
# %% parameters
a = 1
# %% import
x = a
# %% parameters
b = 2
a = 5
# %% report
=> [x, a, b]

== parameter-used-twice-and-deleted
# %% parameters
n = 3
# %% import
x = n
del n
# %% report
=> x

== infinite-and-not-a-number
# %% parameters
top = float("inf")
n = 2
# %% train
x = min(top, n)
# %% report
=> [x, top > 1e300]

== big-int-parameter
# %% parameters
n = 123456789012345678901234567890
# %% train
x = n + 1
# %% report
=> [x, n]

== two-lists-of-one-literal
# %% parameters
a = [1]
b = a
# %% train
b.append(2)
# %% report
=> [a, a is b]

== loop-variable-like-a-parameter
# %% parameters
seed = 1
# %% train
scores = []
for seed in range(3):
    scores.append(seed)
# %% report
=> [scores, seed]
"""

USER_NAMES: Final = r"""
== user-names-like-ours
# %% import
Path = "path"
joblib = [1]
pd = {"p": 1}
np = 3
json = "j"
yaml = "y"
YAML = "Y"
shared = [joblib]
count = 4
plt = "plt"
pickle = "pick"
# %% train
joblib.append(2)
pd["q"] = np
# %% report
with open("result.json", "w") as f:
    f.write(repr([Path, joblib, pd, np, json, yaml, YAML, shared, count, plt, pickle]))

== pathlib-under-another-meaning
# %% import
import pathlib as Path
xs = [Path.PurePosixPath("a/b").name]
# %% train
xs.append(1)
# %% report
=> xs

== pandas-as-another-name
# %% import
import pandas
import numpy as pd
a = pandas.DataFrame({"a": [1]})
b = pd.zeros(2)
# %% train
a["b"] = 2
b += 1
# %% report
=> [a.to_dict("list"), b.tolist()]

== joblib-defined-as-a-function
# %% import
def joblib(x):
    return x + 1
def json(x):
    return x
xs = [joblib(1)]
# %% train
xs.append(joblib(5))
# %% report
with open("result.json", "w") as f:
    f.write(repr([xs, json(3)]))

== params-and-yaml-with-real-parameters
# %% parameters
depth = 2
# %% import
params = [depth]
YAML = "mine"
Path = depth + 1
# %% train
params.append(Path)
# %% report
=> [params, YAML, depth]

== file-and-f-and-name
# %% import
file, name, value, stage = "f.txt", "n", [1], "import"
# %% train
value.append(file)
# %% report
=> [file, name, value, stage]

== local-named-open-and-print
# %% import
import builtins
log = []
print = log.append
print("one")
# %% train
print("two")
log
# %% report
=> log

== open-shadowed
# %% import
xs = [1]
open = "open now"
# %% train
xs.append(open)
# %% report
import pathlib
pathlib.Path("result.json").write_text(repr(xs))

== globals-named-like-dunder
# %% import
__version__ = "1.0"
__all__ = ["a"]
# %% train
__all__.append("b")
# %% report
=> [__version__, __all__]

== stage-named-like-a-module
# %% stage:json
import json
x = json.dumps([1])
# %% stage:random
import random
random.seed(1)
y = random.random()
# %% stage:numpy
import numpy as np
z = np.ones(2).tolist()
# %% report
=> [x, y, z, random.random()]

== stage-with-a-dash-and-capitals
# %% stage:Load-Data
x = [1]
# %% stage:fit_2
x.append(2)
# %% report
=> x

== one-of-two-imported-names-is-bound-anew-by-a-stage
# %% import
from os import sep, path
# %% train
rows = [1]
rows.append(len(path.join("a", "b")))
# %% report
joined = path.join("a", "b")
path = [joined, sep]
=> [path, rows]
"""

METRICS: Final = r"""
== metrics-tag-writes-the-numbers
# %% import
xs = [1, 2, 6]
# %% evaluate metrics
mean = sum(xs) / len(xs)
largest = max(xs)
# %% out: metrics.json
{"mean": 3.0, "largest": 6}

== metrics-of-numpy-and-a-dict
# %% import
import numpy as np
a = np.array([1.0, 2.0])
# %% evaluate metrics
mean = a.mean()
n = a.size
table = {"max": a.max()}
# %% out: metrics.json
{"mean": 1.5, "n": 2, "table": {"max": 2.0}}

== metrics-file-by-hand-in-evaluate
# %% import
xs = [1, 2]
# %% evaluate
import json
with open("metrics.json", "w") as f:
    json.dump({"n": len(xs)}, f)
# %% report
=> json.load(open("metrics.json"))

== metrics-in-two-stages
# %% train metrics
loss = 0.5
# %% evaluate metrics
score = 1 - loss
# %% out: metrics/train.json
{"loss": 0.5}
# %% out: metrics/evaluate.json
{"score": 0.5}

== metrics-unpacked-and-annotated
# %% import
xs = [1, 2, 3]
# %% evaluate metrics
low, high = min(xs), max(xs)
mean: float = sum(xs) / 3
mean *= 2
# %% report
=> [low, high, mean]
# %% out: metrics.json
{"low": 1, "high": 3, "mean": 4.0}

== metrics-under-a-condition
# %% import
xs = [1, 2, 3]
# %% evaluate metrics
n = len(xs)
if n > 2:
    big = 1
# %% out: metrics.json
{"n": 3, "big": 1}

== metrics-name-that-a-later-cell-of-the-stage-uses-again
# %% import
xs = [1, 2, 3]
# %% evaluate metrics
score = max(xs)
# %% evaluate
for score in xs[:2]:
    print(score)
# %% report
=> score
# %% out: metrics.json
{"score": 3}

== metrics-in-two-cells-and-a-dict-that-is-filled
# %% import
results = {}
xs = [1, 2, 3]
# %% evaluate metrics
results["n"] = len(xs)
results["share"] = {1: len(xs) / 4}
# %% evaluate metrics
text = "no number"
for i, x in enumerate(xs):
    total = i + x
results.update(largest=max(xs))
# %% out: metrics.json
{"results": {"n": 3, "share": {"1": 0.75}, "largest": 3}, "total": 5}

== metrics-of-a-stage-of-literals
# %% train metrics
loss = 0.5
# %% report
=> [1].pop()
# %% out: metrics.json
{"loss": 0.5}

== metrics-cell-with-arrays-and-text-beside
# %% import
import numpy as np
y = np.array([1, 0, 1])
# %% evaluate metrics
hits = y == 1
share = float(hits.mean())
# %% report
=> [share, hits.tolist()]
# %% out: metrics.json
{"share": 0.6666666666666666}
"""

PLOTS: Final = r"""
== plots-of-lists-that-one-loop-fills
# %% import
sizes = [1, 2, 3]
# %% train plots
losses = []
for size in sizes:
    losses.append(1 / size)
# %% report
=> losses
# %% out: plots/losses.csv
sizes,losses
1,1.0
2,0.5
3,0.3333333333333333

== plots-of-a-frame-and-a-series
# %% import
import pandas as pd
# %% train plots
history = pd.DataFrame({"epoch": [1, 2], "loss": [0.5, 0.25], "val_loss": [0.6, 0.5]})
weights = pd.Series([0.75, 0.25], ["a", "b"])
# %% report
=> [history["loss"].tolist(), weights.tolist()]
# %% out: plots/history.csv
epoch,loss,val_loss
1,0.5,0.6
2,0.25,0.5
# %% out: plots/weights.csv
index,weights
a,0.75
b,0.25

== plots-of-known-functions
# %% import
import numpy as np
from sklearn.metrics import confusion_matrix, roc_curve
y = np.array([0, 0, 1, 1])
scores = np.array([0.25, 0.5, 0.375, 0.75])
# %% evaluate plots
fpr, tpr, thresholds = roc_curve(y, scores)
predicted = scores > 0.5
matrix = confusion_matrix(y, predicted)
# %% report
=> [matrix.tolist(), fpr.tolist()]
# %% out: plots/roc.csv
fpr,tpr
0.0,0.0
0.0,0.5
0.5,0.5
0.5,1.0
1.0,1.0
# %% out: plots/matrix.csv
actual,predicted
0,False
0,False
1,False
1,True

== plots-with-lines-that-say-the-axes
# %% import
depths = [1, 2]
# %% train plots
#| x: depths
#| template: scatter
scores = [depth / 2 for depth in depths]
times = [0.5, 0.25]
# %% report
=> [scores, times]
# %% out: plots/scores_times.csv
depths,scores,times
1,0.5,0.5
2,1.0,0.25
"""

FIGURES: Final = r"""
== one-figure-each-in-two-cells
# %% import
import matplotlib.pyplot as plt
xs = [1, 3, 2]
# %% report
plt.plot(xs)
plt.title("one")
plt.show()
# %% report
plt.bar([1, 2, 3], xs)

== figures-in-a-loop-with-show
# %% import
import matplotlib.pyplot as plt
xs = [1, 3, 2]
# %% report
for k in range(3):
    plt.plot([x * k for x in xs])
    plt.title(f"k={k}")
    plt.show()

== figures-in-a-loop-without-show
# %% import
import matplotlib.pyplot as plt
xs = [1, 3, 2]
# %% report
for k in range(3):
    plt.figure()
    plt.plot([x * k for x in xs])

== lines-in-a-loop-are-one-figure
# %% import
import matplotlib.pyplot as plt
xs = [1, 3, 2]
# %% report
for k in range(3):
    plt.plot([x * k for x in xs])
plt.show()

== figure-by-a-function
# %% import
import matplotlib.pyplot as plt
def draw(xs, title):
    fig, ax = plt.subplots()
    ax.plot(xs)
    ax.set_title(title)
    return ax
xs = [1, 3, 2]
# %% report
draw(xs, "a")
draw(xs[::-1], "b")

== figure-by-a-function-that-shows
# %% import
import matplotlib.pyplot as plt
def draw(xs):
    plt.plot(xs)
    plt.show()
xs = [1, 3, 2]
# %% report
draw(xs)
draw([5, 6])

== figure-by-a-frame
# %% import
import pandas as pd
df = pd.DataFrame({"a": [1, 2, 3], "b": [3, 1, 2]})
# %% report
df.plot()
# %% report
df.hist(figsize=(4, 3));

== figure-saved-and-shown
# %% import
import matplotlib.pyplot as plt
xs = [1, 3, 2]
# %% report
fig, ax = plt.subplots(figsize=(3, 2))
ax.plot(xs)
fig.savefig("mine.png")
plt.show()

== figure-saved-and-closed-is-not-shown
# %% import
import matplotlib.pyplot as plt
xs = [1, 3, 2]
# %% report
plt.plot(xs)
plt.savefig("mine.png")
plt.close()

== figure-shown-then-saved-is-empty
# %% import
import matplotlib.pyplot as plt
xs = [1, 3, 2]
# %% report
plt.plot(xs)
plt.show()
plt.savefig("empty.png")

== figures-in-several-stages
# %% import
import matplotlib.pyplot as plt
xs = [1, 3, 2]
plt.plot(xs)
plt.show()
# %% train
xs.append(9)
plt.scatter(range(4), xs)
# %% report
plt.plot(xs)
plt.title("end")

== figure-closed-by-the-end-of-a-cell
# %% import
import matplotlib.pyplot as plt
# %% report
plt.plot([1, 2])
# %% report
plt.title("a new and empty figure")

== figure-under-a-condition
# %% import
import matplotlib.pyplot as plt
flag = len("ab") == 3
# %% report
if flag:
    plt.plot([1, 2])
if not flag:
    plt.plot([2, 1])

== no-figure-under-a-false-condition
# %% import
import matplotlib.pyplot as plt
flag = len("ab") == 3
xs = [1]
# %% report
if flag:
    plt.plot([1, 2])
    plt.show()
=> xs

== subplots-filled-in-a-loop
# %% import
import matplotlib.pyplot as plt
data = {"a": [1, 2], "b": [2, 1]}
# %% report
fig, axes = plt.subplots(1, 2)
for ax, (name, ys) in zip(axes.flat, data.items()):
    ax.plot(ys)
    ax.set_title(name)
plt.tight_layout()

== figure-kept-in-a-variable-and-drawn-later
# %% import
import matplotlib.pyplot as plt
xs = [1, 2]
# %% report
fig = plt.figure()
ax = fig.add_subplot()
# %% report
ax.plot(xs)
fig.savefig("later.png")

== seaborn-points-that-are-shifted-at-random
# %% import
import numpy as np
import seaborn as sns
np.random.seed(3)
xs, ys = [1, 1, 2, 2], [4.0, 5.0, 6.0, 7.0]
# %% train
ax = sns.stripplot(x=xs, y=ys, color="red")
# %% report
=> [round(float(np.random.rand()), 6), [round(float(p[0]), 6) for c in ax.collections for p in c.get_offsets()]]

== seaborn-error-bars-draw-from-their-own
# %% import
import numpy as np
import seaborn as sns
np.random.seed(3)
xs, ys = [1, 1, 2, 2], [4.0, 5.0, 6.0, 7.0]
# %% preprocess
sns.barplot(x=xs, y=ys, errorbar=None)
sns.boxplot(x=xs, y=ys)
# %% train
sns.regplot(x=xs, y=ys, x_jitter=0.1, ci=None)
# %% report
=> round(float(np.random.rand()), 6)

== best-of-a-search-is-used-later
# %% import
import numpy as np
from sklearn.base import BaseEstimator
from sklearn.model_selection import GridSearchCV
class Mean(BaseEstimator):
    def __init__(self, shift=0):
        self.shift = shift
    def fit(self, X, y):
        self.mean_ = float(y.mean()) + self.shift
        return self
    def predict(self, X):
        self.asked_ = getattr(self, "asked_", 0) + len(X)
        return np.full(len(X), self.mean_)
    def score(self, X, y):
        return -abs(self.mean_ - float(y.mean()))
X, y = np.arange(12.0).reshape(6, 2), np.arange(6.0)
# %% train
grid = GridSearchCV(Mean(), {"shift": [0, 1]}, cv=2).fit(X, y)
best = grid.best_estimator_
# %% evaluate
pred = best.predict(X).tolist()
# %% report
=> [pred, best.asked_, grid.best_estimator_ is best, grid.best_params_]

== row-of-itertuples
# %% import
import pandas as pd
df = pd.DataFrame({"a": [1, 2, 3]})
# %% train
total = 0
for row in df.itertuples():
    total += row.a
# %% report
=> [total, row.a, row]

== rows-of-itertuples-in-a-list
# %% import
import pandas as pd
df = pd.DataFrame({"a": [1, 2, 3]})
# %% train
rows = list(df.itertuples(index=False))
best = max(df.itertuples(), key=lambda row: row.a)
# %% report
=> [[r.a for r in rows], best.a]

== design-matrix-of-patsy | NB243
# %% import
import pandas as pd
from patsy import dmatrices
df = pd.DataFrame({"y": [1.0, 2, 4, 3], "x": [1.0, 2, 3, 4]})
# %% train
y, X = dmatrices("y ~ x", data=df)
# %% report
=> X.tolist()

== formula-of-one-side-with-an-own-function
# %% import
import numpy as np
import pandas as pd
from patsy import dmatrix
df = pd.DataFrame({"y": [1.0, 2, 4, 3], "x": [1.0, 2, 3, 4]})
def double(v):
    return 2 * v
# %% train
X = np.asarray(dmatrix("double(x)", df)).tolist()
# %% report
=> X

== design-matrix-of-patsy-as-a-frame
# %% import
import pandas as pd
from patsy import dmatrices
df = pd.DataFrame({"y": [1.0, 2, 4, 3], "x": [1.0, 2, 3, 4]})
# %% train
y, X = dmatrices("y ~ x", data=df, return_type="dataframe")
# %% report
=> X.values.tolist()

== wrapper-that-delegates-by-getattr | NB243
# %% import
class Wrapper:
    def __init__(self, inner):
        self.inner = inner
    def __getattr__(self, name):
        return getattr(self.inner, name)
# %% train
w = Wrapper([1, 2, 3])
# %% report
=> w.index(2)

== wrapper-that-looks-before-it-delegates
# %% import
class Wrapper:
    def __init__(self, inner):
        self.inner = inner
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.inner, name)
# %% train
w = Wrapper([1, 2, 3])
# %% report
=> w.index(2)

== figure-of-another-stage-as-the-last-line
# %% import
import matplotlib.pyplot as plt
x = [1, 2, 3]
# %% train
fig, ax = plt.subplots()
ax.plot(x)
# %% report
ax.set_title("later")
fig
# %% report
=> 1

== figure-of-another-cell-as-the-last-line-beside-others
# %% import
import matplotlib.pyplot as plt
x = [1, 2, 3]
# %% report
fig = plt.figure()
ax = fig.add_subplot()
for n in range(2):
    plt.figure()
    plt.plot(x)
    plt.show()
# %% report
ax.plot(x)
fig
# %% report
=> 1

== figure-shown-between-semicolons
# %% report
import matplotlib.pyplot as plt
x = 1; plt.plot([1, 2]); plt.show(); z = 2
=> [x, z]

== plot-of-a-series-of-unknown-origin
# %% file: job.py
import pandas as pd
def load():
    return pd.Series([1, 2, 2, 3])
# %% import
import job
y = job.load()
# %% report
ax = y.value_counts().plot.pie()
# %% report
ax = y.value_counts().plot.pie()
# %% report
=> len(ax.patches)

== members-of-zip-are-told-apart
# %% import
import matplotlib.pyplot as plt
d = {"a": 1, "b": 2}
# %% train
fig, axs = plt.subplots(1, 2)
for ax, (title, n) in zip(axs, d.items()):
    ax.plot([0, n])
    ax.set_title(title)
# %% report
fig.savefig("f.png")
=> [ax.get_title() for ax in fig.axes]

== keys-of-a-dict-given-to-an-axes
# %% import
import matplotlib.pyplot as plt
import numpy as np
d = {"a": 1, "b": 2}
# %% train
fig, ax = plt.subplots()
ax.bar(d.keys(), d.values())
ax.legend(d.keys())
ax.set_xlim(v * 1.2 for v in ax.get_xlim())
ax.plot(np.arange(4).reshape(2, 2).flat)
# %% report
fig.savefig("f.png")
=> [len(ax.patches), list(ax.get_xlim())]

== colours-of-the-axes-are-a-setting
# %% import
import matplotlib.pyplot as plt
from cycler import cycler
plt.rcParams["axes.prop_cycle"] = plt.cycler(color=["red", "blue"])
plt.rc("axes", prop_cycle=cycler("color", ["green", "black"]))
# %% report
lines = plt.plot([1, 2])
=> lines[0].get_color()

== augmented-then-item-augmented-in-two-stages
# %% import
import numpy as np
rng = np.random.default_rng(0)
data = np.column_stack([np.arange(4.0), np.arange(4.0)])
data += 0.5 * rng.normal(size=data.shape)
data[0] += 1
# %% train
data[1] += 1
# %% report
=> data.tolist()

== flags-of-a-frame
# %% import
import pandas as pd
df = pd.DataFrame({"a": [1, 2]})
df.flags.allows_duplicate_labels = False
# %% report
=> [df["a"].tolist(), df.flags.allows_duplicate_labels]

== many-names-that-share-what-changes
# %% import
import random
random.seed(1)
shared = [random.random()]
measured_temperature, measured_pressure, measured_humidity = [shared], [shared], [shared, 2]
calculated_temperature, calculated_pressure = {"of": shared}, [shared, 3]
# %% train
shared.append(4)
measured_pressure.append(5)
# %% report
=> [measured_temperature, measured_pressure, measured_humidity, calculated_temperature, calculated_pressure]

== plots-with-the-settings-of-a-with
# %% import
import matplotlib.pyplot as plt
# %% train
with plt.xkcd():
    plt.plot([1, 2])
    plt.show()
size = plt.rcParams["font.size"]
# %% report
plt.plot([2, 1])
plt.show()
=> [size, plt.rcParams["path.sketch"]]

== figure-after-calls-that-draw-nothing
# %% import
import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
# %% train
colors = plt.cm.viridis(np.linspace(0, 1, 3))
cmap = sns.diverging_palette(230, 20, as_cmap=True)
size = plt.figaspect(0.5)
line = plt.Line2D([0, 1], [0, 1])
# %% report
plt.bar([1, 2, 3], [3, 1, 2], color=colors)
plt.show()
=> [colors.round(3).tolist(), list(size), cmap(0.2)[0].round(3)]

== seaborn-data-set-that-was-fetched-before
# %% import
#| deps: points.csv
import seaborn as sns
df = sns.load_dataset("points", data_home=".")
# %% train
df["z"] = df["x"] * 2
# %% report
=> df["z"].tolist()
# %% file: points.csv
x,y
1,2
3,4

== seaborn-figure-and-theme
# %% import
import pandas as pd
import seaborn as sns
sns.set_theme()
df = pd.DataFrame({"a": [1, 2, 3], "b": [3, 1, 2]})
# %% report
sns.lineplot(data=df, x="a", y="b")

== seaborn-figure-level-plot
# %% import
import pandas as pd
import seaborn as sns
df = pd.DataFrame({"a": [1, 2, 3, 4], "b": [3, 1, 2, 5], "c": list("xyxy")})
# %% report
g = sns.catplot(data=df, x="c", y="a", kind="bar", errorbar=None)
g.set_titles("t")

== confusion-matrix-display
# %% import
from sklearn.metrics import ConfusionMatrixDisplay
y, p = [0, 1, 1], [0, 1, 0]
# %% report
ConfusionMatrixDisplay.from_predictions(y, p)

== two-figures-open-in-one-cell
# %% import
import matplotlib.pyplot as plt
# %% report
plt.figure(1)
plt.plot([1, 2])
plt.figure(2)
plt.plot([2, 1])
plt.figure(1)
plt.title("first again")

== unused-figure-object
# %% import
from matplotlib.figure import Figure
# %% report
fig = Figure()
ax = fig.subplots()
ax.plot([1, 2])
fig.savefig("own.png")

== the-current-figure-is-that-of-subplots
# %% import
import matplotlib.pyplot as plt
fig, ax = plt.subplots()
current = plt.gcf()
# %% report
ax.set_title("now")
=> [a.get_title() for a in current.axes]
"""

GROUPING: Final = r"""
== cells-apart-harmless
# %% import
a = [1]
# %% train
b = [2]
# %% import
c = [3]
# %% train
b.append(4)
# %% report
=> [a, b, c]

== cells-apart-later-reads-what-was-changed | NB206
# %% import
a = [1]
# %% train
a.append(2)
# %% import
n = len(a)
# %% report
=> [a, n]

== cells-apart-later-rebinds-what-was-read | NB206
# %% import
a = 1
# %% train
b = a + 1
# %% import
a = 10
# %% report
=> [a, b]

== cells-apart-random-draws | NB206
# %% import
import random
random.seed(1)
a = random.random()
# %% train
b = random.random()
# %% import
c = random.random()
# %% report
=> [a, b, c]

== cells-apart-setting-between | NB206
# %% import
import numpy as np
x = np.array([1.23456])
# %% train
np.set_printoptions(precision=1)
y = 1
# %% import
text = str(x)
# %% report
=> [text, y]

== cells-apart-through-an-alias | NB206
# %% import
a = [1]
b = a
# %% train
b.append(2)
# %% import
a.append(3)
# %% report
=> a

== cells-apart-through-a-file | NB206
# %% import
xs = [1]
# %% train
with open("a.txt", "w") as f:
    f.write("x")
# %% import
with open("a.txt") as g:
    text = g.read()
# %% report
=> [text, xs]

== cells-apart-through-a-function-global | NB206
# %% import
k = 1
def f():
    return k
# %% train
k = 5
# %% import
a = f()
# %% report
=> [a, k]

== cells-apart-through-a-redefined-function | NB206
# %% import
def f():
    return 1
a = f()
# %% train
def f():
    return 2
b = f()
# %% import
c = f()
# %% report
=> [a, b, c]

== cells-apart-class-attribute | NB206
# %% import
class A:
    n = 1
# %% train
A.n = 2
# %% import
x = A().n
# %% report
=> x

== cells-apart-with-a-figure-between
# %% import
import matplotlib.pyplot as plt
xs = [1, 2]
# %% report
plt.plot(xs)
# %% import
ys = [3]
# %% report
plt.plot(ys)

== same-loop-variable-in-cells-apart
# %% import
total = 0
for i in range(3):
    total += i
# %% train
other = 0
for i in range(5):
    other += i
# %% import
third = 0
for i in range(2):
    third += i
# %% report
=> [total, other, third]

== helper-name-reused-in-cells-apart-and-read-last | NB206
# %% import
tmp = 1
# %% train
tmp = 2
# %% import
tmp = 3
# %% report
=> tmp

== definition-above-an-import-that-must-stay
# %% clean
start = 1
# %% report
import os, sys
os.environ["LEVEL"] = "4"
import functools
# %% clean
@functools.lru_cache
def square(x):
    return x * x
# %% report
=> [square(3), os.environ["LEVEL"]]
"""

UNTAGGED: Final = r"""
== imports-and-functions-of-untagged-cells
# %%
import numpy as np
LIMIT_UNUSED = 1
def double(x):
    return np.asarray(x) * 2
class Box:
    n = 3
# %% import
a = double([1, 2])
# %% report
=> [a.tolist(), Box().n]

== value-of-an-untagged-cell-used | NB202
# %%
limit = 3
# %% import
xs = [x for x in range(5) if x < limit]
# %% report
=> xs

== value-of-an-untagged-cell-used-in-a-function | NB202
# %%
limit = 3
def f(x):
    return x < limit
# %% import
a = f(1)
# %% report
=> a

== untagged-cell-rebinds | NB20
# %% import
x = 1
# %%
x = 2
# %% report
=> x

== untagged-cell-changes | NB204
# %% import
xs = [1]
# %%
xs.append(2)
# %% report
=> xs

== untagged-cell-changes-a-column | NB204
# %% import
import pandas as pd
df = pd.DataFrame({"a": [1]})
# %%
df["b"] = 2
# %% report
=> list(df.columns)

== parameters-that-papermill-has-injected
# %% parameters
size = 3
rate = 0.5
# %% injected-parameters
# Parameters
size = 4
more = "x"
# %% import
xs = [rate] * size
# %% report
=> [xs, size, rate, more]

== untagged-cell-changes-in-a-loop | NB204
# %% import
import pandas as pd
df = pd.DataFrame({"a": [1.0, None]})
# %%
for column in ["a"]:
    df[column] = df[column].fillna(0)
# %% report
=> df["a"].tolist()

== untagged-cell-changes-through-loc | NB204
# %% import
import pandas as pd
df = pd.DataFrame({"a": [1.0, 2.0]})
# %%
df.loc[0, "a"] = 9
# %% report
=> df["a"].tolist()

== untagged-cell-changes-through-a-view | NB204
# %% import
import numpy as np
a = np.arange(3)
# %%
view = a[1:]
view[0] = 9
# %% report
=> a.tolist()

== untagged-cell-changes-what-a-ufunc-writes-to | NB204
# %% import
import numpy as np
a = np.arange(3.0)
# %%
np.add(a, 1, out=a)
# %% report
=> a.tolist()

== untagged-cell-changes-the-name-of-an-index | NB204
# %% import
import pandas as pd
df = pd.DataFrame({"a": [1.0, 2.0]})
# %%
df.index.name = "i"
# %% report
=> df.reset_index().columns.tolist()

== untagged-cell-changes-by-a-method-handed-on | NB204
# %% import
xs = [1]
# %%
list(map(xs.append, [2]))
# %% report
=> xs

== untagged-cell-writes-what-a-stage-reads | NB204
# %% import
import pandas as pd
df = pd.DataFrame({"a": [1.0, 2.0]})
# %%
df.to_csv("clean.csv", index=False)
# %% report
=> pd.read_csv("clean.csv")["a"].tolist()

== untagged-cell-writes-what-a-stage-writes-again
# %% import
import pandas as pd
df = pd.DataFrame({"a": [1.0, 2.0]})
# %%
df.head(1).to_csv("clean.csv", index=False)
# %% train
df.to_csv("clean.csv", index=False)
# %% report
=> pd.read_csv("clean.csv")["a"].tolist()

== untagged-cell-changes-by-a-function | NB204
# %% import
xs = [1]
# %%
def grow(values):
    values.append(2)
grow(xs)
# %% report
=> xs

== untagged-exploration-in-loops-is-ignored
# %% import
import pandas as pd
import matplotlib.pyplot as plt
df = pd.DataFrame({"a": [3, 1], "b": [1, 2]})
# %%
fig, axes = plt.subplots(2)
for ax, column in zip(axes, df.columns):
    ax.hist(df[column])
    ax.set_title(column)
def look(frame):
    part = frame[frame["a"] > 1]
    part = part.assign(c=1)
    return part.describe()
for column in df:
    print(look(df)[column])
# %% report
=> df.to_dict("list")

== untagged-exploration-is-ignored
# %% import
import pandas as pd
df = pd.DataFrame({"a": [3, 1]})
# %%
df.describe()
df.head()
print(df.shape)
n_rows = len(df)
# %% explore
df["a"].plot()
# %% skip
df["b"] = 1
x = undefined_name
# %% report
=> df.to_dict("list")

== untagged-rebinding-after-the-last-use
# %% import
x = 1
# %% report
=> x
# %%
x = 2

== untagged-definition-with-a-default-of-its-own | NB2
# %%
base = 5
def f(x=base):
    return x
# %% import
a = f()
# %% report
=> a

== untagged-redefinition-between-stages
# %%
def f():
    return 1
# %% import
a = f()
# %%
def f():
    return 2
# %% train
b = f()
# %% report
=> [a, b, f()]

== untagged-cell-that-does-not-parse
# %% import
x = 1
# %%
this is not python
# %% report
=> x

== untagged-decorated-function
# %%
from functools import lru_cache
@lru_cache
def f(n):
    return n * 2
# %% import
a = f(2)
# %% report
=> [a, f(3)]

== untagged-function-before-its-global-is-tagged
# %%
def f(x):
    return x * rate
# %% import
rate = 3
a = f(1)
# %% train
rate = 4
# %% report
=> [a, f(1)]

== untagged-import-under-try
# %%
try:
    import cupy as xp
except ImportError:
    import numpy as xp
# %% import
a = xp.arange(3)
# %% report
=> xp.sum(a).tolist()

== untagged-attribute-set-on-a-class | NB204
# %%
class A:
    n = 1
# %%
A.n = 2
# %% import
x = A().n
# %% report
=> x

== untagged-plotting-between
# %% import
import matplotlib.pyplot as plt
xs = [1, 2]
# %%
plt.plot(xs)
plt.show()
# %% report
plt.plot(xs[::-1])
plt.show()

== setup-values-in-every-stage
# %% setup
from pathlib import Path
OUT = Path("out")
OUT.mkdir(exist_ok=True)
LIMIT = 3
# %% import
a = [n for n in range(5) if n < LIMIT]
# %% report
(OUT / "a.txt").write_text(str(a))
=> [a, LIMIT]

== setup-list-changed-by-a-stage
# %% setup
seen = []
# %% import
seen.append(1)
# %% train
seen.append(2)
# %% report
=> seen

== setup-in-the-middle
# %% import
x = 1.23456
# %% setup
import numpy as np
np.set_printoptions(precision=1)
# %% train
a = str(np.array([x]))
# %% report
=> [a, str(np.array([x]))]

== setup-with-functions-and-style
# %% setup
import matplotlib.pyplot as plt
import warnings
warnings.filterwarnings("ignore")
plt.rcParams["figure.figsize"] = (3, 2)
def draw(xs):
    plt.plot(xs)
    plt.show()
# %% import
xs = [1, 2]
draw(xs)
# %% report
draw(xs[::-1])
"""

VALUES: Final = r"""
== sets-bytes-dates-decimals-fractions
# %% import
import datetime as dt
from decimal import Decimal
from fractions import Fraction
s, b, f = {1, 2}, bytearray(b"ab"), frozenset("xy")
day, when = dt.date(2024, 1, 2), dt.datetime(2024, 1, 2, 3, tzinfo=dt.timezone.utc)
money, part = Decimal("1.10"), Fraction(1, 3)
# %% train
s.add(3)
b.extend(b"cd")
when += dt.timedelta(hours=1)
money += Decimal("2.2")
# %% report
=> [sorted(s), b.decode(), sorted(f), str(day), str(when), str(money), str(part)]

== numbers-of-every-kind
# %% import
big, z, inf, none, yes = 2 ** 200, 1 + 2j, float("inf"), None, True
nan = float("nan")
# %% train
big += 1
# %% report
=> [big, str(z), inf > big, none, yes, nan != nan]

== collections-of-every-kind
# %% import
from collections import ChainMap, Counter, OrderedDict, defaultdict, deque
q = deque([1, 2], maxlen=2)
c = Counter("aab")
o = OrderedDict(a=1, b=2)
d = defaultdict(list)
m = ChainMap({"a": 1}, {"b": 2})
# %% train
q.append(3)
c.update("b")
o.move_to_end("a")
d["x"].append(1)
m["b"] = 5
# %% report
=> [list(q), q.maxlen, sorted(c.items()), list(o), dict(d), dict(m), d["missing"]]

== defaultdict-of-a-lambda
# %% import
from collections import defaultdict
base = 3
d = defaultdict(lambda: base)
d["a"] += 1
# %% train
base = 10
# %% report
=> [d["a"], d["b"]]

== defaultdict-changed-by-reading
# %% import
from collections import defaultdict
d = defaultdict(int)
# %% train
x = d["k"]
# %% report
=> [x, dict(d)]

== sparse-matrix
# %% import
import numpy as np
from scipy import sparse
m = sparse.lil_matrix((2, 2))
# %% train
m[0, 1] = 5
c = m.tocsr()
# %% report
=> [m.toarray().tolist(), c.toarray().tolist()]

== categorical-multiindex-and-dates
# %% import
import pandas as pd
df = pd.DataFrame({"c": pd.Categorical(["a", "b"], ["b", "a"], ordered=True), "n": [1, 2]})
mi = df.set_index(["c", "n"])
ts = pd.Series([1, 2], index=pd.date_range("2024-01-01", periods=2, freq="D"))
# %% train
df["n"] = df["n"].astype("Int64")
ts = ts.resample("12h").ffill()
# %% report
=> [str(df.dtypes.to_dict()), df["c"].max(), mi.index.names, ts.index.freqstr, [str(i) for i in ts.index]]

== frame-attributes-and-flags
# %% import
import pandas as pd
df = pd.DataFrame({"a": [1, 2]})
df.attrs["unit"] = "kg"
df.index.name = "row"
# %% train
df.attrs["seen"] = True
# %% report
=> [df.attrs, df.index.name]

== structured-and-masked-arrays
# %% import
import numpy as np
r = np.array([(1, 2.0)], dtype=[("a", int), ("b", float)])
m = np.ma.masked_array([1, 2, 3], mask=[False, True, False])
# %% train
r["b"] = 7
m[0] = 9
# %% report
=> [r["b"].tolist(), m.tolist(), float(m.sum())]

== read-only-flag-of-an-array | either
# %% import
import numpy as np
a = np.asfortranarray(np.arange(4).reshape(2, 2))
a.flags.writeable = False
# %% train
try:
    a[0, 0] = 9
    state = "written"
except ValueError:
    state = "read only"
# %% report
=> [state, a.tolist(), bool(a.flags.f_contiguous)]

== string-building-and-io-buffer
# %% import
import io
text = "a"
buffer = io.StringIO()
buffer.write("one")
# %% train
text += "b"
buffer.write("two")
# %% report
=> [text, buffer.getvalue()]

== regex-and-match-objects | either
# %% import
import re
pattern = re.compile(r"(\d+)")
found = pattern.search("a12")
# %% report
=> [found.group(1), pattern.pattern]

== regex-crosses
# %% import
import re
pattern = re.compile(r"(\d+)")
# %% train
numbers = pattern.findall("a12 b3")
# %% report
=> [numbers, pattern.sub("#", "x9")]

== range-slice-ellipsis-type-objects
# %% import
import numpy as np
r, s, e, t, n = range(3), slice(1, 2), ..., int, type(None)
dtype = np.float32
# %% train
x = np.arange(3, dtype=dtype)[s]
# %% report
=> [list(r), str(s), e is ..., t("3"), n is type(None), x.tolist(), str(x.dtype)]

== modules-in-variables
# %% import
import math
m = math
tools = {"math": math}
# %% train
a = m.sqrt(4)
# %% report
=> [a, tools["math"].pi == math.pi, m is math]

== groupby-object-used-in-two-stages
# %% import
import pandas as pd
df = pd.DataFrame({"g": ["a", "b", "a"], "v": [1, 2, 3]})
groups = df.groupby("g")
# %% train
sums = groups["v"].sum()
# %% report
=> [sums.to_dict(), groups.size().to_dict()]

== lock-and-thread-objects | NB2
# %% import
import threading
lock = threading.Lock()
# %% report
with lock:
    x = 1
=> x

== database-connection-in-memory | NB2
# %% import
import sqlite3
con = sqlite3.connect(":memory:")
con.execute("create table t (a int)")
con.execute("insert into t values (3)")
# %% report
=> con.execute("select a from t").fetchall()

== itertools-objects-kept
# %% import
import itertools
cycle = itertools.cycle("abc")
a = next(cycle)
chain = itertools.chain([1], [2])
# %% train
b = next(cycle)
first = next(chain)
# %% report
=> [a, b, next(cycle), first, list(chain)]

== time-is-not-drawn-twice
# %% import
import time
t0 = time.time()
# %% train
t1 = t0
# %% report
=> t0 == t1

== object-made-once-not-twice
# %% import
import uuid
token = uuid.uuid4()
alias = token
# %% train
same = token == alias
# %% report
=> [same, token == alias, token is alias]

== expensive-constant-made-by-a-call
# %% import
import os
pid = os.getpid()
# %% train
again = pid
# %% report
=> pid == again

== environment-read-once
# %% import
import os
home = os.environ.get("NB_NOT_SET", "default")
# %% train
os.environ["NB_NOT_SET"] = "set"
# %% report
=> [home, os.environ.get("NB_NOT_SET")]

== constant-bound-once-but-changed
# %% import
COLUMNS = ["a"]
OPTIONS = {"x": {}}
# %% train
OPTIONS["x"]["y"] = 1
# %% report
COLUMNS += ["b"]
=> [COLUMNS, OPTIONS]

== class-instance-with-getstate | either
# %% import
class A:
    def __init__(self):
        self.n, self.cache = 1, {"a": 1}
    def __getstate__(self):
        return {"n": self.n}
a = A()
# %% train
a.n += 1
# %% report
=> [a.n, a.cache]

== instance-with-weak-and-property-state
# %% import
class Temp:
    def __init__(self, c):
        self._c = c
    def __eq__(self, other):
        return self._c == other._c
    def __hash__(self):
        return hash(self._c)
    def __repr__(self):
        return f"Temp({self._c})"
seen = {Temp(1): "one"}
# %% train
seen[Temp(1)] += "!"
# %% report
=> [repr(k) + v for k, v in seen.items()]

== minimum-of-a-function-that-reads-data
# %% import
import numpy as np
a = np.arange(5.0)
a[0] = 3
# %% train
from scipy.optimize import curve_fit, minimize
found = minimize(lambda p: float(((a - p[0]) ** 2).sum()), [0.0])
fitted, _ = curve_fit(lambda x, k: k * x, a, 2 * a)
# %% report
a += 1
=> [found.x.round(3).tolist(), fitted.round(3).tolist(), a.tolist()]

== display-of-what-changes-later
# %% import
rows = [1]
rows.append(2)
# %% train
display(rows)
# %% evaluate
rows.append(3)
# %% report
=> rows

== defaultdict-of-defaultdicts
# %% import
from collections import defaultdict
def table(names):
    found = defaultdict(defaultdict)
    for name in names:
        for n in (1, 2):
            found[name][n] = [n]
    return found
counts = table("ab")
# %% train
counts["c"][3] = [3]
counts["a"][1].append(4)
groups = defaultdict(dict)
groups["x"]["y"] = counts["a"][1]
# %% report
groups["x"]["y"].append(5)
=> [counts, groups]

== library-object-that-holds-a-lambda
# %% import
from statsmodels.nonparametric.kde import kernel_switch
for name, cls in kernel_switch.items():
    kernel = cls()
# %% report
=> [name, float(kernel(0.1))]

== plain-tuples-of-itertuples-in-a-list
# %% import
import pandas as pd
df = pd.DataFrame({"x": [3, 1, 2]})
rows = list(df.itertuples(index=False, name=None))
# %% report
=> [int(x) for x, in rows]

== items-of-a-frame-and-a-series | NB243
# %% import
import pandas as pd
df = pd.DataFrame({"x": [3, 1, 2]})
columns = df.items()
# %% train
values = df["x"].items()
# %% report
=> [[name for name, _ in columns], [int(v) for _, v in values]]

== a-numpy-iterator | NB243
# %% import
import numpy as np
table = np.arange(6).reshape(2, 3)
with np.nditer(table, op_flags=["readwrite"]) as cells:
    for cell in cells:
        cell[...] = 2 * cell
# %% report
=> [table.tolist(), str(type(cells))]

== a-member-of-an-enum-is-given-an-attribute | NB243
# %% import
import enum
class Kind(enum.Enum):
    ONE = 1
    TWO = 2
for kind in Kind:
    kind.label = kind.name.lower()
first = Kind.ONE
# %% report
=> first.label

== a-default-holds-functions-and-changes
# %% import
makers = [lambda: v for v in range(2)]
def find(p=1, *, inside=makers):
    return inside
makers.append("x")
# %% report
=> len(find())

== a-flat-iterator-of-an-array | NB243
# %% import
import numpy as np
table = np.arange(6).reshape(2, 3)
flat = table.flat
# %% report
=> int(next(flat))

== a-namedtuple-under-another-name | NB243
# %% import
from collections import namedtuple
Short = namedtuple("Pair", "u v")
pairs = [Short(1, 2)]
for pair in list(pairs):
    pairs.append(pair)
# %% report
=> [list(p) for p in pairs]

== a-view-of-memory | NB243
# %% import
import numpy as np
table = np.arange(3)
memory = memoryview(table)
memory[0] = 9
# %% report
=> [table.tolist(), memory[0]]

== weak-references-and-read-only-dicts | NB243
# %% import
import types
import weakref
class Node:
    pass
node = Node()
look = weakref.ref(node)
facts = types.MappingProxyType({"a": 1})
# %% report
=> [look() is node, facts["a"]]

== a-named-tuple-is-given-an-attribute-that-crosses | NB243
# %% import
from collections import namedtuple
words = ["a"]
for word in "bc":
    words.append(word)
# %% train
Pair = namedtuple("Pair", "u v")
Pair.words = words
# %% report
words.append("d")
=> Pair.words

== keys-of-a-dict-from-keys
# %% import
facts = dict.fromkeys(["a", "b"], 0)
keys = facts.keys()
facts["c"] = 1
# %% report
facts["d"] = 2
=> [list(keys), len(facts)]
"""

FRAMES: Final = r"""
== pandas-lists-in-cells
# %% import
import pandas as pd
df = pd.DataFrame({'w': [[1], [2]], 'n': [0, 1]})
first = df['w'].iloc[0]
# %% train
df.loc[0, 'w'].append(9)
for words in df['w']:
    words.append(3)
# %% report
=> [df['w'].tolist(), first]

== pandas-str-split-cells-changed
# %% import
import pandas as pd
texts = pd.Series(['a b', 'c d'])
words = texts.str.split(' ')
# %% train
for each in words:
    each.append('x')
# %% report
=> words.tolist()

== pandas-iterrows-row-kept
# %% import
import pandas as pd
df = pd.DataFrame({'a': [1, 2], 'b': [3, 4]})
rows = []
for i, row in df.iterrows():
    rows.append(row)
# %% train
row['a'] = 77
rows[0]['b'] = 5
# %% report
=> [row.tolist(), [r.tolist() for r in rows], df['a'].tolist()]

== pandas-agg-list-cells
# %% import
import pandas as pd
df = pd.DataFrame({'k': [1, 1, 2], 'v': [3, 4, 5]})
groups = df.groupby('k')['v'].agg(list)
one = groups.loc[1]
# %% train
one.append(100)
for g in groups:
    g.append(0)
# %% report
=> [groups.tolist(), one]

== pandas-column-of-lists-shared
# %% import
import pandas as pd
lists = [[1], [2]]
df = pd.DataFrame({'n': [0, 1]})
df['w'] = lists
kept = df[df['n'] > 0]
# %% train
lists[1].append(5)
# %% report
=> [df['w'].tolist(), kept['w'].tolist()]

== pandas-apply-makes-lists
# %% import
import pandas as pd
df = pd.DataFrame({'n': [1, 2]})
df['made'] = df['n'].apply(lambda n: [n])
again = df['made'].iloc[1]
# %% train
again.append(9)
# %% report
=> [df['made'].tolist(), again]

== pandas-itertuples-and-items
# %% import
import pandas as pd
df = pd.DataFrame({'a': [1, 2], 'b': [3, 4]})
found = {}
for name, column in df.items():
    found[name] = column
total = 0
for row in df.itertuples(index=False):
    total += row.a * row.b
# %% train
df.loc[0, 'a'] = 50
found['b'].iloc[0] = 40
# %% report
=> [total, df['a'].tolist(), [c.tolist() for c in found.values()]]

== numpy-tolist-nested
# %% import
import numpy as np
table = np.arange(4).reshape(2, 2)
rows = table.tolist()
one = rows[0]
# %% train
one.append(7)
rows[1][0] = -1
# %% report
=> [rows, one, table.tolist()]

== pandas-reduce-objects
# %% import
import functools
import pandas as pd
parts = [[1], [2], [3]]
joined = functools.reduce(lambda a, b: a if len(a) > 0 else b, parts)
# %% train
joined.append(8)
# %% report
=> [parts, joined]

== pandas-read-csv-in-chunks | either
# %% import
import pandas as pd
# %% file: d.csv
a,b
1,2
3,4
5,6
# %% train
chunks = []
for chunk in pd.read_csv('d.csv', chunksize=2):
    chunk['a'] += 1
    chunks.append(chunk)
# %% evaluate
chunk['b'] = 0
# %% report
=> [chunk['b'].tolist(), [c['b'].tolist() for c in chunks]]

== pandas-groupby-loop-keeps-groups
# %% import
import pandas as pd
df = pd.DataFrame({'k': [1, 1, 2], 'v': [3, 4, 5]})
kept = {}
for key, group in df.groupby('k'):
    kept[key] = group
# %% train
group['v'] = 0
# %% report
=> [kept[2]['v'].tolist(), group['v'].tolist(), df['v'].tolist()]

== estimators-in-a-frame
# %% import
import pandas as pd
from sklearn.linear_model import Ridge
df = pd.DataFrame({'k': [1, 1, 2, 2], 'x': [1.0, 2, 3, 4], 'y': [2.0, 3, 5, 8]})
models = df.groupby('k').apply(lambda g: Ridge(alpha=1.0).fit(g[['x']], g['y']))
one = models.loc[1]
# %% train
one.set_params(alpha=3.0)
# %% report
=> [models.loc[1].alpha, one.alpha]

== index-named-by-another-name
# %% import
import pandas as pd
df = pd.DataFrame({"x": [3, 1]})
days = df.index
# %% report
days.name = "day"
=> [df.index.name, str(df)]
"""

COMBINATIONS: Final = r'''
== unbound-methods-of-builtins-change
# %% import
xs, d, s = [3, 1], {}, set()
ys = xs
# %% preprocess
list.append(xs, 2)
dict.update(d, a=1)
# %% train
xs.__setitem__(0, 9)
set.add(s, 5)
list.sort(ys)
# %% report
=> [ys, d, sorted(s)]

== namespace-of-an-object-changed
# %% import
import types
o = types.SimpleNamespace(x=1)
# %% preprocess
vars(o)["x"] = 5
# %% train
o.__dict__.update(y=2)
# %% report
=> [o.x, o.y]

== getattr-of-a-method-by-name
# %% import
import operator
xs, ys = [], []
# %% preprocess
getattr(xs, "append")(1)
# %% train
operator.attrgetter("append")(ys)(2)
# %% report
=> [xs, ys]

== generator-in-a-call-changes
# %% import
seen = set()
xs = [1, 2, 1]
# %% train
repeated = any(x in seen or seen.add(x) for x in xs)
# %% report
=> [repeated, sorted(seen)]

== sort-key-that-notes
# %% import
log = []
xs = [3, 1, 2]
# %% train
ys = sorted(xs, key=lambda x: log.append(x) or x)
# %% report
=> [ys, log]

== reduce-into-its-start
# %% import
from functools import reduce
base = {}
parts = [{"a": 1}, {"b": 2}]
# %% train
out = reduce(lambda acc, d: acc.update(d) or acc, parts, base)
# %% report
=> [base, out is base]

== augmented-set-and-dict-through-an-alias
# %% import
s, d, xs = {1}, {"a": 1}, [0]
t, e, ys = s, d, xs
# %% train
s |= {2}
d |= {"b": 2}
xs *= 3
# %% report
=> [sorted(t), e, ys]

== slice-assignment-and-clear-through-an-alias
# %% import
xs, d = [1, 2], {"a": 1}
ys, e = xs, d
# %% train
xs[:] = []
d.clear()
# %% report
=> [ys, e]

== callbacks-held-by-an-object
# %% import
log = []
class Button:
    def __init__(self):
        self.handlers = []
    def fire(self, x):
        for h in self.handlers:
            h(x)
def note(x):
    log.append(x)
b = Button()
b.handlers.append(note)
# %% train
b.fire("one")
# %% report
b.fire("two")
=> log

== setattr-hook-and-getattr-hook
# %% import
class Rec:
    def __init__(self):
        object.__setattr__(self, "log", [])
    def __setattr__(self, name, value):
        self.log.append(name)
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        self.log.append("get " + name)
        return 0
r = Rec()
# %% preprocess
r.speed = 3
# %% train
x = r.weight
# %% report
=> [r.log, x]

== descriptor-that-counts
# %% import
class Counted:
    reads = 0
    def __get__(self, obj, owner):
        Counted.reads += 1
        return 7
class A:
    v = Counted()
a = A()
# %% train
x = a.v + a.v
# %% report
=> [x, Counted.reads]

== lt-that-notes-and-len-that-notes
# %% import
log = []
class N:
    def __init__(self, n):
        self.n = n
    def __lt__(self, other):
        log.append("lt")
        return self.n < other.n
    def __len__(self):
        log.append("len")
        return 2
ns = [N(2), N(1)]
# %% preprocess
ns.sort()
# %% train
k = len(ns[0])
m = min(ns).n
# %% report
=> [log, k, m]

== dict-subclass-with-missing
# %% import
class Memo(dict):
    def __missing__(self, k):
        self[k] = k * 2
        return self[k]
m = Memo()
# %% train
x = m[4]
# %% report
=> [x, dict(m), isinstance(m, Memo)]

== list-subclass-with-an-attribute
# %% import
class Tagged(list):
    tag = None
xs = Tagged([1])
xs.tag = "t"
# %% train
xs.append(2)
xs.tag += "!"
# %% report
=> [xs, xs.tag, type(xs) is Tagged]

== frame-subclass
# %% import
import pandas as pd
class Sales(pd.DataFrame):
    @property
    def _constructor(self):
        return Sales
    def total(self):
        return int(self["n"].sum())
s = Sales({"n": [1, 2]})
# %% train
s["n"] *= 2
# %% report
=> [s.total(), type(s[s["n"] > 2]) is Sales]

== queue-crosses | NB2
# %% import
import queue
q = queue.Queue()
q.put(1)
# %% report
=> q.get()

== method-copy-is-shallow
# %% import
a = {"x": [1], "y": 2}
b = a.copy()
# %% train
b["x"].append(5)
b["y"] = 3
# %% report
=> [a, b]

== old-name-keeps-the-old-frame
# %% import
import pandas as pd
df = pd.DataFrame({"a": [1, 2], "b": [3, 4]})
raw = df
df = df.drop(columns="b")
# %% preprocess
df["c"] = 1
# %% train
raw["d"] = 2
# %% report
=> [list(raw.columns), list(df.columns)]

== filtered-frame-is-its-own
# %% import
import pandas as pd
df = pd.DataFrame({"a": [1, 2, 3]})
sub = df[df["a"] > 1]
# %% train
sub = sub.assign(b=0)
df.loc[:, "a"] = 0
# %% report
=> [sub.to_dict("list"), df["a"].tolist()]

== apply-by-rows-fills-a-dict
# %% import
import pandas as pd
df = pd.DataFrame({"a": [1, 2], "b": [3, 4]})
index = {}
def note(row):
    index[int(row["a"])] = int(row["b"])
    return 0
# %% train
df.apply(note, axis=1)
# %% report
=> index

== vectorize-and-pipe-with-state
# %% import
import numpy as np
import pandas as pd
log = []
def f(x):
    log.append(int(x))
    return x * 2
g = np.vectorize(f, otypes=[int])
# %% preprocess
a = g(np.array([1, 2]))
# %% train
s = pd.Series([3]).pipe(lambda v: log.append(len(v)) or v)
# %% report
=> [a.tolist(), log]

== numpy-methods-that-change-in-place
# %% import
import numpy as np
a, b, c, d, e = (np.array([3.0, 1.0, 2.0]) for _ in range(5))
f = np.array([1.0, np.nan])
# %% preprocess
a.sort()
b.fill(7)
np.copyto(c, b)
# %% train
np.add.at(d, [0, 0], 1)
e.flat[0] = 9
np.nan_to_num(f, copy=False)
# %% report
=> [x.tolist() for x in (a, b, c, d, e, f)]

== scaler-that-works-in-place
# %% import
import numpy as np
from sklearn.preprocessing import StandardScaler
X = np.array([[1.0], [2.0], [3.0]])
scaler = StandardScaler(copy=False)
# %% train
scaler.fit_transform(X)
# %% report
=> [X.round(6).tolist(), scaler.mean_.tolist()]

== partial-fit-in-two-stages
# %% import
import numpy as np
from sklearn.linear_model import SGDRegressor
X, y = np.arange(6.0).reshape(3, 2), np.array([1.0, 2.0, 4.0])
m = SGDRegressor(random_state=0)
# %% train
m.partial_fit(X, y)
# %% evaluate
m.partial_fit(X, y)
# %% report
=> m.coef_.tolist()

== warm-start-and-clone
# %% import
import numpy as np
from sklearn.base import clone
from sklearn.ensemble import RandomForestRegressor
X, y = np.arange(20.0).reshape(10, 2), np.arange(10.0)
m = RandomForestRegressor(n_estimators=2, warm_start=True, random_state=0)
c = clone(m)
# %% train
m.fit(X, y)
# %% evaluate
m.n_estimators += 2
m.fit(X, y)
# %% report
=> [len(m.estimators_), hasattr(c, "estimators_"), m.predict(X[:2]).tolist()]

== stdout-redirected-into-a-buffer
# %% import
import contextlib, io
buffer = io.StringIO()
with contextlib.redirect_stdout(buffer):
    print("hello")
# %% report
=> buffer.getvalue()

== class-counter-of-itertools
# %% import
import itertools
class Node:
    ids = itertools.count(1)
    def __init__(self):
        self.id = next(Node.ids)
a = Node()
# %% train
b = Node()
# %% report
c = Node()
=> [a.id, b.id, c.id]

== lazy-map-sees-a-rebound-global
# %% import
k = 1
def f(x):
    return x + k
m = map(f, [1, 2])
# %% train
k = 100
# %% report
=> list(m)

== lazy-zip-and-reversed-follow-their-lists
# %% import
xs = [1, 2]
z = enumerate(xs)
# %% train
xs.append(3)
# %% report
=> [list(p) for p in z]

== lambdas-with-bound-defaults
# %% import
fs = [lambda x, i=i: x + i for i in range(3)]
# %% train
fs.append(lambda x, i=10: x * i)
# %% report
=> [f(1) for f in fs]

== import-name-rebound-to-another-module
# %% import
from datetime import datetime
a = datetime(2024, 1, 2).year
# %% train
import datetime
b = datetime.date(2024, 1, 3).day
# %% report
=> [a, b, datetime.date(2024, 5, 6).month]

== module-name-rebound-and-seen-by-a-function
# %% import
import math as xp
def root(v):
    return float(xp.sqrt(v))
a = root(4)
# %% train
import numpy as xp
b = root(9)
# %% report
=> [a, b, xp.__name__, root(16)]

== import-only-in-a-later-stage-than-the-function
# %% import
def total(xs):
    return float(np.sum(xs))
xs = [1, 2]
# %% train
import numpy as np
a = total(xs)
# %% report
=> [a, total([5])]

== dotted-imports
# %% import
import os.path
import xml.etree.ElementTree as ET
import concurrent.futures
root = ET.fromstring("<a><b>1</b></a>")
# %% train
def run(f, x):
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        return pool.submit(f, x).result()
text = root.find("b").text
# %% report
=> [text, os.path.join("a", "b"), run(abs, -3)]

== sklearn-by-dots
# %% import
import sklearn.linear_model
import scipy
import numpy as np
from scipy import stats
X, y = np.arange(6.0).reshape(3, 2), np.array([1.0, 2.0, 4.0])
# %% train
m = sklearn.linear_model.Ridge().fit(X, y)
# %% report
=> [m.coef_.tolist(), float(scipy.stats.norm.cdf(0))]

== library-constant-replaced | either
# %% import
import math
math.pi = 3
# %% train
a = math.pi
# %% report
=> [a, math.pi]

== library-function-replaced | either
# %% import
import random
random.random = lambda: 0.25
# %% train
a = random.random()
# %% report
=> [a, random.random()]

== builtins-extended | either
# %% import
import builtins
builtins.double = lambda x: x * 2
# %% train
a = double(3)
# %% report
=> [a, double(4)]

== class-attribute-set-through-an-instance
# %% import
class A:
    n = 1
a, b = A(), A()
# %% preprocess
type(a).n = 7
# %% train
a.__class__.m = 8
# %% report
=> [b.n, b.m, A.n]

== class-attribute-set-by-setattr
# %% import
class A:
    n = 1
a = A()
# %% train
for name in ("n", "m"):
    setattr(A, name, name.upper())
# %% report
=> [a.n, A.m]

== class-of-an-instance-changed | either
# %% import
class A:
    def hi(self):
        return "A"
class B:
    def hi(self):
        return "B"
a = A()
# %% train
a.__class__ = B
# %% report
=> [a.hi(), isinstance(a, B)]

== defaults-of-a-function-replaced
# %% import
def f(x=1):
    return x
# %% train
f.__defaults__ = (5,)
# %% report
=> f()

== attribute-of-a-method-and-doc-set
# %% import
class A:
    def f(self):
        "doc"
        return 1
A.f.flag = "x"
# %% train
A.__doc__ = "new"
# %% report
=> [A.f.flag, A.__doc__, A().f()]

== globals-of-a-function-changed | either
# %% import
k = 1
def f():
    return k
f.__globals__["k"] = 5
# %% report
=> [f(), k]

== subclass-changes-attribute-of-its-base | either
# %% import
class Base:
    items = []
    count = 0
class Child(Base):
    def add(self, x):
        self.items.append(x)
        Base.count += 1
        type(self).count = 10
c = Child()
# %% train
c.add(1)
# %% report
=> [Base.items, Base.count, Child.count, c.count]

== random-module-under-other-names
# %% import
import numpy.random as nr
from numpy import random as npr
nr.seed(3)
a = npr.rand()
# %% train
b = nr.rand()
# %% report
=> [a, b, npr.rand()]

== random-state-argument-is-the-module | either
# %% import
import numpy as np
from sklearn.utils import check_random_state, resample
np.random.seed(0)
rs = check_random_state(None)
# %% train
a = resample([1, 2, 3, 4], random_state=None)
# %% report
=> [a, rs.rand(), np.random.rand()]

== sample-with-a-shared-random-state
# %% import
import numpy as np
import pandas as pd
rs = np.random.RandomState(1)
df = pd.DataFrame({"a": range(6)})
# %% train
one = df.sample(3, random_state=rs)
# %% report
=> [one["a"].tolist(), df.sample(3, random_state=rs)["a"].tolist(), rs.rand()]

== generator-is-the-numpy-module
# %% import
import numpy as np
rng = np.random
rng.seed(1)
a = rng.rand()
# %% train
b = rng.rand()
# %% report
=> [a, b, np.random.rand()]

== iterating-a-splitter-draws
# %% import
import numpy as np
from sklearn.model_selection import ShuffleSplit
np.random.seed(0)
X = np.arange(8)
splits = ShuffleSplit(2, test_size=0.25)
# %% train
parts = [test.tolist() for _, test in splits.split(X)]
# %% report
=> [parts, np.random.rand()]

== draw-under-a-try-and-in-a-condition
# %% import
import random
random.seed(2)
if random.random() < 2:
    a = 1
# %% train
try:
    b = random.choice([])
except IndexError:
    b = random.choice([1, 2, 3])
# %% report
=> [a, b, random.random()]

== random-order-of-a-frame-with-numpy-permutation
# %% import
import numpy as np
import pandas as pd
np.random.seed(4)
df = pd.DataFrame({"a": range(5)})
# %% preprocess
df = df.iloc[np.random.permutation(len(df))].reset_index(drop=True)
# %% train
df["noise"] = np.random.randn(len(df))
# %% report
=> [df["a"].tolist(), df["noise"].tolist()]

== alias-through-a-class-attribute
# %% import
class Config:
    columns = ["a"]
columns = Config.columns
# %% train
columns.append("b")
# %% report
=> [Config.columns, columns is Config.columns]

== alias-through-a-default-dict-value
# %% import
cache = {}
def get(key):
    return cache.setdefault(key, [])
xs = get("a")
# %% train
xs.append(1)
# %% report
=> [get("a"), cache]

== alias-through-a-returned-attribute
# %% import
class Store:
    def __init__(self):
        self._rows = []
    def rows(self):
        return self._rows
    @property
    def all(self):
        return self._rows
s = Store()
r, q = s.rows(), s.all
# %% train
r.append(1)
q.append(2)
# %% report
=> [s._rows, r is q]

== alias-through-next-max-and-filter
# %% import
rows = [{"n": 1}, {"n": 5}]
top = max(rows, key=lambda r: r["n"])
first = next(iter(rows))
some = list(filter(lambda r: r["n"] > 2, rows))
# %% preprocess
top["seen"] = True
# %% train
first["seen"] = False
some[0]["again"] = 1
# %% report
=> rows

== alias-through-sorted-zip-and-values
# %% import
rows = [[2], [1]]
ordered = sorted(rows)
pairs = list(zip("ab", rows))
table = dict(pairs)
# %% preprocess
ordered[0].append("s")
# %% train
for v in table.values():
    v.append("v")
# %% report
=> [rows, pairs]

== alias-through-a-dict-union-and-star
# %% import
inner = [1]
a = {"k": inner}
b = {**a, "z": 0}
c = [*a.values()]
d = a | {"y": 1}
# %% train
inner.append(2)
# %% report
=> [b["k"], c, d["k"]]

== alias-by-walrus-and-ternary
# %% import
a, b = [1], [2]
if (c := a if len(b) else b):
    d = c
# %% train
d.append(3)
# %% report
=> [a, b, c]

== alias-through-exception-args
# %% import
xs = [1]
try:
    raise ValueError(xs)
except ValueError as err:
    kept = err.args[0]
# %% train
kept.append(2)
# %% report
=> xs

== alias-through-match
# %% import
data = {"rows": [1]}
match data:
    case {"rows": rows}:
        pass
# %% train
rows.append(2)
# %% report
=> data

== alias-through-with-as
# %% import
from contextlib import contextmanager, nullcontext
items = []
with nullcontext(items) as same:
    pass
# %% train
same.append(1)
# %% report
=> items

== alias-through-dataclass-fields
# %% import
from dataclasses import dataclass, field, astuple
@dataclass
class Run:
    name: str
    rows: list = field(default_factory=list)
rows = [1]
run = Run("a", rows)
# %% train
rows.append(2)
# %% report
=> [run.rows, run.rows is rows, astuple(run)]

== alias-through-attrgetter-and-itemgetter
# %% import
from operator import itemgetter
d = {"x": [1], "y": [2]}
x, y = itemgetter("x", "y")(d)
# %% train
x.append(5)
# %% report
=> d

== two-models-in-a-dict-and-the-best-one
# %% import
import numpy as np
from sklearn.linear_model import Lasso, Ridge
X, y = np.arange(12.0).reshape(6, 2) ** 0.5, np.arange(6.0)
models = {"ridge": Ridge(), "lasso": Lasso(alpha=0.01)}
# %% train
scores = {}
for name, model in models.items():
    model.fit(X, y)
    scores[name] = model.score(X, y)
best = models[max(scores, key=scores.get)]
# %% evaluate
best.set_params(alpha=0.5).fit(X, y)
# %% report
=> [scores, models["ridge"].coef_.tolist(), best is models["ridge"], model is models["lasso"]]

== history-list-in-a-training-loop
# %% import
history = {"loss": []}
weights = [0.0]
# %% train
for epoch in range(3):
    weights[0] += 0.5
    history["loss"].append(1 - weights[0] / 2)
# %% report
history["loss"].append("end")
=> [history, weights, epoch]

== function-that-returns-a-closure-over-data
# %% import
def make_encoder(values):
    codes = {}
    def encode(v):
        return codes.setdefault(v, len(codes))
    return encode, codes
encode, codes = make_encoder("ab")
encode("a")
# %% train
encode("b")
# %% report
=> [encode("c"), codes]

== name-deleted-in-a-branch
# %% import
x, flag = [1], len("ab") == 2
y = x
# %% preprocess
if flag:
    del x
# %% train
y.append(2)
try:
    state = x
except NameError:
    state = "gone"
# %% report
=> [y, state]

== everything-in-one-cell-then-one-read
# %% import
import numpy as np
np.random.seed(0)
class Model:
    def __init__(self):
        self.w = np.zeros(2)
    def step(self, x):
        self.w += x * np.random.rand(2)
        return self
data = [1.0, 2.0]
model = Model()
ref = model.w
# %% train
for x in data:
    model.step(x)
# %% evaluate
ref[0] = -1.0
# %% report
=> [model.w.tolist(), ref is model.w, np.random.rand()]

== semicolons-and-one-line-blocks
# %% import
import math; x = 1; xs = [x]
for k in range(2): xs.append(k); x += k
# %% train
if x: xs.append("t"); y = 2
class E: pass
def f(v): return math.sqrt(v);
# %% report
=> [xs, x, y, f(4), E.__name__]

== comments-and-strings-that-look-like-directives
# %% import
# plain comment
text = "#| stage: train"
more = """
 # %% not a cell
!ls
"""
# %% train
text += more
# %% report
=> text

== backslash-lines-and-brackets
# %% import
total = 1 + \
    2
table = {
    "a": [1,
          2],  # two
}
# %% train
table["a"] \
    .append(total)
# %% report
(
    table
)
=> table

== empty-and-comment-only-cells
# %% import
# only a comment
# %% import
x = 1
# %% train

# %% train
# nothing
x += 1
# %% report
=> x

== stage-of-imports-only
# %% import
import numpy as np
import math
# %% preprocess
def f(x):
    return math.sqrt(x)
# %% train
a = f(4)
# %% report
=> [a, np.ones(1).tolist()]

== print-and-repr-of-everything
# %% import
xs = [1]
print("xs", xs, end="")
xs
# %% train
repr(xs)
print(*xs)
xs.append(2)
# %% report
xs[0]
=> xs

== help-function-names-called-display | ipython
# %% import
def display(x):
    seen.append(x)
seen = []
display(1)
# %% train
display(2)
# %% report
=> seen

== async-loop-run-by-the-user
# %% import
import asyncio
async def work(n):
    await asyncio.sleep(0)
    return n + 1
# %% train
def run(n):
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(work(n))
    finally:
        loop.close()
a = run(1)
# %% report
=> [a, run(2)]

== model-held-by-a-wrapper-and-fitted-through-it
# %% import
import numpy as np
from sklearn.linear_model import Ridge
class Wrapper:
    def __init__(self, model):
        self.model = model
    def train(self, X, y):
        self.model.fit(X, y)
        return self
X, y = np.arange(6.0).reshape(3, 2), np.array([1.0, 2.0, 4.0])
ridge = Ridge()
w = Wrapper(ridge)
# %% train
w.train(X, y)
# %% report
=> [ridge.coef_.tolist(), w.model is ridge]

== pipeline-steps-reached-and-set
# %% import
import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.linear_model import Ridge
from sklearn.preprocessing import MinMaxScaler
X, y = np.arange(8.0).reshape(4, 2), np.array([1.0, 2.0, 4.0, 3.0])
pipe = Pipeline([("scale", MinMaxScaler()), ("model", Ridge())])
model = pipe.named_steps["model"]
# %% preprocess
pipe.set_params(model__alpha=3.0)
# %% train
pipe.fit(X, y)
# %% report
=> [model.alpha, model.coef_.tolist(), model is pipe["model"]]

== column-transformer-with-a-local-function
# %% import
import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder
def log1p(x):
    return np.log(x + plus)
plus = 1.0
df = pd.DataFrame({"n": [1.0, 2.0, 3.0], "c": ["a", "b", "a"]})
ct = ColumnTransformer([("n", FunctionTransformer(log1p), ["n"]), ("c", OneHotEncoder(sparse_output=False), ["c"])])
# %% train
out = ct.fit_transform(df)
# %% evaluate
plus = 2.0
# %% report
=> [out.tolist(), ct.transform(df).tolist()]

== fit-in-a-function-on-a-global-model
# %% import
import numpy as np
from sklearn.linear_model import LinearRegression
model = LinearRegression()
X, y = np.arange(6.0).reshape(3, 2), np.array([1.0, 2.0, 4.0])
def train():
    model.fit(X, y)
# %% train
train()
# %% report
=> model.coef_.tolist()

== scores-appended-in-a-function-with-a-frame
# %% import
import pandas as pd
results = pd.DataFrame(columns=["name", "score"])
def add(name, score):
    results.loc[len(results)] = [name, score]
add("a", 1.0)
# %% train
add("b", 2.0)
# %% report
=> results.to_dict("list")

== global-frame-rebound-in-a-function
# %% import
import pandas as pd
df = pd.DataFrame({"a": [1, 2, 3]})
def keep(n):
    global df
    df = df[df["a"] > n]
# %% preprocess
keep(1)
# %% train
keep(2)
# %% report
=> df["a"].tolist()

== method-returns-a-new-frame-and-old-name-stays
# %% import
import pandas as pd
df = pd.DataFrame({"a": [2, 1]})
same = df
# %% preprocess
df.sort_values("a")
df = df.rename(columns={"a": "b"})
# %% train
same["z"] = 0
# %% report
=> [list(df.columns), list(same.columns), same["a"].tolist()]

== index-and-columns-shared-between-frames
# %% import
import pandas as pd
a = pd.DataFrame({"x": [1, 2]}, index=["r", "s"])
b = pd.DataFrame({"y": [3, 4]}, index=a.index)
# %% train
a.index.name = "key"
# %% report
=> [a.index.name, b.index.name]

== iterrows-and-at
# %% import
import pandas as pd
df = pd.DataFrame({"a": [1, 2]})
df["b"] = 0
# %% train
for i, row in df.iterrows():
    df.at[i, "b"] = row["a"] * 10
# %% report
=> [df["b"].tolist(), int(i), row.to_dict()]

== where-mask-update-replace-inplace
# %% import
import pandas as pd
df = pd.DataFrame({"a": [1.0, None, 3.0], "b": ["x", "y", "x"]})
other = df
# %% preprocess
df.fillna({"a": 0.0}, inplace=True)
df.replace({"b": {"x": "X"}}, inplace=True)
# %% train
df.update(pd.DataFrame({"a": [9.0]}))
df.reset_index(inplace=True)
# %% report
=> other.to_dict("list")

== numpy-out-of-a-ufunc-method-and-operators
# %% import
import numpy as np
a = np.array([1.0, 2.0])
b = a
acc = np.zeros(2)
# %% preprocess
a += 1
np.add.accumulate(a, out=acc)
# %% train
a **= 2
np.clip(acc, 0, 4, out=acc)
# %% report
=> [b.tolist(), acc.tolist()]

== numpy-view-in-an-object-attribute | either
# %% import
import numpy as np
class Grid:
    def __init__(self, n):
        self.cells = np.zeros((n, n))
        self.diag = self.cells.reshape(-1)[:: n + 1]
g = Grid(2)
row = g.cells[0]
# %% train
row[:] = 3
# %% report
=> [g.cells.tolist(), g.diag.tolist()]

== numpy-views-of-each-other-through-split-and-T
# %% import
import numpy as np
a = np.arange(6)
left, right = np.split(a, 2)
b = np.atleast_2d(a)
c = a.view()
# %% train
left[0] = 50
c[5] = 60
# %% report
=> [a.tolist(), right.tolist(), b.tolist()]

== numpy-array-from-a-list-is-a-copy
# %% import
import numpy as np
xs = [1, 2]
a = np.array(xs)
b = np.array(a)
# %% train
xs.append(3)
a[0] = 9
# %% report
=> [xs, a.tolist(), b.tolist()]

== torch-free-gradient-loop
# %% import
import numpy as np
np.random.seed(0)
X = np.random.randn(20, 2)
w_true = np.array([1.0, -2.0])
y = X @ w_true
w = np.zeros(2)
# %% train
losses = []
for epoch in range(5):
    grad = X.T @ (X @ w - y) / len(X)
    w -= 0.1 * grad
    losses.append(float(((X @ w - y) ** 2).mean()))
# %% report
=> [w.tolist(), losses, epoch]

== bootstrap-with-global-draws-in-two-stages
# %% setup
import numpy as np
np.random.seed(42)
# %% import
x = np.random.normal(size=10)
# %% train
means = [np.random.choice(x, 10).mean() for _ in range(3)]
# %% evaluate
medians = [float(np.median(np.random.choice(x, 10))) for _ in range(3)]
# %% report
=> [means, medians]

== seed-again-in-one-branch-of-a-function
# %% import
import random
def start(fixed=True):
    if fixed:
        random.seed(3)
start()
a = random.random()
# %% train
start(False)
b = random.random()
# %% report
start()
=> [a, b, random.random()]

== generator-object-in-a-closure-and-default
# %% import
import numpy as np
def make(rng=np.random.default_rng(0)):
    return float(rng.random())
a = make()
# %% train
b = make()
# %% report
=> [a, b, make()]

== random-hash-order-free-set-iteration
# %% import
xs = {3, 1, 2}
# %% train
order = list(xs)
xs.add(0)
# %% report
=> [order, sorted(xs)]

== with-block-sets-an-option-and-binds | either
# %% import
import pandas as pd
df = pd.DataFrame({"a": [1.23456]})
# %% train
with pd.option_context("display.precision", 2):
    inside = str(df)
    pd.set_option("display.max_rows", 7)
# %% report
=> [inside, str(df), pd.get_option("display.max_rows")]

== option-set-by-a-loop-and-a-dict
# %% import
import pandas as pd
options = {"display.precision": 2, "display.max_columns": 3}
for key, value in options.items():
    pd.set_option(key, value)
# %% train
a = str(pd.DataFrame([[1.23456] * 5]))
# %% report
=> [a, str(pd.DataFrame([[1.23456] * 5]))]

== rc-defaults-restored-later
# %% import
import matplotlib as mpl
import matplotlib.pyplot as plt
plt.rcParams["lines.linewidth"] = 4
a = plt.rcParams["lines.linewidth"]
# %% train
mpl.rcdefaults()
b = plt.rcParams["lines.linewidth"]
# %% report
=> [a, b, plt.rcParams["lines.linewidth"]]

== setting-read-into-a-value
# %% import
import numpy as np
old = np.seterr(all="ignore")
# %% train
now = np.geterr()
np.seterr(**old)
# %% report
=> [old["divide"], now["divide"], np.geterr()["divide"]]

== environment-changed-in-two-stages
# %% import
import os
os.environ["NB_A"] = "1"
# %% train
os.environ["NB_A"] += "2"
os.environ.setdefault("NB_B", "b")
# %% report
=> [os.environ["NB_A"], os.environ.pop("NB_B")]

== logging-configured-twice
# %% import
import logging
log = logging.getLogger("two")
log.setLevel(logging.ERROR)
# %% train
log.setLevel(logging.INFO)
a = log.isEnabledFor(logging.INFO)
# %% report
=> [a, log.isEnabledFor(logging.INFO), log.level]

== module-level-cache-of-a-local-module | either
# %% import
import cachemod
cachemod.put("a", 1)
# %% report
=> cachemod.get("a")
# %% file: cachemod.py
_known = {}
def put(k, v):
    _known[k] = v
def get(k):
    return _known.get(k)

== class-from-a-local-module
# %% import
from shapes import Square
s = Square(2)
# %% train
s.grow()
# %% report
import shapes
=> [s.area(), isinstance(s, shapes.Square)]
# %% file: shapes.py
class Square:
    def __init__(self, a):
        self.a = a
    def grow(self):
        self.a += 1
    def area(self):
        return self.a ** 2

== enum-and-dataclass-in-a-dict-crossing-twice
# %% import
from dataclasses import dataclass
from enum import Enum, auto
class Kind(Enum):
    A = auto()
    B = auto()
@dataclass(order=True)
class Item:
    n: int
    kind: Kind = Kind.A
items = {Kind.A: [Item(2), Item(1)], Kind.B: []}
# %% preprocess
items[Kind.B].append(Item(3, Kind.B))
# %% train
top = max(items[Kind.A])
top.n = 100
# %% report
=> [[i.n for k in Kind for i in items[k]], items[Kind.B][0].kind is Kind.B, top in items[Kind.A]]

== instance-stored-in-a-frame
# %% import
import pandas as pd
class P:
    def __init__(self, n):
        self.n = n
df = pd.DataFrame({"p": [P(1), P(2)]})
first = df["p"].iloc[0]
# %% train
first.n = 50
# %% report
=> [p.n for p in df["p"]]

== classes-that-use-each-other-across-stages
# %% import
class Tree:
    def __init__(self):
        self.leaves = []
    def grow(self, n):
        self.leaves += [Leaf(self, i) for i in range(n)]
        return self
# %% preprocess
class Leaf:
    def __init__(self, tree, n):
        self.tree, self.n = tree, n
t = Tree().grow(2)
# %% train
leaf = t.leaves[1]
leaf.n = 10
# %% report
=> [[x.n for x in t.leaves], leaf.tree is t, isinstance(leaf, Leaf)]

== subclass-of-an-estimator-with-global-config
# %% import
import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
power = 2
class Pow(BaseEstimator, TransformerMixin):
    def fit(self, X, y=None):
        self.power_ = power
        return self
    def transform(self, X):
        return X ** self.power_ + power
p = Pow().fit(np.ones((1, 1)))
# %% train
power = 3
# %% report
=> p.transform(np.array([[2.0]])).tolist()

== operator-overloading-returns-self
# %% import
class Query:
    def __init__(self):
        self.parts = []
    def where(self, p):
        self.parts.append(p)
        return self
    def __or__(self, p):
        return self.where("or " + p)
q = Query()
base = q.where("a")
# %% preprocess
r = q | "b"
# %% train
s = base.where("c").where("d")
# %% report
=> [q.parts, r is q, s is base]

== exception-in-a-loop-leaves-a-half-done-change
# %% import
rows = [1, 2, "x", 4]
done = []
# %% train
try:
    for row in rows:
        done.append(row + 1)
except TypeError as error:
    failed = str(type(error).__name__)
# %% report
=> [done, row, failed]

== early-return-and-finally-in-a-function
# %% import
log = []
def f(x):
    try:
        if x:
            return log.append("early")
        log.append("late")
    finally:
        log.append("finally")
# %% preprocess
f(1)
# %% train
f(0)
# %% report
=> log

== nested-defaults-and-keyword-only-lists
# %% import
def f(x, *, acc=[], **kw):
    acc.append(x)
    kw.setdefault("n", len(acc))
    return kw["n"]
a = f(1)
# %% train
b = f(2)
# %% report
=> [a, b, f(3), f(4, acc=[])]

== recursion-that-fills-its-default
# %% import
def fib(n, memo={}):
    if n not in memo:
        memo[n] = n if n < 2 else fib(n - 1) + fib(n - 2)
    return memo[n]
a = fib(10)
# %% train
size = len(fib.__defaults__[0])
# %% report
=> [a, size, fib(12), len(fib.__defaults__[0])]

== variable-named-like-a-cache-file-and-case
# %% import
x, X = [1], [2]
# %% train
x.append(3)
X.append(4)
# %% report
=> [x, X]

== very-many-names-in-one-group
# %% import
base = []
a = b = c = d = e = f = g = base
box = {"a": a, "g": [g]}
# %% train
c.append(1)
# %% report
=> [a, f, box, box["g"][0] is base]

== value-only-some-later-stages-need
# %% import
a, b = [1], [2]
pair = (a, b)
# %% preprocess
a.append(3)
# %% train
n = len(b)
# %% report
=> [pair, n, pair[0] is a]

== two-stages-read-one-changes-in-between
# %% import
xs = [1]
# %% preprocess
first = list(xs)
# %% train
xs.append(2)
# %% evaluate
second = list(xs)
# %% report
=> [first, second]

== conditional-import-decides
# %% import
use_np = len("ab") == 2
if use_np:
    import numpy as backend
else:
    import math as backend
a = float(backend.sqrt(4))
# %% train
b = float(backend.sqrt(9))
# %% report
=> [a, b, backend.__name__]

== name-bound-only-inside-a-with-and-try
# %% import
import contextlib
with contextlib.suppress(ValueError):
    a = 1
    b = int("x")
# %% train
c = a + 1
try:
    d = b
except NameError:
    d = "unbound"
# %% report
=> [a, c, d]

== function-parameter-hides-a-global
# %% import
scale = 2
def f(x, scale=3):
    return x * scale
def g(scale):
    return [scale for scale in range(scale)]
# %% train
scale = 100
# %% report
=> [f(1), g(2), scale]

== class-body-reads-and-comprehension-scope
# %% import
n = 2
class A:
    n = 3
    xs = [n for _ in range(2)]
    def f(self):
        return n
# %% train
n = 50
# %% report
=> [A.n, A.xs, A().f()]

== string-method-chains-and-joins
# %% import
parts = ["b", "a"]
text = ",".join(parts)
# %% train
parts.sort()
text2 = "-".join(sorted(parts, reverse=True)).upper()
# %% report
=> [parts, text, text2]

== interactive-table-by-value-counts-and-pivot
# %% import
import pandas as pd
df = pd.DataFrame({"g": list("aab"), "h": list("xyx"), "v": [1, 2, 3]})
# %% preprocess
pivot = df.pivot_table(index="g", columns="h", values="v", aggfunc="sum", fill_value=0)
counts = df["g"].value_counts()
# %% train
pivot["total"] = pivot.sum(axis=1)
# %% report
=> [pivot.to_dict(), counts.to_dict(), pivot.columns.name]

== merged-concatenated-and-stacked-frames
# %% import
import pandas as pd
a = pd.DataFrame({"k": [1, 2], "x": [1.0, 2.0]})
b = pd.DataFrame({"k": [2, 3], "y": ["p", "q"]})
parts = [a, b]
# %% preprocess
m = a.merge(b, on="k", how="outer")
c = pd.concat(parts, ignore_index=True)
# %% train
a["x"] += 1
# %% report
=> [m.fillna(0).to_dict("list"), c.fillna(0).to_dict("list"), parts[0]["x"].tolist()]
'''

# Constructs that do not work yet.
# Rows whose notebook is refused, stops with an error, or (the first) gives another result; each waits for its mending.
CROSSING: Final = r"""
== two-shared-files-of-one-stage
# %% split
class Left:
    made = []
    def __init__(self):
        Left.made.append(self)
class Right:
    made = []
    def __init__(self):
        Right.made.append(self)
left = Left()
right = Right()
# %% report
=> [len(Left.made), len(Right.made), left in Left.made, right in Right.made]

== variables-named-attribute-and-state
# %% train
state = [1]
attribute = "a"
def count(seen=[]):
    seen.append(len(seen))
    return seen
count()
state.append(sum(count()))
# %% report
=> [state, attribute, count()]

== default-shared-with-a-name-that-may-be-unbound
# %% features
import random
data = [random.randrange(1)]
if data[0]:
    extra = data
def grow(*, into=data):
    into.append(1)
    return into
# %% report
data.append(2)
grow()
try:
    extra.append(3)
except NameError:
    pass
=> data

== only-some-of-the-names-that-may-be-unbound-are-wanted
# %% features
import random
numbers = [random.randrange(1)]
if numbers[0] == 0:
    same = numbers
rest = same
# %% train
rest.append(1)
total = 0
try:
    total = len(same)
except NameError:
    pass
# %% report
same = "mine"
=> [rest, same, total]

== class-that-needs-one-file-for-the-instance-in-another
# %% import
import random
base = [random.randrange(1), 2]
class Box:
    size = len(base)
    items = [size]
box = Box()
box.items.append(3)
# %% report
base.append(box)
=> [base[:2], Box.items, box.size, base[2] is box, type(box) is Box]

== view-of-an-array-that-crosses-inside-a-list
# %% features
import numpy as np
xs = np.array([6, 7])
parts = [xs, np.random.default_rng(1)]
back = xs[::-1]
back[0] = 3
# %% report
back += 1
=> [parts[0].tolist(), back.tolist()]

== view-of-a-view-of-an-array-inside-a-list
# %% features
import numpy as np
xs = np.arange(4)
parts = [xs, np.random.default_rng(1)]
back = xs[::-1]
inner = back[1:]
total = back.sum()
back[0] = 9
# %% report
inner += 1
=> [parts[0].tolist(), back.tolist(), inner.tolist(), int(total)]

== loop-variable-of-an-empty-loop-that-is-bound-later
# %% train
rows = [[], [1]]
for i in range(1):
    rows[0] = []
for row in rows[0]:
    pass
# %% report
for row in rows:
    pass
=> row

== loop-variable-read-under-a-condition
# %% train
import random
found = [n for n in range(3) if random.random() > 2]
for last in found:
    print(last)
# %% report
value = last if found else None
=> value

== deleted-and-then-bound-under-a-condition
# %% import
d = 1
del d
c = []
# %% preprocess
if 3 not in c:
    d = "k"
=> d

== deleted-under-a-condition-and-bound-again
# %% import
import random
d = [random.randrange(1)]
if d[0] == 0:
    del d
# %% report
try:
    d.append(1)
except NameError:
    d = "gone"
=> d

== change-in-a-stage-of-assignments-only
# %% clean
import numpy as np
a = np.array([7])
held = {"k": a, "rng": np.random.default_rng(1)}
# %% preprocess
a[a > 2] = 0
# %% report
held["k"] += 1
=> a.tolist()

== change-in-a-setup-cell-of-what-a-stage-made | NB
# %% clean
import random
a = [random.randrange(1)]
# %% setup
a[0] = 5
# %% report
=> a

== default-whose-name-is-bound-again
# %% train
import random
e = [random.randrange(1)]
def add(value, to=e, *, also=e):
    to.append(value)
    also.append(value)
    return to
e = "another"
# %% report
add(1)
=> [add(2), e]

== module-in-a-dict
# %% train
import math
import random
tools = {"m": math, "n": random.randrange(1)}
# %% report
=> tools["m"].floor(tools["n"] + 0.5)

== module-in-an-instance | NB243
# %% train
import math
import random
class Tool:
    def __init__(self):
        self.module = math
        self.n = random.randrange(1)
tool = Tool()
# %% report
=> tool.module.floor(tool.n + 0.5)

== members-that-extend-a-list
# %% clean
import numpy as np
a = np.arange(4.0)
rows = []
rows.extend([a])
# %% train
rows[0] *= 2
# %% report
=> a.tolist()

== members-that-extend-a-deque-on-the-left
# %% clean
import collections
a = [1]
queue = collections.deque()
queue.extendleft([a])
# %% train
queue[0].append(2)
# %% report
=> a

== members-that-update-a-dict
# %% clean
a, b = [1], [2]
table = {}
table.update([("a", a)], b=b)
# %% train
for each in table.values():
    each.append(3)
# %% report
=> [a, b]

== members-that-update-a-set
# %% clean
class Point:
    x = 1
point = Point()
points = set()
points.update([point])
# %% train
for each in points:
    each.x = 5
# %% report
=> point.x

== members-stored-to-a-slice
# %% clean
a = [1]
rows = {"x": [0, 0]}
rows["x"][1:] = [a]
# %% train
rows["x"][1].append(7)
# %% report
=> a

== members-stored-to-a-slice-with-a-name
# %% clean
a = [1]
rows = [0, 0]
part = slice(1, None)
rows[part] = [a]
# %% train
rows[1].append(7)
# %% report
=> a

== members-that-a-kept-method-puts-into-a-list
# %% clean
a = [1]
rows = []
put = rows.extend
put([a])
# %% train
rows[0].append(2)
# %% report
=> a

== members-added-in-place-with-an-operator-function
# %% clean
import operator
a = [1]
rows = [0]
operator.iadd(rows, [a])
# %% train
rows[1].append(7)
# %% report
=> a

== generator-that-extends-a-list
# %% clean
rows = [1]
squares = (n * n for n in range(3))
rows.extend(squares)
# %% report
=> rows

== namespace-of-an-object-in-a-name
# %% clean
import types
o = types.SimpleNamespace(x=1)
names = vars(o)
# %% train
names["y"] = 2
# %% report
o.z = 3
=> [vars(o), names]

== namespace-of-an-instance-in-a-name
# %% clean
class Point:
    def __init__(self):
        self.x = [1]
point = Point()
names = point.__dict__
point.y = [2]
# %% train
names["x"].append(3)
names["y"].append(4)
# %% report
=> [point.x, point.y, names]

== namespace-of-an-object-in-a-list | NB244
# %% clean
import types
def make():
    return types.SimpleNamespace(x=1)
o = make()
names = [vars(o)]
# %% train
names[0]["y"] = 2
# %% report
=> vars(o)

== namespace-of-an-object-compared | NB244
# %% clean
import types
def make():
    return types.SimpleNamespace(x=1)
o = make()
names = [vars(o)]
# %% report
=> names[0] is vars(o)

== namespace-of-an-object-copied
# %% clean
import types
o = types.SimpleNamespace(x=1, items=[1])
names = dict(vars(o))
more = {**vars(o), "n": 1}
# %% train
o.x = 5
o.items.append(2)
# %% report
=> [names, more, vars(o)]

== namespace-of-an-object-alone
# %% clean
import types
o = types.SimpleNamespace(x=1)
names = vars(o)
o.y = [2]
# %% train
names["x"] += 1
names["y"].append(3)
# %% report
=> names

== import-and-definition-without-warnings
# %% clean
import warnings
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import math as numbers
    def half(x):
        return numbers.floor(x / 2)
a = [half(n) for n in range(4)]
# %% report
=> [numbers.ceil(half(n) + 0.5) for n in a]

== import-without-warnings-in-an-untagged-cell
# %%
import warnings
with warnings.catch_warnings():
    warnings.simplefilter("ignore", category=UserWarning)
    import math as numbers
# %% clean
a = [n / 3 for n in range(4)]
# %% report
=> [numbers.ceil(n) for n in a]

== import-of-a-module-while-a-file-is-written
# %% clean
with open("log.txt", "w") as log:
    import math as numbers
    from math import floor
    log.write("read")
# %% report
=> [numbers.ceil(1.5), floor(1.5)]

== definition-while-a-file-is-written | NB243
# %% clean
with open("log.txt", "w") as log:
    log.write("read")
    def half(x):
        return x / 2
# %% report
=> half(3)

== recursive-function-over-objects-that-give-themselves | either
# %% clean
class Turn:
    def __iter__(self):
        self.turns = getattr(self, "turns", 0) + 1
        return iter([self, self.turns])
first, second, third = {}, [Turn()], {"x": [Turn()]}
second.append(first)
third["y"] = second
# %% train
for each in second[0]:
    first["of"] = each
first["of"] = [third, first.setdefault("x", [])]
third["x"] *= 2
# %% report
def dump(value, seen):
    if id(value) in seen:
        return seen[id(value)]
    if not isinstance(value, (dict, list, Turn)):
        return value
    seen[id(value)] = len(seen)
    if isinstance(value, dict):
        return {key: dump(each, seen) for key, each in value.items()}
    if isinstance(value, Turn):
        return dump(vars(value), seen)
    return [dump(each, seen) for each in value]
seen = {}
out = {}
out["first"] = dump(first, seen)
out["second"] = dump(second, seen)
out["third"] = dump(third, seen)
=> out

== array-of-objects-holds-what-is-stored
# %% clean
import numpy as np
def mk(): return [1]
l = mk()
o = np.empty(2, dtype=object)
o[0] = l
# %% train
o[0].append(2)
# %% report
=> l

== array-of-objects-holds-an-array
# %% clean
import numpy as np
def mk(): return np.arange(3)
l = mk()
o = np.array([l, None], dtype=object)
# %% train
o[0][0] = 9
# %% report
=> l.tolist()

== memoryview-changes-its-bytearray
# %% clean
def mk(): return bytearray(b"abc")
b = mk()
# %% train
m = memoryview(b)
m[0] = 65
# %% report
=> list(b)

== array-from-a-buffer-changes-it
# %% clean
import numpy as np
def mk(): return bytearray(b"abc")
b = mk()
# %% train
m = np.frombuffer(b, dtype=np.uint8)
m[0] = 65
# %% report
=> list(b)

== result-written-into-a-third-argument
# %% clean
import numpy as np
def mk(): return np.arange(3.0)
a = mk()
# %% train
np.add(a, 1, a)
# %% report
=> a.tolist()

== result-written-into-a-second-argument
# %% clean
import numpy as np
def mk(): return np.arange(3.0)
a = mk()
# %% train
np.sqrt(a, a)
# %% report
=> a.tolist()

== ufunc-at-changes-its-array
# %% clean
import numpy as np
def mk(): return np.arange(3.0)
a = mk()
# %% train
np.add.at(a, [0, 0], 1)
# %% report
=> a.tolist()

== method-of-an-array-called-as-a-function
# %% clean
import numpy as np
def mk(): return np.arange(3.0)
a = mk()
# %% train
np.ndarray.fill(a, 3)
# %% report
=> a.tolist()

== method-of-a-frame-called-as-a-function
# %% clean
import pandas as pd
def mk(): return pd.DataFrame({"a": [1, 2]})
df = mk()
# %% train
pd.DataFrame.insert(df, 0, "z", 1)
# %% report
=> list(df.columns)

== argument-that-may-be-overwritten
# %% clean
import numpy as np, scipy.linalg
def mk(): return np.asfortranarray(np.array([[2.0, 1.0], [1.0, 3.0]]))
a = mk()
# %% train
i = scipy.linalg.inv(a, overwrite_a=True)
# %% report
=> a.tolist()

== eval-into-a-target
# %% clean
import pandas as pd
def mk(): return pd.DataFrame({"a": [1, 2]})
df = mk()
# %% train
pd.eval("c = df.a + 1", target=df, inplace=True)
# %% report
=> list(df.columns)

== attribute-that-is-worked-out-and-counted
# %% clean
class P:
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        hits.append(name)
        return 1
hits = []
p = P()
# %% train
p.foo
# %% report
=> hits

== keys-of-a-dict-that-grows | NB243
# %% clean
def mk(): return {"a": 1}
d = mk()
k = d.keys()
# %% train
d["b"] = 2
# %% report
=> list(k)

== text-printed-into-a-buffer
# %% clean
import io
def mk(): return io.StringIO()
s = mk()
# %% train
print("hello", file=s)
# %% report
=> s.getvalue()

== frame-written-into-a-buffer
# %% clean
import io
import pandas as pd
def mk(): return io.StringIO()
s = mk()
# %% train
pd.DataFrame({"a": [1]}).to_csv(s)
# %% report
=> s.getvalue()

== json-written-into-a-buffer
# %% clean
import io, json
def mk(): return io.StringIO()
s = mk()
# %% train
json.dump([1], s)
# %% report
=> s.getvalue()

== array-written-into-a-buffer
# %% clean
import io
import numpy as np
def mk(): return io.BytesIO()
s = mk()
# %% train
np.save(s, np.arange(3))
# %% report
=> len(s.getvalue())

== pickle-written-into-a-buffer
# %% clean
import io, pickle
def mk(): return io.BytesIO()
s = mk()
# %% train
pickle.dump([1], s)
# %% report
=> s.getvalue().hex()

== text-pretty-printed-into-a-buffer
# %% clean
import io, pprint
def mk(): return io.StringIO()
s = mk()
# %% train
pprint.pprint([1], stream=s)
# %% report
=> s.getvalue()

== info-of-a-frame-written-into-a-buffer
# %% clean
import io
import pandas as pd
def mk(): return io.StringIO()
s = mk()
# %% train
pd.DataFrame({"a": [1]}).info(buf=s)
# %% report
=> len(s.getvalue())

== frame-read-from-a-buffer
# %% clean
import io
import pandas as pd
def mk(): return io.StringIO("a\n1\n2\n")
s = mk()
# %% train
df = pd.read_csv(s)
# %% report
=> s.read()

== line-read-from-a-buffer
# %% clean
import io
import pandas as pd
def mk(): return io.StringIO("a\n1\n2\n")
s = mk()
# %% train
line = s.readline()
# %% report
=> [line, s.read()]

== figure-saved-into-a-buffer
# %% clean
import io
import matplotlib.pyplot as plt
def mk(): return io.BytesIO()
s = mk()
# %% train
plt.plot([1, 2])
plt.savefig(s, format="png")
plt.close()
# %% report
=> len(s.getvalue()) > 10

== bit-generator-shares-the-state
# %% clean
import numpy as np
def mk(): return np.random.default_rng(0)
rng = mk()
bg = rng.bit_generator
# %% train
x = rng.random()
# %% report
=> [x, int(bg.random_raw())]

== random-state-shared-by-two-models
# %% clean
import numpy as np
from sklearn.ensemble import RandomForestClassifier
rs = np.random.RandomState(0)
m1 = RandomForestClassifier(3, random_state=rs)
m2 = RandomForestClassifier(3, random_state=rs)
X = np.arange(20.0).reshape(10, 2); y = [0, 1] * 5
# %% train
m1.fit(X, y)
# %% report
m2.fit(X, y)
=> rs.rand()

== iterators-that-tee-gives
# %% clean
import itertools
def mk(): return iter([1, 2, 3, 4])
a, b = itertools.tee(mk())
# %% train
x = next(a)
# %% report
=> [x, next(b), next(a)]

== registry-of-subclasses
# %% clean
class Base:
    registry = {}
    def __init_subclass__(cls):
        super().__init_subclass__()
        cls.registry[cls.__name__] = cls
# %% train
class Sub(Base):
    x = 1
# %% report
=> [sorted(Base.registry), Base.registry["Sub"] is Sub]

== property-setter-with-a-log
# %% clean
log = []
class P:
    @property
    def v(self): return self._v
    @v.setter
    def v(self, n):
        log.append(n)
        self._v = n
p = P()
# %% train
p.v = 5
# %% report
=> [log, p.v]

== zip-that-a-loop-leaves
# %% clean
def mk(): return [1, 2, 3]
z = zip(mk(), "abc")
# %% train
for x in z:
    break
# %% report
=> list(z)

== buffer-that-a-loop-leaves
# %% clean
import io
def mk(): return io.StringIO("a\nb\nc\n")
z = mk()
# %% train
for x in z:
    break
# %% report
=> z.read()

== iterator-used-up-by-a-comprehension
# %% clean
def mk(): return iter([1, 2, 3])
z = mk()
# %% train
a = [y for y in z if y < 9]
# %% report
=> list(z)

== iterator-used-up-by-in
# %% clean
def mk(): return iter([1, 2, 3])
z = mk()
# %% train
ok = 2 in z
# %% report
=> list(z)

== iterator-used-up-by-a-star
# %% clean
def mk(): return map(abs, [1, 2, 3])
z = mk()
# %% train
ok = [*z]
# %% report
=> list(z)

== zip-used-up-by-a-dict-comprehension
# %% clean
def mk(): return zip("ab", [1, 2])
z = mk()
# %% train
d = {k: v for k, v in z}
# %% report
=> list(z)

== members-of-groups-of-groupby
# %% clean
import itertools
def mk(): return [[1], [2]]
xs = mk()
gs = [list(g) for k, g in itertools.groupby(xs, key=len)]
# %% train
gs[0][0].append(1)
# %% report
=> xs

== choice-of-numpy-is-a-member
# %% clean
import numpy as np
def mk(): return [{"a": 1}, {"a": 1}]
xs = mk()
np.random.seed(0)
s = np.random.choice(xs)
# %% train
s["b"] = 3
# %% report
=> sorted(map(len, xs))

== result-that-is-the-out-argument
# %% clean
import numpy as np
def mk(): return np.arange(3.0)
a = mk()
b = np.add(a, 1, out=a)
# %% train
b[0] = 50
# %% report
=> a.tolist()

== coefficients-changed-through-a-name
# %% clean
import numpy as np
from sklearn.linear_model import LinearRegression
X = np.arange(20.0).reshape(10, 2); y = np.arange(10.0)
m = LinearRegression().fit(X, y)
c = m.coef_
# %% train
c[0] = 100.0
# %% report
=> m.coef_.tolist()

== global-that-a-wrapped-function-binds
# %% clean
import functools
limit = [len("abc")]
def reset():
    global limit
    limit = 3
@functools.wraps(reset)
def other(n):
    return n
# %% report
=> [limit, other(2)]

== global-that-a-callback-may-bind
# %% clean
import atexit_of_ours
limit = [len("abc")]
def reset():
    global limit
    limit = 3
atexit_of_ours.register(reset)
# %% report
=> limit
# %% file: atexit_of_ours.py
def register(function):
    return function.__name__

== arrays-asked-whether-they-share-memory
# %% import
import numpy as np
arr = np.array([4, 1, 7])
part = arr[1:]
# %% report
=> [bool(np.shares_memory(part, arr)), bool(np.may_share_memory(part, arr.copy()))]

== array-asked-for-what-it-is-a-view-of
# %% import
import numpy as np
arr = np.array([4, 1, 7])
part = arr[1:]
# %% report
=> [part.base is arr, arr.base is None]

== array-asked-whether-it-owns-its-memory | either
# %% import
import numpy as np
arr = np.array([4, 1, 7])
part = arr[1:]
# %% report
=> [bool(part.flags.owndata), bool(arr.flags["OWNDATA"])]

== parts-of-a-split-array | either
# %% clean
import numpy as np
def mk(): return np.arange(6.0)
a = mk()
x, y = np.array_split(a, 2)
# %% train
x[0] = 50
# %% report
=> a.tolist()

== flipped-and-turned-arrays | either
# %% clean
import numpy as np
def mk(): return np.arange(6.0).reshape(2, 3)
a = mk()
b = np.flip(a); c = np.rot90(a)
# %% train
b[0, 0] = 50
c[0, 0] = 70
# %% report
=> a.tolist()

== sliding-windows-of-an-array | either
# %% clean
import numpy as np
def mk(): return np.arange(6.0)
a = mk()
b = np.lib.stride_tricks.sliding_window_view(a, 2, writeable=True)
# %% train
b[0, 0] = 50
# %% report
=> a.tolist()

== masked-array-of-an-array | either
# %% clean
import numpy as np
def mk(): return np.arange(3.0)
a = mk()
m = np.ma.array(a, mask=[0, 1, 0], copy=False)
# %% train
m[0] = 9
# %% report
=> a.tolist()

== mesh-without-copies | either
# %% clean
import numpy as np
def mk(): return np.arange(3.0)
a = mk()
p, q = np.meshgrid(a, a, copy=False)
# %% train
p[0, 0] = 50
# %% report
=> a.tolist()

== method-given-to-a-thread-pool | either
# %% clean
from concurrent.futures import ThreadPoolExecutor
def mk(): return []
xs = mk()
# %% train
with ThreadPoolExecutor(2) as ex:
    f = ex.submit(xs.append, 5)
    f.result()
# %% report
=> xs

== name-bound-again-in-a-stage-of-its-own | NB241
# %% clean
import numpy as np
df = np.arange(4.0)
obj = df
(b, e), b = (df, obj is obj), obj
c, f = df, e
arr = np.asarray(obj)
# %% train
e = c
# %% report
=> [arr.tolist(), e.tolist()]

== cached-function-that-may-have-changed | NB243
# %% clean
import functools
@functools.lru_cache
def make(n=1):
    return [n]
if make.__name__ == "nothing":
    make += 0
first = make()
# %% train
tools = [make]
# %% report
=> tools[0]() is first

== counter-that-holds-itself | NB243
# %% clean
import collections
def fill(counts):
    counts["self"] = [counts]
    return counts
counts = fill(collections.Counter("abca"))
# %% report
=> counts["self"][0] is counts

== counter-given-to-an-unknown-call
# %% file: tallies.py
def note(counts, seen):
    seen.append(sum(counts.values()))
# %% clean
import collections
import tallies
counts, seen = collections.Counter("abca"), []
tallies.note(counts, seen)
# %% report
=> [counts, seen]

== dict-that-holds-itself
# %% clean
import collections
def fill(counts):
    counts["self"] = [counts]
    return counts
plain, ordered, missing = fill({}), fill(collections.OrderedDict()), fill(collections.defaultdict(list))
# %% report
=> [each["self"][0] is each for each in (plain, ordered, missing)]

== exception-that-holds-itself | NB243
# %% clean
def fail():
    found = []
    try:
        raise ValueError(found)
    except ValueError as error:
        found.append(error)
        return error
problem = fail()
# %% report
=> problem.args[0][0] is problem

== cached-function-whose-name-is-bound-again | NB243
# %% evaluate
import functools
@functools.lru_cache
def double(n):
    return [n, n]
old = double
first = old(2)
def double(n):
    return 2 * n
# %% report
=> [old(2) is first, double(2)]

== instance-of-a-class-that-is-defined-again | either
# %% clean
class Bag(list):
    def add(self, value):
        self.append(value)
        return self
bag = Bag([1])
bag.add(2)
# %% split
class Bag:
    def __init__(self):
        self.items = []
# %% report
=> [list(bag), Bag().items]

== texts-of-matches-cross
# %% clean
import re
import pandas as pd
def title(name):
    found = re.search(r" ([A-Za-z]+)\.", name)
    if found:
        return found.group(1)
    return ""
df = pd.DataFrame({"name": ["Doe, Mr. J", "Roe, Miss. A", "Poe"]})
df["title"] = df["name"].apply(title)
found = re.match(r"(?P<year>\d+)-(\d+)", "2021-07")
parts, named, span = found.groups(), found.groupdict(), found.span()
first = [found[0], found["year"]]
# %% report
first.append(named["year"])
=> [df.to_dict("list"), parts, named, span, first]

== texts-from-a-mapped-function-are-counted
# %% clean
import re
from collections import Counter
stop = {"the"}
def words_of(text):
    return [word for word in re.findall(r"[a-z]+", text.lower()) if word not in stop]
tokens = list(map(words_of, ["The cat", "the Dog and the cat"]))
counts = Counter(word for words in tokens for word in words)
pairs = Counter(zip(tokens[1], tokens[1][1:]))
counts.update(["cat", "owl"])
# %% train
counts["dog"] -= 1
# %% report
=> [sorted(counts.items()), len(pairs)]

== mapped-function-gives-what-others-hold
# %% clean
groups = {"a": [], "b": []}
def group_of(key):
    return groups[key]
found = list(map(group_of, "aba"))
# %% train
for number, group in enumerate(map(group_of, "ab")):
    group.append(number)
found[0].append(7)
# %% report
=> [groups, found[2] is groups["a"]]

== counters-counted-into-another
# %% clean
from collections import Counter
seen = {}
for kind, text in [("a", "x y x"), ("b", "y z")]:
    counts = Counter()
    counts.update(text.split())
    seen[kind] = counts
seen["a"].subtract(seen["b"])
# %% report
counts["z"] += 1
=> seen

== csv-reader-in-a-later-stage | NB243
# %% clean
import csv
import io
reader = csv.DictReader(io.StringIO("a,b\n1,2\n3,4\n"))
first = next(reader)
# %% report
=> [first, list(reader)]

== rows-of-a-csv-reader-are-changed-later
# %% clean
import csv
import io
rows = []
for row in csv.DictReader(io.StringIO("a,b\n1,2\n3,4\n")):
    rows.append(row)
# %% train
row["a"] = "last"
# %% report
=> rows

== despine-a-given-figure
# %% clean
import matplotlib.pyplot as plt
import seaborn as sns
fig, ax = plt.subplots()
ax.plot([1, 3])
# %% report
sns.despine(fig=fig)
fig.savefig("lines.png")
=> len(fig.axes)

== what-a-defaultdict-makes-is-changed-later
# %% clean
from collections import Counter, defaultdict
follows, lists, numbers = defaultdict(Counter), defaultdict(list), defaultdict(int)
words = "a b a c".split()
for one, two in zip(words, words[1:]):
    follows[one][two] += 1
    lists[one].append(two)
    numbers[one] += 1
after_a, of_a, of_new = follows["a"], lists["a"], lists["new"]
# %% train
after_a["d"] += 10
of_a.append("d")
of_new.append("e")
numbers["a"] -= 1
# %% report
lists["z"].append("f")
=> [follows, lists, numbers, of_new]
"""

# What ordinary notebooks do that no row above has.
ORDINARY: Final = """
== a class that counts its instances, which cross
# %% import
class Agent:
    count = 0
    def __init__(self, x):
        self.x = x
        Agent.count += 1
        self.id = Agent.count
class World:
    def __init__(self, n):
        self.agents = [Agent(i) for i in range(n)]
world = World(3)
# %% train
second = World(2)
for agent in world.agents:
    agent.x += 10
# %% report
=> [Agent.count, [a.x for a in world.agents], [a.id for a in second.agents]]
== a class that gets an attribute in a later stage
# %% import
class Agent:
    count = 0
    def __init__(self):
        Agent.count += 1
first = Agent()
# %% train
second = Agent()
# %% report
Agent.names = ["a"]
=> [Agent.count, first.names, second.names]
== the function that max and sorted are given is no part of what they give
# %% import
class Step:
    def __init__(self, n):
        self.n = n
steps = [Step(3), Step(1)]
# %% train
limits = {"low": 1}
steps.append(Step(2))
peak = max(range(len(steps)), key=lambda i: steps[i].n - limits["low"])
best = max(steps, key=lambda s: s.n)
order = sorted(steps, key=lambda s: s.n + limits["low"])
# %% report
limits["low"] = 5
best.n += 1
=> [peak, [s.n for s in order], [s.n for s in steps]]
== attributes of an instance are told apart
# %% import
import numpy as np
np.random.seed(1)
X = np.random.rand(6, 2)
class Model:
    def __init__(self):
        self.history = []
    def fit(self, X):
        self.X = X
        self.first = X[:2]
        self.history.append(float(X.sum()))
        return self
m = Model().fit(X)
# %% train
last = m.history[-1]
losses = [last, np.random.rand()]
# %% report
losses[0] += 1
m.history.append(2.0)
=> [losses, m.history, X.tolist()]
== an attribute that a property sets
# %% import
class Box:
    def __init__(self):
        self._items = []
    @property
    def items(self):
        return self._items
    @items.setter
    def items(self, value):
        self._items = value
xs = [1]
box = Box()
box.items = xs
# %% train
box._items.append(2)
# %% report
=> [xs, box.items is xs]
== attributes that are set in other ways
# %% import
import copy
class Plain:
    pass
class Elsewhere:
    def __setattr__(self, name, value):
        self.__dict__["_" + name] = value
class Asks:
    def __init__(self, inner):
        self.inner = inner
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.inner, name)
a, b, c, d, e = [], [], [], [], []
one, two, three, four = Plain(), Plain(), Elsewhere(), Plain()
setattr(one, "x", a)
two.__dict__.update(x=b)
three.x = c
four.x = d
asks = Asks(four)
other = copy.copy(four)
vars(one)["y"] = e
# %% train
one.x.append(1)
two.x.append(2)
three._x.append(3)
asks.x.append(4)
other.x.append(5)
one.y.append(6)
# %% report
=> [a, b, c, d, e]
== an instance that asks itself for attributes before a file has given them back | NB243
# %% import
class Asks:
    def __init__(self, inner):
        self.inner = inner
    def __getattr__(self, name):
        return getattr(self.inner, name)
asks = Asks([1])
# %% report
=> asks.count(1)
== an attribute of the class that an instance hides
# %% import
class Config:
    names = []
    size = 1
shared, own = Config(), Config()
extra = []
own.names = extra
# %% train
shared.names.append("s")
own.names.append("o")
Config.size += 1
# %% report
=> [Config.names, extra, shared.size, own.names is extra]
== iterators give the members as they are when they are asked
# %% import
kept, late, third = [], [], []
table = {"a": kept}
# %% train
values = table.values()
pairs = zip([kept], [late])
table["b"] = late
for each in values:
    each.append(1)
for one, two in pairs:
    two.append(2)
for number, each in list(enumerate(reversed([third, kept]))):
    each.append(number)
for key, each in sorted(table.items()):
    each.append(key)
# %% report
=> [kept, late, third]
== filter, chain and product give what they run over
# %% import
from itertools import chain, product, takewhile
a, b, c, d = [1], [2], [3], [4]
# %% train
for each in filter(lambda x: x, [a]):
    each.append("filter")
for each in chain([b], (x for x in [c])):
    each.append("chain")
for one, two in product([a], [d]):
    two.append("product")
for each in takewhile(lambda x: len(x) < 9, [d]):
    each.append("takewhile")
for each in iter(lambda: a if len(a) < 4 else None, None):
    each.append("iter")
# %% report
=> [a, b, c, d]
== a partial calls its function with what it was given
# %% import
from functools import partial
import numpy as np
def fill(array, value, log=None):
    array[:] = value
    log.append(value)
a, log = np.zeros(2), []
f = partial(fill, a, log=log)
# %% train
f(3)
other = []
f(4, log=other)
# %% report
=> [a.tolist(), log, other]
== a transformer of the notebook's own within a pipeline
# %% import
import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer
np.random.seed(0)
X = np.random.rand(60, 4)
y = (X[:, 0] + X[:, 1] > 1).astype(int)
X_train, X_test, y_train, y_test = train_test_split(X, y)
class Top(BaseEstimator, TransformerMixin):
    def __init__(self, k=2):
        self.k = k
    def fit(self, X, y=None):
        v = np.asarray(X).var(axis=0)
        self.idx_ = np.argsort(v)[::-1][:self.k]
        return self
    def transform(self, X):
        return np.asarray(X)[:, self.idx_]
def logs(x):
    return np.log1p(np.abs(x))
# %% train
pipe = Pipeline([("log", FunctionTransformer(logs)), ("top", Top()), ("clf", LogisticRegression())])
grid = GridSearchCV(pipe, {"top__k": [1, 2]}, cv=3)
grid.fit(X_train, y_train)
models = {"grid": grid.best_estimator_, "plain": make_pipeline(clone(Top(3)), LogisticRegression())}
# %% evaluate
scores = {}
for name, m in models.items():
    m.fit(X_train, y_train)
    scores[name] = m.score(X_test, y_test)
# %% report
=> [scores, grid.best_params_, models["plain"][0].idx_.tolist()]
== a frame of a data set is the one that the data set has
# %% import
from sklearn.datasets import load_iris
d = load_iris(as_frame=True)
df = d.frame
# %% preprocess
df["new"] = 1
# %% train
d.frame["other"] = 2
d["frame"]["third"] = 3
# %% report
=> [list(d.frame.columns), list(df.columns), d["frame"] is df]
== a log with a handler of its own
# %% import
import logging, sys
logger = logging.getLogger(__name__)
logger.setLevel(logging.INFO)
handler = logging.StreamHandler(sys.stdout)
handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
logger.addHandler(handler)
logger.info("one")
# %% train
logger.warning("two")
=> [logger.level, len(logger.handlers), logger.handlers[0] is handler, handler.formatter._fmt] > one.json
# %% report
logger.info("three")
=> [logger.level, len(logger.handlers), logger.handlers[0] is handler, handler.formatter._fmt]
== an instance that is iterated gives what its iterator gives
# %% import
from collections import defaultdict
class Graph:
    def __init__(self):
        self.adj = defaultdict(dict)
    def add(self, u, v, w=1):
        self.adj[u][v] = w
        return self
    def __iter__(self):
        return iter(self.adj)
    def __len__(self):
        return len(self.adj)
    def __getitem__(self, u):
        return self.adj[u]
    def edges(self):
        for u in self.adj:
            for v, w in self.adj[u].items():
                yield u, v, w
class Boxes:
    def __init__(self, boxes):
        self.boxes = boxes
    def __iter__(self):
        return iter(self.boxes)
g = Graph().add("a", "b", 2).add("b", "c")
first = []
boxes = Boxes([first])
# %% train
dist = {n: 9 for n in g}
dist["a"] = 0
order = sorted(g)
edges = [e for e in g.edges()]
for box in boxes:
    box.append(len(g))
# %% report
g.add("c", "d")
=> [dist, order, edges, list(g), first]
== what no list or dict has is asked of something else
# %% import
import numpy as np
import pandas as pd
np.random.seed(4)
df = pd.DataFrame({"a": np.random.rand(20), "g": list("xy") * 10})
options = {"fill": [0.5]}
# %% train
df["a"] = df.groupby("g")["a"].transform(lambda x: x.fillna(x.median()))
scale = [1] * len(df)
parts = {k: v for k, v in df.groupby("g")}
row = next(df.itertuples())
# %% report
options["fill"].append(row.a)
=> [options, parts["x"].a.sum(), scale]
== cells of a row that has names
# %% import
import pandas as pd
df = pd.DataFrame({"a": [[1], [2]], "b": ["x", "y"]})
# %% train
for row in df.itertuples():
    row.a.append(row.b)
# %% report
=> df["a"].tolist()
== an estimator keeps nothing of what it was fitted to
# %% import
import numpy as np
import pandas as pd
from sklearn.neighbors import KNeighborsRegressor
from sklearn.preprocessing import LabelEncoder
df = pd.DataFrame({"c": list("abca"), "x": [1.0, 2.0, 3.0, 4.0]})
lbl = LabelEncoder()
lbl.fit(list(df["c"].values))
X = np.array([[1.0], [2.0], [8.0]])
knn = KNeighborsRegressor(1, algorithm="brute").fit(X, [1, 2, 3])
# %% train
df["c"] = lbl.transform(list(df["c"].values))
df.loc[0, "x"] = 9.0
X[0] = 8.5
# %% report
=> [df.values.tolist(), list(lbl.classes_), knn.predict([[1.0], [8.6]]).tolist()]
== a file whose path is worked out is one that an earlier stage wrote
# %% import
import json
for_later = {"a": 1}
with open("a.json", "w") as f:
    json.dump(for_later, f)
# %% train
names = {"x": "a", "y": "b"}
def load(key):
    with open(f"{names[key]}.json") as f:
        return json.load(f)
found = load("x")
# %% report
=> found
== files that a stage may write or not
# %% import
import json
n = len("abc")
DEBUG = False
KEEP = True
def write(path, value):
    with open(path, "w") as f:
        json.dump(value, f)
def save(path, really=True):
    if not really:
        return
    write(path, "saved")
# %% train
if DEBUG:
    write("debug.json", 1)
if KEEP:
    write("kept.json", 2)
name = "small.json"
if n > 5:
    name = "big.json"
write(name, n)
if n > 1:
    write("either.json", "more")
else:
    write("either.json", "less")
save("saved.json")
save("skipped.json", really=False)
for one, two in zip("ab", "cd"):
    write(f"{one}{two}.json", one)
for key in ["x", "y", "z"]:
    if key == "y":
        continue
    write(f"{key}.json", key)
for key in ["p", "q"]:
    write(f"all-{key}.json", key)
best = 0
for i in range(4):
    if i > best:
        best = i
        write("best.json", best)
# %% evaluate
with open("best.json") as f:
    found = [json.load(f)]
for path in ["kept.json", "either.json", "saved.json", "all-p.json", "all-q.json"]:
    with open(path) as f:
        found.append(json.load(f))
# %% report
=> [found, best]
== a file that a stage may write and another may read | NB408
# %% import
import json, os
values = [1, 2, 3]
# %% train
if sum(values) > 5:
    with open("big.json", "w") as f:
        json.dump(values, f)
# %% report
found = None
if os.path.exists("big.json"):
    with open("big.json") as f:
        found = json.load(f)
=> found
== what runs only in the notebook itself
# %% import
import json
limit = 3
if __name__ == "__main__":
    with open("main.json", "w") as f:
        json.dump(limit, f)
# %% report
with open("main.json") as f:
    => json.load(f)
== a dict whose keys are functions and classes
# %% import
import numpy as np
class Greedy:
    def __init__(self, k):
        self.Q = np.zeros(k)
    def update(self, a, r):
        self.Q[a] += r
        return self
class Other(Greedy):
    pass
registry = {"greedy": Greedy, "other": Other}
agents = {cls: cls(3) for cls in registry.values()}
# %% train
for cls, agent in agents.items():
    agent.update(1, 2.0)
for agent in agents.values():
    agent.update(2, 1.0)
names = {v: k for k, v in registry.items()}
best = max(agents, key=lambda c: agents[c].Q.sum())
# %% report
agents[Greedy].update(0, 5.0)
=> [names[best], [a.Q.tolist() for a in agents.values()]]
== a condition that a tuned parameter decides
# %% parameters
DEBUG = False
# %% tune: DEBUG
True
# %% import
debug = DEBUG
found = []
def note(found, really):
    if really:
        found.append("f")
# %% train
if debug:
    found.append("d")
if DEBUG:
    found.append("D")
note(found, DEBUG)
# %% report
=> found
== paths of a configuration
# %% import
import json, os
class CFG:
    folder = "data"
    out = "out.json"
    debug = False
config = {"path": "conf.json", "n": 3}
changed = {"path": "one.json"}
changed["path"] = "two.json"
os.makedirs(CFG.folder, exist_ok=True)
for i in range(1, 4):
    with open(f"{CFG.folder}/part{i:02d}.json", "w") as f:
        json.dump(i, f)
with open(config["path"], "w") as f:
    json.dump("conf", f)
with open(changed["path"], "w") as f:
    json.dump("two", f)
if CFG.debug:
    with open("debug.json", "w") as f:
        json.dump(1, f)
# %% train
parts = []
for k in range(1, 4):
    with open(os.path.join(CFG.folder, "part%02d.json" % k)) as f:
        parts.append(json.load(f))
with open(config["path"]) as f:
    parts.append(json.load(f))
with open(CFG.out, "w") as f:
    json.dump(parts, f)
# %% report
with open(CFG.out) as f:
    => json.load(f)
== random numbers of pylab
# %% import
from pylab import *
seed(3)
x = normal(0, 1, 4)
# %% train
y = x + rand(4)
shuffle(y)
# %% report
z = linspace(0, 1, 4) * y + randn(4)
=> [x.tolist(), y.tolist(), z.tolist(), float(norm(z))]
== random numbers of a module with pylab's names
# %% import
import pylab as pl
pl.seed(3)
x = pl.normal(0, 1, 4)
# %% train
y = x + pl.rand(4)
# %% report
=> [x.tolist(), (y + pl.randn(4)).tolist()]
== a slice of an array of a data set, changed later | either
# %% import
from sklearn.datasets import load_digits
digits = load_digits(n_class=2)
X = digits["data"][:10]
y = digits.target
# %% train
X[0] = 5
y[0] = 7
# %% report
=> [float(digits.data.sum()), int(digits["target"][0]), float(X[0].sum())]
== a connection within closing | NB243
# %% import
import sqlite3
from contextlib import closing
with closing(sqlite3.connect(":memory:")) as con:
    n = con.execute("SELECT 1").fetchone()[0]
# %% report
print(type(con))
=> n
== what an unknown call is given is seldom changed by the methods of what it is given
# %% file: looks.py
def look(*values):
    return len(values)
# %% import
import numpy as np
from looks import look
np.random.seed(2)
X = np.random.rand(5, 2)
class Net:
    def __init__(self, w):
        self.w = w
        self.rows = X[:3]
    def __call__(self, x):
        self.w -= 0.1 * x
        return x @ self.w
net = Net(np.random.rand(2))
# %% train
out = [net(row) for row in X]
# %% report
=> [look(net, X), look(out), net.w.tolist(), net.rows.tolist()]
"""

KNOWN_FAILING: Final[frozenset[str]] = frozenset()

ROWS: Final[list[Row]] = rows_of(
    MUTATION
    + CROSSING
    + IDENTITY
    + FUNCTIONS
    + RANDOM
    + SETTINGS
    + IPYTHON
    + HIDDEN_NAMES
    + FLOW
    + FILES
    + PARAMETERS
    + USER_NAMES
    + METRICS
    + PLOTS
    + FIGURES
    + GROUPING
    + UNTAGGED
    + VALUES
    + FRAMES
    + COMBINATIONS
    + ORDINARY
)
