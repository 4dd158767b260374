"""What kind of thing a name holds, in the words of its users, as far as reading the code tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nb2stage.analysis.objects import Obj

_WORDS: Final = {
    "frame": "DataFrame",
    "series": "Series",
    "ndarray": "array",
    "sklearn": "scikit-learn",
    "index": "Index",
    "statsmodels": "statsmodels",
    "path": "path",
    **{name: name for name in ("list", "dict", "tuple", "set")},
}


def kind_of(values: Iterable[Obj]) -> str:
    """`DataFrame`, `list`, a class of the notebook, `scalar` for numbers and texts; empty where it is not known.

    A name that may hold things of several known kinds has all of them: `DataFrame | array`.
    """
    kinds = {_kind_of_one(obj) for obj in values}
    if not kinds:
        return "scalar"
    return "" if "" in kinds else " | ".join(sorted(kinds))


def _kind_of_one(obj: Obj) -> str:
    if obj.kind == "instance":
        names = {getattr(base.node, "name", "") for base in obj.bases}
        return names.pop() if len(names) == 1 else ""
    if obj.kind in ("function", "class"):
        return obj.kind
    return _WORDS.get(obj.type, "") if obj.kind == "value" else ""  # the random state's name says what it is
