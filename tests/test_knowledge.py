"""The tables of `knowledge/libraries` are well formed, say everything once, and name what exists."""

from __future__ import annotations

import collections
import importlib
import importlib.util
import io
import keyword
import logging
import re
import warnings
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from nb2stage.knowledge import parse, tables
from nb2stage.knowledge.tables import Row, rows_of, table_of

FILES = sorted(tables.FOLDER.glob("*.txt"))
# Files that are named after no package.
GENERAL = {"common", "packages", "python"}
# Names that the installed version of a library does not have, but another one that notebooks use.
OTHER_VERSIONS = {
    "numpy": "in1d trapz",  # until 1
    "pandas": "value_counts",  # until 2
    "builtins": "display",  # which a kernel brings
    "IPython": "display.set_matplotlib_formats display.set_matplotlib_close",  # until 7
    "matplotlib": "pyplot.register_cmap cm.register_cmap",  # until 3.8
    "numba": "generated_jit",  # until 0.58
    "tqdm": "tqdm_notebook.pandas",  # a function until it is called
    "polars": "read_csv_batched",  # until 1
    "collections": "abc.Buffer.register",  # from Python 3.12
}
OTHER_VERSIONS_OF_METHODS = {
    "generator": "binomialvariate",  # from Python 3.12
    "ndarray": "itemset ptp tostring",  # until numpy 1
    "frame": "applymap",  # until pandas 2
    "pandas": "applymap view",
    "sklearn": "get_feature_names",  # until 1.1
}


# Types that the analysis itself follows.
OF_THE_ANALYSIS = {"dataclass", "callable", "decimal_context"}


