"""The words of the analysis: the kinds and types of objects, and what the code has to know of each."""

from __future__ import annotations

import collections

# The functions of a property, by what they are called for.
ACCESSORS = frozenset({"property", "setter", "deleter"})


SINGLE_DISPATCH = "functools.singledispatch"


NUMBA = "numba"  # the `path` of a function that numba compiles: it draws from streams of numba's own


# Data that an estimator or model holds is not changed when the estimator is.
DATA = frozenset({"frame", "series", "ndarray", "pandas", "grouped"})


FRAMES = frozenset({"frame", "series", "pandas"})


# What may be a column of a frame, which takes a copy; of a model this is an attribute: `pd.Series(model.coef_)`.
COLUMNS = DATA | {"sklearn", "statsmodels", "scipy"}


GROUPED = frozenset(
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


# The `path` of what scikit-learn's `transform` gives: an array, sparse or not, or a frame.
TRANSFORMED = "array or frame"


# That of an array whose memory is a file.
MEMMAP = "memmap"


# That of what `read_csv(chunksize=...)` gives.
CHUNKS = "reader of parts"


# That of axes with labels on bars: matplotlib places them by functions without a name.
LABELLED = "labelled bars"


# That of patsy's matrices, and of what knows how to build them.
DESIGN = "patsy design"


# What gives a view of an array, as a method or an attribute.
ARRAY_VIEWS = frozenset(
    ["ravel", "reshape", "transpose", "squeeze", "view", "swapaxes", "diagonal", "T", "real", "flat"]
)


CONTAINERS = ("list", "dict", "tuple", "set", "index")


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


# Where an iterator keeps what it runs over: the members of something, or the keys or values of a dict.
ADDING = frozenset({"add", "append", "insert", "setdefault"})


LOOKUPS = frozenset({"add", "discard", "remove", "index", "count", "get", "setdefault", "pop"})


COLUMN_AS_ARRAY = frozenset({"values", "array", "to_numpy", "unique"})


OVER = frozenset({"over", "keys of", "values of"})


USED_UP = frozenset({"generator_object", "handle", "iter", "progress", "Bio.Records"})


# What any use moves on: the next use begins where it ended.
MOVING = frozenset({*USED_UP, "buffer"})
