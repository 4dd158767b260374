"""The tables of all libraries, each read from its file when something of the library is asked for."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final, cast

from nb2stage.knowledge.effects import UNKNOWN, Effect, parse
from nb2stage.knowledge.valuetypes import Type
from nb2stage.records import dataclass, field, replace

FOLDER: Final = Path(__file__).parent / "libraries"
# Packages that stand in the file of another, and types that are named by a word of their own.
_HOMES: Final = {
    "builtins": "python",
    "mpl_toolkits": "matplotlib",
    "cycler": "matplotlib",
    "lightning": "pytorch_lightning",
    "lightning_fabric": "pytorch_lightning",
    "attr": "attrs",
    "pydantic_settings": "pydantic",
}
_TYPE_HOMES: Final = {
    **dict.fromkeys(("frame", "series", "pandas", "grouped", "index"), "pandas"),
    **dict.fromkeys(("ndarray", "generator"), "numpy"),
    "bunch": "sklearn",
}
_CONTAINERS: Final = frozenset({"list", "dict", "set", "tuple", "namespace"})


# Types of which every public method has a row, and those that may be one of such.
_DESCRIBED: Final = {
    **{kind: (kind,) for kind in ("ndarray", "frame", "series")},
    "pandas": ("pandas", "frame", "series", "index", "grouped"),
}


@dataclass
class Row:
    """One row of a file: the words left of the bar, the names on its right, and the line where it begins."""

    section: str
    words: str
    names: list[str]
    line: int


@dataclass
class Table:
    """What one file says."""

    functions: dict[str, str] = field(default_factory=dict)  # dotted path -> words
    prefixes: dict[str, str] = field(default_factory=dict)  # dotted prefix -> words of all other functions below it
    methods: dict[tuple[str, str], str] = field(default_factory=dict)  # (type, name) -> words; "*" is any other name
    types: dict[str, str] = field(default_factory=dict)  # type -> how its values cross
    settings: dict[str, str] = field(default_factory=dict)  # dotted path -> domain
    noticed: dict[str, tuple[str, ...]] = field(default_factory=dict)  # domain -> packages
    attributes: dict[str, str] = field(default_factory=dict)
    inner: dict[tuple[str, str], str] = field(default_factory=dict)  # (type, attribute) -> type of what lies in it
    gradients: dict[str, str] = field(default_factory=dict)  # name -> what it does to gradients
    classes: dict[str, str] = field(default_factory=dict)  # dotted path -> type
    estimators: dict[str, frozenset[str]] = field(default_factory=dict)  # trait -> names of classes
    constants: dict[str, str] = field(default_factory=dict)  # dotted paths of numbers and texts
    out: dict[str, int] = field(default_factory=dict)  # function -> place of the argument
    pylab: dict[str, str] = field(default_factory=dict)  # name -> the module that pylab has it from
    kept: dict[str, str] = field(default_factory=dict)  # attributes that a file keeps of values that cross alone
    saving: dict[str, str] = field(default_factory=dict)  # module -> what runs before values of its library are saved
    submodules: dict[str, frozenset[str]] = field(default_factory=dict)  # package -> those that it does not load itself
    calls: dict[str, str] = field(default_factory=dict)  # package -> which functions those of the package call
    packages: dict[str, frozenset[str]] = field(default_factory=dict)  # a fact -> the packages of which it is true
    distributions: dict[str, str] = field(default_factory=dict)  # import name -> package


def rows_of(text: str) -> list[Row]:
    """The rows of a file.  Raises `ValueError` for a line that belongs to no row."""
    rows: list[Row] = []
    section = ""
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith("["):
            section = line.strip().strip("[]")
        elif line.strip() and not line.startswith("#"):
            words, bar, names = line.rpartition("|")
            if not bar or not section:
                raise ValueError(f"line {number}: no bar, or no section above")
            if words.strip():
                rows.append(Row(section, " ".join(words.split()), names.split(), number))
            elif not rows or rows[-1].section != section:
                raise ValueError(f"line {number}: there is no row to go on with")
            else:
                rows[-1].names += names.split()
    return rows


def table_of(text: str) -> Table:
    """The table that the text of a file makes."""
    table = Table()
    for row in rows_of(text):
        kind, _, rest = row.section.partition(" ")
        below = f"{rest}." if rest else ""
        if kind == "functions":
            table.functions.update({below + name: row.words for name in row.names if name != "*"})
            table.prefixes.update(dict.fromkeys([rest] * row.names.count("*"), row.words))
        elif kind == "methods":
            table.methods.update({(each, name): row.words for each in rest.split() or [""] for name in row.names})
        elif kind in ("settings", "classes"):
            own = table.settings if kind == "settings" else table.classes
            own.update({rest if name == "*" else below + name: row.words for name in row.names})
        elif kind == "noticed":
            table.noticed[row.words] = tuple(row.names)
        elif kind == "submodules":
            table.submodules[rest] = frozenset(row.names)
        elif kind == "estimators":
            table.estimators[row.words] = frozenset(row.names)
        elif kind == "out":
            table.out.update(dict.fromkeys(row.names, int(row.words)))
        elif kind == "packages":
            table.packages[rest] = frozenset(row.names)
        elif kind == "attributes" and rest:
            table.inner.update({(each, name): row.words for each in rest.split() for name in row.names})
        elif kind in (
            "constants",
            "gradients",
            "kept",
            "types",
            "attributes",
            "pylab",
            "calls",
            "saving",
            "distributions",
        ):
            getattr(table, kind).update(dict.fromkeys(row.names, row.words))
        else:
            raise ValueError(f"line {row.line}: there is no section `{row.section}`")
    return table


def home_of(root: str) -> str:
    """The file in which a package's rows stand: the standard library's modules share one."""
    return _HOMES.get(root) or ("python" if root in sys.stdlib_module_names else root)


@cache
def table(name: str) -> Table:
    """The table of a file; an empty one where there is no such file."""
    try:
        text = (FOLDER / f"{name}.txt").read_text(encoding="utf-8")
    except (FileNotFoundError, OSError, ValueError):
        return Table()
    return table_of(text)


def packages(fact: str) -> frozenset[str]:
    """The packages of which a fact is true, such as `quiet` or `frames`; `packages.txt` explains them."""
    return table("packages").packages[fact]


def distribution(module: str) -> str:
    """The package that brings a module: `scikit-learn` for `sklearn`; the module's own name where no row says."""
    return table("packages").distributions.get(module, module)