def rows(path: Path) -> list[Row]:
    return rows_of(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_rows_are_well_formed_and_stand_once(path: Path) -> None:
    table_of(path.read_text(encoding="utf-8"))
    seen: dict[tuple[str, str, str], list[str]] = collections.defaultdict(list)
    for row in rows(path):
        kind, _, rest = row.section.partition(" ")
        if kind in ("functions", "methods"):
            parse(row.words)
        for owner in rest.split() if kind == "methods" else [rest]:
            # An estimator has several traits, and a package several facts.
            own = row.words if kind in ("estimators", "packages", "noticed") else ""
            for name in row.names:
                whole = f"{owner}.{name}" if kind == "functions" and name != "*" else f"{owner} {name}"
                seen[kind, own, whole].append(row.words)
    twice = {key: words for key, words in seen.items() if len(words) > 1}
    assert not twice, f"{path.name}: rows that stand twice: {twice}"


def test_files_are_named_after_packages() -> None:
    for path in FILES:
        assert path.stem in GENERAL or all(part.isidentifier() and not keyword.iskeyword(part) for part in [path.stem])
        own = {
            row.section.partition(" ")[2].split(".")[0] for row in rows(path) if row.section.startswith("functions ")
        }
        homes = {tables.home_of(root) for root in own if root}
        assert homes <= {path.stem}, f"{path.name} has rows of {sorted(homes - {path.stem})}, which nobody reads there"


def types_of(table: tables.Table) -> set[str]:
    """The types that the rows of a table give."""
    effects = [*table.functions.values(), *table.prefixes.values(), *table.methods.values()]
    return {
        kind
        for words in effects
        for e in [parse(words)]
        for kind in (e.type, e.yields, e.itself, e.shares_with)
        if kind
    }


def test_types_are_described() -> None:
    """What a row gives is known where its methods are called or where it crosses."""
    described: set[str] = set()
    for path in FILES:
        table = table_of(path.read_text(encoding="utf-8"))
        described |= {kind for kind, _ in table.methods} | set(table.types)
    for path in FILES:
        unknown = types_of(table_of(path.read_text(encoding="utf-8"))) - described - OF_THE_ANALYSIS
        assert not unknown, f"{path.name}: types without methods or `[types]`: {sorted(unknown)}"


@cache
def found(path: str) -> bool:
    """Whether a dotted path leads to something."""
    parts = path.split(".")
    for end in range(len(parts), 0, -1):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                thing = importlib.import_module(".".join(parts[:end]))
        except ImportError:
            continue
        for part in parts[end:]:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                thing = getattr(thing, part, None)
        if thing is not None:
            return True
    return False


HEAVY = {
    "tensorflow",
    "keras",
    "pytorch_lightning",
    "transformers",
    "dask",
    "cv2",
    "jax",
    "mlflow",
    "fastai",
    "monai",
    "pandarallel",
}


@pytest.mark.parametrize("path", [p for p in FILES if p.stem not in ("common", "packages")], ids=lambda p: p.stem)
def test_functions_and_settings_exist(path: Path) -> None:
    if path.stem in HEAVY or (path.stem != "python" and importlib.util.find_spec(path.stem) is None):
        pytest.skip("not installed, or too heavy to import here")
    missing = []
    for row in rows(path):
        kind, _, rest = row.section.partition(" ")
        if kind not in ("functions", "settings", "classes"):
            continue
        older = set(OTHER_VERSIONS.get(rest.split(".")[0], "").split())
        if (
            rest.split(".")[0] != path.stem
            and path.stem != "python"
            and importlib.util.find_spec(rest.split(".")[0]) is None
        ):
            continue
        for name in row.names:
            whole = rest if name == "*" else f"{rest}.{name}"
            if whole.partition(".")[2] not in older and not found(whole):
                missing.append(whole)
    assert not missing, f"{path.name} names what does not exist: {missing}"


def classes_of_types() -> dict[str, list[type]]:
    """The classes that a type stands for."""
    np, pd, sparse = (importlib.import_module(name) for name in ("numpy", "pandas", "scipy.sparse"))
    frame = pd.DataFrame({"a": [1.0, 2.0], "k": ["x", "y"]})
    days = pd.date_range("2020", periods=2, freq="D")
    dates = pd.Series(days, index=days)
    grouped = [frame.groupby("k"), frame.a.groupby(frame.k), frame.a.rolling(2), frame.a.ewm(1), frame.a.expanding()]
    grouped += [dates.resample("D"), frame.k.str, dates.dt, dates.dt.to_period("D").dt, (dates - dates).dt]
    grouped += [frame.k.astype("category").cat, frame.plot]
    indexes = [pd.Index, pd.DatetimeIndex, pd.MultiIndex, pd.CategoricalIndex, pd.IntervalIndex, pd.PeriodIndex]
    indexes += [pd.TimedeltaIndex, pd.RangeIndex, pd.Series, *map(type, grouped[6:11])]
    scalars = [pd.Timestamp, pd.Timedelta, pd.Period, pd.Interval, pd.Categorical, type(pd.offsets.Day())]
    matrices = [
        sparse.csr_matrix,
        sparse.coo_array,
        sparse.lil_array,
        sparse.dok_array,
        sparse.dia_array,
        sparse.bsr_array,
    ]
    return {
        "frame": [pd.DataFrame, pd.Series],
        "series": [pd.Series, pd.DataFrame],
        "index": indexes,
        "pandas": [pd.DataFrame, *indexes, *scalars],
        "grouped": [*map(type, grouped), pd.Series],
        "ndarray": [np.ndarray, np.ma.MaskedArray, np.matrix, np.recarray],
        "generator": [np.random.Generator, np.random.RandomState, importlib.import_module("random").Random],
        "list": [list, collections.deque],
        "dict": [dict, Counter, collections.OrderedDict],
        "namespace": [dict, Counter, collections.OrderedDict],
        "set": [set],
        "tuple": [tuple, str, collections.namedtuple("Pair", "a b")],
        "exception": [Exception],
        "logger": [logging.Logger],
        "pattern": [re.Pattern],
        "match": [re.Match],
        "buffer": [io.StringIO, io.BytesIO],
        "scipy": [*matrices, *scipy_classes()],
        "bunch": [importlib.import_module("sklearn.utils").Bunch],
        "sklearn": estimators(),
    }


def scipy_classes() -> list[type]:
    names = {
        "scipy.stats": "rv_continuous rv_discrete gaussian_kde",
        "scipy.interpolate": "CubicSpline UnivariateSpline BSpline PPoly",
        "scipy.spatial": "KDTree Delaunay",
        "scipy.spatial.transform": "Rotation",
        "scipy.sparse.linalg": "LinearOperator",
        "scipy.signal": "TransferFunction StateSpace",
        "scipy.optimize": "OptimizeResult",
        "scipy.sparse": "csr_matrix csr_array lil_matrix",
    }
    found = [getattr(importlib.import_module(module), each) for module, text in names.items() for each in text.split()]
    stats = importlib.import_module("scipy.stats")
    system = type(importlib.import_module("scipy.signal").TransferFunction([1.0], [1.0, 1.0]))
    return [*found, system, type(stats.norm(0, 1)), type(stats.ttest_ind([1.0, 2.0], [2.0, 4.0]))]


def estimators() -> list[type]:
    discovery = importlib.import_module("sklearn.utils.discovery")
    selection = importlib.import_module("sklearn.model_selection")
    metrics = importlib.import_module("sklearn.metrics")
    return [*(cls for _, cls in discovery.all_estimators()), selection.KFold, metrics.RocCurveDisplay]


def test_methods_exist() -> None:
    pytest.importorskip("scipy")
    classes = classes_of_types()
    missing = []
    for path in FILES:
        for kind, name in table_of(path.read_text(encoding="utf-8")).methods:
            if kind in classes and name != "*" and name not in OTHER_VERSIONS_OF_METHODS.get(kind, "").split():
                if not any(hasattr(cls, name) for cls in classes[kind]):
                    missing.append(f"{kind}.{name}")
    assert not missing, f"rows of methods that do not exist: {missing}"


def test_public_methods_have_rows() -> None:
    """Of the types that every notebook has: an unknown method is taken to change its object."""
    pytest.importorskip("scipy")
    classes = classes_of_types()
    known = tables.Knowledge()
    expected = {"frame": classes["frame"][:1], "series": classes["series"][:1], "ndarray": classes["ndarray"][:1]}
    for kind, each in expected.items():
        public = {n for cls in each for n in dir(cls) if not n.startswith("_") and callable(getattr(cls, n))}
        # Accessors are attributes; `to_iceberg` and `setflags` may do anything.
        without = {n for n in public if known.method(n, kind) is None} - {
            "str",
            "dt",
            "cat",
            "sparse",
            "struct",
            "list",
        }
        assert without <= {"to_iceberg", "set_geometry", "setflags", "plot"}, (
            f"{kind}: methods without a row: {sorted(without)}"
        )
