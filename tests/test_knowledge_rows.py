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
import json
import os
import pickle
import random
import signal
import subprocess
import sys
import tempfile
import time
import types
import warnings
from collections import Counter
from collections.abc import Callable, Container, Iterator
from dataclasses import asdict, dataclass, field
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
    "set_bit_generator",
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
    "frame.clip": "itself only where it is given no bound, which does nothing",
    "series.clip": "the same",
    "pandas.clip": "the same",
    "pandas.join": "itself only of an index, which has a row of its own",
    "torch.Distribution.entropy": "remembers its logits",
    "torch.Distribution.log_prob": "the same",
    "scipy.cluster.hierarchy.lazy_cython": "a decorator of its own functions",
    "[types] ndarray (ndarray)": "joblib reads numbers of another byte order in the machine's own",
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
        "preprocessing": "StandardScaler PolynomialFeatures OneHotEncoder",
        "decomposition": "PCA NMF",
        "manifold": "MDS Isomap SpectralEmbedding",
        "feature_selection": "SelectKBest VarianceThreshold",
        "mixture": "GaussianMixture",
        "covariance": "EmpiricalCovariance",
    }
    makes: list[Make] = []
    for module, names in sk.items():
        for name in names.split():
            cls = getattr(importlib.import_module(f"sklearn.{module}"), name)
            # Fitted once, copied for each call.
            once = pickle.dumps(fitted(cls))
            makes.append(lambda once=once: pickle.loads(once))
    return makes


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


ROW_SECONDS = 2.0


class TimeUpError(BaseException):
    """A call took too long; no `Exception`, which libraries catch."""


def _time_is_up(*_: object) -> None:
    raise TimeUpError


