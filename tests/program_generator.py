"""Random programs, cut into tagged cells.

A program grows statement by statement while it runs: each candidate is drawn from a table of templates, filled with
expressions that exist at that moment, and executed.  What raises is dropped.  So types need no tracking, and nearly
every program runs.  The last stage writes `result.json`: a text for each name, then some changes, then the texts again.

The same seed gives the same program in every process.  `generate` executes the program in the calling process: call it
in a child.
"""

from __future__ import annotations

import ast
import contextlib
import inspect
import json
import keyword
import random
import re
import sys
import types
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STAGES: Final = ("import", "clean", "preprocess", "features", "split", "train", "evaluate", "report")
RESULT: Final = "result.json"
DATA_NAMES: Final = ("a", "b", "c", "d", "e", "f", "xs", "arr", "df", "obj")
FUNCTION_NAMES: Final = ("fn", "gn", "hn")
CLASS_NAMES: Final = ("Ka", "Kb", "Kc")
OURS: Final = ("out", "seen", "file", "dump")  # names of the last cell
LONGEST_STATE: Final = 4_000


@dataclass(frozen=True)
class Part:
    """One top-level statement: its text, the number of its cell, and that cell's tag (empty: no tag)."""

    text: str
    cell: int
    tag: str


@dataclass
class Program:
    """A program as a list of statements that know their cells."""

    parts: list[Part]
    seed: int = 0

    def cells(self) -> list[tuple[str, str]]:
        """The tag and the text of each cell."""
        found: dict[int, tuple[str, list[str]]] = {}
        for part in self.parts:
            found.setdefault(part.cell, (part.tag, []))[1].append(part.text)
        return [(tag, "\n".join(texts)) for tag, texts in found.values()]

    def notebook(self) -> bytes:
        """The notebook file."""
        cells = [
            {
                "cell_type": "code",
                "id": f"cell{number}",
                "metadata": {"tags": [tag] if tag else []},
                "execution_count": None,
                "outputs": [],
                "source": text,
            }
            for number, (tag, text) in enumerate(self.cells())
        ]
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        book = {
            "cells": cells,
            "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
            "nbformat": 4,
            "nbformat_minor": 5,
        }
        return json.dumps(book).encode()

    def text(self) -> str:
        """The cells for a reader."""
        return "\n".join(f"# [{tag or 'no tag'}]\n{text}" for tag, text in self.cells())


class NoCandidateError(Exception):
    """Nothing in the program fits a placeholder."""


# -- templates ---------------------------------------------------------------------------------------------------------
#
# `$list` is an expression for an existing list, `$list1` the same one at each place of the template, `$new` a name to
# bind, `$val` a new value, `$any` an existing one.  See `Generator.find_*` and `KINDS`.

VALUES: Final = {
    "$atom": 4,
    "[$int, $int, $int]": 6,
    "[[$int], [$int, $int]]": 4,
    "{'k': [$int], 'x': $int}": 5,
    "{'k': $any, 'y': $val}": 3,
    "{'k': {'x': [$int]}}": 1,
    "[]": 1,
    "{}": 1,
    "$any": 12,
    "$mut": 10,
    "($any, $any)": 3,
    "($mut, $int)": 2,
    "[$mut, $mut]": 5,
    "[$any, $val]": 2,
    "[$mut] * 2": 2,
    "{'k': $mut, 'x': $mut}": 3,
    "dict(k=$any, x=$any)": 2,
    "list($list)": 2,
    "list($any)": 1,
    "$list[:]": 1,
    "$list[1:]": 1,
    "$list + $list": 1,
    "$list * 2": 1,
    "[*$list, $any]": 1,
    "sorted($nums)": 1,
    "$dict.copy()": 1,
    "{**$dict, 'y': $any}": 1,
    "$dict | $dict": 1,
    "dict($dict)": 1,
    "$dict.get('k')": 1,
    "$dict.setdefault('x', [])": 2,
    "$dict.pop('k', None)": 1,
    "list($dict.values())": 1,
    "list($dict.items())": 1,
    "dict(zip('kxy', $list))": 1,
    "copy.copy($mut)": 2,
    "copy.deepcopy($mut)": 2,
    "$list.pop()": 1,
    "next(iter($list))": 1,
    "max($lists, key=len)": 1,
    "[v for v in $list]": 1,
    "[v for v in $list if v]": 1,
    "[(v, w) for v in $list for w in [$any]]": 1,
    "[w := v for v in $list]": 1,
    "{str(v): v for v in $list}": 1,
    "[[] for v in range(2)]": 1,
    "$mut if $cond else $mut": 3,
    "$mut or $val": 1,
    "$mut and $any": 1,
    "(w := $val)": 1,
    "np.array([$int, $int, $int])": 6,
    "np.array($nums)": 1,
    "np.arange(4.0)": 2,
    "np.ones((2, 2))": 1,
    "np.asarray($arr)": 2,
    "$arr[1:]": 4,
    "$arr.reshape(-1)": 2,
    "$arr.T": 1,
    "$arr.ravel()": 1,
    "$arr[::-1]": 1,
    "$arr.copy()": 1,
    "$arr + 1": 1,
    "np.sort($arr)": 1,
    "$arr[[0, 1]]": 1,
    "np.stack([$arr, $arr])": 1,
    "$arr.tolist()": 1,
    "$arr.sum()": 1,
    "pd.DataFrame({'x': [$int, $int, $int], 'y': [1.5, 2.5, 3.5]})": 6,
    "pd.DataFrame({'x': $arr})": 1,
    "pd.DataFrame($nums, columns=['x'])": 1,
    "$df['x']": 4,
    "$df[['x']]": 1,
    "$df.copy()": 1,
    "$df.head(2)": 1,
    "$df.assign(z=$int)": 1,
    "$df[$df1['x'] > 2]": 1,
    "$df.sort_values('x')": 1,
    "$df['x'].values": 2,
    "$df.to_numpy()": 1,
    "$df.loc[:, 'x']": 1,
    "$df.iloc[0]": 1,
    "$df.groupby('x').sum()": 1,
    "$df['x'].to_dict()": 1,
    "pd.Series($nums)": 1,
    "$df.columns": 1,
    "$make": 12,
    "$call": 12,
    "$methodcall": 10,
    "$draw": 3,
    "$rngmake": 2,
    "$list.append": 1,
    "$inst.$method": 1,
    "$fn": 2,
    "lambda p=$any: p": 1,
    "lambda p=1: $any": 2,
    "functools.partial($fn, $any)": 2,
    "functools.partial($list.append, $int)": 1,
    "functools.reduce(lambda p, q: p + q, $lists)": 1,
    "list(map($fn, $list))": 2,
    "list(map(str, $list))": 1,
    "iter($list)": 1,
    "(v for v in $list)": 1,
    "iter([$int, $int])": 1,
    "next($iterator)": 3,
    "itertools.chain($list, $list)": 1,
    "collections.defaultdict(list)": 1,
    "collections.deque($list)": 1,
    "collections.Counter('abca')": 1,
    "types.SimpleNamespace(v=$any, k=$any)": 2,
    "$name is $name": 4,
    "$mut is $mut": 4,
    "any(v is $name for v in $list)": 1,
    "$any == $any": 1,
    "str($any)": 2,
    "repr($any)": 2,
    "f'{$any}'": 2,
    "len($list)": 2,
    "id($mut) == id($mut)": 1,
    "str(np.arange(3) / 3)": 1,
    "vars($inst)": 2,
    "getattr($inst, '$attr')": 1,
    "type($inst)": 1,
    "$inst + $any": 1,
    "$inst[0]": 1,
    "$inst()": 1,
    "np.shares_memory($arr, $arr)": 2,
}