@cache
def _table_of_type(kind: str) -> Table:
    root = kind.partition(".")[0]
    own = table(_TYPE_HOMES.get(kind) or home_of(root))
    return own if any(of == kind for of, _ in own.methods) or kind in own.types else table("python")


class Knowledge:
    """All that is known of libraries: the files that come with nb2stage, and the rows of a project, which win.

    `rows` are words by dotted path, as in `[calls]` of nb2stage.toml: `{"plotlib.wiggle": "atom plots"}`; `plotlib.*` is any
    other function of a package, `plotlib.Canvas.draw` a method of values of the type `plotlib.Canvas`.
    """

    def __init__(self, rows: Mapping[str, str] | None = None) -> None:
        self.rows = dict(rows or {})
        self._functions: dict[str, Effect] = {}
        self._methods: dict[tuple[str, str, bool], Effect | None] = {}

    def table_for(self, path: str) -> Table:
        """The table of the library that a dotted path begins with."""
        return table(home_of(path.partition(".")[0]))

    def function(self, path: str) -> Effect:
        """What calling the library function or class at a dotted path does; `UNKNOWN` where no row says."""
        known = self._functions.get(path)
        if known is None:
            known = self._functions[path] = self._function(path)
        return known

    def _function(self, path: str) -> Effect:
        if path in self.rows:
            return parse(self.rows[path])
        if path.startswith("tensorflow.keras."):
            path = path.removeprefix("tensorflow.")
        there = self.table_for(path)
        effect = self._from_table(there, path)
        parts = path.split(".")
        for end in range(len(parts) - 1, 0, -1) if self.rows and path not in there.functions else ():
            words = self.rows.get(".".join(parts[:end]) + ".*")
            if words is not None:
                return parse(words)
        given = there.calls.get(path.partition(".")[0]) == "given" and effect.calls == "all" and not effect.unknown
        return replace(effect, calls="given") if given else effect

    def _from_table(self, there: Table, path: str) -> Effect:
        words = there.functions.get(path)
        if words is not None:
            return parse(words)
        owner, _, tail = path.rpartition(".")
        root = path.split(".")[0]
        if owner in there.classes:
            return self.method(tail, there.classes[owner]) or UNKNOWN
        if tail == "at" and owner.rpartition(".")[0] == "numpy":
            return parse("atom changes")  # `np.add.at(a, places, 1)`
        if root == "sklearn":
            # sklearn.metrics._classification.f1_score and sklearn.metrics.f1_score are the same function.
            for module in ("metrics", "datasets", "model_selection", "utils"):
                words = there.functions.get(f"sklearn.{module}.{tail}") if f".{module}" in path else None
                if words is not None:
                    return parse(words)
        parts = path.split(".")
        for end in range(len(parts) - 1, 0, -1):
            words = there.prefixes.get(".".join(parts[:end]))
            if words is not None:
                effect = parse(words)
                if self.is_estimator(path, "deterministic"):
                    return replace(effect, draws="")
                if root == "matplotlib" and (len(parts) > 3 or tail[:1].isupper()):
                    return replace(effect, plots=0)  # `plt.cm.viridis(x)`, `plt.Line2D(...)`
                return effect
        return UNKNOWN

    def has_file(self, package: str) -> bool:
        """Whether a package has a file of its own."""
        return table(home_of(package)) != Table()

    def method(self, name: str, kind: str, foreign: bool = False) -> Effect | None:
        """What calling a method of this name on a value of this type does; None where nothing is known.

        A value without a type is one of numpy, pandas, scikit-learn or the like, or else `foreign`: of any class.
        """
        key = (kind, name, foreign)
        if key not in self._methods:
            self._methods[key] = self._method(name, kind, foreign)
        return self._methods[key]

    def _method(self, name: str, kind: str, foreign: bool) -> Effect | None:
        if kind:
            words = self.rows.get(f"{kind}.{name}") or _table_of_type(kind).methods.get((kind, name))
            if words is None:
                return None
            # A container calls nothing of what it holds.
            return replace(parse(words), calls="given") if kind in _CONTAINERS else parse(words)
        words = table("common").methods.get(("", name))
        effect = parse(words) if words is not None else None
        if effect is None or not foreign:
            return effect
        if effect.draws or effect.sets or effect.seeds:
            return None
        # A method of that name, of whatever class, is taken to mind its own business and no more.
        return replace(effect, result="any", type="", copies_type=False, changes=True, keeps=True)

    def lacks_method(self, name: str, kind: str) -> bool:
        """Whether a type certainly has no method of this name: all methods of arrays and frames have rows."""
        if kind not in _DESCRIBED or name.startswith("_"):
            return False
        return all(self.method(name, each) is None for each in _DESCRIBED[kind])

    def other_methods(self, kind: str) -> Effect:
        """What the methods of a type do that no row names."""
        words = _table_of_type(kind).methods.get((kind, "*")) if kind else None
        return parse(words) if words is not None else UNKNOWN

    def is_estimator(self, path: str, trait: str) -> bool:
        """Whether a class of scikit-learn is, say, `deterministic` or `forgetful`."""
        return path.rpartition(".")[2] in table("sklearn").estimators.get(trait, ())

    def is_constant(self, path: str) -> bool:
        """Whether a thing of a library is a number or a text, which nothing can change: `numpy.nan`."""
        return path in self.table_for(path).constants

    def setting(self, path: str) -> str | None:
        """The domain of settings that a thing of a library belongs to; None where it is no setting."""
        found = self.table_for(path).settings
        return next((d for prefix, d in found.items() if (path + ".").startswith(prefix + ".")), None)

    def noticed_by(self, domain: str) -> tuple[str, ...] | None:
        """The packages that notice a domain of settings; None where all do."""
        return table(home_of(domain)).noticed.get(domain)

    def has_table(self, package: str) -> bool:
        """Whether something is known of a package."""
        return table(home_of(package)) != Table()

    def home_of_type(self, kind: str) -> str:
        """The package whose type has this name."""
        return _TYPE_HOMES.get(kind) or kind.partition(".")[0]

    def submodules(self, package: str) -> frozenset[str]:
        """The modules of a package that importing the package alone does not load."""
        return self.table_for(package).submodules.get(package, frozenset())

    def is_plain_attribute(self, name: str) -> bool:
        """Whether an attribute of this name is a number or a text, whatever the object."""
        return name in table("common").attributes

    def attribute(self, name: str, kind: str) -> str | None:
        """What an attribute of a value of this type is: `atom`, or `part` of what it holds; None where nobody says."""
        return _table_of_type(kind).attributes.get(name) if kind else None

    def out_argument(self, path: str) -> int | None:
        """The place at which a function of numpy takes the array for its result: `np.add(a, 1, a)`."""
        return table("numpy").out.get(path.rpartition(".")[2]) if path.startswith("numpy.") else None

    def pylab_path(self, name: str) -> str:
        """Where `pylab` has a name from: `pylab.seed` is `numpy.random.seed`."""
        first = name.split(".")[0]
        module = table("matplotlib").pylab.get(first)
        if module is not None:
            return f"{module}.{name}"
        for module in ("numpy.linalg", "numpy"):
            if f"{module}.{first}" in table("numpy").functions:
                return f"{module}.{name}"
        if first in ("fft", "linalg", "random"):
            return f"numpy.{name}"
        return f"matplotlib.pyplot.{name}"

    def class_type(self, path: str) -> str:
        """The type of instances of a library's class at a dotted path; empty where no row says."""
        return self.table_for(path).classes.get(path, "")

    def inner_type(self, kind: Type, attribute: str) -> Type | None:
        """The type of what an attribute of a type gives, which lies in its owner; None where no row says."""
        found = _table_of_type(kind).inner.get((kind, attribute)) if kind else None
        return "" if found == "data" else cast("Type | None", found)

    def gradients(self, name: str) -> str:
        """What a method, attribute or function of this name does to gradients: `adds`, `reads` or `clears`."""
        return table("torch").gradients.get(name, "")

    def without_graph(self, text: str) -> bool:
        """Whether a context or decorator makes tensors without a graph."""
        return self.gradients(text.partition("(")[0].rpartition(".")[2]) == "none"

    def is_kept(self, kind: str, attribute: str) -> bool:
        """Whether a file keeps an attribute that was set by hand on a value of a type that crosses alone."""
        return attribute in _table_of_type(kind).kept

    def before_saving(self, root: str) -> dict[str, str]:
        """The statements that a script runs before it saves values of a library, by the module that each needs."""
        return table(home_of(root)).saving

    def crossing(self, kind: str) -> str | None:
        """How values of a type cross into another process, in the words of `[types]`; None where nobody knows."""
        found = _table_of_type(kind).types.get(kind) if kind else None
        return found if found is not None else table("common").types.get(kind)
