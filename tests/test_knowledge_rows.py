"""Rows of the tables are held to what the libraries do: each is called with sample arguments and watched.

What a row does not say must not happen: a change of the receiver or of an argument, shared memory, a draw from a random
state.  `python tests/test_knowledge_rows.py --report` says how many rows were called, which were not and why, and which
claims were wrong; names of libraries choose some.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import inspect
import io
import os
import pickle
import random
import sys
import tempfile
import time
import types
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from nb2stage.knowledge import Effect, parse, tables

np = pytest.importorskip("numpy")
pd = pytest.importorskip("pandas")
sparse = pytest.importorskip("scipy.sparse")

LIBRARIES = ("numpy", "pandas", "scipy", "sklearn", "matplotlib", "torch", "polars")
# Functions that ask the network, wait, stop the process, or say nothing of their arguments.
LEFT_ALONE = (
    "fetch_",
    "test",
    "show_versions",
    "pause",
    "ginput",
    "waitforbuttonpress",
    "switch_backend",
    "read_clipboard",
)
LEFT_ALONE += (
    "to_clipboard",
    "clear_data_home",
    "get_data_home",
    "install_repl_displayhook",
    "breakpoint",
    "set_num_threads",
)
# Rows that are right although a sample shows more, each with the reason.
ALLOWED = {
    "numpy.shares_memory": "refused by the analysis where it matters: it sees what no file keeps",
    "numpy.may_share_memory": "the same",
    "scipy.stats.rvs": "only its pickle has the state of numpy's generator",
    "numpy.frombuffer": "of bytes, which do not change",
}

Make = Callable[[], Any]


def matrix() -> Any:
    return np.array([[1.0, 2.0], [3.0, 5.0], [2.0, 7.0], [4.0, 1.0]])


def labels() -> Any:
    return np.array([0, 1, 1, 0])


def frame() -> Any:
    return pd.DataFrame(
        {"a": [1.0, 2.5, 3.0, 0.5], "b": [4, 1, 2, 2], "k": ["x", "y", "x", "y"], "o": [[1], [2], [3], [4]]}
    )


def numbers() -> Any:
    return pd.DataFrame({"a": [1.0, 2.5, 3.0, 0.5], "b": [4.0, 1.0, 2.0, 2.0]})


def series() -> Any:
    return pd.Series([1.0, 2.5, 2.5, 0.5], name="a")


def dates() -> Any:
    return pd.date_range("2020-01-01", periods=4, freq="D")


def masked() -> Any:
    return np.ma.array([3.0, 1.0, 2.0], mask=[0, 1, 0])


SAMPLES: dict[str, list[Make]] = {
    "ndarray": [
        lambda: np.array([3.0, 1.0, 2.0]),
        lambda: np.array([3, 1, 2]),
        matrix,
        lambda: np.asfortranarray(matrix()),
        lambda: matrix()[::2],
        lambda: np.array([[2.0, 1.0], [1.0, 3.0]]),
        lambda: np.array([True, False, True]),
        lambda: np.array(["b", "a"]),
        lambda: np.array([1 + 2j, 3.0]),
        lambda: np.array([3, 1], dtype=">i4"),
        lambda: np.array(2.5),
        masked,
        lambda: np.ma.array([3.0, 1.0]),
        lambda: np.rec.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
    ],
    "frame": [numbers, frame, lambda: numbers().set_index(dates()), lambda: numbers().T],
    "series": [
        series,
        lambda: pd.Series(["ab", "cd", "ab"]),
        lambda: pd.Series([1, 2, 3, 4], index=dates()),
        lambda: pd.Series([True, False, True]),
        lambda: pd.Series([[1], [2]]),
        lambda: pd.Series([1, 2, 3, 4], index=pd.MultiIndex.from_product([["a", "b"], [1, 2]])),
        lambda: pd.Series([7]),
    ],
    "index": [
        lambda: pd.Index([3, 1, 2]),
        lambda: pd.Index(["b", "a"], name="n"),
        dates,
        lambda: pd.MultiIndex.from_product([["a", "b"], [1, 2]], names=["u", "v"]),
        lambda: pd.RangeIndex(3),
        lambda: pd.CategoricalIndex(["a", "b"]),
        lambda: dates().to_period("D"),
        lambda: dates() - dates()[0],
        lambda: numbers().dtypes,
        lambda: pd.Index(["b", "a"]).str,
    ],
    "grouped": [
        lambda: frame().groupby("k"),
        lambda: numbers().groupby("b"),
        lambda: frame().groupby("k")["a"],
        lambda: numbers().rolling(2),
        lambda: series().ewm(1),
        lambda: pd.Series([1.0, 2, 3, 4], index=dates()).resample("2D"),
        lambda: pd.Series(["ab", "c d"]).str,
        lambda: pd.Series(dates()).dt,
        lambda: pd.Series(["a", "b"], dtype="category").cat,
    ],
    "generator": [lambda: np.random.default_rng(0), lambda: np.random.RandomState(0), lambda: random.Random(0)],
    "scipy": [
        lambda: sparse.csr_matrix(matrix()),
        lambda: sparse.coo_array(matrix()),
        lambda: sparse.lil_array(matrix()),
        lambda: sparse.csr_array(np.array([[2.0, 1.0], [1.0, 3.0]])),
        lambda: importlib.import_module("scipy.spatial").KDTree(matrix()),
        lambda: importlib.import_module("scipy.interpolate").CubicSpline([0.0, 1.0, 2.0], [0.0, 1.0, 4.0]),
        lambda: importlib.import_module("scipy.interpolate").UnivariateSpline(np.arange(6.0), np.arange(6.0) ** 2),
        lambda: importlib.import_module("scipy.spatial.transform").Rotation.from_euler("z", [[0.1], [0.2]]),
    ],
    "scipy.stats": [lambda: importlib.import_module("scipy.stats").norm(0, 1)],
    "scipy.gaussian_kde": [lambda: importlib.import_module("scipy.stats").gaussian_kde([0.0, 1.0, 3.0])],
    "list": [lambda: [3, [1], 2], lambda: [1]],
    "dict": [lambda: {"a": [1]}, lambda: Counter("abca")],
    "set": [lambda: {1, 2}],
    "tuple": [lambda: (1, 2), lambda: "a b"],
    "bunch": [lambda: importlib.import_module("sklearn.datasets").load_iris()],
}


def fitted(cls: type) -> Any:
    """An estimator that has been fitted; None where two columns and two classes do not do."""
    rows = np.abs(np.vstack([matrix(), matrix() + 0.5, matrix() * 1.5]))
    target = np.array([0, 1] * 6)
    for each in (target, rows, None):
        with contextlib.suppress(Exception):
            return cls().fit(rows, each) if each is not None else cls().fit(rows)
    return None


def estimators() -> list[Make]:
    sk = {
        "cluster": "KMeans DBSCAN AgglomerativeClustering MiniBatchKMeans",
        "linear_model": "LinearRegression LogisticRegression Ridge SGDClassifier",
        "ensemble": "GradientBoostingClassifier IsolationForest",
        "tree": "DecisionTreeClassifier",
        "neighbors": "KNeighborsClassifier KernelDensity LocalOutlierFactor",
        "preprocessing": "StandardScaler PolynomialFeatures OneHotEncoder FunctionTransformer",
        "decomposition": "PCA NMF",
        "manifold": "MDS Isomap SpectralEmbedding",
        "feature_selection": "SelectKBest VarianceThreshold",
        "mixture": "GaussianMixture",
        "covariance": "EmpiricalCovariance",
    }
    found = []
    for module, names in sk.items():
        for name in names.split():
            cls = getattr(importlib.import_module(f"sklearn.{module}"), name)
            found.append(lambda cls=cls: fitted(cls))
    return found


# What parameters with these names take; tried first.
BY_NAME: dict[str, Make] = {
    "axis": lambda: 0,
    "n": lambda: 1,
    "N": lambda: 4,
    "dtype": lambda: "float64",
    "condition": lambda: np.array([True, False, True]),
    "cond": lambda: series() > 1,
    "mask": lambda: np.array([True, False, True]),
    "y_true": labels,
    "y_pred": lambda: np.array([0, 1, 0, 0]),
    "y_score": lambda: np.array([0.1, 0.8, 0.4, 0.3]),
    "y_prob": lambda: np.array([0.1, 0.8, 0.4, 0.3]),
    "labels_true": labels,
    "labels_pred": lambda: np.array([0, 1, 0, 0]),
    "labels": labels,
    "X": matrix,
    "y": labels,
    "Y": matrix,
    "func": lambda: np.sum,
    "function": lambda: len,
    "by": lambda: "b",
    "on": lambda: "b",
    "other": numbers,
    "right": numbers,
    "items": lambda: ["a"],
    "columns": lambda: ["a"],
    "column": lambda: 0,
    "key": lambda: "a",
    "labels_": labels,
    "freq": lambda: "D",
    "rule": lambda: "2D",
    "window": lambda: 2,
    "expr": lambda: "a > 1",
    "pat": lambda: "a",
    "sub": lambda: "a",
    "repl": lambda: "z",
    "width": lambda: 4,
    "repeats": lambda: 2,
    "shape": lambda: (2, 2),
    "newshape": lambda: (-1,),
    "size": lambda: 3,
    "indices": lambda: np.array([0, 1]),
    "ind": lambda: np.array([0]),
    "v": lambda: np.array([9.0]),
    "values": lambda: np.array([1.0, 2.0]),
    "value": lambda: 0.0,
    "q": lambda: 0.5,
    "level": lambda: 0,
    "mapper": lambda: {"a": "z"},
    "name": lambda: "z",
    "decimals": lambda: 1,
    "date_format": lambda: "%Y",
    "lower": lambda: 0.0,
    "upper": lambda: 2.0,
    "estimator": lambda: importlib.import_module("sklearn.linear_model").LogisticRegression(),
    "alpha": lambda: 0.5,
    "loc": lambda: 0,
    "item": lambda: 1.0,
    "to_replace": lambda: 1.0,
    "prefix": lambda: "p_",
    "suffix": lambda: "_s",
    "keys": lambda: ["a"],
    "t": lambda: np.array([0.5, 1.0]),
}
# Else these are tried, as many as there are parameters without a default.
POOL: list[tuple[Make, ...]] = [
    (lambda: np.array([3.0, 1.0, 2.0]), lambda: np.array([1.0, 4.0, 2.0]), lambda: np.array([2.0, 2.0, 1.0])),
    (matrix, matrix, lambda: 1),
    (lambda: np.array([[2.0, 1.0], [1.0, 3.0]]), lambda: np.array([1.0, 2.0]), lambda: np.array([1.0, 2.0])),
    (lambda: np.array([3, 1, 2]), lambda: np.array([1, 1, 2]), lambda: np.array([1, 0, 1])),
    (series, series, series),
    (numbers, numbers, lambda: "a"),
    (lambda: [np.array([1.0, 2.0]), np.array([3.0, 4.0])], lambda: 2, lambda: 2),
    (lambda: [[1], [2], [3], [4]], lambda: [0, 1, 1, 0], lambda: 2),
    (lambda: 3, lambda: 2, lambda: 2),
    (lambda: "a", lambda: "b", lambda: "c"),
    (lambda: [3, 1, 2], lambda: 1, lambda: 1),
    (dates, lambda: "D", lambda: 1),
    (lambda: np.array([1.0, 2.0]), lambda: 1, lambda: 0),
    (lambda: {"a": [1, 2]}, lambda: "a", lambda: "a"),
    (lambda: sparse.csr_matrix(matrix()), lambda: matrix().T, lambda: 1),
    (masked, masked, lambda: 1.0),
    (lambda: np.sum, lambda: np.array([1.0, 2.0]), lambda: np.array([1.0])),
    (lambda: "abc", lambda: "a", lambda: "b"),
]


@dataclass
class Outcome:
    """What the calls of all rows showed."""

    called: list[str] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)  # row -> why it was not called
    wrong: dict[str, str] = field(default_factory=dict)  # row -> the claim that does not hold
    calls: int = 0


def arrays_in(value: Any, depth: int = 0) -> Iterator[Any]:
    """The arrays in which a value keeps its numbers."""
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, (list, tuple, set)) and depth < 2:
        for each in value:
            yield from arrays_in(each, depth + 1)
    elif isinstance(value, dict) and depth < 2:
        for each in value.values():
            yield from arrays_in(each, depth + 1)
    elif sparse.issparse(value):
        for name in ("data", "indices", "indptr"):
            yield from arrays_in(getattr(value, name, None), depth)
    elif type(value).__module__.startswith("torch") and hasattr(value, "detach"):
        with contextlib.suppress(Exception):
            yield value.detach().numpy()


def is_of_pandas(value: Any) -> bool:
    return type(value).__module__.startswith("pandas.")


def mark(value: Any) -> object:
    """Something that differs when a value has changed."""
    if isinstance(value, np.ma.MaskedArray):
        return (value.dtype.str, value.shape, value.tolist(), repr(value.fill_value))
    if isinstance(value, np.ndarray):
        return (value.dtype.str, value.shape, repr(value.tolist()))
    if isinstance(value, (types.FunctionType, types.BuiltinFunctionType, types.ModuleType, type, np.ufunc)):
        return id(value)
    if isinstance(value, (pd.DataFrame, pd.Series, pd.Index)):
        return (repr(value), repr(getattr(value, "attrs", "")), repr(list(value)))
    if sparse.issparse(value):
        return (type(value), value.shape, value.toarray().tolist())
    if isinstance(value, np.random.Generator):
        return repr(value.bit_generator.state)
    with contextlib.suppress(Exception):
        return pickle.dumps(value)
    return repr(value)


def random_states() -> tuple[object, ...]:
    torch = sys.modules.get("torch")
    state = torch.get_rng_state().numpy().tobytes() if hasattr(torch, "get_rng_state") else None
    name, keys, *rest = np.random.get_state()
    return (random.getstate(), name, keys.tobytes(), rest, state)


def is_mutable(value: Any) -> bool:
    return isinstance(value, (list, dict, set, np.ndarray, pd.DataFrame, pd.Series, bytearray)) or sparse.issparse(
        value
    )


TYPES: dict[str, Callable[[Any], bool]] = {
    "frame": lambda v: isinstance(v, pd.DataFrame),
    "series": lambda v: isinstance(v, (pd.Series, pd.DataFrame)) or not is_mutable(v),
    "index": lambda v: is_of_pandas(v) or not is_mutable(v) or isinstance(v, np.ndarray),
    "list": lambda v: isinstance(v, list) or not is_mutable(v),
    "dict": lambda v: isinstance(v, dict),
    "set": lambda v: isinstance(v, set),
}


def wrong_claim(effect: Effect, receiver: Any, given: list[Any], result: Any) -> str:
    """What of a row's word about the result does not hold; empty where all does."""
    everything = [v for v in [receiver, *given] if v is not None]
    if effect.result in ("atom", "cell") and is_mutable(result) and not any(result is v for v in everything):
        lies_in = effect.result == "cell" and any(
            result is m for v in everything if hasattr(v, "__iter__") for m in list(v)
        )
        return "" if lies_in else f"gives a {type(result).__name__}, which may change"
    if effect.result in ("fresh", "atom"):
        excused = effect.itself or effect.shares_with or effect.itself_if or effect.gives or effect.learns
        if any(result is v and (is_mutable(v) or hasattr(v, "__dict__")) for v in everything) and not excused:
            return "gives what it was given"
        for new in arrays_in(result):
            for value in everything:
                for old in arrays_in(value):
                    if new.flags.writeable and old.size and not excused and np.shares_memory(new, old):
                        return "shares memory with what it was given"
    known = TYPES.get(effect.type)
    if effect.result == "fresh" and known is not None and not known(result):
        return f"gives a {type(result).__name__}, not a {effect.type}"
    return ""