CHANGES: Final = {
    "$list.append($any)": 8,
    "$list.append($val)": 3,
    "$list.extend($list)": 2,
    "$list.insert(0, $any)": 1,
    "$list.pop()": 2,
    "$list.sort()": 1,
    "$nums.sort(reverse=True)": 1,
    "$list.reverse()": 1,
    "$list.clear()": 1,
    "$list[0] = $any": 5,
    "$list[1:] = [$any]": 2,
    "del $list[0]": 1,
    "$list *= 2": 1,
    "$name += [$any]": 3,
    "$list += [$any]": 2,
    "$dict['k'] = $any": 5,
    "$dict['x'] = $val": 3,
    "$dict.update(k=$any)": 3,
    "$dict.update($dict)": 1,
    "$dict |= {'y': $any}": 2,
    "$dict.pop('k', 0)": 1,
    "$dict.setdefault('q', []).append($int)": 2,
    "$dict.clear()": 1,
    "del $dict['k']": 1,
    "$item = $any": 4,
    "$item = $val": 2,
    "$item += 1": 2,
    "$item += [$int]": 2,
    "$inst.v = $any": 4,
    "$inst.w = $any": 3,
    "setattr($inst, 'u', $any)": 1,
    "vars($inst)['t'] = $any": 1,
    "$inst.__dict__.update(s=$int)": 1,
    "del $inst.v": 1,
    "$inst += $int": 1,
    "$inst[0] = $int": 1,
    "$methodcall": 10,
    "$call": 8,
    "$cls.count = $int": 2,
    "$cls.shared = $val": 1,
    "$cls.extra = lambda self: $any": 1,
    "$fn.note = $any": 1,
    "$arr += 1": 4,
    "$arr *= 2": 2,
    "$arr[0] = $int": 4,
    "$arr[1:] = 0": 2,
    "$arr[$arr1 > 2] = 0": 1,
    "$arr.sort()": 1,
    "$arr.fill($int)": 1,
    "np.add($arr1, 1, out=$arr1)": 1,
    "np.clip($arr, 0, 2, out=$arr1)": 1,
    "np.copyto($arr, 7)": 1,
    "np.put($arr, [0], [9])": 1,
    "np.fill_diagonal($arr, 5)": 1,
    "$arr.shape = (-1, 1)": 1,
    "$arr.flat[0] = 8": 1,
    "$df['z'] = $int": 3,
    "$df['x'] = $df1['x'] * 2": 2,
    "$df.loc[0, 'x'] = $int": 3,
    "$df.iloc[0, 0] = $int": 1,
    "$df.at[1, 'x'] = $int": 1,
    "$df.drop(columns=['x'], inplace=True)": 1,
    "$df.drop(index=[0], inplace=True)": 1,
    "$df.rename(columns={'x': 'w'}, inplace=True)": 1,
    "$df.sort_values('x', ascending=False, inplace=True)": 1,
    "$df.pop('y')": 1,
    "$df.insert(0, 'i', $int)": 1,
    "$df.columns = list('pq')": 1,
    "$df.index = [7, 8, 9]": 1,
    "$df.index.name = 'row'": 1,
    "$df['x'] += 1": 1,
    "$df.attrs['who'] = $int": 1,
    "$series[0] = $int": 1,
    "$series += 1": 2,
    "$series.name = 'named'": 1,
    "$series.iloc[0] = $int": 1,
    "$shuffle": 1,
    "list.append($list, $any)": 1,
    "getattr($list, 'append')($any)": 1,
    "operator.setitem($list, 0, $any)": 1,
    "heapq.heappush($nums, $int)": 1,
    "bisect.insort($nums, $int)": 1,
    "list(map($list.append, [$int, $int]))": 1,
    "[v.append($int) for v in $lists]": 2,
    "any(v.append($int) for v in $lists)": 1,
    "$iterator.__next__()": 1,
    "next($iterator, None)": 1,
    "$call.append($int)": 2,
    "($list if $cond else $list).append($int)": 1,
    "$draw": 1,
    "$deque.appendleft($int)": 1,
}