@contextlib.contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Stop what runs within it after some seconds, if it can be stopped."""
    before = signal.signal(signal.SIGALRM, _time_is_up)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


# What parameters of these libraries take.
NAMES_OF: dict[str, dict[str, Make]] = {
    "torch": {"dim": lambda: 0, "p": lambda: 2, "mode": lambda: True, "dtype": lambda: found("torch.float64")},
    "polars": {
        "n": lambda: 1,
        "index": lambda: 0,
        "column": lambda: found("polars.Series")("z", [1.0, 2.0, 3.0, 4.0]),
        "name": lambda: "a",
        "other": lambda: samples_of_polars()[0](),
        "by": lambda: "a",
        "on": lambda: "a",
        "mapping": lambda: {"a": "z"},
        "dtype": lambda: found("polars.Float64"),
        "dtypes": lambda: found("polars.Float64"),
        "function": lambda: lambda value: value,
        "lower_bound": lambda: 1,
        "upper_bound": lambda: 3,
        "prefix": lambda: "p",
        "suffix": lambda: "s",
        "pattern": lambda: "a",
        "quantile": lambda: 0.5,
        "window_size": lambda: 2,
        "indices": lambda: [0],
        "values": lambda: [7],
        "new": lambda: [9.0],
        "offset": lambda: 1,
        "exponent": lambda: 2,
        "predicate": lambda: found("polars.Series")([True, False, True, False]),
        "format": lambda: "%Y",
    },
}


def pools() -> dict[str, list[tuple[Make, ...]]]:
    """Arguments for libraries that want values of their own."""
    tensor, series = (lambda: found("torch").tensor([3.0, 1.0])), (lambda: found("polars").Series("a", [3, 1, 2, 2]))
    square = lambda: found("torch").tensor([[2.0, 1.0], [1.0, 3.0]])  # noqa: E731
    table = lambda: found("polars").DataFrame({"a": [3, 1, 2, 2], "b": [1.0, 4.0, 2.5, 0.5]})  # noqa: E731
    return {
        "torch": [
            (square, square, square),
            (tensor, tensor, tensor),
            (square, lambda: 0, lambda: 0),
            (lambda: [square(), square()], lambda: 0, lambda: 0),
            (lambda: 0, lambda: 1, lambda: 1),
            (lambda: 2, lambda: 2, lambda: 2),
            (square, lambda: found("torch").tensor([0, 1]), tensor),
            (square, square, lambda: 1.0),
            (square, lambda: (4,), lambda: 1),
            (lambda: (2, 2), lambda: 0.5, lambda: 1),
            (lambda: found("torch").tensor([0, 1]), lambda: found("torch").tensor([1, 0]), lambda: 1),
            (lambda: 0.5, lambda: 0.5, lambda: 0.5),
            (lambda: 0, lambda: found("torch").tensor([0, 1]), square),
            (lambda: 0.0, lambda: 1.0, lambda: (2,)),
            (lambda: found("torch.nn").Linear(2, 2), lambda: 1.0, lambda: 1.0),
            (lambda: found("torch").eye(2) > 0, lambda: 1.0, lambda: 1.0),
            (lambda: matrix(), lambda: 1, lambda: 1),
            (lambda: found("torch").float64, lambda: 1, lambda: 1),
            (lambda: list(found("torch.nn").Linear(2, 2).parameters()), lambda: 0.1, lambda: 0.1),
            (lambda: "a", lambda: found("torch.nn").Linear(2, 2), lambda: 1),
            (
                lambda: found("torch").eye(3).reshape(1, 1, 3, 3),
                lambda: found("torch").ones(1, 1, 2, 2),
                lambda: None,
            ),
            (lambda: found("torch").eye(3).reshape(1, 3, 3), lambda: 2, lambda: None),
            (lambda: found("torch").eye(3).reshape(1, 1, 3, 3), lambda: 2, lambda: None),
        ],
        "polars": [
            (lambda: "a", lambda: "a", lambda: "a"),
            (lambda: 0, lambda: 1, lambda: 1),
            (table, table, lambda: "a"),
            (series, series, series),
            (lambda: found("polars").col("a"), lambda: 1, lambda: 2),
            (lambda: [1, 2], lambda: [3], lambda: 1),
            (lambda: "a", lambda: "b", lambda: 1),
            (lambda: {"a": [1, 2]}, lambda: 1, lambda: 1),
            (lambda: [{"a": 1}], lambda: 1, lambda: 1),
            (matrix, lambda: 1, lambda: 1),
            (numbers, lambda: 1, lambda: 1),
            (lambda: len, lambda: 1, lambda: 1),
            (lambda: [table(), table()], lambda: 1, lambda: 1),
            (lambda: 1.0, lambda: 1.0, lambda: 1.0),
        ],
    }


def samples_of_polars() -> list[Make]:
    pl = importlib.import_module("polars")
    table = {"a": [3, 1, 2, 2], "b": [1.0, None, 2.5, 0.5], "k": ["x", "y", "x", "y"]}
    return [
        lambda: pl.DataFrame({"a": [3, 1, 2, 2], "b": [1.0, 4.0, 2.5, 0.5]}),
        lambda: pl.DataFrame(table),
        lambda: pl.LazyFrame(table),
        lambda: pl.Series("a", [3, 1, 2, 2]),
        lambda: pl.Series("a", [3.0, 1.5, 2.0, None]),
        lambda: pl.Series("k", ["x", "y", "x", "y"]),
        lambda: pl.Series("l", [[1], [2, 3]]),
        lambda: pl.Series("f", [True, False, True]),
        lambda: pl.Series("k", ["2020-01-01", "2021-02-03"]).str,
        lambda: pl.Series("d", ["2020-01-01"]).str.to_date().dt,
        lambda: pl.Series("l", [[1], [2, 3]]).list,
        lambda: pl.Series("c", ["x", "y"], dtype=pl.Categorical).cat,
        lambda: pl.Series("s", [{"a": 1}]).struct,
        lambda: pl.DataFrame({"a": [[1], [2, 3]]}),
    ]


def samples_of_torch() -> dict[str, list[Make]]:
    torch = importlib.import_module("torch")
    importlib.import_module("torch._dynamo")  # which optimizers load at first, and no time limit may cut short
    nn, data = torch.nn, importlib.import_module("torch.utils.data")
    optim = torch.optim

    def scheduler() -> Any:
        return optim.lr_scheduler.StepLR(optim.SGD(nn.Linear(2, 2).parameters(), lr=0.1), 1)

    return {
        "torch.Tensor": [
            lambda: torch.tensor([[2.0, 1.0], [1.0, 3.0]]),
            lambda: torch.tensor([3.0, 1.0]),
            lambda: torch.tensor([3, 1]),
            lambda: torch.tensor(2.0),
            lambda: torch.tensor([True, False]),
            lambda: torch.tensor(2.0, requires_grad=True) * 3,
        ],
        "torch.Layer": [lambda: nn.Linear(2, 2), lambda: nn.Embedding(3, 2)],
        "torch.Function": [nn.ReLU, nn.MSELoss],
        "torch.Dropout": [lambda: nn.Dropout(0.5)],
        "torch.Norm": [lambda: nn.BatchNorm1d(2)],
        "torch.Module": [lambda: nn.LSTM(2, 2)],
        "torch.Container": [lambda: nn.Sequential(nn.Linear(2, 2), nn.ReLU()), lambda: nn.ModuleList([nn.ReLU()])],
        "torch.Optimizer": [lambda: optim.Adam(nn.Linear(2, 2).parameters())],
        "torch.Scheduler": [scheduler],
        "torch.Dataset": [lambda: data.TensorDataset(torch.eye(2))],
        "torch.DataLoader": [lambda: data.DataLoader(data.TensorDataset(torch.eye(2)))],
        "torch.Distribution": [
            lambda: torch.distributions.Normal(torch.tensor([0.0]), torch.tensor([1.0])),
            lambda: torch.distributions.Categorical(torch.tensor([0.5, 0.5])),
        ],
        "torch.Generator": [torch.Generator],
    }


def samples_of_matplotlib() -> list[Make]:
    plt = importlib.import_module("matplotlib.pyplot")

    def axes() -> Any:
        plt.close("all")
        axes = plt.figure(figsize=(1, 1), dpi=20).add_subplot()
        axes.plot([1, 2], [3, 4], label="a")
        return axes

    return [axes, lambda: axes().figure, lambda: axes().lines[0], lambda: axes().xaxis]


@dataclass
class Outcome:
    """What the calls of all rows showed."""

    called: list[str] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)  # row -> why it was not called
    wrong: dict[str, str] = field(default_factory=dict)  # row -> the claim that does not hold
    calls: int = 0
    crossed: int = 0  # values that went by a file


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
    return type(value).__module__.partition(".")[0] == "pandas"


def mark(value: Any) -> object:  # noqa: C901
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
    library = type(value).__module__.partition(".")[0]
    if library == "pandas" and hasattr(value, "obj"):
        return mark(value.obj)  # and not what a grouping remembers of its work
    if library == "polars":
        return mark_of_polars(value)
    if library == "matplotlib":
        return (repr(value), [repr(each) for each in getattr(value, "get_children", list)()])
    if library == "sklearn" and type(value).__name__ in ("KDTree", "BallTree"):
        return value.get_arrays()[0].tolist()  # and not how often it was asked
    if library == "sklearn" and hasattr(value, "get_params"):
        return (type(value), [(name, mark(each)) for name, each in sorted(vars(value).items())])
    if isinstance(value, dict):
        return [(name, mark(each)) for name, each in value.items()]
    if library == "torch":
        return mark_of_torch(value)
    with contextlib.suppress(Exception):
        return pickle.dumps(value)
    return repr(value)


def mark_of_polars(value: Any) -> object:
    for name in ("rows", "to_list", "explain"):
        if callable(getattr(value, name, None)) and (name != "rows" or hasattr(value, "schema")):
            return (repr(getattr(value, "schema", "")), getattr(value, "name", ""), repr(getattr(value, name)()))
    return str(value)


def mark_of_torch(value: Any) -> object:
    if hasattr(value, "detach"):
        return (tuple(value.shape), str(value.dtype), value.requires_grad, repr(value.tolist()), mark(value.grad))
    if hasattr(value, "state_dict"):
        state = value.state_dict()
        return (getattr(value, "training", None), repr(state), repr(value))
    if hasattr(value, "get_state"):
        return repr(value.get_state().tolist())
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
    "torch.Tensor": lambda v: hasattr(v, "detach") or not is_mutable(v),
    "polars.Frame": lambda v: type(v).__module__.startswith("polars.") or not is_mutable(v),
}


def shares_when_poked(receiver: Any, given: list[Any], result: Any) -> str:
    """Change a result of polars in place and look whether another value changes with it."""
    if type(result).__module__.partition(".")[0] != "polars":
        return ""
    before = [mark(v) for v in (receiver, *given)]
    with contextlib.suppress(Exception, pl_panic()):
        if type(result).__name__ == "DataFrame":
            result[0, 0] = result[1, 0]
            result.extend(result.clone())
            result.drop_in_place(result.columns[0])
        elif type(result).__name__ == "Series":
            result[0] = result[1]
            result.append(result.clone())
    return "" if [mark(v) for v in (receiver, *given)] == before else "shares memory with what it was given"


def pl_panic() -> type[BaseException]:
    """What polars raises where its code gives up."""
    panic: type[BaseException] = importlib.import_module("polars.exceptions").PanicException
    return panic


def wrong_claim(effect: Effect, receiver: Any, given: list[Any], result: Any) -> str:
    """What of a row's word about the result does not hold; empty where all does."""
    everything = [v for v in [receiver, *given] if v is not None]
    if effect.result in ("atom", "cell") and is_mutable(result) and not any(result is v for v in everything):
        of_objects = effect.result == "cell" and any(getattr(v, "dtype", None) == np.dtype(object) for v in everything)
        return "" if of_objects else f"gives a {type(result).__name__}, which may change"
    if effect.result in ("fresh", "atom"):
        excused = effect.itself or effect.shares_with or effect.itself_if or effect.gives or effect.learns
        if any(result is v and (is_mutable(v) or hasattr(v, "__dict__")) for v in everything) and not excused:
            return "gives what it was given"
        if not excused and (problem := shares_when_poked(receiver, given, result)):
            return problem
        for new in arrays_in(result):
            for value in everything:
                for old in arrays_in(value):
                    if new.flags.writeable and old.size and not excused and np.shares_memory(new, old):
                        return "shares memory with what it was given"
    known = TYPES.get(effect.type)
    if effect.result == "fresh" and known is not None and not known(result):
        return f"gives a {type(result).__name__}, not a {effect.type}"
    return ""


