"""A short text for a value, equal exactly where the values are equal, in every process.

It stands alone, since it is copied beside notebooks and into scratch folders.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib
import json
import os
import pickle
import random
import re
import sys
import types
from collections.abc import Callable, Iterable
from typing import Any

# The folder whose modules count as the notebook's own, as `__main__` does.
HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 -- pathlib takes longer to import
DEEPEST = 60
LONGEST = 100
# Arrays of up to so many numbers are spelt out.
SHORTEST_BULK = 6
# Values of these types have a repr that says all.
SPELT_OUT = frozenset({bool, int, float, complex, str, bytes, type(None)})
# As a script loads: in a function called at the top level of a module that has no `__future__` imports, since a model
# looks for the names of its formula two calls up and keeps the compiler's flags that it finds there.
LOADER = compile(
    "def __nb2stage_load__():\n    return __nb2stage_read__(__nb2stage_from__)\n__nb2stage_value__ = __nb2stage_load__()",
    "<load>",
    "exec",
    dont_inherit=True,
)


def digest(value: object) -> str:
    """The digest of a value.  It reads and never calls the value's own methods; it never raises."""
    return examined(value)[0]


def examined(value: object) -> tuple[str, list[str]]:
    """The digest of a value, and what in it the digest does not cover: equal digests do not prove that equal."""
    digester = Digester()
    try:
        return digester.node(value), sorted(digester.doubts)
    except Exception as error:
        return f"undigestable:{type(error).__name__}", [f"it cannot be read: {type(error).__name__}: {error}"]


def probe(namespace: dict[str, Any], candidates: Iterable[str], digests: str, probed: str) -> None:
    """Write what `candidates` are bound to in `namespace`, and what pickling does to each of them."""
    names = [name for name in candidates if name in namespace]
    values = {name: digest(namespace[name]) for name in names}
    with open(digests, "w") as file:  # noqa: PTH123
        json.dump(values, file, indent=1, sort_keys=True)
    pickled = {name: after_pickling(namespace[name], namespace) for name in names}
    with open(probed, "w") as file:  # noqa: PTH123
        json.dump({"names": names, "pickled": pickled}, file)


def _place(name: Any) -> Any:
    """The path of a file from the project: notebook and script may work in different folders of it."""
    if not isinstance(name, str) or name.startswith("<"):  # `<stdout>`
        return name
    if os.path.isabs(name) and not name.startswith(HERE + os.sep):  # noqa: PTH117
        return name
    return os.path.relpath(name, HERE)


def loaded(read: Callable[[Any], Any], source: Any, namespace: dict[str, Any]) -> Any:
    """`read(source)`, called as a script with these names calls it."""
    names = {**namespace, "__nb2stage_read__": read, "__nb2stage_from__": source}
    exec(LOADER, names)
    return names["__nb2stage_value__"]


def after_pickling(value: Any, namespace: dict[str, Any]) -> list[str] | None:
    """The digests of a value of a namespace pickled once and twice; None when it cannot be pickled."""
    found: list[str] = []
    try:
        for _ in range(2):
            value = loaded(pickle.loads, dumps(value), namespace)
            found.append(digest(value))
    except Exception:
        return None
    return found


def dumps(value: object) -> bytes:
    """The value pickled, by cloudpickle where pickle cannot."""
    try:
        return pickle.dumps(value)
    except Exception:
        return bytes(importlib.import_module("cloudpickle").dumps(value))


def is_user_module(name: str | None) -> bool:
    """Is this the notebook itself, or a module beside it or below?"""
    if name is None or name in ("__main__", "__mp_main__"):
        return True
    path = getattr(sys.modules.get(name), "__file__", None)
    return path is not None and os.path.abspath(path).startswith(HERE + os.sep)  # noqa: PTH100


def type_name(cls: Any) -> str:
    """Qualified name of a class or function; of those that the notebook defines the name alone."""
    module = getattr(cls, "__module__", None)
    if is_user_module(module):
        return f"user.{cls.__name__}"
    return f"{module}.{cls.__qualname__}".removeprefix("builtins.")