BINDINGS: Final = {
    "$new = $val": 50,
    "$new = $mut": 10,
    "$new = $name": 8,
    "$new = $new = $val": 3,
    "$new, $new = $name, $name": 2,
    "$name1, $name2 = $name2, $name1": 2,
    "$new, *$new = $list": 2,
    "$new, $new = $val, $any": 2,
    "($new, $new), $new = ($any, $val), $any": 1,
    "[$new, $new] = $list[:2]": 1,
    "$new: object = $val": 1,
    "$name += $int": 2,
    "$name += $name": 1,
    "$name = $name, 1": 1,
    "$item, $new = $any, $any": 1,
    "$new = $name1; $name1 = $val": 1,
    "del $name": 1,
    "for $new in $list: pass": 1,
    "print($new := $any)": 1,
}

COMPOUND: Final = {
    "if $cond:\n    $bind\nelse:\n    $bind": 3,
    "if $cond:\n    $change\nelse:\n    $change": 3,
    "if $cond:\n    $bind\n    $change": 3,
    "if $cond:\n    $new1 = $val\nelse:\n    $new1 = $mut": 3,
    "if not ($cond):\n    $bind\nelif $cond:\n    $change\n    $bind\nelse:\n    $bind": 1,
    "for v in $list[:3]:\n    $change": 2,
    "for $new1 in $list[:3]:\n    $list2.append($new1)": 2,
    "for v in $lists[:3]:\n    v.append($int)": 3,
    "for v in $list[:3]:\n    if v == $int:\n        $bind\n        break\n    $change\nelse:\n    $bind": 2,
    "for i, v in enumerate($list[:3]):\n    if i == 1:\n        continue\n    $dict[i] = v": 1,
    "for k, v in list($dict.items()):\n    $bind": 1,
    "for i in range(2):\n    $bind\n    $change": 2,
    "i = 0\nwhile i < 3:\n    $change\n    i += 1": 1,
    "i = 0\nwhile True:\n    i += 1\n    if i > 2:\n        $bind\n        break\n    $change": 1,
    "try:\n    $bind\n    $list[99]\n    $change\nexcept IndexError:\n    $change": 2,
    "try:\n    $bind\nexcept KeyError:\n    $bind\nelse:\n    $change\nfinally:\n    $change": 1,
    "try:\n    $change\n    raise ValueError($mut)\nexcept ValueError as error:\n    $new = error.args[0]": 2,
    "try:\n    $maybe = $val\n    $list[99]\nexcept IndexError:\n    pass": 1,
    "try:\n    $new = $maybename\nexcept NameError:\n    $new = $val": 1,
    "if $cond:\n    maybe = $mut": 1,
    "if 'maybe' in dir():\n    $new = maybe": 0,
    "with $inst as $new1:\n    $change": 2,
    "with $inst:\n    $bind": 1,
    "with $context as $new1:\n    $change": 2,
    "with np.errstate(divide='ignore'):\n    $new = np.float64(1.0) / np.arange(1)": 1,
    "with np.printoptions(precision=2):\n    $new = str(np.arange(3) / 3)": 1,
    "match $any:\n    case [$new, *$new]:\n        $change\n    case {'k': $new}:\n"
    "        $bind\n    case _:\n        $bind": 2,
    "match $any:\n    case list() as $new:\n        $change\n    case $new:\n        pass": 1,
    "$new = [($change2, v)[1] for v in $list[:2]]": 0,
    "$new = [y for v in $lists if (y := v)]": 1,
}

