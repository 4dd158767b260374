"""Times that a notebook measures: known by its code, taken out of both values, and nothing else with them."""

from __future__ import annotations

import ast
import datetime
from dataclasses import replace
from typing import Any

import pytest

from nb2stage.knowledge.clocks import TIMES
from nb2stage.probes.explaining import difference
from nb2stage.probes.times import Masker, said
from nb2stage.runs.clocks import TIME, Clocked, times_of

HEAD = """\
import time
from time import perf_counter as tick
from datetime import datetime
import pandas as pd, numpy as np
t0 = time.time()
"""


def keys(*names: str) -> Clocked:
    return Clocked(keys=frozenset(names))


KNOWN = [
    ("x = time.time()", TIME),
    ("x = tick() - t0", TIME),
    ("x = round(time.time() - t0, 2)", TIME),
    ("x = datetime.now().strftime('%H')", TIME),
    ("x = f'took {tick():.1f} s'", TIME),
    ("x = 'took %.1f s' % tick()", TIME),
    ("x = 'took {:.1f} s'.format(tick())", TIME),
    ("x = {'took': tick() - t0, 'n': 3}", keys("took")),
    ("x = dict(took=tick(), n=3)", keys("took")),
    ("x = {}\nx['took'] = tick()", keys("took")),
    ("x = [tick() for _ in range(3)]", TIME),
    ("x = []\nfor i in range(3):\n    s = tick()\n    x.append(tick() - s)", TIME),
    ("x = []\nfor i in range(3):\n    x.append({'i': i, 's': tick()})", keys("s")),
    ("x = []\nfor i in range(3):\n    x.append((i, tick()))", Clocked(positions=frozenset([1]))),
    ("r = []\nr.append((1, tick()))\nx = pd.DataFrame(r, columns=['i', 's'])", keys("s")),
    ("x = pd.DataFrame([{'i': 1, 's': tick()}])", keys("s")),
    ("df = pd.DataFrame({'a': [1]})\ndf['s'] = tick()\nx = df['s'].mean()", TIME),
    ("h = {'loss': [], 's': []}\nh['loss'].append(1)\nh['s'].append(tick())\nx = h", keys("s")),
    ("def f():\n    s = tick()\n    return 1, tick() - s\ny, x = f()", TIME),
    ("def f(n):\n    return tick() - n\nx = f(1)", TIME),
    ("x = np.mean([tick(), tick()])", TIME),
    ("x = search.refit_time_", TIME),
    ("x = search.cv_results_['mean_fit_time']", TIME),
    ("with open('f') as f:\n    x = tick()", TIME),
    ("x = 0\nx += tick() - t0", TIME),
    ("x = tick() if n else 0", TIME),
]
# What is no time: an error here hides a real difference.
OTHERS = [
    "x = 1",
    "x = model.fit(X, deadline=tick())",
    "x = tick()\nx = 3",
    "x = [1, tick()]",
    "x = []\nx.append(0.5)\nx.append(tick())",
    "x = []\nx.append(tick())\nx.append(0.5)",
    "x = {}\nx[name] = 1\nx[name + 't'] = tick()",
    "def f():\n    s = tick()\n    return 1, tick() - s\nx, y = f()",
    "def f():\n    if a:\n        return 1\n    return tick()\nx = f()",
    "@cached\ndef f():\n    return tick()\nx = f()",
    "d = {'s': tick(), 'n': 1}\nx = d['n']",
    "x = df['duration']",
    "x = time.sleep(1)",
    "def time():\n    return 3\nx = time()",
    "rng = np.random.default_rng(int(tick()))\nx = rng.normal()",
]


def clocked(code: str) -> Clocked:
    found = times_of([("s", ast.parse(HEAD + code).body)])["s"]
    return replace(found.get("x", Clocked()), empty=False)


@pytest.mark.parametrize(("code", "expected"), KNOWN, ids=[code.replace("\n", "; ") for code, _ in KNOWN])
def test_times_are_known(code: str, expected: Clocked) -> None:
    assert clocked(code) == expected