def is_a(value: object, module: str, *names: str) -> bool:
    """Is this an instance of a class of a module, if that module is imported at all?"""
    found = sys.modules.get(module)
    return found is not None and any(isinstance(value, getattr(found, name, ())) for name in names)


def sha(data: Any) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def plain_repr(value: object) -> str:
    """The repr without memory addresses."""
    return re.sub(r"0x[0-9a-fA-F]+", "0x", repr(value))


def attributes(value: Any) -> dict[str, Any]:
    """The state of an object, by attribute, without what belongs to the process that it is in."""
    state: dict[str, Any] = {}
    for cls in type(value).__mro__:
        slots = cls.__dict__.get("__slots__", ())
        for slot in [slots] if isinstance(slots, str) else slots:
            slot = f"_{cls.__name__.lstrip('_')}{slot}" if slot[:2] == "__" != slot[-2:] else slot
            if slot not in ("__dict__", "__weakref__") and slot in cls.__dict__:
                with contextlib.suppress(AttributeError):
                    state[slot] = cls.__dict__[slot].__get__(value)
    state.update(getattr(value, "__dict__", {}))
    if is_of_a_library(type(value)):
        # A result of statsmodels computes with a distribution and never draws from it.
        state = {key: type_name(type(v)) if is_distribution(v) else v for key, v in state.items()}
    if is_distribution(value):
        # A distribution draws from the random state of the process, until it has been pickled: then from one of its own.
        if state["_random_state"] is sys.modules["numpy"].random.mtrand._rand:
            state["_random_state"] = "that of the process"
    if type(value).__module__.startswith("bokeh."):
        # The page that it was shown in last, and its number in the process.
        state = {key: inner for key, inner in state.items() if key not in ("_document", "_id")}
    return {key: inner for key, inner in state.items() if not (is_address(key, inner) or is_cache(type(value), key))}


def in_order(value: Any) -> Any:
    """Lists and dicts of plotly with their keys in order."""
    if isinstance(value, dict):
        return {key: in_order(value[key]) for key in sorted(value)}
    return [in_order(each) for each in value] if isinstance(value, list | tuple) else value


def is_distribution(value: Any) -> bool:
    """Whether a value is a distribution of scipy.stats, frozen or not."""
    return type_name(type(value)).startswith("scipy.stats.") and "_random_state" in getattr(value, "__dict__", {})


def is_of_a_library(cls: type) -> bool:
    """Whether a class is neither the notebook's own nor one of scipy's."""
    return cls.__module__.partition(".")[0] not in ("__main__", "definitions", "scipy", "builtins")


def is_address(key: object, value: object) -> bool:
    """Whether an attribute keeps the `id()` of another object, as scikit-learn's `_stop_words_id` does."""
    private = isinstance(key, str) and key.startswith("_") and key.endswith("_id")
    return private and type(value) is int and value > 2**32


def is_cache(cls: type, key: object) -> bool:
    """Whether an attribute of a library's class holds what somebody has looked at: it is worked out again when missing.

    For a class of the notebook it counts: what it has worked out may be older than the rest of the object.
    """
    if not isinstance(key, str) or is_user_module(cls.__module__):
        return False
    if key.startswith("_") and key.endswith("_cache"):
        return True
    return any(isinstance(base.__dict__.get(key), functools.cached_property) for base in cls.__mro__)