FUNCTIONS: Final = {
    "def $fname(p):\n    return len(type(p).__name__)": 1,
    "def $fname(p):\n    return p": 3,
    "def $fname(p):\n    return p[0]": 2,
    "def $fname(p):\n    return p['k']": 2,
    "def $fname(p):\n    return [p, p]": 1,
    "def $fname(p, q=1):\n    return (p, q)": 1,
    "def $fname(p):\n    p.append($int)": 3,
    "def $fname(p):\n    p.append($int)\n    return p": 2,
    "def $fname(p):\n    p['k'] = $atom\n    return p": 2,
    "def $fname(p):\n    p.v = $any": 1,
    "def $fname(p):\n    p += [$int]\n    return p": 1,
    "def $fname(p):\n    p[0] = $int\n    return None": 1,
    "def $fname(p):\n    p = list(p)\n    p.append($int)\n    return p": 1,
    "def $fname(p, q):\n    p.append(q)": 2,
    "def $fname(p, q):\n    p.v = q\n    return q": 1,
    "def $fname(p, q=None):\n    q = q or $name\n    q.append(p)\n    return q": 2,
    "def $fname():\n    $listname.append($int)\n    return $listname": 2,
    "def $fname(p):\n    $listname.append(p)\n    return len($listname)": 3,
    "def $fname(p):\n    $dictname['k'] = p": 2,
    "def $fname():\n    global $name1\n    $name1 = $val": 3,
    "def $fname(p=0):\n    global $new1\n    $new1 = [p, $any]\n    return $new1": 2,
    "def $fname():\n    global $intname1\n    $intname1 += 1\n    return $intname1": 2,
    "def $fname():\n    return $name": 4,
    "def $fname(p=1):\n    return [$name, p]": 2,
    "def $fname(p, seen=[]):\n    seen.append(p)\n    return seen": 3,
    "def $fname(p=$mut):\n    return p": 2,
    "def $fname(p, memo={}):\n    memo[str(p)] = p\n    return len(memo)": 1,
    "def $fname(*, p=$mut):\n    return p": 1,
    "def $fname(*args, **more):\n    return [list(args), more]": 1,
    "def $fname():\n    n = 0\n    def inner(p=1):\n        nonlocal n\n        n += p\n"
    "        return n\n    return inner": 3,
    "def $fname(p):\n    def inner():\n        return p\n    return inner": 2,
    "def $fname(p):\n    return lambda: p": 1,
    "def $fname():\n    box = []\n    def put(p):\n        box.append(p)\n    def get():\n        return box\n"
    "    return put, get": 2,
    "def $fname(n=3):\n    return 1 if n <= 0 else n * $fname1(n - 1)": 1,
    "def $fname(p, n=2):\n    if n:\n        p.append(n)\n        $fname1(p, n - 1)\n    return p": 1,
    "def $fname(p):\n    return $fnname(p)": 4,
    "def $fname(p):\n    q = $fnname(p)\n    q.append($int)\n    return q": 1,
    "def $fname():\n    return $clsname": 1,
    "def $fname(p):\n    return $clsname(p)": 2,
    "def $fname(p):\n    for v in p:\n        yield v": 1,
    "def $fname(p):\n    yield p\n    $listname.append($int)": 1,
    "def $fname(g):\n    calls = []\n    def wrapper(*args):\n        calls.append(args)\n        return g(*args)\n"
    "    wrapper.calls = calls\n    return wrapper": 2,
    "@$fnname\ndef $fname(*args):\n    return list(args)": 2,
    "@functools.lru_cache(None)\ndef $fname(n=1):\n    return [n]": 1,
    "@functools.wraps($fnname)\ndef $fname(p):\n    return [p]": 1,
    "@contextlib.contextmanager\ndef $fname(p=None):\n    $listname.append('in')\n    yield p\n"
    "    $listname.append('out')": 2,
    "def $fname():\n    $fname1.calls = getattr($fname1, 'calls', 0) + 1\n    return $fname1.calls": 2,
    "def $fname(p):\n    try:\n        return p[0]\n    except Exception:\n"
    "        return $name\n    finally:\n        $change": 1,
    "def $fname(p):\n    import math\n    return math.floor(len(type(p).__name__) / 2)": 1,
    "def $fname(p):\n    class Local:\n        v = p\n    return Local": 1,
    "def $fname():\n    return $draw": 3,
    "def $fname(p):\n    return sorted(p, key=lambda v: $draw)": 1,
    "def $fname(p):\n    if $cond:\n        return p\n    return $name": 1,
    "def $fname(p):\n    while p and len(p) > 2:\n        p.pop()\n    return p": 1,
    "def $fname(p):\n    [q for q in p if $listname.append(q)]\n    return p": 1,
    "def $fname():\n    global $fnname1\n    $fnname1 = lambda *args: $atom": 1,
    "def $fname(p):\n    setattr(p, 'v', $atom)\n    return p": 1,
    "def $fname(df):\n    df['z'] = 1\n    return df": 1,
    "def $fname(p):\n    p += 1\n    return p": 2,
    "def $fname(p):\n    return p[1:]": 1,
    "def $fname(p, q):\n    p, q = q, p\n    return [p, q]": 1,
}

CLASSES: Final = {
    "class $cname:\n    def __init__(self, v=None):\n        self.v = v\n        self.items = []\n"
    "    def add(self, p):\n        self.items.append(p)\n        return self\n"
    "    def get(self):\n        return self.items": 5,
    "class $cname:\n    count = 0\n    shared = []\n    def __init__(self, v=0):\n        $cname1.count += 1\n"
    "        self.v = v\n    def push(self, p):\n        self.shared.append(p)\n        return len(self.shared)": 4,
    "class $cname:\n    made = []\n    def __init__(self, v=0):\n        self.v = v\n"
    "        $cname1.made.append(self)\n"
    "    @classmethod\n    def last(cls):\n        return cls.made[-1]": 2,
    "class $cname($clsname):\n    def __init__(self, v=1):\n        super().__init__(v)\n        self.w = [v]\n"
    "    def more(self):\n        self.w.append(self.v)\n        return self.w": 3,
    "class $cname($clsname):\n    def add(self, p):\n        $listname.append(p)\n        return p": 1,
    "class $cname:\n    def __init__(self, v=2):\n        self._v = v\n    @property\n    def v(self):\n"
    "        return self._v\n    @v.setter\n    def v(self, p):\n        self._v = [p]": 2,
    "class $cname:\n    log = []\n    @property\n    def v(self):\n        self.log.append(1)\n"
    "        return self.log": 1,
    "class $cname:\n    def __init__(self, items=None):\n        self.items = items or [1]\n"
    "    def __getitem__(self, i):\n"
    "        return self.items[i]\n    def __setitem__(self, i, p):\n        self.items[i] = p\n"
    "    def __len__(self):\n"
    "        return len(self.items)": 2,
    "class $cname:\n    def __init__(self, v=0):\n        self.v = [v]\n    def __iadd__(self, p):\n"
    "        self.v.append(p)\n        return self\n    def __add__(self, p):\n        self.v.append(p)\n"
    "        return self.v": 2,
    "class $cname:\n    def __init__(self):\n        self.log = []\n    def __enter__(self):\n"
    "        self.log.append('in')\n"
    "        return self.log\n    def __exit__(self, *_):\n        self.log.append('out')\n        return False": 3,
    "class $cname:\n    def __call__(self, p=1):\n        self.v = p\n        return $name": 1,
    "class $cname(list):\n    def add(self, p):\n        self.append(p)\n        return self": 1,
    "class $cname(dict):\n    def __missing__(self, key):\n        self[key] = []\n        return self[key]": 1,
    "class $cname:\n    def use(self):\n        $listname.append(self)\n        return $name": 2,
    "class $cname:\n    v = $mut\n    def get(self):\n        return self.v": 2,
    "class $cname:\n    def get(self, p=$mut):\n        return p\n    @staticmethod\n"
    "    def make(p):\n        return [p]": 1,
    "@dataclasses.dataclass\nclass $cname:\n    v: object = 1\n"
    "    items: list = dataclasses.field(default_factory=list)\n"
    "    def add(self, p):\n        self.items.append(p)": 2,
    "class $cname:\n    __slots__ = ('v',)\n    def __init__(self, v=3):\n        self.v = v": 1,
    "class $cname:\n    def __init__(self, v=0):\n        self.v = v\n    def __repr__(self):\n"
    "        return f'$cname1({self.v!r})'\n    def __eq__(self, other):\n        $listname.append('eq')\n"
    "        return self is other": 1,
    "class $cname:\n    def __init__(self, p=None):\n        global $new1\n        $new1 = self\n        self.v = p": 1,
    "class $cname:\n    def __getattr__(self, name):\n        if name.startswith('__'):\n"
    "            raise AttributeError(name)\n        return $fnname": 1,
    "class $cname:\n    def __iter__(self):\n        self.turns = getattr(self, 'turns', 0) + 1\n"
    "        return iter([self, self.turns])": 1,
    "class $cname:\n    def __init__(self, v=1):\n        self.v = v\n        self.me = self\n    def grow(self):\n"
    "        self.me.v = [self.v]\n        return self.me": 1,
    "class $cname:\n    total = len($listname)\n    for total in range(3):\n        pass\n    items = [total]": 1,
}

