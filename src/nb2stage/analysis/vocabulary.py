"""The words of the analysis, as types: a misspelt kind, type, mark or mode is an error of the type checker."""

from __future__ import annotations

import collections
from typing import Final, Literal

from nb2stage.knowledge.valuetypes import Type

# What an object is: something of a library, known by its dotted path; a module of the project; `bound`, a method with its
# receiver; an instance of a class of the notebook; any other value.
Kind = Literal["value", "lib", "module", "function", "class", "bound", "instance", "super"]

# What is known of an object beside its type, where the code asks for it.
Mark = Literal[
    "",
    "array or frame",
    "arrays",
    "dict view",
    "enum member",
    "flat",
    "itertuples",
    "labelled bars",
    "memmap",
    "numba",
    "object",
    "patsy design",
    "reader of parts",
    "row",
]
TRANSFORMED: Final = "array or frame"  # what scikit-learn's `transform` gives: an array, sparse or not, or a frame
MEMMAP: Final = "memmap"  # an array whose memory is a file
CHUNKS: Final = "reader of parts"  # what `read_csv(chunksize=...)` gives
LABELLED: Final = "labelled bars"  # axes with labels on bars: matplotlib places them by functions without a name
DESIGN: Final = "patsy design"  # patsy's matrices, and what knows how to build them
NUMBA: Final = "numba"  # a function that numba compiles: it draws from streams of numba's own

# Whether a name refers to anything: certainly, unless a loop has no turn, perhaps not, or no longer.
Unbound = Literal[0, 1, 2, 3]
BOUND: Final = 0
WITHOUT_TURN: Final = 1
PERHAPS: Final = 2
DELETED: Final = 3

# How a file is used.  `unknown` may be any of them, `command` is a program that does what nobody knows.
FileMode = Literal[
    "read",
    "read-if-there",
    "write",
    "append",
    "update",
    "remove",
    "probe",
    "glob",
    "mkdir",
    "connect",
    "command",
    "unknown",
]

SINGLE_DISPATCH: Final = "functools.singledispatch"
ACCESSORS: Final[frozenset[Type]] = frozenset({"property", "setter", "deleter"})  # functions of a property

# Data that an estimator or model holds is not changed when the estimator is.
DATA: Final[frozenset[Type]] = frozenset({"frame", "series", "ndarray", "pandas", "grouped"})
FRAMES: Final[frozenset[Type]] = frozenset({"frame", "series", "pandas"})
# What may be a column of a frame, which takes a copy; of a model this is an attribute: `pd.Series(model.coef_)`.
COLUMNS: Final[frozenset[Type]] = DATA | {"sklearn", "statsmodels", "scipy"}
CONTAINERS: Final[tuple[Type, ...]] = ("list", "dict", "tuple", "set", "index")
USED_UP: Final[frozenset[Type]] = frozenset({"generator_object", "handle", "iter", "progress", "Bio.Records"})
# What any use moves on: the next use begins where it ended.
MOVING: Final[frozenset[Type]] = USED_UP | {"buffer"}

# Attributes and methods of frames that give a thing of their own, which is a view of the frame.
GROUPED: Final = frozenset(
    [
        "attrs",
        "flags",
        "style",
        "groupby",
        "rolling",
        "expanding",
        "ewm",
        "resample",
        "str",
        "dt",
        "cat",
        "loc",
        "iloc",
        "at",
        "iat",
        "plot",
        "sparse",
    ]
)
# What gives a view of an array, as a method or an attribute.
ARRAY_VIEWS: Final = frozenset(
    ["ravel", "reshape", "transpose", "squeeze", "view", "swapaxes", "diagonal", "T", "real", "flat"]
)
COLUMN_AS_ARRAY: Final = frozenset({"values", "array", "to_numpy", "unique"})
# Where an iterator keeps what it runs over: the members of something, or the keys or values of a dict.
OVER: Final = frozenset({"over", "keys of", "values of"})
# Methods of containers that put in what they are given, and those that look for it.
ADDING: Final = frozenset({"add", "append", "insert", "setdefault"})
LOOKUPS: Final = frozenset({"add", "discard", "remove", "index", "count", "get", "setdefault", "pop"})
# What the builtin containers have, those of `collections` included; a value of these types has no other attribute.
_BUILTIN: dict[str, tuple[type, ...]] = {
    "list": (list, tuple, range, str, collections.deque),
    "tuple": (tuple, str),
    "dict": (dict, collections.OrderedDict, collections.Counter, collections.defaultdict),
    "set": (set, frozenset),
}


CONTAINER_ATTRIBUTES: dict[str, frozenset[str]] = {
    kind: frozenset(name for cls in classes for name in dir(cls)) for kind, classes in _BUILTIN.items()
}