def candidates(fn: Any, bound: bool) -> Iterator[list[Make]]:
    """Argument lists to try: none, by the names of the parameters, from the pool."""
    try:
        parameters = list(inspect.signature(fn).parameters.values())
    except (ValueError, TypeError):
        parameters = []
        for count in (0, 1, 2) if bound else (1, 2, 0, 3):
            for row in POOL:
                yield list(row[:count])
                if not count:
                    break
        return
    needed = [p for p in parameters if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if any(p.kind is p.VAR_POSITIONAL for p in parameters) and not needed:
        yield []
        for row in POOL:
            yield list(row[:1])
            yield list(row[:2])
        return
    if needed and all(p.name in BY_NAME for p in needed):
        yield [BY_NAME[p.name] for p in needed]
    for row in POOL:
        if len(needed) <= len(row):
            yield [BY_NAME.get(p.name, row[n]) if n else row[n] for n, p in enumerate(needed)]
            if any(p.name in BY_NAME for p in needed):
                yield list(row[: len(needed)])
        if not needed:
            break


def watch(row: str, effect: Effect, fn: Any, receiver_of: Make | None, arguments: list[Make], outcome: Outcome) -> bool:
    """Call a row once and look; whether the call was valid."""
    receiver = receiver_of() if receiver_of is not None else None
    given = [make() for make in arguments]
    called = getattr(receiver, fn) if receiver_of is not None else fn
    before, marks, states = mark(receiver), [mark(v) for v in given], random_states()
    try:
        result = called(*given)
    except (Exception, SystemExit):
        return False
    outcome.calls += 1
    problem = wrong_claim(effect, receiver, given, result)
    if receiver is not None and not effect.changes and mark(receiver) != before:
        problem = "changes its receiver"
    for place, value in enumerate(given):
        may = effect.changes_all or effect.unknown or (effect.changes and receiver is None and place == 0)
        some = {str(place), *effect.changes_some} & {str(place)}
        if not may and not some and mark(value) != marks[place]:
            problem = f"changes argument {place}"
    if not effect.draws and not effect.seeds and random_states() != states:
        problem = "draws"
    if problem and row not in ALLOWED:
        outcome.wrong.setdefault(row, problem)
    return True


def skipped(row: str, effect: Effect) -> str:
    """Why a row is not called; empty where it is."""
    last = row.rpartition(".")[2]
    if effect.unknown:
        return "claims nothing"
    if effect.file or effect.handle or effect.sets or effect.takes_back:
        return "files, settings and handles are tried elsewhere"
    if last.startswith((*LEFT_ALONE, "_")):
        return "left alone"
    return ""


def try_row(row: str, words: str, makes: list[tuple[Make | None, Any]], outcome: Outcome, most: int = 3) -> None:
    effect = parse(words)
    why = skipped(row, effect)
    if why:
        outcome.left[row] = why
        return
    valid = 0
    for receiver_of, fn in makes:
        example = receiver_of() if receiver_of is not None else None
        if receiver_of is not None and (example is None or not callable(getattr(example, fn, None))):
            continue
        method = getattr(example, fn) if receiver_of is not None else fn
        of_this = 0
        for tried, arguments in enumerate(candidates(method, receiver_of is not None)):
            if receiver_of is not None and tried == 8:
                break
            of_this += watch(row, effect, fn, receiver_of, arguments, outcome)
            if of_this >= (1 if receiver_of is not None else most):
                break
        valid += of_this
        if valid > 5:
            break
    if valid:
        outcome.called.append(row)
    else:
        outcome.left[row] = "no made-up arguments fit"


def found(path: str) -> Any:
    parts = path.split(".")
    for end in range(len(parts), 0, -1):
        try:
            thing = importlib.import_module(".".join(parts[:end]))
        except ImportError:
            continue
        for part in parts[end:]:
            thing = getattr(thing, part, None)
        return thing
    return None


def try_library(name: str) -> Outcome:
    """Call all rows of a library."""
    outcome = Outcome()
    table = tables.table(name)
    samples = dict(SAMPLES)
    if name == "sklearn":
        samples["sklearn"] = estimators()
    if name == "pandas":
        samples["pandas"] = [
            *SAMPLES["frame"],
            *SAMPLES["series"],
            *SAMPLES["index"],
            lambda: pd.Timestamp("2020-01-01"),
        ]
    for path, words in table.functions.items():
        thing = found(path)
        if callable(thing):
            try_row(path, words, [(None, thing)], outcome)
        else:
            outcome.left[path] = "not in this version, or no function"
    for (kind, method), words in table.methods.items():
        if method != "*":
            makes = [(make, method) for make in samples.get(kind, [])]
            if makes:
                try_row(f"{kind}.{method}", words, makes, outcome)
            else:
                outcome.left[f"{kind}.{method}"] = "no sample of this type"
    return outcome


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    os.environ.setdefault("MPLBACKEND", "agg")
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        os.chdir(folder)
        try:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                yield
        finally:
            os.chdir(before)


@pytest.mark.parametrize("library", ["numpy", "scipy"])
def test_rows_hold(library: str) -> None:
    with quietly():
        outcome = try_library(library)
    assert outcome.called
    assert not outcome.wrong, "\n".join(f"{row}: {problem}" for row, problem in sorted(outcome.wrong.items()))


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")


def main(arguments: list[str]) -> None:
    began = time.monotonic()
    for library in [a for a in arguments if not a.startswith("-")] or LIBRARIES:
        if importlib.util.find_spec(library) is None and library != "python":
            continue
        with quietly():
            outcome = try_library(library)
        reasons = Counter(outcome.left.values())
        say(
            f"{library}: {len(outcome.called)} rows called ({outcome.calls} calls), {len(outcome.wrong)} wrong,",
            f"not called: {dict(reasons)}",
        )
        for row, problem in sorted(outcome.wrong.items()):
            say(f"  WRONG {row}: {problem}")
        if "-v" in arguments:
            say("  no arguments:", *[row for row, why in outcome.left.items() if why == "no made-up arguments fit"])
    say(f"{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