DRAWS: Final = {
    "random": ("random.random()", "random.randint(0, 9)", "random.choice([1, 2, 3])", "random.sample(range(9), 3)"),
    "numpy": ("np.random.rand()", "np.random.normal()", "np.random.randint(0, 9, 3)", "np.random.permutation(4)"),
}
SEEDS: Final = {"random": "random.seed($int)", "numpy": "np.random.seed($int)"}

SETTINGS: Final = (
    ("np.set_printoptions(precision=$small)", "str(np.arange(3) / 3)"),
    ("np.seterr(divide='raise')", "np.geterr()['divide']"),
    ("np.seterr(all='ignore')", "np.geterr()['divide']"),
    ("pd.set_option('display.precision', $small)", "str(pd.DataFrame({'x': [1 / 3]}))"),
    ("pd.options.display.precision = $small", "str(pd.Series([1 / 3]))"),
    ("pd.set_option('mode.copy_on_write', True)", "pd.get_option('mode.copy_on_write')"),
    ("os.environ['LEVEL'] = '$int'", "os.environ.get('LEVEL')"),
    ("os.environ.setdefault('LEVEL', '$int')", "os.environ.get('LEVEL', 'none')"),
    ("decimal.getcontext().prec = $small", "str(decimal.Decimal(1) / decimal.Decimal(7))"),
    ("sys.setrecursionlimit(1_$int_000)", "sys.getrecursionlimit()"),
    ("warnings.simplefilter('error')", "warnings.filters[0][0]"),
)

IMPORTS: Final = {
    "np": ("import numpy as np", "import numpy as np, math"),
    "pd": ("import pandas as pd",),
    "random": ("import random",),
    "copy": ("import copy",),
    "functools": ("import functools",),
    "itertools": ("import itertools",),
    "operator": ("import operator",),
    "collections": ("import collections",),
    "contextlib": ("import contextlib",),
    "dataclasses": ("import dataclasses",),
    "types": ("import types",),
    "heapq": ("import heapq",),
    "bisect": ("import bisect",),
    "decimal": ("import decimal",),
    "warnings": ("import warnings",),
    "os": ("import os", "import os, sys"),
    "sys": ("import sys",),
    "re": ("import re",),
    "json": ("import json",),
}

CONDITIONS: Final = (
    "len($list) > $int",
    "$intname % 2",
    "$any",
    "not $any",
    "isinstance($any, list)",
    "'k' in $dict",
    "$draw1",
    "$name is $name",
    "$arr.sum() > 3",
    "$int in $list",
    "len(type($any).__name__) > 4",
    "$dict.get('x')",
)

DUMPER: Final = (
    "def dump(value, seen):\n"
    "    if value is None or isinstance(value, (int, float, str, np.generic)):\n"
    "        return repr(value)\n"
    "    if isinstance(value, tuple):\n"
    "        return [dump(v, seen) for v in value]\n"
    "    if id(value) in seen:\n"
    "        return f'#{seen[id(value)]}'\n"
    "    seen[id(value)] = len(seen)\n"
    "    if isinstance(value, (list, set)):\n"
    "        return ['list', *[dump(v, seen) for v in value]]\n"
    "    if isinstance(value, dict):\n"
    "        return {str(k): dump(v, seen) for k, v in value.items()}\n"
    "    if isinstance(value, np.ndarray):\n"
    "        return ['array', str(value.dtype), value.tolist()]\n"
    "    if isinstance(value, (pd.DataFrame, pd.Series)):\n"
    "        return ['frame', value.to_csv(), str(value.index.name)]\n"
    "    if isinstance(value, pd.Index):\n"
    "        return ['index', str(value)]\n"
    "    if hasattr(value, '__dict__') and not isinstance(value, type) and not callable(value):\n"
    "        return [type(value).__name__, dump(vars(value), seen)]\n"
    "    return getattr(value, '__name__', type(value).__name__)"
)

PLACEHOLDER: Final = re.compile(r"\$([a-z]+)(\d?)")


# -- generation --------------------------------------------------------------------------------------------------------


@dataclass
class Path:
    """An expression and what it gave when it was looked at."""

    text: str
    value: Any
    depth: int = 0