def candidates(fn: Any, bound: bool, library: str) -> Iterator[list[Make]]:
    """Argument lists to try: none, by the names of the parameters, from the pool."""
    pool = pools().get(library, POOL)
    by_name = BY_NAME if library not in ("torch", "polars") else NAMES_OF.get(library, {})
    try:
        parameters = list(inspect.signature(fn).parameters.values())
    except (ValueError, TypeError):
        parameters = []
        for count in (0, 1, 2) if bound else (1, 2, 0, 3):
            for row in pool:
                yield list(row[:count])
                if not count:
                    break
        return
    needed = [p for p in parameters if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if any(p.kind is p.VAR_POSITIONAL for p in parameters) and not needed:
        yield []
        for row in pool:
            yield list(row[:1])
            yield list(row[:2])
        return
    if needed and all(p.name in by_name for p in needed):
        yield [by_name[p.name] for p in needed]
    for row in pool:
        if len(needed) <= len(row):
            yield [by_name.get(p.name, row[n]) if n else row[n] for n, p in enumerate(needed)]
            if any(p.name in by_name for p in needed):
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
        with at_most(ROW_SECONDS):
            result = called(*given)
            if isinstance(result, types.GeneratorType):
                result = list(result)
    except BaseException as error:  # polars panics with one
        if isinstance(error, KeyboardInterrupt):
            raise
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


def try_row(
    row: str, words: str, makes: list[tuple[Make | None, Any]], outcome: Outcome, library: str, most: int = 3
) -> None:
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
        for tried, arguments in enumerate(candidates(method, receiver_of is not None, library)):
            if receiver_of is not None and tried == 24:
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


def samples_for(library: str) -> dict[str, list[Make]]:
    """Values of each type that rows of a library's file are for."""
    samples = dict(SAMPLES)
    if library == "sklearn":
        samples["sklearn"] = estimators()
    elif library == "pandas":
        samples["pandas"] = [
            *SAMPLES["frame"],
            *SAMPLES["series"],
            *SAMPLES["index"],
            lambda: pd.Timestamp("2020-01-01"),
        ]
    elif library == "torch":
        samples.update(samples_of_torch())
    elif library == "matplotlib":
        samples["matplotlib"] = samples_of_matplotlib()
    elif library == "polars":
        pl = importlib.import_module("polars")
        samples["polars.Frame"] = samples_of_polars()
        groups = [pl.DataFrame({"k": ["x", "y"], "a": [1, 2]}), pl.LazyFrame({"k": ["x", "y"], "a": [1, 2]})]
        samples["polars.Groups"] = [lambda each=each: each.clone().group_by("k") for each in groups]
        samples["polars.LazyFrame"] = [samples_of_polars()[2]]
        samples["polars.Expr"] = [lambda: pl.col("a"), lambda: pl.col("a") > 1, lambda: pl.col("a").str]
    return samples


def names_behind(star: str, known: Container[str]) -> list[str]:
    """The functions of a module that only its row `*` is for."""
    module: Any = found(star)
    names = [name for name in dir(module) if not name.startswith("_") and f"{star}.{name}" not in known]
    own = [name for name in names if callable(getattr(module, name, None))]
    return [name for name in own if not inspect.isclass(getattr(module, name)) or star != "pandas"]


def crosses_wrong(words: str, value: Any) -> str:
    """What a value of a type loses on the way that its row in `[types]` names; empty where nothing."""
    way = words.split()[0]
    if way in ("pickle", "cloudpickle"):
        back = pickle.loads(importlib.import_module(way).dumps(value))
    elif way in ("joblib", "torch"):
        library = importlib.import_module(way)
        file = io.BytesIO()
        (library.dump if way == "joblib" else library.save)(value, file)
        file.seek(0)
        back = library.load(file) if way == "joblib" else library.load(file, weights_only=False)
    else:
        return ""
    same = type(back) is type(value) and (not comparable(value) or mark(back) == mark(value))
    return "" if same else f"comes back from {way} as another value"


def comparable(value: Any) -> bool:
    """Whether two equal values of a type have equal marks."""
    library = type(value).__module__.partition(".")[0]
    if library == "polars":
        return type(value).__name__ in ("DataFrame", "LazyFrame", "Series", "Expr")
    return (
        is_mutable(value)
        or (is_of_pandas(value) and "object at" not in repr(value))
        or (library == "torch" and " at 0x" not in repr(mark(value)))
    )


def try_library(name: str, every: int = 1) -> Outcome:
    """Call all rows of a library, or each n-th."""
    outcome = Outcome()
    table = tables.table(name)
    samples = samples_for(name)
    functions = dict(table.functions)
    for star, words in table.prefixes.items():
        if name != "numpy" and not parse(words).unknown and importlib.util.find_spec(star.partition(".")[0]):
            functions.update({f"{star}.{each}": words for each in names_behind(star, functions)})
    for path, words in list(functions.items())[::every]:
        thing = found(path)
        if callable(thing):
            try_row(path, words, [(None, thing)], outcome, name)
        else:
            outcome.left[path] = "not in this version, or no function"
    for (kind, method), words in list(table.methods.items())[::every]:
        if method != "*":
            makes: list[tuple[Make | None, Any]] = [(make, method) for make in samples.get(kind, [])]
            if makes:
                try_row(f"{kind}.{method}", words, makes, outcome, name)
            else:
                outcome.left[f"{kind}.{method}"] = "no sample of this type"
    for kind, words in table.types.items():
        for make in samples.get(kind, []):
            value = make()
            # A namespace, `column.str`, is of the type of its column, and no one keeps it.
            if value is not None and not type(value).__name__.endswith("NameSpace"):
                problem = crosses(words, value)
                outcome.crossed += 1
                if problem and f"[types] {kind} ({type(value).__name__})" not in ALLOWED:
                    outcome.wrong.setdefault(f"[types] {kind} ({type(value).__name__})", problem)
    return outcome


def crosses(words: str, value: Any) -> str:
    try:
        return crosses_wrong(words, value)
    except Exception as error:
        return f"{type(value).__name__} does not cross: {error}"


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


# Each n-th row of a library is tried in the suite, so that it takes no more than some seconds; `--report` tries all.
EVERY = {"numpy": 1, "scipy": 2, "pandas": 4, "sklearn": 2, "matplotlib": 2, "torch": 2, "polars": 1}


@pytest.mark.parametrize("library", LIBRARIES)
def test_rows_hold(library: str) -> None:
    pytest.importorskip(library)
    # In a process of its own, with a time limit: a row may hang, crash, or change what other tests rely on.
    command = [sys.executable, __file__, "--json", f"--every={EVERY[library]}", library]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    outcome = json.loads(done.stdout.splitlines()[-1])
    assert outcome["called"]
    assert not outcome["wrong"], "\n".join(f"{row}: {problem}" for row, problem in sorted(outcome["wrong"].items()))


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")


def main(arguments: list[str]) -> None:
    began = time.monotonic()
    every = next((int(a.partition("=")[2]) for a in arguments if a.startswith("--every=")), 1)
    for library in [a for a in arguments if not a.startswith("-")] or LIBRARIES:
        if importlib.util.find_spec(library) is None:
            continue
        with quietly():
            outcome = try_library(library, every)
        if "--json" in arguments:
            say(json.dumps(asdict(outcome)))
            continue
        reasons = Counter(outcome.left.values())
        say(
            f"{library}: {len(outcome.called) + len(outcome.left)} rows, {len(outcome.called)} called",
            f"({outcome.calls} calls), {outcome.crossed} values crossed, {len(outcome.wrong)} wrong,",
            f"not called: {dict(reasons)}; {time.monotonic() - began:.0f} s",
        )
        for row, problem in sorted(outcome.wrong.items()):
            say(f"  WRONG {row}: {problem}")
        if "-v" in arguments:
            say("  no arguments:", *[row for row, why in outcome.left.items() if why == "no made-up arguments fit"])


if __name__ == "__main__":
    main(sys.argv[1:])