@pytest.mark.parametrize("code", OTHERS, ids=[code.replace("\n", "; ") for code in OTHERS])
def test_what_is_no_time_is_not_taken_for_one(code: str) -> None:
    assert not clocked(code).whole
    assert not clocked(code).positions


def test_a_stage_has_what_was_known_at_its_end() -> None:
    cells = [(None, "import time"), ("a", "x = time.time()"), ("b", "y = x"), ("a", "x = 1"), ("c", "z = x")]
    found = times_of([(stage, ast.parse(code).body) for stage, code in cells])
    assert found == {"a": {"y": TIME}, "b": {"x": TIME, "y": TIME}, "c": {"y": TIME}}


# -- taken out -------------------------------------------------------------------------------------------------------


class Fitted:
    """As a search of scikit-learn is."""

    def __init__(self, seconds: float, score: float) -> None:
        self.refit_time_, self.best_score_ = seconds, score
        self.cv_results_ = {"mean_fit_time": [seconds, 2 * seconds], "mean_test_score": [score], "params": [{}]}


def left(clock: Clocked, one: Any, two: Any) -> tuple[str, str]:
    """What still differs without the times, and where these were."""
    maskers = [Masker(clock.whole, sorted(clock.keys), sorted(clock.positions), dict(TIMES)) for _ in range(2)]
    a, b = (masker.of(value) for masker, value in zip(maskers, (one, two), strict=True))
    return difference(a, b), said(maskers[0].found)


MASKED = [
    (TIME, 1.5, 2.5, "a clock's time"),
    (TIME, datetime.datetime(2020, 1, 1), datetime.datetime(2021, 1, 1), "a clock's time"),
    (TIME, [1.0, 2.0], [3.0, 4.0], "a clock's time"),
    (keys("s"), {"s": 1.0, "n": 1}, {"s": 2.0, "n": 1}, "times of a clock: ['s']"),
    (keys("s"), [{"s": 1.0}, {"s": 2.0}], [{"s": 3.0}, {"s": 4.0}], "times of a clock: [0]['s'], [1]['s']"),
    (Clocked(positions=frozenset([1])), [(1, 0.5)], [(1, 0.7)], "times of a clock: [0][1]"),
    (Clocked(), Fitted(1.0, 0.5), Fitted(2.0, 0.5), "times of a clock: refit_time_, cv_results_['mean_fit_time']"),
]
DIFFERENT = [
    (TIME, {"a": object}, {"a": int}),
    (keys("s"), {"s": 1.0, "n": 1}, {"s": 2.0, "n": 2}),
    (keys("s"), {"s": {"model": Fitted}}, {"s": {"model": int}}),
    (Clocked(positions=frozenset([1])), [1, 0.5], [1, 0.7]),
    (Clocked(), Fitted(1.0, 0.5), Fitted(2.0, 0.6)),
    (Clocked(), {"duration": 1.0}, {"duration": 2.0}),
]


@pytest.mark.parametrize(("clock", "one", "two", "where"), MASKED)
def test_times_are_taken_out(clock: Clocked, one: Any, two: Any, where: str) -> None:
    before = repr(vars(one)) if isinstance(one, Fitted) else repr(one)
    assert left(clock, one, two) == ("", where)
    assert (repr(vars(one)) if isinstance(one, Fitted) else repr(one)) == before


@pytest.mark.parametrize(("clock", "one", "two"), DIFFERENT)
def test_nothing_else_is_taken_out(clock: Clocked, one: Any, two: Any) -> None:
    assert left(clock, one, two)[0]


def test_columns_and_labels_of_frames() -> None:
    pd = pytest.importorskip("pandas")
    one, two = (pd.DataFrame({"s": [t, t], "n": [1, 2]}) for t in (0.5, 0.7))
    assert left(keys("s"), one, two) == ("", "times of a clock: ['s']")
    assert left(keys("s"), one.iloc[0], two.iloc[0])[0] == ""
    assert left(keys("s"), one, two.assign(n=[1, 3]))[0]
    assert (
        left(Clocked(), one.rename(columns={"s": "mean_fit_time"}), two.rename(columns={"s": "mean_fit_time"}))[0] == ""
    )