@dataclass
class Generator:
    """Grows one program in a namespace."""

    rng: random.Random
    namespace: dict[str, Any]
    statements: list[str] = field(default_factory=list)
    seeded: set[str] = field(default_factory=set)
    imported: set[str] = field(default_factory=set)
    observed: list[str] = field(default_factory=list)
    maybe: list[str] = field(default_factory=list)
    nesting: int = 0
    cyclic: bool = False

    # -- what exists

    def names(self, fits: Callable[[Any], bool] = lambda _: True) -> list[str]:
        """The program's names whose values fit."""
        skip = (types.ModuleType, types.FunctionType, type)
        return [
            name
            for name, value in self.namespace.items()
            if not name.startswith("_") and name not in OURS and not isinstance(value, skip) and fits(value)
        ]

    def paths(self) -> Iterator[Path]:
        """Expressions for the program's values and for what they hold, to a depth of three."""
        todo = [Path(name, self.namespace[name]) for name in self.names()]
        for path in todo:
            yield path
            if path.depth < 3 and len(todo) < 120:
                todo += [Path(path.text + step, value, path.depth + 1) for step, value in steps(path.value)]

    def find(self, fits: Callable[[Any], bool], least: int = 0) -> str:
        """A path to a value that fits; short ones more often."""
        found = [p for p in self.paths() if p.depth >= least and fits(p.value)]
        if not found:
            raise NoCandidateError
        return self.rng.choices(found, [4.0**-p.depth for p in found])[0].text

    def user_objects(self, kind: type) -> list[str]:
        """The names of the program's own functions or classes."""
        return [
            name
            for name, value in self.namespace.items()
            if isinstance(value, kind) and getattr(value, "__module__", "") == "__main__" and name not in OURS
        ]

    def choose(self, candidates: list[str]) -> str:
        if not candidates:
            raise NoCandidateError
        return self.rng.choice(candidates)

    # -- templates

    def pick(self, table: dict[str, int]) -> str:
        """A template by weight, filled."""
        for _ in range(20):
            template = self.rng.choices(list(table), list(table.values()))[0]
            try:
                return self.fill(template)
            except NoCandidateError:
                continue
        raise NoCandidateError

    def fill(self, template: str) -> str:
        """The template with an expression for each placeholder."""
        if self.nesting > 5:
            raise NoCandidateError
        self.nesting += 1
        known: dict[str, str] = {}

        def replace(match: re.Match[str]) -> str:
            kind, label = match.groups()
            if label and kind + label in known:
                return known[kind + label]
            text = self.expression(kind)
            if kind in ("fname", "cname"):
                label = label or "1"
            if label or kind + "1" in template:
                known[kind + (label or "1")] = text
            return text

        try:
            lines = [self.fill_line(line, replace) for line in template.split("\n")]
        finally:
            self.nesting -= 1
        return "\n".join(lines)

    @staticmethod
    def fill_line(line: str, replace: Callable[[re.Match[str]], str]) -> str:
        indent = " " * (len(line) - len(line.lstrip()))
        return PLACEHOLDER.sub(replace, line).replace("\n", "\n" + indent)

    def expression(self, kind: str) -> str:
        """What a placeholder stands for."""
        if kind in KINDS:
            return self.find(KINDS[kind])
        method: Callable[[], str] = getattr(self, "find_" + kind)
        return method()

    def find_int(self) -> str:
        return str(self.rng.randint(0, 9))

    def find_small(self) -> str:
        return str(self.rng.randint(2, 5))

    def find_atom(self) -> str:
        return self.rng.choice(["1", "7", "2.5", "'s'", "'k'", "None", "True"])

    def find_new(self) -> str:
        return self.rng.choice(DATA_NAMES)

    def find_val(self) -> str:
        return self.pick(VALUES)

    def find_bind(self) -> str:
        return self.pick(BINDINGS)

    def find_change(self) -> str:
        return self.pick(CHANGES)

    def find_cond(self) -> str:
        return self.fill(self.rng.choice(CONDITIONS))

    def find_name(self) -> str:
        return self.choose(self.names(is_data))

    def find_listname(self) -> str:
        return self.choose(self.names(KINDS["list"]))

    def find_dictname(self) -> str:
        return self.choose(self.names(KINDS["dict"]))

    def find_intname(self) -> str:
        return self.choose(self.names(lambda v: type(v) is int))

    def find_item(self) -> str:
        return self.find(lambda _: True, least=1)

    def find_fname(self) -> str:
        return self.rng.choice(FUNCTION_NAMES)

    def find_cname(self) -> str:
        return self.rng.choice(CLASS_NAMES)

    def find_fnname(self) -> str:
        return self.choose(self.user_objects(types.FunctionType))

    def find_clsname(self) -> str:
        return self.choose(self.user_objects(type))

    find_cls = find_clsname

    def find_fn(self) -> str:
        held = [p.text for p in self.paths() if callable(p.value) and not isinstance(p.value, type)]
        return self.choose(self.user_objects(types.FunctionType) * 2 + held)

    def find_method(self) -> str:
        raise NoCandidateError

    def find_attr(self) -> str:
        return self.rng.choice(["v", "items", "w", "shared"])

    def find_maybe(self) -> str:
        name = self.rng.choice(["ma", "mb"])
        self.maybe.append(name)
        return name

    def find_maybename(self) -> str:
        return self.choose(self.maybe)

    def find_draw(self) -> str:
        rngs = self.names(lambda v: type(v).__name__ == "Generator")
        if rngs and self.rng.random() < 0.5:
            return self.rng.choice(rngs) + self.rng.choice([".random()", ".normal()", ".integers(9, size=3)"])
        return self.rng.choice(DRAWS[self.choose(sorted(self.seeded))])

    def find_shuffle(self) -> str:
        """Shuffling a list or an array in place."""
        call = {"random": "random.shuffle($list)", "numpy": "np.random.shuffle($arr)"}
        return self.fill(call[self.choose(sorted(self.seeded))])

    def find_rngmake(self) -> str:
        return self.rng.choice(["np.random.default_rng(3)", "np.random.RandomState(4)", "random.Random(5)"])

    def find_make(self) -> str:
        name = self.find_clsname()
        return f"{name}({self.arguments(self.namespace[name])})"

    def find_call(self) -> str:
        text = self.find_fn()
        try:
            value = eval(text, self.namespace)
        except Exception:
            raise NoCandidateError from None
        return f"{text}({self.arguments(value)})"

    def find_context(self) -> str:
        text = self.find_fnname()
        if "contextmanager" not in str(getattr(self.namespace[text], "__wrapped__", "")) and not hasattr(
            self.namespace[text], "__wrapped__"
        ):
            raise NoCandidateError
        return f"{text}({self.arguments(self.namespace[text])})"

    def find_methodcall(self) -> str:
        found = [p for p in self.paths() if KINDS["inst"](p.value)]
        if not found:
            raise NoCandidateError
        path = self.rng.choices(found, [4.0**-p.depth for p in found])[0]
        methods = sorted(
            name
            for name in dir(type(path.value))
            if not name.startswith("_")
            and isinstance(getattr(type(path.value), name), types.FunctionType | types.MethodType)
        )
        method = self.choose(methods)
        return f"{path.text}.{method}({self.arguments(getattr(path.value, method))})"

    def arguments(self, function: Any) -> str:
        """Arguments for a call."""
        try:
            parameters = list(inspect.signature(function).parameters.values())
        except (TypeError, ValueError):
            parameters = []
        found = []
        for parameter in parameters:
            if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.POSITIONAL_ONLY):
                if parameter.default is parameter.empty or self.rng.random() < 0.3:
                    found.append(
                        self.rng.choice([self.expression("mut"), self.expression("any"), self.expression("list")])
                    )
                else:
                    break
            elif parameter.kind is parameter.VAR_POSITIONAL and self.rng.random() < 0.7:
                found.append(self.expression("any"))
        return ", ".join(found)

    # -- growing

    def run(self, text: str, must: bool = False) -> bool:
        """Execute a statement; keep it if it runs, undo it otherwise."""
        try:
            tree = ast.parse(text)
        except SyntaxError:
            return False
        for name in sorted(IMPORTS.keys() & {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)} - self.imported):
            if name in self.namespace and not isinstance(self.namespace[name], types.ModuleType):
                return False
            self.imported.add(name)
            self.run(self.rng.choice(IMPORTS[name]), must=True)
        try:
            exec(compile(text, "<program>", "exec", dont_inherit=True), self.namespace)
            if not must:
                self.check_state()
        except Exception:
            self.replay()
            return False
        self.statements.append(text)
        return True

    def check_state(self) -> None:
        """Raise where values have become large, or, most times, hold themselves."""
        state = repr([self.namespace[n] for n in self.names()])
        cyclic = "...}" in state or "...]" in state
        if len(state) > LONGEST_STATE or (cyclic and not self.cyclic and self.rng.random() < 0.95):
            raise OverflowError
        self.cyclic = cyclic

    def replay(self) -> None:
        """Run the program again from its start, without the statement that has failed half-way."""
        self.namespace.clear()
        self.namespace["__name__"] = "__main__"
        exec(compile("\n".join(self.statements), "<program>", "exec", dont_inherit=True), self.namespace)

    def grow(self, table: dict[str, int]) -> bool:
        """Add a statement of a table."""
        for _ in range(30):
            try:
                text = self.pick(table)
            except NoCandidateError:
                return False
            if self.run(text):
                return True
        return False

    def grow_random(self) -> bool:
        """A seed, again at times, or a draw."""
        kind = self.rng.choice(sorted(SEEDS))
        if kind not in self.seeded or self.rng.random() < 0.15:
            if self.run(self.fill(SEEDS[kind])):
                self.seeded.add(kind)
            return True
        return self.run(f"{self.find_new()} = {self.find_draw()}")

    def grow_setting(self) -> bool:
        """A setting, or a look at what one did."""
        if self.observed and self.rng.random() < 0.6:
            return self.run(f"{self.find_new()} = {self.rng.choice(self.observed)}")
        setting, look = self.rng.choice(SETTINGS)
        if self.run(self.fill(setting)):
            self.observed.append(look)
        return True

    def grow_all(self, count: int) -> None:
        """The program but for its last stage."""
        kinds = {
            "binding": 10,
            "change": 9,
            "compound": 4,
            "function": 4,
            "class": 2,
            "random": self.rng.choice([0, 0, 0, 3]),
            "setting": self.rng.choice([0, 0, 0, 2]),
        }
        for _ in range(2):
            self.grow({"$new = $val": 1})
        for _ in range(count * 3):
            if len(self.statements) >= count:
                return
            with contextlib.suppress(NoCandidateError):
                self.grow_one(self.rng.choices(list(kinds), list(kinds.values()))[0])

    def grow_one(self, kind: str) -> None:
        tables = {"binding": BINDINGS, "change": CHANGES, "compound": COMPOUND, "function": FUNCTIONS, "class": CLASSES}
        if kind in tables:
            self.grow(tables[kind])
        elif kind == "random":
            self.grow_random()
        else:
            self.grow_setting()