class Digester:
    """One walk over an object graph.  Each object is visited once; `alive` keeps temporary ones from being reused."""

    def __init__(self) -> None:
        self.memo: dict[int, str] = {}
        self.alive: list[object] = []
        self.stack: list[int] = []
        self.doubts: set[str] = set()

    def node(self, value: Any) -> str:
        if value is None or value is ... or type(value) in (bool, int, float, complex):
            return repr(value)
        if type(value) in (str, bytes, bytearray):
            return self.text(type_name(type(value)), repr(value))
        key = id(value)
        if key in self.memo:
            return self.memo[key]
        if key in self.stack:
            return f"cycle^{len(self.stack) - self.stack.index(key)}"
        if len(self.stack) > DEEPEST:
            self.doubts.add(f"what lies deeper than {DEEPEST} levels")
            return "deep"
        self.alive.append(value)
        self.stack.append(key)
        try:
            found = self.inside(value)
        except RecursionError:
            raise
        except Exception as error:
            found = f"{type_name(type(value))}!{type(error).__name__}"
            self.doubts.add(f"a {type_name(type(value))} that cannot be read ({type(error).__name__})")
        finally:
            self.stack.pop()
        self.memo[key] = found
        return found

    def text(self, label: str, content: str) -> str:
        if len(content) <= LONGEST:
            return content
        return f"{label}#{sha(content.encode('utf-8', 'surrogatepass'))}"

    def pack(self, label: str, parts: Iterable[str]) -> str:
        content = f"{label}({', '.join(parts)})"
        return self.text(label, content)

    def inside(self, value: Any) -> str:
        for rule in RULES:
            found = rule(self, value)
            if found is not None:
                return found
        return self.thing(value)

    # -- code

    def code(self, value: Any) -> str | None:
        if isinstance(value, types.ModuleType):
            return f"module {value.__name__}"
        if isinstance(value, type):
            return f"class {type_name(value)}"
        if isinstance(value, types.FunctionType):
            inner = [value.__defaults__, value.__kwdefaults__, vars(value)]
            inner += [cell.cell_contents for cell in value.__closure__ or ()]
            return self.pack(f"function {type_name(value)}", map(self.node, inner))
        if isinstance(value, types.MethodType):
            return f"method {type_name(type(value.__self__))}.{value.__name__}"
        if isinstance(value, types.BuiltinFunctionType | types.MethodWrapperType):
            return f"builtin {value.__qualname__}"
        return None

    # -- the builtin containers and their subclasses

    def container(self, value: Any) -> str | None:
        name = type_name(type(value))
        if is_a(value, "matplotlib", "RcParams"):
            return name
        if isinstance(value, dict):
            items = [f"{self.node(k)}: {self.node(v)}" for k, v in dict.items(value)]
        elif isinstance(value, list | tuple):
            items = [self.node(item) for item in value]
        elif isinstance(value, set | frozenset):
            items = sorted(self.node(item) for item in value)
        elif isinstance(value, str | bytes | bytearray | int | float | complex) and not is_a(value, "numpy", "generic"):
            items = [plain_repr(value)]
        else:
            return None
        extra = [self.node(vars(value))] if getattr(value, "__dict__", None) else []
        return self.pack(f"{name}[{len(items)}]", items + extra)

    # -- numpy, scipy, pandas

    def array(self, value: Any) -> str | None:
        if not is_a(value, "numpy", "ndarray"):
            return None
        np = sys.modules["numpy"]
        name = type_name(type(value)).removeprefix("numpy.")
        label = f"{name} {value.dtype.str if not value.dtype.names else 'fields'} {value.shape}"
        if isinstance(value, np.ma.MaskedArray):
            return self.pack(label, [self.node(np.ma.getmaskarray(value)), self.node(value.filled(0))])
        plain = np.asarray(value)
        if plain.dtype.names:  # field by field: the padding between them is not part of the value
            return self.pack(label, [f"{n}={self.node(plain[n])}" for n in plain.dtype.names])
        if plain.dtype.kind in "OT":
            return self.items(label, plain.astype(object).ravel().tolist())
        if plain.dtype.kind in "fc" and np.isnan(plain).any():  # there are many NaNs, and they mean the same
            plain = np.where(np.isnan(plain), plain.dtype.type("nan"), plain)
        if 0 < plain.size <= SHORTEST_BULK:
            return f"{label} {plain.tolist()!r}"
        return f"{label}#{sha(np.ascontiguousarray(plain).tobytes())}"

    def items(self, label: str, items: list[Any]) -> str:
        """Many values in one go where their repr says all: a column of texts has millions."""
        if SPELT_OUT.issuperset(map(type, items)):
            return self.text(label, f"{label}({repr(items)[1:-1]})")
        return self.pack(label, [self.node(item) for item in items])

    def number(self, value: Any) -> str | None:
        if is_a(value, "numpy", "generic", "dtype"):
            return plain_repr(value)
        return None

    def sparse(self, value: Any) -> str | None:
        if "scipy.sparse" not in sys.modules or not sys.modules["scipy.sparse"].issparse(value):
            return None
        coo = value.tocoo()
        return self.pack(f"{type_name(type(value))} {value.shape}", map(self.node, (coo.row, coo.col, coo.data)))

    def pandas(self, value: Any) -> str | None:
        name = type_name(type(value))
        if not name.startswith("pandas."):
            return None
        pd = sys.modules["pandas"]
        short = name.rpartition(".")[2]
        if isinstance(value, pd.DataFrame):
            columns = [value.iloc[:, i] for i in range(value.shape[1])]
            parts = [value.columns, value.index, *[c.array for c in columns], dict(value.attrs)]
            return self.pack(f"{short} {value.shape}", map(self.node, parts))
        if isinstance(value, pd.Series):
            parts = [value.name, value.index, value.array, dict(value.attrs)]
            return self.pack(f"{short} {value.dtype} {value.shape}", map(self.node, parts))
        if isinstance(value, pd.RangeIndex):
            return f"{short}({value.start}, {value.stop}, {value.step}, {value.name!r})"
        if isinstance(value, pd.MultiIndex):
            levels = [value.get_level_values(i).array for i in range(value.nlevels)]
            return self.pack(f"{short} {value.shape}", map(self.node, [list(value.names), *levels]))
        if isinstance(value, pd.Index):
            parts = [value.name, value.array, str(getattr(value, "freq", None))]
            return self.pack(f"{short} {value.dtype} {value.shape}", map(self.node, parts))
        if isinstance(value, pd.Categorical):
            return self.pack(short, map(self.node, [value.codes, value.categories, value.ordered]))
        if short == "NumpyExtensionArray":
            return self.pack(f"{short} {value.dtype}", [self.node(value.to_numpy())])
        if hasattr(value, "asi8"):  # dates, periods and differences of times are counts inside
            return self.pack(f"{short} {value.dtype}", [self.node(value.asi8)])
        if isinstance(value, pd.api.extensions.ExtensionArray):
            return self.pack(f"{short} {value.dtype}", [self.node(value.to_numpy(dtype=object))])
        if name.startswith(("pandas._libs.", "pandas.core.dtypes.")):
            return self.text(name, plain_repr(value))
        return None

    # -- what libraries keep where Python does not see it

    def native(self, value: Any) -> str | None:
        name = type_name(type(value))
        if is_a(value, "torch", "Tensor"):
            gradient = value.grad if value.is_leaf else None
            parts = [value.detach().cpu().numpy(), value.requires_grad, value.is_leaf, gradient]
            return self.pack(f"{name} {value.dtype}", map(self.node, parts))
        if name.startswith("rdkit.") and hasattr(value, "GetPropsAsDict"):
            return self.pack(name, map(self.node, [value.__reduce_ex__(2)[1:], value.GetPropsAsDict(True, False)]))
        return None

    # -- values with a faithful repr, random states, handles

    def known(self, value: Any) -> str | None:
        name = type_name(type(value))
        if isinstance(value, random.Random):
            return self.pack(name, [self.node(value.getstate())])
        if is_a(value, "numpy.random", "RandomState"):
            return self.pack(name, [self.node(value.get_state(legacy=False))])
        if is_a(value, "numpy.random", "Generator"):
            return self.pack(name, [self.node(value.bit_generator.state)])
        if is_a(value, "numpy.random", "BitGenerator"):
            return self.pack(name, [self.node(value.state)])
        if is_a(value, "io", "IOBase"):
            return f"{name} {_place(getattr(value, 'name', ''))} closed={value.closed}"
        if is_a(value, "enum", "Enum"):
            return f"{name}.{value.name}"
        if is_a(value, "logging", "Logger"):
            return f"{name} {value.name} {value.level}"  # beside which it keeps what it was asked
        if isinstance(value, BaseException):
            return self.pack(name, [self.node(value.args)])
        if name.startswith(("datetime.", "decimal.", "fractions.", "pathlib.", "re.", "zoneinfo.", "uuid.")):
            return self.text(name, plain_repr(value))
        if name in ("range", "slice", "_thread.lock", "generator", "coroutine", "weakref", "weakref.ReferenceType"):
            if name in ("range", "slice"):
                return plain_repr(value)
            self.doubts.add(f"the state of a {name}")
            return name
        return None

    # -- what matplotlib and plotly draw

    def artist(self, value: Any) -> str | None:
        name = type_name(type(value))
        if is_a(value, "plotly.basedatatypes", "BaseFigure"):
            # What it draws: it forgets the order of its properties when it is saved.
            frames = [frame.to_plotly_json() for frame in value.frames]
            return self.pack(name, [self.node(in_order(part)) for part in (value._data, value._layout, frames)])
        if not name.startswith(("matplotlib.", "mpl_toolkits.")):
            return None
        if is_a(value, "matplotlib.figure", "FigureBase"):
            parts = [value.axes, value.texts, value.images, value.lines, value.patches]
            size = value.get_size_inches() if hasattr(value, "get_size_inches") else None
            return self.pack("Figure", map(self.node, [size, *parts]))
        if is_a(value, "matplotlib.axes", "Axes"):
            return self.axes(value, name)
        if is_a(value, "matplotlib.text", "Text"):
            return self.pack("Text", map(self.node, [value.get_text(), value.get_unitless_position()]))
        if is_a(value, "matplotlib.patches", "Patch"):
            path = value.get_path()
            parts = [path.vertices, path.codes, value.get_patch_transform().get_matrix()]
            return self.pack(name, map(self.node, [*parts, value.get_facecolor(), value.get_edgecolor()]))
        if name.startswith("mpl_toolkits."):  # three-dimensional artists change when they are drawn
            return self.unread(name)
        if is_a(value, "matplotlib.lines", "Line2D"):
            style = [value.get_color(), value.get_linestyle(), value.get_marker(), value.get_linewidth()]
            return self.pack("Line2D", map(self.node, [value.get_xydata(), value.get_label(), *style]))
        if is_a(value, "matplotlib.image", "AxesImage"):
            return self.pack(name, map(self.node, [value.get_array(), value.get_cmap().name]))
        if is_a(value, "matplotlib.collections", "Collection"):
            values = value.get_array()
            look = [values, value.get_cmap().name] if values is not None else [value.get_facecolor()]
            return self.pack(name, map(self.node, [value.get_offsets(), *look]))
        if is_a(value, "matplotlib.colors", "Colormap"):
            return self.pack(name, map(self.node, [value.name, value.N, getattr(value, "colors", None)]))
        return self.unread(name)

    def unread(self, name: str) -> str:
        """The name of something whose inside is not looked at."""
        self.doubts.add(f"the inside of a {name}")
        return name

    def axes(self, value: Any, name: str) -> str:
        titles = [value.get_title(loc) for loc in ("left", "center", "right")]
        labels = [value.get_xlabel(), value.get_ylabel(), value.get_xscale(), value.get_yscale()]
        limits = [value.get_xlim(), value.get_ylim()] if value.get_aspect() == "auto" else []
        drawn = [list(value.lines), list(value.collections), list(value.patches), list(value.images), list(value.texts)]
        legend = value.get_legend()
        legends = [text.get_text() for text in legend.get_texts()] if legend else []
        return self.pack(name, map(self.node, [titles, labels, limits, legends, *drawn]))

    # -- everything else: its attributes

    def thing(self, value: Any) -> str:
        name = type_name(type(value))
        state = attributes(value)
        if state:
            return self.pack(name, [f"{key}={self.node(state[key])}" for key in sorted(state, key=str)])
        try:
            reduced = value.__reduce_ex__(2)
        except Exception:
            self.doubts.add(f"the state of a {name}")
            return self.text(name, f"{name} {plain_repr(value)}")
        if isinstance(reduced, str):
            return f"{name} {reduced}"
        head, arguments, *rest = reduced
        rest = [list(part) if hasattr(part, "__next__") else part for part in rest]
        return self.pack(name, map(self.node, [head, arguments, *rest]))


RULES: tuple[Callable[[Digester, Any], str | None], ...] = (
    Digester.code,
    Digester.array,
    Digester.number,
    Digester.sparse,
    Digester.pandas,
    Digester.container,
    Digester.native,
    Digester.known,
    Digester.artist,
)