def is_data(value: Any) -> bool:
    """Whether a value is none of the callables and modules."""
    return not isinstance(value, types.ModuleType | types.FunctionType | type)


def is_instance(value: Any) -> bool:
    """Whether a value is an instance of a class of the program."""
    return type(value).__module__ in ("__main__", "types") and type(value).__name__ != "function" and is_data(value)


def type_is(*names: str) -> Callable[[Any], bool]:
    """A test for the name of a value's type."""
    return lambda value: type(value).__name__ in names


KINDS: Final[dict[str, Callable[[Any], bool]]] = {
    "any": is_data,
    "mut": lambda v: is_data(v) and not isinstance(v, int | float | str | tuple | None),
    "list": lambda v: type(v) is list,
    "nums": lambda v: type(v) is list and bool(v) and all(type(x) is int for x in v),
    "lists": lambda v: type(v) is list and bool(v) and all(type(x) is list for x in v),
    "dict": lambda v: isinstance(v, dict),
    "inst": is_instance,
    "arr": type_is("ndarray"),
    "df": type_is("DataFrame"),
    "series": type_is("Series"),
    "iterator": lambda v: hasattr(v, "__next__"),
    "deque": type_is("deque"),
}


def steps(value: Any) -> list[tuple[str, Any]]:
    """The parts of a value: how to write the access, and what it gives."""
    if isinstance(value, list | tuple):
        places = sorted({0, len(value) // 2, len(value) - 1}) if value else []
        return [(f"[{i if i < 2 else -1 if i == len(value) - 1 else i}]", value[i]) for i in places]
    if isinstance(value, dict):
        return [(f"[{k!r}]", v) for k, v in list(value.items())[:4] if type(k) in (str, int)]
    if is_instance(value):
        inside = getattr(value, "__dict__", {})
        return [(f".{k}", v) for k, v in list(inside.items())[:4] if k.isidentifier() and not keyword.iskeyword(k)]
    if type(value).__name__ == "DataFrame":
        return [("['x']", value["x"])] if "x" in value.columns else []
    return []


def observation(generator: Generator, name: str, identity: bool) -> str:
    """An expression for what a name holds, as a JSON value."""
    value = generator.namespace[name]
    if identity:
        return f"dump({name}, seen)"
    kind = type(value).__name__
    if kind == "ndarray":
        return generator.rng.choice([f"repr({name}.tolist())", f"repr({name})"])
    if kind == "DataFrame":
        return generator.rng.choice([f"{name}.to_csv()", f"str({name})"])
    if kind == "Series":
        return generator.rng.choice([f"repr({name}.tolist())", f"repr({name}.to_dict())"])
    if is_instance(value) and hasattr(value, "__dict__"):
        return f"repr(vars({name}))"
    return f"repr({name})"


def last_stage(generator: Generator) -> tuple[int, list[str]]:
    """Statements that write all names, change some values, and write them again; also where they begin."""
    rng = generator.rng
    identity = rng.random() < 0.4
    start = len(generator.statements)
    names = generator.names()
    rng.shuffle(names)
    if rng.random() < 0.4:
        names = names[: max(2, len(names) // 2)]
    helpers = ["import numpy as np", "import pandas as pd", DUMPER, "seen = {}"] if identity else []
    for text in ("import json", *helpers, "out = {}"):
        generator.run(text, must=True)
    if rng.random() < 0.7:
        look(generator, names, "first", identity)
    for _ in range(rng.randint(1, 3)):
        generator.grow({"$change": 6, "$new = $call": 3, "$new = $methodcall": 2, "$bind": 1})
    probe(generator)
    look(generator, names, "last", identity)
    write = f"with open('{RESULT}', 'w') as file:\n    json.dump(out, file)"
    return start, [*generator.statements[start:], write]


def look(generator: Generator, names: list[str], when: str, identity: bool) -> None:
    """Add statements that write down what names hold."""
    for name in names:
        if name in generator.namespace:
            generator.run(f"out['{name} {when}'] = {observation(generator, name, identity)}")


def probe(generator: Generator) -> None:
    """Add calls of the program's functions, one more draw of each generator, and looks at settings."""
    rng = generator.rng
    for name in generator.user_objects(types.FunctionType):
        with contextlib.suppress(NoCandidateError):
            call = f"{name}({generator.arguments(generator.namespace.get(name))})"
            if rng.random() < 0.6:
                generator.run(f"out['{name}()'] = repr({call})")
    for kind in sorted(generator.seeded):
        generator.run(f"out['{kind}'] = repr({rng.choice(DRAWS[kind])})")
    for name in generator.names(type_is("Generator", "RandomState")):
        generator.run(f"out['{name} draw'] = repr({name}.normal())")
    for name in generator.names(type_is("Random")):
        generator.run(f"out['{name} draw'] = repr({name}.random())")
    for expression in sorted(set(generator.observed)):
        generator.run(f"out[{expression!r}] = repr({expression})")


def cut(rng: random.Random, statements: list[str], last: list[str]) -> list[Part]:
    """Cells and stages for the statements."""
    count = rng.randint(2, 4)
    cells: list[list[str]] = []
    for text in statements:
        if cells and rng.random() < 0.45:
            cells[-1].append(text)
        else:
            cells.append([text])
    count = min(count, len(cells))
    ends = sorted(rng.sample(range(1, len(cells)), count - 1))
    stages = [sum(end <= i for end in ends) for i in range(len(cells))]
    if rng.random() < 0.15 and len(cells) > 3:
        stages[rng.randrange(1, len(cells))] = rng.randrange(count)
    names = [STAGES[0], *sorted(rng.sample(STAGES[1:-1], count - 1), key=STAGES.index)]
    tags = [names[stage] for stage in stages]
    free = rng.random() < 0.3
    for i, cell in enumerate(cells):
        if free and rng.random() < 0.5 and all(is_inert(text) for text in cell):
            tags[i] = ""
    if rng.random() < 0.15:
        for i, cell in enumerate(cells[:2]):
            if all(is_setting(text) for text in cell):
                tags[i] = "setup"
    last_tag = STAGES[-1] if rng.random() < 0.85 or not tags[-1] else tags[-1]
    found = [Part(text, i, tags[i]) for i, cell in enumerate(cells) for text in cell]
    return found + [Part(text, len(cells), last_tag) for text in last]


def is_inert(text: str) -> bool:
    """Whether a statement only imports or defines."""
    return text.startswith(("import ", "from ", "def ", "class ", "@"))


def is_setting(text: str) -> bool:
    """Whether a statement makes a setting or a seed."""
    return is_inert(text) or bool(re.match(r"(np|pd|os|sys|random|decimal|warnings)\.\w", text))


def generate(seed: int) -> Program | None:
    """The program of a seed, or None where it did not come to anything.  Executes it in this process."""
    rng = random.Random(seed)
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    generator = Generator(rng, module.__dict__)
    size = rng.randint(6, 25)
    if rng.random() < 0.5:  # the usual imports first
        for name in [*rng.sample(sorted(IMPORTS), rng.randint(1, 4)), "np"]:
            if name not in generator.imported:
                generator.run(IMPORTS[name][0])
                generator.imported.add(name)
    generator.grow_all(size + len(generator.statements))
    start, last = last_stage(generator)
    if start < 3:
        return None
    return Program(cut(rng, generator.statements[:start], last), seed)
